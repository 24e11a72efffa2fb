//! [`Extent`]: a number that depends on lengths that are not known, found from what it is for some choices of them.
//!
//! Takes what the unknown lengths are in each of three trials, and what the number is; gives a formula that gives it in all
//! three, and which [`Extent::at`] computes for other lengths. The lengths are primes, and in one trial twice primes, so that odd and even ones are told apart: that a wrong
//! formula of so few parts fits by chance is as good as excluded.

/// Trials, each with lengths of its own.
pub(crate) const TRIALS: usize = 3;

/// A length of inputs that is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// The inputs that have it, each with the axis. Any of them may be fed the length 1 there, and is repeated then: it is the
    /// largest of these lengths, unless one of them is 0.
    pub(crate) of: Vec<(usize, usize)>,
    /// What it is in each trial.
    pub(crate) in_trials: [usize; TRIALS],
}

/// ⌊(Σ of `terms` + `plus`) / `over`⌋, where a term is a whole number times the product of unknown lengths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    /// Each with the positions of its lengths among the symbols.
    pub(crate) terms: Vec<(i64, Vec<usize>)>,
    pub(crate) plus: i64,
    pub(crate) over: i64,
}

impl Extent {
    fn known(number: i64) -> Self {
        Extent { terms: Vec::new(), plus: number, over: 1 }
    }

    /// The number, if it depends on no length.
    pub(crate) fn as_known(&self) -> Option<i64> {
        self.terms.is_empty().then_some(self.plus)
    }

    /// What it gives for these lengths.
    pub(crate) fn at(&self, lengths: &[usize]) -> i64 {
        let length = |symbol: &usize| lengths.get(*symbol).map_or(0, |&length| length as i64);
        let term = |(times, of): &(i64, Vec<usize>)| times * of.iter().map(length).product::<i64>();
        (self.terms.iter().map(term).sum::<i64>() + self.plus).div_euclid(self.over)
    }

    /// A formula for a number that is this in the trials.
    pub(crate) fn of(found: [i64; TRIALS], symbols: &[Symbol]) -> Option<Self> {
        if found.iter().all(|&number| number == found[0]) {
            return Some(Extent::known(found[0]));
        }
        let products = products(symbols);
        products
            .iter()
            .find_map(|(of, numbers)| affine(found, of, *numbers))
            .or_else(|| products.iter().find_map(|(of, numbers)| divided(found, of, *numbers)))
            .or_else(|| of_two(found, symbols))
    }
}

/// The products of up to three of the lengths, in the trials.
fn products(symbols: &[Symbol]) -> Vec<(Vec<usize>, [i64; TRIALS])> {
    let mut all: Vec<(Vec<usize>, [i64; TRIALS])> = Vec::new();
    let mut last: Vec<(Vec<usize>, [i64; TRIALS])> = vec![(Vec::new(), [1; TRIALS])];
    for _ in 0..3 {
        let mut next = Vec::new();
        for (of, numbers) in &last {
            let first = of.last().map_or(0, |&last| last + 1);
            for (position, symbol) in symbols.iter().enumerate().skip(first) {
                let mut product = *numbers;
                product
                    .iter_mut()
                    .zip(symbol.in_trials)
                    .for_each(|(product, length)| *product *= length as i64);
                next.push(([&of[..], &[position]].concat(), product));
            }
        }
        all.extend(next.iter().cloned());
        last = next;
    }
    all
}

/// `times`·product + `plus`.
fn affine(found: [i64; TRIALS], of: &[usize], numbers: [i64; TRIALS]) -> Option<Extent> {
    let (rise, run) = (found[1] - found[0], numbers[1] - numbers[0]);
    if run == 0 || rise % run != 0 || rise == 0 {
        return None;
    }
    let times = rise / run;
    let plus = found[0] - times * numbers[0];
    let fits = numbers.iter().zip(found).all(|(number, found)| times * number + plus == found);
    fits.then(|| Extent { terms: vec![(times, of.to_vec())], plus, over: 1 })
}

/// ⌊(product + `plus`) / 2⌋. Other divisors would take more trials to be certain.
fn divided(found: [i64; TRIALS], of: &[usize], numbers: [i64; TRIALS]) -> Option<Extent> {
    let over = 2;
    let least = found[0] * over - numbers[0];
    let fits = |plus: &i64| {
        numbers.iter().zip(found).all(|(number, found)| (number + plus).div_euclid(over) == found)
    };
    let plus = (least..least + over).find(fits)?;
    Some(Extent { terms: vec![(1, of.to_vec())], plus, over })
}

/// The sum or the difference of two lengths, and a number.
fn of_two(found: [i64; TRIALS], symbols: &[Symbol]) -> Option<Extent> {
    for (a, first) in symbols.iter().enumerate() {
        for (b, second) in symbols.iter().enumerate().filter(|&(b, _)| b != a) {
            for sign in [1, -1] {
                let rest = |trial: usize| {
                    found[trial] - first.in_trials[trial] as i64 - sign * second.in_trials[trial] as i64
                };
                if (1..TRIALS).all(|trial| rest(trial) == rest(0)) {
                    return Some(Extent {
                        terms: vec![(1, vec![a]), (sign, vec![b])],
                        plus: rest(0),
                        over: 1,
                    });
                }
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(number: impl Fn([i64; 2]) -> i64) -> Option<Extent> {
        let [a, b] = [[101, 214, 401], [103, 226, 419]];
        let symbol = |axis, in_trials| Symbol { of: vec![(0, axis)], in_trials };
        let trial = |trial: usize| number([a[trial] as i64, b[trial] as i64]);
        Extent::of([trial(0), trial(1), trial(2)], &[symbol(0, a), symbol(1, b)])
    }

    #[test]
    fn formulas_are_found() {
        let one = |times, of: &[usize], plus, over| Extent { terms: vec![(times, of.to_vec())], plus, over };
        assert_eq!(found(|_| 7), Some(Extent::known(7)));
        assert_eq!(found(|[a, _]| a), Some(one(1, &[0], 0, 1)));
        assert_eq!(found(|[a, _]| 3 * a - 2), Some(one(3, &[0], -2, 1)));
        assert_eq!(found(|[a, b]| 6 * a * b), Some(one(6, &[0, 1], 0, 1)));
        assert_eq!(found(|[_, b]| (b - 3) / 2 + 1), Some(one(1, &[1], -1, 2)));
        assert_eq!(found(|[_, b]| (b - 2) / 3), None);
        let sum = Extent { terms: vec![(1, vec![0]), (1, vec![1])], plus: 1, over: 1 };
        assert_eq!(found(|[a, b]| a + b + 1), Some(sum));
        assert_eq!(found(|[a, b]| a * a + b), None);
        assert_eq!([one(3, &[0, 1], -2, 1).at(&[5, 7]), one(1, &[1], -1, 2).at(&[9, 4])], [103, 1]);
    }
}
