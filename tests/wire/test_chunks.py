"""Bodies in signed chunks: AWS's own worked example, and every way in which such a body can be wrong."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import replace

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.aws.chunks import Body, body_of
from skewless.aws.signature import Fault, SignatureRefused, Verifier
from tests.fronts import ACCESS_KEY, SECRET
from tests.wire.captured import Sent, of_url

# The example key of AWS's documentation ("Authenticating Requests … Transferring Payload in Multiple Chunks").
EXAMPLE = Verifier({"AKIAIOSFODNN7EXAMPLE": "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}, lambda: 1369353600.0)
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
SIGNATURES = (
    "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
)


def example() -> Sent:
    headers = {
        "Host": "s3.amazonaws.com",
        "x-amz-date": "20130524T000000Z",
        "x-amz-storage-class": "REDUCED_REDUNDANCY",
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "Content-Encoding": "aws-chunked",
        "x-amz-decoded-content-length": "66560",
        "Content-Length": "66824",
        "Authorization": "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;"
        f"x-amz-decoded-content-length;x-amz-storage-class,Signature={SEED}",
    }
    parts = [b"a" * 65536, b"a" * 1024, b""]
    chunks = [_chunk(part, signature) for part, signature in zip(parts, SIGNATURES, strict=True)]
    return Sent("PUT", b"/examplebucket/chunkObject.txt", b"", tuple(headers.items()), b"".join(chunks))


def _chunk(data: bytes, signature: str) -> bytes:
    return b"%x;chunk-signature=%b\r\n%b\r\n" % (len(data), signature.encode(), data)


def opened(sent: Sent, verifier: Verifier) -> Body:
    claim = verifier.claim(sent.head)
    return body_of(sent.head, verifier.check(sent.head, claim, None))


def decoded(sent: Sent, verifier: Verifier) -> bytes:
    body = opened(sent, verifier)
    data = body.feed(sent.body)
    body.close()
    return data


def test_the_documented_example_holds() -> None:
    sent = example()
    assert len(sent.body) == 66824
    assert decoded(sent, EXAMPLE) == b"a" * 66560


def test_a_changed_byte_breaks_the_example() -> None:
    sent = example()
    changed = sent.body[: 70_000 - 4000] + b"b" + sent.body[70_000 - 3999 :]
    with pytest.raises(SignatureRefused) as caught:
        decoded(replace(sent, body=changed), EXAMPLE)
    assert caught.value.fault is Fault.MISMATCH


VERIFIER = Verifier({ACCESS_KEY: SECRET})
TRAILING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"


def signed_upload(parts: list[bytes], *, trailers: dict[str, str] | None = None) -> Sent:
    """An upload as AWS's SDKs for Java and Go send it, which boto3 does not; after AWS's description."""
    kind = TRAILING if trailers else "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
    headers = {"x-amz-decoded-content-length": str(sum(map(len, parts))), "Content-Encoding": "aws-chunked"}
    request = AWSRequest("PUT", "http://127.0.0.1:4700/b/k", headers)
    signer = S3SigV4Auth(Credentials(ACCESS_KEY, SECRET), "s3", "us-east-1")
    signer.payload = lambda _: kind
    signer.add_auth(request)
    when = request.context["timestamp"]
    scope = f"{when[:8]}/us-east-1/s3/aws4_request"
    key = f"AWS4{SECRET}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), "sha256").digest()
    before = request.headers["Authorization"].rpartition("Signature=")[2]
    out = b""

    def follow(name: str, rest: str) -> str:
        text = f"AWS4-HMAC-SHA256-{name}\n{when}\n{scope}\n{before}\n{rest}"
        return hmac.new(key, text.encode(), "sha256").hexdigest()

    for data in [*parts, b""]:
        before = follow("PAYLOAD", f"{hashlib.sha256(b'').hexdigest()}\n{hashlib.sha256(data).hexdigest()}")
        out += _chunk(data, before)
    if trailers:
        told = "".join(f"{name}:{value}\n" for name, value in sorted(trailers.items()))
        before = follow("TRAILER", hashlib.sha256(told.encode()).hexdigest())
        out = (
            out[:-2]
            + told.replace("\n", "\r\n").encode()
            + f"x-amz-trailer-signature:{before}\r\n\r\n".encode()
        )
    return of_url("PUT", request.url, tuple(request.headers.items()), out)


@settings(max_examples=30, deadline=None)
@given(
    parts=st.lists(st.binary(min_size=1, max_size=300), max_size=4), step=st.integers(1, 400), data=st.data()
)
def test_any_chunks_however_they_arrive(parts: list[bytes], step: int, data: st.DataObject) -> None:
    trailers = data.draw(st.sampled_from([None, {"x-amz-checksum-crc32": "NSRBwg=="}]))
    sent = signed_upload(parts, trailers=trailers)
    body = opened(sent, VERIFIER)
    found = b"".join(body.feed(sent.body[at : at + step]) for at in range(0, len(sent.body), step))
    body.close()
    assert found == b"".join(parts)
    assert body.trailers == (trailers or {})


def wrong(sent: Sent, body: bytes) -> Fault:
    with pytest.raises(SignatureRefused) as caught:
        decoded(replace(sent, body=body), VERIFIER)
    return caught.value.fault


def test_what_a_body_in_chunks_may_not_be() -> None:
    sent = signed_upload([b"abc", b"def"])
    body = sent.body
    assert decoded(sent, VERIFIER) == b"abcdef"
    assert wrong(sent, body.replace(b"def", b"dex")) is Fault.MISMATCH
    assert wrong(sent, body[: body.index(b"def") - 90]) is Fault.BODY_INCOMPLETE
    assert wrong(sent, b"") is Fault.BODY_INCOMPLETE
    assert wrong(sent, body[:-2]) is Fault.BODY_INCOMPLETE
    assert wrong(sent, body + b"x") is Fault.CHUNKS
    assert wrong(sent, body.replace(b"3;", b"4;", 1)) in (Fault.CHUNKS, Fault.MISMATCH)
    assert wrong(sent, b"ffffffffffff;" + body.partition(b";")[2]) is Fault.BODY_INCOMPLETE
    assert wrong(sent, b"x" * 10_000) is Fault.CHUNKS
    assert wrong(sent, b"3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n") is Fault.CHUNKS
    first, second = body.split(b"\r\n3;", 1)
    assert wrong(sent, b"3;" + second.replace(b"0;", first + b"\r\n0;")) is Fault.MISMATCH


def test_chunks_may_not_be_left_out_at_the_end() -> None:
    sent = signed_upload([b"abc", b"def"])
    last = b"0;chunk-signature=" + b"0" * 64 + b"\r\n\r\n"
    assert wrong(sent, sent.body[: sent.body.index(b"def") - 84] + last) is Fault.MISMATCH


def test_trailers_are_signed() -> None:
    sent = signed_upload([b"abc"], trailers={"x-amz-checksum-crc32": "NSRBwg=="})
    assert wrong(sent, sent.body.replace(b"NSRBwg", b"NSRBwx")) is Fault.MISMATCH
    unsigned = sent.body[: sent.body.index(b"x-amz-trailer-signature")] + b"\r\n"
    assert wrong(sent, unsigned) is Fault.MISMATCH
    many = b"".join(b"x-amz-%d:1\r\n" % number for number in range(100))
    assert wrong(sent, sent.body.replace(b"x-amz-trailer", many + b"x-amz-trailer")) is Fault.CHUNKS


def test_the_length_must_be_told() -> None:
    sent = example().with_header("x-amz-decoded-content-length", None)
    claim = VERIFIER.claim(signed_upload([b"a"]).head)
    signed = VERIFIER.check(signed_upload([b"a"]).head, claim, None)
    with pytest.raises(SignatureRefused, match="x-amz-decoded-content-length"):
        body_of(sent.head, signed)
