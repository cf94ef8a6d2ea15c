"""A training job with the built-in XGBoost algorithm, from channels to ``model.tar.gz``."""

from __future__ import annotations

import json
import signal
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skewless.blobs import BucketMissing, open_blobs
from skewless.errors import SkewlessError
from skewless.jobs.job import Job, Outcome
from skewless.jobs.scores import Scores
from skewless.jobs.training.channels import by_address, channels_of, fetch
from skewless.jobs.training.gaps import refuse_gaps
from skewless.jobs.training.hyperparameters import validate
from skewless.jobs.training.train import Round, TrainingResult, train
from skewless.names import bucket_and_key


def run(job: Job) -> Outcome:
    """Train and upload the artifact. Told to stop while it trains, it uploads the rounds done until then."""
    return _Training(job).run()


class _Training:
    """One training job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.request = job.asked.request
        services = job.asked.services
        self.blobs = open_blobs(
            s3_folder=services.s3_folder,
            s3_endpoint_url=services.s3_endpoint_url,
            region=services.region,
            access_key=services.access_key,
            secret_key=services.secret_key,
        )
        self.data = job.folder / "ml" / "input" / "data"
        self.files: dict[Path, str] = {}
        self.stop = threading.Event()
        output = self.request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        self.artifact = f"{output}/{job.asked.name}/output/model.tar.gz"

    def run(self) -> Outcome:
        try:
            return self._run()
        except SkewlessError as error:
            return self._failed(f"ClientError: {error}")
        except OSError:
            raise  # the disk's faults are no fault of the algorithm
        except Exception as error:
            traceback.print_exc()
            return self._failed(
                f"AlgorithmError: XGB train call failed with exception:\n{type(error).__name__}: {error}"
            )

    def _run(self) -> Outcome:
        hyperparameters = _hyperparameters(self.request.get("HyperParameters") or {})
        # Before anything is downloaded: what is wrong with them is wrong at once.
        values = validate(hyperparameters).values
        refuse_gaps(values)
        channels = channels_of(self.request)
        self._require_bucket()
        self.job.step("Downloading", "Downloading input data")
        for channel in channels:
            self.files |= fetch(channel, self.blobs, self.data / channel.name)
            self.files[self.data / channel.name] = channel.uri
        self.job.step("Training", "Training image download completed. Training in progress.")
        if values.get("save_model_on_termination") != "false":
            self._note_stop()
        result = self._train(hyperparameters, [channel.name for channel in channels])
        self.job.step("Uploading", "Uploading generated training model")
        self._note_stop()
        self.blobs.upload(result.output, self.artifact)
        return Outcome(
            "Stopped" if self.stop.is_set() else "Completed",
            result={"ModelArtifacts": {"S3ModelArtifacts": self.artifact}},
        )

    def _train(self, hyperparameters: Mapping[str, str], channels: list[str]) -> TrainingResult:
        scores = Scores(self.job)

        def tell(done: Round) -> None:
            # CloudWatch shows its tabs so, and published metric definitions look for that.
            print(done.line.replace("\t", "#011"), flush=True)
            scores.note({name.replace("-", ":", 1): score for name, score in done.scores.items()})

        try:
            return train(
                self.data / "train",
                self.data / "validation" if "validation" in channels else None,
                hyperparameters,
                self.job.folder / "model.tar.gz",
                on_round=tell,
                on_note=lambda text: print(f"note: {self._told(text)}", flush=True),
                stop=self.stop,
            )
        finally:
            scores.tell()

    def _note_stop(self) -> None:
        """From now on being told to stop breaks nothing off: the next place that looks sees it."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())

    def _require_bucket(self) -> None:
        """BucketMissing before the training rather than after it."""
        bucket, _ = bucket_and_key(self.artifact) or ("", "")
        if not self.blobs.exists(f"s3://{bucket}/"):
            raise BucketMissing(
                "there is no such bucket for the artifact",
                uri=f"s3://{bucket}",
                hint=f"Check S3OutputPath, or create it: aws s3 mb s3://{bucket}",
            )

    def _failed(self, reason: str) -> Outcome:
        reason = self._told(reason)
        print(reason, file=sys.stderr, flush=True)
        return Outcome("Failed", reason)

    def _told(self, text: str) -> str:
        return by_address(text, self.files)


def _hyperparameters(given: Mapping[str, str]) -> dict[str, str]:
    """The values as texts: SDKs write some of them as JSON, so that texts have quotes around them."""
    return {name: _unquoted(value) for name, value in given.items()}


def _unquoted(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] == '"':
        try:
            text: Any = json.loads(value)
        except ValueError:
            return value
        return text if isinstance(text, str) else value
    return value
