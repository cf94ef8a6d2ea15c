"""What published XGBoost scripts call to train: ``data_utils.get_dmatrix`` and ``distributed.rabit_run``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
import xgboost
from scipy.sparse import csr_matrix

from skewless.codecs.libsvm import SparseRows, read_libsvm
from skewless.codecs.recordio import read_examples
from skewless.containers.xgboost_csv import delimiter_of, fields_of
from skewless.errors import SkewlessError
from skewless.scripts.toolkit import content_types
from skewless.scripts.toolkit.arrays import numbers_of
from skewless.scripts.toolkit.errors import UserError

CSV, LIBSVM, PARQUET, RECORDIO_PROTOBUF = "csv", "libsvm", "parquet", "recordio-protobuf"
MAX_FOLDER_DEPTH: Final = 3
_NAMES: Final[Mapping[str, str]] = {
    CSV: CSV,
    content_types.CSV: CSV,
    LIBSVM: LIBSVM,
    content_types.LIBSVM: LIBSVM,
    content_types.X_LIBSVM: LIBSVM,
    PARQUET: PARQUET,
    content_types.X_PARQUET: PARQUET,
    RECORDIO_PROTOBUF: RECORDIO_PROTOBUF,
    content_types.X_RECORDIO_PROTOBUF: RECORDIO_PROTOBUF,
}
VALID_CONTENT_TYPES: Final = list(_NAMES)


def get_content_type(content_type_cfg_val: str | None) -> str:
    """The short name of a channel's content type. UserError for one that is not read."""
    if content_type_cfg_val is None:
        return LIBSVM
    plain, *parameters = (part.strip() for part in content_type_cfg_val.lower().split(";"))
    sizes = [part.partition("=")[2].strip() for part in parameters if part.startswith("label_size")]
    if plain not in _NAMES:
        raise UserError(
            f"{content_type_cfg_val} is not an accepted ContentType: {', '.join(VALID_CONTENT_TYPES)}."
        )
    if sizes not in ([], ["1"]):
        raise UserError(
            f"{content_type_cfg_val} is not an accepted csv ContentType. "
            "Optional parameter label_size must be equal to 1"
        )
    return _NAMES[plain]


def get_dmatrix(
    data_path: str | Sequence[str],
    content_type: str | None,
    csv_weights: int = 0,
    is_pipe: bool = False,
) -> xgboost.DMatrix | None:
    """The files below a path, or paths, as one matrix with labels; None where there is none.

    UserError names the file that cannot be read. A label stands first in a row, a weight (``csv_weights=1``) second.
    """
    if is_pipe:
        raise UserError("Pipe mode is not read: use File mode")
    kind = get_content_type(content_type)
    paths = [data_path] if isinstance(data_path, str) else data_path
    files = sorted(file for path in paths for file in _files(Path(path), MAX_FOLDER_DEPTH))
    if not files:
        return None
    parts = [_read(file, kind, csv_weights == 1) for file in files]
    return parts[0].matrix() if len(parts) == 1 else _joined(parts).matrix()


class _Part:
    """Rows with labels, dense or sparse."""

    def __init__(self, rows: Any, labels: Any, weights: Any = None, qids: Any = None) -> None:
        self.rows, self.labels, self.weights, self.qids = rows, labels, weights, qids

    def matrix(self) -> xgboost.DMatrix:
        return xgboost.DMatrix(self.rows, label=self.labels, weight=self.weights, qid=self.qids)


def _joined(parts: Sequence[_Part]) -> _Part:
    width = max(part.rows.shape[1] for part in parts)
    if isinstance(parts[0].rows, csr_matrix):
        starts = [0]
        for part in parts:
            starts.extend(part.rows.indptr[1:] + starts[-1])
        entries = [
            np.concatenate([getattr(part.rows, name) for part in parts]) for name in ("data", "indices")
        ]
        rows: Any = csr_matrix((*entries, starts), shape=(len(starts) - 1, width))
    elif any(part.rows.shape[1] != width for part in parts):
        raise UserError("the files have different numbers of columns")
    else:
        rows = np.concatenate([part.rows for part in parts])
    beside = [[getattr(part, name) for part in parts] for name in ("labels", "weights", "qids")]
    return _Part(
        rows, *(None if any(one is None for one in some) else np.concatenate(some) for some in beside)
    )


def _files(path: Path, depth: int) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise UserError(f"{path} is not a valid path!")
    inside = [one for one in path.iterdir() if not one.name.startswith((".", "_"))]
    folders = [one for one in inside if one.is_dir()]
    if folders and not depth:
        raise UserError(f"{path} is more than {MAX_FOLDER_DEPTH} folders deep")
    below = [file for folder in folders for file in _files(folder, depth - 1)]
    return [*(one for one in inside if one.is_file()), *below]


def _read(file: Path, kind: str, weighted: bool) -> _Part:
    try:
        return _csv(file, weighted) if kind == CSV else _READERS[kind](file)
    except (SkewlessError, ValueError, OSError) as error:
        raise UserError(f"Failed to load {kind} data from {file.name} with exception:\n{error}") from error


def _csv(file: Path, weighted: bool) -> _Part:
    lines = [line for line in file.read_text().splitlines() if line.strip(" ")]
    delimiter = delimiter_of(lines[0]) if lines else ","
    rows = [fields_of(line, delimiter, row) for row, line in enumerate(lines, 1)]
    return _dense(numbers_of(rows), weighted)


def _dense(table: Any, weighted: bool = False) -> _Part:
    if table.ndim != 2 or table.shape[1] < 2 + weighted:
        raise ValueError("a row has a label and at least one feature, and all rows the same number of cells")
    first = 2 if weighted else 1
    return _Part(table[:, first:], table[:, 0], table[:, 1] if weighted else None)


def _libsvm(file: Path) -> _Part:
    found: SparseRows = read_libsvm(file.read_bytes(), labelled=True)
    rows = csr_matrix((found.values, found.indices, found.starts), shape=(found.rows, found.width))
    return _Part(rows, found.labels, found.weights, found.qids)


def _parquet(file: Path) -> _Part:
    table = pq.read_table(file)
    return _dense(np.column_stack([column.to_numpy() for column in table.columns]).astype(np.float64))


def _recordio(file: Path) -> _Part:
    found = read_examples(file.read_bytes())
    if found.labels is None:
        raise ValueError("the records have no labels")
    if found.dense:
        return _Part(found.values.reshape(len(found), found.width), found.labels)
    rows = csr_matrix((found.values, found.columns, found.starts), shape=(len(found), found.width))
    return _Part(rows, found.labels)


_READERS: Final[Mapping[str, Callable[[Path], _Part]]] = {
    LIBSVM: _libsvm,
    PARQUET: _parquet,
    RECORDIO_PROTOBUF: _recordio,
}


def rabit_run(
    exec_fun: Callable[..., Any],
    args: Mapping[str, Any],
    include_in_training: bool,
    hosts: Sequence[str],
    *_connecting: Any,
    update_rabit_args: bool = False,
    **_named: Any,
) -> None:
    """Call the function, which is told that it is the master. UserError for more hosts than one."""
    if len(hosts) > 1:
        raise UserError(f"training runs on one host here, and there are {len(hosts)}: use InstanceCount 1")
    if not include_in_training:
        raise UserError("the only host has no training data")
    exec_fun(**{**args, **({"is_master": True} if update_rabit_args else {})})
