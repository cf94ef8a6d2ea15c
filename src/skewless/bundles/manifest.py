"""What Skewless adds to a bundle about the bundle: ``skewless/manifest.json``. Other readers ignore the folder.

Tells what fitted the pipeline, which columns go in, how many parity rows travel with it, and the SHA-256 of every
file, so that a change after export is found.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from skewless.bundles.archive import BUNDLE_FILE, Files
from skewless.bundles.jsontext import array, dump, member, obj, parse, text
from skewless.bundles.place import Place
from skewless.errors import SkewlessError
from skewless.schema import Base, Field, Schema, Struct, Type

FORMAT: Final = 1
"""Which keys the manifest has and what they mean. To change that:

1. Adding a key that a reader may ignore needs no new number: read it with a default.
2. Otherwise raise the number, and write only the new form.
3. Move the reader of the old form to ``old/manifest_v<number>.py`` with a function that gives today's `Manifest`,
   and choose by number in `read`. Bundles of every number ever released stay readable.
4. Keep a file of the old form, as an old release wrote it, in the tests of that reader.
5. Say so in CHANGELOG.md, and in docs what older releases answer: they refuse a higher number by name.
"""

FOLDER: Final = "skewless/"
FILE: Final = f"{FOLDER}manifest.json"

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of one bundle. ``parity`` counts parity rows; ``input`` and ``engine`` may be unknown."""

    engine: str | None = None
    input: Schema | None = None
    parity: int = 0
    digests: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        files: Mapping[str, bytes],
        *,
        engine: str | None = None,
        input: Schema | None = None,
        parity: int = 0,
    ) -> Manifest:
        """The manifest for a bundle's files as they are now."""
        return cls(engine, input, parity, digests(files))

    def write(self) -> dict[str, bytes]:
        """The manifest as a file of the bundle."""
        document = {
            "format": FORMAT,
            "engine": self.engine,
            "input": None if self.input is None else [_column(column) for column in self.input],
            "digests": {path: self.digests[path] for path in sorted(self.digests)},
            "parity": self.parity,
        }
        return {FILE: dump(document, Place(file=FILE))}

    def changed_files(self, files: Mapping[str, bytes]) -> list[tuple[str, str]]:
        """Files that are not as they were, by path, each with ``changed``, ``missing`` or ``added``."""
        now = digests(files)
        fates = {
            path: "added" if path not in self.digests else "missing" if path not in now else "changed"
            for path in self.digests.keys() | now.keys()
            if self.digests.get(path) != now.get(path)
        }
        return sorted(fates.items())


def digests(files: Mapping[str, bytes]) -> dict[str, str]:
    """SHA-256 of every file but our own folder and bundle.json, whose time of writing differs from run to run."""
    return {
        path: hashlib.sha256(data).hexdigest()
        for path, data in files.items()
        if path != BUNDLE_FILE and not path.startswith(FOLDER)
    }


def read(files: Files) -> Manifest | None:
    """The manifest of a bundle, or None where Skewless did not write it. ArtifactError where it is malformed."""
    if FILE not in files:
        return None
    place = Place(files.name, FILE)
    document = obj(parse(files[FILE], place), place)
    number = member(document, "format", place)
    if type(number) is not int or number < 1:
        raise place.error(f"has {number!r} for a format")
    if number > FORMAT:
        raise place.error(f"has format {number}; this Skewless reads up to {FORMAT}", "Use a newer Skewless.")
    engine, parity = member(document, "engine", place), member(document, "parity", place)
    if type(parity) is not int or parity < 0:
        raise place.error(f"has {parity!r} for a number of parity rows")
    return Manifest(
        None if engine is None else text(engine, place.inside("'engine'")),
        _read_input(member(document, "input", place), place.inside("'input'")),
        parity,
        _read_digests(member(document, "digests", place), place.inside("'digests'")),
    )


def _read_input(document: Any, place: Place) -> Schema | None:
    if document is None:
        return None
    fields = (_read_column(column, place) for column in array(document, place))
    try:
        return Schema(tuple(fields))
    except SkewlessError as error:
        raise place.error(f"is no schema: {error.message}") from None


def _read_column(document: Any, place: Place) -> Field:
    column = obj(document, place)
    name = text(member(column, "name", place), place)
    within = place.inside(f"column {name!r}")
    try:
        base, struct = Base(member(column, "type", within)), Struct(member(column, "struct", within))
    except ValueError as error:
        raise within.error(f"has an unknown type: {error}") from None
    size = column.get("size")
    if size is not None and (type(size) is not int or size < 0 or struct is not Struct.VECTOR):
        raise within.error(f"has {size!r} for a size")
    return Field(name, Type(base, struct, size))


def _column(column: Field) -> dict[str, Any]:
    document = {"name": column.name, "type": str(column.type.base), "struct": str(column.type.struct)}
    return document if column.type.size is None else document | {"size": column.type.size}


def _read_digests(document: Any, place: Place) -> dict[str, str]:
    found = obj(document, place)
    for path, digest in found.items():
        if not isinstance(digest, str) or not _SHA256.fullmatch(digest):
            raise place.error(f"has no SHA-256 for {path!r}")
    return found
