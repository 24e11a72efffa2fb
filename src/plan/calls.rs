//! Steps that run the plan of a function.

use std::sync::Arc;

use foldhash::{HashMap, HashSet};

use super::{BufferId, Constants, Lacking, MachineCode, Options, Plan, Start, plan_calling};
use crate::element::DType;
use crate::ir::{Callee, Prim, Program, Val};
use crate::memory::ALIGNMENT;

/// The plans of what a program calls, each made once.
pub(super) type Callees = HashMap<Callee, Arc<Plan>>;

/// Plans what a program calls, and what that calls in its turn.
pub(super) fn plan_callees(
    program: &Program,
    options: Options,
    constants: &Constants,
) -> Result<Callees, Lacking> {
    let mut plans = Callees::default();
    let machine_code = match options.machine_code {
        MachineCode::Later => MachineCode::AtOnce,
        decided => decided,
    };
    let options = Options { is_called: true, machine_code, ..options };
    for callee in program.callees() {
        let fed: Vec<(DType, Vec<usize>)> =
            callee.operands().iter().map(|(dtype, dims)| (*dtype, dims.to_vec())).collect();
        let plan = plan_calling(callee.program(), options, constants, &fed, &plans)?;
        plans.insert(callee.clone(), Arc::new(plan));
    }
    Ok(plans)
}

/// The values of a program's calls, by position; `None` for what nobody reads.
pub(super) fn outputs(program: &Program) -> HashMap<Val, Vec<Option<Val>>> {
    let mut outputs: HashMap<Val, Vec<Option<Val>>> = HashMap::default();
    for (index, inst) in (0..).zip(&program.insts) {
        if inst.prim.runs_programs() {
            outputs.insert(Val(index), vec![None; inst.prim.given().len()]);
        } else if let Prim::Output(position) = inst.prim
            && let Some(outputs) = outputs.get_mut(&inst.args[0])
        {
            outputs[position as usize] = Some(Val(index));
        }
    }
    outputs
}

/// The plan of a function, what it is fed, and where its outputs lie.
#[derive(Debug)]
pub(crate) struct FunctionCall {
    pub(crate) function: String,
    pub(crate) plan: Arc<Plan>,
    /// What is fed, by position: elements in row-major order.
    pub(crate) operands: Vec<Start>,
    /// Where the outputs are left, by position.
    pub(crate) outputs: Vec<BufferId>,
    /// Memory for the run: the plan's arena, and behind it the addresses of its buffers.
    pub(crate) frame: BufferId,
}

impl Plan {
    /// The functions that are called, by the plan and by what it calls, each once, and their plans.
    pub(super) fn calls(&self) -> Vec<(&str, &Plan)> {
        fn visit<'p>(plan: &'p Plan, seen: &mut HashSet<u64>, found: &mut Vec<(&'p str, &'p Plan)>) {
            for step in &plan.steps {
                for (function, plan) in step.kind.called() {
                    if seen.insert(plan.id) {
                        visit(plan, seen, found);
                        found.push((function, plan));
                    }
                }
            }
        }
        let mut found = Vec::new();
        visit(self, &mut HashSet::default(), &mut found);
        found
    }

    /// Where the addresses of the plan's buffers lie in the frame of a call.
    pub(crate) fn addresses_offset(&self) -> usize {
        // Where the arena ends, which is made of aligned buffers.
        self.arena_bytes.next_multiple_of(ALIGNMENT)
    }

    /// Bytes of the frame of a call.
    pub(super) fn frame_bytes(&self) -> usize {
        self.addresses_offset().saturating_add(self.buffers.len() * size_of::<*mut u8>())
    }

    /// Nanoseconds of a run on one thread.
    pub(super) fn cost(&self) -> f64 {
        self.steps.iter().map(|step| step.cost).sum()
    }
}
