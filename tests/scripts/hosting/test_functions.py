"""A script's own functions: what they are given, what they may give, and what is said when they fail."""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from skewless.errors import ArtifactError
from skewless.scripts.hosting.script import code_folder
from tests.scripts.hosting.running import Answer, Hosted, hosted

JSON, CSV = "application/json", "text/csv"

# Each test asks for one line of this by name.
STEPS = """
import json, sys
import flask
import numpy as np
from sagemaker_containers.beta.framework import encoders, errors, worker
from sagemaker_inference import errors as inference_errors

CIRCULAR = {}
CIRCULAR["self"] = CIRCULAR

class Broken:
    status_code = 200
    def get_data(self):
        raise LookupError("lost")

class Odd(Exception):
    def __str__(self):
        raise RuntimeError("no text")
    __repr__ = __str__

class Custom(inference_errors.BaseInferenceToolkitError):
    pass

def model_fn(model_dir):
    print("the model is loaded from", model_dir)
    return "model"

def input_fn(body, content_type):
    return body, content_type

def predict_fn(data, model):
    body, content_type = data
    name = content_type.removeprefix("x/")
    if name == "odd":
        raise Odd()
    if name == "key":
        return {}["absent"]
    if name == "exit":
        sys.exit(3)
    if name == "long":
        raise RuntimeError("x" * 100_000)
    if name == "custom":
        raise Custom(422, "the passenger is too young", "Unprocessable")
    if name == "memory":
        raise MemoryError()
    return name, [type(body).__name__, content_type, model]

RESULTS = {
    "text": lambda made, accept: "a,b",
    "bytes": lambda made, accept: b"\\x00\\xff",
    "array": lambda made, accept: bytearray(b"array"),
    "pair": lambda made, accept: ("a,b", "text/csv"),
    "xml": lambda made, accept: ("<a/>", "image/svg+xml"),
    "charset": lambda made, accept: ("a", "text/csv; charset=latin-1"),
    "dict": lambda made, accept: {"a": 1},
    "list": lambda made, accept: [1, 2],
    "response": lambda made, accept: worker.Response(encoders.encode([[1, 2]], accept), accept, mimetype=accept),
    "status": lambda made, accept: worker.Response("teapot", status=418, mimetype="text/plain"),
    "flask": lambda made, accept: flask.Response(response=json.dumps({"a": 1}), mimetype=accept),
    "empty": lambda made, accept: "",
    "numpy": lambda made, accept: np.ones(2),
    "none": lambda made, accept: None,
    "three": lambda made, accept: ("a", "b", "c"),
    "number": lambda made, accept: ("a", 200),
    "split": lambda made, accept: ("a", "text/csv\\r\\nx-bad: 1"),
    "nothing": lambda made, accept: worker.Response(7),
    "wrong": lambda made, accept: worker.Response("a", status=9),
    "surrogate": lambda made, accept: "\\ud800",
    "none left": lambda made, accept: worker.Response("gone", status=204),
    "own response": lambda made, accept: Broken(),
    "circular": lambda made, accept: CIRCULAR,
    "unwritten": lambda made, accept: encoders.encode([1], accept),
}

def output_fn(prediction, accept):
    name, made = prediction
    return RESULTS[name](made, accept) if name in RESULTS else (json.dumps(made), "application/json")
"""


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    with hosted(tmp_path_factory.mktemp("steps"), "sklearn", STEPS) as running:
        yield running


def test_the_model_is_loaded_once_and_printing_is_logged(steps: Hosted) -> None:
    assert steps.log.count("the model is loaded from") == 1


@pytest.mark.parametrize(
    ("sent", "kind"),
    [
        (JSON, "str"),
        (CSV, "str"),
        ("text/csv; charset=utf-8", "bytes"),
        ("text/plain", "bytes"),
        ("x/y", "bytes"),
    ],
)
def test_bodies_are_text_for_two_types_and_bytes_for_others(steps: Hosted, sent: str, kind: str) -> None:
    assert steps.ask("é".encode(), sent).json == [kind, sent, "model"]


def test_what_is_no_text_is_refused_before_the_script_sees_it(steps: Hosted) -> None:
    answer = steps.ask(b"ab\xff", CSV)
    assert (answer.status, answer.json["error-message"]) == (400, "the body is no UTF-8: byte 0xff at 2")


@pytest.mark.parametrize(
    ("name", "accept", "expected"),
    [
        ("text", CSV, Answer(200, "text/csv; charset=utf-8", b"a,b")),
        ("text", JSON, Answer(200, JSON, b"a,b")),
        ("bytes", "x/y", Answer(200, "x/y", b"\x00\xff")),
        ("array", "x/y", Answer(200, "x/y", b"array")),
        ("pair", JSON, Answer(200, "text/csv; charset=utf-8", b"a,b")),
        ("xml", JSON, Answer(200, "image/svg+xml; charset=utf-8", b"<a/>")),
        ("charset", JSON, Answer(200, "text/csv; charset=latin-1", b"a")),
        ("dict", CSV, Answer(200, JSON, b'{"a": 1}')),
        ("list", CSV, Answer(200, JSON, b"[1, 2]")),
        ("response", CSV, Answer(200, "text/csv; charset=utf-8", b"1,2\n")),
        ("response", JSON, Answer(200, JSON, b"[[1, 2]]")),
        ("status", JSON, Answer(418, "text/plain; charset=utf-8", b"teapot")),
        ("flask", JSON, Answer(200, JSON, b'{"a": 1}')),
        ("empty", JSON, Answer(200, JSON, b"")),
        ("none left", JSON, Answer(204, JSON, b"")),
    ],
)
def test_what_a_function_may_give(steps: Hosted, name: str, accept: str, expected: Answer) -> None:
    assert steps.ask(b"", f"x/{name}", accept) == expected


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("numpy", "TypeError: output_fn returned a ndarray: a body is text or bytes"),
        ("none", "TypeError: output_fn returned a NoneType: a body is text or bytes"),
        ("three", "TypeError: output_fn returned a tuple that is not (body, content type)"),
        ("number", "TypeError: output_fn returned a tuple that is not (body, content type)"),
        ("split", "which cannot stand in a header"),
        ("nothing", "a response's body is text or bytes, and this is a int"),
        ("surrogate", "UnicodeEncodeError: 'utf-8' codec can't encode"),
        ("own response", "LookupError: lost"),
        ("circular", "ValueError: Circular reference detected"),
        ("wrong", "ValueError: output_fn answered with 9, which is no status"),
        ("key", "predict_fn failed at inference.py, line 37: KeyError: 'absent'"),
        ("odd", "predict_fn failed at inference.py, line 35: Odd: its text cannot be had"),
        ("exit", "predict_fn failed at inference.py, line 39: SystemExit: 3"),
        ("memory", "predict_fn failed at inference.py, line 45: MemoryError"),
        ("long", "x" * 1000 + "…"),
    ],
)
def test_what_fails_says_in_which_function_and_line(steps: Hosted, name: str, said: str) -> None:
    answer = steps.ask(b"", f"x/{name}", CSV)
    assert (answer.status, answer.content_type) == (500, JSON)
    assert said in answer.json["error-message"]
    assert "stack-trace" not in answer.json
    assert len(answer.body) < 2000
    assert said in steps.log


def test_the_log_has_the_traceback_from_the_scripts_first_line(steps: Hosted) -> None:
    steps.ask(b"", "x/key")
    log = steps.log
    assert 'return {}["absent"]' in log
    assert "hosting/functions.py" not in log


def test_an_error_may_bring_its_status(steps: Hosted) -> None:
    answer = steps.ask(b"", "x/custom")
    assert (answer.status, answer.json["error"]) == (422, "Custom")


def test_an_encoder_that_does_not_write_the_type_is_a_406(steps: Hosted) -> None:
    answer = steps.ask(b"", "x/unwritten", "image/png")
    assert (answer.status, answer.json["error"]) == (406, "UnsupportedFormatError")


def test_one_function_may_do_it_all(tmp_path: Path) -> None:
    source = """
import json
from sagemaker_containers.beta.framework import encoders

def model_fn(model_dir):
    return {"bias": 10}

def transform_fn(model, body, content_type, accept):
    rows = encoders.decode(body, content_type)
    return encoders.encode(rows + model["bias"], accept), accept
"""
    with hosted(tmp_path, "sklearn", source) as running:
        assert running.ask(b"[[1, 2]]", JSON, CSV) == Answer(200, "text/csv; charset=utf-8", b"11,12\n")
        assert running.ask(b"[[1, 2]]", "x/y").status == 415
        assert running.ask(b"[[1,", JSON).status == 400
        assert running.ask(b'["a"]', JSON).status == 500


def test_the_original_answers_plain_text_as_html(tmp_path: Path) -> None:
    source = """
def model_fn(model_dir):
    return None

def transform_fn(model, body, content_type, accept):
    if accept == "boom":
        from sagemaker_containers.beta.framework import errors
        raise errors.UnsupportedFormatError(content_type)
    return body
"""
    with hosted(tmp_path, "sklearn", source, SKEWLESS_STRICT="1") as running:
        assert running.ask(b"\xff", JSON, JSON) == Answer(200, "text/html; charset=utf-8", "\ufffd".encode())
        assert running.ask(b"[]", JSON, "boom").status == 500


def test_own_modules_and_an_archive_of_code(tmp_path: Path) -> None:
    """The script's folder comes first on the path, in an archive too."""
    folder = tmp_path / "module"
    folder.mkdir()
    (folder / "helper.py").write_text("VALUE = 41\n")
    (folder / "serve_it.py").write_text(
        "import argparse\nimport helper\n"
        "argparse.ArgumentParser().parse_args()\n"
        "def model_fn(model_dir):\n    return helper.VALUE\n"
        "def transform_fn(model, body, content_type, accept):\n    return str(model + 1), accept\n"
    )
    archive = pack(folder, tmp_path / "sourcedir.tar.gz")
    settings = {"SAGEMAKER_SUBMIT_DIRECTORY": str(archive), "SAGEMAKER_PROGRAM": "serve_it"}
    with hosted(tmp_path, "sklearn", "", **settings) as running:
        assert running.ask(b"").text == "42"


def test_code_travels_in_the_model(tmp_path: Path) -> None:
    (tmp_path / "model/code").mkdir(parents=True)
    (tmp_path / "model/code/inference.py").write_text("def predict_fn(data):\n    return data\n")
    with hosted(tmp_path, "python", "", SAGEMAKER_SUBMIT_DIRECTORY="") as running:
        assert running.ask(json.dumps([1])).json == [1]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("../evil.py", tarfile.REGTYPE),
        ("/evil.py", tarfile.REGTYPE),
        ("evil", tarfile.SYMTYPE),
        ("e", tarfile.FIFOTYPE),
    ],
)
def test_an_archive_of_code_that_leads_out_is_refused(tmp_path: Path, name: str, kind: bytes) -> None:
    archive = tmp_path / "sourcedir.tar.gz"
    with tarfile.open(archive, "w:gz") as file:
        member = tarfile.TarInfo(name)
        member.type, member.linkname = kind, "/etc/passwd"
        file.addfile(member, io.BytesIO())
    with pytest.raises(ArtifactError, match=re.escape(str(archive))), code_folder(archive):
        pass
    assert [one.name for one in tmp_path.iterdir()] == [archive.name]


def pack(folder: Path, archive: Path) -> Path:
    """A folder as a tar.gz."""
    with tarfile.open(archive, "w:gz") as file:
        for one in folder.iterdir():
            file.add(one, one.name)
    return archive
