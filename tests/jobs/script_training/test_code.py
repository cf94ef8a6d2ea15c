"""A script's code and command, and metrics, from whatever people and programs write."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.blobs import open_blobs
from skewless.errors import ArtifactError, SettingError
from skewless.jobs.job import Asked, Job, write_asked
from skewless.jobs.script_training.artifacts import pack
from skewless.jobs.script_training.code import command_of, fetch_code
from skewless.jobs.script_training.failure import LONGEST, failure_reason, read_failure
from skewless.jobs.script_training.metric_definitions import MetricDefinitions
from skewless.jobs.script_training.places import FAILURE, MODEL, on_disk
from skewless.jobs.script_training.variables import Script
from skewless.services import Services

SAME_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def script(program: str, directory: str | None = None) -> Script:
    return Script(program, directory, 20, {}, {}, None)


@SAME_FOLDER
@given(
    st.one_of(
        st.text(max_size=300), st.sampled_from([".", "..", "/", "a/../b", "a//b", "x" * 250, "x" * 300])
    )
)
def test_any_program_has_a_command_or_is_refused(tmp_path: Path, program: str) -> None:
    (tmp_path / "train.py").touch()
    with pytest.raises(SettingError, match="sagemaker_program"):
        command_of(script(program), tmp_path)
    assert command_of(script("train"), tmp_path) == ["python3", "-m", "train"]


@SAME_FOLDER
@given(st.one_of(st.binary(max_size=200), st.binary(max_size=600).map(gzip.compress)))
def test_any_archive_is_refused_by_its_address(tmp_path: Path, body: bytes) -> None:
    bucket = tmp_path / "s3" / "bucket"
    bucket.mkdir(parents=True, exist_ok=True)
    (bucket / "code").write_bytes(body)
    blobs = open_blobs(s3_folder=bucket.parent)
    with pytest.raises(ArtifactError, match="s3://bucket/code"):
        fetch_code(script("train.py", "s3://bucket/code"), blobs, tmp_path / "root", {}, tmp_path / "spare")
    assert not (tmp_path / "root").exists()


@SAME_FOLDER
@given(st.text(max_size=100))
def test_metrics_of_any_line(tmp_path: Path, line: str) -> None:
    arn = "arn:aws:sagemaker:us-east-1:000000000000:training-job/job"
    write_asked(tmp_path, Asked("training", "job", arn, {}, Services("http://127.0.0.1:9", "r", "k", "s")))
    found = MetricDefinitions(Job(tmp_path), [{"Name": "n", "Regex": r"(\S+)?"}]).found(line)
    assert all(isinstance(value, float) for value in found.values())


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("loss=0.25;", {"loss": 0.25}),
        ("loss=1e-3; loss=7;", {"loss": 0.001}),
        ("loss=many;", {}),
        ("a\tloss=1;", {"loss": 1.0, "tab": 1.0}),
        ("a#011loss=2;", {"loss": 2.0, "tab": 2.0}),
        (" " * 5000 + "loss=1;", {}),
    ],
)
def test_metrics_of_a_line(tmp_path: Path, line: str, found: dict[str, float]) -> None:
    definitions = [{"Name": "loss", "Regex": r"loss=(\S+);"}, {"Name": "tab", "Regex": r"#011loss=(\S+);"}]
    write_asked(tmp_path, Asked("training", "job", "arn", {}, Services("http://127.0.0.1:9", "r", "k", "s")))
    assert MetricDefinitions(Job(tmp_path), definitions).found(line) == found


@SAME_FOLDER
@given(st.binary(max_size=3000))
def test_any_failure_file_fits_into_a_reason(tmp_path: Path, body: bytes) -> None:
    file = on_disk(tmp_path, FAILURE)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    said = read_failure(tmp_path)
    reason = failure_reason(said or "", 1)
    assert len(reason) <= LONGEST
    assert reason.startswith("AlgorithmError: ")
    assert reason.endswith(", exit code: 1")


def test_what_is_no_file_of_the_folder_is_not_packed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A link to a link that leads out, one to a folder, one to nothing, one to itself."""
    folder = on_disk(tmp_path, MODEL)
    (folder / "deep").mkdir(parents=True)
    (folder / "deep" / "file").write_text("x")
    for name, target in {
        "out": "/opt/ml/model/deep/further",
        "deep/further": "/etc/hostname",
        "folder": "deep",
        "nothing": "none",
        "itself": "itself",
        "up": "../../../../../etc/hostname",
    }.items():
        (folder / name).symlink_to(target)
    assert pack(tmp_path, MODEL, tmp_path / "model.tar.gz")
    printed = capsys.readouterr().out
    assert printed.count("is no file of its folder, and is not packed") == 6
    assert "/opt/ml/model/deep/further" in printed
