"""Errors to HTTP statuses, for each runtime as its original answers. The one place where the two meet."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from skewless.errors import (
    AcceptError,
    AnswerTooLarge,
    BodyError,
    ContentTypeError,
    EmptyBody,
    PayloadTooLarge,
    RequestError,
)

STATUSES: Final[Mapping[str, Mapping[type[RequestError], int]]] = {
    "sparkml": {
        EmptyBody: 204,
        ContentTypeError: 415,
        PayloadTooLarge: 413,
        AnswerTooLarge: 413,
        RequestError: 400,
    },
    "xgboost": {
        EmptyBody: 204,
        BodyError: 415,
        ContentTypeError: 415,
        AcceptError: 406,
        PayloadTooLarge: 413,
        AnswerTooLarge: 413,
        RequestError: 400,
    },
}
STRICTLY: Final[Mapping[str, Mapping[type[RequestError], int]]] = {"sparkml": {EmptyBody: 400}}
"""Where the originals do otherwise: to no body the SparkML container's code would say 204, but it never gets there."""


def status_of(error: RequestError, runtime: str | None, strict: bool) -> int:
    """The status for an error that arose in a container of this runtime; the nearest class decides."""
    table = STATUSES.get(runtime or "", STATUSES["sparkml"])
    if strict:
        table = {**table, **STRICTLY.get(runtime or "", {})}
    return next(table[kind] for kind in type(error).__mro__ if kind in table)
