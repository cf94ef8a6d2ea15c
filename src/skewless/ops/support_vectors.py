"""MLeap's linear support vector machine, which Spark has only in its old API."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops import blas
from skewless.ops.blas import Coefficients, RowGemv, argmax, argmax_all
from skewless.ops.classifiers import Classifier, decode_thresholds, hostile
from skewless.ops.fitted import decode_vector, encode_vector
from skewless.ops.linear import coefficient_examples, two_sided
from skewless.ops.op import Example, register
from skewless.spec import Model, Value
from skewless.table import Column, Numbers


@register
@dataclass(frozen=True, slots=True)
class SupportVectorMachine(Classifier):
    """The side of a plane; what MLeap calls probabilities are the margins again. Source: SupportVectorMachineModel.

    scikit-learn's exporter writes its LinearSVC and SVC as this, under the name svm, of two classes or more; with
    more, only the first class' plane is there, so these are refused.
    """

    name: ClassVar[str] = "support_vector_machine"
    bad_values: ClassVar[str] = "A null vector fails, and one of another length; NaN gives class 0."
    mleap: ClassVar[str] = ""
    ulps: ClassVar[int] = 1
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS_OF_SUMS

    coefficients: Coefficients
    intercept: float
    thresholds: tuple[float, ...] | None = None

    @property
    def features(self) -> int:
        return len(self.coefficients.values)

    @property
    def classes(self) -> int:
        return 2

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        classes = attributes.integer("num_classes", 2)
        if classes != 2:
            raise attributes.error(
                f"it has {classes} classes, and one plane, which tells two apart",
                "Export a logistic regression, or one model for each class.",
            )
        coefficients, intercept = (
            decode_vector(attributes, "coefficients"),
            attributes.double("intercept", 0.0),
        )
        return cls(coefficients, intercept, decode_thresholds(attributes, 2))

    def encode(self) -> Mapping[str, Value]:
        thresholds = {} if self.thresholds is None else {"thresholds": spec.doubles(self.thresholds)}
        return {
            **encode_vector("coefficients", self.coefficients),
            "intercept": spec.double(self.intercept),
            "num_classes": spec.long(2),
            **thresholds,
        }

    def raws(self, features: Column) -> Numbers:
        with np.errstate(all="ignore"):
            margins = self.coefficients.batch(features) + self.intercept
        return np.stack([-margins, margins], axis=1)

    def raw(self) -> RowGemv:
        return two_sided(self.coefficients, self.intercept)

    def finish(self, raw: list[float]) -> tuple[Any, ...]:
        scores: Sequence[float] = raw
        if self.thresholds is not None:
            # Unlike Spark's, a threshold of zero makes its class the winner whatever its score.
            scores = [
                math.inf if threshold == 0.0 else score / threshold
                for score, threshold in zip(raw, self.thresholds, strict=True)
            ]
        return raw, list(raw), float(argmax(scores))

    def finish_all(self, raws: Numbers) -> tuple[Numbers, ...]:
        scores = raws
        if self.thresholds is not None:
            thresholds = np.array(self.thresholds)
            scores = np.where(thresholds == 0.0, np.inf, raws / thresholds)
        return raws, raws, argmax_all(scores)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for coefficients in coefficient_examples():
            for column in hostile(len(coefficients.values)):
                for thresholds in (None, (0.5, 0.5), (0.2, 0.9), (0.0, 1.0)):
                    yield Example(cls(coefficients, -0.3, thresholds), (column,))
