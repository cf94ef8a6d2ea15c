"""Checkpoints: which files there are, and that a training which goes on ends as one that was never interrupted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost

from skewless.errors import SettingError, TrainingDataError
from skewless.jobs.training.train import Round, TrainingResult, train
from tests.jobs.training.channels import Channels, loaded, unpacked, write_csv

CLASSES = {"objective": "binary:logistic", "eval_metric": "logloss", "num_round": "9", "nthread": "1"}
CHANCE = {"subsample": "0.6", "colsample_bynode": "0.5", "seed": "7"}


def run(channels: Channels, output: Path, given: dict[str, str], **more: Any) -> TrainingResult:
    return train(
        channels.train, channels.validation, given, output, **{"on_round": lambda done: None, **more}
    )


def interrupted(channels: Channels, folder: Path, given: dict[str, str], after: int) -> list[Round]:
    """Train so that there are checkpoints up to a round, as if the machine had gone then."""
    stop = threading.Event()
    rounds: list[Round] = []

    def note(done: Round) -> None:
        rounds.append(done)
        if done.number == after:
            stop.set()

    run(channels, folder / "half.tar.gz", given, checkpoints=folder / "kept", on_round=note, stop=stop)
    return rounds


def files(folder: Path) -> list[str]:
    return sorted((file.name for file in folder.iterdir()), key=lambda name: int(name.rpartition(".")[2]))


@pytest.mark.parametrize(
    "given",
    [
        {},
        CHANCE,
        CHANCE | {"tree_method": "approx", "max_depth": "3"},
        {"tree_method": "exact", "num_parallel_tree": "3", "subsample": "0.7", "colsample_bylevel": "0.5"},
        CHANCE | {"grow_policy": "lossguide", "max_leaves": "5", "sampling_method": "gradient_based"},
        CHANCE | {"booster": "dart", "rate_drop": "0.4", "one_drop": "1"},
        {"booster": "gblinear", "updater": "coord_descent"},
        CHANCE | {"eta": "1", "early_stopping_rounds": "6", "num_round": "30", "max_depth": "8"},
        CHANCE
        | {
            "eta": "1",
            "early_stopping_rounds": "6",
            "num_round": "30",
            "booster": "dart",
            "rate_drop": "0.3",
        },
        {
            "eta": "1",
            "early_stopping_rounds": "6",
            "num_round": "40",
            "booster": "gblinear",
            "updater": "coord_descent",
        },
        {"eval_metric": "logloss,f1", "early_stopping_rounds": "5", "num_round": "30"},
        CHANCE | {"updater": "grow_histmaker,prune"},
    ],
    ids=lambda given: "-".join(given.values()),
)
def test_a_training_that_goes_on_ends_the_same(two: Channels, tmp_path: Path, given: dict[str, str]) -> None:
    given = {**CLASSES, **given}
    rounds: list[Round] = []
    whole = run(two, tmp_path / "whole.tar.gz", given, checkpoints=tmp_path / "all", on_round=rounds.append)
    former = interrupted(two, tmp_path, given, 3)
    later: list[Round] = []
    goes_on = run(two, tmp_path / "on.tar.gz", given, checkpoints=tmp_path / "kept", on_round=later.append)
    assert [done.line for done in former + later] == [done.line for done in rounds]
    assert (tmp_path / "on.tar.gz").read_bytes() == (tmp_path / "whole.tar.gz").read_bytes()
    assert goes_on.rounds == whole.rounds
    assert goes_on.best_iteration == whole.best_iteration
    assert goes_on.metrics == pytest.approx(whole.metrics)
    assert goes_on.rounds_run == whole.rounds_run - 4 > 0
    assert goes_on.notes[0] == "training goes on from the checkpoint of round 3"


@pytest.mark.parametrize(
    "given",
    [
        {"eta": "0.9", "max_depth": "3", "lambda": "5", "min_child_weight": "3", "max_bin": "16"},
        {"tree_method": "exact", "gamma": "0.1", "alpha": "1"},
        {"tree_method": "approx", "eta": "0.7", "scale_pos_weight": "2"},
        {"updater": "grow_colmaker,prune", "eta": "0.7"},
        {"booster": "gblinear", "updater": "coord_descent", "eta": "1", "lambda": "2"},
        {"booster": "dart", "eta": "0.6"},
    ],
    ids=lambda given: "-".join(given.values()),
)
def test_without_chance_checkpoints_change_nothing(
    two: Channels, tmp_path: Path, given: dict[str, str]
) -> None:
    for name, checkpoints in (("a.tar.gz", None), ("b.tar.gz", tmp_path / "kept")):
        run(two, tmp_path / name, {**CLASSES, **given}, checkpoints=checkpoints)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_chance_goes_by_the_seed(two: Channels, tmp_path: Path) -> None:
    models = set()
    for number, seed in enumerate(["7", "7", "8", "-7"]):
        given = {**CLASSES, **CHANCE, "seed": seed, "num_round": "3"}
        run(two, tmp_path / f"{number}.tar.gz", given, checkpoints=tmp_path / str(number))
        models.add((tmp_path / f"{number}.tar.gz").read_bytes())
    assert len(models) == 3


def test_the_newest_five_are_kept(two: Channels, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    run(two, tmp_path / "m.tar.gz", CLASSES, checkpoints=kept)
    assert files(kept) == [f"xgboost-checkpoint.{number}" for number in range(4, 9)]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["kept", "m.tar.gz"], "nothing is half written"
    last = xgboost.Booster()
    last.load_model(bytearray((kept / "xgboost-checkpoint.8").read_bytes()))
    assert last.num_boosted_rounds() == 9


def test_what_others_wrote_is_never_deleted(two: Channels, tmp_path: Path) -> None:
    interrupted(two, tmp_path, CLASSES, 3)
    (tmp_path / "kept" / "xgboost-checkpoint.1.sagemaker-uploaded").touch()
    (tmp_path / "kept" / "notes.7").touch()
    run(two, tmp_path / "m.tar.gz", CLASSES, checkpoints=tmp_path / "kept")
    names = {file.name for file in (tmp_path / "kept").iterdir()}
    assert names == {
        *(f"xgboost-checkpoint.{number}" for number in range(9)),
        "xgboost-checkpoint.1.sagemaker-uploaded",
        "notes.7",
    }


def test_the_best_round_of_a_booster_that_changes_what_was_is_kept(two: Channels, tmp_path: Path) -> None:
    given = CLASSES | CHANCE | {"eta": "1", "early_stopping_rounds": "9", "num_round": "60"}
    given |= {"booster": "dart", "rate_drop": "0.3"}
    result = run(two, tmp_path / "m.tar.gz", given, checkpoints=tmp_path / "kept")
    assert result.best_iteration is not None
    assert result.rounds_run == result.best_iteration + 10
    kept = [result.best_iteration, *range(result.rounds_run - 5, result.rounds_run)]
    assert files(tmp_path / "kept") == [f"xgboost-checkpoint.{number}" for number in kept]
    best = (tmp_path / "kept" / f"xgboost-checkpoint.{result.best_iteration}").read_bytes()
    assert unpacked(tmp_path / "m.tar.gz")["xgboost-model"] == best


@pytest.mark.parametrize("damage", [b"", b"{L", b"not a model", None], ids=["empty", "cut", "text", "broken"])
def test_a_damaged_checkpoint_is_passed_over(two: Channels, tmp_path: Path, damage: bytes | None) -> None:
    interrupted(two, tmp_path, CLASSES, 3)
    newest = tmp_path / "kept" / "xgboost-checkpoint.3"
    if damage is None:
        model = newest.read_bytes()
        damage = model.replace(b"left_children", b"left_childrem")
        assert damage != model
    newest.write_bytes(damage)
    rounds: list[Round] = []
    result = run(two, tmp_path / "m.tar.gz", CLASSES, checkpoints=tmp_path / "kept", on_round=rounds.append)
    assert [done.number for done in rounds] == list(range(3, 9))
    assert result.notes[0].startswith("a checkpoint is passed over: xgboost-checkpoint.3: ")
    assert result.notes[1] == "training goes on from the checkpoint of round 2"


def test_nothing_is_left_to_do(two: Channels, tmp_path: Path) -> None:
    done = run(two, tmp_path / "a.tar.gz", CLASSES, checkpoints=tmp_path / "kept")
    again = run(two, tmp_path / "b.tar.gz", CLASSES, checkpoints=tmp_path / "kept")
    assert (again.rounds, again.rounds_run) == (9, 0)
    assert again.metrics == pytest.approx(done.metrics)
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_a_training_that_was_over_early_stays_over(two: Channels, tmp_path: Path) -> None:
    given = CLASSES | {"eta": "1", "early_stopping_rounds": "3", "num_round": "50", "max_depth": "8"}
    done = run(two, tmp_path / "a.tar.gz", given, checkpoints=tmp_path / "kept")
    again = run(two, tmp_path / "b.tar.gz", given, checkpoints=tmp_path / "kept")
    assert (done.rounds_run < 50, again.rounds_run) == (True, 0)
    assert again.best_iteration == done.best_iteration
    assert (tmp_path / "a.tar.gz").read_bytes() == (tmp_path / "b.tar.gz").read_bytes()


def test_more_rounds_go_on_from_the_last(two: Channels, tmp_path: Path) -> None:
    run(two, tmp_path / "a.tar.gz", CLASSES | {"num_round": "4"}, checkpoints=tmp_path / "kept")
    more = run(two, tmp_path / "b.tar.gz", CLASSES, checkpoints=tmp_path / "kept")
    assert (more.rounds, more.rounds_run) == (9, 5)


def test_trees_of_a_checkpoint_are_refreshed(two: Channels, tmp_path: Path) -> None:
    """As in the original, the rounds of the checkpoint count: four more than its four are four trees anew."""
    base = CLASSES | {"num_round": "4"}
    run(two, tmp_path / "a.tar.gz", base, checkpoints=tmp_path / "kept")
    given = base | {"num_round": "8", "process_type": "update", "updater": "refresh", "refresh_leaf": "1"}
    other = write_csv(tmp_path / "other.csv", 1 - two.labels, two.features)
    result = train(
        other, None, given, tmp_path / "b.tar.gz", checkpoints=tmp_path / "kept", on_round=lambda done: None
    )
    before, after = loaded(tmp_path / "a.tar.gz"), loaded(tmp_path / "b.tar.gz")
    assert (result.rounds, result.rounds_run) == (4, 4)
    splits = [tree.trees_to_dataframe()[["Feature", "Split"]].to_numpy().tolist() for tree in (before, after)]
    assert repr(splits[0]) == repr(splits[1])
    assert before.get_dump() != after.get_dump()
    answers = after.predict(two.matrix(slice(None)))
    assert ((answers > 0.5) == (two.labels < 0.5)).mean() > 0.8, "the leaves are those of the new labels"


def test_a_checkpoint_of_other_data(two: Channels, tmp_path: Path) -> None:
    interrupted(two, tmp_path, CLASSES, 3)
    wide = write_csv(tmp_path / "wide.csv", two.labels, np.column_stack([two.features, two.features]))
    with pytest.raises(TrainingDataError, match="does not match number of features"):
        train(wide, None, CLASSES, tmp_path / "m.tar.gz", checkpoints=tmp_path / "kept")
    assert not (tmp_path / "m.tar.gz").exists()


def test_a_folder_that_cannot_be_written_to(two: Channels, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"checkpoints cannot be written to .*file/kept: Not a directory"):
        run(two, tmp_path / "m.tar.gz", CLASSES, checkpoints=tmp_path / "file" / "kept")
