"""Objects: get, head, put, copy and delete."""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from email.utils import formatdate
from typing import Any, BinaryIO, Final
from urllib.parse import unquote

from skewless.aws.s3.conditions import check_read, check_write
from skewless.aws.s3.intake import PREFIX
from skewless.aws.s3.refusal import S3Refused, invalid, refusal_of
from skewless.aws.s3.reply import Asked, Reply, Slice, Storage, Uploaded
from skewless.blobs.errors import BlobError
from skewless.blobs.notes import Found, Note
from skewless.names import ACCOUNT, bucket_and_key

KEPT: Final = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
META: Final = "x-amz-meta-"
MOST_META: Final = 2048
"""Bytes of all user metadata of an object, as in S3."""
DEFAULT_TYPE: Final = "binary/octet-stream"
RANGE: Final = re.compile(r"bytes=(\d*)-(\d*)")
CHUNK: Final = 1 << 20
CUSTOMER_KEYS: Final = ("SSECustomerKey", "CopySourceSSECustomerKey")


def check_owner(members: Mapping[str, Any]) -> None:
    """AccessDenied where the client expects a bucket of another account."""
    for name in ("ExpectedBucketOwner", "ExpectedSourceBucketOwner"):
        if members.get(name, ACCOUNT) != ACCOUNT:
            raise S3Refused(
                "AccessDenied", f"Access Denied: the bucket's owner is {ACCOUNT}, not {members[name]}"
            )


def check_members(members: Mapping[str, Any]) -> None:
    """Refuse what would change what a client may rely on."""
    if any(name in members for name in CUSTOMER_KEYS):
        raise S3Refused("NotImplemented", "Objects are not encrypted here; leave out the customer's key")
    if any(name.startswith("ObjectLock") for name in members):
        raise S3Refused("NotImplemented", "Objects cannot be locked here; leave out the ObjectLock headers")
    if members.get("VersionId", "null") != "null":
        raise S3Refused(
            "NoSuchVersion", "The specified version does not exist.", VersionId=members["VersionId"]
        )


def get_object(storage: Storage, asked: Asked) -> Reply:
    """GetObject."""
    if asked.key.endswith("/"):
        return head_object(storage, asked)
    with ExitStack() as opened:
        file = opened.enter_context(storage.folders.open(asked.bucket, asked.key))
        found = storage.folders.notes.of(asked.bucket, asked.key, _stat(file))
        reply = _described(found, asked)
        start, length = _span(reply)
        opened.pop_all()
        return Reply(status=reply.status, headers=reply.headers, body=Slice(file, start, length))


def head_object(storage: Storage, asked: Asked) -> Reply:
    """HeadObject, and GetObject of a folder marker, which has no bytes."""
    return _described(storage.folders.find(asked.bucket, asked.key), asked)


def _stat(file: BinaryIO) -> os.stat_result:
    return os.fstat(file.fileno())


def _described(found: Found, asked: Asked) -> Reply:
    check_read(found, asked.members)
    span = _wanted(found, asked.members)
    headers = {"content-type": DEFAULT_TYPE, **found.note.headers}
    sums = asked.members.get("ChecksumMode") == "ENABLED" and span is None
    headers = {name: text for name, text in headers.items() if sums or not name.startswith(PREFIX)}
    for name, value in asked.members.items():
        if name.startswith("Response"):
            text = formatdate(value.timestamp(), usegmt=True) if name == "ResponseExpires" else str(value)
            headers[re.sub("(?<=[a-z])(?=[A-Z])", "-", name.removeprefix("Response")).lower()] = text
    start, end = span or (0, found.size)
    if span is not None:
        headers["content-range"] = f"bytes {start}-{end - 1}/{found.size}"
    if found.note.parts and "PartNumber" in asked.members:
        headers["x-amz-mp-parts-count"] = str(len(found.note.parts))
    headers |= {
        "accept-ranges": "bytes",
        "content-length": str(end - start),
        "etag": found.etag,
        "last-modified": formatdate(found.modified_ns // 1_000_000_000, usegmt=True),
    }
    return Reply(status=200 if span is None else 206, headers=headers)


def _span(reply: Reply) -> tuple[int, int]:
    length = int(reply.headers["content-length"])
    range_ = reply.headers.get("content-range")
    return (0 if range_ is None else int(range_.removeprefix("bytes ").partition("-")[0])), length


def _wanted(found: Found, members: Mapping[str, Any]) -> tuple[int, int] | None:
    """First byte and the one after the last; None for the whole. InvalidRange, InvalidPartNumber."""
    number = members.get("PartNumber")
    if number is not None:
        return _part(found, number, members)
    match = RANGE.fullmatch(members.get("Range", "").replace(" ", ""))
    if match is None or match[0] == "bytes=-":
        return None  # RFC 9110: a range that is not understood is passed over
    first, last = match[1], match[2]
    if not first:
        start, end = max(found.size - int(last), 0), found.size
    else:
        start, end = int(first), min(int(last) + 1, found.size) if last else found.size
        if last and int(last) < start:
            return None
    if start >= found.size or start >= end:
        raise S3Refused(
            "InvalidRange",
            "The requested range is not satisfiable",
            RangeRequested=members["Range"],
            ActualObjectSize=str(found.size),
        )
    return start, end


def _part(found: Found, number: int, members: Mapping[str, Any]) -> tuple[int, int]:
    sizes = found.note.parts or [found.size]
    if "Range" in members:
        raise S3Refused("InvalidRequest", "Cannot specify both Range header and partNumber query parameter")
    if not 1 <= number <= len(sizes):
        raise S3Refused("InvalidPartNumber", "The requested partnumber is not satisfiable")
    start = sum(sizes[: number - 1])
    return start, start + sizes[number - 1]


def kept_headers(asked: Asked) -> dict[str, str]:
    """Those headers of a request that come back with the object. MetadataTooLarge."""
    kept = {name: asked.headers[name] for name in KEPT if asked.headers.get(name)}
    # The framing of the upload is not the object's encoding.
    codings = [one.strip() for one in kept.pop("content-encoding", "").split(",")]
    rest = ", ".join(one for one in codings if one and one != "aws-chunked")
    meta = {name: text for name, text in asked.headers.items() if name.startswith(META)}
    if sum(len(name) - len(META) + len(text) for name, text in meta.items()) > MOST_META:
        raise S3Refused(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            MaxSizeAllowed=str(MOST_META),
        )
    return {**kept, **({"content-encoding": rest} if rest else {}), **meta}


def check_put(storage: Storage, asked: Asked) -> None:
    """What can be refused before the bytes come."""
    storage.folders.path(asked.bucket, asked.key)
    kept_headers(asked)


def put_object(storage: Storage, asked: Asked, uploaded: Uploaded) -> Reply:
    """PutObject."""
    taken = uploaded.taken
    sums = {**taken.sums, PREFIX + "type": "FULL_OBJECT"} if taken.sums else {}
    note = Note(taken.md5.hex(), {**kept_headers(asked), **sums})
    if asked.key.endswith("/"):
        _put_folder(storage, asked, note, taken.size)
        return Reply(headers={"etag": f'"{note.etag}"', **sums})
    found = storage.folders.put(uploaded.file, asked.bucket, asked.key, note, check_write(asked.members))
    return Reply(headers={"etag": found.etag, **sums})


def _put_folder(storage: Storage, asked: Asked, note: Note, size: int) -> None:
    if size:
        raise S3Refused("InvalidRequest", "A key that ends in a slash is a folder here and can hold no bytes")
    storage.folders.put_folder(asked.bucket, asked.key, note)


def source_of(asked: Asked) -> tuple[str, str]:
    """Bucket and key of what is copied. InvalidArgument, NoSuchVersion."""
    text, _, version = str(asked.members["CopySource"]).partition("?")
    parts = bucket_and_key("s3://" + unquote(text).removeprefix("/"))
    if parts is None or not parts[1]:
        raise invalid(
            "x-amz-copy-source", "Copy Source must mention the source bucket and key: sourcebucket/sourcekey"
        )
    if version and version != "versionId=null":
        raise S3Refused("NoSuchVersion", "The specified version does not exist.")
    return parts


def open_source(storage: Storage, asked: Asked) -> tuple[BinaryIO, Found]:
    """What is copied, open. Refusals name the source, not the target."""
    bucket, key = source_of(asked)
    try:
        file = storage.folders.open(bucket, key)
    except BlobError as error:
        raise refusal_of(error, bucket, key) from None
    found = storage.folders.notes.of(bucket, key, _stat(file))
    try:
        check_read(found, asked.members, "CopySource")
    except S3Refused:
        file.close()
        raise
    return file, found


def copy_object(storage: Storage, asked: Asked) -> Reply:
    """CopyObject."""
    storage.folders.path(asked.bucket, asked.key)
    replace = asked.members.get("MetadataDirective", "COPY") == "REPLACE"
    source = source_of(asked)
    if source == (asked.bucket, asked.key) and not replace:
        raise S3Refused(
            "InvalidRequest",
            "This copy request is illegal because it is trying to copy an object to itself without changing the "
            "object's metadata, storage class, website redirect location or encryption attributes.",
        )
    if source[1].endswith("/"):
        return _copy_folder(storage, asked, source, replace)
    from_file, found = open_source(storage, asked)
    with from_file, storage.folders.new_file() as file:
        md5 = copy_bytes(from_file, file, 0, found.size)
        sums = {name: text for name, text in found.note.headers.items() if name.startswith(PREFIX)}
        note = Note(md5.hex(), {**kept_headers(asked), **sums} if replace else found.note.headers)
        made = storage.folders.put(file, asked.bucket, asked.key, note, check_write(asked.members))
    return _copied(made.etag, made.modified_ns)


def _copy_folder(storage: Storage, asked: Asked, source: tuple[str, str], replace: bool) -> Reply:
    try:
        found = storage.folders.find(*source)
    except BlobError as error:
        raise refusal_of(error, *source) from None
    note = Note(found.note.etag, kept_headers(asked) if replace else found.note.headers)
    if asked.key.endswith("/"):
        storage.folders.put_folder(asked.bucket, asked.key, note)
        return _copied(found.etag, time.time_ns())
    with storage.folders.new_file() as file:
        made = storage.folders.put(file, asked.bucket, asked.key, note, check_write(asked.members))
    return _copied(made.etag, made.modified_ns)


def _copied(etag: str, modified_ns: int) -> Reply:
    return Reply({"CopyObjectResult": {"ETag": etag, "LastModified": modified_ns / 1e9}})


def copy_bytes(source: BinaryIO, target: BinaryIO, start: int, length: int) -> bytes:
    """Copy a stretch of a file; the MD5 of it."""
    md5 = hashlib.md5(usedforsecurity=False)
    source.seek(start)
    while length > 0 and (data := source.read(min(CHUNK, length))):
        md5.update(data)
        target.write(data)
        length -= len(data)
    return md5.digest()


def delete_object(storage: Storage, asked: Asked) -> Reply:
    """DeleteObject."""
    storage.folders.remove(asked.bucket, asked.key, check_write(asked.members))
    return Reply(status=204)


def delete_objects(storage: Storage, asked: Asked) -> Reply:
    """DeleteObjects: what cannot be deleted is told for each, the rest is deleted."""
    storage.folders.bucket(asked.bucket)
    wanted = asked.members["Delete"]
    if len(wanted["Objects"]) > 1000:
        raise S3Refused(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema",
        )
    deleted, errors = [], []
    for one in wanted["Objects"]:
        try:
            check_members(one)
            storage.folders.remove(asked.bucket, one["Key"], check_write({"IfMatch": one.get("ETag"), **one}))
            deleted.append({"Key": one["Key"]})
        except (BlobError, S3Refused) as error:
            refused = error if isinstance(error, S3Refused) else refusal_of(error, asked.bucket, one["Key"])
            errors.append({"Key": one["Key"], "Code": refused.code, "Message": refused.message})
    return Reply({"Deleted": [] if wanted.get("Quiet") else deleted, "Errors": errors})
