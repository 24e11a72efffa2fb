//! The rows: what each measures, and its bound.

use clap::ValueEnum;

use crate::cases::{self, Case, CaseError, Memory, Work};
use crate::measure::{Effort, Times, compare};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Row {
    LinregF64,
    LinregF32,
    LinregLarge,
    Elementwise,
    ElementwiseEager,
    Chain,
    #[value(name = "chain_2000")]
    Chain2000,
    SoftmaxRows,
    SoftmaxNarrow,
    Adam,
    LayerNorm,
    BatchNorm,
    Gelu,
    MlpStep,
    WideGraph,
    DeepMemory,
    CallOverhead,
    #[value(name = "call_16")]
    Call16,
    RunOverhead,
    Lorenz,
    LorenzForward,
    LinregLoop,
    EmptyLoop,
    CheckpointMemory,
    CheckpointTime,
    Gru,
    LogDensity,
    LogDensitySmall,
    Emit,
    Compile,
}

/// What a row must keep to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bound {
    /// The bound that the row is known by.
    pub(crate) value: f64,
    /// What it limits.
    pub(crate) limits: Limits,
    /// A second bound, on the microseconds of either side.
    pub(crate) microseconds: Option<f64>,
}

/// What a bound limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Ours over the reference.
    Ratio,
    /// Ours alone.
    Ours,
}

/// A measured row.
#[derive(Clone, Debug)]
pub(crate) struct Measured {
    pub(crate) row: Row,
    /// Microseconds, or bytes: see [`Row::unit`].
    pub(crate) times: Times,
    pub(crate) bound: Bound,
    /// Which reference it was.
    pub(crate) chosen: String,
    pub(crate) work: Work,
}

impl Row {
    /// The name on the command line, in the table and in the JSON.
    pub(crate) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// The unit of what is measured.
    pub(crate) fn unit(self) -> &'static str {
        match self {
            Row::DeepMemory | Row::CheckpointMemory => "bytes",
            Row::Compile => "µs a node",
            Row::Emit => "µs a region",
            Row::Lorenz | Row::LorenzForward | Row::CheckpointTime | Row::Gru => "µs a step",
            Row::LinregLoop => "µs an epoch",
            Row::EmptyLoop => "µs an iteration",
            _ => "µs",
        }
    }

    fn bound(self) -> Bound {
        let ratio = |value| Bound { value, limits: Limits::Ratio, microseconds: None };
        let ours = |value| Bound { value, limits: Limits::Ours, microseconds: None };
        match self {
            Row::LinregF64 | Row::LinregF32 | Row::LogDensity | Row::LogDensitySmall => ratio(1.2),
            Row::LinregLarge
            | Row::SoftmaxRows
            | Row::Elementwise
            | Row::LayerNorm
            | Row::BatchNorm
            | Row::Gelu => ratio(1.1),
            Row::SoftmaxNarrow | Row::Adam => ratio(1.0),
            Row::ElementwiseEager | Row::CheckpointMemory => ratio(0.03),
            Row::Chain | Row::Chain2000 => ratio(1.5),
            Row::MlpStep => ratio(1.25),
            Row::WideGraph => ratio(0.55),
            Row::DeepMemory => ratio(0.6),
            Row::CallOverhead | Row::Call16 => ours(0.15),
            Row::RunOverhead => ours(0.5),
            Row::Lorenz | Row::CheckpointTime => ratio(2.0),
            Row::LorenzForward => ratio(1.3),
            Row::LinregLoop => ratio(1.02),
            Row::EmptyLoop => ours(0.005),
            Row::Gru => ours(3.0),
            Row::Emit => ours(20.0),
            Row::Compile => Bound { microseconds: Some(10.0), ..ratio(1.5) },
        }
    }

    /// Builds what the row compares, and measures it.
    pub(crate) fn measure(self, effort: &Effort) -> Result<Measured, CaseError> {
        let case = match self {
            Row::LinregF64 => cases::linreg::<f64>(10_000),
            Row::LinregF32 => cases::linreg::<f32>(10_000),
            Row::LinregLarge => cases::linreg_large(4_000_000),
            Row::Elementwise => cases::elementwise(1_000_000),
            Row::ElementwiseEager => cases::elementwise_eager(1_000_000),
            Row::Chain => cases::chain(1_000_000),
            Row::Chain2000 => cases::chain(2000),
            Row::SoftmaxRows => cases::softmax_rows(4096, 512),
            Row::SoftmaxNarrow => cases::softmax_rows(16_384, 10),
            Row::Adam => cases::adam(784 * 256),
            Row::LayerNorm => cases::layer_norm(4096, 512),
            Row::BatchNorm => cases::batch_norm(4096, 512),
            Row::Gelu => cases::gelu(1_000_000),
            Row::MlpStep => cases::mlp_step(),
            Row::WideGraph => cases::wide_graph(8, 256),
            Row::DeepMemory => {
                let reference = "each intermediate in memory of its own";
                return Ok(self.of_memory(cases::deep_memory(50, 256)?, reference));
            }
            Row::CheckpointMemory => {
                return Ok(self.of_memory(cases::checkpoint_memory(10_000)?, "every state kept"));
            }
            Row::CallOverhead => cases::call_overhead(),
            Row::Call16 => cases::chain(16),
            Row::RunOverhead => cases::run_overhead(),
            Row::Lorenz => cases::lorenz(1000, true),
            Row::LorenzForward => cases::lorenz(1000, false),
            Row::LinregLoop => cases::linreg_loop(10_000, 10_000),
            Row::EmptyLoop => cases::empty_loop(10_000),
            Row::CheckpointTime => cases::checkpoint_time(10_000),
            Row::Gru => cases::gru(200),
            Row::LogDensity => cases::log_density(500),
            Row::LogDensitySmall => cases::log_density_small(),
            Row::Emit => cases::emit(),
            Row::Compile => cases::compile(100_000, 10_000),
        };
        let Case { mut ours, mut reference, chosen, work, units } = case?;
        let times = compare(&mut ours, &mut reference, effort).per(units);
        Ok(Measured { row: self, times, bound: self.bound(), chosen, work })
    }

    fn of_memory(self, memory: Memory, reference: &str) -> Measured {
        Measured {
            row: self,
            times: Times::exactly(memory.planned, memory.without_reuse),
            bound: self.bound(),
            chosen: reference.to_owned(),
            work: Work::Uncounted,
        }
    }
}

impl Measured {
    pub(crate) fn ratio(&self) -> f64 {
        self.times.ours / self.times.reference
    }

    pub(crate) fn is_met(&self) -> bool {
        let Times { ours, reference, .. } = self.times;
        let limited = match self.bound.limits {
            Limits::Ratio => self.ratio(),
            Limits::Ours => ours,
        };
        limited <= self.bound.value
            && self.bound.microseconds.is_none_or(|bound| ours.max(reference) <= bound)
    }
}
