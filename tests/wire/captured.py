"""Requests as real clients make and sign them, caught just before they would leave."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from skewless.aws.http import Head
from tests.fronts import ACCESS_KEY, REGION, SECRET


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
