"""Models in older forms predict what the versions that wrote them did; damaged and hostile ones are refused."""

from __future__ import annotations

import base64
import builtins
import json
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.boosters.booster import Booster
from skewless.boosters.booster_model import check
from skewless.boosters.documents import read
from skewless.boosters.formats import current
from skewless.boosters.ubjson import written
from skewless.errors import ArtifactError, UnsupportedError
from tests.boosters.xgboost_models import KINDS, bits, hostile, reference, saved

FOLDER = Path(__file__).with_name("old_models")
EXPECTED = json.loads((FOLDER / "expected.json").read_text())
ROWS = np.array(EXPECTED["rows"], np.float64).astype(np.float32)
NAMES = sorted(EXPECTED["predictions"])

# XGBoost 1.3 changed the order in which it adds the trees' values and the base score.
SAME_ORDER = ("1.3.3", "1.7.6", "2.1.4")


def old(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def test_every_file_has_its_predictions() -> None:
    files = {file.name for file in FOLDER.iterdir()} - {"README.md", "expected.json"}
    assert files == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_they_predict_what_their_writer_did(name: str) -> None:
    booster = Booster(old(name))
    made = booster.predict(ROWS)
    expected = np.array(EXPECTED["predictions"][name], np.float32).reshape(made.shape)
    if name.startswith(SAME_ORDER):
        assert bits(made) == bits(expected)
    else:
        np.testing.assert_allclose(made, expected, rtol=2e-6, atol=1e-6)
    assert bits([booster.predict_row(row) for row in ROWS.tolist()]) == bits(made)


@pytest.mark.parametrize("name", NAMES)
def test_a_converted_model_is_one_of_the_current_format(name: str) -> None:
    found = current(old(name))
    assert found.model[:1] == b"{"
    assert check(found.model).features == 5
    assert found.pickled == (name[-3:] in (".p0", ".p2", ".p4", "pkl"))
    assert current(found.model).model == found.model


def test_only_the_trees_up_to_the_best_round_count() -> None:
    for name in ("0.90-es.p2", "1.7.6-es.bin"):
        assert current(old(name)).limit == 1
        all_trees = Booster(current(old(name)).model).predict(ROWS)
        assert (all_trees != Booster(old(name)).predict(ROWS)).any()


def test_base64() -> None:
    plain = old("0.90-log.bin")
    wrapped = b"bs64\t" + base64.b64encode(plain)
    assert bits(Booster(wrapped).predict(ROWS)) == bits(Booster(plain).predict(ROWS))
    with pytest.raises(ArtifactError, match="its base64 text is malformed"):
        Booster(b"bs64\tnot base64!")


def python_2(model: bytes) -> bytes:
    """A pickle as Python 2 wrote it, in its protocol 0."""
    text = model.decode("latin-1").encode("raw_unicode_escape")
    text = text.replace(b"\n", b"\\u000a").replace(b"\r", b"\\u000d").replace(b"\0", b"\\u0000")
    return (
        b"ccopy_reg\n_reconstructor\np1\n(cxgboost.core\nBooster\np2\nc__builtin__\nobject\np3\nNtRp4\n"
        b"(dp5\nS'handle'\np6\nc__builtin__\nbytearray\np7\n(V" + text + b"\np8\nS'latin-1'\np9\ntp10\nRp11\n"
        b"sS'best_ntree_limit'\np12\nL2L\nsS'feature_names'\np13\nNsb."
    )


def test_a_pickle_of_python_2() -> None:
    model = old("0.90-log.bin")
    booster = Booster(python_2(model))
    assert (booster.pickled, current(python_2(model)).limit) == (True, 2)
    assert booster.predict(ROWS).shape == (len(ROWS),)


# It takes the current package's model, so that the two can be compared.
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_what_pickling_writes_today(kind: str) -> None:
    data = pickle.dumps(_Pickled(saved(kind)), 4).replace(
        b"tests.boosters.test_formats\x94\x8c\x08_Pickled", b"xgboost.core\x94\x8c\x07Booster"
    )
    rows = hostile()[:80]
    assert bits(Booster(shortened(data)).predict(rows)) == bits(reference(kind, rows))


class _Pickled:
    def __init__(self, model: bytes) -> None:
        self.handle = bytearray(model)


def shortened(data: bytes) -> bytes:
    """A pickle whose module name was replaced by a shorter one, with the lengths before it set right."""
    return data.replace(bytes([len("tests.boosters.test_formats")]) + b"xgboost.core", b"\x0cxgboost.core")


class Runs:
    """Unpickling this would write a file."""

    def __init__(self, file: Path) -> None:
        self.file = str(file)

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.file}",)


@pytest.mark.parametrize("protocol", range(6))
def test_nothing_in_a_pickle_is_run(tmp_path: Path, protocol: int) -> None:
    mark = tmp_path / "mark"
    with pytest.raises(
        ArtifactError, match=r"would use '(posix|os|nt)\.system'.*nothing in it was run"
    ) as caught:
        Booster(pickle.dumps(Runs(mark), protocol), artifact="model.tar.gz", file="xgboost-model")
    assert str(caught.value).startswith("model.tar.gz, xgboost-model: ")
    assert "save_model" in str(caught.value.hint)
    assert not mark.exists()


@pytest.mark.parametrize(
    ("thing", "says"),
    [
        ({"a": 1}, "of no XGBoost model"),
        ([1, 2], "of no XGBoost model"),
        (OrderedDict(a=1), "of no XGBoost model"),
        (Fraction(1, 2), "would use 'fractions.Fraction'"),
        (builtins.eval, "would use 'builtins.eval'"),
        (np.float32(1), "of no XGBoost model"),
    ],
)
def test_pickles_of_other_things(thing: Any, says: str) -> None:
    for protocol in (2, 4):
        with pytest.raises(ArtifactError, match=says.replace("builtins", "(?:builtins|__builtin__)")):
            Booster(pickle.dumps(thing, protocol))


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"ccopy_reg\n_reconstructor\np0\n(cxgboost.core\nBooster\n", "damaged pickle"),
        (b"\x80\x04.", "damaged pickle"),
        (b"\x80\x02cxgboost.core\nBooster\n)\x81}X\x06\x00\x00\x00handleNsb.", "without a model"),
        (b"\x80\x02cxgboost.core\nBooster\n)\x81.", "without a model"),
        (b"\x80\x02cxgboost.core\nBooster\nQ.", "the operation BINPERSID"),
        (b"\x80\x02\x82\x01.", "the operation EXT1"),
        (b"\x80\x02(ios\nsystem\n.", "the operation INST"),
        (b"\x80\x02h\x05.", "damaged pickle"),
        (b"\x80\x02]]b.", "damaged pickle"),
        (b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00aX\x05\x00\x00\x00utf-8\x86R.", "damaged pickle"),
        (b"CONFIG-offset:" + (1 << 40).to_bytes(8, "little"), "ends early"),
        (b"binf" + bytes(600), "there is no name"),
        (b"binf" + b"\xff" * 600, "there is no name|ends early"),
        (b"\x00\x00\x00\x3f" + bytes(300), "no XGBoost model in JSON, UBJSON or the old binary format"),
        (b"importance,gain\n1,2\n" * 20, "no XGBoost model in JSON, UBJSON or the old binary format"),
    ],
)
def test_what_is_no_model(data: bytes, says: str) -> None:
    with pytest.raises(ArtifactError, match=says) as caught:
        Booster(data, artifact="model.tar.gz", file="xgboost-model")
    assert caught.value.file == "xgboost-model"
    assert caught.value.hint


NESTED = b"\x80\x04)" + b"2\x86" * 60
"""A pair of the same pair of the same pair …: walking through it would never end."""


@pytest.mark.parametrize(
    "end",
    [
        b"}" + b"\x85\x85.",
        b"\x940}h\x00K\x01s.",
        b"\x940(h\x00K\x01d.",
        b"2\x93.",
        b"\x940cxgboost.core\nBooster\nh\x00R.",
        b"\x940c_codecs\nencode\nh\x00R.",
        b"\x940cxgboost.core\nBooster\n)\x81h\x00b.",
    ],
)
def test_a_pickle_that_would_take_years(end: bytes) -> None:
    with pytest.raises(ArtifactError, match="pickle") as caught:
        Booster(NESTED + end)
    assert len(str(caught.value)) < 500


def test_a_wrapper_whose_missing_value_is_a_number() -> None:
    data = old("2.1.4-regr.pkl")
    at = data.index(b"missing") + len("missing")
    place = data.index(b"G\x7f\xf8", at)
    changed = data[: place + 1] + b"\xc0\x8f\x38\x00\x00\x00\x00\x00" + data[place + 9 :]
    with pytest.raises(ArtifactError, match=r"takes -999\.0 for missing"):
        Booster(changed)


@pytest.mark.parametrize("name", ["0.90-log.bin", "1.2.1-dart.p4", "1.3.3-clf.pkl", "1.3.3-gblprob.bin"])
@given(st.data())
@settings(max_examples=60, deadline=None)
def test_damaged_files_are_loaded_or_refused(name: str, draw: st.DataObject) -> None:
    data = bytearray(old(name))
    for _ in range(draw.draw(st.integers(1, 3))):
        data[draw.draw(st.integers(0, len(data) - 1))] = draw.draw(st.integers(0, 255))
    del data[draw.draw(st.sampled_from([len(data), draw.draw(st.integers(0, len(data)))])) :]
    with suppress(ArtifactError, UnsupportedError):
        booster = Booster(bytes(data))
        assert len(booster.predict(np.zeros((2, booster.features), np.float32))) == 2


@given(st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_behind_a_beginning_are_refused(data: bytes) -> None:
    for start in (
        b"",
        b"binf",
        b"bs64",
        b"\x80\x04",
        b"ccopy_reg\n_reconstructor\n",
        b"CONFIG-offset:",
        b"{L",
    ):
        with pytest.raises((ArtifactError, UnsupportedError)):
            Booster(start + data)


@pytest.mark.parametrize("kind", ["softprob", "linear", "dart", "categorical"])
def test_a_document_is_written_as_it_was_read(kind: str) -> None:
    document = read(saved(kind))
    again = read(written(document))
    assert json.dumps(again, default=lambda array: array.tolist()) == json.dumps(
        document, default=lambda array: array.tolist()
    )
    assert bits(Booster(written(document)).predict(hostile())) == bits(reference(kind, hostile()))


def test_reading_needs_neither_pickle_nor_xgboost() -> None:
    code = (
        "import sys; from skewless.boosters.booster import Booster\n"
        f"Booster(open({str(FOLDER / '1.3.3-clf.pkl')!r}, 'rb').read())\n"
        "print([name for name in ('xgboost', 'sklearn', 'numpy.core.multiarray') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
