"""Code in a pipeline's bundle, from the command line: refused, and then trusted in every way there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Run
from tests.parity.own_stages import Unlike
from tests.pipelines import write as write_pipeline
from tests.python_bundles import code_of, write

CONTAINER = {"image": "sparkml", "model_data": "own.zip"}


@pytest.fixture
def own(tmp_path: Path) -> tuple[Path, str]:
    """A pipeline with code in it, and the hash of that."""
    code = code_of(Unlike())
    write(code, tmp_path / "own.zip", {"x": [3.0, 6.0]})
    return write_pipeline(tmp_path, {"containers": [CONTAINER]}), code.digest


def test_every_command_refuses_code(own: tuple[Path, str], run: Run, tmp_path: Path) -> None:
    pipeline, digest = own
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("3\n6\n")
    for command in (
        ("verify", pipeline),
        ("predict", pipeline, numbers),
        ("transform", pipeline, numbers, "--output", tmp_path / "out"),
        ("serve", pipeline, "--port", "0"),
        ("verify", pipeline, "--trust", "0" * 64),
    ):
        done = run(*command)
        assert (done.status, done.out) == (1, "")
        for part in ("root/stage.py", "stage own", "class Unlike", digest, "--trust HASH", "pipeline.yaml"):
            assert part in done.err
    assert not (tmp_path / "out").exists()


def test_commands_run_what_is_trusted(own: tuple[Path, str], run: Run, tmp_path: Path) -> None:
    pipeline, digest = own
    numbers = tmp_path / "numbers.csv"
    numbers.write_text("3\n6\n")
    assert run("verify", pipeline, "--trust", digest).out == "container-1: 2 parity rows equal, bit for bit\n"
    assert run("predict", pipeline, numbers, "--trust", "all").out == "1.0\n2.0\n"
    done = run(
        "transform", pipeline, numbers, "--output", tmp_path / "out", "--trust", "0" * 64, "--trust", digest
    )
    assert (done.status, (tmp_path / "out/numbers.csv.out").read_text()) == (0, "1.0\n2.0\n")


def test_environment_and_file_can_trust(
    own: tuple[Path, str], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, digest = own
    with monkeypatch.context() as within:
        within.setenv("SKEWLESS_TRUST", digest)
        assert run("verify", pipeline).status == 0
    assert run("verify", pipeline).status == 1
    write_pipeline(pipeline.parent, {"containers": [{**CONTAINER, "trust": [digest]}]})
    assert run("verify", pipeline).status == 0


@pytest.mark.parametrize("trust", [["all"], True, ["abc"], "all"])
def test_the_file_trusts_by_hash_only(own: tuple[Path, str], run: Run, trust: object) -> None:
    pipeline, _ = own
    write_pipeline(pipeline.parent, {"containers": [{**CONTAINER, "trust": trust}]})
    done = run("verify", pipeline)
    assert (done.status, "trust" in done.err) == (1, True)


def test_what_is_no_hash_is_named(own: tuple[Path, str], run: Run) -> None:
    assert "--trust: 'sure' is no SHA-256" in run("verify", own[0], "--trust", "sure").err
