"""What Skewless does not do is refused where it is asked for; here by version 3 of the SageMaker Python SDK.

Usage: v3_refused.py TRAIN.CSV, with what `skewless env` prints in the environment.
"""

import os
import sys
import tempfile
from pathlib import Path

import boto3
from botocore.exceptions import ClientError
from sagemaker.core import image_uris
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.training.configs import Compute, InputData, OutputDataConfig, SourceCode
from sagemaker.train import ModelTrainer

role, bucket = os.environ["SKEWLESS_ROLE_ARN"], "sdk-3-refused"
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket)
s3.upload_file(sys.argv[1], bucket, "data/train.csv")
folder = Path(tempfile.mkdtemp())
(folder / "train.py").write_text("print('a training script of one\\'s own')\n")

trainer = ModelTrainer(
    training_image=image_uris.retrieve("xgboost", os.environ["AWS_REGION"], version="1.7-1"),
    source_code=SourceCode(source_dir=str(folder), entry_script="train.py"),
    compute=Compute(instance_type="ml.m5.large", instance_count=2),
    output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/xgb"),
    base_job_name="cars",
    role=role,
    sagemaker_session=Session(default_bucket=bucket),
)
try:
    trainer.train(input_data_config=[InputData(channel_name="train", data_source=f"s3://{bucket}/data/")])
    print("REFUSED it was not refused")
except ClientError as error:
    print("REFUSED several_machines", error)
