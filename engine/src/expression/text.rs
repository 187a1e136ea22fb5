//! How texts read as numbers and numbers as texts: one rule for both languages, without a locale.

use std::fmt::Write as _;

use crate::calendar;

/// Bytes of a text that a function gives, at most; longer ones are cut at a character's end, so that a variable which
/// grows with every event can't exhaust a replica.
pub(crate) const TEXT_BYTES_MAX: usize = 1024 * 1024;

/// See [`TEXT_BYTES_MAX`].
pub(crate) fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        text.truncate(text.floor_char_boundary(TEXT_BYTES_MAX));
    }
}

/// A number as text gives it: blanks around it are ignored, `None` when it is no finite number.
pub(crate) fn parse_real(text: &str) -> Option<f64> {
    let text = text.trim();
    let numeric = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'));
    let value: f64 = text.parse().ok().filter(|_| numeric)?;
    value.is_finite().then_some(value)
}

/// As [`parse_real`]; a fraction is cut off.
pub(crate) fn parse_int(text: &str) -> Option<i64> {
    text.trim().parse().ok().or_else(|| truncate(parse_real(text)?))
}

/// `true` and `false` in any case, or whether the number differs from zero.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        return Some(true);
    }
    if text.eq_ignore_ascii_case("false") {
        return Some(false);
    }
    parse_real(text).map(|value| value != 0.0)
}

/// Cuts the fraction off; `None` when the value doesn't fit.
pub(crate) fn truncate(value: f64) -> Option<i64> {
    // 2⁶³ itself doesn't fit, −2⁶³ does; both are exact in binary64.
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (-LIMIT..LIMIT).contains(&value).then_some(value as i64)
}

/// The shortest text that reads as the same number; whole numbers have no point.
pub(crate) fn write_real(text: &mut String, value: f64) {
    // Writing to a String can't fail.
    let _ = write!(text, "{value}");
}

pub(crate) fn write_int(text: &mut String, value: i64) {
    let _ = write!(text, "{value}");
}

/// Year-month-day, then hours, minutes, seconds, and microseconds if there are any.
pub(crate) fn write_date(text: &mut String, micros: i64) {
    calendar::strftime(text, micros, "%F %T");
    if micros.rem_euclid(calendar::SECOND) != 0 {
        calendar::strftime(text, micros, ".%f");
    }
}

/// Reads what [`write_date`] writes, and a date alone.
pub(crate) fn parse_date(text: &str) -> Option<i64> {
    ["%F %T", "%FT%T", "%F", "%F %T.%f", "%FT%T.%f"].into_iter().find_map(|format| calendar::strptime(text, format))
}
