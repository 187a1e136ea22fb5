//! Numbers: integers as long as all arguments are, reals otherwise.

use std::fmt::Write as _;

use crate::expression::call::{ARGUMENTS_MAX, Answer, Function, INT, NUMBER, REAL, Scalar, fixed, numeric};
use crate::expression::library::{extreme, whole};
use crate::expression::program::Type;

/// Decimal places that `precision` writes at most; a binary64 has no more.
const PLACES_MAX: i64 = 17;

pub(super) const FUNCTIONS: &[Function] = &[
    numeric("sum", 1, ARGUMENTS_MAX, |arguments, _| fold(arguments, i64::checked_add, |a, b| a + b)),
    numeric("diff", 1, ARGUMENTS_MAX, |arguments, _| fold(arguments, i64::checked_sub, |a, b| a - b)),
    numeric("product", 1, ARGUMENTS_MAX, |arguments, _| fold(arguments, i64::checked_mul, |a, b| a * b)),
    fixed("quotient", &[REAL, REAL], Type::Real, |arguments, _| {
        Answer::Real(arguments[0].real() / arguments[1].real())
    }),
    Function {
        parameters: &[NUMBER, NUMBER],
        ..numeric("mod", 2, 2, |arguments, _| fold(arguments, i64::checked_rem, |a, b| a % b))
    },
    numeric("min", 1, ARGUMENTS_MAX, |arguments, _| extreme(arguments, |a, b| a < b)),
    numeric("max", 1, ARGUMENTS_MAX, |arguments, _| extreme(arguments, |a, b| a > b)),
    numeric("abs", 1, 1, |arguments, _| match arguments[0] {
        Scalar::Int(value) => value.checked_abs().map_or(Answer::Null, Answer::Int),
        other @ (Scalar::Null | Scalar::Real(_) | Scalar::Text(_)) => Answer::Real(other.real().abs()),
    }),
    numeric("floor", 1, 1, |arguments, _| whole(arguments[0], f64::floor)),
    numeric("ceil", 1, 1, |arguments, _| whole(arguments[0], f64::ceil)),
    numeric("ceiling", 1, 1, |arguments, _| whole(arguments[0], f64::ceil)),
    numeric("round", 1, 1, |arguments, _| whole(arguments[0], f64::round)),
    fixed("precision", &[REAL, INT], Type::Text, |arguments, text| {
        let places = usize::try_from(arguments[1].int().clamp(0, PLACES_MAX)).unwrap_or(0);
        // Writing to a String can't fail.
        let _ = write!(text, "{:.places$}", arguments[0].real());
        Answer::Text
    }),
    fixed("sqrt", &[REAL], Type::Real, |arguments, _| Answer::Real(arguments[0].real().sqrt())),
    fixed("pow", &[REAL, REAL], Type::Real, |arguments, _| {
        Answer::Real(libm::pow(arguments[0].real(), arguments[1].real()))
    }),
];

fn fold(arguments: &[Scalar<'_>], int: fn(i64, i64) -> Option<i64>, real: fn(f64, f64) -> f64) -> Answer {
    let mut result = arguments[0];
    for &argument in &arguments[1..] {
        result = match (result, argument) {
            (Scalar::Int(a), Scalar::Int(b)) => match int(a, b) {
                Some(value) => Scalar::Int(value),
                None => return Answer::Null,
            },
            (a, b) => Scalar::Real(real(a.real(), b.real())),
        };
    }
    match result {
        Scalar::Int(value) => Answer::Int(value),
        other @ (Scalar::Null | Scalar::Real(_) | Scalar::Text(_)) => Answer::Real(other.real()),
    }
}
