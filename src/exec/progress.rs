//! Which tasks of a run may be done, are under way, and are done.
//!
//! Takes a plan's order; gives tasks to the threads that ask: more of the step that the thread is at, whose operands
//! are near it, else those of a step that nobody is at, else those of another's; of several steps the earliest
//! first, so that memory is walked through as on one thread. A thread claims a task, does it and reports it; with its
//! last task a step is complete, and those that waited for it alone become ready. The invariant: a task is given out
//! once, and only when all the steps that its step waits for are complete. It is plain data, and shared among threads
//! behind a lock. Allocates for more steps than it has had, and otherwise never.
//!
//! What no step may do behind a fault is passed over: tasks are claimed and reported as ever, but not run.
//! All tasks *before* the earliest fault are run, whatever finished first, so the fault that is left is
//! the one that a run in order meets.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::Fault;
use crate::plan::Plan;

/// Nanoseconds as which longer steps are counted, so that their sum cannot overflow: no decision asks for more
/// than a few microseconds.
const LONGEST: f64 = 1e9;

/// A task that one thread has been given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Claim {
    pub(super) step: usize,
    pub(super) task: usize,
    /// Whether the task lies behind a fault, and is to be passed over.
    pub(super) is_void: bool,
}

/// What is left to do.
#[derive(Debug, Default)]
pub(super) struct Progress {
    steps: Vec<Count>,
    /// The steps of which every task may be claimed, the earliest on top; never more than there are steps.
    ready: BinaryHeap<Reverse<u32>>,
    /// The steps that some thread is at, the earliest on top; those without tasks left stay until they come up.
    begun: BinaryHeap<Reverse<u32>>,
    /// Steps that are not complete.
    left: usize,
    /// Estimated nanoseconds of all tasks that may be claimed.
    open: u64,
    /// The earliest fault.
    fault: Option<Fault>,
    /// Whether nothing is to be run any more.
    is_stopped: bool,
}

/// One step: how many steps it waits for, and what has become of its tasks.
#[derive(Clone, Copy, Debug)]
struct Count {
    waits_for: u32,
    tasks: u32,
    claimed: u32,
    done: u32,
    /// Estimated nanoseconds of one task.
    task_cost: u64,
}

impl Progress {
    /// Bytes for runs of so many steps.
    pub(super) const fn bytes(steps: usize) -> usize {
        steps * (size_of::<Count>() + 2 * size_of::<Reverse<u32>>())
    }

    /// All of a plan's steps are to be done.
    pub(super) fn start(&mut self, plan: &Plan) {
        self.start_steps(plan.steps.iter().map(|step| (step.tasks(), step.cost)), &plan.order.waits_for);
    }

    /// Parts of one step are to be done, which take so many nanoseconds together.
    pub(super) fn start_parts(&mut self, parts: usize, nanoseconds: f64) {
        self.start_steps([(parts, nanoseconds)].into_iter(), &[0]);
    }

    /// Steps of so many tasks and nanoseconds are to be done, each of which waits for so many others.
    fn start_steps(&mut self, steps: impl Iterator<Item = (usize, f64)>, waits_for: &[u32]) {
        let count = |((tasks, cost), &waits_for): ((usize, f64), &u32)| {
            // A step without tasks is one task that finds nothing to do, so that it too becomes complete.
            let tasks = tasks.max(1);
            let task_cost = (cost.min(LONGEST) / tasks as f64) as u64;
            Count { waits_for, tasks: tasks as u32, claimed: 0, done: 0, task_cost }
        };
        (self.left, self.open, self.fault, self.is_stopped) = (waits_for.len(), 0, None, false);
        self.steps.clear();
        self.ready.clear();
        self.begun.clear();
        self.steps.reserve_exact(waits_for.len());
        self.ready.reserve_exact(waits_for.len());
        self.begun.reserve_exact(waits_for.len());
        self.steps.extend(steps.zip(waits_for).map(count));
        for (step, _) in waits_for.iter().enumerate().filter(|&(_, &waits_for)| waits_for == 0) {
            self.make_ready(step);
        }
    }

    /// The next task for a thread that has been at a step, if one may be done now.
    pub(super) fn claim(&mut self, at: Option<usize>) -> Option<Claim> {
        let step =
            at.filter(|&step| self.has_open_tasks(step)).or_else(|| self.begin()).or_else(|| self.help())?;
        let count = &mut self.steps[step];
        let task = count.claimed as usize;
        count.claimed += 1;
        self.open -= count.task_cost;
        Some(Claim { step, task, is_void: self.is_void(step, task) })
    }

    /// Whether a step that some thread is at has tasks that may be claimed.
    fn has_open_tasks(&self, step: usize) -> bool {
        self.steps[step].claimed < self.steps[step].tasks
    }

    /// The earliest step that nobody is at.
    fn begin(&mut self) -> Option<usize> {
        let Reverse(step) = self.ready.pop()?;
        self.begun.push(Reverse(step));
        Some(step as usize)
    }

    /// The earliest step that others have begun and left tasks of.
    fn help(&mut self) -> Option<usize> {
        while let Some(&Reverse(step)) = self.begun.peek() {
            if self.has_open_tasks(step as usize) {
                return Some(step as usize);
            }
            self.begun.pop();
        }
        None
    }

    /// Takes down that a task has been done, or passed over; whether it was the last one of its step.
    pub(super) fn report(&mut self, claim: Claim, fault: Option<Fault>) -> bool {
        if let Some(fault) = fault {
            let is_first = self.fault.as_ref().is_none_or(|known| fault.place() < known.place());
            if is_first {
                self.fault = Some(fault);
            }
        }
        let count = &mut self.steps[claim.step];
        count.done += 1;
        count.done == count.tasks
    }

    /// Takes down that a step is complete, and lets those run that waited for it alone.
    pub(super) fn complete(&mut self, successors: &[u32]) {
        self.left -= 1;
        for &successor in successors {
            let successor = successor as usize;
            self.steps[successor].waits_for -= 1;
            if self.steps[successor].waits_for == 0 {
                self.make_ready(successor);
            }
        }
    }

    fn make_ready(&mut self, step: usize) {
        let Count { tasks, task_cost, .. } = self.steps[step];
        self.open += u64::from(tasks) * task_cost;
        self.ready.push(Reverse(step as u32));
    }

    /// Whether a step has tasks that must not be run, so that it gives nothing.
    pub(super) fn is_broken(&self, step: usize) -> bool {
        self.is_stopped || self.fault.as_ref().is_some_and(|fault| fault.step <= step)
    }

    fn is_void(&self, step: usize, task: usize) -> bool {
        self.is_stopped || self.fault.as_ref().is_some_and(|fault| fault.place() < (step, task))
    }

    /// Lets nothing more be run.
    pub(super) fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Estimated nanoseconds of all tasks that may be claimed.
    pub(super) fn open(&self) -> u64 {
        self.open
    }

    /// Whether every step is complete.
    pub(super) fn is_over(&self) -> bool {
        self.left == 0
    }

    /// Takes out the earliest fault.
    pub(super) fn take_fault(&mut self) -> Option<Fault> {
        self.fault.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exec::Cause;
    use crate::ir::NodeId;
    use crate::ir::Scalar;
    use crate::plan::Fallible;

    /// A few steps that wait for each other, run by threads that take turns at random.
    struct Toy {
        tasks: Vec<usize>,
        successors: Vec<Vec<u32>>,
        waits_for: Vec<u32>,
    }

    impl Toy {
        fn new(count: usize, random: &mut impl FnMut(usize) -> usize) -> Self {
            let (mut successors, mut waits_for) = (vec![Vec::new(); count], vec![0; count]);
            for (step, waits_for) in waits_for.iter_mut().enumerate().skip(1) {
                let before: Vec<usize> = (0..step).filter(|_| random(step) < 2).collect();
                *waits_for = before.len() as u32;
                for before in before {
                    successors[before].push(step as u32);
                }
            }
            Toy { tasks: (0..count).map(|_| random(4)).collect(), successors, waits_for }
        }

        fn is_ready(&self, step: usize, complete: &[bool]) -> bool {
            (0..step).all(|before| complete[before] || !self.successors[before].contains(&(step as u32)))
        }
    }

    fn fault(step: usize, task: usize) -> Fault {
        Fault {
            step,
            task,
            cause: Box::new(Cause::Function(Fallible { node: NodeId(0), function: Scalar::Div })),
        }
    }

    /// Runs with tasks that fail; gives the fault that is left. Every task is given out once, when it may run.
    fn run(
        toy: &Toy,
        progress: &mut Progress,
        fails: &[(usize, usize)],
        random: &mut impl FnMut(usize) -> usize,
    ) -> Option<(usize, usize)> {
        progress.start_steps(toy.tasks.iter().map(|&tasks| (tasks, 100.0)), &toy.waits_for);
        let mut complete = vec![false; toy.tasks.len()];
        let (mut under_way, mut claimed): (Vec<Claim>, Vec<_>) = (Vec::new(), Vec::new());
        while !progress.is_over() {
            let at = under_way.first().map(|claim| claim.step);
            let next = if random(2) == 0 { progress.claim(at) } else { None };
            if let Some(claim) = next {
                assert!(toy.is_ready(claim.step, &complete));
                claimed.push((claim.step, claim.task));
                under_way.push(claim);
            } else if !under_way.is_empty() {
                let claim = under_way.swap_remove(random(under_way.len()));
                let fails = !claim.is_void && fails.contains(&(claim.step, claim.task));
                if progress.report(claim, fails.then(|| fault(claim.step, claim.task))) {
                    complete[claim.step] = true;
                    progress.complete(&toy.successors[claim.step]);
                }
            }
        }
        assert_eq!((progress.claim(None), progress.open()), (None, 0));
        claimed.sort_unstable();
        let all = toy.tasks.iter().enumerate();
        let all: Vec<_> =
            all.flat_map(|(step, &tasks)| (0..tasks.max(1)).map(move |task| (step, task))).collect();
        assert_eq!(claimed, all);
        progress.take_fault().map(|fault| fault.place())
    }

    #[test]
    fn each_task_is_given_out_once_and_the_earliest_fault_is_left() {
        let mut state = 1_u32;
        let mut random = |below: usize| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as usize % below
        };
        let mut progress = Progress::default();
        for _ in 0..300 {
            let count = 1 + random(12);
            let toy = Toy::new(count, &mut random);
            for failing in 0..3 {
                let fails: Vec<_> = (0..failing).map(|_| (random(count), random(3))).collect();
                let real = fails.iter().filter(|(step, task)| *task < toy.tasks[*step].max(1));
                let first = real.min().copied();
                assert_eq!(run(&toy, &mut progress, &fails, &mut random), first);
            }
        }
    }

    #[test]
    fn nothing_is_run_behind_a_stop() {
        let mut progress = Progress::default();
        progress.start_steps([(3, 100.0), (1, 100.0)].into_iter(), &[0, 1]);
        assert_eq!(progress.claim(None).map(|claim| claim.is_void), Some(false));
        progress.stop();
        assert_eq!(progress.claim(None).map(|claim| claim.is_void), Some(true));
        assert!(progress.is_broken(0) && progress.is_broken(1));
    }
}
