"""What single versions of MLeap wrote so that its ops alone cannot tell what was meant."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from skewless.errors import UnsupportedError
from skewless.spec import PIPELINE, Attributes, Model, Socket, Stage, Value, string, strings

Version = tuple[int, int, int]

_RESAVED: Final = (0, 9, 0)
_FULL_SIZES: Final = ((0, 11, 0), (0, 12, 0))


def parsed(version: str) -> Version | None:
    """The three numbers of a version, or None where it is none."""
    found = re.match(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", version)
    return None if found is None else (int(found[1]), int(found[2]), int(found[3]))


def mended(root: Stage, version: str) -> Stage:
    """The stages as the newest version would have written them. UnsupportedError for what was written wrong."""
    stages = _mended(root, parsed(version))
    if len(stages) == 1:
        return stages[0]
    nodes = {"nodes": strings([stage.name for stage in stages])}
    return Stage(
        root.name, Model(PIPELINE, Attributes(nodes, file=None, stage=root.name)), stages=tuple(stages)
    )


def _mended(stage: Stage, version: Version | None) -> list[Stage]:
    op, attributes = stage.model.op, stage.model.attributes
    if op == PIPELINE:
        return [
            replace(stage, stages=tuple(one for child in stage.stages for one in _mended(child, version)))
        ]
    if op == "string_indexer":
        return _single_columns(stage)
    if version is None:
        return [stage]
    if op == "standard_scaler" and version < _RESAVED:
        _check_std(stage)
    full = op == "one_hot_encoder" and _FULL_SIZES[0] <= version < _FULL_SIZES[1]
    if full and "size" in attributes and "handle_invalid" not in attributes:
        # Its size counts all categories already, as later versions' do; before, the dropped one was not counted.
        return [_with(stage, {"handle_invalid": string("error")})]
    return [stage]


def _check_std(stage: Stage) -> None:
    mean, std = (stage.model.attributes.get(name) for name in ("mean", "std"))
    if mean is not None and mean == std:
        raise UnsupportedError(
            f"stage {stage.name} ({stage.model.attributes.file}): MLeap before 0.9 lost std when it saved a bundle "
            "again, and wrote mean in its place; here both are equal",
            hint="Export the pipeline again, or repair std.",
        )


def _with(stage: Stage, values: Mapping[str, Value]) -> Stage:
    old = stage.model.attributes
    made = Attributes({**old, **values}, file=old.file, stage=old.stage)
    return replace(stage, model=replace(stage.model, attributes=made))


def _single_columns(stage: Stage) -> list[Stage]:
    """One stage a column, where one indexes several, as MLeap's do since 0.18."""
    attributes = stage.model.attributes
    arrays = [name for name in attributes if re.fullmatch(r"labels_array_\d{1,9}", name)]
    if len(arrays) < 2:
        return [stage]
    made = []
    for number in range(len(arrays)):
        column, output = stage.input(f"input{number}"), stage.output(f"output{number}")
        if f"labels_array_{number}" not in attributes or column is None or output is None:
            raise attributes.error(
                f"it has labels for {len(arrays)} columns, and column {number} has no labels or no port",
                "Export the pipeline again, or repair the file.",
            )
        own = Attributes(
            {
                "labels_array_0": attributes[f"labels_array_{number}"],
                "handle_invalid": string(attributes.string("handle_invalid", "error")),
            },
            file=attributes.file,
            stage=stage.name,
        )
        sockets = (Socket("input", column),), (Socket("output", output),)
        made.append(Stage(f"{stage.name}_{number}", Model("string_indexer", own), *sockets))
    return made
