//! A program of functions that TensorFlow has, as its nodes: what ops become that it lacks.

use super::block::{Block, I64, Port, number, of_type};
use super::scalars;
use crate::element::Value;
use crate::io::export::expand::{Expanded, Number, Unexpanded};
use crate::io::export::extent::Extent;
use crate::io::tensorflow::Attr;
use crate::ir::{Inst, Prim, Reduce, ScalarValue, Val, View};

/// What is being written.
struct Writing<'a> {
    block: &'a mut Block,
    of: &'a Expanded,
    inputs: &'a [Port],
    ports: Vec<Port>,
}

/// Writes what an op computes of these inputs; gives its outputs.
pub(super) fn write(block: &mut Block, of: &Expanded, inputs: &[Port]) -> Result<Vec<Port>, Unexpanded> {
    let mut writing = Writing { block, of, inputs, ports: Vec::with_capacity(of.program.insts.len()) };
    for index in 0..of.program.insts.len() {
        let port = writing.inst(Val(index as u32))?;
        writing.ports.push(port);
    }
    Ok(of.program.outputs.iter().map(|&val| writing.port(val)).collect())
}

impl Writing<'_> {
    fn port(&self, val: Val) -> Port {
        self.ports[val.index()]
    }

    fn inst(&mut self, val: Val) -> Result<Port, Unexpanded> {
        let of = self.of;
        let inst = of.program.inst(val);
        let args: Vec<Port> = inst.args.iter().map(|&arg| self.port(arg)).collect();
        Ok(match &inst.prim {
            &Prim::Feed(position) => self.inputs[position as usize],
            Prim::Scalar(_) => match of.scalar(val)? {
                Number::Is(number) => self.block.constant(&value(number)),
                Number::Of(extent) => {
                    let number_of = self.extent(&extent);
                    self.block.cast(number_of, number(inst.dtype))
                }
                Number::Over(extent) => {
                    let number_of = self.extent(&extent);
                    let over = self.block.cast(number_of, number(inst.dtype));
                    let one = self.block.scalar(1.0, over.dtype);
                    self.block.same("RealDiv", &[one, over])
                }
            },
            &Prim::Constant(index) => self.block.constant(&of.program.constants[index as usize]),
            Prim::Join => self.join(val)?,
            &Prim::Iota { first } => {
                let extent = of.number(val, |inst| inst.dims[0] as i64 + first)?;
                let limit = self.extent(&extent);
                let [start, step] = [first, 1].map(|number| self.block.long(number));
                let attributes = vec![of_type("Tidx", number(I64))];
                self.block.node("Range", &[start, limit, step], attributes, number(I64))
            }
            &Prim::Map(scalar) => scalars::write(self.block, scalar, &args, inst.dtype),
            &Prim::Reduce { reduce, first, end } => {
                let op = match reduce {
                    Reduce::Sum => "Sum",
                    Reduce::Prod => "Prod",
                    Reduce::Max => "Max",
                    Reduce::Min => "Min",
                };
                self.block.reduce(op, args[0], &(first..end).collect::<Vec<_>>(), false)
            }
            Prim::View(View::Reshape) => {
                let lengths = self.lengths(val)?;
                self.block.reshape(args[0], lengths)
            }
            Prim::View(View::Broadcast) => {
                let lengths = self.lengths(val)?;
                self.block.broadcast(args[0], lengths)
            }
            Prim::View(View::Permute(axes)) => self.block.transpose(args[0], axes),
            Prim::View(View::Slice(axes)) => self.slice(val, args[0], axes.len())?,
            Prim::Dot => {
                let is_plain =
                    inst.dims.len() == 2 && inst.args.iter().all(|&arg| of.program.inst(arg).dims.len() == 2);
                self.block.same(if is_plain { "MatMul" } else { "BatchMatMulV2" }, &args)
            }
            Prim::Nothing
            | Prim::Read(_)
            | Prim::RunCount
            | Prim::Kernel(_)
            | Prim::Call(_)
            | Prim::Branch(_)
            | Prim::Loop(_)
            | Prim::Output(_) => return Err(Unexpanded::Kernel),
        })
    }

    /// A formula as a number, of 64 bits.
    fn extent(&mut self, extent: &Extent) -> Port {
        if let Some(known) = extent.as_known() {
            return self.block.long(known);
        }
        let mut sum: Option<Port> = None;
        for (times, symbols) in &extent.terms {
            let mut term: Option<Port> = None;
            for &symbol in symbols {
                let length = self.symbol(symbol);
                term = Some(term.map_or(length, |term| self.block.same("Mul", &[term, length])));
            }
            let Some(mut term) = term else { continue };
            if *times != 1 {
                let times = self.block.long(*times);
                term = self.block.same("Mul", &[term, times]);
            }
            sum = Some(sum.map_or(term, |sum| self.block.same("AddV2", &[sum, term])));
        }
        let mut sum = sum.unwrap_or_else(|| self.block.long(0));
        if extent.plus != 0 {
            let plus = self.block.long(extent.plus);
            sum = self.block.same("AddV2", &[sum, plus]);
        }
        if extent.over != 1 {
            let over = self.block.long(extent.over);
            sum = self.block.same("FloorDiv", &[sum, over]);
        }
        sum
    }

    /// A length that is fed: of several tensors that are repeated to each other's, the largest, unless there is a 0.
    fn symbol(&mut self, symbol: usize) -> Port {
        let places = &self.of.symbols[symbol].of;
        let lengths: Vec<Port> =
            places.iter().map(|&(input, axis)| self.block.length(self.inputs[input], axis)).collect();
        self.block.longest(&lengths)
    }

    /// Places on axes as the elements of a tensor, of which none is below 0.
    fn bounds(&mut self, bounds: &[Extent]) -> Port {
        if bounds.iter().all(|bound| bound.as_known().is_some()) {
            return self.extents(bounds);
        }
        let bound = |writing: &mut Self, bound: &Extent| {
            let at = writing.extent(bound);
            if bound.as_known().is_some() {
                return at;
            }
            let zero = writing.block.long(0);
            writing.block.same("Maximum", &[at, zero])
        };
        let parts: Vec<Port> = bounds.iter().map(|extent| bound(self, extent)).collect();
        self.block.pack(&parts, 0)
    }

    /// Formulas as the elements of a tensor.
    fn extents(&mut self, extents: &[Extent]) -> Port {
        if let Some(known) = extents.iter().map(Extent::as_known).collect::<Option<Vec<i64>>>() {
            return self.block.longs(&known);
        }
        let parts: Vec<Port> = extents.iter().map(|extent| self.extent(extent)).collect();
        self.block.pack(&parts, 0)
    }

    /// The lengths of a value: those of an input where they are its.
    fn lengths(&mut self, val: Val) -> Result<Port, Unexpanded> {
        let extents = self.of.lengths(val)?;
        for (position, &input) in self.inputs.iter().enumerate() {
            let of_input = |val: &usize| matches!(self.of.program.insts[*val].prim, Prim::Feed(fed) if fed as usize == position);
            let fed = (0..self.of.program.insts.len()).find(of_input);
            let is_known = extents.iter().all(|extent| extent.as_known().is_some());
            // What several inputs have together may be longer than it is here.
            let symbols = extents.iter().flat_map(|extent| extent.terms.iter().flat_map(|(_, of)| of));
            let is_own = symbols.copied().all(|symbol| self.of.symbols[symbol].of.len() == 1);
            if let (Some(fed), false, true) = (fed, is_known, is_own)
                && self.of.lengths(Val(fed as u32))? == extents
            {
                return Ok(self.block.shape(input));
            }
        }
        Ok(self.extents(&extents))
    }

    fn slice(&mut self, val: Val, x: Port, rank: usize) -> Result<Port, Unexpanded> {
        let (mut begins, mut ends, mut steps, mut end_mask) = (Vec::new(), Vec::new(), Vec::new(), 0_i64);
        for axis in 0..rank {
            let along = |inst: &Inst| match &inst.prim {
                Prim::View(View::Slice(axes)) => (axes[axis].first as i64, axes[axis].step as i64),
                _ => (0, 1),
            };
            let end = |inst: &Inst| {
                let (first, step) = along(inst);
                first + step * inst.dims[axis] as i64
            };
            begins.push(self.of.bound(val, |inst| along(inst).0)?);
            steps.push(along(self.of.program.inst(val)).1);
            let mut end = self.of.bound(val, end)?;
            if end.as_known().is_some_and(|end| end < 0) {
                // Down to the first element.
                end_mask |= 1 << axis;
                end.plus = 0;
            }
            ends.push(end);
        }
        let (begin, end) = (self.bounds(&begins), self.bounds(&ends));
        let steps = self.block.longs(&steps);
        let attributes =
            vec![of_type("T", x.dtype), of_type("Index", number(I64)), ("end_mask", Attr::Int(end_mask))];
        Ok(self.block.node("StridedSlice", &[x, begin, end, steps], attributes, x.dtype))
    }

    /// Pieces that fill the result, from the first axis on, as concatenations in each other.
    fn join(&mut self, val: Val) -> Result<Port, Unexpanded> {
        let inst = self.of.program.inst(val);
        let pieces: Vec<(Port, Vec<usize>)> =
            inst.args.iter().map(|&arg| (self.port(arg), self.of.program.inst(arg).dims.to_vec())).collect();
        let mut pieces = pieces.into_iter().peekable();
        let mut room = inst.dims.to_vec();
        self.fill(&mut pieces, &mut room, 0).ok_or(Unexpanded::Lengths)
    }

    fn fill(
        &mut self,
        pieces: &mut std::iter::Peekable<std::vec::IntoIter<(Port, Vec<usize>)>>,
        room: &mut Vec<usize>,
        axis: usize,
    ) -> Option<Port> {
        if axis == room.len() {
            return pieces.next().map(|(port, _)| port);
        }
        let whole = room[axis];
        let (mut filled, mut parts) = (0, Vec::new());
        while filled < whole {
            let length = *pieces.peek()?.1.get(axis)?;
            if length == 0 || length > whole - filled {
                return None;
            }
            room[axis] = length;
            parts.push(self.fill(pieces, room, axis + 1)?);
            filled += length;
        }
        room[axis] = whole;
        (!parts.is_empty()).then(|| self.block.concat(&parts, axis as i64))
    }
}

fn value(number: ScalarValue) -> Value {
    number.to_value()
}
