"""Requests that no good client would send: each is refused by name, in its own protocol, within bounds."""

from __future__ import annotations

import gzip
import logging
import socket
from dataclasses import replace
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from skewless.aws.dispatch import MOST_UNPACKED
from skewless.control.plane import Plane
from tests.fronts import client, front
from tests.wire import captured
from tests.wire.captured import SMALL, Sent, caught, of_url, refusal, resigned, send


@pytest.mark.parametrize(
    ("target", "body", "code", "status"),
    [
        ("SageMaker.Nonsense", b"{}", "UnknownOperationException", 404),
        ("AWSGlue.GetJob", b"{}", "UnknownOperationException", 404),
        ("", b"{}", "UnknownOperationException", 404),
        ("SageMaker.DescribeModel", b"not json", "SerializationException", 400),
        ("SageMaker.DescribeModel", b"[]", "SerializationException", 400),
        ("SageMaker.DescribeModel", b'{"ModelName": 1}', "SerializationException", 400),
        ("SageMaker.DescribeModel", b'{"ModelName": "\xff"}', "SerializationException", 400),
        ("SageMaker.DescribeModel", b"[" * 3000, "SerializationException", 400),
        ("SageMaker.ListModels", b'{"MaxResults": "ten"}', "SerializationException", 400),
        ("SageMaker.ListModels", b'{"MaxResults": 99999999999}', "SerializationException", 400),
        ("SageMaker.ListModels", b'{"CreationTimeAfter": 1e300}', "SerializationException", 400),
        ("SageMaker.DescribeModel", b"", "ValidationException", 400),
        ("SageMaker.DescribeModel", b'{"ModelName": null}', "ValidationException", 400),
        ("SageMaker.DescribeModel", b'{"ModelName": "x", "New": 1}', "ValidationException", 400),
    ],
)
def test_json_that_is_wrong(url: str, target: str, body: bytes, code: str, status: int) -> None:
    sent = replace(caught("sagemaker", url, "list_models"), body=body)
    answer = send(url, resigned("sagemaker", sent, **{"X-Amz-Target": target}))
    assert (answer.json()["__type"], answer.status_code) == (code, status)
    assert answer.headers["x-amzn-errortype"] == code
    assert answer.headers["x-amzn-requestid"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"Action=Nonsense&Version=2010-05-08", "UnknownOperationException"),
        (b"Version=2010-05-08", "MissingAction"),
        (b"Action=GetRole&Version=1999-01-01&RoleName=x", "NoSuchVersion"),
        (b"Action=ListRoles&MaxItems=ten", "SerializationException"),
        (b"Action=ListRoles&MaxItems=99999999999", "SerializationException"),
        (b"Action=ListRoles&MaxItems.member.1=5", "SerializationException"),
        (b"Action=TagRole&RoleName=x&Tags.member.x.Key=a", "SerializationException"),
        (b"Action=ListRoles&RoleName=%ff", "SerializationException"),
        (b"Action=GetRole&RoleName" + b".x" * 500 + b"=y", "SerializationException"),
        (b"", "MissingAction"),
    ],
)
def test_forms_that_are_wrong(url: str, body: bytes, code: str) -> None:
    sent = replace(caught("iam", url, "list_roles"), body=body)
    answer = send(url, resigned("iam", sent))
    assert f"<Code>{code}</Code>" in answer.text
    assert answer.headers["x-amzn-requestid"] in answer.text


@pytest.mark.parametrize(
    "body", [b"\xff", b"\xa1", b"\x9f" * 900, b"\xbf\x9f\xff\x01\xff", b"\x5b" + b"\xff" * 8, b"\x81"]
)
def test_cbor_that_is_wrong(url: str, body: bytes) -> None:
    path = b"/service/GraniteServiceVersion20100801/operation/ListMetrics"
    sent = of_url("POST", f"{url}{path.decode()}", (("smithy-protocol", "rpc-v2-cbor"),), body)
    answer = send(url, resigned("monitoring", sent))
    assert answer.status_code == 400
    assert b"SerializationException" in answer.content


def test_bodies_that_do_not_unpack(url: str) -> None:
    sent = caught("sagemaker", url, "list_models")
    for body, encoding, status in (
        (b"x", "gzip", 400),
        (gzip.compress(b"{}")[:-4], "gzip", 400),
        (b"x", "br", 415),
    ):
        answer = send(url, resigned("sagemaker", replace(sent, body=body), **{"Content-Encoding": encoding}))
        assert answer.status_code == status


def test_a_small_body_may_not_unpack_to_a_huge_one(plane: Plane) -> None:
    with front(plane) as url:
        sent = replace(
            caught("sagemaker", url, "list_models"), body=gzip.compress(b" " * (MOST_UNPACKED + 1), 1)
        )
        answer = send(url, resigned("sagemaker", sent, **{"Content-Encoding": "gzip"}))
    assert answer.status_code == 413


@pytest.mark.parametrize("service", ["glue", "sagemaker-runtime"])
def test_a_long_body_is_refused(url: str, service: str) -> None:
    call = {"glue": ("get_job", {"JobName": "x" * SMALL})}.get(
        service, ("invoke_endpoint", {"EndpointName": "e", "Body": b"x" * (SMALL + 1)})
    )
    with pytest.raises(ClientError, match=f"up to {SMALL} bytes") as error:
        getattr(captured.client(service, url), call[0])(**call[1])
    assert refusal(error) == ("RequestEntityTooLargeException", 413)


def raw(url: str, data: bytes) -> bytes:
    """What comes back until the other side closes."""
    place = urlsplit(url)
    with socket.create_connection((str(place.hostname), place.port or 0), timeout=30) as connection:
        connection.sendall(data)
        found = b""
        while part := connection.recv(65536):
            found += part
    return found


def as_bytes(sent: Sent, *more: tuple[str, str]) -> bytes:
    headers = "".join(f"{name}: {value}\r\n" for name, value in (*sent.headers, *more))
    return f"{sent.method} {sent.path.decode()} HTTP/1.1\r\n{headers}\r\n".encode("latin-1")


def test_a_long_body_without_a_length_is_refused_too(url: str) -> None:
    sent = caught("glue", url, "get_job", JobName="j").with_header("Content-Length", None)
    data = b"%x\r\n" % (SMALL + 1) + b" " * (SMALL + 1) + b"\r\n0\r\n\r\n"
    found = raw(url, as_bytes(sent, ("Transfer-Encoding", "chunked")) + data)
    assert found.startswith(b"HTTP/1.1 413 ")


def test_a_body_that_does_not_come_is_not_waited_for(url: str) -> None:
    sent = caught("glue", url, "get_job", JobName="j")
    found = raw(url, as_bytes(sent) + sent.body[:3])
    assert found.startswith(b"HTTP/1.1 408 ")
    assert b"did not come within 0.5 seconds" in found


def test_an_object_that_stops_coming_is_not_waited_for(url: str) -> None:
    sent = caught("s3", url, "put_object", Bucket="b", Key="k", Body=b"abc").with_header("Expect", None)
    found = raw(url, as_bytes(sent) + sent.body[:2])
    assert found.startswith(b"HTTP/1.1 400 ")
    assert b"<Code>RequestTimeout</Code>" in found


def test_a_client_that_goes_away_harms_nobody(url: str, caplog: pytest.LogCaptureFixture) -> None:
    sent = caught("glue", url, "get_job", JobName="j")
    place = urlsplit(url)
    with socket.create_connection((str(place.hostname), place.port or 0)) as connection:
        connection.sendall(as_bytes(sent) + sent.body[:3])
    assert client("sts", url).get_caller_identity()["Account"]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
