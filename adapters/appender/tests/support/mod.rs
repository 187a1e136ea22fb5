//! A client that asks brokers for what a writer asks, for tests on brokers in memory and real ones.

// Each test program uses its own part of this.
#![allow(dead_code, reason = "shared by several test programs")]
#![allow(clippy::unwrap_used, reason = "a test fails by a panic")]

use std::sync::Arc;
use std::time::Duration;

use understudy_adapter_appender as appender;

use appender::Error;
use appender::batch::{BatchEncoder, BatchStart, Compression, RecordSet, TimestampKind};
use appender::client::Client;
use appender::connection::{LinkOptions, LinkSettings};
use appender::link::LinkDown;
use appender::wire::{
    Body, EpochEnd, ErrorCode, Fetched, Metadata, OffsetQuery, Produced, ProducerState, Request, Response, TopicId,
};
use ports::coordinator::HostPort;
use ports::security::Security;
use types::{LeaderEpoch, Offset, Timestamp, TopicName};

/// Far more than a broker of a test needs.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);
/// How long a broker holds back an empty fetch.
const MAX_WAIT: Duration = Duration::from_secs(10);
/// A producer id that no broker ever hands out; a topic that was used before needs a fresh one.
pub(crate) const PRODUCER: i64 = (1 << 62) + 12_345;
/// Its epoch.
pub(crate) const PRODUCER_EPOCH: i16 = 7;

/// Settings without security.
pub(crate) fn settings() -> Arc<LinkSettings> {
    settings_with(&Security::default())
}

/// Settings that allow everything.
pub(crate) fn settings_with(security: &Security) -> Arc<LinkSettings> {
    let options = LinkOptions { allow_plaintext_password: true, ..LinkOptions::default() };
    Arc::new(LinkSettings::new(security, options).unwrap())
}

/// Value and header of the record with a sequence.
pub(crate) type Content = (Option<Vec<u8>>, Vec<u8>);

/// What every writer puts into the record with this sequence.
pub(crate) fn record(sequence: u64) -> Content {
    let value = (sequence % 5 != 4).then(|| format!("sym=S{};px={sequence};", sequence % 7).into_bytes());
    (value, sequence.to_string().into_bytes())
}

/// What a fetch found of this client's own producer id.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) high_watermark: u64,
    pub(crate) log_start: u64,
    pub(crate) records: Vec<Content>,
    pub(crate) last_kind: Option<TimestampKind>,
}

/// A client with one topic in mind.
pub(crate) struct Asker {
    pub(crate) client: Client,
    pub(crate) topic: TopicName,
    pub(crate) topic_id: Option<TopicId>,
    pub(crate) compression: Compression,
    pub(crate) producer_id: i64,
}

impl Asker {
    pub(crate) fn connect(settings: &Arc<LinkSettings>, broker: &str, topic: &str) -> Result<Self, LinkDown> {
        let broker = HostPort::parse(broker).unwrap();
        let client = Client::connect(settings, &broker)?;
        Ok(Self {
            client,
            topic: TopicName::from(topic),
            topic_id: None,
            compression: Compression::None,
            producer_id: PRODUCER,
        })
    }

    pub(crate) fn try_metadata(&mut self, timeout: Duration) -> Result<Response, LinkDown> {
        let topic = self.topic.clone();
        self.client.ask(Request::Metadata { topic }, timeout)
    }

    pub(crate) fn ask_metadata(&mut self) -> Response {
        self.try_metadata(TIMEOUT).unwrap()
    }

    pub(crate) fn metadata(&mut self) -> Metadata {
        let response = self.ask_metadata();
        let Body::Metadata(metadata) = &response.body else { panic!("{response:?}") };
        assert_eq!(response.error, None);
        (**metadata).clone()
    }

    pub(crate) fn try_append(&mut self, sequence: u64, count: u64, timeout: Duration) -> Result<Response, LinkDown> {
        let mut encoder = BatchEncoder::new(self.compression);
        encoder.begin(BatchStart {
            producer_id: self.producer_id,
            producer_epoch: PRODUCER_EPOCH,
            base_sequence: (sequence % (1 << 31)) as i32,
            base_timestamp: Timestamp::from_millis(1_700_000_000_000),
        });
        for sequence in sequence..sequence + count {
            let (value, index) = record(sequence);
            encoder.push(value.as_deref(), &[("esp-index", &index)], 0);
        }
        let batch = encoder.finish().unwrap();
        let (topic, topic_id) = (self.topic.clone(), self.topic_id);
        self.client.ask(Request::Produce { topic, topic_id, timeout, batch }, timeout)
    }

    pub(crate) fn ask_append(&mut self, sequence: u64, count: u64) -> Response {
        self.try_append(sequence, count, TIMEOUT).unwrap()
    }

    /// Appends `count` records from a sequence on and gives the offset of the first.
    pub(crate) fn append(&mut self, sequence: u64, count: u64) -> Result<u64, ErrorCode> {
        let response = self.ask_append(sequence, count);
        let Body::Produced(Produced { base_offset, .. }) = response.body else { panic!("{response:?}") };
        match response.error {
            Some(error) => Err(error),
            None => Ok(base_offset.unwrap().0),
        }
    }

    pub(crate) fn ask_end(&mut self, which: OffsetQuery, leader_epoch: Option<LeaderEpoch>) -> Response {
        let topic = self.topic.clone();
        self.client.ask(Request::ListOffsets { topic, leader_epoch, which }, TIMEOUT).unwrap()
    }

    pub(crate) fn end(&mut self, which: OffsetQuery) -> u64 {
        let response = self.ask_end(which, None);
        let Body::Offset(end) = response.body else { panic!("{response:?}") };
        assert_eq!(response.error, None);
        end.offset.unwrap().0
    }

    pub(crate) fn ask_producers(&mut self) -> Response {
        let topic = self.topic.clone();
        self.client.ask(Request::DescribeProducers { topic }, TIMEOUT).unwrap()
    }

    pub(crate) fn producers(&mut self) -> Vec<ProducerState> {
        let response = self.ask_producers();
        assert_eq!(response.error, None);
        let Body::Producers(producers) = response.body else { panic!("no producers") };
        producers
    }

    pub(crate) fn ask_epoch_end(&mut self, current_epoch: Option<LeaderEpoch>, epoch: LeaderEpoch) -> Response {
        let topic = self.topic.clone();
        self.client.ask(Request::OffsetForLeaderEpoch { topic, current_epoch, epoch }, TIMEOUT).unwrap()
    }

    pub(crate) fn epoch_end(&mut self, epoch: LeaderEpoch) -> EpochEnd {
        let response = self.ask_epoch_end(Some(epoch), epoch);
        assert_eq!(response.error, None);
        let Body::EpochEnd(end) = response.body else { panic!("no end") };
        end
    }

    pub(crate) fn ask_fetch(&mut self, offset: u64) -> Response {
        let request = Request::Fetch {
            topic: self.topic.clone(),
            topic_id: self.topic_id,
            leader_epoch: None,
            offset: Offset(offset),
            max_wait: MAX_WAIT,
            min_bytes: 1,
            max_bytes: 8 << 20,
        };
        self.client.ask(request, TIMEOUT).unwrap()
    }

    pub(crate) fn try_fetch(&mut self, offset: u64) -> Result<Found, Error> {
        let response = self.ask_fetch(offset);
        assert_eq!(response.error, None);
        let Body::Fetched(Fetched { high_watermark, log_start, records }) = response.body else { panic!("no records") };
        let (high_watermark, log_start) = (high_watermark.unwrap().0, log_start.unwrap().0);
        let mut found = Found { high_watermark, log_start, records: Vec::new(), last_kind: None };
        let mut set = RecordSet::new(&records);
        while let Some(batch) = set.next_batch()? {
            if batch.producer_id != Some(self.producer_id) {
                continue;
            }
            assert_eq!(batch.producer_epoch, PRODUCER_EPOCH);
            found.last_kind = Some(batch.timestamp_kind);
            let mut records = batch.records()?;
            while let Some(record) = records.next_record()? {
                if record.offset.0 >= offset {
                    let index = record.headers.get("esp-index").unwrap_or_default().to_vec();
                    found.records.push((record.value.map(<[u8]>::to_vec), index));
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn fetch(&mut self, offset: u64) -> Found {
        self.try_fetch(offset).unwrap()
    }
}
