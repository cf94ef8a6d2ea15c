"""SageMaker requests that are complete, to be changed in one place by each test."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from skewless.control.first_start import ensure_default_role
from skewless.control.plane import Members, Plane

XGBOOST = "433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest"
SPARKML = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sparkml-serving:2.2"
ROLE = "arn:aws:iam::000000000000:role/SkewlessExecutionRole"

MODEL: Members = {
    "ModelName": "cars",
    "ExecutionRoleArn": ROLE,
    "Containers": [
        {"Image": SPARKML, "ModelDataUrl": "s3://data/model/model.tar.gz", "Environment": {"A": "b"}},
        {"Image": XGBOOST, "ModelDataUrl": "s3://data/xgb/model.tar.gz"},
    ],
}
CONFIG: Members = {
    "EndpointConfigName": "cars",
    "ProductionVariants": [
        {
            "VariantName": "DefaultVariant",
            "ModelName": "cars",
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m4.xlarge",
        }
    ],
}
TRAINING: Members = {
    "TrainingJobName": "xgboost-cars",
    "RoleArn": ROLE,
    "HyperParameters": {"num_round": "10", "objective": "multi:softmax", "num_class": "4"},
    "AlgorithmSpecification": {"TrainingImage": XGBOOST, "TrainingInputMode": "File"},
    "InputDataConfig": [
        {
            "ChannelName": name,
            "DataSource": {
                "S3DataSource": {
                    "S3DataType": "S3Prefix",
                    "S3Uri": f"s3://data/output/{name}",
                    "S3DataDistributionType": "FullyReplicated",
                }
            },
            "ContentType": "text/csv",
            "CompressionType": "None",
            "RecordWrapperType": "None",
        }
        for name in ("train", "validation")
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://data/xgb"},
    "ResourceConfig": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 1},
    "StoppingCondition": {"MaxRuntimeInSeconds": 3600},
}
PROCESSING: Members = {
    "ProcessingJobName": "features",
    "RoleArn": ROLE,
    "ProcessingInputs": [
        {
            "InputName": "code",
            "S3Input": {
                "S3Uri": "s3://data/scripts/preprocess.py",
                "LocalPath": "/opt/ml/processing/input/code",
                "S3DataType": "S3Prefix",
                "S3InputMode": "File",
            },
        }
    ],
    "ProcessingOutputConfig": {
        "Outputs": [
            {
                "OutputName": "train",
                "S3Output": {
                    "S3Uri": "s3://data/processed",
                    "LocalPath": "/opt/ml/processing/output",
                    "S3UploadMode": "EndOfJob",
                },
            }
        ]
    },
    "ProcessingResources": {
        "ClusterConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    },
    "AppSpecification": {
        "ImageUri": "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.2-1",
        "ContainerEntrypoint": ["python3", "/opt/ml/processing/input/code/preprocess.py"],
    },
}
TRANSFORM: Members = {
    "TransformJobName": "score",
    "ModelName": "cars",
    "TransformInput": {
        "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/batch/"}},
        "ContentType": "text/csv",
        "SplitType": "Line",
    },
    "TransformOutput": {"S3OutputPath": "s3://data/scored", "Accept": "text/csv", "AssembleWith": "Line"},
    "TransformResources": {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1},
}
OBJECTS = (
    "model/model.tar.gz",
    "xgb/model.tar.gz",
    "output/train/part-00000",
    "output/validation/part-00000",
    "scripts/preprocess.py",
    "batch/cars.csv",
)


def changed(request: Members, path: str, value: Any) -> Members:
    """A copy with another value at a dotted path (list items by number); None takes the member away."""
    copied = copy.deepcopy(request)
    *way, last = path.split(".")
    there: Any = copied
    for part in way:
        there = there[int(part)] if isinstance(there, list) else there.setdefault(part, {})
    key: Any = int(last) if isinstance(there, list) else last
    if value is None:
        del there[key]
    else:
        there[key] = value
    return copied


def furnish(plane: Plane, s3: Path) -> None:
    """Make the role and the objects that the requests name; ``s3`` is the folder of buckets."""
    ensure_default_role(plane)
    for key in OBJECTS:
        file = s3 / "data" / key
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("1,2\n")
