"""Makes fixture.json.gz: what NumPy, SciPy and JAX say in float64 about order, scans, counts, segments,
transforms and sparse matrices.

    python3 -m venv env && env/bin/pip install numpy==2.4.6 scipy==1.17.1 jax==0.10.2
    env/bin/python tests/order/generate.py

These are the versions (with Python 3.11) that made the committed file; another run on the same machine makes the same
file, as inputs come from a generator that is seeded by the op's name. A new op is a function or a `case` here, under its
name in the registry of ops, by which `tests/order/main.rs` builds it; that reads the file, without Python.

The file holds one case a line: the op, what is special about the case, the op's attributes, the inputs, the outputs, and,
where derivatives are compared, a cotangent for each float64 output, the vector-Jacobian products of the inputs that `wrt`
lists, a direction for each of these, and the gradient of sum(product * direction) by each of them: the Hessian-vector
products. Arrays are {dtype, shape, data}; data are the elements in row-major order in Python's shortest decimal form, which
gives back the same bits, with nan, inf and -inf.

Values are NumPy's, of cosine transforms and convolutions SciPy's; derivatives are JAX's. The script stops where JAX's values are not within 1e-12 of NumPy's.
"""

import gzip
import json
import pathlib
import sys
import warnings

import jax
import jax.numpy as jnp
import numpy as np
import scipy.fft
import scipy.signal
import scipy.sparse

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "common"))
from cases import encoded, normal, rng, tuple_of

jax.config.update("jax_enable_x64", True)
warnings.filterwarnings("ignore", category=RuntimeWarning)

CASES = []
NAN, INF = np.nan, np.inf
NASTY = [1.0, NAN, -INF, 1.0, -0.0, 0.0, NAN, INF, -2.5, 1.0]


def case(op, inputs, numpy, by_jax=None, derivatives=True, wrt=None, about="", **attributes):
    """Adds a case. Both functions are given the module; JAX computes it as NumPy does by default."""
    inputs = [np.asarray(x) for x in inputs]
    outputs = [np.asarray(y) for y in tuple_of(numpy(np, *inputs))]
    entry = {"op": op, "about": about, "attributes": attributes}
    entry["inputs"] = [encoded(x) for x in inputs]
    entry["outputs"] = [encoded(y) for y in outputs]
    wrt = [i for i, x in enumerate(inputs) if x.dtype == np.float64] if wrt is None else wrt
    if derivatives and wrt:
        compute = lambda *xs: tuple_of((by_jax or numpy)(jnp, *xs))
        for ours, theirs in zip(outputs, compute(*map(jnp.asarray, inputs)), strict=True):
            assert ours.shape == theirs.shape, (op, about, ours.shape, theirs.shape)
            near = np.isclose(ours, theirs, rtol=1e-12, atol=1e-12, equal_nan=True)
            assert near.all(), (op, about, ours, theirs)
        entry["wrt"] = wrt
        entry |= differentiated(op, inputs, outputs, compute, wrt, about)
    CASES.append(entry)


def differentiated(op, inputs, outputs, compute, wrt, about):
    floats = [i for i, y in enumerate(outputs) if y.dtype == np.float64]
    cotangents = normal(op, *(outputs[i].shape for i in floats))
    directions = normal(op, *(inputs[i].shape for i in wrt))

    def weighted(*xs):
        full = [jnp.asarray(x) for x in inputs]
        for i, x in zip(wrt, xs):
            full[i] = x
        ys = compute(*full)
        return sum(jnp.sum(ys[i] * v) for i, v in zip(floats, cotangents))

    arguments = tuple(range(len(wrt)))
    first = jax.grad(weighted, arguments)
    second = jax.grad(lambda *xs: sum(jnp.sum(d * u) for d, u in zip(first(*xs), directions)), arguments)
    points = [jnp.asarray(inputs[i]) for i in wrt]
    vjp, hvp = [np.asarray(d) for d in first(*points)], [np.asarray(d) for d in second(*points)]
    for array in [*vjp, *hvp]:
        assert np.isfinite(array).all(), (op, about, array)
    names = {"cotangents": cotangents, "vjp": vjp, "directions": directions, "hvp": hvp}
    return {name: [encoded(a) for a in arrays] for name, arrays in names.items()}


# -- order ----------------------------------------------------------------------------------------


def ranked(x, axis, descending):
    """The order that NumPy has for ascending numbers, also for descending ones: equal elements in their order, and NaNs as
    the largest numbers."""
    if not descending:
        return np.argsort(x, axis=axis, kind="stable")
    turned = np.flip(x, axis)
    return x.shape[axis] - 1 - np.flip(np.argsort(turned, axis=axis, kind="stable"), axis)


def order():
    shapes = [((5,), 0), ((3, 4), -1), ((3, 4), 0), ((2, 5, 3), 1), ((1,), 0), ((0,), 0), ((2, 0, 3), 2), ((70,), -1)]
    for (shape, axis), descending in ((s, d) for s in shapes for d in (False, True)):
        values = lambda n, x: n.take_along_axis(x, n.asarray(ranked(np.asarray(x), axis, descending)), axis)
        by_jax = lambda n, x: n.sort(x, axis=axis, descending=descending)
        x = normal("sort", shape)
        case("sort", x, values, by_jax, axis=axis, descending=descending)
        case("argsort", x, lambda n, x: ranked(x, axis, descending), derivatives=False, axis=axis, descending=descending)
        ties = [np.round(x[0])]
        case("argsort", ties, lambda n, x: ranked(x, axis, descending), derivatives=False, about="ties", axis=axis,
             descending=descending)
        whole = [np.round(2 * x[0]).astype(np.int64)]
        case("sort", whole, values, about="integers", axis=axis, descending=descending)
    for descending in (False, True):
        nasty = np.array([NASTY, NASTY[::-1]])
        take = lambda n, x: np.take_along_axis(x, ranked(x, -1, descending), -1)
        case("sort", [nasty], take, derivatives=False, about="nasty", axis=-1, descending=descending)
        case("argsort", [nasty], lambda n, x: ranked(x, -1, descending), derivatives=False, about="nasty", axis=-1,
             descending=descending)


def searched():
    def in_rows(side):
        def search(n, sorted, values):
            if sorted.ndim == 1:
                return np.searchsorted(sorted, values, side=side)
            rows = [np.searchsorted(a, v, side=side) for a, v in
                    zip(*(x.reshape(int(np.prod(x.shape[:-1])), -1 if x.size else x.shape[-1]) for x in (sorted, values)))]
            return np.array(rows, dtype=np.int64).reshape(values.shape)
        return search

    op = "searchsorted"
    shapes = [((6,), (4,)), ((6,), ()), ((0,), (3,)), ((1,), (2, 2)), ((3, 5), (3, 2)), ((2, 2, 4), (2, 2, 3)), ((2, 3), (2, 0))]
    for (sorted, values), right in ((s, r) for s in shapes for r in (False, True)):
        a, v = np.sort(np.round(2 * rng(op).standard_normal(sorted)), -1), np.round(2 * rng(op).standard_normal(values))
        side = "right" if right else "left"
        case(op, [a, v], in_rows(side), derivatives=False, right=right)
        whole = [a.astype(np.int32), v.astype(np.int32)]
        case(op, whole, in_rows(side), derivatives=False, about="integers", right=right)
        nasty = [np.sort(NASTY), np.array(NASTY)]
        case(op, nasty, in_rows(side), derivatives=False, about="nasty", right=right)


def different():
    def unique(n, x, fill, size):
        values, counts = np.unique(x, return_counts=True, equal_nan=False)
        short = size - len(values)
        return np.append(values, np.full(short, fill, x.dtype)), np.append(counts, np.zeros(short, np.int64))

    op = "unique_counts"
    for shape in [(7,), (3, 4), (1,), (0,), (2, 0)]:
        size = int(np.prod(shape)) + 2
        x = np.round(rng(op).standard_normal(shape))
        compute = lambda n, x, fill: unique(n, x, fill, size)
        case(op, [x, np.array(-9.0)], compute, derivatives=False, about="ties", size=size)
        case(op, [x.astype(np.int32), np.int32(7)], compute, derivatives=False, about="integers", size=size)
        by_jax = lambda n, x, fill: (
            n.where(np.arange(size) < x.size, n.unique(x, size=size, fill_value=0.0), fill),
            n.asarray([1] * x.size + [0] * (size - x.size)),
        )
        case(op, [*normal(op, shape), np.array(2.0)], compute, by_jax, derivatives=x.size > 0, about="no ties", size=size)
    case(op, [np.array(NASTY), np.array(0.0)], lambda n, x, fill: unique(n, x, fill, 10), derivatives=False, about="nasty", size=10)
    for shape in [(7,), (3, 4), (2, 2, 2), (1,), (0,), (2, 0), ()]:
        size = int(np.prod(shape)) + 1
        for x in [np.maximum(0.0, rng("nonzero").standard_normal(shape)), np.zeros(shape)]:
            def places(n, x):
                rows = np.argwhere(x) if x.ndim else np.zeros((int(x != 0), 0))
                return np.append(rows, np.full((size - len(rows), x.ndim), -1), 0).astype(np.int64)
            case("nonzero", [x], places, derivatives=False, size=size, fill=-1)


def counted():
    for shape, length in [((9,), 5), ((3, 4), 7), ((0,), 3), ((), 4)]:
        x = rng("bincount").integers(0, min(length, 4), shape)
        case("bincount", [x], lambda n, x: np.bincount(x.ravel(), minlength=length), derivatives=False, length=length)
        add = lambda n, x, w: n.bincount(x.ravel(), w.ravel(), minlength=length, **({"length": length} if n is jnp else {})).astype(float)
        case("bincount_with", [x, *normal("bincount_with", shape)], add, length=length)
    for shape, bins, low, high in [((50,), 7, -1.5, 2.0), ((4, 5), 1, 0.0, 1.0), ((0,), 3, -1.0, 1.0), ((200,), 64, -3.0, 3.0)]:
        x, w = normal("histogram", shape, shape)
        count = lambda n, x: np.histogram(x, bins, (low, high))[0].astype(np.int64)
        case("histogram", [x], count, derivatives=False, bins=bins, low=low, high=high)
        whole = [np.round(2 * x).astype(np.int64)]
        case("histogram", whole, count, derivatives=False, about="integers", bins=bins, low=low, high=high)
        add = lambda n, x, w: n.histogram(x, bins, (low, high), weights=w)[0]
        case("histogram_with", [x, w], add, wrt=[1], bins=bins, low=low, high=high)
    finite = [x for x in NASTY if not np.isnan(x)]  # with NaNs NumPy fails
    count = lambda n, x: np.histogram(x[~np.isnan(x)], 4, (-2.0, 2.0))[0].astype(np.int64)
    case("histogram", [np.array(NASTY)], count, derivatives=False, about="nasty", bins=4, low=-2.0, high=2.0)
    assert len(finite) < len(NASTY)


# -- scans ----------------------------------------------------------------------------------------


def moved(n, scan, first, x, axis, exclusive, reverse):
    """A scan of all before each element, and itself, as `cumsum` has it."""
    x = n.flip(x, axis) if reverse else x
    if exclusive and x.shape[axis]:
        rest = n.take(x, np.arange(x.shape[axis] - 1), axis)
        start = n.full([1 if i == axis % x.ndim else length for i, length in enumerate(x.shape)], first)
        y = n.concatenate([start, scan(n, rest, axis)], axis)
    else:
        y = scan(n, x, axis)
    return n.flip(y, axis) if reverse else y


def log_cumsum_exp(n, x, axis):
    return jax.lax.cumlogsumexp(x, axis % x.ndim) if n is jnp else np.logaddexp.accumulate(x, axis)


def product(n, x, axis):
    return n.cumprod(x, axis=axis)


def scans():
    shapes = [((5,), 0), ((3, 4), -1), ((3, 4), 0), ((2, 5, 3), 1), ((1,), 0), ((0,), 0), ((2, 0, 3), 1)]
    ways = [(e, r) for e in (False, True) for r in (False, True)]
    for (shape, axis), (exclusive, reverse) in ((s, w) for s in shapes for w in ways):
        way = dict(axis=axis, exclusive=exclusive, reverse=reverse)
        products = lambda n, x: moved(n, product, 1, x, **way)
        x = normal("cumprod", shape)
        case("cumprod", x, products, **way)
        zeros = [np.where(rng("cumprod").random(shape) < 0.4, 0.0, x[0])]
        case("cumprod", zeros, products, about="zeros", **way)
        whole = [np.round(2 * x[0]).astype(np.int64)]
        case("cumprod", whole, products, derivatives=False, about="integers", **way)
        x = [3 * a for a in normal("logcumsumexp", shape)]
        if not exclusive:
            case("logcumsumexp", x, lambda n, x: moved(n, log_cumsum_exp, -INF, x, **way), **way)
            far = [rng("logcumsumexp").uniform(-900, 900, shape)]
            case("logcumsumexp", far, lambda n, x: moved(n, log_cumsum_exp, -INF, x, **way), about="far apart", **way)
        else:  # JAX has no derivative at -inf
            case("logcumsumexp", x, lambda n, x: moved(n, log_cumsum_exp, -INF, x, **way), derivatives=False, **way)
    for op, function in [("cumprod", np.cumprod), ("logcumsumexp", lambda x: np.logaddexp.accumulate(x))]:
        way = dict(axis=0, exclusive=False, reverse=False)
        for about, x in [("nasty", NASTY), ("infinite", [-INF, -INF, 1.0, 2.0, INF, 3.0])]:
            case(op, [np.array(x)], lambda n, x: function(x), derivatives=False, about=about, **way)
    for (shape, axis), reverse in ((s, r) for s in shapes for r in (False, True)):
        for op, numpy, by_jax in [("cummax", np.maximum, jax.lax.cummax), ("cummin", np.minimum, jax.lax.cummin)]:
            def compute(n, x):
                if n is jnp:
                    values = by_jax(x, axis % x.ndim, reverse)
                else:
                    values = np.flip(numpy.accumulate(np.flip(x, axis), axis), axis) if reverse else numpy.accumulate(x, axis)
                here = np.asarray(jax.lax.stop_gradient(x)) if n is np else None
                return values, None if here is None else indices(here, values, axis, reverse)

            def indices(x, values, axis, reverse):
                """Of each value the first place, on the way, that has it."""
                x, values = np.moveaxis(x, axis, -1), np.moveaxis(values, axis, -1)
                found = np.zeros(x.shape, np.int64)
                for at in np.ndindex(x.shape):
                    places = range(x.shape[-1])[::-1] if reverse else range(x.shape[-1])
                    same = lambda a, b: a == b or a != a and b != b
                    found[at] = next(p for p in places if same(x[at[:-1] + (p,)], values[at]))
                return np.moveaxis(found, -1, axis)

            x = normal(op, shape)
            first = lambda n, x: compute(n, x) if n is np else (compute(n, x)[0], jnp.asarray(compute(np, np.asarray(x))[1]))
            values_alone = lambda n, x: (compute(n, x)[0], n.asarray(compute(np, fixed)[1]))
            fixed = x[0]
            case(op, x, first, values_alone, axis=axis, reverse=reverse)
            case(op, [np.round(x[0])], first, derivatives=False, about="ties", axis=axis, reverse=reverse)
    for op, numpy in [("cummax", np.maximum), ("cummin", np.minimum)]:
        x = np.array(NASTY)
        case(op, [x], lambda n, x: (numpy.accumulate(x), np.array(
            {"cummax": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1], "cummin": [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]}[op])),
            derivatives=False, about="nasty", axis=0, reverse=False)
    for (shape, axis), n in ((s, n) for s in shapes for n in (0, 1, 2, 4)):
        case("diff", normal("diff", shape), lambda m, x: m.diff(x, n, axis), n=n, axis=axis)


# -- quantiles ------------------------------------------------------------------------------------

METHODS = ["linear", "lower", "higher", "nearest", "midpoint"]


def axes(axes, keep_dims=False):
    return {"axes": axes, "keep_dims": keep_dims}


def quantiles():
    whole = [((7,), [0]), ((3, 4), [-1]), ((3, 4), None), ((2, 5, 3), [1]), ((2, 5, 3), [2, 0]), ((1,), [0]), ((12,), [0])]
    for (shape, along), keep in ((s, k) for s in whole for k in (False, True)):
        axis = None if along is None else tuple(along)
        x = normal("median", shape)
        case("median", x, lambda n, x: n.median(x, axis=axis, keepdims=keep), axes=axes(along, keep))
        for q in [0.0, 0.3, 0.5, 1.0, [0.25, 0.9], [0.5]]:
            for method in METHODS[: 1 if keep else None]:
                count = np.prod(shape) if axis is None else np.prod([shape[i] for i in axis])
                # Of two that are as near, JAX takes another one.
                is_half = method == "nearest" and np.any((count - 1) * np.asarray(q) % 1 == 0.5)
                case("quantile", normal("quantile", shape),
                     lambda n, x: n.quantile(x, n.asarray(q), axis=axis, keepdims=keep, method=method),
                     derivatives=not is_half, axes=axes(along, keep), q=q, method=method)
    ties = np.round(normal("quantile", (4, 9))[0])
    for q in np.linspace(0, 1, 9).tolist():
        for method in METHODS:
            case("quantile", [ties], lambda n, x: n.quantile(x, q, axis=1, method=method), derivatives=False, about="ties",
                 axes=axes([1]), q=q, method=method)
            if method != "linear" and method != "midpoint":  # where NumPy has inf - inf
                finite = np.array([[INF, 0.0, -INF, 2.0], [NAN, 1.0, 2.0, INF]])
                case("quantile", [finite], lambda n, x: n.quantile(x, q, axis=1, method=method), derivatives=False,
                     about="nasty", axes=axes([1]), q=q, method=method)
    case("median", [np.array([[NAN, 1.0, 2.0], [INF, 1.0, -INF], [INF, INF, 0.0]])], lambda n, x: n.median(x, 1),
         derivatives=False, about="nasty", axes=axes([1]))
    case("median", [np.zeros((2, 0))], lambda n, x: np.full(2, NAN), derivatives=False, about="of nothing", axes=axes([1]))


# -- segments -------------------------------------------------------------------------------------

REDUCTIONS = {"sum": "sum", "mean": "mean", "prod": "prod", "max": "max", "min": "min"}
NOTHING = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "max": np.finfo(float).min, "min": np.finfo(float).max}


def reduced(kind, ids, count, is_sorted):
    ids = np.asarray(ids)
    nothing = 0.0 if is_sorted and kind in ("max", "min") else NOTHING[kind]

    def compute(n, x, *_):
        rows = x.reshape((ids.size,) + x.shape[ids.ndim:])
        segments = []
        for segment in range(count):
            places = np.flatnonzero(ids.ravel() == segment)
            full = n.full(rows.shape[1:], nothing)
            segments.append(getattr(n, kind)(rows[places], axis=0) if places.size else full)
        return n.stack(segments) if segments else n.zeros((0,) + rows.shape[1:])

    return compute


def segments():
    in_order = [([0, 0, 1, 3, 3, 3], 5), ([0], 1), ([], 3), ([2, 2, 2], 3), ([0, 1, 2, 3], 4), ([], 0)]
    anyhow = [([3, 0, -1, 3, 1, 0], 5), ([[1, -4], [0, 1]], 2), ([-1, -1], 2), ([], 3), (2, 4)]
    for kind in REDUCTIONS:
        for is_sorted, given in [(True, in_order), (False, anyhow)]:
            op = ("" if is_sorted else "unsorted_") + "segment_" + kind
            for ids, count in given:
                for inner in [(), (3,), (2, 2), (0,)]:
                    ids = np.asarray(ids, dtype=np.int64)
                    x = normal(op, ids.shape + inner)[0]
                    compute = reduced(kind, ids, count, is_sorted)
                    case(op, [x, ids], compute, num_segments=count)
                    if kind == "prod":
                        zeros = np.where(rng(op).random(x.shape) < 0.5, 0.0, x)
                        case(op, [zeros, ids], compute, about="zeros", num_segments=count)
                    if kind in ("max", "min"):
                        case(op, [np.round(x), ids.astype(np.int32)], compute, about="ties", num_segments=count)
            # More rows than are added up without keeping what rounding takes.
            ids = np.sort(rng(op).integers(0, 3, 400))
            ids = ids if is_sorted else rng(op).permutation(ids)
            x = np.exp(0.01 * normal(op, (400, 2))[0])
            case(op, [x, ids], reduced(kind, ids, 3, is_sorted), about="many rows", num_segments=3)
            nasty = [np.array(NASTY), np.array([0, 0, 1, 1, 1, 2, 2, 3, 3, 3])]
            case(op, nasty, reduced(kind, nasty[1], 4, is_sorted), derivatives=False, about="nasty", num_segments=4)



# -- transforms -----------------------------------------------------------------------------------


def cosines(points, kind, ortho):
    """The matrix of a cosine transform, as SciPy has it."""
    return scipy.fft.dct(np.eye(points), type=kind, norm="ortho" if ortho else None, axis=0)


def transforms():
    parts = lambda z: (z.real, z.imag)
    for shape in [(1,), (2,), (5,), (8,), (3, 7), (2, 3, 12), (0, 4), (97,), (60,)]:
        half = shape[:-1] + (shape[-1] // 2 + 1,)
        case("fft", normal("fft", shape, shape), lambda n, a, b: parts(n.fft.fft(a + 1j * b)))
        case("ifft", normal("ifft", shape, shape), lambda n, a, b: parts(n.fft.ifft(a + 1j * b)))
        case("rfft", normal("rfft", shape), lambda n, x: parts(n.fft.rfft(x)))
        case("irfft", normal("irfft", half, half), lambda n, a, b: n.fft.irfft(a + 1j * b, shape[-1]), n=shape[-1])
        for kind, ortho in [(2, False), (2, True), (3, False), (3, True)]:
            by_scipy = lambda n, x: scipy.fft.dct(x, type=kind, norm="ortho" if ortho else None)
            by_matrix = lambda n, x: x @ cosines(shape[-1], kind, ortho).T
            case("dct", normal("dct", shape), by_scipy, by_matrix, kind=kind, ortho=ortho)


def convolutions():
    for lengths in [(5, 3), (3, 5), (1, 1), (2, 9), (40, 40), (128, 7)]:
        for mode in ("full", "same", "valid"):

            def compute(n, x, kernel):
                if n is np:
                    return scipy.signal.convolve(x, kernel, mode, "direct")
                # What JAX has of `same` is as long as the longer one.
                full = jnp.convolve(x, kernel)
                first = {"full": 0, "same": (lengths[1] - 1) // 2, "valid": min(lengths) - 1}[mode]
                count = {"full": sum(lengths) - 1, "same": lengths[0], "valid": max(lengths) - min(lengths) + 1}[mode]
                return full[first : first + count]

            for method in ("direct", "fft"):
                x, kernel = normal("convolve", *[(length,) for length in lengths])
                case("convolve", [x, kernel], compute, mode=mode, axis=-1, method=method)


# -- sparse matrices ------------------------------------------------------------------------------


def sparse():
    op = "sparse_matmul"
    for rows, columns, density, inner in [(7, 5, 0.4, (3,)), (30, 40, 0.1, ()), (3, 200, 0.7, (2,)), (4, 3, 0.0, (2,)), (1, 1, 1.0, ())]:
        for by_columns in (False, True):
            matrix = scipy.sparse.random(rows, columns, density, "csc" if by_columns else "csr", rng=rng(op))
            values = rng(op).standard_normal(matrix.nnz)
            indices, offsets = matrix.indices.astype(np.int64), matrix.indptr.astype(np.int64)
            lanes = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
            places = (indices, lanes) if by_columns else (lanes, indices)

            def compute(n, values, indices, offsets, dense):
                if n is np:
                    kind = scipy.sparse.csc_array if by_columns else scipy.sparse.csr_array
                    return kind((values, indices, offsets), (rows, columns)) @ dense
                return jnp.zeros((rows, columns)).at[places].add(values) @ dense

            dense = rng(op).standard_normal((columns,) + inner)
            case(op, [values, indices, offsets, dense], compute, length=rows if by_columns else columns, transposed=by_columns)


order()
searched()
different()
counted()
scans()
quantiles()
segments()
transforms()
convolutions()
sparse()
TEXT = "[\n" + ",\n".join(json.dumps(entry) for entry in CASES) + "\n]\n"
PATH = pathlib.Path(__file__).parent / "fixture.json.gz"
PATH.write_bytes(gzip.compress(TEXT.encode(), mtime=0))
print(len(CASES), "cases,", PATH.stat().st_size, "bytes")
