"""The XGBoost container in algorithm mode: CSV of numbers in, predictions as CSV or JSON out.

It answers as the original's newer images do (one answer a line), with its error texts. Known gaps, each refused by
name: libsvm, Parquet and recordio bodies; JSON Lines and recordio answers; selectable inference; ensembles; script
mode.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from math import nan
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np

from skewless.boosters.booster import Booster
from skewless.containers import xgboost_csv
from skewless.containers.base import Answer, BuiltIn, Cells, ExecutionParameters, media_type
from skewless.containers.xgboost_parity import PARITY, ParityRows
from skewless.errors import (
    AcceptError,
    ArtifactError,
    ContentTypeError,
    UnsupportedError,
    ValueRefused,
)
from skewless.schema import DOUBLE, Base, Field, Schema
from skewless.settings import Settings
from skewless.table import Column, Table

MODEL: Final = "xgboost-model"
ACCEPT: Final = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"
SELECTABLE: Final = "SAGEMAKER_INFERENCE_OUTPUT"

_CSV: Final = "text/csv"
_JSON: Final = "application/json"
_CSV_ANSWER: Final = "text/csv; charset=utf-8"
_READ: Final = (_CSV, "csv")
_NOT_YET: Final = (
    "libsvm",
    "parquet",
    "recordio-protobuf",
    "text/libsvm",
    "text/x-libsvm",
    "application/x-parquet",
    "application/x-recordio-protobuf",
)
_ORIGINALS: Final = (
    "csv, libsvm, parquet, recordio-protobuf, text/csv, text/libsvm, text/x-libsvm, "
    "application/x-parquet, application/x-recordio-protobuf."
)


def load(
    name: str, files: Mapping[str, bytes], environment: Mapping[str, str], settings: Settings, artifact: str
) -> XGBoostContainer:
    """The container for an unpacked model.tar.gz: ``files`` by path, ``artifact`` its name for errors.

    ArtifactError where the model is missing or cannot be trusted; UnsupportedError for ensembles and other gaps.
    """
    if environment.get(SELECTABLE):
        raise UnsupportedError(
            f"selectable inference ({SELECTABLE}) is not supported yet",
            hint="Remove the variable; the answer is then the model's prediction.",
        )
    named = {str(PurePosixPath(path)): data for path, data in files.items()}
    seen = [path for path in named if not any(part.startswith(".") for part in path.split("/"))]
    if MODEL not in named:
        raise ArtifactError(
            f"there is no file {MODEL} at the root",
            artifact=artifact,
            hint=f"The artifact holds: {', '.join(sorted(seen)[:5]) or 'nothing'}.",
        )
    if len(seen) > 1:
        others = sorted(set(seen) - {MODEL})
        raise UnsupportedError(
            f"{artifact} holds {others[0]} beside {MODEL}: ensembles and script mode are not supported yet",
            hint=f"Pack {MODEL} alone; files whose names begin with a dot may be beside it.",
        )
    booster = Booster(named[MODEL], artifact=artifact, file=MODEL)
    parity = None
    if PARITY in named:
        parity = ParityRows.read(named[PARITY], named[MODEL], booster, artifact)
    return XGBoostContainer(name, booster, environment, settings, parity)


class XGBoostContainer(BuiltIn):
    """One model; see the module."""

    runtime = "xgboost"

    def __init__(
        self,
        name: str,
        booster: Booster,
        environment: Mapping[str, str],
        settings: Settings,
        parity: ParityRows | None = None,
    ) -> None:
        self.name = name
        self.booster = booster
        self.settings = settings
        self.default_accept = environment.get(ACCEPT) or _CSV
        self.inputs = Schema(tuple(Field(f"f{position}", DOUBLE) for position in range(booster.features)))
        several = booster.outputs
        made = ["prediction"] if several is None else [f"prediction_{number}" for number in range(several)]
        self.outputs = Schema(tuple(Field(column, DOUBLE) for column in made))
        self._parity = parity

    def execution_parameters(self) -> ExecutionParameters:
        """As the original: a call for each core, as many records a call as fit."""
        return ExecutionParameters(os.cpu_count() or 1, "MULTI_RECORD", self.settings.max_payload_mb)

    def verify(self) -> int:
        """Replay the parity rows through both paths; 0 where the artifact has none."""
        return 0 if self._parity is None else self._parity.replay(self.name, MODEL, self.booster)

    def close(self) -> None:
        """Give the model back."""
        self.booster.close()

    def decode(self, body: bytes, content_type: str | None) -> Table:
        """A CSV body. BodyError where text is no number; ValueRefused for a wrong number of features."""
        kind = media_type(content_type)
        if kind not in _READ:
            raise _unreadable(content_type, kind)
        columns = xgboost_csv.columns_of(body, self.booster.features, self.booster.shape_error)
        return self._table(columns, len(columns[0]), None)

    def _table(self, columns: Sequence[Any], length: int, rows: Any) -> Table:
        names = self.inputs.names
        return Table(
            {name: Column(DOUBLE, values) for name, values in zip(names, columns, strict=True)}, length, rows
        )

    def run(self, table: Table) -> Table:
        """Predict. ValueRefused for infinity, with the row's number in the input."""
        matrix = np.empty((len(table), self.booster.features), np.float32)
        with np.errstate(over="ignore"):  # too large becomes infinite, and is refused with its place
            for position, name in enumerate(self.inputs.names):
                matrix[:, position] = _numbers(table[name])
        try:
            made = self.booster.predict(matrix).astype(np.float64)
        except ValueRefused as refused:
            if refused.row is not None:
                position = refused.row - 1
                refused.row = table.row_number(position) + 1
                refused.value = table[refused.column or "f0"].cell(position)
            raise
        several = [made] if made.ndim == 1 else list(made.T)
        columns = {
            name: Column(DOUBLE, values) for name, values in zip(self.outputs.names, several, strict=True)
        }
        return Table(columns, len(table), table.rows)

    def encode(self, table: Table, content_type: str | None, accept: str | None) -> Answer:
        """Predictions as CSV or JSON, whatever the request's content type was."""
        columns = [table[name].values.tolist() for name in self.outputs.names]
        return self._answer(list(zip(*columns, strict=True)), accept)

    def _answer(self, rows: Sequence[Sequence[float]], accept: str | None) -> Answer:
        kind = media_type(accept)
        if kind in ("", "*/*"):
            accept = self.default_accept
            kind = media_type(accept)
        if kind == _CSV:
            return Answer("".join([",".join(map(repr, row)) + "\n" for row in rows]).encode(), _CSV_ANSWER)
        if kind == _JSON:
            single = self.booster.outputs is None
            scores = [{"score": row[0] if single else list(row)} for row in rows]
            return Answer(json.dumps({"predictions": scores}).encode(), _JSON)
        raise AcceptError(
            f"Accept type {accept} is not supported. Please use supported accept types: {[_CSV, _JSON]}.",
            value=accept,
        )

    def adopts(self, upstream: Schema) -> bool:
        """Doubles and whole numbers, alone or in vectors: their text reads back as themselves.

        A 32-bit float's does not: its shortest text is another double.
        """
        return all(
            field.type.is_vector or (field.type.is_number and field.type.base is not Base.FLOAT)
            for field in upstream
        )

    def adopt(self, upstream: Table) -> Table:
        """Columns and vectors' slots, in order, as features; null is missing."""
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
        return self._table(columns, len(upstream), upstream.rows)

    def record(self, line: str) -> Sequence[str] | None:
        """The fields of one line, by its own delimiter."""
        return xgboost_csv.fields_of(line, xgboost_csv.delimiter_of(line), 1) if line.strip(" ") else None

    def decode_row(self, record: Sequence[str]) -> Cells:
        """The row path of `decode`."""
        return xgboost_csv.numbers_of(record, self.booster.features, 1, self.booster.shape_error)

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
        return self._answer((cells,), accept)


def _numbers(column: Column) -> Any:
    """A column's values as float64, null as NaN; its own array where that is what it holds."""
    if column.nulls is None and column.values.dtype == np.float64:
        return column.values
    return column.numbers()


def _unreadable(content_type: str | None, kind: str) -> ContentTypeError:
    if not kind or kind in _NOT_YET:
        what = f"content type {kind}" if kind else "a body without a content type, which is taken for libsvm,"
        return ContentTypeError(
            f"{what} is not read yet", value=content_type, hint="Send text/csv, and say so in Content-Type."
        )
    return ContentTypeError(f"{kind} is not an accepted ContentType: {_ORIGINALS}", value=content_type)
