"""The own Python container: a function and no more, plain values in and out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.scripts.hosting.running import Answer, Hosted, hosted

JSON, LINES, CSV, NPY = "application/json", "application/jsonlines", "text/csv", "application/x-npy"

SCRIPT = """
import numpy as np

def model_fn(model_dir):
    return {"name": "model"}

def predict_fn(data, model):
    if not isinstance(data, str):
        return data
    if data == "array":
        return np.array([[1, 2.5], [3, 4]], dtype="float32")
    if data == "frame":
        import pandas
        return pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    if data == "model":
        return model
    if data == "scalar":
        return 7
    return data
"""


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with hosted(tmp_path_factory.mktemp("python"), "python", SCRIPT, SAGEMAKER_PROGRAM="") as running:
        yield running


def test_a_function_of_the_data_alone_is_enough(tmp_path: Path) -> None:
    source = "def predict_fn(rows):\n    return [[row[0].upper(), len(row)] for row in rows]\n"
    with hosted(tmp_path, "python", source) as running:
        assert running.ask('a,b\n"c,d",e\n', "text/csv; charset=utf-8") == Answer(
            200, "text/csv; charset=utf-8", b'A,2\n"C,D",2\n'
        )
        assert running.ask(b'[["x"]]', JSON, CSV) == Answer(200, CSV, b"X,1\n")
        assert (
            running.ask(b"7", JSON)
            .json["error-message"]
            .startswith("predict_fn failed at inference.py, line 2")
        )


@pytest.mark.parametrize(
    ("body", "kind", "accept", "expected"),
    [
        (b'{"a": [1, null]}', JSON, None, Answer(200, JSON, b'{"a": [1, null]}')),
        (b'1\n\n{"a": 2}\n', LINES, None, Answer(200, LINES, b'1\n{"a": 2}\n')),
        (b"1\n2\n", LINES, JSON, Answer(200, JSON, b"[1, 2]")),
        (b"1,\n,2\n", CSV, "*/*", Answer(200, CSV, b"1,\n,2\n")),
        (b"1,2\n", CSV, JSON, Answer(200, JSON, b'[["1", "2"]]')),
        (b"[1, 2]", JSON, CSV, Answer(200, CSV, b"1\n2\n")),
        ('"Größe"'.encode(), JSON, "text/plain", Answer(200, "text/plain", "Größe".encode())),
        (b"plain", "text/plain", None, Answer(200, "text/plain", b"plain")),
        (b'"array"', JSON, CSV, Answer(200, CSV, b"1.0,2.5\n3.0,4.0\n")),
        (b'"array"', JSON, LINES, Answer(200, LINES, b"[1.0, 2.5]\n[3.0, 4.0]\n")),
        (b'"array"', JSON, JSON, Answer(200, JSON, b"[[1.0, 2.5], [3.0, 4.0]]")),
        (b'"frame"', JSON, CSV, Answer(200, CSV, b"1,x\n2,y\n")),
        (b'"frame"', JSON, JSON, Answer(200, JSON, b'[[1, "x"], [2, "y"]]')),
        (b'"model"', JSON, None, Answer(200, JSON, b'{"name": "model"}')),
    ],
)
def test_values_in_and_out(
    python: Hosted, body: bytes, kind: str, accept: str | None, expected: Answer
) -> None:
    assert python.ask(body, kind, accept) == expected


def test_arrays(python: Hosted) -> None:
    answer = python.ask(b'"array"', JSON, NPY)
    assert np.load(io.BytesIO(answer.body)).dtype == np.float32
    assert python.ask(answer.body, NPY, CSV).text == "1.0,2.5\n3.0,4.0\n"


@pytest.mark.parametrize(
    ("body", "kind", "accept", "status", "said"),
    [
        (b"x", "image/png", None, 415, "Content type image/png is not supported"),
        (b"1", JSON, "image/png", 406, "Content type image/png is not supported"),
        (b"{", JSON, None, 400, "no JSON"),
        (b"1\n{", LINES, None, 400, "line 2: the body is no JSON"),
        (b"\xff", CSV, None, 400, "no UTF-8"),
        (b'"scalar"', JSON, CSV, 500, "a int has no rows to write as CSV"),
        (b'"model"', JSON, CSV, 500, "a dict has no rows to write as CSV"),
    ],
)
def test_what_is_not_read_or_written(
    python: Hosted, body: bytes, kind: str, accept: str | None, status: int, said: str
) -> None:
    answer = python.ask(body, kind, accept)
    assert (answer.status, said in answer.json["error-message"]) == (status, True), answer.text


def test_the_environment_may_wish_for_another_type(tmp_path: Path) -> None:
    source = "def predict_fn(*data):\n    return data[0]\n"
    with hosted(tmp_path, "python", source, SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT=LINES) as running:
        assert running.ask(b"[1, 2]", JSON) == Answer(200, LINES, b"1\n2\n")
