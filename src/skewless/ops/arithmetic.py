"""Arithmetic on single numbers: MLeap's math_unary, math_binary and coalesce, which Spark has not.

Every operation is one Python function, which both kernels call: numpy's last bits are not the C library's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.blas import divide, exp, log
from skewless.ops.op import Example, Op, Refused, RowKernel, TypeRefused, register
from skewless.ops.rows import infinite, restored
from skewless.schema import BOOLEAN, DOUBLE, FLOAT, INT, LONG, Base, Struct, Type
from skewless.spec import Model, Value
from skewless.table import Column, from_cells

_WHY_NOT_BITS: Final = (
    "Java's log, exp, sin, cos, tan and pow differ from C's by a unit in the last place now and then"
)
_LARGEST_LONG: Final = 2.0**63


def _or_nan(function: Callable[..., float]) -> Callable[..., float]:
    """The function, which gives NaN where Python's would raise, as Java's does."""

    def quiet(*numbers: float) -> float:
        try:
            return function(*numbers)
        except ValueError:
            return math.nan

    return quiet


def _logit(number: float) -> float:
    """Source: commons-math's Logit. ValueError outside [0, 1]; NaN is not outside."""
    if number < 0.0 or number > 1.0:
        raise ValueError(f"{number!r} is outside [0, 1], where logit is defined")
    return log(divide(number, 1.0 - number))


def _floor(number: float) -> float:
    return float(np.floor(number))


def _ceil(number: float) -> float:
    return float(np.ceil(number))


def _round(number: float) -> float:
    """Java's ``Math.round``: halves go up, NaN to 0, and what is too large to the largest long."""
    if number != number:
        return 0.0
    if abs(number) >= _LARGEST_LONG:
        return math.copysign(_LARGEST_LONG, number)
    below = math.floor(number)
    return float(below + (number - below >= 0.5))


def _is_odd(number: float) -> bool:
    return abs(math.fmod(number, 2.0)) == 1.0


def power(base: float, exponent: float) -> float:
    """Java's ``Math.pow``: unlike C's, a one to the power of NaN, or ±1 to that of an infinity, is NaN."""
    if exponent != exponent or (abs(base) == 1.0 and math.isinf(exponent)):
        return math.nan
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return -math.inf if base < 0.0 and _is_odd(exponent) else math.inf
    except ValueError:
        # Either zero to a negative power, or a root of a negative number.
        if base != 0.0:
            return math.nan
        return math.copysign(math.inf, base) if _is_odd(exponent) else math.inf


def _least(a: float, b: float) -> float:
    """Java's ``Math.min``: NaN if either is, and -0.0 is below 0.0."""
    if a != a or b != b:
        return math.nan
    if a == b == 0.0:
        return a if math.copysign(1.0, a) < 0.0 else b
    return min(a, b)


def _floor_rem(a: float, b: float) -> float:
    """numpy's remainder, which has the sign of the divisor."""
    with np.errstate(all="ignore"):
        return float(np.remainder(a, b))


def _greatest(a: float, b: float) -> float:
    return -_least(-a, -b)


UNARY: Final[Mapping[str, Callable[[float], float]]] = {
    "log": log,
    "exp": exp,
    "sqrt": _or_nan(math.sqrt),
    "sin": _or_nan(math.sin),
    "cos": _or_nan(math.cos),
    "tan": _or_nan(math.tan),
    "abs": abs,
    "logit": _logit,
    "floor": _floor,
    "ceil": _ceil,
    "round": _round,
}
BINARY: Final[Mapping[str, Callable[[float, float], float]]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": divide,
    "rem": _or_nan(math.fmod),
    "floor_rem": _floor_rem,
    "log_n": lambda a, b: divide(log(a), log(b)),
    "pow": power,
    "min": _least,
    "max": _greatest,
}
# What some of MLeap's versions, and its Python exporter, call them.
_SYNONYMS: Final = {"round_of": "round", "logn": "log_n"}


class _Numeric(Op):
    """An op on single numbers, which makes one double of each row."""

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,) * len(self.inputs)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, type_ in enumerate(inputs):
            if type_.struct is not Struct.BASIC or type_.base is Base.STRING:
                raise TypeRefused(f"it takes single numbers, not {type_}", input=position)
        return (DOUBLE,)


def _numbers(column: Column) -> list[float | None]:
    """The cells as doubles, with None for null."""
    numbers: list[float | None] = column.numbers().tolist()
    for row in np.flatnonzero(column.nulls) if column.nulls is not None else ():
        numbers[row] = None
    return numbers


def _operation(model: Model, known: Iterable[str]) -> str:
    given = model.attributes.string("operation")
    name = _SYNONYMS.get(given, given)
    if name not in known:
        raise model.attributes.error(f"operation is {given!r}; it must be one of {', '.join(known)}")
    return name


def _null(position: int, input: int = 0) -> Refused:
    return Refused(
        "the number is null",
        value=None,
        position=position,
        input=input,
        hint="Fill it in before this stage, with imputer or coalesce, say.",
    )


@register
@dataclass(frozen=True, slots=True)
class MathUnary(_Numeric):
    """A function of one number, as Java computes it. Source: MLeap's MathUnaryModel."""

    name: ClassVar[str] = "math_unary"
    bad_values: ClassVar[str] = (
        "Null fails, and logit outside [0, 1]; NaN gives NaN, but 0 when rounded, where halves go up."
    )
    mleap: ClassVar[str] = ""
    ulps: ClassVar[int] = 1
    why_not_bits: ClassVar[str] = _WHY_NOT_BITS

    operation: str

    @classmethod
    def decode(cls, model: Model) -> Self:
        return cls(_operation(model, UNARY))

    def encode(self) -> Mapping[str, Value]:
        return {"operation": spec.string(self.operation)}

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        made = [self._made(number, row) for row, number in enumerate(_numbers(inputs[0]))]
        return (Column(DOUBLE, np.array(made, np.float64)),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        return lambda number: self._made(number, 0)

    def _made(self, number: Any, position: int) -> float:
        if number is None:
            raise _null(position)
        try:
            return UNARY[self.operation](float(number))
        except ValueError as error:
            hint = "Give a share or a probability."
            raise Refused(str(error), value=number, position=position, hint=hint) from None

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for operation in UNARY:
            hostile = _HOSTILE if operation != "logit" else _SHARES
            yield Example(cls(operation), (from_cells(DOUBLE, hostile),))
            yield Example(cls(operation), (from_cells(DOUBLE, []),))
            yield Example(cls(operation), (from_cells(DOUBLE, [0.5, None]),))
            yield Example(cls(operation), (from_cells(BOOLEAN, [True, False]),))
        for outside in (1.0000000000000002, -5e-324, math.inf):
            yield Example(cls("logit"), (from_cells(DOUBLE, [0.5, outside]),))
        yield Example(cls("round"), (from_cells(LONG, [2**63 - 1, -(2**63), 0]),))


@register
@dataclass(frozen=True, slots=True)
class MathBinary(_Numeric):
    """A function of two numbers, either of which may be fitted. Source: MLeap's MathBinaryModel."""

    name: ClassVar[str] = "math_binary"
    bad_values: ClassVar[str] = (
        "Null fails; NaN goes on, also through min and max; a number divided by zero is infinite or NaN."
    )
    mleap: ClassVar[str] = "floor_rem, which scikit-learn's exporter means by rem, is absent."
    ulps: ClassVar[int] = 3
    why_not_bits: ClassVar[str] = _WHY_NOT_BITS

    operation: str
    a: float | None = None
    """What stands for the first number; None where a column gives it."""
    b: float | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(port for port, fitted in (("input_a", self.a), ("input_b", self.b)) if fitted is None)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        fitted = [
            restored(attributes, name, (attributes.double(name),))[0] if name in attributes else None
            for name in ("da", "db")
        ]
        if None not in fitted:
            raise attributes.error(
                "both of its numbers are fitted (da and db), so it reads no column",
                "Write the outcome where it is used.",
            )
        return cls(_operation(model, BINARY), *fitted)

    def encode(self) -> Mapping[str, Value]:
        made = {"operation": spec.string(self.operation)}
        for name, fitted in (("da", self.a), ("db", self.b)):
            if fitted is not None:
                made |= {name: spec.double(fitted), **infinite(name, (fitted,))}
        return made

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        rows = zip(*map(_numbers, inputs), strict=True)
        made = [self._made(numbers, row) for row, numbers in enumerate(rows)]
        return (Column(DOUBLE, np.array(made, np.float64)),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        return lambda *numbers: self._made(numbers, 0)

    def _made(self, given: Sequence[Any], position: int) -> float:
        for input, number in enumerate(given):
            if number is None:
                raise _null(position, input)
        numbers = [float(number) for number in given]
        if self.a is not None:
            numbers.insert(0, self.a)
        elif self.b is not None:
            numbers.append(self.b)
        return BINARY[self.operation](*numbers)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        pairs = [(a, b) for a in _HOSTILE for b in (*_HOSTILE[:9], 2.0, -3.0, 0.5)]
        first, second = (from_cells(DOUBLE, list(part)) for part in zip(*pairs, strict=True))
        for operation in BINARY:
            yield Example(cls(operation), (first, second))
            yield Example(cls(operation, 2.0), (from_cells(FLOAT, [0.1, -0.0, math.nan]),))
            yield Example(cls(operation, None, -0.0), (from_cells(INT, [3, 0, -(2**31)]),))
            yield Example(cls(operation), (from_cells(DOUBLE, []), from_cells(DOUBLE, [])))
        yield Example(cls("add", math.inf), (from_cells(DOUBLE, [-math.inf, 1.0]),))
        yield Example(cls("add"), (from_cells(DOUBLE, [1.0, 1.0]), from_cells(DOUBLE, [1.0, None])))


@register
@dataclass(frozen=True, slots=True)
class Coalesce(_Numeric):
    """The first of several numbers that is not null. Source: MLeap's CoalesceModel.

    ``nullable`` says of each input whether MLeap expects nulls there; nothing depends on it.
    """

    name: ClassVar[str] = "coalesce"
    bad_values: ClassVar[str] = "Null where every input is null; NaN is a number."
    mleap: ClassVar[str] = ""

    nullable: tuple[bool, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.nullable)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        value = attributes.get("nullable_inputs")
        flags = tuple(value.data) if value is not None and value.shape == "list" else ()
        if not flags or not all(isinstance(flag, bool) for flag in flags):
            raise attributes.error("it has no list of booleans nullable_inputs, so its inputs are not known")
        return cls(flags)

    def encode(self) -> Mapping[str, Value]:
        return {"nullable_inputs": Value("list", "boolean", list(self.nullable))}

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        made, nulls = np.zeros(len(inputs[0])), np.ones(len(inputs[0]), np.bool_)
        for column in inputs:
            there = nulls if column.nulls is None else nulls & ~column.nulls
            made = np.where(there, column.numbers(), made)
            nulls = nulls & ~there
        return (Column(DOUBLE, made, nulls if nulls.any() else None),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        def kernel(*numbers: Any) -> float | None:
            return next((float(number) for number in numbers if number is not None), None)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        first = from_cells(DOUBLE, [None, math.nan, -0.0, None])
        second = from_cells(LONG, [2**53 + 1, 1, None, None])
        yield Example(cls((True, True)), (first, second))
        yield Example(cls((True,)), (first,))
        yield Example(cls((True, False)), (from_cells(DOUBLE, []), from_cells(BOOLEAN, [])))


_HOSTILE: Final = (
    *(math.nan, math.inf, -math.inf, 0.0, -0.0, 1.0, -1.0, 5e-324, -1e300),
    *(0.5, -0.5, 1.5, -2.5, 0.49999999999999994, 710.0, -746.0, 1e22, 2.0**52 + 1.0, 9.3e18, 0.1),
)
_SHARES: Final = (0.0, -0.0, 1.0, 0.5, math.nan, 5e-324, 0.9999999999999999, 0.1)
