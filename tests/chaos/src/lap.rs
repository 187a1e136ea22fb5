//! A lap: one project on topics of its own, some trials on it, one judgement.
//!
//! Trials share a lap because a start costs more than a trial, and because faults that follow each other on the same state are
//! what really happens. What is wrong is still blamed on one row: an engine that doesn't come back ends the lap at once, and
//! the first difference in the output has a time, which lies in one trial. Trials behind it prove nothing and are repeated.

use std::fs;
use std::path::Path;

use anyhow::Context as _;
use demo::capture::{Gap, Output, gap_around, longest_gap};
use demo::picture;
use demo::stages::{self, Lane};

use crate::chance::Chance;
use crate::journal::{Anomaly, AnomalyKind, Entry, Journal, Trial, now};
use crate::judge::{Judgement, judge, judge_beginning};
use crate::places::{ENGINES, Place};
use crate::production::{Production, Script};
use crate::rows::{Ending, Measure, Row};
use crate::screen;
use crate::trial::{Happened, play};
use crate::world::World;

/// Where and as what a lap runs.
pub(crate) struct Lap<'a> {
    pub(crate) label: String,
    /// All folders of a run.
    pub(crate) folder: &'a Path,
    pub(crate) script: &'a Script,
    pub(crate) seed: u64,
    /// What is being tried.
    pub(crate) commit: &'a str,
    /// Its folder stays when nothing was wrong, too.
    pub(crate) keep: bool,
}

impl Lap<'_> {
    /// Plays the rows, judges them and writes each trial into the journal; whether all of them were fine.
    pub(crate) fn run(&self, world: &mut World, rows: &[&'static Row], journal: &mut Journal) -> anyhow::Result<bool> {
        let folder = self.folder.join(&self.label);
        let mut chance = Chance::new(self.seed);
        journal.write(Entry::Lap { lap: self.label.clone(), seed: self.seed })?;
        world.production = Some(Production::start_all(&world.network, self.script, &folder, &self.label)?);
        let mut happened = Vec::new();
        for row in rows {
            screen::begin(row);
            let one = play(world, row, &mut chance, journal)?;
            screen::end(&one);
            let stop = one.anomaly.is_some();
            happened.push(one);
            if stop {
                break;
            }
        }
        let judgement = self.judge(world, &mut happened)?;
        let trials = self.write_down(&folder, happened, &judgement, journal)?;
        let fine = trials.iter().all(|trial| trial.anomaly.is_none());
        if let Some(mut production) = world.production.take() {
            production.end(&world.network)?;
        }
        if fine && !self.keep {
            fs::remove_dir_all(&folder).with_context(|| format!("removing {}", folder.display()))?;
        }
        screen::judged(&self.label, judgement.events, &trials);
        Ok(fine)
    }

    /// A lap that can't be judged is blamed on its last trial: until then all was as before each time.
    fn judge(&self, world: &mut World, happened: &mut [Happened]) -> anyhow::Result<Judgement> {
        let refused = happened.last().is_some_and(|last| matches!(last.row.ending, Ending::Refused(_)));
        match if refused { judge_beginning(world) } else { judge(world) } {
            Ok(judgement) => Ok(judgement),
            Err(error) => {
                let last = happened.last_mut().with_context(|| format!("{} had no trial", self.label))?;
                let words = format!("{error:#}");
                last.anomaly.get_or_insert(Anomaly { kind: AnomalyKind::Unconverged, words });
                Ok(Judgement { outputs: Vec::new(), events: 0, first: None })
            }
        }
    }

    fn write_down(
        &self,
        folder: &Path,
        happened: Vec<Happened>,
        judgement: &Judgement,
        journal: &mut Journal,
    ) -> anyhow::Result<Vec<Trial>> {
        let figures = self.folder.join("figures");
        fs::create_dir_all(&figures).with_context(|| format!("making {}", figures.display()))?;
        let lanes = lanes(folder, &happened)?;
        // The last trial that had begun when the first difference was written.
        let guilty = judgement
            .first
            .as_ref()
            .map(|(time, _)| happened.iter().rposition(|one| one.from <= *time).unwrap_or_default());
        let mut trials = Vec::new();
        for (i, one) in happened.into_iter().enumerate() {
            if guilty.is_some_and(|guilty| i > guilty) {
                break;
            }
            let gap = gap(&one, &judgement.outputs);
            let output_anomaly =
                judgement.first.as_ref().filter(|_| guilty == Some(i)).map(|(_, anomaly)| anomaly.clone());
            let svg = picture::around(one.from, gap, &judgement.outputs, &lanes);
            let name = format!("{}-{i}-{}.svg", self.label, one.row.id);
            fs::write(figures.join(&name), svg).with_context(|| format!("writing {name}"))?;
            let trial = Trial {
                row: one.row.id.to_owned(),
                lap: self.label.clone(),
                from: one.from,
                to: one.to,
                gap_ms: gap.ms(),
                successions: successions(&judgement.outputs, one.from, one.to),
                restarts: one.restarts,
                commit: self.commit.to_owned(),
                figure: name,
                anomaly: output_anomaly.or(one.anomaly),
            };
            journal.write(Entry::Trial(trial.clone()))?;
            trials.push(trial);
        }
        Ok(trials)
    }
}

fn gap(one: &Happened, outputs: &[Output]) -> Gap {
    match one.row.measure {
        Measure::Takeover => gap_around(outputs, one.from, one.to - one.from),
        Measure::Whole => longest_gap(outputs, one.from, one.to),
    }
}

/// How often another process wrote on within the span.
fn successions(outputs: &[Output], from: i64, to: i64) -> usize {
    let first = outputs.partition_point(|output| output.timestamp < from).saturating_sub(1);
    let last = outputs.partition_point(|output| output.timestamp <= to);
    outputs.get(first..last).unwrap_or_default().windows(2).filter(|pair| pair[0].writer != pair[1].writer).count()
}

/// What each engine was, and when.
fn lanes(folder: &Path, happened: &[Happened]) -> anyhow::Result<Vec<Lane>> {
    let lane = |i| {
        let name = Place::Engine(i).name();
        let ended = happened.iter().flat_map(|one| &one.ended).filter(|(who, _)| *who == name);
        let ends: Vec<i64> = ended.map(|(_, at)| *at).collect();
        stages::read(&folder.join(format!("{name}.log")), &name, &ends, now())
    };
    (0..ENGINES).map(lane).collect()
}
