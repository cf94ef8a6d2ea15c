"""``skewless explain``: what is told of bundles, trained models and pipelines, sound and damaged ones."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from skewless.bundles import manifest, parity
from skewless.bundles.archive import read_files, write_files
from skewless.bundles.bundle import save
from skewless.ops.assemble import VectorAssembler
from skewless.ops.blas import Coefficients
from skewless.ops.labels import StringIndexer
from skewless.ops.linear import LinearRegression
from skewless.schema import DOUBLE, STRING, Field, Schema
from skewless.settings import Settings
from tests.cli.conftest import Run
from tests.pipelines import CAR_SCHEMA, change, document, graph, stage, write

Edit = Callable[[bytes], bytes]


def without(artifact: Path, *names: str) -> None:
    files = read_files(artifact, limits=Settings())
    write_files({path: data for path, data in files.items() if path not in names}, artifact)


def test_a_bundle(folder: Path, run: Run) -> None:
    done = run("explain", folder / "model.tar.gz")
    assert (done.status, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[:6] == [
        f"{folder / 'model.tar.gz'} (sparkml)",
        "  fitted by tests",
        "  bundle cars, written for MLeap 0.25.2",
        "  60 parity rows",
        "",
        "  reads buying: string, maint: string, doors: string, persons: string, lug_boot: string, safety: string",
    ]
    assert lines[7:10] == [
        "  1  index_buying · string_indexer · bit-equal",
        "     buying: string → buying_index: double",
        "     labels (6): vhigh, high, med, low, …; handle_invalid=error",
    ]
    assert lines[-4] == " 13  assemble · vector_assembler · bit-equal"
    assert " ".join(line.strip() for line in lines[-3:-1]).endswith(
        "safety_hot: vector[3] → features: vector[23]"
    )
    assert [line.split(" · ")[0].split()[1] for line in lines if " · " in line] == [
        *[f"{kind}_{name}" for kind in ("index", "hot") for name in manifest_names(folder)],
        "assemble",
    ]


def manifest_names(folder: Path) -> list[str]:
    told = manifest.read(read_files(folder / "model.tar.gz", limits=Settings()))
    assert told is not None
    assert told.input is not None
    return list(told.input.names)


@pytest.mark.parametrize("name", ["folder", "model.zip", "model.tar.gz"])
def test_a_bundle_in_any_wrapping(name: str, folder: Path, run: Run) -> None:
    expected = run("explain", folder / "model.tar.gz").out.partition("\n")[2]
    path = write_files(read_files(folder / "model.tar.gz", limits=Settings()), folder / "new" / name)
    assert run("explain", path).out == f"{path} (sparkml)\n{expected}"


def test_a_trained_model(folder: Path, run: Run) -> None:
    done = run("explain", folder / "xgb.tar.gz")
    assert done.out.splitlines()[1:] == [
        "  256 parity rows",
        "",
        "  reads f0 … f22: double",
        "",
        "  1  xgboost-model · gbtree · bit-equal",
        "     f0 … f22: double → prediction: double",
        "     objective=multi:softmax; features=23; trees (48)",
    ]


def test_a_pipeline_tells_what_each_container_hands_on(folder: Path, run: Run) -> None:
    done = run("explain", folder / "pipeline.yaml")
    lines = done.out.splitlines()
    assert lines[0] == f"{folder / 'pipeline.yaml'}: 3 containers"
    told = [line for line in lines if line.startswith(("container-", "  hands on", "  model data"))]
    assert told == [
        "container-1 (sparkml)",
        f"  model data {folder / 'model.tar.gz'}",
        "  hands on features: vector[23]",
        "container-2 (xgboost)",
        f"  model data {folder / 'xgb.tar.gz'}",
        "  hands on prediction: double",
        "container-3 (sparkml)",
        f"  model data {folder / 'postprocess.tar.gz'}",
        "  hands on cat: string",
    ]


def test_stages_that_a_container_does_not_run_are_named(folder: Path, run: Run) -> None:
    spec = document()
    output = {"name": "safety_hot", "type": "double", "struct": "vector"}
    spec["containers"][0]["environment"] = {
        "SAGEMAKER_SPARKML_SCHEMA": json.dumps({**CAR_SCHEMA, "output": output}),
        "SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT": "application/jsonlines",
    }
    lines = run("explain", write(folder, spec)).out.splitlines()
    assert "  answers application/jsonlines" in lines
    idle = "index_buying, index_maint, index_doors, index_persons, index_lug_boot and 6 more"
    assert f"  not needed for what it hands on: {idle}" in lines


def names(text: str) -> list[str]:
    """Containers and stages in order."""
    return [line.split(" · ")[0].split()[-1] for line in text.splitlines() if " · " in line]


def test_only_what_a_column_needs(folder: Path, run: Run) -> None:
    done = run("explain", folder / "model.tar.gz", "--output", "doors_hot")
    assert names(done.out) == ["index_doors", "hot_doors"]
    assert "  reads doors: string\n" in done.out
    done = run("explain", folder / "pipeline.yaml", "--output", "prediction")
    assert (names(done.out)[-2:], len(names(done.out))) == (["assemble", "xgboost-model"], 14)
    assert "container-3" not in done.out
    assert names(run("explain", folder / "pipeline.yaml", "--output", "buying").out) == []


def test_no_such_column(folder: Path, run: Run) -> None:
    done = run("explain", folder / "postprocess.tar.gz", "--output", "dog")
    assert (done.status, done.out) == (1, "")
    assert done.err == "error: there is no column 'dog'. There are: label, cat.\n"


def broken(data: bytes) -> bytes:
    return data[: len(data) // 2]


def fewer(data: bytes) -> bytes:
    return parity.write(parity.read(data).slice(0, 7))


def replaced(old: bytes, new: bytes) -> Edit:
    return lambda data: data.replace(old, new)


DAMAGES: dict[str, tuple[str, Edit, str]] = {
    "parity rows cut off": (parity.FILE, broken, "warning: its parity rows are damaged: "),
    "too few parity rows": (
        parity.FILE,
        fewer,
        "warning: there are 7 parity rows where the manifest says 60",
    ),
    "no manifest's JSON": (manifest.FILE, broken, "warning: its manifest is damaged: "),
    "a later manifest": (manifest.FILE, replaced(b'"format": 1', b'"format": 9'), "reads up to 1"),
    "a label": (
        "root/index_doors.node/model.json",
        replaced(b'"3"', b'"33"'),
        "warning: root/index_doors.node/model.json was changed after the export",
    ),
}


@pytest.mark.parametrize(("file", "edit", "said"), DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_bundle_is_told_all_the_same(
    file: str, edit: Edit, said: str, folder: Path, run: Run
) -> None:
    change(folder / "model.tar.gz", file, edit)
    done = run("explain", folder / "model.tar.gz")
    assert (done.status, done.err) == (0, "")
    assert said in " ".join(done.out.split())
    assert len(names(done.out)) == 13
    assert "safety: string → safety_index: double" in done.out


def test_parity_rows_that_are_gone(folder: Path, run: Run) -> None:
    without(folder / "model.tar.gz", parity.FILE)
    out = " ".join(run("explain", folder / "model.tar.gz").out.split())
    assert "60 parity rows, which cannot be read" in out
    assert "skewless/parity.arrow: is missing" in out
    change(folder / "xgb.tar.gz", ".skewless-parity.arrow", broken)
    assert "warning: its parity rows are damaged" in run("explain", folder / "xgb.tar.gz").out


def test_a_stage_that_cannot_run(folder: Path, run: Run) -> None:
    known = b'"op": "vector_assembler"'
    change(folder / "model.tar.gz", "root/assemble.node/model.json", replaced(known, b'"op": "telepathy"'))
    done = run("explain", folder / "model.tar.gz")
    assert done.status == 0
    assert (
        "warning: it cannot run: stage assemble (root/assemble.node/model.json): op 'telepathy'" in done.out
    )
    assert " 13  assemble · telepathy\n" in done.out
    assert "     safety → safety_index\n" in done.out
    refused = run("explain", folder / "model.tar.gz", "--output", "features")
    assert (refused.status, refused.out) == (1, "")
    assert "op 'telepathy' is not one this version knows" in refused.err


def test_a_bundle_of_somebody_else(folder: Path, run: Run) -> None:
    without(folder / "postprocess.tar.gz", manifest.FILE)
    done = run("explain", folder / "postprocess.tar.gz")
    assert "  nothing says what fitted it\n" in done.out
    assert "     label: double → cat: string\n" in done.out
    # What it is given in a pipeline is then for the schema to say.
    spec = document()
    told = {"input": [{"name": "label", "type": "int"}], "output": {"name": "cat", "type": "string"}}
    spec["containers"] = [spec["containers"][2]]
    spec["containers"][0]["environment"] = {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(told)}
    assert "     label: int → cat: string\n" in run("explain", write(folder, spec)).out
    del spec["containers"][0]["environment"]
    out = run("explain", write(folder, spec)).out
    assert "  its schema comes with each request\n" in out
    assert "hands on" not in out


def test_a_schema_whose_output_is_nowhere(folder: Path, run: Run) -> None:
    spec = document()
    told = {"input": [{"name": "label", "type": "double"}], "output": {"name": "dog", "type": "string"}}
    spec["containers"][2]["environment"] = {"SAGEMAKER_SPARKML_SCHEMA": json.dumps(told)}
    out = run("explain", write(folder, spec)).out
    assert "  warning: its schema's output 'dog' is no column of the bundle\n" in out
    assert "  hands on dog: string\n" in out


def test_equality_and_fitted_values(tmp_path: Path, run: Run) -> None:
    inputs = Schema(tuple(Field(f"x{number}", DOUBLE) for number in range(12)))
    stages = [
        stage("all", VectorAssembler((None,) * 12), inputs.names, ["features"]),
        stage("line", LinearRegression(Coefficients((0.25,) * 12), -1.5), ["features"], ["y"]),
    ]
    path = save(graph("lines", stages), tmp_path / "m.zip", engine="tests", inputs=inputs, rows=None)
    out = run("explain", path).out
    assert "x7: double and 4 more" in " ".join(out.split())
    assert "  2  line · linear_regression · within 1 ulp\n" in out
    assert "coefficients (12): 0.25, 0.25, 0.25, 0.25, …" in out
    assert "intercept=-1.5" in out


def test_names_cannot_steer_the_terminal(tmp_path: Path, run: Run) -> None:
    name = "x\x1b[31m\n<b>"
    inputs = Schema((Field(name, STRING),))
    indexer = stage("index", StringIndexer(("\x1b[2J", "b")), [name], ["i\x07"])
    path = save(graph("g", [indexer]), tmp_path / "m.zip", engine="\x1b]0;", inputs=inputs, rows=None)
    out = run("explain", path).out
    assert out.replace("\n", "").isprintable()
    assert r"x\x1b[31m\n<b>: string" in out
    assert r"labels (2): '\x1b[2J', b" in out


def test_json_has_it_all(folder: Path, run: Run) -> None:
    done = run("explain", folder / "pipeline.yaml", "--json")
    told = json.loads(done.out)
    first = told["models"][0]
    assert [model["kind"] for model in told["models"]] == ["sparkml", "xgboost", "sparkml"]
    assert first["stages"][6] == {
        "name": "hot_buying",
        "op": "one_hot_encoder",
        "inputs": [{"name": "buying_index", "type": "double"}],
        "outputs": [{"name": "buying_hot", "type": "vector[6]"}],
        "values": ["categories (1): 6", "handle_invalid=error"],
        "ulps": 0,
        "why_not_bits": "",
    }
    assert first["gives"] == [{"name": "features", "type": "vector[23]"}]


WRONG: dict[str, tuple[Callable[[Path], Path], str]] = {
    "nothing there": (lambda folder: folder / "no.zip", "no such file: "),
    "no archive": (lambda folder: folder / "train.csv", "train.csv"),
    "a folder without a bundle": (lambda folder: folder, "bundle.json: is missing"),
    "no document": (lambda folder: folder / "no.yaml", "no.yaml cannot be read: No such file"),
    "another document": (
        lambda folder: write(folder, {"container": []}),
        "pipeline.yaml is wrong: Object contains unknown field `container`",
    ),
    "no such model": (
        lambda folder: write(folder, {"containers": [{"image": "xgboost", "model_data": "no.tar.gz"}]}),
        "container-1: no such file: ",
    ),
    "a bundle for XGBoost": (
        lambda folder: write(folder, {"containers": [{"image": "xgboost", "model_data": "model.tar.gz"}]}),
        "there is no file xgboost-model at the root",
    ),
}


@pytest.mark.parametrize(("spoil", "said"), WRONG.values(), ids=WRONG)
def test_refused(spoil: Callable[[Path], Path], said: str, folder: Path, run: Run) -> None:
    done = run("explain", spoil(folder))
    assert (done.status, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert said in done.err


def test_where_no_picture_can_be(folder: Path, run: Run) -> None:
    done = run("explain", folder / "model.tar.gz", "--svg", folder)
    assert (done.status, done.out, done.err) == (
        1,
        "",
        f"error: {folder} is a folder. Give the picture's file, such as model.svg.\n",
    )
    done = run("explain", folder / "model.tar.gz", "--svg", folder / "no" / "m.svg")
    assert (done.status, done.err) == (1, f"error: {folder / 'no' / 'm.svg'}: No such file or directory\n")


def test_nothing_is_written_into_the_model(folder: Path, run: Run) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    run("explain", folder / "pipeline.yaml")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


def test_it_works_as_a_process(pipeline: Path, really: Run) -> None:
    done = really("explain", pipeline)
    assert (done.status, done.err) == (0, "")
    assert done.out.endswith("  hands on cat: string\n")
