"""The scripts of this folder, run by the SDKs that `make sdk` installs, against a gateway of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from skewless.cli.up import variables
from tests.app.cars import Cars
from tests.gateways import Gateway, gateway

HERE = Path(__file__).resolve().parent
ENVIRONMENTS = HERE.parent / ".make" / "sdk"
SUFFIX = ".us-east-1.amazonaws.com"


@pytest.fixture(scope="session")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("up")) as found:
        yield found


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Cars.make(tmp_path_factory.mktemp("artifacts"))


class Runs:
    """Runs of scripts: what they printed."""

    def __init__(self, up: Gateway) -> None:
        self.up = up

    def __call__(self, script: str, argument: Path) -> str:
        """What it printed; the script must end well."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        ran = subprocess.run(
            [ENVIRONMENTS / script.partition("_")[0] / "bin" / "python", HERE / script, argument],
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
            env={
                **environment,
                **variables(self.up.identity, self.up.running),
                "SAGEMAKER_USER_CONFIG_OVERRIDE": str(HERE / "config.yaml"),
                "SAGEMAKER_SUPPRESS_V2_WARNING": "1",
            },
        )
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"[-4000:]
        assert SUFFIX not in ran.stderr, "it asked AWS for something"
        return ran.stdout


@pytest.fixture(scope="session")
def run(up: Gateway) -> Runs:
    return Runs(up)


def test_a_pipeline_by_version_2(run: Runs, artifacts: Path) -> None:
    told = run("v2_pipeline.py", artifacts)
    assert "FIRST [['vgood'], ['unacc']]" in told
    assert "SECOND [['VGOOD']]" in told
    assert "REFUSED An error occurred (ModelError)" in told
    assert "column 'doors', row 1: unseen label '9'" in told
    assert "BATCH ['vgood', 'unacc']" in told
    for lines in told.partition("BATCH")[0], told.partition("LOGS AGAIN")[2]:
        assert "sdk-2-pipeline/model/xgb.tar.gz is loaded" in lines
        assert "MaxConcurrentTransforms=" in lines
    assert "LEFT 0" in told


def test_training_by_version_2(run: Runs, artifacts: Path) -> None:
    told = run("v2_training.py", artifacts / "train.csv")
    for lines in told.partition("ARTIFACT")[0], told.partition("LOGS AGAIN")[2]:
        assert "[4]#011train-mlogloss:" in lines
        assert "Completed - Training job completed" in lines
    assert "Billable seconds: " in told
    assert "ARTIFACT output/model.tar.gz" in told
    assert "METRIC train:mlogloss True" in told
    assert "METRIC validation:mlogloss True" in told
    assert "PREDICTED True" in told


def test_processing_by_version_2(run: Runs, artifacts: Path) -> None:
    told = run("v2_processing.py", artifacts / "train.csv")
    assert "train 0.748" in told
    assert "OUTPUT train ['part.csv']" in told
    assert "OUTPUT validation ['part.csv']" in told


def test_what_is_refused_by_version_2(run: Runs, artifacts: Path) -> None:
    told = run("v2_refused.py", artifacts / "train.csv")
    assert "it was not refused" not in told
    for asked, member in {
        "several_machines": "ResourceConfig.InstanceCount 2",
        "serverless": "ProductionVariants.ServerlessConfig",
        "data_capture": "DataCaptureConfig.EnableCapture",
    }.items():
        (line,) = [line for line in told.splitlines() if f"REFUSED {asked} " in line]
        assert "(ValidationException) when calling the Create" in line
        assert f"{member} is not supported by this version" in line


def test_scripts_by_version_2(run: Runs, artifacts: Path) -> None:
    told = run("v2_script.py", artifacts / "train.csv")
    assert "python3 train.py -C 10.0 --solver lbfgs" in told
    assert "METRICS [('train:accuracy', True)]" in told
    assert "BOOSTED 2" in told
    assert "ARTIFACT model.tar.gz" in told
    assert "PREDICTED (2,) True" in told


def test_a_pipeline_by_version_3(run: Runs, artifacts: Path) -> None:
    told = run("v3_pipeline.py", artifacts)
    assert "ANSWER b'vgood' AllTraffic" in told
    assert "BATCH [b'vgood', b'unacc']" in told
    assert "LEFT 0" in told


def test_what_is_refused_by_version_3(run: Runs, artifacts: Path) -> None:
    told = run("v3_refused.py", artifacts / "train.csv")
    assert "REFUSED several_machines An error occurred (ValidationException)" in told
    assert "ResourceConfig.InstanceCount 2 is not supported by this version" in told


def test_a_script_by_version_3(run: Runs, artifacts: Path) -> None:
    told = run("v3_script.py", artifacts / "train.csv")
    assert "STATUS Completed" in told
    assert "ARTIFACT output/model.tar.gz" in told


def test_training_by_version_3(run: Runs, artifacts: Path) -> None:
    told = run("v3_training.py", artifacts / "train.csv")
    assert "[4]#011train-mlogloss:" in told
    assert "STATUS Completed" in told
    assert "ARTIFACT output/model.tar.gz" in told
