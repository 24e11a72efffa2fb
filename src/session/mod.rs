//! Sessions: what a graph's variables hold, and the runs that read and change it.
//!
//! - [`fetch`], [`feed`] and [`arguments`]: what a run gives and takes, in the structure that the user asks for.
//! - [`prepared`]: the plans of one request, made when first needed and kept.
//! - [`folded`]: what depends on constants alone, computed once for all plans.
//! - [`item`]: the one element of what a run gives.
//! - [`builder`]: the options of a session.
//! - [`explain`]: what a run would do, as text; [`perf_map`]: where its machine code lies, for `perf`.
//! - [`callable`]: a request prepared for hot loops.
//! - [`parameters`]: variables as one flat array, and back.
//! - [`objective`]: a loss and its gradient as functions of that array.
//! - [`failure`]: why a run gives nothing, in words.
//! - [`nan_origin`]: the node that made a number which a check has refused.
//! - [`offender`]: the element for which a function has no value.
//!
//! The variables lie in the executor's [`Store`].

mod arguments;
mod builder;
mod callable;
mod explain;
mod failure;
mod feed;
mod fetch;
mod folded;
mod item;
mod nan_origin;
mod objective;
mod offender;
mod parameters;
mod perf_map;
mod prepared;
mod terms;
mod value;

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use foldhash::HashMap;

use crate::element::{Element, Value};
use crate::error::{Error, Result};
use crate::exec::{FedArray, Moment, NotSet, Ready, Record, Store, Terms, Threads};
use crate::graph::{AnyTensor, Arena, Graph, Shared, Tensor};
use crate::kernel::isa::Isa;
use crate::lower::{Fetched, Request};
use crate::plan::{Constants, Owner};
use crate::shape::TensorType;
use crate::trace::Trace;

use failure::{no_memory, refused};
use fetch::FetchList;
use folded::Folded;
use perf_map::PerfMap;
use prepared::Prepared;
use terms::RunTerms;

#[cfg(feature = "safetensors")]
pub(crate) use arguments::FedArrays;
pub use arguments::{Arguments, Feeds};
pub use builder::SessionBuilder;
pub use callable::Callable;
pub(crate) use feed::FeedList;
pub use feed::{Feedable, Feeding};
pub use fetch::{Fetch, Output};
pub use item::Item;
pub use objective::{Objective, ObjectiveWithHessian};
pub use parameters::Parameters;

/// Runs a graph and holds the values of its variables.
///
/// Owns what it needs, may be shared between threads, and sees the graph grow. Two sessions of one
/// graph are independent. What a run promises, in short: each node runs at most once; every read of a
/// variable sees the value from before the run unless it is ordered after an assignment; a run that
/// fails leaves every variable as it was; runs that assign go one after the other, and those that only read wait for
/// none of them; and the same inputs give the same bits at any number of threads, with AVX2 and with AVX-512.
///
/// ```
/// use flowgrad::prelude::*;
/// let g = Graph::new();
/// let x = g.placeholder::<f64>("x", [None]);
/// let v = g.variable("v", 1.0_f64);
/// let step = v.assign_add(x.reduce_sum(..));
/// let session = Session::new(&g)?;
/// let (old, new) = session.feed(x, &ndarray::arr1(&[2.0, 3.0])).run((v, step))?;
/// assert_eq!((old.sum(), new.sum()), (1.0, 6.0));
/// # Ok::<(), flowgrad::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    core: Arc<Core>,
    terms: RunTerms,
}

/// Requests whose plans a session keeps. A program that goes on fetching new nodes would fill memory
/// otherwise; callables keep their own.
const MAX_REQUESTS: usize = 256;

/// Bytes of plans that a session keeps for other requests than the last: those of some thousand small models, or of one
/// with a hundred thousand nodes.
const MAX_PLAN_BYTES: usize = 64 << 20;

/// What a session and its callables share.
#[derive(Debug)]
struct Core {
    graph: Arc<Shared>,
    threads: Threads,
    isa: Isa,
    /// Whether regions are compiled to machine code.
    machine_code: bool,
    /// Nanoseconds below which a plan runs on the caller's thread alone.
    inline_below: f64,
    optimize: bool,
    /// How many rewrites a plan is given at most.
    max_rewrites: usize,
    /// Whether every float of a run is checked to be finite.
    check_numerics: bool,
    store: Store,
    requests: Mutex<HashMap<Request, Arc<Prepared>>>,
    /// What plans share of the graph's constants.
    constants: Constants,
    folded: Folded,
    /// Where machine code is named, if it is.
    perf_map: Option<Arc<PerfMap>>,
}

impl Session {
    /// A session on all cores that optimizes its plans.
    ///
    /// # Errors
    /// The first build error of the graph.
    pub fn new(graph: &Graph) -> Result<Self> {
        Session::builder(graph).build()
    }

    /// Options for a session.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let session = Session::builder(&g).threads(1).optimize(false).build()?;
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn builder(graph: &Graph) -> SessionBuilder<'_> {
        SessionBuilder::new(graph)
    }

    /// Computes the fetches: a tensor or variable gives its value, an operation `()`, and tuples,
    /// arrays and `Vec`s of them the same structure. A single number is an array without axes: `loss.item()?`.
    ///
    /// # Errors
    /// A build error in what the run needs, a placeholder that it needs, two assignments
    /// without an order, shapes that turn out not to fit, or what an op has no value for: an integer divided by
    /// zero, an index out of range, a checked number that is not finite.
    pub fn run<'g, F: Fetch<'g>>(&self, fetches: F) -> Result<F::Output> {
        Feeding::of(self).run(fetches)
    }

    /// Computes the fetches as [`run`](Session::run) does, and tells which step was done when and on which thread.
    /// Each task takes two looks at the clock more than in an untraced run, about 0.1 µs; results and
    /// effects are the same.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", [None]);
    /// let y = x.tanh().reduce_sum(..).named("y");
    /// let session = Session::new(&g)?;
    /// let (sum, trace) = session.feed(x, &ndarray::arr1(&[0.0, 1.0])).run_traced(y)?;
    /// assert_eq!(sum.sum(), 1.0_f64.tanh());
    /// assert_eq!(trace.steps()[0].nodes, ["tanh", "y"]);
    /// print!("{trace}");
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// As for [`run`](Session::run).
    pub fn run_traced<'g, F: Fetch<'g>>(&self, fetches: F) -> Result<(F::Output, Trace)> {
        Feeding::of(self).run_traced(fetches)
    }

    /// Feeds a tensor for one run: any tensor, whose producers then do not run. The value is
    /// borrowed: a reference to an array, a view, or a scalar.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let a = g.constant(1.0_f32) + 1.0;
    /// let b = a * 10.0;
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.feed(a, 5.0).run(b)?.sum(), 50.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn feed<'s, 'g, 'v, T: Element>(
        &'s self,
        tensor: impl Into<Tensor<'g, T>>,
        value: impl Feedable<'v, T>,
    ) -> Feeding<'s, 'g, 'v> {
        Feeding::of(self).feed(tensor, value)
    }

    /// A run that is fed nothing yet, for feeds whose number is known only at run time.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let xs: Vec<_> = (0..3).map(|_| g.placeholder::<f64>("x", ())).collect();
    /// let sum = xs[0] + xs[1] + xs[2];
    /// let session = Session::new(&g)?;
    /// let mut feeding = session.feeds();
    /// for (i, &x) in xs.iter().enumerate() {
    ///     feeding = feeding.feed(x, i as f64);
    /// }
    /// assert_eq!(feeding.run(sum)?.sum(), 3.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn feeds<'g, 'v>(&self) -> Feeding<'_, 'g, 'v> {
        Feeding::of(self)
    }

    /// Feeds a tensor whose element type is known only at run time; see [`Feeding::feed_value`].
    pub fn feed_value<'s, 'g, 'v>(
        &'s self,
        tensor: impl Into<AnyTensor<'g>>,
        value: &'v Value,
    ) -> Feeding<'s, 'g, 'v> {
        Feeding::of(self).feed_value(tensor, value)
    }

    /// Prepares a run for hot loops: `feeds` is a tensor, a tuple, array or `Vec` of them, or `()`. A call then
    /// takes views of the fed arrays, or references to them, in the same structure and looks nothing up. Untyped
    /// tensors are fed references to [`Value`]s, or to arrays of their element type.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f32>("x", [None]);
    /// let v = g.variable("v", 0.0_f32);
    /// let step = v.assign_add(x.reduce_sum(..));
    /// let session = Session::new(&g)?;
    /// let call = session.make_callable(x, step)?;
    /// let ones = ndarray::Array1::ones(3);
    /// call.call(ones.view())?;
    /// assert_eq!(call.call(&ones)?.sum(), 6.0);
    ///
    /// // Any number of tensors, whose element types need not be known.
    /// let call = session.make_callable(vec![x.any(), v.tensor().any()], vec![step.any()])?;
    /// let fed = [Value::from(ones), Value::from(ndarray::arr0(1.0_f32))];
    /// assert_eq!(call.call(&fed)?[0], Value::from(ndarray::arr0(4.0_f32)));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// # Errors
    /// A tensor of another graph, one fed twice, and, when all shapes are known, what
    /// [`run`](Session::run) would report.
    pub fn make_callable<'g, I: Feeds<'g>, F: Fetch<'g>>(
        &self,
        feeds: I,
        fetches: F,
    ) -> Result<Callable<I::Types, F::Output>> {
        let mut fed = FeedList::default();
        feeds.list_feeds(&mut fed);
        let list = FetchList::of(&fetches);
        let prepared = self.core.prepare(&fed, &list)?;
        prepared.plan_if_static(&self.core)?;
        Ok(Callable::new(Arc::clone(&self.core), prepared, fed.lists, list.lengths, self.terms))
    }

    /// The same session, with the same variables, for runs that may take so long and no longer: one that is not over by
    /// then fails with [`Error::DeadlineExceeded`] before its next step, or the next iteration of a loop, and leaves
    /// every variable as it was. Callables made of it have the same bound. A run
    /// that assigns waits for others that do, which is not bounded.
    ///
    /// ```
    /// use std::time::Duration;
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let endless = g.while_loop(|_| g.constant(true), |x| x + 1.0, g.constant(0.0));
    /// let session = Session::new(&g)?;
    /// let error = session.with_timeout(Duration::from_millis(20)).run(endless).unwrap_err();
    /// assert!(matches!(error, flowgrad::Error::DeadlineExceeded));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[must_use = "the session itself has no timeout"]
    pub fn with_timeout(&self, timeout: Duration) -> Session {
        Session { core: Arc::clone(&self.core), terms: RunTerms { timeout: Some(timeout), more: 0 } }
    }

    /// The seed of the session's graph, from which random numbers and starts of variables derive.
    pub fn seed(&self) -> u64 {
        self.core.graph.seed
    }

    /// The number of runs so far, including failed ones. A run that assigns counts from its end; a run that only reads
    /// counts from its start. Random ops draw new numbers in each.
    pub fn run_count(&self) -> u64 {
        self.core.store.runs() as u64
    }

    /// Goes on as if there had been so many runs, as after loading the variables of a session that had made them:
    /// random ops then go on drawing what they would have drawn there. A run that assigns and is under way counts on
    /// top when it ends.
    pub fn set_run_count(&self, runs: u64) {
        self.core.store.set_runs(runs as i64);
    }

    /// The values of all variables by name, those never used being at their start: all of one moment, with what the
    /// last run has assigned and without anything of one that is under way.
    ///
    /// # Errors
    /// The first build error of the graph.
    pub fn variable_values(&self) -> Result<BTreeMap<String, Value>> {
        self.moment().map(|(variables, _)| variables)
    }

    /// The values of all variables by name, and the count of runs, of one moment.
    pub(crate) fn moment(&self) -> Result<(BTreeMap<String, Value>, u64)> {
        self.core.graph.snapshot().check()?;
        let moment = self.core.store.moment(&self.core.graph);
        let Moment { variables, runs } =
            moment.map_err(|lacking| no_memory(&self.core.graph.snapshot(), lacking, &[]))?;
        Ok((variables, runs as u64))
    }

    /// The graph as it is now, of which these tensors must be, outside of functions.
    pub(crate) fn graph_of<'g>(
        &self,
        tensors: impl IntoIterator<Item = AnyTensor<'g>>,
    ) -> Result<Arc<Arena>> {
        let arena = self.core.graph.snapshot();
        for any in tensors {
            if any.untied().0 != self.core.graph.id {
                return Err(Error::OtherGraph(any.site()));
            }
            if let Some(body) = arena.body_of(any.id()) {
                let function = arena.body(body).name.clone();
                return Err(Error::InsideFunction { site: arena.site(any.id()), function });
            }
        }
        Ok(arena)
    }

    /// Sets variables by name; all of them, or none if one does not fit.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let v = g.variable("v", 1.0_f64);
    /// let [a, b] = [Session::new(&g)?, Session::new(&g)?];
    /// a.run(v.assign_add(4.0))?;
    /// b.load(a.variable_values()?)?;
    /// assert_eq!(b.run(v)?.sum(), 5.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// Waits for a run that assigns and is under way.
    ///
    /// # Errors
    /// [`Error::UnknownVariable`], [`Error::LoadMismatch`], or [`Error::Nested`] inside of a kernel of a run that
    /// assigns.
    pub fn load(&self, values: impl IntoIterator<Item = (String, Value)>) -> Result<()> {
        self.load_at(values, None)
    }

    /// Sets variables by name, and the count of runs if one is given, all at once.
    pub(crate) fn load_at(
        &self,
        values: impl IntoIterator<Item = (String, Value)>,
        runs: Option<u64>,
    ) -> Result<()> {
        // The caller's iterator may use the graph, so it is run before the graph is locked.
        let values: Vec<(String, Value)> = values.into_iter().collect();
        let arena = self.core.graph.snapshot();
        let mut found = Vec::new();
        for (name, value) in values {
            let Some(id) = arena.variable_named(&name) else {
                return Err(Error::UnknownVariable { name });
            };
            let record = &arena.variables[id.index()];
            if record.dtype != value.dtype() || record.dims != value.shape() {
                return Err(Error::LoadMismatch {
                    name,
                    expected: Box::new(TensorType::new(record.dtype, &record.dims)),
                    found: Box::new(TensorType::new(value.dtype(), value.shape())),
                });
            }
            let value = value
                .into_row_major()
                .map_err(|lacking| no_memory(&arena, lacking.owned_by(Owner::Variable(id)), &[]))?;
            found.push((id.index(), value));
        }
        // What is waited for may ask the graph.
        drop(arena);
        self.core.store.set(&found, runs.map(|runs| runs as i64)).map_err(|not_set| match not_set {
            NotSet::OutOfMemory(lacking) => no_memory(&self.core.graph.snapshot(), lacking, &[]),
            NotSet::Nested(nested) => refused("loading variables", nested),
        })
    }
}

impl Core {
    /// The prepared form of a request, made at most once.
    fn prepare(&self, feeds: &FeedList<'_>, fetches: &FetchList<'_>) -> Result<Arc<Prepared>> {
        let mentioned = feeds.tensors.iter().chain(fetches.nodes.iter().map(|(any, _)| any));
        if let Some(&any) = mentioned.into_iter().find(|any| any.untied().0 != self.graph.id) {
            if any.is_nowhere() {
                any.graph().check()?;
            }
            return Err(Error::OtherGraph(any.site()));
        }
        let request = Request {
            feeds: feeds.tensors.iter().map(|any| any.id()).collect(),
            fetches: fetches.nodes.iter().map(|&(any, value)| Fetched { tensor: any.id(), value }).collect(),
        };
        let requests = || self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(prepared) = requests().get(&request) {
            return Ok(Arc::clone(prepared));
        }
        // Made while nothing is locked, for an error asks the op for its name.
        let new = Arc::new(Prepared::new(&self.graph.snapshot(), request.clone())?);
        let mut requests = requests();
        // Another thread may have been faster.
        let prepared = Arc::clone(requests.entry(request.clone()).or_insert(new));
        let mut surplus = HashMap::default();
        let bytes = requests.values().map(|prepared| prepared.bytes()).sum::<usize>();
        if requests.len() > MAX_REQUESTS || bytes > MAX_PLAN_BYTES || self.folded.is_full() {
            requests.remove(&request);
            surplus = mem::take(&mut *requests);
            requests.insert(request, Arc::clone(&prepared));
        }
        drop(requests);
        // Kernels go with the plans that have them.
        drop(surplus);
        Ok(prepared)
    }

    /// Runs a prepared request on fed arrays.
    fn run(
        &self,
        prepared: &Prepared,
        feeds: &[FedArray<'_>],
        terms: RunTerms,
        fetched: &mut dyn FnMut(Value),
    ) -> Result<()> {
        if terms.more > 0 {
            // It is the first run of a plan and the next ones.
            prepared.ready(self, feeds)?;
        }
        let ready = prepared.ready(self, feeds)?;
        self.run_ready(prepared, &ready, feeds, terms, None, fetched)
    }

    /// The same, and what was done when since the record was begun.
    fn run_traced(
        &self,
        prepared: &Prepared,
        feeds: &[FedArray<'_>],
        terms: RunTerms,
        mut record: Record,
        fetched: &mut dyn FnMut(Value),
    ) -> Result<Trace> {
        let ready = prepared.ready(self, feeds)?;
        record.planned = Instant::now();
        self.run_ready(prepared, &ready, feeds, terms, Some(&mut record), fetched)?;
        record.over = Instant::now();
        Ok(Trace::of(&self.graph.snapshot(), ready.plan(), &record))
    }

    fn run_ready(
        &self,
        prepared: &Prepared,
        ready: &Ready<'_>,
        feeds: &[FedArray<'_>],
        RunTerms { timeout, more }: RunTerms,
        record: Option<&mut Record>,
        fetched: &mut dyn FnMut(Value),
    ) -> Result<()> {
        // One that is beyond all time never comes.
        let deadline = timeout.and_then(|timeout| Instant::now().checked_add(timeout));
        let terms = Terms { again: None, deadline, more };
        let run = self.store.run(ready, &self.graph, &self.threads, terms, record, fetched);
        run.map_err(|failure| self.error_of(*failure, prepared, feeds))
    }
}
