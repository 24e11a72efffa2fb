//! The ops of the fixture: how each is built from inputs and attributes, and how close its results must come.

use flowgrad::prelude::*;

use super::typed::{Attributes, Inputs, Outputs, Typed};

/// How close numbers must come to those of the file. Infinities and NaN must be the same ones always.
#[derive(Clone, Copy)]
pub(super) enum Tolerance {
    /// The same bits, also of zeros.
    Bits,
    /// Equal numbers: a zero may have either sign.
    Equal,
    /// This part of the number apart.
    Relative(f64),
    /// This part of the array's largest number apart, as elements are what is left of larger terms.
    OfLargest(f64),
    /// This much apart, and this part of the number.
    Mixed(f64),
}

/// For values that are elements of the input, booleans, integers, or numbers rounded once.
const SAME: Tolerance = Tolerance::Bits;
/// For derivatives that are elements of the cotangents, or 0.
const EQUAL: Tolerance = Tolerance::Equal;
/// For sums, products and quotients of a few roundings.
const EXACT: Tolerance = Tolerance::Relative(1e-12);
/// For contractions, whose terms may cancel.
const SUMS: Tolerance = Tolerance::OfLargest(1e-12);
/// For transcendental functions.
const NEAR: Tolerance = Tolerance::Mixed(1e-14);

impl Tolerance {
    /// Whether the number may stand for that of an array whose largest is given.
    pub(super) fn allows(self, found: f64, expected: f64, largest: f64) -> bool {
        let equal = found == expected || found.is_nan() && expected.is_nan();
        let apart = match self {
            Tolerance::Bits => return equal && (found.is_nan() || found.to_bits() == expected.to_bits()),
            Tolerance::Equal => 0.0,
            Tolerance::Relative(part) => part * expected.abs(),
            Tolerance::OfLargest(part) => part * largest,
            Tolerance::Mixed(part) => part + part * expected.abs(),
        };
        equal || expected.is_finite() && (found - expected).abs() <= apart
    }
}

/// An op: its name in the file, how close its values and its derivatives must come, and how it is built.
pub(super) struct Row {
    pub(super) op: &'static str,
    pub(super) value: Tolerance,
    pub(super) derivatives: Tolerance,
    pub(super) build: Build,
}

type Build = for<'g> fn(&'g Graph, &Inputs<'g>, &Attributes) -> Outputs<'g>;

/// Builds an op of inputs that are all numbers of one type.
macro_rules! numbers {
    ($inputs:expr, |$($x:ident),*| $y:expr) => {
        match $inputs.0[0] {
            Typed::F64(_) => {
                let [$($x),*] = $inputs.all(Typed::as_f64);
                Outputs::from($y)
            }
            Typed::I64(_) | Typed::I32(_) => integers!($inputs, |$($x),*| $y),
            Typed::Bool(_) => panic!("booleans are no numbers"),
        }
    };
}

/// Builds an op of inputs that are all integers of one type.
macro_rules! integers {
    ($inputs:expr, |$($x:ident),*| $y:expr) => {
        match $inputs.0[0] {
            Typed::I64(_) => {
                let [$($x),*] = $inputs.all(Typed::as_i64);
                Outputs::from($y)
            }
            Typed::I32(_) => {
                let [$($x),*] = $inputs.all(Typed::as_i32);
                Outputs::from($y)
            }
            Typed::F64(_) | Typed::Bool(_) => panic!("no integers"),
        }
    };
}

/// Rows of methods that take nothing.
macro_rules! methods {
    ($($value:ident $derivatives:ident: $($op:ident)*;)*) => {
        [$($(row(stringify!($op), $value, $derivatives, |_, x, _| x.float(0).$op().into())),*),*]
    };
}

fn row(op: &'static str, value: Tolerance, derivatives: Tolerance, build: Build) -> Row {
    Row { op, value, derivatives, build }
}

/// All rows.
pub(super) fn table() -> Vec<Row> {
    let mut rows = Vec::new();
    rows.extend(elementwise());
    rows.extend(pairs());
    rows.extend(reductions());
    rows.extend(moves());
    rows.extend(indexed());
    rows.extend(contractions());
    rows.extend(images());
    rows.extend(networks());
    rows
}

/// Functions of one argument, and `clip`.
fn elementwise() -> Vec<Row> {
    let mut rows = vec![
        row("abs", SAME, EQUAL, |_, x, _| numbers!(x, |x| x.abs())),
        row("sign", SAME, EQUAL, |_, x, _| numbers!(x, |x| x.sign())),
        row("neg", SAME, EQUAL, |_, x, _| numbers!(x, |x| -x)),
        row("square", SAME, EXACT, |_, x, _| numbers!(x, |x| x.square())),
        row("leaky_relu", SAME, EXACT, |_, x, a| x.float(0).leaky_relu(a.number("alpha")).into()),
        row("celu", NEAR, NEAR, |_, x, a| x.float(0).celu(a.number("alpha")).into()),
        row("bitwise_not", SAME, EQUAL, |_, x, _| integers!(x, |x| x.bitwise_not())),
        row("clip", SAME, EXACT, |_, x, _| x.float(0).clip(x.float(1), x.float(2)).into()),
        row("logical_not", SAME, EQUAL, |_, x, _| x.boolean(0).logical_not().into()),
        row("cast", SAME, EQUAL, |_, x, a| {
            macro_rules! to {
                ($element:ty) => {
                    match x.0[0] {
                        Typed::F64(x) => x.cast::<$element>().into(),
                        Typed::I64(x) => x.cast::<$element>().into(),
                        Typed::I32(x) => x.cast::<$element>().into(),
                        Typed::Bool(x) => x.cast::<$element>().into(),
                    }
                };
            }
            match a.text("to").as_str() {
                "f64" => to!(f64),
                "i64" => to!(i64),
                "i32" => to!(i32),
                _ => to!(bool),
            }
        }),
    ];
    rows.extend(methods! {
        SAME EQUAL: floor ceil round is_nan is_inf is_finite relu relu6;
        SAME EXACT: reciprocal sqrt;
        EXACT EXACT: rsqrt;
        EXACT EXACT: softsign hard_sigmoid hard_swish;
        NEAR NEAR: exp2 log2 log10 cbrt erfc log_sigmoid mish;
        NEAR NEAR: exp expm1 ln log1p sin cos tan asin acos atan sinh cosh tanh erf;
        NEAR NEAR: sigmoid softplus elu selu gelu gelu_tanh silu;
    });
    rows
}

/// Functions of two arguments, and `select`.
fn pairs() -> Vec<Row> {
    vec![
        row("add", SAME, EXACT, |_, x, _| numbers!(x, |x, y| x + y)),
        row("sub", SAME, EXACT, |_, x, _| numbers!(x, |x, y| x - y)),
        row("mul", SAME, EXACT, |_, x, _| numbers!(x, |x, y| x * y)),
        row("div", SAME, EXACT, |_, x, _| (x.float(0) / x.float(1)).into()),
        row("pow", NEAR, NEAR, |_, x, _| x.float(0).pow(x.float(1)).into()),
        row("pow_scalar", NEAR, NEAR, |_, x, a| x.float(0).pow(a.number("exponent")).into()),
        row("hypot", NEAR, SUMS, |_, x, _| x.float(0).hypot(x.float(1)).into()),
        row("atan2", NEAR, NEAR, |_, x, _| x.float(0).atan2(x.float(1)).into()),
        row("xlogy", NEAR, NEAR, |_, x, _| x.float(0).xlogy(x.float(1)).into()),
        row("divide_no_nan", SAME, EXACT, |_, x, _| x.float(0).divide_no_nan(x.float(1)).into()),
        row("bitwise_and", SAME, EQUAL, |_, x, _| integers!(x, |x, y| x.bitwise_and(y))),
        row("bitwise_or", SAME, EQUAL, |_, x, _| integers!(x, |x, y| x.bitwise_or(y))),
        row("bitwise_xor", SAME, EQUAL, |_, x, _| integers!(x, |x, y| x.bitwise_xor(y))),
        row("left_shift", SAME, EQUAL, |_, x, _| integers!(x, |x, y| x.left_shift(y))),
        row("right_shift", SAME, EQUAL, |_, x, _| integers!(x, |x, y| x.right_shift(y))),
        row("maximum", SAME, EXACT, |_, x, _| numbers!(x, |x, y| x.maximum(y))),
        row("minimum", SAME, EXACT, |_, x, _| numbers!(x, |x, y| x.minimum(y))),
        row("squared_difference", SAME, EXACT, |_, x, _| numbers!(x, |x, y| x.squared_difference(y))),
        row("floor_div", SAME, EQUAL, |_, x, _| numbers!(x, |x, y| x.floor_div(y))),
        row("modulo", SAME, EXACT, |_, x, _| numbers!(x, |x, y| x.modulo(y))),
        row("less", SAME, EQUAL, |_, x, _| numbers!(x, |x, y| x.less(y))),
        row("less_equal", SAME, EQUAL, |_, x, _| numbers!(x, |x, y| x.less_equal(y))),
        row("greater", SAME, EQUAL, |_, x, _| numbers!(x, |x, y| x.greater(y))),
        row("greater_equal", SAME, EQUAL, |_, x, _| numbers!(x, |x, y| x.greater_equal(y))),
        row("equal", SAME, EQUAL, |_, x, _| match x.0[0] {
            Typed::Bool(a) => a.equal(x.boolean(1)).into(),
            _ => numbers!(x, |x, y| x.equal(y)),
        }),
        row("not_equal", SAME, EQUAL, |_, x, _| match x.0[0] {
            Typed::Bool(a) => a.not_equal(x.boolean(1)).into(),
            _ => numbers!(x, |x, y| x.not_equal(y)),
        }),
        row("logical_and", SAME, EQUAL, |_, x, _| x.boolean(0).logical_and(x.boolean(1)).into()),
        row("logical_or", SAME, EQUAL, |_, x, _| x.boolean(0).logical_or(x.boolean(1)).into()),
        row("logical_xor", SAME, EQUAL, |_, x, _| x.boolean(0).logical_xor(x.boolean(1)).into()),
        row("select", SAME, EXACT, |_, x, _| match x.0[1..] {
            [Typed::F64(taken), Typed::F64(other)] => x.boolean(0).select(taken, other).into(),
            [Typed::I64(taken), Typed::I64(other)] => x.boolean(0).select(taken, other).into(),
            [Typed::Bool(taken), Typed::Bool(other)] => x.boolean(0).select(taken, other).into(),
            _ => panic!("no such choice"),
        }),
    ]
}

fn reductions() -> Vec<Row> {
    vec![
        row("reduce_sum", EXACT, EQUAL, |_, x, a| numbers!(x, |x| x.reduce_sum(a.axes()))),
        row("reduce_mean", EXACT, EXACT, |_, x, a| x.float(0).reduce_mean(a.axes()).into()),
        row("reduce_max", SAME, EQUAL, |_, x, a| numbers!(x, |x| x.reduce_max(a.axes()))),
        row("reduce_min", SAME, EQUAL, |_, x, a| numbers!(x, |x| x.reduce_min(a.axes()))),
        row("reduce_prod", EXACT, EXACT, |_, x, a| numbers!(x, |x| x.reduce_prod(a.axes()))),
        row("reduce_variance", EXACT, EXACT, |_, x, a| x.float(0).reduce_variance(a.axes()).into()),
        row("norm", EXACT, NEAR, |_, x, a| x.float(0).norm(a.axes()).into()),
        row("reduce_log_sum_exp", NEAR, NEAR, |_, x, a| x.float(0).reduce_log_sum_exp(a.axes()).into()),
        row("argmax", SAME, EQUAL, |_, x, a| numbers!(x, |x| x.argmax(a.int("axis")))),
        row("argmin", SAME, EQUAL, |_, x, a| numbers!(x, |x| x.argmin(a.int("axis")))),
        row("cumsum", EXACT, EXACT, |_, x, a| {
            x.float(0).cumsum_with(a.int("axis"), a.flag("exclusive"), a.flag("reverse")).into()
        }),
        row("top_k", SAME, EQUAL, |_, x, a| x.float(0).top_k(a.get("k")).into()),
        row("reduce_any", SAME, EQUAL, |_, x, a| x.boolean(0).reduce_any(a.axes()).into()),
        row("reduce_all", SAME, EQUAL, |_, x, a| x.boolean(0).reduce_all(a.axes()).into()),
    ]
}

fn moves() -> Vec<Row> {
    vec![
        row("reshape", SAME, EQUAL, |_, x, a| x.float(0).reshape(a.ints("to")).into()),
        row("expand_dims", SAME, EQUAL, |_, x, a| x.float(0).expand_dims(a.int("axis")).into()),
        row("squeeze", SAME, EQUAL, |_, x, a| x.float(0).squeeze(a.ints("axes")).into()),
        row("broadcast_to", SAME, EXACT, |_, x, a| x.float(0).broadcast_to(a.lengths("to")).into()),
        row("transpose", SAME, EQUAL, |_, x, _| x.float(0).transpose().into()),
        row("transpose_perm", SAME, EQUAL, |_, x, a| x.float(0).transpose_perm(a.ints("order")).into()),
        row("concat", SAME, EQUAL, |g, x, a| g.concat(&x.floats(), a.int("axis")).into()),
        row("stack", SAME, EQUAL, |g, x, a| g.stack(&x.floats(), a.int("axis")).into()),
        row("unstack", SAME, EQUAL, |_, x, a| x.float(0).unstack(a.int("axis")).into()),
        row("split", SAME, EQUAL, |_, x, a| x.float(0).split(a.get("n"), a.int("axis")).into()),
        row("split_sizes", SAME, EQUAL, |_, x, a| {
            x.float(0).split_sizes(a.lengths("sizes"), a.int("axis")).into()
        }),
        row("slice", SAME, EQUAL, |_, x, a| x.float(0).slice(a.ranges()).into()),
        row("reverse", SAME, EQUAL, |_, x, a| x.float(0).reverse(a.ints("axes")).into()),
        row("pad", SAME, EXACT, |_, x, a| {
            let with =
                if a.text("mode") == "reflect" { Pad::Reflect } else { Pad::Constant(a.number("value")) };
            x.float(0).pad(a.get::<Vec<(usize, usize)>>("widths"), with).into()
        }),
        row("tile", SAME, EXACT, |_, x, a| x.float(0).tile(a.lengths("multiples")).into()),
        row("roll", SAME, EQUAL, |_, x, a| x.float(0).roll(a.ints("shifts"), a.ints("axes")).into()),
        row("meshgrid", SAME, EXACT, |g, x, a| {
            let indexing = if a.text("indexing") == "xy" { Indexing::Xy } else { Indexing::Ij };
            g.meshgrid(&x.floats(), indexing).into()
        }),
        row("tril", SAME, EQUAL, |_, x, a| x.float(0).tril(a.int("k")).into()),
        row("triu", SAME, EQUAL, |_, x, a| x.float(0).triu(a.int("k")).into()),
        row("diag", SAME, EQUAL, |_, x, _| x.float(0).diag().into()),
        row("diag_part", SAME, EQUAL, |_, x, _| x.float(0).diag_part().into()),
        row("shape_of", SAME, EQUAL, |_, x, _| x.float(0).shape_of().into()),
        row("linspace", EXACT, EQUAL, |g, _, a| {
            g.linspace(a.number("start"), a.number("stop"), a.int("count") as usize).into()
        }),
        row("eye", SAME, EQUAL, |g, _, a| g.eye::<f64>(a.int("n") as usize).into()),
        row("range", SAME, EQUAL, |g, _, a| {
            if a.is_whole("delta") {
                g.range::<i64>(a.get("start"), a.get("limit"), a.get("delta")).into()
            } else {
                g.range(a.number("start"), a.number("limit"), a.number("delta")).into()
            }
        }),
    ]
}

/// Moves to and from places that an input names.
fn indexed() -> Vec<Row> {
    vec![
        row("gather", SAME, EXACT, |_, x, a| x.float(0).gather(x.int(1), a.int("axis")).into()),
        row("gather_nd", SAME, EXACT, |_, x, _| x.float(0).gather_nd(x.int(1)).into()),
        row("take_along_axis", SAME, EXACT, |_, x, a| {
            x.float(0).take_along_axis(x.int(1), a.int("axis")).into()
        }),
        row("scatter_add", EXACT, EQUAL, |_, x, a| {
            x.float(0).scatter_add(x.int(1), x.float(2), a.int("axis")).into()
        }),
        row("gather_with", SAME, EXACT, |_, x, a| {
            x.float(0).gather_with(x.int(1), a.int("axis"), a.get("batch_dims")).into()
        }),
        row("gather_nd_with", SAME, EXACT, |_, x, a| {
            x.float(0).gather_nd_with(x.int(1), a.get("batch_dims")).into()
        }),
        row("scatter_set", SAME, EQUAL, |_, x, a| {
            x.float(0).scatter_set(x.int(1), x.float(2), a.int("axis")).into()
        }),
        row("boolean_mask", SAME, EQUAL, |_, x, a| {
            x.float(0).boolean_mask(x.boolean(1), a.int("axis"), a.get::<usize>("size")).into()
        }),
        row("one_hot", SAME, EQUAL, |_, x, a| x.int(0).one_hot::<f64>(a.get("depth")).into()),
    ]
}

/// The padding of a case: none is `Same`.
fn padding(a: &Attributes) -> Padding {
    match a.get::<Vec<(usize, usize)>>("padding")[..] {
        [rows, columns] => Padding::Explicit([rows, columns]),
        _ => Padding::Same,
    }
}

fn images() -> Vec<Row> {
    fn window(a: &Attributes) -> Window {
        Window::of(a.get::<[usize; 2]>("size")).strides(a.get::<[usize; 2]>("strides")).padding(padding(a))
    }
    fn along_time(a: &Attributes) -> Convolution {
        let convolution = Convolution::new().padding(padding(a));
        convolution.strides(a.get::<usize>("stride")).dilations(a.get::<usize>("dilation"))
    }
    vec![
        row("conv2d", SUMS, SUMS, |_, x, a| {
            let convolution = match padding(a) {
                Padding::Explicit(around) => Convolution::padded(around),
                _ => Convolution::same(),
            };
            let convolution = convolution
                .strides(a.get::<[usize; 2]>("strides"))
                .dilations(a.get::<[usize; 2]>("dilations"));
            x.float(0).conv2d(x.float(1), convolution.groups(a.get("groups"))).into()
        }),
        row("conv2d_transpose", SUMS, SUMS, |_, x, a| {
            let convolution = Convolution::new().padding(padding(a)).groups(a.get("groups"));
            let convolution = convolution
                .strides(a.get::<[usize; 2]>("strides"))
                .dilations(a.get::<[usize; 2]>("dilations"));
            x.float(0).conv2d_transpose_to(x.float(1), convolution, a.get::<[usize; 2]>("size")).into()
        }),
        row("conv1d", SUMS, SUMS, |_, x, a| x.float(0).conv1d(x.float(1), along_time(a)).into()),
        row("conv1d_transpose", SUMS, SUMS, |_, x, a| {
            x.float(0).conv1d_transpose_to(x.float(1), along_time(a), a.get("length")).into()
        }),
        row("resize_nearest_neighbor", SAME, SUMS, |_, x, a| {
            x.float(0).resize_nearest_neighbor(a.get::<[usize; 2]>("size")).into()
        }),
        row("resize_bilinear", SUMS, SUMS, |_, x, a| {
            x.float(0).resize_bilinear(a.get::<[usize; 2]>("size")).into()
        }),
        row("max_pool2d", SAME, EXACT, |_, x, a| x.float(0).max_pool2d(window(a)).into()),
        row("avg_pool2d", SUMS, SUMS, |_, x, a| x.float(0).avg_pool2d(window(a)).into()),
    ]
}

fn contractions() -> Vec<Row> {
    vec![
        row("matmul", SUMS, SUMS, |_, x, _| x.float(0).matmul(x.float(1)).into()),
        row("matmul_of_vectors", SUMS, SUMS, |_, x, _| x.float(0).matmul(x.float(1)).into()),
        row("matmul_transposed", SUMS, SUMS, |_, x, a| {
            x.float(0).matmul_transposed(x.float(1), a.flag("left"), a.flag("right")).into()
        }),
        row("einsum", SUMS, SUMS, |_, x, a| x.float(0).einsum(a.text("form"), x.float(1)).into()),
        row("einsum_unary", SUMS, SUMS, |_, x, a| x.float(0).einsum_unary(a.text("form")).into()),
        row("einsum_of_several", SUMS, SUMS, |g, x, a| g.einsum(&a.text("form"), &x.floats()).into()),
        row("outer", SAME, SUMS, |_, x, _| x.float(0).outer(x.float(1)).into()),
        row("dot", SUMS, SUMS, |_, x, _| x.float(0).dot(x.float(1)).into()),
    ]
}

fn networks() -> Vec<Row> {
    fn attention(a: &Attributes) -> Attention {
        if a.flag("causal") { Attention::new().causal() } else { Attention::new() }
    }
    vec![
        row("softmax", NEAR, NEAR, |_, x, a| x.float(0).softmax(a.int("axis")).into()),
        row("log_softmax", NEAR, NEAR, |_, x, a| x.float(0).log_softmax(a.int("axis")).into()),
        row("sparse_softmax_cross_entropy", NEAR, NEAR, |_, x, _| {
            x.float(0).sparse_softmax_cross_entropy(x.int(1)).into()
        }),
        row("softmax_cross_entropy", NEAR, NEAR, |_, x, _| {
            x.float(0).softmax_cross_entropy(x.float(1)).into()
        }),
        row("sigmoid_cross_entropy", NEAR, NEAR, |_, x, _| {
            x.float(0).sigmoid_cross_entropy(x.float(1)).into()
        }),
        row("scaled_dot_product_attention", SUMS, SUMS, |_, x, a| {
            x.float(0).scaled_dot_product_attention(x.float(1), x.float(2), attention(a)).into()
        }),
        row("masked_scaled_dot_product_attention", SUMS, SUMS, |_, x, a| {
            let (query, key, value) = (x.float(0), x.float(1), x.float(2));
            query.masked_scaled_dot_product_attention(key, value, x.boolean(3), attention(a)).into()
        }),
        row("hinge", EXACT, EXACT, |_, x, _| x.float(0).hinge(x.float(1)).into()),
        row("squared_hinge", EXACT, EXACT, |_, x, _| x.float(0).squared_hinge(x.float(1)).into()),
        row("kl_divergence", NEAR, NEAR, |_, x, _| x.float(0).kl_divergence(x.float(1)).into()),
        row("cosine_distance", NEAR, NEAR, |_, x, _| x.float(0).cosine_distance(x.float(1)).into()),
        row("ctc_loss", NEAR, NEAR, |_, x, a| {
            x.float(0).ctc_loss(x.int(1), x.int(2), x.int(3), a.int("blank")).into()
        }),
        row("mean_squared_error", EXACT, EXACT, |_, x, _| x.float(0).mean_squared_error(x.float(1)).into()),
        row("huber", EXACT, EXACT, |_, x, a| x.float(0).huber(x.float(1), a.number("delta")).into()),
    ]
}
