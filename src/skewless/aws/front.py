"""The front: every request's way from bytes to an operation and back.

A request goes through these steps, in this order:

1. its head: which protocol it speaks, and what it says of its signature (before any byte of the body is read)
2. S3's signature, then its own app, which gets the body as it streams in, checked on the way
3. the body of any other, bounded in bytes and in seconds
4. the signature, which covers that body
5. InvokeEndpoint's own way
6. `Dispatcher`, in a thread: service, operation, members, validation, the operation itself, its answer
7. whatever was refused on the way, as the protocol tells errors

An InvokeEndpoint with nothing unusual about it need not come as ASGI messages: see `skewless.aws.shortcut`.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from skewless.aws.chunks import body_of
from skewless.aws.closing import closing, internal_failure
from skewless.aws.dispatch import Call, Dispatcher
from skewless.aws.http import Answer, Head
from skewless.aws.invoke import REQUEST_ID, Invocation, Invoke, request_id
from skewless.aws.protocols import RUNTIME, Dialect, dialect_of
from skewless.aws.protocols.rest_json import require_invocation
from skewless.aws.refusal import Refusal, Refused
from skewless.aws.shortcut import Shortcut
from skewless.aws.signature import SignatureRefused, Signed, Verifier
from skewless.aws.signature_errors import refusal_of_signature
from skewless.control.plane import Plane

log = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

MOST_BYTES: Final = 16 << 20
"""The longest body of a control call or an invocation."""
PATIENCE: Final = 60.0
"""Seconds that such a body may take to come; of an object's body, seconds without a byte."""
THREADS: Final = 8
LONG: Final = 128 << 10
"""Bytes of a body that is summed up in a thread, so that nobody waits for it."""
KEY: Final = "skewless"
"""Where an app finds `Verified` in its scope."""


@dataclass(slots=True)
class Verified:
    """What the front tells the app of S3, as ``scope["skewless"]``."""

    head: Head
    signed: Signed
    request_id: str
    trailers: dict[str, str] = field(default_factory=dict)
    """What came after an S3 body in chunks, once that has been received."""


class Front:
    """The wire as an ASGI app. Closing ends its threads."""

    def __init__(
        self,
        plane: Plane,
        verifier: Verifier,
        *,
        s3: App,
        invoke: Invoke,
        most_bytes: int = MOST_BYTES,
        patience: float = PATIENCE,
    ) -> None:
        """``s3`` and ``invoke`` get requests whose signature holds; ``receive`` gives S3 the object's bytes."""
        self.shortcut = Shortcut(verifier, invoke)
        self._dispatcher = Dispatcher(plane)
        self._verifier = verifier
        self._s3 = s3
        self._invoke = invoke
        self._most_bytes = most_bytes
        self._patience = patience
        self._threads = ThreadPoolExecutor(THREADS, "control")

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._threads.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            raise TypeError(f"the front answers HTTP, not {scope['type']}")
        head = Head.of(scope["method"], scope["raw_path"], scope["query_string"], scope["headers"])
        reply = Reply(send, request_id(), head)
        dialect = dialect_of(head)
        try:
            await self._answer(scope, receive, reply, head, dialect)
        except SignatureRefused as error:
            await reply.refuse(refusal_of_signature(error, dialect.family), dialect)
        except Refused as error:
            await reply.refuse(Refusal(error.code, error.code, error.message, error.status), dialect)
        except Disconnected:
            pass
        except Exception:
            log.exception("request %s: %s %s", reply.request_id, head.method, head.path.decode("latin-1"))
            if reply.begun:
                raise  # the server then closes the connection, which tells the client that there is no more
            await reply.refuse(internal_failure(reply.request_id), dialect)

    async def _answer(
        self, scope: Scope, receive: Receive, reply: Reply, head: Head, dialect: Dialect
    ) -> None:
        claim = self._verifier.claim(head)
        if claim.service == "s3":
            signed = self._verifier.check(head, claim, None)
            verified = Verified(head, signed, reply.request_id)
            await self._s3({**scope, KEY: verified}, checked(receive, verified, self._patience), reply)
            return
        body = await self._body(receive, head)
        total = await asyncio.to_thread(_sum_of, body) if len(body) > LONG else _sum_of(body)
        self._verifier.check(head, claim, total)
        if dialect is RUNTIME and claim.service == "sagemaker":
            require_invocation(head)
            await reply.send(await self._invoke(Invocation(head, reply.request_id), body))
            return
        call = Call(head, body, claim.service, dialect, reply.request_id)
        answer = await asyncio.get_running_loop().run_in_executor(
            self._threads, self._dispatcher.answer, call
        )
        await reply.send(answer)

    async def _body(self, receive: Receive, head: Head) -> bytes:
        said = head.headers.get("content-length", "0")
        if said.isdecimal() and int(said) > self._most_bytes:
            raise self._too_long()
        try:
            async with asyncio.timeout(self._patience):
                return await self._whole(receive)
        except TimeoutError:
            raise Refused(
                "RequestTimeout", f"The body did not come within {self._patience:g} seconds", status=408
            ) from None

    async def _whole(self, receive: Receive) -> bytes:
        parts, length = [], 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Disconnected
            parts.append(message.get("body", b""))
            length += len(parts[-1])
            if length > self._most_bytes:
                raise self._too_long()
            if not message.get("more_body", False):
                return b"".join(parts)

    def _too_long(self) -> Refused:
        text = f"Request entity too large: this service takes up to {self._most_bytes} bytes"
        return Refused("RequestEntityTooLargeException", text, status=413)


class Disconnected(Exception):
    """The client is gone; nobody reads an answer."""


class Reply:
    """Where the answer of one request goes: each gets the request's id."""

    def __init__(self, send: Send, request_id: str, head: Head) -> None:
        self._send = send
        self._head = head
        self.request_id = request_id
        self.begun = False

    async def __call__(self, message: Message) -> None:
        """ASGI's ``send`` for the apps."""
        if message["type"] == "http.response.start":
            self.begun = True
            message["headers"] = [
                *message.get("headers", ()),
                (REQUEST_ID.encode(), self.request_id.encode()),
            ]
        await self._send(message)

    async def send(self, answer: Answer) -> None:
        """A whole answer."""
        headers = [
            (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()
        ]
        headers.append((b"content-length", str(len(answer.body)).encode()))
        await self({"type": "http.response.start", "status": answer.status, "headers": headers})
        body = b"" if self._head.method == "HEAD" else answer.body
        await self({"type": "http.response.body", "body": body})

    async def refuse(self, refusal: Refusal, dialect: Dialect) -> None:
        """A refusal, unless an answer has begun. The body may be unread, so the connection ends with it."""
        if self.begun:
            raise ConnectionAbortedError(
                f"request {self.request_id} was refused while answered: {refusal.message}"
            )
        await self.send(closing(refusal, dialect, self.request_id))


def checked(receive: Receive, verified: Verified, patience: float) -> Receive:
    """A ``receive`` that gives the object's bytes.

    It raises SignatureRefused instead of the end of a wrong body, and Refused after ``patience`` seconds of nothing.
    """
    body = body_of(verified.head, verified.signed)

    async def receive_checked() -> Message:
        try:
            async with asyncio.timeout(patience):
                message = await receive()
        except TimeoutError:
            raise Refused("RequestTimeout", f"Nothing of the body came for {patience:g} seconds") from None
        if message["type"] != "http.request":
            return message
        data, more = body.feed(message.get("body", b"")), message.get("more_body", False)
        if not more:
            body.close()
            verified.trailers.update(body.trailers)
        return {"type": "http.request", "body": data, "more_body": more}

    return receive_checked


def _sum_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()
