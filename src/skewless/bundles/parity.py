"""Parity rows inside an artifact: sample inputs with what the fitting engine made of them, as an Arrow IPC file."""

from __future__ import annotations

import pyarrow as pa

from skewless.errors import ArtifactError

FILE = "skewless/parity.arrow"


def write(rows: pa.Table) -> bytes:
    """The file's bytes; the same rows give the same bytes."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows.combine_chunks())
    return bytes(sink.getvalue())


def read(data: bytes, *, artifact: str | None = None, file: str = FILE) -> pa.Table:
    """The rows of such a file. ArtifactError where the bytes are not one, or lie about their own layout."""
    try:
        with pa.ipc.open_file(pa.py_buffer(data)) as reader:
            table = reader.read_all()
        # The layout is checked before anything looks inside: the bytes are not trusted.
        table.validate(full=True)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError, ValueError) as error:
        raise ArtifactError(
            f"the parity rows cannot be read ({error})", artifact=artifact, file=file, hint="Export again."
        ) from None
    return table
