"""JSON with paths and headers: SageMaker's runtime. InvokeEndpoint itself has an app of its own."""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from skewless.aws.http import Answer, Head
from skewless.aws.model import Service, service
from skewless.aws.protocols.aws_json import encode
from skewless.aws.refusal import Refusal, Refused

INVOKE: Final = re.compile(rb"/endpoints/[^/]+/invocations")


class RestJson:
    """The errors of rest-json."""

    def refuse(self, refusal: Refusal, service: Service | None, request_id: str) -> Answer:
        """An error: its name in a header, its text in the body."""
        headers = {"content-type": "application/json", "x-amzn-errortype": refusal.shape}
        return Answer(refusal.status, encode({"message": refusal.message}), headers)


def is_invocation(head: Head) -> bool:
    """Whether it asks for InvokeEndpoint."""
    return head.method == "POST" and INVOKE.fullmatch(head.path) is not None


def require_invocation(head: Head) -> None:
    """Refuse all but InvokeEndpoint, by name where the model has one."""
    if is_invocation(head):
        return
    runtime = service("sagemaker-runtime")
    path = head.path.decode("latin-1")
    for name, method, pattern in _routes(runtime):
        if method == head.method and pattern.fullmatch(path):
            text = f"Skewless does not have {name} of {runtime.full_name}. It has: InvokeEndpoint"
            raise Refused("UnsupportedOperation", text, status=501)
    raise Refused(
        "UnknownOperationException", f"{runtime.full_name} has nothing at {head.method} {path}", status=404
    )


@cache
def _routes(runtime: Service) -> list[tuple[str, str, re.Pattern[str]]]:
    operations = [runtime.operation(name) for name in sorted(runtime.operation_names)]
    return [
        (
            operation.name,
            operation.method,
            re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(operation.uri))),
        )
        for operation in operations
    ]
