//! Factorizations with orthogonal matrices, of one matrix in row-major order.

use faer::diag::{DiagMut, DiagRef};
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use faer::linalg::evd::tridiag::tridiag_in_place;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd_scratch, tridiagonal_self_adjoint_evd};
use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj,
    apply_block_householder_sequence_transpose_on_the_left_in_place_scratch,
    apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj,
};
use faer::linalg::matmul::matmul;
use faer::linalg::matmul::triangular::{self, BlockStructure};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::linalg::svd::bidiag::{bidiag_in_place, bidiag_in_place_scratch};
use faer::linalg::svd::{ComputeSvdVectors, svd as faer_svd, svd_scratch};
use faer::prelude::{Reborrow, ReborrowMut};
use faer::{Accum, ColRef, Conj, MatMut, MatRef, Par, Spec};

use super::dense::{MULTIPLICATION, Real, SMALL, by_columns, column_blocks, memory, transpose, whole, zeros};
use super::error::LinalgError;
use super::{bidiagonal, small_eigh, small_qr, small_svd, tridiagonal};
use crate::ir::Workers;

/// Q with `columns` orthonormal columns, and behind it R with as many rows: the first ones, or all.
pub(super) fn qr<T: Real>(
    a: &[T],
    [m, n]: [usize; 2],
    columns: usize,
    packed: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let (q, r) = packed.split_at_mut(m * columns);
    let size = m.min(n);
    if size == 0 {
        q.fill(T::ZERO);
        r.fill(T::ZERO);
        q.iter_mut().step_by(columns + 1).for_each(|x| *x = T::ONE);
        return Ok(());
    }
    if m.max(n) <= SMALL {
        small_qr::qr(a, [m, n], columns, packed);
        return Ok(());
    }
    let mut factored = by_columns(a, m, n)?;
    let block = if size > SMALLEST_PANELS { PANEL } else { NARROWEST };
    let mut coefficients = zeros(block * size)?;
    let reflections = MatMut::from_column_major_slice_mut(&mut coefficients, block, size);
    let matrix = MatMut::from_column_major_slice_mut(&mut factored, m, n);
    if !factor_panels(matrix, reflections, workers)? {
        transpose(a, m, n, &mut factored);
        let needed = qr_in_place_scratch::<T>(m, n, block, Par::Seq, Spec::default());
        qr_in_place(
            MatMut::from_column_major_slice_mut(&mut factored, m, n),
            MatMut::from_column_major_slice_mut(&mut coefficients, block, size),
            Par::Seq,
            MemStack::new(&mut memory(needed)?),
            Spec::default(),
        );
    }
    let mut basis = zeros(m * columns)?;
    basis.iter_mut().step_by(m + 1).take(columns).for_each(|x| *x = T::ONE);
    apply(
        MatRef::from_column_major_slice(&factored, m, n).subcols(0, size),
        MatRef::from_column_major_slice(&coefficients, block, size),
        MatMut::from_column_major_slice_mut(&mut basis, m, columns),
        true,
        workers,
    )?;
    transpose(&basis, columns, m, q);
    write_triangle(&factored, [m, n], r);
    Ok(())
}

/// Writes the upper triangle of a matrix by columns row by row, some rows at a time, so that a column is read where it is.
fn write_triangle<T: Real>(matrix: &[T], [m, n]: [usize; 2], to: &mut [T]) {
    const ROWS: usize = 8;
    for (block, rows) in to.chunks_mut(ROWS * n).enumerate() {
        let first = block * ROWS;
        rows.fill(T::ZERO);
        for (j, column) in matrix.chunks_exact(m).enumerate().skip(first) {
            let end = m.min(j + 1);
            for (row, &x) in rows.chunks_exact_mut(n).zip(&column[first.min(end)..end]) {
                row[j] = x;
            }
        }
    }
}

/// Rows and columns up to which a matrix is factored as a whole: the panels of smaller ones are too narrow to share.
const SMALLEST_PANELS: usize = 96;

/// Columns of a panel, whose reflections are applied to what stands beside it at once.
const PANEL: usize = 32;

/// Columns of a matrix that is factored as a whole which are reflected at once.
const NARROWEST: usize = 16;

/// Columns of a panel that are factored one by one: no other thread shortens what that takes.
const STRIP: usize = 8;

/// Factors a large matrix panel by panel. Gives false for a small one, and if a column depends on those before it, for
/// which faer leaves out a reflection: then the matrix is to be factored as a whole.
fn factor_panels<T: Real>(
    mut matrix: MatMut<'_, T>,
    mut reflections: MatMut<'_, T>,
    workers: Workers<'_>,
) -> Result<bool, LinalgError> {
    let (m, n) = (matrix.nrows(), matrix.ncols());
    let size = reflections.ncols();
    if size <= SMALLEST_PANELS {
        return Ok(false);
    }
    let mut scratch = memory(qr_in_place_scratch::<T>(m, STRIP, STRIP, Par::Seq, Spec::default()))?;
    for first in (0..size).step_by(PANEL) {
        let width = PANEL.min(size - first);
        let mut reflections = reflections.rb_mut().submatrix_mut(0, first, width, width);
        let (mut panel, beside) = matrix.rb_mut().subcols_mut(first, n - first).split_at_col_mut(width);
        if !factor_panel(panel.rb_mut(), first, reflections.rb_mut(), &mut scratch)? {
            return Ok(false);
        }
        let (panel, reflections) = (panel.rb().subrows(first, m - first), reflections.rb());
        let beside = column_blocks(beside.subrows_mut(first, m - first), REFLECTED);
        let estimate = 2.0 * ((m - first) * width * (n - first - width)) as f64 * MULTIPLICATION;
        let blocks = beside.into_iter().map(|block| Ok((memory(reflect_scratch(panel, &block))?, block)));
        workers.each(blocks.collect::<Result<_, LinalgError>>()?, estimate, |(mut memory, block)| {
            reflect(panel, reflections, block, &mut memory);
        });
    }
    Ok(true)
}

/// Factors the columns of a panel below the first rows, strip by strip. Gives false if one depends on those before it.
fn factor_panel<T: Real>(
    mut panel: MatMut<'_, T>,
    first: usize,
    mut reflections: MatMut<'_, T>,
    scratch: &mut MemBuffer,
) -> Result<bool, LinalgError> {
    let (m, width) = (panel.nrows(), panel.ncols());
    for start in (0..width).step_by(STRIP) {
        let (row, count) = (first + start, STRIP.min(width - start));
        let mut own = reflections.rb_mut().submatrix_mut(start, start, count, count);
        let (mut strip, beside) = panel.rb_mut().subcols_mut(start, width - start).split_at_col_mut(count);
        let below = strip.rb_mut().subrows_mut(row, m - row);
        let found = qr_in_place(below, own.rb_mut(), Par::Seq, MemStack::new(scratch), Spec::default());
        if found.rank < count || (0..count).any(|j| is_dependent(strip.rb().col(j), row + j)) {
            return Ok(false);
        }
        let (strip, beside) = (strip.rb().subrows(row, m - row), beside.subrows_mut(row, m - row));
        let mut needed = memory(reflect_scratch(strip, &beside))?;
        reflect(strip, own.rb(), beside, &mut needed);
        // Beside the coefficients of strips stand the products of their reflections, of which the head of the later one
        // is a triangle with ones on its diagonal.
        let (before, own) = panel.rb().submatrix(row, 0, m - row, start + count).split_at_col(start);
        let ((head_before, before), (head, own)) = (before.split_at_row(count), own.split_at_row(count));
        let mut products = reflections.rb_mut().submatrix_mut(0, start, start, count);
        triangular::matmul(
            products.rb_mut(),
            BlockStructure::Rectangular,
            Accum::Replace,
            head_before.transpose(),
            BlockStructure::Rectangular,
            head,
            BlockStructure::UnitTriangularLower,
            T::ONE,
            Par::Seq,
        );
        matmul(products, Accum::Add, before.transpose(), own, T::ONE, Par::Seq);
    }
    Ok(true)
}

/// Columns that reflections are applied to at once, at least.
const REFLECTED: usize = 64;

/// Applies the reflections of a panel to columns beside it.
fn reflect<T: Real>(
    panel: MatRef<'_, T>,
    reflections: MatRef<'_, T>,
    beside: MatMut<'_, T>,
    memory: &mut MemBuffer,
) {
    apply_block_householder_sequence_transpose_on_the_left_in_place_with_conj(
        panel,
        reflections,
        Conj::No,
        beside,
        Par::Seq,
        MemStack::new(memory),
    );
}

/// The scratch memory of [`reflect`].
fn reflect_scratch<T: Real>(panel: MatRef<'_, T>, beside: &MatMut<'_, T>) -> StackReq {
    let (rows, width) = (panel.nrows(), panel.ncols());
    apply_block_householder_sequence_transpose_on_the_left_in_place_scratch::<T>(rows, width, beside.ncols())
}

/// Whether so little of a column is left for its place on the diagonal of R that faer counts it as depending on those
/// before it, which a panel by itself does not tell.
fn is_dependent<T: Real>(column: ColRef<'_, T>, diagonal: usize) -> bool {
    let norm = column.subrows(0, diagonal + 1).norm_l2();
    let rounding = T::EPSILON * whole::<T>(16 * (column.nrows() - diagonal));
    column[diagonal].magnitude() <= norm * rounding
}

/// Applies reflections to a matrix. The first columns of an identity have zeros where the last reflections begin, so these
/// are left out for them.
fn apply<T: Real>(
    basis: MatRef<'_, T>,
    reflections: MatRef<'_, T>,
    matrix: MatMut<'_, T>,
    is_identity: bool,
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let (rows, count) = (matrix.nrows(), reflections.ncols());
    let estimate = 2.0 * (rows * count * matrix.ncols()) as f64 * MULTIPLICATION;
    let mut blocks = Vec::new();
    let mut end = 0;
    for block in column_blocks(matrix, REFLECTED) {
        end += block.ncols();
        let needed = apply_block_householder_sequence_on_the_left_in_place_scratch::<T>(
            rows,
            reflections.nrows(),
            block.ncols(),
        );
        let count = if is_identity { count.min(end) } else { count };
        blocks.push((block, count, memory(needed)?));
    }
    workers.each(blocks, estimate, |(block, count, mut memory)| {
        apply_block_householder_sequence_on_the_left_in_place_with_conj(
            basis.subcols(0, count),
            reflections.subcols(0, count),
            Conj::No,
            block,
            Par::Seq,
            MemStack::new(&mut memory),
        );
    });
    Ok(())
}

/// The eigenvalues of a symmetric matrix, ascending, of which the lower triangle is read; and behind them the matrix whose
/// columns are eigenvectors, if there is room for it.
pub(super) fn eigh<T: Real>(
    a: &[T],
    n: usize,
    packed: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    if n <= SMALL {
        return small_eigh::eigh(a, n, packed);
    }
    let (values, vectors) = packed.split_at_mut(n);
    let wanted = !vectors.is_empty();
    // That of the whole is more than each step asks for.
    let needed = self_adjoint_evd_scratch::<T>(n, ComputeEigenvectors::No, Par::Seq, Spec::default());
    let mut memory = memory(needed)?;
    let mut columns = by_columns(a, n, n)?;
    let block = recommended_block_size::<T>(n, n);
    let mut coefficients = zeros(block * (n - 1))?;
    tridiag_in_place(
        MatMut::from_column_major_slice_mut(&mut columns, n, n),
        MatMut::from_column_major_slice_mut(&mut coefficients, block, n - 1),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    );
    values.iter_mut().zip(columns.iter().step_by(n + 1)).for_each(|(to, &x)| *to = x);
    let mut beside: Vec<T> = columns.iter().skip(1).step_by(n + 1).copied().collect();
    if !wanted {
        let diagonal = values.to_vec();
        beside.resize(n, T::ZERO);
        return tridiagonal_self_adjoint_evd(
            DiagRef::from_slice(&diagonal),
            DiagRef::from_slice(&beside),
            DiagMut::from_slice_mut(values),
            None,
            Par::Seq,
            MemStack::new(&mut memory),
            Spec::default(),
        )
        .map_err(|_| LinalgError::NoConvergence);
    }
    let mut basis = zeros(n * n)?;
    tridiagonal::eigh(values, &beside, MatMut::from_column_major_slice_mut(&mut basis, n, n), workers)?;
    apply(
        MatRef::from_column_major_slice(&columns, n, n).submatrix(1, 0, n - 1, n - 1),
        MatRef::from_column_major_slice(&coefficients, block, n - 1),
        MatMut::from_column_major_slice_mut(&mut basis, n, n).subrows_mut(1, n - 1),
        false,
        workers,
    )?;
    transpose(&basis, n, n, vectors);
    Ok(())
}

/// How much of a singular value decomposition is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vectors {
    /// Singular values alone.
    None,
    /// As many singular vectors as there are values.
    Thin,
    /// All, which are bases of the whole spaces.
    Full,
}

impl Vectors {
    /// The columns of U and the rows of Vᵀ.
    pub(super) fn counts(self, [m, n]: [usize; 2]) -> [usize; 2] {
        match self {
            Vectors::None => [0, 0],
            Vectors::Thin => [m.min(n); 2],
            Vectors::Full => [m, n],
        }
    }
}

/// How many times as long as it is wide a matrix may be to be made bidiagonal as it is; longer ones are factored first.
const LONGEST: f64 = 1.8;

/// The singular values, descending, and behind them U and Vᵀ as far as they are wanted.
pub(super) fn svd<T: Real>(
    a: &[T],
    [m, n]: [usize; 2],
    vectors: Vectors,
    packed: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    if m.min(n) > 0 && m.max(n) <= small_svd::FASTEST {
        return small_svd::svd(a, [m, n], vectors, packed);
    }
    let is_long = m.max(n) as f64 > LONGEST * m.min(n) as f64;
    if vectors != Vectors::None && m.min(n) > SMALL && !is_long {
        return svd_by_halves(a, [m, n], vectors, packed, workers);
    }
    let [left, right] = vectors.counts([m, n]);
    let (values, rest) = packed.split_at_mut(m.min(n));
    let (u, vt) = rest.split_at_mut(m * left);
    if m.min(n) == 0 {
        u.fill(T::ZERO);
        vt.fill(T::ZERO);
        u.iter_mut().step_by(left + 1).for_each(|x| *x = T::ONE);
        vt.iter_mut().step_by(n + 1).for_each(|x| *x = T::ONE);
        return Ok(());
    }
    let compute = match vectors {
        Vectors::None => ComputeSvdVectors::No,
        Vectors::Thin => ComputeSvdVectors::Thin,
        Vectors::Full => ComputeSvdVectors::Full,
    };
    let mut memory = memory(svd_scratch::<T>(m, n, compute, compute, Par::Seq, Spec::default()))?;
    let columns = by_columns(a, m, n)?;
    let wanted = vectors != Vectors::None;
    let (mut basis, mut other) = (zeros(m * left)?, zeros(n * right)?);
    faer_svd(
        MatRef::from_column_major_slice(&columns, m, n),
        DiagMut::from_slice_mut(values),
        wanted.then(|| MatMut::from_column_major_slice_mut(&mut basis, m, left)),
        wanted.then(|| MatMut::from_column_major_slice_mut(&mut other, n, right)),
        Par::Seq,
        MemStack::new(&mut memory),
        Spec::default(),
    )
    .map_err(|_| LinalgError::NoConvergence)?;
    transpose(&basis, left, m, u);
    // V by columns is Vᵀ by rows.
    vt.copy_from_slice(&other);
    Ok(())
}

/// The same, of the bidiagonal matrix that reflections make of one that is not much longer than wide.
fn svd_by_halves<T: Real>(
    a: &[T],
    [m, n]: [usize; 2],
    vectors: Vectors,
    packed: &mut [T],
    workers: Workers<'_>,
) -> Result<(), LinalgError> {
    let [left, right] = vectors.counts([m, n]);
    let (values, packed) = packed.split_at_mut(m.min(n));
    let (u, vt) = packed.split_at_mut(m * left);
    // A wide matrix is transposed, which its rows are already if they count as columns.
    let is_wide = m < n;
    let (rows, columns, count) = if is_wide { (n, m, right) } else { (m, n, left) };
    let mut factored = if is_wide { zeros(m * n)? } else { by_columns(a, m, n)? };
    if is_wide {
        factored.copy_from_slice(a);
    }
    let mut matrix = MatMut::from_column_major_slice_mut(&mut factored, rows, columns);
    let block = recommended_block_size::<T>(rows, columns);
    let (mut of_left, mut of_right) = (zeros(block * columns)?, zeros(block * (columns - 1))?);
    bidiag_in_place(
        matrix.rb_mut(),
        MatMut::from_column_major_slice_mut(&mut of_left, block, columns),
        MatMut::from_column_major_slice_mut(&mut of_right, block, columns - 1),
        Par::Seq,
        MemStack::new(&mut memory(bidiag_in_place_scratch::<T>(rows, columns, Par::Seq, Spec::default()))?),
        Spec::default(),
    );
    for (i, value) in values.iter_mut().enumerate() {
        *value = matrix[(i, i)];
    }
    let beside: Vec<T> = (1..columns).map(|j| matrix[(j - 1, j)]).collect();
    let (mut long, mut short) = (zeros(rows * count)?, zeros(columns * columns)?);
    long.iter_mut().step_by(rows + 1).skip(columns).for_each(|x| *x = T::ONE);
    let mut long_basis = MatMut::from_column_major_slice_mut(&mut long, rows, count);
    let mut short_basis = MatMut::from_column_major_slice_mut(&mut short, columns, columns);
    // The transposed matrix has the elements below the diagonal.
    let bases = [short_basis.rb_mut(), long_basis.rb_mut().submatrix_mut(0, 0, columns, columns)];
    bidiagonal::svd(values, &beside, bases, workers)?;
    let reflections = MatRef::from_column_major_slice(&of_left, block, columns);
    apply(matrix.rb(), reflections, long_basis, false, workers)?;
    for j in 1..columns {
        for i in 0..j {
            matrix[(j, i)] = matrix[(i, j)];
        }
    }
    apply(
        matrix.rb().submatrix(1, 0, columns - 1, columns - 1),
        MatRef::from_column_major_slice(&of_right, block, columns - 1),
        short_basis.subrows_mut(1, columns - 1),
        false,
        workers,
    )?;
    // A matrix by columns is its transpose by rows.
    let (of_u, of_vt) = if is_wide { (&short, &long) } else { (&long, &short) };
    transpose(of_u, left, m, u);
    vt.copy_from_slice(of_vt);
    Ok(())
}
