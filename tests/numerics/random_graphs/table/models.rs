//! Products, what networks are made of, variables that change, and derivatives as steps of a graph.

use flowgrad::ndarray::arr1;
use flowgrad::prelude::*;

use super::super::build::{At, X, broadcast};

use super::Kind::{Kinked, Smooth};
use super::{EXACT, ROUNDED, Row, row};

/// A matrix, or a batch of them, and another that fits behind it, either of them transposed first: the flags say it.
fn matrices<'g>(at: &mut At<'_, 'g>) -> Option<(X<'g>, X<'g>, bool, bool)> {
    let a = at.ranked(2)?;
    let (transpose_a, transpose_b) = (at.number(2) == 1, at.number(2) == 1);
    let (batch, matrix) = a.dims.split_at(a.rank() - 2);
    let inner = if transpose_a { matrix[0] } else { matrix[1] };
    let fits = |dims: &[usize]| {
        dims.len() >= 2 && {
            let (other, matrix) = dims.split_at(dims.len() - 2);
            inner == if transpose_b { matrix[1] } else { matrix[0] } && broadcast(batch, other)
        }
    };
    match at.any::<f64>(fits) {
        Some(b) => Some((a, b, transpose_a, transpose_b)),
        // A matrix and its transpose always fit.
        None => Some((a.clone(), a, transpose_a, !transpose_a)),
    }
}

/// Two floats of the same lengths.
fn alike<'g>(at: &mut At<'_, 'g>) -> Option<(X<'g>, X<'g>)> {
    let a = at.float()?;
    let b = at.any(|dims| dims == a.dims)?;
    Some((a, b))
}

/// A matrix as an image of one channel, or of as many as it has columns.
fn image<'g>(at: &mut At<'_, 'g>) -> Option<Tensor<'g, f64>> {
    let x = at.any::<f64>(|dims| dims.len() == 2 && !dims.contains(&0))?;
    let [rows, columns] = [x.dims[0] as isize, x.dims[1] as isize];
    Some(x.reshape(if at.number(2) == 0 { [1, rows, columns, 1] } else { [rows, 1, 1, columns] }))
}

/// A small window of any kind that fits every image.
fn window(at: &mut At<'_, '_>) -> Window {
    let [height, width, down, across] = [3, 3, 2, 2].map(|below| 1 + at.number(below));
    let around = [(height, at.number(2)), (at.number(2), width)];
    let padding = if at.number(2) == 0 { Padding::Same } else { Padding::Explicit(around) };
    Window::of([height, width]).strides([down, across]).padding(padding)
}

/// A small kernel of one filter for images of one channel, and how it moves.
fn moved<'g>(at: &mut At<'_, 'g>, x: &Tensor<'g, f64>) -> Option<(Tensor<'g, f64>, Convolution)> {
    let kernel = at.any::<f64>(|dims| [1, 2, 4].contains(&dims.iter().product::<usize>()))?;
    let channels = x.shape().dims()[3].filter(|&channels| channels == 1)?;
    let rows = if kernel.size() == 4 { 2 } else { 1 };
    let lengths = [rows, kernel.size() as isize / rows, channels as isize, 1];
    let around = [(1, at.number(2)), (at.number(2), 1)];
    let kinds = [Convolution::same(), Convolution::padded(around)];
    Some((kernel.reshape(lengths), kinds[at.number(2)].strides([1 + at.number(2), 1])))
}

pub(crate) static ROWS: &[Row] = &[
    // -- products ----------------------------------------------------------------------------------
    row("matmul", Smooth, EXACT, |at| {
        let (a, b, transpose_a, transpose_b) = matrices(at)?;
        Some(
            match (transpose_a, transpose_b) {
                (false, false) => a.matmul(b.tensor),
                _ => a.matmul_transposed(b.tensor, transpose_a, transpose_b),
            }
            .into(),
        )
    }),
    row("matmul with vectors", Smooth, EXACT, |at| {
        let a = at.any::<f64>(|dims| (1..=3).contains(&dims.len()))?;
        let length = *a.dims.last()?;
        let v = at.any::<f64>(|dims| dims == [length])?;
        Some(
            if at.number(2) == 0 || a.rank() != 2 { a.matmul(v.tensor) } else { v.matmul(a.transpose()) }
                .into(),
        )
    }),
    row("layer", Smooth, ROUNDED, |at| {
        let (a, b, transpose_a, transpose_b) = matrices(at)?;
        let product = a.matmul_transposed(b.tensor, transpose_a, transpose_b);
        let bias = at.any::<f64>(|dims| dims.is_empty() || dims == [1])?;
        Some((product * 0.5 + bias.tensor).tanh().into())
    }),
    // -- images ------------------------------------------------------------------------------------
    row("extract_patches", Smooth, EXACT, |at| {
        let x = image(at)?;
        let dilations = [1 + at.number(2), 1];
        let window = window(at).dilations(dilations).padding(Padding::Same);
        Some(x.extract_patches(window).reshape([-1]).into())
    }),
    row("conv2d", Smooth, EXACT, |at| {
        let x = image(at)?;
        let (kernel, convolution) = moved(at, &x)?;
        Some(x.conv2d(kernel, convolution).reshape([-1]).into())
    }),
    row("conv2d_transpose", Smooth, EXACT, |at| {
        let x = image(at)?;
        let (kernel, convolution) = moved(at, &x)?;
        // So much padding that nothing is left would be an error.
        let padding = [Padding::Same, Padding::Valid][at.number(2)];
        Some(x.conv2d_transpose(kernel, convolution.padding(padding)).reshape([-1]).into())
    }),
    row("conv1d", Smooth, EXACT, |at| {
        let x = image(at)?;
        let (kernel, convolution) = moved(at, &x)?;
        let convolution = convolution.padding((3, at.number(2)));
        let series = x.reshape([1, -1, 1]);
        Some(series.conv1d(kernel.reshape([-1, 1, 1]), convolution).reshape([-1]).into())
    }),
    row("conv1d_transpose", Smooth, EXACT, |at| {
        let x = image(at)?;
        let (kernel, convolution) = moved(at, &x)?;
        let padding = [Padding::Same, Padding::Valid][at.number(2)];
        let series = x.reshape([1, -1, 1]);
        let convolution = convolution.padding(padding);
        Some(series.conv1d_transpose(kernel.reshape([-1, 1, 1]), convolution).reshape([-1]).into())
    }),
    row("max_pool2d", Kinked, EXACT, |at| {
        let x = image(at)?;
        let window = window(at).padding(Padding::Same);
        Some(x.max_pool2d(window).reshape([-1]).into())
    }),
    row("resize_nearest_neighbor", Smooth, EXACT, |at| {
        let size = [1 + at.number(4), 1 + at.number(4)];
        Some(image(at)?.resize_nearest_neighbor(size).reshape([-1]).into())
    }),
    row("resize_bilinear", Smooth, ROUNDED, |at| {
        let size = [1 + at.number(4), 1 + at.number(4)];
        Some(image(at)?.resize_bilinear(size).reshape([-1]).into())
    }),
    row("avg_pool2d", Smooth, ROUNDED, |at| {
        let x = image(at)?;
        let window = window(at).padding(Padding::Same);
        Some(x.avg_pool2d(window).reshape([-1]).into())
    }),
    // -- more products -----------------------------------------------------------------------------
    row("outer", Smooth, EXACT, |at| {
        let a = at.any::<f64>(|dims| dims.len() == 1)?;
        let b = at.any::<f64>(|dims| dims.len() == 1)?;
        Some(a.outer(b.tensor).into())
    }),
    row("dot", Smooth, EXACT, |at| {
        let a = at.any::<f64>(|dims| dims.len() == 1)?;
        let b = at.any::<f64>(|dims| dims == a.dims)?;
        Some(a.dot(b.tensor).into())
    }),
    row("einsum", Smooth, EXACT, |at| {
        // Operands, which of their axes must be equally long, and how they are multiplied.
        type Spec = (usize, usize, &'static [(usize, usize)], &'static str);
        const SPECS: [Spec; 13] = [
            (2, 2, &[(1, 0)], "ij,jk->ik"),
            (2, 2, &[(1, 1)], "ij,kj->ki"),
            (2, 2, &[(0, 0), (1, 1)], "ij,ij->i"),
            (2, 2, &[(0, 1), (1, 0)], "ij,ji"),
            (1, 2, &[(0, 1)], "a,ba->ba"),
            (3, 2, &[(2, 0)], "bij,jk->bik"),
            (3, 3, &[(0, 0), (2, 2)], "bij,bkj->bik"),
            (3, 3, &[(0, 0), (1, 1), (2, 2)], "abc,abc->cb"),
            (2, 1, &[], "ij,k->jki"),
            (2, 2, &[(1, 1)], "ij,kj->j"),
            (3, 2, &[(2, 0)], "...i,ik->k..."),
            (1, 2, &[(0, 1)], "...,...->..."),
            (2, 2, &[(0, 0), (1, 1)], "...i,...i"),
        ];
        let (rank_a, rank_b, equal, spec) = SPECS[at.number(SPECS.len())];
        let a = at.any::<f64>(|dims| dims.len() == rank_a)?;
        let b =
            at.any::<f64>(|dims| dims.len() == rank_b && equal.iter().all(|&(i, j)| a.dims[i] == dims[j]))?;
        Some(a.einsum(spec, b.tensor).into())
    }),
    row("einsum of several", Smooth, ROUNDED, |at| {
        let a = at.any::<f64>(|dims| dims.len() == 2)?;
        let b = at.any::<f64>(|dims| dims.len() == 1 && dims[0] == a.dims[1])?;
        let c = at.any::<f64>(|dims| dims.len() < 3 && dims.last().is_none_or(|last| *last == a.dims[0]))?;
        let spec = match c.rank() {
            0 => "ij,j,...->i...",
            1 => "ij,j,i->i",
            _ => "ij,j,ki->k",
        };
        Some(at.graph().einsum(spec, &[a.tensor, b.tensor, c.tensor]).into())
    }),
    row("einsum_unary", Smooth, EXACT, |at| {
        let x = at.any::<f64>(|dims| (1..=3).contains(&dims.len()))?;
        let specs: [&[&str]; 3] =
            [&["i->", "i->i"], &["ij->ji", "ij->j", "ij->"], &["ijk->kij", "i...->...", "ijk->ki"]];
        let is_square = x.rank() == 2 && x.dims[0] == x.dims[1];
        let specs = if is_square { &["ii->i", "ii"] } else { specs[x.rank() - 1] };
        Some(x.einsum_unary(specs[at.number(specs.len())]).into())
    }),
    // -- networks ----------------------------------------------------------------------------------
    row("softmax", Smooth, ROUNDED, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        Some(x.softmax(axis).into())
    }),
    row("log_softmax", Smooth, ROUNDED, |at| {
        let x = at.ranked(1)?;
        let (_, axis) = at.axis(x.rank())?;
        Some(x.log_softmax(axis).into())
    }),
    row("scaled_dot_product_attention", Smooth, ROUNDED, |at| {
        let (query, others) = (at.any::<f64>(|dims| dims.len() == 2)?, at.number(2));
        let how = Attention::new().scale(0.5);
        let how = if others == 0 { how } else { how.causal() };
        Some(query.scaled_dot_product_attention(query.tensor, query.sin(), how).into())
    }),
    row("masked_scaled_dot_product_attention", Kinked, ROUNDED, |at| {
        let x = at.any::<f64>(|dims| dims.len() == 2)?;
        let size = x.reduce_sum(-1);
        let mask = size.expand_dims(-1).greater(size.expand_dims(0));
        let how = Attention::new().scale(0.5);
        Some(x.masked_scaled_dot_product_attention(x.tensor, x.tensor, mask, how).into())
    }),
    row("sparse_softmax_cross_entropy", Smooth, ROUNDED, |at| {
        let x = at.ranked(1)?;
        let (classes, rows) = x.dims.split_last()?;
        let labels = at.indices(rows, *classes)?;
        Some(x.sparse_softmax_cross_entropy(labels).into())
    }),
    // -- losses ------------------------------------------------------------------------------------
    row("mean_squared_error", Smooth, ROUNDED, |at| {
        let (x, targets) = alike(at)?;
        Some(x.mean_squared_error(targets.tensor).into())
    }),
    row("huber", Kinked, ROUNDED, |at| {
        let (x, targets) = alike(at)?;
        Some(x.huber(targets.tensor, 1.0 + at.number(2) as f64).into())
    }),
    row("softmax_cross_entropy", Smooth, ROUNDED, |at| {
        let (x, labels) = alike(at).filter(|(x, _)| x.rank() > 0)?;
        Some(x.softmax_cross_entropy(labels.tensor).into())
    }),
    row("sigmoid_cross_entropy", Smooth, ROUNDED, |at| {
        let (x, labels) = alike(at)?;
        Some(x.sigmoid_cross_entropy(labels.tensor).into())
    }),
    row("hinge", Kinked, ROUNDED, |at| {
        let (x, targets) = alike(at)?;
        Some(x.hinge(targets.tensor).into())
    }),
    row("squared_hinge", Kinked, ROUNDED, |at| {
        let (x, targets) = alike(at)?;
        Some(x.squared_hinge(targets.tensor).into())
    }),
    row("kl_divergence", Smooth, ROUNDED, |at| {
        let (x, targets) = alike(at).filter(|(x, _)| x.rank() > 0)?;
        Some(x.sigmoid().kl_divergence(targets.sigmoid()).into())
    }),
    row("cosine_distance", Kinked, ROUNDED, |at| {
        let (x, targets) = alike(at).filter(|(x, _)| x.rank() > 0)?;
        // Near 0 the direction is that of rounding.
        Some(At::above(&x).cosine_distance(At::above(&targets).tensor).into())
    }),
    row("ctc_loss", Smooth, ROUNDED, |at| {
        let x = at.any::<f64>(|dims| matches!(dims, &[frames, classes] if frames > 0 && classes > 1))?;
        let (g, frames) = (x.graph(), x.dims[0] as i64);
        let [label, one, frames] =
            [1 + at.number(x.dims[1] - 1) as i64, 1, frames].map(|n| g.constant(arr1(&[n])));
        Some(x.expand_dims(1).ctc_loss(label.expand_dims(0), one, frames, 0).into())
    }),
    // -- variables ---------------------------------------------------------------------------------
    row("assign", Smooth, EXACT, |at| {
        Some(
            at.assigned(|variable, value| variable.assign(value), |value, variable| value == variable)?
                .into(),
        )
    }),
    row("assign_add", Smooth, EXACT, |at| {
        Some(at.assigned(|variable, value| variable.assign_add(value), stretches)?.into())
    }),
    row("assign_sub", Smooth, EXACT, |at| {
        Some(at.assigned(|variable, value| variable.assign_sub(value), stretches)?.into())
    }),
    // Its gradient by the variable is 1, whatever the assignment was.
    row("read after an assignment", Kinked, EXACT, |at| Some(at.read_after().into())),
    row("group", Smooth, EXACT, |at| {
        at.grouped();
        Some(at.float()?.identity().into())
    }),
    // -- derivatives, of means, which do not grow with the length ------------------------------------
    row("gradients", Smooth, ROUNDED, |at| {
        let y = at.differentiable(|_| true)?;
        let x = at.target()?;
        let (mean, given) = (y.reduce_mean(..), y.sin() / y.size().max(1) as f64);
        let found = match at.number(3) {
            0 => Gradients::of([mean]).wrt_or_zeros(&[x.tensor]),
            1 => Gradients::of([y.tensor]).grad_ys([given]).wrt_or_zeros(&[x.tensor]),
            _ => Gradients::of([mean * mean, mean + 1.0]).wrt_or_zeros(&[x.tensor]),
        };
        Some((*found.first()?).into())
    }),
    row("jvp", Smooth, ROUNDED, |at| {
        let y = at.differentiable(|_| true)?;
        let x = at.target()?;
        // A term of its own, so that there is a path.
        Some(jvp(*y + x.reduce_mean(..), &[x.tensor], &[x.cos()]).into())
    }),
    row("hessian_vector_product", Smooth, ROUNDED, |at| {
        let y = at.differentiable(|_| true)?;
        let x = at.target()?;
        let through = y.reduce_mean(..) * x.reduce_mean(..);
        Some((*hessian_vector_product(through, &[x.tensor], &[x.cos()]).first()?).into())
    }),
    row("jacobian", Smooth, ROUNDED, |at| {
        let y = at.differentiable(|dims| dims.iter().product::<usize>() <= 6)?;
        let x = at.target().filter(|x| x.size() <= 12)?;
        // How many parts it has must be known while building.
        let known: Vec<isize> = y.dims.iter().map(|&length| length as isize).collect();
        Some(jacobian(y.reshape(known) + x.reduce_mean(..), x.tensor).into())
    }),
    row("custom_gradient", Smooth, ROUNDED, |at| {
        let a = at.float()?;
        let b = at.any::<f64>(|dims| dims == a.dims)?;
        let product = custom_gradient(
            [a.tensor, b.tensor],
            |[a, b]| a * b.sin(),
            |at| [at.cotangent() * at.input(1).sin(), at.cotangent() * at.input(0) * at.input(1).cos()],
        );
        Some(product.into())
    }),
    row("custom_gradient of another function", Kinked, ROUNDED, |at| {
        let x = at.float()?;
        Some(custom_gradient([x.tensor], |[x]| x.sin(), |at| [at.cotangent() * 0.5]).into())
    }),
];

/// Whether a value stretches to the lengths of a variable.
fn stretches(value: &[usize], variable: &[usize]) -> bool {
    let fits = |(value, variable): (&usize, &usize)| value == variable || *value == 1;
    value.len() <= variable.len() && value.iter().rev().zip(variable.iter().rev()).all(fits)
}
