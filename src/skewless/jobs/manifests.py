"""Manifests: an object that lists others, ``[{"prefix": "s3://bucket/folder/"}, "a.csv", "b/c.csv"]``."""

from __future__ import annotations

import msgspec

from skewless.blobs import Blobs
from skewless.errors import SettingError
from skewless.names import bucket_and_key


def entries(blobs: Blobs, uri: str) -> list[tuple[str, str]]:
    """Address and relative path of each object that a manifest lists, each once and in its order.

    SettingError where it is no manifest, or a path leaves its folder; BlobError where it cannot be read.
    """
    try:
        listed = msgspec.json.decode(blobs.read(uri), type=list[dict[str, str] | str])
    except ValueError as error:
        raise _wrong(uri, str(error)) from None
    prefix = listed[0].get("prefix") if listed and isinstance(listed[0], dict) else None
    if prefix is None or bucket_and_key(prefix) is None:
        raise _wrong(uri, "its first element names no prefix")
    found: dict[str, str] = {}
    for entry in listed[1:]:
        if not isinstance(entry, str):
            raise _wrong(uri, "an element after the first is no text")
        relative = entry.lstrip("/")
        if any(part in ("", ".", "..") for part in relative.split("/")) or "\0" in relative:
            raise _wrong(uri, f"{entry!r} is no path below the prefix")
        found[prefix + entry] = relative
    return list(found.items())


def _wrong(uri: str, why: str) -> SettingError:
    return SettingError(
        f"the manifest {uri} is wrong: {why}", hint='Write [{"prefix": "s3://BUCKET/FOLDER/"}, "FILE", …].'
    )
