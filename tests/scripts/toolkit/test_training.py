"""What training scripts ask the toolkits: their job, their channels' data, their own modules."""

from __future__ import annotations

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from skewless.codecs.recordio import VALUES, Record, Tensor, write_records
from skewless.errors import SettingError, UnsupportedError
from skewless.scripts.toolkit import environment, modules, xgboost_training
from skewless.scripts.toolkit.errors import ExecuteUserScriptError, ImportModuleError, UserError

RESOURCES = {"current_host": "algo-1", "hosts": ["algo-1"], "network_interface_name": "eth0"}
CHANNELS = {"train": {"TrainingInputMode": "File"}}
HYPERPARAMETERS = {
    "b": 2,
    "a-rate": 0.5,
    "sagemaker_program": "train.py",
    "sagemaker_submit_directory": "s3://bucket/code.tar.gz",
    "sagemaker_container_log_level": 10,
    "sagemaker_extra": "x",
}


def test_a_job_as_its_script_sees_it() -> None:
    job = environment.training_env(RESOURCES, CHANNELS, HYPERPARAMETERS)
    assert job.hyperparameters == {"b": 2, "a-rate": 0.5}
    assert job["hyperparameters"] is job.hyperparameters
    assert job.to_cmd_args() == ["--a-rate", "0.5", "-b", "2"]
    assert job.additional_framework_parameters == {"sagemaker_extra": "x"}
    assert (job.module_name, job.user_entry_point, job.log_level) == ("train", "train.py", 10)
    assert job.channel_input_dirs == {"train": "/opt/ml/input/data/train"}
    assert (job.hosts, job.is_master, job.master_hostname) == (["algo-1"], True, "algo-1")
    assert set(dict(job)) >= {"model_dir", "output_data_dir", "num_cpus", "num_gpus", "current_host"}


def test_it_is_read_from_the_jobs_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "input_config_dir", str(tmp_path))
    with pytest.raises(SettingError, match=r"resourceconfig\.json cannot be read"):
        environment.TrainingEnv()
    quoted = {name: json.dumps(value) for name, value in HYPERPARAMETERS.items()} | {"plain": "text"}
    files: Mapping[str, Any] = {
        "resourceconfig.json": RESOURCES,
        "inputdataconfig.json": CHANNELS,
        "hyperparameters.json": quoted,
    }
    for name, value in files.items():
        (tmp_path / name).write_text(json.dumps(value))
    assert environment.TrainingEnv().hyperparameters == {"b": 2, "a-rate": 0.5, "plain": "text"}


def test_a_serving_script_sees_its_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEMAKER_PROGRAM", "inference.py")
    monkeypatch.setenv("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "text/csv")
    found = environment.ServingEnv()
    assert (found.module_name, found.default_accept, found.model_server_timeout) == (
        "inference",
        "text/csv",
        60,
    )


def test_modules_of_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.path", ["nowhere"])
    (tmp_path / "mine_of_this_test.py").write_text("VALUE = 1\n")
    (tmp_path / "broken_of_this_test.py").write_text("1 / 0\n")
    assert not modules.exists("mine_of_this_test")
    assert modules.import_module(str(tmp_path), "mine_of_this_test").VALUE == 1  # type: ignore[attr-defined]
    assert modules.exists("mine_of_this_test")
    assert not modules.has_requirements(str(tmp_path))
    with pytest.raises(ImportModuleError, match="ZeroDivisionError"):
        modules.import_module(str(tmp_path), "broken_of_this_test")
    with pytest.raises(UnsupportedError, match="not fetched"):
        modules.import_module("s3://bucket/code.tar.gz", "mine")


def test_scripts_run_as_processes(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(
        "import sys, os\nopen('out', 'w').write(sys.argv[1] + os.environ['X'])\n"
    )
    (tmp_path / "train.sh").write_text("#!/bin/sh\nexit $1\n")
    (tmp_path / "train.sh").chmod(0o755)
    modules.run_entry_point(str(tmp_path), "train.py", ["a"], {"X": "b"}, capture_error=True)
    assert (tmp_path / "out").read_text() == "ab"
    with pytest.raises(ExecuteUserScriptError, match="ExitCode 3"):
        modules.run_entry_point(str(tmp_path), "train.sh", ["3"])


def folder_of(tmp_path: Path, files: Mapping[str, bytes]) -> Path:
    for name, content in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    return tmp_path


ROWS = np.array([[1, 2, 3], [4, 5, 6]], np.float32)


def parquet() -> bytes:
    buffer = pa.BufferOutputStream()
    pq.write_table(pa.table({name: ROWS[:, at] for at, name in enumerate("abc")}), buffer)
    return bytes(buffer.getvalue().to_pybytes())


@pytest.mark.parametrize(
    ("content_type", "file"),
    [
        ("csv", b"1,2,3\n4,5,6\n"),
        ("text/csv", b"1;2;3\n4;5;6"),
        ("text/csv; label_size=1; charset=utf-8", b"1,2,3\n4,5,6\n"),
        ("libsvm", b"1 0:2 1:3\n4 0:5 1:6\n"),
        (None, b"1 0:2 1:3\n4 0:5 1:6\n"),
        ("text/x-libsvm", b"1 0:2 1:3\n4 0:5 1:6\n"),
        ("application/x-parquet", parquet()),
        (
            "recordio-protobuf",
            write_records(Record({VALUES: Tensor(row[1:])}, {VALUES: Tensor(row[:1])}) for row in ROWS),
        ),
    ],
)
def test_a_folder_of_any_type_is_a_matrix_with_labels(
    tmp_path: Path, content_type: str | None, file: bytes
) -> None:
    folder = folder_of(tmp_path, {"a": file, "below/b": file, ".hidden": b"x", "_SUCCESS": b"x"})
    found = xgboost_training.get_dmatrix(str(folder), content_type)
    assert found is not None
    assert found.get_label().tolist() == [1, 4, 1, 4]
    assert found.get_data().toarray().tolist() == [[2, 3], [5, 6]] * 2
    alone = xgboost_training.get_dmatrix(str(folder / "a"), content_type)
    assert alone is not None
    assert alone.num_row() == 2


def test_weights_stand_second(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, {"a": b"1,0.5,3\n4,0.25,6\n"})
    found = xgboost_training.get_dmatrix(str(folder), "csv", csv_weights=1)
    assert found is not None
    assert (found.get_weight().tolist(), found.num_col()) == ([0.5, 0.25], 1)


def test_an_empty_channel_is_none(tmp_path: Path) -> None:
    assert xgboost_training.get_dmatrix(str(tmp_path), "csv") is None


@pytest.mark.parametrize(
    ("files", "content_type", "said"),
    [
        ({"a": b"1,2"}, "incorrect_format", "incorrect_format is not an accepted ContentType: csv"),
        ({"a": b"1,2"}, "text/csv; label_size=5", "label_size must be equal to 1"),
        ({"a": b"1,2"}, "text/csv; label_size=1=1", "label_size must be equal to 1"),
        ({"a": b"1,2\n3"}, "csv", "Failed to load csv data from a"),
        ({"a": b"1,x"}, "csv", "Failed to load csv data from a"),
        ({"a": b"1,2", "b": b"1,2,3"}, "csv", "different numbers of columns"),
        ({"a": gzip.compress(b"1")}, "libsvm", "Failed to load libsvm data from a"),
        ({"a": b"no"}, "parquet", "Failed to load parquet data from a"),
        ({"a": b"no"}, "recordio-protobuf", "Failed to load recordio-protobuf data from a"),
        ({"1/2/3/4/a": b"1,2"}, "csv", "more than 3 folders deep"),
    ],
)
def test_what_cannot_be_read_is_the_users_error(
    tmp_path: Path, files: Mapping[str, bytes], content_type: str, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        xgboost_training.get_dmatrix(str(folder_of(tmp_path, files)), content_type)
    with pytest.raises(UserError, match="Pipe mode"):
        xgboost_training.get_dmatrix(str(tmp_path), "csv", is_pipe=True)


def test_training_runs_on_one_host() -> None:
    called: list[dict[str, Any]] = []

    def train(**given: Any) -> None:
        called.append(given)

    xgboost_training.rabit_run(
        train, {"a": 1}, True, hosts=["algo-1"], current_host="algo-1", update_rabit_args=True
    )
    assert called == [{"a": 1, "is_master": True}]
    with pytest.raises(UserError, match="there are 2"):
        xgboost_training.rabit_run(train, {}, True, ["algo-1", "algo-2"], "algo-1")
    with pytest.raises(UserError, match="no training data"):
        xgboost_training.rabit_run(train, {}, False, ["algo-1"], "algo-1")
