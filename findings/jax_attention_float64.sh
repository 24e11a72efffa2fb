#!/usr/bin/env bash
# jax 0.10.2 on the CPU, float64 with 64-bit types enabled.
#
# Behavior: `jax.nn.dot_product_attention` of float64 arrays gives float64 arrays whose digits are those of float32: it
# computes the scores and their softmax in float32, whatever it is given. The same formula, written with `jnp.einsum` and
# `jax.nn.softmax` on the same arrays, is right to the last digits of float64. Whoever takes it for a reference in
# float64, or differentiates it there, gets seven digits.
#
# Output seen: float64, off by 9.5e-08; written out: off by 2.2e-16.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/env"
"$folder/env/bin/pip" install --quiet jax==0.10.2 jaxlib==0.10.2 numpy==2.4.6
JAX_ENABLE_X64=1 JAX_PLATFORMS=cpu "$folder/env/bin/python" - <<'PYTHON'
import sys

import jax
import jax.numpy as jnp
import numpy as np

random = np.random.default_rng(0)
# Batch, time, heads, features.
query, key, value = (random.standard_normal((1, 5, 1, 4)) for _ in range(3))

scores = np.einsum("btnh,bsnh->bnts", query, key) / np.sqrt(4.0)
weights = np.exp(scores - scores.max(-1, keepdims=True))
weights /= weights.sum(-1, keepdims=True)
expected = np.einsum("bnts,bsnh->btnh", weights, value)

arrays = [jnp.asarray(array) for array in (query, key, value)]
attention = jax.nn.dot_product_attention(*arrays)
written_out = jnp.einsum(
    "bnts,bsnh->btnh", jax.nn.softmax(jnp.einsum("btnh,bsnh->bnts", *arrays[:2]) / 2.0), arrays[2]
)
off = float(np.abs(np.asarray(attention) - expected).max())
off_written_out = float(np.abs(np.asarray(written_out) - expected).max())
print(f"jax {jax.__version__}: {attention.dtype}, off by {off:.1e}; written out: off by {off_written_out:.1e}")
as_observed = attention.dtype == np.float64 and 1e-9 < off < 1e-6 and off_written_out < 1e-14
sys.exit(0 if as_observed else "this has changed")
PYTHON
