"""The engine of batch transform: splitting loses nothing, filters are what csv makes of a row, joins never shift."""

from __future__ import annotations

import csv
import io
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.codecs.csvtext import quoted
from skewless.containers.base import Answer
from skewless.containers.pipeline import Pipeline
from skewless.errors import BodyError, RequestError
from skewless.jobs.transforming.engine import JSON_LINES, Done, Way, answers
from skewless.jobs.transforming.joining import CsvJoining, JsonJoining
from skewless.jobs.transforming.jsonpath import Names, Places, parse
from skewless.jobs.transforming.records import CsvRecords, Lines, RecordIO, Records, answers_in, has_answers
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.schema import STRING, Field
from tests.builders import Relay, graph, schema, sparkml, stage

TEXT = st.text(st.sampled_from('ab," \nü\r'), max_size=5)
ROWS = st.lists(st.lists(TEXT, min_size=1, max_size=4), max_size=8)
END = st.sampled_from(["\n", "\r\n"])


@pytest.fixture(scope="module")
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(2) as made:
        yield made


def run(way: Way, pool: ThreadPoolExecutor, body: bytes) -> list[Done]:
    return list(answers(way, pool, io.BytesIO(body), 2))


def text_of(done: list[Done]) -> bytes:
    return b"".join(one.answer for one in done)


def line_of(row: list[str]) -> str:
    return ",".join(map(quoted, row))


def rows_in(body: bytes) -> list[list[str]]:
    return [row for row in csv.reader(io.StringIO(body.decode(), newline=""), strict=True) if row]


@given(ROWS, END, st.booleans())
def test_records_are_what_csv_reads(rows: list[list[str]], end: str, last: bool) -> None:
    """Each span is one record, blank lines are none, and what is between them are line ends only."""
    body = (end.join(map(line_of, rows)) + (end if last else "")).encode()
    records = CsvRecords()
    spans = list(records.spans(body))
    assert [rows_in(body[start:stop]) for start, stop in spans] == [[row] for row in rows]
    assert records.count(body) == len(rows)
    edges = [(0, 0), *spans, (len(body), len(body))]
    assert all(not body[before:after].strip(b"\r\n") for (_, before), (after, _) in pairwise(edges))


@given(st.text(st.sampled_from('ab," \n\r'), max_size=40).map(str.encode))
def test_any_text_is_parted_as_csv_parts_it(body: bytes) -> None:
    """Quotes anywhere: the same number of records as csv.reader, where that reads them at all."""
    try:
        rows = rows_in(body)
    except csv.Error:
        return
    assert len(list(CsvRecords().spans(body))) == CsvRecords().count(body) == len(rows)


@given(ROWS, END, st.integers(1, 30))
def test_whole_records_from_a_piece(rows: list[list[str]], end: str, cut: int) -> None:
    """What is taken of a piece of a file ends where a record ends in the whole file."""
    body = "".join(line_of(row) + end for row in rows).encode()
    records = CsvRecords()
    ends = {0} | {stop + len(end) for _, stop in records.spans(body)}
    taken = records.whole(body[:cut])
    assert taken in ends
    assert taken == max(one for one in ends if one <= cut)


@pytest.mark.parametrize(
    ("records", "body", "parts"),
    [
        (Lines(), b"a\n\n \r\nb c\r\nd", [b"a", b"b c", b"d"]),
        (Lines(), b'"a\nb"\n', [b'"a', b'b"']),
        (CsvRecords(), b"a\n\n \r\nb\rc\r\n\rd", [b"a", b" ", b"b", b"c", b"d"]),
        (CsvRecords(), b'a"b\n"c\r"",\n\n"\r\n,\n"d"\n\n', [b'a"b', b'"c\r"",\n\n"', b",", b'"d"']),
        (CsvRecords(), b'a\n"open\nb', [b"a", b'"open\nb']),
    ],
)
def test_records_apart(records: Records, body: bytes, parts: list[bytes]) -> None:
    assert [body[start:end] for start, end in records.spans(body)] == parts
    assert records.count(body) == len(parts)


@given(st.lists(TEXT, min_size=1, max_size=6), st.booleans())
def test_answers_apart(texts: list[str], ended: bool) -> None:
    """As the SparkML container writes them, with or without the last line end."""
    lines = [quoted(text).encode() for text in texts]
    body = b"\n".join(lines) + (b"\n" if ended else b"")
    assert answers_in(body, len(lines), is_csv=True) == lines
    assert has_answers(body, len(lines), is_csv=True)
    # Without quotes, a last line end may also part an empty answer from the one before it.
    more = () if ended and b'"' not in body else (len(lines) + 1,)
    for other in (len(lines) - 1, *more):
        assert answers_in(body, other, is_csv=True) is None
        assert not has_answers(body, other, is_csv=True)


@given(rows=ROWS, size=st.integers(1, 40), end=END, last=st.booleans())
def test_split_and_assembled_again(
    pool: ThreadPoolExecutor, rows: list[list[str]], size: int, end: str, last: bool
) -> None:
    """Through a container that gives back what it gets, in calls of any size: every record, in order."""
    body = end.join(map(line_of, rows)) + (end if last and rows else "")
    way = Way(Pipeline([Relay("echo", "text/csv")]), "text/csv", records=CsvRecords(), size=size)
    if end == "\r\n":
        way = replace(way, alone=True)  # the relay would give back the line ends that the engine writes anew
    done = run(way, pool, body.encode())
    assert rows_in(text_of(done)) == rows
    assert sum(one.rows for one in done) == len(rows)
    assert sum(one.size for one in done) <= len(body.encode())


STEPS = st.one_of(
    st.lists(st.integers(-4, 3), min_size=1, max_size=3),
    st.builds(slice, st.none() | st.integers(-5, 5), st.none() | st.integers(-5, 5)).map(lambda one: [one]),
)


@given(st.lists(TEXT, min_size=1, max_size=4), st.lists(TEXT, min_size=1, max_size=3), STEPS, STEPS)
def test_filters_are_indexing(row: list[str], answer: list[str], given_: Any, made: Any) -> None:
    """What csv reads of the filtered row is what Python's indexing gives of the row."""
    joining = CsvJoining((Places(tuple(given_)),), (Places(tuple(made)),), True)
    record, text = line_of(row).encode(), line_of(answer).encode()
    given_row, made_row = partial(joining.given, record), partial(joining.made, record, text)
    for wanted, of, work in ((given_, row, given_row), (made, row + answer, made_row)):
        expected = _indexed(of, wanted)
        if expected:
            assert rows_in(work()) == [expected]
        else:
            with pytest.raises(BodyError):
                work()


def _indexed(row: list[str], wanted: Any) -> list[str] | None:
    found: list[str] = []
    for one in wanted:
        if isinstance(one, slice):
            found += row[one]
        elif -len(row) <= one < len(row):
            found.append(row[one])
        else:
            return None
    return found


def skipping() -> Pipeline:
    labels = ("a", "b", "c\nd", ",")
    stages = graph(
        stage("index", StringIndexer(labels, "skip"), ["x"], ["i"]),
        stage("name", IndexToString(labels), ["i"], ["out"]),
    )
    return Pipeline([sparkml(stages, schema([Field("x", STRING)], Field("out", STRING)))])


SKIPPING = skipping()
VALUES = st.sampled_from(["a", "b", "c\nd", ",", "no", "n\no"])


@given(values=st.lists(VALUES, max_size=12), size=st.integers(1, 60), blank=st.booleans())
def test_a_join_never_shifts(pool: ThreadPoolExecutor, values: list[str], size: int, blank: bool) -> None:
    """Each record stands beside its own answer, whatever was skipped; the skipped ones' lines are told."""
    lines = [f"{number},{quoted(value)}" for number, value in enumerate(values)]
    body = ("\n\n" if blank else "\n").join(lines).encode()
    joining = CsvJoining(parse("$[1]"), parse("$"), True)
    way = Way(SKIPPING, "text/csv", "text/csv", records=CsvRecords(), size=size, joining=joining)
    done = run(way, pool, body)
    kept = [(number, value) for number, value in enumerate(values) if "n" not in value]
    assert rows_in(text_of(done)) == [[str(number), value, value] for number, value in kept]
    begins = [body[: body.index(f"{number},".encode())].count(b"\n") + 1 for number in range(len(values))]
    told = [line for one in done for line in one.skipped]
    assert told == [begins[number] for number, value in enumerate(values) if "n" in value]


def test_errors_name_the_line_whoever_raises_them(pool: ThreadPoolExecutor) -> None:
    body = b'1,a\n\n"2\n3",b\n4\n'
    way = Way(SKIPPING, "text/csv", records=CsvRecords(), joining=CsvJoining(parse("$[1]")))
    with pytest.raises(RequestError) as refused:
        run(way, pool, body)
    assert (refused.value.row, refused.value.message) == (5, "index 1 is out of range: there are 1 elements")
    way = replace(way, joining=CsvJoining(parse("$[1]"), parse("$[3]"), True))
    with pytest.raises(RequestError) as refused:
        run(way, pool, b'1,a\n\n"2\n3",b\n4,a,x\n')
    assert refused.value.row == 1


def test_an_answer_too_few_is_refused(pool: ThreadPoolExecutor) -> None:
    """A blank line that a filter made would shift the answers; it is refused instead."""
    lossy = Relay("lossy")
    lossy.invoke = lambda body, *_: Answer(body.partition(b"\n")[2], "text/csv")  # type: ignore[method-assign]
    way = Way(Pipeline([lossy]), "text/csv", records=CsvRecords(), joining=CsvJoining((), (), True))
    with pytest.raises(BodyError, match="lines 1 to 3 hold 3 records, but the answer has 1 line ends"):
        run(way, pool, b"1\n2\n3")


def test_json_lines_are_joined_in_order(pool: ThreadPoolExecutor) -> None:
    class Doubling(Relay):
        def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
            return Answer(b"".join(b'{"of": %s}\n' % line for line in body.split(b"\n")), JSON_LINES)

    joining = JsonJoining(parse("$.x"), (), True)
    way = Way(Pipeline([Doubling("d")]), JSON_LINES, records=Lines(), size=20, joining=joining)
    body = b'{"x": 1}\n\n{"x": [2]}\r\n{"x": "3"}'
    assert text_of(run(way, pool, body)).splitlines() == [
        b'{"x":1,"SageMakerOutput":{"of": 1}}',
        b'{"x":[2],"SageMakerOutput":{"of": [2]}}',
        b'{"x":"3","SageMakerOutput":{"of": "3"}}',
    ]
    assert joining.input_filter == (Names(("x",)),)


def record_io(data: bytes, flag: int = 0) -> bytes:
    return struct.pack("<II", 0xCED7230A, flag << 29 | len(data)) + data + b"\0" * (-len(data) % 4)


@pytest.mark.parametrize("size", [1, 13, 24, 1 << 20])
@pytest.mark.parametrize("alone", [False, True])
def test_record_io(pool: ThreadPoolExecutor, size: int, alone: bool) -> None:
    """Records keep their headers; one in several parts is one; calls hold whole records."""
    parts = [
        record_io(b"abc"),
        record_io(b"xy", 1) + record_io(b"", 2) + record_io(b"z", 3),
        record_io(b"12345678"),
    ]
    calls: list[bytes] = []

    class Noting(Relay):
        def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
            calls.append(body)
            return Answer(b"%d;" % len(body), "text/plain")

    kind = "application/x-recordio-protobuf"
    way = Way(
        Pipeline([Noting("n")]), kind, records=RecordIO(), size=size, single=alone, alone=alone, lines=False
    )
    done = run(way, pool, b"".join(parts))
    assert sorted(b"".join(sorted(calls, key=parts[0].__eq__))) == sorted(b"".join(parts))
    assert text_of(done).count(b";") == len(calls)
    assert len(calls) == 3 if alone or size < 24 else len(calls) <= 2
    for spoiled in (b"".join(parts)[:-1], parts[0] + b"\0" * 8, parts[0] + parts[1][:12]):
        with pytest.raises(BodyError, match="RecordIO"):
            run(way, pool, spoiled)
