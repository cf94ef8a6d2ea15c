"""Objects, with boto3 against the server: what is put is got, and what does not hold is refused."""

from __future__ import annotations

import base64
import errno
import hashlib
import http.client
import os
import socket
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from skewless.aws.model import signed_for_s3
from skewless.aws.s3 import S3App
from skewless.aws.s3.refusal import refusal_of
from skewless.blobs.folders import failure
from tests.aws.s3.conftest import Server
from tests.fronts import ACCESS_KEY, SECRET, client, front
from tests.planes import plane


def refusal(call: Callable[..., Any], **members: Any) -> tuple[str, int]:
    """Code and status of a refused call."""
    with pytest.raises(ClientError) as raised:
        call(**members)
    answer = raised.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_what_is_put_is_got(s3: Any, server: Server, bucket: str) -> None:
    put = s3.put_object(
        Bucket=bucket,
        Key="a/b.txt",
        Body=b"hello",
        ContentType="text/plain",
        CacheControl="no-store",
        ContentEncoding="gzip",
        Metadata={"colour": "red", "two-words": "x y"},
    )
    md5 = hashlib.md5(b"hello").hexdigest()
    assert put["ETag"] == f'"{md5}"'
    assert (server.folder / bucket / "a/b.txt").read_bytes() == b"hello"
    got = s3.get_object(Bucket=bucket, Key="a/b.txt")
    assert got["Body"].read() == b"hello"
    head = s3.head_object(Bucket=bucket, Key="a/b.txt")
    for answer in (got, head):
        assert answer["ContentType"] == "text/plain"
        assert answer["CacheControl"] == "no-store"
        assert answer["ContentEncoding"] == "gzip"
        assert answer["Metadata"] == {"colour": "red", "two-words": "x y"}
        assert answer["ETag"] == f'"{md5}"'
        assert answer["ContentLength"] == 5
        assert answer["AcceptRanges"] == "bytes"
    assert abs(head["LastModified"].timestamp() - (server.folder / bucket / "a/b.txt").stat().st_mtime) < 1


@pytest.mark.parametrize("size", [0, 1, 1 << 20, (3 << 20) + 7])
def test_every_size(s3: Any, bucket: str, size: int) -> None:
    body = os.urandom(size)
    s3.put_object(Bucket=bucket, Key="sized", Body=body)
    assert s3.get_object(Bucket=bucket, Key="sized")["Body"].read() == body


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("bytes=0-0", b"0"),
        ("bytes=3-5", b"345"),
        ("bytes=7-", b"789"),
        ("bytes=-2", b"89"),
        ("bytes=-20", b"0123456789"),
        ("bytes=8-100", b"89"),
        ("bytes=5-2", b"0123456789"),
        ("lines=1-2", b"0123456789"),
    ],
)
def test_ranges(s3: Any, bucket: str, asked: str, wanted: bytes) -> None:
    s3.put_object(Bucket=bucket, Key="digits", Body=b"0123456789")
    got = s3.get_object(Bucket=bucket, Key="digits", Range=asked)
    assert got["Body"].read() == wanted
    assert ("ContentRange" in got) == (asked not in ("bytes=5-2", "lines=1-2"))
    assert refusal(s3.get_object, Bucket=bucket, Key="digits", Range="bytes=10-") == ("InvalidRange", 416)


def test_what_is_missing(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="folder/x", Body=b"")
    assert refusal(s3.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert refusal(s3.get_object, Bucket=bucket, Key="folder") == ("NoSuchKey", 404)
    assert refusal(s3.get_object, Bucket=bucket, Key="folder/") == ("NoSuchKey", 404)
    assert refusal(s3.head_object, Bucket=bucket, Key="none") == ("404", 404)
    assert refusal(s3.get_object, Bucket="not-a-bucket", Key="none") == ("NoSuchBucket", 404)
    assert refusal(s3.put_object, Bucket="not-a-bucket", Key="none", Body=b"x" * 2_000_000) == (
        "NoSuchBucket",
        404,
    )
    assert refusal(s3.get_object, Bucket=bucket, Key="none", VersionId="1") == ("NoSuchVersion", 404)
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=bucket, Key="none")


def test_conditions_of_reading(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1")["ETag"]
    modified = s3.head_object(Bucket=bucket, Key="k")["LastModified"]
    later = modified.replace(year=modified.year + 1)
    earlier = modified.replace(year=modified.year - 1)
    s3.get_object(Bucket=bucket, Key="k", IfMatch=etag, IfNoneMatch='"other"', IfUnmodifiedSince=earlier)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfMatch='"other"') == ("PreconditionFailed", 412)
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfNoneMatch=etag)[1] == 304
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfModifiedSince=later)[1] == 304
    assert refusal(s3.get_object, Bucket=bucket, Key="k", IfUnmodifiedSince=earlier)[1] == 412
    assert s3.get_object(Bucket=bucket, Key="k", IfModifiedSince=earlier)["Body"].read() == b"1"


def test_conditions_of_writing(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfNoneMatch="*") == (
        "PreconditionFailed",
        412,
    )
    assert refusal(s3.put_object, Bucket=bucket, Key="k", Body=b"2", IfMatch='"other"') == (
        "PreconditionFailed",
        412,
    )
    assert refusal(s3.put_object, Bucket=bucket, Key="new", Body=b"2", IfMatch=etag) == ("NoSuchKey", 404)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"1"
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    assert refusal(s3.delete_object, Bucket=bucket, Key="k", IfMatch=etag) == ("PreconditionFailed", 412)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"2"


def test_sums_are_checked_kept_and_given_back(s3: Any, bucket: str) -> None:
    crc32 = base64.b64encode(zlib.crc32(b"hello").to_bytes(4, "big")).decode()
    assert s3.put_object(Bucket=bucket, Key="k", Body=b"hello")["ChecksumCRC32"] == crc32
    assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")["ChecksumCRC32"] == crc32
    sha256 = base64.b64encode(hashlib.sha256(b"hello").digest()).decode()
    s3.put_object(Bucket=bucket, Key="s", Body=b"hello", ChecksumSHA256=sha256)
    assert s3.get_object(Bucket=bucket, Key="s", ChecksumMode="ENABLED")["ChecksumSHA256"] == sha256
    s3.put_object(Bucket=bucket, Key="t", Body=b"hello", ChecksumAlgorithm="SHA1")
    assert "ChecksumSHA1" in s3.head_object(Bucket=bucket, Key="t", ChecksumMode="ENABLED")
    assert refusal(s3.put_object, Bucket=bucket, Key="w", Body=b"x", ChecksumCRC32=crc32) == (
        "BadDigest",
        400,
    )
    assert refusal(s3.put_object, Bucket=bucket, Key="w", Body=b"x", ChecksumSHA256=sha256) == (
        "BadDigest",
        400,
    )
    md5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert refusal(s3.put_object, Bucket=bucket, Key="w", Body=b"x", ContentMD5=md5) == ("BadDigest", 400)
    assert refusal(s3.put_object, Bucket=bucket, Key="w", Body=b"x", ContentMD5="?") == ("InvalidDigest", 400)
    assert s3.list_objects_v2(Bucket=bucket, Prefix="w")["KeyCount"] == 0


def test_a_file_of_another_program_is_an_object_at_once(s3: Any, server: Server, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"first", ContentType="text/plain", Metadata={"a": "b"})
    before = s3.head_object(Bucket=bucket, Key="k")
    (server.folder / bucket / "k").write_bytes(b"other")
    after = s3.head_object(Bucket=bucket, Key="k")
    assert after["ETag"] != before["ETag"]
    assert after["ContentType"] == "binary/octet-stream"
    assert after["Metadata"] == {}
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=after["ETag"])["Body"].read() == b"other"
    (server.folder / bucket / "deep").mkdir()
    (server.folder / bucket / "deep/new").write_bytes(b"123")
    listed = {one["Key"]: one for one in s3.list_objects_v2(Bucket=bucket)["Contents"]}
    assert listed["deep/new"]["Size"] == 3
    assert listed["k"]["ETag"] == after["ETag"]
    assert listed["deep/new"]["ETag"] == s3.head_object(Bucket=bucket, Key="deep/new")["ETag"]


def test_copies(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="sub/ü +%.txt", Body=b"1", ContentType="text/x", Metadata={"a": "b"})
    source = {"Bucket": bucket, "Key": "sub/ü +%.txt"}
    copied = s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    assert copied["CopyObjectResult"]["ETag"] == f'"{hashlib.md5(b"1").hexdigest()}"'
    head = s3.head_object(Bucket=bucket, Key="kept")
    assert (head["ContentType"], head["Metadata"]) == ("text/x", {"a": "b"})
    s3.copy_object(
        Bucket=bucket,
        Key="new",
        CopySource=source,
        MetadataDirective="REPLACE",
        ContentType="y/z",
        Metadata={"c": "d"},
    )
    head = s3.head_object(Bucket=bucket, Key="new")
    assert (head["ContentType"], head["Metadata"]) == ("y/z", {"c": "d"})
    missing = {"Bucket": bucket, "Key": "none"}
    assert refusal(s3.copy_object, Bucket=bucket, Key="x", CopySource=missing) == ("NoSuchKey", 404)
    assert refusal(s3.copy_object, Bucket=bucket, Key="x", CopySource="nowhere-box/a") == (
        "NoSuchBucket",
        404,
    )
    itself = {"Bucket": bucket, "Key": "kept"}
    assert refusal(s3.copy_object, Bucket=bucket, Key="kept", CopySource=itself) == ("InvalidRequest", 400)
    s3.copy_object(
        Bucket=bucket, Key="kept", CopySource=itself, MetadataDirective="REPLACE", Metadata={"e": "f"}
    )
    assert s3.head_object(Bucket=bucket, Key="kept")["Metadata"] == {"e": "f"}
    assert s3.get_object(Bucket=bucket, Key="kept")["Body"].read() == b"1"
    stale = {"CopySource": itself, "CopySourceIfMatch": '"other"'}
    assert refusal(s3.copy_object, Bucket=bucket, Key="x", **stale) == ("PreconditionFailed", 412)


def test_batches_are_deleted(s3: Any, bucket: str) -> None:
    keys = ["a", "b/c", "b/d", "ü &<>"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    wanted = {"Objects": [{"Key": key} for key in [*keys[1:], "never/there", "out/../a"]]}
    answer = s3.delete_objects(Bucket=bucket, Delete=wanted)
    assert [one["Key"] for one in answer["Deleted"]] == ["b/c", "b/d", "ü &<>", "never/there"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("out/../a", "InvalidArgument")]
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == ["a"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a"}], "Quiet": True})
    assert "Deleted" not in quiet
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    s3.delete_object(Bucket=bucket, Key="a")


def test_folders_can_be_objects(s3: Any, server: Server, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="made/", Body=b"", Metadata={"a": "b"})
    s3.put_object(Bucket=bucket, Key="made/x", Body=b"1")
    s3.put_object(Bucket=bucket, Key="other/x", Body=b"1")

    def keys() -> list[str]:
        return [one["Key"] for one in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]

    assert keys() == ["made/", "made/x", "other/x"]
    assert s3.head_object(Bucket=bucket, Key="made/")["Metadata"] == {"a": "b"}
    assert s3.get_object(Bucket=bucket, Key="made/")["Body"].read() == b""
    s3.delete_object(Bucket=bucket, Key="made/x")
    s3.delete_object(Bucket=bucket, Key="other/x")
    assert keys() == ["made/"]
    assert not (server.folder / bucket / "other").exists()
    assert refusal(s3.delete_bucket, Bucket=bucket) == ("BucketNotEmpty", 409)
    assert refusal(s3.put_object, Bucket=bucket, Key="full/", Body=b"1") == ("InvalidRequest", 400)
    s3.delete_object(Bucket=bucket, Key="made/")
    assert keys() == []
    s3.delete_bucket(Bucket=bucket)


def test_a_file_and_a_folder_of_one_name(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/b", Body=b"1")
    with pytest.raises(
        ClientError, match="objects begin with a/, and a folder of plain files cannot hold both"
    ):
        s3.put_object(Bucket=bucket, Key="a", Body=b"2")
    assert refusal(s3.put_object, Bucket=bucket, Key="a/b/c", Body=b"2") == ("InvalidRequest", 400)
    assert s3.get_object(Bucket=bucket, Key="a/b")["Body"].read() == b"1"


@pytest.mark.parametrize(
    "key",
    [
        "sp ace",
        "ü",
        "pl+us",
        "a%2Fb",
        "q?x",
        "amp&<>\"'",
        "new\nline",
        "back\\slash",
        "~-._!*()",
        "…/…",
        "#",
        "a=b;c,d",
    ],
)
def test_odd_keys(s3: Any, bucket: str, key: str) -> None:
    s3.put_object(Bucket=bucket, Key=key, Body=key.encode())
    assert s3.get_object(Bucket=bucket, Key=key)["Body"].read() == key.encode()
    assert [one["Key"] for one in s3.list_objects_v2(Bucket=bucket)["Contents"]] == [key]
    assert [one["Key"] for one in s3.list_objects(Bucket=bucket)["Contents"]] == [key]
    s3.delete_object(Bucket=bucket, Key=key)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


@pytest.mark.parametrize(
    ("key", "code"),
    [
        ("../secret", "InvalidArgument"),
        ("a/../../secret", "InvalidArgument"),
        ("a//b", "InvalidArgument"),
        ("/etc/passwd", "InvalidArgument"),
        ("a/./b", "InvalidArgument"),
        ("a\0b", "InvalidArgument"),
        ("x" * 256, "InvalidArgument"),
        ("y" * 1025, "KeyTooLongError"),
    ],
)
def test_hostile_keys(s3: Any, server: Server, bucket: str, key: str, code: str) -> None:
    (server.folder / "secret").write_bytes(b"secret")
    assert refusal(s3.put_object, Bucket=bucket, Key=key, Body=b"1") == (code, 400)
    assert refusal(s3.get_object, Bucket=bucket, Key=key) == (code, 400)
    assert refusal(s3.create_multipart_upload, Bucket=bucket, Key=key) == (code, 400)
    assert (server.folder / "secret").read_bytes() == b"secret"
    assert list((server.folder / bucket).iterdir()) == []


def test_links_lead_nowhere(s3: Any, server: Server, bucket: str, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    (server.folder / bucket / "link").symlink_to(tmp_path / "secret")
    (server.folder / bucket / "folder").symlink_to(tmp_path)
    for key in ("link", "folder/secret", "folder/new"):
        assert refusal(s3.get_object, Bucket=bucket, Key=key) == ("InvalidArgument", 400)
        assert refusal(s3.put_object, Bucket=bucket, Key=key, Body=b"1") == ("InvalidArgument", 400)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    assert s3.list_objects_v2(Bucket=bucket, Prefix="folder/")["KeyCount"] == 0
    assert (tmp_path / "secret").read_bytes() == b"secret"


@pytest.mark.parametrize("form", ["s3v4", None])
def test_presigned_urls(server: Server, bucket: str, form: str | None) -> None:
    """In the form of today, and in the one that boto3 still takes in the oldest regions."""
    s3 = server.client(signature_version=form)
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "a b"})
    # Not urllib, which adds a content type that the older form would have to sign.
    assert urllib3.request("PUT", put, body=b"by url").status == 200
    overrides = {"ResponseContentType": "text/x", "ResponseContentDisposition": 'attachment; filename="y"'}
    get = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "a b", **overrides})
    with urllib.request.urlopen(get) as answer:
        assert answer.read() == b"by url"
        assert answer.headers["Content-Type"] == "text/x"
        assert answer.headers["Content-Disposition"] == 'attachment; filename="y"'
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(get.replace("a%20b", "a%20c"))
    assert raised.value.code == 403
    assert b"<Code>SignatureDoesNotMatch</Code>" in raised.value.read()
    raised.value.close()


def test_a_half_sent_upload_leaves_nothing(s3: Any, server: Server, bucket: str) -> None:
    url = server.client(signature_version="s3v4").generate_presigned_url(
        "put_object", Params={"Bucket": bucket, "Key": "half"}
    )
    host, _, path = url.removeprefix("http://").partition("/")
    address, _, port = host.partition(":")
    unfinished = server.folder / ".skewless/unfinished"
    with socket.create_connection((address, int(port))) as connection:
        head = f"PUT /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 5_000_000)
        until = time.monotonic() + 20
        while not any(file.stat().st_size for file in unfinished.iterdir()):
            assert time.monotonic() < until
            time.sleep(0.01)
        assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    while list(unfinished.iterdir()):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_what_there_is_not_is_named(s3: Any, bucket: str) -> None:
    with pytest.raises(
        ClientError, match="GetObjectAttributes is not among the operations that Skewless has"
    ):
        s3.get_object_attributes(Bucket=bucket, Key="a", ObjectAttributes=["ETag"])
    assert refusal(s3.get_bucket_policy, Bucket=bucket) == ("NotImplemented", 501)
    assert refusal(s3.put_object_acl, Bucket=bucket, Key="a", ACL="private") == ("NotImplemented", 501)
    encrypted = {"Bucket": bucket, "Key": "a", "Body": b"", "SSECustomerAlgorithm": "AES256"}
    assert refusal(s3.put_object, **encrypted, SSECustomerKey="k" * 32) == (
        "NotImplemented",
        501,
    )


def test_metadata_has_a_limit(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="fits", Body=b"", Metadata={"a": "x" * 2047})
    refused = {"Bucket": bucket, "Key": "k", "Body": b"", "Metadata": {"a": "x" * 2048}}
    assert refusal(s3.put_object, **refused) == ("MetadataTooLarge", 400)


def test_who_sends_nothing_more_is_not_waited_for(tmp_path: Path) -> None:
    app = S3App(tmp_path / "s3", "us-east-1", patience=0.2)
    with plane(tmp_path) as ground, front(ground, s3=app) as url:
        s3 = client("s3", url, signature_version="s3v4")
        s3.create_bucket(Bucket="box")
        put = s3.generate_presigned_url("put_object", Params={"Bucket": "box", "Key": "slow"})
        host, _, path = put.removeprefix("http://").partition("/")
        address, _, port = host.partition(":")
        with socket.create_connection((address, int(port)), timeout=30) as connection:
            head = f"PUT /{path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n"
            connection.sendall(head.encode() + b"half")
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert answer.startswith(b"HTTP/1.1 400 ")
        assert b"<Code>RequestTimeout</Code>" in answer
        assert s3.list_objects_v2(Bucket="box")["KeyCount"] == 0
    app.close()


@pytest.mark.parametrize(
    "path",
    [
        "/{bucket}/../secret",
        "/{bucket}/%2e%2e/secret",
        "/{bucket}/..%2fsecret",
        "/{bucket}/a/%2e%2e%2f%2e%2e%2fsecret",
        "/%2e%2e/secret",
        "/.skewless/unfinished",
        "/{bucket}%2f..%2fsecret",
    ],
)
def test_paths_that_want_out(server: Server, bucket: str, path: str) -> None:
    """Sent as they are: clients tidy such paths up."""
    (server.folder / "secret").write_bytes(b"secret")
    address = server.url.removeprefix("http://")
    target = path.format(bucket=bucket)
    headers = {"host": address}
    signed = signed_for_s3("GET", server.url + target, headers, None, "us-east-1", ACCESS_KEY, SECRET)
    connection = http.client.HTTPConnection(address, timeout=30)
    connection.putrequest("GET", target, skip_host=True)
    for name, value in signed.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (400, 403, 404)
    assert b"secret" not in body.partition(b"<Message>")[0]
    assert b"<Code>" in body


def test_a_full_disk_has_a_name() -> None:
    full = failure(OSError(errno.ENOSPC, "No space left on device"), "box", "k")
    refused = refusal_of(full, "box", "k")
    assert (refused.code, refused.status) == ("StorageFull", 507)
    assert "Delete what is not needed" in refused.message
