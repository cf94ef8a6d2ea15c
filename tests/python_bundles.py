"""Bundles with a stage in Python of one's own, made without Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from skewless.bundles.bundle import save
from skewless.export.source import source_of
from skewless.ops import execute
from skewless.ops.own_python import OwnPython
from skewless.ops.python_code import Code
from skewless.python_stage import PythonStage, is_overridden
from skewless.schema import Schema
from skewless.spec import Attributes, Model, Socket, Stage, StageGraph
from skewless.table import from_cells, to_arrow
from skewless.transforms.transform import Transform
from skewless.trust import Trust


def code_of(own: PythonStage, source: str | None = None) -> Code:
    """An object as it would travel; by default with its own source."""
    text = source_of(type(own), own.requires) if source is None else source
    return Code.of(
        own, text.encode(), execute.pinned(tuple(own.requires)), columns=is_overridden(own, "columns")
    )


def graph_of(code: Code, name: str = "own") -> StageGraph:
    """The one stage, with columns as the class calls them."""
    op = OwnPython(code)
    model = Model(op.name, Attributes(op.encode(), file=None, stage=name), op.encode_files())
    read, made = (tuple(Socket(port, port) for port in ports) for ports in (op.inputs, op.outputs))
    root = Stage(name, model, read, made)
    return StageGraph(root, name=name, uid="8d0c7a0e-5c5e-4f6e-9a55-2f0f0a1b2c3d", version="0.25.2")


def write(code: Code, path: Path, rows: Mapping[str, Sequence[Any]] | None = None) -> Path:
    """A bundle; ``rows`` become parity rows."""
    graph, inputs = graph_of(code), Schema(code.inputs)
    recorded = None
    if rows is not None:
        columns = {one.name: to_arrow(from_cells(one.type, rows[one.name])) for one in code.inputs}
        recorded = Transform(graph, inputs, Trust(everything=True)).table(pa.table(columns))
    return save(graph, path, engine="tests", inputs=inputs, rows=recorded)
