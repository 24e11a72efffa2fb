//! A language model of characters: a gated recurrent unit, which goes through stretches of a text and learns which
//! character comes next; and a sample of what it then writes.
//!
//! ```text
//! cargo run --release --example char_rnn -- --text notes.txt --epochs 100
//! ```

#[allow(dead_code, reason = "each example uses its part")]
mod common;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Instant;

use clap::Parser;
use common::curves::Panel;
use common::{Options, Result, data, parsed};
use flowgrad::data::Dataset;
use flowgrad::ndarray::{Array2, ArrayD};
use flowgrad::nn::{Dense, Embedding, GruCell, Layer, Mode, Rnn, RnnCell};
use flowgrad::optimizer::{Adam, Schedule};
use flowgrad::prelude::*;
use flowgrad::train::{EarlyStopping, Trainer};
use serde::Serialize;

/// Train a language model of characters, and let it write
#[derive(Parser)]
struct Args {
    #[command(flatten)]
    options: Options,
    /// Passes over the training data
    #[arg(long, default_value_t = EPOCHS)]
    epochs: usize,
    /// The text to learn; seven sonnets of Shakespeare's otherwise
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// Characters to write in the end
    #[arg(long, default_value_t = 400)]
    sample: usize,
}

const EPOCHS: usize = 60;
/// Epochs that may pass without a better one.
const PATIENCE: usize = 5;
/// Characters of a stretch.
const STRETCH: usize = 32;
/// Numbers that the unit remembers.
const STATE: usize = 128;

/// What came out of a training; losses are nats a character.
#[derive(Serialize)]
struct Outcome {
    train_loss: f64,
    test_loss: f64,
    seconds: f64,
    epochs: usize,
    seed: u64,
    sample: String,
}

/// The characters of a text, and the text as their indices among them.
struct Alphabet {
    characters: Vec<char>,
    ids: Vec<i64>,
}

impl Alphabet {
    fn of(text: &str) -> Self {
        let characters: Vec<char> = text.chars().collect::<BTreeSet<char>>().into_iter().collect();
        let id = |c| characters.binary_search(&c).map_or(0, |index| index as i64);
        let ids = text.chars().map(id).collect();
        Alphabet { characters, ids }
    }

    /// Stretches of the text that begin half a stretch apart, and the same one character on.
    fn stretches(&self) -> Result<Dataset<i64, i64>> {
        let starts: Vec<usize> = (0..self.ids.len().saturating_sub(STRETCH)).step_by(STRETCH / 2).collect();
        let cut =
            |on| Array2::from_shape_fn((starts.len(), STRETCH), |(row, at)| self.ids[starts[row] + at + on]);
        Ok(Dataset::new(cut(0), cut(1))?)
    }
}

fn main() -> Result<()> {
    let Args { options, epochs, text, sample } = parsed();
    let path = text.unwrap_or_else(|| data("sonnets.txt"));
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let alphabet = Alphabet::of(&text);
    let rows = alphabet.stretches().map_err(|error| format!("{} is too short: {error}", path.display()))?;
    // The end of the text is for testing, and the part before it tells when to stop. Stretches overlap, so the one
    // between two parts is for neither.
    let part = rows.len().div_ceil(10);
    let (test, rest) = (rows.split_last(part)?.1, rows.split_last(part + 1)?.0);
    let (validation, train) = (rest.split_last(part)?.1, rest.split_last(part + 1)?.0);

    let g = Graph::with_seed(options.seed);
    let classes = alphabet.characters.len();
    let letters = Embedding::<f32>::new(&g, "letters", classes, 32);
    let unit = Rnn::new(GruCell::new(&g, "unit", 32, STATE));
    let output = Dense::new(&g, "output", STATE, classes);

    let characters = g.placeholder::<i64>("characters", [None, Some(STRETCH)]);
    let following = g.placeholder::<i64>("following", [None, Some(STRETCH)]);
    let states = unit.call(letters.call(characters), Mode::Train);
    let logits = output.call(states, Mode::Train);
    let loss = logits.sparse_softmax_cross_entropy(following).reduce_mean(..).named("loss");
    // However many epochs are asked for, so that a training may go on for more of them another day.
    let steps = EPOCHS * train.len().div_ceil(16);
    let step = Adam::new(Schedule::cosine(4e-3, 1e-4, steps)).clip_by_global_norm(1.0).minimize(loss);

    // One character after the other: the state is fed back, and the next character drawn.
    let one = g.placeholder::<i64>("one", [1]);
    let before = g.placeholder::<f32>("before", [1, STATE]);
    let (given, after) = unit.cell.call(letters.call(one), before);
    let next = output.call(given, Mode::Predict).categorical(1).reshape([1]);

    // Seven sonnets are soon known by heart; what was learned before that serves other text better.
    let trainer = Trainer::new(characters, following, loss, step)
        .batch_size(16)
        .validate(&validation, loss, [])
        .early_stopping(EarlyStopping::patience(PATIENCE).restore_best());
    let trainer = options.equip(&g, trainer)?;
    let session = Session::new(&g)?;
    let start = Instant::now();
    let report = trainer.fit(&session, &train, epochs)?;
    let seconds = start.elapsed().as_secs_f64();

    let write = session.make_callable((one, before), (next, after))?;
    let (mut id, mut state) = (ArrayD::from_elem(vec![1], alphabet.ids[0]), ArrayD::zeros(vec![1, STATE]));
    let mut written = String::new();
    for _ in 0..sample {
        written.push(alphabet.characters[id[0] as usize]);
        (id, state) = write.call((&id, &state))?;
    }
    let outcome = Outcome {
        train_loss: trainer.evaluate(&session, &train)?.loss,
        test_loss: trainer.evaluate(&session, &test)?.loss,
        seconds,
        epochs: report.history.len(),
        seed: options.seed,
        sample: written,
    };
    options.say(format_args!(
        "{} after {} epochs in {seconds:.2} s, kept as it was after {}: {:.3} nats a character of the text that it was \
         trained on, {:.3} of the end of the text, which it had not seen; the difference was learned by heart\n\n{}",
        report.ended,
        outcome.epochs,
        report.best_epoch.unwrap_or(0),
        outcome.train_loss,
        outcome.test_loss,
        outcome.sample
    ))?;
    options.draw(&Panel::of(&report.history))?;
    options.report(&outcome)
}
