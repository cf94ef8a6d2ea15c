"""JSON text: exact numbers, mistakes with their position, nothing ambiguous."""

from __future__ import annotations

import json
import math
import re

import pytest

from skewless.bundles.jsontext import dump, parse
from skewless.bundles.place import Place
from skewless.errors import ArtifactError

PLACE = Place("a.zip", "root/model.json")


def test_numbers_stay_exact() -> None:
    assert parse(b"[9223372036854775807, 0.1, 1.0E-7]", PLACE) == [2**63 - 1, 0.1, 1e-7]
    assert parse(b"\xef\xbb\xbf{}", PLACE) == {}
    assert math.isnan(parse(b"NaN", PLACE))
    assert parse(rb'"\ud83d\ude97"', PLACE) == "🚗"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "is not JSON: Expecting value in line 1, column 1"),
        (b'{\n  "a": 1,\n}', "in line "),
        (b'{"a": 1} x', "Extra data in line 1, column 10"),
        (b'"\xff"', "is not UTF-8 text: byte 1 is wrong"),
        (b'{"a": 1, "b": {}, "a": 2}', "the key 'a' stands twice"),
        (b"[" * 100_000, "is nested too deep"),
        (b'{"a":' * 100_000, "is nested too deep"),
        (b"9" * 10_000, "is not acceptable JSON"),
        (rb'"\ud800"', "half a character"),
        (rb'{"\uDFFF": 1}', "half a character"),
        (b'"a\nb"', "Invalid control character"),
    ],
)
def test_mistakes(data: bytes, message: str) -> None:
    with pytest.raises(ArtifactError, match=re.escape(message)) as caught:
        parse(data, PLACE)
    assert str(caught.value).startswith("a.zip, root/model.json: ")


def test_layout_is_for_people() -> None:
    document = {"op": "ü", "attributes": {}, "list": [1.5, 2], "shapes": [{"size": 1, "name": ""}, {}]}
    assert dump(document, PLACE).decode() == (
        '{\n  "op": "ü",\n  "attributes": {},\n  "list": [1.5, 2],\n'
        '  "shapes": [\n    {\n      "size": 1,\n      "name": ""\n    },\n    {}\n  ]\n}\n'
    )
    assert parse(dump(document, PLACE), PLACE) == document


def test_doubles_come_back() -> None:
    numbers = [5e-324, 1.7976931348623157e308, 0.1 + 0.2, -0.0, 1e16, 1e22, 123456789.123456789]
    back = json.loads(dump(numbers, PLACE))
    assert [number.hex() for number in back] == [number.hex() for number in numbers]


def test_half_a_character_is_not_written() -> None:
    with pytest.raises(ArtifactError, match="half a character"):
        dump({"a": "\ud800"}, PLACE)
