"""Hostile bodies of every content type, and hostile headers: an answer or a refusal, never a defect or a flood."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.boosters.ensemble import Ensemble
from skewless.codecs.arrowstream import ARROW, write_stream
from skewless.codecs.recordio import Record, Tensor, write_records
from skewless.containers import xgboost_requests
from skewless.containers.xgboost import XGBoostContainer, load
from skewless.errors import ArtifactError, BodyError, ContentTypeError, RequestError
from skewless.settings import Settings
from tests.boosters.xgboost_models import FEATURES, saved
from tests.serving.test_xgboost_vectors import (
    BODY,
    LIBSVM,
    PARQUET,
    RECORDIO,
    ROWS,
    libsvm_of,
    parquet_of,
    recordio_of,
)

KINDS = ["text/csv", LIBSVM, PARQUET, RECORDIO, ARROW]
ARROW_BODY = write_stream(pa.table({f"c{place}": column for place, column in enumerate(ROWS.T)}))


def container(kind: str, strict: bool = False, **environment: str) -> XGBoostContainer:
    return load("model", {"xgboost-model": saved(kind)}, environment, Settings(strict=strict), "model.tar.gz")


MODELS = [container("softprob"), container("linear"), container("regression", strict=True)]
SELECTING = container("softprob", SAGEMAKER_INFERENCE_OUTPUT="predicted_label,probabilities")
BODIES = {
    "text/csv": BODY,
    LIBSVM: libsvm_of(ROWS, "1"),
    PARQUET: parquet_of(ROWS),
    RECORDIO: recordio_of(ROWS, sparse=True, label=1),
    ARROW: ARROW_BODY,
}


def answered(one: XGBoostContainer, body: bytes, kind: str | None, accept: str | None = None) -> bool:
    with suppress(RequestError):
        return bool(one.invoke(body, kind, accept).content_type)
    return False


@given(st.binary(max_size=100), st.text(max_size=60))
@settings(max_examples=60, deadline=None)
def test_any_body(data: bytes, text: str) -> None:
    for one in MODELS:
        for kind in KINDS:
            answered(one, data, kind)
            answered(one, text.encode("utf-8", "surrogatepass"), kind)


@pytest.mark.parametrize("kind", KINDS)
@given(st.data())
@settings(max_examples=80, deadline=None)
def test_damaged_bodies(kind: str, draw: st.DataObject) -> None:
    body = bytearray(BODIES[kind])
    for _ in range(draw.draw(st.integers(1, 4))):
        body[draw.draw(st.integers(0, len(body) - 1))] = draw.draw(st.integers(0, 255))
    for one in MODELS:
        answered(one, bytes(body), kind)


@pytest.mark.parametrize("kind", [PARQUET, ARROW])
def test_a_column_whose_name_is_no_text(kind: str) -> None:
    body = BODIES[kind].replace(b"c0", b"\x80\x80")
    with pytest.raises(BodyError, match="can't decode byte 0x80"):
        MODELS[0].invoke(body, kind, None)


def test_an_arrow_stream_is_read_as_a_parquet_file() -> None:
    for one in MODELS[:2]:
        assert one.invoke(ARROW_BODY, ARROW, None) == one.invoke(BODIES[PARQUET], PARQUET, None)
    with pytest.raises(ContentTypeError, match="is not an accepted ContentType"):
        MODELS[2].invoke(ARROW_BODY, ARROW, None)


NUMBER = st.sampled_from(["1", "0.5", "-1e3", "nan", "1e39", "inf", "", "x", "1:2", "0x1", "1_0", "٣"])
PAIR = st.tuples(st.integers(-1, 8), NUMBER).map(lambda pair: f"{pair[0]}:{pair[1]}")


@given(st.lists(st.lists(PAIR | NUMBER | st.just("# x") | st.just("qid:1"), max_size=6), max_size=4))
@settings(max_examples=200, deadline=None)
def test_almost_libsvm(rows: list[list[str]]) -> None:
    body = "\n".join(" ".join(row) for row in rows).encode()
    for one in MODELS:
        answered(one, body, LIBSVM)


@given(st.text(max_size=40), st.text(max_size=40))
@settings(max_examples=100, deadline=None)
def test_any_headers(kind: str, accept: str) -> None:
    for one in (MODELS[0], SELECTING):
        answered(one, BODY, kind, accept)
        answered(one, BODY, "text/csv", accept)


def peak_of(work: Callable[[], Any]) -> int:
    tracemalloc.start()
    try:
        with suppress(RequestError):
            work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"0:1 2147483646:1\n" * 1000, LIBSVM),
        (
            write_records(
                [Record({"values": Tensor(np.ones(1, np.float32), np.array([7]), (2**31 - 1,))})] * 9
            ),
            RECORDIO,
        ),
    ],
    ids=["libsvm", "recordio"],
)
def test_a_small_body_of_many_cells(body: bytes, kind: str) -> None:
    assert len(body) < 1 << 20
    assert peak_of(lambda: MODELS[0].invoke(body, kind, None)) < 100 << 20


def test_a_parquet_file_of_many_cells(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xgboost_requests, "_MOST_CELLS", 99)
    MODELS[0].invoke(parquet_of(np.ones((16, FEATURES), np.float32)), PARQUET, None)
    with pytest.raises(BodyError, match="the file has 17 rows of 6 columns: over 99 cells"):
        MODELS[0].invoke(parquet_of(np.ones((17, FEATURES), np.float32)), PARQUET, None)


def test_sparse_rows_of_a_wide_model_are_not_spread_out() -> None:
    body = b"0:1\n" * 20_000
    assert peak_of(lambda: MODELS[0].invoke(body, LIBSVM, None)) < 40 << 20


def test_models_of_an_ensemble_are_of_one_shape() -> None:
    files = {"xgboost-model-0": saved("softprob"), "xgboost-model-1": saved("regression")}
    with pytest.raises(
        ArtifactError, match="xgboost-model-1: it takes 6 features and gives 1 values where"
    ) as caught:
        load("model", files, {}, Settings(), "model.tar.gz")
    assert caught.value.file == "xgboost-model-1"
    same = load("model", {"a": saved("softprob"), "b": saved("forest")}, {}, Settings(), "model.tar.gz")
    assert isinstance(same.booster, Ensemble)
    same.close()
    same.close()
