"""The channels of a training job: which the built-in algorithm takes, and bringing their objects into folders."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skewless.blobs import Blobs
from skewless.errors import SettingError, SkewlessError
from skewless.jobs.manifests import entries
from skewless.jobs.training.content_types import CONTENT_TYPES, DEFAULT_TYPE

TRAIN: Final = "train"
CODE: Final = "code"
"""A channel that the algorithm accepts and has no use for: its image reads it where it runs a script."""
TYPES: Final[Mapping[str, Collection[str]]] = {
    TRAIN: CONTENT_TYPES,
    "validation": CONTENT_TYPES,
    CODE: ("text/python",),
}
"""The channels, and the content types that each may have."""


@dataclass(frozen=True, slots=True)
class Channel:
    """One checked channel: its name, where its objects are, and what they hold."""

    name: str
    uri: str
    is_manifest: bool
    content_type: str


def channels_of(request: Mapping[str, Any]) -> list[Channel]:
    """The channels of a CreateTrainingJob request that hold data.

    SettingError in the built-in algorithm's words for a channel that it would not take. As there, a content type has
    to be one of the accepted names exactly, without parameters.
    """
    mode = request["AlgorithmSpecification"]["TrainingInputMode"]
    found = [_checked(channel, mode) for channel in request.get("InputDataConfig") or ()]
    if TRAIN not in [channel.name for channel in found]:
        raise SettingError(f"Missing required channel: {TRAIN}")
    return [channel for channel in found if channel.name != CODE]


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
    if name not in TYPES:
        raise SettingError(
            f"Extraneous channel found: {name}",
            hint=f"The built-in algorithm takes the channels {', '.join(TYPES)}.",
        )
    source = channel["DataSource"]["S3DataSource"]
    content = channel.get("ContentType") or DEFAULT_TYPE
    if content not in TYPES[name]:
        raise _not_taken(name, channel, f"ContentType must be one of: {', '.join(TYPES[name])}.")
    _check_mode(name, channel.get("InputMode") or mode, channel)
    return Channel(name, source["S3Uri"], source["S3DataType"] == "ManifestFile", content)


def _check_mode(name: str, mode: str, channel: Mapping[str, Any]) -> None:
    if mode == "Pipe":
        raise SettingError(f"the {name} channel: Pipe mode is no longer supported", hint="Use File mode.")
    if mode != "File":
        raise _not_taken(name, channel, "Use TrainingInputMode File.")


def _not_taken(name: str, channel: Mapping[str, Any], hint: str) -> SkewlessError:
    given = {member: channel[member] for member in ("ContentType", "InputMode") if channel.get(member)}
    return SettingError(f"Channel configuration for '{name}' channel is not supported: {given}", hint=hint)
