//! A request and its plans: one for each combination of fed lengths that has come so far.

use std::iter;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use foldhash::HashMap;

use super::Core;
use super::failure::{no_memory, refused};
use super::folded::Results;
use crate::element::DType;
use crate::error::{Error, Result, Site};
use crate::exec::{FedArray, Ready, Store, Terms, planning};
use crate::graph::{Arena, Role, TensorMap, Walk};
use crate::ir::{Callee, Names, Program};
use crate::lower::{Lowered, Request, specialise};
use crate::memory::OutOfMemory;
use crate::plan::{self, Options, Plan};
use crate::rewrite::{self, Applied};
use crate::shape::Shape;

/// Plans kept for one request. More combinations of lengths than this are rare, and planning again
/// costs microseconds to milliseconds; without a bound, a stream of ever new lengths would fill memory.
const MAX_PLANS: usize = 32;

/// Bytes of plans kept for one request, the first and the newest apart: a plan of a hundred steps has some 50 KB, one of a thousand
/// times as many would fill memory 32 times over.
const MAX_PLAN_BYTES: usize = 16 << 20;

/// How to read each section of what `explain` prints.
const REWRITES: &str =
    "rewrites: rule: what stood there, of numbers and nodes : type in its node (why it went)";
const PROGRAM: &str = "program: %value = what is done, to which values : type  the node that it comes from";
const CODE: &str = "machine code: which ops of a step it does, by their place from 0; s are what it reads and writes, v values, f totals";
const PLAN: &str = "plan: b are buffers; in a region t are tiles and p totals, by their place in its memory";

/// A request that has been checked, with the plans made for it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) request: Request,
    feeds: Vec<FedTensor>,
    /// Whether the request runs the initializer. Its plan depends on what variables there are and holds the starts of
    /// all, so it is made for each run and not kept.
    initializes: bool,
    /// The plan for the first lengths, most often the only ones: it stays, and is found without a lock.
    first: OnceLock<Planned>,
    /// The plans for other lengths.
    plans: RwLock<Vec<Planned>>,
    /// Bytes of all plans.
    bytes: AtomicUsize,
}

/// What feeds are checked against, and what messages say of it.
#[derive(Debug)]
struct FedTensor {
    site: Site,
    dtype: DType,
    shape: Shape,
}

/// A plan that is kept.
#[derive(Clone, Debug)]
struct Planned {
    plan: Arc<Plan>,
    /// What was folded for it, so that other plans find it.
    _folded: Vec<Results>,
    /// What the plan takes.
    bytes: usize,
}

/// How many of the plans are to be kept beside the first and a new one, the newest, and their bytes.
fn worth_keeping(plans: &[Planned]) -> (usize, usize) {
    let mut bytes = 0;
    for (kept, planned) in plans.iter().rev().enumerate() {
        if kept + 2 == MAX_PLANS || bytes + planned.bytes > MAX_PLAN_BYTES {
            return (kept, bytes);
        }
        bytes += planned.bytes;
    }
    (plans.len(), bytes)
}

/// A program ready to be planned.
struct Optimized {
    program: Program,
    trace: Vec<Applied>,
    /// The results of what depends on constants alone; empty if there is nothing to fold, or no memory for it.
    folded: Vec<Results>,
}

impl Prepared {
    /// Checks a request as far as it can be without knowing the fed lengths.
    pub(super) fn new(arena: &Arena, request: Request) -> Result<Self> {
        let mentioned = request.feeds.iter().copied().chain(request.fetches.iter().map(|fetch| fetch.tensor));
        for id in mentioned {
            if let Some(body) = arena.body_of(id) {
                let function = arena.body(body).name.clone();
                return Err(Error::InsideFunction { site: arena.site(id), function });
            }
        }
        let mut is_fed = TensorMap::new(false);
        for &id in &request.feeds {
            let node = arena.node(id.node);
            if let Some(fault) = node.fault {
                return Err(arena.error(fault));
            }
            if std::mem::replace(is_fed.get_mut(id), true) {
                return Err(Error::FedTwice(arena.site(id)));
            }
        }
        let nodes = Walk::all(arena)
            .ancestors_short_of(request.fetches.iter().map(|fetch| fetch.tensor), |id| *is_fed.get(id));
        let initializes = nodes.into_iter().any(|id| arena.node(id).role == Role::WritesAll);
        let feeds = request.feeds.iter().map(|&id| FedTensor {
            site: arena.site(id),
            dtype: arena.tensor(id).dtype,
            shape: arena.tensor(id).shape.clone(),
        });
        Ok(Prepared {
            feeds: feeds.collect(),
            request,
            initializes,
            first: OnceLock::new(),
            plans: RwLock::default(),
            bytes: AtomicUsize::new(0),
        })
    }

    /// Bytes of the plans that are kept.
    pub(super) fn bytes(&self) -> usize {
        // The sum over many requests need not be of one moment.
        self.bytes.load(Ordering::Relaxed)
    }

    /// Plans now what would be planned at the first call, if it is known already what will be fed.
    pub(super) fn plan_if_static(&self, core: &Core) -> Result<()> {
        let known: Option<Vec<Vec<usize>>> = self.feeds.iter().map(|feed| feed.shape.known()).collect();
        match known {
            Some(dims) => self.plan(core, &dims).map(|_| ()),
            None => Ok(()),
        }
    }

    /// The fed arrays together with the plan for them, which is made if there is none yet.
    // Inlined, so that what it gives is made where it stays: to read it as vectors right after it has been written as
    // words would wait for the memory.
    #[inline(always)]
    pub(super) fn ready<'f>(&'f self, core: &Core, feeds: &'f [FedArray<'f>]) -> Result<Ready<'f>> {
        match self.first.get().and_then(|first| Ready::borrowed(&first.plan, feeds)) {
            Some(ready) => Ok(ready),
            None => self.ready_by_another(core, feeds),
        }
    }

    /// The fed arrays together with another plan than the first.
    fn ready_by_another<'f>(&self, core: &Core, feeds: &'f [FedArray<'f>]) -> Result<Ready<'f>> {
        let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        let ready = plans.iter().rev().find_map(|planned| Ready::new(&planned.plan, feeds));
        drop(plans);
        ready.map_or_else(|| self.planned(core, feeds), Ok)
    }

    /// The fed arrays together with a plan for them that is made now.
    #[cold]
    fn planned<'f>(&self, core: &Core, feeds: &'f [FedArray<'f>]) -> Result<Ready<'f>> {
        let mismatch = |index: usize| {
            let FedTensor { site, shape, .. } = &self.feeds[index];
            let (site, expected, found) = (site.clone(), shape.clone(), feeds[index].dims().to_vec());
            Error::FeedShape { site, expected, found }
        };
        for (fed, FedTensor { site, dtype, .. }) in feeds.iter().zip(&self.feeds) {
            if fed.dtype() != *dtype {
                let (site, expected, found) = (site.clone(), *dtype, fed.dtype());
                return Err(Error::FeedType { site, expected, found });
            }
        }
        if let Some(index) =
            (0..feeds.len()).find(|&index| !self.feeds[index].shape.admits(feeds[index].dims()))
        {
            return Err(mismatch(index));
        }
        for (fed, FedTensor { site, .. }) in feeds.iter().zip(&self.feeds) {
            if let Some(OutOfMemory { bytes, .. }) = fed.lacking() {
                return Err(Error::OutOfMemory { bytes, site: Some(site.clone()) });
            }
        }
        let dims: Vec<Vec<usize>> = feeds.iter().map(|feed| feed.dims().to_vec()).collect();
        let plan = self.plan(core, &dims)?;
        // The plan was made for these lengths, and the element types are those of the tensors.
        Ready::new(&plan, feeds).ok_or_else(|| mismatch(0))
    }

    /// The error of a list of another number of arrays than there are in the list of feeds that begins here.
    #[cold]
    pub(super) fn miscounted(&self, first: usize, expected: usize, found: usize) -> Error {
        let site = self.feeds.get(first).filter(|_| expected > 0).map(|feed| feed.site.clone());
        Error::FeedCount { site, expected, found }
    }

    /// Makes a plan for feeds of these lengths and keeps it, unless it initializes.
    fn plan(&self, core: &Core, dims: &[Vec<usize>]) -> Result<Arc<Plan>> {
        let Optimized { program, folded, .. } = self.program(core, dims)?;
        let fed = self.fed_types(dims);
        let plan = plan::plan(&program, core.options(), &core.constants, &fed);
        let plan = plan.map_err(|lacking| no_memory(&core.graph.read(), lacking, &self.request.fetches))?;
        let plan = Arc::new(plan);
        if self.initializes {
            return Ok(plan);
        }
        let planned = Planned { bytes: plan.bytes(), plan, _folded: folded };
        // Another thread may have been faster; what it has made serves all that come.
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        let first = self.first.get_or_init(|| planned.clone());
        if let Some(planned) = iter::once(first).chain(plans.iter()).find(|planned| planned.plan.fed == fed) {
            self.bytes.fetch_max(first.bytes, Ordering::Relaxed);
            return Ok(Arc::clone(&planned.plan));
        }
        let (kept, kept_bytes) = worth_keeping(&plans);
        let surplus_count = plans.len() - kept;
        let surplus: Vec<Planned> = plans.drain(..surplus_count).collect();
        self.bytes.store(first.bytes + kept_bytes + planned.bytes, Ordering::Relaxed);
        plans.push(planned.clone());
        drop(plans);
        // Kernels go with the plans that have them.
        drop(surplus);
        Ok(planned.plan)
    }

    pub(super) fn fed_types(&self, dims: &[Vec<usize>]) -> Vec<(DType, Vec<usize>)> {
        self.feeds.iter().zip(dims).map(|(feed, dims)| (feed.dtype, dims.clone())).collect()
    }

    /// The program for feeds of these lengths; what of it depends on constants alone is computed, unless
    /// some plan has it already.
    fn program(&self, core: &Core, dims: &[Vec<usize>]) -> Result<Optimized> {
        let specialised =
            planning(&core.graph, || specialise(&core.graph.snapshot(), core.lowered(), &self.request, dims));
        let program = specialised.map_err(|nested| refused("planning a run", nested))??;
        debug_assert_eq!(program.verify(), Ok(()));
        let mut optimized = Optimized { program, trace: Vec::new(), folded: Vec::new() };
        if core.optimize {
            optimized.program =
                core.optimized(optimized.program, &mut optimized.trace, &mut optimized.folded);
            debug_assert_eq!(optimized.program.verify(), Ok(()));
        }
        Ok(optimized)
    }

    /// What would run for these feeds, as text.
    pub(super) fn explain(&self, core: &Core, feeds: &[FedArray<'_>]) -> Result<String> {
        let plan = Arc::clone(self.ready(core, feeds)?.plan());
        let dims: Vec<Vec<usize>> = feeds.iter().map(|feed| feed.dims().to_vec()).collect();
        let Optimized { program, trace, .. } = self.program(core, &dims)?;
        let arena = core.graph.snapshot();
        let names = Names::of(&*arena, &self.request.feeds);
        let (trace, program, code) =
            (rewrite::trace_text(&trace, names), program.text(names), plan.code_text());
        let plan = plan.text(names);
        let code = if code.is_empty() { code } else { format!("\n{CODE}\n{code}") };
        Ok(format!("{REWRITES}\n{trace}\n{PROGRAM}\n{program}\n{PLAN}\n{plan}{code}"))
    }
}

impl Core {
    pub(super) fn lowered(&self) -> Lowered {
        let in_place = !self.optimize;
        Lowered { seed: self.graph.seed, check_numerics: self.check_numerics, in_place }
    }

    pub(super) fn options(&self) -> Options {
        let inline_below = if self.threads.are_many() { self.inline_below } else { f64::INFINITY };
        let (fuse, machine_code) = (self.optimize, self.machine_code);
        Options { isa: self.isa, fuse, machine_code, inline_below, is_called: false }
    }

    /// The program rewritten, and what depends on constants alone computed, unless some plan has it already; likewise
    /// what it calls, each once.
    fn optimized(&self, program: Program, trace: &mut Vec<Applied>, folded: &mut Vec<Results>) -> Program {
        let (mut program, applied) = rewrite::rewrite_loops(program, self.max_rewrites - trace.len());
        trace.extend(applied);
        let mut by = HashMap::default();
        let callees: Vec<Callee> = program.callees().into_iter().cloned().collect();
        for callee in callees {
            let mut called = callee.program().clone();
            called.replace_callees(&by);
            let called = callee.with_program(self.rewritten(called, trace, folded));
            by.insert(callee, called);
        }
        program.replace_callees(&by);
        self.rewritten(program, trace, folded)
    }

    /// The same for the instructions of the program alone.
    fn rewritten(&self, program: Program, trace: &mut Vec<Applied>, folded: &mut Vec<Results>) -> Program {
        let (program, applied) = rewrite::rewrite(program, self.max_rewrites - trace.len());
        trace.extend(applied);
        self.with_constants(program, trace, folded)
    }

    /// The program with the results of what depends on constants alone; as it is if there is no memory for them.
    fn with_constants(
        &self,
        program: Program,
        trace: &mut Vec<Applied>,
        folded: &mut Vec<Results>,
    ) -> Program {
        let left = self.max_rewrites - trace.len();
        let Some((folding, applied)) = rewrite::fold_constants(&program, left) else { return program };
        let results = |part| self.folded.results(part, |part| self.computed(part));
        let Some(results) = folding.parts().map(results).collect::<Option<Vec<Results>>>() else {
            return program;
        };
        trace.extend(applied);
        let program = folding.hold(program, &results);
        folded.extend(results);
        program
    }

    /// What a program gives that reads nothing but constants; nothing if there is no memory for it, in which
    /// case it is left to the run, which says so if it has none either.
    fn computed(&self, program: &Program) -> Option<Results> {
        let plan = Arc::new(plan::plan(program, self.options(), &self.constants, &[]).ok()?);
        let ready = Ready::new(&plan, &[])?;
        let mut values = Vec::with_capacity(program.fetches.len());
        // The program reads no variable, so a store without any serves.
        let mut fetched = |value| values.push(Arc::new(value));
        let run =
            Store::new(Some(0)).run(&ready, &self.graph, &self.threads, Terms::default(), None, &mut fetched);
        run.ok().map(|()| values.into())
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;
    use crate::graph::Graph;
    use crate::lower::Fetched;
    use crate::session::Session;

    #[test]
    fn what_another_thread_has_planned_meanwhile_is_taken() {
        let g = Graph::new();
        let x = g.placeholder::<f64>("x", [None]);
        let session = Session::builder(&g).threads(1).build().unwrap();
        let fetches = smallvec![Fetched { tensor: x.tanh().any().id(), value: true }];
        let request = Request { feeds: smallvec![x.any().id()], fetches };
        let prepared = Prepared::new(&session.core.graph.snapshot(), request).unwrap();
        let plan = |length| prepared.plan(&session.core, &[vec![length]]).unwrap();
        let [first, second, other] = [3, 3, 4].map(plan);
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
        assert_eq!(prepared.plans.read().unwrap().len(), 1, "beside the first");
        assert_eq!(prepared.bytes(), first.bytes() + other.bytes());
    }
}
