"""The scikit-learn container's contract, function by function, over HTTP against the running program."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.scripts.hosting.running import Answer, Hosted, hosted

JSON, CSV, NPY = "application/json", "text/csv", "application/x-npy"
TEXT = "text/csv; charset=utf-8"

# The model gives back what it is asked about, and what it was.
ECHO = """
class Echo:
    def predict(self, data):
        if data.shape == (1, 1):
            raise ValueError(f"X has {data.shape[1]} features, but Echo is expecting 3 features")
        return data

def model_fn(model_dir):
    return Echo()
"""
SHAPES = """
class Shapes:
    def predict(self, data):
        if data.size == 7:
            raise ValueError("seven values are too many")
        return [type(data).__module__, str(data.dtype), list(data.shape), data.tolist()]

def model_fn(model_dir):
    return Shapes()
"""


def npy(values: object, dtype: str) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array(values, dtype=dtype))
    return buffer.getvalue()


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with hosted(tmp_path_factory.mktemp("shapes"), "sklearn", SHAPES) as running:
        yield running


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with hosted(tmp_path_factory.mktemp("original"), "sklearn", SHAPES, SKEWLESS_STRICT="1") as running:
        yield running


@pytest.fixture(scope="module")
def echo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with hosted(tmp_path_factory.mktemp("echo"), "sklearn", ECHO) as running:
        yield running


VECTORS = [
    (JSON, b"[42, 6, 9]", [3], [1, 3]),
    (JSON, b"[42.0, 6.0, 9.0]", [3], [1, 3]),
    (JSON, b'["42","6","9"]', [3], [1, 3]),
    (CSV, b"42\n6\n9\n", [3], [3, 1]),
    (CSV, b"42,6,9\n", [3], [1, 3]),
    (CSV, b"42,6,9", [3], [1, 3]),
    (NPY, npy([42, 6, 9], "float32"), [3], [1, 3]),
    (NPY, npy([42, 6, 9], "float64"), [3], [1, 3]),
    (NPY, npy([42, 6, 9], "int64"), [3], [1, 3]),
    (CSV, b"42,6,9\n1,2,3\n", [2, 3], [2, 3]),
    (JSON, b"[[42, 6, 9]]", [1, 3], [1, 3]),
    (NPY, npy([[42, 6, 9]], "float64"), [1, 3], [1, 3]),
]


@pytest.mark.parametrize(("kind", "body", "flat", "rows"), VECTORS)
def test_bodies_are_arrays_of_float32(
    shapes: Hosted, original: Hosted, kind: str, body: bytes, flat: list[int], rows: list[int]
) -> None:
    """The original drops dimensions of length one; here a line stays a row."""
    for server, shape in ((original, flat), (shapes, rows)):
        answer = server.ask(body, kind)
        assert (answer.status, answer.content_type) == (200, JSON), answer.text
        module, dtype, found, values = answer.json
        assert (module, dtype, found) == ("numpy", "float32", shape)
        assert np.ravel(values)[:3].tolist() == [42, 6, 9]


def test_json_is_taken_for_granted(shapes: Hosted) -> None:
    assert shapes.ask(b"[[1, 2]]").json[3] == [[1, 2]]
    assert shapes.ask(b"[[1, 2]]", headers={"ContentType": JSON, "content-type": "text/x"}).json[3] == [
        [1, 2]
    ]


def test_an_empty_cell_is_missing(shapes: Hosted, original: Hosted) -> None:
    assert shapes.ask(b"1,,3", CSV).text == '["numpy", "float32", [1, 3], [[1.0, NaN, 3.0]]]'
    assert original.ask(b"1,,3", CSV).status == 500


@pytest.mark.parametrize(
    "kind", ["text/csv; charset=utf-8", "TEXT/CSV", "application/x-image", "text/csv;", "csv"]
)
def test_types_are_matched_to_the_letter(shapes: Hosted, original: Hosted, kind: str) -> None:
    for server in (shapes, original):
        answer = server.ask(b"1,2", kind)
        assert (answer.status, answer.content_type) == (415, JSON)
        said = answer.json
        assert said["error"] == "UnsupportedFormatError"
        assert said["error-message"].startswith(f"Content type {kind} is not supported by this framework.")
        assert "UnsupportedFormatError" in said["stack-trace"]


def ones(echo: Hosted, accept: str | None) -> Answer:
    return echo.ask(b"[[1, 1], [1, 1]]", JSON, accept)


def test_answers_are_written_in_three_types(echo: Hosted) -> None:
    assert ones(echo, JSON) == Answer(200, JSON, b"[[1.0, 1.0], [1.0, 1.0]]")
    assert ones(echo, CSV) == Answer(200, TEXT, b"1.0,1.0\n1.0,1.0\n")
    answer = ones(echo, NPY)
    assert (answer.status, answer.content_type) == (200, NPY)
    assert np.load(io.BytesIO(answer.body)).tolist() == [[1, 1], [1, 1]]


@pytest.mark.parametrize("accept", [None, "*/*", ""])
def test_without_a_wish_it_is_json(echo: Hosted, accept: str | None) -> None:
    assert ones(echo, accept).content_type == JSON


@pytest.mark.parametrize("accept", ["text/csv, */*", "text/csv; charset=utf-8", "application/xml", "*"])
def test_an_unknown_wish_is_refused(echo: Hosted, accept: str) -> None:
    answer = ones(echo, accept)
    assert (answer.status, answer.content_type) == (406, JSON)
    assert set(answer.json) >= {"error", "error-message", "stack-trace"}


@pytest.mark.parametrize(
    ("kind", "body", "said"),
    [
        (JSON, b"[1, 2", "no JSON"),
        (JSON, b"[" * 100_000, "nested too deeply"),
        (JSON, b"[[1], [2, 3]]", "no array"),
        (JSON, b'{"a": 1}', "no array of numbers"),
        (JSON, b"7", "one value"),
        (JSON, b"[]", "no row"),
        (JSON, b"[[]]", "no row"),
        (JSON, b"", "no JSON"),
        (JSON, b"\xff", "no UTF-8: byte 0xff at 0"),
        (CSV, b"", "no row"),
        (CSV, b"1,2\n3", "row 2 has 1 cells where row 1 has 2"),
        (CSV, b"1,2\n3,four", "row 2, column 2: 'four' is no number"),
        (CSV, b'1,"2', "no CSV"),
        (CSV, b"1_0", "'1_0' is no number"),
        (CSV, b"x" * 100_000 + b"\n1" * 10_000, "row 1, column 1: 'xxxx"),
        (JSON, b'["' + b"x" * 1_000_000 + b'"' + b", 1" * 10_000 + b"]", "too much for an array"),
        (NPY, b"x", "no .npy file"),
        (NPY, b"", "no .npy file"),
        (NPY, npy([42, 6, 9], "float32")[:-1], "there is less"),
        (NPY, npy([42], "float32").replace(b"(1,)", b"(9999999999,)", 1), "there is less"),
        (NPY, npy(["a"], "U1"), "no array of numbers"),
    ],
)
def test_what_cannot_be_read_is_the_callers_fault(echo: Hosted, kind: str, body: bytes, said: str) -> None:
    answer = echo.ask(body, kind)
    assert answer.status == 400, answer.text
    assert said in answer.json["error-message"]
    assert answer.json["function"] == "input_fn"


def test_nothing_is_unpickled(echo: Hosted, tmp_path: Path) -> None:
    witness = tmp_path / "witness"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[str, str]]:
            return (open, (str(witness), "w"))

    buffer = io.BytesIO()
    np.save(buffer, np.array([Bomb()], dtype=object), allow_pickle=True)
    answer = echo.ask(buffer.getvalue(), NPY)
    assert (answer.status, "never loaded" in answer.text) == (400, True)
    assert not witness.exists()


def test_a_model_that_refuses_the_data_refuses_the_caller(echo: Hosted) -> None:
    answer = echo.ask(b"[[1]]", JSON)
    assert answer.status == 400
    assert answer.json["error-message"] == "X has 1 features, but Echo is expecting 3 features"


def test_the_original_tells_every_fault_as_its_own(shapes: Hosted, original: Hosted) -> None:
    for body, kind in ((b"1,2,3,4,5,6,7", CSV), (b"[1, 2", JSON), (b"1,a", CSV), (b"1,2\n3", CSV)):
        assert (shapes.ask(body, kind).status, original.ask(body, kind).status) == (400, 500)
    assert (shapes.ask(b"\xff", CSV).status, original.ask(b"\xff", CSV).status) == (400, 500)
    assert "predict_fn failed" in original.ask(b"1,2,3,4,5,6,7", CSV).json["error-message"]


def test_the_other_routes(echo: Hosted) -> None:
    assert echo.get("/ping") == Answer(200, None, b"")
    assert echo.get("/execution-parameters") == Answer(404, JSON, b"{}")
    assert echo.get("/else") == Answer(404, JSON, b"{}")
    assert echo.get("/invocations").status == 405


def test_the_default_wish_comes_from_the_environment(tmp_path: Path) -> None:
    source = ECHO + "\ndef execution_parameters_fn():\n    return {'MaxConcurrentTransforms': 2}\n"
    settings = {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": CSV}
    with hosted(tmp_path, "sklearn", source, **settings) as running:
        assert ones(running, None) == Answer(200, TEXT, b"1.0,1.0\n1.0,1.0\n")
        assert ones(running, "*/*").content_type == TEXT
        assert ones(running, JSON).content_type == JSON
        parameters = running.get("/execution-parameters")
        assert (parameters.status, parameters.content_type) == (200, JSON)
        assert json.loads(parameters.body) == {"MaxConcurrentTransforms": 2}
        assert running.stop() == 0
