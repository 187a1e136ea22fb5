//! The notebook: a log that everybody reads in the same order. Its brokers are taken as good; its delays are not.

use adapter_kafka::{NotebookFact, Noted};
use daemon::node::Wake;
use ports::notebook::{Entry, FenceKind, Ledger, Origin, Proposal};
use types::{MemberName, Offset};

use super::{Event, Who, World};

/// All entries so far.
#[derive(Default)]
pub(super) struct Notebook(Vec<Entry>);

impl Notebook {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// What somebody knows who reads all of it.
    pub(super) fn ledger(&self) -> Ledger {
        let mut ledger = Ledger::default();
        for (place, entry) in self.0.iter().enumerate() {
            ledger.note(Offset(place as u64), entry);
        }
        ledger
    }
}

impl World<'_> {
    /// Begins the generation in force; all replicas agree on it before they start.
    pub(super) fn propose(&mut self) {
        let model = self.model(self.generation);
        let origin = Origin { topic: model.deployment.inbound[0].topic.clone(), offset: Offset(0), topic_id: None };
        let proposal = Proposal {
            project: model.deployment.project.clone(),
            generation: self.generation,
            fingerprint: types::Fingerprint(u64::from(self.generation.0)),
            origins: vec![origin],
            marker_period: self.options.marker_period,
            tick_step: std::time::Duration::from_secs(1),
            clip_bound: std::time::Duration::from_secs(3600),
            part_bytes_max: 100_000,
            digest_algorithm: "xxh3-128".to_owned(),
            semantics_version: 1,
            fence: FenceKind::Sequence,
            by: MemberName("operator".to_owned()),
        };
        self.note(Entry::Proposal(proposal));
    }

    pub(super) fn post(&mut self, entry: Entry) {
        let delay = self.delay() + self.delay();
        self.later(delay, Event::Noted(Box::new(entry)));
    }

    pub(super) fn note(&mut self, entry: Entry) {
        let place = self.notebook.0.len();
        self.trace.note(self.now, 21, place as u64, || {
            let mut text = format!("notebook {place}: {entry:?}");
            text.truncate(200);
            text
        });
        self.notebook.0.push(entry);
        for who in 0..self.replicas.len() {
            let life = self.life(Who(who));
            let delay = self.delay();
            self.later(delay, Event::Reads(Who(who), life, place));
        }
    }

    /// A replica reads on to an entry; the order is the log's, whatever the network does.
    pub(super) fn read_note(&mut self, who: Who, place: usize) {
        let entries = &self.notebook.0;
        let Some(running) = self.replicas[who.0].running.as_mut() else { return };
        let from = running.notes_read;
        running.notes_read = from.max(place + 1);
        let news: Vec<Noted> = (from..place + 1)
            .map(|place| Noted { offset: Offset(place as u64), entry: entries[place].clone() })
            .collect();
        for noted in news {
            self.wake_control(who, Wake::Notebook(NotebookFact::Noted(noted)));
        }
    }
}
