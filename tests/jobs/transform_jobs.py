"""A folder of buckets with a model, transform jobs over it, and what they leave."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from skewless.jobs.job import Asked, Outcome, Services, write_asked


@dataclass
class Store:
    """A folder of buckets with a model, and what jobs make of it."""

    folder: Path
    containers: list[dict[str, Any]]
    jobs: int = 0
    logs: str = ""

    def put(self, key: str, body: bytes) -> None:
        path = self.folder / "s3" / "data" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)

    def get(self, key: str) -> bytes:
        return (self.folder / "s3" / "data" / key).read_bytes()

    def keys(self, prefix: str) -> list[str]:
        bucket = self.folder / "s3" / "data"
        found = [str(path.relative_to(bucket)) for path in bucket.rglob("*") if path.is_file()]
        return sorted(key for key in found if key.startswith(prefix))

    def asked(self, request: dict[str, Any]) -> Path:
        self.jobs += 1
        folder = self.folder / f"job-{self.jobs}"
        services = Services("http://127.0.0.1:1", "us-east-1", "k", "s", s3_folder=str(self.folder / "s3"))
        arn = "arn:aws:sagemaker:us-east-1:000000000000:transform-job/t"
        write_asked(folder, Asked("transform", "t", arn, request, services, self.containers))
        return folder

    def start(self, request: dict[str, Any]) -> tuple[subprocess.Popen[str], Path]:
        """The job's own process."""
        folder = self.asked(request)
        return (
            subprocess.Popen(
                [sys.executable, "-m", "skewless.jobs.run", str(folder)],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                cwd=self.folder,
            ),
            folder,
        )

    def run(self, request: dict[str, Any]) -> Outcome:
        process, folder = self.start(request)
        self.logs, _ = process.communicate(timeout=60)
        return outcome(folder)

    @property
    def data_log(self) -> list[str]:
        """The data log's lines without their times."""
        found = re.findall(r"^\x1edata-log\x1f(.*)$", self.logs, re.M)
        form = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}:\[sagemaker logs\]: (.*)")
        matches = [form.fullmatch(line) for line in found]
        assert None not in matches
        return [match[1] for match in matches if match]


def outcome(folder: Path) -> Outcome:
    return msgspec.json.decode((folder / "outcome.json").read_bytes(), type=Outcome)


def request(
    prefix: str = "in/",
    *,
    split: str = "Line",
    assemble: str = "Line",
    kind: str = "text/csv",
    **members: Any,
) -> dict[str, Any]:
    """A CreateTransformJob request; members of the input and the output may be among ``members``."""
    source = {"S3DataType": members.pop("S3DataType", "S3Prefix"), "S3Uri": f"s3://data/{prefix}"}
    given = {"DataSource": {"S3DataSource": source}, "ContentType": kind, "SplitType": split}
    made = {"S3OutputPath": "s3://data/out", "AssembleWith": assemble}
    if "CompressionType" in members:
        given["CompressionType"] = members.pop("CompressionType")
    if "Accept" in members:
        made["Accept"] = members.pop("Accept")
    if "processing" in members:
        members["DataProcessing"] = members.pop("processing")
    resources = {"InstanceType": "ml.m4.xlarge", "InstanceCount": 1}
    return {
        "TransformJobName": "t",
        "ModelName": "m",
        "TransformInput": given,
        "TransformOutput": made,
        "TransformResources": resources,
        **members,
    }


def store_of(models: Path, folder: Path, *containers: dict[str, Any]) -> Store:
    bucket = folder / "s3" / "models"
    bucket.parent.mkdir(parents=True, exist_ok=True)
    (folder / "s3" / "data").mkdir()
    bucket.mkdir()
    for artifact in models.glob("*.tar.gz"):
        (bucket / artifact.name).write_bytes(artifact.read_bytes())
    return Store(folder, list(containers))


def sparkml(artifact: str, schema: Any) -> dict[str, Any]:
    environment = {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(schema)}
    return {
        "Image": "sagemaker-sparkml-serving:2.2",
        "ModelDataUrl": f"s3://models/{artifact}",
        "Environment": environment,
    }
