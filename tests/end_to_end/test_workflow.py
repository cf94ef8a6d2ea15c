"""The published workflow, as a notebook and as a script of the AWS CLI, top to bottom against a fresh `skewless up`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from skewless.cli.up import variables
from tests.gateways import Gateway, gateway

pytestmark = pytest.mark.timeout(1800)

EXAMPLE = Path(__file__).parents[2] / "examples" / "car_evaluation"
LIMIT = 900
"""Seconds for one cell, or for the script: they wait for Spark, on a machine that may be busy."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway(tmp_path_factory.mktemp("workflow")) as found:
        yield found


@pytest.fixture
def environment(up: Gateway) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return kept | variables(up.identity, up.running) | {"PATH": path}


def nothing_left(up: Gateway) -> None:
    """Clean-up means that no resource and no process is there any more."""
    sagemaker = up.client("sagemaker")
    assert sagemaker.list_endpoints()["Endpoints"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    assert sagemaker.list_models()["Models"] == []
    assert up.client("glue").get_jobs()["Jobs"] == []
    assert up.client("s3").list_buckets()["Buckets"] == []
    assert up.children() == []
    assert list(up.folder.endpoints.iterdir()) == []
    assert [file for file in up.folder.jobs.rglob("*") if file.is_file()] == []


def test_the_notebook(
    up: Gateway, environment: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("notebook.ipynb", "preprocessor.py"):
        shutil.copy(EXAMPLE / name, tmp_path)
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    notebook: Any = nbformat.read(tmp_path / "notebook.ipynb", as_version=4)  # type: ignore[no-untyped-call]
    NotebookClient(
        notebook, timeout=LIMIT, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
    # What a cell prints may come in parts.
    printed = [
        "".join(output.get("text") or output["data"]["text/plain"] for output in cell.outputs)
        for cell in notebook.cells
        if cell.cell_type == "code"
    ]
    lines = "\n".join(printed).splitlines()
    assert lines.count("'vgood'") == 3
    refused = "400 container-1, stage"
    assert any(
        line.startswith(refused) and "column 'doors', row 1: unseen label '9'" in line for line in lines
    )
    assert any("container-3 | sparkml: loaded; " in line and "all equal" in line for line in lines)
    assert any(line.startswith("Counter({'unacc': 12") for line in lines)
    nothing_left(up)


def test_the_script(up: Gateway, environment: dict[str, str]) -> None:
    done = subprocess.run(
        ["sh", str(EXAMPLE / "aws_cli.sh")], capture_output=True, text=True, env=environment, timeout=LIMIT
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    lines = done.stdout.splitlines()
    assert lines.count("low,low,5more,more,big,high -> vgood") == 2
    assert lines[-1] == "done"
    counts = [int(line.split()[0]) for line in lines if re.fullmatch(r" *\d+ (un)?acc| *\d+ v?good", line)]
    assert (len(counts), sum(counts)) == (4, 1728)
    for number in (1, 2, 3):
        told = next(line for line in lines if line.startswith(f"container-{number}, microseconds: "))
        assert float(told.rpartition(" ")[2]) > 0
    nothing_left(up)
