"""Features projected onto fitted directions: PCA and its like, whose transform is one product of matrices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless.ops.op import Example, Op, RowKernel, register
from skewless.ops.rows import vector_type
from skewless.ops.sklearn.matrix import NO_NAN, checked, hostile, matrix, wide
from skewless.ops.sklearn.numbers import EPSILON, Fitted, dots, rounding, row_dots
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Numbers


@register
@dataclass(frozen=True, slots=True)
class Project(Op):
    """(row · direction - offset) / divisor for each direction, always dense.

    Source: PCA.transform, TruncatedSVD.transform, and the random projections.
    """

    name: ClassVar[str] = "sklearn_project"
    bad_values: ClassVar[str] = NO_NAN
    mleap: ClassVar[str] = "absent"
    ulps: ClassVar[int] = 8
    why_not_bits: ClassVar[str] = (
        "scikit-learn multiplies by BLAS, whose order of additions depends on machine and batch; beside the ulps, a "
        "number may be off by the rounding of the sums that it came from"
    )

    directions: Fitted
    offset: Fitted
    divisor: Fitted

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        directions = Fitted.decode(attributes, "directions", None, None)
        offset, divisor = (Fitted.decode(attributes, name, len(directions)) for name in ("offset", "divisor"))
        if (divisor.values == 0.0).any():
            raise attributes.error("divisor has a zero")
        return cls(directions, offset, divisor)

    def encode(self) -> Mapping[str, Value]:
        return {
            **self.directions.encode("directions"),
            **self.offset.encode("offset"),
            **self.divisor.encode("divisor"),
        }

    @property
    def _size(self) -> int:
        return self.directions.shape[1]

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self._size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self._size)
        return (vector(len(self.directions)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = matrix(inputs[0], self._size, False)
        with np.errstate(all="ignore"):
            made = (dots(column, self.directions) - self.offset.values) / self.divisor.values
        return (Column(vector(len(self.directions)), made),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, dot = self._size, row_dots(self.directions)
        rest = list(zip(self.offset.lists, self.divisor.lists, strict=True))

        def kernel(cell: Any) -> list[float]:
            checked(cell, size, False)
            return [(total - less) / by for total, (less, by) in zip(dot(cell), rest, strict=True)]

        return kernel

    def slack(self, inputs: Sequence[Column], given: Sequence[Numbers]) -> Sequence[Numbers]:
        doubt = rounding(inputs[0], self.directions, given[0])
        terms = np.abs(self.offset.values).max(initial=0.0) * EPSILON * (self._size + 2)
        return [(doubt + terms) / np.abs(self.divisor.values).min(initial=np.inf)]

    @classmethod
    def examples(cls) -> Iterable[Example]:
        directions = np.array([[0.3, -0.7, 1e-3, 2.0], [5e-324, 0.1, -0.0, 1e300]])
        for column in hostile():
            yield Example(cls(Fitted(directions), Fitted([0.1, -0.0]), Fitted([1.0, 0.3])), (column,))
        tall = np.arange(3000.0).reshape(2, 1500) / 7.0
        yield Example(cls(Fitted(tall), Fitted([0.0, 1.0]), Fitted([1.0, 1.0])), (wide(),))


def _projected(step: SklearnStep, offset: Any = None, divisor: Any = None) -> Made:
    fitted = step.estimator
    components = fitted.components_
    directions = np.asarray(
        components.toarray() if hasattr(components, "toarray") else components, np.float64
    )
    count = len(directions)
    op = Project(
        Fitted(directions),
        Fitted(np.zeros(count) if offset is None else offset),
        Fitted(np.ones(count) if divisor is None else divisor),
    )
    return step.transformed(op)


@reads_sklearn(
    "decomposition._pca.PCA",
    "decomposition._incremental_pca.IncrementalPCA",
    ops=(Project,),
    forms="whiten or not; any solver",
)
def _pca(step: SklearnStep) -> Made:
    fitted = step.estimator
    offset = (np.reshape(fitted.mean_, (1, -1)) @ fitted.components_.T)[0]
    if not fitted.whiten:
        return _projected(step, offset)
    scale = np.sqrt(np.asarray(fitted.explained_variance_, np.float64))
    return _projected(step, offset, np.maximum(scale, np.finfo(np.float64).eps))


@reads_sklearn(
    "decomposition._truncated_svd.TruncatedSVD",
    "neighbors._nca.NeighborhoodComponentsAnalysis",
    ops=(Project,),
    forms="dense or sparse matrices",
)
def _svd(step: SklearnStep) -> Made:
    return _projected(step)


@reads_sklearn(
    "random_projection.GaussianRandomProjection",
    "random_projection.SparseRandomProjection",
    ops=(Project,),
    forms="dense matrices",
)
def _random(step: SklearnStep) -> Made:
    if step.sparse:
        raise step.refused(
            "it is handed a sparse matrix", "Make the step before it dense (sparse_output=False)."
        )
    return _projected(step)
