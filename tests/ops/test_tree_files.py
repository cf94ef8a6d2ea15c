"""A tree's file as an op sees it: what is malformed is refused with file and line, and depth costs nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from skewless.bundles import mleap
from skewless.bundles.archive import Files
from skewless.errors import ArtifactError
from skewless.ops import OPS
from skewless.ops.tree_models import DecisionTreeClassifier, DecisionTreeRegression
from skewless.ops.trees import FILE
from skewless.schema import vector
from skewless.spec import Attributes, Model, Stage, StageGraph, long, strings
from skewless.table import from_cells

LEAF = {"type": "leaf", "values": [1.0]}
FEATURES = 3


def split(**changes: Any) -> dict[str, Any]:
    found = {"type": "continuous", "featureIndex": 0, "threshold": 0.5} | changes
    return {"type": "internal", "split": {key: value for key, value in found.items() if value is not ...}}


def categorical(**changes: Any) -> dict[str, Any]:
    own = {"type": "categorical", "isLeft": True, "numCategories": 3, "categories": [0.0, 2.0]}
    return split(**{"threshold": ..., **own, **changes})


def lines(*nodes: Any) -> bytes:
    return "".join(json.dumps(node) + "\n" for node in nodes).encode()


def model(data: bytes | None, op: str = "decision_tree_regression") -> Model:
    attributes = {"num_features": long(FEATURES), "num_classes": long(2)}
    files = {} if data is None else {FILE: data}
    return Model(op, Attributes(attributes, file="root/T.node/model.json", stage="T"), files)


def refusal(data: bytes | None, op: str = "decision_tree_regression") -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        OPS[op].decode(model(data, op))
    return caught.value


WHOLE = lines(split(), LEAF, split(featureIndex=2), LEAF, LEAF)


@pytest.mark.parametrize("kept", range(5))
def test_a_tree_cut_between_lines_is_not_complete(kept: int) -> None:
    error = refusal(b"".join(WHOLE.splitlines(keepends=True)[:kept]))
    assert str(error).startswith(
        f"root/T.node/{FILE}, stage T: line {kept + 1} is missing: the tree is not complete"
    )


@pytest.mark.parametrize("cut", [1, 10, len(WHOLE) - 3, len(WHOLE) - 20])
def test_a_tree_cut_inside_a_line_is_not_json(cut: int) -> None:
    assert "is not JSON" in str(refusal(WHOLE[:cut]))


MALFORMED: list[tuple[str, Any, str]] = [
    ("no node", [1], "line 1 is not a JSON object"),
    ("another node", {"type": "twig"}, "line 1 is neither a leaf nor an inner node"),
    ("no split", {"type": "internal"}, "line 1 is neither a leaf nor an inner node with its split"),
    ("a split of another type", {"type": "internal", "split": [1]}, "neither a leaf nor an inner node"),
    ("another split", split(type="oblique"), "line 1 is neither a continuous nor a categorical split"),
    ("no values", {"type": "leaf"}, "line 1 has no list 'values' of 1 numbers"),
    ("values of another type", {"type": "leaf", "values": ["1"]}, "line 1 has no number 'values'"),
    ("too many values", {"type": "leaf", "values": [1.0, 2.0]}, "line 1 has no list 'values' of 1 numbers"),
    ("a boolean", {"type": "leaf", "values": [True]}, "line 1 has no number 'values'"),
    ("no threshold", split(threshold=...), "line 1 has no number 'threshold'"),
    ("a threshold that is text", split(threshold="0.5"), "line 1 has no number 'threshold'"),
    ("a threshold lost", split(threshold=None), "line 1 has a threshold null, which MLeap writes for NaN"),
    ("a threshold too large", split(threshold=10**400), "'threshold' that is too large"),
    ("no feature", split(featureIndex=...), "line 1 has no number 'featureIndex'"),
    ("half a feature", split(featureIndex=0.5), "line 1 has no whole number 'featureIndex'"),
    ("a negative feature", split(featureIndex=-1), "line 1 looks at feature -1 of vectors with 3"),
    ("a feature beyond", split(featureIndex=3), "line 1 looks at feature 3 of vectors with 3"),
    ("a side of another type", categorical(isLeft=1), "neither a continuous nor a categorical split"),
    ("no categories", categorical(numCategories=0), "line 1 has 0 categories"),
    ("made-up categories", categorical(numCategories=10**9), "line 1 has 1000000000 categories"),
    ("a category beyond", categorical(categories=[3.0]), "line 1 has a category that is not one of 3"),
    ("half a category", categorical(categories=[0.5]), "line 1 has a category that is not one of 3"),
    ("a lost category", categorical(categories=[None]), "line 1 has a category that is not one of 3"),
]


@pytest.mark.parametrize(("node", "told"), [pytest.param(*row[1:], id=row[0]) for row in MALFORMED])
def test_malformed_nodes_are_refused_with_their_line(node: Any, told: str) -> None:
    error = refusal(lines(node, LEAF, LEAF))
    assert told in str(error)
    assert (error.file, error.stage) == (f"root/T.node/{FILE}", "T")
    assert error.hint == "Export the pipeline again, or repair the file."


def test_classes_decide_how_many_values_a_leaf_has() -> None:
    assert "no list 'values' of 2 numbers" in str(refusal(lines(LEAF), "decision_tree_classifier"))


def test_what_dangles_is_refused() -> None:
    assert "line 2 comes after the end of the tree" in str(refusal(lines(LEAF, LEAF)))
    assert "line 4 comes after the end of the tree" in str(refusal(lines(split(), LEAF, LEAF, LEAF)))


def test_a_tree_without_a_file_is_refused() -> None:
    assert "is missing" in str(refusal(None))
    assert "line 1 is missing: the tree is not complete" in str(refusal(b""))


@pytest.mark.parametrize("data", [b"\xff\n", b"{" * 100_000, b"[" * 100_000, b"\x00"])
def test_bytes_that_are_no_text_are_refused(data: bytes) -> None:
    assert "line 1 is not JSON" in str(refusal(data))


@pytest.mark.parametrize("left", [True, False])
def test_depth_costs_no_stack(left: bool) -> None:
    """A chain of ten thousand splits, on either side; fitted trees have at most thirty."""
    depth = 10_000
    nodes = [split(threshold=float(-level)) for level in range(depth)]
    leaves = [LEAF] * (depth + 1)
    chain = [*nodes, *leaves] if left else [one for node in nodes for one in (node, LEAF)] + [LEAF]
    op = DecisionTreeRegression.decode(model(lines(*chain)))
    assert op.row([vector(FEATURES)])([1e9, 0.0, 0.0])[0] == 1.0
    (prediction, *_) = op.columns(from_cells(vector(FEATURES), [[-1e9, 0.0, 0.0]]))
    assert prediction.cell(0) == 1.0


@pytest.mark.parametrize("format", ["json", "protobuf"])
@pytest.mark.parametrize("which", range(2))
def test_a_damaged_tree_of_a_forest_is_named(format: str, which: int) -> None:
    good, bad = model(WHOLE), model(lines(split(featureIndex=7), LEAF, LEAF))
    below = {"tree0": bad if which == 0 else good, "tree1": bad if which == 1 else good}
    attributes = Attributes(
        {"num_features": long(FEATURES), "trees": strings(list(below))}, file=None, stage="F"
    )
    root = Stage("F", Model("random_forest_regression", attributes, {}, below))
    files = mleap.write(StageGraph(root, "F", "00000000-0000-4000-8000-000000000000", "0.25.2"), format)
    read = mleap.read(Files("a.zip", files)).root.model
    with pytest.raises(ArtifactError, match="looks at feature 7 of vectors with 3") as caught:
        OPS[read.op].decode(read)
    assert caught.value.file == f"root/tree{which}/{FILE}"


def test_whole_trees_are_taken() -> None:
    """So that the refusals above mean something."""
    assert DecisionTreeRegression.decode(model(WHOLE)).tree.right == (2, -1, 4, -1, -1)
    assert DecisionTreeRegression.decode(model(lines(categorical(), LEAF, LEAF))).walks.looks
    both = lines({"type": "leaf", "values": [1.0, 2.0]})
    found = DecisionTreeClassifier.decode(model(both, "decision_tree_classifier"))
    assert found.tree.values == ((1.0, 2.0),)
