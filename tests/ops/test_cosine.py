"""The cosine transform against its definition; what Spark makes of it is compared among the parity cases."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from skewless.ops.cosine import DCT
from skewless.ops.op import Refused
from skewless.schema import vector


def exact(row: list[float], *, inverse: bool) -> list[float]:
    """The orthonormal transform, each slot summed without an error in between."""
    n = len(row)

    def term(time: int, wave: int) -> float:
        # The angle is taken from the first quarter turn, where a cosine is exact to its last bit or so.
        steps = (2 * time + 1) * wave % (4 * n)
        steps = min(steps, 4 * n - steps)
        sign = 1 if steps <= n else -1
        angle = math.pi * min(steps, 2 * n - steps) / (2 * n)
        return sign * math.sqrt((1 if wave == 0 else 2) / n) * math.cos(angle)

    if inverse:
        return [math.fsum(row[k] * term(i, k) for k in range(n)) for i in range(n)]
    return [math.fsum(row[i] * term(i, k) for i in range(n)) for k in range(n)]


@pytest.mark.parametrize("inverse", [False, True])
@pytest.mark.parametrize("length", [2, 3, 8, 13, 64, 97, 199])
def test_it_is_within_sixteen_ulps_of_the_largest_slot(length: int, inverse: bool) -> None:
    chance = random.Random(length)
    kernel = DCT(inverse, length).row([vector(length)])
    impulse = [0.0] * length
    impulse[length // 2] = 3.3
    rows = [impulse, [0.1] * length, [chance.gauss(0, 1) for _ in range(length)]]
    for row in rows:
        wanted = np.array(exact(row, inverse=inverse))
        far = np.abs(np.array(kernel(row)) - wanted).max()
        assert far <= 16 * np.spacing(np.abs(wanted).max())


def test_what_would_differ_without_end_is_refused() -> None:
    kernel = DCT().row([vector()])
    with pytest.raises(Refused, match="a slot of -inf, too large for a cosine transform that equals Spark's"):
        kernel([1.0, -math.inf])
    with pytest.raises(Refused, match="no slots"):
        kernel([])
