#!/usr/bin/env bash
# scipy 1.17.1.
#
# Behavior: `entropy` of a distribution of counts gives a finite, plausible number that is wrong where the counts spread
# over more than some thousand values: 3.60 where 7.14 is right for a negative binomial distribution with n = 10 and
# p = 0.01, 2.77 where 8.33 is right for a Poisson distribution of mean 1,000,000. All that tells is a RuntimeWarning that
# `expect()` did not converge; an array of parameters gives right and wrong numbers side by side. The sum of
# `-pmf * logpmf` over the counts that matter, with SciPy's own `logpmf`, is right.
#
# Output seen: poisson(1e6): 2.7692, by its own logpmf 8.3267; nbinom(10, 0.01): 3.6007, by its own logpmf 7.1362.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet scipy==1.17.1 numpy==2.4.6
"$folder/env/bin/python" - <<'PYTHON'
import sys
import warnings

import numpy as np
import scipy
from scipy import stats


def by_density(distribution, most):
    log_pmf = distribution.logpmf(np.arange(most))
    return float(-(np.exp(log_pmf) * np.where(np.isfinite(log_pmf), log_pmf, 0.0)).sum())


warnings.simplefilter("ignore", RuntimeWarning)
poisson, negative_binomial = stats.poisson(1e6), stats.nbinom(10, 0.01)
given = [float(distribution.entropy()) for distribution in (poisson, negative_binomial)]
right = [by_density(poisson, 2_000_000), by_density(negative_binomial, 20_000)]
print(f"scipy {scipy.__version__}: poisson(1e6): {given[0]:.4f}, by its own logpmf {right[0]:.4f}; ", end="")
print(f"nbinom(10, 0.01): {given[1]:.4f}, by its own logpmf {right[1]:.4f}")
# A normal distribution of the same variance has nearly the same entropy.
normal = 0.5 * np.log(2.0 * np.pi * np.e * 1e6)
as_observed = abs(right[0] - normal) < 1e-6 and all(off > 3.0 for off in np.subtract(right, given))
sys.exit(0 if as_observed else "this has changed")
PYTHON
