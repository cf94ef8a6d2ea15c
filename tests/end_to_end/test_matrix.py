"""Containers of every kind in pipelines: the same fused, hop by hop, row by row and as a batch of files."""

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
from skewless.jobs.batch import sources, transform
from tests.containers import kitchen
from tests.containers.kitchen import CSV_OUT, SCRIPT, Spec
from tests.containers.programs import passing

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
    with load_pipeline(path) as fused, load_pipeline(path, fused=False) as hops:
        many = fused.invoke(b"\n".join(ROWS))
        assert hops.invoke(b"\n".join(ROWS)) == many
        answers = many.body.split()
        assert len(answers) == len(ROWS)
        for row, answer in zip(ROWS, answers, strict=True):
            assert fused.invoke(row).body.split() == hops.invoke(row).body.split() == [answer]
        (tmp_path / "rows.csv").write_bytes(b"\n".join(ROWS) + b"\n")
        report = transform(fused, sources([tmp_path / "rows.csv"]), tmp_path / "out")
        assert (report.rows, report.failed) == (len(ROWS), [])
        assert (tmp_path / "out" / "rows.csv.out").read_bytes().split() == answers
