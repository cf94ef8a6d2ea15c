"""A batch transform job in its own process: a model's containers, objects in, answers out.

Answers are uploaded when all objects are through, so a job that is stopped leaves none. An object that fails has no
answers; the others have theirs, and the job fails.
"""

from __future__ import annotations

import errno
import gzip
import os
import signal
import traceback
import zlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, Final, cast

from skewless.blobs import Blobs, open_blobs
from skewless.blobs.errors import StorageFull
from skewless.containers.base import BuiltIn
from skewless.containers.definitions import pipeline_of
from skewless.containers.pipeline import Pipeline
from skewless.containers.process.hosting import ANSWERS, Hosting
from skewless.errors import ContainerRefused, ContentTypeError, RequestError, SkewlessError
from skewless.jobs.job import Job, Outcome, log_to
from skewless.jobs.transforming.asked import (
    TransformRequest,
    environment_of,
    read_request,
    threads_of,
    tunables_of,
    way_of,
)
from skewless.jobs.transforming.engine import NoResponse, Way, answers, failed
from skewless.jobs.transforming.objects import Object, objects_of
from skewless.settings import Settings

DATA_LOG: Final = "data-log"

_SEE_LOGS: Final = "See job logs for more information"
_PATIENCE: Final = 60.0
"""Seconds that a call waits for a program that is being started again."""
_SHOWN: Final = 20
"""How many lines of skipped records the log names; all stand beside the answers."""


def run(job: Job) -> Outcome:
    """Transform everything. SkewlessError where the job cannot begin."""
    asked = read_request(job.asked.request)
    services = job.asked.services
    blobs = open_blobs(
        s3_folder=services.s3_folder,
        s3_endpoint_url=services.s3_endpoint_url,
        region=services.region,
        access_key=services.access_key,
        secret_key=services.secret_key,
    )
    with _load(job, asked, blobs) as pipeline:
        transformation = _Transformation(job.folder, asked, pipeline, blobs)
        outcome = transformation.run(objects_of(asked, blobs))
    if transformation.hangs:
        # A thread that does not come back would keep this process from ending.
        job.finish(outcome)
        os._exit(1)
    return outcome


def _load(job: Job, asked: TransformRequest, blobs: Blobs) -> Pipeline:
    """The model's pipeline with the job's variables in its containers' environments."""
    model_data = job.folder / "model.tar.gz"

    def fetch(uri: str) -> Path:
        blobs.download(uri, model_data)
        return model_data

    extra = environment_of(asked)
    definitions: list[dict[str, Any]] = [
        {**one, "Environment": {**(one.get("Environment") or {}), **extra}} for one in job.asked.containers
    ]
    alone = len(definitions) == 1
    hosting = Hosting(
        lambda container, line: _say(None if alone else container, [line]),
        job.folder / "containers",
        job.asked.images,
        _PATIENCE,
    )
    settings = replace(Settings.read(), invocation_timeout=asked.model_client_config.timeout)
    pipeline = pipeline_of(definitions, fetch, settings=settings, hosting=hosting)
    model_data.unlink(missing_ok=True)
    for one, container in zip(definitions, pipeline.containers, strict=True):
        address = one.get("ModelDataUrl") or "the model data"
        proof = f"{pipeline.replayed[container.name]} parity rows replayed"
        if not isinstance(container, BuiltIn):
            address, proof = one["Image"], ANSWERS
        _say(
            _stream(container.name, pipeline),
            [
                *getattr(container, "notes", ()),
                f"{container.runtime}: {address} is loaded, {proof}",
            ],
        )
    return pipeline


def _stream(container: str, pipeline: Pipeline) -> str | None:
    """A container's log stream. A model's only container has none of its own: its lines are the job's."""
    return container if len(pipeline.containers) > 1 else None


def _say(stream: str | None, lines: Sequence[str]) -> None:
    """Lines for a log stream of their own, or for the job's."""
    flat = [part for line in lines for part in line.split("\n")]
    print(log_to(stream, flat) if stream else "".join(f"{line}\n" for line in flat), end="", flush=True)


def _data_log(*lines: str) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
    _say(DATA_LOG, [f"{now}:[sagemaker logs]: {line}" for line in lines])


@dataclass(slots=True)
class _Answered:
    """The answers to one object, not yet uploaded."""

    object: Object
    file: Path
    skipped: list[int] = field(default_factory=list)


class _Transformation:
    """One job's work on its objects."""

    def __init__(self, folder: Path, asked: TransformRequest, pipeline: Pipeline, blobs: Blobs) -> None:
        self.folder = folder
        self.asked = asked
        self.pipeline = pipeline
        self.blobs = blobs
        self.hangs = False
        """Whether a call never came back."""
        self.failures: set[str] = set()
        """Whose fault it was that objects failed: ClientError, AlgorithmError."""
        self.tunables = tunables_of(asked, pipeline)
        self.way = way_of(asked, pipeline, self.tunables, self._defect)

    def run(self, objects: Sequence[Object]) -> Outcome:
        """All objects, then all uploads."""
        _data_log(str(self.tunables))
        done: list[_Answered] = []
        threads = threads_of(self.pipeline, self.tunables)
        pool = ThreadPoolExecutor(threads, thread_name_prefix="transform")
        try:
            for number, one in enumerate(objects):
                if not self.hangs:
                    self._transform(one, self.folder / "answers" / str(number), pool, threads, done)
        finally:
            pool.shutdown(wait=not self.hangs, cancel_futures=True)
        # From here on the job can no longer be stopped: half of the answers would be there.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        for answered in done:
            self._upload(answered)
        if not self.failures:
            return Outcome("Completed")
        whose = "AlgorithmError" if "AlgorithmError" in self.failures else "ClientError"
        return Outcome("Failed", f"{whose}: {_SEE_LOGS}")

    def _transform(
        self, one: Object, target: Path, pool: ThreadPoolExecutor, threads: int, done: list[_Answered]
    ) -> None:
        """The answers to one object in a file; where it fails, what the log says of it."""
        given = self.folder / "input"
        answered = _Answered(one, target)
        try:
            self.blobs.download(one.uri, given)
            with _opened(given, self.asked) as file:
                _write(answered, self.way, pool, file, threads)
            done.append(answered)
        except NoResponse as error:
            self.hangs = True
            self._failed(one, "AlgorithmError", ["Unable to get response from algorithm", str(error)])
        except StorageFull:
            raise  # nor would the next object fit
        except SkewlessError as error:
            if failed(error):
                self._defect(error)
                self._failed(one, "AlgorithmError", [_bad_status(error), str(error)])
            else:
                self._refused(one, error)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            self._failed(one, "ClientError", [f"ClientError: the object is no sound gzip: {error}"])
        except Exception as error:
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._defect(error)
            self._failed(one, "AlgorithmError", [_bad_status(error), str(error)])
        finally:
            given.unlink(missing_ok=True)

    def _refused(self, one: Object, error: SkewlessError) -> None:
        """A record, or the object, is wrong."""
        status = 415 if isinstance(error, ContentTypeError) else getattr(error, "status", 400)
        where, container = one.place, None
        if isinstance(error, RequestError):
            container = error.container
            if error.row is not None:
                split = "record" if self.asked.transform_input.split_type == "RecordIO" else "line"
                where = f"{one.place}, {split} {error.row}"
                error.row = None
        _data_log(
            f"{one.place}: ClientError: {status}",
            f"{one.place}: ",
            f"{one.place}: Message:",
            f"{where}: {error}",
        )
        if container:
            _say(_stream(container, self.pipeline), [f"{where}: {error}"])
        self.failures.add("ClientError")

    def _failed(self, one: Object, whose: str, lines: Sequence[str]) -> None:
        _data_log(*(f"{one.place}: {line}" for line in lines))
        self.failures.add(whose)

    def _defect(self, error: Exception) -> None:
        """A call ended in a way that is no refusal: as a container's 5xx status."""
        if isinstance(error, ContainerRefused):
            _data_log(f"{_bad_status(error)} ({error})")
            return
        _data_log(f"{_bad_status(error)} ({type(error).__name__}: {error})")
        _say(None, traceback.format_exception(error))

    def _upload(self, answered: _Answered) -> None:
        target = answered.object.target
        beside = f"{target}.skipped"
        try:
            self.blobs.upload(answered.file, target)
            if answered.skipped:
                self.blobs.write(beside, "".join(f"{line}\n" for line in answered.skipped).encode())
            elif self.blobs.exists(beside):
                self.blobs.delete(beside)  # an earlier job's
        except StorageFull:
            raise
        except SkewlessError as error:
            self._refused(answered.object, error)
            return
        if answered.skipped:
            shown = ", ".join(map(str, answered.skipped[:_SHOWN]))
            more = ", …" if len(answered.skipped) > _SHOWN else ""
            _data_log(
                f"{answered.object.place}: skipped by the pipeline, so without an answer: the records that begin on "
                f"lines {shown}{more} ({len(answered.skipped)} in all, listed in {beside})"
            )


def _bad_status(error: Exception) -> str:
    status = error.status if isinstance(error, ContainerRefused) else 500
    return f"Bad HTTP status received from algorithm: {status}"


def _opened(path: Path, asked: TransformRequest) -> IO[bytes]:
    packed = asked.transform_input.compression_type == "Gzip"
    return cast(IO[bytes], gzip.open(path)) if packed else path.open("rb")


def _write(answered: _Answered, way: Way, pool: ThreadPoolExecutor, file: IO[bytes], threads: int) -> None:
    answered.file.parent.mkdir(parents=True, exist_ok=True)
    with answered.file.open("wb") as target:
        for done in answers(way, pool, file, threads):
            target.write(done.answer)
            answered.skipped += done.skipped
