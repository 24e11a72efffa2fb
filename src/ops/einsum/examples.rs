//! What the laws try sums of products on.

use std::collections::BTreeMap;

use ndarray::{ArrayD, Axis, IxDyn};

use crate::ops::laws::{Example, example};

/// Adds up the products of all elements whose places agree, one by one.
fn plain(spec: &str, x: &[ArrayD<f64>]) -> ArrayD<f64> {
    let (operands, result) = spec.split_once("->").unwrap();
    let terms: Vec<&str> = operands.split(',').collect();
    let mut lengths: BTreeMap<char, usize> = BTreeMap::new();
    for (term, x) in terms.iter().zip(x) {
        for (index, &length) in term.chars().zip(x.shape()) {
            let known = lengths.entry(index).or_insert(length);
            *known = if *known == 1 { length } else { *known };
        }
    }
    let names: Vec<char> = lengths.keys().copied().collect();
    let all: Vec<usize> = lengths.values().copied().collect();
    let place = |term: &str, at: &IxDyn| -> Vec<usize> {
        term.chars().map(|index| at[names.binary_search(&index).unwrap()]).collect()
    };
    // Capital letters stand for axes under an ellipsis: a length of 1 stretches.
    let stretched = |mut place: Vec<usize>, x: &ArrayD<f64>| {
        place.iter_mut().zip(x.shape()).for_each(|(place, &length)| *place %= length.max(1));
        place
    };
    let dims: Vec<usize> = result.chars().map(|index| lengths[&index]).collect();
    let mut sums = ArrayD::zeros(dims);
    for (at, ()) in ArrayD::<()>::default(all).indexed_iter() {
        let product: f64 =
            terms.iter().zip(x).map(|(term, x)| x[&stretched(place(term, &at), x)[..]]).product();
        sums[&place(result, &at)[..]] += product;
    }
    sums
}

pub(in crate::ops) fn examples() -> Vec<Example> {
    [pairs(), ellipses(), diagonals(), several()].into_iter().flatten().collect()
}

fn pairs() -> Vec<Example> {
    macro_rules! binary {
        ($($spec:literal $a:expr, $b:expr;)*) => {
            vec![$(example!($spec, &[&$a, &$b], |_, x| x[0].einsum($spec, x[1]), |x| plain($spec, x))),*]
        };
    }
    macro_rules! unary {
        ($($spec:literal $a:expr;)*) => {
            vec![$(example!($spec, &[&$a], |_, x| x[0].einsum_unary($spec), |x| plain($spec, x))),*]
        };
    }
    let mut examples: Vec<Example> = binary! {
        "ij,jk->ik" [2, 3], [3, 4];
        "ij,jk->ik" [40, 3], [3, 2];
        "ij,jk->ik" [2, 0], [0, 3];
        "ij,jk->ik" [0, 2], [2, 3];
        "ij,jk->ik" [1, 1], [1, 1];
        "nhik,kif->nfh" [2, 3, 2, 4], [4, 2, 5];
        "bnhk,bkf->nfhb" [2, 3, 1, 4], [2, 4, 3];
        "nhk,fkg->nfgh" [1, 3, 4], [2, 4, 3];
        "ij,jk->ki" [2, 3], [3, 4];
        "ji,kj->ik" [3, 2], [4, 3];
        "ij,ij->ij" [2, 3], [2, 3];
        "ij,ji->ij" [2, 3], [3, 2];
        "ij,ij->" [2, 3], [2, 3];
        "ij,ji->i" [2, 3], [3, 2];
        "ij,ij->j" [70, 2], [70, 2];
        "ij,j->i" [2, 3], [3];
        "i,ij->j" [2], [2, 3];
        "i,j->ij" [2], [3];
        "i,j->ji" [2], [3];
        "i,j->" [2], [3];
        "ij,k->k" [2, 3], [4];
        "ij,jk->k" [2, 3], [3, 4];
        ",ij->ji" [], [2, 3];
        ",->" [], [];
        "bij,bjk->bik" [2, 3, 4], [2, 4, 2];
        "bij,jk->bik" [2, 3, 4], [4, 2];
        "bij,bj->bi" [2, 3, 4], [2, 4];
        "bhqd,bhkd->bhqk" [2, 1, 3, 2], [2, 1, 2, 2];
        "bqhd,bkhd->bhqk" [2, 2, 3, 2], [2, 1, 3, 2];
        "abcd,cdef->abef" [2, 1, 3, 2], [3, 2, 2, 2];
        "abc,cbd->da" [2, 3, 2], [2, 3, 2];
    };
    examples.extend(unary! {
        "ij->ij" [2, 3];
        "ij->ji" [2, 3];
        "ijk->kij" [2, 3, 4];
        "ijk->j" [2, 3, 4];
        "ijk->kj" [2, 3, 1];
        "ij->" [0, 3];
        "->" [];
    });
    examples.extend([
        example!("without a result", &[&[3, 2], &[4, 3]], |_, x| x[0].einsum("zb , az", x[1]), |x| plain(
            "zb,az->ab",
            x
        )),
        example!("of one without a result", &[&[3, 2]], |_, x| x[0].einsum_unary("ba"), |x| plain(
            "ba->ab", x
        )),
        example!("of one tensor twice", &[&[3, 2]], |_, x| x[0].einsum("ij,kj->ik", x[0]), |x| plain(
            "ij,kj->ik",
            &[x[0].clone(), x[0].clone()]
        )),
    ]);
    for dims in [[3], [1], [0], [70]] {
        let dims = dims.as_slice();
        examples.extend([
            example!("outer", &[dims, &[2]], |_, x| x[0].outer(x[1]), |x| plain("i,j->ij", x)),
            example!("dot", &[dims, dims], |_, x| x[0].dot(x[1]), |x| plain("i,i->", x)),
        ]);
    }
    examples
}

fn ellipses() -> Vec<Example> {
    macro_rules! with {
        ($($spec:literal as $letters:literal $a:expr, $b:expr;)*) => {
            vec![$(example!($spec, &[&$a, &$b], |_, x| x[0].einsum($spec, x[1]), |x| plain($letters, x))),*]
        };
    }
    let mut examples: Vec<Example> = with! {
        "...ij,jk->...ik" as "Bij,jk->Bik" [2, 2, 3], [3, 2];
        "...ij,...jk->...ik" as "ABij,ABjk->ABik" [2, 1, 2, 3], [1, 2, 3, 2];
        "...ij,...jk->...ik" as "ABij,Bjk->ABik" [2, 1, 2, 3], [2, 3, 1];
        "...,..." as "AB,B->AB" [2, 1], [3];
        "i...,i...->..." as "iA,iA->A" [2, 1], [2, 3];
        "...i,...j->ij..." as "Ai,Aj->ijA" [2, 2], [2, 3];
        "...i,...i" as "Ai,Ai->A" [3, 2], [1, 2];
        "a...,b..." as "aAB,bB->ABab" [2, 1, 3], [2, 1];
        "...,i->..." as "AB,i->AB" [2, 3], [2];
        "i...,...->..." as "iA,A->A" [3, 1], [2];
        "...i,i->..." as "Ai,i->A" [0, 2], [2];
        "...i,i" as "i,i->" [2], [2];
    };
    examples.extend([
        example!("i...->...", &[&[3, 2, 2]], |_, x| x[0].einsum_unary("i...->..."), |x| x[0]
            .sum_axis(Axis(0))),
        example!("b...a", &[&[2, 3, 4]], |_, x| x[0].einsum_unary("b...a"), |x| plain("bCa->Cab", x)),
        example!("ij->...ij", &[&[2, 3]], |_, x| x[0].einsum_unary("ij->...ij"), |x| x[0].clone()),
    ]);
    examples
}

fn diagonals() -> Vec<Example> {
    macro_rules! of {
        ($($spec:literal $x:expr;)*) => {
            vec![$(example!($spec, &[&$x], |_, x| x[0].einsum_unary($spec), |x| plain($spec, x))),*]
        };
    }
    let mut examples: Vec<Example> = of! {
        "ii->i" [3, 3];
        "ii->i" [0, 0];
        "ii->" [3, 3];
        "iii->i" [2, 2, 2];
        "iij->ji" [3, 3, 2];
        "iji->ij" [2, 3, 2];
        "ijji->ij" [2, 3, 3, 2];
        "jii->j" [2, 1, 1];
    };
    examples.extend([
        example!("ii", &[&[3, 3]], |_, x| x[0].einsum_unary("ii"), |x| plain("ii->", x)),
        example!("...ii->...i", &[&[2, 3, 3]], |_, x| x[0].einsum_unary("...ii->...i"), |x| plain(
            "Aii->Ai", x
        )),
        example!("ii,ij->j", &[&[2, 2], &[2, 3]], |_, x| x[0].einsum("ii,ij->j", x[1]), |x| plain(
            "ii,ij->j", x
        )),
        example!("ii...,i->i...", &[&[2, 2, 3], &[2]], |_, x| x[0].einsum("ii...,i->i...", x[1]), |x| plain(
            "iiA,i->iA",
            x
        )),
    ]);
    examples
}

fn several() -> Vec<Example> {
    macro_rules! of {
        ($($spec:literal as $letters:literal $($x:expr),*;)*) => {
            vec![$(example!($spec, &[$(&$x),*], |g, x| g.einsum($spec, x), |x| plain($letters, x))),*]
        };
    }
    of! {
        "ij,jk,kl->il" as "ij,jk,kl->il" [2, 3], [3, 4], [4, 1];
        "i,i,i" as "i,i,i->" [3], [3], [3];
        "i,j,ij->" as "i,j,ij->" [2], [3], [2, 3];
        "bi,ij,bj->b" as "bi,ij,bj->b" [4, 2], [2, 3], [4, 3];
        "ii,ij,j->i" as "ii,ij,j->i" [2, 2], [2, 3], [3];
        "...i,ij,...j->..." as "ABi,ij,Bj->AB" [2, 1, 2], [2, 2], [3, 2];
        "i...,j...,...->...ij" as "iB,jB,AB->ABij" [2, 1], [2, 3], [2, 1];
        "ij,jk,kl,lm->mi" as "ij,jk,kl,lm->mi" [2, 2], [2, 1], [1, 3], [3, 2];
        "a,b,c,a,b,c,a,b,c,a->cb" as "a,b,c,a,b,c,a,b,c,a->cb" [2], [1], [2], [2], [1], [2], [2], [1], [2], [2];
        "ij,jk,k->" as "ij,jk,k->" [2, 0], [0, 3], [3];
    }
}
