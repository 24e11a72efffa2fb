//! `Embedding`: the row of each id.

use flowgrad::ndarray::{ArrayD, Axis, IxDyn, arr1, arr2};
use flowgrad::prelude::*;
use flowgrad::testing::check_gradients;

use super::{for_floats, slope_tolerance, spread, words};

fn gives_the_row_of_each_id<T: Float>(_: f64) {
    for dims in [&[][..], &[5], &[2, 3], &[2, 1, 2], &[0, 3]] {
        let g = Graph::new();
        let embeddings = g.variable("letters/embeddings", spread::<T>(&[7, 4], 1));
        let layer = Embedding { name: "letters".to_owned(), embeddings };
        let ids = g.placeholder::<i64>("ids", vec![None; dims.len()]);
        let mut next = 0;
        let fed = ArrayD::from_shape_simple_fn(IxDyn(dims), || {
            next = (next + 3) % 7;
            next
        });
        let found = Session::new(&g).unwrap().feed(ids, &fed).run(layer.call(ids)).unwrap();
        assert_eq!(found.shape(), [dims, &[4]].concat());
        let table = spread::<T>(&[7, 4], 1);
        let rows = found.to_shape((fed.len(), 4)).unwrap();
        for (row, &id) in rows.outer_iter().zip(&fed) {
            assert_eq!(row.into_dyn(), table.index_axis(Axis(0), id as usize));
        }
    }
}

fn adds_up_the_gradients_of_an_id<T: Float>(_: f64) {
    let g = Graph::new();
    let layer = Embedding::<T>::new(&g, "letters", 5, 2);
    let rows = layer.call(g.constant(arr2(&[[1_i64, 3], [3, 3]])));
    check_gradients(&g, rows.exp(), &[layer.embeddings]).assert_close(slope_tolerance::<T>());
    let [gradient] = rows.gradients([layer.embeddings]);
    let counts = Session::new(&g).unwrap().run(gradient.reduce_sum(-1)).unwrap();
    assert_eq!(counts.mapv(Numeric::as_f64), arr1(&[0.0, 2.0, 0.0, 6.0, 0.0]).into_dyn());
}

for_floats!(gives_the_row_of_each_id, adds_up_the_gradients_of_an_id);

#[test]
fn starts_as_in_keras() {
    let g = Graph::with_seed(5);
    let layer = Embedding::<f64>::new(&g, "letters", 50, 20);
    assert_eq!(layer.embeddings.name(), "letters/embeddings");
    assert!(layer.embeddings.is_trainable());
    let start = Session::new(&g).unwrap().run(layer.embeddings).unwrap();
    let largest = start.fold(0.0_f64, |largest, x| largest.max(x.abs()));
    assert!(largest <= 0.05 && largest > 0.049, "{largest}");
}

#[test]
fn an_id_without_a_row_fails_the_run_and_names_the_layer() {
    let g = Graph::new();
    let layer = Embedding::<f32>::new(&g, "letters", 5, 2);
    let ids = g.placeholder::<i64>("ids", [None]);
    let rows = layer.call(ids);
    let session = Session::new(&g).unwrap();
    for id in [-1, 5, i64::MAX] {
        let run = session.feed(ids, &arr1(&[0, id])).run(rows);
        let expected =
            format!("expected an index of an axis of length 5, got {id}, in `letters/gather` (gather)");
        assert_eq!(words(run.unwrap_err()), expected);
    }
}
