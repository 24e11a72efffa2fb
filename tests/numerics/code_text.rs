//! What a session tells of its machine code: what is compiled, its instructions, and where they lie.

use flowgrad::Isa;
use flowgrad::prelude::*;

/// Whether sessions have machine code here.
fn has_code() -> bool {
    Isa::detected() > Isa::Baseline
        && cfg!(all(feature = "native", target_arch = "x86_64", unix))
        && std::env::var("FLOWGRAD_ISA").as_deref() != Ok("baseline")
        && std::env::var("FLOWGRAD_MACHINE_CODE").as_deref() != Ok("off")
}

#[test]
fn explain_shows_what_is_compiled() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [100]);
    let y = (x * 2.0 + 1.0).exp() * x;
    let text = |machine_code| {
        let builder = Session::builder(&g).isa(Isa::detected());
        let session = builder.machine_code(machine_code).build().unwrap();
        session.feed(x, &ndarray::Array1::zeros(100).into_dyn()).explain(y).unwrap()
    };
    if Isa::detected() > Isa::Baseline && cfg!(all(feature = "native", target_arch = "x86_64", unix)) {
        assert!(text(true).contains("all elements in a row:"), "{}", text(true));
    }
    assert!(!text(false).contains("all elements in a row:"));
}

#[test]
fn explain_says_that_lengths_that_may_change_are_compiled_for_the_second_run() {
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let y = (x * 2.0 + 1.0).exp() * x;
    let session = Session::builder(&g).isa(Isa::detected()).machine_code(true).build().unwrap();
    let explain = || session.feed(x, &[0.5; 100]).explain(y).unwrap();
    let later = "\nmachine code, from the second run with these lengths on: ";
    let texts = [(); 4].map(|()| {
        let text = explain();
        session.feed(x, &[0.5; 100]).run(y).unwrap();
        text
    });
    if Isa::detected() > Isa::Baseline && cfg!(all(feature = "native", target_arch = "x86_64", unix)) {
        // Explaining is no run.
        assert!(texts[0].contains(later) && texts[0] == texts[1], "{}", texts[1]);
        assert_eq!(texts[2], texts[0].replace(later, "\nmachine code: "));
    }
    assert_eq!(texts[2], texts[3]);
}

#[test]
fn columns_of_a_constant_that_hold_one_number_are_not_read() {
    for first in [1.0, -0.0, f64::NAN] {
        let g = Graph::new();
        let x =
            ndarray::Array2::from_shape_fn(
                (1000, 2),
                |(row, column)| {
                    if column == 0 { first } else { (row as f64).sin() }
                },
            );
        let d = ndarray::Array2::from_shape_fn((1000, 1), |(row, _)| (row as f64).cos());
        let (x, d, w) = (g.constant(x), g.constant(d), g.variable("w", [[0.5], [0.25]]));
        let [gradient] = (x.matmul(w) - d).square().reduce_sum(..).gradients([w]);
        let session = |code| Session::builder(&g).threads(1).machine_code(code).build().unwrap();
        let bits = |code| {
            let gradient = session(code).run(gradient).unwrap();
            gradient.mapv(|x: f64| if x.is_nan() { 0 } else { x.to_bits() })
        };
        assert_eq!(bits(true), bits(false), "{first}");
        let text = session(true).explain(gradient).unwrap();
        if has_code() {
            assert_eq!(text.matches(" = load s").count(), 2, "{text}");
        }
    }
}

#[cfg(feature = "disassembly")]
#[test]
fn disassembly_has_the_instructions_of_each_program() {
    let g = Graph::new();
    let (x, y) = (g.variable("x", vec![0.5_f32; 1000]), g.variable("y", vec![0.5_f64; 1000]));
    let fetches = ((x * 2.0 + 1.0).exp() * x, (y - 0.375).tanh() * y);
    for isa in [Isa::Avx2, Isa::Avx512].into_iter().filter(|&isa| isa <= Isa::detected()) {
        let session = Session::builder(&g).isa(isa).machine_code(true).build().unwrap();
        let (text, explained) = (session.disassemble(fetches).unwrap(), session.explain(fetches).unwrap());
        assert!(text.starts_with(&explained));
        if !cfg!(all(feature = "native", target_arch = "x86_64", unix)) {
            continue;
        }
        let (heading, code) = text[explained.len()..].split_once('\n').unwrap();
        assert!(heading.starts_with("disassembly: "), "{heading}");
        let programs: Vec<&str> = code.trim_end().split("\n\n").collect();
        assert_eq!(programs.len(), explained.matches("all elements in a row:").count(), "{code}");
        for program in programs {
            let (heading, lines) = program.split_once('\n').unwrap();
            assert!(heading.starts_with("step ") && heading.ends_with(" bytes:"), "{heading}");
            assert!(lines.contains("vfmadd") && !lines.contains("(bad)"), "{isa}\n{program}");
            assert!(lines.ends_with("ret") && lines.contains(" j"), "{isa}\n{program}");
        }
        // The numbers that the programs read.
        assert!(code.contains("; 0x"), "{code}");
    }
    let session = Session::builder(&g).machine_code(false).build().unwrap();
    assert_eq!(session.disassemble(fetches).unwrap(), session.explain(fetches).unwrap());
}

#[cfg(target_os = "linux")]
#[test]
fn the_map_for_perf_names_what_can_be_executed() {
    use std::fs;

    let g = Graph::new();
    let x = g.variable("x", vec![0.5_f32; 1000]);
    let y = (x * 2.0 + 1.0).exp().named("line\nbreak");
    let sessions = [(); 2].map(|()| Session::builder(&g).perf_map(true).build().unwrap());
    for session in &sessions {
        session.run(y).unwrap();
    }
    // Other sessions are not asked to.
    Session::new(&g).unwrap().run(y).unwrap();
    let path = format!("/tmp/perf-{}.map", std::process::id());
    let (map, memory) = (fs::read_to_string(&path).unwrap(), fs::read_to_string("/proc/self/maps").unwrap());
    fs::remove_file(&path).unwrap();

    let number = |text: &str| usize::from_str_radix(text, 16).unwrap();
    let executable: Vec<std::ops::Range<usize>> = memory
        .lines()
        .filter_map(|line| {
            let (range, rest) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            rest.starts_with("r-xp").then(|| number(start)..number(end))
        })
        .collect();
    let mut starts: Vec<usize> = Vec::new();
    for line in map.lines() {
        let [start, bytes, name] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (start, end) = (number(start), number(start) + number(bytes));
        assert!(executable.iter().any(|range| range.start <= start && end <= range.end), "{line}\n{memory}");
        let rest = name.strip_prefix("flowgrad plan ").unwrap();
        assert!(
            rest.contains(", ops 0 to 1 of step 0: region ") && rest.ends_with(r#""line\nbreak""#),
            "{line}"
        );
        starts.push(start);
    }
    starts.dedup();
    assert_eq!(starts.len(), if has_code() { 2 } else { 0 }, "{map}");
}
