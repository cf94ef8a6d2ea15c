"""What published scripts import is there under its names; what is not says so when it is used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from skewless.errors import UnsupportedError
from skewless.scripts.hosting.script import CONTAINER_PATH
from skewless.scripts.toolkit.absent import Absent

# As they stand in published scripts.
IMPORTS = """
import flask
import sagemaker_containers
import sagemaker_inference
import sagemaker_xgboost_container.encoder as xgb_encoders
from sagemaker_algorithm_toolkit import exceptions
from sagemaker_algorithm_toolkit.exceptions import UserError
from sagemaker_containers import _content_types, _errors, entry_point
from sagemaker_containers.beta.framework import (
    content_types, encoders, env, modules, transformer, worker)
from sagemaker_containers.beta.framework import (
    entry_point, errors, files, functions, logging, mapping, mpi, params, process, runner, server, trainer)
from sagemaker_inference import (
    content_types, decoder, default_inference_handler, encoder, environment, errors, utils)
from sagemaker_inference import logging, model_server
from sagemaker_inference.default_handler_service import DefaultHandlerService
from sagemaker_inference.default_inference_handler import DefaultInferenceHandler
from sagemaker_inference.encoder import encode
from sagemaker_inference.errors import BaseInferenceToolkitError, GenericInferenceToolkitError
from sagemaker_inference.transformer import Transformer
from sagemaker_training import content_types, encoders, entry_point, environment, errors, logging_config
from sagemaker_xgboost_container import data_utils, distributed, encoder
from sagemaker_xgboost_container.data_utils import get_dmatrix
"""


def run(source: str, *path: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own with the containers' modules on its path."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([*path, str(CONTAINER_PATH)]), **settings}
    return subprocess.run(
        [sys.executable, "-c", source],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_everything_that_published_scripts_import_is_there() -> None:
    """And every name that one of the modules promises."""
    promised = "".join(
        f"from {'.'.join(file.relative_to(CONTAINER_PATH).with_suffix('').parts).removesuffix('.__init__')} import *\n"
        for file in sorted(CONTAINER_PATH.rglob("*.py"))
    )
    used = "print(worker.Response, transformer.default_input_fn, modules.import_module)"
    done = run(f"{IMPORTS}\n{used}\n{promised}")
    assert done.returncode == 0, done.stderr


def test_a_toolkit_that_the_user_has_installed_comes_first(tmp_path: Path) -> None:
    (tmp_path / "flask").mkdir()
    (tmp_path / "flask/__init__.py").write_text("whose = 'mine'\n")
    assert run("import flask\nprint(flask.whose)", str(tmp_path)).stdout == "mine\n"


def test_flask_is_its_response_alone() -> None:
    done = run("import flask\nprint(flask.Response('a').content_type)\nflask.Flask(__name__)")
    assert done.stdout == "text/html; charset=utf-8\n"
    assert "flask.Flask is not there" in done.stderr
    assert "requirements.txt" in done.stderr


def test_what_is_absent_says_so_at_its_first_use() -> None:
    server = Absent("framework.server", "Write functions.")
    with pytest.raises(
        UnsupportedError, match=r"^framework\.server\.start is not there\. Write functions\.$"
    ):
        server.start("module")
    with pytest.raises(UnsupportedError, match=r"^framework\.server is not there"):
        server()
    assert not hasattr(server, "__path__")
