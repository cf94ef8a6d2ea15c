"""Java's ``StrictMath``: exponentials, logarithms and powers with the bits that every Java gives.

The JVM promises the results of the algorithms that are known as fdlibm, version 5.3; C's and numpy's differ from
them in the last place now and then. What is written here follows their published reductions and polynomials step by
step, since every rounding counts.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import Final

_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_PER_LN2: Final = 1.44269504088896338700e00
_EXP_OVER: Final = 7.09782712893383973096e02
_EXP_UNDER: Final = -7.45133219101941108420e02
_P: Final = (
    1.66666666666666019037e-01,
    -2.77777777770155933842e-03,
    6.61375632143793436117e-05,
    -1.65339022054652515390e-06,
    4.13813679705723846039e-08,
)
_LG: Final = (
    6.666666666666735130e-01,
    3.999999999940941908e-01,
    2.857142874366239149e-01,
    2.222219843214978396e-01,
    1.818357216161805012e-01,
    1.531383769920937332e-01,
    1.479819860511658591e-01,
)
_Q: Final = (
    -3.33333333333331316428e-02,
    1.58730158725481460165e-03,
    -7.93650757867487942473e-05,
    4.00821782732936239552e-06,
    -2.01099218183624371326e-07,
)
_SIGN: Final = 0x7FFFFFFF


def high(number: float) -> int:
    """The upper 32 bits, with their sign."""
    bits: int = struct.unpack(">i4x", struct.pack(">d", number))[0]
    return bits


def with_high(number: float, bits: int) -> float:
    """The number with other upper 32 bits."""
    made: float = struct.unpack(">d", struct.pack(">I", bits & 0xFFFFFFFF) + struct.pack(">d", number)[4:])[0]
    return made


def cut(number: float) -> float:
    """The number without its lower 32 bits."""
    made: float = struct.unpack(">d", struct.pack(">d", number)[:4] + b"\0\0\0\0")[0]
    return made


def polynomial(value: float, factors: Sequence[float]) -> float:
    """``f0 + value * (f1 + value * (…))``."""
    made = factors[-1]
    for factor in factors[-2::-1]:
        made = factor + value * made
    return made


def exp(x: float) -> float:
    """``StrictMath.exp``."""
    if x != x or x == math.inf:
        return x
    if x > _EXP_OVER:
        return math.inf
    if x < _EXP_UNDER:
        return 0.0
    size = high(x) & _SIGN
    steps, top, rest = 0, x, 0.0
    if size > 0x3FD62E42:
        steps, top, rest = _reduced(x, size)
        x = top - rest
    elif size < 0x3E300000:
        return 1.0 + x
    square = x * x
    c = x - square * polynomial(square, _P)
    if steps == 0:
        return 1.0 - ((x * c) / (c - 2.0) - x)
    made = 1.0 - ((rest - (x * c) / (2.0 - c)) - top)
    return math.ldexp(made, steps) if steps >= -1021 else math.ldexp(made, steps + 1000) * 2.0**-1000


def _reduced(x: float, size: int) -> tuple[int, float, float]:
    """How many times ln 2 goes into x, and what remains in two parts."""
    sign = -1 if x < 0 else 1
    if size < 0x3FF0A2B2:
        return sign, x - sign * _LN2_HIGH, sign * _LN2_LOW
    steps = int(_PER_LN2 * x + sign * 0.5)
    return steps, x - steps * _LN2_HIGH, steps * _LN2_LOW


def expm1(x: float) -> float:
    """``StrictMath.expm1``."""
    if x != x or x == math.inf or x == 0.0:
        return x
    size = high(x) & _SIGN
    if x > _EXP_OVER:
        return math.inf
    if size >= 0x4043687A and x < 0:
        return -1.0
    steps, c = 0, 0.0
    if size > 0x3FD62E42:
        steps, top, rest = _reduced(x, size)
        x = top - rest
        c = (top - x) - rest
    elif size < 0x3C900000:
        return x
    half = 0.5 * x
    square = x * half
    r = 1.0 + square * polynomial(square, _Q)
    t = 3.0 - r * half
    e = square * ((r - t) / (6.0 - x * t))
    if steps == 0:
        return x - (x * e - square)
    return _expm1_scaled(x, (x * (e - c) - c) - square, steps)


def _expm1_scaled(x: float, e: float, steps: int) -> float:
    if steps == -1:
        return 0.5 * (x - e) - 0.5
    if steps == 1:
        return -2.0 * (e - (x + 0.5)) if x < -0.25 else 1.0 + 2.0 * (x - e)
    if steps <= -2 or steps > 56:
        return math.ldexp(1.0 - (e - x), steps) - 1.0
    if steps < 20:
        return math.ldexp((1.0 - 2.0**-steps) - (e - x), steps)
    return math.ldexp((x - (e + 2.0**-steps)) + 1.0, steps)


def log(x: float) -> float:
    """``StrictMath.log``."""
    if x != x or x == math.inf:
        return x
    if x <= 0.0:
        return -math.inf if x == 0.0 else math.nan
    steps = 0
    if x < 2.0**-1022:
        steps, x = -54, x * 2.0**54
    bits = high(x)
    steps += (bits >> 20) - 1023
    bits &= 0xFFFFF
    up = (bits + 0x95F64) & 0x100000
    x = with_high(x, bits | (up ^ 0x3FF00000))
    steps += up >> 20
    f = x - 1.0
    if (0xFFFFF & (2 + bits)) < 3:
        return _log_near_one(f, steps)
    s = f / (2.0 + f)
    z = s * s
    w = z * z
    even = w * (_LG[1] + w * (_LG[3] + w * _LG[5]))
    odd = z * (_LG[0] + w * (_LG[2] + w * (_LG[4] + w * _LG[6])))
    r = odd + even
    if ((bits - 0x6147A) | (0x6B851 - bits)) > 0:
        half = 0.5 * f * f
        if steps == 0:
            return f - (half - s * (half + r))
        return steps * _LN2_HIGH - ((half - (s * (half + r) + steps * _LN2_LOW)) - f)
    if steps == 0:
        return f - s * (f - r)
    return steps * _LN2_HIGH - ((s * (f - r) - steps * _LN2_LOW) - f)


def _log_near_one(f: float, steps: int) -> float:
    if f == 0.0:
        return steps * _LN2_HIGH + steps * _LN2_LOW if steps else 0.0
    r = f * f * (0.5 - 0.33333333333333333 * f)
    return f - r if steps == 0 else steps * _LN2_HIGH - ((r - steps * _LN2_LOW) - f)


def log10(x: float) -> float:
    """``StrictMath.log10``."""
    if x != x or x == math.inf:
        return x
    if x <= 0.0:
        return -math.inf if x == 0.0 else math.nan
    steps = 0
    if x < 2.0**-1022:
        steps, x = -54, x * 2.0**54
    bits = high(x)
    steps += (bits >> 20) - 1023
    negative = int(steps < 0)
    x = with_high(x, (bits & 0xFFFFF) | ((0x3FF - negative) << 20))
    y = float(steps + negative)
    z = y * 3.69423907715893078616e-13 + 4.34294481903251816668e-01 * log(x)
    return z + y * 3.01029995663611771306e-01


def log1p(x: float) -> float:
    """``StrictMath.log1p``."""
    if x != x or x == math.inf or x == 0.0:
        return x
    if x <= -1.0:
        return -math.inf if x == -1.0 else math.nan
    bits = high(x)
    size = bits & _SIGN
    steps, f, c, near = 0, x, 0.0, 1
    if size < 0x3E200000:
        return x if size < 0x3C900000 else x - x * x * 0.5
    if not (bits < 0x3FDA827A and (bits > 0 or bits <= 0xBFD2BEC3 - (1 << 32))):
        u = 1.0 + x if bits < 0x43400000 else x
        near = high(u)
        steps = (near >> 20) - 1023
        if bits < 0x43400000:
            c = (1.0 - (u - x) if steps > 0 else x - (u - 1.0)) / u
        near &= 0xFFFFF
        if near < 0x6A09E:
            u = with_high(u, near | 0x3FF00000)
        else:
            steps += 1
            u = with_high(u, near | 0x3FE00000)
            near = (0x00100000 - near) >> 2
        f = u - 1.0
    return _log1p_of(f, c, steps, near == 0)


def _log1p_of(f: float, c: float, steps: int, near: bool) -> float:
    half = 0.5 * f * f
    if near:
        if f == 0.0:
            return steps * _LN2_HIGH + (c + steps * _LN2_LOW) if steps else 0.0
        r = half * (1.0 - 0.66666666666666666 * f)
        return f - r if steps == 0 else steps * _LN2_HIGH - ((r - (steps * _LN2_LOW + c)) - f)
    s = f / (2.0 + f)
    z = s * s
    r = z * polynomial(z, _LG)
    if steps == 0:
        return f - (half - s * (half + r))
    return steps * _LN2_HIGH - ((half - (s * (half + r) + (steps * _LN2_LOW + c))) - f)


_L: Final = (
    5.99999999999994648725e-01,
    4.28571428578550184252e-01,
    3.33333329818377432918e-01,
    2.72728123808534006489e-01,
    2.30660745775561754067e-01,
    2.06975017800338417784e-01,
)
_BASES: Final = ((1.0, 0.0, 0.0), (1.5, 5.84962487220764160156e-01, 1.35003920212974897128e-08))


def power(x: float, y: float) -> float:
    """``StrictMath.pow``."""
    if y == 0.0:
        return 1.0
    if x != x or y != y or (abs(x) == 1.0 and math.isinf(y)):
        return math.nan
    odd = abs(y) < 2.0**53 and y == int(y) and int(y) % 2 == 1
    whole = math.isinf(y) or y == math.floor(y)
    if math.isinf(y):
        return abs(y) if (abs(x) > 1.0) == (y > 0) else 0.0
    if abs(y) == 1.0:
        return x if y > 0 else _reciprocal(x)
    if y == 2.0:
        return x * x
    if y == 0.5 and math.copysign(1.0, x) > 0:
        return math.sqrt(x)
    sign = -1.0 if odd and math.copysign(1.0, x) < 0 else 1.0
    if x == 0.0 or math.isinf(x) or abs(x) == 1.0:
        if x == -1.0 and not whole:
            return math.nan
        return sign * (_reciprocal(abs(x)) if y < 0 else abs(x))
    if x < 0 and not whole:
        return math.nan
    return _power(abs(x), y, sign)


def _reciprocal(x: float) -> float:
    return math.copysign(math.inf, x) if x == 0.0 else 1.0 / x


def _power(x: float, y: float, sign: float) -> float:
    """Of a finite x > 0 that is not 1, by the logarithm to base 2 in two parts."""
    size, ysize = high(x), high(y) & _SIGN
    if ysize > 0x41E00000:
        if size < 0x3FEFFFFF or (ysize > 0x43F00000 and size <= 0x3FEFFFFF):
            return sign * (math.inf if y < 0 else 0.0)
        if size > 0x3FF00000 or ysize > 0x43F00000:
            return sign * (math.inf if y > 0 else 0.0)
        first, second = _log2_near_one(x)
    else:
        first, second = _log2(x)
    y1 = cut(y)
    low = (y - y1) * first + y * second
    top = y1 * first
    z = low + top
    if z >= 1024.0 and (z > 1024.0 or low + 8.0085662595372944372e-17 > z - top):
        return sign * math.inf
    if z <= -1075.0 and (z < -1075.0 or low <= z - top):
        return sign * 0.0
    return sign * _exp2(z, top, low)


def _log2_near_one(x: float) -> tuple[float, float]:
    t = x - 1.0
    w = (t * t) * (0.5 - t * (0.3333333333333333333333 - t * 0.25))
    u = 1.44269502162933349609e00 * t
    v = t * 1.92596299112661746887e-08 - w * _PER_LN2
    first = cut(u + v)
    return first, v - (first - u)


def _log2(x: float) -> tuple[float, float]:
    n = 0
    if x < 2.0**-1022:
        x, n = x * 2.0**53, -53
    bits = high(x)
    n += (bits >> 20) - 0x3FF
    j = bits & 0xFFFFF
    bits = j | 0x3FF00000
    k = int(0x3988E < j < 0xBB67A)
    if j >= 0xBB67A:
        n += 1
        bits -= 0x00100000
    x = with_high(x, bits)
    base, base_high, base_low = _BASES[k]
    u, v = x - base, 1.0 / (x + base)
    ss = u * v
    s_high = cut(ss)
    t_high = with_high(0.0, ((bits >> 1) | 0x20000000) + 0x00080000 + (k << 18))
    t_low = x - (t_high - base)
    s_low = v * ((u - s_high * t_high) - s_high * t_low)
    square = ss * ss
    r = square * square * polynomial(square, _L)
    r += s_low * (s_high + ss)
    square = s_high * s_high
    t_high = cut(3.0 + square + r)
    t_low = r - ((t_high - 3.0) - square)
    u, v = s_high * t_high, s_low * t_high + t_low * ss
    p_high = cut(u + v)
    p_low = v - (p_high - u)
    z_high = 9.61796700954437255859e-01 * p_high
    z_low = -7.02846165095275826516e-09 * p_high + p_low * 9.61796693925975554329e-01 + base_low
    first = cut(((z_high + z_low) + base_high) + n)
    return first, z_low - (((first - n) - base_high) - z_high)


def _exp2(z: float, top: float, low: float) -> float:
    """2 to the power of ``top + low``, whose sum is z."""
    bits, n = high(z), 0
    size = bits & _SIGN
    if size > 0x3FE00000:
        n = bits + (0x00100000 >> ((size >> 20) - 0x3FF + 1))
        k = ((n & _SIGN) >> 20) - 0x3FF
        t = with_high(0.0, n & ~(0x000FFFFF >> k))
        n = ((n & 0x000FFFFF) | 0x00100000) >> (20 - k)
        n = -n if bits < 0 else n
        top -= t
    t = cut(low + top)
    u = t * 6.93147182464599609375e-01
    v = (low - (t - top)) * 6.93147180559945286227e-01 + t * -1.90465429995776804525e-09
    z = u + v
    w = v - (z - u)
    t = z * z
    t1 = z - t * polynomial(t, _P)
    r = (z * t1) / (t1 - 2.0) - (w + z * w)
    return math.ldexp(1.0 - (r - z), n)
