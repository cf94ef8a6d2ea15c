"""Which objects a transform job reads, and where it writes the answers to each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import msgspec

from skewless.blobs import Blobs
from skewless.errors import SettingError
from skewless.jobs.transforming.asked import TransformRequest
from skewless.names import bucket_and_key


@dataclass(frozen=True, slots=True)
class Object:
    """One input object, and the address of its answers."""

    uri: str
    target: str

    @property
    def place(self) -> str:
        """``bucket/key``, as the data log calls it."""
        return self.uri.removeprefix("s3://")


def objects_of(asked: TransformRequest, blobs: Blobs) -> list[Object]:
    """The request's objects in order, each once; keys that end in a slash are folder markers.

    SettingError where there are none, two would go to one place, or the output has no bucket; BlobError.
    """
    output = asked.transform_output.path.rstrip("/")
    place = bucket_and_key(output)
    if place is None or not blobs.exists(f"s3://{place[0]}"):
        raise SettingError(
            f"there is no bucket for S3OutputPath {output}", hint="Check its name, or create it."
        )
    source = asked.transform_input.data_source.s3
    if source.s3_data_type == "ManifestFile":
        found = list(_in_manifest(source.s3_uri, blobs))
    else:
        found = list(_under_prefix(source.s3_uri, blobs))
    if not found:
        raise SettingError(f"there is no object under {source.s3_uri}", hint="Check S3Uri.")
    by_target: dict[str, Object] = {}
    for uri, relative in dict.fromkeys(found):
        one = Object(uri, f"{output}/{relative}.out")
        other = by_target.setdefault(one.target, one)
        if other is not one:
            raise SettingError(
                f"{other.uri} and {one.uri} would both be written to {one.target}",
                hint="Transform them in jobs of their own, with other output paths.",
            )
    return list(by_target.values())


def _under_prefix(prefix: str, blobs: Blobs) -> Iterator[tuple[str, str]]:
    """Addresses, and the part of each key that is below the prefix's folder."""
    key = (bucket_and_key(prefix) or ("", ""))[1]
    for blob in blobs.list(prefix):
        if blob.key.endswith("/"):
            continue
        below = f"{key.rstrip('/')}/" if key else ""
        if not blob.key.startswith(below):
            below = key[: key.rfind("/") + 1]  # the prefix ends within a name
        yield blob.uri, blob.key.removeprefix(below)


def _in_manifest(uri: str, blobs: Blobs) -> Iterator[tuple[str, str]]:
    """The entries of ``[{"prefix": "s3://bucket/folder/"}, "a.csv", …]``."""
    try:
        entries = msgspec.json.decode(blobs.read(uri), type=list[dict[str, str] | str])
    except msgspec.DecodeError as error:
        raise _wrong(uri, str(error)) from None
    prefix = entries[0].get("prefix") if entries and isinstance(entries[0], dict) else None
    if prefix is None or bucket_and_key(prefix) is None:
        raise _wrong(uri, "its first element names no prefix")
    for entry in entries[1:]:
        if not isinstance(entry, str):
            raise _wrong(uri, "an element behind the first is no text")
        yield prefix + entry, entry.lstrip("/")


def _wrong(uri: str, why: str) -> SettingError:
    return SettingError(
        f"the manifest {uri} is wrong: {why}", hint='Write [{"prefix": "s3://BUCKET/FOLDER/"}, "FILE", …].'
    )
