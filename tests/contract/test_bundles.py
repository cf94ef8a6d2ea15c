"""Every op of every example comes out of a bundle as it went in, in both formats, and gives the same bytes again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest

from skewless.bundles import mleap
from skewless.bundles.archive import Files
from skewless.ops import OPS
from skewless.ops.op import Example, Op, Refused
from skewless.schema import Field, Schema
from skewless.spec import Attributes, Model, Socket, Stage, StageGraph
from skewless.table import Column
from skewless.transforms.bind import bind
from skewless.transforms.parity import same
from skewless.trust import Trust

UID = "6d1a1d1c-8b0e-4f0e-9d3c-2f6a54d7a001"
NOW = "2026-01-31T12:00:00"


def written(stage: Stage, format: str) -> Mapping[str, bytes]:
    return mleap.write(StageGraph(stage, "Stage_1", UID, "0.25.2"), format, timestamp=NOW)


def model_of(op: Op) -> Model:
    attributes = Attributes(op.encode(), file=None, stage="Stage_1")
    return Model(op.name, attributes, op.encode_files(), op.encode_models())


def there_and_back(example: Example, format: str) -> tuple[Op, Mapping[str, bytes]]:
    """The op after it was written and read, and the bytes, which are the same when that is written."""
    op = example.op
    inputs = tuple(Socket(port, f"in {port}") for port in op.inputs)
    outputs = tuple(Socket(port, f"out {port}") for port in op.outputs)
    stage = Stage("Stage_1", model_of(op), inputs, outputs)
    files = written(stage, format)
    given = [Field(f"in {port}", column.type) for port, column in zip(op.inputs, example.inputs, strict=True)]
    bound = bind(mleap.read(Files("a.zip", files)), Schema(tuple(given)), Trust(everything=True))
    again = bound.stages[0].op
    assert written(replace(stage, model=model_of(again)), format) == files
    return again, files


def answer(op: Op, inputs: Sequence[Column], ports: Sequence[str]) -> Any:
    """The batch kernel's cells, by port, or what it refused."""
    keep = op.keep(*inputs)
    taken = inputs if keep is None else [column.take(keep) for column in inputs]
    try:
        made = dict(zip(op.outputs, op.columns(*taken), strict=True))
    except Refused as refused:
        return [refused.position, refused.input, refused.message]
    return [[made[port].cell(row) for row in range(len(made[port]))] for port in ports]


@pytest.mark.parametrize("name", sorted(OPS))
def test_ops_come_back_from_a_bundle(name: str) -> None:
    seen: dict[tuple[tuple[str, bytes], ...], list[Op]] = {}
    for example in OPS[name].examples():
        as_json, files = there_and_back(example, "json")
        key = tuple(sorted(files.items()))
        if key not in seen:
            seen[key] = [as_json, there_and_back(example, "protobuf")[0]]
        ports = example.op.outputs
        expected = answer(example.op, example.inputs, ports)
        for op in seen[key]:
            assert same(answer(op, example.inputs, ports), expected)
    assert seen
