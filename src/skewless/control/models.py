"""Models: containers in order, with their images, model data and environments. They never change."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select

from skewless.containers.images import PROCESS, is_path, program_at, runtime_of
from skewless.control.errors import invalid
from skewless.control.objects import is_object
from skewless.control.pages import sagemaker_page
from skewless.control.plane import Members, Plane, operation, present, seconds
from skewless.control.refusals import refuse
from skewless.control.roles import SAGEMAKER, require_role
from skewless.control.tags import drop_tags, put_tags
from skewless.errors import SkewlessError
from skewless.names import container_names
from skewless.store.tables import MODELS

MOST_ENVIRONMENT: Final = 32 << 10
"""Bytes of all names and values in one container's environment."""

REFUSED: Final = {
    "ModelPackageName": "Give Image and ModelDataUrl.",
    "InferenceSpecificationName": "It belongs to a model package: give Image and ModelDataUrl.",
    "AdditionalModelDataSources": "Put all files of a container into one model.tar.gz.",
    "MultiModelConfig": "Make a model for each artifact.",
    "ContainerMetricsConfig": "Metrics are taken from every container as it is.",
    "ModelDataSource.S3DataSource.HubAccessConfig": "Copy the model data to a bucket of yours.",
    "ModelDataSource.S3DataSource.ManifestS3Uri": "Pack the files into one model.tar.gz.",
    "ModelDataSource.S3DataSource.ETag": "The model data are taken as they are when they are loaded.",
    "ModelDataSource.S3DataSource.ManifestEtag": "Pack the files into one model.tar.gz.",
}
"""Members of a container definition."""


@operation(
    "sagemaker",
    "CreateModel",
    ignores=(
        "VpcConfig",
        "EnableNetworkIsolation",
        "PrimaryContainer.ImageConfig",
        "PrimaryContainer.ModelDataSource.S3DataSource.ModelAccessConfig",
        "Containers.ImageConfig",
        "Containers.ModelDataSource.S3DataSource.ModelAccessConfig",
    ),
)
def create_model(plane: Plane, request: Members) -> Members:
    """A model of one container, or of up to fifteen that an inference pipeline runs in order."""
    name = request["ModelName"]
    definitions = containers_of(request)
    _check_containers(request, definitions, plane.images())
    for definition in definitions:
        _check_model_data(plane, definition)
    arn = plane.names.sagemaker("model", name)
    with plane.store.begin() as connection:
        if request.get("ExecutionRoleArn"):
            require_role(plane, connection, request["ExecutionRoleArn"], SAGEMAKER)
        if _row(connection, name) is not None:
            raise invalid(f'Cannot create already existing model "{arn}".')
        kept = {member: value for member, value in request.items() if member != "Tags"}
        connection.execute(insert(MODELS).values(name=name, arn=arn, created=plane.now(), request=kept))
        put_tags(connection, arn, request.get("Tags") or ())
    return {"ModelArn": arn}


@operation("sagemaker", "DescribeModel")
def describe_model(plane: Plane, request: Members) -> Members:
    """A model as it was created."""
    with plane.store.begin() as connection:
        row = existing_model(plane, connection, request["ModelName"])
    return {
        "EnableNetworkIsolation": False,
        **row.request,
        "ModelArn": row.arn,
        "CreationTime": seconds(row.created),
    }


@operation("sagemaker", "ListModels")
def list_models(plane: Plane, request: Members) -> Members:
    """Models, filtered, sorted and in pages."""
    with plane.store.begin() as connection:
        rows, token = sagemaker_page(
            connection,
            "ListModels",
            MODELS,
            request,
            {"CreationTime": MODELS.c.created, "Name": MODELS.c.name},
        )
    found = [
        {"ModelName": row.name, "ModelArn": row.arn, "CreationTime": seconds(row.created)} for row in rows
    ]
    return present({"Models": found, "NextToken": token})


@operation("sagemaker", "DeleteModel")
def delete_model(plane: Plane, request: Members) -> Members:
    """Forget a model. Endpoints and jobs that have it keep it; its artifacts stay where they are."""
    with plane.store.begin() as connection:
        row = existing_model(plane, connection, request["ModelName"])
        connection.execute(delete(MODELS).where(MODELS.c.name == row.name))
        drop_tags(connection, row.arn)
    return {}


def existing_model(plane: Plane, connection: Connection, name: str) -> Row[Any]:
    """A model's row. ValidationException where there is none."""
    row = _row(connection, name)
    if row is None:
        raise invalid(f'Could not find model "{plane.names.sagemaker("model", name)}".')
    return row


def containers_of(request: Members) -> list[Members]:
    """The container definitions of a CreateModel request, one or many."""
    primary, several = request.get("PrimaryContainer"), request.get("Containers")
    if primary and several:
        raise invalid("PrimaryContainer and Containers are both given: give one of them.")
    if not primary and not several:
        raise invalid(
            "Neither PrimaryContainer nor Containers is given: a model needs at least one container."
        )
    return [primary] if primary else list(several or ())


def _row(connection: Connection, name: str) -> Row[Any] | None:
    # Names that differ in case alone would have the same ARN.
    return connection.execute(select(MODELS).where(func.lower(MODELS.c.name) == name.lower())).first()


def _check_containers(request: Members, definitions: Sequence[Members], registered: Collection[str]) -> None:
    hosts = [one["ContainerHostname"] for one in definitions if one.get("ContainerHostname")]
    if hosts and len(hosts) != len(definitions):
        raise invalid("ContainerHostname is given for some containers: give it for all of them, or for none.")
    if len({host.lower() for host in hosts}) != len(hosts):
        raise invalid(f"Each ContainerHostname must be there once; given are {', '.join(hosts)}.")
    if (request.get("InferenceExecutionConfig") or {}).get("Mode") == "Direct" and not hosts:
        raise invalid("InferenceExecutionConfig Mode Direct needs a ContainerHostname for every container.")
    for name, definition in zip(container_names(definitions), definitions, strict=True):
        try:
            _check_container(definition, registered)
        except SkewlessError as error:
            raise invalid(f"{name}: {error}") from None


def _check_container(definition: Members, registered: Collection[str]) -> None:
    refuse(definition, REFUSED)
    if definition.get("Mode") == "MultiModel":
        raise invalid("Mode MultiModel is not supported by this version. Make a model for each artifact.")
    if not definition.get("Image"):
        raise invalid("there is no Image. Give the name or the ECR address of a built-in image.")
    runtime = runtime_of(definition["Image"], registered)
    if is_path(definition["Image"]):
        _check_program(definition["Image"])
    address = _model_data(definition, runtime)
    if address is not None and not address.startswith("s3://"):
        raise invalid(f"the model data {address!r} is at no s3:// address. Write s3://BUCKET/KEY.")
    environment = definition.get("Environment") or {}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in environment.items())
    if size > MOST_ENVIRONMENT:
        raise invalid(f"its Environment has {size} bytes, and {MOST_ENVIRONMENT} are the most.")


def _check_program(given: str) -> None:
    path = Path(given)
    if not path.is_absolute():
        raise invalid(f"Image {given!r} is a relative path. Give the absolute path of the program.")
    program_at(path)


def _model_data(definition: Members, runtime: str) -> str | None:
    """The address of the container's model.tar.gz; None for a program without one."""
    source = (definition.get("ModelDataSource") or {}).get("S3DataSource")
    if source is None:
        address = definition.get("ModelDataUrl")
        if not address and runtime == PROCESS:
            return None
        if not address:
            raise invalid("there is no ModelDataUrl. A built-in image needs a model.tar.gz.")
        return str(address)
    if definition.get("ModelDataUrl"):
        raise invalid("ModelDataUrl and ModelDataSource are both given: give one of them.")
    if (source["S3DataType"], source["CompressionType"]) != ("S3Object", "Gzip"):
        raise invalid(
            "ModelDataSource with model data that is not one tar.gz is not supported by this version. "
            "Pack it, and say S3DataType S3Object and CompressionType Gzip, or give ModelDataUrl."
        )
    return str(source["S3Uri"])


def _check_model_data(plane: Plane, definition: Members) -> None:
    address = _model_data(definition, runtime_of(definition["Image"], plane.images()))
    if address is not None and not is_object(plane, address):
        raise invalid(
            f"Could not find model data at {address}. See what is there: aws s3 ls {address.rpartition('/')[0]}/"
        )
