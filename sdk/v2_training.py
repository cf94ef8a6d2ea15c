"""Train with the built-in XGBoost image by version 2 of the SageMaker Python SDK.

Usage: v2_training.py TRAIN.CSV, with what `skewless env` prints in the environment.
"""

import os
import sys
from pathlib import Path

import sagemaker
from sagemaker import TrainingJobAnalytics, image_uris
from sagemaker.deserializers import CSVDeserializer
from sagemaker.estimator import Estimator
from sagemaker.inputs import TrainingInput
from sagemaker.serializers import CSVSerializer

role = os.environ["SKEWLESS_ROLE_ARN"]
session = sagemaker.Session()  # its bucket is in config.yaml, and made when it is not there

address = session.upload_data(sys.argv[1], key_prefix="data")
data = TrainingInput(address, content_type="text/csv")

estimator = Estimator(
    image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1"),
    role,
    instance_count=1,
    instance_type="ml.m5.large",
    hyperparameters={
        "objective": "multi:softmax",
        "num_class": 4,
        "num_round": 5,
        "eval_metric": "mlogloss",
    },
    sagemaker_session=session,
)
estimator.fit({"train": data, "validation": data})  # waits, and shows the job's log

name = estimator.latest_training_job.name
print("ARTIFACT", estimator.model_data.removeprefix(f"s3://{session.default_bucket()}/{name}/"))

print("LOGS AGAIN")
session.logs_for_job(name, wait=False)

for metric in TrainingJobAnalytics(name, sagemaker_session=session).dataframe().itertuples():
    print("METRIC", metric.metric_name, 0 < metric.value < 2)

again = Estimator.attach(name, sagemaker_session=session)
predictor = again.deploy(
    1, "ml.m5.large", serializer=CSVSerializer(), deserializer=CSVDeserializer(), wait=False
)
session.wait_for_endpoint(predictor.endpoint_name, poll=1)  # asks every 30 seconds where it is not told
label, features = Path(sys.argv[1]).read_text().partition("\n")[0].split(",", 1)
print("PREDICTED", float(predictor.predict(features)[0][0]) == float(label))

predictor.delete_model()
predictor.delete_endpoint()  # its configuration, too
