//! `reduce_prod`, and `product_of_others` for its gradient, which is right also where elements are 0.
//!
//! The derivative of a product by one factor is the product of the others. It is taken from the products of what
//! stands before and behind each factor, never as a quotient.

use ndarray::{ArrayView1, ArrayViewD, ArrayViewMut1, ArrayViewMutD};

use crate::element::{ArrayMut, ArrayRef, DType};
use crate::error::Fault;
use crate::gradient::Pullback;
use crate::graph::AnyTensor;
use crate::graph::op::{AttributeDef, Attributes, Elements, Op, OpDef, OperandDef};
use crate::ir::{Dims, Kernel, KernelError, Lowering, Reduce, Val, size};
use crate::kernel::number::{Number, with_number};
use crate::ops::methods::methods;
use crate::ops::reduce::Reduction;
use crate::shape::{Axes, TensorType};

/// For each element the product of the others along the axes; and its derivatives.
///
/// Takes x and then m tensors c, d, … of its shape. Gives at j the sum, over all choices of different places
/// p, q, … other than j, of c at p · d at q · … · the product of x at all places that are left. Its derivative
/// by x in the direction of another tensor has the same form with that one more, so derivatives of any order
/// stay in the family, and no quotient comes in.
#[derive(Debug)]
pub(super) struct ProductOfOthers {
    pub(super) axes: Axes,
}

impl ProductOfOthers {
    fn of<'g>(&self, x: AnyTensor<'g>, directions: impl IntoIterator<Item = AnyTensor<'g>>) -> AnyTensor<'g> {
        let inputs: Vec<AnyTensor<'g>> = std::iter::once(x).chain(directions).collect();
        x.graph().apply(ProductOfOthers { axes: self.axes.clone() }, &inputs)
    }
}

impl Op for ProductOfOthers {
    fn name(&self) -> &'static str {
        "product_of_others"
    }

    fn infer(&self, inputs: &[&TensorType]) -> Result<TensorType, Fault> {
        let expected = &inputs[0].shape;
        self.axes.resolve(expected.rank())?;
        match inputs.iter().find(|input| !input.shape.agrees_with(expected)) {
            None => Ok(inputs[0].clone()),
            Some(other) => Err(Fault::OtherShape { expected: expected.clone(), found: other.shape.clone() }),
        }
    }

    fn lower(&self, inputs: &[Val], to: &mut Lowering<'_>) -> Val {
        let dims = Dims::from(to.dims(inputs[0]));
        // The shape rule has accepted the axes.
        let axes = self.axes.resolve(dims.len()).unwrap_or_default();
        // The factors of one product side by side.
        let mut order: Vec<usize> = (0..dims.len()).filter(|axis| !axes.contains(axis)).collect();
        order.extend(&axes);
        let ordered: Dims = order.iter().map(|&axis| dims[axis]).collect();
        let (rows, factors) = ordered.split_at(dims.len() - axes.len());
        let matrix = Dims::from([size(rows), size(factors)].as_slice());
        let rows_of = |&input: &Val| {
            let moved = to.permute(input, order.clone());
            to.reshape(moved, matrix.clone())
        };
        let args: Vec<Val> = inputs.iter().map(rows_of).collect();
        let others = to.kernel(OthersInRows, &args, to.dtype(inputs[0]), matrix);
        let others = to.reshape(others, ordered);
        let mut back = vec![0; order.len()];
        order.into_iter().enumerate().for_each(|(place, axis)| back[axis] = place);
        to.permute(others, back)
    }

    fn pullback(&self, at: &mut Pullback<'_>) {
        let inputs = at.inputs().to_vec();
        let Some((&x, directions)) = inputs.split_first() else { return };
        at.give(0, |dy| self.of(x, directions.iter().copied().chain([dy])));
        for place in 0..directions.len() {
            // Linear in each direction, and the same for any order of them.
            at.give(1 + place, |dy| {
                let mut directions = directions.to_vec();
                directions[place] = dy;
                self.of(x, directions)
            });
        }
    }

    fn attributes(&self) -> Attributes {
        Attributes::new().with("axes", self.axes.clone())
    }
}

/// The same along the rows of matrices.
///
/// A factor is a polynomial: x plus each direction times an unknown of its own, whose square is 0. What is
/// wanted is, in the product of all factors but one, the coefficient of all unknowns together. A polynomial is the
/// list of its coefficients; bit i of a place says whether unknown i is in the term.
#[derive(Debug)]
struct OthersInRows;

impl Kernel for OthersInRows {
    fn run(&self, inputs: &[ArrayRef<'_>], output: ArrayMut<'_>) -> Result<(), KernelError> {
        let (expected, found) = (DType::F64, DType::Bool);
        with_number!(output.dtype(), T => {
            let inputs: Vec<ArrayViewD<'_, T>> =
                inputs.iter().map(ArrayRef::view).collect::<Result<_, _>>()?;
            others_in_rows(&inputs, output.into_view()?);
            Ok(())
        }, else Err(KernelError::ElementType { expected, found }))
    }
}

fn others_in_rows<T: Number>(inputs: &[ArrayViewD<'_, T>], mut output: ArrayViewMutD<'_, T>) {
    let mut products = Others::default();
    let mut rows: Vec<_> = inputs.iter().map(|input| input.rows().into_iter()).collect();
    for others in output.rows_mut() {
        let row: Vec<ArrayView1<'_, T>> = rows.iter_mut().filter_map(Iterator::next).collect();
        products.of_row(&row, others);
    }
}

/// The products of the others in one row after the other, with what they are computed in.
#[derive(Debug, Default)]
pub(super) struct Others<T> {
    product: Vec<T>,
    before: Vec<T>,
}

impl<T: Number> Others<T> {
    /// Those of a row of factors, and of directions behind it.
    pub(super) fn of_row(&mut self, row: &[ArrayView1<'_, T>], mut others: ArrayViewMut1<'_, T>) {
        let terms = 1_usize << (row.len() - 1);
        let restart = |product: &mut Vec<T>| {
            product.clear();
            product.resize(terms, T::ZERO);
            product[0] = T::ONE;
        };
        let Others { product, before } = self;
        before.clear();
        restart(product);
        for place in 0..others.len() {
            before.extend_from_slice(product);
            multiply(product, row, place);
        }
        restart(product);
        for (place, before) in before.chunks_exact(terms).enumerate().rev() {
            // What is not in a term of the one is in that of the other: counted backwards.
            others[place] = if let (&[before], &[behind]) = (before, &**product) {
                before.mul(behind)
            } else {
                let pairs = before.iter().zip(product.iter().rev());
                pairs.fold(T::ZERO, |sum, (&before, &behind)| sum.add(scaled_either(before, behind)))
            };
            multiply(product, row, place);
        }
    }
}

/// Multiplies by the factor at a place of the rows.
fn multiply<T: Number>(product: &mut [T], row: &[ArrayView1<'_, T>], place: usize) {
    // From the highest term down, so that those that are read are still as they were.
    for term in (0..product.len()).rev() {
        let unknowns = (0..row.len() - 1).filter(|unknown| term >> unknown & 1 == 1);
        let kept = if term == 0 { T::mul } else { scaled_either };
        product[term] = unknowns.fold(kept(product[term], row[0][place]), |sum, unknown| {
            sum.add(scaled_either(product[term ^ 1 << unknown], row[1 + unknown][place]))
        });
    }
}

/// The product, and 0 where one of them is: a direction of 0 makes 0 of its terms whatever the factors are, as
/// derivatives below a `select` need it.
pub(super) fn scaled_either<T: Number>(a: T, b: T) -> T {
    if a == T::ZERO || b == T::ZERO { T::ZERO } else { a.mul(b) }
}

methods! {
    /// The product of the elements along the axes. Axes as for [`reduce_sum`](crate::Tensor::reduce_sum).
    ///
    /// Gradient: the cotangent times the product of the other elements, also where some are 0. The product of
    /// nothing is 1.
    ///
    /// ```
    /// use flowgrad::prelude::*;
    /// let g = Graph::new();
    /// let x = g.constant(ndarray::arr2(&[[2.0, 3.0], [0.0, 5.0]]));
    /// let [dx] = x.reduce_prod(-1).gradients([x]);
    /// let session = Session::new(&g)?;
    /// assert_eq!(session.run(x.reduce_prod(-1))?, ndarray::arr1(&[6.0, 0.0]).into_dyn());
    /// assert_eq!(session.run(dx)?, ndarray::arr2(&[[3.0, 2.0], [5.0, 0.0]]).into_dyn());
    /// # Ok::<(), flowgrad::Error>(())
    /// ```
    #[doc(alias("prod"))]
    fn reduce_prod<Numeric>(x, axes: [Axes]) -> Self {
        x.unary(Reduction { reduce: Reduce::Prod, axes })
    }
}

/// For files of graphs.
pub(super) const INTERNAL: &[OpDef] = &[OpDef {
    name: "product_of_others",
    doc: "",
    operands: &[OperandDef::list("x", Elements::Numeric)],
    attributes: &[AttributeDef::of::<Axes>("axes")],
    build: |graph, operands, attributes| {
        Ok(vec![graph.apply(ProductOfOthers { axes: attributes.value("axes")? }, operands)])
    },
}];

#[cfg(test)]
pub(super) fn examples() -> Vec<super::laws::Example> {
    use super::laws::{Example, example};
    use ndarray::{ArrayD, Axis, array};

    fn product(x: &ArrayD<f64>, axes: &[usize]) -> ArrayD<f64> {
        axes.iter().rev().fold(x.clone(), |x, &axis| x.fold_axis(Axis(axis), 1.0, |product, x| product * x))
    }

    let mut examples: Vec<Example> = vec![
        example!("prod of a number", &[&[]], |_, x| x[0].reduce_prod(..), |x| x[0].clone()),
        example!("prod of no axis", &[&[2, 3]], |_, x| x[0].reduce_prod([]), |x| x[0].clone()),
        example!("prod of long rows", &[&[2, 70]], |_, x| x[0].reduce_prod(-1), |x| product(&x[0], &[1]))
            .within(0.9, 1.1),
        example!("prod of long columns", &[&[70, 2]], |_, x| x[0].reduce_prod(0), |x| product(&x[0], &[0]))
            .within(0.9, 1.1),
        example!("prod with zeros", &[&[4, 3]], |_, x| x[0].reduce_prod(-1), |x| product(&x[0], &[1])).on(
            vec![array![[1.5, 0.0, -2.0], [0.0, 0.0, 3.0], [0.0, 0.0, 0.0], [0.5, -1.0, 2.0]].into_dyn()],
        ),
        example!("prod of all with zeros", &[&[2, 3]], |_, x| x[0].reduce_prod(..), |x| product(
            &x[0],
            &[0, 1]
        ),)
        .on(vec![array![[1.5, 0.0, -2.0], [0.5, 1.0, 0.0]].into_dyn()]),
        // Its gradient, so that the laws go to the third order.
        example!("prod twice", &[&[2, 4]], |_, x| x[0].reduce_prod(1).gradients([x[0]])[0], |x| {
            let whole = product(&x[0], &[1]).insert_axis(Axis(1));
            &whole / &x[0]
        }),
        example!("prod of a zero twice", &[&[4]], |_, x| x[0].reduce_prod(0).gradients([x[0]])[0], |x| {
            array![0.0, -1.5 * 2.0 * 0.5, 0.0, 0.0].into_dyn() + &x[0] * 0.0
        })
        .on(vec![array![-1.5, 0.0, 2.0, 0.5].into_dyn()]),
    ];
    for dims in [[2, 3, 4], [1, 3, 1], [0, 2, 3], [2, 0, 3]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("prod all", &[dims], |_, x| x[0].reduce_prod(..), |x| product(&x[0], &[0, 1, 2])),
            example!("prod first", &[dims], |_, x| x[0].reduce_prod(0), |x| product(&x[0], &[0])),
            example!("prod ends", &[dims], |_, x| x[0].reduce_prod([0, -1]), |x| product(&x[0], &[0, 2])),
            example!("prod kept", &[dims], |_, x| x[0].reduce_prod(Axes::of([1]).keep_dims()), |x| product(
                &x[0],
                &[1]
            )
            .insert_axis(Axis(1)),),
        ]);
    }
    examples
}
