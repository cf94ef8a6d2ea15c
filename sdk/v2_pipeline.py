"""Deploy, invoke, update and run as a batch an inference pipeline by version 2 of the SageMaker Python SDK.

Usage: v2_pipeline.py FOLDER, with what `skewless env` prints in the environment. The folder has model.tar.gz (Spark
ML's features), xgb.tar.gz, and small.tar.gz and capital.tar.gz, which name the classes in two ways.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import sagemaker
from sagemaker import Model, PipelineModel, Predictor, image_uris
from sagemaker.deserializers import CSVDeserializer
from sagemaker.serializers import CSVSerializer
from sagemaker.sparkml.model import SparkMLModel

folder, role = sys.argv[1], os.environ["SKEWLESS_ROLE_ARN"]
session = sagemaker.Session(default_bucket="sdk-2-pipeline")  # made when it is not there

CARS = [["low", "low", "5more", "more", "big", "high"], ["vhigh", "vhigh", "2", "2", "small", "low"]]
COLUMNS = ("buying", "maint", "doors", "persons", "lug_boot", "safety")
FEATURES = {
    "input": [{"name": name, "type": "string"} for name in COLUMNS],
    "output": {"name": "features", "type": "double", "struct": "vector"},
}
CLASS = {"input": [{"name": "label", "type": "double"}], "output": {"name": "cat", "type": "string"}}


def upload(artifact: str) -> str:
    return str(session.upload_data(f"{folder}/{artifact}", key_prefix="model"))


def sparkml(artifact: str, schema: dict[str, Any]) -> SparkMLModel:
    environment = {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(schema)}
    return SparkMLModel(upload(artifact), role=role, env=environment, sagemaker_session=session)


def pipeline(classes: str) -> PipelineModel:
    image = image_uris.retrieve("xgboost", session.boto_region_name, version="1.7-1")
    return PipelineModel(
        [
            sparkml("model.tar.gz", FEATURES),
            Model(image, upload("xgb.tar.gz"), role=role, sagemaker_session=session),
            sparkml(classes, CLASS),
        ],
        role=role,
        predictor_cls=Predictor,
        sagemaker_session=session,
    )


first = pipeline("small.tar.gz")
predictor = first.deploy(
    1, "ml.m5.large", endpoint_name="cars-2", serializer=CSVSerializer(), deserializer=CSVDeserializer()
)
print("FIRST", predictor.predict(CARS))

second = pipeline("capital.tar.gz")
second.deploy(1, "ml.m5.large", endpoint_name="cars-2", update_endpoint=True, wait=False)
session.wait_for_endpoint("cars-2", poll=1)  # asks every 30 seconds where it is not told
print("SECOND", predictor.predict(",".join(CARS[0])))

try:
    predictor.predict("low,low,9,more,big,high")
except session.sagemaker_runtime_client.exceptions.ModelError as error:
    print("REFUSED", error)

Path(folder, "cars.csv").write_text("".join(f"{','.join(car)}\n" for car in CARS))
transformer = first.transformer(
    1,
    "ml.m5.large",
    output_path=f"s3://{session.default_bucket()}/classes",
    strategy="MultiRecord",
    assemble_with="Line",
    accept="text/csv",
)
data = session.upload_data(f"{folder}/cars.csv", key_prefix="batch")
transformer.transform(data, content_type="text/csv", split_type="Line")  # waits, and shows the job's log
print("BATCH", session.read_s3_file(session.default_bucket(), "classes/cars.csv.out").split())

print("LOGS AGAIN")
session.logs_for_transform_job(transformer.latest_transform_job.name)

predictor.delete_endpoint()  # with the configuration that it has now
client = session.sagemaker_client
client.delete_endpoint_config(EndpointConfigName="cars-2")  # the one before the update
for made in (first, second):
    made.delete_model()
print("LEFT", len(client.list_models()["Models"] + client.list_endpoint_configs()["EndpointConfigs"]))
