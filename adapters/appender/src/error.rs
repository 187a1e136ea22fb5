//! What can go wrong before or beside the protocol; errors of the protocol itself are facts that a machine judges.

use std::path::PathBuf;

use types::TopicName;

/// Why something can't be done.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Bytes end in the middle of a value.
    #[error("{what} ends too early")]
    Truncated {
        /// What was being read.
        what: &'static str,
    },
    /// Bytes that no broker sends.
    #[error("{what} makes no sense: {reason}")]
    Malformed {
        /// What was being read.
        what: &'static str,
        /// What is wrong with it.
        reason: String,
    },
    /// The checksum of a batch doesn't fit its bytes.
    #[error("the batch at offset {offset} is corrupt: checksum {found:08x} instead of {expected:08x}")]
    Checksum {
        /// The batch's base offset.
        offset: i64,
        /// What stands in the batch.
        expected: u32,
        /// What its bytes give.
        found: u32,
    },
    /// A batch is compressed by what we don't read.
    #[error("the batch at offset {offset} is compressed by {codec}; only lz4, zstd and none are read")]
    Compression {
        /// The batch's base offset.
        offset: i64,
        /// Kafka's name of the codec.
        codec: &'static str,
    },
    /// The codec refuses to encode a request.
    #[error("a request (api key {api}) can't be encoded: {reason}")]
    Encode {
        /// Kafka's number of the request.
        api: i16,
        /// The codec's words.
        reason: String,
    },
    /// A compressor refused.
    #[error("a batch can't be compressed")]
    Compress(#[source] std::io::Error),
    /// A certificate or key file can't be used.
    #[error("{} can't be used: {reason}", path.display())]
    Certificate {
        /// Which file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// TLS can't be set up.
    #[error("tls can't be set up: {reason}")]
    Tls {
        /// The library's words.
        reason: String,
    },
    /// A password would go over the network in the clear.
    #[error(
        "sasl.mechanism PLAIN without TLS shows the password of \"{user}\" to the network; use sasl_ssl or SCRAM, or allow it by allow-plaintext-password"
    )]
    PlaintextPassword {
        /// Whose.
        user: String,
    },
    /// No broker answers, or none knows the topic.
    #[error("no broker tells of {topic}: {reason}")]
    Unanswered {
        /// Which topic was asked for.
        topic: TopicName,
        /// What the last broker said.
        reason: String,
    },
    /// The thread that should obey has ended.
    #[error("the output's thread has ended")]
    Stopped,
    /// The system refuses a thread, a poller or random numbers.
    #[error("the system refuses {what}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}
