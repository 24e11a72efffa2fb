//! `BatchNorm` and `batch_normalization`: the batch's statistics, the moving ones, and which runs update them.

use flowgrad::ndarray::{Array1, ArrayD, Axis, arr1, arr2};
use flowgrad::nn;
use flowgrad::prelude::*;
use flowgrad::testing::GradientCheck;

use super::{MODES, assert_near, fault, for_floats, numbers, slope_tolerance, spread, words};

const EPSILON: f64 = 1e-3;

/// The mean and the biased variance of each channel, in f64.
fn moments<T: Float>(x: &ArrayD<T>) -> [ArrayD<f64>; 2] {
    let x = numbers(x);
    let channels = x.ndim() - 1;
    let moment = |of: &dyn Fn(&ArrayD<f64>) -> f64| {
        x.axis_iter(Axis(channels)).map(|channel| of(&channel.to_owned())).collect::<Array1<f64>>().into_dyn()
    };
    let mean = |x: &ArrayD<f64>| x.sum() / x.len() as f64;
    [
        moment(&mean),
        moment(&|x| {
            let centre = mean(x);
            x.iter().map(|x| (x - centre) * (x - centre)).sum::<f64>() / x.len() as f64
        }),
    ]
}

/// The layer's output by its definition, for given statistics.
fn normalised<T: Float>(
    x: &ArrayD<T>,
    [mean, variance]: [&ArrayD<f64>; 2],
    gamma: &ArrayD<T>,
    beta: &ArrayD<T>,
) -> ArrayD<f64> {
    (numbers(x) - mean) / variance.mapv(|variance| (variance + EPSILON).sqrt()) * numbers(gamma)
        + numbers(beta)
}

/// A layer for three channels, none of whose variables starts by 0 or 1.
fn layer<T: Float>(g: &Graph) -> BatchNorm<'_, T> {
    BatchNorm {
        name: "bn".to_owned(),
        gamma: g.variable("bn/gamma", spread::<T>(&[3], 1)),
        beta: g.variable("bn/beta", spread::<T>(&[3], 2)),
        moving_mean: g.non_trainable_variable("bn/moving_mean", spread::<T>(&[3], 3)),
        moving_variance: g.non_trainable_variable("bn/moving_variance", spread::<T>(&[3], 4).mapv(|x| x * x)),
        momentum: 0.9,
        epsilon: EPSILON,
    }
}

fn moving<T: Float>(session: &Session, layer: &BatchNorm<'_, T>) -> [ArrayD<T>; 2] {
    session.run([layer.moving_mean, layer.moving_variance]).unwrap()
}

/// The moving statistics after one more batch, in f64.
fn moved(moving: &[ArrayD<f64>; 2], batch: &[ArrayD<f64>; 2], momentum: f64) -> [ArrayD<f64>; 2] {
    [0, 1].map(|i| momentum * &moving[i] + (1.0 - momentum) * &batch[i])
}

const SHAPES: [&[usize]; 6] = [&[5, 3], &[1, 3], &[4, 2, 3], &[2, 3, 4, 3], &[300, 3], &[1, 1, 1, 3]];

fn trains_by_the_batch_and_predicts_by_the_past<T: Float>(tolerance: f64) {
    for dims in SHAPES {
        let g = Graph::new();
        let mut shape: Vec<Option<usize>> = dims.iter().copied().map(Some).collect();
        shape[0] = None;
        let x = g.placeholder::<T>("x", shape);
        let layer = layer::<T>(&g);
        let [train, predict] = MODES.map(|mode| layer.call(x, mode));
        let [gamma, beta] = [1, 2].map(|salt| spread::<T>(&[3], salt));
        let session = Session::new(&g).unwrap();
        let fed = spread::<T>(dims, 5);

        let past = moving(&session, &layer).map(|moving| numbers(&moving));
        let found = session.feed(x, &fed).run(predict).unwrap();
        assert_near(&found, &normalised(&fed, [&past[0], &past[1]], &gamma, &beta), tolerance);

        let batch = moments(&fed);
        let found = session.feed(x, &fed).run(train).unwrap();
        // Rounding counts for more where an element is divided by the root of a variance of 0 and epsilon.
        assert_near(&found, &normalised(&fed, [&batch[0], &batch[1]], &gamma, &beta), 30.0 * tolerance);
    }
}

fn the_moving_statistics_follow_the_formula<T: Float>(tolerance: f64) {
    let g = Graph::new();
    let x = g.placeholder::<T>("x", [None, None, Some(3)]);
    let layer = layer::<T>(&g);
    let [train, predict] = MODES.map(|mode| layer.call(x, mode));
    let session = Session::new(&g).unwrap();
    let mut expected = moving(&session, &layer).map(|moving| numbers(&moving));
    for (run, rows) in (0..).zip([4, 1, 7, 2, 32]) {
        let fed = spread::<T>(&[rows, 2, 3], run);
        session.feed(x, &fed).run(train).unwrap();
        expected = moved(&expected, &moments(&fed), 0.9);
        for (found, expected) in moving(&session, &layer).iter().zip(&expected) {
            assert_near(found, expected, tolerance);
        }
        let before = moving(&session, &layer);
        session.feed(x, &fed).run((predict, predict * predict)).unwrap();
        assert_eq!(moving(&session, &layer), before);
    }
}

fn has_the_gradients_of_differences<T: Float>(_: f64) {
    for mode in MODES {
        for dims in [&[4, 3][..], &[2, 2, 2, 3]] {
            let g = Graph::new();
            let x = g.placeholder::<T>("x", dims);
            let layer = layer::<T>(&g);
            let y = layer.call(x, mode);
            let check = GradientCheck::of(&g, y).feed(x, &spread::<T>(dims, 5)).second_order();
            let mut targets = vec![x, layer.gamma.tensor(), layer.beta.tensor()];
            if mode == Mode::Predict {
                targets.extend([layer.moving_mean.tensor(), layer.moving_variance.tensor()]);
            }
            check.wrt(&targets).assert_close(slope_tolerance::<T>());
        }
    }
}

for_floats!(
    trains_by_the_batch_and_predicts_by_the_past,
    the_moving_statistics_follow_the_formula,
    has_the_gradients_of_differences,
);

#[test]
fn starts_as_in_keras() {
    let g = Graph::new();
    let layer = BatchNorm::<f64>::new(&g, "bn", 2);
    assert_eq!((layer.momentum, layer.epsilon), (0.99, 1e-3));
    let variables = [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance];
    assert_eq!(variables.map(|v| v.name()), ["bn/gamma", "bn/beta", "bn/moving_mean", "bn/moving_variance"]);
    assert_eq!(variables.map(Variable::is_trainable), [true, true, false, false]);
    assert_eq!(g.trainable_variables::<f64>().len(), 2);
    let found = Session::new(&g).unwrap().run(variables).unwrap();
    assert_eq!(found.map(|values| values[0]), [1.0, 0.0, 0.0, 1.0]);
}

// -- which runs update the moving statistics -------------------------------------------------------

/// Asserts that each of the requests, alone in its run, updates the moving statistics once.
#[track_caller]
fn assert_updates_once(
    g: &Graph,
    layer: &BatchNorm<'_, f64>,
    batch: &ArrayD<f64>,
    request: &[Operation<'_>],
) {
    for optimize in [true, false] {
        for operation in request {
            let session = Session::builder(g).optimize(optimize).build().unwrap();
            let expected = moved(&moving(&session, layer), &moments(batch), 0.9);
            session.run(*operation).unwrap();
            for (found, expected) in moving(&session, layer).iter().zip(&expected) {
                assert_near(found, expected, 1e-14);
            }
        }
    }
}

/// The first loss has the same gradient whatever the output is, and by beta one that no statistics enter.
#[test]
fn runs_that_assign_gradients_update_although_they_fetch_nothing() {
    let g = Graph::new();
    let before = Dense::new(&g, "fc1", 2, 3);
    let layer = layer::<f64>(&g);
    let hidden = before.call(g.constant(spread::<f64>(&[5, 2], 6)), Mode::Train);
    let y = layer.call(hidden, Mode::Train);
    let batch = Session::new(&g).unwrap().run(hidden).unwrap();
    for loss in [y.reduce_sum(..), y.square().reduce_mean(..), (y * y.tanh()).reduce_mean(..)] {
        let variables = [before.kernel, layer.gamma, layer.beta];
        let gradients = loss.gradients(variables);
        let steps = [0, 1, 2].map(|i| variables[i].assign_sub(gradients[i]).op());
        let train = g.group(steps);
        assert_updates_once(&g, &layer, &batch, &steps);
        assert_updates_once(
            &g,
            &layer,
            &batch,
            &[train, y.op(), loss.op(), g.group([train, loss.op(), y.op()])],
        );
    }
}

#[test]
fn a_prediction_beside_a_training_step_sees_the_past() {
    let g = Graph::new();
    let fed = spread::<f64>(&[5, 3], 6);
    let x = g.constant(&fed);
    let layer = layer::<f64>(&g);
    let [predict, train] = [Mode::Predict, Mode::Train].map(|mode| layer.call(x, mode));
    let session = Session::new(&g).unwrap();
    let alone = session.run(predict).unwrap();
    assert_eq!(session.run((train, predict)).unwrap().1, alone);
    assert_ne!(session.run(predict).unwrap(), alone);
}

#[test]
fn a_run_that_fails_updates_nothing() {
    let g = Graph::new();
    let layer = layer::<f64>(&g);
    let y = layer.call(g.constant(spread::<f64>(&[5, 3], 6)), Mode::Train);
    let session = Session::new(&g).unwrap();
    let before = moving(&session, &layer);
    assert!(session.run((y * 0.0).ln().check_numerics()).is_err());
    assert_eq!(moving(&session, &layer), before);
}

#[test]
fn a_batch_of_nothing_updates_nothing() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(3)]);
    let layer = layer::<f64>(&g);
    let y = layer.call(x, Mode::Train);
    for optimize in [true, false] {
        let session = Session::builder(&g).optimize(optimize).build().unwrap();
        let before = moving(&session, &layer);
        let found = session.feed(x, &spread::<f64>(&[0, 3], 0)).run(y).unwrap();
        assert_eq!(found.shape(), [0, 3]);
        assert_eq!(moving(&session, &layer), before);
    }
}

#[test]
fn two_training_calls_in_one_run_need_an_order() {
    let g = Graph::new();
    let layer = layer::<f64>(&g);
    let [real, fake] = [6, 7].map(|salt| spread::<f64>(&[5, 3], salt));
    let [of_real, of_fake] = [&real, &fake].map(|x| layer.call(g.constant(x), Mode::Train));
    let session = Session::new(&g).unwrap();
    let start = moving(&session, &layer);

    let error = session.run((of_real, of_fake)).unwrap_err();
    let text = error.to_string();
    let expected = "variable `bn/moving_mean`: expected an order between its assignments in one run, got none between \
                    `bn/assign` (assign) built at ";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains(" and `bn_1/assign` (assign) built at "), "{text}");
    assert!(text.ends_with("; build one under control_dependencies on the other"), "{text}");
    assert_eq!(moving(&session, &layer), start);

    // Each alone is one update.
    session.run(of_real).unwrap();
    session.run(of_fake).unwrap();
    let expected = moved(&moved(&start, &moments(&real), 0.9), &moments(&fake), 0.9);
    for (found, expected) in moving(&session, &layer).iter().zip(&expected) {
        assert_near(found, expected, 1e-14);
    }
}

#[test]
fn two_training_calls_in_order_update_one_after_the_other() {
    let g = Graph::new();
    let layer = layer::<f64>(&g);
    let [real, fake] = [6, 7].map(|salt| spread::<f64>(&[5, 3], salt));
    let of_real = layer.call(g.constant(&real), Mode::Train);
    let of_fake = g.control_dependencies(&[of_real.op()], || layer.call(g.constant(&fake), Mode::Train));
    let loss = of_real.square().reduce_mean(..) - of_fake.tanh().reduce_mean(..);
    let [dgamma] = loss.gradients([layer.gamma]);
    for request in [g.group([of_real.op(), of_fake.op()]), of_fake.op(), layer.gamma.assign_sub(dgamma).op()]
    {
        let session = Session::new(&g).unwrap();
        let expected = moved(&moved(&moving(&session, &layer), &moments(&real), 0.9), &moments(&fake), 0.9);
        session.run(request).unwrap();
        for (found, expected) in moving(&session, &layer).iter().zip(&expected) {
            assert_near(found, expected, 1e-14);
        }
    }
}

// -- precision ---------------------------------------------------------------------------------

#[test]
fn a_large_mean_costs_no_precision() {
    let x = arr2(&[[4_000_001.0_f32], [4_000_003.0], [4_000_002.0], [4_000_006.0]]);
    let g = Graph::new();
    let layer = BatchNorm { epsilon: 0.0, ..BatchNorm::new(&g, "bn", 1) };
    let y = Session::new(&g).unwrap().run(layer.call(g.constant(&x), Mode::Train)).unwrap();
    let deviation = 3.5_f64.sqrt();
    let expected = arr2(&[[-2.0 / deviation], [0.0], [-1.0 / deviation], [3.0 / deviation]]);
    assert_near(&y, &expected.into_dyn(), 1e-6);
}

#[test]
fn the_function_takes_scalars_and_tensors() {
    let g = Graph::new();
    let x = spread::<f64>(&[2, 3], 1);
    let scale = arr1(&[1.0, 2.0, 3.0]);
    let y = nn::batch_normalization(g.constant(&x), 0.25, 4.0, 1.0, g.constant(&scale), 0.5);
    let expected = (&x - 0.25) / 4.5_f64.sqrt() * &scale + 1.0;
    assert_near(&Session::new(&g).unwrap().run(y).unwrap(), &expected, 1e-15);
}

// -- build errors ----------------------------------------------------------------------------------

#[test]
fn inputs_and_parameters_that_do_not_fit_are_build_errors_of_the_layer() {
    let table: [(&[Option<usize>], &str); 4] = [
        (&[None, Some(4)], "got [?, 4] with [3]"),
        (&[None, Some(8), Some(8), Some(1)], "got [?, 8, 8, 1] with [3]"),
        (&[Some(3)], "got [3] with [3]"),
        (&[], "got [] with [3]"),
    ];
    for mode in MODES {
        for (shape, rest) in table {
            let g = Graph::new();
            BatchNorm::new(&g, "bn", 3).call(g.placeholder::<f32>("x", shape), mode);
            let expected = "expected [batch, ..., channels] with parameters of [channels],";
            assert_eq!(fault(&g), format!("{expected} {rest}, in `bn/batch_norm` (batch_norm)"));
        }
    }
    let g = Graph::new();
    let gamma = g.variable("gamma", ones([1, 3]));
    let layer = BatchNorm { gamma, ..BatchNorm::new(&g, "bn", 3) };
    layer.call(g.placeholder::<f32>("x", [None, Some(3)]), Mode::Predict);
    let expected = "expected [batch, ..., channels] with parameters of [channels], got [?, 3] with [1, 3]";
    assert_eq!(fault(&g), format!("{expected}, in `bn/batch_norm` (batch_norm)"));
}

#[test]
fn channels_that_were_unknown_are_checked_when_they_come() {
    for mode in MODES {
        let g = Graph::new();
        let x = g.placeholder("x", [None, None]);
        let layer = layer::<f64>(&g);
        let y = layer.call(x, mode);
        let session = Session::new(&g).unwrap();
        let before = moving(&session, &layer);
        let run = session.feed(x, &spread::<f64>(&[5, 1], 0)).run(y);
        let expected = "expected [batch, ..., channels] with parameters of [channels], got [5, 1] with [3], in `bn/batch_norm` (batch_norm)";
        assert_eq!(words(run.unwrap_err()), expected);
        assert_eq!(moving(&session, &layer), before);
        assert!(session.feed(x, &spread::<f64>(&[5, 3], 0)).run(y).is_ok());
    }
}

#[test]
fn momentum_and_epsilon_must_make_sense() {
    for (momentum, shown) in [(-0.1, "-0.1"), (1.1, "1.1"), (f64::NAN, "NaN")] {
        let g = Graph::new();
        let layer = BatchNorm { momentum, ..BatchNorm::new(&g, "bn", 3) };
        layer.call(g.placeholder::<f32>("x", [None, Some(3)]), Mode::Predict);
        let expected = "expected a momentum between 0 and 1, got";
        assert_eq!(fault(&g), format!("{expected} {shown}, in `bn/batch_norm` (batch_norm)"));
    }
    for (epsilon, shown) in [(-1e-3, "-0.001"), (f64::NAN, "NaN")] {
        let g = Graph::new();
        let layer = BatchNorm { epsilon, ..BatchNorm::new(&g, "bn", 3) };
        layer.call(g.placeholder::<f32>("x", [None, Some(3)]), Mode::Train);
        let expected = "expected a finite epsilon of at least 0, got";
        assert_eq!(fault(&g), format!("{expected} {shown}, in `bn/normalization` (normalization)"));
    }
}

/// A build error made earlier is what is reported, not that what came of it does not fit.
#[test]
fn an_invalid_input_is_not_blamed_on_the_layer() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, Some(3)]).reduce_sum(7);
    for mode in MODES {
        BatchNorm::new(&g, "bn", 3).call(x, mode);
    }
    assert!(fault(&g).starts_with("expected an axis of a tensor of rank 2, got 7, in `reduce_sum`"));
}

/// Chooses by a flag between what a model gives to train by and to predict by.
type Choosing<'c> = &'c dyn for<'g> Fn(Tensor<'g, bool>, [Tensor<'g, f32>; 2]) -> Tensor<'g, f32>;

#[test]
fn a_flag_cannot_choose_the_mode() {
    let told = "both sides of a select run, so moving statistics (BatchNorm) would be updated by predictions as well; \
                call the model twice, once per mode, and fetch the output you need, in `select` (select)";
    let build = |choose: Choosing<'_>| {
        let g = Graph::new();
        let training = g.placeholder::<bool>("training", ());
        let x = g.placeholder::<f32>("x", [None, Some(3)]);
        let model = Sequential::new()
            .add(Dense::new(&g, "fc1", 3, 3))
            .add(BatchNorm::new(&g, "bn", 3))
            .add(Tensor::relu)
            .add(Dense::new(&g, "fc2", 3, 1));
        choose(training, [Mode::Train, Mode::Predict].map(|mode| model.call(x, mode)));
        g.check().map_err(words)
    };
    assert_eq!(build(&|training, [train, predict]| training.select(train, predict)), Err(told.to_owned()));
    assert_eq!(
        build(&|training, [train, predict]| training
            .reshape([1, 1])
            .logical_not()
            .select(predict.square(), train)),
        Err(told.to_owned())
    );
    // These are no flags: a row or an element at a time, by what was computed, or with both modes on either side.
    assert_eq!(build(&|_, [train, predict]| train.less(predict).select(train, predict)), Ok(()));
    assert_eq!(
        build(&|_, [train, predict]| {
            train.reduce_sum(..).less(predict.reduce_sum(..)).select(train, predict)
        }),
        Ok(())
    );
    assert_eq!(build(&|training, [train, predict]| training.select(train + predict, predict)), Ok(()));
    assert_eq!(build(&|training, [train, _]| training.select(train, 0.0)), Ok(()));
}
