//! Models for servers: signatures, variables beside the graph, and folders that are replaced.

use flowgrad::io::graph_def::ExportError;
use flowgrad::io::saved_model::{ExportSignature, SavedModelOptions, export, import};
use flowgrad::ndarray::{arr1, arr2};
use flowgrad::nn::{Dense, Layer, Mode};
use flowgrad::{Value, prelude::*};

use crate::cases::{self, Run};
use crate::support::stored;

#[test]
fn saved_models_are_loaded_by_both_loaders() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("digits.saved");
    let g = Graph::with_seed(5);
    let x = g.placeholder::<f32>("pixels", [None, Some(3)]);
    let layer = Dense::new(&g, "fc", 3, 2);
    let y = layer.call(x, Mode::Predict).softmax(-1);
    let scale = g.variable("scale", 2.0_f64);
    let session = Session::new(&g).unwrap();
    session.run(scale.assign(5.0)).unwrap();
    let signatures = [
        ExportSignature::new("serving_default").input("pixels", x.any()).output("probabilities", y.any()),
        ExportSignature::new("scale").output("scale", (scale * 2.0).any()),
    ];
    // A folder that is there is replaced as a whole.
    std::fs::create_dir(&path).unwrap();
    std::fs::write(path.join("stale"), "").unwrap();
    export(&session, &path, &signatures).unwrap();
    assert!(!path.join("stale").exists() && path.join("variables/variables.index").exists());
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["digits.saved"]);

    let fed = arr2(&[[0.1_f32, 0.2, -0.3], [1.0, 0.0, 2.0]]);
    let expected: Value = session.feed(x, &fed).run(y).unwrap().into();
    let run = Run {
        feeds: vec![("pixels".to_owned(), stored(&fed.clone().into()))],
        operations: Vec::new(),
        fetches: vec![("probabilities".to_owned(), stored(&expected))],
    };
    cases::write_saved(folder.path(), "digits", "serving_default", &run, 1e-6);
    if let Err(differs) = cases::check(folder.path()) {
        panic!("{differs}");
    }

    let other = Graph::new();
    let model = import(&other, &path, &SavedModelOptions::new()).unwrap();
    let predict = model.signature("serving_default").unwrap();
    let (x, y) = (predict.input("pixels").unwrap(), predict.output("probabilities").unwrap());
    let found = Session::new(&other).unwrap().feed(x.typed::<f32>(), &fed).run(y.typed::<f32>()).unwrap();
    assert_eq!(Value::from(found), expected);
    let scaled = model.signature("scale").unwrap().output("scale").unwrap().typed::<f64>();
    assert_eq!(Session::new(&other).unwrap().run(scaled).unwrap().sum(), 10.0);
}

#[test]
fn a_model_without_variables_has_none_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plain.saved");
    let g = Graph::new();
    let x = g.placeholder::<f64>("x", [None]);
    let doubled = x * 2.0;
    // What is fed need be no placeholder.
    let predict = ExportSignature::new("serving_default")
        .input("doubled", doubled.any())
        .output("y", (doubled + 1.0).any());
    let session = Session::new(&g).unwrap();
    export(&session, &path, std::slice::from_ref(&predict)).unwrap();
    assert!(!path.join("variables").exists());
    let run = Run {
        feeds: vec![("doubled".to_owned(), stored(&arr1(&[1.0, 2.0]).into()))],
        operations: Vec::new(),
        fetches: vec![("y".to_owned(), stored(&arr1(&[2.0, 3.0]).into()))],
    };
    cases::write_saved(folder.path(), "plain", "serving_default", &run, 1e-12);
    if let Err(differs) = cases::check(folder.path()) {
        panic!("{differs}");
    }

    let twice = predict.clone().output("y", x.any());
    let error = export(&session, &path, &[twice]).unwrap_err();
    assert!(matches!(&error, ExportError::NameTwice { name, .. } if name == "y"), "{error}");
    let error = export(&session, folder.path().join("no/such/folder"), &[predict]).unwrap_err();
    assert!(matches!(error, ExportError::File { .. }), "{error}");
}
