"""Scalers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, OneHotEncoder, RobustScaler, StandardScaler

from tests.sklearn_parity.frames import hostile, numbers
from tests.sklearn_parity.harness import Case


def cases() -> Iterator[Case]:
    for scaler in (
        StandardScaler(),
        StandardScaler(with_mean=False),
        StandardScaler(with_std=False),
        StandardScaler(with_mean=False, with_std=False),
        RobustScaler(),
        RobustScaler(quantile_range=(5.0, 80.0), unit_variance=True),
        RobustScaler(with_centering=False),
        RobustScaler(with_scaling=False),
        MaxAbsScaler(),
        MaxAbsScaler(clip=True),
        MinMaxScaler(),
        MinMaxScaler(feature_range=(-3.0, 0.1)),
        MinMaxScaler(clip=True),
    ):
        for nan in (False, True):
            yield _case(scaler, nan)
    for scaler in (
        StandardScaler(with_mean=False),
        RobustScaler(with_centering=False),
        MaxAbsScaler(clip=True),
    ):
        yield _sparse(scaler)
    for scaler in (
        StandardScaler(with_mean=False),
        RobustScaler(with_centering=False),
        MaxAbsScaler(clip=True),
    ):
        yield _sparse(scaler)


def _case(scaler: Any, nan: bool) -> Case:
    def build() -> Any:
        frame = numbers(nan=nan)
        return scaler.fit(frame), frame, hostile()

    return Case(f"{scaler!r}{' of NaN' * nan}", (type(scaler).__name__,), build)


def _sparse(scaler: Any) -> Case:
    """Of a sparse matrix, which is multiplied by one over the scale."""

    def build() -> Any:
        frame = numbers()[["c", "b"]]
        model = make_pipeline(OneHotEncoder(handle_unknown="ignore"), scaler)
        return model.fit(frame), frame, hostile(("c", "b"))

    return Case(f"{scaler!r} of a sparse matrix", (type(scaler).__name__,), build)
