//! `--suspicions 10m`: what false suspicion costs. Once a second a standby takes the role from an active engine that lives and
//! writes, in every other period; the periods between are what throughput is compared with.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use demo::capture::Output;
use serde::Serialize;

use crate::commit;
use crate::journal::now;
use crate::judge::judge;
use crate::places::ENGINES;
use crate::production::{Production, Script};
use crate::screen::say;
use crate::world::World;

/// Calm and suspected periods take turns, so that what else the machine does hits both.
const PERIOD: Duration = Duration::from_secs(30);
const SUSPECT_EVERY: Duration = Duration::from_secs(1);
/// The promise: at most a hundredth of the throughput is lost.
const KEPT_PART_MIN: f64 = 0.99;

/// One stretch of time, in milliseconds since 1970 UTC.
#[derive(Debug, Clone, Copy)]
struct Period {
    from: i64,
    to: i64,
    suspected: bool,
}

/// What came out, as `suspicions.json` holds it.
#[derive(Debug, Serialize)]
struct Outcome {
    commit: String,
    suspected_seconds: u64,
    forced: usize,
    /// How often a standby refused, because it was not in sync yet or nobody could be asked.
    refused: usize,
    /// How often another engine wrote on.
    successions: usize,
    events: usize,
    events_per_second_suspected: f64,
    events_per_second_calm: f64,
    kept_part: f64,
    anomaly: Option<String>,
}

/// Suspects for so long altogether; whether the promise was kept.
pub(crate) fn run(folder: &Path, script: &Script, time: Duration) -> anyhow::Result<bool> {
    let mut world = World::make(folder)?;
    let label = format!("sus{:08x}", now() & 0xffff_ffff);
    let project = folder.join(&label);
    world.production = Some(Production::start_all(&world.network, script, &project, &label)?);
    let rounds = time.as_secs().div_ceil(PERIOD.as_secs()).max(1);
    let mut periods = Vec::new();
    let (mut forced, mut refused) = (0, 0);
    for _ in 0..rounds {
        periods.push(period(&mut world, |_| Ok(()))?);
        let suspected = period(&mut world, |world| {
            if suspect(world)? {
                forced += 1;
            } else {
                refused += 1;
            }
            Ok(())
        })?;
        periods.push(Period { suspected: true, ..suspected });
        say(&format!("  {forced} suspicions forced, {refused} refused\n"));
    }
    let judgement = judge(&mut world)?;
    let outcome = Outcome {
        commit: commit::of_the_work_tree(),
        suspected_seconds: rounds * PERIOD.as_secs(),
        forced,
        refused,
        successions: judgement.outputs.windows(2).filter(|pair| pair[0].writer != pair[1].writer).count(),
        events: judgement.events,
        events_per_second_suspected: rate(&judgement.outputs, &periods, true),
        events_per_second_calm: rate(&judgement.outputs, &periods, false),
        kept_part: rate(&judgement.outputs, &periods, true) / rate(&judgement.outputs, &periods, false),
        anomaly: judgement.first.map(|(_, anomaly)| anomaly.words),
    };
    let json = serde_json::to_string_pretty(&outcome)? + "\n";
    say(&format!("suspicions: {json}"));
    fs::write(folder.join("suspicions.json"), json).context("writing suspicions.json")?;
    Ok(outcome.anomaly.is_none() && outcome.forced > 0 && outcome.kept_part >= KEPT_PART_MIN)
}

/// Does something every second of a period.
fn period(world: &mut World, mut each: impl FnMut(&mut World) -> anyhow::Result<()>) -> anyhow::Result<Period> {
    let (from, end) = (now(), Instant::now() + PERIOD);
    let mut next = Instant::now();
    while next < end {
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
        each(world)?;
        let World { production, network, .. } = world;
        production.as_mut().context("no project is running")?.supervise(network)?;
        next += SUSPECT_EVERY;
    }
    std::thread::sleep(end.saturating_duration_since(Instant::now()));
    Ok(Period { from, to: now(), suspected: false })
}

/// Has a standby take the role; false when none could.
fn suspect(world: &mut World) -> anyhow::Result<bool> {
    let World { production, network, .. } = world;
    let production = production.as_mut().context("no project is running")?;
    let mut statuses = Vec::new();
    for i in 0..ENGINES {
        let status = production.status(network, i);
        if let Some(reason) = status.as_ref().and_then(|status| status.reason.as_ref()) {
            bail!("an engine is blocked: {reason}");
        }
        statuses.push(status);
    }
    let fit = |i: &usize| statuses[*i].as_ref().is_some_and(|status| status.role == "standby" && status.eligible);
    let Some(standby) = (0..ENGINES).find(fit) else { return Ok(false) };
    Ok(production.force(network, standby))
}

/// Events a second over all periods of a kind, by the brokers' clock.
fn rate(outputs: &[Output], periods: &[Period], suspected: bool) -> f64 {
    let (mut events, mut millis) = (0, 0);
    for period in periods.iter().filter(|period| period.suspected == suspected) {
        let from = outputs.partition_point(|output| output.timestamp < period.from);
        let to = outputs.partition_point(|output| output.timestamp < period.to);
        events += outputs[from..to].iter().map(|output| output.events.len()).sum::<usize>();
        millis += period.to - period.from;
    }
    if millis == 0 { 0.0 } else { events as f64 * 1e3 / millis as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_event_counts_in_its_own_kind_of_period() {
        let output =
            |timestamp, events: usize| Output { timestamp, events: vec![String::new(); events], ..Output::default() };
        let outputs = [output(5, 9), output(10, 2), output(900, 3), output(1_010, 4), output(2_500, 7)];
        let period = |from, to, suspected| Period { from, to, suspected };
        let periods = [period(10, 1_010, false), period(1_010, 2_010, true)];
        assert!((rate(&outputs, &periods, false) - 5.0).abs() < f64::EPSILON);
        assert!((rate(&outputs, &periods, true) - 4.0).abs() < f64::EPSILON);
    }
}
