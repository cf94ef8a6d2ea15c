"""Arithmetic where Java's and Python's differ, as JDK 25 does it, and the ops that hold it."""

from __future__ import annotations

import math

import pytest

from skewless.errors import ArtifactError
from skewless.ops.arithmetic import BINARY, UNARY, Coalesce, MathBinary, MathUnary
from skewless.ops.lookups import RegexIndexer, StringMap
from skewless.ops.op import Op
from skewless.spec import Attributes, Model, Value, double, doubles, integers, string, strings
from skewless.transforms.parity import same

# Printed by java.lang.Math and Java's operators in JDK 25.0; every other pair of hostile numbers agreed as well.
RECORDED: list[tuple[str, tuple[float, ...], float]] = [
    ("log", (0.0,), -math.inf),
    ("log", (-0.0,), -math.inf),
    ("log", (-1.0,), math.nan),
    ("log", (math.inf,), math.inf),
    ("sqrt", (-0.0,), -0.0),
    ("sqrt", (-1.0,), math.nan),
    ("sqrt", (math.inf,), math.inf),
    ("sin", (math.inf,), math.nan),
    ("sin", (-0.0,), -0.0),
    ("exp", (710.0,), math.inf),
    ("exp", (-746.0,), 0.0),
    ("exp", (-math.inf,), 0.0),
    ("abs", (-0.0,), 0.0),
    ("abs", (-math.inf,), math.inf),
    ("logit", (0.0,), -math.inf),
    ("logit", (-0.0,), -math.inf),
    ("logit", (1.0,), math.inf),
    ("logit", (0.5,), 0.0),
    ("floor", (-0.0,), -0.0),
    ("floor", (-0.5,), -1.0),
    ("floor", (-2.5,), -3.0),
    ("ceil", (-0.5,), -0.0),
    ("ceil", (1.5,), 2.0),
    ("ceil", (-0.0,), -0.0),
    ("round", (math.nan,), 0.0),
    ("round", (math.inf,), 9.223372036854776e+18),
    ("round", (-math.inf,), -9.223372036854776e+18),
    ("round", (0.5,), 1.0),
    ("round", (-0.5,), 0.0),
    ("round", (1.5,), 2.0),
    ("round", (-2.5,), -2.0),
    ("round", (0.49999999999999994,), 0.0),
    ("round", (-0.0,), 0.0),
    ("round", (9.3e+18,), 9.223372036854776e+18),
    ("round", (4503599627370498.0,), 4503599627370498.0),
    ("rem", (-2.5, 2.0), -0.5),
    ("rem", (2.0, -3.0), 2.0),
    ("rem", (1.0, 0.0), math.nan),
    ("rem", (math.inf, 1.0), math.nan),
    ("rem", (-1.0, math.inf), -1.0),
    ("rem", (-0.0, 1.0), -0.0),
    ("pow", (1.0, math.nan), math.nan),
    ("pow", (math.nan, 0.0), 1.0),
    ("pow", (-1.0, math.inf), math.nan),
    ("pow", (0.0, -1.0), math.inf),
    ("pow", (-0.0, -3.0), -math.inf),
    ("pow", (-0.0, -2.5), math.inf),
    ("pow", (-1e+300, 3.0), -math.inf),
    ("pow", (-1e+300, 2.0), math.inf),
    ("pow", (-0.5, 0.5), math.nan),
    ("pow", (-0.0, 3.0), -0.0),
    ("min", (0.0, -0.0), -0.0),
    ("min", (-0.0, 0.0), -0.0),
    ("min", (1.0, math.nan), math.nan),
    ("min", (math.nan, 1.0), math.nan),
    ("min", (-1.0, 1.0), -1.0),
    ("max", (0.0, -0.0), 0.0),
    ("max", (-0.0, 0.0), 0.0),
    ("max", (math.nan, 1.0), math.nan),
    ("max", (1.0, math.inf), math.inf),
    ("div", (1.0, 0.0), math.inf),
    ("div", (-1.0, 0.0), -math.inf),
    ("div", (1.0, -0.0), -math.inf),
    ("div", (0.0, 0.0), math.nan),
    ("log_n", (1.0, 1.0), math.nan),
    ("log_n", (0.5, 0.0), 0.0),
    ("log_n", (-1.0, 0.5), math.nan),
    ("log_n", (1e+22, 1.0), math.inf),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "numbers", "expected"), RECORDED)
def test_hostile_numbers_as_in_java(operation: str, numbers: tuple[float, ...], expected: float) -> None:
    function = UNARY[operation] if len(numbers) == 1 else BINARY[operation]
    assert same(function(*numbers), expected)


@pytest.mark.parametrize(
    ("kind", "attributes", "told"),
    [
        (MathUnary, {"operation": string("cube")}, "operation is 'cube'; it must be one of log, exp"),
        (MathBinary, {"operation": string("add"), "da": double(1.0), "db": double(2.0)}, "reads no column"),
        (Coalesce, {}, "no list of booleans nullable_inputs"),
        (Coalesce, {"nullable_inputs": Value("list", "int", [1])}, "no list of booleans"),
        (StringMap, {"labels": strings(["a"]), "values": doubles([])}, "1 labels and 0 values"),
        (RegexIndexer, {"regexes": strings(["a"]), "indices": integers([])}, "1 regexes and 0 indices"),
        (RegexIndexer, {"regexes": strings([r"\bx"]), "indices": integers([1])}, "has the boundary"),
    ],
)
def test_attributes_that_do_not_fit_are_refused(
    kind: type[Op], attributes: dict[str, Value], told: str
) -> None:
    with pytest.raises(ArtifactError) as caught:
        kind.decode(Model(kind.name, Attributes(attributes, file="root/model.json", stage="M"), {}))
    assert told in str(caught.value)
    assert str(caught.value).startswith("root/model.json, stage M: ")


@pytest.mark.parametrize(("written", "meant"), [("round_of", "round"), ("floor", "floor")])
def test_operations_have_other_names_too(written: str, meant: str) -> None:
    attributes = Attributes({"operation": string(written)}, file=None, stage=None)
    assert MathUnary.decode(Model("math_unary", attributes)) == MathUnary(meant)


def test_the_last_of_equal_labels_holds() -> None:
    values = {"labels": strings(["a", "b", "a"]), "values": doubles([1.0, 2.0, 3.0])}
    op = StringMap.decode(Model("string_map", Attributes(values, file=None, stage=None)))
    assert dict(zip(op.labels, op.values, strict=True)) == {"a": 3.0, "b": 2.0}
