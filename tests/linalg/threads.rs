//! Large matrices give the same bits on any number of threads, which share the work on each.

use flowgrad::ndarray::ArrayD;
use flowgrad::prelude::*;

use crate::random;

type T<'g> = Tensor<'g, f64>;

/// All that shares its work, of a matrix `[m, n]` and of the square one that its first rows and columns are.
fn shared(a: T<'_>, order: isize) -> Vec<T<'_>> {
    let g = a.graph();
    let square = a.slice((..order, ..order));
    let positive = square.matmul_transposed(square, false, true) * 0.01 + g.eye::<f64>(order);
    let triangle = square * 0.01 + g.eye::<f64>(order);
    let mut parts = vec![positive.cholesky(), square.lu().0, a.lu().0, square.det(), square.inv()];
    for (lower, adjoint) in [(true, false), (true, true), (false, false), (false, true)] {
        parts.push(triangle.triangular_solve_with(square, lower, adjoint, false));
    }
    let (q, r) = a.qr();
    let (whole, _) = a.qr_with(true);
    let (values, vectors) = positive.eigh();
    parts.extend([
        q,
        r,
        whole,
        values,
        vectors,
        square.solve(square + 1.0),
        a.pinv(),
        (square * 0.01).expm(),
    ]);
    parts
}

fn bits(threads: usize, a: &ArrayD<f64>) -> Vec<u64> {
    let g = Graph::new();
    let order = *a.shape().iter().min().unwrap() as isize;
    let a = g.constant(a);
    let parts = shared(a, order);
    let loss: T<'_> = parts.iter().take(10).map(|part| part.square().reduce_sum(..)).sum();
    let [gradient] = loss.gradients([a]);
    let session = Session::builder(&g).threads(threads).build().unwrap();
    let (parts, gradient) = session.run((parts, gradient)).unwrap();
    parts.iter().chain([&gradient]).flatten().map(|x| x.to_bits()).collect()
}

fn are_same_bits(forms: impl IntoIterator<Item = [usize; 2]>) {
    for [m, n] in forms {
        let a = random(&[m, n], (m * 1000 + n) as u64);
        let one = bits(1, &a);
        for threads in 2..=4 {
            assert!(bits(threads, &a) == one, "{m}×{n} on {threads} threads");
        }
    }
}

#[test]
fn large_matrices_give_the_same_bits_on_any_number_of_threads() {
    are_same_bits([[3, 3], [40, 17], [70, 131], [129, 129], [201, 150]]);
}

#[test]
fn large_merges_of_divide_and_conquer_give_the_same_bits_on_any_number_of_threads() {
    let a = random(&[200, 195], 5);
    let bits = |threads: usize| {
        let g = Graph::new();
        let a = g.constant(&a);
        let (w, v) = a.slice((..195, ..195)).eigh();
        let (u, s, vt) = a.svd_with(true);
        let session = Session::builder(&g).threads(threads).build().unwrap();
        let found = session.run([w, v, u, s, vt]).unwrap();
        found.iter().flatten().map(|x| x.to_bits()).collect::<Vec<u64>>()
    };
    assert!(bits(1) == bits(3));
}

#[test]
#[ignore = "takes minutes: cargo test --release --features linalg --test linalg -- --ignored"]
fn matrices_of_all_sizes_give_the_same_bits_on_any_number_of_threads() {
    let squares = (1..600).step_by(13).map(|n| [n, n]);
    let others = (1..600).step_by(37).flat_map(|n| [[n, 600 - n], [n + 5, n]]);
    are_same_bits(squares.chain(others));
}

#[test]
fn large_singular_matrices_have_factors() {
    for (n, zero) in [(20, 3), (70, 69), (150, 80)] {
        let mut a = random(&[n, n], n as u64);
        a.index_axis_mut(flowgrad::ndarray::Axis(1), zero).fill(0.0);
        let g = Graph::new();
        let (lu, order) = g.constant(&a).lu();
        let factors = (lu.tril(-1) + g.eye::<f64>(n)).matmul(lu.triu(0));
        let apart = factors - g.constant(&a).gather(order, 0);
        let apart = Session::new(&g).unwrap().run(apart.abs().reduce_max(..)).unwrap().item().unwrap();
        assert!(apart < 1e-12, "{n}×{n}: {apart:e}");
    }
}

#[test]
fn whether_a_matrix_has_an_inverse_needs_no_right_side() {
    let g = Graph::new();
    let a = g.constant(flowgrad::ndarray::arr3(&[[[1.0, 2.0], [2.0, 4.0]], [[1.0, 0.0], [0.0, 1.0]]]));
    let b = g.constant(ArrayD::<f64>::zeros(vec![2, 2, 0]));
    let (_, is_regular) = Session::new(&g).unwrap().run(a.try_solve(b)).unwrap();
    assert_eq!(is_regular, flowgrad::ndarray::arr1(&[false, true]).into_dyn());
}
