//! A program as it is drawn: steps of small numbers, some of which hold steps of their own.
//!
//! Every program is valid: which operands the numbers choose, the build decides by what there is. So steps may be taken
//! out of one that fails until it is as small as it gets.

/// How deep steps hold steps.
const DEPTH: usize = 3;

/// Numbers from a seed: `SplitMix64`.
pub(crate) struct Numbers(u64);

impl Numbers {
    pub(crate) fn of(seed: u64) -> Self {
        Numbers(seed.wrapping_mul(0xD134_2543_DE82_EF95).wrapping_add(1))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// Between -1 and 1.
    pub(crate) fn float(&mut self) -> f64 {
        self.next() as f64 / u64::MAX as f64 * 2.0 - 1.0
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Mostly small: what was made last is picked most.
    fn pick(&mut self) -> u8 {
        let most = self.one_of(&[2, 3, 5, 20]);
        self.below(most) as u8
    }
}

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Unary,
    Binary,
    Select,
    Reduce,
    Product,
    Move,
    Integer,
    Boolean,
    Slope,
    Draw,
    Cond,
    Case,
    While,
    Fixed,
    Counted,
    Scan,
    Fold,
    Map,
    Function,
    Assign,
}

use Kind::{
    Assign, Binary, Boolean, Case, Cond, Counted, Draw, Fixed, Fold, Function, Integer, Map, Move, Product,
    Reduce, Scan, Select, Slope, Unary, While,
};

const SIMPLE: [Kind; 13] =
    [Unary, Unary, Unary, Binary, Binary, Binary, Select, Reduce, Product, Move, Integer, Integer, Boolean];

const HOLDING: [Kind; 12] = [Cond, Cond, Case, While, While, Fixed, Counted, Scan, Scan, Fold, Map, Slope];

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) kind: Kind,
    pub(crate) picks: [u8; 4],
    pub(crate) numbers: [u8; 4],
    /// The steps of its branches or of its body.
    pub(crate) inner: Vec<Vec<Step>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Program {
    pub(crate) seed: u64,
    /// The length of all axes.
    pub(crate) width: usize,
    /// Whether it is of `f32`.
    pub(crate) single: bool,
    /// Whether the lengths of what is fed are unknown while building.
    pub(crate) unknown: bool,
    /// Whether it has gradients of gradients.
    pub(crate) second: bool,
    pub(crate) steps: Vec<Step>,
}

impl Program {
    pub(crate) fn drawn(seed: u64) -> Self {
        let mut numbers = Numbers::of(seed);
        let width = numbers.one_of(&[1, 2, 3, 3, 3, 4, 5, 8, 9]);
        let [single, unknown, second] = [3, 3, 4].map(|one_in| numbers.below(one_in) == 0);
        let count = 3 + numbers.below(6);
        let steps = steps(&mut numbers, count, 0, seed.is_multiple_of(5));
        Program { seed, width, single, unknown, second, steps }
    }

    /// Whether variables are read at the start and not where they are used.
    pub(crate) fn reads_at_once(&self) -> bool {
        !self.seed.is_multiple_of(3)
    }

    /// Whether its loops and branches can be written out with the same meaning: draws differ from iteration to iteration of
    /// a loop only, and a loop as a whole reads a variable behind an assignment that one of its inputs needs.
    pub(crate) fn can_be_unrolled(&self) -> bool {
        !self.has(Draw) && (self.reads_at_once() || !self.has(Assign))
    }

    /// Whether a kind is among the steps.
    pub(crate) fn has(&self, kind: Kind) -> bool {
        fn among(steps: &[Step], kind: Kind) -> bool {
            steps.iter().any(|step| step.kind == kind || step.inner.iter().any(|inner| among(inner, kind)))
        }
        among(&self.steps, kind)
    }

    /// The smallest program for which `fails` holds: without some of the steps, and with 0 for some of the numbers.
    pub(crate) fn smallest(mut self, fails: impl Fn(&Program) -> bool) -> Self {
        loop {
            let smaller = self.smaller().find(|smaller| fails(smaller));
            let Some(smaller) = smaller else { return self };
            self = smaller;
        }
    }

    /// Programs that are a little smaller.
    fn smaller(&self) -> impl Iterator<Item = Program> {
        let plainer = [
            Program { width: self.width.min(2), ..self.clone() },
            Program { single: false, ..self.clone() },
            Program { unknown: false, ..self.clone() },
            Program { second: false, ..self.clone() },
        ];
        let is_other = |plainer: &Program| {
            let kept = |program: &Program| (program.width, program.single, program.unknown, program.second);
            kept(plainer) != kept(self)
        };
        let changed = |at: usize, change: fn(&mut Vec<Step>, usize) -> bool| {
            let mut tried = self.clone();
            let found = change_at(&mut tried.steps, &mut { at }, &mut |steps, index| change(steps, index));
            (found == Some(true)).then_some(tried)
        };
        let count = count(&self.steps);
        let removed = (0..count).rev().filter_map(move |at| {
            changed(at, |steps, index| {
                steps.remove(index);
                true
            })
        });
        let zeros = [0, 1, 2, 3].into_iter().flat_map(move |of| (0..count).map(move |at| (of, at)));
        let zeroed = zeros.filter_map(move |(of, at)| {
            let mut tried = self.clone();
            let zero = &mut |steps: &mut Vec<Step>, index: usize| {
                let Step { picks, numbers, .. } = &mut steps[index];
                std::mem::take(&mut picks[of]) != 0 || std::mem::take(&mut numbers[of]) != 0
            };
            (change_at(&mut tried.steps, &mut { at }, zero) == Some(true)).then_some(tried)
        });
        let plainer: Vec<Program> = plainer.into_iter().filter(is_other).collect();
        removed.chain(plainer).chain(zeroed)
    }
}

/// How many steps there are, with those that steps hold.
fn count(steps: &[Step]) -> usize {
    steps.iter().map(|step| 1 + step.inner.iter().map(|inner| count(inner)).sum::<usize>()).sum()
}

/// Changes the step at a place, counted with those that steps hold; what the change gives, if the place was found.
fn change_at(
    steps: &mut Vec<Step>,
    at: &mut usize,
    change: &mut dyn FnMut(&mut Vec<Step>, usize) -> bool,
) -> Option<bool> {
    for index in 0..steps.len() {
        if *at == 0 {
            return Some(change(steps, index));
        }
        *at -= 1;
        let found = steps[index].inner.iter_mut().find_map(|inner| change_at(inner, at, change));
        if found.is_some() {
            return found;
        }
    }
    None
}

fn steps(numbers: &mut Numbers, count: usize, depth: usize, draws: bool) -> Vec<Step> {
    (0..count).map(|_| step(numbers, depth, draws)).collect()
}

fn step(numbers: &mut Numbers, depth: usize, draws: bool) -> Step {
    let holds = depth < DEPTH && numbers.below(10) < [6, 3, 2][depth];
    let kind = match numbers.below(20) {
        0 if depth < DEPTH => Function,
        1 if draws => Draw,
        2 | 3 => Assign,
        _ if holds => numbers.one_of(&HOLDING),
        _ => numbers.one_of(&SIMPLE),
    };
    let bodies = match kind {
        Cond => 2,
        Case => 1 + numbers.below(3),
        While | Fixed | Counted | Scan | Fold | Map | Function | Slope => 1,
        _ => 0,
    };
    let picks = [(); 4].map(|()| numbers.pick());
    let given = [(); 4].map(|()| numbers.below(256) as u8);
    let mut body = || {
        let count = 1 + numbers.below(3);
        steps(numbers, count, depth + 1, draws)
    };
    let inner = (0..bodies).map(|_| body()).collect();
    Step { kind, picks, numbers: given, inner }
}
