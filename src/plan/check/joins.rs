//! Joins of the finished plan: whether the parts of each result are apart and make up the whole, and whether they are
//! written to their places.

use foldhash::{HashMap, HashSet};

use super::super::{Assembly, BufferId, Kind, PieceSource, Place, Plan, TileOp, reach};
use crate::ir::{places, size};
use crate::kernel::tile::merged;

/// The axes, as few as there can be, of the parts that are not one piece.
pub(super) struct Parts(HashMap<BufferId, Vec<(usize, isize)>>);

impl Parts {
    /// Reads all joins: the operands fill the result, each has the part that is its place or is copied there as a whole,
    /// and each part is that of one operand.
    ///
    /// So no two parts share an element: those of one join do not, and those of a join that is itself an operand lie
    /// within its own part.
    pub(super) fn of(plan: &Plan) -> Result<Self, String> {
        let mut parts = Parts(HashMap::default());
        let mut seen = HashSet::default();
        for (index, step) in plan.steps.iter().enumerate() {
            let Kind::Join { assembly, dst } = &step.kind else { continue };
            let of_step = |why: String| format!("step {index}: {why}");
            parts.read(plan, assembly, *dst, &mut seen).map_err(of_step)?;
        }
        match plan.parts.iter().find(|part| !seen.contains(part)) {
            Some(part) => Err(format!("b{} is a part of no join", part.0)),
            None => Ok(parts),
        }
    }

    fn read(
        &mut self,
        plan: &Plan,
        assembly: &Assembly,
        dst: BufferId,
        seen: &mut HashSet<BufferId>,
    ) -> Result<(), String> {
        let Assembly { dims, element, pieces, parts, ends } = assembly;
        let lengths = pieces.iter().map(|piece| piece.dims.as_slice());
        let starts = places(dims, lengths).ok_or("the operands do not fill the result")?;
        if plan.buffers[dst.index()].bytes != size(dims) * element {
            return Err(format!("b{} is not as large as the result", dst.0));
        }
        let (of, before) = match plan.buffers[dst.index()].place {
            Place::Part { of, offset } => (of, offset),
            _ => (dst, 0),
        };
        let strides: Vec<usize> = (1..=dims.len()).map(|axis| size(&dims[axis..])).collect();
        let mut copied = vec![0; pieces.len()];
        for part in parts {
            // Of each piece, the parts are its rows in their order.
            let end = &mut copied[part.piece as usize];
            if part.rows.start != *end {
                return Err("some rows of an operand are left out, or copied twice".to_owned());
            }
            *end = part.rows.end;
        }
        if !ends.is_sorted() || ends.last().copied().unwrap_or(0) as usize != parts.len() {
            return Err("its tasks are not all of its copies".to_owned());
        }
        for ((piece, start), copied) in pieces.iter().zip(&starts).zip(copied) {
            let offset = start.iter().zip(&strides).map(|(i, stride)| i * stride).sum::<usize>() * element;
            let axes =
                merged(piece.dims.iter().zip(&strides).map(|(&length, &stride)| (length, stride as isize)));
            match &piece.from {
                &PieceSource::Written(part) => {
                    let bytes = reach(0, axes.iter().copied(), *element).map(|reach| reach.end);
                    let buffer = &plan.buffers[part.index()];
                    let place = Place::Part { of, offset: before + offset };
                    if buffer.place != place || Some(buffer.bytes) != bytes {
                        return Err(format!("b{} is not where its operand has its place", part.0));
                    }
                    if !seen.insert(part) {
                        return Err(format!("b{} is a part for two operands", part.0));
                    }
                    if !matches!(axes[..], [] | [(_, 1)]) {
                        self.0.insert(part, axes);
                    }
                }
                PieceSource::Copied { to, transfer, .. } => {
                    let is_there = *to == offset
                        && merged(transfer.to()) == axes
                        && transfer.element() == *element
                        && copied == transfer.rows();
                    if !is_there {
                        return Err("an operand is not copied to its place".to_owned());
                    }
                }
            }
        }
        Ok(())
    }

    /// Whether a buffer is a part of which the elements do not lie side by side.
    pub(super) fn are_apart(&self, buffer: BufferId) -> bool {
        self.0.contains_key(&buffer)
    }

    /// Whether rows of so many elements, this many from one to the next, are the elements of a part.
    pub(super) fn are_rows(&self, part: BufferId, [rows, stride, width]: [usize; 3]) -> bool {
        let written = merged([(rows, stride as isize), (width, 1)].into_iter());
        self.0.get(&part) == Some(&written)
    }

    /// Whether an op writes the elements of a part, and nothing between them.
    pub(super) fn are_written_by(&self, op: &TileOp, part: BufferId) -> bool {
        let (operands, axes) = (&op.operands, self.0.get(&part));
        let written = operands.strided.as_ref().map(|strided| merged(strided.axes()));
        operands.dst.offset == 0 && axes.is_some() && written.as_ref() == axes
    }
}
