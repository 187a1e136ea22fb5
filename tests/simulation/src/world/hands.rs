//! What a replica's control loop reaches out with: everything lands in a list that the world works off.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering as Memory};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use adapter_kafka::{NotebookFact, TickOutcome};
use adapter_peer::{PeerMessage, PeerStatus};
use daemon::node::hands::{Notes, Ordering, Peers, Ticks};
use ports::coordinator::{Candidate, CoordinatorCommand};
use ports::input::{InboundBatch, InputError, InputLog, ReadBounds};
use ports::notebook::Entry;
use types::{MemberName, Offset};

use super::writers::lock;
use crate::model::Inbound;

/// What a control loop wants done.
pub(super) enum Reach {
    Coordinate(CoordinatorCommand),
    Message(MemberName, PeerMessage),
    Members(Vec<Candidate>),
    Status(PeerStatus),
    Post(Entry),
}

/// All that a control loop wants done, in order.
#[derive(Clone, Default)]
pub(super) struct Hands(Arc<Mutex<VecDeque<Reach>>>);

impl Hands {
    pub(super) fn next(&self) -> Option<Reach> {
        lock(&self.0).pop_front()
    }

    fn reach(&self, reach: Reach) -> anyhow::Result<()> {
        lock(&self.0).push_back(reach);
        Ok(())
    }
}

impl Ordering for Hands {
    fn send(&self, command: CoordinatorCommand) -> anyhow::Result<()> {
        self.reach(Reach::Coordinate(command))
    }

    fn observe(&self, _fact: &NotebookFact) {}
}

impl Peers for Hands {
    fn send(&self, to: &MemberName, message: PeerMessage) -> anyhow::Result<()> {
        self.reach(Reach::Message(to.clone(), message))
    }

    fn set_members(&self, members: Vec<Candidate>) {
        lock(&self.0).push_back(Reach::Members(members));
    }

    fn publish_status(&self, status: PeerStatus) {
        lock(&self.0).push_back(Reach::Status(status));
    }
}

impl Notes for Hands {
    fn post(&self, entry: &Entry) -> anyhow::Result<()> {
        self.reach(Reach::Post(entry.clone()))
    }
}

/// Ticks that a hot thread wants sent.
#[derive(Clone, Default)]
pub(super) struct TickBox(Arc<AtomicU64>);

impl TickBox {
    pub(super) fn take(&self) -> u64 {
        self.0.swap(0, Memory::Relaxed)
    }
}

impl Ticks for TickBox {
    fn send(&self) -> TickOutcome {
        self.0.fetch_add(1, Memory::Relaxed);
        TickOutcome::Sent
    }
}

/// What a consumer has brought and the hot thread has not read.
#[derive(Clone, Default)]
pub(super) struct Inlet(Arc<Mutex<VecDeque<Arc<Inbound>>>>);

impl Inlet {
    pub(super) fn push(&self, record: Arc<Inbound>) {
        lock(&self.0).push_back(record);
    }

    pub(super) fn is_empty(&self) -> bool {
        lock(&self.0).is_empty()
    }

    pub(super) fn clear(&self) {
        lock(&self.0).clear();
    }
}

impl InputLog for Inlet {
    fn read(&mut self, batch: &mut InboundBatch, bounds: ReadBounds, _wait: Duration) -> Result<(), InputError> {
        let mut waiting = lock(&self.0);
        while batch.heads.len() < bounds.records_max {
            let Some(record) = waiting.pop_front() else { break };
            record.add_to(batch);
        }
        Ok(())
    }

    fn end(&self) -> Option<Offset> {
        None
    }
}
