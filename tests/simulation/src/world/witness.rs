//! Who sees everything that is committed, and knows what should stand there.

use std::sync::Arc;
use std::time::Duration;

use adapter_memory::brokers::{Cluster, NodeId, PartitionId, Replica};
use appender::batch::RecordSet;
use ports::headers::{self, SourceHeader};
use types::{Digest, Generation, Offset, OutputIndex, OutputKind, Timestamp};

use super::{BROKERS, INBOUND};
use crate::invariants::{Violation, output_is_the_reference};
use crate::model::{Inbound, Model, Reference};

/// A committed record of an outbound topic, as a reader finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) offset: Offset,
    pub(crate) producer_epoch: i16,
    pub(crate) fence: bool,
    pub(crate) index: Option<OutputIndex>,
    pub(crate) digest: Option<Digest>,
    pub(crate) kind: OutputKind,
    pub(crate) payload: Vec<u8>,
}

/// One outbound topic, as far as it is committed.
#[derive(Debug, Default)]
pub(crate) struct Outbound {
    /// One past the last committed offset.
    pub(crate) committed: u64,
    /// Producer epoch and index of each committed record; a fence has no index.
    pub(crate) placed: Vec<(i16, Option<OutputIndex>)>,
    /// Per generation: one past the last index that was ever committed.
    pub(crate) ever: Vec<OutputIndex>,
}

/// Who sees everything.
pub(crate) struct Witness {
    marker_period: Duration,
    inbound: Vec<Arc<Inbound>>,
    inbound_committed: u64,
    pub(crate) outbound: Vec<Outbound>,
    /// Per generation.
    references: Vec<Reference>,
    /// Kafka broke its word.
    pub(crate) lost: bool,
    /// An outbound topic was deleted and made anew.
    pub(crate) recreated: bool,
}

impl Outbound {
    /// The index that belongs next, and under which producer epoch.
    pub(crate) fn next(&self) -> (i16, OutputIndex) {
        match self.placed.last() {
            None => (0, OutputIndex(0)),
            Some((epoch, index)) => (*epoch, index.map_or(OutputIndex(0), OutputIndex::next)),
        }
    }
}

impl Witness {
    pub(super) fn new(model: &Model, partitions: usize, marker_period: Duration) -> Self {
        Self {
            marker_period,
            inbound: Vec::new(),
            inbound_committed: 0,
            outbound: (1..partitions).map(|_| Outbound::default()).collect(),
            references: vec![Reference::new(model, marker_period)],
            lost: false,
            recreated: false,
        }
    }

    /// All committed input, in order; its place is its offset.
    pub(crate) fn inbound(&self) -> &[Arc<Inbound>] {
        &self.inbound
    }

    /// A further generation runs another model.
    pub(super) fn add_generation(&mut self, model: &Model) {
        self.references.push(Reference::new(model, self.marker_period));
    }

    /// What an undisturbed engine of a generation computes from all committed input.
    pub(crate) fn reference(&mut self, generation: Generation) -> Option<&mut Reference> {
        let place = usize::from(generation.0).checked_sub(1)?;
        let reference = self.references.get_mut(place)?;
        reference.follow(&self.inbound);
        Some(reference)
    }

    /// Looks at what is newly committed in a partition.
    pub(super) fn observe(&mut self, cluster: &Cluster, partition: PartitionId) -> Result<(), Violation> {
        let held = cluster.partition(partition);
        let leads = |node: &NodeId| cluster.is_alive(*node) && held.replica(*node).belief().leader == Some(node.0);
        let leaders = (0..BROKERS).map(NodeId).filter(leads);
        let Some(leader) = leaders.max_by_key(|node| held.replica(*node).high()) else { return Ok(()) };
        let replica = held.replica(leader);
        if partition == INBOUND {
            return self.observe_inbound(replica);
        }
        self.observe_outbound(replica, partition.0 - 1)
    }

    fn observe_inbound(&mut self, replica: &Replica) -> Result<(), Violation> {
        let high = replica.high();
        if high <= self.inbound_committed {
            return Ok(());
        }
        for stored in replica.from(self.inbound_committed).iter().take_while(|stored| stored.end() <= high) {
            let timestamp = Timestamp(i64::try_from(stored.at.0 / 1_000).unwrap_or(i64::MAX));
            each(&stored.bytes, |_, offset, value, header| {
                let source = header(headers::SOURCE).and_then(SourceHeader::parse);
                self.inbound.push(Arc::new(Inbound {
                    offset,
                    timestamp,
                    tick: header(headers::TICK).is_some(),
                    source: source.map(|source| (source.id, source.position)),
                    payload: value.map(<[u8]>::to_vec),
                }));
                Ok(())
            })?;
        }
        self.inbound_committed = high;
        if self.inbound.len() as u64 == high {
            Ok(())
        } else {
            Err(Violation::new("model", "offsets of the inbound topic have holes"))
        }
    }

    fn observe_outbound(&mut self, replica: &Replica, output: usize) -> Result<(), Violation> {
        let high = replica.high();
        let from = self.outbound[output].committed;
        if high <= from {
            return Ok(());
        }
        let mut found = Vec::new();
        for stored in replica.from(from).iter().take_while(|stored| stored.end() <= high) {
            each(&stored.bytes, |producer_epoch, offset, value, header| {
                if offset.0 >= from {
                    found.push(Found {
                        offset,
                        producer_epoch,
                        fence: header(headers::FENCE).is_some(),
                        index: header(headers::INDEX).and_then(|text| text.parse().ok()).map(OutputIndex),
                        digest: header(headers::DIGEST)
                            .and_then(|text| u128::from_str_radix(text, 16).ok())
                            .map(Digest),
                        kind: if header(headers::MARKER).is_some() { OutputKind::Marker } else { OutputKind::Data },
                        payload: value.map(<[u8]>::to_vec).unwrap_or_default(),
                    });
                }
                Ok(())
            })?;
        }
        for record in &found {
            output_is_the_reference::check(self, output, record)?;
            let outbound = &mut self.outbound[output];
            outbound.placed.push((record.producer_epoch, record.index));
            outbound.committed = record.offset.0 + 1;
            let generation = usize::try_from(record.producer_epoch).unwrap_or(0);
            if outbound.ever.len() <= generation {
                outbound.ever.resize(generation + 1, OutputIndex(0));
            }
            let ever = &mut outbound.ever[generation];
            *ever = (*ever).max(record.index.map_or(OutputIndex(0), OutputIndex::next));
        }
        Ok(())
    }

    /// A topic was deleted and made anew: nothing stands in it.
    pub(super) fn recreated(&mut self, output: usize) {
        let outbound = &mut self.outbound[output];
        outbound.committed = 0;
        outbound.placed.clear();
        self.recreated = true;
    }

    /// Kafka broke its word: what was committed from `end` on is gone.
    pub(super) fn lose(&mut self, output: usize, end: u64) {
        let outbound = &mut self.outbound[output];
        outbound.committed = outbound.committed.min(end);
        outbound.placed.truncate(usize::try_from(end).unwrap_or(usize::MAX));
        self.lost = true;
    }
}

type HeaderOf<'h> = &'h dyn Fn(&str) -> Option<&'h str>;

/// Shows each record of a batch: producer epoch, offset, value, headers by name.
fn each(
    bytes: &[u8],
    mut see: impl FnMut(i16, Offset, Option<&[u8]>, HeaderOf<'_>) -> Result<(), Violation>,
) -> Result<(), Violation> {
    let unreadable =
        |error: appender::Error| Violation::new("model", &format!("a stored batch can't be read: {error}"));
    let mut set = RecordSet::new(bytes);
    while let Some(batch) = set.next_batch().map_err(unreadable)? {
        let mut records = batch.records().map_err(unreadable)?;
        while let Some(record) = records.next_record().map_err(unreadable)? {
            let header = |name: &str| {
                let value = record.headers.clone().find(|(known, _)| *known == name.as_bytes())?.1;
                std::str::from_utf8(value.unwrap_or_default()).ok()
            };
            see(batch.producer_epoch, record.offset, record.value, &header)?;
        }
    }
    Ok(())
}
