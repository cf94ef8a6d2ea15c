"""Several trees together: Spark's random forests and gradient-boosted trees, of both kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops import trees
from skewless.ops.blas import (
    AVX2,
    WHY_NOT_BITS,
    WHY_NOT_BITS_OF_SUMS,
    Coefficients,
    Order,
    divide,
    dot_dense,
    exp,
)
from skewless.ops.fitted import decode_order, encode_order
from skewless.ops.op import Example, Lowered, Op, SparkStage, reads_spark, register
from skewless.ops.tree_models import (
    CLASS_PARAMS,
    REGRESSED,
    DecisionTreeClassifier,
    DecisionTreeRegression,
    TreeClassifier,
    TreeOp,
    class_values,
    decision,
    features_of,
    grown_tree,
    hostile_rows,
    lowered,
)
from skewless.ops.trees import Tree
from skewless.schema import DOUBLE, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers


class _Forest(TreeOp):
    """Several trees with weights, each in a folder of its own."""

    trees: tuple[Tree, ...]
    weights: tuple[float, ...]

    @property
    def forest(self) -> tuple[Tree, ...]:
        return self.trees

    def _forest_attributes(self) -> dict[str, Value]:
        return {
            "num_features": spec.long(self.num_features),
            "tree_weights": spec.doubles(self.weights),
            "trees": spec.strings([f"tree{number}" for number in range(len(self.trees))]),
        }

    def encode_models(self) -> Mapping[str, Model]:
        made = {}
        for number, tree in enumerate(self.trees):
            op: Op
            if isinstance(self, RandomForestClassifier):
                op = DecisionTreeClassifier(self.num_features, self.num_classes, tree)
            else:
                op = DecisionTreeRegression(self.num_features, tree)
            attributes = Attributes(op.encode(), file=None, stage=None)
            made[f"tree{number}"] = Model(op.name, attributes, op.encode_files())
        return made


def _read_forest(model: Model, features: int, width: int) -> tuple[tuple[Tree, ...], tuple[float, ...]]:
    attributes = model.attributes
    folders = attributes.strings("trees")
    weights = attributes.doubles("tree_weights", (1.0,) * len(folders))
    if not folders or len(weights) != len(folders):
        raise attributes.error(f"it has {len(weights)} weights for {len(folders)} trees")
    grown = []
    for folder in folders:
        if folder not in model.models:
            raise attributes.error(f"the tree in folder {folder!r} is missing")
        grown.append(trees.read(model.models[folder], features, width))
    return tuple(grown), weights


@register
@dataclass(frozen=True, slots=True)
class RandomForestClassifier(TreeClassifier, _Forest):
    """The sum, tree after tree, of the shares of the classes in the leaves; weights are all 1 and not used.

    Source: Spark's RandomForestClassificationModel.
    """

    name: ClassVar[str] = "random_forest_classifier"
    mleap: ClassVar[str] = "It makes no leaf column."

    num_features: int
    num_classes: int
    trees: tuple[Tree, ...]
    weights: tuple[float, ...]
    thresholds: tuple[float, ...] = ()
    by_probability: bool = False

    @classmethod
    def decode(cls, model: Model) -> Self:
        features, classes, thresholds, by_probability = class_values(model.attributes)
        return cls(features, classes, *_read_forest(model, features, classes), thresholds, by_probability)

    def encode(self) -> Mapping[str, Value]:
        return {**self._class_attributes(), **self._forest_attributes()}

    def _shares(self, tree: Tree) -> list[list[float]]:
        """What each leaf adds to the votes."""
        shares = []
        for values in tree.values:
            total = 0.0
            for value in values:
                total += value
            shares.append([divide(value, total) if total != 0.0 else 0.0 for value in values])
        return shares

    def _raw(self, leaves: Sequence[int]) -> list[float]:
        votes = [0.0] * self.num_classes
        for tree, leaf in zip(self.trees, leaves, strict=True):
            values = tree.values[leaf]
            total = 0.0
            for value in values:
                total += value
            if total != 0.0:
                for place, value in enumerate(values):
                    votes[place] += value / total
        return votes

    def _raws(self, leaves: Sequence[Numbers], rows: int) -> Numbers:
        votes = np.zeros((rows, self.num_classes))
        for tree, numbers in zip(self.trees, leaves, strict=True):
            votes = votes + np.array(self._shares(tree))[numbers]
        return votes

    @classmethod
    def examples(cls) -> Iterable[Example]:
        grown = (grown_tree(3), Tree((None,), (-1,), ((0.0, 0.0, 0.0),)), grown_tree(3, 0.7))
        for column in hostile_rows():
            yield Example(cls(3, 3, grown, (1.0, 1.0, 1.0)), (column,))
            yield Example(cls(3, 3, grown, (1.0, 1.0, 1.0), (0.5, 0.0, 0.3), True), (column,))


@register
@dataclass(frozen=True, slots=True)
class RandomForestRegression(_Forest):
    """The mean of the trees' values; weights are all 1 and not used. Source: Spark's RandomForestRegressionModel."""

    name: ClassVar[str] = "random_forest_regression"
    mleap: ClassVar[str] = "It makes no leaf column."

    num_features: int
    trees: tuple[Tree, ...]
    weights: tuple[float, ...]

    @property
    def outputs(self) -> tuple[str, ...]:
        return REGRESSED

    @classmethod
    def decode(cls, model: Model) -> Self:
        features = model.attributes.integer("num_features")
        return cls(features, *_read_forest(model, features, 1))

    def encode(self) -> Mapping[str, Value]:
        return self._forest_attributes()

    def _of_leaves(self, leaves: Sequence[int]) -> tuple[Any, ...]:
        total = self.trees[0].values[leaves[0]][0]  # not 0.0: Scala's sum of one -0.0 is -0.0
        for tree, leaf in zip(self.trees[1:], leaves[1:], strict=True):
            total += tree.values[leaf][0]
        return (total / len(self.trees),)

    def _of_all_leaves(self, leaves: Sequence[Numbers], rows: int) -> tuple[Column, ...]:
        first, *others = _values(self.trees, leaves)
        for values in others:
            first = first + values
        return (Column(DOUBLE, first / len(self.trees)),)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile_rows():
            yield Example(
                cls(3, (grown_tree(1), grown_tree(1, 0.1), grown_tree(1, 0.7)), (1.0, 1.0, 1.0)), (column,)
            )
            yield Example(cls(3, (grown_tree(1, -0.0),), (1.0,)), (column,))


def _values(grown: Sequence[Tree], leaves: Sequence[Numbers]) -> list[Numbers]:
    """The value of every row in each tree."""
    return [np.array(tree.values)[numbers, 0] for tree, numbers in zip(grown, leaves, strict=True)]


class _Boosted(_Forest):
    """The dot product of the trees' values with the trees' weights."""

    order: Order

    def _margin(self, leaves: Sequence[int]) -> float:
        values = [tree.values[leaf][0] for tree, leaf in zip(self.trees, leaves, strict=True)]
        return dot_dense(values, self.weights, self.order)

    def _margins(self, leaves: Sequence[Numbers], rows: int) -> Numbers:
        values = np.stack(_values(self.trees, leaves), axis=1)
        return Coefficients(self.weights, order=self.order).batch(Column(vector(len(self.trees)), values))


@register
@dataclass(frozen=True, slots=True)
class GBTRegression(_Boosted):
    """The weighted sum of the trees' values. Source: Spark's GBTRegressionModel."""

    name: ClassVar[str] = "gbt_regression"
    mleap: ClassVar[str] = "It makes no leaf column."
    ulps: ClassVar[int] = 16
    why_not_bits: ClassVar[str] = WHY_NOT_BITS_OF_SUMS

    num_features: int
    trees: tuple[Tree, ...]
    weights: tuple[float, ...]
    order: Order = AVX2

    @property
    def outputs(self) -> tuple[str, ...]:
        return REGRESSED

    @classmethod
    def decode(cls, model: Model) -> Self:
        features = model.attributes.integer("num_features")
        return cls(features, *_read_forest(model, features, 1), decode_order(model.attributes))

    def encode(self) -> Mapping[str, Value]:
        return {**self._forest_attributes(), **encode_order(self.order)}

    def _of_leaves(self, leaves: Sequence[int]) -> tuple[Any, ...]:
        return (self._margin(leaves),)

    def _of_all_leaves(self, leaves: Sequence[Numbers], rows: int) -> tuple[Column, ...]:
        return (Column(DOUBLE, self._margins(leaves, rows)),)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile_rows():
            for size in (1, 3, 6):
                grown = tuple(grown_tree(1, number / 3) for number in range(size))
                yield Example(cls(3, grown, (1.0, *(0.1,) * (size - 1))), (column,))


@register
@dataclass(frozen=True, slots=True)
class GBTClassifier(TreeClassifier, _Boosted):
    """Two classes by the sign of the weighted sum m of the trees' values: raw -m and m, probability 1 / (1 + exp(2m)).

    Source: Spark's GBTClassificationModel and LogLoss.
    """

    name: ClassVar[str] = "gbt_classifier"
    mleap: ClassVar[str] = "It makes no leaf column."
    ulps: ClassVar[int] = 4096
    why_not_bits: ClassVar[str] = (
        f"{WHY_NOT_BITS}; the second class's probability is 1 less the first's, so that where it is small one "
        "unit of the first is many of its own"
    )

    num_features: int
    trees: tuple[Tree, ...]
    weights: tuple[float, ...]
    thresholds: tuple[float, ...] = ()
    num_classes: int = 2
    by_probability: bool = False
    order: Order = AVX2

    @classmethod
    def decode(cls, model: Model) -> Self:
        features, classes, thresholds, by_probability = class_values(model.attributes)
        if classes != 2:
            raise model.attributes.error(f"it has {classes} classes; boosted trees tell 2 apart")
        loss = model.attributes.string("lossType", "logistic")
        if loss != "logistic":
            raise model.attributes.error(f"its lossType is {loss!r}; only logistic is known")
        grown, weights = _read_forest(model, features, 1)
        order = decode_order(model.attributes)
        return cls(features, grown, weights, thresholds, 2, by_probability, order)

    def encode(self) -> Mapping[str, Value]:
        return {**self._class_attributes(), **self._forest_attributes(), **encode_order(self.order)}

    def _raw(self, leaves: Sequence[int]) -> list[float]:
        margin = self._margin(leaves)
        return [-margin, margin]

    def _raws(self, leaves: Sequence[Numbers], rows: int) -> Numbers:
        margins = self._margins(leaves, rows)
        return np.stack([-margins, margins], axis=1)

    def _probability(self, raw: list[float]) -> list[float]:
        first = 1.0 / (1.0 + exp(-2.0 * raw[0]))
        return [first, 1.0 - first]

    def _probabilities(self, raws: Numbers) -> Numbers:
        # Row by row, since numpy's exp has other last bits.
        return np.array([self._probability(raw) for raw in raws.tolist()]).reshape(len(raws), 2)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile_rows():
            for size in (1, 3, 6):
                grown = tuple(grown_tree(1, number - 1.3) for number in range(size))
                weights = (1.0, *(0.1,) * (size - 1))
                yield Example(cls(3, grown, weights), (column,))
                yield Example(cls(3, grown, weights, (0.2, 0.8), 2, True), (column,))


# What Spark saves.


def _trees_of(stage: SparkStage, width: int | None) -> tuple[tuple[Tree, ...], tuple[float, ...]]:
    """Trees in order, and their weights."""
    nodes: dict[int, list[Mapping[str, Any]]] = {}
    for row in stage.tables("data"):
        nodes.setdefault(int(row["treeID"]), []).append(row["nodeData"])
    weights = {int(row.get("treeID", row.get("_1"))): _weight(row) for row in stage.tables("treesMetadata")}
    if sorted(nodes) != list(range(len(nodes))) or sorted(weights) != sorted(nodes):
        raise UnsupportedError(f"{stage}: it does not have all of its trees", hint="Save the model again.")
    grown = [trees.of_spark(stage, nodes[number], width)[0] for number in range(len(nodes))]
    return tuple(grown), tuple(weights[number] for number in range(len(nodes)))


def _weight(row: Mapping[str, Any]) -> float:
    return float(row["weights"] if "weights" in row else row["_3"])


@reads_spark(
    "org.apache.spark.ml.classification.RandomForestClassificationModel",
    ops=(RandomForestClassifier,),
    forms="thresholds, leafCol",
)
def _read_forest_classifier(stage: SparkStage) -> Sequence[Lowered]:
    classes = int(stage.extra["numClasses"])
    grown, weights = _trees_of(stage, classes)
    op = RandomForestClassifier(features_of(stage), classes, grown, weights, *decision(stage))
    return lowered(stage, op, *CLASS_PARAMS)


@reads_spark(
    "org.apache.spark.ml.regression.RandomForestRegressionModel",
    ops=(RandomForestRegression,),
    forms="leafCol",
)
def _read_forest_regression(stage: SparkStage) -> Sequence[Lowered]:
    op = RandomForestRegression(features_of(stage), *_trees_of(stage, None))
    return lowered(stage, op, "predictionCol", "leafCol")


@reads_spark(
    "org.apache.spark.ml.classification.GBTClassificationModel",
    ops=(GBTClassifier,),
    forms="thresholds, leafCol",
)
def _read_boosted_classifier(stage: SparkStage) -> Sequence[Lowered]:
    thresholds, by_probability = decision(stage)
    grown, weights = _trees_of(stage, None)
    order = Order.of(stage.blas)
    op = GBTClassifier(features_of(stage), grown, weights, thresholds, 2, by_probability, order)
    return lowered(stage, op, *CLASS_PARAMS)


@reads_spark("org.apache.spark.ml.regression.GBTRegressionModel", ops=(GBTRegression,), forms="leafCol")
def _read_boosted_regression(stage: SparkStage) -> Sequence[Lowered]:
    op = GBTRegression(features_of(stage), *_trees_of(stage, None), Order.of(stage.blas))
    return lowered(stage, op, "predictionCol", "leafCol")
