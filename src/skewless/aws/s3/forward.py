"""Another S3 behind the front: requests go on to it, signed anew with the keys that it knows.

A body lies in a file until all of it has come and proved to be what the client signed; then it goes on.
"""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, BinaryIO, Final, TypeVar

import urllib3

from skewless.aws.http import Head
from skewless.aws.model import signed_for_s3
from skewless.aws.s3.refusal import S3Refused
from skewless.aws.s3.transport import CHUNK, PATIENCE, Gone, Out, Receive, Scope, Send, has_body, piece

log = logging.getLogger(__name__)

T = TypeVar("T")
KEY: Final = "skewless"
"""Where the front says what it verified."""
THREADS: Final = 16
IN_MEMORY: Final = 1 << 20
"""Bytes up to which a body needs no file."""
NOT_PASSED_ON: Final = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "te",
        "transfer-encoding",
        "upgrade",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-decoded-content-length",
        "x-amz-security-token",
        "x-amz-trailer",
    }
)
"""What belongs to the connection or to the client's signature."""
NOT_PASSED_BACK: Final = frozenset({"connection", "date", "keep-alive", "server", "transfer-encoding"})
UNREACHED: Final = "The S3 at {} cannot be reached: {}. Check its URL, and that it runs"


class ForwardApp:
    """An S3 that is elsewhere. Closing ends its threads and connections."""

    def __init__(
        self, endpoint_url: str, region: str, access_key: str, secret_key: str, *, patience: float = PATIENCE
    ) -> None:
        self._endpoint_url = endpoint_url.rstrip("/")
        self._keys = (region, access_key, secret_key)
        self._patience = patience
        self._threads = ThreadPoolExecutor(THREADS, "s3-forward")
        self._pool = urllib3.connection_from_url(
            self._endpoint_url,
            maxsize=THREADS,
            block=True,
            timeout=urllib3.Timeout(total=None, connect=10, read=patience),
        )

    def close(self) -> None:
        """Wait for what runs, and end threads and connections."""
        self._threads.shutdown()
        self._pool.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, whose signature holds."""
        head: Head = scope[KEY].head
        out = Out(send, head, scope[KEY].request_id, self._patience)
        with tempfile.SpooledTemporaryFile(IN_MEMORY) as body:
            try:
                length = await self._take(head, receive, body)
                headers = passed_on(head, scope[KEY].trailers)
                answer = await self._run(self._ask, head, headers, body, length)
            except Gone:
                return
            except S3Refused as error:
                await out.refuse(error)
                return
            except urllib3.exceptions.HTTPError as error:
                log.warning("request %s: %s", out.request_id, error)
                await out.refuse(S3Refused("ServiceUnavailable", UNREACHED.format(self._endpoint_url, error)))
                return
        await self._answer(answer, out)

    async def _take(self, head: Head, receive: Receive, body: Any) -> int:
        """The whole body into a file; its length."""
        length, more = 0, has_body(head)
        while more:
            data, more = await piece(receive, self._patience)
            length += len(data)
            await self._run(body.write, data)
        body.seek(0)
        return length

    def _ask(
        self, head: Head, headers: Mapping[str, str], body: BinaryIO, length: int
    ) -> urllib3.BaseHTTPResponse:
        query = without_signature(head.query)
        target = (head.path + (b"?" + query if query else b"")).decode("latin-1")
        content = body if length else None
        signed = signed_for_s3(head.method, self._endpoint_url + target, headers, content, *self._keys)
        body.seek(0)
        if length or head.method in ("PUT", "POST"):
            signed["content-length"] = str(length)
        return self._pool.urlopen(
            head.method,
            target,
            body=content,
            headers=signed,
            redirect=False,
            retries=False,
            preload_content=False,
            decode_content=False,
        )

    async def _answer(self, answer: urllib3.BaseHTTPResponse, out: Out) -> None:
        try:
            headers = {
                name.lower(): value
                for name, value in answer.headers.items()
                if name.lower() not in NOT_PASSED_BACK
            }
            await out.start(answer.status, headers)
            while data := await self._run(answer.read, CHUNK):
                await out.piece(data, more=True)
            await out.piece(b"", more=False)
        finally:
            await self._run(answer.close)

    async def _run(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def passed_on(head: Head, trailers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a request that the other S3 gets: sums that came behind the body are among them."""
    headers = {name: text for name, text in head.headers.items() if name not in NOT_PASSED_ON}
    codings = [one.strip() for one in headers.pop("content-encoding", "").split(",")]
    coding = ", ".join(one for one in codings if one and one != "aws-chunked")
    return {**headers, **({"content-encoding": coding} if coding else {}), **trailers}


def without_signature(query: bytes) -> bytes:
    """A query without what makes it a presigned one."""
    pairs = [pair for pair in query.split(b"&") if pair and not pair.lower().startswith(SIGNATURE_NAMES)]
    return b"&".join(pairs)


SIGNATURE_NAMES: Final = (
    b"x-amz-algorithm=",
    b"x-amz-credential=",
    b"x-amz-date=",
    b"x-amz-expires=",
    b"x-amz-security-token=",
    b"x-amz-signature=",
    b"x-amz-signedheaders=",
    b"awsaccesskeyid=",
    b"expires=",
    b"signature=",
)
