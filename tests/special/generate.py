"""Makes `fixture.bin.gz`: special functions and their derivatives, by mpmath with 50 digits and more.

    python generate.py [factor [names]]

takes a few minutes on two cores with gmpy2. There are some 15,000 points; a factor of 4 makes 59,000 of them, and `names`,
with commas between, are the tables that are made. The incomplete functions are summed by their power series, and
differentiated by central differences of step 1e-20; neither is how the crate computes their derivatives.

A table: the length of the name and the name; the numbers of inputs, outputs and rows as 32-bit integers; then column
by column the inputs as 64-bit floats, and of each output the values as 64-bit floats and the sensitivities as 32-bit
floats. A sensitivity is the sum, over the inputs, of the relative change of the output by a relative change of the input.
"""

import gzip
import multiprocessing
import random
import struct
import sys
from pathlib import Path

from gmpy2 import mpz
from mpmath import mp, mpf

FACTOR = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
mp.dps = 50
ETA = mpf(10) ** -18


def f64(x):
    """A number as its nearest float, subnormal or not."""
    return float(x)


def magnitude(rng, low, high):
    """A float whose logarithm is uniform."""
    return 10.0 ** rng.uniform(low, high)


def near(rng, centre, least=-12):
    return centre + rng.choice([-1, 1]) * magnitude(rng, least, -1)


# -- functions of one number: the function and its first two derivatives -----------------------------------------


def lgamma(x):
    return [mp.log(abs(mp.gamma(x))) if abs(x) < 1e6 else mp.loggamma(x), mp.psi(0, x), mp.psi(1, x)]


def digamma(x):
    return [mp.psi(0, x), mp.psi(1, x), mp.psi(2, x)]


def polygamma(n, x):
    return [mp.psi(int(n), x), mp.psi(int(n) + 1, x)]


def erfc(x):
    slope = -2 / mp.sqrt(mp.pi) * mp.exp(-x * x)
    return [mp.erfc(x), slope, -2 * x * slope]


def density(x):
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def ndtr(x):
    return [mp.erfc(-x / mp.sqrt(2)) / 2, density(x), -x * density(x)]


def log_ndtr(x):
    with mp.extradps(40):
        below = mp.erfc(-x / mp.sqrt(2)) / 2
        slope = density(x) / below
        return [mp.log(below), slope, -slope * (x + slope)]


def quantile(p):
    """Where the normal distribution has the share p below; p at most a half."""
    if p == mpf(1) / 2:
        return mpf(0)
    guess = -mp.sqrt(-2 * mp.log(2 * p)) if p < 0.3 else (p - mpf(1) / 2) * mpf("2.5066")
    for _ in range(60):
        below = mp.erfc(-guess / mp.sqrt(2)) / 2
        step = below / density(guess) * mp.log(below / p) if p < 0.3 else (below - p) / density(guess)
        guess -= step
        if abs(step) < abs(guess) * mpf(10) ** -(mp.dps - 8):
            break
    return guess


def ndtri(p):
    z = quantile(p) if p <= 0.5 else -quantile(1 - p)
    slope = 1 / density(z)
    return [z, slope, z * slope**2]


def erfinv(x):
    with mp.extradps(int(max(0, -mp.log10(abs(x))))):
        z = -quantile((1 - abs(x)) / 2) / mp.sqrt(2) * mp.sign(x)
        slope = mp.sqrt(mp.pi) / 2 * mp.exp(z * z)
        return [z, slope, 2 * z * slope**2]


def erfcinv(y):
    z = -quantile(y / 2) / mp.sqrt(2) if y <= 1 else quantile((2 - y) / 2) / mp.sqrt(2)
    slope = -mp.sqrt(mp.pi) / 2 * mp.exp(z * z)
    return [z, slope, 2 * z * slope**2]


def scaled_bessel(x):
    """e^-|x| times the modified Bessel functions of orders 0 to 3, of |x|."""
    return [mp.exp(-abs(x)) * mp.besseli(order, abs(x)) for order in range(4)]


def i0e(x):
    i0, i1, i2, _ = scaled_bessel(x)
    return [i0, (i1 - i0) * mp.sign(x), (3 * i0 - 4 * i1 + i2) / 2]


def i1e(x):
    i0, i1, i2, i3 = scaled_bessel(x)
    sign = mp.sign(x)
    return [i1 * sign, (i0 + i2) / 2 - i1, sign * ((3 * i1 + i3) / 4 - (i0 + i2) + i1)]


def log1mexp(x):
    return [mp.log(-mp.expm1(-x)), 1 / mp.expm1(x)]


def entr(x):
    return [-x * mp.log(x), -1 - mp.log(x)]


def softplus(x):
    return [mp.log1p(mp.exp(x)), 1 / (1 + mp.exp(-x))]


def log_sigmoid(x):
    return [-mp.log1p(mp.exp(-x)), 1 / (1 + mp.exp(x))]


# -- functions of several ----------------------------------------------------------------------------------------


def logaddexp(x, y):
    return [mp.log(mp.exp(x) + mp.exp(y)), 1 / (1 + mp.exp(y - x)), 1 / (1 + mp.exp(x - y))]


def kl_div(x, y):
    return [x * mp.log(x / y) - x + y, mp.log(x / y), 1 - x / y]


def xlog1py(x, y):
    return [x * mp.log1p(y), mp.log1p(y), x / (1 + y)]


def lbeta(a, b):
    with mp.extradps(max(0, int(mp.log10(a / b + b / a)) + 20)):
        value = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
        by_a, by_b = mp.psi(0, a) - mp.psi(0, a + b), mp.psi(0, b) - mp.psi(0, a + b)
        return [value, by_a, by_b, mp.psi(1, a) - mp.psi(1, a + b), -mp.psi(1, a + b), mp.exp(value), mp.exp(value) * by_a]


def series(first, x, numerator, denominator):
    """first·(1 + x·num/den·(1 + x·(num + 1)/(den + 1)·(..))), of positive terms, in fixed point; `numerator` may be missing."""
    bits = mp.prec + 30
    fixed = [to_fixed(number, bits) for number in (x, numerator or 1, denominator)]
    x, num, den = map(mpz, fixed)
    one = mpz(1) << bits
    total = term = one
    while True:
        if numerator is None:
            term, den, is_falling = term * x // den, den + one, x < den
        else:
            term, num, den = (term * x // den) * num >> bits, num + one, den + one
            is_falling = x * num < den << bits
        total += term
        if is_falling and term < 2**20:
            return first * mpf(int(total)) / mpf(int(one))


def to_fixed(x, bits):
    return int(mp.floor(mp.ldexp(x, bits)))


def lower_gamma(a, x):
    return series(mp.exp(a * mp.log(x) - x) * mp.rgamma(a + 1), x, None, a + 1)


def gammainc(a, x):
    """Of what is 1 less a small difference there are as many more digits."""
    weight = mp.exp(a * mp.log(x) - x) * mp.rgamma(a + 1)
    with mp.extradps(60 + max(0, int(-mp.log10(weight)) if x > a else 0, int(-mp.log10(a)))):
        h = max(a, mpf(1) / 1000) * mpf(10) ** -20
        below, low, high = (lower_gamma(a + step, x) for step in (0, -h, h))
        by_a, by_aa = (high - low) / (2 * h), (high - 2 * below + low) / h**2
        by_x = mp.exp((a - 1) * mp.log(x) - x - mp.loggamma(a))
        by_ax = by_x * (mp.log(x) - mp.psi(0, a))
        return [below, 1 - below, by_a, by_x, by_aa, by_ax, by_x * ((a - 1) / x - 1)]


def lower_beta(a, b, x, y):
    first = mp.exp(a * mp.log(x) + b * mp.log(y)) * mp.gamma(a + b) * mp.rgamma(a + 1) * mp.rgamma(b)
    return series(first, x, a + b, a + 1)


def betainc(a, b, x):
    log_weight = a * mp.log(x) + b * mp.log1p(-x) + mp.loggamma(a + b)
    weights = [log_weight - mp.loggamma(a + 1) - mp.loggamma(b), log_weight - mp.loggamma(a) - mp.loggamma(b + 1)]
    digits = int(max(0, *(-weight / mp.log(10) for weight in weights)))
    if digits > 330:
        raise ValueError("too small")
    with mp.extradps(60 + digits):
        y, is_below = 1 - x, x < 0.5

        def below(a, b):
            return lower_beta(a, b, x, y) if is_below else 1 - lower_beta(b, a, y, x)

        h = (a + b) * mpf(10) ** -20
        here, a_low, a_high, b_low, b_high = below(a, b), below(a - h, b), below(a + h, b), below(a, b - h), below(a, b + h)
        both_low, both_high = below(a - h, b - h), below(a + h, b + h)
        by_a, by_b = (a_high - a_low) / (2 * h), (b_high - b_low) / (2 * h)
        by_aa, by_bb = (a_high - 2 * here + a_low) / h**2, (b_high - 2 * here + b_low) / h**2
        by_ab = (both_high + both_low + 2 * here - a_high - a_low - b_high - b_low) / (2 * h * h)
        by_x = mp.exp((a - 1) * mp.log(x) + (b - 1) * mp.log(y) + mp.loggamma(a + b) - mp.loggamma(a) - mp.loggamma(b))
        return [here, by_a, by_b, by_x, by_aa, by_ab, by_bb]


# -- the points --------------------------------------------------------------------------------------------------

LEAST = 5e-324
GREATEST = 1.7976931348623157e308


def positive(rng):
    kind = rng.random()
    if kind < 0.35:
        return magnitude(rng, -300, 300)
    if kind < 0.5:
        return near(rng, rng.choice([1.0, 2.0, 1.4616321449683623]))
    return magnitude(rng, -4, 3)


def real(rng):
    if rng.random() < 0.6:
        return positive(rng)
    if rng.random() < 0.3:
        return near(rng, -float(rng.randint(0, 30)), -6)
    return -rng.uniform(0, 60)


def shares(rng):
    kind = rng.random()
    if kind < 0.25:
        return magnitude(rng, -307, -1)
    if kind < 0.4:
        return 1 - magnitude(rng, -15.9, -1)
    if kind < 0.55:
        return near(rng, 0.5)
    return rng.uniform(0, 1)


def signed_shares(rng):
    kind = rng.random()
    size = magnitude(rng, -300, 0) if kind < 0.2 else 1 - magnitude(rng, -15.9, 0) if kind < 0.5 else rng.uniform(0, 1)
    return rng.choice([-1, 1]) * size


def normals(low, high):
    return lambda rng: rng.uniform(low, high) if rng.random() < 0.8 else rng.choice([-1, 1]) * magnitude(rng, -300, 0)


def bessels(rng):
    return rng.choice([-1, 1]) * (magnitude(rng, -300, 6) if rng.random() < 0.3 else magnitude(rng, -2, 3))


def gammas(rng):
    kind = rng.random()
    if kind < 0.45:
        a = magnitude(rng, -3, 2.3)
        return a, a * magnitude(rng, -1.5, 1.2)
    if kind < 0.6:
        a = magnitude(rng, 1, 3.5)
        return a, max(a + rng.uniform(-7, 12) * a**0.5, 0.1 * a)
    if kind < 0.63:
        a = magnitude(rng, 3.5, 5)
        return a, a + rng.uniform(-7, 7) * a**0.5
    if kind < 0.8:
        return magnitude(rng, -300, 0), magnitude(rng, -2, 2)
    return magnitude(rng, -10, 1.5), magnitude(rng, -300, 0)


def betas(rng):
    kind = rng.random()
    if kind < 0.5:
        return magnitude(rng, -3, 2), magnitude(rng, -3, 2), shares(rng) if rng.random() < 0.2 else rng.uniform(0, 1)
    if kind < 0.7:
        a, b = magnitude(rng, 0, 4), magnitude(rng, 0, 4)
        mean = a / (a + b)
        x = mean + rng.uniform(-8, 8) * (mean * (1 - mean) / (a + b + 1)) ** 0.5
        return a, b, min(max(x, mean / 2), (1 + mean) / 2)
    if kind < 0.85:
        a, b = magnitude(rng, -2, 1.5), magnitude(rng, 2, 8)
        return a, b, min(magnitude(rng, -2, 1) * (a + 1) / b, 0.5)
    return magnitude(rng, -200, 1), magnitude(rng, -200, 1), shares(rng)


def pairs(rng):
    return magnitude(rng, -5, 5), magnitude(rng, -5, 5)


def wide_pairs(rng):
    if rng.random() < 0.5:
        return pairs(rng)
    return magnitude(rng, -150, 100), magnitude(rng, -150, 100)


def near_pairs(rng):
    x = magnitude(rng, -100, 100)
    return x, (x * (1 + rng.choice([-1, 1]) * magnitude(rng, -14, -0.3)) if rng.random() < 0.6 else magnitude(rng, -100, 100))


def sums(rng):
    x = rng.uniform(-700, 700)
    return x, (x + rng.uniform(-40, 40) if rng.random() < 0.7 else rng.uniform(-700, 700))


def one(draw):
    return lambda rng: (draw(rng),)


TABLES = {
    # name: (function, draw, rows, fixed points)
    "lgamma": (lgamma, one(real), 1000, [(LEAST,), (1e-308,), (GREATEST / 1e3,), (0.5,), (1.5,), (3.0,), (1e15,), (-0.5,), (-1e-300,)]),
    "digamma": (digamma, one(real), 1000, [(1e-300,), (GREATEST,), (0.5,), (1.4616321449683622,), (1.4616321449683625,), (-1e-100,)]),
    "polygamma": (polygamma, lambda rng: (rng.choice([1.0, 2.0, 3.0, 4.0, 7.0, 20.0, 60.0]), magnitude(rng, -4, 6) if rng.random() < 0.7 else -rng.uniform(0, 40)), 1000, [(1.0, 1e-150), (2.0, 1e100)]),
    "erfc": (erfc, one(normals(-6, 26)), 400, [(0.0,)]),
    "ndtr": (ndtr, one(normals(-37, 8)), 600, [(0.0,)]),
    "log_ndtr": (log_ndtr, one(lambda rng: rng.choice([normals(-40, 8)(rng), -magnitude(rng, 1, 8)])), 800, [(0.0,), (37.0,)]),
    "ndtri": (ndtri, one(shares), 800, [(LEAST,), (0.5,), (1e-308,)]),
    "erfinv": (erfinv, one(signed_shares), 800, [(LEAST,), (0.5,), (1 - 2.0**-53,), (2.0**-53 - 1,)]),
    "erfcinv": (erfcinv, one(lambda rng: 2 * shares(rng)), 800, [(LEAST,), (1.0,), (1.5,), (2 - 2.0**-52,)]),
    "gammainc": (gammainc, gammas, 1500, [(1.0, 1.0), (0.5, 1e-300), (1e-300, 1e-300), (1e-300, 1e-3), (1e-310, 0.7), (1e6, 1e6), (1e6, 9.99e5), (1e6, 1.003e6)]),
    "betainc": (betainc, betas, 1500, [(1.0, 1.0, 0.25), (0.5, 0.5, 0.5), (1e5, 1e5, 0.5), (1e5, 1e5, 0.503), (1e-300, 1e-300, 0.5)]),
    "lbeta": (lbeta, wide_pairs, 1000, [(1.0, 1.0), (1e15, 1.0), (1e-300, 1e-300)]),
    "i0e": (i0e, one(bessels), 600, [(8.0,)]),
    "i1e": (i1e, one(bessels), 600, [(0.0,), (8.0,)]),
    "log1mexp": (log1mexp, one(lambda rng: magnitude(rng, -300, 2.8)), 400, []),
    "logaddexp": (logaddexp, sums, 400, []),
    "entr": (entr, one(lambda rng: magnitude(rng, -300, 300)), 200, []),
    "kl_div": (kl_div, near_pairs, 600, []),
    "xlog1py": (xlog1py, lambda rng: (magnitude(rng, -100, 100), rng.choice([magnitude(rng, -100, 100), -rng.random()])), 300, []),
    "softplus": (softplus, one(lambda rng: rng.uniform(-700, 700) if rng.random() < 0.5 else rng.uniform(-20, 20)), 200, [(0.0,)]),
    "log_sigmoid": (log_sigmoid, one(lambda rng: rng.uniform(-700, 700) if rng.random() < 0.5 else rng.uniform(-20, 20)), 200, [(0.0,)]),
}


def row(job):
    """The outputs at a point and their sensitivities; nothing where the function has a pole."""
    name, point = job
    function = TABLES[name][0]
    try:
        here = function(*map(mpf, point))
        sensitivity = [mpf(0)] * len(here)
        first = 1 if name == "polygamma" else 0
        for index in range(first, len(point)):
            moved = [mpf(x) * (1 - ETA) if at == index else mpf(x) for at, x in enumerate(point)]
            there = function(*moved)
            for at, (a, b) in enumerate(zip(here, there)):
                sensitivity[at] += abs((a - b) / (ETA * a)) if a else mpf(0)
    except (ValueError, ZeroDivisionError, OverflowError, mp.NoConvergence) as error:
        print(name, point, repr(error), file=sys.stderr)
        return None
    return point, [f64(value) for value in here], [min(float(s), 1e30) for s in sensitivity]


def main():
    names = [name for name in TABLES if len(sys.argv) < 3 or name in sys.argv[2].split(",")]
    with multiprocessing.Pool(2) as pool, open(Path(__file__).with_name("fixture.bin"), "wb") as raw:
        for name in names:
            _, draw, rows, fixed = TABLES[name]
            rng = random.Random(name)
            points = fixed + [draw(rng) for _ in range(int(rows * FACTOR))]
            done = [each for each in pool.map(row, [(name, point) for point in points], chunksize=20) if each]
            inputs, outputs = len(done[0][0]), len(done[0][1])
            raw.write(struct.pack("<I", len(name)) + name.encode() + struct.pack("<III", inputs, outputs, len(done)))
            for index in range(inputs):
                raw.write(struct.pack(f"<{len(done)}d", *(point[index] for point, _, _ in done)))
            for index in range(outputs):
                raw.write(struct.pack(f"<{len(done)}d", *(values[index] for _, values, _ in done)))
                raw.write(struct.pack(f"<{len(done)}f", *(sensitivity[index] for _, _, sensitivity in done)))
            raw.flush()
            print(name, len(done), file=sys.stderr)
    path = Path(__file__).with_name("fixture.bin")
    path.with_suffix(".bin.gz").write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
    path.unlink()


if __name__ == "__main__":
    main()
