"""Uploads in parts: as the transfer clients make them, by hand, and by clients that do it wrong."""

from __future__ import annotations

import base64
import hashlib
import os
import zlib
from pathlib import Path
from typing import Any

import boto3.s3.transfer
import pytest
from botocore.exceptions import ClientError

from tests.aws.s3.conftest import Server
from tests.aws.s3.test_objects import refusal

MIB = 1 << 20


def begin(s3: Any, bucket: str, key: str = "big", **members: Any) -> str:
    """The id of a new upload."""
    return str(s3.create_multipart_upload(Bucket=bucket, Key=key, **members)["UploadId"])


def part(s3: Any, bucket: str, upload: str, number: int, body: bytes, **members: Any) -> dict[str, Any]:
    """One part, as completing wants it."""
    one = s3.upload_part(Bucket=bucket, Key="big", UploadId=upload, PartNumber=number, Body=body, **members)
    sums = {name: value for name, value in one.items() if name.startswith("Checksum")}
    return {"PartNumber": number, "ETag": one["ETag"], **sums}


def complete(s3: Any, bucket: str, upload: str, *parts: dict[str, Any], **members: Any) -> Any:
    """Complete with these parts."""
    return s3.complete_multipart_upload(
        Bucket=bucket, Key="big", UploadId=upload, MultipartUpload={"Parts": list(parts)}, **members
    )


def test_files_go_up_and_come_down(s3: Any, server: Server, bucket: str, tmp_path: Path) -> None:
    body = os.urandom(12 * MIB + 5)
    (tmp_path / "up").write_bytes(body)
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB)
    s3.upload_file(
        str(tmp_path / "up"),
        bucket,
        "big",
        ExtraArgs={"ContentType": "x/y", "Metadata": {"a": "b"}},
        Config=config,
    )
    assert (server.folder / bucket / "big").read_bytes() == body
    s3.download_file(bucket, "big", str(tmp_path / "down"), Config=config)
    assert (tmp_path / "down").read_bytes() == body
    head = s3.head_object(Bucket=bucket, Key="big")
    pieces = [body[start : start + 5 * MIB] for start in range(0, len(body), 5 * MIB)]
    md5 = hashlib.md5(b"".join(hashlib.md5(piece).digest() for piece in pieces)).hexdigest()
    assert head["ETag"] == f'"{md5}-3"'
    assert (head["ContentType"], head["Metadata"]) == ("x/y", {"a": "b"})
    s3.copy({"Bucket": bucket, "Key": "big"}, bucket, "copied", Config=config)
    assert (server.folder / bucket / "copied").read_bytes() == body
    last = s3.get_object(Bucket=bucket, Key="big", PartNumber=3)
    assert (last["Body"].read(), last["PartsCount"]) == (pieces[2], 3)
    assert refusal(s3.get_object, Bucket=bucket, Key="big", PartNumber=4) == ("InvalidPartNumber", 400)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_sums_of_parts(s3: Any, bucket: str) -> None:
    first, second = os.urandom(5 * MIB), b"end"
    sums = [zlib.crc32(one).to_bytes(4, "big") for one in (first, second)]
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32")
    parts = [part(s3, bucket, upload, 1, first), part(s3, bucket, upload, 2, second)]
    assert [one["ChecksumCRC32"] for one in parts] == [base64.b64encode(one).decode() for one in sums]
    done = complete(s3, bucket, upload, *parts)
    composite = base64.b64encode(zlib.crc32(b"".join(sums)).to_bytes(4, "big")).decode() + "-2"
    assert done["ChecksumCRC32"] == composite
    assert s3.head_object(Bucket=bucket, Key="big", ChecksumMode="ENABLED")["ChecksumCRC32"] == composite
    upload = begin(s3, bucket, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    parts = [part(s3, bucket, upload, 1, first), part(s3, bucket, upload, 2, second)]
    whole = base64.b64encode(zlib.crc32(first + second).to_bytes(4, "big")).decode()
    with pytest.raises(ClientError, match="CRC32 you specified did not match"):
        complete(s3, bucket, upload, *parts, ChecksumCRC32="AAAAAA==", ChecksumType="FULL_OBJECT")
    done = complete(s3, bucket, upload, *parts, ChecksumCRC32=whole, ChecksumType="FULL_OBJECT")
    assert (done["ChecksumCRC32"], done["ChecksumType"]) == (whole, "FULL_OBJECT")
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == first + second


def test_what_does_not_make_an_object(s3: Any, server: Server, bucket: str) -> None:
    upload = begin(s3, bucket)
    small = part(s3, bucket, upload, 1, b"small")
    last = part(s3, bucket, upload, 2, b"last")

    def refused(*parts: dict[str, Any], id_: str = upload) -> tuple[str, int]:
        members = {"Bucket": bucket, "Key": "big", "UploadId": id_, "MultipartUpload": {"Parts": list(parts)}}
        return refusal(s3.complete_multipart_upload, **members)

    assert refused(small, last) == ("EntityTooSmall", 400)
    assert refused(last, small) == ("InvalidPartOrder", 400)
    assert refused({**small, "ETag": last["ETag"]}) == ("InvalidPart", 400)
    assert refused({"PartNumber": 7, "ETag": last["ETag"]}) == ("InvalidPart", 400)
    assert refused(last, id_="../../../etc") == ("NoSuchUpload", 404)
    assert refused(last, id_=f"{upload[:-1]}{'0' if upload[-1] != '0' else '1'}") == ("NoSuchUpload", 404)
    other = {"Bucket": bucket, "Key": "other", "UploadId": upload, "PartNumber": 1, "Body": b""}
    assert refusal(s3.upload_part, **other) == ("NoSuchUpload", 404)
    assert refusal(s3.upload_part, **{**other, "Key": "big", "PartNumber": 10_001}) == (
        "InvalidArgument",
        400,
    )
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    replaced = part(s3, bucket, upload, 2, b"again")
    listed = s3.list_parts(Bucket=bucket, Key="big", UploadId=upload)
    assert [(one["PartNumber"], one["Size"]) for one in listed["Parts"]] == [(1, 5), (2, 5)]
    complete(s3, bucket, upload, replaced)
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == b"again"
    assert refused(replaced) == ("NoSuchUpload", 404)
    assert list((server.folder / ".skewless/uploads" / bucket).iterdir()) == []


def test_uploads_are_listed_in_pages_and_aborted(s3: Any, bucket: str) -> None:
    ids = [begin(s3, bucket, f"key{number % 3}") for number in range(5)]
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 2}
    )
    shown = [(one["Key"], one["UploadId"]) for page in pages for one in page["Uploads"]]
    assert shown == sorted((f"key{number % 3}", one) for number, one in enumerate(ids))
    for key, id_ in shown:
        s3.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=id_)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)
    assert refusal(s3.abort_multipart_upload, Bucket=bucket, Key="key0", UploadId=ids[0]) == (
        "NoSuchUpload",
        404,
    )
    upload = begin(s3, bucket)
    for number in range(1, 6):
        part(s3, bucket, upload, number, b"x")
    pages = s3.get_paginator("list_parts").paginate(
        Bucket=bucket, Key="big", UploadId=upload, PaginationConfig={"PageSize": 2}
    )
    assert [one["PartNumber"] for page in pages for one in page["Parts"]] == [1, 2, 3, 4, 5]
    s3.delete_bucket(Bucket=bucket)


def test_parts_can_be_copied(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="from", Body=b"0123456789")
    upload = begin(s3, bucket)
    source = {"Bucket": bucket, "Key": "from"}
    members = {"Bucket": bucket, "Key": "big", "UploadId": upload, "PartNumber": 1, "CopySource": source}
    assert refusal(s3.upload_part_copy, **members, CopySourceRange="bytes=5-10") == ("InvalidArgument", 400)
    copied = s3.upload_part_copy(**members, CopySourceRange="bytes=5-9")["CopyPartResult"]
    complete(s3, bucket, upload, {"PartNumber": 1, "ETag": copied["ETag"]})
    assert s3.get_object(Bucket=bucket, Key="big")["Body"].read() == b"56789"
