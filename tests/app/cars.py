"""The car pipeline behind a gateway: two versions that answer differently, and ones that cannot be deployed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
from botocore.exceptions import ClientError

from skewless.bundles.bundle import save
from skewless.datasets import CAR_LABELS
from skewless.ops.labels import IndexToString
from skewless.schema import DOUBLE, Field, Schema
from skewless.transforms.transform import Transform
from tests import pipelines
from tests.gateways import Gateway, until

BUCKET: Final = "cars-and-labels"
SPARKML: Final = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-sparkml-serving:2.4"
XGBOOST: Final = "433757028032.dkr.ecr.us-west-2.amazonaws.com/xgboost:latest"
LABELS: Final = {"small": b"vgood", "capital": b"VGOOD"}
"""What each version answers for `pipelines.CAR`."""


@contextmanager
def tolerating(text: str) -> Iterator[None]:
    """Pass over the refusal with this text."""
    try:
        yield
    except ClientError as error:
        if text not in str(error):
            raise


@dataclass
class Cars:
    """Artifacts in a bucket, and what was made of them."""

    gateway: Gateway
    artifacts: Path
    endpoints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        # The buckets are folders; the tests of S3 put objects there through the wire.
        folder = self.gateway.folder.s3 / BUCKET
        if not folder.exists():
            shutil.copytree(self.artifacts, folder)
        self.sagemaker = self.gateway.client("sagemaker")
        self.runtime = self.gateway.client("sagemaker-runtime")

    @staticmethod
    def make(folder: Path) -> Path:
        """Fit and train, once for all tests."""
        pipelines.build(folder)
        shutil.copy(folder / "postprocess.tar.gz", folder / "small.tar.gz")
        capitals = tuple(label.upper() for label in CAR_LABELS)
        graph = pipelines.graph(
            "labels", [pipelines.stage("name", IndexToString(capitals), ["label"], ["cat"])]
        )
        inputs = Schema((Field("label", DOUBLE),))
        known = Transform(graph, inputs).table(pa.table({"label": [0.0, 1.0, 2.0, 3.0]}))
        save(graph, folder / "capital.tar.gz", engine="tests", inputs=inputs, rows=known)
        # As small, but its stages no longer do what its parity rows recorded.
        shutil.copy(folder / "small.tar.gz", folder / "skewed.tar.gz")
        pipelines.change(
            folder / "skewed.tar.gz",
            "root/name.node/model.json",
            lambda text: text.replace(b"vgood", b"vGood"),
        )
        (folder / "corrupt.tar.gz").write_bytes((folder / "small.tar.gz").read_bytes()[:200])
        return folder

    def containers(self, version: str) -> list[dict[str, Any]]:
        """CreateModel's definitions."""

        def sparkml(artifact: str, schema: dict[str, Any]) -> dict[str, Any]:
            environment = {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(schema)}
            return {"Image": SPARKML, "ModelDataUrl": f"s3://{BUCKET}/{artifact}", "Environment": environment}

        return [
            sparkml("model.tar.gz", pipelines.CAR_SCHEMA),
            {"Image": XGBOOST, "ModelDataUrl": f"s3://{BUCKET}/xgb.tar.gz"},
            sparkml(f"{version}.tar.gz", pipelines.LABEL_SCHEMA),
        ]

    def model(self, version: str) -> str:
        """A model of this version, made once; gives its name."""
        name = f"model-{version}"
        with tolerating("Cannot create already existing model"):
            self.sagemaker.create_model(
                ModelName=name, ExecutionRoleArn=self.gateway.role, Containers=self.containers(version)
            )
        return name

    def config(self, *versions: str, count: int = 1) -> str:
        """A configuration with a variant for each version, made once; gives its name."""
        name = f"config-{'-'.join(versions)}-{count}"
        with tolerating("Cannot create already existing endpoint configuration"):
            self.sagemaker.create_endpoint_config(
                EndpointConfigName=name,
                ProductionVariants=[
                    {
                        "VariantName": version,
                        "ModelName": self.model(version),
                        "InitialInstanceCount": count,
                        "InstanceType": "ml.m4.xlarge",
                        "InitialVariantWeight": 1.0,
                    }
                    for version in versions
                ],
            )
        return name

    def endpoint(self, name: str, *versions: str, count: int = 1) -> dict[str, Any]:
        """Deploy and wait; gives its description."""
        self.sagemaker.create_endpoint(
            EndpointName=name, EndpointConfigName=self.config(*versions, count=count)
        )
        self.endpoints.append(name)
        return self.settled(name)

    def update(self, name: str, *versions: str, count: int = 1) -> dict[str, Any]:
        """Change to these versions and wait; gives its description."""
        self.sagemaker.update_endpoint(
            EndpointName=name, EndpointConfigName=self.config(*versions, count=count)
        )
        return self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        """The endpoint's description when nothing is under way."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_endpoint(EndpointName=name)
            return None if found["EndpointStatus"] in ("Creating", "Updating") else found

        return until(look, 120)

    def invoke(self, name: str, body: bytes = pipelines.CAR, **options: Any) -> bytes:
        """The answer's body."""
        options = {"ContentType": "text/csv", **options}
        answer: bytes = self.runtime.invoke_endpoint(EndpointName=name, Body=body, **options)["Body"].read()
        return answer

    def gone(self, name: str) -> bool:
        """Whether there is no such endpoint any more."""
        found = []
        with tolerating("Could not find endpoint"):
            found.append(self.sagemaker.describe_endpoint(EndpointName=name))
        return not found

    def clean(self) -> None:
        """Delete the endpoints that are left."""
        for name in self.endpoints:
            if not self.gone(name):
                self.settled(name)
                self.sagemaker.delete_endpoint(EndpointName=name)
        for name in self.endpoints:
            until(partial(self.gone, name))
