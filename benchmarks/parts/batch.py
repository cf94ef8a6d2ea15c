"""Files in, files out: `skewless transform` beside Spark and what one would write by hand, and its memory."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from itertools import product
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
from pyarrow import csv, feather, parquet

from benchmarks.environments import NotThere, python_of
from benchmarks.places import Budget
from benchmarks.processes import most_resident_mb, start, stop
from benchmarks.summary import summary
from benchmarks.ways import last_words
from skewless.datasets import CAR_COLUMNS

Command: TypeAlias = list[str | Path]
OURS: Final = {"skewless, CSV": ".csv", "skewless, Parquet": ".parquet", "skewless, Arrow": ".arrow"}
"""Ways with the suffix of their files."""
_PATIENCE: Final = 600
_LOOK: Final = 0.005
"""Seconds between two looks at a process."""
LONGER: Final = 10
"""So many times the rows are in the longer file: what the start costs falls out of the difference of the two."""


def batch(work: Path, budget: Budget) -> dict[str, Any]:
    """Rows a second, of the whole command and without its start."""
    turns = 3 if budget.rounds > 5 else 1
    with tempfile.TemporaryDirectory(dir=work) as place:
        folder = Path(place)
        sizes = {"short": budget.rows, "long": budget.rows * LONGER}
        expected = {name: write_cars(work, folder / f"{name}.csv", rows) for name, rows in sizes.items()}
        told: dict[str, Any] = {"rows": sizes, "ways": {}, "absent": {}}
        told["ways"], told["memory_mb"] = _ours(work, folder, expected, sizes, turns)
        for name, run in (
            ("Spark local[2]", _spark),
            ("scikit-learn + XGBoost", _scikit),
            ("ONNX Runtime", _onnx),
        ):
            try:
                told["ways"][name] = run(work, folder, expected, sizes)
            except NotThere as reason:
                told["absent"][name] = str(reason)
        curve_of(told, work, folder, budget)
    return told


def write_cars(work: Path, path: Path, rows: int) -> bytes:
    """A file of cars in random order; gives the answers that must come."""
    cars = json.loads((work / "cars" / "recipe.json").read_text())["rows"]
    labels = json.loads((work / "cars" / "answers.json").read_text())
    picked = np.random.default_rng(rows).integers(0, len(cars), rows).tolist()
    lines = [",".join(car) + "\n" for car in cars]
    path.write_text("".join([lines[place] for place in picked]))
    return ("\n".join([labels[place] for place in picked]) + "\n").encode()


def _timed(command: Command, log: Path) -> tuple[float, float]:
    """Seconds of a process, and the most memory it had in MiB. NotThere where it fails."""
    begin, most = time.perf_counter(), 0.0
    process = start(command, log=log)
    try:
        # Looked at while it runs: what the system tells of it at its end counts the process that started it too.
        while process.poll() is None:
            most = max(most, most_resident_mb(process.pid))
            time.sleep(_LOOK)
    except KeyboardInterrupt:
        stop(process)
        raise
    seconds = time.perf_counter() - begin
    if process.returncode:
        raise NotThere(last_words(log))
    return seconds, most


def _ours(
    work: Path, folder: Path, expected: dict[str, bytes], sizes: dict[str, int], turns: int
) -> tuple[dict[str, Any], dict[str, float]]:
    """Rates of text and of columns, which take turns since they are compared; and the memory that CSV takes.

    Labels go out as CSV.
    """
    spent: dict[str, dict[str, list[float]]] = {way: {name: [] for name in sizes} for way in OURS}
    memory = dict.fromkeys(map(str, sizes.values()), 0.0)
    for name in sizes:
        _write_columns(folder, name)
    for _, name, way in product(range(turns), sizes, OURS):
        source, output = folder / f"{name}{OURS[way]}", folder / "out"
        seconds, most = transform(work / "cars" / "pipeline.yaml", source, output, "--accept", "text/csv")
        if (output / f"{source.name}.out").read_bytes().strip() != expected[name].strip():
            raise SystemExit("bench: a batch answers otherwise than row by row")
        spent[way][name].append(seconds)
        if OURS[way] == ".csv":
            memory[str(sizes[name])] = max(memory[str(sizes[name])], most)
    return {way: _rates(found, sizes) for way, found in spent.items()}, memory


def _write_columns(folder: Path, name: str) -> None:
    """The rows of a CSV file in files of columns, as their libraries write them."""
    table = csv.read_csv(
        folder / f"{name}.csv",
        read_options=csv.ReadOptions(column_names=CAR_COLUMNS),
        convert_options=csv.ConvertOptions(column_types=dict.fromkeys(CAR_COLUMNS, pa.string())),
    )
    parquet.write_table(table, folder / f"{name}.parquet")
    feather.write_feather(table, folder / f"{name}.arrow")


def transform(pipeline: Path, source: Path, output: Path, *more: str) -> tuple[float, float]:
    """Seconds and MiB of the command for one file."""
    command: Command = [
        sys.executable,
        "-m",
        "skewless.cli.main",
        "transform",
        pipeline,
        source,
        "--output",
        output,
        *more,
    ]
    return _timed(command, output.with_suffix(".log"))


def _rates(spent: dict[str, list[float]], sizes: dict[str, int]) -> dict[str, Any]:
    """Of the longer file as a whole, and of the rows that it has more, which cost no start."""
    pairs = list(zip(spent["short"], spent["long"], strict=True))
    more = sizes["long"] - sizes["short"]
    return {
        "command": summary([sizes["long"] / seconds for seconds in spent["long"]]),
        "steady": summary([more / max(long - short, 1e-9) for short, long in pairs]),
    }


def _spark(work: Path, folder: Path, expected: dict[str, bytes], sizes: dict[str, int]) -> dict[str, Any]:
    """Inside a session that runs and is warm: its start is not counted."""
    files = [folder / f"{name}.csv" for name in ("short", "short", "long")]
    output = folder / "spark"
    command: Command = [sys.executable, "-m", "benchmarks.peers.spark_rows", work, "batch", *files, output]
    times = _json_of(command, folder / "spark.log")
    for turn, name in ((1, "short"), (2, "long")):
        parts = sorted((output / str(turn)).glob("part-*"))
        if b"".join(part.read_bytes() for part in parts) != expected[name]:
            raise NotThere("its answers are others")
    return {"command": summary([sizes["long"] / times[2]]), "steady": summary([sizes["long"] / times[2]])}


def _json_of(command: Command, log: Path) -> Any:
    """What a process prints as its last line."""
    process = start(command, log=log, stdout=subprocess.PIPE)
    try:
        told, _ = process.communicate(timeout=_PATIENCE)
    except subprocess.TimeoutExpired:
        raise NotThere(f"it was not done in {_PATIENCE} s") from None
    finally:
        stop(process)
    if process.returncode:
        raise NotThere(last_words(log))
    return json.loads(told.splitlines()[-1])


def _peer(
    way: str, work: Path, folder: Path, expected: dict[str, bytes], sizes: dict[str, int]
) -> dict[str, Any]:
    """A script of a peer, on its one thread, without its start."""
    found: dict[str, list[float]] = {}
    for name in sizes:
        output = folder / f"{way}-{name}.out"
        command: Command = [
            python_of("peers"),
            "-m",
            "benchmarks.peers.batch",
            work,
            way,
            folder / f"{name}.csv",
            output,
        ]
        found[name] = [_json_of(command, output.with_suffix(".log"))]
        if output.read_bytes() != expected[name]:
            raise NotThere("its answers are others")
    return _rates(found, sizes)


def _scikit(work: Path, folder: Path, expected: dict[str, bytes], sizes: dict[str, int]) -> dict[str, Any]:
    return _peer("scikit", work, folder, expected, sizes)


def _onnx(work: Path, folder: Path, expected: dict[str, bytes], sizes: dict[str, int]) -> dict[str, Any]:
    return _peer("onnx", work, folder, expected, sizes)


def curve_of(told: dict[str, Any], work: Path, folder: Path, budget: Budget) -> None:
    """Rows a second of the whole command against the rows."""
    told["curve"] = []
    for rows in (1_000, 10_000, 100_000, budget.rows, budget.rows * LONGER):
        if told["curve"] and rows <= told["curve"][-1][0]:
            continue
        write_cars(work, folder / "some.csv", rows)
        seconds, _ = transform(work / "cars" / "pipeline.yaml", folder / "some.csv", folder / "out")
        told["curve"].append([rows, rows / seconds])
    shutil.rmtree(folder / "out")
