"""Selectable inference: the published vectors, number by number."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skewless.codecs.recordio import read_records
from skewless.containers.xgboost_answers import batch, written
from skewless.containers.xgboost_selected import Selection
from skewless.errors import SettingError

CLASSES = "predicted_label,labels,probability,probabilities,raw_score,raw_scores"


def selection(text: str, objective: str, classes: int = 1, *, single: bool = True) -> Selection:
    return Selection.of(text, objective, classes, single=single)


def test_binary_logistic() -> None:
    assert selection(CLASSES, "binary:logistic").content([(0.6,), (0.1,)]) == [
        {
            "predicted_label": 1,
            "labels": [0, 1],
            "probability": 0.6,
            "probabilities": [0.4, 0.6],
            "raw_score": 0.6,
            "raw_scores": [0.4, 0.6],
        },
        {
            "predicted_label": 0,
            "labels": [0, 1],
            "probability": 0.1,
            "probabilities": [0.9, 0.1],
            "raw_score": 0.1,
            "raw_scores": [0.9, 0.1],
        },
    ]


def test_other_objectives() -> None:
    assert selection("predicted_label,raw_score", "binary:logitraw").content([(-7.6,)]) == [
        {"predicted_label": 0, "raw_score": -7.6}
    ]
    assert selection("predicted_label,probability", "multi:softprob", 3).content([(0.1, 0.5, 0.4)]) == [
        {"predicted_label": 1, "probability": 0.5}
    ]
    assert selection("raw_scores,labels", "binary:hinge").content([(1.0,)]) == [
        {"labels": [0, 1], "raw_scores": [0.0, 1.0]}
    ]
    assert selection("labels", "multi:softmax", 7).content([(2.0,)]) == [{"labels": list(range(7))}]
    assert selection("predicted_score", "reg:logistic").content([(0.5,), (-7.0,)]) == [
        {"predicted_score": 0.5},
        {"predicted_score": -7.0},
    ]


def test_what_an_objective_cannot_tell_is_nan() -> None:
    chosen = selection("predicted_score, PREDICTED_LABEL, foo", "reg:logistic")
    (row,) = chosen.content([(0.6,)])
    assert list(row) == ["predicted_score", "foo", "predicted_label"]
    assert row["predicted_score"] == 0.6
    assert math.isnan(row["foo"])
    assert math.isnan(row["predicted_label"])
    assert chosen.untold == ("foo", "predicted_label")
    assert chosen.written([(0.6,)], "text/csv", batch=False, strict=False).body == b"0.6,nan,nan"


@pytest.mark.parametrize(
    ("objective", "single"), [("rank:pairwise", True), ("survival:cox", True), ("reg:quantileerror", False)]
)
def test_other_objectives_are_refused(objective: str, single: bool) -> None:
    with pytest.raises(SettingError, match=f"Objective `{objective}` unsupported"):
        selection("predicted_label", objective, single=single)


def test_encodings() -> None:
    chosen = selection("predicted_label,probabilities", "binary:logistic")
    rows = [(0.6,), (0.1,)]

    def body(kind: str) -> bytes:
        return chosen.written(rows, kind, batch=False, strict=False).body

    assert body("text/csv") == b'1,"[0.4, 0.6]"\n0,"[0.9, 0.1]"'
    assert body("application/json") == (
        b'{"predictions": [{"predicted_label": 1, "probabilities": [0.4, 0.6]}, '
        b'{"predicted_label": 0, "probabilities": [0.9, 0.1]}]}'
    )
    assert body("application/jsonlines") == (
        b'{"predicted_label": 1, "probabilities": [0.4, 0.6]}\n{"predicted_label": 0, "probabilities": [0.9, 0.1]}\n'
    )
    one, other = read_records(body("application/x-recordio-protobuf"))
    assert (
        one.labels["predicted_label"].values.tolist(),
        other.labels["predicted_label"].values.tolist(),
    ) == (
        [1],
        [0],
    )
    assert np.allclose(other.labels["probabilities"].values, [0.9, 0.1])
    assert chosen.written([], "text/csv", batch=False, strict=False).body == b""


def test_plain_answers() -> None:
    def body(rows: list[tuple[float, ...]], single: bool) -> bytes:
        return written(rows, "application/json", single=single, strict=False).body

    assert body([], True) == b'{"predictions": []}'
    assert body([(0.43861907720565796,), (0.4533972144126892,)], True) == (
        b'{"predictions": [{"score": 0.43861907720565796}, {"score": 0.4533972144126892}]}'
    )
    assert batch([(0.1, 0.9), (0.5, 0.5)], single=False).body == b"[0.1, 0.9]\n[0.5, 0.5]\n"
    assert batch([(0.1,), (2.0,)], single=True).body == b"0.1\n2.0\n"
