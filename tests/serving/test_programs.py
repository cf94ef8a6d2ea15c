"""`skewless serve` and `skewless transform` with containers that are programs, and scripts in Python."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from skewless.bundles.archive import write_files
from skewless.lifetime import runs
from tests.containers.programs import passing
from tests.pipelines import CAR, CAR_LABEL, build, document, write
from tests.serving.running import CSV, PATIENCE, SKEWLESS, eventually, serving

INFERENCE = b"""
import os

def model_fn(model_dir):
    with open(os.path.join(model_dir, "names.txt")) as file:
        return file.read().split()

def transform_fn(model, body, content_type, accept):
    rows = body.decode() if isinstance(body, bytes) else body
    return "\\n".join(model[int(float(row))] for row in rows.split()), "text/csv"
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The car example with a program before the model, and a function in Python after it."""
    made = build(tmp_path_factory.mktemp("programs")).parent
    passing(made)
    names = {"names.txt": b"unacc acc good vgood", "code/inference.py": INFERENCE}
    write_files(names, made / "names.tar.gz")
    first, model, _ = document()["containers"]
    program = {"image": "./pass.py", "container_hostname": "passing"}
    write(made, {"containers": [program, first, model, {"image": "python", "model_data": "names.tar.gz"}]})
    return made


def descendants(pid: int) -> list[int]:
    found = list[int]()
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # threads end at any time
            found += map(int, file.read_text().split())
    return [*found, *(below for one in found for below in descendants(one))]


def test_a_chain_of_programs_and_built_in_containers(folder: Path, tmp_path: Path) -> None:
    with serving(folder / "pipeline.yaml", tmp_path) as server:
        answer = server.ask(CAR)
        assert (answer.status, answer.body) == (200, CAR_LABEL), answer.text
        assert answer.headers["server-timing"].startswith("passing;dur=")
        assert server.ask(b"\n".join([CAR] * 3)).text.split() == [CAR_LABEL.decode()] * 3
        assert "x-amzn-sagemaker-custom-attributes" not in answer.headers
        told = server.ask(CAR, {**CSV, "X-Amzn-SageMaker-Custom-Attributes": "mine"})
        assert told.headers["x-amzn-sagemaker-custom-attributes"] == "mine; passed"
        refused = server.ask(b"vhigh")
        assert (refused.status, refused.body, refused.headers["content-type"]) == (
            418,
            b"too dear",
            "text/csv",
        )
        assert refused.headers["x-skewless-container"] == "passing"
        lost = server.ask(b"doomed")
        assert (lost.status, lost.headers["x-skewless-container"]) == (500, "passing")
        assert "ended with status 9" in lost.text
        eventually(lambda: server.ask(CAR).status == 200, "the program did not come back")
        assert "[passing] passing on 1 rows" in server.log
        assert server.get("/execution-parameters").status == 200
        below = descendants(server.process.pid)
        assert len(below) >= 4
        assert server.stop() == 0
        assert [pid for pid in below if runs(pid)] == []


def test_programs_end_with_a_server_that_is_killed(folder: Path, tmp_path: Path) -> None:
    with serving(folder / "pipeline.yaml", tmp_path) as server:
        below = descendants(server.process.pid)
        server.process.kill()
        server.process.wait()
        eventually(lambda: not any(runs(pid) for pid in below), "programs were left behind")


def test_a_transform_of_files(folder: Path, tmp_path: Path) -> None:
    given = tmp_path / "cars.csv"
    given.write_bytes(b"\n".join([CAR] * 5) + b"\n")
    command: list[str | Path] = [
        SKEWLESS,
        "transform",
        folder / "pipeline.yaml",
        given,
        "--output",
        tmp_path / "out",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=3 * PATIENCE)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "cars.csv.out").read_text().split() == [CAR_LABEL.decode()] * 5


def test_images_by_name(tmp_path: Path) -> None:
    def images(*arguments: str) -> subprocess.CompletedProcess[str]:
        command: list[str | Path] = [SKEWLESS, "images", *arguments, "--data-dir", str(tmp_path / "data")]
        return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)

    program = passing(tmp_path)
    assert "There are none" in images("list").stdout
    assert images("add", "passing", "--command", str(program), "--memory", "300").returncode == 0
    assert images("list").stdout == f"passing  {program}  (memory 300 MB)\n"
    for name, text in (("xgboost", "built-in"), ("No Name", "no name for an image")):
        refused = images("add", name, "--command", str(program))
        assert (refused.returncode, text in refused.stderr) == (1, True)
    assert "is not there" in images("add", "other", "--command", "/no/such/program").stderr
    pipeline = write(tmp_path, {"containers": [{"image": "passing"}]})
    with serving(pipeline, tmp_path, environment={"SKEWLESS_DATA_DIR": str(tmp_path / "data")}) as server:
        assert server.ask(b"a,b").body == b"a,b"
    assert images("remove", "passing").returncode == 0
    assert "there is no image 'passing'" in images("remove", "passing").stderr
    command: list[str | Path] = [SKEWLESS, "predict", pipeline, "--content-type", "text/csv"]
    refused = subprocess.run(
        command, input="a", capture_output=True, text=True, cwd=tmp_path, timeout=PATIENCE
    )
    assert "container-1: image 'passing' is not known" in refused.stderr
    assert "skewless images add" in refused.stderr
