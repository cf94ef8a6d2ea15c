"""Create, invoke and delete an inference pipeline, and run it as a batch, by version 3 of the SageMaker Python SDK.

Usage: v3_pipeline.py FOLDER, with what `skewless env` prints in the environment. The folder has model.tar.gz (Spark
ML's features), xgb.tar.gz, and small.tar.gz, which names the classes.
"""

import json
import os
import sys
import time
from typing import Any

import boto3
from sagemaker.core import image_uris
from sagemaker.core.resources import Endpoint, EndpointConfig, Model, TransformJob
from sagemaker.core.shapes import (
    ContainerDefinition,
    InferenceExecutionConfig,
    ProductionVariant,
    TransformDataSource,
    TransformInput,
    TransformOutput,
    TransformResources,
    TransformS3DataSource,
)
from sagemaker.core.utils.utils import configure_logging

configure_logging("INFO")  # jobs' logs are shown by the SDK's logger
folder, role = sys.argv[1], os.environ["SKEWLESS_ROLE_ARN"]
region, bucket = os.environ["AWS_REGION"], "sdk-3-pipeline"
s3 = boto3.client("s3")
s3.create_bucket(Bucket=bucket)

COLUMNS = ("buying", "maint", "doors", "persons", "lug_boot", "safety")
FEATURES = {
    "input": [{"name": name, "type": "string"} for name in COLUMNS],
    "output": {"name": "features", "type": "double", "struct": "vector"},
}
CLASS = {"input": [{"name": "label", "type": "double"}], "output": {"name": "cat", "type": "string"}}


def container(image: str, artifact: str, schema: dict[str, Any] | None = None) -> ContainerDefinition:
    s3.upload_file(f"{folder}/{artifact}", bucket, f"model/{artifact}")
    environment = {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(schema)} if schema else {}
    return ContainerDefinition(
        image=image, model_data_url=f"s3://{bucket}/model/{artifact}", environment=environment
    )


sparkml = image_uris.retrieve("sparkml-serving", region, version="3.3")
xgboost = image_uris.retrieve("xgboost", region, version="1.7-1")
model = Model.create(
    model_name="cars-3",
    containers=[
        container(sparkml, "model.tar.gz", FEATURES),
        container(xgboost, "xgb.tar.gz"),
        container(sparkml, "small.tar.gz", CLASS),
    ],
    inference_execution_config=InferenceExecutionConfig(mode="Serial"),
    execution_role_arn=role,
)

config = EndpointConfig.create(
    endpoint_config_name="cars-3",
    production_variants=[
        ProductionVariant(
            variant_name="AllTraffic",
            model_name="cars-3",
            initial_instance_count=1,
            instance_type="ml.m5.large",
        )
    ],
)
endpoint = Endpoint.create(endpoint_name="cars-3", endpoint_config_name="cars-3")
endpoint.wait_for_status("InService")
answer = endpoint.invoke(body="low,low,5more,more,big,high", content_type="text/csv", accept="text/csv")
print("ANSWER", answer.body.read(), answer.invoked_production_variant)

s3.put_object(
    Bucket=bucket, Key="batch/cars.csv", Body=b"low,low,5more,more,big,high\nvhigh,vhigh,2,2,small,low\n"
)
job = TransformJob.create(
    transform_job_name=f"cars-3-{int(time.time())}",
    model_name="cars-3",
    batch_strategy="MultiRecord",
    transform_input=TransformInput(
        data_source=TransformDataSource(
            s3_data_source=TransformS3DataSource(s3_data_type="S3Prefix", s3_uri=f"s3://{bucket}/batch/")
        ),
        content_type="text/csv",
        split_type="Line",
    ),
    transform_output=TransformOutput(
        s3_output_path=f"s3://{bucket}/classes", accept="text/csv", assemble_with="Line"
    ),
    transform_resources=TransformResources(instance_type="ml.m5.large", instance_count=1),
)
job.wait(poll=1, logs=True)
print("BATCH", s3.get_object(Bucket=bucket, Key="classes/cars.csv.out")["Body"].read().split())

endpoint.delete()
endpoint.wait_for_delete()
config.delete()
model.delete()
print("LEFT", len([*Model.get_all(), *EndpointConfig.get_all(), *Endpoint.get_all()]))
