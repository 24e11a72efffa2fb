//! [`Lowering`]: what an op emits its computation through.

use std::sync::Arc;

use ndarray::{ArrayD, IxDyn};

use super::iota::counted;
use super::{
    Args, AxisSlice, Callee, Computation, Dims, Inst, Kernel, Names, NodeId, Prim, Program, Reduce, Scalar,
    ScalarValue, Source, Val, VariableId, View, broadcast_dims, dot_dims, size,
};
use crate::element::{DType, Value, with_element};
use crate::memory::OutOfMemory;
use crate::shape::is_addressable;

/// Bytes of a row inside a tile. A quarter of the smallest first-level cache in use (32 KB): two
/// operands and a result fit with room to spare.
const MAX_ROW_BYTES: usize = 8 << 10;

/// Whether a reduction over the middle of three axes is no part of a region: it keeps axes on either side, or its rows
/// are too long for a tile.
pub(crate) fn is_reduced_apart([outer, axis, inner]: [usize; 3], dtype: DType) -> bool {
    let fits = |elements: usize| elements * dtype.size() <= MAX_ROW_BYTES;
    match (outer, inner) {
        (1, 1) => false,
        (_, 1) => !fits(axis),
        (1, _) => !fits(inner),
        _ => true,
    }
}

/// What an op emits its computation through: instructions of a small vocabulary, whose lengths and element types
/// are known. Instructions are what the framework rewrites, fuses and schedules; an op is not seen behind this.
///
/// An instruction that cannot be (operands that do not broadcast, an axis that is not there, a function that an
/// element type does not have) makes the run fail with an error that names the node.
#[derive(Debug)]
pub struct Lowering<'p> {
    program: &'p mut Program,
    origin: NodeId,
    /// What tells a node's random numbers from those of all others.
    identity: Identity<'p>,
    /// What the node's inputs have become.
    inputs: &'p [Val],
    /// How many kernels the node has emitted so far.
    kernels: u32,
    /// The first instruction that cannot be.
    invalid: Option<String>,
    /// Whether the node has asked for its identity.
    is_identified: bool,
}

/// What is to be known of a lowering behind it.
#[derive(Debug)]
pub(crate) struct Emitted {
    /// The first instruction that cannot be, in words.
    pub(crate) invalid: Option<String>,
    /// Whether what was emitted differs from node to node and from call to call, as random numbers do.
    pub(crate) is_identified: bool,
}

/// The graph's seed and the node's name, with the calls in whose run of a function it is lowered.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Identity<'p> {
    pub(crate) seed: u64,
    /// The names of the calls are in front.
    pub(crate) name: &'p str,
    pub(crate) calls: &'p [NodeId],
}

impl<'p> Lowering<'p> {
    pub(crate) fn new(program: &'p mut Program, origin: NodeId, identity: Identity<'p>) -> Self {
        Lowering { program, origin, identity, inputs: &[], kernels: 0, invalid: None, is_identified: false }
    }

    /// The same for a node with inputs.
    pub(crate) fn of_inputs(self, inputs: &'p [Val]) -> Self {
        Lowering { inputs, ..self }
    }

    /// The graph's seed.
    pub(crate) fn seed(&self) -> u64 {
        self.identity.seed
    }

    /// The graph's seed and the node's name.
    pub(crate) fn identity(&mut self) -> Identity<'p> {
        self.is_identified = true;
        self.identity
    }

    /// Ends the lowering.
    pub(crate) fn emitted(self) -> Emitted {
        Emitted { invalid: self.invalid, is_identified: self.is_identified }
    }

    /// The length of each axis of a value.
    pub fn dims(&self, val: Val) -> &[usize] {
        self.program.insts.get(val.index()).map_or(&[], |inst| &inst.dims)
    }

    /// The element type of a value.
    pub fn dtype(&self, val: Val) -> DType {
        self.program.insts.get(val.index()).map_or(DType::Bool, |inst| inst.dtype)
    }

    /// What a value is a [permutation](Self::permute) of, and for each of the value's axes that of it: the value itself,
    /// with its own axes, if it is none.
    pub(crate) fn permuted(&self, val: Val) -> (Val, Vec<usize>) {
        let (mut source, mut axes) = (val, (0..self.dims(val).len()).collect::<Vec<usize>>());
        while let Some(Inst { prim: Prim::View(View::Permute(order)), args, .. }) =
            self.program.insts.get(source.index())
        {
            for axis in &mut axes {
                *axis = order[*axis];
            }
            source = args[0];
        }
        (source, axes)
    }

    fn emit(&mut self, prim: Prim, args: &[Val], dtype: DType, dims: Dims) -> Val {
        let inst = Inst { prim, args: args.into(), dtype, dims, origin: self.origin };
        let are_here = args.iter().all(|arg| arg.index() < self.program.insts.len());
        if are_here && self.program.fits(&inst) {
            if inst.is_vain() {
                return self.empty(dtype, inst.dims);
            }
            if inst.prim == Prim::Dot && self.dims(args[0]).ends_with(&[0]) {
                // Sums over nothing, however many: one zero stands for all.
                let zero = self.scalar(0.0, dtype);
                return self.broadcast(zero, inst.dims);
            }
            return self.program.push(inst);
        }
        self.refuse(&inst.action(Names::default()), args, dtype, inst.dims)
    }

    /// Notes that an instruction cannot be, and gives something of its type and lengths in its place, or of none of
    /// these lengths where no machine could address them: every value of a program can be counted.
    fn refuse(&mut self, action: &str, args: &[Val], dtype: DType, mut dims: Dims) -> Val {
        if self.invalid.is_none() {
            let operand = |&arg: &Val| format!("{}{:?}", self.dtype(arg), self.dims(arg));
            let operands = args.iter().map(operand).collect::<Vec<_>>().join(", ");
            self.invalid = Some(format!("{action} of {operands} to {dtype}{:?}", &dims[..]));
        }
        if !is_addressable(&dims, dtype) {
            dims.fill(0);
        }
        self.program.push(Inst { prim: Prim::Nothing, args: Args::new(), dtype, dims, origin: self.origin })
    }

    /// An array without elements: nothing need be computed for it, however long its other axes are.
    fn empty(&mut self, dtype: DType, dims: Dims) -> Val {
        let value =
            with_element!(dtype, T => Value::from(ArrayD::<T>::from_elem(IxDyn(&dims), T::default())));
        let id = self.program.hold(Arc::new(value));
        self.emit(Prim::Constant(id), &[], dtype, dims)
    }

    /// The result of an operation that has none.
    pub(crate) fn nothing(&mut self) -> Val {
        self.emit(Prim::Nothing, &[], DType::Bool, Dims::from_elem(0, 1))
    }

    /// What a run feeds at the given position.
    pub(crate) fn feed(&mut self, position: usize, dtype: DType, dims: Dims) -> Val {
        self.emit(Prim::Feed(position as u32), &[], dtype, dims)
    }

    /// The value that a variable has before the run.
    pub(crate) fn read(&mut self, variable: VariableId, dtype: DType, dims: Dims) -> Val {
        self.emit(Prim::Read(variable), &[], dtype, dims)
    }

    /// A fixed array.
    pub fn constant(&mut self, value: Arc<Value>) -> Val {
        let (dtype, dims) = (value.dtype(), Dims::from(value.shape()));
        let in_order = if value.is_row_major() { Ok(value) } else { value.row_major_copy().map(Arc::new) };
        let value = match in_order {
            Ok(value) => value,
            Err(OutOfMemory { bytes, .. }) => {
                return self.refuse(&format!("constant of {bytes} bytes, without memory"), &[], dtype, dims);
            }
        };
        if dims.is_empty() {
            let scalar = ScalarValue::of(&value);
            return self.emit(Prim::Scalar(scalar), &[], dtype, dims);
        }
        let id = self.program.hold(value);
        self.emit(Prim::Constant(id), &[], dtype, dims)
    }

    /// A fixed number, without axes.
    pub fn scalar(&mut self, number: f64, dtype: DType) -> Val {
        self.emit(Prim::Scalar(ScalarValue::number(number, dtype)), &[], dtype, Dims::new())
    }

    /// A fixed number of any type, without axes.
    pub(crate) fn number(&mut self, number: ScalarValue) -> Val {
        self.emit(Prim::Scalar(number), &[], number.dtype(), Dims::new())
    }

    /// A scalar function of the operands, elementwise; its result is of the type of the last operand.
    pub fn map(&mut self, scalar: Scalar, args: &[Val]) -> Val {
        self.map_to(scalar, args, args.last().map_or(DType::Bool, |&last| self.dtype(last)))
    }

    /// A comparison of the operands, elementwise.
    pub fn compare(&mut self, comparison: Scalar, args: &[Val]) -> Val {
        self.map_to(comparison, args, DType::Bool)
    }

    fn map_to(&mut self, scalar: Scalar, args: &[Val], dtype: DType) -> Val {
        let dims = args.iter().fold(Dims::new(), |dims, &arg| broadcast_dims(&dims, self.dims(arg)));
        self.emit(Prim::Map(scalar), args, dtype, dims)
    }

    /// The same floats; the run fails if one of them is NaN or infinite.
    pub(crate) fn finite(&mut self, val: Val) -> Val {
        let infinity = self.scalar(f64::INFINITY, self.dtype(val));
        self.map(Scalar::Finite, &[val, infinity])
    }

    /// The same numbers as another element type.
    pub fn cast(&mut self, val: Val, dtype: DType) -> Val {
        if self.dtype(val) == dtype {
            return val;
        }
        let dims = Dims::from(self.dims(val));
        self.emit(Prim::Map(Scalar::Cast), &[val], dtype, dims)
    }

    /// The sum over ascending axes, which disappear.
    pub fn sum(&mut self, val: Val, axes: &[usize]) -> Val {
        self.reduce(Reduce::Sum, val, axes)
    }

    /// One element for all those along ascending axes, which disappear.
    ///
    /// Emitted as one reduction for each run of adjacent axes, last run first, so that every `Reduce` is
    /// over the middle of a three-axis shape and nothing has to be moved for it.
    pub fn reduce(&mut self, reduce: Reduce, val: Val, axes: &[usize]) -> Val {
        let rank = self.dims(val).len();
        if !axes.is_sorted_by(|a, b| a < b) || axes.last().is_some_and(|&last| last >= rank) {
            let action = format!("{} over {axes:?}", reduce.name());
            return self.refuse(&action, &[val], self.dtype(val), Dims::new());
        }
        let mut reduced = val;
        for run in axes.chunk_by(|&axis, &next| axis + 1 == next).rev() {
            let (first, end) = (run[0], run[0] + run.len());
            let mut dims = Dims::from(self.dims(reduced));
            let length: usize = dims.drain(first..end).product();
            reduced = if length == 1 {
                self.reshape(reduced, dims)
            } else {
                self.emit(Prim::Reduce { reduce, first, end }, &[reduced], self.dtype(reduced), dims)
            };
        }
        reduced
    }

    /// The lengths before, along and behind ascending axes, if they are adjacent and a reduction over them is no part
    /// of a region, so that its operand is in memory. `None` also where there are no elements.
    pub(crate) fn reduced_apart(&self, val: Val, axes: &[usize]) -> Option<[usize; 3]> {
        let (dims, first, end) = (self.dims(val), *axes.first()?, *axes.last()? + 1);
        if dims.contains(&0) {
            return None;
        }
        let lengths = [size(&dims[..first]), size(&dims[first..end]), size(&dims[end..])];
        let is_apart = axes.len() == end - first && is_reduced_apart(lengths, self.dtype(val));
        is_apart.then_some(lengths)
    }

    /// The elements in the same order under other lengths.
    pub fn reshape(&mut self, val: Val, dims: impl AsRef<[usize]>) -> Val {
        let dims = Dims::from_slice(dims.as_ref());
        if self.dims(val) == &*dims {
            return val;
        }
        self.emit(Prim::View(View::Reshape), &[val], self.dtype(val), dims)
    }

    /// Axis `i` of the result is axis `permutation[i]`.
    pub fn permute(&mut self, val: Val, permutation: Vec<usize>) -> Val {
        let dims = permutation.iter().map(|&axis| self.dims(val).get(axis).copied().unwrap_or(0)).collect();
        self.emit(Prim::View(View::Permute(permutation)), &[val], self.dtype(val), dims)
    }

    /// The value repeated to the given lengths under the broadcasting rule.
    pub fn broadcast(&mut self, val: Val, dims: impl AsRef<[usize]>) -> Val {
        let dims = Dims::from_slice(dims.as_ref());
        if self.dims(val) == &*dims {
            return val;
        }
        self.emit(Prim::View(View::Broadcast), &[val], self.dtype(val), dims)
    }

    /// Of each axis, so many elements of those that the slice takes.
    pub(crate) fn slice(&mut self, val: Val, axes: Vec<AxisSlice>, dims: impl AsRef<[usize]>) -> Val {
        let dims = Dims::from_slice(dims.as_ref());
        self.emit(Prim::View(View::Slice(axes)), &[val], self.dtype(val), dims)
    }

    /// The values side by side, which fill the result from its first corner on, in the order of their first elements.
    pub(crate) fn join(&mut self, vals: &[Val], dims: impl AsRef<[usize]>) -> Val {
        let dims = Dims::from_slice(dims.as_ref());
        let dtype = vals.first().map_or(DType::Bool, |&first| self.dtype(first));
        if dims.contains(&0) {
            return self.empty(dtype, dims);
        }
        let pieces: Args = vals.iter().copied().filter(|&val| !self.dims(val).contains(&0)).collect();
        match pieces[..] {
            [only] if self.dims(only) == &*dims => only,
            _ => self.emit(Prim::Join, &pieces, dtype, dims),
        }
    }

    /// So many whole numbers, counted up from the first, as `i64`; beyond the largest there is, they stay that.
    pub fn iota(&mut self, first: i64, count: usize) -> Val {
        let dims = Dims::from_elem(count, 1);
        match count {
            0 => self.empty(DType::I64, dims),
            1 => {
                let number = self.number(ScalarValue::I64(first));
                self.reshape(number, dims)
            }
            _ if first.checked_add_unsigned(count as u64 - 1).is_some() => {
                self.emit(Prim::Iota { first }, &[], DType::I64, dims)
            }
            _ => match counted(first, count) {
                Ok(numbers) => self.constant(Arc::new(numbers)),
                Err(_) => self.refuse("iota", &[], DType::I64, dims),
            },
        }
    }

    /// How many runs of the session came before, as an `i64`.
    pub fn run_count(&mut self) -> Val {
        self.emit(Prim::RunCount, &[], DType::I64, Dims::new())
    }

    /// What a kernel makes of the operands: elements of the given type and lengths.
    pub fn kernel(
        &mut self,
        kernel: impl Kernel,
        args: &[Val],
        dtype: DType,
        dims: impl AsRef<[usize]>,
    ) -> Val {
        let kernel: Arc<dyn Kernel> = Arc::new(kernel);
        self.shared_kernel(&kernel, args, dtype, dims)
    }

    /// The same as [`kernel`](Self::kernel), for a kernel that several nodes have together: of nodes that run the same
    /// one on the same operands it is run once, although it [must run](Kernel::must_run). An op that holds its kernel in
    /// an [`Arc`], and hands it on to the nodes of its gradient, spares them what has been computed.
    ///
    /// ```
    /// use std::sync::Arc;
    /// use flowgrad::op::{Fault, Kernel, Lowering, Op, Pullback, TensorType, Val};
    ///
    /// /// What a kernel makes of a tensor, of the same type and shape; it has no gradient.
    /// #[derive(Clone, Debug)]
    /// struct Apply(Arc<dyn Kernel>);
    ///
    /// impl Op for Apply {
    ///     fn name(&self) -> &'static str {
    ///         "apply"
    ///     }
    ///
    ///     fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
    ///         Ok(inputs[0].clone())
    ///     }
    ///
    ///     fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
    ///         let (dims, dtype) = (to.dims(inputs[0]).to_vec(), to.dtype(inputs[0]));
    ///         to.shared_kernel(&self.0, inputs, dtype, dims)
    ///     }
    ///
    ///     fn pullback(&self, _: &mut Pullback<'_>) {}
    /// }
    /// ```
    pub fn shared_kernel(
        &mut self,
        kernel: &Arc<dyn Kernel>,
        args: &[Val],
        dtype: DType,
        dims: impl AsRef<[usize]>,
    ) -> Val {
        let inputs = self.inputs.iter().map(|&input| Dims::from(self.dims(input))).collect();
        let calls = self.identity.calls.into();
        let source = Box::new(Source { node: self.origin, calls, kernel: self.kernels, inputs });
        self.kernels += 1;
        let computation = Computation { kernel: Arc::clone(kernel), source };
        self.emit(Prim::Kernel(computation), args, dtype, Dims::from_slice(dims.as_ref()))
    }

    /// Runs another program on the operands, and gives its outputs.
    pub(crate) fn call(&mut self, callee: &Callee, args: &[Val]) -> Vec<Val> {
        self.run_programs(Prim::Call(callee.clone()), args)
    }

    /// Runs other programs on the operands, as the instruction says, and gives its outputs.
    pub(crate) fn run_programs(&mut self, prim: Prim, args: &[Val]) -> Vec<Val> {
        let given = prim.given();
        let call = self.emit(prim, args, DType::Bool, Dims::new());
        let output = |(position, (dtype, dims))| self.emit(Prim::Output(position), &[call], dtype, dims);
        (0..).zip(given).map(output).collect()
    }

    /// The matrix products of [.., m, k] and [.., k, n]; the axes before the last two broadcast.
    pub fn dot(&mut self, a: Val, b: Val) -> Val {
        if self.dims(a).len() < 2 || self.dims(b).len() < 2 {
            return self.refuse("dot", &[a, b], self.dtype(a), Dims::new());
        }
        let dims = dot_dims(self.dims(a), self.dims(b));
        self.emit(Prim::Dot, &[a, b], self.dtype(a), dims)
    }

    /// [`reduce`](Self::reduce) by its former name.
    #[doc(hidden)]
    pub fn fold(&mut self, reduce: Reduce, val: Val, axes: &[usize]) -> Val {
        self.reduce(reduce, val, axes)
    }

    /// [`dot`](Self::dot) by its former name.
    #[doc(hidden)]
    pub fn contract(&mut self, a: Val, b: Val) -> Val {
        self.dot(a, b)
    }

    /// [`kernel`](Self::kernel) by its former name.
    #[doc(hidden)]
    pub fn compute(
        &mut self,
        kernel: impl Kernel,
        args: &[Val],
        dtype: DType,
        dims: impl AsRef<[usize]>,
    ) -> Val {
        self.kernel(kernel, args, dtype, dims)
    }
}
