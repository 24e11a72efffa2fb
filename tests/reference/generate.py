"""Makes fixture.json: what NumPy, SciPy and JAX say in float64 about the ops that they share with flowgrad.

    python3 -m venv env && env/bin/pip install numpy==2.4.6 scipy==1.17.1 jax==0.10.2 mpmath==1.4.1 optax==0.2.8
    env/bin/python tests/reference/generate.py

These are the versions (with Python 3.11) that made the committed file; another run on the same
machine makes the same file, as inputs come from a generator that is seeded by the op's name. A run takes minutes, for JAX compiles each case.
A new op is a `case` here and a row in table.rs. `tests/reference/main.rs` reads the file, without Python.

The file holds one case a line: the op, what is special about the case, the op's attributes, the inputs, the
outputs, and, where derivatives are compared, a cotangent for each float64 output, the vector-Jacobian products
of the inputs that `wrt` lists, a direction for each of these, and the gradient of sum(product * direction) by
each of them: the Hessian-vector products. Arrays are {dtype, shape, data}; data are the elements in row-major
order in Python's shortest decimal form, which gives back the same bits, with nan, inf and -inf.

Values are NumPy's (SciPy's for erf, softmax and the like), derivatives are JAX's, those of ctc_loss Optax's. The script stops where JAX's
values are not within 1e-12 of NumPy's. Where an elementwise function's value or derivative is further than 1e-15 from what mpmath computes
with 60 digits, it is mpmath's, rounded, that is written.
"""

import json
import pathlib
import sys
import warnings

import jax
import jax.numpy as jnp
import mpmath
import numpy as np
import optax
import scipy.special

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "common"))
from cases import encoded, normal, rng, tuple_of

jax.config.update("jax_enable_x64", True)
mpmath.mp.dps = 60
warnings.filterwarnings("ignore", category=RuntimeWarning)

CASES = []
SETTLED = {}


def agree(op, ours, theirs, what):
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape, (op, what, ours.shape, theirs.shape)
    near = np.isclose(ours, theirs, rtol=1e-12, atol=1e-12, equal_nan=True)
    assert near.all(), (op, what, ours, theirs)


def settled(op, found, exact):
    """The numbers found, but the exact ones where they lie further from these than 1e-15."""
    found, exact = np.asarray(found, dtype=float), np.asarray(exact, dtype=float)
    off = np.isfinite(exact) & (np.abs(found - exact) > 1e-15 * np.abs(exact))
    if off.any():
        count, worst = SETTLED.get(op, (0, 0.0))
        error = np.max(np.abs(found - exact)[off] / np.maximum(np.abs(exact)[off], 1))
        SETTLED[op] = (count + int(off.sum()), max(worst, float(error)))
    return np.where(off, exact, found)


def each(function, *arrays):
    """What an mpmath function gives for each element, rounded to float64."""
    arrays = np.broadcast_arrays(*arrays)
    numbers = [float(function(*map(mpmath.mpf, xs))) for xs in zip(*(a.ravel().tolist() for a in arrays))]
    return np.array(numbers, dtype=float).reshape(arrays[0].shape)


def case(op, inputs, numpy, by_jax=None, exact=None, wrt=None, derivatives=True, about="", **attributes):
    """Adds a case. `by_jax` is what JAX computes it with, `numpy` itself by default (both are given the module
    first); `exact` is an elementwise function of one argument in mpmath; `wrt` the inputs to differentiate by."""
    inputs = [np.asarray(x) for x in inputs]
    outputs = [np.asarray(y) for y in tuple_of(numpy(np, *inputs))]
    function = by_jax or numpy
    compute = lambda *xs: tuple_of(function(jnp, *xs))
    if about != "subnormal":  # which JAX takes for 0
        for ours, theirs in zip(outputs, compute(*map(jnp.asarray, inputs)), strict=True):
            agree(op, ours, theirs, ("value", about, attributes))
    finite = all(np.isfinite(x).all() for x in inputs)
    if exact and finite and outputs[0].size:
        outputs = [settled(op, outputs[0], each(exact, *inputs))]
    entry = {"op": op, "about": about, "attributes": attributes}
    entry["inputs"] = [encoded(x) for x in inputs]
    entry["outputs"] = [encoded(y) for y in outputs]
    if wrt is None:
        wrt = [i for i, x in enumerate(inputs) if x.dtype == np.float64]
    if derivatives and wrt:
        entry["wrt"] = wrt
        entry |= differentiated(op, inputs, outputs, compute, exact, wrt, (about, attributes))
    CASES.append(entry)


def differentiated(op, inputs, outputs, compute, exact, wrt, about):
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
    if exact and len(inputs) == 1 and outputs[0].size:
        x, v, u = inputs[0], cotangents[0], directions[0]
        slope = each(lambda x, v: v * mpmath.diff(exact, x), x, v)
        curve = each(lambda x, v, u: u * v * mpmath.diff(exact, x, 2), x, v, u)
        agree(op, vjp[0], slope, ("slope", about))
        agree(op, hvp[0], curve, ("curvature", about))
        vjp, hvp = [settled(op, vjp[0], slope)], [settled(op, hvp[0], curve)]
    names = {"cotangents": cotangents, "vjp": vjp, "directions": directions, "hvp": hvp}
    return {name: [encoded(a) for a in arrays] for name, arrays in names.items()}


# -- elementwise functions of one argument --------------------------------------------------------

SHAPES = [(), (1,), (0,), (5,), (3, 4), (2, 0, 3), (2, 1, 3)]
SPECIAL = [0.0, -0.0, np.inf, -np.inf, np.nan]


def signs(op, shape):
    return rng(op).choice([-1.0, 1.0], shape)


def powers(op, low, high, shape=(8,)):
    """Numbers from 10^low to 10^high, evenly in the exponent."""
    return 10.0 ** rng(op).uniform(low, high, shape)


def anywhere(large):
    """Inputs over all numbers, the large ones of about this magnitude."""
    return {
        "usual": lambda op, shape: rng(op).standard_normal(shape) * 1.5,
        "near zero": lambda op: signs(op, 8) * powers(op, -8, -2),
        "large": lambda op: signs(op, 8) * large * rng(op).uniform(0.1, 1.0, 8),
    }


POSITIVE = {
    "usual": lambda op, shape: np.exp(rng(op).standard_normal(shape)),
    "near zero": lambda op: powers(op, -8, -2),
    "large": lambda op: powers(op, 2, 12),
}
NOT_ZERO = {
    "usual": lambda op, shape: signs(op, shape) * np.exp(rng(op).standard_normal(shape)),
    "near zero": lambda op: signs(op, 8) * powers(op, -8, -2),
    "large": lambda op: signs(op, 8) * powers(op, 2, 12),
}
ABOVE_MINUS_ONE = {**POSITIVE, "usual": lambda op, shape: np.expm1(rng(op).standard_normal(shape))}
WITHIN_ONE = {
    "usual": lambda op, shape: rng(op).uniform(-0.95, 0.95, shape),
    "near zero": lambda op: signs(op, 8) * powers(op, -8, -2),
    "near one": lambda op: signs(op, 8) * (1 - powers(op, -6, -1)),
}


def logistic(x):
    return 1 / (1 + mpmath.exp(-x))


def where(condition, taken, otherwise):
    return lambda x: taken(x) if condition(x) else otherwise(x)


positive = lambda x: x > 0
ALPHA, SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946
ELU = where(positive, lambda x: x, mpmath.expm1)
SELU = where(positive, lambda x: SCALE * x, lambda x: mpmath.mpf(SCALE) * ALPHA * mpmath.expm1(x))
GELU_TANH = lambda x: x / 2 * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (x + 0.044715 * x**3)))
jnn = jax.nn

# name: NumPy, JAX (None: the same), mpmath (None: NumPy is exact), inputs, special inputs.
UNARY = {
    "abs": (lambda m, x: m.abs(x), None, None, NOT_ZERO, SPECIAL),
    "sign": (lambda m, x: m.sign(x), None, None, NOT_ZERO, [0.0, np.inf, -np.inf, np.nan]),
    "neg": (lambda m, x: -x, None, None, NOT_ZERO, SPECIAL),
    "reciprocal": (lambda m, x: 1 / x, None, lambda x: 1 / x, NOT_ZERO, SPECIAL),
    "square": (lambda m, x: m.square(x), None, None, anywhere(1e10), SPECIAL),
    "sqrt": (lambda m, x: m.sqrt(x), None, mpmath.sqrt, POSITIVE, [*SPECIAL, -1.0]),
    "rsqrt": (lambda m, x: 1 / m.sqrt(x), None, lambda x: 1 / mpmath.sqrt(x), POSITIVE, [0.0, np.inf, np.nan, -1.0]),
    "exp": (lambda m, x: m.exp(x), None, mpmath.exp, anywhere(300), [*SPECIAL, 710.0, -746.0, 709.5]),
    "exp2": (lambda m, x: m.exp2(x), None, lambda x: mpmath.mpf(2)**x, anywhere(300),
             [*SPECIAL, 1100.0, -1100.0, 1023.5]),
    "log2": (lambda m, x: m.log2(x), None, lambda x: mpmath.log(x, 2), POSITIVE, [*SPECIAL, -1.0, 1.0, 8.0]),
    "log10": (lambda m, x: m.log10(x), None, mpmath.log10, POSITIVE, [*SPECIAL, -1.0, 1.0, 1000.0]),
    "cbrt": (lambda m, x: m.cbrt(x), None, where(positive, mpmath.cbrt, lambda x: -mpmath.cbrt(-x)), NOT_ZERO,
             [*SPECIAL, 27.0, -8.0]),
    "expm1": (lambda m, x: m.expm1(x), None, mpmath.expm1, anywhere(300), [*SPECIAL, 710.0, -746.0]),
    "ln": (lambda m, x: m.log(x), None, mpmath.log, POSITIVE, [*SPECIAL, -1.0, 1.0]),
    "log1p": (lambda m, x: m.log1p(x), None, mpmath.log1p, ABOVE_MINUS_ONE, [*SPECIAL, -1.0, -2.0]),
    "sin": (lambda m, x: m.sin(x), None, mpmath.sin, anywhere(1e6), SPECIAL),
    "cos": (lambda m, x: m.cos(x), None, mpmath.cos, anywhere(1e6), SPECIAL),
    "tan": (lambda m, x: m.tan(x), None, mpmath.tan, anywhere(1e3), SPECIAL),
    "asin": (lambda m, x: m.arcsin(x), None, mpmath.asin, WITHIN_ONE, [*SPECIAL, 1.0, -1.0, 1.5]),
    "acos": (lambda m, x: m.arccos(x), None, mpmath.acos, WITHIN_ONE, [*SPECIAL, 1.0, -1.0, 1.5]),
    "atan": (lambda m, x: m.arctan(x), None, mpmath.atan, anywhere(1e6), SPECIAL),
    "sinh": (lambda m, x: m.sinh(x), None, mpmath.sinh, anywhere(300), [*SPECIAL, 710.0, 711.0, -711.0]),
    "cosh": (lambda m, x: m.cosh(x), None, mpmath.cosh, anywhere(300), [*SPECIAL, 710.0, 711.0, -711.0]),
    "tanh": (lambda m, x: m.tanh(x), None, mpmath.tanh, anywhere(30), [*SPECIAL, 1e3, -1e3]),
    "sigmoid": (lambda m, x: scipy.special.expit(x), lambda m, x: jnn.sigmoid(x), logistic, anywhere(300),
                [*SPECIAL, 1e3, -1e3]),
    "softplus": (lambda m, x: m.logaddexp(x, 0), lambda m, x: jnn.softplus(x),
                 lambda x: mpmath.log1p(mpmath.exp(x)), anywhere(300), [*SPECIAL, 1e3, -1e3]),
    "relu": (lambda m, x: m.maximum(x, 0), lambda m, x: jnn.relu(x),
             where(positive, lambda x: x, lambda x: 0 * x), anywhere(1e10), [0.0, np.inf, -np.inf, np.nan]),
    "relu6": (lambda m, x: m.clip(x, 0, 6), lambda m, x: jnn.relu6(x), None, anywhere(20),
              [0.0, 6.0, np.inf, -np.inf, np.nan]),
    "elu": (lambda m, x: m.where(x > 0, x, m.expm1(x)), lambda m, x: jnn.elu(x), ELU, anywhere(300), SPECIAL),
    "selu": (lambda m, x: SCALE * m.where(x > 0, x, ALPHA * m.expm1(x)), lambda m, x: jnn.selu(x), SELU,
             anywhere(300), SPECIAL),
    "gelu": (lambda m, x: x / 2 * (1 + scipy.special.erf(x / np.sqrt(2))),
             lambda m, x: jnn.gelu(x, approximate=False), lambda x: x * mpmath.ncdf(x), anywhere(30),
             [0.0, np.inf, np.nan]),
    "gelu_tanh": (lambda m, x: x / 2 * (1 + m.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
                  lambda m, x: jnn.gelu(x, approximate=True), GELU_TANH, anywhere(30), [0.0, np.inf, np.nan]),
    "silu": (lambda m, x: x * scipy.special.expit(x), lambda m, x: jnn.silu(x), lambda x: x * logistic(x),
             anywhere(300), [0.0, np.inf, np.nan]),
    "erf": (lambda m, x: scipy.special.erf(x), lambda m, x: jax.scipy.special.erf(x), mpmath.erf, anywhere(8),
            [*SPECIAL, 30.0, -30.0]),
    "erfc": (lambda m, x: scipy.special.erfc(x), lambda m, x: jax.scipy.special.erfc(x), mpmath.erfc, anywhere(8),
             [*SPECIAL, 30.0, -30.0]),
    "log_sigmoid": (lambda m, x: scipy.special.log_expit(x), lambda m, x: jnn.log_sigmoid(x),
                    lambda x: -mpmath.log1p(mpmath.exp(-x)), anywhere(300), [*SPECIAL, 1e3, -1e3]),
    "mish": (lambda m, x: x * m.tanh(m.logaddexp(x, 0)), lambda m, x: jnn.mish(x),
             lambda x: x * mpmath.tanh(mpmath.log1p(mpmath.exp(x))), anywhere(30), [0.0, np.inf, np.nan]),
    "softsign": (lambda m, x: x / (1 + m.abs(x)), lambda m, x: jnn.soft_sign(x), lambda x: x / (1 + abs(x)), NOT_ZERO,
                 [0.0, -0.0, np.nan]),
    "hard_sigmoid": (lambda m, x: m.clip(x + 3, 0, 6) / 6, lambda m, x: jnn.hard_sigmoid(x), None, anywhere(20),
                     [0.0, 3.0, -3.0, np.inf, -np.inf, np.nan]),
    "hard_swish": (lambda m, x: x * m.clip(x + 3, 0, 6) / 6, lambda m, x: jnn.hard_swish(x), None, anywhere(20),
                   [0.0, 3.0, np.inf, np.nan]),
    "floor": (lambda m, x: m.floor(x), None, None, anywhere(1e10), [*SPECIAL, -0.5, 0.5, 2.0**52 + 1, -1e300]),
    "ceil": (lambda m, x: m.ceil(x), None, None, anywhere(1e10), [*SPECIAL, -0.5, 0.5, 2.0**52 + 1, -1e300]),
    "round": (lambda m, x: m.round(x), None, None, anywhere(1e10),
              [*SPECIAL, 0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999999999999994, 2.0**52 + 1, 2.0**51 + 0.5, -1e300]),
    "is_nan": (lambda m, x: m.isnan(x), None, None, anywhere(1.0), SPECIAL),
    "is_inf": (lambda m, x: m.isinf(x), None, None, anywhere(1.0), [*SPECIAL, 1.7e308]),
    "is_finite": (lambda m, x: m.isfinite(x), None, None, anywhere(1.0), [*SPECIAL, 1.7e308]),
}


def unary():
    for op, (numpy, by_jax, exact, inputs, special) in UNARY.items():
        derivatives = not op.startswith("is_")
        for about, sample in inputs.items():
            samples = [sample(op, shape) for shape in SHAPES] if about == "usual" else [sample(op)]
            for x in samples:
                case(op, [x], numpy, by_jax, exact, derivatives=derivatives, about=about)
        case(op, [np.array(special)], numpy, by_jax, derivatives=False, about="special")
    tiny = np.array([5e-324, 1e-310, 2e-308])
    for op, x in [("exp", np.array([-740.0, -710.0])), ("ln", tiny), ("sqrt", tiny), ("abs", -tiny), ("neg", tiny),
                  ("sin", tiny), ("tanh", tiny), ("expm1", tiny), ("log1p", tiny), ("erf", tiny)]:
        case(op, [x], UNARY[op][0], exact=UNARY[op][2], derivatives=False, about="subnormal")
    for alpha in [0.01, 0.3, 1.5]:
        leaky = lambda m, x, alpha=alpha: m.where(x > 0, x, alpha * x)
        by_jax = lambda m, x, alpha=alpha: jnn.leaky_relu(x, alpha)
        for shape in SHAPES:
            case("leaky_relu", normal("leaky_relu", shape), leaky, by_jax, alpha=alpha)
    for alpha in [0.5, 1.0, 3.0]:
        celu = lambda m, x, alpha=alpha: m.where(x > 0, x, alpha * m.expm1(x / alpha))
        by_jax = lambda m, x, alpha=alpha: jnn.celu(x, alpha)
        exact = where(positive, lambda x: x, lambda x, alpha=alpha: alpha * mpmath.expm1(x / alpha))
        for shape in SHAPES:
            case("celu", normal("celu", shape), celu, by_jax, exact, alpha=alpha)
        case("celu", [np.array(SPECIAL)], celu, by_jax, derivatives=False, about="special", alpha=alpha)
    for kind in [np.int64, np.int32]:
        x = np.array([[-7, 0, 3], [100, -1, 5]], dtype=kind)
        for op in ["abs", "sign", "neg", "square"]:
            case(op, [x], UNARY[op][0], derivatives=False, about="integers")


# -- elementwise functions of two arguments, comparisons, choices ---------------------------------

PAIRS = [
    [(), ()], [(1,), (1,)], [(5,), (5,)], [(3, 4), (3, 4)], [(3, 4), (4,)], [(3, 1), (1, 4)], [(4,), (3, 1)],
    [(), (3,)], [(2, 3), ()], [(0, 3), (1, 3)], [(3, 1), (1, 0)], [(2, 1, 3), (4, 1)],
]
SPECIAL_PAIRS = [np.repeat([*SPECIAL, 1.0, -2.5], 7), np.tile([*SPECIAL, 1.0, -2.5], 7)]
NO_ZERO_PAIRS = [x[(SPECIAL_PAIRS[0] != 0) | (SPECIAL_PAIRS[1] != 0)] for x in SPECIAL_PAIRS]

# name: the function, how its inputs are made from normal numbers, special inputs.
plain = lambda x: x
BINARY = {
    "add": (lambda m, x, y: x + y, [plain, plain], SPECIAL_PAIRS),
    "sub": (lambda m, x, y: x - y, [plain, plain], SPECIAL_PAIRS),
    "mul": (lambda m, x, y: x * y, [plain, plain], SPECIAL_PAIRS),
    "div": (lambda m, x, y: x / y, [plain, lambda y: np.sign(y) * (np.abs(y) + 0.1)], SPECIAL_PAIRS),
    "pow": (lambda m, x, y: m.power(x, y), [lambda x: np.exp(x), plain], SPECIAL_PAIRS),
    "hypot": (lambda m, x, y: m.hypot(x, y), [plain, plain], SPECIAL_PAIRS),
    "atan2": (lambda m, x, y: m.arctan2(x, y), [plain, plain], SPECIAL_PAIRS),
    "xlogy": (lambda m, x, y: (scipy if m is np else jax.scipy).special.xlogy(x, y), [plain, lambda y: np.exp(y)],
              SPECIAL_PAIRS),
    "divide_no_nan": (lambda m, x, y: m.where(y == 0, 0.0, x / y), [plain, lambda y: np.sign(y) * (np.abs(y) + 0.1)],
                      SPECIAL_PAIRS),
    "maximum": (lambda m, x, y: m.maximum(x, y), [plain, plain], NO_ZERO_PAIRS),
    "minimum": (lambda m, x, y: m.minimum(x, y), [plain, plain], NO_ZERO_PAIRS),
    "squared_difference": (lambda m, x, y: (x - y) ** 2, [plain, plain], SPECIAL_PAIRS),
    "floor_div": (lambda m, x, y: m.floor_divide(x, y), [lambda x: 5 * x, plain], None),
    "modulo": (lambda m, x, y: m.mod(x, y), [lambda x: 5 * x, plain], None),
}
COMPARISONS = ["equal", "not_equal", "less", "less_equal", "greater", "greater_equal"]


def binary():
    for op, (function, forms, special) in BINARY.items():
        for shapes in PAIRS:
            case(op, [form(x) for form, x in zip(forms, normal(op, *shapes))], function)
        for about, factor in [("small", 1e-5), ("large", 1e5)] if op != "pow" else []:
            inputs = [factor * form(x) for form, x in zip(forms, normal(op, (6,), (6,)))]
            case(op, inputs, function, about=about)
        if special:
            case(op, special, function, derivatives=False, about="special")
    inputs = [[7.0, -7.0, 7.0, -7.0, 6.0, -6.0, 0.5, np.nan, 1.0], [2.0, 2.0, -2.0, -2.0, 3.0, 3.0, 0.25, 2.0, np.nan]]
    for op in ["floor_div", "modulo"]:
        function = BINARY[op][0]
        case(op, inputs, function, derivatives=False, about="signs")
        # The libraries give some zeros different signs.
        ours, theirs = [np.asarray(function(m, *SPECIAL_PAIRS)) for m in [np, jnp]]
        alike = np.isnan(ours) | (ours == theirs) & (np.signbit(ours) == np.signbit(theirs))
        case(op, [x[alike] for x in SPECIAL_PAIRS], function, derivatives=False, about="special")
    base, whole = [-2.0, -0.5, 3.0, -1.5], [3.0, 2.0, -2.0, -1.0]
    case("pow", [base, whole], BINARY["pow"][0], wrt=[0], about="negative base")
    case("pow", [np.exp(normal("pow", (6,))[0]), 20 * normal("pow", (6,))[0]], BINARY["pow"][0], about="large")
    for exponent in [2.0, 3.0, 0.5, -1.0, -0.5, 1.7, 1.0]:
        for shape in [(), (3, 4)]:
            x = np.exp(normal("pow_scalar", shape)[0])
            case("pow_scalar", [x], lambda m, x, e=exponent: m.power(x, e), exponent=exponent,
                 exact=lambda x, e=exponent: mpmath.power(x, e))
    for kind in [np.int64, np.int32]:
        x = np.array([[7, -7, 7, -7, 6, -6, 0, 1], [1, -1, 5, -5, 100, -100, 3, 2]], dtype=kind)
        y = np.array([[2, 2, -2, -2, 3, 3, 5, -7], [1, 1, 5, 5, -7, -7, -4, 3]], dtype=kind)
        for op in ["add", "sub", "mul", "maximum", "minimum", "squared_difference", "floor_div", "modulo"]:
            function = BINARY[op][0]
            case(op, [x, y], function, about="integers")
            case(op, [x, kind(-3)], function, about="integers")
        for op in COMPARISONS:
            case(op, [x, y], lambda m, x, y, op=op: getattr(m, op)(x, y), about="integers")
        for op in ["bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift"]:
            for by in [y, np.abs(y), kind(3)]:
                # JAX computes other shifts than NumPy where the distance is negative or too long.
                numpy = lambda m, x, y, op=op: getattr(np, op)(np.asarray(x), np.asarray(y))
                case(op, [x, by], numpy, about="integers")
        case("bitwise_not", [x], lambda m, x: m.bitwise_not(x), about="integers")
    for op in COMPARISONS:
        compare = lambda m, x, y: getattr(m, op)(x, y)
        for shapes in PAIRS:
            inputs = [np.round(2 * x) for x in normal(op, *shapes)]
            case(op, inputs, compare, derivatives=False)
        case(op, SPECIAL_PAIRS, compare, derivatives=False, about="special")
    booleans = [np.array([[True], [False]]), np.array([True, False])]
    for op in ["equal", "not_equal", "logical_and", "logical_or", "logical_xor"]:
        case(op, booleans, lambda m, x, y: getattr(m, op)(x, y), about="booleans")
        case(op, [np.zeros((0, 2), bool), True], lambda m, x, y: getattr(m, op)(x, y), about="booleans")
    for x in booleans:
        case("logical_not", [x], lambda m, x: m.logical_not(x))
    clips = [[(5,), (), ()], [(), (), ()], [(3, 4), (4,), (3, 1)], [(0, 2), (2,), ()]]
    for x, low, high in clips:
        x, low, high = normal("clip", x, low, high)
        inputs = [2 * x, low - 1, low - 1 + np.abs(high) + 0.5 if low.shape == high.shape else high + 5]
        # By the formula, whose gradients to the bounds JAX's function has not always had.
        case("clip", inputs, lambda m, x, low, high: m.minimum(m.maximum(x, low), high))
    x = np.array([np.inf, -np.inf, np.nan, 0.0])
    case("clip", [x, -1.0, 2.0], lambda m, x, low, high: m.clip(x, low, high), derivatives=False, about="special")
    choices = [[(3, 4)] * 3, [(4,), (3, 1), (3, 4)], [(), (3,), ()], [(2, 1), (1, 3), (3,)], [(0, 2), (2,), ()]]
    for condition, x, y in choices:
        c, x, y = normal("select", condition, x, y)
        case("select", [c > 0, x, y], lambda m, c, x, y: m.where(c, x, y))
    for kind in [np.int64, np.bool_]:
        inputs = [np.array([True, False]), np.array([1, 1], kind), np.array([0, 0], kind)]
        case("select", inputs, lambda m, c, x, y: m.where(c, x, y))


def casts():
    floats = np.array([-2.7, -0.5, 0.0, 0.5, 2.7, 1e9])
    kinds = {"f64": np.float64, "i64": np.int64, "i32": np.int32, "bool": np.bool_}
    sources = [floats, floats.astype(np.int64), floats.astype(np.int32), floats > 0]
    for source in sources:
        for name, kind in kinds.items():
            case("cast", [source], lambda m, x: x.astype(kind), derivatives=False, to=name)


# -- reductions ------------------------------------------------------------------------------------

# Lengths, axes (None: all), whether they are kept.
REDUCTIONS = [
    [(), None, False], [(1,), None, False], [(5,), 0, False], [(5,), None, True], [(3, 4), None, False],
    [(3, 4), 0, False], [(3, 4), -1, False], [(3, 4), -1, True], [(2, 3, 4), [0, -1], False],
    [(2, 3, 4), 1, True], [(2, 3, 4), [], False], [(1, 3, 1), [0, 2], True], [(0, 3), 1, False], [(40, 3), 0, False],
]
EMPTY = [[(0, 3), 0, False], [(2, 0), None, False]]


def axes(given):
    return tuple(given) if isinstance(given, list) else given


def norm(m, x, **over):
    return m.sqrt(m.sum(m.square(x), **over))


def log_sum_exp(m, x, **over):
    return (scipy.special.logsumexp if m is np else jnn.logsumexp)(x, **over)


# name: the function, whether it is defined over an empty axis, how inputs are made.
REDUCE = {
    "reduce_sum": (lambda m, x, **over: m.sum(x, **over), True, plain),
    "reduce_mean": (lambda m, x, **over: m.mean(x, **over), False, plain),
    "reduce_prod": (lambda m, x, **over: m.prod(x, **over), True, plain),
    "reduce_max": (lambda m, x, **over: m.max(x, initial=-np.inf, **over), True, plain),
    "reduce_min": (lambda m, x, **over: m.min(x, initial=np.inf, **over), True, plain),
    "reduce_log_sum_exp": (log_sum_exp, False, plain),
    "reduce_variance": (lambda m, x, **over: m.var(x, **over), False, plain),
    "norm": (norm, False, plain),
    "reduce_any": (lambda m, x, **over: m.any(x, **over), True, lambda x: x > 1),
    "reduce_all": (lambda m, x, **over: m.all(x, **over), True, lambda x: x > -1),
}


def reductions():
    for op, (function, on_nothing, form) in REDUCE.items():
        for shape, given, keep in REDUCTIONS + (EMPTY if on_nothing else []):
            x = form(normal(op, shape)[0])
            over = {"axis": axes(given), "keepdims": keep}
            case(op, [x], lambda m, x: function(m, x, **over), axes=given, keep_dims=keep)
    for op in ["reduce_sum", "reduce_mean", "reduce_max", "reduce_min", "reduce_prod"]:
        function = REDUCE[op][0]
        x = np.array([[np.inf, 1.0, 2.0], [np.nan, 1.0, -np.inf], [-np.inf, np.inf, 0.0], [-0.0, 0.5, 1e300]])
        case(op, [x], lambda m, x: function(m, x, axis=-1), derivatives=False, about="special", axes=-1,
             keep_dims=False)
        for factor in [1e-5, 1e5]:
            x = factor * normal(op, (3, 4))[0]
            case(op, [x], lambda m, x: function(m, x, axis=0), about="scaled", axes=0, keep_dims=False)
    case("reduce_mean", [np.zeros((0, 2))], lambda m, x: m.mean(x, axis=0), about="nothing", axes=0,
         keep_dims=False, derivatives=False)
    for x in [[1.0, 0.0, 3.0, -2.0], [0.0, 2.0, 0.0, 5.0], [0.0, 0.0, 0.0, 1.0]]:
        case("reduce_prod", [x], lambda m, x: m.prod(x), about="zeros", axes=None, keep_dims=False)
    x = normal("reduce_prod", (3, 4))[0]
    x[0, 1] = x[2, 0] = x[2, 3] = 0
    for given in [0, -1]:
        case("reduce_prod", [x], lambda m, x: m.prod(x, axis=given), about="zeros", axes=given, keep_dims=False)
    for about, x in [("large", 1000 * normal("reduce_log_sum_exp", (3, 4))[0]),
                     ("shifted", -1000 + normal("reduce_log_sum_exp", (3, 4))[0])]:
        case("reduce_log_sum_exp", [x], lambda m, x: log_sum_exp(m, x, axis=-1), about=about, axes=-1,
             keep_dims=False)
    x = np.array([[np.inf, 0.0], [-np.inf, 1.0], [-np.inf, -np.inf], [np.nan, 0.0]])
    case("reduce_log_sum_exp", [x], lambda m, x: log_sum_exp(m, x, axis=-1), about="special", axes=-1,
         keep_dims=False, derivatives=False)
    for kind in [np.int64, np.int32]:
        x = np.array([[3, -1, 4], [1, -5, 9]], kind)
        for op in ["reduce_sum", "reduce_prod", "reduce_max", "reduce_min"]:
            name = op.removeprefix("reduce_")
            over = {"dtype": kind} if name in ["sum", "prod"] else {}
            case(op, [x], lambda m, x: getattr(m, name)(x, axis=-1, **over), about="integers", axes=-1,
                 keep_dims=False)


def along_an_axis():
    for op in ["argmax", "argmin"]:
        function = lambda m, x, axis: getattr(m, op)(x, axis=axis)
        for shape, axis in [[(5,), 0], [(1,), 0], [(3, 4), 0], [(3, 4), -1], [(2, 3, 4), 1], [(0, 3), 1], [(40, 3), 0]]:
            x = normal(op, shape)[0]
            case(op, [x], lambda m, x: function(m, x, axis), derivatives=False, axis=axis)
            ties = np.round(x)
            case(op, [ties], lambda m, x: function(m, x, axis), derivatives=False, about="ties", axis=axis)
        x = np.array([[np.inf, np.inf, 1.0], [-np.inf, -np.inf, -np.inf], [1.0, -np.inf, np.inf], [0.0, -0.0, 0.0]])
        case(op, [x], lambda m, x: function(m, x, -1), derivatives=False, about="special", axis=-1)
        x = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, 0.0]])
        case(op, [x], lambda m, x: function(m, x, -1), derivatives=False, about="nan", axis=-1)
        case(op, [np.array([[3, 1, 3], [1, 1, 2]])], lambda m, x: function(m, x, -1), about="integers", axis=-1)
    for shape, axis in [[(5,), 0], [(1,), -1], [(0,), 0], [(3, 4), 0], [(3, 4), -1], [(2, 3, 4), 1], [(2, 0), 0]]:
        for exclusive in [False, True]:
            for reverse in [False, True]:
                def sums(m, x):
                    x = m.flip(x, axis) if reverse else x
                    total = m.cumsum(x, axis=axis)
                    if exclusive:
                        total = m.moveaxis(total, axis, 0)
                        total = m.concatenate([m.zeros_like(total[:1]), total[:-1]]) if len(total) else total
                        total = m.moveaxis(total, 0, axis)
                    return m.flip(total, axis) if reverse else total
                case("cumsum", normal("cumsum", shape), sums, axis=axis, exclusive=exclusive, reverse=reverse)
    for shape, k in [[(5,), 2], [(1,), 1], [(3, 4), 4], [(2, 3, 4), 1], [(0, 3), 2], [(3, 40), 7]]:
        def largest(m, x):
            if m is jnp:
                values, indices = jax.lax.top_k(x, k)
                return values, indices.astype(jnp.int64)
            indices = np.argsort(-x, axis=-1, kind="stable")[..., :k]
            return np.take_along_axis(x, indices, -1), indices
        x = normal("top_k", shape)[0]
        case("top_k", [x], largest, k=k)
        case("top_k", [np.round(x)], largest, derivatives=False, about="ties", k=k)


# -- shapes and moves ------------------------------------------------------------------------------

def shapes():
    for shape, to in [[(6,), [2, 3]], [(2, 3), [-1]], [(2, 3, 4), [4, -1]], [(), [1, 1]], [(1,), []], [(0, 3), [3, 0]],
                      [(2, 0), [-1, 2]]]:
        case("reshape", normal("reshape", shape), lambda m, x: m.reshape(x, to), to=to)
    for shape, axis in [[(), 0], [(3,), -1], [(3,), 0], [(2, 3), 1], [(0, 3), -1]]:
        case("expand_dims", normal("expand_dims", shape), lambda m, x: m.expand_dims(x, axis), axis=axis)
    for shape, given in [[(1,), [0]], [(1, 3, 1), [0, -1]], [(1, 3, 1), [2]], [(1, 0), [0]]]:
        case("squeeze", normal("squeeze", shape), lambda m, x: m.squeeze(x, tuple(given)), axes=given)
    for shape, to in [[(), [2, 3]], [(3,), [2, 3]], [(3, 1), [3, 4]], [(1, 3), [2, 2, 3]], [(1,), [0]], [(2,), [2]]]:
        case("broadcast_to", normal("broadcast_to", shape), lambda m, x: m.broadcast_to(x, to), to=to)
    for shape in [(3, 4), (1, 3), (0, 2), (2, 3, 4), (5,), ()]:
        # Ours reverses all axes, as NumPy's does.
        case("transpose", normal("transpose", shape), lambda m, x: m.transpose(x))
    for shape, order in [[(3, 4), [1, 0]], [(2, 3, 4), [2, 0, 1]], [(2, 3, 4), [0, -1, 1]], [(2, 0, 3), [1, 2, 0]]]:
        case("transpose_perm", normal("transpose_perm", shape), lambda m, x: m.transpose(x, order), order=order)
    for parts, axis in [[[(2,), (3,)], 0], [[(2, 3), (2, 1), (2, 0)], -1], [[(1, 2), (3, 2)], 0], [[(2, 3)], 1],
                        [[(2, 3, 1), (2, 2, 1)], 1]]:
        case("concat", normal("concat", *parts), lambda m, *xs: m.concatenate(xs, axis), axis=axis)
    for shape, count, axis in [[(3,), 2, 0], [(3,), 2, -1], [(), 3, 0], [(2, 3), 1, 1], [(2, 0), 2, 1]]:
        case("stack", normal("stack", *[shape] * count), lambda m, *xs: m.stack(xs, axis), axis=axis)
    for shape, axis in [[(3,), 0], [(2, 3), -1], [(2, 3, 4), 1], [(2, 0), 0]]:
        unstacked = lambda m, x: [m.take(x, i, axis) for i in range(shape[axis])]
        case("unstack", normal("unstack", shape), unstacked, axis=axis)
    for shape, n, axis in [[(4,), 2, 0], [(3, 4), 4, -1], [(6, 2), 3, 0], [(2, 3), 1, 1], [(0, 4), 2, 1]]:
        case("split", normal("split", shape), lambda m, x: m.split(x, n, axis), n=n, axis=axis)
    for shape, sizes, axis in [[(5,), [2, 3], 0], [(3, 4), [1, 0, 3], -1], [(2, 3), [2], 0]]:
        cuts = np.cumsum(sizes)[:-1].tolist()
        case("split_sizes", normal("split_sizes", shape), lambda m, x: m.split(x, cuts, axis), sizes=sizes, axis=axis)
    for shape, ranges in SLICES:
        def sliced(m, x):
            return x[tuple(slice(*part) if isinstance(part, list) else part for part in ranges)]
        case("slice", normal("slice", shape), sliced, ranges=ranges)
    for shape, widths, modes in [
        [(3,), [[1, 2]], "cr"], [(3, 4), [[0, 1], [2, 0]], "cr"], [(3, 4), [[2, 2], [3, 3]], "cr"], [(0, 2), [[1, 1], [0, 0]], "c"],
        [(1, 3), [[0, 0], [1, 2]], "cr"], [(), [], "c"], [(2, 3), [[0, 0], [0, 0]], "cr"]]:
        for value in [0.0, -2.5] if "c" in modes else []:
            case("pad", normal("pad", shape), lambda m, x: m.pad(x, widths, constant_values=value) if widths else x,
                 widths=widths, mode="constant", value=value)
        if "r" in modes:
            case("pad", normal("pad", shape), lambda m, x: m.pad(x, widths, mode="reflect"), widths=widths,
                 mode="reflect")
    for shape, multiples in [[(3,), [2]], [(2, 3), [1, 3]], [(2, 3), [3, 2]], [(1, 2), [0, 1]], [(2, 1, 2), [2, 3, 1]]]:
        case("tile", normal("tile", shape), lambda m, x: m.tile(x, multiples), multiples=multiples)
    for shape, given in [[(3,), [0]], [(2, 3), [-1]], [(2, 3, 4), [0, 2]], [(0, 2), [0]], [(1, 3), [0, 1]]]:
        case("reverse", normal("reverse", shape), lambda m, x: m.flip(x, tuple(given)), axes=given)
    for shape, shifts, given in [[(5,), [2], [0]], [(3, 4), [1, -1], [0, 1]], [(3, 4), [-6, 9], [1, 0]], [(2, 3, 2), [1], [0, 1, -1]],
                                 [(0, 3), [2], [0]], [(1, 3), [0, -1], [0, -1]]]:
        moves = shifts[0] if len(shifts) == 1 else shifts
        case("roll", normal("roll", shape), lambda m, x: m.roll(x, moves, tuple(given)), shifts=shifts, axes=given)
    for indexing in ["xy", "ij"]:
        for shapes in [[(3,)], [(3,), (2,)], [(2,), (1,), (3,)], [(0,), (2,)]]:
            case("meshgrid", normal("meshgrid", *shapes), lambda m, *x: m.meshgrid(*x, indexing=indexing), indexing=indexing)
    for shape in [(3, 4), (4, 3), (3, 3), (1, 4), (2, 3, 3), (0, 3)]:
        for k in [0, 1, -1, 5, -5]:
            for op in ["tril", "triu"]:
                case(op, normal(op, shape), lambda m, x: getattr(m, op)(x, k), k=k)
    for n in [3, 1, 0]:
        case("diag", normal("diag", (n,)), lambda m, x: m.diag(x))
        case("diag_part", normal("diag_part", (n, n)), lambda m, x: m.diagonal(x))
    case("diag", normal("diag", (2, 3)), lambda m, x: m.stack([m.diag(row) for row in x]), about="batch")
    case("diag_part", normal("diag_part", (2, 3, 3)), lambda m, x: m.diagonal(x, axis1=1, axis2=2), about="batch")
    for shape in [(), (3,), (2, 0, 4)]:
        case("shape_of", normal("shape_of", shape), lambda m, x: m.array(x.shape, dtype=m.int64), derivatives=False)
    for start, limit, delta in [[0, 5, 1], [2, 11, 3], [5, 0, -2], [3, 3, 1], [0, -5, 1], [0.5, 2.5, 0.25], [1.0, -1.0, -0.75]]:
        def counted(m):
            return m.arange(start, limit, delta, dtype=m.asarray(start).dtype)
        case("range", [], counted, start=start, limit=limit, delta=delta)
    for start, stop, count in [[0, 1, 5], [-2.5, 0.5, 4], [3, -1, 9], [0.5, 0.5, 3], [1, 2, 1], [1, 2, 0]]:
        spaced = lambda m: m.linspace(float(start), float(stop), count)
        case("linspace", [], spaced, start=start, stop=stop, count=count)
    for n in [0, 1, 3]:
        case("eye", [], lambda m: m.eye(n), n=n)


# Lengths, and for each axis [start, end, step] or an index, as Python has them.
SLICES = [
    [(5,), [[1, 4, 1]]], [(5,), [[None, None, 2]]], [(5,), [[1, None, 3]]], [(5,), [[None, None, -1]]],
    [(5,), [[-2, 0, -2]]], [(5,), [[-9, 9, 1]]], [(5,), [2]], [(3, 4), [[0, 2, 1], [1, -1, 2]]], [(3, 4), [-1]],
    [(3, 4), [[1, 1, 1], [None, None, 1]]], [(3, 4), [[1, None, 1], -2]], [(2, 3, 4), [1, [2, 0, -1], [0, 4, 3]]],
    [(0, 3), [[None, None, 1], [0, 3, 2]]], [(1, 3), [[None, None, -1]]],
]


def indexed():
    for shape, indices, axis in [
        [(5,), [3, 0, 3], 0], [(3, 4), [[0, 2], [1, 1]], 0], [(3, 4), [3, 3, 0], -1], [(3, 4), 1, 1], [(2, 3, 2), [2, 0], 1],
        [(3, 4), [], 0], [(40, 3), list(range(0, 40, 3)) * 2, 0]]:
        indices = np.array(indices, dtype=np.int64)
        x = normal("gather", shape)[0]
        case("gather", [x, indices], lambda m, x, i: m.take(x, i, axis), axis=axis)

        updates = normal("scatter_add", np.take(x, indices, axis).shape)[0]
        def scattered(m, x, i, updates):
            where = (slice(None),) * (axis % x.ndim) + (i,)
            if m is jnp:
                return x.at[where].add(updates)
            x = x.copy()
            np.add.at(x, where, updates)
            return x
        case("scatter_add", [x, indices, updates], scattered, axis=axis)
    for shape, indices, axis in [[(5,), [3, 0, 3], 0], [(2, 3), [[2], [0]], 1], [(3, 2), [[0, 2], [1, 1], [0, 0], [2, 0]], 0]]:
        inputs = [*normal("take_along_axis", shape), np.array(indices, dtype=np.int64)]
        case("take_along_axis", inputs, lambda m, x, i: m.take_along_axis(x, i, axis), axis=axis)
    for shape, indices in [
        [(5,), [[3], [0], [3]]], [(3, 4), [[0, 2], [1, 1], [0, 2]]], [(3, 4), [[2], [0]]], [(3, 4), [1, 2]],
        [(2, 3, 2), [[[0, 2], [1, 0]], [[1, 1], [1, 1]]]]]:
        indices = np.array(indices, dtype=np.int64)
        case("gather_nd", [*normal("gather_nd", shape), indices], lambda m, x, i: x[tuple(m.moveaxis(i, -1, 0))])
    for shape, indices, axis, batches in [
        [(2, 3), [[2, 0, 2], [1, 1, 0]], 1, 1], [(2, 2, 3), [[2, 0], [1, 1]], 2, 1], [(2, 3), [2, 0], -1, 1],
        [(2, 2, 3), [[[1], [1]], [[0], [2]]], 2, 2], [(3, 2), [2, 0], 0, 0]]:
        def of_batches(m, x, i, batches=batches, axis=axis % len(shape)):
            if batches == 0:
                return m.take(x, i, axis)
            return m.stack([of_batches(m, x, i, batches - 1, axis - 1) for x, i in zip(x, i)])
        inputs = [*normal("gather_with", shape), np.array(indices, dtype=np.int64)]
        case("gather_with", inputs, of_batches, axis=axis, batch_dims=batches)
    for shape, indices in [[(2, 3), [[2], [0]]], [(2, 3, 2), [[[2, 0], [0, 1]], [[1, 1], [1, 1]]]], [(2, 3, 2), [[[2], [0]], [[1], [1]]]]]:
        def of_rows(m, x, i):
            return m.stack([x[tuple(m.moveaxis(i, -1, 0))] for x, i in zip(x, i)])
        inputs = [*normal("gather_nd_with", shape), np.array(indices, dtype=np.int64)]
        case("gather_nd_with", inputs, of_rows, batch_dims=1)
    # Each index once: JAX leaves open which of several updates stays.
    for shape, indices, axis in [[(5,), [3, 0], 0], [(3, 4), [[0, 2], [1, 3]], -1], [(3, 4), 1, 1], [(2, 3, 2), [2, 0], 1], [(3, 4), [], 0]]:
        indices = np.array(indices, dtype=np.int64)
        x = normal("scatter_set", shape)[0]
        updates = normal("scatter_set", np.take(x, indices, axis).shape)[0]
        def put(m, x, i, updates):
            where = (slice(None),) * (axis % x.ndim) + (i,)
            if m is jnp:
                return x.at[where].set(updates)
            x = x.copy()
            x[where] = updates
            return x
        case("scatter_set", [x, indices, updates], put, axis=axis)
    for shape, mask, axis, count in [[(4,), [1, 0, 1, 1], 0, 3], [(4,), [1, 0, 0, 1], 0, 4], [(2, 3), [0, 1, 1], 1, 2], [(3, 2), [0, 0, 0], 0, 2],
                                     [(2, 3, 2), [1, 0, 1], -2, 2]]:
        def kept(m, x, mask):
            if m is jnp:
                return m.compress(mask, x, axis, size=count, fill_value=0)
            some = m.compress(mask, x, axis)
            widths = [(0, 0)] * x.ndim
            widths[axis] = (0, count - some.shape[axis])
            return m.pad(some, widths)
        inputs = [*normal("boolean_mask", shape), np.array(mask, dtype=bool)]
        case("boolean_mask", inputs, kept, axis=axis, size=count)
    for indices, depth in [[[0, 2, 1], 3], [1, 4], [[[0, 1], [3, 3]], 4], [[], 2], [[0, 0], 1], [[-1, 2, 1], 2]]:
        indices = np.array(indices, dtype=np.int64)
        def hot(m, i):
            booleans = i[..., None] == np.arange(depth)
            return booleans.astype(float) if m is np else jnn.one_hot(i, depth, dtype=jnp.float64)
        case("one_hot", [indices], hot, depth=depth)


# -- contractions ----------------------------------------------------------------------------------

PRODUCTS = [
    [(3, 4), (4, 5)], [(1, 4), (4, 1)], [(1, 1), (1, 1)], [(2, 3, 4), (2, 4, 5)], [(2, 3, 4), (4, 5)], [(3, 4), (2, 4, 5)],
    [(2, 1, 3, 4), (5, 4, 2)], [(0, 4), (4, 5)], [(3, 0), (0, 5)], [(0, 2, 3), (3, 2)], [(17, 33), (33, 9)],
]
VECTOR_PRODUCTS = [
    [(4,), (4,)], [(3, 4), (4,)], [(4,), (4, 5)], [(2, 3, 4), (4,)], [(4,), (2, 4, 5)], [(3, 0), (0,)], [(33,), (33, 9)],
]
EINSUMS = [
    ["ij,jk->ik", (3, 4), (4, 5)], ["ij,kj->ik", (3, 4), (5, 4)], ["ji,jk->ki", (4, 3), (4, 5)],
    ["bij,bjk->bik", (2, 3, 4), (2, 4, 5)], ["bij,jk->bik", (2, 3, 4), (4, 5)], ["bhid,bhjd->bhij", (2, 2, 3, 4), (2, 2, 5, 4)],
    ["bqhd,bkhd->bhqk", (2, 3, 2, 4), (2, 5, 2, 4)], ["i,i->", (4,), (4,)], ["i,j->ij", (3,), (4,)], ["ij,ij->", (3, 4), (3, 4)],
    ["ij,ij->ij", (3, 4), (3, 4)], ["ij,ij->i", (3, 4), (3, 4)], ["ij,j->i", (3, 4), (4,)], ["ij,i->ji", (3, 4), (3,)],
    ["ij,jk->k", (3, 4), (4, 5)], ["ij,kl->ik", (3, 4), (2, 5)], ["ijk,kl->lij", (2, 3, 4), (4, 5)], [",i->i", (), (3,)],
    ["ij,jk->ik", (3, 0), (0, 2)], ["ab,cd->acbd", (2, 3), (2, 2)], ["ij,jk", (3, 4), (4, 5)], ["bj,ba", (3, 4), (3, 2)],
    ["ij,kl->", (1, 3), (2, 2)], ["...ij,jk->...ik", (2, 2, 3), (3, 2)], ["...ij,...jk->...ik", (2, 1, 2, 3), (2, 3, 2)],
    ["...,...", (2, 1), (3,)], ["i...,i...->...", (2, 1), (2, 3)], ["ii,ij->j", (3, 3), (3, 2)],
    ["...ii,...i->i...", (2, 2, 2), (1, 2)], ["b...a,a", (2, 3, 2), (2,)],
]
SUMS_OF_SEVERAL = [
    ["ij,jk,kl->il", (2, 3), (3, 4), (4, 2)], ["i,j,ij", (2,), (3,), (2, 3)], ["bi,ij,bj->b", (4, 2), (2, 3), (4, 3)],
    ["ii,ij,j->i", (2, 2), (2, 3), (3,)], ["...i,ij,...j->...", (2, 1, 2), (2, 2), (3, 2)],
    ["a,ab,bc,cd,d", (2,), (2, 3), (3, 2), (2, 2), (2,)], ["i,i,i->i", (3,), (3,), (3,)],
    ["ab,bc,cd,de,ef,fg,gh,hi,ij,jk->ak"] + [(2, 2)] * 10,
]


def contractions():
    for a, b in PRODUCTS:
        case("matmul", normal("matmul", a, b), lambda m, a, b: m.matmul(a, b))
        for left, right in [[True, False], [False, True], [True, True]]:
            turned = lambda m, x, turn: m.swapaxes(x, -1, -2) if turn else x
            inputs = normal("matmul_transposed", a, b)
            inputs = [np.ascontiguousarray(turned(np, x, turn)) for x, turn in zip(inputs, [left, right])]
            product = lambda m, a, b: m.matmul(turned(m, a, left), turned(m, b, right))
            case("matmul_transposed", inputs, product, left=left, right=right)
    for form, a, b in EINSUMS:
        case("einsum", normal("einsum", a, b), lambda m, a, b: m.einsum(form, a, b), form=form)
    for form, shape in [["ij->ji", (3, 4)], ["ijk->j", (2, 3, 4)], ["ij->", (3, 4)], ["ba", (2, 3)], ["i->i", (0,)],
                        ["ii->i", (3, 3)], ["ii", (3, 3)], ["iij->ji", (2, 2, 3)], ["...ii->...i", (2, 3, 3)],
                        ["b...a", (2, 3, 2)], ["iii->i", (2, 2, 2)]]:
        case("einsum_unary", normal("einsum_unary", shape), lambda m, x: m.einsum(form, x), form=form)
    for form, *shapes in SUMS_OF_SEVERAL:
        case("einsum_of_several", normal("einsum_of_several", *shapes), lambda m, *x: m.einsum(form, *x), form=form)
    for n, k in [[3, 4], [1, 1], [0, 3]]:
        case("outer", normal("outer", (n,), (k,)), lambda m, a, b: m.outer(a, b))
    for n in [5, 1, 0, 40]:
        case("dot", normal("dot", (n,), (n,)), lambda m, a, b: m.dot(a, b))
    for a, b in VECTOR_PRODUCTS:
        case("matmul_of_vectors", normal("matmul_of_vectors", a, b), lambda m, a, b: m.matmul(a, b))


# -- images ----------------------------------------------------------------------------------------

def places(length, size, stride, dilation, padding):
    """Places of a window along an axis, with rows of padding before and behind."""
    extent = (size - 1) * dilation + 1
    if padding == "same":
        count = -(-length // stride)
        total = max((count - 1) * stride + extent - length, 0)
        return count, (total // 2, total - total // 2)
    return (length + sum(padding) - extent) // stride + 1, tuple(padding)


def taps(m, x, size, strides, dilations, padding, filling):
    """For each place in the window the pixels that it shows, over all places of the window."""
    along = [places(x.shape[1 + i], size[i], strides[i], dilations[i], padding if padding == "same" else padding[i]) for i in (0, 1)]
    x = m.pad(x, [(0, 0), along[0][1], along[1][1], (0, 0)], constant_values=filling)
    def cut(axis, start):
        count, stride = along[axis][0], strides[axis]
        return slice(start, start + (count - 1) * stride + 1, stride)
    return {(r, s): x[:, cut(0, r * dilations[0]), cut(1, s * dilations[1])] for r in range(size[0]) for s in range(size[1])}


WINDOWS = [  # strides, dilations, padding
    [(1, 1), (1, 1), "same"], [(1, 1), (1, 1), [[0, 0], [0, 0]]], [(2, 1), (1, 1), "same"], [(2, 3), (1, 1), [[1, 0], [2, 1]]],
]


def images():
    for strides, dilations, padding in WINDOWS + [[(1, 1), (2, 3), "same"], [(1, 2), (2, 1), [[3, 0], [1, 2]]]]:
        for shape, kernel, groups in [[(2, 5, 6, 3), (3, 2, 3, 4), 1], [(1, 4, 7, 4), (2, 3, 2, 6), 2], [(2, 6, 4, 1), (3, 3, 1, 2), 1]]:
            def convolved(m, x, k):
                shown = taps(m, x, kernel[:2], strides, dilations, padding, 0.0)
                parts = []
                for group in range(groups):
                    channels = slice(group * kernel[2], (group + 1) * kernel[2])
                    filters = slice(group * kernel[3] // groups, (group + 1) * kernel[3] // groups)
                    parts.append(sum(m.einsum("nhwc,cf->nhwf", shown[tap][..., channels], k[tap][:, filters]) for tap in shown))
                return m.concatenate(parts, -1)
            def by_jax(m, x, k):
                around = "SAME" if padding == "same" else padding
                return jax.lax.conv_general_dilated(x, k, strides, around, rhs_dilation=dilations, feature_group_count=groups,
                                                    dimension_numbers=("NHWC", "HWIO", "NHWC"))
            case("conv2d", normal("conv2d", shape, kernel), convolved, by_jax, strides=strides, dilations=dilations,
                 padding=[] if padding == "same" else padding, groups=groups)
    for strides, dilations, padding in WINDOWS:
        for shape, size in [[(2, 5, 6, 3), (2, 2)], [(1, 4, 7, 2), (3, 2)]]:
            around = "SAME" if padding == "same" else [(0, 0), *map(tuple, padding), (0, 0)]
            def reduced(start, function):
                window, steps = (1, *size, 1), (1, *strides, 1)
                return lambda x: jax.lax.reduce_window(x, start, function, window, steps, around)
            attributes = {"size": size, "strides": strides, "padding": [] if padding == "same" else padding}
            largest = lambda m, x: np.max(np.stack(list(taps(np, x, size, strides, (1, 1), padding, -np.inf).values())), 0)
            case("max_pool2d", normal("max_pool2d", shape), largest, lambda m, x: reduced(-jnp.inf, jax.lax.max)(x), **attributes)
            def mean(m, x):
                total = lambda x: sum(taps(m, x, size, strides, (1, 1), padding, 0.0).values())
                return total(x) / total(m.ones_like(x))
            sums = reduced(0.0, jax.lax.add)
            case("avg_pool2d", normal("avg_pool2d", shape), mean, lambda m, x: sums(x) / sums(jnp.ones_like(x)), **attributes)


def transposed(x, kernel, size, strides, dilations, padding, groups):
    """What the pixels times a kernel add up to in images of a size."""
    (height, width, channels, filters), (n, rows, columns, _) = kernel.shape, x.shape
    around = [places(size[i], (height, width)[i], strides[i], dilations[i], padding if padding == "same" else padding[i])[1]
              for i in (0, 1)]
    # Room for all that the kernel reaches.
    room = [max(size[i] + sum(around[i]), (x.shape[1 + i] - 1) * strides[i] + (kernel.shape[i] - 1) * dilations[i] + 1) for i in (0, 1)]
    sums = np.zeros((n, *room, channels * groups))
    for r, s, group in np.ndindex(height, width, groups):
        own = slice(group * filters // groups, (group + 1) * filters // groups)
        at = [slice(i, i + (count - 1) * stride + 1, stride)
              for i, count, stride in [(r * dilations[0], rows, strides[0]), (s * dilations[1], columns, strides[1])]]
        to = slice(group * channels, (group + 1) * channels)
        sums[:, at[0], at[1], to] += np.einsum("nhwf,cf->nhwc", x[..., own], kernel[r, s][:, own])
    return sums[:, around[0][0]:around[0][0] + size[0], around[1][0]:around[1][0] + size[1]]


def transposed_by_jax(x, kernel, size, strides, dilations, padding, groups):
    around = "SAME" if padding == "same" else padding
    def convolved(images):
        return jax.lax.conv_general_dilated(images, kernel, strides, around, rhs_dilation=dilations, feature_group_count=groups,
                                            dimension_numbers=("NHWC", "HWIO", "NHWC"))
    images = jnp.zeros((x.shape[0], *size, kernel.shape[2] * groups))
    return jax.vjp(convolved, images)[1](x)[0]


def transposed_images():
    for strides, dilations, padding in WINDOWS + [[(1, 1), (2, 3), "same"], [(1, 2), (2, 1), [[3, 0], [1, 2]]]]:
        for size, kernel, groups in [[(5, 6), (3, 2, 3, 4), 1], [(4, 7), (2, 3, 2, 6), 2]]:
            counts = [places(size[i], kernel[i], strides[i], dilations[i], padding if padding == "same" else padding[i])[0] for i in (0, 1)]
            x, k = normal("conv2d_transpose", (2, *counts, kernel[3]), kernel)
            case("conv2d_transpose", [x, k], lambda m, x, k: transposed(x, k, size, strides, dilations, padding, groups),
                 lambda m, x, k: transposed_by_jax(x, k, size, strides, dilations, padding, groups), size=size,
                 strides=strides, dilations=dilations, padding=[] if padding == "same" else padding, groups=groups)
    for stride, dilation, padding in [(1, 1, "same"), (2, 1, "same"), (1, 2, [3, 0]), (3, 1, [1, 2])]:
        length, (width, channels, filters) = 9, (3, 2, 4)
        whole = "same" if padding == "same" else [[0, 0], padding]
        moves = {"strides": (1, stride), "dilations": (1, dilation)}
        count = places(length, width, stride, dilation, padding)[0]
        attributes = {"stride": stride, "dilation": dilation, "padding": [] if padding == "same" else whole}
        def convolved(m, x, k):
            shown = taps(m, x[:, None], (1, width), moves["strides"], moves["dilations"], whole, 0.0)
            return sum(m.einsum("nhwc,cf->nhwf", shown[tap], k[tap[1]]) for tap in shown)[:, 0]
        case("conv1d", normal("conv1d", (2, length, channels), (width, channels, filters)), convolved, **attributes)
        x, k = normal("conv1d_transpose", (2, count, filters), (width, channels, filters))
        case("conv1d_transpose", [x, k], lambda m, x, k: transposed(x[:, None], k[None], (1, length), *moves.values(), whole, 1)[:, 0],
             lambda m, x, k: transposed_by_jax(x[:, None], k[None], (1, length), *moves.values(), whole, 1)[:, 0],
             length=length, **attributes)


def resized_images():
    def along(x, axis, count, op):
        length = x.shape[axis]
        at = (np.arange(count) + 0.5) * length / count
        if op == "resize_nearest_neighbor":
            return np.take(x, np.floor(at).astype(int), axis)
        low = np.floor(at - 0.5)
        part = (at - 0.5 - low).reshape([-1 if i == axis else 1 for i in range(4)])
        low, high = [np.take(x, np.clip(low + i, 0, length - 1).astype(int), axis) for i in (0, 1)]
        return low * (1 - part) + high * part
    for op, method in [("resize_nearest_neighbor", "nearest"), ("resize_bilinear", "linear")]:
        for shape, size in [[(2, 3, 4, 2), (6, 8)], [(1, 5, 4, 1), (3, 7)], [(1, 1, 3, 2), (4, 1)], [(2, 4, 6, 1), (2, 3)], [(1, 7, 5, 1), (7, 5)]]:
            to = lambda x: (x.shape[0], *size, x.shape[3])
            case(op, normal(op, shape), lambda m, x: along(along(x, 1, size[0], op), 2, size[1], op),
                 lambda m, x: jax.image.resize(x, to(x), method, antialias=False), size=size)


# -- networks --------------------------------------------------------------------------------------

def softmax(m, x, axis):
    return (scipy.special if m is np else jnn).softmax(x, axis=axis)


def log_softmax(m, x, axis):
    return (scipy.special if m is np else jnn).log_softmax(x, axis=axis)


def networks():
    for op, function in [("softmax", softmax), ("log_softmax", log_softmax)]:
        for shape, axis in [[(5,), 0], [(1,), -1], [(3, 4), -1], [(3, 4), 0], [(2, 3, 4), 1], [(0, 3), -1], [(3, 40), -1]]:
            case(op, normal(op, shape), lambda m, x: function(m, x, axis), axis=axis)
        for about, x in [("large", 300 * normal(op, (3, 4))[0]), ("shifted", 1e3 + normal(op, (3, 4))[0]),
                         ("near zero", 1e-6 * normal(op, (3, 4))[0])]:
            case(op, [x], lambda m, x: function(m, x, -1), about=about, axis=-1)
        x = np.array([[-np.inf, 0.0, 1.0], [np.nan, 0.0, 1.0]])
        case(op, [x], lambda m, x: function(m, x, -1), derivatives=False, about="special", axis=-1)

    for op in ["mean_squared_error", "huber", "sigmoid_cross_entropy", "softmax_cross_entropy"]:
        for shape in [(), (1,), (5,), (3, 4), (0, 4), (2, 1, 3)]:
            if op == "softmax_cross_entropy" and not shape:
                continue
            x, t = normal(op, shape, shape)
            if op == "mean_squared_error":
                if x.size:
                    case(op, [x, t], lambda m, x, t: m.mean((x - t) ** 2))
            elif op == "huber":
                for delta in [1.0, 0.3]:
                    def huber(m, x, t):
                        d = m.abs(x - t)
                        return m.where(d <= delta, 0.5 * (x - t) ** 2, delta * (d - 0.5 * delta))
                    case(op, [2 * x, t], huber, delta=delta)
            elif op == "sigmoid_cross_entropy":
                def entropy(m, x, t):
                    log = jnn.log_sigmoid if m is jnp else scipy.special.log_expit
                    return -t * log(x) - (1 - t) * log(-x)
                for scale in [1, 50]:
                    case(op, [scale * x, scipy.special.expit(t)], entropy)
            else:
                entropy = lambda m, x, t: -m.sum(t * log_softmax(m, x, -1), -1)
                for scale in [1, 100]:
                    case(op, [scale * x, scipy.special.softmax(t, -1)], entropy)
                case(op, [x, t], entropy, about="labels that do not sum to 1")
    op = "sparse_softmax_cross_entropy"
    for shape in [(5,), (1,), (3, 4), (1, 3), (0, 3), (2, 3, 4), (4, 40)]:
        for scale in [1, 100]:
            x = scale * normal(op, shape)[0]
            labels = np.asarray(rng(op).integers(0, shape[-1], shape[:-1]), dtype=np.int64)
            def entropy(m, x, labels):
                return -m.take_along_axis(log_softmax(m, x, -1), labels[..., None], -1)[..., 0]
            case(op, [x, labels], entropy)


def attention():
    op = "scaled_dot_product_attention"
    for shape, others, causal in [[(2, 5, 3, 4), 5, False], [(1, 4, 2, 3), 4, True], [(1, 3, 1, 2), 6, False]]:
        batch, time, heads, depth = shape
        def attended(m, q, k, v, mask=None):
            products = m.einsum("bhtd,bhsd->bhts", q, k) / np.sqrt(depth)
            if causal:
                products = m.where(np.tril(np.ones((time, others), dtype=bool)), products, -np.inf)
            if mask is not None:
                products = m.where(mask, products, -np.inf)
            return m.einsum("bhts,bhsd->bhtd", softmax(m, products, -1), v)
        queries, keys = (batch, heads, time, depth), (batch, heads, others, depth)
        case(op, normal(op, queries, keys, keys), attended, causal=causal)
        masked = "masked_" + op
        mask = rng(masked).random((batch, heads, time, others)) < 0.6
        mask[..., 0] = True  # everyone sees somebody
        case(masked, [*normal(masked, queries, keys, keys), mask], attended, causal=causal)


def losses():
    for shape in [(4,), (3, 5), (2, 3, 4)]:
        for op, power in [("hinge", 1), ("squared_hinge", 2)]:
            x, t = normal(op, shape, shape)
            case(op, [x, t], lambda m, x, t: m.maximum(0, 1 - x * t) ** power)
        x, t = [scipy.special.softmax(x, -1) for x in normal("kl_divergence", shape, shape)]
        case("kl_divergence", [x, t], lambda m, x, t: m.sum((scipy if m is np else jax.scipy).special.rel_entr(t, x), -1))
        def distance(m, x, t):
            norm = lambda x: m.sqrt(m.sum(x * x, -1))
            return 1 - m.sum(x * t, -1) / (norm(x) * norm(t))
        case("cosine_distance", normal("cosine_distance", shape, shape), distance, lambda m, x, t: optax.cosine_distance(x, t))


def classified_sequences():
    """Probabilities of alignments added up as they are, without logarithms; derivatives are Optax's."""
    op = "ctc_loss"
    def loss(m, x, labels, label_lengths, lengths, blank):
        probabilities = softmax(m, x, -1)
        found = []
        for b in range(x.shape[1]):
            states = [blank]
            for label in labels[b, :label_lengths[b]]:
                states += [int(label), blank]
            alpha = np.zeros(len(states))
            alpha[:2] = probabilities[0, b, states[:2]]
            for t in range(1, lengths[b]):
                before, alpha = alpha, np.zeros(len(states))
                for i, state in enumerate(states):
                    jumps = i > 1 and state != blank and state != states[i - 2]
                    alpha[i] = before[max(i - 1 - jumps, 0):i + 1].sum() * probabilities[t, b, state]
            found.append(-np.log(alpha[-2:].sum()))
        return np.array(found)
    def by_optax(m, x, labels, label_lengths, lengths, blank):
        behind = lambda lengths, count: (np.arange(count) >= np.asarray(lengths)[:, None]).astype(float)
        return optax.ctc_loss(m.swapaxes(x, 0, 1), behind(lengths, x.shape[0]), labels, behind(label_lengths, labels.shape[1]),
                              blank_id=blank)
    for frames, classes, lengths, label_lengths, blank in [
        (6, 4, [6, 5, 6], [3, 2, 1], 0), (8, 5, [8, 7], [2, 3], 4), (12, 3, [12], [4], 0),
    ]:
        batch, most = len(lengths), max(label_lengths)
        labels = rng(op).integers(0, classes - 1, (batch, most)) + (blank == 0)
        x = normal(op, (frames, batch, classes))[0]
        case(op, [x, labels, np.array(label_lengths), np.array(lengths)],
             lambda m, x, *rest: loss(m, x, *map(np.asarray, rest), blank),
             lambda m, x, *rest: by_optax(m, x, *map(np.asarray, rest), blank), blank=blank)


for section in [unary, binary, casts, reductions, along_an_axis, shapes, indexed, contractions, images, networks,
                transposed_images, resized_images, attention, losses, classified_sequences]:
    section()
    jax.clear_caches()

text = "[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in CASES) + "\n]\n"
path = pathlib.Path(__file__).with_name("fixture.json")
path.write_text(text)
print(f"{path}: {len(CASES)} cases of {len({entry['op'] for entry in CASES})} ops, {len(text)} bytes")
for op, (count, worst) in sorted(SETTLED.items()):
    print(f"  {op}: {count} numbers settled by mpmath, the worst was {worst:.1e} off, of numbers above 1 relatively")
