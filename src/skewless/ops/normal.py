"""The normal distribution's cumulative function as Spark's libraries compute it: Breeze, by Commons Math's Gamma."""

from __future__ import annotations

import math
from typing import Final

_LOG_GAMMA_HALF: Final = 0.5723649429247001
_PRECISE: Final = 1e-15
_SMALL: Final = 1e-50
_MOST: Final = 10000


def normal_cdf(x: float) -> float:
    """The probability of at most ``x``. Source: breeze.stats.distributions.Gaussian.cdf."""
    return 0.5 * (1.0 + _erf(x / math.sqrt(2.0)))


def _erf(x: float) -> float:
    """Source: Commons Math's Erf.erf."""
    if abs(x) > 40.0:
        return math.copysign(1.0, x)
    if x != x:
        return x
    found = _gamma_p(x * x)
    return -found if x < 0.0 else found


def _gamma_p(x: float) -> float:
    """The regularised gamma function P(1/2, x), as a series or, from 3/2 on, by its continued fraction."""
    if x == 0.0:
        return 0.0
    scale = math.exp(-x + 0.5 * math.log(x) - _LOG_GAMMA_HALF)
    if x >= 1.5:
        return 1.0 - scale * (1.0 / _fraction(x))
    count, term = 0.0, 2.0
    total = term
    while abs(term / total) > _PRECISE and count < _MOST:
        count += 1.0
        term *= x / (0.5 + count)
        total += term
    return scale * total


def _fraction(x: float) -> float:
    """Lentz's method. Source: Commons Math's ContinuedFraction.evaluate."""
    before = 0.5 + x
    before = before if abs(before) > _SMALL else _SMALL
    d, c, value = 0.0, before, before
    for count in range(1, _MOST):
        a, b = 2.0 * count + 1.0 - 0.5 + x, count * (0.5 - count)
        d = a + b * d
        d = d if abs(d) > _SMALL else _SMALL
        c = a + b / c
        c = c if abs(c) > _SMALL else _SMALL
        d = 1.0 / d
        step = c * d
        value *= step
        if abs(step - 1.0) < _PRECISE:
            break
    return value
