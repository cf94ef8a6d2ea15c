"""Pipelines that must not run: `verify` and `serve` say what is wrong, where, and what to do, and nothing else."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from skewless.errors import SettingError
from skewless.settings import Settings
from tests.cli.conftest import Run
from tests.pipelines import CAR_SCHEMA, change, document, write

pytestmark = pytest.mark.timeout(30)  # a pipeline that is not refused would be served until then

Spoil = Callable[[Path], object]


def changed(artifact: str, file: str, old: bytes, new: bytes) -> Spoil:
    """One text in one file of an artifact, changed once."""
    return lambda folder: change(folder / artifact, file, lambda data: data.replace(old, new, 1))


def model(stage: str) -> str:
    return f"root/{stage}.node/model.json"


def container(number: int, **words: Any) -> Spoil:
    """Other words for one container."""

    def spoil(folder: Path) -> None:
        what = document()
        what["containers"][number - 1].update(words)
        write(folder, what)

    return spoil


def schema(text: str | dict[str, Any]) -> Spoil:
    """Another schema in the first container's environment."""
    return container(1, environment={"SAGEMAKER_SPARKML_SCHEMA": text})


def yaml_text(text: str | bytes) -> Spoil:
    data = text if isinstance(text, bytes) else text.encode()
    return lambda folder: (folder / "pipeline.yaml").write_bytes(data)


def cut(artifact: str, keep: float) -> Spoil:
    def spoil(folder: Path) -> None:
        data = (folder / artifact).read_bytes()
        (folder / artifact).write_bytes(data[: int(len(data) * keep)])

    return spoil


def archive(*members: tarfile.TarInfo, data: bytes = b"x") -> Spoil:
    """An archive of these members in place of the first model's."""

    def spoil(folder: Path) -> None:
        with tarfile.open(folder / "model.tar.gz", "w:gz") as made:
            for member in members:
                member.size = len(data) if member.isreg() else 0
                made.addfile(member, io.BytesIO(data))

    return spoil


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


def bomb(folder: Path) -> None:
    with zipfile.ZipFile(folder / "model.tar.gz", "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("bundle.json", bytes(3 << 20))


def flipped(folder: Path) -> None:
    """The last split or leaf number of a trained model, changed in its lowest bits."""

    def edit(data: bytes) -> bytes:
        place = data.index(b"base_weights") + 40
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    change(folder / "xgb.tar.gz", "xgboost-model", edit)


def negated(folder: Path) -> None:
    """All the numbers of all trees."""

    def edit(data: bytes) -> bytes:
        edited, place = bytearray(data), 0
        while (place := data.find(b"split_conditions[$d#L", place + 1)) >= 0:
            start = place + len(b"split_conditions[$d#L") + 8
            for position in range(start, start + 4 * int.from_bytes(data[start - 8 : start]), 4):
                edited[position] ^= 0x80
        return bytes(edited)

    change(folder / "xgb.tar.gz", "xgboost-model", edit)


def relabelled(folder: Path) -> None:
    path = folder / "parity-output.csv"
    lines = path.read_text().splitlines()
    lines[6] = "vgood"
    path.write_text("\n".join(lines))


DOCUMENTS = {
    "no file": (
        lambda folder: (folder / "pipeline.yaml").unlink(),
        "cannot be read: No such file",
        "pipeline.yaml",
    ),
    "empty": (yaml_text(""), "pipeline.yaml is wrong", "It looks like: containers:"),
    "no YAML": (yaml_text("containers: [}"), "pipeline.yaml is wrong", "line 1"),
    "not UTF-8": (yaml_text(b"containers: \xff\xfe\x00"), "pipeline.yaml is wrong", ""),
    "too deep": (yaml_text("[" * 5000), "pipeline.yaml is wrong", ""),
    "a list": (yaml_text("- image: sparkml"), "Expected `object`, got `array`", ""),
    "unknown key": (container(2, imge="xgboost"), "unknown field `imge`", "$.containers[1]"),
    "no image": (yaml_text("containers: [{model_data: x}]"), "missing required field `image`", "[0]"),
    "no container": (yaml_text("containers: []"), "1 to 15 containers, not 0", ""),
    "one name twice": (
        lambda folder: [container(1, container_hostname="container-2")(folder)],
        "two containers have one name",
        "container-2",
    ),
    "a name that is none": (container(2, container_hostname="grüße\n"), "container_hostname", "[1]"),
    "unknown image": (
        container(2, image="xgbost"),
        "container-2",
        "'xgbost' is not known. Known names are: ",
    ),
    "image of another model": (
        container(2, image="sagemaker-scikit-learn:1.2"),
        "xgb.tar.gz",
        "name the script that serves it in SAGEMAKER_PROGRAM",
    ),
    "no model": (container(2, model_data="other.tar.gz"), "container-2", "no such file"),
    "a model in S3": (container(2, model_data="s3://bucket/model.tar.gz"), "container-2", "is an address"),
    "no parity file": (
        lambda folder: (folder / "parity-input.csv").unlink(),
        "parity-input.csv",
        "Restore it",
    ),
    "other answers recorded": (relabelled, "row 7", "'vgood' was recorded"),
}
SCHEMAS = {
    "no JSON": (schema("{"), "container-1", "schema in SAGEMAKER_SPARKML_SCHEMA is wrong"),
    "no output": (schema({"input": []}), "SAGEMAKER_SPARKML_SCHEMA is wrong", "`output`"),
    "unknown type": (
        schema({**CAR_SCHEMA, "input": [{"name": "buying", "type": "text"}]}),
        "SAGEMAKER_SPARKML_SCHEMA is wrong",
        "'text'",
    ),
    "too few columns": (
        schema({**CAR_SCHEMA, "input": CAR_SCHEMA["input"][:5]}),  # type: ignore[index]
        "container-1",
        "no input 'safety', which the output 'features' needs",
    ),
    "another type": (
        schema({**CAR_SCHEMA, "input": [{"name": "buying", "type": "double"}]}),
        "container-1",
        "'buying', but it was fitted as string",
    ),
    "an output that is not there": (
        schema({**CAR_SCHEMA, "output": {"name": "label", "type": "double"}}),
        "container-1",
        "output 'label' is no column of the bundle",
    ),
}
ARCHIVES = {
    "cut in the middle": (cut("model.tar.gz", 0.5), "model.tar.gz", "damaged or cut short"),
    "cut near the end": (cut("xgb.tar.gz", 0.98), "xgb.tar.gz", "damaged or cut short"),
    "empty": (cut("model.tar.gz", 0), "model.tar.gz", "neither a zip nor a tar.gz"),
    "out of the folder": (archive(tarfile.TarInfo("../x")), "model.tar.gz", "../x"),
    "absolute": (archive(tarfile.TarInfo("/etc/x")), "model.tar.gz", "/etc/x"),
    "symbolic link": (archive(link("a", "/etc/passwd", tarfile.SYMTYPE)), "model.tar.gz, a", "link"),
    "hard link": (archive(link("a", "b", tarfile.LNKTYPE)), "model.tar.gz, a", "link"),
    "device": (archive(link("a", "", tarfile.CHRTYPE)), "model.tar.gz, a", "device"),
    "bomb": (bomb, "model.tar.gz", "SKEWLESS_MAX_ARTIFACT_MB"),
}
CHANGES = {
    "a label": (
        changed("model.tar.gz", model("index_safety"), b'"med"', b'"mad"'),
        "container-1, stage index_safety, column 'safety', row 3: it refuses what the fitting engine took",
        "'med'",
    ),
    "two labels": (
        changed("model.tar.gz", model("index_doors"), b'"3"', b'"33"'),
        "container-1, stage index_doors, column 'doors', row ",
        "'3'",
    ),
    "a size": (
        changed("model.tar.gz", model("hot_safety"), b"3", b"4"),
        "root/assemble.node/model.json, stage assemble",
        "column 'safety_hot' does not fit: a vector[3] was fitted here, not a vector[4]",
    ),
    "an answer's label": (
        changed("postprocess.tar.gz", "root/name.node/model.json", b'"good"', b'"fair"'),
        "container-3, stage name, column 'cat', row 3: it gives 'fair' where the fitting engine gave 'good'",
        "Export it again",
    ),
    "what no parity row shows": (
        changed("model.tar.gz", model("index_buying"), b'"low"', b'"lou"'),
        "container-1, stage index_buying: root/index_buying.node/model.json was changed after the export",
        "no parity row shows",
    ),
    "a number": (
        negated,
        "container-2, stage xgboost-model, column 'prediction', row ",
        " was recorded. Take the artifact as training wrote it",
    ),
    "a number that nothing shows": (flipped, "container-2, stage xgboost-model", "after export"),
}


def named(cases: dict[str, tuple[Spoil, str, str]]) -> Any:
    return [pytest.param(*case, id=name) for name, case in cases.items()]


@pytest.mark.parametrize("command", ["verify", "serve"])
@pytest.mark.parametrize(("spoil", "said", "also"), named({**DOCUMENTS, **SCHEMAS, **ARCHIVES, **CHANGES}))
def test_refused(
    spoil: Spoil, said: str, also: str, command: str, folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKEWLESS_MAX_ARTIFACT_MB", "2")
    spoil(folder)
    done = run(command, folder / "pipeline.yaml", *(["--port", "0"] if command == "serve" else []))
    assert (done.status, done.out) == (1, ""), done
    assert done.err.startswith("error: ")
    assert said in done.err
    assert also in done.err
    assert len(done.err) < 1500


def test_the_case_before_it_is_spoiled(folder: Path, run: Run) -> None:
    assert run("verify", folder / "pipeline.yaml").status == 0


@pytest.mark.parametrize("command", ["verify", "serve", "predict"])
def test_a_setting_that_is_none(
    pipeline: Path, command: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKEWLESS_MAX_PAYLOAD_MB", "abc")
    done = run(command, pipeline)
    assert (done.status, done.err) == (
        1,
        "error: SKEWLESS_MAX_PAYLOAD_MB='abc' is not a whole number above 0\n",
    )


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "1e3", " 1", "²"])
def test_limits_that_are_none(text: str) -> None:
    with pytest.raises(SettingError, match="SKEWLESS_MAX_ARTIFACT_MB"):
        Settings.read({"SKEWLESS_MAX_ARTIFACT_MB": text})


def test_a_schema_may_be_written_as_yaml(folder: Path, run: Run) -> None:
    write(folder, document())
    before = run("verify", folder / "pipeline.yaml").out
    schema(json.loads(json.dumps(CAR_SCHEMA)))(folder)
    assert run("verify", folder / "pipeline.yaml").out == before
