"""IAM: the policies of roles. They are checked, kept and given back; what they allow or deny is not enforced."""

from __future__ import annotations

import re
from typing import Final

from sqlalchemy import delete, func, insert, select

from skewless.control.errors import ServiceError
from skewless.control.iam import encoded, limit, listed, no_such, role_row
from skewless.control.plane import Members, Plane, operation
from skewless.control.policies import check_policy
from skewless.store.tables import ATTACHED_POLICIES, ROLE_POLICIES, ROLES

MOST_ATTACHED: Final = 10
MOST_INLINE: Final = 10_240
"""Characters of all policies that stand in one role, without their white space, as IAM counts them."""
_ARN: Final = re.compile(r"arn:aws:iam::(aws|\d{12}):policy(/(?:[!-~]+/)?)([\w+=,.@-]{1,128})", re.ASCII)


@operation("iam", "AttachRolePolicy")
def attach_role_policy(plane: Plane, request: Members) -> Members:
    """Let a role refer to a managed policy. Every name is taken for one of AWS's own."""
    arn = _managed(request["PolicyArn"])
    with plane.store.begin() as connection:
        role = role_row(connection, request["RoleName"]).name
        attached = set(
            connection.execute(
                select(ATTACHED_POLICIES.c.arn).where(ATTACHED_POLICIES.c.role == role)
            ).scalars()
        )
        if arn in attached:
            return {}
        if len(attached) >= MOST_ATTACHED:
            raise limit(f"Cannot exceed quota for PoliciesPerRole: {MOST_ATTACHED}")
        connection.execute(insert(ATTACHED_POLICIES).values(role=role, arn=arn))
    return {}


@operation("iam", "DetachRolePolicy")
def detach_role_policy(plane: Plane, request: Members) -> Members:
    """Undo AttachRolePolicy."""
    table = ATTACHED_POLICIES
    with plane.store.begin() as connection:
        role = role_row(connection, request["RoleName"]).name
        gone = delete(table).where(table.c.role == role, table.c.arn == request["PolicyArn"])
        if not connection.execute(gone).rowcount:
            raise no_such(f"Policy {request['PolicyArn']} was not found.")
    return {}


@operation("iam", "ListAttachedRolePolicies")
def list_attached_role_policies(plane: Plane, request: Members) -> Members:
    """The managed policies that a role refers to."""
    prefix = request.get("PathPrefix", "/")
    with plane.store.begin() as connection:
        role = role_row(connection, request["RoleName"]).name
        query = select(ATTACHED_POLICIES.c.arn).where(ATTACHED_POLICIES.c.role == role)
        arns = sorted(connection.execute(query).scalars(), key=lambda arn: _path_and_name(arn)[1])
    policies = [
        {"PolicyName": _path_and_name(arn)[1], "PolicyArn": arn}
        for arn in arns
        if _path_and_name(arn)[0].startswith(prefix)
    ]
    return listed("AttachedPolicies", policies, "ListAttachedRolePolicies", request)


@operation("iam", "PutRolePolicy")
def put_role_policy(plane: Plane, request: Members) -> Members:
    """Write a policy into a role, in the place of one of that name."""
    document, name, table = request["PolicyDocument"], request["PolicyName"], ROLE_POLICIES
    check_policy(document)
    with plane.store.begin() as connection:
        role = role_row(connection, request["RoleName"]).name
        connection.execute(delete(table).where(table.c.role == role, table.c.name == name))
        others = connection.execute(select(table.c.document).where(table.c.role == role)).scalars()
        if sum(len("".join(text.split())) for text in (*others, document)) > MOST_INLINE:
            raise limit(f"Maximum policy size of {MOST_INLINE} bytes exceeded for role {role}")
        connection.execute(insert(table).values(role=role, name=name, document=document))
    return {}


@operation("iam", "GetRolePolicy")
def get_role_policy(plane: Plane, request: Members) -> Members:
    """A policy that stands in a role."""
    name, table = request["PolicyName"], ROLE_POLICIES
    with plane.store.begin() as connection:
        role = role_row(connection, request["RoleName"]).name
        query = select(table.c.document).where(table.c.role == role, table.c.name == name)
        document = connection.execute(query).scalar()
    if document is None:
        raise _no_policy(name)
    return {"RoleName": role, "PolicyName": name, "PolicyDocument": encoded(document)}


@operation("iam", "ListRolePolicies")
def list_role_policies(plane: Plane, request: Members) -> Members:
    """The names of the policies that stand in a role."""
    with plane.store.begin() as connection:
        role = role_row(connection, request["RoleName"]).name
        query = select(ROLE_POLICIES.c.name).where(ROLE_POLICIES.c.role == role)
        names = sorted(connection.execute(query).scalars())
    return listed("PolicyNames", names, "ListRolePolicies", request)


@operation("iam", "DeleteRolePolicy")
def delete_role_policy(plane: Plane, request: Members) -> Members:
    """Remove a policy that stands in a role."""
    name, table = request["PolicyName"], ROLE_POLICIES
    with plane.store.begin() as connection:
        role = role_row(connection, request["RoleName"]).name
        if not connection.execute(delete(table).where(table.c.role == role, table.c.name == name)).rowcount:
            raise _no_policy(name)
    return {}


@operation(
    "iam",
    "SimulatePrincipalPolicy",
    ignores=(
        "PolicyInputList",
        "PermissionsBoundaryPolicyInputList",
        "PolicyExclusionList",
        "ResourcePolicy",
        "ResourceOwner",
        "CallerArn",
        "ContextEntries",
        "ResourceHandlingOption",
        "MaxItems",
    ),
)
def simulate_principal_policy(plane: Plane, request: Members) -> Members:
    """What a role may do here: everything, since policies are not enforced. The SageMaker SDK asks before training."""
    arn = request["PolicySourceArn"]
    with plane.store.begin() as connection:
        if not connection.execute(select(func.count()).where(ROLES.c.arn == arn)).scalar_one():
            raise no_such(f"The role {arn} cannot be found; policies can be simulated for roles only.")
    results = [
        {"EvalActionName": action, "EvalResourceName": resource, "EvalDecision": "allowed"}
        for action in request["ActionNames"]
        for resource in request.get("ResourceArns", ["*"])
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


def _managed(arn: str) -> str:
    match = _ARN.fullmatch(arn)
    if not match:
        raise ServiceError("InvalidInput", f"ARN {arn} is not valid.")
    if match[1] != "aws":
        raise no_such(
            f"Policy {arn} does not exist or is not attachable. Here only AWS's own can be attached "
            "(arn:aws:iam::aws:policy/…); put a policy of yours into the role with PutRolePolicy."
        )
    return arn


def _path_and_name(arn: str) -> tuple[str, str]:
    match = _ARN.fullmatch(arn)
    assert match  # it was checked when it was attached
    return match[2], match[3]


def _no_policy(name: str) -> ServiceError:
    return no_such(f"The role policy with name {name} cannot be found.")
