"""The answers of `outcomes` for whole batches: decision, probabilities and predicted class from raw numbers.

Each function has the bits of its namesake there, which finishes a row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

import numpy as np

from skewless.ops.blas import added, exp_all, log_all, sigmoid_all
from skewless.table import Numbers

Finished: TypeAlias = tuple[Numbers | None, Numbers | None, Numbers]
"""Decisions, probabilities, and the positions of the predicted classes; None for what a kind does not have."""


def _largest(raws: Numbers) -> Numbers:
    """The place of the first of the largest in each row, or of the first NaN."""
    made: Numbers = np.argmax(raws, axis=1)
    return made


def _peak(raws: Numbers) -> Numbers:
    return np.take_along_axis(raws, _largest(raws)[:, None], axis=1)


def _softmax(raws: Numbers) -> Numbers:
    powers = exp_all(raws - _peak(raws))
    made: Numbers = powers / added(powers)[:, None]
    return made


def _sides(first: Numbers) -> Numbers:
    return np.stack([1.0 - first, first], axis=1)


def _shares(scores: Numbers) -> Numbers:
    total = added(scores)[:, None]
    return np.where(total == 0.0, 1.0 / scores.shape[1], scores / total)


def _posterior(raws: Numbers) -> Numbers:
    beside = raws - _peak(raws)
    return exp_all(beside - log_all(added(exp_all(beside)))[:, None])


def _joint(raws: Numbers) -> Numbers:
    largest = _peak(raws)
    largest = np.where(np.isfinite(largest), largest, 0.0)
    whole = log_all(added(exp_all(raws - largest)))[:, None] + largest
    return exp_all(raws - whole)


def _huber(margins: Numbers) -> Numbers:
    made: Numbers = (np.clip(margins, -1.0, 1.0) + 1.0) / 2.0
    return made


def _side(raws: Numbers) -> Finished:
    margins = raws[:, 0].copy()
    return margins, None, margins > 0.0


def _with_sides(
    first: Callable[[Numbers], Numbers], *, at_zero: bool = False
) -> Callable[[Numbers], Finished]:
    """Two classes by a margin; one of zero is the second where ``at_zero`` says so."""

    def finish(raws: Numbers) -> Finished:
        margins = raws[:, 0].copy()
        return margins, _sides(first(margins)), margins >= 0.0 if at_zero else margins > 0.0

    return finish


def _samme(raws: Numbers) -> Finished:
    margins = raws[:, 0].copy()
    return margins, _softmax(np.stack([-margins / 2.0, margins / 2.0], axis=1)), margins > 0.0


def _with_shares(shares: Callable[[Numbers], Numbers]) -> Callable[[Numbers], Finished]:
    """The class of the largest raw number, and probabilities."""
    return lambda raws: (raws, shares(raws), _largest(raws))


def _network(raws: Numbers) -> Finished:
    probabilities = _softmax(raws)
    return None, probabilities, _largest(probabilities)


def _network_side(raws: Numbers) -> Finished:
    first = sigmoid_all(raws[:, 0])
    return None, _sides(first), first > 0.5


def _shares_alone(raws: Numbers) -> Finished:
    total = added(raws)[:, None]
    return None, np.where(total == 0.0, raws, raws / total), _largest(raws)


FINISH: Final[Mapping[str, Callable[[Numbers], Finished]]] = {
    "side": _side,
    "at_least": lambda raws: (raws[:, 0].copy(), None, raws[:, 0] >= 0.0),
    "sigmoid": _with_sides(sigmoid_all),
    "boosted": _with_sides(sigmoid_all, at_zero=True),
    "exponential": _with_sides(lambda margins: sigmoid_all(2.0 * margins), at_zero=True),
    "samme": _samme,
    "huber": _with_sides(_huber),
    "largest": lambda raws: (raws, None, _largest(raws)),
    "shares": _shares_alone,
    "sides": lambda raws: (None, _sides(raws[:, 0]), raws[:, 0] > 0.5),
    "only_side": _side,
    "winner": lambda raws: (None, None, _largest(raws)),
    "least": lambda raws: (None, None, _largest(-raws)),
    "softmax": _with_shares(_softmax),
    "samme_classes": _with_shares(lambda raws: _softmax(raws / (raws.shape[1] - 1))),
    "one_vs_rest": _with_shares(lambda raws: _shares(sigmoid_all(raws))),
    "huber_shares": _with_shares(lambda raws: _shares(_huber(raws))),
    "probability": lambda raws: (None, raws, _largest(raws)),
    "network": _network,
    "network_side": _network_side,
    "joint": lambda raws: (None, _joint(raws), _largest(raws)),
    "posterior": _with_shares(_posterior),
    "posterior_sides": lambda raws: (raws[:, 1] - raws[:, 0], _posterior(raws), _largest(raws)),
}
