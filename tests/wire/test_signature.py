"""What botocore's own signers sign is accepted; whatever is changed on the way is refused."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.aws.chunks import body_of
from skewless.aws.signature import LONGEST_EXPIRY, Fault, SignatureRefused, Signed, Verifier
from skewless.aws.sigv4 import SKEW
from tests.fronts import ACCESS_KEY, SECRET
from tests.wire.captured import Sent, catch, client, of_url

HTTPS = "https://127.0.0.1:4700"
V4 = {"signature_version": "s3v4"}
VERIFIER = Verifier({ACCESS_KEY: SECRET})


def verify(sent: Sent, verifier: Verifier = VERIFIER) -> tuple[Signed, bytes]:
    """As the front does it: the head, then the signature, then the body."""
    claim = verifier.claim(sent.head)
    if claim.service != "s3":
        return verifier.check(sent.head, claim, hashlib.sha256(sent.body).hexdigest()), sent.body
    signed = verifier.check(sent.head, claim, None)
    body = body_of(sent.head, signed)
    data = body.feed(sent.body)
    body.close()
    return signed, data


def refused(sent: Sent, verifier: Verifier = VERIFIER) -> Fault:
    with pytest.raises(SignatureRefused) as caught:
        verify(sent, verifier)
    return caught.value.fault


def at(seconds: float) -> Verifier:
    """A verifier whose clock is so far from ours."""
    return Verifier({ACCESS_KEY: SECRET}, lambda: time.time() + seconds)


def control_call() -> Sent:
    return catch(
        client("sagemaker"),
        "create_model",
        ModelName="m",
        ExecutionRoleArn="arn:aws:iam::000000000000:role/r",
    )


def put_object() -> Sent:
    return catch(client("s3"), "put_object", Bucket="b", Key="k", Body=b"abc", Metadata={"a": "1   2"})


def presigned_url(method: str = "get_object", **config: str) -> str:
    params = {
        "Bucket": "b",
        "Key": "k ü/x",
        **({"ResponseContentType": "a/b"} if method == "get_object" else {}),
    }
    made: str = client("s3", **config).generate_presigned_url(method, Params=params, ExpiresIn=60)
    return made


REQUESTS: dict[str, Callable[[], Sent]] = {
    "json": control_call,
    "query": lambda: catch(client("iam"), "get_role", RoleName="r"),
    "runtime": lambda: catch(
        client("sagemaker-runtime"), "invoke_endpoint", EndpointName="a b/ü~.", Body=b"1,2\n"
    ),
    "put": put_object,
    "put without a body": lambda: catch(client("s3"), "put_object", Bucket="b", Key="k"),
    "keys with everything": lambda: catch(
        client("s3"), "put_object", Bucket="b", Key="k/../ü +/%2F//x?#&=;:@!$'()*,~", Body=b"abc"
    ),
    "list": lambda: catch(client("s3"), "list_objects_v2", Bucket="b", Prefix="a b+/&=ü", Delimiter="/"),
    "subresource": lambda: catch(client("s3"), "list_object_versions", Bucket="b"),
    "trailer": lambda: catch(client("s3", HTTPS), "put_object", Bucket="b", Key="k", Body=b"abc" * 100_000),
    "presigned get": lambda: of_url("GET", presigned_url(**V4)),
    "presigned put": lambda: of_url("PUT", presigned_url("put_object", **V4), body=b"abc"),
    "older presigned get": lambda: of_url("GET", presigned_url()),
    "older presigned put": lambda: of_url("PUT", presigned_url("put_object"), body=b"abc"),
}


@pytest.mark.parametrize("make", REQUESTS.values(), ids=list(REQUESTS))
def test_what_botocore_signs_is_accepted(make: Callable[[], Sent]) -> None:
    signed, _ = verify(make())
    assert signed.claim.access_key == ACCESS_KEY


def test_scopes_are_told() -> None:
    services = [verify(REQUESTS[name]())[0].claim.service for name in ("json", "query", "runtime", "put")]
    assert services == ["sagemaker", "iam", "sagemaker", "s3"]
    assert verify(control_call())[0].claim.region == "us-east-1"


def test_chunks_are_taken_apart() -> None:
    sent = REQUESTS["trailer"]()
    signed, data = verify(sent)
    assert data == b"abc" * 100_000
    assert len(sent.body) > len(data)
    body = body_of(sent.head, signed)
    assert b"".join(body.feed(sent.body[i : i + 1000]) for i in range(0, len(sent.body), 1000)) == data
    body.close()
    assert list(body.trailers) == ["x-amz-checksum-crc32"]


@pytest.mark.parametrize("make", REQUESTS.values(), ids=list(REQUESTS))
def test_every_tampering_is_refused(make: Callable[[], Sent]) -> None:
    sent = make()
    presigned = b"Signature=" in sent.query
    assert refused(replace(sent, method="DELETE")) is Fault.MISMATCH
    assert refused(replace(sent, path=sent.path + b"x")) is Fault.MISMATCH
    more = b"&acl=x" if sent.query else b"acl=x"
    assert refused(replace(sent, query=sent.query + more)) is Fault.MISMATCH
    assert refused(sent.with_header("x-amz-acl", "public-read")) in (Fault.UNSIGNED_HEADERS, Fault.MISMATCH)
    if not presigned:
        assert refused(sent.with_header("x-amz-date", "20200101T000000Z")) in (Fault.SKEWED, Fault.MISMATCH)
        assert refused(sent.with_header("Host", "elsewhere")) is Fault.MISMATCH
        assert refused(replace(sent, body=sent.body + b"x")) in (
            Fault.MISMATCH,
            Fault.BODY_CHANGED,
            Fault.CHUNKS,
        )


@pytest.mark.parametrize("make", REQUESTS.values(), ids=list(REQUESTS))
def test_another_secret_or_key_is_refused(make: Callable[[], Sent]) -> None:
    assert refused(make(), Verifier({ACCESS_KEY: SECRET + "x"})) is Fault.MISMATCH
    assert refused(make(), Verifier({"AKIAANOTHER000000000": SECRET})) is Fault.UNKNOWN_KEY


def test_a_signed_header_may_not_change_or_go() -> None:
    sent = control_call()
    for name in ("content-type", "x-amz-target"):
        assert refused(sent.with_header(name, "other")) is Fault.MISMATCH
        assert refused(sent.with_header(name, None)) is Fault.MISMATCH
    assert (
        refused(replace(sent, headers=(*sent.headers, ("X-Amz-Target", "SageMaker.DeleteModel"))))
        is Fault.MISMATCH
    )


def test_a_replayed_request_with_another_body_is_refused() -> None:
    assert refused(replace(control_call(), body=b'{"ModelName": "other"}')) is Fault.MISMATCH
    assert refused(replace(put_object(), body=b"abd")) is Fault.BODY_CHANGED
    sent = control_call().with_header("x-amz-content-sha256", hashlib.sha256(b"x").hexdigest())
    assert refused(sent) is Fault.UNSIGNED_HEADERS


@pytest.mark.parametrize(
    "said", ["UNSIGNED-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "x", "", "A" * 64]
)
def test_only_s3_may_leave_its_body_unsigned(said: str) -> None:
    assert refused(control_call().with_header("x-amz-content-sha256", said)) is Fault.BODY_SUM_INVALID


def test_a_told_sum_must_be_the_bodys_in_every_service() -> None:
    headers = {"X-Amz-Content-SHA256": hashlib.sha256(b"{}").hexdigest()}
    request = AWSRequest("POST", f"{HTTPS}/", headers, b"{}")
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), "glue", "us-east-1").add_auth(request)
    sent = of_url("POST", request.url, tuple(request.headers.items()), b"{}")
    assert verify(sent)
    assert refused(replace(sent, body=b"{ }")) is Fault.BODY_CHANGED


def test_s3_must_tell_its_bodys_sum() -> None:
    assert refused(put_object().with_header("x-amz-content-sha256", None)) is Fault.BODY_SUM_MISSING
    assert refused(put_object().with_header("x-amz-content-sha256", "nonsense")) is Fault.BODY_SUM_INVALID


@pytest.mark.parametrize(("seconds", "fault"), [(SKEW + 60, Fault.SKEWED), (-SKEW - 60, Fault.SKEWED)])
def test_clocks_may_differ_by_a_quarter_of_an_hour(seconds: float, fault: Fault) -> None:
    assert refused(control_call(), at(seconds)) is fault
    assert verify(control_call(), at(seconds * 0.9))


@pytest.mark.parametrize("config", [V4, {}], ids=["new", "older"])
def test_a_presigned_url_ends(config: dict[str, str]) -> None:
    sent = of_url("GET", presigned_url(**config))
    assert verify(sent, at(50))
    assert refused(sent, at(70)) is Fault.EXPIRED


def test_a_presigned_url_says_what_it_may() -> None:
    sent = of_url("GET", presigned_url(**V4))
    longer = sent.query.replace(b"X-Amz-Expires=60", b"X-Amz-Expires=6000")
    assert refused(replace(sent, query=longer)) is Fault.MISMATCH
    for expires in (b"0", b"-1", b"x", str(LONGEST_EXPIRY + 1).encode(), b"1" * 5000):
        query = sent.query.replace(b"X-Amz-Expires=60", b"X-Amz-Expires=" + expires)
        assert refused(replace(sent, query=query)) is Fault.QUERY
    assert refused(replace(sent, query=sent.query + b"&X-Amz-Expires=99999")) is Fault.QUERY
    assert refused(replace(sent, query=sent.query.replace(b"X-Amz-Date", b"X-Amz-Dote"))) is Fault.QUERY
    assert refused(sent, at(-2 * SKEW)) is Fault.EXPIRED


def test_an_older_url_covers_little_and_no_more_passes() -> None:
    sent = of_url("GET", presigned_url())
    assert refused(replace(sent, query=sent.query + b"&prefix=secret")) is Fault.UNSIGNED_HEADERS
    assert refused(replace(sent, query=sent.query + b"&Expires=9999999999")) is Fault.QUERY
    assert refused(replace(sent, query=sent.query + b"&versionId=1")) is Fault.MISMATCH
    url = client("s3").generate_presigned_url(
        "put_object", Params={"Bucket": "b", "Key": "k", "ContentType": "text/csv"}
    )
    assert verify(of_url("PUT", url, (("Content-Type", "text/csv"),)))
    assert refused(of_url("PUT", url, (("Content-Type", "text/html"),))) is Fault.UNSIGNED_HEADERS


def test_a_query_is_presigned_for_other_services_too() -> None:
    request = AWSRequest("GET", f"{HTTPS}/?Action=GetCallerIdentity&Version=2011-06-15")
    SigV4QueryAuth(Credentials(ACCESS_KEY, SECRET), "sts", "us-east-1", 60).add_auth(request)
    sent = of_url("GET", request.url)
    assert verify(sent)[0].claim.service == "sts"
    assert refused(replace(sent, body=b"x")) is Fault.MISMATCH


@pytest.mark.parametrize(
    ("authorization", "fault"),
    [
        (None, Fault.MISSING),
        ("AWS AKIA:abc=", Fault.MECHANISM),
        ("AWS4-ECDSA-P256-SHA256 Credential=a", Fault.MECHANISM),
        ("Bearer x", Fault.MECHANISM),
        ("", Fault.MECHANISM),
        ("AWS4-HMAC-SHA256", Fault.INCOMPLETE),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host", Fault.INCOMPLETE),
        (f"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature={'0' * 64}", Fault.INCOMPLETE),
        (
            f"AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4, SignedHeaders=host, Signature={'0' * 64}",
            Fault.INCOMPLETE,
        ),
        (
            "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request, SignedHeaders=host, Signature=xyz",
            Fault.INCOMPLETE,
        ),
    ],
)
def test_headers_that_are_no_signature(authorization: str | None, fault: Fault) -> None:
    assert refused(control_call().with_header("Authorization", authorization)) is fault


def test_a_session_token_is_refused_and_told_how_to_go() -> None:
    with pytest.raises(SignatureRefused, match="unset AWS_SESSION_TOKEN") as caught:
        verify(control_call().with_header("X-Amz-Security-Token", "t"))
    assert caught.value.fault is Fault.TOKEN


def test_a_date_is_needed_and_of_the_credentials_day() -> None:
    sent = control_call()
    assert refused(sent.with_header("X-Amz-Date", None)) is Fault.INCOMPLETE
    assert refused(sent.with_header("X-Amz-Date", "yesterday")) is Fault.INCOMPLETE
    assert refused(sent.with_header("X-Amz-Date", "20261399T000000Z")) is Fault.INCOMPLETE
    assert refused(sent.with_header("X-Amz-Date", "19991231T000000Z")) is Fault.MISMATCH


def test_a_date_header_will_do() -> None:
    request = AWSRequest("POST", f"{HTTPS}/", {"Date": "x"}, b"{}")
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), "glue", "us-east-1").add_auth(request)
    sent = of_url("POST", request.url, tuple(request.headers.items()), b"{}")
    assert verify(sent)[0].claim.service == "glue"


@settings(max_examples=60, deadline=None)
@given(
    path=st.text("ab./%~ +ü:", max_size=12),
    query=st.lists(
        st.tuples(st.text("ab&= +%ü", min_size=1, max_size=4), st.text("ab&= +%ü", max_size=4)), max_size=4
    ),
    header=st.text(" a,\t;", max_size=8),
)
def test_any_path_query_and_header(path: str, query: list[tuple[str, str]], header: str) -> None:
    """Names come twice, segments are empty or dots, spaces are folded."""
    request = AWSRequest("POST", f"{HTTPS}/", {"x-amz-meta-x": header}, b"body")
    request.url += "/".join(_quoted(part) for part in path.split("/"))
    if query:
        request.url += "?" + "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in query)
    SigV4Auth(Credentials(ACCESS_KEY, SECRET), "logs", "eu-west-1").add_auth(request)
    sent = of_url("POST", request.url, tuple(request.headers.items()), b"body")
    assert verify(sent)[0].claim.region == "eu-west-1"


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")
