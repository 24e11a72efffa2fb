//! An op that ONNX lacks, as the few functions that a run computes it by. Lengths that are fed are computed by formulas of
//! those of the op's inputs.

use super::at::{At, Written};
use super::scalars::scalar;
use super::writer::{Dim, Val, Writer, int};
use crate::element::DType;
use crate::io::export::expand::{Expanded, Number, Unexpanded, expanded};
use crate::io::export::extent::Extent;
use crate::ir::{self, Inst, Prim, Reduce, Scalar, View, places};
use crate::shape::TensorType;

/// What an op has become.
pub(super) struct Functions {
    pub(super) names: Vec<String>,
    /// Whether all of it is functions of elements.
    pub(super) is_elementwise: bool,
}

pub(super) fn write(at: &mut At<'_, '_, '_>) -> Written<Functions> {
    let types: Vec<TensorType> = at.inputs.iter().map(Val::of_type).collect();
    let of = expanded(at.item.node, &types.iter().collect::<Vec<_>>()).map_err(|it| it.to_string())?;
    let count = of.program.insts.len();
    let mut writing = Writing { at, of: &of, names: Vec::with_capacity(count) };
    for index in 0..count {
        let name = writing.inst(ir::Val(index as u32))?;
        writing.names.push(name);
    }
    let is_function = |inst: &Inst| matches!(inst.prim, Prim::Feed(_) | Prim::Scalar(_) | Prim::Map(_));
    let is_elementwise = of.program.insts.iter().all(is_function);
    let names = of.program.outputs.iter().map(|&output| writing.names[output.index()].clone()).collect();
    Ok(Functions { names, is_elementwise })
}

/// What is being written.
struct Writing<'t, 'w, 'i, 'a> {
    at: &'t mut At<'w, 'i, 'a>,
    of: &'t Expanded,
    /// Of the instructions so far.
    names: Vec<String>,
}

/// A length that is fed, as an array of one integer: of several values that are repeated to each other's, the largest, unless
/// there is a 0. Also what is known of it.
pub(super) fn longest(w: &mut Writer, inputs: &[Val], axes: &[(usize, usize)]) -> (Dim, String) {
    let given = axes.iter().filter_map(|&(input, axis)| Some((inputs.get(input)?, axis)));
    let mut lengths: Vec<String> = Vec::new();
    let mut dims: Vec<&Dim> = Vec::new();
    for (input, axis) in given {
        let dim = input.dims.get(axis).unwrap_or(&Dim::Unknown);
        if !dims.iter().any(|other| other.is(dim)) {
            lengths.push(if input.is_length { input.name.clone() } else { w.length(input, axis) });
            dims.push(dim);
        }
    }
    let names: Vec<&str> = lengths.iter().map(String::as_str).collect();
    if let ([only], [dim]) = (&names[..], &dims[..]) {
        return ((*dim).clone(), (*only).to_owned());
    }
    let one = w.ints(&[1]);
    let largest = w.op("Max", &names, Vec::new());
    let least = w.op("Min", &[&names[..], &[&one]].concat(), Vec::new());
    (Dim::Unknown, w.op("Mul", &[&largest, &least], Vec::new()))
}

/// Why, in words.
fn told(unexpanded: Unexpanded) -> String {
    unexpanded.to_string()
}

impl Writing<'_, '_, '_, '_> {
    fn inst(&mut self, val: ir::Val) -> Written<String> {
        let of = self.of;
        let inst = of.program.inst(val);
        let args: Vec<String> = inst.args.iter().map(|&arg| self.names[arg.index()].clone()).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        Ok(match &inst.prim {
            Prim::Feed(position) => self.at.name(*position as usize)?,
            Prim::Scalar(_) => match of.scalar(val).map_err(told)? {
                Number::Is(number) => self.at.w.array(&number.to_value()),
                Number::Of(extent) => self.number(&extent, inst.dtype),
                Number::Over(extent) => {
                    let over = self.number(&extent, inst.dtype);
                    self.at.w.op("Reciprocal", &[&over], Vec::new())
                }
            },
            Prim::Constant(index) => self.at.w.array(&of.program.constants[*index as usize]),
            &Prim::Iota { first } => {
                let limit = of.number(val, |inst| inst.dims[0] as i64 + first).map_err(told)?;
                let limit = self.extent(&limit);
                let scalar = self.at.w.ints(&[]);
                let limit = self.at.w.reshape(&limit, &scalar);
                let [first, step] = [first, 1].map(|number| self.at.w.int(number));
                self.at.w.op("Range", &[&first, &limit, &step], Vec::new())
            }
            Prim::Map(function) => {
                let operands = inst.args.last().map_or(inst.dtype, |&last| of.program.inst(last).dtype);
                if operands == DType::F64 && matches!(function, Scalar::Erfc | Scalar::Normal) {
                    return Err("expected tails of the error function in f32, got f64".to_owned());
                }
                scalar(self.at.w, *function, &args, operands, inst.dtype)
            }
            Prim::Reduce { reduce, first, end } => self.reduce(*reduce, args[0], *first..*end, inst.dtype),
            Prim::View(View::Permute(order)) => {
                self.at.w.transpose(args[0], &order.iter().map(|&axis| axis as i64).collect::<Vec<_>>())
            }
            Prim::View(View::Reshape) => {
                let lengths = self.extents(&of.lengths(val).map_err(told)?);
                self.at.w.reshape(args[0], &lengths)
            }
            Prim::View(View::Broadcast) => {
                let lengths = self.extents(&of.lengths(val).map_err(told)?);
                self.at.w.op("Expand", &[args[0], &lengths], Vec::new())
            }
            Prim::View(View::Slice(axes)) => self.slice(val, args[0], axes.len())?,
            Prim::Join => self.joined(inst, &args)?,
            Prim::Dot => self.at.w.op("MatMul", &args, Vec::new()),
            Prim::Nothing
            | Prim::Read(_)
            | Prim::RunCount
            | Prim::Kernel(_)
            | Prim::Call(_)
            | Prim::Branch(_)
            | Prim::Loop(_)
            | Prim::Output(_) => return Err(told(Unexpanded::Kernel)),
        })
    }

    /// A formula, as an array of one integer.
    fn extent(&mut self, extent: &Extent) -> String {
        let w = &mut *self.at.w;
        if let Some(known) = extent.as_known() {
            return w.ints(&[known]);
        }
        let mut sum = w.ints(&[extent.plus]);
        for (times, symbols) in &extent.terms {
            let mut term = w.ints(&[*times]);
            for &symbol in symbols {
                let (_, length) = longest(w, &self.at.inputs, &self.of.symbols[symbol].of);
                term = w.op("Mul", &[&term, &length], Vec::new());
            }
            sum = w.op("Add", &[&sum, &term], Vec::new());
        }
        if extent.over == 1 {
            return sum;
        }
        // What is divided is a length, or a place on an axis, of which none is less than 0.
        let over = w.ints(&[extent.over]);
        w.op("Div", &[&sum, &over], Vec::new())
    }

    /// A formula as a number of a type.
    fn number(&mut self, extent: &Extent, dtype: DType) -> String {
        let number = self.extent(extent);
        let scalar = self.at.w.ints(&[]);
        let number = self.at.w.reshape(&number, &scalar);
        if dtype == DType::I64 { number } else { self.at.w.cast(&number, dtype) }
    }

    /// Places on axes as an array, of which none is below 0.
    fn bounds(&mut self, bounds: &[Extent], are_places: &[bool]) -> String {
        let found = self.extents(bounds);
        if bounds.iter().all(|bound| bound.as_known().is_some()) {
            return found;
        }
        // What is known may stand for what lies before the first element.
        let least = |&is_place: &bool| if is_place { 0 } else { i64::MIN };
        let least = self.at.w.ints(&are_places.iter().map(least).collect::<Vec<_>>());
        self.at.w.op("Max", &[&found, &least], Vec::new())
    }

    /// Formulas as an array.
    fn extents(&mut self, extents: &[Extent]) -> String {
        if let Some(known) = extents.iter().map(Extent::as_known).collect::<Option<Vec<i64>>>() {
            return self.at.w.ints(&known);
        }
        let parts: Vec<String> = extents.iter().map(|extent| self.extent(extent)).collect();
        self.at.concatenated(&parts.iter().map(String::as_str).collect::<Vec<_>>(), 0)
    }

    fn reduce(&mut self, reduce: Reduce, x: &str, axes: std::ops::Range<usize>, dtype: DType) -> String {
        let op = match reduce {
            Reduce::Sum => "ReduceSum",
            Reduce::Prod => "ReduceProd",
            Reduce::Max => "ReduceMax",
            Reduce::Min => "ReduceMin",
        };
        let (w, axes) = (&mut *self.at.w, axes.map(|axis| axis as i64).collect::<Vec<_>>());
        if dtype != DType::Bool {
            return w.reduce(op, x, &axes, false);
        }
        let numbers = w.cast(x, DType::I32);
        let found = w.reduce(op, &numbers, &axes, false);
        w.cast(&found, DType::Bool)
    }

    fn slice(&mut self, val: ir::Val, x: &str, rank: usize) -> Written<String> {
        let of = self.of;
        let (mut starts, mut ends, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        for axis in 0..rank {
            let along = |inst: &Inst| match &inst.prim {
                Prim::View(View::Slice(axes)) => (axes[axis].first as i64, axes[axis].step as i64),
                _ => (0, 1),
            };
            let end = |inst: &Inst| along(inst).0 + along(inst).1 * inst.dims[axis] as i64;
            starts.push(of.bound(val, |inst| along(inst).0).map_err(told)?);
            steps.push(along(of.program.inst(val)).1);
            let mut end = of.bound(val, end).map_err(told)?;
            if end.as_known().is_some_and(|end| end < 0) {
                // Down to the first element.
                end.plus = i64::MIN;
            }
            ends.push(end);
        }
        let [starts, ends] = [starts, ends].map(|bounds| {
            let is_place = |bound: &Extent| bound.as_known().is_none_or(|known| known >= 0);
            let are_places: Vec<bool> = bounds.iter().map(is_place).collect();
            self.bounds(&bounds, &are_places)
        });
        let w = &mut *self.at.w;
        let (axes, steps) = (w.ints(&(0..rank as i64).collect::<Vec<_>>()), w.ints(&steps));
        Ok(w.op("Slice", &[x, &starts, &ends, &axes, &steps], Vec::new()))
    }

    /// Operands side by side along one axis.
    fn joined(&mut self, inst: &Inst, args: &[&str]) -> Written<String> {
        let pieces: Vec<&[usize]> = inst.args.iter().map(|&arg| &*self.of.program.inst(arg).dims).collect();
        let corners = places(&inst.dims, pieces.iter().copied()).unwrap_or_default();
        let mut axes = (0..inst.dims.len()).filter(|&axis| corners.iter().any(|corner| corner[axis] > 0));
        match (axes.next(), axes.next()) {
            (None, _) if args.len() == 1 => Ok(args[0].to_owned()),
            (Some(axis), None) => Ok(self.at.w.op("Concat", args, vec![int("axis", axis as i64)])),
            _ => Err("expected pieces side by side along one axis, got some along several".to_owned()),
        }
    }
}
