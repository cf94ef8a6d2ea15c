"""Eigenvalues and eigenvectors of a symmetric matrix, in the arithmetic of the LAPACK that Spark has.

Spark asks breeze, breeze asks netlib, and where a machine brings no LAPACK of its own that is the reference LAPACK
translated to Java: reduction to three diagonals, then implicit QL or QR steps, unblocked for want of work space. Its
order of operations is repeated here, so the bits are its own. Checked against it for random, degenerate, tiny and huge
matrices. Source: LAPACK's DSYEV with DSYTD2, DORG2R and DSTEQR.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np

from skewless.table import Numbers

Rotation: TypeAlias = tuple[float, float]

_EPS: Final = 2.0**-53
_TINY: Final = 2.0**-1022
_SMALLEST: Final = _TINY / (2.0 * _EPS)
_TOO_LARGE: Final = math.sqrt(1.0 / _TINY) / 3.0
_TOO_SMALL: Final = math.sqrt(_TINY) / _EPS**2
_SWEEPS: Final = 30


def symmetric(matrix: Numbers) -> tuple[list[float], Numbers]:
    """Eigenvalues, ascending, and the eigenvectors as columns, of what stands on and below the diagonal.

    ArithmeticError where the iteration does not come to an end.
    """
    a = np.tril(np.array(matrix, np.float64))
    size = len(a)
    if size == 1:
        return [float(a[0, 0])], np.ones((1, 1))
    with np.errstate(all="ignore"):
        largest = float(np.max(np.abs(a)))
        low, high = math.sqrt(_SMALLEST), math.sqrt(1.0 / _SMALLEST)
        factor = low / largest if 0.0 < largest < low else high / largest if largest > high else 1.0
        if factor != 1.0:
            a = _scaled(a, 1.0, factor)
        diagonal, beside, tau = _tridiagonal(a)
        vectors = _accumulated(a, tau)
        _Steps(diagonal, beside, vectors).run()
    order = _ascending(diagonal)
    back = 1.0 / factor
    return [back * diagonal[place] for place in order], vectors[:, order]


def _ascending(values: Sequence[float]) -> list[int]:
    """The order of a selection sort that exchanges."""
    order = list(range(len(values)))
    for first in range(len(order) - 1):
        least = first
        for place in range(first + 1, len(order)):
            if values[order[place]] < values[order[least]]:
                least = place
        order[first], order[least] = order[least], order[first]
    return order


# To three diagonals.


def _tridiagonal(a: Numbers) -> tuple[list[float], list[float], list[float]]:
    """The diagonal, what is beside it, and the reflectors' factors; the reflectors themselves stay in ``a``."""
    size = len(a)
    beside, tau = [0.0] * (size - 1), [0.0] * (size - 1)
    for column in range(size - 1):
        tau[column], beside[column] = _reflector(a[column + 1 :, column])
        if tau[column] != 0.0:
            below = a[column + 1 :, column + 1 :]
            vector = a[column + 1 :, column].copy()
            vector[0] = 1.0
            moved = _symmetric_product(below, vector, tau[column])
            moved = moved + (-0.5 * tau[column] * _sum(moved * vector)) * vector
            for place in range(len(vector)):
                if vector[place] != 0.0 or moved[place] != 0.0:
                    rest = below[place:, place]
                    rest[:] = rest + vector[place:] * -moved[place] + moved[place:] * -vector[place]
    return [float(a[place, place]) for place in range(size)], beside, tau


def _reflector(x: Numbers) -> tuple[float, float]:
    """Makes of a column the reflector that leaves only its first slot; its factor and that slot. LAPACK's DLARFG."""
    first, rest = float(x[0]), x[1:]
    length = _length(rest)
    if length == 0.0:
        return 0.0, first
    made = -_signed(_hypotenuse(first, length), first)
    enough = _TINY / _EPS
    shrunk = 0
    while abs(made) < enough and shrunk < 40:
        shrunk += 1
        rest *= 1.0 / enough
        made *= 1.0 / enough
        first *= 1.0 / enough
    if shrunk:
        made = -_signed(_hypotenuse(first, _length(rest)), first)
    tau = (made - first) / made
    rest *= 1.0 / (first - made)
    for _ in range(shrunk):
        made *= enough
    return tau, made


def _length(x: Numbers) -> float:
    """BLAS' DNRM2."""
    if len(x) == 1:
        return abs(float(x[0]))
    scale, total = 0.0, 1.0
    for value in map(abs, x.tolist()):
        if value != 0.0:
            if scale < value:
                total = 1.0 + total * _square(scale / value)
                scale = value
            else:
                total += _square(value / scale)
    return scale * math.sqrt(total)


def _square(number: float) -> float:
    """As Java's pow: Python's own is not always rounded to the nearest."""
    return number * number


def _signed(number: float, like: float) -> float:
    """The size of one with the sign of the other, of which the Java translation does not see that of -0.0."""
    return abs(number) if like >= 0.0 else -abs(number)


def _hypotenuse(x: float, y: float) -> float:
    """LAPACK's DLAPY2."""
    small, large = sorted((abs(x), abs(y)))
    return large if small == 0.0 else large * math.sqrt(1.0 + _square(small / large))


def _symmetric_product(a: Numbers, x: Numbers, factor: float) -> Numbers:
    """BLAS' DSYMV of the lower triangle."""
    made = np.zeros(len(x))
    for column in range(len(x)):
        below = a[column + 1 :, column]
        first = factor * x[column]
        made[column] += first * a[column, column]
        made[column + 1 :] += first * below
        made[column] += factor * _sum(below * x[column + 1 :])
    return made


def _sum(values: Numbers) -> float:
    """One after the other; numpy's own sum adds in pairs."""
    return float(np.cumsum(values)[-1]) if len(values) else 0.0


def _accumulated(a: Numbers, tau: Sequence[float]) -> Numbers:
    """The product of the reflectors. LAPACK's DORGTR."""
    size = len(a)
    made = np.eye(size)
    q = made[1:, 1:]
    q[:] = np.tril(a[1:, :-1])
    for column in reversed(range(size - 1)):
        if column < size - 2:
            q[column, column] = 1.0
            vector, right = q[column:, column], q[column:, column + 1 :]
            products = np.cumsum(right * vector[:, None], axis=0)[-1]
            if tau[column] != 0.0:
                right += vector[:, None] * (-tau[column] * products)[None, :]
            q[column + 1 :, column] *= -tau[column]
        q[column, column] = 1.0 - tau[column]
        q[:column, column] = 0.0
    return made


# From three diagonals to one.


class _Steps:
    """Implicit QL and QR steps on the diagonal ``d`` and what is beside it ``e``, repeated on the columns of ``z``."""

    def __init__(self, d: list[float], e: list[float], z: Numbers) -> None:
        self.d = d
        self.e = e
        self.z = z
        self.left = len(d) * _SWEEPS

    def run(self) -> None:
        """LAPACK's DSTEQR: block by block, each from the end that is smaller. ArithmeticError without an end."""
        start, size = 0, len(self.d)
        while start < size:
            if start > 0:
                self.e[start - 1] = 0.0
            end = self._end_of_block(start)
            first, last, start = start, end, end + 1
            if first == last:
                continue
            size_of = self._norm(first, last)
            if size_of == 0.0:
                continue
            limit = _TOO_LARGE if size_of > _TOO_LARGE else _TOO_SMALL if size_of < _TOO_SMALL else size_of
            self._rescale(first, last, size_of, limit)
            if abs(self.d[last]) < abs(self.d[first]):
                self._downwards(last, first)
            else:
                self._upwards(first, last)
            self._rescale(first, last, limit, size_of)

    def _end_of_block(self, start: int) -> int:
        d, e = self.d, self.e
        for place in range(start, len(e)):
            if abs(e[place]) <= math.sqrt(abs(d[place])) * math.sqrt(abs(d[place + 1])) * _EPS:
                e[place] = 0.0
                return place
        return len(e)

    def _norm(self, first: int, last: int) -> float:
        """The largest sum of a row. LAPACK's DLANST."""
        beside = [0.0, *map(abs, self.e[first:last]), 0.0]
        rows = range(last - first + 1)
        if last == first + 1:
            return max(abs(self.d[first]) + beside[1], beside[1] + abs(self.d[last]))
        return max(abs(self.d[first + row]) + beside[row + 1] + beside[row] for row in rows)

    def _rescale(self, first: int, last: int, from_: float, to: float) -> None:
        if from_ != to:
            self.d[first : last + 1] = _scaled(np.array(self.d[first : last + 1]), from_, to).tolist()
            self.e[first:last] = _scaled(np.array(self.e[first:last]), from_, to).tolist()

    def _upwards(self, here: int, last: int) -> None:
        """QL: the first slot is found first."""
        d, e = self.d, self.e
        while here <= last:
            split = next((at for at in range(here, last) if self._is_small(at, at + 1, e[at])), last)
            if split < last:
                e[split] = 0.0
            if split == here:
                here += 1
            elif split == here + 1:
                d[here], d[here + 1], turn = _of_two(d[here], e[here], d[here + 1])
                self._turn([(here, turn)])
                e[here] = 0.0
                here += 2
            else:
                self._count()
                shift = d[here]
                g = self._start(here, split, here + 1, e[here])
                c, s, p = 1.0, 1.0, 0.0
                turns = []
                for at in range(split - 1, here - 1, -1):
                    f, b = s * e[at], c * e[at]
                    c, s, r = _rotation(g, f)
                    if at != split - 1:
                        e[at + 1] = r
                    g = d[at + 1] - p
                    r = (d[at] - g) * s + 2.0 * c * b
                    p = s * r
                    d[at + 1] = g + p
                    g = c * r - b
                    turns.append((at, (c, -s)))
                self._turn(turns)
                d[here] = shift - p
                e[here] = g

    def _downwards(self, here: int, last: int) -> None:
        """QR: the last slot is found first."""
        d, e = self.d, self.e
        while here >= last:
            split = next((at for at in range(here, last, -1) if self._is_small(at, at - 1, e[at - 1])), last)
            if split > last:
                e[split - 1] = 0.0
            if split == here:
                here -= 1
            elif split == here - 1:
                d[here - 1], d[here], turn = _of_two(d[here - 1], e[here - 1], d[here])
                self._turn([(split, turn)])
                e[here - 1] = 0.0
                here -= 2
            else:
                self._count()
                shift = d[here]
                g = self._start(here, split, here - 1, e[here - 1])
                c, s, p = 1.0, 1.0, 0.0
                turns = []
                for at in range(split, here):
                    f, b = s * e[at], c * e[at]
                    c, s, r = _rotation(g, f)
                    if at != split:
                        e[at - 1] = r
                    g = d[at] - p
                    r = (d[at + 1] - g) * s + 2.0 * c * b
                    p = s * r
                    d[at] = g + p
                    g = c * r - b
                    turns.append((at, (c, s)))
                self._turn(turns)
                d[here] = shift - p
                e[here - 1] = g

    def _is_small(self, at: int, next_: int, beside: float) -> bool:
        return _square(beside) <= _EPS**2 * abs(self.d[at]) * abs(self.d[next_]) + _TINY

    def _count(self) -> None:
        if self.left == 0:
            raise ArithmeticError("the eigenvalues do not converge")
        self.left -= 1

    def _start(self, here: int, split: int, next_: int, beside: float) -> float:
        """The shift, taken from the two slots at the end."""
        g = (self.d[next_] - self.d[here]) / (2.0 * beside)
        r = _signed(_hypotenuse(g, 1.0), g)
        return self.d[split] - self.d[here] + beside / (g + r)

    def _turn(self, turns: Sequence[tuple[int, Rotation]]) -> None:
        """Rotates pairs of columns. LAPACK's DLASR."""
        z = self.z
        for at, (c, s) in turns:
            if c != 1.0 or s != 0.0:
                one, other = z[:, at].copy(), z[:, at + 1].copy()
                z[:, at + 1] = c * other - s * one
                z[:, at] = s * other + c * one


def _of_two(a: float, b: float, c: float) -> tuple[float, float, Rotation]:
    """Both eigenvalues of two slots, the larger one in size first, and the rotation. LAPACK's DLAEV2."""
    total, difference, twice = a + c, a - c, b + b
    beside = abs(twice)
    large, small = (a, c) if abs(a) > abs(c) else (c, a)
    root = _root(abs(difference), beside)
    if total == 0.0:
        first, second, sign = 0.5 * root, -0.5 * root, 1
    else:
        sign = -1 if total < 0.0 else 1
        first = 0.5 * (total + sign * root)
        second = (large / first) * small - (b / first) * b
    turned = 1 if difference >= 0.0 else -1
    cosine = difference + turned * root
    if abs(cosine) > beside:
        tangent = -twice / cosine
        s = 1.0 / math.sqrt(1.0 + tangent * tangent)
        c = tangent * s
    elif beside == 0.0:
        c, s = 1.0, 0.0
    else:
        tangent = -cosine / twice
        c = 1.0 / math.sqrt(1.0 + tangent * tangent)
        s = tangent * c
    return first, second, (-s, c) if sign == turned else (c, s)


def _root(one: float, other: float) -> float:
    if one > other:
        return one * math.sqrt(1.0 + _square(other / one))
    if one < other:
        return other * math.sqrt(1.0 + _square(one / other))
    return other * math.sqrt(2.0)


_FAR: Final = 2.0**485
"""Beyond this size, and below its reciprocal, DLARTG scales."""


def _rotation(f: float, g: float) -> tuple[float, float, float]:
    """The rotation that makes of two numbers one and zero. LAPACK's DLARTG."""
    if g == 0.0:
        return 1.0, 0.0, f
    if f == 0.0:
        return 0.0, 1.0, g
    one, other, scales = f, g, []
    while max(abs(one), abs(other)) >= _FAR:
        one, other = one / _FAR, other / _FAR
        scales.append(_FAR)
    while max(abs(one), abs(other)) <= 1.0 / _FAR:
        one, other = one * _FAR, other * _FAR
        scales.append(1.0 / _FAR)
    r = math.sqrt(_square(one) + _square(other))
    c, s = one / r, other / r
    for scale in scales:
        r *= scale
    return (-c, -s, -r) if abs(f) > abs(g) and c < 0.0 else (c, s, r)


def _scaled(values: Numbers, from_: float, to: float) -> Numbers:
    """Values times to / from, in as many steps as no step overflows. LAPACK's DLASCL."""
    done = False
    while not done:
        less, more = from_ * _TINY, to * _TINY
        if abs(less) > abs(to) and to != 0.0:
            factor, from_ = _TINY, less
        elif abs(more) > abs(from_):
            factor, to = 1.0 / _TINY, more
        else:
            factor, done = to / from_, True
        values = values * factor
    return values
