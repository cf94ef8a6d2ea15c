"""What a SELECT leaves out, kept beside what it makes: parity rows hold inputs and outputs together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from pyspark.ml.feature import SQLTransformer
from pyspark.sql import DataFrame

_SELECT = re.compile(r"\b(SELECT)\b", re.IGNORECASE)


def stages(model: Any) -> Iterator[Any]:
    """The stages of a fitted model in order, with pipelines and tuned models opened."""
    inner = getattr(model, "stages", None) or [getattr(model, "bestModel", None)]
    for stage in inner:
        if stage is None:
            yield model
        else:
            yield from stages(stage)


def named(model: Any, columns: Sequence[str]) -> list[str]:
    """Those of the columns that a SELECT in the model names, also where it only hands them on."""
    statements = [stage.getStatement() for stage in stages(model) if isinstance(stage, SQLTransformer)]
    return [
        column
        for column in columns
        if any(re.search(rf"(?<!\w){re.escape(column)}(?!\w)", text, re.IGNORECASE) for text in statements)
    ]


def transform(model: Any, frame: DataFrame) -> DataFrame:
    """As ``model.transform(frame)``, with the columns too that a SELECT in it leaves out."""
    if not any(isinstance(stage, SQLTransformer) for stage in stages(model)):
        whole: DataFrame = model.transform(frame)
        return whole
    for stage in stages(model):
        made = stage.transform(frame)
        left_out = [column for column in frame.columns if column not in made.columns]
        if isinstance(stage, SQLTransformer) and left_out:
            made = SQLTransformer(statement=_with(left_out, stage.getStatement())).transform(frame)
        frame = made
    return frame


def _with(columns: Sequence[str], statement: str) -> str:
    """The statement with more columns at the head of its list."""
    head, word, list_ = _SELECT.split(statement, maxsplit=1)
    listed = ", ".join(f"`{column.replace('`', '``')}`" for column in columns)
    return f"{head}{word} {listed},{list_}"
