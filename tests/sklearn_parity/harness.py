"""Compare a fitted estimator with what is exported of it, bit for bit or within what its ops declare."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

import skewless
import skewless.sklearn
from skewless.errors import ValueRefused
from skewless.export.sklearn_data import missing
from skewless.table import from_arrow
from skewless.transforms.parity import near, slack_of
from skewless.transforms.transform import Transform
from skewless.vectors import SparseVector

METHODS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "features": "transform",
        "prediction": "predict",
        "probability": "predict_proba",
        "decision": "decision_function",
    }
)
"""What an answered column must equal."""


@dataclass(frozen=True)
class Case:
    """A fitted estimator with the rows of its fit, or some of them, and hostile rows of the same columns.

    ``covers`` are the estimators, by short name, that it exercises. ``answers`` are further columns and the methods
    that they must equal.
    """

    name: str
    covers: tuple[str, ...]
    build: Callable[[], tuple[Any, pd.DataFrame, pd.DataFrame]]
    answers: tuple[tuple[str, str], ...] = ()
    generated: bool = True
    """Whether rows are made up for it too."""
    within: float = math.inf
    """The largest finite number that is made up for it."""


def exported(model: Any, sample: Any, folder: Path) -> Transform:
    """Export, write, read, replay."""
    given = sample if hasattr(model, "n_features_in_") else sample.iloc[:, 0]
    path = skewless.sklearn.export(model, folder / "bundle.zip", sample=given)
    loaded: Transform = skewless.load(path)
    return loaded


def check(case: Case, model: Any, transform: Transform, rows: pd.DataFrame) -> None:
    """Both kernels against scikit-learn, all rows together where it takes them all, and each alone."""
    ulps = max((stage.op.ulps for stage in transform.stages), key=abs, default=0)
    answers = {
        name: method
        for name, method in {**METHODS, **dict(case.answers)}.items()
        if name in transform.output_schema
    }
    assert answers, f"none of {list(transform.output_schema.names)} is an answer"
    source = arrow(rows, transform)
    taken = []
    for number in range(len(rows)):
        wanted = _wanted(model, rows.iloc[[number]], answers)
        given = {name: source[name][number].as_py() for name in transform.input_schema.names}
        if wanted is None:
            _assert_refused(transform, source.slice(number, 1), given, number)
            continue
        taken.append(number)
        slack = _slack(transform, source.slice(number, 1))
        by_row = transform.row(given)
        by_table = transform.table(source.slice(number, 1)).to_pylist()[0]
        for name in answers:
            _assert_same(
                by_row[name], wanted[name][0], ulps, f"row {number}, column {name}, by row", slack[name][0]
            )
            _assert_same(
                by_table[name], plain(by_row[name]), 0, f"row {number}, column {name}, table against row"
            )
    together = _wanted(model, rows.iloc[taken], answers) if taken else None
    assert together is not None or not taken
    whole = source.take(pa.array(taken, pa.int64()))
    made, slack = transform.table(whole), _slack(transform, whole)
    for name in answers if together else ():
        assert together is not None
        for number, (got, want) in enumerate(zip(made[name].to_pylist(), together[name], strict=True)):
            _assert_same(
                got, want, ulps, f"row {taken[number]}, column {name}, by table", slack[name][number]
            )
    assert transform.table(source.slice(0, 0)).num_rows == 0


def arrow(rows: pd.DataFrame, transform: Transform) -> pa.Table:
    """The input columns of a frame, with missing values of strings as null."""
    columns = {}
    for field in transform.input_schema:
        cells = rows[field.name].tolist()
        if field.type.is_string:
            cells = [None if missing(cell) else cell for cell in cells]
        columns[field.name] = pa.array(cells, from_pandas=False, type=_arrow_type(field.type))
    return pa.table(columns)


def _arrow_type(type_: Any) -> pa.DataType:
    return {"double": pa.float64(), "string": pa.string(), "boolean": pa.bool_()}.get(
        str(type_.base), pa.int64()
    )


def _wanted(model: Any, rows: Any, answers: Mapping[str, str]) -> dict[str, Sequence[Any]] | None:
    """What scikit-learn answers, or None where it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return {
                name: cells(getattr(model, method)(_handed(model, rows))) for name, method in answers.items()
            }
        except (ValueError, IndexError, TypeError, AttributeError):  # the last two for missing texts
            return None


def _handed(model: Any, rows: pd.DataFrame) -> Any:
    """The rows as the model was fitted on them: texts alone where it knows no columns."""
    return rows if hasattr(model, "n_features_in_") else rows.iloc[:, 0].tolist()


def cells(values: Any) -> Sequence[Any]:
    """Rows of an outcome as Python has them."""
    if sparse.issparse(values):
        values = values.toarray()
    values = np.asarray(values)
    if values.ndim == 2:
        values = values.astype(np.float64)
    found: Sequence[Any] = values.tolist()
    return found


def plain(cell: Any) -> Any:
    return cell.dense() if isinstance(cell, SparseVector) else cell


def _assert_refused(transform: Transform, source: pa.Table, given: Mapping[str, Any], number: int) -> None:
    for answer in (lambda: transform.row(given), lambda: transform.table(source)):
        try:
            made = answer()
        except ValueRefused:
            continue
        raise AssertionError(f"row {number} {given}: scikit-learn refuses it, we give {made}")


def _slack(transform: Transform, source: pa.Table) -> Mapping[str, Any]:
    """How far the answers may be off beside the ulps."""
    return slack_of(transform, from_arrow(source, transform.input_schema))


def _assert_same(got: Any, want: Any, ulps: int, where: str, slack: float = 0.0) -> None:
    if isinstance(got, dict):  # a wide vector, as a struct
        got = SparseVector(got["size"], got["indices"], got["values"]) if got["type"] == 0 else got["values"]
    got = plain(got)
    assert near(got, want, ulps, float(slack)), f"{where}: {got!r} is not {want!r} within {slack!r}"
