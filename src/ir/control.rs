//! [`Branches`] and [`Loop`]: programs of which one is run, and a program that is run again and again.

use std::fmt;

use smallvec::SmallVec;

use super::program::{Dims, Inst, Prim, Program};
use super::{Callee, Val};
use crate::element::DType;

/// Programs of which one is run: the one that the first operand says, a boolean for two, or an index; beyond the last
/// program stands the last. All have outputs of the same types and lengths.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Branches {
    pub(crate) branches: Vec<Branch>,
}

/// One of several programs.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Branch {
    pub(crate) callee: Callee,
    /// For what the program is fed, by position, which operand of the instruction it is.
    pub(crate) operands: Vec<u32>,
}

/// A program that is run again and again, each time on the state that the time before has left.
///
/// Its outputs are the next state, then whether to go on, for a loop with a condition, then a row of each stack. The
/// operands of the instruction are the first state, whether to begin at all, for a loop with a condition, and then what
/// [`LoopOperand`]s and [`Trips`] name by position. What it gives are the last state and the stacks.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Loop {
    pub(crate) callee: Callee,
    /// What the program is fed, by position.
    pub(crate) operands: Vec<LoopOperand>,
    /// Values of the state.
    pub(crate) states: u32,
    pub(crate) trips: Trips,
    /// Whether rows are gone through from the last to the first.
    pub(crate) reverse: bool,
    pub(crate) numbering: Numbering,
}

/// What number an iteration has where it is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Numbering {
    /// So many more than its row.
    From(usize),
    /// None: each is a loop over a block of rows, whose iterations have numbers.
    Blocks,
    /// That of its row among those of all blocks, of so many rows each.
    WithinBlock(usize),
}

/// What the program of a loop is fed; operands of the instruction are counted from the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum LoopOperand {
    /// A value of the state.
    State(u32),
    /// The iteration's row of an array along its first axis.
    Row(u32),
    /// The iteration's row of a tape; zeros where the tape has none.
    TapeRow(u32),
    /// An operand as it is, the same each time.
    Whole(u32),
    /// A count of runs for random numbers: of the operand, which is the run's, and the iteration's row.
    RunCount(u32),
}

/// How often the program of a loop is run.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Trips {
    /// So often. Stacks are arrays, with a row for each time.
    Known(usize),
    /// As long as the condition holds, and no more often than this. Stacks are tapes.
    While { most: usize },
    /// As often as the longest of these operands, which are tapes, has rows. Stacks are tapes.
    Tapes(SmallVec<[u32; 2]>),
}

impl Loop {
    /// Whether it has a condition.
    pub(crate) fn is_conditional(&self) -> bool {
        matches!(self.trips, Trips::While { .. })
    }

    /// How many outputs of the program are no rows of stacks: the next state, and whether to go on.
    pub(crate) fn before_stacks(&self) -> usize {
        self.states as usize + usize::from(self.is_conditional())
    }

    /// Of what is stacked, the element type and the lengths of a row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Inst> {
        let program = self.callee.program();
        program.outputs[self.before_stacks()..].iter().map(|&val| program.inst(val))
    }
}

/// The element type of handles of tapes: what gradients pass through, of which whole numbers are exact.
pub(crate) const HANDLE: DType = DType::F64;

impl Prim {
    /// The programs that the instruction runs.
    pub(crate) fn callees(&self) -> SmallVec<[&Callee; 2]> {
        match self {
            Prim::Call(callee) => SmallVec::from_slice(&[callee]),
            Prim::Branch(branches) => branches.branches.iter().map(|branch| &branch.callee).collect(),
            Prim::Loop(of) => SmallVec::from_slice(&[&of.callee]),
            _ => SmallVec::new(),
        }
    }

    /// The same, to have it run others.
    pub(crate) fn callees_mut(&mut self) -> SmallVec<[&mut Callee; 2]> {
        match self {
            Prim::Call(callee) => std::iter::once(callee).collect(),
            Prim::Branch(branches) => branches.branches.iter_mut().map(|branch| &mut branch.callee).collect(),
            Prim::Loop(of) => std::iter::once(&mut of.callee).collect(),
            _ => SmallVec::new(),
        }
    }

    /// Whether it runs programs, so that what it gives are its outputs.
    pub(crate) fn runs_programs(&self) -> bool {
        matches!(self, Prim::Call(_) | Prim::Branch(_) | Prim::Loop(_))
    }

    /// Whether it runs programs for more than their outputs: each of two does something, although they give the same.
    pub(crate) fn must_run_programs(&self) -> bool {
        self.callees().iter().any(|callee| callee.must_run())
    }

    /// Element types and lengths of what it gives, if it runs programs.
    pub(crate) fn given(&self) -> Vec<(DType, Dims)> {
        let of = |program: &Program, vals: &[Val]| -> Vec<(DType, Dims)> {
            vals.iter().map(|&val| program.inst(val)).map(|inst| (inst.dtype, inst.dims.clone())).collect()
        };
        match self {
            Prim::Call(callee) => of(callee.program(), &callee.program().outputs),
            Prim::Branch(branches) => {
                let program = branches.branches[0].callee.program();
                of(program, &program.outputs)
            }
            Prim::Loop(looped) => {
                let program = looped.callee.program();
                let mut given = of(program, &program.outputs[..looped.states as usize]);
                given.extend(looped.rows().map(|row| match looped.trips {
                    Trips::Known(count) => {
                        let mut dims = Dims::from_elem(count, 1);
                        dims.extend_from_slice(&row.dims);
                        (row.dtype, dims)
                    }
                    Trips::While { .. } | Trips::Tapes(_) => (HANDLE, Dims::new()),
                }));
                given
            }
            _ => Vec::new(),
        }
    }

    /// Whether programs fit the operands, of these types, that they are run on.
    pub(super) fn takes(&self, args: &[(DType, &[usize])]) -> bool {
        let fits = |callee: &Callee, fed: &mut dyn Iterator<Item = Option<(DType, &[usize])>>| {
            callee.operands().iter().all(|(dtype, dims)| fed.next() == Some(Some((*dtype, &**dims))))
                && fed.next().is_none()
        };
        let arg = |position: u32| args.get(position as usize).copied();
        match self {
            Prim::Call(callee) => fits(callee, &mut args.iter().map(|&arg| Some(arg))),
            Prim::Branch(branches) => {
                let given = self.given();
                let same = |branch: &Branch| {
                    let program = branch.callee.program();
                    let outputs = program.outputs.iter().map(|&val| program.inst(val));
                    outputs.map(|inst| (inst.dtype, inst.dims.clone())).eq(given.iter().cloned())
                };
                let selects = match arg(0) {
                    Some((DType::Bool, [])) => branches.branches.len() == 2,
                    Some((DType::I64, [])) => !branches.branches.is_empty(),
                    _ => false,
                };
                selects
                    && branches.branches.iter().all(|branch| {
                        same(branch) && fits(&branch.callee, &mut branch.operands.iter().map(|&at| arg(at)))
                    })
            }
            Prim::Loop(of) => of.takes(args, &fits),
            _ => false,
        }
    }
}

/// Whether what a program is fed fits it.
type Fits<'f> = &'f dyn Fn(&Callee, &mut dyn Iterator<Item = Option<(DType, &[usize])>>) -> bool;

impl Loop {
    fn takes(&self, args: &[(DType, &[usize])], fits: Fits<'_>) -> bool {
        let program = self.callee.program();
        let arg = |position: u32| args.get(position as usize).copied();
        let is_handle = |position: u32| arg(position) == Some((HANDLE, &[][..]));
        let output = |position: usize| {
            program.outputs.get(position).map(|&val| (program.inst(val).dtype, &program.inst(val).dims[..]))
        };
        let keeps =
            (0..self.states).all(|state| arg(state).is_some() && arg(state) == output(state as usize));
        let condition = match &self.trips {
            Trips::Known(_) => true,
            Trips::Tapes(tapes) => !tapes.is_empty() && tapes.iter().all(|&tape| is_handle(tape)),
            Trips::While { .. } => {
                let boolean = Some((DType::Bool, &[][..]));
                arg(self.states) == boolean && output(self.states as usize) == boolean
            }
        };
        let mut fed = self.operands.iter().zip(self.callee.operands()).map(|(operand, of)| match *operand {
            LoopOperand::State(state) => arg(state).filter(|_| state < self.states),
            LoopOperand::Whole(position) => arg(position),
            LoopOperand::RunCount(position) => arg(position).filter(|&(dtype, _)| dtype == DType::I64),
            LoopOperand::TapeRow(position) => is_handle(position).then_some((of.0, &of.1[..])),
            LoopOperand::Row(position) => {
                let (dtype, dims) = arg(position)?;
                let (&rows, row) = dims.split_first()?;
                (self.trips == Trips::Known(rows)).then_some((dtype, row))
            }
        });
        keeps
            && condition
            && program.outputs.len() >= self.before_stacks()
            && self.operands.len() == self.callee.operands().len()
            && fits(&self.callee, &mut fed)
    }
}

/// The program's name, how often it is run, and what it is fed.
impl fmt::Display for Loop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.trips {
            Trips::Known(count) => write!(f, "loop `{}` {count} times", self.callee.function())?,
            Trips::While { most: usize::MAX } => write!(f, "loop `{}` while", self.callee.function())?,
            Trips::While { most } => {
                write!(f, "loop `{}` while, at most {most} times", self.callee.function())?;
            }
            Trips::Tapes(tapes) => {
                write!(f, "loop `{}` over tapes", self.callee.function())?;
                tapes.iter().try_for_each(|tape| write!(f, " {tape}"))?;
            }
        }
        f.write_str(if self.reverse { ", from the last row, of [" } else { " of [" })?;
        for (position, operand) in self.operands.iter().enumerate() {
            f.write_str(if position == 0 { "" } else { ", " })?;
            match operand {
                LoopOperand::State(state) => write!(f, "state {state}")?,
                LoopOperand::Row(arg) => write!(f, "row {arg}")?,
                LoopOperand::TapeRow(arg) => write!(f, "tape row {arg}")?,
                LoopOperand::Whole(arg) => write!(f, "whole {arg}")?,
                LoopOperand::RunCount(arg) => write!(f, "count {arg}")?,
            }
        }
        f.write_str("]")
    }
}
