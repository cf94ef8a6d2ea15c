"""Containers of every kind in pipelines: the same over HTTP, fused, hop by hop, row by row and as a batch of files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import skewless.sklearn
from skewless.containers.load import load_pipeline
from skewless.containers.pipeline import Pipeline
from skewless.jobs.batch import sources, transform
from tests.containers import kitchen
from tests.containers.kitchen import CSV_OUT, SCRIPT, Spec
from tests.containers.programs import passing
from tests.serving.running import serving

ROWS = [b"0.5,1.0", b"-1.0,2.0", b"1e-5,1e7", b"0.0,-0.0", b"3,4", b"12345678.9,0.1"]


def exported(folder: Path) -> Spec:
    """sklearn: two numbers scaled, as data alone."""
    frame = pd.DataFrame(np.arange(12.0).reshape(6, 2) ** 2, columns=["a", "b"])
    fitted = make_pipeline(StandardScaler()).fit(frame)
    skewless.sklearn.export(fitted, folder / "exported.tar.gz", sample=frame)
    return {"image": "sklearn", "model_data": "exported.tar.gz"}


def script(folder: Path) -> Spec:
    return kitchen.script(folder, SCRIPT, **CSV_OUT)


def python(folder: Path) -> Spec:
    text = "def predict_fn(rows):\n    return [[float(value) / 2 for value in row] for row in rows]\n"
    return kitchen.script(folder, text, "python")


def program(folder: Path) -> Spec:
    return {"image": str(passing(folder))}


KITCHEN: dict[str, Sequence[Callable[[Path], Spec]]] = {
    "sparkml-xgboost-sparkml": [kitchen.vectors, kitchen.model, kitchen.numbers],
    "script-xgboost": [script, kitchen.model],
    "exported-xgboost-python": [exported, kitchen.model, python],
    "sparkml-program-sparkml": [kitchen.vectors, program, kitchen.vectors],
    "fifteen": [kitchen.vectors] * 13 + [kitchen.model, kitchen.numbers],
    "one": [kitchen.vectors],
}


@pytest.mark.parametrize("name", KITCHEN)
def test_every_way_gives_the_same(name: str, tmp_path: Path) -> None:
    path = kitchen.document(tmp_path, [make(tmp_path) for make in KITCHEN[name]])
    (tmp_path / "rows.csv").write_bytes(b"".join(row + b"\n" for row in ROWS))
    with load_pipeline(path) as fused:
        hops = Pipeline(fused.containers, fused=False)  # not closed: the containers are the other's
        many = hops.invoke(b"\n".join(ROWS))
        assert fused.invoke(b"\n".join(ROWS)) == many
        alone = [hops.invoke(row) for row in ROWS]
        assert [fused.invoke(row) for row in ROWS] == alone
        assert [answer.body.rstrip(b"\n") for answer in alone] == many.body.splitlines()
        report = transform(fused, sources([tmp_path / "rows.csv"]), tmp_path / "out")
        assert (report.rows, report.failed) == (len(ROWS), [])
        # Some containers end their last line, others do not; a file's is ended.
        assert (tmp_path / "out" / "rows.csv.out").read_bytes() == many.body.removesuffix(b"\n") + b"\n"
    with serving(path, tmp_path) as server:
        answer = server.ask(b"\n".join(ROWS))
        assert (answer.status, answer.body, answer.headers["content-type"]) == (200, *many[:2])
