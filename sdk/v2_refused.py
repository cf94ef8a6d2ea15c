"""What Skewless does not do is refused where it is asked for; here by version 2 of the SageMaker Python SDK.

Usage: v2_refused.py TRAIN.CSV, with what `skewless env` prints in the environment.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import sagemaker
from botocore.exceptions import ClientError
from sagemaker import Model, image_uris
from sagemaker.inputs import TrainingInput
from sagemaker.model_monitor import DataCaptureConfig
from sagemaker.serverless import ServerlessInferenceConfig
from sagemaker.xgboost import XGBoost

role, session = os.environ["SKEWLESS_ROLE_ARN"], sagemaker.Session()
data = TrainingInput(session.upload_data(sys.argv[1], key_prefix="refused"), content_type="text/csv")
script = Path(tempfile.mkdtemp()) / "train.py"
script.write_text("print('a training script of one\\'s own')\n")


def several_machines() -> None:
    estimator = XGBoost(
        entry_point=str(script),
        framework_version="1.7-1",
        role=role,
        instance_count=2,
        instance_type="ml.m5.large",
        sagemaker_session=session,
    )
    estimator.fit({"train": data})


def model() -> Model:
    image = image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1")
    return Model(image, data.config["DataSource"]["S3DataSource"]["S3Uri"], role, sagemaker_session=session)


def serverless() -> None:
    model().deploy(serverless_inference_config=ServerlessInferenceConfig())


def data_capture() -> None:
    capture = DataCaptureConfig(
        True, destination_s3_uri=f"s3://{session.default_bucket()}/captured", sagemaker_session=session
    )
    model().deploy(1, "ml.m5.large", data_capture_config=capture)


def refusal(ask: Callable[[], None]) -> str:
    try:
        ask()
    except ClientError as error:
        return str(error)
    return "it was not refused"


for ask in (several_machines, serverless, data_capture):
    print("REFUSED", ask.__name__, refusal(ask))
