"""What to do when a container does not read what the one before it answered: the commonest failure of pipelines.

A container in the middle hears no Accept and answers in its own default form, with parameters or without, and the next
one takes that form to the letter. So an error says who sent what, what was wanted, and the one line that mends it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final

from skewless.containers.base import Container, media_type
from skewless.errors import ContainerRefused, ContentTypeError, EmptyBody, RequestError, ValueRefused

ACCEPT: Final = "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT"

_CSV: Final = "text/csv"
_SCRIPTS: Final = ("application/json", _CSV, "application/x-npy")
"""What a script's ``input_fn`` reads where it has none of its own."""
_READS: Final[Mapping[str, Sequence[str]]] = {
    "sklearn": _SCRIPTS,
    "python": _SCRIPTS,
    "xgboost": (_CSV, "text/libsvm", "application/x-recordio-protobuf"),
}
_OWN: Final = "process"
"""A program of which nobody here knows whether it heeds any variable."""


def explained(error: RequestError, before: Container, kind: str | None, after: Container) -> RequestError:
    """The error to raise for one that ``after`` raised for ``before``'s answer of this content type.

    Where that is a matter of content types, it says what mends it. A body without a byte is an error here, though it is
    none for who is the first to get it: the rows of the request would be lost without a word.
    """
    if isinstance(error, EmptyBody):
        return ValueRefused(
            f"{before.name} answered with an empty body, so there is nothing to process",
            hint=f"Have {before.name} answer every row, or refuse it.",
        )
    refused = isinstance(error, ContainerRefused) and error.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
    if refused or isinstance(error, ContentTypeError):
        error.hint = mended(before, kind, after)
    return error


def mended(before: Container, kind: str | None, after: Container) -> str:
    """Who answered what, what the next one reads, and the line that makes both agree."""
    reads = after.reads or _READS.get(after.runtime, ())
    told = f"{before.name} ({before.runtime}) answered with content type {kind!r}"
    if reads:
        told += f", and {after.name} ({after.runtime}) reads {', '.join(reads)}"
    else:
        told += f", which {after.name} ({after.runtime}) does not take"
    return f"{told}. {_remedy(before, kind, after, reads)}"


def _remedy(before: Container, kind: str | None, after: Container, reads: Sequence[str]) -> str:
    bare = media_type(kind)
    if bare != kind and (bare in reads or not reads):
        line = "content_type = content_type.partition(';')[0]"
        return f"It takes that to the letter, without what follows the semicolon. In {after.name}'s input_fn: {line}"
    wanted = _CSV if _CSV in reads or not reads else reads[0]
    if before.runtime == _OWN:
        return f"Have the program of {before.name} answer with Content-Type {wanted}."
    return f"Set in its environment: {before.name}: {ACCEPT}={wanted}"
