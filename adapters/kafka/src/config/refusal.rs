//! Reading `key=value;key=value`, and refusing by name what would break exactness.

use ports::coordinator::HostPort;
use rdkafka::error::KafkaError;

/// Why a setting can't be used.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// `kafkahostport` isn't a list of brokers.
    #[error("\"{text}\" is no broker; write host:port,host:port")]
    NoBroker {
        /// The part that isn't.
        text: String,
    },
    /// A part of `key=value;key=value` has no `=` or no key.
    #[error("\"{part}\" is no setting; write key=value;key=value")]
    NoPair {
        /// The part.
        part: String,
    },
    /// librdkafka doesn't know the key, or not with this value.
    #[error("librdkafka refuses the setting \"{key}\"")]
    Unknown {
        /// As written.
        key: String,
        /// librdkafka's words.
        source: Box<KafkaError>,
    },
    /// The setting would break exactly-once output.
    #[error("\"{key}={value}\" can't be: {why}; leave it out")]
    Unsafe {
        /// As written.
        key: String,
        /// As written.
        value: String,
        /// What would go wrong.
        why: &'static str,
    },
    /// The appender can't speak to brokers in this way.
    #[error("the sequenced appender can't honour \"{key}\": {why}")]
    Security {
        /// Which setting; its value may be secret.
        key: String,
        /// What is the matter and what to do.
        why: String,
    },
    /// A password would cross the network in the clear.
    #[error(
        "sasl.mechanisms=PLAIN without TLS shows the password of \"{user}\" to the network; use security.protocol=sasl_ssl or \
         SCRAM-SHA-512; on a network where nobody listens, set allow-plaintext-password=true"
    )]
    PlaintextPassword {
        /// Whose.
        user: String,
    },
}

/// A key that users must leave to us.
struct Reserved {
    keys: &'static [&'static str],
    /// Values that say what we say anyway.
    harmless: &'static [&'static str],
    why: &'static str,
}

const RESERVED: &[Reserved] = &[
    Reserved {
        keys: &["acks", "request.required.acks"],
        harmless: &["all", "-1"],
        why: "an acknowledgement must mean that all in-sync replicas have the record",
    },
    Reserved {
        keys: &["enable.idempotence"],
        harmless: &["true", "1"],
        why: "without it a retry could write a record twice",
    },
    Reserved {
        keys: &["transactional.id"],
        harmless: &[],
        why: "which writer may write is decided by sequence numbers or by fencing=transaction, not by a connector",
    },
    Reserved {
        keys: &["transaction.timeout.ms"],
        harmless: &[],
        why: "fencing=transaction ends a dead engine's transaction itself, and must outlive its own",
    },
    Reserved {
        keys: &["group.id", "group.instance.id", "group.protocol"],
        harmless: &[],
        why: "every replica must read every record, so none may share the topic with a group",
    },
    Reserved {
        keys: &["isolation.level"],
        harmless: &["read_committed"],
        why: "a record of an aborted transaction would be input for one replica and not for another",
    },
    Reserved {
        keys: &["auto.offset.reset"],
        harmless: &["error"],
        why: "jumping over deleted records would make replicas differ; kafkainitialoffset says where to begin",
    },
    Reserved {
        keys: &["enable.auto.commit", "auto.commit.enable"],
        harmless: &["false", "0"],
        why: "the place to go on from is in the output, not in a consumer group",
    },
    Reserved {
        keys: &["bootstrap.servers", "metadata.broker.list"],
        harmless: &[],
        why: "kafkahostport says where the brokers are",
    },
    Reserved {
        keys: &["enable.partition.eof", "enable.auto.offset.store", "max.poll.interval.ms", "statistics.interval.ms"],
        harmless: &[],
        why: "reading in order depends on the value that Understudy sets",
    },
    Reserved {
        keys: &["message.timeout.ms", "delivery.timeout.ms", "queue.buffering.max.messages"],
        harmless: &[],
        why: "each writer here has its own bound",
    },
];

pub(super) fn brokers(hostport: &str) -> Result<String, Refusal> {
    let brokers: Vec<&str> = hostport.split(',').map(str::trim).filter(|text| !text.is_empty()).collect();
    match brokers.iter().find(|text| HostPort::parse(text).is_none()) {
        Some(text) => Err(Refusal::NoBroker { text: (*text).to_owned() }),
        None if brokers.is_empty() => Err(Refusal::NoBroker { text: hostport.to_owned() }),
        None => Ok(brokers.join(",")),
    }
}

pub(super) fn pairs(text: &str) -> Result<Vec<(String, String)>, Refusal> {
    let parts = text.split(';').map(str::trim).filter(|part| !part.is_empty());
    parts.map(pair).collect()
}

fn pair(part: &str) -> Result<(String, String), Refusal> {
    match part.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.trim().to_owned())),
        Some(_) | None => Err(Refusal::NoPair { part: part.to_owned() }),
    }
}

pub(super) fn refuse_unsafe(pairs: &[(String, String)]) -> Result<(), Refusal> {
    for (key, value) in pairs {
        let reserved = RESERVED.iter().find(|reserved| reserved.keys.contains(&key.as_str()));
        if let Some(Reserved { harmless, why, .. }) = reserved
            && !harmless.contains(&value.as_str())
        {
            return Err(Refusal::Unsafe { key: key.clone(), value: value.clone(), why });
        }
    }
    Ok(())
}
