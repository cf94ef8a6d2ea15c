"""Every question gives what the xgboost package answers to it, for a batch and for a row."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xgboost

from skewless.boosters import trained as module
from skewless.boosters.trained import CONTRIBUTIONS, LEAVES, MARGIN, VALUE, Question, Trained
from skewless.errors import SkewlessError
from tests.boosters.xgboost_models import FEATURES, KINDS, bits, hostile, loaded, saved

INFINITE = np.array([[math.inf, -math.inf, 0.0, 1.0, -1.0, 2.0]], np.float32)


def by_rows(question: Question, rows: Any) -> list[int]:
    return bits(np.concatenate([np.ravel(question.ask_row(row)) for row in rows.tolist()]))


@pytest.mark.parametrize("missing", [math.nan, 0.0, 1.0])
@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"linear", "linear softprob"}))
def test_in_place(kind: str, missing: float) -> None:
    """As the package predicts in place: infinity is a number, and a dart model rounds otherwise than by a matrix."""
    rows = np.concatenate([hostile()[:40], INFINITE])
    if kind == "categorical":
        rows[:, 1] = np.where(np.isfinite(rows[:, 1]), np.abs(rows[:, 1]).clip(0, 3).round(), np.nan)
    for want, how in ((VALUE, "value"), (MARGIN, "margin")):
        expected = loaded(kind).inplace_predict(rows, missing=missing, predict_type=how)
        question = Question(Trained(saved(kind)), want, missing=missing)
        assert bits(question.ask(rows)) == bits(expected)
        assert by_rows(question, rows) == bits(expected.ravel())


@pytest.mark.parametrize("kind", ["logistic", "softprob", "dart", "linear"])
def test_by_matrix(kind: str) -> None:
    rows = hostile()[:30]
    matrix = xgboost.DMatrix(rows, missing=0.0, nthread=1)
    asked = {
        CONTRIBUTIONS: {"pred_contribs": True},
        LEAVES: {"pred_leaf": True},
        MARGIN: {"output_margin": True},
    }
    for want, how in asked.items():
        if want == LEAVES and kind == "linear":
            continue
        expected = loaded(kind).predict(matrix, **how)
        question = Question(Trained(saved(kind)), want, missing=0.0, by_matrix=True)
        assert question.shape == expected.shape[1:]
        assert bits(question.ask(rows).ravel()) == bits(expected.ravel())
        assert by_rows(question, rows) == bits(expected.ravel())


@pytest.mark.parametrize("by_matrix", [False, True])
def test_a_row_starts_at_its_margin(by_matrix: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where the batch is divided among threads."""
    rows = hostile()
    margins = np.linspace(-3, 3, len(rows), dtype=np.float32)
    expected = loaded("logistic").predict(xgboost.DMatrix(rows, base_margin=margins))
    question = Question(Trained(saved("logistic")), by_matrix=by_matrix)
    assert bits(question.ask(rows, margins)) == bits(expected)
    monkeypatch.setattr(module, "TREES_FOR_THREADS", 100)
    monkeypatch.setattr(module, "_processors", lambda: 3)
    assert bits(question.ask(rows, margins)) == bits(expected)
    assert bits(question.ask(rows)) != bits(expected)


def test_rounds() -> None:
    rows = hostile()
    expected = loaded("forest").inplace_predict(rows, iteration_range=(1, 3))
    assert bits(Question(Trained(saved("forest")), rounds=(1, 3)).ask(rows)) == bits(expected)
    with pytest.raises(SkewlessError, match="Out of range for tree layers"):
        Question(Trained(saved("forest")), rounds=(0, 9))


def test_no_rows() -> None:
    question = Question(Trained(saved("softprob")), CONTRIBUTIONS, by_matrix=True)
    assert question.ask(np.zeros((0, FEATURES), np.float32)).shape == (0, 4, FEATURES + 1)


def test_early_stopping_is_told_and_what_is_no_round_is_not() -> None:
    model = xgboost.Booster(model_file=bytearray(saved("regression")))
    assert Trained(saved("regression")).facts.best_round is None
    for said, told in (("2", 2), ("-1", None), ("two", None)):
        model.set_attr(best_iteration=said)
        assert Trained(bytes(model.save_raw("ubj"))).facts.best_round == told
    assert Trained(saved("forest")).facts.parallel == 2
