"""The table of hyperparameters: every row at its edges, and the texts of its refusals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skewless.errors import HyperparameterError, SettingError
from skewless.jobs.training.hyperparameter_docs import COMMAND, PAGE, page
from skewless.jobs.training.hyperparameter_file import read_hyperparameters
from skewless.jobs.training.hyperparameter_kinds import Choice
from skewless.jobs.training.hyperparameters import ALIASES, OBJECTIVES, TABLE, validate
from skewless.jobs.training.metric_names import CUSTOM, NATIVE

ROOT = Path(__file__).parents[3]

# Accepted values, and refused ones with the rest of the text after "Hyperparameter NAME: ".
UNPARSED = "could not parse value (caused by ValueError)"
COUNTED = (
    ["1", "7"],
    {"0": "0 is not in [1, +inf)", "-1": "-1 is not in [1, +inf)", "1.5": UNPARSED, "": UNPARSED},
)
FLAGGED = (["0", "1"], {"2": "2 is not in [0, 1]", "-1": "-1 is not in [0, 1]", "true": UNPARSED})
NATURAL = (["0", "12"], {"-1": "-1 is not in [0, +inf)", "x": UNPARSED})
AT_LEAST_0 = (
    ["0", "0.5", "1e3"],
    {"-0.1": "-0.1 is not in [0, +inf)", "inf": "inf is not in [0, +inf)", "a": UNPARSED},
)
SHARE = (
    ["0", "1", "0.3"],
    {"-0.1": "-0.1 is not in [0, 1]", "1.1": "1.1 is not in [0, 1]", "nan": "nan is not in [0, 1]"},
)
SAMPLE = (["1", "0.01"], {"0": "0.0 is not in (0, 1]", "1.01": "1.01 is not in (0, 1]"})
TRUTH = (["true", "false"], {"incorrect": "incorrect is not in ['true', 'false']"})

EDGES: dict[str, tuple[list[str], dict[str, str]]] = {
    "num_round": COUNTED,
    "csv_weights": FLAGGED,
    "early_stopping_rounds": COUNTED,
    "booster": (["gbtree", "gblinear", "dart"], {"tree": "tree is not in ['gbtree', 'gblinear', 'dart']"}),
    "verbosity": (["0", "3"], {"4": "4 is not in [0, 3]", "-1": "-1 is not in [0, 3]"}),
    "nthread": COUNTED,
    "eta": SHARE,
    "gamma": AT_LEAST_0,
    "max_depth": NATURAL,
    "min_child_weight": AT_LEAST_0,
    "max_delta_step": AT_LEAST_0,
    "subsample": SAMPLE,
    "colsample_bytree": SAMPLE,
    "colsample_bylevel": SAMPLE,
    "colsample_bynode": SAMPLE,
    "lambda": AT_LEAST_0,
    "alpha": AT_LEAST_0,
    "tree_method": (
        ["auto", "exact", "approx", "hist", "gpu_hist"],
        {"fast": "fast is not in ['auto', 'exact', 'approx', 'hist', 'gpu_hist']"},
    ),
    "sketch_eps": (["0.03"], {"0": "0.0 is not in (0, 1)", "1": "1.0 is not in (0, 1)"}),
    "scale_pos_weight": (["0.1", "99"], {"0": "0.0 is not in (0, +inf)"}),
    "updater": (["grow_colmaker,prune", "grow_quantile_histmaker", "refresh"], {}),
    "dsplit": (["row", "col"], {"both": "both is not in ['row', 'col']"}),
    "refresh_leaf": FLAGGED,
    "process_type": (["default", "update"], {"x": "x is not in ['default', 'update']"}),
    "grow_policy": (["depthwise", "lossguide"], {"x": "x is not in ['depthwise', 'lossguide']"}),
    "max_leaves": NATURAL,
    "max_bin": NATURAL,
    "predictor": (
        ["auto", "cpu_predictor", "gpu_predictor"],
        {"tpu": "tpu is not in ['auto', 'cpu_predictor', 'gpu_predictor']"},
    ),
    "monotone_constraints": (
        ["(1,-1,0)", "( 1, 0 )", "[1, -1]", "(1)", "(0,)"],
        {"(2,0)": "value (2,0) not in range [-1, 0, 1]", "()": "value () not in range [-1, 0, 1]"}
        | dict.fromkeys(["(1", "1.5", "('1',)", "(True,)", "__import__('os')", "[" * 5000], UNPARSED),
    ),
    "interaction_constraints": (
        ["[[0, 1], [2]]", "[]"],
        {"[[-1]]": "value [[-1]] not in range [0, +inf)"}
        | dict.fromkeys(["[0, 1]", "[[0.5]]", "[['a']]", "[[1]", "x"], UNPARSED),
    ),
    "sample_type": (["uniform", "weighted"], {"x": "x is not in ['uniform', 'weighted']"}),
    "normalize_type": (["tree", "forest"], {"x": "x is not in ['tree', 'forest']"}),
    "rate_drop": SHARE,
    "one_drop": FLAGGED,
    "skip_drop": SHARE,
    "lambda_bias": SHARE,
    "tweedie_variance_power": (["1.5"], {"1": "1.0 is not in (1, 2)", "2": "2.0 is not in (1, 2)"}),
    "objective": (
        [name for name in OBJECTIVES if not name.startswith("multi:")],
        {"binary": f"binary is not in {list(OBJECTIVES)}"},
    ),
    "num_class": (["2", "10"], {"1": "1 is not in [2, +inf)", "two": UNPARSED}),
    "base_score": AT_LEAST_0,
    "_kfold": (["2"], {"1": "1 is not in [2, +inf)"}),
    "_num_cv_round": COUNTED,
    "_tuning_objective_metric": (["validation:auc", "validation:f1"], {}),
    "eval_metric": (
        ["rmse", "merror,mlogloss", "error@0.7", "ndcg@3", "accuracy", " rmse , mae "],
        {},
    ),
    "seed": (
        ["0", "-2147483647", "2147483646"],
        {
            "2147483647": "2147483647 is not in (-2147483648, 2147483647)",
            "-2147483648": "-2147483648 is not in (-2147483648, 2147483647)",
        },
    ),
    "num_parallel_tree": (["1", "10"], {"-1": "-1 is not in [1, +inf)", "0": "0 is not in [1, +inf)"}),
    "save_model_on_termination": TRUTH,
    "aft_loss_distribution": (
        ["normal", "logistic", "extreme"],
        {"x": "x is not in ['normal', 'logistic', 'extreme']"},
    ),
    "aft_loss_distribution_scale": AT_LEAST_0,
    "deterministic_histogram": TRUTH,
    "sampling_method": (["uniform", "gradient_based"], {"x": "x is not in ['uniform', 'gradient_based']"}),
    "prob_buffer_row": (["2"], {"1": "1 is not in (1, +inf)"}),
    "use_dask_gpu_training": (["false"], {"maybe": "maybe is not in ['true', 'false']"}),
}
NEEDED = {
    "monotone_constraints": {"tree_method": "hist"},
    "interaction_constraints": {"tree_method": "hist"},
}
ACCEPTED = [(name, text) for name, (texts, _) in EDGES.items() for text in texts]
REFUSED = [(name, text, rest) for name, (_, refused) in EDGES.items() for text, rest in refused.items()]


def values(**given: Any) -> dict[str, Any]:
    return dict(validate({"num_round": "1", **given}).values)


def refused(given: dict[str, Any]) -> str:
    with pytest.raises(HyperparameterError) as caught:
        validate(given)
    return caught.value.message


def test_every_row_is_tested() -> None:
    assert list(EDGES) == list(TABLE)


@pytest.mark.parametrize(("name", "text"), ACCEPTED)
def test_accepted(name: str, text: str) -> None:
    assert name in values(**{**NEEDED.get(name, {}), name: text})


@pytest.mark.parametrize(("name", "text", "rest"), REFUSED)
def test_refused(name: str, text: str, rest: str) -> None:
    assert refused({"num_round": "1", **NEEDED.get(name, {}), name: text}) == f"Hyperparameter {name}: {rest}"


@pytest.mark.parametrize(("alias", "name"), ALIASES.items())
def test_aliases(alias: str, name: str) -> None:
    assert values(**{alias: "0.5"})[name] == 0.5
    assert refused({"num_round": "1", name: "0.1", alias: "0.5"}) == (
        f"Hyperparameter {alias}: given twice, also as {name}"
    )


def test_only_the_rounds_are_required() -> None:
    assert refused({}) == "Missing required hyperparameter: num_round"
    assert validate({"num_round": "3"}).values == {"num_round": 3}


@pytest.mark.parametrize("name", ["silent", "verbose", "single_precision_histogram", "n_estimators", ""])
def test_other_names_are_extraneous(name: str) -> None:
    assert refused({"num_round": "1", name: "1"}) == f"Extraneous hyperparameter found: {name}"


def test_a_misspelt_name_is_guessed() -> None:
    with pytest.raises(HyperparameterError, match=r"found: max_deph\. Did you mean max_depth\?$"):
        validate({"num_round": "1", "max_deph": "3"})


def test_blanks_around_a_name_are_stripped_with_a_note() -> None:
    checked = validate({"num_round": "1", "eval_metric ": "rmse"})
    assert checked.values["eval_metric"] == ("rmse",)
    assert checked.notes == (
        "hyperparameter 'eval_metric ' is read as 'eval_metric': its name has blanks around it",
    )
    assert refused({"num_round": "1", "eta": "1", " eta": "1"}) == "Hyperparameter eta: given twice"


def test_numbers_truths_and_lists_are_read_as_text() -> None:
    found = values(
        eta=0.3,
        max_depth=4,
        save_model_on_termination=True,
        eval_metric=["rmse", "mae"],
        tree_method="hist",
        monotone_constraints=[1, -1],
        interaction_constraints=[[0, 1]],
    )
    assert found == {
        "num_round": 1,
        "eta": 0.3,
        "max_depth": 4,
        "save_model_on_termination": "true",
        "eval_metric": ("rmse", "mae"),
        "tree_method": "hist",
        "monotone_constraints": "(1,-1)",
        "interaction_constraints": "[[0, 1]]",
    }
    for bad in (None, {"a": 1}):
        assert refused({"num_round": bad}) == f"Hyperparameter num_round: {bad!r} is neither text nor number"
    assert refused({"num_round": 1.0}) == f"Hyperparameter num_round: {UNPARSED}"


# The vectors of the original container's own tests.
AUC = "Metric 'auc' can only be applied for classification and ranking problems."


@pytest.mark.parametrize(
    "objective",
    [
        "count:poisson",
        "reg:gamma",
        "reg:logistic",
        "reg:squarederror",
        "reg:tweedie",
        "multi:softmax",
        "multi:softprob",
        "survival:cox",
        None,
    ],
)
def test_auc_needs_two_classes_or_ranks(objective: str | None) -> None:
    given = {"num_round": "1", "eval_metric": "rmse,auc"} | ({"objective": objective} if objective else {})
    if objective and objective.startswith("multi:"):
        given["num_class"] = "3"
    assert refused(given) == AUC


@pytest.mark.parametrize("objective", ["binary:logistic", "binary:hinge", "rank:pairwise"])
def test_auc_is_accepted(objective: str) -> None:
    assert values(objective=objective, eval_metric="auc")["eval_metric"] == ("auc",)


def test_aft_nloglik_belongs_to_aft() -> None:
    assert values(objective="survival:aft", eval_metric="aft-nloglik")
    assert refused({"num_round": "1", "objective": "reg:squarederror", "eval_metric": "aft-nloglik"}) == (
        "Metric 'aft-nloglik' can only be applied for 'survival:aft' objective."
    )
    assert values(objective="survival:aft", eval_metric="interval-regression-accuracy")
    assert refused({"num_round": "1", "eval_metric": "rmse,interval-regression-accuracy"}) == (
        "Metric 'interval-regression-accuracy' can only be applied for 'survival:aft' objective."
    )


@pytest.mark.parametrize("objective", ["multi:softmax", "multi:softprob"])
def test_classes(objective: str) -> None:
    assert refused({"num_round": "1", "objective": objective}) == (
        "Require input for parameter 'num_class' for multi-classification"
    )
    assert values(objective=objective, num_class="3")["num_class"] == 3
    assert "Do not need to setup parameter 'num_class'" in refused(
        {"num_round": "1", "objective": "binary:logistic", "num_class": "2"}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("foo", f"Hyperparameter eval_metric: value ['foo'] not in range {sorted(NATIVE + CUSTOM)}"),
        ("rmse,", f"Hyperparameter eval_metric: value ['rmse', ''] not in range {sorted(NATIVE + CUSTOM)}"),
        ("error@x", "Threshold value 't' in 'error@t' expects float input."),
        ("error@", "Threshold value 't' in 'error@t' expects float input."),
        (
            "auc@2",
            "Metric 'auc@2' is not supported. Parameter 'eval_metric' with customized threshold should "
            "be one of these options: 'error', 'ndcg', 'map'.",
        ),
    ],
)
def test_refused_metrics(text: str, message: str) -> None:
    assert refused({"num_round": "1", "eval_metric": text}) == message


def test_refused_tuning_metric() -> None:
    assert "train:auc is not in ['validation:accuracy'" in refused(
        {"num_round": "1", "_tuning_objective_metric": "train:auc"}
    )


@pytest.mark.parametrize("method", [None, "auto", "approx"])
def test_monotone_constraints_need_a_named_method(method: str | None) -> None:
    given = {"num_round": "1", "monotone_constraints": "(1,)"} | ({"tree_method": method} if method else {})
    assert refused(given) == (
        "monotone_constraints can be used only when the tree_method parameter is set to either 'exact' or 'hist'."
    )


def test_interaction_constraints_need_a_named_method() -> None:
    assert values(tree_method="approx", interaction_constraints="[[0]]")
    assert refused({"num_round": "1", "interaction_constraints": "[[0]]"}) == (
        "interaction_constraints can be used only when the tree_method parameter is set to "
        "either 'exact', 'hist' or 'approx'."
    )


@pytest.mark.parametrize(
    ("given", "start"),
    [
        ({"updater": "magic"}, "Hyperparameter updater: value ['magic'] not in range ['grow_colmaker',"),
        ({"updater": "shotgun"}, "Tree updater should be selected from these options:"),
        ({"updater": "grow_colmaker,grow_histmaker"}, "Only one tree grow plugin can be selected."),
        ({"updater": "prune", "booster": "gblinear"}, "Linear updater should be one of these options:"),
        ({"updater": "shotgun,coord_descent", "booster": "gblinear"}, "Linear updater should be one of"),
        (
            {"updater": "grow_colmaker", "process_type": "update"},
            "process_type 'update' can only be used with updater 'refresh' and 'prune'",
        ),
    ],
)
def test_refused_updaters(given: dict[str, str], start: str) -> None:
    assert refused({"num_round": "1", **given}).startswith(start)


def test_accepted_updaters() -> None:
    assert values(updater="coord_descent", booster="gblinear")["updater"] == ("coord_descent",)
    assert values(updater="refresh, prune", process_type="update")["updater"] == ("refresh", "prune")


def test_many_gpus_are_refused_where_there_are_none() -> None:
    assert refused({"num_round": "1", "use_dask_gpu_training": "true"}) == (
        "Some configurations unsuitable for Dask GPU training were found: there is no GPU"
    )


def test_no_choice_is_empty() -> None:
    assert all(row.kind.words for row in TABLE.values() if isinstance(row.kind, Choice))


def test_the_reference_page_is_fresh() -> None:
    assert (ROOT / PAGE).read_text() == page(), f"run: {COMMAND} > {PAGE}"
    assert "generated" in page().partition("\n")[0]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("h.json", '{"num_round": 5, "eta": 0.25, "eval_metric": "rmse"}'),
        ("h", '\ufeff  {"num_round": 5, "eta": 0.25, "eval_metric": "rmse"}'),
        ("h.yaml", "num_round: 5\neta: 0.25\neval_metric: rmse\n"),
        ("h.yml", "{num_round: 5, eta: 0.25, eval_metric: rmse}"),
        ("h.txt", "# comment\nnum_round: '5'\neta: 25e-2\neval_metric: [rmse]\n"),
    ],
)
def test_files(tmp_path: Path, name: str, text: str) -> None:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    assert validate(read_hyperparameters(file)).values == {
        "num_round": 5,
        "eta": 0.25,
        "eval_metric": ("rmse",),
    }


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        (b'{"num_round": 1', SettingError, r"is no JSON: .* \(line 1\)"),
        (b"[1, 2]", SettingError, "is no object of names and values"),
        (b"", SettingError, "is no object of names and values"),
        (b"5: 1\n", SettingError, "is no object of names and values"),
        (b"a: [1\nb: 2", SettingError, r"is no YAML: .* \(line 2\)"),
        (b"a: !!python/object:os.system x", SettingError, "is no YAML: could not determine a constructor"),
        (b"\xff\xfe", SettingError, "is not UTF-8 text"),
        (b'{"eta": 1, "eta": 2}', HyperparameterError, "Hyperparameter eta: given twice"),
        (b"eta: 1\neta: 2\n", HyperparameterError, "Hyperparameter eta: given twice"),
        (b"{" + b'"a":[' * 100_000, SettingError, "is nested too deeply|is no JSON"),
    ],
)
def test_broken_files(tmp_path: Path, content: bytes, error: type[Exception], message: str) -> None:
    file = tmp_path / "h"
    file.write_bytes(content)
    with pytest.raises(error, match=message):
        read_hyperparameters(file)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"cannot read the hyperparameters file .*: No such file"):
        read_hyperparameters(tmp_path / "none.json")


@settings(max_examples=200, deadline=None)
@given(
    named=st.dictionaries(
        st.sampled_from([*TABLE, *ALIASES]) | st.text(max_size=8), st.text(max_size=12), max_size=4
    ),
    numbers=st.dictionaries(st.sampled_from([*TABLE]), st.integers() | st.floats() | st.none(), max_size=3),
)
def test_anything_is_validated_or_refused(named: dict[str, str], numbers: dict[str, Any]) -> None:
    try:
        checked = validate({"num_round": "1", **numbers, **named})
    except HyperparameterError as error:
        refusal = error.message
    else:
        refusal = "none"
        assert checked.values["num_round"] != 0
        assert set(checked.values) <= set(TABLE)
    assert refusal
