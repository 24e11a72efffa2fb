//! The program: a straight line of instructions, every length known.

mod rebuild;

use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use foldhash::{HashMap, HashSet};
use smallvec::SmallVec;

use super::join::places;
use super::view::View;
use super::{Branches, Callee, Kernel, Loop, Names, NodeId, Reduce, Scalar, ScalarValue, VariableId};
use crate::element::{DType, Value};
use crate::shape::is_addressable;

/// An instruction's result, of the lowering that gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Val(pub(crate) u32);

impl Val {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// Lengths or strides of the axes of a value; programs hold them by the hundred thousand, so those of up
/// to four axes are kept in place.
pub(crate) type Dims = SmallVec<[usize; 4]>;

/// The operands of an instruction; few take more than three.
pub(crate) type Args = SmallVec<[Val; 4]>;

/// What an instruction does: the whole vocabulary that everything behind lowering knows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Prim {
    /// An operation's lack of a value.
    Nothing,
    /// What the run is fed at this position.
    Feed(u32),
    /// One number.
    Scalar(ScalarValue),
    /// An array, by its index among the program's constants.
    Constant(u32),
    /// The operands side by side: they fill the result from its first corner on, in the order of their first elements
    /// ([`places`]).
    Join,
    /// Whole numbers along one axis, counted up from the first, `i64`.
    Iota { first: i64 },
    /// A variable's value from before the run.
    Read(VariableId),
    /// An elementwise function; operands broadcast to the instruction's lengths.
    Map(Scalar),
    /// One element for all those along the axes `first..end`, which disappear.
    Reduce { reduce: Reduce, first: usize, end: usize },
    /// The operand's elements under other lengths; nothing moves.
    View(View),
    /// The matrix products of [.., m, k] and [.., k, n]; the axes before the last two broadcast.
    Dot,
    /// How many runs of the session came before: a number, `i64`.
    RunCount,
    /// Whatever the kernel makes of the operands.
    Kernel(Computation),
    /// Runs another program on the operands. Its own value, a boolean, says nothing: what it gives are its outputs.
    Call(Callee),
    /// Runs one of several programs, as the first operand says. What it gives are its outputs.
    Branch(Box<Branches>),
    /// Runs a program again and again. What it gives are its outputs.
    Loop(Box<Loop>),
    /// What the operand, which runs programs, gives at this position.
    Output(u32),
}

/// A kernel that the vocabulary does not know; equal to itself alone.
#[derive(Clone, Debug)]
pub(crate) struct Computation {
    pub(crate) kernel: Arc<dyn Kernel>,
    /// Boxed, for few instructions of a program are kernels, and all have room for one.
    pub(crate) source: Box<Source>,
}

/// What tells kernels from each other across the programs of a graph: of the same source they do the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    /// The node that emitted it.
    pub(crate) node: NodeId,
    /// The calls in whose run of a function it did: random numbers differ from call to call.
    pub(crate) calls: SmallVec<[NodeId; 1]>,
    /// Which of the node's kernels it is.
    pub(crate) kernel: u32,
    /// The lengths of the node's inputs.
    pub(crate) inputs: Vec<Dims>,
}

impl PartialEq for Computation {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.kernel, &other.kernel)
    }
}

impl Eq for Computation {}

impl Hash for Computation {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.kernel).cast::<()>().hash(state);
    }
}

/// One instruction.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Inst {
    pub(crate) prim: Prim,
    pub(crate) args: Args,
    pub(crate) dtype: DType,
    pub(crate) dims: Dims,
    /// The node it comes from, for messages.
    pub(crate) origin: NodeId,
}

/// A straight line of instructions: operands come before their users.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    pub(crate) insts: Vec<Inst>,
    pub(crate) constants: Vec<Arc<Value>>,
    /// What the run gives, in the order of the fetches.
    pub(crate) fetches: Vec<Val>,
    /// What the program of a call leaves for its caller, by position.
    pub(crate) outputs: Vec<Val>,
    /// What can fail or be seen from outside and is run for that alone: a fetched operation's nodes are run even
    /// if no value is.
    pub(crate) checks: Vec<Val>,
    /// The values that variables have after the run.
    pub(crate) commits: Vec<(VariableId, Val)>,
    /// Index of each constant by its address, which is compared and never followed.
    held: HashMap<usize, u32>,
}

/// The number of elements.
pub(crate) fn size(dims: &[usize]) -> usize {
    dims.iter().product()
}

/// The index along each axis of the element that comes so many behind the first in row-major order.
pub(crate) fn unraveled(position: usize, dims: &[usize]) -> Vec<usize> {
    let mut rest = position;
    let mut indices: Vec<usize> = dims
        .iter()
        .rev()
        .map(|&length| {
            let index = rest % length.max(1);
            rest /= length.max(1);
            index
        })
        .collect();
    indices.reverse();
    indices
}

/// The lengths that two operands have together; a length of 1 stretches.
pub(crate) fn broadcast_dims(a: &[usize], b: &[usize]) -> Dims {
    let (long, short) = if a.len() >= b.len() { (a, b) } else { (b, a) };
    let mut dims = Dims::from_slice(long);
    let matched = dims[long.len() - short.len()..].iter_mut().zip(short);
    matched.filter(|(length, _)| **length == 1).for_each(|(length, &other)| *length = other);
    dims
}

/// The lengths of the matrix products of operands with at least two axes.
pub(crate) fn dot_dims(a: &[usize], b: &[usize]) -> Dims {
    let (a_batch, a_matrix) = a.split_at(a.len() - 2);
    let (b_batch, b_matrix) = b.split_at(b.len() - 2);
    let mut dims = broadcast_dims(a_batch, b_batch);
    dims.extend([a_matrix[0], b_matrix[1]]);
    dims
}

impl Program {
    pub(crate) fn inst(&self, val: Val) -> &Inst {
        &self.insts[val.index()]
    }

    pub(crate) fn push(&mut self, inst: Inst) -> Val {
        self.insts.push(inst);
        Val(self.insts.len() as u32 - 1)
    }

    /// The index of a constant, which is kept once however often it is used.
    pub(crate) fn hold(&mut self, value: Arc<Value>) -> u32 {
        *self.held.entry(Arc::as_ptr(&value) as usize).or_insert_with(|| {
            self.constants.push(value);
            self.constants.len() as u32 - 1
        })
    }

    /// What an instruction of another program does, as one of this program does it: it holds the same constants.
    pub(crate) fn take_prim(&mut self, from: &Program, prim: &Prim) -> Prim {
        match prim {
            Prim::Constant(index) => Prim::Constant(self.hold(Arc::clone(&from.constants[*index as usize]))),
            prim => prim.clone(),
        }
    }

    /// The values that must outlive the program's run.
    pub(crate) fn results(&self) -> impl Iterator<Item = Val> + '_ {
        let commits = self.commits.iter().map(|&(_, val)| val);
        let given = self.fetches.iter().chain(&self.outputs);
        given.copied().chain(commits).chain(self.checks.iter().copied())
    }

    /// Which instructions the results depend on.
    pub(crate) fn live(&self) -> Vec<bool> {
        let mut live = vec![false; self.insts.len()];
        for val in self.results() {
            live[val.index()] = true;
        }
        for index in (0..self.insts.len()).rev() {
            if live[index] {
                for arg in &self.insts[index].args {
                    live[arg.index()] = true;
                }
            }
        }
        live
    }

    /// The values that must outlive the program's run, to be renumbered.
    pub(crate) fn results_mut(&mut self) -> impl Iterator<Item = &mut Val> {
        let commits = self.commits.iter_mut().map(|(_, val)| val);
        self.fetches.iter_mut().chain(&mut self.outputs).chain(&mut self.checks).chain(commits)
    }

    /// What the program calls, and what that calls in its turn, each once and behind what it calls itself.
    pub(crate) fn callees(&self) -> Vec<&Callee> {
        fn visit<'p>(program: &'p Program, seen: &mut HashSet<&'p Callee>, found: &mut Vec<&'p Callee>) {
            for inst in &program.insts {
                for callee in inst.prim.callees() {
                    if seen.insert(callee) {
                        visit(callee.program(), seen, found);
                        found.push(callee);
                    }
                }
            }
        }
        let mut found = Vec::new();
        visit(self, &mut HashSet::default(), &mut found);
        found
    }

    /// Has all calls run other programs in place of their own, as the table says.
    pub(crate) fn replace_callees(&mut self, by: &HashMap<Callee, Callee>) {
        for callee in self.insts.iter_mut().flat_map(|inst| inst.prim.callees_mut()) {
            if let Some(by) = by.get(callee) {
                *callee = by.clone();
            }
        }
    }

    /// Says which instruction breaks the program's invariant, if one does.
    pub(crate) fn verify(&self) -> Result<(), String> {
        self.verify_own()?;
        for callee in self.callees() {
            let program = callee.program();
            let is_open = |inst: &Inst| matches!(inst.prim, Prim::Read(_) | Prim::RunCount);
            let is_open = program.insts.iter().any(is_open) || !program.fetches.is_empty();
            let verified = if is_open || !program.commits.is_empty() {
                Err("reads or changes more than it is fed".to_owned())
            } else {
                program.verify_own()
            };
            verified.map_err(|why| format!("`{}`: {why}", callee.function()))?;
        }
        Ok(())
    }

    /// The same for the instructions of this program alone.
    fn verify_own(&self) -> Result<(), String> {
        for (index, inst) in self.insts.iter().enumerate() {
            if inst.args.iter().any(|arg| arg.index() >= index) {
                return Err(format!("%{index} uses a value that comes after it"));
            }
            if !self.fits(inst) {
                return Err(format!("%{index} does not fit its operands: {inst:?}"));
            }
        }
        Ok(())
    }

    /// Whether an instruction's type and lengths are what its operands make of it.
    pub(crate) fn fits(&self, inst: &Inst) -> bool {
        if !is_addressable(inst.dims.iter(), inst.dtype) {
            return false;
        }
        let dims = |position: usize| inst.args.get(position).map(|&arg| self.inst(arg).dims.as_slice());
        let dtypes = inst.args.iter().map(|&arg| self.inst(arg).dtype);
        let alike = || dtypes.clone().all(|dtype| dtype == inst.dtype);
        match (&inst.prim, dims(0), dims(1)) {
            (Prim::Map(function), ..) => {
                let stretch = |&arg: &Val| stretches(&self.inst(arg).dims, &inst.dims);
                function.takes(&dtypes.collect::<SmallVec<[DType; 4]>>(), inst.dtype)
                    && inst.args.iter().all(stretch)
            }
            (&Prim::Reduce { first, end, .. }, Some(from), None) => {
                first <= end
                    && end <= from.len()
                    && [&from[..first], &from[end..]].concat() == inst.dims[..]
                    && alike()
                    && inst.dtype != DType::Bool
            }
            (Prim::View(View::Reshape), Some(from), None) => size(from) == size(&inst.dims) && alike(),
            (Prim::View(View::Broadcast), Some(from), None) => stretches(from, &inst.dims) && alike(),
            (Prim::View(View::Permute(axes)), Some(from), None) => {
                let mut sorted = axes.clone();
                sorted.sort_unstable();
                sorted.into_iter().eq(0..from.len())
                    && axes.iter().map(|&axis| from[axis]).eq(inst.dims.iter().copied())
                    && alike()
            }
            (Prim::View(View::Slice(axes)), Some(from), None) => {
                let mut lengths = axes.iter().zip(inst.dims.iter().zip(from));
                axes.len() == from.len()
                    && inst.dims.len() == from.len()
                    && lengths.all(|(axis, (&length, &from))| axis.fits(length, from))
                    && alike()
            }
            (Prim::Dot, Some([.., _, k]), Some([.., inner, _])) => {
                let [a, b] = [dims(0), dims(1)].map(Option::unwrap_or_default);
                k == inner && inst.dims == dot_dims(a, b) && alike() && inst.dtype != DType::Bool
            }
            (Prim::Join, Some(_), _) => {
                let pieces = inst.args.iter().map(|&arg| self.inst(arg).dims.as_slice());
                alike() && places(&inst.dims, pieces).is_some()
            }
            (&Prim::Iota { first }, None, None) => {
                let last = inst.dims.first().map(|&count| count.saturating_sub(1));
                let last = last.and_then(|last| first.checked_add(i64::try_from(last).ok()?));
                inst.dims.len() == 1 && inst.dtype == DType::I64 && last.is_some()
            }
            (Prim::Call(_) | Prim::Branch(_) | Prim::Loop(_), ..) => {
                let args = inst.args.iter().map(|&arg| self.inst(arg));
                let args: SmallVec<[(DType, &[usize]); 8]> =
                    args.map(|arg| (arg.dtype, arg.dims.as_slice())).collect();
                inst.dims.is_empty() && inst.dtype == DType::Bool && inst.prim.takes(&args)
            }
            (&Prim::Output(position), Some(_), None) => {
                let given = self.inst(inst.args[0]).prim.given().into_iter().nth(position as usize);
                given.is_some_and(|(dtype, dims)| dtype == inst.dtype && dims == inst.dims)
            }
            (Prim::Kernel(_), ..)
            | (
                Prim::Nothing
                | Prim::Feed(_)
                | Prim::Scalar(_)
                | Prim::Constant(_)
                | Prim::Read(_)
                | Prim::RunCount,
                None,
                None,
            ) => true,
            _ => false,
        }
    }
}

/// Whether lengths become others under the broadcasting rule.
fn stretches(from: &[usize], to: &[usize]) -> bool {
    let Some(added) = to.len().checked_sub(from.len()) else { return false };
    from.iter().zip(&to[added..]).all(|(&from, &to)| from == 1 || from == to)
}

impl Prim {
    /// Whether it is there without anything being computed.
    pub(crate) fn is_source(&self) -> bool {
        matches!(
            self,
            Prim::Nothing
                | Prim::Feed(_)
                | Prim::Scalar(_)
                | Prim::Constant(_)
                | Prim::Iota { .. }
                | Prim::Read(_)
                | Prim::RunCount
        )
    }
}

impl Inst {
    /// Whether it computes elements of which there are none, and does nothing else.
    pub(crate) fn is_vain(&self) -> bool {
        let must_run = matches!(&self.prim, Prim::Kernel(Computation { kernel, .. }) if kernel.must_run());
        self.dims.contains(&0) && !self.args.is_empty() && !must_run
    }

    /// What is done, without the operands.
    pub(crate) fn action(&self, names: Names<'_>) -> String {
        match &self.prim {
            Prim::Nothing => "nothing".to_owned(),
            Prim::Feed(position) => format!("feed {}", names.feed(*position as usize)),
            Prim::Scalar(number) => format!("scalar {number}"),
            Prim::Constant(index) => format!("constant {index}"),
            Prim::Join => "join".to_owned(),
            Prim::Iota { first } => format!("iota {first}"),
            Prim::Read(variable) => format!("read {}", names.variable(*variable)),
            Prim::Map(scalar) => scalar.name().to_owned(),
            Prim::Reduce { reduce, first, end } => format!("{} {first}..{end}", reduce.name()),
            Prim::View(View::Permute(axes)) => format!("permute {axes:?}"),
            Prim::View(View::Reshape) => "reshape".to_owned(),
            Prim::View(View::Broadcast) => "broadcast".to_owned(),
            Prim::View(View::Slice(axes)) => {
                let axes = axes.iter().zip(&self.dims).map(|(axis, &length)| axis.text(length));
                format!("slice [{}]", axes.collect::<Vec<_>>().join(", "))
            }
            Prim::Dot => "dot".to_owned(),
            Prim::RunCount => "run count".to_owned(),
            Prim::Kernel(_) => "kernel".to_owned(),
            Prim::Call(callee) => format!("call `{}`", callee.function()),
            Prim::Branch(branches) => {
                let names = branches.branches.iter().map(|branch| format!("`{}`", branch.callee.function()));
                format!("branch to {} by", names.collect::<Vec<_>>().join(" or "))
            }
            Prim::Loop(of) => format!("{of}"),
            Prim::Output(position) => format!("output {position} of"),
        }
    }
}

impl Program {
    /// One line an instruction, with the node that it comes from, then the results.
    pub(crate) fn text(&self, names: Names<'_>) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, names);
        for callee in self.callees() {
            let _ = writeln!(text, "program of `{}`:", callee.function());
            let _ = callee.program().write(&mut text, names.inside());
        }
        text
    }

    fn write(&self, f: &mut impl Write, names: Names<'_>) -> fmt::Result {
        for (index, inst) in self.insts.iter().enumerate() {
            write!(f, "%{index} = {}", inst.action(names))?;
            for (position, arg) in inst.args.iter().enumerate() {
                write!(f, "{}%{}", if position == 0 { " " } else { ", " }, arg.0)?;
            }
            writeln!(f, " : {}{:?}  {}", inst.dtype, inst.dims, names.node(inst.origin))?;
        }
        for val in &self.fetches {
            writeln!(f, "fetch %{}", val.0)?;
        }
        for val in &self.outputs {
            writeln!(f, "output %{}", val.0)?;
        }
        for val in &self.checks {
            writeln!(f, "check %{}", val.0)?;
        }
        for (variable, val) in &self.commits {
            writeln!(f, "commit {} <- %{}", names.variable(*variable), val.0)?;
        }
        Ok(())
    }
}
