"""What is measured with: pipelines and rows, the same on every machine, made once below .make/bench/work.

For the peers everything is there a second time in forms that they read: XGBoost's own model file, and recipes of plain
numbers and names from which each builds its own pipeline.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any, Final

import joblib
import numpy as np
import pyarrow as pa
import xgboost
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression as LeastSquares
from sklearn.linear_model import LogisticRegression as Logistic

from benchmarks import artifacts
from benchmarks.artifacts import container, save_model
from benchmarks.forests import forests
from benchmarks.places import STATE
from skewless.bundles.bundle import save
from skewless.containers.load import load_pipeline
from skewless.datasets import CAR_COLUMNS, CAR_LABELS, CAR_VALUES, car_class
from skewless.ops.assemble import VectorAssembler
from skewless.ops.blas import Coefficients
from skewless.ops.fitted import Matrix
from skewless.ops.forests import RandomForestRegression
from skewless.ops.labels import IndexToString, StringIndexer
from skewless.ops.linear import LinearRegression
from skewless.ops.logistic import LogisticRegression
from skewless.ops.one_hot import OneHotEncoder
from skewless.ops.scale import StandardScaler
from skewless.ops.trees import Split, Tree
from skewless.schema import DOUBLE, STRING, Field, Schema
from skewless.spec import Stage, StageGraph
from skewless.transforms.transform import Transform
from tests.pipelines import CAR_SCHEMA, LABEL_SCHEMA, graph, stage, write

WORK: Final = STATE / "work"
LONGEST_CHAIN: Final = 15
_PARITY: Final = 50
_MIXED_ROWS: Final = 5000

NUMBERS: Final = tuple(f"number_{slot}" for slot in range(8))
WORDS: Final = tuple(f"word_{slot}" for slot in range(5))
VOCABULARY: Final = tuple(tuple(f"w{slot}-{value}" for value in range(4 + 2 * slot)) for slot in range(5))


def made() -> Path:
    """The folder with all of it; what is made by a module that has changed is made anew."""
    shared = Path(artifacts.__file__).read_bytes()
    for step in (_cars, _mixed, _chains, forests):
        folder = WORK / step.__name__.strip("_")
        stamp = folder / "finished"
        source = Path(sys.modules[step.__module__].__file__ or "").read_bytes()
        wanted = hashlib.sha256(source + shared).hexdigest()
        if stamp.exists() and stamp.read_text() == wanted:
            continue
        print(f"bench: making {folder.name} once", flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        step(folder)
        stamp.write_text(wanted)
    return WORK


def cars() -> list[tuple[str, ...]]:
    """Every car there is, 1,728 of them, in an order of no meaning."""
    every = list(product(*CAR_VALUES))
    return [every[place] for place in np.random.default_rng(20).permutation(len(every))]


def _bundle(fitted: StageGraph, path: Path, inputs: Schema, rows: pa.Table) -> None:
    """Write it with parity rows of our own: what is measured here is not whether stages are right."""
    recorded = Transform(fitted, inputs).table(rows.slice(0, _PARITY))
    save(fitted, path, engine="benchmarks", inputs=inputs, rows=recorded)


def _table(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def _encoded(names: Sequence[str], values: Sequence[Sequence[str]]) -> Iterator[Stage]:
    """Each column indexed and made one-hot, the last category by zeros as Spark has it."""
    for name, known in zip(names, values, strict=True):
        yield stage(f"index_{name}", StringIndexer(tuple(known)), [name], [f"{name}_index"])
    for name, known in zip(names, values, strict=True):
        encoder = OneHotEncoder((len(known),), drop_last=True)
        yield stage(f"hot_{name}", encoder, [f"{name}_index"], [f"{name}_hot"])


def _car_stages() -> list[Stage]:
    sizes = tuple(len(values) - 1 for values in CAR_VALUES)
    assembled = stage(
        "assemble", VectorAssembler(sizes), [f"{name}_hot" for name in CAR_COLUMNS], ["features"]
    )
    return [*_encoded(CAR_COLUMNS, CAR_VALUES), assembled]


def _car_features(rows: Sequence[tuple[str, ...]]) -> tuple[Transform, np.ndarray[Any, Any]]:
    inputs = Schema(tuple(Field(name, STRING) for name in CAR_COLUMNS))
    transform = Transform(graph("cars", _car_stages()), inputs)
    made = transform.table(_table(CAR_COLUMNS, rows), vectors="dense")
    return transform, np.array(made["features"].to_pylist(), np.float32)


def _cars(folder: Path) -> None:
    """The three containers of the car example; its forest is trained on what the first one makes."""
    rows = cars()
    transform, features = _car_features(rows)
    _bundle(transform.graph, folder / "model.tar.gz", transform.input_schema, _table(CAR_COLUMNS, rows))
    labels = np.array([CAR_LABELS.index(car_class(row)) for row in rows])
    asked = {"objective": "multi:softmax", "num_class": 4, "nthread": 1, "seed": 1}
    booster = xgboost.train(asked, xgboost.DMatrix(features, labels), num_boost_round=10)
    save_model(booster, folder, "xgb")
    named = graph("labels", [stage("name", IndexToString(CAR_LABELS), ["label"], ["cat"])])
    known = pa.table({"label": [0.0, 1.0, 2.0, 3.0]})
    _bundle(named, folder / "postprocess.tar.gz", Schema((Field("label", DOUBLE),)), known)
    containers = [
        container("model.tar.gz", CAR_SCHEMA),
        container("xgb.tar.gz", None, "xgboost"),
        container("postprocess.tar.gz", LABEL_SCHEMA),
    ]
    write(folder, {"containers": containers})
    recipe = {"columns": CAR_COLUMNS, "values": CAR_VALUES, "labels": CAR_LABELS, "rows": rows}
    (folder / "recipe.json").write_text(json.dumps(recipe))
    with load_pipeline(folder / "pipeline.yaml", fused=False) as pipeline:
        answers = [pipeline.invoke(",".join(row).encode()).body.decode() for row in rows]
    (folder / "answers.json").write_text(json.dumps(answers))


def _mixed(folder: Path) -> None:
    """13 fields: 8 numbers, assembled and scaled, and 5 words, indexed and made one-hot; two models of them."""
    random = np.random.default_rng(13)
    numbers = np.round(random.normal(3.0, 2.0, (_MIXED_ROWS, 8)) * 10.0 ** np.arange(-2, 6), 4)
    words = [random.integers(0, len(known), _MIXED_ROWS) for known in VOCABULARY]
    rows = [
        [*values, *(known[picked[row]] for known, picked in zip(VOCABULARY, words, strict=True))]
        for row, values in enumerate(numbers.tolist())
    ]
    mean, std = numbers.mean(axis=0), numbers.std(axis=0, ddof=1)
    hot = [np.eye(len(known))[picked][:, :-1] for known, picked in zip(VOCABULARY, words, strict=True)]
    features = np.hstack([(numbers - mean) * (1 / std), *hot])
    price = features @ random.normal(size=features.shape[1]) + np.sin(features[:, 0]) * features[:, 1]
    linear = LeastSquares().fit(features, price)
    forest = RandomForestRegressor(20, max_depth=8, random_state=1).fit(features, price)
    joblib.dump(forest, folder / "forest.joblib")
    grown = tuple(_tree(one.tree_) for one in forest.estimators_)
    models = {
        "linear": LinearRegression(Coefficients(tuple(linear.coef_.tolist())), float(linear.intercept_)),
        "forest": RandomForestRegression(features.shape[1], grown, (1.0,) * len(grown)),
    }
    inputs = Schema(tuple(Field(name, DOUBLE if name in NUMBERS else STRING) for name in (*NUMBERS, *WORDS)))
    for name, model in models.items():
        stages = _mixed_stages(StandardScaler(tuple(mean.tolist()), tuple(std.tolist())))
        fitted = graph(name, [*stages, stage("model", model, ["features"], ["prediction"])])
        _bundle(fitted, folder / f"{name}.tar.gz", inputs, _table(inputs.names, rows))
        (folder / f"{name}.yaml").write_text(json.dumps({"containers": [container(f"{name}.tar.gz", None)]}))
    recipe = {
        "numbers": NUMBERS,
        "words": WORDS,
        "values": VOCABULARY,
        "mean": mean.tolist(),
        "std": std.tolist(),
        "coefficients": linear.coef_.tolist(),
        "intercept": float(linear.intercept_),
        "rows": rows,
        "price": price.tolist(),
    }
    (folder / "recipe.json").write_text(json.dumps(recipe))


def _mixed_stages(scaler: StandardScaler) -> list[Stage]:
    sizes = (len(NUMBERS), *(len(known) - 1 for known in VOCABULARY))
    return [
        stage("numbers", VectorAssembler((None,) * len(NUMBERS)), NUMBERS, ["numbers"]),
        stage("scale", scaler, ["numbers"], ["scaled"]),
        *_encoded(WORDS, VOCABULARY),
        stage(
            "assemble", VectorAssembler(sizes), ["scaled", *(f"{name}_hot" for name in WORDS)], ["features"]
        ),
    ]


def _tree(grown: Any) -> Tree:
    """scikit-learn keeps its nodes in pre-order too; both go left up to the threshold."""
    inner = grown.children_left >= 0
    splits = tuple(
        Split(int(feature), float(threshold)) if is_inner else None
        for feature, threshold, is_inner in zip(grown.feature, grown.threshold, inner, strict=True)
    )
    right = tuple(
        int(child) if is_inner else 0 for child, is_inner in zip(grown.children_right, inner, strict=True)
    )
    values = tuple((float(value),) for value in grown.value[~inner, 0, 0])
    return Tree(splits, right, values)


def _chains(folder: Path) -> None:
    """1 to 15 containers of data only: a whole classifier of cars, then names for numbers and numbers for names."""
    rows = cars()
    transform, features = _car_features(rows)
    fitted = Logistic(max_iter=1000).fit(features, [CAR_LABELS.index(car_class(row)) for row in rows])
    matrix = Matrix(tuple(Coefficients(tuple(row)) for row in fitted.coef_.tolist()))
    model = LogisticRegression(matrix, tuple(fitted.intercept_.tolist()), True)
    classify = stage("classify", model, ["features"], ["raw", "probability", "prediction"])
    whole = graph("classifier", [*_car_stages(), classify])
    _bundle(whole, folder / "classify.tar.gz", transform.input_schema, _table(CAR_COLUMNS, rows))
    names = graph("names", [stage("name", IndexToString(CAR_LABELS), ["label"], ["cat"])])
    numbers = graph("numbers", [stage("number", StringIndexer(CAR_LABELS), ["cat"], ["label"])])
    _bundle(
        names, folder / "names.tar.gz", Schema((Field("label", DOUBLE),)), pa.table({"label": [0.0, 3.0]})
    )
    _bundle(numbers, folder / "numbers.tar.gz", Schema((Field("cat", STRING),)), pa.table({"cat": ["acc"]}))
    first = CAR_SCHEMA | {"output": {"name": "prediction", "type": "double"}}
    back = {
        "input": [{"name": "cat", "type": "string"}],
        "output": {"name": "label", "type": "double"},
    }
    added = (container("names.tar.gz", LABEL_SCHEMA), container("numbers.tar.gz", back))
    for size in range(1, LONGEST_CHAIN + 1):
        containers = [container("classify.tar.gz", first), *(added[place % 2] for place in range(size - 1))]
        (folder / f"{size}.yaml").write_text(json.dumps({"containers": containers}))


def chain_sizes() -> range:
    """The lengths of chains."""
    return range(1, LONGEST_CHAIN + 1)
