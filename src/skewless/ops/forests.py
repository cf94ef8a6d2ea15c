"""Several trees together: Spark's random forests and gradient-boosted trees, of both kinds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.native.forest import VALUES
from skewless.ops import trees
from skewless.ops.blas import (
    AVX2,
    WHY_NOT_BITS,
    WHY_NOT_BITS_OF_SUMS,
    Coefficients,
    Order,
    RowDot,
    added,
    sigmoid,
    sigmoid_all,
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
from skewless.schema import vector
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
@dataclass(frozen=True)
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
    numbered: bool = field(default=True, compare=False)

    @classmethod
    def decode(cls, model: Model) -> Self:
        features, classes, thresholds, by_probability = class_values(model.attributes)
        return cls(features, classes, *_read_forest(model, features, classes), thresholds, by_probability)

    def encode(self) -> Mapping[str, Value]:
        return {**self._class_attributes(), **self._forest_attributes()}

    def held(self) -> list[Numbers]:
        return [_shares(np.array(tree.values)) for tree in self.trees]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        grown = (grown_tree(3), Tree((None,), (-1,), ((0.0, 0.0, 0.0),)), grown_tree(3, 0.7))
        for column in hostile_rows():
            yield Example(cls(3, 3, grown, (1.0, 1.0, 1.0)), (column,))
            yield Example(cls(3, 3, grown, (1.0, 1.0, 1.0), (0.5, 0.0, 0.3), True), (column,))


def _shares(values: Numbers) -> Numbers:
    """What each leaf adds to the votes: its classes' shares."""
    total = added(values)[:, None]
    with np.errstate(all="ignore"):
        return np.where(total == 0.0, 0.0, values / total)


@register
@dataclass(frozen=True)
class RandomForestRegression(_Forest):
    """The mean of the trees' values; weights are all 1 and not used. Source: Spark's RandomForestRegressionModel."""

    name: ClassVar[str] = "random_forest_regression"
    mleap: ClassVar[str] = "It makes no leaf column."
    start: ClassVar[float] = -0.0  # Scala's sum of one -0.0 is -0.0

    num_features: int
    trees: tuple[Tree, ...]
    weights: tuple[float, ...]
    numbered: bool = field(default=True, compare=False)

    @property
    def ports(self) -> tuple[str, ...]:
        return REGRESSED

    @classmethod
    def decode(cls, model: Model) -> Self:
        features = model.attributes.integer("num_features")
        return cls(features, *_read_forest(model, features, 1))

    def encode(self) -> Mapping[str, Value]:
        return self._forest_attributes()

    def held(self) -> list[Numbers]:
        return [np.array(tree.values) for tree in self.trees]

    def finish(self, numbers: list[float]) -> tuple[Any, ...]:
        return (numbers[0] / len(self.trees),)

    def finish_all(self, numbers: Numbers) -> tuple[Numbers, ...]:
        return (numbers[:, 0] / len(self.trees),)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile_rows():
            yield Example(
                cls(3, (grown_tree(1), grown_tree(1, 0.1), grown_tree(1, 0.7)), (1.0, 1.0, 1.0)), (column,)
            )
            yield Example(cls(3, (grown_tree(1, -0.0),), (1.0,)), (column,))


class _Boosted(_Forest):
    """The dot product of the trees' values with the trees' weights."""

    asks: ClassVar[int] = VALUES

    order: Order

    def held(self) -> list[Numbers]:
        return [np.array(tree.values) for tree in self.trees]

    @cached_property
    def _weights(self) -> Coefficients:
        return Coefficients(self.weights, order=self.order)

    @cached_property
    def _dot(self) -> RowDot:
        return self._weights.row()

    def margins(self, numbers: Numbers) -> Numbers:
        """The dot products of a batch."""
        return self._weights.batch(Column(vector(len(self.trees)), numbers))


@register
@dataclass(frozen=True)
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
    numbered: bool = field(default=True, compare=False)

    @property
    def ports(self) -> tuple[str, ...]:
        return REGRESSED

    @classmethod
    def decode(cls, model: Model) -> Self:
        features = model.attributes.integer("num_features")
        return cls(features, *_read_forest(model, features, 1), decode_order(model.attributes))

    def encode(self) -> Mapping[str, Value]:
        return {**self._forest_attributes(), **encode_order(self.order)}

    def finish(self, numbers: list[float]) -> tuple[Any, ...]:
        return (self._dot(numbers),)

    def finish_all(self, numbers: Numbers) -> tuple[Numbers, ...]:
        return (self.margins(numbers),)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile_rows():
            for size in (1, 3, 6):
                grown = tuple(grown_tree(1, number / 3) for number in range(size))
                yield Example(cls(3, grown, (1.0, *(0.1,) * (size - 1))), (column,))


@register
@dataclass(frozen=True)
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
    numbered: bool = field(default=True, compare=False)

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

    def raw(self, numbers: list[float]) -> list[float]:
        margin = self._dot(numbers)
        return [-margin, margin]

    def raws(self, numbers: Numbers) -> Numbers:
        margins = self.margins(numbers)
        return np.stack([-margins, margins], axis=1)

    def probability(self, raw: list[float]) -> list[float]:
        first = sigmoid(2.0 * raw[0])
        return [first, 1.0 - first]

    def probabilities(self, raws: Numbers) -> Numbers:
        first = sigmoid_all(2.0 * raws[:, 0])
        return np.stack([first, 1.0 - first], axis=1)

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
