"""Policy documents: what IAM takes, what it refuses in which words, and who is trusted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skewless.control.errors import ServiceError
from skewless.control.policies import check_policy, check_trust, trusts

SAGEMAKER = "sagemaker.amazonaws.com"


def trust(**changes: Any) -> str:
    """A trust policy of one statement; a member that is None is left out."""
    statement = {"Effect": "Allow", "Principal": {"Service": SAGEMAKER}, "Action": "sts:AssumeRole"} | changes
    kept = {name: value for name, value in statement.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [kept]})


def policy(**changes: Any) -> str:
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"} | changes
    kept = {name: value for name, value in statement.items() if value is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": kept})


@pytest.mark.parametrize(
    "document",
    [
        trust(),
        trust(Principal="*"),
        trust(
            Principal={"AWS": "arn:aws:iam::123456789012:root", "Service": [SAGEMAKER, "glue.amazonaws.com"]}
        ),
        trust(Action=["sts:AssumeRole", "sts:TagSession"], Sid="one", Condition={"StringEquals": {"a": "b"}}),
        json.dumps({"Statement": json.loads(trust())["Statement"][0]}),
        trust().replace("2012-10-17", "2008-10-17"),
    ],
)
def test_trust_policies_that_are_taken(document: str) -> None:
    check_trust(document)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("", "invalid Json"),
        ("{", "invalid Json"),
        ("[]", "invalid Json"),
        ("[" * 100_000, "invalid Json"),
        (trust().replace('"Effect"', '"Action": "sts:*", "Effect"'), "invalid Json"),
        (trust().replace("2012-10-17", "2013-01-01"), "Version"),
        ("{}", "Missing required field Statement"),
        ('{"Statement": []}', "Missing required field Statement"),
        ('{"Statement": ["x"]}', "Missing required field Statement"),
        (trust(Effect=None), "Missing required field Effect"),
        (trust(Effect="allow"), "Missing required field Effect"),
        (trust(Principal=None), "Missing required field Principal"),
        (trust(Principal={}), "Invalid principal"),
        (trust(Principal="me"), "Invalid principal"),
        (trust(Principal={"Servce": SAGEMAKER}), "Invalid principal"),
        (trust(Principal={"Service": [1]}), "Principal must be a text"),
        (trust(Action=None), "Missing required field Action"),
        (trust(Action="s3:GetObject"), "may only specify STS AssumeRole actions"),
        (trust(Action=[None]), "Action must be a text"),
        (trust(Resource="*"), "Has prohibited field Resource"),
        (trust(Principal=None, NotPrincipal="*"), "NotPrincipal and NotAction are not supported"),
    ],
)
def test_trust_policies_that_are_refused(document: str, words: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_trust(document)
    assert caught.value.code == "MalformedPolicyDocument"
    assert words in caught.value.message


@pytest.mark.parametrize(
    "document",
    [
        policy(),
        policy(Action=["s3:GetObject", "*"], Resource=["arn:aws:s3:::b/*"]),
        policy(Action=None, NotAction="iam:*"),
    ],
)
def test_policies_that_are_taken(document: str) -> None:
    check_policy(document)


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("nothing", "Syntax errors in policy."),
        (policy(Principal="*"), "should not specify a principal"),
        (policy(Action=None), "must contain actions"),
        (policy(Resource=None), "must contain resources"),
        (policy(Action="GetObject"), "must be prefaced by a vendor"),
        (policy(Resource="bucket"), "must be in ARN format"),
        (policy(Effect="Maybe"), "Effect"),
    ],
)
def test_policies_that_are_refused(document: str, words: str) -> None:
    with pytest.raises(ServiceError) as caught:
        check_policy(document)
    assert caught.value.code == "MalformedPolicyDocument"
    assert words in caught.value.message


@pytest.mark.parametrize(
    ("document", "trusted"),
    [
        (trust(), True),
        (trust(Principal={"Service": ["glue.amazonaws.com"]}), False),
        (trust(Principal={"AWS": "*"}), False),
        (trust(Principal="*"), True),
        (trust(Action="sts:*"), True),
        (trust(Action="STS:assumerole"), True),
        (trust(Action="sts:TagSession"), False),
        (trust(Effect="Deny"), False),
        (trust(Condition={"StringEquals": {"aws:SourceAccount": "1"}}), True),
        (
            json.dumps(
                {"Statement": [json.loads(trust(Effect=e))["Statement"][0] for e in ("Allow", "Deny")]}
            ),
            False,
        ),
    ],
)
def test_who_is_trusted(document: str, trusted: bool) -> None:
    check_trust(document)
    assert trusts(document, SAGEMAKER) is trusted
