"""A model as a picture: stages as boxes that list the columns they make, columns as edges. SVG, light and dark."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from skewless.bundles.place import printable
from skewless.cli.explain import column_text, op_text
from skewless.cli.layout import Edge, Placed, Point, place

if TYPE_CHECKING:
    from skewless.containers.outline import ColumnOutline, ModelOutline, Outline, StageOutline

_CHARACTER: Final = 7.5
"""The width of a character in 12 pixels: that of the widest common monospaced face, and a little more."""
_LINE: Final = 17.0
_PAD: Final = 10.0
_MARGIN: Final = 24.0
_LONGEST: Final = 44
_MOST_LINES: Final = 3
_HEADING: Final = 100

_STYLE: Final = """
text { font: 12px ui-monospace, SFMono-Regular, Menlo, "DejaVu Sans Mono", Consolas, monospace; fill: #1f2328; }
.page { fill: #ffffff; }
.box { fill: #f6f8fa; stroke: #8c959f; }
.input { fill: #ddf4ff; stroke: #54aeff; }
.edge { fill: none; stroke: #8c959f; stroke-width: 1.3; }
.port { fill: #8c959f; }
.name { font-weight: bold; }
.quiet { fill: #59636e; }
.given { fill: #1a7f37; font-weight: bold; }
.warning { fill: #9a6700; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.page { fill: #0d1117; }
.box { fill: #161b22; stroke: #6e7681; }
.input { fill: #0c2d4e; stroke: #316dca; }
.edge { stroke: #7d8590; }
.port { fill: #7d8590; }
.quiet { fill: #9198a1; }
.given { fill: #3fb950; }
.warning { fill: #d29922; }
}
"""


@dataclass(frozen=True, slots=True)
class _Line:
    """A line of text; ``whole`` is what it is short for."""

    text: str
    kind: str = ""
    whole: str = ""
    column: str | None = None
    """The column that it stands for, where an edge begins."""

    @property
    def width(self) -> float:
        wide = sum(unicodedata.east_asian_width(character) in "WF" for character in self.text)
        return (len(self.text) + wide) * _CHARACTER


@dataclass(frozen=True, slots=True)
class _Box:
    """What stands in a box, from the top down."""

    kind: str
    lines: tuple[_Line, ...]
    title: str

    @property
    def size(self) -> Point:
        return max(line.width for line in self.lines) + 2 * _PAD, len(self.lines) * _LINE + _PAD

    def port(self, column: str) -> float:
        """The height of the line that stands for a column."""
        numbers = [number for number, line in enumerate(self.lines) if line.column == column]
        return (numbers[0] + 0.5) * _LINE + _PAD / 2


@dataclass(frozen=True, slots=True)
class _Part:
    """A drawn piece and the room it takes."""

    lines: tuple[str, ...]
    width: float
    height: float


def draw(outline: Outline) -> str:
    """The picture as an SVG document; the same outline gives the same bytes."""
    parts = [part for number, model in enumerate(outline.models) for part in _model(model, number)]
    width = max(part.width for part in parts) + 2 * _MARGIN
    height = sum(part.height for part in parts) + 2 * _MARGIN
    names = ", ".join(f"{printable(model.name)} ({_stages(model)})" for model in outline.models)
    title = _xml(f"What {printable(outline.name)} holds")
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_n(width)}" height="{_n(height)}" '
        f'viewBox="0 0 {_n(width)} {_n(height)}" role="img" aria-labelledby="title description">',
        f'<title id="title">{title}</title>',
        f'<desc id="description">{_xml(f"From left to right, columns go from stage to stage: {names}.")}</desc>',
        f"<style>{_STYLE}</style>",
        f'<rect class="page" width="{_n(width)}" height="{_n(height)}"/>',
    ]
    top = _MARGIN
    for part in parts:
        lines += [f'<g transform="translate({_n(_MARGIN)} {_n(top)})">', *part.lines, "</g>"]
        top += part.height
    return "\n".join([*lines, "</svg>", ""])


def _stages(model: ModelOutline) -> str:
    return "1 stage" if len(model.stages) == 1 else f"{len(model.stages):,} stages"


def _model(model: ModelOutline, number: int) -> Iterator[_Part]:
    yield _heading(model, number)
    yield _graph(model)
    if model.gives:
        given = _shortened(f"↓ hands on {', '.join(map(column_text, model.gives))}", "given", _HEADING)
        yield _texts([given])


def _heading(model: ModelOutline, number: int) -> _Part:
    lines = [_shortened(f"{printable(model.name)} ({model.kind})", "name", _HEADING)]
    lines += [_Line(line, "quiet") for line in _wrapped(" · ".join(model.about), _HEADING)]
    lines += [
        _Line(line, "warning")
        for warning in model.warnings
        for line in _wrapped(f"warning: {warning}", _HEADING)
    ]
    return _texts([_Line(""), *lines] if number else lines)


def _texts(lines: Sequence[_Line]) -> _Part:
    drawn = tuple(_text(line, 0.0, number * _LINE) for number, line in enumerate(lines) if line.text)
    return _Part(drawn, max(line.width for line in lines), len(lines) * _LINE + _PAD)


def _graph(model: ModelOutline) -> _Part:
    given = {column.name for column in model.gives}
    boxes = [_input(column, given) for column in model.inputs]
    boxes += [_stage(stage, given) for stage in model.stages]
    makers = {column.name: number for number, column in enumerate(model.inputs)}
    edges, columns = [], []
    for number, stage in enumerate(model.stages, start=len(model.inputs)):
        for column in stage.inputs:
            source = makers.get(column.name)
            if source is not None:
                edges.append(Edge(source, boxes[source].port(column.name), number))
                columns.append(column)
        # A column that a stage only looks at goes on from where it was.
        makers.update((column.name, number) for column in stage.outputs)
    placed = place([box.size for box in boxes], edges)
    drawn = [*_edges(placed, columns), *_boxes(placed, boxes)]
    return _Part(tuple(drawn), placed.width, placed.height + _PAD)


def _input(column: ColumnOutline, given: set[str]) -> _Box:
    return _Box("input", (_column(column, given),), f"input {column_text(column)}")


def _stage(stage: StageOutline, given: set[str]) -> _Box:
    values = "; ".join(stage.values)
    wrapped = _wrapped(values, _LONGEST)
    if len(wrapped) > _MOST_LINES:
        wrapped = [*wrapped[: _MOST_LINES - 1], f"{wrapped[_MOST_LINES - 1][: _LONGEST - 2]} …"]
    lines = (
        _shortened(printable(stage.name), "name"),
        _shortened(op_text(stage), "quiet"),
        *(_Line(line, "quiet") for line in wrapped),
        *(_column(column, given) for column in stage.outputs),
    )
    return _Box("box", lines, f"{printable(stage.name)}: {op_text(stage)}; {values}")


def _column(column: ColumnOutline, given: set[str]) -> _Line:
    kind = "given" if column.name in given else ""
    line = _shortened(column_text(column), kind)
    return _Line(line.text, kind, line.whole, column.name)


def _shortened(text: str, kind: str, longest: int = _LONGEST) -> _Line:
    """The text without its middle where it is long: names differ at both ends."""
    if len(text) <= longest:
        return _Line(text, kind)
    half = (longest - 1) // 2
    return _Line(f"{text[:half]}…{text[-half:]}", kind, text)


def _wrapped(text: str, width: int) -> list[str]:
    return textwrap.wrap(text if text.isprintable() else ascii(text)[1:-1], width, break_on_hyphens=False)


def _edges(placed: Placed, columns: Sequence[ColumnOutline]) -> Iterator[str]:
    for way, column in zip(placed.ways, columns, strict=True):
        path = f"M{_n(way[0][0])} {_n(way[0][1])}"
        for (left, upper), (right, lower) in pairwise(way):
            if upper == lower:
                path += f"H{_n(right)}"
            else:
                middle = _n((left + right) / 2)
                path += f"C{middle} {_n(upper)} {middle} {_n(lower)} {_n(right)} {_n(lower)}"
        yield f'<path class="edge" d="{path}"><title>{_xml(column_text(column))}</title></path>'


def _boxes(placed: Placed, boxes: Sequence[_Box]) -> Iterator[str]:
    for (left, top, width), box in zip(placed.boxes, boxes, strict=True):
        height = box.size[1]
        radius = _n(height / 2 if box.kind == "input" else 5.0)
        yield f"<g><title>{_xml(box.title)}</title>"
        yield (
            f'<rect class="{box.kind}" x="{_n(left)}" y="{_n(top)}" '
            f'width="{_n(width)}" height="{_n(height)}" rx="{radius}"/>'
        )
        for number, line in enumerate(box.lines):
            upper = top + _PAD / 2 + number * _LINE
            yield _text(line, left + _PAD, upper)
            if line.column is not None and box.kind != "input":
                right, middle = _n(left + width), _n(upper + _LINE / 2)
                yield f'<circle class="port" cx="{right}" cy="{middle}" r="2.5"/>'
        yield "</g>"


def _text(line: _Line, left: float, top: float) -> str:
    """A line whose upper left corner is here."""
    kind = f' class="{line.kind}"' if line.kind else ""
    whole = f"<title>{_xml(line.whole)}</title>" if line.whole else ""
    return f'<text{kind} x="{_n(left)}" y="{_n(top + 12.5)}" xml:space="preserve">{_xml(line.text)}{whole}</text>'


def _xml(text: str) -> str:
    """Text as XML has it: what it cannot hold at all is written out."""
    return escape(text if text.isprintable() else ascii(text)[1:-1])


def _n(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")
