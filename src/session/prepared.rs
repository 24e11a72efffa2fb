//! A request and its plans: one for each combination of fed lengths that has come so far.
//!
//! Where lengths may change, most may come once: a plan for them is interpreted in its first run, and compiled to machine
//! code, which gives the same bits, when there is a second one. A request whose lengths are all known is compiled at once.

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
use crate::ir::{Callee, Program};
use crate::lower::{Lowered, Request, specialise};
use crate::memory::OutOfMemory;
use crate::plan::{self, MachineCode, Options, Plan};
use crate::rewrite::{self, Applied};
use crate::shape::Shape;

/// Plans kept for one request. More combinations of lengths than this are rare, and planning again
/// costs microseconds to milliseconds; without a bound, a stream of ever new lengths would fill memory.
const MAX_PLANS: usize = 32;

/// Bytes of plans kept for one request, the first and the newest apart: a plan of a hundred steps has some 50 KB, one of a thousand
/// times as many would fill memory 32 times over.
const MAX_PLAN_BYTES: usize = 16 << 20;

/// A request that has been checked, with the plans made for it.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) request: Request,
    feeds: Vec<FedTensor>,
    /// Whether the request runs the initializer. Its plan depends on what variables there are and holds the starts of
    /// all, so it is made for each run and not kept.
    initializes: bool,
    /// The first plan that is as fast as it gets, most often the only one: it stays, and is found without a lock.
    first: OnceLock<Planned>,
    /// The other plans.
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
    /// Whether it has been for one run so far, and is to be compiled for the next.
    is_tried: bool,
}

/// How many of the plans are to be kept beside the first and a new one, the newest.
fn worth_keeping(plans: &[Planned]) -> usize {
    let mut bytes = 0;
    for (kept, planned) in plans.iter().rev().enumerate() {
        if kept + 2 == MAX_PLANS || bytes + planned.bytes > MAX_PLAN_BYTES {
            return kept;
        }
        bytes += planned.bytes;
    }
    plans.len()
}

/// A program ready to be planned.
pub(super) struct Optimized {
    pub(super) program: Program,
    pub(super) trace: Vec<Applied>,
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
        match self.known_lengths() {
            Some(dims) => self.plan(core, &dims).map(|_| ()),
            None => Ok(()),
        }
    }

    /// What is fed in any run, if all of it is known.
    pub(super) fn known_lengths(&self) -> Option<Vec<Vec<usize>>> {
        self.feeds.iter().map(|feed| feed.shape.known()).collect()
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
        match self.found(feeds) {
            Some((ready, false)) => Ok(ready),
            Some((ready, true)) => self.compiled(core, ready, feeds),
            None => self.planned(core, feeds),
        }
    }

    /// The fed arrays together with their plan among those beside the first, and whether it is to be compiled.
    fn found<'f>(&self, feeds: &'f [FedArray<'f>]) -> Option<(Ready<'f>, bool)> {
        let plans = self.plans.read().unwrap_or_else(PoisonError::into_inner);
        plans.iter().rev().find_map(|planned| Some((Ready::new(&planned.plan, feeds)?, planned.is_tried)))
    }

    /// The fed arrays together with their plan, which has been run once, compiled now; as it is while another thread runs or
    /// compiles it.
    #[cold]
    fn compiled<'f>(&self, core: &Core, tried: Ready<'f>, feeds: &'f [FedArray<'f>]) -> Result<Ready<'f>> {
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        let place = plans.iter().position(|planned| Arc::ptr_eq(&planned.plan, tried.plan()));
        // The list has it, and this thread; from the list nobody gets it meanwhile.
        let Some(place) = place.filter(|_| Arc::strong_count(tried.plan()) == 2) else { return Ok(tried) };
        let mut planned = plans.remove(place);
        drop(plans);
        drop(tried);
        if let Some(plan) = Arc::get_mut(&mut planned.plan) {
            plan.compile(core.options());
            core.name_code(plan)?;
        }
        let plan = self.keep(Planned { bytes: planned.plan.bytes(), is_tried: false, ..planned });
        Ready::new(&plan, feeds).ok_or_else(|| self.mismatch(feeds, 0))
    }

    /// The fed arrays together with a plan for them that is made now.
    #[cold]
    fn planned<'f>(&self, core: &Core, feeds: &'f [FedArray<'f>]) -> Result<Ready<'f>> {
        let plan = self.plan(core, &self.checked_lengths(feeds)?)?;
        // The plan was made for these lengths, and the element types are those of the tensors.
        Ready::new(&plan, feeds).ok_or_else(|| self.mismatch(feeds, 0))
    }

    /// The lengths of what is fed, which must fit.
    fn checked_lengths(&self, feeds: &[FedArray<'_>]) -> Result<Vec<Vec<usize>>> {
        for (fed, FedTensor { site, dtype, .. }) in feeds.iter().zip(&self.feeds) {
            if fed.dtype() != *dtype {
                let (site, expected, found) = (site.clone(), *dtype, fed.dtype());
                return Err(Error::FeedType { site, expected, found });
            }
        }
        if let Some(index) =
            (0..feeds.len()).find(|&index| !self.feeds[index].shape.admits(feeds[index].dims()))
        {
            return Err(self.mismatch(feeds, index));
        }
        for (fed, FedTensor { site, .. }) in feeds.iter().zip(&self.feeds) {
            if let Some(OutOfMemory { bytes, .. }) = fed.lacking() {
                return Err(Error::OutOfMemory { bytes, site: Some(site.clone()) });
            }
        }
        Ok(feeds.iter().map(|feed| feed.dims().to_vec()).collect())
    }

    /// The error of a fed array whose lengths do not fit.
    fn mismatch(&self, feeds: &[FedArray<'_>], index: usize) -> Error {
        let FedTensor { site, shape, .. } = &self.feeds[index];
        let (site, expected, found) = (site.clone(), shape.clone(), feeds[index].dims().to_vec());
        Error::FeedShape { site, expected, found }
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
        let machine_code = self.machine_code(core);
        let plan = Arc::new(self.plan_of(core, &program, dims, machine_code)?);
        core.name_code(&plan)?;
        if self.initializes {
            return Ok(plan);
        }
        let (bytes, is_tried) = (plan.bytes(), machine_code == MachineCode::Later);
        Ok(self.keep(Planned { plan, _folded: folded, bytes, is_tried }))
    }

    /// When plans are compiled.
    fn machine_code(&self, core: &Core) -> MachineCode {
        match core.options().machine_code {
            MachineCode::AtOnce if self.known_lengths().is_none() => MachineCode::Later,
            decided => decided,
        }
    }

    fn plan_of(
        &self,
        core: &Core,
        program: &Program,
        dims: &[Vec<usize>],
        machine_code: MachineCode,
    ) -> Result<Plan> {
        let options = Options { machine_code, ..core.options() };
        let plan = plan::plan(program, options, &core.constants, &self.fed_types(dims));
        plan.map_err(|lacking| no_memory(&core.graph.read(), lacking, &self.request.fetches))
    }

    /// Keeps a plan, unless there is one for these lengths that is as good; gives the one that is kept.
    fn keep(&self, planned: Planned) -> Arc<Plan> {
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        let first = if planned.is_tried {
            self.first.get()
        } else {
            Some(self.first.get_or_init(|| planned.clone()))
        };
        let is_as_good =
            |other: &&Planned| other.plan.fed == planned.plan.fed && (planned.is_tried || !other.is_tried);
        // Another thread may have been faster; what it has made serves all that come.
        let known = first.into_iter().chain(&*plans).find(is_as_good).map(|known| Arc::clone(&known.plan));
        let mut surplus = Vec::new();
        let plan = known.unwrap_or_else(|| {
            let surplus_count = plans.len() - worth_keeping(&plans);
            surplus.extend(plans.drain(..surplus_count));
            plans.push(planned.clone());
            planned.plan
        });
        let bytes = first.into_iter().chain(&*plans).map(|planned| planned.bytes).sum();
        self.bytes.store(bytes, Ordering::Relaxed);
        drop(plans);
        // Kernels go with the plans that have them.
        drop(surplus);
        plan
    }

    /// The plan for these feeds once they have come often enough; what it is made of; and whether it is there already.
    pub(super) fn settled(
        &self,
        core: &Core,
        feeds: &[FedArray<'_>],
    ) -> Result<(Arc<Plan>, Optimized, bool)> {
        let dims = self.checked_lengths(feeds)?;
        let is_there = self.machine_code(core) != MachineCode::Later
            || self.first.get().is_some_and(|first| Ready::borrowed(&first.plan, feeds).is_some())
            || matches!(self.found(feeds), Some((_, false)));
        let plan = if is_there { Some(Arc::clone(self.ready(core, feeds)?.plan())) } else { None };
        let optimized = self.program(core, &dims)?;
        let plan = match plan {
            Some(plan) => plan,
            // Telling of it is no run, so this one is not kept.
            None => Arc::new(self.plan_of(core, &optimized.program, &dims, MachineCode::AtOnce)?),
        };
        Ok((plan, optimized, is_there))
    }

    pub(super) fn fed_types(&self, dims: &[Vec<usize>]) -> Vec<(DType, Vec<usize>)> {
        self.feeds.iter().zip(dims).map(|(feed, dims)| (feed.dtype, dims.clone())).collect()
    }

    /// The program for feeds of these lengths; what of it depends on constants alone is computed, unless
    /// some plan has it already.
    pub(super) fn program(&self, core: &Core, dims: &[Vec<usize>]) -> Result<Optimized> {
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
}

impl Core {
    pub(super) fn lowered(&self) -> Lowered {
        let in_place = !self.optimize;
        Lowered { seed: self.graph.seed, check_numerics: self.check_numerics, in_place }
    }

    pub(super) fn options(&self) -> Options {
        let inline_below = if self.threads.are_many() { self.inline_below } else { f64::INFINITY };
        let fuse = self.optimize;
        let machine_code = if self.machine_code { MachineCode::AtOnce } else { MachineCode::Never };
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
mod tests;
