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

/// How many indices of a stand in the result before all those that b alone has, if others of a stand behind: the result is
/// then made of products bᵀ·aᵀ, one for each element of the former, as the images of a batch with the filters in front
/// are. A product a·b would have to be turned around.
fn in_front(a: &Term, b: &Term, result: &[Index]) -> Option<usize> {
    let alone = |of: &Term, other: &Term, index: &Index| of.contains(index) && !other.contains(index);
    let of_b: Vec<bool> = result
        .iter()
        .filter(|index| a.contains(index) != b.contains(index))
        .map(|index| alone(b, a, index))
        .collect();
    let (front, rest) = of_b.split_at(of_b.iter().position(|&of_b| of_b)?);
    let behind = rest.iter().skip_while(|&&of_b| of_b);
    let is_apart = !front.is_empty() && behind.clone().next().is_some() && behind.clone().all(|&of_b| !of_b);
    is_apart.then_some(front.len())
}

/// The product of two operands, summed over what the result lacks; its axes are those of the result in some order.
///
/// Each index of the operands is in the result or in both.
pub(super) fn product(mut a: Named, mut b: Named, result: &[Index], to: &mut Lowering<'_>) -> Named {
    if let Some(front) = in_front(&a.term, &b.term, result) {
        std::mem::swap(&mut a, &mut b);
        let alone = result.iter().filter(|index| b.term.contains(index) && !a.term.contains(index));
        let front: Term = alone.take(front).copied().collect();
        a.val = to.reshape(a.val, [&vec![1; front.len()][..], to.dims(a.val)].concat());
        a.term = [front, a.term].concat();
    }
    let having = |in_a: bool, in_b: bool| -> Term {
        let has = |index: &&Index| a.term.contains(index) == in_a && b.term.contains(index) == in_b;
        result.iter().filter(has).copied().collect()
    };
    let (batch, left, right) = (having(true, true), having(true, false), having(false, true));
    let mut inner: Term = a.term.iter().copied().filter(|index| !result.contains(index)).collect();
    // As they lie in the larger operand, which need not be copied then.
    let elements = |of: &Named| to.dims(of.val).iter().product::<usize>();
    let larger = if elements(&b) > elements(&a) { &b } else { &a };
    let (_, axes) = to.permuted(larger.val);
    inner.sort_by_key(|index| larger.term.iter().position(|own| own == index).map(|axis| axes[axis]));
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
