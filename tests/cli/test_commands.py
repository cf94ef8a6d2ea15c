"""The commands as someone at a terminal meets them, each a process of its own: words, streams and statuses."""

from __future__ import annotations

import hashlib
import os
import pty
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import SKEWLESS, Run
from tests.pipelines import CAR, CAR_LABEL, PRICY, PRICY_LABEL, change

CARS = CAR + b"\n" + PRICY + b"\n"
LABELS = f"{CAR_LABEL.decode()}\n{PRICY_LABEL.decode()}\n"


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ((), ("serve", "predict", "transform", "verify", "explain", "train", "datasets")),
        (("serve",), ("--port", "--host", "--workers", "8080", "SAGEMAKER_BIND_TO_PORT")),
        (("predict",), ("--content-type", "--accept", "--explain", "standard input")),
        (("transform",), ("INPUT…", "--output", "FILE.out")),
        (("verify",), ("PIPELINE", "parity rows")),
        (("explain",), ("MODEL", "--output", "--svg", "--json", "Nothing of it is run")),
        (("train", "xgboost"), ("--train", "--validation", "--hyperparameters", "--output")),
        (("datasets", "car-evaluation"), ("1,728", "CSV file")),
    ],
)
def test_help(command: tuple[str, ...], words: tuple[str, ...], really: Run) -> None:
    done = really(*command, "--help", environment={"COLUMNS": "160", "TERM": "dumb"})
    assert (done.status, done.err) == (0, "")
    assert [word for word in words if word not in done.out] == [], done.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("serv",), "No such command 'serv'"),
        (("verify",), "PIPELINE"),
        (("predict", "x.yaml", "-", "more"), "more"),
        (("transform", "x.yaml", "in.csv"), "--output"),
        (("serve", "x.yaml", "--sport", "1"), "--sport"),
        (("serve", "x.yaml", "--port", "70000"), "--port"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...], said: str, run: Run) -> None:
    done = run(*arguments)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "Usage: " in done.err


def test_verify(pipeline: Path, really: Run) -> None:
    done = really("verify", pipeline)
    assert (done.status, done.err) == (0, "")
    assert done.out.splitlines() == [
        "container-1: 60 parity rows equal, bit for bit",
        "container-2: 256 parity rows equal, bit for bit",
        "container-3: 4 parity rows equal, bit for bit",
        "pipeline: 50 parity rows equal, bit for bit",
    ]


def test_verify_says_where_nothing_could_be_replayed(folder: Path, run: Run) -> None:
    drop = {b'"parity":60': b'"parity":0', b'"parity": 60': b'"parity": 0'}

    def edit(manifest: bytes) -> bytes:
        for old, new in drop.items():
            manifest = manifest.replace(old, new)
        return manifest

    change(folder / "model.tar.gz", "skewless/manifest.json", edit)
    done = run("verify", folder / "pipeline.yaml")
    assert (done.status, done.out.splitlines()[0]) == (0, "container-1: it carries no parity rows")


def test_predict_from_a_file_and_from_standard_input(
    pipeline: Path, tmp_path: Path, run: Run, really: Run
) -> None:
    file = tmp_path / "cars.csv"
    file.write_bytes(CARS)
    for done in (run("predict", pipeline, file), really("predict", pipeline, stdin=CARS)):
        assert (done.status, done.out, done.err) == (0, LABELS, "")


def test_predict_takes_the_type_from_the_name(pipeline: Path, tmp_path: Path, run: Run) -> None:
    cells = '","'.join(CAR.decode().split(","))
    for name in ("car.json", "cars.jsonl"):
        file = tmp_path / name
        file.write_text(f'{{"data": ["{cells}"]}}')
        assert run("predict", pipeline, file).out == f"{CAR_LABEL.decode()}\n"
    done = run("predict", pipeline, file, "--content-type", "text/csv")
    assert (done.status, "this is no CSV" in done.err) == (1, True)


def test_explain(pipeline: Path, really: Run) -> None:
    done = really("predict", pipeline, "--explain", stdin="größer ✓,low,5more,2,big,high\n".encode() + PRICY)
    assert (done.status, done.err) == (0, "")
    rows = [re.split(r" *[│┃] *", line)[1:-1] for line in done.out.splitlines() if line[:1] in "│┃"]
    assert rows[0] == ["container", "stage", "column", "values"]
    stages = [row[1] for row in rows[1:] if row[1]]
    assert stages[:2] == ["index_buying", "index_maint"]
    assert stages[-5:] == ["answer", "xgboost", "answer", "name", "answer"]
    assert [row[0] for row in rows[1:] if row[0]] == ["container-1", "container-2", "container-3"]
    at = next(number for number, row in enumerate(rows) if row[1] == "index_buying")
    assert (rows[at][2:], rows[at + 1][2:]) == (["buying_index", "4.0"], ["", "0.0"])
    assert ["", "name", "cat", "unacc"] in rows or ["container-3", "name", "cat", "unacc"] in rows
    assert done.out.endswith("unacc\nunacc\n")


def test_explain_shows_what_went_well_before_a_refusal(pipeline: Path, really: Run) -> None:
    done = really("predict", pipeline, "--explain", stdin=b"low,low,5more,more,big,[red]")
    assert done.status == 1
    assert "lug_boot_index" in done.out
    assert done.err.startswith("error: container-1, stage index_safety, column 'safety', row 1: ")
    assert "'[red]'" in done.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "said"),
    [
        (("predict", "PIPELINE", "no.csv"), b"", "no.csv cannot be read: No such file or directory"),
        (("predict", "PIPELINE", "/"), b"", "/ cannot be read: Is a directory"),
        (("predict", "PIPELINE"), b"", "container-1: the body is empty"),
        (("predict", "PIPELINE"), b"low,\xff", "not UTF-8"),
        (("predict", "PIPELINE"), b"low", "container-1, row 1: the record has 1 field where 6"),
        (("predict", "PIPELINE", "--accept", "x"), CAR, "container-3: Accept value"),
        (("predict", "PIPELINE", "--content-type", "x"), CAR, "container-1: content type 'x'"),
        (("predict", "no.yaml"), CAR, "no.yaml cannot be read: No such file or directory"),
        (("verify", "/"), b"", "/ cannot be read: Is a directory"),
        (("transform", "PIPELINE", "no.csv", "--output", "out"), b"", "there is no file or folder no.csv"),
        (("datasets", "car-evaluation", "/proc/no/car.data"), b"", "/proc/no/car.data cannot be written"),
        (("train", "xgboost", "--train", "a", "--hyperparameters", "b", "--output", "c"), b"", "b"),
    ],
)
def test_mistakes(
    arguments: tuple[str, ...],
    stdin: bytes,
    said: str,
    pipeline: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read, write = os.pipe()
    os.write(write, stdin)
    os.close(write)
    with os.fdopen(read) as typed:
        monkeypatch.setattr("sys.stdin", typed)
        done = run(*[str(pipeline) if word == "PIPELINE" else word for word in arguments])
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert said in done.err


def test_transform(pipeline: Path, tmp_path: Path, really: Run) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.csv").write_bytes(CARS * 2000)
    (tmp_path / "in" / "b.csv").write_bytes(CAR)
    done = really("transform", pipeline, tmp_path / "in", "--output", tmp_path / "out")
    assert (done.status, done.err) == (0, "")
    assert re.fullmatch(
        r"4,001 rows in \d+\.\d\d s \([\d,]+ rows/s\), peak memory \d+ MiB, 2 of 2 files written to .*/out\n",
        done.out,
    )
    assert (tmp_path / "out" / "a.csv.out").read_text() == LABELS * 2000
    assert (tmp_path / "out" / "b.csv.out").read_text() == f"{CAR_LABEL.decode()}\n"


def test_transform_says_which_file_failed_and_does_the_others(
    pipeline: Path, tmp_path: Path, really: Run
) -> None:
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_bytes(CARS)
    bad.write_bytes(CARS + b"\n" + CAR.replace(b"high", b"tiny"))
    done = really("transform", pipeline, bad, good, "--output", tmp_path / "out")
    assert done.status == 1
    assert "2 rows in " in done.out
    assert "1 of 2 files written" in done.out
    assert done.err.startswith(f"error: {bad}: container-1, stage index_safety, column 'safety', row 4: ")
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["good.csv.out"]


def test_transform_of_files_of_several_kinds(pipeline: Path, tmp_path: Path, run: Run) -> None:
    for name in ("a.csv", "b.jsonl.gz"):
        (tmp_path / name).write_bytes(CARS)
    done = run(
        "transform", pipeline, tmp_path / "a.csv", tmp_path / "b.jsonl.gz", "--output", tmp_path / "out"
    )
    assert done.status == 1
    assert "a.csv looks like text/csv, but" in done.err
    assert "b.jsonl.gz like application/jsonlines" in done.err
    assert not (tmp_path / "out").exists()


def test_transform_into_what_is_no_folder(pipeline: Path, tmp_path: Path, run: Run) -> None:
    (tmp_path / "a.csv").write_bytes(CARS)
    done = run("transform", pipeline, tmp_path / "a.csv", "--output", tmp_path / "a.csv")
    assert (done.status, f"{tmp_path / 'a.csv'}" in done.err) == (1, True), done.err


def test_the_data_set(tmp_path: Path, really: Run) -> None:
    file = tmp_path / "new" / "car.data"
    done = really("datasets", "car-evaluation", file)
    assert (done.status, done.err) == (0, "")
    assert done.out == f"{file}: 1,728 rows of buying,maint,doors,persons,lug_boot,safety,class\n"
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    assert digest == "b703a9ac69f11e64ce8c223c0a40de4d2e9d769f7fb20be5f8f2e8a619893d83"


@pytest.mark.parametrize(("rows", "unbuffered"), [(1, ""), (100_000, ""), (100_000, "1")])
def test_a_reader_that_has_enough(pipeline: Path, tmp_path: Path, rows: int, unbuffered: str) -> None:
    """As `| head` does; be the rest of the output still to be written, or all of it in a buffer."""
    file = tmp_path / "cars.csv"
    file.write_bytes(CARS * rows)
    with subprocess.Popen(
        [SKEWLESS, "predict", pipeline, file],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        if rows > 1:
            assert process.stdout.readline() == CAR_LABEL + b"\n"
        process.stdout.close()
        said = process.stderr.read()
        assert (process.wait(60), said) == (1, b"")


def test_a_terminal_that_cannot_show_everything(pipeline: Path, really: Run) -> None:
    body = "größer ✓,low,5more,2,big,high".encode()
    done = really(
        "predict",
        pipeline,
        "--explain",
        stdin=body,
        environment={"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"},
    )
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith("unacc\n")


def test_typing_records_and_giving_up(pipeline: Path) -> None:
    """At a terminal it says what it waits for; Ctrl-C ends it without a traceback."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [SKEWLESS, "predict", pipeline], stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == b"Type the records; end with Ctrl-D.\n"
        process.send_signal(signal.SIGINT)
        said = process.stderr.read()
        assert (process.wait(60), said) == (130, b"")
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize("command", ["verify", "predict"])
def test_a_note_on_the_schema_is_shown(folder: Path, command: str, run: Run) -> None:
    text = (folder / "pipeline.yaml").read_text()
    (folder / "pipeline.yaml").write_text(
        text.replace('"label", "type": "double"', '"label", "type": "float"')
    )
    (folder / "cars.csv").write_bytes(CAR)
    done = run(command, folder / "pipeline.yaml", *([folder / "cars.csv"] if command == "predict" else []))
    assert done.status == 0
    assert done.err.startswith("warning: container-3: column 'label' was fitted as double")
