//! Line 28, the extremes that a fuzz does not meet: absurd lengths and long chains.

use std::env;
use std::process::Command;

use flowgrad::Mistake;
use flowgrad::ndarray::{Array2, ArrayD, arr1};
use flowgrad::prelude::*;

/// Far more than there can be elements, and yet a length that an empty array may have.
const LONG: usize = 1 << 40;

/// Line 28: the number of elements of a shape is known when it is a number, and nothing panics if not.
#[test]
fn line_28_shapes_may_be_absurd() {
    assert_eq!(Shape::from([usize::MAX, 2, 0]).size(), Some(0));
    assert_eq!(Shape::from([usize::MAX, 2]).size(), None, "no number of elements fits");
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [usize::MAX, usize::MAX]);
    let [slope] = (x * x).reduce_mean(..).gradients([x]);
    assert_eq!(slope.shape(), x.shape());
}

/// Line 28: empty arrays may broadcast to lengths whose product overflows. No array can have these, so
/// a run may refuse, but not panic.
#[test]
fn line_28_empty_feeds_may_be_absurd() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, None, None]);
    let y = g.placeholder::<f64>("y", [None, None, None]);
    let sum = x + y;
    let slopes = sum.reduce_mean(..).gradients([x, y]);
    let empty = |dims: [usize; 3]| ArrayD::<f64>::zeros(dims.to_vec());
    for (x_dims, y_dims) in [
        ([LONG, 1, 0], [1, LONG, 0]),
        ([0, LONG, 1], [0, 1, LONG]),
        ([LONG, 0, 1], [1, 0, LONG]),
        ([isize::MAX as usize, 0, 1], [1, 0, 3]),
    ] {
        let (x_fed, y_fed) = (empty(x_dims), empty(y_dims));
        for optimize in [true, false] {
            let session = Session::builder(&g).optimize(optimize).build()?;
            let fed = || session.feed(x, &x_fed).feed(y, &y_fed);
            // Whether it is an error or a value says nothing here: it is enough to come back.
            let _ = fed().run(sum);
            let _ = fed().run(sum.reduce_sum(..));
            let _ = fed().run((sum * 2.0).transpose().reduce_mean([0, 2]));
            let _ = fed().run(slopes);
        }
    }
    Ok(())
}

/// Line 28: no start of a variable panics: what cannot be made is a mistake in building.
#[test]
fn line_28_variables_may_be_absurd() {
    for dims in
        [vec![usize::MAX], vec![0, usize::MAX], vec![usize::MAX, 0], vec![LONG, LONG, 0], vec![0, LONG, LONG]]
    {
        let g = Graph::new();
        let v = g.variable::<f32>("v", zeros(dims.clone()));
        let read = Session::new(&g).and_then(|session| session.run(v));
        assert!(read.is_err() || read.is_ok_and(|v| v.shape() == dims));
    }
}

/// Line 28: bounds and deviations that define no distribution draw something, if only NaN.
#[test]
fn line_28_draws_may_be_absurd() {
    let g = Graph::new();
    for (name, low, high) in
        [("empty", 1.0, -1.0), ("one", 2.0, 2.0), ("infinite", f64::MIN, f64::MAX), ("nan", f64::NAN, 0.0)]
    {
        g.variable::<f32>(name, random_uniform([3], low, high));
        g.variable::<f64>(&format!("normal_{name}"), random_normal([3], low, high));
    }
    Session::new(&g).and_then(|session| session.variable_values()).unwrap();
}

/// Line 28: the fans of `glorot_uniform` may be too large to add.
#[test]
fn line_28_fans_may_be_absurd() {
    for shape in [[usize::MAX, 1], [usize::MAX, usize::MAX], [1, usize::MAX]] {
        let g = Graph::new();
        g.variable::<f32>("v", glorot_uniform(shape));
        let error = g.check().unwrap_err();
        let Error::Build(error) = error else { panic!("{error}") };
        assert!(matches!(error.mistake, Mistake::VariableShape { .. }), "{error}");
    }
}

/// Line 28: a chain of many thousand nodes overflows no stack, neither built, differentiated nor run.
#[test]
fn line_28_chains_may_be_long() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let y = (0..5_000).fold(x, |y, _| y * 0.5 + x);
    let [slope] = y.gradients([x]);
    let fed = arr1(&[1.0, 3.0]);
    let (y, slope) = Session::new(&g)?.feed(x, &fed).run((y, slope))?;
    assert_eq!((y, slope), ((&fed * 2.0).into_dyn(), arr1(&[2.0, 2.0]).into_dyn()));
    Ok(())
}

/// Line 28: what could be addressed but not allocated is an error as well, and leaves the process alive.
#[test]
fn line_28_what_no_memory_holds_is_an_error() {
    const NAME: &str = "extremes::line_28_what_no_memory_holds_is_an_error";
    const INSIDE: &str = "FLOWGRAD_TEST_WITHOUT_MEMORY";
    // Bytes beyond what processors of 48 address bits can map, however freely the system promises memory.
    const ROWS: usize = 1 << 23;

    if env::var_os(INSIDE).is_none() {
        // A failed allocation would end the process, and with it all other tests: this one gets its own.
        let test = env::current_exe().unwrap();
        let inside = Command::new(test).args(["--exact", NAME]).env(INSIDE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&inside.stdout) + String::from_utf8_lossy(&inside.stderr);
        assert!(inside.status.success(), "{}: {said}", inside.status);
        return;
    }
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(1)]);
    let table = x - x.transpose();
    let v = g.variable::<f64>("v", zeros([ROWS, ROWS]));
    let session = Session::new(&g).unwrap();
    let tall = Array2::<f64>::zeros((ROWS, 1));
    session.feed(x, &tall).run(table).unwrap_err();
    session.run(v).unwrap_err();
    session.variable_values().unwrap_err();
}
