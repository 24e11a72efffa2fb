//! Ops by indices and masks at the ends of their ranges: of every element type, with duplicates, with what a run finds
//! out.

use flowgrad::ndarray::{ArrayD, arr1, arr2, arr3};
use flowgrad::prelude::*;

fn value<T: flowgrad::Element>(g: &Graph, tensor: Tensor<'_, T>) -> ArrayD<T> {
    Session::new(g).unwrap().run(tensor).unwrap()
}

#[test]
fn integers_and_booleans_are_moved_as_they_are() {
    let g = Graph::new();
    let x = g.constant(arr2(&[[1_i64, i64::MAX, 3], [i64::MIN, 5, 6]]));
    let booleans = g.constant(arr1(&[true, false, false]));
    assert_eq!(value(&g, x.roll(-1, 1)), arr2(&[[i64::MAX, 3, 1], [5, 6, i64::MIN]]).into_dyn());
    assert_eq!(value(&g, booleans.roll(1, ..)), arr1(&[false, true, false]).into_dyn());
    assert_eq!(value(&g, x.boolean_mask(booleans, 1, 2)), arr2(&[[1, 0], [i64::MIN, 0]]).into_dyn());
    assert_eq!(value(&g, booleans.boolean_mask(booleans, 0, 2)), arr1(&[true, false]).into_dyn());
    let indices = g.constant(arr2(&[[2_i64, 0], [0, 0]]));
    assert_eq!(value(&g, x.gather_with(indices, 1, 1)), arr2(&[[3, 1], [i64::MIN, i64::MIN]]).into_dyn());
    let flags = booleans.scatter_set(g.constant(arr1(&[1_i64, 0])), g.constant(arr1(&[true, false])), 0);
    assert_eq!(value(&g, flags), arr1(&[false, true, false]).into_dyn());
    let grid = g.meshgrid(&[booleans, booleans], Indexing::Ij);
    assert_eq!(
        value(&g, grid[0]).index_axis(flowgrad::ndarray::Axis(1), 0),
        arr1(&[true, false, false]).into_dyn()
    );
    let doubled = g.constant(arr2(&[[1_i32, 2], [3, 4]])).einsum_unary("ii");
    assert_eq!(value(&g, doubled).sum(), 5);
}

#[test]
fn of_several_updates_the_last_one_stays_and_has_the_gradient() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0, 3.0]));
    let updates = g.constant(arr1(&[10.0, 20.0, 30.0, 40.0]));
    let y = x.scatter_set(g.constant(arr1(&[1_i64, 2, 1, 1])), updates, 0);
    let weighted = y * y * 0.5;
    let [dx, du] = weighted.gradients([x, updates]);
    let (y, dx, du) = Session::new(&g)?.run((y, dx, du))?;
    assert_eq!(y, arr1(&[1.0, 40.0, 20.0]).into_dyn());
    assert_eq!(dx, arr1(&[1.0, 0.0, 0.0]).into_dyn());
    assert_eq!(du, arr1(&[0.0, 20.0, 0.0, 40.0]).into_dyn());
    Ok(())
}

/// An infinite slope of what was overwritten, or masked out, stays where it is.
#[test]
fn what_is_not_taken_passes_no_slope() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr1(&[0.0, 4.0]));
    let set = x.sqrt().scatter_set(g.constant(arr1(&[0_i64])), g.constant(arr1(&[1.0])), 0);
    let masked = x.sqrt().boolean_mask(x.greater(0.0), 0, 2);
    let ([set], [masked]) = (set.gradients([x]), masked.gradients([x]));
    let ([set_again], [masked_again]) = (set.gradients([x]), masked.gradients([x]));
    let found = Session::new(&g)?.run([set, masked, set_again, masked_again])?;
    assert_eq!(found[..2], [arr1(&[0.0, 0.25]).into_dyn(), arr1(&[0.0, 0.25]).into_dyn()]);
    assert_eq!(found[2..], [arr1(&[0.0, -0.03125]).into_dyn(), arr1(&[0.0, -0.03125]).into_dyn()]);
    Ok(())
}

#[test]
fn more_true_elements_than_asked_for_fail_the_run_and_change_nothing() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let count = g.variable("count", 0_i64);
    let kept = x.boolean_mask(x.greater(0.0), 0, 2);
    let [slope] = kept.gradients([x]);
    let nothing = x.boolean_mask(x.greater(0.0), 0, 0);
    let step = count.assign_add(1);
    let session = Session::new(&g)?;
    let fed = arr1(&[1.0, -1.0, 2.0, 3.0]);
    // Also where the slices themselves are not needed, or there are none.
    for wanted in [kept, slope, nothing] {
        let error = session.feed(x, &fed).run((wanted, step)).unwrap_err().to_string();
        assert!(error.contains("true elements in the mask, as asked for by `size`, got 3"), "{error}");
        assert!(error.contains(&format!("built at {}", file!())), "{error}");
    }
    assert_eq!(session.run(count)?.sum(), 0);
    let (kept, _) = session.feed(x, &arr1(&[-1.0, 5.0])).run((kept, step))?;
    assert_eq!(kept, arr1(&[5.0, 0.0]).into_dyn());
    Ok(())
}

#[test]
fn an_index_out_of_its_batch_fails_the_run() -> Result<()> {
    let g = Graph::new();
    let x = g.constant(arr3(&[[[1.0, 2.0], [3.0, 4.0]], [[5.0, 6.0], [7.0, 8.0]]]));
    let indices = g.placeholder::<i64>("indices", [None, Some(1)]);
    let session = Session::new(&g)?;
    let batched = [x.gather_with(indices, 2, 1), x.gather_nd_with(indices, 1)];
    for y in batched {
        let error = session.feed(indices, &arr2(&[[1], [2]])).run(y).unwrap_err().to_string();
        assert!(error.contains("expected an index of an axis of length 2, got 2"), "{error}");
        assert!(error.contains("at [1, 0] of the indices"), "{error}");
        let error = session.feed(indices, &arr2(&[[0], [1], [0]])).run(y).unwrap_err().to_string();
        assert!(error.contains("expected indices with the batch lengths of [2, 2, 2]"), "{error}");
    }
    let taken = session.feed(indices, &arr2(&[[1], [0]])).run(batched)?;
    assert_eq!(taken[0], arr3(&[[[2.0], [4.0]], [[5.0], [7.0]]]).into_dyn());
    assert_eq!(taken[1], arr2(&[[3.0, 4.0], [5.0, 6.0]]).into_dyn());
    Ok(())
}

/// A chain of many matrices is multiplied from its cheap end, whatever the order in which it is written, and its gradients
/// share the products.
#[test]
fn many_operands_are_multiplied_where_it_is_cheap() -> Result<()> {
    let g = Graph::new();
    let v = g.placeholder::<f64>("v", [3]);
    let m = g.placeholder::<f64>("m", [3, 3]);
    let y = g.einsum("ab,bc,cd,de,ef,fg,gh,hi,ij,jk,k->a", &[[m; 10].to_vec(), vec![v]].concat());
    let [dm] = y.gradients([m]);
    let text = g.to_string();
    assert!(!text.contains("einsum(\"m\", \"m\")"), "no two matrices are multiplied: {text}");
    let matrix = arr2(&[[0.5, 0.25, 0.0], [0.0, 0.5, 0.25], [0.25, 0.0, 0.5]]);
    let mut vector = arr1(&[1.0, 2.0, 4.0]);
    let session = Session::new(&g)?;
    let (found, slope) = session.feed(m, &matrix).feed(v, &vector).run((y, dm))?;
    for _ in 0..10 {
        vector = matrix.dot(&vector);
    }
    assert!((&found - &vector).iter().all(|apart| apart.abs() < 1e-12));
    // y is homogeneous of degree 10 in the matrix.
    assert!(((slope * matrix).sum() - 10.0 * vector.sum()).abs() < 1e-12);
    Ok(())
}

/// A size that is known only when the tensor is fed serves as any other, in gradients of any order, too.
#[test]
fn masks_cut_out_as_many_as_a_computed_length_says() -> Result<()> {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(2)]);
    let kept = x.square().boolean_mask(x.reduce_max(1).greater(0.0), 0, x.dim(0) + 1);
    assert_eq!(kept.shape().to_string(), "[?, 2]");
    let [dx] = (kept * kept).gradients([x]);
    let [ddx] = dx.gradients([x]);
    let fed = arr2(&[[-1.0, -2.0], [3.0, 1.0]]);
    let found = Session::new(&g)?.feed(x, &fed).run([kept, dx, ddx])?;
    assert_eq!(found[0], arr2(&[[9.0, 1.0], [0.0, 0.0], [0.0, 0.0]]).into_dyn());
    assert_eq!(found[1], arr2(&[[0.0, 0.0], [108.0, 4.0]]).into_dyn());
    assert_eq!(found[2], arr2(&[[0.0, 0.0], [108.0, 12.0]]).into_dyn());

    let g = Graph::new();
    let x = g.constant(arr1(&[1.0, 2.0]));
    x.boolean_mask(x.greater(0.0), 0, -1);
    let error = g.check().unwrap_err().to_string();
    assert!(error.starts_with("expected lengths of 0 or more, got [-1]"), "{error}");
    Ok(())
}
