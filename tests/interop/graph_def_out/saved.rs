//! Models for servers: signatures, variables beside the graph, and folders that are replaced.

use flowgrad::io::graph_def::ExportError;
use flowgrad::io::saved_model::{ExportSignature, SavedModelOptions, export, import};
use flowgrad::ndarray::{arr1, arr2};
use flowgrad::nn::{Dense, Layer, Mode};
use flowgrad::{Value, prelude::*};

use crate::cases::{self, Run};
use crate::numbers::stored;

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
    std::fs::write(path.join("saved_model.pb"), "").unwrap();
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

/// What lies where a model is to be, or beside it, is somebody's: only a model gives way, or a folder without anything.
#[test]
fn nothing_but_a_model_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let names = || {
        let entries = std::fs::read_dir(directory.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let predict = ExportSignature::new("serving_default").input("x", x.any()).output("y", x.tanh().any());
    let session = Session::new(&g).unwrap();
    let write = |name: &str| export(&session, at(name), std::slice::from_ref(&predict));

    std::fs::create_dir_all(at("models/1")).unwrap();
    std::fs::write(at("models/1/saved_model.pb"), "of somebody").unwrap();
    std::fs::write(at("file"), "of somebody").unwrap();
    std::fs::create_dir_all(at("odd/saved_model.pb")).unwrap();
    for (name, expected) in
        [("models", "one with other files"), ("odd", "one with other files"), ("file", "something else")]
    {
        let error = write(name).unwrap_err();
        assert!(matches!(&error, ExportError::File { path, .. } if *path == at(name)), "{error}");
        assert!(error.to_string().contains(expected), "{error}");
    }
    assert_eq!(std::fs::read(at("models/1/saved_model.pb")).unwrap(), b"of somebody");
    assert_eq!(std::fs::read(at("file")).unwrap(), b"of somebody");

    // A folder beside it that is named like an old one.
    std::fs::create_dir_all(at("1.old")).unwrap();
    std::fs::write(at("1.old/notes"), "of somebody").unwrap();
    std::fs::create_dir(at("1")).unwrap();
    for _ in 0..2 {
        write("1").unwrap();
        assert!(at("1/saved_model.pb").is_file());
    }
    assert_eq!(std::fs::read(at("1.old/notes")).unwrap(), b"of somebody");
    assert_eq!(names(), ["1", "1.old", "file", "models", "odd"]);
}

/// A link stays a link, also with a slash behind it.
#[cfg(unix)]
#[test]
fn what_a_link_leads_to_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    let g = Graph::new();
    let x = g.placeholder::<f32>("x", [None]);
    let predict = ExportSignature::new("serving_default").input("x", x.any()).output("y", x.tanh().any());
    let session = Session::new(&g).unwrap();
    std::os::unix::fs::symlink("first", at("latest")).unwrap();
    for name in ["latest", "latest", "latest/"] {
        export(&session, at(name), std::slice::from_ref(&predict)).unwrap();
        assert!(at("latest").is_symlink() && !at("first").is_symlink());
        assert!(at("first/saved_model.pb").is_file());
        std::fs::write(at("first/stale"), "").unwrap();
    }
    export(&session, at("latest"), std::slice::from_ref(&predict)).unwrap();
    assert!(!at("first/stale").exists());
}
