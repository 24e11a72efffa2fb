//! Tensors, feeds and attributes of cases whose types the file tells.

use flowgrad::Feeding;
use flowgrad::ndarray::ArrayD;
use flowgrad::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

/// A tensor of one of the types of elements.
#[derive(Clone, Copy)]
pub(super) enum Typed<'g> {
    F64(Tensor<'g, f64>),
    I64(Tensor<'g, i64>),
    I32(Tensor<'g, i32>),
    Bool(Tensor<'g, bool>),
}

impl<'g> Typed<'g> {
    pub(super) fn placeholder(g: &'g Graph, dtype: &str, shape: &[usize]) -> Self {
        match dtype {
            "f64" => Typed::F64(g.placeholder("x", shape)),
            "i64" => Typed::I64(g.placeholder("x", shape)),
            "i32" => Typed::I32(g.placeholder("x", shape)),
            "bool" => Typed::Bool(g.placeholder("x", shape)),
            _ => panic!("no elements are {dtype}"),
        }
    }

    pub(super) fn dtype(self) -> DType {
        match self {
            Typed::F64(_) => DType::F64,
            Typed::I64(_) => DType::I64,
            Typed::I32(_) => DType::I32,
            Typed::Bool(_) => DType::Bool,
        }
    }

    /// The elements as numbers to compare, exact for those of the file.
    pub(super) fn numbers(self) -> Tensor<'g, f64> {
        match self {
            Typed::F64(x) => x,
            Typed::I64(x) => x.cast(),
            Typed::I32(x) => x.cast(),
            Typed::Bool(x) => x.cast(),
        }
    }

    /// The tensor with the numbers to be fed to it.
    pub(super) fn feed(self, numbers: ArrayD<f64>) -> Feed<'g> {
        match self {
            Typed::F64(x) => Feed::F64(x, numbers),
            Typed::I64(x) => Feed::I64(x, numbers.mapv(|x| x as i64)),
            Typed::I32(x) => Feed::I32(x, numbers.mapv(|x| x as i32)),
            Typed::Bool(x) => Feed::Bool(x, numbers.mapv(|x| x != 0.0)),
        }
    }
}

/// A tensor and what is fed to it.
pub(super) enum Feed<'g> {
    F64(Tensor<'g, f64>, ArrayD<f64>),
    I64(Tensor<'g, i64>, ArrayD<i64>),
    I32(Tensor<'g, i32>, ArrayD<i32>),
    Bool(Tensor<'g, bool>, ArrayD<bool>),
}

impl<'g> Feed<'g> {
    pub(super) fn to<'s, 'v>(&'v self, feeding: Feeding<'s, 'g, 'v>) -> Feeding<'s, 'g, 'v> {
        match self {
            Feed::F64(x, array) => feeding.feed(*x, array),
            Feed::I64(x, array) => feeding.feed(*x, array),
            Feed::I32(x, array) => feeding.feed(*x, array),
            Feed::Bool(x, array) => feeding.feed(*x, array),
        }
    }
}

/// The inputs of a case.
pub(super) struct Inputs<'g>(pub(super) Vec<Typed<'g>>);

impl<'g> Inputs<'g> {
    /// All inputs, which must be of the type that the function takes.
    pub(super) fn all<T, const N: usize>(
        &self,
        of: fn(Typed<'g>) -> Option<Tensor<'g, T>>,
    ) -> [Tensor<'g, T>; N] {
        std::array::from_fn(|i| of(self.0[i]).unwrap_or_else(|| panic!("input {i} is of another type")))
    }

    pub(super) fn float(&self, i: usize) -> Tensor<'g, f64> {
        self.0[i].as_f64().unwrap_or_else(|| panic!("input {i} is not f64"))
    }

    pub(super) fn floats(&self) -> Vec<Tensor<'g, f64>> {
        (0..self.0.len()).map(|i| self.float(i)).collect()
    }

    pub(super) fn int(&self, i: usize) -> Tensor<'g, i64> {
        self.0[i].as_i64().unwrap_or_else(|| panic!("input {i} is not i64"))
    }

    pub(super) fn boolean(&self, i: usize) -> Tensor<'g, bool> {
        self.0[i].as_bool().unwrap_or_else(|| panic!("input {i} is not bool"))
    }
}

/// The outputs of a case.
pub(super) struct Outputs<'g>(pub(super) Vec<Typed<'g>>);

macro_rules! of_element {
    ($($element:ty => $of:ident $get:ident),*) => {$(
        impl<'g> Typed<'g> {
            pub(super) fn $get(self) -> Option<Tensor<'g, $element>> {
                if let Typed::$of(x) = self { Some(x) } else { None }
            }
        }

        impl<'g> From<Tensor<'g, $element>> for Outputs<'g> {
            fn from(y: Tensor<'g, $element>) -> Self {
                Outputs(vec![Typed::$of(y)])
            }
        }
    )*};
}
of_element! { f64 => F64 as_f64, i64 => I64 as_i64, i32 => I32 as_i32, bool => Bool as_bool }

impl<'g> From<Vec<Tensor<'g, f64>>> for Outputs<'g> {
    fn from(ys: Vec<Tensor<'g, f64>>) -> Self {
        Outputs(ys.into_iter().map(Typed::F64).collect())
    }
}

impl<'g> From<(Tensor<'g, f64>, Tensor<'g, i64>)> for Outputs<'g> {
    fn from((values, places): (Tensor<'g, f64>, Tensor<'g, i64>)) -> Self {
        Outputs(vec![Typed::F64(values), Typed::I64(places)])
    }
}

/// The attributes of a case, by name.
#[derive(Debug, Deserialize)]
pub(super) struct Attributes(Map<String, Json>);

impl Attributes {
    pub(super) fn get<T: serde::de::DeserializeOwned>(&self, name: &str) -> T {
        serde_json::from_value(self.0[name].clone()).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    pub(super) fn int(&self, name: &str) -> isize {
        self.get(name)
    }

    pub(super) fn ints(&self, name: &str) -> Vec<isize> {
        self.get(name)
    }

    pub(super) fn lengths(&self, name: &str) -> Vec<usize> {
        self.get(name)
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        self.get(name)
    }

    pub(super) fn number(&self, name: &str) -> f64 {
        self.get(name)
    }

    pub(super) fn text(&self, name: &str) -> String {
        self.get(name)
    }

    /// Whether the number is written as an integer.
    pub(super) fn is_whole(&self, name: &str) -> bool {
        self.0[name].is_i64()
    }

    /// The ranges of a slice: `[start, end, step]`, or an index alone.
    pub(super) fn ranges(&self) -> Vec<AxisRange> {
        let range = |range: &Json| {
            let Json::Array(parts) = range else {
                return AxisRange::from(range.as_i64().map_or(0, |index| index as isize));
            };
            let [start, end, step] = [0, 1, 2].map(|i| parts[i].as_i64().map(|part| part as isize));
            let between = match (start, end) {
                (Some(start), Some(end)) => AxisRange::from(start..end),
                (Some(start), None) => AxisRange::from(start..),
                (None, Some(end)) => AxisRange::from(..end),
                (None, None) => AxisRange::from(..),
            };
            between.step(step.unwrap_or(1))
        };
        self.get::<Vec<Json>>("ranges").iter().map(range).collect()
    }

    /// The axes of a reduction.
    pub(super) fn axes(&self) -> Axes {
        let axes = match &self.0["axes"] {
            Json::Null => Axes::all(),
            Json::Array(_) => Axes::of(self.ints("axes")),
            _ => Axes::of([self.int("axes")]),
        };
        if self.flag("keep_dims") { axes.keep_dims() } else { axes }
    }
}
