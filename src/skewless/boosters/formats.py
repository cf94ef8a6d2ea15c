"""Every form in which XGBoost models come, to the current one: JSON and UBJSON as they are, older ones converted.

Older are the binary format (raw, or behind ``binf`` or ``bs64``), the same or a document with the configuration of
training beside it (what pickling a booster wrote), and Python pickles, which are read and never unpickled.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import replace
from typing import Any, Final, NamedTuple

from skewless.boosters import legacy, pickles
from skewless.boosters.booster_model import ModelFacts, Node, checked, damaged
from skewless.boosters.documents import Unsound, read
from skewless.boosters.ubjson import written

_PICKLE: Final = re.compile(rb"\x80[\x00-\x05]|\(?[ci][A-Za-z_][\w.]*\r?\n")
_TEXT: Final = re.compile(rb'\{[ \t\r\n]*"')
_WITH_CONFIGURATION: Final = b"CONFIG-offset:"


class Current(NamedTuple):
    """A model in the current format.

    ``limit`` is how many trees a class counts (0 for all), and ``pickled`` whether it came in a pickle: older
    containers minded both.
    """

    model: bytes
    limit: int = 0
    pickled: bool = False


def current(data: bytes, *, artifact: str | None = None, file: str | None = None) -> Current:
    """A model file of any form. ArtifactError where it is damaged, or a pickle of anything else."""
    with damaged(artifact, file):
        if _PICKLE.match(data):
            found = pickles.model_in(data)
            inner = _unpickled(found.model)
            return Current(inner.model, found.limit or inner.limit, True)
        return _unpickled(data)


def facts_of(
    data: bytes, *, artifact: str | None = None, file: str | None = None
) -> tuple[bytes, ModelFacts]:
    """A model file of any form in the current one, and its facts; errors as of `sound`."""
    made = sound(data, artifact=artifact, file=file)
    return made.model, made.facts


class Sound(NamedTuple):
    """A model file in the current format that is safe to load, what it says about itself, and its learner."""

    model: bytes
    facts: ModelFacts
    learner: Node


def sound(data: bytes, *, artifact: str | None = None, file: str | None = None) -> Sound:
    """A model file of any form, proven sound; errors as of `current` and of `booster_model.checked`."""
    found = current(data, artifact=artifact, file=file)
    facts, learner = checked(found.model, artifact=artifact, file=file)
    return Sound(found.model, replace(facts, pickled=found.pickled, limit=found.limit), learner)


def _unpickled(data: bytes) -> Current:
    if not data or data[:1] == b"{":
        return Current(_without_configuration(data))
    if data.startswith(_WITH_CONFIGURATION):
        start = len(_WITH_CONFIGURATION) + 8
        size = int.from_bytes(data[len(_WITH_CONFIGURATION) : start], "little")
        if size > len(data) - start:
            raise Unsound("it ends early")
        return _unpickled(data[start : start + size])
    if data.startswith(b"bs64"):
        try:
            data = base64.b64decode(data[4:].strip(b"\t "), validate=True)
        except binascii.Error as error:
            raise Unsound(f"its base64 text is malformed: {error}") from None
    document = _binary(data)
    text = document["learner"]["attributes"].get("best_ntree_limit", "")
    limit = int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else 0
    return Current(written(document), limit)


def _binary(data: bytes) -> dict[str, Any]:
    try:
        return legacy.document(data)
    except Unsound as unsound:
        if data.startswith(b"binf"):
            raise
        # The oldest form has no mark of its own.
        raise Unsound(
            f"this is no XGBoost model in JSON, UBJSON or the old binary format (as that, {unsound})",
            foreign=True,
        ) from None


def _without_configuration(data: bytes) -> bytes:
    """A snapshot's model, where the document is a snapshot of a booster in memory; otherwise the document as it is."""
    if b"Model" not in data or b"Config" not in data:
        return data
    document = read(data)
    if not isinstance(document, dict) or set(document) != {"Config", "Model"}:
        return data
    model = document["Model"]
    if not _TEXT.match(data):
        return written(model)
    # The library warns of text from before 1.6, which it reads in the same way.
    return json.dumps({**model, "version": [1, 6, 0]} if isinstance(model, dict) else model).encode()
