"""A whole bundle: the stage graph, the schema it was fitted on, and the proof that travels with it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from skewless.bundles import manifest, mleap, parity
from skewless.bundles.archive import Files, read_files, write_files
from skewless.errors import ArtifactError
from skewless.schema import Schema
from skewless.settings import Settings
from skewless.spec import StageGraph


@dataclass(frozen=True, slots=True)
class Bundle:
    """What a bundle holds. ``changed`` are its files that are not as they were exported, with what became of them."""

    graph: StageGraph
    source: str
    inputs: Schema | None = None
    engine: str | None = None
    parity: pa.Table | None = None
    changed: tuple[tuple[str, str], ...] = ()


def save(
    graph: StageGraph,
    path: str | Path,
    *,
    engine: str,
    inputs: Schema | None,
    rows: pa.Table | None,
    format: str = "json",
) -> Path:
    """Write a bundle; a path ending .zip or .tar.gz is an archive, else a folder. Gives the path back.

    ``rows`` are the parity rows, ``inputs`` the input columns where they are known.
    """
    files = mleap.write(graph, format)
    told = manifest.Manifest.of(
        files, engine=engine, input=inputs, parity=0 if rows is None else rows.num_rows
    )
    extra = told.write()
    if rows is not None:
        extra[parity.FILE] = parity.write(rows)
    return write_files({**files, **extra}, path)


def open_bundle(path: str | Path, settings: Settings) -> Bundle:
    """Read a bundle from a folder or archive. ArtifactError names what cannot be read or trusted."""
    return bundle_of(read_files(path, limits=settings))


def bundle_of(files: Files) -> Bundle:
    """The bundle in these files."""
    graph = mleap.read(files)
    told = manifest.read(files)
    if told is None:
        return Bundle(graph, files.name)
    rows = None
    if told.parity:
        if parity.FILE not in files:
            raise ArtifactError(
                "the parity rows that the manifest speaks of are missing",
                artifact=files.name,
                file=parity.FILE,
                hint="Export again.",
            )
        rows = parity.read(files[parity.FILE], artifact=files.name)
        if rows.num_rows != told.parity:
            raise ArtifactError(
                f"there are {rows.num_rows} parity rows where the manifest says {told.parity}",
                artifact=files.name,
                file=parity.FILE,
                hint="Export again.",
            )
    # What was added beside the stages is read by nobody, so it changes nothing.
    changed = tuple(
        (file, how)
        for file, how in told.changed_files(files)
        if how != "added" or file.startswith(f"{mleap.ROOT}/")
    )
    return Bundle(graph, files.name, told.input, told.engine, rows, changed)
