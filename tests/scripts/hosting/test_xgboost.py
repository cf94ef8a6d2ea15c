"""The XGBoost container in script mode: training as published scripts do it, and its defaults over HTTP."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from skewless.codecs.recordio import VALUES, Record, Tensor, write_records
from skewless.scripts.hosting.script import CONTAINER_PATH
from tests.scripts.hosting.running import Answer, Hosted, hosted

JSON, CSV, LIBSVM, NPY = "application/json", "text/csv", "text/libsvm", "application/x-npy"
RECORDS = "application/x-recordio-protobuf"

# Trains and serves, in the shape of the published abalone example.
SCRIPT = """
import argparse
import json
import os

import xgboost as xgb
from sagemaker_containers import entry_point
from sagemaker_xgboost_container import distributed
from sagemaker_xgboost_container.data_utils import get_dmatrix


def _train(params, dtrain, evals, num_boost_round, model_dir, is_master):
    booster = xgb.train(params=params, dtrain=dtrain, evals=evals, num_boost_round=num_boost_round)
    if is_master:
        booster.save_model(os.path.join(model_dir, "xgboost-model.json"))
        with open(os.path.join(model_dir, "expected"), "w") as file:
            json.dump(booster.predict(dtrain).tolist(), file)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--max_depth", type=int)
    parser.add_argument("--num_round", type=int)
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    parser.add_argument("--model_dir", default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--sm_hosts", default=os.environ["SM_HOSTS"])
    parser.add_argument("--sm_current_host", default=os.environ["SM_CURRENT_HOST"])
    args, _ = parser.parse_known_args()
    dtrain = get_dmatrix(args.train, os.environ["CONTENT_TYPE"])
    distributed.rabit_run(
        exec_fun=_train,
        args=dict(
            params={"max_depth": args.max_depth, "nthread": 1},
            dtrain=dtrain,
            evals=[(dtrain, "train")],
            num_boost_round=args.num_round,
            model_dir=args.model_dir,
        ),
        include_in_training=dtrain is not None,
        hosts=json.loads(args.sm_hosts),
        current_host=args.sm_current_host,
        update_rabit_args=True,
    )


def model_fn(model_dir):
    booster = xgb.Booster()
    booster.load_model(os.path.join(model_dir, "xgboost-model.json"))
    return booster
"""
ROWS = [[float((7 * row + 3 * column) % 11) for column in range(3)] for row in range(20)]


def libsvm(rows: list[list[float]], *, labels: bool) -> str:
    return "".join(
        f"{f'{sum(row)} ' if labels else ''}{' '.join(f'{at}:{value}' for at, value in enumerate(row, 1))}\n"
        for row in rows
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A container's folder with the model that the script has trained from two files of libsvm."""
    folder = tmp_path_factory.mktemp("xgb")
    for name in ("model", "code", "train/part"):
        (folder / name).mkdir(parents=True)
    (folder / "code/abalone.py").write_text(SCRIPT)
    (folder / "train/a").write_text(libsvm(ROWS[:10], labels=True))
    (folder / "train/part/b").write_text(libsvm(ROWS[10:], labels=True))
    (folder / "train/_SUCCESS").write_text("no data\n")
    settings = {
        "PYTHONPATH": str(CONTAINER_PATH),
        "CONTENT_TYPE": LIBSVM,
        "SM_CHANNEL_TRAIN": str(folder / "train"),
        "SM_MODEL_DIR": str(folder / "model"),
        "SM_HOSTS": '["algo-1"]',
        "SM_CURRENT_HOST": "algo-1",
    }
    command = [sys.executable, "abalone.py", "--max_depth", "3", "--num_round", "4"]
    subprocess.run(command, cwd=folder / "code", env={**os.environ, **settings}, check=True, timeout=120)
    return folder


@pytest.fixture(scope="module")
def abalone(trained: Path) -> Iterator[Hosted]:
    with hosted(trained, "xgboost", "", SAGEMAKER_PROGRAM="abalone.py") as running:
        yield running


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosted]:
    """What the script is given, in place of a prediction."""
    source = """
import numpy as np
def model_fn(model_dir):
    return None
def predict_fn(data, model):
    if data.num_row() == 2:
        return np.ones((2, 2))
    return [type(data).__name__, data.num_row(), data.num_col(), data.num_nonmissing()]
"""
    with hosted(tmp_path_factory.mktemp("shapes"), "xgboost", source) as running:
        yield running


def expected(trained: Path) -> list[float]:
    found: list[float] = json.loads((trained / "model/expected").read_text())
    return found


def test_libsvm_is_answered_as_trained(trained: Path, abalone: Hosted) -> None:
    for labels in (False, True):
        answer = abalone.ask(libsvm(ROWS, labels=labels), LIBSVM)
        assert (answer.status, answer.content_type) == (200, JSON)
        assert answer.json == expected(trained)


# Serves predictions with their SHAP values, in the shape of the published inference.py.
SHAP = """
import json
import os

import numpy as np
import sagemaker_xgboost_container.encoder as xgb_encoders
import xgboost as xgb


def model_fn(model_dir):
    booster = xgb.Booster()
    booster.load_model(os.path.join(model_dir, "xgboost-model.json"))
    return booster


def input_fn(request_body, request_content_type):
    if request_content_type == "text/libsvm":
        return xgb_encoders.libsvm_to_dmatrix(request_body)
    else:
        raise ValueError("Content type {} is not supported.".format(request_content_type))


def predict_fn(input_data, model):
    prediction = model.predict(input_data)
    feature_contribs = model.predict(input_data, pred_contribs=True, validate_features=False)
    return np.hstack((prediction[:, np.newaxis], feature_contribs))


def output_fn(predictions, content_type):
    if content_type == "text/csv" or content_type == "application/json":
        return "\\n".join(",".join(str(x) for x in row) for row in predictions)
    else:
        raise ValueError("Content type {} is not supported.".format(content_type))
"""


def test_a_published_script_with_functions_of_its_own(trained: Path, tmp_path: Path) -> None:
    with hosted(tmp_path, "xgboost", SHAP, SM_MODEL_DIR=str(trained / "model")) as running:
        answer = running.ask(libsvm(ROWS, labels=False), LIBSVM, CSV)
        assert (answer.status, answer.content_type) == (200, CSV)
        rows = np.array([line.split(",") for line in answer.text.splitlines()]).astype(np.float32)
        assert rows[:, 0].tolist() == np.array(expected(trained), np.float32).tolist()
        # A prediction is the sum of its contributions, of which the last is the model's own.
        assert rows.shape == (20, 1 + 4 + 1)
        assert np.allclose(rows[:, 1:].sum(axis=1), rows[:, 0], atol=1e-3)
        assert running.ask(b"1,2", CSV).status == 500


def test_records_and_csv_with_the_column_that_libsvm_leaves_out(trained: Path, abalone: Hosted) -> None:
    rows = [[0.0, *row] for row in ROWS]
    text = "\n".join(",".join(map(str, row)) for row in rows)
    assert abalone.ask(text, "text/csv; charset=UTF-8").json == expected(trained)
    body = write_records([Record({VALUES: Tensor(np.array(row, np.float32))}) for row in rows])
    assert abalone.ask(body, RECORDS).json == expected(trained)


def test_a_wrong_number_of_features_is_the_callers_fault(abalone: Hosted) -> None:
    answer = abalone.ask(b"1,2,3,4,5,6,7", CSV)
    assert (answer.status, answer.json["function"]) == (400, "predict_fn")
    assert "(4 vs. 7)" in answer.json["error-message"]


@pytest.mark.parametrize(
    ("body", "rows", "columns", "present"),
    [
        (b"42,6,9", 1, 3, 3),
        (b"42.0,6.0,9.0", 1, 3, 3),
        (b"42\n6\n9\n", 3, 1, 3),
        (b"42;6;9", 1, 3, 3),
        (b"42,,9", 1, 3, 2),
    ],
)
def test_csv_is_a_matrix(shapes: Hosted, body: bytes, rows: int, columns: int, present: int) -> None:
    for kind in (CSV, "text/csv; charset=UTF-8"):
        assert shapes.ask(body, kind).json == ["DMatrix", rows, columns, present]


def test_libsvm_and_records_are_matrices(shapes: Hosted) -> None:
    assert shapes.ask(b"1 0:5 3:7\n", LIBSVM).json == ["DMatrix", 1, 4, 2]
    assert shapes.ask(b"0:5 3:7\n", "text/x-libsvm").json == ["DMatrix", 1, 4, 2]
    body = write_records([Record({VALUES: Tensor(np.array([1, 2, 3], np.float32))})])
    assert shapes.ask(body, RECORDS).json == ["DMatrix", 1, 3, 3]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"1999-12-31,1", CSV),
        (b"10:11:12,1", CSV),
        (b"a,b,c", CSV),
        (b"", CSV),
        (b"1,2\n3", CSV),
        (b"\xff", CSV),
        (b"1 a:b", LIBSVM),
        (b"", LIBSVM),
        (b"no records", RECORDS),
        (b"", RECORDS),
    ],
)
def test_what_cannot_be_read_is_the_callers_fault(shapes: Hosted, body: bytes, kind: str) -> None:
    answer = shapes.ask(body, kind)
    assert (answer.status, answer.json["error"]) == (400, "DecodeError"), answer.text


@pytest.mark.parametrize("kind", [JSON, None, "text/tsv", NPY])
def test_other_types_are_refused(shapes: Hosted, kind: str | None) -> None:
    assert shapes.ask(b"[1]", kind).status == 415


def test_answers_are_written_in_three_types(shapes: Hosted) -> None:
    """Types as they were wished for: this container adds no charset."""
    two = b"1,2\n3,4\n"
    assert shapes.ask(two, CSV, CSV) == Answer(200, CSV, b"1.0,1.0\n1.0,1.0\n")
    assert shapes.ask(two, CSV, JSON) == Answer(200, JSON, b"[[1.0, 1.0], [1.0, 1.0]]")
    assert np.load(io.BytesIO(shapes.ask(two, CSV, NPY).body)).tolist() == [[1, 1], [1, 1]]
    assert shapes.ask(two, CSV, "application/jsonlines").status == 406
