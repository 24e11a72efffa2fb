//! The training: steps, epochs, and what comes at the end of each.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use ndarray::ArrayD;

use super::batches::Aside;
use super::console::{Console, Speed};
use super::interrupt::CtrlC;
use super::metrics::Sums;
use super::position::{BEST_EPOCH, Best, Position, Setting, Variables};
use super::series::Series;
use super::{Ended, Metrics, Report, TrainError, Trainer};
use crate::data::{Dataset, RowType, row_count};
use crate::io::checkpoint::{Checkpoint, CheckpointError, FileFault};
use crate::{Callable, Float, Session};

impl<A: RowType, B: RowType, T: Float> Trainer<'_, A, B, T> {
    /// Trains until so many epochs are over, those before the training was resumed among them, or until it is ended.
    ///
    /// An epoch is a step for each batch, then the validation, then the callbacks, and the checkpoint at last.
    ///
    /// # Errors
    /// [`TrainError`] tells what can be wrong with the trainer, the data, a checkpoint, and a step. Variables are
    /// then as the last step that went well has made them.
    pub fn fit(&self, session: &Session, data: &Dataset<A, B>, epochs: usize) -> Result<Report, TrainError> {
        Fit::new(self, session, data, epochs)?.run()
    }

    /// The file of the checkpoint after so many steps, if there is to be one.
    fn checkpoint_after(&self, steps: usize) -> Option<PathBuf> {
        let path = self.checkpoint.as_ref()?;
        Some(if self.keep.is_some() { Series::of(path).file(steps) } else { path.clone() })
    }
}

/// Takes a step on a batch of inputs and targets, and gives what was measured on it.
type Step<A, B, T> = Callable<(A, B), (Vec<ArrayD<T>>, ())>;

/// A training under way.
struct Fit<'f, 'g, A: RowType, B: RowType, T: Float> {
    trainer: &'f Trainer<'g, A, B, T>,
    session: &'f Session,
    data: &'f Dataset<A, B>,
    /// The epochs that are to be trained.
    epochs: usize,
    step: Step<A, B, T>,
    setting: Setting,
    position: Position,
    ctrl_c: Option<CtrlC>,
    console: Console,
    /// The steps after which there is a checkpoint of this training, where several are kept.
    saved: BTreeSet<usize>,
}

impl<'f, 'g, A: RowType, B: RowType, T: Float> Fit<'f, 'g, A, B, T> {
    fn new(
        trainer: &'f Trainer<'g, A, B, T>,
        session: &'f Session,
        data: &'f Dataset<A, B>,
        epochs: usize,
    ) -> Result<Self, TrainError> {
        trainer.check()?;
        trainer.checkpoint_after(0).as_deref().map_or(Ok(()), Checkpoint::check_writable)?;
        let batches = trainer.check_batches("training", data, trainer.drops_last)?;
        let setting = Setting::of(trainer, data.len(), batches);
        let fetches = (trainer.measured.tensors(trainer.checked_loss), trainer.step);
        Ok(Fit {
            trainer,
            session,
            data,
            epochs,
            step: session.make_callable(&trainer.fed, fetches)?,
            position: Position::new(&setting),
            setting,
            ctrl_c: trainer.listens.then(CtrlC::listen).transpose()?,
            console: Console::new(trainer.is_quiet, trainer.report_every, epochs, batches),
            saved: BTreeSet::new(),
        })
    }

    fn run(mut self) -> Result<Report, TrainError> {
        if let Some(path) = self.trainer.checkpoint.as_deref().filter(|_| self.trainer.resumes) {
            self.resume_newest(path)?;
        }
        self.console.go_on(self.steps());
        let ended = loop {
            if let Some(ended) = self.ended() {
                self.restore_best()?;
                break ended;
            }
            if self.epoch()?.is_break() {
                self.save(None)?;
                break Ended::Interrupted;
            }
        };
        if ended != Ended::Completed {
            let steps = self.steps();
            self.console.say(&format!("{ended} after {steps} steps"));
        }
        Ok(Report {
            steps: self.steps(),
            ended,
            best_epoch: self.best_epoch(),
            history: self.position.history,
        })
    }

    /// Why no epoch is to follow.
    fn ended(&self) -> Option<Ended> {
        let epochs = self.position.history.len();
        let is_enough =
            self.trainer.early_stopping.as_ref().is_some_and(|it| it.is_enough(epochs, self.best_epoch()));
        [
            (self.position.is_stopped, Ended::ByCallback),
            (is_enough, Ended::EarlyStopped),
            (epochs >= self.epochs, Ended::Completed),
        ]
        .into_iter()
        .find_map(|(holds, ended)| holds.then_some(ended))
    }

    /// Trains an epoch, or what is left of it; breaks off when the user asks to.
    fn epoch(&mut self) -> Result<ControlFlow<()>, TrainError> {
        let epoch = self.position.history.len();
        let batches = self.trainer.epoch(self.data, epoch)?;
        self.console.begin(epoch + 1, self.setting.rows, self.position.sums.rows());
        for (inputs, targets) in self.trainer.pairs(batches, self.position.batches)? {
            if self.is_interrupted() {
                return Ok(ControlFlow::Break(()));
            }
            let run = self.step.call((A::views(&inputs), B::views(&targets)));
            let (means, ()) = run.map_err(|error| self.failed(error))?;
            let Position { batches, sums, .. } = &mut self.position;
            *batches += 1;
            sums.add(row_count::<A, B>(&inputs, &targets), &means);
            let steps = self.steps();
            let Position { sums, .. } = &self.position;
            let metrics = || Metrics::of(&self.trainer.measured.names, &sums.means());
            self.console.step(steps, sums.rows(), metrics);
            let every = self.trainer.checkpoint_every;
            if every > 0 && self.steps().is_multiple_of(every) {
                self.save(None)?;
            }
        }
        let speed = self.console.speed(self.steps(), self.position.sums.rows());
        let validated = match &self.trainer.validation {
            Some(it) => self.trainer.measure(self.session, &it.data, || self.is_interrupted())?,
            None => Some(Vec::new()),
        };
        // An interrupted validation is done again when the training is resumed.
        let Some(validated) = validated.filter(|_| !self.is_interrupted()) else {
            return Ok(ControlFlow::Break(()));
        };
        self.end_epoch(&validated, &speed)?;
        Ok(ControlFlow::Continue(()))
    }

    /// Ends an epoch whose batches are done.
    fn end_epoch(&mut self, validated: &[f64], speed: &Speed) -> Result<(), TrainError> {
        let place = self.position.history.len();
        let epoch = self.setting.epoch(place, &self.position.sums.means(), validated);
        self.position.history.push(epoch.clone());
        self.position.batches = 0;
        self.position.sums = Sums::none(self.trainer.measured.names.len());
        if self.restores_best() && self.best_epoch() == Some(epoch.epoch) {
            let variables = self.session.variable_values()?;
            self.position.best = Some(Best { epoch: epoch.epoch, variables });
        }
        self.console.end(&epoch, speed);
        let aside = Aside::of(self.session);
        let verdict = self.trainer.callbacks.call(&epoch);
        drop(aside);
        self.position.is_stopped = matches!(verdict, Ok(ControlFlow::Break(())));
        self.save(None)?;
        verdict.map(drop)
    }

    /// The steps taken since the training began.
    fn steps(&self) -> usize {
        self.position.history.len() * self.setting.batches + self.position.batches
    }

    /// The error of the next step.
    fn failed(&self, error: crate::Error) -> TrainError {
        let epoch = self.position.history.len() + 1;
        TrainError::Step { epoch, step: self.steps() + 1, source: Box::new(error) }
    }

    fn is_interrupted(&self) -> bool {
        self.ctrl_c.as_ref().is_some_and(CtrlC::is_pressed)
    }

    fn best_epoch(&self) -> Option<usize> {
        let stopping = self.trainer.early_stopping.as_ref()?;
        stopping.best(self.position.history.iter().map(|epoch| stopping.value(epoch)), T::epsilon().as_f64())
    }

    fn restores_best(&self) -> bool {
        self.trainer.early_stopping.as_ref().is_some_and(|stopping| stopping.restores_best)
    }

    /// Gives the session the variables of the best epoch, if they are to be restored.
    fn restore_best(&mut self) -> Result<(), TrainError> {
        let Some(best) = &self.position.best else { return Ok(()) };
        let last = self.session.variable_values()?;
        self.session.load(best.variables.clone())?;
        self.save(Some(&last))
    }

    /// Saves the training, whose last variables are the session's, or else these, if it is to be saved.
    fn save(&mut self, last: Option<&Variables>) -> Result<(), TrainError> {
        let Some(path) = self.trainer.checkpoint_after(self.steps()) else { return Ok(()) };
        self.position.write(Checkpoint::of(self.session)?, &self.setting, last).save(path)?;
        if let (Some(keep), Some(path)) = (&self.trainer.keep, &self.trainer.checkpoint) {
            self.saved.insert(self.steps());
            self.saved = keep.staying(&self.saved, &self.position.history);
            Series::of(path).remove_others(|step| self.saved.contains(&step));
        }
        Ok(())
    }

    /// Goes to where the newest checkpoint that is whole was saved, if there is one.
    fn resume_newest(&mut self, path: &Path) -> Result<(), TrainError> {
        if self.trainer.keep.is_none() {
            return self.resume(path);
        }
        let series = Series::of(path);
        let mut steps = series.steps()?;
        let mut newest = None;
        while let Some(&step) = steps.last() {
            match self.resume(&series.file(step)) {
                Err(TrainError::Checkpoint(error)) if matches!(*error, CheckpointError::File { .. }) => {
                    self.console.say(&format!("passed over: {error}"));
                    newest.get_or_insert(TrainError::Checkpoint(error));
                    steps.pop();
                }
                resumed => {
                    self.saved = steps.into_iter().collect();
                    return resumed;
                }
            }
        }
        newest.map_or_else(|| self.resume(path), Err)
    }

    /// Goes to where a checkpoint was saved, if there is one.
    fn resume(&mut self, path: &Path) -> Result<(), TrainError> {
        let checkpoint = match Checkpoint::load(path) {
            Err(CheckpointError::File { fault: FileFault::Read(error), .. })
                if error.kind() == io::ErrorKind::NotFound =>
            {
                return Ok(());
            }
            loaded => loaded?,
        };
        let (position, checkpoint) = Position::read(checkpoint, &self.setting, path)?;
        let kept = position.best.as_ref().map(|best| best.epoch);
        self.position = position;
        if !self.restores_best() {
            self.position.best = None;
        } else if kept != self.best_epoch() {
            return Err(self.other_best(path, kept));
        }
        checkpoint.restore(self.session)?;
        let steps = self.steps();
        self.console.say(&format!("resumed from `{}` after {steps} steps", path.display()));
        Ok(())
    }

    /// The error of a checkpoint that has no variables of the best epoch, or of another one.
    fn other_best(&self, path: &Path, kept: Option<usize>) -> TrainError {
        let [expected, found] =
            [self.best_epoch(), kept].map(|epoch| epoch.map_or("none".to_owned(), |epoch| epoch.to_string()));
        TrainError::OtherTraining { path: path.to_owned(), key: BEST_EPOCH, expected, found }
    }
}
