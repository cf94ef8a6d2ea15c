"""Decision trees of both kinds, and what forests share with them; `forests` has those."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.native.forest import LEAVES, SUMS, VALUES
from skewless.ops import trees
from skewless.ops.blas import added, argmax, argmax_all
from skewless.ops.classifiers import choose, choose_all
from skewless.ops.compiling import Cell, Source, Symbol, as_slots
from skewless.ops.op import (
    Example,
    Lowered,
    Op,
    Refused,
    RowKernel,
    SparkStage,
    TypeRefused,
    reads_spark,
    register,
)
from skewless.ops.trees import Split, Tree
from skewless.ops.walks import Walks
from skewless.schema import DOUBLE, Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import SparseVector

LEAF: Final = "leaf"
_CLASSIFIED: Final = ("raw_prediction", "probability", "prediction", LEAF)
REGRESSED: Final = ("prediction", LEAF)


class TreeOp(Op):
    """What all of them share: vectors go in, and the outputs follow from what each tree's leaf holds.

    Subclasses are dataclasses; one whose ``numbered`` is false has no port for the leaves themselves.
    """

    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails, unless every tree is a single leaf; NaN goes to the "
        "right of a threshold."
    )
    any_form: ClassVar[bool] = True
    asks: ClassVar[int] = SUMS
    """What of the leaves the outputs follow from: their sums, or the value of each."""
    start: ClassVar[float] = 0.0
    """What sums begin with; -0.0 where that of a single leaf is to have its sign."""

    num_features: int
    numbered: bool

    @property
    def inputs(self) -> tuple[str, ...]:
        return ("features",)

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(port for port in self.ports if port != LEAF or self.numbered)

    @property
    @abstractmethod
    def ports(self) -> tuple[str, ...]:
        """All the ports that the op could fill."""

    @property
    @abstractmethod
    def forest(self) -> tuple[Tree, ...]:
        """The trees, in order."""

    @abstractmethod
    def held(self) -> list[Numbers]:
        """For each tree what its leaves hold: leaves by numbers."""

    @abstractmethod
    def finish(self, numbers: list[float]) -> tuple[Any, ...]:
        """The outputs but for the leaf itself, from what the walk of a row gave."""

    @abstractmethod
    def finish_all(self, numbers: Numbers) -> tuple[Numbers, ...]:
        """The same for a batch."""

    def wanting(self, ports: Sequence[str]) -> Self:
        return replace(self, numbered=LEAF in ports)  # type: ignore[type-var]

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.num_features),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        (type_,) = inputs
        if not type_.is_vector or type_.size not in (None, self.num_features):
            raise TypeRefused(f"the features must be a {vector(self.num_features)}, not {type_}")
        return tuple(self._type(port) for port in self.outputs)

    def _type(self, port: str) -> Type:
        return vector(len(self.forest)) if port == LEAF and not self._is_single else DOUBLE

    @property
    def _is_single(self) -> bool:
        """One tree's leaf is a number, a forest's are a vector."""
        return False

    @cached_property
    def walks(self) -> Walks:
        """The trees, ready to be walked."""
        held = self.held()
        trees = [tree.branches(values) for tree, values in zip(self.forest, held, strict=True)]
        return Walks(trees, self.num_features, outputs=held[0].shape[1])

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        (column,) = inputs
        if self.walks.looks:
            self._check_all(column)
        with np.errstate(all="ignore"):
            parts = list(self.finish_all(self._asked(column)))
        if self.numbered:
            leaves = self.walks.leaves(column).astype(np.float64)
            parts.insert(self.ports.index(LEAF), leaves[:, 0] if self._is_single else leaves)
        return tuple(Column(self._type(port), part) for port, part in zip(self.outputs, parts, strict=True))

    def _asked(self, column: Column) -> Numbers:
        return self.walks.values(column) if self.asks == VALUES else self.walks.sums(column, self.start)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, any_used, single, finish = (
            self.num_features,
            self.walks.looks,
            self._is_single,
            self.finish,
        )
        ask, place = self.walks.row(self.asks, self.start), self.ports.index(LEAF)
        number = self.walks.row(LEAVES) if self.numbered else None

        def kernel(features: Any) -> Any:
            if any_used and (features is None or len(features) != size):
                self._check(features, 0)
            made = finish(ask(features))
            if number is None:
                return made if len(made) > 1 else made[0]
            leaves = list(map(float, number(features)))
            return (*made[:place], leaves[0] if single else leaves, *made[place:])

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        slots = as_slots(inputs[0], any_form=True)
        if slots is None or slots.size != self.num_features or self.numbered or not self.walks.is_whole:
            return None
        ask, types = self.walks.cells(self.asks, self.start), [self._type(port) for port in self.outputs]
        numbers = f"{source.constant(ask)}({slots.packed(source, 'd')})"
        alone = None if any(wanted[:-1]) else self.alone()
        if alone is not None:
            found = source.local(f"{source.constant(alone)}({numbers})")
            return [*[None] * (len(types) - 1), Cell(found, types[-1], null=False)]
        made = source.unpacked(f"{source.constant(self.finish)}({numbers})", types)
        return [Cell(cell.name, cell.type, null=False) for cell in made]

    def alone(self) -> Callable[[list[float]], float] | None:
        """The function to the last output alone, where it takes less than `finish`."""
        return None

    def _check_all(self, column: Column) -> None:
        """Refuse the first row that the row kernel would; trees of one leaf look at nothing, as in Spark."""
        bad = np.full(len(column), column.values.shape[1] != self.num_features)
        if column.nulls is not None:
            bad |= column.nulls
        if bad.any():
            first = int(np.argmax(bad))
            self._check(column.cell(first), first)

    def _check(self, features: Any, row: int) -> None:
        if features is None:
            raise Refused(
                "the features are null", value=None, position=row, hint="Fill them in before this stage."
            )
        if len(features) != self.num_features:
            raise Refused(
                f"the features have {len(features)} slots; the trees were fitted on {self.num_features}",
                value=features,
                position=row,
                hint="Give the vectors that the model was fitted on.",
            )


class TreeClassifier(TreeOp):
    """From raw predictions to probabilities and a class. Source: Spark's ProbabilisticClassificationModel."""

    num_classes: int
    thresholds: tuple[float, ...]
    by_probability: bool

    @property
    def ports(self) -> tuple[str, ...]:
        return _CLASSIFIED

    def _type(self, port: str) -> Type:
        return vector(self.num_classes) if port in _CLASSIFIED[:2] else super()._type(port)

    def raw(self, numbers: list[float]) -> list[float]:
        """The raw prediction from what the walk of a row gave."""
        return numbers

    def raws(self, numbers: Numbers) -> Numbers:
        """The same for a batch."""
        return numbers

    def probability(self, raw: list[float]) -> list[float]:
        """Each class' share of the raw predictions."""
        total = 0.0
        for value in raw:
            total += value
        return list(raw) if total == 0.0 else [value / total for value in raw]

    def probabilities(self, raws: Numbers) -> Numbers:
        """The same for a batch."""
        total = added(raws)[:, None]
        return np.where(total == 0.0, raws, raws / total)

    def finish(self, numbers: list[float]) -> tuple[Any, ...]:
        raw = self.raw(numbers)
        probability = self.probability(raw)
        if self.thresholds:
            return raw, probability, choose(probability, self.thresholds)
        return raw, probability, float(argmax(probability if self.by_probability else raw))

    def alone(self) -> Callable[[list[float]], float] | None:
        if self.thresholds or self.by_probability:
            return None
        return lambda numbers: float(argmax(self.raw(numbers)))

    def finish_all(self, numbers: Numbers) -> tuple[Numbers, ...]:
        raws = self.raws(numbers)
        probabilities = self.probabilities(raws)
        if self.thresholds:
            return raws, probabilities, choose_all(probabilities, self.thresholds)
        return raws, probabilities, argmax_all(probabilities if self.by_probability else raws)

    def _class_attributes(self) -> dict[str, Value]:
        made = {
            "num_features": spec.long(self.num_features),
            "num_classes": spec.long(self.num_classes),
        }
        if self.thresholds:
            made["thresholds"] = spec.doubles(self.thresholds)
        if self.by_probability:
            made["prediction_from"] = spec.string("probability")
        return made


@register
@dataclass(frozen=True)
class DecisionTreeClassifier(TreeClassifier):
    """The statistics of the leaf that a row falls into, one for each class; probabilities are their shares.

    Source: Spark's DecisionTreeClassificationModel.
    """

    name: ClassVar[str] = "decision_tree_classifier"
    mleap: ClassVar[str] = "It makes no leaf column."
    start: ClassVar[float] = -0.0

    num_features: int
    num_classes: int
    tree: Tree
    thresholds: tuple[float, ...] = ()
    by_probability: bool = False
    numbered: bool = field(default=True, compare=False)

    @property
    def forest(self) -> tuple[Tree, ...]:
        return (self.tree,)

    @property
    def _is_single(self) -> bool:
        return True

    @classmethod
    def decode(cls, model: Model) -> Self:
        features, classes, thresholds, by_probability = class_values(model.attributes)
        return cls(features, classes, trees.read(model, features, classes), thresholds, by_probability)

    def encode(self) -> Mapping[str, Value]:
        return self._class_attributes()

    def encode_files(self) -> Mapping[str, bytes]:
        return {trees.FILE: trees.write(self.tree)}

    def held(self) -> list[Numbers]:
        return [np.array(self.tree.values)]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        stump = Tree((None,), (-1,), ((3.0, 1.0),))
        for column in hostile_rows():
            yield Example(cls(3, 2, grown_tree(2)), (column,))
            yield Example(cls(3, 2, grown_tree(2), (0.0, 1.0)), (column,))
            yield Example(cls(3, 2, stump, (), True), (column,))


@register
@dataclass(frozen=True)
class DecisionTreeRegression(TreeOp):
    """The value of the leaf that a row falls into; with ``variances``, the leaf's variance too.

    Source: Spark's DecisionTreeRegressionModel.
    """

    name: ClassVar[str] = "decision_tree_regression"
    mleap: ClassVar[str] = "It makes no leaf column and no variance."
    start: ClassVar[float] = -0.0

    num_features: int
    tree: Tree
    variances: tuple[float, ...] = ()
    numbered: bool = field(default=True, compare=False)

    @property
    def ports(self) -> tuple[str, ...]:
        return (*REGRESSED, "variance") if self.variances else REGRESSED

    @property
    def forest(self) -> tuple[Tree, ...]:
        return (self.tree,)

    @property
    def _is_single(self) -> bool:
        return True

    @classmethod
    def decode(cls, model: Model) -> Self:
        features = model.attributes.integer("num_features")
        tree = trees.read(model, features, 1)
        variances = model.attributes.doubles("variances", ())
        if variances and len(variances) != len(tree.values):
            raise model.attributes.error(f"it has {len(variances)} variances for {len(tree.values)} leaves")
        return cls(features, tree, variances)

    def encode(self) -> Mapping[str, Value]:
        made = {"num_features": spec.long(self.num_features)}
        return {**made, "variances": spec.doubles(self.variances)} if self.variances else made

    def encode_files(self) -> Mapping[str, bytes]:
        return {trees.FILE: trees.write(self.tree)}

    def held(self) -> list[Numbers]:
        values = np.array(self.tree.values)
        return [np.column_stack([values, self.variances]) if self.variances else values]

    def finish(self, numbers: list[float]) -> tuple[Any, ...]:
        return tuple(numbers)

    def finish_all(self, numbers: Numbers) -> tuple[Numbers, ...]:
        return tuple(numbers.T)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        tree = grown_tree(1)
        for column in hostile_rows():
            yield Example(cls(3, tree), (column,))
            yield Example(cls(3, tree, tuple(map(float, range(len(tree.values))))), (column,))
            yield Example(cls(3, Tree((None,), (-1,), ((-0.0,),))), (column,))


def class_values(attributes: Attributes) -> tuple[int, int, tuple[float, ...], bool]:
    """Numbers of features and classes, thresholds, and whether probabilities decide."""
    features, classes = attributes.integer("num_features"), attributes.integer("num_classes")
    thresholds = attributes.doubles("thresholds", ())
    if classes < 1 or (thresholds and len(thresholds) != classes):
        raise attributes.error(f"it has {len(thresholds)} thresholds for {classes} classes")
    return features, classes, thresholds, attributes.string("prediction_from", "") == "probability"


# Hostile rows and trees for them.


def grown_tree(width: int, shift: float = 0.0) -> Tree:
    """A tree with both kinds of splits, whose leaves hold ``width`` numbers."""
    splits = (
        Split(0, 0.0, frozenset((0.0, 2.0)), True, 5),
        Split(1, 0.5 + shift),
        None,
        None,
        Split(0, 0.0, frozenset((3.0,)), False, 5),
        Split(2, -0.0),
        None,
        None,
        None,
    )
    values = [tuple(float(leaf * 3 + slot) / 7 + shift for slot in range(width)) for leaf in range(5)]
    return Tree(splits, (4, 3, -1, -1, 8, 7, -1, -1, -1), tuple(values))


def hostile_rows() -> Iterator[Column]:
    cells = [
        [0.0, 0.5, 1.0],
        [-0.0, math.nan, -0.0],
        [1.0, math.inf, 0.0],
        [3.0, -math.inf, 5e-324],
        [4.0, 1e300, -math.inf],
        [7.0, 0.0, math.nan],
        [2.5, 0.0, -1.0],
        [math.nan, 0.0, 1.0],
        [-1.0, 0.0, math.inf],
        [math.inf, 0.6, 1.0],
        SparseVector(3, [1], [2.5]),
        SparseVector(3, [], []),
    ]
    yield from_cells(vector(3), cells)
    yield from_cells(vector(3), [*cells, None])
    yield from_cells(vector(3), [])


# What Spark saves.


def features_of(stage: SparkStage) -> int:
    return int(stage.extra["numFeatures"])


def _wanted(stage: SparkStage, *params: str) -> tuple[str, ...]:
    return tuple(str(stage.param(param, "")) for param in params)


CLASS_PARAMS = ("rawPredictionCol", "probabilityCol", "predictionCol", "leafCol")


def decision(stage: SparkStage) -> tuple[tuple[float, ...], bool]:
    """Thresholds; and whether Spark decides by probabilities, because the raw predictions are not asked for."""
    thresholds = tuple(map(float, stage.param("thresholds") or ()))
    raw, probability = _wanted(stage, "rawPredictionCol", "probabilityCol")
    return thresholds, bool(probability) and not raw and not thresholds


def lowered(stage: SparkStage, op: Op, *params: str) -> list[Lowered]:
    outputs = _wanted(stage, *params)
    if not any(outputs):
        raise UnsupportedError(
            f"{stage}: all of its output columns are switched off", hint=f"Set one of {', '.join(params)}."
        )
    return [Lowered(op, (str(stage.param("featuresCol")),), outputs)]


@reads_spark(
    "org.apache.spark.ml.classification.DecisionTreeClassificationModel",
    ops=(DecisionTreeClassifier,),
    forms="thresholds, leafCol",
)
def _read_tree_classifier(stage: SparkStage) -> Sequence[Lowered]:
    classes = int(stage.extra["numClasses"])
    tree, _ = trees.of_spark(stage, stage.tables("data"), classes)
    op = DecisionTreeClassifier(features_of(stage), classes, tree, *decision(stage))
    return lowered(stage, op, *CLASS_PARAMS)


@reads_spark(
    "org.apache.spark.ml.regression.DecisionTreeRegressionModel",
    ops=(DecisionTreeRegression,),
    forms="leafCol, varianceCol",
)
def _read_tree_regression(stage: SparkStage) -> Sequence[Lowered]:
    tree, leaves = trees.of_spark(stage, stage.tables("data"), None)
    params = ["predictionCol", "leafCol"]
    variances: tuple[float, ...] = ()
    if stage.param("varianceCol"):
        params.append("varianceCol")
        variances = tuple(float(leaf["impurity"]) for leaf in leaves)
    return lowered(stage, DecisionTreeRegression(features_of(stage), tree, variances), *params)
