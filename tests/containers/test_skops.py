"""Estimators that no bundle can hold, saved as skops files and served by the image sklearn."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

import skewless.sklearn
from skewless.bundles.archive import read_files, write_files
from skewless.containers.load import load_pipeline
from skewless.errors import ContainerRefused, SettingError, SkewlessError
from skewless.export.sklearn_skops import MODEL, SAMPLE
from skewless.settings import Settings
from tests.pipelines import write

FRAME = pd.DataFrame(
    {
        "doors": ["2", "5more", "3", "2", "4", "5more"],
        "price": [1.5, np.nan, -0.0, 3.25, 7.0, 2.0],
        "old": [True, False, True, True, False, False],
        "count": [1, 2, 3, 4, 5, 6],
    }
)
LABELS = ["a", "b", "a", "b", "ü", "b"]


def fitted() -> Pipeline:
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), ["doors"]),
        (SimpleImputer(), ["price", "count"]),
        ("passthrough", ["old"]),
    )
    return make_pipeline(columns, FunctionTransformer(), GaussianProcessClassifier()).fit(FRAME, LABELS)


def pipeline_of(folder: Path, environment: dict[str, str] | None = None) -> Path:
    containers = [{"image": "sklearn", "model_data": "m.tar.gz", "environment": environment or {}}]
    return write(folder, {"containers": containers})


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("skops")
    skewless.sklearn.save(fitted(), folder / "m.tar.gz", sample=FRAME)
    with load_pipeline(pipeline_of(folder)) as pipeline:
        yield pipeline


def test_rows_of_every_form_are_predicted_as_by_the_estimator(served: Any) -> None:
    wanted = fitted().predict(FRAME).tolist()
    csv = FRAME.to_csv(index=False, header=False).encode()
    assert served.invoke(csv).body.decode().split() == wanted
    rows = json.loads(FRAME.to_json(orient="values"))
    assert json.loads(served.invoke(json.dumps(rows).encode(), "application/json").body) == wanted
    named = FRAME.to_json(orient="records").encode()
    assert json.loads(served.invoke(named, "application/json", "application/json").body) == wanted
    one = json.dumps(rows[4]).encode()
    assert json.loads(served.invoke(one, "application/json").body) == wanted[4:5]


@pytest.mark.parametrize(
    ("body", "kind", "said"),
    [
        (b"2,1.5,true", "text/csv", "row 1 has 3 values where the estimator takes 4"),
        (b"2,1.5,true,1\n2,dear,true,1", "text/csv", "row 2, column 'price': 'dear' is no double"),
        (b"2,1.5,yes,1", "text/csv", "row 1, column 'old': 'yes' is no boolean"),
        (b"2,1.5,true,1.5", "text/csv", "row 1, column 'count': '1.5' is no long"),
        (b"[[2, 1.5, true, 1]]", "application/json", "row 1, column 'doors': 2 is no string"),
        (b'[{"doors": "2"}]', "application/json", "row 1 has no 'price'"),
        (b'"low"', "application/json", "a body has a list of rows"),
        (b"[]", "application/json", "a body has a list of rows"),
    ],
)
def test_what_is_wrong_with_a_body_is_told_by_row_and_column(
    served: Any, body: bytes, kind: str, said: str
) -> None:
    with pytest.raises(ContainerRefused) as caught:
        served.invoke(body, kind)
    assert caught.value.status == 400
    assert json.loads(caught.value.body)["error-message"] == said


def start(folder: Path, environment: dict[str, str] | None = None) -> None:
    load_pipeline(pipeline_of(folder, environment), settings=Settings(health_timeout=60)).close()


def test_types_of_the_users_own_have_to_be_trusted(tmp_path: Path) -> None:
    model = make_pipeline(FunctionTransformer(np.nan_to_num)).fit(np.ones((4, 3)))
    skewless.sklearn.save(model, tmp_path / "m.tar.gz", sample=np.ones((4, 3)))
    with pytest.raises(
        SkewlessError, match=r"not trusted: numpy.nan_to_num.* set SKEWLESS_TRUSTED_TYPES=numpy.nan_to_num"
    ):
        start(tmp_path)
    start(tmp_path, {"SKEWLESS_TRUSTED_TYPES": "numpy.nan_to_num"})


def test_what_no_longer_predicts_as_it_did_is_not_served(tmp_path: Path) -> None:
    path = tmp_path / "m.tar.gz"
    skewless.sklearn.save(fitted(), path, sample=FRAME)
    files = dict(read_files(path, limits=Settings()))
    told = json.loads(files[SAMPLE])
    told["expected"][2] = "b"
    write_files({MODEL: files[MODEL], SAMPLE: json.dumps(told).encode()}, path)
    with pytest.raises(SkewlessError, match=r"row 3: the estimator gives 'a' where 'b' was predicted"):
        start(tmp_path)


@pytest.mark.parametrize("model", [GaussianProcessClassifier, 7, object()])
def test_what_cannot_be_served_is_not_saved(model: Any, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="neither predicts nor transforms"):
        skewless.sklearn.save(model, tmp_path / "m.tar.gz", sample=FRAME)
