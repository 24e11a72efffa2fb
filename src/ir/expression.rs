//! [`Expression`]: what a program that reads nothing but constants computes, in a form that can be compared with that
//! of other programs of the same graph.

use std::hash::{Hash, Hasher};
use std::sync::{Arc, Weak};

use super::program::{Args, Dims, Prim, Program, Source, Val};
use crate::element::{DType, Value};

/// The instructions of a program and which of them it gives. Equal ones give the same elements, bit for bit, whatever
/// else is computed.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Expression {
    insts: Vec<(Action, Args, DType, Dims)>,
    results: Vec<Val>,
}

/// What an instruction does, without what differs from program to program.
#[derive(Debug, PartialEq, Eq, Hash)]
enum Action {
    Constant(ConstantId),
    Kernel(Box<Source>),
    Prim(Prim),
}

/// Which constant it is. Only where it lies counts, and no other one can come to lie there while this is kept.
#[derive(Clone, Debug)]
pub(crate) struct ConstantId(Weak<Value>);

impl ConstantId {
    pub(crate) fn of(value: &Arc<Value>) -> Self {
        ConstantId(Arc::downgrade(value))
    }
}

impl PartialEq for ConstantId {
    fn eq(&self, other: &Self) -> bool {
        Weak::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ConstantId {}

impl Hash for ConstantId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.as_ptr().hash(state);
    }
}

impl Program {
    /// What the program computes.
    pub(crate) fn expression(&self) -> Expression {
        let insts = self.insts.iter().map(|inst| {
            let action = match &inst.prim {
                Prim::Constant(index) => Action::Constant(ConstantId::of(&self.constants[*index as usize])),
                Prim::Kernel(computation) => Action::Kernel(computation.source.clone()),
                prim => Action::Prim(prim.clone()),
            };
            (action, inst.args.clone(), inst.dtype, inst.dims.clone())
        });
        Expression { insts: insts.collect(), results: self.fetches.clone() }
    }
}
