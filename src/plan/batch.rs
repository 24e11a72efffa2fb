//! Batches of matrix products: where the operands of each lie, and how many one task computes.

/// Nanoseconds of products that a task should hold: several times what handing it to a thread costs.
const TASK_COST: f64 = 20_000.0;

/// An axis of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchAxis {
    pub(crate) length: usize,
    /// Elements of the first operand from one product to the next; 0 where it is the same for all.
    pub(crate) a: usize,
    /// Elements of the second operand.
    pub(crate) b: usize,
}

/// Products of one shape, in the row-major order of the axes. Without axes there is one.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    pub(crate) axes: Vec<BatchAxis>,
    /// Products of a task, where each is a single panel.
    per_task: usize,
}

impl Batch {
    /// A batch of products that take so many nanoseconds each.
    pub(super) fn new(axes: Vec<BatchAxis>, cost: f64) -> Self {
        Batch { axes, per_task: (TASK_COST / cost.max(1.0)).ceil() as usize }
    }

    /// How many products there are.
    pub(crate) fn len(&self) -> usize {
        self.axes.iter().map(|axis| axis.length).product()
    }

    /// Products that one task computes, of as many panels each.
    pub(crate) fn per_task(&self, panels: usize) -> usize {
        if panels == 1 { self.per_task.clamp(1, self.len().max(1)) } else { 1 }
    }

    /// Elements from the start of either operand to that of the product with this index.
    pub(crate) fn offsets(&self, mut index: usize) -> [usize; 2] {
        let mut offsets = [0; 2];
        for axis in self.axes.iter().rev() {
            let along = index % axis.length;
            index /= axis.length;
            offsets[0] += along * axis.a;
            offsets[1] += along * axis.b;
        }
        offsets
    }
}
