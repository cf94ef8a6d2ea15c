"""A bundle ready to run: its transform, the schema it was fitted on, and the proof it carries."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from skewless.bundles.bundle import Bundle, open_bundle
from skewless.errors import ArtifactError, ParityError
from skewless.schema import Schema
from skewless.settings import Settings
from skewless.transforms.parity import REMEDY, replay
from skewless.transforms.transform import Transform
from skewless.trust import NO_TRUST, Given, Trust


@dataclass(frozen=True, slots=True)
class Artifact:
    """A transform with what is known of its fitting; ``changed`` are the files that differ from those exported."""

    transform: Transform
    fitted: Schema | None
    parity: pa.Table | None
    changed: tuple[tuple[str, str], ...]
    source: str

    @classmethod
    def of(cls, bundle: Bundle, trust: Trust = NO_TRUST) -> Artifact:
        """Bind a bundle's graph. ArtifactError or UnsupportedError where it cannot run."""
        try:
            transform = Transform(bundle.graph, bundle.inputs, trust)
        except ArtifactError as error:
            error.artifact = error.artifact or bundle.source
            raise
        return cls(transform, bundle.inputs, bundle.parity, bundle.changed, bundle.source)

    def verify(self, container: str | None = None) -> int:
        """Replay the parity rows; gives how many there were.

        TrustError where it carries code that is not trusted. ParityError names stage, column and row, or the file that
        was changed where no parity row shows it.
        """
        rows = 0
        try:
            self.transform.check_trust()
            if self.parity is not None:
                rows = replay(self.transform, self.parity)
        except ParityError as error:
            error.container = container
            raise
        except ArtifactError as error:
            error.artifact = error.artifact or self.source
            raise
        for file, how in self.changed:
            raise ParityError(
                f"{file} was {how} after the export, though no parity row shows a difference",
                container=container,
                stage=_stage_of(file),
                hint=REMEDY,
            )
        return rows


def _stage_of(file: str) -> str | None:
    folders = [part for part in file.split("/") if part.endswith(".node")]
    return folders[-1].removesuffix(".node") if folders else None


def load(
    path: str | Path,
    *,
    verify: bool = True,
    trust: Given = False,
    settings: Settings | None = None,
) -> Transform:
    """Load a bundle from a folder, .zip or .tar.gz as a `Transform`.

    With ``verify`` its parity rows are replayed first. Python in it runs only where ``trust`` has its SHA-256 or is
    True; otherwise loading is a TrustError (without ``verify``, running it). ArtifactError names what cannot be read
    or trusted, ParityError what no longer does as it was fitted, UnsupportedError a stage that this version does not
    have.
    """
    chosen = settings or Settings.read()
    artifact = Artifact.of(open_bundle(path, chosen), chosen.trust | Trust.of(trust))
    if verify:
        artifact.verify()
    return artifact.transform
