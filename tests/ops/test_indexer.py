"""String indexers over few texts, many, and codes: each text's position is the same, however it is found."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.ops import labels
from skewless.ops.labels import StringIndexer
from skewless.ops.op import Refused
from skewless.schema import STRING
from skewless.table import Column

TEXT = st.sampled_from(["a", "b", "", "ä", "unseen"])
TEXTS = st.lists(TEXT | st.none(), max_size=8)
LABELS = ("b", "", "ä", "a")


def positions(indexer: StringIndexer, texts: pa.Array) -> list[float] | str:
    column = Column(STRING, texts)
    try:
        (made,) = indexer.columns(column)
    except Refused as error:
        return str(error)
    return list(made.numbers())


@given(TEXTS, st.sampled_from(["error", "keep"]))
def test_however_it_is_found(texts: list[str | None], handle_invalid: str) -> None:
    indexer = StringIndexer(LABELS, handle_invalid)
    plain = pa.array(texts, pa.string())
    found = positions(indexer, plain)
    kernel = indexer.row((STRING,))
    if isinstance(found, list):
        assert found == [kernel(text) for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labels, "_FEW", 0)
        assert positions(indexer, plain) == found
        assert positions(indexer, plain.dictionary_encode()) == found
    assert positions(indexer, plain.dictionary_encode()) == found


@given(TEXTS)
def test_which_rows_stay(texts: list[str | None]) -> None:
    indexer = StringIndexer(LABELS, "skip")
    plain = pa.array(texts, pa.string())
    expected = [text in LABELS for text in texts]
    with pytest.MonkeyPatch.context() as patch:
        for few in (0, labels._FEW):
            patch.setattr(labels, "_FEW", few)
            for given_as in (plain, plain.dictionary_encode()):
                keep = indexer.keep(Column(STRING, given_as))
                assert keep is not None
                assert list(keep) == expected


def test_many_texts() -> None:
    """More than are looked up one by one."""
    many = [f"{number}" for number in range(labels._FEW + 1)]
    texts = pa.array([*many, None, "other"], pa.string())
    found = positions(StringIndexer(tuple(many[::-1]), "keep"), texts)
    assert isinstance(found, list)
    np.testing.assert_array_equal(found, [*range(len(many))[::-1], len(many), len(many)])
