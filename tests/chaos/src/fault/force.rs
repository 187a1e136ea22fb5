//! A fault in force, and its undoing.

use anyhow::Context as _;
use demo::process::Process;
use rustix::process::Signal;

use super::{Fault, Way, by_hand};
use crate::chance::Chance;
use crate::host::{Group, Hold, Host, INTERFACE, Rule, run};
use crate::places::Place;
use crate::world::World;

/// What must be taken back. None of them is lost on a failure: whoever ends a trial undoes all that are left.
pub(crate) enum InForce {
    Ended(Place),
    Paused(Place),
    Held(Place, Group),
    Doubled(Place, Process),
    LinkDown(Place),
    Ruled(Place, Rule),
    Narrowed(Place),
}

impl InForce {
    /// Begins a fault at one place; several rules may be needed for one fault.
    pub(crate) fn begin(
        world: &mut World,
        place: Place,
        fault: Fault,
        chance: &mut Chance,
    ) -> anyhow::Result<Vec<Self>> {
        Ok(match fault {
            Fault::Kill => {
                world.kill(place)?;
                vec![Self::Ended(place)]
            }
            Fault::Stop => {
                world.stop(place)?;
                vec![Self::Ended(place)]
            }
            Fault::Pause => {
                world.signal(place, Signal::STOP)?;
                vec![Self::Paused(place)]
            }
            Fault::Freeze => vec![Self::Held(place, hold(world, place, Hold::Freeze)?)],
            Fault::Starve(percent) => vec![Self::Held(place, hold(world, place, Hold::Share(percent))?)],
            Fault::Double => {
                let production = world.production.as_ref().context("no project is running")?;
                vec![Self::Doubled(place, production.launch(&world.network, place, "second")?)]
            }
            Fault::Garbage => {
                by_hand::write_garbage(world)?;
                Vec::new()
            }
            Fault::DeleteEntry => {
                by_hand::delete_first_entry(world)?;
                Vec::new()
            }
            Fault::LinkDown => {
                set_link(world.host(place)?, "down")?;
                vec![Self::LinkDown(place)]
            }
            Fault::Cut(from, way) => {
                let others = from.places(world, chance)?;
                let mut rules = Vec::new();
                for other in others.into_iter().filter(|other| *other != place) {
                    let address = &world.host(other)?.address;
                    if way != Way::In {
                        rules.push(format!("OUTPUT -d {address} -j DROP"));
                    }
                    if way != Way::Out {
                        rules.push(format!("INPUT -s {address} -j DROP"));
                    }
                }
                put_all(world, place, &rules)?
            }
            Fault::Reset(from) => {
                let others = from.places(world, chance)?;
                let mut rules = Vec::new();
                for other in others.into_iter().filter(|other| *other != place) {
                    let address = &world.host(other)?.address;
                    rules.push(format!("OUTPUT -d {address} -p tcp -j REJECT --reject-with tcp-reset"));
                    rules.push(format!("INPUT -s {address} -p tcp -j REJECT --reject-with tcp-reset"));
                }
                put_all(world, place, &rules)?
            }
            Fault::Lose(percent) => {
                let part = f64::from(percent) / 100.0;
                let rule = format!("INPUT -m statistic --mode random --probability {part:.2} -j DROP");
                put_all(world, place, &[rule])?
            }
            Fault::Narrow(kilobits) => {
                narrow(world.host(place)?, kilobits)?;
                vec![Self::Narrowed(place)]
            }
        })
    }

    /// Takes it back.
    pub(crate) fn undo(self, world: &mut World) -> anyhow::Result<()> {
        match self {
            Self::Ended(place) => world.start(place),
            Self::Paused(place) => world.signal(place, Signal::CONT),
            Self::Held(_, group) => group.release(),
            Self::Doubled(_, mut process) => process.kill(),
            Self::LinkDown(place) => set_link(world.host(place)?, "up"),
            Self::Ruled(place, rule) => rule.remove(&world.host(place)?.namespace),
            Self::Narrowed(place) => {
                let host = world.host(place)?;
                host.namespace.inside(|| run("tc", &["qdisc", "del", "dev", INTERFACE, "root"]))??;
                Ok(())
            }
        }
    }

    /// In words, for the journal.
    pub(crate) fn words(&self) -> String {
        match self {
            Self::Ended(place) => format!("start of {}", place.name()),
            Self::Paused(place) => format!("SIGCONT to {}", place.name()),
            Self::Held(place, _) => format!("{} runs on", place.name()),
            Self::Doubled(place, _) => format!("the second {} killed", place.name()),
            Self::LinkDown(place) => format!("link of {} up", place.name()),
            Self::Ruled(place, _) => format!("packets of {} pass", place.name()),
            Self::Narrowed(place) => format!("link of {} wide", place.name()),
        }
    }
}

fn hold(world: &mut World, place: Place, hold: Hold) -> anyhow::Result<Group> {
    let pid = world.process(place)?.as_ref().map(Process::id);
    Group::hold(&place.name(), pid.with_context(|| format!("{} isn't running", place.name()))?, hold)
}

fn put_all(world: &World, place: Place, rules: &[String]) -> anyhow::Result<Vec<InForce>> {
    let namespace = &world.host(place)?.namespace;
    let mut put: Vec<InForce> = Vec::new();
    for words in rules {
        match Rule::put(namespace, words) {
            Ok(rule) => put.push(InForce::Ruled(place, rule)),
            Err(error) => {
                // All or nothing: what is half in force could not be told apart later.
                for done in &put {
                    if let InForce::Ruled(_, rule) = done {
                        let _ = rule.remove(namespace);
                    }
                }
                return Err(error);
            }
        }
    }
    Ok(put)
}

fn set_link(host: &Host, state: &str) -> anyhow::Result<()> {
    run("ip", &["-n", host.namespace.name(), "link", "set", INTERFACE, state]).map(|_| ())
}

fn narrow(host: &Host, kilobits: u32) -> anyhow::Result<()> {
    let rate = format!("{kilobits}kbit");
    let words =
        ["qdisc", "replace", "dev", INTERFACE, "root", "tbf", "rate", &rate, "burst", "32kbit", "latency", "400ms"];
    host.namespace.inside(|| run("tc", &words))??;
    Ok(())
}
