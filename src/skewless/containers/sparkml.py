"""The SparkML container: a bundle behind the contract of `sagemaker-sparkml-serving`.

Where the original loses data (records after the first, extra fields) this one refuses or answers them; with
``SKEWLESS_STRICT=1`` it does as the original does.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import msgspec
import numpy as np

from skewless.codecs import csvtext, jsontext, original
from skewless.codecs.answers import render, render_cell, render_cells, render_named
from skewless.codecs.arrowstream import ARROW, answer_of, read_stream
from skewless.codecs.bulk import body_of
from skewless.containers import row_symbols
from skewless.containers.artifact import Artifact
from skewless.containers.base import (
    Answer,
    BuiltIn,
    Cells,
    ExecutionParameters,
    NeedsText,
    media_type,
    unreadable,
)
from skewless.containers.sparkml_fit import (
    as_type,
    bound_to,
    cell_as_type,
    fitted_schema,
    output_of,
    same_through_text,
)
from skewless.containers.sparkml_schema import SchemaError, SparkMLSchema, convert_schema, parse_schema
from skewless.errors import AcceptError, BodyError, MalformedBody, SettingError
from skewless.ops.compiling import LARGEST, Cell, Looked, Source, Symbol, is_small
from skewless.schema import Base, Field, Schema, Struct, Type
from skewless.settings import Settings
from skewless.table import Column, Table, from_arrow, one_row
from skewless.vectors import WIDE, SparseVector

SCHEMA: Final = "SAGEMAKER_SPARKML_SCHEMA"
ACCEPT: Final = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
READS: Final = ("text/csv", "application/json", "application/jsonlines")
WRITES: Final = ("text/csv", "application/jsonlines", "application/jsonlines;data=text")
MOST_SCHEMA: Final = 1024
"""Characters of a variable in SageMaker."""
NO_SCHEMA: Final = "Input schema has to be provided either via environment variable or via the request"


class SparkMLContainer(BuiltIn):
    """One bundle, one schema."""

    runtime = "sparkml"

    def __init__(
        self,
        name: str,
        artifact: Artifact,
        environment: Mapping[str, str],
        settings: Settings,
        schema: SparkMLSchema | None = None,
    ) -> None:
        """SettingError where the schema does not fit the bundle."""
        self.name = name
        self.artifact = artifact
        self.settings = settings
        self.environment = environment
        self.reads = READS if settings.strict else (*READS, ARROW)
        self.default_accept = environment.get(ACCEPT) or "text/csv"
        self.notes: list[str] = []
        chosen = schema or _configured(environment, artifact, settings)
        self._for_schema = lru_cache(maxsize=16)(self._with_schema)
        self._ready = chosen is not None
        if chosen is not None:
            self._prepare(chosen)
        else:
            self.inputs = self.outputs = Schema(())

    def _prepare(self, schema: SparkMLSchema) -> None:
        self.listed = schema.listed
        self.transform = bound_to(self.artifact.transform, schema, self.artifact.fitted is not None)
        self.inputs = Schema(
            tuple(
                Field(
                    given.name,
                    self.transform.input_schema[given.name] if given.type.is_vector else given.type,
                )
                for given in schema.inputs
            )
        )
        self.outputs = Schema(tuple(output_of(self.transform, output) for output in schema.outputs))
        self._casts = [
            None if given.type == wanted else (given.type, wanted)
            for given, wanted in ((field, self.transform.input_schema[field.name]) for field in self.inputs)
        ]
        self.notes += [
            f"{self.name}: column {field.name!r} was fitted as double, but the schema says float: "
            "its values are rounded to 32 bits before they are processed"
            for field, cast in zip(self.inputs, self._casts, strict=True)
            if cast is not None and cast[0].base is Base.FLOAT
        ]
        self._row = self.transform.row_kernels(self.outputs.names, schema.inputs.names)

    def _with_schema(self, text: bytes) -> SparkMLContainer:
        schema = convert_schema(msgspec.json.decode(text), "the request", strict=self.settings.strict)
        return SparkMLContainer(self.name, self.artifact, self.environment, self.settings, schema)

    def for_request(self, body: bytes, content_type: str | None) -> BuiltIn:
        """Itself, or a container with the schema that a JSON body brings along."""
        kind = media_type(content_type)
        if kind not in self.reads:
            raise unreadable(content_type, self.reads)
        given = None
        # The name may be written with escapes.
        if kind in READS[1:] and (b'"schema"' in body or b"\\u00" in body):
            objects = [jsontext.read_json(body)] if kind == READS[1] else jsontext.read_json_lines(body)
            given = objects[0].get("schema")
        if given is not None:
            try:
                return self._for_schema(msgspec.json.encode(given))
            except SchemaError as error:
                # The schema of one JSON object is read before the original sees it, those of lines by itself.
                unseen = kind == READS[1] and error.original is None
                refused = MalformedBody if unseen else BodyError
                raise refused(error.message, hint=error.hint, original=error.original) from None
            except SettingError as error:
                raise BodyError(error.message, hint=error.hint) from None
        if not self._ready:
            raise BodyError(NO_SCHEMA, hint=f"Set {SCHEMA}, or send a schema beside the data.")
        return self

    def decode(self, body: bytes, content_type: str | None) -> Table:
        kind = media_type(content_type)
        strict = self.settings.strict
        if kind == "text/csv":
            return (original.first_record if strict else csvtext.read_table)(body, self.inputs)
        if kind == "application/json":
            rows = [jsontext.read_json(body)["data"]]
        elif kind == "application/jsonlines":
            rows = self.rows_in(body)
        elif kind == ARROW and not strict:
            texts = [field.name for field in self.inputs if field.type.is_string]
            return from_arrow(read_stream(body, texts), self.inputs)
        else:
            raise unreadable(content_type, self.reads)
        return (original.table_of if strict else jsontext.table_of)(rows, self.inputs)

    def rows_in(self, body: bytes) -> list[Any]:
        """The rows of a JSON Lines body, of which a line may hold many."""
        objects = jsontext.read_json_lines(body)
        if self.settings.strict:
            return original.rows_of(objects)
        return jsontext.rows_of(objects, self.inputs)

    def run(self, table: Table) -> Table:
        """The fitted stages that the answered columns need; a vector comes out with all its slots."""
        done = self.transform.run(self._as_fitted(table), self.outputs.names, some=True)
        spread = {name: one.spread() for name, one in done.columns.items() if one.type.is_vector}
        return done.plus(spread)

    def trace(self, table: Table) -> Iterator[tuple[str, str, list[Any]]]:
        """The columns of every fitted stage that the answered columns need."""
        for stage, after in self.transform.trace(self._as_fitted(table), self.outputs.names):
            for field in stage.produced:
                column = after[field.name]
                yield stage.name, field.name, [column.cell(row) for row in range(len(after))]

    def _as_fitted(self, table: Table) -> Table:
        cast = {
            field.name: as_type(table[field.name], pair)
            for field, pair in zip(self.inputs, self._casts, strict=True)
        }
        return Table(cast, table.length, table.rows)

    def encode(self, table: Table, content_type: str | None, accept: str | None) -> Answer:
        chosen, explicit = self._accept(accept)
        if chosen == ARROW:
            return Answer(answer_of(table, self.outputs), ARROW)
        if self.listed:
            texts = render_named(table, self.outputs, chosen)
        else:
            texts = render(table, self.outputs.fields[0], chosen, self.settings.strict)
        kind = "text/csv" if chosen == "text/csv" else "application/jsonlines"
        if media_type(content_type) == "application/jsonlines" and (explicit or self.settings.strict):
            # The original's answer to JSON Lines: one Java list of lists, whatever the type it declares.
            return Answer(b"[" + body_of(texts, "[", "]", ", ") + b"]", kind)
        return Answer(body_of(texts), kind)

    def _accept(self, accept: str | None) -> tuple[str, bool]:
        explicit = accept is not None and accept.strip() not in ("", "*/*")
        chosen = accept if explicit and accept is not None else self.default_accept
        writes = WRITES if self.settings.strict else (*WRITES, ARROW)
        if chosen not in writes:
            raise AcceptError(
                "Accept value passed via request or environment variable is not valid",
                value=chosen,
                hint=f"Use one of: {', '.join(writes)}.",
            )
        return chosen, explicit

    def adopts(self, upstream: Schema) -> bool:
        """Whether every column keeps its value through text; vectors count as their slots."""
        given: list[Type] = []
        for field in upstream:
            if field.type.struct is Struct.VECTORS or (field.type.is_vector and field.type.size is None):
                return False
            given += [Type(Base.DOUBLE)] * field.type.size if field.type.size is not None else [field.type]
        if len(given) != len(self.inputs) or not self._ready or self.settings.strict:
            return False
        return all(same_through_text(one, field.type) for one, field in zip(given, self.inputs, strict=True))

    def adopt(self, upstream: Table) -> Table:
        parts: list[Column] = []
        for column in upstream.columns.values():
            if column.type.is_vector:
                parts += [Column(Type(Base.DOUBLE), slot) for slot in column.values.T]
            else:
                parts.append(column)
        adopted = {}
        for part, field in zip(parts, self.inputs, strict=True):
            floating = isinstance(part.values, np.ndarray) and part.values.dtype.kind == "f"
            if part.null_mask is not None or (floating and not np.isfinite(part.values).all()):
                raise NeedsText
            adopted[field.name] = as_type(part, None if part.type == field.type else (part.type, field.type))
        return Table(adopted, upstream.length, upstream.rows)

    def decode_row(self, record: Sequence[str]) -> Cells:
        cells_of = original.csv_cells if self.settings.strict else csvtext.cells_of
        return cells_of(record, self.inputs)

    def run_row(self, cells: Cells) -> Cells:
        made = self._row(
            [
                cell if cast is None or cell is None else cell_as_type(cell, cast[1])
                for cell, cast in zip(cells, self._casts, strict=True)
            ]
        )
        return [cell.dense() if isinstance(cell, SparseVector) else cell for cell in made]

    def adopt_row(self, cells: Cells) -> Cells:
        flat: list[Any] = []
        for cell in cells:
            if isinstance(cell, list):
                flat.extend(cell)
            else:
                flat.append(cell)
        adopted = []
        for cell, field in zip(flat, self.inputs, strict=True):
            if cell is None or (isinstance(cell, float) and not np.isfinite(cell)):
                raise NeedsText
            adopted.append(cell_as_type(cell, field.type))
        return adopted

    def encode_row(self, cells: Cells, accept: str | None) -> Answer:
        chosen, _ = self._accept(accept)
        if chosen == ARROW:
            return self.encode(one_row(cells, self.outputs), None, accept)
        if self.listed:
            text = render_cells(cells, self.outputs, chosen)
        else:
            text = render_cell(cells[0], self.outputs.fields[0], 0, chosen, self.settings.strict)
        return Answer(text.encode(), "text/csv" if chosen == "text/csv" else "application/jsonlines")

    def emit_decode(self, source: Source, line: str) -> Sequence[Symbol]:
        if self.settings.strict or not row_symbols.plain(self.inputs):
            return super().emit_decode(source, line)
        return row_symbols.decoded(source, line, self.inputs)

    def emit_run(self, source: Source, given: Sequence[Symbol]) -> Sequence[Symbol]:
        cast = {
            field.name: symbol if pair is None else row_symbols.as_type(source, symbol, pair[1])
            for field, symbol, pair in zip(self.inputs, given, self._casts, strict=True)
        }
        return [
            row_symbols.spread(source, made) for made in self.transform.emit(source, cast, self.outputs.names)
        ]

    def emit_adopt(self, source: Source, given: Sequence[Symbol]) -> Sequence[Symbol]:
        if len(self.inputs) > WIDE:
            return super().emit_adopt(source, given)
        flat = row_symbols.flat(source, given)
        return [
            row_symbols.as_type(source, symbol, field.type)
            for symbol, field in zip(flat, self.inputs, strict=True)
        ]

    def emit_answer(self, source: Source, given: Sequence[Symbol], accept: str | None) -> str:
        chosen, _ = self._accept(accept)
        first = given[0]
        if self.listed or isinstance(first, Cell):
            return super().emit_answer(source, given, accept)
        if isinstance(first, Looked):
            if len(first.table) > LARGEST or (first.type.is_vector and not is_small(first)):
                return super().emit_answer(source, given, accept)
            return source.value(first.map(lambda cell: self.encode_row([cell], accept), first.type))
        if chosen != "text/csv":
            return super().emit_answer(source, given, accept)
        return f"{source.constant(Answer)}({row_symbols.text(source, first)}.encode(), 'text/csv')"

    def execution_parameters(self) -> ExecutionParameters:
        """As the original answers: one record a call, a call for each core, 5 MB."""
        return ExecutionParameters(os.cpu_count() or 1, "SINGLE_RECORD", 5)

    def verify(self) -> int:
        """Replay the bundle's parity rows, then compare its files with those that were exported."""
        return self.artifact.verify(self.name)

    def close(self) -> None:
        """Nothing is held."""


def _configured(
    environment: Mapping[str, str], artifact: Artifact, settings: Settings
) -> SparkMLSchema | None:
    """The environment's schema; without one, the bundle's own."""
    text = environment.get(SCHEMA)
    if not text:
        return fitted_schema(artifact)
    if settings.strict and len(text) > MOST_SCHEMA:
        raise SettingError(
            f"{SCHEMA} has {len(text):,} characters, and SageMaker's variables at most {MOST_SCHEMA:,}",
            hint="Send the schema with each request, or leave SKEWLESS_STRICT out.",
        )
    return parse_schema(text, SCHEMA, strict=settings.strict)


def load(
    name: str, artifact: Artifact, environment: Mapping[str, str], settings: Settings
) -> SparkMLContainer:
    """The container for an unpacked bundle."""
    return SparkMLContainer(name, artifact, environment, settings)
