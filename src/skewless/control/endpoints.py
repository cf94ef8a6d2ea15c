"""Endpoints, created, described, updated, deleted: what is wanted is written here, and the supervisor makes it so."""

from __future__ import annotations

import secrets
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, update

from skewless.control.errors import invalid
from skewless.control.pages import sagemaker_page
from skewless.control.plane import Members, Plane, operation, present, seconds
from skewless.control.states import States
from skewless.store.tables import ENDPOINT_CONFIGS, ENDPOINTS, MODELS, TAGS

STATES: Final = States(
    "endpoint",
    {
        "Creating": ("InService", "Failed"),
        "InService": ("Updating", "Deleting"),
        "Updating": ("InService", "Failed"),
        "Failed": ("Updating", "Deleting"),
        "Deleting": (),
    },
)
"""A failed creation may be updated to a configuration that works, or deleted."""


DIRECT: Final = "Direct"
"""The Mode in which a request is for one of the containers."""
HEALTH_TIMEOUT: Final = "ContainerStartupHealthCheckTimeoutInSeconds"
"""The member of a production variant that its instances get to know."""


@operation("sagemaker", "CreateEndpoint")
def create_endpoint(plane: Plane, request: Members) -> Members:
    """Ask for an endpoint; it is InService when its instances answer and have replayed their parity rows."""
    name = request["EndpointName"]
    arn = plane.names.sagemaker("endpoint", name)
    with plane.store.begin() as connection:
        if _row(connection, name) is not None:
            raise invalid(f'Cannot create already existing endpoint "{arn}".')
        now = plane.now()
        connection.execute(
            insert(ENDPOINTS).values(
                name=name,
                arn=arn,
                status="Creating",
                created=now,
                modified=now,
                next_config=request["EndpointConfigName"],
                next_serving=_variants(plane, connection, request["EndpointConfigName"]),
                rescale=False,
            )
        )
        for tag in request.get("Tags", ()):
            connection.execute(insert(TAGS).values(arn=arn, key=tag["Key"], value=tag["Value"]))
    plane.wake()
    return {"EndpointArn": arn}


@operation("sagemaker", "DescribeEndpoint")
def describe_endpoint(plane: Plane, request: Members) -> Members:
    """An endpoint as it is now."""
    with plane.store.begin() as connection:
        row = _existing(plane, connection, request["EndpointName"])
    now, wanted = row.serving or [], row.next_serving
    return present(
        {
            "EndpointName": row.name,
            "EndpointArn": row.arn,
            "EndpointConfigName": row.config or row.next_config,
            "ProductionVariants": _summaries(now, wanted or now, row.created) if now else None,
            "EndpointStatus": row.status,
            "FailureReason": row.failure_reason,
            "CreationTime": seconds(row.created),
            "LastModifiedTime": seconds(row.modified),
            "PendingDeploymentSummary": _pending(row),
        }
    )


@operation("sagemaker", "ListEndpoints")
def list_endpoints(plane: Plane, request: Members) -> Members:
    """Endpoints, filtered, sorted and in pages."""
    with plane.store.begin() as connection:
        rows, token = sagemaker_page(
            connection,
            "ListEndpoints",
            ENDPOINTS,
            request,
            {
                "CreationTime": ENDPOINTS.c.created,
                "Name": ENDPOINTS.c.name,
                "Status": ENDPOINTS.c.status,
            },
        )
    return present(
        {
            "Endpoints": [
                {
                    "EndpointName": row.name,
                    "EndpointArn": row.arn,
                    "CreationTime": seconds(row.created),
                    "LastModifiedTime": seconds(row.modified),
                    "EndpointStatus": row.status,
                }
                for row in rows
            ],
            "NextToken": token,
        }
    )


@operation(
    "sagemaker", "UpdateEndpoint", ignores=("RetainDeploymentConfig", "ExcludeRetainedVariantProperties")
)
def update_endpoint(plane: Plane, request: Members) -> Members:
    """Ask for another configuration; the present one serves until the new fleet has proved itself."""
    if request.get("DeploymentConfig"):
        raise invalid(
            "DeploymentConfig is not supported: an update is blue/green, all at once, after the new fleet passed its "
            "health check and parity rows."
        )
    with plane.store.begin() as connection:
        row = _settled(plane, connection, request["EndpointName"])
        wanted = _variants(plane, connection, request["EndpointConfigName"])
        if request.get("RetainAllVariantProperties"):
            _retain(row.serving or [], wanted)
        _change(plane, connection, row, request["EndpointConfigName"], wanted, rescale=False)
    plane.wake()
    return {"EndpointArn": row.arn}


@operation("sagemaker", "UpdateEndpointWeightsAndCapacities")
def update_weights(plane: Plane, request: Members) -> Members:
    """Ask for other weights and numbers of instances; those that run go on."""
    with plane.store.begin() as connection:
        row = _settled(plane, connection, request["EndpointName"])
        if row.status != "InService":
            raise invalid(f'Endpoint "{row.arn}" is {row.status}, and has no variants to change.')
        wanted = {one["VariantName"]: dict(one) for one in row.serving}
        for change in request["DesiredWeightsAndCapacities"]:
            variant = wanted.get(change["VariantName"])
            if variant is None:
                raise invalid(
                    f'The variant name(s) "{change["VariantName"]}" is/are not present within endpoint '
                    f'configuration "{row.config}".'
                )
            variant["Weight"] = change.get("DesiredWeight", variant["Weight"])
            variant["InstanceCount"] = change.get("DesiredInstanceCount", variant["InstanceCount"])
            if not variant["InstanceCount"]:
                raise invalid(f"DesiredInstanceCount of variant {variant['VariantName']} must be 1 or more.")
        _change(plane, connection, row, row.config, list(wanted.values()), rescale=True)
    plane.wake()
    return {"EndpointArn": row.arn}


@operation("sagemaker", "DeleteEndpoint")
def delete_endpoint(plane: Plane, request: Members) -> Members:
    """Ask for an endpoint's end; requests under way are answered first."""
    with plane.store.begin() as connection:
        row = _settled(plane, connection, request["EndpointName"])
        connection.execute(
            update(ENDPOINTS)
            .where(ENDPOINTS.c.name == row.name)
            .values(status=STATES.step(row.name, row.status, "Deleting"), modified=plane.now())
        )
    plane.leave(row.name)
    plane.wake()
    return {}


def _row(connection: Connection, name: str) -> Row[Any] | None:
    # Names differ whatever their case; ARNs do not, and AWS takes them for the same.
    return connection.execute(select(ENDPOINTS).where(func.lower(ENDPOINTS.c.name) == name.lower())).first()


def _existing(plane: Plane, connection: Connection, name: str) -> Row[Any]:
    row = _row(connection, name)
    if row is None:
        raise invalid(f'Could not find endpoint "{plane.names.sagemaker("endpoint", name)}".')
    return row


def _settled(plane: Plane, connection: Connection, name: str) -> Row[Any]:
    row = _existing(plane, connection, name)
    if row.status not in ("InService", "Failed"):
        until = "it is gone" if row.status == "Deleting" else "it is InService or Failed"
        raise invalid(
            f'Cannot update in-progress endpoint "{row.arn}". It is {row.status}: ask again when {until}.'
        )
    return row


def _change(
    plane: Plane, connection: Connection, row: Row[Any], config: str, wanted: list[Members], *, rescale: bool
) -> None:
    connection.execute(
        update(ENDPOINTS)
        .where(ENDPOINTS.c.name == row.name)
        .values(
            status=STATES.step(row.name, row.status, "Updating"),
            modified=plane.now(),
            next_config=config,
            next_serving=wanted,
            rescale=rescale,
        )
    )


def _variants(plane: Plane, connection: Connection, config: str) -> list[Members]:
    """A configuration's variants with their models as they are now: deleting a model does not touch what serves."""
    row = connection.execute(
        select(ENDPOINT_CONFIGS).where(func.lower(ENDPOINT_CONFIGS.c.name) == config.lower())
    ).first()
    if row is None:
        arn = plane.names.sagemaker("endpoint-config", config)
        raise invalid(f'Could not find endpoint configuration "{arn}".')
    return [_variant(plane, connection, given) for given in row.request["ProductionVariants"]]


def _variant(plane: Plane, connection: Connection, given: Members) -> Members:
    model = connection.execute(
        select(MODELS).where(func.lower(MODELS.c.name) == given["ModelName"].lower())
    ).first()
    if model is None:
        raise invalid(f'Could not find model "{plane.names.sagemaker("model", given["ModelName"])}".')
    mode = (model.request.get("InferenceExecutionConfig") or {}).get("Mode")
    return {
        "VariantName": given["VariantName"],
        "ModelName": model.name,
        "Deployment": secrets.token_hex(8),
        "InstanceCount": given.get("InitialInstanceCount", 1),
        "Weight": given.get("InitialVariantWeight", 1.0),
        "Containers": model.request.get("Containers") or [model.request["PrimaryContainer"]],
        **({"Mode": DIRECT} if mode == DIRECT else {}),
        **{name: given[name] for name in (HEALTH_TIMEOUT,) if name in given},
    }


def _retain(present_: list[Members], wanted: list[Members]) -> None:
    """Weights and numbers of instances that were changed since the present configuration was made stay as they are."""
    by_name = {one["VariantName"]: one for one in present_}
    for variant in wanted:
        if variant["VariantName"] in by_name:
            kept = by_name[variant["VariantName"]]
            variant |= {"Weight": kept["Weight"], "InstanceCount": kept["InstanceCount"]}


def _summaries(now: list[Members], wanted: list[Members], since: int) -> list[Members]:
    desired = {one["VariantName"]: one for one in wanted}
    return [
        {
            "VariantName": one["VariantName"],
            "DeployedImages": [
                {
                    "SpecifiedImage": container.get("Image", ""),
                    "ResolvedImage": container.get("Image", ""),
                    "ResolutionTime": seconds(since),
                }
                for container in one["Containers"]
            ],
            "CurrentWeight": one["Weight"],
            "DesiredWeight": desired.get(one["VariantName"], one)["Weight"],
            "CurrentInstanceCount": one["InstanceCount"],
            "DesiredInstanceCount": desired.get(one["VariantName"], one)["InstanceCount"],
        }
        for one in now
    ]


def _pending(row: Row[Any]) -> Members | None:
    if row.status not in ("Creating", "Updating") or not row.next_serving or not row.serving:
        return None
    return {
        "EndpointConfigName": row.next_config,
        "ProductionVariants": _summaries(row.next_serving, row.next_serving, row.modified),
        "StartTime": seconds(row.modified),
    }
