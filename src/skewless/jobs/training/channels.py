"""The channels of a training job: which the built-in algorithm takes, and bringing their objects into folders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skewless.blobs import Blobs
from skewless.errors import SettingError, SkewlessError, UnsupportedError
from skewless.jobs.manifests import entries

TRAIN: Final = "train"
NAMES: Final = (TRAIN, "validation")

DEFAULT_TYPE: Final = "text/libsvm"
"""What the built-in algorithm takes data for whose channel has no ContentType."""

CSV: Final = ("csv", "text/csv")
OTHERS: Final = {
    "libsvm": "libsvm",
    "text/libsvm": "libsvm",
    "text/x-libsvm": "libsvm",
    "parquet": "Parquet",
    "application/x-parquet": "Parquet",
    "recordio-protobuf": "recordio-protobuf",
    "application/x-recordio-protobuf": "recordio-protobuf",
}
"""Content types that the built-in algorithm takes and this version does not."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One checked channel: its name and where its objects are."""

    name: str
    uri: str
    is_manifest: bool


def channels_of(request: Mapping[str, Any]) -> list[Channel]:
    """The channels of a CreateTrainingJob request.

    SettingError in the built-in algorithm's words for a channel that it would not take; UnsupportedError for content
    and input modes that this version does not read.
    """
    mode = request["AlgorithmSpecification"]["TrainingInputMode"]
    found = [_checked(channel, mode) for channel in request.get("InputDataConfig") or ()]
    if TRAIN not in [channel.name for channel in found]:
        raise SettingError(f"Missing required channel: {TRAIN}")
    return found


def fetch(channel: Channel, blobs: Blobs, folder: Path) -> dict[Path, str]:
    """Bring a channel's objects into a folder; the address of each file. BlobError, or SettingError for a manifest."""
    folder.mkdir(parents=True, exist_ok=True)
    if not channel.is_manifest:
        addresses = [blob.uri for blob in blobs.list(channel.uri) if not blob.key.endswith("/")]
        return dict(zip(blobs.download_prefix(channel.uri, folder), addresses, strict=False))
    files = {}
    for uri, relative in entries(blobs, channel.uri):
        blobs.download(uri, folder / relative)
        files[folder / relative] = uri
    return files


def by_address(text: str, files: Mapping[Path, str]) -> str:
    """A text in which files are called by the addresses of their objects: nobody knows the job's folder."""
    for path in sorted(files, key=lambda path: len(str(path)), reverse=True):
        text = text.replace(str(path), files[path])
    return text


def _checked(channel: Mapping[str, Any], mode: str) -> Channel:
    name = channel["ChannelName"]
    if name not in NAMES:
        raise SettingError(
            f"Extraneous channel found: {name}",
            hint=f"The built-in algorithm takes the channels {' and '.join(NAMES)}.",
        )
    source = channel["DataSource"]["S3DataSource"]
    _check_content(name, channel.get("ContentType") or DEFAULT_TYPE, channel)
    _check_mode(name, channel.get("InputMode") or mode, channel)
    return Channel(name, source["S3Uri"], source["S3DataType"] == "ManifestFile")


def _check_content(name: str, content: str, channel: Mapping[str, Any]) -> None:
    if content in CSV:
        return
    if content not in OTHERS:
        raise _not_taken(name, channel, f"ContentType must be one of: {', '.join((*CSV, *OTHERS))}.")
    said = "has no ContentType, which stands for" if not channel.get("ContentType") else "is of"
    raise UnsupportedError(
        f"the {name} channel {said} {content}: training on {OTHERS[content]} is not supported yet",
        hint="Write the data as CSV, the label first, and say ContentType text/csv.",
    )


def _check_mode(name: str, mode: str, channel: Mapping[str, Any]) -> None:
    if mode == "Pipe":
        raise UnsupportedError(f"the {name} channel: Pipe mode is no longer supported", hint="Use File mode.")
    if mode != "File":
        raise _not_taken(name, channel, "Use TrainingInputMode File.")


def _not_taken(name: str, channel: Mapping[str, Any], hint: str) -> SkewlessError:
    given = {member: channel[member] for member in ("ContentType", "InputMode") if channel.get(member)}
    return SettingError(f"Channel configuration for '{name}' channel is not supported: {given}", hint=hint)
