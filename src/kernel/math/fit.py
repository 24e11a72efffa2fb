"""The polynomials of this folder: `python fit.py [family ...]` prints their coefficients as Rust literals.

Needs mpmath (`pip install mpmath`; with gmpy2 it is faster). Each is the minimax polynomial of its function
for the weight named with it, by the Remez exchange on a fine grid of Chebyshev points in 60 digits. Its
coefficients are rounded to the type one by one, from the lowest power; after each rounding the ones above are
fitted again, so that they make up for it. What is printed as the error is that of the rounded coefficients.
"""
import sys
import struct
from mpmath import (atanh, cos, erf, erfc, exp, expm1, frexp, ldexp, linspace, log, log1p, lu_solve, matrix, mp, mpf,
                    nint, pi, sin, sqrt)

mp.dps = 60
BITS = {"f32": 24, "f64": 53}


def rounded(x, bits):
    significand, exponent = frexp(x)
    return ldexp(nint(ldexp(significand, bits)), exponent - bits)


def literal(x, kind):
    """The shortest decimal that reads back as x, with Rust's digit separators."""
    x = float(x)
    fmt = {"f32": "<f", "f64": "<d"}[kind]
    digits = next(d for d in range(1, 18) if struct.pack(fmt, float(f"{x:.{d}e}")) == struct.pack(fmt, x))
    mantissa, exponent = f"{x:.{digits}e}".split("e")
    exponent = int(exponent)
    if -4 < exponent < 16:
        mantissa, exponent = f"{x:.{max(digits - exponent, 1)}f}", 0
    whole, part = mantissa.split(".")
    part = part.rstrip("0") or "0"
    part = "_".join(part[i:i + 3] for i in range(0, len(part), 3))
    return f"{whole}.{part}" + (f"e{exponent}" if exponent else "")


def remez(f, weight, powers, low, high, points, start=None):
    """Coefficients of x^powers that minimise the largest |weight·(f − sum)|, and that error."""
    n = len(powers)
    grid = [(low + high) / 2 - (high - low) / 2 * cos(pi * (i + mpf(1) / 2) / points) for i in range(points)]
    grid = [x for x in [low, *grid, high] if x != 0]
    # The error divided by x^lowest is what alternates in sign: the weight carries the sign of that power.
    weights = [abs(weight(x)) * (-1 if x < 0 and powers[0] % 2 else 1) for x in grid]
    values = [f(x) for x in grid]
    basis = [[x**p for p in powers] for x in grid]

    def errors(c):
        return [w * (v - sum(a * b for a, b in zip(c, row))) for w, v, row in zip(weights, values, basis)]

    best = start
    least = max(map(abs, errors(start))) if start else None
    reference = [round((len(grid) - 1) * i / n) for i in range(n + 1)]
    for _ in range(40):
        system, right = matrix(n + 1, n + 1), matrix(n + 1, 1)
        for row, i in enumerate(reference):
            for column in range(n):
                system[row, column] = basis[i][column] * weights[i]
            system[row, n] = (-1) ** row
            right[row] = values[i] * weights[i]
        solution = lu_solve(system, right)
        c, level = [solution[j] for j in range(n)], abs(solution[n])
        error = errors(c)
        worst = max(map(abs, error))
        if least is None or worst < least:
            best, least = c, worst
        if worst <= level * (1 + mpf(10) ** -3):
            break
        extrema, i = [], 0
        while i < len(grid):  # the largest error of each run of one sign
            j = i
            while j < len(grid) and (error[j] >= 0) == (error[i] >= 0):
                j += 1
            extrema.append(max(range(i, j), key=lambda k: abs(error[k])))
            i = j
        while len(extrema) > n + 1:
            if len(extrema) == n + 2:
                extrema.pop(0 if abs(error[extrema[0]]) < abs(error[extrema[-1]]) else -1)
            else:  # a neighbouring pair, which keeps the alternation
                pairs = [max(abs(error[i]), abs(error[j])) for i, j in zip(extrema, extrema[1:])]
                k = pairs.index(min(pairs))
                del extrema[k:k + 2]
        if len(extrema) < n + 1:
            break
        reference = extrema
    return best, least


def fit(name, kind, f, weight, powers, low, high, points=1500, first_bits=None):
    """With first_bits the first coefficient has so many bits, and its upper and its lower part are printed."""
    low, high = mpf(low), mpf(high)
    fixed, free = {}, list(powers)
    rest = lambda x: f(x) - sum(c * x**p for p, c in fixed.items())
    c, _ = remez(rest, weight, free, low, high, points)
    while free:
        fixed[free.pop(0)] = rounded(c[0], BITS[kind] if fixed or not first_bits else first_bits)
        if free:
            c, _ = remez(rest, weight, free, low, high, points, start=c[1:])
    error = max(abs(weight(x) * rest(x)) for x in linspace(low, high, 4002) if x != 0)
    print(f"{name} {kind}: 2^{float(log(error, 2)):.1f}")
    coefficients = list(fixed.values())
    if first_bits:
        upper = rounded(coefficients[0], BITS[kind])
        coefficients[:1] = [upper, coefficients[0] - upper]
    print(f"    [{', '.join(literal(c, kind) for c in coefficients)}]", flush=True)


LN_2 = log(2)
SMALL = mpf(10) ** -4
# Intervals are a little wider than the reductions leave, whose integer is rounded from an inexact product.
HALF_OCTAVE = LN_2 / 2 * (1 + mpf(2) ** -10)
F_LOW, F_HIGH = [(sqrt(2) / 2 - 1) * (1 + mpf(2) ** -20), (sqrt(2) - 1) * (1 + mpf(2) ** -20)]
Z_HIGH = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * (1 + mpf(2) ** -30)


def family_exp():
    for kind, degree in ("f32", 6), ("f64", 11):
        fit("EXP", kind, lambda r: expm1(r) - r, lambda r: 1 / expm1(r), range(2, degree + 1),
            -HALF_OCTAVE, HALF_OCTAVE)


def family_ln():
    # −½ is given, and not fitted.
    fit("LN from f³", "f32", lambda f: log1p(f) - f + f * f / 2, lambda f: 1 / log1p(f), range(3, 11),
        F_LOW, F_HIGH)
    fit("LN", "f64", lambda z: 2 * atanh(sqrt(z)) / sqrt(z) - 2, lambda z: sqrt(z) / (2 * atanh(sqrt(z))),
        range(1, 8), mpf(10) ** -12, Z_HIGH)


def family_erf():
    for kind, near, far, end in ("f32", 6, 6, "3.95"), ("f64", 11, 17, "6"):
        fit("NEAR", kind, lambda x: erf(x) - x, lambda x: 1 / erf(x), range(1, 2 * near + 2, 2), SMALL, 1)
        fit("−FAR", kind, lambda x: -log(erfc(x)), lambda x: erfc(x) / erf(x), range(far + 1), 1, end,
            1500 if kind == "f32" else 800)


def family_normal():
    def tail(t):
        a = 4 * (1 + t) / (1 - t)
        return (a + 4) * erfc(a / sqrt(2)) * exp(a * a / 2) / 2
    for kind, degree, end in ("f32", 11, 15), ("f64", 24, 39):
        fit("TAIL", kind, tail, lambda t: 1 / tail(t), range(degree + 1), -1, mpf(end - 4) / (end + 4), 400,
            2 * BITS[kind])


def family_trig():
    end = pi / 4 * (1 + mpf(2) ** -6)
    for kind, terms in ("f32", 3), ("f64", 6):
        fit("SIN", kind, lambda r: sin(r) - r, lambda r: 1 / sin(r), range(3, 3 + 2 * terms, 2), SMALL, end)
        fit("COS", kind, lambda r: cos(r) - 1 + r * r / 2, lambda r: 1 / cos(r), range(4, 4 + 2 * terms, 2),
            SMALL, end)


def family_pow():
    fit("LOG2", "f64", lambda f: log1p(f) / LN_2, lambda f: LN_2 / log1p(f), range(1, 14), F_LOW, F_HIGH)
    fit("EXP2 from f", "f64", lambda f: mpf(2) ** f - 1, lambda f: mpf(2) ** -f, range(1, 7),
        "-0.5001", "0.5001")
    fit("ARTANH", "f64", lambda z: atanh(sqrt(z)) / sqrt(z) - 1 - z / 3, lambda z: mpf(1), range(2, 10),
        mpf(10) ** -8, Z_HIGH)


def family_root():
    # Between what the first guess leaves, measured.
    fit("ROOT", "f64", lambda z: z**(-mpf(1) / 3), lambda z: z**(mpf(1) / 3), range(5), "0.9097", "1.0993")


def family_parts():
    """Constants in parts: all but the last short enough that the multiples which occur are exact."""
    for name, x, kind, parts in [
        ("LN_2", LN_2, "f32", (16, 24)), ("LN_2", LN_2, "f64", (42, 53)),
        ("HALF_LN_2", LN_2 / 2, "f32", (24, 24)), ("HALF_LN_2", LN_2 / 2, "f64", (53, 53)),
        ("PI_2", pi / 2, "f32", (24, 24, 24)), ("PI_2", pi / 2, "f64", (53, 53, 53)),
        ("PI_2_SHORT", pi / 2, "f64", (33, 33, 33, 53)), ("PI_2_REST (second)", pi / 2, "f64", (33, 53)),
        ("THIRD", mpf(1) / 3, "f64", (53, 53)),
        ("SQRT_2", sqrt(2), "f32", (24, 24)), ("SQRT_2", sqrt(2), "f64", (53, 53)),
        ("LOG2_E", 1 / LN_2, "f64", (53, 53)), ("LOG10_E", 1 / log(10), "f64", (53, 53)),
    ]:
        values = []
        for bits in parts:
            values.append(rounded(x - sum(values), bits))
        print(f"{name} {kind}: ({', '.join(literal(v, kind) for v in values)})")


if __name__ == "__main__":
    for family in sys.argv[1:] or ["parts", "exp", "ln", "erf", "normal", "trig", "pow", "root"]:
        globals()["family_" + family]()
