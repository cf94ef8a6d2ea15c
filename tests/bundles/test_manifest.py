"""The manifest: what was written comes back, and any change to a file shows."""

from __future__ import annotations

import hashlib
import json
import re
from typing import Any

import pytest

from skewless.bundles import manifest
from skewless.bundles.archive import Files
from skewless.bundles.manifest import FILE, Manifest
from skewless.errors import ArtifactError
from skewless.schema import STRING, Base, Schema, Struct, Type, vector

FILES = {"bundle.json": b"{}", "root/model.json": b"1", "root/node.json": b"2", "skewless/parity.arrow": b"3"}
INPUT = Schema.of(a=STRING, v=vector(3), w=vector(), l=Type(Base.LONG, Struct.ARRAY))


def test_round_trip() -> None:
    before = Manifest.of(FILES, engine="pyspark 4.3.0", input=INPUT, parity=100)
    written = before.write()
    assert manifest.read(Files("x", {**FILES, **written})) == before
    assert json.loads(written[FILE]) == {
        "format": 1,
        "engine": "pyspark 4.3.0",
        "input": [
            {"name": "a", "type": "string", "struct": "basic"},
            {"name": "v", "type": "double", "struct": "vector", "size": 3},
            {"name": "w", "type": "double", "struct": "vector"},
            {"name": "l", "type": "long", "struct": "array"},
        ],
        "digests": {
            "root/model.json": hashlib.sha256(b"1").hexdigest(),
            "root/node.json": hashlib.sha256(b"2").hexdigest(),
        },
        "parity": 100,
    }


def test_what_is_not_known_stays_unknown() -> None:
    before = Manifest.of({})
    assert manifest.read(Files("x", before.write())) == before == Manifest()
    assert manifest.read(Files("x", FILES)) is None


def test_changed_files() -> None:
    known = Manifest.of(FILES)
    assert known.changed_files({**FILES, **known.write()}) == []
    assert known.changed_files({**FILES, "bundle.json": b"later", "skewless/more": b""}) == []
    changed = {"root/model.json": b"0", "root/new": b"", "skewlessly": b""}
    assert known.changed_files(changed) == [
        ("root/model.json", "changed"),
        ("root/new", "added"),
        ("root/node.json", "missing"),
        ("skewlessly", "added"),
    ]


COLUMN = {"name": "a", "type": "string", "struct": "basic"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 2}, "has format 2; this Skewless reads up to 1. Use a newer Skewless"),
        ({"format": 0}, "has 0 for a format"),
        ({"format": True}, "has True for a format"),
        ({"format": "1"}, "has '1' for a format"),
        ({"engine": 4}, "'engine' should be a string"),
        ({"parity": -1}, "has -1 for a number of parity rows"),
        ({"parity": 1.0}, "has 1.0 for a number of parity rows"),
        ({"digests": []}, "'digests' should be a JSON object"),
        ({"digests": {"a": "x"}}, "has no SHA-256 for 'a'"),
        ({"digests": {"a": "A" * 64}}, "has no SHA-256 for 'a'"),
        ({"input": {}}, "'input' should be a JSON array"),
        ({"input": [1]}, "'input' should be a JSON object"),
        ({"input": [{**COLUMN, "type": "decimal"}]}, "column 'a' has an unknown type: 'decimal'"),
        ({"input": [{**COLUMN, "type": []}]}, "column 'a' has an unknown type"),
        ({"input": [{**COLUMN, "size": 3}]}, "column 'a' has 3 for a size"),
        ({"input": [{**COLUMN, "struct": "vector", "size": -1}]}, "has -1 for a size"),
        ({"input": [COLUMN, COLUMN]}, "is no schema: column 'a' is named twice"),
    ],
)
def test_malformed(changes: dict[str, Any], message: str) -> None:
    document = {**json.loads(Manifest.of(FILES).write()[FILE]), **changes}
    with pytest.raises(ArtifactError, match=re.escape(message)) as caught:
        manifest.read(Files("x.zip", {FILE: json.dumps(document).encode()}))
    assert str(caught.value).startswith("x.zip, skewless/manifest.json: ")


@pytest.mark.parametrize("key", ["format", "engine", "input", "digests", "parity"])
def test_every_key_is_needed(key: str) -> None:
    document = json.loads(Manifest.of(FILES).write()[FILE])
    del document[key]
    with pytest.raises(ArtifactError, match=f"lacks the key '{key}'"):
        manifest.read(Files("x.zip", {FILE: json.dumps(document).encode()}))


def test_not_json() -> None:
    with pytest.raises(ArtifactError, match="is not JSON"):
        manifest.read(Files("x.zip", {FILE: b"\x00"}))
