//! (d) The death of the active engine: how long readers of the output wait, by the drill of `demo/`.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use serde::Deserialize;

use crate::measure::Rounds;
use crate::print;

/// What the drill is run with.
const PROJECT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/sum20/project.xml");
/// What is aimed at, in milliseconds.
const TARGET_P50_MS: f64 = 10.0;
const TARGET_P99_MS: f64 = 50.0;

/// What this measurement wants to know of the drill's verdict.
#[derive(Debug, Deserialize)]
struct Verdict {
    lost: u64,
    duplicated: u64,
    reordered: u64,
    different: u64,
    gaps_ms: Vec<f64>,
}

pub(crate) fn run(kills: u32, rate: u32) -> anyhow::Result<()> {
    print(&format!("\n(d) takeover, {kills} times kill -9 of the active at {rate} events/s, broker in memory"));
    let folder = folder()?;
    let (demo, daemon) = (folder.join("understudy-demo"), folder.join("understudy"));
    for program in [&demo, &daemon] {
        if !program.is_file() {
            let profile = if cfg!(debug_assertions) { "" } else { " --release" };
            print(&format!(
                "not measured: {} is not built; run: cargo build{profile} -p understudy -p understudy-demo",
                program.display()
            ));
            return Ok(());
        }
    }
    let report = folder.join("bench-drill");
    drill(&demo, &daemon, &report, kills, rate)?;
    let path = report.join("verdict.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    let verdict: Verdict = serde_json::from_str(&text).with_context(|| format!("reading {}", path.display()))?;
    print(&summary(&verdict)?);
    Ok(())
}

/// Where this program lies, and its neighbours with it.
fn folder() -> anyhow::Result<PathBuf> {
    let program = std::env::current_exe().context("looking for this program")?;
    Ok(program.parent().context("this program lies in no folder")?.to_owned())
}

/// Its screen is for people at a demo; what went wrong stays on standard error.
fn drill(demo: &Path, daemon: &Path, report: &Path, kills: u32, rate: u32) -> anyhow::Result<()> {
    let status = Command::new(demo)
        .arg("drill")
        .arg("--daemon")
        .arg(daemon)
        .args(["--project", PROJECT])
        .arg("--report")
        .arg(report)
        .args(["--kills", &kills.to_string(), "--rate", &rate.to_string()])
        .args(["--freezes", "0", "--broker-kills", "0"])
        .stdout(Stdio::null())
        .status()
        .with_context(|| format!("starting {}", demo.display()))?;
    if !status.success() {
        bail!("the drill failed ({status}); its report, as far as it came, lies in {}", report.display());
    }
    Ok(())
}

/// A gap of an output that isn't right is no figure.
fn summary(verdict: &Verdict) -> anyhow::Result<String> {
    let Verdict { lost, duplicated, reordered, different, gaps_ms } = verdict;
    if lost + duplicated + reordered + different > 0 {
        bail!("output harmed: {lost} lost, {duplicated} duplicated, {reordered} out of order, {different} different");
    }
    let gaps: Rounds = gaps_ms.iter().copied().collect();
    let (Some(p50), Some(p99)) = (gaps.quantile(0.5), gaps.quantile(0.99)) else {
        bail!("the drill says no gaps");
    };
    let list = gaps_ms.iter().map(|gap| format!("{gap:.0}")).collect::<Vec<_>>().join(" ");
    let largest = if gaps.len() < 100 { " (the largest)" } else { "" };
    Ok(format!(
        "output identical; gaps {list} ms\np50 {p50:.0} ms = {:.2} of the target {TARGET_P50_MS:.0} ms, \
         p99 {p99:.0} ms{largest} = {:.2} of the target {TARGET_P99_MS:.0} ms",
        p50 / TARGET_P50_MS,
        p99 / TARGET_P99_MS
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_count_only_when_the_output_is_right() {
        let verdict = |lost| {
            let text = format!(
                r#"{{"expected":9,"lost":{lost},"duplicated":0,"reordered":0,"different":0,"gaps_ms":[5,20,10]}}"#
            );
            summary(&serde_json::from_str(&text).unwrap())
        };
        let said = verdict(0).unwrap();
        assert!(said.contains("p50 10 ms = 1.00 of") && said.contains("p99 20 ms (the largest) = 0.40 of"), "{said}");
        assert!(verdict(1).is_err());
    }
}
