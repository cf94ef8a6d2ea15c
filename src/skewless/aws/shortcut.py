"""The short way of InvokeEndpoint: a request that has come as a whole is answered without ASGI's messages.

Whatever is amiss or unusual is left to the app, from the start: it has the words for that.
"""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from skewless.aws.alike import Alike
from skewless.aws.closing import closing, internal_failure
from skewless.aws.http import Answer, Head
from skewless.aws.invoke import REQUEST_ID, Invocation, Invoke, request_id
from skewless.aws.protocols import RUNTIME, dialect_of
from skewless.aws.protocols.rest_json import is_invocation
from skewless.aws.signature import SignatureRefused, Verifier
from skewless.serving.forms import Form

Told: TypeAlias = Callable[[Answer], None]
"""Gets the answer, with all its headers."""
Again: TypeAlias = Callable[[re.Match[bytes], bytes, Told], bool]
"""`Shortcut.take` for a head that has a form."""

log = logging.getLogger(__name__)


class Shortcut:
    """Whole requests to `invoke`, verified as ever. False, and nothing is done, where the app has to answer."""

    def __init__(self, verifier: Verifier, invoke: Invoke) -> None:
        self._verifier = verifier
        self._invoke = invoke

    def take(self, head: Head, body: bytes, told: Told) -> bool:
        """Answer a request."""
        if dialect_of(head) is not RUNTIME or not is_invocation(head):
            return False
        try:
            claim = self._verifier.claim(head)
            if claim.service != "sagemaker":
                return False
            self._verifier.check(head, claim, hashlib.sha256(body).hexdigest())
        except SignatureRefused:
            return False
        self._begin(head, body, told)
        return True

    def again(self, form: Form, head: Head) -> Again | None:
        """Answers requests of this form, which a request has that was taken; None where they have to be read whole."""
        try:
            claim = self._verifier.claim(head)
        except SignatureRefused:
            return None
        return partial(self._take_alike, Alike(form, head, claim)) if Alike.fits(form, claim) else None

    def _take_alike(self, alike: Alike, found: re.Match[bytes], body: bytes, told: Told) -> bool:
        secret = self._verifier.keys.get(alike.access_key)
        if secret is None or not alike.holds(found, body, secret, self._verifier.now()):
            return False
        self._begin(alike.head(found), body, told)
        return True

    def _begin(self, head: Head, body: bytes, told: Told) -> None:
        asked = Invocation(head, request_id())

        def tell(outcome: Answer | BaseException) -> None:
            told(_whole(outcome, asked))

        try:
            self._invoke.begin(asked, body, tell)
        except Exception as error:
            tell(error)


def _whole(outcome: Answer | BaseException, asked: Invocation) -> Answer:
    """An answer with all its headers."""
    if isinstance(outcome, BaseException):
        head, here = asked.head, asked.request_id
        log.error("request %s: %s %s", here, head.method, head.path.decode("latin-1"), exc_info=outcome)
        outcome = closing(internal_failure(here), RUNTIME, here)
    headers = dict(outcome.headers)
    headers["content-length"] = str(len(outcome.body))
    headers[REQUEST_ID] = asked.request_id
    return Answer(outcome.status, outcome.body, headers)
