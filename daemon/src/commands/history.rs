//! `understudy history`: the takeovers that the notebook tells of.

use anyhow::Context as _;
use jiff::Timestamp;
use ports::notebook::{Continued, Failover};
use serde_json::Value;

use super::form::show;
use super::remote::document;
use crate::cli::MemberArgs;
use crate::exit::Exit;

/// Prints the cluster's last takeovers, oldest first; every member knows the same ones.
///
/// # Errors
/// Nobody answers, or not as a replica does.
pub fn history(member: &MemberArgs) -> anyhow::Result<Exit> {
    let document = document(&member.http, "history")?;
    let takeovers = takeovers(&document)
        .with_context(|| format!("{} answers, but without a history; is it an older version?", member.http))?;
    show(member.output, &document, || table(&takeovers))?;
    Ok(Exit::Done)
}

fn takeovers(document: &Value) -> serde_json::Result<Vec<Failover>> {
    serde_json::from_value(document["items"].clone())
}

fn table(takeovers: &[Failover]) -> String {
    if takeovers.is_empty() {
        return "no takeover yet\n".to_owned();
    }
    let mut table = comfy_table::Table::new();
    let header = ["AT", "GENERATION", "TERM", "FROM", "TO", "WHY", "GAP", "PHASES", "OUTPUTS GO ON"];
    table.load_style(comfy_table::presets::NOTHING).set_header(header);
    for takeover in takeovers {
        table.add_row([
            time(takeover.at.0),
            takeover.generation.to_string(),
            takeover.term.to_string(),
            takeover.from.clone().unwrap_or_else(|| "-".to_owned()),
            takeover.to.to_string(),
            takeover.cause.clone(),
            takeover.gap_us.map_or_else(|| "-".to_owned(), millis),
            phases(takeover),
            takeover.outputs.iter().map(goes_on).collect::<Vec<_>>().join("\n"),
        ]);
    }
    format!("{table}\n")
}

/// The new active member's wall clock, UTC.
fn time(micros: i64) -> String {
    Timestamp::from_microsecond(micros)
        .map_or_else(|_| micros.to_string(), |time| time.strftime("%Y-%m-%d %H:%M:%S%.3fZ").to_string())
}

fn millis(micros: u64) -> String {
    format!("{}.{:03} ms", micros / 1_000, micros % 1_000)
}

fn phases(takeover: &Failover) -> String {
    let phase = |phase: &ports::notebook::Phase| {
        format!("{} {}", phase.name, millis(u64::try_from(phase.took.as_micros()).unwrap_or(u64::MAX)))
    };
    takeover.phases.iter().map(phase).collect::<Vec<_>>().join("\n")
}

/// Index n is the last of others, n + 1 the first of the new active member.
fn goes_on(continued: &Continued) -> String {
    match continued.first.0.checked_sub(1) {
        Some(last) => format!("{} {last} → {}", continued.topic, continued.first),
        None => format!("{} begins", continued.topic),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use ports::notebook::Phase;
    use types::{Generation, OutputIndex, Term, Timestamp};

    use super::*;

    fn takeover(from: Option<&str>, first: u64) -> Failover {
        Failover {
            project: "p".to_owned(),
            generation: Generation(1),
            term: Term(7),
            at: Timestamp(1_700_000_000_123_456),
            from: from.map(str::to_owned),
            to: "esp-2".into(),
            cause: "ahead died".to_owned(),
            phases: vec![Phase { name: "decide".to_owned(), took: Duration::from_micros(12) }],
            gap_us: Some(3_004),
            outputs: vec![Continued { topic: "HA_1.p.cq.w.O".into(), first: OutputIndex(first) }],
        }
    }

    #[test]
    fn a_takeover_is_told_with_the_last_output_before_and_the_first_after() {
        let written = serde_json::json!({ "items": [takeover(None, 0), takeover(Some("esp-1"), 42)] });
        let shown = table(&takeovers(&written).unwrap());
        for told in [
            "2023-11-14 22:13:20.123Z",
            "esp-1",
            "ahead died",
            "3.004 ms",
            "decide 0.012 ms",
            "HA_1.p.cq.w.O begins",
            "HA_1.p.cq.w.O 41 → 42",
        ] {
            assert!(shown.contains(told), "{told} in\n{shown}");
        }
        assert_eq!(table(&[]), "no takeover yet\n");
    }
}
