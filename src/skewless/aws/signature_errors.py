"""What a refused signature is called: each service family has its own codes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from skewless.aws.refusal import Refusal
from skewless.aws.signature import Fault, SignatureRefused

Codes = Mapping[Fault, tuple[str, int]]

JSON: Final[Codes] = {
    Fault.MISSING: ("MissingAuthenticationTokenException", 403),
    Fault.INCOMPLETE: ("IncompleteSignatureException", 403),
    Fault.QUERY: ("IncompleteSignatureException", 403),
    Fault.MECHANISM: ("IncompleteSignatureException", 403),
    Fault.UNKNOWN_KEY: ("UnrecognizedClientException", 403),
    Fault.TOKEN: ("UnrecognizedClientException", 403),
}
QUERY: Final[Codes] = {
    Fault.MISSING: ("MissingAuthenticationToken", 403),
    Fault.INCOMPLETE: ("IncompleteSignature", 403),
    Fault.QUERY: ("IncompleteSignature", 403),
    Fault.MECHANISM: ("IncompleteSignature", 403),
    Fault.UNKNOWN_KEY: ("InvalidClientTokenId", 403),
    Fault.TOKEN: ("InvalidClientTokenId", 403),
    Fault.EXPIRED: ("RequestExpired", 400),
}
S3: Final[Codes] = {
    Fault.MISSING: ("AccessDenied", 403),
    Fault.INCOMPLETE: ("AuthorizationHeaderMalformed", 400),
    Fault.QUERY: ("AuthorizationQueryParametersError", 400),
    Fault.MECHANISM: ("InvalidRequest", 400),
    Fault.UNKNOWN_KEY: ("InvalidAccessKeyId", 403),
    Fault.TOKEN: ("InvalidToken", 400),
    Fault.SKEWED: ("RequestTimeTooSkewed", 403),
    Fault.EXPIRED: ("AccessDenied", 403),
    Fault.UNSIGNED_HEADERS: ("AccessDenied", 403),
    Fault.BODY_SUM_MISSING: ("InvalidRequest", 400),
    Fault.BODY_SUM_INVALID: ("InvalidArgument", 400),
    Fault.BODY_CHANGED: ("XAmzContentSHA256Mismatch", 400),
    Fault.BODY_INCOMPLETE: ("IncompleteBody", 400),
}
MISMATCH: Final[Mapping[str, tuple[str, int]]] = {
    "json": ("InvalidSignatureException", 403),
    "query": ("SignatureDoesNotMatch", 403),
    "s3": ("SignatureDoesNotMatch", 403),
}
"""Every other fault."""
FAMILIES: Final[Mapping[str, Codes]] = {"json": JSON, "query": QUERY, "s3": S3}

TEXTS: Final = {
    ("json", Fault.UNKNOWN_KEY): "The security token included in the request is invalid.",
    ("query", Fault.UNKNOWN_KEY): "The security token included in the request is invalid.",
    ("s3", Fault.UNKNOWN_KEY): "The AWS Access Key Id you provided does not exist in our records.",
    ("s3", Fault.SKEWED): "The difference between the request time and the current time is too large.",
    ("s3", Fault.MISSING): "Access Denied",
}
"""Texts that a family words differently, with what is amiss behind them."""


def refusal_of_signature(error: SignatureRefused, family: str) -> Refusal:
    """As the family (json, query or s3) tells it."""
    code, status = FAMILIES[family].get(error.fault, MISMATCH[family])
    said = TEXTS.get((family, error.fault))
    text = f"{said} ({error.message})" if said else error.message
    return Refusal(code, code, text, status)
