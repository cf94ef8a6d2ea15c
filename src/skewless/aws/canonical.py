"""A request in the one form that Signature Version 4 signs, however it was written."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final
from urllib.parse import quote_from_bytes, unquote_to_bytes

from skewless.aws.http import Head

PLAIN_PATH: Final = re.compile(rb"(?:/[A-Za-z0-9_~-][A-Za-z0-9_.~-]*)+/?|/")
"""A path that encoding and normalising leave as it is."""


def canonical_request(head: Head, signed_headers: tuple[str, ...], service: str, body_sum: str) -> bytes:
    """The request as it is signed: method, path, query, signed headers and their names, the body's sum."""
    headers = "".join([f"{name}:{' '.join(head.headers[name].split())}\n" for name in signed_headers])
    names = ";".join(signed_headers)
    rest = f"{headers}\n{names}\n{body_sum}"
    path, query = _canonical_path(head.path, service), _canonical_query(head.query)
    return b"%b\n%b\n%b\n%b" % (head.method.encode(), path, query, rest.encode("latin-1"))


@lru_cache(maxsize=1024)
def _canonical_path(path: bytes, service: str) -> bytes:
    """S3 encodes each segment once and keeps dots and empty ones; the others encode the path again, normalised."""
    if PLAIN_PATH.fullmatch(path):
        return path
    if service == "s3":
        return b"/".join(_encoded(unquote_to_bytes(segment)) for segment in path.split(b"/"))
    kept: list[bytes] = []
    for segment in path.split(b"/"):
        if segment == b"..":
            del kept[-1:]
        elif segment not in (b"", b"."):
            kept.append(_encoded(segment))
    return b"/" + b"/".join(kept) + (b"/" if kept and path.endswith(b"/") else b"")


def _canonical_query(query: bytes) -> bytes:
    """Names and values encoded anew and sorted, without the signature itself."""
    if not query:
        return b""
    pairs = []
    for pair in query.split(b"&"):
        name, _, value = pair.partition(b"=")
        name = unquote_to_bytes(name)
        if name != b"X-Amz-Signature":
            pairs.append((_encoded(name), _encoded(unquote_to_bytes(value))))
    return b"&".join(b"%b=%b" % pair for pair in sorted(pairs))


def _encoded(value: bytes) -> bytes:
    return quote_from_bytes(value, safe="-_.~").encode("ascii")
