"""What is nearest: neighbours among the training rows, and centres of clusters and classes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Refused, register
from skewless.ops.sklearn.linear import ONE_EACH
from skewless.ops.sklearn.numbers import EPSILON, Fitted
from skewless.ops.sklearn.outcomes import Classified, Outcome, Valued, answering, classified, decode_outcome
from skewless.ops.sklearn.predictors import RowPredictor, RowScore, dense_row, hostile
from skewless.ops.sklearn_step import Made, SklearnStep, labels_of, reads_sklearn
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector

METRICS: Final = ("euclidean", "manhattan", "chebyshev")
WHY_NOT_BITS: Final = (
    "scikit-learn finds distances by matrix products, in an order of additions that depends on machine and batch: "
    "where two are as good as equally far, either may be taken"
)


def between(metric: str, row: Sequence[float], other: Sequence[float]) -> float:
    """The distance, squared where it is euclidean, which keeps the order."""
    total = 0.0
    if metric == "euclidean":
        for one, two in zip(row, other, strict=True):
            apart = one - two
            total += apart * apart
    elif metric == "manhattan":
        for one, two in zip(row, other, strict=True):
            total += abs(one - two)
    else:
        for one, two in zip(row, other, strict=True):
            total = max(total, abs(one - two))
    return total


def off(metric: str, row: Numbers, others: Numbers) -> Numbers:
    """How far each distance of `between` may be off."""
    size = EPSILON * (len(row) + 8)
    if metric != "euclidean":
        made: Numbers = (np.abs(row) + np.abs(others)).sum(axis=1) * size
        return made
    # Squares of both and their product are added, which cancels where the two are near.
    squares: Numbers = ((np.abs(row) + np.abs(others)) ** 2).sum(axis=1) * size
    return squares


def all_between(metric: str, row: Numbers, others: Numbers) -> Numbers:
    """`between` for many, in any order."""
    apart = np.abs(row - others)
    if metric == "euclidean":
        made: Numbers = (apart**2).sum(axis=1)
        return made
    return np.asarray(apart.sum(axis=1) if metric == "manhattan" else apart.max(axis=1, initial=0.0))


def decode_metric(attributes: Attributes) -> str:
    """The metric. ArtifactError where it is none of them."""
    metric = attributes.string("metric")
    if metric not in METRICS:
        raise attributes.error(f"metric is {metric!r}; it must be one of {', '.join(METRICS)}")
    return metric


def _metric(step: SklearnStep) -> str:
    """The metric of neighbours, by the name of what it amounts to."""
    fitted = step.estimator
    parameters = dict(fitted.effective_metric_params_ or {})
    metric, p = str(fitted.effective_metric_), parameters.pop("p", None)
    names = {"l1": "manhattan", "cityblock": "manhattan", "l2": "euclidean", "infinity": "chebyshev"}
    metric = names.get(metric, metric)
    if metric == "minkowski" and p in (1, 2):
        metric = "manhattan" if p == 1 else "euclidean"
    if metric not in METRICS or any(value is not None for value in parameters.values()):
        raise step.refused(
            f"its metric is {metric}", f"Use one of {', '.join(METRICS)}, or serve it from a script."
        )
    return metric


# Centres.


@register
@dataclass(frozen=True)
class Centres(RowPredictor):
    """The label of the nearest centre, the first of several as near. Source: sklearn.cluster's KMeans.predict."""

    name: ClassVar[str] = "sklearn_centres"
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    centres: Fitted
    outcome: Classified
    metric: str = "euclidean"

    @property
    def features(self) -> int:
        return self.centres.shape[1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        outcome = decode_outcome(model.attributes)
        if not isinstance(outcome, Classified):
            raise model.attributes.error("it has no labels")
        centres = Fitted.decode(model.attributes, "centres", outcome.width, None)
        return cls(centres, outcome, decode_metric(model.attributes))

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.centres.encode("centres"),
            "metric": spec.string(self.metric),
            **self.outcome.encode(),
        }

    def score(self) -> RowScore:
        centres, metric = self.centres.lists, self.metric

        def score(row: Vector) -> list[float]:
            slots = dense_row(row)
            return [between(metric, slots, centre) for centre in centres]

        return score

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        found = [off(self.metric, row, self.centres.values).max(initial=0.0) for row in column.dense()]
        moved = given * 2.0 * (1.0 + np.abs(column.dense()).sum(axis=1) + np.abs(self.centres.values).sum())
        made: Numbers = np.array(found, np.float64) + moved
        return made

    @classmethod
    def examples(cls) -> Iterable[Example]:
        centres = Fitted([[0.1, -0.0, 1e-3], [2.0, 1.0, -1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
        for column in hostile(3):
            for metric in METRICS:
                yield Example(cls(centres, Classified("least", (0, 1, 2, 1)), metric), (column,))


@reads_sklearn(
    "cluster._kmeans.KMeans",
    "cluster._kmeans.MiniBatchKMeans",
    ops=(Centres,),
    forms="predict, as the last step",
)
def _read_means(step: SklearnStep) -> Made:
    centres = Fitted(step.estimator.cluster_centers_)
    return answering(step, Centres(centres, Classified("least", tuple(range(len(centres))))))


@reads_sklearn("cluster._mean_shift.MeanShift", ops=(Centres,), forms="predict")
def _read_shifted(step: SklearnStep) -> Made:
    centres = Fitted(step.estimator.cluster_centers_)
    return answering(step, Centres(centres, Classified("least", tuple(range(len(centres))))))


@reads_sklearn("cluster._birch.Birch", ops=(Centres,), forms="predict, as the last step")
def _read_birch(step: SklearnStep) -> Made:
    fitted = step.estimator
    labels = tuple(map(int, fitted.subcluster_labels_))
    return answering(step, Centres(Fitted(fitted.subcluster_centers_), Classified("least", labels)))


@register
@dataclass(frozen=True)
class HalvedCentres(RowPredictor):
    """From centre to centre down a tree of two each: the nearer of them, the left where both are as near.

    ``children`` has a node's left and right; a leaf has its label's position there, and -1.
    Source: sklearn.cluster.BisectingKMeans._predict_recursive.
    """

    name: ClassVar[str] = "sklearn_halved_centres"
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    centres: Fitted
    children: tuple[tuple[int, int], ...]
    outcome: Classified

    @property
    def features(self) -> int:
        return self.centres.shape[1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        outcome, centres = decode_outcome(attributes), Fitted.decode(attributes, "centres", None, None)
        left, right = attributes.integers("left"), attributes.integers("right")
        if not isinstance(outcome, Classified) or not len(centres) == len(left) == len(right) > 0:
            raise attributes.error("its centres, left and right nodes are not as many")
        for node, (one, two) in enumerate(zip(left, right, strict=True)):
            inner = node < one < len(left) and node < two < len(left)
            if not inner and not (two == -1 and 0 <= one < len(outcome.labels)):
                raise attributes.error(f"node {node} has the children {one} and {two}")
        return cls(centres, tuple(zip(left, right, strict=True)), outcome)

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.centres.encode("centres"),
            "left": spec.longs([left for left, _ in self.children]),
            "right": spec.longs([right for _, right in self.children]),
            **self.outcome.encode(),
        }

    def score(self) -> RowScore:
        centres, children, count = self.centres.lists, self.children, self.outcome.width

        def score(row: Vector) -> list[float]:
            slots, node = dense_row(row), 0
            while children[node][1] >= 0:
                left, right = children[node]
                nearer = between("euclidean", slots, centres[left]) <= between(
                    "euclidean", slots, centres[right]
                )
                node = left if nearer else right
            made = [1.0] * count
            made[children[node][0]] = 0.0
            return made

        return score

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        """Open where two centres on the way are as good as equally far."""
        rows = []
        for row, moved in zip(inputs[0].dense(), given[0], strict=True):
            apart = all_between("euclidean", row, self.centres.values)
            error = off("euclidean", row, self.centres.values)
            error += 2.0 * moved * (np.abs(row).sum() + np.abs(self.centres.values).sum(axis=1))
            inner = np.array([pair for pair in self.children if pair[1] >= 0], np.int64).reshape(-1, 2)
            left, right = inner[:, 0], inner[:, 1]
            even = ~(np.abs(apart[left] - apart[right]) > error[left] + error[right])
            rows.append(math.inf if even.any() else 0.0)
        return (np.array(rows, np.float64),)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        centres = Fitted([[0.0, 0.0], [1.0, -0.0], [0.0, 1.0], [2.0, 0.5], [-1.0, 0.0]])
        op = cls(centres, ((1, 2), (3, 4), (0, -1), (1, -1), (2, -1)), Classified("least", (0, 1, 2)))
        for column in hostile(2):
            yield Example(op, (column,))


@reads_sklearn(
    "cluster._bisect_k_means.BisectingKMeans", ops=(HalvedCentres,), forms="predict, as the last step"
)
def _read_halved(step: SklearnStep) -> Made:
    fitted = step.estimator
    middle = getattr(fitted, "_X_mean", 0.0)
    nodes, children = [fitted._bisecting_tree], []
    for node in nodes:
        if node.left is None:
            children.append((int(node.label), -1))
        else:
            children.append((len(nodes), len(nodes) + 1))
            nodes += [node.left, node.right]
    centres = Fitted([np.ravel(node.center) + middle for node in nodes])
    labels = tuple(range(int(fitted.n_clusters)))
    return answering(step, HalvedCentres(centres, tuple(children), Classified("least", labels)))


# Neighbours.


@register
@dataclass(frozen=True)
class Neighbours(RowPredictor):
    """The share of each class among the nearest training rows, or the mean of their numbers.

    They are the ``count`` nearest (of several as near at the end, those that come first in training) or, where it is
    0, all within ``radius``; by ``distance`` they count by its inverse. ``targets`` are positions of classes, or
    numbers. A row without neighbours gets the shares of ``outlier``, or is refused without; numbers' mean is NaN then.
    Source: sklearn.neighbors' KNeighborsClassifier and its like.
    """

    name: ClassVar[str] = "sklearn_neighbours"
    ulps: ClassVar[int] = 16
    why_not_bits: ClassVar[str] = WHY_NOT_BITS

    rows: Fitted
    targets: Fitted
    outcome: Outcome
    metric: str
    count: int = 0
    radius: float = 0.0
    by_distance: bool = False
    outlier: Fitted | None = None

    @property
    def features(self) -> int:
        return self.rows.shape[1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        outcome, rows = decode_outcome(attributes), Fitted.decode(attributes, "rows", None, None)
        targets = Fitted.decode(attributes, "targets", len(rows))
        if isinstance(outcome, Classified) and not set(targets.lists) <= set(range(outcome.width)):
            raise attributes.error(f"its targets are not all positions of {outcome.width} classes")
        count = attributes.integer("count")
        if not 0 <= count <= len(rows):
            raise attributes.error(f"it asks for {count} neighbours of {len(rows)}")
        outlier = Fitted.decode(attributes, "outlier", outcome.width) if "outlier" in attributes else None
        radius, by_distance = attributes.double("radius"), attributes.boolean("by_distance", False)
        return cls(rows, targets, outcome, decode_metric(attributes), count, radius, by_distance, outlier)

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.rows.encode("rows"),
            **self.targets.encode("targets"),
            "metric": spec.string(self.metric),
            "count": spec.long(self.count),
            "radius": spec.double(self.radius),
            "by_distance": spec.boolean(self.by_distance),
            **({} if self.outlier is None else self.outlier.encode("outlier")),
            **self.outcome.encode(),
        }

    @property
    def _within(self) -> float:
        return self.radius * self.radius if self.metric == "euclidean" else self.radius

    def score(self) -> RowScore:
        rows, targets, metric, within = self.rows.lists, self.targets.lists, self.metric, self._within
        order, classes = range(len(rows)), isinstance(self.outcome, Classified)

        def score(row: Vector) -> list[float]:
            slots = dense_row(row)
            distances = [between(metric, slots, other) for other in rows]
            if self.count:
                near = sorted(order, key=distances.__getitem__)[: self.count]
            else:
                near = [place for place in order if distances[place] <= within]
            if not near:
                return self._alone()
            weights = self._weights([distances[place] for place in near])
            if not any(weights) and classes:
                raise _too_far()
            return self._together([targets[place] for place in near], weights)

        return score

    def _weights(self, distances: Sequence[float]) -> list[float]:
        if not self.by_distance:
            return [1.0] * len(distances)
        if self.metric == "euclidean":
            distances = [math.sqrt(distance) for distance in distances]
        inverse = [1.0 / distance if distance > 0.0 else math.inf for distance in distances]
        if math.inf in inverse:
            return [1.0 if weight == math.inf else 0.0 for weight in inverse]
        return inverse

    def _together(self, targets: Sequence[float], weights: Sequence[float]) -> list[float]:
        made, total = [0.0] * self.outcome.width, 0.0
        numbers = isinstance(self.outcome, Valued)
        for target, weight in zip(targets, weights, strict=True):
            made[0 if numbers else int(target)] += target * weight if numbers else weight
        for weight in weights if numbers else made:
            total += weight
        return [value / total if total else math.nan for value in made]

    def _alone(self) -> list[float]:
        if isinstance(self.outcome, Valued):
            return [math.nan]
        if self.outlier is None:
            raise Refused(
                f"no training row is within the radius of {self.radius!r}",
                value=None,
                hint="Fit with outlier_label, or with a larger radius; scikit-learn fails on it too.",
            )
        return list(self.outlier.lists)

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        """Open where which rows are the nearest is as good as undecided; by distance, as far as the distances are."""
        made = []
        for row, moved in zip(inputs[0].dense(), given[0], strict=True):
            distances = all_between(self.metric, row, self.rows.values)
            error = off(self.metric, row, self.rows.values)
            error += 2.0 * moved * (1.0 + np.abs(row).sum() + np.abs(self.rows.values).sum(axis=1))
            made.append(self._open(distances, error))
        slack = np.array(made, np.float64)
        return self._spread(slack, inputs[0])

    def _open(self, distances: Numbers, error: Numbers) -> float:
        if not np.isfinite(distances).all():
            # Beyond all numbers nothing is nearer than something else.
            return math.inf
        if self.count:
            order = np.argsort(distances, kind="stable")
            near = order[: self.count]
            edge = distances[near[-1]]
            beyond = order[self.count :]
            if len(beyond) and not (distances[beyond] - edge > error[beyond] + error[near].max()).all():
                return math.inf
        else:
            near = np.flatnonzero(distances <= self._within)
            if not (np.abs(distances - self._within) > error).all():
                return math.inf
        if not self.by_distance or not len(near):
            return 0.0
        small = distances[near] <= error[near] * 4.0
        # Rows at the very place, and rows that only rounding tells from there, count in different ways.
        if small.any() and not (distances[near][small] == 0.0).all():
            return math.inf
        if small.any():
            return math.inf if error[near][small].max() > 0.0 and self.metric == "euclidean" else 0.0
        return float((error[near] / distances[near]).max() * 2.0)

    def _spread(self, slack: Numbers, column: Column) -> Sequence[Numbers]:
        if isinstance(self.outcome, Valued):
            largest = float(np.abs(self.targets.values).max(initial=0.0))
            return (slack * 2.0 * largest + EPSILON * len(self.rows) * largest,)
        raws = np.nan_to_num(self.scores(column))
        ordered = np.sort(raws, axis=1)
        gap = (
            ordered[:, -1] - ordered[:, -min(2, raws.shape[1])]
            if raws.shape[1] > 1
            else np.full(len(raws), np.inf)
        )
        near = 16.0 * EPSILON if self.by_distance else 0.0
        return slack + near, np.where((slack + near > 0.0) & (gap <= 2.0 * (slack + near)), np.inf, 0.0)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        rows = Fitted(
            [[0.1, -0.0, 1e-3], [2.0, 1.0, -1.0], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [1e200, 0.0, 0.0]]
        )
        classes, numbers = Fitted([0.0, 2.0, 1.0, 1.0, 0.0]), Fitted([1.5, -0.0, 1e300, 0.1, -7.0])
        names = Classified("probability", ("ü", "", "c"))
        for column in hostile(3):
            for metric in METRICS:
                for by_distance in (False, True):
                    yield Example(cls(rows, classes, names, metric, 3, 0.0, by_distance), (column,))
                    yield Example(cls(rows, numbers, Valued(), metric, 2, 0.0, by_distance), (column,))
                    alone = Fitted([0.0, 0.0, 1.0])
                    yield Example(cls(rows, classes, names, metric, 0, 1.5, by_distance, alone), (column,))
                    yield Example(cls(rows, classes, names, metric, 0, 1.5, by_distance), (column,))
                    yield Example(cls(rows, numbers, Valued(), metric, 0, 1.5, by_distance), (column,))


def _too_far() -> Refused:
    return Refused(
        "all its neighbours are so far away that they have no weight",
        value=None,
        hint="Scale or clip the features before this stage; scikit-learn fails on it too.",
    )


def _training(step: SklearnStep) -> Fitted:
    rows = step.estimator._fit_X
    return Fitted(rows.toarray() if hasattr(rows, "toarray") else rows)


def _by_distance(step: SklearnStep) -> bool:
    weights = step.estimator.weights
    if weights not in ("uniform", "distance", None):
        raise step.refused(
            "its weights are a function", "Use uniform or distance, or serve it from a script."
        )
    return bool(weights == "distance")


def _targets(step: SklearnStep) -> Fitted:
    found = np.asarray(step.estimator._y)
    if found.ndim > 1 and found.shape[1] != 1:
        raise step.refused("it predicts several outputs at once", ONE_EACH)
    if found.ndim > 1:
        raise step.refused(
            "it was fitted on a column of targets, and predicts columns", "Fit it on y.ravel()."
        )
    return Fitted(found)


FORMS: Final = "metrics euclidean, manhattan and chebyshev; weights uniform and distance; one output"


@reads_sklearn("neighbors._classification.KNeighborsClassifier", ops=(Neighbours,), forms=FORMS)
def _read_nearest_classes(step: SklearnStep) -> Made:
    targets, outcome = _targets(step), classified(step, "probability")
    count = int(step.estimator.n_neighbors)
    op = Neighbours(_training(step), targets, outcome, _metric(step), count, 0.0, _by_distance(step))
    return answering(step, op)


@reads_sklearn("neighbors._regression.KNeighborsRegressor", ops=(Neighbours,), forms=FORMS)
def _read_nearest_numbers(step: SklearnStep) -> Made:
    count = int(step.estimator.n_neighbors)
    op = Neighbours(_training(step), _targets(step), Valued(), _metric(step), count, 0.0, _by_distance(step))
    return answering(step, op)


@reads_sklearn("neighbors._regression.RadiusNeighborsRegressor", ops=(Neighbours,), forms=FORMS)
def _read_radius_numbers(step: SklearnStep) -> Made:
    radius = float(step.estimator.radius)
    op = Neighbours(_training(step), _targets(step), Valued(), _metric(step), 0, radius, _by_distance(step))
    return answering(step, op)


@reads_sklearn(
    "neighbors._classification.RadiusNeighborsClassifier",
    ops=(Neighbours,),
    forms=FORMS + "; outlier_label None or one of the classes",
)
def _read_radius_classes(step: SklearnStep) -> Made:
    fitted = step.estimator
    targets, outcome = _targets(step), classified(step, "probability")
    radius, outlier = float(fitted.radius), None
    if fitted.outlier_label_ is not None:
        label = labels_of(np.ravel(fitted.outlier_label_))[0]
        if label not in outcome.labels:
            raise step.refused(
                f"its outlier_label {label!r} is none of its classes", "Use one of the classes."
            )
        outlier = Fitted([1.0 if label == one else 0.0 for one in outcome.labels])
    by_distance = _by_distance(step)
    op = Neighbours(_training(step), targets, outcome, _metric(step), 0, radius, by_distance, outlier)
    return answering(step, op)
