//! Numbers. Everything here gives the same bits on every machine: rounding and roots are exact by IEEE 754, and the
//! transcendental functions come from a library in Rust, not from the machine's own.

use crate::expression::call::fixed;
use crate::expression::call::{Answer, Function, INT, NUMBER, REAL, Scalar, numeric, optional};
use crate::expression::program::Type;

/// Decimal places that `round` takes at most; a binary64 has no more.
const PLACES_MAX: i64 = 15;

pub(super) const FUNCTIONS: &[Function] = &[
    numeric("abs", 1, 1, |arguments, _| match arguments[0] {
        Scalar::Int(value) => value.checked_abs().map_or(Answer::Null, Answer::Int),
        other @ (Scalar::Null | Scalar::Real(_) | Scalar::Text(_)) => Answer::Real(other.real().abs()),
    }),
    numeric("ceil", 1, 1, |arguments, _| whole(arguments[0], f64::ceil)),
    numeric("floor", 1, 1, |arguments, _| whole(arguments[0], f64::floor)),
    optional("round", &[REAL, INT], 1, Type::Real, |arguments, _| {
        let places = arguments.get(1).map_or(0, |places| places.int());
        Answer::Real(round_to(arguments[0].real(), places))
    }),
    numeric("min", 1, 16, |arguments, _| extreme(arguments, |a, b| a < b)),
    numeric("max", 1, 16, |arguments, _| extreme(arguments, |a, b| a > b)),
    Function {
        parameters: &[NUMBER, NUMBER],
        ..numeric("mod", 2, 2, |arguments, _| match (arguments[0], arguments[1]) {
            (Scalar::Int(a), Scalar::Int(b)) => a.checked_rem(b).map_or(Answer::Null, Answer::Int),
            (a, b) => Answer::Real(a.real() % b.real()),
        })
    },
    fixed("pow", &[REAL, REAL], Type::Real, |arguments, _| {
        Answer::Real(libm::pow(arguments[0].real(), arguments[1].real()))
    }),
    fixed("sqrt", &[REAL], Type::Real, |arguments, _| Answer::Real(arguments[0].real().sqrt())),
    fixed("exp", &[REAL], Type::Real, |arguments, _| Answer::Real(libm::exp(arguments[0].real()))),
    fixed("log", &[REAL], Type::Real, |arguments, _| Answer::Real(libm::log(arguments[0].real()))),
    fixed("log10", &[REAL], Type::Real, |arguments, _| Answer::Real(libm::log10(arguments[0].real()))),
    fixed("sin", &[REAL], Type::Real, |arguments, _| Answer::Real(libm::sin(arguments[0].real()))),
    fixed("cos", &[REAL], Type::Real, |arguments, _| Answer::Real(libm::cos(arguments[0].real()))),
    fixed("tan", &[REAL], Type::Real, |arguments, _| Answer::Real(libm::tan(arguments[0].real()))),
];

/// An integer is whole already.
pub(crate) fn whole(value: Scalar<'_>, rounding: fn(f64) -> f64) -> Answer {
    match value {
        Scalar::Int(value) => Answer::Int(value),
        other @ (Scalar::Null | Scalar::Real(_) | Scalar::Text(_)) => Answer::Real(rounding(other.real())),
    }
}

/// Halves go away from zero; negative places round to tens, hundreds, …
pub(crate) fn round_to(value: f64, places: i64) -> f64 {
    let places = places.clamp(-PLACES_MAX, PLACES_MAX);
    let scale = (0..places.abs()).fold(1.0, |scale, _| scale * 10.0);
    let rounded = if places >= 0 { (value * scale).round() / scale } else { (value / scale).round() * scale };
    // A value too large to be scaled has no places to round.
    if rounded.is_finite() { rounded } else { value }
}

/// The first argument that no other beats.
pub(crate) fn extreme(arguments: &[Scalar<'_>], beats: fn(f64, f64) -> bool) -> Answer {
    let mut best = arguments[0];
    for &other in &arguments[1..] {
        let better = match (other, best) {
            (Scalar::Int(a), Scalar::Int(b)) => a != b && beats(1.0, 2.0) == (a < b),
            (a, b) => beats(a.real(), b.real()),
        };
        if better {
            best = other;
        }
    }
    match best {
        Scalar::Int(value) => Answer::Int(value),
        other @ (Scalar::Null | Scalar::Real(_) | Scalar::Text(_)) => Answer::Real(other.real()),
    }
}
