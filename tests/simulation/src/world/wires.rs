//! Connections between clients and brokers: bytes in order, late, held back while a way is cut, lost with a process.

use std::sync::Arc;

use adapter_memory::brokers::{NodeId, Session};
use appender::Nonce;
use appender::connection::Connection;
use appender::link::{LinkDown, LinkId};
use bytes::Bytes;

use super::{BROKERS, Event, MS, Who, WireId, World, WriterId};

/// A connection, both ends.
pub(super) struct Wire {
    pub(super) writer: WriterId,
    pub(super) link: LinkId,
    pub(super) node: NodeId,
    /// The client's end; `None` before it stands and after it was given up.
    pub(super) client: Option<Connection>,
    /// The client still wants it.
    pub(super) wanted: bool,
    session: Option<Session>,
    /// When the broker looks next whether a waiting answer is due.
    looks_at: Option<u64>,
    last_there: u64,
    last_back: u64,
    /// Bytes that wait for a cut to heal.
    held_there: Vec<Bytes>,
    held_back: Vec<Bytes>,
}

/// All connections, and which ways are cut.
pub(super) struct Wires {
    all: Vec<Wire>,
    /// Those with a broker's end, for the looks of brokers.
    open: Vec<WireId>,
    /// Per process and broker: cuts on the way there and back.
    cuts: Vec<[[u32; 2]; BROKERS]>,
}

/// A direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    There,
    Back,
}

impl Wires {
    pub(super) fn new(processes: usize) -> Self {
        Self { all: Vec::new(), open: Vec::new(), cuts: vec![[[0; 2]; BROKERS]; processes] }
    }

    pub(super) fn get(&self, wire: WireId) -> &Wire {
        &self.all[wire.0]
    }

    pub(super) fn get_mut(&mut self, wire: WireId) -> &mut Wire {
        &mut self.all[wire.0]
    }

    pub(super) fn is_cut(&self, who: Who, node: NodeId, way: Way) -> bool {
        self.cuts[who.0][node.0][way as usize] > 0
    }

    pub(super) fn cut(&mut self, who: Who, node: NodeId, way: Way) {
        self.cuts[who.0][node.0][way as usize] += 1;
    }

    pub(super) fn mend(&mut self, who: Who, node: NodeId, way: Way) {
        let cuts = &mut self.cuts[who.0][node.0][way as usize];
        *cuts = cuts.saturating_sub(1);
    }
}

impl World<'_> {
    pub(super) fn dial(&mut self, writer: WriterId, link: LinkId, node: NodeId) -> WireId {
        let wire = WireId(self.wires.all.len());
        self.wires.all.push(Wire {
            writer,
            link,
            node,
            client: None,
            wanted: true,
            session: None,
            looks_at: None,
            last_there: 0,
            last_back: 0,
            held_there: Vec::new(),
            held_back: Vec::new(),
        });
        let delay = self.delay();
        self.later(delay, Event::Connected(wire));
        wire
    }

    pub(super) fn connected(&mut self, wire: WireId) {
        let (node, writer) = (self.wires.get(wire).node, self.wires.get(wire).writer);
        let owner = self.writers[writer.0].owner;
        if !self.wires.get(wire).wanted || self.writers[writer.0].dead {
            return;
        }
        if self.wires.is_cut(owner, node, Way::There) || self.wires.is_cut(owner, node, Way::Back) {
            let timeout = super::nanos(self.options.request_timeout);
            return self.later(timeout, Event::Broken(wire, LinkDown::TimedOut { what: "connecting" }));
        }
        if !self.cluster.is_alive(node) {
            let reason = LinkDown::Unreachable { reason: "refused".to_owned() };
            return self.later(50_000, Event::Broken(wire, reason));
        }
        let now = self.local(owner);
        let settings = Arc::clone(&self.writers[writer.0].settings);
        let up_by = now + self.options.request_timeout;
        let held = self.wires.get_mut(wire);
        held.client = Some(Connection::new(settings, "broker", Nonce(String::new()), up_by));
        held.session = Some(Session::new(node));
        self.wires.open.push(wire);
        self.drive_writer(writer);
    }

    /// Sends what a client has written.
    pub(super) fn flush(&mut self, wire: WireId) {
        let held = self.wires.get_mut(wire);
        let Some(client) = held.client.as_mut().filter(|client| client.wants_write()) else { return };
        let mut bytes = Vec::new();
        if client.transmit(&mut bytes).is_err() || bytes.is_empty() {
            return;
        }
        self.send(wire, Way::There, Bytes::from(bytes));
    }

    fn send(&mut self, wire: WireId, way: Way, bytes: Bytes) {
        let (node, writer) = (self.wires.get(wire).node, self.wires.get(wire).writer);
        let owner = self.writers[writer.0].owner;
        if self.wires.is_cut(owner, node, way) {
            let held = self.wires.get_mut(wire);
            return match way {
                Way::There => held.held_there.push(bytes),
                Way::Back => held.held_back.push(bytes),
            };
        }
        let at = self.now + self.delay();
        let held = self.wires.get_mut(wire);
        let last = match way {
            Way::There => &mut held.last_there,
            Way::Back => &mut held.last_back,
        };
        *last = at.max(*last + 1);
        let at = *last;
        let event = match way {
            Way::There => Event::ToBroker(wire, bytes),
            Way::Back => Event::ToClient(wire, bytes),
        };
        self.queue.push(at, event);
    }

    /// What waited for a cut to heal goes on, as retransmissions do; also bytes of clients that gave up meanwhile.
    pub(super) fn release(&mut self, who: Who, node: NodeId, way: Way) {
        if self.wires.is_cut(who, node, way) {
            return;
        }
        for place in 0..self.wires.all.len() {
            let wire = WireId(place);
            let (at, writer) = (self.wires.get(wire).node, self.wires.get(wire).writer);
            if at != node || self.writers[writer.0].owner != who {
                continue;
            }
            let held = self.wires.get_mut(wire);
            let waiting = match way {
                Way::There => std::mem::take(&mut held.held_there),
                Way::Back => std::mem::take(&mut held.held_back),
            };
            for bytes in waiting {
                self.send(wire, way, bytes);
            }
        }
    }

    pub(super) fn reach_broker(&mut self, wire: WireId, bytes: &[u8]) {
        self.trace.note_bytes(self.now, 1, bytes, || format!("wire {} -> broker: {} bytes", wire.0, bytes.len()));
        let Some(session) = &mut self.wires.get_mut(wire).session else { return };
        if !session.receive(bytes) {
            self.violation = Some(crate::invariants::Violation::new("frames", "a broker can't read a client's bytes"));
            return;
        }
        self.advance_session(wire);
    }

    /// A broker looks whether the answer that waits on a connection is due.
    pub(super) fn answer_due(&mut self, wire: WireId) {
        let now = self.now;
        // An earlier look may have been asked for after this one.
        if self.wires.get_mut(wire).looks_at.take_if(|at| *at <= now).is_some() {
            self.advance_session(wire);
        }
    }

    /// Serves what can be served on a connection.
    pub(super) fn advance_session(&mut self, wire: WireId) {
        let now = self.tick();
        let Some(session) = self.wires.get_mut(wire).session.as_mut() else { return };
        let answers = session.advance(&mut self.cluster, now);
        let waits = session.waits();
        let answered = !answers.is_empty();
        for answer in answers {
            if self.wires.get(wire).wanted {
                self.send(wire, Way::Back, answer);
            }
        }
        let held = self.wires.get_mut(wire);
        if let Some((_, until)) = waits
            && held.looks_at.is_none_or(|at| until.0 < at)
        {
            held.looks_at = Some(until.0);
            self.queue.push(until.0, Event::AnswerDue(wire));
        }
        self.stir_appended();
        // A watermark may also have risen because the controller waits for fewer: the witness knows what a client is told.
        if answered {
            self.stir_all();
        }
    }

    /// Looks at every answer that waits in a partition.
    pub(super) fn advance_waiting(&mut self, partition: adapter_memory::brokers::PartitionId) {
        let waiting: Vec<WireId> = self
            .wires
            .open
            .iter()
            .copied()
            .filter(|wire| {
                let session = self.wires.get(*wire).session.as_ref();
                session.and_then(Session::waits).is_some_and(|(where_to, _)| where_to == partition)
            })
            .collect();
        for wire in waiting {
            self.advance_session(wire);
        }
        let all = &self.wires.all;
        let is_live = |wire: &WireId| {
            let held = &all[wire.0];
            held.wanted || held.session.as_ref().is_some_and(|session| session.waits().is_some())
        };
        self.wires.open.retain(is_live);
    }

    pub(super) fn reach_client(&mut self, wire: WireId, bytes: &[u8]) {
        self.trace.note_bytes(self.now, 2, bytes, || format!("wire {} -> client: {} bytes", wire.0, bytes.len()));
        let Some(client) = &mut self.wires.get_mut(wire).client else { return };
        client.receive(bytes);
        let writer = self.wires.get(wire).writer;
        self.drive_writer(writer);
    }

    /// The client hears that its connection is gone.
    pub(super) fn broken(&mut self, wire: WireId, reason: LinkDown) {
        let held = self.wires.get_mut(wire);
        if !held.wanted {
            return;
        }
        let (writer, link) = (held.writer, held.link);
        self.give_up(wire);
        self.hear_link(writer, link, appender::link::LinkEvent::Down { reason });
    }

    /// The client's end is closed; what it had sent may still arrive.
    pub(super) fn give_up(&mut self, wire: WireId) {
        let held = self.wires.get_mut(wire);
        held.wanted = false;
        held.client = None;
        let writer = held.writer;
        self.writers[writer.0].links.retain(|(_, other)| *other != wire);
        // A broker notices a closed connection only when it has served what lies in it.
        let idle = self.wires.get(wire).session.as_ref().is_none_or(|session| session.waits().is_none());
        if idle && self.wires.get(wire).held_there.is_empty() {
            self.wires.open.retain(|other| *other != wire);
        }
    }

    /// A broker's process is gone, and with it its ends; clients hear of it unless a cut swallows the news.
    pub(super) fn break_wires(&mut self, node: NodeId) {
        let open = std::mem::take(&mut self.wires.open);
        for wire in open {
            if self.wires.get(wire).node != node {
                self.wires.open.push(wire);
                continue;
            }
            self.wires.get_mut(wire).session = None;
            let owner = self.writers[self.wires.get(wire).writer.0].owner;
            if !self.wires.is_cut(owner, node, Way::Back) {
                let delay = self.delay();
                let at = (self.now + delay).max(self.wires.get(wire).last_back + MS / 10);
                self.queue.push(at, Event::Broken(wire, LinkDown::Closed { reason: "reset".to_owned() }));
            }
        }
    }
}
