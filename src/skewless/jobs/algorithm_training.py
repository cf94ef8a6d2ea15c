"""A training job with the built-in XGBoost algorithm, from channels to ``model.tar.gz``."""

from __future__ import annotations

import json
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skewless.blobs import Blobs
from skewless.errors import SkewlessError
from skewless.jobs.job import Job, Outcome
from skewless.jobs.processing_files import Output, Uploads
from skewless.jobs.scores import Scores
from skewless.jobs.script_environment import blobs_of, require_bucket
from skewless.jobs.training.channels import by_address, channels_of, fetch
from skewless.jobs.training.hyperparameters import validate
from skewless.jobs.training.library_errors import FAILED, TrainingFailed
from skewless.jobs.training.model_archive import write_archive
from skewless.jobs.training.train import Round, TrainingResult, train


def run(job: Job) -> Outcome:
    """Train and upload the artifact. Told to stop while it trains, it uploads the rounds done until then."""
    return _Training(job).run()


class _Training:
    """One training job."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.request = job.asked.request
        self.blobs = blobs_of(job)
        self.data = job.folder / "ml" / "input" / "data"
        self.checkpoints = _Checkpoints(job, self.blobs)
        self.files: dict[Path, str] = {}
        self.stop = threading.Event()
        output = self.request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        self.output = f"{output}/{job.asked.name}/output"

    def run(self) -> Outcome:
        try:
            return self._run()
        except TrainingFailed as error:
            return self._failed(f"AlgorithmError: {error}")
        except SkewlessError as error:
            return self._failed(f"ClientError: {error}")
        except OSError:
            raise  # the disk's faults are no fault of the algorithm
        except Exception as error:
            traceback.print_exc()
            return self._failed(f"AlgorithmError: {FAILED}:\n{type(error).__name__}: {error}")

    def _run(self) -> Outcome:
        hyperparameters = _hyperparameters(self.request.get("HyperParameters") or {})
        # Before anything is downloaded: what is wrong with them is wrong at once.
        values = validate(hyperparameters).values
        channels = channels_of(self.request)
        require_bucket(self.blobs, self.output)
        self.job.step("Downloading", "Downloading input data")
        for channel in channels:
            self.files |= fetch(channel, self.blobs, self.data / channel.name)
            self.files[self.data / channel.name] = channel.uri
        self.checkpoints.fetch()
        if self.checkpoints.folder:
            self.files[self.checkpoints.folder] = self.checkpoints.uri
        self.job.step("Training", "Training image download completed. Training in progress.")
        if values.get("save_model_on_termination") != "false":
            self._note_stop()
        with self.checkpoints.kept():
            result = self._train(
                hyperparameters, {channel.name: channel.content_type for channel in channels}
            )
        self.job.step("Uploading", "Uploading generated training model")
        self._note_stop()
        return self._upload(result)

    def _upload(self, result: TrainingResult) -> Outcome:
        if result.predictions:
            packed = self.job.folder / "output.tar.gz"
            write_archive(packed, {result.predictions.name: result.predictions.read_bytes()})
            self.blobs.upload(packed, f"{self.output}/output.tar.gz")
        artifact = f"{self.output}/model.tar.gz"
        self.blobs.upload(result.output, artifact)
        return Outcome(
            "Stopped" if self.stop.is_set() else "Completed",
            result={"ModelArtifacts": {"S3ModelArtifacts": artifact}},
        )

    def _train(self, hyperparameters: Mapping[str, str], channels: Mapping[str, str]) -> TrainingResult:
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
                content_type=channels["train"],
                validation_content_type=channels.get("validation"),
                checkpoints=self.checkpoints.folder,
                on_round=tell,
                on_note=lambda text: print(f"note: {self._told(text)}", flush=True),
                stop=self.stop,
            )
        finally:
            scores.tell()

    def _note_stop(self) -> None:
        """From now on being told to stop breaks nothing off: the next place that looks sees it."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())

    def _failed(self, reason: str) -> Outcome:
        reason = self._told(reason)
        print(reason, file=sys.stderr, flush=True)
        return Outcome("Failed", reason)

    def _told(self, text: str) -> str:
        return by_address(text, self.files)


class _Checkpoints:
    """The checkpoints of a job: fetched before it trains, uploaded while it does. ``folder`` is None without any."""

    def __init__(self, job: Job, blobs: Blobs) -> None:
        asked = job.asked.request.get("CheckpointConfig")
        self.folder = job.folder / "ml" / "checkpoints" if asked else None
        self.uri = asked["S3Uri"].rstrip("/") if asked else ""
        self._blobs = blobs

    def fetch(self) -> None:
        """Bring those of an earlier job. BlobError."""
        if self.folder:
            self._blobs.download_prefix(f"{self.uri}/", self.folder)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Upload what is new until the training ends, then delete what training deleted. SkewlessError."""
        if not self.folder:
            yield
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        with Uploads(self._blobs, [Output(self.folder, self.uri, continuous=True)]) as uploads:
            uploads.pass_over()
            try:
                yield
            finally:  # whoever was stopped or failed goes on from here
                uploads.finish(everything=True)
                uploads.forget()


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
