"""What trains when a training job is asked for: the built-in algorithm, a script, or a program by its command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final, Literal, TypeAlias

from skewless.containers.images import PROCESS, PYTHON, is_path, program_at, runtime_of
from skewless.containers.process.layout import ML
from skewless.containers.process.registered import Registered
from skewless.errors import SettingError

Kind: TypeAlias = Literal["algorithm", "script", "program"]

PROGRAM: Final = "sagemaker_program"
"""The hyperparameter, and in capitals the variable, that names a job's script."""
CHECKPOINTS: Final = f"{ML}/checkpoints"

_BY_SCRIPT: Final = ("sklearn", PYTHON)
_TRAIN: Final = "train"
"""What a program is started with that is an image by itself: an image serves and trains by the same one."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a job trains. ``command`` is a program's; a script's is made from its hyperparameters."""

    kind: Kind
    runtime: str
    command: tuple[str, ...] = ()


def way_of(request: Mapping[str, Any], registered: Mapping[str, Registered]) -> Way:
    """How a CreateTrainingJob request wants to train. SettingError names an image or a member that does not fit."""
    algorithm = request.get("AlgorithmSpecification") or {}
    image = algorithm.get("TrainingImage")
    if not image:
        raise SettingError(
            "AlgorithmSpecification has no TrainingImage", hint="Give the address of an image that trains."
        )
    runtime = runtime_of(image, registered)
    if runtime == "sparkml":
        raise SettingError(
            f"AlgorithmSpecification.TrainingImage: {image} is an image that serves and does not train",
            hint="Training is done by the images xgboost, scikit-learn and python, and by images of your own.",
        )
    if algorithm.get("ContainerEntrypoint"):
        command = (*algorithm["ContainerEntrypoint"], *(algorithm.get("ContainerArguments") or ()))
        return Way("program", runtime, command)
    if runtime == PROCESS:
        own = program_at(_absolute(image)) if is_path(image) else registered[image].command
        return Way("program", runtime, (*own, *(algorithm.get("ContainerArguments") or (_TRAIN,))))
    if algorithm.get("ContainerArguments"):
        raise SettingError(
            "AlgorithmSpecification.ContainerArguments are given without a ContainerEntrypoint",
            hint="Give both; the arguments of a script are HyperParameters.",
        )
    if _names_script(request):
        return Way("script", runtime)
    if runtime in _BY_SCRIPT:
        raise SettingError(
            f"AlgorithmSpecification.TrainingImage: {image} trains by a script, and the job names none",
            hint=f"Give the hyperparameters {PROGRAM} and sagemaker_submit_directory.",
        )
    return Way("algorithm", runtime)


def checkpoints_of(request: Mapping[str, Any]) -> PurePosixPath:
    """Where a program keeps its checkpoints. SettingError for a place that it cannot have to itself."""
    asked = (request.get("CheckpointConfig") or {}).get("LocalPath") or CHECKPOINTS
    place = PurePosixPath(asked)
    if ".." in place.parts or PurePosixPath(ML) not in place.parents:
        raise SettingError(
            f"CheckpointConfig.LocalPath {asked} is not below {ML}",
            hint=f"Leave it out: checkpoints are in {CHECKPOINTS} then.",
        )
    return place


def _absolute(image: str) -> Path:
    path = Path(image)
    if not path.is_absolute():
        raise SettingError(
            f"AlgorithmSpecification.TrainingImage: {image!r} is a relative path",
            hint="Give the absolute path of the program.",
        )
    return path


def _names_script(request: Mapping[str, Any]) -> bool:
    hyperparameters, environment = request.get("HyperParameters") or {}, request.get("Environment") or {}
    return bool(hyperparameters.get(PROGRAM) or environment.get(PROGRAM.upper()))
