"""Training jobs with the built-in algorithm: every content type, checkpoints in a bucket, folds, and whose fault."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pytest
import xgboost
from pyarrow import parquet

from skewless.codecs.recordio import Record, Tensor, write_records
from skewless.jobs.algorithm_training import run
from skewless.jobs.job import OUTCOME, Asked, Job, Outcome, write_asked
from skewless.services import Services
from tests.requests import TRAINING, changed

PATIENCE = 120.0
GENERATOR = np.random.default_rng(9)
FEATURES = GENERATOR.normal(size=(120, 3)).round(3).astype(np.float32)
LABELS = (FEATURES[:, 0] + FEATURES[:, 1] > 0).astype(np.float32)
ROWS = np.column_stack([LABELS, FEATURES])
GIVEN = {"num_round": "4", "objective": "binary:logistic", "eval_metric": "logloss,accuracy", "nthread": "1"}


def as_csv() -> bytes:
    return "".join(",".join(map(repr, row)) + "\n" for row in ROWS.tolist()).encode()


def as_libsvm() -> bytes:
    lines = (f"{label} " + " ".join(f"{i}:{v}" for i, v in enumerate(row)) for label, *row in ROWS.tolist())
    return "\n".join(lines).encode()


def as_parquet() -> bytes:
    sink = pa.BufferOutputStream()
    parquet.write_table(pa.table({f"c{number}": ROWS[:, number] for number in range(4)}), sink)
    return bytes(sink.getvalue())


def as_records() -> bytes:
    return write_records(Record({"values": Tensor(row[1:])}, {"values": Tensor(row[:1])}) for row in ROWS)


@pytest.fixture(autouse=True)
def own_signals() -> Iterator[None]:
    """The handler of SIGTERM as it was: these jobs run in the process of the tests."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def s3(tmp_path: Path) -> Path:
    """A folder of buckets with one channel in it."""
    root = tmp_path / "s3"
    (root / "data" / "train").mkdir(parents=True)
    (root / "data" / "train" / "part-0").write_bytes(as_csv())
    return root


def asked(given: dict[str, str], content: str | None = "text/csv", **more: Any) -> dict[str, Any]:
    request = {**TRAINING, "HyperParameters": given, "OutputDataConfig": {"S3OutputPath": "s3://data/out"}}
    request["InputDataConfig"] = [
        {**channel, **({} if content is None else {"ContentType": content})}
        for channel in changed(TRAINING, "InputDataConfig.0.ContentType", None)["InputDataConfig"][:1]
    ]
    request = changed(request, "InputDataConfig.0.DataSource.S3DataSource.S3Uri", "s3://data/train/")
    return {**request, **more}


def laid_out(s3: Path, name: str, request: dict[str, Any]) -> Path:
    folder = s3.parent / name
    services = Services("http://127.0.0.1:9", "us-east-1", "key", "secret", s3_folder=str(s3))
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}"
    write_asked(folder, Asked("training", name, arn, {**request, "TrainingJobName": name}, services))
    return folder


def trained(s3: Path, name: str, request: dict[str, Any]) -> Outcome:
    return run(Job(laid_out(s3, name, request)))


def members(s3: Path, name: str, file: str = "model.tar.gz") -> dict[str, bytes]:
    packed = (s3 / "data" / "out" / name / "output" / file).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]


def dump(model: bytes) -> list[str]:
    booster = xgboost.Booster()
    booster.load_model(bytearray(model))
    return booster.get_dump()


@pytest.mark.parametrize(
    ("content", "writer"),
    [
        ("text/csv", as_csv),
        ("csv", as_csv),
        (None, as_libsvm),
        ("libsvm", as_libsvm),
        ("text/x-libsvm", as_libsvm),
        ("application/x-parquet", as_parquet),
        ("application/x-recordio-protobuf", as_records),
    ],
)
def test_the_same_model_from_every_format(
    s3: Path, content: str | None, writer: Callable[[], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    file = s3 / "data" / "train" / "part-0"
    file.write_bytes(writer())
    outcome = trained(s3, "job", asked(GIVEN, content))
    assert outcome.outcome == "Completed", outcome.reason
    direct = xgboost.train(
        {"objective": "binary:logistic", "nthread": 1}, xgboost.DMatrix(FEATURES, LABELS), 4
    )
    assert dump(members(s3, "job")["xgboost-model"]) == direct.get_dump()
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith("[")]
    assert len(lines) == 4
    assert lines[-1].startswith("[3]#011train-logloss:0.")
    assert "#011train-accuracy:" in lines[-1]


def test_a_forgotten_content_type(s3: Path) -> None:
    outcome = trained(s3, "job", asked(GIVEN, None))
    assert outcome == Outcome(
        "Failed",
        f"ClientError: s3://data/train/part-0, line 1: '{as_csv().splitlines()[0].decode()[:40]}…' is no label, "
        "nor label:weight. This looks like CSV: say that its content type is text/csv.",
    )


def test_folds_and_what_they_predict(s3: Path, tmp_path: Path) -> None:
    outcome = trained(s3, "job", asked({**GIVEN, "_kfold": "3"}))
    assert outcome.outcome == "Completed", outcome.reason
    assert list(members(s3, "job")) == ["xgboost-model-0", "xgboost-model-1", "xgboost-model-2"]
    predictions = members(s3, "job", "output.tar.gz")["predictions.csv"].decode().splitlines()
    assert [line.split(",")[0] for line in predictions] == [f"{label:f}" for label in LABELS.tolist()]
    told = [json.loads(line) for line in (tmp_path / "job" / "progress.jsonl").read_text().splitlines()]
    figures = {line["metric"]: line["value"] for line in told if "metric" in line}
    right = np.mean([line.split(",")[0] == line.split(",")[2] for line in predictions])
    assert figures["validation:accuracy"] == pytest.approx(right)


def test_without_folds_there_is_no_output(s3: Path) -> None:
    trained(s3, "job", asked(GIVEN))
    assert [file.name for file in (s3 / "data/out/job/output").iterdir()] == ["model.tar.gz"]


@pytest.mark.parametrize(
    ("raised", "reason"),
    [
        (
            xgboost.core.XGBoostError(
                "[05:29:28] /workspace/src/x.cu:7: std::bad_alloc\nStack trace:\n  [bt] (0)"
            ),
            "AlgorithmError: XGB train call failed with exception:\n std::bad_alloc",
        ),
        (
            xgboost.core.XGBoostError("label must be in [0, num_class)"),
            "ClientError: XGBoost refused: label must be in [0, num_class). Do the labels suit binary:logistic?",
        ),
    ],
)
def test_whose_fault_it_is(s3: Path, monkeypatch: pytest.MonkeyPatch, raised: Exception, reason: str) -> None:
    def fault(*_: Any) -> None:
        raise raised

    monkeypatch.setattr(xgboost.Booster, "update", fault)
    assert trained(s3, "job", asked(GIVEN)) == Outcome("Failed", reason)


CHANCE = {**GIVEN, "subsample": "0.5", "colsample_bynode": "0.7", "save_model_on_termination": "false"}
KEPT: dict[str, Any] = {"CheckpointConfig": {"S3Uri": "s3://data/kept", "LocalPath": "/opt/ml/checkpoints"}}


def checkpoints(s3: Path, folder: str = "kept") -> list[int]:
    names = [file.name for file in (s3 / "data" / folder).iterdir()]
    assert all(name.startswith("xgboost-checkpoint.") for name in names), names
    return sorted(int(name.rpartition(".")[2]) for name in names)


def test_a_stopped_job_is_gone_on_with(s3: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its process gets SIGTERM in mid-course; another job takes its checkpoints and ends as if nothing had been."""
    folder = laid_out(s3, "first", asked({**CHANCE, "num_round": "100000"}, **KEPT))
    process = subprocess.Popen(
        [sys.executable, "-m", "skewless.jobs.run", str(folder)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    try:
        assert process.stdout is not None
        assert any(line.startswith("[7]") for line in process.stdout)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert msgspec.json.decode((folder / OUTCOME).read_bytes(), type=Outcome) == Outcome("Stopped")
    assert not (s3 / "data" / "out").exists()
    kept = checkpoints(s3)
    assert kept == list(range(kept[-1] - 4, kept[-1] + 1)), (
        "what was deleted in the folder is deleted in the bucket"
    )
    given = {**CHANCE, "num_round": str(kept[-1] + 3)}
    assert trained(s3, "second", asked(given, **KEPT)).outcome == "Completed"
    log = capsys.readouterr().out
    assert f"note: training goes on from the checkpoint of round {kept[-1]}" in log
    assert [line.split("#")[0] for line in log.splitlines() if line.startswith("[")] == [
        f"[{kept[-1] + 1}]",
        f"[{kept[-1] + 2}]",
    ]
    assert checkpoints(s3) == [*kept, kept[-1] + 1, kept[-1] + 2], "what an earlier job wrote is left"
    other: dict[str, Any] = {"CheckpointConfig": {"S3Uri": "s3://data/other/"}}
    assert trained(s3, "whole", asked(given, **other)).outcome == "Completed"
    assert members(s3, "whole") == members(s3, "second")


def test_a_bucket_for_checkpoints_that_is_not_there(s3: Path) -> None:
    kept: dict[str, Any] = {"CheckpointConfig": {"S3Uri": "s3://gone/kept"}}
    outcome = trained(s3, "job", asked(GIVEN, **kept))
    assert outcome.outcome == "Failed"
    assert str(outcome.reason).startswith("ClientError: s3://gone: there is no such bucket")


def test_a_damaged_checkpoint_is_told_by_its_address(s3: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (s3 / "data" / "kept").mkdir()
    (s3 / "data" / "kept" / "xgboost-checkpoint.3").write_bytes(b"nothing")
    assert trained(s3, "job", asked(GIVEN, **KEPT)).outcome == "Completed"
    assert "note: a checkpoint is passed over: xgboost-checkpoint.3: " in capsys.readouterr().out
    assert checkpoints(s3) == [0, 1, 2, 3]
