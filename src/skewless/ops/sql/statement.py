"""The text of a SELECT to expressions. The only module that needs sqlglot, and only exporting needs it.

Functions stay as they are called: what they mean is for `skewless.ops.sql.functions`. Source: Spark's SqlBaseParser.g4.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlglot import exp
from sqlglot.errors import SqlglotError

from skewless.ops.sql.functions import FUNCTIONS
from skewless.ops.sql.kinds import Untyped
from skewless.ops.sql.refusals import why_not
from skewless.ops.sql.syntax import parse

_THIS: Final = "__this__"
_CLAUSES: Final = ("expressions", "from_", "where")

_BINARY: Final[dict[type[exp.Expr], str]] = {
    exp.Add: "+",
    exp.Sub: "-",
    exp.Mul: "*",
    exp.Div: "/",
    exp.Mod: "%",
    exp.IntDiv: "div",
    exp.EQ: "=",
    exp.NEQ: "<>",
    exp.LT: "<",
    exp.LTE: "<=",
    exp.GT: ">",
    exp.GTE: ">=",
    exp.NullSafeEQ: "<=>",
    exp.And: "and",
    exp.Or: "or",
    exp.DPipe: "concat",
    exp.RegexpLike: "rlike",
}
_COMPARISONS: Final = (exp.EQ, exp.NEQ, exp.LT, exp.LTE, exp.GT, exp.GTE, exp.NullSafeEQ, exp.NullSafeNEQ)
_PREDICATES: Final = (exp.Between, exp.In, exp.Is, exp.Like, exp.ILike, exp.RegexpLike, exp.Escape, exp.Not)
_TYPES: Final = {
    exp.DType.BOOLEAN: "boolean",
    exp.DType.TINYINT: "tinyint",
    exp.DType.SMALLINT: "smallint",
    exp.DType.INT: "int",
    exp.DType.BIGINT: "bigint",
    exp.DType.FLOAT: "float",
    exp.DType.DOUBLE: "double",
    exp.DType.TEXT: "string",
    exp.DType.DATE: "date",
}


@dataclass(frozen=True, slots=True)
class Statement:
    """What a statement makes: columns by name, each an expression over ``reads``, and which rows it keeps."""

    reads: tuple[str, ...]
    outputs: tuple[tuple[str, list[Any]], ...]
    where: list[Any] | None


def read(text: str, known: Iterable[str]) -> Statement:
    """The statement over columns with these names; where there are none, any name is taken for a column.

    Untyped names the construct that is not supported.
    """
    try:
        tree = parse(text)
    except SqlglotError as error:
        raise Untyped(f"it cannot be parsed: {str(error).splitlines()[0]}") from None
    if not isinstance(tree, exp.Select):
        raise Untyped("it is not a single SELECT")
    for clause, value in tree.args.items():
        if value and clause not in _CLAUSES:
            raise Untyped(f"{clause.strip('_').upper()} is not supported: a SELECT list and WHERE are")
    reader = _Reader(tuple(known), _qualifiers(tree))
    outputs = [output for item in tree.expressions for output in reader.output(item)]
    names = [name for name, _ in outputs]
    for name in names:
        if names.count(name) > 1:
            raise Untyped(f"two columns are called {name!r}")
    where = tree.args.get("where")
    reader.aliases = {}
    condition = reader.expression(where.this) if where is not None else None
    return Statement(tuple(reader.reads), tuple(outputs), condition)


def _qualifiers(tree: exp.Select) -> tuple[str, ...]:
    """What may stand before a column's name: the table's, or its alias."""
    source = tree.args.get("from_")
    table = source.this if source is not None else None
    if not isinstance(table, exp.Table) or table.name.lower() != _THIS or table.args.get("db"):
        raise Untyped("it does not select FROM __THIS__")
    for clause, value in table.args.items():
        if value and clause not in ("this", "alias"):
            raise Untyped(f"{clause.strip('_').upper()} is not supported: a SELECT list and WHERE are")
    alias = table.args.get("alias")
    if alias is not None and alias.args.get("columns"):
        raise Untyped("new names for the columns of __THIS__ are not supported")
    return (_THIS, table.alias.lower())


@dataclass(slots=True)
class _Reader:
    """Turns parsed items into expressions, and collects the columns that they read."""

    known: Sequence[str]
    qualifiers: tuple[str, ...]
    reads: list[str] = field(default_factory=list)
    aliases: dict[str, list[Any]] = field(default_factory=dict)
    """Of the columns made so far, by names in lower case: later ones may use them."""

    def output(self, item: exp.Expr) -> list[tuple[str, list[Any]]]:
        """The column that an item of the list makes; none where a column that is there goes on as it is."""
        if isinstance(item, exp.Star) or (isinstance(item, exp.Column) and isinstance(item.this, exp.Star)):
            if item.args.get("replace") or item.args.get("rename"):
                raise Untyped("* with REPLACE or RENAME is not supported")
            return []
        if isinstance(item, exp.Column):
            source = self._name(item)
            if source is None or source == item.name:
                return []
            return [(item.name, self.expression(item))]
        if not isinstance(item, exp.Alias):
            raise Untyped(f"the expression {item.sql('spark')} has no name: give it one with AS")
        name, made = item.alias, self.expression(item.this)
        if made[0] == "column" and self.reads[made[1]] == name:
            return []
        if name in self.known or name in self.reads:
            raise Untyped(
                f"it gives new values to column {name!r}, which is there already: choose another name"
            )
        self.aliases[name.lower()] = made
        return [(name, made)]

    def expression(self, node: exp.Expr) -> list[Any]:
        """A node of the parsed statement as an expression."""
        kind = type(node)
        if isinstance(node, _COMPARISONS):
            self._refuse_unclear(node)
        if kind in _BINARY:
            return self._binary(node, _BINARY[kind])
        if kind in _NODES:
            return _NODES[kind](self, node)
        raise Untyped(why_not(node.sql("spark"), node.key))

    def _binary(self, node: exp.Expr, word: str) -> list[Any]:
        # Spark adds and concatenates from the left, sqlglot concatenates first.
        if isinstance(node, exp.DPipe | exp.Add | exp.Sub):
            other = (exp.Add, exp.Sub) if isinstance(node, exp.DPipe) else (exp.DPipe,)
            if isinstance(node.this, other) or isinstance(node.expression, other):
                raise Untyped(f"{node.sql('spark')} mixes || with + or -: put parentheses")
        return [word, self.expression(node.this), self.expression(node.expression)]

    def _refuse_unclear(self, node: exp.Expr) -> None:
        """Refuse comparisons of comparisons without parentheses, which Spark and sqlglot group differently."""
        for side in (node.this, node.expression):
            if isinstance(side, (*_COMPARISONS, *_PREDICATES)):
                raise Untyped(
                    f"{node.sql('spark')} compares a comparison: put parentheses around the inner one"
                )

    def _name(self, node: exp.Expr) -> str | None:
        """The name of the column that a node means, as it is known; None where it is one made before."""
        parts = [part.name for part in node.parts] if isinstance(node, exp.Column) else [node.name]
        if len(parts) > 2 or (len(parts) == 2 and parts[0].lower() not in self.qualifiers):
            raise Untyped(f"{node.sql('spark')} takes a field out of a struct, which is not supported")
        name = parts[-1]
        found = [column for column in self.known if column.lower() == name.lower()]
        if len(found) > 1:
            raise Untyped(f"column {name!r} is ambiguous: there are {', '.join(found)}")
        if found:
            return found[0]
        if name.lower() in self.aliases:
            return None
        if self.known:
            raise Untyped(
                f"column {name!r} is not known, which a sample (or convert's inputs) must hold as a number, a boolean, "
                f"a string, an array or a vector; known are {', '.join(self.known)}"
            )
        return name

    def column(self, node: exp.Expr) -> list[Any]:
        """A column by its number among those read, or what an earlier item made."""
        name = self._name(node)
        if name is None:
            return self.aliases[node.name.lower()]
        if name not in self.reads:
            self.reads.append(name)
        return ["column", self.reads.index(name)]

    def call(self, name: str, arguments: Sequence[exp.Expr]) -> list[Any]:
        """A function by the name that was written."""
        if name not in FUNCTIONS:
            raise Untyped(why_not(f"{name}(…)", name))
        return [name, *map(self.expression, arguments)]


def _negative(reader: _Reader, node: exp.Expr) -> list[Any]:
    inner = node.this
    if isinstance(inner, exp.Literal) and not inner.args.get("is_string"):
        return ["number", f"-{inner.name}"]
    return ["negative", reader.expression(inner)]


def _cast(reader: _Reader, node: exp.Expr) -> list[Any]:
    to = node.args["to"]
    word = "try_cast" if isinstance(node, exp.TryCast) else "cast"
    for clause, value in node.args.items():
        if value and clause not in ("this", "to", "safe"):
            raise Untyped(f"{node.sql('spark')}: {clause} is not supported")
    inner = reader.expression(node.this)
    if to.this == exp.DType.DECIMAL:
        precision, scale = [
            *(int(part.this.name) for part in to.expressions),
            *(10, 0)[len(to.expressions) :],
        ]
        return [word, inner, ["decimal", precision, scale]]
    if to.this not in _TYPES:
        raise Untyped(f"{node.sql('spark')}: the type {to.sql('spark')} is not supported")
    return [word, inner, _TYPES[to.this]]


def _case(reader: _Reader, node: exp.Expr) -> list[Any]:
    made: list[Any] = ["case"]
    if node.args.get("this") is not None:
        made = ["simple_case", reader.expression(node.this)]
    for branch in node.args["ifs"]:
        made += [reader.expression(branch.this), reader.expression(branch.args["true"])]
    default = node.args.get("default")
    return made if default is None else [*made, reader.expression(default)]


def _if(reader: _Reader, node: exp.Expr) -> list[Any]:
    parts = [node.this, node.args["true"], node.args.get("false")]
    if parts[2] is None:
        raise Untyped(f"{node.sql('spark')} needs three arguments")
    return ["if", *map(reader.expression, parts)]


def _is(reader: _Reader, node: exp.Expr) -> list[Any]:
    value, what = reader.expression(node.this), node.expression
    if isinstance(what, exp.Null):
        return ["isnull", value]
    if isinstance(what, exp.Boolean):
        return ["istrue" if what.this else "isfalse", value]
    raise Untyped(f"{node.sql('spark')} is not supported")


def _in(reader: _Reader, node: exp.Expr) -> list[Any]:
    if not node.expressions:
        raise Untyped(f"{node.sql('spark')}: a subquery is not supported")
    return ["in", *map(reader.expression, (node.this, *node.expressions))]


def _between(reader: _Reader, node: exp.Expr) -> list[Any]:
    if node.args.get("symmetric"):
        raise Untyped("BETWEEN SYMMETRIC is not supported")
    return ["between", *map(reader.expression, (node.this, node.args["low"], node.args["high"]))]


def _like(reader: _Reader, node: exp.Expr) -> list[Any]:
    escape = None
    if isinstance(node, exp.Escape):
        node, escape = node.this, node.expression
    word = "ilike" if isinstance(node, exp.ILike) else "like"
    parts = [node.this, node.expression, *([] if escape is None else [escape])]
    made = [word, *map(reader.expression, parts)]
    return ["not", made] if node.args.get("negate") else made


def _trim(reader: _Reader, node: exp.Expr) -> list[Any]:
    where = {"LEADING": "ltrim", "TRAILING": "rtrim"}.get(
        str(node.args.get("position") or "").upper(), "btrim"
    )
    parts = [node.this, *([node.expression] if node.args.get("expression") is not None else [])]
    return [where, *map(reader.expression, parts)]


def _substring(reader: _Reader, node: exp.Expr) -> list[Any]:
    parts = [
        part for part in (node.this, node.args.get("start"), node.args.get("length")) if part is not None
    ]
    return ["substring", *map(reader.expression, parts)]


def _position(reader: _Reader, node: exp.Expr) -> list[Any]:
    if node.args.get("position") is not None:
        return reader.call("locate", (node.args["substr"], node.this, node.args["position"]))
    return reader.call("locate", (node.args["substr"], node.this))


_NODES: Final[dict[type[exp.Expr], Callable[[_Reader, exp.Expr], list[Any]]]] = {
    exp.Column: _Reader.column,
    exp.Paren: lambda reader, node: reader.expression(node.this),
    exp.Literal: lambda reader, node: ["string" if node.args.get("is_string") else "number", node.name],
    exp.Boolean: lambda reader, node: ["boolean", bool(node.this)],
    exp.Null: lambda reader, node: ["null"],
    exp.Neg: _negative,
    exp.Not: lambda reader, node: ["not", reader.expression(node.this)],
    exp.NullSafeNEQ: lambda reader, node: [
        "not",
        ["<=>", reader.expression(node.this), reader.expression(node.expression)],
    ],
    exp.Cast: _cast,
    exp.TryCast: _cast,
    exp.Case: _case,
    exp.If: _if,
    exp.Is: _is,
    exp.In: _in,
    exp.Between: _between,
    exp.Like: _like,
    exp.ILike: _like,
    exp.Escape: _like,
    exp.Trim: _trim,
    exp.Substring: _substring,
    exp.StrPosition: _position,
    exp.Extract: lambda reader, node: reader.call(node.name.lower(), (node.expression,)),
    exp.Anonymous: lambda reader, node: reader.call(str(node.this).lower(), node.expressions),
}
