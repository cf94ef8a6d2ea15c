"""Early stopping: the best score of one metric so far, and when there is no more hope for a better one."""

from __future__ import annotations

from typing import Final

MAXIMISED: Final = frozenset(
    (
        "accuracy",
        "auc",
        "aucpr",
        "balanced_accuracy",
        "f1",
        "f1_binary",
        "f1_macro",
        "interval-regression-accuracy",
        "map",
        "ndcg",
        "precision",
        "precision_macro",
        "precision_micro",
        "r2",
        "recall",
        "recall_macro",
        "recall_micro",
    )
)
"""Better when greater; all others are better when less. A name's ``@threshold`` changes nothing of that."""


class EarlyStopping:
    """Watches a metric of the validation data; ``best`` is the round of its best score, from 0."""

    def __init__(self, metric: str, patience: int) -> None:
        self.best: int | None = None
        self._patience = patience
        self._sign = 1 if metric.partition("@")[0].strip() in MAXIMISED else -1
        self._score = 0.0

    def improves(self, number: int, score: float) -> bool:
        """Note a round's score; whether it is the best so far."""
        if self.best is not None and not self._sign * score > self._sign * self._score:
            return False
        self.best, self._score = number, score
        return True

    def is_over(self, number: int) -> bool:
        """Whether this was one round too many without a better score."""
        return self.best is not None and number - self.best >= self._patience

    @property
    def attributes(self) -> dict[str, str]:
        """What a model says of it, in the library's names."""
        return {"best_iteration": str(self.best), "best_score": str(self._score)}

    def resume(self, best: str | None, score: str | None) -> None:
        """Go on from what a model said of it."""
        if best is not None and score is not None:
            self.best, self._score = int(best), float(score)
