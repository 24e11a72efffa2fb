//! A plan as text: what will run, in what order, in which memory. Stable from run to run and the
//! same on every machine.

use std::fmt::{self, Write};

use super::{
    Base, BufferId, Factors, FunctionCall, KernelCall, Kind, LoopCall, LoopFeed, LoopFunction, LoopTrips,
    Native, PieceSource, Place, Plan, Producer, Slot, Start, Step, TileOp,
};
use crate::ir::Names;

/// As [`Plan::text`], with numbers for names.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Names::default()))
    }
}

/// The buffer, and the bytes of it that come before.
impl fmt::Display for Start {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b{}", self.buffer.0)?;
        if self.offset == 0 { Ok(()) } else { write!(f, "+{}", self.offset) }
    }
}

impl Plan {
    /// Buffers, steps, fetched values, and what all of it takes.
    pub(crate) fn text(&self, names: Names<'_>) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write(&mut text, names);
        for (function, plan) in self.calls() {
            let _ = writeln!(text, "plan of `{function}`:");
            let _ = plan.write(&mut text, names.inside());
        }
        text
    }

    fn write(&self, f: &mut impl Write, names: Names<'_>) -> fmt::Result {
        for (index, buffer) in self.buffers.iter().enumerate() {
            let place = match buffer.place {
                Place::Feed(position) => format!("feed {}", names.feed(position)),
                Place::RunCount => "run count".to_owned(),
                Place::Constant(index) => format!("constant {index}"),
                Place::Variable(variable) => format!("variable {}", names.variable(variable)),
                Place::Next(variable) => format!("next of variable {}", names.variable(variable)),
                Place::Output(position) => format!("output {position}"),
                Place::Arena(offset) => format!("arena at {offset}"),
                Place::Part { of: buffer, offset } => format!("part of {}", Start { buffer, offset }),
            };
            writeln!(f, "b{index}: {} bytes, {place}", buffer.bytes)?;
        }
        for (index, step) in self.steps.iter().enumerate() {
            write_step(f, index, step)?;
        }
        for fetch in &self.fetches {
            writeln!(f, "fetch {} : {}{:?}", fetch.start, fetch.dtype, fetch.dims)?;
        }
        let how = if self.order.inline { "inline" } else { "parallel" };
        let (peak, sum) = (self.arena_bytes, self.arena_bytes_without_reuse);
        writeln!(f, "{how}; arena {peak} bytes, {sum} without reuse")
    }
}

fn write_step(f: &mut impl Write, index: usize, step: &Step) -> fmt::Result {
    match &step.kind {
        Kind::Region(region) => {
            writeln!(
                f,
                "step {index}: region of {} rows, tiles of {}, {} chunks",
                region.rows, region.tile_rows, region.chunks
            )?;
            if let Some(Producer { factors, c }) = &region.producer {
                writeln!(f, "    producer {} = {}", slot(*c), product(factors))?;
            }
            region.once.iter().try_for_each(|op| write_op(f, "once ", op))?;
            region.ops.iter().try_for_each(|op| write_op(f, "", op))?;
            region.accumulators.iter().try_for_each(|accumulator| {
                writeln!(f, "    b{} = total of p{}", accumulator.buffer.0, accumulator.offset)
            })
        }
        Kind::Product { factors, c } => {
            let panel = [factors.split.rows, factors.split.columns];
            writeln!(f, "step {index}: b{} = {} in panels of {panel:?}", c.0, product(factors))
        }
        Kind::Reduce { reduce, src, dst } => {
            let lengths = [reduce.outer, reduce.axis, reduce.inner];
            writeln!(f, "step {index}: b{} = reduce {src} over the middle of {lengths:?}", dst.0)
        }
        Kind::Join { assembly, dst } => {
            write!(f, "step {index}: b{} = join", dst.0)?;
            for (position, piece) in assembly.pieces.iter().enumerate() {
                f.write_str(if position == 0 { " " } else { ", " })?;
                match piece.from {
                    PieceSource::Written(buffer) => write!(f, "b{}", buffer.0)?,
                    PieceSource::Copied { src, .. } => write!(f, "copy {src}")?,
                }
            }
            match assembly.tasks() {
                0 | 1 => writeln!(f),
                tasks => writeln!(f, " in {tasks} parts"),
            }
        }
        Kind::Kernel(call) => {
            let KernelCall { operands, dst, .. } = &**call;
            write!(f, "step {index}: b{} = kernel", dst.0)?;
            for (position, operand) in operands.iter().enumerate() {
                write!(f, "{} {}", if position == 0 { "" } else { "," }, operand.start)?;
            }
            match call.tasks() {
                1 => writeln!(f),
                tasks => writeln!(f, " in {tasks} parts"),
            }
        }
        Kind::Call(call) => {
            let FunctionCall { function, operands, outputs, frame, .. } = &**call;
            write!(f, "step {index}: {} = call `{function}`", list(outputs))?;
            for (position, operand) in operands.iter().enumerate() {
                write!(f, "{} {operand}", if position == 0 { "" } else { "," })?;
            }
            writeln!(f, " in b{}", frame.0)
        }
        Kind::Branch(call) => {
            write!(f, "step {index}: {} = branch by {}", list(&call.outputs), call.selector)?;
            for (position, branch) in call.branches.iter().enumerate() {
                write!(f, "{} `{}`", if position == 0 { " to" } else { " or" }, branch.function)?;
                for (position, operand) in branch.operands.iter().enumerate() {
                    write!(f, "{} {operand}", if position == 0 { "" } else { "," })?;
                }
            }
            writeln!(f, " in b{}", call.frame.0)
        }
        Kind::Loop(call) => write_loop(f, index, call),
        Kind::Copy { src, dst, bytes } => {
            writeln!(f, "step {index}: b{} = copy {src}, {bytes} bytes", dst.0)
        }
    }
}

fn list(buffers: &[BufferId]) -> String {
    buffers.iter().map(|buffer| format!("b{}", buffer.0)).collect::<Vec<_>>().join(", ")
}

fn write_loop(f: &mut impl Write, index: usize, call: &LoopCall) -> fmt::Result {
    write!(f, "step {index}: loop `{}`", call.function)?;
    match &call.trips {
        LoopTrips::Known(count) => write!(f, " {count} times")?,
        LoopTrips::While { first, most: usize::MAX } => write!(f, " while {first}")?,
        LoopTrips::While { first, most } => write!(f, " while {first}, at most {most} times")?,
        LoopTrips::Tapes(tapes) => {
            f.write_str(" over tapes")?;
            tapes.iter().try_for_each(|tape| write!(f, " {tape}"))?;
        }
    }
    f.write_str(if call.reverse { ", from the last row, of" } else { " of" })?;
    for (position, operand) in call.operands.iter().enumerate() {
        f.write_str(if position == 0 { " " } else { ", " })?;
        match operand {
            LoopFeed::State(state) => write!(f, "state {state}")?,
            LoopFeed::Row { of, bytes } => write!(f, "{bytes} bytes a row of {of}")?,
            LoopFeed::TapeRow { handle, bytes } => write!(f, "{bytes} bytes a row of tape {handle}")?,
            LoopFeed::Whole(start) => write!(f, "{start}")?,
            LoopFeed::RunCount(start) => write!(f, "count {start}")?,
        }
    }
    write!(f, " in b{}", call.frame.0)?;
    match call.per_task {
        Some(per_task) => writeln!(f, ", {} tasks of {per_task}", call.tasks())?,
        None => writeln!(f)?,
    }
    for (position, state) in call.states.iter().enumerate() {
        write!(f, "    state {position}: {} bytes, first {}", state.bytes, state.first)?;
        match state.last {
            Some(last) => writeln!(f, ", last b{}", last.0)?,
            None => writeln!(f)?,
        }
    }
    let what = if call.stacks_arrays() { "rows" } else { "tape" };
    call.stacks
        .iter()
        .try_for_each(|stack| writeln!(f, "    {what} b{}: {} bytes a row", stack.to.0, stack.row_bytes))
}

fn product(factors: &Factors) -> String {
    let Factors { product, batch, a, b, .. } = factors;
    let lengths = [product.m, product.k, product.n];
    let times = if batch.axes.is_empty() { String::new() } else { format!(", {} times", batch.len()) };
    format!("{a}·{b} of {lengths:?}{times}")
}

fn slot(slot: Slot) -> String {
    match slot.base {
        Base::Buffer(buffer) if slot.row_bytes == 0 => {
            format!("{} whole", Start { buffer, offset: slot.offset })
        }
        Base::Buffer(buffer) => Start { buffer, offset: slot.offset }.to_string(),
        Base::Scratch => format!("t{}", slot.offset),
        Base::Panel => "panel".to_owned(),
        Base::Partial => format!("p{}", slot.offset),
        Base::Nowhere => String::new(),
    }
}

/// The ops of a step that a program does, what its streams are, and its instructions.
pub(super) fn write_program(f: &mut impl Write, index: usize, native: &Native) -> fmt::Result {
    let Native { ops, program, streams, .. } = native;
    let shape = match program.width {
        None => "all elements in a row".to_owned(),
        Some(width) => format!("rows of {width}"),
    };
    writeln!(f, "step {index}, ops {} to {}, {shape}:", ops.start, ops.end - 1)?;
    for (stream, &at) in streams.iter().enumerate() {
        write!(f, "{}s{stream} is {}", if stream == 0 { "  " } else { ", " }, slot(at))?;
    }
    writeln!(f, "\n{program}")
}

/// A loop that is one function, and the state that it keeps in registers.
pub(super) fn write_loop_function(f: &mut impl Write, index: usize, call: &LoopCall) -> fmt::Result {
    write!(f, "step {index}, loop `{}`: one function", call.function)?;
    if let Some(LoopFunction { dtype, row_bytes, .. }) = &call.compiled {
        let (states, length) = (call.states.len(), row_bytes / dtype.size());
        write!(f, ", with {states} states of {dtype}[{length}] in registers")?;
    }
    f.write_str("\n\n")
}

fn write_op(f: &mut impl Write, prefix: &str, op: &TileOp) -> fmt::Result {
    let [dst, operands @ ..] = op.operands.slots();
    let accumulates = if dst.base == Base::Partial { "<-" } else { "=" };
    match dst.buffer() {
        Some(buffer) => write!(f, "    {prefix}{}", Start { buffer, offset: dst.offset })?,
        None => write!(f, "    {prefix}{}", slot(dst))?,
    }
    write!(f, " {accumulates} {}", op.instruction)?;
    let operands = operands.into_iter().filter(|operand| operand.base != Base::Nowhere);
    for (position, operand) in operands.enumerate() {
        write!(f, "{} {}", if position == 0 { "" } else { "," }, slot(operand))?;
    }
    writeln!(f)
}
