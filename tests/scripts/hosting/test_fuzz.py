"""Whatever is sent, defaults answer, and what cannot be read is the caller's fault: never a 500."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from skewless.scripts.hosting.functions import Functions
from skewless.scripts.hosting.settings import Hosting
from skewless.scripts.hosting.wire import Ask
from skewless.scripts.toolkit.arrays import array_to_npy
from tests.scripts.hosting.running import Hosted, environment, hosted

TYPES = [
    "application/json",
    "text/csv",
    "application/x-npy",
    "application/jsonlines",
    "text/libsvm",
    "application/x-recordio-protobuf",
    "text/plain",
]
NPY = array_to_npy(np.ones((2, 2), np.float32))

values: st.SearchStrategy[Any] = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)
cells = st.one_of(st.floats().map(str), st.integers().map(str), st.text(max_size=4))
tables = st.lists(st.lists(cells, max_size=4).map(",".join), max_size=4).map("\n".join)
changed = st.builds(
    lambda at, byte: NPY[:at] + bytes([byte]) + NPY[at + 1 :],
    st.integers(0, len(NPY) - 1),
    st.integers(0, 255),
)
bodies = st.one_of(
    st.binary(max_size=60),
    values.map(lambda value: json.dumps(value).encode()),
    tables.map(lambda text: text.encode("utf-8", "surrogatepass")),
    changed,
)
names = st.one_of(
    st.sampled_from(TYPES), st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=10)
)


def script(**functions: Any) -> ModuleType:
    """A script of these functions."""
    module = ModuleType("inference")
    vars(module).update(functions)
    return module


class Model:
    """Predicts zeros."""

    def predict(self, data: Any, **options: Any) -> Any:
        return np.zeros(data.num_row() if options else len(data))


@pytest.fixture(scope="module", params=["sklearn", "xgboost", "python"])
def functions(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Functions:
    hosting = Hosting.read(environment(tmp_path_factory.mktemp("fuzz"), request.param))
    own = (
        {"predict_fn": lambda data: data}
        if request.param == "python"
        else {"model_fn": lambda model_dir: Model()}
    )
    return Functions(script(**own), replace(hosting, accept=None))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(bodies, names, st.one_of(st.just(""), names))
@example(b"[" * 100_000, "application/json", "")
@example(b"9" * 10_000, "application/json", "")
@example(b'["\\ud800"]', "application/json", "application/json")
@example(b'"' + b"x" * 200_000, "text/csv", "")
@example(b"\x93NUMPY\x01\x00\x10\x27" + b"(" * 10_000, "application/x-npy", "")
@example(b"1 4000000000:1", "text/libsvm", "")
@example(b"1 2147483646:1", "text/libsvm", "")
def test_no_body_and_no_type_is_a_500(functions: Functions, body: bytes, kind: str, accept: str) -> None:
    told = functions.answer(Ask(body, kind, accept))
    python = functions.hosting.kind == "python"
    # A prediction that the wanted type cannot hold is the function's doing, and python's function gives what it gets.
    allowed = (200, 400, 415, 406, 500) if python else (200, 400, 415, 406)
    assert told.status in allowed, told.body
    if told.status == 500:
        assert json.loads(told.body)["function"] == "output_fn"
    if told.status != 200:
        assert len(told.body) < 20_000


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    source = "def predict_fn(data):\n    return data\n"
    with hosted(tmp_path_factory.mktemp("server"), "python", source) as running:
        yield running


@pytest.mark.parametrize(
    "sent",
    [
        b"\x00" * 100,
        b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"POST /invocations HTTP/9.9\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nhost: x\r\n" + b"x: " + b"y" * 200_000 + b"\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\nhalf",
        b"GET /invocations/../../etc HTTP/1.1\r\nhost: x\r\n\r\n",
        b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-type: \xff\xfe\r\ncontent-length: 1\r\n\r\n1",
    ],
)
def test_broken_http_harms_nobody(server: Hosted, sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(20)
        connection.connect(str(server.socket))
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        answer = connection.makefile("rb").read()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 4"), answer
    assert server.ask(b"[1]", "application/json").text == "[1]"


def test_a_caller_that_goes_away_is_forgotten(server: Hosted) -> None:
    for _ in range(20):
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.connect(str(server.socket))
            connection.sendall(b"POST /invocations HTTP/1.1\r\nhost: x\r\ncontent-length: 3\r\n\r\n[1]")
    assert server.ask(b"[1]", "application/json").text == "[1]"
