"""Signature Version 4: who sent a request, and that nobody changed it on the way.

A request signs its method, path, query, the headers that it lists, and its body's SHA-256; a presigned URL has the
signature in its query. S3 may leave the body's sum out or sign a body in chunks (``skewless.aws.chunks``), and takes
presigned URLs of an older form (``skewless.aws.legacy_signature``).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from enum import Enum
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from skewless.aws import legacy_signature as legacy
from skewless.aws.canonical import canonical_request
from skewless.aws.http import Head
from skewless.aws.sigv4 import ALGORITHM, SKEW, TIME, is_near, seconds_of, signature, signing_key, stamp
from skewless.errors import SkewlessError

LONGEST_EXPIRY: Final = 7 * 24 * 3600
"""Seconds that a presigned URL may be good for."""
UNSIGNED: Final = "UNSIGNED-PAYLOAD"
STREAMING: Final = (
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
    "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
)
EMPTY: Final = hashlib.sha256(b"").hexdigest()

SIGNED_BY: Final = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=([^,\s]+)\s*,\s*SignedHeaders=([^,\s]+)\s*,\s*Signature="
)
"""An Authorization header up to the signature, which has 64 digits."""
SHA256: Final = re.compile(r"[0-9a-f]{64}")
PRESIGNED: Final = (
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-SignedHeaders",
    "X-Amz-Signature",
)


class Fault(Enum):
    """What can be wrong with a signature."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    QUERY = "incomplete query"
    MECHANISM = "mechanism"
    UNKNOWN_KEY = "unknown key"
    TOKEN = "token"
    MISMATCH = "mismatch"
    SKEWED = "skewed"
    EXPIRED = "expired"
    UNSIGNED_HEADERS = "unsigned headers"
    BODY_SUM_MISSING = "body sum missing"
    BODY_SUM_INVALID = "body sum invalid"
    BODY_CHANGED = "body changed"
    BODY_INCOMPLETE = "body incomplete"
    CHUNKS = "chunks"


class SignatureRefused(SkewlessError):
    """A signature does not hold."""

    def __init__(self, fault: Fault, message: str) -> None:
        super().__init__(message)
        self.fault = fault


class Claim(NamedTuple):
    """What a request says of its signature, read but not yet checked; the key is known and the time is near."""

    access_key: str
    scope: str
    """``date/region/service/aws4_request``; empty in a URL of the older form."""
    region: str
    service: str
    when: str
    """``YYYYMMDDTHHMMSSZ``."""
    signed_headers: tuple[str, ...]
    signature: str
    presigned: bool
    body_sum: str | None
    """What ``x-amz-content-sha256`` says."""


class Signed(NamedTuple):
    """A request whose signature holds."""

    claim: Claim
    body_sum: str
    """The body's SHA-256 in hex, or one of UNSIGNED and STREAMING: what the signature says of the body."""
    key: bytes
    """The key that signs the chunks of a body."""


class Verifier:
    """Checks signatures against the installation's keys."""

    def __init__(self, keys: Mapping[str, str], now: Callable[[], float] = time.time) -> None:
        """``keys``: secrets by access key; ``now``: seconds since 1970."""
        self.keys = keys
        self.now = now

    def claim(self, head: Head) -> Claim:
        """What the head says, refused where that alone shows that the request will not do: before any body is read."""
        authorization, query = head.headers.get("authorization"), head.query
        presigned = b"X-Amz-Signature=" in query or b"X-Amz-Credential=" in query
        older = legacy.ACCESS_KEY in query
        if authorization is not None:
            if presigned or older:
                raise SignatureRefused(
                    Fault.MECHANISM, "Only one auth mechanism allowed; the request has two"
                )
            claim = self._in_header(head, authorization)
            self._check_time(claim)
        elif presigned:
            claim = self._presigned(head)
        elif older:
            claim = self._legacy(head)
        else:
            raise SignatureRefused(Fault.MISSING, "Request is missing Authentication Token")
        if claim.access_key not in self.keys:
            raise SignatureRefused(
                Fault.UNKNOWN_KEY,
                f"the access key {claim.access_key} is not known here; `skewless env` prints the one that is",
            )
        if claim.scope:
            _check_signed_headers(head, claim)
        return claim

    def check(self, head: Head, claim: Claim, body_sum: str | None) -> Signed:
        """The signature itself. ``body_sum`` is the SHA-256 of the body that came, None where it is still to come."""
        said = _said_of_body(claim, body_sum)
        secret = self.keys[claim.access_key]
        if not claim.scope:
            wanted = legacy.signature_of(head, legacy.fields_of(head.query), secret)
            _require_equal(wanted, claim.signature)
            return Signed(claim, said, b"")
        key = signing_key(secret, claim.scope)
        canonical = canonical_request(head, claim.signed_headers, claim.service, said)
        _require_equal(signature(key, claim.when, claim.scope, canonical), claim.signature)
        return Signed(claim, said, key)

    def _in_header(self, head: Head, authorization: str) -> Claim:
        authorization = authorization.rstrip()
        signed_by, signature = _signed_by(authorization[:-64]), authorization[-64:]
        if signed_by is None or not SHA256.fullmatch(signature):
            raise _not_understood(authorization)
        access_key, scope, date, region, service = _scope(signed_by[0])
        when = _time_of(head)
        if when[:8] != date:
            raise SignatureRefused(
                Fault.MISMATCH,
                f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
                f"'{date}' != '{when[:8]}', from '{when}'.",
            )
        if "x-amz-security-token" in head.headers:
            raise _token()
        signed = _names(signed_by[1])
        body_sum = _body_sum(head.headers.get("x-amz-content-sha256"), service)
        return Claim(access_key, scope, region, service, when, signed, signature, False, body_sum)

    def _presigned(self, head: Head) -> Claim:
        fields = _auth_fields(head.query)
        missing = [name for name in (*PRESIGNED, "X-Amz-Expires") if name not in fields]
        if (
            missing
            or fields["X-Amz-Algorithm"] != ALGORITHM
            or not SHA256.fullmatch(fields["X-Amz-Signature"])
        ):
            raise SignatureRefused(
                Fault.QUERY,
                "Query-string authentication version 4 requires the X-Amz-Algorithm (AWS4-HMAC-SHA256), "
                "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.",
            )
        access_key, scope, date, region, service = _scope(fields["X-Amz-Credential"])
        when = fields["X-Amz-Date"]
        if not TIME.fullmatch(when) or when[:8] != date:
            raise SignatureRefused(
                Fault.QUERY, "X-Amz-Date must be YYYYMMDDTHHMMSSZ, of the credential's day"
            )
        if "X-Amz-Security-Token" in fields:
            raise _token()
        self._check_expiry(when, fields["X-Amz-Expires"])
        signed = _names(fields["X-Amz-SignedHeaders"])
        body_sum = head.headers.get("x-amz-content-sha256") or fields.get("X-Amz-Content-Sha256")
        if service == "s3" and body_sum is None:
            body_sum = UNSIGNED
        return Claim(
            access_key,
            scope,
            region,
            service,
            when,
            signed,
            fields["X-Amz-Signature"],
            True,
            _body_sum(body_sum, service),
        )

    def _legacy(self, head: Head) -> Claim:
        try:
            fields = legacy.fields_of(head.query)
        except ValueError as error:
            raise SignatureRefused(Fault.QUERY, str(error)) from None
        access_key, expires, signature = (fields.get(name) or "" for name in legacy.AUTH)
        if not (access_key and signature and expires.isascii() and expires.isdecimal() and len(expires) < 12):
            raise SignatureRefused(
                Fault.QUERY,
                "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
            )
        if int(expires) < self.now():
            raise SignatureRefused(Fault.EXPIRED, "Request has expired")
        bare = legacy.bare_names(head, fields)
        if bare:
            raise SignatureRefused(
                Fault.UNSIGNED_HEADERS,
                f"A URL signed by the older method does not cover {', '.join(bare)}. "
                f"Presign it with Config(signature_version='s3v4')",
            )
        return Claim(access_key, "", "", "s3", expires, (), signature, True, UNSIGNED)

    def _check_time(self, claim: Claim) -> None:
        now, then = self.now(), seconds_of(claim.when)
        if is_near(claim.when, now):
            return
        limit = stamp(now - SKEW if then < now else now + SKEW)
        early = f"Signature expired: {claim.when} is now earlier than {limit} ({stamp(now)} - 15 min.)"
        late = f"Signature not yet current: {claim.when} is still later than {limit} ({stamp(now)} + 15 min.)"
        raise SignatureRefused(Fault.SKEWED, early if then < now else late)

    def _check_expiry(self, when: str, expires: str) -> None:
        if not (expires.isascii() and expires.isdecimal() and 0 < int(expires[:9]) <= LONGEST_EXPIRY):
            raise SignatureRefused(Fault.QUERY, f"X-Amz-Expires must be 1 to {LONGEST_EXPIRY} seconds")
        now, then = self.now(), seconds_of(when)
        if then > now + SKEW:
            raise SignatureRefused(Fault.EXPIRED, "Request is not valid yet")
        if then + int(expires) < now:
            raise SignatureRefused(Fault.EXPIRED, "Request has expired")


def _require_equal(wanted: str, given: str) -> None:
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise SignatureRefused(
            Fault.MISMATCH,
            "The request signature we calculated does not match the signature you provided. "
            "Check your AWS Secret Access Key and signing method. Consult the service documentation for details.",
        )


def _not_understood(authorization: str) -> SignatureRefused:
    if not authorization.startswith(ALGORITHM):
        return SignatureRefused(
            Fault.MECHANISM,
            f"The authorization mechanism you have provided is not supported. Please use {ALGORITHM}.",
        )
    missing = [
        name for name in ("Credential", "SignedHeaders", "Signature") if f"{name}=" not in authorization
    ]
    told = " ".join(f"Authorization header requires '{name}' parameter." for name in missing)
    return SignatureRefused(
        Fault.INCOMPLETE, told or "the Authorization header is not as Signature Version 4 has it"
    )


def _token() -> SignatureRefused:
    return SignatureRefused(
        Fault.TOKEN,
        "The security token included in the request is invalid. Skewless gives out no session tokens: "
        "unset AWS_SESSION_TOKEN",
    )


@lru_cache(maxsize=256)
def _signed_by(header: str) -> tuple[str, str] | None:
    """Credential and names of signed headers, which a client sends again and again; None where it is no such header."""
    found = SIGNED_BY.fullmatch(header)
    return None if found is None else (found[1], found[2])


@lru_cache(maxsize=256)
def _scope(credential: str) -> tuple[str, str, str, str, str]:
    """Access key, scope, date, region and service."""
    access_key, _, scope = credential.partition("/")
    parts = scope.split("/")
    if len(parts) != 4 or parts[3] != "aws4_request" or not all(parts) or not access_key:
        raise SignatureRefused(
            Fault.INCOMPLETE,
            f"Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/aws4_request, got '{credential}'",
        )
    return access_key, scope, parts[0], parts[1], parts[2]


@lru_cache(maxsize=256)
def _names(signed_headers: str) -> tuple[str, ...]:
    names = signed_headers.lower().split(";")
    if names != sorted(set(names)):
        raise SignatureRefused(Fault.INCOMPLETE, "SignedHeaders must be sorted, each name once")
    return tuple(names)


def _time_of(head: Head) -> str:
    when = head.headers.get("x-amz-date")
    if when is None:
        try:
            sent = parsedate_to_datetime(head.headers.get("date", ""))
        except ValueError:
            raise SignatureRefused(
                Fault.INCOMPLETE,
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.",
            ) from None
        return stamp(sent.timestamp())
    try:
        seconds_of(when)
    except ValueError:
        raise SignatureRefused(
            Fault.INCOMPLETE, f"Date must be in ISO-8601 'basic format'. Got '{when}'."
        ) from None
    return when


def _auth_fields(query: bytes) -> dict[str, str]:
    """The query's own ``X-Amz-…`` names. Twice the same is refused: which one was meant?"""
    found: dict[str, str] = {}
    for pair in query.split(b"&"):
        raw_name, _, raw_value = pair.partition(b"=")
        name = unquote_to_bytes(raw_name).decode("latin-1")
        if name.startswith("X-Amz-"):
            if name in found:
                raise SignatureRefused(Fault.QUERY, f"the query has {name} twice")
            found[name] = unquote_to_bytes(raw_value).decode("latin-1")
    return found


def _body_sum(said: str | None, service: str) -> str | None:
    if said is None:
        if service == "s3":
            raise SignatureRefused(
                Fault.BODY_SUM_MISSING, "Missing required header for this request: x-amz-content-sha256"
            )
        return None
    if SHA256.fullmatch(said) or (service == "s3" and (said == UNSIGNED or said in STREAMING)):
        return said
    raise SignatureRefused(
        Fault.BODY_SUM_INVALID,
        "x-amz-content-sha256 must be a valid sha256 value"
        + (
            f", {UNSIGNED} or one of {', '.join(STREAMING)}"
            if service == "s3"
            else f"; {service} takes no other"
        ),
    )


def _check_signed_headers(head: Head, claim: Claim) -> None:
    """What decides what a request does must be signed: the host, and all that is AWS's own."""
    bare, absent = _uncovered(tuple(head.headers), claim.signed_headers)
    if bare:
        raise SignatureRefused(
            Fault.UNSIGNED_HEADERS, f"There were headers present in the request which were not signed: {bare}"
        )
    if absent:
        raise SignatureRefused(Fault.MISMATCH, f"the signature covers headers that did not come: {absent}")


@lru_cache(maxsize=256)
def _uncovered(names: tuple[str, ...], signed: tuple[str, ...]) -> tuple[str, str]:
    """Headers that have to be signed and are not, and those that are signed and not there, each as one text."""
    bare = [name for name in names if name.startswith("x-amz-") and name not in signed]
    if not bare and "host" not in signed:
        bare = ["host"]
    return ", ".join(bare), ", ".join(name for name in signed if name not in names)


def _said_of_body(claim: Claim, body_sum: str | None) -> str:
    if claim.body_sum is None:
        if body_sum is None:
            raise TypeError("a request that does not tell its body's sum can be checked only with its body")
        return body_sum
    if body_sum is not None and SHA256.fullmatch(claim.body_sum) and body_sum != claim.body_sum:
        raise SignatureRefused(
            Fault.BODY_CHANGED, "The provided 'x-amz-content-sha256' header does not match what was computed."
        )
    return claim.body_sum
