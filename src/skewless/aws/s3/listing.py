"""Lists of objects, in pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

from skewless.aws.s3.buckets import OWNER
from skewless.aws.s3.refusal import S3Refused, invalid
from skewless.aws.s3.reply import Asked, Reply, Storage
from skewless.blobs.listing import Listed

MOST: Final = 1000
BEHIND: Final = "\U0010ffff"
"""Comes after every character that a key goes on with."""


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of one answer; ``last`` is what to go on after, where there is more."""

    entries: list[Listed]
    last: str | None


def list_objects(storage: Storage, asked: Asked) -> Reply:
    """ListObjects, the old form: goes on after a key that the client names."""
    marker = asked.members.get("Marker", "")
    page = _page(storage, asked, marker)
    encode = _encoding(asked)
    answer = _answer(storage, asked, page, owner=True)
    answer["Marker"] = encode(marker)
    if page.last is not None and asked.members.get("Delimiter"):
        answer["NextMarker"] = encode(page.last)
    return Reply(answer)


def list_objects_v2(storage: Storage, asked: Asked) -> Reply:
    """ListObjectsV2: goes on after a token."""
    members = asked.members
    token, start = members.get("ContinuationToken"), members.get("StartAfter", "")
    page = _page(storage, asked, start if token is None else _from_token(token))
    answer = _answer(storage, asked, page, owner=bool(members.get("FetchOwner")))
    answer["KeyCount"] = len(page.entries)
    if token is not None:
        answer["ContinuationToken"] = token
    if start:
        answer["StartAfter"] = _encoding(asked)(start)
    if page.last is not None:
        answer["NextContinuationToken"] = base64.urlsafe_b64encode(page.last.encode()).decode()
    return Reply(answer)


def _from_token(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise invalid("continuation-token", "The continuation token provided is incorrect", token) from None


def most_of(asked: Asked, name: str) -> int:
    """How many entries a page may have. InvalidArgument."""
    most = asked.members.get(name, MOST)
    if not 0 <= most < 1 << 31:
        raise invalid(name, f"Argument {name} must be an integer between 0 and 2147483647", str(most))
    return min(int(most), MOST)


def _page(storage: Storage, asked: Asked, after: str) -> Page:
    prefix, delimiter = asked.members.get("Prefix", ""), asked.members.get("Delimiter", "")
    most = most_of(asked, "MaxKeys")
    if delimiter and after.startswith(prefix) and after.endswith(delimiter) and len(after) > len(prefix):
        after += BEHIND  # what the last page rolled up is done with
    found = storage.folders.files(asked.bucket, prefix, after, roll=delimiter == "/")
    if delimiter not in ("", "/"):
        found = _rolled(found, prefix, delimiter)
    entries: list[Listed] = []
    for entry in found if most else ():
        if len(entries) == most:
            return Page(entries, entries[-1].key)
        entries.append(entry)
    return Page(entries, None)


def _rolled(found: Iterator[Listed], prefix: str, delimiter: str) -> Iterator[Listed]:
    """Entries that share what stands up to the delimiter become one."""
    last = None
    for entry in found:
        end = entry.key.find(delimiter, len(prefix))
        if end < 0:
            yield entry
            continue
        common = entry.key[: end + len(delimiter)]
        if common != last:
            last = common
            yield Listed(common, 0, 0, rolled=True)


def _answer(storage: Storage, asked: Asked, page: Page, *, owner: bool) -> dict[str, Any]:
    members, encode, bucket = asked.members, _encoding(asked), asked.bucket
    notes = storage.folders.notes
    answer: dict[str, Any] = {
        "Name": bucket,
        "Prefix": encode(members.get("Prefix", "")),
        "MaxKeys": most_of(asked, "MaxKeys"),
        "IsTruncated": page.last is not None,
        "Contents": [],
        "CommonPrefixes": [],
    }
    for name in ("Delimiter", "EncodingType"):
        if members.get(name):
            answer[name] = encode(members[name])
    for entry in page.entries:
        if entry.rolled:
            answer["CommonPrefixes"].append({"Prefix": encode(entry.key)})
            continue
        found = notes.find(bucket, entry.key, entry.size, entry.modified_ns)
        answer["Contents"].append(
            {
                "Key": encode(entry.key),
                "LastModified": entry.modified_ns / 1e9,
                "ETag": found.etag,
                "Size": entry.size,
                "StorageClass": "STANDARD",
                **({"Owner": OWNER} if owner else {}),
            }
        )
    return answer


def _encoding(asked: Asked) -> Callable[[str], str]:
    wanted = asked.members.get("EncodingType")
    if wanted is None:
        return str
    if wanted != "url":
        raise S3Refused(
            "InvalidArgument", "Invalid Encoding Method specified in Request", ArgumentValue=wanted
        )
    return lambda text: quote(text, safe="/-_.~*")
