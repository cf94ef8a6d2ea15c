"""Programs that have been given a name as an image: a file in the data folder, written by ``skewless images``."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import msgspec

from skewless.errors import SettingError

IMAGES: Final = "images.json"

Positive = Annotated[int, msgspec.Meta(ge=1)]


class Registered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A program as an image."""

    command: Annotated[list[str], msgspec.Meta(min_length=1)]
    health_timeout: Positive | None = None
    """Seconds that it has to answer its first ping."""
    memory_mb: Positive | None = None
    """Most memory, in MiB."""


def read_images(data_dir: Path) -> dict[str, Registered]:
    """The programs that have a name. SettingError where the file is damaged."""
    file = data_dir / IMAGES
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, Registered])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{file} cannot be read: {error}", hint="Mend it, or remove it and add the images again."
        ) from None


@contextmanager
def changed_images(data_dir: Path) -> Iterator[dict[str, Registered]]:
    """The programs that have a name, to be changed; what became of them is written when that succeeded."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / f".{IMAGES}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        images = read_images(data_dir)
        yield images
        _write(data_dir / IMAGES, images)


def _write(file: Path, images: Mapping[str, Registered]) -> None:
    part = file.with_name(f".{file.name}.part")
    part.write_bytes(msgspec.json.format(msgspec.json.encode(dict(sorted(images.items()))), indent=2) + b"\n")
    part.replace(file)
