"""Arrow's streaming format: named, typed columns as they are in memory. SageMaker's own containers have it not."""

from __future__ import annotations

from typing import Final

import pyarrow as pa

from skewless.errors import BodyError
from skewless.schema import Schema
from skewless.table import Table, to_arrow

ARROW: Final = "application/vnd.apache.arrow.stream"


def read_stream(body: bytes) -> pa.Table:
    """The table of a stream. BodyError where it is none, is damaged, or has no row."""
    try:
        with pa.ipc.open_stream(pa.py_buffer(body)) as stream:
            table = stream.read_all()
        # Arrow's own functions trust in what a full validation looks at.
        table.validate(full=True)
        table.column_names  # noqa: B018 - fails where a name is not UTF-8
    except (pa.ArrowException, OSError, UnicodeDecodeError, MemoryError) as error:
        raise BodyError(
            f"this is no Arrow stream: {str(error).partition(chr(10))[0]}",
            hint=f"Write it as pyarrow.ipc.new_stream does, for {ARROW}.",
        ) from None
    if not len(table):
        raise BodyError("the body has no record", hint="Send one record or more.")
    return table


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
