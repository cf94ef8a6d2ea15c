"""The op of SQL statements: Spark's SQLTransformer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, Final, Self

import numpy as np
import pyarrow as pa

from skewless import spec
from skewless.ops.op import Example, Op, Refused, RowKernel, Skipped, TypeRefused, register
from skewless.ops.sql.expressions import check, columns_of, compile_tree
from skewless.ops.sql.kinds import Untyped, kind_of, type_of
from skewless.ops.sql.logic import condition
from skewless.ops.sql.typed import Rules, Typed
from skewless.schema import DOUBLE, INT, STRING, Base, Struct, Type, vector
from skewless.spec import Model, Value
from skewless.table import Column, Mask, from_cells

_TYPES: Final = {
    **{str(base): Type(base) for base in Base},
    **{f"array<{base}>": Type(base, Struct.ARRAY) for base in Base},
    "vector": vector(),
}


@register
@dataclass(frozen=True, slots=True)
class Sql(Op):
    """What a SELECT over the rows of ``__THIS__`` computes: one column for each expression that it names.

    ``expressions`` and ``where`` are expressions as JSON text (see `skewless.ops.sql.expressions`); ``reads`` are the
    types of the columns they read; ``ansi`` is Spark's ``spark.sql.ansi.enabled``. ``statement`` is for people only.
    Source: Spark's SQLTransformer.transform.
    """

    name: ClassVar[str] = "sql"
    bad_values: ClassVar[str] = (
        "As each SQL function has it: null mostly gives null; under ANSI rules overflow, division by zero and "
        "malformed casts fail, without they wrap around or give null."
    )
    mleap: ClassVar[str] = "absent"

    statement: str
    reads: tuple[Type, ...]
    expressions: tuple[str, ...]
    where: str = ""
    ansi: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(f"input{number}" for number in range(len(self.reads)))

    @property
    def outputs(self) -> tuple[str, ...]:
        return tuple(f"output{number}" for number in range(len(self.expressions)))

    @classmethod
    def decode(cls, model: Model) -> Self:
        attributes = model.attributes
        reads = attributes.strings("reads")
        unknown = [name for name in reads if name not in _TYPES]
        if unknown:
            raise attributes.error(f"reads names the type {unknown[0]!r}; known are {', '.join(_TYPES)}")
        expressions, where = attributes.strings("expressions"), attributes.string("where", "")
        for text in (*expressions, *([where] if where else [])):
            try:
                check(json.loads(text), len(reads))
            except (ValueError, RecursionError) as error:
                raise attributes.error(f"an expression of the statement cannot be read: {error}") from None
        return cls(
            attributes.string("statement", ""),
            tuple(_TYPES[name] for name in reads),
            expressions,
            where,
            attributes.boolean("ansi", True),
        )

    def encode(self) -> Mapping[str, Value]:
        made = {
            "statement": spec.string(self.statement),
            "reads": spec.strings([str(Type(type_.base, type_.struct)) for type_ in self.reads]),
            "expressions": spec.strings(self.expressions),
            "ansi": spec.boolean(self.ansi),
        }
        return {**made, "where": spec.string(self.where)} if self.where else made

    def default_types(self) -> tuple[Type, ...]:
        return self.reads

    def types(self, inputs: Sequence[Type]) -> tuple[Type, ...]:
        try:
            compiled = _compiled(self, tuple(inputs))
        except Untyped as refused:
            raise TypeRefused(f"{refused} (in {self.statement!r})") from None
        return tuple(type_ for _, type_, _ in compiled.outputs)

    def keep(self, *inputs: Column) -> Mask | None:
        if not self.where:
            return None
        compiled = _compiled(self, tuple(column.type for column in inputs))
        return np.array([value is True for value in _each(compiled.where, _rows(inputs), 0)], np.bool_)

    def columns(self, *inputs: Column) -> tuple[Column, ...]:
        compiled, rows = _compiled(self, tuple(column.type for column in inputs)), _rows(inputs)
        try:
            return tuple(
                inputs[port] if typed is None else from_cells(type_, _each(typed, rows, port))
                for typed, type_, port in compiled.outputs
            )
        except Refused:
            # Whichever row comes first is named, not whichever expression.
            values = compiled.values()
            for number, cells in enumerate(rows):
                values(cells, number)
            raise

    def row(self, inputs: Sequence[Type]) -> RowKernel:
        compiled = _compiled(self, tuple(inputs))
        where = compiled.where.run if self.where else None
        values = compiled.values()
        single = len(compiled.outputs) == 1

        def kernel(*cells: Any) -> Any:
            if where is not None and where(cells) is not True:
                raise Skipped
            made = values(cells, 0)
            return made[0] if single else tuple(made)

        return kernel

    @classmethod
    def examples(cls) -> Iterable[Example]:
        numbers = from_cells(DOUBLE, [1.5, -0.0, float("nan"), float("inf"), None, 5e-324])
        wholes = from_cells(INT, [2147483647, -2147483648, 0, None, 7, -7])
        texts = from_cells(STRING, ["", "ü", None, " 12 ", "1e3", "abc"])
        for ansi in (True, False):
            for op in _examples(ansi):
                for rows in (slice(0, 6), slice(2, 6), slice(0, 0)):
                    mask = np.zeros(6, np.bool_)
                    mask[rows] = True
                    yield Example(op, tuple(column.take(mask) for column in (numbers, wholes, texts)))


@dataclass(frozen=True, slots=True)
class _Compiled:
    """An op's expressions for columns of certain types, each with its type and its first column.

    An expression that is just a column is None: that column is handed on, whatever it holds.
    """

    outputs: tuple[tuple[Typed | None, Type, int], ...]
    where: Typed

    def values(self) -> Callable[[Sequence[Any], int], list[Any]]:
        """All outputs of one row, whose number goes into a refusal."""
        steps = [(typed.run if typed else None, port) for typed, _, port in self.outputs]

        def run_all(cells: Sequence[Any], row: int) -> list[Any]:
            port = 0
            try:
                made = []
                for run, port in steps:
                    made.append(cells[port] if run is None else run(cells))
            except Refused as refused:
                raise _placed(refused, row, port) from None
            return made

        return run_all


@lru_cache(maxsize=256)
def _compiled(op: Sql, inputs: tuple[Type, ...]) -> _Compiled:
    rules, kinds = Rules(op.ansi), [kind_of(type_) for type_ in inputs]
    outputs: list[tuple[Typed | None, Type, int]] = []
    for text in op.expressions:
        tree = json.loads(text)
        if tree[0] == "column":
            outputs.append((None, inputs[tree[1]], tree[1]))
            continue
        typed = compile_tree(tree, kinds, rules)
        outputs.append((typed, type_of(typed.kind), next(columns_of(tree), 0)))
    where = ["boolean", True] if not op.where else json.loads(op.where)
    return _Compiled(tuple(outputs), condition(compile_tree(where, kinds, rules), "WHERE", rules))


def _rows(inputs: Sequence[Column]) -> list[tuple[Any, ...]]:
    """The cells of every row."""
    return list(zip(*map(_cells, inputs), strict=True))


def _cells(column: Column) -> list[Any]:
    """A column's cells as Python objects."""
    if isinstance(column.values, pa.Array):
        return list(column.values.to_pylist())
    if column.type.is_vector:
        return [column.cell(row) for row in range(len(column))]
    cells: list[Any] = column.values.tolist()
    if column.nulls is not None:
        for row in np.flatnonzero(column.nulls):
            cells[row] = None
    return cells


def _each(typed: Typed, rows: Sequence[Sequence[Any]], port: int) -> list[Any]:
    """The expression of every row."""
    made, run = [], typed.run
    for number, cells in enumerate(rows):
        try:
            made.append(run(cells))
        except Refused as refused:
            raise _placed(refused, number, port) from None
    return made


def _placed(refused: Refused, row: int, port: int) -> Refused:
    return Refused(refused.message, value=refused.value, position=row, input=port, hint=refused.hint)


def _examples(ansi: bool) -> Iterable[Sql]:
    number, whole, text = (["column", port] for port in range(3))
    trees: list[list[Any]] = [
        ["+", whole, ["number", "1"]],
        ["/", number, ["cast", whole, "double"]],
        ["*", whole, ["number", "0.5"]],
        ["cast", text, "int"],
        ["try_cast", text, "double"],
        ["case", ["isnan", number], ["string", "nan"], [">", whole, number], text],
        ["coalesce", number, whole],
        ["in", whole, ["number", "7"], ["null"]],
    ]
    reads = (DOUBLE, INT, STRING)
    for tree in trees:
        as_text = tree if tree[0] != "*" else ["cast", tree, "string"]
        yield Sql("SELECT", reads, (json.dumps(as_text),), "", ansi)
    yield Sql(
        "SELECT",
        reads,
        (json.dumps(text), json.dumps(["isnull", number])),
        json.dumps([">", whole, ["number", "0"]]),
        ansi,
    )
