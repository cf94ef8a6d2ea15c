"""Several models that answer as one, as the original container lets them: by majority vote, or by their mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from skewless.boosters.booster import Booster
from skewless.boosters.library import Columns, Floats, Integers
from skewless.errors import ArtifactError, ValueRefused

VOTING: Final = frozenset({"multi:softmax", "binary:hinge"})
"""Objectives whose predictions are classes, of which the most frequent is the answer; of equals the smallest."""


class Ensemble:
    """Models of one shape, asked as a `Booster` is. The first one's objective decides how they are put together."""

    def __init__(self, models: Sequence[Booster], names: Sequence[str], artifact: str | None = None) -> None:
        """ArtifactError names the model that takes or gives another number of values than the first."""
        first = models[0]
        for model, name in zip(models, names, strict=True):
            if (model.features, model.outputs) != (first.features, first.outputs):
                raise ArtifactError(
                    f"it takes {model.features} features and gives {model.outputs or 1} values where {names[0]} "
                    f"takes {first.features} and gives {first.outputs or 1}",
                    artifact=artifact,
                    file=name,
                    hint="The models of an ensemble are of one shape: take this one out.",
                )
        self.models = tuple(models)
        self.features, self.outputs, self.groups = first.features, first.outputs, first.groups
        self.objective = first.objective

    def predict(self, rows: Floats) -> Floats:
        """As `Booster.predict`."""
        return self._together([model.predict(rows) for model in self.models])

    def predict_sparse(self, starts: Integers, columns: Columns, values: Floats) -> Floats:
        """As `Booster.predict_sparse`."""
        return self._together([model.predict_sparse(starts, columns, values) for model in self.models])

    def predict_row(self, values: Sequence[float]) -> float | list[float]:
        """As `Booster.predict_row`."""
        made = [np.array(model.predict_row(values), np.float32) for model in self.models]
        together: float | list[float] = self._together(made).tolist()
        return together

    def close(self) -> None:
        """Give the models back; a second call does nothing."""
        for model in self.models:
            model.close()

    def shape_error(self, got: int) -> ValueRefused:
        """As `Booster.shape_error`."""
        return self.models[0].shape_error(got)

    def _together(self, made: Sequence[Floats]) -> Floats:
        if self.objective in VOTING:
            return _voted(np.stack(made))
        # One after the other, in 32 bits: the order in which numpy adds depends on the number of rows.
        total = made[0]
        for one in made[1:]:
            total = total + one
        return np.asarray(total / np.float32(len(made)), np.float32)


def _voted(votes: Floats) -> Floats:
    """The most frequent of each row's votes, models by rows."""
    classes = np.unique(votes)
    counts = np.stack([(votes == one).sum(axis=0) for one in classes])
    return np.asarray(classes[counts.argmax(axis=0)], np.float32)
