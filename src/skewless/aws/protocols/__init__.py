"""The protocols of AWS's services: how a request asks, and how it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from skewless.aws.http import Head
from skewless.aws.protocols.aws_json import AwsJson
from skewless.aws.protocols.base import Refuses, Speaks
from skewless.aws.protocols.cbor import Cbor
from skewless.aws.protocols.query import Query
from skewless.aws.protocols.rest_json import RestJson
from skewless.aws.protocols.rest_xml import RestXml

Family = Literal["json", "query", "s3"]
"""Whose codes the errors of signatures have."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a request speaks."""

    family: Family
    refuses: Refuses
    control: Speaks | None
    """None for S3 and the runtime, which have apps of their own."""


JSON: Final = Dialect("json", AwsJson(), AwsJson())
CBOR: Final = Dialect("json", Cbor(), Cbor())
QUERY: Final = Dialect("query", Query(), Query())
RUNTIME: Final = Dialect("json", RestJson(), None)
S3: Final = Dialect("s3", RestXml(), None)


def dialect_of(head: Head) -> Dialect:
    """By what only one of them has. A key in S3 may look like a path of the runtime; the signature's scope decides."""
    if "x-amz-target" in head.headers:
        return JSON
    if head.headers.get("smithy-protocol") == "rpc-v2-cbor":
        return CBOR
    if "/s3/aws4_request" in head.headers.get("authorization", "") or b"%2Fs3%2Faws4_request" in head.query:
        return S3
    if head.path.startswith(b"/endpoints/"):
        return RUNTIME
    form = head.headers.get("content-type", "").startswith("application/x-www-form-urlencoded")
    if (form and head.path == b"/") or b"Action=" in head.query:
        return QUERY
    return S3
