"""Powers that make numbers look normal: PowerTransformer."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Refused, RowKernel, register
from skewless.ops.rows import each_row, fitted_tensor, tensor
from skewless.ops.sklearn.matrix import BAD_VALUES, ArrayOp, hostile, matrix, wide, with_nan
from skewless.ops.sklearn.scale import Fitted, ShiftDivide, optional
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import Csr

METHODS: Final = ("yeo-johnson", "box-cox")
_EPSILON: Final = 2.0**-52
# Below it, a lambda counts as zero in scipy's box-cox; above the other, the exponential would be infinite too early.
_TINY: Final = 1e-19
_LARGE: Final = 709.78


@register
@dataclass(frozen=True, slots=True)
class Power(ArrayOp):
    """The Yeo-Johnson or Box-Cox transform by each slot's lambda, then (y - shift) / divisor where it is standardized.

    Source: PowerTransformer.transform, scipy.stats.yeojohnson, scipy.special.boxcox.
    """

    name: ClassVar[str] = "sklearn_power"
    bad_values: ClassVar[str] = f"{BAD_VALUES} With box-cox, so does what is not positive."
    mleap: ClassVar[str] = "absent"
    ulps: ClassVar[int] = 16
    why_not_bits: ClassVar[str] = (
        "logarithms and exponentials follow numpy's build, the processor and the C library: bit-equal on a machine "
        "like the one that fitted, last bits elsewhere, and more where a number is close to the mean that is subtracted"
    )

    lambdas: tuple[float, ...]
    method: str
    shift: Fitted = None
    divisor: Fitted = None

    @property
    def size(self) -> int:
        return len(self.lambdas)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        lambdas, method = fitted_tensor(attributes, "lambdas"), attributes.string("method")
        shift, divisor = (optional(attributes, name, len(lambdas)) for name in ("shift", "divisor"))
        if method not in METHODS:
            raise attributes.error(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
        if (shift is None) != (divisor is None) or (divisor is not None and 0.0 in divisor):
            raise attributes.error("shift and divisor do not belong together, or divisor has a zero")
        return cls(lambdas, method, shift, divisor)

    def encode(self) -> Mapping[str, Value]:
        made = {**tensor("lambdas", self.lambdas), "method": spec.string(self.method)}
        if self.shift is not None and self.divisor is not None:
            made |= {**tensor("shift", self.shift), **tensor("divisor", self.divisor)}
        return made

    @property
    def _scaler(self) -> ShiftDivide | None:
        return None if self.shift is None else ShiftDivide(self.size, self.shift, self.divisor)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        try:
            if self.method == "box-cox":
                self._check_all(matrix(inputs[0], self.size, True))
            made = super(Power, self).columns(*inputs)
            return made if self._scaler is None else self._scaler.columns(*made)
        except Refused:
            # Of several rows that are refused, in one step or the other, the first.
            return (each_row(self.row([inputs[0].type]), vector(self.size), inputs[0]),)

    def _check_all(self, column: Column) -> None:
        values = column.values.values if isinstance(column.values, Csr) else column.values
        for row in range(len(column)) if (values <= 0.0).any() else ():
            self._check(column.cell(row))

    def _check(self, cell: Any) -> None:
        """Refused where a number is not positive; a sparse row has zeros."""
        slots = cell if isinstance(cell, list) else cell.dense()
        for slot, value in enumerate(slots):
            if value <= 0.0:
                raise Refused(
                    f"feature {slot} is {value!r}, and box-cox takes positive numbers only",
                    value=value,
                    hint="scikit-learn refuses it too; yeo-johnson takes all numbers.",
                )

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        kernel, positive = super(Power, self).row(inputs), self.method == "box-cox"
        scale = None if self._scaler is None else self._scaler.row(inputs)

        def checking(cell: Any) -> Any:
            made = kernel(cell)
            if positive:
                self._check(cell)
            return made if scale is None else scale(made)

        return checking

    def apply(self, values: Numbers, slots: Any) -> Numbers:
        lambdas = np.broadcast_to(np.array(self.lambdas)[slots], values.shape)
        if self.method == "yeo-johnson":
            made = _yeo_johnson(values, lambdas)
        else:
            flat = zip(values.ravel().tolist(), lambdas.ravel().tolist(), strict=True)
            made = np.array([_box_cox(value, power) for value, power in flat]).reshape(values.shape)
        return made

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        if self.shift is None or self.divisor is None:
            doubt = np.zeros(len(inputs[0]))
        else:
            raw = Power(self.lambdas, self.method).columns(*inputs)[0].dense()
            with np.errstate(all="ignore"):
                terms = (np.abs(raw) + np.abs(self.shift)) / np.abs(self.divisor)
            doubt = (
                np.nanmax(np.where(np.isfinite(terms), terms, 0.0), axis=1, initial=0.0)
                * self.ulps
                * _EPSILON
            )
        return [np.where(given[0] > 0.0, np.inf, doubt)]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        lambdas, fitted = (0.5, -1.5, 0.0, 2.0), ((0.1, -0.0, 1e300, 3.0), (0.3, 1.0, math.nan, 5e-324))
        positive = from_cells(vector(4), [[1.0, 0.3, 1e-300, 1e300], [5e-324, 2.0, math.nan, 7.0]])
        for method in METHODS:
            for op in (
                cls(lambdas, method),
                cls(lambdas, method, *fitted),
                cls((math.nan, 1e-20, 300.0, -0.1), method),
            ):
                for column in (*hostile(), with_nan(), positive):
                    yield Example(op, (column,))
        yield Example(cls((0.7,) * 1500, "yeo-johnson"), (wide(),))


def _yeo_johnson(x: Numbers, powers: Numbers) -> Numbers:
    """scipy.stats.yeojohnson, with a lambda for each number."""
    upper = np.where(
        np.abs(powers) < _EPSILON,
        np.log1p(np.abs(x)),
        np.expm1(powers * np.log1p(np.abs(x))) / np.where(powers == 0.0, 1.0, powers),
    )
    rest = 2.0 - powers
    lower = np.where(
        np.abs(powers - 2.0) > _EPSILON,
        -np.expm1(rest * np.log1p(np.abs(x))) / np.where(rest == 0.0, 1.0, rest),
        -np.log1p(np.abs(x)),
    )
    return np.where(x >= 0.0, upper, lower)


def _box_cox(x: float, power: float) -> float:
    """scipy.special.boxcox, which computes with the C library's functions."""
    if not x > 0.0:
        return math.nan
    log = math.log(x)
    if abs(power) < _TINY:
        return log
    if power * log < _LARGE:
        return math.expm1(power * log) / power
    try:
        return math.copysign(math.exp(power * log - math.log(abs(power))), power) - 1 / power
    except OverflowError:
        return math.copysign(math.inf, power)


@reads_sklearn(
    "preprocessing._data.PowerTransformer", ops=(Power,), forms="yeo-johnson and box-cox; standardize or not"
)
def _power(step: SklearnStep) -> Made:
    fitted = step.estimator
    if not fitted.standardize:
        return step.transformed(Power(step.floats("lambdas_"), fitted.method))
    scaler = fitted._scaler
    shift, divisor = (tuple(np.asarray(part, np.float64).tolist()) for part in (scaler.mean_, scaler.scale_))
    return step.transformed(Power(step.floats("lambdas_"), fitted.method, shift, divisor))
