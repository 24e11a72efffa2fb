"""Writes fixture.json: functions of matrices with their first derivatives, and second ones in one direction, by JAX.

    python -m venv venv && venv/bin/pip install jax numpy scipy && venv/bin/python tests/linalg/generate.py

A result that is no number is weighted: its element i counts sin(1 + i). What depends on the choice of signs is squared. The
direction has cos(1 + i).
"""

import json
import os
import sys

import jax

jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp
import jax.scipy.linalg as jsl
import numpy as np

rng = np.random.default_rng(16)


def weighted(*parts):
    return sum(jnp.sum(jnp.sin(1.0 + jnp.arange(p.size)).reshape(p.shape) * p) for p in parts)


def normal(*shape):
    return rng.standard_normal(shape)


def positive(*shape):
    a = normal(*shape)
    return a @ a.swapaxes(-1, -2) + np.eye(shape[-1])


def symmetric(n):
    a = normal(n, n)
    return (a + a.T) / 2


def wide_qr(a):
    m = a.shape[0]
    q, u = jnp.linalg.qr(a[:, :m])
    return q, jnp.concatenate([u, q.T @ a[:, m:]], 1)


def svd_squares(a):
    u, s, vt = jnp.linalg.svd(a, full_matrices=False)
    return weighted(u * u, s, vt * vt)


def eigh_squares(a):
    w, v = jnp.linalg.eigh(a)
    return weighted(w, v * v)


def qr_parts(a):
    return weighted(*jnp.linalg.qr(a))


def pinv_cut(a):
    return jnp.linalg.pinv(a, rtol=1e-10)


def low_rank(m, n, rank):
    return normal(m, rank) @ normal(rank, n)


CASES = [
    ("cholesky", lambda a: weighted(jnp.linalg.cholesky(a)), [positive(4, 4)]),
    ("cholesky_batch", lambda a: weighted(jnp.linalg.cholesky(a)), [positive(2, 3, 3)]),
    ("cholesky_large", lambda a: weighted(jnp.linalg.cholesky(a)), [positive(18, 18)]),
    ("logdet", lambda a: jnp.linalg.slogdet((a + a.T) / 2)[1], [positive(5, 5)]),
    ("cholesky_solve", lambda a, b: weighted(jsl.cho_solve((jnp.linalg.cholesky(a), True), b)), [positive(4, 4), normal(4, 2)]),
    ("triangular_solve", lambda a, b: weighted(jsl.solve_triangular(a, b, lower=True)), [normal(4, 4) + 4 * np.eye(4), normal(4, 3)]),
    ("triangular_solve_adjoint", lambda a, b: weighted(jsl.solve_triangular(a, b, trans=1, lower=False)), [normal(18, 18) / 4 + 4 * np.eye(18), normal(18, 3)]),
    ("lu", lambda a: weighted(jax.lax.linalg.lu(a)[0]), [normal(5, 5)]),
    ("lu_tall", lambda a: weighted(jax.lax.linalg.lu(a)[0]), [normal(6, 4)]),
    ("lu_wide", lambda a: weighted(jax.lax.linalg.lu(a)[0]), [normal(4, 6)]),
    ("lu_large", lambda a: weighted(jax.lax.linalg.lu(a)[0]), [normal(18, 18)]),
    ("solve", lambda a, b: weighted(jnp.linalg.solve(a, b)), [normal(5, 5), normal(5, 2)]),
    ("solve_large", lambda a, b: weighted(jnp.linalg.solve(a, b)), [normal(18, 18), normal(18, 2)]),
    ("inv", lambda a: weighted(jnp.linalg.inv(a)), [normal(4, 4)]),
    ("det", jnp.linalg.det, [normal(4, 4)]),
    ("slogdet", lambda a: jnp.linalg.slogdet(a)[1], [normal(5, 5)]),
    ("qr", qr_parts, [normal(4, 4)]),
    ("qr_tall", qr_parts, [normal(6, 3)]),
    ("qr_large", qr_parts, [normal(20, 18)]),
    ("qr_wide", lambda a: weighted(*wide_qr(a)), [normal(3, 5)]),
    ("eigh", eigh_squares, [symmetric(5)]),
    ("eigh_large", eigh_squares, [symmetric(18)]),
    ("svd", svd_squares, [normal(4, 4)]),
    ("svd_tall", svd_squares, [normal(5, 3)]),
    ("svd_wide", svd_squares, [normal(3, 5)]),
    ("svd_large", svd_squares, [normal(20, 18)]),
    ("svdvals", lambda a: weighted(jnp.linalg.svd(a, compute_uv=False)), [normal(4, 3)]),
    ("pinv", lambda a: weighted(jnp.linalg.pinv(a)), [normal(5, 3)]),
    ("pinv_low_rank", lambda a: weighted(pinv_cut(a)), [low_rank(5, 4, 2)]),
    ("lstsq", lambda a, b: weighted(jnp.linalg.pinv(a) @ b), [normal(6, 3), normal(6, 2)]),
    ("lstsq_wide", lambda a, b: weighted(jnp.linalg.pinv(a) @ b), [normal(3, 5), normal(3, 2)]),
    ("lstsq_low_rank", lambda a, b: weighted(pinv_cut(a) @ b), [low_rank(5, 4, 2), normal(5, 2)]),
    ("expm", lambda a: weighted(jsl.expm(a)), [normal(4, 4)]),
    ("expm_small", lambda a: weighted(jsl.expm(a)), [normal(3, 3) / 100]),
    ("expm_far", lambda a: weighted(jsl.expm(a)), [normal(5, 5) * 4]),
    ("matrix_power", lambda a: weighted(jnp.linalg.matrix_power(a, 5)), [normal(3, 3)]),
    ("matrix_norm_2", lambda a: jnp.linalg.norm(a, 2), [normal(4, 3)]),
    ("matrix_norm_nuc", lambda a: jnp.linalg.norm(a, "nuc"), [normal(3, 4)]),
    ("kron", lambda a, b: weighted(jnp.kron(a, b)), [normal(2, 3), normal(3, 2)]),
]


def numbers(array):
    array = np.asarray(array, dtype=np.float64)
    return {"dtype": "float64", "shape": list(array.shape), "data": " ".join(repr(float(x)) for x in array.ravel())}


def case(name, of, inputs):
    inputs = [jnp.asarray(x) for x in inputs]
    places = tuple(range(len(inputs)))
    directions = [jnp.cos(1.0 + jnp.arange(x.size)).reshape(x.shape) for x in inputs]
    gradient = jax.grad(of, argnums=places)

    def along(*xs):
        return sum(jnp.sum(g * d) for g, d in zip(gradient(*xs), directions))

    return {
        "name": name,
        "inputs": [numbers(x) for x in inputs],
        "value": float(of(*inputs)),
        "first": [numbers(x) for x in gradient(*inputs)],
        "second": [numbers(x) for x in jax.grad(along, argnums=places)(*inputs)],
    }


here = os.path.dirname(os.path.abspath(sys.argv[0]))
with open(os.path.join(here, "fixture.json"), "w") as file:
    file.write("[\n" + ",\n".join(json.dumps(case(*each), separators=(",", ":")) for each in CASES) + "\n]\n")
