"""Bundles as other writers write them, made of their JSON text; and how they answer, by both kernels."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from skewless.bundles import mleap
from skewless.bundles.archive import Files
from skewless.transforms.parity import same
from skewless.transforms.transform import Transform

UID = "6d1a1d1c-8b0e-4f0e-9d3c-2f6a54d7a001"
SPARK_NAME = "Pipeline_07ad6a29446e"
PYTHON_NAME = "pipeline_5b8f0a1c-9c1e-11ee-8f3d-0242ac120002"


@dataclass(frozen=True, slots=True)
class Written:
    """One stage; ``attributes`` None leaves the key out, ``files`` are beside the model, in folders or not."""

    op: str
    attributes: Mapping[str, Any] | None
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    files: Mapping[str, Any] = field(default_factory=dict)


def files_of(*stages: Written, version: str = "0.20.0", name: str = SPARK_NAME, **info: Any) -> Files:
    """The files of a pipeline of these stages; dicts among side files are written as JSON."""
    about = {"name": name, "format": "json", "version": version, "timestamp": "2022-07-20T10:11:12.345678"}
    found: dict[str, Any] = {"bundle.json": {**about, "uid": UID, **info}}
    names = [f"{stage.op}_{number}" for number, stage in enumerate(stages)]
    found["root/node.json"] = _node(name, {}, {})
    found["root/model.json"] = {"op": "pipeline", "attributes": {"nodes": {"type": "list", "string": names}}}
    for stage, own in zip(stages, names, strict=True):
        folder = f"root/{own}.node"
        found[f"{folder}/node.json"] = _node(own, stage.inputs, stage.outputs)
        model = (
            {"op": stage.op} if stage.attributes is None else {"op": stage.op, "attributes": stage.attributes}
        )
        found[f"{folder}/model.json"] = model
        found |= {f"{folder}/{path}": data for path, data in stage.files.items()}
    return Files("a.zip", {path: _bytes(data) for path, data in found.items()})


def _node(name: str, inputs: Mapping[str, str], outputs: Mapping[str, str]) -> dict[str, Any]:
    sides = [[{"name": column, "port": port} for port, column in side.items()] for side in (inputs, outputs)]
    return {"name": name, "shape": {"inputs": sides[0], "outputs": sides[1]}}


def _bytes(data: Any) -> bytes:
    return data if isinstance(data, bytes) else json.dumps(data, indent=3).encode()


def tree(*nodes: Mapping[str, Any]) -> bytes:
    """The side file of a tree."""
    return "".join(json.dumps(node) + "\n" for node in nodes).encode()


def split(feature: int, threshold: float) -> dict[str, Any]:
    """An inner node."""
    return {
        "type": "internal",
        "split": {"type": "continuous", "featureIndex": feature, "threshold": threshold},
    }


def leaf(*values: float) -> dict[str, Any]:
    """A leaf."""
    return {"type": "leaf", "values": list(values)}


def vector(items: Sequence[float], *dims: int) -> dict[str, Any]:
    """A tensor of doubles."""
    sizes = [{"size": size, "name": ""} for size in dims or (len(items),)]
    return {"type": "tensor", "double": list(items), "shape": {"dimensions": sizes}}


def answers(files: Files, columns: Mapping[str, Sequence[Any]], wanted: str) -> list[Any]:
    """What both kernels make of the rows, before the bundle is written again and after, in both formats."""
    graph = mleap.read(files)
    found = _answers(Transform(graph), columns, wanted)
    for format in ("json", "protobuf"):
        again = mleap.read(Files("b.zip", mleap.write(graph, format)))
        assert same(_answers(Transform(again), columns, wanted), found)
    return found


def _answers(transform: Transform, columns: Mapping[str, Sequence[Any]], wanted: str) -> list[Any]:
    table = transform.table(pa.table({name: pa.array(cells) for name, cells in columns.items()}))
    batch: list[Any] = table[wanted].to_pylist()
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    assert len(batch) <= len(rows)
    if len(batch) == len(rows):
        assert same(batch, [transform.row(row)[wanted] for row in rows])
    return batch
