"""Training with the real library: log lines, early stopping, the artifact, its parity rows, and every refusal."""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tarfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xgboost
from click.testing import CliRunner

from skewless.cli.train import train as command
from skewless.errors import (
    HyperparameterError,
    SettingError,
    SkewlessError,
    TrainingDataError,
)
from skewless.jobs.training.hyperparameters import OBJECTIVES
from skewless.jobs.training.library_errors import cleaned
from skewless.jobs.training.parity_rows import MOST_ROWS, sample
from skewless.jobs.training.rows import TrainingData
from skewless.jobs.training.train import Round, TrainingResult, train
from tests.jobs.training.channels import TRAIN, VALIDATION, Channels, loaded, unpacked, write_csv

MULTI = {"objective": "multi:softprob", "num_class": "3", "eval_metric": "merror,mlogloss"}


def run(channels: Channels, output: Path, given: dict[str, Any], **more: Any) -> TrainingResult:
    given = {"num_round": "4", "nthread": "1", **given}
    quiet = {"on_round": lambda done: None, "validation": channels.validation}
    return train(channels.train, hyperparameters=given, output=output, **{**quiet, **more})


def listing(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


def parity(archive: Path) -> pa.Table:
    with pa.ipc.open_file(unpacked(archive)[".skewless-parity.arrow"]) as reader:
        return reader.read_all()


def test_one_line_a_round_on_standard_output(
    two: Channels, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"num_round": "2", "nthread": "1", "objective": "binary:logistic", "eval_metric": "error,logloss"}
    result = train(two.train, two.validation, given, tmp_path / "m.tar.gz")
    out, err = capsys.readouterr()
    number = r"\d\.\d{5}"
    names = ("train-error", "train-logloss", "validation-error", "validation-logloss")
    scores = "".join(rf"\t{name}:{number}" for name in names) + r"\n"
    assert re.fullmatch(rf"\[0\]{scores}\[1\]{scores}", out)
    assert err == ""
    assert result.notes == ()
    aws = re.search(r".*\[[0-9]+\].*#011validation-logloss:(\S+)", out.splitlines()[-1].replace("\t", "#011"))
    assert aws
    assert aws[1] == f"{result.metrics['validation-logloss']:.5f}"


def test_rounds_are_given_as_numbers(two: Channels, tmp_path: Path) -> None:
    rounds: list[Round] = []
    result = run(two, tmp_path / "m.tar.gz", {"objective": "binary:logistic"}, on_round=rounds.append)
    assert [done.number for done in rounds] == [0, 1, 2, 3]
    assert rounds[-1].scores == result.metrics
    assert list(result.metrics) == ["train-logloss", "validation-logloss"]
    assert Round(3, {"train-rmse": 9.123456, "validation-rmse": float("inf")}).line == (
        "[3]\ttrain-rmse:9.12346\tvalidation-rmse:inf"
    )


def test_without_validation(two: Channels, tmp_path: Path) -> None:
    given = {"objective": "binary:logistic", "eval_metric": "logloss", "early_stopping_rounds": "1"}
    result = run(two, tmp_path / "m.tar.gz", given, validation=None)
    assert list(result.metrics) == ["train-logloss"]
    assert (result.rounds, result.best_iteration) == (4, None)
    assert result.notes == ("early_stopping_rounds has no effect without validation data",)


def test_the_same_trees_as_the_library_called_directly(three: Channels, tmp_path: Path) -> None:
    given = {
        **MULTI,
        "eta": "0.5",
        "max_depth": 3,
        "lambda": 2,
        "subsample": "0.7",
        "seed": "5",
        "nthread": 1,
    }
    run(three, tmp_path / "m.tar.gz", given, validation=str(three.validation))
    direct = xgboost.train(
        {
            "objective": "multi:softprob",
            "num_class": 3,
            "eta": 0.5,
            "max_depth": 3,
            "lambda": 2,
            "subsample": 0.7,
            "seed": 5,
            "nthread": 1,
        },
        three.matrix(TRAIN),
        4,
    )
    assert loaded(tmp_path / "m.tar.gz").get_dump() == direct.get_dump()


@pytest.mark.parametrize(
    ("given", "watched"),
    [
        ({"eval_metric": "merror,mlogloss"}, "mlogloss"),
        ({"eval_metric": "mlogloss,merror"}, "merror"),
        ({"eval_metric": "mlogloss,merror,mlogloss"}, "mlogloss"),
        ({"eval_metric": "merror", "_tuning_objective_metric": "validation:mlogloss"}, "mlogloss"),
        ({"eval_metric": "merror,mlogloss", "_tuning_objective_metric": "validation:merror"}, "merror"),
    ],
)
def test_early_stopping_as_the_library_does_it(
    three: Channels, tmp_path: Path, given: dict[str, str], watched: str
) -> None:
    shared = {"objective": "multi:softprob", "num_class": 3, "eta": 0.9, "nthread": 1}
    direct = xgboost.train(
        {**shared, "eval_metric": watched},
        three.matrix(TRAIN),
        50,
        evals=[(three.matrix(TRAIN), "train"), (three.matrix(VALIDATION), "validation")],
        early_stopping_rounds=4,
        verbose_eval=False,
    )
    rounds: list[Round] = []
    wanted = {**shared, **given, "num_round": "50", "early_stopping_rounds": "4"}
    result = run(three, tmp_path / "m.tar.gz", wanted, on_round=rounds.append)
    assert (direct.best_iteration > 0) is (watched == "mlogloss")
    assert result.best_iteration == direct.best_iteration
    assert result.rounds == direct.best_iteration + 1
    assert result.rounds_run == len(rounds) == direct.best_iteration + 5
    assert result.metrics == rounds[direct.best_iteration].scores
    assert result.metrics[f"validation-{watched}"] == pytest.approx(direct.best_score)
    model = loaded(tmp_path / "m.tar.gz")
    assert model.get_dump() == direct[: result.rounds].get_dump()
    assert model.num_boosted_rounds() == result.rounds
    assert model.best_iteration == result.best_iteration


def test_a_metric_to_be_maximised(two: Channels, tmp_path: Path) -> None:
    given = {
        "objective": "binary:logistic",
        "eval_metric": "auc",
        "early_stopping_rounds": "3",
        "num_round": "40",
    }
    rounds: list[Round] = []
    result = run(two, tmp_path / "m.tar.gz", given, on_round=rounds.append)
    scores = [done.scores["validation-auc"] for done in rounds]
    assert result.best_iteration == scores.index(max(scores)) > 0


@pytest.mark.parametrize("booster", ["dart", "gblinear"])
def test_the_best_model_of_boosters_that_change_what_was(two: Channels, tmp_path: Path, booster: str) -> None:
    given = {
        "objective": "binary:logistic",
        "eval_metric": "logloss",
        "early_stopping_rounds": "3",
        "eta": "1",
    }
    given |= {"booster": booster, "num_round": "30"}
    given |= {"rate_drop": "0.5", "one_drop": "1"} if booster == "dart" else {"updater": "coord_descent"}
    result = run(two, tmp_path / "m.tar.gz", given)
    assert result.rounds < result.rounds_run < 30
    [scored] = re.findall(r"logloss:(\S+)", loaded(tmp_path / "m.tar.gz").eval(two.matrix(VALIDATION)))
    assert float(scored) == pytest.approx(result.metrics["validation-logloss"])


def test_nothing_stops_without_eval_metric(three: Channels, tmp_path: Path) -> None:
    given = {"objective": "multi:softmax", "num_class": "3", "eta": "1", "early_stopping_rounds": "1"}
    result = run(three, tmp_path / "m.tar.gz", {**given, "num_round": "30"})
    assert (result.rounds, result.best_iteration) == (30, None)
    assert result.notes == ("early_stopping_rounds has no effect without eval_metric",)


# Objectives by the labels they take; the others are refused by name.
BINARY = [
    name for name in OBJECTIVES if name.startswith(("binary:", "reg:", "count:", "rank:", "survival:cox"))
]


@pytest.mark.parametrize("objective", [*BINARY, "multi:softmax", "multi:softprob"])
def test_every_objective_trains_and_its_parity_rows_replay(
    two: Channels, tmp_path: Path, objective: str
) -> None:
    labels = two.labels + 1 if objective in ("reg:gamma", "survival:cox") else two.labels
    part = write_csv(tmp_path / "train.csv", labels, two.features)
    given = {"objective": objective} | ({"num_class": "2"} if objective.startswith("multi:") else {})
    quiet = {"num_round": "3", "nthread": "1", **given}
    train(part, None, quiet, tmp_path / "m.tar.gz", on_round=lambda done: None)
    table = parity(tmp_path / "m.tar.gz")
    assert table.num_rows == MOST_ROWS
    rows = np.column_stack([table[f"f{number}"].to_numpy() for number in range(4)])
    answers = loaded(tmp_path / "m.tar.gz").predict(xgboost.DMatrix(rows, missing=np.nan))
    recorded = np.array(table["prediction"].to_pylist(), np.float32)
    assert recorded.tobytes() == answers.tobytes()
    assert recorded.shape == (MOST_ROWS, 2 if objective == "multi:softprob" else 1)


def test_what_the_artifact_holds(three: Channels, tmp_path: Path) -> None:
    result = run(three, tmp_path / "deep/er/m.tar.gz", MULTI)
    assert result.output == tmp_path / "deep/er/m.tar.gz"
    assert (result.rows, result.features, result.rounds, result.rounds_run) == (300, 4, 4, 4)
    assert listing(tmp_path / "deep/er") == ["m.tar.gz"]
    with tarfile.open(result.output) as tar:
        assert [(member.name, member.mode, member.mtime, member.uid) for member in tar] == [
            ("xgboost-model", 0o644, 0, 0),
            (".skewless-parity.arrow", 0o644, 0, 0),
        ]
    model = unpacked(result.output)["xgboost-model"]
    assert model.startswith(b"{L")  # UBJSON
    table = parity(result.output)
    assert table.schema.names == ["f0", "f1", "f2", "f3", "prediction"]
    assert [str(field.type) for field in table.schema] == ["float"] * 4 + ["list<item: float>"]
    assert table.schema.metadata == {
        b"skewless.format": b"1",
        b"skewless.xgboost": xgboost.__version__.encode(),
        b"skewless.missing": b"nan",
        b"skewless.model_sha256": hashlib.sha256(model).hexdigest().encode(),
    }
    known = {row.tobytes() for row in three.features}
    rows = np.column_stack([table[f"f{number}"].to_numpy() for number in range(4)])
    assert {np.ascontiguousarray(row).tobytes() for row in rows} <= known
    assert np.isnan(rows).any()
    assert (rows == 0).any()


def test_the_same_input_gives_the_same_bytes(three: Channels, tmp_path: Path) -> None:
    given = {**MULTI, "subsample": "0.5", "early_stopping_rounds": "3", "num_round": "20"}
    for name in ("a.tar.gz", "b.tar.gz"):
        run(three, tmp_path / name, given)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


@pytest.mark.parametrize(
    ("sizes", "wanted"),
    [([1000], 256), ([1000, 1000], 256), ([1000, 10], 256), ([10, 1000], 256), ([3, 4], 7)],
)
def test_parity_rows_are_spaced_over_the_data(sizes: list[int], wanted: int) -> None:
    matrices = [
        np.arange(size, dtype=np.float32).reshape(-1, 1) + 10_000 * part for part, size in enumerate(sizes)
    ]
    parts = [TrainingData(matrix[:, 0], matrix, None, ()) for matrix in matrices]
    picked = sample(parts).ravel().tolist()
    assert len(picked) == len(set(picked)) == wanted
    for matrix in matrices:
        inside = sorted(set(picked) & set(matrix.ravel().tolist()))
        assert inside[0] == matrix[0, 0]
        assert inside[-1] == matrix[-1, 0]
        assert np.ptp(np.diff(inside)) <= 1


def test_zero_is_learnt_as_a_value_and_not_as_missing(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("1,0\n0,\n0,1\n" * 50)
    train(
        file,
        None,
        {"num_round": "5", "min_child_weight": "0", "nthread": "1"},
        tmp_path / "m.tar.gz",
        on_round=lambda done: None,
    )
    zero, missing, one = loaded(tmp_path / "m.tar.gz").predict(
        xgboost.DMatrix(np.array([[0], [np.nan], [1]], np.float32), missing=np.nan)
    )
    assert zero > 0.7
    assert max(missing, one) < 0.3


def test_weights_count(tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("1,3,0\n0,1,0\n" * 20)
    given = {"num_round": "50", "csv_weights": "1", "lambda": "0", "nthread": "1"}
    train(file, None, given, tmp_path / "m.tar.gz", on_round=lambda done: None)
    [answer] = loaded(tmp_path / "m.tar.gz").predict(xgboost.DMatrix(np.zeros((1, 1), np.float32)))
    assert answer == pytest.approx(0.75, abs=0.01)


def test_notes(two: Channels, tmp_path: Path) -> None:
    said: list[str] = []
    given = {"eta ": "0.1", "objective": "reg:linear", "predictor": "gpu_predictor", "sketch_eps": "0.1"}
    result = run(two, tmp_path / "m.tar.gz", given, validation=two.train, on_note=said.append)
    assert result.notes == tuple(said)
    assert said[:2] == [
        "hyperparameter 'eta ' is read as 'eta': its name has blanks around it",
        f"{two.train} and {two.train} have the same content: a score on rows trained on says nothing",
    ]
    assert (
        f"XGBoost {xgboost.__version__}: reg:linear is now deprecated in favor of reg:squarederror." in said
    )
    assert any(text.endswith('Parameters: { "predictor", "sketch_eps" } are not used.') for text in said)


def test_notes_come_also_where_the_library_was_silenced_before(two: Channels, tmp_path: Path) -> None:
    with xgboost.config_context(verbosity=0):
        result = run(two, tmp_path / "m.tar.gz", {"predictor": "gpu_predictor"})
    assert any(text.endswith('Parameters: { "predictor" } are not used.') for text in result.notes)


def test_the_library_keeps_its_own_settings(
    two: Channels, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = xgboost.get_config()
    run(two, tmp_path / "m.tar.gz", {"verbosity": "0", "predictor": "auto"})
    assert xgboost.get_config() == before
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        (
            {"objective": "multi:softmax", "num_class": "2"},
            TrainingDataError,
            "XGBoost refused: SoftmaxMultiClassObj: label must be discrete values in the range of [0, num_class).",
        ),
        (
            {"objective": "binary:logistic"},
            TrainingDataError,
            "XGBoost refused: label must be in (0, 1) for logistic regression",
        ),
        (
            {"objective": "rank:map"},
            TrainingDataError,
            "XGBoost refused: map can only be used with binary labels.",
        ),
        (
            {"max_bin": "1"},
            HyperparameterError,
            "XGBoost refused: value 1 for Parameter max_bin should be greater equal to 2 max_bin: "
            "if using histogram-based algorithm, maximum number of bins per feature",
        ),
        (
            {"objective": "reg:logistic", "base_score": "2"},
            HyperparameterError,
            "XGBoost refused: base_score must be in (0,1) for the logistic loss.",
        ),
        (
            {"updater": "grow_skmaker"},
            HyperparameterError,
            "XGBoost refused: Unknown tree updater grow_skmaker",
        ),
        (
            {"updater": "refresh", "process_type": "update"},
            HyperparameterError,
            "XGBoost refused: No more tree left for updating. For updating existing trees, "
            "boosting rounds can not exceed previous training rounds",
        ),
        (
            {"tree_method": "hist", "monotone_constraints": "(1,1,1,1,1)"},
            HyperparameterError,
            "XGBoost refused: The size of monotone constraint should be less or equal to the number of features.",
        ),
        ({"eta": "2"}, HyperparameterError, "Hyperparameter eta: 2.0 is not in [0, 1]"),
    ],
)
def test_refusals_write_nothing(
    three: Channels, tmp_path: Path, given: dict[str, str], error: type[SkewlessError], message: str
) -> None:
    with pytest.raises(error) as caught:
        run(three, tmp_path / "m.tar.gz", given)
    assert caught.value.message == message
    assert listing(tmp_path) == []


def test_bad_labels_of_the_validation_data(three: Channels, tmp_path: Path) -> None:
    bad = write_csv(tmp_path / "bad.csv", three.labels[VALIDATION] + 5, three.features[VALIDATION])
    with pytest.raises(TrainingDataError, match=r"label must be in \[0, num_class\), num_class=3 but found"):
        run(three, tmp_path / "m.tar.gz", MULTI, validation=bad)


def test_an_unexplained_check_is_shown_whole() -> None:
    text = "[05:29:28] /workspace/src/x.cu:71: Check failed: a.Size() == n (0 vs. 150) : \nStack trace:\n  [bt] (0)"
    assert cleaned(text) == "Check failed: a.Size() == n (0 vs. 150)"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("model.zip", r"the output .*model\.zip must be named \.tar\.gz"),
        ("folder.tar.gz", "the output .* is a folder"),
        ("file/m.tar.gz", "cannot make the folder .*/file: File exists"),
        ("file/x/m.tar.gz", "cannot make the folder .*/file/x: Not a directory"),
    ],
)
def test_outputs_are_checked_before_training(
    three: Channels, tmp_path: Path, name: str, message: str
) -> None:
    (tmp_path / "folder.tar.gz").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match=message):
        run(three, tmp_path / name, MULTI, on_round=lambda done: pytest.fail("it trained"))


def test_a_failed_write_leaves_the_former_artifact(
    three: Channels, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "m.tar.gz"
    output.write_bytes(b"former")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SettingError, match=r"cannot write .*m\.tar\.gz: No space left on device"):
        run(three, output, MULTI)
    assert output.read_bytes() == b"former"
    assert listing(tmp_path) == ["m.tar.gz"]


def test_an_interrupted_training_writes_nothing(three: Channels, tmp_path: Path) -> None:
    def interrupt(_done: Round) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(three, tmp_path / "m.tar.gz", MULTI, on_round=interrupt)
    assert listing(tmp_path) == []


def test_save_model_on_termination(three: Channels, tmp_path: Path) -> None:
    def stop(done: Round) -> None:
        if done.number == 2:
            os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    given = {**MULTI, "num_round": "1000", "save_model_on_termination": "true"}
    result = run(three, tmp_path / "m.tar.gz", given, on_round=stop)
    assert result.rounds == loaded(result.output).num_boosted_rounds() == 3
    assert result.notes == ("told to stop: the model has the 3 rounds done until then",)
    assert signal.getsignal(signal.SIGTERM) is before


def test_training_in_a_thread(three: Channels, tmp_path: Path) -> None:
    given = {**MULTI, "save_model_on_termination": "true"}
    thread = threading.Thread(target=run, args=(three, tmp_path / "m.tar.gz", given))
    thread.start()
    thread.join()
    assert (tmp_path / "m.tar.gz").is_file()


def test_the_command(three: Channels, tmp_path: Path) -> None:
    file = tmp_path / "h.json"
    file.write_text(json.dumps({**MULTI, "num_round ": "2", "nthread": 1}))
    output = tmp_path / "m.tar.gz"
    options = (
        "--train",
        three.train,
        "--validation",
        three.validation,
        "--hyperparameters",
        file,
        "--output",
        output,
    )
    done = CliRunner().invoke(command, ["xgboost", *map(str, options)])
    assert done.exit_code == 0, done.exception
    assert (
        done.stderr
        == "note: hyperparameter 'num_round ' is read as 'num_round': its name has blanks around it\n"
    )
    first, second, summary = done.stdout.splitlines()
    assert first.startswith("[0]\ttrain-merror:")
    assert second.startswith("[1]\ttrain-merror:")
    assert re.fullmatch(
        rf"{re.escape(str(output))}: 2 rounds, on 300 rows of 4 features; train-merror 0\.\d{{5}}, "
        r"train-mlogloss 0\.\d{5}, validation-merror 0\.\d{5}, validation-mlogloss 0\.\d{5}",
        summary,
    )
    assert loaded(output).num_boosted_rounds() == 2


def test_the_command_on_other_data_with_checkpoints_and_folds(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("".join(f"{row % 2} 0:{row % 2} 1:{row}\n" for row in range(40)))
    (tmp_path / "h.yaml").write_text("num_round: 2\nnthread: 1\n_kfold: 2\nobjective: binary:logistic\n")
    options = {
        "--train": "data",
        "--validation": "data",
        "--hyperparameters": "h.yaml",
        "--output": "m.tar.gz",
        "--checkpoints": "kept",
    }
    given = [text for name, file in options.items() for text in (name, str(tmp_path / file))]
    done = CliRunner().invoke(command, ["xgboost", *given, "--content-type", "libsvm"])
    assert done.exit_code == 0, done.exception
    *_, summary, predictions = done.stdout.splitlines()
    assert summary.startswith(f"{tmp_path}/m.tar.gz: 2 models, on 80 rows of 2 features; train-logloss ")
    assert predictions.startswith(f"{tmp_path}/predictions.csv: ")
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 80
    assert (tmp_path / "kept" / "model-1" / "xgboost-checkpoint.1").is_file()


def test_the_command_lets_errors_through(three: Channels, tmp_path: Path) -> None:
    (tmp_path / "h.yaml").write_text("eta: 0.1\n")
    options = (
        "--train",
        three.train,
        "--hyperparameters",
        tmp_path / "h.yaml",
        "--output",
        tmp_path / "m.tar.gz",
    )
    done = CliRunner().invoke(command, ["xgboost", *map(str, options)])
    assert isinstance(done.exception, HyperparameterError)
    assert done.output == ""


def test_nothing_loads_the_library_before_it_is_needed() -> None:
    program = "import sys, skewless.cli.train; sys.exit('xgboost' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
