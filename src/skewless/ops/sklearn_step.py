"""What a reader of fitted scikit-learn estimators is given and gives, and the table of all of them.

Estimators are looked at as they are in memory, by their attributes: no op imports scikit-learn, and serving never
loads it. Support is by exact class, since a subclass may compute something else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from skewless.errors import SettingError, UnsupportedError
from skewless.ops.families import Entries
from skewless.ops.op import Lowered, Op
from skewless.schema import Type

Takes: TypeAlias = Literal["matrix", "columns", "either", "text"]
"""What a step reads: one vector of all its features, a single value for each of them (``either``: where some are
strings, else one vector), or one column of strings."""

FEATURES: Final = "features"
PREDICTION: Final = "prediction"
PROBABILITY: Final = "probability"
DECISION: Final = "decision"
"""The columns that a pipeline answers: of its last transformer, or of its predictor's predict, predict_proba and
decision_function."""

WAY_OUT: Final = (
    "Serve the pipeline from a script (image sklearn with SAGEMAKER_PROGRAM), or save it with skewless.sklearn.save: a "
    "skops file, whose types are audited, and which the image serves without a script."
)


@dataclass(frozen=True, slots=True)
class Made:
    """What a step becomes: ops in order, and the columns that stand for what its methods give.

    ``columns`` has the estimator's method for each column, in order: one vector for a method that gives a matrix, or
    as many single values as it has columns. ``sparse`` says that its transform gives a sparse matrix.
    """

    ops: tuple[Lowered, ...]
    columns: Mapping[str, str]
    sparse: bool = False


@dataclass(frozen=True, slots=True)
class SklearnStep:
    """A fitted estimator with its place in the pipeline.

    ``path`` is written as in ``set_params`` (``preprocess__num__scale``). ``types`` has None for an input column whose
    type no sample tells. ``output`` is the column for what its transform gives; ``last`` steps answer, so one that
    can predict and transform predicts there. ``sparse`` and ``dtype`` are those of the matrix that it is handed, and
    ``nones`` the columns of strings in which the sample has None, and not NaN, for what is missing.
    """

    estimator: Any
    path: str
    inputs: tuple[str, ...]
    types: tuple[Type | None, ...]
    output: str
    last: bool = False
    sparse: bool = False
    dtype: str = "float64"
    nones: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """How many features it was fitted on."""
        return int(self.estimator.n_features_in_)

    def transformed(self, op: Op, *, sparse: bool = False) -> Made:
        """One op that does all of the estimator's transform."""
        return Made((Lowered(op, self.inputs, (self.output,)),), {self.output: "transform"}, sparse)

    def floats(self, name: str) -> tuple[float, ...]:
        """A fitted vector of numbers."""
        return tuple(np.asarray(getattr(self.estimator, name), np.float64).ravel().tolist())

    def sub(self, estimator: Any, name: str, output: str) -> SklearnStep:
        """A step inside of this one that reads the same columns."""
        return replace(self, estimator=estimator, path=f"{self.path}__{name}", output=output)

    def refused(self, why: str, hint: str = WAY_OUT) -> UnsupportedError:
        """The error for what cannot be exported of this step; ``why`` is what follows "cannot be exported: "."""
        return UnsupportedError(f"{self} cannot be exported: {why}", hint=hint)

    def __str__(self) -> str:
        return f"step {self.path} ({type(self.estimator).__name__})"


SklearnReader: TypeAlias = Callable[[SklearnStep], Made]


@dataclass(frozen=True, slots=True)
class SklearnSupport:
    """How an estimator is read: into which ops, and for the reference page, in which of its forms."""

    read: SklearnReader
    ops: tuple[type[Op], ...]
    forms: str
    takes: Takes


SKLEARN_READERS: Final[Entries[SklearnSupport]] = Entries("scikit-learn class")
SKLEARN_REFUSED: Final[Entries[str]] = Entries("refused scikit-learn class")
"""Estimators that are never exported, by full name, with the reason as what follows "cannot be exported: "."""


def reads_sklearn(
    *classes: str, ops: tuple[type[Op], ...], forms: str, takes: Takes = "matrix"
) -> Callable[[SklearnReader], SklearnReader]:
    """Enter a reader for estimators of these exact classes, by full name without the leading ``sklearn.``.

    ``ops`` are those that it gives; ``forms`` says for the reference page what of the class it takes.
    """
    if not ops or not forms:
        raise SettingError(f"the reader of {', '.join(classes)} must say which ops it gives, in which forms")

    def enter(reader: SklearnReader) -> SklearnReader:
        for name in map(_full, classes):
            SKLEARN_READERS.enter(name, SklearnSupport(reader, ops, forms, takes))
        return reader

    return enter


def refuses_sklearn(why: str, *classes: str) -> None:
    """Enter classes, by full name without the leading ``sklearn.``, that are never exported, with the reason."""
    for name in classes:
        SKLEARN_REFUSED.enter(f"sklearn.{name}", why)


def _full(name: str) -> str:
    """XGBoost's own estimators stand with their full name."""
    return name if name.startswith("xgboost.") else f"sklearn.{name}"


def class_name(estimator: Any) -> str:
    """The full name of an estimator's class."""
    kind = type(estimator)
    return f"{kind.__module__}.{kind.__qualname__}"


def support_of(step: SklearnStep) -> SklearnSupport:
    """How a step's estimator is read. UnsupportedError names the step where it is not."""
    name = class_name(step.estimator)
    if name in SKLEARN_READERS:
        return SKLEARN_READERS[name]
    if name in SKLEARN_REFUSED:
        raise step.refused(SKLEARN_REFUSED[name])
    if name.startswith("sklearn."):
        raise step.refused(f"this version does not know {name}")
    raise step.refused(f"{name} is not scikit-learn's, and what it computes is known to its own code alone")


def read(step: SklearnStep) -> Made:
    """What a step becomes. UnsupportedError names it where it cannot be exported."""
    return support_of(step).read(step)


def labels_of(values: Any) -> Sequence[Any]:
    """Fitted classes or categories as Python's own values."""
    return [value.item() if isinstance(value, np.generic) else value for value in values]
