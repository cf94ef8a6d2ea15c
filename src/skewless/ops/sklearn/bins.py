"""Numbers by the interval they lie in: Binarizer and KBinsDiscretizer."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Lowered, register
from skewless.ops.rows import fitted_tensor, tensor
from skewless.ops.sklearn.categories import Categories
from skewless.ops.sklearn.columns import Slots
from skewless.ops.sklearn.encode import REFUSE, OneHot
from skewless.ops.sklearn.matrix import NO_NAN, SlotFunction, SlotOp, hostile, wide
from skewless.ops.sklearn.scale import exactly
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.spec import Model, Value
from skewless.table import Numbers


@register
@dataclass(frozen=True, slots=True)
class Threshold(SlotOp):
    """1.0 for what is greater than the threshold, else 0.0. Source: Binarizer.transform."""

    name: ClassVar[str] = "sklearn_threshold"
    bad_values: ClassVar[str] = NO_NAN
    mleap: ClassVar[str] = "absent"
    nan: ClassVar[bool] = False

    width: int
    threshold: float

    @property
    def size(self) -> int:
        return self.width

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        (threshold,) = exactly(attributes, "threshold", 1)
        return cls(attributes.integer("size"), threshold)

    def encode(self) -> Mapping[str, Value]:
        return {"size": spec.integer(self.width), **tensor("threshold", (self.threshold,))}

    def apply(self, values: Numbers, slots: Any) -> Numbers:
        return np.where(values > self.threshold, 1.0, 0.0)

    def slot(self) -> SlotFunction:
        threshold = self.threshold
        return lambda value, slot: 1.0 if value > threshold else 0.0

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for threshold in (0.0, -0.0, 0.1, -2.5, 5e-324):
            for column in hostile():
                yield Example(cls(4, threshold), (column,))
        yield Example(cls(1500, 0.5), (wide(),))


@register
@dataclass(frozen=True, slots=True)
class Bins(SlotOp):
    """How many of a slot's inner edges are not greater than its value. Source: KBinsDiscretizer.transform."""

    name: ClassVar[str] = "sklearn_bins"
    bad_values: ClassVar[str] = NO_NAN
    mleap: ClassVar[str] = "absent"
    nan: ClassVar[bool] = False

    edges: tuple[tuple[float, ...], ...]

    @property
    def size(self) -> int:
        return len(self.edges)

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        counts, flat = attributes.integers("counts", ()), fitted_tensor(attributes, "edges")
        if any(count < 0 for count in counts) or sum(counts) != len(flat):
            raise attributes.error(f"counts are not those of {len(flat)} edges")
        ends = np.cumsum(counts).tolist()
        edges = tuple(flat[end - count : end] for count, end in zip(counts, ends, strict=True))
        if any(list(one) != sorted(one) for one in edges):
            raise attributes.error("the edges of a slot do not ascend")
        return cls(edges)

    def encode(self) -> Mapping[str, Value]:
        flat = [edge for one in self.edges for edge in one]
        return {"counts": spec.integers([len(one) for one in self.edges]), **tensor("edges", flat)}

    def apply(self, values: Numbers, slots: Any) -> Numbers:
        made = np.empty(values.shape)
        places = np.arange(self.size)[slots] if isinstance(slots, slice) else slots
        for slot, edges in enumerate(self.edges):
            here = (..., slot) if values.ndim == 2 else places == slot
            made[here] = np.searchsorted(np.array(edges), values[here], side="right")
        return made

    def slot(self) -> SlotFunction:
        edges = self.edges
        return lambda value, slot: float(bisect_right(edges[slot], value))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for column in hostile():
            yield Example(cls(((0.0, 1.0), (-0.0,), (), (-2.5, 0.1, 0.1, 1e300))), (column,))
        yield Example(cls(((0.5, 1.0),) * 1500), (wide(),))


@reads_sklearn("preprocessing._data.Binarizer", ops=(Threshold,), forms="any threshold; dense or sparse")
def _binarizer(step: SklearnStep) -> Made:
    return step.transformed(Threshold(step.size, float(step.estimator.threshold)), sparse=step.sparse)


@reads_sklearn(
    "preprocessing._discretization.KBinsDiscretizer",
    ops=(Bins, Slots, OneHot),
    forms="every strategy; encode ordinal, onehot and onehot-dense",
)
def _k_bins(step: SklearnStep) -> Made:
    fitted = step.estimator
    if fitted.dtype is not None and np.dtype(fitted.dtype) != np.float64:
        raise step.refused(
            f"its dtype is {np.dtype(fitted.dtype)}, in which edges are compared with half the digits"
        )
    bins = Bins(tuple(tuple(map(float, edges[1:-1])) for edges in fitted.bin_edges_))
    if fitted.encode == "ordinal":
        return step.transformed(bins)
    found = [tuple(map(float, values)) for values in fitted._encoder.categories_]
    starts = np.cumsum([0, *map(len, found)]).tolist()
    hot = OneHot(
        tuple(map(Categories, found)),
        tuple(tuple(range(start, start + len(one))) for start, one in zip(starts, found, strict=False)),
        (REFUSE,) * len(found),
        starts[-1],
        fitted.encode == "onehot",
    )
    places = [f"{step.output}__bin{slot}" for slot in range(step.size)]
    ops = (
        Lowered(bins, step.inputs, (f"{step.output}__bins",), temporary=True),
        Lowered(Slots(step.size), (f"{step.output}__bins",), tuple(places), temporary=True),
        Lowered(hot, tuple(places), (step.output,)),
    )
    return Made(ops, {step.output: "transform"}, hot.sparse)
