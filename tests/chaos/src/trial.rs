//! One row, once: strikes, waits, takes everything back, and waits until all is as before.

use std::time::{Duration, Instant};

use anyhow::bail;

use crate::chance::Chance;
use crate::fault::{self, Fault, InForce, Who};
use crate::journal::{Anomaly, AnomalyKind, Entry, Journal, now};
use crate::places::{ENGINES, Place};
use crate::rows::{Ending, Row, Sight, Step};
use crate::world::World;

/// No fault holds longer than this, whatever its row says: then it is taken back.
const FAULT_MAX: Duration = Duration::from_secs(60);
/// After everything was taken back, all must be as before within this time, also on a machine that does something else.
const SETTLE_PATIENCE: Duration = Duration::from_secs(120);
/// Undisturbed output before a fault, in milliseconds; any moment may be the one.
const CALM_MS: std::ops::RangeInclusive<u64> = 700..=1_700;
const SLICE: Duration = Duration::from_millis(50);
/// How long something that a row waits for may take; a snapshot is taken every few seconds.
const SIGHT_PATIENCE: Duration = Duration::from_secs(45);

/// A trial before the output is judged.
#[derive(Debug)]
pub(crate) struct Happened {
    pub(crate) row: &'static Row,
    /// Milliseconds since 1970 UTC.
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) restarts: usize,
    /// Engines that were ended, and when.
    pub(crate) ended: Vec<(String, i64)>,
    pub(crate) anomaly: Option<Anomaly>,
}

/// Plays a row; a world that doesn't come back to what it was is the trial's anomaly.
pub(crate) fn play(
    world: &mut World,
    row: &'static Row,
    chance: &mut Chance,
    journal: &mut Journal,
) -> anyhow::Result<Happened> {
    std::thread::sleep(Duration::from_millis(chance.within(&CALM_MS)));
    let from = now();
    let mut said = Vec::new();
    for i in 0..ENGINES {
        said.push(world.production()?.words_of(Place::Engine(i)).len());
    }
    let mut play =
        Play { world, row, chance, journal, in_force: Vec::new(), ended: Vec::new(), last: Vec::new(), said };
    let stepped = row.steps.iter().try_for_each(|step| play.step(step));
    let healed = play.heal();
    let settled = stepped.and(healed).and_then(|()| match row.ending {
        Ending::AsBefore | Ending::InputGone => play.world.settle(SETTLE_PATIENCE),
        Ending::Refused(reasons) => play.world.await_refusal(reasons, SETTLE_PATIENCE),
    });
    let anomaly = settled.err().map(|error| {
        let words = format!("{error:#}");
        Anomaly { kind: kind_of(&words), words }
    });
    let ended = play.ended;
    Ok(Happened { row, from, to: now(), restarts: world.take_restarts(), ended, anomaly })
}

/// The words are our own.
fn kind_of(words: &str) -> AnomalyKind {
    if words.contains("ended by itself") {
        AnomalyKind::Ended
    } else if words.contains("is blocked") {
        AnomalyKind::Blocked
    } else {
        AnomalyKind::Unconverged
    }
}

struct Play<'a> {
    world: &'a mut World,
    row: &'static Row,
    chance: &'a mut Chance,
    journal: &'a mut Journal,
    in_force: Vec<(InForce, Instant)>,
    ended: Vec<(String, i64)>,
    /// Who was struck last.
    last: Vec<Place>,
    /// How much each engine had said before the first strike, in bytes.
    said: Vec<usize>,
}

impl Play<'_> {
    fn step(&mut self, step: &Step) -> anyhow::Result<()> {
        match step {
            Step::Strike(who, fault) => self.strike(*who, *fault).map(|_| ()),
            Step::Wait(range) => {
                let time = Duration::from_millis(self.chance.within(range));
                self.wait(time)
            }
            Step::Heal => self.heal(),
            Step::HealNewest => self.in_force.pop().map_or(Ok(()), |(fault, _)| self.undo(fault)),
            Step::Await(sight) => self.wait_for(*sight),
            Step::Settle => self.world.settle(SETTLE_PATIENCE),
            Step::Flap(who, fault, times, millis) => self.flap(*who, *fault, *times, Duration::from_millis(*millis)),
        }
    }

    fn strike(&mut self, who: Who, fault: Fault) -> anyhow::Result<()> {
        if who != Who::Same {
            self.last = who.places(self.world, self.chance)?;
        }
        for place in self.last.clone() {
            self.strike_at(place, who, fault)?;
        }
        Ok(())
    }

    fn wait_for(&mut self, sight: Sight) -> anyhow::Result<()> {
        let deadline = Instant::now() + SIGHT_PATIENCE;
        while !self.sees(sight)? {
            if Instant::now() > deadline {
                bail!("not seen within {SIGHT_PATIENCE:?}: {sight:?}");
            }
            std::thread::sleep(SLICE);
        }
        Ok(())
    }

    fn sees(&mut self, sight: Sight) -> anyhow::Result<bool> {
        Ok(match sight {
            Sight::Snapshots(count) => {
                let standbys = Who::Standbys.places(self.world, self.chance)?;
                let production = self.world.production()?;
                standbys.iter().all(|place| fault::snapshots(&production.data(*place)).len() >= count)
            }
            Sight::Says(words) => {
                let production = self.world.production()?;
                let engines = self.last.iter().filter_map(|place| match place {
                    Place::Engine(i) => Some((*place, self.said[*i])),
                    Place::ZooKeeper(_) | Place::Broker(_) | Place::Publisher | Place::Subscriber => None,
                });
                engines.into_iter().all(|(place, from)| {
                    production.words_of(place).get(from..).is_some_and(|said| said.contains(words))
                })
            }
            Sight::OneEntryEach => fault::entries(self.world)?.len() == ENGINES,
        })
    }

    fn strike_at(&mut self, place: Place, who: Who, fault: Fault) -> anyhow::Result<()> {
        let words = format!("{} ({}): {}", place.name(), who.words(), fault.words());
        self.journal.write(Entry::Strike { row: self.row.id.to_owned(), words })?;
        if matches!(fault, Fault::Kill | Fault::Stop) {
            self.ended.push((place.name(), now()));
        }
        let until = Instant::now() + FAULT_MAX;
        let begun = InForce::begin(self.world, place, fault, self.chance)?;
        self.in_force.extend(begun.into_iter().map(|fault| (fault, until)));
        Ok(())
    }

    /// The places are found once: a link that flaps is always the same one.
    fn flap(&mut self, who: Who, fault: Fault, times: u32, pause: Duration) -> anyhow::Result<()> {
        let places = who.places(self.world, self.chance)?;
        for _ in 0..times {
            for place in &places {
                self.strike_at(*place, who, fault)?;
            }
            self.wait(pause)?;
            self.heal()?;
            self.wait(pause)?;
        }
        Ok(())
    }

    fn wait(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            std::thread::sleep(SLICE.min(end.saturating_duration_since(Instant::now())));
            self.heal_overdue()?;
        }
        Ok(())
    }

    fn heal_overdue(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        while let Some(i) = self.in_force.iter().position(|(_, until)| *until <= now) {
            let (fault, _) = self.in_force.remove(i);
            self.undo(fault)?;
        }
        Ok(())
    }

    /// Newest first. One that fails doesn't keep the others in force.
    fn heal(&mut self) -> anyhow::Result<()> {
        let mut result = Ok(());
        while let Some((fault, _)) = self.in_force.pop() {
            result = result.and(self.undo(fault));
        }
        result
    }

    fn undo(&mut self, fault: InForce) -> anyhow::Result<()> {
        let words = fault.words();
        fault.undo(self.world)?;
        self.journal.write(Entry::Undo { row: self.row.id.to_owned(), words })
    }
}
