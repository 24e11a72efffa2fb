"""Writes distributions.json: logarithms of densities and entropies, by mpmath 1.3.

Densities are those of the definitions, in 80 digits; entropies are integrals of them, or sums over counts, of which those
of a large deviation are taken in steps of an eighth of it, by the rule of trapezoids. Run in a directory with mpmath:
python3 distributions.py
"""

import json

from mpmath import mp, mpf

mp.dps = 80


def binomial_coefficient(n, k):
    return mp.gamma(n + 1) / mp.gamma(k + 1) / mp.gamma(n - k + 1)


# Of the parameters and x.
DENSITIES = {
    "normal": lambda loc, scale, x: mp.exp(-(((x - loc) / scale) ** 2) / 2) / (scale * mp.sqrt(2 * mp.pi)),
    "gamma": lambda a, rate, x: rate**a * x ** (a - 1) * mp.exp(-rate * x) / mp.gamma(a),
    "beta": lambda a, b, x: x ** (a - 1) * (1 - x) ** (b - 1) / mp.beta(a, b),
    "student_t": lambda df, loc, scale, x: mp.gamma((df + 1) / 2)
    / (mp.gamma(df / 2) * mp.sqrt(df * mp.pi) * scale)
    * (1 + ((x - loc) / scale) ** 2 / df) ** (-(df + 1) / 2),
    "von_mises": lambda loc, kappa, x: mp.exp(kappa * mp.cos(x - loc)) / (2 * mp.pi * mp.besseli(0, kappa)),
    "poisson": lambda rate, k: rate**k * mp.exp(-rate) / mp.gamma(k + 1),
    "binomial": lambda n, p, k: binomial_coefficient(n, k) * p**k * (1 - p) ** (n - k),
    "negative_binomial": lambda r, p, k: mp.gamma(k + r) / (mp.gamma(k + 1) * mp.gamma(r)) * p**k * (1 - p) ** r,
}

POINTS = {
    "normal": [(0, 1, 0), (1.5, 0.25, 2.75), (-3, 1e-3, -3.0005), (0, 1, 38), (1e6, 2, 1000001), (0, 1e10, 5)],
    "gamma": [(1, 1, 2), (0.5, 3, 0.1), (100, 0.25, 390), (1e4, 1e3, 10.2), (2.5, 1, 1e-8), (0.01, 1, 1e-30), (3, 2, 200), (1e6, 0.5, 2000900), (1e12, 1024, 976561500)],
    "beta": [(1, 1, 0.25), (0.5, 0.5, 1e-10), (20, 3, 0.875), (1e3, 2e3, 0.34375), (2, 5, 0.999), (0.125, 7, 0.5), (1e6, 3e6, 0.25048828125), (1e12, 3e12, 0.2500002384185791015625)],
    "student_t": [(1, 0, 1, 1), (3.5, -1, 2, 8), (30, 0, 1, 6), (1e6, 0, 1, 2), (0.5, 0, 1, 1e8), (4, 10, 0.01, 10)],
    "von_mises": [(0, 0.5, 1), (1, 4, -2), (0, 100, 0.1), (0, 1e6, 1e-3), (2, 1e-6, 3), (0, 700, 0.05)],
    "poisson": [(0.5, 0), (3, 7), (100, 90), (1e4, 10100), (1e-5, 2), (2.5, 60), (1e6, 1000900), (1e12, 1000001500000)],
    "binomial": [(3, 0.5, 2), (10, 0.125, 0), (10, 0.125, 10), (1000, 0.25, 260), (50, 0.875, 20), (1e5, 1e-4, 12), (1e6, 0.25, 250500), (1e12, 0.25, 250000600000)],
    "negative_binomial": [(1, 0.5, 2), (0.25, 0.75, 40), (30, 0.125, 0), (1e3, 0.5, 1010), (5.5, 0.9375, 100), (1e6, 0.75, 3001500), (1e12, 0.5, 1000001500000), (2, 0.99999999999, 1e11), (1e6, 0.99999999, 1.0001e14)],
}

# The parameters, and where the density lies.
ENTROPIES = {
    "normal": [((0, 1), [-mp.inf, 0, mp.inf]), ((3, 0.125), [1, 3, 5])],
    "gamma": [((1, 1), [0, 1, 10, 100, 400]), ((2.5, 4), [0, 0.5, 2, 10, 60]), ((40, 0.5), [0, 60, 80, 100, 300, 1200]), ((1e12, 1), None)],
    "beta": [((1, 1), [0, 1]), ((2.5, 4), [0, 0.5, 1]), ((30, 5), [0, 0.7, 0.9, 1]), ((1e12, 3e12), None)],
    "student_t": [((3.5, 0, 1), [-mp.inf, 0, mp.inf]), ((30, 2, 0.5), [-mp.inf, 2, mp.inf]), ((1e12, 0, 1), None)],
    "von_mises": [((0, 0.5), [-mp.pi, 0, mp.pi]), ((0, 30), [-mp.pi, -1, 0, 1, mp.pi]), ((0, 1e9), None)],
}


def student_t(df, loc, scale):
    half, above = df / 2, (df + 1) / 2
    return above * (mp.psi(0, above) - mp.psi(0, half)) + mp.log(scale * mp.sqrt(df) * mp.beta(half, mp.mpf(1) / 2))


# Where an integral would take long.
CLOSED = {
    "gamma": lambda a, rate: a - mp.log(rate) + mp.loggamma(a) + (1 - a) * mp.psi(0, a),
    "beta": lambda a, b: mp.loggamma(a)
    + mp.loggamma(b)
    - mp.loggamma(a + b)
    - (a - 1) * mp.psi(0, a)
    - (b - 1) * mp.psi(0, b)
    + (a + b - 2) * mp.psi(0, a + b),
    "student_t": student_t,
    "von_mises": lambda loc, kappa: mp.log(2 * mp.pi * mp.besseli(0, kappa))
    - kappa * mp.besseli(1, kappa) / mp.besseli(0, kappa),
}

# The parameters of counts.
COUNTS = {
    "poisson": [(1e-8,), (0.5,), (40,), (99,), (101,), (999,), (1001,), (1e6,), (1e12,)],
    "binomial": [(1, 0.25), (10, 0.9), (100, 0.5), (1000, 0.001), (3000, 0.05), (4010, 0.5), (1e6, 0.01), (1e12, 0.75)],
    "negative_binomial": [(1, 0.5), (1e-3, 0.5), (5.5, 0.9375), (200, 0.6), (0.5, 0.99), (90, 0.9), (1000.5, 0.5), (1e9, 0.9)],
}

# Their mean and variance, and the largest count.
MOMENTS = {
    "poisson": lambda rate: (rate, rate, mp.inf),
    "binomial": lambda n, p: (n * p, n * p * (1 - p), n),
    "negative_binomial": lambda r, p: (r * p / (1 - p), r * p / (1 - p) ** 2, mp.inf),
}


def entropy_of_counts(name, parameters):
    mean, variance, most = MOMENTS[name](*parameters)
    deviation = mp.sqrt(variance)
    step = deviation / 8 if deviation > 200 else mpf(1)
    term = lambda k: (lambda p: -p * mp.log(p) if p > 0 else mpf(0))(DENSITIES[name](*parameters, k))
    if step != 1:
        return step * mp.fsum(term(mean + n * step) for n in range(-8 * 12, 8 * 14))
    sum, k = mpf(0), 0
    while k <= most:
        of_k = term(mpf(k))
        sum, k = sum + of_k, k + 1
        if k > mean and of_k < sum * mpf(10) ** -25:
            break
    return sum


def entropy(name, density, parameters, ends):
    if ends is None:
        return CLOSED[name](*parameters)

    def integrand(x):
        p = density(*parameters, x)
        return -p * mp.log(p) if p > 0 else mpf(0)

    return mp.quad(integrand, ends)


def exact(numbers):
    return [mpf(number) for number in numbers]


fixture = {
    name: {
        "log_prob": [
            [*map(float, point), float(mp.log(DENSITIES[name](*exact(point))))] for point in POINTS[name]
        ],
        "entropy": [
            [*map(float, parameters), float(entropy(name, DENSITIES[name], exact(parameters), ends))]
            for parameters, ends in ENTROPIES.get(name, [])
        ]
        + [[*map(float, parameters), float(entropy_of_counts(name, exact(parameters)))] for parameters in COUNTS.get(name, [])],
    }
    for name in DENSITIES
}

with open("distributions.json", "w") as file:
    json.dump(fixture, file, indent=1)
    file.write("\n")
