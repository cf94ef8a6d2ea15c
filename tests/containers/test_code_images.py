"""Images whose containers run code: how they are found, what is laid out for them, and what is refused."""

from __future__ import annotations

import json
import shutil
import tarfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from skewless.bundles.archive import write_files
from skewless.containers.definitions import pipeline_of
from skewless.containers.images import runtime_of
from skewless.containers.load import load_pipeline
from skewless.containers.outline import outline_of
from skewless.containers.pipeline import Pipeline
from skewless.containers.process.hosting import Hosting
from skewless.containers.process.layout import Layout
from skewless.containers.process.registered import read_images
from skewless.errors import ContainerRefused, SettingError, SkewlessError
from skewless.programs.program import Cover
from skewless.settings import Settings
from tests.containers.programs import echo, executable, running
from tests.pipelines import build, write
from tests.programs.test_environments import wheel

SKLEARN = "246618743249.dkr.ecr.us-west-2.amazonaws.com/sagemaker-scikit-learn:1.2-1-cpu-py3"
SCRIPT = b"""
import json, os, sys
import tiny_made_here

def model_fn(model_dir):
    return sorted(os.listdir(model_dir))

def transform_fn(model, body, content_type, accept):
    said = [model, tiny_made_here.VERSION, sys.prefix != sys.base_prefix, __file__]
    return json.dumps(said), "application/json"
"""


def test_images_and_their_runtimes() -> None:
    assert runtime_of(SKLEARN) == "sklearn"
    assert runtime_of("python") == "python"
    assert runtime_of("./x") == runtime_of("/a/b") == runtime_of("../x") == "process"
    assert runtime_of("mine", ["mine"]) == "process"
    with pytest.raises(SettingError, match="skewless images add"):
        runtime_of("mine")


def test_a_script_with_requirements_from_an_address_of_its_own(tmp_path: Path) -> None:
    code = tmp_path / "code"
    code.mkdir()
    (code / "serve.py").write_bytes(SCRIPT)
    (code / "requirements.txt").write_text("./tiny_made_here-1.0-py3-none-any.whl\n")
    wheel(code)
    with tarfile.open(tmp_path / "source.tar.gz", "w:gz") as archive:
        for file in code.iterdir():
            archive.add(file, file.name)
    write_files({"weights.bin": b"x"}, tmp_path / "model.tar.gz")
    fetched: list[str] = []

    def fetch(address: str) -> Path:
        fetched.append(address)
        return tmp_path / address.rpartition("/")[2]

    definition = {
        "Image": SKLEARN,
        "ModelDataUrl": "s3://b/model.tar.gz",
        "Environment": {
            "SAGEMAKER_PROGRAM": "serve.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/source.tar.gz",
            "SAGEMAKER_MODEL_SERVER_WORKERS": "1",
        },
    }
    lines: list[tuple[str, str]] = []
    hosting = Hosting(lambda *line: lines.append(line), tmp_path / "containers")
    chosen = Settings(environments=tmp_path / "environments")
    with pipeline_of([definition], fetch, settings=chosen, hosting=hosting) as pipeline:
        answer = pipeline.invoke(b"1,2\n")
        assert json.loads(answer.body) == [["weights.bin"], "1.0", True, "/opt/ml/code/serve.py"]
        assert answer.content_type == "application/json"
    assert fetched == ["s3://b/model.tar.gz", "s3://b/source.tar.gz"]
    assert {container for container, _ in lines} == {"primary"}
    assert any("Successfully installed tiny-made-here-1.0" in line for _, line in lines)
    assert list((tmp_path / "containers").iterdir()) == []


@pytest.mark.parametrize(
    ("container", "said"),
    [
        ({"image": "./nothing"}, "there is no such file"),
        ({"image": "./words.txt"}, "may not be run"),
        ({"image": "nobody"}, "skewless images add"),
        ({"image": "sklearn"}, "needs model_data"),
        ({"image": "sklearn", "model_data": "plain.tar.gz"}, "SAGEMAKER_PROGRAM"),
        (
            {
                "image": "sklearn",
                "model_data": "plain.tar.gz",
                "environment": {"SAGEMAKER_PROGRAM": "a.py", "SAGEMAKER_SUBMIT_DIRECTORY": "s3://b/k"},
            },
            "nothing is fetched",
        ),
        ({"image": "python", "model_data": "plain.tar.gz"}, "there is no /opt/ml/code/inference.py"),
        ({"image": "./exits.sh"}, "ended with status 4"),
    ],
)
def test_what_cannot_be_loaded(tmp_path: Path, container: dict[str, Any], said: str) -> None:
    (tmp_path / "words.txt").write_text("no program")
    executable(tmp_path / "exits.sh", "#!/bin/sh\nexit 4\n")
    write_files({"weights.bin": b"x"}, tmp_path / "plain.tar.gz")
    hosting = Hosting(folder=tmp_path / "containers")
    pipeline = write(tmp_path, {"containers": [container]})
    with pytest.raises(SkewlessError) as caught:
        load_pipeline(pipeline, settings=Settings(data_dir=tmp_path), hosting=hosting)
    assert said in str(caught.value)
    assert "container-1" in str(caught.value) or "plain.tar.gz" in str(caught.value)
    assert not (tmp_path / "containers").exists() or not list((tmp_path / "containers").iterdir())


def test_an_exported_bundle_is_served_as_data(tmp_path: Path) -> None:
    folder = build(tmp_path).parent
    definition = write(folder, {"containers": [{"image": "sklearn", "model_data": "model.tar.gz"}]})
    with load_pipeline(definition) as pipeline:
        assert pipeline.containers[0].runtime == "sklearn"
        assert pipeline.invoke(b"low,low,5more,more,big,high").body.count(b",") > 10


@pytest.mark.parametrize("text", [b'{"a": {"command": []}}', b'{"\xff": {"command": ["a"]}}'])
def test_a_damaged_list_of_images(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "images.json").write_bytes(text)
    with pytest.raises(SettingError, match=r"images\.json cannot be read"):
        read_images(tmp_path)


def test_explain_says_that_nothing_is_known(tmp_path: Path) -> None:
    echo(tmp_path)
    (model,) = outline_of(write(tmp_path, {"containers": [{"image": "./echo.py"}]})).models
    assert model.kind == "process"
    assert "runs code" in model.about[-1]


def test_without_private_folders_it_is_told_the_real_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As where mounts are refused: the kernel refuses this one.
    monkeypatch.setattr(Layout, "covers", lambda self: [Cover("/no/such/place", str(self.root))])
    with running(tmp_path, model={"code/x.py": b""}) as ran:
        found = json.loads(ran.ask("env").body)
        assert found["SM_MODEL_DIR"].startswith(str(tmp_path))
        assert ran.ask(f"list {found['SM_MODEL_DIR']}").body.endswith(b"/model/code/x.py")
    assert any("/opt/ml is not its own" in line for line in ran.lines)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    start=st.sampled_from(["", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"]),
    rest=st.binary(max_size=200),
)
def test_whatever_it_answers_is_an_answer_or_a_refusal(fuzzed: Pipeline, start: str, rest: bytes) -> None:
    with suppress(ContainerRefused):
        fuzzed.invoke(b"raw " + start.encode() + rest)
    assert fuzzed.invoke(b"plain x").body == b"x"


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("fuzzed")
    echo(folder)
    quick = Settings(invocation_timeout=5)
    with load_pipeline(write(folder, {"containers": [{"image": "./echo.py"}]}), settings=quick) as pipeline:
        yield pipeline
    shutil.rmtree(folder)
