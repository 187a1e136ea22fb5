//! `understudy check EXPECTED RECEIVED`: the oracle's judgement.

use std::fmt::Write as _;

use super::form::show;
use crate::capture::compare::{Verdict, Witness, compare};
use crate::capture::load;
use crate::cli::CheckArgs;
use crate::exit::Exit;

/// Prints the verdict: exit 0 identical, 1 different.
///
/// # Errors
/// A file that can't be read: exit 2.
pub fn check(args: &CheckArgs) -> anyhow::Result<Exit> {
    let verdict = compare(&load(&args.expected)?, &load(&args.received)?, args.gap_max_ms);
    show(args.output, &serde_json::to_value(&verdict)?, || table(&verdict))?;
    Ok(if verdict.is_identical() { Exit::Done } else { Exit::Failed })
}

fn table(verdict: &Verdict) -> String {
    let mut text = String::new();
    let Verdict { expected, received, lost, duplicated, reordered, different, phantom, torn, stale, gaps, .. } =
        verdict;
    let _ = writeln!(text, "expected {expected} outputs   received {received}");
    let _ = writeln!(
        text,
        "lost {lost}   duplicated {duplicated}   out of order {reordered}   different {different}   \
         not expected {phantom}   torn {torn}   stale {stale}   late {gaps}"
    );
    match &verdict.first {
        None => text.push_str("identical\n"),
        Some(Witness { anomaly, place, expected, received }) => {
            let _ = writeln!(text, "first difference: {anomaly} at {place}");
            let nothing = || "(nothing)".to_owned();
            let _ = writeln!(text, "  expected  {}", expected.clone().unwrap_or_else(nothing));
            let _ = writeln!(text, "  received  {}", received.clone().unwrap_or_else(nothing));
        }
    }
    text
}
