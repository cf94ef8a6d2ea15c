"""Bundles in the form that MLeap of Spark 2's time wrote, made by hand: nothing but its files and their JSON.

What is of that time: one-hot encoders of one column with a ``size``, which is the width of what they make, and no
manifest, so that nothing says what the columns were fitted as.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from skewless.bundles.archive import write_files

Attributes = Mapping[str, Any]
SCALAR = {"base": "scalar", "isNullable": False}

ABALONE = ("length", "diameter", "height", "whole_weight", "shucked_weight", "viscera_weight", "shell_weight")
SEXES = ("M", "F", "I")


def _node(name: str, inputs: Sequence[tuple[str, str]], outputs: Sequence[tuple[str, str]]) -> bytes:
    def sockets(pairs: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
        return [{"name": column, "port": port} for port, column in pairs]

    return json.dumps(
        {"name": name, "shape": {"inputs": sockets(inputs), "outputs": sockets(outputs)}}
    ).encode()


class _Bundle:
    """Files as they are added."""

    def __init__(self, name: str, version: str) -> None:
        self.files: dict[str, bytes] = {}
        self.nodes: list[str] = []
        self.head = {
            "uid": "1f7d4c3a-52de-4b0c-9c11-7a9c6e6f2b10",
            "name": name,
            "format": "json",
            "version": version,
            "timestamp": "2018-05-08T21:36:26.000Z",
        }

    def add(
        self, op: str, attributes: Attributes, inputs: Sequence[tuple[str, str]], output: tuple[str, str]
    ) -> None:
        name = f"{op}_{len(self.nodes)}"
        self.nodes.append(name)
        model = {"op": op, "attributes": attributes} if attributes else {"op": op}
        self.files[f"root/{name}.node/model.json"] = json.dumps(model).encode()
        self.files[f"root/{name}.node/node.json"] = _node(name, inputs, [output])

    def write(self, path: Path) -> Path:
        root = {"op": "pipeline", "attributes": {"nodes": {"type": "list", "string": self.nodes}}}
        self.files |= {
            "bundle.json": json.dumps(self.head).encode(),
            "root/model.json": json.dumps(root).encode(),
            "root/node.json": _node(str(self.head["name"]), (), ()),
        }
        write_files(self.files, path)
        return path


def abalone(path: Path, version: str = "0.9.6") -> Path:
    """The sex one-hot, and seven measurements behind it, as ``features``."""
    made = _Bundle("PipelineModel_4c2f8b9aa1d35e7c", version)
    labels = {"labels": {"type": "list", "string": list(SEXES)}, "handle_invalid": {"string": "error"}}
    made.add("string_indexer", labels, [("input", "sex")], ("output", "indexed_sex"))
    hot = {"size": {"long": len(SEXES) - 1}, "drop_last": {"boolean": True}}
    made.add("one_hot_encoder", hot, [("input", "indexed_sex")], ("output", "sex_vec"))
    columns = ("sex_vec", *ABALONE)
    shapes = [{"base": "tensor", "isNullable": False, "tensorShape": {"dimensions": [{"size": 2}]}}]
    attributes = {"input_shapes": {"type": "list", "data_shape": [*shapes, *[SCALAR] * len(ABALONE)]}}
    made.add(
        "vector_assembler",
        attributes,
        [(f"input{position}", column) for position, column in enumerate(columns)],
        ("output", "features"),
    )
    return made.write(path)


def tokens(path: Path, version: str = "0.9.6") -> Path:
    """A text in lower case, split at blanks."""
    made = _Bundle("PipelineModel_4b1de3a0c7f1e0a9", version)
    made.add("tokenizer", {}, [("input", "abstract")], ("output", "tokenized_abstract"))
    return made.write(path)


def empty(path: Path, version: str = "0.8.1") -> Path:
    """A pipeline without stages, which gives back what comes in."""
    return _Bundle("PipelineModel_4a0b7f2b9d1c4e55", version).write(path)
