//! A whole cluster in one thread: real machines and engines, modelled brokers, coordinator, links and clocks.
//!
//! Everything that happens is an [`Event`] in one queue. A process that is frozen gets its events when it thaws; one that
//! was killed never gets them.

mod brokers;
mod coordination;
mod disks;
mod faults;
mod hands;
mod notebook;
mod peers;
mod publishers;
mod replicas;
mod topics;
mod wires;
mod witness;
mod writers;

use std::time::Duration;

use adapter_memory::brokers::{Cluster, NodeId, PartitionId, Settings};
use adapter_memory::ensemble::Ensemble;
use adapter_peer::PeerMessage;
use appender::link::{BrokerVersions, LinkDown};
use bytes::Bytes;
use ports::notebook::Entry;
use types::{Generation, Tick, TopicName};

use crate::chance::Chance;
use crate::invariants::Violation;
use crate::model::Model;
use crate::options::{FAULTS_LAST, Options, STORY_LASTS};
use crate::plan::Fault;
use crate::queue::Queue;
use crate::trace::Trace;

use notebook::Notebook;
use peers::Pairs;
use publishers::Publisher;
pub(crate) use replicas::{Claim, Replica};
use wires::Wires;
pub(crate) use witness::{Found, Witness};
use writers::Writer;

/// A process's place in the world: replicas first, then publishers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Who(pub(crate) usize);

/// One start of a process; later starts have larger numbers.
pub(crate) type Life = u64;

/// A writer's place in the world; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WriterId(pub(crate) usize);

/// A connection's place in the world; never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct WireId(usize);

/// Everything that can happen.
pub(crate) enum Event {
    /// The control loop of a replica takes its next turn.
    Control(Who, Life),
    /// The hot thread of a replica takes its next turn.
    Hot(Who, Life),
    /// A replica's consumer gets what there is to read.
    Inlet(Who, Life),
    /// A replica's coordinator client does what is to be done.
    Coordinator(Who, Life),
    /// A writer looks at its commands and deadlines.
    Writer(WriterId),
    /// A connection stands, or doesn't.
    Connected(WireId),
    /// Bytes reach a broker.
    ToBroker(WireId, Bytes),
    /// Bytes reach a client.
    ToClient(WireId, Bytes),
    /// A client learns that its connection is gone.
    Broken(WireId, LinkDown),
    /// A broker looks whether an answer is due.
    AnswerDue(WireId),
    /// A follower fetches.
    Replicate(PartitionId, NodeId),
    /// A broker hears who leads.
    Learn(PartitionId, NodeId),
    /// The controller notices that a broker is gone.
    Fence(NodeId),
    /// Links look at each other.
    Peers,
    /// A message reaches a replica.
    Message { from: Who, to: Who, message: Box<PeerMessage> },
    /// An entry reaches the notebook.
    Noted(Box<Entry>),
    /// A replica reads an entry of the notebook.
    Reads(Who, Life, usize),
    /// A publisher has its next row.
    Row(Who, Life),
    /// A source has one more row, and soon so many others.
    Burst(Who, usize),
    /// Somebody without source headers writes.
    Stranger,
    /// A tick that a replica sent reaches the inbound topic.
    Tick(Who),
    /// Sessions that were not heard end.
    Expire,
    /// A fault begins.
    Fault(usize),
    /// A fault ends.
    Undo(usize),
    /// All faults end.
    Heal,
    /// Operators restart what can't go on by itself.
    Repair,
}

/// What may run and when.
pub(crate) struct Process {
    pub(crate) life: Life,
    pub(crate) up: bool,
    pub(crate) frozen: u32,
    clock: crate::clock::Clock,
    stash: Vec<Event>,
    /// Dies after so many further effects.
    fuse: Option<u32>,
}

/// A whole cluster.
pub(crate) struct World<'a> {
    pub(crate) options: Options,
    models: &'a [Model],
    plan: Vec<Fault>,
    pub(crate) now: u64,
    chance: Chance,
    queue: Queue<Event>,
    pub(crate) trace: Trace,
    pub(crate) cluster: Cluster,
    broker_down: Vec<u32>,
    broker_lags: Vec<u32>,
    replicating: Vec<Vec<bool>>,
    /// Per partition: faults by which what it acknowledges may not last.
    dangers: Vec<u32>,
    ensemble: Ensemble,
    ensemble_down: u32,
    ensemble_lag: u32,
    ensemble_fails: u32,
    pub(crate) processes: Vec<Process>,
    pub(crate) replicas: Vec<Replica>,
    publishers: Vec<Publisher>,
    writers: Vec<Writer>,
    wires: Wires,
    pairs: Pairs,
    notebook: Notebook,
    pub(crate) generation: Generation,
    quiet: u32,
    pub(crate) healed: bool,
    pub(crate) witness: Witness,
    pub(crate) violation: Option<Violation>,
    pub(crate) events: u64,
    pub(crate) faults: u64,
    pub(crate) takeovers: u64,
    /// How often a replica went on from a snapshot.
    pub(crate) restores: u64,
}

/// How many brokers; fixed, for two of three must agree.
pub(crate) const BROKERS: usize = 3;
/// The inbound topic's partition.
pub(crate) const INBOUND: PartitionId = PartitionId(0);
/// Events of a story at most; more means that something spins.
const EVENTS_MAX: u64 = 2_000_000;
/// Clocks begin here, so that no time is near zero.
pub(crate) const EPOCH_NANOS: u64 = 1_000_000_000_000;
const EPOCH: u64 = EPOCH_NANOS;
pub(crate) const MS: u64 = 1_000_000;

const VERSIONS: BrokerVersions =
    BrokerVersions { produce: 13, fetch: 16, describe_producers: true, offset_for_leader_epoch: true };

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl<'a> World<'a> {
    pub(crate) fn new(seed: u64, options: Options, plan: Vec<Fault>, models: &'a [Model], told: bool) -> Self {
        let mut topics = vec![models[0].deployment.inbound[0].topic.clone()];
        topics.extend(daemon::pipeline::Pipeline::topics(&models[0].deployment));
        let settings = Settings {
            brokers: BROKERS,
            min_isr: 2,
            producer_expiry: options.producer_expiry,
            batch_bytes_max: 1 << 20,
            versions: VERSIONS,
        };
        let partitions = topics.len();
        let mut chance = Chance::new(seed, 3);
        let count = options.replicas + options.publishers;
        let processes = (0..count).map(|_| Process::new(&mut chance, options.drift_ppm)).collect();
        let mut world = Self {
            plan,
            models,
            now: EPOCH,
            queue: Queue::new(),
            trace: Trace::new(told),
            cluster: Cluster::new(settings, topics),
            broker_down: vec![0; BROKERS],
            broker_lags: vec![0; BROKERS],
            replicating: vec![vec![false; BROKERS]; partitions],
            dangers: vec![0; partitions],
            ensemble: Ensemble::new(options.session),
            ensemble_down: 0,
            ensemble_lag: 0,
            ensemble_fails: 0,
            processes,
            replicas: Vec::new(),
            publishers: Vec::new(),
            writers: Vec::new(),
            wires: Wires::new(count),
            pairs: Pairs::new(options.replicas),
            notebook: Notebook::default(),
            generation: Generation(1),
            quiet: 0,
            healed: false,
            witness: Witness::new(&models[0], partitions, options.marker_period),
            violation: None,
            events: 0,
            faults: 0,
            takeovers: 0,
            restores: 0,
            chance,
            options,
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        self.propose();
        for place in 0..self.options.replicas {
            self.replicas.push(Replica::new(place));
            self.start_replica(Who(place));
        }
        for place in 0..self.options.publishers {
            self.publishers.push(Publisher::new(place));
            self.start_publisher(Who(self.options.replicas + place));
        }
        if self.options.strangers {
            self.later(MS, Event::Stranger);
        }
        for place in 0..self.plan.len() {
            self.queue.push(EPOCH + nanos(self.plan[place].at), Event::Fault(place));
            self.plan_bursts(place);
        }
        self.later(MS, Event::Peers);
        self.expire_later();
        self.queue.push(EPOCH + nanos(FAULTS_LAST) + 9_000 * MS, Event::Heal);
    }

    /// Runs the story to its end, or to the first violation.
    pub(crate) fn run(&mut self) {
        let end = EPOCH + nanos(STORY_LASTS);
        while self.violation.is_none() {
            let Some((at, event)) = self.queue.pop() else { break };
            if at > end {
                break;
            }
            self.now = self.now.max(at);
            self.events += 1;
            if self.events > EVENTS_MAX {
                self.violation = Some(Violation::new("progress", "a minute is full of events and doesn't end"));
                return;
            }
            self.dispatch(event);
        }
        if self.violation.is_none() {
            self.violation = crate::invariants::converged::check(self).err();
        }
    }

    fn dispatch(&mut self, event: Event) {
        if let Some(who) = self.owner(&event)
            && self.processes[who.0].frozen > 0
        {
            return self.processes[who.0].stash.push(event);
        }
        match event {
            Event::Control(who, life) if self.lives(who, life) => self.turn_control(who),
            Event::Hot(who, life) if self.lives(who, life) => self.turn_hot(who),
            Event::Inlet(who, life) if self.lives(who, life) => self.fill_inlet(who),
            Event::Coordinator(who, life) if self.lives(who, life) => self.visit_ensemble(who),
            Event::Reads(who, life, place) if self.lives(who, life) => self.read_note(who, place),
            Event::Row(who, life) if self.lives(who, life) => self.next_row(who),
            Event::Control(..)
            | Event::Hot(..)
            | Event::Inlet(..)
            | Event::Coordinator(..)
            | Event::Reads(..)
            | Event::Row(..) => {}
            Event::Burst(who, left) => self.burst(who, left),
            Event::Writer(writer) => self.wake_writer(writer),
            Event::Connected(wire) => self.connected(wire),
            Event::ToBroker(wire, bytes) => self.reach_broker(wire, &bytes),
            Event::ToClient(wire, bytes) => self.reach_client(wire, &bytes),
            Event::Broken(wire, reason) => self.broken(wire, reason),
            Event::AnswerDue(wire) => self.answer_due(wire),
            Event::Replicate(partition, node) => self.replicate(partition, node),
            Event::Learn(partition, node) => self.learn(partition, node),
            Event::Fence(node) => self.fence(node),
            Event::Peers => self.look_at_peers(),
            Event::Message { from, to, message } => self.deliver_message(from, to, *message),
            Event::Noted(entry) => self.note(*entry),
            Event::Stranger => self.stranger_writes(),
            Event::Tick(who) => self.tick_arrives(who),
            Event::Expire => self.expire_sessions(),
            Event::Fault(place) => self.begin_fault(place),
            Event::Undo(place) => self.end_fault(place),
            Event::Heal => self.heal(),
            Event::Repair => self.repair(),
        }
    }

    /// The process that an event happens to.
    fn owner(&self, event: &Event) -> Option<Who> {
        match event {
            Event::Control(who, _)
            | Event::Hot(who, _)
            | Event::Inlet(who, _)
            | Event::Coordinator(who, _)
            | Event::Reads(who, _, _)
            | Event::Row(who, _)
            | Event::Burst(who, _) => Some(*who),
            Event::Message { to, .. } => Some(*to),
            Event::Writer(writer) => Some(self.writers[writer.0].owner),
            Event::Connected(wire) | Event::ToClient(wire, _) | Event::Broken(wire, _) => {
                Some(self.writers[self.wires.get(*wire).writer.0].owner)
            }
            Event::ToBroker(..)
            | Event::AnswerDue(_)
            | Event::Replicate(..)
            | Event::Learn(..)
            | Event::Fence(_)
            | Event::Peers
            | Event::Noted(_)
            | Event::Stranger
            | Event::Tick(_)
            | Event::Expire
            | Event::Fault(_)
            | Event::Undo(_)
            | Event::Heal
            | Event::Repair => None,
        }
    }

    /// A step broke a promise, or didn't; the first one counts.
    fn found(&mut self, judged: Result<(), Violation>) {
        if let Err(violation) = judged {
            self.violation.get_or_insert(violation);
        }
    }

    pub(crate) fn tick(&self) -> Tick {
        Tick(self.now)
    }

    fn local(&self, who: Who) -> Tick {
        self.processes[who.0].clock.shows(self.now)
    }

    fn later(&mut self, delay: u64, event: Event) {
        self.queue.push(self.now + delay, event);
    }

    /// A delay of the network: mostly short, sometimes as long as the options allow.
    fn delay(&mut self) -> u64 {
        let longest = nanos(self.options.delay_max);
        let bound = if self.chance.happens(900) { longest.min(MS / 2) } else { longest };
        50_000 + self.chance.below(bound)
    }

    fn lives(&self, who: Who, life: Life) -> bool {
        self.processes[who.0].up && self.processes[who.0].life == life
    }

    fn life(&self, who: Who) -> Life {
        self.processes[who.0].life
    }

    /// A process runs no more until it thaws as often as it froze.
    fn freeze(&mut self, who: Who) {
        self.processes[who.0].frozen += 1;
    }

    fn thaw(&mut self, who: Who) {
        let process = &mut self.processes[who.0];
        process.frozen = process.frozen.saturating_sub(1);
        if process.frozen == 0 {
            for event in std::mem::take(&mut process.stash) {
                self.later(1_000, event);
            }
        }
    }

    /// Counts an effect of a process; false when it just died of it.
    fn burn(&mut self, who: Who) -> bool {
        let Some(fuse) = &mut self.processes[who.0].fuse else { return true };
        if *fuse > 0 {
            *fuse -= 1;
            return true;
        }
        self.kill(who, true);
        false
    }

    fn all_replicas(&self) -> impl Iterator<Item = Who> + use<> {
        (0..self.options.replicas).map(Who)
    }

    /// Outbound topics, in the pipeline's order.
    fn outbound(&self) -> Vec<TopicName> {
        self.cluster.partitions()[1..].iter().map(|partition| partition.topic().clone()).collect()
    }

    fn model(&self, generation: Generation) -> &'a Model {
        &self.models[usize::from(generation.0) - 1]
    }
}

impl Process {
    fn new(chance: &mut Chance, drift_ppm: u64) -> Self {
        let wrong = chance.below(2 * drift_ppm + 1).cast_signed() - drift_ppm.cast_signed();
        let begins = chance.below(EPOCH);
        let clock = crate::clock::Clock::new(begins, wrong);
        Self { life: 0, up: false, frozen: 0, clock, stash: Vec::new(), fuse: None }
    }
}
