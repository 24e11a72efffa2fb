//! Columns of text files that are chosen, categories that become numbers, and values that are missing.

use std::fmt::Display;
use std::path::PathBuf;

use flowgrad::data::{Csv, Dataset, Encoding, Missing, read_csv};
use flowgrad::ndarray::{Array2, array};
use proptest::prelude::*;
use tempfile::TempDir;

/// A file in a directory of its own.
fn file(text: &str) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    (directory, path)
}

fn told<T>((directory, _): &(TempDir, PathBuf), result: Result<T, impl Display>) -> Result<T, String> {
    result.map_err(|error| error.to_string().replace(&format!("{}/", directory.path().display()), ""))
}

fn read(text: &str, csv: &Csv) -> Result<(Array2<f64>, Encoding), String> {
    let file = file(text);
    told(&file, csv.read(&file.1))
}

fn numbers(text: &str, csv: &Csv) -> Array2<f64> {
    let (_directory, path) = file(text);
    let (numbers, _) = csv.read(&path).unwrap();
    // Whatever is kept beside them.
    assert_eq!(read_csv::<f64>(&path, csv).unwrap(), numbers);
    numbers
}

fn refused(text: &str, csv: &Csv) -> String {
    read(text, csv).unwrap_err()
}

const PEOPLE: &str = "\
name,age,port,class
\"Ada, L.\",36,S,2
Alan,41,C,10
Grace,85,S,2
Emmy,53,Q,1
";

fn people() -> Csv {
    Csv::new().header()
}

#[test]
fn columns_are_read_in_the_order_in_which_they_are_chosen() {
    let ages_and_classes = array![[2.0, 36.0], [10.0, 41.0], [2.0, 85.0], [1.0, 53.0]];
    assert_eq!(numbers(PEOPLE, &people().columns(["class", "age"])), ages_and_classes);
    assert_eq!(numbers(PEOPLE, &people().columns([-1, 1])), ages_and_classes);
    assert_eq!(numbers(PEOPLE, &people().columns("age")).shape(), [4, 1]);
    assert_eq!(numbers(PEOPLE, &people().columns(vec![1])).shape(), [4, 1]);
    let (_, encoding) = read(PEOPLE, &people().columns(["class", "age"])).unwrap();
    assert_eq!(encoding.names(), ["class", "age"]);
    let (_, encoding) = read("1,2\n", &Csv::new()).unwrap();
    assert_eq!(encoding.names(), ["0", "1"]);

    let (_directory, path) = file(PEOPLE);
    let csv = people().columns(["class", "age", "class"][..2].as_ref());
    // A target among the chosen is a target.
    for targets in [Dataset::<f64, i64>::from_csv(&path, &csv, "class"), {
        Dataset::from_csv(&path, &people().columns("age"), 3)
    }] {
        let data = targets.unwrap();
        assert_eq!(data.inputs(), &array![[36.0], [41.0], [85.0], [53.0]].into_dyn());
        assert_eq!(data.targets(), &array![2, 10, 2, 1].into_dyn());
    }
}

#[test]
fn columns_that_cannot_be_chosen_are_refused() {
    let of = |columns: &[&str]| refused(PEOPLE, &people().columns(columns));
    assert_eq!(of(&["age", "age"]), "t.csv, line 1: expected each column once, got index 1 twice");
    assert_eq!(
        of(&["sex"]),
        "t.csv, line 1: expected a column among `name`, `age`, `port`, `class`, got `sex`"
    );
    assert_eq!(of(&[]), "t.csv, line 1: expected at least one column as input, got all 4 columns as targets");
    assert_eq!(refused(PEOPLE, &people().columns([9])), "t.csv, line 1: expected one of 4 columns, got 9");
    assert_eq!(
        refused(PEOPLE, &people().columns("age").one_hot("port")),
        "t.csv, line 1: expected a column that is read, got index 2; `Csv::columns` chooses others"
    );
    let twice = people().columns("port").one_hot("port").categories(2);
    assert_eq!(refused(PEOPLE, &twice), "t.csv, line 1: expected each column once, got index 2 twice");
    // What is not read may be anything, but a row must be whole.
    assert_eq!(refused("a,b\n1,x\n2\n", &people().columns("a")), "t.csv, line 3: expected 2 fields, got 1");
}

#[test]
fn categories_become_numbers_or_columns_in_order() {
    let csv = people().columns(["port", "age", "class"]);
    // By their text, and by number where all are numbers.
    let indices = csv.clone().categories(["port", "class"]);
    let (found, encoding) = read(PEOPLE, &indices).unwrap();
    assert_eq!(found, array![[2.0, 36.0, 1.0], [0.0, 41.0, 2.0], [2.0, 85.0, 1.0], [1.0, 53.0, 0.0]]);
    assert_eq!(encoding.categories("port").unwrap(), ["C", "Q", "S"]);
    assert_eq!(encoding.categories(3).unwrap(), ["1", "2", "10"]);
    assert_eq!(encoding.categories("age"), None);
    assert_eq!(encoding.categories("sex"), None);
    assert_eq!(encoding.names(), ["port", "age", "class"]);

    let (found, encoding) = read(PEOPLE, &csv.clone().one_hot("port").categories("class")).unwrap();
    let rows = [[0, 0, 1, 36, 1], [1, 0, 0, 41, 2], [0, 0, 1, 85, 1], [0, 1, 0, 53, 0]];
    assert_eq!(found, flowgrad::ndarray::arr2(&rows).mapv(f64::from));
    assert_eq!(encoding.names(), ["port=C", "port=Q", "port=S", "age", "class"]);

    // All columns, in the order of the file, with quoted text and a target between.
    let (_directory, path) = file(PEOPLE);
    let csv = people().one_hot(["name", "port"]);
    let (data, encoding) = csv.dataset::<f32, i64>(&path, "age").unwrap();
    assert_eq!(
        encoding.names(),
        ["name=Ada, L.", "name=Alan", "name=Emmy", "name=Grace", "port=C", "port=Q", "port=S", "class"]
    );
    let rows = [
        [1, 0, 0, 0, 0, 0, 1, 2],
        [0, 1, 0, 0, 1, 0, 0, 10],
        [0, 0, 0, 1, 0, 0, 1, 2],
        [0, 0, 1, 0, 0, 1, 0, 1],
    ];
    assert_eq!(data.inputs(), &flowgrad::ndarray::arr2(&rows).mapv(|x| x as f32).into_dyn());
    assert_eq!(data.targets(), &array![36, 41, 85, 53].into_dyn());
}

#[test]
fn targets_are_categories_too() {
    let (_directory, path) = file(PEOPLE);
    let csv = people().columns("age").categories("port");
    let (data, encoding) = csv.dataset::<f32, i64>(&path, "port").unwrap();
    assert_eq!(data.targets(), &array![2, 0, 2, 1].into_dyn());
    assert_eq!(encoding.categories("port").unwrap().len(), 3);
    let one_hot =
        Dataset::<f32, f32>::from_csv(&path, &people().columns("age").one_hot("port"), "port").unwrap();
    let rows = array![[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, 1.0, 0.0]];
    assert_eq!(one_hot.targets(), &rows.into_dyn());
}

#[test]
fn another_file_is_encoded_as_the_first() {
    let csv = people().columns(["port", "age"]).one_hot("port").missing_in("age", Missing::Mean);
    let (_, encoding) = read(PEOPLE, &csv).unwrap();
    assert_eq!(encoding.mean("age"), Some((36.0 + 41.0 + 85.0 + 53.0) / 4.0));
    // Other columns, in another order.
    let again = csv.encoded_as(&encoding);
    let (found, same) = read("port,rank,age\nQ,1,20\nS,2,\n", &again).unwrap();
    assert_eq!(found, array![[0.0, 1.0, 0.0, 20.0], [0.0, 0.0, 1.0, 53.75]]);
    assert_eq!((same.names(), same.categories("port")), (encoding.names(), encoding.categories("port")));
    assert_eq!(
        refused("port,age\nX,20\n", &again),
        "t.csv, line 2, column 1 (`port`): expected a category among `C`, `Q`, `S`, got `X`"
    );
    // Without a header, by the place.
    let csv = Csv::new().categories(0);
    let (_, encoding) = read("b,1\na,2\n", &csv).unwrap();
    assert_eq!(numbers("b,3\nb,4\n", &csv.encoded_as(&encoding)), array![[1.0, 3.0], [1.0, 4.0]]);
    assert_eq!(
        refused("1,b\n", &Csv::new().categories(1).encoded_as(&encoding)),
        "t.csv, line 1: expected a column whose categories the encoding has, got index 1"
    );
}

const GAPS: &str = "1,10,x\n,20,x\n3,NA,y\n5,?,\n";

#[test]
fn missing_values_are_errors_until_told_otherwise() {
    const MISSING: &str = "; `Csv::missing` and `Csv::missing_in` set what becomes of missing values";
    let of = |csv: &Csv| refused(GAPS, csv);
    assert_eq!(
        of(&Csv::new().columns(0)),
        format!("t.csv, line 2, column 1: expected a number, got ``{MISSING}")
    );
    assert_eq!(
        of(&Csv::new().columns(1)),
        format!("t.csv, line 3, column 2: expected a number, got `NA`{MISSING}")
    );
    assert_eq!(
        of(&Csv::new().columns(2).categories(2)),
        "t.csv, line 4, column 3: expected a category, got ``; `Csv::missing` and `Csv::missing_in` set what becomes of missing values"
    );
    // `NA` is Namibia where missing values are errors.
    let (_, encoding) = read("NA\nDE\n", &Csv::new().categories(0)).unwrap();
    assert_eq!(encoding.categories(0).unwrap(), ["DE", "NA"]);
    // Means of a column of categories are none, and all others are as told.
    let means = Csv::new().missing(Missing::Mean).categories(2);
    assert!(of(&means).starts_with("t.csv, line 4, column 3: expected a category, got ``"));
}

/// A column is named as its header does, in whatever marks it stands there, and cut as all texts out of files.
#[test]
fn errors_have_the_names_of_columns() {
    const TEXTS: &str = "; `Csv::categories` takes a column of texts, and `Csv::columns` chooses others";
    let header = Csv::new().header();
    for (csv, text, expected) in [
        (header.clone(), "width,species\n0.2,setosa\n", "line 2, column 2 (`species`)"),
        (header.clone(), "\"iris, \"\"wild\"\"\",width\nsetosa,1\n", "line 2, column 1 (`iris, \"wild\"`)"),
        (header.clone(), "width,\n0.2,setosa\n", "line 2, column 2"),
        (header.clone().skip_lines(1), "1,2\nwidth,species\n1,2\n3,setosa\n", "line 4, column 2 (`species`)"),
        (header.whitespace(), "width  species\n1 2\n3 setosa\n", "line 3, column 2 (`species`)"),
    ] {
        assert_eq!(refused(text, &csv), format!("t.csv, {expected}: expected a number, got `setosa`{TEXTS}"));
    }
}

#[test]
fn rows_with_missing_values_are_dropped() {
    let drop = Csv::new().missing(Missing::Drop).categories(2);
    let (found, encoding) = read(GAPS, &drop).unwrap();
    assert_eq!(found, array![[1.0, 10.0, 0.0]]);
    // A category that only a dropped row has is none.
    assert_eq!(encoding.categories(2).unwrap(), ["x"]);
    // In one column alone.
    let csv =
        Csv::new().columns([0, 2]).categories(2).missing_in(2, Missing::Drop).missing_in(0, Missing::Mean);
    assert_eq!(numbers(GAPS, &csv), array![[1.0, 0.0], [2.0, 0.0], [3.0, 1.0]]);
    // Targets too.
    let (_directory, path) = file(GAPS);
    let csv = Csv::new().columns(1).missing(Missing::Drop);
    let data = Dataset::<i32, i64>::from_csv(&path, &csv, 0).unwrap();
    assert_eq!((data.inputs(), data.targets()), (&array![[10]].into_dyn(), &array![1].into_dyn()));
    assert_eq!(
        refused("NA,1\nNA,2\n", &Csv::new().missing(Missing::Drop)),
        "t.csv: expected at least one row, got none"
    );
}

#[test]
fn missing_values_become_the_mean_of_the_others() {
    let csv = Csv::new().columns([1, 0]).missing(Missing::Mean);
    let (found, encoding) = read(GAPS, &csv).unwrap();
    assert_eq!(found, array![[10.0, 1.0], [20.0, 3.0], [15.0, 3.0], [15.0, 5.0]]);
    assert_eq!((encoding.mean(0), encoding.mean(1), encoding.mean(2)), (Some(3.0), Some(15.0), None));
    // Of huge numbers, and of one.
    let huge = "1e308,7\n1e308,\n,\n".replace(",\n", ",nan\n");
    assert_eq!(numbers(&huge, &Csv::new().missing(Missing::Mean)).row(2), array![1e308, 7.0]);
    assert_eq!(
        refused("1,NA\n2,\n", &Csv::new().missing(Missing::Mean)),
        "t.csv, column 2: expected a value in at least one row for the mean of the missing ones, got none"
    );
    // A target is not made up.
    let gaps = file(GAPS);
    let data = told(&gaps, Dataset::<f64, f64>::from_csv(&gaps.1, &csv, 1));
    assert_eq!(data.map(drop), Err("t.csv, line 3, column 2: expected a number, got `NA`; `Csv::missing` and `Csv::missing_in` set what becomes of \
             missing values"
            .into()));
    let told_of = |result: Result<(), String>| result.unwrap_err();
    let integers = told(&gaps, read_csv::<i32>(&gaps.1, &csv)).map(drop);
    assert_eq!(
        told_of(integers),
        "t.csv, line 1: expected a type of floats for means of missing values, got i32"
    );
    let no_mean = Csv::new().categories(2).missing_in(2, Missing::Mean);
    assert_eq!(
        refused(GAPS, &no_mean),
        "t.csv, line 1: expected a column of numbers among the inputs for means of missing values, got index 2"
    );
}

#[test]
fn the_words_for_missing_values_can_be_chosen() {
    let csv = Csv::new().missing(Missing::Drop).missing_values(["-", "n.a."]);
    assert_eq!(numbers("1,2\n-,3\n4, n.a. \n5,\n6,7\n", &csv), array![[1.0, 2.0], [6.0, 7.0]]);
    let begins = "t.csv, line 2, column 1: expected a number, got `NA`; `Csv::categories`";
    assert!(refused("1\nNA\n", &csv).starts_with(begins));
}

#[test]
fn a_column_of_texts_that_all_differ_is_no_category() {
    let text: String = (0..70_000).map(|row| ["id", &row.to_string(), "\n"].concat()).collect();
    assert_eq!(
        refused(&text, &Csv::new().categories(0)),
        "t.csv, line 65537, column 1: expected a column of at most 65536 categories, got more"
    );
    let (found, _) = read(&text[..text.find("id65536").unwrap()], &Csv::new().categories(0)).unwrap();
    assert_eq!((found.len(), found.sum()), (65_536, f64::from(65_535 * 32_768)));
}

proptest! {
    /// Against the plain reading of each column by itself.
    #[test]
    fn every_choice_of_columns_is_a_choice_of_the_numbers(
        rows in prop::collection::vec(prop::array::uniform5(-9..9_isize), 1..20),
        order in Just([0_isize, 1, 2, 3, 4]).prop_shuffle(),
        count in 1..5_usize,
        target in 0..5_isize,
    ) {
        let text: String = rows.iter().map(|row| row.map(|x| x.to_string()).join(",") + "\n").collect();
        let (_directory, path) = file(&text);
        let chosen: Vec<isize> = order[..count].to_vec();
        let csv = Csv::new().columns(chosen.clone());
        let expected = |row: usize, column: isize| rows[row][column as usize] as f64;
        let found = read_csv::<f64>(&path, &csv).unwrap();
        prop_assert_eq!(&found, &Array2::from_shape_fn((rows.len(), count), |(row, i)| expected(row, chosen[i])));
        // One-hot columns add up to 1, and their places are those of sorted numbers.
        let (one_hot, encoding) = csv.clone().one_hot(chosen[0]).read::<f64>(&path).unwrap();
        let categories = encoding.categories(chosen[0]).unwrap();
        prop_assert!(categories.iter().map(|text| text.parse::<i32>().unwrap()).is_sorted());
        for (row, numbers) in one_hot.outer_iter().enumerate() {
            let place = categories.iter().position(|text| *text == rows[row][chosen[0] as usize].to_string()).unwrap();
            prop_assert!((0..categories.len()).all(|i| numbers[i] == f64::from(u8::from(i == place))));
            prop_assert!((1..count).all(|i| numbers[categories.len() + i - 1] == found[[row, i]]));
        }
        let inputs: Vec<isize> = chosen.into_iter().filter(|&column| column != target).collect();
        match Dataset::<f64, i64>::from_csv(&path, &csv, target) {
            Ok(data) => {
                let shape = (rows.len(), inputs.len());
                let expected = Array2::from_shape_fn(shape, |(row, i)| expected(row, inputs[i]));
                prop_assert_eq!(data.inputs(), &expected.into_dyn());
                prop_assert!(data.targets().iter().enumerate().all(|(row, &y)| y == rows[row][target as usize] as i64));
            }
            Err(error) => prop_assert!(inputs.is_empty(), "{}", error),
        }
    }
}
