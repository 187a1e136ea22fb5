//! Days and times of day: the proleptic Gregorian calendar in UTC, without a time zone, locale or leap seconds.

use std::fmt::Write as _;

/// Microseconds of a second.
pub(crate) const SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub(crate) const DAY: i64 = 86_400 * SECOND;
/// Days from 1899-12-30, the expression language's day 0, to 1970-01-01.
pub(crate) const DAY_ZERO: i64 = 25_569;

/// A moment taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Civil {
    pub(crate) year: i64,
    /// From 1.
    pub(crate) month: u8,
    /// From 1.
    pub(crate) day: u8,
    pub(crate) hour: u8,
    pub(crate) minute: u8,
    pub(crate) second: u8,
    pub(crate) micro: u32,
    /// From 0, Sunday.
    pub(crate) weekday: u8,
    /// From 1.
    pub(crate) day_of_year: u16,
}

/// Takes microseconds since 1970-01-01 apart.
///
/// Source: Howard Hinnant, "chrono-compatible low-level date algorithms": years begin in March, 400 years have 146,097 days.
pub(crate) fn civil(micros: i64) -> Civil {
    let days = micros.div_euclid(DAY);
    let in_day = micros.rem_euclid(DAY);
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_march_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_march_year + 2) / 153;
    let day = day_of_march_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let seconds = in_day / SECOND;
    Civil {
        year,
        month: month as u8,
        day: day as u8,
        hour: (seconds / 3_600) as u8,
        minute: (seconds / 60 % 60) as u8,
        second: (seconds % 60) as u8,
        micro: (in_day % SECOND) as u32,
        weekday: (days + 4).rem_euclid(7) as u8,
        day_of_year: (days - days_from_civil(year, 1, 1) + 1) as u16,
    }
}

/// Days from 1970-01-01 to a date; a day past the month's end counts on.
pub(crate) fn days_from_civil(year: i64, month: u8, day: u8) -> i64 {
    let month = i64::from(month);
    let march_year = year - i64::from(month <= 2);
    let era = march_year.div_euclid(400);
    let year_of_era = march_year.rem_euclid(400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * march_month + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// Writes a moment by a `strftime` format; English names. Unknown directives stay as they are.
pub(crate) fn strftime(text: &mut String, micros: i64, format: &str) {
    let at = civil(micros);
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            text.push(character);
            continue;
        }
        let month = MONTHS[usize::from(at.month - 1)];
        let weekday = WEEKDAYS[usize::from(at.weekday)];
        // Writing to a String can't fail.
        let _ = match characters.next() {
            Some('Y') => write!(text, "{:04}", at.year),
            Some('y') => write!(text, "{:02}", at.year.rem_euclid(100)),
            Some('m') => write!(text, "{:02}", at.month),
            Some('d') => write!(text, "{:02}", at.day),
            Some('e') => write!(text, "{:>2}", at.day),
            Some('H') => write!(text, "{:02}", at.hour),
            Some('I') => write!(text, "{:02}", (at.hour + 11) % 12 + 1),
            Some('M') => write!(text, "{:02}", at.minute),
            Some('S') => write!(text, "{:02}", at.second),
            Some('f') => write!(text, "{:06}", at.micro),
            Some('p') => write!(text, "{}", if at.hour < 12 { "AM" } else { "PM" }),
            Some('j') => write!(text, "{:03}", at.day_of_year),
            Some('w') => write!(text, "{}", at.weekday),
            Some('B') => write!(text, "{month}"),
            Some('b' | 'h') => write!(text, "{}", &month[..3]),
            Some('A') => write!(text, "{weekday}"),
            Some('a') => write!(text, "{}", &weekday[..3]),
            Some('F') => write!(text, "{:04}-{:02}-{:02}", at.year, at.month, at.day),
            Some('T') => write!(text, "{:02}:{:02}:{:02}", at.hour, at.minute, at.second),
            Some('s') => write!(text, "{}", micros.div_euclid(SECOND)),
            Some('Z') => write!(text, "UTC"),
            Some('z') => write!(text, "+0000"),
            Some('%') => write!(text, "%"),
            Some(other) => write!(text, "%{other}"),
            None => write!(text, "%"),
        };
    }
}

/// Reads a moment by a `strptime` format; `None` when the text doesn't follow it. What the format leaves out is that of
/// 1970-01-01 00:00.
pub(crate) fn strptime(text: &str, format: &str) -> Option<i64> {
    let mut rest = text.trim();
    let (mut year, mut month, mut day) = (1970_i64, 1_u8, 1_u8);
    let (mut hour, mut minute, mut second, mut micro) = (0_i64, 0_i64, 0_i64, 0_i64);
    let mut afternoon = None;
    let mut since_epoch = None;
    let mut characters = format.trim().chars();
    while let Some(character) = characters.next() {
        if character.is_whitespace() {
            rest = rest.trim_start();
            continue;
        }
        if character != '%' {
            rest = rest.strip_prefix(character)?;
            continue;
        }
        match characters.next()? {
            'Y' => year = digits(&mut rest, 4)?,
            'y' => {
                let short = digits(&mut rest, 2)?;
                year = short + if short < 69 { 2000 } else { 1900 };
            }
            'm' => month = u8::try_from(digits(&mut rest, 2)?).ok()?,
            'd' | 'e' => {
                rest = rest.trim_start();
                day = u8::try_from(digits(&mut rest, 2)?).ok()?;
            }
            'H' | 'I' => hour = digits(&mut rest, 2)?,
            'M' => minute = digits(&mut rest, 2)?,
            'S' => second = digits(&mut rest, 2)?,
            'f' => {
                let before = rest.len();
                let value = digits(&mut rest, 6)?;
                micro = value * 10_i64.pow(u32::try_from(6 - (before - rest.len())).ok()?);
            }
            'p' => afternoon = Some(word(&mut rest, &["AM", "PM"])? == 1),
            'B' | 'b' | 'h' => month = u8::try_from(word(&mut rest, &MONTHS)? + 1).ok()?,
            'A' | 'a' => {
                word(&mut rest, &WEEKDAYS)?;
            }
            'F' => {
                year = digits(&mut rest, 4)?;
                rest = rest.strip_prefix('-')?;
                month = u8::try_from(digits(&mut rest, 2)?).ok()?;
                rest = rest.strip_prefix('-')?;
                day = u8::try_from(digits(&mut rest, 2)?).ok()?;
            }
            'T' => {
                hour = digits(&mut rest, 2)?;
                rest = rest.strip_prefix(':')?;
                minute = digits(&mut rest, 2)?;
                rest = rest.strip_prefix(':')?;
                second = digits(&mut rest, 2)?;
            }
            's' => since_epoch = Some(digits(&mut rest, 19)?),
            'Z' => rest = rest.strip_prefix("UTC").or_else(|| rest.strip_prefix("GMT"))?,
            '%' => rest = rest.strip_prefix('%')?,
            _ => return None,
        }
    }
    if !rest.is_empty() {
        return None;
    }
    if let Some(seconds) = since_epoch {
        return seconds.checked_mul(SECOND);
    }
    match afternoon {
        Some(true) if hour < 12 => hour += 12,
        Some(false) if hour == 12 => hour = 0,
        Some(_) | None => {}
    }
    let fits = (1..=12).contains(&month)
        && (1..=days_in(year, month)).contains(&day)
        && hour < 24
        && minute < 60
        && second < 61;
    let seconds = (hour * 60 + minute) * 60 + second;
    fits.then(|| days_from_civil(year, month, day) * DAY + seconds * SECOND + micro)
}

fn days_in(year: i64, month: u8) -> u8 {
    let next = if month == 12 { days_from_civil(year + 1, 1, 1) } else { days_from_civil(year, month + 1, 1) };
    (next - days_from_civil(year, month, 1)) as u8
}

/// Takes one to `most` digits off the front.
fn digits(rest: &mut &str, most: usize) -> Option<i64> {
    let length = rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, after) = rest.split_at(length);
    *rest = after;
    number.parse().ok()
}

/// Takes one of the words, whole or its first three letters, off the front; its place in the list.
fn word(rest: &mut &str, words: &[&str]) -> Option<usize> {
    let starts = |prefix: &str| rest.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix));
    for whole in [true, false] {
        for (i, word) in words.iter().enumerate() {
            let form = if whole { word } else { &word[..word.len().min(3)] };
            if starts(form) {
                *rest = &rest[form.len()..];
                return Some(i);
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_comes_back() {
        for day in (-800_000..800_000).step_by(37) {
            let at = civil(day * DAY);
            assert_eq!(days_from_civil(at.year, at.month, at.day), day);
        }
    }

    #[test]
    fn what_is_written_reads_back() {
        let mut text = String::new();
        strftime(&mut text, 1_729_154_425_123_456, "%A %d %b %Y %H:%M:%S.%f (%I %p)");
        assert_eq!(text, "Thursday 17 Oct 2024 08:40:25.123456 (08 AM)");
        assert_eq!(strptime(&text, "%A %d %b %Y %H:%M:%S.%f (%I %p)"), Some(1_729_154_425_123_456));
    }

    #[test]
    fn a_day_that_does_not_exist_is_none() {
        assert_eq!(strptime("2023-02-29", "%Y-%m-%d"), None);
        assert_eq!(strptime("2024-02-29", "%F"), Some(19_782 * DAY));
        assert_eq!(strptime("2024-02-29x", "%F"), None);
    }
}
