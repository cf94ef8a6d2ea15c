"""CSV bodies: Arrow's reader and the plain one give the same columns and the same errors; every rule of conversion."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skewless.codecs.csvtext import cells_of, quoted, read_table, record, records, single_line, text_of
from skewless.codecs.original import csv_cells, first_record
from skewless.errors import BodyError, EmptyBody, RequestError, ValueRefused
from skewless.schema import BOOLEAN, DOUBLE, FLOAT, INT, LONG, STRING, Base, Field, Schema, Type, vector
from skewless.table import Table
from skewless.transforms.parity import same

BYTE, SHORT = Type(Base.BYTE), Type(Base.SHORT)
TYPES = [STRING, DOUBLE, FLOAT, INT, LONG, BYTE, SHORT, BOOLEAN]
NEVER = 1 << 60

ODD = st.sampled_from(
    [
        *(
            "",
            " ",
            "0",
            "-0",
            "+1",
            "1",
            "007",
            " 1",
            "1 ",
            "\t1",
            "1.0",
            "1.",
            ".5",
            "-.5e3",
            "1e5",
            "1e",
            "-",
            "+",
        ),
        *(
            "nan",
            "NaN",
            "-NaN",
            "nan(1)",
            "inf",
            "Infinity",
            "-Infinity",
            "infinity",
            "1e400",
            "-1e400",
            "1e-400",
        ),
        *(
            "0x10",
            "0X1",
            "0x1p3",
            "0x1p99999",
            "1f",
            "1d",
            "1_0",
            "1,0",
            "127",
            "128",
            "2147483648",
            "1" * 40,
        ),
        *(
            "4.9e-324",
            "3.4028235677973366e38",
            "16777217.0000000000000000001",
            "9007199254740993",
            "true",
            "TRUE",
            "1b",
        ),
        *(
            "ü",
            "日本",
            "\ufeff1",
            "\ufeff",
            "\0",
            "1\0",
            "\x85",
            "\u2028",
            "٣",
            "a",
            '"',
            'a"b',
            '"a"b',
            '"1"',
            '"a,b"',
            '"',
            "'",
        ),
        *('"a\nb"', '"a""b"', '""', ' "a"', "#", "\\", "\\n"),
    ]
)
FIELD = st.one_of(ODD, st.text(max_size=4), st.integers().map(str), st.floats().map(repr))
END = st.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n", "\r\n\r\n", "\n\r\n", "\r\r\n", " \n"])


@st.composite
def bodies(draw: Any, columns: int) -> bytes:
    """Records in any layout, mostly of the right length."""
    text = draw(st.sampled_from(["", "", "", "\n", "\ufeff"]))
    for _ in range(draw(st.integers(0, 6))):
        size = columns if draw(st.integers(0, 9)) else draw(st.integers(0, 4))
        text += ",".join(draw(FIELD) for _ in range(size)) + draw(END)
    body: bytes = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(body)))
        body = body[:at] + draw(st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xfe\xff"])) + body[at:]
    return body[: len(body) - draw(st.integers(0, 1))]


def outcome(body: bytes, schema: Schema, bulk_from: int) -> Any:
    try:
        table = read_table(body, schema, bulk_from=bulk_from)
    except RequestError as error:
        return type(error), error.message, error.row, error.column, error.value, error.hint
    return table.schema, [list(row) for row in table.to_rows()]


@st.composite
def cases(draw: Any) -> tuple[bytes, Schema]:
    types = draw(st.lists(st.sampled_from(TYPES), min_size=1, max_size=3))
    schema = Schema(tuple(Field(f"c{number}", type_) for number, type_ in enumerate(types)))
    return draw(bodies(len(types))), schema


@settings(max_examples=600, deadline=None)
@given(cases())
@example((b"\xef\xbb\xbfa\nb\n", Schema.of(x=STRING)))
@example((b"a" * 200_000 + b"\nb\n", Schema.of(x=STRING)))
@example((b"0x10\n", Schema.of(x=INT)))
@example((b"1\r2\r\n3\n\r\n4", Schema.of(x=INT)))
@example((b"nan\nNaN\n", Schema.of(x=DOUBLE)))
def test_both_readers_agree(case: tuple[bytes, Schema]) -> None:
    body, schema = case
    bulk, plain = outcome(body, schema, 0), outcome(body, schema, NEVER)
    assert bulk[0] == plain[0]
    assert same(list(bulk[1:]), list(plain[1:]))


@settings(max_examples=200, deadline=None)
@given(cases())
def test_a_single_record_is_read_alike(case: tuple[bytes, Schema]) -> None:
    """The row path's reader against the table's."""
    body, schema = case
    line = single_line(body)
    if line is None:
        return

    def cells() -> Any:
        try:
            return schema, [cells_of(record(line), schema)]
        except RequestError as error:
            return type(error), error.message, error.row, error.column, error.value, error.hint

    by_row, by_table = cells(), outcome(body, schema, NEVER)
    assert by_row[0] == by_table[0]
    assert same(list(by_row[1:]), list(by_table[1:]))


def test_most_bodies_go_through_arrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the agreement above would be that of one reader with itself."""
    monkeypatch.setattr("skewless.codecs.csvtext.records", None)
    body = "ü,1.5,-3,TRUE,NaN\r\n\r\nb ,-Infinity,4,x,1e-5\n".encode()
    schema = Schema.of(a=STRING, b=DOUBLE, c=LONG, d=BOOLEAN, e=FLOAT)
    rows = [list(row) for row in read_table(body, schema, bulk_from=0).to_rows()]
    wanted = [["ü", 1.5, -3, True, float("nan")], ["b ", float("-inf"), 4, False, pytest.approx(1e-5)]]
    assert same(rows[0], wanted[0])
    assert rows[1] == wanted[1]


def one(text: str, type_: Type) -> Any:
    """A cell's value by the contract's rules, through the table."""
    table: Table = read_table(quoted(text).encode(), Schema.of(x=type_))
    return table["x"].cell(0)


@pytest.mark.parametrize("type_", [INT, LONG, SHORT, BYTE])
@pytest.mark.parametrize("text", ["abc", "1.0", " 1", " ", "1e2", "0x10"])
def test_whole_numbers_are_strict(text: str, type_: Type) -> None:
    with pytest.raises(ValueRefused) as refused:
        one(text, type_)
    assert refused.value.message == f'For input string: "{text}"'
    assert (refused.value.column, refused.value.row, refused.value.value) == ("x", 1, text)
    assert str(type_) in str(refused.value.hint)


@pytest.mark.parametrize(
    ("text", "value"),
    [(" 1.5\t", 1.5), ("1d", 1.0), ("2.5f", 2.5), ("1e3", 1000.0), ("Infinity", float("inf"))],
)
@pytest.mark.parametrize("type_", [DOUBLE, FLOAT])
def test_fractions_are_read_as_java_does(text: str, value: float, type_: Type) -> None:
    assert one(text, type_) == value


@pytest.mark.parametrize("type_", [DOUBLE, FLOAT, INT, BYTE])
def test_an_empty_number_is_null(type_: Type) -> None:
    """Among others too; to the original it is an error."""
    body = b"1,a\n,b\n-2,c\n"
    schema = Schema.of(x=type_, y=STRING)
    for bulk_from in (0, NEVER):
        rows = list(read_table(body, schema, bulk_from=bulk_from).to_rows())
        assert rows == [(1, "a"), (None, "b"), (-2, "c")]
    assert cells_of(["", "b"], schema) == [None, "b"]
    with pytest.raises(ValueRefused, match=r'empty String|For input string: ""'):
        csv_cells(["", "b"], schema)


@pytest.mark.parametrize("type_", [DOUBLE, FLOAT])
def test_no_fraction(type_: Type) -> None:
    with pytest.raises(ValueRefused, match="empty String"):
        one(" ", type_)
    with pytest.raises(ValueRefused, match='For input string: "nan"'):
        one("nan", type_)


@pytest.mark.parametrize(
    ("text", "flag"), [("true", True), ("TRUE", True), ("1", False), ("", False), ("x", False)]
)
def test_flags_are_never_refused(text: str, flag: bool) -> None:
    assert one(text, BOOLEAN) is flag


@pytest.mark.parametrize("text", ["", " a ", "ü", "1", "a,b", 'say "x"', "two\nlines", "\r", "\0", "日本"])
def test_strings_stay_as_they_are(text: str) -> None:
    assert one(text, STRING) == text


def test_a_number_behind_a_byte_order_mark() -> None:
    with pytest.raises(ValueRefused) as refused:
        read_table("\ufeff1\n".encode(), Schema.of(x=INT))
    assert "byte order mark" in str(refused.value)


@pytest.mark.parametrize("text", ["2,C,34.5", '2,"C",34.5', "2,C,34.5\r\n", "\n2,C,34.5\n\n"])
def test_the_originals_examples(text: str) -> None:
    """C1 and C2."""
    schema = Schema.of(name_1=INT, name_2=STRING, name_3=DOUBLE)
    assert list(read_table(text.encode(), schema).to_rows()) == [(2, "C", 34.5)]


@pytest.mark.parametrize("bulk_from", [0, NEVER])
def test_ragged_records(bulk_from: int) -> None:
    schema = Schema.of(a=STRING, b=STRING)
    with pytest.raises(ValueRefused) as few:
        read_table(b"a,b\n\na\n", schema, bulk_from=bulk_from)
    assert str(few.value) == "row 2: the record has 1 field where 2 are expected. The columns are: a, b."
    with pytest.raises(ValueRefused, match="the record has 3 fields where 2 are expected"):
        read_table(b"a,b,c\n", schema, bulk_from=bulk_from)


def test_the_first_record_as_the_original_reads_it() -> None:
    """Field by field: what is wrong first is told, in Java's words."""
    schema = Schema.of(a=STRING, b=INT, c=vector())
    assert list(first_record(b"\na,1\nb\n", Schema.of(a=STRING, b=INT)).to_rows()) == [("a", 1)]
    assert csv_cells(["a", "1", "more"], Schema.of(a=STRING)) == ["a"]
    for fields, text in [
        (["a"], "1"),
        (["a", "x"], 'For input string: "x"'),
        (["a", "1"], "2"),
        (["a", "1", "2.0"], "Input val is not a list but struct passed is vector/array"),
    ]:
        with pytest.raises(ValueRefused) as refused:
            csv_cells(fields, schema)
        assert (refused.value.original or refused.value.message) == text
    with pytest.raises(BodyError) as none:
        first_record(b"\r\n\n", schema)
    assert none.value.original == "Index: 0, Size: 0"


@pytest.mark.parametrize("body", [b"\n", b"\r\n\r\n", b"\n" * 5000])
def test_no_record(body: bytes) -> None:
    with pytest.raises(BodyError, match="no record") as refused:
        read_table(body, Schema.of(x=STRING))
    assert refused.value.original == "Index: 0, Size: 0"
    with pytest.raises(EmptyBody):
        read_table(b"", Schema.of(x=STRING))


@pytest.mark.parametrize("bulk_from", [0, NEVER])
def test_bytes_that_are_no_text(bulk_from: int) -> None:
    with pytest.raises(BodyError) as refused:
        read_table(b"a\r\n\r\nb\rc\nok\xff\n", Schema.of(x=STRING), bulk_from=bulk_from)
    assert refused.value.message == "this is not UTF-8: byte 0xff at position 3 of the line"
    assert refused.value.row == 4


@pytest.mark.parametrize("text", ['a\n"b', 'a\n"b"c', 'a\n"b" ,c'])
def test_quotes_that_do_not_match(text: str) -> None:
    with pytest.raises(BodyError, match="this is no CSV") as refused:
        records(text)
    assert refused.value.row == 2


def test_columns_of_several_values() -> None:
    with pytest.raises(
        BodyError, match="Input val is not a list but struct passed is vector/array"
    ) as refused:
        read_table(b"1\n", Schema.of(a=DOUBLE, b=vector(2)))
    assert refused.value.column == "b"


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), min_size=1, max_size=4))
def test_quoted_fields_read_back(fields: list[str]) -> None:
    line = ",".join(map(quoted, fields))
    assert records(line) == [fields]
    assert next(csv.reader(io.StringIO(line, newline=""))) == fields


def test_lines() -> None:
    assert single_line(b"a,b") == single_line(b"a,b\n") == single_line(b"a,b\r\n") == "a,b"
    for body in (b"", b"\n", b"a\nb", b"a\rb", b"a\r", b"a\n\n", b"\xff"):
        assert single_line(body) is None
    assert record('a,"b,c"') == ["a", "b,c"]
    assert text_of("ü".encode()) == "ü"
