//! Index, part and digest: an output's identity, fixed by the input alone.

use std::time::Duration;

use engine::snapshot::OutputPosition;
use types::{Digest, MessageId, OutputIndex, OutputKind, OutputRecord, RecordSpan, Timestamp, TopicName};

/// Counts the records of one outbound topic and generation.
pub(super) struct Sequencer {
    marker_period_micros: i64,
    next: OutputIndex,
    digest: Digest,
    /// Id and part of the last record.
    last: Option<(MessageId, u32)>,
    /// When the topic last got a record; the first input starts the clock.
    last_time: Option<Timestamp>,
    /// Outputs up to this id and part are in the log, made from more input than is left: what is computed of them here is
    /// passed over.
    passing: Option<(MessageId, u32)>,
}

impl Sequencer {
    pub(super) fn new(marker_period: Duration) -> Self {
        Self {
            marker_period_micros: i64::try_from(marker_period.as_micros()).unwrap_or(i64::MAX),
            next: OutputIndex(0),
            digest: Digest::default(),
            last: None,
            last_time: None,
            passing: None,
        }
    }

    /// What the next record follows on, for a snapshot.
    pub(super) fn position(&self, topic: TopicName) -> OutputPosition {
        OutputPosition { topic, next: self.next, digest: self.digest, last: self.last, last_time: self.last_time }
    }

    /// Goes on where another sequencer of the topic was.
    pub(super) fn go_on_from(&mut self, position: &OutputPosition) {
        (self.next, self.digest) = (position.next, position.digest);
        (self.last, self.last_time) = (position.last, position.last_time);
    }

    /// Goes on behind the last output in the log, though less input is left than has led to it.
    pub(super) fn go_on_after(&mut self, position: &OutputPosition) {
        (self.next, self.digest) = (position.next, position.digest);
        (self.passing, self.last_time) = (position.last, position.last_time);
    }

    /// Adds a data record.
    pub(super) fn emit(&mut self, span: RecordSpan, payload: &[u8], records: &mut Vec<OutputRecord>) {
        self.add(span, OutputKind::Data, payload, records);
    }

    /// Hears that an inbound record is done; adds a marker when the topic was silent for the marker period.
    ///
    /// Markers keep the broker's memory of the shared producer, and a log segment with it, alive: see rule R2.
    pub(super) fn pass(&mut self, input: RecordSpan, records: &mut Vec<OutputRecord>) {
        let since = *self.last_time.get_or_insert(input.time);
        if input.time.0.saturating_sub(since.0) >= self.marker_period_micros {
            self.add(input, OutputKind::Marker, &[], records);
        }
    }

    fn add(&mut self, span: RecordSpan, kind: OutputKind, payload: &[u8], records: &mut Vec<OutputRecord>) {
        let part = match self.last {
            Some((id, part)) if id == span.id => part + 1,
            Some((id, _)) => {
                assert!(id < span.id, "message ids went back: {id} then {}", span.id);
                0
            }
            None => 0,
        };
        self.last = Some((span.id, part));
        self.last_time = Some(span.time);
        if self.passing.is_some_and(|end| (span.id, part) <= end) {
            return;
        }
        self.passing = None;
        self.digest = self.digest.extend(kind, span.id, part, payload);
        records.push(OutputRecord {
            index: self.next,
            id: span.id,
            part,
            time: span.time,
            kind,
            payload: payload.to_vec(),
            digest: self.digest,
        });
        self.next = self.next.next();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(id: u64, seconds: i64) -> RecordSpan {
        RecordSpan { id: MessageId(id), time: Timestamp(seconds * 1_000_000), end: 0 }
    }

    #[test]
    fn a_silent_topic_gets_a_marker_each_period_and_indexes_have_no_holes() {
        let mut sequencer = Sequencer::new(Duration::from_secs(10));
        let mut records = Vec::new();
        sequencer.pass(span(0, 100), &mut records);
        sequencer.pass(span(1, 109), &mut records);
        sequencer.pass(span(2, 110), &mut records);
        sequencer.emit(span(3, 115), b"x", &mut records);
        sequencer.emit(span(3, 115), b"y", &mut records);
        sequencer.pass(span(3, 115), &mut records);
        sequencer.pass(span(4, 124), &mut records);
        sequencer.pass(span(5, 125), &mut records);
        let seen: Vec<_> = records.iter().map(|r| (r.index.0, r.id.0, r.part, r.kind)).collect();
        use OutputKind::{Data, Marker};
        assert_eq!(seen, [(0, 2, 0, Marker), (1, 3, 0, Data), (2, 3, 1, Data), (3, 5, 0, Marker)]);
    }

    #[test]
    fn with_less_input_the_outputs_go_on_behind_the_last_part_in_the_log() {
        let spans = [(3, 100), (3, 100), (7, 101), (7, 101), (7, 101), (9, 150)];
        let run = |sequencer: &mut Sequencer, from: usize| {
            let mut records = Vec::new();
            spans[from..].iter().for_each(|&(id, seconds)| sequencer.emit(span(id, seconds), b"x", &mut records));
            records
        };
        let whole = run(&mut Sequencer::new(Duration::from_secs(600)), 0);
        // The log ends in the middle of what input 7 caused; input 3 is gone.
        let last = &whole[3];
        let position = OutputPosition {
            topic: "t".into(),
            next: last.index.next(),
            digest: last.digest,
            last: Some((last.id, last.part)),
            last_time: Some(last.time),
        };
        let mut later = Sequencer::new(Duration::from_secs(600));
        later.go_on_after(&position);
        assert_eq!(run(&mut later, 2), whole[4..]);
    }

    #[test]
    fn the_digest_covers_everything_before() {
        let digest_of = |payloads: &[&[u8]]| {
            let mut sequencer = Sequencer::new(Duration::from_secs(10));
            let mut records = Vec::new();
            for (i, payload) in payloads.iter().enumerate() {
                sequencer.emit(span(i as u64, 0), payload, &mut records);
            }
            records.last().map(|record| record.digest)
        };
        assert_eq!(digest_of(&[b"a", b"b"]), digest_of(&[b"a", b"b"]));
        assert_ne!(digest_of(&[b"a", b"b"]), digest_of(&[b"x", b"b"]));
        assert_ne!(digest_of(&[b"ab", b""]), digest_of(&[b"a", b"b"]));
    }
}
