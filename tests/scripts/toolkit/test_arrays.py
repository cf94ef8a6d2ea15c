"""The toolkits' encoders and decoders, and XGBoost's."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
import xgboost
from scipy.sparse import csr_matrix

from skewless.codecs.recordio import read_examples
from skewless.scripts.toolkit import arrays, dmatrix
from skewless.scripts.toolkit.errors import ClientError, DecodeError, UnsupportedFormatError

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"


@pytest.mark.parametrize("target", [[42, 6, 9], [42.0, 6.0, 9.0], ["42", "6", "9"], [[1, 2], [3, 4]]])
def test_json_and_npy_give_what_they_hold(target: Any) -> None:
    for kind in (JSON, NPY):
        found = arrays.decode(arrays.encode(target, kind), kind)
        assert (found == np.array(target)).all()
        assert found.dtype == np.array(target).dtype


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("42,6,9", [42.0, 6.0, 9.0]),
        ("42\n6\n9\n", [42.0, 6.0, 9.0]),
        ("1,2\n3,4\n", [[1.0, 2.0], [3.0, 4.0]]),
        ('"a,b",c\nd,"e"', [["a,b", "c"], ["d", "e"]]),
        ("1,a", ["1", "a"]),
    ],
)
def test_csv_is_numbers_or_text_without_dimensions_of_one(text: str, expected: Any) -> None:
    assert arrays.decode(text, CSV).tolist() == expected


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([42, 6, 9], "42\n6\n9\n"),
        ([[1.5, 2], [3, 4]], "1.5,2.0\n3.0,4.0\n"),
        (np.ones((2, 2)), "1.0,1.0\n1.0,1.0\n"),
        (np.array([[0.1]], np.float32), "0.1\n"),
        ([["a,b", 'c"d']], '"a,b","c""d"\n'),
        (csr_matrix(np.eye(2)), "1.0,0.0\n0.0,1.0\n"),
    ],
)
def test_csv_as_it_is_written(value: Any, text: str) -> None:
    assert arrays.encode(value, CSV) == text


def test_arrays_anywhere_in_json_are_lists() -> None:
    value = {"a": np.ones(2), "b": [np.float32(0.5), csr_matrix(np.eye(1))]}
    assert arrays.encode(value, JSON) == '{"a": [1.0, 1.0], "b": [0.5, [[1.0]]]}'
    with pytest.raises(TypeError, match="a object cannot be written as JSON"):
        arrays.encode(object(), JSON)


def test_texts_that_would_fill_the_memory_are_refused() -> None:
    with pytest.raises(DecodeError, match="too much for an array"):
        arrays.decode("x" * 100_000 + "\n1" * 10_000, CSV)
    with pytest.raises(DecodeError, match="too much for an array"):
        arrays.decode('["' + "x" * 1_000_000 + '"' + ", 1" * 10_000 + "]", JSON)


def test_three_dimensions_and_python_objects_are_refused() -> None:
    with pytest.raises(ClientError, match="this has 3"):
        arrays.encode(np.ones((1, 1, 1)), CSV)
    with pytest.raises(ValueError, match="Object arrays cannot be saved"):
        arrays.encode([object()], NPY)
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DecodeError, match="never loaded"):
        arrays.decode(buffer.getvalue(), NPY)


@pytest.mark.parametrize("kind", ["text/csv; charset=utf-8", "text/html", ""])
def test_other_types_are_not_supported(kind: str) -> None:
    for function in (arrays.decode, arrays.encode, arrays.inference_decode, arrays.inference_encode):
        with pytest.raises(UnsupportedFormatError, match=f"^Content type {kind} is not supported"):
            function(b"", kind)


def test_the_inference_toolkits_csv() -> None:
    assert arrays.inference_decode("1,2\n3,4", CSV).tolist() == [[1, 2], [3, 4]]
    assert np.isnan(arrays.inference_decode("a,2", CSV)).tolist() == [True, False]
    with pytest.raises(DecodeError):
        arrays.inference_decode("1,2\n3", CSV)
    assert arrays.inference_encode([[1.5, 2], [3, 4]], CSV) == "1.5,2.0\n3.0,4.0\n"
    assert arrays.inference_encode([["a", "b"]], CSV) == "a,b\n"
    assert arrays.inference_encode([1], JSON) == "[1]"


def test_records() -> None:
    rows = np.array([[1, 2], [3, 4]], np.float32)
    found = read_examples(arrays.array_to_recordio_protobuf(rows, np.array([5, 6], np.float32)))
    assert found.values.reshape(2, 2).tolist() == rows.tolist()
    assert found.labels is not None
    assert found.labels.tolist() == [5, 6]
    assert len(read_examples(arrays.array_to_recordio_protobuf(np.ones(3, np.float32)))) == 1


@pytest.mark.parametrize("target", ["42,6,9", b"42,6,9", "42.0,6.0,9.0", "42;6;9", "42\t6\t9", "42|6|9"])
def test_a_line_of_csv_is_a_row_of_a_matrix(target: str | bytes) -> None:
    found = dmatrix.csv_to_dmatrix(target)
    assert isinstance(found, xgboost.DMatrix)
    assert found.get_data().toarray().tolist() == [[42, 6, 9]]


def test_csv_of_a_column_and_with_missing_cells() -> None:
    assert dmatrix.csv_to_dmatrix("42\n6\n9\n").get_data().toarray().ravel().tolist() == [42, 6, 9]
    assert dmatrix.csv_to_dmatrix("1,,3").num_nonmissing() == 2


@pytest.mark.parametrize("target", ["1999-12-31", "10:11:12", "a,b,c", "1,2\n3"])
def test_what_is_no_number_is_a_value_error(target: str) -> None:
    with pytest.raises(ValueError, match=r"is no number|row 2 has 1 cells"):
        dmatrix.csv_to_dmatrix(target)


def test_a_matrix_by_its_content_type() -> None:
    for kind in ("text/csv", "text/csv; charset=UTF-8"):
        assert dmatrix.decode(b"1,2", kind).num_col() == 2
    assert dmatrix.decode("1 0:5 3:7", "text/libsvm").num_col() == 4
    with pytest.raises(UnsupportedFormatError):
        dmatrix.decode(b"[1]", "application/json")


def test_predictions_become_lines() -> None:
    assert dmatrix.json_to_jsonlines('{"predictions": [{"score": 0.5}, 2]}') == b'{"score": 0.5}\n2\n'
    assert dmatrix.json_to_jsonlines({"predictions": []}) == b""
    with pytest.raises(ValueError, match="there are 2: other, predictions"):
        dmatrix.json_to_jsonlines({"predictions": [], "other": []})
