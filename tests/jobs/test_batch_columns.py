"""Files of columns in and out: the answers of the same rows as text, errors with the row's number in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skewless.codecs.arrowstream import ARROW, read_stream, write_stream
from skewless.containers.pipeline import Pipeline
from skewless.errors import AcceptError, BodyError, ContentTypeError, RequestError, SettingError
from skewless.jobs.batch import Report, sources, transform
from skewless.jobs.transforming import tables
from skewless.jobs.transforming.tables import ARROW_FILE, KINDS, PARQUET
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.schema import DOUBLE, STRING, Field, vector
from tests.builders import STRICT, Relay, graph, schema, sparkml, stage, xgboost

LABELS = ("a", "b", "ü,")
FIELDS = [Field("t", STRING), Field("x", DOUBLE)]


def features(invalid: str = "error", **options: Any) -> Any:
    """A text, in three slots, and a number."""
    stages = graph(
        stage("index", StringIndexer(LABELS, invalid), ["t"], ["i"]),
        stage("hot", OneHotEncoder((3,), False), ["i"], ["h"]),
        stage("join", VectorAssembler((None, 3), "error"), ["x", "h"], ["v"]),
    )
    return sparkml(stages, schema(FIELDS, Field("v", vector())), name="features", **options)


def labels() -> Any:
    back = graph(stage("back", IndexToString(LABELS), ["p"], ["label"]))
    return sparkml(back, schema([Field("p", DOUBLE)], Field("label", STRING)), name="labels")


def chain(invalid: str = "error") -> Pipeline:
    return Pipeline([features(invalid), xgboost("multi:softmax", 4), labels()])


def rows(many: int) -> pa.Table:
    """Columns in another order, and one more."""
    texts = [LABELS[row % 3] for row in range(many)]
    numbers = [row / 7 - 3 for row in range(many)]
    return pa.table(
        {"more": [[row] for row in range(many)], "x": pa.array(numbers, pa.float64()), "t": texts}
    )


def write(table: pa.Table, path: Path, kind: str) -> Path:
    if kind == PARQUET:
        pq.write_table(table, path, row_group_size=10)
        return path
    with (pa.ipc.new_file if kind == ARROW_FILE else pa.ipc.new_stream)(path, table.schema) as made:
        made.write_table(table, max_chunksize=10)
    return path


def read(path: Path, kind: str) -> pa.Table:
    if kind == PARQUET:
        return pq.read_table(path)
    with path.open("rb") as file:
        return (pa.ipc.open_file if kind == ARROW_FILE else pa.ipc.open_stream)(file).read_all()


def as_csv(table: pa.Table) -> str:
    quoted = [f'"{text}"' if "," in text else text for text in table["t"].to_pylist()]
    lines = zip(quoted, table["x"].to_pylist(), strict=True)
    return "".join(f"{text},{number!r}\n" for text, number in lines)


def run(pipeline: Pipeline, path: Path, kind: str, accept: str | None = None) -> tuple[Report, Path]:
    report = transform(pipeline, sources([path]), path.parent / "out", content_type=kind, accept=accept)
    return report, path.parent / "out" / f"{path.name}.out"


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROWS", 7)


@pytest.mark.parametrize("many", [0, 1, 25])
@pytest.mark.parametrize("kind", KINDS)
def test_all_ways_in_and_out_give_the_same(tmp_path: Path, kind: str, many: int) -> None:
    pipeline, given = chain(), rows(many)
    text = tmp_path / "in.csv"
    text.write_text(as_csv(given))
    report, made = run(pipeline, text, "text/csv")
    assert (report.failed, report.rows) == ([], many)
    wanted = made.read_text()
    path = write(given, tmp_path / "in", kind)
    report, made = run(pipeline, path, kind)
    assert (report.failed, report.rows) == ([], many)
    assert made.read_text() == wanted
    for source, given_as in ((path, kind), (text, "text/csv")):
        for accept in KINDS:
            report, made = run(pipeline, source, given_as, accept)
            assert (report.failed, report.rows) == ([], many)
            columns = read(made, accept)
            assert columns.schema.names == ["label"]
            answers = [f'"{label}"' if "," in label else label for label in columns["label"].to_pylist()]
            assert "".join(f"{answer}\n" for answer in answers) == wanted


@pytest.mark.parametrize("accept", KINDS)
def test_vectors_are_answered_as_lists(tmp_path: Path, accept: str) -> None:
    path = write(rows(9), tmp_path / "in", PARQUET)
    report, made = run(Pipeline([features()]), path, PARQUET, accept)
    assert report.failed == []
    assert read(made, accept)["v"].to_pylist()[2] == [2 / 7 - 3, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_bad_row_has_its_number_in_the_file(tmp_path: Path, kind: str) -> None:
    texts = rows(25)["t"].to_pylist()
    texts[17] = "unseen"
    path = write(rows(25).set_column(2, "t", [texts]), tmp_path / "in", kind)
    report, made = run(chain(), path, kind, kind)
    ((_, error),) = report.failed
    assert isinstance(error, RequestError)
    assert (error.container, error.stage, error.column, error.row) == ("features", "index", "t", 18)
    assert list(made.parent.iterdir()) == []


@pytest.mark.parametrize("accept", [None, PARQUET])
def test_rows_that_a_stage_drops(tmp_path: Path, accept: str | None) -> None:
    """Null is dropped too; a part of which nothing is left has no answer."""
    texts = rows(25)["t"].to_pylist()
    texts[7:14], texts[20] = ["unseen"] * 7, None
    path = write(rows(25).set_column(2, "t", [texts]), tmp_path / "in", PARQUET)
    report, made = run(chain("skip"), path, PARQUET, accept)
    assert (report.failed, report.rows, report.skipped) == ([], 17, 8)
    assert made.with_name("in.out.skipped").read_text() == "".join(f"{row}\n" for row in [*range(8, 15), 21])


@pytest.mark.parametrize("kind", KINDS)
def test_columns_are_found_by_name(tmp_path: Path, kind: str) -> None:
    """What is there is told whole, for a name may be misspelt."""
    names = ["X" if name == "x" else name for name in rows(3).column_names]
    path = write(rows(3).rename_columns(names), tmp_path / "in", kind)
    ((_, error),) = run(chain(), path, kind)[0].failed
    assert isinstance(error, RequestError)
    assert (error.column, error.hint) == ("x", f"The table has: {', '.join(names)}.")


@pytest.mark.parametrize("kind", KINDS)
def test_two_columns_of_one_name(tmp_path: Path, kind: str) -> None:
    """Are one too many for columns by name, and as good as others by position."""
    twice = pa.Table.from_arrays([pa.array([0.5, 1.5]), pa.array([2.0, 3.0])], ["x", "x"])
    path = write(twice, tmp_path / "in", kind)
    back = Pipeline([sparkml(graph(), schema([Field("x", DOUBLE)], Field("x", DOUBLE)))])
    ((_, error),) = run(back, path, kind)[0].failed
    assert isinstance(error, RequestError)
    assert (error.column, error.message) == ("x", "there are 2 columns of this name")
    model = Pipeline([xgboost("reg:squarederror", 2)])
    report, made = run(model, path, kind)
    assert report.failed == []
    assert made.read_bytes() == model.invoke(b"0.5,2.0\n1.5,3.0\n", "text/csv").body


def test_features_of_a_model_are_taken_by_position(tmp_path: Path) -> None:
    given = pa.table({"any": [0.5, None, 2.0], "name": pa.array([1, 2, 3], pa.int32())})
    model = Pipeline([xgboost("reg:squarederror", 2)])
    report, made = run(model, write(given, tmp_path / "in", ARROW_FILE), ARROW_FILE)
    assert report.failed == []
    assert made.read_bytes() == model.invoke(b"0.5,1\n,2\n2.0,3\n", "text/csv").body


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("body", [b"", b"a,1\n", b"PAR1ARROW1\0\0"])
def test_another_kind_of_file(tmp_path: Path, kind: str, body: bytes) -> None:
    path = tmp_path / "in"
    path.write_bytes(body)
    ((_, error),) = run(chain(), path, kind)[0].failed
    assert isinstance(error, BodyError)
    assert kind in error.message


@pytest.mark.parametrize("text", [pa.string(), pa.large_string(), pa.string_view()])
@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_texts(tmp_path: Path, kind: str, text: pa.DataType) -> None:
    given = rows(25)
    texts = given["t"].cast(text)
    path = write(given.set_column(2, "t", texts), tmp_path / "in", kind)
    report, made = run(chain(), path, kind)
    assert report.failed == []
    assert made.read_bytes().strip() == chain().invoke(as_csv(given).encode()).body.strip()


@pytest.mark.parametrize("kind", [ARROW, ARROW_FILE])
@pytest.mark.parametrize("place", [0, 3, 7, 10, 20])
@pytest.mark.parametrize("offset", [-5, 1 << 30])
@pytest.mark.parametrize("nested", [False, True])
def test_offsets_that_lead_out_of_a_file(
    tmp_path: Path, kind: str, place: int, offset: int, nested: bool
) -> None:
    """They are followed when parts are made, at the ends of these, or within lists."""
    texts = pa.array(["a"] * 20)
    offsets = np.frombuffer(texts.buffers()[1], np.int32).copy()
    lists = pa.ListArray.from_arrays(pa.array(range(21), pa.int32()), texts) if nested else texts
    made = pa.table({"t": lists, "x": [0.5] * 20})
    path = tmp_path / "in"
    with (pa.ipc.new_file if kind == ARROW_FILE else pa.ipc.new_stream)(path, made.schema) as file:
        file.write_table(made)
    body, right = path.read_bytes(), offsets.tobytes()
    offsets[place] = offset
    assert body.count(right) == (2 if nested else 1)
    path.write_bytes(offsets.tobytes().join(body.rsplit(right, 1)))
    report, answers = run(chain(), path, kind)
    assert [type(error) for _, error in report.failed] == [BodyError]
    assert list(answers.parent.iterdir()) == []


def test_code_answers_no_columns(tmp_path: Path) -> None:
    path = write(rows(3), tmp_path / "in", PARQUET)
    with pytest.raises(SettingError, match="relay runs code of its own"):
        run(Pipeline([features(), Relay("relay")]), path, PARQUET, PARQUET)


def test_streams_are_read_and_written_by_containers() -> None:
    """In one request, of one row too; a damaged stream is refused."""
    pipeline, body = chain(), write_stream(rows(5))
    wanted = pipeline.invoke(as_csv(rows(5)).encode()).body.decode().split("\n")
    answer = pipeline.invoke(body, ARROW, ARROW)
    assert answer.content_type == ARROW
    assert read_stream(answer.body)["label"].to_pylist() == [text.strip('"') for text in wanted]
    model = Pipeline([xgboost("reg:squarederror", 2)])
    for alone, line in ((pipeline, b"a,1.5"), (Pipeline([features()]), b"a,1.5"), (model, b"1.0,2.0")):
        assert len(read_stream(alone.invoke(line, "text/csv", ARROW).body)) == 1
    for cut in (b"", body[:100], body[:-400], b"\0" * 64, body[:300] + b"\xff" * 64 + body[364:]):
        with pytest.raises(RequestError):
            pipeline.invoke(cut, ARROW)


def test_what_would_be_a_schema_in_json_is_a_text_in_a_stream() -> None:
    texts = ('"schema"', "\\u0022schema")
    same = graph(stage("index", StringIndexer(texts, "error"), ["t"], ["i"]))
    pipeline = Pipeline([sparkml(same, schema(FIELDS[:1], Field("i", DOUBLE)))])
    answer = pipeline.invoke(write_stream(pa.table({"t": list(texts)})), ARROW, ARROW)
    assert read_stream(answer.body)["i"].to_pylist() == [0.0, 1.0]


def test_the_original_has_no_streams() -> None:
    body = write_stream(rows(2))
    for container in (features(settings=STRICT), xgboost("reg:squarederror", 2, settings=STRICT)):
        with pytest.raises(ContentTypeError):
            container.invoke(body, ARROW, None)
        with pytest.raises(AcceptError):
            container.invoke(b"1.0,2.0" if container.runtime == "xgboost" else b"a,1.0", "text/csv", ARROW)
