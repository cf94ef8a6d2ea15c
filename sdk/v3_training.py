"""Train with the built-in XGBoost image by version 3 of the SageMaker Python SDK.

Usage: v3_training.py TRAIN.CSV, with what `skewless env` prints in the environment.
"""

import os
import sys

import boto3
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, StoppingCondition
from sagemaker.core.utils.utils import configure_logging
from sagemaker.train import ModelTrainer

configure_logging("INFO")  # jobs' logs are shown by the SDK's logger
role, bucket = os.environ["SKEWLESS_ROLE_ARN"], "sdk-3-training"
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket)
s3.upload_file(sys.argv[1], bucket, "data/train.csv")
session = Session(default_bucket=bucket)

trainer = ModelTrainer(
    training_image=image_uris.retrieve("xgboost", os.environ["AWS_REGION"], version="1.7-1"),
    hyperparameters={"objective": "multi:softmax", "num_class": 4, "num_round": 5, "eval_metric": "mlogloss"},
    compute=Compute(instance_type="ml.m5.large", instance_count=1),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/xgb"),
    stopping_condition=StoppingCondition(max_runtime_in_seconds=3600),
    base_job_name="cars",
    role=role,
    sagemaker_session=session,
)
trainer.train(
    input_data_config=[
        InputData(channel_name=name, data_source=f"s3://{bucket}/data/", content_type="text/csv")
        for name in ("train", "validation")
    ]
)
job = trainer._latest_training_job
print("STATUS", job.training_job_status)
print(
    "ARTIFACT",
    job.model_artifacts.s3_model_artifacts.removeprefix(f"s3://{bucket}/xgb/{job.training_job_name}/"),
)
