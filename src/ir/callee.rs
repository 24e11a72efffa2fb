//! [`Callee`]: a program that instructions of another one run.

use std::hash::{Hash, Hasher};
use std::ptr;
use std::sync::Arc;

use super::program::{Computation, Dims, Prim, Program};
use crate::element::DType;

/// A function's body, for operands of certain types and lengths. Its program is fed the operands and leaves its
/// `outputs`; it reads and changes nothing else. Equal to itself alone.
#[derive(Clone, Debug)]
pub(crate) struct Callee(Arc<Body>);

/// What instructions that call the same share.
#[derive(Debug)]
struct Body {
    function: String,
    operands: Vec<(DType, Dims)>,
    program: Program,
    /// Whether it is run for more than its outputs.
    must_run: bool,
}

impl Callee {
    /// The program of a function of this name, for operands of these types and lengths.
    pub(crate) fn new(function: String, operands: Vec<(DType, Dims)>, program: Program) -> Self {
        let must_run = program.insts.iter().any(|inst| match &inst.prim {
            Prim::Kernel(Computation { kernel, .. }) => kernel.must_run(),
            prim => prim.must_run_programs(),
        });
        Callee(Arc::new(Body { function, operands, program, must_run }))
    }

    /// The same function with another program in place of its own.
    pub(crate) fn with_program(&self, program: Program) -> Self {
        Callee::new(self.0.function.clone(), self.0.operands.clone(), program)
    }

    /// The function's name.
    pub(crate) fn function(&self) -> &str {
        &self.0.function
    }

    /// Whether it has a kernel that [must run](super::Kernel::must_run): each of two calls does something, although they
    /// give the same.
    pub(crate) fn must_run(&self) -> bool {
        self.0.must_run
    }

    /// Element types and lengths of what it is fed, by position.
    pub(crate) fn operands(&self) -> &[(DType, Dims)] {
        &self.0.operands
    }

    pub(crate) fn program(&self) -> &Program {
        &self.0.program
    }
}

impl PartialEq for Callee {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Callee {}

impl Hash for Callee {
    fn hash<H: Hasher>(&self, state: &mut H) {
        ptr::hash(Arc::as_ptr(&self.0), state);
    }
}
