"""What a script finds in its environment and on its command line, as SageMaker's training toolkit puts it there.

The facts are those of the toolkit's own log of a job: each name with its value, and the arguments.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from skewless.errors import SettingError
from skewless.jobs.script_training import places

HOST: Final = "algo-1"
GROUP: Final = "homogeneousCluster"
INTERFACE: Final = "eth0"

_FRAMEWORKS: Final = {
    "sklearn": "sagemaker_sklearn_container.training:main",
    "xgboost": "sagemaker_xgboost_container.training:main",
}
_PREFIX: Final = "sagemaker_"
_TOOLKIT: Final = frozenset(
    {
        *("sagemaker_program", "sagemaker_submit_directory", "sagemaker_enable_cloudwatch_metrics"),
        *("sagemaker_region", "sagemaker_container_log_level", "sagemaker_job_name", "sagemaker_s3_output"),
        *("default_user_module_name", "_tuning_objective_metric"),
    }
)
"""Hyperparameters that the toolkit keeps for itself; others that begin with its prefix are the framework's."""

_INFO: Final = 20
_LONGEST: Final = (128 << 10) - 1
"""Bytes of one argument, or of one variable with its name, that Linux hands to a program."""


@dataclass(frozen=True, slots=True)
class Script:
    """One script's hyperparameters, read; ``program`` is the file or module that is run."""

    program: str
    directory: str | None
    """Where its code is, as it was asked for."""
    log_level: Any
    own: Mapping[str, Any]
    """The script's own hyperparameters."""
    framework: Mapping[str, Any]
    intermediate: str | None
    """The address to which `places.INTERMEDIATE` goes while it runs."""


def read_script(hyperparameters: Mapping[str, str], environment: Mapping[str, str]) -> Script:
    """What hyperparameters say, and for program and directory the job's variables; JSON in them is read.

    SettingError where no program is named.
    """
    values = {name: _decoded(text) for name, text in hyperparameters.items()}
    program = environment.get("SAGEMAKER_PROGRAM") or values.get("sagemaker_program")
    if not isinstance(program, str) or not program:
        raise SettingError(
            "the job names no script",
            hint="Give the hyperparameter sagemaker_program, and the address of its code's tar.gz as "
            "sagemaker_submit_directory.",
        )
    directory = values.get("sagemaker_submit_directory") or environment.get("SAGEMAKER_SUBMIT_DIRECTORY")
    kept = {name for name in values if name in _TOOLKIT or name.startswith(_PREFIX)}
    return Script(
        program=program,
        directory=str(directory) if directory else None,
        log_level=values.get("sagemaker_container_log_level", _INFO),
        own={name: value for name, value in values.items() if name not in kept},
        framework={name: values[name] for name in kept - _TOOLKIT},
        intermediate=values.get("sagemaker_s3_output"),
    )


def arguments(own: Mapping[str, Any]) -> list[str]:
    """Command line arguments, by name: two dashes, one before a name of one letter; the value follows, as text."""
    found: list[str] = []
    for name in sorted(own):
        dashes = "--" if len(name) > 1 else "-"
        found += [f"{dashes}{name}" if name else "", _argument(own[name])]
    return found


def variables(
    script: Script,
    *,
    image: str,
    job_name: str,
    resources: Mapping[str, Any],
    inputs: Mapping[str, Mapping[str, str]],
) -> dict[str, str]:
    """All ``SM_`` variables; ``resources`` and ``inputs`` are what stands in the two files of configuration."""
    facts = _facts(script, image, job_name, resources, inputs)
    told = {name: value for name, value in facts.items() if name not in _IN_TRAINING_ENV_ALONE}
    told |= {
        "hps": script.own,
        "framework_params": script.framework,
        "channels": sorted(inputs),
        "user_args": arguments(script.own),
        "training_env": facts,
        **{f"channel_{name}": str(places.DATA / name) for name in inputs},
        **{f"hp_{name}": value for name, value in script.own.items()},
    }
    return {f"SM_{name.upper()}": _text(value) for name, value in told.items()}


def resources_of(request: Mapping[str, Any]) -> dict[str, Any]:
    """What stands in resourceconfig.json: one machine, whatever runs the job here."""
    kind = (request.get("ResourceConfig") or {}).get("InstanceType") or "local"
    return {
        "current_host": HOST,
        "current_instance_type": kind,
        "current_group_name": GROUP,
        "hosts": [HOST],
        "instance_groups": [{"instance_group_name": GROUP, "instance_type": kind, "hosts": [HOST]}],
        "network_interface_name": INTERFACE,
    }


def check_handed(command: Sequence[str], environment: Mapping[str, str]) -> None:
    """SettingError names an argument or a variable that no program can be started with."""
    for name, value in environment.items():
        if "=" in name or not name:
            raise SettingError(f"the variable {name!r} cannot be set", hint="Give it a name without '='.")
        _check_text(f"the variable {name}", f"{name}={value}")
    for argument in command:
        _check_text(f"the argument {argument[:40]!r}", argument)


_IN_TRAINING_ENV_ALONE: Final = frozenset(
    {
        *("additional_framework_parameters", "channel_input_dirs", "distribution_hosts", "hyperparameters"),
        *("is_master", "is_modelparallel_enabled", "is_smddpmprun_installed", "is_smddprun_installed"),
        *("job_name", "master_hostname"),
    }
)


def _facts(
    script: Script, image: str, job_name: str, resources: Mapping[str, Any], inputs: Mapping[str, Any]
) -> dict[str, Any]:
    """The members of SM_TRAINING_ENV."""
    return {
        "additional_framework_parameters": script.framework,
        "channel_input_dirs": {name: str(places.DATA / name) for name in inputs},
        "current_host": HOST,
        "current_instance_group": GROUP,
        "current_instance_group_hosts": [HOST],
        "current_instance_type": resources["current_instance_type"],
        "distribution_hosts": [],
        "distribution_instance_groups": [],
        "framework_module": _FRAMEWORKS.get(image),
        "hosts": [HOST],
        "hyperparameters": script.own,
        "input_config_dir": str(places.CONFIG),
        "input_data_config": inputs,
        "input_dir": str(places.INPUT),
        "instance_groups": [GROUP],
        "instance_groups_dict": {GROUP: resources["instance_groups"][0]},
        "is_hetero": False,
        "is_master": True,
        "is_modelparallel_enabled": None,
        "is_smddpmprun_installed": False,
        "is_smddprun_installed": False,
        "job_name": job_name,
        "log_level": script.log_level,
        "master_hostname": HOST,
        "model_dir": str(places.MODEL),
        "module_dir": script.directory or str(places.CODE),
        "module_name": script.program.removesuffix(".py"),
        "network_interface_name": INTERFACE,
        "num_cpus": os.cpu_count() or 1,
        "num_gpus": _gpus(),
        "num_neurons": 0,
        "output_data_dir": str(places.OUTPUT_DATA),
        "output_dir": str(places.OUTPUT),
        "output_intermediate_dir": str(places.INTERMEDIATE),
        "resource_config": resources,
        "user_entry_point": script.program,
    }


def _gpus() -> int:
    return sum(1 for _ in Path("/proc/driver/nvidia/gpus").glob("*"))


def _decoded(text: str) -> Any:
    """A hyperparameter's value: SDKs write each as JSON, people also write plain text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def _argument(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{name}={value[name]}" for name in sorted(value))
    return str(value)


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _check_text(what: str, text: str) -> None:
    try:
        size = len(os.fsencode(text))
    except UnicodeEncodeError:
        raise SettingError(f"{what} holds a half of a surrogate pair, which is no character") from None
    if "\0" in text:
        raise SettingError(f"{what} holds the character NUL, which no program can be given")
    if size > _LONGEST:
        raise SettingError(
            f"{what} has {size} bytes, and no more than {_LONGEST} can be given to a program",
            hint=f"Put long values into a channel; all hyperparameters stand in {places.CONFIG}/hyperparameters.json.",
        )
