//! The bits of the results, which a change of the formulas' form must leave as they are.

use super::super::{Fused, Separate, VectorMath};
use super::Arguments;

/// Arguments without a call of a mathematical library, whose bits may be others elsewhere.
fn arguments() -> Vec<f64> {
    let mut random = Arguments(9);
    let mut all = vec![0.0, -0.0, 0.5, 1.0, -1.0, 2.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX];
    for range in [(-1e-3, 1e-3), (-1.0, 1.0), (0.0, 4.0), (-20.0, 20.0), (-110.0, 110.0), (-800.0, 800.0)] {
        all.extend((0..500).map(|_| random.between(range)));
    }
    all.extend((0..500).map(|_| f64::from_bits(random.bits())));
    // As an f32 has them.
    all.extend((0..500).map(|_| f64::from(f32::from_bits(random.bits() as u32))));
    all
}

/// FNV-1a of 64 bits, over words.
fn hash(words: impl Iterator<Item = u64>) -> u64 {
    words.fold(0xcbf2_9ce4_8422_2325, |hash, word| (hash ^ word).wrapping_mul(0x0100_0000_01b3))
}

/// The hash of a function's results, all NaNs being one.
macro_rules! results {
    ($arguments:ident, $type:ident, $way:ident, $name:ident($x:ident $(, $y:ident)?)) => {
        hash($arguments.iter().zip($arguments.iter().rev()).map(|(&$x, &_y)| {
            let $x = $x as $type;
            $(let $y = _y as $type;)?
            let result = <$type as VectorMath>::$name::<$way>($x $(, $y)?);
            if result.is_nan() { u64::MAX } else { u64::from(result.to_bits()) }
        }))
    };
}

/// The hashes for `f32` and `f64`, each with a fused and with a separate multiply-add.
macro_rules! check {
    ($($name:ident($($x:ident),+): $hashes:expr;)*) => {
        let arguments = arguments();
        let mut differences = Vec::new();
        $(
            let hashes = [
                results!(arguments, f32, Fused, $name($($x),+)),
                results!(arguments, f32, Separate, $name($($x),+)),
                results!(arguments, f64, Fused, $name($($x),+)),
                results!(arguments, f64, Separate, $name($($x),+)),
            ];
            if hashes != $hashes {
                differences.push(format!("{}: {hashes:#018x?}", stringify!($name)));
            }
        )*
        assert!(differences.is_empty(), "{}", differences.join("\n"));
    };
}

/// Who changes a formula so that its results change, and has measured its error again, puts the new hash here.
#[test]
fn bits_are_those_of_before() {
    check! {
        exp(x): [0xbdb8_f68c_35b7_9039, 0x723a_d1b3_1787_6c58, 0x354a_d05f_dd0c_14c3, 0x98db_d226_7d1f_36b9];
        expm1(x): [0xe34d_10c1_17c9_d710, 0xf2f0_a3c1_ea1e_921b, 0xc1b0_d56d_83d7_3474, 0x8bbd_e547_c0af_70a8];
        exp2(x): [0xe417_90f8_52b9_adc6, 0x2056_f92f_a5bf_ac2e, 0x7928_b8c4_6b1f_7dbd, 0x8c48_fc7b_e6ab_b92f];
        ln(x): [0x3c3c_87c4_8ae6_c77f, 0xa11e_a728_6b53_9b96, 0x0613_7664_6c5f_4696, 0xd3d5_b79d_a6ae_ebfc];
        log1p(x): [0x1cf2_5baf_2296_98ff, 0x5692_8bd9_0da6_e043, 0x1da9_d685_c3c3_bbe4, 0x96e9_b80d_6faf_0c50];
        log2(x): [0x8284_ef54_a8e3_0fdf, 0x8284_ef54_a8e3_0fdf, 0x5f06_8e75_9e84_a487, 0x5f06_8e75_9e84_a487];
        log10(x): [0x8a9e_31dd_5ef6_206a, 0x8a9e_31dd_5ef6_206a, 0x1957_6d84_2e05_952b, 0x1957_6d84_2e05_952b];
        cbrt(x): [0xf77c_c665_c0d2_82f3, 0xf77c_c665_c0d2_82f3, 0xbf8d_28ea_ed67_319e, 0xbf8d_28ea_ed67_319e];
        tanh(x): [0x13e9_103f_da34_3ebb, 0xeab9_e5d0_c490_b7f6, 0xe7c6_9c74_5305_7504, 0x2eaa_1268_7163_2a32];
        sigmoid(x): [0xcf8e_249a_0e96_a93e, 0xa63d_69f1_f8db_0a2c, 0xbad6_1524_bd60_d33d, 0x6b2d_23c7_4de4_b1f5];
        erf(x): [0x15b6_b644_70c3_40b3, 0xca35_1faa_497e_26c3, 0xd6f9_2d33_83f2_999b, 0x62b7_6b86_897b_6038];
        erfc(x): [0x15cf_0970_3db8_7b1a, 0x3b43_d110_4233_ffb9, 0x58e1_674c_ba6d_c0f2, 0xa7f1_d32f_cd93_cd6a];
        normal(x): [0xf410_6279_8f48_ccb4, 0xf262_aba9_c862_6eab, 0x89c4_3ebd_7fc8_e7f2, 0x7df1_6f26_dc1e_3e10];
        sin(x): [0x55eb_1148_8f85_d6e2, 0xca53_78c7_e0f2_71e6, 0x4ec0_b346_01c8_55a2, 0x060b_0686_9187_58c3];
        cos(x): [0x7aa4_51a4_1e87_ba3d, 0x099c_ca38_eeee_4e8e, 0xdca8_2cbc_57ba_9aed, 0x0166_8da6_45ca_22ea];
        pow(x, y): [0xf497_548a_bc49_a4ee, 0xf497_548a_bc49_a4ee, 0x71a7_3f28_2af0_c3de, 0x414f_d77a_bc1e_bfa8];
    }
}
