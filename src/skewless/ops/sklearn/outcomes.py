"""From a predictor's raw numbers to what scikit-learn answers: decision, probability and prediction.

Every kind of answer is one line in a table, of functions that finish a row; `finishing` has them for batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from skewless import spec
from skewless.ops.blas import exp, exp_all, log, sigmoid
from skewless.ops.op import Lowered, Op
from skewless.ops.sklearn.finishing import FINISH
from skewless.ops.sklearn.labels import Label, decode_labels, encode_labels, type_of_labels
from skewless.ops.sklearn_step import DECISION, PREDICTION, PROBABILITY, Made, SklearnStep, labels_of
from skewless.schema import DOUBLE, STRING, Type, vector
from skewless.spec import Attributes, Value
from skewless.table import Column, Numbers, from_cells

Finished: TypeAlias = tuple[Any, list[float], int]
"""The decision, the probabilities, and the position of the predicted class; what a kind does not have is empty."""


def first_largest(values: Sequence[float]) -> int:
    """The first of the largest, or the first NaN, as numpy's argmax."""
    best = 0
    for position, value in enumerate(values):
        if value != value:
            return position
        if value > values[best]:
            best = position
    return best


def first_least(values: Sequence[float]) -> int:
    """The first of the least, or the first NaN, as numpy's argmin."""
    return first_largest([-value for value in values])


def softmax(raw: Sequence[float]) -> list[float]:
    """Source: sklearn.utils.extmath.softmax."""
    largest = raw[first_largest(raw)]
    powers = [exp(value - largest) for value in raw]
    total = added(powers)
    return [power / total for power in powers]


def added(values: Sequence[float]) -> float:
    """The sum, one after the other; Python's own sum has another order from 3.12 on."""
    total = 0.0
    for value in values:
        total += value
    return total


def _sides(first: float) -> list[float]:
    return [1.0 - first, first]


def _shares(scores: Sequence[float]) -> list[float]:
    """Each one's part of the sum; the same for all where it is zero."""
    total = added(scores)
    return [1.0 / len(scores)] * len(scores) if total == 0.0 else [score / total for score in scores]


def _posterior(raw: Sequence[float]) -> list[float]:
    largest = raw[first_largest(raw)]
    beside = [value - largest for value in raw]
    rest = log(added([exp(value) for value in beside]))
    return [exp(value - rest) for value in beside]


def _joint(raw: Sequence[float]) -> list[float]:
    largest = raw[first_largest(raw)]
    if not math.isfinite(largest):
        largest = 0.0
    whole = log(added([exp(value - largest) for value in raw])) + largest
    return [exp(value - whole) for value in raw]


def _huber(margin: float) -> float:
    return (min(max(margin, -1.0), 1.0) + 1.0) / 2.0


def _side(raw: list[float]) -> Finished:
    return raw[0], [], int(raw[0] > 0.0)


def _at_least(raw: list[float]) -> Finished:
    return raw[0], [], int(raw[0] >= 0.0)


def _sigmoid(raw: list[float]) -> Finished:
    return raw[0], _sides(sigmoid(raw[0])), int(raw[0] > 0.0)


def _boosted(raw: list[float]) -> Finished:
    return raw[0], _sides(sigmoid(raw[0])), int(raw[0] >= 0.0)


def _exponential(raw: list[float]) -> Finished:
    return raw[0], _sides(sigmoid(2.0 * raw[0])), int(raw[0] >= 0.0)


def _samme(raw: list[float]) -> Finished:
    return raw[0], softmax([-raw[0] / 2.0, raw[0] / 2.0]), int(raw[0] > 0.0)


def _huber_side(raw: list[float]) -> Finished:
    return raw[0], _sides(_huber(raw[0])), int(raw[0] > 0.0)


def _largest(raw: list[float]) -> Finished:
    return raw, [], first_largest(raw)


def _least(raw: list[float]) -> Finished:
    return None, [], first_least(raw)


def _shares_alone(raw: list[float]) -> Finished:
    """Source: sklearn.multiclass.OneVsRestClassifier, which leaves zeros as they are."""
    return None, _shares(raw) if added(raw) != 0.0 else list(raw), first_largest(raw)


def _sides_alone(raw: list[float]) -> Finished:
    return None, _sides(raw[0]), int(raw[0] > 0.5)


def _softmax(raw: list[float]) -> Finished:
    return raw, softmax(raw), first_largest(raw)


def _samme_classes(raw: list[float]) -> Finished:
    return raw, softmax([value / (len(raw) - 1) for value in raw]), first_largest(raw)


def _one_vs_rest(raw: list[float]) -> Finished:
    return raw, _shares([sigmoid(value) for value in raw]), first_largest(raw)


def _huber_shares(raw: list[float]) -> Finished:
    return raw, _shares([_huber(value) for value in raw]), first_largest(raw)


def _probability(raw: list[float]) -> Finished:
    return None, raw, first_largest(raw)


def _network(raw: list[float]) -> Finished:
    probability = softmax(raw)
    return None, probability, first_largest(probability)


def _network_side(raw: list[float]) -> Finished:
    first = sigmoid(raw[0])
    return None, _sides(first), int(first > 0.5)


def _of_joint(raw: list[float]) -> Finished:
    return None, _joint(raw), first_largest(raw)


def _of_posterior(raw: list[float]) -> Finished:
    return raw, _posterior(raw), first_largest(raw)


def _of_posterior_sides(raw: list[float]) -> Finished:
    return raw[1] - raw[0], _posterior(raw), first_largest(raw)


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a kind of answer has, and how it follows from the raw numbers; ``width`` is None for one a class."""

    finish: Callable[[list[float]], Finished]
    decision: bool
    probability: bool
    width: int | None = None
    scalar: bool = False
    steepness: float = 1.0
    """How much faster than the raw numbers what is made of them may move."""


KINDS: Final[Mapping[str, _Kind]] = {
    "side": _Kind(_side, True, False, 1, True),
    "at_least": _Kind(_at_least, True, False, 1, True),
    "sigmoid": _Kind(_sigmoid, True, True, 1, True),
    "boosted": _Kind(_boosted, True, True, 1, True),
    "exponential": _Kind(_exponential, True, True, 1, True),
    "samme": _Kind(_samme, True, True, 1, True),
    "huber": _Kind(_huber_side, True, True, 1, True),
    "largest": _Kind(_largest, True, False),
    "shares": _Kind(_shares_alone, False, True),
    "sides": _Kind(_sides_alone, False, True, 1),
    "only_side": _Kind(_side, False, False, 1),
    "winner": _Kind(_largest, False, False),
    "least": _Kind(_least, False, False),
    "softmax": _Kind(_softmax, True, True),
    "samme_classes": _Kind(_samme_classes, True, True),
    "one_vs_rest": _Kind(_one_vs_rest, True, True),
    "huber_shares": _Kind(_huber_shares, True, True),
    "probability": _Kind(_probability, False, True),
    "network": _Kind(_network, False, True),
    "network_side": _Kind(_network_side, False, True, 1),
    "joint": _Kind(_of_joint, False, True, None, False, 2.0),
    "posterior": _Kind(_of_posterior, True, True, None, False, 2.0),
    "posterior_sides": _Kind(_of_posterior_sides, True, True, 2, True, 2.0),
}


@dataclass(frozen=True, slots=True)
class Classified:
    """One of the classes, with decision and probability as the kind has them."""

    kind: str
    labels: tuple[Label, ...]

    @property
    def width(self) -> int:
        """How many raw numbers there are."""
        return KINDS[self.kind].width or len(self.labels)

    @property
    def ports(self) -> tuple[str, ...]:
        kind = KINDS[self.kind]
        return (*((DECISION,) * kind.decision), *((PROBABILITY,) * kind.probability), PREDICTION)

    @property
    def types(self) -> tuple[Type, ...]:
        kind = KINDS[self.kind]
        decision = DOUBLE if kind.scalar else vector(self.width)
        probability = vector(len(self.labels))
        return (
            *((decision,) * kind.decision),
            *((probability,) * kind.probability),
            type_of_labels(self.labels) or STRING,
        )

    def finisher(self) -> Callable[[list[float]], Any]:
        """The function from raw numbers to the outputs."""
        kind, labels = KINDS[self.kind], self.labels
        finish, with_decision, with_probability = kind.finish, kind.decision, kind.probability

        def finished(raw: list[float]) -> Any:
            decision, probability, position = finish(raw)
            if with_decision and with_probability:
                return decision, probability, labels[position]
            if with_decision:
                return decision, labels[position]
            return (probability, labels[position]) if with_probability else labels[position]

        return finished

    def slack(self, raws: Numbers, doubt: Numbers) -> tuple[Numbers, ...]:
        """How far each output may be off where the raw numbers may be by ``doubt``; infinite for an open choice."""
        kind = KINDS[self.kind]
        size = doubt * kind.steepness
        if kind.width == 1:
            # Shares of two are even at a half.
            gap = np.abs(raws[:, 0] - (0.5 if self.kind == "sides" else 0.0))
        elif raws.shape[1] == 1:
            gap = np.full(len(raws), np.inf)
        else:
            ordered = np.sort(-raws if self.kind == "least" else raws, axis=1)
            gap = (ordered[:, -1] - ordered[:, -2]) / 2.0
        open_choice = np.where((doubt > 0.0) & ~(gap > doubt), np.inf, 0.0)
        return (*((size,) * (len(self.ports) - 1)), open_choice)

    def encode(self) -> dict[str, Value]:
        return {"answer": spec.string(self.kind), **encode_labels("classes", self.labels)}


LINKS: Final[Mapping[str, Callable[[float], float]]] = {"identity": lambda value: value, "exp": exp}


@dataclass(frozen=True, slots=True)
class Valued:
    """A number: the only raw one, through the inverse of its link."""

    link: str = "identity"

    @property
    def width(self) -> int:
        """How many raw numbers there are."""
        return 1

    @property
    def ports(self) -> tuple[str, ...]:
        return (PREDICTION,)

    @property
    def types(self) -> tuple[Type, ...]:
        return (DOUBLE,)

    def finisher(self) -> Callable[[list[float]], Any]:
        """The function from raw numbers to the output."""
        link = LINKS[self.link]
        return lambda raw: link(raw[0])

    def slack(self, raws: Numbers, doubt: Numbers) -> tuple[Numbers, ...]:
        """How far the output may be off where the raw number may be by ``doubt``."""
        if self.link == "identity":
            return (doubt,)
        with np.errstate(all="ignore"):
            return (np.exp(raws[:, 0] + doubt) * np.expm1(doubt),)

    def encode(self) -> dict[str, Value]:
        return {"link": spec.string(self.link)}


Outcome: TypeAlias = Classified | Valued


def decode_outcome(attributes: Attributes) -> Outcome:
    """What follows from the raw numbers. ArtifactError where it is none of the kinds."""
    if "answer" not in attributes:
        link = attributes.string("link")
        if link not in LINKS:
            raise attributes.error(f"link is {link!r}; it must be one of {', '.join(LINKS)}")
        return Valued(link)
    kind, labels = attributes.string("answer"), decode_labels(attributes, "classes")
    if kind not in KINDS:
        raise attributes.error(f"answer is {kind!r}; it must be one of {', '.join(KINDS)}")
    needed = 2 if KINDS[kind].width else 1
    if len(labels) < needed or (KINDS[kind].width and len(labels) != needed):
        raise attributes.error(f"it has {len(labels)} labels, which does not fit its answer {kind}")
    return Classified(kind, labels)


def columns_of(outcome: Outcome, raws: Numbers) -> tuple[Column, ...]:
    """The outputs of a batch, rows by raw numbers."""
    if isinstance(outcome, Valued):
        values = np.ascontiguousarray(raws[:, 0])
        return (Column(DOUBLE, exp_all(values) if outcome.link == "exp" else values),)
    kind, types = KINDS[outcome.kind], outcome.types
    decisions, probabilities, positions = FINISH[outcome.kind](raws)
    parts = [*((decisions,) * kind.decision), *((probabilities,) * kind.probability)]
    made = [Column(type_, part) for type_, part in zip(types, parts, strict=False)]
    return (*made, _taken(types[-1], outcome.labels, positions.astype(np.int64)))


def assembled(types: Sequence[Type], cells: Sequence[Any]) -> tuple[Column, ...]:
    """Columns from what a row kernel gave for each row."""
    single = len(types) == 1
    parts = [cells] if single else list(zip(*cells, strict=True)) or [()] * len(types)
    return tuple(_column(type_, part) for type_, part in zip(types, parts, strict=True))


def _taken(type_: Type, labels: Sequence[Label], positions: Numbers) -> Column:
    """The labels at these positions."""
    column = _column(type_, labels)
    values = column.values
    return Column(type_, values.take(pa.array(positions)) if type_.is_string else values[positions])


def _column(type_: Type, cells: Sequence[Any]) -> Column:
    if type_.is_vector:
        return Column(type_, np.array(cells, np.float64).reshape(len(cells), type_.size or 0))
    if type_.is_string:
        return Column(type_, pa.array(cells, pa.string()))
    return from_cells(type_, list(cells))


def classified(step: SklearnStep, kind: str, classes: Any = None) -> Classified:
    """The outcome of a classifier, of its ``classes_`` where no others are given.

    UnsupportedError where a column cannot hold them.
    """
    given = labels_of(step.estimator.classes_ if classes is None else classes)
    labels = tuple(given)
    if any(isinstance(label, np.ndarray | list | tuple) for label in labels):
        raise step.refused("it predicts several outputs at once", "Fit one model for each output.")
    if type_of_labels(labels) is None:
        raise step.refused(
            "its classes are not all strings, whole numbers, floats or booleans",
            "Fit it on labels of one such type.",
        )
    return Classified(kind, labels)


_METHODS: Final = {PREDICTION: "predict", PROBABILITY: "predict_proba", DECISION: "decision_function"}


def answered(step: SklearnStep, ports: Sequence[str]) -> tuple[str, ...]:
    """The columns of a predictor's ports: those of the answer, or where it is a part of another, names of its own."""
    return tuple(port if step.last else f"{step.output}_{port}" for port in ports)


def answering(step: SklearnStep, op: Op, inputs: Sequence[str] | None = None) -> Made:
    """What a predictor becomes: one op, with a column for each of its ports."""
    named = answered(step, op.outputs)
    lowered = Lowered(op, tuple(inputs or step.inputs), named)
    return Made((lowered,), {column: _METHODS[port] for port, column in zip(op.outputs, named, strict=True)})
