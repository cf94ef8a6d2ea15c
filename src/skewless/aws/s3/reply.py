"""What handlers get and give."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from skewless.aws.s3.intake import Taken
from skewless.blobs.folders import Folders


@dataclass(frozen=True, slots=True)
class Storage:
    """What handlers work on."""

    folders: Folders
    region: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One request: its members, and its headers by their lower-case names."""

    members: Mapping[str, Any]
    headers: Mapping[str, str]

    @property
    def bucket(self) -> str:
        """The bucket that the path names."""
        return str(self.members.get("Bucket", ""))

    @property
    def key(self) -> str:
        """The key that the path names."""
        return str(self.members.get("Key", ""))


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A file that came with a request."""

    file: BinaryIO
    taken: Taken


@dataclass(frozen=True, slots=True)
class Slice:
    """Bytes of an open file, which whoever sends them closes."""

    file: BinaryIO
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: members as the model has them, or a body that is at hand, or one in a file."""

    members: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    body: Slice | None = None
