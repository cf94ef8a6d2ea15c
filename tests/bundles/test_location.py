"""Paths and MLeap's URIs."""

from __future__ import annotations

from pathlib import Path

import pytest

from skewless.bundles.location import Location, locate
from skewless.errors import ArtifactError


@pytest.mark.parametrize(
    ("where", "location"),
    [
        ("model.zip", Location(Path("model.zip"))),
        ("/a b/c#d", Location(Path("/a b/c#d"))),
        ("/x!y/z.zip", Location(Path("/x!y/z.zip"))),
        ("C:/x", Location(Path("C:/x"))),
        (Path("file:/x"), Location(Path("file:/x"))),
        ("file:/dir", Location(Path("/dir"))),
        ("file:///dir/x", Location(Path("/dir/x"))),
        ("file://localhost/dir", Location(Path("/dir"))),
        ("file:rel/x", Location(Path("rel/x"))),
        ("file:/a%20b#c?d", Location(Path("/a b#c?d"))),
        ("jar:file:/x.zip", Location(Path("/x.zip"), is_jar=True)),
        ("jar:file:\\dir\\x.zip", Location(Path("/dir/x.zip"), is_jar=True)),
        ("jar:file:/x.jar!sub/path", Location(Path("/x.jar"), "sub/path", is_jar=True)),
        ("jar:file:/x.jar!/sub/", Location(Path("/x.jar"), "sub", is_jar=True)),
    ],
)
def test_locate(where: str | Path, location: Location) -> None:
    assert locate(where) == location


@pytest.mark.parametrize(
    "where",
    [
        "",
        "a\0b",
        "s3://bucket/key",
        "http://x/y.zip",
        "file://host/x",
        "jar:/x.zip",
        "jar:http://x/y.zip",
        "file:",
    ],
)
def test_what_is_no_file_here(where: str) -> None:
    with pytest.raises(ArtifactError) as caught:
        locate(where)
    assert caught.value.message


def test_shown_with_the_folder_inside() -> None:
    assert str(locate("jar:file:/x.jar!sub/path")) == "/x.jar!sub/path"
