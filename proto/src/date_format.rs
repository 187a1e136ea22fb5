//! `dateformat`: strftime patterns for date and stamp, always in UTC.

use std::io::Write as _;
use std::sync::Arc;

use jiff::fmt::StdIoWrite;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;

use crate::Error;

/// Microseconds in a second.
const MICROS: i64 = 1_000_000;

/// A strftime pattern that was tried once and works in both directions.
///
/// The fraction of a second follows its own rule, as in the product: after the last `.` it is read for a stamp and
/// dropped for a date even when the pattern has none; a stamp is written with `.` and six digits behind the pattern.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateFormat {
    pattern: Arc<str>,
    /// The pattern itself says where the fraction stands.
    has_fraction: bool,
}

impl DateFormat {
    /// Takes a pattern; a stray quote at either end, as public samples have it, is dropped.
    ///
    /// # Errors
    /// [`Error::DateFormat`] when the pattern has a directive that doesn't exist, or doesn't fix a moment.
    pub fn new(text: &str) -> Result<Self, Error> {
        let pattern = text.trim().trim_matches(|c| c == '\'' || c == '"');
        let has_fraction = ["%f", "%N", "%.f", "%.N"].iter().any(|directive| pattern.contains(directive))
            || ["%3f", "%6f", "%9f", "%.3f", "%.6f", "%.9f"].iter().any(|directive| pattern.contains(directive));
        let format = Self { pattern: pattern.into(), has_fraction };
        let refused = |reason: String| Error::DateFormat { format: text.to_owned(), reason };
        // Any midnight does: what is tried is whether the day survives being written and read.
        let sample = 1_600_000_000 - 1_600_000_000 % 86_400;
        let mut written = Vec::new();
        format.print(sample, &mut written).map_err(|error| refused(error.to_string()))?;
        match format.parse_micros(&written) {
            Some(micros) if micros.div_euclid(MICROS * 86_400) == sample.div_euclid(86_400) => Ok(format),
            Some(_) => Err(refused("it doesn't fix a day".to_owned())),
            None => Err(refused("what it writes can't be read back".to_owned())),
        }
    }

    /// The pattern, without stray quotes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.pattern
    }

    /// Seconds since 1970 UTC of a text.
    pub(crate) fn parse_date(&self, text: &[u8]) -> Option<i64> {
        self.parse_micros(text).map(|micros| micros.div_euclid(MICROS))
    }

    /// Microseconds since 1970 UTC of a text.
    pub(crate) fn parse_stamp(&self, text: &[u8]) -> Option<i64> {
        self.parse_micros(text)
    }

    fn parse_micros(&self, text: &[u8]) -> Option<i64> {
        if self.has_fraction {
            return self.moment(text);
        }
        // Most texts have no fraction, and in a pattern like %d.%m.%Y the last dot belongs to the date.
        if let Some(micros) = self.moment(text) {
            return Some(micros);
        }
        let dot = text.iter().rposition(|&byte| byte == b'.')?;
        let (whole, fraction) = (self.moment(&text[..dot])?, fraction_micros(&text[dot + 1..])?);
        whole.checked_add(fraction)
    }

    fn moment(&self, text: &[u8]) -> Option<i64> {
        let parts = BrokenDownTime::parse(self.pattern.as_bytes(), text).ok()?;
        if parts.offset().is_some() {
            return Some(parts.to_timestamp().ok()?.as_microsecond());
        }
        let moment = parts.to_datetime().ok()?.to_zoned(TimeZone::UTC).ok()?;
        Some(moment.timestamp().as_microsecond())
    }

    /// Writes seconds since 1970; as an integer when they lie outside the calendar.
    pub(crate) fn print_date(&self, seconds: i64, out: &mut Vec<u8>) {
        let start = out.len();
        if self.print(seconds, out).is_err() {
            out.truncate(start);
            crate::print::integer(out, seconds);
        }
    }

    /// Writes microseconds since 1970; as an integer when they lie outside the calendar.
    pub(crate) fn print_stamp(&self, micros: i64, out: &mut Vec<u8>) {
        let start = out.len();
        let printed = if self.has_fraction {
            jiff::Timestamp::from_microsecond(micros).and_then(|moment| self.print_moment(moment, out))
        } else {
            self.print(micros.div_euclid(MICROS), out)
        };
        if printed.is_err() {
            out.truncate(start);
            crate::print::integer(out, micros);
        } else if !self.has_fraction {
            // Writing to a Vec can't fail.
            let _ = write!(out, ".{:06}", micros.rem_euclid(MICROS));
        }
    }

    fn print(&self, seconds: i64, out: &mut Vec<u8>) -> Result<(), jiff::Error> {
        self.print_moment(jiff::Timestamp::from_second(seconds)?, out)
    }

    fn print_moment(&self, moment: jiff::Timestamp, out: &mut Vec<u8>) -> Result<(), jiff::Error> {
        BrokenDownTime::from(&moment.to_zoned(TimeZone::UTC)).format(self.pattern.as_bytes(), StdIoWrite(out))
    }
}

/// The digits after a decimal point as microseconds; digits past the sixth are dropped.
fn fraction_micros(digits: &[u8]) -> Option<i64> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let shown = digits.iter().copied().chain(std::iter::repeat(b'0')).take(6);
    Some(shown.fold(0, |micros, digit| micros * 10 + i64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(pattern: &str, text: &str) -> Option<i64> {
        DateFormat::new(pattern).unwrap().parse_stamp(text.as_bytes())
    }

    fn printed(pattern: &str, micros: i64) -> String {
        let mut out = Vec::new();
        DateFormat::new(pattern).unwrap().print_stamp(micros, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_fraction_is_read_for_a_stamp_and_dropped_for_a_date() {
        let format = DateFormat::new("%Y-%m-%d %H:%M:%S").unwrap();
        assert_eq!(format.parse_stamp(b"1970-01-01 00:00:01.25"), Some(1_250_000));
        assert_eq!(format.parse_stamp(b"1970-01-01 00:00:01.1234567"), Some(1_123_456));
        assert_eq!(format.parse_date(b"1970-01-01 00:00:01.25"), Some(1));
        assert_eq!(format.parse_stamp(b"1969-12-31 23:59:59.5"), Some(-500_000));
        assert_eq!(format.parse_date(b"1970-01-01 00:00:01.x"), None);
        assert_eq!(format.parse_date(b"yesterday"), None);
    }

    #[test]
    fn the_patterns_seen_in_public_projects_are_understood() {
        assert_eq!(stamp("%d%b%Y%I:%M:%S", "02Jan197003:00:01"), Some(97_201_000_000));
        assert_eq!(stamp("%d/%b/%Y:%H:%M:%S", "02/Jan/1970:00:00:01"), Some(86_401_000_000));
        assert_eq!(stamp("%d%b%Y %I:%M:%S %p", "01Jan1970 01:00:00 PM"), Some(46_800_000_000));
        assert_eq!(stamp("%Y%m%dT%H:%M:%S.%f", "19700101T00:00:01.250000"), Some(1_250_000));
        assert_eq!(stamp("'%Y-%m-%d %H:%M:%S", "1970-01-01 00:00:01"), Some(1_000_000));
        assert_eq!(stamp("%d.%m.%Y", "02.01.1970"), Some(86_400_000_000));
        assert_eq!(stamp("%Y-%m-%dT%H:%M:%S%z", "1970-01-01T01:00:00+0100"), Some(0));
    }

    #[test]
    fn stamps_are_written_with_six_digits_behind_the_pattern() {
        assert_eq!(printed("%Y-%m-%d %H:%M:%S", 1_250_000), "1970-01-01 00:00:01.250000");
        assert_eq!(printed("%Y-%m-%d %H:%M:%S", -1), "1969-12-31 23:59:59.999999");
        assert_eq!(printed("%H:%M:%S.%6f %F", 1_250_000), "00:00:01.250000 1970-01-01");
        assert_eq!(printed("%F", i64::MAX), i64::MAX.to_string());
    }

    #[test]
    fn a_pattern_that_fixes_no_day_is_refused() {
        for pattern in ["%H:%M", "%Q!", "", "%", "today"] {
            assert!(DateFormat::new(pattern).is_err(), "{pattern}");
        }
    }
}
