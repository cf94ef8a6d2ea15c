"""One against the rest: Spark's OneVsRestModel over any of its classifiers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.errors import UnsupportedError
from skewless.ops import blas
from skewless.ops.blas import Coefficients
from skewless.ops.classifiers import FEATURES, PREDICTION, RAW, hostile, output_columns
from skewless.ops.fitted import Matrix
from skewless.ops.linear import LinearSVC
from skewless.ops.logistic import LogisticRegression
from skewless.ops.op import (
    OPS,
    SPARK_READERS,
    Example,
    Lowered,
    Op,
    RowKernel,
    SparkStage,
    reads_spark,
    register,
)
from skewless.schema import DOUBLE, Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column


@register
@dataclass(frozen=True, slots=True)
class OneVsRest(Op):
    """The class whose own classifier has the largest raw prediction for it.

    MLeap compares probabilities, and hard predictions where there are none: it is wrong for LinearSVC (its issue 603).
    Its port of probabilities is not one of Spark's. Source: Spark's OneVsRestModel.transform.
    """

    name: ClassVar[str] = "one_vs_rest"
    bad_values: ClassVar[str] = (
        "What its classifiers fail on fails; a NaN score is passed over, and -1 predicted where no score is "
        "left."
    )
    mleap: ClassVar[str] = (
        "It compares probabilities, and hard predictions where there are none: with LinearSVC, other classes "
        "win."
    )
    ulps: ClassVar[int] = 32
    why_not_bits: ClassVar[str] = blas.WHY_NOT_BITS_OF_SUMS

    classifiers: tuple[Op, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return (FEATURES,)

    @property
    def outputs(self) -> tuple[str, ...]:
        return (RAW, PREDICTION)

    @classmethod
    def decode(cls, model: Model) -> Self:
        names = [f"model{number}" for number in range(len(model.models))]
        if not names or any(name not in model.models for name in names):
            raise model.attributes.error(
                f"its classifiers are {', '.join(model.models) or 'missing'}, not model0, model1 …"
            )
        return cls(tuple(_decoded(model.models[name]) for name in names))

    def encode(self) -> Mapping[str, Value]:
        (features,) = self.default_types()
        return {
            "num_classes": spec.long(len(self.classifiers)),
            "num_features": spec.long(features.size or 0),
        }

    def encode_models(self) -> Mapping[str, Model]:
        return {f"model{number}": _encoded(op) for number, op in enumerate(self.classifiers)}

    def default_types(self) -> tuple[Type, ...]:
        return self.classifiers[0].default_types()

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for op in self.classifiers:
            op.types(inputs)
        return vector(len(self.classifiers)), DOUBLE

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        raws = np.stack(
            [op.columns(*inputs)[op.outputs.index(RAW)].dense()[:, 1] for op in self.classifiers], axis=1
        )
        chosen = np.array([_largest(raw) for raw in raws.tolist()], np.float64)
        return Column(vector(len(self.classifiers)), raws), Column(DOUBLE, chosen)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        kernels = [(op.row(inputs), op.outputs.index(RAW)) for op in self.classifiers]

        def kernel(features: Any) -> tuple[list[float], float]:
            raws = [single(features)[place][1] for single, place in kernels]
            return raws, _largest(raws)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile(5):
            logistic = tuple(
                LogisticRegression(Matrix((_coefficients(step),)), (0.1 * step,), False) for step in range(3)
            )
            yield Example(cls(logistic), (column,))
            yield Example(cls(tuple(LinearSVC(_coefficients(step), -0.1) for step in range(4))), (column,))


def _largest(raws: Sequence[float]) -> float:
    """The first of the largest, NaN left out, and -1 where nothing is left: Spark's array_argmax."""
    best, largest = -1, -math.inf
    for position, raw in enumerate(raws):
        if raw > largest:
            best, largest = position, raw
    return float(best)


def _coefficients(step: int) -> Coefficients:
    return Coefficients(tuple(0.3 * slot - 0.25 * step for slot in range(5)), step == 2)


def _encoded(op: Op) -> Model:
    attributes = Attributes(op.encode(), file=None, stage=None)
    return Model(op.name, attributes, op.encode_files(), op.encode_models())


def _decoded(model: Model) -> Op:
    kind = OPS.get(model.op)
    op = None if kind is None else kind.decode(model)
    if op is None or RAW not in op.outputs or op.inputs != (FEATURES,):
        raise model.attributes.error(f"op {model.op!r} is no classifier that this version knows")
    return op


@reads_spark(
    "org.apache.spark.ml.classification.OneVsRestModel",
    ops=(OneVsRest,),
    forms="over any classifier here that makes raw predictions",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    ops = []
    for number in range(int(stage.extra["numClasses"])):
        below = stage.sub(f"model_{number}")
        support = SPARK_READERS.get(below.spark_class)
        lowered = list(support.read(below)) if support is not None else []
        if len(lowered) != 1 or RAW not in lowered[0].op.outputs:
            raise UnsupportedError(
                f"{stage}: its classifier {below} cannot be exported by this version",
                hint="Fit the OneVsRest with a classifier that can, such as LogisticRegression or LinearSVC.",
            )
        ops.append(lowered[0].op)
    outputs = output_columns(stage, "rawPredictionCol", "predictionCol")
    return [Lowered(OneVsRest(tuple(ops)), output_columns(stage, "featuresCol"), outputs)]
