"""SQLTransformer: a table of expressions, many to a statement, on hostile rows, under ANSI rules and without."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from pyspark.ml import PipelineModel
from pyspark.ml.feature import SQLTransformer, VectorAssembler
from pyspark.ml.linalg import SparseVector, Vectors, VectorUDT
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.types import DoubleType, IntegerType, StringType, StructField, StructType

from tests.parity.harness import Case

SCHEMA = "i int, l bigint, b tinyint, h smallint, f float, d double, s string, t boolean, u string"
MOST, MOST_LONG = 2**31 - 1, 2**63 - 1
HOSTILE: list[tuple[Any, ...]] = [
    (1, 1, 1, 1, 0.5, 1.5, "1", True, "a"),
    (MOST, MOST_LONG, 127, 32767, 3.4e38, 1.7e308, "9223372036854775807", False, ""),
    (-MOST - 1, -MOST_LONG - 1, -128, -32768, -3.4e38, -1.7e308, "-1.5", None, "ü"),
    (0, 0, 0, 0, 0.0, 0.0, "0", True, "abc"),
    (None,) * 9,
    (7, -7, 3, -3, -0.0, -0.0, "abc", False, "B"),
    (2, 3, 2, 3, math.nan, math.nan, "nan", True, "b"),
    (-7, 2, -1, -1, math.inf, math.inf, "", None, "Z"),
    (10, -2, 5, 5, -math.inf, -math.inf, "1e3", True, "z"),
    (3, 3, 3, 3, 1e-45, 5e-324, " 12 ", True, "true"),
    (100, 1 << 40, 100, 100, 1e10, 1e19, "5000000000", True, "😀 x\u00a0ẞ ΑΣ ΣΑΣ ǆa ßt ŉi"),
]
# No overflow, no zero to divide by, nothing malformed: what ANSI rules let pass.
MILD: list[tuple[Any, ...]] = [
    (1, 1, 1, 1, 0.5, 1.5, "1", True, "a"),
    (None,) * 9,
    (-7, 2, -1, -1, -0.25, -2.5, " 12 ", False, "B"),
    (7, -5, 3, -3, 1e-45, 5e-324, "3", None, "ü"),
    (100, 1 << 40, 100, 100, 100.1, 1e9, "50", True, "abc"),
]
LOGIC = """
d < f; d >= i; d <=> f; i <=> l; s = u; s <=> u; t > false; i in (1, 7, null); d in (0.0D, 1.5D); s in ('1', 'abc')
i in (1, 2.5, 3); d in (-0.0D,1D,2D,3D,4D,5D,6D,7D,8D,9D,10D,11D,12D); i between -7 and 7; i not between b and h
t and i > 1; t or i > 1; not t; t is true; t is not false; i is null; s is not null; i is distinct from b
case when i > 1 then 'big' when i is null then 'none' else s end; case i when 1 then 1.5D when 7 then 2 end
case when t then i else l end; case when t then f else i end; cast(case when t then i else 0.5 end as string)
if(t, s, u); if(d > 1, d, null); coalesce(i, b, 0); coalesce(f, i); coalesce(s, 'x'); coalesce(i, d); ifnull(i, l)
nvl(s, u); nvl2(i, s, u); nullif(i, b); nullif(d, 0.0D); isnan(d); isnan(f); nanvl(d, i); nanvl(f, f)
greatest(i, l, b); least(d, f); greatest(d, i); greatest(s, u); least(i, null); equal_null(i, b); isnull(d)
try_add(i, b); try_subtract(b, h); try_multiply(l, i); try_divide(i, b); try_mod(i, b); d + f; d * 0.5; f - f; d - i
try_cast(s as int); try_cast(s as bigint); try_cast(s as float); try_cast(s as double); try_cast(d as int)
try_cast(s as boolean); cast(try_cast(d as decimal(10,2)) as string); cast(try_cast(s as decimal(5,1)) as string)
cast(d as string); cast(f as string); cast(l as string); cast(t as string); cast(i as boolean); cast(d as boolean)
cast(t as int); cast(l as float); cast(i as float); cast(d as float); i::string; cast(i * 0.5 as double)
cast(i / 0.3 as double); cast(l * 1.1 as double); cast(b + 0.25 as string); cast(i % 0.7 as string)
sqrt(d); sqrt(i); sign(d); signum(i); rint(d); degrees(d); radians(d); e() + pi()
exp(d); expm1(f); ln(d); log(d); log(f, d); log(1, d); log2(d); log10(i); log1p(d); pow(d, f); power(i, -2)
pow(d, 0.5); round(d); round(d, 2); round(f, 1)
bround(d); round(l, 3); cast(bround(1.25, 1) as string); cast(round(12345.678, -2) as string); 1e3; -1.5e3; 0.5D + 1L
"""
TEXTS = r"""
concat(s, '-', u); s || i; concat(s, d, t); concat_ws(',', s, null, u); lower(u); upper(u); initcap(u); reverse(u)
length(u); ascii(u); trim(s); trim(both 'a1' from s); trim(leading ' 1' from s); trim(trailing 'c ' from s); ltrim(s)
rtrim(s); substring(s, 2, 2); substring(s, -2); substring(s, i, 2); substring(s, 2, i); substring(s from 2 for 1)
left(s, 2); right(s, 2); left(s, i); right(u, i); repeat(u, 2); repeat(u, -1); instr(s, '1'); locate('b', s)
locate('1', s, b); position('a' in u); replace(s, '1', 'one'); replace(s, ''); translate(u, 'abü', 'AB')
lpad(s, 5, 'xy'); rpad(s, 5, 'xy'); lpad(u, 3); lpad(u, b, ''); startswith(s, '1'); endswith(s, ''); contains(s, u)
s like '%1%'; s like '_'; u like '_'; s like 'a\\_c'; s like '1/%' escape '/'; s not like '%a'; u ilike 'Z'
s rlike '^[0-9]+$'; s rlike '[ab]'; 'it''s' || "q"; length('a' 'b\n')
"""
NUMBERS = """
i + l; i - b; b * h; b + b; i + f; l + d; f * f; f / d; i / l; i / b; d / d; d % d; i % l; b % b; f % f; i * i; l - l
i + s; d * s; s + 1; i div 2; l div i; l div b; pmod(i, 3); pmod(i, -3); pmod(b, h); pmod(d, -2.5D); pmod(d, 3D)
-i; abs(l); -d; positive(f); mod(i, 4); cast(pmod(i, 0.7) as string); cast(l div 0.3 as string)
cast(d * 0.1 as string); cast(-cast(s as decimal(10,3)) as string); cast(1L * 0.5 + i as string)
cast(l / 3.0 as string); cast(cast(s as decimal(10,2)) * cast(s as decimal(10,2)) as string)
cast(abs(-1.50) as string); s = i; s < d; i * 0.5 = 3.5
cast(i as tinyint); cast(l as int); cast(d as int); cast(d as bigint); cast(d as smallint); cast(f as int)
cast(s as int); cast(s as double); cast(s as tinyint); cast(cast(l as decimal(20,0)) as bigint)
cast(cast(f as decimal(38,20)) as string); cast(cast(s as decimal(38,5)) as float); round(i, -1); round(b, -1)
bround(i, -1); cast(floor(cast(s as decimal(10,3))) as string); floor(f); ceil(d); ceil(i); floor(d)
cast(ceil(1.5) as string); cast(round(cast(d as decimal(20,5)), 2) as string); 2 + -1.5e3
"""
FAILING = ("i + 1", "d / f", "cast(d as int)", "cast(s as int)", "s = i")
DATES = """
year(a); month(a); day(a); dayofmonth(a); quarter(a); dayofweek(a); weekday(a); dayofyear(a); weekofyear(a)
cast(to_date(a) as string); datediff(a, c); cast(date_add(a, n) as string); cast(date_sub(a, 40) as string)
cast(add_months(a, n) as string); cast(add_months(a, 13) as string); cast(last_day(a) as string); months_between(a, c)
cast(trunc(a, 'MM') as string); cast(trunc(a, 'quarter') as string); cast(trunc(a, 'WEEK') as string)
cast(trunc(a, 'year') as string); cast(trunc(a, 'day') as string); a > date'2000-01-01'; to_date(a) = to_date(c)
to_date(a) between '1900-01-01' and '2020-12-31'; coalesce(to_date(a), date'2000-01-01') < to_date(c)
unix_date(to_date(a)); extract(year from a)
greatest(to_date(a), to_date(c)) > date'2001-01-01'; cast(to_date(a,'yyyy/MM/dd') as string)
cast(make_date(2020, 2, n) as string); cast(date(c) as string)
"""
DAYS = [
    *(
        "2020-02-29",
        "2021-12-31",
        "1999-01-01",
        " 2000-3-5 ",
        "bad",
        "",
        "2024-01-01T00",
        "0001-01-01",
        "9999-12-31",
    ),
    *(
        "12020-01-01",
        "-0044-03-15",
        "1582-10-10",
        "2020/02/03",
        "2020-02-30",
        None,
        "2015",
        "2020-12-28",
        "2021-01-03",
    ),
]


def listed(text: str) -> list[str]:
    """The expressions of a table."""
    return [part.strip() for line in text.strip().splitlines() for part in line.split("; ")]


def selected(
    expressions: Sequence[str], rows: list[tuple[Any, ...]], schema: str, spark: SparkSession
) -> tuple[Any, DataFrame]:
    """One statement with all of the expressions."""
    columns = ", ".join(f"{text} AS z{number}" for number, text in enumerate(expressions))
    return SQLTransformer(statement=f"SELECT *, {columns} FROM __THIS__"), spark.createDataFrame(rows, schema)


def dates(spark: SparkSession) -> tuple[Any, DataFrame]:
    rows = [(day, DAYS[-1 - at], at - 8) for at, day in enumerate(DAYS)]
    return selected(listed(DATES), rows, "a string, c string, n int", spark)


def selection(spark: SparkSession) -> tuple[Any, DataFrame]:
    """Columns left out, renamed, used again by the name just given, and rows filtered; vectors are handed on."""
    statement = (
        "select `the name`, V, v as w, x * 2 AS y, Y + 1 AS z, v IS NULL AS n -- a comment\n"
        "from __THIS__ t where t.X > 0 or x is null"
    )
    assembler = VectorAssembler(inputCols=["w", "y"], outputCol="both", handleInvalid="skip")
    rows = [
        ("a", Vectors.dense([1.0, -0.0]), 1.5, 1),
        ("b", SparseVector(2, [1], [2.0]), math.nan, 2),
        ("c", SparseVector(2, [1], [2.0]), -1.0, 3),
        (None, None, None, 4),
    ]
    schema = StructType(
        [
            StructField("the name", StringType()),
            StructField("v", VectorUDT(), True, {"ml_attr": {"num_attrs": 2}}),
            StructField("x", DoubleType()),
            StructField("other", IntegerType()),
        ]
    )
    return PipelineModel([SQLTransformer(statement=statement), assembler]), spark.createDataFrame(
        rows, schema
    )


def cases() -> Iterator[Case]:
    covers = ("SQLTransformer",)
    for ansi in (True, False):
        rules = "ansi" if ansi else "lenient"
        mixed = partial(selected, listed(LOGIC) + listed(TEXTS), HOSTILE, SCHEMA)
        yield Case(f"sql-logic-and-texts-{rules}", covers, mixed, ansi, written=True)
    yield Case("sql-numbers-ansi", covers, partial(selected, listed(NUMBERS), MILD, SCHEMA), True)
    yield Case("sql-numbers-lenient", covers, partial(selected, listed(NUMBERS), HOSTILE, SCHEMA), False)
    for text in FAILING:
        yield Case(f"sql-fails-{text}", covers, partial(selected, [text], HOSTILE[:3], SCHEMA), True)
    yield Case("sql-dates-lenient", covers, dates, False)
    far = [
        ("2020-12-28", 1175976134),
        ("2020-12-28", -(2**31)),
        ("2020-12-28", 60_000_000),
        (None, 2**31 - 1),
    ]
    moved = ["cast(add_months(to_date(a), n) as string)"]
    yield Case("sql-dates-far", covers, partial(selected, moved, far, "a string, n int"), False)
    yield Case("sql-selection", covers, selection, True)
