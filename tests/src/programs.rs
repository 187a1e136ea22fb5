//! The programs of this checkout, and how to run them.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, bail};

/// The workspace's root.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().map(Path::to_path_buf).unwrap_or_default()
}

/// A program of this checkout; `cargo xtask e2e` builds it first.
///
/// # Panics
/// When the test program lies nowhere.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap_or_default();
    // target/<profile>/deps/<test>: programs lie two folders up.
    let folder = test.parent().and_then(Path::parent).map(Path::to_path_buf).unwrap_or_default();
    folder.join(name)
}

/// Projects of others, for comparison only; absent outside of the developers' machines.
#[must_use]
pub fn third_party_examples() -> Option<PathBuf> {
    let folder = root().join("../shared/examples");
    folder.is_dir().then_some(folder)
}

/// Runs `understudy` to its end.
///
/// # Errors
/// It can't be started, or fails; its words are in the message.
pub fn understudy(words: &[&str]) -> anyhow::Result<Output> {
    let output = Command::new(program("understudy")).args(words).output().context("starting understudy")?;
    if !output.status.success() {
        bail!("understudy {} failed:\n{}", words.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(output)
}
