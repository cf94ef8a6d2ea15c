"""What a script can ask about where it runs: ``env`` of sagemaker_containers, ``environment`` of sagemaker_training.

Objects are mappings of their attributes too, as they were. Read from the files in ``/opt/ml/input/config`` (or below
``SAGEMAKER_BASE_DIR``) and from environment variables.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from skewless.errors import SettingError
from skewless.scripts.toolkit import content_types

SAGEMAKER_BASE_PATH: Final = "/opt/ml"
BASE_PATH_ENV: Final = "SAGEMAKER_BASE_DIR"

base_dir: Final = os.environ.get(BASE_PATH_ENV, SAGEMAKER_BASE_PATH)
code_dir: Final = f"{base_dir}/code"
model_dir: Final = os.environ.get("SM_MODEL_DIR", f"{base_dir}/model")
input_dir: Final = f"{base_dir}/input"
input_config_dir: Final = f"{input_dir}/config"
output_dir: Final = f"{base_dir}/output"
output_data_dir: Final = f"{output_dir}/data"
output_intermediate_dir: Final = f"{output_dir}/intermediate"

HYPERPARAMETERS_FILE: Final = "hyperparameters.json"
RESOURCE_CONFIG_FILE: Final = "resourceconfig.json"
INPUT_DATA_CONFIG_FILE: Final = "inputdataconfig.json"
_OWN: Final = "sagemaker_"
"""How the names of hyperparameters begin that are the toolkit's own."""


def _read(name: str) -> Any:
    file = Path(input_config_dir, name)
    try:
        return json.loads(file.read_bytes())
    except OSError as error:
        raise SettingError(
            f"{file} cannot be read: {error.strerror}", hint="Only a training job has it."
        ) from None


def read_hyperparameters() -> dict[str, Any]:
    """The job's hyperparameters, each parsed as JSON where it is some."""
    return {name: _parsed(value) for name, value in _read(HYPERPARAMETERS_FILE).items()}


def _parsed(value: Any) -> Any:
    try:
        return json.loads(value)
    except (ValueError, TypeError):
        return value


def read_resource_config() -> dict[str, Any]:
    """The job's hosts."""
    found: dict[str, Any] = _read(RESOURCE_CONFIG_FILE)
    return found


def read_input_data_config() -> dict[str, Any]:
    """The job's channels."""
    found: dict[str, Any] = _read(INPUT_DATA_CONFIG_FILE)
    return found


def channel_path(channel: str) -> str:
    """The folder of a channel's files."""
    return f"{input_dir}/data/{channel}"


def num_gpus() -> int:
    """None are used here."""
    return 0


def num_cpus() -> int:
    """How many there are."""
    return os.cpu_count() or 1


class _Attributes(Mapping[str, Any]):
    """Attributes that can be read as a mapping's entries too."""

    def __getitem__(self, name: str) -> Any:
        return vars(self)[name]

    def __iter__(self) -> Iterator[str]:
        return iter(vars(self))

    def __len__(self) -> int:
        return len(vars(self))


class _Common(_Attributes):
    def __init__(self, program: str | None, folder: str, level: int) -> None:
        self.current_host = os.environ.get("SM_CURRENT_HOST")
        self.num_cpus = num_cpus()
        self.num_gpus = num_gpus()
        self.module_name = program.removesuffix(".py") if program else program
        self.user_entry_point = program
        self.module_dir = folder
        self.log_level = level
        self.model_dir = model_dir


class ServingEnv(_Common):
    """A serving container's settings."""

    def __init__(self) -> None:
        super().__init__(
            os.environ.get("SAGEMAKER_PROGRAM"),
            os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", code_dir),
            int(os.environ.get("SAGEMAKER_CONTAINER_LOG_LEVEL", logging.INFO)),
        )
        self.use_nginx = False
        self.model_server_timeout = int(os.environ.get("SAGEMAKER_MODEL_SERVER_TIMEOUT", "60"))
        self.model_server_workers = int(os.environ.get("SAGEMAKER_MODEL_SERVER_WORKERS", num_cpus()))
        self.framework_module = None
        self.default_accept = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", content_types.JSON)
        self.http_port = os.environ.get("SAGEMAKER_BIND_TO_PORT", "8080")
        self.safe_port_range = os.environ.get("SAGEMAKER_SAFE_PORT_RANGE")


class TrainingEnv(_Common):
    """A training job's settings, channels and hyperparameters. SettingError outside a training job."""

    def __init__(
        self,
        resource_config: Mapping[str, Any] | None = None,
        input_data_config: Mapping[str, Any] | None = None,
        hyperparameters: Mapping[str, Any] | None = None,
    ) -> None:
        resources = resource_config or read_resource_config()
        channels = input_data_config or read_input_data_config()
        given = hyperparameters or read_hyperparameters()
        own = {name: value for name, value in given.items() if name.startswith(_OWN)}
        super().__init__(
            own.get("sagemaker_program") or os.environ.get("SAGEMAKER_PROGRAM"),
            str(own.get("sagemaker_submit_directory", code_dir)),
            int(own.get("sagemaker_container_log_level", logging.INFO)),
        )
        self.resource_config = resources
        self.hosts = resources["hosts"]
        self.current_host = resources["current_host"]
        self.current_instance_type = resources.get("current_instance_type", "local")
        self.network_interface_name = resources.get("network_interface_name", "eth0")
        self.master_hostname = sorted(self.hosts)[0]
        self.is_master = self.current_host == self.master_hostname
        self.is_main = self.is_master
        self.input_data_config = channels
        self.channel_input_dirs = {channel: channel_path(channel) for channel in channels}
        self.hyperparameters = {name: value for name, value in given.items() if name not in own}
        self.additional_framework_parameters = {
            name: value for name, value in own.items() if name not in _CONSUMED
        }
        self.input_dir = input_dir
        self.input_config_dir = input_config_dir
        self.output_dir = output_dir
        self.output_data_dir = output_data_dir
        self.output_intermediate_dir = output_intermediate_dir
        self.job_name = os.environ.get("TRAINING_JOB_NAME") or own.get("sagemaker_job_name")
        self.framework_module = None

    def to_cmd_args(self) -> list[str]:
        """The hyperparameters as a command's arguments, in the order of their names."""
        pairs = (
            (f"-{name}" if len(name) == 1 else f"--{name}", str(value))
            for name, value in sorted(self.hyperparameters.items())
        )
        return [part for pair in pairs for part in pair]


_CONSUMED: Final = {
    f"{_OWN}{name}"
    for name in (
        "program",
        "submit_directory",
        "container_log_level",
        "region",
        "job_name",
        "default_invocations_accept",
        "s3_output",
    )
}


def training_env(
    resource_config: Mapping[str, Any] | None = None,
    input_data_config: Mapping[str, Any] | None = None,
    hyperparameters: Mapping[str, Any] | None = None,
) -> TrainingEnv:
    """The job that runs."""
    return TrainingEnv(resource_config, input_data_config, hyperparameters)
