//! `docs/failover.dot` draws exactly the changes of stage that the code can make.
//!
//! That the code makes no other is asserted in the machine; that it makes each of them is shown by the scenarios.

// By the name that the whole house uses.
extern crate understudy_failover as failover;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use failover::{Stage, TRANSITIONS};

type Edge = (String, String, String);

#[test]
fn the_drawing_shows_every_transition_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/failover.dot");
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()));
    let drawn: BTreeSet<Edge> = text.lines().flat_map(edges).collect();
    let made: BTreeSet<Edge> =
        TRANSITIONS.iter().map(|(from, to, why)| (from.to_string(), to.to_string(), why.to_string())).collect();
    assert_eq!(drawn.difference(&made).collect::<Vec<_>>(), Vec::<&Edge>::new(), "drawn, but not in the code");
    assert_eq!(made.difference(&drawn).collect::<Vec<_>>(), Vec::<&Edge>::new(), "in the code, but not drawn");
}

#[test]
fn a_stage_is_found_by_its_name() {
    for stage in Stage::ALL {
        assert_eq!(Stage::from_name(stage.name()), Some(stage));
    }
    assert_eq!(Stage::from_name("no stage"), None);
}

/// `"from" -> "to" [label="why\nwhy"]` is one edge per reason.
fn edges(line: &str) -> Vec<Edge> {
    let Some((from, rest)) = line.trim().split_once(" -> ") else { return Vec::new() };
    let (to, label) = rest.split_once(" [label=").unwrap_or_else(|| panic!("an edge without a label: {line}"));
    let label = label.trim_end_matches(']').trim_matches('"');
    let name = |quoted: &str| quoted.trim_matches('"').to_owned();
    label.split("\\n").map(|why| (name(from), name(to), why.to_owned())).collect()
}
