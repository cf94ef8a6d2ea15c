"""Train a scikit-learn script and serve it, by version 2 of the SageMaker Python SDK; and one with XGBoost's image.

Usage: v2_script.py TRAIN.CSV, with what `skewless env` prints in the environment.
"""

import os
import sys
import tempfile
from pathlib import Path

import sagemaker
from sagemaker.inputs import TrainingInput
from sagemaker.sklearn import SKLearn
from sagemaker.xgboost import XGBoost

role = os.environ["SKEWLESS_ROLE_ARN"]
session = sagemaker.Session()  # its bucket is in config.yaml, and made when it is not there
folder = Path(tempfile.mkdtemp())
(folder / "train.py").write_text(
    """\
import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression


def model_fn(model_dir):
    return joblib.load(Path(model_dir) / "model.joblib")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-C", type=float)  # names of one letter get one dash
    parser.add_argument("--solver")
    parser.add_argument("--model-dir", default=os.environ["SM_MODEL_DIR"])
    parser.add_argument("--train", default=os.environ["SM_CHANNEL_TRAIN"])
    given = parser.parse_args()
    data = pd.concat(pd.read_csv(file, header=None) for file in Path(given.train).iterdir())
    labels, features = data.iloc[:, 0], data.iloc[:, 1:].to_numpy()
    model = LogisticRegression(C=given.C, solver=given.solver, max_iter=2000).fit(features, labels)
    print(f"accuracy={model.score(features, labels):.3f};")
    joblib.dump(model, Path(given.model_dir) / "model.joblib")
"""
)
(folder / "boost.py").write_text(
    """\
import os

import pandas as pd
import xgboost

rows = pd.read_csv(os.environ["SM_CHANNEL_TRAIN"] + "/train.csv", header=None).to_numpy()
data = xgboost.DMatrix(rows[:, 1:], rows[:, 0])
booster = xgboost.train({"max_depth": int(os.environ["SM_HP_MAX_DEPTH"])}, data, num_boost_round=2)
booster.save_model(os.environ["SM_MODEL_DIR"] + "/xgboost-model")
print("BOOSTED", booster.num_boosted_rounds())
"""
)
data = TrainingInput(session.upload_data(sys.argv[1], key_prefix="script"), content_type="text/csv")

estimator = SKLearn(
    entry_point="train.py",
    source_dir=str(folder),
    framework_version="1.2-1",
    role=role,
    instance_type="ml.m5.large",
    hyperparameters={"C": 10.0, "solver": "lbfgs"},
    metric_definitions=[{"Name": "train:accuracy", "Regex": r"accuracy=(\S+);"}],
    sagemaker_session=session,
)
estimator.fit({"train": data})  # waits, and shows the job's log
shown = session.describe_training_job(estimator.latest_training_job.name)
print("METRICS", [(one["MetricName"], one["Value"] > 0.5) for one in shown["FinalMetricDataList"]])

boosted = XGBoost(
    entry_point="boost.py",
    source_dir=str(folder),
    framework_version="1.7-1",
    role=role,
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={"max_depth": 3},
    sagemaker_session=session,
)
boosted.fit({"train": data})
print("ARTIFACT", boosted.model_data.rpartition("/")[2])

predictor = estimator.deploy(1, "ml.m5.large", wait=False)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # asks every 30 seconds where it is not told
label, _, features = Path(sys.argv[1]).read_text().partition("\n")[0].partition(",")
answers = predictor.predict([[float(part) for part in features.split(",")]] * 2)  # as NumPy's own bytes
print("PREDICTED", answers.shape, answers[0] in (0, 1, 2, 3))
predictor.delete_model()
predictor.delete_endpoint()  # its configuration, too
