//! What each step waits for, what it costs, and whether the plan is worth more than one thread.
//!
//! Costs are estimated nanoseconds on one thread. They decide only where work runs, never in what
//! order numbers are added, so a wrong estimate costs time and not bits.

use smallvec::SmallVec;

use super::{BufferId, Kind, Step};
use crate::kernel::gemm::Product;

/// Nanoseconds for an element of a tile to pass one op: a load, a store and an instruction at a
/// vector an instruction, from the first-level cache.
pub(super) const TILE_ELEMENT_COST: f64 = 0.1;

/// Nanoseconds for a byte to be copied from memory to memory.
const MOVED_BYTE_COST: f64 = 0.1;

/// Nanoseconds that several threads must save at least, by the estimates, for a plan to be run on them; else it runs on
/// the caller's thread, in order, without touching an atomic. Waking a sleeping thread takes 5 to 50 microseconds: with
/// 20 to save, a plan of two equal halves breaks even.
pub(crate) const INLINE_BELOW: f64 = 20_000.0;

/// Nanoseconds from which a task is worth doing on another thread than what made its operands. Some dozen kilobytes,
/// which is what a task of 5 microseconds works on, take as long to come from the cache of another core; steps are cut
/// into tasks of 20 microseconds and more, of which a last one may be a little smaller.
const WORTH_MOVING: f64 = 15_000.0;

/// Nanoseconds that a task costs beyond its work where threads share them out: the lock that is taken before and after
/// it, and the memory that is used less often again because steps may run at once.
const SHARING_COST: f64 = 300.0;

/// Nanoseconds up to which a run is brief: about as long as a thread spins for a lock before it sleeps.
const BRIEF: f64 = 1_000.0;

/// Steps before a step for which it is known exactly whether it waits for them, a bit each. Buffers are
/// used again soon after they have died, so older steps are rarely asked for; each 64 more cost 8 bytes a step.
const WINDOW: usize = 1024;

/// Words of a window.
const WORDS: usize = WINDOW / 64;

pub(super) fn moving_cost(bytes: usize) -> f64 {
    bytes as f64 * MOVED_BYTE_COST
}

/// What a kernel costs that nobody knows: a few times as much as to read and write the bytes. Running sums, measured,
/// take 1.6 times as much; a kernel that computes more is cut into too few tasks rather than handed out in vain.
pub(super) fn kernel_cost(bytes: usize) -> f64 {
    4.0 * moving_cost(bytes)
}

/// Nanoseconds to call a product, whatever its lengths.
const PRODUCT_CALL: f64 = 50.0;

pub(super) fn product_cost(product: &Product) -> f64 {
    PRODUCT_CALL + product.nanoseconds()
}

/// Nanoseconds that two threads save at most, by the estimates, compared with one: more threads may save more, but no
/// plan is worth less on a machine of two.
///
/// Saved is what can be done beside the longest path, and no more than half of the work of the tasks that are
/// [worth moving](WORTH_MOVING); what the sharing of all tasks costs is taken off.
fn saved(steps: &[Step], buffers: usize) -> f64 {
    // When each buffer is written, if there were a thread for each task.
    let mut written: Vec<f64> = vec![0.0; buffers];
    let (mut total, mut longest, mut movable, mut shared) = (0.0, 0.0_f64, 0.0, 0.0);
    for step in steps {
        let tasks = step.tasks().max(1) as f64;
        let task_cost = step.cost / tasks;
        let start = step.reads.iter().fold(0.0_f64, |start, read| start.max(written[read.index()]));
        let end = start + task_cost;
        step.writes.iter().for_each(|buffer| written[buffer.index()] = end);
        total += step.cost;
        longest = longest.max(end);
        movable += if task_cost >= WORTH_MOVING { step.cost } else { 0.0 };
        shared += tasks * SHARING_COST;
    }
    ((total - longest).min(movable / 2.0) - shared).max(0.0)
}

/// Whether the steps together are [brief](BRIEF), and none is a kernel that may be the user's.
pub(super) fn is_brief(steps: &[Step]) -> bool {
    let is_ours = |step: &Step| match step.kind {
        Kind::Region(_)
        | Kind::Product { .. }
        | Kind::Reduce { .. }
        | Kind::Join { .. }
        | Kind::Copy { .. } => true,
        Kind::Kernel(_) | Kind::Call(_) | Kind::Branch(_) | Kind::Loop(_) => false,
    };
    steps.iter().all(is_ours) && steps.iter().map(|step| step.cost).sum::<f64>() < BRIEF
}

/// The dependencies between a plan's steps.
#[derive(Debug)]
pub(crate) struct Order {
    /// Whether the plan runs on one thread, in the order of its steps.
    pub(crate) inline: bool,
    /// The steps that wait for each step.
    pub(crate) successors: Vec<Vec<u32>>,
    /// How many steps each step waits for.
    pub(crate) waits_for: Vec<u32>,
}

/// The dependencies while steps are entered one by one, in order.
pub(super) struct Ordering {
    order: Order,
    /// The step that writes each buffer.
    writer: Vec<Option<u32>>,
    /// For each entered step, the steps that it waits for, directly or not.
    ancestors: Vec<Window>,
    /// When each entered step would start, and what it costs, if there were a thread for each.
    times: Vec<Time>,
}

/// Nanoseconds.
#[derive(Clone, Copy)]
struct Time {
    start: f64,
    cost: f64,
}

/// Some of the steps before one: a bit for each of the [`WINDOW`] last ones, in words that begin at
/// multiples of 64.
#[derive(Clone, Copy)]
struct Window([u64; WORDS]);

impl Window {
    /// Where the word of a step is in the window of a step not before it, if it is there.
    fn word(of: usize, step: usize) -> Option<usize> {
        (step / 64 + WORDS).checked_sub(of / 64 + 1)
    }

    fn contains(&self, of: usize, step: usize) -> bool {
        Window::word(of, step).is_some_and(|word| self.0[word] >> (step % 64) & 1 == 1)
    }

    /// Adds an earlier step and the steps of its window, so far as they are in this one.
    fn add(&mut self, of: usize, step: usize, before: &Window) {
        if let Some(last) = Window::word(of, step) {
            self.0[last] |= 1 << (step % 64);
            let (to, from) = (&mut self.0[..=last], &before.0[WORDS - 1 - last..]);
            to.iter_mut().zip(from).for_each(|(to, from)| *to |= from);
        }
    }
}

impl Ordering {
    pub(super) fn of(steps: &[Step], buffers: usize, inline_below: f64) -> Self {
        let inline = saved(steps, buffers) < inline_below;
        let order =
            Order { inline, successors: vec![Vec::new(); steps.len()], waits_for: vec![0; steps.len()] };
        let (windows, buffers) = if inline { (0, 0) } else { (steps.len(), buffers) };
        Ordering {
            order,
            writer: vec![None; buffers],
            ancestors: Vec::with_capacity(windows),
            times: Vec::with_capacity(windows),
        }
    }

    pub(super) fn is_inline(&self) -> bool {
        self.order.inline
    }

    /// Enters the next step, which waits for those that write what it reads.
    pub(super) fn enter(&mut self, index: usize, step: &Step) {
        if self.order.inline {
            return;
        }
        let mut before: SmallVec<[u32; 8]> =
            step.reads.iter().filter_map(|read| self.writer[read.index()]).collect();
        before.sort_unstable();
        before.dedup();
        self.ancestors.push(Window([0; WORDS]));
        let mut start: f64 = 0.0;
        for &earlier in &before {
            let Time { start: began, cost } = self.times[earlier as usize];
            start = start.max(began + cost);
            self.wait(earlier as usize);
        }
        self.times.push(Time { start, cost: step.cost });
        for buffer in &step.writes {
            self.writer[buffer.index()] = Some(index as u32);
        }
    }

    /// Makes the entered step wait for an earlier one.
    fn wait(&mut self, earlier: usize) {
        let step = self.ancestors.len() - 1;
        self.order.successors[earlier].push(step as u32);
        self.order.waits_for[step] += 1;
        let before = self.ancestors[earlier];
        self.ancestors[step].add(step, earlier, &before);
    }

    /// Whether the entered step may use what all the given ones have used: whether it can only run when
    /// they are done, or can be made to at no cost.
    ///
    /// It costs nothing if, by the estimates, an earlier step would be done before this one could start
    /// even if it took twice as long. No path through the steps becomes longer then, so a run on any
    /// number of threads keeps its bound, the longest path and a fair share of the work; and the slack
    /// keeps branches that run side by side from waiting for each other.
    pub(super) fn may_follow(&self, earlier: &[u32]) -> bool {
        self.order.inline || earlier.iter().all(|&earlier| self.waits(earlier) || self.has_slack(earlier))
    }

    /// Makes the entered step wait for the given ones.
    pub(super) fn follow(&mut self, earlier: &[u32]) {
        for &earlier in earlier {
            if !self.order.inline && !self.waits(earlier) {
                self.wait(earlier as usize);
            }
        }
    }

    fn waits(&self, earlier: u32) -> bool {
        let step = self.ancestors.len() - 1;
        self.ancestors[step].contains(step, earlier as usize)
    }

    fn has_slack(&self, earlier: u32) -> bool {
        let (earlier, step) = (self.times[earlier as usize], self.times[self.times.len() - 1]);
        earlier.start + 2.0 * earlier.cost <= step.start
    }

    pub(super) fn finish(self) -> Order {
        self.order
    }
}

impl Step {
    /// Whether the step may make `written` where `read` lies, which nobody needs any more.
    pub(super) fn may_replace(&self, written: BufferId, read: BufferId) -> bool {
        matches!(&self.kind, Kind::Region(region) if region.may_replace(written, read))
    }

    /// Whether the tasks of the step leave something to be added up.
    pub(crate) fn is_combined(&self) -> bool {
        matches!(&self.kind, Kind::Region(region) if region.partial.is_some())
    }

    /// The tasks into which the step is split; they may run at once.
    pub(crate) fn tasks(&self) -> usize {
        match &self.kind {
            Kind::Region(region) => region.chunks,
            Kind::Product { factors, .. } => {
                if factors.product.m == 0 || factors.product.n == 0 {
                    return 0;
                }
                let panels = factors.panels();
                factors.batch.len().div_ceil(factors.batch.per_task(panels)) * panels
            }
            Kind::Reduce { reduce, .. } => reduce.tasks(),
            Kind::Join { assembly, .. } => assembly.tasks(),
            Kind::Kernel(call) => call.tasks(),
            Kind::Loop(call) => call.tasks(),
            Kind::Call(_) | Kind::Branch(_) | Kind::Copy { .. } => 1,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Start;
    use super::*;

    /// A step that reads what others write; its own buffer has its index.
    fn step(index: u32, reads: &[u32], cost: f64) -> Step {
        let (src, dst) = (Start { buffer: BufferId(0), offset: 0 }, BufferId(index));
        let reads = reads.iter().copied().map(BufferId).collect();
        Step { kind: Kind::Copy { src, dst, bytes: 8 }, reads, writes: vec![dst], origins: 0..0, cost }
    }

    #[test]
    fn within_the_window_it_is_known_what_a_step_waits_for() {
        let count = 2 * WINDOW as u32;
        // Steps far apart and near: a third waits for none, so that not all are ancestors of all.
        let reads = |index: u32| match index % 3 {
            _ if index < 200 => vec![],
            0 => vec![],
            1 => vec![index - 1 - index * 7 % 64, index - 150],
            _ => vec![index - 1 - index * 5 % 130],
        };
        let steps: Vec<Step> = (0..count).map(|index| step(index, &reads(index), INLINE_BELOW)).collect();
        let mut ordering = Ordering::of(&steps, steps.len(), INLINE_BELOW);
        let mut ancestors: Vec<Vec<bool>> = Vec::new();
        for (index, step) in steps.iter().enumerate() {
            ordering.enter(index, step);
            let mut all = vec![false; index];
            for read in &step.reads {
                all[read.index()] = true;
                all.iter_mut().zip(&ancestors[read.index()]).for_each(|(all, of)| *all |= of);
            }
            for (earlier, &waits) in all.iter().enumerate().skip(index.saturating_sub(WINDOW - 64)) {
                assert_eq!(ordering.waits(earlier as u32), waits, "{index} for {earlier}");
            }
            ancestors.push(all);
        }
    }

    #[test]
    fn a_step_is_made_to_wait_only_for_what_is_done_long_before() {
        // Two chains that start at once: 0, 1, 2 and 3, 4, 5.
        let reads: [&[u32]; 6] = [&[], &[0], &[1], &[], &[3], &[4]];
        let steps: Vec<Step> = (0..6).map(|index| step(index, reads[index as usize], INLINE_BELOW)).collect();
        let mut ordering = Ordering::of(&steps, steps.len(), INLINE_BELOW);
        steps[..3].iter().enumerate().for_each(|(index, step)| ordering.enter(index, step));
        assert!(ordering.may_follow(&[0, 1]));
        ordering.enter(3, &steps[3]);
        assert!(!ordering.may_follow(&[0]));
        ordering.enter(4, &steps[4]);
        assert!(!ordering.may_follow(&[0]), "0 may take a little longer than 3");
        ordering.enter(5, &steps[5]);
        assert!(ordering.may_follow(&[0]) && !ordering.may_follow(&[1]));
        ordering.follow(&[0, 4]);
        let order = ordering.finish();
        assert_eq!(order.successors[0], [1, 5]);
        assert_eq!(order.waits_for[5], 2);
    }
}
