"""Data as scikit-learn has it, frames and arrays, with the columns and types that a bundle gives them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
from scipy import sparse

from skewless.errors import SettingError, UnsupportedError
from skewless.schema import BOOLEAN, DOUBLE, LONG, STRING, Base, Type, vector
from skewless.table import DTYPES, Column, arrow_type, to_arrow
from skewless.vectors import WIDE, Csr

TEXT: Final = "text"
"""The column of a pipeline that takes texts alone, where their sequence has no name."""

_TYPES: Final = {
    "float64": DOUBLE,
    "bool": BOOLEAN,
    "int8": Type(Base.BYTE),
    "int16": Type(Base.SHORT),
    "int32": Type(Base.INT),
    "int64": LONG,
    "uint8": Type(Base.SHORT),
    "uint16": Type(Base.INT),
    "uint32": LONG,
}
_NUMPY: Final = frozenset({*_TYPES, "float32"})


@dataclass(frozen=True, slots=True)
class Flow:
    """What goes from one step to the next: one vector, or single values, and the sample's rows where there are some.

    A type is None where no sample tells it, and no step has told yet.
    """

    columns: tuple[str, ...]
    types: tuple[Type | None, ...]
    data: Any = None
    sparse: bool = False

    @property
    def is_matrix(self) -> bool:
        """Whether it is one vector."""
        return len(self.columns) == 1 and self.types[0] is not None and self.types[0].is_vector

    @property
    def dtype(self) -> str:
        """The type of numbers that scikit-learn's matrix has; float64 where no sample tells."""
        if not isinstance(self.data, pd.DataFrame):
            return "float64" if self.data is None else str(getattr(self.data, "dtype", "object"))
        kinds = self.data.dtypes
        return str(np.result_type(*kinds)) if all(str(kind) in _NUMPY for kind in kinds) else "object"


def given(model: Any, sample: Any) -> Flow:
    """The columns of a sample, or those that the model remembers. SettingError where there are none to be had."""
    names = getattr(model, "feature_names_in_", None)
    if sample is None:
        return _remembered(model, names)
    if isinstance(sample, pd.DataFrame):
        return _frame(sample, names)
    if isinstance(sample, pd.Series) or np.ndim(sample) == 1:
        return _texts(sample)
    if sparse.issparse(sample):
        raise SettingError(
            "the sample is a sparse matrix",
            hint="Give it dense: sample.toarray(), or a DataFrame with names.",
        )
    rows = np.asarray(sample)
    if rows.ndim != 2:
        raise SettingError(
            f"the sample has {rows.ndim} dimensions", hint="Give a DataFrame, or rows of an array."
        )
    made = (
        tuple(map(str, names)) if names is not None else tuple(f"x{place}" for place in range(rows.shape[1]))
    )
    if len(made) != rows.shape[1]:
        raise SettingError(
            f"the sample has {rows.shape[1]} columns where the model was fitted on {len(made)}"
        )
    types = tuple(type_of(rows[:, place], name) for place, name in enumerate(made))
    return Flow(made, types, sample if names is None else pd.DataFrame(rows, columns=names))


def _remembered(model: Any, names: Any) -> Flow:
    if names is None and not hasattr(model, "n_features_in_"):
        return Flow((TEXT,), (STRING,))
    made = [f"x{place}" for place in range(model.n_features_in_)] if names is None else map(str, names)
    columns = tuple(made)
    return Flow(columns, (None,) * len(columns))


def _frame(sample: pd.DataFrame, names: Any) -> Flow:
    if names is not None:
        absent = [name for name in names if name not in sample.columns]
        if absent:
            raise SettingError(
                f"the sample has no column {absent[0]!r}, which the model was fitted on",
                hint=f"It has: {', '.join(map(str, sample.columns))}.",
            )
        sample = sample[list(names)]
    columns = tuple(map(str, sample.columns))
    if len(set(columns)) != len(columns):
        raise SettingError("the sample has two columns of one name", hint="Rename one, and fit again.")
    types = tuple(type_of(sample.iloc[:, place], name) for place, name in enumerate(columns))
    return Flow(columns, types, sample)


def _texts(sample: Any) -> Flow:
    name = getattr(sample, "name", None)
    column = TEXT if name is None else str(name)
    if not all(isinstance(text, str) for text in sample):
        raise SettingError(
            "the sample has one dimension, and is not all strings",
            hint="Give a DataFrame, or rows of an array.",
        )
    return Flow((column,), (STRING,), sample)


def type_of(values: Any, name: str) -> Type:
    """The type of a sample's column. UnsupportedError where a bundle's column cannot be the same."""
    kind = values.dtype
    if isinstance(kind, pd.CategoricalDtype):
        return type_of(kind.categories, name)
    if str(kind) in _TYPES:
        return _TYPES[str(kind)]
    if str(kind) == "float32":
        raise UnsupportedError(
            f"column {name!r} is float32, in which scikit-learn computes with half the digits",
            hint="Cast it with astype('float64') before the fit, and in the sample.",
        )
    if kind.kind in "OU" or isinstance(kind, pd.StringDtype):
        if all(isinstance(value, str) or missing(value) for value in values):
            return _strings(values, name)
        found = next(value for value in values if not isinstance(value, str) and not missing(value))
        raise UnsupportedError(
            f"column {name!r} is of type object, and holds {found!r}, which is no string",
            hint="Cast it to str, to float64 or to bool before the fit, and in the sample.",
        )
    raise UnsupportedError(
        f"column {name!r} is of type {kind}",
        hint="Cast it to float64, a whole number, bool or str before the fit.",
    )


def _strings(values: Any, name: str) -> Type:
    if any(value is None for value in values) and any(isinstance(value, float) for value in values):
        raise UnsupportedError(
            f"column {name!r} has None and NaN, which scikit-learn tells apart, and a null is one value",
            hint="Let one of them stand for what is missing, in the fit and in the sample.",
        )
    return STRING


def missing(value: Any) -> bool:
    """Whether a value stands for one that is missing: None, NaN or pandas' NA."""
    return value is None or value is pd.NA or (isinstance(value, float) and value != value)


def recorded(values: Any, type_: Type) -> pa.Array:
    """What a step gave, or a sample's column, as a column of parity rows."""
    if type_.is_vector:
        return to_arrow(_vectors(values))
    if isinstance(values, pd.DataFrame | pd.Series):
        values = values.to_numpy()
    values = np.asarray(values)
    if type_.is_string:
        return pa.array([None if missing(value) else str(value) for value in values.tolist()], pa.string())
    return pa.array(values.astype(DTYPES[type_.base]), arrow_type(type_))


def _vectors(values: Any) -> Column:
    if sparse.issparse(values):
        rows = values.tocsr()
        rows.sort_indices()
        size = rows.shape[1]
        if size <= WIDE:
            return Column(vector(size), rows.toarray().astype(np.float64))
        csr = Csr(
            rows.indptr.astype(np.int64), rows.indices.astype(np.int32), rows.data.astype(np.float64), size
        )
        return Column(vector(size), csr)
    dense = np.ascontiguousarray(np.asarray(values), np.float64)
    return Column(vector(dense.shape[1]), dense)


def part(values: Any, place: int) -> Any:
    """One column of what a step gave."""
    if isinstance(values, pd.DataFrame):
        return values.iloc[:, place]
    found = np.asarray(values) if not sparse.issparse(values) else values
    return found if found.ndim == 1 else found[:, place]


def nones(flow: Flow) -> tuple[str, ...]:
    """The columns of strings in which the sample has None for what is missing."""
    if flow.data is None or STRING not in flow.types:
        return ()
    texts = [place for place, type_ in enumerate(flow.types) if type_ == STRING]
    return tuple(
        flow.columns[place] for place in texts if any(value is None for value in part(flow.data, place))
    )


def picked(data: Any, places: Sequence[int], single: bool) -> Any:
    """Some columns of a frame or array, as scikit-learn indexes them; ``single`` gives one dimension."""
    chosen: Any = places[0] if single else list(places)
    return data.iloc[:, chosen] if isinstance(data, pd.DataFrame) else data[:, chosen]


def sample_rows(data: Any, most: int) -> Any:
    """Distinct rows, and where there are too many of them a repeatable choice spread over all."""
    frame = data if isinstance(data, pd.DataFrame | pd.Series) else pd.DataFrame(np.asarray(data))
    chosen = np.flatnonzero(~frame.duplicated().to_numpy())
    if len(chosen) > most:
        chosen = chosen[np.linspace(0, len(chosen) - 1, most).astype(np.int64)]
    if isinstance(data, pd.DataFrame | pd.Series):
        return data.iloc[chosen]
    return [data[row] for row in chosen] if isinstance(data, list | tuple) else data[chosen]
