"""The page about bundles that people have, run as it stands, with bundles in the form of their time."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
import xgboost as library

from skewless.bundles.archive import read_files, write_files
from skewless.containers.load import load_pipeline
from tests import legacy_bundles
from tests.builders import SETTINGS, trained
from tests.conftest import ROOT
from tests.serving.running import SKEWLESS, serving

PAGE = (ROOT / "docs/how-to/mleap-bundle.md").read_text()
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROW = ["F", 0.515, 0.425, 0.14, 0.766, 0.304, 0.1725, 0.255]
FEATURES = [0.0, 1.0, *ROW[1:]]


def block(kind: str, word: str) -> str:
    (found,) = [str(text) for one, text in BLOCKS if one == kind and word in text]
    return found


def commands(word: str) -> list[list[str]]:
    return [line.split() for line in block("sh", word).splitlines() if line.startswith("skewless")]


def run(folder: Path, *command: str) -> str:
    done = subprocess.run([SKEWLESS, *command[1:]], cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What the page has: the artifacts, and its own files."""
    legacy_bundles.abalone(tmp_path / "model.tar.gz")
    legacy_bundles.tokens(tmp_path / "tokens.tar.gz")
    write_files(dict(trained("reg:squarederror", len(FEATURES))), tmp_path / "xgb.tar.gz")
    (tmp_path / "pipeline.yaml").write_text(block("yaml", "# pipeline.yaml"))
    (tmp_path / "classify.yaml").write_text(block("yaml", "# classify.yaml"))
    (tmp_path / "classifier" / "code").mkdir(parents=True)
    (tmp_path / "classifier" / "code" / "inference.py").write_text(block("python", "classifier/code"))
    for word in ("abalone.csv", "abstracts.csv"):
        made = [line for line in block("sh", word).splitlines() if not line.startswith("skewless")]
        subprocess.run("\n".join(made), shell=True, cwd=tmp_path, check=True)
    return tmp_path


def wanted(folder: Path) -> float:
    """What XGBoost itself says of the features that Spark would make."""
    booster = library.Booster(
        model_file=bytearray(read_files(folder / "xgb.tar.gz", limits=SETTINGS)["xgboost-model"])
    )
    return float(booster.predict(library.DMatrix(np.array([FEATURES], np.float32)))[0])


def test_features_for_xgboost(folder: Path) -> None:
    (explain,) = commands("explain")
    assert "one_hot_encoder" in run(folder, *explain)
    predict, serve = commands("abalone.csv")
    assert float(run(folder, *predict)) == wanted(folder)
    with serving(folder / serve[2], folder) as server:
        answer = server.ask((folder / "abalone.csv").read_bytes())
        assert (answer.status, float(answer.text)) == (200, wanted(folder))
        unseen = server.ask(b"X,0.515,0.425,0.14,0.766,0.304,0.1725,0.255")
        assert unseen.status == 400
        assert "container-1, stage string_indexer_0, column 'sex', row 1" in unseen.text
        request = {"data": ROW}
        assert server.ask(json.dumps(request).encode(), {"content-type": "application/json"}).status == 200


@pytest.mark.parametrize("version", ["0.8.1", "0.9.6", "0.16.0", "0.20.0", "0.25.0"])
def test_bundles_of_every_version(folder: Path, version: str) -> None:
    legacy_bundles.abalone(folder / "model.tar.gz", version)
    with load_pipeline(folder / "pipeline.yaml") as pipeline:
        body = b"".join(f"{sex},{','.join(map(str, ROW[1:]))}\n".encode() for sex in legacy_bundles.SEXES)
        first = pipeline.containers[0].invoke(body, "text/csv", None).body.decode().splitlines()
        assert [line[:8] for line in first] == ["1.0,0.0,", "0.0,1.0,", "0.0,0.0,"]
        assert first[1] == ",".join(map(repr, FEATURES))


def test_tokens_for_a_text_classifier(folder: Path) -> None:
    (classify,) = commands("abstracts.csv")
    assert run(folder, *classify).strip() == block("text", "words").strip()
    with load_pipeline(folder / "classify.yaml") as pipeline:
        told = pipeline.containers[0].invoke(b"Berwick is  a town\n", "text/csv", None)
    assert told.body == b'{"source":"berwick is  a town"}'
    assert told.content_type == "application/jsonlines"


def test_a_bundle_without_stages(folder: Path) -> None:
    """As the original's own tests have: it gives back a column of the request."""
    legacy_bundles.empty(folder / "empty.tar.gz")
    told = {"input": [{"name": "a", "type": "int"}], "output": {"name": "a", "type": "int"}}
    document = {
        "containers": [
            {
                "image": "sparkml",
                "model_data": "empty.tar.gz",
                "environment": {"SAGEMAKER_SPARKML_SCHEMA": told},
            }
        ]
    }
    (folder / "empty.json").write_text(json.dumps(document))
    with load_pipeline(folder / "empty.json") as pipeline:
        assert pipeline.invoke(b"1\n2\n").body == b"1\n2"
