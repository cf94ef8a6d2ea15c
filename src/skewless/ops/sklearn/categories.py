"""Which of its fitted categories a value is, as scikit-learn's encoders look it up, for a batch and for a row."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import pyarrow as pa

from skewless import spec
from skewless.arrow import pc
from skewless.ops.op import Refused, TypeRefused
from skewless.ops.sklearn.columns import no_null
from skewless.ops.sklearn.labels import decode_labels, encode_labels, type_of_labels
from skewless.ops.sklearn_step import SklearnStep, labels_of
from skewless.schema import DOUBLE, INTEGERS, STRING, Struct, Type
from skewless.spec import Attributes, Value
from skewless.table import Column

UNKNOWN: Final = -1
"""The place of a value that is no category."""


@dataclass(frozen=True, slots=True)
class Categories:
    """The categories of one column, all of one type, and whether a missing value is one of them, behind the others.

    A null string, and a null or NaN double, are missing values.
    """

    labels: tuple[Any, ...]
    missing: bool = False

    @property
    def count(self) -> int:
        """How many places there are."""
        return len(self.labels) + self.missing

    @property
    def type(self) -> Type:
        """What the categories are."""
        return type_of_labels(self.labels) or DOUBLE

    def check(self, given: Type, input: int) -> None:
        """TypeRefused where a column's values cannot be looked up here."""
        same = given == self.type or (given.is_number and self.type.is_number)
        if given.struct is not Struct.BASIC or not same:
            raise TypeRefused(f"its categories are {self.type}, not {given}", input=input)

    def places(self, column: Column) -> np.ndarray[Any, np.dtype[np.int64]]:
        """The places of a column's values."""
        absent = len(self.labels) if self.missing else UNKNOWN
        if self.type == STRING:
            found = pc.index_in(column.values, pa.array(self.labels, pa.string()))
            made = found.fill_null(UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)
            nulls = column.null_mask
            return made if nulls is None else np.where(nulls, absent, made)
        whole = self.type.base in INTEGERS and column.type.base in INTEGERS
        values = np.asarray(column.values) if whole else column.numbers()
        known = np.array(self.labels, np.int64 if whole else np.float64)
        if not len(known):
            return np.where(np.isnan(values), absent, UNKNOWN)
        order = np.argsort(known)
        spots = np.minimum(np.searchsorted(known, values, sorter=order), len(known) - 1)
        made = np.where(known[order[spots]] == values, order[spots], UNKNOWN)
        return np.where(np.isnan(values), absent, made) if not whole else made

    def placer(self, given: Type) -> Callable[[Any], int]:
        """`places` for a value of a column of this type."""
        absent = len(self.labels) if self.missing else UNKNOWN
        whole = self.type == STRING or (self.type.base in INTEGERS and given.base in INTEGERS)
        known = {label if whole else float(label): place for place, label in enumerate(self.labels)}
        find = known.get

        def place(cell: Any) -> int:
            if cell is None or cell != cell:
                return absent
            return find(cell if whole else float(cell), UNKNOWN)

        return place

    def encode(self, name: str) -> Mapping[str, Value]:
        """The attributes of the column of this name."""
        return {**encode_labels(name, self.labels), f"{name}_missing": spec.boolean(self.missing)}

    @classmethod
    def decode(cls, attributes: Attributes, name: str) -> Self:
        """The categories out of attributes."""
        labels = decode_labels(attributes, name)
        if len(set(labels)) != len(labels) or any(label != label for label in labels):
            raise attributes.error(f"{name} has one category twice, or NaN")
        return cls(labels, attributes.boolean(f"{name}_missing", False))


def fitted(step: SklearnStep, column: int, values: Any) -> tuple[Categories, list[int]]:
    """The categories of a column with the order in which they stand there: places of ``values``, a missing one last.

    UnsupportedError where they are of several types, or where None and NaN are two categories: here they are one.
    """
    found = labels_of(values)
    absent = [place for place, value in enumerate(found) if value is None or value != value]
    present = [place for place, value in enumerate(found) if place not in absent]
    labels = tuple(found[place] for place in present)
    if len(absent) > 1:
        raise step.refused(f"both None and NaN are categories of column {column}, and a null is one value")
    if labels and type_of_labels(labels) is None:
        kinds = ", ".join(sorted({type(label).__name__ for label in labels}))
        raise step.refused(
            f"the categories of column {column} are of several types or of none known ({kinds})"
        )
    given = step.types[column]
    if not labels and given == STRING:
        # All values were missing; what type they were nothing else tells.
        raise step.refused(f"column {column} had only missing values")
    return Categories(labels, bool(absent)), [*present, *absent]


def bad_cell(types: Sequence[Type], cells: Sequence[Any]) -> None:
    """Refused for what scikit-learn's own check refuses in a row: a null whole number or boolean, an infinity."""
    for position, (type_, cell) in enumerate(zip(types, cells, strict=True)):
        if cell is None and type_ not in (STRING, DOUBLE):
            no_null(cell, 0, position)
        if isinstance(cell, float) and math.isinf(cell):
            raise infinite(cell, 0, position)


def infinite(cell: float, row: int, position: int) -> Refused:
    """The refusal of an infinity."""
    return Refused(
        f"the value is {cell!r}",
        value=cell,
        position=row,
        input=position,
        hint="scikit-learn refuses it too: replace it before this step.",
    )


def bad_rows(column: Column) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """`bad_cell` of a column: which rows are refused."""
    bad = np.zeros(len(column), np.bool_)
    if column.type.is_string:
        return bad
    if column.type.base == DOUBLE.base:
        return np.asarray(np.isinf(column.values) & (True if column.nulls is None else ~column.nulls))
    return bad if column.nulls is None else column.nulls


def unknown(cell: Any, row: int, position: int) -> Refused:
    """The refusal of a value that is no category."""
    return Refused(
        f"{cell!r} is none of the categories that it was fitted on",
        value=cell,
        position=row,
        input=position,
        hint="Send a known one, or fit the encoder with another handle_unknown than 'error'.",
    )


def check_columns(
    inputs: Sequence[Column], places: Sequence[np.ndarray[Any, np.dtype[np.int64]]], refuses: Sequence[bool]
) -> None:
    """Refuse the first bad row as the row kernel does: what is no value at all, then what is no category."""
    found = []
    for position, (column, spots, refuse) in enumerate(zip(inputs, places, refuses, strict=True)):
        for kind, bad in enumerate((bad_rows(column), (spots == UNKNOWN) & refuse)):
            if bad.any():
                found.append((int(np.argmax(bad)), kind, position))
    if not found:
        return
    row, kind, position = min(found)
    if kind == 0:
        cells = [column.cell(row) for column in inputs]
        try:
            bad_cell([column.type for column in inputs], cells)
        except Refused as refused:
            refused.position = row
            raise
    raise unknown(inputs[position].cell(row), row, position)
