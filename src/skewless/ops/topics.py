"""Which topics a document is about: Spark's LocalLDAModel.

Spark starts each document from the same random numbers: a Mersenne Twister's, whose seed comes from the model's class
and not from the fit. So its answer can be repeated, and here is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.blas import check_row
from skewless.ops.classifiers import PREDICTION, FeatureOp, hostile
from skewless.ops.fitted import saved_matrix
from skewless.ops.op import Example, Lowered, Refused, RowKernel, SparkStage, reads_spark, register
from skewless.ops.rows import saved_vector
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector, nonzero

SEED: Final = 1421925485
"""The hash code of the model's class name, from which every LocalLDAModel starts, fitted or loaded."""
_SHAPE: Final = 100.0
_ENOUGH: Final = 1e-3
_MOST_ROUNDS: Final = 10_000
_LOWEST: Final = -5000.0
_EULER: Final = 0.577215664901532860606512090082
_CHUNK: Final = 1 << 15


@register
@dataclass(frozen=True)
class LocalLDA(FeatureOp):
    """The share of each topic in a document's term counts, by variational inference; a document without terms has none.

    Source: Spark's OnlineLDAOptimizer.variationalTopicInference.
    """

    name: ClassVar[str] = "lda_local_model_op"
    ulps: ClassVar[int] = 512
    why_not_bits: ClassVar[str] = (
        "the shares come out of some dozens of rounds of exponentials, logarithms and sums, whose last bits are "
        "not Java's"
    )
    bad_values: ClassVar[str] = (
        "A null vector and one of another length fail, as do counts far below zero, for which Spark's stack may not "
        "do, and counts too large to settle, at which Spark hangs unless its last bits happen to; NaN and infinite "
        "counts make all shares NaN."
    )
    mleap: ClassVar[str] = (
        "It starts from other random numbers for each row, so its shares differ from run to run."
    )

    topics: tuple[tuple[float, ...], ...]
    concentration: tuple[float, ...]
    topic_concentration: float = 0.1
    shape: float = _SHAPE
    seed: int = SEED

    @property
    def outputs(self) -> tuple[str, ...]:
        return (PREDICTION,)

    @property
    def features(self) -> int:
        return len(self.topics[0])

    def made(self) -> tuple[Type, ...]:
        return (vector(len(self.topics)),)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        concentration = attributes.doubles("docConcentration")
        terms, matrix = attributes.integer("vocabSize"), attributes.tensor("topicMatrix")
        if matrix.dims != (terms, len(concentration)) or not matrix.data:
            raise attributes.error(
                f"topicMatrix has the dimensions {list(matrix.dims)}, not [{terms}, {len(concentration)}]: "
                "terms and topics"
            )
        flat = [math.nan if value is None else float(value) for value in matrix.data]
        topics = tuple(tuple(flat[start : start + terms]) for start in range(0, len(flat), terms))
        shape = attributes.double("gamma_shape", _SHAPE)
        if not 1.0 < shape < math.inf:
            raise attributes.error(f"gamma_shape is {shape}; it must be greater than 1")
        return cls(
            topics,
            concentration,
            attributes.double("topicConcentration"),
            shape,
            attributes.integer("seed", SEED),
        )

    def encode(self) -> Mapping[str, Value]:
        flat = [value for topic in self.topics for value in topic]
        return {
            "vocabSize": spec.integer(self.features),
            "docConcentration": spec.doubles(self.concentration),
            "topicConcentration": spec.double(self.topic_concentration),
            "topicMatrix": spec.tensor(flat, [self.features, len(self.topics)]),
            "gamma_shape": spec.double(self.shape),
            "seed": spec.long(self.seed),
        }

    @cached_property
    def _weights(self) -> Numbers:
        """How much a term speaks for a topic: terms by topics."""
        made = np.zeros((self.features, len(self.topics)))
        with np.errstate(all="ignore"):
            for place, topic in enumerate(self.topics):
                counts = np.array(topic)
                whole = digamma(np.cumsum(counts)[-1:])
                for start in range(0, len(counts), _CHUNK):
                    part = slice(start, start + _CHUNK)
                    made[part, place] = np.exp(digamma(counts[part]) - whole)
        return made

    @cached_property
    def _start(self) -> Numbers:
        draws = _gammas(self.shape, 1.0 / self.shape, self.seed)
        return np.array([next(draws) for _ in self.topics])

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        kernel = self.row([inputs[0].type])
        made = np.zeros((len(inputs[0]), len(self.topics)))
        for row in range(len(made)):
            try:
                made[row] = kernel(inputs[0].cell(row))
            except Refused as refused:
                refused.position = row
                raise
        return (Column(vector(len(self.topics)), made),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size = self.features

        def kernel(features: Any) -> list[float]:
            check_row(features, size)
            return self._shares(features)

        return kernel

    def _shares(self, document: Vector) -> list[float]:
        pairs = list(nonzero(document))
        if not pairs:
            return [0.0] * len(self.topics)
        weights = self._weights[[slot for slot, _ in pairs]]
        counts = np.array([count for _, count in pairs])
        with np.errstate(all="ignore"):
            gamma = self._start
            for _ in range(_MOST_ROUNDS):
                before = gamma
                topics = np.exp(digamma(gamma) - digamma(np.cumsum(gamma)[-1:]))
                terms = (weights * topics).sum(axis=1) + 1e-100
                gamma = topics * (weights * (counts / terms)[:, None]).sum(axis=0) + self.concentration
                # The negation ends at NaN too.
                if not np.abs(gamma - before).sum() / len(gamma) > _ENOUGH:
                    total = float(np.abs(gamma).sum())
                    shares: list[float] = (gamma if total == 0.0 else gamma / total).tolist()
                    return shares
        raise Refused(
            f"the topics do not settle in {_MOST_ROUNDS} rounds; Spark may go on for ever",
            value=document,
            hint="Correct the counts before this stage: they are far too large.",
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile(3):
            yield Example(cls(((0.5, 3.0, 1e-3), (2.0, 0.1, 0.7)), (0.5, 0.5)), (column,))
            yield Example(cls(((1.0, 0.0, 5e-324),), (0.1,), 0.2, 2.0, -3), (column,))


def digamma(numbers: Numbers) -> Numbers:
    """The derivative of the logarithm of the gamma function. Source: Commons Math's Gamma.digamma."""
    lowest = float(np.min(numbers, initial=49.0, where=np.isfinite(numbers)))
    if lowest < _LOWEST:
        raise Refused(
            "the counts of the terms are negative, and Spark runs out of stack at them",
            value=lowest,
            hint="Give counts of terms.",
        )
    steps = numbers[:, None] + np.arange(max(math.ceil(49.0 - lowest), 0))
    below = np.where(steps < 49.0, 1.0 / steps, 0.0)
    large = numbers + (steps < 49.0).sum(axis=1)
    inverse = 1.0 / (large * large)
    series = inverse * (1.0 / 12.0 + inverse * (1.0 / 120.0 - inverse / 252.0))
    made = np.log(large) - 0.5 / large - series - below[:, ::-1].sum(axis=1)
    made = np.where((numbers > 0.0) & (numbers <= 1e-5), -_EULER - 1.0 / numbers, made)
    return np.where(np.isfinite(numbers), made, numbers)


def _gammas(shape: float, scale: float, seed: int) -> Iterator[float]:
    """Draws of a gamma distribution, by Marsaglia and Tsang. Source: breeze's Gamma."""
    twister = np.random.RandomState(np.array([(seed >> 32) & 0xFFFFFFFF, seed & 0xFFFFFFFF], np.uint32))
    normals = _normals(twister)
    d = shape - 1.0 / 3.0
    c = 1.0 / math.sqrt(9.0 * d)
    while True:
        normal = next(normals)
        base = 1.0 + c * normal
        if base <= 0.0:
            continue
        cube, square = base * base * base, normal * normal
        chance = _uniform(twister)
        if chance < 1.0 - 0.0331 * square * square or (
            math.log(chance) < 0.5 * square + d * (1.0 - cube + math.log(cube))
        ):
            yield scale * d * cube


def _normals(twister: np.random.RandomState) -> Iterator[float]:
    """Pairs of normal draws, by Box and Muller. Source: Commons Math's BitsStreamGenerator."""
    while True:
        angle = 2.0 * math.pi * _uniform(twister)
        radius = math.sqrt(-2.0 * math.log(_uniform(twister)))
        yield radius * math.cos(angle)
        yield radius * math.sin(angle)


def _uniform(twister: np.random.RandomState) -> float:
    """52 bits out of two draws."""
    high, low = (int(draw) >> 6 for draw in twister.randint(0, 1 << 32, 2, np.uint32))
    return float(high << 26 | low) * 2.0**-52


@reads_spark(
    "org.apache.spark.ml.clustering.LocalLDAModel", ops=(LocalLDA,), forms="online and EM, made local"
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    rows = saved_matrix(stage, fitted["topicsMatrix"]).rows
    op = LocalLDA(
        tuple(zip(*(row.values for row in rows), strict=True)),
        saved_vector(fitted["docConcentration"]),
        float(fitted["topicConcentration"]),
        float(fitted["gammaShape"]),
    )
    return [Lowered(op, (str(stage.param("featuresCol")),), (str(stage.param("topicDistributionCol")),))]
