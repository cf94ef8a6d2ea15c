"""Texts to numbers that a table gives: MLeap's string_map and regex_indexer, which Spark has not."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Self

import numpy as np
import pyarrow as pa

from skewless import spec
from skewless.arrow import pc
from skewless.javatext import value_text
from skewless.ops import java_regex
from skewless.ops.compiling import ABSENT, Source, Symbol, entry
from skewless.ops.op import Example, Op, Refused, RowKernel, TypeRefused, register
from skewless.ops.rows import infinite, restored
from skewless.schema import DOUBLE, INT, LONG, STRING, Base, Struct, Type
from skewless.spec import Model, Value
from skewless.table import Column, from_cells

_INVALID: Final = ("error", "keep")


def _check(inputs: Sequence[Type]) -> None:
    """Texts, or numbers, which are looked up as Java writes them."""
    type_ = inputs[0]
    if type_.struct is not Struct.BASIC or type_.base is Base.BOOLEAN:
        # MLeap writes a boolean as 1 or 0 and Spark as true or false: which one was meant is not known.
        raise TypeRefused(f"it takes strings or numbers, not {type_}")


@register
@dataclass(frozen=True, slots=True)
class StringMap(Op):
    """The number that belongs to a text. What is not in the table is refused, or given the default with keep.

    Source: MLeap's StringMapModel.
    """

    name: ClassVar[str] = "string_map"
    bad_values: ClassVar[str] = "Null and unseen texts: error fails, keep gives the default."
    mleap: ClassVar[str] = ""

    labels: tuple[str, ...]
    values: tuple[float, ...]
    handle_invalid: str = "error"
    default: float = 0.0

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        labels = attributes.strings("labels")
        values = restored(attributes, "values", attributes.doubles("values"))
        invalid = attributes.string("handle_invalid", "error")
        if invalid not in _INVALID:
            raise attributes.error(f"handle_invalid is {invalid!r}; it must be one of {', '.join(_INVALID)}")
        if len(values) != len(labels):
            raise attributes.error(f"it has {len(labels)} labels and {len(values)} values")
        # As in a map that is filled in order, the last of equal labels holds.
        table = dict(zip(labels, values, strict=True))
        (default,) = restored(attributes, "default_value", (attributes.double("default_value", 0.0),))
        return cls(tuple(table), tuple(table.values()), invalid, default)

    def encode(self) -> Mapping[str, Value]:
        return {
            "labels": spec.strings(self.labels),
            "values": spec.doubles(self.values),
            "handle_invalid": spec.string(self.handle_invalid),
            "default_value": spec.double(self.default),
            **infinite("values", self.values),
            **infinite("default_value", (self.default,)),
        }

    def default_types(self) -> tuple[Type, ...]:
        return (STRING,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        _check(inputs)
        return (DOUBLE,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        texts = inputs[0].texts()
        if pa.types.is_dictionary(texts.type):
            texts = texts.dictionary_decode()
        found = pc.index_in(texts, value_set=pa.array(self.labels, texts.type))
        places = pc.fill_null(found, len(self.labels)).to_numpy(zero_copy_only=False)
        if self.handle_invalid == "error" and (places == len(self.labels)).any():
            first = int(np.argmax(places == len(self.labels)))
            raise self._refusal(texts[first].as_py(), first)
        return (Column(DOUBLE, np.array([*self.values, self.default])[places]),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        table: dict[str | None, float] = dict(zip(self.labels, self.values, strict=True))
        base = None if inputs[0].is_string else inputs[0].base
        default = self.default if self.handle_invalid == "keep" else None

        def kernel(text: Any) -> float:
            if base is not None and text is not None:
                text = value_text(text, base)
            value = table.get(text, default)
            if value is None:
                raise self._refusal(text, 0)
            return value

        return kernel

    def emit(
        self, source: Source, inputs: Sequence[Symbol], wanted: Sequence[bool]
    ) -> Sequence[Symbol | None] | None:
        unseen = self.default if self.handle_invalid == "keep" else ABSENT
        return entry(inputs[0], dict(zip(self.labels, self.values, strict=True)), unseen)

    def _refusal(self, text: str | None, position: int) -> Refused:
        return Refused(
            "the text is null" if text is None else f"the table has no entry for {text!r}",
            value=text,
            position=position,
            hint='Correct the value, or make the map with handle_invalid "keep" and a default.',
        )

    @classmethod
    def examples(cls) -> Iterable[Example]:
        cells = ["a", None, "", "unseen", "ü", "ß,\n", "a "]
        values = (0.1, -0.0, math.inf, math.nan)
        for labels in (("a", "", "ü", "ß,\n"), ()):
            for invalid in _INVALID:
                op = cls(labels, values[: len(labels)], invalid, -math.inf)
                yield Example(op, (from_cells(STRING, cells),))
                yield Example(op, (from_cells(STRING, []),))
        yield Example(cls(("a", ""), (1.0, 5e-324)), (from_cells(STRING, ["", "a"]),))
        numbers = from_cells(DOUBLE, [1.0, -0.0, math.nan, 1e7, None])
        yield Example(cls(("1.0", "-0.0", "NaN", "1.0E7"), values, "keep"), (numbers,))
        yield Example(cls(("1", "-1"), values[:2], "keep"), (from_cells(LONG, [1, -1, 2**53]),))


@register
@dataclass(frozen=True, slots=True)
class RegexIndexer(Op):
    """The number of the first pattern that is found anywhere in a text; otherwise the default.

    Source: MLeap's RegexIndexerModel. A pattern that Python has otherwise than Java is refused, by name.
    """

    name: ClassVar[str] = "regex_indexer"
    bad_values: ClassVar[str] = "Null fails, and so does a text without a match where there is no default."
    mleap: ClassVar[str] = ""

    patterns: tuple[str, ...]
    indices: tuple[int, ...]
    default: int | None = None

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        patterns, indices = attributes.strings("regexes"), attributes.integers("indices")
        if len(patterns) != len(indices):
            raise attributes.error(f"it has {len(patterns)} regexes and {len(indices)} indices")
        for pattern in patterns:
            try:
                java_regex.translate(pattern)
            except ValueError as error:
                raise attributes.error(
                    f"its Java pattern {pattern!r} has {error}",
                    r"Write the pattern without it: with [...], \s, \w and \d, say.",
                ) from None
        default = attributes.integer("default_value") if "default_value" in attributes else None
        return cls(patterns, indices, default)

    def encode(self) -> Mapping[str, Value]:
        default = {} if self.default is None else {"default_value": spec.integer(self.default)}
        return {"regexes": spec.strings(self.patterns), "indices": spec.integers(self.indices), **default}

    def default_types(self) -> tuple[Type, ...]:
        return (STRING,)

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        _check(inputs)
        return (INT,)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        kernel = self._kernel()
        made = [kernel(text, row) for row, text in enumerate(inputs[0].texts().to_pylist())]
        return (Column(INT, np.array(made, np.int32)),)

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        kernel, base = self._kernel(), inputs[0].base
        if inputs[0].is_string:
            return lambda text: kernel(text, 0)
        return lambda number: kernel(None if number is None else value_text(number, base), 0)

    def _kernel(self) -> RowKernel:
        compiled = [java_regex.translate(pattern) for pattern in self.patterns]
        table, default = list(zip(compiled, self.indices, strict=True)), self.default

        def kernel(text: str | None, position: int) -> int:
            if text is None:
                raise Refused("the text is null", value=None, position=position, hint="Give a text.")
            made = next((index for pattern, index in table if pattern.search(text)), default)
            if made is None:
                raise Refused(
                    f"no pattern is found in {text!r}",
                    value=text,
                    position=position,
                    hint="Correct the value, or make the indexer with a default.",
                )
            return made

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        patterns, texts = ("^a+$", r"\d", "ü|^$", r"(?i)z\s"), ["aa", "xa7", "", "ü", "Z\n", "unseen", "😀"]
        op = cls(patterns, (3, 0, -1, 2**31 - 1), 5)
        yield Example(op, (from_cells(STRING, texts),))
        yield Example(op, (from_cells(STRING, []),))
        yield Example(op, (from_cells(STRING, ["a", None]),))
        yield Example(op, (from_cells(DOUBLE, [1.0, math.nan]),))
        yield Example(cls(patterns, (1, 2, 3, 4)), (from_cells(STRING, ["a", "unseen"]),))
        yield Example(cls((), (), 0), (from_cells(STRING, ["a"]),))
