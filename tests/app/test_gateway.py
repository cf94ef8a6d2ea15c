"""`skewless up`, `down`, `status` and `env`, run as a user runs them."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path

import boto3
import pytest

from skewless.app.data_dir import DataDir
from skewless.lifetime import runs
from tests.app.cars import BUCKET, Cars
from tests.gateways import Gateway, gateway, start, until

SKEWLESS = (sys.executable, "-m", "skewless.cli.main")


def skewless(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SKEWLESS, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_the_variables_lead_clients_here(up: Gateway, tmp_path: Path) -> None:
    told = skewless("env", "--data-dir", str(up.data_dir))
    assert told.returncode == 0, told.stderr
    script = (
        f"{told.stdout}\n{sys.executable} -c 'import boto3, os; "
        'print(boto3.client("sts").get_caller_identity()["Account"]); '
        'print(boto3.client("iam").get_role(RoleName=os.environ["SKEWLESS_ROLE_ARN"].split("/")[1])["Role"]["Arn"])\''
    )
    environment = {"AWS_SESSION_TOKEN": "of another time", "AWS_CONFIG_FILE": str(tmp_path / "none")}
    answer = subprocess.run(
        ["sh", "-c", script], capture_output=True, text=True, env={**os.environ, **environment}, timeout=60
    )
    assert answer.stdout.split() == ["000000000000", up.role], answer.stderr


def test_status_tells_what_there_is(up: Gateway) -> None:
    told = skewless("status", SKEWLESS_DATA_DIR=str(up.data_dir))
    assert told.returncode == 0, told.stderr
    assert f"Up at {up.running.url}" in told.stdout
    assert "endpoints: " in told.stdout
    assert "training jobs: " in told.stdout


def test_keys_are_for_their_owner_only(up: Gateway) -> None:
    assert stat.S_IMODE((up.data_dir / "identity.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(up.data_dir.stat().st_mode) == 0o700
    assert up.identity.strong


def test_a_second_one_is_told_of_the_first(up: Gateway) -> None:
    told = skewless("up", "--data-dir", str(up.data_dir), "--port", "0")
    assert told.returncode == 1
    assert f"a gateway is up in {up.data_dir} already at {up.running.url}" in told.stderr


LOOKING = """
import sys
from pathlib import Path
from skewless.app.data_dir import DataDir
folder = DataDir(Path(sys.argv[1]))
print("looking", flush=True)
while True:
    assert folder.running() is None
"""


def test_who_looks_whether_one_is_up_keeps_none_out(tmp_path: Path) -> None:
    folder = DataDir(tmp_path)
    folder.make()
    looking = subprocess.Popen([sys.executable, "-c", LOOKING, str(tmp_path)], stdout=subprocess.PIPE)
    try:
        assert looking.stdout is not None
        assert looking.stdout.readline() == b"looking\n"
        for _ in range(5000):
            with folder.locked():
                pass
        assert looking.poll() is None
    finally:
        looking.kill()
        looking.communicate()


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        told = skewless("up", "--data-dir", str(tmp_path), "--port", str(port))
    assert told.returncode == 1
    assert f"port {port} on 127.0.0.1 is in use" in told.stderr


def test_only_keys_made_here_open_the_door_to_others(tmp_path: Path) -> None:
    DataDir(tmp_path).make()
    (tmp_path / "identity.json").write_text(
        '{"access_key": "test", "secret_key": "test", "region": "us-east-1"}'
    )
    told = skewless("up", "--data-dir", str(tmp_path), "--host", "0.0.0.0", "--port", "0")
    assert told.returncode == 1
    assert "open to other machines" in told.stderr


@pytest.mark.parametrize("content", [b"{", b'{"access_key": "\xff"}', b"\xff"])
def test_an_identity_that_is_damaged_is_named(tmp_path: Path, content: bytes) -> None:
    DataDir(tmp_path).make()
    (tmp_path / "identity.json").write_bytes(content)
    told = skewless("up", "--data-dir", str(tmp_path), "--port", "0")
    assert (told.returncode, told.stdout) == (1, "")
    assert f"{tmp_path / 'identity.json'} cannot be read: " in told.stderr.replace("\n", " ")
    assert "Traceback" not in told.stderr


def test_nothing_is_up(tmp_path: Path) -> None:
    here = ("--data-dir", str(tmp_path))
    assert skewless("status", *here).returncode == 1
    assert (
        f"Nothing is up in {tmp_path}. What was started from another folder" in skewless("down", *here).stdout
    )
    told = skewless("env", *here)
    assert (told.returncode, told.stdout) == (1, "")
    assert "Start it with `skewless up`. What was started from another folder is found with" in told.stderr


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--region", "nowhere"), "'nowhere' is no name of a region. Write it as AWS does: eu-west-1."),
        (("--s3", "minio:9000"), "--s3 'minio:9000' is no address of an S3. Write http://HOST:PORT"),
        (("--s3", "http://h:1/bucket"), "without a bucket"),
        (("--s3", "http://h:1"), "there are no keys for the S3 at http://h:1. Set SKEWLESS_S3_ACCESS_KEY"),
        (("--database", "postgresql://nobody@127.0.0.1:1/none"), "connections? Check that it exists"),
        (("--database", "nonsense"), "Write sqlite:///FILE, or postgresql://USER:PASSWORD@HOST/NAME"),
    ],
)
def test_options_that_lead_nowhere(tmp_path: Path, options: tuple[str, ...], text: str) -> None:
    told = skewless("up", "--data-dir", str(tmp_path), "--port", "0", *options)
    assert (told.returncode, text in told.stderr) == (1, True), told.stderr


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    told = skewless("up", "--data-dir", str(tmp_path / "file"), "--port", "0")
    assert (told.returncode, "cannot be used" in told.stderr) == (1, True)


def test_detached_and_down_again(tmp_path: Path) -> None:
    here = ("--data-dir", str(tmp_path / "a very long name " / ("x" * 90)))
    told = skewless("up", "--detach", "--port", "0", *here)
    assert told.returncode == 0, told.stderr
    assert "Skewless is up at http://127.0.0.1:" in told.stdout
    assert "New keys" in told.stdout
    running = DataDir(Path(here[1])).running()
    assert running is not None
    assert skewless("status", *here).returncode == 0
    assert "Ended" in skewless("down", *here).stdout
    assert not runs(running.pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_its_children(tmp_path: Path, artifacts: Path, number: signal.Signals) -> None:
    with gateway(tmp_path / "up") as up:
        cars = Cars(up, artifacts)
        cars.endpoint("ending", "small")
        children = up.children()
        assert children
        up.process.send_signal(number)
        assert up.process.wait(60) == 0, up.output()
    assert not any(map(runs, children))
    assert "Traceback" not in up.output()


def test_killed_and_up_again(tmp_path: Path, artifacts: Path) -> None:
    """What was acknowledged is there again: buckets, models, the endpoint, which answers; no process is left over."""
    first = start(tmp_path / "up")
    try:
        cars = Cars(first, artifacts)
        cars.endpoint("lasting", "small", count=2)
        cars.invoke("lasting")
        children = first.children()
    finally:
        first.kill()
    until(lambda: not any(map(runs, children)))
    with gateway(tmp_path / "up") as second:
        cars = Cars(second, artifacts)
        # The artifact is gone meanwhile; what was deployed does not depend on it.
        shutil.rmtree(second.folder.s3 / BUCKET)
        assert cars.sagemaker.describe_endpoint(EndpointName="lasting")["EndpointStatus"] == "InService"
        assert cars.invoke("lasting") == b"vgood"
        assert len(second.children()) == 2
        assert second.identity == first.identity


def test_a_wrong_secret_is_refused(up: Gateway) -> None:
    client = boto3.client(
        "sagemaker",
        endpoint_url=up.running.url,
        region_name="us-east-1",
        aws_access_key_id=up.identity.access_key,
        aws_secret_access_key="x" * 40,
    )
    with pytest.raises(client.exceptions.ClientError, match="signature"):
        client.list_models()
