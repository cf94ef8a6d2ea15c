"""Products of features: PolynomialFeatures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Op, RowKernel, register
from skewless.ops.rows import each_row, vector_type
from skewless.ops.sklearn.matrix import NO_NAN, checked, column_of, hostile, matrix
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers
from skewless.vectors import WIDE, SparseVector, Vector

FEATURE: Final = -1
"""In place of an earlier term: the feature alone."""


@register
@dataclass(frozen=True, slots=True)
class Products(Op):
    """Terms in order, each a feature, or an earlier term times a feature; the first ``skipped`` are not given out.

    ``terms`` has the number of the earlier term and the feature, in the order in which scikit-learn multiplies. Source:
    PolynomialFeatures.transform.
    """

    name: ClassVar[str] = "sklearn_products"
    bad_values: ClassVar[str] = f"{NO_NAN} What is too large becomes infinite."
    mleap: ClassVar[str] = "absent"

    size: int
    terms: tuple[tuple[int, int], ...]
    bias: bool = False
    skipped: int = 0
    sparse: bool = False

    @property
    def _width(self) -> int:
        return len(self.terms) - self.skipped + self.bias

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        size, skipped = attributes.integer("size"), attributes.integer("skipped", 0)
        earlier, features = attributes.integers("earlier", ()), attributes.integers("features", ())
        if len(earlier) != len(features) or not 0 <= skipped <= len(features):
            raise attributes.error("earlier, features and skipped do not fit together")
        for number, (before, feature) in enumerate(zip(earlier, features, strict=True)):
            if not (FEATURE <= before < number and 0 <= feature < size):
                raise attributes.error(
                    f"term {number} is of term {before} and feature {feature}, which are not there"
                )
        bias, sparse = attributes.boolean("bias", False), attributes.boolean("sparse", False)
        return cls(size, tuple(zip(earlier, features, strict=True)), bias, skipped, sparse)

    def encode(self) -> Mapping[str, Value]:
        return {
            "size": spec.integer(self.size),
            "earlier": spec.integers([before for before, _ in self.terms]),
            "features": spec.integers([feature for _, feature in self.terms]),
            "bias": spec.boolean(self.bias),
            "skipped": spec.integer(self.skipped),
            "sparse": spec.boolean(self.sparse),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self.size)
        return (vector(self._width),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = matrix(inputs[0], self.size, False)
        if self._width > WIDE:
            return (each_row(self.row([column.type]), vector(self._width), column),)
        rows = column.dense()
        made: list[Numbers] = []
        with np.errstate(all="ignore"):
            for before, feature in self.terms:
                made.append(rows[:, feature] if before == FEATURE else made[before] * rows[:, feature])
        given = [np.ones(len(rows))] * self.bias + made[self.skipped :]
        return (column_of(np.stack(given, axis=1) if given else np.zeros((len(rows), 0)), self.sparse),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, terms, bias, skipped, sparse = self.size, self.terms, self.bias, self.skipped, self.sparse

        def kernel(cell: Any) -> Vector:
            checked(cell, size, False)
            slots = cell.dense() if isinstance(cell, SparseVector) else cell
            made: list[float] = []
            for before, feature in terms:
                made.append(slots[feature] if before == FEATURE else made[before] * slots[feature])
            made = [1.0] * bias + made[skipped:]
            if not sparse:
                return made
            stored = [slot for slot, value in enumerate(made) if value != 0.0]
            return SparseVector(len(made), stored, [made[slot] for slot in stored])

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        terms = (
            (FEATURE, 0),
            (FEATURE, 1),
            (FEATURE, 2),
            (FEATURE, 3),
            (0, 1),
            (4, 3),
            (3, 3),
            (6, 3),
            (2, 1),
        )
        for op in (cls(4, terms), cls(4, terms, True, 4), cls(4, terms, True, 0, True), cls(4, ())):
            for column in hostile():
                yield Example(op, (column,))
        squares = tuple((FEATURE, slot % 4) for slot in range(1500))
        for sparse in (False, True):
            yield Example(cls(4, squares, False, 0, sparse), (list(hostile())[-1],))


@reads_sklearn(
    "preprocessing._polynomial.PolynomialFeatures",
    ops=(Products,),
    forms="every degree, interaction_only, include_bias; sparse matrices to the degree 2",
)
def _polynomial(step: SklearnStep) -> Made:
    fitted = step.estimator
    if step.sparse and fitted._max_degree > 2:
        raise step.refused(
            "it multiplies more than two features of a sparse matrix, in another order than those of a dense one",
            "Make the step before it dense (sparse_output=False, sparse_threshold=0).",
        )
    if fitted._max_degree == 0:
        return step.transformed(
            Products(step.size, (), bool(fitted.include_bias), 0, step.sparse), sparse=step.sparse
        )
    terms = _terms(step.size, fitted._max_degree, fitted.interaction_only)
    kept = int(fitted.n_output_features_) - bool(fitted.include_bias)
    op = Products(step.size, tuple(terms), bool(fitted.include_bias), len(terms) - kept, step.sparse)
    return step.transformed(op, sparse=step.sparse)


def _terms(size: int, degree: int, interaction_only: bool) -> Sequence[tuple[int, int]]:
    """The products in scikit-learn's order: those of a degree are the ones before, times each feature in turn."""
    terms = [(FEATURE, feature) for feature in range(size)]
    starts = [*range(size), size]
    for _ in range(2, degree + 1):
        following, end = [], starts[-1]
        for feature in range(size):
            start = starts[feature]
            following.append(len(terms))
            if interaction_only:
                start += starts[feature + 1] - starts[feature]
            if end <= start:
                break
            terms += [(before, feature) for before in range(start, end)]
        following.append(len(terms))
        starts = following
    return terms
