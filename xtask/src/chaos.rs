//! Faults on real processes: the runner of `tests/chaos`, with the programs of this workspace.

use std::env;
use std::path::PathBuf;

use crate::layers::root;
use crate::steps::run;

/// One row of each kind of fault, on one project, in about two minutes: an engine killed, frozen, cut off; all killed; a
/// partition leader and ZooKeeper's leader killed; publisher and subscriber killed; and one that every engine must refuse.
const SELECTION: [&str; 7] =
    ["--if-possible", "--rows", "F1,F4,F7,F20,F22a,F29a,F45,F47a,F38a", "--lap", "9", "--seed", "1"];

/// Builds the programs and hands the words to the runner.
pub(crate) fn run_with(arguments: &[String]) -> anyhow::Result<()> {
    run("programs", "cargo", &["build", "--quiet", "--workspace", "--bins"], &[])?;
    let words: Vec<&str> = arguments.iter().map(String::as_str).filter(|word| *word != "--selection").collect();
    if words.len() < arguments.len() { selection(&words) } else { play(&words) }
}

/// The selection, with programs that have been built.
pub(crate) fn selection(more: &[&str]) -> anyhow::Result<()> {
    let report = target().join("chaos-selection").display().to_string();
    // What an earlier run has played doesn't count.
    let _ = std::fs::remove_dir_all(&report);
    play(&[&SELECTION[..], &["--report", report.as_str()], more].concat())
}

fn play(words: &[&str]) -> anyhow::Result<()> {
    let programs = target().join("debug");
    let daemon = programs.join("understudy").display().to_string();
    let runner = programs.join("understudy-chaos").display().to_string();
    run("chaos", &runner, &[words, &["--daemon", &daemon]].concat(), &[])
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
