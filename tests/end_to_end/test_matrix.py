"""Containers of every kind in chains: over HTTP, fused, hop by hop and in batch the answers are the same bytes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import joblib
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.preprocessing import OneHotEncoder

import skewless.sklearn
from skewless.bundles.bundle import save
from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import MOST_CONTAINERS, Pipeline
from skewless.datasets import CAR_COLUMNS, CAR_LABELS
from skewless.jobs.batch import sources, transform
from skewless.jobs.training.train import train
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.schema import DOUBLE, STRING, Field, Schema
from tests.pipelines import build, cars, document, graph, label_of, stage, write
from tests.serving.running import serving

ROWS: Final = cars()[::7]
BODY: Final = "".join(f"{','.join(row)}\n" for row in ROWS if '"' not in row[0]).encode()

SCRIPT: Final = """
import os

import joblib
from sagemaker_containers.beta.framework import encoders, worker


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "encoder.joblib"))


def input_fn(body, content_type):
    return [line.split(",") for line in body.splitlines()]


def predict_fn(rows, encoder):
    return encoder.transform(rows)


def output_fn(features, accept):
    return worker.Response(encoders.encode(features, accept), mimetype=accept)
"""

NAMING: Final = """
LABELS = ["unacc", "acc", "good", "vgood"]


def predict_fn(rows):
    return [LABELS[int(float(row[0]))] for row in rows]
"""

# A label for each row of features, from where its ones stand.
PROGRAM: Final = """
import http.server, os


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(b"", "text/plain")

    def do_POST(self):
        lines = self.rfile.read(int(self.headers["content-length"])).decode().splitlines()
        ones = ([n for n, cell in enumerate(line.split(",")) if float(cell)] for line in lines)
        self.answer("".join(f"{sum(at) % 4}.0\\n" for at in ones).encode(), "text/csv")

    def answer(self, body, kind):
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


address = ("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))
http.server.ThreadingHTTPServer(address, Handler).serve_forever()
"""


def frame() -> pd.DataFrame:
    return pd.DataFrame(cars(), columns=list(CAR_COLUMNS))


def trained(folder: Path, features: Any) -> str:
    """XGBoost on what the first container makes of the cars."""
    lines = [
        ",".join(map(str, (CAR_LABELS.index(label_of(row)), *cells)))
        for row, cells in zip(cars(), features, strict=True)
    ]
    (folder / "train.csv").write_text("\n".join(lines))
    wanted = {"objective": "multi:softmax", "num_class": 4, "num_round": 5, "nthread": 1}
    train(folder / "train.csv", None, wanted, folder / "xgb.tar.gz", on_round=lambda done: None)
    return "xgb.tar.gz"


def sparkml_xgboost_sparkml(folder: Path) -> Path:
    return build(folder)


def one_container(folder: Path) -> Path:
    build(folder)
    return write(folder, {"containers": document()["containers"][:1]})


def sklearn_script_xgboost(folder: Path) -> Path:
    (folder / "model" / "code").mkdir(parents=True)
    encoder = OneHotEncoder(sparse_output=False).fit(cars())
    joblib.dump(encoder, folder / "model" / "encoder.joblib")
    (folder / "model" / "code" / "inference.py").write_text(SCRIPT)
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}
    script = {"image": "sagemaker-scikit-learn", "model_data": "model", "environment": environment}
    xgboost = {"image": "xgboost", "model_data": trained(folder, encoder.transform(cars()))}
    return write(folder, {"containers": [script, xgboost]})


def exported_sklearn_xgboost_python(folder: Path) -> Path:
    hot = ColumnTransformer([("hot", OneHotEncoder(sparse_output=False), list(CAR_COLUMNS))]).fit(frame())
    skewless.sklearn.export(hot, folder / "sklearn.tar.gz", sample=frame()[:40])
    (folder / "naming" / "code").mkdir(parents=True)
    (folder / "naming" / "code" / "inference.py").write_text(NAMING)
    containers = [
        {"image": "sklearn", "model_data": "sklearn.tar.gz"},
        {"image": "xgboost", "model_data": trained(folder, hot.transform(frame()))},
        {"image": "python", "model_data": "naming"},
    ]
    return write(folder, {"containers": containers})


def sparkml_program_sparkml(folder: Path) -> Path:
    build(folder)
    program = folder / "program"
    program.write_text(f"#!{sys.executable}\n{PROGRAM}")
    program.chmod(0o755)
    first, _, last = document()["containers"]
    return write(folder, {"containers": [first, {"image": "./program"}, last]})


def fifteen(folder: Path) -> Path:
    """The car pipeline's label told as a number and as a text in turns."""
    build(folder)
    number, text = Schema((Field("label", DOUBLE),)), Schema((Field("name", STRING),))
    told = graph("told", [stage("tell", IndexToString(CAR_LABELS), ["label"], ["name"])])
    read = graph("read", [stage("read", StringIndexer(CAR_LABELS), ["name"], ["label"])])
    save(told, folder / "told.tar.gz", engine="tests", inputs=number, rows=None)
    save(read, folder / "read.tar.gz", engine="tests", inputs=text, rows=None)
    turns = [{"image": "sparkml", "model_data": f"{name}.tar.gz"} for name in ("told", "read")]
    two = document()["containers"][:2]
    return write(folder, {"containers": [*two, *(turns[n % 2] for n in range(MOST_CONTAINERS - 2))]})


CHAINS: Final[list[Callable[[Path], Path]]] = [
    sparkml_xgboost_sparkml,
    one_container,
    sklearn_script_xgboost,
    exported_sklearn_xgboost_python,
    sparkml_program_sparkml,
    fifteen,
]


@pytest.mark.parametrize("chain", CHAINS, ids=lambda chain: chain.__name__)
def test_all_ways_give_the_same_bytes(chain: Callable[[Path], Path], tmp_path: Path) -> None:
    path = chain(tmp_path)
    (tmp_path / "cars.csv").write_bytes(BODY)
    with load_pipeline(path) as pipeline:
        # Not closed: the containers are the other's.
        hops = Pipeline(pipeline.containers, fused=False)
        wanted = hops.invoke(BODY)
        assert pipeline.invoke(BODY) == wanted
        lines = BODY.splitlines(keepends=True)
        alone = b"".join(_line(hops.invoke(line).body) for line in lines[:20])
        assert alone.splitlines() == wanted.body.splitlines()[:20]
        assert [pipeline.invoke(line) for line in lines[:20]] == [hops.invoke(line) for line in lines[:20]]
        report = transform(pipeline, sources([tmp_path / "cars.csv"]), tmp_path / "out")
        assert (report.failed, report.rows) == ([], len(lines))
        assert (tmp_path / "out" / "cars.csv.out").read_bytes() == _line(wanted.body)
    with serving(path, tmp_path) as server:
        answer = server.ask(BODY)
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, *wanted[:2])


def _line(body: bytes) -> bytes:
    """Some containers end their last line, others do not; a file's is ended."""
    return body.removesuffix(b"\n") + b"\n"
