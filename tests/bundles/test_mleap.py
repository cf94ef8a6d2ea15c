"""Bundle.ML as a whole: graphs come back, other writers' bundles are read, broken ones are refused by name."""

from __future__ import annotations

import io
import json
import re
import sys
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.bundles import mleap
from skewless.bundles.archive import Files, read_files, write_files
from skewless.errors import ArtifactError
from skewless.settings import Settings
from skewless.spec import Model, Socket, Stage, StageGraph, Value, string, strings
from tests.bundles.strategies import UID, attributes, forest, graph, leaf, pipeline

NOW = "2026-01-31T12:00:00"
FORMATS = ("json", "protobuf")
SUFFIX = {"json": "json", "protobuf": "pb"}


def write(what: StageGraph, format: str = "json") -> dict[str, bytes]:
    return mleap.write(what, format, timestamp=NOW)


def read(files: Mapping[str, bytes]) -> StageGraph:
    return mleap.read(Files("a.zip", files))


def with_json(files: Mapping[str, bytes], path: str, **changes: Any) -> dict[str, bytes]:
    """The files with keys of one JSON file changed, or removed where the change is ``...``."""
    document = {**json.loads(files[path]), **changes}
    kept = {key: value for key, value in document.items() if value is not ...}
    return {**files, path: json.dumps(kept).encode()}


def simplified(stage: Stage) -> Stage:
    """Attributes compare by content, whatever their place; an empty list forgets its base."""

    def value(found: Value) -> Value:
        return Value("list", None, []) if found.shape == "list" and not found.data else found

    def model(found: Model) -> Model:
        values = {name: value(item) for name, item in found.attributes.items()}
        models = {name: model(below) for name, below in found.models.items()}
        return replace(found, attributes=attributes(**values), models=models)

    return replace(stage, model=model(stage.model), stages=tuple(simplified(child) for child in stage.stages))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("container", ["x.zip", "x.tar.gz", "x"])
def test_round_trip(tmp_path: Path, format: str, container: str) -> None:
    before = graph()
    write_files(write(before, format), tmp_path / container)
    after = mleap.read(read_files(tmp_path / container, limits=Settings()))
    assert simplified(after.root) == simplified(before.root)
    assert replace(after, root=before.root) == before
    assert [stage.name for stage in after.root.leaves()] == [
        "StringIndexer_ab",
        "Scaler_1",
        "Assembler_2",
        "Forest_3",
    ]


def test_layout() -> None:
    files = write(graph())
    assert sorted(files) == [
        "bundle.json",
        "root/Forest_3.node/extra/deep/data.bin",
        "root/Forest_3.node/model.json",
        "root/Forest_3.node/node.json",
        "root/Forest_3.node/notes.txt",
        "root/Forest_3.node/tree0/model.json",
        "root/Forest_3.node/tree0/tree.json",
        "root/Forest_3.node/tree1/model.json",
        "root/Forest_3.node/tree1/tree.json",
        "root/Inner_0.node/Assembler_2.node/model.json",
        "root/Inner_0.node/Assembler_2.node/node.json",
        "root/Inner_0.node/Empty_0.node/model.json",
        "root/Inner_0.node/Empty_0.node/node.json",
        "root/Inner_0.node/Scaler_1.node/model.json",
        "root/Inner_0.node/Scaler_1.node/node.json",
        "root/Inner_0.node/model.json",
        "root/Inner_0.node/node.json",
        "root/StringIndexer_ab.node/model.json",
        "root/StringIndexer_ab.node/node.json",
        "root/model.json",
        "root/node.json",
    ]
    assert json.loads(files["bundle.json"]) == {
        "uid": UID,
        "name": "Pipeline_9",
        "format": "json",
        "version": "0.25.2",
        "timestamp": NOW,
        "meta": {"written by": {"string": "us"}},
    }
    assert json.loads(files["root/node.json"]) == {
        "name": "Pipeline_9",
        "shape": {"inputs": [], "outputs": []},
    }
    nodes = ["StringIndexer_ab", "Inner_0", "Forest_3"]
    assert json.loads(files["root/model.json"]) == {
        "op": "pipeline",
        "attributes": {"nodes": {"type": "list", "string": nodes}},
    }
    assert set(write(graph(), "protobuf")) == {
        path if path == "bundle.json" else re.sub(r"\.json$", ".pb", path) for path in files
    }


@pytest.mark.parametrize("format", FORMATS)
def test_the_same_graph_gives_the_same_bytes(format: str) -> None:
    assert write(graph(), format) == write(graph(), format)


def test_the_pipelines_stages_decide_what_it_names() -> None:
    root = replace(
        graph().root, model=Model("pipeline", attributes(extra=string("kept"), nodes=strings(["other"])))
    )
    found = read(write(replace(graph(), root=root))).root
    assert [stage.name for stage in found.stages] == ["StringIndexer_ab", "Inner_0", "Forest_3"]
    assert found.model.attributes.string("extra") == "kept"


def test_a_bundle_need_not_be_a_pipeline() -> None:
    single = replace(graph(), root=forest(), version="", meta={})
    found = read(write(single))
    assert found.version == mleap.VERSION
    assert found.root.model.models["tree1"].files == {"tree.json": b'{"type":"leaf","values":[1.0]}\n'}
    assert found.root.model.files["extra/deep/data.bin"] == b"\x00\xff"
    assert "meta" not in json.loads(write(single)["bundle.json"])


def test_timestamp_is_local_time() -> None:
    written = json.loads(mleap.write(graph())["bundle.json"])["timestamp"]
    assert datetime.fromisoformat(written).tzinfo is None
    for wrong in ("2026-01-31", "2026-01-31T12:00:00Z", "now"):
        with pytest.raises(ArtifactError, match="no local time"):
            mleap.write(graph(), timestamp=wrong)


def test_attributes_know_their_file_and_stage() -> None:
    stage = read(write(graph())).root.stages[1].stages[0]
    with pytest.raises(
        ArtifactError, match=r"^root/Inner_0.node/Scaler_1.node/model.json, stage Scaler_1: attribute"
    ):
        stage.model.attributes.string("missing")
    tree = read(write(graph())).root.stages[2].model.models["tree0"]
    assert tree.attributes.file == "root/Forest_3.node/tree0/model.json"
    assert tree.attributes.stage == "Forest_3"


# Bundles of other writers, made here byte by byte as they are known to write them.


def test_a_zip_as_java_writes_it(tmp_path: Path) -> None:
    """MLeap 0.20 on Spark: folder entries, bundle.json last, zeros left out, Java's doubles."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in (
            ("root/", ""),
            (
                "root/model.json",
                '{"op": "pipeline", "attributes": {"nodes": {"type": "list", "string": ["b_1"]}}}',
            ),
            ("root/node.json", '{"name": "p_0", "shape": {"inputs": [], "outputs": []}}'),
            ("root/b_1.node/", ""),
            (
                "root/b_1.node/model.json",
                '{"op": "binarizer", "attributes": {"threshold": {}, "e": {"double": 1.0E-7}}}',
            ),
            (
                "root/b_1.node/node.json",
                '{"shape": {"outputs": [{"name": "o", "port": "output"}], '
                '"inputs": [{"name": "i", "port": "input"}]}, "name": "b_1"}',
            ),
            (
                "bundle.json",
                f'{{"uid": "{UID}", "name": "p_0", "timestamp": "2022-07-20T10:11:12.345", '
                '"format": "json", "version": "0.20.0"}',
            ),
        ):
            archive.writestr(name, text)
    (tmp_path / "x.zip").write_bytes(file.getvalue())
    (stage,) = mleap.read(read_files(tmp_path / "x.zip", limits=Settings())).root.stages
    assert stage.inputs == (Socket("input", "i"),)
    assert stage.model.attributes.double("threshold") == 0.0
    assert stage.model.attributes.double("e") == 1e-7


def test_as_sklearn_and_old_exporters_write_it() -> None:
    """No attributes, Python's NaN, whole numbers among doubles, no timestamp, unknown keys and folders."""
    files = {
        "bundle.json": json.dumps({"uid": UID, "name": "n", "format": "json", "version": "0.8.1", "more": 1}),
        "notes/readme": "hello",
        "root/node.json": '{"name": "n", "shape": {"inputs": [], "outputs": []}}',
        "root/model.json": '{"op": "pipeline", "attributes": {"nodes": {"type": "list", "string": ["a", "b"]}}}',
        "root/a.node/node.json": '{"name": "a", "shape": {"inputs": [], "outputs": []}}',
        "root/a.node/model.json": '{"op": "count_vectorizer"}',
        "root/b.node/node.json": '{"name": "b", "shape": {"inputs": [], "outputs": []}}',
        "root/b.node/model.json": '{"op": "imputer", "attributes": {"surrogate_value": {"double": NaN}, '
        '"std": {"double": [1, 2.5], "shape": {"dimensions": [{"size": 2, "name": ""}]}, "type": "tensor"},'
        '"base": {"byte_string": "double"}}}',
        "root/unknown.node/whatever.bin": "",
    }
    first, second = read({path: text.encode() for path, text in files.items()}).root.stages
    assert len(first.model.attributes) == 0
    assert second.model.attributes.tensor("std").data == [1.0, 2.5]
    assert second.model.attributes["base"] == Value("scalar", "basic_type", "double")


# What is malformed.


def broken(files: Mapping[str, bytes]) -> ArtifactError:
    with pytest.raises(ArtifactError) as caught:
        read(files)
    assert caught.value.artifact == "a.zip" or caught.value.file
    assert caught.value.hint
    return caught.value


def without(path: str, format: str = "json") -> dict[str, bytes]:
    files = write(graph(), format)
    del files[path]
    return files


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"format": "mixed", "version": "0.7.0"},
            "has the format 'mixed' of MLeap before 0.8 (it says version 0.7.0)",
        ),
        ({"format": "xml"}, "has the unknown format 'xml'. Known are json and protobuf"),
        ({"format": None}, "'format' should be a string, but is null"),
        ({"uid": 5}, "'uid' should be a string"),
        ({"name": ...}, "lacks the key 'name'"),
        ({"version": ...}, "lacks the key 'version'"),
        ({"meta": []}, "'attributes' should be a JSON object"),
        ({"meta": {"a": {"b": 1}}}, "attribute 'a' should hold one value"),
    ],
)
def test_bundle_json(changes: dict[str, Any], message: str) -> None:
    error = broken(with_json(write(graph()), "bundle.json", **changes))
    assert str(error).startswith("a.zip, bundle.json: ")
    assert message in str(error)


def test_no_bundle_json() -> None:
    assert "so this is no MLeap bundle" in str(broken(without("bundle.json")))
    inside = {f"model/{path}": data for path, data in write(graph()).items()}
    assert "There is one at model/bundle.json: pack what is in that folder" in str(broken(inside))
    assert "Give the folder or archive" in str(broken({}))


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("folder", ["root", "root/Inner_0.node", "root/Inner_0.node/Scaler_1.node"])
@pytest.mark.parametrize("file", ["node", "model"])
def test_missing_files(format: str, folder: str, file: str) -> None:
    path = f"{folder}/{file}.{SUFFIX[format]}"
    error = broken(without(path, format))
    assert error.file == path
    assert error.message == "is missing"


def test_nothing_but_bundle_json() -> None:
    assert broken({"bundle.json": write(graph())["bundle.json"]}).file == "root/node.json"


def test_the_wrong_format() -> None:
    error = broken(with_json(write(graph(), "protobuf"), "bundle.json", format="json"))
    assert "root/node.json: is missing, but root/node.pb is there: the format in bundle.json is wrong" in str(
        error
    )


def test_syntax_errors_have_a_position() -> None:
    error = broken({**write(graph()), "root/Inner_0.node/model.json": b'{\n"op": }'})
    assert (
        "root/Inner_0.node/model.json, stage Inner_0: is not JSON: Expecting value in line 2, column 7"
        in str(error)
    )


def test_attributes_of_old_mleap() -> None:
    nodes = {"type": {"type": "list", "base": "string"}, "value": []}
    error = broken(with_json(write(graph()), "root/model.json", attributes={"nodes": nodes}))
    assert (
        "root/model.json, stage Pipeline_9: attribute 'nodes' is written as MLeap before 0.8 wrote it"
        in str(error)
    )


def test_stages_without_folders() -> None:
    files = {path: data for path, data in write(graph()).items() if "Scaler_1" not in path}
    error = broken(files)
    assert "root/Inner_0.node/model.json, stage Inner_0" in str(error)
    assert "names the stage 'Scaler_1', which has no folder" in str(error)
    nodes = {"nodes": {"type": "list", "string": ["../../etc"]}}
    assert "which has no folder" in str(
        broken(with_json(write(graph()), "root/model.json", attributes=nodes))
    )
    assert "'nodes' is missing" in str(broken(with_json(write(graph()), "root/model.json", attributes={})))
    assert "list of string" in str(
        broken(with_json(write(graph()), "root/model.json", attributes={"nodes": {}}))
    )


def test_stages_of_one_name() -> None:
    files = write(graph())
    nodes = {"nodes": {"type": "list", "string": ["Forest_3", "Forest_3"]}}
    assert "names the stage 'Forest_3' twice" in str(
        broken(with_json(files, "root/model.json", attributes=nodes))
    )
    error = broken(with_json(files, "root/Inner_0.node/node.json", name="StringIndexer_ab"))
    assert "two stages of the pipeline have the name 'StringIndexer_ab'" in str(error)


def nested(depth: int) -> StageGraph:
    stage = leaf("Leaf", "binarizer", {}, {})
    for level in range(depth):
        stage = pipeline(f"P{level}", stage)
    return replace(graph(), root=stage)


def test_nesting() -> None:
    files = write(nested(63))
    assert next(read(files).root.leaves()).name == "Leaf"
    with pytest.raises(ArtifactError, match="nested more than 64 levels"):
        write(nested(64))
    deeper = {path.replace("root/", "root/T.node/", 1): data for path, data in files.items()}
    deeper |= {
        name: data for name, data in write(replace(graph(), root=pipeline("R"))).items() if "root" in name
    }
    deeper = with_json(deeper, "root/model.json", attributes={"nodes": {"type": "list", "string": ["T"]}})
    assert "nested more than 64 levels" in str(broken(deeper))


def test_models_nested_in_folders() -> None:
    files = write(replace(graph(), root=forest()))
    files |= {f"root/{'m/' * depth}model.json": b'{"op": "o"}' for depth in range(1, 100)}
    assert "nested more than 64 levels" in str(broken(files))


def test_many_folders_are_quick() -> None:
    """A folder is found without looking at all files for each."""
    stages = [leaf(f"s{number}", "binarizer", {}, {}) for number in range(2000)]
    files = write(replace(graph(), root=pipeline("Many", *stages)))
    files |= {f"root/s0.node/{number}.bin": b"" for number in range(20_000)}
    assert len(read(files).root.stages) == 2000


# What is not written.


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "a\0b", "a\\b", "a\nb"])
def test_names_that_are_no_folders(name: str) -> None:
    with pytest.raises(ArtifactError, match="cannot name a folder after the stage"):
        write(replace(graph(), root=pipeline("P", leaf(name, "binarizer", {}, {}))))


def test_names_stay_verbatim() -> None:
    for name in ("größe 🚗", "a b", "C:x", "x.node", "...a", "%41"):
        files = write(replace(graph(), root=pipeline("P", leaf(name, "binarizer", {}, {}))))
        assert f"root/{name}.node/node.json" in files
        assert read(files).root.stages[0].name == name


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"uid": "Pipeline_1"}, "'Pipeline_1' is not a UUID"),
        ({"root": pipeline("P", leaf("a", "b", {}, {}), leaf("a", "b", {}, {}))}, "would be written twice"),
        (
            {"root": replace(leaf("a", "b", {}, {}), stages=(leaf("c", "d", {}, {}),))},
            "holds stages, but its op is 'b'",
        ),
        (
            {"root": leaf("a", "b", {}, {}, x=Value("scalar", "decimal", 1))},
            "attribute 'x' cannot be written",
        ),
        (
            {"root": Stage("a", Model("b", attributes(), files={"../x": b""}))},
            "cannot name a side file '../x'",
        ),
        ({"root": Stage("a", Model("b", attributes(), files={"x.node/y": b""}))}, "cannot name a side file"),
        ({"root": Stage("a", Model("b", attributes(), files={"model.json": b""}))}, "would be written twice"),
        (
            {"root": Stage("a", Model("b", attributes(), models={"a/b": Model("c", attributes())}))},
            "a folder 'a/b'",
        ),
        (
            {"root": Stage("a", Model("b", attributes(), models={"x.node": Model("c", attributes())}))},
            "x.node",
        ),
        ({"root": Stage("\ud800", Model("b", attributes()))}, "half a character"),
    ],
)
def test_what_no_bundle_can_hold(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArtifactError, match=re.escape(message)):
        write(replace(graph(), **change))


def test_unknown_format() -> None:
    with pytest.raises(ArtifactError, match="cannot be written with the format 'mixed'"):
        write(graph(), "mixed")


# Nothing but our own errors, and nothing imported, whatever the bytes.


WRITTEN = {format: write(graph(), format) for format in FORMATS}


@pytest.mark.parametrize("format", FORMATS)
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
def test_flipped_bits(format: str, data: st.DataObject) -> None:
    files = WRITTEN[format]
    path = data.draw(st.sampled_from(sorted(files)))
    changed = bytearray(files[path])
    for bit in data.draw(st.lists(st.integers(0, len(changed) * 8 - 1), min_size=1, max_size=3)):
        changed[bit // 8] ^= 1 << (bit % 8)
    modules = set(sys.modules)
    with suppress(ArtifactError):  # anything else fails the test
        read({**files, path: bytes(changed)})
    assert set(sys.modules) == modules


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["type", "string", "double", "list", "tensor", "shape", "dimensions", "size", "op", "model"]
            )
            | st.text(max_size=3),
            inner,
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=150)
@given(JSON, st.sampled_from(["root/model.json", "root/node.json", "bundle.json"]), st.booleans())
def test_any_json(document: Any, path: str, whole: bool) -> None:
    files = WRITTEN["json"]
    if whole:
        files = {**files, path: json.dumps(document).encode()}
    else:
        files = with_json(files, "root/model.json", attributes={"x": document})
    with suppress(ArtifactError):
        read(files)
