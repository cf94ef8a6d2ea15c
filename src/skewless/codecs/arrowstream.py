"""Arrow's streaming format: named, typed columns as they are in memory. SageMaker's own containers have it not."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import pyarrow as pa

from skewless.errors import BodyError
from skewless.native.codes import coded
from skewless.schema import Schema
from skewless.table import Table, to_arrow

ARROW: Final = "application/vnd.apache.arrow.stream"


_WORTH: Final = 512
"""Rows of a batch, on average, from which on it is quicker to tell texts by codes than to validate each."""


def read_stream(body: bytes, texts: Collection[str] = ()) -> pa.Table:
    """The table of a stream. BodyError where it is none, is damaged, or has no row.

    The columns named in ``texts`` come by codes where they are long, are texts, and few of these differ.
    """
    try:
        table = read_own(body)
        told = _validated(table, [name in texts for name in table.column_names])
    except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
        raise BodyError(
            f"this is no Arrow stream: {str(error).partition(chr(10))[0]}",
            hint=f"Write it as pyarrow.ipc.new_stream does, for {ARROW}.",
        ) from None
    if not len(told):
        raise BodyError("the body has no record", hint="Send one record or more.")
    return told


def is_text(kind: pa.DataType) -> bool:
    """Whether cells are UTF-8 in one buffer, at offsets in another."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def read_own(body: bytes) -> pa.Table:
    """The table of a stream that `write_stream` wrote: what it says is trusted."""
    with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
        return stream.read_all()


def _validated(table: pa.Table, few: Sequence[bool]) -> pa.Table:
    """The table with what its buffers hold looked at, which Arrow's own functions trust in. ArrowInvalid."""
    table.validate()
    by_codes = [_by_codes(column) if one else None for one, column in zip(few, table.columns, strict=True)]
    rest = table.select([place for place, codes in enumerate(by_codes) if codes is None])
    try:
        rest.validate(full=True)
    except pa.ArrowInvalid:
        table.validate(full=True)  # names the column by its place in the whole table
        raise
    columns = [
        plain if codes is None else codes for plain, codes in zip(table.columns, by_codes, strict=True)
    ]
    return pa.Table.from_arrays(columns, table.column_names)


def _by_codes(column: pa.ChunkedArray) -> pa.ChunkedArray | None:
    """The texts by codes, validated; None where that is not worth it, or where they are not valid."""
    chunks = [chunk for chunk in column.chunks if len(chunk)]
    if not is_text(column.type) or not chunks or len(column) < _WORTH * len(chunks):
        return None
    made = [coded(chunk) for chunk in chunks]
    try:
        for codes in made:
            if codes is None:
                return None
            codes.dictionary.validate(full=True)
            codes.indices.validate(full=True)
    except pa.ArrowInvalid:
        return None
    return pa.chunked_array(made)


def write_stream(table: pa.Table) -> bytes:
    """A table as a stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    made: bytes = sink.getvalue().to_pybytes()
    return made


def answer_of(table: Table, outputs: Schema) -> bytes:
    """The answered columns as a stream: vectors as list<double> up to 1,024 slots, as Spark's struct beyond."""
    return write_stream(pa.table({name: to_arrow(table[name]) for name in outputs.names}))
