from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from skewless.control.errors import ServiceError
from skewless.control.plane import Plane
from tests.planes import Clock, call
from tests.planes import plane as make_plane
from tests.requests import CONFIG, MODEL, SPARKML, XGBOOST, changed, furnish

ARN = "arn:aws:sagemaker:us-east-1:000000000000:model/cars"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def plane(tmp_path: Path, clock: Clock) -> Iterator[Plane]:
    with make_plane(tmp_path, clock=clock) as made:
        furnish(made, tmp_path / "s3")
        yield made


@pytest.fixture(scope="module")
def untouched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A plane for requests that are refused: it has one model, and nothing else ever comes into it."""
    folder = tmp_path_factory.mktemp("plane")
    with make_plane(folder) as made:
        furnish(made, folder / "s3")
        call(made, "sagemaker", "CreateModel", **MODEL)
        yield made


def test_a_model_is_described_as_it_was_created(plane: Plane) -> None:
    asked = {**MODEL, "Tags": [{"Key": "team", "Value": "cars"}]}
    assert call(plane, "sagemaker", "CreateModel", **asked) == {"ModelArn": ARN}
    assert call(plane, "sagemaker", "DescribeModel", ModelName="cars") == {
        **MODEL,
        "ModelArn": ARN,
        "CreationTime": 1_700_000_000.0,
        "EnableNetworkIsolation": False,
    }
    assert call(plane, "sagemaker", "ListTags", ResourceArn=ARN) == {"Tags": asked["Tags"]}


def test_one_container_is_enough_and_needs_no_role(plane: Plane) -> None:
    primary = {"Image": XGBOOST, "ModelDataUrl": "s3://data/xgb/model.tar.gz"}
    call(plane, "sagemaker", "CreateModel", ModelName="one", PrimaryContainer=primary)
    assert call(plane, "sagemaker", "DescribeModel", ModelName="one")["PrimaryContainer"] == primary


def test_a_name_that_differs_in_case_alone_is_taken(plane: Plane) -> None:
    call(plane, "sagemaker", "CreateModel", **MODEL)
    with pytest.raises(ServiceError) as raised:
        call(plane, "sagemaker", "CreateModel", **{**MODEL, "ModelName": "Cars"})
    assert (raised.value.code, raised.value.message) == (
        "ValidationException",
        f'Cannot create already existing model "{ARN}".',
    )


@pytest.mark.parametrize("operation", ["DescribeModel", "DeleteModel"])
def test_a_model_that_is_not_there(plane: Plane, operation: str) -> None:
    with pytest.raises(ServiceError) as raised:
        call(plane, "sagemaker", operation, ModelName="cars")
    assert raised.value.code == "ValidationException"
    assert raised.value.message == f'Could not find model "{ARN}".'


def test_a_deleted_model_leaves_no_tags_to_the_next_of_its_name(plane: Plane) -> None:
    call(plane, "sagemaker", "CreateModel", **MODEL, Tags=[{"Key": "old", "Value": "1"}])
    assert call(plane, "sagemaker", "DeleteModel", ModelName="cars") == {}
    call(plane, "sagemaker", "CreateModel", **MODEL)
    assert call(plane, "sagemaker", "ListTags", ResourceArn=ARN) == {"Tags": []}


HOSTS = changed(
    changed(MODEL, "Containers.0.ContainerHostname", "pre"), "Containers.1.ContainerHostname", "xgb"
)
BIG = {f"name{number:03}": "x" * 1000 for number in range(33)}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (changed(MODEL, "Containers", None), "Neither PrimaryContainer nor Containers is given"),
        (
            changed(MODEL, "PrimaryContainer", {"Image": XGBOOST}),
            "PrimaryContainer and Containers are both given",
        ),
        (changed(MODEL, "Containers.1.ContainerHostname", "xgb"), "for all of them, or for none"),
        (
            changed(HOSTS, "Containers.1.ContainerHostname", "PRE"),
            "Each ContainerHostname must be there once",
        ),
        (changed(MODEL, "InferenceExecutionConfig", {"Mode": "Direct"}), "needs a ContainerHostname"),
        (
            changed(MODEL, "Containers.1.Image", "acme/whatever:1"),
            "container-2: image 'acme/whatever:1' is not known",
        ),
        (
            changed(MODEL, "Containers.1.Image", "./program"),
            "container-2: Image './program' is a relative path",
        ),
        (
            changed(MODEL, "Containers.1.Image", "/no/program"),
            "container-2: image '/no/program': there is no",
        ),
        (changed(MODEL, "Containers.1.Image", "/etc/passwd"), "is no program: it may not be run"),
        (changed(MODEL, "Containers.1.Image", None), "container-2: there is no Image"),
        (changed(HOSTS, "Containers.1.Image", None), "xgb: there is no Image"),
        (changed(MODEL, "Containers.0.Mode", "MultiModel"), "container-1: Mode MultiModel is not supported"),
        (changed(MODEL, "Containers.0.ModelPackageName", "p"), "ModelPackageName is not supported"),
        (changed(MODEL, "Containers.0.ModelDataUrl", None), "container-1: there is no ModelDataUrl"),
        (changed(MODEL, "Containers.0.ModelDataUrl", "https://h/b/k"), "is at no s3:// address"),
        (
            changed(MODEL, "Containers.0.ModelDataUrl", "s3://data/no"),
            "Could not find model data at s3://data/no.",
        ),
        (
            changed(MODEL, "Containers.0.ModelDataUrl", "s3://none/no"),
            "Could not find model data at s3://none/no.",
        ),
        (changed(MODEL, "Containers.0.ModelDataUrl", "s3://data/../k"), "s3://data/../k"),
        (
            changed(MODEL, "Containers.0.Environment", BIG),
            "Environment has 33231 bytes, and 32768 are the most",
        ),
        (changed(MODEL, "Containers.0.ModelDataSource", {"S3DataSource": {}}), "both given"),
        (
            changed(
                changed(MODEL, "Containers.0.ModelDataUrl", None),
                "Containers.0.ModelDataSource.S3DataSource",
                {"S3Uri": "s3://data/model/", "S3DataType": "S3Prefix", "CompressionType": "None"},
            ),
            "not one tar.gz",
        ),
        (
            changed(MODEL, "ExecutionRoleArn", "arn:aws:iam::000000000000:role/nobody"),
            "Could not assume role",
        ),
    ],
)
def test_what_cannot_be_a_model(untouched: Plane, request_: dict[str, Any], said: str) -> None:
    with pytest.raises(ServiceError) as raised:
        call(untouched, "sagemaker", "CreateModel", **{**request_, "ModelName": "other"})
    assert raised.value.code == "ValidationException"
    assert said in raised.value.message
    assert len(call(untouched, "sagemaker", "ListModels")["Models"]) == 1


def test_model_data_may_be_named_by_a_source(plane: Plane) -> None:
    source = {"S3Uri": "s3://data/model/model.tar.gz", "S3DataType": "S3Object", "CompressionType": "Gzip"}
    container = {"Image": SPARKML, "ModelDataSource": {"S3DataSource": source}}
    assert call(plane, "sagemaker", "CreateModel", ModelName="cars", PrimaryContainer=container)


def test_models_in_pages(plane: Plane, clock: Clock) -> None:
    for number in range(100):
        clock.move(1)
        call(plane, "sagemaker", "CreateModel", **{**MODEL, "ModelName": f"m{number:03}"})
    call(plane, "sagemaker", "CreateModel", **{**MODEL, "ModelName": "another"})
    found: list[str] = []
    token: dict[str, str] = {}
    pages = 0
    while True:
        answer = call(plane, "sagemaker", "ListModels", NameContains="M0", MaxResults=30, **token)
        found += [model["ModelName"] for model in answer["Models"]]
        pages += 1
        if "NextToken" not in answer:
            break
        token = {"NextToken": answer["NextToken"]}
    assert found == [f"m{number:03}" for number in reversed(range(100))]
    assert pages == 4
    oldest = call(plane, "sagemaker", "ListModels", SortBy="Name", SortOrder="Ascending", MaxResults=2)
    assert [model["ModelName"] for model in oldest["Models"]] == ["another", "m000"]
    early = call(plane, "sagemaker", "ListModels", CreationTimeBefore=1_700_000_003.0)
    assert [model["ModelName"] for model in early["Models"]] == ["m001", "m000"]
    with pytest.raises(ServiceError, match="NextToken"):
        call(plane, "sagemaker", "ListEndpointConfigs", **token)


CONFIG_ARN = "arn:aws:sagemaker:us-east-1:000000000000:endpoint-config/cars"


def test_an_endpoint_configuration_has_the_weights_that_were_not_given(plane: Plane) -> None:
    call(plane, "sagemaker", "CreateModel", **MODEL)
    created = call(plane, "sagemaker", "CreateEndpointConfig", **CONFIG)
    assert created == {"EndpointConfigArn": CONFIG_ARN}
    described = call(plane, "sagemaker", "DescribeEndpointConfig", EndpointConfigName="cars")
    assert described["ProductionVariants"] == [
        {**CONFIG["ProductionVariants"][0], "InitialVariantWeight": 1.0}
    ]
    assert (described["EndpointConfigArn"], described["CreationTime"]) == (CONFIG_ARN, 1_700_000_000.0)
    listed = call(plane, "sagemaker", "ListEndpointConfigs")
    assert [one["EndpointConfigName"] for one in listed["EndpointConfigs"]] == ["cars"]
    with pytest.raises(ServiceError, match="Cannot create already existing endpoint configuration"):
        call(plane, "sagemaker", "CreateEndpointConfig", **CONFIG)
    call(plane, "sagemaker", "DeleteEndpointConfig", EndpointConfigName="cars")
    with pytest.raises(ServiceError) as raised:
        call(plane, "sagemaker", "DescribeEndpointConfig", EndpointConfigName="cars")
    assert raised.value.message == f'Could not find endpoint configuration "{CONFIG_ARN}".'


VARIANT = "ProductionVariants.0"
TWO = changed(CONFIG, "ProductionVariants", [*CONFIG["ProductionVariants"], *CONFIG["ProductionVariants"]])


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (TWO, "Each VariantName must be there once"),
        (changed(CONFIG, f"{VARIANT}.InitialVariantWeight", 0.0), "is 0 for all production variants"),
        (changed(CONFIG, f"{VARIANT}.InstanceType", None), "has no InstanceType"),
        (changed(CONFIG, f"{VARIANT}.InitialInstanceCount", None), "has no InitialInstanceCount"),
        (changed(CONFIG, f"{VARIANT}.ModelName", None), "has no ModelName"),
        (
            changed(CONFIG, f"{VARIANT}.ModelName", "none"),
            'Could not find model "arn:aws:sagemaker:us-east-1:',
        ),
        (
            changed(CONFIG, f"{VARIANT}.ServerlessConfig.MemorySizeInMB", 1024),
            "ServerlessConfig is not supported",
        ),
        (
            changed(CONFIG, "DataCaptureConfig", {"EnableCapture": True}),
            "DataCaptureConfig.EnableCapture is not",
        ),
        (
            changed(CONFIG, "AsyncInferenceConfig.OutputConfig.S3OutputPath", "s3://b/"),
            "AsyncInferenceConfig is",
        ),
        (
            changed(CONFIG, "ShadowProductionVariants", CONFIG["ProductionVariants"]),
            "ShadowProductionVariants is",
        ),
        (changed(CONFIG, "ExplainerConfig.ClarifyExplainerConfig.ShapConfig.Seed", 1), "ExplainerConfig is"),
        (
            changed(CONFIG, "ExecutionRoleArn", "arn:aws:iam::000000000000:role/nobody"),
            "Could not assume role",
        ),
    ],
)
def test_what_cannot_be_an_endpoint_configuration(
    untouched: Plane, request_: dict[str, Any], said: str
) -> None:
    with pytest.raises(ServiceError) as raised:
        call(untouched, "sagemaker", "CreateEndpointConfig", **request_)
    assert raised.value.code == "ValidationException"
    assert said in raised.value.message


def test_capture_that_is_switched_off_is_harmless(plane: Plane) -> None:
    call(plane, "sagemaker", "CreateModel", **MODEL)
    call(
        plane,
        "sagemaker",
        "CreateEndpointConfig",
        **changed(CONFIG, "DataCaptureConfig.EnableCapture", False),
    )
