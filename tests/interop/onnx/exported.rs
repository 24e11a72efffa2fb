//! Graphs of each family of ops, for export: what is built, what is fed, and how near its numbers must come.

use flowgrad::AnyTensor;
use flowgrad::ndarray::{ArrayD, IxDyn};
use flowgrad::prelude::*;

use crate::exported_control::{conditionals, functions, loops, scans};
use crate::exported_edges::{
    cut_off, ends, equal, fed_variable, nothing, own_op, repeated, rolled, tails, zeros,
};
use crate::exported_models::{
    attention, cnn_prediction, cnn_training, losses, mlp_prediction, mlp_training, rnn_prediction,
    rnn_training,
};

/// What is exported of a graph.
#[derive(Default)]
pub(crate) struct Built<'g> {
    pub(crate) inputs: Vec<AnyTensor<'g>>,
    pub(crate) fed: Vec<Value>,
    pub(crate) outputs: Vec<AnyTensor<'g>>,
    pub(crate) updates: Option<Operation<'g>>,
    /// Whether first axes of unknown lengths are of different ones.
    pub(crate) differ: bool,
}

impl<'g> Built<'g> {
    /// An input that is fed so many lengths of numbers between two others.
    pub(crate) fn floats<T: Float>(
        &mut self,
        g: &'g Graph,
        shape: &[Option<usize>],
        dims: &[usize],
        between: [f64; 2],
    ) -> Tensor<'g, T>
    where
        Value: From<ArrayD<T>>,
    {
        let name = format!("x{}", self.inputs.len());
        let x = g.placeholder::<T>(&name, shape.to_vec());
        let mut step = 0.3 + 0.11 * self.inputs.len() as f64;
        let array = ArrayD::from_shape_simple_fn(IxDyn(dims), || {
            step = (step + 0.618_033_988_749_894_9) % 1.0;
            T::from_f64(between[0] + (between[1] - between[0]) * step)
        });
        self.inputs.push(x.any());
        self.fed.push(array.into());
        x
    }

    /// An input of whole numbers from one to below another, in no order.
    pub(crate) fn ints(
        &mut self,
        g: &'g Graph,
        shape: &[Option<usize>],
        dims: &[usize],
        between: [i64; 2],
    ) -> Tensor<'g, i64> {
        let name = format!("i{}", self.inputs.len());
        let x = g.placeholder::<i64>(&name, shape.to_vec());
        let mut number = 5;
        let array = ArrayD::from_shape_simple_fn(IxDyn(dims), || {
            number = (number * 7 + 3) % 101;
            between[0] + number % (between[1] - between[0])
        });
        self.inputs.push(x.any());
        self.fed.push(array.into());
        x
    }

    pub(crate) fn gives<T: flowgrad::Element>(&mut self, outputs: impl IntoIterator<Item = Tensor<'g, T>>) {
        self.outputs.extend(outputs.into_iter().map(Tensor::any));
    }

    /// Outputs, and the gradients of the sum of their squares by all inputs that have one.
    pub(crate) fn gives_with_gradients<T: Float>(
        &mut self,
        outputs: impl IntoIterator<Item = Tensor<'g, T>>,
        by: &[Tensor<'g, T>],
    ) {
        let outputs: Vec<_> = outputs.into_iter().collect();
        let squares: Vec<_> = outputs.iter().map(|y| y.square()).collect();
        let gradients = Gradients::of(squares).wrt(by);
        self.gives(outputs);
        self.gives(gradients.into_iter().flatten());
    }
}

/// A case: its name, how near results must come to each other, relative to the largest, and what builds it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) limit: f64,
    pub(crate) build: for<'g> fn(&'g Graph) -> Built<'g>,
}

const fn case(name: &'static str, limit: f64, build: for<'g> fn(&'g Graph) -> Built<'g>) -> Case {
    Case { name, limit, build }
}

/// In single precision.
const NEAR: f64 = 1e-6;
/// Where many roundings add up.
const TRAINED: f64 = 2e-5;

pub(crate) const CASES: &[Case] = &[
    case("elementwise", 2e-6, elementwise),
    case("elementwise_double", 1e-12, elementwise_double),
    case("activations", 2e-6, activations),
    case("binary", 2e-6, binary),
    case("integers", 0.0, integers),
    case("casts", 0.0, casts),
    case("booleans", 0.0, booleans),
    case("reductions", NEAR, reductions),
    case("reductions_double", 1e-14, reductions_double),
    case("shapes", NEAR, shapes),
    case("lengths", NEAR, lengths),
    case("parts", NEAR, parts),
    case("indices", NEAR, indices),
    case("broadcast_gradients", NEAR, broadcast_gradients),
    case("products", NEAR, products),
    case("products_double", 1e-14, products_double),
    case("convolutions", 2e-6, convolutions),
    case("convolutions_double", 1e-14, convolutions_double),
    case("pools", NEAR, pools),
    case("losses", 2e-6, losses),
    case("attention", 2e-6, attention),
    case("conditionals", NEAR, conditionals),
    case("loops", NEAR, loops),
    case("scans", 2e-6, scans),
    case("functions", NEAR, functions),
    case("cut_off", 0.0, cut_off),
    case("rolled", NEAR, rolled),
    case("repeated", NEAR, repeated),
    case("zeros", NEAR, zeros),
    case("ends", NEAR, ends),
    case("tails", 2e-6, tails),
    case("equal", 0.0, equal),
    case("nothing", 0.0, nothing),
    case("fed_variable", 0.0, fed_variable),
    case("own_op", 0.0, own_op),
    case("mlp_prediction", NEAR, mlp_prediction),
    case("mlp_training", TRAINED, mlp_training),
    case("cnn_prediction", 2e-6, cnn_prediction),
    case("cnn_training", TRAINED, cnn_training),
    case("rnn_prediction", 2e-6, rnn_prediction),
    case("rnn_training", TRAINED, rnn_training),
];

pub(crate) const ROWS: [Option<usize>; 2] = [None, Some(4)];

fn elementwise(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &ROWS, &[3, 4], [-2.0, 2.0]);
    let p = built.floats::<f32>(g, &ROWS, &[3, 4], [0.1, 0.9]);
    built.gives_with_gradients(
        [
            -x,
            x.abs(),
            x.square(),
            x.exp(),
            x.exp2(),
            x.expm1(),
            x.cbrt(),
            x.sin(),
            x.cos(),
            x.tan(),
            x.atan(),
            x.sinh(),
            x.cosh(),
            x.tanh(),
            x.erf(),
            x.erfc(),
            p.sqrt(),
            p.rsqrt(),
            p.reciprocal(),
            p.ln(),
            p.log2(),
            p.log10(),
            p.log1p(),
            p.asin(),
            p.acos(),
            x.ndtr(),
        ],
        &[x, p],
    );
    built.gives([x.sign(), x.floor(), x.ceil(), x.round()]);
    built.gives([x.is_nan(), x.is_inf(), x.is_finite()]);
    built
}

fn elementwise_double(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f64>(g, &ROWS, &[3, 4], [-2.0, 2.0]);
    let p = built.floats::<f64>(g, &ROWS, &[3, 4], [0.1, 0.9]);
    let ys = [
        -x,
        x.abs(),
        x.square(),
        x.exp(),
        x.exp2(),
        x.expm1(),
        x.sin(),
        x.cos(),
        x.tanh(),
        p.sqrt(),
        p.ln(),
        p.log1p(),
    ];
    built.gives_with_gradients(ys, &[x, p]);
    built
}

fn activations(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &ROWS, &[3, 4], [-3.0, 3.0]);
    built.gives_with_gradients(
        [
            x.relu(),
            x.relu6(),
            x.leaky_relu(0.1),
            x.elu(),
            x.selu(),
            x.sigmoid(),
            x.log_sigmoid(),
            x.hard_sigmoid(),
            x.softsign(),
            x.softplus(),
            x.silu(),
            x.gelu(),
            x.gelu_tanh(),
            x.softmax(-1),
            x.log_softmax(-1),
        ],
        &[x],
    );
    built
}

fn binary(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let a = built.floats::<f32>(g, &ROWS, &[3, 4], [0.2, 2.0]);
    let b = built.floats::<f32>(g, &[Some(4)], &[4], [-1.5, 1.5]);
    let x = built.floats::<f32>(g, &ROWS, &[3, 4], [-1.0, 1.0]);
    built.gives_with_gradients(
        [
            a + b,
            a - b,
            a * b,
            b / a,
            a.pow(b),
            a.hypot(b),
            b.atan2(x),
            x.maximum(b),
            x.minimum(b),
            x.clip(-0.5, 0.5),
            x.squared_difference(b),
            a.xlogy(a),
            x.greater(b).select(x, a),
            x.divide_no_nan(a),
        ],
        &[a, b, x],
    );
    built.gives([x.floor_div(a), x.modulo(a)]);
    built.gives([x.equal(b), x.not_equal(b), x.less(b), x.less_equal(b), x.greater(b), x.greater_equal(b)]);
    built
}

fn integers(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let a = built.ints(g, &ROWS, &[3, 4], [-20, 20]);
    let b = built.ints(g, &[Some(4)], &[4], [1, 7]);
    built.gives([a + b, a - b, a * b, a / b, -a, a.abs(), a.sign(), a.square(), a.floor_div(b), a.modulo(b)]);
    built.gives([a.floor_div(-b), a.modulo(-b), a.maximum(b), a.minimum(b), a.clip(-3, 3)]);
    built.gives([a.bitwise_and(b), a.bitwise_or(b), a.bitwise_xor(b), a.bitwise_not()]);
    built.gives([
        a.left_shift(b),
        a.right_shift(b),
        a.cumsum(0),
        a.reduce_sum(1),
        a.reduce_max(0),
        a.reduce_prod(1),
    ]);
    built
}

fn casts(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &ROWS, &[3, 4], [-4e9, 4e9]);
    let i = built.ints(g, &ROWS, &[3, 4], [-9, 9]);
    built.gives([x.cast::<i32>(), i.cast::<i32>()]);
    built.gives([x.cast::<i64>(), i.equal(3).cast::<i64>()]);
    built.gives([x.cast::<f64>(), i.cast::<f64>()]);
    built.gives([i.cast::<bool>()]);
    built
}

fn booleans(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let i = built.ints(g, &ROWS, &[3, 4], [-9, 9]);
    let (a, b) = (i.greater(0), i.less(4));
    built.gives([
        a.logical_and(b),
        a.logical_or(b),
        a.logical_xor(b),
        a.logical_not(),
        a.equal(b),
        a.select(b, a),
    ]);
    built.gives([a.reduce_any(1), a.reduce_all(0), a.reduce_any(..)]);
    built
}

fn reductions(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(4), Some(2)], &[3, 4, 2], [-2.0, 2.0]);
    built.gives_with_gradients(
        [
            x.reduce_sum(..),
            x.reduce_mean(0),
            x.reduce_max(1),
            x.reduce_min([0, 2]),
            x.reduce_log_sum_exp(1),
            x.reduce_variance(0),
            x.norm(1),
            x.reduce_sum(Axes::of([1]).keep_dims()),
            x.reduce_mean(..),
            x.cumsum(1),
        ],
        &[x],
    );
    built.gives([x.reduce_prod(-1)]);
    built.gives([x.argmax(1), x.argmin(-1)]);
    built
}

fn reductions_double(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f64>(g, &[None, Some(4), Some(2)], &[3, 4, 2], [-2.0, 2.0]);
    let ys =
        [x.reduce_sum(..), x.reduce_mean(0), x.reduce_max(1), x.reduce_min([0, 2]), x.reduce_log_sum_exp(1)];
    built.gives_with_gradients(ys, &[x]);
    built
}

fn shapes(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(4), Some(1)], &[3, 4, 1], [-2.0, 2.0]);
    built.gives_with_gradients(
        [
            x.reshape([-1, 2]),
            x.expand_dims(1),
            x.squeeze(2),
            x.transpose(),
            x.transpose_perm([1, 0, 2]),
            x.tile([1, 2, 3]),
            x.zeros_like() + x,
            x.reshape((x.dim(0), 2, 2)),
        ],
        &[x],
    );
    built.gives([x.shape_of()]);
    built
}

fn lengths(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, None], &[3, 4], [-2.0, 2.0]);
    let (rows, columns) = (x.dim(0), x.dim(1));
    built.gives([
        x.reshape((rows * columns,)),
        x.reshape((columns / 2, 2, -1)),
        x.reduce_sum(..) / rows.tensor(g).cast(),
    ]);
    built.gives([((rows + 1) * 2 - 1).tensor(g)]);
    built
}

fn parts(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(6)], &[3, 6], [-2.0, 2.0]);
    let y = built.floats::<f32>(g, &[None, Some(2)], &[3, 2], [-2.0, 2.0]);
    let [a, b, c] = x.split(3, 1)[..] else { panic!("three parts") };
    let [d, e] = x.split_sizes([2, 4], 1)[..] else { panic!("two parts") };
    let columns = x.unstack(1);
    built.gives_with_gradients(
        [
            g.concat(&[x, y], 1),
            g.stack(&[a, y], 0),
            a * b + c,
            d.square() + y,
            e.exp(),
            columns[0] * columns[5],
            x.slice((.., 1..4)),
            x.slice((.., -2)),
            x.reverse(1),
            x.pad([(0, 0), (1, 2)], Pad::Constant(0.0)),
            x.pad([(0, 0), (2, 0)], Pad::Constant(0.5)),
        ],
        &[x, y],
    );
    built
}

fn indices(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[Some(5), Some(3)], &[5, 3], [-2.0, 2.0]);
    let rows = built.ints(g, &[None], &[4], [0, 5]);
    let columns = built.ints(g, &[Some(5), Some(2)], &[5, 2], [0, 3]);
    let updates = x.gather(rows, 0);
    built.gives_with_gradients([updates, x.scatter_add(rows, updates, 0)], &[x]);
    built.gives([x.gather(columns, 1), x.take_along_axis(columns, 1).expand_dims(2)]);
    built.gives([rows.one_hot::<f32>(5)]);
    let (values, places) = x.top_k(2);
    built.gives([values]);
    built.gives([places]);
    built
}

/// Whether a gradient is summed is known in a run alone.
fn broadcast_gradients(g: &Graph) -> Built<'_> {
    let mut built = Built { differ: true, ..Built::default() };
    let a = built.floats::<f32>(g, &[None, None], &[3, 1], [-2.0, 2.0]);
    let b = built.floats::<f32>(g, &[None], &[4], [-2.0, 2.0]);
    let c = built.floats::<f32>(g, &[None, None], &[3, 4], [-2.0, 2.0]);
    built.gives_with_gradients([a * b, a + c, b * c, g.concat(&[c, c], 0)], &[a, b, c]);
    built
}

fn products(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let a = built.floats::<f32>(g, &[None, Some(4)], &[3, 4], [-1.0, 1.0]);
    let b = built.floats::<f32>(g, &[Some(4), Some(2)], &[4, 2], [-1.0, 1.0]);
    let c = built.floats::<f32>(g, &[None, Some(3), Some(4)], &[2, 3, 4], [-1.0, 1.0]);
    let v = built.floats::<f32>(g, &[Some(4)], &[4], [-1.0, 1.0]);
    let ys = [
        a.matmul(b),
        c.matmul(b),
        a.matmul(v),
        v.matmul(b),
        c.einsum("bij,jk->bki", b),
        v.outer(v),
        v.dot(v),
    ];
    built.gives_with_gradients(ys, &[a, b, c, v]);
    built
}

fn products_double(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let a = built.floats::<f64>(g, &[None, Some(4)], &[3, 4], [-1.0, 1.0]);
    let b = built.floats::<f64>(g, &[Some(4), Some(2)], &[4, 2], [-1.0, 1.0]);
    built.gives_with_gradients([a.matmul(b), a.einsum("ij,jk->ki", b)], &[a, b]);
    built
}

fn convolved<'g, T: Float>(g: &'g Graph, built: &mut Built<'g>)
where
    Value: From<ArrayD<T>>,
{
    let x = built.floats::<T>(g, &[None, Some(7), Some(6), Some(2)], &[2, 7, 6, 2], [-1.0, 1.0]);
    let k = built.floats::<T>(g, &[Some(3), Some(2), Some(2), Some(3)], &[3, 2, 2, 3], [-1.0, 1.0]);
    built.gives_with_gradients(
        [
            x.conv2d(k, Convolution::same()),
            x.conv2d(k, Convolution::valid()),
            x.conv2d(k, Convolution::same().strides(2)),
            x.conv2d(k, Convolution::valid().strides([1, 3])),
            x.conv2d(k, Convolution::valid().dilations([2, 1])),
        ],
        &[x, k],
    );
}

fn convolutions(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    convolved::<f32>(g, &mut built);
    built
}

fn convolutions_double(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    convolved::<f64>(g, &mut built);
    built
}

fn pools(g: &Graph) -> Built<'_> {
    let mut built = Built::default();
    let x = built.floats::<f32>(g, &[None, Some(6), Some(5), Some(2)], &[2, 6, 5, 2], [-1.0, 1.0]);
    built.gives_with_gradients(
        [
            x.max_pool2d(Window::of([2, 2])),
            x.max_pool2d(Window::of([3, 3]).strides(2).padding(Padding::Same)),
            x.avg_pool2d(Window::of([2, 2])),
        ],
        &[x],
    );
    built
}
