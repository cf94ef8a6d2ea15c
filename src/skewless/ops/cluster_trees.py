"""The leaf of a tree of clusters: Spark's BisectingKMeansModel, by Euclidean distance and by cosine."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Self

from skewless.errors import UnsupportedError
from skewless.ops.distances import EUCLIDEAN, Measure, Nearest, Point, hostile_points, saved_center
from skewless.ops.op import Example, Lowered, SparkStage, reads_spark, register
from skewless.ops.trees import FILE, Lines
from skewless.spec import Model, Value


@dataclass(frozen=True, slots=True)
class Node:
    """One cluster: its number (negative where it was divided), its centre, the length Spark noted, and its children."""

    index: int
    norm: float
    center: tuple[float, ...]
    children: int = 0


@register
@dataclass(frozen=True)
class BisectingKMeans(Nearest):
    """From the root down always to the nearest child, of equally near ones the first; the number of the leaf.

    Nodes stand in pre-order. Source: Spark's ClusteringTreeNode.predict.
    """

    name: ClassVar[str] = "bisecting_k_means"

    nodes: tuple[Node, ...]
    measure: Measure = EUCLIDEAN

    @property
    def features(self) -> int:
        return len(self.nodes[0].center)

    @classmethod
    def decode(cls, model: Model) -> Self:
        place = Lines(model.attributes, FILE)
        if FILE not in model.files:
            raise place.error(None, "is missing")
        nodes: list[Node] = []
        wanted = 1
        for line, document in place.read(model.files[FILE]):
            center = place.numbers(line, document, "values", len(nodes[0].center) if nodes else None)
            index, children = (place.whole(line, document, key) for key in ("index", "numChildren"))
            if not wanted:
                raise place.error(line, "comes after the end of the tree")
            if children < 0 or (index < 0) != (children > 0):
                raise place.error(
                    line, f"is node {index} with {children} children; just inner ones are negative"
                )
            if not -(1 << 31) <= index < 1 << 31:
                raise place.error(line, f"has the number {index}, which is not of 32 bits")
            nodes.append(Node(index, place.number(line, document, "norm"), center, children))
            wanted += children - 1
        if wanted:
            raise place.error(len(nodes) + 1, "is missing: the tree is not complete")
        return cls(tuple(nodes), Measure.decode(model.attributes))

    def encode(self) -> Mapping[str, Value]:
        return self.measure.encode()

    def encode_files(self) -> Mapping[str, bytes]:
        lines = [
            {
                "index": node.index,
                "norm": _shown(node.norm),
                "values": [_shown(value) for value in node.center],
                "numChildren": node.children,
            }
            for node in self.nodes
        ]
        return {FILE: "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()}

    @cached_property
    def _children(self) -> tuple[tuple[int, ...], ...]:
        """Where the children of each node stand."""
        found: list[list[int]] = [[] for _ in self.nodes]
        waiting: list[int] = []
        for place, node in enumerate(self.nodes):
            if waiting:
                found[waiting.pop()].append(place)
            waiting += [place] * node.children
        return tuple(map(tuple, found))

    @cached_property
    def _points(self) -> tuple[Point, ...]:
        return tuple(Point(node.center, node.norm) for node in self.nodes)

    def nearest(self, row: Point) -> int:
        # Of the root Spark uses the distance for costs only, but fails where there is none.
        self.measure.distance(self._points[0], row)
        place = 0
        while children := self._children[place]:
            far = [self.measure.distance(self._points[child], row) for child in children]
            # To Java, NaN is larger than any number.
            place = children[min(range(len(far)), key=lambda at: (math.isnan(far[at]), far[at]))]
        return self.nodes[place].index

    @classmethod
    def examples(cls) -> Iterable[Example]:
        leaf = Node(0, math.sqrt(14.0), (1.0, 2.0, 3.0))
        grown = (
            Node(-1, 1.0, (0.0, math.nan, 1.0), 2),
            Node(-2, math.sqrt(1.25), (0.0, 0.5, 1.0), 3),
            Node(0, 1.0, (0.0, 0.0, 1.0)),
            Node(1, 1.0, (0.0, 0.0, 1.0)),
            Node(2, math.inf, (-math.inf, 0.0, 0.0)),
            Node(3, math.sqrt(14.0), (1.0, 2.0, 3.0)),
        )
        for column in hostile_points():
            for measure in (EUCLIDEAN, Measure("cosine")):
                yield Example(cls((leaf,), measure), (column,))
                yield Example(cls(grown, measure), (column,))
            yield Example(cls((Node(0, 0.0, (0.0, 0.0, 0.0)),), Measure("cosine")), (column,))


def _shown(number: float) -> float | None:
    """MLeap's JSON has null for NaN."""
    return None if math.isnan(number) else number


@reads_spark(
    "org.apache.spark.ml.clustering.BisectingKMeansModel", ops=(BisectingKMeans,), forms="euclidean, cosine"
)
def _read(stage: SparkStage) -> Sequence[Lowered]:
    # The model in the stage is one of Spark's old API, with a folder of its own.
    rows = {int(row["index"]): row for row in stage.tables("data/data")}
    below = {int(child) for row in rows.values() for child in row["children"]}
    roots = [index for index in rows if index not in below]
    if len(roots) != 1 or not below <= rows.keys():
        raise UnsupportedError(f"{stage}: its saved clusters are no tree", hint="Save the model again.")
    nodes: list[Node] = []
    waiting = roots
    while waiting:
        row: Mapping[str, Any] = rows[waiting.pop()]
        children = [int(child) for child in row["children"]]
        center = saved_center(stage, row["center"])
        nodes.append(Node(int(row["index"]), float(row["norm"]), center, len(children)))
        waiting += reversed(children)
    op = BisectingKMeans(tuple(nodes), Measure.of_spark(stage))
    return [Lowered(op, (str(stage.param("featuresCol")),), (str(stage.param("predictionCol")),))]
