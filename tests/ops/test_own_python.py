"""Python of one's own in a bundle: it runs only where it is trusted, as it was, and says what is wrong with it."""

# ruff: noqa: RUF012 - columns are declared as users write them

from __future__ import annotations

import json
import math
import subprocess
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import skewless
from skewless.bundles.archive import read_files
from skewless.errors import (
    ArtifactError,
    ParityError,
    SettingError,
    TrustError,
    ValueRefused,
)
from skewless.ops import execute
from skewless.ops.assemble import VectorAssembler
from skewless.ops.python_code import Code
from skewless.python_stage import PythonStage
from skewless.schema import Schema
from skewless.settings import Settings
from skewless.transforms.transform import Transform
from skewless.trust import Trust
from tests.builders import graph, stage
from tests.parity.own_stages import Counted, Shift, Unlike
from tests.pipelines import change
from tests.python_bundles import code_of, graph_of, write

ROWS = {"slots": [[1.0, -0.0], [math.nan, math.inf], None]}
MARKING = """
from pathlib import Path
from skewless import PythonStage
Path({marker!r}).touch()
class Marking(PythonStage):
    def row(self, x):
        return x
"""


class Marking(PythonStage):
    """Its source is `MARKING`, which leaves a file when it is executed."""

    inputs = {"x": "double"}
    outputs = {"y": "double"}


@pytest.fixture
def shift(tmp_path: Path) -> tuple[Path, str]:
    """A bundle and the hash of its code."""
    code = code_of(Shift([0.1, 0.2]))
    return write(code, tmp_path / "shift.zip", ROWS), code.digest


def test_rows_and_tables_are_equal(shift: tuple[Path, str]) -> None:
    path, digest = shift
    model = skewless.load(path, trust=[digest])
    assert model.row({"slots": [1.0, 2.0]}) == {"slots": [1.0, 2.0], "moved": [1.1, 2.2], "size": 2}
    assert model.table(pa.table({"slots": [[1.0, 2.0]]}))["moved"].to_pylist() == [[1.1, 2.2]]


def test_loading_is_refused_without_trust(shift: tuple[Path, str]) -> None:
    path, digest = shift
    refusals: list[Any] = [False, [], "0" * 64, {"0" * 64}]
    for trust in refusals:
        with pytest.raises(TrustError) as refused:
            skewless.load(path, trust=trust)
        assert (refused.value.digest, refused.value.stage) == (digest, "own")
        told = str(refused.value)
        for part in (str(path), "root/stage.py", "class Shift", digest, "--trust HASH", "trust=[HASH]"):
            assert part in told


@pytest.mark.parametrize("trust", [True, "all", "{digest}", "{digest}, " + "0" * 64])
def test_ways_to_trust(shift: tuple[Path, str], trust: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path, digest = shift
    given = trust.format(digest=digest) if isinstance(trust, str) else trust
    assert skewless.load(path, trust=given).stages[0].name == "own"
    if isinstance(given, str):
        monkeypatch.setenv("SKEWLESS_TRUST", given)
        assert skewless.load(path).stages[0].name == "own"


@pytest.mark.parametrize("trust", ["yes", "0" * 63, "g" * 64, ["all", "me"]])
def test_what_is_no_hash_is_named(trust: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="is no SHA-256"):
        Trust.of(trust)
    monkeypatch.setenv("SKEWLESS_TRUST", trust if isinstance(trust, str) else " ".join(trust))
    with pytest.raises(SettingError, match="SKEWLESS_TRUST: "):
        Settings.read()


def test_nothing_is_executed_without_trust(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    code = code_of(Marking(), MARKING.format(marker=str(marker)))
    path = write(code, tmp_path / "m.zip")
    looked_at = skewless.load(path, verify=False)
    assert str(looked_at.output_schema) == "x: double, y: double"
    with pytest.raises(TrustError):
        looked_at.row({"x": 1.0})
    with pytest.raises(TrustError):
        looked_at.table(pa.table({"x": [1.0]}))
    with pytest.raises(TrustError):
        skewless.load(path)
    assert not marker.exists()
    assert skewless.load(path, trust=True).row({"x": 1.0})["y"] == 1.0
    assert marker.exists()


def double(data: bytes) -> bytes:
    return data + b"\n"


@pytest.mark.parametrize("file", ["stage.py", "stage.json", "array-0.npy"])
def test_one_changed_byte_is_refused_whatever_is_trusted(shift: tuple[Path, str], file: str) -> None:
    path, digest = shift
    change(path, f"root/{file}", double)
    for trust in (True, [digest], [digest, changed_digest(path)]):
        with pytest.raises(TrustError, match=rf"were changed after the export.* was {digest}"):
            skewless.load(path, trust=trust)


def changed_digest(path: Path) -> str:
    with pytest.raises(TrustError) as refused:
        skewless.load(path)
    return refused.value.digest


def test_a_change_that_hides_itself_is_another_hash(shift: tuple[Path, str]) -> None:
    path, digest = shift
    change(path, "root/stage.py", double)
    other = changed_digest(path)
    change(path, "root/model.json", lambda data: data.replace(digest.encode(), other.encode()))
    with pytest.raises(TrustError, match=f"have not said that you trust; its SHA-256 is {other}"):
        skewless.load(path, trust=[digest])


def test_the_hash_can_be_made_without_us(shift: tuple[Path, str], tmp_path: Path) -> None:
    path, digest = shift
    for name in ("array-0.npy", "stage.json", "stage.py"):
        (tmp_path / name).write_bytes(read_files(path, limits=Settings())[f"root/{name}"])
    command = "sha256sum array-*.npy stage.json stage.py | sha256sum"
    told = subprocess.run(
        command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert told.split()[0] == digest


@pytest.mark.parametrize(
    ("file", "edit", "said"),
    [
        ("stage.json", lambda data: b"{", "stage.json cannot be read"),
        ("stage.json", lambda data: b"[" * 100_000, "stage.json cannot be read"),
        (
            "stage.json",
            lambda data: data.replace(b'"vector"', b'"matrix"'),
            "type 'matrix', which does not exist",
        ),
        ("stage.json", lambda data: data.replace(b'"Shift"', b'"Shift()"'), "no name of a class"),
        ("stage.json", lambda data: data.replace(b'"requires": []', b'"requires": {}'), "requires"),
    ],
)
def test_files_that_no_export_wrote(
    shift: tuple[Path, str], file: str, edit: Callable[[bytes], bytes], said: str
) -> None:
    change(shift[0], f"root/{file}", edit)
    with pytest.raises(ArtifactError, match="stage own") as refused:
        skewless.load(shift[0], verify=False)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "EOF"),
        (b"\x80\x04K\x01.", "magic string"),
        ("huge", "are no float64 of shape"),
        ("object", "it holds object"),
    ],
)
def test_arrays_that_are_none(data: Any, said: str) -> None:
    """A header may promise more than there is; nothing is unpickled, and no room is made for it."""
    files = dict(code_of(Shift([1.0])).files)
    if data == "huge":
        data = files["array-0.npy"].replace(b"(1,)", b"(1000000000000,)")
    if data == "object":
        data = files["array-0.npy"].replace(b"'<f8'", b"'|O' ")
    code = Code.of_files({**files, "array-0.npy": data})
    with pytest.raises(Exception, match=r"array-0\.npy cannot be read") as refused:
        code.attributes()
    assert said in str(refused.value)


BODIES = [
    (
        "return 1 / x",
        0.0,
        "ZeroDivisionError: float division by zero (stage.py, line 5: return 1 / x), for x=0.0",
    ),
    ("return 1 / x", None, "TypeError: unsupported operand"),
    ("raise SystemExit(3)", 1.0, "SystemExit: 3 (stage.py, line 5"),
    ("return 'a'", 1.0, "Bad.row gave for y: double: 'a' (str), which is no double, for x=1.0"),
    ("return True", 1.0, "True (bool), which is no double"),
    ("return 10**400", 1.0, "which is no double"),
    ("return (1.0, 2.0)", 1.0, "(1.0, 2.0) (tuple), which is no double"),
    ("return [1.0]", 1.0, "[1.0] (list), which is no double"),
]


@pytest.mark.parametrize(("body", "value", "said"), BODIES)
def test_what_goes_wrong_in_a_row_is_told(tmp_path: Path, body: str, value: Any, said: str) -> None:
    model = loaded(tmp_path, f"def row(self, x):\n        {body}\n")
    with pytest.raises(ValueRefused) as refused:
        model.row({"x": value})
    with pytest.raises(ValueRefused) as in_table:
        model.table(pa.table({"x": pa.array([value], pa.float64())}))
    for error in (refused.value, in_table.value):
        assert (error.stage, error.column, error.row) == ("own", "x", 1)
        assert said in error.message


def loaded(folder: Path, body: str, outputs: dict[str, str] | None = None) -> Any:
    """A model of one class with this body."""

    class Bad(PythonStage):
        inputs = {"x": "double"}

    own = Bad()
    own.outputs = outputs or {"y": "double"}
    text = f"import pyarrow as pa\nfrom skewless import PythonStage\nclass Bad(PythonStage):\n    {body}"
    code = Code.of(own, text.encode(), (), columns="def columns" in body)
    return skewless.load(write(code, folder / "bad.zip"), trust=True)


@pytest.mark.parametrize(
    ("declared", "given", "said"),
    [
        ("byte", "128", "128 (int), which is no byte"),
        ("int", "1.0", "1.0 (float), which is no int"),
        ("boolean", "1", "1 (int), which is no boolean"),
        ("string", "b'a'", "b'a' (bytes), which is no string"),
        ("string", "'\\ud800'", "which is no string"),
        ("vector[2]", "[1.0]", "a vector of 1 slots where vector[2] is declared"),
        ("vector", "[1.0, None]", "a null among the slots"),
        ("vector", "{1.0: 2.0}", "which is no vector"),
        ("array<int>", "[1, 'b']", "'b' (str), which is no int"),
    ],
)
def test_every_type_is_checked(tmp_path: Path, declared: str, given: str, said: str) -> None:
    model = loaded(tmp_path, f"def row(self, x):\n        return {given}\n", {"y": declared})
    with pytest.raises(ValueRefused) as refused:
        model.row({"x": 1.0})
    assert said in refused.value.message


COLUMNS = "def row(self, x):\n        return x\n    def columns(self, x):\n        {}\n"


@pytest.mark.parametrize(
    ("body", "row", "said"),
    [
        ("return 1 / 0 if None in x.to_pylist() else x", 3, "Bad.columns raised ZeroDivisionError"),
        (
            "return x if len(x) == 1 else 1 / 0",
            1,
            "Bad.columns raised ZeroDivisionError: division by zero (st",
        ),
        ("return x[1:]", 1, "2 rows for a batch of 3"),
        ("return x.to_pylist()", 1, "a list where an Arrow or numpy array belongs"),
        ("return x.cast(pa.string())", 1, "string cannot be read as double"),
        ("return x, x", 1, "a tuple where an Arrow or numpy array belongs"),
    ],
)
def test_what_goes_wrong_in_a_batch_is_told(tmp_path: Path, body: str, row: int, said: str) -> None:
    model = loaded(tmp_path, COLUMNS.format(body))
    with pytest.raises(ValueRefused) as refused:
        model.table(pa.table({"x": [1.0, 2.0, None]}))
    assert (refused.value.stage, refused.value.row) == ("own", row)
    assert said in refused.value.message


def test_a_batch_cannot_change_what_other_stages_read(tmp_path: Path) -> None:
    class Greedy(PythonStage):
        inputs = {"v": "vector[1]"}
        outputs = {"y": "vector[1]"}

    body = "    def row(self, v):\n        return v\n    def columns(self, v):\n        v *= 2\n        return v\n"
    text = f"from skewless import PythonStage\nclass Greedy(PythonStage):\n{body}"
    code = Code.of(Greedy(), text.encode(), (), columns=True)
    model = skewless.load(write(code, tmp_path / "g.zip"), trust=True)
    with pytest.raises(ValueRefused, match="read-only"):
        model.table(pa.table({"v": [[1.0]]}))


def test_functions_that_differ_are_found_by_the_parity_rows(tmp_path: Path) -> None:
    rows = {"x": [1.0, 2.0, 5.0, 7.0, 10.0, 49.0]}
    path = write(code_of(Unlike()), tmp_path / "u.zip", rows)
    with pytest.raises(ParityError, match=r"stage own, column 'y', row .: its row kernel gives"):
        skewless.load(path, trust=True)


@pytest.mark.parametrize("x", [2.0, 0.0, -1.0, math.inf])
def test_a_row_is_asked_for_once_though_it_or_a_stage_behind_it_is_refused(x: float) -> None:
    code = code_of(Counted())
    behind = stage("v", VectorAssembler((None,)), ["y"], ["v"])
    own = graph_of(code).root
    transform = Transform(graph(own, behind), Schema(code.inputs), Trust(everything=True))
    asked = vars(execute.shared(code))["asked"]
    asked.clear()
    ways: list[Callable[[], Any]] = [
        lambda: transform.row({"x": x}),
        lambda: transform.row_function(["v"])([x]),
    ]
    for number, way in enumerate(ways, 1):
        with nullcontext() if x > 0.0 else pytest.raises(ValueRefused):
            way()
        assert asked == [x] * number


def test_distributions_must_be_those_it_was_fitted_with(tmp_path: Path) -> None:
    told = dict(code_of(Shift([1.0])).files)
    document = json.loads(told["stage.json"])
    for pins, said in (
        (["numpy==0.1"], r"numpy .* is installed, but it was fitted with 0\.1"),
        (["no-such-thing==2"], r"no-such-thing 2 is not installed"),
    ):
        document["requires"] = pins
        code = Code.of_files({**told, "stage.json": json.dumps(document).encode()})
        path = write(code, tmp_path / f"{pins[0]}.zip")
        with pytest.raises(ArtifactError, match=f"stage own: Shift: {said}.*pip install '{pins[0]}'"):
            skewless.load(path, trust=True)


def test_attributes_come_back_as_they_were() -> None:
    own = Shift([0.1])
    told: dict[str, Any] = {
        "no": None,
        "nan": math.nan,
        "low": -math.inf,
        "zero": -0.0,
        "text": "ü\n",
        "big": 2**70,
        "deep": [[{}]],
    }
    vars(own).update(
        told, grid=np.arange(6, dtype=np.int8).reshape(2, 3), scalar=np.float64(0.1), none=np.zeros((0, 2))
    )
    own.nested = {"tables": [np.array([True, False])]}  # type: ignore[attr-defined]
    back = vars(execute.fresh(code_of(own)))
    assert repr({name: back[name] for name in told}) == repr(told)
    assert (back["grid"].tolist(), back["grid"].dtype) == ([[0, 1, 2], [3, 4, 5]], np.int8)
    assert (back["scalar"], type(back["scalar"])) == (0.1, float)
    assert back["none"].shape == (0, 2)
    assert back["nested"]["tables"][0].tolist() == [True, False]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ({1: "a"}, "Shift.odd is a dict with keys that are no strings"),
        ({"a": [set()]}, r"Shift.odd\['a'\]\[0\] is a set"),
        (np.array(["a"]), "Shift.odd is an array of <U1"),
        (np.array([None]), "an array of object"),
        (len, "a builtin_function_or_method"),
    ],
)
def test_attributes_that_are_no_plain_data_are_named(value: Any, said: str) -> None:
    own = Shift([0.1])
    own.odd = value  # type: ignore[attr-defined]
    with pytest.raises(SettingError, match=said):
        code_of(own)
