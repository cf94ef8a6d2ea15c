"""Where in an artifact something stands, so that every error says so."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from skewless.errors import ArtifactError

REPAIR: Final = "Export the pipeline again, or repair the file."
DEEPEST: Final = 64
# Of messages, because what they quote comes from the file.
LONGEST: Final = 600
LONGEST_ITEM: Final = 300


def printable(name: str) -> str:
    """A name from an artifact as it may be shown: no control characters, not endless."""
    shown = name if name.isprintable() else ascii(name)[1:-1]
    return shown if len(shown) <= 300 else f"{shown[:200]}… ({len(shown)} characters)"


@dataclass(frozen=True, slots=True)
class Place:
    """A file of an artifact, the stage it belongs to, and the item inside the file.

    ``depth`` counts how far stages and models are nested. ``old_types`` says that MLeap up to 0.9.1 wrote the
    bundle: it put basic types under the key ``byte_string``.
    """

    artifact: str | None = None
    file: str | None = None
    stage: str | None = None
    item: str | None = None
    depth: int = 0
    old_types: bool = False

    def inside(self, item: str) -> Place:
        """This place, narrowed to one item."""
        path = f"{self.item}, {item}" if self.item else item
        return replace(self, item=path if len(path) <= LONGEST_ITEM else f"…{path[-LONGEST_ITEM:]}")

    def deeper(self) -> Place:
        """This place one level down. ArtifactError below the deepest level a bundle may have."""
        if self.depth >= DEEPEST:
            raise self.error(
                f"is nested more than {DEEPEST} levels deep", "No real pipeline is; do not trust the file."
            )
        return replace(self, depth=self.depth + 1)

    def error(self, message: str, hint: str | None = REPAIR) -> ArtifactError:
        """An error that names this place."""
        text = f"{self.item} {message}" if self.item else message
        return ArtifactError(
            text if len(text) <= LONGEST else f"{text[:LONGEST]}…",
            artifact=self.artifact,
            file=None if self.file is None else printable(self.file),
            stage=None if self.stage is None else printable(self.stage),
            hint=hint,
        )
