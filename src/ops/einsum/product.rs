//! The product of two operands whose axes have names, as a matrix product where one is in it.

use super::spec::{Index, Term};
use crate::ir::{Dims, Lowering, Scalar, Val};

/// A value whose axes have names.
pub(super) struct Named {
    pub(super) val: Val,
    pub(super) term: Term,
}

impl Named {
    /// The lengths of some of the axes.
    fn dims(&self, term: &[Index], to: &Lowering<'_>) -> Dims {
        let dims = to.dims(self.val);
        let axis = |index: &Index| self.term.iter().position(|own| own == index);
        term.iter().filter_map(axis).map(|axis| dims[axis]).collect()
    }

    /// Sums over all axes but those of these names.
    pub(super) fn sum_but(&mut self, kept: &[Index], to: &mut Lowering<'_>) {
        let axes: Vec<usize> =
            (0..self.term.len()).filter(|&axis| !kept.contains(&self.term[axis])).collect();
        self.val = to.sum(self.val, &axes);
        self.term.retain(|index| kept.contains(index));
    }

    /// Puts the axes into this order.
    pub(super) fn arrange(&mut self, order: &[Index], to: &mut Lowering<'_>) {
        if self.term != order {
            let axis = |index: &Index| self.term.iter().position(|own| own == index);
            self.val = to.permute(self.val, order.iter().filter_map(axis).collect());
            self.term = order.to_vec();
        }
    }

    /// Repeats what is of length 1 along axes of these names to the lengths that another has there.
    fn stretch(&mut self, names: &[Index], other: &Named, to: &mut Lowering<'_>) {
        let mut dims = Dims::from(to.dims(self.val));
        for (name, length) in names.iter().zip(other.dims(names, to)) {
            if let Some(axis) = self.term.iter().position(|own| own == name)
                && dims[axis] == 1
            {
                dims[axis] = length;
            }
        }
        self.val = to.broadcast(self.val, dims);
    }
}

/// The product of two operands, summed over what the result lacks; its axes are those of the result in some order.
///
/// Each index of the operands is in the result or in both.
pub(super) fn product(mut a: Named, mut b: Named, result: &[Index], to: &mut Lowering<'_>) -> Named {
    let having = |in_a: bool, in_b: bool| -> Term {
        let has = |index: &&Index| a.term.contains(index) == in_a && b.term.contains(index) == in_b;
        result.iter().filter(has).copied().collect()
    };
    let (batch, left, right) = (having(true, true), having(true, false), having(false, true));
    let inner: Term = a.term.iter().copied().filter(|index| !result.contains(index)).collect();
    a.stretch(&inner, &b, to);
    b.stretch(&inner, &a, to);
    let (rows, columns, summed) = (a.dims(&left, to), b.dims(&right, to), a.dims(&inner, to));
    // Of axes under an ellipsis one of the two may be 1.
    let [shared_a, shared_b] = [a.dims(&batch, to), b.dims(&batch, to)];
    let longer = |(&own, &other): (&usize, &usize)| if own == 1 { other } else { own };
    let shared: Dims = shared_a.iter().zip(&shared_b).map(longer).collect();
    let lengths = |parts: &[&[usize]]| -> Dims { parts.concat().as_slice().into() };
    let one = |dims: &Dims| -> usize { dims.iter().product() };
    let val = if inner.is_empty() || (left.is_empty() && right.is_empty()) {
        // No matrices are multiplied: each with each, and what is summed over comes last.
        a.arrange(&[&batch[..], &left, &inner].concat(), to);
        b.arrange(&[&batch[..], &right, &inner].concat(), to);
        let a = to.reshape(a.val, lengths(&[&shared_a, &rows, &vec![1; right.len()], &summed]));
        let b = to.reshape(b.val, lengths(&[&shared_b, &vec![1; left.len()], &columns, &summed]));
        let products = to.map(Scalar::Mul, &[a, b]);
        let kept = result.len();
        to.sum(products, &(kept..kept + inner.len()).collect::<Vec<_>>())
    } else {
        a.arrange(&[&batch[..], &left, &inner].concat(), to);
        b.arrange(&[&batch[..], &inner, &right].concat(), to);
        let a = to.reshape(a.val, lengths(&[&shared_a, &[one(&rows), one(&summed)]]));
        let b = to.reshape(b.val, lengths(&[&shared_b, &[one(&summed), one(&columns)]]));
        let products = to.dot(a, b);
        to.reshape(products, lengths(&[&shared, &rows, &columns]))
    };
    Named { val, term: [batch, left, right].concat() }
}
