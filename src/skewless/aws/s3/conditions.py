"""Requests that hold only if an object is, or is not, what the client knows of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from skewless.aws.s3.refusal import S3Refused
from skewless.blobs.folders import Check
from skewless.blobs.notes import Found


def check_read(found: Found, members: Mapping[str, Any], prefix: str = "") -> None:
    """PreconditionFailed or NotModified. ``prefix`` is ``CopySource`` for what is copied from.

    The rules for headers that come together are those of RFC 9110: a tag decides before a time.
    """
    match, none_match = members.get(f"{prefix}IfMatch"), members.get(f"{prefix}IfNoneMatch")
    since, until = members.get(f"{prefix}IfModifiedSince"), members.get(f"{prefix}IfUnmodifiedSince")
    modified = found.modified_ns // 1_000_000_000
    if match is not None:
        if not _fits(match, found.etag):
            raise _failed(f"{prefix}If-Match")
    elif isinstance(until, datetime) and modified > until.timestamp():
        raise _failed(f"{prefix}If-Unmodified-Since")
    if none_match is not None:
        if _fits(none_match, found.etag):
            raise _unchanged(prefix)
    elif isinstance(since, datetime) and modified <= since.timestamp():
        raise _unchanged(prefix)


def check_write(members: Mapping[str, Any]) -> Check | None:
    """What a new object asks of the one that is there; None where it asks nothing."""
    match, none_match = members.get("IfMatch"), members.get("IfNoneMatch")
    if match is None and none_match is None:
        return None

    def check(found: Found | None) -> None:
        if match is not None and found is None:
            raise S3Refused("NoSuchKey", "The specified key does not exist.", Key=str(members.get("Key", "")))
        if match is not None and found is not None and not _fits(match, found.etag):
            raise _failed("If-Match")
        if none_match is not None and found is not None and _fits(none_match, found.etag):
            raise _failed("If-None-Match")

    return check


def _fits(said: str, etag: str) -> bool:
    tags = [tag.strip().strip('"') for tag in said.split(",")]
    return "*" in tags or etag.strip('"') in tags


def _failed(condition: str) -> S3Refused:
    return S3Refused(
        "PreconditionFailed",
        "At least one of the pre-conditions you specified did not hold",
        Condition=condition,
    )


def _unchanged(prefix: str) -> S3Refused:
    return _failed(f"{prefix}If-None-Match") if prefix else S3Refused("NotModified", "Not Modified")
