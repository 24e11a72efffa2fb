//! Every kernel on every instruction set that the machine has, against a triple loop.

use proptest::prelude::*;

use super::choice::Family;
use super::{GemmKernel, Product, Split, Strides};
use crate::element::DType;
use crate::kernel::isa::Isa;
use crate::kernel::number::Number;
use crate::kernel::tile::Args;

/// What lies in c before a product, and must still lie between its rows after it.
const UNTOUCHED: f64 = -77.0;

fn isas() -> Vec<Isa> {
    let mut isas = vec![Isa::Baseline];
    #[cfg(target_arch = "x86_64")]
    match Isa::detected() {
        Isa::Avx512 => isas.extend([Isa::Avx2, Isa::Avx512]),
        Isa::Avx2 => isas.push(Isa::Avx2),
        Isa::Baseline => {}
    }
    isas
}

trait Sample: Number + Into<f64> {
    /// Relative error of a sum, as a part of the sum of the absolute products.
    const ERROR: f64;
    fn of(number: f64) -> Self;
}

impl Sample for f32 {
    const ERROR: f64 = 4e-6;
    fn of(number: f64) -> Self {
        number as f32
    }
}

impl Sample for f64 {
    const ERROR: f64 = 1e-14;
    fn of(number: f64) -> Self {
        number
    }
}

impl Sample for i32 {
    const ERROR: f64 = 0.0;
    fn of(number: f64) -> Self {
        (number * 100.0) as i32
    }
}

/// 64-byte aligned scratch memory of exactly the size that is asked for, at its end a mark.
fn with_scratch(bytes: usize, run: impl FnOnce(*mut u8)) {
    let mut memory = vec![0x5a_u8; bytes + 128];
    let start = memory.as_ptr().align_offset(64);
    run(memory[start..].as_mut_ptr());
    assert!(memory[start + bytes..].iter().all(|&byte| byte == 0x5a), "scratch memory overrun");
}

/// The order of a matrix in memory.
#[derive(Clone, Copy, Debug)]
enum Order {
    Rows,
    Columns,
    /// Rows with a gap behind each.
    WideRows,
    /// Every second row of every third column.
    Doubly,
}

const ORDERS: [Order; 4] = [Order::Rows, Order::Columns, Order::WideRows, Order::Doubly];

impl Order {
    fn strides(self, rows: usize, columns: usize) -> Strides {
        match self {
            Order::Rows => Strides { row: columns, column: 1 },
            Order::Columns => Strides { row: 1, column: rows },
            Order::WideRows => Strides { row: columns + 5, column: 1 },
            Order::Doubly => Strides { row: 2, column: 2 * rows + 3 },
        }
    }
}

fn samples<T: Sample>(rows: usize, columns: usize, strides: Strides, seed: f64) -> Vec<T> {
    let count =
        if rows * columns == 0 { 0 } else { (rows - 1) * strides.row + (columns - 1) * strides.column + 1 };
    (0..count).map(|i| T::of((i as f64 * 0.618_033_988_749_895 + seed).fract() * 2.0 - 1.0)).collect()
}

struct Case<T> {
    product: Product,
    a: Vec<T>,
    b: Vec<T>,
}

impl<T: Sample> Case<T> {
    fn new([m, k, n]: [usize; 3], a: Order, b: Order, gap: usize) -> Self {
        let (a, b) = (a.strides(m, k), b.strides(k, n));
        let product = Product { dtype: T::DTYPE, m, k, n, a, b, c_row: n + gap };
        Case { product, a: samples(m, k, a, 0.1), b: samples(k, n, b, 0.7) }
    }

    /// c, computed in panels.
    fn run(&self, kernel: GemmKernel, split: Split) -> Vec<T> {
        let Product { m, n, a, b, c_row, .. } = self.product;
        let mut c = vec![T::of(UNTOUCHED); m * c_row];
        with_scratch(self.product.scratch_bytes(kernel), |scratch| {
            for i in (0..m).step_by(split.rows) {
                for j in (0..n).step_by(split.columns) {
                    let panel =
                        Product { m: split.rows.min(m - i), n: split.columns.min(n - j), ..self.product };
                    assert!(panel.scratch_bytes(kernel) <= self.product.scratch_bytes(kernel));
                    // SAFETY: the panel lies within the matrices, which were made for these strides; the
                    // scratch memory is as large as the product asks for, and `isas` gives what there is.
                    unsafe {
                        panel.run(
                            kernel,
                            self.a.as_ptr().wrapping_add(i * a.row).cast(),
                            self.b.as_ptr().wrapping_add(j * b.column).cast(),
                            c.as_mut_ptr().add(i * c_row + j).cast(),
                            scratch,
                        );
                    }
                }
            }
        });
        c
    }

    fn whole(&self) -> Split {
        Split { rows: self.product.m.max(1), columns: self.product.n.max(1) }
    }

    /// Checks a result against sums in `f64`, and that nothing was written beside it.
    fn check(&self, c: &[T], what: &str) {
        let Product { m, k, n, a, b, c_row, .. } = self.product;
        for i in 0..m {
            for j in 0..n {
                let (mut sum, mut size) = (0.0, 1e-30);
                for p in 0..k {
                    let x: f64 = self.a[i * a.row + p * a.column].into();
                    let y: f64 = self.b[p * b.row + j * b.column].into();
                    sum += x * y;
                    size += (x * y).abs();
                }
                let got: f64 = c[i * c_row + j].into();
                assert!((got - sum).abs() <= T::ERROR * size, "{what}: c[{i}, {j}] = {got}, not {sum}");
            }
            assert!(c[i * c_row + n..(i + 1) * c_row].iter().all(|&x| x.into() == T::of(UNTOUCHED).into()));
        }
    }
}

/// Runs a product whole and in panels, with the kernel that is chosen and with all that could be.
fn check<T: Sample>(lengths: [usize; 3], a: Order, b: Order, gap: usize, split: Split) {
    let case = Case::<T>::new(lengths, a, b, gap);
    for isa in isas() {
        let chosen = case.product.kernel(isa);
        let mut families = vec![chosen.family];
        if T::DTYPE.is_float() {
            families.extend([
                Family::Library,
                Family::Chain { swapped: false },
                Family::Chain { swapped: true },
            ]);
            if case.product.a.column == 1 {
                families.push(Family::Dots { swapped: false, single: lengths[2] == 1 });
            }
            if case.product.b.row == 1 {
                families.push(Family::Dots { swapped: true, single: lengths[0] == 1 });
            }
        }
        for family in families {
            let kernel = GemmKernel { isa, family };
            let what = format!("{kernel:?} {:?}", case.product);
            let whole = case.run(kernel, case.whole());
            case.check(&whole, &what);
            for split in [split, case.product.split(kernel)] {
                let panels = case.run(kernel, split);
                assert!(whole.iter().zip(&panels).all(|(x, y)| bits(*x) == bits(*y)), "{split:?}: {what}");
            }
        }
    }
}

fn bits<T: Sample>(x: T) -> u64 {
    Into::<f64>::into(x).to_bits()
}

#[test]
fn remainders_of_all_blocks() {
    for m in [1, 2, 3, 6, 7, 13, 14, 15, 29] {
        for n in [1, 2, 5, 8, 9, 16, 17, 31, 33, 65] {
            for k in [1, 2, 4, 9, 19] {
                check::<f32>([m, k, n], Order::Rows, Order::Rows, 3, Split { rows: 4, columns: 10 });
                check::<f64>([m, k, n], Order::Rows, Order::Columns, 0, Split { rows: 5, columns: 7 });
            }
        }
    }
}

#[test]
fn lengths_beyond_the_blocks() {
    let split = Split { rows: 50, columns: 70 };
    for (a, b) in [(Order::Rows, Order::Rows), (Order::Columns, Order::Columns)] {
        check::<f32>([100, 260, 140], a, b, 1, split);
        check::<f64>([90, 513, 131], a, b, 0, split);
        check::<f32>([3, 300, 1100], a, b, 0, split);
        check::<f32>([1, 257, 1030], a, b, 0, split);
        check::<f64>([1030, 257, 1], a, b, 2, split);
        check::<f32>([9, 4099, 3], a, b, 2, split);
        check::<f64>([5, 4200, 1], a, b, 0, split);
        check::<f64>([150, 3, 200], a, b, 0, split);
    }
}

#[test]
fn sums_over_nothing_are_zero_and_empty_products_do_nothing() {
    for [m, k, n] in [[3, 0, 5], [0, 4, 5], [3, 4, 0], [0, 0, 0], [1, 0, 1]] {
        check::<f32>([m, k, n], Order::Rows, Order::Rows, 2, Split { rows: 2, columns: 2 });
        check::<f64>([m, k, n], Order::Rows, Order::Rows, 0, Split { rows: 2, columns: 2 });
        check::<i32>([m, k, n], Order::Rows, Order::Rows, 1, Split { rows: 2, columns: 2 });
    }
}

#[test]
fn zeros_times_infinity_and_nan_are_nan() {
    for [m, k, n] in [[3, 40, 2], [20, 30, 40], [1, 20, 70], [70, 20, 1], [9, 3, 40], [5, 3, 1]] {
        let mut case = Case::<f32>::new([m, k, n], Order::Rows, Order::Rows, 0);
        case.a.fill(0.0);
        case.b.fill(1.0);
        case.b[(k - 1) * n] = f32::INFINITY;
        for isa in isas() {
            let c = case.run(case.product.kernel(isa), case.whole());
            for (i, x) in c.iter().enumerate() {
                assert_eq!(x.is_nan(), i % n == 0, "{isa:?} {:?} {i}", case.product);
            }
        }
    }
}

#[test]
fn integers_wrap() {
    let product = Product { dtype: DType::I64, m: 1, k: 2, n: 1, a: unit(2), b: unit(1), c_row: 1 };
    let (a, b, mut c) = ([i64::MAX, 1], [2_i64, 3], [0_i64]);
    let kernel = product.kernel(Isa::Baseline);
    assert_eq!(product.scratch_bytes(kernel), 0);
    // SAFETY: the arrays are as long as the product says, which asks for no scratch memory.
    unsafe {
        product.run(
            kernel,
            a.as_ptr().cast(),
            b.as_ptr().cast(),
            c.as_mut_ptr().cast(),
            std::ptr::null_mut(),
        );
    }
    assert_eq!(c, [1]);
}

fn unit(row: usize) -> Strides {
    Strides { row, column: 1 }
}

#[test]
fn splits_cover_and_large_products_have_several_panels() {
    for isa in isas() {
        for lengths in [[512, 512, 512], [8, 2048, 4096], [4096, 2048, 8], [1, 4000, 4000], [4000, 4000, 1]] {
            let [m, k, n] = lengths;
            let product = Product { dtype: DType::F32, m, k, n, a: unit(k), b: unit(n), c_row: n };
            let kernel = product.kernel(isa);
            let split = product.split(kernel);
            let panels = m.div_ceil(split.rows) * n.div_ceil(split.columns);
            assert!((6..=32).contains(&panels), "{isa:?} {lengths:?}: {panels} panels of {split:?}");
            assert!(product.scratch_bytes(kernel) <= 1 << 21);
        }
        let small = Product { dtype: DType::F32, m: 30, k: 30, n: 30, a: unit(30), b: unit(30), c_row: 30 };
        assert_eq!(small.split(small.kernel(isa)), Split { rows: 30, columns: 30 });
    }
}

/// Elements with a mark behind them.
fn marked<T: Sample>(mut elements: Vec<T>) -> Vec<T> {
    elements.extend([T::of(UNTOUCHED); 20]);
    elements
}

/// Checks the products of a tile, of which the accumulated one begins with what is there.
fn check_rows<T: Sample>(rows: usize, inner: usize, width: usize) {
    let [a, b, small] = [(rows, inner, 0.1), (rows, width, 0.7), (inner, width, 0.4)]
        .map(|(rows, columns, seed)| samples::<T>(rows, columns, unit(columns), seed));
    let cases = [(Factor::Rows, &small, rows * width), (Factor::Transposed, &b, inner * width)];
    for (factor, second, count) in cases {
        let before = samples::<T>(count, 1, unit(1), 0.2);
        for isa in isas() {
            let kernel = match factor {
                Factor::Rows => super::project(inner, width, T::DTYPE, isa),
                Factor::Transposed => super::accumulate(inner, width, T::DTYPE, isa),
            };
            let mut c = marked(before.clone());
            let args = Args {
                dst: c.as_mut_ptr().cast(),
                a: a.as_ptr().cast(),
                b: second.as_ptr().cast(),
                c: std::ptr::null(),
                rows,
                width,
                inner,
                stride: 0,
                first_row: 0,
                strided: std::ptr::null(),
                fault: std::cell::Cell::new(false),
            };
            // SAFETY: the arrays are as long as the lengths say, and `isas` gives what there is.
            unsafe { kernel.unwrap()(&args) };
            let k = if factor == Factor::Rows { inner } else { rows };
            for (index, before) in before.iter().enumerate() {
                let (i, j) = (index / width, index % width);
                let of_a =
                    |p: usize| if factor == Factor::Rows { a[i * inner + p] } else { a[p * inner + i] };
                let products =
                    (0..k).map(|p| Into::<f64>::into(of_a(p)) * Into::<f64>::into(second[p * width + j]));
                let start = if factor == Factor::Rows { 0.0 } else { (*before).into() };
                let (sum, size) =
                    products.fold((start, start.abs()), |(sum, size), x| (sum + x, size + x.abs()));
                let got: f64 = c[index].into();
                let what = format!("{isa:?} {factor:?} {rows} rows of {inner} and {width}: c[{i}, {j}]");
                assert!((got - sum).abs() <= T::ERROR * size, "{what} = {got}, not {sum}");
            }
            assert!(
                c[count..].iter().all(|&x| x.into() == UNTOUCHED),
                "{isa:?} {factor:?} {rows} {inner} {width}"
            );
        }
    }
}

/// How a tile is multiplied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Factor {
    Rows,
    Transposed,
}

#[test]
fn tiles_of_all_lengths() {
    for rows in [1, 2, 4, 5, 14, 31, 300] {
        for inner in [0, 1, 2, 3, 4, 5, 8, 9, 13, 16, 17, 33, 64] {
            for width in [0, 1, 2, 3, 4, 5, 8, 9, 16, 17, 40] {
                check_rows::<f32>(rows, inner, width);
                check_rows::<f64>(rows, inner, width);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_shape_order_and_split(
        m in 0_usize..60, k in 0_usize..80, n in 0_usize..90, gap in 0_usize..4,
        a in prop::sample::select(&ORDERS[..]), b in prop::sample::select(&ORDERS[..]),
        rows in 1_usize..40, columns in 1_usize..60,
    ) {
        let split = Split { rows, columns };
        check::<f32>([m, k, n], a, b, gap, split);
        check::<f64>([m, k, n], a, b, gap, split);
        check::<i32>([m, k, n], a, b, gap, split);
    }
}
