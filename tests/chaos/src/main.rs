//! `cargo xtask chaos`: faults on real processes, judged by an engine that never failed.

mod absent;
mod chance;
mod cluster;
mod commit;
mod fault;
mod host;
mod journal;
mod judge;
mod lap;
mod options;
mod places;
mod plan;
mod production;
mod proxy;
mod report;
mod results;
mod rows;
mod screen;
mod signals;
mod suspicions;
mod trial;
mod world;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::Parser as _;

use chance::Chance;
use host::Claim;
use journal::{Journal, Trial};
use lap::Lap;
use options::Options;
use plan::Plan;
use production::Script;
use results::Results;
use screen::say;
use world::World;

const JOURNAL: &str = "journal.jsonl";

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // As the checker's codes have it: 3 is the harness's own failure.
        Err(error) => {
            say(&format!("chaos: {error:#}\n"));
            ExitCode::from(3)
        }
    }
}

/// True when no trial had an anomaly.
fn run(options: &Options) -> anyhow::Result<bool> {
    if options.list {
        list();
        return Ok(true);
    }
    fs::create_dir_all(&options.report).with_context(|| format!("making {}", options.report.display()))?;
    let folder = options.report.canonicalize()?;
    if !options.report_only {
        if let Some(reason) = host::missing() {
            if options.if_possible {
                say(&format!("chaos: skipped, this machine permits no network namespaces ({reason})\n"));
                return Ok(true);
            }
            bail!("the chaos rows need root and the right to make network namespaces: {reason}");
        }
        if let Some(time) = options.suspicions {
            return suspect(options, &folder, time);
        }
        play(options, &folder)?;
    }
    let trials = all_trials(options, &folder)?;
    let results = Results::of(&trials);
    report::write(&folder, &results, &trials)?;
    if options.docs {
        report::write_docs(&results, &conditions(options, &results))?;
    }
    say(&format!(
        "chaos: {} trials, {} anomalies; {}\n",
        results.trials,
        results.anomalies,
        folder.join("report.html").display()
    ));
    Ok(results.anomalies == 0)
}

fn suspect(options: &Options, folder: &Path, time: Duration) -> anyhow::Result<bool> {
    let _claim = Claim::take()?;
    host::remove_all()?;
    signals::tidy_up_when_interrupted()?;
    let kept = suspicions::run(folder, &script(options)?, time);
    host::remove_all()?;
    kept
}

fn script(options: &Options) -> anyhow::Result<Script> {
    Ok(Script { daemon: absolute(&options.daemon)?, project: absolute(&options.project)?, rate: options.rate })
}

fn play(options: &Options, folder: &Path) -> anyhow::Result<()> {
    let _claim = Claim::take()?;
    host::remove_all()?;
    signals::tidy_up_when_interrupted()?;
    let seed = options.seed.unwrap_or_else(|| journal::now().unsigned_abs());
    let mut journal = Journal::open(&folder.join(JOURNAL))?;
    let plan = Plan::new(rows::choose(&options.rows)?, options.repeat, options.soak);
    let mut chance = Chance::new(seed);
    let script = script(options)?;
    let lap_max = usize::try_from(options.lap)?;
    let commit = commit::of_the_work_tree();
    let mut world = None;
    say(&format!("chaos: seed {seed}, journal {}\n", folder.join(JOURNAL).display()));
    let played = loop {
        let rows = plan.next_lap(&own_trials(folder)?, lap_max, &mut chance);
        if rows.is_empty() {
            break Ok(());
        }
        let lap_seed = chance.next();
        let lap = Lap {
            label: label(lap_seed),
            folder,
            script: &script,
            seed: lap_seed,
            commit: &commit,
            keep: options.keep,
        };
        match one_lap(&lap, &mut world, folder, &rows, &mut journal) {
            // What an anomaly left behind must not be the next lap's.
            Ok(true) => (),
            Ok(false) => world = None,
            Err(error) => break Err(error),
        }
    };
    drop(world);
    host::remove_all()?;
    played
}

fn one_lap(
    lap: &Lap<'_>,
    world: &mut Option<World>,
    folder: &Path,
    rows: &[&'static rows::Row],
    journal: &mut Journal,
) -> anyhow::Result<bool> {
    let world = match world {
        Some(world) => world,
        none => {
            host::remove_all()?;
            say("chaos: starting 3 brokers and 3 ZooKeeper nodes\n");
            none.insert(World::make(folder)?)
        }
    };
    lap.run(world, rows, journal)
}

/// Topics carry it, so it must differ from lap to lap, also across runs on one cluster.
fn label(seed: u64) -> String {
    format!("lap{:08x}", seed & 0xffff_ffff)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    path.canonicalize().with_context(|| format!("looking for {}", path.display()))
}

fn own_trials(folder: &Path) -> anyhow::Result<Vec<Trial>> {
    Ok(journal::trials(&journal::read(&folder.join(JOURNAL))?).into_iter().cloned().collect())
}

fn all_trials(options: &Options, folder: &Path) -> anyhow::Result<Vec<Trial>> {
    let mut trials = own_trials(folder)?;
    for path in &options.merge {
        trials.extend(journal::trials(&journal::read(path)?).into_iter().cloned());
    }
    Ok(trials)
}

fn list() {
    for row in rows::all() {
        say(&format!("{:<6}{:<68} limit {}\n", row.id, row.what, row.limit()));
    }
    for row in absent::ABSENT {
        say(&format!("{:<6}{:<50} not played: {}\n", row.id, row.what, row.why));
    }
}

fn conditions(options: &Options, results: &Results) -> String {
    let name = |commit: &str| if commit.is_empty() { "not noted".to_owned() } else { format!("`{commit}`") };
    let commits: Vec<String> =
        results.commits.iter().map(|(commit, trials)| format!("{} {trials}", name(commit))).collect();
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!(
        "{} trials, {} anomalies; {} events/s; six JVMs, three engines and two adapters on one machine with {cores} cores.\n\
         Trials by commit: {}.",
        results.trials,
        results.anomalies,
        options.rate,
        commits.join(", ")
    )
}
