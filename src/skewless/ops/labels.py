"""Labels to indices and back: Spark's StringIndexerModel and IndexToString."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa

from skewless import spec
from skewless.arrow import pc
from skewless.coded import Coded
from skewless.errors import UnsupportedError
from skewless.javatext import value_text
from skewless.ops.compiling import ABSENT, Source, Symbol, entry, tabled
from skewless.ops.ml_attributes import MLAttributes, nominal
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
from skewless.schema import DOUBLE, STRING, Struct, Type
from skewless.spec import Model, Value
from skewless.table import Column, Mask, Numbers, from_cells

INVALID = ("error", "keep", "skip")
_FEW = 4096
"""Texts that are looked up one by one, which takes no longer for so few, and no import of Arrow's functions."""


@register
@dataclass(frozen=True, slots=True)
class StringIndexer(Op):
    """The position of a string among the fitted labels, as a double; other types are cast to strings first.

    A null or unseen label is refused, dropped with its row, or given the index after the last label, as
    ``handle_invalid`` says. Source: Spark's StringIndexerModel.transform.
    """

    name: ClassVar[str] = "string_indexer"
    bad_values: ClassVar[str] = (
        "A null or unseen label fails (error), gets the index after the last label (keep) or drops the row "
        "(skip)."
    )
    mleap: ClassVar[str] = "With skip, null makes it fail where Spark drops the row."

    labels: tuple[str, ...]
    handle_invalid: str = "error"

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        arrays = sorted(name for name in attributes if name.startswith("labels_array_"))
        if len(arrays) > 1:
            raise attributes.error(
                f"it indexes {len(arrays)} columns in one stage, which is not supported",
                "Export the pipeline with skewless.spark, which writes one stage a column.",
            )
        labels = attributes.strings(arrays[0] if arrays else "labels")
        invalid = attributes.string("handle_invalid", "error")
        if invalid not in INVALID:
            raise attributes.error(f"handle_invalid is {invalid!r}; it must be one of {', '.join(INVALID)}")
        if len(set(labels)) != len(labels):
            twice = next(label for label in labels if labels.count(label) > 1)
            raise attributes.error(f"label {twice!r} stands twice among the labels")
        return cls(labels, invalid)

    def encode(self) -> Mapping[str, Value]:
        return {
            "labels_length": spec.integer(1),
            "labels_array_0": spec.strings(self.labels),
            "handle_invalid": spec.string(self.handle_invalid),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (STRING,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if inputs[0].struct is not Struct.BASIC:
            raise TypeRefused(f"labels must be single values, not {inputs[0]}")
        return (DOUBLE,)

    def attributes(
        self, inputs: Sequence[MLAttributes | None], types: Sequence[Type]
    ) -> Sequence[MLAttributes | None]:
        unknown = ("__unknown",) if self.handle_invalid == "keep" else ()
        return (nominal(self.labels + unknown),)

    def keep(self, *inputs: Column) -> Mask | None:
        if self.handle_invalid != "skip":
            return None
        positions, codes = self._positions(inputs[0].texts())
        stay: Mask = (positions >= 0)[codes]
        return stay

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        texts = inputs[0].texts()
        positions, codes = self._positions(texts)
        invalid = positions < 0
        if self.handle_invalid != "keep":
            there = invalid[codes]
            if there.any():
                first = int(np.argmax(there))
                raise self._refusal(texts[first].as_py(), first)
        # In the other modes no row is left that is invalid.
        other = len(self.labels) if self.handle_invalid == "keep" else 0
        positions = np.where(invalid, float(other), positions)
        return (Coded(Column(DOUBLE, positions), codes),)

    def _positions(self, texts: pa.Array) -> tuple[Numbers, Numbers]:
        """The position of each distinct text, -1 where it has none; and each row's text among these."""
        if len(texts) <= _FEW and not pa.types.is_dictionary(texts.type):
            codes: dict[str | None, int] = {}
            each = [codes.setdefault(text, len(codes)) for text in texts.to_pylist()]
            return self._looked_up(codes), np.array(each, np.int32)
        encoded = texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
        positions, rows = self._found(encoded.dictionary), encoded.indices
        if rows.null_count:
            # One more, for null.
            positions, rows = np.append(positions, -1), pc.fill_null(rows.cast(pa.int32()), len(positions))
        return positions, rows.to_numpy(zero_copy_only=False)

    def _found(self, texts: pa.Array) -> Numbers:
        """The position of each text."""
        if len(texts) <= _FEW:
            return self._looked_up(texts.to_pylist())
        found = pc.index_in(texts, value_set=pa.array(self.labels, texts.type))
        positions: Numbers = pc.fill_null(found, -1).to_numpy(zero_copy_only=False)
        return positions

    def _looked_up(self, texts: Iterable[str | None]) -> Numbers:
        index = self._index
        return np.array([-1.0 if text is None else index.get(text, -1.0) for text in texts])

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        index = self._index
        base = None if inputs[0].is_string else inputs[0].base
        unseen = float(len(self.labels)) if self.handle_invalid == "keep" else None
        skip = self.handle_invalid == "skip"

        def kernel(label: Any) -> float:
            if base is not None and label is not None:
                label = value_text(label, base)
            position = index.get(label, unseen)
            if position is None:
                if skip:
                    raise Skipped
                raise self._refusal(label, 0)
            return position

        return kernel

    @property
    def _index(self) -> dict[str, float]:
        return {label: float(position) for position, label in enumerate(self.labels)}

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        unseen = float(len(self.labels)) if self.handle_invalid == "keep" else ABSENT
        return entry(inputs[0], self._index, unseen)

    def _refusal(self, label: str | None, position: int) -> Refused:
        what = "the value is null" if label is None else f"unseen label {label!r}"
        shown = ", ".join(map(repr, self.labels[:8])) + (", …" if len(self.labels) > 8 else "")
        return Refused(
            f"{what}; the fitted labels are {shown or 'none'}",
            value=label,
            position=position,
            hint='Correct the value, or fit with handleInvalid="keep".',
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        cells = ["b", None, "a", "", "unseen", "ü", "b ", "ß,\n"]
        for labels in (("a", "b"), ("", "ü", "ß,\n"), ()):
            for invalid in INVALID:
                yield Example(cls(labels, invalid), (from_cells(STRING, cells),))
                yield Example(cls(labels, invalid), (from_cells(STRING, []),))
        numbers = from_cells(DOUBLE, [1.0, -0.0, math.nan, math.inf, 1e-5, 1e7, None])
        yield Example(cls(("1.0", "-0.0", "NaN", "1.0E-5"), "keep"), (numbers,))


@register
@dataclass(frozen=True, slots=True)
class IndexToString(Op):
    """The label at an index, which is cut to a whole number; null and NaN are refused.

    That is what Spark 4.3 does under ANSI rules, its default; before, NaN was given the first label.
    Source: Spark's IndexToString.transform.
    """

    name: ClassVar[str] = "reverse_string_indexer"
    bad_values: ClassVar[str] = (
        "A fraction is cut off; null, NaN and an index without a label fail, as they do under Spark 4's ANSI "
        "rules."
    )
    mleap: ClassVar[str] = "NaN gets the first label."

    labels: tuple[str, ...]

    @classmethod
    def decode(cls, model: Model) -> Self:
        return cls(model.attributes.strings("labels"))

    def encode(self) -> Mapping[str, Value]:
        shape = {"base": "scalar", "isNullable": False}
        return {
            "labels": spec.strings(self.labels),
            "input_shape": Value("scalar", "data_shape", shape),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (DOUBLE,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        if not inputs[0].is_number:
            raise TypeRefused(f"an index must be a number, not {inputs[0]}")
        return (STRING,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        numbers = inputs[0].numbers()
        cut = np.trunc(numbers)
        # Null rows hold NaN here, so they are outside too.
        outside = ~((cut >= 0) & (cut < len(self.labels)))
        if outside.any():
            first = int(np.argmax(outside))
            raise self._refusal(inputs[0].cell(first), first)
        codes = pa.Int32Array.from_buffers(pa.int32(), len(cut), [None, pa.py_buffer(cut.astype(np.int32))])
        dictionary = pa.array(self.labels or ("",), pa.string())
        return (Column(STRING, pa.DictionaryArray.from_arrays(codes, dictionary)),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        labels = self.labels

        def kernel(index: Any) -> str:
            if index is None or not -1 < index < len(labels):
                raise self._refusal(index, 0)
            return labels[int(index)]

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        (index,) = inputs
        label = tabled(index, map(float, range(len(self.labels))), self.row([index.type]), STRING)
        return None if label is None else [label]

    def _refusal(self, index: float | None, position: int) -> Refused:
        return Refused(
            f"index {'null' if index is None else float(index)} has no label; there are {len(self.labels)}",
            value=index,
            position=position,
            hint="The model before this stage was trained on other labels than these.",
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        hostile = [0.0, -0.0, 1.0, 1.999, -0.5]
        yield Example(cls(("ü", "")), (from_cells(DOUBLE, hostile),))
        yield Example(cls(("a",)), (from_cells(DOUBLE, []),))
        for outside in (None, 2.0, -1.0, math.nan, math.inf, -math.inf, 1e300):
            yield Example(cls(("a", "b")), (from_cells(DOUBLE, [0.0, outside]),))
        yield Example(cls(()), (from_cells(DOUBLE, [0.0]),))


@reads_spark(
    "org.apache.spark.ml.feature.StringIndexerModel",
    ops=(StringIndexer,),
    forms="one or several columns; error, keep, skip (skip with one column only)",
)
def _read_string_indexer(stage: SparkStage) -> Sequence[Lowered]:
    fitted = stage.fitted()
    # Spark 2 saved one list; Spark 3 and later a list for each column.
    arrays = fitted["labelsArray"] if "labelsArray" in fitted else [fitted["labels"]]
    invalid = str(stage.param("handleInvalid", "error"))
    if invalid == "skip" and len(arrays) > 1:
        raise UnsupportedError(
            f'{stage}: several columns with handleInvalid="skip" in one stage are not supported',
            hint="Use one StringIndexer a column.",
        )
    return [
        Lowered(StringIndexer(tuple(labels), invalid), (column,), (output,))
        for labels, column, output in zip(
            arrays, stage.columns("input"), stage.columns("output"), strict=True
        )
    ]


@reads_spark(
    "org.apache.spark.ml.feature.IndexToString",
    ops=(IndexToString,),
    forms="labels of its own, or the column's, which a sample tells",
)
def _read_index_to_string(stage: SparkStage) -> Sequence[Lowered]:
    (column,), (output,) = stage.columns("input"), stage.columns("output")
    labels = stage.param("labels") or stage.metadata(column).get("vals")
    if not labels:
        raise UnsupportedError(
            f"{stage}: it has no labels of its own, and column {column!r} carries none",
            hint="Give IndexToString(labels=indexer.labels), or export with sample=df.",
        )
    return [Lowered(IndexToString(tuple(labels)), (column,), (output,))]
