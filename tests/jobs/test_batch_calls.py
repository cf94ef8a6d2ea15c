"""Twice the rows, the same work in Python: no chunk costs a call for each of its rows."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from types import FrameType
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from skewless.codecs.arrowstream import ARROW, write_stream
from skewless.containers.pipeline import Pipeline
from skewless.jobs.transforming import engine
from skewless.jobs.transforming.engine import Chunk, Way, records_of
from tests.builders import xgboost
from tests.counting import uncollected
from tests.jobs.test_batch_columns import LABELS, as_csv, chain, features

FEW, MANY = 10_000, 20_000
CHAINS: dict[str, Callable[[], Pipeline]] = {"labels": chain, "vectors": lambda: Pipeline([features()])}


def table(rows: int) -> pa.Table:
    random = np.random.default_rng(rows)
    texts = [LABELS[place] for place in random.integers(0, 2, rows)]
    return pa.table(
        {"t": pa.array(texts).dictionary_encode(), "x": random.integers(-(10**6), 10**6, rows) / 1000}
    )


def as_text(rows: pa.Table) -> Chunk:
    return Chunk(as_csv(rows).encode())


def as_columns(rows: pa.Table) -> Chunk:
    return Chunk(write_stream(rows), rows=len(rows))


def calls(way: Way, chunk: Chunk) -> Counter[str]:
    """What Python calls, functions of C among them, while a chunk is computed."""
    made: Counter[str] = Counter()

    def on_event(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call":
            made[
                frame.f_code.co_qualname if hasattr(frame.f_code, "co_qualname") else frame.f_code.co_name
            ] += 1
        elif event == "c_call":
            made[getattr(argument, "__qualname__", repr(type(argument)))] += 1

    engine._process(way, chunk)  # whatever is made once
    with uncollected():
        sys.setprofile(on_event)
        try:
            done = engine._process(way, chunk)
        finally:
            sys.setprofile(None)
    assert done.rows == (chunk.rows or chunk.body.count(b"\n"))
    return made


@pytest.mark.parametrize("name", CHAINS)
@pytest.mark.parametrize("accept", [None, ARROW])
def test_calls_do_not_grow_with_rows(name: str, accept: str | None) -> None:
    pipeline = CHAINS[name]()
    text = Way(pipeline, "text/csv", accept, records=records_of(pipeline, "text/csv"))
    columns = replace(text, content_type=ARROW, records=None, columns=ARROW)
    few, many = table(FEW), table(MANY)
    for way, chunks in ((text, map(as_text, (few, many))), (columns, map(as_columns, (few, many)))):
        one, other = (calls(way, chunk) for chunk in chunks)
        assert one - other == other - one == Counter()


def test_calls_of_a_model_alone_do_not_grow_with_rows() -> None:
    """Numbers in, and scores with all their digits out."""
    pipeline = Pipeline([xgboost("binary:logistic", 4)])
    way = Way(pipeline, "text/csv", records=records_of(pipeline, "text/csv"))
    random = np.random.default_rng(1)
    lines = [",".join(map(repr, row)) + "\n" for row in random.random((MANY, 4)).tolist()]
    few, many = (calls(way, Chunk("".join(lines[:rows]).encode())) for rows in (FEW, MANY))
    assert many - few == few - many == Counter()
