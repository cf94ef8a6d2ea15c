"""What classifiers share: ports, thresholds, and from which of its outputs Spark takes the prediction."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar, Final

import numpy as np

from skewless import spec
from skewless.ops.blas import RowGemv, argmax, argmax_all, check_row, checked, divide
from skewless.ops.compiling import Cell, Source, Symbol
from skewless.ops.op import Op, RowKernel, SparkStage, TypeRefused
from skewless.schema import DOUBLE, Type, vector
from skewless.spec import Attributes, Value
from skewless.table import Column, Numbers, from_cells
from skewless.vectors import SparseVector, Vector

RAW: Final = "raw_prediction"
PROBABILITY: Final = "probability"
PREDICTION: Final = "prediction"
FEATURES: Final = "features"
_FROM: Final = (RAW, PROBABILITY, FEATURES)


class FeatureOp(Op):
    """An op that reads one vector of features."""

    bad_values: ClassVar[str] = (
        "A null vector or one of another length fails; NaN and infinities are computed with."
    )

    @property
    def inputs(self) -> tuple[str, ...]:
        return (FEATURES,)

    @property
    @abstractmethod
    def features(self) -> int:
        """How many features were fitted."""

    @abstractmethod
    def made(self) -> tuple[Type, ...]:
        """The outputs' types."""

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.features),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        check_type(inputs[0], self.features)
        return self.made()


class Classifier(FeatureOp):
    """Raw predictions from features, and what follows from them; with three outputs, or two without probabilities."""

    probabilistic: ClassVar[bool] = True

    @property
    def outputs(self) -> tuple[str, ...]:
        return (RAW, PROBABILITY, PREDICTION) if self.probabilistic else (RAW, PREDICTION)

    @property
    @abstractmethod
    def classes(self) -> int:
        """How many classes there are."""

    def made(self) -> tuple[Type, ...]:
        slots = vector(self.classes)
        return (slots, slots, DOUBLE) if self.probabilistic else (slots, DOUBLE)

    @abstractmethod
    def raws(self, features: Column) -> Numbers:
        """The raw predictions, rows by classes, of checked features."""

    @abstractmethod
    def raw(self) -> RowGemv:
        """The function from a checked row to its raw predictions."""

    @abstractmethod
    def finish(self, raw: list[float]) -> tuple[Any, ...]:
        """All outputs from the raw predictions of a row."""

    @abstractmethod
    def finish_all(self, raws: Numbers) -> tuple[Numbers, ...]:
        """The same for a batch, rows by classes."""

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        with np.errstate(all="ignore"):
            parts = self.finish_all(self.raws(checked(inputs[0], self.features)))
        return tuple(Column(type_, part) for type_, part in zip(self.made(), parts, strict=True))

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, raw, finish = self.features, self.raw(), self.finish

        def kernel(features: Vector | None) -> tuple[Any, ...]:
            if features is None or len(features) != size:
                check_row(features, size)
            return finish(raw(features))  # type: ignore[arg-type]

        return kernel

    def emit_raw(self, source: Source, features: Symbol) -> Sequence[str] | None:
        """The expressions of the raw predictions in a compiled row path; None where ``raw`` must be called."""
        return None

    def emit_prediction(self, source: Source, raw: Sequence[str]) -> str | None:
        """The expression of the prediction alone, where it follows from the raw predictions at less cost."""
        return None

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        raw = self.emit_raw(source, inputs[0])
        if raw is None:
            return None
        types = self.made()
        alone = None if any(wanted[:-1]) else self.emit_prediction(source, raw)
        if alone is not None:
            return [*[None] * (len(types) - 1), Cell(source.local(alone), types[-1], null=False)]
        made = source.unpacked(f"{source.constant(self.finish)}([{', '.join(raw)}])", types)
        return [Cell(cell.name, cell.type, null=False) for cell in made]


def check_type(type_: Type, size: int) -> None:
    """TypeRefused where a column cannot hold the fitted features."""
    if not type_.is_vector:
        raise TypeRefused(f"features must be a vector, not {type_}")
    if type_.size is not None and type_.size != size:
        raise TypeRefused(f"a {vector(size)} was fitted here, not a {type_}")


def choose(probability: Sequence[float], thresholds: Sequence[float] | None) -> float:
    """The class whose probability is the largest part of its threshold; without thresholds the likeliest.

    Source: Spark's ProbabilisticClassificationModel.probability2prediction.
    """
    if not thresholds:
        return float(argmax(probability))
    best, largest = 0, -np.inf
    for position, (value, threshold) in enumerate(zip(probability, thresholds, strict=True)):
        scaled = divide(value, threshold)
        if scaled > largest:
            best, largest = position, scaled
    return float(best)


def choose_all(probabilities: Numbers, thresholds: Sequence[float] | None) -> Numbers:
    """`choose` for a batch, rows by classes."""
    if not thresholds:
        return argmax_all(probabilities)
    with np.errstate(all="ignore"):
        scaled = probabilities / np.array(thresholds)
    chosen: Numbers = np.argmax(np.where(np.isnan(scaled), -np.inf, scaled), axis=1)
    return chosen.astype(np.float64)


def prediction(
    raw: Sequence[float], probability: Sequence[float], source: str, thresholds: Sequence[float] | None
) -> float:
    """The predicted class. Without thresholds Spark looks at the raw predictions, if it was asked for them."""
    if thresholds is None and source != PROBABILITY:
        return float(argmax(raw))
    return choose(probability, thresholds)


def predictions(
    raws: Numbers, probabilities: Numbers, source: str, thresholds: Sequence[float] | None
) -> Numbers:
    """`prediction` for a batch, rows by classes."""
    if thresholds is None and source != PROBABILITY:
        return argmax_all(raws)
    return choose_all(probabilities, thresholds)


def output_columns(stage: SparkStage, *params: str) -> tuple[str, ...]:
    """The columns that these params name; "" is an output not wanted."""
    return tuple(str(stage.param(param, "") or "") for param in params)


def probabilistic_outputs(stage: SparkStage) -> tuple[str, ...]:
    """The three output columns of a probabilistic classifier."""
    return output_columns(stage, "rawPredictionCol", "probabilityCol", "predictionCol")


def source_of(stage: SparkStage) -> str:
    """From which output Spark takes the prediction: the first that was asked for."""
    raw, probability, _ = probabilistic_outputs(stage)
    return RAW if raw else PROBABILITY if probability else FEATURES


def thresholds_of(stage: SparkStage) -> tuple[float, ...] | None:
    """The thresholds, where the user set some."""
    found = stage.param("thresholds")
    return None if found is None else tuple(map(float, found))


def encode_choice(source: str, thresholds: Sequence[float] | None) -> dict[str, Value]:
    """MLeap's thresholds, and where the prediction comes from if not from the raw predictions."""
    made = {} if thresholds is None else {"thresholds": spec.doubles(thresholds)}
    return made if source == RAW else {**made, "prediction_from": spec.string(source)}


def decode_source(attributes: Attributes) -> str:
    """Where the prediction comes from."""
    source = attributes.string("prediction_from", RAW)
    if source not in _FROM:
        raise attributes.error(f"prediction_from is {source!r}; it must be one of {', '.join(_FROM)}")
    return source


def decode_thresholds(attributes: Attributes, classes: int) -> tuple[float, ...] | None:
    """The thresholds, one for each class, where there are any."""
    if "thresholds" not in attributes:
        return None
    found = attributes.doubles("thresholds")
    if found and len(found) != classes:
        raise attributes.error(f"it has {len(found)} thresholds for {classes} classes")
    return found or None


def hostile(size: int) -> list[Column]:
    """Columns of feature vectors that must not surprise a model: dense and sparse rows, a null, none at all."""
    inf, nan = float("inf"), float("nan")
    odd = [1.5, -0.0, inf, 5e-324, -inf, nan, 1e300, -2.25]
    rows: list[Vector] = [
        [0.0] * size,
        [0.1 * (slot + 1) for slot in range(size)],
        [odd[slot % len(odd)] for slot in range(size)],
        [-0.0] * size,
        [1e200 * (-1) ** slot for slot in range(size)],
        SparseVector(size, (), ()),
        SparseVector(size, range(0, size, 2), [0.3 * slot - 1.1 for slot in range(0, size, 2)]),
        SparseVector(size, (size - 1,), (inf,)),
    ]
    return [from_cells(vector(size), cells) for cells in (rows, [rows[1], None], [])]
