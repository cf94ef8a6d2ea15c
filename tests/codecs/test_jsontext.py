"""JSON and JSON Lines bodies, by the rules of the SparkML container and, strictly, of its original."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.codecs import original
from skewless.codecs.jsontext import read_json, read_json_lines, rows_of, table_of
from skewless.errors import BodyError, EmptyBody, MalformedBody, ValueRefused
from skewless.schema import (
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    STRING,
    Base,
    Schema,
    Struct,
    Type,
    vector,
    vectors,
)


def array(base: Base) -> Type:
    return Type(base, Struct.ARRAY)


def value_of(value: Any, type_: Type, *, strict: bool = False) -> Any:
    read = original.table_of if strict else table_of
    return read([[value]], Schema.of(x=type_))["x"].cell(0)


def test_bodies() -> None:
    assert read_json(b'{"data": [1, "a"]}')["data"] == [1, "a"]
    assert read_json(b'\n {"data": []} \n')["data"] == []
    lines = read_json_lines(b'{"schema": null, "data": [1]}\r\n{"data": [[1], [2]]}\n\n \n')
    assert [found["data"] for found in lines] == [[1], [[1], [2]]]


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[1]",
        b"1",
        b"null",
        b"{}",
        b'{"data": 1}',
        b'{"data": null}',
        b'{"data": [1], "other": 1}',
        b'{"data": [NaN]}',
        b'{"data": [1e999]}',
        b'{"data": ["\\ud800"]}',
        b'{"data": [1]} x',
        b'\xef\xbb\xbf{"data": [1]}',
        b'{"data": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"data": [1' + b"0" * 5000 + b"]}",
        b'{"data": ["\xff"]}',
    ],
)
def test_bodies_that_are_refused(body: bytes) -> None:
    with pytest.raises(BodyError) as whole:
        read_json(body)
    assert isinstance(whole.value, MalformedBody) or b"\xff" in body
    with pytest.raises(BodyError) as refused:
        read_json_lines(b'{"data": [1]}\n' + body)
    assert refused.value.row == 2


def test_no_line() -> None:
    with pytest.raises(EmptyBody):
        read_json_lines(b"")
    for body in (b"\n", b" \r\n\n"):
        with pytest.raises(BodyError, match="no record"):
            read_json_lines(body)


def test_a_blank_line_in_the_middle() -> None:
    with pytest.raises(BodyError) as refused:
        read_json_lines(b'{"data": [1]}\n\n{"data": [1]}\n')
    assert refused.value.row == 2


WORDS, WORD = Schema.of(a=array(Base.STRING), b=array(Base.STRING)), Schema.of(a=array(Base.STRING))


@pytest.mark.parametrize(
    ("schema", "data", "rows", "to_the_original"),
    [
        (Schema.of(a=INT, b=STRING), [1, "a"], [[1, "a"]], [[1, "a"]]),
        (Schema.of(a=INT, b=STRING), [[2, "b"], [3, "c"]], [[2, "b"], [3, "c"]], [[2, "b"], [3, "c"]]),
        (Schema.of(a=vector(), b=STRING), [[1.0], "a"], [[[1.0], "a"]], [[[1.0], "a"]]),
        # One row of lists only, which the original takes for as many rows.
        (WORDS, [["a"], ["b", "c"]], [[["a"], ["b", "c"]]], [["a"], ["b", "c"]]),
        (WORDS, [[["a"], ["b"]], [["c"], []]], [[["a"], ["b"]], [["c"], []]], [[["a"], ["b"]], [["c"], []]]),
        (WORDS, [[], []], [[[], []]], [[], []]),
        (WORD, [["a", "b"]], [[["a", "b"]]], [["a", "b"]]),
        (WORD, [[["a"]], [["b"]]], [[["a"]], [["b"]]], [[["a"]], [["b"]]]),
        (Schema.of(v=vectors()), [[[1.0], [2.0]]], [[[1.0], [2.0]]], [[[1.0], [2.0]]]),
    ],
)
def test_a_row_or_rows(schema: Schema, data: Any, rows: Any, to_the_original: Any) -> None:
    assert rows_of([{"data": data}, {"data": [1]}], schema) == [*rows, [1]]
    assert original.rows_of([{"data": data}, {"data": [1]}]) == [*to_the_original, [1]]


def test_no_row() -> None:
    assert rows_of([{"data": []}], WORD) == [[]]
    with pytest.raises(BodyError) as refused:
        original.rows_of([{"data": []}])
    assert refused.value.original == "Index: 0, Size: 0"


@pytest.mark.parametrize(
    ("value", "type_", "read"),
    [
        (1, INT, 1),
        ("1", INT, 1),
        (1, DOUBLE, 1.0),
        (1, STRING, "1"),
        (1.5, STRING, "1.5"),
        (1e7, STRING, "1.0E7"),
        (1.0, DOUBLE, 1.0),
        ("NaN", DOUBLE, None),
        (" 1 ", DOUBLE, 1.0),
        ("1f", FLOAT, 1.0),
        (True, STRING, "true"),
        (True, BOOLEAN, True),
        ("TRUE", BOOLEAN, True),
        ("1", BOOLEAN, False),
        (1, BOOLEAN, False),
        ("", STRING, ""),
        (10**400, DOUBLE, float("inf")),
        (127, Type(Base.BYTE), 127),
        (1, Type(Base.SHORT), 1),
        (2**40, LONG, 2**40),
    ],
)
def test_single_values_go_through_their_text(value: Any, type_: Type, read: Any) -> None:
    """C4, C5 and the contract's table; None stands for NaN."""
    found = value_of(value, type_)
    assert found == read or (read is None and found != found)
    assert type(found) is not int or type_.is_number


@pytest.mark.parametrize(
    ("value", "type_", "message"),
    [
        (1.0, INT, 'For input string: "1.0"'),
        ("", INT, 'For input string: ""'),
        ("", DOUBLE, "empty String"),
        (300, Type(Base.BYTE), "Value out of range"),
        (2**63, LONG, "For input string"),
        (True, INT, 'For input string: "true"'),
        ([1], INT, r"\[1\] is no single int"),
        ({}, STRING, r"\{\} is no single string"),
        (1.0, vector(1), "Input val is not a list but struct passed is vector/array: 1.0"),
        (None, array(Base.INT), "not a list .*: null"),
        ([None], vector(), "element null is no double"),
        (["1"], vector(), "element '1' is no double"),
        ([True], vector(), "element True is no double"),
        ([10**400], vector(), "element .* is no double"),
        ([1.0], array(Base.LONG), "element 1.0 is no long"),
        ([300], array(Base.BYTE), "element 300 is no byte"),
        ([2**31], array(Base.INT), "element 2147483648 is no int"),
        ([1], array(Base.STRING), "element 1 is no string"),
        ([1], array(Base.BOOLEAN), "element 1 is no boolean"),
    ],
)
def test_values_that_are_refused(value: Any, type_: Type, message: str) -> None:
    with pytest.raises(ValueRefused, match=message) as refused:
        value_of(value, type_)
    assert (refused.value.column, refused.value.row) == ("x", 1)


def test_lists() -> None:
    """C3, C6, C7."""
    schema = Schema.of(v=vector(), s=STRING, a=array(Base.DOUBLE))
    (row,) = table_of([[[1.0, 2.0, 3.0], "C", [38.0, 24.0]]], schema).to_rows()
    assert row == ([1.0, 2.0, 3.0], "C", [38.0, 24.0])
    assert value_of([1, 2], vector(2)) == [1.0, 2.0]
    assert value_of([1, 2], array(Base.LONG)) == [1, 2]
    assert value_of([1], array(Base.SHORT)) == [1]
    assert value_of(["1"], array(Base.STRING)) == ["1"]
    assert value_of([False], array(Base.BOOLEAN)) == [False]
    assert value_of([], array(Base.DOUBLE)) == []


def test_lists_that_only_the_original_refuses() -> None:
    """It casts what the JSON library made, which is a double for 1.0, an int for 1 and a long for what is larger."""
    for value, type_ in [
        ([1, 2], vector(2)),
        ([1], array(Base.DOUBLE)),
        ([1], array(Base.LONG)),
        ([1], array(Base.SHORT)),
    ]:
        assert value_of(value, type_) == value
        with pytest.raises(ValueRefused, match="element 1 is no") as refused:
            value_of(value, type_, strict=True)
        wanted = {Base.LONG: "Long", Base.SHORT: "Short"}.get(type_.base, "Double")
        assert refused.value.original == f"java.lang.Integer cannot be cast to java.lang.{wanted}"
    assert value_of([1.0], vector(), strict=True) == [1.0]
    assert value_of([1], array(Base.INT), strict=True) == [1]
    assert value_of([2**40], array(Base.LONG), strict=True) == [2**40]


def test_vectors_of_different_lengths_name_the_row() -> None:
    with pytest.raises(ValueRefused, match="the vector has 1 values where 2 are expected") as refused:
        table_of([[[1.0, 2.0]], [[1.0]]], Schema.of(v=vector()))
    assert (refused.value.column, refused.value.row) == ("v", 2)


def test_rows_of_another_length() -> None:
    schema = Schema.of(a=INT, b=INT)
    for row in ([1], [1, 2, 3], []):
        with pytest.raises(ValueRefused, match=f"the record has {len(row)} field") as refused:
            table_of([[1, 2], row], schema)
        assert refused.value.row == 2
    assert list(original.table_of([[1, 2, 3]], schema).to_rows()) == [(1, 2)]
    with pytest.raises(ValueRefused) as short:
        original.table_of([[1]], schema)
    assert short.value.original == "Index: 1, Size: 1"


@pytest.mark.parametrize("type_", [INT, DOUBLE, STRING, BOOLEAN])
def test_null_is_null_but_to_the_original(type_: Type) -> None:
    assert value_of(None, type_) is None
    with pytest.raises(ValueRefused, match="the value is null") as refused:
        value_of(None, type_, strict=True)
    assert refused.value.original == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ([1, "a", None, [1e7]], "[1, a, null, [1.0E7]]"),
        ({"a": True, "b": {"c": 0.5}}, "{a=true, b={c=0.5}}"),
        ([], "[]"),
    ],
)
def test_the_original_takes_the_text_of_anything(value: Any, text: str) -> None:
    assert value_of(value, STRING, strict=True) == text
    with pytest.raises(ValueRefused) as refused:
        value_of(value, INT, strict=True)
    assert refused.value.message == f'For input string: "{text}"'


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        ([1.5], array(Base.INT), "java.lang.Double cannot be cast to java.lang.Integer"),
        ([2**31], array(Base.INT), "java.lang.Long cannot be cast to java.lang.Integer"),
        ([2**70], array(Base.LONG), "java.math.BigInteger cannot be cast to java.lang.Long"),
        (["1"], array(Base.INT), "java.lang.String cannot be cast to java.lang.Integer"),
        ([True], vector(), "java.lang.Boolean cannot be cast to java.lang.Double"),
        ([[1.0]], vector(), "java.util.ArrayList cannot be cast to java.lang.Double"),
        ([{}], array(Base.STRING), "java.util.LinkedHashMap cannot be cast to java.lang.String"),
        ([None], vector(), ""),
    ],
)
def test_the_original_casts(value: Any, type_: Type, text: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        value_of(value, type_, strict=True)
    assert refused.value.original == text


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=6)
)
def test_whatever_is_sent_is_read_or_refused(value: Any) -> None:
    for type_ in (
        INT,
        DOUBLE,
        STRING,
        BOOLEAN,
        FLOAT,
        vector(),
        array(Base.BYTE),
        array(Base.STRING),
        array(Base.FLOAT),
    ):
        for strict in (False, True):
            schema = Schema.of(x=type_)
            try:
                objects = read_json_lines(json.dumps({"data": [value]}).encode())
                if strict:
                    original.table_of(original.rows_of(objects), schema)
                else:
                    table_of(rows_of(objects, schema), schema)
            except (BodyError, ValueRefused):
                continue
