"""Selectable inference: what of a prediction is answered, as ``SAGEMAKER_INFERENCE_OUTPUT`` lists it.

What an objective cannot tell is NaN, as in the original; so is a name that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any, Final, TypeAlias

import numpy as np

from skewless.codecs.recordio import Record, Tensor, write_records
from skewless.containers.base import Answer
from skewless.containers.xgboost_answers import (
    ACCEPTED,
    CSV,
    CSV_ANSWER,
    JSON,
    JSON_LINES,
    RECORDIO,
    Rows,
    broken,
)
from skewless.errors import SettingError

VARIABLE: Final = "SAGEMAKER_INFERENCE_OUTPUT"

Content: TypeAlias = Mapping[str, Any]
"""One row's selected content: numbers, or lists of numbers."""
Told: TypeAlias = Callable[[Sequence[float]], Any] | None
"""A row's prediction to one piece of content; None for the labels, which are the same for every row."""

_MULTI: Final = frozenset({"multi:softmax", "multi:softprob"})


def _only(row: Sequence[float]) -> Any:
    return row[0]


def _both(row: Sequence[float]) -> Any:
    return [1.0 - row[0], row[0]]


def _above(limit: float) -> Told:
    return lambda row: int(row[0] > limit)


def _where_most(row: Sequence[float]) -> Any:
    return int(np.argmax(row))


_RAW: Final[Mapping[str, Told]] = {"raw_score": _only, "raw_scores": _both}
_CLASS: Final[Mapping[str, Told]] = {"predicted_label": _only, "labels": None, **_RAW}
_CONTENT: Final[Mapping[str, Mapping[str, Told]]] = {
    "binary:logistic": {
        "predicted_label": _above(0.5),
        "labels": None,
        "probability": _only,
        "probabilities": _both,
        **_RAW,
    },
    "binary:logitraw": {"predicted_label": _above(0), "labels": None, **_RAW},
    "binary:hinge": _CLASS,
    "multi:softmax": _CLASS,
    "multi:softprob": {
        "predicted_label": _where_most,
        "labels": None,
        "probability": max,
        "probabilities": list,
        "raw_score": max,
        "raw_scores": list,
    },
}
"""What each objective can tell, in the order in which JSON answers have it."""
_SCORE: Final[Mapping[str, Told]] = {"predicted_score": _only}


@dataclass(frozen=True, slots=True)
class Selection:
    """The content that is asked of one model."""

    wanted: tuple[str, ...]
    told: Mapping[str, Told]
    labels: list[int]
    never: str | None = None
    """Why there is no content of this model."""

    @classmethod
    def of(cls, text: str, objective: str, classes: int, *, single: bool) -> Selection:
        """The variable's text. SettingError for an objective of which nothing can be selected."""
        told = _CONTENT.get(objective)
        if told is None and objective.startswith("reg:") and single:
            told = _SCORE
        if told is None:
            raise SettingError(
                f"Objective `{objective}` unsupported for selectable inference predictions.",
                hint=f"Remove {VARIABLE}; the answer is then the model's prediction.",
            )
        wanted = tuple(text.replace(" ", "").lower().split(","))
        return cls(wanted, told, list(range(classes if objective in _MULTI else 2)))

    @classmethod
    def failing(cls, why: str) -> Selection:
        """One whose every answer is the original's failure."""
        return cls((), {}, [], why)

    @property
    def untold(self) -> tuple[str, ...]:
        """What is asked for in vain."""
        return tuple(sorted({name for name in self.wanted if name not in self.told}))

    def content(self, rows: Rows) -> list[Content]:
        """Every row's content: what the objective tells in its order, then what it does not."""
        asked = [(name, tell) for name, tell in self.told.items() if name in self.wanted]
        void = dict.fromkeys(self.untold, nan)
        return [
            {**{name: tell(row) if tell else self.labels for name, tell in asked}, **void} for row in rows
        ]

    def written(self, rows: Rows, kind: str, *, batch: bool, strict: bool) -> Answer:
        """The content in one of the four types; only a ``batch`` job's CSV ends its last line."""
        if self.never or kind not in ACCEPTED:
            why = self.never or f"Cannot encode selected predictions into accept type '{kind}'."
            raise broken(why, kind, strict=strict)
        content = self.content(rows)
        if kind == CSV:
            lines = [",".join(_cell(row[name]) for name in self.wanted) for row in content]
            return Answer(("\n".join(lines) + ("\n" if batch else "")).encode(), CSV_ANSWER)
        if kind == JSON:
            return Answer(json.dumps({"predictions": content}).encode(), JSON)
        if kind == JSON_LINES:
            return Answer("".join(json.dumps(row) + "\n" for row in content).encode(), JSON_LINES)
        return Answer(write_records(map(_record, content)), RECORDIO)


def _cell(value: Any) -> str:
    return f'"{value}"' if isinstance(value, list) else str(value)


def _record(row: Content) -> Record:
    return Record(
        {}, {name: Tensor(np.atleast_1d(np.asarray(value, np.float32))) for name, value in row.items()}
    )
