"""The hyperparameters of the built-in XGBoost algorithm: the whole table, and their strict validation.

A row of `TABLE` is all that is said of a hyperparameter. Error texts are the algorithm's own, because people search for
them.
"""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from skewless.errors import HyperparameterError
from skewless.jobs.training import metric_names
from skewless.jobs.training.hyperparameter_kinds import (
    Choice,
    Continuous,
    Groups,
    Integer,
    Interval,
    Kind,
    Signs,
    Value,
    Words,
)
from skewless.jobs.training.hyperparameter_rules import LINEAR_UPDATERS, RULES, TREE_UPDATERS


@dataclass(frozen=True, slots=True)
class Hyperparameter:
    """One row: its name, what it accepts, another name for it, and where it goes."""

    name: str
    kind: Kind
    about: str
    alias: str | None = None
    required: bool = False
    for_library: bool = True
    """False where it steers training itself and the library does not know it."""


@dataclass(frozen=True, slots=True)
class Hyperparameters:
    """Validated values by their first names, and what the person who gave them should know."""

    values: Mapping[str, Value]
    notes: tuple[str, ...] = ()


FLAG: Final = Integer(Interval(0, 1))
TRUTH: Final = Choice(("true", "false"))
NOT_NEGATIVE: Final = Continuous(Interval(0))
SHARE: Final = Continuous(Interval(0, 1))
SAMPLE: Final = Continuous(Interval(0, 1, without_low=True))
POSITIVE_INTEGER: Final = Integer(Interval(1))
COUNT: Final = Integer(Interval(0))

OBJECTIVES: Final = (
    "aft_loss_distribution",
    "binary:logistic",
    "binary:logitraw",
    "binary:hinge",
    "count:poisson",
    "multi:softmax",
    "multi:softprob",
    "rank:pairwise",
    "rank:ndcg",
    "rank:map",
    "reg:linear",
    "reg:squarederror",
    "reg:logistic",
    "reg:gamma",
    "reg:pseudohubererror",
    "reg:squaredlogerror",
    "reg:absoluteerror",
    "reg:tweedie",
    "survival:aft",
    "survival:cox",
)

ROWS: Final = (
    Hyperparameter("num_round", POSITIVE_INTEGER, "Rounds of boosting.", required=True, for_library=False),
    Hyperparameter("csv_weights", FLAG, "1: the second column of the data is a weight.", for_library=False),
    Hyperparameter(
        "early_stopping_rounds",
        POSITIVE_INTEGER,
        "Stop after so many rounds without a better score on the validation data.",
        for_library=False,
    ),
    Hyperparameter("booster", Choice(("gbtree", "gblinear", "dart")), "The kind of model."),
    Hyperparameter("verbosity", Integer(Interval(0, 3)), "How much the library says."),
    Hyperparameter("nthread", POSITIVE_INTEGER, "Threads used."),
    Hyperparameter("eta", SHARE, "Step size after each round.", alias="learning_rate"),
    Hyperparameter("gamma", NOT_NEGATIVE, "Least gain of a split.", alias="min_split_loss"),
    Hyperparameter("max_depth", COUNT, "Greatest depth of a tree; 0 for no limit."),
    Hyperparameter("min_child_weight", NOT_NEGATIVE, "Least weight of a leaf."),
    Hyperparameter("max_delta_step", NOT_NEGATIVE, "Greatest change of a leaf in one step."),
    Hyperparameter("subsample", SAMPLE, "Share of the rows for each tree."),
    Hyperparameter("colsample_bytree", SAMPLE, "Share of the columns for each tree."),
    Hyperparameter("colsample_bylevel", SAMPLE, "Share of the columns for each level."),
    Hyperparameter("colsample_bynode", SAMPLE, "Share of the columns for each split."),
    Hyperparameter("lambda", NOT_NEGATIVE, "L2 regularisation.", alias="reg_lambda"),
    Hyperparameter("alpha", NOT_NEGATIVE, "L1 regularisation.", alias="reg_alpha"),
    Hyperparameter(
        "tree_method",
        Choice(("auto", "exact", "approx", "hist", "gpu_hist")),
        "How splits are sought; `gpu_hist` is trained as `hist`.",
    ),
    Hyperparameter(
        "sketch_eps",
        Continuous(Interval(0, 1, without_low=True, without_high=True)),
        "No longer used by the library.",
    ),
    Hyperparameter(
        "scale_pos_weight", Continuous(Interval(0, without_low=True)), "Weight of the positive class."
    ),
    Hyperparameter(
        "updater", Words((*TREE_UPDATERS, *LINEAR_UPDATERS)), "Steps that build and change trees."
    ),
    Hyperparameter("dsplit", Choice(("row", "col")), "No longer used by the library."),
    Hyperparameter("refresh_leaf", FLAG, "1: the updater `refresh` changes leaves too."),
    Hyperparameter("process_type", Choice(("default", "update")), "Build trees or update given ones."),
    Hyperparameter("grow_policy", Choice(("depthwise", "lossguide")), "Which leaf is split next."),
    Hyperparameter("max_leaves", COUNT, "Most leaves of a tree; 0 for no limit."),
    Hyperparameter("max_bin", COUNT, "Most bins of a feature; the library wants 2 or more."),
    Hyperparameter(
        "predictor",
        Choice(("auto", "cpu_predictor", "gpu_predictor")),
        "No longer used by the library.",
    ),
    Hyperparameter(
        "monotone_constraints", Signs(), "1: the answer only grows with the feature, -1: it only falls."
    ),
    Hyperparameter("interaction_constraints", Groups(), "Features that may meet in one branch."),
    Hyperparameter("sample_type", Choice(("uniform", "weighted")), "dart: how trees are dropped."),
    Hyperparameter("normalize_type", Choice(("tree", "forest")), "dart: weight of new trees."),
    Hyperparameter("rate_drop", SHARE, "dart: share of the trees dropped."),
    Hyperparameter("one_drop", FLAG, "dart: 1: drop at least one tree."),
    Hyperparameter("skip_drop", SHARE, "dart: chance that a round drops no tree."),
    Hyperparameter("lambda_bias", SHARE, "No longer used by the library."),
    Hyperparameter(
        "tweedie_variance_power",
        Continuous(Interval(1, 2, without_low=True, without_high=True)),
        "reg:tweedie: between Poisson (1) and gamma (2).",
    ),
    Hyperparameter("objective", Choice(OBJECTIVES), "What is learnt."),
    Hyperparameter("num_class", Integer(Interval(2)), "Classes; required by `multi:*`."),
    Hyperparameter("base_score", NOT_NEGATIVE, "First guess for every row."),
    Hyperparameter("_kfold", Integer(Interval(2)), "Folds of cross-validation.", for_library=False),
    Hyperparameter("_num_cv_round", POSITIVE_INTEGER, "Repeats of the folds.", for_library=False),
    Hyperparameter(
        "_tuning_objective_metric",
        Choice(tuple(f"validation:{name}" for name in metric_names.NAMES)),
        "Metric by which a tuning job judges; also the one early stopping watches.",
        for_library=False,
    ),
    Hyperparameter(
        "eval_metric",
        Words(metric_names.NAMES, metric_names.fault),
        "Metrics written each round; `error@t`, `ndcg@n` and `map@n` too. Early stopping watches the last.",
    ),
    Hyperparameter(
        "seed",
        Integer(Interval(-(2**31), 2**31 - 1, without_low=True, without_high=True)),
        "Seed of all chance.",
    ),
    Hyperparameter("num_parallel_tree", POSITIVE_INTEGER, "Trees built in each round."),
    Hyperparameter(
        "save_model_on_termination",
        TRUTH,
        "`true`: a job told to stop (SIGTERM) saves the rounds done.",
        for_library=False,
    ),
    Hyperparameter(
        "aft_loss_distribution",
        Choice(("normal", "logistic", "extreme")),
        "survival:aft: distribution of the noise.",
    ),
    Hyperparameter("aft_loss_distribution_scale", NOT_NEGATIVE, "survival:aft: its scale."),
    Hyperparameter("deterministic_histogram", TRUTH, "No longer used by the library."),
    Hyperparameter(
        "sampling_method", Choice(("uniform", "gradient_based")), "How rows are chosen for a tree."
    ),
    Hyperparameter(
        "prob_buffer_row", Integer(Interval(1, without_low=True)), "No longer used by the library."
    ),
    Hyperparameter(
        "use_dask_gpu_training",
        TRUTH,
        "`true` is refused, as by the original where there is no GPU.",
        for_library=False,
    ),
)

TABLE: Final = {row.name: row for row in ROWS}
ALIASES: Final = {row.alias: row.name for row in ROWS if row.alias}


def validate(given: Mapping[str, Any]) -> Hyperparameters:
    """Check all hyperparameters. HyperparameterError says in the algorithm's words what is wrong with the first."""
    texts, notes = _named(given)
    for row in ROWS:
        if row.required and row.name not in texts:
            raise HyperparameterError(f"Missing required hyperparameter: {row.name}")
    values = {name: _parsed(TABLE[name], text) for name, text in texts.items()}
    for name, value in values.items():
        refusal = TABLE[name].kind.refusal(name, value)
        if refusal:
            raise HyperparameterError(refusal)
    for rule in RULES:
        broken = rule(values)
        if broken:
            raise HyperparameterError(broken)
    return Hyperparameters(values, tuple(notes))


def _named(given: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """The texts by first name, and a note for each name that had to be mended."""
    texts: dict[str, str] = {}
    notes = []
    for name, value in given.items():
        stripped = name.strip()
        first = ALIASES.get(stripped, stripped)
        if first not in TABLE:
            raise HyperparameterError(f"Extraneous hyperparameter found: {stripped}", hint=_guess(stripped))
        if first in texts:
            raise HyperparameterError(
                f"Hyperparameter {stripped}: given twice"
                + (f", also as {first}" if first != stripped else ""),
                hint="Keep one of them.",
            )
        if stripped != name:
            notes.append(f"hyperparameter {name!r} is read as {stripped!r}: its name has blanks around it")
        texts[first] = _text(stripped, value)
    return texts, notes


def _text(name: str, value: Any) -> str:
    """A value as the text it would be in a training job's request."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return ",".join(value)
    if isinstance(value, list):
        return json.dumps(value)
    raise HyperparameterError(
        f"Hyperparameter {name}: {value!r} is neither text nor number", hint="Give its value as text."
    )


def _parsed(row: Hyperparameter, text: str) -> Value:
    try:
        return row.kind.parse(text.strip())
    except ValueError:
        raise HyperparameterError(
            f"Hyperparameter {row.name}: could not parse value (caused by ValueError)",
            hint=f"It is {text!r}; wanted is a {row.kind.accepts}.",
        ) from None


def _guess(name: str) -> str | None:
    known = [*TABLE, *ALIASES]
    near = difflib.get_close_matches(name, known, 1)
    return f"Did you mean {near[0]}?" if near else None
