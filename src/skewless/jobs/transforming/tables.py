"""Files of columns, Parquet's and Arrow's: read a part at a time as Arrow streams, and written from such."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import IO, Any, Final, NamedTuple, Protocol

import pyarrow as pa

from skewless.codecs.arrowstream import ARROW, is_text, read_own, write_stream
from skewless.errors import BodyError
from skewless.lazy import resolve
from skewless.schema import Schema
from skewless.table import from_cells, to_arrow

PARQUET: Final = "application/x-parquet"
ARROW_FILE: Final = "application/vnd.apache.arrow.file"
KINDS: Final = (PARQUET, ARROW_FILE, ARROW)

ROWS: Final = 1 << 16
"""Of a part; see decision 10 for the curve."""

# With Parquet come file systems in clouds, which other files are not worth.
LAZY: Final = {"file": "pyarrow.parquet:ParquetFile", "writer": "pyarrow.parquet:ParquetWriter"}


class Part(NamedTuple):
    """Rows of a file as a stream, and how many bytes of the file they stand for."""

    body: bytes
    rows: int
    size: int


def parts(file: IO[bytes], kind: str, wanted: Sequence[str] | None) -> Iterator[Part]:
    """A file in parts, with the columns that are wanted, or with all.

    BodyError where the file is damaged or of another kind.
    """
    try:
        for table, size in _tables(file, kind, wanted):
            if len(table):
                yield Part(write_stream(table), len(table), table.nbytes if size is None else size)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        told = str(error).partition("\n")[0]
        raise BodyError(
            f"the file cannot be read as {kind}: {told}", hint="Say what it is with --content-type."
        ) from None


def _tables(
    file: IO[bytes], kind: str, wanted: Sequence[str] | None
) -> Iterator[tuple[pa.Table, int | None]]:
    if kind == PARQUET:
        yield from _of_parquet(file, wanted)
        return
    stream: Any = pa.ipc.open_file(file) if kind == ARROW_FILE else pa.ipc.open_stream(file)
    places = _among(stream.schema.names, wanted)
    batches = map(stream.get_batch, range(stream.num_record_batches)) if kind == ARROW_FILE else stream
    for batch in batches:
        for start in range(0, batch.num_rows, ROWS):
            # Not `pa.table`: it goes by Arrow's C interface, which derives how long buffers are from what they hold.
            yield _sound(pa.Table.from_batches([batch.slice(start, ROWS)]).select(places)), None


def _sound(table: pa.Table) -> pa.Table:
    """A part of a file, which says where its cells are to be found: ArrowInvalid where writing it would go astray.

    Of texts the outermost offsets alone are followed then; who reads the stream looks at all.
    """
    table.validate()
    for column in table.columns:
        if not is_text(column.type):
            column.validate(full=True)
    return table


def _of_parquet(file: IO[bytes], wanted: Sequence[str] | None) -> Iterator[tuple[pa.Table, int]]:
    schema = resolve(LAZY["file"])(file).schema_arrow
    texts = [field.name for field in schema if is_text(field.type) or pa.types.is_string_view(field.type)]
    # Dictionaries are stored, and so need not be made.
    opened = resolve(LAZY["file"])(file, read_dictionary=texts)
    size = file.seek(0, 2)
    names = [schema.names[place] for place in _among(schema.names, wanted)]
    for batch in opened.iter_batches(ROWS, columns=names):
        yield pa.Table.from_batches([batch]), size * batch.num_rows // opened.metadata.num_rows


def _among(names: Sequence[str], wanted: Sequence[str] | None) -> list[int]:
    """The places of the columns that are wanted: of all that have a name, since two of one are refused later.

    Where one is missing, of all columns: who refuses that can tell then which there are.
    """
    if wanted is None or not set(names).issuperset(wanted):
        return list(range(len(names)))
    return [place for one in wanted for place, name in enumerate(names) if name == one]


class Sink(Protocol):
    """Where answers go."""

    def write(self, answer: bytes, /) -> object:
        """One more part of them."""


class Tables:
    """A file of columns, made of Arrow streams of one schema, which this process wrote.

    Without a row, it has the columns of ``outputs``.
    """

    def __init__(self, file: IO[bytes], kind: str, outputs: Schema) -> None:
        self._file, self._kind, self._outputs = file, kind, outputs
        self._writer: Any = None

    def write(self, answer: bytes) -> None:
        """One part of the answers."""
        table = read_own(answer)
        self._open(table.schema)
        self._writer.write_table(table)

    def __enter__(self) -> Tables:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """End the file; after an error it is closed as it is."""
        if kind is None:
            columns = [(field.name, to_arrow(from_cells(field.type, [])).type) for field in self._outputs]
            self._open(pa.schema(columns))
        if self._writer is not None:
            self._writer.close()

    def _open(self, schema: pa.Schema) -> None:
        if self._writer is not None:
            return
        if self._kind == PARQUET:
            self._writer = resolve(LAZY["writer"])(self._file, schema)
        else:
            self._writer = (pa.ipc.new_file if self._kind == ARROW_FILE else pa.ipc.new_stream)(
                self._file, schema
            )
