"""``make demo``: the whole way, from raw data to an answer over HTTP and a batch.

Every step prints its command. What it makes stays in demo-output/, to be opened and tried.
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import xgboost

from skewless.datasets import CAR_COLUMNS, car_evaluation

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
OUTPUT = ROOT / "demo-output"
SKEWLESS = Path(sys.executable).with_name("skewless")
CAR = "low,low,5more,more,big,high"
SCHEMA = {
    "input": [{"name": name, "type": "string"} for name in CAR_COLUMNS],
    "output": {"name": "features", "type": "double", "struct": "vector"},
}
POST_SCHEMA = {
    "input": [{"name": "label", "type": "double"}],
    "output": {"name": "cat", "type": "string"},
}
PIPELINE = f"""\
# Three containers: what Spark fitted, what XGBoost learned, what Spark fitted.
containers:
  - image: sagemaker-sparkml-serving
    model_data: model.tar.gz
    environment:
      SAGEMAKER_SPARKML_SCHEMA: '{json.dumps(SCHEMA)}'
  - image: xgboost
    model_data: xgb.tar.gz
  - image: sagemaker-sparkml-serving
    model_data: postprocess.tar.gz
    environment:
      SAGEMAKER_SPARKML_SCHEMA: '{json.dumps(POST_SCHEMA)}'
# What Spark, XGBoost and the labels gave for every car, run one after the other by themselves.
parity:
  input: parity-input.csv
  output: parity-output.csv
"""


def step(title: str, *command: str | Path) -> None:
    """Run one command, showing it."""
    print(f"\n▸ {title}", flush=True)
    if command:
        shown = [str(part).replace(f"{ROOT}/", "") for part in command]
        print(f"  $ {' '.join(shown)}", flush=True)
        status = subprocess.run(command, cwd=ROOT, check=False).returncode
        if status:
            raise SystemExit(f"  this step failed (exit status {status}); what it said stands above")


def record() -> None:
    """Recorded truth for the whole pipeline: Spark's features → the Booster → the labels, with no Skewless between."""
    rows = [row for part in sorted((OUTPUT / "features").glob("part-*")) for row in part.read_text().split()]
    features = np.array([row.split(",")[1:] for row in rows], np.float32)
    shutil.unpack_archive(OUTPUT / "xgb.tar.gz", OUTPUT / "xgb")
    booster = xgboost.Booster(model_file=bytearray((OUTPUT / "xgb" / "xgboost-model").read_bytes()))
    labels = (OUTPUT / "labels.txt").read_text().split("\n")
    found = [labels[int(index)] for index in booster.predict(xgboost.DMatrix(features))]
    cars = [",".join(row[:-1]) for row in car_evaluation()]
    (OUTPUT / "parity-input.csv").write_text("".join(f"{car}\n" for car in cars))
    (OUTPUT / "parity-output.csv").write_text("".join(f"{label}\n" for label in found))
    (OUTPUT / "pipeline.yaml").write_text(PIPELINE)


def serve_and_ask() -> None:
    """Start the server on a free port, ask it, measure one request, stop it."""
    print(
        f"\n▸ Serve, and ask over HTTP\n  $ skewless serve {OUTPUT.name}/pipeline.yaml --port 0", flush=True
    )
    started = time.perf_counter()
    command: list[str | Path] = [SKEWLESS, "serve", OUTPUT / "pipeline.yaml", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            ready = server.stdout.readline()
            if "/invocations" not in ready:
                raise SystemExit("the server did not start")
            print(f"  {ready.strip()}")
            url = ready.split(" on ")[1].split()[0]
            address = urlsplit(url)
            connection = HTTPConnection(address.hostname or "", address.port, timeout=30)
            label = ask(connection, CAR)
            print(f"  {time.perf_counter() - started:.2f} s from the command to the first answer")
            print(f"  $ curl -H 'content-type: text/csv' -d {CAR} {url}\n  {label}")
            times = sorted(timed(connection) for _ in range(2000))
            print(
                f"  one request: p50 {statistics.median(times) * 1e6:.0f} µs, p99 {times[1980] * 1e6:.0f} µs"
            )
        finally:
            server.terminate()


def ask(connection: HTTPConnection, body: str) -> str:
    """One request over a connection that stays open."""
    connection.request("POST", "/invocations", body, {"content-type": "text/csv"})
    answer = connection.getresponse()
    text = answer.read().decode()
    if answer.status != 200:
        raise SystemExit(f"the server answered {answer.status}: {text}")
    return text


def timed(connection: HTTPConnection) -> float:
    """Seconds of one request."""
    started = time.perf_counter()
    ask(connection, CAR)
    return time.perf_counter() - started


def accuracy() -> None:
    """How many of the batch's labels are those of the data."""
    found = (OUTPUT / "batch" / "cars.csv.out").read_text().splitlines()
    right = sum(label == row[-1] for label, row in zip(found, car_evaluation(), strict=True))
    print(f"  accuracy {right / len(found):.4f} on {len(found):,} cars ({right:,} right)")


def main() -> None:
    """All steps."""
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    data, cars = OUTPUT / "car.data", OUTPUT / "cars.csv"
    step("Write the data", SKEWLESS, "datasets", "car-evaluation", data)
    cars.write_text("".join(f"{','.join(row[:-1])}\n" for row in car_evaluation()))
    step("Fit in Spark, export the bundles", sys.executable, HERE / "fit.py", data, OUTPUT)
    step(
        "Train XGBoost on what Spark made",
        *(SKEWLESS, "train", "xgboost", "--train", OUTPUT / "train", "--validation", OUTPUT / "validation"),
        *("--hyperparameters", HERE / "hyperparameters.json", "--output", OUTPUT / "xgb.tar.gz"),
    )
    step("Record what Spark and XGBoost give by themselves, write pipeline.yaml")
    record()
    pipeline = OUTPUT / "pipeline.yaml"
    step("Verify: does serving do what training did?", SKEWLESS, "verify", pipeline)
    serve_and_ask()
    step("Batch", SKEWLESS, "transform", pipeline, cars, "--output", OUTPUT / "batch")
    accuracy()
    print(
        f"\nDone. Everything is in {OUTPUT.name}/. Try next:\n"
        f"  echo {CAR} | .venv/bin/skewless predict {OUTPUT.name}/pipeline.yaml --explain\n"
        f"  .venv/bin/skewless serve {OUTPUT.name}/pipeline.yaml\n"
        f"  .venv/bin/skewless transform {OUTPUT.name}/pipeline.yaml {OUTPUT.name}/cars.csv --output answers"
    )


if __name__ == "__main__":
    main()
