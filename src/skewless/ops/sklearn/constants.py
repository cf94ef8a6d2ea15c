"""Predictions that do not look at the row, and such that look at one number of it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Op, Refused, RowKernel, register
from skewless.ops.sklearn.linear import ONE_EACH
from skewless.ops.sklearn.numbers import Fitted
from skewless.ops.sklearn.outcomes import (
    Classified,
    Outcome,
    Valued,
    answering,
    classified,
    columns_of,
    decode_outcome,
)
from skewless.ops.sklearn.predictors import RowPredictor, RowScore, dense_row, hostile
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import DOUBLE, STRING, Type
from skewless.spec import Model, Value
from skewless.table import Column, from_cells

OUT_OF_BOUNDS = ("nan", "clip", "raise")


@register
@dataclass(frozen=True)
class Constant(Op):
    """The same answer for every row. Source: sklearn.dummy."""

    name: ClassVar[str] = "sklearn_constant"
    mleap: ClassVar[str] = "absent"
    bad_values: ClassVar[str] = "Its column is not looked at."

    raw: Fitted
    outcome: Outcome

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.outcome.ports

    @classmethod
    def decode(cls, model: Model) -> Self:
        outcome = decode_outcome(model.attributes)
        return cls(Fitted.decode(model.attributes, "raw", outcome.width), outcome)

    def encode(self) -> Mapping[str, Value]:
        return {**self.raw.encode("raw"), **self.outcome.encode()}

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return self.outcome.types

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return columns_of(self.outcome, np.repeat(self.raw.values[None], len(inputs[0]), axis=0))

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        finish, raw = self.outcome.finisher(), self.raw.lists
        return lambda cell: finish(list(raw))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        texts, numbers = from_cells(STRING, ["", None]), from_cells(DOUBLE, [1.0, None, math.nan])
        for column in (texts, numbers, from_cells(DOUBLE, [])):
            yield Example(cls(Fitted([-0.0]), Valued()), (column,))
            yield Example(
                cls(Fitted([0.25, 0.5, 0.25]), Classified("probability", ("ü", "", "b"))), (column,)
            )


@register
@dataclass(frozen=True)
class Isotonic(RowPredictor):
    """The number on the line between two fitted points.

    Beyond them it is that of the last one (``clip``), NaN, or refused (``raise``).
    Source: sklearn.isotonic.IsotonicRegression, and numpy.interp.
    """

    name: ClassVar[str] = "sklearn_isotonic"

    places: Fitted
    values: Fitted
    out_of_bounds: str
    outcome: Valued = field(default_factory=Valued)

    @property
    def features(self) -> int:
        return 1

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        places = Fitted.decode(attributes, "places", None)
        bounds = attributes.string("out_of_bounds")
        if bounds not in OUT_OF_BOUNDS:
            raise attributes.error(
                f"out_of_bounds is {bounds!r}; it must be one of {', '.join(OUT_OF_BOUNDS)}"
            )
        if not len(places) or not (np.diff(places.values) > 0.0).all():
            raise attributes.error("its places are not in ascending order")
        return cls(places, Fitted.decode(attributes, "values", len(places)), bounds)

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.places.encode("places"),
            **self.values.encode("values"),
            "out_of_bounds": spec.string(self.out_of_bounds),
        }

    def score(self) -> RowScore:
        return lambda row: [self.at(dense_row(row)[0])]

    def at(self, value: float) -> float:
        """The number at a place. Refused beyond the fitted ones, where that is asked for."""
        places, values = self.places.lists, self.values.lists
        if self.out_of_bounds == "clip":
            value = min(max(value, places[0]), places[-1])
        if len(places) == 1:
            made: float = values[0]
            return made
        if not places[0] <= value <= places[-1]:
            if self.out_of_bounds == "raise":
                raise Refused(
                    f"{value!r} is not between {places[0]!r} and {places[-1]!r}",
                    value=value,
                    hint='Fit with out_of_bounds="clip"; scikit-learn refuses it too.',
                )
            return math.nan
        return interpolated(value, places, values)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        places, values = Fitted([-2.0, -0.0, 0.1, 3.0]), Fitted([-1.0, -0.0, 0.5, 0.5])
        for column in hostile(1):
            for bounds in OUT_OF_BOUNDS:
                yield Example(cls(places, values, bounds), (column,))
            yield Example(cls(Fitted([1.0]), Fitted([7.0]), "nan"), (column,))


def interpolated(value: float, places: Sequence[float], values: Sequence[float]) -> float:
    """The number on the line between two places, or at one of them. Source: numpy.interp."""
    place = bisect_right(places, value) - 1
    if place == len(places) - 1 or places[place] == value:
        return values[place]
    slope = (values[place + 1] - values[place]) / (places[place + 1] - places[place])
    return slope * (value - places[place]) + values[place]


def _constant(step: SklearnStep, raw: Any, outcome: Outcome) -> Made:
    return answering(step, Constant(Fitted(raw), outcome), step.inputs[:1])


@reads_sklearn(
    "dummy.DummyClassifier",
    ops=(Constant,),
    forms="prior, most_frequent and constant; one output",
    takes="columns",
)
def _read_dummy_classifier(step: SklearnStep) -> Made:
    fitted = step.estimator
    if fitted.n_outputs_ != 1:
        raise step.refused("it predicts several outputs at once", ONE_EACH)
    if fitted._strategy not in ("prior", "most_frequent", "constant"):
        raise step.refused("it predicts at random", "Use strategy prior, most_frequent or constant.")
    outcome = classified(step, "probability")
    raw = np.asarray(fitted.class_prior_, np.float64)
    if fitted._strategy == "most_frequent":
        raw = np.eye(len(raw))[raw.argmax()]
    elif fitted._strategy == "constant":
        raw = (np.asarray(fitted.classes_) == np.ravel(fitted.constant)[0]).astype(np.float64)
    return _constant(step, raw, outcome)


@reads_sklearn("dummy.DummyRegressor", ops=(Constant,), forms="all strategies, one output", takes="columns")
def _read_dummy_regressor(step: SklearnStep) -> Made:
    raw = np.ravel(step.estimator.constant_)
    if len(raw) != 1:
        raise step.refused("it predicts several outputs at once", ONE_EACH)
    return _constant(step, raw, Valued())


def isotonic(fitted: Any) -> Isotonic:
    """The op of a fitted IsotonicRegression."""
    return Isotonic(Fitted(fitted.X_thresholds_), Fitted(fitted.y_thresholds_), str(fitted.out_of_bounds))


@reads_sklearn("isotonic.IsotonicRegression", ops=(Isotonic,), forms="predict, as the last step")
def _read_isotonic(step: SklearnStep) -> Made:
    return answering(step, isotonic(step.estimator))
