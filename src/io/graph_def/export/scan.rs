//! Linear recurrences along an axis, as loops: TensorFlow has none.

use super::at::{At, Ports, one};
use super::block::{Block, Port, VARIANT, number, of_function, of_type, of_types};
use super::control::{Body, list_shape};
use super::writer::Writer;
use crate::element::DType;
use crate::io::tensorflow::Attr;
use crate::shape::TensorType;

/// What a place takes from the place before, by the number that the op is told.
const COEFFICIENT_BEFORE: usize = 1;
const BOTH_BEFORE: usize = 2;

impl Writer<'_> {
    /// At each place an addend, plus a coefficient times what the place before has come to. Rows along the axis come first
    /// in the loop, and the last one first where it goes backwards.
    pub(super) fn linear_scan(&mut self, at: &mut At<'_, '_>) -> Result<Vec<Port>, Option<String>> {
        let (axis, rank) = (at.axis("axis", 0)?, at.rank(0));
        let (delayed, reverse): (usize, bool) = (at.attribute("delayed")?, at.attribute("reverse")?);
        let rows = [at.inputs[0], at.inputs[1]].map(|x| {
            let x = at.front(x, rank, axis..axis + 1);
            if reverse { at.block.reverse(x, &[0]) } else { x }
        });
        let dtype = rows[0].dtype;
        let count = at.block.length(rows[0], 0);
        let mut row = at.output(0).shape.dims().to_vec();
        row.remove(axis);
        let row = TensorType::new(at.output(0).dtype, row);
        let list = {
            let shape = list_shape(at.block, &row);
            let count = at.block.cast(count, number(DType::I32));
            let attributes = vec![of_type("element_dtype", dtype), of_type("shape_type", number(DType::I32))];
            at.block.node("TensorListReserve", &[shape, count], attributes, VARIANT)
        };
        // Of a row, also where there is none.
        let shape = at.block.shape(rows[0]);
        let lengths = at.part(shape, 1, -1);
        let first = {
            let zero = at.block.scalar(0.0, dtype);
            at.block.broadcast(zero, lengths)
        };
        let state = [at.block.long(0), count, rows[0], rows[1], first, list];
        let wished = format!("{}_condition", at.item.name);
        let (cond, _) = self.function(Body { wished: &wished, inputs: &state }, |_, block, given| {
            Ok(vec![block.compare("Less", &given[..2])])
        })?;
        let wished = format!("{}_body", at.item.name);
        let (body, types) = self.function(Body { wished: &wished, inputs: &state }, |_, block, given| {
            Ok(iteration(block, given, delayed))
        })?;
        let attributes = vec![
            of_types("T", types),
            of_function("cond", cond),
            of_function("body", body),
            ("parallel_iterations", Attr::Int(10)),
        ];
        let node = at.block.node("StatelessWhile", &state, attributes, state[0].dtype);
        let list = Port { output: 5, dtype: VARIANT, ..node };
        // A list of nothing must be told the lengths of a row.
        let shape = at.block.cast(lengths, number(DType::I32));
        let sums =
            at.block.node("TensorListStack", &[list, shape], vec![of_type("element_dtype", dtype)], dtype);
        let sums = if reverse { at.block.reverse(sums, &[0]) } else { sums };
        let sums: Ports = one(at.back(sums, rank, axis));
        Ok(sums?)
    }
}

/// The state behind a place: of how many there are the next one, the same arrays, what the place has come to, and the list.
fn iteration(block: &mut Block, given: &[Port], delayed: usize) -> Vec<Port> {
    let &[place, count, coefficients, addends, sum, list] = given else { return Vec::new() };
    let (zero, unit) = (block.long(0), block.long(1));
    let taken = |block: &mut Block, rows: Port, place: Port| {
        let axis = block.int(0);
        let attributes = vec![
            of_type("Tparams", rows.dtype),
            of_type("Tindices", place.dtype),
            of_type("Taxis", axis.dtype),
        ];
        block.node("GatherV2", &[rows, place, axis], attributes, rows.dtype)
    };
    let before = block.same("Sub", &[place, unit]);
    // What the first place takes from before meets a sum of 0.
    let before = block.same("Maximum", &[before, zero]);
    let coefficient = taken(block, coefficients, if delayed == COEFFICIENT_BEFORE { before } else { place });
    let addend = taken(block, addends, place);
    // A factor of 0 wins.
    let nothing = block.scalar(0.0, sum.dtype);
    let is_nothing = block.compare("Equal", &[coefficient, nothing]);
    let product = block.same("MulNoNan", &[coefficient, sum]);
    let product = block.select(is_nothing, nothing, product);
    let next = block.same("AddV2", &[addend, product]);
    let item = if delayed == BOTH_BEFORE { sum } else { next };
    let index = block.cast(place, number(DType::I32));
    let attributes = vec![of_type("element_dtype", item.dtype)];
    let list = block.node("TensorListSetItem", &[list, index, item], attributes, VARIANT);
    let place = block.same("AddV2", &[place, unit]);
    vec![place, count, coefficients, addends, next, list]
}
