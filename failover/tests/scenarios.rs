//! Golden scenarios: every file in `tests/scenario/cases/` holds commands, `----`, and everything that followed.
//!
//! `UPDATE_EXPECT=1 cargo test -p understudy-failover --test scenarios` rewrites what follows; read the difference, commit
//! only what you understand. The language is described in `world/script.rs`.

// By the name that the whole house uses.
extern crate understudy_failover as failover;

mod world;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use failover::{Stage, TRANSITIONS, Why};

const DIVIDER: &str = "----\n";

#[test]
fn every_scenario_goes_as_written() {
    for path in cases() {
        let text = read(&path);
        let script = text.split_once(DIVIDER).map_or(text.as_str(), |(script, _)| script);
        let world = world::script::run(script);
        let story = world.story.as_deref().unwrap_or_default();
        let told = format!("{}\n{DIVIDER}{story}\n{}", script.trim_end(), world.state());
        expect_file![path].assert_eq(&told);
    }
}

#[test]
fn there_are_scenarios_for_every_way_from_stage_to_stage() {
    let mut seen: BTreeSet<(Stage, Stage, Why)> = BTreeSet::new();
    for path in cases() {
        let text = read(&path);
        let script = text.split_once(DIVIDER).map_or(text.as_str(), |(script, _)| script);
        seen.extend(world::script::run(script).seen);
    }
    let missing: Vec<_> = TRANSITIONS.iter().filter(|way| !seen.contains(way)).collect();
    assert!(missing.is_empty(), "no scenario shows {missing:?}");
}

fn cases() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/scenario/cases");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("reading {}: {error}", folder.display()));
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "txt"));
    paths.sort();
    assert!(paths.len() >= 25, "{} scenarios are too few to be all of them", paths.len());
    paths
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("reading {}: {error}", path.display()))
}
