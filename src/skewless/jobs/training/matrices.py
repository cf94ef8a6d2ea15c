"""Training data as the library's own matrices."""

from __future__ import annotations

import numpy as np
import xgboost

from skewless.errors import TrainingDataError
from skewless.jobs.training.csv_matrix import Matrix
from skewless.jobs.training.hyperparameter_rules import Values
from skewless.jobs.training.rows import TrainingData


def matrix_of(data: TrainingData, channel: str, values: Values) -> xgboost.DMatrix:
    """The matrix of a channel. TrainingDataError where labels or weights do not suit the objective."""
    objective = str(values.get("objective", ""))
    matrix = xgboost.DMatrix(
        data.features,
        np.abs(data.labels) if objective == "survival:aft" else data.labels,
        weight=_group_weights(data, channel) if objective.startswith("rank:") else data.weights,
        group=data.groups,
        missing=np.nan,
        nthread=values.get("nthread"),
    )
    if objective == "survival:aft":
        lower, upper = _bounds(data.labels, channel)
        matrix.set_float_info("label_lower_bound", lower)
        matrix.set_float_info("label_upper_bound", upper)
    return matrix


def _bounds(labels: Matrix, channel: str) -> tuple[Matrix, Matrix]:
    """Times as intervals: a positive label is the time itself, a negative one says that it is later.

    The original reads no bounds, so that it cannot train survival:aft; the sign is what survival:cox has for it.
    """
    if not labels.all():
        raise TrainingDataError(
            f"row {int(np.argmin(labels != 0)) + 1} of the {channel} channel has the label 0",
            hint="survival:aft needs times: above 0, or below 0 for a time that is only known to be later.",
        )
    times = np.abs(labels)
    return times, np.where(labels < 0, np.float32(np.inf), times)


def _group_weights(data: TrainingData, channel: str) -> Matrix | None:
    """One weight for each query, which is what the library ranks with, of the rows' weights."""
    if data.weights is None or data.groups is None:
        return data.weights
    begins = np.concatenate(([0], np.cumsum(data.groups)[:-1]))
    weights = np.asarray(data.weights[begins])
    differs = data.weights != np.repeat(weights, data.groups)
    if differs.any():
        raise TrainingDataError(
            f"row {int(differs.argmax()) + 1} of the {channel} channel has another weight than the first of its query",
            hint="Ranking weighs queries: give all rows of a query the same weight.",
        )
    return weights
