//! A fault in force, and its undoing.

use anyhow::Context as _;
use demo::process::Process;
use rustix::process::Signal;

use super::disk::{self, TinyDisk};
use super::{Fault, Resource, Way, Who, by_hand};
use crate::chance::Chance;
use crate::host::{DescriptorLimit, Group, Hold, Host, INTERFACE, Rule, run};
use crate::places::{PROXY, Place};
use crate::proxy::{Proxy, Twist};
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
    /// Runs beside the place's own process, which was ended.
    Changed(Place, Process),
    DiskFull(Place, TinyDisk),
    Limited(Place, DescriptorLimit),
    Led(Place, Proxy),
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
            Fault::WrongType => {
                by_hand::publish_wrong_type(world)?;
                Vec::new()
            }
            Fault::Oversized => {
                by_hand::write_oversized(world)?;
                Vec::new()
            }
            Fault::Replace(topic) => {
                by_hand::replace(world, topic)?;
                Vec::new()
            }
            Fault::Truncate => {
                by_hand::truncate_input(world)?;
                Vec::new()
            }
            Fault::DeleteEntry(entry) => {
                by_hand::delete_entry(world, entry)?;
                Vec::new()
            }
            Fault::OtherModel => {
                world.stop(place)?;
                let production = world.production.as_ref().context("no project is running")?;
                vec![Self::Changed(place, production.launch_with_another_model(&world.network, place)?)]
            }
            Fault::FillDisk => vec![Self::DiskFull(place, TinyDisk::mount(&world.production()?.data(place), place)?)],
            Fault::Spoil(which) => {
                disk::spoil(&world.production()?.data(place), which)?;
                Vec::new()
            }
            Fault::Wipe => {
                disk::wipe(&world.production()?.data(place))?;
                Vec::new()
            }
            Fault::Limit(Resource::Descriptors) => {
                vec![Self::Limited(place, DescriptorLimit::set(pid(world, place)?)?)]
            }
            Fault::Limit(Resource::Threads) => vec![Self::Held(place, hold(world, place, Hold::Threads)?)],
            Fault::Limit(Resource::Memory) => vec![Self::Held(place, hold(world, place, Hold::Memory)?)],
            Fault::Lead(to, twist) => lead(world, place, to, twist, chance)?,
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
            Self::Changed(place, process) => {
                drop(process);
                world.start(place)
            }
            Self::DiskFull(_, disk) => disk.unmount(),
            Self::Limited(_, limit) => limit.lift(),
            Self::Led(_, proxy) => {
                drop(proxy);
                Ok(())
            }
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
            Self::Changed(place, _) => format!("{} started with the right model", place.name()),
            Self::DiskFull(place, _) => format!("disk of {} has room", place.name()),
            Self::Limited(place, _) => format!("{} may open descriptors", place.name()),
            Self::Led(place, _) => format!("{} is led no more", place.name()),
            Self::LinkDown(place) => format!("link of {} up", place.name()),
            Self::Ruled(place, _) => format!("packets of {} pass", place.name()),
            Self::Narrowed(place) => format!("link of {} wide", place.name()),
        }
    }
}

fn hold(world: &mut World, place: Place, hold: Hold) -> anyhow::Result<Group> {
    Group::hold(&place.name(), pid(world, place)?, hold)
}

fn pid(world: &mut World, place: Place) -> anyhow::Result<u32> {
    let pid = world.process(place)?.as_ref().map(Process::id);
    pid.with_context(|| format!("{} isn't running", place.name()))
}

/// A connection that begins now is sent to the proxy; the rules behind end those that were there before, whose packets
/// still bear the true address when the filter sees them.
fn lead(world: &mut World, place: Place, to: Who, twist: Twist, chance: &mut Chance) -> anyhow::Result<Vec<InForce>> {
    let targets = to.places(world, chance)?;
    let targets = targets.into_iter().map(|target| world.address(target)).collect::<anyhow::Result<Vec<_>>>()?;
    let host = world.network.host(PROXY)?;
    let proxy = Proxy::start(host, &targets, twist, chance.next())?;
    let mut rules = Vec::new();
    for (target, port) in proxy.ports() {
        let packets = format!("-p tcp -d {} --dport {}", target.ip(), target.port());
        rules.push(format!("OUTPUT -t nat {packets} -j DNAT --to-destination {}:{port}", host.address));
        rules.push(format!("OUTPUT {packets} -j REJECT --reject-with tcp-reset"));
    }
    let rules = put_all(world, place, &rules)?;
    // Newest first: the rules go before the proxy does.
    Ok(std::iter::once(InForce::Led(place, proxy)).chain(rules).collect())
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
