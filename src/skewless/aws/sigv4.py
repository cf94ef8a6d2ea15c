"""The arithmetic of Signature Version 4: the key of a day, the text that is signed, times as they are written."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

ALGORITHM: Final = "AWS4-HMAC-SHA256"
SKEW: Final = 15 * 60
"""Seconds that a client's clock may differ from ours."""
TIME: Final = re.compile(r"\d{8}T\d{6}Z")


@lru_cache(maxsize=256)
def signing_key(secret: str, scope: str) -> bytes:
    """The key of ``date/region/service/aws4_request``, which signs all requests of that day."""
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode("latin-1"), "sha256")
    return key


def signature(key: bytes, when: str, scope: str, canonical: bytes) -> str:
    """That of a canonical request, in hex."""
    text = f"{ALGORITHM}\n{when}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
    mac = _mac(key).copy()
    mac.update(text.encode())
    return mac.hexdigest()


@lru_cache(maxsize=256)
def _mac(key: bytes) -> hmac.HMAC:
    """To be copied: what is known of the key has been computed, which takes half of a short text's time."""
    return hmac.new(key, digestmod="sha256")


def is_near(when: str, now: float) -> bool:
    """Whether a time is within the skew of ``now`` (seconds since 1970); not where it is no time."""
    try:
        return abs(now - seconds_of(when)) <= SKEW
    except ValueError:
        return False


@lru_cache(maxsize=256)
def seconds_of(when: str) -> float:
    """``YYYYMMDDTHHMMSSZ`` as seconds since 1970. ValueError where it is no time."""
    if not TIME.fullmatch(when):
        raise ValueError(when)
    return datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


def stamp(seconds: float) -> str:
    """Seconds since 1970 as ``YYYYMMDDTHHMMSSZ``."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y%m%dT%H%M%SZ")
