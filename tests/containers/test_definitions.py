"""CreateModel's definitions to pipelines: what runs, what names containers, and what every refusal says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skewless.containers.definitions import pipeline_of
from skewless.errors import (
    ArtifactError,
    ParityError,
    SettingError,
    SkewlessError,
    TrustError,
    UnsupportedError,
)
from skewless.names import container_names
from tests.parity.own_stages import Unlike
from tests.pipelines import CAR, CAR_LABEL, CAR_SCHEMA, LABEL_SCHEMA, build, change
from tests.python_bundles import code_of, write

SPARKML = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sparkml-serving:2.2"
XGBOOST = "433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest"
Definitions = list[dict[str, Any]]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the car example's three artifacts."""
    return build(tmp_path_factory.mktemp("models")).parent


def fetch_from(folder: Path) -> Callable[[str], Path]:
    def fetch(address: str) -> Path:
        return folder / address.removeprefix("s3://models/")

    return fetch


def definitions() -> Definitions:
    """The published example's three containers."""
    return [
        {
            "Image": SPARKML,
            "ModelDataUrl": "s3://models/model.tar.gz",
            "Environment": {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(CAR_SCHEMA)},
        },
        {"Image": XGBOOST, "ModelDataUrl": "s3://models/xgb.tar.gz"},
        {
            "Image": SPARKML,
            "ModelDataUrl": "s3://models/postprocess.tar.gz",
            "Environment": {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(LABEL_SCHEMA)},
        },
    ]


def test_three_containers_answer_and_have_replayed_their_rows(models: Path) -> None:
    with pipeline_of(definitions(), fetch_from(models)) as pipeline:
        assert pipeline.invoke(CAR).body == CAR_LABEL
        assert [one.name for one in pipeline.containers] == ["container-1", "container-2", "container-3"]
        assert pipeline.replayed["container-1"] == 60


def test_model_data_source_of_one_archive_is_the_same(models: Path) -> None:
    several = definitions()
    address = several[1].pop("ModelDataUrl")
    source = {"S3Uri": address, "S3DataType": "S3Object", "CompressionType": "Gzip"}
    several[1]["ModelDataSource"] = {"S3DataSource": source}
    with pipeline_of(several, fetch_from(models)) as pipeline:
        assert pipeline.invoke(CAR).body == CAR_LABEL


@pytest.mark.parametrize(
    ("hosts", "names"),
    [
        ([None], ["primary"]),
        (["only"], ["only"]),
        ([None, None], ["container-1", "container-2"]),
        (["first", None, "last"], ["first", "container-2", "last"]),
    ],
)
def test_names(hosts: list[str | None], names: list[str]) -> None:
    assert container_names([{} if host is None else {"ContainerHostname": host} for host in hosts]) == names


def prefix(which: dict[str, Any]) -> None:
    address = which.pop("ModelDataUrl")
    source = {"S3Uri": address, "S3DataType": "S3Prefix", "CompressionType": "None"}
    which["ModelDataSource"] = {"S3DataSource": source}


@pytest.mark.parametrize(
    ("spoil", "error", "says"),
    [
        (lambda one: one.update(Mode="MultiModel"), UnsupportedError, "container-2: Mode MultiModel"),
        (lambda one: one.update(ModelPackageName="p"), UnsupportedError, "container-2: ModelPackageName"),
        (lambda one: one.pop("Image"), SettingError, "container-2: there is no Image"),
        (
            lambda one: one.update(Image="linear-learner:1"),
            SettingError,
            "container-2: image 'linear-learner:1'",
        ),
        (lambda one: one.pop("ModelDataUrl"), SettingError, "container-2: there is no ModelDataUrl"),
        (prefix, UnsupportedError, "container-2: ModelDataSource"),
        (
            lambda one: one.update(ModelDataUrl="s3://models/gone.tar.gz"),
            ArtifactError,
            "container-2, s3://models/gone.tar.gz: no such file",
        ),
        (
            lambda one: one.update(ModelDataUrl="s3://models/train.csv"),
            ArtifactError,
            "container-2, s3://models/train.csv: is neither a zip nor a tar.gz",
        ),
        (
            lambda one: one.update(Environment={"SKEWLESS_TRUST": "all"}),
            SettingError,
            "container-2: SKEWLESS_TRUST in a container's environment takes hashes",
        ),
        (
            lambda one: one.update(Environment={"SKEWLESS_TRUST": "abc"}),
            SettingError,
            "container-2: SKEWLESS_TRUST: 'abc' is no SHA-256",
        ),
    ],
)
def test_refusals_name_the_container(
    models: Path, spoil: Callable[[dict[str, Any]], Any], error: type[SkewlessError], says: str
) -> None:
    several = definitions()
    spoil(several[1])
    with pytest.raises(error) as refused:
        pipeline_of(several, fetch_from(models))
    assert str(refused.value).startswith(says)


def test_a_fetch_that_fails_names_the_container() -> None:
    def fetch(address: str) -> Path:
        raise SettingError(f"{address} is not there")

    with pytest.raises(SettingError, match=r"^container-1: s3://models/model.tar.gz is not there$"):
        pipeline_of(definitions(), fetch)


def test_a_parity_failure_names_container_stage_column_and_row(tmp_path: Path) -> None:
    folder = build(tmp_path).parent
    first = folder / "model.tar.gz"
    change(first, "root/index_safety.node/model.json", lambda data: data.replace(b'"med"', b'"mid"'))
    with pytest.raises(ParityError) as refused:
        pipeline_of(definitions(), fetch_from(folder))
    error = refused.value
    assert (error.container, error.stage) == ("container-1", "index_safety")
    assert error.column
    assert error.row
    with pipeline_of(definitions(), fetch_from(folder), verify=False) as pipeline:
        assert len(pipeline.containers) == 3


def test_code_runs_only_where_the_environment_has_its_hash(tmp_path: Path) -> None:
    write(code_of(Unlike()), tmp_path / "own.tar.gz", {"x": [3.0, 6.0]})
    environment = {"SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "text/csv"}
    one = {"Image": "sparkml", "ModelDataUrl": "s3://models/own.tar.gz", "Environment": environment}
    with pytest.raises(TrustError) as refused:
        pipeline_of([one], fetch_from(tmp_path))
    environment["SKEWLESS_TRUST"] = "0" * 64
    with pytest.raises(TrustError):
        pipeline_of([one], fetch_from(tmp_path))
    environment["SKEWLESS_TRUST"] = refused.value.digest
    with pipeline_of([one], fetch_from(tmp_path)) as pipeline:
        assert pipeline.invoke(b"3\n6").body == b"1.0\n2.0"
