"""A training job that runs a program: its folders, channels and code before it, its artifacts after it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from skewless.containers.training import Way, checkpoints_of
from skewless.errors import SettingError
from skewless.jobs.job import Job, Outcome, StopAsked
from skewless.jobs.manifests import entries
from skewless.jobs.processing_files import Output, Uploads
from skewless.jobs.script_environment import blobs_of, require_bucket
from skewless.jobs.script_training import places
from skewless.jobs.script_training.artifacts import pack
from skewless.jobs.script_training.code import fetch_code
from skewless.jobs.script_training.configuration import inputs_of, make_folders, write_configuration
from skewless.jobs.script_training.failure import Failed, failure_reason, read_failure, script_failure
from skewless.jobs.script_training.launch import own_program, script_program
from skewless.jobs.script_training.metric_definitions import MetricDefinitions
from skewless.jobs.script_training.variables import Script, read_script, resources_of
from skewless.programs.output import print_line
from skewless.programs.program import Ended, Program, Running, reason

GRACE: Final = 120.0
"""Seconds between SIGTERM and SIGKILL; what there is then is uploaded."""


def run(job: Job, way: Way) -> Outcome:
    """Run a program and upload what it made. Told to stop, it is told so too, and what it has until then is uploaded.

    SkewlessError where it cannot be started.
    """
    return _ScriptTraining(job, way).run()


class _ScriptTraining:
    """One job."""

    def __init__(self, job: Job, way: Way) -> None:
        self.job = job
        self.way = way
        self.request = job.asked.request
        self.blobs = blobs_of(job)
        self.root = job.folder / "root"
        self.inputs = inputs_of(self.request)
        self.resources = resources_of(self.request)
        self.checkpoints = checkpoints_of(self.request)
        self.script: Script | None = None
        if way.kind == "script":
            hyperparameters = self.request.get("HyperParameters") or {}
            self.script = read_script(hyperparameters, self.request.get("Environment") or {})
        definitions = self.request["AlgorithmSpecification"].get("MetricDefinitions")
        self.metrics = MetricDefinitions(job, definitions or ())
        output = self.request["OutputDataConfig"]["S3OutputPath"].rstrip("/")
        self.output = f"{output}/{job.asked.name}/output"
        self.stop = threading.Event()

    def run(self) -> Outcome:
        require_bucket(self.blobs, self.output)
        self.job.step("Downloading", "Downloading input data")
        self._lay_out()
        try:
            program, command = self._program()
        except Failed as failed:
            return Outcome("Failed", failure_reason(failed.text, failed.status))
        with Uploads(self.blobs, self._continuous()) as uploads:
            uploads.pass_over()
            self.job.step("Training", "Training image download completed. Training in progress.")
            ended = self._follow(program)
            uploads.finish(everything=False)
        if ended is not None and ended.status:
            return Outcome("Failed", failure_reason(self._failure(ended, command), ended.status))
        return self._upload()

    def _program(self) -> tuple[Program, Sequence[str]]:
        if self.script is None:
            return own_program(self.job, self.way.command, self.root, self._hear), self.way.command
        return script_program(
            self.job, self.script, self.root, self.way.runtime, self.resources, self.inputs, self._hear
        )

    def _failure(self, ended: Ended, command: Sequence[str]) -> str:
        """What a program that failed says itself goes before what can be said about it."""
        # Nothing is written there: the program may have left links that lead out of its folders.
        if said := read_failure(self.root):
            return said
        if self.script is not None:
            return script_failure("ExecuteUserScriptError", ended, command)
        return reason(ended, "{0}")

    def _lay_out(self) -> None:
        """Folders, files of configuration, channels, checkpoints and code."""
        make_folders(self.root, self.inputs, self.checkpoints)
        write_configuration(self.root, self.request, self.resources)
        for channel in self.request.get("InputDataConfig") or ():
            self._fetch(channel)
        if self.request.get("CheckpointConfig"):
            self.blobs.download_prefix(f"{self._checkpoint_address()}/", self._on_disk(self.checkpoints))
        if self.script:
            fetch_code(self.script, self.blobs, self.root, self.inputs, self.job.folder / "code.archive")

    def _fetch(self, asked: Mapping[str, Any]) -> None:
        name, source = asked["ChannelName"], asked["DataSource"]["S3DataSource"]
        uri, folder = source["S3Uri"], self._on_disk(places.DATA / name)
        if source["S3DataType"] == "ManifestFile":
            listed = entries(self.blobs, uri)
            for address, path in listed:
                self.blobs.download(address, folder / path)
            files = [folder / path for _, path in listed]
        else:
            files = list(self.blobs.download_prefix(uri, folder))
        if not files:
            raise SettingError(
                f"channel {name}: there are no objects under {uri}",
                hint=f"See what is there: aws s3 ls --recursive {uri}",
            )
        if self.inputs[name]["TrainingInputMode"] == "FastFile":
            # As the mounted bucket is that stands behind this mode elsewhere.
            for file in files:
                file.chmod(0o444)

    def _continuous(self) -> list[Output]:
        """What is uploaded while the program runs."""
        outputs = []
        if self.request.get("CheckpointConfig"):
            outputs.append(
                Output(self._on_disk(self.checkpoints), self._checkpoint_address(), continuous=True)
            )
        if self.script and self.script.intermediate:
            address = f"{self.script.intermediate.rstrip('/')}/{self.job.asked.name}/output/intermediate"
            outputs.append(Output(self._on_disk(places.INTERMEDIATE), address, continuous=True))
        return outputs

    def _follow(self, program: Program) -> Ended | None:
        """Run a program to its end; None where it was told to stop."""
        running = Running(program)
        try:
            ended = running.wait()
            self._note_stop()
        except StopAsked:
            self.stop.set()
            running.end(GRACE)
            return None
        except BaseException:
            running.end(GRACE)
            raise
        finally:
            self.metrics.tell()
        return ended

    def _upload(self) -> Outcome:
        self.job.step("Uploading", "Uploading generated training model")
        model, other = self.job.folder / "model.tar.gz", self.job.folder / "output.tar.gz"
        pack(self.root, places.MODEL, model)
        self.blobs.upload(model, f"{self.output}/model.tar.gz")
        if pack(self.root, places.OUTPUT_DATA, other):
            self.blobs.upload(other, f"{self.output}/output.tar.gz")
        result = {"ModelArtifacts": {"S3ModelArtifacts": f"{self.output}/model.tar.gz"}}
        return Outcome("Stopped" if self.stop.is_set() else "Completed", result=result)

    def _hear(self, line: str) -> None:
        print_line(line)
        self.metrics.look(line)

    def _note_stop(self) -> None:
        """From now on being told to stop breaks nothing off."""
        signal.signal(signal.SIGTERM, lambda *_: self.stop.set())

    def _checkpoint_address(self) -> str:
        return str(self.request["CheckpointConfig"]["S3Uri"]).rstrip("/")

    def _on_disk(self, place: PurePosixPath) -> Path:
        return places.on_disk(self.root, place)
