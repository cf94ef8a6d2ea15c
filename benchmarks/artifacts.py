"""Model artifacts and pipeline files, as ours and the peers' readers want them."""

from __future__ import annotations

import json
from pathlib import Path

import xgboost

from skewless.bundles.archive import read_files, write_files
from skewless.settings import Settings
from tests.pipelines import Document

_MODEL = "xgboost-model"


def container(artifact: str, schema: Document | None, image: str = "sagemaker-sparkml-serving") -> Document:
    """A container of a pipeline file."""
    environment = {} if schema is None else {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(schema)}
    return {"image": image, "model_data": artifact, "environment": environment}


def save_model(booster: xgboost.Booster, folder: Path, name: str) -> None:
    """A model as an artifact, and for the peers as XGBoost writes it."""
    booster.save_model(folder / f"{name}.json")
    write_files({_MODEL: bytes(booster.save_raw("ubj"))}, folder / f"{name}.tar.gz")


def booster_of(artifact: Path) -> bytes:
    """XGBoost's file in an artifact."""
    return bytes(read_files(artifact, limits=Settings())[_MODEL])
