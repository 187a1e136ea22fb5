//! Short commands of the system: `ip`, `iptables`, `tc`.

use std::process::Command;

use anyhow::{Context as _, bail};

/// Runs a program and gives what it printed; its complaints become the error.
pub(crate) fn run(program: &str, words: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program)
        .args(words)
        .output()
        .with_context(|| format!("running {program}; it comes with the Debian packages iproute2 and iptables"))?;
    if !output.status.success() {
        bail!("{program} {} failed: {}", words.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
