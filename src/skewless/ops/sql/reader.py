"""The Spark reader of SQLTransformer."""

from __future__ import annotations

import json
from collections.abc import Sequence

from skewless.errors import UnsupportedError
from skewless.lazy import resolve
from skewless.ops.op import Lowered, SparkStage, reads_spark
from skewless.ops.sql.expressions import check
from skewless.ops.sql.kinds import Untyped
from skewless.ops.sql.op import Sql


@reads_spark(
    "org.apache.spark.ml.feature.SQLTransformer",
    ops=(Sql,),
    forms="a SELECT list and WHERE over single rows, under ANSI rules and without",
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    text = str(stage.params["statement"])
    try:
        statement = resolve("skewless.ops.sql.statement:read")(text, stage.known)
        for _, tree in statement.outputs:
            check(tree, len(statement.reads))
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("sqlglot"):
            raise
        raise UnsupportedError(
            f"{stage}: its SQL cannot be read without the package sqlglot", hint="Run: pip install sqlglot"
        ) from None
    except (Untyped, ValueError, RecursionError) as refused:
        raise UnsupportedError(f"{stage}: {refused}", hint=f"Its statement is {text!r}.") from None
    reads = list(statement.reads)
    if not reads and stage.known:
        # An op needs a column to know how many rows there are.
        reads.append(next(iter(stage.known)))
    types = [stage.sizes(column) for column in reads]
    for column, type_ in zip(reads, types, strict=True):
        if type_ is None:
            raise UnsupportedError(
                f"{stage}: the type of column {column!r} is not known, which decides what its SQL means: {text!r}",
                hint="Export with sample=df, or convert with inputs=Schema.of(…).",
            )
    if not statement.outputs and statement.where is None:
        return []
    op = Sql(
        text,
        tuple(type_ for type_ in types if type_ is not None),
        tuple(json.dumps(tree) for _, tree in statement.outputs),
        "" if statement.where is None else json.dumps(statement.where),
        _ansi(stage),
    )
    return [Lowered(op, tuple(reads), tuple(name for name, _ in statement.outputs))]


def _ansi(stage: SparkStage) -> bool:
    """The mode of the session; where that is not known, the default of the Spark that saved the stage."""
    if stage.ansi is not None:
        return stage.ansi
    return int(str(stage.extra.get("sparkVersion", "4")).partition(".")[0]) >= 4
