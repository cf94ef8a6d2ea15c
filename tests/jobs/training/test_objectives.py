"""What hyperparameters make of training, beside the plain cases: ranks, times, the container's own metrics, GPUs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xgboost
from sklearn.metrics import accuracy_score, f1_score, mean_squared_error, r2_score

from skewless.errors import HyperparameterError, SkewlessError, TrainingDataError
from skewless.jobs.training.library_errors import TrainingFailed, refusal
from skewless.jobs.training.train import Round, TrainingResult, train
from tests.jobs.training.channels import TRAIN, VALIDATION, Channels, loaded, unpacked, write_csv


def run(path: Path, output: Path, given: dict[str, str], **more: Any) -> TrainingResult:
    given = {"num_round": "5", "nthread": "1", **given}
    return train(path, more.pop("validation", None), given, output, **{"on_round": lambda done: None, **more})


def test_the_containers_own_metrics_are_logged_after_the_librarys(two: Channels, tmp_path: Path) -> None:
    rounds: list[Round] = []
    given = {"objective": "binary:logistic", "eval_metric": "accuracy,logloss,f1,mse,r2"}
    run(two.train, tmp_path / "m.tar.gz", given, validation=two.validation, on_round=rounds.append)
    names = ["logloss", "accuracy", "f1", "mse", "r2"]
    assert list(rounds[-1].scores) == [f"{part}-{name}" for part in ("train", "validation") for name in names]
    for part, name in ((TRAIN, "train"), (VALIDATION, "validation")):
        labels, answers = two.labels[part], loaded(tmp_path / "m.tar.gz").predict(two.matrix(part))
        for metric, wanted in (
            ("accuracy", accuracy_score(labels, answers > 0.5)),
            ("f1", f1_score(labels, answers > 0.5, average="macro")),
            ("mse", mean_squared_error(labels, answers)),
            ("r2", r2_score(labels, answers)),
        ):
            assert rounds[-1].scores[f"{name}-{metric}"] == pytest.approx(wanted), metric


@pytest.mark.parametrize("objective", ["multi:softmax", "multi:softprob"])
def test_own_metrics_of_many_classes(three: Channels, tmp_path: Path, objective: str) -> None:
    given = {"objective": objective, "num_class": "3", "eval_metric": "balanced_accuracy,accuracy"}
    result = run(three.train, tmp_path / "m.tar.gz", given, validation=three.validation)
    margins = loaded(tmp_path / "m.tar.gz").predict(three.matrix(VALIDATION), output_margin=True)
    wanted = accuracy_score(three.labels[VALIDATION], margins.argmax(axis=1))
    assert result.metrics["validation-accuracy"] == pytest.approx(wanted)
    assert list(result.metrics)[:2] == ["train-mlogloss", "train-balanced_accuracy"], (
        "the objective's own stays"
    )


@pytest.mark.parametrize(
    ("given", "watched"),
    [
        ({"eval_metric": "logloss,accuracy"}, "accuracy"),
        ({"eval_metric": "accuracy,logloss"}, "logloss"),
        ({"eval_metric": "logloss", "_tuning_objective_metric": "validation:f1"}, "f1"),
        ({"_tuning_objective_metric": "validation:mse"}, "mse"),
        ({"eval_metric": "logloss,error@0.5"}, "error"),
        ({"eval_metric": "f1,error@0.3,accuracy", "_tuning_objective_metric": "validation:auc"}, "auc"),
    ],
)
def test_early_stopping_watches_the_last_metric(
    two: Channels, tmp_path: Path, given: dict[str, str], watched: str
) -> None:
    given = {
        **given,
        "objective": "binary:logistic",
        "eta": "1",
        "num_round": "60",
        "early_stopping_rounds": "5",
    }
    rounds: list[Round] = []
    result = run(two.train, tmp_path / "m.tar.gz", given, validation=two.validation, on_round=rounds.append)
    scores = [done.scores[f"validation-{watched}"] for done in rounds]
    best = max(scores) if watched in ("accuracy", "f1", "auc") else min(scores)
    assert result.best_iteration == scores.index(best)
    assert len(rounds) == scores.index(best) + 6 < 60


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({"eval_metric": "precision"}, TrainingDataError, "Target is multiclass but average='binary'"),
        ({"eval_metric": "r2"}, HyperparameterError, "the metric r2 needs one prediction a row, not 3"),
    ],
)
def test_own_metrics_that_do_not_suit(
    three: Channels, tmp_path: Path, given: dict[str, str], error: type[SkewlessError], said: str
) -> None:
    with pytest.raises(error, match=said):
        run(three.train, tmp_path / "m.tar.gz", {"objective": "multi:softprob", "num_class": "3", **given})
    assert list(tmp_path.iterdir()) == []


def queries(path: Path, weights: bool = False, groups: bool = True) -> tuple[Path, np.ndarray[Any, Any]]:
    """Twenty queries of eight rows, of which the first feature tells the rank."""
    values = np.random.default_rng(8).normal(size=(160, 2)).round(2)
    lines = []
    for row, (first, second) in enumerate(values.tolist()):
        weight = f":{row // 8 + 1}" if weights else ""
        group = f" qid:{row // 8}" if groups else ""
        lines.append(f"{int(first > 0)}{weight}{group} 0:{first} 1:{second}\n")
    path.write_text("".join(lines))
    return path, values


@pytest.mark.parametrize("objective", ["rank:pairwise", "rank:ndcg", "rank:map"])
@pytest.mark.parametrize("weights", [False, True])
def test_ranks(tmp_path: Path, objective: str, weights: bool) -> None:
    file, values = queries(tmp_path / "queries", weights)
    given = {"objective": objective, "eval_metric": "ndcg@3,map", "seed": "3"}
    result = run(
        file,
        tmp_path / "m.tar.gz",
        given,
        validation=file,
        content_type="text/libsvm",
        validation_content_type="text/libsvm",
    )
    assert list(result.metrics) == ["train-ndcg@3", "train-map", "validation-ndcg@3", "validation-map"]
    assert result.metrics["validation-ndcg@3"] > 0.9
    matrix = xgboost.DMatrix(
        values,
        (values[:, 0] > 0).astype(float),
        group=[8] * 20,
        weight=np.arange(1, 21) if weights else None,
    )
    direct = xgboost.train({"objective": objective, "nthread": 1, "seed": 3}, matrix, 5)
    assert loaded(tmp_path / "m.tar.gz").get_dump() == direct.get_dump()


def test_ranks_without_queries(tmp_path: Path) -> None:
    file, _ = queries(tmp_path / "data", groups=False)
    result = run(file, tmp_path / "m.tar.gz", {"objective": "rank:pairwise"}, content_type="libsvm")
    assert result.notes[0].startswith("all rows are taken for one query")


def test_rows_of_a_query_have_one_weight(tmp_path: Path) -> None:
    file = tmp_path / "data"
    file.write_text("1:2 qid:1 0:1\n0:2 qid:1 0:2\n1:1 qid:2 0:1\n0:3 qid:2 0:2\n")
    with pytest.raises(
        TrainingDataError, match="row 4 of the train channel has another weight than the first"
    ):
        run(file, tmp_path / "m.tar.gz", {"objective": "rank:ndcg"}, content_type="libsvm")


def test_weights_of_libsvm_count(tmp_path: Path) -> None:
    file = tmp_path / "a"
    file.write_text("1:3 0:0\n0:1 0:0\n" * 20)
    given = {"num_round": "50", "lambda": "0"}
    run(file, tmp_path / "m.tar.gz", given, content_type="text/libsvm")
    [answer] = loaded(tmp_path / "m.tar.gz").predict(xgboost.DMatrix(np.zeros((1, 1), np.float32)))
    assert answer == pytest.approx(0.75, abs=0.01)


@pytest.mark.parametrize("distribution", ["normal", "logistic", "extreme"])
def test_times(tmp_path: Path, distribution: str) -> None:
    generator = np.random.default_rng(4)
    features = generator.normal(size=(300, 3)).astype(np.float32)
    times = np.exp(features[:, 0] + 2).astype(np.float32)
    censored = generator.random(300) < 0.3
    file = write_csv(tmp_path / "a.csv", np.where(censored, -times, times), features)
    given = {
        "objective": "survival:aft",
        "aft_loss_distribution": distribution,
        "aft_loss_distribution_scale": "1.2",
        "eval_metric": "aft-nloglik,interval-regression-accuracy,mse",
        "eta": "0.5",
    }
    result = run(file, tmp_path / "m.tar.gz", given)
    names = ["train-aft-nloglik", "train-interval-regression-accuracy", "train-mse"]
    assert list(result.metrics) == names
    matrix = xgboost.DMatrix(features)
    matrix.set_float_info("label_lower_bound", times)
    matrix.set_float_info("label_upper_bound", np.where(censored, np.inf, times))
    direct = xgboost.train({**given, "eval_metric": "aft-nloglik", "nthread": 1}, matrix, 5)
    assert loaded(tmp_path / "m.tar.gz").get_dump() == direct.get_dump()
    wanted = mean_squared_error(times, direct.predict(matrix))
    assert result.metrics["train-mse"] == pytest.approx(wanted), "the sign of a label is no part of its time"
    assert np.corrcoef(np.log(direct.predict(matrix)), np.log(times))[0, 1] > 0.8


def test_a_time_is_not_zero(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1,1\n-2,1\n0,1\n")
    with pytest.raises(TrainingDataError, match="row 3 of the train channel has the label 0"):
        run(tmp_path / "a.csv", tmp_path / "m.tar.gz", {"objective": "survival:aft"})


def test_gpu_hist_is_trained_as_hist(two: Channels, tmp_path: Path) -> None:
    models = []
    for method in ("gpu_hist", "hist"):
        given = {"tree_method": method, "predictor": "cpu_predictor", "monotone_constraints": "(1,0)"}
        if method == "gpu_hist":
            given.pop("monotone_constraints")
        result = run(two.train, tmp_path / f"{method}.tar.gz", {**given, "objective": "binary:logistic"})
        models.append(result.notes)
    assert models[0][0] == (
        "tree_method gpu_hist is trained as hist, which seeks the same splits: this build has no GPU code"
    )
    assert not any("gpu_hist" in text for text in models[1])
    plain = run(two.train, tmp_path / "p.tar.gz", {"tree_method": "hist", "objective": "binary:logistic"})
    assert unpacked(tmp_path / "gpu_hist.tar.gz")["xgboost-model"] == unpacked(plain.output)["xgboost-model"]


@pytest.mark.parametrize(
    "given",
    [
        {"dsplit": "col", "predictor": "gpu_predictor"},
        {"sketch_eps": "0.1", "lambda_bias": "0.5", "prob_buffer_row": "1.5"},
        {"deterministic_histogram": "false"},
    ],
)
def test_what_the_library_dropped_is_noted(two: Channels, tmp_path: Path, given: dict[str, str]) -> None:
    given = {name: value for name, value in given.items() if name != "prob_buffer_row"}
    result = run(two.train, tmp_path / "m.tar.gz", given)
    [note] = result.notes
    assert note.startswith(f"XGBoost {xgboost.__version__}: ")
    assert note.endswith("are not used.")
    assert all(f'"{name}"' in note for name in given)


def test_csv_weights_of_another_format(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1 0:1\n0 0:2\n")
    result = run(tmp_path / "a", tmp_path / "m.tar.gz", {"csv_weights": "1"}, content_type="libsvm")
    assert result.notes[0] == "csv_weights has no effect on libsvm data"


def test_rows_that_come_twice_are_noted(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("a", "b", "c"):
        (tmp_path / "data" / name).write_text("1,2\n0,3\n" if name != "b" else "1,3\n0,2\n")
    result = run(tmp_path / "data", tmp_path / "m.tar.gz", {})
    said = f"{tmp_path}/data/a and {tmp_path}/data/c have the same content: their rows count twice"
    assert [note for note in result.notes if "same content" in note] == [said]


def test_wide_models_have_no_parity_rows(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1 0:1 9000:1\n0 0:2\n" * 9)
    result = run(tmp_path / "a", tmp_path / "m.tar.gz", {"max_depth": "1"}, content_type="libsvm")
    assert list(unpacked(result.output)) == ["xgboost-model"]
    assert "the artifact has no parity rows" in result.notes[-1]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        # As the original knows them, and as the library says it today.
        ("label must be in [0,1] for logistic regression", TrainingDataError),
        ("label must be in [0, num_class)", TrainingDataError),
        (
            "Check failed: preds.size() == info.labels_.size() : labels are not correctly provided",
            TrainingDataError,
        ),
        ("Check failed: !auc_error AUC: the dataset only contains pos or neg samples", TrainingDataError),
        ("base_score must be in (0,1) for logistic loss", HyperparameterError),
        ("PoissonRegression: label must be nonnegative", TrainingDataError),
        ("TweedieRegression: label must be nonnegative", TrainingDataError),
        ("Parameter reg_lambda should be greater equal to 0", HyperparameterError),
        ("Size of weight must equal to number of query groups", TrainingDataError),
        ("column sample by node is not yet supported by the exact tree method", HyperparameterError),
        ("Unknown objective function: `aft_loss_distribution`", HyperparameterError),
        ("exact tree method doesn't support unlimited depth.", HyperparameterError),
        ("Updater: `refresh` can not be used to create new trees.", HyperparameterError),
        ("std::bad_alloc", TrainingFailed),
        ("Check failed: a.Size() == n (0 vs. 150) : ", TrainingFailed),
    ],
)
def test_whose_fault_it_is(text: str, kind: type[SkewlessError]) -> None:
    found = refusal(
        f"[05:29:28] /workspace/src/x.cu:71: {text}\nStack trace:\n  [bt] (0)",
        {"objective": "reg:gamma", "base_score": 2.0},
    )
    assert type(found) is kind
    if kind is TrainingFailed:
        assert str(found).startswith("XGB train call failed with exception:\n ")


@pytest.mark.parametrize(
    ("given", "labels", "said"),
    [
        (
            {"objective": "reg:logistic"},
            2,
            r"base_score must be in \(0,1\).* Do the labels suit reg:logistic\?",
        ),
        ({"objective": "count:poisson"}, -1, "label must be non-negative"),
        ({"objective": "reg:tweedie"}, -1, "label must be non-negative"),
        ({"objective": "reg:gamma"}, -1, r"Do the labels suit reg:gamma\?"),
        ({"objective": "reg:squaredlogerror"}, -2, "label must be greater than -1"),
        ({"objective": "rank:ndcg"}, 99, "must be lesser than or equal to 31"),
    ],
)
def test_labels_that_do_not_suit(tmp_path: Path, given: dict[str, str], labels: int, said: str) -> None:
    (tmp_path / "a.csv").write_text(f"{labels},1\n{labels},2\n")
    with pytest.raises(TrainingDataError, match=said):
        run(tmp_path / "a.csv", tmp_path / "m.tar.gz", given)
