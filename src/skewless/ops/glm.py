"""Generalized linear models: Spark's GeneralizedLinearRegressionModel, every family and link."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops import blas
from skewless.ops.blas import Coefficients, check_row, checked, divide, each_row, exp, sigmoid
from skewless.ops.classifiers import FEATURES, FeatureOp, hostile, output_columns
from skewless.ops.fitted import decode_vector, encode_vector, saved_vector
from skewless.ops.linear import coefficient_examples
from skewless.ops.normal import normal_cdf
from skewless.ops.op import Example, Lowered, RowKernel, SparkStage, TypeRefused, reads_spark, register
from skewless.schema import DOUBLE, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells
from skewless.vectors import Vector

DEFAULT_LINKS: Final = {"gaussian": "identity", "binomial": "logit", "poisson": "log", "gamma": "inverse"}
LINKS: Final = ("identity", "log", "inverse", "logit", "probit", "cloglog", "sqrt", "power")
_POWER_LINKS: Final = {0.0: "log", 1.0: "identity", -1.0: "inverse", 0.5: "sqrt"}
_POWER_FAMILIES: Final = {0.0: "gaussian", 1.0: "poisson", 2.0: "gamma"}
_LEAST: Final = 1e-16
_LARGEST: Final = 1.7976931348623157e308


@register
@dataclass(frozen=True, slots=True)
class GeneralizedLinearRegression(FeatureOp):
    """The mean that the link function makes of the margin, kept within what the family allows.

    A tweedie family has any variance power, and a power link; neither, nor an offset, is known to MLeap. A null
    offset gives null. Source: Spark's GeneralizedLinearRegression.FamilyAndLink.
    """

    name: ClassVar[str] = "generalized_linear_regression"
    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails, unless the offset is null, which gives null; means "
        "are kept within the family's bounds."
    )
    mleap: ClassVar[str] = (
        "It has no tweedie family, no power links and no offset, which it leaves out of the sum."
    )
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS

    coefficients: Coefficients
    intercept: float
    family: str
    link: str
    link_power: float = 0.0
    offset: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        return (FEATURES, "offset") if self.offset else (FEATURES,)

    @property
    def outputs(self) -> tuple[str, ...]:
        return ("prediction", "link_prediction")

    @property
    def features(self) -> int:
        return len(self.coefficients.values)

    def made(self) -> tuple[Type, ...]:
        return (DOUBLE, DOUBLE)

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.features), DOUBLE)[: len(self.inputs)]

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        # Two-argument super is lost to a class that slots=True makes anew.
        made = FeatureOp.types(self, inputs)
        if self.offset and not inputs[1].is_number:
            raise TypeRefused(f"an offset must be a number, not {inputs[1]}", input=1)
        return made

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        family = attributes.string("family").lower()
        if family not in (*DEFAULT_LINKS, "tweedie"):
            raise attributes.error(f"family {family!r} is not known")
        link = attributes.string("link", DEFAULT_LINKS.get(family, "power")).lower()
        if link not in LINKS:
            raise attributes.error(f"link {link!r} is not known; there are {', '.join(LINKS)}")
        return cls(
            decode_vector(attributes, "coefficients"),
            attributes.double("intercept", 0.0),
            family,
            link,
            attributes.double("link_power", 0.0),
            attributes.boolean("has_offset", False),
        )

    def encode(self) -> Mapping[str, Value]:
        made = {
            **encode_vector("coefficients", self.coefficients),
            "intercept": spec.double(self.intercept),
            "family": spec.string(self.family),
            "link": spec.string(self.link),
        }
        if self.link == "power":
            made["link_power"] = spec.double(self.link_power)
        if self.offset:
            made["has_offset"] = spec.boolean(True)
        return made

    def mean(self) -> Callable[[float], float]:
        """The function from the margin to the mean."""
        unlink = partial(_power, self.link_power) if self.link == "power" else _UNLINK[self.link]
        project = _PROJECT.get(self.family, _positive)
        return lambda margin: project(unlink(margin))

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        nulls = inputs[1].null_mask if self.offset else None
        features = inputs[0]
        if nulls is not None and features.nulls is not None:
            # Where the offset is null, Spark does not look at the features.
            features = Column(features.type, features.values, features.nulls & ~nulls, features.sparse)
        margins = self.coefficients.batch(checked(features, self.features))
        with np.errstate(invalid="ignore"):  # infinities that cancel
            margins = margins + self.intercept
            if self.offset:
                margins = margins + inputs[1].numbers()
        if nulls is not None:
            margins[nulls] = 0.0
        means = np.array(each_row(self.mean(), margins), np.float64)
        return Column(DOUBLE, means, nulls), Column(DOUBLE, margins, nulls)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        dot, size, intercept, mean = self.coefficients.row(), self.features, self.intercept, self.mean()

        def kernel(features: Vector | None, offset: Any = 0.0) -> tuple[float | None, float | None]:
            if offset is None:
                return None, None
            if features is None or len(features) != size:
                check_row(features, size)
            margin = dot(features) + intercept + float(offset)  # type: ignore[arg-type]
            return mean(margin), margin

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for family in (*DEFAULT_LINKS, "tweedie"):
            for link in LINKS:
                power = -0.5 if link == "power" else 0.0
                for column in hostile(3):
                    yield Example(cls(Coefficients((0.5, -0.25, 1.0)), 0.1, family, link, power), (column,))
        for coefficients in coefficient_examples():
            for column in hostile(len(coefficients.values)):
                given = [1.0, None, -0.0, math.nan, math.inf, -math.inf] * 2
                offsets = from_cells(DOUBLE, given[: len(column)])
                yield Example(cls(coefficients, 0.1, "poisson", "log", 0.0, True), (column, offsets))


def _power(power: float, margin: float) -> float:
    """Java's ``Math.pow`` of the margin to the reciprocal of the link's power."""
    to = 1.0 / power
    try:
        if abs(margin) == 1.0 and math.isinf(to):
            return math.nan
        return math.pow(margin, to)
    except OverflowError:
        return -math.inf if margin < 0.0 and to % 2.0 == 1.0 else math.inf
    except ValueError:
        # Zero to a negative power is infinite, a negative number to a fraction is NaN.
        if margin != 0.0:
            return math.nan
        return math.copysign(math.inf, margin) if to % 2.0 == 1.0 else math.inf


_UNLINK: Final[Mapping[str, Callable[[float], float]]] = {
    "identity": lambda margin: margin,
    "log": exp,
    "inverse": lambda margin: divide(1.0, margin),
    "logit": sigmoid,
    "probit": normal_cdf,
    "cloglog": lambda margin: 1.0 - exp(-1.0 * exp(margin)),
    "sqrt": lambda margin: margin * margin,
}


def _positive(mean: float) -> float:
    if mean < _LEAST:
        return _LEAST
    return _LARGEST if mean == math.inf else mean


def _finite(mean: float) -> float:
    return math.copysign(_LARGEST, mean) if math.isinf(mean) else mean


def _share(mean: float) -> float:
    if mean < _LEAST:
        return _LEAST
    return 1.0 - _LEAST if mean > 1.0 - _LEAST else mean


_PROJECT: Final[Mapping[str, Callable[[float], float]]] = {"gaussian": _finite, "binomial": _share}


def _link(stage: SparkStage, family: str) -> tuple[str, float]:
    """The link and its power. Source: FamilyAndLink.apply and Link.fromParams."""
    if family != "tweedie":
        return str(stage.param("link") or DEFAULT_LINKS[family]).lower(), 0.0
    variance = float(stage.param("variancePower", 0.0))
    power = stage.param("linkPower")
    if power is None and variance in _POWER_FAMILIES:
        return DEFAULT_LINKS[_POWER_FAMILIES[variance]], 0.0
    power = 1.0 - variance if power is None else float(power)
    return _POWER_LINKS.get(power, "power"), power


@reads_spark(
    "org.apache.spark.ml.regression.GeneralizedLinearRegressionModel",
    ops=(GeneralizedLinearRegression,),
    forms="every family and link, powers of tweedie, offset",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    family = str(stage.param("family", "gaussian")).lower()
    link, power = _link(stage, family)
    if family == "tweedie":
        family = _POWER_FAMILIES.get(float(stage.param("variancePower", 0.0)), family)
    offset = str(stage.param("offsetCol", "") or "")
    op = GeneralizedLinearRegression(
        saved_vector(stage, fitted["coefficients"]),
        float(fitted["intercept"]),
        family,
        link,
        power if link == "power" else 0.0,
        bool(offset),
    )
    inputs = (*output_columns(stage, "featuresCol"), *([offset] if offset else []))
    return [Lowered(op, inputs, output_columns(stage, "predictionCol", "linkPredictionCol"))]
