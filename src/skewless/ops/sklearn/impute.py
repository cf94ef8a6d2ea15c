"""Missing values filled in, and marked: SimpleImputer and MissingIndicator."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from skewless import spec
from skewless.arrow import pc
from skewless.ops.op import Example, Lowered, Op, Refused, RowKernel, TypeRefused, register
from skewless.ops.rows import each_row, fitted_tensor, is_wide, tensor, vector_type
from skewless.ops.sklearn.matrix import checked, hostile, matrix, wide, with_nan
from skewless.ops.sklearn.scale import exactly
from skewless.ops.sklearn_step import Made, SklearnStep, reads_sklearn
from skewless.schema import STRING, Type, vector
from skewless.spec import Attributes, Model, Value
from skewless.table import Column, Numbers, from_cells

_BAD: str = (
    "NaN is the missing value, or fails where that is a number; an infinity, a null vector or one of another length "
    "fails, as in scikit-learn"
)


def _is_missing(values: Numbers, missing: float) -> Numbers:
    return np.isnan(values) if math.isnan(missing) else values == missing


def _slots(attributes: Attributes, name: str, size: int) -> tuple[int, ...]:
    found = attributes.integers(name, ())
    if any(not 0 <= slot < size for slot in found):
        raise attributes.error(f"{name} has a slot that is none of the {size}")
    return found


@register
@dataclass(frozen=True, slots=True)
class Impute(Op):
    """The kept slots with a number in place of the missing value, and behind them 1.0 or 0.0 for the marked slots.

    Source: SimpleImputer.transform of numbers.
    """

    name: ClassVar[str] = "sklearn_impute"
    bad_values: ClassVar[str] = f"{_BAD}."
    mleap: ClassVar[str] = "absent"

    size: int
    missing: float
    kept: tuple[int, ...]
    fill: tuple[float, ...]
    marked: tuple[int, ...] = ()

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        size = attributes.integer("size")
        (missing,) = exactly(attributes, "missing", 1)
        kept, fill = _slots(attributes, "kept", size), fitted_tensor(attributes, "fill")
        if len(kept) != len(fill):
            raise attributes.error(f"kept has {len(kept)} slots and fill {len(fill)} values")
        return cls(size, missing, kept, fill, _slots(attributes, "marked", size))

    def encode(self) -> Mapping[str, Value]:
        return {
            "size": spec.integer(self.size),
            "kept": spec.integers(self.kept),
            "marked": spec.integers(self.marked),
            **tensor("missing", (self.missing,)),
            **tensor("fill", self.fill),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        vector_type(inputs, self.size)
        return (vector(len(self.kept) + len(self.marked)),)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        column = matrix(inputs[0], self.size, math.isnan(self.missing))
        made = vector(len(self.kept) + len(self.marked))
        if is_wide(column):
            return (each_row(self.row([column.type]), made, column),)
        absent = _is_missing(column.values, self.missing)
        kept, marked = np.array(self.kept, np.int64), np.array(self.marked, np.int64)
        filled = np.where(absent[:, kept], np.array(self.fill), column.values[:, kept])
        return (Column(made, np.hstack([filled, absent[:, marked].astype(np.float64)])),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        size, missing, marked = self.size, self.missing, self.marked
        nan, slots = math.isnan(missing), list(zip(self.kept, self.fill, strict=True))

        def absent(value: float) -> bool:
            return value != value if nan else value == missing

        def kernel(cell: Any) -> list[float]:
            checked(cell, size, nan)
            row = cell if isinstance(cell, list) else cell.dense()
            made = [fill if absent(row[slot]) else row[slot] for slot, fill in slots]
            return made + [float(absent(row[slot])) for slot in marked]

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for op in (
            cls(4, math.nan, (0, 1, 2, 3), (0.5, -0.0, math.inf, 5e-324)),
            cls(4, math.nan, (1, 3), (0.5, math.nan), (0, 1)),
            cls(4, 0.0, (0, 1, 2, 3), (1.0,) * 4, (2,)),
            cls(4, math.nan, (), (), (3,)),
        ):
            for column in (*hostile(), with_nan()):
                yield Example(op, (column,))
        yield Example(cls(1500, 0.0, tuple(range(1500)), (7.0,) * 1500, (0, 1499)), (wide(),))


@register
@dataclass(frozen=True, slots=True)
class Missing(Op):
    """1.0 or 0.0 for the marked slots; a missing value in a slot of ``refused`` fails.

    Source: MissingIndicator.transform of numbers.
    """

    name: ClassVar[str] = "sklearn_missing"
    bad_values: ClassVar[str] = (
        f"{_BAD}; so does a missing value in a slot that had none in the fit, if asked for."
    )
    mleap: ClassVar[str] = "absent"

    size: int
    missing: float
    marked: tuple[int, ...]
    refused: tuple[int, ...] = ()

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        size = attributes.integer("size")
        (missing,) = exactly(attributes, "missing", 1)
        return cls(size, missing, _slots(attributes, "marked", size), _slots(attributes, "refused", size))

    def encode(self) -> Mapping[str, Value]:
        return {
            "size": spec.integer(self.size),
            "marked": spec.integers(self.marked),
            "refused": spec.integers(self.refused),
            **tensor("missing", (self.missing,)),
        }

    @property
    def _impute(self) -> Impute:
        return Impute(self.size, self.missing, (), (), self.marked)

    def default_types(self) -> tuple[Type, ...]:
        return (vector(self.size),)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        return self._impute.types(inputs)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        made = self._impute.columns(*inputs)
        for row in range(len(inputs[0])) if self.refused else ():
            self._check(inputs[0].cell(row), row)
        return made

    def _check(self, cell: Any, position: int) -> None:
        row = cell if isinstance(cell, list) else cell.dense()
        for slot in self.refused:
            if row[slot] == self.missing or (row[slot] != row[slot] and math.isnan(self.missing)):
                raise Refused(
                    f"feature {slot} is missing, and was not in the fit",
                    value=row[slot],
                    position=position,
                    hint="Fit the indicator with error_on_new=False, or with such rows.",
                )

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        mark = self._impute.row(inputs)

        def kernel(cell: Any) -> Any:
            made = mark(cell)
            self._check(cell, 0)
            return made

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for op in (cls(4, math.nan, (0, 2)), cls(4, math.nan, (0,), (1, 2, 3)), cls(4, 0.0, (1, 3), (0,))):
            for column in (*hostile(), with_nan()):
                yield Example(op, (column,))


@register
@dataclass(frozen=True, slots=True)
class FillText(Op):
    """Strings in place of missing ones: of null, and of the ``missing`` text where that stands for it.

    Source: SimpleImputer.transform of strings.
    """

    name: ClassVar[str] = "sklearn_fill_text"
    bad_values: ClassVar[str] = (
        "A null string is filled in; where a text stands for missing ones, null fails."
    )
    mleap: ClassVar[str] = "absent"

    fill: tuple[str, ...]
    missing: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{position}" for position in range(len(self.fill)))

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(f"output{position}" for position in range(len(self.fill)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        missing = attributes.string("missing") if "missing" in attributes else None
        return cls(attributes.strings("fill", ()), missing)

    def encode(self) -> Mapping[str, Value]:
        missing = {} if self.missing is None else {"missing": spec.string(self.missing)}
        return {"fill": spec.strings(self.fill), **missing}

    def default_types(self) -> tuple[Type, ...]:
        return (STRING,) * len(self.fill)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        for position, type_ in enumerate(inputs):
            if type_ != STRING:
                raise TypeRefused(f"strings were fitted here, not a {type_}", input=position)
        return (STRING,) * len(self.fill)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        if self.missing is not None:
            nulls = [
                (int(np.argmax(mask)), position)
                for position, column in enumerate(inputs)
                if (mask := column.null_mask) is not None and mask.any()
            ]
            if nulls:
                row, position = min(nulls)
                raise _null(row, position)
        return tuple(Column(STRING, self._filled(*pair)) for pair in zip(inputs, self.fill, strict=True))

    def _filled(self, column: Column, fill: str) -> pa.Array:
        texts = column.values
        if isinstance(texts, pa.DictionaryArray):
            texts = texts.dictionary_decode()
        if self.missing is None:
            return pc.fill_null(texts, fill)
        return pc.if_else(pc.equal(texts, self.missing), fill, texts)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        fill, missing = self.fill, self.missing

        def kernel(*cells: Any) -> Any:
            if missing is not None and None in cells:
                raise _null(0, cells.index(None))
            made = [text if cell == missing else cell for cell, text in zip(cells, fill, strict=True)]
            return made[0] if len(made) == 1 else tuple(made)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        for missing in (None, "", "?"):
            for cells in ([], ["a", None, "", "?", "ü"], ["", "?"]):
                yield Example(cls(("none",), missing), (from_cells(STRING, cells),))
                pair = (from_cells(STRING, cells), from_cells(STRING, list(reversed(cells))))
                yield Example(cls(("none", "日本"), missing), pair)


def _null(row: int, position: int) -> Refused:
    return Refused(
        "the value is null, and a text stands for missing values here",
        value=None,
        position=row,
        input=position,
        hint="Send the text that the imputer was told as missing_values.",
    )


def _missing_number(step: SklearnStep) -> float:
    """The number that stands for missing ones; NaN for NaN and pandas' NA."""
    missing = step.estimator.missing_values
    if isinstance(missing, int | float | np.number):
        return float(missing)
    if str(missing) == "<NA>":
        return math.nan
    raise step.refused(f"its missing_values is {missing!r}, which no number of a matrix is")


@reads_sklearn(
    "impute._base.SimpleImputer",
    ops=(Impute, FillText),
    forms="every strategy; numbers (with add_indicator, keep_empty_features) or strings; dense",
    takes="either",
)
def _simple(step: SklearnStep) -> Made:
    fitted = step.estimator
    if step.sparse:
        raise step.refused(
            "it is handed a sparse matrix", "Make the step before it dense (sparse_output=False)."
        )
    if step.types[0] is None or not step.types[0].is_vector:
        return _text(step)
    missing = _missing_number(step)
    statistics = [float(value) for value in np.asarray(fitted.statistics_).tolist()]
    kept = [slot for slot, value in enumerate(statistics) if fitted.keep_empty_features or value == value]
    marked = fitted.indicator_.features_.tolist() if fitted.add_indicator else []
    fill = [statistics[slot] for slot in kept]
    return step.transformed(Impute(step.size, missing, tuple(kept), tuple(fill), tuple(marked)))


def _text(step: SklearnStep) -> Made:
    fitted = step.estimator
    if any(type_ not in (STRING, None) for type_ in step.types):
        raise step.refused(
            "it imputes strings and numbers together",
            "Impute them by two steps of a ColumnTransformer: one for the strings, one for the numbers.",
        )
    missing = fitted.missing_values
    if step.nones and missing is not None and not isinstance(missing, str):
        raise step.refused(
            f"column {step.nones[0]!r} of the sample has None, which is not the {missing!r} that it replaces",
            "Fit it with missing_values=None, or replace None in the frame: frame.fillna(value=numpy.nan).",
        )
    fill = np.asarray(fitted.statistics_).tolist()
    if fitted.add_indicator or not all(isinstance(text, str) for text in fill):
        raise step.refused("it marks missing strings, or has no string for a column")
    if isinstance(missing, str):
        op = FillText(tuple(fill), missing)
    elif missing is None or missing != missing or str(missing) == "<NA>":
        op = FillText(tuple(fill))
    else:
        raise step.refused(f"its missing_values is {missing!r}, which no string is")
    names = [f"{step.output}__{name}" for name in step.inputs]
    return Made((Lowered(op, step.inputs, tuple(names)),), dict.fromkeys(names, "transform"))


@reads_sklearn(
    "impute._base.MissingIndicator",
    ops=(Missing,),
    forms="numbers; every features and error_on_new; dense result",
)
def _indicator(step: SklearnStep) -> Made:
    fitted = step.estimator
    if step.sparse or fitted.sparse is True:
        raise step.refused("it is handed or gives a sparse matrix", "Fit it dense, with sparse=False.")
    marked = fitted.features_.tolist()
    strict = fitted.features == "missing-only" and fitted.error_on_new
    refused = sorted(set(range(step.size)) - set(marked)) if strict else []
    return step.transformed(Missing(step.size, _missing_number(step), tuple(marked), tuple(refused)))
