"""Requests as real clients make and sign them, caught just before they would leave, and sent on as a test wants."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest, AWSResponse
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from skewless.aws.http import Head
from tests.fronts import ACCESS_KEY, REGION, SECRET

SMALL = 4096
"""The longest body that the front of these tests takes, in bytes."""


@dataclass(frozen=True)
class Sent:
    """One request on the wire."""

    method: str
    path: bytes
    query: bytes
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def head(self) -> Head:
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.headers]
        return Head.of(self.method, self.path, self.query, raw)

    def with_header(self, name: str, value: str | None) -> Sent:
        """With another value of a header, or without it."""
        kept = tuple(pair for pair in self.headers if pair[0].lower() != name.lower())
        return replace(self, headers=kept if value is None else (*kept, (name, value)))


class _Raw:
    """An answer without a body, as the client's HTTP library has it."""

    def stream(self, **_: Any) -> Any:
        return iter(())

    def read(self, *_: Any, **__: Any) -> bytes:
        return b""


def of_url(method: str, url: str, headers: tuple[tuple[str, str], ...] = (), body: bytes = b"") -> Sent:
    """A request for a URL, such as a presigned one."""
    parts = urlsplit(url)
    path = parts.path.encode("latin-1") or b"/"
    return Sent(method, path, parts.query.encode("latin-1"), (*headers, ("Host", parts.netloc)), body)


@cache
def session() -> Any:
    return boto3.session.Session(ACCESS_KEY, SECRET, region_name=REGION)


def catch(client: Any, operation: str, **params: Any) -> Sent:
    """What the client would send for a call."""
    caught: list[Sent] = []

    def before_send(request: Any, **_: Any) -> AWSResponse:
        body = request.body.read() if hasattr(request.body, "read") else request.body or b""
        text = {
            name: value.decode() if isinstance(value, bytes) else value
            for name, value in request.headers.items()
        }
        sent = of_url(
            request.method, request.url, tuple(text.items()), body.encode() if isinstance(body, str) else body
        )
        caught.append(sent)
        return AWSResponse(request.url, 500, {}, _Raw())

    client.meta.events.register("before-send.*", before_send, unique_id="catch")
    try:
        getattr(client, operation)(**params)
    except client.exceptions.ClientError:
        pass
    finally:
        client.meta.events.unregister("before-send.*", unique_id="catch")
    assert len(caught) == 1
    return caught[0]


@cache
def client(service: str, url: str = "http://127.0.0.1:4700", **config: Any) -> Any:
    """A client that checks nothing itself and tries once."""
    settings = Config(retries={"total_max_attempts": 1}, parameter_validation=False, **config)
    return session().client(service, endpoint_url=url, config=settings)


def caught(service: str, url: str, operation: str, **params: Any) -> Sent:
    return catch(client(service, url), operation, **params)


def resigned(service: str, sent: Sent, **changed: str) -> Sent:
    """The request with other headers or another body, signed again: wrong in what it says, not in who says it."""
    request = AWSRequest(sent.method, f"http://127.0.0.1{sent.path.decode()}", {}, sent.body)
    for name, value in {**dict(sent.headers), **changed}.items():
        if name.lower() not in ("authorization", "x-amz-date", "host", "content-length", "user-agent"):
            request.headers[name] = value
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), service, "us-east-1").add_auth(request)
    return of_url(sent.method, request.url, tuple(request.headers.items()), sent.body)


def send(url: str, sent: Sent) -> httpx.Response:
    """The request as it is; the URL's host is where it goes, whatever its Host says."""
    target = url + sent.path.decode("latin-1") + (f"?{sent.query.decode('latin-1')}" if sent.query else "")
    chunked = ("Transfer-Encoding", "chunked") in sent.headers
    content = iter([sent.body]) if chunked else sent.body
    headers = [pair for pair in sent.headers if pair[0] != "Transfer-Encoding"]
    return httpx.request(sent.method, target, headers=headers, content=content, timeout=30)


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    answer = error.value.response
    assert answer["ResponseMetadata"]["RequestId"]
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]
