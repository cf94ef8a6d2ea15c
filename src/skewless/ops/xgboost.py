"""XGBoost's models: those of ``xgboost.spark``, and MLeap's ops for those of xgboost4j-spark.

The two take zeros and probabilities differently, and an op does as the one it was fitted with: attribute
``fitted_with``, absent in MLeap's bundles.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self, TypeVar

import numpy as np

from skewless import spec
from skewless.boosters.library import Floats
from skewless.boosters.trained import MARGIN, VALUE, Question, Trained
from skewless.errors import ArtifactError, SkewlessError, UnsupportedError
from skewless.ops import float_exp, xgboost_examples
from skewless.ops.boosted import CONTRIBUTION, FILE, LEAF, NUMBERS, PYTHON, Answers, Asked, Boosted
from skewless.ops.classifiers import (
    PREDICTION,
    PROBABILITY,
    RAW,
    choose,
    decode_thresholds,
    hostile,
    output_columns,
    probabilistic_outputs,
)
from skewless.ops.op import Example, Lowered, SparkStage, reads_spark, register
from skewless.schema import DOUBLE, FLOAT, LONG, Base, Struct, Type, vector
from skewless.spec import Attributes, Value
from skewless.table import Numbers, from_cells
from skewless.vectors import SparseVector

T = TypeVar("T")


@register
@dataclass(frozen=True, slots=True)
class XGBoostClassifier(Boosted):
    """Margins of the classes as raw predictions, their probabilities, and the likeliest class.

    From ``xgboost.spark``, probabilities are the logistic function or softmax of the margins, as SciPy computes them in
    32 bits; from xgboost4j, what the booster gives, and thresholds count. Source: xgboost.spark's _ClassificationModel
    and xgboost4j-spark's XGBoostClassificationModel.
    """

    name: ClassVar[str] = "xgboost.classifier"

    trained: Trained
    asked: Asked
    exponential: str = float_exp.VECTOR
    thresholds: tuple[float, ...] | None = None
    ports: tuple[str, ...] | None = field(default=None, compare=False)
    questions: dict[int, Question] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        Boosted.__post_init__(self)
        if self.question(MARGIN).shape != self.question(VALUE).shape:
            raise UnsupportedError(
                f"the objective {self.trained.facts.objective} gives classes, not their probabilities",
                hint="Train with multi:softprob.",
            )

    @property
    def classes(self) -> int:
        """How many classes there are; one margin tells two apart."""
        return max(self.trained.facts.groups, 2)

    def all_ports(self) -> Mapping[str, Type]:
        slots = vector(self.classes)
        main = {RAW: slots, PROBABILITY: slots, PREDICTION: DOUBLE}
        return main if self.asked.fitted_with == PYTHON else {**main, LEAF: NUMBERS, CONTRIBUTION: NUMBERS}

    def wanting(self, ports: Sequence[str]) -> Self:
        return replace(self, ports=self.bound(ports))

    @classmethod
    def of(cls, trained: Trained, asked: Asked, attributes: Attributes) -> Self:
        exponential = attributes.string("exponential", float_exp.VECTOR)
        if exponential not in float_exp.EXPONENTIALS:
            raise attributes.error(f"there is no exponential {exponential!r}")
        classes = max(trained.facts.groups, 2)
        told = attributes.integer("num_classes", classes)
        if told != classes:
            raise attributes.error(f"{FILE} is for {classes} classes, but num_classes says {told}")
        return cls(trained, asked, exponential, decode_thresholds(attributes, classes))

    def encode(self) -> Mapping[str, Value]:
        made = {"num_classes": spec.integer(self.classes), **Boosted.encode(self)}
        if self.exponential != float_exp.VECTOR:
            made["exponential"] = spec.string(self.exponential)
        return made if self.thresholds is None else {**made, "thresholds": spec.doubles(self.thresholds)}

    def answers(self, ask: Callable[[int], Floats]) -> Answers:
        margins = ask(MARGIN)
        binary = margins.ndim == 1
        raw = np.stack([-margins, margins], axis=1) if binary else margins
        if self.asked.fitted_with == PYTHON:
            likely = float_exp.logistic(margins) if binary else float_exp.softmax(margins, self.exponential)
        else:
            likely = ask(VALUE)
        if binary:
            likely = np.stack([np.float32(1.0) - likely, likely], axis=1)
        if self.asked.fitted_with == PYTHON:
            chosen: Numbers = np.argmax(likely, axis=1)
        else:
            chosen = np.array([choose(row, self.thresholds) for row in likely.tolist()], np.float64)
        return {RAW: raw, PROBABILITY: likely, PREDICTION: chosen}

    def answers_row(self, ask: Callable[[int], Any]) -> Answers:
        margins, python = ask(MARGIN), self.asked.fitted_with == PYTHON
        if isinstance(margins, float):
            likely = float_exp.logistic_row(margins) if python else ask(VALUE)
            raw = [-margins, margins]
            probability = [float_exp.narrow(1.0 - likely), likely]
        else:
            raw = margins
            probability = float_exp.softmax_row(raw, self.exponential) if python else ask(VALUE)
        if python:
            # numpy's argmax: where one probability is NaN all are, and it is the first.
            best = max(probability)
            chosen = float(probability.index(best)) if best == best else 0.0
        else:
            chosen = choose(probability, self.thresholds)
        return {RAW: raw, PROBABILITY: probability, PREDICTION: chosen}

    @classmethod
    def examples(cls) -> Iterable[Example]:
        two = Trained(xgboost_examples.forest(xgboost_examples.SPLITS, 4, objective="binary:logistic"))
        three = Trained(
            xgboost_examples.forest(xgboost_examples.SPLITS * 2, 4, groups=3, objective="multi:softprob")
        )
        for column in hostile(4):
            for asked in xgboost_examples.hostile_asked():
                yield Example(cls(two, asked), (column,))
                yield Example(cls(three, asked), (column,))
            yield Example(cls(three, Asked(PYTHON), float_exp.SCALAR), (column,))
            yield Example(cls(three, Asked(), thresholds=(0.5, 0.0, 0.25)), (column,))
        numbers = from_cells(DOUBLE, [0.5, None, math.inf, -math.inf, math.nan, 1e300, -0.0, 90.0])
        yield Example(cls(two, Asked(PYTHON, base_margin=True)), (hostile(4)[0], numbers))
        yield Example(cls(three, Asked(PYTHON, columns=4)), (numbers,) * 4)


@register
@dataclass(frozen=True, slots=True)
class XGBoostRegression(Boosted):
    """What the booster predicts: a regression's number, a ranking's score.

    Source: xgboost.spark's _SparkXGBModel, xgboost4j-spark's XGBoostRegressionModel.
    """

    name: ClassVar[str] = "xgboost.regression"

    trained: Trained
    asked: Asked
    ports: tuple[str, ...] | None = field(default=None, compare=False)
    questions: dict[int, Question] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        Boosted.__post_init__(self)
        if self.question(VALUE).shape:
            raise UnsupportedError(
                f"the booster predicts {self.question(VALUE).shape[0]} numbers for a row where one is expected",
                hint="Train one model for each of them.",
            )

    def all_ports(self) -> Mapping[str, Type]:
        if self.asked.fitted_with == PYTHON:
            return {PREDICTION: DOUBLE, CONTRIBUTION: vector(self.trained.facts.features + 1)}
        return {PREDICTION: DOUBLE, LEAF: NUMBERS, CONTRIBUTION: NUMBERS}

    def wanting(self, ports: Sequence[str]) -> Self:
        return replace(self, ports=self.bound(ports))

    @classmethod
    def of(cls, trained: Trained, asked: Asked, attributes: Attributes) -> Self:  # noqa: ARG003
        return cls(trained, asked)

    def answers(self, ask: Callable[[int], Floats]) -> Answers:
        return {PREDICTION: ask(VALUE)}

    def answers_row(self, ask: Callable[[int], Any]) -> Answers:
        return {PREDICTION: ask(VALUE)}

    @classmethod
    def examples(cls) -> Iterable[Example]:
        trees = Trained(xgboost_examples.forest(xgboost_examples.SPLITS, 4))
        linear = Trained(xgboost_examples.linear([0.25, -1.5, 0.125, 3.0], 0.5))
        for column in hostile(4):
            for asked in xgboost_examples.hostile_asked():
                yield Example(cls(trees, asked, ports=(PREDICTION,) if asked.rounds[0] else None), (column,))
            yield Example(cls(trees, Asked(PYTHON), ports=(PREDICTION,)), (column,))
            yield Example(cls(linear, Asked(), ports=(PREDICTION, CONTRIBUTION)), (column,))
        numbers = [1.5, None, math.nan, -0.0, 1e300, 5e-324]
        longs = [2**62 + 2**38 + 1, None, -1, 0, 1, 7]
        margins = from_cells(FLOAT, [0.5, None, math.inf, -math.inf, math.nan, 1e30])
        split = (
            from_cells(DOUBLE, numbers),
            from_cells(LONG, longs),
            *[from_cells(DOUBLE, numbers[::-1])] * 2,
        )
        alone = cls(trees, Asked(PYTHON, columns=4), ports=(PREDICTION,))
        yield Example(alone, split)
        yield Example(alone, tuple(column.take(np.zeros(6, np.bool_)) for column in split))
        yield Example(
            cls(trees, Asked(PYTHON, columns=4, base_margin=True), ports=(PREDICTION,)), (*split, margins)
        )
        lists = Type(Base.FLOAT, Struct.ARRAY)
        for cells in ([[0.5, None, math.nan, 1.0]], [[1.0] * 4, [1.0]], [[1.0] * 4, None], []):
            yield Example(cls(trees, Asked(PYTHON, missing=1.0)), (from_cells(lists, cells),))
        wide = Trained(xgboost_examples.forest(xgboost_examples.SPLITS, 1500))
        slots = [
            SparseVector(1500, (0, 3, 1499), (0.75, 0.0, math.nan)),
            [0.25] * 1500,
            SparseVector(1500, (), ()),
        ]
        for asked in xgboost_examples.hostile_asked():
            yield Example(cls(wide, asked, ports=(PREDICTION,)), (from_cells(vector(1500), slots),))


def _read(stage: SparkStage) -> tuple[Trained, Asked, tuple[str, ...]]:
    """The booster of a saved ``xgboost.spark`` model, how it is asked, and its input columns."""
    trained = _made(stage, lambda: Trained(stage.text("model").encode(), artifact=str(stage), file="model"))
    several = tuple(stage.param("features_cols") or ())
    together = str(stage.param("featuresCol"))
    # The model looks for its own columns first, then for one with all features.
    if stage.sizes(together) is not None and not any(map(stage.sizes, several)):
        several = ()
    margin = str(stage.param("base_margin_col") or "")
    asked = Asked(
        PYTHON,
        float(stage.param("missing", math.nan)),
        rounds=_rounds(stage, trained),
        columns=len(several),
        base_margin=bool(margin),
    )
    return trained, asked, (several or (together,)) + ((margin,) if margin else ())


def _rounds(stage: SparkStage, trained: Trained) -> tuple[int, int]:
    """The rounds that the user asked for, or those up to the best; contributions are always of the latter."""
    given = stage.param("iteration_range")
    if given is None or given[1] == 0:
        best = trained.facts.best_round
        return (0, 0) if best is None else (0, best + 1)
    if stage.param("pred_contrib_col"):
        raise UnsupportedError(
            f"{stage}: with iteration_range, its contributions are of other rounds than its prediction",
            hint="Leave out iteration_range or pred_contrib_col.",
        )
    return int(given[0]), int(given[1])


@reads_spark(
    "xgboost.spark.estimator.SparkXGBClassifierModel",
    ops=(XGBoostClassifier,),
    forms="features as a vector, an array or columns; missing, base_margin_col; not pred_contrib_col",
)
def _read_classifier(stage: SparkStage) -> Sequence[Lowered]:
    if stage.param("pred_contrib_col"):
        raise UnsupportedError(
            f"{stage}: pred_contrib_col of a classifier is an array of arrays, and no column here can be one",
            hint="Set pred_contrib_col to the empty string.",
        )
    trained, asked, columns = _read(stage)
    op = _made(stage, lambda: XGBoostClassifier(trained, asked, float_exp.exponential_here()))
    return [Lowered(op, columns, probabilistic_outputs(stage))]


@reads_spark(
    "xgboost.spark.estimator.SparkXGBRegressorModel",
    "xgboost.spark.estimator.SparkXGBRankerModel",
    ops=(XGBoostRegression,),
    forms="features as a vector, an array or columns; missing, base_margin_col, pred_contrib_col",
)
def _read_regression(stage: SparkStage) -> Sequence[Lowered]:
    trained, asked, columns = _read(stage)
    op = _made(stage, lambda: XGBoostRegression(trained, asked))
    return [Lowered(op, columns, output_columns(stage, "predictionCol", "pred_contrib_col"))]


def _made(stage: SparkStage, make: Callable[[], T]) -> T:
    """What cannot be made is refused with the stage's name; a damaged file already names it."""
    try:
        return make()
    except ArtifactError:
        raise
    except SkewlessError as error:
        way_out = error.hint or "XGBoost itself fails there; fit the model again with other parameters."
        raise UnsupportedError(f"{stage}: {error.message}", hint=way_out) from None
