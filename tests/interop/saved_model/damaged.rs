//! Damaged models: errors that leave the graph as it was, and never a panic.

use std::fs;

use flowgrad::io::saved_model::{SavedModelFault, SavedModelOptions, import};
use flowgrad::prelude::*;

use crate::peers::folder;

fn random() -> impl FnMut(usize) -> usize {
    let mut state = 1_u64;
    move |below| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    }
}

#[test]
fn no_change_of_a_byte_is_a_panic() {
    let mut random = random();
    for (name, rounds) in [("of_one", 250), ("of_two", 250), ("of_keras", 60)] {
        let folder = folder(name);
        let path = folder.path().join("saved_model.pb");
        let whole = fs::read(&path).unwrap();
        let mut refused = 0;
        for round in 0..rounds {
            let mut bytes = whole.clone();
            if round % 10 == 0 {
                bytes.truncate(random(whole.len()));
            }
            for _ in 0..random(6) {
                let place = random(bytes.len().max(1));
                if let Some(byte) = bytes.get_mut(place) {
                    *byte = random(256) as u8;
                }
            }
            fs::write(&path, &bytes).unwrap();
            let g = Graph::new();
            match import(&g, folder.path(), &SavedModelOptions::new()) {
                Ok(model) => assert!(!format!("{:?}", model.signatures()).is_empty()),
                Err(error) => {
                    assert!(g.is_empty(), "{error}");
                    refused += 1;
                }
            }
            g.check().unwrap();
        }
        assert!(refused > rounds / 10, "{refused} of {rounds}");
    }
}

#[test]
fn damaged_variables_are_told_before_anything_is_built() {
    let folder = folder("of_one");
    let data = folder.path().join("variables/variables.data-00000-of-00001");
    let whole = fs::read(&data).unwrap();
    let g = Graph::new();
    let told = || {
        let error = import(&g, folder.path(), &SavedModelOptions::new()).unwrap_err();
        assert!(g.is_empty(), "{error}");
        error.to_string()
    };
    fs::write(&data, vec![0xff; whole.len()]).unwrap();
    let message = told();
    assert!(message.contains("expected elements of the checksum"), "{message}");
    fs::write(&data, &whole[..10]).unwrap();
    let message = told();
    assert!(message.contains("expected elements inside of 10 bytes"), "{message}");
    fs::remove_file(&data).unwrap();
    let message = told();
    assert!(message.contains("variables.data-00000-of-00001"), "{message}");
    let index = folder.path().join("variables/variables.index");
    fs::remove_file(&index).unwrap();
    let message = told();
    assert!(message.contains("expected a checkpoint"), "{message}");
}

#[test]
fn what_is_no_model_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let g = Graph::new();
    let told = || import(&g, folder.path(), &SavedModelOptions::new()).unwrap_err();
    assert!(matches!(told().fault, SavedModelFault::Read(_)));
    fs::write(folder.path().join("saved_model.pbtxt"), "").unwrap();
    assert!(matches!(told().fault, SavedModelFault::Text));
    let path = folder.path().join("saved_model.pb");
    fs::write(&path, [0xff; 9]).unwrap();
    assert!(matches!(told().fault, SavedModelFault::Decode { length: 9, .. }));
    fs::write(&path, []).unwrap();
    let error = told();
    assert!(error.to_string().contains("got graphs with no tags at all"), "{error}");
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let error = told();
    assert!(error.to_string().contains("expected a regular file, got a directory"), "{error}");
}

/// A signature whose names lead out of the graph, or into the folders of others.
#[test]
fn names_of_signatures_are_those_of_nodes() {
    let field = |tag: u8, bytes: &[u8]| [&[tag << 3 | 2, bytes.len() as u8], bytes].concat();
    for name in ["../x:0", "", "y", "x:99999999999999999999"] {
        let info = field(1, name.as_bytes());
        let input = field(1, &[field(1, b"x"), field(2, &info)].concat());
        let signature = field(5, &[field(1, b"s"), field(2, &input)].concat());
        let model = field(2, &signature);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("saved_model.pb"), model).unwrap();
        let g = Graph::new();
        let error = import(&g, folder.path(), &SavedModelOptions::new()).unwrap_err();
        assert!(matches!(error.fault, SavedModelFault::Tensor { .. }), "{error}");
        assert!(
            error.to_string().contains("signature `s`: expected a tensor of the graph as `x`"),
            "{error}"
        );
    }
}

/// Names of assets are joined to a folder by whoever reads them.
#[test]
fn assets_lie_in_their_folder() {
    let field = |tag: u8, bytes: &[u8]| [&[tag << 3 | 2, bytes.len() as u8], bytes].concat();
    let names = ["words.txt", "../../etc/passwd", "/etc/passwd", "", ".", "in/../../out", "in/words.txt"];
    let assets: Vec<u8> = names.iter().flat_map(|name| field(6, &field(2, name.as_bytes()))).collect();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("saved_model.pb"), field(2, &assets)).unwrap();
    let g = Graph::new();
    let model = import(&g, folder.path(), &SavedModelOptions::new()).unwrap();
    assert_eq!(model.assets(), ["words.txt", "in/words.txt"]);
}
