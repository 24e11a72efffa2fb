//! Variables as one flat array, and back.

use flowgrad::ndarray::{Array1, arr0, arr1, arr2, s};
use flowgrad::prelude::*;

/// Gradient descent by a program that knows vectors alone, to the minimum.
#[test]
fn a_plain_loop_minimizes() -> Result<()> {
    let g = Graph::new();
    let w = g.variable("w", arr2(&[[1.0, 2.0, -1.0], [3.0, 4.0, 0.0]]));
    let b = g.variable("b", 5.0);
    let _ = g.variable("single", 1.0_f32) + 0.0;
    let moving = g.non_trainable_variable("moving", 7.0_f64);
    let loss = (w - 1.0).square().reduce_sum(..) + (b + 2.0).square() + moving * 0.0;
    let parameters = Parameters::trainable(&g);
    assert_eq!((parameters.len(), parameters.variables().len()), (7, 2));
    let gradient = parameters.gradient(loss);
    assert_eq!(gradient.shape().to_string(), "[7]");
    let session = Session::new(&g)?;
    let runs = session.run_count();
    assert_eq!(parameters.pack(&session)?, arr1(&[1.0, 2.0, -1.0, 3.0, 4.0, 0.0, 5.0]));
    assert_eq!(session.run_count(), runs, "random ops go on as if nothing was packed");
    for _ in 0..60 {
        let step: Array1<f64> = session.run(gradient)?.into_dimensionality()?;
        let at = parameters.pack(&session)? - 0.25 * &step;
        parameters.unpack(&session, at.view())?;
    }
    let (w, b) = session.run((w, b))?;
    assert!(w.iter().all(|x| (x - 1.0).abs() < 1e-12) && (b[[]] + 2.0).abs() < 1e-12);
    Ok(())
}

#[test]
fn what_is_unpacked_is_what_was_packed() -> Result<()> {
    let g = Graph::with_seed(4);
    let a = g.variable::<f32>("a", random_normal([3, 2], 0.0, 1.0));
    let empty = g.variable::<f32>("empty", zeros([0, 5]));
    let b = g.variable::<f32>("b", random_normal([4], 0.0, 1.0));
    // In any order, and some of them.
    for parameters in [Parameters::trainable(&g), Parameters::of(&g, [b, empty, a]), Parameters::of(&g, [b])]
    {
        let [one, other] = [Session::new(&g)?, Session::new(&g)?];
        one.run(g.group([a.assign_add(1.0).op(), b.assign_add(1.0).op()]))?;
        let flat = parameters.pack(&one)?;
        parameters.unpack(&other, flat.view())?;
        assert_eq!(parameters.pack(&other)?, flat);
        for variable in parameters.variables() {
            assert_eq!(one.run(*variable)?, other.run(*variable)?);
        }
        // Not consecutive in memory.
        let twice = Array1::from_shape_fn(2 * flat.len(), |at| flat[at / 2]);
        parameters.unpack(&other, twice.slice(s![..;2]))?;
        assert_eq!(parameters.pack(&other)?, flat);
    }
    assert!(Parameters::<f64>::trainable(&g).is_empty());
    Ok(())
}

/// Of none, nothing is set.
#[test]
fn what_does_not_fit_is_refused() -> Result<()> {
    let g = Graph::new();
    let a = g.variable("a", arr1(&[1.0, 2.0]));
    let b = g.variable("b", 3.0);
    let parameters = Parameters::of(&g, [a, b]);
    let session = Session::new(&g)?;
    for wrong in [arr1(&[1.0, 2.0]), arr1(&[0.0; 4])] {
        let error = parameters.unpack(&session, wrong.view()).unwrap_err();
        let found = wrong.len();
        assert!(matches!(error, Error::PackedLength { expected: 3, found: it } if it == found), "{error}");
    }
    assert_eq!(session.run((a, b))?, (arr1(&[1.0, 2.0]).into_dyn(), arr0(3.0).into_dyn()));
    let elsewhere = Graph::new();
    let other = Session::new(&elsewhere)?;
    assert!(matches!(parameters.pack(&other), Err(Error::OtherGraph(_))));
    assert!(matches!(parameters.unpack(&other, arr1(&[0.0; 3]).view()), Err(Error::OtherGraph(_))));
    // A gradient that is missing is 0; a list of another length is an error that names the caller.
    let gradient = parameters.gradient(a.reduce_sum(..));
    assert_eq!(session.run(gradient)?, arr1(&[1.0, 1.0, 0.0]).into_dyn());
    let line = line!() + 1;
    parameters.flat(&[a.tensor()]);
    let message = g.check().unwrap_err().to_string();
    assert!(
        message.contains("expected 2 operands, got 1") && message.contains(&format!("{}:{line}:", file!())),
        "{message}"
    );
    Ok(())
}
