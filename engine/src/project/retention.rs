//! Retention as it is written: a type, and a count or a length of time.

use core::time::Duration;

use roxmltree::Node;

use super::lists;
use super::reader::Reader;
use super::{Located, Retention, RetentionKind};

/// The retention of a window, if it has one that can be read.
pub(super) fn read(reader: &mut Reader<'_>, window: Node<'_, '_>) -> Option<Retention> {
    let node = reader.child(window, "retention")?;
    reader.enter(node, &lists::RETENTION);
    let name = reader.required_attribute(node, "type", "rows leave in another manner with each type");
    let limit = reader.required_text(node, "it is the count, or the length of time, after which rows leave");
    let field = reader.attribute(node, "field");
    let lookback = reader.attribute(node, "unit");

    let name = name?;
    if !reader.works(&name, "retention type", &lists::RETENTION_TYPES) {
        return None;
    }
    let limit = limit?;
    refuse_what_the_type_has_not(reader, &name.value, field.as_ref(), lookback.as_ref());
    let kind = match name.value.as_str() {
        "bycount_sliding" => RetentionKind::ByCountSliding { limit: count(reader, &limit)? },
        "bycount_jumping" => RetentionKind::ByCountJumping { limit: count(reader, &limit)? },
        "bytime_sliding" => RetentionKind::ByTimeSliding { limit: time(reader, &limit)? },
        "bytime_jumping" => RetentionKind::ByTimeJumping { limit: time(reader, &limit)? },
        _ => lookback_kind(reader, node, &limit, lookback)?,
    };
    Some(Retention { kind, field: field.map(|field| field.value), position: reader.position(node) })
}

fn refuse_what_the_type_has_not(
    reader: &mut Reader<'_>,
    name: &str,
    field: Option<&Located<String>>,
    lookback: Option<&Located<String>>,
) {
    if let Some(field) = field.filter(|_| name.starts_with("bycount")) {
        let what = "Retention by count has no field.".to_owned();
        reader.add(reader.problem_at_value(field, what, "rows are counted, no time is looked at").fix("remove field"));
    }
    if let Some(lookback) = lookback.filter(|_| name != "bytime_jumping_lookback") {
        let what = format!("Retention {name} has no unit.");
        let why = "unit is how far bytime_jumping_lookback looks back";
        reader.add(
            reader.problem_at_value(lookback, what, why).fix("write the unit behind the number, as in 30 minutes"),
        );
    }
}

fn lookback_kind(
    reader: &mut Reader<'_>,
    node: Node<'_, '_>,
    limit: &Located<String>,
    lookback: Option<Located<String>>,
) -> Option<RetentionKind> {
    let Some(text) = lookback else {
        let what = "Retention bytime_jumping_lookback has no unit.".to_owned();
        let problem = reader.problem_at_element(node, what, "it says how far to look back");
        reader.add(problem.fix("add unit=\"…\", such as unit=\"10 seconds\""));
        return None;
    };
    // A unit alone means one of it.
    let lookback = match unit_micros(&text.value) {
        Some(micros) => Duration::from_micros(micros),
        None => time(reader, &text)?,
    };
    let limit = time(reader, limit)?;
    if lookback >= limit {
        let what = "The look-back is not shorter than the period.".to_owned();
        reader.add(
            reader
                .problem_at_value(&text, what, "rows would never leave all at once")
                .fix("use bytime_sliding, or a shorter unit"),
        );
        return None;
    }
    Some(RetentionKind::ByTimeJumpingLookback { limit, lookback })
}

fn count(reader: &mut Reader<'_>, text: &Located<String>) -> Option<u64> {
    let count = text.value.parse::<u64>().ok().filter(|&count| count > 0);
    if count.is_none() {
        let what = format!("\"{}\" is no count.", text.value);
        reader.add(
            reader
                .problem_at_value(text, what, "retention by count keeps so many rows")
                .fix("write a whole number from 1 on"),
        );
    }
    count
}

fn time(reader: &mut Reader<'_>, text: &Located<String>) -> Option<Duration> {
    let time = parse_time(&text.value);
    if time.is_none() {
        let what = format!("\"{}\" is no length of time.", text.value);
        let why = "retention by time keeps rows for so long";
        let fix = "write a whole number from 1 on and one of milliseconds, seconds, minutes, hours, days";
        reader.add(reader.problem_at_value(text, what, why).fix(fix));
    }
    time
}

/// `30 minutes`, `1 hour`, `500milliseconds`; never zero.
fn parse_time(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let micros = number.parse::<u64>().ok()?.checked_mul(unit_micros(unit.trim_start())?)?;
    // Times are signed 64-bit microseconds everywhere else.
    (micros > 0 && i64::try_from(micros).is_ok()).then(|| Duration::from_micros(micros))
}

fn unit_micros(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    let micros = match unit.strip_suffix('s').unwrap_or(&unit) {
        "millisecond" => 1_000,
        "second" => 1_000_000,
        "minute" => 60 * 1_000_000,
        "hour" => 3_600 * 1_000_000,
        "day" => 86_400 * 1_000_000,
        _ => return None,
    };
    Some(micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_a_number_and_a_unit() {
        let seconds = |text| parse_time(text).map(|time| time.as_secs_f64());
        assert_eq!(seconds("30 minutes"), Some(1_800.0));
        assert_eq!(seconds("1 Hour"), Some(3_600.0));
        assert_eq!(seconds("2days"), Some(172_800.0));
        assert_eq!(seconds("500 milliseconds"), Some(0.5));
        assert_eq!(seconds("5  second"), Some(5.0));
    }

    #[test]
    fn other_texts_are_no_times() {
        for text in [
            "",
            "5",
            "minutes",
            "-5 minutes",
            "0 seconds",
            "1.5 hours",
            "5 fortnights",
            "5 s",
            "99999999999999999999 days",
            "9999999999999 days",
            "5 ü",
        ] {
            assert_eq!(parse_time(text), None, "{text}");
        }
    }
}
