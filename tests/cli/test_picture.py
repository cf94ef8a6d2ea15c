"""The picture of a model, read as XML: all of it is there, apart and inside, and no name breaks it."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import pytest

from skewless.bundles.bundle import save
from skewless.cli.picture import draw
from skewless.containers.outline import outline_of
from skewless.ops.assemble import VectorAssembler
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.one_hot import OneHotEncoder
from skewless.ops.size_hint import VectorSizeHint
from skewless.schema import DOUBLE, STRING, Field, Schema
from tests.cli.conftest import Run
from tests.pipelines import graph, stage

SVG = "{http://www.w3.org/2000/svg}"
CHARACTER = 7.23
"""Of DejaVu Sans Mono in 12 pixels, the widest face that is likely to be taken."""


@dataclass(frozen=True)
class Room:
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, other: Room) -> bool:
        return (
            self.left <= other.left
            and other.right <= self.right
            and self.top <= other.top
            and other.bottom <= self.bottom
        )

    def meets(self, other: Room) -> bool:
        beside = self.right <= other.left or other.right <= self.left
        return not (beside or self.bottom <= other.top or other.bottom <= self.top)


@dataclass(frozen=True)
class Picture:
    page: Room
    boxes: list[tuple[Room, list[tuple[str, Room]]]]
    texts: list[tuple[str, Room]]
    edges: list[ET.Element]
    root: ET.Element


def seen(svg: str) -> Picture:
    root = ET.fromstring(svg)
    _, _, width, height = map(float, root.attrib["viewBox"].split())
    boxes, texts, edges = [], [], []
    for part in root.findall(f"{SVG}g"):
        x, y = map(float, part.attrib["transform"].removeprefix("translate(").removesuffix(")").split())
        texts += [text_of(element, x, y) for element in part.iter(f"{SVG}text")]
        edges += list(part.iter(f"{SVG}path"))
        for group in part.findall(f"{SVG}g"):
            rect = group.find(f"{SVG}rect")
            assert rect is not None
            left, top, wide, high = (float(rect.attrib[name]) for name in ("x", "y", "width", "height"))
            inside = [text_of(element, x, y) for element in group.findall(f"{SVG}text")]
            boxes.append((Room(x + left, y + top, x + left + wide, y + top + high), inside))
    return Picture(Room(0, 0, width, height), boxes, texts, edges, root)


def text_of(element: ET.Element, x: float, y: float) -> tuple[str, Room]:
    left, base = x + float(element.attrib["x"]), y + float(element.attrib["y"])
    text = element.text or ""
    return text, Room(left, base - 10, left + CHARACTER * len(text), base + 3)


def check(picture: Picture) -> None:
    assert all(picture.page.holds(room) for _, room in picture.texts)
    for one, other in combinations([room for room, _ in picture.boxes], 2):
        assert not one.meets(other)
    for room, inside in picture.boxes:
        assert picture.page.holds(room)
        assert inside
        assert all(room.holds(text) for _, text in inside), inside


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """Names that XML, or a box, could suffer from; a column that is read late; one that is only looked at."""
    inputs = Schema((Field('<a href="x">&', STRING), Field("nul\0bell\x07", STRING), Field("late", DOUBLE)))
    long = "a name that is so long that no box could hold it, " * 3
    stages = [
        stage("one<text>", StringIndexer(("]]>", "<!--", "东京")), ['<a href="x">&'], ["i&amp;"]),
        stage(long, StringIndexer(("b",)), ["nul\0bell\x07"], [f"{long}!"]),
        stage("hot", OneHotEncoder((3, 1)), ["i&amp;", f"{long}!"], ["hot", "other"]),
        stage("sized", VectorSizeHint(2), ["hot"], []),
        stage("all", VectorAssembler((2, 0, None)), ["hot", "other", "late"], ["features"]),
        stage("named", IndexToString(("x",)), ["late"], ["name"]),
    ]
    return save(graph("<odd>", stages), tmp_path / "odd.zip", engine="'\"&", inputs=inputs, rows=None)


def test_a_pipelines_picture(pipeline: Path, tmp_path: Path, run: Run) -> None:
    file = tmp_path / "p.svg"
    done = run("explain", pipeline, "--svg", file)
    assert (done.status, done.out, done.err) == (0, f"{file}: 15 stages drawn\n", "")
    picture = seen(file.read_text(encoding="utf-8"))
    check(picture)
    shown = [text for text, _ in picture.texts]
    outline = outline_of(pipeline)
    for model in outline.models:
        assert f"{model.name} ({model.kind})" in shown
        for column in (*model.inputs, *(made for one in model.stages for made in one.outputs)):
            assert f"{column.name}: {column.type}" in shown
        for one in model.stages:
            assert one.name in shown
            assert f"{one.op} · bit-equal" in shown
    assert len(picture.boxes) == 15 + 6 + 1 + 1
    assert len(picture.edges) == 18 + 1 + 1
    assert "↓ hands on features: vector[23]" in shown


def titles(picture: Picture) -> Iterator[str]:
    return (element.text or "" for element in picture.root.iter(f"{SVG}title"))


def test_names_are_only_names(odd: Path) -> None:
    picture = seen(draw(outline_of(odd)))
    check(picture)
    shown = [text for text, _ in picture.texts]
    for text in (
        '<a href="x">&: string',
        r"nul\x00bell\x07: string",
        "one<text>",
        "i&amp;: double",
        "sized",
    ):
        assert text in shown
    assert any(
        title.startswith("a name that is so long") and "!: double" in title for title in titles(picture)
    )
    assert len(picture.edges) == 9


def test_it_can_be_read_aloud(pipeline: Path) -> None:
    root = seen(draw(outline_of(pipeline))).root
    assert root.attrib["role"] == "img"
    parts = {element.attrib["id"]: element.text or "" for element in root if "id" in element.attrib}
    assert root.attrib["aria-labelledby"].split() == list(parts)
    assert parts["title"] == f"What {pipeline} holds"
    assert "container-1 (13 stages), container-2 (1 stage), container-3 (1 stage)" in parts["description"]


def test_the_same_model_gives_the_same_bytes(pipeline: Path) -> None:
    assert draw(outline_of(pipeline)) == draw(outline_of(pipeline))


def test_every_colour_has_its_dark_one(pipeline: Path) -> None:
    light, _, dark = draw(outline_of(pipeline)).partition("@media (prefers-color-scheme: dark)")
    for kind in ("text", ".page", ".box", ".input", ".edge", ".port", ".quiet", ".given", ".warning"):
        assert f"\n{kind} {{" in light
        assert f"\n{kind} {{" in dark


def test_a_bundle_without_stages(tmp_path: Path) -> None:
    inputs = Schema((Field("x", DOUBLE),))
    path = save(graph("none", []), tmp_path / "none.zip", engine="tests", inputs=inputs, rows=None)
    picture = seen(draw(outline_of(path)))
    check(picture)
    assert [text for _, inside in picture.boxes for text, _ in inside] == ["x: double"]
