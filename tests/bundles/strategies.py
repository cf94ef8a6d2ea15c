"""Generated attribute values, and a graph that has one of everything; shared by the tests of both formats."""

from __future__ import annotations

import math
from typing import Any

from hypothesis import strategies as st

from skewless.bundles.values import BASIC_TYPES, BITS, tensor_shape
from skewless.spec import (
    Attributes,
    Model,
    Socket,
    Stage,
    StageGraph,
    Value,
    boolean,
    double,
    doubles,
    integer,
    long,
    shapes,
    string,
    strings,
    tensor,
)

UID = "6d1a1d1c-8b0e-4f0e-9d3c-2f6a54d7a001"
TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


def whole(base: str) -> st.SearchStrategy[int]:
    bound = 1 << (BITS[base] - 1)
    return st.integers(-bound, bound - 1)


DIMS = st.lists(st.integers(0, 2**31 - 1), max_size=3)
SHAPE = st.one_of(
    st.builds(lambda n: {"base": "scalar", "isNullable": n}, st.booleans()),
    st.builds(
        lambda n, d: {"base": "tensor", "isNullable": n, "tensorShape": tensor_shape(d)}, st.booleans(), DIMS
    ),
)
ITEMS: dict[str, st.SearchStrategy[Any]] = {
    "boolean": st.booleans(),
    "int": whole("int"),
    "long": whole("long"),
    "float": st.floats(width=32),
    "double": st.floats(),
    "string": TEXT,
    "byte_string": st.binary(max_size=8),
    "basic_type": st.sampled_from(BASIC_TYPES),
    "data_shape": SHAPE,
}


def tensor_of(base: str) -> st.SearchStrategy[Value]:
    items = whole(base) if base in BITS else ITEMS[base]
    return st.lists(items, max_size=6).flatmap(
        lambda data: st.sampled_from([(len(data),), (1, len(data)), (len(data), 1)]).map(
            lambda dims: Value("tensor", base, data, dims)
        )
    )


TENSOR = st.sampled_from(
    ("boolean", "byte", "short", "int", "long", "float", "double", "byte_string", "string")
).flatmap(tensor_of)


def of(base: str, items: st.SearchStrategy[Any]) -> st.SearchStrategy[Value]:
    return st.one_of(
        items.map(lambda item: Value("scalar", base, item)),
        st.lists(items, min_size=1, max_size=5).map(lambda data: Value("list", base, data)),
    )


FLAT = st.one_of(
    TENSOR,
    st.just(Value("scalar", None, None)),
    st.just(Value("list", None, [])),
    of("tensor", TENSOR),
    *(of(base, items) for base, items in ITEMS.items()),
)


def models(values: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    attributes = st.dictionaries(TEXT, values, max_size=3).map(
        lambda found: Attributes(found, file="f", stage="s")
    )
    return of(
        "model", st.builds(Model, st.text(st.characters(codec="ascii"), min_size=1, max_size=5), attributes)
    )


VALUES = st.recursive(FLAT, models, max_leaves=8)


def plain(value: Any, *, json: bool) -> Any:
    """What a value should be after a round trip, in a form that ``==`` compares bit for bit.

    JSON turns infinities into NaN. Protobuf forgets the base of a zero.
    """
    if isinstance(value, Model):
        return (value.op, {name: plain(item, json=json) for name, item in value.attributes.items()})
    if isinstance(value, float):
        return "nan" if math.isnan(value) or (json and math.isinf(value)) else value.hex()
    if isinstance(value, list):
        return [plain(item, json=json) for item in value]
    if not isinstance(value, Value):
        return value
    if value.shape == "scalar" and not json and is_zero(value.data):
        return ("scalar", None, None, ())
    return (value.shape, value.base, plain(value.data, json=json), value.dims)


def is_zero(data: Any) -> bool:
    """What proto3 does not write."""
    if isinstance(data, float):
        return data == 0 and math.copysign(1, data) == 1
    return data in (False, 0, "", b"", "unknown")


def attributes(**values: Value) -> Attributes:
    return Attributes(values, file=None, stage=None)


def leaf(name: str, op: str, inputs: dict[str, str], outputs: dict[str, str], **values: Value) -> Stage:
    return Stage(
        name,
        Model(op, attributes(**values)),
        tuple(Socket(port, column) for port, column in inputs.items()),
        tuple(Socket(port, column) for port, column in outputs.items()),
    )


def one_leaf(number: int) -> bytes:
    """The file of a tree that is one leaf."""
    return b'{"type":"leaf","values":[%d.0]}\n' % number


def forest() -> Stage:
    """A stage with sub-models and side files."""
    trees = {
        f"tree{number}": Model(
            "decision_tree_classifier",
            attributes(num_features=long(3)),
            files={"tree.json": one_leaf(number)},
        )
        for number in range(2)
    }
    model = Model(
        "random_forest_classifier",
        attributes(trees=strings(list(trees)), tree_weights=doubles([1.0, 0.5])),
        files={"notes.txt": "für Menschen".encode(), "extra/deep/data.bin": b"\x00\xff"},
        models=trees,
    )
    return Stage("Forest_3", model, (Socket("features", "features"),), (Socket("prediction", "guess"),))


def pipeline(name: str, *stages: Stage) -> Stage:
    return Stage(
        name, Model("pipeline", attributes(nodes=strings([stage.name for stage in stages]))), stages=stages
    )


def graph() -> StageGraph:
    """Pipelines in a pipeline, and the values an export of ours uses, zeros left out: those differ by format."""
    indexer = leaf(
        "StringIndexer_ab",
        "string_indexer",
        {"input": "maint, größe"},
        {"output": "maint_index"},
        labels_length=integer(1),
        labels_array_0=strings(["low", "vhigh", "", "ünïcode 🚗"]),
        handle_invalid=string("error"),
    )
    scaler = leaf(
        "Scaler_1",
        "standard_scaler",
        {"input": "v"},
        {"output": "w"},
        mean=tensor([0.1, -0.0, 1e300], [3]),
        factor=double(1e-7),
        with_mean=boolean(True),
    )
    assembler = leaf(
        "Assembler_2",
        "vector_assembler",
        {"input0": "w", "input1": "maint_index"},
        {"output": "features"},
        input_shapes=shapes([{"base": "tensor", "isNullable": False, "tensorShape": tensor_shape([3])}]),
    )
    inner = pipeline("Inner_0", scaler, pipeline("Empty_0"), assembler)
    root = pipeline("Pipeline_9", indexer, inner, forest())
    return StageGraph(root, "Pipeline_9", UID, "0.25.2", {"written by": string("us")})
