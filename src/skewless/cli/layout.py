"""A layered layout of boxes: every edge goes to the right, and passes boxes in between by a lane of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

ACROSS: Final = 56.0
"""Between two layers."""
APART: Final = 22.0
"""Between two boxes of a layer."""
_LANE: Final = 6.0
_SWEEPS: Final = 4

Point: TypeAlias = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Edge:
    """From a box, where its right side has a port at this height, to a box that comes later."""

    source: int
    port: float
    target: int


@dataclass(slots=True)
class _Node:
    """A box, or where an edge passes a layer."""

    layer: int
    width: float
    height: float
    before: list[int] = field(default_factory=list)
    after: list[int] = field(default_factory=list)
    y: float = 0.0


@dataclass(frozen=True, slots=True)
class Placed:
    """Left, top and width of every box, every edge's way from point to point, and the size of it all."""

    boxes: tuple[tuple[float, float, float], ...]
    ways: tuple[tuple[Point, ...], ...]
    width: float
    height: float


def place(sizes: Sequence[Point], edges: Sequence[Edge]) -> Placed:
    """Lay boxes of these sizes out; an edge goes from a box to one that stands later in the list.

    The boxes of a layer get the width of the widest.
    """
    nodes = [_Node(layer, *size) for layer, size in zip(_layers(len(sizes), edges), sizes, strict=True)]
    lanes = _add_lanes(nodes, edges)
    rows = _rows(nodes)
    for sweep in range(2 * _SWEEPS):
        _reorder(nodes, rows, from_left=sweep % 2 == 0)
    for sweep in range(2 * _SWEEPS):
        _align(nodes, rows, from_left=sweep % 2 == 0)
    top = min((node.y for node in nodes), default=0.0)
    widths = [max(nodes[number].width for number in row) for row in rows]
    lefts = [sum(widths[:layer]) + layer * ACROSS for layer in range(len(rows))]
    boxes = tuple((lefts[node.layer], node.y - top, widths[node.layer]) for node in nodes[: len(sizes)])
    entries = _entries(nodes, edges)
    ways = []
    for number, edge in enumerate(edges):
        left, upper, width = boxes[edge.source]
        way = [(left + width, upper + edge.port)]
        for lane in lanes[number]:
            node = nodes[lane]
            height = node.y - top + node.height / 2
            way += [(lefts[node.layer], height), (lefts[node.layer] + widths[node.layer], height)]
        left, upper, _ = boxes[edge.target]
        ways.append((*way, (left, upper + entries[number])))
    bottom = max((node.y + node.height for node in nodes), default=0.0)
    return Placed(boxes, tuple(ways), lefts[-1] + widths[-1] if rows else 0.0, bottom - top)


def _layers(count: int, edges: Sequence[Edge]) -> list[int]:
    layers = [0] * count
    for edge in sorted(edges, key=lambda edge: edge.target):
        layers[edge.target] = max(layers[edge.target], layers[edge.source] + 1)
    return layers


def _add_lanes(nodes: list[_Node], edges: Sequence[Edge]) -> list[list[int]]:
    """Nodes where edges pass layers, one for all edges of a port; gives those of every edge."""
    shared: dict[tuple[int, float, int], int] = {}
    lanes = []
    for edge in edges:
        previous, own = edge.source, []
        for layer in range(nodes[edge.source].layer + 1, nodes[edge.target].layer):
            key = (edge.source, edge.port, layer)
            if key not in shared:
                shared[key] = len(nodes)
                nodes.append(_Node(layer, 0.0, _LANE, before=[previous]))
                nodes[previous].after.append(shared[key])
            previous = shared[key]
            own.append(previous)
        nodes[previous].after.append(edge.target)
        nodes[edge.target].before.append(previous)
        lanes.append(own)
    return lanes


def _rows(nodes: Sequence[_Node]) -> list[list[int]]:
    """The numbers of the nodes, layer by layer, stacked in the order in which they come."""
    rows: list[list[int]] = [[] for _ in range(max((node.layer for node in nodes), default=-1) + 1)]
    for number, node in enumerate(nodes):
        rows[node.layer].append(number)
    for row in rows:
        _stack(nodes, row)
    return rows


def _stack(nodes: Sequence[_Node], row: Sequence[int]) -> None:
    height = 0.0
    for number in row:
        nodes[number].y = height
        height += nodes[number].height + APART


def _wanted(nodes: Sequence[_Node], number: int, from_left: bool) -> float:
    """Where the node's middle should be: in the mean of its neighbours', or where it is."""
    node = nodes[number]
    near = node.before if from_left else node.after
    middles = [nodes[other].y + nodes[other].height / 2 for other in near]
    return sum(middles) / len(middles) if middles else node.y + node.height / 2


def _reorder(nodes: Sequence[_Node], rows: list[list[int]], *, from_left: bool) -> None:
    """Sort every layer by where its neighbours are, so that few edges cross."""
    for row in rows if from_left else reversed(rows):
        # sort keeps the order of equals, so that the same graph always gives the same picture.
        row.sort(key=lambda number: _wanted(nodes, number, from_left))
        _stack(nodes, row)


def _align(nodes: Sequence[_Node], rows: Sequence[Sequence[int]], *, from_left: bool) -> None:
    """Move boxes towards their neighbours, as far as the order and the gaps allow: least squares by pooling."""
    for row in rows if from_left else reversed(rows):
        offsets: list[float] = []
        start = 0.0
        for number in row:
            offsets.append(start)
            start += nodes[number].height + APART
        blocks: list[tuple[float, int]] = []  # mean of the wanted starts, and of how many
        for number, offset in zip(row, offsets, strict=True):
            mean = _wanted(nodes, number, from_left) - nodes[number].height / 2 - offset
            count = 1
            while blocks and blocks[-1][0] > mean:
                other, size = blocks.pop()
                mean, count = (mean * count + other * size) / (count + size), count + size
            blocks.append((mean, count))
        starts = [mean for mean, count in blocks for _ in range(count)]
        for number, offset, first in zip(row, offsets, starts, strict=True):
            nodes[number].y = first + offset


def _entries(nodes: Sequence[_Node], edges: Sequence[Edge]) -> Mapping[int, float]:
    """At which height of its target each edge comes in: spread over the side, in the order in which they come."""
    arriving: dict[int, list[int]] = {}
    for number, edge in enumerate(edges):
        arriving.setdefault(edge.target, []).append(number)
    entries: dict[int, float] = {}
    for target, numbers in arriving.items():
        numbers.sort(key=lambda number: nodes[edges[number].source].y + edges[number].port)
        step = nodes[target].height / (len(numbers) + 1)
        entries.update((number, place * step) for place, number in enumerate(numbers, start=1))
    return entries
