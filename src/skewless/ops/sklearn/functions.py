"""numpy's own functions, feature by feature: FunctionTransformer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Op, RowKernel, register
from skewless.ops.rows import check, present, tensor, vector_type
from skewless.ops.sklearn.matrix import checked, hostile, matrix, with_nan
from skewless.ops.sklearn.scale import exactly
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import Field, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells, vectors_of
from skewless.vectors import Csr, dense

EXACT: Final = (
    "absolute",
    "ceil",
    "fabs",
    "floor",
    "negative",
    "positive",
    "reciprocal",
    "rint",
    "sign",
    "sqrt",
)
EXACT_TOO: Final = ("square", "trunc", "clip", "deg2rad", "rad2deg", "degrees", "radians", "identity")
NEAR: Final = (
    *(
        "arccos",
        "arccosh",
        "arcsin",
        "arcsinh",
        "arctan",
        "arctanh",
        "cbrt",
        "cos",
        "cosh",
        "exp",
        "exp2",
        "expm1",
    ),
    *("log", "log10", "log1p", "log2", "sin", "sinh", "tan", "tanh"),
)
FUNCTIONS: Final = (*EXACT, *EXACT_TOO, *NEAR)


class _Function(Op):
    """One of numpy's functions of single numbers; ``low`` and ``high`` are clip's, NaN for none."""

    bad_values: ClassVar[str] = (
        "NaN and infinities pass into the function, but with validate=True they fail; a null vector or one of another "
        "length fails."
    )
    mleap: ClassVar[str] = "absent"
    known: ClassVar[tuple[str, ...]]

    size: int
    function: str
    finite: bool
    low: float
    high: float

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        function = attributes.string("function")
        if function not in cls.known:
            raise attributes.error(f"function is {function!r}; it must be one of {', '.join(cls.known)}")
        low, high = exactly(attributes, "range", 2)
        finite = attributes.boolean("finite", False)
        return cls(attributes.integer("size"), function, finite, low, high)  # type: ignore[call-arg]

    def encode(self) -> Mapping[str, Value]:
        return {
            "size": spec.integer(self.size),
            "function": spec.string(self.function),
            "finite": spec.boolean(self.finite),
            **tensor("range", (self.low, self.high)),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, self.size),)

    def _apply(self, values: Numbers) -> Numbers:
        with np.errstate(all="ignore"):
            if self.function == "identity":
                return values
            if self.function != "clip":
                return np.asarray(getattr(np, self.function)(values))
            low, high = (None if math.isnan(bound) else bound for bound in (self.low, self.high))
            return np.clip(values, low, high)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        """As far as the function goes from either end of where its numbers may lie."""
        if not given[0].any():
            return given
        rows = inputs[0].dense()
        with np.errstate(all="ignore"):
            ends = [
                np.abs(self._apply(rows + sign * given[0][:, None]) - self._apply(rows))
                for sign in (-1.0, 1.0)
            ]
        return [2.0 * np.nan_to_num(np.maximum(*ends), nan=np.inf, posinf=np.inf).max(axis=1, initial=0.0)]

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = matrix(inputs[0], self.size, False) if self.finite else present(inputs[0], self.size)
        made = vector(self.size)
        if isinstance(column.values, Csr):
            rows = [self._apply(np.array(dense(column.cell(row)))).tolist() for row in range(len(column))]
            return (vectors_of(rows, Field("output", made)),)
        return (Column(made, self._apply(column.values)),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, finite, apply = self.size, self.finite, self._apply

        def kernel(cell: Any) -> list[float]:
            if finite:
                checked(cell, size, False)
            check(cell, size)
            made: list[float] = apply(np.array(dense(cell), np.float64)).tolist()
            return made

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for function in cls.known:
            low, high = (-0.5, math.nan) if function == "clip" else (math.nan, math.nan)
            op = cls(4, function, False, low, high)  # type: ignore[call-arg]
            yield Example(op, (from_cells(vector(4), []),))
            yield Example(op, (from_cells(vector(4), [[1.0] * 4, None]),))
            yield Example(op, (with_nan(),))
            yield Example(op, (list(hostile())[-1],))
        for column in hostile():
            yield Example(cls(4, cls.known[0], True, math.nan, math.nan), (column,))  # type: ignore[call-arg]


@register
@dataclass(frozen=True, slots=True)
class Function(_Function):
    """One of numpy's functions of single numbers that all machines compute alike; clip has a range, NaN for none."""

    name: ClassVar[str] = "sklearn_function"
    known: ClassVar[tuple[str, ...]] = (*EXACT, *EXACT_TOO)

    size: int
    function: str
    finite: bool = False
    low: float = math.nan
    high: float = math.nan


@register
@dataclass(frozen=True, slots=True)
class NearFunction(_Function):
    """One of numpy's functions of single numbers whose last bits differ from machine to machine."""

    name: ClassVar[str] = "sklearn_near_function"
    known: ClassVar[tuple[str, ...]] = NEAR
    ulps: ClassVar[int] = 4
    why_not_bits: ClassVar[str] = (
        "numpy computes it as its build and the processor do: bit-equal on a machine like the one that fitted, last "
        "bits elsewhere"
    )

    size: int
    function: str
    finite: bool = False
    low: float = math.nan
    high: float = math.nan


@reads_sklearn(
    "preprocessing._function_transformer.FunctionTransformer",
    ops=(Function, NearFunction),
    forms="no function, or one of numpy's own: "
    + ", ".join(sorted(FUNCTIONS))
    + " (clip with its bounds); dense",
)
def _function(step: SklearnStep) -> Made:
    transformer = step.estimator
    if step.sparse:
        raise step.refused(
            "it is handed a sparse matrix", "Make the step before it dense (sparse_output=False)."
        )
    size = step.types[0].size if step.types[0] else None
    op = function_op(step, transformer.func, transformer.kw_args or {}, size or step.size)
    if step.dtype != "float64" and (step.dtype != "int64" or op.function not in ("identity", "sqrt", *NEAR)):
        raise step.refused(
            f"it is handed {step.dtype}, in which {op.function} computes with whole numbers or fewer digits",
            "Cast the columns with astype('float64') before the fit, and in the sample.",
        )
    return step.transformed(op)


def function_op(
    step: SklearnStep, function: Any, options: Mapping[str, Any], size: int
) -> Function | NearFunction:
    """The op of one of numpy's functions. UnsupportedError, naming the step, for any other."""
    name = "identity" if function is None else getattr(function, "__name__", "")
    if function is not None and (name not in FUNCTIONS or getattr(np, name, None) is not function):
        raise step.refused(
            f"its function {name or function!r} is code of your own, or none of numpy's that are known here",
            f"Known are: {', '.join(sorted(FUNCTIONS))}. Or serve the pipeline from a script.",
        )
    low, high = _bounds(step, name, options)
    kind = NearFunction if name in NEAR else Function
    return kind(size, name, bool(step.estimator.validate), low, high)


def _bounds(step: SklearnStep, name: str, options: Mapping[str, Any]) -> tuple[float, float]:
    """What clip is told; UnsupportedError for any other option."""
    names = {"a_min": 0, "min": 0, "a_max": 1, "max": 1} if name == "clip" else {}
    found = [math.nan, math.nan]
    for key, value in options.items():
        if key not in names or not (value is None or isinstance(value, int | float | np.number)):
            raise step.refused(f"its kw_args have {key}={value!r}, which is not known here")
        found[names[key]] = math.nan if value is None else float(value)
    return found[0], found[1]
