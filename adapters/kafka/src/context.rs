//! What librdkafka tells by the way: logs, and for readers the log's end and whether any broker is connected.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::ConsumerContext;
use rdkafka::error::KafkaError;
use serde::Deserialize;
use tracing::{debug, error, warn};
use types::{Offset, TopicName};

/// librdkafka's words in our log. It repeats itself while a broker is away, so only what a human must see is loud.
pub(crate) fn log(level: RDKafkaLogLevel, facility: &str, said: &str) {
    match level {
        RDKafkaLogLevel::Emerg | RDKafkaLogLevel::Alert | RDKafkaLogLevel::Critical => {
            error!(facility, said, "kafka client in trouble");
        }
        RDKafkaLogLevel::Error | RDKafkaLogLevel::Warning => warn!(facility, said, "kafka client warns"),
        RDKafkaLogLevel::Notice | RDKafkaLogLevel::Info | RDKafkaLogLevel::Debug => {
            debug!(facility, said, "kafka client says");
        }
    }
}

/// Logs only: for clients whose calls return what matters.
pub(crate) struct Quiet;

impl ClientContext for Quiet {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        log(level, facility, said);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "kafka client reports");
    }
}

impl ConsumerContext for Quiet {}

/// What a reader of one partition learns from its client's statistics, without asking.
pub(crate) struct ReadContext {
    topic: TopicName,
    /// One past the newest committed record; negative when unknown.
    end: AtomicI64,
    connected: AtomicBool,
    /// The leader's address and epoch.
    leader: Mutex<Option<(String, u32)>>,
}

impl ReadContext {
    pub(crate) fn new(topic: TopicName) -> Self {
        Self { topic, end: AtomicI64::new(-1), connected: AtomicBool::new(true), leader: Mutex::default() }
    }

    pub(crate) fn end(&self) -> Option<Offset> {
        u64::try_from(self.end.load(Ordering::Acquire)).ok().map(Offset)
    }

    /// A broker was connected when the client looked last; true until it has looked.
    pub(crate) fn is_connected(&self) -> bool {
        self.connected.load(Ordering::Acquire)
    }

    pub(crate) fn leader(&self) -> Option<(String, u32)> {
        self.leader.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn learn_leader(&self, brokers: &BTreeMap<String, BrokerStatistics>, partition: &PartitionStatistics) {
        let leads = |broker: &&BrokerStatistics| broker.nodeid >= 0 && broker.nodeid == partition.leader;
        let address = brokers.values().find(leads).map(|broker| broker.nodename.clone());
        let epoch = u32::try_from(partition.leader_epoch).unwrap_or_default();
        if let Some(address) = address.filter(|address| !address.is_empty()) {
            *self.leader.lock().unwrap_or_else(PoisonError::into_inner) = Some((address, epoch));
        }
    }

    fn learn(&self, statistics: &Statistics) {
        // Bootstrap entries have negative ids; every real broker has one of its own besides.
        let connected = statistics.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP");
        self.connected.store(connected, Ordering::Release);
        let partition = statistics.topics.get(self.topic.as_str()).and_then(|topic| topic.partitions.get("0"));
        if let Some(partition) = partition {
            self.learn_leader(&statistics.brokers, partition);
        }
        // The last stable offset is where a read_committed reader ends; brokers without transactions don't tell it.
        let end =
            partition.map(|partition| if partition.ls_offset >= 0 { partition.ls_offset } else { partition.hi_offset });
        if let Some(end) = end.filter(|end| *end >= 0) {
            self.end.store(end, Ordering::Release);
        }
    }
}

impl ClientContext for ReadContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, said: &str) {
        log(level, facility, said);
    }

    fn stats_raw(&self, statistics: &[u8]) {
        match serde_json::from_slice(statistics) {
            Ok(statistics) => self.learn(&statistics),
            Err(error) => warn!(%error, "kafka client's statistics can't be read; the lag is unknown"),
        }
    }

    /// The cursor judges errors; rdkafka also says "end of partition" here.
    fn error(&self, error: KafkaError, reason: &str) {
        debug!(%error, reason, "kafka client reports");
    }
}

impl ConsumerContext for ReadContext {}

/// The few fields of librdkafka's statistics (STATISTICS.md) that are looked at.
#[derive(Deserialize)]
struct Statistics {
    #[serde(default)]
    brokers: BTreeMap<String, BrokerStatistics>,
    #[serde(default)]
    topics: BTreeMap<String, TopicStatistics>,
}

#[derive(Deserialize)]
struct BrokerStatistics {
    nodeid: i32,
    state: String,
    #[serde(default)]
    nodename: String,
}

#[derive(Deserialize)]
struct TopicStatistics {
    partitions: BTreeMap<String, PartitionStatistics>,
}

#[derive(Deserialize)]
struct PartitionStatistics {
    hi_offset: i64,
    ls_offset: i64,
    #[serde(default = "unknown")]
    leader: i32,
    #[serde(default = "unknown")]
    leader_epoch: i32,
}

/// As librdkafka says "none".
const fn unknown() -> i32 {
    -1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_is_the_last_stable_offset_and_a_broker_counts_once_it_has_a_name() {
        let context = ReadContext::new("t".into());
        assert_eq!((context.end(), context.is_connected()), (None, true));
        context.stats_raw(
            br#"{"name":"x","brokers":{"b":{"nodeid":-1,"state":"UP"}},
                 "topics":{"t":{"partitions":{"0":{"hi_offset":9,"ls_offset":7,"lo_offset":0}}}}}"#,
        );
        assert_eq!((context.end(), context.is_connected()), (Some(Offset(7)), false));
        context.stats_raw(
            br#"{"brokers":{"b":{"nodeid":1,"state":"UP"}},
                 "topics":{"t":{"partitions":{"0":{"hi_offset":11,"ls_offset":-1001}}}}}"#,
        );
        assert_eq!((context.end(), context.is_connected()), (Some(Offset(11)), true));
        context.stats_raw(br#"{"topics":{"t":{"partitions":{"0":{"hi_offset":-1001,"ls_offset":-1001}}}}}"#);
        assert_eq!((context.end(), context.is_connected()), (Some(Offset(11)), false));
        assert_eq!(context.leader(), None);
        context.stats_raw(
            br#"{"brokers":{"b":{"nodeid":1,"state":"UP","nodename":"h:9"},"c":{"nodeid":2,"state":"UP","nodename":"i:9"}},
                 "topics":{"t":{"partitions":{"0":{"hi_offset":-1001,"ls_offset":-1001,"leader":2,"leader_epoch":5}}}}}"#,
        );
        assert_eq!(context.leader(), Some(("i:9".to_owned(), 5)));
        context.stats_raw(b"nonsense");
        assert_eq!(context.end(), Some(Offset(11)));
    }
}
