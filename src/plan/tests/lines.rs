//! The lines of calls of loops and runs: what they are of, and the checker against lines that have been spoilt.

use super::super::{Anchor, Code, Compiled, Kind, LoopFunction, Part, Place, Plan, RunLine, Straight, Word};
use super::planned;
use crate::prelude::*;

/// The plan of a loop whose body is a program, a total, and a copy of the state.
fn looped() -> Plan {
    let g = Graph::new();
    let x = g.variable("x", ndarray::arr1(&[1.0, 2.0, 3.0])).tensor();
    let rows = g.constant(ndarray::Array2::<f64>::ones((5, 3)));
    let (last, stacked) = g.scan(x, rows, |x, row| (x * 0.5 + row * x.reduce_sum(..), x));
    planned(&g, &[last.op(), stacked.op()], true, false)
}

fn line(plan: &mut Plan) -> &mut Option<Straight> {
    let loops = plan.steps.iter_mut().filter_map(|step| match &mut step.kind {
        Kind::Loop(call) => Some(&mut call.straight),
        _ => None,
    });
    loops.last().unwrap()
}

#[test]
fn a_line_does_what_the_steps_do() {
    let mut plan = looped();
    let line = line(&mut plan).as_ref().unwrap();
    let count = |part: fn(Part) -> bool| line.calls.iter().filter(|call| part(call.part)).count();
    assert_eq!(count(|part| part == Part::Copy), 1);
    assert_eq!(count(|part| matches!(part, Part::Clear(_))), 1);
    assert_eq!(count(|part| matches!(part, Part::Total(_))), 1);
    assert_eq!(plan.check(), Ok(()));
}

#[test]
fn a_line_that_does_something_else_is_refused() {
    let is_refused = |spoil: &dyn Fn(&mut Straight)| {
        let mut plan = looped();
        spoil(line(&mut plan).as_mut().unwrap());
        plan.check().is_err_and(|why| why.contains("is not what its plan does"))
    };
    assert!(!is_refused(&|_| ()));
    let calls = line(&mut looped()).as_ref().unwrap().calls.len();
    for index in 0..calls {
        let missing = is_refused(&|line| {
            line.calls.remove(index);
        });
        assert!(missing, "call {index} is missing");
        assert!(is_refused(&|line| line.calls.insert(index, line.calls[index].clone())), "{index} twice");
    }
    let words = line(&mut looped()).as_ref().unwrap().words.len();
    for index in 0..words {
        let moved = is_refused(&|line| match &mut line.words[index] {
            Word::Number(number) => *number += 8,
            Word::Address { offset, .. } => *offset += 8,
        });
        assert!(moved, "word {index} is elsewhere");
        let swapped = is_refused(&|line| match &mut line.words[index] {
            Word::Number(number) => *number += 1,
            Word::Address { of, .. } => {
                *of = if *of == Anchor::Arena { Anchor::Scratch } else { Anchor::Arena };
            }
        });
        assert!(swapped, "word {index} counts from something else");
    }
}

/// The plan of a loop that is one function: a program with two values of state and rows, and a copy of one of them; `None`
/// where there is no machine code.
fn loop_as_function() -> Option<Plan> {
    let g = Graph::new();
    let [x, y] = ["x", "y"].map(|name| g.variable(name, ndarray::arr1(&[1.0, 2.0, 3.0])).tensor());
    let rows = g.constant(ndarray::Array2::<f64>::ones((5, 3)));
    let ((x, y), stacked) = g.scan((x, y), rows, |(x, y), row| ((x * 0.5 + row * y, y - row), x));
    let plan = planned(&g, &[x.op(), y.op(), stacked.op()], true, false);
    let has_function = plan.compiled().any(|Compiled { code, .. }| matches!(code, Code::Loop(_)));
    assert_eq!(has_function, plan.compiled().next().is_some(), "a loop of one program is one function");
    has_function.then_some(plan)
}

fn function(plan: &mut Plan) -> &mut LoopFunction {
    let loops = plan.steps.iter_mut().filter_map(|step| match &mut step.kind {
        Kind::Loop(call) => call.compiled.as_mut(),
        _ => None,
    });
    loops.last().unwrap()
}

#[test]
fn a_function_that_does_something_else_than_its_line_is_refused() {
    let Some(mut plan) = loop_as_function() else { return };
    assert_eq!(plan.check(), Ok(()));
    let roles = function(&mut plan).roles.clone();
    assert!(!function(&mut plan).copies.is_empty());
    let is_refused = |spoil: &dyn Fn(&mut LoopFunction)| {
        let mut plan = loop_as_function().unwrap();
        spoil(function(&mut plan));
        plan.check().is_err_and(|why| why.contains("is not what its line does"))
    };
    assert!(!is_refused(&|_| ()));
    for index in 0..roles.len() {
        let moved = is_refused(&|function| match &mut function.streams[index] {
            Word::Number(number) => *number += 8,
            Word::Address { offset, .. } => *offset += 8,
        });
        assert!(moved, "stream {index} lies elsewhere");
        for other in (0..roles.len()).filter(|&other| roles[other] != roles[index]) {
            assert!(
                is_refused(&|function| function.roles[index] = function.roles[other]),
                "role {other} for {index}"
            );
        }
    }
    assert!(is_refused(&|function| function.copies.clear()));
    assert!(is_refused(&|function| function.copies.push(function.copies[0])));
    assert!(is_refused(&|function| function.copies[0] = (function.copies[0].1, function.copies[0].0)));
    assert!(is_refused(&|function| function.row_bytes += 8));
    assert!(is_refused(&|function| {
        function.streams.push(function.streams[0]);
        function.roles.push(function.roles[0]);
    }));
}

/// The plan of a run that is a region with a total and reads and changes a variable.
fn stepped() -> Plan {
    let g = Graph::new();
    let v = g.variable("v", ndarray::arr1(&[1.0, 2.0, 3.0]));
    let rows = g.constant(ndarray::Array1::<f64>::ones(3));
    let step = v.assign(v * 0.5 + (v * rows).reduce_sum(..));
    planned(&g, &[step.op()], true, false)
}

#[test]
fn a_brief_run_is_a_line() {
    let plan = stepped();
    let RunLine { line, given, .. } = plan.line.as_ref().unwrap();
    assert!(line.calls.iter().any(|call| matches!(call.part, Part::Total(_))));
    let places = given.iter().map(|(_, start)| plan.buffers[start.buffer.index()].place);
    let (mut reads, mut changes) = (false, false);
    for place in places {
        reads |= matches!(place, Place::Variable(_));
        changes |= matches!(place, Place::Next(_));
    }
    assert!(reads && changes);
    assert_eq!(plan.check(), Ok(()));
}

#[test]
fn a_line_of_a_run_that_does_something_else_is_refused() {
    let is_refused = |spoil: &dyn Fn(&mut RunLine)| {
        let mut plan = stepped();
        spoil(plan.line.as_mut().unwrap());
        plan.check().is_err_and(|why| why.contains("is not what the plan does"))
    };
    assert!(!is_refused(&|_| ()));
    for index in 0..stepped().line.unwrap().line.words.len() {
        let moved = is_refused(&|line| match &mut line.line.words[index] {
            Word::Number(number) => *number += 8,
            Word::Address { offset, .. } => *offset += 8,
        });
        assert!(moved, "word {index} is elsewhere");
    }
    for index in 0..stepped().line.unwrap().given.len() {
        let missing = is_refused(&|line| {
            line.given.remove(index);
        });
        assert!(missing, "{index} is not renewed");
        assert!(is_refused(&|line| line.given[index].1.offset += 8), "{index} is renewed to another place");
    }
}
