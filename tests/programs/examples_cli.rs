//! The examples that train on data, as programs: their options, what they write, and that a training that goes on
//! another day gives the same bits.

use std::env;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Once;

use serde_json::Value;

use crate::cargo::{cargo, profile};
use crate::linreg_cli::right_ends;

/// Each example, and the names in its JSON.
const EXAMPLES: [(&str, &[&str]); 7] = [
    ("autoencoder_digits", &["epochs", "seconds", "seed", "test_loss", "train_loss"]),
    ("char_rnn", &["epochs", "sample", "seconds", "seed", "test_loss", "train_loss"]),
    ("cnn_digits", CLASSIFIER),
    ("custom_op", &["centre", "epochs", "loss", "seconds", "seed", "width"]),
    ("logistic", CLASSIFIER),
    ("mlp_digits", CLASSIFIER),
    ("second_order", &["epochs", "explained", "gradient", "loss", "products", "seconds", "seed"]),
];

const CLASSIFIER: &[&str] = &["epochs", "seconds", "seed", "split", "test_accuracy", "train_accuracy"];

/// Those whose only options are pictures.
const PLAIN: &[&str] = &[
    "check_gradient",
    #[cfg(feature = "linalg")]
    "gaussian_process",
    "lorenz",
    "newton_loop",
    "op_hessian",
    "poisson",
    #[cfg(all(feature = "graphdef", feature = "onnx"))]
    "run_model",
    #[cfg(feature = "graphdef")]
    "tf1_train",
    "trace",
];

/// Runs an example in a directory.
fn run(directory: &Path, example: &str, args: &[&str]) -> Output {
    static BUILT: Once = Once::new();
    BUILT.call_once(|| {
        // `cargo test` has built them, but `cargo test --test programs` leaves them as they were.
        let mut build = cargo(&["build", "--quiet"]);
        for name in PLAIN {
            build.args(["--example", name]);
        }
        for (name, _) in EXAMPLES {
            build.args(["--example", name]);
        }
        assert!(build.status().unwrap().success());
    });
    let program = profile().join("examples").join(format!("{example}{}", env::consts::EXE_SUFFIX));
    Command::new(program).args(args).current_dir(directory).output().unwrap()
}

/// The JSON that a run wrote to stdout.
#[track_caller]
fn json(output: &Output) -> Value {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

#[test]
fn a_training_that_goes_on_another_day_is_one_that_was_not_interrupted() {
    for (example, names) in EXAMPLES {
        let directory = tempfile::tempdir().unwrap();
        let train = |epochs: &str, file: &str, more: &[&str]| {
            let args = ["--epochs", epochs, "--seed", "3", "--json", "-", "--checkpoint", file];
            json(&run(directory.path(), example, &[&args, more].concat()))
        };
        let whole = train("2", "whole.safetensors", &[]);
        assert_eq!(whole.as_object().unwrap().keys().collect::<Vec<_>>(), *names, "{example}");
        assert_eq!((whole["epochs"].as_u64(), whole["seed"].as_u64()), (Some(2), Some(3)), "{example}");
        train("1", "parts.safetensors", &[]);
        let resumed = train("2", "parts.safetensors", &["--resume", "--logdir", "log"]);
        let [whole_file, parts_file] = ["whole", "parts"]
            .map(|name| fs::read(directory.path().join(format!("{name}.safetensors"))).unwrap());
        assert!(whole_file == parts_file, "{example}");
        for name in names.iter().filter(|name| !["seconds", "products"].contains(name)) {
            assert_eq!(resumed[name], whole[name], "{name} of {example}");
        }
        let events = fs::read_dir(directory.path().join("log")).unwrap().next().unwrap().unwrap();
        assert!(events.file_name().to_string_lossy().starts_with("events.out.tfevents."), "{example}");
        assert!(events.metadata().unwrap().len() > 1000, "{example}");
    }
}

/// They check themselves, and end with what they found.
#[test]
fn programs_without_options_run_as_they_stand() {
    let directory = tempfile::tempdir().unwrap();
    for (example, last) in [
        ("poisson", "expected visits of a sunny day of 25 degrees: 1"),
        ("op_hessian", "w = [0."),
        #[cfg(feature = "linalg")]
        ("gaussian_process", "inside the band "),
        ("lorenz", "beta        2.667   2."),
        ("newton_loop", "         0.9         3.142"),
    ] {
        let output = run(directory.path(), example, &[]);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        assert!(told.lines().last().is_some_and(|line| line.starts_with(last)), "{told}");
    }
}

/// A training of TensorFlow goes on, and leaves a checkpoint from which it goes on once more.
#[cfg(feature = "graphdef")]
#[test]
fn a_training_of_tensorflow_goes_on() {
    let directory = tempfile::tempdir().unwrap();
    let train = |args: &[&str]| {
        let output = run(directory.path(), "tf1_train", args);
        let told = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
        told.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let first = train(&["--epochs", "1", "--save", "digits"]);
    assert!(first[0].starts_with("epoch 0: loss 1.08"), "{first:?}");
    let second = train(&["--epochs", "1", "--checkpoint", "digits"]);
    // Both tell the same model, before it goes on.
    assert_eq!(second[0].split_once(": ").unwrap().1, first[1].split_once(": ").unwrap().1);
    let output = run(directory.path(), "tf1_train", &["--train", "logits"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && told.contains("expected a node `logits` in the graph"), "{told}");
}

/// The report names the target, the element, and both numbers; the right formula passes.
#[test]
fn a_gradient_by_hand_is_checked() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), "check_gradient", &[]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<&str> = told.lines().collect();
    let heads = ["target", "shape", "order", "largest", "at", "difference", "autodiff", "by", "hand"];
    assert_eq!(lines[1].split_whitespace().collect::<Vec<_>>(), heads, "{told}");
    // The penalty's part is largest where the weight is: 0.1 · 0.9.
    assert!(
        lines[2].starts_with("w       [3]    1      absolute  [2]") && lines[2].contains("9.0e-2"),
        "{told}"
    );
    assert_eq!(lines.last(), Some(&"autodiff and the formula agree to 1e-12"));
}

#[test]
fn what_came_out_goes_to_a_file_too() {
    let directory = tempfile::tempdir().unwrap();
    let output = run(directory.path(), "logistic", &["--epochs", "0", "--json", "out.json"]);
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(told.starts_with("completed after 0 epochs"), "{told}");
    let text = fs::read_to_string(directory.path().join("out.json")).unwrap();
    let outcome: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((outcome["epochs"].as_u64(), outcome["split"].as_str()), (Some(0), Some("random")));
    let last = run(directory.path(), "mlp_digits", &["--epochs", "0", "--split", "last", "--json", "-"]);
    assert_eq!(json(&last)["split"], "last");

    run(directory.path(), "autoencoder_digits", &["--epochs", "0", "--png", "grid.png"]);
    let image = fs::File::open(directory.path().join("grid.png")).unwrap();
    let image = png::Decoder::new(std::io::BufReader::new(image)).read_info().unwrap();
    assert_eq!((image.info().width, image.info().height), (640, 320));
}

/// Nothing is missing of a picture or cut off at its right.
#[track_caller]
fn assert_whole(svg: &str, example: &str) {
    assert!(svg.starts_with("<svg width=\"") && svg.trim_end().ends_with("</svg>"), "{example}: {svg}");
    assert!(!svg.contains("NaN") && !svg.contains("inf\""), "{example}: {svg}");
    // A blank line would end the picture in a page of the guide.
    assert!(svg.lines().all(|line| !line.trim().is_empty()), "{example}: {svg}");
    let width: f64 = svg.split('"').nth(1).unwrap().parse().unwrap();
    assert!(right_ends(svg).into_iter().all(|end| end < width), "{example}: {svg}");
}

/// Each with words that it shows.
#[test]
fn pictures_of_programs_that_train_nothing_are_whole() {
    let directory = tempfile::tempdir().unwrap();
    let draw = |example: &str, option: &str, words: &[&str]| {
        let output = run(directory.path(), example, &[option, "drawn.svg"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let svg = fs::read_to_string(directory.path().join("drawn.svg")).unwrap();
        assert_whole(&svg, example);
        assert!(words.iter().all(|word| svg.contains(word)), "{example}: {svg}");
        assert!(svg.len() < 60_000, "{example}: {} bytes", svg.len());
    };
    draw("check_gradient", "--plot", &["penalty forgotten", "central differences", "by hand"]);
    #[cfg(feature = "linalg")]
    draw("gaussian_process", "--plot", &["two deviations", "truth", "minus log likelihood"]);
    draw("lorenz", "--plot", &["x of the orbit", "measured", "mean squared error"]);
    draw("newton_loop", "--plot", &["eccentric anomaly", "e = 0.9", "dE/dM"]);
    draw("op_hessian", "--plot", &["second derivative", "Newton step"]);
    draw("poisson", "--plot", &["temperature (°C)", "visits (a day)", "sunny", "cloudy", "rain"]);
    draw("trace", "--plot", &["caller", "step 0: ", " µs"]);
    draw("trace", "--explain", &["rewrites:", "arena"]);
}

#[test]
fn pictures_are_whole() {
    let directory = tempfile::tempdir().unwrap();
    for (example, _) in EXAMPLES {
        // Also where there is nothing to draw yet.
        for epochs in ["0", "2"] {
            let args = ["--epochs", epochs, "--plot", "curves.svg", "--graph", "graph.svg", "--json", "-"];
            json(&run(directory.path(), example, &args));
            let [curves, graph] = ["curves.svg", "graph.svg"]
                .map(|name| fs::read_to_string(directory.path().join(name)).unwrap());
            for svg in [&curves, &graph] {
                assert_whole(svg, example);
            }
            assert!(curves.contains("loss"), "{example}: {curves}");
            let named = |name: &str| graph.lines().any(|line| line == name);
            assert!(named("gradients") && named("global_step") | named("iteration"), "{example}: {graph}");
            if epochs == "2" && !["custom_op", "second_order"].contains(&example) {
                assert!(curves.contains("training") && curves.contains("validation"), "{example}: {curves}");
            }
        }
    }
    let output = run(directory.path(), "logistic", &["--epochs", "0", "--plot", "no/such/directory.svg"]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(told.contains("Error: \"no/such/directory.svg: "), "{told}");
}

#[test]
fn the_index_names_every_example_and_shows_every_picture() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let index = fs::read_to_string(folder.join("README.md")).unwrap();
    let sections = index.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap());
    let titles: Vec<&str> = sections.clone().map(|(title, _)| title).collect();
    for (title, section) in sections {
        // Those that work on files of others draw none.
        let draws = !["run_model", "tf1_train"].contains(&title);
        assert_eq!(section.contains("](pictures/"), draws, "{title}");
    }
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries.map(|path| path.file_name().unwrap().to_str().unwrap().to_owned()).collect()
    };
    for name in names(&folder) {
        let program =
            name.strip_suffix(".rs").or(folder.join(&name).join("main.rs").exists().then_some(&name));
        assert!(program.is_none_or(|program| titles.contains(&program)), "{name}");
    }
    let pictures = names(&folder.join("pictures"));
    for picture in &pictures {
        assert!(index.contains(&format!("](pictures/{picture})")), "{picture}");
        // And the command that writes it.
        assert!(
            index.split_whitespace().any(|word| word == format!("examples/pictures/{picture}")),
            "{picture}"
        );
    }
    assert_eq!(index.matches("](pictures/").count(), pictures.len());
}

#[test]
fn help_tells_the_defaults() {
    let directory = tempfile::tempdir().unwrap();
    for (example, _) in EXAMPLES {
        let help = String::from_utf8(run(directory.path(), example, &["--help"]).stdout).unwrap();
        let epochs = help.split("--epochs").nth(1).unwrap().split("--").next().unwrap();
        assert!(epochs.contains("[default: ") && !epochs.contains("[default: ]"), "{help}");
        assert_eq!(help.contains("Newton"), example == "second_order", "{help}");
    }
}

/// A reader that leaves ends a program quietly; a device that is full ends it with a line.
#[cfg(target_os = "linux")]
#[test]
fn output_that_nobody_takes_is_no_panic() {
    let directory = tempfile::tempdir().unwrap();
    run(directory.path(), "logistic", &["--help"]);
    let profile = profile();
    let command = |example: &str, args: &[&str]| {
        let mut command = Command::new(profile.join("examples").join(example));
        command.args(args).current_dir(directory.path()).stderr(std::process::Stdio::piped());
        command
    };
    let full = || fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (example, _) in EXAMPLES {
        for args in [&["--epochs", "0"][..], &["--epochs", "0", "--json", "-"], &["--help"]] {
            let (reader, writer) = std::io::pipe().unwrap();
            drop(reader);
            let output = command(example, args).stdout(writer).output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success(), "{example} {args:?}: {told}");
            assert!(!told.contains("Error:") && !told.contains("panicked"), "{example} {args:?}: {told}");

            let output = command(example, args).stdout(full()).output().unwrap();
            let told = String::from_utf8_lossy(&output.stderr);
            let last = told.lines().last().unwrap_or_default();
            assert_eq!(output.status.code(), Some(1), "{example} {args:?}: {told}");
            assert!(
                last.starts_with("Error: ") && last.contains("No space left on device"),
                "{example}: {told}"
            );
        }
        // What stderr does not take is lost.
        let status = command(example, &["--epochs", "1", "--json", "out.json"])
            .stderr(full())
            .output()
            .unwrap()
            .status;
        assert!(status.success(), "{example}");
        let status = command(example, &["--nonsense"]).stderr(full()).status().unwrap();
        assert_eq!(status.code(), Some(2), "{example}");
    }
}

#[test]
fn what_is_wrong_is_told_in_words() {
    let directory = tempfile::tempdir().unwrap();
    let refused = |example: &str, args: &[&str]| {
        let output = run(directory.path(), example, args);
        assert!(!output.status.success(), "{example} {args:?}");
        String::from_utf8(output.stderr).unwrap()
    };
    run(directory.path(), "mlp_digits", &["--epochs", "1", "--checkpoint", "mlp"]);
    fs::write(directory.path().join("bad"), "no checkpoint").unwrap();
    fs::write(directory.path().join("short.txt"), "short").unwrap();
    for (example, args, told) in [
        (
            "mlp_digits",
            &["--checkpoint", "bad", "--resume"][..],
            "Error: checkpoint `bad`: expected a file in the safetensors format: expected ",
        ),
        (
            "cnn_digits",
            &["--checkpoint", "mlp", "--resume"],
            "Error: checkpoint `mlp` does not match the session: ",
        ),
        ("char_rnn", &["--text", "missing.txt"], "Error: \"missing.txt: "),
        ("char_rnn", &["--text", "short.txt"], "Error: \"short.txt is too short"),
        ("mlp_digits", &["--resume"], "error: the following required arguments were not provided"),
    ] {
        let error = refused(example, args);
        assert!(error.starts_with(told), "{error}");
    }
}

/// A model of two layers is told, run on an image and on arrays, timed, and its last layer is trained.
#[test]
#[cfg(all(feature = "graphdef", feature = "onnx"))]
fn models_out_of_files_are_run_and_tuned() {
    use flowgrad::io::npz::{read_npz, write_npz};
    use flowgrad::io::onnx::{ExportOptions, export_file};
    use flowgrad::ndarray::{Array1, Array4};
    use flowgrad::prelude::{Dense, Graph, Layer, Mode, Session, Value};

    let directory = tempfile::tempdir().unwrap();
    let g = Graph::with_seed(3);
    let x = g.placeholder::<f32>("images", [None, Some(4), Some(4), Some(1)]);
    let hidden = Dense::new(&g, "hidden", 16, 8).call(x.reshape([-1, 16]), Mode::Predict).relu();
    let logits = Dense::new(&g, "logits", 8, 2).call(hidden, Mode::Predict).named("scores");
    let session = Session::new(&g).unwrap();
    let options = ExportOptions::new().axis("images", 0, "batch");
    export_file(&session, directory.path().join("model.onnx"), &[x.any()], &[logits.any()], &options)
        .unwrap();

    // Bright images are of class 1.
    let images = Array4::from_shape_fn((40, 4, 4, 1), |(row, y, x, _)| {
        (row % 2) as f32 * 0.5 + ((row * 7 + y * 3 + x) % 5) as f32 / 10.0
    });
    let labels = Array1::from_shape_fn(40, |row| (row % 2) as i64);
    let path = directory.path().join("data.npz");
    write_npz(&path, [("images", Value::from(images.clone())), ("y", Value::from(labels))]).unwrap();

    let told = |args: &[&str]| {
        let output = run(directory.path(), "run_model", args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    let text = told(&[
        "model.onnx",
        "--npz",
        "data.npz",
        "--save",
        "out.npz",
        "--runs",
        "2",
        "--explain",
        "--profile",
    ]);
    for words in [
        "input  images: f32[?, 4, 4, 1] (batch)",
        "output scores: f32[?, 2]",
        "matmul 2",
        "program:",
        "  share ",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let expected = session.feed(x, &images).run(logits).unwrap();
    let found = read_npz(directory.path().join("out.npz")).unwrap().remove("scores").unwrap();
    let found = found.into_array::<f32>().unwrap();
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found} {expected}");

    let text = told(&[
        "model.onnx",
        "--npz",
        "data.npz",
        "--fine-tune",
        "data.npz",
        "--epochs",
        "30",
        "--rate",
        "0.05",
        "--runs",
        "1",
    ]);
    let trained: Vec<&str> = text.lines().filter(|line| line.starts_with("variable ")).collect();
    assert_eq!(trained, ["variable logits/kernel: f32[8, 2]", "variable logits/bias: f32[2]"], "{text}");
    let losses = text
        .lines()
        .filter_map(|line| line.strip_prefix("epoch ")?.split(' ').next_back()?.parse::<f32>().ok());
    let losses: Vec<f32> = losses.collect();
    assert!(losses.len() == 30 && losses[29] < 0.5 * losses[0], "{text}");

    let mut encoder = png::Encoder::new(fs::File::create(directory.path().join("image.png")).unwrap(), 4, 4);
    encoder.set_color(png::ColorType::Grayscale);
    encoder.write_header().unwrap().write_image_data(&[255; 16]).unwrap();
    let times: serde_json::Value =
        serde_json::from_str(&told(&["model.onnx", "--image", "image.png", "--save", "out.npz", "--json"]))
            .unwrap();
    assert_eq!(times["runs"].as_array().unwrap().len(), 20);
    let found = read_npz(directory.path().join("out.npz")).unwrap().remove("scores").unwrap();
    let expected = session.feed(x, &Array4::ones((1, 4, 4, 1))).run(logits).unwrap();
    let found = found.into_array::<f32>().unwrap();
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found} {expected}");

    let refused = |args: &[&str]| String::from_utf8(run(directory.path(), "run_model", args).stderr).unwrap();
    assert!(refused(&["data.npz"]).contains("expected a folder, or a name that ends in .onnx or .pb"));
    assert!(refused(&["model.onnx", "--output", "other"]).contains("--output other: expected one of scores"));
    assert!(refused(&["missing.onnx"]).contains("missing.onnx"));
}

/// A folder is a model of TensorFlow, of which a signature is run.
#[test]
#[cfg(all(feature = "graphdef", feature = "onnx"))]
fn saved_models_are_run() {
    use flowgrad::io::npz::{read_npz, write_npz};
    use flowgrad::io::saved_model::{ExportSignature, export};
    use flowgrad::ndarray::arr2;
    use flowgrad::prelude::{Dense, Graph, Layer, Mode, Session, Value};

    let directory = tempfile::tempdir().unwrap();
    let g = Graph::with_seed(3);
    let x = g.placeholder::<f32>("x", [None, Some(3)]);
    let scores = Dense::new(&g, "scores", 3, 2).call(x, Mode::Predict);
    let session = Session::new(&g).unwrap();
    let signature = ExportSignature::new("scores").input("rows", x.any()).output("scores", scores.any());
    export(&session, directory.path().join("saved"), &[signature]).unwrap();
    let rows = arr2(&[[0.5_f32, -1.0, 2.0], [1.0, 0.25, 0.0]]);
    write_npz(directory.path().join("rows.npz"), [("rows", Value::from(rows.clone()))]).unwrap();

    let args = ["saved", "--signature", "scores", "--npz", "rows.npz", "--save", "out.npz", "--runs", "1"];
    let output = run(directory.path(), "run_model", &args);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    for words in ["input  rows: f32[?, 3]", "output scores: f32[?, 2]", "variable scores/kernel: f32[3, 2]"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let found = read_npz(directory.path().join("out.npz")).unwrap().remove("scores").unwrap();
    let found = found.into_array::<f32>().unwrap();
    let expected = session.feed(x, &rows).run(scores).unwrap();
    assert!(found.iter().zip(&expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found} {expected}");
    let refused = String::from_utf8(run(directory.path(), "run_model", &["saved"]).stderr).unwrap();
    assert!(refused.contains("--signature serving_default: expected one of scores"), "{refused}");
}
