"""``skewless up``, ``down``, ``status`` and ``env``: the services on this machine."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click

from skewless.app.data_dir import DataDir, Identity, Running, role_arn
from skewless.errors import SettingError, SkewlessError
from skewless.lazy import resolve
from skewless.lifetime import runs

# What each command needs is imported when it runs, so that none pays for the others.
LAZY: Final = {
    "run": "skewless.app.gateway:run",
    "options": "skewless.app.gateway:Options",
    "other_s3": "skewless.app.gateway:OtherS3",
    "summary": "skewless.app.summary:summary",
}

_START: Final = 60.0
"""Seconds that a detached gateway has to come up."""
_REGION: Final = re.compile(r"[a-z]{2,}(-[a-z]+)+-[0-9]+")
_STOP: Final = 130.0
"""Seconds that it has to end: as long as requests and children may take."""

data_dir_option: Final = click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=Path(".skewless"),
    envvar="SKEWLESS_DATA_DIR",
    show_envvar=True,
    help="The folder with all its data.",
)
_WHERE: Final = "What was started from another folder is found with --data-dir or SKEWLESS_DATA_DIR."


@click.command
@data_dir_option
@click.option("--port", type=click.IntRange(0, 65535), default=4700, help="0 picks a free one.")
@click.option("--host", default="127.0.0.1", help="The address to listen on.")
@click.option(
    "--database", metavar="URL", help="postgresql://…; by default a file of SQLite in the data folder."
)
@click.option("--region", help="The region it says it is; the first start fixes it (us-east-1).")
@click.option(
    "--s3",
    metavar="URL",
    help="Another S3 to keep objects in; its keys in SKEWLESS_S3_ACCESS_KEY and SKEWLESS_S3_SECRET_KEY.",
)
@click.option("--detach", "-d", is_flag=True, help="Return when it answers, and leave it running.")
def up(
    data_dir: Path,
    port: int,
    host: str,
    database: str | None,
    region: str | None,
    s3: str | None,
    detach: bool,
) -> None:
    """Start the services: S3, Glue, SageMaker, its runtime, logs and metrics, on one port."""
    if detach:
        _detached(data_dir)
        return
    _check_region(region)
    options = resolve(LAZY["options"])(data_dir, host, port, database, region, _other_s3(s3))
    resolve(LAZY["run"])(options, lambda ready: _greet(ready, data_dir))


def _check_region(region: str | None) -> None:
    """The first start fixes it for good, and clients refuse to sign for what is none."""
    if region is not None and not _REGION.fullmatch(region):
        raise SettingError(f"{region!r} is no name of a region", hint="Write it as AWS does: eu-west-1.")


def _other_s3(url: str | None) -> Any:
    if url is None:
        return None
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise SettingError(
            f"--s3 {url!r} is no address of an S3",
            hint="Write http://HOST:PORT or https://HOST, without a bucket.",
        )
    keys = [os.environ.get(f"SKEWLESS_S3_{name}", "") for name in ("ACCESS_KEY", "SECRET_KEY")]
    if not all(keys):
        raise SettingError(
            f"there are no keys for the S3 at {url}",
            hint="Set SKEWLESS_S3_ACCESS_KEY and SKEWLESS_S3_SECRET_KEY.",
        )
    return resolve(LAZY["other_s3"])(url, *keys)


def _greet(ready: Any, data_dir: Path) -> None:
    print(f"Skewless is up at {ready.url} ({ready.seconds:.1f} s), its data in {data_dir}", flush=True)
    if ready.first:
        print(f"New keys and the execution role {role_arn(ready.identity)} were made.")
    given = f" --data-dir {shlex.quote(str(data_dir.absolute()))}"
    print(f'In another terminal: eval "$(skewless env{given})"  and then use boto3, aws, or a notebook.')
    print(f"`skewless down{given}` ends it; so does Ctrl-C, unless it is detached.", flush=True)


def _detached(data_dir: Path) -> None:
    """The same command without --detach, in a session of its own."""
    folder = DataDir(data_dir.absolute())
    folder.make()
    arguments = [one for one in sys.argv[1:] if one not in ("--detach", "-d")]
    output = folder.run / "output.log"
    with output.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "skewless.cli.main", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    deadline = time.monotonic() + _START
    while time.monotonic() < deadline:
        running = folder.running()
        if running is not None and running.pid == child.pid:
            print(output.read_text(errors="replace"), end="")
            return
        if child.poll() is not None:
            told = output.read_text(errors="replace").strip().removeprefix("error: ")
            raise SkewlessError(told or f"it ended with status {child.returncode}")
        time.sleep(0.05)
    child.terminate()
    raise SkewlessError(f"it did not come up within {_START:.0f} seconds", hint=f"See {output}.")


@click.command
@data_dir_option
def down(data_dir: Path) -> None:
    """End the services: requests under way are answered, children end with it, data stays."""
    folder = DataDir(data_dir.absolute())
    running = folder.running()
    if running is None:
        print(f"Nothing is up in {folder.root}. {_WHERE}")
        return
    os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP
    while folder.running() is not None or runs(running.pid):
        if time.monotonic() > deadline:
            raise SkewlessError(
                f"process {running.pid} did not end within {_STOP:.0f} seconds",
                hint=f"kill -9 {running.pid} ends it; nothing that was acknowledged is lost by that.",
            )
        time.sleep(0.05)
    print(f"Ended what was up at {running.url}.")


@click.command
@data_dir_option
def status(data_dir: Path) -> None:
    """Say whether it is up, and what is in it. Exit status 1 where it is not up."""
    folder = DataDir(data_dir.absolute())
    running = folder.running()
    if running is None:
        print(f"Nothing is up in {folder.root}. {_WHERE}")
        raise click.exceptions.Exit(1)
    age = int(time.time() - running.started)
    print(f"Up at {running.url} for {age // 3600}:{age // 60 % 60:02}:{age % 60:02} (process {running.pid})")
    for line in resolve(LAZY["summary"])(_identity(folder), running.url):
        print(line)


@click.command
@data_dir_option
def env(data_dir: Path) -> None:
    """Print the environment variables that lead AWS's clients here: eval "$(skewless env)"."""
    folder = DataDir(data_dir.absolute())
    identity, running = _identity(folder), folder.running()
    if running is None:
        raise SettingError(f"nothing is up in {folder.root}", hint=f"Start it with `skewless up`. {_WHERE}")
    print("unset AWS_SESSION_TOKEN AWS_PROFILE")
    for name, value in variables(identity, running).items():
        print(f"export {name}={shlex.quote(value)}")


def variables(identity: Identity, running: Running) -> dict[str, str]:
    """What a client needs to find and to be let in."""
    return {
        "AWS_ENDPOINT_URL": running.url,
        "AWS_REGION": identity.region,
        "AWS_DEFAULT_REGION": identity.region,
        "AWS_ACCESS_KEY_ID": identity.access_key,
        "AWS_SECRET_ACCESS_KEY": identity.secret_key,
        "AWS_EC2_METADATA_DISABLED": "true",
        "SKEWLESS_ROLE_ARN": role_arn(identity),
    }


def _identity(folder: DataDir) -> Identity:
    found = folder.identity()
    if found is None:
        raise SettingError(
            f"nothing was ever up in {folder.root}", hint=f"Start it with `skewless up`. {_WHERE}"
        )
    return found
