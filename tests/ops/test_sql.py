"""SQL statements: what is read, and what is refused by name."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from skewless.errors import ArtifactError
from skewless.ops.op import Refused, TypeRefused
from skewless.ops.sql.kinds import Untyped
from skewless.ops.sql.op import Sql
from skewless.ops.sql.statement import read
from skewless.schema import DOUBLE, INT, LONG, STRING
from skewless.spec import Attributes, Model, boolean, string, strings

REFUSED = {
    "SELECT sum(a) AS x FROM __THIS__": r"sum\(…\) aggregates over several rows",
    "SELECT row_number() OVER (ORDER BY a) AS x FROM __THIS__": "looks at other rows",
    "SELECT explode(b) AS x FROM __THIS__": r"explode\(…\) makes several rows",
    "SELECT rand() AS x FROM __THIS__": r"rand\(…\) gives another value at each call",
    "SELECT current_date AS x FROM __THIS__": "gives another value at each call",
    "SELECT my_udf(a) AS x FROM __THIS__": r"my_udf\(…\) is not supported.*UDF",
    "SELECT (SELECT 1) AS x FROM __THIS__": "is a subquery",
    "SELECT a IN (SELECT 1) AS x FROM __THIS__": "a subquery is not supported",
    "SELECT a FROM __THIS__ JOIN t": "JOINS is not supported",
    "SELECT a FROM __THIS__ GROUP BY a": "GROUP is not supported",
    "SELECT a FROM __THIS__ ORDER BY a": "ORDER is not supported",
    "SELECT DISTINCT a FROM __THIS__": "DISTINCT is not supported",
    "SELECT a FROM __THIS__ LIMIT 1": "LIMIT is not supported",
    "SELECT a FROM __THIS__ UNION SELECT a FROM __THIS__": "not a single SELECT",
    "SELECT a FROM other": "does not select FROM __THIS__",
    "SELECT a + 1 FROM __THIS__": r"a \+ 1 has no name",
    "SELECT a + 1 AS a FROM __THIS__": "new values to column 'a'",
    "SELECT a AS x, b AS x FROM __THIS__": "two columns are called 'x'",
    "SELECT s.a FROM __THIS__": "field out of a struct",
    "SELECT c AS x FROM __THIS__": "column 'c' is not known",
    "SELECT a = b > 1 AS x FROM __THIS__": "put parentheses",
    "SELECT a || b + 1 AS x FROM __THIS__": "put parentheses",
    "SELECT +a AS x FROM __THIS__": "leave it out",
    "SELECT CAST(a AS TIMESTAMP) AS x FROM __THIS__": "type TIMESTAMP is not supported",
    "SELECT a & 1 AS x FROM __THIS__": "a & 1 is not supported",
    "SELECT FROM": "cannot be parsed",
}
UNTYPED = {
    "a * 0.5": r"type DECIMAL\(12,1\) cannot leave the stage: CAST it",
    "to_date(s)": "type DATE cannot leave the stage",
    "NULL": "type VOID cannot leave the stage",
    "s LIKE u": "pattern of LIKE must be a constant",
    r"s RLIKE '\\bx'": "boundary",
    "(a > 1) = 1": "BOOLEAN compared with a number",
    "to_date(s, 'MMM yy')": "date pattern 'MMM yy' is not supported",
    "nullif(a)": "nullif with 1 arguments",
}


def made(expression: str, *, ansi: bool = True) -> Sql:
    """An op of one expression over a: int, s: string, u: string."""
    statement = read(f"SELECT {expression} AS x FROM __THIS__", ("a", "s", "u"))
    reads = tuple({"a": INT, "s": STRING, "u": STRING}[name] for name in statement.reads)
    return Sql("", reads or (INT,), (json.dumps(statement.outputs[0][1]),), "", ansi)


@pytest.mark.parametrize("text", REFUSED)
def test_what_is_not_supported_is_named(text: str) -> None:
    with pytest.raises(Untyped, match=REFUSED[text]):
        read(text, ("a", "b"))


@pytest.mark.parametrize("expression", UNTYPED)
def test_what_has_no_type_here_is_named(expression: str) -> None:
    op = made(expression)
    with pytest.raises(TypeRefused, match=UNTYPED[expression]):
        op.types(op.reads)


def test_names_are_found_whatever_their_case_and_later_items_use_earlier_ones() -> None:
    statement = read(
        "SELECT *, A * 2 AS Twice, `b c`, twice + 1 AS w FROM __THIS__ q WHERE q.a > 0", ("a", "b c")
    )
    twice = ["*", ["column", 0], ["number", "2"]]
    assert statement.reads == ("a",)
    assert statement.outputs == (("Twice", twice), ("w", ["+", twice, ["number", "1"]]))
    assert statement.where == [">", ["column", 0], ["number", "0"]]


def test_types_follow_the_columns_and_the_rules() -> None:
    op = made("a + 1")
    assert (op.types([INT]), op.types([LONG]), op.types([DOUBLE])) == ((INT,), (LONG,), (DOUBLE,))
    assert made("coalesce(a, s)").types([INT, STRING]) == (LONG,)
    assert made("coalesce(a, s)", ansi=False).types([INT, STRING]) == (STRING,)


def test_a_refusal_says_what_and_what_to_do() -> None:
    with pytest.raises(Refused, match=r"2147483647 \+ 1, as INT, overflows") as refused:
        made("a + 1").row([INT])(2147483647)
    assert "spark.sql.ansi.enabled" in str(refused.value.hint)


@pytest.mark.parametrize(
    ("tree", "why"),
    [
        ('["eval", ["column", 0]]', "'eval' is not one this version knows"),
        ('["column", 1]', "there is no input port 1"),
        ('["number", "1; x"]', "is no number"),
        ('["cast", ["null"], "timestamp"]', "is no type"),
        ('{"a": 1}', "is no expression"),
        ("nothing", "cannot be read"),
        ('["-", ' * 300 + '["null"]' + "]" * 300, "nested more than"),
    ],
)
def test_a_bundle_with_another_expression_is_refused(tree: str, why: str) -> None:
    values = {
        "statement": string(""),
        "reads": strings(["int"]),
        "expressions": strings([tree]),
        "ansi": boolean(True),
    }
    with pytest.raises(ArtifactError, match=why):
        Sql.decode(Model("sql", Attributes(values, file=None, stage=None)))


def test_only_exporting_loads_the_parser() -> None:
    program = "import skewless.ops.sql.reader, sys; print('sqlglot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
