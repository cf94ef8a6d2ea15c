"""Heads alike: where they differ as they have to and nowhere else, what is known of one helps to verify the next."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from hmac import compare_digest
from typing import Final

from skewless.aws.canonical import canonical_request
from skewless.aws.http import Head
from skewless.aws.signature import Claim
from skewless.aws.sigv4 import is_near, signature, signing_key
from skewless.serving.forms import ID, Differing, Form, Place

_DATE: Final = b"x-amz-date"
_SIGNATURE: Final = b"authorization"
_SUM: Final = b"x-amz-content-sha256"
DIFFERING: Final = Differing(
    {
        _SIGNATURE: Place(rb"[0-9a-f]{64}", behind=rb"AWS4-HMAC-SHA256 .*Signature="),
        _DATE: Place(rb"[0-9]{8}T[0-9]{6}Z"),
        _SUM: Place(rb"[0-9a-f]{64}"),
        **dict.fromkeys(
            (
                b"amz-sdk-invocation-id",
                b"traceparent",
                b"x-amzn-sagemaker-inference-id",
                b"x-amzn-trace-id",
            ),
            Place(ID),
        ),
    }
)
"""What differs between the requests of a client that ask for the same."""
_HOLE: Final = "\0"


class Alike:
    """Requests whose heads have the form of one whose claim is known."""

    def __init__(self, form: Form, head: Head, claim: Claim) -> None:
        """``head`` is that one; its form has places for the date and the signature (see `fits`)."""
        self._head = head
        self._claim = claim
        self._day = claim.scope.partition("/")[0]
        self._date, self._signature = form.places[_DATE], form.places[_SIGNATURE]
        self._sum = form.places.get(_SUM)
        self._before = head.headers["authorization"][:-64]
        self._texts = [(name.decode(), group) for name, group in form.places.items() if name != _SIGNATURE]
        self._canonical, self._signed = _template(head, claim, dict(self._texts))

    @staticmethod
    def fits(form: Form, claim: Claim) -> bool:
        """Whether requests of this form may be taken for alike."""
        return bool({_DATE, _SIGNATURE} <= form.places.keys() and claim.scope and not claim.presigned)

    @property
    def access_key(self) -> str:
        """Whose secret signs them."""
        return self._claim.access_key

    def holds(self, found: re.Match[bytes], body: bytes, secret: str, now: float) -> bool:
        """Whether a request's signature does, at this time (seconds since 1970)."""
        when = found[self._date].decode()
        if not when.startswith(self._day) or not is_near(when, now):
            return False
        total = hashlib.sha256(body).hexdigest().encode()
        if self._sum is not None and found[self._sum] != total:
            return False
        canonical = self._canonical % (*[found[group] for group in self._signed], total)
        scope = self._claim.scope
        wanted = signature(signing_key(secret, scope), when, scope, canonical)
        return compare_digest(wanted.encode(), found[self._signature])

    def head(self, found: re.Match[bytes]) -> Head:
        """That of a request."""
        headers = dict(self._head.headers)
        for name, group in self._texts:
            headers[name] = found[group].decode()
        headers["authorization"] = self._before + found[self._signature].decode()
        return Head(self._head.method, self._head.path, self._head.query, headers)


def _template(head: Head, claim: Claim, texts: Mapping[str, int]) -> tuple[bytes, list[int]]:
    """The canonical request with places for the groups that are signed, and for the body's sum behind them."""
    blank = head._replace(headers={**head.headers, **dict.fromkeys(texts, _HOLE)})
    canonical = canonical_request(blank, claim.signed_headers, claim.service, _HOLE)
    signed = [texts[name] for name in claim.signed_headers if name in texts]
    return canonical.replace(b"%", b"%%").replace(_HOLE.encode(), b"%b"), signed
