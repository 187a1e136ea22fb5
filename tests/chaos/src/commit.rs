//! Which program was tried: a table put together from several sittings must say what it measured.

use std::process::Command;

/// Digits of a commit's name: enough for a project of any size.
const DIGITS: &str = "--short=10";

/// The commit of this work tree, with a `+` behind it where files differ from it; empty where git can't say.
pub(crate) fn of_the_work_tree() -> String {
    let Some(commit) = git(&["rev-parse", DIGITS, "HEAD"]) else { return String::new() };
    match git(&["status", "--porcelain", "--untracked-files=no"]) {
        Some(changes) if changes.is_empty() => commit,
        Some(_) | None => commit + "+",
    }
}

fn git(words: &[&str]) -> Option<String> {
    let output = Command::new("git").args(["-C", env!("CARGO_MANIFEST_DIR")]).args(words).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
