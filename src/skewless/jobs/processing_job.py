"""A processing job: a scikit-learn or PySpark script, with SageMaker's folders where it expects them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import msgspec

from skewless.errors import SettingError, UnsupportedError
from skewless.jobs.job import Job, Outcome
from skewless.jobs.processing_files import PROCESSING, Uploads, fetch_inputs, make_outputs
from skewless.jobs.script_environment import blobs_of, environment_of, private_tmp, write_programs
from skewless.programs.program import Ended, Program, reason, run_program
from skewless.programs.surroundings import private_opt_ml

PYTHON_IMAGES: Final = ("sagemaker-scikit-learn", "scikit-learn", "sklearn", "python")
SPARK_IMAGES: Final = ("sagemaker-spark-processing",)
SPARK_MODULE: Final = "skewless.scripts.processing"
"""What runs Spark's programs. It stands above this layer and is started, never imported."""

LONGEST_MESSAGE: Final = 1024
"""Characters of the ExitMessage."""

_PYTHON: Final = re.compile(r"(?:.*/)?python(?:3(?:\.\d+)?)?")


def run(job: Job) -> Outcome:
    """Run the job to its end."""
    request = job.asked.request
    spark = _is_spark(request)
    _check_places()
    blobs, root = blobs_of(job), job.folder / "root"
    for name in ("opt/ml/config", "opt/ml/output", "opt/ml/processing"):
        (root / name).mkdir(parents=True)
    outputs = make_outputs((request.get("ProcessingOutputConfig") or {}).get("Outputs") or [], root)
    program = _program(job, root, spark)
    # A program that does nothing, so that a machine that refuses private folders says so before anything is done.
    run_program(Program(["true"], program.environment, program.folder, program.covers))
    fetch_inputs(blobs, request.get("ProcessingInputs") or [], root)
    _check_script(request["AppSpecification"]["ContainerEntrypoint"], root)
    _describe(job, root / "opt/ml/config")
    with Uploads(blobs, outputs) as uploads:
        ended = run_program(program)
        uploads.finish(everything=ended.status == 0)
    return _outcome(ended, root / "opt/ml/output/message")


def _outcome(ended: Ended, file: Path) -> Outcome:
    message = file.read_text(errors="replace")[:LONGEST_MESSAGE] if file.is_file() else None
    result = {} if message is None else {"ExitMessage": message}
    if ended.status == 0:
        return Outcome("Completed", result=result)
    return Outcome("Failed", reason(ended, "AlgorithmError: {0}, exit code: {1}"), result)


def _is_spark(request: Mapping[str, Any]) -> bool:
    """Whether the image is one with Spark. UnsupportedError names an image that is not there, or too many machines."""
    image = request["AppSpecification"]["ImageUri"]
    repository = re.split("[:@]", image.rpartition("/")[2])[0]
    if repository not in PYTHON_IMAGES + SPARK_IMAGES:
        raise UnsupportedError(
            f"image {image!r} is not known to processing jobs",
            hint=f"Known are the published URIs of {PYTHON_IMAGES[0]} and {SPARK_IMAGES[0]}.",
        )
    spark = repository in SPARK_IMAGES
    count = ((request.get("ProcessingResources") or {}).get("ClusterConfig") or {}).get("InstanceCount", 1)
    if count > 1 and not spark:
        raise UnsupportedError(
            f"InstanceCount is {count}, and a copy of the script for each of several machines is not supported",
            hint="Use 1; with Spark, whose work is shared out by itself, more are taken and run on this machine.",
        )
    return spark


def _check_places() -> None:
    if not Path("/opt").is_dir():
        raise SettingError("this machine has no folder /opt", hint="Make one: sudo mkdir /opt")


def _check_script(entrypoint: Sequence[str], root: Path) -> None:
    """SettingError names a script that no input brought, and what they brought in its place."""
    for part in entrypoint:
        script = PurePosixPath(part)
        if script.suffix not in (".py", ".sh") or PROCESSING / "input" not in script.parents:
            continue
        here = root / part.lstrip("/")
        if not here.exists():
            there = sorted(one.name for one in here.parent.iterdir()) if here.parent.is_dir() else []
            raise SettingError(
                f"ContainerEntrypoint names {part}, and no input brings that; in its folder "
                + (f"are: {', '.join(there[:20])}" if there else "is nothing"),
                hint=f"Give a ProcessingInput with the LocalPath {script.parent} and the script's address as S3Uri.",
            )


def _program(job: Job, root: Path, spark: bool) -> Program:
    specification = job.asked.request["AppSpecification"]
    command = [
        *(specification.get("ContainerEntrypoint") or []),
        *(specification.get("ContainerArguments") or []),
    ]
    if not specification.get("ContainerEntrypoint"):
        raise SettingError(
            "AppSpecification has no ContainerEntrypoint, and the image has none of its own",
            hint='Give it: ["python3", "/opt/ml/processing/input/code/SCRIPT.py"].',
        )
    (job.folder / "work").mkdir()
    programs = {"smspark-submit": _spark("submit", job), "spark-driver": _spark("driver", job)}
    if spark:
        programs |= {name: _spark("python", job) for name in ("python", "python3")}
    write_programs(job, programs if spark else {})
    # By its path: what is started is looked for before it has the environment that it is to have.
    if _PYTHON.fullmatch(command[0]):
        command[0] = "python3"
    own = job.folder / "bin" / command[0]
    environment = {
        **environment_of(job),
        "PROCESSING_JOB_NAME": job.asked.name,
        "PROCESSING_JOB_ARN": job.asked.arn,
        **(job.asked.request.get("Environment") or {}),
    }
    covers = [private_tmp(job), private_opt_ml(root)]
    return Program(
        [str(own) if own.is_file() else command[0], *command[1:]], environment, job.folder / "work", covers
    )


def _spark(what: str, job: Job) -> str:
    return f'-m {SPARK_MODULE} {what} "{job.folder}"'


def _describe(job: Job, folder: Path) -> None:
    """The files in which a container finds what job it is in."""
    described = {"ProcessingJobArn": job.asked.arn, **job.asked.request, "ProcessingJobName": job.asked.name}
    (folder / "processingjobconfig.json").write_bytes(msgspec.json.encode(described))
    hosts = {"current_host": "algo-1", "hosts": ["algo-1"]}
    (folder / "resourceconfig.json").write_bytes(msgspec.json.encode(hosts))
