//! Programs that are made of others: with other instructions, or without some.

use super::{Inst, Program, Val};

impl Program {
    /// The program made anew: each instruction, of new operands, becomes the value that `place` says, which may add others
    /// before.
    pub(crate) fn rebuilt(mut self, mut place: impl FnMut(&mut Program, Inst) -> Val) -> Self {
        let insts = std::mem::take(&mut self.insts);
        self.insts.reserve(insts.len());
        let mut renumbered: Vec<Val> = Vec::with_capacity(insts.len());
        for mut inst in insts {
            inst.args.iter_mut().for_each(|arg| *arg = renumbered[arg.index()]);
            renumbered.push(place(&mut self, inst));
        }
        self.results_mut().for_each(|val| *val = renumbered[val.index()]);
        self
    }

    /// A program of the same constants and results without an instruction yet; the results keep their old numbers.
    pub(crate) fn without_instructions(&self) -> Self {
        Program {
            constants: self.constants.clone(),
            fetches: self.fetches.clone(),
            outputs: self.outputs.clone(),
            checks: self.checks.clone(),
            commits: self.commits.clone(),
            ..Program::default()
        }
    }

    /// The program without the instructions on which no result depends.
    pub(crate) fn pruned(self) -> Self {
        self.pruned_and_numbered().0
    }

    /// The same, and the number that each value has in it.
    pub(crate) fn pruned_and_numbered(mut self) -> (Self, Vec<Option<Val>>) {
        let mut kept = 0;
        let number = |is_live: bool| {
            let val = is_live.then_some(Val(kept));
            kept += u32::from(is_live);
            val
        };
        let numbers: Vec<Option<Val>> = self.live().into_iter().map(number).collect();
        let mut index = 0;
        self.insts.retain(|_| {
            index += 1;
            numbers[index - 1].is_some()
        });
        // What is left reads what is left.
        let renumber = |val: &mut Val| *val = numbers[val.index()].unwrap_or(*val);
        self.insts.iter_mut().flat_map(|inst| &mut inst.args).for_each(renumber);
        self.results_mut().for_each(renumber);
        (self, numbers)
    }
}
