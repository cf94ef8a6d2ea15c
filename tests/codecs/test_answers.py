"""One column as text, in every form of answer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from skewless.codecs.answers import render, render_cell, render_cells, render_named
from skewless.errors import ValueRefused
from skewless.schema import (
    BOOLEAN,
    DOUBLE,
    FLOAT,
    INT,
    LONG,
    STRING,
    Base,
    Field,
    Schema,
    Struct,
    Type,
    vector,
)
from skewless.table import Column, Table, from_cells

CSV, LINES, TEXT = "text/csv", "application/jsonlines", "application/jsonlines;data=text"
WORDS = Type(Base.STRING, Struct.ARRAY)
FLOATS = Type(Base.FLOAT, Struct.ARRAY)
PAIRS = Type(Base.DOUBLE, Struct.VECTORS, 2)

ANSWERS = [
    # R1, R2, R3 and C10: single values are bare in every form.
    (1, INT, CSV, "1"),
    (1, INT, LINES, "1"),
    (1, LONG, TEXT, "1"),
    (1.0, DOUBLE, CSV, "1.0"),
    (1e-4, DOUBLE, CSV, "1.0E-4"),
    (1e7, DOUBLE, LINES, "1.0E7"),
    (float("nan"), DOUBLE, CSV, "NaN"),
    (-0.0, DOUBLE, CSV, "-0.0"),
    (float(np.float32(0.2)), FLOAT, CSV, "0.2"),
    (True, BOOLEAN, CSV, "true"),
    ("a", STRING, CSV, "a"),
    ("", STRING, CSV, '""'),
    ('a,"b"', STRING, CSV, '"a,""b"""'),
    ('a,"b"', STRING, LINES, 'a,"b"'),
    # R4, R5, R6.
    ([1.0, 0.2], vector(2), CSV, "1.0,0.2"),
    ([1.0, float(np.float32(0.2))], FLOATS, CSV, "1.0,0.2"),
    ([1, 2], Type(Base.LONG, Struct.ARRAY), CSV, "1,2"),
    ([1.0, 0.2], vector(2), LINES, '{"features":[1.0,0.2]}'),
    ([float("nan"), float("-inf"), 1e-5], vector(3), LINES, '{"features":["NaN","-Infinity",1.0E-5]}'),
    ([1.0, 2.0], vector(2), TEXT, '{"source":"1.0 2.0"}'),
    ([[1.0, 2.0], [0.5, float("nan")]], PAIRS, LINES, '{"features":[[1.0,2.0],[0.5,"NaN"]]}'),
    ([[1.0, 2.0], [0.5, -0.0]], PAIRS, CSV, "1.0,2.0,0.5,-0.0"),
    ([[1.0, 2.0]], PAIRS, TEXT, '{"source":"1.0 2.0"}'),
    (["this", "is", "spark"], WORDS, TEXT, '{"source":"this is spark"}'),
    (['a"', "ü"], WORDS, LINES, '{"features":["a\\"","ü"]}'),
    (['a"', "b,c", ""], WORDS, CSV, '"a""","b,c",""'),
    ([True], Type(Base.BOOLEAN, Struct.ARRAY), LINES, '{"features":[true]}'),
    ([], WORDS, CSV, ""),
    ([], WORDS, LINES, '{"features":[]}'),
]


@pytest.mark.parametrize(("cell", "type_", "accept", "text"), ANSWERS)
def test_answers(cell: Any, type_: Type, accept: str, text: str) -> None:
    field = Field("x", type_)
    assert render_cell(cell, field, 0, accept, False) == text
    table = Table({"x": from_cells(type_, [cell, cell])}, 2)
    assert render(table, field, accept, False).to_pylist() == [text, text]


def test_exact_answers_are_never_quoted() -> None:
    assert render_cell('a,"b"', Field("x", STRING), 0, CSV, True) == 'a,"b"'
    assert render_cell(["a,b", ""], Field("x", WORDS), 0, CSV, True) == "a,b,"


@pytest.mark.parametrize(
    ("type_", "text"), [(INT, "0"), (LONG, "0"), (DOUBLE, "0.0"), (FLOAT, "0.0"), (BOOLEAN, "false")]
)
def test_null_is_nought_to_the_original(type_: Type, text: str) -> None:
    column = from_cells(type_, [None])
    assert render(Table({"x": column}, 1), Field("x", type_), CSV, True).to_pylist() == [text]
    assert render_cell(None, Field("x", type_), 0, LINES, True) == text


@pytest.mark.parametrize(
    ("type_", "cell", "text"),
    [
        (STRING, None, ""),
        (vector(1), None, ""),
        (WORDS, None, ""),
        (FLOAT, 1.0, "java.lang.Float cannot be cast to java.lang.Double"),
    ],
)
def test_what_the_original_cannot_answer(type_: Type, cell: Any, text: str) -> None:
    with pytest.raises(ValueRefused) as refused:
        render_cell(cell, Field("x", type_), 2, CSV, True)
    assert (refused.value.original, refused.value.column, refused.value.row) == (text, "x", 3)


SEVERAL = Schema.of(n=INT, s=STRING, v=vector(2), w=WORDS, e=vector(0))


@pytest.mark.parametrize(
    ("accept", "text"),
    [
        (CSV, '1,"a,b",0.5,NaN,x,y'),
        (LINES, '{"n":1,"s":"a,b","v":[0.5,"NaN"],"w":["x","y"],"e":[]}'),
        (TEXT, '{"source":"1 a,b 0.5 NaN x y"}'),
    ],
)
def test_several_columns(accept: str, text: str) -> None:
    row = [1, "a,b", [0.5, float("nan")], ["x", "y"], []]
    assert render_cells(row, SEVERAL, accept) == text
    columns = {f.name: from_cells(f.type, [cell] * 2) for f, cell in zip(SEVERAL, row, strict=True)}
    assert render_named(Table(columns, 2), SEVERAL, accept).to_pylist() == [text, text]
    for position, field in enumerate(SEVERAL):
        with pytest.raises(ValueRefused, match="the answer is null") as refused:
            render_cells([*row[:position], None, *row[position + 1 :]], SEVERAL, accept)
        assert refused.value.column == field.name


def test_labels_by_number() -> None:
    labels = pa.DictionaryArray.from_arrays(pa.array([1, 0, 1]), pa.array(["a", "b,c"]))
    table = Table({"x": Column(STRING, labels)}, 3)
    assert render(table, Field("x", STRING), CSV, False).to_pylist() == ['"b,c"', "a", '"b,c"']


@pytest.mark.parametrize(
    "column",
    [
        from_cells(DOUBLE, [1.0, None]),
        from_cells(STRING, ["a", None]),
        from_cells(vector(2), [[1.0, 2.0], None]),
        from_cells(WORDS, [["a"], ["a", None]]),
        Column(STRING, pa.array(["a", None]).dictionary_encode()),
    ],
)
def test_null_is_refused(column: Column) -> None:
    field = Field("x", column.type)
    with pytest.raises(ValueRefused, match="the answer is null") as refused:
        render(Table({"x": column}, 2, np.array([0, 6])), field, CSV, False)
    assert (refused.value.column, refused.value.row) == ("x", 7)
    with pytest.raises(ValueRefused, match="the answer is null"):
        render_cell(column.cell(1), field, 0, CSV, False)
