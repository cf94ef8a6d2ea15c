"""Trees that are averaged: decision trees, forests and bagged trees; and the trees of isolation forests."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.native.forest import SUMS
from skewless.ops.op import Example, register
from skewless.ops.sklearn import grown
from skewless.ops.sklearn.grown import Grown, example_trees, of_tree, walks_of
from skewless.ops.sklearn.linear import ONE_EACH
from skewless.ops.sklearn.outcomes import Classified, Outcome, Valued, answering, classified, decode_outcome
from skewless.ops.sklearn.predictors import Predictor, RowScore, hostile
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.ops.walks import Walks
from skewless.schema import vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers, from_cells

TREE_VALUES: Final = (
    "A null vector, one of another length, and a number beyond 32-bit floats fail; NaN goes the way that the tree "
    "learned, and fails where scikit-learn's own refuses it."
)


class TreePredictor(Predictor):
    """A predictor made of trees over 32-bit features; subclasses have ``trees``."""

    bad_values: ClassVar[str] = TREE_VALUES

    num_features: int
    trees: tuple[Grown, ...]

    @property
    def features(self) -> int:
        return self.num_features

    @property
    def limit(self) -> float:
        return math.nextafter(grown.LARGEST, math.inf)

    def encode_files(self) -> Mapping[str, bytes]:
        return {grown.FILE: grown.write(self.trees)}


@register
@dataclass(frozen=True)
class Forest(TreePredictor):
    """What the leaves hold, added up tree by tree and divided by the number of trees; a single tree's as it is.

    Source: sklearn.ensemble's ForestClassifier.predict_proba and ForestRegressor.predict.
    """

    name: ClassVar[str] = "sklearn_forest"

    num_features: int
    trees: tuple[Grown, ...]
    outcome: Outcome
    allows_nan: bool = False

    @property
    def takes_nan(self) -> bool:
        return self.allows_nan

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        features, outcome = attributes.integer("num_features"), decode_outcome(attributes)
        trees = grown.read(model, features, outcome.width)
        return cls(features, trees, outcome, attributes.boolean("allows_nan", False))

    def encode(self) -> Mapping[str, Value]:
        return {
            "num_features": spec.long(self.num_features),
            "allows_nan": spec.boolean(self.allows_nan),
            **self.outcome.encode(),
        }

    @cached_property
    def walks(self) -> Walks:
        """The trees, ready to be walked."""
        return walks_of(self.trees, self.num_features, outputs=self.outcome.width)

    @property
    def start(self) -> float:
        """What sums begin with: the sign of what a single tree's leaf holds stays."""
        return -0.0 if len(self.trees) == 1 else 0.0

    def scores(self, column: Column) -> Numbers:
        return self.walks.sums(column, self.start) / len(self.trees)

    def score(self) -> RowScore:
        sums, count = self.walks.row(SUMS, self.start), len(self.trees)
        return lambda row: [total / count for total in sums(row)]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in (*hostile(3), *threshold_rows()):
            for allows_nan in (False, True):
                several = (example_trees(3), example_trees(3, shift=0.3), example_trees(3, shift=1e-9))
                outcome = Classified("probability", ("a", "ü", ""))
                yield Example(cls(3, several, outcome, allows_nan), (column,))
                yield Example(cls(3, several[:1], outcome, allows_nan), (column,))
                stump = Grown((-1,), (0.0,), (-1,), (False,), ((-0.0,),), {})
                yield Example(cls(3, (stump,), Valued(), allows_nan), (column,))
                yield Example(cls(3, (stump, example_trees(1)), Valued(), allows_nan), (column,))


def threshold_rows() -> list[Column]:
    """Rows at the thresholds of the examples' trees, NaN, and at the end of 32-bit floats."""
    near = [0.1, math.nextafter(0.1, 1.0), float(np.float32(0.1)), 0.10000000149011613, 0.10000000149011614]
    slots = [[-0.0, value, 5e-324] for value in near]
    slots += [[math.nan, 0.0, 1.0], [1.0, math.nan, math.nan], [-1e-46, 1.0, 3.0], [1.0, 1.0, 257.5]]
    end = [[3.4028235677973362e38, 1.0, -1.0], [0.0, -3.4028235677973366e38, 0.0]]
    return [from_cells(vector(3), slots), from_cells(vector(3), end)]


@register
@dataclass(frozen=True)
class IsolationForest(TreePredictor):
    """How deep a row falls on average, told as a score: the sooner it is alone, the lower.

    Leaves hold the depth of a path that ends there. Source: sklearn.ensemble.IsolationForest._compute_score_samples.
    """

    name: ClassVar[str] = "sklearn_isolation_forest"
    bad_values: ClassVar[str] = (
        "A null vector and one of another length fail; NaN goes the way that the tree learned, and infinities pass."
    )
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = "numpy's power differs from the C library's in last bits"

    num_features: int
    trees: tuple[Grown, ...]
    outcome: Classified
    denominator: float
    offset: float

    @property
    def takes_nan(self) -> bool:
        return True

    @property
    def limit(self) -> float:
        return math.inf

    @property
    def takes_infinite(self) -> bool:
        return True

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        features, outcome = attributes.integer("num_features"), decode_outcome(attributes)
        if not isinstance(outcome, Classified) or outcome.width != 1:
            raise attributes.error("its answer is none of one number")
        return cls(
            features,
            grown.read(model, features, 1),
            outcome,
            attributes.double("denominator"),
            attributes.double("offset"),
        )

    def encode(self) -> Mapping[str, Value]:
        return {
            "num_features": spec.long(self.num_features),
            "denominator": spec.double(self.denominator),
            "offset": spec.double(self.offset),
            **self.outcome.encode(),
        }

    @cached_property
    def walks(self) -> Walks:
        """The trees, ready to be walked."""
        return walks_of(self.trees, self.num_features)

    def scores(self, column: Column) -> Numbers:
        depths = self.walks.sums(column)[:, 0]
        return np.array([self._scored(depth) for depth in depths.tolist()]).reshape(-1, 1)

    def score(self) -> RowScore:
        depths = self.walks.row(SUMS)
        return lambda row: [self._scored(depths(row)[0])]

    def _scored(self, depth: float) -> float:
        share = depth / self.denominator if self.denominator else 1.0
        return -math.pow(2.0, -share) - self.offset

    def doubt(self, column: Column, given: Numbers) -> Numbers:
        return np.full(len(column), 4.0 * math.ulp(1.0))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        outcome = Classified("at_least", (-1, 1))
        for column in (*hostile(3), *threshold_rows()):
            for denominator in (5.0, 0.0):
                yield Example(
                    cls(3, (example_trees(1), example_trees(1, shift=0.5)), outcome, denominator, -0.5),
                    (column,),
                )


def allows_nan(step: SklearnStep, *, of: Any = None) -> bool:
    """Whether scikit-learn takes NaN here, which it does for dense rows only."""
    estimator = step.estimator if of is None else of
    return not step.sparse and bool(estimator.__sklearn_tags__().input_tags.allow_nan)


def one_output(step: SklearnStep) -> None:
    """UnsupportedError where an estimator predicts several outputs at once."""
    if getattr(step.estimator, "n_outputs_", 1) != 1:
        raise step.refused("it predicts several outputs at once", ONE_EACH)


_TREES: Final = ("DecisionTree", "ExtraTree")
_FORESTS: Final = ("RandomForest", "ExtraTrees")


def _trees(step: SklearnStep) -> tuple[Grown, ...]:
    one_output(step)
    return tuple(of_tree(tree.tree_) for tree in getattr(step.estimator, "estimators_", [step.estimator]))


@reads_sklearn(
    *(f"tree._classes.{name}Classifier" for name in _TREES),
    *(f"ensemble._forest.{name}Classifier" for name in _FORESTS),
    ops=(Forest,),
    forms="one output; all criteria, missing values",
)
def _read_classifier(step: SklearnStep) -> Made:
    outcome = classified(step, "probability") if getattr(step.estimator, "n_outputs_", 1) == 1 else None
    trees = _trees(step)
    return answering(step, Forest(step.size, trees, outcome or Valued(), allows_nan(step)))


@reads_sklearn(
    *(f"tree._classes.{name}Regressor" for name in _TREES),
    *(f"ensemble._forest.{name}Regressor" for name in _FORESTS),
    ops=(Forest,),
    forms="one output; all criteria, missing values",
)
def _read_regressor(step: SklearnStep) -> Made:
    return answering(step, Forest(step.size, _trees(step), Valued(), allows_nan(step)))


@reads_sklearn(
    "ensemble._iforest.IsolationForest",
    ops=(IsolationForest,),
    forms="predict and decision_function",
)
def _read_isolation(step: SklearnStep) -> Made:
    fitted = step.estimator
    parts = zip(
        fitted.estimators_,
        fitted.estimators_features_,
        fitted._decision_path_lengths,
        fitted._average_path_length_per_tree,
        strict=True,
    )
    trees = tuple(
        of_tree(tree.tree_, (lengths + further - 1.0)[:, None], columns)
        for tree, columns, lengths, further in parts
    )
    denominator = len(trees) * _average_path_length(int(fitted._max_samples))
    outcome = Classified("at_least", (-1, 1))
    return answering(step, IsolationForest(step.size, trees, outcome, denominator, float(fitted.offset_)))


def _average_path_length(samples: int) -> float:
    """How deep a row falls on average among so many. Source: sklearn.ensemble._iforest._average_path_length."""
    if samples <= 1:
        return 0.0
    if samples == 2:
        return 1.0
    return float(2.0 * (np.log(samples - 1.0) + np.euler_gamma) - 2.0 * (samples - 1.0) / samples)
