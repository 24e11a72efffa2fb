//! Special functions, of operands inside their domains.

use super::super::build::At;

use super::Kind::{OffZero, Smooth};
use super::{ROUNDED, Row, row};

/// A method of one operand: its kind, and where its operand is from.
macro_rules! unary {
    ($name:ident, $kind:expr, $from:ident) => {
        row(stringify!($name), $kind, ROUNDED, |at| Some(at.$from()?.$name().into()))
    };
}

/// A method of two positive operands that broadcast.
macro_rules! positive {
    ($name:ident) => {
        row(stringify!($name), Smooth, ROUNDED, |at| {
            let a = at.float()?;
            let b = at.beside::<f64, _>(&a)?;
            Some(At::above(&a).$name(At::above(&b).tensor).into())
        })
    };
}

pub(crate) static ROWS: &[Row] = &[
    unary!(lgamma, Smooth, positive),
    unary!(digamma, Smooth, positive),
    row("polygamma", Smooth, ROUNDED, |at| {
        let (x, n) = (at.positive()?, at.number(3));
        Some(x.polygamma(n).into())
    }),
    positive!(beta),
    positive!(lbeta),
    // Of given parameters: derivatives by them end at the third and the second order.
    row("gammainc", Smooth, ROUNDED, |at| {
        Some(at.graph().constant(1.75).gammainc(at.positive()?.tensor).into())
    }),
    row("gammaincc", Smooth, ROUNDED, |at| {
        Some(at.graph().constant(0.75).gammaincc(at.positive()?.tensor).into())
    }),
    row("betainc", Smooth, ROUNDED, |at| {
        let x = at.float()?.sigmoid();
        Some(at.graph().constant(1.5).betainc(2.25, x).into())
    }),
    unary!(ndtr, Smooth, float),
    unary!(log_ndtr, Smooth, float),
    row("ndtri", Smooth, ROUNDED, |at| Some((*at.unit()? * 0.5 + 0.5).ndtri().into())),
    unary!(erfinv, Smooth, unit),
    row("erfcinv", Smooth, ROUNDED, |at| Some((*at.unit()? + 1.0).erfcinv().into())),
    unary!(i0, Smooth, float),
    unary!(i1, Smooth, float),
    unary!(i0e, OffZero, off_zero),
    unary!(i1e, OffZero, off_zero),
    unary!(log1mexp, Smooth, positive),
    row("logaddexp", Smooth, ROUNDED, |at| {
        let a = at.float()?;
        let b = at.beside::<f64, _>(&a)?;
        Some(a.logaddexp(b.tensor).into())
    }),
    unary!(entr, Smooth, positive),
    positive!(kl_div),
    positive!(xlog1py),
];
