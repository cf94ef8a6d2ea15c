"""Roles by boto3 and by the AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from skewless.control.plane import Plane
from tests.fronts import client, environment, front
from tests.planes import plane as make_plane

AWS = Path(sys.executable).with_name("aws")
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}
POLICY = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
ODD = "a+b%20c & d=é"
"""What an encoding that is done once too often, or not at all, would change."""


@pytest.fixture
def plane(tmp_path: Path) -> Iterator[Plane]:
    with make_plane(tmp_path) as plane:
        yield plane


@pytest.fixture
def url(plane: Plane) -> Iterator[str]:
    with front(plane) as url:
        yield url


def aws(url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The real CLI, without anything of the user's."""
    environ = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "AWS_PAGER": "", **environment(url)}
    return subprocess.run(
        [str(AWS), *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
    )


def test_a_role_from_its_making_to_its_end(url: str) -> None:
    iam: Any = client("iam", url)
    trust = TRUST | {"Id": ODD}
    made = iam.create_role(
        RoleName="cars",
        AssumeRolePolicyDocument=json.dumps(trust),
        Description="for cars",
        Tags=[{"Key": "team", "Value": "x"}],
    )["Role"]
    found = iam.get_role(RoleName="cars")["Role"]
    assert found["AssumeRolePolicyDocument"] == made["AssumeRolePolicyDocument"] == trust
    assert found["CreateDate"].tzinfo is not None
    assert (found["Description"], found["MaxSessionDuration"]) == ("for cars", 3600)
    assert iam.list_roles()["Roles"][0]["AssumeRolePolicyDocument"] == trust
    policy = POLICY | {"Id": ODD}
    iam.put_role_policy(RoleName="cars", PolicyName="p", PolicyDocument=json.dumps(policy))
    assert iam.get_role_policy(RoleName="cars", PolicyName="p")["PolicyDocument"] == policy
    arn = "arn:aws:iam::aws:policy/AmazonSageMakerFullAccess"
    iam.attach_role_policy(RoleName="cars", PolicyArn=arn)
    attached = iam.list_attached_role_policies(RoleName="cars")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonSageMakerFullAccess", "PolicyArn": arn}]
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_role(RoleName="cars")
    iam.detach_role_policy(RoleName="cars", PolicyArn=arn)
    iam.delete_role_policy(RoleName="cars", PolicyName="p")
    iam.delete_role(RoleName="cars")
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="The role with name cars cannot be found"):
        iam.get_role(RoleName="cars")


def test_refusals_that_clients_match_on(url: str) -> None:
    iam: Any = client("iam", url)
    iam.create_role(RoleName="cars", AssumeRolePolicyDocument=json.dumps(TRUST))
    with pytest.raises(
        iam.exceptions.EntityAlreadyExistsException, match="Role with name cars already exists"
    ):
        iam.create_role(RoleName="cars", AssumeRolePolicyDocument=json.dumps(TRUST))
    bad = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"}]}
    with pytest.raises(
        iam.exceptions.MalformedPolicyDocumentException, match="Missing required field Principal"
    ):
        iam.create_role(RoleName="other", AssumeRolePolicyDocument=json.dumps(bad))
    with pytest.raises(ClientError) as caught:
        iam.create_role(RoleName="no blanks", AssumeRolePolicyDocument=json.dumps(TRUST))
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    with pytest.raises(ClientError) as caught:
        iam.list_roles(Marker="by-hand")
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_paginators(url: str) -> None:
    iam: Any = client("iam", url)
    names = [f"r{number:02}" for number in range(12)]
    for name in names:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
    pages = list(iam.get_paginator("list_roles").paginate(PaginationConfig={"PageSize": 5}))
    assert [len(page["Roles"]) for page in pages] == [5, 5, 2]
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == names
    iam.tag_role(RoleName="r00", Tags=[{"Key": f"k{number}", "Value": "a+b/c é="} for number in range(3)])
    tags = iam.get_paginator("list_role_tags").paginate(RoleName="r00", PaginationConfig={"PageSize": 2})
    assert [tag for page in tags for tag in page["Tags"]] == [
        {"Key": f"k{n}", "Value": "a+b/c é="} for n in range(3)
    ]
    arn = iam.get_role(RoleName="r00")["Role"]["Arn"]
    asked = iam.get_paginator("simulate_principal_policy").paginate(
        PolicySourceArn=arn, ActionNames=["s3:GetObject", "sagemaker:CreateModel"]
    )
    decisions = [one["EvalDecision"] for page in asked for one in page["EvaluationResults"]]
    assert decisions == ["allowed", "allowed"]


def test_the_cli(url: str) -> None:
    document = json.dumps(TRUST)
    made = aws(url, "iam", "create-role", "--role-name", "c", "--assume-role-policy-document", document)
    assert json.loads(made.stdout)["Role"]["AssumeRolePolicyDocument"] == TRUST, made.stderr
    again = aws(url, "iam", "create-role", "--role-name", "c", "--assume-role-policy-document", document)
    assert again.returncode != 0
    assert (
        "(EntityAlreadyExists) when calling the CreateRole operation: Role with name c already"
        in again.stderr
    )
    who = aws(url, "sts", "get-caller-identity", "--query", "Account", "--output", "text")
    assert who.stdout == "000000000000\n", who.stderr
