"""Channels: which files count, how their numbers are read, and how every fault is named."""

from __future__ import annotations

import gzip
import math
import struct
from pathlib import Path

import numpy as np
import pytest

from skewless.errors import SkewlessError, TrainingDataError
from skewless.jobs.training import csv_matrix
from skewless.jobs.training.channel_files import same_content
from skewless.jobs.training.content_types import Format
from skewless.jobs.training.csv_matrix import Layout, Matrix, first_line, read_matrix
from skewless.jobs.training.data import read_both, read_train
from skewless.jobs.training.rows import TrainingData


def write(path: Path, content: str | bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def read(path: Path, form: Format = Format.CSV, *, weighted: bool = False) -> TrainingData:
    return read_train(path, form, weighted=weighted)


def read_judge(train: Path, path: Path, *, weighted: bool = False) -> TrainingData:
    return read_both(train, path, (Format.CSV, Format.CSV), weighted=weighted)[1]


def fault(path: Path, *, weighted: bool = False) -> SkewlessError:
    with pytest.raises(SkewlessError) as caught:
        read(path, weighted=weighted)
    return caught.value


def rows(matrix: Matrix) -> list[list[float]]:
    assert matrix.dtype == np.float32
    found: list[list[float]] = matrix.tolist()
    return found


def test_label_first_then_features(tmp_path: Path) -> None:
    data = read(write(tmp_path / "a.csv", "1,0.5,2\n0,0,-3\n"))
    assert data.labels.tolist() == [1, 0]
    assert rows(data.features) == [[0.5, 2], [0, -3]]
    assert data.weights is None
    assert (data.rows, data.width) == (2, 2)


def test_weights_in_the_second_column(tmp_path: Path) -> None:
    data = read(write(tmp_path / "a.csv", "1,9,0.5\n0,0,2\n"), weighted=True)
    assert data.weights is not None
    assert data.weights.tolist() == [9, 0]
    assert rows(data.features) == [[0.5], [2]]


@pytest.mark.parametrize(
    "content",
    [
        "1,2,3\n4,5,6\n",
        "1,2,3\n4,5,6",
        "1,2,3\r\n4,5,6\r\n",
        "\n\n1,2,3\n\n4,5,6\n\n",
        "\ufeff1,2,3\n4,5,6\n",
        '1,"2",3\n"4",5,6\n',
        " 1, 2 ,3 \n4,5,6\n",
        "1\t2\t3\n4\t5\t6\n",
        "1;2;3\n4;5;6\n",
        "1|2|3\n4|5|6\n",
        "1 2 3\n4 5 6\n",
        "+1,2.,3e0\n4E+0,.5e1,6.000\n",
        gzip.compress(b"1,2,3\n4,5,6\n", mtime=0),
        gzip.compress(b"1,2,3\n", mtime=0) + gzip.compress(b"4,5,6\n", mtime=0),
    ],
)
def test_one_table_in_many_forms(tmp_path: Path, content: str | bytes) -> None:
    for name in ("a.csv", "part-00000", "b.csv.gz"):
        data = read(write(tmp_path / name, content))
        assert data.labels.tolist() == [1, 4]
        assert rows(data.features) == [[2, 3], [5, 6]]


@pytest.mark.parametrize("missing", ["", "nan", "NaN", "NAN", "-nan", '""', "  "])
def test_missing_is_empty_or_nan_and_zero_is_not(tmp_path: Path, missing: str) -> None:
    [[zero, found, minus_zero]] = rows(read(write(tmp_path / "a.csv", f"1,0,{missing},-0.0\n")).features)
    assert math.isnan(found)
    assert (zero, minus_zero, math.copysign(1, minus_zero)) == (0, 0, -1)


def test_rounded_to_double_first_as_serving_does(tmp_path: Path) -> None:
    # The nearest float32 is the upper neighbour of 1, but the nearest float64 lies halfway and then goes to even.
    text = "1.0000000596046447754"
    [[found]] = rows(read(write(tmp_path / "a.csv", f"1,{text}\n")).features)
    assert float(text) == 1 + 2**-24
    assert found == struct.unpack("f", struct.pack("f", float(text)))[0] == 1.0


def test_both_readers_give_the_same_numbers(tmp_path: Path) -> None:
    generator = np.random.default_rng(7)
    numbers = generator.normal(size=(300, 5)) * 10.0 ** generator.integers(-40, 30, (300, 5))
    lines = [",".join([str(label), *map(repr, row)]) for label, row in enumerate(numbers.tolist())]
    layout = Layout(write(tmp_path / "a.csv", "\n".join(lines)), ",", 6, False)
    quick, plain = csv_matrix._quick(layout), csv_matrix._plain(layout)
    assert quick is not None
    assert quick.tobytes() == plain.tobytes() == read_matrix(layout).tobytes()
    with np.errstate(over="ignore"):
        assert quick[:, 1:].tobytes() == np.ascontiguousarray(numbers.astype(np.float32)).tobytes()


def test_the_largest_numbers(tmp_path: Path) -> None:
    largest, too_large = 2.0**128 - 2.0**103 - 2.0**75, 2.0**128 - 2.0**103
    [[found]] = rows(read(write(tmp_path / "a.csv", f"1,{largest!r}\n")).features)
    assert found == np.finfo(np.float32).max
    assert "infinite, or too large" in fault(write(tmp_path / "b.csv", f"1,{too_large!r}\n")).message


def test_folders(tmp_path: Path) -> None:
    write(tmp_path / "b.csv", "2,2\n")
    write(tmp_path / "a/one/x.csv", "0,0\n")
    write(tmp_path / "a/y.csv", "1;1\n")
    for skipped in ("_SUCCESS", ".b.csv.crc", "_temporary/0/part", ".ipynb_checkpoints/b.csv", "a/.hidden"):
        write(tmp_path / skipped, "not a number")
    write(tmp_path / "part-00001", "")
    write(tmp_path / "part-00002", "\n\r\n")
    (tmp_path / "c.csv").symlink_to(write(tmp_path / ".elsewhere", "3,3\n"))
    data = read(tmp_path)
    assert data.labels.tolist() == [0, 1, 2, 3]
    assert [file.name for file in data.files] == ["x.csv", "y.csv", "b.csv", "c.csv"]


def test_folders_lie_three_deep_at_most(tmp_path: Path) -> None:
    write(tmp_path / "two/three/a.csv", "1,1\n")
    assert read(tmp_path).rows == 1
    write(tmp_path / "two/three/four/b.csv", "1,1\n")
    assert fault(tmp_path).message == "Folder depth exceed the limit: 3"


def test_empty_channels(tmp_path: Path) -> None:
    write(tmp_path / "empty/_SUCCESS", "")
    write(tmp_path / "blank/a.csv", "\n\n")
    train = write(tmp_path / "train.csv", "1,1\n")
    for name in ("empty", "blank"):
        assert fault(tmp_path / name).message == f"No data in training channel path {tmp_path / name}"
        with pytest.raises(TrainingDataError, match=f"^No data in validation channel path {tmp_path / name}"):
            read_judge(train, tmp_path / name)
    assert fault(tmp_path / "none").message == f"the train channel {tmp_path / 'none'} does not exist"
    with pytest.raises(TrainingDataError, match=r"the validation channel .* does not exist"):
        read_judge(train, tmp_path / "none")


HEADER = "remove the header"
NUMBERS = "must be numbers"


@pytest.mark.parametrize(
    ("content", "message", "hint"),
    [
        ("label,f0\n1,2\n", "line 1: column 1 (the label) is 'label': not a number", HEADER),
        ("unacc,1\nacc,2\n", "line 1: column 1 (the label) is 'unacc': not a number", HEADER),
        ("1,2\nacc,3\n", "line 2: column 1 (the label) is 'acc': not a number", NUMBERS),
        ("1,2\n\n1,low\n", "line 3: column 2 (the feature f0) is 'low': not a number", NUMBERS),
        ("1,2,3\n1,2,?\n", "line 2: column 3 (the feature f1) is '?': not a number", NUMBERS),
        ("1,NA\n", "line 1: column 2 (the feature f0) is 'NA': not a number", NUMBERS),
        ("1,1_0\n", "line 1: column 2 (the feature f0) is '1_0': not a number", NUMBERS),
        ("1,0x1F\n", "line 1: column 2 (the feature f0) is '0x1F': not a number", NUMBERS),
        ("1,\u0663\n", "line 1: column 2 (the feature f0) is '\u0663': not a number", NUMBERS),
        (b"1,\xff\n", "line 1: column 2 (the feature f0) is '\ufffd': not a number", NUMBERS),
        ("1,\0\n", "line 1: column 2 (the feature f0) is '\\x00': not a number", NUMBERS),
        ("1,inf\n", "line 1: column 2 (the feature f0) is 'inf': infinite, or too large", NUMBERS),
        ("1,1e39\n", "line 1: column 2 (the feature f0) is '1e39': infinite, or too large", NUMBERS),
        ("1,1e999\n", "line 1: column 2 (the feature f0) is '1e999': infinite, or too large", NUMBERS),
        ("1,2\n,3\n", "line 2: column 1 (the label) is empty: it must not be missing", NUMBERS),
        ("nan,3\n", "line 1: column 1 (the label) is 'nan': it must not be missing", NUMBERS),
        ("-inf,3\n", "line 1: column 1 (the label) is '-inf': infinite", NUMBERS),
        ("1,2,3\n1,2\n", "line 2: it has 2 values where the first line has 3", "Every line"),
        ("1,2\n1,2,3\n", "line 2: it has 3 values where the first line has 2", "Every line"),
        ("1,2\r\n1,2,\r\n", "line 2: it has 3 values where the first line has 2", "Every line"),
        ("1\n2\n", "line 1: 1 value(s), where a label and at least one feature must be", "commas"),
        ("1,2\n" + "x" * 99 + ",1\n", "line 2: column 1 (the label) is '" + "x" * 40 + "…'", NUMBERS),
    ],
)
def test_faults_name_file_line_column_and_value(
    tmp_path: Path, content: str | bytes, message: str, hint: str
) -> None:
    file = write(tmp_path / "a.csv", content)
    packed = write(tmp_path / "b.gz", gzip.compress(file.read_bytes()))
    for path in (file, packed):
        error = fault(path)
        assert isinstance(error, TrainingDataError)
        assert error.message.startswith(f"{path}, {message}")
        assert error.hint
        assert hint in error.hint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1,-1,2\n", "line 1: column 2 (the weight) is '-1': a weight must not be negative"),
        ("1,,2\n", "line 1: column 2 (the weight) is empty: it must not be missing"),
        ("1,1,2\n1,1,x\n", "line 2: column 3 (the feature f0) is 'x': not a number"),
        ("1,1\n", "line 1: 2 value(s), where a label and a weight and at least one feature must be"),
    ],
)
def test_faults_of_weighted_data(tmp_path: Path, content: str, message: str) -> None:
    file = write(tmp_path / "a.csv", content)
    assert fault(file, weighted=True).message.startswith(f"{file}, {message}")


def test_a_fault_deep_in_a_large_file(tmp_path: Path) -> None:
    file = write(tmp_path / "a.csv", "1,2,3\n" * 50_000 + "1,2,x\n" + "1,2,3\n" * 10)
    assert fault(file).message.startswith(f"{file}, line 50001: column 3 (the feature f1) is 'x'")


def test_files_of_different_width(tmp_path: Path) -> None:
    one, two = write(tmp_path / "a.csv", "1,2\n"), write(tmp_path / "b.csv", "1,2,3\n")
    assert fault(tmp_path).message == f"{two}, line 1: it has 3 columns where {one} has 2"


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"PAR1\x15\x04\x15", "parquet"),
        (b"1 1:0.5 3:2\n0 2:1\n", "libsvm"),
        (b"-1:0.3 1:0.5\r\n", "libsvm"),
        (b"\x0a\x23\xd7\xce\x20\0\0\0", "recordio-protobuf"),
    ],
)
def test_another_format_than_csv_is_named(tmp_path: Path, content: bytes, name: str) -> None:
    file = write(tmp_path / "data", content)
    assert str(fault(file)) == (
        f"{file} is read as CSV and looks like {name}. Say that its content type is {name}."
    )


@pytest.mark.parametrize(
    "content", [gzip.compress(b"1,2\n" * 9999, mtime=0)[:-20], b"\x1f\x8bnot gzip at all"]
)
def test_damaged_gzip(tmp_path: Path, content: bytes) -> None:
    file = write(tmp_path / "a.gz", content)
    assert fault(file).message.startswith(f"cannot read {file}: ")


def test_validation_has_the_features_of_train(tmp_path: Path) -> None:
    train = write(tmp_path / "a.csv", "1,2,3\n")
    assert read_judge(train, write(tmp_path / "b.csv", "0\t5\t6\n")).features.tolist() == [[5, 6]]
    narrow = write(tmp_path / "c.csv", "0,5\n")
    with pytest.raises(TrainingDataError, match=r"c\.csv has 1 features, the training data have 2"):
        read_judge(train, narrow)


def test_validation_of_weighted_data_may_have_weights_too(tmp_path: Path) -> None:
    train = write(tmp_path / "a.csv", "1,9,2,3\n")
    plain = read_judge(train, write(tmp_path / "b.csv", "0,5,6\n"), weighted=True)
    weighted = read_judge(train, write(tmp_path / "c.csv", "0,7,5,6\n"), weighted=True)
    assert plain.weights is None
    assert weighted.weights is not None
    assert weighted.weights.tolist() == [7]
    assert plain.features.tolist() == weighted.features.tolist() == [[5, 6]]


def test_same_content(tmp_path: Path) -> None:
    one, two, other = (
        write(tmp_path / name, text) for name, text in (("a", "1,2"), ("b", "1,2"), ("c", "1,3"))
    )
    assert same_content([one, other], [two]) == [(one, two)]
    assert same_content([one], [other]) == []


def test_the_first_line_is_the_first_that_is_not_blank(tmp_path: Path) -> None:
    assert first_line(write(tmp_path / "a", "\r\n\n1\t2\n")) == ("\t", 2)
    assert first_line(write(tmp_path / "b", "\n")) is None
