"""The XGBoost container: bodies in, bodies out, the two paths alike, parity rows, and every refusal."""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from skewless.containers import xgboost_csv
from skewless.containers.base import Answer
from skewless.containers.xgboost import XGBoostContainer, load
from skewless.errors import (
    AcceptError,
    ArtifactError,
    BodyError,
    ContentTypeError,
    EmptyBody,
    ParityError,
    RequestError,
    SkewlessError,
    ValueRefused,
)
from skewless.jobs.training.parity_rows import PARITY_FILE, parity_file
from skewless.schema import BOOLEAN, DOUBLE, FLOAT, INT, LONG, STRING, Base, Schema, Struct, Type, vector
from skewless.settings import Settings
from skewless.table import Column, Table
from tests.boosters.xgboost_models import FEATURES, bits, data, hostile, reference, saved


def container(kind: str = "softprob", **environment: str) -> XGBoostContainer:
    return load("model", {"xgboost-model": saved(kind)}, environment, Settings(), "model.tar.gz")


ONE = container("regression")
FOUR = container("softprob")


def text_of(rows: Any, delimiter: str = ",") -> str:
    return "".join(
        delimiter.join("" if math.isnan(cell) else repr(cell) for cell in row) + "\n" for row in rows
    )


def csv_of(values: Any) -> bytes:
    return "".join(
        ",".join(map(repr, row if isinstance(row, list) else [row])) + "\n"
        for row in values.astype(np.float64).tolist()
    ).encode()


def by_row(one: XGBoostContainer, line: str, accept: str | None = None) -> Any:
    record = one.record(line)
    assert record is not None
    return one.encode_row(one.run_row(one.decode_row(record)), accept)


def outcome(work: Callable[[], Any]) -> Any:
    """What comes out: an answer, or all that an error says."""
    try:
        return work()
    except RequestError as error:
        return type(error), error.message, error.row, error.column, repr(error.value), error.hint


@pytest.mark.parametrize("kind", ["regression", "softprob", "softmax", "linear", "dart"])
def test_many_rows(kind: str) -> None:
    rows = hostile()
    one = container(kind)
    body = text_of(rows.tolist())
    answer = Answer(csv_of(reference(kind, rows)), "text/csv; charset=utf-8")
    assert one.invoke(body.encode(), "text/csv", None) == answer
    lines = body.splitlines()
    assert b"".join(by_row(one, line)[0] for line in lines if line) == answer[0]


def test_columns() -> None:
    assert ONE.inputs.names == ("f0", "f1", "f2", "f3", "f4", "f5")
    assert {field.type for field in ONE.inputs} == {DOUBLE}
    assert ONE.outputs == Schema.of(prediction=DOUBLE)
    assert FOUR.outputs.names == ("prediction_0", "prediction_1", "prediction_2", "prediction_3")
    table = ONE.decode(b"1,2,3,4,5,6\n,,,,,\n", "text/csv")
    assert table.schema == ONE.inputs
    assert np.isnan(table["f3"].values[1])
    assert ONE.run(table).schema == ONE.outputs
    assert ONE.for_request(b"", "text/csv") is ONE


ROW = "1,2,0.5,-3,4e-1,6"


@pytest.mark.parametrize(
    "body",
    [
        ROW,
        f"{ROW}\n",
        f"{ROW}\r\n",
        f"\n\n{ROW}\n  \n\n",
        f"\ufeff{ROW}\n",
        ROW.replace(",", "\t"),
        ROW.replace(",", ";"),
        ROW.replace(",", "|"),
        f" {ROW.replace(',', ' ')} ",
        ROW.replace(",", ", "),
        '"1","2",0.5,-3,4e-1,"6"',
        "1.0,2.0E0,+0.5,-3.0,.4,6.",
    ],
)
@pytest.mark.parametrize("content_type", ["text/csv", "csv", "Text/CSV; charset=utf-8; header=absent"])
def test_forms_of_one_row(body: str, content_type: str) -> None:
    expected = csv_of(reference("softprob", np.array([[1, 2, 0.5, -3, 0.4, 6]], np.float32)))
    assert FOUR.invoke(body.encode(), content_type, None)[0] == expected
    lines = [line for line in body.splitlines() if line.strip()]
    assert by_row(FOUR, lines[0])[0] == expected


def test_missing_is_not_zero() -> None:
    rows = np.array([[np.nan, 1, 2, np.nan, np.nan, 5], [0, 1, 2, 0, 0, 5]], np.float32)
    expected = csv_of(reference("softprob", rows))
    for missing in ("", "NaN", "nan"):
        body = f"{missing},1,2,{missing},{missing},5\n0,1,2,0.0,-0.0,5"
        assert FOUR.invoke(body.encode(), "text/csv", None)[0] == expected
    assert expected.splitlines()[0] != expected.splitlines()[1]


def test_the_quick_reader_is_used_and_reads_the_same() -> None:
    rows = np.tile(hostile(), (2, 1)).astype(np.float64)
    rows[:300] = np.random.default_rng(3).normal(size=(300, FEATURES)) * 10.0 ** np.arange(-3, 3)
    for delimiter in ",\t;|":
        body = text_of(rows.tolist(), delimiter).encode()
        quick = xgboost_csv._bulk(body, FEATURES)
        assert quick is not None
        plain = xgboost_csv._plain(body, FEATURES, FOUR.booster.shape_error)
        for left, right in zip(quick, plain, strict=True):
            assert np.array_equal(left, right, equal_nan=True)
            assert np.array_equal(np.signbit(left), np.signbit(right))
    assert FOUR.invoke(body, "text/csv", None)[0] == csv_of(reference("softprob", rows.astype(np.float32)))


NUMBERS = st.one_of(
    st.floats().map(repr),
    st.floats(0, 1).map("{:.40f}".format),
    st.integers(-(10**25), 10**25).map(str),
    st.sampled_from(["", "NaN", " 1", "1\t", "-nan", "Infinity", "-inf", "1.", ".5", "1E5", "-0", "1e-320"]),
)
CELLS = st.one_of(
    NUMBERS,
    st.sampled_from(
        [
            "",
            " ",
            " 1",
            "1\t",
            "NaN",
            "-nan",
            "nan(1)",
            "Infinity",
            "-inf",
            "1e400",
            "1e-400",
            "1_0",
            "x",
            "0x1p3",
        ]
    ),
    st.sampled_from(
        ["+1", "1.", ".5", "1e", "1d", "1,5", "1;5", '"1"', '"1', '""', "١", "１", "\x00", "é", "1\x0b"]
    ),
    st.text('0123456789.eE+-naNifINF ,\t;|"_\r', max_size=6),
)


def table_of(cells: st.SearchStrategy[str], least: int, most: int) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(cells, min_size=least, max_size=most).filter(any), min_size=1, max_size=4)


@given(
    table_of(NUMBERS, FEATURES, FEATURES) | table_of(CELLS, FEATURES - 1, FEATURES + 1),
    st.sampled_from(",,,\t;| "),
    st.sampled_from(["\n", "\r\n", "\r"]),
)
@example([["nan(1)", "1", "1", "1", "1", "1"]], ",", "\n")
@example([["1", "2", "3", "4", "5", ""], ["", "", "", "", "", ""]], "\t", "\n")
@settings(max_examples=300, deadline=None)
def test_both_readers_agree_whatever_comes(rows: list[list[str]], delimiter: str, end: str) -> None:
    body = end.join(delimiter.join(row) for row in rows).encode()
    plain = outcome(lambda: xgboost_csv._plain(body, FEATURES, FOUR.booster.shape_error))
    quick = None if xgboost_csv._NOT_BULK.search(body) else xgboost_csv._bulk(body, FEATURES)
    if quick is not None:
        assert isinstance(plain, list)
        for left, right in zip(quick, plain, strict=True):
            assert np.array_equal(left, right, equal_nan=True)


@given(st.lists(CELLS, min_size=FEATURES - 1, max_size=FEATURES + 1), st.sampled_from(",,\t;| "))
@settings(max_examples=300, deadline=None)
def test_both_paths_agree_whatever_comes(row: list[str], delimiter: str) -> None:
    line = delimiter.join(row)
    if "\r" in line or not line.strip(" "):
        return
    for accept in (None, "application/json"):
        whole = outcome(lambda: FOUR.invoke(line.encode(), "text/csv", accept))  # noqa: B023
        single = outcome(lambda: by_row(FOUR, line, accept))  # noqa: B023
        assert single == whole


@pytest.mark.parametrize(
    ("body", "kind", "says", "row", "column"),
    [
        (b"1,2,3,4,5,6\n1,2,x,4,5,6", BodyError, "could not convert string to float: 'x'", 2, "f2"),
        (b"a,b,c,d,e,f\n1,2,3,4,5,6", BodyError, "could not convert string to float: 'a'", 1, "f0"),
        (b"1,2, ,4,5,6", BodyError, "could not convert string to float: ' '", 1, "f2"),
        (b"1,2,1_0,4,5,6", BodyError, "could not convert string to float: '1_0'", 1, "f2"),
        (b"1,2,\xff\xfe,4,5,6", BodyError, "could not convert string to float", 1, "f2"),
        ("1,2,3,4,5,é".encode(), BodyError, "'é'", 1, "f5"),
        (b'1,2,"3,4,5,6', BodyError, "unexpected end of data", 1, None),
        (b'{"a": 1}', ValueRefused, "Feature shape mismatch, expected: 6, got 2", 1, None),
        (b"1,2,3,4,5,6\n\n1,2,3,4,5", ValueRefused, "Feature shape mismatch, expected: 6, got 5", 2, None),
        (b"1,2,3,4,5,6,7", ValueRefused, "Feature shape mismatch, expected: 6, got 7", 1, None),
        (b"1,2,3,4,5,6\n1,2,3,4,-Infinity,6", ValueRefused, "Input data contains `inf`", 2, "f4"),
        (b"1,2,3,4,5,3.5e38", ValueRefused, "Input data contains `inf` or a value too large", 1, "f5"),
        (b"", EmptyBody, "no record", None, None),
        (b"\r\n  \n", EmptyBody, "no record", None, None),
    ],
)
def test_bad_bodies(
    body: bytes, kind: type[RequestError], says: str, row: int | None, column: str | None
) -> None:
    for padding in (b"", b"\n" * xgboost_csv._BULK):
        with pytest.raises(kind, match=re.escape(says)) as caught:
            FOUR.invoke(body + padding, "text/csv", None)
        error = caught.value
        assert (type(error), error.container, error.row, error.column) == (kind, "model", row, column)
        if kind is BodyError:
            start = "Loading csv data failed with Exception, please ensure data is in csv format:"
            assert error.message.startswith(start)
        if kind is ValueRefused:
            assert error.message.startswith("Unable to evaluate payload provided: ")


def test_a_fault_far_down_a_large_body() -> None:
    rows = text_of(np.ones((5000, FEATURES)).tolist()).encode()
    with pytest.raises(BodyError, match="row 5001") as caught:
        FOUR.invoke(rows + b"1,2,3,oops,5,6\n" + rows, "text/csv", None)
    assert (caught.value.row, caught.value.column, caught.value.value) == (5001, "f3", "oops")


def test_what_arrives_long_is_shown_short() -> None:
    with pytest.raises(BodyError) as caught:
        FOUR.invoke(b"1,2,3,4,5," + b"x" * 10**6, "text/csv", None)
    assert len(str(caught.value)) < 500


def test_an_unknown_content_type() -> None:
    with pytest.raises(ContentTypeError) as caught:
        FOUR.invoke(b"[[1]]", "application/json; charset=utf-8", None)
    assert caught.value.message == (
        "application/json is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, text/csv, "
        "text/libsvm, text/x-libsvm, application/x-parquet, application/x-recordio-protobuf."
    )


JSON_ACCEPTS = ["application/json", "Application/JSON;verbose=True"]


@pytest.mark.parametrize("accept", [None, "", " ", "*/*", "text/csv", "TEXT/CSV; charset=x", *JSON_ACCEPTS])
def test_accepts(accept: str | None) -> None:
    rows, _ = data()
    body = text_of(rows[:2].tolist()).encode()
    for kind, one in (("regression", ONE), ("softprob", FOUR)):
        expected = reference(kind, rows[:2]).astype(np.float64).tolist()
        made = one.invoke(body, "text/csv", accept)
        if accept in JSON_ACCEPTS:
            assert made[1] == "application/json"
            assert json.loads(made[0]) == {"predictions": [{"score": score} for score in expected]}
            assert made[0].startswith(b'{"predictions": [{"score": ')
        else:
            assert made == Answer(csv_of(np.array(expected)), "text/csv; charset=utf-8")
        first = body.decode().splitlines()[0]
        assert by_row(one, first, accept) == one.invoke(first.encode(), "text/csv", accept)


def test_the_default_accept() -> None:
    one = container(SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT="application/json")
    assert one.default_accept == "application/json"
    assert one.invoke(b"1,2,3,4,5,6", "text/csv", "*/*")[1] == "application/json"
    assert one.invoke(b"1,2,3,4,5,6", "text/csv", "text/csv")[1] == "text/csv; charset=utf-8"


@pytest.mark.parametrize(
    "accept",
    [
        "application/xml",
        "text/csv, application/json",
    ],
)
def test_unknown_accepts(accept: str) -> None:
    text = (
        f"Accept type {accept} is not supported. "
        "Please use supported accept types: "
        "['text/csv', 'application/json', 'application/jsonlines', 'application/x-recordio-protobuf']."
    )
    for work in (
        lambda: FOUR.invoke(b"1,2,3,4,5,6", "text/csv", accept),
        lambda: by_row(FOUR, "1,2,3,4,5,6", accept),
    ):
        with pytest.raises(AcceptError) as caught:
            work()
        assert caught.value.message == text


def test_no_rows_at_all() -> None:
    nothing = FOUR.run(FOUR.adopt(Table({"v": Column(vector(), np.zeros((0, 0)))}, 0)))
    assert FOUR.encode(nothing, None, None) == Answer(b"", "text/csv; charset=utf-8")
    assert FOUR.encode(nothing, None, "application/json")[0] == b'{"predictions": []}'


def test_what_can_be_adopted() -> None:
    longs = Type(Base.LONG)
    assert FOUR.adopts(Schema.of(a=DOUBLE, b=INT, c=longs, d=Type(Base.BYTE), v=vector(3), w=vector()))
    for refused in (STRING, BOOLEAN, FLOAT, Type(Base.DOUBLE, Struct.ARRAY), Type(Base.STRING, Struct.ARRAY)):
        assert not FOUR.adopts(Schema.of(a=DOUBLE, b=refused))


@given(
    st.lists(
        st.tuples(
            st.integers(-(2**63), 2**63 - 1),
            st.lists(st.floats(), min_size=3, max_size=3),
            st.floats(),
            st.integers(-(2**31), 2**31 - 1),
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(max_examples=150, deadline=None)
def test_adopting_is_decoding_the_text(rows: list[tuple[int, list[float], float, int]]) -> None:
    upstream = Table(
        {
            "long": Column(LONG, np.array([row[0] for row in rows], np.int64)),
            "vector": Column(vector(3), np.array([row[1] for row in rows])),
            "double": Column(DOUBLE, np.array([row[2] for row in rows])),
            "int": Column(INT, np.array([row[3] for row in rows], np.int32)),
        },
        len(rows),
    )
    assert FOUR.adopts(upstream.schema)
    lines = [",".join(map(repr, [row[0], *row[1], row[2], row[3]])) for row in rows]
    adopted, decoded = FOUR.adopt(upstream), FOUR.decode("\n".join(lines).encode(), "text/csv")
    for name in FOUR.inputs.names:
        assert np.array_equal(adopted[name].values, decoded[name].values, equal_nan=True)
    for position, line in enumerate(lines):
        cells = upstream_cells(upstream, position)
        single = outcome(lambda: FOUR.encode_row(FOUR.run_row(FOUR.adopt_row(cells)), None))  # noqa: B023
        assert single == outcome(lambda: FOUR.invoke(line.encode(), "text/csv", None))  # noqa: B023


def upstream_cells(table: Table, position: int) -> list[Any]:
    return [column.cell(position) for column in table.columns.values()]


def test_null_is_missing() -> None:
    nulls = np.array([False, True])
    upstream = Table(
        {
            "long": Column(LONG, np.array([1, 2]), nulls),
            "vector": Column(vector(4), np.arange(8.0).reshape(2, 4), nulls),
            "double": Column(DOUBLE, np.array([5.0, 6.0]), nulls),
        },
        2,
    )
    expected = np.array([[1, 0, 1, 2, 3, 5], [np.nan] * 6], np.float32)
    assert FOUR.encode(FOUR.run(FOUR.adopt(upstream)), None, None)[0] == csv_of(
        reference("softprob", expected)
    )
    assert FOUR.adopt_row([None, [0.0] * 4, None])[0] != FOUR.adopt_row([1, [0.0] * 4, None])[0]


def test_rows_that_were_skipped_upstream_keep_their_numbers() -> None:
    values = np.ones((3, FEATURES))
    values[1, 4] = np.inf
    upstream = Table({"v": Column(vector(FEATURES), values)}, 3, np.array([0, 6, 9]))
    with pytest.raises(ValueRefused) as caught:
        FOUR.run(FOUR.adopt(upstream))
    assert (caught.value.row, caught.value.column, caught.value.value) == (7, "f4", math.inf)
    kept = FOUR.run(FOUR.adopt(upstream.keep(np.array([True, False, True]))))
    assert kept.row_number(1) == 9


def test_an_upstream_of_another_width() -> None:
    upstream = Table({"v": Column(vector(), np.ones((2, 5)))}, 2)
    for work in (lambda: FOUR.adopt(upstream), lambda: FOUR.adopt_row([[1.0] * 5])):
        with pytest.raises(ValueRefused, match="Feature shape mismatch, expected: 6, got 5") as caught:
            work()
        assert caught.value.row == 1


def test_execution_parameters() -> None:
    made = ONE.execution_parameters()
    assert made.max_concurrent_transforms >= 1
    assert (made.batch_strategy, made.max_payload_mb) == ("MULTI_RECORD", 6)


def test_closed() -> None:
    one = container()
    one.close()
    one.close()
    with pytest.raises(SkewlessError, match="the model is closed"):
        one.invoke(b"1,2,3,4,5,6", "text/csv", None)


def loading(files: dict[str, bytes], **environment: str) -> XGBoostContainer:
    return load("model", files, environment, Settings(), "model.tar.gz")


def test_the_files_of_an_artifact() -> None:
    model = saved("softprob")
    assert (
        loading({"./xgboost-model": model, ".hidden": b"", "skewless/.x": b"", ".git/config": b""}).verify()
        == 0
    )
    with pytest.raises(ArtifactError, match=r"no file xgboost-model at the root.*holds: sub/xgboost-model"):
        loading({"sub/xgboost-model": model, ".hidden": model})
    with pytest.raises(ArtifactError, match="holds: nothing"):
        loading({})
    for beside in (b"", b"importance,0.5", b"binf" + bytes(64)):
        with pytest.raises(ArtifactError, match=r"model\.tar\.gz, notes\.txt: this"):
            loading({"xgboost-model": model, "notes.txt": beside})
        alone = loading({"xgboost-model": model, "notes.txt": beside}, SAGEMAKER_INFERENCE_ENSEMBLE="false")
        nested = loading({"xgboost-model": model, "code/inference.py": beside})
        assert alone.invoke(ROW.encode(), "csv", None) == nested.invoke(ROW.encode(), "csv", None)


def recorded(kind: str, model: bytes | None = None) -> dict[str, bytes]:
    """An artifact with the parity rows that training would write."""
    rows = hostile()[:60]
    whole = saved(kind) if model is None else model
    return {
        "xgboost-model": whole,
        PARITY_FILE: parity_file(rows, reference(kind, rows), saved(kind), "3.2.0"),
    }


@pytest.mark.parametrize("kind", ["regression", "softprob", "softmax", "linear", "dart"])
def test_parity_rows_are_replayed(kind: str) -> None:
    assert loading(recorded(kind)).verify() == 60


def changed(kind: str, change: Callable[[dict[str, Any]], None]) -> bytes:
    document = json.loads(saved(kind, "json"))
    change(document["learner"]["gradient_booster"]["model"]["trees"][0])
    return json.dumps(document).encode()


def test_a_changed_leaf_is_found() -> None:
    def change(tree: dict[str, Any]) -> None:
        leaves = [node for node, child in enumerate(tree["left_children"]) if child == -1]
        for leaf in leaves:
            tree["split_conditions"][leaf] += 1e-3

    with pytest.raises(
        ParityError, match="model, stage xgboost-model, column 'prediction', row 1: it predicts"
    ) as caught:
        loading(recorded("softprob", changed("softprob", change))).verify()
    error = caught.value
    assert (error.container, error.stage, error.column, error.row) == (
        "model",
        "xgboost-model",
        "prediction",
        1,
    )
    assert error.expected != error.actual
    assert bits(error.expected) == bits(reference("softprob", hostile()[:1])[0])


def test_a_change_that_no_row_shows_is_found_too() -> None:
    def change(tree: dict[str, Any]) -> None:
        tree["sum_hessian"][0] += 1

    with pytest.raises(ParityError, match="the file was changed after export, though no parity row shows it"):
        loading(recorded("softprob", changed("softprob", change))).verify()


def rewritten(change: Callable[[pa.Table], pa.Table]) -> dict[str, bytes]:
    files = recorded("softprob")
    table = change(pa.ipc.open_file(pa.py_buffer(files[PARITY_FILE])).read_all())
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return {**files, PARITY_FILE: bytes(sink.getvalue())}


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda table: table.replace_schema_metadata({"skewless.format": "2"}), "not of format 1"),
        (lambda table: table.replace_schema_metadata(None), "not of format 1"),
        (lambda table: table.drop_columns(["f2"]), "columns are not f0 to f5"),
        (lambda table: table.set_column(0, "f0", pa.array(["x"] * 60)), "parity rows cannot be read"),
        (lambda table: table.set_column(6, "prediction", pa.array([[1.0]] * 60)), "are not 4 for each row"),
        (lambda table: table.set_column(6, "prediction", pa.array([1.0] * 60)), "parity rows cannot be read"),
    ],
)
def test_parity_rows_that_are_no_such_thing(change: Callable[[pa.Table], pa.Table], says: str) -> None:
    with pytest.raises(ArtifactError, match=says) as caught:
        loading(rewritten(change))
    assert caught.value.file == PARITY_FILE


@pytest.mark.parametrize("cut", [0, 10, 500, -1])
def test_a_truncated_parity_file(cut: int) -> None:
    files = recorded("softprob")
    with pytest.raises(ArtifactError, match="parity rows cannot be read"):
        loading({**files, PARITY_FILE: files[PARITY_FILE][:cut]})


def test_parity_rows_that_are_refused() -> None:
    def change(table: pa.Table) -> pa.Table:
        return table.set_column(1, "f1", pa.array([np.inf] * 60, pa.float32()))

    with pytest.raises(ParityError, match="it refuses what training took") as caught:
        loading(rewritten(change)).verify()
    assert caught.value.column == "f1"


def test_the_sum_that_training_writes() -> None:
    files = recorded("regression")
    about = pa.ipc.open_file(pa.py_buffer(files[PARITY_FILE])).schema.metadata
    assert about[b"skewless.model_sha256"].decode() == hashlib.sha256(saved("regression")).hexdigest()
