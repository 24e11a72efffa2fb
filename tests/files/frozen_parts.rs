//! Frozen models of what moves parts: shuffles, and gradients of concatenations, splits and slices.

use flowgrad::ndarray::{Array2, arr1, arr2};
use flowgrad::prelude::*;

use crate::frozen::{again, file, same, sealed};

#[test]
fn shuffles_and_gradients_of_parts_come_back_from_files() -> Result<()> {
    let g = Graph::with_seed(6);
    let x = g.placeholder::<f64>("x", [None, Some(4)]);
    let joined = g.concat(&[x * x, x.tanh(), x * 3.0], 0).square();
    let (halves, sized, columns) = (x.split(2, 1), x.split_sizes([1, 3], 1), x.unstack(1));
    let sliced = x.slice(1..) * x.slice(..-1)
        + x.slice(0) * x.pad([(0, 0), (1, 2)], Pad::Constant(0.5)).slice((1.., 1..5));
    let parts =
        [halves[0] * halves[1], (sized[0] * sized[1]).square(), (columns[0] * columns[3]).expand_dims(1)];
    let sums = parts.map(|part| part.reduce_sum(..)).into_iter().sum::<Tensor<'_, f64>>();
    let loss = joined.reduce_sum(..) + sliced.reduce_sum(..) + sums;
    let [dx] = loss.gradients([x]);
    let [ddx] = dx.square().gradients([x]);
    let outputs = [x.shuffle(), dx, ddx].map(Tensor::any);
    let session = Session::new(&g)?;
    let model = again(&session.freeze(&[x.any()], &outputs)?);
    for rows in [2, 5, 1] {
        let fed = Array2::from_shape_fn((rows, 4), |(i, j)| (i * 4 + j) as f64 / 7.0 - 1.0);
        same(&model.call(&fed)?, &session.feed(x, &fed).run(outputs.to_vec())?);
    }
    Ok(())
}

#[test]
fn parts_that_cannot_be_are_errors() {
    let (_directory, path) = file();
    let node = |op: &str, inputs: &str, attributes: &str| {
        format!(r#"{{"op":"{op}","name":"n","inputs":{inputs},"control":[],"attributes":{attributes}}}"#)
    };
    let placeholder = |dtype: &str, shape: &str| {
        node(
            "placeholder",
            "[]",
            &format!(r#"{{"dtype":{{"dtype":"{dtype}"}},"shape":{{"shape":{shape}}}}}"#),
        )
    };
    let cut = |axis: usize, cut: &str| format!(r#"{{"axis":{{"int":"{axis}"}},"cut":{cut}}}"#);
    let place = |[part, parts]: [u64; 2]| {
        format!(r#"{{"group":{{"part":{{"int":"{part}"}},"parts":{{"int":"{parts}"}}}}}}"#)
    };
    let range = |start: i64, size: i64, whole: i64| {
        let entries = [("start", start), ("size", size), ("whole", whole)]
            .map(|(name, length)| format!(r#""{name}":{{"int":"{length}"}}"#));
        format!(r#"{{"group":{{{}}}}}"#, entries.join(","))
    };
    let axis = |axis: i64| format!(r#"{{"axis":{{"int":"{axis}"}}}}"#);
    let part = |op: &str, attributes: &str| {
        format!(r#"{{"group":{{"op":{{"text":"{op}"}},"attributes":{{"group":{attributes}}}}}}}"#)
    };
    let parts = |parts: &[String]| format!(r#"{{"parts":{{"list":[{}]}}}}"#, parts.join(","));
    let index = |index: usize| format!(r#"{{"int":"{index}"}}"#);
    let element = part("split_transposed", &cut(0, &index(1)));
    // Of a matrix of 2 rows, a row, and integers, also where no length is known while building.
    let built = |op: &str, inputs: &str, attributes: &str, shapes: [&str; 2]| {
        let nodes =
            [placeholder("f64", shapes[0]), placeholder("f64", shapes[1]), placeholder("i64", r#"["2"]"#)];
        let nodes = [&nodes[..], &[node(op, inputs, attributes)]].concat().join(",");
        let graph = format!(r#"{{"seed":0,"inputs":[0,1,2],"outputs":[[3,0]],"nodes":[{nodes}]}}"#);
        sealed(&path, "1", &graph, &[]);
        Frozen::load(&path)
    };
    let (matrix, row, integers) = (Array2::<f64>::ones((2, 2)), arr1(&[1.0, 2.0]), arr1(&[1_i64, 2]));
    let rows = [
        ("split_transposed", "[[1,0],[0,0]]", cut(0, &index(1)), true),
        ("split_transposed", "[[1,0],[0,0]]", cut(0, &index(2)), false),
        ("split_transposed", "[[1,0],[0,0]]", cut(2, &index(0)), false),
        ("split_transposed", "[[0,0],[0,0]]", cut(0, &place([0, 1])), true),
        ("split_transposed", "[[0,0],[0,0]]", cut(0, &place([0, 0])), false),
        ("split_transposed", "[[0,0],[0,0]]", cut(0, &place([1, 1])), false),
        ("split_transposed", "[[0,0],[0,0]]", cut(0, &range(0, 2, 2)), true),
        ("split_transposed", "[[0,0],[0,0]]", cut(0, &range(1, 2, 2)), false),
        ("split_transposed", "[[0,0],[0,0]]", cut(0, &range(0, 2, 3)), false),
        ("split_transposed", "[[0,0],[0,0]]", cut(0, &range(-1, 2, 2)), false),
        ("split_part", "[[0,0]]", cut(1, &range(1, 1, 2)), true),
        ("split_part", "[[0,0]]", cut(1, &range(1, i64::MAX, i64::MAX)), false),
        ("split_part", "[[0,0]]", cut(7, &index(0)), false),
        ("concat_extent", "[]", axis(0), true),
        ("concat_extent", "[[0,0]]", axis(0), false),
        ("concat_extent", "[[1,0],[0,0]]", axis(2), false),
        ("concat_part", "[[0,0],[0,0],[0,0]]", axis(0), false),
        ("concat_part", "[[0,0],[0,0],[0,0]]", axis(2), false),
        ("concat_part_transposed", "[[0,0],[0,0],[0,0]]", axis(0), false),
        ("concat_part_transposed", "[[0,0],[0,0],[0,0]]", axis(-1), false),
        ("parts_transposed", "[[0,0],[1,0],[1,0]]", parts(&[element.clone(), element.clone()]), true),
        ("parts_transposed", "[[0,0],[1,0],[1,0]]", parts(std::slice::from_ref(&element)), false),
        ("parts_transposed", "[[0,0],[1,0]]", parts(&[]), false),
        ("parts_transposed", "[[0,0],[2,0]]", parts(std::slice::from_ref(&element)), false),
        ("parts_transposed", "[[0,0],[1,0]]", parts(&[part("tanh", "{}")]), false),
        ("parts_transposed", "[[0,0],[1,0]]", parts(&[part("split_transposed", "{}")]), false),
        ("parts_transposed", "[[0,0],[1,0]]", r#"{"parts":{"int":"1"}}"#.to_owned(), false),
    ];
    for (op, inputs, attributes, is_sound) in &rows {
        for shapes in [[r#"["2","2"]"#, r#"["2"]"#], [r#"["?","?"]"#, r#"["?"]"#]] {
            let found = built(op, inputs, attributes, shapes)
                .and_then(|model| model.call((&matrix, &row, &integers)));
            assert_eq!(found.is_ok(), *is_sound, "{op} {attributes}: {found:?}");
        }
    }
}

/// What fuzzing starts from is a model.
#[test]
fn a_graph_of_parts_is_read_as_it_is_written() -> Result<()> {
    let (_directory, path) = file();
    sealed(&path, "1", include_str!("../../fuzz/corpus/frozen/parts.json"), &[]);
    let x = arr2(&[[1.0, 2.0]]);
    let found = Frozen::load(&path)?.call(&x)?;
    let x = x.into_dyn();
    let expected = [
        arr1(&[1.0]).into_dyn().into(),
        arr2(&[[1.0, 1.0]]).into_dyn().into(),
        x.clone().into(),
        x.clone().into(),
        arr1(&[0_i64]).into_dyn().into(),
        x.clone().into(),
        x.into(),
    ];
    same(&found, &expected);
    Ok(())
}
