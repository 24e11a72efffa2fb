//! `RNN`, `GRU` and `LSTM`: loops over the steps of sequences.
//!
//! What inputs alone make is computed for all steps at once, before the loop.

use crate::graph::AnyTensor;
use crate::io::onnx::error::{NodeFault, invalid, unsupported};
use crate::io::onnx::item::Item;
use crate::io::onnx::node::{At, Built, count};
use crate::io::onnx::table::{Row, op};
use crate::ops::{AxisRange, Scan};

use super::activation::by_name;

pub(super) const ROWS: &[Row] = &[
    op("GRU", 7, |at| recurrent(at, &GRU)),
    op("LSTM", 7, |at| recurrent(at, &LSTM)),
    op("RNN", 7, |at| recurrent(at, &RNN)),
];

/// A kind of cell: how many gates its matrices have, how many states, and its functions by default.
struct Cell {
    gates: usize,
    states: usize,
    functions: &'static [&'static str],
    step: for<'g> fn(&Step<'_, 'g>) -> Option<Vec<AnyTensor<'g>>>,
}

const RNN: Cell = Cell { gates: 1, states: 1, functions: &["Tanh"], step: rnn };
const GRU: Cell = Cell { gates: 3, states: 1, functions: &["Sigmoid", "Tanh"], step: gru };
const LSTM: Cell = Cell { gates: 4, states: 2, functions: &["Sigmoid", "Tanh", "Tanh"], step: lstm };

/// A function of a cell, with its parameters.
type Function = (String, Option<f64>, Option<f64>);

/// One step in one direction.
struct Step<'s, 'g> {
    /// What the inputs make of all gates, with biases.
    x: AnyTensor<'g>,
    state: &'s [AnyTensor<'g>],
    /// The matrix of the state, transposed: `[hidden, gates·hidden]`.
    r: AnyTensor<'g>,
    /// The bias of the state, which some gates take inside.
    state_bias: Option<AnyTensor<'g>>,
    peepholes: Option<AnyTensor<'g>>,
    functions: &'s [Function],
    clip: Option<f64>,
    hidden: usize,
    linear_before_reset: bool,
    input_forget: bool,
}

impl<'g> Step<'_, 'g> {
    fn apply(&self, function: usize, x: AnyTensor<'g>) -> Option<AnyTensor<'g>> {
        let (name, alpha, beta) = self.functions.get(function)?;
        let x = self.clip.map_or(x, |clip| x.maximum(-clip).minimum(clip));
        by_name(x, name, *alpha, *beta)
    }

    /// The columns of a gate.
    fn gate(&self, x: AnyTensor<'g>, gate: usize) -> AnyTensor<'g> {
        self.gates(x, gate, gate + 1)
    }

    fn gates(&self, x: AnyTensor<'g>, from: usize, to: usize) -> AnyTensor<'g> {
        let columns = AxisRange::of((from * self.hidden) as isize, (to * self.hidden) as isize);
        let mut ranges = vec![AxisRange::from(..); x.shape().rank().saturating_sub(1)];
        ranges.push(columns);
        x.slice(ranges)
    }
}

fn rnn<'g>(step: &Step<'_, 'g>) -> Option<Vec<AnyTensor<'g>>> {
    Some(vec![step.apply(0, step.x + step.state[0].matmul(step.r))?])
}

/// Gates: update, reset, hidden.
fn gru<'g>(step: &Step<'_, 'g>) -> Option<Vec<AnyTensor<'g>>> {
    let h = step.state[0];
    let both = step.gates(step.x, 0, 2) + h.matmul(step.gates(step.r, 0, 2));
    let both = step.apply(0, both)?;
    let (z, r) = (step.gate(both, 0), step.gate(both, 1));
    let of_state = step.gate(step.r, 2);
    let bias = |x: AnyTensor<'g>| step.state_bias.map_or(x, |bias| x + step.gate(bias, 2));
    let inner =
        if step.linear_before_reset { r * bias(h.matmul(of_state)) } else { bias((r * h).matmul(of_state)) };
    let new = step.apply(1, step.gate(step.x, 2) + inner)?;
    Some(vec![(z.scalar_like(1.0) - z) * new + z * h])
}

/// Gates: input, output, forget, cell.
fn lstm<'g>(step: &Step<'_, 'g>) -> Option<Vec<AnyTensor<'g>>> {
    let (h, c) = (step.state[0], step.state[1]);
    let all = step.x + h.matmul(step.r);
    let peek = |x: AnyTensor<'g>, which: usize, c: AnyTensor<'g>| {
        step.peepholes.map_or(x, |peepholes| x + step.gate(peepholes, which) * c)
    };
    let i = step.apply(0, peek(step.gate(all, 0), 0, c))?;
    let f = if step.input_forget {
        i.scalar_like(1.0) - i
    } else {
        step.apply(0, peek(step.gate(all, 2), 2, c))?
    };
    let new = step.apply(1, step.gate(all, 3))?;
    let c = f * c + i * new;
    let o = step.apply(0, peek(step.gate(all, 1), 1, c))?;
    Some(vec![o * step.apply(2, c)?, c])
}

/// The functions of all directions, one direction behind the other.
fn functions(at: &At<'_, '_>, cell: &Cell, directions: usize) -> Result<Vec<Function>, NodeFault> {
    let each = cell.functions.len();
    let names = at.opt_texts("activations")?.unwrap_or_else(|| {
        (0..directions).flat_map(|_| cell.functions.iter().map(|name| (*name).to_owned())).collect()
    });
    if names.len() != each * directions {
        return invalid(format!(
            "attribute `activations`: expected {} names, got {}",
            each * directions,
            names.len()
        ));
    }
    // Parameters are listed for those functions that have one.
    let (mut alphas, mut betas) = (
        at.opt_floats("activation_alpha")?.unwrap_or_default().iter(),
        at.opt_floats("activation_beta")?.unwrap_or_default().iter(),
    );
    let has_alpha = ["affine", "leakyrelu", "thresholdedrelu", "scaledtanh", "hardsigmoid", "elu"];
    let has_beta = ["affine", "scaledtanh", "hardsigmoid"];
    let function = |name: String| {
        let lower = name.to_ascii_lowercase();
        let next = |has: &[&str], of: &mut std::slice::Iter<'_, f32>| {
            if has.contains(&&*lower) { of.next().map(|&number| f64::from(number)) } else { None }
        };
        let (alpha, beta) = (next(&has_alpha, &mut alphas), next(&has_beta, &mut betas));
        (name, alpha, beta)
    };
    Ok(names.into_iter().map(function).collect())
}

/// What a node says of all directions.
struct Setting<'g> {
    /// The sequences, steps first.
    x: AnyTensor<'g>,
    w: AnyTensor<'g>,
    r: AnyTensor<'g>,
    batch_first: bool,
    hidden: usize,
    /// Whether each direction goes from the last step to the first.
    ways: &'static [bool],
    functions: Vec<Function>,
}

fn setting<'g>(at: &At<'_, 'g>, cell: &Cell) -> Result<Setting<'g>, NodeFault> {
    let batch_first = at.flag("layout", false)?;
    let x = at.tensor(0)?;
    let (w, r) = (at.tensor(1)?, at.tensor(2)?);
    let known = r.shape().dims().last().copied().flatten();
    let Some(hidden) = known.filter(|&hidden| hidden <= 1 << 31) else {
        return invalid(format!("expected matrices of known lengths, got shape {}", r.shape()));
    };
    if at.opt_int("hidden_size")?.is_some_and(|told| count(told, "hidden_size").ok() != Some(hidden)) {
        return invalid(format!("attribute `hidden_size`: expected {hidden}, got another number"));
    }
    let ways: &[bool] = match at.text("direction", "forward")?.as_str() {
        "forward" => &[false],
        "reverse" => &[true],
        "bidirectional" => &[false, true],
        other => {
            return invalid(format!(
                "attribute `direction`: expected forward, reverse or bidirectional, got `{other}`"
            ));
        }
    };
    if [x, w, r].iter().any(|it| it.shape().rank() != 3) || w.shape()[0] != Some(ways.len()) {
        return invalid(format!(
            "expected sequences and matrices of {} directions, got shapes {} and {}",
            ways.len(),
            x.shape(),
            w.shape()
        ));
    }
    let functions = functions(at, cell, ways.len())?;
    let x = if batch_first { x.transpose_perm([1, 0, 2]) } else { x };
    Ok(Setting { x, w, r, batch_first, hidden, ways, functions })
}

fn recurrent<'g>(at: &At<'_, 'g>, cell: &Cell) -> Built<'g> {
    let Setting { x, w, r, batch_first, hidden, ways, functions } = setting(at, cell)?;
    let clip = at.opt_float("clip")?;
    let linear_before_reset = cell.gates == 3 && at.flag("linear_before_reset", false)?;
    let input_forget = cell.gates == 4 && at.flag("input_forget", false)?;
    at.opt_int("output_sequence")?;
    let lengths = at.optional(4);
    let (mut outputs, mut lasts) = (Vec::new(), vec![Vec::new(); cell.states]);
    for (way, &reverse) in ways.iter().enumerate() {
        let of_way = |x: AnyTensor<'g>| x.slice(AxisRange::from(way));
        let zeros = || at.scalar(0.0, x.dtype()).broadcast_to([x.dim(1), hidden.into()]);
        let start = |input: usize| {
            let given = at
                .optional(input)
                .map(|start| if batch_first { start.transpose_perm([1, 0, 2]) } else { start });
            given.map_or_else(zeros, of_way)
        };
        let state: Vec<AnyTensor<'g>> = (0..cell.states).map(|state| start(5 + state)).collect();
        let bias = at.optional(3).map(of_way);
        let half = (cell.gates * hidden) as isize;
        let state_bias = bias.map(|bias| bias.slice(AxisRange::from(half..)));
        let mut of_inputs = x.matmul(of_way(w).transpose());
        if let (Some(bias), Some(state_bias)) = (bias, state_bias) {
            of_inputs = of_inputs + bias.slice(AxisRange::of(0, half));
            // The last gate of a GRU takes its bias beside the state.
            let outside = if cell.gates == 3 {
                let kept = state_bias.slice(AxisRange::of(0, 2 * hidden as isize));
                at.graph.concat_any(&[kept, at.scalar(0.0, x.dtype()).broadcast_to([hidden])], 0)
            } else {
                state_bias
            };
            of_inputs = of_inputs + outside;
        }
        let r = of_way(r).transpose();
        let peepholes = if cell.gates == 4 { at.optional(7).map(of_way) } else { None };
        let own = &functions[way * cell.functions.len()..(way + 1) * cell.functions.len()];
        let numbers = at.graph.ones::<i64>([x.dim(0)]).any().cumsum_with(0, true, false);
        let options = if reverse { Scan::new().reverse() } else { Scan::new() };
        let mut is_known = true;
        let (last, rows) = at.graph.scan_with(
            options,
            state,
            (of_inputs, numbers),
            |state: Vec<AnyTensor<'g>>, (x, number)| {
                let step = Step {
                    x,
                    state: &state,
                    r,
                    state_bias: state_bias.filter(|_| cell.gates == 3),
                    peepholes,
                    functions: own,
                    clip,
                    hidden,
                    linear_before_reset,
                    input_forget,
                };
                let Some(mut next) = (cell.step)(&step) else {
                    is_known = false;
                    return (state, x);
                };
                let mut row = next[0];
                // Behind the end of a sequence its state stays.
                if let Some(lengths) = lengths {
                    let inside = number.cast(lengths.dtype()).less(lengths).expand_dims(1);
                    row = inside.select(row, row.zeros_like());
                    next = next.into_iter().zip(&state).map(|(new, &old)| inside.select(new, old)).collect();
                }
                (next, row)
            },
        );
        if !is_known {
            let names: Vec<&str> = own.iter().map(|(name, ..)| &**name).collect();
            return unsupported(format!("activations {}", names.join(", ")));
        }
        outputs.push(rows);
        last.into_iter().zip(&mut lasts).for_each(|(last, of)| of.push(last));
    }
    let y = at.graph.stack_any(&outputs, 1);
    let y = if batch_first { y.transpose_perm([2, 0, 1, 3]) } else { y };
    let last = |states: &Vec<AnyTensor<'g>>| {
        let stacked = at.graph.stack_any(states, 0);
        Item::run(if batch_first { stacked.transpose_perm([1, 0, 2]) } else { stacked })
    };
    Ok(std::iter::once(Item::run(y)).chain(lasts.iter().map(last)).collect())
}
