"""Train a script of one's own by version 3 of the SageMaker Python SDK.

Usage: v3_script.py TRAIN.CSV, with what `skewless env` prints in the environment.
"""

import os
import sys
import tempfile
from pathlib import Path

import boto3
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.training.configs import (
    Compute,
    InputData,
    OutputDataConfig,
    SourceCode,
    StoppingCondition,
)
from sagemaker.core.utils.utils import configure_logging
from sagemaker.train import ModelTrainer

configure_logging("INFO")  # jobs' logs are shown by the SDK's logger
role, bucket = os.environ["SKEWLESS_ROLE_ARN"], "sdk-3-script"
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket)
s3.upload_file(sys.argv[1], bucket, "data/train.csv")
folder = Path(tempfile.mkdtemp())
(folder / "requirements.txt").write_text("scikit-learn\n")
(folder / "train.py").write_text(
    """\
import argparse
import os
from pathlib import Path

import joblib
import pandas as pd
from sklearn.tree import DecisionTreeClassifier

parser = argparse.ArgumentParser()
parser.add_argument("--depth", type=int)
given = parser.parse_args()
data = pd.read_csv(Path(os.environ["SM_CHANNEL_TRAIN"]) / "train.csv", header=None)
model = DecisionTreeClassifier(max_depth=given.depth).fit(data.iloc[:, 1:].to_numpy(), data.iloc[:, 0])
joblib.dump(model, Path(os.environ["SM_MODEL_DIR"]) / "model.joblib")
print("leaves:", model.get_n_leaves())
"""
)

trainer = ModelTrainer(
    training_image=image_uris.retrieve("sklearn", os.environ["AWS_REGION"], version="1.2-1"),
    source_code=SourceCode(source_dir=str(folder), entry_script="train.py", requirements="requirements.txt"),
    hyperparameters={"depth": 3},
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/models"),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=600),
    base_job_name="cars",
    role=role,
    sagemaker_session=Session(default_bucket=bucket),
)
trainer.train(input_data_config=[InputData(channel_name="train", data_source=f"s3://{bucket}/data/")])
job = trainer._latest_training_job
print("STATUS", job.training_job_status)
name = job.training_job_name
print("ARTIFACT", job.model_artifacts.s3_model_artifacts.removeprefix(f"s3://{bucket}/models/{name}/"))
