"""Neural networks of layers: weights, intercepts and an activation, one layer after the other."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.blas import sigmoid
from skewless.ops.op import Example, register
from skewless.ops.sklearn.linear import ONE_EACH
from skewless.ops.sklearn.numbers import EPSILON, WHY_NOT_BITS, Fitted, row_dots
from skewless.ops.sklearn.outcomes import Classified, Outcome, Valued, answering, classified, decode_outcome
from skewless.ops.sklearn.predictors import RowPredictor, RowScore, hostile
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector

ACTIVATIONS: Final[Mapping[str, Callable[[float], float]]] = {
    "identity": lambda value: value,
    "relu": lambda value: value if value > 0.0 or value != value else 0.0,
    "logistic": sigmoid,
    "tanh": math.tanh,
}


@register
@dataclass(frozen=True)
class Network(RowPredictor):
    """Layers of weights (outputs by inputs) and intercepts, the activation between them; the last layer's are raw.

    Source: sklearn.neural_network's BaseMultilayerPerceptron._forward_pass_fast.
    """

    name: ClassVar[str] = "sklearn_network"
    ulps: ClassVar[int] = 64
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    layers: tuple[tuple[Fitted, Fitted], ...]
    activation: str
    outcome: Outcome

    @property
    def features(self) -> int:
        return self.layers[0][0].shape[1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        count, outcome = attributes.integer("num_layers"), decode_outcome(attributes)
        activation = attributes.string("activation")
        if activation not in ACTIVATIONS:
            raise attributes.error(
                f"activation is {activation!r}; it must be one of {', '.join(ACTIVATIONS)}"
            )
        if not 0 < count <= 10_000:
            raise attributes.error(f"num_layers is {count}; it must be 1 to 10,000")
        layers: list[tuple[Fitted, Fitted]] = []
        for number in range(count):
            before = len(layers[-1][0]) if layers else None
            after = outcome.width if number == count - 1 else None
            weights = Fitted.decode(attributes, f"weights_{number}", after, before)
            layers.append((weights, Fitted.decode(attributes, f"intercepts_{number}", len(weights))))
        return cls(tuple(layers), activation, outcome)

    def encode(self) -> Mapping[str, Value]:
        made: dict[str, Value] = {
            "num_layers": spec.long(len(self.layers)),
            "activation": spec.string(self.activation),
        }
        for number, (weights, intercepts) in enumerate(self.layers):
            made |= weights.encode(f"weights_{number}") | intercepts.encode(f"intercepts_{number}")
        return {**made, **self.outcome.encode()}

    def score(self) -> RowScore:
        steps = [(row_dots(weights), intercepts.lists) for weights, intercepts in self.layers]
        activate, last = ACTIVATIONS[self.activation], len(self.layers) - 1

        def score(row: Vector) -> list[float]:
            made: Vector = row
            for number, (dot, intercepts) in enumerate(steps):
                sums = [total + start for total, start in zip(dot(made), intercepts, strict=True)]
                made = sums if number == last else [activate(value) for value in sums]
            return sums

        return score

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        """Rounding, carried on: no activation is steeper than 1."""
        values = column.dense()
        off = np.repeat(given[:, None], values.shape[1], axis=1)
        for weights, intercepts in self.layers:
            size = np.abs(weights.values)
            terms = np.abs(values) @ size.T + np.abs(intercepts.values)
            off = off @ size.T + terms * EPSILON * (values.shape[1] + 4)
            values = values @ weights.values.T + intercepts.values
            if self.activation == "relu":
                values = np.maximum(values, 0.0)
            elif self.activation != "identity":
                values = np.clip(values, -1.0, 1.0)
                off = off + 4.0 * EPSILON
        made: Numbers = off.max(axis=1, initial=0.0)
        return made

    @classmethod
    def examples(cls) -> Iterable[Example]:
        first = (Fitted([[0.3, -0.0, 1e-3], [5e-324, 0.1, -0.7]]), Fitted([0.1, -0.0]))
        last = (Fitted([[1.0, -2.0], [0.5, 0.5], [0.0, 3.0]]), Fitted([0.0, 0.25, -1.0]))
        one = (Fitted([[1.0, -2.0]]), Fitted([0.5]))
        for column in hostile(3):
            for activation in ACTIVATIONS:
                yield Example(
                    cls((first, last), activation, Classified("network", ("a", "ü", ""))), (column,)
                )
                yield Example(cls((first, one), activation, Classified("network_side", (0, 1))), (column,))
                yield Example(cls((first, one), activation, Valued()), (column,))


def _layers(step: SklearnStep, outcome: Outcome) -> tuple[tuple[Fitted, Fitted], ...]:
    fitted = step.estimator
    made = tuple(
        (Fitted(np.asarray(weights).T), Fitted(start))
        for weights, start in zip(fitted.coefs_, fitted.intercepts_, strict=True)
    )
    if len(made[-1][0]) != outcome.width:
        raise step.refused("it predicts several outputs at once", ONE_EACH)
    return made


@reads_sklearn(
    "neural_network._multilayer_perceptron.MLPClassifier",
    ops=(Network,),
    forms="all activations; not several labels a row",
)
def _read_classifier(step: SklearnStep) -> Made:
    fitted = step.estimator
    if str(fitted._label_binarizer.y_type_).startswith("multilabel"):
        raise step.refused("it predicts several labels for a row", ONE_EACH)
    outcome = classified(step, "network_side" if fitted.out_activation_ == "logistic" else "network")
    return answering(step, Network(_layers(step, outcome), fitted.activation, outcome))


@reads_sklearn(
    "neural_network._multilayer_perceptron.MLPRegressor",
    ops=(Network,),
    forms="all activations, one output; losses squared_error and poisson",
)
def _read_regressor(step: SklearnStep) -> Made:
    links = {"identity": "identity", "exp": "exp"}
    activation = step.estimator.out_activation_
    if activation not in links:
        raise step.refused(f"its last activation is {activation}")
    outcome = Valued(links[activation])
    return answering(step, Network(_layers(step, outcome), step.estimator.activation, outcome))
