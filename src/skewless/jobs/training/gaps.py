"""What the built-in algorithm's table accepts and this version cannot do, each named and refused before training."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from skewless.errors import UnsupportedError
from skewless.jobs.training.hyperparameter_rules import Values, words
from skewless.jobs.training.metric_names import CUSTOM


@dataclass(frozen=True, slots=True)
class Gap:
    """One gap: ``found`` gives what was asked for, where it was, in words; ``instead`` what can be done."""

    subject: str
    found: Callable[[Values], str | None]
    instead: str


def refuse_gaps(values: Values) -> None:
    """UnsupportedError where validated hyperparameters ask for something of `GAPS`."""
    for gap in GAPS:
        found = gap.found(values)
        if found:
            raise UnsupportedError(f"{found} is not supported yet", hint=gap.instead)


def _custom_metrics(values: Values) -> str | None:
    tuned = str(values.get("_tuning_objective_metric", "")).removeprefix("validation:")
    asked = [*words(values, "eval_metric"), tuned]
    custom = [name for name in dict.fromkeys(asked) if name in CUSTOM]
    return f"the metric {', '.join(custom)} of the built-in container" if custom else None


def _folds(values: Values) -> str | None:
    given = [name for name in ("_kfold", "_num_cv_round") if name in values]
    return f"k-fold cross-validation ({given[0]})" if given else None


def _equals(name: str, value: str) -> Callable[[Values], str | None]:
    return lambda values: f"{name}={value}" if values.get(name) == value else None


GAPS: Final = (
    Gap(
        "the container's own metrics: " + ", ".join(CUSTOM),
        _custom_metrics,
        "Use the library's: error, merror, logloss, mlogloss, auc, aucpr, rmse, mae and others.",
    ),
    Gap("k-fold cross-validation: _kfold, _num_cv_round", _folds, "Give a validation channel."),
    Gap(
        "objective survival:aft",
        _equals("objective", "survival:aft"),
        "It needs a lower and an upper bound for each row, which CSV data with one label cannot carry.",
    ),
    Gap("tree_method gpu_hist", _equals("tree_method", "gpu_hist"), "Use hist: this build has no GPU code."),
    Gap(
        "use_dask_gpu_training true",
        _equals("use_dask_gpu_training", "true"),
        "Leave it out: this build has no GPU code.",
    ),
)
