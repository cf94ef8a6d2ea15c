"""Every member that a client can send is read, ignored by declaration, or refused by name: nothing falls through."""

from __future__ import annotations

from collections.abc import Mapping

import botocore.session
import pytest

from skewless.control import endpoint_configs, models, processing_jobs, training_jobs, transform_jobs
from skewless.control.operations import OPERATIONS

SERVICE = botocore.session.get_session().get_service_model("sagemaker")

CONTAINER = {
    "ContainerHostname",
    "Image",
    "Mode",
    "ModelDataUrl",
    "ModelDataSource.S3DataSource.S3Uri",
    "ModelDataSource.S3DataSource.S3DataType",
    "ModelDataSource.S3DataSource.CompressionType",
    "Environment",
}
READ = {
    "CreateModel": {"ModelName", "InferenceExecutionConfig", "ExecutionRoleArn", "Tags"}
    | {f"{member}.{path}" for member in ("PrimaryContainer", "Containers") for path in CONTAINER},
    "CreateEndpointConfig": {
        "EndpointConfigName",
        "ExecutionRoleArn",
        "Tags",
        "ProductionVariants.VariantName",
        "ProductionVariants.ModelName",
        "ProductionVariants.InitialInstanceCount",
        "ProductionVariants.InitialVariantWeight",
        "ProductionVariants.ContainerStartupHealthCheckTimeoutInSeconds",
    },
    "CreateTrainingJob": {
        "TrainingJobName",
        "HyperParameters",
        "RoleArn",
        "Tags",
        "AlgorithmSpecification.TrainingImage",
        "AlgorithmSpecification.TrainingInputMode",
        "AlgorithmSpecification.MetricDefinitions",
        "AlgorithmSpecification.ContainerEntrypoint",
        "AlgorithmSpecification.ContainerArguments",
        "CheckpointConfig",
        "Environment",
        "InputDataConfig.RecordWrapperType",
        "ResourceConfig.InstanceType",
        "InputDataConfig.ChannelName",
        "InputDataConfig.ContentType",
        "InputDataConfig.CompressionType",
        "InputDataConfig.InputMode",
        "InputDataConfig.DataSource.S3DataSource.S3Uri",
        "InputDataConfig.DataSource.S3DataSource.S3DataType",
        # There is one instance, which gets all of it.
        "InputDataConfig.DataSource.S3DataSource.S3DataDistributionType",
        "OutputDataConfig.S3OutputPath",
        "OutputDataConfig.CompressionType",
        "ResourceConfig.InstanceCount",
        "StoppingCondition.MaxRuntimeInSeconds",
    },
    "CreateProcessingJob": {
        "ProcessingJobName",
        "ProcessingInputs.InputName",
        "ProcessingInputs.AppManaged",
        "ProcessingInputs.S3Input",
        "ProcessingOutputConfig.Outputs.OutputName",
        "ProcessingOutputConfig.Outputs.AppManaged",
        "ProcessingOutputConfig.Outputs.S3Output",
        "ProcessingResources.ClusterConfig.InstanceCount",
        "AppSpecification",
        "Environment",
        "RoleArn",
        "StoppingCondition",
        "Tags",
    },
    "CreateTransformJob": {
        "TransformJobName",
        "ModelName",
        "MaxConcurrentTransforms",
        "MaxPayloadInMB",
        "ModelClientConfig",
        "BatchStrategy",
        "Environment",
        "TransformInput",
        "TransformOutput.S3OutputPath",
        "TransformOutput.Accept",
        "TransformOutput.AssembleWith",
        "DataProcessing",
        "Tags",
    },
}
REFUSED: Mapping[str, set[str]] = {
    "CreateModel": {
        f"{member}.{path}" for member in ("PrimaryContainer", "Containers") for path in models.REFUSED
    },
    "CreateEndpointConfig": {*endpoint_configs.REFUSED},
    "CreateTrainingJob": {*training_jobs.REFUSED},
    "CreateProcessingJob": {*processing_jobs.REFUSED},
    "CreateTransformJob": {*transform_jobs.REFUSED},
}


def leaves(shape: botocore.model.Shape, path: str, known: set[str]) -> list[str]:
    """Paths below a shape, down to those that are known or have nothing below."""
    if path in known:
        return []
    while shape.type_name == "list":
        shape = shape.member
    if shape.type_name != "structure":
        return [path]
    found: list[str] = []
    for name, member in shape.members.items():
        found += leaves(member, f"{path}.{name}" if path else name, known)
    return found


@pytest.mark.parametrize("operation", READ)
def test_every_member_is_read_ignored_or_refused(operation: str) -> None:
    known = READ[operation] | REFUSED[operation] | {*OPERATIONS["sagemaker", operation].ignores}
    assert leaves(SERVICE.operation_model(operation).input_shape, "", known) == []


@pytest.mark.parametrize("operation", READ)
def test_what_is_declared_exists(operation: str) -> None:
    declared = READ[operation] | REFUSED[operation] | {*OPERATIONS["sagemaker", operation].ignores}
    for path in sorted(declared):
        shape = SERVICE.operation_model(operation).input_shape
        for part in path.split("."):
            while shape.type_name == "list":
                shape = shape.member
            assert part in shape.members, path
            shape = shape.members[part]
