//! Machines, a network that loses and delays, and the model brokers, on one virtual clock driven by one seed.

use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::time::Duration;

use ports::output::{OutputBlock, OutputCommand, OutputFact, WriterIdentity};
use types::{
    Digest, Generation, MemberName, MessageId, Offset, OutputIndex, OutputKind, OutputRecord, Tick, Timestamp,
    TopicName,
};

use super::super::codec::{Meaning, walk};
use super::super::{Bounds, Layout, Lifetimes, Machine, MachineConfig, Noted, producer_id};
use super::broker::{BROKERS, Cluster, Outcome};
use crate::batch::Compression;
use crate::link::{Effect, LinkDown, LinkEvent, LinkId, RequestTag};
use crate::wire::{Request, Response};

pub(super) const MS: u64 = 1_000_000;

/// Chance from a seed (splitmix64): the same seed, the same story.
#[derive(Debug, Clone)]
pub(super) struct Chance(u64);

impl Chance {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// True `per_mille` times in a thousand.
    pub(super) fn happens(&mut self, per_mille: u64) -> bool {
        self.below(1000) < per_mille
    }
}

/// The n-th output, as every replica computes it.
pub(super) fn output(index: u64) -> OutputRecord {
    output_of(index, "f")
}

/// The n-th output of a function `f`.
pub(super) fn output_of(index: u64, f: &str) -> OutputRecord {
    let payload = |index: u64| format!("{f}({index})").into_bytes();
    let mut digest = Digest::default();
    for earlier in 0..=index {
        digest = digest.extend(OutputKind::Data, MessageId(earlier * 2), 0, &payload(earlier));
    }
    OutputRecord {
        index: OutputIndex(index),
        id: MessageId(index * 2),
        part: 0,
        time: Timestamp(0),
        kind: OutputKind::Data,
        payload: payload(index),
        digest,
    }
}

pub(super) const LABEL: &str = "HA";

pub(super) fn config(name: &str, generation: u16) -> MachineConfig {
    let topic = TopicName::from("HA.p.q.w.O");
    MachineConfig {
        producer_id: producer_id(LABEL, &topic, None),
        topic,
        identity: WriterIdentity {
            writer: format!("{name}.1"),
            member: MemberName::from(name),
            model: format!("00000000000000aa.{generation}"),
            generation: Generation(generation),
        },
        layout: Layout::Sole,
        bootstrap: (0..BROKERS).map(Cluster::address).collect(),
        noted: Noted::default(),
        bounds: Bounds { request_timeout: Duration::from_secs(2), ..Bounds::default() },
        lifetimes: Lifetimes::default(),
        compression: Compression::None,
    }
}

/// One replica's machine and what it said.
pub(super) struct Actor {
    pub(super) machine: Machine,
    pub(super) facts: Vec<OutputFact>,
    pub(super) pushed: u64,
    pub(super) frozen: bool,
    wake: Option<Tick>,
}

impl Actor {
    pub(super) fn blocked(&self) -> Option<&OutputBlock> {
        self.facts.iter().find_map(|fact| match fact {
            OutputFact::Blocked(block) => Some(block),
            _ => None,
        })
    }

    pub(super) fn is_done(&self, end: u64) -> bool {
        let progress = self.machine.progress();
        progress.published_end == OutputIndex(end) && progress.owed == 0 && progress.in_flight == 0
    }
}

/// A connection, both ends.
struct Wire {
    actor: usize,
    link: LinkId,
    node: usize,
    /// The machine still listens.
    open: bool,
    inbox: VecDeque<(RequestTag, Request)>,
    waiting: Option<(RequestTag, Request, Outcome)>,
    /// Replies in the socket.
    held: VecDeque<(RequestTag, Response)>,
    last_arrival: u64,
    last_reply: u64,
}

#[derive(Debug)]
enum Happening {
    Connected {
        wire: usize,
    },
    Arrives {
        wire: usize,
        tag: RequestTag,
        request: Box<Request>,
    },
    Reply {
        wire: usize,
        tag: RequestTag,
        response: Box<Response>,
    },
    Down {
        wire: usize,
        reason: LinkDown,
    },
    TimesOut {
        wire: usize,
        tag: RequestTag,
    },
    /// A request of an abandoned connection is served after all; nobody hears the answer.
    Late {
        node: usize,
        request: Box<Request>,
    },
    Thaws {
        wire: usize,
    },
    Wake {
        actor: usize,
    },
    Look,
}

/// How bad the network is.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Faults {
    /// Replies lost together with their connection, per mille.
    pub(super) lost_replies: u64,
    /// Connections refused, per mille.
    pub(super) refused: u64,
    /// Longest delay in microseconds.
    pub(super) delay_max_us: u64,
    /// Requests of abandoned connections that are served all the same, later, per mille.
    pub(super) late: u64,
}

pub(super) const CALM: Faults = Faults { lost_replies: 0, refused: 0, delay_max_us: 300, late: 0 };

pub(super) struct World {
    pub(super) now: u64,
    pub(super) chance: Chance,
    pub(super) cluster: Cluster,
    pub(super) actors: Vec<Actor>,
    pub(super) faults: Faults,
    wires: Vec<Wire>,
    links: BTreeMap<(usize, LinkId), usize>,
    queue: BinaryHeap<std::cmp::Reverse<(u64, u64)>>,
    happenings: BTreeMap<(u64, u64), Happening>,
    order: u64,
    /// Followers copy by themselves; switched off to hold the high watermark.
    pub(super) replicating: bool,
    /// What was done, when a test asks for it.
    pub(super) trace: Option<Vec<String>>,
    /// Whose doings.
    pub(super) traced: usize,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut world = Self {
            now: 1_000_000 * MS,
            chance: Chance::new(seed),
            cluster: Cluster::new(),
            actors: Vec::new(),
            faults: CALM,
            wires: Vec::new(),
            links: BTreeMap::new(),
            queue: BinaryHeap::new(),
            happenings: BTreeMap::new(),
            order: 0,
            replicating: true,
            trace: None,
            traced: 0,
        };
        world.later(0, Happening::Look);
        world
    }

    pub(super) fn tick(&self) -> Tick {
        Tick(self.now)
    }

    pub(super) fn add(&mut self, config: MachineConfig) -> usize {
        let machine = Machine::new(config, self.tick(), Timestamp(0));
        self.actors.push(Actor { machine, facts: Vec::new(), pushed: 0, frozen: false, wake: None });
        let actor = self.actors.len() - 1;
        self.drain(actor);
        actor
    }

    /// A process dies and another one starts in its place.
    pub(super) fn restart(&mut self, actor: usize, config: MachineConfig) {
        for wire in 0..self.wires.len() {
            if self.wires[wire].actor == actor {
                self.abandon(wire);
            }
        }
        let machine = Machine::new(config, self.tick(), Timestamp(0));
        self.actors[actor] = Actor { machine, facts: Vec::new(), pushed: 0, frozen: false, wake: None };
        self.drain(actor);
    }

    pub(super) fn command(&mut self, actor: usize, command: OutputCommand) {
        let now = self.tick();
        if let Some(trace) = self.trace.as_mut().filter(|_| self.traced == actor) {
            trace.push(match &command {
                OutputCommand::Push(records) => format!("> Push {}..+{}", records[0].index, records.len()),
                command => format!("> {command:?}"),
            });
        }
        self.actors[actor].machine.command(command, now);
        self.drain(actor);
    }

    /// Outputs up to `end` are computed.
    pub(super) fn compute(&mut self, actor: usize, end: u64) {
        self.compute_of(actor, end, output);
    }

    pub(super) fn compute_of(&mut self, actor: usize, end: u64, f: impl Fn(u64) -> OutputRecord) {
        let from = self.actors[actor].pushed;
        if from < end {
            self.actors[actor].pushed = end;
            self.command(actor, OutputCommand::Push((from..end).map(f).collect()));
        }
    }

    pub(super) fn run(&mut self, time: Duration) {
        let end = self.now + time.as_nanos() as u64;
        while self.step(end) {}
        self.now = end;
    }

    /// Runs until `done`; false when that takes longer than `time`.
    pub(super) fn run_until(&mut self, time: Duration, mut done: impl FnMut(&Self) -> bool) -> bool {
        let end = self.now + time.as_nanos() as u64;
        loop {
            if done(self) {
                return true;
            }
            if !self.step(end) {
                return false;
            }
        }
    }

    /// Time passes while nothing at all runs: the machine room was asleep.
    pub(super) fn sleep(&mut self, time: Duration) {
        let shift = time.as_nanos() as u64;
        self.now += shift;
    }

    fn later(&mut self, delay: u64, happening: Happening) {
        self.at(self.now + delay, happening);
    }

    fn at(&mut self, time: u64, happening: Happening) {
        self.order += 1;
        self.queue.push(std::cmp::Reverse((time, self.order)));
        self.happenings.insert((time, self.order), happening);
    }

    fn step(&mut self, end: u64) -> bool {
        let Some(std::cmp::Reverse(key)) = self.queue.peek().copied() else { return false };
        if key.0 > end {
            return false;
        }
        self.queue.pop();
        self.now = self.now.max(key.0);
        if let Some(happening) = self.happenings.remove(&key) {
            self.happen(happening);
        }
        true
    }

    fn delay(&mut self) -> u64 {
        let max = self.faults.delay_max_us.max(1);
        // Mostly fast, sometimes slow.
        let max = if self.chance.happens(900) { max.min(400) } else { max };
        (50 + self.chance.below(max)) * 1_000
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Look => self.look(),
            Happening::Wake { actor } => self.wake(actor),
            Happening::Late { node, request } => {
                if self.cluster.nodes[node].alive {
                    let now = self.tick();
                    self.cluster.serve(node, &request, now);
                }
            }
            Happening::Connected { wire } => self.connected(wire),
            Happening::Arrives { wire, tag, request } => {
                self.wires[wire].inbox.push_back((tag, *request));
                self.serve(wire);
            }
            Happening::Thaws { wire } => self.hand_over(wire),
            Happening::Reply { wire, tag, response } => self.reply(wire, tag, *response),
            Happening::Down { wire, reason } => {
                if self.wires[wire].open {
                    self.abandon(wire);
                    self.tell(wire, LinkEvent::Down { reason });
                }
            }
            Happening::TimesOut { wire, tag } => {
                let awaited = self.wires[wire].waiting.as_ref().is_some_and(|(waiting, _, _)| *waiting == tag)
                    || self.wires[wire].inbox.iter().any(|(waiting, _)| *waiting == tag);
                if awaited {
                    self.happen(Happening::Down { wire, reason: LinkDown::TimedOut { what: "a request" } });
                }
            }
        }
    }

    /// Brokers copy, waiting answers are looked at.
    fn look(&mut self) {
        if self.replicating {
            for node in 0..self.cluster.nodes.len() {
                let stale = self.cluster.nodes[node].believes.1 != self.cluster.epoch;
                if stale && self.chance.happens(970) {
                    continue;
                }
                self.cluster.replicate(node);
                self.cluster.tell(node);
            }
        }
        for wire in 0..self.wires.len() {
            if self.wires[wire].waiting.is_some() {
                self.serve(wire);
            }
        }
        let delay = (300 + self.chance.below(700)) * 1_000;
        self.later(delay, Happening::Look);
    }

    fn wake(&mut self, actor: usize) {
        self.actors[actor].wake = None;
        if self.actors[actor].frozen {
            self.actors[actor].wake = Some(Tick(self.now + 10 * MS));
            return self.later(10 * MS, Happening::Wake { actor });
        }
        let now = self.tick();
        if self.actors[actor].machine.deadline().is_some_and(|at| at <= now) {
            self.actors[actor].machine.on_deadline(now);
        }
        self.drain(actor);
    }

    fn connected(&mut self, wire: usize) {
        let node = self.wires[wire].node;
        if !self.cluster.nodes[node].alive || self.chance.happens(self.faults.refused) {
            let reason = LinkDown::Unreachable { reason: "refused".to_owned() };
            return self.happen(Happening::Down { wire, reason });
        }
        let versions = self.cluster.versions;
        self.tell(wire, LinkEvent::Up { versions });
    }

    fn serve(&mut self, wire: usize) {
        let now = self.tick();
        let node = self.wires[wire].node;
        if !self.cluster.nodes[node].alive {
            self.wires[wire].inbox.clear();
            self.wires[wire].waiting = None;
            return self.happen(Happening::Down { wire, reason: closed() });
        }
        loop {
            if let Some((tag, request, outcome)) = self.wires[wire].waiting.take() {
                match self.cluster.revisit(node, &request, &outcome, now) {
                    Some(response) => self.answer(wire, tag, response),
                    None => {
                        self.wires[wire].waiting = Some((tag, request, outcome));
                        return;
                    }
                }
            }
            let Some((tag, request)) = self.wires[wire].inbox.pop_front() else { return };
            match self.cluster.serve(node, &request, now) {
                Outcome::Now(response) => self.answer(wire, tag, response),
                outcome => self.wires[wire].waiting = Some((tag, request, outcome)),
            }
        }
    }

    fn answer(&mut self, wire: usize, tag: RequestTag, response: Response) {
        if !self.wires[wire].open {
            return;
        }
        if self.chance.happens(self.faults.lost_replies) {
            return self.later(MS, Happening::Down { wire, reason: closed() });
        }
        let at = (self.now + self.delay()).max(self.wires[wire].last_reply + 1);
        self.wires[wire].last_reply = at;
        self.at(at, Happening::Reply { wire, tag, response: Box::new(response) });
    }

    fn reply(&mut self, wire: usize, tag: RequestTag, response: Response) {
        self.wires[wire].held.push_back((tag, response));
        self.hand_over(wire);
    }

    /// Replies wait in the socket while the process is frozen.
    fn hand_over(&mut self, wire: usize) {
        if self.actors[self.wires[wire].actor].frozen {
            return self.later(10 * MS, Happening::Thaws { wire });
        }
        while let Some((tag, response)) = self.wires[wire].held.pop_front() {
            self.tell(wire, LinkEvent::Response { tag, response });
        }
    }

    fn tell(&mut self, wire: usize, event: LinkEvent) {
        let (actor, link) = (self.wires[wire].actor, self.wires[wire].link);
        if !self.wires[wire].open && !matches!(event, LinkEvent::Down { .. }) {
            return;
        }
        if self.links.get(&(actor, link)) != Some(&wire) {
            return;
        }
        if matches!(event, LinkEvent::Down { .. }) {
            self.links.remove(&(actor, link));
        }
        let now = self.tick();
        if let Some(trace) = self.trace.as_mut().filter(|_| self.traced == actor) {
            trace.push(super::stories::event_text(link, &event));
        }
        self.actors[actor].machine.on_link(link, event, now);
        self.drain(actor);
    }

    /// The machine's end is closed; what it had sent may be served later, or never.
    fn abandon(&mut self, wire: usize) {
        if !self.wires[wire].open {
            return;
        }
        self.wires[wire].open = false;
        let node = self.wires[wire].node;
        let inbox = std::mem::take(&mut self.wires[wire].inbox);
        for (_, request) in inbox {
            self.late(node, request);
        }
    }

    fn late(&mut self, node: usize, request: Request) {
        if matches!(request, Request::Produce { .. }) && self.chance.happens(self.faults.late) {
            let delay = self.chance.below(400) * MS;
            self.later(delay, Happening::Late { node, request: Box::new(request) });
        }
    }

    fn drain(&mut self, actor: usize) {
        while let Some(effect) = self.actors[actor].machine.poll() {
            if let Some(trace) = self.trace.as_mut().filter(|_| self.traced == actor) {
                trace.push(super::stories::effect_text(&effect));
            }
            match effect {
                Effect::Open { link, broker } => self.dial(actor, link, usize::from(broker.port)),
                Effect::Request { link, tag, request, timeout } => self.request(actor, link, tag, request, timeout),
                Effect::Shut { link } => {
                    if let Some(wire) = self.links.remove(&(actor, link)) {
                        self.abandon(wire);
                    }
                }
                Effect::Fact(fact) => self.actors[actor].facts.push(fact),
            }
        }
        let deadline = self.actors[actor].machine.deadline();
        if let Some(at) = deadline
            && self.actors[actor].wake.is_none_or(|wake| at < wake)
        {
            assert!(at.0 > self.now, "a deadline in the past would spin");
            self.actors[actor].wake = Some(at);
            self.at(at.0, Happening::Wake { actor });
        }
    }

    fn dial(&mut self, actor: usize, link: LinkId, node: usize) {
        let wire = self.wires.len();
        self.wires.push(Wire {
            actor,
            link,
            node,
            open: true,
            inbox: VecDeque::new(),
            waiting: None,
            held: VecDeque::new(),
            last_arrival: 0,
            last_reply: 0,
        });
        self.links.insert((actor, link), wire);
        let delay = self.delay();
        self.later(delay, Happening::Connected { wire });
    }

    fn request(&mut self, actor: usize, link: LinkId, tag: RequestTag, request: Request, timeout: Duration) {
        let Some(wire) = self.links.get(&(actor, link)).copied() else { return };
        let at = (self.now + self.delay()).max(self.wires[wire].last_arrival + 1);
        self.wires[wire].last_arrival = at;
        self.at(at, Happening::Arrives { wire, tag, request: Box::new(request) });
        self.at(self.now + timeout.as_nanos() as u64, Happening::TimesOut { wire, tag });
    }

    /// What readers see: payloads of all committed records of ours, in order.
    pub(super) fn read_back(&self) -> Vec<(Offset, String)> {
        let reader = config("reader", u16::MAX >> 1);
        let mut found = Vec::new();
        for stored in self.cluster.committed() {
            let mut set = crate::batch::RecordSet::new(&stored.bytes);
            while let Some(batch) = set.next_batch().unwrap() {
                let ours = batch.producer_id == Some(reader.producer_id);
                let mut records = batch.records().unwrap();
                while let Some(record) = records.next_record().unwrap() {
                    let text = match record.value {
                        Some(value) if ours => String::from_utf8_lossy(value).into_owned(),
                        Some(_) => "foreign".to_owned(),
                        None => "fence".to_owned(),
                    };
                    found.push((record.offset, text));
                }
            }
        }
        found
    }

    /// The committed outputs are exactly f(0..n), each once, in order.
    pub(super) fn check_log(&self, n: u64) -> Result<(), String> {
        let outputs: Vec<String> = self
            .read_back()
            .into_iter()
            .map(|(_, text)| text)
            .filter(|text| text != "fence" && text != "foreign")
            .collect();
        let expected: Vec<String> = (0..n).map(|index| format!("f({index})")).collect();
        if outputs == expected { Ok(()) } else { Err(format!("{} outputs: {outputs:?}", outputs.len())) }
    }

    /// Every committed output stands where determinism wants it, whatever still is to come.
    pub(super) fn check_prefix(&self) -> Result<(), String> {
        let reader = config("reader", 1);
        let mut next = OutputIndex(0);
        for stored in self.cluster.committed() {
            let walked = walk(&reader, &stored.bytes, Offset(0), |_, meaning| match meaning {
                Meaning::Output { index, .. } if index == next => {
                    next = next.next();
                    true
                }
                Meaning::Output { .. } => false,
                _ => true,
            });
            match walked {
                Ok(walked) if walked.end.is_some() => {}
                other => return Err(format!("index {next} is missing or repeated at {}: {other:?}", stored.base)),
            }
        }
        Ok(())
    }
}

fn closed() -> LinkDown {
    LinkDown::Closed { reason: "reset".to_owned() }
}
