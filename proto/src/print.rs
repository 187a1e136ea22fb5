//! Values as text, without `fmt` on the hot path.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::parse::money_parts;

/// From here on a double has no fraction.
const WHOLE_FROM: f64 = 9_007_199_254_740_992.0;

pub(crate) fn integer(out: &mut Vec<u8>, value: i64) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// As `%.6f` in C: correctly rounded, halves to even, `-0.000000`, `nan`, `inf`.
pub(crate) fn fixed6(out: &mut Vec<u8>, value: f64) {
    if !value.is_finite() {
        out.extend_from_slice(word(value).as_bytes());
        return;
    }
    let magnitude = value.abs();
    if magnitude >= WHOLE_FROM {
        // Up to 309 digits and rare. Writing to a Vec can't fail.
        let _ = write!(out, "{value:.6}");
        return;
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    // Exact: below 2^53 the whole part and the rest are both doubles.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 2^53")]
    let whole = magnitude as u64;
    #[allow(clippy::cast_precision_loss, reason = "below 2^53")]
    let millionths = millionths(magnitude - whole as f64);
    let carry = u64::from(millionths == 1_000_000);
    out.extend_from_slice(itoa::Buffer::new().format(whole + carry).as_bytes());
    let millionths = if carry == 1 { 0 } else { millionths };
    fraction(out, millionths);
}

/// As short as reads back the same.
pub(crate) fn shortest(out: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        out.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        out.extend_from_slice(word(value).as_bytes());
    }
}

/// A dot and six digits.
fn fraction(out: &mut Vec<u8>, mut millionths: u32) {
    let mut digits = *b".000000";
    for digit in digits[1..].iter_mut().rev() {
        // The remainder is below ten.
        *digit += (millionths % 10) as u8;
        millionths /= 10;
    }
    out.extend_from_slice(&digits);
}

/// A number in [0, 1) in millionths, 0 to 1 000 000: correctly rounded, halves to even.
fn millionths(fraction: f64) -> u32 {
    let bits = fraction.to_bits();
    let exponent = bits >> 52;
    // Below 2^-48, which is less than half a millionth; also zero and numbers without the hidden bit.
    if exponent < 1_023 - 48 {
        return 0;
    }
    // fraction = mantissa / 2^shift, exactly; the shift lies between 53 and 100.
    let mantissa = u128::from(bits & ((1 << 52) - 1) | 1 << 52);
    let shift = 1_075 - exponent;
    let scaled = mantissa * 1_000_000;
    let floor = scaled >> shift;
    let (rest, half) = (scaled & ((1 << shift) - 1), 1_u128 << (shift - 1));
    let up = rest > half || (rest == half && floor & 1 == 1);
    // At most 1 000 000.
    #[allow(clippy::cast_possible_truncation, reason = "at most 1 000 000")]
    let floor = floor as u32;
    floor + u32::from(up)
}

/// The word for a double that has no digits.
pub(crate) const fn word(value: f64) -> &'static str {
    if value.is_nan() {
        "nan"
    } else if value.is_sign_negative() {
        "-inf"
    } else {
        "inf"
    }
}

/// A decimal number with as many of the four places as it needs.
pub(crate) fn money(out: &mut Vec<u8>, amount: i64) {
    let (whole, mut places) = money_parts(amount);
    if amount < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(itoa::Buffer::new().format(whole).as_bytes());
    if places == 0 {
        return;
    }
    out.push(b'.');
    while places > 0 {
        // Below ten: there are four places.
        out.push(b'0' + (places / 1_000) as u8);
        places = places % 1_000 * 10;
    }
}

pub(crate) fn blob(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    // The buffer is exactly as long as the encoder needs.
    let written = STANDARD.encode_slice(bytes, &mut out[start..]);
    assert!(written.is_ok(), "base64 needs four characters for three bytes");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn fixed6_text(value: f64) -> String {
        let mut out = Vec::new();
        fixed6(&mut out, value);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn doubles_have_six_decimals_as_in_c() {
        let texts: Vec<String> =
            [10.0, 7.11, -0.0, 0.999_999_6, 0.000_000_5, 1.5e-6, 2.5e-6, -1e-9, 1e22, f64::NAN].map(fixed6_text).into();
        assert_eq!(
            texts,
            [
                "10.000000",
                "7.110000",
                "-0.000000",
                "1.000000",
                "0.000000",
                "0.000002",
                "0.000003",
                "-0.000000",
                "10000000000000000000000.000000",
                "nan"
            ]
        );
        assert_eq!([fixed6_text(f64::INFINITY), fixed6_text(f64::NEG_INFINITY)], ["inf", "-inf"]);
        // Exact halves of a millionth go to the even neighbour: 2^-7 is 0.0078125.
        assert_eq!([fixed6_text(0.007_812_5), fixed6_text(0.023_437_5)], ["0.007812", "0.023438"]);
    }

    proptest! {
        #[test]
        fn the_fast_printer_agrees_with_the_exact_one(bits in any::<u64>(), small in -1e6..1e6_f64, tie in any::<u32>()) {
            for value in [f64::from_bits(bits), small, f64::from(tie) / 128.0, f64::from(tie) * 0.5e-6] {
                if value.is_finite() {
                    prop_assert_eq!(fixed6_text(value), format!("{value:.6}"));
                }
            }
        }

        #[test]
        fn money_survives_its_text(amount in any::<i64>()) {
            let mut out = Vec::new();
            money(&mut out, amount);
            prop_assert_eq!(crate::parse::money(&out), Ok(amount));
        }

        #[test]
        fn blobs_survive_their_text(bytes in proptest::collection::vec(any::<u8>(), 0..50)) {
            let mut out = b"x".to_vec();
            blob(&mut out, &bytes);
            prop_assert_eq!(crate::parse::blob(&out[1..]), Ok(bytes));
        }
    }
}
