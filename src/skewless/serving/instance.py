"""One instance of an endpoint: ``python -m skewless.serving.instance FOLDER SOCKET FAILURE``, started by the gateway.

FOLDER holds ``instance.json``; the model's artifacts are fetched into it once, for all instances of a variant. It
listens on the Unix socket SOCKET. Where it cannot start, it writes the reason over what is in the file FAILURE.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import msgspec

from skewless.blobs.base import Blobs
from skewless.blobs.opening import open_blobs
from skewless.containers.base import BuiltIn
from skewless.containers.definitions import pipeline_of
from skewless.containers.pipeline import Pipeline
from skewless.containers.process.hosting import ANSWERS, Hosting
from skewless.errors import SettingError, SkewlessError
from skewless.lifetime import end_with_parent
from skewless.services import Services
from skewless.serving.app import create_app
from skewless.serving.asked import ASKED, Asked
from skewless.serving.lean import keep_small
from skewless.serving.server import serve_on_socket
from skewless.settings import Settings

_MOST_REASON: Final = 4000
"""Characters; there is room for so many, and a FailureReason has up to 1,024."""


def main(folder: Path, socket: Path, failure: Path) -> None:
    """Load, verify and serve until SIGTERM. Exit status 1 where that cannot be."""
    end_with_parent()
    keep_small()
    try:
        asked = msgspec.json.decode((folder / ASKED).read_bytes(), type=Asked)
        settings = Settings.read()
        hosting = Hosting(say, folder / "containers", asked.images, health_timeout=asked.health_timeout)
        fetch = _Fetcher(folder, asked.services)
        pipeline = pipeline_of(
            asked.containers, fetch, direct=asked.direct, settings=settings, hosting=hosting
        )
        app = create_app(pipeline, settings, say)
        _greet(pipeline)
    except (SkewlessError, OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        say(None, f"error: {error}")
        with failure.open("r+b") as file:  # its room is there, however full the disk is
            file.write(msgspec.json.encode(str(error)[:_MOST_REASON]))
            file.truncate()
        sys.exit(1)
    with pipeline:
        serve_on_socket(app, socket)


class _Fetcher:
    """Model data by address, fetched into the folder; once, since what serves shall not change by a restart."""

    def __init__(self, folder: Path, services: Services) -> None:
        self.folder = folder
        self.blobs: Blobs = open_blobs(
            s3_folder=services.s3_folder,
            s3_endpoint_url=services.s3_endpoint_url,
            region=services.region,
            access_key=services.access_key,
            secret_key=services.secret_key,
        )
        self._number = 0

    def __call__(self, address: str) -> Path:
        self._number += 1
        kept = self.folder / f"artifact-{self._number}.tar.gz"
        if not kept.exists():
            part = self.folder / f".{kept.name}.{os.getpid()}"
            self.blobs.download(address, part)
            part.replace(kept)
        return kept


def _greet(pipeline: Pipeline) -> None:
    for container in pipeline.containers:
        rows = pipeline.replayed.get(container.name, 0)
        proof = f"{rows:,} parity rows replayed, all equal" if isinstance(container, BuiltIn) else ANSWERS
        say(container.name, f"{container.runtime}: loaded; {proof}")
        for note in getattr(container, "notes", ()):
            say(container.name, f"warning: {note}")


def say(container: str | None, message: str) -> None:
    """A line in the container's log stream."""
    mark = f"\x1e{container}\x1f" if container else ""
    print(*(f"{mark}{line}" for line in message.splitlines()), sep="\n", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SettingError("an instance is started by the gateway", hint="See `skewless up`.")
    main(*map(Path, sys.argv[1:]))
