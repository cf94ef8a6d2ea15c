"""The metrics that ``eval_metric`` may name, and how a metric with a threshold is written."""

from __future__ import annotations

from typing import Final

NATIVE: Final = (
    "aft-nloglik",
    "auc",
    "aucpr",
    "cox-nloglik",
    "error",
    "gamma-deviance",
    "gamma-nloglik",
    "interval-regression-accuracy",
    "logloss",
    "mae",
    "map",
    "mape",
    "merror",
    "mlogloss",
    "mphe",
    "ndcg",
    "poisson-nloglik",
    "rmse",
    "rmsle",
    "tweedie-nloglik",
)
"""Computed by the library."""

CUSTOM: Final = (
    "accuracy",
    "balanced_accuracy",
    "f1",
    "f1_binary",
    "f1_macro",
    "mse",
    "precision",
    "precision_macro",
    "precision_micro",
    "r2",
    "recall",
    "recall_macro",
    "recall_micro",
)
"""Computed by the container itself (see `skewless.jobs.training.metrics`)."""

NAMES: Final = tuple(sorted(NATIVE + CUSTOM))

_WITH_THRESHOLD: Final = ("error", "ndcg", "map")


def fault(metric: str) -> str | None:
    """What is wrong with ``name@threshold``: "" for nothing, None for a plain name, which is looked up in `NAMES`."""
    name, at, threshold = (part.strip() for part in metric.partition("@"))
    if not at:
        return None
    if name not in _WITH_THRESHOLD:
        return (
            f"Metric '{metric}' is not supported. Parameter 'eval_metric' with customized threshold should "
            "be one of these options: 'error', 'ndcg', 'map'."
        )
    try:
        float(threshold)
    except ValueError:
        return f"Threshold value 't' in '{name}@t' expects float input."
    return ""
