//! What is known of computed lengths, and what is wrong with them.

use crate::prelude::*;

#[test]
fn lengths_are_known_as_far_as_those_they_are_made_of() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(6)]);
    let shape = |x: Tensor<'_, f64>| x.shape().to_string();
    assert_eq!(shape(x.reshape([x.dim(0) * x.dim(1)])), "[?]");
    assert_eq!(shape(x.reshape((x.dim(0), 2, -1))), "[?, 2, 3]");
    assert_eq!(shape(x.reshape((x.dim(0), x.dim(1) / 2, 2))), "[?, 3, 2]");
    assert_eq!(shape(x.reshape([x.dim(0), 6.into()])), "[?, 6]");
    assert_eq!(shape(x.reshape((2, x.dim(0), 3))), "[2, ?, 3]");
    assert_eq!(shape(x.reshape(x.lengths())), "[?, 6]");
    assert_eq!(shape(g.zeros((x.dim(0) + 1, 2 * x.dim(1)))), "[?, 12]");
    g.check().unwrap();
}

#[test]
fn lengths_that_cannot_be_are_errors_where_they_are_made() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(6)]);
    let y = g.zeros::<f64>(x.dim(0) - 3);
    let z = g.zeros::<f64>(6 / x.dim(0));
    let line = line!() - 2;
    let session = Session::new(&g).unwrap();
    let fed = |rows: usize| ndarray::Array2::zeros((rows, 6));
    assert_eq!(session.feed(x, &fed(4)).run((y, z)).map(|(y, z)| (y.len(), z.len())).unwrap(), (1, 1));
    let message = session.feed(x, &fed(2)).run(y).unwrap_err().to_string();
    let expected =
        "expected a result of 0 or more that can be counted, got 2 - 3, in `length` (length) built at ";
    assert!(message.starts_with(&format!("{expected}{}:{line}:", file!())), "{message}");
    let message = session.feed(x, &fed(0)).run(z).unwrap_err().to_string();
    assert!(
        message.starts_with("expected a result of 0 or more that can be counted, got 6 / 0"),
        "{message}"
    );

    let found = |build: &dyn Fn(&Graph)| {
        let g = Graph::new();
        build(&g);
        g.check().unwrap_err().to_string().split(" built at").next().unwrap().to_owned()
    };
    let unknown = found(&|g| {
        let x = g.placeholder::<f64>("x", [None, Some(6)]);
        x.reshape(x.shape());
    });
    assert_eq!(
        unknown,
        "expected lengths that are numbers or computed by `dim` or `lengths`, got [?, 6], in `reshape` (reshape)"
    );
    let negative = found(&|g| {
        let _ = g.zeros::<f64>([-1, 2]);
    });
    assert_eq!(negative, "expected lengths of 0 or more, got [-1, 2], in `broadcast_to` (broadcast_to)");
    let axis = found(&|g| {
        let _ = g.zeros::<f64>(g.placeholder::<f64>("x", [None]).dim(1));
    });
    assert_eq!(axis, "expected an axis of a tensor of rank 1, got 1, in `dim` (dim)");
}

/// What the parts give to the whole does not depend on whether their lengths were known while building.
#[test]
fn gradients_pass_reshapes_by_computed_lengths() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(4)]);
    let y = x.reshape((x.dim(0) * 2, -1)).square().reduce_sum(1);
    let [dx] = y.gradients([x]);
    let fed = ndarray::array![[1.0, 2.0, 3.0, 4.0]];
    let [y, dx] = Session::new(&g).unwrap().feed(x, &fed).run([y, dx]).unwrap();
    assert_eq!(y, ndarray::arr1(&[5.0, 25.0]).into_dyn());
    assert_eq!(dx, (2.0 * fed).into_dyn());
}
