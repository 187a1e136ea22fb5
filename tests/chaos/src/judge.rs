//! The judgement of a lap: the log and the subscriber's file against what an engine that never failed writes.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use demo::capture::{self, Output};

use crate::journal::{Anomaly, AnomalyKind};
use crate::world::World;

/// How long the last outputs may take to reach log and file after the last input.
const DRAIN_PATIENCE: Duration = Duration::from_secs(90);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What came out, and what was wrong with it first.
pub(crate) struct Judgement {
    pub(crate) outputs: Vec<Output>,
    pub(crate) events: usize,
    /// The first difference, and when it was written (milliseconds since 1970 UTC).
    pub(crate) first: Option<(i64, Anomaly)>,
}

/// After all engines have refused: what came out is the beginning of what should have, and nothing else.
pub(crate) fn judge_beginning(world: &mut World) -> anyhow::Result<Judgement> {
    let production = world.production.as_mut().context("no project is running")?;
    production.stop_input()?;
    let expected = rows_of(&production.replay_file(&world.network)?)?;
    let outputs = capture::read(&production.capture(&world.network)?)?;
    let in_log: Vec<String> = outputs.iter().flat_map(|output| output.events.iter().cloned()).collect();
    // A row that is being written when it is read has no end yet.
    let text = fs::read_to_string(production.received()).context("reading the subscriber's file")?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let in_file: Vec<String> = whole.lines().skip(1).map(str::to_owned).collect();
    if in_file.is_empty() {
        bail!("nothing came out before the engines refused");
    }
    let first =
        beginning("the log", &expected, &in_log).or_else(|| beginning("the subscriber's file", &expected, &in_file));
    let first = first.map(|words| (i64::MAX, Anomaly { kind: AnomalyKind::Output, words }));
    Ok(Judgement { events: in_file.len(), outputs, first })
}

/// What is wrong with something that should be the beginning of what was expected.
fn beginning(whose: &str, expected: &[String], received: &[String]) -> Option<String> {
    let expected: Vec<&str> = expected.iter().take(received.len()).map(String::as_str).collect();
    let received: Vec<&str> = received.iter().map(String::as_str).collect();
    difference(whose, &expected, &received).map(|(_, words)| words)
}

/// Ends the input, waits until all of it has come out, and compares.
pub(crate) fn judge(world: &mut World) -> anyhow::Result<Judgement> {
    let production = world.production.as_mut().context("no project is running")?;
    production.end_input(&world.network)?;
    let expected = rows_of(&production.replay(&world.network)?)?;
    let received = production.received();
    let drained = wait_for_rows(&received, expected.len());
    let outputs = capture::read(&production.capture(&world.network)?)?;
    let log: Vec<(&str, i64)> = outputs
        .iter()
        .flat_map(|output| output.events.iter().map(|event| (event.as_str(), output.timestamp)))
        .collect();
    let in_log: Vec<&str> = log.iter().map(|(event, _)| *event).collect();
    let in_file = rows_of(&received)?;
    let in_file: Vec<&str> = in_file.iter().map(String::as_str).collect();
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    let first = difference("the log", &expected, &in_log)
        .or_else(|| difference("the subscriber's file", &expected, &in_file))
        .map(|(at, words)| (time_of(&log, at), Anomaly { kind: AnomalyKind::Output, words }));
    if let (None, Err(error)) = (&first, drained) {
        return Err(error);
    }
    Ok(Judgement { events: expected.len(), outputs, first })
}

/// When the event at this place was written; of one that is missing, when the last one before it was.
fn time_of(log: &[(&str, i64)], at: usize) -> i64 {
    log.get(at).or(log.last()).map_or(0, |(_, time)| *time)
}

/// The first place where two outputs differ.
fn difference(whose: &str, expected: &[&str], received: &[&str]) -> Option<(usize, String)> {
    let at = expected.iter().zip(received).position(|(a, b)| a != b).unwrap_or(expected.len().min(received.len()));
    if at == expected.len() && at == received.len() {
        return None;
    }
    let (should, is) = (expected.get(at), received.get(at));
    let kind = match (should, is) {
        (None, Some(is)) if expected.contains(is) => "repeated",
        (None, _) => "not expected",
        (Some(_), None) => "lost at the end",
        (Some(_), Some(is)) if expected[..at].contains(is) => "repeated",
        (Some(should), Some(_)) if received[at..].contains(should) => "out of order or not expected",
        (Some(_), Some(is)) if expected[at..].contains(is) => "lost",
        (Some(_), Some(_)) => "different",
    };
    let words = format!(
        "{whose}: {kind} at event {at}: expected {should:?}, there is {is:?} ({} expected, {} there)",
        expected.len(),
        received.len()
    );
    Some((at, words))
}

/// Rows of a csv file behind its heading.
fn rows_of(path: &Path) -> anyhow::Result<Vec<String>> {
    let text = fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.lines().skip(1).map(str::to_owned).collect())
}

fn wait_for_rows(path: &Path, wanted: usize) -> anyhow::Result<()> {
    let deadline = Instant::now() + DRAIN_PATIENCE;
    loop {
        let found = rows_of(path).map_or(0, |rows| rows.len());
        if found >= wanted {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!("only {found} of {wanted} rows reached {} within {DRAIN_PATIENCE:?}", path.display());
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(received: &[&str], kind: &str) {
        let found = difference("it", &["a", "b", "c", "d"], received);
        match (kind, found) {
            ("", None) => (),
            (kind, Some((_, words))) if !kind.is_empty() => assert!(words.contains(kind), "{words}"),
            (kind, found) => panic!("{kind} instead of {found:?}"),
        }
    }

    #[test]
    fn a_beginning_may_end_anywhere_but_must_be_one() {
        let rows = |text: &str| -> Vec<String> { text.chars().map(String::from).collect() };
        for good in ["", "a", "abcd"] {
            assert_eq!(beginning("it", &rows("abcd"), &rows(good)), None);
        }
        for bad in ["b", "acd", "aab", "abcda"] {
            assert!(beginning("it", &rows("abcd"), &rows(bad)).is_some(), "{bad}");
        }
    }

    #[test]
    fn every_corruption_is_told_by_its_name() {
        check(&["a", "b", "c", "d"], "");
        check(&["b", "c", "d"], "lost at event 0");
        check(&["a", "c", "d"], "lost at event 1");
        check(&["a", "b", "c"], "lost at the end");
        check(&["a", "b", "b", "c", "d"], "repeated at event 2");
        check(&["a", "b", "c", "d", "a"], "repeated at event 4");
        check(&["a", "c", "b", "d"], "out of order");
        check(&["a", "x", "c", "d"], "different at event 1");
        check(&["a", "b", "c", "d", "x"], "not expected");
        check(&[], "lost at the end at event 0");
    }
}
