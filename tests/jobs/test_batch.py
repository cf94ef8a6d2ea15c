"""Batch transform: one answer a line in order, whatever the file looks like, and errors that name its lines."""

from __future__ import annotations

import gzip
import json
import os
import threading
import time
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.codecs.csvtext import quoted
from skewless.containers.base import Answer
from skewless.containers.pipeline import Pipeline
from skewless.containers.sparkml import SparkMLContainer
from skewless.errors import RequestError, SettingError
from skewless.jobs import batch
from skewless.jobs.batch import Report, Source, sources, transform
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import StringIndexer
from skewless.schema import DOUBLE, STRING, Field, vector
from skewless.settings import Settings
from tests.builders import SETTINGS, STRICT, Relay, graph, schema, sparkml, stage, xgboost

X = [Field("x", DOUBLE)]
LINES = "application/jsonlines"


def double(settings: Settings = SETTINGS) -> SparkMLContainer:
    return sparkml(graph(), schema(X, X[0]), settings=settings)


def text() -> SparkMLContainer:
    field = Field("x", STRING)
    return sparkml(graph(), schema([field], field))


def pair() -> SparkMLContainer:
    inputs = [Field("a", STRING), Field("b", DOUBLE)]
    return sparkml(graph(), schema(inputs, inputs[0]))


def as_vector() -> SparkMLContainer:
    stages = graph(stage("join", VectorAssembler((None,)), ["x"], ["v"]))
    return sparkml(stages, schema(X, Field("v", vector())))


def run(
    pipeline: Any, folder: Path, body: bytes, name: str = "in.csv", **options: Any
) -> tuple[Report, bytes | None]:
    """Transform one file; gives the report, and the answers where there are any."""
    path = folder / name
    path.write_bytes(body)
    chain = pipeline if isinstance(pipeline, Pipeline) else Pipeline([pipeline])
    report = transform(chain, sources([path]), folder / "out", **options)
    target = folder / "out" / f"{name}.out"
    made = target.read_bytes() if target.exists() else None
    target.unlink(missing_ok=True)
    assert names(folder / "out") == []
    return report, made


def names(folder: Path) -> list[str]:
    """What lies in a folder, hidden files too."""
    return sorted(path.name for path in folder.iterdir())


def failure(report: Report) -> RequestError:
    """The one error of a report with one file."""
    ((_, error),) = report.failed
    assert isinstance(error, RequestError)
    assert report.rows == 0
    assert report.written == []
    return error


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many chunks from little data."""
    monkeypatch.setattr(batch, "CHUNK", 16)


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        (b"1\n2\n", b"1.0\n2.0\n"),
        (b"1\n2", b"1.0\n2.0\n"),
        (b"1\r\n2\r\n", b"1.0\n2.0\n"),
        (b"1\r2\r", b"1.0\n2.0\n"),
        (b"1\n2\r\n3\r4\n\r\n5", b"1.0\n2.0\n3.0\n4.0\n5.0\n"),
        (b"\n\n1\n\n2\n\n", b"1.0\n2.0\n"),
        (b'"1"\n 2 \n', b"1.0\n2.0\n"),
        (b"", b""),
        (b"\n\r\n\n", b""),
    ],
)
@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 1 << 20])
def test_layouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: bytes, answer: bytes, chunk: int
) -> None:
    monkeypatch.setattr(batch, "CHUNK", chunk)
    report, made = run(double(), tmp_path, body)
    assert report.failed == []
    assert made == answer
    assert report.rows == answer.count(b"\n")
    assert report.written == [tmp_path / "out" / "in.csv.out"]


FIELDS = st.one_of(st.text('ab," ü\0\r', max_size=4), st.sampled_from(["", " ", '"', "a,b"]))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(FIELDS, max_size=12), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(1, 40))
def test_chunks_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, fields: list[str], end: str, last: bool, chunk: int
) -> None:
    """In chunks of any size, what comes out is what one request gives."""
    body = end.join(map(quoted, fields)) + (end if last and fields else "")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batch, "CHUNK", chunk)
        report, made = run(text(), tmp_path_factory.mktemp("batch"), body.encode())
    assert report.failed == []
    assert made == "".join(f"{quoted(field)}\n" for field in fields).encode()
    assert report.rows == len(fields)


class Slow(Relay):
    """Takes longer for earlier rows, and notes how many run at once."""

    def __init__(self) -> None:
        super().__init__("slow")
        self.now = self.most = 0
        self.lock = threading.Lock()

    def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
        with self.lock:
            self.now += 1
            self.most = max(self.most, self.now)
        time.sleep(0.02 if int(body.split()[0]) % 3 == 0 else 0)
        with self.lock:
            self.now -= 1
        return Answer(body, "text/csv")


@pytest.mark.usefixtures("small_chunks")
def test_order_with_several_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batch, "_threads", lambda: 4)
    slow = Slow()
    body = b"".join(b"%04d\n" % number for number in range(100))
    report, made = run(Pipeline([slow]), tmp_path, body)
    assert made == body
    assert report.rows == 100
    assert slow.most > 1


def test_memory_does_not_grow_with_the_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """200,000 rows in chunks of 4 KiB: only a few chunks are ever held."""
    monkeypatch.setattr(batch, "CHUNK", 1 << 12)
    relay = Pipeline([Relay("relay")])
    peaks = []
    for rows in (20_000, 200_000):
        path = tmp_path / f"{rows}.csv"
        path.write_bytes(b"".join(b"%09d\n" % number for number in range(rows)))
        tracemalloc.start()
        report = transform(relay, sources([path]), tmp_path / "out")
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert report.rows == rows
        assert (tmp_path / "out" / f"{rows}.csv.out").read_bytes() == path.read_bytes()
    assert peaks[1] < peaks[0] * 1.5 < 2 << 20


@pytest.mark.usefixtures("small_chunks")
def test_a_bad_row_in_the_middle(tmp_path: Path) -> None:
    """It names the line of the file, leaves no part of the answers, and other files are written."""
    for name, lines in {
        "a.csv": ["1"] * 5,
        "b.csv": ["1", "", "2", "\r", *["3"] * 20, "x", "y"],
        "c.csv": ["7"],
    }.items():
        (tmp_path / name).write_text("\n".join(lines), newline="")
    report = transform(
        Pipeline([double()]), sources([tmp_path / n for n in ("a.csv", "b.csv", "c.csv")]), tmp_path / "o"
    )
    assert names(tmp_path / "o") == ["a.csv.out", "c.csv.out"]
    assert report.rows == 6
    ((path, error),) = report.failed
    assert path == tmp_path / "b.csv"
    assert isinstance(error, RequestError)
    assert (error.row, error.container, error.column, error.value) == (25, "container-1", "x", "x")


@pytest.mark.parametrize("chunk", [1 << 20, 32])
@pytest.mark.parametrize("line", [b"x", b"\xff", b"1,2", b'"1'])
def test_every_kind_of_bad_line_has_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: bytes, chunk: int
) -> None:
    monkeypatch.setattr(batch, "CHUNK", chunk)
    body = b'"1"\r\n\r\n1\n\n' * 30 + line
    report, made = run(double(), tmp_path, body + b"\n")
    assert made is None
    assert failure(report).row == 121


@pytest.mark.usefixtures("small_chunks")
def test_a_row_that_a_later_container_refuses(tmp_path: Path) -> None:
    chain = Pipeline([as_vector(), xgboost("multi:softmax", 1)])
    report, _ = run(chain, tmp_path, b"1\n\n2\n" * 20 + b"Infinity\n")
    error = failure(report)
    assert (error.container, error.row) == ("model", 61)


@pytest.mark.usefixtures("small_chunks")
def test_a_quoted_comma(tmp_path: Path) -> None:
    report, made = run(pair(), tmp_path, b'"a, ""b""",1\nc,2\n' * 50)
    assert report.rows == 100
    assert made == b'"a, ""b"""\nc\n' * 50


def echo() -> SparkMLContainer:
    """Gives back the first of two columns, which are both texts."""
    inputs = [Field("a", STRING), Field("b", STRING)]
    return sparkml(graph(), schema(inputs, inputs[0]))


@pytest.mark.parametrize("chunk", [1, 2, 5, 16, 1 << 20])
def test_a_quoted_line_end_is_part_of_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    """One answer a record, and the answer may hold a line end as well; lines are counted as an editor does."""
    monkeypatch.setattr(batch, "CHUNK", chunk)
    body = b'a,1\n\n"b\n""c\n\n",2\r\nd,"e\r\nf"\n"g\n",h'
    report, made = run(echo(), tmp_path, body)
    assert report.failed == []
    assert (report.rows, made) == (4, b'a\n"b\n""c\n\n"\nd\n"g\n"\n')
    report, _ = run(pair(), tmp_path, b'a,1\n"b\nc",2\nd,x\n')
    assert failure(report).row == 4
    report, _ = run(pair(), tmp_path, b'a,1\na,x\n"b\nc",2\n')
    assert failure(report).row == 2


@pytest.mark.parametrize("chunk", [16, 1 << 20])
def test_a_quote_that_is_not_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int) -> None:
    monkeypatch.setattr(batch, "CHUNK", chunk)
    report, _ = run(pair(), tmp_path, b'a,1\n"b,2\n' + b"d,3\n" * 9)
    assert failure(report).row == 2
    assert "this is no CSV" in failure(report).message
    report, _ = run(pair(), tmp_path, b'a,1\n"b,2\n' + b"d,3\n" * 90, longest=200)
    assert failure(report).row == 2
    assert "the record is longer than 200 bytes" in failure(report).message


def test_a_model_reads_lines(tmp_path: Path) -> None:
    """To XGBoost a quoted line end is none: its numbers stand on one line, quoted or not."""
    report, made = run(xgboost("multi:softmax", 2), tmp_path, b'1,2\n\n3,4\n"5\n6\n7",8\n9,1\n')
    assert made is None
    assert failure(report).row == 4


def test_a_quoted_carriage_return_is_in_one_line(tmp_path: Path) -> None:
    report, made = run(text(), tmp_path, b'"a\rb"\nc\rd\r\n"e\r\r"\r"f"\n')
    assert (report.rows, made) == (5, b'"a\rb"\nc\nd\n"e\r\r"\nf\n')


def test_answers_that_hold_a_line_end(tmp_path: Path) -> None:
    """Such an answer would shift all that follow; the file is refused, not written shifted."""

    class Doubling(Relay):
        def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
            return Answer(body.replace(b"b", b"b\nb"), "text/csv")

    report, made = run(Pipeline([Doubling("odd")]), tmp_path, b"a\nb\nc\n")
    assert made is None
    assert failure(report).message == "lines 1 to 3 hold 3 records, but the answer has 4 line ends"
    lossy = Pipeline([Relay("cut")])
    lossy.containers[0].invoke = lambda body, *_: Answer(body.splitlines()[0], "text/csv")  # type: ignore[method-assign]
    report, made = run(lossy, tmp_path, b"a\nb\nc\n")
    assert made is None
    assert "hold 3 records" in failure(report).message


def test_lines_of_blanks(tmp_path: Path) -> None:
    """To a SparkML container a value, to XGBoost nothing: as in a request."""
    report, made = run(text(), tmp_path, b"a\n  \nb\n \n")
    assert made == b"a\n  \nb\n \n"
    body = b" \n1\n  \n2\n \n"
    report, made = run(xgboost("multi:softmax", 1), tmp_path, body)
    assert report.rows == 2
    assert made == xgboost("multi:softmax", 1).invoke(body, "text/csv", None)[0]
    report, _ = run(xgboost("multi:softmax", 1), tmp_path, body + b"x\n")
    assert failure(report).row == 6


@pytest.mark.usefixtures("small_chunks")
def test_json_lines(tmp_path: Path) -> None:
    body = b'{"data": [1]}\n{"data": [2.5]}\r\n\n{"data": ["3"]}'
    report, made = run(double(), tmp_path, body, "in.jsonl", content_type=LINES)
    assert (report.rows, made) == (3, b"1.0\n2.5\n3.0\n")
    report, made = run(double(), tmp_path, body, "in.jsonl", content_type=LINES, accept="text/csv")
    assert (report.rows, made) == (3, b"[[1.0]]\n[[2.5]]\n[[3.0]]\n")
    report, made = run(as_vector(), tmp_path, body, "in.jsonl", content_type=LINES, accept=LINES)
    assert made == b'[[{"features":[1.0]}]]\n[[{"features":[2.5]}]]\n[[{"features":[3.0]}]]\n'
    for wrong in (b'{"data": ["x"]}', b'{"data": 1}', b"{", b'{"data": [1, 2]}'):
        for accept in (None, "text/csv"):
            bad = body + b"\n \n" + wrong + b"\n" + body
            report, _ = run(double(), tmp_path, bad, "bad.jsonl", content_type=LINES, accept=accept)
            assert failure(report).row == 6


def test_several_rows_in_one_line(tmp_path: Path) -> None:
    body = b'{"data": [[1], [2]]}\n{"data": [3]}\n'
    report, made = run(double(), tmp_path, body, "in.jsonl", content_type=LINES)
    assert made is None
    assert "put one record on each" in str(failure(report))
    report, made = run(double(), tmp_path, body, "in.jsonl", content_type=LINES, accept="text/csv")
    assert made == b"[[1.0], [2.0]]\n[[3.0]]\n"
    report, _ = run(double(), tmp_path, body + b'{"data": ["x"]}\n', "in.jsonl", content_type=LINES)
    assert failure(report).row == 3


@pytest.mark.usefixtures("small_chunks")
@pytest.mark.parametrize("accept", [None, "text/csv"])
@pytest.mark.parametrize("blank", [b"", b"\n\n"])
def test_a_schema_in_the_first_line_counts_for_all(tmp_path: Path, accept: str | None, blank: bytes) -> None:
    """Also in later chunks, where the environment's would otherwise take over unnoticed."""
    other = schema([Field("y", STRING)], Field("y", STRING))
    first = json.dumps({"schema": other, "data": [1]}).encode()
    later = b'{"data": [2]}\n' * 5 + b'{"schema": null, "data": [2]} \r\n' * 5
    report, made = run(
        double(), tmp_path, blank + first + b"\n" + later, "in.jsonl", content_type=LINES, accept=accept
    )
    assert report.failed == []
    assert made == (b"1\n" + b"2\n" * 10 if accept is None else b"[[1]]\n" + b"[[2]]\n" * 10)
    report, _ = run(
        double(),
        tmp_path,
        first + b"\n" + later + b'{"data": [1, 2]}\n',
        "bad.jsonl",
        content_type=LINES,
        accept=accept,
    )
    assert failure(report).row == 12


@pytest.mark.usefixtures("small_chunks")
def test_a_first_line_that_is_no_text_is_refused_in_its_place(tmp_path: Path) -> None:
    body = b'{"data": [1], "x": "\xff"}\n' + b'{"data": [2]}\n' * 20
    report, _ = run(double(), tmp_path, body, "in.jsonl", content_type=LINES)
    assert "UTF-8" in str(failure(report))


def test_json_is_one_record(tmp_path: Path) -> None:
    report, made = run(as_vector(), tmp_path, b'{"data":\n[1]}\n', "in.json", content_type="application/json")
    assert (report.rows, made) == (1, b"1.0\n")
    report, _ = run(
        double(), tmp_path, b'{"data": [1]}', "in.json", content_type="application/json", longest=5
    )
    assert "the file is over 5 bytes" in failure(report).message


def test_answers_that_cover_a_whole_body(tmp_path: Path) -> None:
    """JSON predictions, and all that the original containers do to bodies of several lines: sent line by line."""
    model = xgboost("multi:softmax", 1)
    report, made = run(model, tmp_path, b"0\n\n1\r\n", accept="application/json")
    assert report.rows == 2
    assert made is not None
    assert [list(json.loads(line)) for line in made.splitlines()] == [["predictions"]] * 2
    defaulted = xgboost("multi:softmax", 1, accept="application/json")
    assert run(defaulted, tmp_path, b"0\n\n1\r\n")[1] == made
    report, made = run(double(STRICT), tmp_path, b"1\n\n2\n3\n")
    assert made == b"1.0\n2.0\n3.0\n"
    report, made = run(
        double(STRICT), tmp_path, b'{"data": [1]}\n{"data": [2]}', "in.jsonl", content_type=LINES
    )
    assert made == b"[[1.0]]\n[[2.0]]\n"
    report, _ = run(double(STRICT), tmp_path, b"1\n\n2\nx\n")
    assert failure(report).row == 4


@pytest.mark.usefixtures("small_chunks")
def test_a_line_that_never_ends(tmp_path: Path) -> None:
    report, _ = run(text(), tmp_path, b"a\n" * 20 + b"b" * 200 + b"\n", longest=100)
    error = failure(report)
    assert (error.row, error.message) == (21, "the record is longer than 100 bytes")


def test_compressed_files(tmp_path: Path) -> None:
    packed = gzip.compress(b"1\n2\n") + gzip.compress(b"3\n")
    report, made = run(double(), tmp_path, packed, "in.csv.gz")
    assert (report.rows, made) == (3, b"1.0\n2.0\n3.0\n")
    spoiled = bytearray(gzip.compress(os.urandom(3000)))
    spoiled[1500:1600] = bytes(100)
    for wrong in (packed[:-6], b"1\n2\n", bytes(spoiled), packed[:3]):
        report, made = run(double(), tmp_path, wrong, "wrong.csv.gz")
        assert made is None
        assert len(report.failed) == 1


def test_folders(tmp_path: Path) -> None:
    for name in ("a.csv", "deep/b.csv", ".hidden", "_SUCCESS", "deep/.c.crc", ".git/d.csv"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("1\n")
    found = sources([tmp_path / "in", tmp_path / "in"])
    assert [str(source.target) for source in found] == ["a.csv.out", "deep/b.csv.out"]
    assert [source.size for source in found] == [2, 2]
    report = transform(Pipeline([double()]), found, tmp_path / "out")
    assert report.rows == 2
    assert sorted(str(path.relative_to(tmp_path / "out")) for path in tmp_path.glob("out/**/*.out")) == [
        "a.csv.out",
        "deep/b.csv.out",
    ]


def test_inputs_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for given_, message in [
        ([tmp_path / "gone"], "there is no file or folder"),
        ([tmp_path / "empty"], "no file to"),
    ]:
        with pytest.raises(SettingError, match=message):
            sources(given_)
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text("1\n")
    with pytest.raises(SettingError, match=r"would both be written to x\.csv\.out"):
        sources([tmp_path / "one", tmp_path / "two" / "x.csv"])


def test_outputs_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1\n")
    (tmp_path / "y.csv").write_text("2\n")
    (tmp_path / "file").write_text("")
    found, chain = sources([tmp_path / "x.csv", tmp_path / "y.csv"]), Pipeline([double()])
    for folder in ("file", "file/below"):
        with pytest.raises(SettingError, match=r"the folder .*file.* cannot be made") as refused:
            transform(chain, found, tmp_path / folder)
        assert refused.value.hint
    # One target in the way: that file fails, the other is written.
    (tmp_path / "out" / "x.csv.out").mkdir(parents=True)
    report = transform(chain, found, tmp_path / "out")
    assert [path for path, _ in report.failed] == [tmp_path / "x.csv"]
    assert report.rows == 1
    assert (tmp_path / "out" / "y.csv.out").read_bytes() == b"2.0\n"
    assert names(tmp_path / "out") == ["x.csv.out", "y.csv.out"]


def test_answers_never_replace_an_input(tmp_path: Path) -> None:
    """As the second run into the folder of the inputs would."""
    (tmp_path / "x.csv").write_text("1\n")
    chain = Pipeline([double()])
    assert transform(chain, sources([tmp_path]), tmp_path).rows == 1
    with pytest.raises(SettingError, match=r"would replace the input .*x\.csv\.out"):
        transform(chain, sources([tmp_path]), tmp_path)
    assert (tmp_path / "x.csv.out").read_text() == "1.0\n"


def test_a_file_that_goes_away(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("1\n")
    found: Sequence[Source] = [
        Source(tmp_path / "gone.csv", Path("gone.csv.out")),
        *sources([tmp_path / "x.csv"]),
    ]
    report = transform(Pipeline([double()]), found, tmp_path / "out")
    assert [path.name for path, _ in report.failed] == ["gone.csv"]
    assert names(tmp_path / "out") == ["x.csv.out"]


def test_a_defect_leaves_nothing_behind(tmp_path: Path) -> None:
    """What is no refusal ends the batch, but not with a file that looks finished."""

    class Broken(Relay):
        def invoke(self, body: bytes, content_type: str | None, accept: str | None) -> Answer:
            raise ZeroDivisionError

    (tmp_path / "x.csv").write_text("1\n")
    with pytest.raises(ZeroDivisionError):
        transform(Pipeline([Broken("broken")]), sources([tmp_path / "x.csv"]), tmp_path / "out")
    assert names(tmp_path / "out") == []


@pytest.mark.parametrize("chunk", [1, 16, 1 << 20])
@pytest.mark.parametrize("strict", [False, True])
def test_skipped_rows_are_listed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, strict: bool
) -> None:
    """By the lines they stand on, beside the answers; a list of an earlier run does not stay."""
    monkeypatch.setattr(batch, "CHUNK", chunk)
    stages = graph(stage("index", StringIndexer(("a", "b"), "skip"), ["x"], ["out"]))
    one = sparkml(
        stages, schema([Field("x", STRING)], Field("out", DOUBLE)), settings=STRICT if strict else SETTINGS
    )
    path = tmp_path / "in.csv"
    beside = tmp_path / "out" / "in.csv.out.skipped"
    for body, answers, lines in (
        (b"a\n\nx\nb\r\ny\ny\na\n", "0.0 1.0 0.0", "3 5 6"),
        (b"x\ny\n", "", "1 2"),
        (b"a\n", "0.0", ""),
    ):
        path.write_bytes(body)
        report = transform(Pipeline([one]), sources([path]), tmp_path / "out")
        assert (tmp_path / "out/in.csv.out").read_text().split() == answers.split()
        assert (report.rows, report.skipped) == (len(answers.split()), len(lines.split()))
        assert (beside.read_text().split() if beside.exists() else []) == lines.split()
