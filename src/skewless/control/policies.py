"""Policy documents: whether IAM would take them, and which services a trust policy lets take on a role.

What a policy allows is not enforced anywhere: whoever has the installation's keys may do everything. Trust is: a role
that is given to a job or a model must name the service. A trust policy's ``Condition`` is kept and counts as met.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from skewless.control.errors import ServiceError

VERSIONS: Final = ("2008-10-17", "2012-10-17")


def check_trust(document: str) -> None:
    """Refuse, in IAM's words, a trust policy that it would not take."""
    for statement in _statements(document, "This policy contains invalid Json"):
        if "Resource" in statement or "NotResource" in statement:
            raise malformed("Has prohibited field Resource")
        if "NotPrincipal" in statement or "NotAction" in statement:
            raise malformed(
                "NotPrincipal and NotAction are not supported in trust policies; name who may and what."
            )
        if "Principal" not in statement:
            raise malformed("Missing required field Principal")
        if not _principals_are_lists(statement["Principal"]):
            raise malformed(
                'Invalid principal in policy: it must be "*", or an object such as {"Service": …}'
            )
        if not statement.get("Action"):
            raise malformed("Missing required field Action")
        if not all(action.lower().startswith("sts:") for action in _texts(statement["Action"], "Action")):
            raise malformed("AssumeRole policy may only specify STS AssumeRole actions.")


def check_policy(document: str) -> None:
    """Refuse, in IAM's words, a permission policy that it would not take."""
    for statement in _statements(document, "Syntax errors in policy."):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise malformed("Policy document should not specify a principal.")
        actions = statement.get("Action") or statement.get("NotAction")
        if not actions:
            raise malformed("Policy statement must contain actions.")
        resources = statement.get("Resource") or statement.get("NotResource")
        if not resources:
            raise malformed("Policy statement must contain resources.")
        if not all(action == "*" or ":" in action for action in _texts(actions, "Action")):
            raise malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
        if not all(one == "*" or one.startswith("arn:") for one in _texts(resources, "Resource")):
            raise malformed('Resource must be in ARN format or "*".')


def trusts(document: str, service: str) -> bool:
    """Whether a checked trust policy lets this service (``glue.amazonaws.com``) take on its role."""
    allowed = False
    for statement in _statements(document, ""):
        if _covers(statement, service):
            if statement["Effect"] == "Deny" and "Condition" not in statement:
                return False
            allowed = allowed or statement["Effect"] == "Allow"
    return allowed


def malformed(message: str) -> ServiceError:
    """IAM's refusal of a document."""
    return ServiceError("MalformedPolicyDocument", message)


def _covers(statement: Mapping[str, Any], service: str) -> bool:
    principal = statement["Principal"]
    services = ["*"] if principal == "*" else _texts(principal.get("Service", []), "Principal")
    actions = {action.lower() for action in _texts(statement["Action"], "Action")}
    return bool({"*", service} & set(services)) and bool({"sts:*", "sts:assumerole"} & actions)


def _statements(document: str, no_json: str) -> list[dict[str, Any]]:
    try:
        policy = json.loads(document, object_pairs_hook=_no_duplicates)
    except (ValueError, RecursionError):  # the latter where it nests too deep
        raise malformed(no_json) from None
    if not isinstance(policy, dict):
        raise malformed(no_json)
    if policy.get("Version", VERSIONS[0]) not in VERSIONS:
        raise malformed("The policy's Version must be 2012-10-17 or 2008-10-17.")
    found = policy.get("Statement")
    statements: list[Any] = found if isinstance(found, list) else [found]
    if not statements or not all(isinstance(statement, dict) and statement for statement in statements):
        raise malformed("Missing required field Statement")
    for statement in statements:
        if statement.get("Effect") not in ("Allow", "Deny"):
            raise malformed("Missing required field Effect: Allow or Deny")
    return statements


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """JSON leaves open which of two equal names counts; a policy must not."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice in one object")
    return found


def _principals_are_lists(principal: Any) -> bool:
    if principal == "*":
        return True
    return (
        isinstance(principal, dict)
        and bool(principal)
        and principal.keys() <= {"AWS", "Service", "Federated", "CanonicalUser"}
        and all(_texts(names, "Principal") for names in principal.values())
    )


def _texts(value: Any, member: str) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    if not all(isinstance(text, str) and text for text in texts):
        raise malformed(f"{member} must be a text, or a list of texts.")
    return texts
