//! [`Special`]: elementwise functions that are computed number by number, and not of vectors of them: those of
//! `kernel/special`. A [`Row`] has the function and its slopes, which are functions of the same kind.
//!
//! All is computed in `f64`; in `f32` the result is rounded once.

use crate::element::{ArrayMut, ArrayRef, DType, Numeric};
use crate::error::Fault;
use crate::gradient::{GradientFault, Pullback};
use crate::graph::op::{Attributes, Op};
use crate::graph::{AnyTensor, Float};
use crate::ir::{Dims, Kernel, KernelError, Kind, Lowering, Val, broadcast_dims, size};
use crate::shape::TensorType;

/// How often a function is differentiated by each of its parameters, where its derivatives are not other functions.
pub(super) type Orders = [u32; 2];

/// The slope by one of the operands, given the operands and the output.
type Slope<const N: usize> = for<'g> fn(usize, Orders, [AnyTensor<'g>; N], AnyTensor<'g>) -> AnyTensor<'g>;

/// A function of so many numbers.
#[derive(Debug)]
pub(super) struct Row<const N: usize> {
    pub(super) name: &'static str,
    /// The attributes that have the orders.
    pub(super) orders: &'static [&'static str],
    /// The highest order of each, and of both together.
    pub(super) most: (Orders, u32),
    /// The function that errors name: the one that users call.
    pub(super) of: &'static str,
    pub(super) function: fn(Orders, [f64; N]) -> f64,
    pub(super) slope: Slope<N>,
    /// How many nanoseconds a number takes, about: by that work is shared among threads.
    pub(super) nanoseconds: f64,
}

/// What most functions take, which are a series or two.
pub(super) const SERIES: f64 = 30.0;

/// What those take that are integrals, or sums of many terms.
pub(super) const INTEGRAL: f64 = 1_000.0;

impl<const N: usize> Row<N> {
    /// A function without orders.
    pub(super) const fn plain(
        name: &'static str,
        function: fn(Orders, [f64; N]) -> f64,
        slope: Slope<N>,
    ) -> Self {
        Row { name, orders: &[], most: ([0; 2], 0), of: name, function, slope, nanoseconds: SERIES }
    }

    /// One that takes so long.
    pub(super) const fn taking(self, nanoseconds: f64) -> Self {
        Row { nanoseconds, ..self }
    }

    /// Its node.
    #[track_caller]
    pub(super) fn of<'g>(&'static self, orders: Orders, operands: [AnyTensor<'g>; N]) -> AnyTensor<'g> {
        let graph = operands[0].graph();
        match self.op(orders) {
            Ok(op) => graph.apply(op, &operands),
            Err(fault) => graph.invalid_any(self.of, fault),
        }
    }

    /// Its op, for files of graphs.
    pub(super) fn op(&'static self, orders: Orders) -> Result<Special<N>, Fault> {
        let ([first, second], together) = self.most;
        if orders[0] <= first && orders[1] <= second && orders[0].saturating_add(orders[1]) <= together {
            return Ok(Special { row: self, orders });
        }
        let limits =
            [(first, orders[0]), (second, orders[1]), (together, orders[0].saturating_add(orders[1]))];
        let exceeded = limits.into_iter().find(|(most, order)| order > most);
        let (most, order) = exceeded.map_or((0, 0), |(most, order)| (most as usize, order as usize));
        Err(Fault::op(GradientFault::TooHigh { op: self.of, most, order }))
    }
}

/// Orders that are given by name.
pub(super) fn orders(given: [usize; 2]) -> Orders {
    given.map(|order| u32::try_from(order).unwrap_or(u32::MAX / 2).min(u32::MAX / 2))
}

/// Such a function as an op.
#[derive(Debug)]
pub(super) struct Special<const N: usize> {
    row: &'static Row<N>,
    orders: Orders,
}

impl<const N: usize> Op for Special<N> {
    fn name(&self) -> &'static str {
        self.row.name
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        if !Kind::Float.has(inputs[0].dtype) {
            return Err(Fault::ElementKind { expected: Kind::Float.name(), found: inputs[0].dtype });
        }
        let together = |whole: TensorType, input: &&TensorType| whole.together(input);
        inputs[1..].iter().try_fold(inputs[0].clone(), together)
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dtype = to.dtype(inputs[0]);
        let whole = inputs.iter().fold(Dims::new(), |dims, &input| broadcast_dims(&dims, to.dims(input)));
        let kernel = Each { row: self.row, orders: self.orders };
        if inputs.iter().any(|&input| to.dims(input) != &*whole) {
            let inputs: Vec<Val> = inputs.iter().map(|&input| to.broadcast(input, &whole)).collect();
            return to.kernel(kernel, &inputs, dtype, &whole);
        }
        // As one row, which can be cut anywhere.
        let length = size(&whole);
        let inputs: Vec<Val> = inputs.iter().map(|&input| to.reshape(input, [length])).collect();
        let row = to.kernel(kernel, &inputs, dtype, [length]);
        to.reshape(row, whole)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let (operands, output) = (std::array::from_fn(|index| at.input(index)), at.output());
        for input in 0..N {
            at.scale(input, || (self.row.slope)(input, self.orders, operands, output));
        }
    }

    fn attributes(&self) -> Attributes {
        let orders = self.row.orders.iter().zip(self.orders);
        orders.fold(Attributes::new(), |attributes, (&name, order)| attributes.with(name, order as usize))
    }
}

/// The function, for each element.
#[derive(Debug)]
struct Each<const N: usize> {
    row: &'static Row<N>,
    orders: Orders,
}

impl<const N: usize> Each<N> {
    fn fill<T: Float>(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let mut output = output.into_view::<T>()?;
        let views = inputs.iter().map(ArrayRef::view::<T>).collect::<Result<Vec<_>, _>>()?;
        let mut elements: Vec<_> = views.iter().map(|view| view.iter()).collect();
        for to in &mut output {
            // All have as many elements.
            let operands =
                std::array::from_fn(|operand| elements[operand].next().map_or(f64::NAN, |x| x.as_f64()));
            *to = <T as Numeric>::from_f64((self.row.function)(self.orders, operands));
        }
        Ok(())
    }
}

impl<const N: usize> Kernel for Each<N> {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        match inputs[0].dtype() {
            DType::F32 => self.fill::<f32>(inputs, output),
            _ => self.fill::<f64>(inputs, output),
        }
    }

    fn is_batched(&self) -> bool {
        true
    }

    fn nanoseconds(&self, _: &[&[usize]], output: &[usize]) -> Option<f64> {
        Some(size(output) as f64 * self.row.nanoseconds)
    }
}
