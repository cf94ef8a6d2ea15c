"""The XGBoost container's ways to answer inside of a pipeline: fused is hop by hop, byte for byte, errors included."""

from __future__ import annotations

from typing import Any

import pytest

from skewless.containers.base import Answer
from skewless.containers.pipeline import Pipeline
from skewless.containers.xgboost import XGBoostContainer, load
from skewless.errors import RequestError
from skewless.settings import Settings
from tests.boosters.xgboost_models import data, saved
from tests.builders import xgboost
from tests.serving.test_xgboost_vectors import LIBSVM, libsvm_of

ROWS = [",".join(map(repr, row)) for row in data()[0][:5, :6].astype(float).tolist()]
MODES: dict[str, dict[str, str]] = {
    "plain": {},
    "batch": {"SAGEMAKER_BATCH": "true"},
    "selected": {"SAGEMAKER_INFERENCE_OUTPUT": "probability,predicted_label"},
    "selected lists": {"SAGEMAKER_INFERENCE_OUTPUT": "probabilities"},
    "json": {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/json"},
    "limited": {"MAX_CONTENT_LENGTH": "40"},
}


def first(kind: str, environment: dict[str, str], *, ensemble: bool) -> XGBoostContainer:
    files = {f"xgboost-model-{number}": saved(kind) for number in range(2 if ensemble else 1)}
    return load("first", files, environment, Settings(), "model.tar.gz")


def outcome(pipeline: Pipeline, body: bytes, kind: str, accept: str | None) -> Any:
    try:
        return pipeline.invoke(body, kind, accept)
    except RequestError as error:
        return type(error), error.message, error.place, error.hint


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("ensemble", [False, True])
@pytest.mark.parametrize(("kind", "after"), [("regression", 1), ("softprob", 4), ("softprob", 2)])
def test_fused_is_hop_by_hop(kind: str, after: int, mode: str, ensemble: bool) -> None:
    chain = [first(kind, MODES[mode], ensemble=ensemble), xgboost("reg:squarederror", after)]
    fused, hops = Pipeline(chain), Pipeline(chain, fused=False)
    for body in ("\n".join(ROWS[:2]), *ROWS[:2], ROWS[0].replace("0", "inf"), "x"):
        for accept in (None, "application/json", "image/png"):
            made = outcome(fused, body.encode(), "text/csv", accept)
            assert made == outcome(hops, body.encode(), "text/csv", accept)
    sparse = libsvm_of(data()[0][:3])
    assert outcome(fused, sparse, LIBSVM, None) == outcome(hops, sparse, LIBSVM, None)


@pytest.mark.parametrize("mode", ["plain", "batch", "selected"])
def test_numbers_go_on_to_the_next(mode: str) -> None:
    kind, width = ("softprob", 2) if mode == "selected" else ("regression", 1)
    chain = [first(kind, MODES[mode], ensemble=False), xgboost("reg:squarederror", width)]
    made = Pipeline(chain).invoke("\n".join(ROWS).encode(), "text/csv", None)
    assert isinstance(made, Answer)
    assert made.body.count(b"\n") == len(ROWS)


@pytest.mark.parametrize("place", [0, 1])
def test_a_limit_holds_wherever_the_container_stands(place: int) -> None:
    limited = load(
        "limited", {"xgboost-model": saved("regression")}, {"MAX_CONTENT_LENGTH": "5"}, Settings(), "m"
    )
    plain = [xgboost("multi:softprob", 6)] if place else []
    for fused in (True, False):
        with pytest.raises(RequestError, match="over the limit of 5") as caught:
            Pipeline([*plain, limited], fused=fused).invoke(ROWS[0].encode(), "text/csv", None)
        assert caught.value.container == "limited"
