"""Training jobs as the supervisor runs them: a process on a folder of buckets."""

from __future__ import annotations

import gzip
import io
import json
import os
import signal
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
import xgboost

from skewless.blobs import open_blobs
from skewless.errors import SettingError, SkewlessError
from skewless.jobs.job import OUTCOME, PROGRESS, Asked, Job, Outcome, write_asked
from skewless.jobs.manifests import entries
from skewless.jobs.training.channels import channels_of
from skewless.jobs.training.content_types import CONTENT_TYPES
from skewless.jobs.training_job import run
from skewless.services import Services
from tests.requests import TRAINING, changed

PATIENCE = 120.0
HYPERPARAMETERS = {
    "early_stopping_rounds ": "5",
    "num_round": "10",
    "objective": '"multi:softmax"',
    "num_class": "3",
    "eval_metric": "mlogloss",
}
TRAIN_SOURCE = "InputDataConfig.0.DataSource.S3DataSource"


@pytest.fixture(scope="module")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of buckets with the output of a Spark job in one of them."""
    root = tmp_path_factory.mktemp("s3")
    generator = np.random.default_rng(5)
    for channel, rows in (("train", 300), ("validation", 100)):
        folder = root / "data" / "output" / channel
        (folder / "deeper").mkdir(parents=True)
        features = generator.normal(size=(rows, 3)).round(3)
        labels = (features[:, 0] > 0).astype(int) + (features[:, 1] > 0.5)
        lines = [
            ",".join(map(str, (label, *row))) for label, row in zip(labels, features.tolist(), strict=True)
        ]
        half = rows // 2
        (folder / "part-00000").write_text("\n".join(lines[:half]) + "\n")
        (folder / "deeper" / "part-00001.gz").write_bytes(gzip.compress("\n".join(lines[half:]).encode()))
        (folder / "_SUCCESS").touch()
    manifest = [{"prefix": "s3://data/output/train/"}, "part-00000", "deeper/part-00001.gz"]
    (root / "data" / "train.manifest").write_text(json.dumps(manifest))
    (root / "data" / "broken").mkdir()
    (root / "data" / "broken" / "part-00000").write_text("1,2\n0,3\n1,many\n")
    (root / "data" / "empty").mkdir()
    (root / "data" / "empty" / "_SUCCESS").touch()
    return root


def laid_out(folder: Path, s3: Path, request: dict[str, Any]) -> Path:
    services = Services("http://127.0.0.1:9", "us-east-1", "key", "secret", s3_folder=str(s3))
    name = folder.name
    arn = f"arn:aws:sagemaker:us-east-1:000000000000:training-job/{name}"
    write_asked(folder, Asked("training", name, arn, {**request, "TrainingJobName": name}, services))
    return folder


def started(folder: Path, s3: Path, request: dict[str, Any]) -> subprocess.Popen[str]:
    laid_out(folder, s3, request)
    return subprocess.Popen(
        [sys.executable, "-m", "skewless.jobs.run", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )


@pytest.fixture
def job(tmp_path: Path) -> Iterator[Path]:
    """The job's folder."""
    folder = tmp_path / "job"
    yield folder
    assert not list(folder.glob(".outcome*")), "the outcome is written whole"


@pytest.fixture
def own_signals() -> Iterator[None]:
    """The handler of SIGTERM as it was, for jobs that run in the process of the tests."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def ended(process: subprocess.Popen[str], folder: Path) -> tuple[Outcome, str]:
    """How the job ended, and its log."""
    try:
        log, _ = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    return msgspec.json.decode((folder / OUTCOME).read_bytes(), type=Outcome), log


def told(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / PROGRESS).read_text().splitlines()]


def steps(folder: Path) -> list[str]:
    return [line["secondary"] for line in told(folder) if "secondary" in line]


def booster(s3: Path, uri: str) -> xgboost.Booster:
    """The model of an artifact."""
    packed = (s3 / uri.removeprefix("s3://")).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        file = archive.extractfile("xgboost-model")
        assert file is not None
        model = xgboost.Booster()
        model.load_model(bytearray(file.read()))
    return model


CARS = {**TRAINING, "HyperParameters": HYPERPARAMETERS}


def test_a_failed_process_says_the_same(job: Path, s3: Path) -> None:
    outcome, log = ended(started(job, s3, changed(CARS, "HyperParameters", {"num_rounds": "3"})), job)
    said = "ClientError: Extraneous hyperparameter found: num_rounds. Did you mean num_round?"
    assert outcome == Outcome("Failed", said)
    assert said in log


def test_the_published_request(job: Path, s3: Path) -> None:
    outcome, log = ended(started(job, s3, CARS), job)
    uri = "s3://data/xgb/job/output/model.tar.gz"
    assert outcome == Outcome("Completed", result={"ModelArtifacts": {"S3ModelArtifacts": uri}}), log
    assert steps(job) == ["Downloading", "Training", "Uploading"]
    rounds = [line for line in log.splitlines() if line.startswith("[")]
    assert len(rounds) == 10
    number, train, validation = rounds[-1].split("#011")
    assert number == "[9]"
    figures = {line["metric"]: line["value"] for line in told(job) if "metric" in line}
    assert train == f"train-mlogloss:{figures['train:mlogloss']:.5f}"
    assert validation == f"validation-mlogloss:{figures['validation:mlogloss']:.5f}"
    assert "read as 'early_stopping_rounds'" in log
    assert booster(s3, uri).num_boosted_rounds() == 10


def test_a_manifest_brings_the_same_rows(job: Path, s3: Path) -> None:
    listed = changed(CARS, TRAIN_SOURCE, {"S3DataType": "ManifestFile", "S3Uri": "s3://data/train.manifest"})
    listed["OutputDataConfig"] = {"S3OutputPath": "s3://data/listed/"}
    outcome, log = ended(started(job, s3, listed), job)
    assert outcome.outcome == "Completed", log
    assert sorted(path.name for path in (job / "ml/input/data/train").rglob("part*")) == [
        "part-00000",
        "part-00001.gz",
    ]
    assert booster(s3, "s3://data/listed/job/output/model.tar.gz").num_boosted_rounds() == 10


def until_round(process: subprocess.Popen[str]) -> None:
    """Read the log until a round was logged."""
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("[3]"):
            return
    pytest.fail("no round was logged")


LONG = {"num_round": "1000000", "objective": "multi:softmax", "num_class": "3"}


def test_a_job_that_is_told_to_stop_uploads_what_it_learnt(job: Path, s3: Path) -> None:
    request = {**CARS, "HyperParameters": LONG, "OutputDataConfig": {"S3OutputPath": "s3://data/stopped"}}
    process = started(job, s3, request)
    until_round(process)
    process.send_signal(signal.SIGTERM)
    outcome, log = ended(process, job)
    uri = "s3://data/stopped/job/output/model.tar.gz"
    assert outcome == Outcome("Stopped", result={"ModelArtifacts": {"S3ModelArtifacts": uri}})
    assert 4 <= booster(s3, uri).num_boosted_rounds() < 1_000_000
    assert steps(job)[-1] == "Uploading"
    assert "told to stop: the model has the" in log


def test_a_job_that_shall_not_save_when_it_is_stopped(job: Path, s3: Path) -> None:
    given = {**LONG, "save_model_on_termination": "false"}
    request = {**CARS, "HyperParameters": given, "OutputDataConfig": {"S3OutputPath": "s3://data/unsaved"}}
    process = started(job, s3, request)
    until_round(process)
    process.send_signal(signal.SIGTERM)
    outcome, _ = ended(process, job)
    assert outcome == Outcome("Stopped")
    assert not (s3 / "data" / "unsaved").exists()


def test_a_job_that_is_stopped_before_it_trains(job: Path, s3: Path) -> None:
    waiting = s3 / "data" / "slow"
    waiting.mkdir()
    (waiting / "part").write_text("0,1,2,3\n" * 200_000)
    request = {**CARS, "HyperParameters": LONG, "OutputDataConfig": {"S3OutputPath": "s3://data/stopped"}}
    process = started(job, s3, changed(request, f"{TRAIN_SOURCE}.S3Uri", "s3://data/slow/"))
    end = time.monotonic() + PATIENCE
    while not (job / PROGRESS).exists():
        assert time.monotonic() < end
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    outcome, _ = ended(process, job)
    assert outcome.outcome == "Stopped", outcome.reason


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        (
            changed(CARS, "HyperParameters", {"num_rounds": "3"}),
            "ClientError: Extraneous hyperparameter found: num_rounds. Did you mean num_round?",
        ),
        (
            changed(CARS, f"{TRAIN_SOURCE}.S3Uri", "s3://data/broken"),
            "ClientError: s3://data/broken/part-00000, line 3: column 2 (the feature f0) is 'many': not a number.",
        ),
        (
            changed(CARS, f"{TRAIN_SOURCE}.S3Uri", "s3://data/empty/"),
            "ClientError: No data in training channel path s3://data/empty/.",
        ),
        (
            changed(CARS, f"{TRAIN_SOURCE}.S3Uri", "s3://gone/output/train"),
            "ClientError: s3://gone: there is no such bucket.",
        ),
        (
            changed(CARS, "OutputDataConfig.S3OutputPath", "s3://gone/xgb"),
            "ClientError: s3://gone: there is no such bucket for the artifact.",
        ),
        (
            changed(CARS, "HyperParameters.objective", "binary:logistic"),
            "ClientError: Do not need to setup parameter 'num_class' for learning task other than",
        ),
    ],
    ids=["hyperparameter", "data", "empty", "bucket", "output", "rule"],
)
@pytest.mark.usefixtures("own_signals")
def test_what_a_failed_job_says(
    tmp_path: Path, s3: Path, request_: dict[str, Any], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    outcome = run(Job(laid_out(tmp_path, s3, request_)))
    assert outcome.outcome == "Failed"
    assert outcome.reason is not None
    assert outcome.reason.startswith(reason)
    assert str(tmp_path) not in outcome.reason, "nobody knows the folder of a job"
    assert outcome.reason in capsys.readouterr().err


@pytest.mark.usefixtures("own_signals")
def test_a_fault_of_the_algorithm_is_called_so(
    tmp_path: Path, s3: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fault(*_: Any, **__: Any) -> None:
        raise MemoryError("bad allocation")

    monkeypatch.setattr(xgboost.Booster, "update", fault)
    assert run(Job(laid_out(tmp_path, s3, CARS))) == Outcome(
        "Failed", "AlgorithmError: XGB train call failed with exception:\nMemoryError: bad allocation"
    )
    assert "Traceback" in capsys.readouterr().err


CHANNEL = "InputDataConfig.0"


@pytest.mark.parametrize(
    ("request_", "kind", "said"),
    [
        (changed(CARS, "InputDataConfig", []), SettingError, "Missing required channel: train"),
        (changed(CARS, f"{CHANNEL}.ChannelName", "test"), SettingError, "Extraneous channel found: test"),
        (
            changed(CARS, f"{CHANNEL}.ChannelName", "validation"),
            SettingError,
            "Missing required channel: train",
        ),
        (
            changed(CARS, "InputDataConfig.1.ChannelName", "code"),
            SettingError,
            "Channel configuration for 'code' channel is not supported: {'ContentType': 'text/csv'}",
        ),
        (
            changed(CARS, f"{CHANNEL}.ContentType", "application/json"),
            SettingError,
            "Channel configuration for 'train' channel is not supported: {'ContentType': 'application/json'}",
        ),
        (
            changed(CARS, f"{CHANNEL}.ContentType", "text/csv; charset=utf-8"),
            SettingError,
            "Channel configuration for 'train' channel is not supported: "
            "{'ContentType': 'text/csv; charset=utf-8'}",
        ),
        (changed(CARS, f"{CHANNEL}.InputMode", "Pipe"), SettingError, "Pipe mode is no longer supported"),
        (
            changed(CARS, "AlgorithmSpecification.TrainingInputMode", "FastFile"),
            SettingError,
            "Channel configuration for 'train' channel is not supported",
        ),
    ],
)
def test_channels_that_are_not_taken(request_: dict[str, Any], kind: type[SkewlessError], said: str) -> None:
    with pytest.raises(kind) as raised:
        channels_of(request_)
    assert said in str(raised.value)


def test_a_channel_of_code_is_accepted_and_not_read() -> None:
    code = changed(CARS, "InputDataConfig.1.ChannelName", "code")
    channels = channels_of(changed(code, "InputDataConfig.1.ContentType", "text/python"))
    assert [channel.name for channel in channels] == ["train"]


@pytest.mark.parametrize("content", [*CONTENT_TYPES, None])
def test_channels_that_are_taken(content: str | None) -> None:
    channels = channels_of(changed(CARS, f"{CHANNEL}.ContentType", content))
    assert [(one.name, one.uri, one.content_type) for one in channels] == [
        ("train", "s3://data/output/train", content or "text/libsvm"),
        ("validation", "s3://data/output/validation", "text/csv"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is wrong"),
        ('[{"prefix": "s3://b/"}, "\udcff"]', "is wrong"),
        ("[]", "its first element names no prefix"),
        ('["a"]', "its first element names no prefix"),
        ('[{"prefix": "https://h/"}, "a"]', "its first element names no prefix"),
        ('[{"prefix": "s3://b/"}, {"a": "b"}]', "is no text"),
        ('[{"prefix": "s3://b/"}, "../a"]', "'../a' is no path below the prefix"),
        ('[{"prefix": "s3://b/"}, "a//b"]', "'a//b' is no path below the prefix"),
    ],
)
def test_manifests_that_are_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "m.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(SettingError) as raised:
        entries(open_blobs(s3_folder=tmp_path), "s3://data/m.json")
    assert said in str(raised.value)
    assert "s3://data/m.json" in str(raised.value)
