//! Who was what, and when: from what the engines said in their logs.

use std::path::Path;

use anyhow::Context as _;

/// A stretch of an engine's life in one stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stretch {
    /// Milliseconds since 1970 UTC.
    pub from: i64,
    /// Exclusive; the next stretch begins here, or nothing does.
    pub to: i64,
    /// As the daemon names it: `active`, `standby`, `restoring`, ….
    pub stage: String,
}

/// A step of a takeover, as the successor logged it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Milliseconds since 1970 UTC.
    pub at: i64,
    /// What it was.
    pub name: &'static str,
}

/// One engine's life.
#[derive(Debug, Clone, Default)]
pub struct Lane {
    /// Its name.
    pub member: String,
    /// Its stages, in order.
    pub stretches: Vec<Stretch>,
    /// Its takeovers' steps, in order.
    pub steps: Vec<Step>,
}

/// The daemon's words on how a takeover goes on.
const STEPS: [(&str, &str); 3] =
    [("peer is gone", "peer gone"), ("peer is silent", "peer silent"), ("took over", "first acknowledged")];
const STARTED: &str = "starting esp server";

/// Reads a member's log. `ends` are the moments at which it was killed, `until` the end of the drill.
///
/// # Errors
/// A log that can't be read.
pub fn read(log: &Path, member: &str, ends: &[i64], until: i64) -> anyhow::Result<Lane> {
    let text = std::fs::read_to_string(log).with_context(|| format!("reading {}", log.display()))?;
    Ok(lane(&text, member, ends, until))
}

fn lane(log: &str, member: &str, ends: &[i64], until: i64) -> Lane {
    let mut lane = Lane { member: member.to_owned(), ..Lane::default() };
    for line in log.lines() {
        let Some((at, words)) = parse(line) else { continue };
        if words.starts_with(STARTED) {
            begin(&mut lane.stretches, at, "starting");
        } else if words.starts_with("stage ") {
            begin(&mut lane.stretches, at, field(words, "to=").unwrap_or("starting"));
        } else if let Some((_, name)) = STEPS.iter().find(|(start, _)| words.starts_with(start)) {
            lane.steps.push(Step { at, name });
        }
    }
    for stretch in &mut lane.stretches {
        let killed = ends.iter().copied().filter(|end| (stretch.from..stretch.to).contains(end)).min();
        stretch.to = killed.unwrap_or(stretch.to).min(until);
    }
    lane.stretches.retain(|stretch| stretch.from < stretch.to && stretch.stage != "stopped");
    lane
}

/// Time in milliseconds and the words behind the level.
fn parse(line: &str) -> Option<(i64, &str)> {
    let (time, rest) = line.split_once(' ')?;
    let time: jiff::Timestamp = time.parse().ok()?;
    Some((time.as_millisecond(), rest.trim_start().split_once(' ')?.1))
}

fn field<'a>(words: &'a str, key: &str) -> Option<&'a str> {
    words.split(' ').find_map(|word| word.strip_prefix(key))
}

fn begin(stretches: &mut Vec<Stretch>, from: i64, stage: &str) {
    if let Some(last) = stretches.last_mut() {
        last.to = from;
    }
    stretches.push(Stretch { from, to: i64::MAX, stage: stage.to_owned() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_killed_engine_is_nothing_until_it_starts_again() {
        let log = "\
1970-01-01T00:00:01.000000Z  INFO starting esp server with 1 project(s)
1970-01-01T00:00:02.000000Z  INFO stage term=0 from=restoring to=standby why=caught up
1970-01-01T00:00:03.000000Z  INFO peer is gone peer=esp-2 evidence=ResetAndRefused
1970-01-01T00:00:03.001000Z  INFO stage term=1 from=standby to=active why=ahead died
not a line of the log
1970-01-01T00:00:05.000000Z  INFO starting esp server with 1 project(s)
";
        let lane = lane(log, "esp-1", &[4_000], 6_000);
        let stretch = |from, to, stage: &str| Stretch { from, to, stage: stage.to_owned() };
        let expected = [
            stretch(1_000, 2_000, "starting"),
            stretch(2_000, 3_001, "standby"),
            stretch(3_001, 4_000, "active"),
            stretch(5_000, 6_000, "starting"),
        ];
        assert_eq!(lane.stretches, expected);
        assert_eq!(lane.steps, [Step { at: 3_000, name: "peer gone" }]);
    }
}
