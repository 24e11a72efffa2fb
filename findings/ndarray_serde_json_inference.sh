#!/usr/bin/env bash
# ndarray 0.17.2 with serde_json 1.0.154, rustc of the machine (seen with 1.95.0).
#
# Behavior: `assert_eq!(array, ArrayD::zeros(..))`, with the element type of the zeros left to inference, compiles with
# ndarray alone. As soon as serde_json is linked into the same program it no longer does, though nothing of serde_json
# is named there: ndarray compares arrays of `A` and `B` where `A: PartialEq<B>`, serde_json implements
# `PartialEq<Value> for f64`, and so `B` is no longer determined. A library that depends on serde_json does this to
# every program that uses it.
#
# Output seen: "equal" without serde_json; with it, error[E0283]: type annotations needed, with the note
# "multiple `impl`s satisfying `f64: PartialEq<_>` found in the following crates: `core`, `serde_json`".
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
mkdir src
cat > Cargo.toml <<'TOML'
[package]
name = "probe"
version = "0.1.0"
edition = "2024"

[dependencies]
ndarray = "=0.17.2"
TOML
cat > src/main.rs <<'RUST'
use ndarray::ArrayD;

fn main() {
    let sums = ArrayD::<f64>::zeros(vec![2]);
    assert_eq!(sums, ArrayD::zeros(vec![2]));
    println!("equal");
}
RUST
[ "$(cargo run --quiet)" = equal ] || { echo 'changed: does not compile or run with ndarray alone'; exit 1; }

echo 'serde_json = "=1.0.154"' >> Cargo.toml
sed -i '1i use serde_json as _;' src/main.rs
if output=$(cargo build --quiet 2>&1); then
    echo 'changed: compiles beside serde_json'
    exit 1
fi
grep -q 'E0283' <<< "$output" && grep -q 'impl PartialEq<Value> for f64' <<< "$output" || {
    echo "changed: another error: $output"
    exit 1
}
echo 'as described: compiles with ndarray alone, E0283 beside serde_json'
