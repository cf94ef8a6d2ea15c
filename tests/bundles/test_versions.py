"""What each version of MLeap wrote in its own way: a bundle of each form, made here, and what it answers.

One entry a difference: the version that wrote it, the stage as it was written, its inputs, and its output ``out``.
"""

# ruff: noqa: E501 - a table is read by its rows

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from skewless.bundles import mleap
from skewless.errors import ArtifactError, SkewlessError, UnsupportedError
from skewless.transforms.transform import Transform
from tests.bundles.written import Written, answers, files_of, leaf, split, tree, vector

SCALAR = {"base": "scalar", "isNullable": False}
OUT = {"output": "out"}
GUESS = {"prediction": "out"}


def text(value: str) -> dict[str, Any]:
    return {"string": value}


def texts(*values: str) -> dict[str, Any]:
    return {"type": "list", "string": list(values)}


def numbers(*values: float | None) -> dict[str, Any]:
    return {"type": "list", "double": list(values)}


def stage(op: str, outputs: Mapping[str, str] = OUT, port: str = "input", **attributes: Any) -> Written:
    return Written(op, attributes, {port: "x"}, outputs)


def hot(**attributes: Any) -> Written:
    return stage("one_hot_encoder", **attributes)


def sized(invalid: str, **more: Any) -> Written:
    """A one-hot encoder of two categories as it is written since 0.12, with numbered ports."""
    sizes = {"type": "list", "int": [2]}
    attributes = {"category_sizes": sizes, "drop_last": {}, "handle_invalid": text(invalid), **more}
    return Written("one_hot_encoder", attributes, {"input0": "x"}, {"output0": "out"})


def treed(op: str, name: str, classes: int | None, **attributes: Any) -> Written:
    """One tree: up to 0.5, and beyond."""
    leaves = (leaf(3.0, 1.0), leaf(1.0, 3.0)) if classes else (leaf(-2.0), leaf(4.0))
    count = {"num_features": {"long": 1}} | ({"num_classes": {"long": classes}} if classes else {})
    side = {name: tree(split(0, 0.5), *leaves)}
    return Written(op, count | attributes, {"features": "x"}, GUESS, side)


def boosted() -> Written:
    one = treed("decision_tree_regression", "tree0/tree.json", None)
    below = {**one.files, "tree0/model.json": {"op": one.op, "attributes": one.attributes}}
    attributes = {
        "num_features": {"long": 1},
        "num_classes": {"long": 2},
        "tree_weights": numbers(1.0),
        "trees": texts("tree0"),
    }
    return Written("gbt_classifier", attributes, {"features": "x"}, GUESS, below)


def rest() -> Written:
    """Before 0.14: a probability, which is a score of MLeap's own, and the prediction."""
    below = {
        f"model{number}/model.json": {
            "op": "logistic_regression",
            "attributes": {
                "num_classes": {"long": 2},
                "coefficients": vector([2.0 * number - 1.0]),
                "intercept": {},
            },
        }
        for number in range(2)
    }
    outputs = {"probability": "score", "prediction": "out"}
    return Written("one_vs_rest", {"num_classes": {"long": 2}}, {"features": "x"}, outputs, below)


BUCKETS: dict[str, Any] = {"splits": numbers(None, 0.0, 1.0, None)}
BINARY: dict[str, Any] = {
    "num_classes": {"long": 2},
    "coefficients": vector([1.0]),
    "intercept": {"double": 0.0},
}
BAYES: dict[str, Any] = {
    "num_features": {"long": 1},
    "num_classes": {"long": 2},
    "pi": vector([-1.0, -0.5]),
    "theta": vector([-0.1, -2.0], 2, 1),
}
PERCEPTRON: dict[str, Any] = {
    "layers": {"type": "list", "long": [1, 2]},
    "weights": vector([1.0, -1.0, 0.0, 0.0]),
}
FACTORS: dict[str, Any] = {
    "rank": {"int": 1},
    "users": {"type": "list", "int": [1]},
    "user_factors": {
        "type": "list",
        "tensor": [{"float": [2.0], "shape": {"dimensions": [{"size": 1, "name": ""}]}}],
    },
    "items": {"type": "list", "int": [5]},
    "item_factors": {
        "type": "list",
        "tensor": [{"float": [1.5], "shape": {"dimensions": [{"size": 1, "name": ""}]}}],
    },
}
INDEXED: dict[str, Any] = {
    "num_features": {"long": 1},
    "keys": {"type": "list", "long": [0]},
    "key_0_keys": numbers(1.0, 7.0),
    "key_0_values": {"type": "list", "long": [0, 1]},
}
LABELS: dict[str, Any] = {"labels_length": {"int": 1}, "labels_array_0": texts("a")}
SIDES = [[0.25], [0.75]]

WRITTEN: list[tuple[str, str, Written, Sequence[Any], Sequence[Any]]] = [
    ("0.8.0", "input_shape of the binarizer", stage("binarizer", threshold={"double": 0.5}, input_shape={"data_shape": SCALAR}), [0.5, 0.6], [0.0, 1.0]),
    ("0.9.0", "input_shapes, in spite of the name one", stage("binarizer", threshold={"double": 0.5}, input_shapes={"data_shape": SCALAR}), [0.5, 0.6], [0.0, 1.0]),
    ("0.8.0", "a threshold always", stage("logistic_regression", GUESS, "features", threshold={"double": 0.9}, **BINARY), [[2.0], [3.0]], [0.0, 1.0]),
    ("0.9.0", "a threshold of 0.5 left out", stage("logistic_regression", GUESS, "features", **BINARY), [[-0.1], [0.1]], [0.0, 1.0]),
    ("0.8.0", "nullable_input", stage("imputer", surrogate_value={"double": 2.0}, missing_value={"double": None}, strategy=text("mean"), nullable_input={"boolean": True}), [math.nan, None, 1.0], [2.0, 2.0, 1.0]),
    ("0.9.0", "no nullable_input", stage("imputer", surrogate_value={"double": 2.0}, strategy=text("mean")), [math.nan, None, 1.0], [2.0, 2.0, 1.0]),
    ("0.9.3", "scikit-learn's binarizer", stage("sklearn_binarizer", threshold={}, input_shapes={"type": "list", "data_shape": [SCALAR]}), [-1.0, 1.0], [0.0, 1.0]),
    ("0.9.3", "scikit-learn's polynomials", stage("sklearn_polynomial_expansion", combinations=text("[x0,x0^2]")), [[3.0]], [[3.0, 9.0]]),
    ("0.9.3", "no input_shape of reverse_string_indexer", stage("reverse_string_indexer", labels=texts("a", "b")), [1.0], ["b"]),
    ("0.9.4", "input_shape of reverse_string_indexer", stage("reverse_string_indexer", labels=texts("a", "b"), input_shape={"data_shape": SCALAR}), [1.0], ["b"]),
    ("0.9.0", "only a prediction of the perceptron", stage("multi_layer_perceptron_classifier", GUESS, "features", **PERCEPTRON), [[1.0], [-1.0]], [0.0, 1.0]),
    ("0.10.0", "raw predictions and probabilities of the perceptron", stage("multi_layer_perceptron_classifier", {"raw_prediction": "r", "probability": "p", "prediction": "out"}, "features", **PERCEPTRON), [[1.0], [-1.0]], [0.0, 1.0]),
    ("0.10.0", "string_order_type", stage("string_indexer", labels=texts("a", "b"), handle_invalid=text("keep"), string_order_type=text("frequencyDesc")), ["b", None], [1.0, 2.0]),
    ("0.10.3", "a link left out", stage("generalized_linear_regression", GUESS, "features", coefficients=vector([0.0]), intercept={"double": 0.5}, family=text("gamma")), [[1.0]], [2.0]),
    ("0.10.3", "a link", stage("generalized_linear_regression", GUESS, "features", coefficients=vector([0.0]), intercept={"double": 3.0}, family=text("gamma"), link=text("identity")), [[1.0]], [3.0]),
    ("0.10.0", "size without the dropped category", hot(size={"long": 2}, drop_last={"boolean": True}), [0.0, 1.0, 2.0], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
    ("0.10.0", "size where none is dropped", hot(size={"long": 2}, drop_last={}), [0.0, 1.0], [[1.0, 0.0], [0.0, 1.0]]),
    ("0.11.0", "size with the dropped category", hot(size={"long": 3}, drop_last={"boolean": True}), [0.0, 1.0, 2.0], [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]),
    ("0.12.0", "category_sizes", sized("keep"), [1.0, 9.0], [[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]),
    ("0.23.2", "the names of columns beside them", sized("error", inputCols=texts("x"), outputCols=texts("out")), [1.0], [[0.0, 1.0]]),
    ("0.11.0", "regex_indexer", stage("regex_indexer", regexes=texts("a+", "b"), indices={"type": "list", "int": [3, 0]}, default_value={}), ["xb", "ba", "c"], [0, 3, 0]),
    ("0.11.0", "a kernel", stage("word_to_vector", words=texts("a"), indices={"type": "list", "long": [0]}, word_vectors=numbers(3.0, 4.0), kernel=text("sqrt")), [["a"], []], [[0.6, 0.8], [0.0, 0.0]]),
    ("0.10.0", "no kernel", stage("word_to_vector", words=texts("a"), word_vectors=vector([3.0, 4.0])), [["a", "b"]], [[1.5, 2.0]]),
    ("0.11.0", "only a prediction of boosted trees", boosted(), SIDES, [0.0, 1.0]),
    ("0.13.0", "no thresholds", treed("decision_tree_classifier", "tree.json", 2), SIDES, [0.0, 1.0]),
    ("0.14.0", "thresholds of trees", treed("decision_tree_classifier", "tree.json", 2, thresholds=numbers(0.9, 0.1)), SIDES, [1.0, 1.0]),
    ("0.14.0", "thresholds of naive Bayes", stage("naive_bayes", GUESS, "features", model_type=text("multinomial"), thresholds=numbers(0.01, 0.99), **BAYES), [[0.0]], [0.0]),
    ("0.13.0", "a capital model_type", stage("naive_bayes", GUESS, "features", model_type=text("Multinomial"), **BAYES), [[0.0]], [1.0]),
    ("0.18.0", "an empty sigma", stage("naive_bayes", GUESS, "features", model_type=text("multinomial"), sigma=vector([], 0, 0), **BAYES), [[0.0]], [1.0]),
    ("0.13.0", "a score of one_vs_rest", rest(), [[-1.0], [1.0]], [0.0, 1.0]),
    ("0.15.0", "linear_svc", stage("linear_svc", GUESS, "features", threshold={}, **BINARY), [[-1.0], [1.0]], [0.0, 1.0]),
    ("0.13.0", "a map that fails for the unseen", stage("string_map", labels=texts("a"), values=numbers(1.5)), ["a"], [1.5]),
    ("0.15.0", "a map with a default", stage("string_map", labels=texts("a"), values=numbers(1.5), handle_invalid=text("keep"), default_value={}), ["a", "?"], [1.5, 0.0]),
    ("0.15.0", "infinite splits without handle_invalid", stage("bucketizer", **BUCKETS), [-5.0, 0.0, 9.0], [0.0, 1.0, 2.0]),
    ("0.16.0", "handle_invalid of the bucketizer", stage("bucketizer", handle_invalid=text("keep"), **BUCKETS), [math.nan], [3.0]),
    ("0.15.0", "vector_indexer", stage("vector_indexer", **INDEXED), [[7.0]], [[1.0]]),
    ("0.16.0", "handle_invalid of vector_indexer", stage("vector_indexer", handle_invalid=text("keep"), **INDEXED), [[3.0]], [[2.0]]),
    ("0.15.0", "the range from 0 to 1", stage("min_max_scaler", min=vector([1.0]), max=vector([3.0])), [[2.0], [5.0]], [[0.5], [2.0]]),
    ("0.16.0", "a range", stage("min_max_scaler", min=vector([1.0]), max=vector([3.0]), minValue={"double": -1.0}, maxValue={"double": 1.0}), [[2.0]], [[0.0]]),
    ("0.17.0", "a fixed number", Written("math_binary", {"operation": text("max"), "db": {}}, {"input_a": "x"}, OUT), [-1.0, 2.0], [0.0, 2.0]),
    ("0.17.0", "labels", stage("string_indexer", labels=texts("a", "b"), nullable_input={}), ["b"], [1.0]),
    ("0.18.0", "labels_array_0", stage("string_indexer", labels_length={"int": 1}, labels_array_0=texts("a", "b"), handle_invalid=text("error"), input_col=text("x"), output_col=text("out")), ["b"], [1.0]),
    ("0.17.0", "idf alone", stage("idf", idf=vector([2.0])), [[3.0]], [[6.0]]),
    ("0.18.0", "docFreq and numDocs", stage("idf", idf=vector([2.0]), docFreq={"type": "list", "long": [1]}, numDocs={"long": 9}), [[3.0]], [[6.0]]),
    ("0.18.0", "logit", stage("math_unary", operation=text("logit")), [0.5], [0.0]),
    ("0.21.0", "rounding", stage("math_unary", operation=text("round")), [2.5, -2.5], [3.0, -2.0]),
    ("0.22.0", "nodes.json of a tree saved again", treed("decision_tree_classifier", "nodes.json", 2), SIDES, [0.0, 1.0]),
    ("0.23.0", "tree.json of a tree saved again", treed("decision_tree_regression", "tree.json", None), SIDES, [-2.0, 4.0]),
    ("0.25.2", "input of an indexer with numbered ports", Written("string_indexer", LABELS, {"input0": "x"}, {"output0": "out"}), ["a"], [0.0]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("version", "written", "given", "expected"),
    [pytest.param(row[0], *row[2:], id=f"{row[0]}, {row[2].op}: {row[1]}") for row in WRITTEN],
)
def test_what_a_version_wrote(version: str, written: Written, given: Sequence[Any], expected: Any) -> None:
    assert answers(files_of(written, version=version), {"x": given}, "out") == expected


def test_als_since_096() -> None:
    als = Written("als", FACTORS, {"user": "u", "item": "i"}, GUESS)
    found = answers(files_of(als, version="0.9.6"), {"u": [1, 2], "i": [5, 5]}, "out")
    assert found[0] == 3.0
    assert math.isnan(found[1])


def test_a_hash_without_a_version_is_spark_2s() -> None:
    columns = {"x": [["é", "abcde"]]}
    old: dict[str, Any] = {"num_features": {"long": 64}}
    made = [
        answers(files_of(stage("hashing_term_frequency", **attributes)), columns, "out")
        for attributes in (
            old,
            {**old, "hashUnsafeBytesVersion": {"int": 1}},
            {**old, "hashUnsafeBytesVersion": {"int": 2}},
        )
    ]
    assert made[0] == made[1] != made[2]


@pytest.mark.parametrize("length", [1, 2])
def test_an_indexer_of_several_columns_becomes_one_a_column(length: int) -> None:
    """Saved again by MLeap's runtime, it says that it has one column, and still has all labels."""
    attributes = {
        "labels_length": {"int": length},
        "labels_array_0": texts("a", "b"),
        "labels_array_1": texts("c"),
        "handle_invalid": text("skip"),
    }
    indexer = Written(
        "string_indexer",
        attributes,
        {"input0": "x", "input1": "y"},
        {"output0": "first", "output1": "out"},
    )
    files = files_of(indexer, version="0.23.3")
    columns: dict[str, list[Any]] = {"x": ["b", "?", "a"], "y": ["c", "c", None]}
    assert answers(files, columns, "out") == [0.0]
    assert answers(files, columns, "first") == [1.0]
    names = [one.name for one in mleap.read(files).root.leaves()]
    assert names == ["string_indexer_0_0", "string_indexer_0_1"]


def refused(written: Written, version: str) -> SkewlessError:
    with pytest.raises(SkewlessError) as caught:
        Transform(mleap.read(files_of(written, version=version)))
    return caught.value


def test_labels_of_a_column_without_a_port_are_refused() -> None:
    error = refused(stage("string_indexer", labels_array_0=texts("a"), labels_array_1=texts("b")), "0.23.3")
    assert isinstance(error, ArtifactError)
    assert (
        "root/string_indexer_0.node/model.json, stage string_indexer_0: it has labels for 2 columns"
        in str(error)
    )


@pytest.mark.parametrize("std", [[1.0, 2.0], [3.0, 4.0]])
def test_a_scaler_that_lost_its_std_is_refused(std: list[float]) -> None:
    scaler = stage("standard_scaler", mean=vector([1.0, 2.0]), std=vector(std))
    later = files_of(scaler, version="0.9.0")
    assert answers(later, {"x": [[1.0, 2.0]]}, "out") == [[0.0, 0.0]]
    if std == [1.0, 2.0]:
        error = refused(scaler, "0.8.1")
        assert isinstance(error, UnsupportedError)
        assert "MLeap before 0.9 lost std when it saved a bundle again" in str(error)
    else:
        assert answers(files_of(scaler, version="0.8.1"), {"x": [[1.0, 2.0]]}, "out") == [[0.0, 0.0]]


@pytest.mark.parametrize("op", ["tensorflow", "map_entry_selector", "categorical_drilldown"])
def test_known_ops_that_are_not_run_are_refused_with_the_reason(op: str) -> None:
    error = refused(stage(op), "0.19.0")
    assert isinstance(error, UnsupportedError)
    assert f"stage {op}_0 (root/{op}_0.node/model.json): op {op!r} " in str(error)
    assert "is not one this version knows" not in str(error)
    assert str(error.hint).startswith(("Export", "Take"))


# Before 0.8, whose encodings nothing later reads.


@pytest.mark.parametrize(
    "attributes",
    [
        {"threshold": {"type": "double", "value": 0.5}},
        [{"name": "threshold", "type": "double", "value": 0.5}],
    ],
)
def test_attributes_before_08_are_refused_by_name(attributes: Any) -> None:
    error = refused(Written("binarizer", attributes, {"input": "x"}, OUT), "0.7.0")
    assert isinstance(error, ArtifactError)
    assert error.file == "root/binarizer_0.node/model.json"
    assert "written as MLeap before 0.8 wrote" in str(error)
    assert "Export the pipeline again with MLeap 0.8 or later" in str(error)


def test_the_mixed_format_is_refused_by_name() -> None:
    files = files_of(stage("tokenizer"), version="0.6.0", format="mixed")
    with pytest.raises(ArtifactError, match=r"has the format 'mixed' of MLeap before 0\.8"):
        mleap.read(files)
