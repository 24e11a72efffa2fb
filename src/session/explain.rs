//! What a run would do, as text: what was rewritten, the program, the plan, and its machine code.

use std::sync::Arc;

use super::fetch::FetchList;
use super::prepared::{Optimized, Prepared};
use super::{Core, Feeding, Fetch, Session};
use crate::error::Result;
use crate::exec::FedArray;
use crate::ir::Names;
use crate::plan::Plan;
use crate::rewrite;

/// How to read each section of what `explain` prints.
const REWRITES: &str =
    "rewrites: rule: what stood there, of numbers and nodes : type in its node (why it went)";
const PROGRAM: &str = "program: %value = what is done, to which values : type  the node that it comes from";
const CODE: &str =
    "which ops of a step it does, by their place from 0; s are what it reads and writes, v values, f totals";
const LATER: &str = ", from the second run with these lengths on";
#[cfg(feature = "disassembly")]
const DISASSEMBLY: &str = "disassembly: the machine code of these programs, by bytes from the start of the plan's code; behind a ; are the bits of a number that is read there";
const PLAN: &str = "plan: b are buffers; in a region t are tiles and p totals, by their place in its memory";

impl Session {
    /// The plan of a run of the fetches, as text: the rewrites that were applied, numbered, with their
    /// nodes and reasons; the program; the steps with their memory; and what of the steps is machine code, if anything
    /// is, or will be: instructions on each element, in loops over the elements of a row. Each section begins with a line that
    /// says how to read it; the page [how a run works](crate::guide::how_a_run_works) goes through all of them.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [3]);
    /// let y = (x * 1.0 + g.variable("v", 2.0_f64)).named("y");
    /// let text = Session::new(&g)?.feed(x, &ndarray::arr1(&[1.0, 2.0, 3.0])).explain(y)?;
    /// assert!(text.contains("1. algebra: mul \"x\", 1.0 : f64[3] in \"mul\" (x·1 = x)"));
    /// assert!(text.contains("%2 = add %0, %1 : f64[3]  \"y\""));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`run`](Session::run).
    pub fn explain<'g, F: Fetch<'g>>(&self, fetches: F) -> Result<String> {
        Feeding::of(self).explain(fetches)
    }

    /// What [`explain`](Session::explain) says, and behind it the machine code of each of its programs, instruction by
    /// instruction, in the words of NASM. Needs the feature `disassembly`.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.variable("x", vec![0.5_f32; 1000]);
    /// let y = (x * 2.0 + 1.0).exp();
    /// let text = Session::new(&g)?.disassemble(y)?;
    /// // Without machine code, as on another machine, there is nothing more than the plan.
    /// if text.contains("machine code: ") {
    ///     let (_, code) = text.split_once("disassembly: ").unwrap();
    ///     assert!(code.contains("vfmadd") && code.trim_end().ends_with("ret"));
    /// }
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`run`](Session::run).
    #[cfg(feature = "disassembly")]
    pub fn disassemble<'g, F: Fetch<'g>>(&self, fetches: F) -> Result<String> {
        Feeding::of(self).disassemble(fetches)
    }
}

impl<'g> Feeding<'_, 'g, '_> {
    /// The plan for the fetches and the shapes that are fed, as text; see [`Session::explain`].
    ///
    /// # Errors
    /// As for [`run`](Feeding::run), short of running.
    pub fn explain<F: Fetch<'g>>(self, fetches: F) -> Result<String> {
        self.explained(&fetches).map(|(text, _)| text)
    }

    /// The same and its machine code, instruction by instruction; see [`Session::disassemble`].
    ///
    /// # Errors
    /// As for [`explain`](Feeding::explain).
    #[cfg(feature = "disassembly")]
    pub fn disassemble<F: Fetch<'g>>(self, fetches: F) -> Result<String> {
        let (text, plan) = self.explained(&fetches)?;
        let code = plan.disassembly();
        Ok(if code.is_empty() { text } else { format!("{text}{DISASSEMBLY}\n{code}") })
    }

    fn explained<F: Fetch<'g>>(self, fetches: &F) -> Result<(String, Arc<Plan>)> {
        let core = &self.session.core;
        core.prepare(&self.tensors, &FetchList::of(fetches))?.explain(core, &self.arrays)
    }
}

impl Prepared {
    /// What would run for these feeds, as text, and the plan.
    fn explain(&self, core: &Core, feeds: &[FedArray<'_>]) -> Result<(String, Arc<Plan>)> {
        let (plan, Optimized { program, trace, .. }, is_there) = self.settled(core, feeds)?;
        let arena = core.graph.snapshot();
        let names = Names::of(&*arena, &self.request.feeds);
        let (trace, program, code) =
            (rewrite::trace_text(&trace, names), program.text(names), plan.code_text());
        let when = if is_there { "" } else { LATER };
        let code = if code.is_empty() { code } else { format!("\nmachine code{when}: {CODE}\n{code}") };
        let text = plan.text(names);
        Ok((format!("{REWRITES}\n{trace}\n{PROGRAM}\n{program}\n{PLAN}\n{text}{code}"), plan))
    }
}
