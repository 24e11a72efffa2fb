//! The machine code of a plan: made when the plan is, or later; and which programs it has, and where.

use std::fmt::{self, Write};
use std::sync::Arc;

use super::{
    Buffer, Constant, Kind, LoopCall, Native, Options, Piece, Place, Plan, Region, Slot, next_id, region,
    text,
};
use crate::codegen;

/// What is machine code.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Code<'p> {
    /// A program of a region.
    Program(&'p Native),
    /// A loop, all of it.
    Loop(&'p LoopCall),
}

/// A function of machine code.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Compiled<'p> {
    /// The plan that it is of: that of a run, or of what the run calls.
    pub(crate) plan: &'p Plan,
    /// What is called, if it is of that.
    pub(crate) called: Option<&'p str>,
    /// Its step.
    pub(crate) step: usize,
    pub(crate) code: Code<'p>,
    pub(crate) function: &'p codegen::Function,
}

impl Compiled<'_> {
    /// What of its step it does.
    pub(crate) fn part(&self) -> String {
        match self.code {
            Code::Program(Native { ops, .. }) => format!("ops {} to {}", ops.start, ops.end - 1),
            Code::Loop(call) => format!("loop `{}`", call.function),
        }
    }

    /// Bytes of the numbers that it works on.
    #[cfg(feature = "disassembly")]
    fn number_bytes(&self) -> usize {
        match self.code {
            Code::Program(native) => native.program.dtype.size(),
            Code::Loop(call) => call.compiled.as_ref().map_or(1, |function| function.dtype.size()),
        }
    }
}

/// What a plan's constants are known to hold: one number again and again, as a column of ones does.
#[derive(Clone, Copy)]
pub(super) struct KnownNumbers<'p> {
    buffers: &'p [Buffer],
    constants: &'p [Arc<Constant>],
}

impl KnownNumbers<'_> {
    /// The bits of each of the elements that lie in so many bytes from a slot on, if they are one number.
    pub(super) fn number(&self, slot: Slot, bytes: usize) -> Option<u64> {
        let Place::Constant(index) = self.buffers[slot.buffer()?.index()].place else { return None };
        self.constants[index].number(slot.offset..slot.offset.checked_add(bytes)?)
    }
}

impl Plan {
    /// Compiles the regions, which were made with these options, to machine code, as far as that can be. Apart from that, and
    /// from its line of calls and its id, the plan stays what it is.
    pub(crate) fn compile(&mut self, options: Options) {
        let mut regions: Vec<&mut Region> = self
            .steps
            .iter_mut()
            .filter_map(|step| match &mut step.kind {
                Kind::Region(region) => Some(&mut **region),
                _ => None,
            })
            .collect();
        let known = KnownNumbers { buffers: &self.buffers, constants: &self.constants };
        for region in &mut regions {
            region.make_programs(known, options);
        }
        region::place(regions, &self.buffers);
        // Nothing that a run has laid out for the plan as it was serves it any more.
        self.id = next_id();
        self.set_line();
    }

    /// All that is machine code, of the plan and of what it calls.
    pub(crate) fn compiled(&self) -> impl Iterator<Item = Compiled<'_>> {
        let calls = self.calls().into_iter().map(|(called, plan)| (Some(called), plan));
        std::iter::once((None, self)).chain(calls).flat_map(|(called, plan)| {
            plan.steps.iter().enumerate().flat_map(move |(step, of)| {
                let (pieces, looped): (&[Piece], _) = match &of.kind {
                    Kind::Region(region) => (&region.pieces, None),
                    Kind::Loop(call) => (&[], Some(&**call)),
                    _ => (&[], None),
                };
                let programs = pieces.iter().filter_map(|piece| match piece {
                    Piece::Program(native) => Some((Code::Program(native), native.function.as_ref()?)),
                    Piece::Op(_) => None,
                });
                let looped =
                    looped.and_then(|call| Some((Code::Loop(call), &call.compiled.as_ref()?.function)));
                let of_step = programs.chain(looped);
                of_step.map(move |(code, function)| Compiled { plan, called, step, code, function })
            })
        })
    }

    /// The programs for which there is machine code.
    pub(crate) fn code_text(&self) -> String {
        self.text_of_compiled(|text, &Compiled { step, code, .. }| match code {
            Code::Program(native) => text::write_program(text, step, native),
            Code::Loop(call) => text::write_loop_function(text, step, call),
        })
    }

    /// Their machine code.
    #[cfg(feature = "disassembly")]
    pub(crate) fn disassembly(&self) -> String {
        self.text_of_compiled(|text, compiled| {
            let Compiled { step, function, .. } = compiled;
            let bytes = function.instructions().len();
            writeln!(text, "step {step}, {}, {bytes} bytes:", compiled.part())?;
            writeln!(text, "{}", codegen::disassembly(function, compiled.number_bytes()))
        })
    }

    fn text_of_compiled(&self, write: impl Fn(&mut String, &Compiled<'_>) -> fmt::Result) -> String {
        let mut text = String::new();
        let mut of = self.id;
        for compiled in self.compiled() {
            // Writing to a string cannot fail.
            if let Some(called) = compiled.called.filter(|_| of != compiled.plan.id) {
                let _ = writeln!(text, "code of `{called}`:");
            }
            let _ = write(&mut text, &compiled);
            of = compiled.plan.id;
        }
        text
    }
}
