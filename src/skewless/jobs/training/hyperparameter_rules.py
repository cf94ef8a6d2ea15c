"""Rules over several hyperparameters at once: each gives what is wrong, in the built-in algorithm's words, or None."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from skewless.jobs.training.hyperparameter_kinds import Value

Values = Mapping[str, Value]

LINEAR_UPDATERS: Final = ("shotgun", "coord_descent")
UPDATE_UPDATERS: Final = ("refresh", "prune")
GROWERS: Final = (
    "grow_colmaker",
    "distcol",
    "grow_histmaker",
    "grow_local_histmaker",
    "grow_skmaker",
    "grow_quantile_histmaker",
)
TREE_UPDATERS: Final = (*GROWERS, "sync", *UPDATE_UPDATERS)


def words(values: Values, name: str) -> tuple[str, ...]:
    """The words of a comma list, none where it is not given."""
    found = values.get(name, ())
    return found if isinstance(found, tuple) else (str(found),)


def classes(values: Values) -> str | None:
    """``num_class`` belongs to ``multi:*``; without an objective the library takes it as multi:softmax."""
    objective = str(values.get("objective", ""))
    if objective.startswith("multi:") and "num_class" not in values:
        return "Require input for parameter 'num_class' for multi-classification"
    if objective and not objective.startswith("multi:") and "num_class" in values:
        return "Do not need to setup parameter 'num_class' for learning task other than multi-classification."
    return None


def metrics(values: Values) -> str | None:
    """Some metrics belong to some objectives."""
    objective = str(values.get("objective", ""))
    asked = words(values, "eval_metric")
    if "auc" in asked and not objective.startswith(("binary:", "rank:")):
        return "Metric 'auc' can only be applied for classification and ranking problems."
    # The original asks only for the first of these; with the other the library then finds no bounds.
    for metric in ("aft-nloglik", "interval-regression-accuracy"):
        if metric in asked and objective != "survival:aft":
            return f"Metric '{metric}' can only be applied for 'survival:aft' objective."
    return None


def monotone(values: Values) -> str | None:
    """Monotone constraints need a ``tree_method`` that is named."""
    if "monotone_constraints" in values and values.get("tree_method") not in ("exact", "hist"):
        return (
            "monotone_constraints can be used only when the tree_method parameter is set to "
            "either 'exact' or 'hist'."
        )
    return None


def interaction(values: Values) -> str | None:
    """Interaction constraints need a ``tree_method`` that is named."""
    if "interaction_constraints" in values and values.get("tree_method") not in ("exact", "hist", "approx"):
        return (
            "interaction_constraints can be used only when the tree_method parameter is set to "
            "either 'exact', 'hist' or 'approx'."
        )
    return None


def updaters(values: Values) -> str | None:
    """Which updaters may be named depends on the booster and on what is done with the trees."""
    asked = words(values, "updater")
    if not asked:
        return None
    if values.get("booster") == "gblinear":
        if len(asked) == 1 and asked[0] in LINEAR_UPDATERS:
            return None
        return "Linear updater should be one of these options: 'shotgun', 'coord_descent'."
    if values.get("process_type") == "update":
        if {*asked} <= {*UPDATE_UPDATERS}:
            return None
        return "process_type 'update' can only be used with updater 'refresh' and 'prune'"
    if not {*asked} <= {*TREE_UPDATERS}:
        return f"Tree updater should be selected from these options: {_quoted(TREE_UPDATERS)}."
    if sum(word in GROWERS for word in asked) > 1:
        return f"Only one tree grow plugin can be selected. Choose one from the following: {_quoted(GROWERS)}"
    return None


def gpus(values: Values) -> str | None:
    """Training on many GPUs needs them."""
    if values.get("use_dask_gpu_training") == "true":
        return "Some configurations unsuitable for Dask GPU training were found: there is no GPU"
    return None


RULES: Final[tuple[Callable[[Values], str | None], ...]] = (
    classes,
    metrics,
    monotone,
    interaction,
    updaters,
    gpus,
)


def _quoted(names: tuple[str, ...]) -> str:
    return ", ".join(f"'{name}'" for name in names)
