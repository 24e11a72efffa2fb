"""The numbers of `tables.rs`: `python fit.py > tables.rs`. Needs mpmath.

Nodes of Gauss and Legendre; the series of Stirling; Taylor coefficients about 2 and about the zeros of digamma; and
Chebyshev coefficients of the scaled Bessel functions, cut off where they are below half a unit in the last place.
"""

from mpmath import mp, mpf

mp.dps = 60


def literal(x):
    text = repr(float(x))
    mantissa, _, exponent = text.partition("e")
    whole, _, part = mantissa.partition(".")
    part = "_".join(part[at : at + 3] for at in range(0, len(part), 3)) or "0"
    negative, whole = whole.startswith("-"), whole.lstrip("-")
    head = len(whole) % 3
    groups = [whole[:head]] * bool(head) + [whole[at : at + 3] for at in range(head, len(whole), 3)]
    return "-" * negative + "_".join(groups) + "." + part + (f"e{int(exponent)}" if exponent else "")


def table(name, doc, values):
    print(f"\n/// {doc}\npub(super) const {name}: [f64; {len(values)}] = [")
    for value in values:
        print(f"    {literal(value)},")
    print("];")


def legendre(count):
    """The positive nodes on [-1, 1], and their weights."""
    pairs = []
    for index in range(count // 2):
        x = mp.cos(mp.pi * (index + mpf(3) / 4) / (count + mpf(1) / 2))
        while True:
            before, here = mpf(1), x
            for n in range(2, count + 1):
                before, here = here, ((2 * n - 1) * x * here - (n - 1) * before) / n
            slope = count * (x * here - before) / (x * x - 1)
            x -= here / slope
            if abs(here / slope) < mpf(10) ** -50:
                break
        pairs.append((x, 2 / ((1 - x * x) * slope * slope)))
    return pairs


def chebyshev(f, count=60):
    at = [mp.pi * (index + mpf(1) / 2) / count for index in range(count)]
    values = [f(mp.cos(angle)) for angle in at]
    sums = [mp.fsum(value * mp.cos(n * angle) for value, angle in zip(values, at)) for n in range(count)]
    coefficients = [sums[0] / count] + [2 * each / count for each in sums[1:]]
    while abs(coefficients[-1]) < abs(coefficients[0]) * mpf(2) ** -57:
        coefficients.pop()
    return coefficients


def near(order):
    """On [0, 8]."""
    return lambda t: mp.exp(-4 * t - 4) * mp.besseli(order, 4 * t + 4) / (4 * t + 4) ** order


def far(order):
    """For x at least 8, times √x, in 16/x - 1."""
    return lambda t: mp.sqrt(16 / (t + 1)) * mp.exp(-16 / (t + 1)) * mp.besseli(order, 16 / (t + 1))


def zero(name, about):
    root = mp.findroot(mp.digamma, mpf(about))
    print(f"\n/// The zero of digamma near {about}, and what its nearest float lacks of it.")
    print(f"pub(super) const {name}_ZERO: [f64; 2] = [{literal(root)}, {literal(root - mpf(float(root)))}];")
    table(f"AT_{name}_ZERO", "The Taylor coefficients of digamma there, from the first power on.",
          [mp.psi(n, root) / mp.factorial(n) for n in range(1, 29)])


print("//! Coefficients, which `fit.py` has computed.")
table("NODES", "The positive nodes of the 20-point rule of Gauss and Legendre on [-1, 1].", [x for x, _ in legendre(20)])
table("WEIGHTS", "Their weights.", [w for _, w in legendre(20)])
table("BERNOULLI", "The Bernoulli numbers B₂, B₄, ..", [mp.bernoulli(2 * n) for n in range(1, 13)])
table("LGAMMA_AT_2", "(-1)ⁿ·(ζ(n) - 1)/n for n from 2 on: the Taylor coefficients of lgamma about 2.",
      [(-1) ** n * (mp.zeta(n) - 1) / n for n in range(2, 33)])
zero("POSITIVE", 1.4616321449683623)
zero("NEGATIVE", -0.5040830082644554)
table("I0_NEAR", "e⁻ˣ·I₀(x) on [0, 8].", chebyshev(near(0)))
table("I0_FAR", "√x·e⁻ˣ·I₀(x) for x at least 8, in 16/x - 1.", chebyshev(far(0)))
table("I1_NEAR", "e⁻ˣ·I₁(x)/x on [0, 8].", chebyshev(near(1)))
table("I1_FAR", "√x·e⁻ˣ·I₁(x) for x at least 8, in 16/x - 1.", chebyshev(far(1)))
