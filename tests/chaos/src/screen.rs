//! What a person sees while rows are played; on standard error, plain, so that it reads the same in a log.

use std::io::Write as _;

use crate::journal::Trial;
use crate::rows::Row;
use crate::trial::Happened;

const WORDS_WIDTH: usize = 62;

pub(crate) fn say(text: &str) {
    let mut out = std::io::stderr().lock();
    // A closed pipe must not end the run before it has tidied up.
    let _ = out.write_all(text.as_bytes());
    let _ = out.flush();
}

pub(crate) fn begin(row: &Row) {
    say(&format!("  {:<5}{:<WORDS_WIDTH$}", row.id, row.what));
}

pub(crate) fn end(one: &Happened) {
    let seconds = (one.to - one.from) as f64 / 1e3;
    match &one.anomaly {
        None => say(&format!(" {seconds:>5.1} s\n")),
        Some(anomaly) => say(&format!(" {seconds:>5.1} s   {:?}: {}\n", anomaly.kind, anomaly.words)),
    }
}

pub(crate) fn judged(label: &str, events: usize, trials: &[Trial]) {
    match trials.iter().find_map(|trial| Some((&trial.row, trial.anomaly.as_ref()?))) {
        None => say(&format!("  {label}: {} trials, {events} events identical\n", trials.len())),
        Some((row, anomaly)) => say(&format!("  {label}: ANOMALY in {row}: {:?}: {}\n", anomaly.kind, anomaly.words)),
    }
}
