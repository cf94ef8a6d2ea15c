"""Bundles of MLeap's Python package answer as scikit-learn does, whose models are fitted here."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import (
    Binarizer,
    LabelEncoder,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from skewless.bundles import mleap
from skewless.bundles.archive import Files
from skewless.bundles.python_exporter import double_threshold
from skewless.errors import ArtifactError, UnsupportedError
from skewless.transforms.transform import Transform
from tests.bundles.written import (
    PYTHON_NAME,
    SPARK_NAME,
    Written,
    answers,
    files_of,
    leaf,
    split,
    tree,
    vector,
)

RANDOM = np.random.default_rng(7)
X = RANDOM.normal(size=(60, 4)) * [1.0, 10.0, 0.1, 1.0] + [0.0, 5.0, -1.0, 3.0]
X[:, 3] = 3.0  # a constant column
# Rows like those of the training, and some in which the constant column is not constant.
ROWS = np.concatenate([X[:20], X[:5] + np.array([0.0, 0.0, 0.0, 1.5])])
CLASSES = (X[:, 0] > 0.0).astype(int) + (X[:, 1] > 8.0)
FEATURES = {"features": ROWS.tolist()}


def python(*stages: Written, name: str = PYTHON_NAME) -> Files:
    return files_of(*stages, version="0.23.1", name=name)


def single(op: str, attributes: dict[str, Any] | None, port: str = "output", **files: Any) -> Files:
    given = "features" if port == "prediction" else "input"
    return python(Written(op, attributes, {given: "features"}, {port: "out"}, files))


def close(found: Any, expected: Any) -> None:
    """Equal but for the last bits: scikit-learn adds and divides in another order."""
    np.testing.assert_allclose(np.array(found, float), np.array(expected, float), rtol=1e-14, atol=1e-13)


def test_standard_scaler_divides_constant_columns_by_one() -> None:
    fitted = StandardScaler().fit(X)
    attributes = {"mean": vector(fitted.mean_.tolist()), "std": vector(np.sqrt(fitted.var_).tolist())}
    assert fitted.var_[3] == 0.0
    close(answers(single("standard_scaler", attributes), FEATURES, "out"), fitted.transform(ROWS))


@pytest.mark.parametrize("used", [[0, 1, 2], [0, 1, 2, 3]])
def test_min_max_scaler_divides_constant_columns_by_one(used: list[int]) -> None:
    fitted = MinMaxScaler().fit(X[:, used])
    attributes = {"min": vector(fitted.data_min_.tolist()), "max": vector(fitted.data_max_.tolist())}
    rows = ROWS[:, used]
    found = answers(single("min_max_scaler", attributes), {"features": rows.tolist()}, "out")
    close(found, fitted.transform(rows))


def test_multinomial_logistic_regression_has_its_matrix_by_rows() -> None:
    fitted = LogisticRegression(max_iter=2000).fit(X, CLASSES)
    assert fitted.coef_.shape == (3, 4)
    attributes = {
        "coefficient_matrix": vector(fitted.coef_.ravel().tolist(), 3, 4),
        "intercept_vector": vector(fitted.intercept_.tolist()),
        "num_classes": {"long": 3},
    }
    found = answers(single("logistic_regression", attributes, "prediction"), FEATURES, "out")
    assert found == fitted.predict(ROWS).tolist()
    # The same text by another writer is read by columns.
    other = files_of(
        Written("logistic_regression", attributes, {"features": "features"}, {"prediction": "out"}),
        name=SPARK_NAME,
    )
    assert answers(other, FEATURES, "out") != found


def test_binary_logistic_regression_has_an_array_of_one_intercept() -> None:
    fitted = LogisticRegression().fit(X, CLASSES > 0)
    attributes = {
        "coefficients": vector(fitted.coef_.ravel().tolist(), 1, 4),
        "intercept": vector(fitted.intercept_.tolist()),
        "num_classes": {"long": 2},
    }
    found = answers(single("logistic_regression", attributes, "prediction"), FEATURES, "out")
    assert found == fitted.predict(ROWS).astype(float).tolist()


def test_linear_regression() -> None:
    fitted = LinearRegression().fit(X, X @ [1.0, 2.0, 3.0, 0.0] + 0.5)
    attributes = {
        "coefficients": vector(fitted.coef_.tolist()),
        "intercept": {"double": float(fitted.intercept_)},
    }
    found = answers(single("linear_regression", attributes, "prediction"), FEATURES, "out")
    close(found, fitted.predict(ROWS))


def test_support_vector_machines_go_by_the_name_svm() -> None:
    fitted = LinearSVC().fit(X, CLASSES > 0)
    attributes = {
        "intercept": {"double": float(fitted.intercept_[0])},
        "coefficients": vector(fitted.coef_[0].tolist()),
        "num_classes": {"long": 2},
    }
    found = answers(single("svm", attributes, "prediction"), FEATURES, "out")
    assert found == fitted.predict(ROWS).astype(float).tolist()
    several = {**attributes, "num_classes": {"long": 3}}
    with pytest.raises(ArtifactError, match="3 classes, and one plane"):
        Transform(mleap.read(single("svm", several, "prediction")))


def scaled(*stages: Written) -> Files:
    fitted = StandardScaler().fit(X)
    attributes = {"mean": vector(fitted.mean_.tolist()), "std": vector(np.sqrt(fitted.var_).tolist())}
    first = Written("standard_scaler", attributes, {"input": "features"}, {"output": "scaled"})
    return python(first, *stages)


def test_pca_has_its_components_by_rows_and_follows_a_scaler() -> None:
    centred = StandardScaler().fit(X)
    fitted = PCA(2).fit(centred.transform(X))
    attributes = {"principal_components": vector(fitted.components_.ravel().tolist(), 2, 4)}
    files = scaled(Written("pca", attributes, {"input": "scaled"}, {"output": "out"}))
    close(answers(files, FEATURES, "out"), fitted.transform(centred.transform(ROWS)))


def test_pca_of_what_may_not_be_centred_is_refused() -> None:
    attributes = {"principal_components": vector([1.0, 0.0], 1, 2)}
    with pytest.raises(UnsupportedError, match="Put a StandardScaler before the PCA") as caught:
        mleap.read(single("pca", attributes))
    assert "stage pca_0 (root/pca_0.node/model.json)" in str(caught.value)


@pytest.mark.parametrize("ignore", [False, True])
def test_label_encoder_and_one_hot_encoder(ignore: bool) -> None:
    words = ["b", "a", "ü", "b"]
    labels = LabelEncoder().fit(words)
    kind = OneHotEncoder(handle_unknown="ignore" if ignore else "error", sparse_output=False)
    hot = kind.fit(labels.transform(words)[:, None])
    index = {
        "labels": {"type": "list", "string": labels.classes_.tolist()},
        "nullable_input": {"boolean": False},
    }
    size = {
        "size": {"long": 3},
        "handle_invalid": {"string": "keep" if ignore else "error"},
        "drop_last": {"boolean": ignore},
    }
    files = python(
        Written("string_indexer", index, {"input": "word"}, {"output": "index"}),
        Written("one_hot_encoder", size, {"input": "index"}, {"output": "out"}),
    )
    found = answers(files, {"word": words}, "out")
    assert found == hot.transform(labels.transform(words)[:, None]).tolist()
    encoder = python(Written("one_hot_encoder", size, {"input": "index"}, {"output": "out"}))
    if ignore:
        assert answers(encoder, {"index": [7.0]}, "out") == hot.transform([[7]]).tolist()


def test_feature_extractor_lets_nan_pass_and_counts_one_hot_slots_wrong() -> None:
    tensor = {"base": "tensor", "isNullable": False, "tensorShape": {"dimensions": [{"size": 2, "name": ""}]}}
    scalar = {"base": "scalar", "isNullable": False}
    size = {"size": {"long": 3}, "drop_last": {"boolean": False}}
    polynomial = {"combinations": {"string": "[x0,x1,x0^2]"}}
    shapes = {"input_shapes": {"type": "list", "data_shape": [scalar, tensor]}}
    files = python(
        Written("one_hot_encoder", size, {"input": "index"}, {"output": "hot"}),
        Written("sklearn_polynomial_expansion", polynomial, {"input": "pair"}, {"output": "powers"}),
        Written(
            "vector_assembler",
            shapes,
            {"input0": "number", "input1": "hot", "input2": "powers"},
            {"output": "out"},
        ),
    )
    columns: dict[str, list[Any]] = {
        "index": [1.0, 0.0],
        "pair": [[2.0, 3.0], [0.5, 0.0]],
        "number": [math.nan, -1.0],
    }
    found = answers(files, columns, "out")
    np.testing.assert_array_equal(
        found, [[math.nan, 0.0, 1.0, 0.0, 2.0, 3.0, 4.0], [-1.0, 1.0, 0.0, 0.0, 0.5, 0.0, 0.25]]
    )
    few = {"input_shapes": {"type": "list", "data_shape": [scalar]}}
    with pytest.raises(ArtifactError, match="1 input_shapes for 2 inputs"):
        mleap.read(
            python(Written("vector_assembler", few, {"input0": "a", "input1": "b"}, {"output": "out"}))
        )


@pytest.mark.parametrize("threshold", [0.0, -1.0, 5.0])
def test_binarizer_has_a_list_of_shapes(threshold: float) -> None:
    shape = {"base": "tensor", "isNullable": False, "tensorShape": {"dimensions": [{"size": 4, "name": ""}]}}
    attributes = {
        "threshold": {"double": threshold},
        "input_shapes": {"type": "list", "data_shape": [shape]},
    }
    found = answers(single("sklearn_binarizer", attributes), FEATURES, "out")
    assert found == Binarizer(threshold=threshold).fit(X).transform(ROWS).tolist()


@pytest.mark.parametrize("bias", [True, False])
def test_polynomial_features(bias: bool) -> None:
    fitted = PolynomialFeatures(3, include_bias=bias).fit(X)
    names = str(fitted.get_feature_names_out().tolist()).replace("'", "").replace(", ", ",")
    found = answers(
        single("sklearn_polynomial_expansion", {"combinations": {"string": names}}), FEATURES, "out"
    )
    close(np.array(found) / fitted.transform(ROWS), np.ones((len(ROWS), fitted.n_output_features_)))


def test_imputers_missing_value_may_be_a_whole_number() -> None:
    attributes = {
        "strategy": {"string": "mean"},
        "surrogate_value": {"double": 2.5},
        "missing_value": {"long": -1},
    }
    found = answers(single("imputer", attributes), {"features": [-1.0, 0.0, None]}, "out")
    assert found == [2.5, 0.0, 2.5]


def test_remainders_are_pythons() -> None:
    files = python(
        Written(
            "math_binary",
            {"operation": {"string": "rem"}},
            {"input_a": "a", "input_b": "b"},
            {"output": "out"},
        )
    )
    columns = {"a": [-7.0, 7.0, 5.5, 1.0], "b": [3.0, -3.0, 2.0, math.inf]}
    assert answers(files, columns, "out") == np.remainder(columns["a"], columns["b"]).tolist()


def nodes(fitted: Any, node: int = 0) -> list[dict[str, Any]]:
    """The nodes of a fitted tree as they are exported: node, left, right."""
    grown = fitted.tree_
    if grown.children_left[node] < 0:
        return [leaf(*grown.value[node].tolist()[0])]
    own = split(int(grown.feature[node]), float(grown.threshold[node]))
    return [
        own,
        *nodes(fitted, grown.children_left[node]),
        *nodes(fitted, grown.children_right[node]),
    ]


# Values in the middle of two 32-bit numbers, where a double would go the other way.
EDGES = np.array([[0.1 + step * 2.0**-32 for _ in range(4)] for step in range(-40, 40)])


@pytest.mark.parametrize("kind", [DecisionTreeClassifier, DecisionTreeRegressor])
def test_trees_compare_32_bit_numbers(kind: Any) -> None:
    given = np.concatenate([X, EDGES.astype(np.float32)])
    fitted = kind(random_state=1).fit(given, np.arange(len(given)) % 3)
    classified = kind is DecisionTreeClassifier
    attributes = {"num_features": {"long": 4}} | ({"num_classes": {"long": 3}} if classified else {})
    op = "decision_tree_classifier" if classified else "decision_tree_regression"
    files = single(op, attributes, "prediction", **{"tree.json": tree(*nodes(fitted))})
    rows = np.concatenate([ROWS, EDGES])
    found = answers(files, {"features": rows.tolist()}, "out")
    assert found == fitted.predict(rows).astype(float).tolist()


@pytest.mark.parametrize("kind", [RandomForestClassifier, RandomForestRegressor])
def test_forests(kind: Any) -> None:
    fitted = kind(5, random_state=1).fit(X, CLASSES)
    classified = kind is RandomForestClassifier
    classes = {"num_classes": {"long": 3}} if classified else {}
    kind_of_tree = "decision_tree_classifier" if classified else "decision_tree_regression"
    below: dict[str, Any] = {}
    for number, one in enumerate(fitted.estimators_):
        below[f"tree{number}/model.json"] = {
            "op": kind_of_tree,
            "attributes": {"num_features": {"long": 4}} | classes,
        }
        below[f"tree{number}/tree.json"] = tree(*nodes(one))
    attributes = {
        "num_features": {"long": 4},
        "tree_weights": {"type": "list", "double": [1.0] * 5},
        "trees": {"type": "list", "string": [f"tree{number}" for number in range(5)]},
    } | classes
    op = "random_forest_classifier" if classified else "random_forest_regression"
    # The exporter names three outputs, of which a regression has one.
    outputs = {"prediction": "out", "raw_prediction": "raw_prediction", "probability": "probability"}
    files = python(Written(op, attributes, {"features": "features"}, outputs, below))
    close(answers(files, FEATURES, "out"), fitted.predict(ROWS))


def test_a_count_vectorizer_is_a_tokenizer_without_attributes() -> None:
    files = single("tokenizer", None)
    assert answers(files, {"features": ["A b", ""]}, "out") == [["a", "b"], [""]]


def test_gensim_divides_by_the_sums_length() -> None:
    attributes = {
        "words": {"type": "list", "string": ["a", "b"]},
        "word_vectors": vector([3.0, 0.0, 0.0, 4.0]),
        "kernel": {"string": "sqrt"},
    }
    tokens = [["a", "b", "unseen"], ["b"], []]
    found = answers(single("word2vec", attributes), {"features": tokens}, "out")
    assert found == [[0.6, 0.8], [0.0, 1.0], [0.0, 0.0]]


@given(st.floats(allow_nan=False), st.integers(-3, 3))
@example(3.4028234663852886e38, 1)
@example(-0.0, -1)
def test_thresholds_of_doubles_decide_as_those_of_32_bit_numbers(threshold: float, steps: int) -> None:
    made = double_threshold(threshold)
    for near in (threshold, made, float(np.float32(np.clip(threshold, -3e38, 3e38)))):
        value = near
        for _ in range(abs(steps)):
            value = math.nextafter(value, math.copysign(math.inf, steps))
        if abs(value) <= 3.4028234663852886e38 and abs(threshold) <= 3.4028234663852886e38:
            assert (value <= made) == (float(np.float32(value)) <= threshold)


def test_what_was_mended_is_not_mended_again() -> None:
    attributes = {"principal_components": vector([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0], 2, 4)}
    once = mleap.read(scaled(Written("pca", attributes, {"input": "scaled"}, {"output": "out"})))
    for format in ("json", "protobuf"):
        again = mleap.read(Files("b.zip", mleap.write(once, format)))
        value = again.root.stages[1].model.attributes.tensor("principal_components")
        assert (value.dims, value.data[:2]) == ((4, 2), [1.0, 2.0])
