"""S3 as an ASGI app behind the front, which has verified the signature and checks the body as it streams through.

A request's operation is found by the service's model; its handler works in a thread, in bounded memory.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO, Final, TypeVar

from skewless.aws.http import Head
from skewless.aws.model import OperationShape
from skewless.aws.s3 import xmltext
from skewless.aws.s3.intake import Intake
from skewless.aws.s3.objects import check_members, check_owner
from skewless.aws.s3.operations import HANDLERS, RECEIVERS, Handler, Receiver
from skewless.aws.s3.refusal import S3Refused, refusal_of
from skewless.aws.s3.reply import Asked, Reply, Slice, Storage, Uploaded
from skewless.aws.s3.routes import Place, members_of, operation_of, place_of
from skewless.aws.s3.transport import CHUNK, PATIENCE, Gone, Out, Receive, Scope, Send, piece
from skewless.blobs.errors import BlobError
from skewless.blobs.folders import Folders, failure

log = logging.getLogger(__name__)

T = TypeVar("T")

KEY: Final = "skewless"
"""Where the front says what it verified."""
LONGEST_DOCUMENT: Final = 4 << 20
"""Bytes of XML; a thousand of the longest keys fit in."""
THREADS: Final = 16


class S3App:
    """The embedded S3. Closing ends its threads."""

    def __init__(self, folder: Path, region: str, *, patience: float = PATIENCE) -> None:
        """``folder`` holds a folder for each bucket; what a killed gateway left unfinished there is dropped."""
        folder.mkdir(parents=True, exist_ok=True)
        self._storage = Storage(Folders(folder), region)
        self._storage.folders.sweep()
        self._patience = patience
        self._threads = ThreadPoolExecutor(THREADS, "s3")

    def close(self) -> None:
        """Wait for what runs and end the threads."""
        self._threads.shutdown()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, whose signature holds."""
        head: Head = scope[KEY].head
        out = Out(send, head, scope[KEY].request_id, self._patience)
        place: Place | None = None
        try:
            place = place_of(head)
            operation = operation_of(head, place)
            reply = await self._reply(operation, head, place, scope, receive)
            await self._answer(operation, reply, out)
        except Gone:
            return
        except S3Refused as error:
            await out.refuse(error)
        except BlobError as error:
            await out.refuse(refusal_of(error, *_names(place)))
        except OSError as error:
            log.warning("request %s: %s", out.request_id, error)
            await out.refuse(refusal_of(failure(error, *_names(place)), *_names(place)))

    async def _reply(
        self, operation: OperationShape, head: Head, place: Place, scope: Scope, receive: Receive
    ) -> Reply:
        receiver, handler = RECEIVERS.get(operation.name), HANDLERS.get(operation.name)
        if receiver is None and handler is None:
            raise S3Refused(
                "NotImplemented", f"{operation.name} is not among the operations that Skewless has"
            )
        payload = operation.input.payload if operation.input is not None else None
        has_document = receiver is None and payload is not None
        document = await self._document(receive) if has_document else b""
        asked = Asked(members_of(head, place, operation, document), head.headers)
        check_members(asked.members)
        if receiver is not None:
            return await self._receive(receiver, asked, scope, receive)
        assert handler is not None
        needs_bucket = operation.name not in ("CreateBucket", "ListBuckets")
        return await self._run(self._handle, handler, asked, needs_bucket)

    def _handle(self, handler: Handler, asked: Asked, needs_bucket: bool) -> Reply:
        """All of a small request in one go: changing threads takes longer than most handlers."""
        if needs_bucket:
            self._check_bucket(asked)
        reply = handler(self._storage, asked)
        if reply.body is None or reply.body.length > CHUNK:
            return reply
        with reply.body.file as file:
            content = _read(file, reply.body.start, reply.body.length)
        if len(content) < reply.body.length:
            raise S3Refused("InternalError", "The object became shorter while it was read. Try again.")
        return replace(reply, body=None, content=content)

    def _check_bucket(self, asked: Asked) -> None:
        self._storage.folders.bucket(asked.bucket)
        check_owner(asked.members)

    async def _receive(self, receiver: Receiver, asked: Asked, scope: Scope, receive: Receive) -> Reply:
        new_file = self._storage.folders.new_file()

        def begin() -> BinaryIO:
            self._check_bucket(asked)
            receiver.check(self._storage, asked)
            return new_file.__enter__()

        def end() -> None:
            new_file.__exit__(None, None, None)

        file = await self._run(begin)
        try:
            intake = Intake(file, asked.headers)
            rest = await self._stream(intake, receive)
        except BaseException:
            await self._run(end)
            raise

        def finish() -> Reply:
            try:
                intake.feed(rest)
                taken = intake.finish(scope[KEY].trailers)
                return receiver.store(self._storage, asked, Uploaded(file, taken))
            finally:
                end()

        return await self._run(finish)

    async def _stream(self, intake: Intake, receive: Receive) -> bytes:
        """Take the body in chunks; the rest that is less than one."""
        pending = bytearray()
        while True:
            data, more = await piece(receive, self._patience)
            pending += data
            if not more:
                return bytes(pending)
            if len(pending) >= CHUNK:
                await self._run(intake.feed, bytes(pending))
                pending.clear()

    async def _document(self, receive: Receive) -> bytes:
        body = bytearray()
        while True:
            data, more = await piece(receive, self._patience)
            body += data
            if len(body) > LONGEST_DOCUMENT:
                raise S3Refused(
                    "EntityTooLarge", f"A document of this request has up to {LONGEST_DOCUMENT} bytes"
                )
            if not more:
                return bytes(body)

    async def _answer(self, operation: OperationShape, reply: Reply, out: Out) -> None:
        if reply.body is not None:
            try:
                await self._send_slice(reply, reply.body, out)
            finally:
                await self._run(reply.body.file.close)
            return
        if reply.content is not None:
            headers: dict[str, str] = {}
            body = reply.content
        else:
            headers, body = xmltext.answer(operation, reply.members)
        await out.whole(reply.status, {**headers, **reply.headers}, body)

    async def _send_slice(self, reply: Reply, body: Slice, out: Out) -> None:
        left = body.length
        data = await self._run(_read, body.file, body.start, min(CHUNK, left))
        await out.start(reply.status, reply.headers)
        while True:
            left -= len(data)
            if left and not data:
                raise ConnectionAbortedError(f"{body.file.name} became shorter while it was sent")
            await out.piece(data, more=left > 0)
            if not left:
                return
            data = await self._run(_read, body.file, None, min(CHUNK, left))

    async def _run(self, call: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, call, *arguments)


def _read(file: BinaryIO, start: int | None, length: int) -> bytes:
    if start is not None:
        file.seek(start)
    return file.read(length)


def _names(place: Place | None) -> tuple[str, str]:
    return (place.bucket, place.key) if place is not None else ("", "")
