"""Requests that break their model, in the words of AWS."""

from __future__ import annotations

from typing import Any

import pytest

from skewless.aws.model import service
from skewless.aws.refusal import Refused
from skewless.aws.validate import LONGEST_TOLD, validate

ROLE = "arn:aws:iam::000000000000:role/r"
ENTITY = "[a-zA-Z0-9]([\\-a-zA-Z0-9]*[a-zA-Z0-9])?"


def said(of: str, operation: str, **members: Any) -> str:
    """The refusal's code and text."""
    with pytest.raises(Refused) as caught:
        validate(members, service(of).operation(operation))
    return f"{caught.value.code}: {caught.value.message}"


def test_what_is_right_passes() -> None:
    validate({"ModelName": "a-b", "ExecutionRoleArn": ROLE}, service("sagemaker").operation("CreateModel"))
    validate({}, service("sts").operation("GetCallerIdentity"))
    validate({"TrainingJobName": "x" * 63}, service("sagemaker").operation("DescribeTrainingJob"))


def test_a_pattern() -> None:
    assert said("sagemaker", "DescribeModel", ModelName="my_model") == (
        "ValidationException: 1 validation error detected: Value 'my_model' at 'modelName' failed to satisfy "
        f"constraint: Member must satisfy regular expression pattern: {ENTITY}"
    )


def test_what_is_missing_and_all_that_is_wrong_at_once() -> None:
    assert said("sagemaker", "DescribeModel") == (
        "ValidationException: 1 validation error detected: Value null at 'modelName' failed to satisfy "
        "constraint: Member must not be null"
    )
    name = "a_" * 40
    assert said("sagemaker", "DescribeModel", ModelName=name) == (
        f"ValidationException: 2 validation errors detected: Value '{name}' at 'modelName' failed to satisfy "
        f"constraint: Member must have length less than or equal to 63; Value '{name}' at 'modelName' failed to "
        f"satisfy constraint: Member must satisfy regular expression pattern: {ENTITY}"
    )


def test_places_inside_lists_and_structures() -> None:
    found = said(
        "sagemaker",
        "CreateModel",
        ModelName="m",
        ExecutionRoleArn=ROLE,
        Containers=[{"Image": "i"}, {"Image": "i", "Mode": "Sometimes"}],
    )
    assert "Value 'Sometimes' at 'containers.2.member.mode' failed" in found
    assert "Member must satisfy enum value set: [SingleModel, MultiModel]" in found
    many = said(
        "sagemaker", "CreateModel", ModelName="m", ExecutionRoleArn=ROLE, Containers=[{"Image": "i"}] * 16
    )
    assert (
        "at 'containers' failed to satisfy constraint: Member must have length less than or equal to 15"
        in many
    )


def test_maps_of_plain_values_are_told_as_one() -> None:
    found = said(
        "sagemaker", "CreateModel", ModelName="m", PrimaryContainer={"Environment": {"A": "1", "1b": "x"}}
    )
    assert "Value '{A=1, 1b=x}' at 'primaryContainer.environment' failed to satisfy constraint: " in found
    assert "Map keys must satisfy constraint: [Member must have length less than or equal to 1024" in found
    long = said(
        "sagemaker", "CreateModel", ModelName="m", PrimaryContainer={"Environment": {"A": "x" * 20_000}}
    )
    assert "Map value must satisfy constraint: [Member must have length less than or equal to " in long
    assert len(long) < LONGEST_TOLD + 1000


def test_lists_of_plain_values_are_told_as_one() -> None:
    found = said("glue", "BatchGetJobs", JobNames=["a", ""])
    assert found.startswith(
        "InvalidInputException: 1 validation error detected: Value '[a, ]' at 'jobNames' failed"
    )
    assert "Member must satisfy constraint: [Member must have length less than or equal to 255" in found


def test_a_null_in_a_list() -> None:
    assert "at 'jobNames' failed to satisfy constraint: Member must not be null" in said(
        "glue", "BatchGetJobs", JobNames=["a", None]
    )
    assert "Value null at 'tags.1.member' failed" in said(
        "sagemaker", "AddTags", ResourceArn="arn:aws:sagemaker:us-east-1:000000000000:model/m", Tags=[None]
    )


def test_bounds_of_numbers() -> None:
    assert (
        "Value '0' at 'maxResults' failed to satisfy constraint: Member must have value greater than or equal to 1"
        in said("sagemaker", "ListModels", MaxResults=0)
    )
    assert "Member must have value less than or equal to 100" in said(
        "sagemaker", "ListModels", MaxResults=101
    )


@pytest.mark.parametrize(
    ("of", "operation", "members", "code"),
    [
        ("iam", "GetRole", {"RoleName": "no pe"}, "ValidationError"),
        ("logs", "DescribeLogStreams", {"logGroupName": "a b"}, "InvalidParameterException"),
        ("cloudwatch", "ListMetrics", {"Namespace": ""}, "InvalidParameterValue"),
        ("glue", "GetJob", {"JobName": ""}, "InvalidInputException"),
        ("sagemaker-runtime", "InvokeEndpoint", {"EndpointName": "a_b"}, "ValidationError"),
    ],
)
def test_each_service_has_its_code(of: str, operation: str, members: dict[str, Any], code: str) -> None:
    assert said(of, operation, **members).startswith(f"{code}: ")


def test_published_hyperparameters_pass() -> None:
    """The published notebook has a name that ends in a blank, which AWS takes."""
    request = {
        "TrainingJobName": "xgboost-cars-1a2b3c4d",
        "HyperParameters": {"early_stopping_rounds ": "5", "num_round": "10"},
        "AlgorithmSpecification": {
            "TrainingImage": "433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest",
            "TrainingInputMode": "File",
        },
        "RoleArn": ROLE,
        "OutputDataConfig": {"S3OutputPath": "s3://b/xgb"},
        "ResourceConfig": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 10},
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
    }
    validate(request, service("sagemaker").operation("CreateTrainingJob"))
