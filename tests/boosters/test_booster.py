"""The native library called directly predicts what the xgboost package predicts, and never sees a damaged file."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.boosters import booster_model, documents, library
from skewless.boosters import trained as module
from skewless.boosters.booster import Booster
from skewless.errors import ArtifactError, SettingError, SkewlessError, UnsupportedError, ValueRefused
from tests.boosters.xgboost_models import FEATURES, KINDS, bits, data, hostile, reference, saved, trained

FLOATS = st.floats(width=32, allow_infinity=False)
SOFTPROB = Booster(saved("softprob"))
DART = Booster(saved("dart"))


# What the kernels leave to XGBoost's library, and the reason that is told.
BY_LIBRARY = {
    "dart": "dart",
    "dart softprob": "dart",
    "linear": "gblinear",
    "linear softprob": "gblinear",
    "vector leaves": "several numbers a leaf",
    "categorical": "splits by category",
}


def by_rows(booster: Booster, rows: Any) -> list[Any]:
    return [booster.predict_row(row) for row in rows.tolist()]


@pytest.mark.parametrize("form", ["ubj", "json"])
@pytest.mark.parametrize("kind", KINDS)
def test_it_predicts_what_the_package_predicts(kind: str, form: str) -> None:
    booster = Booster(saved(kind, form))
    assert booster.library_for == BY_LIBRARY.get(kind, "")
    rows = hostile()
    if kind == "categorical":
        rows[:, 1] = np.where(np.isnan(rows[:, 1]), np.nan, np.abs(rows[:, 1]).clip(0, 3).round())
    expected = reference(kind, rows)
    assert booster.features == FEATURES
    assert booster.outputs == (None if expected.ndim == 1 else expected.shape[1])
    assert booster.objective == KINDS[kind]["objective"]
    assert bits(booster.predict(rows)) == bits(expected)
    assert bits(booster.predict(rows[:1])) == bits(expected[:1])
    assert bits(by_rows(booster, rows)) == bits(expected)


@given(st.lists(FLOATS, min_size=FEATURES, max_size=FEATURES))
@settings(max_examples=40, deadline=None)
def test_any_row(row: list[float]) -> None:
    rows = np.array([row], np.float32)
    for kind, booster in (("softprob", SOFTPROB), ("dart", DART)):
        expected = bits(reference(kind, rows))
        assert bits(booster.predict(rows)) == expected
        assert bits([booster.predict_row(row)]) == expected


def test_a_row_may_hold_doubles_and_whole_numbers() -> None:
    row = [0.1, 2, 1 / 3, float("nan"), 2**53 + 1, -0.0]
    rows = np.array([row], np.float64).astype(np.float32)
    assert bits([SOFTPROB.predict_row(row)]) == bits(reference("softprob", rows))


@pytest.mark.parametrize("kind", ["regression", "softprob", "linear"])
def test_no_rows(kind: str) -> None:
    booster = Booster(saved(kind))
    made = booster.predict(np.zeros((0, FEATURES), np.float32))
    assert made.shape == ((0, 4) if kind == "softprob" else (0,))
    assert made.dtype == np.float32


def test_large_batches_are_divided_among_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = np.tile(hostile(), (3, 1))
    monkeypatch.setattr(module, "TREES_FOR_THREADS", 1000)
    monkeypatch.setattr(module, "_processors", lambda: 7)
    assert bits(SOFTPROB.predict(rows)) == bits(reference("softprob", rows))


@pytest.mark.parametrize("kind", ["softprob", "dart", "linear softprob"])
def test_threads_at_once(kind: str) -> None:
    booster = Booster(saved(kind))
    rows = hostile()[:200]
    expected = bits(reference(kind, rows))

    def work(number: int) -> bool:
        if number % 2:
            return bits(by_rows(booster, rows)) == expected
        return all(bits(booster.predict(rows)) == expected for _ in range(20))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(work, range(8)))


def test_the_answer_is_a_copy() -> None:
    rows, _ = data()
    first = SOFTPROB.predict(rows[:2])
    before = bits(first)
    SOFTPROB.predict(rows[2:4])
    SOFTPROB.predict_row(rows[5].tolist())
    assert bits(first) == before


@pytest.mark.parametrize("kind", ["softprob", "linear"])
@pytest.mark.parametrize("value", [float("inf"), float("-inf"), 3.5e38, 1e300])
def test_infinity_is_refused_as_in_training(kind: str, value: float) -> None:
    booster = Booster(saved(kind))
    row = [0.0, float("nan"), 1.0, value, float("inf"), 0.0]
    with np.errstate(over="ignore"):
        rows = np.array([[0.0] * FEATURES, row], np.float64).astype(np.float32)
    for predict, number in ((lambda: booster.predict(rows), 2), (lambda: booster.predict_row(row), 1)):
        with pytest.raises(ValueRefused, match="Input data contains `inf` or a value too large") as caught:
            predict()
        assert (caught.value.column, caught.value.row) == ("f3", number)


@pytest.mark.parametrize("count", [0, 5, 7])
def test_another_number_of_features(count: int) -> None:
    text = f"Unable to evaluate payload provided: Feature shape mismatch, expected: 6, got {count}"
    with pytest.raises(ValueRefused, match=text):
        SOFTPROB.predict(np.zeros((2, count), np.float32))
    with pytest.raises(ValueRefused, match=text):
        SOFTPROB.predict_row([0.0] * count)


def test_closing() -> None:
    booster = Booster(saved("softprob"))
    booster.close()
    booster.close()
    with pytest.raises(SkewlessError, match="the model is closed"):
        booster.predict_row([0.0] * FEATURES)
    with pytest.raises(SkewlessError, match="the model is closed"):
        booster.predict(np.zeros((1, FEATURES), np.float32))


def test_closing_under_calls_that_are_under_way() -> None:
    booster = Booster(saved("softprob"))
    rows = np.zeros((20000, FEATURES), np.float32)

    def work(number: int) -> None:
        if number == 3:
            booster.close()
            return
        for _ in range(20):
            try:
                booster.predict(rows)
            except SkewlessError:
                return

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(work, range(4)))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "the file is empty"),
        (b"PK\x03\x04 something else", "no XGBoost model in JSON, UBJSON or the old"),
        (b"{", "ends early"),
        (b"{}", "learner is missing"),
        (b'{"learner": {"a": 1, "a": 2}}', "a name occurs twice"),
        (b'{"a\\\\": 1, "b" :2, "b":3}', "a name occurs twice"),
        (b'{"a": "\\": ", "b": 2, "\\u0062": [{"c": 1}]}', "a name occurs twice"),
        (b'{"learner": [[{"a": 1, "a": 2}]]}', "a name occurs twice"),
        (b'{"learner": ' + b'{"a":' * 100_000, "JSON ends early or is malformed"),
        (b"{L" + bytes(7) + b"\x01a" + b"[" * 100_000, "nested too deeply"),
        (b"{L\x7f" + bytes(6) + b"\x01a", "ends early"),
        (b"{L" + bytes(7) + b"\x01a[$dL", "malformed array"),
        (b"{L" + bytes(7) + b"\x01a[$d#L\x00\xff" + bytes(6), "ends early"),
        (b"{L" + bytes(7) + b"\x01a[#L\x00\xff" + bytes(6), "is wrong"),
        (b"{L" + bytes(7) + b"\x01a" + b"Z}}", "1 bytes follow its end"),
        (b"{L" + bytes(7) + b"\x01a" + b"?", "unknown type"),
    ],
)
def test_what_is_no_model(data: bytes, says: str) -> None:
    with pytest.raises(ArtifactError, match=says) as caught:
        Booster(data, artifact="model.tar.gz", file="xgboost-model")
    assert str(caught.value).startswith("model.tar.gz, xgboost-model: ")
    assert caught.value.hint
    if "damaged" not in caught.value.message:
        assert "save_model" in caught.value.hint


NAMES = st.sampled_from(["a", "b", "\\\\", '\\"', "\\u0061", 'c\\\\\\"', "a: ", ""])
SPACES = st.sampled_from(["", " ", "\n\t"])
JSON = st.recursive(
    st.sampled_from(["1", "-0.0", "1e400", "NaN", "null", "123456789012345678901"])
    | NAMES.map('"{}"'.format),
    lambda value: st.one_of(
        st.lists(value, max_size=3).map(lambda values: f"[{', '.join(values)}]"),
        st.lists(st.tuples(NAMES, SPACES, value), max_size=4).map(
            lambda pairs: (
                f"{{{','.join(f'{chr(34)}{name}{chr(34)}{space}:{of}' for name, space, of in pairs)}}}"
            )
        ),
    ),
    max_leaves=12,
)


def in_python(text: str) -> str | None:
    """What Python's reader makes of a text; None where an object in it has a name twice."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise LookupError
        return dict(pairs)

    try:
        return repr(json.loads(text, object_pairs_hook=once))
    except LookupError:
        return None


@given(JSON)
@settings(max_examples=300, deadline=None)
def test_json_is_read_as_by_python_and_no_name_twice(text: str) -> None:
    text = f'{{"learner": {text}}}'
    expected = in_python(text)
    if expected is not None:
        assert repr(documents.read(text.encode())) == expected
    else:
        with pytest.raises(documents.Unsound, match="a name occurs twice"):
            documents.read(text.encode())


def learner(kind: str = "softprob") -> dict[str, Any]:
    found: dict[str, Any] = json.loads(saved(kind, "json"))
    return found


def tree(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = document["learner"]["gradient_booster"]["model"]["trees"][1]
    return found


def set_in(place: str, value: Any) -> Any:
    """A change of a document: a path with dots, under the learner, or under a tree where it begins with ``tree``."""

    def change(document: dict[str, Any]) -> None:
        *path, last = place.split(".")
        holder: Any = document["learner"]
        if path[:1] == ["tree"]:
            holder, path = tree(document), path[1:]
        for part in path:
            holder = holder[int(part)] if part.isdigit() else holder[part]
        if isinstance(holder, list):
            holder[int(last)] = value
        else:
            holder[last] = value

    return change


CHANGES = {
    "a child out of range": (set_in("tree.left_children.0", 10**6), "child does not exist"),
    "a child before the root": (set_in("tree.right_children.0", -5), "child does not exist"),
    "a cycle": (set_in("tree.left_children.1", 0), "child does not exist"),
    "two parents": (set_in("tree.left_children.0", 2), "two parents"),
    "one child": (set_in("tree.left_children.0", -1), "one child only"),
    "a feature that is not": (set_in("tree.split_indices.0", 6), "feature that does not exist"),
    "a negative feature": (set_in("tree.split_indices.0", -1), "feature that does not exist"),
    "a parent that is not": (set_in("tree.parents.1", 99), "parent does not exist"),
    "a fraction for a child": (set_in("tree.left_children.0", 1.5), "no array of whole numbers"),
    "lists of children": (set_in("tree.left_children.0", [1, 2]), "left_children is missing or no array"),
    "text for a condition": (
        set_in("tree.split_conditions.0", "x"),
        "split_conditions is missing or no array",
    ),
    "a number's text for a condition": (set_in("tree.split_conditions.0", "1.5"), "no array of numbers"),
    "no condition": (set_in("tree.split_conditions.0", None), "no array of numbers"),
    "a list for a condition": (set_in("tree.split_conditions.0", [1.5]), "no array of numbers"),
    "an object for a weight": (set_in("tree.base_weights.0", {}), "base_weights is missing or no array"),
    "text for where NaN goes": (set_in("tree.default_left.0", "left"), "default_left is missing or no array"),
    "too few conditions": (
        set_in("tree.split_conditions", [1.0]),
        "split_conditions is not one for each node",
    ),
    "too many nodes": (set_in("tree.tree_param.num_nodes", "99"), "tree 1: .* not one for each node"),
    "a number as text": (set_in("tree.tree_param.num_nodes", "0x9"), "num_nodes is missing or no whole"),
    "other features in a tree": (set_in("tree.tree_param.num_feature", "7"), "another number of features"),
    "fewer features": (set_in("learner_model_param.num_feature", "5"), "another number of features"),
    "no features": (set_in("learner_model_param.num_feature", "0"), "no features"),
    "many features": (set_in("learner_model_param.num_feature", "2000000000"), "num_feature is 2000000000"),
    "other classes": (set_in("learner_model_param.num_class", "5"), "base_score|another number of classes"),
    "a class that is not": (set_in("gradient_booster.model.tree_info.0", 4), "do not belong to its classes"),
    "trees that are not": (
        set_in("gradient_booster.model.gbtree_model_param.num_trees", "17"),
        "the 17 trees",
    ),
    "one number twice": (set_in("tree.id", 0), "not numbered"),
    "rounds out of order": (set_in("gradient_booster.model.iteration_indptr.1", 99), "rounds do not divide"),
    "no base score": (set_in("learner_model_param.base_score", "x"), "base_score is 'x'"),
    "an unknown booster": (set_in("gradient_booster.name", "gbforest"), "unknown kind, 'gbforest'"),
    "an unknown objective": (
        set_in("objective.name", "reg:magic"),
        "Unknown objective function: `reg:magic`",
    ),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_damaged_model(name: str) -> None:
    change, says = CHANGES[name]
    document = learner()
    change(document)
    with pytest.raises(ArtifactError, match=says) as caught:
        Booster(json.dumps(document).encode())
    assert "Stack trace" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("categories_nodes", [99], "a node that does not exist"),
        ("categories_segments", [10**6], "categories do not exist"),
        ("categories_sizes", [10**6], "categories do not exist"),
        ("categories", [-1], "out of range"),
        ("split_type", [2], "split_type"),
    ],
)
def test_damaged_categories(name: str, value: list[int], says: str) -> None:
    document = learner("categorical")
    trees = document["learner"]["gradient_booster"]["model"]["trees"]
    holder = next(one for one in trees if one["categories_nodes"])
    holder[name][: len(value)] = value
    with pytest.raises(ArtifactError, match=says):
        Booster(json.dumps(document).encode())


def test_a_damaged_linear_or_dart_model() -> None:
    linear = learner("linear")
    linear["learner"]["gradient_booster"]["model"]["weights"].pop()
    with pytest.raises(ArtifactError, match="6 weights for 6 features"):
        Booster(json.dumps(linear).encode())
    dart = learner("dart")
    dart["learner"]["gradient_booster"]["weight_drop"].pop()
    with pytest.raises(ArtifactError, match="one weight for each tree"):
        Booster(json.dumps(dart).encode())


def test_a_tree_as_deep_as_a_list() -> None:
    document = learner("regression")
    one = tree(document)
    nodes = 2 * booster_model.DEEPEST_TREE + 3
    one["tree_param"]["num_nodes"] = str(nodes)
    for name in one:
        if isinstance(one[name], list) and not name.startswith("categories"):
            one[name] = [0] * nodes
    # Node 2k has the leaf 2k+1 and goes on in 2k+2.
    one["left_children"] = [node + 1 if node % 2 == 0 and node < nodes - 1 else -1 for node in range(nodes)]
    one["right_children"] = [node + 2 if node % 2 == 0 and node < nodes - 1 else -1 for node in range(nodes)]
    with pytest.raises(ArtifactError, match="4096 levels deep"):
        Booster(json.dumps(document).encode())


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("leaf_weights", [1.0] * 4, "a leaf's values do not exist"),
        ("leaf_weights", [1.0] * 3, "a leaf's values do not exist"),
        ("leaf_weights", [], "a leaf's values do not exist"),
        ("base_weights", [1.0] * 4, "base_weights is not one for each node"),
        ("tree_param", {"num_nodes": "1", "size_leaf_vector": "2"}, "another number of values|belong"),
    ],
)
@pytest.mark.parametrize("number", [0, 1])
def test_damaged_vector_leaves(name: str, value: Any, says: str, number: int) -> None:
    document = learner("vector leaves")
    document["learner"]["gradient_booster"]["model"]["trees"][number][name] = value
    with pytest.raises(ArtifactError, match=says):
        Booster(json.dumps(document).encode())


def test_vector_leaves_of_other_versions_are_a_named_gap() -> None:
    document = learner("vector leaves")
    del tree(document)["leaf_weights"]
    with pytest.raises(UnsupportedError, match=r"in the form of XGBoost 3\.2 only"):
        Booster(json.dumps(document).encode())
    mixed = learner("softprob")
    tree(mixed)["tree_param"]["size_leaf_vector"] = "3"
    with pytest.raises(ArtifactError, match="another number of values than those of the first tree"):
        Booster(json.dumps(mixed).encode())


# In a process of its own, because the library would take the test run with it.
FLIPS = """
import random, sys
import numpy as np
from skewless.boosters.booster import Booster
from skewless.errors import ArtifactError, UnsupportedError

taken = 0
for path in sys.argv[1:]:
    whole = open(path, "rb").read()
    chance = random.Random(path)
    for turn in range(90):
        data = bytearray(whole)
        if turn % 3 == 0:
            data = data[: chance.randrange(len(data))]
        elif turn % 3 == 1:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        else:
            data[chance.randrange(len(data))] = chance.choice(b"0123456789-[]{}SLld\\x00\\xff\\x7f")
        try:
            booster = Booster(bytes(data))
        except (ArtifactError, UnsupportedError):
            continue
        booster.predict(np.random.default_rng(turn).random((3, booster.features), np.float32) * 9)
        booster.predict_row([float("nan")] * booster.features)
        taken += 1
print("taken", taken)
"""


def test_damage_anywhere_never_ends_the_process(tmp_path: Any) -> None:
    files = []
    for kind in ("softprob", "categorical", "linear", "dart"):
        for form in ("ubj", "json"):
            files.append(tmp_path / f"{kind}.{form}")
            files[-1].write_bytes(saved(kind, form))
    ran = subprocess.run(
        [sys.executable, "-c", FLIPS, *map(str, files)], capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
    assert int(ran.stdout.split()[1]) > 10


LIGHT = """
import sys
import numpy as np
from skewless.boosters.booster import Booster
booster = Booster(open(sys.argv[1], "rb").read())
booster.predict_row([1.0] * booster.features)
booster.predict(np.ones((9, booster.features), np.float32))
heavy = {"xgboost", "scipy", "pandas", "sklearn"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}))
print(any("libxgboost" in line for line in open("/proc/self/maps")) if sys.platform == "linux" else sys.argv[2])
"""


@pytest.mark.parametrize("kind", ["softprob", "forest", "categorical", "dart"])
def test_neither_package_nor_library_is_loaded_for_an_ordinary_model(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "model"
    file.write_bytes(saved(kind))
    by_library = str(kind in BY_LIBRARY)
    ran = subprocess.run(
        [sys.executable, "-c", LIGHT, str(file), by_library], capture_output=True, text=True, check=False
    )
    assert (ran.stdout.split(), ran.stderr) == (["[]", by_library], "")


def test_no_xgboost_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    library.library.cache_clear()
    monkeypatch.setattr(library, "find_spec", lambda _: None)
    try:
        with pytest.raises(SettingError, match="pip install xgboost-cpu"):
            Booster(saved("dart"))
        assert Booster(saved("softprob")).predict_row([0.0] * FEATURES)
    finally:
        library.library.cache_clear()


def test_all_trees_count_after_early_stopping() -> None:
    """As in ``Booster.predict``: the attribute is a note, not an instruction; training writes the best rounds only."""
    model = trained("regression").copy()
    model.set_attr(best_iteration="1")
    rows = hostile()
    assert bits(Booster(bytes(model.save_raw("ubj"))).predict(rows)) == bits(reference("regression", rows))
