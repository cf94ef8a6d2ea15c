"""Trees that are added up: gradient boosting, by histograms too."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.native.forest import SUMS
from skewless.ops.op import Example, Op, Refused, register
from skewless.ops.sklearn import grown
from skewless.ops.sklearn.forests import TREE_VALUES, threshold_rows
from skewless.ops.sklearn.grown import Grown, example_trees, of_histogram, of_tree, walks_of
from skewless.ops.sklearn.linear import ONE_EACH
from skewless.ops.sklearn.numbers import Fitted
from skewless.ops.sklearn.outcomes import Classified, Outcome, Valued, answering, classified, decode_outcome
from skewless.ops.sklearn.predictors import Predictor, RowScore, hostile
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.ops.walks import Walks
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import dense


@register
@dataclass(frozen=True)
class BoostedTrees(Predictor):
    """Starting numbers, and what the leaves hold added to them tree by tree; trees of several classes take turns.

    ``codes`` has for a feature of categories the numbers that stand for them, in order, where they are not their own
    positions. Source: sklearn.ensemble's BaseGradientBoosting and BaseHistGradientBoosting, _raw_predict.
    """

    name: ClassVar[str] = "sklearn_boosted_trees"
    bad_values: ClassVar[str] = (
        TREE_VALUES + " Boosting by histograms takes infinities, and unknown categories as NaN."
    )
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = (
        "the sums and the classes have scikit-learn's bits, but numpy's exponential, which makes probabilities of "
        "them, differs from the C library's in last bits"
    )

    num_features: int
    trees: tuple[Grown, ...]
    start: Fitted
    outcome: Outcome
    narrow: bool = True
    codes: tuple[tuple[int, tuple[float, ...]], ...] = ()

    @property
    def features(self) -> int:
        return self.num_features

    @property
    def limit(self) -> float:
        return math.nextafter(grown.LARGEST, math.inf) if self.narrow else math.inf

    @property
    def takes_nan(self) -> bool:
        return not self.narrow

    @property
    def takes_infinite(self) -> bool:
        return not self.narrow

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        features, outcome = attributes.integer("num_features"), decode_outcome(attributes)
        trees = grown.read(model, features, 1)
        if len(trees) % outcome.width:
            raise attributes.error(f"it has {len(trees)} trees, which {outcome.width} classes cannot share")
        start = Fitted.decode(attributes, "start", outcome.width)
        coded = attributes.integers("coded", ())
        if any(not 0 <= feature < features for feature in coded):
            raise attributes.error(f"its categories are of features {list(coded)} of {features}")
        codes = tuple((feature, attributes.doubles(f"codes_{feature}", ())) for feature in coded)
        return cls(features, trees, start, outcome, attributes.boolean("narrow", False), codes)

    def encode(self) -> Mapping[str, Value]:
        return {
            "num_features": spec.long(self.num_features),
            "narrow": spec.boolean(self.narrow),
            **({"coded": spec.longs([feature for feature, _ in self.codes])} if self.codes else {}),
            **{f"codes_{feature}": spec.doubles(values) for feature, values in self.codes},
            **self.start.encode("start"),
            **self.outcome.encode(),
        }

    def encode_files(self) -> Mapping[str, bytes]:
        return {grown.FILE: grown.write(self.trees)}

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        return self.by_rows(inputs[0]) if self.codes else super().columns(*inputs)

    @cached_property
    def walks(self) -> Walks:
        """The trees, ready to be walked; those of several classes take turns."""
        width = self.outcome.width
        turns = [number % width for number in range(len(self.trees))]
        return walks_of(self.trees, self.num_features, outputs=width, places=turns)

    def scores(self, column: Column) -> Numbers:
        return self.walks.sums(self._coded(column), self.start.values)

    def _coded(self, column: Column) -> Column:
        """The positions of categories in place of them; NaN for unknown ones."""
        if not self.codes:
            return column
        slots = column.dense().copy()
        for feature, values in self.codes:
            places = _places(values)
            slots[:, feature] = [places.get(value, math.nan) for value in slots[:, feature].tolist()]
        return Column(column.type, slots)

    def score(self) -> RowScore:
        sums, places = self.walks.row(SUMS, self.start.lists), [(f, _places(v)) for f, v in self.codes]
        return (lambda row: sums(_translated(dense(row), places))) if places else sums

    @classmethod
    def examples(cls) -> Iterable[Example]:
        trees = tuple(example_trees(1, shift=step / 3) for step in range(6))
        three = Classified("softmax", ("a", "ü", ""))
        for column in (*hostile(3), *threshold_rows()):
            yield Example(cls(3, trees, Fitted([0.1, -0.5, 0.0]), three), (column,))
            yield Example(cls(3, trees, Fitted([-0.0]), Classified("boosted", (0, 1))), (column,))
            yield Example(cls(3, trees, Fitted([1.5]), Valued("exp"), False), (column,))
            sets = (example_trees(1, categories=True),)
            yield Example(cls(3, sets, Fitted([0.5]), Valued(), False), (column,))
            codes = ((2, (-1.0, 0.0, 1.0, 5e-324, 257.5)),)
            yield Example(cls(3, sets, Fitted([0.5]), Valued(), False, codes), (column,))


def _places(values: Sequence[float]) -> dict[float, float]:
    return {value: float(place) for place, value in enumerate(values)}


def _translated(row: list[float], places: Sequence[tuple[int, Mapping[float, float]]]) -> list[float]:
    slots = list(row)
    for feature, known in places:
        if math.isinf(row[feature]):
            raise Refused(
                f"feature {feature} has categories, and is {row[feature]!r}",
                value=row[feature],
                hint="Fill it in before this stage; scikit-learn refuses it too.",
            )
        slots[feature] = known.get(row[feature], math.nan)
    return slots


# Gradient boosting.


def _read(step: SklearnStep, outcome: Outcome) -> Op:
    fitted = step.estimator
    trees = []
    for tree in (tree for stage in fitted.estimators_ for tree in stage):
        trees.append(of_tree(tree.tree_, fitted.learning_rate * tree.tree_.value[:, 0, :]))
    return BoostedTrees(step.size, tuple(trees), Fitted(_start(step, outcome)), outcome)


def _start(step: SklearnStep, outcome: Outcome) -> Any:
    """The numbers that trees are added to, which must be the same for every row."""
    fitted = step.estimator
    initial = fitted.init_
    if not (isinstance(initial, str) and initial == "zero") and not type(initial).__module__.startswith(
        "sklearn.dummy"
    ):
        raise step.refused(
            f"it starts from the predictions of a {type(initial).__name__}",
            "Fit it with init=None or 'zero', or serve the pipeline from a script.",
        )
    # Asked of the model itself: these do not depend on the row.
    found = np.ravel(fitted._raw_predict_init(np.zeros((1, step.size), np.float32)))
    return np.broadcast_to(np.asarray(found, np.float64), (outcome.width,))


@reads_sklearn(
    "ensemble._gb.GradientBoostingClassifier",
    ops=(BoostedTrees,),
    forms="log_loss and exponential; init None or zero, or a dummy",
)
def _read_gradient_classifier(step: SklearnStep) -> Made:
    sides = "exponential" if step.estimator.loss == "exponential" else "boosted"
    outcome = classified(step, sides if len(step.estimator.classes_) == 2 else "softmax")
    return answering(step, _read(step, outcome))


@reads_sklearn(
    "ensemble._gb.GradientBoostingRegressor",
    ops=(BoostedTrees,),
    forms="all losses; init None or zero, or a dummy",
)
def _read_gradient_regressor(step: SklearnStep) -> Made:
    return answering(step, _read(step, Valued()))


# Boosting by histograms.


def _read_histograms(step: SklearnStep, outcome: Outcome) -> Op:
    fitted = step.estimator
    columns, codes = _categories(step)
    known = {
        place: frozenset(
            map(float, np.asarray(fitted._bin_mapper.bin_thresholds_[place]).astype(np.uint8).tolist())
        )
        for place in range(step.size)
        if fitted.is_categorical_ is not None and fitted._is_categorical_remapped[place]
    }
    trees = tuple(
        of_histogram(tree.nodes, tree.raw_left_cat_bitsets, known, columns)
        for round_ in fitted._predictors
        for tree in round_
    )
    start = Fitted(np.ravel(fitted._baseline_prediction))
    return BoostedTrees(step.size, trees, start, outcome, False, codes)


def _categories(step: SklearnStep) -> tuple[list[int], tuple[tuple[int, tuple[float, ...]], ...]]:
    """For each feature of the trees the input's, and the codes of those with categories.

    Categories stand in front there, encoded by their positions.
    """
    fitted = step.estimator
    if fitted.is_categorical_ is None:
        return list(range(step.size)), ()
    front = np.flatnonzero(fitted.is_categorical_).tolist()
    columns = [*front, *np.flatnonzero(~fitted.is_categorical_).tolist()]
    codes = []
    encoder = fitted._preprocessor.named_transformers_["encoder"]
    for feature, categories in zip(front, encoder.categories_, strict=True):
        values = np.asarray(categories)
        if values.dtype.kind not in "iufb":
            raise step.refused(
                f"its feature {feature} has categories that are not numbers",
                "Encode it before, by an OrdinalEncoder in the pipeline, and name it in categorical_features.",
            )
        numbers = values.astype(np.float64)
        codes.append((feature, tuple(numbers[~np.isnan(numbers)].tolist())))
    return columns, tuple(codes)


@reads_sklearn(
    "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    ops=(BoostedTrees,),
    forms="missing values, and categories that are numbers",
)
def _read_histogram_classifier(step: SklearnStep) -> Made:
    outcome = classified(step, "sigmoid" if len(step.estimator.classes_) == 2 else "softmax")
    return answering(step, _read_histograms(step, outcome))


@reads_sklearn(
    "ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    ops=(BoostedTrees,),
    forms="all losses; missing values, and categories that are numbers",
)
def _read_histogram_regressor(step: SklearnStep) -> Made:
    link = type(step.estimator._loss.link).__name__
    if link not in ("IdentityLink", "LogLink"):
        raise step.refused(f"its link is {link}", ONE_EACH)
    return answering(step, _read_histograms(step, Valued("exp" if link == "LogLink" else "identity")))
