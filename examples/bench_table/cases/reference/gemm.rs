//! Matrix products by matrixmultiply, which uses one thread a call, split by hand over two.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use flowgrad::ndarray::{Array2, ArrayView2, s};

use super::halves::How;

/// Rows and columns of matrixmultiply's widest kernel: parts of multiples of it leave no remainder.
const KERNEL: usize = 16;

/// How a product is cut in two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    Whole,
    Rows(How),
    Columns(How),
}

impl Cut {
    const ALL: [Cut; 5] = [
        Cut::Whole,
        Cut::Rows(How::Join),
        Cut::Rows(How::Worker),
        Cut::Columns(How::Join),
        Cut::Columns(How::Worker),
    ];

    fn name(self) -> String {
        match self {
            Cut::Whole => "one thread".to_owned(),
            Cut::Rows(how) => format!("rows, {}", how.name()),
            Cut::Columns(how) => format!("columns, {}", how.name()),
        }
    }
}

/// A product that can be run again and again, and its result by parts.
pub(crate) struct Candidate {
    pub(crate) name: String,
    pub(crate) run: Box<dyn FnMut()>,
    parts: Vec<Arc<Mutex<Part>>>,
}

impl Candidate {
    /// The product as it was computed last.
    pub(crate) fn result(&self, m: usize, n: usize) -> Array2<f32> {
        let mut result = Array2::zeros((m, n));
        for part in &self.parts {
            let part = part.lock().unwrap_or_else(PoisonError::into_inner);
            result.slice_mut(s![part.rows.clone(), part.columns.clone()]).assign(&part.c);
        }
        result
    }
}

/// Every way to compute `a·b`: whole or cut in two, as it stands and as `(bᵀ·aᵀ)ᵀ`.
///
/// The operands may be transposed views: strides cost nothing.
pub(crate) fn candidates(a: ArrayView2<'_, f32>, b: ArrayView2<'_, f32>) -> Vec<Candidate> {
    let (m, n) = (a.nrows(), b.ncols());
    // An owned copy of a transposed view keeps its order in memory.
    let (a, b) = (Arc::new(a.to_owned()), Arc::new(b.to_owned()));
    let mut candidates = Vec::new();
    for cut in Cut::ALL {
        for transposed in [false, true] {
            let parts = match cut {
                Cut::Whole => vec![(0..m, 0..n)],
                Cut::Rows(_) => halves(m).map(|rows| (rows, 0..n)).to_vec(),
                Cut::Columns(_) => halves(n).map(|columns| (0..m, columns)).to_vec(),
            };
            if parts.iter().any(|(rows, columns)| rows.is_empty() || columns.is_empty()) {
                continue;
            }
            let parts: Vec<_> = parts
                .into_iter()
                .map(|(rows, columns)| {
                    let c = Array2::zeros((rows.len(), columns.len()));
                    let (a, b) = (Arc::clone(&a), Arc::clone(&b));
                    Arc::new(Mutex::new(Part { a, b, rows, columns, c, transposed }))
                })
                .collect();
            let order = if transposed { ", transposed" } else { "" };
            candidates.push(Candidate { name: cut.name() + order, run: runner(cut, &parts), parts });
        }
    }
    candidates
}

fn runner(cut: Cut, parts: &[Arc<Mutex<Part>>]) -> Box<dyn FnMut()> {
    let part = |index: usize| {
        let part: Arc<Mutex<Part>> = Arc::clone(&parts[index]);
        move |()| part.lock().unwrap_or_else(PoisonError::into_inner).run()
    };
    match cut {
        Cut::Whole => {
            let whole = part(0);
            Box::new(move || whole(()))
        }
        Cut::Rows(how) | Cut::Columns(how) => {
            let mut both = how.both(part(0), part(1));
            Box::new(move || {
                both(());
            })
        }
    }
}

/// Two parts of `0..length`, the first a multiple of the kernel.
fn halves(length: usize) -> [Range<usize>; 2] {
    let middle = (length / 2).next_multiple_of(KERNEL).min(length);
    [0..middle, middle..length]
}

/// A block of the result and what it is computed from.
struct Part {
    a: Arc<Array2<f32>>,
    b: Arc<Array2<f32>>,
    rows: Range<usize>,
    columns: Range<usize>,
    c: Array2<f32>,
    transposed: bool,
}

impl Part {
    fn run(&mut self) {
        let a = self.a.slice(s![self.rows.clone(), ..]);
        let b = self.b.slice(s![.., self.columns.clone()]);
        let ((m, k), n) = (a.dim(), b.ncols());
        let (&[ra, ca], &[rb, cb], &[rc, cc]) = (a.strides(), b.strides(), self.c.strides()) else { return };
        let (a, b, c) = (a.as_ptr(), b.as_ptr(), self.c.as_mut_ptr());
        // SAFETY: the views' own lengths and strides, or those of their transposes; nobody else has `c`.
        unsafe {
            if self.transposed {
                matrixmultiply::sgemm(n, k, m, 1.0, b, cb, rb, a, ca, ra, 0.0, c, cc, rc);
            } else {
                matrixmultiply::sgemm(m, k, n, 1.0, a, ra, ca, b, rb, cb, 0.0, c, rc, cc);
            }
        }
    }
}
