"""XGBoost's ops as MLeap writes them for xgboost4j, against what the xgboost package says of the same booster."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import xgboost

from skewless.errors import ArtifactError, UnsupportedError
from skewless.ops import OPS
from skewless.ops.boosted import CONTRIBUTION, FILE, LEAF
from skewless.ops.op import Refused
from skewless.ops.xgboost import XGBoostClassifier, XGBoostRegression
from skewless.schema import vector
from skewless.spec import Attributes, Model, Value, boolean, doubles, integer
from skewless.table import from_cells
from skewless.transforms.parity import same
from skewless.vectors import SparseVector
from tests.boosters.xgboost_models import FEATURES, KINDS, loaded, saved

ROWS: list[list[float]] = [
    [0.5, 2.0, 0.0, 1.5, 0.0, -1.0],
    [0.0, 1.0, 0.0, math.nan, 0.25, 0.0],
    [2.0, 0.0, 1.25, -0.5, 0.0, 0.0],
]
SPARSE = [
    SparseVector(FEATURES, *zip(*[(i, v) for i, v in enumerate(row) if v], strict=True)) for row in ROWS
]


def model(name: str, file: bytes, **attributes: Value) -> Any:
    return OPS[name].decode(
        Model(name, Attributes(attributes, file="model.json", stage="boost"), {FILE: file})
    )


def outputs(op: Any, cells: list[Any]) -> dict[str, list[Any]]:
    """The op's answers by port; both its kernels give them."""
    column = from_cells(vector(FEATURES), cells)
    made = [[part.cell(row) for row in range(len(part))] for part in op.columns(column)]
    kernel = op.row([column.type])
    by_row = [kernel(cell) for cell in cells]
    assert all(
        same(list(row), list(batch)) for row, batch in zip(by_row, zip(*made, strict=True), strict=True)
    )
    return dict(zip(op.outputs, made, strict=True))


def reference(kind: str, rows: Any, missing: float = math.nan, **wanted: bool) -> Any:
    return loaded(kind).predict(xgboost.DMatrix(np.array(rows), missing=missing), **wanted)


@pytest.mark.parametrize("kind", ["softprob", "forest", "dart softprob"])
def test_a_classifier_of_several_classes(kind: str) -> None:
    made = outputs(model("xgboost.classifier", saved(kind), num_classes=integer(4)), ROWS)
    assert made["raw_prediction"] == reference(kind, ROWS, output_margin=True).tolist()
    assert made["probability"] == reference(kind, ROWS).tolist()
    assert made["prediction"] == np.argmax(reference(kind, ROWS), axis=1).tolist()
    assert made[LEAF] == reference(kind, ROWS, pred_leaf=True).tolist()
    assert made[CONTRIBUTION] == [row.ravel().tolist() for row in reference(kind, ROWS, pred_contribs=True)]


@pytest.mark.parametrize("kind", ["logistic", "dart"])
def test_a_classifier_of_two_classes(kind: str) -> None:
    op = model(
        "xgboost.classifier", saved(kind, "json"), num_classes=integer(2), num_features=integer(FEATURES)
    )
    made = outputs(op, ROWS)
    likely = reference(kind, ROWS)
    assert made["probability"] == np.stack([1 - likely, likely], axis=1).tolist()
    assert made["prediction"] == (likely > 0.5).tolist()
    assert made[LEAF] == reference(kind, ROWS, pred_leaf=True).tolist()


def test_thresholds_count_as_in_spark() -> None:
    made = outputs(model("xgboost.classifier", saved("logistic"), thresholds=doubles([1.0, 0.0])), ROWS)
    assert made["prediction"] == [1.0] * len(ROWS)


@pytest.mark.parametrize("kind", sorted(set(KINDS) - {"softprob", "forest", "quantile", "linear"}))
def test_a_regression(kind: str) -> None:
    several = reference(kind, ROWS).shape[1:]
    if several:
        with pytest.raises(UnsupportedError, match=f"predicts {several[0]} numbers for a row"):
            model("xgboost.regression", saved(kind))
        return
    made = outputs(model("xgboost.regression", saved(kind), num_features=integer(FEATURES)), ROWS)
    assert made["prediction"] == reference(kind, ROWS).tolist()


@pytest.mark.parametrize("missing", [math.nan, 0.0, 2.0])
def test_a_zero_that_is_left_out_is_zero_unless_zero_is_missing(missing: float) -> None:
    """MLeap would take it for missing, whatever was missing in training."""
    op = model("xgboost.regression", saved("regression"), missing=Value("scalar", "float", missing))
    assert outputs(op, SPARSE)["prediction"] == reference("regression", ROWS, missing).tolist()


def test_a_zero_that_is_left_out_is_missing_where_training_took_it_so() -> None:
    op = model("xgboost.regression", saved("regression"), allow_non_zero_for_missing=boolean(True))
    expected = reference("regression", [[value or math.nan for value in row] for row in ROWS]).tolist()
    assert outputs(op, SPARSE)["prediction"] == expected
    assert outputs(op, ROWS)["prediction"] == reference("regression", ROWS).tolist() != expected


def test_a_limit_of_trees() -> None:
    op = model("xgboost.classifier", saved("forest"), tree_limit=integer(8))
    matrix = xgboost.DMatrix(np.array(ROWS))
    assert (
        outputs(op, ROWS)["probability"] == loaded("forest").predict(matrix, iteration_range=(0, 4)).tolist()
    )


def test_infinity_is_refused_as_by_xgboost4j() -> None:
    op = model("xgboost.regression", saved("regression"))
    infinite = [*ROWS, [1.0, 2.0, 1e300, 0.0, 0.0, 0.0]]
    with pytest.raises(Refused, match="feature 2 is inf") as batch:
        op.columns(from_cells(vector(FEATURES), infinite))
    assert batch.value.position == 3
    with pytest.raises(Refused, match="feature 2 is inf"):
        op.row([vector(FEATURES)])(infinite[3])


def test_what_is_bound_to_no_column_is_not_computed() -> None:
    op = model("xgboost.regression", saved("regression")).wanting(["prediction"])
    assert op.outputs == ("prediction",)
    assert model("xgboost.regression", saved("regression")).wanting([LEAF, "prediction"]).outputs == (
        "prediction",
        LEAF,
    )


def test_leaves_of_a_linear_model_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="cannot fill the port leaf_prediction"):
        model("xgboost.regression", saved("linear")).wanting([LEAF])


@pytest.mark.parametrize(
    ("name", "file", "attributes", "said"),
    [
        ("xgboost.classifier", b"PK\x03\x04", {}, "no XGBoost model in.*put that file .* as xgboost.model"),
        ("xgboost.regression", b"", {}, "damaged: the file is empty"),
        ("xgboost.regression", b"regression", {"num_features": integer(7)}, "num_features says 7"),
        ("xgboost.regression", b"regression", {"tree_limit": integer(-1)}, r"rounds 0 to -1"),
        (
            "xgboost.regression",
            b"regression",
            {"first_round": integer(2), "tree_limit": integer(2)},
            "rounds 2 to 2",
        ),
        ("xgboost.classifier", b"softprob", {"num_classes": integer(3)}, "num_classes says 3"),
        (
            "xgboost.classifier",
            b"softprob",
            {"fitted_with": Value("scalar", "string", "?")},
            "fitted_with is '\\?'",
        ),
    ],
)
def test_damaged_bundles(name: str, file: bytes, attributes: dict[str, Value], said: str) -> None:
    with pytest.raises(ArtifactError, match=said) as refused:
        model(name, saved(file.decode()) if file.decode("latin-1") in KINDS else file, **attributes)
    assert refused.value.stage == "boost"


def test_another_number_of_columns_is_refused() -> None:
    with pytest.raises(
        UnsupportedError, match="stage boost: it reads 5 columns, but its booster is for 6 features"
    ):
        model("xgboost.regression", saved("regression"), feature_columns=integer(5))


def test_the_booster_is_missing() -> None:
    with pytest.raises(ArtifactError, match=r"the file xgboost\.model, is missing"):
        XGBoostRegression.decode(Model("xgboost.regression", Attributes({}, file=None, stage="s")))


def test_classes_are_no_probabilities() -> None:
    with pytest.raises(UnsupportedError, match="multi:softmax gives classes"):
        model("xgboost.classifier", saved("softmax"))


def test_equal_boosters_make_equal_ops() -> None:
    one, other = (model("xgboost.classifier", saved("logistic")) for _ in range(2))
    assert isinstance(one, XGBoostClassifier)
    assert one == other != model("xgboost.classifier", saved("dart"))
    assert hash(one) == hash(other)
