//! [`SessionBuilder`]: the options of a session.

use std::env;
use std::sync::{Arc, Mutex};

use super::folded::Folded;
use super::perf_map::PerfMap;
use super::{Core, RunTerms, Session};
use crate::error::{Error, Result};
use crate::exec::{Store, Threads};
use crate::graph::Graph;
use crate::kernel::isa::Isa;
use crate::plan::{Constants, INLINE_BELOW};

/// Names the instruction set of sessions that are not asked for one.
const ISA_VARIABLE: &str = "FLOWGRAD_ISA";

/// The environment variable that turns machine code off, where the session is not told.
const CODE_VARIABLE: &str = "FLOWGRAD_MACHINE_CODE";

/// The environment variable that has machine code named for `perf`, where the session is not told.
const PERF_VARIABLE: &str = "FLOWGRAD_PERF_MAP";

/// The options of a session; see [`Session::builder`].
#[derive(Debug)]
#[must_use = "a builder makes a session when `build` is called"]
pub struct SessionBuilder<'g> {
    graph: &'g Graph,
    threads: usize,
    isa: Option<Isa>,
    machine_code: Option<bool>,
    perf_map: Option<bool>,
    inline_below: f64,
    optimize: bool,
    max_rewrites: usize,
    check_numerics: bool,
    memory_budget: Option<usize>,
}

impl<'g> SessionBuilder<'g> {
    pub(super) fn new(graph: &'g Graph) -> Self {
        SessionBuilder {
            graph,
            threads: 0,
            isa: None,
            machine_code: None,
            perf_map: None,
            inline_below: INLINE_BELOW,
            optimize: true,
            max_rewrites: usize::MAX,
            check_numerics: false,
            memory_budget: None,
        }
    }

    /// Runs on at most this many threads, up to 1024; 0, the default, is one for each core. With 1, everything
    /// runs on the caller's thread.
    pub fn threads(self, threads: usize) -> Self {
        SessionBuilder { threads, ..self }
    }

    /// Computes with the kernels of this instruction set, to get the results of a machine without fused multiply-add or to
    /// test all kernels on one; [`Isa`] says which results differ. The default is what the environment variable `FLOWGRAD_ISA` names (`baseline`, and on x86-64
    /// `avx2` or `avx512`), or else the widest that the machine has.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// use flowgrad::Isa;
    /// let g = Graph::new();
    /// let session = Session::builder(&g).isa(Isa::Baseline).build()?;
    /// assert_eq!(session.run(g.constant(2.0_f64).square())?.sum(), 4.0);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn isa(self, isa: Isa) -> Self {
        SessionBuilder { isa: Some(isa), ..self }
    }

    /// Whether what is fused is compiled to machine code, on x86-64 with AVX2 or AVX-512. Otherwise it is interpreted, which
    /// gives the same bits, but for those that tell one NaN from another. Where the system has no memory for code, all is
    /// interpreted. What is fed with a length that may change is compiled when the same lengths come a second time, and
    /// interpreted the first time; what loops and functions run is compiled in any case. The default is `true`, unless the environment variable `FLOWGRAD_MACHINE_CODE` is `off`.
    /// [`Session::explain`] shows what is compiled.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = (g.variable("x", vec![0.5_f32; 1000]).tanh() * 2.0 + 1.0).exp();
    /// let compiled = Session::new(&g)?;
    /// let interpreted = Session::builder(&g).machine_code(false).build()?;
    /// for session in [&compiled, &interpreted] {
    ///     session.run(g.initializer())?;
    /// }
    /// assert_eq!(compiled.run(y)?, interpreted.run(y)?);
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn machine_code(self, machine_code: bool) -> Self {
        SessionBuilder { machine_code: Some(machine_code), ..self }
    }

    /// Whether machine code is named for [`perf`], the profiler of Linux, which otherwise shows it as addresses: in the file
    /// `/tmp/perf-<process id>.map`, with a line for each program of a plan that says which step it is part of, of which
    /// nodes. All sessions of a process write to one file, which stays when the process is over; code that is let go with
    /// its plan stays in it, too. The default is `false`, unless the environment variable `FLOWGRAD_PERF_MAP` is `on`, which
    /// needs no change of a program:
    ///
    /// ```text
    /// FLOWGRAD_PERF_MAP=on perf record target/release/program
    /// perf report
    /// ```
    ///
    /// Where the file cannot be written, the session or the run that would plan says so, with [`Error::PerfMap`]. On other
    /// systems there is none, which is such an error.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = (g.variable("x", vec![0.5_f32; 1000]).tanh() * 2.0 + 1.0).exp();
    /// # if cfg!(target_os = "linux") {
    /// let session = Session::builder(&g).perf_map(true).build()?;
    /// session.run(y)?;
    /// # std::fs::remove_file(format!("/tmp/perf-{}.map", std::process::id())).unwrap();
    /// # }
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    ///
    /// [`perf`]: https://perf.wiki.kernel.org
    pub fn perf_map(self, perf_map: bool) -> Self {
        SessionBuilder { perf_map: Some(perf_map), ..self }
    }

    /// Gives other threads their share of every plan, also of those that are cheaper than waking a thread: for
    /// tests, which are small.
    #[doc(hidden)]
    pub fn always_share(self) -> Self {
        SessionBuilder { inline_below: 0.0, ..self }
    }

    /// Whether plans are rewritten and fused; they are by default. Results then differ within rounding, and where a step
    /// between would overflow or underflow: the two factors of `(x * 1e30) * 1e-30` become one.
    pub fn optimize(self, optimize: bool) -> Self {
        SessionBuilder { optimize, ..self }
    }

    /// Stops rewriting each plan after so many rewrites, which [`explain`](Session::explain) numbers in this
    /// order; all are applied by default. Where a result differs from that of `optimize(false)` by more than
    /// rounding, bisection finds the rewrite to blame: the last one of the least number that brings it about. What is
    /// rewritten of loops comes first, and each of these rewrites counts like all others.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let y = -(-(g.variable("x", 2.0_f64) * 1.0));
    /// let session = Session::builder(&g).max_rewrites(1).build()?;
    /// let text = session.explain(y)?;
    /// assert!(text.contains("1. algebra: mul") && !text.contains("2. algebra: neg"));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn max_rewrites(self, max_rewrites: usize) -> Self {
        SessionBuilder { max_rewrites, ..self }
    }

    /// Whether every float that a node of a run makes is checked, as
    /// [`Tensor::check_numerics`](crate::Tensor::check_numerics) does it for one: no node may make a NaN or an
    /// infinity, be it a constant or a variable, or one that a later node would not have taken. By default none is
    /// checked, for it takes time and memory.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.placeholder::<f64>("x", ());
    /// let logarithm = x.ln().named("logarithm");
    /// let y = logarithm.exp();
    /// let session = Session::builder(&g).check_numerics(true).build()?;
    /// let error = session.feed(x, 0.0).run(y).unwrap_err();
    /// assert!(matches!(error, Error::NotFinite { site, .. } if site.node == "logarithm"));
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn check_numerics(self, check_numerics: bool) -> Self {
        SessionBuilder { check_numerics, ..self }
    }

    /// How many bytes of memory for intermediate values the session keeps between runs, besides the variables
    /// and the constants. The default is what one run needs: as much as the largest of the last few hundred.
    ///
    /// A run takes memory from what is kept, or else from the system, and gives it back when it ends. While other runs
    /// are in progress, as much memory as they hold is kept; when none is, the surplus returns to the system. A higher
    /// budget speeds up the next burst of concurrent runs; 0 keeps nothing.
    ///
    /// Scratch memory of threads is outside the budget: each thread that computes for a run keeps up to 4 MB of it until
    /// it ends. A task may need more while it lasts, as a product whose sums are very long does.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let session = Session::builder(&g).memory_budget(64 << 20).build()?;
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    pub fn memory_budget(self, bytes: usize) -> Self {
        SessionBuilder { memory_budget: Some(bytes), ..self }
    }

    /// Makes the session.
    ///
    /// # Errors
    /// The first build error of the graph; [`Error::TooManyThreads`](crate::Error::TooManyThreads) for more
    /// than 1024 of them, and [`Error::Threads`](crate::Error::Threads) if they cannot be started; [`Error::Isa`] for an
    /// instruction set that the machine does not have, or a name of none; [`Error::PerfMap`] where machine code is to be
    /// named and cannot be.
    pub fn build(self) -> Result<Session> {
        self.graph.check()?;
        debug_assert_eq!(self.graph.shared().snapshot().verify(), Ok(()));
        let isa = self.chosen_isa()?;
        let threads = Threads::new(self.threads)?;
        let names_code =
            self.perf_map.unwrap_or_else(|| env::var_os(PERF_VARIABLE).is_some_and(|set| set == "on"));
        let core = Core {
            graph: Arc::clone(self.graph.shared()),
            threads,
            isa,
            machine_code: self
                .machine_code
                .unwrap_or_else(|| env::var_os(CODE_VARIABLE).is_none_or(|set| set != "off")),
            inline_below: self.inline_below,
            optimize: self.optimize,
            max_rewrites: self.max_rewrites,
            check_numerics: self.check_numerics,
            store: Store::new(self.memory_budget),
            requests: Mutex::default(),
            constants: Constants::default(),
            folded: Folded::default(),
            perf_map: if names_code { Some(PerfMap::of_process()?) } else { None },
        };
        Ok(Session { core: Arc::new(core), terms: RunTerms::default() })
    }

    /// The instruction set that was asked for, or the widest.
    fn chosen_isa(&self) -> Result<Isa> {
        let widest = Isa::detected();
        let refused = |asked: &str| {
            let expected: Vec<String> =
                Isa::ALL.iter().filter(|&&isa| isa <= widest).map(Isa::to_string).collect();
            Error::Isa { asked: asked.to_owned(), expected }
        };
        let asked = match self.isa {
            Some(isa) => isa,
            None => match env::var_os(ISA_VARIABLE).filter(|name| !name.is_empty()) {
                Some(name) => {
                    let name = name.to_string_lossy();
                    Isa::named(&name).ok_or_else(|| refused(&name))?
                }
                None => widest,
            },
        };
        if asked <= widest { Ok(asked) } else { Err(refused(&asked.to_string())) }
    }
}
