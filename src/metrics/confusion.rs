//! [`ConfusionMatrix`]: how often each class was taken for each.

use std::fmt;
use std::ops::AddAssign;

use ndarray::{Array2, ArrayRef, ArrayView2, Axis, Dimension};

use super::MetricError;
use super::label::{Label, check_pairs, classes};

/// How often a row of each class was predicted to be of each class: `counts[[i, j]]` rows of class i were taken for
/// class j.
///
/// What is a share of no rows, as the precision of a class that was never predicted, is 0, as in TensorFlow and
/// scikit-learn.
///
/// ```
/// use flowgrad::metrics::ConfusionMatrix;
/// use flowgrad::ndarray::array;
/// # fn main() -> Result<(), flowgrad::metrics::MetricError> {
/// let confusion = ConfusionMatrix::of(&array![0, 1, 2, 2, 2], &array![0, 2, 2, 2, 1])?;
/// assert_eq!(confusion.counts(), array![[1, 0, 0], [0, 0, 1], [0, 1, 2]]);
/// assert_eq!(confusion.accuracy(), 0.6);
/// assert_eq!(confusion.recall(2), 2.0 / 3.0);
/// assert_eq!(confusion.to_string(), "true\\predicted  0  1  2\n             0  1  0  0\n             1  0  0  1\n             2  0  1  2");
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfusionMatrix {
    /// Square.
    counts: Array2<u64>,
}

/// Classes at most, whose matrix takes 128 MB: labels that are no classes, as identifiers, are told as that.
const MOST_CLASSES: usize = 1 << 12;

impl ConfusionMatrix {
    /// Of labels and predictions of the same shape, with as many classes as the largest of them says.
    ///
    /// # Errors
    /// [`MetricError`], when they do not pair up, are none, or hold what is no class. There are 4,096 classes at most.
    pub fn of<L: Label, P: Label, D: Dimension, E: Dimension>(
        labels: &ArrayRef<L, D>,
        predicted: &ArrayRef<P, E>,
    ) -> Result<Self, MetricError> {
        check_pairs(labels, "predictions", predicted)?;
        let pairs = [classes("labels", labels)?, classes("predictions", predicted)?];
        let largest = pairs.iter().flatten().copied().max().unwrap_or_default();
        let count = usize::try_from(largest).map_or(MOST_CLASSES, |largest| (largest + 1).min(MOST_CLASSES));
        // Whether there is a class or not, two of them can be told apart.
        let mut confusion = Self::none(count.max(2));
        confusion.count(&pairs)?;
        Ok(confusion)
    }

    /// Of no rows yet, to be [added](Self::add) to. There are 4,096 classes at most, and no more are made room for.
    ///
    /// ```
    /// use flowgrad::metrics::ConfusionMatrix;
    /// use flowgrad::ndarray::array;
    /// # fn main() -> Result<(), flowgrad::metrics::MetricError> {
    /// let mut confusion = ConfusionMatrix::none(2);
    /// for (labels, predicted) in [(array![0, 1], array![0, 0]), (array![1, 1], array![1, 1])] {
    ///     confusion.add(&labels, &predicted)?;
    /// }
    /// assert_eq!(confusion.counts(), array![[1, 0], [1, 2]]);
    /// # Ok(())
    /// # }
    /// ```
    pub fn none(classes: usize) -> Self {
        let classes = classes.min(MOST_CLASSES);
        ConfusionMatrix { counts: Array2::zeros((classes, classes)) }
    }

    /// Counts further rows.
    ///
    /// # Errors
    /// As for [`of`](Self::of), and [`MetricError::ClassOutOfRange`]; nothing is counted then.
    pub fn add<L: Label, P: Label, D: Dimension, E: Dimension>(
        &mut self,
        labels: &ArrayRef<L, D>,
        predicted: &ArrayRef<P, E>,
    ) -> Result<(), MetricError> {
        check_pairs(labels, "predictions", predicted)?;
        self.count(&[classes("labels", labels)?, classes("predictions", predicted)?])
    }

    fn count(&mut self, pairs: &[Vec<u64>; 2]) -> Result<(), MetricError> {
        let classes = self.classes();
        for (what, side) in ["labels", "predictions"].into_iter().zip(pairs) {
            if let Some((row, &found)) = side.iter().enumerate().find(|&(_, &class)| class >= classes as u64)
            {
                return Err(MetricError::ClassOutOfRange { what, row, found, classes });
            }
        }
        let [labels, predicted] = pairs;
        for (&label, &predicted) in labels.iter().zip(predicted) {
            self.counts[[label as usize, predicted as usize]] += 1;
        }
        Ok(())
    }

    /// The rows of class i that were taken for class j, at `[i, j]`.
    pub fn counts(&self) -> ArrayView2<'_, u64> {
        self.counts.view()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.counts.nrows()
    }

    /// The share of rows that were taken for their class.
    pub fn accuracy(&self) -> f64 {
        share(self.counts.diag().sum(), self.counts.sum())
    }

    /// Of the rows that were taken for the class, the share that is of it: TP/(TP + FP). 0 of a class that there is not.
    pub fn precision(&self, class: usize) -> f64 {
        let [hits, _, predicted] = self.of_class(class);
        share(hits, predicted)
    }

    /// Of the rows of the class, the share that was taken for it: TP/(TP + FN). 0 of a class that there is not.
    pub fn recall(&self, class: usize) -> f64 {
        let [hits, support, _] = self.of_class(class);
        share(hits, support)
    }

    /// The harmonic mean of precision and recall: 2·TP/(2·TP + FP + FN). 0 of a class that there is not.
    pub fn f1(&self, class: usize) -> f64 {
        let [hits, support, predicted] = self.of_class(class);
        share(2 * hits, support + predicted)
    }

    /// The rows of the class.
    pub fn support(&self, class: usize) -> u64 {
        self.of_class(class)[1]
    }

    /// The mean of [`precision`](Self::precision) over the classes that were seen or predicted, each counted once.
    pub fn macro_precision(&self) -> f64 {
        self.mean_over_classes(Self::precision)
    }

    /// The mean of [`recall`](Self::recall) over the classes that were seen or predicted, each counted once.
    pub fn macro_recall(&self) -> f64 {
        self.mean_over_classes(Self::recall)
    }

    /// The mean of [`f1`](Self::f1) over the classes that were seen or predicted, each counted once.
    ///
    /// ```
    /// use flowgrad::metrics::ConfusionMatrix;
    /// use flowgrad::ndarray::array;
    /// let confusion = ConfusionMatrix::of(&array![0, 1, 1, 3], &array![0, 1, 0, 3])?;
    /// assert_eq!(confusion.macro_f1(), (2.0 / 3.0 + 2.0 / 3.0 + 1.0) / 3.0);
    /// # Ok::<(), flowgrad::metrics::MetricError>(())
    /// ```
    pub fn macro_f1(&self) -> f64 {
        self.mean_over_classes(Self::f1)
    }

    fn mean_over_classes(&self, of: impl Fn(&Self, usize) -> f64) -> f64 {
        let is_there = |&class: &usize| self.of_class(class)[1..].iter().any(|&rows| rows > 0);
        let there: Vec<usize> = (0..self.classes()).filter(is_there).collect();
        let sum: f64 = there.iter().map(|&class| of(self, class)).sum();
        if there.is_empty() { 0.0 } else { sum / there.len() as f64 }
    }

    /// The rows of the class that were taken for it, those of the class, and those that were taken for it.
    fn of_class(&self, class: usize) -> [u64; 3] {
        if class >= self.classes() {
            return [0; 3];
        }
        let [support, predicted] = [0, 1].map(|axis| self.counts.index_axis(Axis(axis), class).sum());
        [self.counts[[class, class]], support, predicted]
    }
}

impl AddAssign<&ConfusionMatrix> for ConfusionMatrix {
    /// Adds the counts of another matrix, with as many classes as the one that has more.
    fn add_assign(&mut self, other: &ConfusionMatrix) {
        if other.classes() > self.classes() {
            let mut counts = other.counts.clone();
            counts
                .slice_mut(ndarray::s![..self.classes(), ..self.classes()])
                .zip_mut_with(&self.counts, |a, b| *a += b);
            self.counts = counts;
        } else {
            let mut shared = self.counts.slice_mut(ndarray::s![..other.classes(), ..other.classes()]);
            shared.zip_mut_with(&other.counts, |a, b| *a += b);
        }
    }
}

impl fmt::Display for ConfusionMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const CORNER: &str = "true\\predicted";
        let largest = self.counts.iter().copied().max().unwrap_or_default();
        let width = largest.max(self.classes() as u64).to_string().len() + 2;
        f.write_str(CORNER)?;
        (0..self.classes()).try_for_each(|class| write!(f, "{class:>width$}"))?;
        for (class, row) in self.counts.outer_iter().enumerate() {
            write!(f, "\n{class:>corner$}", corner = CORNER.len())?;
            row.iter().try_for_each(|count| write!(f, "{count:>width$}"))?;
        }
        Ok(())
    }
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
