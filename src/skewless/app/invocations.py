"""InvokeEndpoint: from a verified request to an instance's answer, with its metrics, and errors as clients know them.

Wire facts: SageMaker Runtime's InvokeEndpoint (headers, ModelError's members and texts).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Coroutine, Mapping
from difflib import get_close_matches
from functools import lru_cache
from time import perf_counter_ns
from typing import Any, Final

from skewless.app.meters import Meters
from skewless.aws.http import Answer
from skewless.aws.invoke import REQUEST_ID, Invocation, Tell
from skewless.control import deployments
from skewless.control.plane import Plane
from skewless.supervisor.endpoints import Endpoints, Invoked, Lost, WrongContainer
from skewless.supervisor.fleet import NoInstance, UnknownTarget
from skewless.supervisor.hop import HopError

_PATH: Final = re.compile(rb"/endpoints/([a-zA-Z0-9](?:-*[a-zA-Z0-9]){0,62})/invocations")
_VARIANT: Final = "x-amzn-sagemaker-target-variant"
_TARGET: Final = "x-amzn-sagemaker-target-container-hostname"
_FORWARDED: Final = (
    "content-type",
    "accept",
    "x-amzn-sagemaker-custom-attributes",
    "x-amzn-sagemaker-inference-id",
    _TARGET,
    "traceparent",
    "tracestate",
)
_RETURNED: Final = (b"x-amzn-sagemaker-custom-attributes", b"x-skewless-skipped", b"x-skewless-skipped-rows")
_REFUSED: Final = {
    "x-amzn-sagemaker-target-model": "TargetModel: the endpoint has no multi-model container",
    "x-amzn-sagemaker-session-id": "SessionId: stateful sessions are not supported",
    "x-amzn-sagemaker-enable-explanations": "EnableExplanations: the endpoint has no explainer",
    "x-amzn-sagemaker-inference-component": "InferenceComponentName: there are no inference components",
}


class Invocations:
    """The runtime's one operation."""

    def __init__(self, plane: Plane, endpoints: Endpoints) -> None:
        self.plane = plane
        self.endpoints = endpoints
        self.meters = Meters(plane.metrics)
        self._tasks: set[asyncio.Task[Answer]] = set()

    def begin(self, asked: Invocation, body: bytes, tell: Tell) -> None:
        """As calling it, for whom the answer is told; a task is made only where more than that is waited for."""
        started = perf_counter_ns()
        headers = asked.head.headers
        name = _endpoint(asked.head.path)

        def told(outcome: Invoked | Exception) -> None:
            assert name is not None
            if isinstance(outcome, HopError):
                self._begin_task(self(asked, body, started, lost=outcome.sent), tell)
                return
            try:
                answer = self._outcome(name, outcome, started, len(body))
            except Exception as error:
                tell(error)
            else:
                tell(answer)

        offered = (
            name is not None
            and _REFUSED.keys().isdisjoint(headers)
            and self.endpoints.offer(
                name, headers.get(_VARIANT), _given(asked), body, headers.get(_TARGET), told
            )
        )
        if not offered:
            self._begin_task(self(asked, body, started), tell)

    async def __call__(
        self, asked: Invocation, body: bytes, started: int | None = None, lost: int = 0
    ) -> Answer:
        """Have an instance answer a request whose signature holds, and say how that went as the runtime does.

        ``started``: since when it is counted; ``lost``: how often an instance has gone away with it before.
        """
        started = started or perf_counter_ns()
        path, headers = asked.head.path, asked.head.headers
        name = _endpoint(path)
        if name is None:
            return _refusal(
                "ValidationError", f"{path.decode('latin-1')[:200]} is no invocation of an endpoint"
            )
        for header, why in _REFUSED.items():
            if header in headers:
                return _refusal("ValidationError", f"{why}. Leave the parameter out.")
        try:
            wanted, target = headers.get(_VARIANT), headers.get(_TARGET)
            given = _given(asked)
            invoked = await self.endpoints.invoke(name, wanted, given, body, target, lost=lost)
        except WrongContainer as error:
            return _refusal("ValidationError", str(error))
        except UnknownTarget as error:
            hint = await asyncio.to_thread(self._hint, name)
            return _refusal("ValidationError", f"{str(error).rstrip('.')}. {hint}")
        except NoInstance as error:
            return _refusal("ServiceUnavailable", f"Endpoint {name}: {error}", 503)
        except Lost as error:
            return self._outcome(name, error, started, len(body))
        return self._outcome(name, invoked, started, len(body))

    def _begin_task(self, answering: Coroutine[Any, Any, Answer], tell: Tell) -> None:
        def over(task: asyncio.Task[Answer]) -> None:
            self._tasks.discard(task)
            if not task.cancelled():
                error = task.exception()
                tell(task.result() if error is None else error)

        task = asyncio.get_running_loop().create_task(answering)
        self._tasks.add(task)
        task.add_done_callback(over)

    def _outcome(self, name: str, outcome: Invoked | Exception, started: int, size: int) -> Answer:
        """The answer to whom it was asked by, counted."""
        if isinstance(outcome, Lost):
            return self._lost(name, outcome)
        if isinstance(outcome, Exception):
            raise outcome
        answer = self._answer(name, outcome)
        self.meters.count(name, outcome, perf_counter_ns() - started, size)
        return answer

    def _hint(self, name: str) -> str:
        """What there is in place of the endpoint, or of its variant, that was asked for."""
        there = {endpoint.name: endpoint for endpoint in deployments.endpoints(self.plane)}
        found = there.get(name)
        if found is None:
            near = get_close_matches(name, there, n=1)
            return f"Is it {near[0]}?" if near else "ListEndpoints tells those that there are."
        if found.status == "InService":
            return f"Its variants are {', '.join(one['VariantName'] for one in found.serving or ())}."
        return f"It is {found.status}, and not InService; DescribeEndpoint says more."

    def _answer(self, name: str, invoked: Invoked) -> Answer:
        reply = invoked.reply
        if not 200 <= reply.status < 300:
            told = {key.decode("latin-1"): value.decode("latin-1") for key, value in reply.headers.items()}
            return self._refused(name, invoked, told)
        kind = reply.headers.get(b"content-type", b"application/octet-stream").decode("latin-1")
        headers = {"content-type": kind, "x-amzn-invoked-production-variant": invoked.variant}
        for key in _RETURNED:
            if key in reply.headers:
                headers[key.decode()] = reply.headers[key].decode("latin-1")
        return Answer(200, reply.body, headers)

    def _refused(self, name: str, invoked: Invoked, told: Mapping[str, str]) -> Answer:
        """What a container refused, or the instance for it."""
        container = told.get("x-skewless-container", invoked.containers[0])
        status = int(told.get("x-skewless-status", invoked.reply.status))
        body = invoked.reply.body
        message = body.decode(errors="replace")
        if "x-skewless-whole-message" in told:
            # The container did answer: what is over a limit is the answer.
            return self._model_error(name, 200, message, message.rstrip(), client=True)
        said = f'with message "{message.rstrip()}"'
        if not _is_text(body):
            said = "and could not load the entire response body"
        return self._received(name, status, container, message, said)

    def _lost(self, name: str, error: Lost) -> Answer:
        self.meters.lost(name, error.variant)
        message = f"The process of the containers ended while it had the request: {error}."
        if error.timed_out:
            message = (
                f"Your invocation timed out while waiting for a response from container {error.container}. Review the "
                "latency metrics for each container in Amazon CloudWatch, resolve the issue, and try again."
            )
        return self._received(name, 0, error.container, message, f'with message "{message}"')

    def _received(self, endpoint: str, status: int, container: str, message: str, said: str) -> Answer:
        client = 400 <= status < 500 and status != 424
        text = f"Received {'client' if client else 'server'} error ({status}) from {container} {said}."
        return self._model_error(endpoint, status, message, text, client=client)

    def _model_error(self, endpoint: str, status: int, message: str, text: str, *, client: bool) -> Answer:
        group = f"/aws/sagemaker/Endpoints/{endpoint}"
        account = self.plane.names.account
        members = {
            "ErrorCode": "CLIENT_ERROR_FROM_MODEL" if client else "INTERNAL_FAILURE_FROM_MODEL",
            "LogStreamArn": self.plane.names.log_group(group),
            "Message": f"{text} See log group {group} in account {account} for more information.",
            "OriginalMessage": message,
            "OriginalStatusCode": status,
        }
        return _error("ModelError", 424, members)


@lru_cache(maxsize=1024)
def _endpoint(path: bytes) -> str | None:
    """The name of the endpoint that a path invokes."""
    found = _PATH.fullmatch(path)
    return found[1].decode() if found else None


def _given(asked: Invocation) -> list[tuple[str, str]]:
    """The headers that the instance gets."""
    headers = asked.head.headers
    given = [(key, headers[key]) for key in _FORWARDED if key in headers]
    given.append((REQUEST_ID, asked.request_id))
    return given


def _is_text(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refusal(code: str, message: str, status: int = 400) -> Answer:
    return _error(code, status, {"Message": message, "message": message})


def _error(code: str, status: int, members: Mapping[str, object]) -> Answer:
    body = json.dumps(members, ensure_ascii=False).encode()
    return Answer(status, body, {"content-type": "application/json", "x-amzn-errortype": code})
