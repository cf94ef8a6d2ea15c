"""Support vector machines: kernels between a row and the support vectors, and the votes of pairs of classes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self, TypeAlias

import numpy as np

from skewless import spec
from skewless.ops.blas import exp
from skewless.ops.op import Example, register
from skewless.ops.sklearn.numbers import EPSILON, WHY_NOT_BITS, Fitted
from skewless.ops.sklearn.outcomes import (
    Classified,
    Outcome,
    Valued,
    answering,
    classified,
    decode_outcome,
    first_largest,
)
from skewless.ops.sklearn.predictors import RowPredictor, RowScore, dense_row, hostile
from skewless.ops.sklearn_step import DECISION, PREDICTION, PROBABILITY, Made, SklearnStep, reads_sklearn
from skewless.schema import DOUBLE, Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector

KERNELS: Final = ("linear", "poly", "rbf", "sigmoid")
_LEAST: Final = 1e-7
"""Pairwise probabilities are kept this far from 0 and 1."""

Function: TypeAlias = Callable[[Sequence[float]], list[float]]


@dataclass(frozen=True)
class Kernel:
    """How alike two rows are. Source: libsvm's Kernel::k_function."""

    kind: str
    gamma: float = 1.0
    coef0: float = 0.0
    degree: int = 3

    def encode(self) -> dict[str, Value]:
        return {
            "kernel": spec.string(self.kind),
            "gamma": spec.double(self.gamma),
            "coef0": spec.double(self.coef0),
            "degree": spec.long(self.degree),
        }

    @classmethod
    def decode(cls, attributes: Attributes) -> Kernel:
        kind, degree = attributes.string("kernel"), attributes.integer("degree")
        if kind not in KERNELS:
            raise attributes.error(f"kernel is {kind!r}; it must be one of {', '.join(KERNELS)}")
        if not 0 <= degree <= 1000:
            raise attributes.error(f"degree is {degree}; it must be 0 to 1,000")
        return cls(kind, attributes.double("gamma"), attributes.double("coef0"), degree)

    def of(self, vectors: Sequence[Sequence[float]]) -> Function:
        """The function from a row to its likeness with each of the vectors."""
        compare = self._distance if self.kind == "rbf" else self._product
        return lambda row: [compare(row, other) for other in vectors]

    def _distance(self, row: Sequence[float], other: Sequence[float]) -> float:
        total = 0.0
        for one, two in zip(row, other, strict=True):
            apart = one - two
            total += apart * apart
        return exp(-self.gamma * total)

    def _product(self, row: Sequence[float], other: Sequence[float]) -> float:
        total = 0.0
        for one, two in zip(row, other, strict=True):
            total += one * two
        if self.kind == "linear":
            return total
        inner = self.gamma * total + self.coef0
        return math.tanh(inner) if self.kind == "sigmoid" else power(inner, self.degree)

    def doubt(self, row: Numbers, vectors: Numbers) -> tuple[Numbers, Numbers]:
        """The size of each likeness, and how far it may be off by rounding."""
        slots = EPSILON * (len(row) + 4)
        if self.kind == "rbf":
            squares = ((row - vectors) ** 2).sum(axis=1) * abs(self.gamma)
            alike = np.exp(-squares)
            return alike, alike * (squares * slots + 4.0 * EPSILON)
        terms = np.abs(vectors) @ np.abs(row)
        if self.kind == "linear":
            return terms, terms * slots
        terms = abs(self.gamma) * terms + abs(self.coef0)
        if self.kind == "sigmoid":
            return np.ones(len(vectors)), np.minimum(terms * slots, 2.0) + 4.0 * EPSILON
        size = terms**self.degree
        return size, size * self.degree * (slots + 4.0 * EPSILON)


def power(base: float, times: int) -> float:
    """A whole power by squaring. Source: libsvm's powi."""
    made = 1.0
    while times > 0:
        if times % 2 == 1:
            made *= base
        base *= base
        times //= 2
    return made


@register
@dataclass(frozen=True)
class Machine(RowPredictor):
    """Likeness with the support vectors times their coefficients, plus an intercept.

    Source: libsvm's predict_values for regression and one class.
    """

    name: ClassVar[str] = "sklearn_machine"
    ulps: ClassVar[int] = 16
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    kernel: Kernel
    vectors: Fitted
    coefficients: Fitted
    intercept: float
    outcome: Outcome

    @property
    def features(self) -> int:
        return self.vectors.shape[1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        vectors, outcome = Fitted.decode(attributes, "vectors", None, None), decode_outcome(attributes)
        if outcome.width != 1:
            raise attributes.error("its answer is none of one number")
        coefficients = Fitted.decode(attributes, "coefficients", len(vectors))
        return cls(Kernel.decode(attributes), vectors, coefficients, attributes.double("intercept"), outcome)

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.kernel.encode(),
            **self.vectors.encode("vectors"),
            **self.coefficients.encode("coefficients"),
            "intercept": spec.double(self.intercept),
            **self.outcome.encode(),
        }

    def score(self) -> RowScore:
        likeness, coefficients, intercept = (
            self.kernel.of(self.vectors.lists),
            self.coefficients.lists,
            self.intercept,
        )

        def score(row: Vector) -> list[float]:
            total = 0.0
            for coefficient, alike in zip(coefficients, likeness(dense_row(row)), strict=True):
                total += coefficient * alike
            return [total + intercept]

        return score

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        return _doubts(self.kernel, column, self.vectors, self.coefficients.values[None], abs(self.intercept))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        vectors, coefficients = _example_vectors()
        for column in hostile(3):
            for kernel in _example_kernels():
                for outcome in (Valued(), Classified("side", (-1, 1))):
                    yield Example(
                        cls(kernel, vectors, Fitted(coefficients.values[0]), -0.5, outcome), (column,)
                    )


def _doubts(
    kernel: Kernel, column: Column, vectors: Fitted, coefficients: Numbers, largest: float
) -> Numbers:
    """How far a sum over all support vectors may be off, for each row."""
    made = []
    weights = np.abs(coefficients).max(axis=0)
    for row in column.dense():
        size, doubt = kernel.doubt(row, vectors.values)
        made.append(weights @ doubt + (weights @ size) * EPSILON * (len(vectors) + 2) + EPSILON * largest)
    return np.array(made, np.float64)


@register
@dataclass(frozen=True)
class MachineClassifier(RowPredictor):
    """A decision for every pair of classes, and the class with most votes, the first of several.

    ``coefficients`` are libsvm's: one row less than classes; support vectors stand class by class, ``counts`` of each.
    ``platt`` are A and B of each pair, where probabilities were fitted. Source: libsvm's predict_values and
    predict_probability, and sklearn.utils.multiclass._ovr_decision_function.
    """

    name: ClassVar[str] = "sklearn_machine_classifier"
    ulps: ClassVar[int] = 64
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    kernel: Kernel
    vectors: Fitted
    coefficients: Fitted
    counts: tuple[int, ...]
    intercepts: Fitted
    outcome: Classified
    one_vs_rest: bool = True
    break_ties: bool = False
    platt: Fitted | None = None

    @property
    def features(self) -> int:
        return self.vectors.shape[1]

    @property
    def outputs(self) -> tuple[str, ...]:
        return (DECISION, PREDICTION) if self.platt is None else (DECISION, PROBABILITY, PREDICTION)

    @property
    def made(self) -> tuple[Type, ...]:
        classes = len(self.counts)
        shape = vector(classes if self.one_vs_rest else len(self._pairs))
        decision = DOUBLE if classes == 2 else shape
        label = self.outcome.types[-1]
        return (decision, label) if self.platt is None else (decision, vector(classes), label)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        outcome, counts = decode_outcome(attributes), attributes.integers("counts")
        vectors = Fitted.decode(attributes, "vectors", None, None)
        classes = len(counts)
        if not isinstance(outcome, Classified) or len(outcome.labels) != classes or classes < 2:
            raise attributes.error(f"it has {classes} counts, which does not fit its classes")
        if min(counts) < 0 or sum(counts) != len(vectors):
            raise attributes.error(
                f"its counts {list(counts)} do not add up to {len(vectors)} support vectors"
            )
        pairs = classes * (classes - 1) // 2
        return cls(
            Kernel.decode(attributes),
            vectors,
            Fitted.decode(attributes, "coefficients", classes - 1, len(vectors)),
            counts,
            Fitted.decode(attributes, "intercepts", pairs),
            outcome,
            attributes.boolean("one_vs_rest", False),
            attributes.boolean("break_ties", False),
            Fitted.decode(attributes, "platt", pairs, 2) if "platt" in attributes else None,
        )

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.kernel.encode(),
            **self.vectors.encode("vectors"),
            **self.coefficients.encode("coefficients"),
            "counts": spec.longs(self.counts),
            **self.intercepts.encode("intercepts"),
            "one_vs_rest": spec.boolean(self.one_vs_rest),
            "break_ties": spec.boolean(self.break_ties),
            **self.outcome.encode(),
            **({} if self.platt is None else self.platt.encode("platt")),
        }

    @cached_property
    def _pairs(self) -> list[tuple[int, int, list[float], list[float], slice, slice]]:
        """For each pair of classes their numbers, coefficients and support vectors."""
        ends = np.cumsum(self.counts).tolist()
        spans = [slice(end - count, end) for end, count in zip(ends, self.counts, strict=True)]
        rows = self.coefficients.lists
        return [
            (one, two, rows[two - 1][spans[one]], rows[one][spans[two]], spans[one], spans[two])
            for one in range(len(spans))
            for two in range(one + 1, len(spans))
        ]

    def score(self) -> RowScore:
        likeness, pairs, intercepts = self.kernel.of(self.vectors.lists), self._pairs, self.intercepts.lists

        def score(row: Vector) -> list[float]:
            alike = likeness(dense_row(row))
            made = []
            for (_, _, first, second, of_first, of_second), intercept in zip(pairs, intercepts, strict=True):
                total = 0.0
                for coefficient, value in zip(first, alike[of_first], strict=True):
                    total += coefficient * value
                for coefficient, value in zip(second, alike[of_second], strict=True):
                    total += coefficient * value
                made.append(total + intercept)
            return made

        return score

    def finisher(self) -> Callable[[list[float]], Any]:
        labels = self.outcome.labels
        platt = None if self.platt is None else self.platt.lists

        def finish(pairwise: list[float]) -> Any:
            decision = self._decision(pairwise)
            label = labels[self._chosen(pairwise, decision)]
            if platt is None:
                return decision, label
            return decision, self._probability(pairwise, platt), label

        return finish

    def _decision(self, pairwise: list[float]) -> Any:
        if len(self.counts) == 2:
            return -pairwise[0]
        if not self.one_vs_rest:
            return pairwise
        pairs = [pair[:2] for pair in self._pairs]
        flipped = [-value for value in pairwise]
        return votes_of(pairs, flipped, [value < 0.0 for value in pairwise], len(self.counts))

    def _chosen(self, pairwise: list[float], decision: Any) -> int:
        if self.break_ties and self.one_vs_rest and len(self.counts) > 2:
            return first_largest(decision)
        votes = [0.0] * len(self.counts)
        for (one, two, *_), value in zip(self._pairs, pairwise, strict=True):
            votes[one if value > 0.0 else two] += 1.0
        return first_largest(votes)

    def _probability(self, pairwise: Sequence[float], platt: Sequence[Sequence[float]]) -> list[float]:
        count = len(self.counts)
        beats = [[0.0] * count for _ in range(count)]
        for (one, two, *_), value, (a, b) in zip(self._pairs, pairwise, platt, strict=True):
            share = min(max(_logistic(value * a + b), _LEAST), 1 - _LEAST)
            beats[one][two], beats[two][one] = share, 1 - share
        return coupled(beats)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        with np.errstate(all="ignore"):
            pairwise = self.scores(inputs[0])
            largest = np.abs(self.intercepts.values).max()
            doubt = _doubts(self.kernel, inputs[0], self.vectors, self.coefficients.values, largest)
            # A pair that is as good as even gives its vote to either.
            even = (np.abs(pairwise) <= doubt[:, None]).any(axis=1)
            if self.break_ties:
                decisions = np.array([self._decision(row) for row in pairwise.tolist()]).reshape(
                    len(pairwise), -1
                )
                ordered = np.sort(decisions, axis=1)
                even |= ordered[:, -1] - ordered[:, -min(2, ordered.shape[1])] <= 4.0 * doubt * len(
                    self.counts
                )
            votes = np.where(even, np.inf, 0.0)
            several = len(self.counts) > 2 and self.one_vs_rest
            decision = votes + doubt * len(self.counts) if several else doubt
            # How fast the coupling of pairs moves, and where it stops, has no simple bound.
            steep = 1.0 if self.platt is None else 1.0 + np.abs(self.platt.values[:, 0]).max()
            probability = doubt * steep * 1e3 * len(self.counts)
        return (decision, votes) if self.platt is None else (decision, probability, votes)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        vectors, coefficients = _example_vectors()
        names = Classified("winner", ("ü", "", "c"))
        starts, platt = Fitted([0.1, -0.0, -2.0]), Fitted([[-1.5, 0.1], [-2.0, 0.0], [-0.3, 5.0]])
        for column in hostile(3):
            for kernel in _example_kernels():
                for shape, ties, fitted in ((True, False, None), (False, False, platt), (True, True, platt)):
                    op = cls(kernel, vectors, coefficients, (1, 2, 2), starts, names, shape, ties, fitted)
                    yield Example(op, (column,))
                two = Classified("winner", (False, True))
                one = Fitted(coefficients.values[:1])
                yield Example(cls(kernel, vectors, one, (3, 2), Fitted([-0.0]), two), (column,))


def _example_vectors() -> tuple[Fitted, Fitted]:
    vectors = Fitted(
        [[0.1, -0.0, 1e-3], [2.0, 1.0, -1.0], [0.0, 0.0, 0.0], [-0.3, 5e-324, 3.0], [1.0, 1.0, 1.0]]
    )
    return vectors, Fitted([[0.5, -1.0, 1e-9, -0.25, 0.75], [1.0, -0.0, -0.5, 2.0, -1.0]])


def _example_kernels() -> Iterable[Kernel]:
    return (Kernel("linear"), Kernel("poly", 0.5, 1.0, 3), Kernel("rbf", 0.7), Kernel("sigmoid", 0.1, -0.2))


def _logistic(value: float) -> float:
    """1 / (1 + exp(value)). Source: libsvm's sigmoid_predict."""
    if value >= 0.0:
        small = exp(-value)
        return small / (1.0 + small)
    return 1.0 / (1.0 + exp(value))


def votes_of(
    pairs: Sequence[tuple[int, int]], confidences: Sequence[float], second: Sequence[bool], classes: int
) -> list[float]:
    """Votes of pairs, with confidences as fractions of a vote. Source: sklearn's _ovr_decision_function."""
    votes, sums = [0.0] * classes, [0.0] * classes
    for (one, two), confidence, for_second in zip(pairs, confidences, second, strict=True):
        sums[one] -= confidence
        sums[two] += confidence
        votes[two if for_second else one] += 1.0
    return [vote + total / (3.0 * (abs(total) + 1.0)) for vote, total in zip(votes, sums, strict=True)]


def coupled(beats: Sequence[Sequence[float]]) -> list[float]:
    """Probabilities of classes out of those of pairs, by iteration. Source: libsvm's multiclass_probability."""
    count = len(beats)
    classes = range(count)
    table = [[-beats[j][t] * beats[t][j] if j != t else 0.0 for j in classes] for t in classes]
    for t in classes:
        for j in classes:
            if j != t:
                table[t][t] += beats[j][t] * beats[j][t]
    made = [1.0 / count] * count
    for _ in range(max(100, count)):
        products = [0.0] * count
        whole = 0.0
        for t in classes:
            for j in classes:
                products[t] += table[t][j] * made[j]
            whole += made[t] * products[t]
        if not max([abs(product - whole) for product in products]) >= 0.005 / count:
            break
        for t in classes:
            step = (-products[t] + whole) / table[t][t]
            made[t] += step
            whole = (whole + step * (step * table[t][t] + 2 * products[t])) / (1 + step) / (1 + step)
            for j in classes:
                products[j] = (products[j] + step * table[t][j]) / (1 + step)
                made[j] /= 1 + step
    return made


def _dense(values: Any) -> Any:
    return values.toarray() if hasattr(values, "toarray") else np.asarray(values)


def _kernel(step: SklearnStep) -> Kernel:
    fitted = step.estimator
    if fitted.kernel not in KERNELS:
        shown = fitted.kernel if isinstance(fitted.kernel, str) else "a function"
        raise step.refused(
            f"its kernel is {shown}", f"Use one of {', '.join(KERNELS)}, or serve it from a script."
        )
    return Kernel(fitted.kernel, float(fitted._gamma), float(fitted.coef0), int(fitted.degree))


@reads_sklearn(
    "svm._classes.SVC",
    "svm._classes.NuSVC",
    ops=(MachineClassifier,),
    forms="kernels linear, poly, rbf and sigmoid; both shapes of decisions, break_ties, probability",
)
def _read_classifier(step: SklearnStep) -> Made:
    fitted = step.estimator
    platt = None
    if fitted.probability not in ("deprecated", False):
        platt = Fitted(np.stack([fitted.probA_, fitted.probB_], axis=1))
    op = MachineClassifier(
        _kernel(step),
        Fitted(_dense(fitted.support_vectors_)),
        Fitted(_dense(fitted._dual_coef_)),
        tuple(map(int, fitted.n_support_)),
        Fitted(fitted._intercept_),
        classified(step, "winner"),
        fitted.decision_function_shape == "ovr",
        bool(fitted.break_ties),
        platt,
    )
    return answering(step, op)


def _single(step: SklearnStep, outcome: Outcome) -> Made:
    fitted = step.estimator
    coefficients = Fitted(np.ravel(_dense(fitted._dual_coef_)))
    vectors = Fitted(_dense(fitted.support_vectors_).reshape(len(coefficients), step.size))
    return answering(
        step, Machine(_kernel(step), vectors, coefficients, float(fitted._intercept_[0]), outcome)
    )


@reads_sklearn(
    "svm._classes.SVR",
    "svm._classes.NuSVR",
    ops=(Machine,),
    forms="kernels linear, poly, rbf and sigmoid",
)
def _read_regressor(step: SklearnStep) -> Made:
    return _single(step, Valued())


@reads_sklearn("svm._classes.OneClassSVM", ops=(Machine,), forms="kernels linear, poly, rbf and sigmoid")
def _read_one_class(step: SklearnStep) -> Made:
    return _single(step, Classified("side", (-1, 1)))
