//! Traces: what a traced run tells is what its plan says and what happened, and it changes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use flowgrad::ndarray::{Array1, Array2, Array3, arr1};
use flowgrad::prelude::*;
use flowgrad::{StepKind, TraceEvent};
use proptest::prelude::{ProptestConfig, any, prop, proptest};
use proptest::test_runner::RngSeed;

/// Asserts all that holds of every trace of a session of so many threads.
fn assert_sound(trace: &Trace, threads: usize) {
    let begun = trace.planning() + trace.initialization();
    let over = begun + trace.running();
    for event in trace.events() {
        assert!(begun <= event.start && event.end() <= over, "{event:?} is not within {begun:?}..{over:?}");
        assert!(event.thread < threads, "{event:?}");
    }
    let starts: Vec<Duration> = trace.events().iter().map(|event| event.start).collect();
    assert!(starts.is_sorted());
    let seen: BTreeSet<usize> = trace.events().iter().map(|event| event.thread).collect();
    for thread in seen {
        let own: Vec<&TraceEvent> = trace.events().iter().filter(|event| event.thread == thread).collect();
        for pair in own.windows(2) {
            assert!(pair[0].end() <= pair[1].start, "{pair:?} overlap");
        }
    }
    let mut of_step: Vec<Vec<&TraceEvent>> = vec![Vec::new(); trace.steps().len()];
    trace.events().iter().for_each(|event| of_step[event.step].push(event));
    for (index, (step, events)) in trace.steps().iter().zip(&of_step).enumerate() {
        assert!(step.label.starts_with(&format!("step {index}: {}", step.kind)), "{}", step.label);
        assert!(!step.nodes.is_empty(), "{}", step.label);
        let mut tasks: Vec<usize> = events.iter().filter_map(|event| event.task).collect();
        tasks.sort_unstable();
        assert!(tasks.into_iter().eq(0..step.tasks), "{}", step.label);
        let totals: Vec<_> = events.iter().filter(|event| event.task.is_none()).collect();
        assert!(totals.is_empty() || totals.len() == 1 && step.kind == StepKind::Region, "{}", step.label);
        for total in totals {
            assert!(events.iter().all(|event| event.task.is_none() || event.end() <= total.start));
        }
        for &before in &step.after {
            assert!(before < index);
            let ended = of_step[before].iter().map(|event| event.end()).max();
            assert!(
                events.iter().all(|event| ended.is_none_or(|ended| ended <= event.start)),
                "{}",
                step.label
            );
        }
        assert_eq!(step.time, events.iter().map(|event| event.duration).sum());
    }
    assert_eq!(trace.busy(), trace.events().iter().map(|event| event.duration).sum());
    assert!(trace.outside_steps() <= trace.running());
}

/// The chunks of each region of a plan, by the number of its step; `None` for other steps.
fn chunks(plan: &str) -> BTreeMap<usize, Option<usize>> {
    let steps = plan.lines().filter_map(|line| line.strip_prefix("step ")?.split_once(": "));
    let chunks = |does: &str| does.strip_suffix(" chunks")?.rsplit(' ').next()?.parse().ok();
    steps.map(|(index, does)| (index.parse().unwrap(), chunks(does))).collect()
}

/// The training step of a small perceptron, and its loss.
fn perceptron(g: &Graph) -> (Tensor<'_, f32>, Operation<'_>) {
    let x =
        g.constant(Array2::from_shape_fn((300, 96), |(row, column)| ((row * 7 + column) % 5) as f32 - 2.0));
    let classes = g.constant(Array1::from_shape_fn(300, |row| row as i64 % 10));
    let layer = |name, dims: [usize; 2]| {
        g.name_scope(name, || {
            let kernel = g.variable("kernel", random_uniform(dims, -0.1, 0.1));
            (kernel, g.variable("bias", zeros([dims[1]])))
        })
    };
    let [(kernel, bias), (last_kernel, last_bias)] = [layer("hidden", [96, 80]), layer("last", [80, 10])];
    let hidden = (x.matmul(kernel) + bias).relu();
    let loss = (hidden.matmul(last_kernel) + last_bias).sparse_softmax_cross_entropy(classes).reduce_mean(..);
    let parameters: [Variable<'_>; 4] = [kernel, bias, last_kernel, last_bias];
    let steps = parameters.iter().zip(loss.gradients(parameters));
    (loss, g.group(steps.map(|(parameter, gradient)| parameter.assign_sub(0.1 * gradient).op())))
}

#[test]
fn a_traced_run_gives_what_a_run_gives_on_any_thread() {
    let g = Graph::new();
    let (loss, train) = perceptron(&g);
    for threads in [1, 2, 3] {
        for optimize in [true, false] {
            let session = || {
                let builder = Session::builder(&g).threads(threads).optimize(optimize);
                if threads > 1 { builder.always_share().build().unwrap() } else { builder.build().unwrap() }
            };
            let [plain, traced] = [session(), session()];
            for _ in 0..3 {
                let (expected, ()) = plain.run((loss, train)).unwrap();
                let ((found, ()), trace) = traced.run_traced((loss, train)).unwrap();
                assert_eq!(expected, found);
                assert_sound(&trace, threads);
            }
            assert_eq!(plain.run_count(), traced.run_count());
            assert_eq!(plain.variable_values().unwrap(), traced.variable_values().unwrap());
        }
    }
}

#[test]
fn the_steps_are_those_that_explain_prints() {
    let g = Graph::new();
    let (loss, train) = perceptron(&g);
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).build().unwrap();
        let plan = session.explain((loss, train)).unwrap();
        let (_, trace) = session.run_traced((loss, train)).unwrap();
        let chunks = chunks(&plan);
        assert!(chunks.keys().copied().eq(0..trace.steps().len()), "{plan}");
        assert!(trace.steps().iter().any(|step| step.tasks > 1), "nothing is split: {plan}");
        for (step, chunks) in trace.steps().iter().zip(chunks.into_values()) {
            assert_eq!(step.kind == StepKind::Region, chunks.is_some(), "{}", step.label);
            assert!(chunks.is_none_or(|chunks| chunks == step.tasks), "{}", step.label);
        }
    }
}

#[test]
fn every_node_is_in_the_step_that_computes_it() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None, Some(70)]);
    let start = g.placeholder::<f64>("start", [3]);
    let w = g.variable("w", Array2::<f64>::ones((70, 70)));
    let v = g.variable("v", arr1(&[0.0_f64; 3]));
    let folded = (g.constant(arr1(&[1.0, 2.0])).reduce_sum(..) + 1.0).named("folded");
    let product = (x + folded).named("shifted").matmul(w).named("product");
    let kept = product.reshape([-1]).named("rows").inspect(|_| {}).named("kept");
    let session = Session::new(&g).unwrap();
    let (fed, begun) = (Array2::<f64>::ones((64, 70)), arr1(&[1.0, 2.0, 3.0]));
    let feeding = session.feed(x, &fed).feed(start, &begun);
    let (_, trace) = feeding.run_traced((kept, v.assign(start).op())).unwrap();
    let steps: Vec<(&str, &[usize], usize)> =
        trace.steps().iter().map(|step| (step.label.as_str(), step.after.as_slice(), step.bytes)).collect();
    let bytes = 64 * 70 * 8;
    assert_eq!(
        steps,
        [
            (r#"step 0: region "shifted""#, &[][..], 2 * bytes + 8),
            (r#"step 1: product "product""#, &[0], 2 * bytes + 70 * 70 * 8),
            // It looks at what is there, and what it gives lies there too.
            (r#"step 2: kernel "kept""#, &[1], bytes),
            (r#"step 3: copy "start" to variable "v""#, &[], 2 * 3 * 8),
        ]
    );
}

#[test]
fn a_label_of_many_nodes_leaves_some_out() {
    let g = Graph::new();
    let x = g.variable("x", arr1(&[1.0_f64, 2.0]));
    let names = ["a", "b", "c", "d", "e"];
    let y = names.into_iter().fold(x.tensor(), |y, name| y.tanh().named(name));
    let (_, trace) = Session::new(&g).unwrap().run_traced(y).unwrap();
    assert_eq!(trace.steps()[0].nodes, names);
    assert_eq!(trace.steps()[0].label, r#"step 0: region "a", "b", … "e" (5 nodes)"#);
}

#[test]
fn a_run_without_steps_is_traced() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None, None, Some(70)]);
    let w = g.variable("w", zeros([70, 70]));
    let product = x.matmul(w);
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).always_share().build().unwrap();
        let (none, trace) = session.run_traced(w.op()).unwrap();
        assert_sound(&trace, threads);
        assert_eq!((none, trace.steps().len(), trace.busy()), ((), 0, Duration::ZERO));
        assert!(!trace.to_string().contains("NaN") && !trace.to_dot().contains("NaN"));
        let (empty, trace) = session.feed(x, &Array3::zeros((5, 0, 70))).run_traced(product).unwrap();
        assert_sound(&trace, threads);
        assert_eq!((empty.shape(), trace.steps().len(), trace.events().len()), (&[5, 0, 70][..], 0, 0));
        assert!(!trace.to_string().contains("NaN") && !trace.to_dot().contains("NaN"));
    }
}

#[test]
fn a_callable_is_traced_as_its_session_is() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let v = g.variable("v", 0.0_f64);
    let sum = v.assign_add((x * 3.0).reduce_sum(..));
    let session = Session::new(&g).unwrap();
    let step = session.make_callable(x, sum).unwrap();
    for calls in 1..4 {
        let (total, trace) = step.call_traced(&arr1(&[1.0, 2.0])).unwrap();
        assert_sound(&trace, 1);
        assert_eq!((total.sum(), trace.steps().is_empty()), (9.0 * f64::from(calls), false));
    }
    let by_session = session.feed(x, &arr1(&[1.0, 2.0])).run_traced(sum).unwrap().1;
    let by_call = step.call_traced(&arr1(&[1.0, 2.0])).unwrap().1;
    let labels = |trace: &Trace| trace.steps().iter().map(|step| step.label.clone()).collect::<Vec<_>>();
    assert_eq!(labels(&by_session), labels(&by_call));
}

#[test]
fn a_failing_run_gives_the_error_that_it_gives_without_a_trace() {
    let g = Graph::new();
    let x = g.placeholder::<i32>("x", [None]);
    let v = g.variable("v", arr1(&[1_i32; 3]));
    let checked = g.variable("zero", 0.0_f64).ln().check_numerics().named("checked");
    let quotient = (v + x).floor_div(x).named("quotient");
    let next = v.assign(quotient);
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).always_share().build().unwrap();
        let zero = arr1(&[1, 0, 2]);
        let expected = session.feed(x, &zero).run(next).unwrap_err().to_string();
        assert!(expected.contains("integer division by zero in `quotient`"), "{expected}");
        assert_eq!(session.feed(x, &zero).run_traced(next).unwrap_err().to_string(), expected);
        assert_eq!(session.run(v).unwrap(), arr1(&[1, 1, 1]).into_dyn());
        let expected = session.run(checked).unwrap_err().to_string();
        assert_eq!(session.run_traced(checked).unwrap_err().to_string(), expected);
        assert_eq!(
            session.run_traced(next).unwrap_err().to_string(),
            session.run(next).unwrap_err().to_string()
        );
        let (found, trace) = session.feed(x, &arr1(&[1, 1, 2])).run_traced(next).unwrap();
        assert_eq!(found, arr1(&[2, 2, 1]).into_dyn());
        assert_sound(&trace, threads);
    }
}

#[test]
fn a_run_after_one_that_panicked_is_traced_afresh() {
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let looked = (x * 2.0).inspect(|x| assert!(x[0] > 0.0, "not positive")).named("looked");
    let y = looked.tanh() + x.exp().reduce_sum(..);
    for threads in [1, 2] {
        let session = Session::builder(&g).threads(threads).always_share().build().unwrap();
        for sign in [1.0, -1.0, 1.0] {
            let fed = Array1::from_elem(5000, sign);
            let run = || session.feed(x, &fed).run_traced(y).unwrap();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(run));
            assert_eq!(outcome.is_ok(), sign > 0.0);
            if let Ok((_, trace)) = outcome {
                assert_sound(&trace, threads);
            }
        }
    }
}

#[test]
fn what_looks_at_values_does_so_once() {
    let g = Graph::new();
    let looks = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&looks);
    let x = g.variable("x", arr1(&[1.0_f64, 2.0])).exp();
    let looked = x.inspect(move |_| _ = counted.fetch_add(1, Ordering::Relaxed)).print("x");
    let session = Session::new(&g).unwrap();
    for runs in 1..4 {
        let (_, trace) = session.run_traced([looked, looked * 2.0]).unwrap();
        assert_eq!(looks.load(Ordering::Relaxed), runs);
        assert_sound(&trace, usize::MAX);
    }
}

/// Waits until so many have come, or for so long that the test fails anyway.
#[derive(Default)]
struct Meeting {
    come: Mutex<usize>,
    changed: Condvar,
}

impl Meeting {
    fn wait_for(&self, others: usize) {
        let mut come = self.come.lock().unwrap();
        *come += 1;
        self.changed.notify_all();
        drop(self.changed.wait_timeout_while(come, Duration::from_secs(20), |come| *come < others).unwrap());
    }
}

#[test]
fn the_caller_is_thread_0_and_workers_have_numbers_of_their_own() {
    const THREADS: usize = 3;
    let g = Graph::new();
    let meeting = Arc::new(Meeting::default());
    // As many steps as threads, of which none ends before all have begun.
    let branch = |index: usize| {
        let meeting = Arc::clone(&meeting);
        let x = g.variable(&format!("x{index}"), Array1::<f64>::ones(10_000));
        x.inspect(move |_| meeting.wait_for(THREADS)).named(&format!("y{index}"))
    };
    let branches: Vec<_> = (0..THREADS).map(branch).collect();
    let session = Session::builder(&g).threads(THREADS).build().unwrap();
    let (_, trace) = session.run_traced(branches).unwrap();
    assert_sound(&trace, THREADS);
    let threads: BTreeSet<usize> = trace.events().iter().map(|event| event.thread).collect();
    assert_eq!(threads, BTreeSet::from([0, 1, 2]), "{trace}");
    let last = trace.events().iter().map(|event| event.start).max().unwrap();
    assert!(trace.events().iter().all(|event| last <= event.end()), "all were under way at once");
}

#[test]
fn a_thread_of_a_users_pool_is_the_caller() {
    let g = Graph::new();
    let (loss, train) = perceptron(&g);
    let session = Session::builder(&g).threads(2).build().unwrap();
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
    let (_, trace) = pool.install(|| session.run_traced((loss, train))).unwrap();
    assert_sound(&trace, 1);
}

/// Text without what differs from run to run: times, shares, and the order of the rows.
fn masked(text: &str) -> String {
    let is_number = |word: &str| word.parse::<f64>().is_ok();
    let is_time = |word: &str| {
        let number = word.trim_end_matches([':', ';', ',']).strip_suffix('s');
        number.is_some_and(|number| is_number(number.trim_end_matches(['n', 'µ', 'm'])))
    };
    let mask = |word: &str| match word {
        _ if is_time(word) => "TIME".to_owned(),
        _ if word.strip_suffix('%').is_some_and(is_number) => "SHARE".to_owned(),
        _ if word.contains('.') && is_number(word) => "NUMBER".to_owned(),
        _ => word.to_owned(),
    };
    let lines = text.lines().map(|line| line.split_whitespace().map(mask).collect::<Vec<_>>().join(" "));
    let mut lines: Vec<String> = lines.collect();
    lines[3..].sort_by_key(|line| line.split_once("step").map(|(_, label)| label.to_owned()));
    lines.join("\n")
}

#[test]
fn the_summary_has_a_row_for_each_step_and_those_that_took_longest_come_first() {
    let g = Graph::new();
    let (loss, train) = perceptron(&g);
    let session = Session::builder(&g).threads(1).build().unwrap();
    let (_, trace) = session.run_traced((loss, train)).unwrap();
    let text = trace.to_string();
    insta::assert_snapshot!(masked(&text), @r#"
    run TIME in steps TIME on threads [0], NUMBER busy on average; outside steps TIME
    before it: planning TIME first values of variables TIME
    share time tasks step
    SHARE TIME 2 step 0: region "matmul", "add", … "gradients/less_equal" (4 nodes)
    SHARE TIME 1 step 1: region "matmul_1", "add_1", … "gradients/mul" (9 nodes)
    SHARE TIME 1 step 2: region "label_mask"
    SHARE TIME 1 step 3: region "label_mask", "select", … "gradients/sum_like" (9 nodes)
    SHARE TIME 1 step 4: region "over_count", "reduce_mean"
    SHARE TIME 1 step 5: region "gradients/matmul_1", "mul_2", "assign_sub_2"
    SHARE TIME 1 step 6: region "mul_3", "assign_sub_3"
    SHARE TIME 1 step 7: region "gradients/matmul", "gradients/select_1", "gradients/sum_like_1"
    SHARE TIME 1 step 8: region "gradients/matmul_2", "mul", "assign_sub"
    SHARE TIME 1 step 9: region "mul_1", "assign_sub_1"
    "#);
    let index = |row: &str| row.split_once("step ")?.1.split_once(':')?.0.parse::<usize>().ok();
    let rows: Vec<usize> = text.lines().skip(3).filter_map(index).collect();
    assert_eq!(rows.len(), trace.steps().len());
    assert!(rows.is_sorted_by(|&a, &b| trace.steps()[a].time >= trace.steps()[b].time), "{text}");
}

#[test]
fn the_drawing_has_every_step_and_what_it_reads() {
    let g = Graph::new();
    let (loss, train) = perceptron(&g);
    let session = Session::builder(&g).threads(1).build().unwrap();
    let (_, trace) = session.run_traced((loss, train)).unwrap();
    let dot = trace.to_dot();
    let longest = trace.steps().iter().map(|step| step.time).max().unwrap();
    for (index, step) in trace.steps().iter().enumerate() {
        let row = dot.lines().find(|line| line.trim_start().starts_with(&format!("{index} [ ")));
        let row = row.unwrap_or_else(|| panic!("no {}: {dot}", step.label));
        assert!(row.contains(&step.label.replace('"', "\\\"")), "{row}");
        let (share, red) = (step.time.div_duration_f64(trace.busy()), step.time.div_duration_f64(longest));
        assert!(row.contains(&format!("{:.1}%", 100.0 * share)), "{row}");
        assert!(row.contains(&format!("fillcolor = \"0.000 {red:.3} 1.000\"")), "{row}");
        for before in &step.after {
            assert!(dot.contains(&format!("    {before} -> {index} [")), "{dot}");
        }
    }
    assert_eq!(dot.matches("->").count(), trace.steps().iter().map(|step| step.after.len()).sum::<usize>());
}

#[cfg(feature = "trace")]
mod chrome {
    use flowgrad::Error;
    use serde_json::{Value, json};

    use super::*;

    fn json_of(trace: &Trace) -> Value {
        let mut bytes = Vec::new();
        trace.write_chrome(&mut bytes).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn microseconds(time: Duration) -> f64 {
        time.as_nanos() as f64 / 1000.0
    }

    #[test]
    fn the_file_has_every_event_on_the_track_of_its_thread() {
        let g = Graph::new();
        let (loss, train) = perceptron(&g);
        let session = Session::builder(&g).threads(2).always_share().build().unwrap();
        let (_, trace) = session.run_traced((loss, train)).unwrap();
        let json = json_of(&trace);
        let events = json["traceEvents"].as_array().unwrap();
        let of = |phase: &str| events.iter().filter(|event| event["ph"] == phase).collect::<Vec<_>>();
        let (phases, tasks): (Vec<&Value>, Vec<&Value>) =
            of("X").into_iter().partition(|event| event["cat"] == "session");
        assert_eq!(tasks.len(), trace.events().len());
        for (event, task) in trace.events().iter().zip(tasks) {
            let step = &trace.steps()[event.step];
            let name =
                if event.task.is_some() { step.label.clone() } else { format!("{} (total)", step.label) };
            assert_eq!(task["name"], name);
            assert_eq!(task["cat"], step.kind.to_string());
            assert_eq!((&task["pid"], &task["tid"]), (&json!(1), &json!(event.thread + 1)));
            assert_eq!(task["ts"], microseconds(event.start));
            assert_eq!(task["dur"], microseconds(event.duration));
            assert_eq!(
                (&task["args"]["task"], &task["args"]["nodes"]),
                (&json!(event.task), &json!(step.nodes))
            );
            assert_eq!(task["args"]["step_bytes"], step.bytes);
        }
        let parts = phases.iter().map(|part| (part["name"].as_str().unwrap(), part["dur"].as_f64().unwrap()));
        let expected = [
            ("planning", microseconds(trace.planning())),
            ("first values of variables", microseconds(trace.initialization())),
            ("run", microseconds(trace.running())),
        ];
        assert!(parts.eq(expected), "{phases:?}");
        let names: BTreeSet<u64> = of("M").iter().filter_map(|name| name["tid"].as_u64()).collect();
        assert!(trace.events().iter().all(|event| names.contains(&(event.thread as u64 + 1))));
    }

    #[test]
    fn a_file_is_written_anew_or_the_error_names_it() {
        let g = Graph::new();
        let (_, trace) = Session::new(&g).unwrap().run_traced(g.constant(1.0).exp()).unwrap();
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace.json");
        std::fs::write(&path, "x".repeat(1 << 20)).unwrap();
        trace.save_chrome(&path).unwrap();
        let json: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(json, json_of(&trace));
        let error = trace.save_chrome(path.join("below")).unwrap_err();
        assert!(matches!(&error, Error::TraceFile { path: named, .. } if *named == path.join("below")));
        let words = format!("the trace cannot be written to `{}`: ", path.join("below").display());
        assert!(error.to_string().starts_with(&words), "{error}");
    }
}

/// One node: what it computes, and from which earlier ones; taken modulo what there is.
type Node = (u8, usize, usize);

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, rng_seed: RngSeed::Fixed(5), ..ProptestConfig::default() })]

    #[test]
    fn any_run_is_traced_soundly(nodes in prop::collection::vec(any::<Node>(), 1..40), optimize in any::<bool>()) {
        let g = Graph::new();
        let start = |seed: usize| {
            Array2::from_shape_fn((40, 40), |(row, column)| ((row * 31 + column * 17 + seed) % 29) as f32 / 99.0)
        };
        let mut values: Vec<Tensor<'_, f32>> =
            (0..3).map(|seed| g.variable(&format!("v{seed}"), start(seed)).tensor()).collect();
        for (what, a, b) in nodes {
            let [a, b] = [a, b].map(|index| values[index % values.len()]);
            values.push(match what % 6 {
                0 | 1 => a.matmul(b),
                2 => (a + b).tanh(),
                3 => a - b.reduce_mean(Axes::of([-1]).keep_dims()),
                4 => a * b.reduce_sum(0),
                _ => a.inspect(|_| {}),
            });
        }
        let kept = g.variable("kept", zeros([40, 40]));
        let last = values[values.len() - 1];
        let fetches = (values, kept.assign(last));
        for threads in [1, 3] {
            let session = Session::builder(&g).threads(threads).optimize(optimize).always_share().build().unwrap();
            let expected = session.run(fetches.clone()).unwrap();
            for _ in 0..3 {
                let (found, trace) = session.run_traced(fetches.clone()).unwrap();
                // Infinities may have become NaNs, which are not equal.
                assert_eq!(format!("{found:?}"), format!("{expected:?}"));
                assert_sound(&trace, threads);
            }
        }
    }
}
