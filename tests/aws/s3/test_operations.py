"""What is claimed of S3 is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from skewless.aws.http import Head
from skewless.aws.model import service
from skewless.aws.s3.operations import HANDLERS, RECEIVERS
from skewless.aws.s3.refusal import S3Refused
from skewless.aws.s3.routes import Place, operation_of, place_of

PAGE = Path(__file__).parents[3] / "docs/reference/s3.md"


def test_the_page_names_every_operation_and_no_other() -> None:
    rows = [
        line.split("|")[2]
        for line in PAGE.read_text().partition("\n\n- **")[0].splitlines()
        if line.startswith("|")
    ]
    named = [name for row in rows for name in re.findall(r"[A-Z]\w+", row)]
    assert sorted(named) == sorted([*HANDLERS, *RECEIVERS])
    assert set(named) <= service("s3").operation_names


@pytest.mark.parametrize(
    ("asked", "operation"),
    [
        ("GET /", "ListBuckets"),
        ("GET /box", "ListObjects"),
        ("GET /box/", "ListObjects"),
        ("GET /box?list-type=2&prefix=a", "ListObjectsV2"),
        ("GET /box?location", "GetBucketLocation"),
        ("GET /box?location=", "GetBucketLocation"),
        ("GET /box?uploads", "ListMultipartUploads"),
        ("GET /box?policy", "GetBucketPolicy"),
        ("GET /box/key?x-id=GetObject", "GetObject"),
        ("GET /box/key?partNumber=1", "GetObject"),
        ("GET /box/key?uploadId=u", "ListParts"),
        ("GET /box/key?tagging", "GetObjectTagging"),
        ("PUT /box", "CreateBucket"),
        ("PUT /box/a/b", "PutObject"),
        ("PUT /box/key?partNumber=1&uploadId=u", "UploadPart"),
        ("POST /box/key?uploads", "CreateMultipartUpload"),
        ("POST /box/key?uploadId=u", "CompleteMultipartUpload"),
        ("POST /box?delete", "DeleteObjects"),
        ("DELETE /box/key", "DeleteObject"),
        ("DELETE /box/key?uploadId=u", "AbortMultipartUpload"),
        ("DELETE /box", "DeleteBucket"),
        ("HEAD /box/key", "HeadObject"),
        ("HEAD /box", "HeadBucket"),
    ],
)
def test_routes(asked: str, operation: str) -> None:
    assert operation_of(*parsed(asked)).name == operation


def test_copies_are_told_by_a_header() -> None:
    source = {"x-amz-copy-source": "box/from"}
    assert operation_of(*parsed("PUT /box/key", source)).name == "CopyObject"
    assert operation_of(*parsed("PUT /box/key?partNumber=1&uploadId=u", source)).name == "UploadPartCopy"


def test_what_s3_itself_does_not_know() -> None:
    with pytest.raises(S3Refused, match="method is not allowed"):
        operation_of(*parsed("PATCH /box/key"))
    with pytest.raises(S3Refused, match="Couldn't parse"):
        parsed("GET /box/%ff")


def parsed(asked: str, headers: dict[str, str] | None = None) -> tuple[Head, Place]:
    """A request's head and what it names."""
    method, _, target = asked.partition(" ")
    path, _, query = target.partition("?")
    head = Head(method, path.encode(), query.encode(), headers or {})
    return head, place_of(head)
