"""The files in which a training program finds what job it is in, and the folders that it finds."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import msgspec

from skewless.containers.training import checkpoints_of
from skewless.jobs.script_training import places


def make_folders(root: Path, inputs: Mapping[str, object], checkpoints: PurePosixPath) -> None:
    """The folders of a training container below ``root``, which stands for ``/``."""
    data = [places.DATA / name for name in inputs]
    for place in (
        *(places.CODE, places.MODEL, places.CONFIG, places.DATA, places.OUTPUT_DATA, places.INTERMEDIATE),
        *(checkpoints, *data),
    ):
        places.on_disk(root, place).mkdir(parents=True, exist_ok=True)


def write_configuration(root: Path, request: Mapping[str, Any], resources: Mapping[str, Any]) -> None:
    """hyperparameters.json as it was asked for, and what is told of channels, machines and checkpoints."""
    files: dict[str, object] = {
        "hyperparameters.json": request.get("HyperParameters") or {},
        "inputdataconfig.json": inputs_of(request),
        "resourceconfig.json": resources,
    }
    if request.get("CheckpointConfig"):
        address = request["CheckpointConfig"]["S3Uri"]
        files["checkpointconfig.json"] = {"LocalPath": str(checkpoints_of(request)), "S3Uri": address}
    for name, content in files.items():
        (places.on_disk(root, places.CONFIG) / name).write_bytes(msgspec.json.encode(content))


def inputs_of(request: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """The channels by their names, each as inputdataconfig.json tells it."""
    mode = request["AlgorithmSpecification"]["TrainingInputMode"]
    return {
        channel["ChannelName"]: {
            **({"ContentType": channel["ContentType"]} if channel.get("ContentType") else {}),
            "TrainingInputMode": channel.get("InputMode") or mode,
            "S3DistributionType": channel["DataSource"]["S3DataSource"].get("S3DataDistributionType")
            or "FullyReplicated",
            "RecordWrapperType": channel.get("RecordWrapperType") or "None",
        }
        for channel in request.get("InputDataConfig") or ()
    }
