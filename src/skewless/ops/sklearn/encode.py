"""Categories as numbers: slots that are one or zero, places, or means of the target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np

from skewless import spec
from skewless.ops.op import Example, Op, RowKernel, register
from skewless.ops.rows import fitted_tensor, tensor
from skewless.ops.sklearn.categories import UNKNOWN, Categories, bad_cell, check_columns, fitted, unknown
from skewless.ops.sklearn.matrix import column_of
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import BOOLEAN, DOUBLE, INT, LONG, STRING, Field, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, from_cells, vectors_of
from skewless.vectors import WIDE, Csr, SparseVector, Vector

NONE: Final = -1
"""The slot of a category that sets none."""
REFUSE: Final = -2
"""The slot of an unknown value that is refused."""

_BAD: Final = (
    "Null, and NaN, is a category where it was one in the fit, and unknown elsewhere; null in whole numbers or "
    "booleans, and an infinity, fail; "
)


@register
@dataclass(frozen=True, slots=True)
class OneHot(Op):
    """For every column, 1.0 in the slot of its category and 0.0 in the others; some categories have no slot.

    ``slots`` has for each column those of its categories, ``unknowns`` that of an unknown value. Source:
    OneHotEncoder.transform; categories that were dropped, and those grouped as infrequent, are in the slots.
    """

    name: ClassVar[str] = "sklearn_one_hot"
    bad_values: ClassVar[str] = (
        _BAD + "an unknown value fails, sets no slot or that of infrequent ones, as fitted."
    )
    mleap: ClassVar[str] = "absent"

    categories: tuple[Categories, ...]
    slots: tuple[tuple[int, ...], ...]
    unknowns: tuple[int, ...]
    width: int
    sparse: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.categories)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        unknowns, width = attributes.integers("unknowns", ()), attributes.integer("width")
        categories, slots = [], []
        for position, spot in enumerate(unknowns):
            categories.append(Categories.decode(attributes, f"categories{position}"))
            slots.append(attributes.integers(f"slots{position}", ()))
            if len(slots[-1]) != categories[-1].count:
                raise attributes.error(f"slots{position} has not as many slots as there are categories")
            if any(not NONE <= slot < width for slot in slots[-1]) or not REFUSE <= spot < width:
                raise attributes.error(f"slots{position} has a slot that is none of the {width}")
        if width > sum(one.count for one in categories):
            raise attributes.error(f"width is {width}, and there are fewer categories")
        return cls(tuple(categories), tuple(slots), unknowns, width, attributes.boolean("sparse", False))

    def encode(self) -> Mapping[str, Value]:
        made: dict[str, Value] = {
            "unknowns": spec.integers(self.unknowns),
            "width": spec.integer(self.width),
            "sparse": spec.boolean(self.sparse),
        }
        for position, (one, slots) in enumerate(zip(self.categories, self.slots, strict=True)):
            made |= {**one.encode(f"categories{position}"), f"slots{position}": spec.integers(slots)}
        return made

    def default_types(self) -> tuple[Type, ...]:
        return tuple(one.type for one in self.categories)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, (one, type_) in enumerate(zip(self.categories, inputs, strict=True)):
            one.check(type_, position)
        return (vector(self.width),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        places = [one.places(column) for one, column in zip(self.categories, inputs, strict=True)]
        check_columns(inputs, places, [spot == REFUSE for spot in self.unknowns])
        rows = len(inputs[0])
        # The slot of an unknown value stands behind those of the categories, where place -1 finds it.
        tables = [np.array([*slots, spot]) for slots, spot in zip(self.slots, self.unknowns, strict=True)]
        set_ = np.stack([table[spots] for table, spots in zip(tables, places, strict=True)], axis=1)
        if self.width > WIDE and self.sparse:
            stored = np.sort(set_, axis=1)
            counts = (stored >= 0).sum(axis=1)
            starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
            indices = stored[stored >= 0].astype(np.int32)
            return (Column(vector(self.width), Csr(starts, indices, np.ones(len(indices)), self.width)),)
        if self.width > WIDE:
            kernel = self.row([column.type for column in inputs])
            cells = [kernel(*[column.cell(row) for column in inputs]) for row in range(rows)]
            return (vectors_of(cells, Field("output", vector(self.width))),)
        whole = np.zeros((rows, self.width))
        at, column = np.nonzero(set_ >= 0)
        whole[at, set_[at, column]] = 1.0
        return (column_of(whole, self.sparse),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        parts = [
            (one.placer(type_), [*slots, spot])
            for one, type_, slots, spot in zip(
                self.categories, inputs, self.slots, self.unknowns, strict=True
            )
        ]
        width, sparse, types = self.width, self.sparse, tuple(inputs)

        def kernel(*cells: Any) -> Vector:
            bad_cell(types, cells)
            found = []
            for position, ((place, slots), cell) in enumerate(zip(parts, cells, strict=True)):
                slot = slots[place(cell)]
                if slot >= 0:
                    found.append(slot)
                elif slot == REFUSE:
                    raise unknown(cell, 0, position)
            if sparse:
                found.sort()
                return SparseVector(width, found, [1.0] * len(found))
            made = [0.0] * width
            for slot in found:
                made[slot] = 1.0
            return made

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        categories = (
            Categories(("a", "", "ü"), True),
            Categories((3, -1)),
            Categories((0.5, -2.0), True),
            Categories((False, True)),
        )
        slots = ((0, 1, 2, NONE), (3, 4), (5, NONE, 6), (NONE, 7))
        many = Categories(tuple(range(-1, 1499)))
        wide = (categories[0], many, *categories[2:])
        places = (slots[0], tuple(range(8, 1508)), *slots[2:])
        for sparse in (False, True):
            for op in (
                cls(categories, slots, (NONE, 3, 5, NONE), 8, sparse),
                cls(categories, slots, (REFUSE,) * 4, 8, sparse),
                cls(wide, places, (NONE, 3, 5, NONE), 1508, sparse),
            ):
                for inputs in _hostile():
                    yield Example(op, inputs)


def _hostile() -> Iterable[tuple[Column, ...]]:
    types = (STRING, LONG, DOUBLE, BOOLEAN)
    yield tuple(from_cells(type_, []) for type_ in types)
    for rows in (
        [("a", 3, 0.5, True), (None, -1, None, False), ("ü", 3, math.nan, True), ("", -1, -2.0, False)],
        [("a", 3, 0.5, True), ("é", 2**62, -0.0, False)],
        [("b", None, 0.5, True)],
        [("a", 3, math.inf, True)],
        [("a", 3, 0.5, None)],
    ):
        yield tuple(
            from_cells(type_, cells) for type_, cells in zip(types, zip(*rows, strict=True), strict=True)
        )


@register
@dataclass(frozen=True, slots=True)
class Lookup(Op):
    """Numbers that stand for categories: for every slot, of which column, the number of each category, and that of
    an unknown value (None where it is refused).

    Source: OrdinalEncoder.transform and TargetEncoder.transform.
    """

    name: ClassVar[str] = "sklearn_lookup"
    bad_values: ClassVar[str] = _BAD + "an unknown value fails, or has a number of its own, as fitted."
    mleap: ClassVar[str] = "absent"

    categories: tuple[Categories, ...]
    slots: tuple[tuple[int, tuple[float, ...], float | None], ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.categories)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        count, slots = attributes.integer("columns"), []
        if not 0 < count <= 1_000_000:
            raise attributes.error(f"columns is {count}")
        categories = tuple(Categories.decode(attributes, f"categories{place}") for place in range(count))
        for place, column in enumerate(attributes.integers("slots", ())):
            values = fitted_tensor(attributes, f"values{place}")
            if not 0 <= column < count or len(values) - 1 != categories[column].count:
                raise attributes.error(f"values{place} has not as many values as there are categories")
            refuses = attributes.boolean(f"refuses{place}", False)
            slots.append((column, values[:-1], None if refuses else values[-1]))
        return cls(categories, tuple(slots))

    def encode(self) -> Mapping[str, Value]:
        made: dict[str, Value] = {
            "columns": spec.integer(len(self.categories)),
            "slots": spec.integers([column for column, _, _ in self.slots]),
        }
        for place, one in enumerate(self.categories):
            made |= one.encode(f"categories{place}")
        for place, (_, values, other) in enumerate(self.slots):
            made |= tensor(f"values{place}", (*values, 0.0 if other is None else other))
            made[f"refuses{place}"] = spec.boolean(other is None)
        return made

    @property
    def _refuses(self) -> list[bool]:
        refused = {column for column, _, other in self.slots if other is None}
        return [position in refused for position in range(len(self.categories))]

    def default_types(self) -> tuple[Type, ...]:
        return tuple(one.type for one in self.categories)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, (one, type_) in enumerate(zip(self.categories, inputs, strict=True)):
            one.check(type_, position)
        return (vector(len(self.slots)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        places = [one.places(column) for one, column in zip(self.categories, inputs, strict=True)]
        check_columns(inputs, places, self._refuses)
        made = np.empty((len(inputs[0]), len(self.slots)))
        for slot, (column, values, other) in enumerate(self.slots):
            made[:, slot] = np.array([*values, math.nan if other is None else other])[places[column]]
        if len(self.slots) > WIDE:
            return (vectors_of(made.tolist(), Field("output", vector(len(self.slots)))),)
        return (Column(vector(len(self.slots)), made),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        placers = [one.placer(type_) for one, type_ in zip(self.categories, inputs, strict=True)]
        refuses, types = self._refuses, tuple(inputs)
        slots = [
            (column, [*values, math.nan if other is None else other]) for column, values, other in self.slots
        ]

        def kernel(*cells: Any) -> list[float]:
            bad_cell(types, cells)
            places = [place(cell) for place, cell in zip(placers, cells, strict=True)]
            for position, place in enumerate(places):
                if place == UNKNOWN and refuses[position]:
                    raise unknown(cells[position], 0, position)
            return [values[places[column]] for column, values in slots]

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        categories = (
            Categories(("a", "", "ü"), True),
            Categories((3, -1)),
            Categories((0.5, -2.0), True),
            Categories((False, True)),
        )
        slots = (
            (0, (0.0, 1.0, 2.0, math.nan)),
            (1, (-0.0, 1e300)),
            (2, (5e-324, 1.0, -1.0)),
            (3, (0.1, 0.2)),
        )
        kinds: tuple[float | None, ...] = (None, -1.0, math.nan)
        for other in kinds:
            op = cls(categories, tuple((column, values, other) for column, values in slots))
            for inputs in _hostile():
                yield Example(op, inputs)
        yield Example(cls((Categories((1.0,)),), ((0, (2.0,), 3.0),)), (from_cells(INT, [1, 2]),))


@reads_sklearn(
    "preprocessing._encoders.OneHotEncoder",
    ops=(OneHot,),
    forms="strings, numbers, booleans and missing values; every handle_unknown and drop; min_frequency, "
    "max_categories; dense or sparse",
    takes="columns",
)
def _one_hot(step: SklearnStep) -> Made:
    encoder = step.estimator
    dropped = encoder._drop_idx_after_grouping
    categories, slots, unknowns = [], [], []
    start = 0
    for column, values in enumerate(encoder.categories_):
        found, order = fitted(step, column, values)
        infrequent = _infrequent(encoder, column)
        mapping = (
            range(len(values)) if infrequent is None else encoder._default_to_infrequent_mappings[column]
        )
        drop = None if dropped is None else dropped[column]
        spots = [_spot(int(mapping[place]), drop, start) for place in order]
        categories.append(found)
        slots.append(tuple(spots))
        other = NONE
        if encoder.handle_unknown == "error":
            other = REFUSE
        elif infrequent is not None and encoder.handle_unknown in ("infrequent_if_exist", "warn"):
            other = _spot(int(mapping[infrequent[0]]), drop, start)
        unknowns.append(other)
        start += int(encoder._n_features_outs[column])
    op = OneHot(tuple(categories), tuple(slots), tuple(unknowns), start, bool(encoder.sparse_output))
    return step.transformed(op, sparse=op.sparse)


def _infrequent(encoder: Any, column: int) -> Any:
    """The infrequent categories of a column, or None where it has none."""
    return encoder._infrequent_indices[column] if encoder._infrequent_enabled else None


def _spot(place: int, drop: int | None, start: int) -> int:
    """The slot of a category that has this place among those kept and grouped."""
    if drop is None or place < drop:
        return start + place
    return NONE if place == drop else start + place - 1


@reads_sklearn(
    "preprocessing._encoders.OrdinalEncoder",
    ops=(Lookup,),
    forms="strings, numbers, booleans and missing values; both handle_unknown; encoded_missing_value; min_frequency, "
    "max_categories",
    takes="columns",
)
def _ordinal(step: SklearnStep) -> Made:
    encoder = step.estimator
    categories, slots = [], []
    for column, values in enumerate(encoder.categories_):
        found, order = fitted(step, column, values)
        infrequent = _infrequent(encoder, column)
        mapping = (
            range(len(values)) if infrequent is None else encoder._default_to_infrequent_mappings[column]
        )
        # A missing value is in no group, so the mapping does not have it.
        numbers = [float(mapping[place]) for place in order[: len(found.labels)]]
        numbers += [float(encoder.encoded_missing_value)] * found.missing
        other = float(encoder.unknown_value) if encoder.handle_unknown == "use_encoded_value" else None
        categories.append(found)
        slots.append((column, tuple(numbers), other))
    return step.transformed(Lookup(tuple(categories), tuple(slots)))


@reads_sklearn(
    "preprocessing._target_encoder.TargetEncoder",
    ops=(Lookup,),
    forms="targets that are continuous, binary or of several classes",
    takes="columns",
)
def _target(step: SklearnStep) -> Made:
    encoder = step.estimator
    categories, orders = [], []
    for column, values in enumerate(encoder.categories_):
        found, order = fitted(step, column, values)
        categories.append(found)
        orders.append(order)
    means = np.atleast_1d(encoder.target_mean_).tolist()
    slots = []
    for slot, values in enumerate(encoder.encodings_):
        column, target = divmod(slot, len(means))
        slots.append((column, tuple(float(values[place]) for place in orders[column]), float(means[target])))
    return step.transformed(Lookup(tuple(categories), tuple(slots)))
