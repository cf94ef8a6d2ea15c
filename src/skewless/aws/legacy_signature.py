"""Presigned URLs of S3 in the older form, which boto3 still makes in the oldest regions, us-east-1 among them.

They sign the method, the path, the time at which they end, and some names of the query. Any other name is refused, for
nobody vouches for it; URLs of Signature Version 4 sign everything.
"""

from __future__ import annotations

import base64
import hmac
from typing import Final
from urllib.parse import unquote_to_bytes

from skewless.aws.http import Head

ACCESS_KEY: Final = b"AWSAccessKeyId="
"""By which a query is known to be of this form."""
AUTH: Final = ("AWSAccessKeyId", "Expires", "Signature")
HEADERS: Final = ("content-md5", "content-type")
SIGNED_NAMES: Final = frozenset(
    (
        *(
            "acl",
            "cors",
            "delete",
            "lifecycle",
            "location",
            "logging",
            "notification",
            "partNumber",
            "policy",
        ),
        *(
            "requestPayment",
            "restore",
            "tagging",
            "torrent",
            "uploadId",
            "uploads",
            "versionId",
            "versioning",
        ),
        *(
            "versions",
            "website",
            "accelerate",
            "analytics",
            "defaultObjectAcl",
            "inventory",
            "metrics",
            "object-lock",
        ),
        *("replication", "select", "select-type", "storageClass"),
        *("response-cache-control", "response-content-disposition", "response-content-encoding"),
        *("response-content-language", "response-content-type", "response-expires"),
    )
)
"""Names of the query that the signature covers."""


def fields_of(query: bytes) -> dict[str, str | None]:
    """The query's names, None for one without a value. ValueError for a name that comes twice."""
    found: dict[str, str | None] = {}
    for pair in query.split(b"&"):
        raw_name, mark, raw_value = pair.partition(b"=")
        name = unquote_to_bytes(raw_name).decode("latin-1")
        if name in found:
            raise ValueError(f"the query has {name} twice")
        found[name] = unquote_to_bytes(raw_value).decode("latin-1") if mark else None
    return found


def bare_names(head: Head, fields: dict[str, str | None]) -> list[str]:
    """What the request has and the signature does not cover."""
    names = [
        name
        for name in fields
        if name not in AUTH
        and name not in SIGNED_NAMES
        and name not in HEADERS
        and not name.startswith("x-amz-")
    ]
    changed = [
        name for name in HEADERS if name in fields and head.headers.get(name, fields[name]) != fields[name]
    ]
    return names + changed


def signature_of(head: Head, fields: dict[str, str | None], secret: str) -> str:
    """The signature that the URL should have."""
    given = {**head.headers, **{name: value or "" for name, value in fields.items()}}
    own = sorted(name for name in given if name.startswith("x-amz-"))
    lines = [
        head.method,
        *(given.get(name, "") for name in HEADERS),
        given.get("Expires", ""),
        *(f"{name}:{given[name].strip()}" for name in own),
        head.path.decode("latin-1") + _resource(fields),
    ]
    digest = hmac.digest(secret.encode(), "\n".join(lines).encode("latin-1"), "sha1")
    return base64.b64encode(digest).decode("ascii")


def _resource(fields: dict[str, str | None]) -> str:
    signed = sorted((name, value) for name, value in fields.items() if name in SIGNED_NAMES)
    told = "&".join(name if value is None else f"{name}={value}" for name, value in signed)
    return f"?{told}" if told else ""
