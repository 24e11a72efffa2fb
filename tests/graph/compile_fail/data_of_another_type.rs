//! A dataset is made of arrays, a trainer is fed what its placeholders take, and labels are classes.

use flowgrad::metrics::{ConfusionMatrix, roc_auc};
use flowgrad::ndarray::arr1;
use flowgrad::prelude::*;

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let (numbers, labels) = (arr1(&[1.0_f32, 2.0]), arr1(&[0_i64, 1]));
    let _ = Dataset::new(vec![1_u8, 2], labels.view()); //~ E0277 cannot be a side of a dataset
    let _ = Dataset::new((&numbers, "labels"), &labels); //~ E0277 cannot be a side of a dataset
    let _: Dataset<f64, i64> = Dataset::new(&numbers, &labels)?; //~ E0308
    let _: Option<Dataset<String, i64>> = None; //~ E0277 tensors do not hold elements of `String`
    let one = Dataset::new(&numbers, &labels)?;
    let two = Dataset::new((&numbers, &numbers), &labels)?;

    let g = Graph::new();
    let (x, y) = (g.placeholder::<f32>("x", [None]), g.placeholder::<i64>("y", [None]));
    let loss = (x - y.cast()).square().reduce_mean(..);
    let trainer = Trainer::new(x, y, loss, g.group([])).quiet();
    let session = Session::new(&g)?;
    let _ = trainer.fit(&session, &two, 1); //~ E0308
    let _ = trainer.fit(&session, &one, 1);

    let _ = ConfusionMatrix::of(&arr1(&["cat", "dog"]), &labels); //~ E0277 cannot be a label
    let _ = roc_auc(&labels, &labels); //~ E0277
    let _ = roc_auc(&labels, &numbers);
    Ok(())
}
