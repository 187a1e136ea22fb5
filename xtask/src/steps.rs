//! What the commands run, step by step; the first failure ends them.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};

use crate::layers::{self, root, say};

/// Runs a program in the workspace's root.
pub(crate) fn run(name: &str, program: &str, arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    let began = Instant::now();
    // A path is meant from the root as well.
    let program = if program.contains('/') { root().join(program) } else { program.into() };
    let status = Command::new(&program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root())
        .status()
        .with_context(|| format!("starting {}", program.display()))?;
    if !status.success() {
        bail!("{name} failed: {} {}", program.display(), arguments.join(" "));
    }
    say(&format!("{name}: ok ({:.0} s)", began.elapsed().as_secs_f32()));
    Ok(())
}

/// What CI runs; it never writes.
pub(crate) fn verify() -> anyhow::Result<()> {
    layers::check()?;
    run("format", "cargo", &["fmt", "--all", "--check"], &[])?;
    run("lints", "cargo", &["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"], &[])?;
    // Promises on real brokers are `e2e`'s matter; they are no default tests of their package.
    run("tests", "cargo", &["test", "--quiet", "--workspace"], &[])?;
    stories()?;
    run("docs", "cargo", &["doc", "--workspace", "--no-deps", "--quiet"], &[("RUSTDOCFLAGS", "-D warnings")])?;
    deny()?;
    crate::links::check()
}

/// Simulated clusters, always the same ones, and a hundredth of them twice. The tests have built the simulator.
fn stories() -> anyhow::Result<()> {
    let told = ["--seed", "0", "--runs", "20000", "--compare-each", "100"];
    run_built("stories", "understudy-sim", &told.map(str::to_owned))
}

/// The one extra tool; its absence is said, not hidden.
fn deny() -> anyhow::Result<()> {
    let present =
        Command::new("cargo").args(["deny", "--version"]).output().is_ok_and(|output| output.status.success());
    if !present {
        say("cargo-deny is not installed, dependencies are unchecked; run: cargo install --locked cargo-deny");
        return Ok(());
    }
    // Advisories need a network beyond the registry; the nightly run asks them.
    run("dependencies", "cargo", &["deny", "--offline", "check", "bans", "licenses", "sources"], &[])
}

/// The one command that writes.
pub(crate) fn fix() -> anyhow::Result<()> {
    run(
        "clippy",
        "cargo",
        &["clippy", "--workspace", "--all-targets", "--fix", "--allow-dirty", "--allow-staged"],
        &[],
    )?;
    run("format", "cargo", &["fmt", "--all"], &[])
}

/// Golden scenarios, in seconds.
pub(crate) fn scenario(bless: bool) -> anyhow::Result<()> {
    let environment: &[(&str, &str)] = if bless { &[("UPDATE_EXPECT", "1")] } else { &[] };
    run("scenarios", "cargo", &["test", "--quiet", "--package", "understudy-failover"], environment)
}

/// Simulated clusters. The whole workspace is selected, so that what is built is shared with the tests.
pub(crate) fn sim(arguments: &[String]) -> anyhow::Result<()> {
    run("simulator", "cargo", &["build", "--quiet", "--workspace", "--bin", "understudy-sim"], &[])?;
    run_built("stories", "understudy-sim", arguments)
}

/// Seeded bugs. The feature makes another build of the rooms that have some; what others wrote is shared with the tests.
pub(crate) fn mutants(arguments: &[String]) -> anyhow::Result<()> {
    let feature = ["--features", "understudy-simulation/mutants"];
    let build = ["build", "--quiet", "--workspace", "--bin", "understudy-mutants"];
    run("simulator", "cargo", &[&build[..], &feature[..]].concat(), &[])?;
    run_built("seeded bugs", "understudy-mutants", arguments)
}

/// Runs a program that was built beside this one: `cargo run` can't select the workspace.
fn run_built(name: &str, program: &str, arguments: &[String]) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("finding the programs that were built")?.with_file_name(program);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(name, &program.display().to_string(), &arguments, &[])
}

/// Optimised, on an otherwise quiet machine.
pub(crate) fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let mut all = vec!["run", "--release", "--quiet", "--package", "understudy-bench", "--"];
    all.extend(arguments.iter().map(String::as_str));
    run("programs", "cargo", &["build", "--release", "--quiet", "--workspace", "--bins"], &[])?;
    run("bench", "cargo", &all, &[])
}
