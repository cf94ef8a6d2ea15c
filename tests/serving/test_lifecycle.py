"""How servers start and end: signals, ports, worker processes. Nothing may be left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.pipelines import CAR, CAR_LABEL
from tests.serving.running import (
    PATIENCE,
    SKEWLESS,
    Server,
    answers,
    command_of,
    eventually,
    request,
    serving,
)

TYPE = "content-type: text/csv"


def refused(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """A server that should not start."""
    return subprocess.run(
        [SKEWLESS, "serve", *arguments], capture_output=True, text=True, timeout=PATIENCE, check=False
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_asked_to_stop_it_finishes_what_it_began(pipeline: Path, tmp_path: Path, number: int) -> None:
    """A request that is only half there when the signal comes is still answered; then the port is closed."""
    with serving(pipeline, tmp_path) as server, server.connect() as connection:
        whole = request(CAR, TYPE)
        connection.sendall(whole[:-5])
        assert server.ask(CAR).body == CAR_LABEL  # so the half one has been seen too
        server.process.send_signal(number)
        eventually(lambda: not listens(server.port), "the port stays open")
        connection.sendall(whole[-5:])
        (answer,) = answers(connection, 1)
        assert (answer.body, answer.headers["connection"]) == (CAR_LABEL, "close")
        assert server.process.wait(PATIENCE) == 0
        assert server.log == ""


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True


def test_the_first_line_says_where(server: Server) -> None:
    assert server.ready.startswith(
        f"sparkml → xgboost → sparkml on http://127.0.0.1:{server.port}/invocations "
    )
    assert "370 parity rows replayed" in server.ready


def test_a_port_in_use(pipeline: Path, server: Server) -> None:
    done = refused(pipeline, "--port", str(server.port))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: port {server.port} on 127.0.0.1 is in use by another program. Choose another with --port.\n"
    )


def test_the_port_of_a_server_that_has_just_ended_can_be_had_at_once(pipeline: Path, tmp_path: Path) -> None:
    with serving(pipeline, tmp_path) as first, first.connect() as connection:
        connection.sendall(request(CAR, TYPE))
        answers(connection, 1)
        assert first.stop() == 0  # it closed first, so its side of the connection lingers
        with serving(pipeline, tmp_path, "--port", str(first.port)) as second:
            assert second.port == first.port


def pids_that_answer(server: Server) -> set[int]:
    """Which processes hold a connection from here, out of enough connections that each gets some."""
    connections = [server.connect() for _ in range(64)]
    try:
        for connection in connections:
            connection.sendall(request(CAR, TYPE))
        assert {answers(connection, 1)[0].body for connection in connections} == {CAR_LABEL}
        return {pid for pid in server.children() if sockets(pid) > 8}
    finally:
        for connection in connections:
            connection.close()


def sockets(pid: int) -> int:
    found = 0
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found += str(link.readlink()).startswith("socket:")
        except OSError:
            continue
    return found


def test_two_workers(pipeline: Path, tmp_path: Path) -> None:
    """Both get requests, a killed one is replaced, and all end with the first process."""
    with serving(pipeline, tmp_path, "--workers", "2") as server:
        first = set(server.children())
        assert len(first) == 2
        eventually(lambda: pids_that_answer(server) == first, "one worker gets no requests")
        dead = min(first)
        os.kill(dead, signal.SIGKILL)
        eventually(lambda: len(set(server.children()) - {dead}) == 2, "the killed worker is not replaced")
        now = set(server.children())
        assert now != first
        eventually(lambda: pids_that_answer(server) == now, "the new worker gets no requests")
        assert server.stop() == 0
        assert [command_of(pid) for pid in now] == ["", ""]
        assert not listens(server.port)
        assert "Traceback" not in server.log


def test_workers_do_not_outlive_the_first_process(pipeline: Path, tmp_path: Path) -> None:
    with serving(pipeline, tmp_path, "--workers", "2") as server:
        workers = server.children()
        assert len(workers) == 2
        assert server.stop(signal.SIGKILL) == -signal.SIGKILL
        eventually(lambda: not any(map(command_of, workers)), "workers are left behind")
        assert not listens(server.port)


def test_a_worker_that_finds_other_files_than_the_first_process_is_not_tried_for_ever(
    pipeline: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    for file in pipeline.parent.iterdir():
        (own / file.name).write_bytes(file.read_bytes())
    with serving(own / "pipeline.yaml", tmp_path, "--workers", "2") as server:
        (own / "xgb.tar.gz").write_bytes(b"something else")
        os.kill(server.children()[0], signal.SIGKILL)
        assert server.process.wait(PATIENCE) == 1
        assert "xgb.tar.gz: is neither a zip nor a tar.gz" in server.log
        assert "error: a worker process could not start. What it said stands above." in server.log
        assert "Traceback" not in server.log


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--port", "65536"], 2, "'--port'"),
        (["--workers", "0"], 2, "'--workers'"),
        (
            ["--host", "no.such.host.invalid", "--port", "0"],
            1,
            "cannot listen on host 'no.such.host.invalid'",
        ),
        (["--host", "192.0.2.1", "--port", "0"], 1, "cannot listen on host '192.0.2.1', port 0"),
    ],
)
def test_options_that_are_refused(pipeline: Path, options: list[str], status: int, said: str) -> None:
    done = refused(pipeline, *options)
    assert (done.returncode, said in done.stderr) == (status, True), done.stderr
    assert "Traceback" not in done.stderr


def test_ipv6(pipeline: Path, tmp_path: Path) -> None:
    if not Path("/proc/net/if_inet6").exists():
        # Then the refusal is the test.
        assert "::1" in refused(pipeline, "--host", "::1", "--port", "0").stderr
        return
    with serving(pipeline, tmp_path, "--host", "::1") as server:
        assert f"http://[::1]:{server.port}/invocations" in server.ready
        socket.create_connection(("::1", server.port), timeout=PATIENCE).close()
