"""Numbers by their place among the fitted quantiles: QuantileTransformer."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, register
from skewless.ops.rows import fitted_tensor, tensor
from skewless.ops.sklearn.matrix import BAD_VALUES, SlotFunction, SlotOp, hostile, wide, with_nan
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.spec import Model, Value
from skewless.table import Numbers

_BOUND: Final = 1e-7
_TAIL: Final = 0.13533528323661269189  # exp(-2)
_ROOT_OF_TWO_PI: Final = 2.50662827463100050242
# Cephes' rational approximations of the normal distribution's inverse: the middle, the tails, the far tails.
_P0: Final = (
    -5.99633501014107895267e1,
    9.80010754185999661536e1,
    -5.66762857469070293439e1,
    1.39312609387279679503e1,
    -1.23916583867381258016e0,
)
_Q0: Final = (
    1.0,
    1.95448858338141759834e0,
    4.67627912898881538453e0,
    8.63602421390890590575e1,
    -2.25462687854119370527e2,
    2.00260212380060660359e2,
    -8.20372256168333339912e1,
    1.59056225126211695515e1,
    -1.18331621121330003142e0,
)
_P1: Final = (
    4.05544892305962419923e0,
    3.15251094599893866154e1,
    5.71628192246421288162e1,
    4.40805073893200834700e1,
    1.46849561928858024014e1,
    2.18663306850790267539e0,
    -1.40256079171354495875e-1,
    -3.50424626827848203418e-2,
    -8.57456785154685413611e-4,
)
_Q1: Final = (
    1.0,
    1.57799883256466749731e1,
    4.53907635128879210584e1,
    4.13172038254672030440e1,
    1.50425385692907503408e1,
    2.50464946208309415979e0,
    -1.42182922854787788574e-1,
    -3.80806407691578277194e-2,
    -9.33259480895457427372e-4,
)
_P2: Final = (
    3.23774891776946035970e0,
    6.91522889068984211695e0,
    3.93881025292474443415e0,
    1.33303460815807542389e0,
    2.01485389549179081538e-1,
    1.23716634817820021358e-2,
    3.01581553508235416007e-4,
    2.65806974686737550832e-6,
    6.23974539184983293730e-9,
)
_Q2: Final = (
    1.0,
    6.02427039364742014255e0,
    3.67983563856160859403e0,
    1.37702099489081330271e0,
    2.16236993594496635890e-1,
    1.34204006088543189037e-2,
    3.28014464682127739104e-4,
    2.89247864745380683936e-6,
    6.79019408009981274425e-9,
)


@register
@dataclass(frozen=True, slots=True)
class Quantiles(SlotOp):
    """The mean of interpolating among the quantiles upwards and downwards, 0 to 1; then the normal number, if asked.

    Source: QuantileTransformer._transform_col, numpy.interp, scipy.special.ndtri.
    """

    name: ClassVar[str] = "sklearn_quantiles"
    bad_values: ClassVar[str] = BAD_VALUES
    mleap: ClassVar[str] = "absent"
    ulps: ClassVar[int] = 2
    why_not_bits: ClassVar[str] = (
        "the tails of the normal distribution are computed with the C library's logarithm, which is not the same "
        "everywhere; the uniform one, and all on a machine like the one that fitted, has equal bits"
    )

    quantiles: tuple[tuple[float, ...], ...]
    references: tuple[float, ...]
    normal: bool = False

    @property
    def size(self) -> int:
        return len(self.quantiles)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        references, flat = fitted_tensor(attributes, "references"), fitted_tensor(attributes, "quantiles")
        count = len(references)
        if not count or len(flat) % count:
            raise attributes.error(f"quantiles has {len(flat)} values, which is no multiple of {count}")
        quantiles = tuple(flat[start : start + count] for start in range(0, len(flat), count))
        if any(list(one) != sorted(one) for one in (references, *quantiles)):
            raise attributes.error("the quantiles of a slot do not ascend")
        return cls(quantiles, references, attributes.boolean("normal", False))

    def encode(self) -> Mapping[str, Value]:
        flat = [value for one in self.quantiles for value in one]
        return {
            **tensor("quantiles", flat),
            **tensor("references", self.references),
            "normal": spec.boolean(self.normal),
        }

    def apply(self, values: Numbers, slots: Any) -> Numbers:
        references, made = np.array(self.references), np.empty(values.shape)
        places = np.arange(self.size)[slots] if isinstance(slots, slice) else slots
        for slot, fitted in enumerate(self.quantiles):
            here = (..., slot) if values.ndim == 2 else places == slot
            made[here] = self._slot(values[here], np.array(fitted), references)
        return made

    def _slot(self, x: Numbers, fitted: Numbers, references: Numbers) -> Numbers:
        up = np.interp(x, fitted, references)
        down = np.interp(-x, -fitted[::-1], -references[::-1])
        made = np.where(np.isnan(x), np.nan, 0.5 * (up - down))
        upper = x + _BOUND > fitted[-1] if self.normal else x == fitted[-1]
        lower = x - _BOUND < fitted[0] if self.normal else x == fitted[0]
        made = np.where(lower, 0.0, np.where(upper, 1.0, made))
        if not self.normal:
            return made
        return np.array([_normal(value) for value in made.tolist()], np.float64)

    def slot(self) -> SlotFunction:
        references, normal = self.references, self.normal
        downwards = tuple(-value for value in reversed(references))
        fitted = [(one, tuple(-value for value in reversed(one))) for one in self.quantiles]

        def function(value: float, slot: int) -> float:
            if value != value:
                return value
            up, down = fitted[slot]
            if value - _BOUND < up[0] if normal else value == up[0]:
                made = 0.0
            elif value + _BOUND > up[-1] if normal else value == up[-1]:
                made = 1.0
            else:
                made = 0.5 * (_interpolated(value, up, references) - _interpolated(-value, down, downwards))
            return _normal(made) if normal else made

        return function

    @classmethod
    def examples(cls) -> Iterable[Example]:
        quantiles = (
            (0.0, 0.0, 1.0, 3.0),
            (-2.5, -0.0, 0.1, 0.1),
            (5e-324, 1.0, 1.0, 1e300),
            (1.0, 1.0, 1.0, 1.0),
        )
        for normal in (False, True):
            for column in (*hostile(), with_nan()):
                yield Example(cls(quantiles, (0.0, 1 / 3, 2 / 3, 1.0), normal), (column,))
            yield Example(cls(((-50.0, 0.1, 90.0),) * 1500, (0.0, 0.5, 1.0), normal), (wide(),))


def _interpolated(x: float, known: Sequence[float], values: Sequence[float]) -> float:
    """``numpy.interp`` of one number."""
    place = bisect_right(known, x) - 1
    if place < 0:
        return values[0]
    if place >= len(known) - 1 or known[place] == x:
        return values[place]
    slope = (values[place + 1] - values[place]) / (known[place + 1] - known[place])
    made = slope * (x - known[place]) + values[place]
    if made != made:
        made = slope * (x - known[place + 1]) + values[place + 1]
    return made


def _polynomial(x: float, factors: Sequence[float]) -> float:
    made = factors[0]
    for factor in factors[1:]:
        made = made * x + factor
    return made


def ndtri(y: float) -> float:
    """The number below which a standard normal one lies with probability y, as Cephes computes it."""
    if not 0.0 < y < 1.0:
        return -math.inf if y == 0.0 else math.inf if y == 1.0 else math.nan
    upper = y > 1.0 - _TAIL
    if upper:
        y = 1.0 - y
    if y > _TAIL:
        y -= 0.5
        square = y * y
        return (y + y * (square * _polynomial(square, _P0) / _polynomial(square, _Q0))) * _ROOT_OF_TWO_PI
    x = math.sqrt(-2.0 * math.log(y))
    z = 1.0 / x
    above, below = (_P1, _Q1) if x < 8.0 else (_P2, _Q2)
    made = (x - math.log(x) / x) - z * _polynomial(z, above) / _polynomial(z, below)
    return made if upper else -made


_LEAST: Final = ndtri(_BOUND - 2.0**-52)
_MOST: Final = ndtri(1.0 - (_BOUND - 2.0**-52))


def _normal(y: float) -> float:
    """The normal number, kept from being infinite."""
    if y != y:
        return y
    return min(max(ndtri(y) + 0.0, _LEAST), _MOST)


@reads_sklearn(
    "preprocessing._data.QuantileTransformer",
    ops=(Quantiles,),
    forms="both output distributions; dense matrices",
)
def _quantile(step: SklearnStep) -> Made:
    fitted = step.estimator
    if step.sparse:
        raise step.refused(
            "it is handed a sparse matrix", "Make the step before it dense (sparse_output=False)."
        )
    quantiles = np.asarray(fitted.quantiles_, np.float64)
    if np.isnan(quantiles).any():
        raise step.refused("it was fitted on a column that is all NaN", "Leave the column out.")
    op = Quantiles(
        tuple(tuple(one) for one in quantiles.T.tolist()),
        step.floats("references_"),
        fitted.output_distribution == "normal",
    )
    return step.transformed(op)
