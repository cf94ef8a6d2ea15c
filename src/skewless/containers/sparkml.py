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

from skewless.codecs import csvtext, jsontext
from skewless.codecs.answers import render, render_cell
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
from skewless.containers.sparkml_schema import SparkMLSchema, convert_schema, parse_schema
from skewless.errors import AcceptError, ArtifactError, BodyError, SettingError
from skewless.schema import INTEGERS, Base, Field, Schema, Struct, Type
from skewless.settings import Settings
from skewless.table import DTYPES, Column, Table, from_cells
from skewless.transforms.transform import Transform
from skewless.vectors import SparseVector

SCHEMA: Final = "SAGEMAKER_SPARKML_SCHEMA"
ACCEPT: Final = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
READS: Final = ("text/csv", "application/json", "application/jsonlines")
WRITES: Final = ("text/csv", "application/jsonlines", "application/jsonlines;data=text")
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
        self.default_accept = environment.get(ACCEPT) or "text/csv"
        self.notes: list[str] = []
        chosen = schema or _configured(environment, artifact)
        self._for_schema = lru_cache(maxsize=16)(self._with_schema)
        self._ready = chosen is not None
        if chosen is not None:
            self._prepare(chosen)
        else:
            self.inputs = self.outputs = Schema(())

    def _prepare(self, schema: SparkMLSchema) -> None:
        self.transform = _bound(self.artifact.transform, schema, self.artifact.fitted is not None)
        self.inputs = Schema(
            tuple(
                Field(
                    given.name,
                    self.transform.input_schema[given.name] if given.type.is_vector else given.type,
                )
                for given in schema.inputs
            )
        )
        output = _output(self.transform, schema.output)
        self.outputs = Schema((output,))
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
        self._row = self.transform.row_function((output.name,), schema.inputs.names)

    def _with_schema(self, text: bytes) -> SparkMLContainer:
        schema = convert_schema(msgspec.json.decode(text), "the request")
        return SparkMLContainer(self.name, self.artifact, self.environment, self.settings, schema)

    def for_request(self, body: bytes, content_type: str | None) -> BuiltIn:
        """Itself, or a container with the schema that a JSON body brings along."""
        kind = media_type(content_type)
        if kind not in READS:
            raise unreadable(content_type, READS)
        given = None
        # The name may be written with escapes.
        if kind != "text/csv" and (b'"schema"' in body or b"\\u00" in body):
            objects = [jsontext.read_json(body)] if kind == READS[1] else jsontext.read_json_lines(body)
            given = objects[0].get("schema")
        if given is not None:
            try:
                return self._for_schema(msgspec.json.encode(given))
            except SettingError as error:
                raise BodyError(error.message, hint=error.hint) from None
        if not self._ready:
            raise BodyError(NO_SCHEMA, hint=f"Set {SCHEMA}, or send a schema beside the data.")
        return self

    def decode(self, body: bytes, content_type: str | None) -> Table:
        kind = media_type(content_type)
        strict = self.settings.strict
        if kind == "text/csv":
            return self._first_record(body) if strict else csvtext.read_table(body, self.inputs)
        if kind == "application/json":
            rows = [jsontext.read_json(body)["data"]]
        elif kind == "application/jsonlines":
            rows = jsontext.rows_of(jsontext.read_json_lines(body))
        else:
            raise unreadable(content_type, READS)
        return jsontext.table_of(rows, self.inputs, strict=strict)

    def _first_record(self, body: bytes) -> Table:
        """All that the original reads of a CSV body."""
        found = csvtext.records(csvtext.text_of(body))
        if not found:
            raise BodyError("Index: 0, Size: 0")
        cells = csvtext.cells_of(found[0], self.inputs, strict=True)
        columns = {f.name: from_cells(f.type, [cell]) for f, cell in zip(self.inputs, cells, strict=True)}
        return Table(columns, 1)

    def run(self, table: Table) -> Table:
        """The fitted stages that the answered column needs; a vector comes out with all its slots."""
        done = self.transform.run(self._as_fitted(table), self.outputs.names, some=True)
        (name,) = self.outputs.names
        column = done[name]
        if not column.type.is_vector:
            return done
        return Table({name: Column(column.type, column.dense(), column.nulls)}, done.length, done.rows)

    def trace(self, table: Table) -> Iterator[tuple[str, str, list[Any]]]:
        """The columns of every fitted stage that the answered column needs."""
        for stage, after in self.transform.trace(self._as_fitted(table), self.outputs.names):
            for field in stage.produced:
                column = after[field.name]
                yield stage.name, field.name, [column.cell(row) for row in range(len(after))]

    def _as_fitted(self, table: Table) -> Table:
        cast = {
            field.name: _cast(table[field.name], pair)
            for field, pair in zip(self.inputs, self._casts, strict=True)
        }
        return Table(cast, table.length, table.rows)

    def encode(self, table: Table, content_type: str | None, accept: str | None) -> Answer:
        chosen, explicit = self._accept(accept)
        texts = render(table, self.outputs.fields[0], chosen, self.settings.strict)
        kind = "text/csv" if chosen == "text/csv" else "application/jsonlines"
        if media_type(content_type) == "application/jsonlines" and (explicit or self.settings.strict):
            # The original's answer to JSON Lines: one Java list of lists, whatever the type it declares.
            return Answer(("[" + ", ".join(f"[{text}]" for text in texts) + "]").encode(), kind)
        return Answer("\n".join(texts).encode(), kind)

    def _accept(self, accept: str | None) -> tuple[str, bool]:
        explicit = accept is not None and accept.strip() not in ("", "*/*")
        chosen = accept if explicit and accept is not None else self.default_accept
        if chosen not in WRITES:
            raise AcceptError(
                "Accept value passed via request or environment variable is not valid",
                value=chosen,
                hint=f"Use one of: {', '.join(WRITES)}.",
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
        return all(_same_through_text(one, field.type) for one, field in zip(given, self.inputs, strict=True))

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
            adopted[field.name] = _cast(part, None if part.type == field.type else (part.type, field.type))
        return Table(adopted, upstream.length, upstream.rows)

    def decode_row(self, record: Sequence[str]) -> Cells:
        return csvtext.cells_of(record, self.inputs, strict=self.settings.strict)

    def run_row(self, cells: Cells) -> Cells:
        (made,) = self._row(
            [
                cell if cast is None or cell is None else _cast_cell(cell, cast[1])
                for cell, cast in zip(cells, self._casts, strict=True)
            ]
        )
        return (made.dense() if isinstance(made, SparseVector) else made,)

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
            adopted.append(_cast_cell(cell, field.type))
        return adopted

    def encode_row(self, cells: Cells, accept: str | None) -> Answer:
        chosen, _ = self._accept(accept)
        text = render_cell(cells[0], self.outputs.fields[0], 0, chosen, self.settings.strict)
        return Answer(text.encode(), "text/csv" if chosen == "text/csv" else "application/jsonlines")

    def execution_parameters(self) -> ExecutionParameters:
        """As the original answers: one record a call, a call for each core, 5 MB."""
        return ExecutionParameters(os.cpu_count() or 1, "SINGLE_RECORD", 5)

    def verify(self) -> int:
        """Replay the bundle's parity rows, then compare its files with those that were exported."""
        return self.artifact.verify(self.name)

    def close(self) -> None:
        """Nothing is held."""


def _configured(environment: Mapping[str, str], artifact: Artifact) -> SparkMLSchema | None:
    """The environment's schema; without one, what the bundle itself was fitted on."""
    if environment.get(SCHEMA):
        return parse_schema(environment[SCHEMA], SCHEMA)
    if artifact.fitted is None or not artifact.transform.stages:
        return None
    transform = artifact.transform
    output = transform.answer
    names = transform.inputs_for((output.name,))
    return SparkMLSchema(Schema(tuple(f for f in transform.input_schema if f.name in names)), output)


def _bound(transform: Transform, schema: SparkMLSchema, fitted: bool) -> Transform:
    """The transform for this schema's columns. SettingError where they are not what was fitted."""
    fields = [
        Field(given.name, _input_type(given, transform.input_schema.get(given.name), fitted))
        for given in schema.inputs
    ]
    rest = [field for field in transform.input_schema if field.name not in schema.inputs]
    try:
        bound = Transform(transform.graph, Schema((*fields, *rest)), transform.trust)
    except ArtifactError as error:
        raise SettingError(f"the schema does not fit the bundle: {error}") from None
    if schema.output.name in bound.output_schema:
        absent = [name for name in bound.inputs_for((schema.output.name,)) if name not in schema.inputs]
        if absent:
            raise SettingError(
                f"the schema has no input {absent[0]!r}, which the output {schema.output.name!r} needs",
                hint=f"It needs: {', '.join(bound.inputs_for((schema.output.name,)))}.",
            )
    return bound


def _input_type(given: Field, wanted: Type | None, fitted: bool) -> Type:
    if wanted is None or wanted == given.type:
        return given.type
    same_struct = wanted.struct is given.type.struct
    if same_struct and (wanted.is_vector or _widens(given.type.base, wanted.base)):
        return wanted
    if same_struct and not fitted and given.type.struct is Struct.BASIC:
        # Nothing says what it was fitted on, so the schema is believed.
        return given.type
    raise SettingError(
        f"the schema says {given.type} for input {given.name!r}, but it was fitted as {wanted}",
        hint=f"Declare it as {wanted.base}, struct {wanted.struct}.",
    )


def _widens(given: Base, wanted: Base) -> bool:
    if given in INTEGERS and wanted in INTEGERS:
        return INTEGERS.index(given) <= INTEGERS.index(wanted)
    return given in (*INTEGERS, Base.FLOAT, Base.DOUBLE) and wanted in (Base.FLOAT, Base.DOUBLE)


def _output(transform: Transform, wanted: Field) -> Field:
    found = transform.output_schema.get(wanted.name)
    if found is None:
        raise SettingError(
            f"the schema's output {wanted.name!r} is no column of the bundle",
            hint=f"Its columns are: {transform.output_schema}.",
        )
    floating = {found.base, wanted.type.base} <= {Base.FLOAT, Base.DOUBLE}
    if found.struct is not wanted.type.struct or not (found.base is wanted.type.base or floating):
        raise SettingError(
            f"the schema says {wanted.type} for the output {wanted.name!r}, but the bundle makes {found}",
            hint=f"Declare it as type {found.base}, struct {found.struct}.",
        )
    return Field(wanted.name, found)


def _same_through_text(given: Type, wanted: Type) -> bool:
    """Whether a value written as text and read as ``wanted`` is the value itself."""
    if Struct.BASIC is not given.struct or Struct.BASIC is not wanted.struct:
        return False
    if given.base in INTEGERS:
        return wanted.base is Base.DOUBLE or (wanted.base in INTEGERS and _widens(given.base, wanted.base))
    return given.base is wanted.base


def _cast(column: Column, pair: tuple[Type, Type] | None) -> Column:
    if pair is None or pair[1].base is Base.STRING or pair[1].struct is not Struct.BASIC:
        return column
    with np.errstate(over="ignore"):
        return Column(pair[1], column.values.astype(DTYPES[pair[1].base]), column.nulls)


def _cast_cell(cell: Any, wanted: Type) -> Any:
    if wanted.struct is not Struct.BASIC:
        return cell
    if wanted.base is Base.DOUBLE:
        return float(cell)
    if wanted.base is Base.FLOAT:
        # As an array is cast: a whole number is rounded once, not first to a double.
        wide = np.int64(cell) if isinstance(cell, int) else np.float64(cell)
        with np.errstate(over="ignore"):
            return float(wide.astype(np.float32))
    return cell


def load(
    name: str, artifact: Artifact, environment: Mapping[str, str], settings: Settings
) -> SparkMLContainer:
    """The container for an unpacked bundle."""
    return SparkMLContainer(name, artifact, environment, settings)
