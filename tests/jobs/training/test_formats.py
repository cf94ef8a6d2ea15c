"""Channels in libsvm, Parquet and recordio-protobuf: the same rows as in CSV, and every fault by its place."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from skewless.codecs.recordio import Record, Tensor, write_records
from skewless.errors import SettingError, SkewlessError, TrainingDataError
from skewless.jobs.training import libsvm_data
from skewless.jobs.training.content_types import CONTENT_TYPES, Format, format_of
from skewless.jobs.training.data import read_both, read_train
from skewless.jobs.training.rows import TrainingData

GENERATOR = np.random.default_rng(3)
ROWS = GENERATOR.normal(size=(5, 6)).round(3).astype(np.float32)
"""A label and five features."""


def as_csv(rows: Any) -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in rows.tolist()).encode()


def as_weighted_csv(rows: Any) -> bytes:
    return as_csv(np.insert(rows, 1, 2.0, axis=1))


def as_libsvm(rows: Any) -> bytes:
    lines = (
        " ".join([repr(label), *(f"{i}:{v!r}" for i, v in enumerate(row))]) for label, *row in rows.tolist()
    )
    return "".join(f"{line}\n" for line in lines).encode()


def as_parquet(rows: Any) -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table({f"c{number}": rows[:, number] for number in range(rows.shape[1])}), sink)
    return bytes(sink.getvalue())


def as_records(rows: Any, *, sparse: bool = False) -> bytes:
    def record(label: float, values: Any) -> Record:
        keys = np.arange(len(values), dtype=np.int64)[::-1] if sparse else None
        tensor = Tensor(values[::-1] if sparse else values, keys, (len(values),) if sparse else ())
        return Record({"values": tensor}, {"values": Tensor(np.array([label], np.float32))})

    return write_records(record(row[0], row[1:]) for row in rows)


def as_sparse_records(rows: Any) -> bytes:
    return as_records(rows, sparse=True)


WRITERS: list[tuple[Format, Callable[[Any], bytes]]] = [
    (Format.CSV, as_csv),
    (Format.CSV, as_weighted_csv),
    (Format.LIBSVM, as_libsvm),
    (Format.PARQUET, as_parquet),
    (Format.RECORDIO, as_records),
    (Format.RECORDIO, as_sparse_records),
]


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def dense(data: TrainingData) -> Any:
    return data.dense(np.arange(data.rows))


def fault(path: Path, form: Format) -> str:
    with pytest.raises(TrainingDataError) as caught:
        read_train(path, form)
    return str(caught.value)


# The vectors of the original container's own tests.
@pytest.mark.parametrize(
    "content_type",
    [
        "csv",
        "text/csv",
        "text/csv; label_size=1",
        "text/csv;label_size = 1",
        "text/csv; charset=utf-8",
        "text/csv; label_size=1; charset=utf-8",
        "TEXT/CSV",
    ],
)
def test_content_types_of_csv(content_type: str) -> None:
    assert format_of(content_type) is Format.CSV


@pytest.mark.parametrize(
    "content_type",
    [
        "incorrect_format",
        "text/csv; label_size=5",
        "text/csv; label_size=1=1",
        "text/csv; label_size=1; label_size=1",
        "label_size=1; text/csv",
        "application/json",
        "",
    ],
)
def test_content_types_that_are_refused(content_type: str) -> None:
    with pytest.raises(SettingError, match=r"is not an accepted (csv )?ContentType"):
        format_of(content_type)


def test_the_texts_of_refused_content_types() -> None:
    with pytest.raises(SettingError) as unknown:
        format_of("incorrect_format")
    assert str(unknown.value) == (
        "incorrect_format is not an accepted ContentType: csv, libsvm, parquet, recordio-protobuf, text/csv, "
        "text/libsvm, text/x-libsvm, application/x-parquet, application/x-recordio-protobuf."
    )
    with pytest.raises(SettingError) as labels:
        format_of("text/csv; label_size=5")
    assert str(labels.value) == (
        "text/csv; label_size=5 is not an accepted csv ContentType. "
        "Optional parameter label_size must be equal to 1"
    )


def test_other_content_types() -> None:
    assert format_of(None) is Format.LIBSVM
    assert format_of("text/libsvm ;charset=utf8") is Format.LIBSVM
    assert {format_of(name) for name in CONTENT_TYPES} == {*Format}


@settings(max_examples=100, deadline=None)
@given(text=st.text(max_size=40) | st.text("text/csv; label_size=1\"'\n", max_size=40))
def test_any_content_type_is_known_or_refused(text: str) -> None:
    try:
        assert format_of(text) in Format
    except SettingError as error:
        assert "is not an accepted" in error.message  # noqa: PT017


@pytest.mark.parametrize(("form", "writer"), WRITERS)
def test_five_rows_of_five_features(tmp_path: Path, form: Format, writer: Callable[[Any], bytes]) -> None:
    weighted = writer is as_weighted_csv
    data = read_train(write(tmp_path / "data", writer(ROWS)), form, weighted=weighted)
    assert (data.rows, data.width) == (5, 5)
    assert data.labels.tobytes() == np.ascontiguousarray(ROWS[:, 0]).tobytes()
    assert np.ascontiguousarray(dense(data)).tobytes() == np.ascontiguousarray(ROWS[:, 1:]).tobytes()
    assert (data.weights is None) is not weighted
    assert data.is_sparse is (form is Format.LIBSVM or writer is as_sparse_records)


@pytest.mark.parametrize(("form", "writer"), WRITERS)
def test_folders_of_files(tmp_path: Path, form: Format, writer: Callable[[Any], bytes]) -> None:
    """As they were read in order; hidden files and empty ones do not count."""
    write(tmp_path / "a" / "b" / "one", writer(ROWS[:2]))
    write(tmp_path / "c", writer(ROWS[2:]))
    write(tmp_path / "_SUCCESS", b"x")
    write(tmp_path / ".hidden", b"x")
    write(tmp_path / "empty", b"")
    data = read_train(tmp_path, form, weighted=writer is as_weighted_csv)
    assert data.labels.tolist() == ROWS[:, 0].tolist()
    assert [file.name for file in data.files] == ["one", "c"]
    for number in range(4):
        write(tmp_path / "deep" / "er" / "and" / str(number), writer(ROWS))
    assert fault(tmp_path, form).startswith("Folder depth exceed the limit: 3")


@pytest.mark.parametrize("strict", [False, True])
def test_hidden_files_in_strict_mode(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, strict: bool) -> None:
    monkeypatch.setenv("SKEWLESS_STRICT", str(int(strict)))
    write(tmp_path / "a", as_csv(ROWS))
    write(tmp_path / ".a.crc", b"crc")
    if strict:
        assert "Hidden file found in the data path! Remove that before training." in fault(
            tmp_path, Format.CSV
        )
    else:
        assert read_train(tmp_path, Format.CSV).rows == 5


@pytest.mark.parametrize(("form", "content"), [(Format.LIBSVM, b"\n# none\n"), (Format.PARQUET, None)])
def test_channels_without_rows(tmp_path: Path, form: Format, content: bytes | None) -> None:
    write(tmp_path / "data", as_parquet(ROWS[:0]) if content is None else content)
    assert fault(tmp_path, form).startswith(f"No data in training channel path {tmp_path}")
    good = write(tmp_path / "good", as_csv(ROWS))
    with pytest.raises(TrainingDataError, match=r"^No data in validation channel path"):
        read_both(good, tmp_path / "data", (Format.CSV, form))


def test_the_size_of_the_abalone_data(tmp_path: Path) -> None:
    """Eight features, counted from 1 as libsvm files are, make nine columns, of which the first is always missing."""
    lines = [f"{row % 29} " + " ".join(f"{i}:{row * i % 7}" for i in range(1, 9)) for row in range(3548)]
    write(tmp_path / "train" / "abalone.train", "\n".join(lines[:2923]).encode())
    write(tmp_path / "validation" / "abalone.validation", "\n".join(lines[2923:]).encode())
    data, judge = read_both(tmp_path / "train", tmp_path / "validation", (Format.LIBSVM, Format.LIBSVM))
    assert (data.rows + judge.rows, data.width, judge.width) == (3548, 9, 9)
    assert np.isnan(dense(data)[:, 0]).all()


def test_sparse_channels_get_the_same_width(tmp_path: Path) -> None:
    train = write(tmp_path / "a", b"1 0:1 2:5\n0 1:1\n")
    judge = write(tmp_path / "b", b"1 6:1\n")
    one, other = read_both(train, judge, (Format.LIBSVM, Format.LIBSVM))
    assert (one.width, other.width) == (7, 7)
    assert np.isnan(dense(one)[:, 3:]).all()
    both = read_both(write(tmp_path / "c", b"1,2,3,4,5,6,7,8\n"), judge, (Format.CSV, Format.LIBSVM))
    assert both[1].width == 7
    with pytest.raises(TrainingDataError, match="has 7 features, the training data have 2"):
        read_both(write(tmp_path / "d", b"1,2,3\n"), judge, (Format.CSV, Format.LIBSVM))


def test_weights_and_queries_of_libsvm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libsvm_data, "_BLOCK", 40)  # so that queries go on over the ends of pieces
    lines = [f"{row % 3}:{row // 7 + 1} qid:{row // 7} 0:{row}\n" for row in range(50)]
    write(tmp_path / "a", "".join(lines[:30]).encode())
    write(tmp_path / "b", "".join(lines[30:]).encode())
    data = read_train(tmp_path, Format.LIBSVM)
    assert data.groups is not None
    assert data.groups.tolist() == [7] * 7 + [1]
    assert data.weights is not None
    assert data.weights.tolist() == [row // 7 + 1 for row in range(50)]
    assert dense(data)[:, 0].tolist() == list(range(50))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"1 0:1\n\n# c\n1 0:x\n", ", line 4: '0:x' is no index:value"),
        (b"1 0:1\nnan 0:1\n", ", line 2: the label: a label must be a finite 32-bit number"),
        (b"1:1 0:1\n1:-1 0:1\n", ", line 2: the weight: a weight must be a finite number and not negative"),
        (b"1,2,3\n", "This looks like CSV: say that its content type is text/csv."),
        (b"1\n0\n", "has no feature in any row"),
        (b"1 99999999:1\n", "has 100,000,000 features, more than the 16,777,216 that a model may have"),
        (b"\x1f\x8bno gzip", "cannot read"),
    ],
)
def test_faults_of_libsvm(tmp_path: Path, content: bytes, said: str) -> None:
    file = write(tmp_path / "data", content)
    assert said in fault(file, Format.LIBSVM)
    assert str(file) in fault(file, Format.LIBSVM)


def test_a_fault_deep_in_a_libsvm_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libsvm_data, "_BLOCK", 1000)
    content = b"1 0:1 1:2\n\n" * 1000 + b"1 0:1 1:\n"
    for name, body in (("plain", content), ("packed", gzip.compress(content))):
        file = write(tmp_path / name, body)
        assert fault(file, Format.LIBSVM).startswith(f"{file}, line 2001: '1:' is no index:value")


def test_files_of_different_kinds(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a", b"1 0:1\n"), write(tmp_path / "b", b"1:2 0:1\n")
    assert fault(tmp_path, Format.LIBSVM).startswith(f"{two} and {one} differ: one has weights")
    write(two, b"1 qid:1 0:1\n")
    assert fault(tmp_path, Format.LIBSVM).startswith(f"{two} and {one} differ: one has query ids")
    write(one, as_parquet(ROWS))
    write(two, as_parquet(ROWS[:, :3]))
    assert fault(tmp_path, Format.PARQUET).startswith(f"{two} and {one} differ: they have 5 and 2 features")
    write(one, as_records(ROWS))
    write(two, as_sparse_records(ROWS))
    assert fault(tmp_path, Format.RECORDIO).startswith(f"{two} and {one} differ: one is sparse")


def table(path: Path, columns: dict[str, Any]) -> Path:
    parquet.write_table(pa.table(columns), path, row_group_size=2)
    return path


def test_kinds_of_columns_in_parquet(tmp_path: Path) -> None:
    columns = {
        "label": pa.array([1, 0, 1], pa.int8()),
        "long": pa.array([1, None, 3], pa.int64()),
        "half": pa.array(np.array([1, 2, 3], np.float16)),
        "bool": pa.array([True, False, None]),
        "decimal": pa.array([1, 2, 3], pa.decimal128(9, 2)),
        "none": pa.nulls(3),
        "nan": pa.array([1.5, float("nan"), 0.0]),
    }
    data = read_train(table(tmp_path / "data", columns), Format.PARQUET)
    expected: list[list[float | None]] = [
        [1, 1, 1, 1, None, 1.5],
        [None, 2, 0, 2, None, None],
        [3, 3, None, 3, None, 0],
    ]
    wanted = np.array([[np.nan if cell is None else cell for cell in row] for row in expected], np.float32)
    np.testing.assert_array_equal(dense(data), wanted)


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ({"y": [1], "x": ["a"]}, ", column 'x' is of the type string"),
        ({"y": [1], "x": [[1.0]]}, ", column 'x' is of the type list<"),
        ({"y": [1]}, " has 1 column(s)"),
        ({"y": [1, 2, None], "x": [1, 2, 3]}, ", row 3, column 'y': the label is missing"),
        ({"y": [1, 2, 3], "x": [1.0, 2.0, 1e39]}, ", row 3, column 'x': infinite, or too large for 32 bits"),
    ],
)
def test_faults_of_parquet(tmp_path: Path, columns: dict[str, Any], said: str) -> None:
    file = table(tmp_path / "data", columns)
    assert fault(file, Format.PARQUET).startswith(f"{file}{said}")


def test_what_is_no_parquet(tmp_path: Path) -> None:
    for content in (b"1,2,3\n", as_parquet(ROWS)[:-9], b"PAR1" * 9):
        assert fault(write(tmp_path / "data", content), Format.PARQUET).startswith("cannot read ")


def test_faults_of_records(tmp_path: Path) -> None:
    file = tmp_path / "data"
    write(file, write_records([Record({"values": Tensor(ROWS[0])})]))
    assert "its records have no label" in fault(file, Format.RECORDIO)
    infinite = ROWS.copy()
    infinite[3, 2] = np.inf
    for writer in (as_records, as_sparse_records):
        write(file, writer(infinite))
        assert fault(file, Format.RECORDIO).startswith(f"{file}, record 4: feature 1 is infinite")
    infinite[1, 0] = np.nan
    write(file, as_records(infinite))
    assert fault(file, Format.RECORDIO).startswith(f"{file}, record 2: its label is no finite")
    write(file, as_records(ROWS)[:-3])
    assert fault(file, Format.RECORDIO).startswith(f"{file}, record 5: ")


@settings(max_examples=150, deadline=None)
@given(
    form=st.sampled_from(Format),
    cut=st.integers(0, 400),
    noise=st.binary(max_size=12),
    writer=st.sampled_from([writer for _, writer in WRITERS]),
)
def test_any_bytes_are_rows_or_refused(
    tmp_path_factory: pytest.TempPathFactory,
    form: Format,
    cut: int,
    noise: bytes,
    writer: Callable[[Any], bytes],
) -> None:
    content = writer(ROWS)
    file = write(tmp_path_factory.mktemp("noise") / "data", content[:cut] + noise + content[cut + 3 :])
    rows = 1
    try:
        data = read_train(file, form)
    except SkewlessError as error:
        told = str(error)
    else:
        rows, told = data.rows, ""
        assert np.isfinite(data.labels).all()
        assert not np.isinf(dense(data)).any()
    assert rows > 0
    assert not told or str(file) in told
