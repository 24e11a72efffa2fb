//! What becomes of a training when its process is killed or interrupted, and what it tells on stderr. The process is
//! this test run again: its test `child` does what the environment says.

use std::collections::hash_map::RandomState;
use std::env;
use std::ffi::OsString;
use std::fs;
use std::hash::BuildHasher;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flowgrad::data::Dataset;
use flowgrad::io::checkpoint::Checkpoint;
use flowgrad::ndarray::{Array1, Array2};
use flowgrad::prelude::*;
use flowgrad::train::{Ended, Epoch, Report, TrainError};

/// Names what the child does; the directory that it works in is its own.
const TASK: &str = "FLOWGRAD_TEST_CHILD";
/// More epochs than any test waits for.
const ENDLESS: usize = 1_000_000;
/// Longer than anything takes, but for a test that hangs.
const PATIENCE: Duration = Duration::from_secs(50);

/// A training with all that a checkpoint must hold: dropout, momentum, shuffled rows, a smaller last batch,
/// validation, the best variables; and a variable that takes a while to write.
fn train(
    path: &Path,
    epochs: usize,
    configure: impl for<'g> FnOnce(Training<'g>) -> Training<'g>,
) -> Result<Report, TrainError> {
    let number = |at: usize| ((at * 7919 + 13) % 1009) as f64 / 504.5 - 1.0;
    let x = Array2::from_shape_fn((45, 4), |(row, axis)| number(row * 4 + axis));
    let y: Array1<f64> = x.rows().into_iter().map(|row| row.sum()).collect();
    let (train, test) = Dataset::new(x, y)?.split(0.8, 1)?;

    let g = Graph::with_seed(3);
    let x = g.placeholder::<f64>("x", [None, Some(4)]);
    let y = g.placeholder::<f64>("y", [None]);
    let hidden = g.variable("hidden", random_normal([4, 5000], 0.0, 0.1));
    let output = g.variable("output", random_normal([5000], 0.0, 0.01));
    let velocity = g.non_trainable_variable("output/velocity", zeros([5000]));
    let dropped = x.bernoulli_like(0.25).select(0.0, x / 0.75);
    let [predicted, with_dropout] = [x, dropped].map(|x| (x.matmul(hidden).tanh() * output).reduce_sum(-1));
    let loss = (with_dropout - y).square().reduce_mean(..);
    let [gradient] = loss.gradients([output]);
    let step = output.assign_sub(1e-3 * velocity.assign(0.5 * velocity + gradient)).op();
    let predicted_loss = (predicted - y).square().reduce_mean(..);
    let trainer = Trainer::new(x, y, loss, step)
        .validate(&test, predicted_loss, [("twice", predicted_loss * 2.0)])
        .batch_size(8)
        .early_stopping(EarlyStopping::patience(ENDLESS).restore_best())
        .checkpoint(path)
        .checkpoint_every(2)
        .resume(true);
    configure(trainer).fit(&Session::new(&g)?, &train, epochs)
}

type Training<'g> = Trainer<'g, f64, f64, f64>;

fn quiet(it: Training<'_>) -> Training<'_> {
    it.quiet()
}

fn listening(it: Training<'_>) -> Training<'_> {
    it.stop_on_ctrl_c()
}

#[test]
fn child() {
    let Ok(task) = env::var(TASK) else { return };
    let path = Path::new("model.safetensors");
    match task.as_str() {
        "train" => drop(train(path, ENDLESS, quiet)),
        "tell" => drop(train(path, 3, |it| it.after_epoch(stop_after_2)).unwrap()),
        "listen" => {
            let report = train(path, ENDLESS, |it| listening(quiet(it))).unwrap();
            assert_eq!(report.ended, Ended::Interrupted);
            fs::write("steps", report.steps.to_string()).unwrap();
        }
        "linger in training" => {
            drop(train(path, 2, |it| it.stop_on_ctrl_c().after_epoch(|_| linger())));
        }
        "linger after training" => {
            train(path, 1, listening).unwrap();
            linger();
        }
        "handle" => {
            ctrlc::set_handler(|| ()).unwrap();
            let error = train(path, 1, listening).unwrap_err();
            fs::write("error", error.to_string()).unwrap();
        }
        task => panic!("no such task: {task}"),
    }
}

fn stop_after_2(epoch: &Epoch) -> ControlFlow<()> {
    if epoch.epoch == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Tells the parent by a file that this process does nothing from here on.
fn linger() {
    fs::write("lingers", "").unwrap();
    thread::sleep(PATIENCE);
}

/// Starts this test again for a task, in a directory.
fn start(task: &str, directory: &Path) -> Child {
    Command::new(env::current_exe().unwrap())
        .args(["--exact", "trainer_process::child", "--nocapture"])
        .env(TASK, task)
        .current_dir(directory)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until something is so, and not a millisecond longer.
fn wait_until(mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "it has taken too long");
        thread::yield_now();
    }
}

/// The files in a directory with their lengths and the times of their last changes.
fn files(directory: &Path) -> Vec<(OsString, Option<(u64, SystemTime)>)> {
    let files = fs::read_dir(directory).unwrap().map(|entry| {
        let entry = entry.unwrap();
        // It may have gone in the meantime.
        let metadata = entry.metadata().ok();
        (entry.file_name(), metadata.map(|metadata| (metadata.len(), metadata.modified().unwrap())))
    });
    files.collect()
}

fn random_below(limit: u64) -> Duration {
    Duration::from_micros(RandomState::new().hash_one(()) % (limit * 1000))
}

/// The epochs that are over, and the batches of the next one.
fn position(path: &Path) -> (usize, usize) {
    let checkpoint = Checkpoint::load(path).unwrap();
    let count = |key: &str| checkpoint.get(key).unwrap().parse().unwrap();
    (count("train.epochs"), count("train.batches"))
}

/// Trains from the file to the end of an epoch that it has not reached, and elsewhere from the beginning without a
/// stop; both files must hold the same.
fn assert_resumes_as_if_never_stopped(path: &Path) {
    let epochs = position(path).0 + 2;
    let resumed = train(path, epochs, quiet).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let uninterrupted = directory.path().join("uninterrupted");
    assert_eq!(train(&uninterrupted, epochs, quiet).unwrap(), resumed);
    // The metadata holds a checksum of all the rest.
    let [expected, found] = [uninterrupted.as_path(), path].map(|path| {
        let contents = fs::read(path).unwrap();
        let (_, header) = safetensors::SafeTensors::read_metadata(&contents).unwrap();
        header.metadata().clone().unwrap()
    });
    assert_eq!(found, expected);
}

#[test]
fn a_training_that_is_killed_twenty_times_ends_with_the_same_bits() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let mut reached = (0, 0);
    for kill in 0..20 {
        let before = files(directory.path());
        let mut child = start("train", directory.path());
        // At any moment, from its start on; some time after it has begun to save; and as soon as it writes.
        if kill % 3 > 0 {
            wait_until(|| files(directory.path()) != before);
        }
        if kill % 3 < 2 {
            thread::sleep(random_below(30));
        }
        assert!(child.try_wait().unwrap().is_none(), "it has ended by itself");
        child.kill().unwrap();
        child.wait().unwrap();
        if path.exists() {
            let position = position(&path);
            assert!(position >= reached, "{position:?} comes after {reached:?}");
            reached = position;
        }
    }
    assert!(reached > (0, 0), "no step was ever saved");
    assert_resumes_as_if_never_stopped(&path);
    let left: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["model.safetensors"]);
}

#[cfg(unix)]
fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

#[cfg(unix)]
#[test]
fn ctrl_c_saves_the_training_and_ends_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    for _ in 0..3 {
        let before = files(directory.path());
        let mut child = start("listen", directory.path());
        wait_until(|| files(directory.path()) != before);
        thread::sleep(random_below(30));
        interrupt(&child);
        let status = child.wait().unwrap();
        assert!(status.success(), "{status}");
        let steps: usize = fs::read_to_string(directory.path().join("steps")).unwrap().parse().unwrap();
        let (epochs, batches) = position(&path);
        assert_eq!(epochs * 5 + batches, steps);
    }
    assert_resumes_as_if_never_stopped(&path);
}

#[cfg(unix)]
#[test]
fn a_second_ctrl_c_kills_and_so_does_the_first_when_nothing_is_trained() {
    for (task, interrupts) in [("linger in training", 2), ("linger after training", 1)] {
        let directory = tempfile::tempdir().unwrap();
        let mut child = start(task, directory.path());
        wait_until(|| directory.path().join("lingers").exists());
        for _ in 1..interrupts {
            interrupt(&child);
            // Signals that come at once may count as one.
            thread::sleep(Duration::from_millis(300));
            assert!(child.try_wait().unwrap().is_none(), "one has killed it");
        }
        interrupt(&child);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{task}");
    }
}

#[test]
fn a_program_with_a_handler_of_its_own_is_told_so() {
    let directory = tempfile::tempdir().unwrap();
    let status = start("handle", directory.path()).wait().unwrap();
    assert!(status.success());
    let error = fs::read_to_string(directory.path().join("error")).unwrap();
    assert_eq!(error, "ctrl-c cannot be caught: Ctrl-C error: Ctrl-C signal handler already registered");
}

/// The rate is the only thing that differs from one time to the next.
#[test]
fn a_training_tells_its_epochs_line_by_line_where_there_is_no_terminal() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("model.safetensors");
    let told = || {
        let output = start("tell", directory.path()).wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let expected = train(&directory.path().join("other"), 2, quiet).unwrap();
    let first = told();
    let lines: Vec<&str> = first.lines().collect();
    assert_eq!(lines.len(), 3, "{first}");
    for (line, epoch) in lines.iter().zip(&expected.history) {
        let (numbers, speed) = line.strip_suffix(" left)").unwrap().rsplit_once(" (").unwrap();
        assert_eq!(numbers, format!("epoch {}/3: {epoch}", epoch.epoch));
        let (rate, left) = speed.split_once(" rows/s, ").unwrap();
        assert!(rate.parse::<u64>().unwrap() > 0 && left.ends_with(" s"), "{line}");
    }
    assert_eq!(lines[2], "stopped by a callback after 10 steps");
    assert!(path.exists());
    assert_eq!(
        told(),
        "resumed from `model.safetensors` after 10 steps\nstopped by a callback after 10 steps\n"
    );
}
