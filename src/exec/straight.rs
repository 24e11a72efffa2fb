//! A loop whose body is a straight line of calls, and a plan that is one.
//!
//! Before it begins, the calls are looked up, and so is where all that they work on lies: twice, for iterations in turns,
//! as the state is in one place or the other. Behind each iteration those words move on that go through rows.

use std::ops::Range;
use std::ptr;

use smallvec::SmallVec;

use super::addresses::Addresses;
use super::context::Context;
use super::control::LoopRun;
use super::steps::{op_args, with_scratch};
use super::{Cause, Fault};
use crate::codegen;
use crate::kernel::reduce::{self, MiddleReduction};
use crate::kernel::tile::Args;
use crate::plan::{
    Accumulator, Anchor, Fallible, Kind, MOST_STREAMS, Part, Piece, Plan, RunLine, Straight, TileOp, Word,
};

/// The words of a call of a program at most.
const MOST_WORDS: usize = codegen::FIRST_STREAM + MOST_STREAMS;

/// The words of a line for which nothing is allocated: those of two programs.
const WORDS: usize = 2 * MOST_WORDS;

/// The addresses of an op before the words say others.
const NOWHERE: [*mut u8; 4] = [ptr::null_mut(); 4];

/// Runs a loop's plan again and again as a line of calls.
///
/// # Safety
/// As for [`run_loop`](super::control::run_loop); the line must be what the plan's steps do.
pub(super) unsafe fn run(
    run: &mut LoopRun<'_>,
    line: &Straight,
    context: &Context<'_>,
) -> Result<(), Box<Cause>> {
    // SAFETY: the caller's promise; the thread's own memory is lent for as long as it is used.
    with_scratch(line.scratch_bytes, |scratch, _| unsafe { run_with(run, line, context, scratch) })?
}

/// The same in this memory.
///
/// # Safety
/// As for [`run`]; the memory must reach as far as the line says.
unsafe fn run_with(
    run: &mut LoopRun<'_>,
    line: &Straight,
    context: &Context<'_>,
    scratch: *mut u8,
) -> Result<(), Box<Cause>> {
    let call = run.call;
    // SAFETY: the caller's promise.
    unsafe { run.place_state() };
    let mut table = Table::of(run, line, scratch);
    let mut calls: SmallVec<[Call<'_>; 16]> =
        line.calls.iter().filter_map(|of| Call::of(&call.plan, of.step, of.part, of.words.clone())).collect();
    // Slices, for what lies in place or elsewhere is looked up each time.
    let [even, odd] = &mut table.turns;
    let turns: [&mut [u64]; 2] = [even, odd];
    let (calls, moving, renewed) = (&mut calls[..], &table.moving[..], &table.renewed[..]);
    while let Some(row) = run.next_row() {
        context.check_deadline()?;
        let words = &mut *turns[run.trips % 2];
        run.add_rows()?;
        for &(index, anchor, offset) in renewed {
            // SAFETY: the caller's promise.
            let start = unsafe { place(run, anchor, row) };
            words[index] = start.wrapping_add(offset).expose_provenance() as u64;
        }
        for call in &mut *calls {
            // SAFETY: the words are where the plan's steps read and write in this iteration, of which each has places of
            // its own but for the state, that is written where it is not read.
            let called = unsafe { call.run(words) };
            if let Err(fallible) = called {
                return Err(failed(run, fallible, row, context));
            }
        }
        for &(index, by) in moving {
            words[index] = words[index].wrapping_add(by);
        }
        // SAFETY: the calls are done.
        unsafe { run.advance(1) };
    }
    Ok(())
}

/// Runs a session's plan once, as a line of calls.
///
/// # Safety
/// As for [`schedule::run`](super::schedule::run); the words must be those of the line, laid out for the plan and its
/// arena.
pub(super) unsafe fn run_once(
    plan: &Plan,
    RunLine { line, given, scratch }: &RunLine,
    addresses: Addresses<'_>,
    words: &mut [u64],
    context: &Context<'_>,
) -> Result<(), Fault> {
    for &(index, start) in given {
        words[index] = addresses.at(start).expose_provenance() as u64;
    }
    let ran = with_scratch(line.scratch_bytes, |own, _| {
        for &(index, offset) in scratch {
            words[index] = own.wrapping_add(offset).expose_provenance() as u64;
        }
        for of in &line.calls {
            let fault = |cause| Fault { step: of.step, task: 0, cause };
            context.check_deadline().map_err(fault)?;
            let Some(mut call) = Call::of(plan, of.step, of.part, of.words.clone()) else { continue };
            // SAFETY: the words are where the plan's steps read and write in this run.
            let called = unsafe { call.run(words) };
            called.map_err(|fallible| fault(Box::new(Cause::Function(fallible))))?;
        }
        Ok(())
    });
    ran.unwrap_or_else(|lacking| Err(Fault { step: 0, task: 0, cause: lacking.into() }))
}

/// Why the iteration of a row could not be done. Apart, so that iterations pay nothing for it.
// It passes through hands that have it boxed.
#[allow(clippy::unnecessary_box_returns)]
#[cold]
#[inline(never)]
fn failed(run: &LoopRun<'_>, fallible: Fallible, row: usize, context: &Context<'_>) -> Box<Cause> {
    run.named(Box::new(Cause::Function(fallible)), run.iteration(row, context).index)
}

/// The words of all calls.
struct Table {
    /// For iterations of an even number, and for those of an odd one.
    turns: [SmallVec<[u64; WORDS]>; 2],
    /// The words that move on by so much to the iteration after the next.
    moving: SmallVec<[(usize, u64); 32]>,
    /// The words that are asked for in each iteration.
    renewed: SmallVec<[(usize, Anchor, usize); 4]>,
}

impl Table {
    fn of(run: &LoopRun<'_>, line: &Straight, scratch: *mut u8) -> Table {
        let mut table = Table {
            turns: [SmallVec::new(), SmallVec::new()],
            moving: SmallVec::new(),
            renewed: SmallVec::new(),
        };
        for (index, &word) in line.words.iter().enumerate() {
            let [even, odd] = match word {
                Word::Number(number) => [number as u64; 2],
                Word::Address { of, offset } => {
                    // What only a session has, a loop's line has none of.
                    let own = || match of {
                        Anchor::Arena => run.frame,
                        Anchor::Scratch => scratch,
                        _ => ptr::null_mut(),
                    };
                    let turns = match run.places(of).unwrap_or_else(|| Places::Same(own())) {
                        Places::Same(place) => [place; 2],
                        Places::Alternating(places) => places,
                        Places::Rows { first, by } => {
                            table.moving.push((index, by.wrapping_mul(2) as u64));
                            [first, first.wrapping_offset(by)]
                        }
                        Places::Asked => {
                            table.renewed.push((index, of, offset));
                            [ptr::null_mut(); 2]
                        }
                    };
                    turns.map(|place| place.wrapping_add(offset).expose_provenance() as u64)
                }
            };
            table.turns[0].push(even);
            table.turns[1].push(odd);
        }
        table
    }
}

/// Where something lies from iteration to iteration.
pub(super) enum Places {
    Same(*mut u8),
    /// In one place or the other.
    Alternating([*mut u8; 2]),
    /// So many bytes on in each iteration, or back.
    Rows {
        first: *mut u8,
        by: isize,
    },
    /// Only the iteration knows.
    Asked,
}

/// Where the iteration of a row has what is fed or left.
///
/// # Safety
/// As for [`LoopRun::fed`].
unsafe fn place(run: &LoopRun<'_>, anchor: Anchor, row: usize) -> *mut u8 {
    match anchor {
        // SAFETY: the caller's promise.
        Anchor::Fed(position) => unsafe { run.fed(position, row) },
        Anchor::Left(position) => run.left(position, row),
        // These are the same each time.
        Anchor::Constant(_) | Anchor::Arena | Anchor::Scratch | Anchor::Given(_) => ptr::null_mut(),
    }
}

/// One call of the line, with all that is known before the loop begins.
enum Call<'p> {
    Program {
        function: codegen::Entry,
        words: Range<usize>,
        /// Whether it counts in its words, so that it is given others.
        counts: bool,
    },
    Op {
        op: &'p TileOp,
        args: Args,
        words: usize,
    },
    Clear {
        accumulator: &'p Accumulator,
        words: usize,
    },
    Total {
        accumulator: &'p Accumulator,
        words: usize,
    },
    Reduce {
        reduce: &'p MiddleReduction,
        words: usize,
    },
    Copy {
        bytes: usize,
        words: usize,
    },
}

impl<'p> Call<'p> {
    /// The call of a part of a plan's step.
    fn of(plan: &'p Plan, step: usize, part: Part, words: Range<usize>) -> Option<Self> {
        match (&plan.steps[step].kind, part) {
            (Kind::Copy { bytes, .. }, _) => Some(Call::Copy { bytes: *bytes, words: words.start }),
            (Kind::Reduce { reduce, .. }, _) => Some(Call::Reduce { reduce, words: words.start }),
            (Kind::Region(region), Part::Clear(index)) => {
                Some(Call::Clear { accumulator: &region.accumulators[index], words: words.start })
            }
            (Kind::Region(region), Part::Total(index)) => {
                Some(Call::Total { accumulator: &region.accumulators[index], words: words.start })
            }
            (Kind::Region(region), Part::Once(index)) => {
                let op = &region.once[index];
                let args = op_args(&op.operands, NOWHERE, 0, region.tile_rows);
                Some(Call::Op { op, args, words: words.start })
            }
            (Kind::Region(region), Part::Op(index)) => {
                let op = &region.ops[index];
                let args = op_args(&op.operands, NOWHERE, 0, region.rows);
                Some(Call::Op { op, args, words: words.start })
            }
            (Kind::Region(region), Part::Program(place)) => match &region.pieces[place] {
                Piece::Program(native) => {
                    let function = native.function.as_ref()?.entry();
                    Some(Call::Program { function, words, counts: native.row_bytes.is_none() })
                }
                Piece::Op(_) => None,
            },
            _ => None,
        }
    }

    /// Runs the call.
    ///
    /// # Safety
    /// As for [`run_task`](super::steps::run_task), with the words for what the step reads and writes.
    #[inline]
    unsafe fn run(&mut self, table: &mut [u64]) -> Result<(), Fallible> {
        let address = |index: usize| ptr::with_exposed_provenance_mut::<u8>(table[index] as usize);
        match self {
            Call::Program { function, words, counts: false } => {
                // SAFETY: as in `run_program`, by the caller's promise; a flat program only reads its words.
                unsafe { function.call(&mut table[words.clone()]) };
            }
            Call::Program { function, words, .. } => {
                let mut own = [0; MOST_WORDS];
                own[..words.len()].copy_from_slice(&table[words.clone()]);
                // SAFETY: the same.
                unsafe { function.call(&mut own) };
            }
            Call::Op { op, args, words } => {
                let [dst, a, b, c] = [0, 1, 2, 3].map(|operand| address(*words + operand));
                (args.dst, args.a, args.b, args.c) = (dst, a, b, c);
                // SAFETY: as for the kernels of `run_tiles`, by the caller's promise.
                unsafe { (op.kernel)(args) };
                if let (true, Some(fallible)) = (args.fault.get(), op.operands.fallible) {
                    return Err(fallible);
                }
            }
            Call::Clear { accumulator: Accumulator { reduce, dtype, elements, .. }, words } => {
                // SAFETY: the accumulators are there, for this loop alone.
                unsafe { reduce::clear(*reduce, *dtype, address(*words), *elements) };
            }
            Call::Total { accumulator: Accumulator { reduce, dtype, elements, lanes, .. }, words } => {
                let (from, to) = (address(*words), address(*words + 1));
                // SAFETY: as in `finish`, for the one chunk that there is.
                unsafe { reduce::combine_lanes(*reduce, *dtype, to, from, *lanes, elements / lanes) };
            }
            Call::Reduce { reduce, words } => {
                let [from, to, scratch] = [0, 1, 2].map(|index| address(*words + index));
                // SAFETY: the buffers are as large as the reduction's lengths say, and so is the memory to work in.
                unsafe { reduce.run(0, from, to, scratch) };
            }
            Call::Copy { bytes, words } => {
                let (from, to) = (address(*words), address(*words + 1));
                // SAFETY: both hold so many bytes, and are apart: the plan has given them places of their own.
                unsafe {
                    match *bytes {
                        // Of one number, which is most common, without a call.
                        8 => to.cast::<u64>().write_unaligned(from.cast::<u64>().read_unaligned()),
                        4 => to.cast::<u32>().write_unaligned(from.cast::<u32>().read_unaligned()),
                        bytes => ptr::copy_nonoverlapping(from, to, bytes),
                    }
                }
            }
        }
        Ok(())
    }
}
