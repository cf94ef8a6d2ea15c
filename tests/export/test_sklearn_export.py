"""Fitted scikit-learn pipelines to bundles: how they may be put together, what a sample may be, what is refused."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn import set_config
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.frozen import FrozenEstimator
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import skewless
import skewless.sklearn
from skewless.errors import ParityError, SettingError, SkewlessError, UnsupportedError, ValueRefused
from skewless.ops.sklearn.scale import ShiftDivide
from skewless.schema import BOOLEAN, DOUBLE, LONG, STRING
from skewless.transforms.parity import same
from skewless.transforms.transform import Transform
from tests.serving.running import serving


def frame() -> pd.DataFrame:
    """Twelve rows of every kind of column."""
    return pd.DataFrame(
        {
            "city": ["Köln", "", "Bonn", "Köln", math.nan, "Ulm"] * 2,
            "rooms": [1, 2, 3, 4, 5, 6] * 2,
            "area": [20.5, math.nan, 80.0, 95.5, 120.0, 33.0] * 2,
            "new": [True, False, False, True, True, False] * 2,
            "note": ["quiet and light", "near the park", "", "light, quiet", "no park", "loft"] * 2,
            "unused": ["x"] * 12,
        }
    )


def mixed(**options: Any) -> ColumnTransformer:
    numbers = Pipeline([("fill", SimpleImputer(add_indicator=True)), ("scale", StandardScaler())])
    names = Pipeline([("fill", SimpleImputer(strategy="most_frequent")), ("hot", OneHotEncoder())])
    return ColumnTransformer(
        [
            ("numbers", numbers, ["area", "rooms"]),
            ("names", names, ["city"]),
            ("words", CountVectorizer(), "note"),
            ("gone", "drop", ["unused"]),
        ],
        **options,
    )


def exported(model: Any, folder: Path, sample: Any) -> Transform:
    loaded: Transform = skewless.load(skewless.sklearn.export(model, folder / "bundle", sample=sample))
    return loaded


def table(rows: pd.DataFrame, transform: Transform) -> pa.Table:
    """Missing strings as null, missing numbers as NaN."""
    names = transform.input_schema.names
    return pa.table(
        {name: pa.array(rows[name].tolist(), from_pandas=rows[name].dtype == object) for name in names}
    )


def answered(transform: Transform, rows: pd.DataFrame) -> Sequence[Sequence[float]]:
    """The features, which both kernels make alike."""
    found: Sequence[Sequence[float]] = transform.table(table(rows, transform))["features"].to_pylist()
    by_row = [transform.row(row)["features"] for row in table(rows, transform).to_pylist()]
    assert same(list(found), by_row)
    return found


def expected(model: Any, rows: Any) -> list[list[float]]:
    made = model.transform(rows)
    dense = made.toarray() if sparse.issparse(made) else np.asarray(made)
    found: list[list[float]] = dense.astype(np.float64).tolist()
    return found


def assert_equal(model: Any, folder: Path, rows: pd.DataFrame) -> Transform:
    transform = exported(model, folder, rows)
    assert same(list(answered(transform, rows)), expected(model, rows))
    return transform


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"remainder": "passthrough"},
        {"remainder": StandardScaler()},
        {"sparse_threshold": 0.0},
        {"sparse_threshold": 1.0},
        {"transformer_weights": {"numbers": 0.1, "names": 3.0}},
        {"verbose_feature_names_out": False},
    ],
    ids=str,
)
def test_columns_go_their_own_ways_and_come_together(tmp_path: Path, options: dict[str, Any]) -> None:
    model = mixed(**options).fit(frame())
    transform = assert_equal(model, tmp_path, frame())
    read = ["city", "rooms", "area", *(["new"] if "remainder" in options else []), "note"]
    assert list(transform.input_schema.names) == read
    assert [transform.input_schema[name] for name in ("city", "rooms", "area")] == [STRING, LONG, DOUBLE]
    assert transform.input_schema.get("new") in (None, BOOLEAN)


def test_steps_are_named_as_their_parameters_are(tmp_path: Path) -> None:
    model = Pipeline([("pre", mixed()), ("best", SelectKBest(k=3))]).fit(frame(), np.arange(12) % 2)
    transform = assert_equal(model, tmp_path, frame())
    names = [stage.name for stage in transform.stages]
    assert [name for name in names if "input" not in name] == [
        "pre__numbers__fill",
        "pre__numbers__scale",
        "pre__names__fill",
        "pre__names__hot",
        "pre__words",
        "pre",
        "best",
    ]
    assert transform.answer.name == "features"
    for name in ("fill", "scale"):
        assert f"pre__numbers__{name}" in transform.output_schema
    assert not [name for name in transform.output_schema.names if "input" in name]


@pytest.mark.parametrize(
    "columns",
    [["a", "c"], [2, 0], slice(1, 3), np.array([True, False, True]), make_column_selector("[ab]"), [-1]],
    ids=["names", "places", "slice", "mask", "selector", "last"],
)
@pytest.mark.parametrize("remainder", ["drop", "passthrough"])
def test_columns_are_chosen_in_every_way(tmp_path: Path, columns: Any, remainder: Any) -> None:
    rows = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [0.5, -0.0, 9.0], "c": [3.0, 3.0, 1.0]})
    assert_equal(
        ColumnTransformer([("s", StandardScaler(), columns)], remainder=remainder).fit(rows), tmp_path, rows
    )


def test_a_column_transformer_chooses_among_the_slots_of_another(tmp_path: Path) -> None:
    rows = frame()[["rooms", "area"]].fillna(1.0)
    first = ColumnTransformer([("s", StandardScaler(), [1, 0]), ("p", "passthrough", [0])])
    second = ColumnTransformer(
        [("m", MinMaxScaler(), [2, 0]), ("h", OneHotEncoder(), [2])], remainder="passthrough"
    )
    assert_equal(make_pipeline(first, second).fit(rows), tmp_path, rows)


def test_frames_between_the_steps_are_chosen_from_by_name(tmp_path: Path) -> None:
    rows = frame()[["rooms", "area"]].fillna(1.0)
    first = ColumnTransformer([("s", StandardScaler(), ["area", "rooms"])], verbose_feature_names_out=False)
    second = ColumnTransformer([("m", MinMaxScaler(), ["rooms"])], remainder="passthrough")
    model = make_pipeline(first, second).set_output(transform="pandas").fit(rows)
    assert_equal(model, tmp_path, rows)


@pytest.mark.parametrize("weights", [None, {"poly": 0.5}])
def test_unions_and_steps_that_do_nothing(tmp_path: Path, weights: Any) -> None:
    rows = frame()[["rooms", "area"]].fillna(1.0)
    union = FeatureUnion(
        [
            ("poly", PolynomialFeatures()),
            ("same", "passthrough"),
            ("bins", KBinsDiscretizer(2)),
            ("no", "drop"),
        ],
        transformer_weights=weights,
    )
    model = Pipeline([("none", None), ("scale", StandardScaler()), ("union", union), ("last", "passthrough")])
    assert_equal(model.fit(rows), tmp_path, rows)


def test_a_search_is_its_best_estimator(tmp_path: Path) -> None:
    rows = frame()[["rooms", "area"]].fillna(1.0)
    scorer = {"scoring": lambda model, rows: float(np.sum(model.transform(rows)))}
    search = GridSearchCV(MinMaxScaler(), {"feature_range": [(0.0, 1.0), (0.0, 9.0)]}, cv=2, **scorer).fit(
        rows
    )
    assert search.best_params_ == {"feature_range": (0.0, 9.0)}
    assert same(
        list(answered(exported(search, tmp_path, rows), rows)), expected(search.best_estimator_, rows)
    )


@pytest.mark.parametrize(
    "target",
    [
        {"func": np.log1p, "inverse_func": np.expm1},
        {"func": np.log, "inverse_func": np.exp},
        {"transformer": StandardScaler()},
        {"transformer": RobustScaler(with_centering=False)},
        {"transformer": MinMaxScaler((1.0, 3.0))},
        {"transformer": MaxAbsScaler()},
        {},
    ],
    ids=str,
)
def test_a_transformed_target_is_transformed_back(tmp_path: Path, target: dict[str, Any]) -> None:
    rows, wanted = frame()[["rooms", "area"]], np.arange(12.0) ** 2 + 1.0
    inner = make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression())
    model = TransformedTargetRegressor(inner, **target).fit(rows, wanted)
    transform = exported(model, tmp_path, rows)
    assert transform.answer.name == "prediction"
    answers = [row["prediction"] for row in transform.table(table(rows, transform)).to_pylist()]
    assert answers == [transform.row(row)["prediction"] for row in table(rows, transform).to_pylist()]
    assert answers == pytest.approx(model.predict(rows).tolist(), rel=1e-12)


def test_a_target_that_cannot_be_transformed_back_is_refused(tmp_path: Path) -> None:
    rows = frame()[["rooms"]]
    for target in (
        QuantileTransformer(n_quantiles=5),
        FunctionTransformer(np.log1p, inverse_func=double, check_inverse=False),
    ):
        model = TransformedTargetRegressor(LinearRegression(), transformer=target, check_inverse=False)
        model.fit(rows, np.arange(12.0))
        with pytest.raises(
            UnsupportedError, match=r"step transformedtargetregressor__transformer .* cannot be"
        ):
            skewless.sklearn.export(model, tmp_path / "bundle", sample=rows)


def test_a_frozen_estimator_is_what_it_holds(tmp_path: Path) -> None:
    rows = frame()[["rooms"]]
    frozen = FrozenEstimator(StandardScaler().fit(rows))
    assert_equal(make_pipeline(frozen, MinMaxScaler()).fit(rows), tmp_path, rows)


def test_strings_stay_strings_where_nothing_encodes_them(tmp_path: Path) -> None:
    """The outcome of a ColumnTransformer that passes strings on is columns, which an encoder may take."""
    rows = frame()[["city", "area"]].fillna({"city": "none", "area": 0.0})
    first = ColumnTransformer([("scale", StandardScaler(), ["area"])], remainder="passthrough")
    second = ColumnTransformer([("place", OrdinalEncoder(), [1])], remainder="passthrough")
    model = make_pipeline(first, second).fit(rows)
    assert_equal(model, tmp_path, rows)


@pytest.mark.parametrize("dtype", ["float64", "int64", "int8", "uint16", "bool"])
def test_an_array_is_a_sample_too(tmp_path: Path, dtype: str) -> None:
    rows = np.arange(12).reshape(4, 3).astype(dtype)
    model = StandardScaler().fit(rows)
    transform = exported(model, tmp_path, rows)
    assert transform.input_schema.names == ("x0", "x1", "x2")
    assert (
        transform.row(dict(zip(transform.input_schema.names, rows[1].tolist(), strict=True)))["features"]
        == model.transform(rows)[1].tolist()
    )


@pytest.mark.parametrize("kind", [list, pd.Series, np.array], ids=str)
def test_texts_alone_are_one_column(tmp_path: Path, kind: Any) -> None:
    texts = kind(["a fine day", "one day"])
    transform = exported(CountVectorizer().fit(texts), tmp_path, texts)
    assert transform.input_schema.names == ("text",)
    assert transform.row({"text": "day by day"})["features"] == [2.0, 0.0, 0.0]


def test_categories_are_strings(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {"x": pd.Categorical(["b", "a", "b"]), "y": pd.array(["u", "v", "u"], dtype="string")}
    )
    assert_equal(OneHotEncoder().fit(rows), tmp_path, rows)


def test_without_a_sample_the_steps_tell_the_types(tmp_path: Path) -> None:
    rows = frame()[["city", "rooms", "area"]].fillna({"city": "none", "area": 0.0})
    columns = [("hot", OneHotEncoder(), ["city", "rooms"]), ("scale", StandardScaler(), ["area"])]
    model = ColumnTransformer(columns).fit(rows)
    transform = exported(model, tmp_path, None)
    assert {field.name: field.type for field in transform.input_schema} == {
        "city": STRING,
        "rooms": LONG,
        "area": DOUBLE,
    }
    assert same(list(answered(transform, rows)), expected(model, rows))


def test_parity_rows_are_distinct_and_as_many_as_asked(tmp_path: Path) -> None:
    rows = pd.DataFrame({"a": np.arange(5000.0) % 2000})
    model = StandardScaler().fit(rows)
    path = skewless.sklearn.export(model, tmp_path / "bundle", sample=rows, parity_rows=70)
    kept = pa.ipc.open_file(path / "skewless/parity.arrow").read_all()
    assert kept.num_rows == 70 == len(set(kept["a"].to_pylist()))
    assert kept["features"].to_pylist() == model.transform(kept.select(["a"]).to_pandas()).tolist()
    told = json.loads((path / "skewless/manifest.json").read_text())
    assert told["engine"].startswith("scikit-learn ")


def test_what_does_not_do_as_scikit_learn_did_is_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = frame()[["rooms"]]
    monkeypatch.setattr(ShiftDivide, "apply", lambda self, values, slots: values + 1.0)
    with pytest.raises(ParityError, match="stage standardscaler, column 'features', row 1: it gives"):
        skewless.sklearn.export(StandardScaler().fit(rows), tmp_path / "bundle", sample=rows)
    assert not (tmp_path / "bundle").exists()


class Scaler(StandardScaler):  # type: ignore[misc]
    """A class of the user's own."""


def double(rows: Any) -> Any:
    return rows * 2


NUMBERS = frame()[["rooms", "area"]].fillna(1.0)


@pytest.mark.parametrize(
    ("model", "sample", "words"),
    [
        (
            SimpleImputer(strategy="most_frequent"),
            pd.DataFrame({"x": ["a", None]}),
            "column 'x' of the sample has None, which is not the nan that it replaces.*missing_values=None",
        ),
        (Scaler(), NUMBERS, r"step scaler \(Scaler\) cannot be exported: .*Scaler is not scikit-learn's"),
        (
            Pipeline([("a", StandardScaler()), ("own", FunctionTransformer(double))]),
            NUMBERS,
            r"step own \(FunctionTransformer\) cannot be exported: its function 'double' is code of your own",
        ),
        (
            Pipeline([("pre", ColumnTransformer([("knn", KNNImputer(), ["area"])]))]),
            NUMBERS,
            r"step pre__knn \(KNNImputer\) cannot be exported: .*SAGEMAKER_PROGRAM.*skops",
        ),
        (StandardScaler(), NUMBERS.astype("float32"), "'rooms' is float32.*astype"),
        (
            make_pipeline(OneHotEncoder(dtype=np.float32), StandardScaler(with_mean=False)),
            NUMBERS,
            "step standardscaler .*it is handed float32",
        ),
        (FunctionTransformer(np.square), frame()[["rooms"]], "it is handed int64, in which square"),
        (
            StandardScaler(),
            NUMBERS.rename(columns={"area": "features"}),
            "the input has a column 'features', which is the name of an answer",
        ),
        (OneHotEncoder(), pd.DataFrame({"x": ["a", None, math.nan]}), "'x' has None and NaN"),
        (OneHotEncoder(), pd.DataFrame({"x": [b"b", b"a"]}), "'x' is of type object, and holds b'b'"),
        (
            OrdinalEncoder(),
            pd.DataFrame({"x": pd.date_range("2024-01-01", periods=2)}),
            "'x' is of type datetime64",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused_by_name(
    tmp_path: Path, model: Any, sample: Any, words: str
) -> None:
    fitted = model.fit(sample)
    with pytest.raises((UnsupportedError, SettingError), match=f"(?s){words}"):
        skewless.sklearn.export(fitted, tmp_path / "bundle", sample=sample)
    assert not (tmp_path / "bundle").exists()


def test_a_sample_must_suit_the_model(tmp_path: Path) -> None:
    model = StandardScaler().fit(NUMBERS)
    for sample, words in (
        (NUMBERS[["rooms"]], "the sample has no column 'area'"),
        (sparse.csr_matrix(np.eye(2)), "the sample is a sparse matrix.*toarray"),
        (np.ones((2, 3)), "the sample has 3 columns where the model was fitted on 2"),
        (np.ones((2, 2, 2)), "3 dimensions"),
        ([1.0, 2.0], "not all strings"),
        (
            NUMBERS.replace(20.5, math.inf),
            "scikit-learn itself cannot process the sample: Input X contains infinity",
        ),
    ):
        with pytest.raises(SkewlessError, match=words):
            skewless.sklearn.export(model, tmp_path / "bundle", sample=sample)


def test_only_a_fitted_model_is_exported(tmp_path: Path) -> None:
    for model, words in (
        (StandardScaler(), "the StandardScaler is not fitted"),
        (make_pipeline(StandardScaler()), "the Pipeline is not fitted"),
        (StandardScaler, "a StandardScaler cannot be exported.*fitted"),
        ("model", "a str cannot be exported"),
        (Pipeline([("none", "passthrough")]).fit(NUMBERS), "does nothing"),
    ):
        with pytest.raises(SettingError, match=words):
            skewless.sklearn.export(model, tmp_path / "bundle")


def test_a_null_is_refused_where_the_fit_had_no_missing_values(tmp_path: Path) -> None:
    transform = exported(StandardScaler().fit(NUMBERS), tmp_path, NUMBERS)
    with pytest.raises(ValueRefused, match="column 'rooms', row 1: the value is null"):
        transform.row({"rooms": None, "area": 1.0})
    assert math.isnan(transform.row({"rooms": 1, "area": None})["features"][1])


def test_frames_may_go_between_all_steps(tmp_path: Path) -> None:
    set_config(transform_output="pandas")
    try:
        rows = frame()
        hot = OneHotEncoder(sparse_output=False)
        names = make_pipeline(SimpleImputer(strategy="most_frequent"), hot)
        model = ColumnTransformer([("names", names, ["city"]), ("scale", StandardScaler(), ["area"])]).fit(
            rows
        )
        assert_equal(model, tmp_path, rows)
    finally:
        set_config(transform_output="default")


def test_an_exported_pipeline_is_served(tmp_path: Path) -> None:
    """Over HTTP, by the image's published name, in the forms that the SparkML container reads and writes."""
    rows = frame()[["city", "rooms", "area"]]
    hot = make_pipeline(
        SimpleImputer(strategy="constant", fill_value="?"), OneHotEncoder(handle_unknown="ignore")
    )
    model = ColumnTransformer([("hot", hot, ["city"]), ("fill", SimpleImputer(), ["area", "rooms"])]).fit(
        rows
    )
    skewless.sklearn.export(model, tmp_path / "model.tar.gz", sample=rows)
    yaml = tmp_path / "pipeline.yaml"
    yaml.write_text("containers: [{image: sagemaker-scikit-learn:1.2-1, model_data: model.tar.gz}]\n")
    asked = pd.DataFrame({"city": ["Ulm", "Rom"], "rooms": [3, 1], "area": [50.0, math.nan]})
    want = [",".join(map(repr, row)) for row in expected(model, asked)]
    with serving(yaml, tmp_path) as server:
        answer = server.ask(b"Ulm,3,50\nRom,1,\n")
        assert (answer.status, answer.text.split()) == (200, want)
        body = json.dumps({"data": ["Ulm", 3, 50.0]}).encode()
        answer = server.ask(body, {"content-type": "application/json"})
        assert (answer.status, answer.text) == (200, want[0])
        answer = server.ask(b"Ulm,,50")
        assert answer.status == 400
        assert "column 'rooms', row 1: the value is null" in answer.text
        answer = server.ask(b"Ulm,3,inf")
        assert answer.status == 400
