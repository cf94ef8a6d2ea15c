"""Logistic and softmax of 32-bit floats with the bits that Spark's Python workers get from SciPy and numpy there.

SciPy's ``expit`` takes the C library's ``expf``. Its ``softmax`` takes numpy's exponential: on x86 a routine of its own
for vectors, elsewhere the C library's again. Both are computed here from IEEE operations alone, so that every machine
gives the same bits: compared on all floats from 1e-10 to 120 (``expf``), on every third down to -104 (numpy's).
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import numpy as np

from skewless.boosters.library import Floats

VECTOR: Final = "vector"
SCALAR: Final = "scalar"
EXPONENTIALS: Final = (VECTOR, SCALAR)
"""Whose exponential ``softmax`` takes: numpy's for vectors, or the C library's."""

# expf: 2**(k/32) from a table times a polynomial in what is left, in doubles (glibc, and Arm's routines it came from).
_STEPS: Final = 32
_POWERS: Final = 2.0 ** (np.arange(_STEPS) / _STEPS)
_PER_STEP: Final = float.fromhex("0x1.71547652b82fep+0") * _STEPS
_CUBE: Final = float.fromhex("0x1.c6af84b912394p-5") / _STEPS**3
_SQUARE: Final = float.fromhex("0x1.ebfce50fac4f3p-3") / _STEPS**2
_LINE: Final = float.fromhex("0x1.62e42ff0c52d6p-1") / _STEPS
_FAR: Final = 110.0
"""From here on the exponential of a 32-bit float is infinite, or zero."""

# numpy's: a fraction of two polynomials in the rest after whole powers of two, in 32-bit floats, fused.
_LOG2_E: Final = np.float32(1.4426950408889634)
_LN2: Final = (np.float32(-6.93145752e-1), np.float32(-1.42860677e-6))
_UPPER: Final = tuple(
    np.float32(number)
    for number in (
        *(5.082762527590694e-04, 6.7578969905275046e-03, 5.1145120816372984e-02, 2.473615434895521e-01),
        *(7.257664613233124e-01, 9.999999999980871e-01),
    )
)
_LOWER: Final = tuple(map(np.float32, (2.15950937568583e-02, -2.7423353903916675e-01, 1.0)))

# The same for one row: Python's own floats are faster than numpy's there.
_POWERS_ROW: Final = tuple(_POWERS.tolist())
_LOG2_E_ROW: Final = float(_LOG2_E)
_LN2_ROW: Final = tuple(map(float, _LN2))
_UPPER_ROW: Final = tuple(map(float, _UPPER))
_LOWER_ROW: Final = tuple(map(float, _LOWER))
_pack: Final = struct.Struct("f").pack
_unpack: Final = struct.Struct("f").unpack


def logistic(x: Floats) -> Floats:
    """``scipy.special.expit`` of 32-bit floats."""
    one = np.float32(1.0)
    with np.errstate(all="ignore"):
        made: Floats = one / (one + _expf(-x))
    return made


def softmax(rows: Floats, exponential: str = VECTOR) -> Floats:
    """``scipy.special.softmax`` of each row of 32-bit floats."""
    with np.errstate(all="ignore"):
        powers = _EXP[exponential](rows - rows.max(axis=1, keepdims=True))
        made: Floats = powers / powers.sum(axis=1, keepdims=True)
    return made


def exponential_here() -> str:
    """Which exponential numpy takes for 32-bit floats on this machine."""
    with np.errstate(all="ignore"):
        probe = -np.geomspace(1e-3, 80.0, 4096, dtype=np.float32)
        return VECTOR if np.array_equal(np.exp(probe), _vector_exp(probe)) else SCALAR


def logistic_row(x: float) -> float:
    """`logistic` of one."""
    return narrow(1.0 / narrow(1.0 + _expf_row(-x)))


def softmax_row(row: Sequence[float], exponential: str = VECTOR) -> list[float]:
    """`softmax` of one row."""
    highest = math.nan if any(value != value for value in row) else max(row)
    exp = _EXP_ROW[exponential]
    powers = [exp(narrow(value - highest)) for value in row]
    total = float(np.array([powers], np.float32).sum(axis=1)[0])
    return [narrow(power / total) for power in powers]


def _expf(x: Floats) -> Floats:
    scaled = _PER_STEP * np.clip(x.astype(np.float64), -_FAR, _FAR)
    steps = np.rint(scaled)
    rest = scaled - steps
    whole = np.where(np.isnan(steps), 0.0, steps).astype(np.int64)
    power = (_CUBE * rest + _SQUARE) * (rest * rest) + (_LINE * rest + 1.0)
    narrow: Floats = np.ldexp(power * _POWERS[whole % _STEPS], whole // _STEPS).astype(np.float32)
    return narrow


def _expf_row(x: float) -> float:
    if x != x:
        return x
    scaled = _PER_STEP * min(max(x, -_FAR), _FAR)
    steps = round(scaled)
    rest = scaled - steps
    power = (_CUBE * rest + _SQUARE) * (rest * rest) + (_LINE * rest + 1.0)
    return narrow(math.ldexp(power * _POWERS_ROW[steps % _STEPS], steps // _STEPS))


def _vector_exp(x: Floats) -> Floats:
    x = np.maximum(x, np.float32(-_FAR))
    powers = np.rint(x * _LOG2_E)
    rest = _fma(powers, _LN2[1], _fma(powers, _LN2[0], x))
    upper, lower = _polynomial(_UPPER, rest), _polynomial(_LOWER, rest)
    whole = np.where(np.isnan(powers), 0.0, powers).astype(np.int64)
    narrow: Floats = np.ldexp((upper / lower).astype(np.float64), whole).astype(np.float32)
    return narrow


def _vector_exp_row(x: float) -> float:
    if x != x:
        return x
    x = max(x, -_FAR)
    powers = round(narrow(x * _LOG2_E_ROW))
    rest = narrow(powers * _LN2_ROW[1] + narrow(powers * _LN2_ROW[0] + x))
    upper, lower = _UPPER_ROW[0], _LOWER_ROW[0]
    for coefficient in _UPPER_ROW[1:]:
        upper = narrow(rest * upper + coefficient)
    for coefficient in _LOWER_ROW[1:]:
        lower = narrow(rest * lower + coefficient)
    return narrow(math.ldexp(narrow(upper / lower), powers))


def narrow(x: float) -> float:
    """The nearest 32-bit float."""
    try:
        rounded: float = _unpack(_pack(x))[0]
    except OverflowError:
        return math.copysign(math.inf, x)
    return rounded


def _polynomial(coefficients: tuple[np.float32, ...], x: Floats) -> Floats:
    made: Any = coefficients[0]
    for coefficient in coefficients[1:]:
        made = _fma(x, made, coefficient)
    return made  # type: ignore[no-any-return]


def _fma(a: Any, b: Any, c: Any) -> Floats:
    """a times b plus c, rounded once: a double holds the product of two floats exactly."""
    made: Floats = (a.astype(np.float64) * b + np.float64(1.0) * c).astype(np.float32)
    return made


_EXP: Final[Mapping[str, Callable[[Floats], Floats]]] = {VECTOR: _vector_exp, SCALAR: _expf}
_EXP_ROW: Final[Mapping[str, Callable[[float], float]]] = {VECTOR: _vector_exp_row, SCALAR: _expf_row}
