"""Scripts in the shape of the published examples, unmodified in what they import: trained, then served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from skewless.scripts.hosting.script import CONTAINER_PATH
from tests.scripts.hosting.running import Answer, hosted

JSON, CSV = "application/json", "text/csv"

ABALONE = """
from __future__ import print_function

import argparse
import json
import os
from io import StringIO

import flask
import joblib
import numpy as np
import pandas as pd
from sagemaker_containers.beta.framework import (
    content_types, encoders, env, modules, transformer, worker)
from sagemaker_inference.encoder import encode
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

FEATURES = ["sex", "length", "height"]
LABEL = "rings"
TYPES = {"sex": "category", "length": "float64", "height": "float64"}

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--output-data-dir", type=str, default=os.environ["SM_OUTPUT_DATA_DIR"])
    parser.add_argument("--model-dir", type=str, default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", type=str, default=os.environ["SM_CHANNEL_TRAIN"])
    args = parser.parse_args()
    files = [os.path.join(args.train, file) for file in os.listdir(args.train)]
    data = pd.concat(
        pd.read_csv(file, header=None, names=FEATURES + [LABEL], dtype={**TYPES, LABEL: "float64"}) for file in files
    )
    data.drop(LABEL, axis=1, inplace=True)
    preprocessor = ColumnTransformer(
        transformers=[
            ("num", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
             make_column_selector(dtype_exclude="category")),
            ("cat", make_pipeline(SimpleImputer(strategy="constant", fill_value="missing"),
                                  OneHotEncoder(handle_unknown="ignore")),
             make_column_selector(dtype_include="category")),
        ]
    )
    preprocessor.fit(data)
    joblib.dump(preprocessor, os.path.join(args.model_dir, "model.joblib"))
    with open(os.path.join(args.output_data_dir, "expected.json"), "w") as file:
        json.dump(np.asarray(preprocessor.transform(data)).tolist(), file)
    print("saved model!")


def input_fn(input_data, content_type):
    if content_type == "text/csv":
        df = pd.read_csv(StringIO(input_data), header=None)
        if len(df.columns) == len(FEATURES) + 1:
            df.columns = FEATURES + [LABEL]
        elif len(df.columns) == len(FEATURES):
            df.columns = FEATURES
        return df
    else:
        raise ValueError("{} not supported by script!".format(content_type))


def output_fn(prediction, accept):
    if accept == "application/json":
        instances = [{"features": row} for row in prediction.tolist()]
        return worker.Response(json.dumps({"instances": instances}), accept, mimetype=accept)
    elif accept == "text/csv":
        return flask.Response(response=encode(prediction, accept), mimetype=accept)
    elif accept == "x/encoders":
        return worker.Response(encoders.encode(prediction, "text/csv"), accept, mimetype="text/csv")
    else:
        raise RuntimeException("{} accept type is not supported by this script.".format(accept))


def predict_fn(input_data, model):
    features = model.transform(input_data)
    if LABEL in input_data:
        return np.insert(features, 0, input_data[LABEL], axis=1)
    else:
        return features


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""
SEA = "M,0.455,0.095,15\nM,0.35,0.09,7\nF,,0.135,9\nI,0.33,0.08,7\n"

IRIS = """
from __future__ import print_function

import argparse
import os

import joblib
import pandas as pd
from sklearn import tree

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_leaf_nodes", type=int, default=-1)
    parser.add_argument("--output-data-dir", type=str, default=os.environ["SM_OUTPUT_DATA_DIR"])
    parser.add_argument("--model-dir", type=str, default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", type=str, default=os.environ["SM_CHANNEL_TRAIN"])
    args = parser.parse_args()
    files = [os.path.join(args.train, file) for file in os.listdir(args.train)]
    train_data = pd.concat([pd.read_csv(file, header=None, engine="python") for file in files])
    clf = tree.DecisionTreeClassifier(max_leaf_nodes=args.max_leaf_nodes)
    clf = clf.fit(train_data.iloc[:, 1:], train_data.iloc[:, 0])
    joblib.dump(clf, os.path.join(args.model_dir, "model.joblib"))


def model_fn(model_dir):
    return joblib.load(os.path.join(model_dir, "model.joblib"))
"""


def trained(folder: Path, source: str, data: str, *arguments: str) -> Path:
    """A container's folder with the model that the script has trained."""
    for name in ("model", "code", "train", "output"):
        (folder / name).mkdir()
    (folder / "code/inference.py").write_text(source)
    (folder / "train/data.csv").write_text(data)
    settings = {
        "PYTHONPATH": str(CONTAINER_PATH),
        "SM_OUTPUT_DATA_DIR": str(folder / "output"),
        "SM_MODEL_DIR": str(folder / "model"),
        "SM_CHANNEL_TRAIN": str(folder / "train"),
    }
    command = [sys.executable, "inference.py", *arguments]
    subprocess.run(command, cwd=folder / "code", env={**os.environ, **settings}, check=True, timeout=120)
    return folder


def test_the_abalone_featurizer(tmp_path: Path) -> None:
    folder = trained(tmp_path, ABALONE, SEA)
    expected = json.loads((folder / "output/expected.json").read_text())
    unlabelled = "".join(f"{line.rpartition(',')[0]}\n" for line in SEA.splitlines())
    with hosted(folder, "sklearn", ABALONE) as running:
        answer = running.ask(unlabelled, CSV, JSON)
        assert (answer.status, answer.content_type) == (200, JSON)
        assert [one["features"] for one in answer.json["instances"]] == expected
        labelled = running.ask(SEA, CSV, CSV)
        assert labelled.content_type == "text/csv; charset=utf-8"
        rows = [list(map(float, line.split(","))) for line in labelled.text.splitlines()]
        assert rows == [[label, *row] for label, row in zip((15, 7, 9, 7), expected, strict=True)]
        assert running.ask(SEA, CSV, "x/encoders") == labelled
        one = running.ask("M,0.455,0.095", CSV, CSV)
        assert list(map(float, one.text.split(","))) == expected[0]
        refused = running.ask(b"{}", JSON)
        assert (refused.status, refused.json["function"]) == (500, "input_fn")
        assert "ValueError: application/json not supported by script!" in refused.json["error-message"]
        assert "NameError" in running.ask(unlabelled, CSV, "x/y").json["error-message"]


def test_the_iris_tree(tmp_path: Path) -> None:
    data = "0,5.1,3.5\n1,7.0,3.2\n2,6.3,3.3\n0,4.9,3.0\n1,6.4,3.1\n2,5.8,2.7\n"
    folder = trained(tmp_path, IRIS, data, "--max_leaf_nodes", "30")
    features = "".join(f"{line.partition(',')[2]}\n" for line in data.splitlines())
    with hosted(folder, "sklearn", IRIS) as running:
        # The data are float32 at serving, as in the original, so the splits are hit away from their thresholds.
        assert running.ask(features, CSV).json == [0, 1, 2, 0, 1, 2]
        assert running.ask(b"5.1,3.5", CSV, CSV) == Answer(200, "text/csv; charset=utf-8", b"0\n")
        refused = running.ask(b"5.1,3.5,1.4", CSV)
        assert refused.status == 400
        assert "X has 3 features, but DecisionTreeClassifier is expecting 2" in refused.json["error-message"]
