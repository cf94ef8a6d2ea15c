"""libsvm files of a channel, read in pieces of a few megabytes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from skewless.codecs.libsvm import SparseRows, read_libsvm, row_lines
from skewless.errors import EmptyBody, RequestError, TrainingDataError
from skewless.jobs.training.channel_files import opened
from skewless.jobs.training.rows import TrainingData, joined, sparse_features

_BLOCK: Final = 1 << 24


def read(files: Sequence[Path]) -> TrainingData | None:
    """The rows of all files, None where there is none. TrainingDataError names file, line and word."""
    found = [(file, rows) for file in files for rows in _pieces(file)]
    if not found:
        return None
    whole = joined([_part(file, rows) for file, rows in found])
    if whole.groups is None:
        return whole
    # A query goes on over the end of a piece.
    qids = np.concatenate([rows.qids for _, rows in found if rows.qids is not None])
    begins = np.flatnonzero(np.diff(qids, prepend=qids[0] ^ 1))
    return TrainingData(
        whole.labels, whole.features, whole.weights, whole.files, np.diff(begins, append=len(qids))
    )


def _part(file: Path, rows: SparseRows) -> TrainingData:
    features = sparse_features(rows.starts, rows.indices, rows.values, rows.width)
    groups = None if rows.qids is None else np.zeros(0, np.int64)
    return TrainingData(rows.labels, features, rows.weights, (file,), groups)


def _pieces(file: Path) -> Iterator[SparseRows]:
    before = 0
    with opened(file) as stream:
        for piece in _blocks(stream):
            try:
                yield read_libsvm(piece, labelled=True)
            except EmptyBody:
                pass
            except RequestError as error:
                raise _fault(file, before, piece, error) from None
            before += piece.count(b"\n")


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Whole lines, as many as make a block or a little more."""
    while block := stream.read(_BLOCK):
        yield block + stream.readline()


def _fault(file: Path, before: int, piece: bytes, error: RequestError) -> TrainingDataError:
    line = row_lines(piece)[(error.row or 1) - 1]
    what = f"the {error.column}: {error.message}" if error.column else error.message
    hint: Any = error.hint
    text = piece.splitlines()[line - 1]
    if b"," in text and b":" not in text:
        hint = "This looks like CSV: say that its content type is text/csv."
    return TrainingDataError(f"{file}, line {before + line}: {what}", hint=hint)
