"""Filters of batch transform: every form that the developer guide lists, and what is said of others."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.errors import BodyError, SettingError
from skewless.jobs.transforming.joining import CsvJoining, JsonJoining, select
from skewless.jobs.transforming.jsonpath import Every, Names, Places, parse

RECORD = (
    '{"id": 7, "features": [1.50, {"x": "é"}, null], "a b": {"c": 1, "d": [2]}, "SageMakerOutput": "acc"}'
)


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("$", ()),
        ("$.features", (Names(("features",)),)),
        ("$.*", (Every(),)),
        ("$[*]", (Every(),)),
        ("$['id','SageMakerOutput']", (Names(("id", "SageMakerOutput")),)),
        ('$["id"]', (Names(("id",)),)),
        ("$['a]b', 'c.d']", (Names(("a]b", "c.d")),)),
        ("$.field1.['child1','child2']", (Names(("field1",)), Names(("child1", "child2")))),
        ("$[0]", (Places((0,)),)),
        ("$[0,-1]", (Places((0, -1)),)),
        ("$[ 0 , 5: ]", (Places((0, slice(5, None))),)),
        ("$[1:]", (Places((slice(1, None),)),)),
        ("$[:3]", (Places((slice(None, 3),)),)),
        ("$[1:5]", (Places((slice(1, 5),)),)),
        ("$[-3:-1]", (Places((slice(-3, -1),)),)),
        ("$.a[2].b", (Names(("a",)), Places((2,)), Names(("b",)))),
    ],
)
def test_paths(path: str, steps: Any) -> None:
    assert parse(path) == steps


ONE_RANGE = "only single range filters of format (eg: [1:5]) are supported. Format "


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("$[0:2,246:]", f"Invalid JsonPath: $[0:2,246:]: {ONE_RANGE}[0:2,246:] is not supported"),
        ("$[0:5:2]", f"Invalid JsonPath: $[0:5:2]: {ONE_RANGE}[0:5:2] is not supported"),
        ("$[a:b]", f"Invalid JsonPath: $[a:b]: {ONE_RANGE}[a:b] is not supported"),
        ("", "Invalid JsonPath: : it does not begin with $"),
        ("features", "Invalid JsonPath: features: it does not begin with $"),
        ("$features", "'f' at position 2 is no operator"),
        ("$..a", "there is no name after the dot"),
        ("$.", "there is no name after the dot"),
        ("$.a b", "' ' at position 4 is no operator"),
        ("$[0", "a bracket is not closed"),
        ("$['a]", "a bracket is not closed"),
        ("$[]", "[] is neither indexes, nor a range, nor names in quotes"),
        ("$[0,]", "[0,] is neither"),
        ("$[1.5]", "[1.5] is neither"),
        ("$[?(@.a)]", "[?(@.a)] is neither"),
        ("$['a',]", "['a',] ends in a comma"),
        ("$['a',0]", "['a',0] is not a list of names in quotes"),
        ("$['a' 'b']", "is not a list of names in quotes"),
        ("$." + "a" * 62, "it is longer than 63 characters"),
    ],
)
def test_what_is_no_path(path: str, says: str) -> None:
    with pytest.raises(SettingError) as refused:
        parse(path)
    assert says in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("$", RECORD),
        ("$.id", "7"),
        ("$.features", '[1.50, {"x": "é"}, null]'),
        ("$.features[0]", "1.50"),
        ("$.features[-1]", "null"),
        ("$.features[0,-1]", "[1.50,null]"),
        ("$.features[1:]", '[{"x": "é"},null]'),
        ("$.features[1].x", '"é"'),
        ("$.features[5:]", "[]"),
        ("$['id','SageMakerOutput']", '{"id":7,"SageMakerOutput":"acc"}'),
        ("$['a b'].c", "1"),
        ("$['a b'].*", "[1,[2]]"),
        ("$['a b'].['c','d']", '{"c":1,"d":[2]}'),
        ("$.features[*]", '[1.50,{"x": "é"},null]'),
    ],
)
def test_what_they_select_of_json(path: str, value: str) -> None:
    assert select(RECORD.encode(), parse(path)).decode() == value


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("$.gone", "there is no property 'gone'. There are: id, features"),
        ("$['id','gone']", "there is no property 'gone'"),
        ("$[0]", "the filter wants a list where there is {"),
        ("$.id.x", "the filter wants an object where there is 7"),
        ("$.features.x", "the filter wants an object where there is [1.50"),
        ("$.features[3]", "index 3 is out of range: there are 3 elements"),
        ("$.features[0,-4]", "index -4 is out of range: there are 3 elements"),
        ("$.id.*", "the filter wants a list where there is 7"),
    ],
)
def test_what_does_not_fit_json(path: str, says: str) -> None:
    with pytest.raises(BodyError) as refused:
        select(RECORD.encode(), parse(path))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("path", "row"),
    [
        ("$", b'1,"a, ""b""",,x\ny'),
        ("$[0]", b"1"),
        ("$[1]", b'"a, ""b"""'),
        ("$[1:]", b'"a, ""b""",,x\ny'),
        ("$[0,-1]", b"1,x\ny"),
        ("$[0,2:]", b"1,,x\ny"),
        ("$[:-1]", b'1,"a, ""b""",'),
        ("$[*]", b'1,"a, ""b""",,x\ny'),
        ("$[2]", b'""'),
    ],
)
def test_what_they_select_of_a_row(path: str, row: bytes) -> None:
    assert CsvJoining(parse(path)).given(b'1,"a, ""b""",,x\ny') == row


@pytest.mark.parametrize(
    ("path", "row", "says"),
    [
        ("$[4]", b"1,2,3", "index 4 is out of range: there are 3 elements"),
        ("$[3:]", b"1,2,3", "the filter selects nothing of the record"),
        ("$.a", b"1,2,3", "the filter looks for a property, but a row of CSV is a list"),
        ("$[0][0]", b"1,2,3", "but a row of CSV is a list"),
        ("$[0]", b'1,a"b', 'Failed to parse input as CSV: bare " in non quoted field found near: a"b'),
        ("$", b'1,a"b', 'Failed to parse input as CSV: bare " in non quoted field found near: a"b'),
        (
            "$",
            b'1,"a"b',
            'Failed to parse input as CSV: extraneous or missing " in quoted field found near: "a"b',
        ),
        ("$", b'1,"a', 'extraneous or missing " in quoted field found near: "a'),
    ],
)
def test_what_does_not_fit_a_row(path: str, row: bytes, says: str) -> None:
    with pytest.raises(BodyError) as refused:
        CsvJoining(parse(path)).given(row)
    assert says in refused.value.message


@pytest.mark.parametrize(
    ("output", "join", "made"),
    [
        ("$", False, b"acc,0.5"),
        ("$[0]", False, b"acc"),
        ("$", True, b'1,"a,b",2,acc,0.5'),
        ("$[0,-1]", True, b"1,0.5"),
        ("$[0,3:]", True, b"1,acc,0.5"),
        ("$[1:]", True, b'"a,b",2,acc,0.5'),
    ],
)
def test_rows_joined(output: str, join: bool, made: bytes) -> None:
    """The answer comes behind the whole record, whatever the input filter let through."""
    joining = CsvJoining(parse("$[1:]"), parse(output), join)
    assert joining.given(b'1,"a,b",2') == b'"a,b",2'
    assert joining.made(b'1,"a,b",2', b"acc,0.5") == made


def test_an_answer_that_is_no_csv() -> None:
    with pytest.raises(BodyError, match=r'^Failed to parse output from the algorithm as CSV: bare "'):
        CsvJoining((), (), True).made(b"1", b'a"b')


@pytest.mark.parametrize(
    ("record", "output", "made"),
    [
        ('{"id":1.0,"x":[2]}', "$", '{"id":1.0,"x":[2],"SageMakerOutput":{"score": 0.50}}'),
        ('{"id":1, "SageMakerOutput":9}', "$", '{"id":1,"SageMakerOutput":{"score": 0.50}}'),
        ('{"id":1,"x":[2]}', "$['id','SageMakerOutput']", '{"id":1,"SageMakerOutput":{"score": 0.50}}'),
        ('{"id":1}', "$.SageMakerOutput.score", "0.50"),
        (" [1, 2] ", "$", '{"SageMakerInput":[1, 2],"SageMakerOutput":{"score": 0.50}}'),
        ("3", "$", '{"SageMakerInput":3,"SageMakerOutput":{"score": 0.50}}'),
    ],
)
def test_json_joined(record: str, output: str, made: str) -> None:
    joining = JsonJoining((), parse(output), True)
    assert joining.made(record.encode(), b'{"score": 0.50}').decode() == made


def test_what_is_no_json() -> None:
    with pytest.raises(BodyError, match=r"^Failed to parse input as JSON: "):
        JsonJoining().given(b"{1}")
    with pytest.raises(BodyError, match=r"^Failed to parse output from the algorithm as JSON: "):
        JsonJoining((), (), True).made(b"{}", b"acc")
    with pytest.raises(BodyError, match=r"^Failed to parse input as JSON: "):
        JsonJoining().given(b"[" * 100_000)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


def plain(value: Any, path: list[Any]) -> Any:
    """The reference: Python's own lists, dicts and slices."""
    for step in path:
        value = [value[place] for place in step] if isinstance(step, list) else value[step]
    return value


def text_of(step: Any) -> str:
    if isinstance(step, slice):
        return f"[{'' if step.start is None else step.start}:{'' if step.stop is None else step.stop}]"
    if isinstance(step, str):
        return f"['{step}']"
    return f"[{','.join(map(str, step))}]" if isinstance(step, list) else f"[{step}]"


@given(VALUES, st.data())
def test_any_json(value: Any, data: st.DataObject) -> None:
    """Random walks into a value give what Python's own indexing gives."""
    path: list[Any] = []
    here = value
    while isinstance(here, dict | list) and here and data.draw(st.booleans()):
        if isinstance(here, dict):
            step = data.draw(st.sampled_from(sorted(here)))
        else:
            index = st.integers(-len(here), len(here) - 1)
            bound = st.none() | st.integers(-6, 6)
            step = data.draw(index | st.lists(index, min_size=2, max_size=3) | st.builds(slice, bound, bound))
        path.append(step)
        if isinstance(step, slice | list):
            break
        here = here[step]
    text = "$" + "".join(map(text_of, path))
    made = select(json.dumps(value).encode(), parse(text) if len(text) < 64 else ())
    assert json.loads(made) == (plain(value, path) if len(text) < 64 else value)
