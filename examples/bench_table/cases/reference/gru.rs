//! A gated recurrent unit over time, and its adjoint: the products with the inputs, and the gradients of both kernels,
//! as one product each for all steps; a product with the recurrent kernel, or with its transpose, a step.

use flowgrad::ndarray::{ArrayView2, ArrayViewMut2, linalg::general_mat_mul};

use super::isa::{Isa, Loop};
use super::math::{MulAdd, VectorMath};

/// Sequences.
pub(crate) const BATCH: usize = 16;
/// Numbers of a step of a sequence.
pub(crate) const INPUTS: usize = 32;
/// Numbers of a state.
pub(crate) const UNITS: usize = 32;

const GATES: usize = 3;
/// Columns of a product for all gates.
const WIDTH: usize = GATES * UNITS;

/// A number for each unit, and for each gate: update, reset and candidate.
type Row = [f32; UNITS];
type Gates = [Row; GATES];

/// Sequences of [batch, steps, inputs], and the variables of the unit.
#[derive(Clone, Debug)]
pub(crate) struct Model {
    pub(crate) steps: usize,
    pub(crate) xs: Vec<f32>,
    /// Of [inputs, 3 · units].
    pub(crate) kernel: Vec<f32>,
    /// Of [units, 3 · units].
    pub(crate) recurrent_kernel: Vec<f32>,
    pub(crate) bias: Gates,
    pub(crate) recurrent_bias: Row,
}

/// The mean square of the states, its gradients, and what a run keeps for them.
#[derive(Clone, Debug)]
pub(crate) struct Outcome {
    pub(crate) loss: f32,
    pub(crate) by_kernel: Vec<f32>,
    pub(crate) by_recurrent_kernel: Vec<f32>,
    pub(crate) by_bias: Gates,
    pub(crate) by_recurrent_bias: Row,
    kept: Kept,
}

/// What the adjoint needs of the way forward.
#[derive(Clone, Debug)]
struct Kept {
    /// What the kernel makes of the inputs, and later its cotangent, for each step of each sequence.
    projected: Vec<Gates>,
    /// The states, the first ones too, for each sequence of each step, as all that follows.
    states: Vec<Row>,
    gates: Vec<Gates>,
    /// What reset multiplies.
    recurrent: Vec<Row>,
    /// The cotangent of the product with the recurrent kernel.
    by_product: Vec<Gates>,
}

impl Outcome {
    /// Room for it.
    pub(crate) fn of(steps: usize) -> Self {
        let rows = BATCH * steps;
        Outcome {
            loss: 0.0,
            by_kernel: vec![0.0; INPUTS * WIDTH],
            by_recurrent_kernel: vec![0.0; UNITS * WIDTH],
            by_bias: [[0.0; UNITS]; GATES],
            by_recurrent_bias: [0.0; UNITS],
            kept: Kept {
                projected: vec![[[0.0; UNITS]; GATES]; rows],
                states: vec![[0.0; UNITS]; rows + BATCH],
                gates: vec![[[0.0; UNITS]; GATES]; rows],
                recurrent: vec![[0.0; UNITS]; rows],
                by_product: vec![[[0.0; UNITS]; GATES]; rows],
            },
        }
    }
}

/// How the product of a step is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Product {
    /// By matrixmultiply.
    General,
    /// By loops over rows.
    Loops,
}

impl Product {
    pub(crate) const ALL: [(&str, Product); 2] =
        [("matrixmultiply", Product::General), ("loops", Product::Loops)];

    /// `c = a · b` for matrices of `K` columns and of `K` rows.
    #[inline(always)]
    fn of<M: MulAdd, const K: usize, const N: usize>(self, a: &[f32], b: &[f32], c: &mut [f32]) {
        match self {
            Product::General => general(matrix(a, K), matrix(b, N), c),
            Product::Loops => loops::<M, K, N>(a, b, c),
        }
    }
}

/// Each row of `c` as a sum of rows of `b`, eight at a time, so that sums are seldom written.
#[inline(always)]
fn loops<M: MulAdd, const K: usize, const N: usize>(a: &[f32], b: &[f32], c: &mut [f32]) {
    const ROWS: usize = 8;
    let (a, b, c) = (a.as_chunks::<K>().0, b.as_chunks::<N>().0, c.as_chunks_mut::<N>().0);
    for (a, c) in a.iter().zip(c) {
        let mut sums = [0.0_f32; N];
        for (a, b) in a.as_chunks::<ROWS>().0.iter().zip(b.as_chunks::<ROWS>().0) {
            for column in 0..N {
                let mut sum = sums[column];
                for row in 0..ROWS {
                    sum = M::mul_add(a[row], b[row][column], sum);
                }
                sums[column] = sum;
            }
        }
        *c = sums;
    }
}

fn matrix(elements: &[f32], columns: usize) -> ArrayView2<'_, f32> {
    ArrayView2::from_shape((elements.len() / columns, columns), elements).expect("whole rows")
}

fn general(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>, c: &mut [f32]) {
    let mut c = ArrayViewMut2::from_shape((a.nrows(), b.ncols()), c).expect("the lengths fit");
    general_mat_mul(1.0, &a, &b, 0.0, &mut c);
}

struct Gru<'a> {
    model: &'a Model,
    product: Product,
    outcome: &'a mut Outcome,
}

impl Loop for Gru<'_> {
    type Output = ();

    #[inline(always)]
    fn run<M: MulAdd>(self) {
        forward::<M>(self.model, self.product, self.outcome);
        backward::<M>(self.model, self.product, self.outcome);
    }
}

#[inline(always)]
fn forward<M: MulAdd>(model: &Model, product: Product, outcome: &mut Outcome) {
    let steps = model.steps;
    let Kept { projected, states, gates, recurrent, .. } = &mut outcome.kept;
    general(
        matrix(&model.xs, INPUTS),
        matrix(&model.kernel, WIDTH),
        projected.as_flattened_mut().as_flattened_mut(),
    );
    let mut of_states = [[[0.0; UNITS]; GATES]; BATCH];
    let mut squares = [0.0; UNITS];
    for step in 0..steps {
        let (before, after) = states[step * BATCH..].split_at_mut(BATCH);
        let to = of_states.as_flattened_mut().as_flattened_mut();
        product.of::<M, UNITS, WIDTH>(before.as_flattened(), &model.recurrent_kernel, to);
        for row in 0..BATCH {
            let products = [&projected[row * steps + step], &of_states[row]];
            let (of, at) = (forward_row::<M>(model, &before[row], products), step * BATCH + row);
            (gates[at], recurrent[at], after[row]) = of;
            for (sum, next) in squares.iter_mut().zip(&after[row]) {
                *sum += next * next;
            }
        }
    }
    outcome.loss = squares.iter().sum::<f32>() / (steps * BATCH * UNITS) as f32;
}

/// A step of one sequence: its gates, what reset multiplies, and the next state.
#[inline(always)]
fn forward_row<M: MulAdd>(model: &Model, h: &Row, [of_x, of_h]: [&Gates; 2]) -> (Gates, Row, Row) {
    let sigmoid = |x: f32| <f32 as VectorMath>::sigmoid::<M>(x);
    let (mut gates, mut recurrent, mut next) = ([[0.0; UNITS]; GATES], [0.0; UNITS], [0.0; UNITS]);
    for unit in 0..UNITS {
        let [of_update, of_reset, of_candidate] =
            [0, 1, 2].map(|gate| of_x[gate][unit] + model.bias[gate][unit]);
        let update = sigmoid(of_update + of_h[0][unit]);
        let reset = sigmoid(of_reset + of_h[1][unit]);
        recurrent[unit] = of_h[2][unit] + model.recurrent_bias[unit];
        let candidate = <f32 as VectorMath>::tanh::<M>(M::mul_add(reset, recurrent[unit], of_candidate));
        next[unit] = M::mul_add(update, h[unit] - candidate, candidate);
        (gates[0][unit], gates[1][unit], gates[2][unit]) = (update, reset, candidate);
    }
    (gates, recurrent, next)
}

#[inline(always)]
fn backward<M: MulAdd>(model: &Model, product: Product, outcome: &mut Outcome) {
    let steps = model.steps;
    let weight = 2.0 / (steps * BATCH * UNITS) as f32;
    let Kept { projected, states, gates, recurrent, by_product } = &mut outcome.kept;
    let mut transposed = [0.0; UNITS * WIDTH];
    for unit in 0..UNITS {
        for gate in 0..WIDTH {
            transposed[gate * UNITS + unit] = model.recurrent_kernel[unit * WIDTH + gate];
        }
    }
    // What reaches the states of a step past the product with the recurrent kernel, and through it.
    let (mut past, mut through) = ([[0.0; UNITS]; BATCH], [[0.0; UNITS]; BATCH]);
    let (mut by_bias, mut by_recurrent_bias) = ([[0.0; UNITS]; GATES], [0.0; UNITS]);
    for step in (0..steps).rev() {
        let (before, after) = states[step * BATCH..].split_at(BATCH);
        for row in 0..BATCH {
            let at = step * BATCH + row;
            let mut of = past[row];
            for unit in 0..UNITS {
                of[unit] += M::mul_add(weight, after[row][unit], through[row][unit]);
            }
            let (by_x, by_h);
            (by_x, by_h, past[row]) = backward_row(&before[row], &gates[at], &recurrent[at], &of);
            for unit in 0..UNITS {
                for gate in 0..GATES {
                    by_bias[gate][unit] += by_x[gate][unit];
                }
                by_recurrent_bias[unit] += by_h[2][unit];
            }
            (projected[row * steps + step], by_product[at]) = (by_x, by_h);
        }
        let of_step = by_product[step * BATCH..][..BATCH].as_flattened().as_flattened();
        product.of::<M, WIDTH, UNITS>(of_step, &transposed, through.as_flattened_mut());
    }
    (outcome.by_bias, outcome.by_recurrent_bias) = (by_bias, by_recurrent_bias);
    let [by_x, by_h] = [projected, by_product].map(|by| matrix(by.as_flattened().as_flattened(), WIDTH));
    let before = matrix(states[..steps * BATCH].as_flattened(), UNITS);
    general(before.t(), by_h, &mut outcome.by_recurrent_kernel);
    general(matrix(&model.xs, INPUTS).t(), by_x, &mut outcome.by_kernel);
}

/// The cotangents of one sequence's products with both kernels, and what passes to the state before past the product.
#[inline(always)]
fn backward_row(h: &Row, gates: &Gates, recurrent: &Row, of: &Row) -> (Gates, Gates, Row) {
    let (mut by_x, mut by_h, mut past) = ([[0.0; UNITS]; GATES], [[0.0; UNITS]; GATES], [0.0; UNITS]);
    for unit in 0..UNITS {
        let [update, reset, candidate] = [0, 1, 2].map(|gate| gates[gate][unit]);
        let by_candidate = of[unit] * (1.0 - update) * (1.0 - candidate * candidate);
        let by_update = of[unit] * (h[unit] - candidate) * update * (1.0 - update);
        let by_reset = by_candidate * recurrent[unit] * reset * (1.0 - reset);
        past[unit] = of[unit] * update;
        (by_x[0][unit], by_x[1][unit], by_x[2][unit]) = (by_update, by_reset, by_candidate);
        (by_h[0][unit], by_h[1][unit], by_h[2][unit]) = (by_update, by_reset, by_candidate * reset);
    }
    (by_x, by_h, past)
}

/// The mean square of all states from zeros on, and its gradients.
pub(crate) fn gru(isa: Isa, product: Product, model: &Model, outcome: &mut Outcome) {
    isa.run(Gru { model, product, outcome });
}
