"""MLeap's Bundle.ML: a bundle's files <-> `StageGraph`, in both its formats, as MLeap 0.8 to 0.25 write them.

Here is the layout: bundle.json, node and model files, pipelines in folders. Values are read by `values` (JSON) and
`protobuf`. Attributes stay as they are written: what changed in them over the versions is their op's business.
"""

from __future__ import annotations

import uuid
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

from skewless.bundles import protobuf, python_exporter, trees, values, versions
from skewless.bundles.archive import BUNDLE_FILE, Files
from skewless.bundles.jsontext import dump, member, obj, parse, text
from skewless.bundles.members import fault
from skewless.bundles.place import Place
from skewless.bundles.values import Node
from skewless.spec import PIPELINE, Attributes, Model, Stage, StageGraph, boolean, strings

VERSION: Final = "0.25.2"
"""The MLeap whose layout we write; older ones from 0.20 read it too."""

ROOT: Final = "root"
_NODE: Final = ".node"
# Since then, lists of basic types have a key of their own.
_BASIC_TYPES: Final = (0, 9, 2)
_REPACK: Final = "Export the pipeline again, or pack the bundle's whole folder again."


@dataclass(frozen=True, slots=True)
class Encoding:
    """How node and model files are written: their suffix and both directions."""

    suffix: str
    read_node: Callable[[bytes, Place], Node]
    read_model: Callable[[bytes, Place], Model]
    write_node: Callable[[Node, Place], bytes]
    write_model: Callable[[Model, Place], bytes]


ENCODINGS: Final[Mapping[str, Encoding]] = MappingProxyType(
    {
        "json": Encoding(".json", values.read_node, values.read_model, values.write_node, values.write_model),
        "protobuf": Encoding(
            ".pb", protobuf.read_node, protobuf.read_model, protobuf.write_node, protobuf.write_model
        ),
    }
)


def read(files: Files) -> StageGraph:
    """The stages of a bundle, as plain data; what the ops mean is not looked at.

    ArtifactError names file and stage of what is missing or malformed.
    """
    place = Place(files.name, BUNDLE_FILE)
    if BUNDLE_FILE not in files:
        raise place.error("is missing, so this is no MLeap bundle", _where_else(files))
    info = obj(parse(files[BUNDLE_FILE], place), place)
    uid, name, format_, version = (
        text(member(info, key, place), place.inside(f"{key!r}"))
        for key in ("uid", "name", "format", "version")
    )
    if format_ == "mixed":
        hint = "Export the pipeline again with MLeap 0.8 or later, or with Skewless."
        raise place.error(f"has the format 'mixed' of MLeap before 0.8 (it says version {version})", hint)
    if format_ not in ENCODINGS:
        raise place.error(f"has the unknown format {format_!r}", "Known are json and protobuf.")
    place = replace(place, old_types=(versions.parsed(version) or _BASIC_TYPES) < _BASIC_TYPES)
    meta = dict(values.read_attributes(info.get("meta"), place))
    root = _Reader(files, ENCODINGS[format_], place).stage(ROOT, None, replace(place, file=None))
    root = versions.mended(root, version)
    if python_exporter.wrote(root.name, meta):
        root, meta = python_exporter.as_meant(root), {**meta, python_exporter.MENDED: boolean(True)}
    return StageGraph(root, name, uid, version, meta)


def write(graph: StageGraph, format: str = "json", *, timestamp: str | None = None) -> dict[str, bytes]:
    """A bundle's files. The same graph and ``timestamp`` (ISO, local, no zone; default now) give the same bytes.

    ArtifactError for what no bundle can hold: two stages of one name in a pipeline, a name that is no folder's.
    """
    place = Place(file=BUNDLE_FILE)
    if format not in ENCODINGS:
        raise place.error(f"cannot be written with the format {format!r}", "Known are json and protobuf.")
    writer = _Writer(ENCODINGS[format])
    writer.stage(graph.root, ROOT, Place())
    info: dict[str, Any] = {
        "uid": _uuid(graph.uid, place),
        "name": graph.name,
        "format": format,
        "version": graph.version or VERSION,
        "timestamp": _timestamp(timestamp, place),
    }
    if graph.meta:
        info["meta"] = values.write_attributes(graph.meta, place)
    return {BUNDLE_FILE: dump(info, place), **writer.files}


class _Reader:
    """Reads folders of one bundle."""

    def __init__(self, files: Files, encoding: Encoding, place: Place) -> None:
        self.files = files
        self.paths = list(files)  # sorted, so that a folder is a run
        self.encoding = encoding
        self.place = place

    def stage(self, folder: str, name: str | None, place: Place) -> Stage:
        """The stage of a folder; ``name`` is what its pipeline calls it."""
        here = replace(place, file=f"{folder}/node{self.encoding.suffix}", stage=name).deeper()
        node = self.encoding.read_node(self._file(here), here)
        here = replace(here, file=folder, stage=node.name)
        model = self._model(folder, here)
        stages = self._children(folder, model.attributes, here) if model.op == PIPELINE else ()
        return Stage(node.name, model, node.inputs, node.outputs, stages)

    def _children(self, folder: str, attributes: Attributes, place: Place) -> tuple[Stage, ...]:
        stages: dict[str, Stage] = {}
        folders: set[str] = set()
        for child in attributes.strings("nodes"):
            if child in folders:
                raise attributes.error(f"the pipeline names the stage {child!r} twice", _REPACK)
            folders.add(child)
            if not self._has_folder(f"{folder}/{child}{_NODE}"):
                raise attributes.error(
                    f"the pipeline names the stage {child!r}, which has no folder", _REPACK
                )
            stage = self.stage(f"{folder}/{child}{_NODE}", child, place)
            if stage.name in stages:
                raise attributes.error(f"two stages of the pipeline have the name {stage.name!r}", _REPACK)
            stages[stage.name] = stage
        return tuple(stages.values())

    def _model(self, folder: str, place: Place) -> Model:
        """A folder's model, with its side files and the models in folders below; stages' folders are not its own."""
        own = f"model{self.encoding.suffix}"
        here = replace(place, file=f"{folder}/{own}")
        model = self.encoding.read_model(self._file(here), here)
        files: dict[str, bytes] = {}
        models: dict[str, Model] = {}
        for name, is_folder in self._entries(folder):
            path = f"{folder}/{name}"
            if not is_folder:
                if name not in (own, f"node{self.encoding.suffix}"):
                    files[name] = self.files[path]
            elif f"{path}/{own}" in self.files:
                if not name.endswith(_NODE):
                    models[name] = self._model(path, place.deeper())
            elif not name.endswith(_NODE):
                files.update(
                    {below.removeprefix(f"{folder}/"): self.files[below] for below in self._below(path)}
                )
        own_files = trees.read_files(model.op, files, replace(place, file=folder))
        op = python_exporter.ALIASES.get(model.op, model.op)
        return replace(model, op=op, files=own_files, models=models)

    def _file(self, place: Place) -> bytes:
        path = str(place.file)
        if path in self.files:
            return self.files[path]
        stem = path.removesuffix(self.encoding.suffix)
        other = next(
            (f"{stem}{e.suffix}" for e in ENCODINGS.values() if f"{stem}{e.suffix}" in self.files), None
        )
        if other:
            raise place.error(
                f"is missing, but {other} is there: the format in {BUNDLE_FILE} is wrong", _REPACK
            )
        raise place.error("is missing", _REPACK)

    def _has_folder(self, folder: str) -> bool:
        return next(self._below(folder), None) is not None

    def _below(self, folder: str) -> Iterator[str]:
        for position in range(bisect_left(self.paths, f"{folder}/"), len(self.paths)):
            if not self.paths[position].startswith(f"{folder}/"):
                return
            yield self.paths[position]

    def _entries(self, folder: str) -> Iterator[tuple[str, bool]]:
        """Names in a folder, each with whether it is a folder. What lies below those is stepped over."""
        prefix = f"{folder}/"
        position = bisect_left(self.paths, prefix)
        while position < len(self.paths) and self.paths[position].startswith(prefix):
            name, slash, _ = self.paths[position][len(prefix) :].partition("/")
            yield name, bool(slash)
            # "0" is the character after "/"
            position = bisect_left(self.paths, f"{prefix}{name}0") if slash else position + 1


class _Writer:
    """Writes folders of one bundle."""

    def __init__(self, encoding: Encoding) -> None:
        self.files: dict[str, bytes] = {}
        self.encoding = encoding

    def stage(self, stage: Stage, folder: str, place: Place) -> None:
        """Add a stage and those nested in it."""
        here = replace(place, file=f"{folder}/node{self.encoding.suffix}", stage=stage.name).deeper()
        node = Node(stage.name, stage.inputs, stage.outputs)
        self._add(here, self.encoding.write_node(node, here))
        model = stage.model
        if model.op == PIPELINE:
            names = {"nodes": strings([child.name for child in stage.stages])}
            attributes = Attributes({**model.attributes, **names}, file=here.file, stage=stage.name)
            model = replace(model, attributes=attributes)
        elif stage.stages:
            raise here.error(f"holds stages, but its op is {model.op!r} and not {PIPELINE!r}", None)
        self._model(model, folder, here)
        for child in stage.stages:
            below = f"{folder}/{child.name}{_NODE}"
            if "/" in child.name or not child.name.strip(".") or fault(below):
                raise here.error(
                    f"cannot name a folder after the stage {child.name!r}", "Give it another name."
                )
            self.stage(child, below, here)

    def _model(self, model: Model, folder: str, place: Place) -> None:
        here = replace(place, file=f"{folder}/model{self.encoding.suffix}")
        self._add(here, self.encoding.write_model(model, here))
        side = trees.write_files(model.op, model.files, self.encoding.suffix, replace(place, file=folder))
        for name, data in side.items():
            if fault(name) or any(part.endswith(_NODE) for part in name.split("/")[:-1]):
                raise here.error(f"cannot name a side file {name!r}", None)
            self._add(replace(here, file=f"{folder}/{name}"), data)
        for name, below in model.models.items():
            if "/" in name or fault(name) or name.endswith(_NODE):
                raise here.error(f"cannot name a folder {name!r}", None)
            self._model(below, f"{folder}/{name}", here.deeper())

    def _add(self, place: Place, data: bytes) -> None:
        path = str(place.file)
        if path in self.files:
            raise place.error(
                "would be written twice: two stages or files have one name", "Give one another name."
            )
        self.files[path] = data


def _where_else(files: Files) -> str:
    inner = next((path for path in files if path.endswith(f"/{BUNDLE_FILE}")), None)
    if inner:
        return f"There is one at {inner}: pack what is in that folder, not the folder itself."
    return "Give the folder or archive that an export wrote."


def _uuid(uid: str, place: Place) -> str:
    """MLeap parses it, so it must be one."""
    try:
        uuid.UUID(uid)
    except ValueError:
        raise place.error(f"cannot be written: {uid!r} is not a UUID", None) from None
    return uid


def _timestamp(timestamp: str | None, place: Place) -> str:
    moment = datetime.now().isoformat(timespec="seconds") if timestamp is None else timestamp
    try:
        is_local = datetime.fromisoformat(moment).tzinfo is None and "T" in moment
    except ValueError:
        is_local = False
    if not is_local:
        raise place.error(f"cannot be written: {moment!r} is no local time like 2026-01-31T12:00:00", None)
    return moment
