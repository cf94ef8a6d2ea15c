"""Numbers against thresholds: Spark's Binarizer and Bucketizer."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar, Self

import numpy as np

from skewless import spec
from skewless.ops.op import (
    Example,
    Lowered,
    Op,
    Refused,
    RowKernel,
    Skipped,
    SparkStage,
    TypeRefused,
    reads_spark,
    register,
)
from skewless.ops.rows import check, each_row, infinite, is_wide, present, restored
from skewless.schema import DOUBLE, INT, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Mask, from_cells
from skewless.vectors import SparseVector, Vector, compressed, is_sparse, nonzero

INVALID = ("error", "keep", "skip")


def _ports(name: str, count: int) -> tuple[str, ...]:
    return (name,) if count == 1 else tuple(f"{name}{position}" for position in range(count))


@register
@dataclass(frozen=True, slots=True)
class Binarizer(Op):
    """1 for what is above the threshold, 0 for the rest, slot by slot in vectors.

    A null or NaN number gives 0; a null vector is refused. In a vector, NaN gives 1 under a negative threshold, and so
    do slots that a sparse row leaves out. Source: Spark's Binarizer.transform.
    """

    name: ClassVar[str] = "binarizer"
    bad_values: ClassVar[str] = (
        "A null or NaN number gives 0, a null vector fails; under a negative threshold, NaN in a vector and "
        "slots that a sparse row leaves out give 1."
    )
    mleap: ClassVar[str] = (
        "Under a negative threshold, NaN in a vector and slots that a sparse row leaves out give 0."
    )

    thresholds: tuple[float, ...]
    vectors: tuple[bool, ...] = (False,)

    @property
    def inputs(self) -> tuple[str, ...]:
        return _ports("input", len(self.thresholds))

    @property
    def outputs(self) -> tuple[str, ...]:
        return _ports("output", len(self.thresholds))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        if "thresholds" in attributes:
            thresholds = restored(attributes, "thresholds", attributes.doubles("thresholds"))
            shapes = attributes.shapes("input_shapes_list", ({"base": "scalar"},) * len(thresholds))
        else:
            thresholds = restored(attributes, "threshold", (attributes.double("threshold"),))
            # Renamed in MLeap 0.9; in spite of the plural it is a single shape.
            found = [attributes[name] for name in ("input_shapes", "input_shape") if name in attributes]
            shape = found[0].data if found else {"base": "scalar"}
            # scikit-learn's exporter writes a list of one.
            shapes = tuple(shape) if isinstance(shape, list) else (shape,)
        if not thresholds or len(shapes) != len(thresholds):
            raise attributes.error(f"it has {len(thresholds)} thresholds and {len(shapes)} input shapes")
        return cls(thresholds, tuple(shape.get("base") == "tensor" for shape in shapes))

    def encode(self) -> Mapping[str, Value]:
        shapes = [_shape(vectors) for vectors in self.vectors]
        if len(shapes) > 1:
            listed = {"thresholds": spec.doubles(self.thresholds), "input_shapes_list": spec.shapes(shapes)}
            return {**listed, **infinite("thresholds", self.thresholds)}
        return {
            "threshold": spec.double(self.thresholds[0]),
            "input_shapes": Value("scalar", "data_shape", shapes[0]),
            **infinite("threshold", self.thresholds),
        }

    def default_types(self) -> tuple[Type, ...]:
        return tuple(vector() if vectors else DOUBLE for vectors in self.vectors)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, type_ in enumerate(inputs):
            if not (type_.is_number or type_.is_vector):
                raise TypeRefused(f"only numbers and vectors can be binarized, not {type_}", input=position)
        return tuple(vector(type_.size) if type_.is_vector else DOUBLE for type_ in inputs)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        for row, position in sorted(_null_vectors(inputs))[:1]:
            check(None, None, row, position)
        return tuple(
            self._column(column, threshold) for column, threshold in zip(inputs, self.thresholds, strict=True)
        )

    def _column(self, column: Column, threshold: float) -> Column:
        if not column.type.is_vector:
            return Column(DOUBLE, (column.numbers() > threshold).astype(np.float64))
        if is_wide(column):
            return each_row(_vector_row(threshold), vector(column.values.shape[1]), column)
        slots = present(column).values
        hot = ~(slots <= threshold) if threshold < 0.0 else slots > threshold
        sparse = is_sparse(np.count_nonzero(hot, axis=1), slots.shape[1])
        return Column(vector(slots.shape[1]), hot.astype(np.float64), None, sparse)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        kernels: list[Callable[[Any], Any]] = [
            _vector_row(threshold, position) if type_.is_vector else _number_row(threshold)
            for position, (type_, threshold) in enumerate(zip(inputs, self.thresholds, strict=True))
        ]
        if len(kernels) == 1:
            return kernels[0]
        return lambda *cells: tuple(kernel(cell) for kernel, cell in zip(kernels, cells, strict=True))

    @classmethod
    def examples(cls) -> Iterable[Example]:
        cells = [1.0, None, math.nan, math.inf, -math.inf, -0.0, 5e-324, -2.0]
        rows = [[-0.0, math.nan, 2.0], [-5.0, 1e300, -math.inf], SparseVector(3, (1,), (-2.0,))]
        wide = [SparseVector(2000, (3, 1999), (-1.0, math.nan)), SparseVector(2000, (), ())]
        for threshold in (0.0, -0.0, 1.5, -1.0, math.inf, -math.inf):
            yield Example(cls((threshold,)), (from_cells(DOUBLE, cells),))
            yield Example(cls((threshold,)), (from_cells(INT, [1, None, -3]),))
            op = cls((threshold,), (True,))
            yield Example(op, (from_cells(vector(3), rows),))
            yield Example(op, (from_cells(vector(2000), wide),))
            yield Example(op, (from_cells(vector(3), []),))
        yield Example(cls((0.0,), (True,)), (from_cells(vector(1), [[1.0], None]),))
        two = (from_cells(DOUBLE, cells[:3]), from_cells(vector(3), rows))
        yield Example(cls((0.5, -1.0), (False, True)), two)


def _null_vectors(inputs: Sequence[Column]) -> Iterable[tuple[int, int]]:
    for position, column in enumerate(inputs):
        if column.type.is_vector and column.nulls is not None and column.nulls.any():
            yield int(np.argmax(column.nulls)), position


def _number_row(threshold: float) -> Callable[[Any], float]:
    return lambda number: 1.0 if number is not None and number > threshold else 0.0


def _vector_row(threshold: float, position: int = 0) -> Callable[[Vector | None], Vector]:
    def kernel(cell: Vector | None) -> Vector:
        if cell is None:
            check(cell, input=position)
            raise AssertionError
        if threshold < 0.0:
            cold = {slot for slot, value in nonzero(cell) if value <= threshold}
            return compressed(len(cell), [(slot, 1.0) for slot in range(len(cell)) if slot not in cold])
        return compressed(len(cell), [(slot, 1.0) for slot, value in nonzero(cell) if value > threshold])

    return kernel


def _shape(vectors: bool) -> Mapping[str, Any]:
    if not vectors:
        return {"base": "scalar", "isNullable": False}
    dims = [{"size": -1, "name": ""}]
    return {"base": "tensor", "isNullable": False, "tensorShape": {"dimensions": dims}}


@register
@dataclass(frozen=True, slots=True)
class Bucketizer(Op):
    """The position, as a double, of the bucket from one split up to before the next; the last takes its end too.

    Null stays null. NaN is refused, given the number after the last bucket, or, like null, dropped with its row, as
    ``handle_invalid`` says. What is outside the splits is always refused; -0.0 is below a split at 0.0 unless that is
    the last. Source: Spark's Bucketizer.transform and binarySearchForBuckets (with Java's order of doubles).
    """

    name: ClassVar[str] = "bucketizer"
    bad_values: ClassVar[str] = (
        "Null stays null; NaN fails (error), gets the number after the last bucket (keep) or, like null, "
        "drops the row (skip); what is outside the splits always fails."
    )
    mleap: ClassVar[str] = "With skip, null does not drop the row; it has no op for several columns."

    splits: tuple[tuple[float, ...], ...]
    handle_invalid: str = "error"

    @property
    def inputs(self) -> tuple[str, ...]:
        return _ports("input", len(self.splits))

    @property
    def outputs(self) -> tuple[str, ...]:
        return _ports("output", len(self.splits))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        names = sorted(name for name in attributes if name.startswith("splits_") and name[7:].isdigit())
        names = names and [f"splits_{number}" for number in range(len(names))]
        splits = []
        for name in names or ["splits"]:
            ends = list(attributes.doubles(name))
            # MLeap's JSON has null for an infinite end.
            if ends and ends[0] != ends[0]:
                ends[0] = -math.inf
            if ends and ends[-1] != ends[-1]:
                ends[-1] = math.inf
            if len(ends) < 3 or not all(low < high for low, high in pairwise(ends)):
                raise attributes.error(f"{name} are {ends}; they must be three or more, and increase")
            splits.append(tuple(ends))
        invalid = attributes.string("handle_invalid", "error")
        if invalid not in INVALID:
            raise attributes.error(f"handle_invalid is {invalid!r}; it must be one of {', '.join(INVALID)}")
        return cls(tuple(splits), invalid)

    def encode(self) -> Mapping[str, Value]:
        names = ["splits"] if len(self.splits) == 1 else [f"splits_{n}" for n in range(len(self.splits))]
        listed = {name: spec.doubles(ends) for name, ends in zip(names, self.splits, strict=True)}
        return {**listed, "handle_invalid": spec.string(self.handle_invalid)}

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,) * len(self.splits)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, type_ in enumerate(inputs):
            if not type_.is_number:
                raise TypeRefused(f"only numbers can be put in buckets, not {type_}", input=position)
        return (DOUBLE,) * len(inputs)

    def keep(self, *inputs: Column) -> Mask | None:
        if self.handle_invalid != "skip":
            return None
        stay = np.ones(len(inputs[0]), np.bool_)
        for column in inputs:
            # Null rows hold NaN here.
            stay &= ~np.isnan(column.numbers())
        return stay

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        found = [self._search(column, position) for position, column in enumerate(inputs)]
        bad = [(int(np.argmax(outside)), n) for n, (_, outside) in enumerate(found) if outside.any()]
        if bad:
            row, position = min(bad)
            raise self._refusal(inputs[position].cell(row), position, row)
        return tuple(
            Column(DOUBLE, buckets.astype(np.float64), column.nulls)
            for (buckets, _), column in zip(found, inputs, strict=True)
        )

    def _search(self, column: Column, position: int) -> tuple[Any, Mask]:
        """The buckets, and which rows are outside all."""
        splits = np.array(self.splits[position])
        numbers = column.numbers()
        buckets = np.searchsorted(splits, numbers, side="right") - 1
        # Java's search finds -0.0 below 0.0.
        buckets -= np.isin(buckets, np.flatnonzero((splits == 0.0) & ~np.signbit(splits))) & (
            (numbers == 0.0) & np.signbit(numbers)
        )
        buckets = np.where(numbers == splits[-1], len(splits) - 2, buckets)
        missing = np.isnan(numbers)
        outside = (buckets < 0) | (buckets > len(splits) - 2)
        if self.handle_invalid == "keep":
            outside &= ~missing
        buckets = np.where(missing, len(splits) - 1, buckets)
        return buckets, outside if column.nulls is None else outside & ~column.nulls

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        kernels = [self._row_of(position) for position in range(len(self.splits))]
        skip = self.handle_invalid == "skip"

        def kernel(*numbers: Any) -> Any:
            if skip and any(number is None or number != number for number in numbers):
                raise Skipped
            made = [single(number) for single, number in zip(kernels, numbers, strict=True)]
            return made[0] if len(made) == 1 else tuple(made)

        return kernel

    def _row_of(self, position: int) -> Callable[[Any], float | None]:
        splits = self.splits[position]
        last, buckets = splits[-1], len(splits) - 1
        keep = self.handle_invalid == "keep"
        # The bucket of -0.0 where a split stands at 0.0, None where none does.
        zero = next((n for n, end in enumerate(splits) if end == 0.0 and math.copysign(1.0, end) > 0), None)

        def kernel(given: Any) -> float | None:
            if given is None:
                return None
            number = float(given)
            if number != number:
                if keep:
                    return float(buckets)
                raise self._refusal(given, position, 0)
            if number == last:
                return float(buckets - 1)
            bucket = bisect_right(splits, number) - 1
            if number == 0.0 and bucket == zero and math.copysign(1.0, number) < 0:
                bucket -= 1
            if not 0 <= bucket < buckets:
                raise self._refusal(given, position, 0)
            return float(bucket)

        return kernel

    def _refusal(self, number: float | None, position: int, row: int) -> Refused:
        splits = self.splits[position]
        nan = number is None or number != number
        return Refused(
            "NaN is in no bucket"
            if nan
            else f"{number!r} is in no bucket; they go from {splits[0]} to {splits[-1]}",
            value=number,
            position=row,
            input=position,
            hint='Correct the value, or fit with handleInvalid="keep".'
            if nan
            else "Correct the value, or fit with splits that end at the infinities.",
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        inside = [-1.0, -0.0, 0.0, 5e-324, 0.5, 1.0, None]
        for splits in (
            (-1.0, 0.0, 1.0),
            (-1.0, -0.0, 1.0),
            (-math.inf, 0.0, 0.5, math.inf),
            (-2.0, -1.0, 0.0),
        ):
            for invalid in INVALID:
                op = cls((splits,), invalid)
                yield Example(op, (from_cells(DOUBLE, []),))
                yield Example(op, (from_cells(DOUBLE, inside),))
                yield Example(op, (from_cells(INT, [-1, 0, None]),))
                for other in (math.nan, math.inf, -math.inf, 1.5, -1e300):
                    yield Example(op, (from_cells(DOUBLE, [-0.5, other]),))
        yield Example(cls(((0.0, 1.0, 2.0),)), (from_cells(DOUBLE, [0.0, -0.0]),))
        two = (from_cells(DOUBLE, [0.0, 7.0, None, 0.5]), from_cells(INT, [0, 1, 1, None]))
        for invalid in INVALID:
            yield Example(cls(((-1.0, 0.0, 1.0), (0.0, 1.0, 2.0)), invalid), two)


@reads_spark(
    "org.apache.spark.ml.feature.Binarizer",
    ops=(Binarizer,),
    forms="one or several columns of numbers or vectors",
)
def _read_binarizer(stage: SparkStage) -> Sequence[Lowered]:
    columns, outputs = stage.columns("input"), stage.columns("output")
    thresholds = stage.params.get("thresholds") if "inputCols" in stage.params else None
    if thresholds is None:
        thresholds = [stage.param("threshold", 0.0)] * len(columns)
    lowered = []
    for column, output, threshold in zip(columns, outputs, thresholds, strict=True):
        type_ = stage.sizes(column)
        op = Binarizer((float(threshold),), (type_ is not None and type_.is_vector,))
        lowered.append(Lowered(op, (column,), (output,)))
    return lowered


@reads_spark(
    "org.apache.spark.ml.feature.Bucketizer",
    ops=(Bucketizer,),
    forms="one or several columns; error, keep, skip; also what a QuantileDiscretizer fits",
)
def _read_bucketizer(stage: SparkStage) -> Sequence[Lowered]:
    columns, outputs = stage.columns("input"), stage.columns("output")
    several = stage.params.get("splitsArray") if "inputCols" in stage.params else None
    splits = [tuple(map(float, ends)) for ends in (several or [stage.params["splits"]])]
    invalid = str(stage.param("handleInvalid", "error"))
    if invalid == "skip" and len(splits) > 1:
        # Spark drops rows for all columns before it looks at any number: only one op can do so.
        return [Lowered(Bucketizer(tuple(splits), invalid), columns, outputs)]
    return [
        Lowered(Bucketizer((ends,), invalid), (column,), (output,))
        for ends, column, output in zip(splits, columns, outputs, strict=True)
    ]
