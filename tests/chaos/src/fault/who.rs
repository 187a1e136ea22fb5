//! Whom a fault strikes: said by role in the table, found among the places when it happens.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::chance::Chance;
use crate::cluster::{self, NODES};
use crate::places::{ENGINES, Place};
use crate::world::World;

/// How long somebody may take to have a role again after another strike.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A role, or all of a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// The engine that says it is active.
    Active,
    /// One of the others.
    Standby,
    /// All the others.
    Standbys,
    Engines,
    /// The broker that leads the outbound topic.
    OutboundLeader,
    /// The broker that leads the inbound topic.
    InboundLeader,
    /// Any broker.
    Broker,
    /// Two brokers, so that too few copies are left to acknowledge anything.
    TwoBrokers,
    Brokers,
    ZooKeeperLeader,
    ZooKeeperFollower,
    ZooKeepers,
    /// Two of the ensemble, so that no majority is left.
    ZooKeeperMajority,
    Publisher,
    Subscriber,
    /// Who was struck last in this trial.
    Same,
}

impl Who {
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Active => "the active engine",
            Self::Standby => "a standby",
            Self::Standbys => "the standbys",
            Self::Engines => "the engines",
            Self::OutboundLeader => "the outbound topic's leader",
            Self::InboundLeader => "the inbound topic's leader",
            Self::Broker => "a broker",
            Self::TwoBrokers => "two brokers",
            Self::Brokers => "the brokers",
            Self::ZooKeeperLeader => "ZooKeeper's leader",
            Self::ZooKeeperFollower => "a ZooKeeper follower",
            Self::ZooKeepers => "ZooKeeper",
            Self::ZooKeeperMajority => "two ZooKeeper nodes",
            Self::Publisher => "the publisher",
            Self::Subscriber => "the subscriber",
            Self::Same => "the same",
        }
    }

    /// The places it means now.
    pub(crate) fn places(self, world: &mut World, chance: &mut Chance) -> anyhow::Result<Vec<Place>> {
        Ok(match self {
            Self::Active => vec![Place::Engine(active(world)?)],
            Self::Standby => pick(&standbys(world)?, chance)?,
            Self::Standbys => standbys(world)?,
            Self::Engines => (0..ENGINES).map(Place::Engine).collect(),
            Self::OutboundLeader => {
                let [_, outbound] = world.production()?.topics();
                vec![Place::Broker(leader(world, &outbound)?)]
            }
            Self::InboundLeader => {
                let [inbound, _] = world.production()?.topics();
                vec![Place::Broker(leader(world, &inbound)?)]
            }
            Self::Broker => pick(&brokers(), chance)?,
            Self::TwoBrokers => {
                let mut all = brokers();
                chance.shuffle(&mut all);
                all.truncate(2);
                all
            }
            Self::Brokers => brokers(),
            Self::ZooKeeperLeader => vec![Place::ZooKeeper(world.cluster.zookeeper_leader(&world.network)?)],
            Self::ZooKeeperFollower => {
                let leader = world.cluster.zookeeper_leader(&world.network)?;
                let followers: Vec<Place> = (0..NODES).filter(|i| *i != leader).map(Place::ZooKeeper).collect();
                pick(&followers, chance)?
            }
            Self::ZooKeepers => (0..NODES).map(Place::ZooKeeper).collect(),
            Self::ZooKeeperMajority => {
                let leader = world.cluster.zookeeper_leader(&world.network)?;
                vec![Place::ZooKeeper(leader), Place::ZooKeeper((leader + 1) % NODES)]
            }
            Self::Publisher => vec![Place::Publisher],
            Self::Subscriber => vec![Place::Subscriber],
            Self::Same => bail!("only a trial knows who was struck last"),
        })
    }
}

fn brokers() -> Vec<Place> {
    (0..NODES).map(Place::Broker).collect()
}

fn pick(from: &[Place], chance: &mut Chance) -> anyhow::Result<Vec<Place>> {
    Ok(vec![*chance.pick(from).context("nobody to strike")?])
}

/// After a strike it may take a while until there is one again.
fn active(world: &World) -> anyhow::Result<usize> {
    let production = world.production.as_ref().context("no project is running")?;
    wait_for(|| production.active(&world.network)).context("no engine says that it is active")
}

fn standbys(world: &World) -> anyhow::Result<Vec<Place>> {
    let active = active(world)?;
    Ok((0..ENGINES).filter(|i| *i != active).map(Place::Engine).collect())
}

fn leader(world: &World, topic: &str) -> anyhow::Result<usize> {
    wait_for(|| cluster::partition_of(&world.network, topic).ok()?.leader)
        .with_context(|| format!("nobody leads {topic}"))
}

fn wait_for<T>(mut found: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match found() {
            Some(found) => return Some(found),
            None if Instant::now() > deadline => return None,
            None => std::thread::sleep(LOOK_EVERY),
        }
    }
}
