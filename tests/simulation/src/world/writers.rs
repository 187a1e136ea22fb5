//! The driver of a real append machine: what `appender::driver` does by a thread and sockets, done by events.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use adapter_memory::brokers::{Cluster, NodeId};
use appender::batch::Compression;
use appender::connection::{LinkOptions, LinkSettings};
use appender::link::{Effect, LinkEvent, LinkId};
use appender::machine::{Bounds, Layout, Lifetimes, Machine, MachineConfig, Noted, Watch, producer_id};
use ports::output::{OutputCommand, OutputFact, OutputProgress, WriterIdentity};
use ports::security::Security;
use types::{Generation, MemberName, SourceId, Timestamp, TopicName};

use super::{BROKERS, Event, Who, WireId, World, WriterId};
use crate::invariants::only_committed_is_dropped;

/// Commands on their way to a writer.
pub(super) type Inbox = Arc<Mutex<VecDeque<OutputCommand>>>;

/// Facts and links that may follow from one event; more would be a loop.
const STEPS_MAX: usize = 10_000;

/// One append machine and its links.
pub(super) struct Writer {
    pub(super) owner: Who,
    /// Which of the owner's outputs; 0 for a publisher.
    pub(super) output: usize,
    pub(super) generation: Generation,
    pub(super) machine: Machine,
    pub(super) settings: Arc<LinkSettings>,
    pub(super) links: Vec<(LinkId, WireId)>,
    pub(super) inbox: Inbox,
    pub(super) progress: Arc<OutputProgress>,
    pub(super) dead: bool,
    wake: Option<u64>,
}

/// What differs between writers.
pub(super) struct Start {
    pub(super) owner: Who,
    pub(super) output: usize,
    pub(super) name: String,
    pub(super) generation: Generation,
    pub(super) topic: TopicName,
    pub(super) layout: Layout,
    pub(super) noted: Noted,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World<'_> {
    pub(super) fn start_writer(&mut self, start: Start) -> WriterId {
        let Start { owner, output, name, generation, topic, layout, noted } = start;
        let source: Option<SourceId> = match &layout {
            Layout::Sole | Layout::Journal => None,
            Layout::Shared { source } => Some(source.clone()),
        };
        let label = self.models[0].deployment.label.clone();
        let options = &self.options;
        let retention = options.retention.filter(|_| source.is_none());
        let config = MachineConfig {
            producer_id: producer_id(&label, &topic, source.as_ref()),
            topic,
            identity: WriterIdentity {
                writer: format!("{name}.{}", self.life(owner)),
                member: MemberName(name),
                model: format!("00000000000000aa.{generation}"),
                generation,
            },
            layout,
            bootstrap: (0..BROKERS).map(|node| Cluster::address(NodeId(node))).collect(),
            noted,
            bounds: Bounds {
                batch_records_max: options.batch_max,
                in_flight_max: options.in_flight_max,
                fetch_wait: std::time::Duration::from_secs(2),
                request_timeout: options.request_timeout,
                kept_records_max: options.kept_max,
                ..Bounds::default()
            },
            lifetimes: Lifetimes { producer_expiry_min: options.producer_expiry, retention },
            compression: Compression::None,
        };
        let settings = match LinkSettings::new(&Security::default(), LinkOptions::default()) {
            Ok(settings) => Arc::new(settings),
            Err(error) => panic!("no security is always right: {error}"),
        };
        let progress = Arc::new(OutputProgress::default());
        let watch = Watch::new(Arc::clone(&progress));
        let wall = Timestamp(i64::try_from(self.now / 1_000).unwrap_or(i64::MAX));
        let machine = Machine::new(config, self.local(owner), wall).watched_by(watch);
        let id = WriterId(self.writers.len());
        self.writers.push(Writer {
            owner,
            output,
            generation,
            machine,
            settings,
            links: Vec::new(),
            inbox: Inbox::default(),
            progress,
            dead: false,
            wake: None,
        });
        self.later(1_000, Event::Writer(id));
        id
    }

    /// A writer's thread wakes: commands, then deadlines.
    pub(super) fn wake_writer(&mut self, id: WriterId) {
        let now = self.local(self.writers[id.0].owner);
        let writer = &mut self.writers[id.0];
        // An earlier wish was overtaken by a later one: there is nothing to do yet.
        let overtaken = writer.wake.is_some_and(|at| at > self.now) && lock(&writer.inbox).is_empty();
        if writer.dead || overtaken {
            return;
        }
        if writer.wake.is_some_and(|at| at <= self.now) {
            writer.wake = None;
        }
        while let Some(command) = { lock(&self.writers[id.0].inbox).pop_front() } {
            self.trace.note(self.now, 3, id.0 as u64, || format!("writer {} {}", id.0, command_text(&command)));
            self.writers[id.0].machine.command(command, now);
            if !self.obey(id) {
                return;
            }
        }
        let writer = &mut self.writers[id.0];
        if writer.machine.deadline().is_some_and(|deadline| deadline <= now) {
            writer.machine.on_deadline(now);
        }
        for (_, wire) in &writer.links {
            if let Some(client) = &mut self.wires.get_mut(*wire).client
                && client.deadline().is_some_and(|deadline| deadline <= now)
            {
                client.on_deadline(now);
            }
        }
        self.drive_writer(id);
    }

    pub(super) fn hear_link(&mut self, id: WriterId, link: LinkId, event: LinkEvent) {
        if self.writers[id.0].dead {
            return;
        }
        let now = self.local(self.writers[id.0].owner);
        self.trace.note(self.now, 4, u64::from(link.0), || format!("writer {} {link:?} {}", id.0, event_text(&event)));
        self.writers[id.0].machine.on_link(link, event, now);
        self.drive_writer(id);
    }

    /// Does what the machine wants and tells it what came of it, until both are silent.
    pub(super) fn drive_writer(&mut self, id: WriterId) {
        self.work_writer(id);
        let judged = only_committed_is_dropped::check(self, id);
        self.found(judged);
    }

    fn work_writer(&mut self, id: WriterId) {
        for _ in 0..STEPS_MAX {
            if self.writers[id.0].dead || !self.obey(id) {
                return;
            }
            for place in 0..self.writers[id.0].links.len() {
                self.flush(self.writers[id.0].links[place].1);
            }
            let news = self.writers[id.0].links.iter().find_map(|(link, wire)| {
                let event = self.wires.get_mut(*wire).client.as_mut()?.poll()?;
                Some((*link, *wire, event))
            });
            let Some((link, wire, event)) = news else {
                return self.await_deadline(id);
            };
            if matches!(event, LinkEvent::Down { .. }) {
                self.give_up(wire);
            }
            let now = self.local(self.writers[id.0].owner);
            self.trace
                .note(self.now, 4, u64::from(link.0), || format!("writer {} {link:?} {}", id.0, event_text(&event)));
            self.writers[id.0].machine.on_link(link, event, now);
        }
        self.violation = Some(crate::invariants::Violation::new("progress", "a writer and its links go on and on"));
    }

    /// False when the process died of an effect.
    fn obey(&mut self, id: WriterId) -> bool {
        while let Some(effect) = self.writers[id.0].machine.poll() {
            let owner = self.writers[id.0].owner;
            if !self.burn(owner) {
                return false;
            }
            match effect {
                Effect::Open { link, broker } => {
                    let wire = self.dial(id, link, NodeId(usize::from(broker.port)));
                    self.writers[id.0].links.push((link, wire));
                }
                Effect::Request { link, tag, request, timeout } => {
                    let now = self.local(owner);
                    let wire = self.writers[id.0].links.iter().find(|(other, _)| *other == link).map(|(_, wire)| *wire);
                    if let Some(client) = wire.and_then(|wire| self.wires.get_mut(wire).client.as_mut()) {
                        self.trace.note(self.now, 5, tag.0, || format!("writer {} asks {}", id.0, request.name()));
                        client.send(tag, request, timeout, now);
                    }
                }
                Effect::Shut { link } => {
                    let wire = self.writers[id.0].links.iter().find(|(other, _)| *other == link).map(|(_, wire)| *wire);
                    if let Some(wire) = wire {
                        self.give_up(wire);
                    }
                }
                Effect::Fact(fact) => self.hear_fact(id, fact),
            }
        }
        true
    }

    fn hear_fact(&mut self, id: WriterId, fact: OutputFact) {
        let (owner, output) = (self.writers[id.0].owner, self.writers[id.0].output);
        self.trace.note(self.now, 6, id.0 as u64, || format!("writer {} says {fact:?}", id.0));
        if owner.0 < self.options.replicas {
            self.wake_control(owner, daemon::node::Wake::Output(failover::OutputId(output), fact));
        } else {
            self.hear_publisher(owner, fact);
        }
    }

    /// Wakes the writer when the machine or one of its links wants it.
    fn await_deadline(&mut self, id: WriterId) {
        let writer = &self.writers[id.0];
        let clock = self.processes[writer.owner.0].clock;
        let links = writer.links.iter().filter_map(|(_, wire)| self.wires.get(*wire).client.as_ref()?.deadline());
        let Some(deadline) = links.chain(writer.machine.deadline()).min() else { return self.positions_moved(id) };
        let at = clock.when(deadline).max(self.now + 1_000);
        if writer.wake.is_none_or(|wake| at < wake || wake <= self.now) {
            self.writers[id.0].wake = Some(at);
            self.queue.push(at, Event::Writer(id));
        }
        self.positions_moved(id);
    }

    /// Tells a writer that there are commands.
    pub(super) fn ring_writer(&mut self, id: WriterId) {
        let delay = 2_000 + self.chance.below(30_000);
        self.later(delay, Event::Writer(id));
    }
}

fn command_text(command: &OutputCommand) -> String {
    match command {
        OutputCommand::Push(records) => match (records.first(), records.last()) {
            (Some(first), Some(last)) => format!("push {}..={}", first.index, last.index),
            (None, _) | (_, None) => "push nothing".to_owned(),
        },
        OutputCommand::PushSourced(records) => format!("push {} blocks", records.len()),
        OutputCommand::Hold(hold) => format!("hold {hold}"),
        OutputCommand::Lifetimes { .. } => "lifetimes".to_owned(),
        OutputCommand::Write => "write".to_owned(),
        OutputCommand::WriteAt(next) => format!("write at {next}"),
        OutputCommand::Follow => "follow".to_owned(),
        OutputCommand::Stop => "stop".to_owned(),
    }
}

fn event_text(event: &LinkEvent) -> String {
    match event {
        LinkEvent::Up { .. } => "up".to_owned(),
        LinkEvent::Down { reason } => format!("down: {reason}"),
        LinkEvent::Response { response, .. } => {
            let mut text = format!("{:?} {:?}", response.error, response.body);
            text.truncate(160);
            text
        }
    }
}
