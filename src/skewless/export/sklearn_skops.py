"""Fitted scikit-learn estimators as skops files, without pickle: so is served what no bundle can hold."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, Literal

import msgspec
import numpy as np
import pandas as pd
import skops.io
from scipy import sparse

from skewless.bundles.archive import write_files
from skewless.errors import SettingError
from skewless.export.sklearn_data import given, missing, nones
from skewless.schema import Base

MODEL: Final = "model.skops"
SAMPLE: Final = "skewless/sample.json"
PARITY_ROWS: Final = 200
"""Rows of the sample that are kept; the estimator predicts them again whenever it is loaded."""


class Cell(msgspec.Struct, frozen=True):
    """A column of the sample; ``none``: in it None stands for what is missing, and not NaN."""

    name: str
    base: Base
    none: bool


class Sample(msgspec.Struct, frozen=True):
    """What stands in ``skewless/sample.json``."""

    engine: str
    method: str
    columns: list[Cell]
    form: Literal["frame", "array", "texts"]
    """What the estimator was given."""
    rows: list[Any]
    expected: list[Any]
    """What it made of the rows."""


def save(model: Any, path: str | Path, sample: Any) -> Path:
    """Write a fitted estimator as ``model.skops`` into an archive or folder that the image ``sklearn`` serves.

    ``sample`` is a DataFrame, or an array of rows, with the columns that it was fitted on: it says what the cells of a
    CSV are, and travels along with what the estimator makes of it, for each load to compare. Types beyond those that
    skops trusts by itself have to be trusted by whoever serves. SettingError for what cannot be served.
    """
    method = next((name for name in ("predict", "transform") if hasattr(model, name)), None)
    if isinstance(model, type) or method is None:
        raise SettingError(f"{model!r} neither predicts nor transforms", hint="Give a fitted estimator.")
    flow = given(model, sample)
    if flow.data is None or any(type_ is None for type_ in flow.types):
        raise SettingError("there is no sample", hint="Give rows with the columns that it was fitted on.")
    rows = flow.data[:PARITY_ROWS]
    texts_none = nones(flow)
    columns = [
        Cell(name, type_.base, name in texts_none)
        for name, type_ in zip(flow.columns, flow.types, strict=True)
        if type_
    ]
    told = Sample(
        engine=f"scikit-learn {version('scikit-learn')}",
        method=method,
        columns=columns,
        form="frame" if isinstance(rows, pd.DataFrame) else "texts" if np.ndim(rows) == 1 else "array",
        rows=plain(rows),
        expected=plain(getattr(model, method)(rows)),
    )
    return write_files({MODEL: skops.io.dumps(model), SAMPLE: msgspec.json.encode(told)}, path)


def plain(values: Any) -> list[Any]:
    """Rows as JSON has them; what is missing is null."""
    if sparse.issparse(values):
        values = values.toarray()
    found = np.asarray(values, object).tolist()
    return [[_cell(cell) for cell in row] if isinstance(row, list) else _cell(row) for row in found]


def _cell(cell: Any) -> Any:
    if missing(cell):
        return None
    return cell.item() if isinstance(cell, np.generic) else cell
