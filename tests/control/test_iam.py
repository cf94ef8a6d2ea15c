"""Roles: what IAM's operations do to the store, and the refusals that clients match on."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import insert, select

from skewless.control.errors import ServiceError
from skewless.control.first_start import ensure_default_role
from skewless.control.plane import Members, Plane
from skewless.control.roles import GLUE, SAGEMAKER, require_role
from skewless.store.tables import ROLES
from tests.planes import call
from tests.planes import plane as a_plane

TRUST = json.dumps(
    {"Statement": {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"}}
)


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    with a_plane(tmp_path) as made:
        yield made


def iam(plane: Plane, operation: str, **members: Any) -> Members:
    return call(plane, "iam", operation, **members)


def create(plane: Plane, name: str, **members: Any) -> Members:
    role: Members = iam(
        plane, "CreateRole", **({"RoleName": name, "AssumeRolePolicyDocument": TRUST} | members)
    )["Role"]
    return role


def refused(plane: Plane, operation: str, **members: Any) -> tuple[str, str]:
    with pytest.raises(ServiceError) as caught:
        iam(plane, operation, **members)
    return caught.value.code, caught.value.message


def test_a_role_is_what_was_asked_for(plane: Plane) -> None:
    made = create(
        plane,
        "cars",
        Path="/service-role/",
        Description="d",
        MaxSessionDuration=7200,
        Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": ""}],
    )
    assert made["Arn"] == "arn:aws:iam::000000000000:role/service-role/cars"
    assert made["RoleId"].startswith("AROA")
    assert len(made["RoleId"]) == 21
    assert made["CreateDate"] == plane.now() / 1000
    assert made["Tags"] == [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "2"}]
    assert iam(plane, "GetRole", RoleName="cars")["Role"] == made | {"RoleLastUsed": {}}
    assert unquote(made["AssumeRolePolicyDocument"]) == TRUST
    assert not set(made["AssumeRolePolicyDocument"]) & set(' "{}:/')


def test_names_are_taken_whatever_their_letters_case(plane: Plane) -> None:
    create(plane, "Cars")
    text = "Role with name cars already exists."
    again = refused(plane, "CreateRole", RoleName="cars", AssumeRolePolicyDocument=TRUST)
    assert again == ("EntityAlreadyExists", text)


def test_a_role_that_is_not_there(plane: Plane) -> None:
    asked: dict[str, dict[str, Any]] = {
        "GetRole": {},
        "UpdateRole": {},
        "UpdateRoleDescription": {"Description": ""},
        "UpdateAssumeRolePolicy": {"PolicyDocument": TRUST},
        "DeleteRole": {},
        "TagRole": {"Tags": []},
        "UntagRole": {"TagKeys": []},
        "ListRoleTags": {},
        "AttachRolePolicy": {"PolicyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
        "DetachRolePolicy": {"PolicyArn": "arn:aws:iam::aws:policy/AmazonS3FullAccess"},
        "ListAttachedRolePolicies": {},
        "PutRolePolicy": {"PolicyName": "p", "PolicyDocument": POLICY},
        "GetRolePolicy": {"PolicyName": "p"},
        "ListRolePolicies": {},
        "DeleteRolePolicy": {"PolicyName": "p"},
    }
    for operation, members in asked.items():
        error = refused(plane, operation, RoleName="none", **members)
        assert error == ("NoSuchEntity", "The role with name none cannot be found."), operation


def test_roles_are_listed_by_path_and_in_pages(plane: Plane) -> None:
    for name in ("c", "a", "b"):
        create(plane, name, Path="/x/", Tags=[{"Key": "k", "Value": "v"}])
    create(plane, "d", Path="/X/")
    first = iam(plane, "ListRoles", PathPrefix="/x", MaxItems=2)
    assert [role["RoleName"] for role in first["Roles"]] == ["a", "b"]
    assert all("Tags" not in role for role in first["Roles"])
    rest = iam(plane, "ListRoles", PathPrefix="/x", Marker=first["Marker"])
    assert [role["RoleName"] for role in rest["Roles"]] == ["c"]
    assert (first["IsTruncated"], rest["IsTruncated"], "Marker" in rest) == (True, False, False)
    assert len(iam(plane, "ListRoles")["Roles"]) == 4
    assert refused(plane, "ListRoles", Marker=first["Marker"])[0] == "ValidationError"


def test_a_role_changes(plane: Plane) -> None:
    create(plane, "r", Description="one", MaxSessionDuration=7200)
    iam(plane, "UpdateRole", RoleName="r", Description="two")
    role = iam(plane, "GetRole", RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("two", 3600)
    iam(plane, "UpdateRole", RoleName="r", MaxSessionDuration=7200)
    role = iam(plane, "GetRole", RoleName="r")["Role"]
    assert (role["Description"], role["MaxSessionDuration"]) == ("two", 7200)
    assert iam(plane, "UpdateRoleDescription", RoleName="r", Description="3")["Role"]["Description"] == "3"
    other = TRUST.replace("sagemaker", "glue")
    iam(plane, "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument=other)
    assert unquote(iam(plane, "GetRole", RoleName="r")["Role"]["AssumeRolePolicyDocument"]) == other
    bad = refused(plane, "UpdateAssumeRolePolicy", RoleName="r", PolicyDocument="{}")
    assert bad[0] == "MalformedPolicyDocument"


def test_tags_of_a_role(plane: Plane) -> None:
    create(plane, "r", Tags=[{"Key": "a", "Value": "1"}])
    iam(plane, "TagRole", RoleName="r", Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    first = iam(plane, "ListRoleTags", RoleName="r", MaxItems=1)
    assert first["Tags"] == [{"Key": "a", "Value": "2"}]
    assert iam(plane, "ListRoleTags", RoleName="r", Marker=first["Marker"])["Tags"][0]["Key"] == "b"
    iam(plane, "UntagRole", RoleName="r", TagKeys=["a", "never"])
    many = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    assert refused(plane, "TagRole", RoleName="r", Tags=many)[0] == "LimitExceeded"
    assert iam(plane, "ListRoleTags", RoleName="r") == {
        "Tags": [{"Key": "b", "Value": "3"}],
        "IsTruncated": False,
    }


def test_a_role_goes_when_its_policies_have_gone_and_its_tags_with_it(plane: Plane) -> None:
    create(plane, "r", Tags=[{"Key": "a", "Value": "1"}])
    arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam(plane, "AttachRolePolicy", RoleName="r", PolicyArn=arn)
    iam(plane, "PutRolePolicy", RoleName="r", PolicyName="p", PolicyDocument=POLICY)
    attached = ("DeleteConflict", "Cannot delete entity, must detach all policies first.")
    assert refused(plane, "DeleteRole", RoleName="r") == attached
    iam(plane, "DetachRolePolicy", RoleName="r", PolicyArn=arn)
    inline = ("DeleteConflict", "Cannot delete entity, must delete policies first.")
    assert refused(plane, "DeleteRole", RoleName="r") == inline
    iam(plane, "DeleteRolePolicy", RoleName="r", PolicyName="p")
    iam(plane, "DeleteRole", RoleName="r")
    assert create(plane, "r").get("Tags") is None


def test_limits_of_a_role(plane: Plane) -> None:
    long = json.dumps(json.loads(TRUST)["Statement"] | {"Sid": "x" * 2048})
    document = f'{{"Statement": {long}}}'
    too_long = refused(plane, "CreateRole", RoleName="r", AssumeRolePolicyDocument=document)
    assert too_long == ("LimitExceeded", "Cannot exceed quota for ACLSizePerRole: 2048")
    create(plane, "r", AssumeRolePolicyDocument=TRUST + " " * 3000)
    with plane.store.begin() as connection:
        one = connection.execute(select(ROLES)).one()._mapping
        more = [{**one, "name": f"r{number}", "arn": f"arn{number}"} for number in range(999)]
        connection.execute(insert(ROLES), more)
    full = refused(plane, "CreateRole", RoleName="r999", AssumeRolePolicyDocument=TRUST)
    assert full == ("LimitExceeded", "Cannot exceed quota for RolesPerAccount: 1000")


def test_attached_policies(plane: Plane) -> None:
    create(plane, "r")
    for name in ("service-role/AWSGlueServiceRole", "AmazonS3FullAccess", "AmazonS3FullAccess"):
        iam(plane, "AttachRolePolicy", RoleName="r", PolicyArn=f"arn:aws:iam::aws:policy/{name}")
    found = iam(plane, "ListAttachedRolePolicies", RoleName="r")["AttachedPolicies"]
    assert [policy["PolicyName"] for policy in found] == ["AWSGlueServiceRole", "AmazonS3FullAccess"]
    under = iam(plane, "ListAttachedRolePolicies", RoleName="r", PathPrefix="/service-role/")
    assert [policy["PolicyName"] for policy in under["AttachedPolicies"]] == ["AWSGlueServiceRole"]
    mine = "arn:aws:iam::000000000000:policy/mine"
    code, message = refused(plane, "AttachRolePolicy", RoleName="r", PolicyArn=mine)
    assert code == "NoSuchEntity"
    assert "does not exist or is not attachable" in message
    assert "PutRolePolicy" in message
    for bad in ("arn:aws:iam::aws:role/AmazonS3FullAccess", "arn:aws:iam::aws:policy/"):
        error = refused(plane, "AttachRolePolicy", RoleName="r", PolicyArn=bad)
        assert error == ("InvalidInput", f"ARN {bad} is not valid.")
    assert refused(plane, "DetachRolePolicy", RoleName="r", PolicyArn=mine)[0] == "NoSuchEntity"
    for number in range(8):
        iam(plane, "AttachRolePolicy", RoleName="r", PolicyArn=f"arn:aws:iam::aws:policy/p{number}")
    full = refused(plane, "AttachRolePolicy", RoleName="r", PolicyArn="arn:aws:iam::aws:policy/p8")
    assert full == ("LimitExceeded", "Cannot exceed quota for PoliciesPerRole: 10")


POLICY = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'


def test_inline_policies(plane: Plane) -> None:
    create(plane, "r")
    for name in ("b", "a"):
        iam(plane, "PutRolePolicy", RoleName="r", PolicyName=name, PolicyDocument=POLICY)
    changed = POLICY.replace("s3:*", "s3:Get*")
    iam(plane, "PutRolePolicy", RoleName="r", PolicyName="b", PolicyDocument=changed)
    assert iam(plane, "ListRolePolicies", RoleName="r")["PolicyNames"] == ["a", "b"]
    found = iam(plane, "GetRolePolicy", RoleName="r", PolicyName="b")
    assert unquote(found["PolicyDocument"]) == changed
    none = ("NoSuchEntity", "The role policy with name c cannot be found.")
    assert refused(plane, "GetRolePolicy", RoleName="r", PolicyName="c") == none
    assert refused(plane, "DeleteRolePolicy", RoleName="r", PolicyName="c") == none
    big = POLICY.replace('"s3:*"', json.dumps([f"s3:{'x' * 100}{number}" for number in range(99)]))
    error = refused(plane, "PutRolePolicy", RoleName="r", PolicyName="c", PolicyDocument=big)
    assert error == ("LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role r")
    bad = refused(plane, "PutRolePolicy", RoleName="r", PolicyName="c", PolicyDocument="x")
    assert bad == ("MalformedPolicyDocument", "Syntax errors in policy.")
    assert iam(plane, "ListRolePolicies", RoleName="r")["PolicyNames"] == ["a", "b"]


def test_simulated_policies_say_what_is_so_here(plane: Plane) -> None:
    arn = create(plane, "r")["Arn"]
    actions = ["s3:GetObject", "sagemaker:CreateModel"]
    answer = iam(plane, "SimulatePrincipalPolicy", PolicySourceArn=arn, ActionNames=actions)
    assert [one["EvalActionName"] for one in answer["EvaluationResults"]] == actions
    assert {one["EvalDecision"] for one in answer["EvaluationResults"]} == {"allowed"}
    gone = refused(plane, "SimulatePrincipalPolicy", PolicySourceArn=arn + "x", ActionNames=actions)
    assert gone[0] == "NoSuchEntity"


def test_a_role_must_exist_and_trust_the_service(plane: Plane) -> None:
    arn = create(plane, "r", Path="/service-role/")["Arn"]
    with plane.store.begin() as connection:
        assert require_role(plane, connection, arn, SAGEMAKER) == arn
        assert require_role(plane, connection, "r", SAGEMAKER) == arn
        for role, service, code, words in (
            (
                arn,
                GLUE,
                "InvalidInputException",
                f"Role {arn} should be given assume role permissions for Glue",
            ),
            (
                "none",
                GLUE,
                "InvalidInputException",
                "Role arn:aws:iam::000000000000:role/none should be given",
            ),
            (
                arn + "x",
                SAGEMAKER,
                "ValidationException",
                f"Could not assume role {arn}x. Please ensure that the role exists and allows principal "
                "'sagemaker.amazonaws.com' to assume the role.",
            ),
            (
                "arn:aws:iam::123456789012:role/r",
                SAGEMAKER,
                "AccessDeniedException",
                "Cross-account pass role",
            ),
            ("arn:nonsense", SAGEMAKER, "ValidationException", "Could not assume role arn:nonsense."),
        ):
            with pytest.raises(ServiceError) as caught:
                require_role(plane, connection, role, service)
            assert caught.value.code == code
            assert words in caught.value.message


def test_the_first_start_makes_a_role_that_both_services_take(plane: Plane) -> None:
    arn = ensure_default_role(plane)
    assert ensure_default_role(plane) == arn == "arn:aws:iam::000000000000:role/SkewlessExecutionRole"
    with plane.store.begin() as connection:
        assert {require_role(plane, connection, arn, service) for service in (SAGEMAKER, GLUE)} == {arn}
    name = arn.rpartition("/")[2]
    iam(plane, "UpdateAssumeRolePolicy", RoleName=name, PolicyDocument=TRUST)
    ensure_default_role(plane)
    assert unquote(iam(plane, "GetRole", RoleName=name)["Role"]["AssumeRolePolicyDocument"]) == TRUST


def test_who_asks(plane: Plane) -> None:
    answer = call(plane, "sts", "GetCallerIdentity")
    assert answer == {
        "Account": "000000000000",
        "Arn": "arn:aws:iam::000000000000:user/skewless",
        "UserId": "AIDASKEWLESS000000000",
    }
    assert len(answer["UserId"]) == 21
