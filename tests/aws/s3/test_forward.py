"""Another S3 behind the front: what goes through is what would have gone there, and who may not does not get there."""

from __future__ import annotations

import os
import socket
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3.s3.transfer
import pytest
from botocore.exceptions import ClientError

from skewless.aws.s3 import ForwardApp
from tests.aws.s3.conftest import Server
from tests.aws.s3.test_objects import refusal
from tests.fronts import ACCESS_KEY, SECRET, client, front
from tests.planes import plane


@pytest.fixture(scope="module")
def near(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a front that passes on to the server."""
    app = ForwardApp(server.url, "us-east-1", ACCESS_KEY, SECRET)
    with plane(tmp_path_factory.mktemp("near")) as ground, front(ground, s3=app) as url:
        yield url
    app.close()


@pytest.fixture(scope="module")
def through(near: str) -> Any:
    """A client of the front."""
    return client("s3", near)


def test_objects_go_through(through: Any, s3: Any, bucket: str, tmp_path: Path) -> None:
    key = "a b/ü +%&.txt"
    through.put_object(Bucket=bucket, Key=key, Body=b"hello", ContentType="x/y", Metadata={"a": "b"})
    direct = s3.get_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
    assert (direct["Body"].read(), direct["ContentType"], direct["Metadata"]) == (b"hello", "x/y", {"a": "b"})
    assert "ChecksumCRC32" in direct
    assert "ContentEncoding" not in direct
    assert through.get_object(Bucket=bucket, Key=key, Range="bytes=1-2")["Body"].read() == b"el"
    assert through.head_object(Bucket=bucket, Key=key)["ETag"] == direct["ETag"]
    body = os.urandom((11 << 20) + 3)
    (tmp_path / "up").write_bytes(body)
    config = boto3.s3.transfer.TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20)
    through.upload_file(str(tmp_path / "up"), bucket, "big", Config=config)
    through.download_file(bucket, "big", str(tmp_path / "down"), Config=config)
    assert (tmp_path / "down").read_bytes() == body
    assert [one["Key"] for one in through.list_objects_v2(Bucket=bucket)["Contents"]] == [key, "big"]
    through.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}, {"Key": "big"}]})
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0
    through.put_object(Bucket=bucket, Key="empty", Body=b"")
    assert through.get_object(Bucket=bucket, Key="empty")["Body"].read() == b""


def test_refusals_come_back(through: Any, bucket: str) -> None:
    assert refusal(through.get_object, Bucket=bucket, Key="none") == ("NoSuchKey", 404)
    assert refusal(through.head_object, Bucket=bucket, Key="none") == ("404", 404)
    assert refusal(through.put_object, Bucket=bucket, Key="../x", Body=b"") == ("InvalidArgument", 400)
    assert refusal(through.put_object, Bucket=bucket, Key="x", Body=b"", IfMatch='"y"') == ("NoSuchKey", 404)


def test_presigned_urls_go_through(near: str, bucket: str) -> None:
    s3 = client("s3", near, signature_version="s3v4")
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "by url"})
    with urllib.request.urlopen(urllib.request.Request(put, b"by url", method="PUT")) as answer:
        assert answer.status == 200
    members = {"Bucket": bucket, "Key": "by url", "ResponseContentType": "text/x"}
    with urllib.request.urlopen(s3.generate_presigned_url("get_object", Params=members)) as answer:
        assert (answer.read(), answer.headers["Content-Type"]) == (b"by url", "text/x")


def test_only_known_keys_go_through(near: str, s3: Any, bucket: str) -> None:
    stranger = boto3.session.Session(ACCESS_KEY, "wrong", region_name="us-east-1").client(
        "s3", endpoint_url=near
    )
    assert refusal(stranger.put_object, Bucket=bucket, Key="k", Body=b"1") == ("SignatureDoesNotMatch", 403)
    assert s3.list_objects_v2(Bucket=bucket)["KeyCount"] == 0


def test_an_s3_that_is_not_there(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
    app = ForwardApp(address, "us-east-1", ACCESS_KEY, SECRET)
    with plane(tmp_path) as ground, front(ground, s3=app) as url:
        with pytest.raises(ClientError, match=f"The S3 at {address} cannot be reached"):
            client("s3", url).list_buckets()
        assert refusal(client("s3", url).put_object, Bucket="box", Key="k", Body=b"1") == (
            "ServiceUnavailable",
            503,
        )
    app.close()
