"""Documentation that can fail: links lead somewhere, examples run, and nothing that exists goes unmentioned."""

from __future__ import annotations

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from skewless.bundles import manifest, parity
from skewless.cli.main import app
from skewless.cli.up import variables
from skewless.control.operations import OPERATIONS
from skewless.ops import OPS, SPARK_READERS, sklearn_docs, stage_docs
from skewless.settings import Settings
from tests.conftest import ROOT, Cars
from tests.gateways import Gateway

PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text()
ALL = "\n".join(page.read_text() for page in PAGES)
BLOCK = re.compile(r"^```(?P<kind>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_the_readmes_python_runs(cars: Cars, car_pipeline: Path, tmp_path: Path) -> None:
    assert car_pipeline.parent == cars.folder
    (tmp_path / "demo-output").symlink_to(cars.folder)
    blocks = [found["text"] for found in BLOCK.finditer(README) if found["kind"] == "python"]
    assert blocks
    check = "\nassert answer[:2] == (b'vgood', 'text/csv')\nassert len(features) == 15\n"
    subprocess.run([sys.executable, "-c", "\n".join(blocks) + check], cwd=tmp_path, check=True, timeout=120)


def test_the_examples_of_the_services_run(up: Gateway, tmp_path: Path) -> None:
    """All of them, in the order of the page, in an empty folder with what `skewless env` prints."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = kept | variables(up.identity, up.running) | {"PATH": path}
    page = (ROOT / "docs/services.md").read_text()
    checked = {
        "create_endpoint": "assert 0.5 < probability < 1",
        "OriginalMessage": "assert status == 400 and 'row 1' in message and 'Send 2 features' in message",
    }
    parts = ["set -eu"]
    python = ""
    for found in BLOCK.finditer(page):
        if found["kind"] == "python":
            check = "\n".join(text for sign, text in checked.items() if sign in found["text"])
            python += f"{found['text']}\n{check}\n"
        elif found["kind"] == "sh":
            if python:
                parts.append(f"python - <<'END'\n{python}END")
                python = ""
            parts.append(found["text"])
    assert python == ""
    done = subprocess.run(
        ["sh", "-c", "\n".join(parts)],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "train/train.csv" in done.stdout
    assert "/aws/sagemaker/TrainingJobs" in done.stdout


def test_the_readmes_commands_are_makes() -> None:
    told = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for verb in re.findall(r"^make (\w+)", README, re.MULTILINE):
        assert f"make {verb}" in told


def commands() -> dict[str, set[str]]:
    """Every command of the program with its options."""
    found = {}
    context = click.Context(app)
    for name in app.list_commands(context):
        command = app.get_command(context, name)
        for below, inner in getattr(command, "commands", {"": command}).items():
            options = {option for param in inner.params for option in param.opts if option.startswith("--")}
            found[f"{name} {below}".strip()] = options
    return found


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_documented(command: str) -> None:
    assert f"skewless {command}" in ALL


def test_documented_commands_and_options_exist() -> None:
    known = commands()
    for line in re.findall(
        r"skewless ((?:serve|predict|transform|verify|explain|train|datasets|up|down|status|env)\b[^`\n]*)",
        ALL,
    ):
        name = next((name for name in known if line.startswith(name)), None)
        if name is None:
            assert line.split()[0] in {command.split()[0] for command in known}
            continue
        for option in re.findall(r"--[a-z0-9-]+", line):
            assert option in known[name] | {"--help"}, line


def test_every_option_of_the_services_is_documented() -> None:
    page = (ROOT / "docs/services.md").read_text()
    for command in ("up", "down", "status", "env"):
        for option in commands()[command]:
            assert f"`{option}" in page, option


def test_every_operation_is_documented() -> None:
    page = (ROOT / "docs/reference/api.md").read_text()
    for _, name in OPERATIONS:
        assert f"- `{name}`" in page


@pytest.mark.parametrize("setting", [field.name for field in dataclasses.fields(Settings)])
def test_every_setting_is_documented(setting: str) -> None:
    assert f"`SKEWLESS_{setting.upper()}`" in (ROOT / "docs/pipelines.md").read_text()


@pytest.mark.parametrize("docs", [stage_docs, sklearn_docs], ids=["stages", "sklearn"])
def test_the_page_of_stages_is_up_to_date(docs: ModuleType) -> None:
    page = docs.page()
    assert (ROOT / docs.PAGE).read_text() == page, f"run: {docs.COMMAND} > {docs.PAGE}"
    assert "generated" in page.partition("\n")[0]


def test_every_stage_is_documented() -> None:
    page = stage_docs.page() + sklearn_docs.page()
    for op in OPS.values():
        assert f"`{op.name}`" in page
        assert op.bad_values in page
        assert op.why_not_bits[1:] in page
    for spark_class, support in SPARK_READERS.items():
        assert f"`{spark_class}`: {support.forms}." in page


def test_the_artifacts_files_are_documented() -> None:
    page = (ROOT / "docs/bundles.md").read_text()
    assert f"`{manifest.FILE}`" in page
    assert f"`{parity.FILE}`" in page
