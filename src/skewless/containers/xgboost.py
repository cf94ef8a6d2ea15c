"""The XGBoost container in algorithm mode: features in, predictions or selected content out.

It answers as the original's newer images do (one answer a line), with its error texts. What it reads, writes and
selects is in `xgboost_requests`, `xgboost_answers` and `xgboost_selected`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping, Sequence
from math import nan
from pathlib import PurePosixPath
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.boosters.booster import Booster, PackedRow
from skewless.boosters.ensemble import Ensemble
from skewless.codecs.arrowstream import ARROW, answer_of
from skewless.containers import xgboost_csv
from skewless.containers.base import Answer, BuiltIn, Cells, ExecutionParameters
from skewless.containers.xgboost_answers import (
    CSV,
    CSV_ANSWER,
    Rows,
    accepted,
    batch,
    refused,
    written,
    written_lines,
)
from skewless.containers.xgboost_parity import PARITY, ParityRows
from skewless.containers.xgboost_requests import SPARSE, Requests
from skewless.containers.xgboost_selected import VARIABLE, Selection
from skewless.errors import ArtifactError, PayloadTooLarge, SettingError, ValueRefused
from skewless.ops.compiling import Cell, Looked, NotCompiled, Slots, Source, Symbol, as_slots
from skewless.schema import DOUBLE, Base, Field, Schema, vector
from skewless.settings import Settings
from skewless.table import Column, Table, one_row

MODEL: Final = "xgboost-model"
ACCEPT: Final = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
ENSEMBLE: Final = "SAGEMAKER_INFERENCE_ENSEMBLE"
BATCH: Final = "SAGEMAKER_BATCH"
LARGEST: Final = "MAX_CONTENT_LENGTH"

_BUNDLE: Final = "bundle.json"
"""At the root of another kind of artifact, which is often given by mistake."""
DENSE: Final = "vectors"
"""The only column of a table that a neighbour's vectors were taken into as they are."""
_MOST: Final = 20 << 20
"""The original's own limit of a body, whatever the variable says."""

Model: TypeAlias = Booster | Ensemble


def load(
    name: str, files: Mapping[str, bytes], environment: Mapping[str, str], settings: Settings, artifact: str
) -> XGBoostContainer:
    """The container for an unpacked model.tar.gz: ``files`` by path, ``artifact`` its name for errors.

    ArtifactError where there is no model or one cannot be trusted; SettingError for a wrong variable.
    """
    named = {str(PurePosixPath(path)): data for path, data in files.items()}
    chosen = models_in(named, environment, artifact)
    boosters = [Booster(named[file], artifact=artifact, file=file) for file in chosen]
    model: Model = boosters[0] if len(boosters) == 1 else Ensemble(boosters, chosen, artifact)
    parity = None
    if PARITY in named and len(boosters) == 1:
        parity = ParityRows.read(named[PARITY], named[chosen[0]], boosters[0], artifact)
    return XGBoostContainer(name, model, environment, settings, parity)


def models_in(files: Mapping[str, bytes], environment: Mapping[str, str], artifact: str) -> list[str]:
    """The files that are models, as the original takes them: all at the root without a dot at the beginning.

    With ``SAGEMAKER_INFERENCE_ENSEMBLE=false`` only one: ``xgboost-model``, or the first by name.
    """
    there = sorted(path for path in files if not path.startswith("."))
    found = [path for path in there if "/" not in path]
    if not found or _BUNDLE in found:
        raise ArtifactError(
            f"there is no file {MODEL} at the root",
            artifact=artifact,
            hint=f"The artifact holds: {', '.join(there[:5]) or 'nothing'}.",
        )
    if environment.get(ENSEMBLE, "true").lower() == "true":
        return found
    return [MODEL if MODEL in found else found[0]]


def _largest(environment: Mapping[str, str]) -> int | None:
    """The most bytes of a body where the variable says so."""
    text = environment.get(LARGEST)
    if not text:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise SettingError(f"{LARGEST}={text!r} is not a whole number above 0", hint="Give it in bytes.")
    return min(int(text), _MOST)


class XGBoostContainer(BuiltIn):
    """One model, or several that answer as one; see the module."""

    runtime = "xgboost"
    reads = ("text/csv", "text/libsvm", "application/x-parquet", "application/x-recordio-protobuf")

    def __init__(
        self,
        name: str,
        booster: Model,
        environment: Mapping[str, str],
        settings: Settings,
        parity: ParityRows | None = None,
    ) -> None:
        self.name = name
        self.booster = booster
        self.settings = settings
        self.default_accept = environment.get(ACCEPT) or CSV
        self.inputs = Schema(tuple(Field(f"f{position}", DOUBLE) for position in range(booster.features)))
        several = booster.outputs
        self.single = several is None
        made = ["prediction"] if several is None else [f"prediction_{number}" for number in range(several)]
        self.outputs = Schema(tuple(Field(column, DOUBLE) for column in made))
        self.notes: tuple[str, ...] = ()
        self._parity = parity
        self._batch = environment.get(BATCH, "").lower() == "true"
        self._largest = _largest(environment)
        self._selection = self._selected(environment.get(VARIABLE))
        self.hands_over = self._selection is None and not (self._batch and not self.single)
        pickled = isinstance(booster, Booster) and booster.pickled
        self._requests = Requests(booster, strict=settings.strict, short=1 if pickled else None)

    def _selected(self, text: str | None) -> Selection | None:
        if not text:
            return None
        booster = self.booster
        try:
            chosen = Selection.of(text, booster.objective, booster.groups, single=self.single)
        except SettingError as error:
            if not self.settings.strict:
                raise
            # The original starts, and fails for each request.
            return Selection.failing(error.message)
        if chosen.untold:
            self.notes = (
                f"{VARIABLE}: {', '.join(chosen.untold)} cannot be told of {booster.objective}, and will be nan; "
                f"there are: {', '.join(chosen.told)}",
            )
        return chosen

    def execution_parameters(self) -> ExecutionParameters:
        """As the original: a call for each core, as many records a call as fit."""
        most = self.settings.max_payload_mb if self._largest is None else self._largest >> 20
        return ExecutionParameters(os.cpu_count() or 1, "MULTI_RECORD", most)

    def verify(self) -> int:
        """Replay the parity rows through both paths; 0 where the artifact has none."""
        if self._parity is None or not isinstance(self.booster, Booster):
            return 0
        return self._parity.replay(self.name, MODEL, self.booster)

    def close(self) -> None:
        """Give the model back."""
        self.booster.close()

    def decode(self, body: bytes, content_type: str | None) -> Table:
        """A body. BodyError where it is not what its type says; ValueRefused for a wrong number of features."""
        if self._largest is not None and len(body) > self._largest:
            raise PayloadTooLarge(
                f"the body has {len(body):,} bytes, over the limit of {self._largest:,}",
                hint=f"Send fewer records at once, or set a larger {LARGEST} (up to {_MOST:,}).",
            )
        return self._requests.read(body, content_type)

    def run(self, table: Table) -> Table:
        """Predict. ValueRefused for infinity, with the row's number in the input."""
        try:
            made = self._predicted(table).astype(np.float64)
        except ValueRefused as refused:
            if refused.row is not None:
                refused.row = table.row_number(refused.row - 1) + 1
            raise
        several = [made] if made.ndim == 1 else list(made.T)
        columns = {
            name: Column(DOUBLE, values) for name, values in zip(self.outputs.names, several, strict=True)
        }
        return Table(columns, len(table), table.rows)

    def _predicted(self, table: Table) -> Any:
        with np.errstate(over="ignore"):  # too large becomes infinite, and is refused with its place
            if SPARSE in table.columns:
                rows = table[SPARSE].values
                return self.booster.predict_sparse(rows.starts, rows.indices, rows.values.astype(np.float32))
            if DENSE in table.columns:
                matrix = table[DENSE].floats()
            else:
                matrix = np.empty((len(table), self.booster.features), np.float32)
                for position, name in enumerate(self.inputs.names):
                    matrix[:, position] = _numbers(table[name])
        try:
            return self.booster.predict(matrix)
        except ValueRefused as refused:
            if refused.row is not None:
                refused.value = self._given(table, refused.column or "f0", refused.row - 1)
            raise

    def _given(self, table: Table, name: str, row: int) -> Any:
        """A feature as it came."""
        if DENSE in table.columns:
            return table[DENSE].cell(row)[self.inputs.names.index(name)]
        return table[name].cell(row)

    def encode(self, table: Table, content_type: str | None, accept: str | None) -> Answer:
        """Predictions in the wanted type, whatever the request's content type was."""
        columns = [table[name].values for name in self.outputs.names]
        kind = accepted(accept, self.default_accept)
        if kind == ARROW and self._arrow(accept):
            return Answer(answer_of(table, self.outputs), ARROW)
        lines = self.single if self._batch else kind == CSV
        if self._selection is None and lines and len(table):
            return written_lines(columns)
        return self._answer(list(zip(*[values.tolist() for values in columns], strict=True)), accept)

    def _arrow(self, accept: str | None) -> bool:
        """Whether the answer is Arrow's, which a batch job's never is. AcceptError where only the original's may be."""
        if self._selection is not None or self.settings.strict:
            raise refused(accept)
        return not self._batch

    def _answer(self, rows: Rows, accept: str | None) -> Answer:
        strict, kind = self.settings.strict, accepted(accept, self.default_accept)
        if self._selection is not None:
            return self._selection.written(rows, kind, batch=self._batch, strict=strict)
        if self._batch:
            return batch(rows, single=self.single)
        return written(rows, kind, single=self.single, strict=strict)

    def adopts(self, upstream: Schema) -> bool:
        """Doubles and whole numbers, alone or in vectors: their text reads back as themselves.

        A 32-bit float's does not: its shortest text is another double. Where bodies have a limit, there must be one.
        """
        return self._largest is None and all(
            field.type.is_vector or (field.type.is_number and field.type.base is not Base.FLOAT)
            for field in upstream
        )

    def adopt(self, upstream: Table) -> Table:
        """Columns and vectors' slots, in order, as features; null is missing."""
        if len(upstream.columns) == 1:
            (column,) = upstream.columns.values()
            if column.type.is_vector and column.type.size == self.booster.features and column.nulls is None:
                return Table({DENSE: column}, len(upstream), upstream.rows)
        columns: list[Any] = []
        for column in upstream.columns.values():
            numbers = _numbers(column)
            columns.extend([numbers] if numbers.ndim == 1 else numbers.T)
        if not len(upstream):
            columns = [np.zeros(0)] * self.booster.features
        if len(columns) != self.booster.features:
            error = self.booster.shape_error(len(columns))
            error.row = upstream.row_number(0) + 1
            raise error
        return self._requests.table(columns, len(upstream), upstream.rows)

    def record(self, line: str) -> Sequence[str] | None:
        """The fields of one line, by its own delimiter; None where its length matters."""
        if self._largest is not None:
            return None
        return xgboost_csv.fields_of(line, xgboost_csv.delimiter_of(line), 1) if line.strip(" ") else None

    def decode_row(self, record: Sequence[str]) -> Cells:
        """The row path of `decode`."""
        return self._requests.csv_row(record)

    def run_row(self, cells: Cells) -> Cells:
        """The row path of `run`."""
        made = self.booster.predict_row(cells)
        return made if isinstance(made, list) else (made,)

    def adopt_row(self, cells: Cells) -> Cells:
        """The row path of `adopt`."""
        flat: list[float] = []
        for cell in cells:
            if isinstance(cell, list | tuple):
                flat.extend(cell)
            else:
                flat.append(nan if cell is None else float(cell))
        if len(flat) != self.booster.features:
            error = self.booster.shape_error(len(flat))
            error.row = 1
            raise error
        return flat

    def encode_row(self, cells: Cells, accept: str | None) -> Answer:
        """The row path of `encode`."""
        if accepted(accept, self.default_accept) == ARROW:
            return self.encode(one_row(cells, self.outputs), None, accept)
        return self._answer((cells,), accept)

    def emit_decode(self, source: Source, line: str) -> Sequence[Symbol]:
        """The features as `emit_run` takes them: packed where the kernels predict, else as a list."""
        if self._largest is not None:
            raise NotCompiled
        # As in `record` and `numbers_of`; whatever else they would take is left to them.
        record = source.constant(self.record)
        fields = source.local(
            f"""{line}.split(",") if "," in {line} and '"' not in {line} else {record}({line})"""
        )
        source.give_up_if(
            f'len({fields}) != {self.booster.features} or "_" in {line} or not {line}.isascii()'
        )
        numbers = f"[float(text) if text else {source.constant(nan)} for text in {fields}]"
        return [self._taken(source, numbers)]

    def _taken(self, source: Source, numbers: str) -> Cell:
        """A list of features as `emit_run` takes it."""
        if self._packed is not None:
            pack = source.constant(struct.Struct(f"={self.booster.features}f").pack)
            numbers = f"{pack}(*{numbers})"
        return Cell(source.local(numbers), vector(self.booster.features), null=False)

    @property
    def _packed(self) -> PackedRow | None:
        return self.booster.predict_packed if isinstance(self.booster, Booster) else None

    def emit_adopt(self, source: Source, given: Sequence[Symbol]) -> Sequence[Symbol]:
        """The same."""
        parts: list[Cell | Looked] = []
        for symbol in given:
            slots = as_slots(symbol, any_form=True) if symbol.type.is_vector else None
            if symbol.type.is_vector and slots is None:
                return [self._taken(source, source.call(self.adopt_row, given))]
            parts += [source.cell(symbol)] if slots is None else slots.parts
        size = sum(1 if isinstance(part, Cell) else part.type.size or 0 for part in parts)
        if size != self.booster.features:
            raise NotCompiled
        made = Slots(tuple(parts), vector(size), always_dense=True)
        if self._packed is None:
            return [Cell(source.local(made.dense(source)), made.type, null=False)]
        return [Cell(source.local(made.packed(source, "f")), made.type, null=False)]

    def emit_run(self, source: Source, given: Sequence[Symbol]) -> Sequence[Symbol]:
        """What is infinite is refused by both functions, or given up."""
        features = source.value(given[0])
        if self._packed is not None:
            # None, for infinity, cannot be unpacked.
            made = f"{source.constant(self._packed)}({features})"
        else:
            made = f"{source.constant(self.booster.predict_row)}({features})"
            made = f"({made},)" if self.single else made
        cells = source.unpacked(made, [DOUBLE] * len(self.outputs))
        return [Cell(cell.name, DOUBLE, null=False) for cell in cells]

    def emit_answer(self, source: Source, given: Sequence[Symbol], accept: str | None) -> str:
        if self._selection is not None or self._batch or accepted(accept, self.default_accept) != CSV:
            return super().emit_answer(source, given, accept)
        numbers = "".join(f"{source.value(symbol)}, " for symbol in given)
        line = f"{source.constant(_line)}(({numbers}))"
        return f"{source.constant(Answer)}({line}, {source.constant(CSV_ANSWER)})"


def _line(numbers: Sequence[float]) -> bytes:
    return (",".join(map(repr, numbers)) + "\n").encode()


def _numbers(column: Column) -> Any:
    """A column's values as float64, null as NaN; its own array where that is what it holds."""
    if column.nulls is None and column.values.dtype == np.float64:
        return column.values
    return column.numbers()
