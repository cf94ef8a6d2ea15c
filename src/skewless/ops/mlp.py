"""Feed-forward networks: Spark's MultilayerPerceptronClassificationModel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.native.dots import Products
from skewless.ops.blas import LARGEST, RowGemv, added, divide, exp, exp_all, packer, sigmoid, sigmoid_all
from skewless.ops.classifiers import (
    PROBABILITY,
    RAW,
    Classifier,
    decode_source,
    decode_thresholds,
    encode_choice,
    hostile,
    output_columns,
    prediction,
    predictions,
    probabilistic_outputs,
    source_of,
    thresholds_of,
)
from skewless.ops.fitted import saved_vector
from skewless.ops.op import Example, Lowered, SparkStage, reads_spark, register
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import Vector, dense


@register
@dataclass(frozen=True)
class MultilayerPerceptron(Classifier):
    """Layers of sigmoids, then a softmax. ``weights`` are flat: a layer's matrix by columns, then its biases.

    Products are chains of fused multiply-adds, on every Java from 11 on. Source: Spark's ml.ann.FeedForwardModel,
    and netlib's Java11BLAS.dgemmNN.
    """

    name: ClassVar[str] = "multi_layer_perceptron_classifier"
    mleap: ClassVar[str] = ""
    ulps: ClassVar[int] = 32
    why_not_bits: ClassVar[str] = (
        "Java's exp differs from the C library's by one unit in the last place now and then, and later layers "
        "magnify what the first ones differ in"
    )

    layers: tuple[int, ...]
    weights: tuple[float, ...]
    thresholds: tuple[float, ...] | None = None
    source: str = RAW

    @property
    def features(self) -> int:
        return self.layers[0]

    @property
    def classes(self) -> int:
        return self.layers[-1]

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        layers = attributes.integers("layers")
        weights = tuple(map(float, attributes.tensor("weights").data))
        _check(layers, weights, attributes)
        return cls(layers, weights, decode_thresholds(attributes, layers[-1]), decode_source(attributes))

    def encode(self) -> Mapping[str, Value]:
        return {
            "layers": spec.longs(self.layers),
            "weights": spec.tensor(self.weights, [len(self.weights)]),
            **encode_choice(self.source, self.thresholds),
        }

    @cached_property
    def _layers(self) -> list[tuple[Products, Numbers]]:
        """The products with the matrix (outputs by inputs) and the biases of each layer."""
        made, start = [], 0
        flat = np.array(self.weights)
        for size, out in pairwise(self.layers):
            end = start + size * out
            matrix = flat[start:end].reshape((out, size), order="F")
            made.append((Products(matrix, fused=True), flat[end : end + out]))
            start = end + out
        return made

    def raws(self, features: Column) -> Numbers:
        values, layers = features.dense(), self._layers
        with np.errstate(all="ignore"):
            for number, (products, biases) in enumerate(layers):
                values = products.dense(values) + biases
                if number + 1 < len(layers):
                    values = sigmoid_all(values)
        return values

    def raw(self) -> RowGemv:
        layers = [
            (products.each(), packer(products.size), biases.tolist()) for products, biases in self._layers
        ]
        last = len(layers) - 1

        def raw(features: Vector) -> list[float]:
            values = dense(features)
            for number, (each, pack, biases) in enumerate(layers):
                values = [total + bias for total, bias in zip(each(pack(*values)), biases, strict=True)]
                if number < last:
                    values = list(map(sigmoid, values))
            return values

        return raw

    def finish(self, raw: list[float]) -> tuple[Any, ...]:
        probability = _softmax(raw)
        return raw, probability, prediction(raw, probability, self.source, self.thresholds)

    def finish_all(self, raws: Numbers) -> tuple[Numbers, ...]:
        probabilities = _softmax_all(raws)
        return raws, probabilities, predictions(raws, probabilities, self.source, self.thresholds)

    @classmethod
    def examples(cls) -> Iterable[Example]:
        weights = tuple(((slot * 7) % 11 - 5) / 4.0 for slot in range(5 * 4 + 4 + 4 * 3 + 3))
        for column in hostile(5):
            yield Example(cls((5, 4, 3), weights), (column,))
            yield Example(cls((5, 3), weights[:18], (0.2, 0.5, 0.0), PROBABILITY), (column,))


def _softmax(raw: Sequence[float]) -> list[float]:
    """Spark's softmax layer divides by the sum, and knows no infinity: not the softmax of other models."""
    largest = -LARGEST
    for value in raw:
        largest = value if value > largest else largest
    powers = [exp(value - largest) for value in raw]
    total = 0.0
    for power in powers:
        total += power
    return [divide(power, total) for power in powers]


def _softmax_all(raws: Numbers) -> Numbers:
    """`_softmax` of every row."""
    largest = np.fmax.reduce(raws, axis=1, initial=-LARGEST)
    powers = exp_all(raws - largest[:, None])
    shares: Numbers = powers / added(powers)[:, None]
    return shares


def _check(layers: Sequence[int], weights: Sequence[float], attributes: Attributes) -> None:
    if len(layers) < 2 or min(layers) < 1:
        raise attributes.error(f"layers {list(layers)} are no network")
    wanted = sum((size + 1) * out for size, out in pairwise(layers))
    if len(weights) != wanted:
        raise attributes.error(f"it has {len(weights)} weights where its layers need {wanted}")


@reads_spark(
    "org.apache.spark.ml.classification.MultilayerPerceptronClassificationModel",
    ops=(MultilayerPerceptron,),
    forms="any layers; thresholds",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    layers = stage.param("layers") or fitted["layers"]
    op = MultilayerPerceptron(
        tuple(map(int, layers)),
        saved_vector(stage, fitted["weights"]).values,
        thresholds_of(stage),
        source_of(stage),
    )
    return [Lowered(op, output_columns(stage, "featuresCol"), probabilistic_outputs(stage))]
