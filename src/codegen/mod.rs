//! Machine code for region programs.
//!
//! It takes a region [`Program`], gives a [`Function`] that does the same as the interpreter's loops to the same bits, and
//! knows neither plans nor runs. Where there is no machine code, on other machines, under Miri, or where the system refuses
//! memory that can be executed, it gives nothing, and the interpreter runs the region.
//!
//! - [`program`]: the instructions, in single-assignment form; [`build`]: made one by one, each value once.
//! - [`iterated`]: a program that is run again and again on its own state.
//! - [`math`]: elementary functions as instructions, from the same source as the interpreter's.
//! - `x86`: the code for AVX2 and AVX-512; [`pages`]: memory from which it runs; `disassembly`: what lies there, as text.

mod build;
#[cfg(feature = "disassembly")]
mod disassembly;
mod iterated;
mod math;
mod pages;
mod program;
#[cfg(target_arch = "x86_64")]
mod x86;

use std::sync::Arc;

use crate::kernel::isa::Isa;

pub(crate) use build::Builder;
#[cfg(feature = "disassembly")]
pub(crate) use disassembly::disassembly;
pub(crate) use iterated::{Iterated, Role};
pub(crate) use math::{binary, unary};
pub(crate) use pages::Pages;
pub(crate) use program::{Access, Program, Stream, Value};

/// Words of a call before the addresses of streams: how many rows there are, and the bytes of a row where the program
/// leaves that open.
pub(crate) const FIRST_STREAM: usize = 2;

/// The code of one program, until it is somewhere from where it can run.
#[derive(Debug)]
pub(crate) struct Code {
    bytes: Vec<u8>,
    /// Where the function starts.
    entry: usize,
}

impl Code {
    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }
}

/// A program as a function.
#[derive(Clone, Debug)]
pub(crate) struct Function {
    pages: Arc<Pages>,
    /// Bytes of the pages before the function.
    start: usize,
    /// Bytes of the function; what it reads lies before.
    bytes: usize,
}

/// The address of a function: to call one again and again, without looking it up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry(*const u8);

impl Function {
    /// Where the function is, as long as it is there.
    pub(crate) fn entry(&self) -> Entry {
        Entry(self.pages.bytes().as_ptr().wrapping_add(self.start))
    }

    /// The instructions, where they are run.
    pub(crate) fn instructions(&self) -> &[u8] {
        &self.pages.bytes()[self.start..][..self.bytes]
    }

    /// Runs the program.
    ///
    /// # Safety
    /// As for [`Entry::call`].
    pub(crate) unsafe fn call(&self, words: &mut [u64]) {
        // SAFETY: the function is there, and the rest is the caller's promise.
        unsafe { self.entry().call(words) }
    }
}

impl Entry {
    /// Runs the program.
    ///
    /// # Safety
    /// The function must be there still. The words must be what a call takes, with addresses that reach what the program
    /// reads and writes there, for as many rows as they say, at least one; the machine must have the instruction set that
    /// the code is for. What the program writes must not overlap what it reads, but where the same elements of the same row
    /// are read before.
    pub(crate) unsafe fn call(&self, words: &mut [u64]) {
        // SAFETY: the pages hold the code of a function of this type from there on, by `place`.
        let function: unsafe extern "C" fn(*mut u64) = unsafe { std::mem::transmute(self.0) };
        // SAFETY: the caller's promise.
        unsafe { function(words.as_mut_ptr()) }
    }
}

/// Whether there is machine code for an instruction set.
pub(crate) fn is_possible(isa: Isa) -> bool {
    cfg!(all(feature = "native", target_arch = "x86_64", unix)) && !cfg!(miri) && isa > Isa::Baseline
}

/// The code of a program, if it can be expressed.
pub(crate) fn emit(program: &Program, isa: Isa) -> Option<Code> {
    if !is_possible(isa) {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    {
        x86::emit(program, isa)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = program;
        None
    }
}

/// The code of an iterated program, if it can be expressed.
pub(crate) fn emit_iterated(iterated: &Iterated, isa: Isa) -> Option<Code> {
    if !is_possible(isa) {
        return None;
    }
    #[cfg(target_arch = "x86_64")]
    {
        x86::emit_iterated(iterated, isa)
    }
    #[cfg(not(target_arch = "x86_64"))]
    {
        let _ = iterated;
        None
    }
}

/// Functions of all these codes, from one piece of memory; `None` where the system has none for code.
pub(crate) fn place(codes: &[Code]) -> Option<Vec<Function>> {
    let mut bytes = Vec::with_capacity(codes.iter().map(|code| code.bytes.len() + 64).sum());
    let mut starts = Vec::with_capacity(codes.len());
    for code in codes {
        bytes.resize(bytes.len().next_multiple_of(64), 0);
        starts.push((bytes.len() + code.entry, code.len() - code.entry));
        bytes.extend_from_slice(&code.bytes);
    }
    let pages = Arc::new(Pages::of(&bytes)?);
    Some(
        starts
            .into_iter()
            .map(|(start, bytes)| Function { pages: Arc::clone(&pages), start, bytes })
            .collect(),
    )
}
