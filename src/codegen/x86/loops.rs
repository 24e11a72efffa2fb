//! Loops over the elements of a row: several vectors at a time, then what is left.

use super::emit::{Function, MASK_TABLE, SPARE};
use super::encoder::{Condition, Gpr, Label, Mem, Reg, Rm};
use super::line::{Line, MASKS, Part, at};
use super::vector;
use crate::codegen::program::{Inst, Value};
use crate::ir::Reduce;
use crate::kernel::tile::FOLD_BYTES;

/// Bytes of a row.
pub(super) const BYTES: Gpr = Gpr(6);
/// Bytes of a row that fill whole passes through a loop; scratch behind these.
pub(super) const WHOLE: Gpr = Gpr(2);
/// Bytes from the start of a row.
pub(super) const INDEX: Gpr = Gpr(10);

/// Vectors that a loop with folds works on in a pass, which go on to the accumulators once or twice: with fewer, the loop's
/// own instructions take a larger part of the time.
const PASS: usize = 4;

/// Registers that are never given to values that loops keep, for temporaries.
pub(super) const TEMPORARIES: usize = 2;

/// How a loop goes through a row, and with what registers.
struct Loop<'a> {
    insts: &'a [Value],
    free: Vec<Reg>,
    masks: u8,
    /// Vectors that a line works on at once.
    copies: usize,
    /// Vectors of a pass.
    passes: usize,
    /// Accumulators of a fold; one if there is none.
    accumulators: usize,
}

impl Function<'_> {
    /// A loop over the elements of a row.
    pub(super) fn loops(&mut self, insts: &[Value]) -> Option<()> {
        let (machine, program) = (self.machine, self.program);
        let folds = || {
            insts.iter().filter_map(|&value| match program.inst(value) {
                Inst::Fold(fold, ..) => Some(fold.index()),
                _ => None,
            })
        };
        let vector = machine.vector();
        let most_bytes = program.most.saturating_mul(machine.element());
        // Lanes that no element goes on to have no accumulators.
        let accumulators = (FOLD_BYTES / vector).min(most_bytes.div_ceil(vector)).max(1);
        // Accumulators take the highest registers.
        let mut top = machine.registers();
        if !machine.is_512 {
            // The lanes of a part of a vector.
            top -= 1;
        }
        // Those that note NaN take the highest mask registers.
        let mut masks = MASKS;
        for fold in folds() {
            let reduce = program.folds[fold].reduce;
            top = top.checked_sub(accumulators)?;
            self.accumulators[fold] = Some((top, accumulators));
            if matches!(reduce, Reduce::Max | Reduce::Min) {
                self.ordered[fold] = Some(if machine.is_512 {
                    masks = masks.checked_sub(1)?;
                    Reg(2 + masks)
                } else {
                    top = top.checked_sub(1)?;
                    Reg(top as u8)
                });
            }
        }
        let (vectors, booleans) = Line::pressure(machine, program, insts);
        let pressure = vectors.max(1);
        let available = top.checked_sub(TEMPORARIES)?;
        if available < 2 {
            return None;
        }
        let fits = |copies: usize| copies * pressure <= available && copies * booleans <= usize::from(masks);
        let is_filled = |copies: usize| copies * vector <= most_bytes;
        let copies = [4, 2, 1].into_iter().find(|&copies| fits(copies) && is_filled(copies)).unwrap_or(1);
        let has_folds = folds().next().is_some();
        self.hoist(insts, available.saturating_sub(copies * pressure), top);
        let around = Loop {
            insts,
            // Those below the ones that are kept.
            free: (0..top - self.hoisted.len()).map(|reg| Reg(reg as u8)).collect(),
            masks,
            copies,
            passes: if has_folds { PASS } else { copies },
            accumulators: if has_folds { accumulators } else { 1 },
        };
        self.start_folds(folds());
        self.code.clear(INDEX);
        if program.is_exact {
            self.known_row(&around, most_bytes)?;
        } else {
            self.row(&around)?;
        }
        self.finish_folds(folds());
        self.hoisted.clear();
        Some(())
    }

    /// The loop over a row of so many bytes.
    fn known_row(&mut self, around: &Loop<'_>, bytes: usize) -> Option<()> {
        let vector = self.machine.vector();
        if bytes == self.machine.element() && self.program.folds.is_empty() {
            return self.part(around, 1, 0, Part::First);
        }
        let whole = bytes / (around.passes * vector) * (around.passes * vector);
        if whole > 0 {
            self.code.set(WHOLE, i32::try_from(whole).ok()?);
            self.passes(around, false)?;
        }
        let rest = bytes - whole;
        self.vectors(around, rest / vector)?;
        if !rest.is_multiple_of(vector) {
            let mask = self.known_lanes(rest % vector);
            self.vector(around, rest / vector, mask)?;
        }
        Some(())
    }

    /// The loop over a row of as many bytes as the call says.
    fn row(&mut self, around: &Loop<'_>) -> Option<()> {
        let vector = self.machine.vector();
        let most_bytes = self.program.most.saturating_mul(self.machine.element());
        if most_bytes >= around.passes * vector {
            self.code.copy(WHOLE, BYTES);
            self.code.and_number(WHOLE, -((around.passes * vector) as i32));
            self.passes(around, true)?;
        }
        // One vector after the other, on to the accumulators in turn.
        self.repeat(BYTES, around.accumulators * vector, true, |function| {
            let mut ends = Vec::new();
            for index in 0..around.accumulators {
                if index > 0 {
                    ends.push(function.skip_at_end(index * vector));
                }
                let mask = function.lanes(index * vector);
                function.vector(around, index, mask)?;
            }
            for end in ends {
                function.code.land(end);
            }
            Some(())
        })
    }

    /// Passes through the loop up to the end of the whole ones; at least one, unless there `may_be` none.
    fn passes(&mut self, around: &Loop<'_>, may_be: bool) -> Option<()> {
        let bytes = around.passes * self.machine.vector();
        self.repeat(WHOLE, bytes, may_be, |function| function.vectors(around, around.passes))
    }

    /// So many vectors from the index on, as many at once as a line takes.
    fn vectors(&mut self, around: &Loop<'_>, count: usize) -> Option<()> {
        let mut first = 0;
        while first < count {
            let mut copies = around.copies;
            while first + copies > count {
                copies /= 2;
            }
            self.part(around, copies, first, Part::Whole)?;
            first += copies;
        }
        Some(())
    }

    /// Some lanes of a vector.
    fn vector(&mut self, around: &Loop<'_>, index: usize, mask: Reg) -> Option<()> {
        self.part(around, 1, index, Part::Masked(mask))
    }

    fn part(&mut self, around: &Loop<'_>, copies: usize, first: usize, lanes: Part) -> Option<()> {
        let (machine, program) = (self.machine, self.program);
        let &Loop { insts, masks, .. } = around;
        let line = Line { machine, program, insts, copies, first, lanes, is_loop: true, masks, carried: &[] };
        self.line(&line, around.free.iter().copied())
    }

    /// Repeats some code, while the index goes up by so many bytes, until it is at an end; not at all where it `may_be` there
    /// already.
    fn repeat(
        &mut self,
        end: Gpr,
        bytes: usize,
        may_be: bool,
        body: impl FnOnce(&mut Self) -> Option<()>,
    ) -> Option<()> {
        let behind = may_be.then(|| {
            self.code.compare(INDEX, end);
            self.code.jump_ahead(Condition::NotBelow)
        });
        let top = self.code.here();
        body(self)?;
        self.code.add_number(INDEX, bytes as i32);
        self.code.compare(INDEX, end);
        self.code.jump_back(Condition::Below, top);
        if let Some(behind) = behind {
            self.code.land(behind);
        }
        Some(())
    }

    /// Loads into the registers below `top`, from the highest on, the values that a loop reads most often and does not
    /// make, at most so many.
    pub(super) fn hoist(&mut self, insts: &[Value], most: usize, top: usize) {
        let mut counts = vec![0_usize; self.program.insts.len()];
        for operand in insts.iter().flat_map(|&value| self.program.inst(value).operands()) {
            counts[operand.index()] += 1;
        }
        // What lies elsewhere is not made here: loops leave nothing to each other but in memory.
        for value in insts {
            counts[value.index()] = 0;
        }
        let reads =
            counts.into_iter().enumerate().filter(|&(index, count)| count > 0 && self.outer[index].is_some());
        let mut reads: Vec<(Value, usize)> = reads.map(|(index, count)| (Value::new(index), count)).collect();
        reads.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
        for (index, (value, _)) in reads.into_iter().take(most).enumerate() {
            let reg = Reg((top - 1 - index) as u8);
            if let Some(place) = self.outer[value.index()] {
                self.machine.load(&mut self.code, reg, place);
            }
            self.hoisted.push((value, reg));
        }
    }

    /// Jumps where a row ends so many bytes behind the index, or before.
    fn skip_at_end(&mut self, offset: usize) -> Label {
        self.code.address(SPARE, at(INDEX, offset as i32));
        self.code.compare(SPARE, BYTES);
        self.code.jump_ahead(Condition::NotBelow)
    }

    /// The lanes that a row has of the vector so many bytes behind the index, in a mask.
    fn lanes(&mut self, offset: usize) -> Reg {
        let machine = self.machine;
        let code = &mut self.code;
        code.copy(SPARE, BYTES);
        code.subtract(SPARE, INDEX);
        if offset > 0 {
            code.add_number(SPARE, -(offset as i32));
        }
        if machine.is_512 {
            code.shift_right(SPARE, if machine.is_double { 3 } else { 2 });
            code.set(WHOLE, -1);
            vector::clear_from(code, WHOLE, SPARE);
            vector::mask_of(code, Reg(1), WHOLE);
            return Reg(1);
        }
        code.set(WHOLE, 32);
        code.compare(SPARE, WHOLE);
        code.copy_if_not_below(SPARE, WHOLE);
        code.address(WHOLE, Mem::Code(MASK_TABLE / 2));
        code.subtract(WHOLE, SPARE);
        machine.load(code, Reg(15), Rm::Mem(at(WHOLE, 0)));
        Reg(15)
    }

    /// The lanes of so many bytes, fewer than a vector has, in a mask.
    pub(super) fn known_lanes(&mut self, bytes: usize) -> Reg {
        let (machine, code) = (self.machine, &mut self.code);
        if machine.is_512 {
            code.set(WHOLE, (1 << (bytes / machine.element())) - 1);
            vector::mask_of(code, Reg(1), WHOLE);
            return Reg(1);
        }
        machine.load(code, Reg(15), Rm::Mem(Mem::Code(MASK_TABLE / 2 - bytes)));
        Reg(15)
    }
}
