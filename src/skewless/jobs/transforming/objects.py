"""Which objects a transform job reads, and where it writes the answers to each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from skewless.blobs import Blobs
from skewless.errors import SettingError
from skewless.jobs.manifests import entries
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
        found = entries(blobs, source.s3_uri)
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
