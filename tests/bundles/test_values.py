"""JSON of attribute values: what MLeap writes is read, what we write is what MLeap reads, the rest is refused."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given

from skewless.bundles import values
from skewless.bundles.place import Place
from skewless.errors import ArtifactError
from skewless.spec import Model, Socket, Value, double, string
from tests.bundles.strategies import VALUES, attributes, plain

PLACE = Place("a.zip", "root/model.json", "S_1", "attribute 'x'")


def read(document: Any) -> Value:
    return values.read_value(document, PLACE)


@given(VALUES)
def test_round_trip(value: Value) -> None:
    text = json.dumps(values.write_value(value, PLACE), allow_nan=False)
    assert plain(read(json.loads(text)), json=True) == plain(value, json=True)


@pytest.mark.parametrize(
    ("document", "value"),
    [
        ({}, Value("scalar", None, None)),
        ({"boolean": False}, Value("scalar", "boolean", False)),
        ({"int": 3.0}, Value("scalar", "int", 3)),
        ({"long": 9007199254740993}, Value("scalar", "long", 9007199254740993)),
        ({"float": 0.10000000149011612}, Value("scalar", "float", 0.10000000149011612)),
        ({"double": 5}, Value("scalar", "double", 5.0)),
        ({"byte_string": "AP8="}, Value("scalar", "byte_string", b"\x00\xff")),
        ({"basic_type": "unknown"}, Value("scalar", "basic_type", "unknown")),
        ({"type": "list"}, Value("list", None, [])),
        ({"type": "list", "string": []}, Value("list", "string", [])),
        ({"type": "list", "double": [1, 2.5]}, Value("list", "double", [1.0, 2.5])),
        ({"double": [1, 2], "type": "list"}, Value("list", "double", [1.0, 2.0])),
        (
            {"type": "tensor", "double": [1, 2], "shape": {"dimensions": [{"size": 2}]}},
            Value("tensor", "double", [1.0, 2.0], (2,)),
        ),
        (
            {"type": "tensor", "int": [1, 2, 3, 4], "shape": {"dimensions": [{"size": 2}, {"size": -1}]}},
            Value("tensor", "int", [1, 2, 3, 4], (2, 2)),
        ),
        (
            {"type": "tensor", "string": ["x"], "shape": {"dimensions": []}},
            Value("tensor", "string", ["x"], ()),
        ),
        (
            {"tensor": {"float": [], "shape": {"dimensions": [{"size": -1}, {"size": 0}]}}},
            Value("scalar", "tensor", Value("tensor", "float", [], (0, 0))),
        ),
        (
            {"type": "list", "data_shape": [{"base": "list", "isNullable": True, "tensorShape": None}]},
            Value("list", "data_shape", [{"base": "list", "isNullable": True}]),
        ),
    ],
)
def test_reads_what_exporters_write(document: Any, value: Value) -> None:
    found = read(document)
    assert found == value
    assert type(found.data) is type(value.data)


def test_null_is_nan() -> None:
    assert math.isnan(read({"double": None}).data)
    assert [math.isnan(item) for item in read({"type": "list", "double": [1.0, None]}).data] == [False, True]


def test_nested_models_carry_their_place() -> None:
    value = read({"model": {"op": "inner", "attributes": {"a": {"long": 1}}}})
    with pytest.raises(ArtifactError, match=r"^root/model.json, stage S_1: attribute 'b' is missing"):
        value.data.attributes.string("b")


def test_types_that_old_mleap_wrote_as_bytes() -> None:
    old = Place(old_types=True)
    document = {"type": "list", "byte_string": ["long", "byte"]}
    assert values.read_value(document, old) == Value("list", "basic_type", ["long", "byte"])
    assert values.read_value({"byte_string": "double"}, old) == Value("scalar", "basic_type", "double")
    assert values.read_value({"byte_string": "AP8="}, old) == Value("scalar", "byte_string", b"\x00\xff")
    assert read(document).base == "byte_string"


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "should be a JSON object, but is an array"),
        ({"type": "long", "value": 5}, "is written as MLeap before 0.8 wrote it. Export the pipeline again"),
        ({"type": {"type": "list", "base": "string"}, "value": []}, "before 0.8"),
        ({"type": "vector", "double": []}, "has the unknown type 'vector'"),
        ({"type": None}, "has the unknown type None"),
        ({"integer": 5}, "known kind, but has 'integer'"),
        ({"byte": 5}, "known kind, but has 'byte'"),
        ({"int": 5, "long": 5}, "known kind, but has 'int', 'long'"),
        ({"boolean": 1}, "should be a boolean, but is a number"),
        ({"int": True}, "should be a whole number, but is a boolean"),
        ({"int": 1.5}, "should be a whole number, but is 1.5"),
        ({"int": math.nan}, "should be a whole number, but is nan"),
        ({"int": 2**31}, "is outside the range of int"),
        ({"long": 1e300}, "is outside the range of long"),
        ({"double": "1"}, "should be a number, but is a string"),
        ({"double": 10**400}, "is too large for a double"),
        ({"float": 1e39}, "too large for a float"),
        ({"string": None}, "should be a string, but is null"),
        ({"byte_string": "A"}, "is not base64"),
        ({"byte_string": "AP8=\n"}, "is not base64"),
        ({"basic_type": "decimal"}, "should be one of boolean"),
        ({"type": "list", "string": "x"}, "should be a JSON array, but is a string"),
        ({"type": "list", "string": ["x", 1]}, "item 1 should be a string, but is a number"),
        ({"type": "list", "int": [1, 2**31]}, "item 1 is outside the range"),
        ({"type": "tensor", "shape": {"dimensions": []}}, "but has no values"),
        ({"type": "tensor", "double": [1.0]}, "lacks the key 'shape'"),
        ({"type": "tensor", "double": [1.0], "shape": {}}, "lacks the key 'dimensions'"),
        ({"type": "tensor", "double": [1], "indices": [[0]], "shape": {"dimensions": []}}, "dense"),
        (
            tensor := {"type": "tensor", "double": [1], "shape": {"dimensions": [{"size": 2}]}},
            "has 1 values for",
        ),
        ({**tensor, "shape": {"dimensions": [{"size": -1}, {"size": -1}]}}, "impossible dimensions [-1, -1]"),
        ({**tensor, "shape": {"dimensions": [{"size": -2}]}}, "impossible dimensions [-2]"),
        ({**tensor, "shape": {"dimensions": [{"size": 1}] * 33}}, "impossible dimensions"),
        ({**tensor, "shape": {"dimensions": [{"size": [2]}]}}, "should be a whole number, but is an array"),
        ({**tensor, "shape": {"dimensions": [{"size": 0}, {"size": -1}]}}, "has 1 values for"),
        ({"data_shape": {"base": "scalar"}}, "lacks the key 'isNullable'"),
        ({"data_shape": {"base": "map", "isNullable": True}}, "should be a scalar, list or tensor"),
        ({"model": {"attributes": {}}}, "lacks the key 'op'"),
        ({"model": {"op": ""}}, "names no op"),
        ({"basic_type": "\x1b[31m" + "x" * 10_000}, r"'\x1b[31mxxx"),
    ],
)
def test_refuses(document: Any, message: str) -> None:
    with pytest.raises(ArtifactError, match=re.escape(message)) as caught:
        read(document)
    assert str(caught.value).startswith("a.zip, root/model.json, stage S_1: attribute 'x'")
    assert caught.value.hint
    assert len(str(caught.value)) < 1000


def test_models_nested_without_end_are_refused() -> None:
    document: Any = {}
    for _ in range(100):
        document = {"model": {"op": "o", "attributes": {"m": document}}}
    with pytest.raises(ArtifactError, match="nested more than 64 levels"):
        read(document)


def test_zeros_are_explicit_and_what_is_not_finite_is_null() -> None:
    def write(value: Value) -> Any:
        return values.write_value(value, PLACE)

    assert write(Value("scalar", "boolean", False)) == {"boolean": False}
    assert write(Value("scalar", "short", 0)) == {"int": 0}
    assert write(Value("scalar", None, None)) == {}
    assert write(Value("list", "string", [])) == {"type": "list"}
    assert write(Value("list", "double", [math.inf, -math.inf, math.nan])) == {
        "type": "list",
        "double": [None] * 3,
    }
    assert write(Value("scalar", "float", 0.1)) == {"float": 0.10000000149011612}
    assert write(Value("tensor", "double", [1.0, 2.0], (1, -1))) == {
        "type": "tensor",
        "double": [1.0, 2.0],
        "shape": {"dimensions": [{"size": 1, "name": ""}, {"size": 2, "name": ""}]},
    }


@pytest.mark.parametrize(
    "value",
    [
        Value("vector", "double", []),
        Value("scalar", "decimal", 1),
        Value("list", None, [1]),
        Value("scalar", "int", "1"),
        Value("scalar", "byte", 128),
        Value("list", "tensor", [Value("list", "double", [])]),
        Value("tensor", "model", [], (0,)),
        Value("tensor", "double", [1.0], (2,)),
        Value("scalar", "data_shape", {}),
    ],
)
def test_writes_nothing_wrong(value: Value) -> None:
    with pytest.raises(ArtifactError, match="attribute 'x'"):
        values.write_value(value, PLACE)


def test_model_file() -> None:
    model = Model("op", attributes(a=double(0.1), b=string("ü")))
    written = values.write_model(model, PLACE)
    assert json.loads(written) == {"op": "op", "attributes": {"a": {"double": 0.1}, "b": {"string": "ü"}}}
    assert values.read_model(written, PLACE).attributes == model.attributes
    assert (
        values.write_model(Model("op", attributes()), PLACE) == b'{\n  "op": "op",\n  "attributes": {}\n}\n'
    )
    assert len(values.read_model(b'{"op": "count_vectorizer"}', PLACE).attributes) == 0


def test_node_file() -> None:
    node = values.Node("n", (Socket("input0", "a"),), (Socket("output", "b"), Socket("second", "c")))
    written = values.write_node(node, PLACE)
    assert json.loads(written) == {
        "name": "n",
        "shape": {
            "inputs": [{"port": "input0", "name": "a"}],
            "outputs": [{"port": "output", "name": "b"}, {"port": "second", "name": "c"}],
        },
    }
    assert values.read_node(written, PLACE) == node


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "should be a JSON object"),
        (b"{}", "lacks the key 'name'"),
        (b'{"name": 1}', "'name' should be a string"),
        (b'{"name": "n"}', "lacks the key 'shape'"),
        (b'{"name": "n", "shape": {"inputs": []}}', "'shape' lacks the key 'outputs'"),
        (b'{"name": "n", "shape": {"inputs": {}, "outputs": []}}', "'inputs' should be a JSON array"),
        (b'{"name": "n", "shape": {"inputs": [{"port": "p"}], "outputs": []}}', "lacks the key 'name'"),
    ],
)
def test_malformed_nodes(data: bytes, message: str) -> None:
    with pytest.raises(ArtifactError, match=re.escape(message)):
        values.read_node(data, Place())
