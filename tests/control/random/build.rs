//! From a program to a graph, with its loops and branches or with what they come to.
//!
//! All floats stay between -1 and 1, and no step has a slope that is much steeper than 1, so that roundings do not grow.
//! What decides and what has kinks is compared with odd numbers, which no float here is but by chance.

use flowgrad::prelude::*;

use super::program::{Kind, Program, Step};

/// Odd numbers to compare with.
const ODD: [f64; 6] = [0.0371, -0.1713, 0.3137, -0.4219, 0.6073, -0.0297];

/// What a step may use: tensors of each type and, of floats, of each rank. The last ones are picked most.
#[derive(Clone, Debug)]
pub(crate) struct Scope<'g, T> {
    pub(crate) floats: [Vec<Tensor<'g, T>>; 3],
    pub(crate) ints: Vec<Tensor<'g, i64>>,
    pub(crate) bools: Vec<Tensor<'g, bool>>,
    /// Whether variables may be assigned here.
    pub(crate) assigns: bool,
    /// What assigned last to each variable.
    pub(crate) last: [Option<Operation<'g>>; 2],
}

/// How loops and branches are built.
pub(crate) trait Unroll {
    /// Whether loops and branches stay.
    fn keeps(&self) -> bool;
    /// Whether a condition holds; none if the graph itself shall decide.
    fn decide(&self, condition: Tensor<'_, bool>) -> Option<bool>;
    /// The value of an index or of a number of iterations.
    fn number(&self, number: Tensor<'_, i64>) -> Option<i64>;
}

/// The graph decides.
pub(crate) struct Keep;

impl Unroll for Keep {
    fn keeps(&self) -> bool {
        true
    }
    fn decide(&self, _: Tensor<'_, bool>) -> Option<bool> {
        None
    }
    fn number(&self, _: Tensor<'_, i64>) -> Option<i64> {
        None
    }
}

/// A number of the element type.
pub(crate) fn number<T: Float>(of: f64) -> T {
    T::from_f64(of)
}

/// The one that is picked, counted from the last.
fn picked<X: Copy>(list: &[X], pick: u8) -> X {
    list[list.len() - 1 - usize::from(pick) % list.len()]
}

impl<'g, T: Float> Scope<'g, T> {
    pub(crate) fn float(&self, rank: usize, pick: u8) -> Tensor<'g, T> {
        picked(&self.floats[rank], pick)
    }

    pub(crate) fn int(&self, pick: u8) -> Tensor<'g, i64> {
        picked(&self.ints, pick)
    }

    pub(crate) fn bool(&self, pick: u8) -> Tensor<'g, bool> {
        picked(&self.bools, pick)
    }
}

/// A graph under construction.
pub(crate) struct Build<'g, 'u, T> {
    pub(crate) graph: &'g Graph,
    pub(crate) unroll: &'u dyn Unroll,
    pub(crate) width: usize,
    /// Whether scans keep all states although they are to keep few.
    pub(crate) unchecked: bool,
    pub(crate) variables: [Variable<'g, T>; 2],
    /// What must run beside the fetches: assignments of branches that were unrolled.
    pub(crate) operations: std::cell::RefCell<Vec<Operation<'g>>>,
}

/// A graph whose leaves are made.
pub(crate) struct Leaves<'g, T> {
    pub(crate) floats: [Tensor<'g, T>; 3],
    pub(crate) int: Tensor<'g, i64>,
    pub(crate) bool: Tensor<'g, bool>,
    pub(crate) scope: Scope<'g, T>,
    pub(crate) variables: [Variable<'g, T>; 2],
}

impl<'g, T: Float> Leaves<'g, T> {
    pub(crate) fn of(g: &'g Graph, program: &Program) -> Self {
        let n = program.width;
        let length = (!program.unknown).then_some(n);
        let floats = [
            g.placeholder::<T>("s", []),
            g.placeholder::<T>("v", [length]),
            g.placeholder::<T>("m", [length, length]),
        ];
        let int = g.placeholder::<i64>("k", []);
        let bool = g.placeholder::<bool>("p", []);
        let vector: Vec<T> = (0..n).map(|i| number((i as f64 * 1.7 + 0.4).sin())).collect();
        let vector = ndarray::Array1::from(vector);
        let start = vector.mapv(|x| x * number::<T>(-0.5));
        let variables = [g.variable("a", number::<T>(0.45)), g.variable("w", start)];
        let constant = g.constant(vector);
        // A variable is read where it is used, and after what was assigned to it if so is the user, or else at once.
        let at_once = program.reads_at_once();
        let read = |x: Tensor<'g, T>| if at_once { x.identity() } else { x };
        let scope = Scope {
            floats: [
                vec![g.constant(number::<T>(0.6)), read(variables[0].tensor()), floats[0]],
                vec![constant, read(variables[1].tensor()), floats[1]],
                vec![floats[2]],
            ],
            ints: vec![g.constant(2_i64), int],
            bools: vec![g.constant(true), bool],
            assigns: true,
            last: [None; 2],
        };
        Leaves { floats, int, bool, scope, variables }
    }
}

impl<'g, T: Float> Build<'g, '_, T> {
    pub(crate) fn steps(&self, scope: &mut Scope<'g, T>, steps: &[Step]) {
        for step in steps {
            self.step(scope, step);
        }
    }

    fn step(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let [a, b, c, _] = step.picks;
        let [form, r, s, odd] = step.numbers.map(usize::from);
        let odd = ODD[odd % ODD.len()];
        match step.kind {
            Kind::Unary => {
                let made = unary(scope.float(r % 3, a), form, odd);
                scope.floats[r % 3].push(made);
            }
            Kind::Binary => {
                let made = binary(scope.float(r % 3, a), scope.float(s % 3, b), form, odd);
                scope.floats[(r % 3).max(s % 3)].push(made);
            }
            Kind::Select => {
                let mask = scope.float(r % 3, a).greater(number::<T>(odd));
                let [x, y] = [b, c].map(|pick| scope.float(r % 3, pick));
                scope.floats[r % 3].push(mask.select(x, y));
            }
            Kind::Reduce => self.reduce(scope, step),
            Kind::Product => self.product(scope, step),
            Kind::Move => self.moved(scope, step),
            Kind::Integer => scope.ints.push(integer(scope, step, odd)),
            Kind::Boolean => scope.bools.push(boolean(scope, step, odd)),
            Kind::Draw => {
                let n = self.width;
                let dims = [vec![], vec![n], vec![n, n]];
                let drawn = self.graph.random_uniform(dims[r % 3].clone(), number::<T>(-1.0), number(1.0));
                scope.floats[r % 3].push(drawn);
            }
            _ => self.nested(scope, step),
        }
    }

    /// A tensor of a lower rank.
    fn reduce(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let rank = 1 + usize::from(step.numbers[1]) % 2;
        let x = scope.float(rank, step.picks[0]);
        let n = self.width as f64;
        // Distances by which no two elements are equal, so that there are no ties that roundings would break.
        let apart: Vec<T> = (0..self.width).map(|i| number(i as f64 * 0.0173)).collect();
        let apart = self.graph.constant(ndarray::Array1::from(apart));
        let axis = usize::from(step.numbers[2]) % rank;
        let to = rank - 1;
        let made = match step.numbers[0] % 8 {
            0 => x.reduce_sum(axis as isize) * number::<T>(1.0 / n),
            1 => x.reduce_mean(axis as isize),
            2 => (x + apart).reduce_max(-1) * number::<T>(0.5),
            3 => (x - apart).reduce_min(-1) * number::<T>(0.5),
            4 => x.reduce_log_sum_exp(axis as isize) * number::<T>(1.0 / (n + 1.0)),
            5 => x.square().reduce_sum(axis as isize) * number::<T>(1.0 / n),
            6 => (x * number::<T>(0.5) + number::<T>(0.5)).reduce_prod(axis as isize),
            _ => {
                let all = x.reduce_mean(..);
                scope.floats[0].push(all);
                return;
            }
        };
        scope.floats[to].push(made);
    }

    fn product(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let [a, b, ..] = step.picks;
        let scale = number::<T>(1.0 / self.width as f64);
        let (x, y, v) = (scope.float(2, a), scope.float(2, b), scope.float(1, b));
        match step.numbers[0] % 6 {
            0 => scope.floats[2].push(x.matmul(y) * scale),
            1 => scope.floats[2].push(x.matmul_transposed(y, false, true) * scale),
            2 => scope.floats[2].push(x.matmul_transposed(y, true, false).tanh() * scale),
            3 => scope.floats[1].push((x.matmul(v.expand_dims(1)) * scale).squeeze([1])),
            4 => scope.floats[0].push(v.dot(scope.float(1, a)) * scale),
            _ => scope.floats[2].push(v.expand_dims(1) * scope.float(1, a).expand_dims(0)),
        }
    }

    fn moved(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let n = self.width;
        let [a, b, ..] = step.picks;
        let [form, r, s, _] = step.numbers.map(usize::from);
        let rank = 1 + r % 2;
        let x = scope.float(rank, a);
        let at = s % n;
        match form % 9 {
            0 => scope.floats[2].push(scope.float(2, a).transpose()),
            1 => scope.floats[rank].push(x.reverse(0)),
            2 => {
                let parts = [x.slice(at..), x.slice(..at)];
                scope.floats[rank].push(self.graph.concat(&parts, 0));
            }
            3 => scope.floats[rank - 1].push(x.slice(at)),
            4 => {
                let index = modulo(scope.int(b), n as i64);
                scope.floats[rank - 1].push(x.gather(index, 0));
            }
            5 => scope.floats[rank].push(x.cumsum(0) * number::<T>(1.0 / n as f64)),
            6 => scope.floats[rank].push(x.softmax(-1)),
            7 => {
                let rows: Vec<Tensor<'g, T>> = (0..n).map(|i| scope.float(rank - 1, a + i as u8)).collect();
                scope.floats[rank].push(self.graph.stack(&rows, 0));
            }
            _ => scope.floats[rank].push(x.stop_gradient()),
        }
    }
}

fn unary<T: Float>(x: Tensor<'_, T>, form: usize, odd: f64) -> Tensor<'_, T> {
    let number = number::<T>;
    match form % 14 {
        0 => x.sin(),
        1 => x.tanh(),
        2 => (x - number(1.0)).exp(),
        3 => (x + number(1.5)).sqrt() * number(0.6),
        4 => x.sigmoid(),
        5 => x.square(),
        6 => (x + number(2.5)).ln() * number(0.7),
        7 => -x,
        8 => (x + number(odd)).abs() * number(0.5),
        9 => (x - number(odd)).relu() * number(0.5),
        10 => x.cos(),
        11 => x * number(0.75),
        12 => (x + number(1.5)).reciprocal() * number(0.5),
        _ => x * number(0.5) + number(odd * 0.5),
    }
}

fn binary<'g, T: Float>(a: Tensor<'g, T>, b: Tensor<'g, T>, form: usize, odd: f64) -> Tensor<'g, T> {
    let number = number::<T>;
    match form % 10 {
        0 => (a + b) * number(0.5),
        1 => (a - b) * number(0.5),
        2 | 3 => a * b,
        4 => a / (b + number(2.5)),
        5 => (a * b + a) * number(0.5),
        6 => (a * number(0.9) + b * number(odd)).tanh(),
        7 => (a * number(0.5) + number(odd * 0.1)).maximum(b * number(0.4) - number(0.5073)),
        8 => a * b.sin() + b * number(0.1),
        _ => (a.square() + b.square() + number(0.1)).sqrt() * number(0.6),
    }
}

/// The rest of a division that is not negative.
pub(crate) fn modulo(x: Tensor<'_, i64>, by: i64) -> Tensor<'_, i64> {
    let rest = x - x / by * by;
    (rest + by) - (rest + by) / by * by
}

fn integer<'g, T: Float>(scope: &Scope<'g, T>, step: &Step, odd: f64) -> Tensor<'g, i64> {
    let [a, b, ..] = step.picks;
    let (x, y) = (scope.int(a), scope.int(b));
    match step.numbers[0] % 7 {
        0 => modulo(x + y, 7),
        1 => modulo(x * y + 1_i64, 5),
        2 => scope.bool(a).cast::<i64>() + y,
        3 => (scope.float(0, a) * number::<T>(3.0) + number::<T>(odd)).floor().cast::<i64>(),
        4 => scope.float(1, a).greater(number::<T>(odd)).cast::<i64>().reduce_sum(..),
        5 => x.maximum(y) - 1_i64,
        _ => modulo(x, 3),
    }
}

fn boolean<'g, T: Float>(scope: &Scope<'g, T>, step: &Step, odd: f64) -> Tensor<'g, bool> {
    let [a, b, ..] = step.picks;
    let (p, q) = (scope.bool(a), scope.bool(b));
    match step.numbers[0] % 8 {
        0 => scope.float(0, a).greater(number::<T>(odd)),
        1 => scope.float(1, a).reduce_mean(..).less(number::<T>(odd)),
        2 => scope.int(a).less(scope.int(b)),
        3 => modulo(scope.int(a), 2).equal(0_i64),
        4 => p.logical_and(q),
        5 => p.logical_or(q.logical_not()),
        6 => scope.float(1, a).greater(number::<T>(odd)).reduce_any(..),
        _ => p.logical_not(),
    }
}
