"""Writes the graphs that tests/interop/graph_def.rs imports, and what TensorFlow computes of them.

Made with Python 3.11, TensorFlow 2.21.0: python tests/interop/generate_graph_def.py
"""

import gzip
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""
os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0"

import numpy as np
import tensorflow as tf

from graph_def_families import families

tf1 = tf.compat.v1
tf1.disable_v2_behavior()
HERE = pathlib.Path(__file__).parent / "graph_def"
CASES = []


TYPES = {"float32": "f32", "float64": "f64", "int32": "i32", "int64": "i64", "bool": "bool"}


def plain(array):
    """An array as tests/common/stored.rs reads it: elements in the shortest form that gives back the same bits."""
    array = np.asarray(array)
    data = " ".join(str(x) for x in array.reshape(-1))
    return {"dtype": TYPES[array.dtype.name], "shape": list(array.shape), "data": data}


def packed(name, data):
    HERE.joinpath(name + ".gz").write_bytes(gzip.compress(data, mtime=0))


class Case:
    """A graph under construction; what is fetched of it, and what is fed."""

    def __init__(self, name, resource=True, control_v2=False):
        self.name, self.graph = name, tf.Graph()
        self.feeds, self.fetches, self.gradients = {}, {}, []
        self.resource, self.control_v2 = resource, control_v2
        self.seed = np.random.RandomState(sum(map(ord, name)))

    def __enter__(self):
        (tf1.enable_resource_variables if self.resource else tf1.disable_resource_variables)()
        (tf1.enable_control_flow_v2 if self.control_v2 else tf1.disable_control_flow_v2)()
        self.context = self.graph.as_default()
        self.context.__enter__()
        tf1.set_random_seed(1)
        return self

    def feed(self, name, shape, value):
        value = np.asarray(value)
        tensor = tf1.placeholder(value.dtype, shape, name)
        self.feeds[tensor] = value
        return tensor

    def numbers(self, *shape, dtype=np.float64):
        return self.seed.uniform(-1, 1, shape).astype(dtype)

    def fetch(self, name, tensor, expected=None):
        self.fetches[tf.identity(tensor, name).name] = expected

    def grad(self, y, xs, fetched=True):
        """Fetches TensorFlow's gradients, and has ours compared with them."""
        for x, dx in zip(xs, tf.gradients(y, xs)):
            self.gradients.append((y.name, x.name, dx.name))
            if fetched:
                self.fetches[dx.name] = None

    def done(self, train=None, loss=None, steps=20, graph_def=None, init=None):
        """Runs all of it."""
        case = {"name": self.name, "feeds": {}, "fetches": {}, "gradients": []}
        with tf1.Session() as session:
            variables = tf1.global_variables()
            if variables:
                session.run(init if init is not None else tf1.global_variables_initializer())
                case["variables"] = {v.op.name: plain(session.run(v)) for v in variables}
            asked = [name for name, expected in self.fetches.items() if expected is None]
            values = dict(zip(asked, session.run(asked, self.feeds)))
            values |= {name: value for name, value in self.fetches.items() if value is not None}
            case["fetches"] = {name: plain(value) for name, value in values.items()}
            case["feeds"] = {tensor.op.name: plain(value) for tensor, value in self.feeds.items()}
            case["gradients"] = [[y, x, plain(session.run(dx, self.feeds))] for y, x, dx in self.gradients]
            if train is not None:
                losses = []
                for _ in range(steps):
                    losses.append(session.run(loss, self.feeds))
                    session.run(train, self.feeds)
                after = {v.op.name: plain(session.run(v)) for v in variables}
                case["train"] = {"op": train.name, "loss": loss.name, "losses": plain(np.array(losses)), "after": after}
        definition = graph_def if graph_def is not None else self.graph.as_graph_def()
        for node in definition.node:
            node.device = ""
        packed(self.name + ".pb", definition.SerializeToString(deterministic=True))
        CASES.append(case)

    def __exit__(self, *error):
        self.context.__exit__(*error)


def elementwise():
    for dtype in (np.float32, np.float64):
        with Case(f"elementwise_{np.dtype(dtype).name}") as case:
            x = case.feed("x", [None], np.linspace(-2.3, 2.4, 13, dtype=dtype))
            p = case.feed("p", [None], np.linspace(0.1, 3.7, 13, dtype=dtype))
            u = case.feed("u", [13], np.linspace(-0.9, 0.9, 13, dtype=dtype))
            of_x = [tf.abs, tf.math.ceil, tf.cos, tf.math.cosh, tf.nn.elu, tf.math.erf, tf.math.erfc, tf.exp, tf.math.expm1, tf.floor,
                    tf.nn.leaky_relu, tf.negative, tf.nn.relu, tf.nn.relu6, tf.round, tf.nn.selu, tf.sigmoid, tf.sign, tf.sin,
                    tf.math.sinh, tf.math.softplus, tf.nn.softsign, tf.square, tf.tan, tf.tanh, tf.math.asinh, tf.atan, tf.math.rint]
            of_p = [tf.math.log, tf.math.log1p, tf.math.rsqrt, tf.sqrt, tf.math.lgamma, tf.math.digamma, tf.math.reciprocal]
            of_u = [tf.acos, tf.asin, tf.math.atanh, tf.math.erfinv]
            for t, functions in ((x, of_x), (p, of_p), (u, of_u)):
                for function in functions:
                    y = function(t)
                    case.fetch("value_" + function.__name__, y)
                    if function not in (tf.math.ceil, tf.floor, tf.round, tf.math.rint, tf.sign):
                        case.grad(y, [t])
            y = tf.math.acosh(p + 1.0)
            case.fetch("value_acosh", y)
            two = [tf.maximum, tf.minimum, tf.math.squared_difference, tf.math.divide_no_nan, tf.math.multiply_no_nan, tf.atan2,
                   tf.math.xlogy, tf.math.xdivy, tf.math.floordiv, tf.math.floormod]
            for function in two:
                y = function(x, p)
                case.fetch("two_" + function.__name__, y)
                if function not in (tf.math.floordiv, tf.math.floormod, tf.math.xdivy):
                    case.grad(y, [x, p])
            y = tf.pow(p, x)
            case.fetch("power", y)
            case.grad(y, [p, x])
            y = tf.add_n([x * u, p / u, x - p])
            case.fetch("sum", y)
            case.grad(y, [x, p, u])
            for function in (tf.equal, tf.not_equal, tf.less, tf.less_equal, tf.greater, tf.greater_equal):
                case.fetch("is_" + function.__name__, tf.cast(function(tf.round(x), tf.round(p - 1)), tf.int32))
            case.fetch("chosen", tf1.where(tf.logical_and(x > 0, tf.logical_not(p < u)), x, p))
            case.fetch("clipped", tf.clip_by_value(x, -1, 0.5))
            case.fetch("whole", tf.cast(x * 3, tf.int32))
            case.done()
    with Case("integers") as case:
        a = case.feed("a", [None], np.array([7, -7, 7, -7, 6, 0], np.int32))
        b = case.feed("b", [None], np.array([2, 2, -2, -2, 3, 5], np.int32))
        for name, y in {"floor_div": a // b, "floor_mod": a % b, "div": tf.truediv(a, b), "truncated": tf1.div(a, b), "truncate": tf.truncatediv(a, b),
                        "product": a * b, "largest": tf.maximum(a, b), "square": tf.square(a), "long": tf.cast(a, tf.int64) + 5}.items():
            case.fetch(name, y)
        case.done()


def reductions():
    with Case("reductions") as case:
        x = case.feed("x", [None, 3, None], case.numbers(2, 3, 4))
        for axis in (None, 0, -1, [0, 2]):
            for keep in (False, True):
                for function in (tf.reduce_sum, tf.reduce_mean, tf.reduce_max, tf.reduce_min, tf.reduce_prod, tf.reduce_logsumexp):
                    if axis is None and function is tf.reduce_logsumexp:
                        continue
                    y = function(x, axis, keepdims=keep)
                    case.fetch(f"{function.__name__}_{axis}_{keep}".translate(str.maketrans("[], -", "of__m")), y)
                    if function is not tf.reduce_prod and keep:
                        case.grad(y * y, [x])
        y = tf.reduce_prod(x, 1)
        case.grad(y, [x])
        case.fetch("all", tf.cast(tf.reduce_all(x > -0.5, 1), tf.int32))
        case.fetch("any", tf.cast(tf.reduce_any(x > 0.5, [1, 2]), tf.int32))
        case.fetch("first", tf.argmax(x, 1))
        case.fetch("last", tf.argmin(x, -1, output_type=tf.int32))
        case.fetch("running", tf.cumsum(x, 1, exclusive=True, reverse=True))
        case.fetch("products", tf.math.cumprod(x, 2))
        top, where = tf.math.top_k(x, 2)
        case.fetch("top", top)
        case.fetch("where", where)
        case.fetch("half", tf.nn.l2_loss(x))
        mean, variance = tf1.nn.moments(x, [0, 2])
        case.fetch("mean", mean)
        case.fetch("variance", variance)
        case.grad(variance, [x])
        case.fetch("norm", tf.norm(x, axis=1))
        case.done()


def shapes():
    with Case("shapes") as case:
        x = case.feed("x", [None, 3, 4], case.numbers(2, 3, 4))
        z = case.feed("z", [None, None], case.numbers(2, 12))
        n = tf.shape(x)[0]
        flat = tf.reshape(x, [n, -1])
        case.fetch("flat", flat)
        case.grad(tf.square(flat + z), [x, z])
        case.fetch("like", tf.reshape(z, tf.shape(x)))
        case.fetch("swapped", tf.reshape(tf.transpose(x, [2, 0, 1]), tf.stack([4 * n, 3])))
        case.fetch("rows", tf.tile(tf.range(n)[:, None], [1, 2]))
        case.fetch("tiled", tf.tile(x[:1], [n, 1, 2]))
        case.fetch("filled", tf.fill([n, tf.size(x) // n], 7.5))
        case.fetch("zeros", tf.zeros(tf.concat([tf.shape(x)[1:], [n + 1]], 0)))
        y = x[:, ::2, 1:-1, tf.newaxis]
        case.fetch("part", y)
        case.grad(y * y, [x])
        case.fetch("backwards", x[..., ::-1])
        case.fetch("one", x[0, -1])
        y = tf.concat([x, x[:, :1] * 2], axis=1)
        case.fetch("joined", y)
        case.grad(y * y, [x])
        y = tf.stack([x, 3 * x], axis=-1)
        case.fetch("stacked", y)
        case.grad(y * y, [x])
        a, b = tf.split(x, 2, axis=2)
        case.fetch("halves", a * b)
        case.grad(a * b, [x])
        a, b = tf.split(x, [1, 2], axis=1)
        case.fetch("unequal", a * b)
        u = tf.unstack(x, axis=1)
        case.fetch("unstacked", u[0] - u[2])
        y = tf.pad(x, [[0, 0], [1, 2], [0, 1]])
        case.fetch("padded", y)
        case.grad(y * y, [x])
        case.fetch("mirrored", tf.pad(x, [[0, 0], [1, 2], [0, 1]], "REFLECT"))
        y = tf.gather(x, [2, 0, 2], axis=1)
        case.fetch("gathered", y)
        y = tf.gather(tf.reshape(x, [-1, 4]), tf.constant([[1, 3], [5, 1]]))
        case.fetch("embedded", y)
        case.fetch("at", tf.gather_nd(x, [[0, 1, 2], [1, 2, 3]]))
        case.fetch("hot", tf.one_hot(tf.constant([1, -1, 3, 2]), 3, on_value=2.0, off_value=-1.0))
        case.fetch("hot_first", tf.one_hot(tf.constant([[1], [2]]), 3, axis=0, dtype=tf.float64))
        y = tf.broadcast_to(x[:, :1], tf.shape(x))
        case.fetch("repeated", y)
        case.grad(y * y * x, [x])
        case.fetch("reversed", tf.reverse(x, [1]))
        case.fetch("squeezed", tf.squeeze(x[:, :1], [1]))
        case.fetch("rank", tf.rank(x) + tf.size(x))
        case.fetch("steps", tf.raw_ops.LinSpace(start=tf.constant(0.0, tf.float64), stop=tf.constant(1.0, tf.float64), num=5))
        case.fetch("counted", tf.range(1.0, 2.0, 0.25))
        case.fetch("band", tf.linalg.band_part(x, 1, 0))
        case.grad(tf.reduce_mean(x, [0, 1]) * 3, [x])
        # What meets is known only when it is fed.
        a = case.feed("a", [None, 1], case.numbers(3, 1))
        b = case.feed("b", [None], case.numbers(4))
        c = case.feed("c", [None, None], case.numbers(1, 4))
        y = a * b + c * a
        case.fetch("outer", y)
        case.grad(y * y, [a, b, c])
        case.done()


def products():
    for dtype in (np.float32, np.float64):
        with Case(f"products_{np.dtype(dtype).name}") as case:
            a = case.feed("a", [None, 3], case.numbers(2, 3, dtype=dtype))
            b = case.feed("b", [3, 4], case.numbers(3, 4, dtype=dtype))
            for ta in (False, True):
                for tb in (False, True):
                    y = tf.matmul(tf.transpose(a) if ta else a, tf.transpose(b) if tb else b, ta, tb)
                    case.fetch(f"product_{ta}_{tb}", y)
                    case.grad(y * y, [a, b])
            s = case.feed("s", [None, 2, 3], case.numbers(5, 2, 3, dtype=dtype))
            t = case.feed("t", [None, 4, 3], case.numbers(5, 4, 3, dtype=dtype))
            y = tf.matmul(s, t, adjoint_b=True)
            case.fetch("batched", y)
            case.grad(y * y, [s, t])
            y = tf.einsum("bij,jk->bik", s, b)
            case.fetch("einsum", y)
            case.grad(y * y, [s, b])
            y = tf.matmul(s, b)
            case.fetch("broadcast", y)
            case.grad(y * y, [s, b])
            logits = case.feed("logits", [None, 5], 3 * case.numbers(4, 5, dtype=dtype))
            labels = tf.nn.softmax(case.feed("labels", [None, 5], case.numbers(4, 5, dtype=dtype)))
            ids = case.feed("ids", [None], np.array([1, 0, 4, 2], np.int64))
            for name, y in {"softmax": tf.nn.softmax(logits), "log_softmax": tf.nn.log_softmax(logits),
                            "cross": tf1.nn.softmax_cross_entropy_with_logits_v2(labels, logits),
                            "sparse": tf1.nn.sparse_softmax_cross_entropy_with_logits(labels=ids, logits=logits),
                            "sigmoid": tf1.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=logits)}.items():
                case.fetch(name + "_value", y)
                case.grad(tf.reduce_mean(y * y), [logits])
            case.done()


def convolutions():
    with Case("convolutions") as case:
        x = case.feed("x", [None, 7, 6, 2], case.numbers(2, 7, 6, 2))
        k = case.feed("k", [3, 2, 2, 3], case.numbers(3, 2, 2, 3))
        d = case.feed("d", [2, 3, 2, 2], case.numbers(2, 3, 2, 2))
        bias = case.feed("bias", [3], case.numbers(3))
        explicit = [[0, 0], [1, 2], [0, 1], [0, 0]]
        n = 0
        for padding in ("SAME", "VALID", explicit):
            for strides, dilations in (((1, 1), (1, 1)), ((2, 3), (1, 1)), ((1, 1), (2, 1))):
                y = tf.nn.conv2d(x, k, [1, *strides, 1], padding, dilations=[1, *dilations, 1])
                case.fetch(f"conv_{n}", y)
                if dilations == (1, 1):
                    case.grad(y * y, [x, k])
                n += 1
        y = tf.nn.bias_add(tf.nn.conv2d(x, k, 1, "SAME"), bias)
        case.fetch("biased", y)
        case.grad(y * y, [bias])
        for padding in ("SAME", "VALID"):
            y = tf.nn.depthwise_conv2d(x, d, [1, 2, 2, 1], padding)
            case.fetch(f"depthwise_{padding}", y)
            case.grad(y * y, [x, d])
            for pool in (tf.nn.max_pool2d, tf.nn.avg_pool2d):
                y = pool(x, [3, 2], [2, 1], padding)
                case.fetch(f"{pool.__name__}_{padding}", y)
                case.grad(y * y, [x])
        # Elements that tie: the first one counts.
        y = tf.nn.max_pool2d(tf.nn.relu(tf.round(2 * x)), 3, 2, "SAME")
        case.fetch("ties", y)
        [ties] = tf.gradients(tf.nn.max_pool2d(2 * x + tf.stop_gradient(tf.round(2 * x) - 2 * x), 3, 2, "SAME"), [x])
        case.fetch("ties_dx", ties)
        y = case.feed("y", [None, 4, 3, 3], case.numbers(2, 4, 3, 3))
        y = tf.nn.conv2d_transpose(y, k, [tf.shape(x)[0], 8, 6, 2], [1, 2, 2, 1], "SAME")
        case.fetch("transposed", y)
        case.done()
    # TensorFlow has no kernels for channels first on a CPU: the expected values are those of channels last.
    with Case("channels_first") as case:
        value = case.numbers(2, 3, 6, 5, dtype=np.float32)
        x = case.feed("x", [None, 3, 6, 5], value)
        k = tf.constant(case.numbers(3, 3, 3, 4, dtype=np.float32), name="k")
        last = tf.transpose(x, [0, 2, 3, 1])
        back = lambda y: tf.transpose(y, [0, 3, 1, 2])
        bias, scale = tf.constant([1.0, 2, 3, 4], name="bias"), tf.constant([0.5, 1, 1.5, 2], name="scale")
        pairs = {}
        for strides in (1, 2):
            pairs[f"conv_{strides}"] = (lambda f, s=strides: tf.nn.conv2d(x if f else last, k, s, "SAME", data_format="NCHW" if f else "NHWC"))
        pairs["explicit"] = lambda f: tf.nn.conv2d(x if f else last, k, 1, [[0, 0], [0, 0], [1, 2], [0, 1]] if f else [[0, 0], [1, 2], [0, 1], [0, 0]], data_format="NCHW" if f else "NHWC")
        pairs["max"] = lambda f: tf.nn.max_pool2d(x if f else last, 2, 2, "VALID", data_format="NCHW" if f else "NHWC")
        pairs["avg"] = lambda f: tf.nn.avg_pool2d(x if f else last, 3, 1, "SAME", data_format="NCHW" if f else "NHWC")
        def norm(f):
            h = tf.nn.bias_add(tf.nn.conv2d(x if f else last, k, 1, "SAME", data_format="NCHW" if f else "NHWC"), bias, data_format="NCHW" if f else "NHWC")
            return tf1.nn.fused_batch_norm(h, scale, bias, data_format="NCHW" if f else "NHWC")[0]
        pairs["norm"] = norm
        with tf1.Session() as session:
            for name, of in pairs.items():
                first, other = of(True), of(False)
                case.fetch(name, first, session.run(back(other), case.feeds))
                [dx] = tf.gradients(first * first * first, [x])
                [expected] = tf.gradients(other * other * other, [x])
                case.fetch(name + "_dx", dx, session.run(expected, case.feeds))
        case.done()


def batch_norm():
    with Case("batch_norm") as case:
        x = case.feed("x", [None, 3, 2, 4], 2 + case.numbers(5, 3, 2, 4, dtype=np.float32))
        scale = case.feed("scale", [4], 1 + case.numbers(4, dtype=np.float32))
        offset = case.feed("offset", [4], case.numbers(4, dtype=np.float32))
        mean = case.feed("mean", [4], case.numbers(4, dtype=np.float32))
        variance = case.feed("variance", [4], 2 + case.numbers(4, dtype=np.float32))
        y, m, v = tf1.nn.fused_batch_norm(x, scale, offset, epsilon=0.01)
        case.fetch("y", y)
        case.fetch("m", m)
        case.fetch("v", v)
        case.grad(tf.exp(y), [x, scale, offset])
        y, _, _ = tf1.nn.fused_batch_norm(x, scale, offset, mean, variance, is_training=False)
        case.fetch("inference", y)
        case.grad(y * y * y, [x, scale, offset])
        _, m, v = tf1.nn.fused_batch_norm(x, scale, offset, mean, variance, exponential_avg_factor=0.25)
        case.fetch("moving_m", m)
        case.fetch("moving_v", v)
        for name, function in (("old", tf.raw_ops.FusedBatchNorm), ("second", tf.raw_ops.FusedBatchNormV2)):
            case.fetch(name, function(x=x, scale=scale, offset=offset, mean=[], variance=[])[0])
        case.done()


def training():
    optimizers = {
        "sgd": lambda: tf1.train.GradientDescentOptimizer(0.3),
        "momentum": lambda: tf1.train.MomentumOptimizer(0.1, 0.9),
        "nesterov": lambda: tf1.train.MomentumOptimizer(0.1, 0.9, use_nesterov=True),
        "adam": lambda: tf1.train.AdamOptimizer(0.05),
        "rms_prop": lambda: tf1.train.RMSPropOptimizer(0.02, momentum=0.5),
        "centered": lambda: tf1.train.RMSPropOptimizer(0.02, centered=True),
        "adagrad": lambda: tf1.train.AdagradOptimizer(0.3),
    }
    for name, optimizer in optimizers.items():
        for resource in (False, True):
            with Case(f"train_{name}_{'resource' if resource else 'reference'}", resource) as case:
                x = case.feed("x", [None, 4], case.numbers(6, 4))
                labels = case.feed("labels", [None], np.array([0, 2, 1, 1, 0, 2], np.int64))
                w = tf1.get_variable("w", [4, 5], tf.float64)
                b = tf1.get_variable("b", [5], tf.float64, tf1.zeros_initializer())
                v = tf1.get_variable("v", [5, 3], tf.float64, tf1.truncated_normal_initializer(stddev=0.5))
                logits = tf.matmul(tf.tanh(tf.matmul(x, w) + b), v)
                loss = tf.reduce_mean(tf1.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=logits), name="loss")
                step = tf1.train.get_or_create_global_step()
                train = optimizer().minimize(loss, step, name="train")
                tf1.global_variables_initializer()
                if name == "adam":
                    saver = tf1.train.Saver()
                    tf1.summary.scalar("loss_curve", loss)
                    tf1.summary.merge_all()
                case.done(train, loss)
    with Case("train_images", resource=False) as case:
        x = case.feed("x", [None, 6, 6, 1], case.numbers(8, 6, 6, 1, dtype=np.float32))
        labels = case.feed("labels", [None], np.array([0, 2, 1, 1, 0, 2, 1, 0], np.int64))
        training = True
        k = tf1.get_variable("kernel", [3, 3, 1, 4])
        h = tf.nn.conv2d(x, k, 1, "SAME")
        scale, offset = tf1.get_variable("scale", [4], initializer=tf1.ones_initializer()), tf1.get_variable("offset", [4], initializer=tf1.zeros_initializer())
        moving_mean = tf1.get_variable("moving_mean", [4], initializer=tf1.zeros_initializer(), trainable=False)
        h, mean, _ = tf1.nn.fused_batch_norm(h, scale, offset)
        update = tf1.assign_sub(moving_mean, 0.1 * (moving_mean - mean), name="update")
        h = tf.nn.max_pool2d(tf.nn.relu(h), 2, 2, "VALID")
        h = tf.reshape(h, [tf.shape(h)[0], -1])
        w, b = tf1.get_variable("w", [36, 3]), tf1.get_variable("b", [3], initializer=tf1.zeros_initializer())
        logits = tf.nn.bias_add(tf.matmul(h, w), b)
        loss = tf.reduce_mean(tf1.nn.softmax_cross_entropy_with_logits_v2(labels=tf.one_hot(labels, 3), logits=logits), name="loss")
        loss = tf.identity(loss + 0.001 * tf.nn.l2_loss(w), "whole")
        with tf1.control_dependencies([update]):
            train = tf1.train.AdamOptimizer(0.01).minimize(loss, name="train")
        case.done(train, loss)
    with Case("order", resource=True) as case:
        v = tf1.get_variable("v", [], tf.float64, tf1.constant_initializer(2.0))
        with tf1.control_dependencies([tf1.assign_add(v, 10.0)]):
            with tf1.control_dependencies([tf1.assign(v, v.read_value() * 3.0)]):
                case.fetch("last", v.read_value() + 1.0)
        case.done()


def functional():
    with Case("functional", control_v2=True) as case:
        x = case.feed("x", [None, 3], case.numbers(2, 3))
        count = case.feed("count", [], np.int32(4))
        y = tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: x * x)
        case.fetch("chosen", y)
        case.grad(y, [x])
        other = tf.cond(tf.reduce_sum(x) > 100, lambda: x * 2, lambda: tf.sin(x) * x)
        case.fetch("other", other)
        case.fetch("nested", tf.cond(x[0, 0] > 0, lambda: tf.cond(x[0, 1] > 0, lambda: x + 1, lambda: x + 2), lambda: x + 3))
        i, total = tf.while_loop(lambda i, t: i < count, lambda i, t: (i + 1, t * 0.5 + x * tf.cast(i, tf.float64)), [0, x])
        case.fetch("iterations", i)
        case.fetch("total", total)
        w = tf.constant(case.numbers(3, 3), name="w")
        _, h = tf.while_loop(lambda i, h: i < 5, lambda i, h: (i + 1, tf.tanh(tf.matmul(h, w) + x)), [0, tf.zeros_like(x)])
        case.fetch("state", h)
        squares = h * h
        @tf.function
        def twice(a, b):
            return a @ b, tf.nn.relu(a)

        p, q = twice(x, w)
        case.fetch("called", p + q)
        # What TensorFlow makes for the gradient of a loop is not part of the graph.
        definition = case.graph.as_graph_def()
        case.grad(squares, [x], fetched=False)
        case.grad(other, [x], fetched=False)
        case.grad(total, [x], fetched=False)
        case.done(graph_def=definition)


def recurrent():
    for control_v2 in (False, True):
        with Case("recurrent_functional" if control_v2 else "recurrent_frames", control_v2=control_v2) as case:
            x = case.feed("x", [None, 7, 3], case.numbers(2, 7, 3))
            z = case.feed("z", [4, None, 3], case.numbers(4, 2, 3))
            w = tf.constant(case.numbers(3, 3), name="w")
            rows = tf.transpose(x, [1, 0, 2])
            read = tf.TensorArray(tf.float64, size=tf.shape(rows)[0], element_shape=[None, 3]).unstack(rows)
            write = tf.TensorArray(tf.float64, size=7, element_shape=[None, 3])
            step = lambda i, h, out: (i + 1, tf.tanh(tf.matmul(h, w) + read.read(i)), out.write(i, h * h))
            i, last, out = tf.while_loop(lambda i, h, out: i < 7, step, [0, tf.zeros_like(x[:, 0]), write])
            every = out.stack()
            case.fetch("last", last)
            case.fetch("every", every)
            case.fetch("mapped", tf.map_fn(lambda row: tf.sin(row) * 2.0, z))
            products = last * last
            definition = case.graph.as_graph_def()
            case.grad(products, [x], fetched=False)
            case.grad(every, [x], fetched=False)
            case.done(graph_def=definition)


def lowered():
    with Case("frames") as case:
        x = case.feed("x", [None, 3], case.numbers(2, 3))
        count = case.feed("count", [], np.int32(4))
        chosen = tf.cond(tf.reduce_sum(x) > 0, lambda: x * 2, lambda: tf.sin(x) * x)
        case.fetch("chosen", chosen)
        case.grad(chosen, [x])
        other = tf.cond(tf.reduce_sum(x) > 100, lambda: (x * 2, x + 1), lambda: (tf.sin(x) * x, x - 1))
        case.fetch("other", other[0] * other[1])
        case.grad(other[0] * other[1], [x])
        case.fetch("nested", tf.cond(x[0, 0] > 0, lambda: tf.cond(x[0, 1] > 0, lambda: x + 1, lambda: x + 2), lambda: x + 3))
        i, total = tf.while_loop(lambda i, t: i < count, lambda i, t: (i + 1, t * 0.5 + x * tf.cast(i, tf.float64)), [0, x])
        case.fetch("iterations", i)
        case.fetch("total", total)
        w = tf.constant(case.numbers(3, 3), name="w")
        step = lambda h: tf.cond(tf.reduce_sum(h) > 0.1, lambda: tf.tanh(tf.matmul(h, w) + x), lambda: h * 0.9 + 0.1)
        _, h = tf.while_loop(lambda i, h: i < 5, lambda i, h: (i + 1, step(h)), [0, tf.zeros_like(x)])
        case.fetch("state", h)
        inner = lambda i, a: tf.while_loop(lambda j, b: j < i, lambda j, b: (j + 1, b * 1.5 - x), [0, a])[1]
        _, a = tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, inner(i, a)), [0, x])
        case.fetch("within", a)
        squares, products = h * h, a * a
        definition = case.graph.as_graph_def()
        for y in (total, squares, products):
            case.grad(y, [x], fetched=False)
        case.done(graph_def=definition)
    numbers = {"x": Case("x").numbers(2, 3), "w": Case("w").numbers(3, 3)}
    program = """
import sys, numpy as np, tensorflow as tf
from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2
w = tf.Variable(np.array(eval(sys.argv[1])))
@tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float64, "x")])
def f(x):
    h = x
    for i in tf.range(5):
        h = tf.tanh(h @ w)
        if tf.reduce_sum(h) < 0.0:
            h += x
    return tf.nn.softmax(h)
for lower in (True, False):
    frozen = convert_variables_to_constants_v2(f.get_concrete_function(), lower_control_flow=lower)
    open(sys.argv[2] + str(lower), "wb").write(frozen.graph.as_graph_def().SerializeToString())
print(repr(f(tf.constant(eval(sys.argv[3]), tf.float64)).numpy().tolist()), frozen.outputs[0].name)
"""
    with tempfile.TemporaryDirectory() as folder:
        arguments = [repr(numbers["w"].tolist()), folder + "/", repr(numbers["x"].tolist())]
        # AutoGraph reads the source, so there must be one.
        script = pathlib.Path(folder, "program.py")
        script.write_text(program)
        printed = subprocess.run([sys.executable, script, *arguments], capture_output=True, text=True, check=True).stdout
        values = printed[printed.rindex("[[") :]
        expected, output = values.rsplit(" ", 1)
        for name, lower in (("frozen_lowered", True), ("frozen_functional", False)):
            definition = tf1.GraphDef.FromString(pathlib.Path(folder, str(lower)).read_bytes())
            for node in definition.node:
                node.device = ""
            packed(name + ".pb", definition.SerializeToString(deterministic=True))
            fetches = {output.strip(): plain(np.array(eval(expected)))}
            CASES.append({"name": name, "feeds": {"x": plain(numbers["x"])}, "fetches": fetches, "gradients": []})


HERE.mkdir(exist_ok=True)
for old in HERE.glob("*.gz"):
    old.unlink()
FAMILIES = (elementwise, reductions, shapes, products, convolutions, batch_norm, training, functional, recurrent, lowered)
for family in FAMILIES:
    family()
families(Case)
packed("expected.json", json.dumps(CASES, sort_keys=True).encode())
sizes = {path.name: path.stat().st_size for path in HERE.iterdir()}
print(sum(sizes.values()), sizes)
