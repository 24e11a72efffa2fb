"""More families of graphs for generate_graph_def.py, each a small graph of its own."""

import numpy as np
import tensorflow as tf

tf1 = tf.compat.v1


def families(Case):
    """Builds all of them with its `Case`."""
    for family in (losses, images, recurrent, indices, orders, algebra, elements, conditions, optimizers):
        family(Case)


def losses(Case):
    with Case("losses") as case:
        x = case.feed("x", [None, 4], case.numbers(3, 4, dtype=np.float32))
        y = case.feed("y", [None, 4], case.numbers(3, 4, dtype=np.float32))
        w = case.feed("w", [None, 1], np.array([[0.5], [0.0], [2.0]], np.float32))
        of = tf1.losses
        p, q = tf.sigmoid(x), tf.sigmoid(y)
        for name, loss in {
            "huber": of.huber_loss(y, x, delta=0.3), "log": of.log_loss(q, p), "squared": of.mean_squared_error(y, x, w),
            "absolute": of.absolute_difference(y, x, w, reduction=of.Reduction.SUM), "hinge": of.hinge_loss(tf.round(q), x),
            "cosine": of.cosine_distance(y, x, axis=1), "each": of.mean_squared_error(y, x, reduction=of.Reduction.NONE),
            "weighted": tf.nn.weighted_cross_entropy_with_logits(labels=q, logits=x, pos_weight=2.0),
            "pairs": of.mean_pairwise_squared_error(y, x), "smooth": of.sigmoid_cross_entropy(q, x, label_smoothing=0.1),
            "poisson": tf.nn.log_poisson_loss(q, x), "poisson_full": tf.nn.log_poisson_loss(q + 2, x, compute_full_loss=True),
        }.items():
            case.fetch(name, loss)
            case.grad(loss, [x])
        case.done()
    with Case("regularizers") as case:
        x = case.feed("x", [None, 3], case.numbers(4, 3))
        parts = [tf.nn.l2_normalize(x, 1), tf.clip_by_norm(x, 0.7, axes=[1]), *tf.clip_by_global_norm([x, 2 * x], 0.5)[0]]
        for place, part in enumerate(parts):
            case.fetch(f"part_{place}", part)
            case.grad(part * part * part, [x])
        case.fetch("zeros", tf.math.zero_fraction(tf.nn.relu(x)))
        case.fetch("loss", tf.add_n([tf.nn.l2_loss(x), tf.reduce_sum(tf.abs(x))]))
        case.done()


def images(Case):
    with Case("dilated") as case:
        x = case.feed("x", [None, 8, 7, 2], case.numbers(2, 8, 7, 2))
        k = case.feed("k", [3, 2, 2, 3], case.numbers(3, 2, 2, 3))
        d = case.feed("d", [2, 2, 2, 2], case.numbers(2, 2, 2, 2))
        for padding in ("SAME", "VALID"):
            y = tf.nn.conv2d(x, k, 1, padding, dilations=[1, 2, 2, 1])
            case.fetch("conv_" + padding, y)
            y = tf.nn.atrous_conv2d(x, k, 2, padding)
            case.fetch("atrous_" + padding, y)
            y = tf.nn.depthwise_conv2d(x, d, [1, 1, 1, 1], padding, dilations=[2, 2])
            case.fetch("depthwise_" + padding, y)
        y = tf.nn.separable_conv2d(x, d, tf.ones([1, 1, 4, 3], tf.float64) * 0.3, [1, 2, 2, 1], "SAME")
        case.fetch("separable", y)
        case.grad(y * y, [x, d])
        case.done()
    with Case("signals") as case:
        x = case.feed("x", [None, 9, 2], case.numbers(2, 9, 2))
        k = case.feed("k", [3, 2, 4], case.numbers(3, 2, 4))
        for name, y in {"conv": tf.nn.conv1d(x, k, 1, "SAME"), "strided": tf.nn.conv1d(x, k, 2, "VALID"),
                        "max": tf.nn.max_pool1d(x, 3, 2, "SAME"), "mean": tf.nn.avg_pool1d(x, 2, 2, "VALID")}.items():
            case.fetch(name, y)
            case.grad(y * y, [x] if name in ("max", "mean") else [x, k])
        case.done()
    with Case("rearranged") as case:
        x = case.feed("x", [None, 4, 6, 4], case.numbers(2, 4, 6, 4))
        for name, y in {"depth": tf.nn.space_to_depth(x, 2), "space": tf.nn.depth_to_space(x, 2),
                        "batch": tf.space_to_batch(x, [2, 3], [[0, 0], [0, 0]]), "flipped": tf.image.flip_left_right(x),
                        "turned": tf.image.rot90(x[:, :, :4]), "cropped": tf.image.central_crop(x, 0.5)}.items():
            case.fetch(name, y)
            case.grad(y * y * y, [x])
        case.fetch("back", tf.batch_to_space(tf.space_to_batch(x, [2, 2], [[0, 0], [1, 1]]), [2, 2], [[0, 0], [1, 0]]))
        case.done()
    with Case("resized") as case:
        x = case.feed("x", [None, 4, 3, 2], case.numbers(2, 4, 3, 2, dtype=np.float32))
        for align in (False, True):
            for half in (False, True):
                if align and half:
                    continue
                for name, op in (("linear", tf.raw_ops.ResizeBilinear), ("nearest", tf.raw_ops.ResizeNearestNeighbor)):
                    y = op(images=x, size=[7, 5], align_corners=align, half_pixel_centers=half)
                    case.fetch(f"{name}_{align}_{half}", y)
                    case.grad(y * y, [x])
        case.fetch("smaller", tf.image.resize(x, [2, 2]))
        case.done()
    with Case("mirrored") as case:
        x = case.feed("x", [None, 3, 4], case.numbers(2, 3, 4))
        for mode in ("REFLECT", "SYMMETRIC"):
            y = tf.pad(x, [[0, 0], [2, 1], [1, 2]], mode)
            case.fetch(mode.lower(), y)
            case.grad(y * y * y, [x])
        y = tf.pad(x, [[1, 0], [0, 0], [0, 2]], constant_values=1.5)
        case.fetch("constant", y)
        case.grad(y * y, [x])
        case.done()
    with Case("responses") as case:
        x = case.feed("x", [None, 3, 3, 5], case.numbers(2, 3, 3, 5, dtype=np.float32))
        y = tf.nn.local_response_normalization(x, 2, 1.5, 0.3, 0.6)
        case.fetch("normalized", y)
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        y = tf.nn.batch_normalization(x, mean, variance, 0.5, 2.0, 1e-3)
        case.fetch("instance", y)
        case.grad(y * y * y, [x])
        case.done()


def recurrent(Case):
    for v2 in (False, True):
        kind = "functional" if v2 else "frames"
        with Case("scans_" + kind, control_v2=v2) as case:
            x = case.feed("x", [6, 3], case.numbers(6, 3))
            case.fetch("started", tf.scan(lambda a, row: tf.sin(a + row), x, tf.zeros([3], tf.float64)))
            case.fetch("mapped", tf.map_fn(lambda row: row * row[0], x))
            case.fetch("folded", tf.foldl(lambda a, row: a * row + 1, x))
            case.done()
        with Case("counted_" + kind, control_v2=v2) as case:
            x = case.feed("x", [None], case.numbers(4))
            i, y = tf.while_loop(lambda i, y: tf.reduce_sum(tf.abs(y)) < 20.0, lambda i, y: (i + 1, y * 1.5 + 0.1), [0, x])
            case.fetch("times", i)
            case.fetch("grown", y)
            squares = y * y
            definition = case.graph.as_graph_def()
            case.grad(squares, [x], fetched=False)
            case.done(graph_def=definition)
        with Case("branches_" + kind, control_v2=v2) as case:
            x = case.feed("x", [None, 2], case.numbers(3, 2))
            flag = case.feed("flag", [], np.array(2, np.int32))
            y = tf.cond(flag > 1, lambda: tf.cond(flag > 5, lambda: x, lambda: tf.exp(x) * x), lambda: -x)
            case.fetch("nested", y)
            # Of nested ones, TensorFlow hands gradients what branches keep as optional values.
            if not v2:
                case.grad(y * y, [x])
            z = tf.case([(flag < 0, lambda: x * 2), (flag < 3, lambda: x * 3)], default=lambda: x * 4)
            case.fetch("cases", z)
            if not v2:
                case.grad(z * y, [x])
            if v2:
                case.fetch("switched", tf.switch_case(flag, [lambda: x + 1, lambda: x + 2, lambda: tf.sin(x)]))
            case.done()


def indices(Case):
    with Case("segments") as case:
        x = case.feed("x", [6, 2], case.numbers(6, 2))
        ids, unsorted = tf.constant([0, 0, 1, 3, 3, 3]), tf.constant([2, 0, 2, 1, 0, 2])
        for name, op in (("sum", tf.math.segment_sum), ("mean", tf.math.segment_mean), ("max", tf.math.segment_max)):
            y = op(x, ids)
            case.fetch(name, y)
            case.grad(y * y, [x])
        for name, op in (("sum", tf.math.unsorted_segment_sum), ("max", tf.math.unsorted_segment_max)):
            y = op(x, unsorted, 3)
            case.fetch("unsorted_" + name, y)
            case.grad(y * y, [x])
        case.done()
    with Case("gathered") as case:
        x = case.feed("x", [None, 4, 3], case.numbers(2, 4, 3))
        i = case.feed("i", [None], np.array([1, 3, 1], np.int32))
        y = tf.gather(x, i, axis=1)
        case.fetch("axis", y)
        case.grad(y * y, [x])
        y = tf.gather(x, tf.constant([[0, 3], [2, 2]]), batch_dims=1)
        case.fetch("batch", y)
        y = tf.gather_nd(x, tf.constant([[0, 1], [1, 3], [0, 1]]))
        case.fetch("points", y)
        case.grad(y * y, [x])
        y = tf.scatter_nd(tf.constant([[1], [3], [1]]), x[0, :3], [5, 3])
        case.fetch("scattered", y)
        case.grad(y * y, [x])
        base = x[1]
        for name, op in (("put", tf.tensor_scatter_nd_update), ("added", tf.tensor_scatter_nd_add)):
            y = op(base, tf.constant([[0], [2]]), x[0, :2] * 2)
            case.fetch(name, y)
            case.grad(y * y, [x])
        y = tf.nn.embedding_lookup(base, i)
        case.fetch("embedded", y)
        case.fetch("stitched", tf.dynamic_stitch([[0, 2], [1]], [x[0, :2], x[1, :1]]))
        case.done()
    for resource in (False, True):
        kind = "resource" if resource else "reference"
        for name, optimizer in (("sgd", lambda: tf1.train.GradientDescentOptimizer(0.5)), ("adam", lambda: tf1.train.AdamOptimizer(0.05))):
            with Case(f"train_embedding_{name}_{kind}", resource=resource) as case:
                ids = case.feed("ids", [None], np.array([0, 3, 3, 1, 4], np.int32))
                target = case.feed("target", [None, 2], case.numbers(5, 2))
                table = tf1.get_variable("table", [6, 2], tf.float64)
                loss = tf.reduce_mean(tf.square(tf.nn.embedding_lookup(table, ids) - target), name="loss")
                case.done(optimizer().minimize(loss, name="train"), loss)
    with Case("scattered_variables", resource=True) as case:
        v = tf1.get_variable("v", [4, 2], tf.float64, tf1.ones_initializer())
        with tf1.control_dependencies([tf1.scatter_add(v, [1, 3, 1], case.feed("x", [3, 2], case.numbers(3, 2)))]):
            with tf1.control_dependencies([tf1.scatter_update(v, [0], [[5.0, 6.0]])]):
                case.fetch("after", v.read_value() + 0.0)
        case.done()
    with Case("slices") as case:
        x = case.feed("x", [None, None, 4], case.numbers(3, 5, 4))
        n = tf.shape(x)[1]
        for name, y in {"front": x[:, :n - 1], "behind": x[:, n - 2:], "shifted": x[:, 1:] - x[:, :-1], "last": x[:, -1],
                        "every": x[:, ::2, ::-1], "new": x[:, tf.newaxis, ..., 1], "half": x[:, :n // 2], "sliced": tf.slice(x, [0, 1, 1], [-1, n - 2, 2])}.items():
            case.fetch(name, y)
            case.grad(y * y, [x])
        case.done()


def orders(Case):
    with Case("cumulative") as case:
        x = case.feed("x", [None, 4], case.numbers(3, 4))
        for exclusive in (False, True):
            for reverse in (False, True):
                for name, op in (("sum", tf.cumsum), ("product", tf.math.cumprod), ("log", tf.math.cumulative_logsumexp)):
                    y = op(x, 1, exclusive=exclusive, reverse=reverse)
                    case.fetch(f"{name}_{exclusive}_{reverse}", y)
                    if name != "log":
                        case.grad(y * y, [x])
        case.done()
    with Case("sorted") as case:
        x = case.feed("x", [None, 6], case.numbers(3, 6))
        top, where = tf.math.top_k(x, 3)
        case.fetch("top", top)
        case.fetch("where", where)
        case.grad(top * top, [x])
        y = tf.sort(x, 1)
        case.fetch("up", y)
        case.fetch("down", tf.sort(x, 1, "DESCENDING"))
        case.fetch("places", tf.argsort(x, 1))
        case.fetch("in_top", tf.cast(tf.math.in_top_k(tf.constant([1, 0, 5]), tf.cast(x, tf.float32), 2), tf.int32))
        case.fetch("rolled", tf.roll(x, [1, -2], [0, 1]))
        case.fetch("repeated", tf.repeat(x, 2, axis=1))
        case.done()


def algebra(Case):
    with Case("einsums") as case:
        a = case.feed("a", [None, 2, 3, 4], case.numbers(2, 2, 3, 4))
        b = case.feed("b", [None, 2, 5, 4], case.numbers(2, 2, 5, 4))
        c = case.feed("c", [4, 4], case.numbers(4, 4))
        for name, (rule, operands) in {"scores": ("bhqd,bhkd->bhqk", [a, b]), "sum": ("bhqd,de->bq", [a, c]), "dot": ("ij,ij->", [c, c]),
                                       "outer": ("bhqd,bhkd->bqkh", [a, b]), "turned": ("ij->ji", [c]), "rest": ("...d,de->...e", [a, c])}.items():
            y = tf.einsum(rule, *operands)
            case.fetch(name, y)
            case.grad(y * y, [x for x in (a, b, c) if any(x is operand for operand in operands)])
        case.fetch("tensordot", tf.tensordot(a, c, [[3], [0]]))
        case.fetch("matvec", tf.linalg.matvec(c, c[0]))
        case.done()
    with Case("diagonals") as case:
        x = case.feed("x", [3, 3], case.numbers(3, 3))
        for name, y in {"part": tf.linalg.diag_part(x), "whole": tf.linalg.diag(x), "trace": tf.linalg.trace(x), "set": tf.linalg.set_diag(x, x[0]),
                        "lower": tf.linalg.band_part(x, -1, 0), "eye": x - tf.eye(3, dtype=tf.float64), "tensor": tf.linalg.tensor_diag(x[0])}.items():
            case.fetch(name, y)
            case.grad(y * y, [x])
        case.done()
    with Case("attention") as case:
        x = case.feed("x", [None, None, 4], case.numbers(2, 3, 4))
        lengths = case.feed("lengths", [None], np.array([3, 2], np.int32))
        w = [tf.constant(case.numbers(4, 4), name=f"w{i}") for i in range(3)]
        heads = lambda t: tf.transpose(tf.reshape(t, [tf.shape(t)[0], tf.shape(t)[1], 2, 2]), [0, 2, 1, 3])
        q, k, v = (heads(tf.tensordot(x, m, 1)) for m in w)
        mask = tf.sequence_mask(lengths, tf.shape(x)[1], tf.float64)[:, None, None]
        scores = tf.nn.softmax(tf.matmul(q, k, transpose_b=True) / 2.0 ** 0.5 + (1.0 - mask) * -1e9)
        y = tf.reshape(tf.transpose(tf.matmul(scores, v), [0, 2, 1, 3]), tf.shape(x)) + x
        mean, variance = tf.nn.moments(y, [-1], keepdims=True)
        y = (y - mean) * tf.math.rsqrt(variance + 1e-6)
        case.fetch("y", y)
        case.grad(y * y * y, [x])
        case.done()


def elements(Case):
    with Case("types") as case:
        x = case.feed("x", [None], np.array([-2.5, -0.0, 0.5, 1.5, 3.0], np.float32))
        i = case.feed("i", [None], np.array([-3, 0, 5, 2, 7], np.int64))
        kinds = (tf.float32, tf.float64, tf.int32, tf.int64, tf.bool)
        for place, source in enumerate((x, i, tf.cast(x, tf.float64), tf.cast(i, tf.int32), x > 0)):
            for kind in kinds:
                y = tf.cast(source, kind)
                case.fetch(f"cast_{place}_{kind.name}", tf.cast(y, tf.int32) if kind == tf.bool else y)
        case.fetch("finite", tf.cast(tf.math.is_finite(x / tf.cast(i, tf.float32)), tf.int32))
        case.fetch("nan", tf.cast(tf.math.is_nan(tf.sqrt(x)), tf.int32))
        case.done()
    with Case("bits") as case:
        a = case.feed("a", [None], np.array([7, -7, 12, 1 << 20], np.int32))
        b = case.feed("b", [None], np.array([3, 2, 1, 5], np.int32))
        for name, y in {"and": tf.bitwise.bitwise_and(a, b), "or": tf.bitwise.bitwise_or(a, b), "xor": tf.bitwise.bitwise_xor(a, b),
                        "sign": tf.sign(a), "abs": tf.abs(a), "power": tf.pow(b, 3), "clip": tf.clip_by_value(a, -1, 9),
                        "sum": tf.reduce_sum(a), "largest": tf.reduce_max(a), "total": tf.cumsum(b), "dot": tf.tensordot(b, b, 1)}.items():
            case.fetch(name, y)
        case.done()
    with Case("chosen") as case:
        x = case.feed("x", [None, 3], case.numbers(4, 3))
        row = case.feed("row", [None, 1], case.numbers(4, 1))
        y = tf.where(row > 0, x, 2.0)
        case.fetch("broadcast", y)
        case.grad(y * y, [x])
        y = tf1.where(tf.squeeze(row > 0, 1), x, -x)
        case.fetch("rows", y)
        case.grad(y * x, [x])
        for name, op in (("maximum", tf.maximum), ("minimum", tf.minimum)):
            y = op(x, row)
            case.fetch(name, y)
            case.grad(y * y, [x, row])
        a, b = tf.meshgrid(x[0], row[:, 0])
        case.fetch("mesh", a * b)
        case.fetch("equal", tf.cast(tf.reduce_all(tf.equal(x, x)), tf.int32))
        case.done()
    with Case("activations") as case:
        x = case.feed("x", [None, 4], 3 * case.numbers(3, 4))
        for name, y in {"gelu": tf.nn.gelu(x), "tanh_gelu": tf.nn.gelu(x, True), "swish": tf.nn.silu(x), "crelu": tf.nn.crelu(x),
                        "leaky": tf.nn.leaky_relu(x, 0.3), "softplus": tf.nn.softplus(x), "log_sigmoid": tf.math.log_sigmoid(x),
                        "softmax_1": tf.nn.softmax(x, 0), "dot": tf1.nn.xw_plus_b(x, tf.transpose(x), x[:, 0])}.items():
            case.fetch(name, y)
            case.grad(y * y, [x])
        case.done()
    with Case("special") as case:
        x = case.feed("x", [None], np.linspace(0.2, 3.4, 6))
        for name, y in {"gamma": tf.math.igamma(x, x + 0.5), "upper": tf.math.igammac(x, x + 0.5), "digamma": tf.math.digamma(x),
                        "trigamma": tf.math.polygamma(tf.constant(1.0, tf.float64), x), "ndtri": tf.math.ndtri(x / 4), "erfcinv": tf.math.erfcinv(x / 2)}.items():
            case.fetch(name, y)
        case.done()
    with Case("random_shapes") as case:
        n = tf.shape(case.feed("x", [None, 2], case.numbers(3, 2)))[0]
        seeds = dict(seed=[1, 2])
        for name, y in {"uniform": tf.random.uniform([n, 4]), "normal": tf.random.normal([2, n]), "truncated": tf.random.truncated_normal([n]),
                        "integers": tf.random.uniform([n], 0, 5, tf.int32), "stateless": tf.random.stateless_uniform([n, 2], **seeds),
                        "stateless_normal": tf.random.stateless_normal([3, n], **seeds)}.items():
            case.fetch(name + "_shape", tf.shape(y))
            case.fetch(name + "_zero", y * 0)
        case.fetch("kept", tf.nn.dropout(tf.zeros([n, 3], tf.float32), rate=0.4))
        case.done()


def conditions(Case):
    for v2 in (False, True):
        with Case("changed_" + ("functional" if v2 else "frames"), control_v2=v2) as case:
            v = tf1.get_variable("v", [], tf.float64, tf1.constant_initializer(2.0))
            flag = case.feed("flag", [], np.array(1, np.int32))
            new = tf.cond(flag > 0, lambda: tf1.assign_add(v, 5.0).read_value() if v2 else tf1.assign_add(v, 5.0) + 0.0, lambda: v + 0.0)
            case.fetch("new", new)
            case.done()


def optimizers(Case):
    for resource in (False, True):
        kind = "resource" if resource else "reference"
        for name, optimizer in (("adadelta", lambda: tf1.train.AdadeltaOptimizer(20.0)), ("ftrl", lambda: tf1.train.FtrlOptimizer(0.5, l1_regularization_strength=0.001, l2_regularization_strength=0.01))):
            with Case(f"train_{name}_{kind}", resource=resource) as case:
                x = case.feed("x", [None, 3], case.numbers(7, 3))
                target = case.feed("target", [None], case.numbers(7))
                w = tf1.get_variable("w", [3, 1], tf.float64)
                loss = tf.reduce_mean(tf.square(tf.matmul(x, w)[:, 0] - target), name="loss")
                case.done(optimizer().minimize(loss, name="train"), loss)
    with Case("train_clipped", resource=True) as case:
        x = case.feed("x", [None, 3], case.numbers(7, 3))
        target = case.feed("target", [None, 2], case.numbers(7, 2))
        w, v = tf1.get_variable("w", [3, 4], tf.float64), tf1.get_variable("v", [4, 2], tf.float64)
        loss = tf.reduce_mean(tf.square(tf.matmul(tf.sigmoid(tf.matmul(x, w)), v) - target), name="loss")
        step = tf1.train.get_or_create_global_step()
        rate = tf1.train.exponential_decay(0.5, step, 3, 0.9, staircase=True)
        optimizer = tf1.train.MomentumOptimizer(rate, 0.9)
        pairs = optimizer.compute_gradients(loss)
        clipped, _ = tf.clip_by_global_norm([gradient for gradient, _ in pairs], 0.2)
        apply = optimizer.apply_gradients(zip(clipped, [variable for _, variable in pairs]), step)
        averages = tf1.train.ExponentialMovingAverage(0.9, step)
        with tf1.control_dependencies([apply]):
            train = averages.apply([w, v])
        case.done(train, loss)
