"""Jobs of every kind on a real gateway, small ones and ones that last until they are ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, Final

from tests.app.cars import Cars
from tests.gateways import Gateway, until
from tests.pipelines import CAR
from tests.requests import PROCESSING, TRAINING, TRANSFORM, changed

BUCKET: Final = "works"
ENDED: Final = ("Completed", "Failed", "Stopped")
GLUE_ENDED: Final = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT")
LASTING: Final = "import time\nprint('begun', flush=True)\nwhile True:\n    time.sleep(1)\n"
DEAF: Final = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{LASTING}"


@dataclass
class Works:
    """What a gateway is given to do; jobs are named by their kind and a number."""

    up: Gateway
    artifacts: Path
    numbers: count[int] = field(default_factory=count)

    def __post_init__(self) -> None:
        self.sagemaker, self.glue, self.s3 = map(self.up.client, ("sagemaker", "glue", "s3"))
        self.cars = Cars(self.up, self.artifacts)
        self.s3.create_bucket(Bucket=BUCKET)
        rows = "".join(f"{n % 3},{n % 7},{n % 5}\n" for n in range(60))
        for channel in ("train", "validation"):
            self.put(f"output/{channel}/part-00000", rows.encode())

    def put(self, key: str, body: bytes) -> str:
        """The address of a new object."""
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def name(self, kind: str) -> str:
        return f"{kind}-{next(self.numbers)}"

    def training(self, rounds: int = 3, bucket: str = BUCKET) -> str:
        """The name of a new job; millions of rounds last."""
        name = self.name("training")
        request = {**TRAINING, "TrainingJobName": name, "RoleArn": self.up.role}
        for number, channel in enumerate(("train", "validation")):
            place = f"InputDataConfig.{number}.DataSource.S3DataSource.S3Uri"
            request = changed(request, place, f"s3://{BUCKET}/output/{channel}")
        request["OutputDataConfig"] = {"S3OutputPath": f"s3://{bucket}/xgb"}
        request["HyperParameters"] = {
            "num_round": str(rounds),
            "objective": "multi:softmax",
            "num_class": "3",
            "max_depth": "2",
        }
        self.sagemaker.create_training_job(**request)
        return name

    def processing(self, script: str, **members: Any) -> str:
        """The name of a new job that runs this."""
        name = self.name("processing")
        code = self.put(f"code/{name}/preprocess.py", script.encode())
        request = {**PROCESSING, "ProcessingJobName": name, "RoleArn": self.up.role, **members}
        request = changed(request, "ProcessingInputs.0.S3Input.S3Uri", code)
        request = changed(
            request, "ProcessingOutputConfig.Outputs.0.S3Output.S3Uri", f"s3://{BUCKET}/made/{name}"
        )
        self.sagemaker.create_processing_job(**request)
        return name

    def transform(self, body: bytes = CAR, version: str = "small", **members: Any) -> str:
        """The name of a new job over an object of this content."""
        name = self.name("transform")
        address = self.put(f"batch/{name}/cars.csv", body)
        request = {**TRANSFORM, "TransformJobName": name, "ModelName": self.cars.model(version), **members}
        request = changed(request, "TransformInput.DataSource.S3DataSource.S3Uri", address)
        request = changed(request, "TransformOutput.S3OutputPath", f"s3://{BUCKET}/scored/{name}")
        self.sagemaker.create_transform_job(**request)
        return name

    def run(self, script: str, **job: Any) -> tuple[str, str]:
        """The names of a new Glue job and of its run."""
        name = self.name("glue")
        command = {
            "Name": "pythonshell",
            "PythonVersion": "3",
            "ScriptLocation": self.put(f"code/{name}.py", script.encode()),
        }
        self.glue.create_job(Name=name, Role=self.up.role, Command=command, **job)
        return name, self.glue.start_job_run(JobName=name)["JobRunId"]

    def shown(self, name: str) -> dict[str, Any]:
        """A SageMaker job, with ``Status`` as the name of its status."""
        kind = name.partition("-")[0]
        found: dict[str, Any] = getattr(self.sagemaker, f"describe_{kind}_job")(
            **{f"{kind.capitalize()}JobName": name}
        )
        return {**found, "Status": found[f"{kind.capitalize()}JobStatus"]}

    def ended(self, name: str, seconds: float = 120) -> dict[str, Any]:
        """A SageMaker job when it has ended, by which its folder is gone."""

        def look() -> dict[str, Any] | None:
            shown = self.shown(name)
            return shown if shown["Status"] in ENDED else None

        return until(look, seconds)

    def run_shown(self, run: tuple[str, str]) -> dict[str, Any]:
        found: dict[str, Any] = self.glue.get_job_run(JobName=run[0], RunId=run[1])["JobRun"]
        return found

    def run_ended(self, run: tuple[str, str], seconds: float = 120) -> dict[str, Any]:
        def look() -> dict[str, Any] | None:
            shown = self.run_shown(run)
            return shown if shown["JobRunState"] in GLUE_ENDED else None

        return until(look, seconds)

    def stop(self, name: str) -> None:
        kind = name.partition("-")[0]
        getattr(self.sagemaker, f"stop_{kind}_job")(**{f"{kind.capitalize()}JobName": name})

    def begun(self, name: str) -> bool:
        """Whether a job's own program is under way, by what it has printed."""
        files = self.up.folder.logs.rglob("*.jsonl")  # others are there for a moment only
        kind, _, _ = name.partition("-")
        word = {"training": b"[0]#011", "transform": b"parity rows replayed"}.get(kind, b"begun")
        return any(name in str(file) and word in file.read_bytes() for file in files if file.is_file())

    def nothing_left(self) -> None:
        """No process and no folder of a job."""
        until(partial(self._none, self.up))

    @staticmethod
    def _none(up: Gateway) -> bool:
        return up.children() == [] and not list(up.folder.jobs.glob("*/*"))
