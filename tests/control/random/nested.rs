//! Steps that hold steps: branches, loops and functions, kept or unrolled.

use flowgrad::prelude::*;

use super::build::{Build, Scope, modulo, number};
use super::program::{Kind, Step};

/// Tensors that pass into a body and out of it.
#[derive(Clone, Debug)]
struct Bundle<'g, T> {
    floats: Vec<(usize, Tensor<'g, T>)>,
    ints: Vec<Tensor<'g, i64>>,
    bools: Vec<Tensor<'g, bool>>,
}

/// The same as the state of a loop or the results of a branch.
type Flat<'g, T> = (Vec<Tensor<'g, T>>, Vec<Tensor<'g, i64>>, Vec<Tensor<'g, bool>>);

impl<'g, T: Float> Bundle<'g, T> {
    /// What a step takes: floats of some ranks, and sometimes an integer and a boolean.
    fn taken(scope: &Scope<'g, T>, step: &Step) -> Self {
        let [form, r, s, t] = step.numbers.map(usize::from);
        let ranks = [r % 3, s % 3, t % 3];
        let floats = ranks.iter().zip(step.picks).take(1 + form % 3);
        Bundle {
            floats: floats.map(|(&rank, pick)| (rank, scope.float(rank, pick))).collect(),
            ints: (form / 4 % 3 == 0).then(|| scope.int(step.picks[0])).into_iter().collect(),
            bools: (form / 16 % 4 == 0).then(|| scope.bool(step.picks[1])).into_iter().collect(),
        }
    }

    fn flat(&self) -> Flat<'g, T> {
        (self.floats.iter().map(|&(_, x)| x).collect(), self.ints.clone(), self.bools.clone())
    }

    /// These tensors in its place.
    fn with(&self, (floats, ints, bools): Flat<'g, T>) -> Self {
        let ranks = self.floats.iter().map(|&(rank, _)| rank);
        Bundle { floats: ranks.zip(floats).collect(), ints, bools }
    }

    /// Other tensors of the same values, as those that come out of a loop are others than those that went in.
    fn others(&self) -> Self {
        Bundle { floats: self.floats.iter().map(|&(rank, x)| (rank, x.identity())).collect(), ..self.clone() }
    }

    fn push(&self, scope: &mut Scope<'g, T>) {
        self.floats.iter().for_each(|&(rank, x)| scope.floats[rank].push(x));
        scope.ints.extend(&self.ints);
        scope.bools.extend(&self.bools);
    }

    /// The last tensors of a scope of the same types: of two of one type, the last two.
    fn next(&self, scope: &Scope<'g, T>) -> Self {
        let mut met = [0_u8; 3];
        let floats = self.floats.iter().map(|&(rank, _)| {
            met[rank] += 1;
            (rank, scope.float(rank, met[rank] - 1))
        });
        Bundle {
            floats: floats.collect(),
            ints: self.ints.iter().map(|_| scope.int(0)).collect(),
            bools: self.bools.iter().map(|_| scope.bool(0)).collect(),
        }
    }
}

impl<'g, T: Float> Build<'g, '_, T> {
    pub(super) fn nested(&self, scope: &mut Scope<'g, T>, step: &Step) {
        match step.kind {
            Kind::Cond => self.cond(scope, step),
            Kind::Case => self.case(scope, step),
            Kind::While => self.repeat(scope, step),
            Kind::Fixed | Kind::Counted => self.count(scope, step),
            Kind::Scan | Kind::Fold | Kind::Map => self.rows(scope, step),
            Kind::Function => self.call(scope, step),
            Kind::Assign => self.assign(scope, step),
            Kind::Slope => self.slope(scope, step),
            _ => unreachable!("a step that holds none"),
        }
    }

    /// What a body makes of what it is given; the steps that it holds may use all of the scope.
    fn body(&self, scope: &Scope<'g, T>, given: &Bundle<'g, T>, steps: &[Step]) -> Bundle<'g, T> {
        let mut inside = Scope { assigns: false, ..scope.clone() };
        given.push(&mut inside);
        self.steps(&mut inside, steps);
        let next = given.next(&inside);
        if self.unroll.keeps() { next } else { next.others() }
    }

    /// The same of a branch, which may assign; and to which variables it does.
    fn branch(&self, scope: &Scope<'g, T>, like: &Bundle<'g, T>, steps: &[Step]) -> (Flat<'g, T>, [bool; 2]) {
        let mut inside = Scope { last: [None; 2], ..scope.clone() };
        self.steps(&mut inside, steps);
        (like.next(&inside).flat(), inside.last.map(|last| last.is_some()))
    }

    /// What a loop ends with.
    fn passed(&self, first: &Bundle<'g, T>, last: Flat<'g, T>) -> Bundle<'g, T> {
        let last = first.with(last);
        if self.unroll.keeps() { last } else { last.others() }
    }

    /// Behind what was assigned before.
    fn behind<R>(&self, scope: &Scope<'g, T>, build: impl FnOnce() -> R) -> R {
        let last: Vec<Operation<'g>> = scope.last.into_iter().flatten().collect();
        self.graph.control_dependencies(&last, build)
    }

    /// Any operation of a result.
    fn operation((floats, ..): &Flat<'g, T>) -> Operation<'g> {
        floats[0].op()
    }

    /// Puts what branches gave into the scope.
    fn joined(scope: &mut Scope<'g, T>, like: &Bundle<'g, T>, given: Flat<'g, T>, assigned: [bool; 2]) {
        for (last, is_assigned) in scope.last.iter_mut().zip(assigned) {
            if is_assigned {
                *last = Some(Self::operation(&given));
            }
        }
        like.with(given).push(scope);
    }

    fn cond(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let like = Bundle::taken(scope, step);
        let condition = scope.bool(step.picks[2]);
        self.choose(scope, &like, step, self.unroll.decide(condition).map(usize::from), |build| {
            let [rejected, accepted] = [0, 1];
            self.graph.cond(condition, || build(accepted), || build(rejected))
        });
    }

    fn case(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let like = Bundle::taken(scope, step);
        let index = scope.int(step.picks[2]);
        let count = step.inner.len();
        let chosen = self.unroll.number(index);
        let chosen = chosen.map(|at| usize::try_from(at).unwrap_or(count).min(count - 1));
        self.choose(scope, &like, step, chosen, |build| match count {
            1 => self.graph.switch_case(index, (|| build(0),)),
            2 => self.graph.switch_case(index, (|| build(0), || build(1))),
            _ => self.graph.switch_case(index, (|| build(0), || build(1), || build(2))),
        });
    }

    /// Branches, or the one that is known to be taken.
    fn choose(
        &self,
        scope: &mut Scope<'g, T>,
        like: &Bundle<'g, T>,
        step: &Step,
        chosen: Option<usize>,
        keep: impl FnOnce(&dyn Fn(usize) -> Flat<'g, T>) -> Flat<'g, T>,
    ) {
        let assigned = std::cell::Cell::new([false; 2]);
        let outer = scope.clone();
        let build = |at: usize| {
            let (given, by) = self.branch(&outer, like, &step.inner[at]);
            let before = assigned.get();
            assigned.set([before[0] || by[0], before[1] || by[1]]);
            given
        };
        match chosen {
            None => {
                let given = self.behind(&outer, || keep(&build));
                Self::joined(scope, like, given, assigned.get());
            }
            Some(at) => {
                let mut inside = scope.clone();
                let given = self.behind(&outer, || {
                    self.steps(&mut inside, &step.inner[at]);
                    like.next(&inside).others().flat()
                });
                scope.last = inside.last;
                like.with(given).push(scope);
            }
        }
    }

    /// A loop as long as a condition holds, at most four times.
    fn repeat(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let first = Bundle::taken(scope, step);
        let most = i64::from(step.numbers[1] % 5);
        let odd = number::<T>(f64::from(step.numbers[2]) / 64.0 - 2.0 + 0.00731);
        let by = step.numbers[3] % 4;
        let until = modulo(scope.int(step.picks[3]), 4);
        let go_on = |(i, (floats, _, bools)): (Tensor<'g, i64>, Flat<'g, T>)| {
            let below = i.less(most);
            match (by, bools.first()) {
                (0, _) => below.logical_and(floats[0].reduce_mean(..).greater(odd)),
                (1, Some(&going)) => below.logical_and(going),
                (2, _) => i.less(until),
                _ => below,
            }
        };
        let inner = |state: Flat<'g, T>| self.body(scope, &first.with(state), &step.inner[0]).flat();
        let start = (self.graph.constant(0_i64), first.flat());
        let mut decided = self.unroll.decide(go_on(start.clone()));
        let last = if decided.is_none() {
            self.graph.while_loop(go_on, |(i, state)| (i + 1_i64, inner(state)), start).1
        } else {
            let mut state = start;
            while decided == Some(true) {
                state = (state.0 + 1_i64, inner(state.1));
                decided = self.unroll.decide(go_on(state.clone()));
            }
            state.1
        };
        self.passed(&first, last).push(scope);
    }

    /// A loop of so many iterations, whether or not their number is known.
    fn count(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let first = Bundle::taken(scope, step);
        let known = usize::from(step.numbers[1] % 5);
        let times = modulo(scope.int(step.picks[3]) + 1_i64, 5) - 1_i64;
        let inner = |i: Tensor<'g, i64>, state: Flat<'g, T>| {
            let mut inside = scope.clone();
            inside.ints.push(i);
            self.body(&inside, &first.with(state), &step.inner[0]).flat()
        };
        let is_known = step.kind == Kind::Fixed;
        let unrolled = self.unroll.number(times);
        let last = match (unrolled, is_known) {
            (None, true) => self.graph.fori(known, inner, first.flat()),
            (None, false) => self.graph.fori(times, inner, first.flat()),
            (Some(number), _) => {
                let count = if is_known { known as i64 } else { number };
                (0..count).fold(first.flat(), |state, i| inner(self.graph.constant(i), state))
            }
        };
        self.passed(&first, last).push(scope);
    }

    /// A loop over the rows of a matrix and of a vector, or of the first of them.
    fn rows(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let n = self.width;
        let [_, _, s, t] = step.numbers.map(usize::from);
        let rows = if t % 3 == 0 { s % (n + 1) } else { n };
        let part = |x: Tensor<'g, T>| if t % 3 == 0 { x.slice(..rows) } else { x };
        let arrays = [part(scope.float(2, step.picks[2])), part(scope.float(1, step.picks[3]))];
        let first = match step.kind {
            Kind::Map => Bundle { floats: vec![], ints: vec![], bools: vec![] },
            _ => Bundle::taken(scope, step),
        };
        let inner = |state: Flat<'g, T>, [vector, scalar]: [Tensor<'g, T>; 2]| {
            let mut inside = Scope { assigns: false, ..scope.clone() };
            inside.floats[1].push(vector);
            inside.floats[0].push(scalar);
            let given = first.with(state);
            given.push(&mut inside);
            self.steps(&mut inside, &step.inner[0]);
            (given.next(&inside).flat(), [inside.float(1, 0), inside.float(0, 0)])
        };
        let kept = if self.unroll.keeps() {
            self.kept(step, arrays, first.flat(), inner)
        } else {
            self.unrolled(step, arrays, rows, first.flat(), inner)
        };
        let (last, [vectors, scalars]) = kept;
        self.passed(&first, last).push(scope);
        if step.kind != Kind::Fold {
            let scale = number::<T>(1.0 / n as f64);
            if rows == n {
                scope.floats[2].push(vectors);
                scope.floats[1].push(scalars);
            } else {
                scope.floats[1].push(vectors.reduce_sum(0) * scale);
                scope.floats[0].push(scalars.reduce_sum(0) * scale);
            }
        }
    }

    /// A loop of the graph over rows.
    fn kept(
        &self,
        step: &Step,
        arrays: [Tensor<'g, T>; 2],
        first: Flat<'g, T>,
        inner: impl FnOnce(Flat<'g, T>, [Tensor<'g, T>; 2]) -> (Flat<'g, T>, [Tensor<'g, T>; 2]),
    ) -> (Flat<'g, T>, [Tensor<'g, T>; 2]) {
        match step.kind {
            Kind::Fold => (self.graph.fold(first, arrays, |state, rows| inner(state, rows).0), arrays),
            Kind::Map => {
                let none = (vec![], vec![], vec![]);
                let given = self.graph.map_fn(arrays, |rows| inner(none.clone(), rows).1);
                (none, given)
            }
            _ => {
                let options =
                    if step.numbers[1].is_multiple_of(2) { Scan::new() } else { Scan::new().reverse() };
                let is_known = arrays[0].shape().dims()[0].is_some();
                let options = match step.numbers[1] / 2 % 6 {
                    _ if self.unchecked || !is_known => options,
                    0 => options.checkpoint_sqrt(),
                    1 => options.checkpoint_every(usize::from(step.numbers[1] / 16)),
                    _ => options,
                };
                self.graph.scan_with(options, first, arrays, inner)
            }
        }
    }

    /// The iterations of a loop over rows, one by one.
    fn unrolled(
        &self,
        step: &Step,
        arrays: [Tensor<'g, T>; 2],
        rows: usize,
        first: Flat<'g, T>,
        inner: impl Fn(Flat<'g, T>, [Tensor<'g, T>; 2]) -> (Flat<'g, T>, [Tensor<'g, T>; 2]),
    ) -> (Flat<'g, T>, [Tensor<'g, T>; 2]) {
        let is_reverse = step.kind == Kind::Scan && step.numbers[1] % 2 == 1;
        let mut order: Vec<usize> = (0..rows).collect();
        if is_reverse {
            order.reverse();
        }
        let mut state = first;
        let mut stacked = Vec::new();
        for row in order {
            let (next, given) = inner(state, arrays.map(|array| array.slice(row)));
            state = next;
            stacked.push(given);
        }
        if is_reverse {
            stacked.reverse();
        }
        if stacked.is_empty() || step.kind == Kind::Fold {
            return (state, arrays);
        }
        let of = |index: usize| {
            let rows: Vec<Tensor<'g, T>> = stacked.iter().map(|given| given[index]).collect();
            self.graph.stack(&rows, 0)
        };
        (state, [of(0), of(1)])
    }

    /// A function, called twice where its numbers say so.
    fn call(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let given = Bundle::taken(scope, step);
        let outer = scope.clone();
        let body = |parameters| self.body(&outer, &given.with(parameters), &step.inner[0]).flat();
        let function = self.unroll.keeps().then(|| self.graph.function(given.flat(), body));
        let called = |given: Flat<'g, T>| match &function {
            Some(function) => function.call(given),
            None => body(given),
        };
        let mut made = called(given.flat());
        given.with(made.clone()).push(scope);
        if step.numbers[1].is_multiple_of(2) {
            made = called(made);
            given.with(made).push(scope);
        }
    }

    /// The gradient of what its steps make, by what they are given, taken where the step stands.
    fn slope(&self, scope: &mut Scope<'g, T>, step: &Step) {
        let [rank, of, form, _] = step.numbers.map(usize::from);
        let (rank, of) = (rank % 3, of % 3);
        let x = scope.float(rank, step.picks[0]).identity();
        let mut inside = Scope { assigns: false, ..scope.clone() };
        inside.floats[rank].push(x);
        self.steps(&mut inside, &step.inner[0]);
        let y = inside.float(of, 0);
        let y = if form % 2 == 0 { y.square() } else { y };
        let found = || Gradients::of([y.reduce_mean(..)]).wrt_or_zeros(&[x])[0];
        let found = if form % 4 < 2 { found() } else { self.behind(scope, found) };
        scope.floats[rank].push((found * number::<T>(0.5)).tanh());
    }

    /// Assigns to a variable, where that may be done.
    fn assign(&self, scope: &mut Scope<'g, T>, step: &Step) {
        if !scope.assigns {
            return;
        }
        let which = usize::from(step.numbers[0] % 2);
        let (variable, value) = (self.variables[which], scope.float(which, step.picks[0]));
        let half = number::<T>(0.5);
        let (assign, read) = self.behind(scope, || {
            let new = value * half;
            let assign = match step.numbers[1] % 3 {
                0 => variable.assign(new),
                1 => variable.assign_add((new - variable) * half),
                _ => variable.assign_sub((new + variable) * half),
            };
            let read = self.graph.control_dependencies(&[assign.op()], || variable * number::<T>(0.75));
            (assign, read)
        });
        scope.last[which] = Some(assign.op());
        if !self.unroll.keeps() {
            self.operations.borrow_mut().push(assign.op());
        }
        scope.floats[which].push(if step.numbers[2].is_multiple_of(2) { assign } else { read });
    }
}
