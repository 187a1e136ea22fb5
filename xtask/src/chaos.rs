//! Faults on real processes: the runner of `tests/chaos`, with the programs of this workspace.

use std::env;
use std::path::PathBuf;

use crate::layers::root;
use crate::steps::run;

/// One row of each kind of fault, in about three minutes.
const SELECTION: &[&str] = &["--if-possible", "--rows", "F1,F2,F4,F7,F10a,F13,F16a,F22a", "--seed", "1", "--report"];

/// Builds the programs and hands the words to the runner.
pub(crate) fn run_with(arguments: &[String]) -> anyhow::Result<()> {
    let selection = target().join("chaos-selection").display().to_string();
    let mut words: Vec<&str> = Vec::new();
    for argument in arguments {
        match argument.as_str() {
            "--selection" => {
                // What an earlier run of the tests has played doesn't count.
                let _ = std::fs::remove_dir_all(&selection);
                words.extend(SELECTION.iter().copied().chain([selection.as_str()]));
            }
            other => words.push(other),
        }
    }
    run("programs", "cargo", &["build", "--quiet", "--workspace", "--bins"], &[])?;
    let programs = target().join("debug");
    let daemon = programs.join("understudy").display().to_string();
    words.extend(["--daemon", &daemon]);
    run("chaos", &programs.join("understudy-chaos").display().to_string(), &words, &[])
}

fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}
