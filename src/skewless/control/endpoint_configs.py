"""Endpoint configurations: which models an endpoint serves, on how many instances each, with which share of traffic."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, delete, func, insert, select

from skewless.control.errors import invalid
from skewless.control.models import existing_model
from skewless.control.pages import sagemaker_page
from skewless.control.plane import Members, Plane, operation, present, seconds
from skewless.control.refusals import refuse
from skewless.control.roles import SAGEMAKER, require_role
from skewless.control.tags import drop_tags, put_tags
from skewless.store.tables import ENDPOINT_CONFIGS

REFUSED: Final = {
    "DataCaptureConfig.EnableCapture": "Have the caller keep what it sends and gets.",
    "AsyncInferenceConfig": "Use a batch transform job.",
    "ExplainerConfig": "Explain the model where it was trained.",
    "ShadowProductionVariants": "Give the second model a production variant, or an endpoint of its own.",
    "CrossRegionTrafficConfig": "There is one region.",
    "ProductionVariants.ServerlessConfig": "Give InstanceType and InitialInstanceCount: an instance is a process.",
    "ProductionVariants.InstancePools": "Give InstanceType and InitialInstanceCount.",
    "ProductionVariants.ManagedInstanceScaling": "Change the number of instances with "
    "UpdateEndpointWeightsAndCapacities.",
}


@operation(
    "sagemaker",
    "CreateEndpointConfig",
    ignores=(
        "DataCaptureConfig",
        "KmsKeyId",
        "VpcConfig",
        "EnableNetworkIsolation",
        "MetricsConfig",
        "ProductionVariants.InstanceType",
        "ProductionVariants.AcceleratorType",
        "ProductionVariants.AcceleratorPartitionLayouts",
        "ProductionVariants.CoreDumpConfig",
        "ProductionVariants.VolumeSizeInGB",
        "ProductionVariants.VariantInstanceProvisionTimeoutInSeconds",
        "ProductionVariants.ModelDataDownloadTimeoutInSeconds",
        "ProductionVariants.EnableSSMAccess",
        "ProductionVariants.RoutingConfig",
        "ProductionVariants.InferenceAmiVersion",
        "ProductionVariants.CapacityReservationConfig",
    ),
)
def create_endpoint_config(plane: Plane, request: Members) -> Members:
    """A configuration that endpoints can be made of."""
    refuse(request, REFUSED)
    variants = [_variant(given) for given in request["ProductionVariants"]]
    _check_variants(variants)
    name = request["EndpointConfigName"]
    arn = plane.names.sagemaker("endpoint-config", name)
    with plane.store.begin() as connection:
        if request.get("ExecutionRoleArn"):
            require_role(plane, connection, request["ExecutionRoleArn"], SAGEMAKER)
        if _row(connection, name) is not None:
            raise invalid(f'Cannot create already existing endpoint configuration "{arn}".')
        for variant in variants:
            existing_model(plane, connection, variant["ModelName"])
        kept = {member: value for member, value in request.items() if member != "Tags"}
        kept["ProductionVariants"] = variants
        connection.execute(
            insert(ENDPOINT_CONFIGS).values(name=name, arn=arn, created=plane.now(), request=kept)
        )
        put_tags(connection, arn, request.get("Tags") or ())
    return {"EndpointConfigArn": arn}


@operation("sagemaker", "DescribeEndpointConfig")
def describe_endpoint_config(plane: Plane, request: Members) -> Members:
    """A configuration as it was created, with the weights that were not given."""
    with plane.store.begin() as connection:
        row = _existing(plane, connection, request["EndpointConfigName"])
    return {
        "EnableNetworkIsolation": False,
        **row.request,
        "EndpointConfigArn": row.arn,
        "CreationTime": seconds(row.created),
    }


@operation("sagemaker", "ListEndpointConfigs")
def list_endpoint_configs(plane: Plane, request: Members) -> Members:
    """Configurations, filtered, sorted and in pages."""
    with plane.store.begin() as connection:
        rows, token = sagemaker_page(
            connection,
            "ListEndpointConfigs",
            ENDPOINT_CONFIGS,
            request,
            {"CreationTime": ENDPOINT_CONFIGS.c.created, "Name": ENDPOINT_CONFIGS.c.name},
        )
    found = [
        {
            "EndpointConfigName": row.name,
            "EndpointConfigArn": row.arn,
            "CreationTime": seconds(row.created),
        }
        for row in rows
    ]
    return present({"EndpointConfigs": found, "NextToken": token})


@operation("sagemaker", "DeleteEndpointConfig")
def delete_endpoint_config(plane: Plane, request: Members) -> Members:
    """Forget a configuration. Endpoints that were made of it go on."""
    with plane.store.begin() as connection:
        row = _existing(plane, connection, request["EndpointConfigName"])
        connection.execute(delete(ENDPOINT_CONFIGS).where(ENDPOINT_CONFIGS.c.name == row.name))
        drop_tags(connection, row.arn)
    return {}


def _row(connection: Connection, name: str) -> Row[Any] | None:
    # Names that differ in case alone would have the same ARN.
    return connection.execute(
        select(ENDPOINT_CONFIGS).where(func.lower(ENDPOINT_CONFIGS.c.name) == name.lower())
    ).first()


def _existing(plane: Plane, connection: Connection, name: str) -> Row[Any]:
    row = _row(connection, name)
    if row is None:
        arn = plane.names.sagemaker("endpoint-config", name)
        raise invalid(f'Could not find endpoint configuration "{arn}".')
    return row


def _variant(given: Members) -> Members:
    """A production variant with its weight. ValidationException names what it lacks."""
    name = given["VariantName"]
    for member, why in (
        ("ModelName", "inference components are not supported by this version"),
        ("InstanceType", "any will do"),
        ("InitialInstanceCount", "each is a process"),
    ):
        if not given.get(member):
            raise invalid(f"Production variant {name} has no {member}: give it, {why}.")
    return {"InitialVariantWeight": 1.0, **given}


def _check_variants(variants: Sequence[Members]) -> None:
    names = [variant["VariantName"] for variant in variants]
    if len({name.lower() for name in names}) != len(names):
        raise invalid(f"Each VariantName must be there once; given are {', '.join(names)}.")
    if not any(variant["InitialVariantWeight"] for variant in variants):
        raise invalid("InitialVariantWeight is 0 for all production variants: one at least must get traffic.")
