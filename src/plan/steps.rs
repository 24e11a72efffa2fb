//! The steps of groups: what each reads and writes, and its kernel.

use std::ops::Range;
use std::sync::Arc;

use super::fuse::{Group, Rows};
use super::joins::{self, Lies, Operand};
use super::layout::{Layout, broadcast_strides, reduced};
use super::{
    Assembly, Batch, BatchAxis, BufferId, Factors, KernelCall, KernelOperand, Kind, Planner, Producer, Slot,
    Start, Step, UNDECIDED, order, product, region,
};
use crate::ir::{Computation, Prim, Val};
use crate::kernel::reduce::MiddleReduction;

/// Each buffer once, in ascending order.
pub(super) fn distinct(buffers: impl IntoIterator<Item = BufferId>) -> Vec<BufferId> {
    let mut distinct: Vec<BufferId> = buffers.into_iter().collect();
    distinct.sort_unstable();
    distinct.dedup();
    distinct
}

impl Planner<'_> {
    pub(super) fn add_step(&mut self, group: &Group) {
        match group {
            Group::Region { rows, producer, members } => self.add_region(rows, *producer, members),
            Group::Product(val) => self.add_product(*val),
            Group::Reduce(val) => self.add_reduction(*val),
            Group::Join(val) => self.add_join(*val),
            Group::Kernel(val) => self.add_kernel(*val),
            Group::Call(val) => self.add_call(*val),
        }
    }

    /// Lists the nodes that some instructions come from.
    pub(super) fn list_origins<'v>(&mut self, vals: impl IntoIterator<Item = &'v Val>) -> Range<u32> {
        let start = self.origins.len() as u32;
        self.origins.extend(vals.into_iter().map(|&val| self.program.inst(val).origin));
        start..self.origins.len() as u32
    }

    fn add_region(&mut self, rows: &Rows, producer: Option<Val>, members: &[Val]) {
        let origins = self.list_origins(producer.iter().chain(members));
        let producer = producer.map(|val| (val, self.factors(val)));
        let sources = region::Sources {
            program: self.program,
            layouts: &self.layouts,
            homes: self.homes,
            buffers: &self.buffer_of,
        };
        let mut region = region::compile(sources, rows, producer, members, self.options);
        let partial_bytes = region.chunks * region.partial_bytes;
        if partial_bytes > 0 {
            region.partial = Some(self.add_buffer(UNDECIDED, partial_bytes));
        }
        let mut reads = Vec::new();
        let mut writes: Vec<BufferId> =
            region.accumulators.iter().map(|accumulator| accumulator.buffer).collect();
        writes.extend(region.partial);
        if let Some(Producer { factors, c }) = &region.producer {
            reads.extend([factors.a.buffer, factors.b.buffer]);
            writes.extend(c.buffer());
        }
        for op in region.once.iter().chain(&region.ops) {
            let [dst, operands @ ..] = op.operands.slots();
            writes.extend(dst.buffer());
            reads.extend(operands.iter().filter_map(Slot::buffer));
        }
        let (writes, mut reads) = (distinct(writes), distinct(reads));
        reads.retain(|buffer| writes.binary_search(buffer).is_err());
        let cost = region.cost;
        self.steps.push(Step { kind: Kind::Region(Box::new(region)), reads, writes, origins, cost });
    }

    fn factors(&self, val: Val) -> Factors {
        let args = &self.program.inst(val).args;
        let product = product(self.program, &self.layouts, val);
        let kernel = product.kernel(self.options.isa);
        let [a, b] = [args[0], args[1]].map(|arg| self.start(arg));
        let dims = &self.program.inst(val).dims;
        let batch = &dims[..dims.len() - 2];
        let strides = [args[0], args[1]].map(|arg| {
            let (dims, strides) = (&self.program.inst(arg).dims, &self.layouts[arg.index()].strides);
            broadcast_strides(&dims[..dims.len() - 2], &strides[..dims.len() - 2], batch)
        });
        let batch = batch.iter().enumerate().map(|(axis, &length)| BatchAxis {
            length,
            a: strides[0][axis].unsigned_abs(),
            b: strides[1][axis].unsigned_abs(),
        });
        let batch = Batch::new(batch.collect(), order::product_cost(&product));
        Factors {
            product,
            batch,
            kernel,
            split: product.split(kernel),
            scratch_bytes: product.scratch_bytes(kernel),
            a,
            b,
        }
    }

    fn add_product(&mut self, val: Val) {
        let (factors, c) = (Box::new(self.factors(val)), self.buffer_of[&val]);
        let mut reads = vec![factors.a.buffer, factors.b.buffer];
        reads.dedup();
        let cost = order::product_cost(&factors.product) * factors.batch.len() as f64;
        let origins = self.list_origins([&val]);
        self.steps.push(Step { kind: Kind::Product { factors, c }, reads, writes: vec![c], origins, cost });
    }

    fn add_reduction(&mut self, val: Val) {
        let inst = self.program.inst(val);
        let lengths = reduced(self.program, inst.args[0], &inst.prim);
        let Prim::Reduce { reduce, .. } = inst.prim else {
            return;
        };
        let Some(reduce) = MiddleReduction::new(reduce, inst.dtype, lengths, self.options.isa) else {
            return;
        };
        let (src, dst) = (self.start(inst.args[0]), self.buffer_of[&val]);
        let cost = order::moving_cost(self.bytes(inst.args[0]));
        let origins = self.list_origins([&val]);
        self.steps.push(Step {
            kind: Kind::Reduce { reduce, src, dst },
            reads: vec![src.buffer],
            writes: vec![dst],
            origins,
            cost,
        });
    }

    fn add_join(&mut self, val: Val) {
        let (inst, dst) = (self.program.inst(val), self.buffer_of[&val]);
        let element = inst.dtype.size();
        let operand = |&arg: &Val| {
            let dims = self.program.inst(arg).dims.clone();
            if let Some(&buffer) = self.buffer_of.get(&self.base(arg)) {
                return Some(Operand { dims, lies: Lies::InItsPlace(buffer) });
            }
            let Layout { base, offset, strides } = joins::copied_from(self.program, &self.layouts, arg)?;
            let src = Start { buffer: self.buffer_of[&base], offset: offset * element };
            Some(Operand { dims, lies: Lies::At(src, strides) })
        };
        let operands = inst.args.iter().filter_map(operand).collect();
        let assembly = Box::new(Assembly::new(&inst.dims, element, operands));
        let reads = distinct(assembly.reads());
        let cost = order::moving_cost(assembly.copied_bytes());
        let origins = self.list_origins([&val]);
        self.steps.push(Step { kind: Kind::Join { assembly, dst }, reads, writes: vec![dst], origins, cost });
    }

    fn add_kernel(&mut self, val: Val) {
        let inst = self.program.inst(val);
        let Prim::Kernel(Computation { kernel, .. }) = &inst.prim else {
            return;
        };
        let operand = |&arg: &Val| KernelOperand {
            start: self.start(arg),
            dtype: self.program.inst(arg).dtype,
            dims: self.program.inst(arg).dims.clone(),
            // None goes backwards, as `layout::resolve` has seen to.
            strides: self.layouts[arg.index()].strides.iter().map(|stride| stride.unsigned_abs()).collect(),
        };
        let operands: Vec<KernelOperand> = inst.args.iter().map(operand).collect();
        let reads = distinct(operands.iter().map(|operand| operand.start.buffer));
        let dst = self.buffer_of[&val];
        let bytes = inst.args.iter().fold(self.bytes(val), |sum, &arg| sum.saturating_add(self.bytes(arg)));
        let lengths: Vec<&[usize]> = operands.iter().map(|operand| &*operand.dims).collect();
        let told = kernel.nanoseconds(&lengths, &inst.dims).filter(|told| told.is_finite());
        let cost = told.map_or_else(|| order::kernel_cost(bytes), |told| told.max(1.0));
        let call = Box::new(KernelCall {
            is_shared: kernel.is_shared(&lengths, &inst.dims),
            per_task: KernelCall::indices_per_task(&**kernel, &operands, &inst.dims, cost),
            kernel: Arc::clone(kernel),
            node: inst.origin,
            operands,
            dst,
            dtype: inst.dtype,
            dims: inst.dims.clone(),
        });
        let origins = self.list_origins([&val]);
        self.steps.push(Step { kind: Kind::Kernel(call), reads, writes: vec![dst], origins, cost });
    }
}
