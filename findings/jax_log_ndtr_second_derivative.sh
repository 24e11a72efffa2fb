#!/usr/bin/env bash
# jax 0.10.2 on the CPU, float64 with 64-bit types enabled.
#
# Behavior: far in the left tail the second derivative of `jax.scipy.special.log_ndtr`, which tends to -1 there, is off
# without bound: -0.9990 at -30, 3169.6 at -100,000. The value and the first derivative are there to 11 and to 9 digits,
# so Newton's method on a probit likelihood, which looks at all three, walks the wrong way from a bad start with nothing
# to be seen in the gradient.
#
# Output seen: at -1e5: value off by 2e-16, first derivative by 3e-07, second derivative 3169.6 where -1.0000 is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6 mpmath==1.3.0
JAX_ENABLE_X64=1 JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PYTHON'
import sys

import jax
import mpmath
from jax.scipy.special import log_ndtr

mpmath.mp.dps = 60


def exact(x):
    # The hazard of the normal distribution, from the continued fraction's own function.
    x = mpmath.mpf(x)
    density = mpmath.exp(-x * x / 2) / mpmath.sqrt(2 * mpmath.pi)
    below = mpmath.erfc(-x / mpmath.sqrt(2)) / 2
    hazard = density / below
    return mpmath.log(below), hazard, -hazard * (x + hazard)


found = [derivative(-1e5) for derivative in (log_ndtr, jax.grad(log_ndtr), jax.grad(jax.grad(log_ndtr)))]
expected = exact(-1e5)
off = [abs(float(value) / float(right) - 1.0) for value, right in zip(found, expected)]
print(f"jax {jax.__version__}: at -1e5: value off by {off[0]:.0e}, first derivative by {off[1]:.0e}, ", end="")
print(f"second derivative {float(found[2]):.1f} where {float(expected[2]):.4f} is right")
as_observed = off[0] < 1e-9 and off[1] < 1e-5 and off[2] > 100.0
sys.exit(0 if as_observed else "this has changed")
PYTHON
