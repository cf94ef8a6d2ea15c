"""What the XGBoost container writes: predictions as CSV or JSON, and a batch job's lines.

Selected content (`skewless.containers.xgboost_selected`) has encodings of its own, and so all four types.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final, TypeAlias

from skewless.codecs.arrowstream import ARROW
from skewless.codecs.bulk import body_of, python_texts, side_by_side
from skewless.containers.base import Answer, media_type
from skewless.errors import AcceptError, ContainerRefused
from skewless.table import Numbers

Rows: TypeAlias = Sequence[Sequence[float]]
"""Every row's prediction; a model of one number gives rows of one."""

CSV: Final = "text/csv"
JSON: Final = "application/json"
JSON_LINES: Final = "application/jsonlines"
RECORDIO: Final = "application/x-recordio-protobuf"
ACCEPTED: Final = (CSV, JSON, JSON_LINES, RECORDIO)
CSV_ANSWER: Final = "text/csv; charset=utf-8"
"""As the original's web framework writes the header."""

_BROKEN: Final = (
    b"<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n"
    b"<h1>Internal Server Error</h1>\n"
)


def accepted(accept: str | None, default: str) -> str:
    """The media type of the answer. AcceptError for one that the original refuses, but for Arrow's.

    As there, ``default`` (the container's variable) counts where the caller has no wish, and is not checked here.
    """
    kind = media_type(accept)
    if kind in ("", "*/*"):
        return media_type(default)
    if kind not in (*ACCEPTED, ARROW):
        raise refused(accept)
    return kind


def refused(accept: str | None) -> AcceptError:
    """The original's refusal of a type."""
    return AcceptError(
        f"Accept type {accept} is not supported. Please use supported accept types: {list(ACCEPTED)}.",
        value=accept,
    )


def broken(why: str, kind: str, *, strict: bool, said: bool = True) -> Exception:
    """Where the original fails with 500: strictly that, with its text where it has ``said`` why; else a refusal."""
    if strict:
        body = why.encode() if said else _BROKEN
        return ContainerRefused(why, status=500, body=body, content_type="text/html; charset=utf-8")
    return AcceptError(why, value=kind, hint=f"Accept {CSV} or {JSON}.")


def written(rows: Rows, kind: str, *, single: bool, strict: bool) -> Answer:
    """Predictions in an accepted type; ``single`` is of a model that gives one number a row."""
    if kind == CSV:
        return Answer("".join([",".join(map(repr, row)) + "\n" for row in rows]).encode(), CSV_ANSWER)
    if kind == JSON:
        scores = [{"score": row[0] if single else list(row)} for row in rows]
        return Answer(json.dumps({"predictions": scores}).encode(), JSON)
    wanted = f"answers of type {kind} need selected content, which SAGEMAKER_INFERENCE_OUTPUT asks for"
    raise broken(wanted, kind, strict=strict, said=False)


def written_lines(columns: Sequence[Numbers]) -> Answer:
    """The CSV of `written`, for at least one row, and for a model of one number that of `batch`: of whole columns."""
    texts = [python_texts(numbers) for numbers in columns]
    return Answer(body_of(side_by_side(texts, ","), after="\n", between=""), CSV_ANSWER)


def batch(rows: Rows, *, single: bool) -> Answer:
    """A batch job's answer, whatever it accepts: each prediction as Python prints it, on a line of its own."""
    lines = [f"{row[0] if single else list(row)}\n" for row in rows]
    return Answer("".join(lines).encode(), CSV_ANSWER)
