//! Cells against their formulas, and `Rnn` against the cell called step by step: values, gradients, padding, both ways
//! through time, and the words of its errors.

use flowgrad::ndarray::{Array1, Array2, ArrayD, Axis, Ix2, arr1, arr2, arr3, concatenate, s, stack};
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

use super::{MODES, assert_near, fault, for_floats, numbers, slope_tolerance, spread};

const INPUTS: usize = 3;
const UNITS: usize = 4;

/// A cell with numbers in all its variables.
fn gru<T: Float>(g: &Graph) -> GruCell<'_, T> {
    GruCell {
        name: "gru".to_owned(),
        kernel: g.variable("gru/kernel", spread::<T>(&[INPUTS, 3 * UNITS], 1)),
        recurrent_kernel: g.variable("gru/recurrent_kernel", spread::<T>(&[UNITS, 3 * UNITS], 2)),
        bias: Some(g.variable("gru/bias", spread::<T>(&[3 * UNITS], 3))),
        recurrent_bias: Some(g.variable("gru/recurrent_bias", spread::<T>(&[UNITS], 4))),
    }
}

fn lstm<T: Float>(g: &Graph) -> LstmCell<'_, T> {
    LstmCell {
        name: "lstm".to_owned(),
        kernel: g.variable("lstm/kernel", spread::<T>(&[INPUTS, 4 * UNITS], 1)),
        recurrent_kernel: g.variable("lstm/recurrent_kernel", spread::<T>(&[UNITS, 4 * UNITS], 2)),
        bias: Some(g.variable("lstm/bias", spread::<T>(&[4 * UNITS], 3))),
    }
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The variables of a cell with so many gates, as the functions above make them.
fn weights<T: Float>(gates: usize) -> (Array2<f64>, Array2<f64>, ArrayD<f64>) {
    let matrix = |rows, salt| {
        numbers(&spread::<T>(&[rows, gates * UNITS], salt)).into_dimensionality::<Ix2>().unwrap()
    };
    (matrix(INPUTS, 1), matrix(UNITS, 2), numbers(&spread::<T>(&[gates * UNITS], 3)))
}

/// A step of the cells by their formulas, of a row of inputs and the states h and c; the gated recurrent unit has no c.
fn gru_step<T: Float>(x: &Array1<f64>, [h, c]: [&Array1<f64>; 2]) -> [Array1<f64>; 2] {
    let (kernel, recurrent_kernel, bias) = weights::<T>(3);
    let recurrent_bias = numbers(&spread::<T>(&[UNITS], 4));
    let (of_x, of_h) = (x.dot(&kernel), h.dot(&recurrent_kernel));
    let next = Array1::from_shape_fn(UNITS, |unit| {
        let [z, r, c] = [unit, UNITS + unit, 2 * UNITS + unit];
        let update = sigmoid(of_x[z] + of_h[z] + bias[z]);
        let reset = sigmoid(of_x[r] + of_h[r] + bias[r]);
        let candidate = (of_x[c] + bias[c] + reset * (of_h[c] + recurrent_bias[unit])).tanh();
        update * h[unit] + (1.0 - update) * candidate
    });
    [next, c.clone()]
}

fn lstm_step<T: Float>(x: &Array1<f64>, [h, c]: [&Array1<f64>; 2]) -> [Array1<f64>; 2] {
    let (kernel, recurrent_kernel, bias) = weights::<T>(4);
    let (of_x, of_h) = (x.dot(&kernel), h.dot(&recurrent_kernel));
    let sum = |gate: usize, unit: usize| {
        let at = gate * UNITS + unit;
        of_x[at] + of_h[at] + bias[at]
    };
    let memory = Array1::from_shape_fn(UNITS, |unit| {
        sigmoid(sum(1, unit)) * c[unit] + sigmoid(sum(0, unit)) * sum(2, unit).tanh()
    });
    let next = Array1::from_shape_fn(UNITS, |unit| sigmoid(sum(3, unit)) * memory[unit].tanh());
    [next, memory]
}

type Step = fn(&Array1<f64>, [&Array1<f64>; 2]) -> [Array1<f64>; 2];

/// What a step gives over time, and both states in the end, of sequences that start at zeros or at these states.
fn plain(step: Step, xs: &ArrayD<f64>, start: Option<&ArrayD<f64>>) -> (ArrayD<f64>, [ArrayD<f64>; 2]) {
    let batch = xs.shape()[0];
    let mut outputs = ArrayD::zeros(vec![batch, xs.shape()[1], UNITS]);
    let mut last = [ArrayD::zeros(vec![batch, UNITS]), ArrayD::zeros(vec![batch, UNITS])];
    for row in 0..batch {
        let first = |_| start.map_or(Array1::zeros(UNITS), |start| start.slice(s![row, ..]).to_owned());
        let [mut h, mut c] = [0, 1].map(first);
        for time in 0..xs.shape()[1] {
            [h, c] = step(&xs.slice(s![row, time, ..]).to_owned(), [&h, &c]);
            outputs.slice_mut(s![row, time, ..]).assign(&h);
        }
        last[0].slice_mut(s![row, ..]).assign(&h);
        last[1].slice_mut(s![row, ..]).assign(&c);
    }
    (outputs, last)
}

fn cells_are_their_formulas<T: Float>(tolerance: f64) {
    for dims in [[2, 5, INPUTS], [1, 1, INPUTS], [3, 0, INPUTS], [0, 4, INPUTS]] {
        let g = Graph::new();
        let xs = g.placeholder::<T>("xs", [None, None, Some(INPUTS)]);
        let start = g.placeholder::<T>("start", [None, Some(UNITS)]);
        let (of_gru, of_lstm) = (Rnn::new(gru::<T>(&g)), Rnn::new(lstm::<T>(&g)));
        let layers = MODES.map(|mode| [of_gru.call(xs, mode), of_lstm.call(xs, mode)]);
        let from = (
            of_gru.over(xs).initial_state(start).output_and_state(),
            of_lstm.over(xs).initial_state((start, start)).output_and_state(),
        );
        let last =
            [of_gru.clone().last().call(xs, Mode::Train), of_lstm.clone().last().call(xs, Mode::Train)];
        let (fed, first) = (spread::<T>(&dims, 5), spread::<T>(&[dims[0], UNITS], 6));
        let session = Session::new(&g).unwrap();
        let (layers, (of_gru, of_lstm), last) =
            session.feed(xs, &fed).feed(start, &first).run((layers, from, last)).unwrap();
        let (fed, first) = (numbers(&fed), numbers(&first));
        let steps: [Step; 2] = [gru_step::<T>, lstm_step::<T>];
        for (cell, step) in steps.into_iter().enumerate() {
            let (outputs, [h, _]) = plain(step, &fed, None);
            for mode in &layers {
                assert_near(&mode[cell], &outputs, 10.0 * tolerance);
            }
            assert_near(&last[cell], &h, 10.0 * tolerance);
        }
        let (outputs, [h, _]) = plain(gru_step::<T>, &fed, Some(&first));
        assert_near(&of_gru.0, &outputs, 10.0 * tolerance);
        assert_near(&of_gru.1, &h, 10.0 * tolerance);
        let (outputs, [h, c]) = plain(lstm_step::<T>, &fed, Some(&first));
        assert_near(&of_lstm.0, &outputs, 10.0 * tolerance);
        assert_near(&of_lstm.1.0, &h, 10.0 * tolerance);
        assert_near(&of_lstm.1.1, &c, 10.0 * tolerance);
    }
}

fn gradients_are_those_of_differences<T: Float>(_: f64) {
    let g = Graph::new();
    let xs = g.placeholder::<T>("xs", [None, None, Some(INPUTS)]);
    let start = g.placeholder::<T>("start", [None, Some(UNITS)]);
    let lengths = g.constant([3_i64, 1]);
    let (of_gru, of_lstm) = (Rnn::new(gru::<T>(&g)), Rnn::new(lstm::<T>(&g)).reverse());
    let (ys, h) = of_gru.over(xs).initial_state(start).output_and_state();
    let (zs, (_, c)) = of_lstm.over(xs).initial_state((start, start)).lengths(lengths).output_and_state();
    let y = ys.square().reduce_sum(..) + zs.sin().reduce_sum(..) + (h * c).reduce_sum(..);
    let mut targets = vec![xs, start];
    targets.extend(g.trainable_variables::<T>().iter().map(|variable| variable.tensor()));
    assert_eq!(targets.len(), 2 + 4 + 3);
    GradientCheck::of(&g, y)
        .feed(xs, &spread::<T>(&[2, 3, INPUTS], 5))
        .feed(start, &spread::<T>(&[2, UNITS], 6))
        .wrt(&targets)
        .unwrap()
        .assert_close(10.0 * slope_tolerance::<T>());
}

for_floats!(cells_are_their_formulas, gradients_are_those_of_differences);

/// Outputs over time, the last state, and the gradients of a function of both by all variables of a cell and by the
/// inputs, of sequences that a graph is told about.
struct Case<'g> {
    xs: Tensor<'g, f64>,
    fetches: Vec<Tensor<'g, f64>>,
}

impl<'g> Case<'g> {
    fn of(xs: Tensor<'g, f64>, outputs: Tensor<'g, f64>, state: Tensor<'g, f64>) -> Self {
        let g = xs.graph();
        let loss = outputs.square().reduce_sum(..) + state.sin().reduce_sum(..);
        let variables = g.trainable_variables::<f64>().into_iter().map(Variable::tensor);
        let targets: Vec<_> = [xs].into_iter().chain(variables).collect();
        let gradients = Gradients::of([loss]).wrt_or_zeros(&targets);
        let fetches = [outputs, state].into_iter().chain(gradients).collect();
        Case { xs, fetches }
    }

    fn run(&self, fed: &ArrayD<f64>) -> Vec<ArrayD<f64>> {
        let session = Session::new(self.xs.graph()).unwrap();
        session.feed(self.xs, fed).run(&self.fetches).unwrap()
    }
}

/// The same by the cell alone, called for each step.
fn unrolled<'g, C: RnnCell<'g, f64>>(
    cell: &C,
    xs: Tensor<'g, f64>,
    steps: usize,
) -> (Tensor<'g, f64>, C::State) {
    let g = xs.graph();
    let mut state = cell.zero_state(g, xs.dim(0));
    let mut outputs = Vec::new();
    for step in 0..steps {
        let (output, next) = cell.call(xs.slice((.., step)), state);
        state = next;
        outputs.push(output);
    }
    (g.stack(&outputs, 1), state)
}

#[test]
fn a_loop_is_the_cell_step_by_step() {
    let fed = spread::<f64>(&[2, 6, INPUTS], 5);
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, Some(6), Some(INPUTS)]);
    let cell = gru::<f64>(&g);
    let (outputs, state) = unrolled(&cell, xs, 6);
    let expected = Case::of(xs, outputs, state).run(&fed);
    let layer = Rnn::new(cell);
    for layer in [layer.clone(), layer.clone().checkpoint_every(4), layer.checkpoint_sqrt()] {
        let (outputs, state) = layer.over(xs).output_and_state();
        for (found, expected) in Case::of(xs, outputs, state).run(&fed).iter().zip(&expected) {
            assert_near(found, expected, 1e-13);
        }
    }

    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, None, Some(INPUTS)]);
    let cell = lstm::<f64>(&g);
    let (outputs, (_, state)) = unrolled(&cell, xs, 6);
    let expected = Case::of(xs, outputs, state).run(&fed);
    let (outputs, (_, state)) = Rnn::new(cell).over(xs).output_and_state();
    for (found, expected) in Case::of(xs, outputs, state).run(&fed).iter().zip(&expected) {
        assert_near(found, expected, 1e-13);
    }
}

/// Sequences of 5 steps at most, whose padding holds a number, and the same ones alone: outputs are zeros for padding,
/// and all else is the same. Gradients by variables are the sums of those of each alone.
fn padded_is_alone(reverse: bool, padding: f64, told: fn(Tensor<'_, f64>) -> Tensor<'_, bool>) {
    let lengths = [5, 2, 0, 3];
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, None, Some(INPUTS)]);
    let layer = Rnn::new(lstm::<f64>(&g));
    let layer = if reverse { layer.reverse() } else { layer };
    let last = layer.clone().last();

    let mut fed = spread::<f64>(&[4, 5, INPUTS], 5);
    let alone: Vec<_> =
        (0..4).map(|row| fed.slice(s![row..=row, ..lengths[row], ..]).to_owned().into_dyn()).collect();
    for (row, &length) in lengths.iter().enumerate() {
        fed.slice_mut(s![row, length.., ..]).fill(padding);
    }
    let (outputs, (_, c)) = layer.over(xs).output_and_state();
    let plain = Case::of(xs, outputs, c);
    let lengths_fed = g.constant(lengths.map(i64::from));
    let of_last = last.over(xs).lengths(lengths_fed).output();
    let by_lengths = layer.over(xs).lengths(lengths_fed).output_and_state();
    let by_mask = layer.over(xs).mask(told(xs)).output_and_state();
    let both = layer.over(xs).mask(told(xs)).lengths(lengths_fed.cast::<i32>()).output_and_state();
    let alone: Vec<_> = alone.iter().map(|sequence| plain.run(sequence)).collect();
    for (outputs, (h, c)) in [by_lengths, by_mask, both] {
        let session = Session::new(&g).unwrap();
        let found = Case::of(xs, outputs, c).run(&fed);
        let [h, of_last] = session.feed(xs, &fed).run([h, of_last]).unwrap();
        assert_eq!(h, of_last);
        for (row, &length) in lengths.iter().enumerate() {
            for which in [0, 2] {
                let found = found[which].index_axis(Axis(0), row);
                let expected = alone[row][which].index_axis(Axis(0), 0).to_owned();
                assert_near(&found.slice(s![..length, ..]).to_owned().into_dyn(), &expected, 1e-13);
                assert!(found.slice(s![length.., ..]).iter().all(|&number| number == 0.0));
            }
            let (found, expected) = (found[1].slice(s![row, ..]), alone[row][1].slice(s![0, ..]));
            assert_near(&found.to_owned().into_dyn(), &expected.to_owned().into_dyn(), 1e-13);
        }
        for (at, found) in found.iter().enumerate().skip(3) {
            let sum = alone.iter().fold(ArrayD::<f64>::zeros(found.raw_dim()), |sum, alone| sum + &alone[at]);
            assert_near(found, &sum, 1e-12);
        }
    }
}

#[test]
fn padding_does_not_matter() {
    fn told(xs: Tensor<'_, f64>) -> Tensor<'_, bool> {
        let there = |lengths: [usize; 4]| Array2::from_shape_fn((4, 5), |(row, step)| step < lengths[row]);
        xs.graph().constant(there([5, 2, 0, 3]))
    }
    for padding in [0.0, 7.0, f64::NAN, f64::INFINITY] {
        for reverse in [false, true] {
            padded_is_alone(reverse, padding, told);
        }
    }
}

#[test]
fn a_mask_leaves_out_steps_anywhere() -> Result<()> {
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, None, Some(INPUTS)]);
    let layer = Rnn::new(gru::<f64>(&g));
    let mask = g.constant(arr2(&[[false, true, false, true]]));
    let (masked, state) = layer.over(xs).mask(mask).output_and_state();
    let whole = layer.over(xs).output_and_state();
    let fed = spread::<f64>(&[1, 4, INPUTS], 5);
    let taken = stack![Axis(1), fed.slice(s![.., 1, ..]), fed.slice(s![.., 3, ..])].into_dyn();
    let session = Session::new(&g)?;
    let (masked, state) = session.feed(xs, &fed).run((masked, state))?;
    let (whole, expected) = session.feed(xs, &taken).run(whole)?;
    assert_near(&state, &expected, 1e-15);
    let zeros = Array2::<f64>::zeros((1, UNITS));
    let rows = [zeros.view(), whole.slice(s![.., 0, ..]), zeros.view(), whole.slice(s![.., 1, ..])];
    assert_near(&masked, &stack(Axis(1), &rows).unwrap().into_dyn(), 1e-15);
    Ok(())
}

#[test]
fn lengths_beyond_time_or_below_0_are_those() -> Result<()> {
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [2, 3, INPUTS]);
    let lengths = g.placeholder::<i32>("lengths", [None]);
    let outputs = Rnn::new(gru::<f64>(&g)).over(xs).lengths(lengths).output();
    let session = Session::new(&g)?;
    let fed = spread::<f64>(&[2, 3, INPUTS], 5);
    let run = |lengths_fed: [i32; 2]| session.feed(xs, &fed).feed(lengths, &arr1(&lengths_fed)).run(outputs);
    assert_eq!(run([9, -1])?, run([3, 0])?);
    Ok(())
}

#[test]
fn backward_is_forward_over_what_is_turned_around() -> Result<()> {
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, None, Some(INPUTS)]);
    let layer = Rnn::new(lstm::<f64>(&g));
    let forward = layer.over(xs).output_and_state();
    let backward = layer.reverse().over(xs).output_and_state();
    let fed = spread::<f64>(&[2, 5, INPUTS], 5);
    let turned = |array: &ArrayD<f64>| array.slice(s![.., ..;-1, ..]).to_owned().into_dyn();
    let session = Session::new(&g)?;
    let (outputs, state) = session.feed(xs, &fed).run(backward)?;
    let (expected, expected_state) = session.feed(xs, &turned(&fed)).run(forward)?;
    assert_near(&outputs, &turned(&expected), 1e-15);
    assert_near(&state.0, &expected_state.0, 1e-15);
    assert_near(&state.1, &expected_state.1, 1e-15);
    Ok(())
}

#[test]
fn a_single_example_needs_no_batch() -> Result<()> {
    let g = Graph::new();
    let cell = gru::<f64>(&g);
    let (x, h) = (spread::<f64>(&[INPUTS], 5), spread::<f64>(&[UNITS], 6));
    let (y, _) = cell.call(g.constant(&x), g.constant(&h));
    let (x, h) = (x.into_dimensionality().unwrap(), h.into_dimensionality().unwrap());
    let [expected, _] = gru_step::<f64>(&x, [&h, &h]);
    assert_near(&Session::new(&g)?.run(y)?, &expected.into_dyn(), 1e-14);
    Ok(())
}

#[test]
fn cells_start_as_in_keras() -> Result<()> {
    let g = Graph::with_seed(3);
    let (of_gru, of_lstm) = (GruCell::<f64>::new(&g, "gru", 5, 7), LstmCell::<f64>::new(&g, "lstm", 5, 7));
    let shapes: Vec<String> =
        g.trainable_variables::<f64>().iter().map(|v| format!("{} {}", v.name(), v.shape())).collect();
    let expected = [
        "gru/kernel [5, 21]",
        "gru/recurrent_kernel [7, 21]",
        "gru/bias [21]",
        "gru/recurrent_bias [7]",
        "lstm/kernel [5, 28]",
        "lstm/recurrent_kernel [7, 28]",
        "lstm/bias [28]",
    ];
    assert_eq!(shapes, expected);
    let session = Session::new(&g)?;
    for (kernel, recurrent_kernel) in
        [(of_gru.kernel, of_gru.recurrent_kernel), (of_lstm.kernel, of_lstm.recurrent_kernel)]
    {
        let kernel = session.run(kernel)?;
        let limit = (6.0 / (5 + kernel.shape()[1]) as f64).sqrt();
        let largest = kernel.fold(0.0_f64, |largest, x| largest.max(x.abs()));
        assert!(largest <= limit && largest > 0.9 * limit, "{largest} for {limit}");
        let product = session.run(recurrent_kernel.matmul(recurrent_kernel.transpose()))?;
        assert_near(&product, &Array2::<f64>::eye(7).into_dyn(), 1e-12);
    }
    let biases =
        session.run((of_gru.bias.unwrap(), of_gru.recurrent_bias.unwrap(), of_lstm.bias.unwrap()))?;
    assert_eq!(biases.0, ArrayD::<f64>::zeros(vec![21]));
    assert_eq!(biases.1, ArrayD::<f64>::zeros(vec![7]));
    let [zeros, ones] = [Array1::<f64>::zeros(7), Array1::ones(7)];
    let expected = concatenate![Axis(0), zeros, ones, zeros, zeros];
    assert_eq!(biases.2, expected.into_dyn());

    let g = Graph::new();
    GruCell::<f32>::without_bias(&g, "gru", 5, 7);
    LstmCell::<f32>::without_bias(&g, "lstm", 5, 7);
    assert_eq!(g.trainable_variables::<f32>().len(), 4);
    Ok(())
}

/// What it adds up must be remembered from the first step to the last.
#[test]
fn a_model_learns_which_symbol_came_first() {
    let g = Graph::with_seed(1);
    let model = Sequential::new()
        .add(Rnn::new(GruCell::new(&g, "first", 2, 12)))
        .add(Rnn::new(LstmCell::new(&g, "second", 12, 12)).last())
        .add(Dense::new(&g, "output", 12, 1))
        .map(|x| x.squeeze(-1));
    let xs = g.placeholder::<f32>("xs", [None, None, Some(2)]);
    let first = g.placeholder::<f32>("first", [None]);
    let logits = model.call(xs, Mode::Train);
    assert_eq!(logits.shape().to_string(), "[?]");
    let loss = logits.sigmoid_cross_entropy(first).reduce_mean(..);
    let step = Adam::new(0.02).clip_by_global_norm(1.0).minimize(loss);
    let session = Session::new(&g).unwrap();
    let step = session.make_callable((xs, first), (loss, step)).unwrap();
    // All sequences of eight symbols.
    let symbol = |row: usize, time: usize| row >> time & 1;
    let sequences = ArrayD::from_shape_fn(vec![256, 8, 2], |at| f32::from(symbol(at[0], at[1]) == at[2]));
    let labels = Array1::from_shape_fn(256, |row| symbol(row, 0) as f32);
    let mut last = f32::INFINITY;
    for _ in 0..150 {
        last = step.call((&sequences, &labels)).unwrap().0.sum();
    }
    assert!(last < 0.05, "the loss is {last}");
}

#[test]
fn a_custom_cell_says_three_things() -> Result<()> {
    /// Counts steps, and gives the count and the sum of the inputs.
    struct Totals {
        name: String,
    }

    impl<'g> RnnCell<'g, f64> for Totals {
        type State = (Tensor<'g, f64>, [Tensor<'g, f64>; 1]);

        fn name(&self) -> &str {
            &self.name
        }
        fn zero_state(&self, g: &'g Graph, batch: Length<'g>) -> Self::State {
            (g.zeros([batch]), [g.zeros((batch, 1))])
        }
        fn step(&self, x: Tensor<'g, f64>, (count, [sum]): Self::State) -> Self::State {
            (count + 1.0, [sum + x])
        }
        fn output(&self, (count, [sum]): &Self::State) -> Tensor<'g, f64> {
            count.expand_dims(-1) * 100.0 + *sum
        }
    }

    let g = Graph::new();
    let xs = g.constant(arr3(&[[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]]));
    let lengths = g.constant([3_i64, 1]);
    let (outputs, (count, [sum])) =
        Rnn::new(Totals { name: "totals".to_owned() }).over(xs).lengths(lengths).output_and_state();
    let (outputs, count, sum) = Session::new(&g)?.run((outputs, count, sum))?;
    let expected = arr3(&[[[101.0], [203.0], [306.0]], [[104.0], [0.0], [0.0]]]);
    assert_eq!(outputs, expected.into_dyn());
    assert_eq!((count, sum), (arr1(&[3.0, 1.0]).into_dyn(), arr2(&[[6.0], [4.0]]).into_dyn()));
    Ok(())
}

#[test]
fn what_does_not_fit() {
    fn words(build: impl FnOnce(&Graph)) -> String {
        let g = Graph::new();
        build(&g);
        fault(&g)
    }
    fn sequences(g: &Graph) -> Tensor<'_, f64> {
        g.placeholder("xs", [None, Some(5), Some(INPUTS)])
    }
    let expect = |found: String, expected: &str| assert!(found.starts_with(expected), "{found}");

    expect(
        words(|g| {
            Rnn::new(gru::<f64>(g)).call(g.placeholder("xs", [None, Some(3)]), Mode::Train);
        }),
        "expected sequences of [batch, time, features], got [?, 3]",
    );
    expect(
        words(|g| {
            Rnn::new(gru::<f64>(g)).call(g.placeholder("xs", [None, None, Some(5)]), Mode::Train);
        }),
        "expected inputs of 3 features, got 5",
    );
    expect(
        words(|g| {
            let cell =
                GruCell { recurrent_bias: Some(g.variable("wide", zeros([2, UNITS]))), ..gru::<f64>(g) };
            Rnn::new(cell).call(sequences(g), Mode::Train);
        }),
        &format!("expected a bias of [{UNITS}], got [2, {UNITS}]"),
    );
    expect(
        words(|g| {
            let cell = GruCell { bias: Some(g.variable("short", zeros([1]))), ..gru::<f64>(g) };
            Rnn::new(cell).call(sequences(g), Mode::Train);
        }),
        &format!("expected a bias of [{}], got [1]", 3 * UNITS),
    );
    expect(
        words(|g| {
            let start = g.zeros((2, UNITS + 1));
            Rnn::new(lstm::<f64>(g)).over(sequences(g)).initial_state((start, start)).output();
        }),
        "expected a state of [?, 4], got [2, 5]",
    );
    expect(
        words(|g| {
            let cell = GruCell { recurrent_kernel: g.variable("u", zeros([UNITS, UNITS])), ..gru::<f64>(g) };
            Rnn::new(cell).over(sequences(g)).output();
        }),
        "expected kernels of [inputs, 3·units] and [units, 3·units], got [3, 12] and [4, 4]",
    );
    expect(
        words(|g| {
            let lengths = g.constant(arr2(&[[1_i64], [2]]));
            Rnn::new(gru::<f64>(g)).over(sequences(g)).lengths(lengths).output();
        }),
        "expected lengths of [?], got [2, 1]",
    );
    expect(
        words(|g| {
            let mask = g.constant(arr2(&[[true], [false]]));
            Rnn::new(gru::<f64>(g)).over(sequences(g)).mask(mask).output();
        }),
        "expected a mask of [?, 5], got [2, 1]",
    );
}

/// What is only known in a run is an error of the run.
#[test]
fn what_does_not_fit_in_a_run() {
    let g = Graph::new();
    let xs = g.placeholder::<f64>("xs", [None, None, Some(INPUTS)]);
    let start = g.placeholder::<f64>("start", [None, Some(UNITS)]);
    let lengths = g.placeholder::<i64>("lengths", [None]);
    let layer = Rnn::new(gru::<f64>(&g));
    let from = layer.over(xs).initial_state(start).output();
    let told = layer.over(xs).lengths(lengths).output();
    let session = Session::new(&g).unwrap();
    let fed = spread::<f64>(&[2, 3, INPUTS], 5);
    let wrong = session.feed(xs, &fed).feed(start, &spread::<f64>(&[1, UNITS], 6)).run(from);
    assert!(wrong.unwrap_err().to_string().contains("expected a state of [2, 4], got [1, 4]"));
    let wrong = session.feed(xs, &fed).feed(lengths, &arr1(&[1_i64])).run(told);
    assert!(wrong.unwrap_err().to_string().contains("expected lengths of [2], got [1]"));
}
