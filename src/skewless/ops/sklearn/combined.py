"""What predictors made of others do with what these answer: means, votes, medians, pairs, calibration."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np

from skewless import spec
from skewless.ops.blas import sigmoid
from skewless.ops.op import Example, Op, Refused, RowKernel, TypeRefused, register
from skewless.ops.rows import vector_type
from skewless.ops.sklearn.constants import Isotonic
from skewless.ops.sklearn.labels import Label, decode_labels, encode_labels
from skewless.ops.sklearn.machines import votes_of
from skewless.ops.sklearn.matrix import checked, matrix
from skewless.ops.sklearn.numbers import Fitted
from skewless.ops.sklearn.outcomes import Classified, Outcome, Valued, assembled, decode_outcome, softmax
from skewless.ops.sklearn.predictors import hostile
from skewless.schema import DOUBLE, LONG, STRING, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import SparseVector

Combine: TypeAlias = Callable[[Sequence[Any]], list[float]]
"""From the members' answers to raw numbers."""


def _mean(op: Combined) -> Combine:
    """Weighted sums, one member after the other, by the sum of the weights."""
    weights, scale = op.weights.lists, op.scale

    def mean(cells: Sequence[Any]) -> list[float]:
        rows = [cell if isinstance(cell, list) else [cell] for cell in cells]
        made = [0.0] * len(rows[0])
        for row, weight in zip(rows, weights, strict=True):
            for place, value in enumerate(row):
                made[place] += value * weight
        return [total / scale for total in made]

    return mean


def _votes(op: Combined) -> Combine:
    """The members' classes, counted by their weights; with ``scale``, in parts of it."""
    places, weights, scale = _places(op), op.weights.lists, op.scale

    def votes(cells: Sequence[Any]) -> list[float]:
        made = [0.0] * op.outcome.width
        for cell, weight in zip(cells, weights, strict=True):
            made[places[cell]] += weight
        return [vote / scale for vote in made]

    return votes


def _samme(op: Combined) -> Combine:
    """Votes for a class, and what they cost the others. Source: sklearn.ensemble.AdaBoostClassifier."""
    places, weights, scale, sides = _places(op), op.weights.lists, op.scale, op.outcome.width == 1
    count = 2 if sides else op.outcome.width
    against = [-1 / (count - 1) * weight for weight in weights]

    def samme(cells: Sequence[Any]) -> list[float]:
        made = [0.0] * count
        for cell, weight, cost in zip(cells, weights, against, strict=True):
            chosen = places[cell]
            for place in range(count):
                made[place] += weight if place == chosen else cost
        made = [total / scale for total in made]
        return [-made[0] + made[1]] if sides else made

    return samme


def _median(op: Combined) -> Combine:
    """The number in the middle of the members' weights. Source: sklearn.ensemble.AdaBoostRegressor."""
    weights = op.weights.lists

    def median(cells: Sequence[Any]) -> list[float]:
        order = sorted(range(len(cells)), key=cells.__getitem__)
        sums, total = [], 0.0
        for place in order:
            total += weights[place]
            sums.append(total)
        return [next(cells[place] for place, upto in zip(order, sums, strict=True) if upto >= 0.5 * total)]

    return median


def _scores(_op: Combined) -> Combine:
    """Each member's score for its own class: its decision, or the second of two probabilities."""
    return lambda cells: [cell[1] if isinstance(cell, list) else cell for cell in cells]


def _pairs(op: Combined) -> Combine:
    """Votes of pairs: the members' classes, then their scores. Source: sklearn's OneVsOneClassifier."""
    count = 2 if op.outcome.width == 1 else op.outcome.width
    both = list(combinations(range(count), 2))

    def pairs(cells: Sequence[Any]) -> list[float]:
        half = len(both)
        scores = [cell[1] if isinstance(cell, list) else cell for cell in cells[half:]]
        made = votes_of(both, scores, [bool(cell == 1) for cell in cells[:half]], count)
        return made[1:] if op.outcome.width == 1 else made

    return pairs


def _shifted(op: Combined) -> Combine:
    """A single score less the threshold."""
    scores, threshold = _scores(op), op.scale
    return lambda cells: [1.0 if scores(cells)[0] >= threshold else -1.0]


COMBINERS: Final[Mapping[str, Callable[[Combined], Combine]]] = {
    "mean": _mean,
    "votes": _votes,
    "samme": _samme,
    "median": _median,
    "scores": _scores,
    "pairs": _pairs,
    "threshold": _shifted,
}


def _places(op: Combined) -> dict[Any, int]:
    """The positions of classes by what the members call them."""
    return {label: place for place, label in enumerate(op.members_labels)}


class Together(Op):
    """An op over the answers of members: numbers, vectors or classes; subclasses have ``count`` and ``outcome``."""

    mleap: ClassVar[str] = "absent"
    bad_values: ClassVar[str] = "Null fails; what its members refuse is refused."

    outcome: Outcome

    @property
    @abstractmethod
    def count(self) -> int:
        """How many columns it reads."""

    @abstractmethod
    def combine(self) -> Combine:
        """The function from the members' answers to raw numbers."""

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{place}" for place in range(self.count))

    @property
    def outputs(self) -> tuple[str, ...]:
        return self.outcome.ports

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,) * self.count

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return self.outcome.types

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        combine, finish = self.combine(), self.outcome.finisher()

        def kernel(*cells: Any) -> Any:
            return finish(combine(_present(cells)))

        return kernel

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        kernel, made = self.row([column.type for column in inputs]), []
        for row in range(len(inputs[0])):
            try:
                made.append(kernel(*[column.cell(row) for column in inputs]))
            except Refused as refused:
                refused.position = row
                raise
        return assembled(self.outcome.types, made)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        combine = self.combine()
        raws = [combine(_present([column.cell(row) for column in inputs])) for row in range(len(inputs[0]))]
        doubt = np.max(given, axis=0) * self.steepness
        return self.outcome.slack(np.array(raws, np.float64).reshape(len(raws), -1), doubt)

    @property
    def steepness(self) -> float:
        """How much faster than its members' answers the raw numbers may move."""
        return 1.0


def _present(cells: Sequence[Any]) -> Sequence[Any]:
    made = []
    for place, cell in enumerate(cells):
        if cell is None:
            raise Refused("the value is null", value=None, input=place, hint="Fill it in before this stage.")
        made.append(cell.dense() if isinstance(cell, SparseVector) else cell)
    return made


@register
@dataclass(frozen=True)
class Combined(Together):
    """Members' answers put together in one of the ways of the table; ``members_labels`` are their classes.

    Source: sklearn.ensemble's voting, bagging and AdaBoost; sklearn.multiclass.
    """

    name: ClassVar[str] = "sklearn_combined"
    ulps: ClassVar[int] = 16
    why_not_bits: ClassVar[str] = (
        "numpy adds up many members' numbers in pairs, and its exponential is another"
    )

    kind: str
    weights: Fitted
    scale: float
    outcome: Outcome
    members_labels: tuple[Label, ...] = ()

    @property
    def count(self) -> int:
        return len(self.weights)

    def combine(self) -> Combine:
        return COMBINERS[self.kind](self)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        kind, outcome = attributes.string("combine"), decode_outcome(attributes)
        if kind not in COMBINERS:
            raise attributes.error(f"combine is {kind!r}; it must be one of {', '.join(COMBINERS)}")
        weights = Fitted.decode(attributes, "weights", None)
        labels = decode_labels(attributes, "members") if "members" in attributes else ()
        classes = len(outcome.labels) if isinstance(outcome, Classified) else 0
        pairs = classes * (classes - 1)
        if not len(weights) or (kind in _OF_CLASSES and len(labels) != classes):
            raise attributes.error(f"it has {len(weights)} members of {len(labels)} classes")
        if (kind == "pairs" and len(weights) != pairs) or (
            kind == "scores" and len(weights) != outcome.width
        ):
            raise attributes.error(f"it has {len(weights)} members, which does not fit its classes")
        return cls(kind, weights, attributes.double("scale"), outcome, labels)

    def encode(self) -> Mapping[str, Value]:
        labels = encode_labels("members", self.members_labels) if self.members_labels else {}
        return {
            "combine": spec.string(self.kind),
            **self.weights.encode("weights"),
            "scale": spec.double(self.scale),
            **labels,
            **self.outcome.encode(),
        }

    @classmethod
    def examples(cls) -> Iterable[Example]:
        numbers = [
            from_cells(DOUBLE, [0.5, -0.0, 1e300, math.nan]),
            from_cells(DOUBLE, [2.0, 0.0, 5e-324, 1.0]),
        ]
        shares = [[0.25, 0.75], [1.0, 0.0], [0.5, 0.5], [math.nan, 0.0]]
        vectors = [from_cells(vector(2), shares), from_cells(vector(2), shares[::-1])]
        classes = [from_cells(LONG, [0, 1, 1, 0]), from_cells(LONG, [1, 1, 0, 0])]
        words = [from_cells(STRING, ["ü", "", "", "ü"]), from_cells(STRING, ["", "", "ü", "ü"])]
        one, two = Fitted([1.0, 1.0]), Fitted([0.25, 2.0])
        names = ("ü", "")
        makes: list[tuple[Any, list[Column]]] = [
            (cls("mean", one, 2.0, Valued()), numbers),
            (cls("mean", two, 2.25, Classified("probability", names)), vectors),
            (cls("votes", two, 1.0, Classified("winner", names), (0, 1)), classes),
            (cls("votes", one, 2.0, Classified("probability", names), names), words),
            (cls("samme", two, 2.25, Classified("samme", names), names), words),
            (cls("median", two, 1.0, Valued()), numbers),
            (cls("scores", one, 1.0, Classified("largest", names)), numbers),
            (cls("scores", one, 1.0, Classified("shares", names)), vectors),
            (cls("pairs", one, 1.0, Classified("side", names)), [classes[0], numbers[0]]),
            (cls("threshold", Fitted([1.0]), 0.5, Classified("only_side", names)), vectors[:1]),
        ]
        for op, columns in makes:
            yield Example(op, tuple(columns))
            yield Example(op, tuple(column.take(np.zeros(4, np.bool_)) for column in columns))
            yield Example(op, tuple(from_cells(column.type, [column.cell(0), None]) for column in columns))


_OF_CLASSES: Final = ("votes", "samme")


@register
@dataclass(frozen=True)
class Calibrated(Together):
    """A member's decision or probabilities, mended: by a logistic function, fitted steps, or a temperature.

    ``curves`` has for each class, or for the second of two, slope and intercept, or the two lists of an isotonic
    curve; a temperature has one inverse. Source: sklearn.calibration's _CalibratedClassifier.predict_proba.
    """

    name: ClassVar[str] = "sklearn_calibrated"
    ulps: ClassVar[int] = 32
    why_not_bits: ClassVar[str] = "numpy's exponential differs from the C library's in last bits"

    kind: str
    curves: tuple[tuple[Fitted, Fitted], ...]
    outcome: Classified
    of_probability: bool = False

    @property
    def count(self) -> int:
        return 1

    def default_types(self) -> tuple[Type, ...]:
        several = self.of_probability or len(self.outcome.labels) > 2
        return (vector(len(self.outcome.labels)) if several else DOUBLE,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        (wanted,) = self.default_types()
        if inputs[0].is_vector != wanted.is_vector or (not wanted.is_vector and not inputs[0].is_number):
            raise TypeRefused(f"a {wanted} was fitted here, not a {inputs[0]}")
        return self.outcome.types

    @property
    def steepness(self) -> float:
        steep = [1.0]
        for first, second in self.curves:
            if self.kind == "isotonic" and len(first) > 1:
                steep.append(float((np.diff(second.values) / np.diff(first.values)).max()))
            elif self.kind != "isotonic":
                steep.append(abs(float(first.values[0])))
        return 4.0 * max(steep)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        kind, outcome = attributes.string("calibrate"), decode_outcome(attributes)
        if kind not in ("sigmoid", "isotonic", "temperature") or not isinstance(outcome, Classified):
            raise attributes.error(f"calibrate is {kind!r}; it must be sigmoid, isotonic or temperature")
        classes = len(outcome.labels)
        if classes < 2:
            raise attributes.error(f"it has {classes} classes, and two are the least")
        count = 1 if classes == 2 or kind == "temperature" else classes
        size = None if kind == "isotonic" else 1
        curves = []
        for place in range(count):
            first = Fitted.decode(attributes, f"first_{place}", size)
            curves.append((first, Fitted.decode(attributes, f"second_{place}", len(first))))
            if not len(first) or not (np.diff(first.values) > 0.0).all():
                raise attributes.error(f"first_{place} is not in ascending order")
        return cls(kind, tuple(curves), outcome, attributes.boolean("of_probability", False))

    def encode(self) -> Mapping[str, Value]:
        made: dict[str, Value] = {
            "calibrate": spec.string(self.kind),
            "of_probability": spec.boolean(self.of_probability),
        }
        for place, (first, second) in enumerate(self.curves):
            made |= first.encode(f"first_{place}") | second.encode(f"second_{place}")
        return {**made, **self.outcome.encode()}

    def combine(self) -> Combine:
        two, curves = len(self.outcome.labels) == 2, [self._curve(*curve) for curve in self.curves]
        if self.kind == "temperature":
            return self._temperature(two)

        def calibrate(cells: Sequence[Any]) -> list[float]:
            cell = self._checked(cells[0])
            if two:
                second = curves[0](cell[1] if isinstance(cell, list) else cell)
                return [_cut(1.0 - second), _cut(second)]
            made = [curve(value) for curve, value in zip(curves, cell, strict=True)]
            total = 0.0
            for value in made:
                total += value
            return [_cut(value / total if total != 0.0 else 1.0 / len(made)) for value in made]

        return calibrate

    def _checked(self, cell: Any) -> Any:
        """Refused where a number is NaN or infinite, but by the logistic curve, as scikit-learn has it."""
        if self.kind != "sigmoid":
            for value in cell if isinstance(cell, list) else (cell,):
                if not math.isfinite(value):
                    raise Refused(
                        f"what is to be calibrated is {value!r}",
                        value=value,
                        hint="Scale or clip the features before this stage; scikit-learn refuses it too.",
                    )
        return cell

    def _curve(self, first: Fitted, second: Fitted) -> Callable[[float], float]:
        if self.kind == "isotonic":
            return Isotonic(first, second, "clip").at
        slope, start = first.lists[0], second.lists[0]
        return lambda value: sigmoid(-(slope * value + start))

    def _temperature(self, two: bool) -> Combine:
        inverse = self.curves[0][0].lists[0]

        def calibrate(cells: Sequence[Any]) -> list[float]:
            cell = self._checked(cells[0])
            if self.of_probability:
                logits = [math.log(value + _TINY) for value in cell]
            else:
                # A single decision counts against its opposite.
                logits = [-cell, cell] if two else cell
            return [_cut(value) for value in softmax([inverse * value for value in logits])]

        return calibrate

    @classmethod
    def examples(cls) -> Iterable[Example]:
        numbers = from_cells(DOUBLE, [0.5, -0.0, 1e300, -3.0])
        shares = from_cells(vector(3), [[0.25, 0.75, 0.0], [1.0, 0.0, -0.0], [0.1, 0.2, 0.7]])
        logistic = (Fitted([-2.0]), Fitted([0.1]))
        steps = (Fitted([-1.0, 0.0, 0.5]), Fitted([0.0, 0.3, 1.0]))
        two, three = Classified("probability", (False, True)), Classified("probability", ("a", "ü", ""))
        for op, column in (
            (cls("sigmoid", (logistic,), two), numbers),
            (cls("isotonic", (steps,), two), numbers),
            (cls("temperature", (logistic,), two), numbers),
            (cls("sigmoid", (logistic, logistic, logistic), three), shares),
            (cls("isotonic", (steps, (Fitted([0.5]), Fitted([0.0])), steps), three), shares),
        ):
            yield Example(op, (column,))
            yield Example(op, (from_cells(column.type, []),))
            yield Example(op, (from_cells(column.type, [column.cell(0), None]),))


@register
@dataclass(frozen=True)
class Finite(Op):
    """The vector as it is, once nothing in it is NaN or infinite. Source: sklearn.utils.validation.check_array."""

    name: ClassVar[str] = "sklearn_finite"
    mleap: ClassVar[str] = "absent"
    bad_values: ClassVar[str] = "A null vector, one of another length, NaN and infinities fail."

    size: int

    @classmethod
    def decode(cls, model: Model) -> Self:
        return cls(model.attributes.integer("size"))

    def encode(self) -> Mapping[str, Value]:
        return {"size": spec.long(self.size)}

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return (vector_type(inputs, self.size),)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        return given

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        (column,) = inputs
        nulls = column.null_mask
        for position in np.flatnonzero(nulls) if nulls is not None else ():
            # A row before the first null one is refused first.
            matrix(column.take(np.arange(len(column)) < position), self.size, False)
            break
        return (matrix(column, self.size, False),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size = self.size

        def kernel(cell: Any) -> Any:
            checked(cell, size, False)
            return cell

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile(3):
            yield Example(cls(3), (column,))


_TINY: Final = 1e-12


def _cut(value: float) -> float:
    """Rounding may leave a little more than 1."""
    return 1.0 if 1.0 < value <= 1.0 + 1e-5 else value
