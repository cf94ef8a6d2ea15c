"""Layouts of random graphs: whatever comes, boxes stay apart and edges go to the right, past the boxes in between."""

from __future__ import annotations

from itertools import combinations, pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from skewless.cli.layout import APART, Edge, Placed, Point, place

SIZES = st.lists(st.tuples(st.floats(20.0, 300.0), st.floats(20.0, 120.0)), min_size=1, max_size=9)


@st.composite
def graphs(draw: Any) -> tuple[list[Point], list[Edge]]:
    sizes = draw(SIZES)
    edges = []
    for target in range(1, len(sizes)):
        for source in draw(st.sets(st.integers(0, target - 1), max_size=4)):
            edges.append(Edge(source, draw(st.floats(0.0, 1.0)) * sizes[source][1], target))
    return sizes, edges


def room(placed: Placed, sizes: list[Point], number: int) -> tuple[float, float, float, float]:
    left, top, width = placed.boxes[number]
    return left, top, left + width, top + sizes[number][1]


@given(graphs())
def test_boxes_stay_apart_and_inside(graph: tuple[list[Point], list[Edge]]) -> None:
    sizes, edges = graph
    placed = place(sizes, edges)
    rooms = [room(placed, sizes, number) for number in range(len(sizes))]
    for one, other in combinations(rooms, 2):
        beside = one[2] <= other[0] or other[2] <= one[0]
        above = one[3] + APART <= other[1] + 1e-6 or other[3] + APART <= one[1] + 1e-6
        assert beside or above
    assert min(min(left, top) for left, top, _, _ in rooms) >= 0.0
    assert max(right for _, _, right, _ in rooms) <= placed.width + 1e-6
    assert max(bottom for _, _, _, bottom in rooms) <= placed.height + 1e-6
    assert all(box[2] >= size[0] for box, size in zip(placed.boxes, sizes, strict=True))


@given(graphs())
def test_edges_go_right_from_port_to_box(graph: tuple[list[Point], list[Edge]]) -> None:
    sizes, edges = graph
    placed = place(sizes, edges)
    for edge, way in zip(edges, placed.ways, strict=True):
        source, target = room(placed, sizes, edge.source), room(placed, sizes, edge.target)
        assert way[0] == (source[2], source[1] + edge.port)
        assert way[-1][0] == target[0]
        assert target[1] < way[-1][1] < target[3]
        assert all(one[0] < other[0] for one, other in pairwise(way))


@given(graphs())
def test_edges_pass_boxes_in_between(graph: tuple[list[Point], list[Edge]]) -> None:
    sizes, edges = graph
    placed = place(sizes, edges)
    rooms = [room(placed, sizes, number) for number in range(len(sizes))]
    for way in placed.ways:
        for (left, height), (right, other) in pairwise(way):
            if height == other:
                crossed = [one for one in rooms if one[0] < right and left < one[2]]
                assert all(not one[1] < height < one[3] for one in crossed)


def test_a_chain_stands_in_a_line() -> None:
    sizes = [(50.0, 20.0), (90.0, 60.0), (70.0, 40.0)]
    placed = place(sizes, [Edge(0, 10.0, 1), Edge(1, 30.0, 2)])
    assert [top + size[1] / 2 for (_, top, _), size in zip(placed.boxes, sizes, strict=True)] == [30.0] * 3


def test_neighbours_are_sorted_so_that_edges_need_not_cross() -> None:
    sizes = [(50.0, 20.0)] * 6
    crossed = [Edge(0, 10.0, 5), Edge(1, 10.0, 4), Edge(2, 10.0, 3)]
    ways = place(sizes, crossed).ways
    assert all(way[0][1] == way[-1][1] for way in ways)
