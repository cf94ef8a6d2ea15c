"""Serves the estimator of a skops file: a script for the own Python container, which is ours and not the model's.

A skops file is read without pickle: it names the types that it is made of, and only those are built that skops trusts
by itself, that are estimators or kernels of scikit-learn, or that the user trusts by name.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
import pandas as pd
import skops.io
from sklearn.base import BaseEstimator
from sklearn.gaussian_process.kernels import Kernel

from skewless.errors import ArtifactError, ParityError
from skewless.export.sklearn_skops import SAMPLE, Cell, Sample, plain
from skewless.lazy import resolve
from skewless.schema import INTEGERS, Base
from skewless.scripts.toolkit.errors import BaseInferenceToolkitError

TRUSTED: Final = "SKEWLESS_TRUSTED_TYPES"
"""The variable with the names of types that may be built besides, with commas between."""
_CLOSE: Final = 1e-9
"""Numbers may differ by so much, relatively, from those that were predicted where the estimator was saved."""
_DATA: Final = ("numpy.dtype",)
_FLAGS: Final = {"true": True, "1": True, "1.0": True, "false": False, "0": False, "0.0": False}


class Served(NamedTuple):
    """An estimator with what is known of its columns."""

    estimator: Any
    sample: Sample


def model_fn(model_dir: str) -> Served:
    """Load, and predict the sample again.

    ArtifactError names types that nobody trusts, ParityError the first row that comes out otherwise.
    """
    folder = Path(model_dir)
    files = sorted(folder.glob("*.skops"))
    if len(files) != 1 or not (folder / SAMPLE).is_file():
        raise ArtifactError(
            f"holds {len(files)} .skops files, and {'a' if (folder / SAMPLE).is_file() else 'no'} {SAMPLE}",
            artifact="the model data",
            hint="Write it with skewless.sklearn.save(model, path, sample=…).",
        )
    served = Served(_load(files[0]), msgspec.json.decode((folder / SAMPLE).read_bytes(), type=Sample))
    _verify(served)
    return served


def predict_fn(data: Any, served: Served) -> Any:
    """What the estimator predicts, or transforms, for rows of a CSV or of JSON."""
    given = frame(rows_of(data, served.sample), served.sample)
    try:
        return getattr(served.estimator, served.sample.method)(given)
    except (ValueError, TypeError) as error:
        raise RowsRefused(f"the estimator refuses the rows: {error}") from error


def _load(file: Path) -> Any:
    trusted = {name for name in os.environ.get(TRUSTED, "").replace(",", " ").split() if name}
    unknown = skops.io.get_untrusted_types(file=file)
    refused = sorted(name for name in unknown if name not in trusted and not _is_data(name))
    if refused:
        raise ArtifactError(
            f"is made of types that are not trusted: {', '.join(refused)}",
            artifact=file.name,
            hint=f"If you trust them, and they are installed, set {TRUSTED}={','.join(refused)}",
        )
    return skops.io.load(file, trusted=unknown)


def _is_data(name: str) -> bool:
    """Whether a type is scikit-learn's own and holds what was fitted; skops leaves some of them out."""
    module, _, own = name.rpartition(".")
    if not module.startswith("sklearn."):
        return name in _DATA
    try:
        found = resolve(f"{module}:{own}")
    except (ImportError, AttributeError):
        return False
    return isinstance(found, type) and issubclass(found, BaseEstimator | Kernel)


def _verify(served: Served) -> None:
    made = plain(getattr(served.estimator, served.sample.method)(frame(served.sample.rows, served.sample)))
    for number, (want, got) in enumerate(zip(served.sample.expected, made, strict=True), start=1):
        if not _same(want, got):
            raise ParityError(
                f"the estimator gives {got!r} where {want!r} was predicted when it was saved ({served.sample.engine})",
                row=number,
                expected=want,
                actual=got,
                hint="Install the version of scikit-learn that it was fitted with, or save it again.",
            )


def _same(want: Any, got: Any) -> bool:
    if isinstance(want, list) and isinstance(got, list):
        return len(want) == len(got) and all(map(_same, want, got))
    if isinstance(want, float) and isinstance(got, float):
        return math.isclose(want, got, rel_tol=_CLOSE, abs_tol=_CLOSE)
    return bool(want == got)


def rows_of(data: Any, sample: Sample) -> list[Sequence[Any]]:
    """A body's values as rows, each with a value for each column. RowsRefused names the row."""
    if isinstance(data, np.ndarray):
        data = data.tolist()
    if not isinstance(data, list) or not data:
        raise RowsRefused("a body has a list of rows")
    if not isinstance(data[0], list | Mapping):
        data = [[cell] for cell in data] if len(sample.columns) == 1 else [data]
    return [_row(row, number, sample) for number, row in enumerate(data, start=1)]


def _row(row: Any, number: int, sample: Sample) -> Sequence[Any]:
    if isinstance(row, Mapping):
        absent = [one.name for one in sample.columns if one.name not in row]
        if absent:
            raise RowsRefused(f"row {number} has no {absent[0]!r}")
        return [row[one.name] for one in sample.columns]
    if not isinstance(row, list) or len(row) != len(sample.columns):
        count = len(row) if isinstance(row, list) else "no"
        raise RowsRefused(f"row {number} has {count} values where the estimator takes {len(sample.columns)}")
    return row


def frame(rows: Sequence[Any], sample: Sample) -> Any:
    """Rows as the estimator takes them, every cell of its column's type. RowsRefused names row and column."""
    if sample.form == "texts":
        return [_text(row[0] if isinstance(row, list) else row, sample.columns[0]) for row in rows]
    columns = {
        one.name: [_value(row[place], one, number) for number, row in enumerate(rows, start=1)]
        for place, one in enumerate(sample.columns)
    }
    made = pd.DataFrame(
        {one.name: pd.Series(columns[one.name], dtype=_DTYPES[one.base]) for one in sample.columns}
    )
    return made if sample.form == "frame" else made.to_numpy()


def _value(cell: Any, column: Cell, number: int) -> Any:
    try:
        return _READERS[column.base](cell, column)
    except (ValueError, TypeError, OverflowError):
        raise RowsRefused(
            f"row {number}, column {column.name!r}: {cell!r} is no {column.base.value}"
        ) from None


def _number(cell: Any, _: Cell) -> float:
    return math.nan if cell is None or cell == "" else float(cell)


def _whole(cell: Any, _: Cell) -> int:
    value = int(cell)
    if not isinstance(cell, str) and value != cell:
        raise ValueError(cell)
    return value


def _flag(cell: Any, _: Cell) -> bool:
    found = _FLAGS.get(str(cell).lower())
    if found is None:
        raise ValueError(cell)
    return found


def _text(cell: Any, column: Cell) -> Any:
    if cell is None:
        return None if column.none else math.nan
    if not isinstance(cell, str):
        raise TypeError(cell)
    return cell


_READERS: Final[Mapping[Base, Callable[[Any, Cell], Any]]] = {
    Base.DOUBLE: _number,
    Base.BOOLEAN: _flag,
    Base.STRING: _text,
    **dict.fromkeys(INTEGERS, _whole),
}
_DTYPES: Final = {
    Base.DOUBLE: "float64",
    Base.BOOLEAN: "bool",
    Base.STRING: "object",
    Base.BYTE: "int8",
    Base.SHORT: "int16",
    Base.INT: "int32",
    Base.LONG: "int64",
}


class RowsRefused(BaseInferenceToolkitError):
    """The caller's rows are not what the estimator takes."""

    def __init__(self, message: str) -> None:
        super().__init__(HTTPStatus.BAD_REQUEST, message, HTTPStatus.BAD_REQUEST.phrase)

    def __str__(self) -> str:
        return self.message
