"""Files of trees: JSON lines and protobuf say the same, and what is malformed is refused with its place."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skewless.bundles import mleap, trees
from skewless.bundles.archive import Files
from skewless.bundles.place import Place
from skewless.errors import ArtifactError
from skewless.spec import Attributes, Model, Stage, StageGraph

PLACE = Place(file="root/tree0")
NUMBERS = st.floats(allow_nan=False)
SPLITS = st.one_of(
    st.fixed_dictionaries(
        {"type": st.just("continuous"), "featureIndex": st.integers(0, 2**31 - 1), "threshold": NUMBERS}
    ),
    st.fixed_dictionaries(
        {
            "type": st.just("categorical"),
            "featureIndex": st.integers(0, 300),
            "isLeft": st.booleans(),
            "numCategories": st.integers(0, 300),
            "categories": st.lists(NUMBERS, max_size=3),
        }
    ),
)
NODES = st.one_of(
    st.fixed_dictionaries({"type": st.just("leaf"), "values": st.lists(NUMBERS, max_size=3)}),
    st.fixed_dictionaries({"type": st.just("internal"), "split": SPLITS}),
)
CLUSTERS = st.fixed_dictionaries(
    {
        "index": st.integers(-(2**31), 2**31 - 1),
        "norm": NUMBERS,
        "values": st.lists(NUMBERS, max_size=3),
        "numChildren": st.integers(0, 5),
    }
)


def lines(nodes: list[dict[str, object]]) -> bytes:
    return "".join(json.dumps(node, separators=(",", ":")) + "\n" for node in nodes).encode()


def there_and_back(op: str, nodes: list[dict[str, object]]) -> None:
    written = trees.write_files(op, {"tree.json": lines(nodes), "other": b"x"}, ".pb", PLACE)
    assert set(written) == {"tree.pb", "other"}
    found = trees.read_files(op, written, PLACE)
    assert set(found) == {"tree.json", "other"}
    assert [json.loads(line) for line in found["tree.json"].splitlines()] == nodes


@given(st.lists(NODES, max_size=6))
def test_decision_trees_survive_protobuf(nodes: list[dict[str, object]]) -> None:
    there_and_back("decision_tree_regression", nodes)


@given(st.lists(CLUSTERS, max_size=6))
def test_cluster_trees_survive_protobuf(nodes: list[dict[str, object]]) -> None:
    there_and_back("bisecting_k_means", nodes)


@given(st.binary(max_size=60), st.sampled_from(["decision_tree_classifier", "bisecting_k_means"]))
def test_any_bytes_are_read_or_refused(data: bytes, op: str) -> None:
    for framed in (data, struct.pack(">i", len(data)) + data):
        assert refused_in(lambda: trees.read_files(op, {"tree.pb": framed}, PLACE)) in (None, "tree.pb")  # noqa: B023
    assert refused_in(lambda: trees.write_files(op, {"tree.json": data}, ".pb", PLACE)) in (None, "tree.json")


def refused_in(call: Callable[[], object]) -> str | None:
    """The file that is refused, if one is."""
    try:
        call()
    except ArtifactError as error:
        return str(error.file).rpartition("/")[2]
    return None


def test_old_names_are_read() -> None:
    tree = lines([{"type": "leaf", "values": [1.0]}])
    op = "decision_tree_classifier"
    assert trees.read_files(op, {"nodes.json": tree}, PLACE) == {"tree.json": tree}
    encoded = trees.write_files(op, {"tree.json": tree}, ".pb", PLACE)["tree.pb"]
    assert trees.read_files(op, {"nodes.pb": encoded}, PLACE) == {"tree.json": tree}


def test_bytes_of_protobuf_are_mleaps() -> None:
    """Framed big-endian, doubles little-endian and packed, zeros left out."""
    nodes = lines(
        [{"type": "internal", "split": {"type": "continuous", "featureIndex": 0, "threshold": 0.0}}]
    )
    written = trees.write_files("decision_tree_regression", {"tree.json": nodes}, ".pb", PLACE)
    assert written["tree.pb"] == b"\x00\x00\x00\x06\x0a\x04\x0a\x02\x12\x00"


@pytest.mark.parametrize(
    ("node", "told"),
    [
        (b"[]", "line 2 should be a JSON object"),
        (b"{", "line 2 is not JSON"),
        (b'{"type":"twig"}', "line 2 is neither a leaf nor an inner node"),
        (b'{"type":"leaf"}', "line 2 lacks the key 'values'"),
        (b'{"type":"leaf","values":["a"]}', "line 2, 'values' should be a number"),
        (b'{"type":"internal","split":{"featureIndex":-5000000000}}', "'featureIndex' that is no 32-bit"),
    ],
)
def test_malformed_lines_are_refused_with_their_number(node: bytes, told: str) -> None:
    tree = b'{"type":"leaf","values":[1.0]}\n' + node
    with pytest.raises(ArtifactError, match=r"root/tree0/tree\.json") as caught:
        trees.write_files("decision_tree_classifier", {"tree.json": tree}, ".pb", PLACE)
    assert told in str(caught.value)


@pytest.mark.parametrize("format", ["json", "protobuf"])
def test_a_bundle_holds_them_in_its_own_format(format: str) -> None:
    tree = lines([{"type": "leaf", "values": [1.0]}])
    attributes = Attributes({}, file=None, stage=None)
    below = Model("decision_tree_regression", attributes, {"tree.json": tree})
    root = Stage("Forest", Model("gbt_regression", attributes, {}, {"tree0": below}))
    graph = StageGraph(root, "Forest", "00000000-0000-4000-8000-000000000000", "0.25.2")
    files = mleap.write(graph, format)
    assert f"root/tree0/tree.{'pb' if format == 'protobuf' else 'json'}" in files
    found = mleap.read(Files("x", files))
    assert found.root.model.models["tree0"].files == {"tree.json": tree}
    assert replace(found.root.model.models["tree0"], attributes=attributes) == below
