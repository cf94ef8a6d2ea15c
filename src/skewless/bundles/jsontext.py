"""JSON text as artifacts hold it: read strictly, written for people."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from skewless.bundles.place import Place

_SCALARS: Final = frozenset({type(None), bool, int, float, str})
# Only an escape can smuggle half a surrogate pair through UTF-8.
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]")


def parse(data: bytes, place: Place) -> Any:
    """The document in ``data``. Integers and doubles stay exact; Python's ``NaN`` and ``Infinity`` are taken.

    ArtifactError says line and column of a mistake. A key that stands twice in one object is a mistake, because
    readers differ in which one they take.
    """
    try:
        text = data.decode("utf-8-sig")
        document = json.loads(text, object_pairs_hook=_unique)
        if _SURROGATE.search(text):
            json.dumps(document, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise place.error(f"is not UTF-8 text: byte {error.start} is wrong") from None
    except UnicodeEncodeError:
        raise place.error("holds half a character (an unpaired surrogate)") from None
    except json.JSONDecodeError as error:
        raise place.error(f"is not JSON: {error.msg} in line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise place.error("is nested too deep", "No real pipeline is; do not trust the file.") from None
    except ValueError as error:
        raise place.error(f"is not acceptable JSON: {error}") from None
    return document


def obj(document: Any, place: Place) -> dict[str, Any]:
    """The document, which must be an object."""
    if not isinstance(document, dict):
        raise place.error(f"should be a JSON object, but is {kind(document)}")
    return document


def array(document: Any, place: Place) -> list[Any]:
    """The document, which must be an array."""
    if not isinstance(document, list):
        raise place.error(f"should be a JSON array, but is {kind(document)}")
    return document


def text(document: Any, place: Place) -> str:
    """The document, which must be a string."""
    if not isinstance(document, str):
        raise place.error(f"should be a string, but is {kind(document)}")
    return document


def member(document: Mapping[str, Any], key: str, place: Place) -> Any:
    """What an object holds under a key that it must have."""
    if key not in document:
        raise place.error(f"lacks the key {key!r}")
    return document[key]


def kind(document: Any) -> str:
    """What a JSON document is, in words."""
    if document is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "an array"}
    return names.get(type(document), "an object" if isinstance(document, dict) else type(document).__name__)


def dump(document: Any, place: Place) -> bytes:
    """The document as UTF-8, indented, with each list of plain values on one line; ends with a newline."""
    try:
        return (_lines(document, "\n") + "\n").encode()
    except UnicodeEncodeError:
        raise place.error("would hold half a character (an unpaired surrogate)") from None


def _lines(document: Any, newline: str) -> str:
    deeper = newline + "  "
    if isinstance(document, Mapping) and document:
        items = (f"{_plain(key)}: {_lines(value, deeper)}" for key, value in document.items())
        return "{" + deeper + f",{deeper}".join(items) + newline + "}"
    if isinstance(document, list) and not _SCALARS.issuperset(map(type, document)):
        return "[" + deeper + f",{deeper}".join(_lines(item, deeper) for item in document) + newline + "]"
    return _plain(document)


def _plain(document: Any) -> str:
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return found
