//! Disks of replicas: snapshots that outlive the process that took them.
//!
//! When one is taken, what is in it, and whether it may be used is the daemon's own code; here is where its bytes lie.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use daemon::snapshot::{Bounds, Desk, Order, Subject, Taker, go_on_from};
use types::{Fingerprint, Generation, Offset, OutputIndex};

use super::writers::lock;
use super::{Who, World};

/// Snapshots that a disk keeps of one generation; the oldest goes.
const KEEP: usize = 2;
/// Of every generation's model: what differs between generations is caught by their number.
const FINGERPRINT: Fingerprint = Fingerprint(0xaa);

/// A snapshot on a disk.
#[derive(Debug, Clone)]
struct Snapshot {
    generation: Generation,
    next: Offset,
    bytes: Vec<u8>,
}

/// A replica's disk, oldest snapshot first.
#[derive(Debug, Default)]
pub(super) struct Disk {
    kept: Vec<Snapshot>,
}

/// Where a process puts its snapshots: what isn't sealed goes with it.
#[derive(Clone, Default)]
pub(super) struct Draft(Arc<Mutex<Drafts>>);

#[derive(Default)]
struct Drafts {
    begun: Option<(Offset, Vec<u8>)>,
    sealed: Option<(Offset, Vec<u8>)>,
}

impl Desk for Draft {
    fn has_room(&self) -> bool {
        true
    }

    fn order(&self, order: Order) -> bool {
        let mut drafts = lock(&self.0);
        match order {
            Order::Begin { next } => drafts.begun = Some((next, Vec::new())),
            Order::Bytes(more) => {
                if let Some((_, bytes)) = &mut drafts.begun {
                    bytes.extend_from_slice(&more);
                }
            }
            Order::Seal => drafts.sealed = drafts.begun.take(),
            Order::GiveUp => drafts.begun = None,
        }
        true
    }
}

impl Disk {
    fn newest(&self, generation: Generation) -> Option<&Snapshot> {
        self.kept.iter().rev().find(|kept| kept.generation == generation)
    }

    fn keep(&mut self, snapshot: Snapshot) {
        // Another generation's are of no use to anybody any more.
        self.kept.retain(|kept| kept.generation == snapshot.generation);
        self.kept.push(snapshot);
        let surplus = self.kept.len().saturating_sub(KEEP);
        self.kept.drain(..surplus);
    }

    /// A byte of the newest one is another one.
    pub(super) fn spoil(&mut self, place: usize) {
        if let Some(newest) = self.kept.last_mut() {
            let place = place * 37 % newest.bytes.len();
            newest.bytes[place] ^= 1;
        }
    }

    pub(super) fn lose(&mut self) {
        self.kept.clear();
    }
}

impl World<'_> {
    fn subject(&self, generation: Generation) -> Subject {
        Subject::new(&self.model(generation).deployment, FINGERPRINT, generation)
    }

    /// What the engine's thread does before it reads: goes on from the newest usable snapshot, its own or a peer's, once the
    /// logs' ends are known.
    pub(super) fn begin_state(&mut self, who: Who) {
        let Some(interval) = self.options.snapshots else { return };
        let now = self.local(who);
        let Some(running) = self.replicas[who.0].running.as_ref() else { return };
        let generation = running.control.generation;
        let published: Vec<OutputIndex> =
            running.control.outputs.iter().map(|side| side.progress.published()).collect();
        let subject = self.subject(generation);
        self.fetch_newer(who, generation);
        let mut restored = None;
        while let Some(place) = self.replicas[who.0].disk.kept.iter().rposition(|kept| kept.generation == generation) {
            let mut pipeline = self.model(generation).pipeline(self.options.marker_period);
            let bytes = &self.replicas[who.0].disk.kept[place].bytes;
            match go_on_from(&mut pipeline, bytes, &subject, &published) {
                Ok(head) => {
                    restored = Some((pipeline, head));
                    break;
                }
                Err(refusal) => {
                    self.trace.note(self.now, 25, place as u64, || format!("n{} refuses: {refusal}", who.0 + 1));
                    self.replicas[who.0].disk.kept.remove(place);
                }
            }
        }
        let (name, at) = (who.0 + 1, self.now);
        let Some(running) = self.replicas[who.0].running.as_mut() else { return };
        let next = restored.as_ref().and_then(|(pipeline, _)| pipeline.next());
        let draft = Box::new(running.draft.clone());
        let shared = Arc::clone(&running.hot.shared);
        running.taker = Some(Taker::new(subject, bounds(interval), draft, shared, next, now));
        let (Some((pipeline, head)), Some(next)) = (restored, next) else { return };
        running.hot.shared.show_restored(&head, &running.hot.outputs);
        running.hot.shared.set_input(Some(next.0), None);
        running.hot.pipeline = pipeline;
        running.inlet.clear();
        running.inlet_next = usize::try_from(next.0).unwrap_or(usize::MAX);
        self.restores += 1;
        self.trace.note(at, 26, next.0, || format!("n{name} goes on from the snapshot at {next}"));
        self.call_inlet(who);
    }

    /// A peer's newer one is copied before the own ones are looked at.
    fn fetch_newer(&mut self, who: Who, generation: Generation) {
        let own = self.replicas[who.0].disk.newest(generation).map(|kept| kept.next);
        let reached = self.all_replicas().filter(|other| {
            let up = self.processes[other.0].up && self.processes[other.0].frozen == 0;
            *other != who && up && !self.pairs.is_cut(who, *other) && !self.pairs.is_cut(*other, who)
        });
        let offered = reached.filter_map(|other| self.replicas[other.0].disk.newest(generation));
        let newest = offered.max_by_key(|kept| kept.next).filter(|kept| Some(kept.next) > own).cloned();
        if let Some(newest) = newest {
            self.trace.note(self.now, 27, newest.next.0, || {
                format!("n{} copies a peer's snapshot at {}", who.0 + 1, newest.next)
            });
            self.replicas[who.0].disk.keep(newest);
        }
    }

    /// What the engine's thread does for snapshots between two runs.
    pub(super) fn turn_taker(&mut self, who: Who) {
        let now = self.local(who);
        let Some(running) = self.replicas[who.0].running.as_mut() else { return };
        let Some(taker) = &mut running.taker else { return };
        let outputs = &running.hot.outputs;
        taker.turn(&mut running.hot.pipeline, now, |output| outputs[output].progress.published());
        let Some((next, bytes)) = lock(&running.draft.0).sealed.take() else { return };
        let generation = running.control.generation;
        self.trace.note_bytes(self.now, 28, &bytes, || format!("n{} keeps a snapshot at {next}", who.0 + 1));
        self.replicas[who.0].disk.keep(Snapshot { generation, next, bytes });
    }
}

fn bounds(interval: Duration) -> Bounds {
    Bounds { interval, keep: KEEP, size_max: u64::MAX }
}
