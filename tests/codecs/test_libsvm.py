"""libsvm text: the numbers that XGBoost itself reads from it, and every fault by its row."""

from __future__ import annotations

import struct

import numpy as np
import pytest
import xgboost
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skewless.codecs.libsvm import MOST_INDEX, SparseRows, read_libsvm, row_lines
from skewless.errors import BodyError, EmptyBody, RequestError, ValueRefused

# XGBoost's own parser of text is not exact in the last digits; of these numbers it is.
NUMBERS = st.integers(-(2**15), 2**15).map(lambda number: number / 8)
FEATURES = st.dictionaries(st.integers(0, 40), NUMBERS, max_size=6)


def dense(rows: SparseRows) -> list[dict[int, float]]:
    """Index to value, of each row."""
    bounds = zip(rows.starts[:-1], rows.starts[1:], strict=True)
    return [dict(zip(rows.indices[a:b].tolist(), rows.values[a:b].tolist(), strict=True)) for a, b in bounds]


def text_of(label: float, weight: float | None, qid: int | None, features: dict[int, float]) -> str:
    words = [repr(label) + ("" if weight is None else f":{weight!r}")]
    words += [] if qid is None else [f"qid:{qid}"]
    return " ".join([*words, *(f"{index}:{value!r}" for index, value in sorted(features.items()))])


@settings(max_examples=40, deadline=None)
@given(
    rows=st.lists(st.tuples(NUMBERS, NUMBERS.map(abs), FEATURES), min_size=1, max_size=8),
    weighted=st.booleans(),
    grouped=st.booleans(),
)
def test_what_xgboost_reads(
    rows: list[tuple[float, float, dict[int, float]]],
    weighted: bool,
    grouped: bool,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    lines = [
        text_of(label, weight if weighted else None, number // 3 if grouped else None, features)
        for number, (label, weight, features) in enumerate(rows)
    ]
    body = "\n".join(lines) + "\n"
    found = read_libsvm(body.encode(), labelled=True)
    file = tmp_path_factory.mktemp("libsvm") / "data"
    file.write_text(body)
    with xgboost.config_context(verbosity=0):  # it warns that it will give this parser up
        theirs = xgboost.DMatrix(f"{file}?format=libsvm", silent=True, nthread=1)
    assert found.labels.tolist() == theirs.get_label().tolist()
    assert found.width == theirs.num_col()
    stored = theirs.get_data()
    assert found.starts.tolist() == stored.indptr.tolist()
    assert found.indices.tolist() == stored.indices.tolist()
    assert found.values.tobytes() == stored.data.astype(np.float32).tobytes()
    if weighted:
        assert found.weights is not None
        assert found.weights.tolist() == theirs.get_weight().tolist()
    if grouped:
        assert found.qids is not None
        assert found.qids.tolist() == [number // 3 for number in range(len(rows))]
        assert np.diff(theirs.get_uint_info("group_ptr")).tolist() == np.bincount(found.qids).tolist()


@pytest.mark.parametrize(
    "body",
    [
        b"1 0:0.5 2:3\n0 1:-1e2\n",
        b"1 0:0.5 2:3\n0 1:-1e2",
        b"1 0:0.5 2:3\r\n0 1:-1e2\r\n",
        b"1 0:0.5 2:3\r0 1:-1e2\r",
        b"\xef\xbb\xbf1 0:0.5 2:3\n0 1:-1e2\n",
        b"\n \t\n1\t0:.5  2:3. \n\n  0 1:-100\n \n",
        b"# a comment\n1 0:+0.5 2:3 # another\n0 1:-1E+2\n#\n",
        b"1 2:3 0:0.5\n0 1:-1e2\n",
    ],
)
def test_one_table_in_many_forms(body: bytes) -> None:
    found = read_libsvm(body, labelled=True)
    assert found.labels.tolist() == [1, 0]
    assert dense(found) == [{0: 0.5, 2: 3}, {1: -100}]
    assert (found.rows, found.width) == (2, 3)


def test_rows_without_features_are_rows() -> None:
    found = read_libsvm(b"3\n4 1:2\n5\n", labelled=True)
    assert found.labels.tolist() == [3, 4, 5]
    assert dense(found) == [{}, {1: 2}, {}]
    assert read_libsvm(b"3\n", labelled=True).width == 0


def test_missing_is_nan_and_zero_is_a_number() -> None:
    [row] = dense(read_libsvm(b"1 0:nan 1:NaN 2:0\n", labelled=True))
    assert np.isnan([row[0], row[1]]).all()
    assert row[2] == 0


def test_rounded_to_double_first() -> None:
    text = "1.0000000596046447754"
    [[value]] = [row.values() for row in dense(read_libsvm(f"1 0:{text}".encode(), labelled=True))]
    assert value == struct.unpack("f", struct.pack("f", float(text)))[0] == 1.0


@pytest.mark.parametrize(
    ("body", "rows"),
    [
        (b"1:2 3:4", [{1: 2, 3: 4}]),
        (b"7 1:2 3:4", [{1: 2, 3: 4}]),
        (b"7 1:2\n1:5\n", [{1: 2}, {1: 5}]),
        (b"7\n8\n", [{}, {}]),
        (b" 0:1\n", [{0: 1}]),
        (b"-1.5\t0:1\n", [{0: 1}]),
    ],
)
def test_bodies_with_and_without_labels(body: bytes, rows: list[dict[int, float]]) -> None:
    found = read_libsvm(body, labelled=False)
    assert dense(found) == rows
    assert found.weights is None
    assert not found.labels.any()


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"", EmptyBody, "the body is empty"),
        (b" \n\t\r\n# nothing", EmptyBody, "the body is empty"),
        (b"yes 1:1", BodyError, "row 1: 'yes' is no label, nor label:weight"),
        (b"1,2,3", BodyError, "row 1: '1,2,3' is no label, nor label:weight"),
        (b"1 1:1\n\n1 x:1", BodyError, "row 2: 'x:1' is no index:value"),
        (b"1 1:1\n1 1:", BodyError, "row 2: '1:' is no index:value"),
        (b"1 1", BodyError, "row 1: '1' is no index:value"),
        (b"1 -1:1", BodyError, "row 1: '-1:1' is no index:value"),
        (b"1 1:1:1", BodyError, "row 1: '1:1:1' is no index:value"),
        (b"1 1:0x10", BodyError, "row 1: '1:0x10' is no index:value"),
        (b"1 1:1 qid:1", BodyError, "row 1: 'qid:1' is no index:value"),
        (b"1 1:\xff", BodyError, "row 1: '1:\ufffd' is no index:value"),
        (b"1 1:1\n1:2 1:1", BodyError, "row 2: it has a weight, and the first row has none"),
        (b"1:2 1:1\n1 1:1", BodyError, "row 2: it has no weight"),
        (b"1 qid:1 1:1\n1 1:1", BodyError, "row 2: it has no qid"),
        (b"1 1:1\n1 qid:1 1:1", BodyError, "row 2: it has a qid, and the first row has none"),
        (b"nan 1:1", ValueRefused, "column 'label', row 1: a label must be a finite 32-bit number"),
        (b"1 1:1\n1e39 1:1", ValueRefused, "column 'label', row 2: a label must be a finite 32-bit number"),
        (b"1:1 1:1\n1:-1 1:1", ValueRefused, "column 'weight', row 2: a weight must be a finite number"),
        (b"1:nan 1:1", ValueRefused, "column 'weight', row 1: a weight must be a finite number"),
        (b"1 1:inf", ValueRefused, "row 1: a value is infinite, or too large"),
        (b"1 1:1 2:1\n1 3:1 4:3.5e38", ValueRefused, "row 2: a value is infinite, or too large"),
        (b"1\n2\n1 2147483647:1", ValueRefused, f"row 3: an index is greater than {MOST_INDEX}"),
        (b"1 1" + b"0" * 400 + b":1", ValueRefused, f"row 1: an index is greater than {MOST_INDEX}"),
        (b"1 qid:4294967296 1:1", ValueRefused, "row 1: a qid must not be greater than 4294967295"),
        (b"1 1:1\n1 3:1 2:1 3:2", ValueRefused, "row 2: the index 3 stands twice in the row"),
    ],
)
def test_faults(body: bytes, kind: type[RequestError], said: str) -> None:
    with pytest.raises(kind) as raised:
        read_libsvm(body, labelled=True)
    assert said in str(raised.value)
    assert type(raised.value) is kind


def test_faults_of_bodies_without_labels() -> None:
    with pytest.raises(BodyError, match="row 1: 'a,b' is no index:value"):
        read_libsvm(b"a,b", labelled=False)
    with pytest.raises(BodyError, match="row 2: 'qid:x' is no index:value"):
        read_libsvm(b"1:1\nqid:x 1:1", labelled=False)


def test_long_words_are_cut() -> None:
    with pytest.raises(BodyError) as raised:
        read_libsvm(b"x" * 1_000_000, labelled=True)
    assert len(str(raised.value)) < 200


def test_lines_of_rows() -> None:
    assert row_lines(b"# c\n1 1:1\n\n \n2 1:1 # c\r\n3\n") == [2, 5, 6]


@settings(max_examples=200, deadline=None)
@given(body=st.binary(max_size=60) | st.text("01 :.-eqidnaf\n\t#\r", max_size=60).map(str.encode))
@example(body=b"1 1:1\n" * 10)
@example(body=b"1 :1")
@pytest.mark.parametrize("labelled", [True, False])
def test_any_bytes_are_rows_or_refused(body: bytes, labelled: bool) -> None:
    try:
        found = read_libsvm(body, labelled=labelled)
    except RequestError as error:
        faulty = error.row or 0
    else:
        faulty = -1
        assert found.rows == len(row_lines(body)) > 0
        assert len(found.labels) == found.rows
        assert all(list(row) == sorted(row) for row in dense(found))
    assert faulty <= len(row_lines(body))
    assert faulty != 0 or not row_lines(body), "only an empty body is refused without a row"


def test_a_long_hostile_line_takes_no_long_time() -> None:
    """A regular expression that goes back over its steps would never end on this."""
    with pytest.raises(BodyError):
        read_libsvm(b"1 " + b"1:1 " * 200_000 + b"x", labelled=True)
