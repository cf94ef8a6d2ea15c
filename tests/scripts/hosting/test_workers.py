"""The processes of a served script: they hang, end, are busy and are told to stop, and the server answers for them."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from skewless.errors import SettingError
from skewless.lifetime import runs
from skewless.scripts.hosting.script import load_script
from skewless.scripts.hosting.settings import Hosting
from tests.scripts.hosting.running import (
    PATIENCE,
    Answer,
    Hosted,
    environment,
    fails,
    hosted,
    started,
    write_script,
)

# What a request wants is its body; files in the model's folder are how the tests talk to it.
SCRIPT = """
import os, signal, time
from pathlib import Path

ROOT = Path(os.environ["SM_MODEL_DIR"])
while (ROOT / "block").exists():
    time.sleep(0.02)

def transform_fn(model, body, content_type, accept):
    if body == "pid":
        return str(os.getpid())
    if body == "hang":
        (ROOT / "hangs").touch()
        time.sleep(600)
    if body == "exit":
        os._exit(7)
    if body == "deaf":
        os.closerange(3, 1000)
        time.sleep(600)
    if body == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if body.startswith("meet "):
        _, mine, other = body.split()
        (ROOT / mine).touch()
        while not (ROOT / other).exists():
            time.sleep(0.01)
        return "met"
    return "large" * 1_000_000 if body == "large" else body
"""
TEXT = "text/plain"


def eventually(what: Callable[[], bool], message: str) -> None:
    end = time.monotonic() + PATIENCE
    while not what():
        assert time.monotonic() < end, message
        time.sleep(0.02)


def pid_of(server: Hosted) -> int:
    """The number of a process that answers, as soon as one does."""
    found: list[Answer] = []

    def answers() -> bool:
        found.append(server.ask(b"pid", TEXT))
        return found[-1].status == 200

    eventually(answers, "no process answers")
    return int(found[-1].text)


@pytest.fixture(scope="module")
def impatient(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """One worker, six seconds a request, small bodies."""
    settings = {"SAGEMAKER_MODEL_SERVER_TIMEOUT": "6", "SAGEMAKER_MAX_REQUEST_SIZE": "1000"}
    with hosted(tmp_path_factory.mktemp("impatient"), "python", SCRIPT, **settings) as running:
        yield running


@pytest.mark.parametrize(
    ("wish", "how"), [(b"exit", "exit status 7"), (b"crash", "SIGSEGV"), (b"deaf", "SIGKILL")]
)
def test_a_process_that_ends_is_told_and_replaced(impatient: Hosted, wish: bytes, how: str) -> None:
    before = pid_of(impatient)
    answer = impatient.ask(wish, TEXT)
    assert (answer.status, answer.json["error"]) == (500, "Died")
    assert f"the script's process ended by {how} while it had the request" in answer.json["error-message"]
    assert pid_of(impatient) != before
    assert f"a process of the script ended by {how}; another is started" in impatient.log


def test_a_function_that_hangs_is_ended(impatient: Hosted) -> None:
    before = pid_of(impatient)
    (impatient.socket.parent / "model/hangs").unlink(missing_ok=True)
    with ThreadPoolExecutor() as pool:
        hanging = pool.submit(impatient.ask, b"hang", TEXT)
        eventually((impatient.socket.parent / "model/hangs").exists, "it does not hang")
        assert impatient.get("/ping").status == 200
        answer = hanging.result(PATIENCE)
    assert (answer.status, answer.json["error"]) == (504, "Hung")
    assert "did not answer within 6 s" in answer.json["error-message"]
    eventually(lambda: not runs(before), "the process was not ended")
    assert pid_of(impatient) != before


def test_requests_wait_for_a_free_process_until_their_time_is_over(impatient: Hosted) -> None:
    pid_of(impatient)
    block = impatient.socket.parent / "model/block"
    block.touch()
    assert impatient.ask(b"exit", TEXT).status == 500
    answer = impatient.ask(b"hello", TEXT)
    assert (answer.status, answer.json["error"]) == (503, "Busy")
    assert "SAGEMAKER_MODEL_SERVER_WORKERS" in answer.json["error-message"]
    assert impatient.get("/ping").status == 200
    block.unlink()
    pid_of(impatient)


def test_large_bodies_are_refused_and_large_answers_are_not(impatient: Hosted) -> None:
    answer = impatient.ask(b"x" * 1001, TEXT)
    assert (answer.status, answer.json["error"]) == (413, "PayloadTooLarge")
    assert "SAGEMAKER_MAX_REQUEST_SIZE" in answer.json["error-message"]
    pid_of(impatient)
    assert impatient.ask(b"x" * 1000, TEXT).body == b"x" * 1000
    assert len(impatient.ask(b"large", TEXT).body) == 5_000_000


def test_processes_work_at_the_same_time(tmp_path: Path) -> None:
    """Each waits for what the other does."""
    with hosted(tmp_path, "python", SCRIPT, SAGEMAKER_MODEL_SERVER_WORKERS="2") as running:
        with ThreadPoolExecutor() as pool:
            asked: list[Future[Answer]] = [
                pool.submit(running.ask, wish, TEXT) for wish in (b"meet a b", b"meet b a")
            ]
            assert [one.result(PATIENCE).text for one in asked] == ["met", "met"]
        first = pid_of(running)
        running.process.kill()
        eventually(lambda: not runs(first), "a worker outlives its server")


def test_a_request_under_way_is_answered_before_the_end(tmp_path: Path) -> None:
    with hosted(tmp_path, "python", SCRIPT) as running:
        worker = pid_of(running)
        with ThreadPoolExecutor() as pool:
            asked = pool.submit(running.ask, b"meet a b", TEXT)
            eventually((tmp_path / "model/a").exists, "it was not asked")
            running.process.send_signal(signal.SIGTERM)
            (tmp_path / "model/b").touch()
            assert asked.result(PATIENCE).text == "met"
        assert running.process.wait(PATIENCE) == 0
        assert not runs(worker)


def test_the_program_ends_when_no_process_can_be_started_any_more(tmp_path: Path) -> None:
    with hosted(tmp_path, "python", SCRIPT) as running:
        write_script(tmp_path, "raise OSError('the disk has gone')\n")
        assert running.ask(b"exit", TEXT).status == 500
        assert running.process.wait(PATIENCE) == 1
        assert (
            "error: the import of inference.py failed at inference.py, line 1: OSError: the disk has gone"
            in running.log
        )


def test_it_answers_on_a_port_too(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    write_script(tmp_path, SCRIPT)
    settings = {"SKEWLESS_BIND_TO_SOCKET": "", "SAGEMAKER_BIND_TO_PORT": str(port)}
    with started(tmp_path, "python", **settings) as running:
        eventually(lambda: f"inference.py answers on port {port}" in running.log, "it does not answer")
        with socket.create_connection(("127.0.0.1", port), PATIENCE) as connection:
            connection.sendall(b"GET /ping HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")


MODEL = "def model_fn(model_dir):\n    return None\n"


@pytest.mark.parametrize(
    ("kind", "source", "last"),
    [
        ("sklearn", "def model_fn(:\n", "the import of inference.py failed: SyntaxError: invalid syntax"),
        (
            "sklearn",
            "import nowhere\n",
            "inference.py, line 1: ModuleNotFoundError: No module named 'nowhere'",
        ),
        ("sklearn", "", "NotImplementedError: Please provide a model_fn implementation."),
        ("python", "", "inference.py has neither predict_fn nor transform_fn. Write predict_fn(data)"),
        (
            "sklearn",
            "def model_fn(model_dir):\n    return open(model_dir + '/absent')\n",
            "model_fn failed at inference.py, line 2: FileNotFoundError: [Errno 2] No such file or directory",
        ),
        (
            "sklearn",
            f"{MODEL}def transform_fn(m, b, c, a):\n    pass\n\noutput_fn = predict_fn = transform_fn\n",
            "Cannot use transform_fn implementation with input_fn, predict_fn, and/or output_fn",
        ),
        ("python", "import sys\nsys.exit('enough')\n", "inference.py, line 2: SystemExit: enough"),
        ("python", "import os\nos._exit(5)\n", "the script's process ended by exit status 5 while it loaded"),
    ],
)
def test_a_script_that_cannot_be_loaded_ends_the_program(
    tmp_path: Path, kind: str, source: str, last: str
) -> None:
    status, log = fails(tmp_path, kind, source)
    assert status == 1
    assert log[-1].startswith("error: ")
    assert last in log[-1]


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SAGEMAKER_PROGRAM": "absent.py"}, r"absent\.py\. In .* there is: inference\.py, json\.py\."),
        ({"SAGEMAKER_PROGRAM": "json.py"}, r"a script named json\.py hides the module json"),
        ({"SAGEMAKER_SUBMIT_DIRECTORY": "s3://bucket/code.tar.gz"}, "this program fetches nothing"),
        (
            {"SAGEMAKER_MODEL_SERVER_WORKERS": "two"},
            "SAGEMAKER_MODEL_SERVER_WORKERS='two' is not a whole number",
        ),
        ({"SAGEMAKER_MODEL_SERVER_TIMEOUT": "0"}, "SAGEMAKER_MODEL_SERVER_TIMEOUT='0' is not a whole number"),
        ({"SKEWLESS_HOSTING": "tensorflow"}, "SKEWLESS_HOSTING='tensorflow' is no container"),
        ({"SKEWLESS_HOSTING": "sklearn", "SAGEMAKER_PROGRAM": ""}, "SAGEMAKER_PROGRAM is not set"),
    ],
)
def test_a_setting_that_is_wrong_is_named(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    write_script(tmp_path, SCRIPT)
    write_script(tmp_path, SCRIPT, "json.py")
    with pytest.raises(SettingError, match=said):
        load_script(Hosting.read({**environment(tmp_path, "python"), **settings}))


def test_a_setting_that_is_wrong_ends_the_program(tmp_path: Path) -> None:
    status, log = fails(tmp_path, "python", SCRIPT, SAGEMAKER_PROGRAM="absent.py")
    assert status == 1
    assert log == [
        f"error: there is no {tmp_path}/code/absent.py. In {tmp_path}/code there is: inference.py."
    ]


def test_an_archive_of_code_that_is_none_is_refused(tmp_path: Path) -> None:
    archive = tmp_path / "code.tar.gz"
    archive.write_bytes(b"no archive at all")
    status, log = fails(tmp_path, "python", SCRIPT, SAGEMAKER_SUBMIT_DIRECTORY=str(archive))
    assert status == 1
    assert str(archive) in log[-1]
