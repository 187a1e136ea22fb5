//! Kafka's error codes by name.

use std::fmt;

/// An error code other than 0, as the broker sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ErrorCode(pub i16);

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal,)*) => {
        impl ErrorCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)*

            /// Kafka's name of it, for the codes that a writer meets.
            #[must_use]
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $($code => Some(stringify!($name)),)*
                    _ => None,
                }
            }
        }
    };
}

codes! {
    /// The broker doesn't know what went wrong.
    UNKNOWN_SERVER_ERROR = -1,
    /// The offset lies outside the log.
    OFFSET_OUT_OF_RANGE = 1,
    /// The checksum doesn't fit, or the batch breaks a rule of the format.
    CORRUPT_MESSAGE = 2,
    /// The topic isn't known here (yet).
    UNKNOWN_TOPIC_OR_PARTITION = 3,
    /// An election is under way.
    LEADER_NOT_AVAILABLE = 5,
    /// The broker doesn't lead the partition.
    NOT_LEADER_OR_FOLLOWER = 6,
    /// The followers didn't confirm in time; the batch is in the leader's log.
    REQUEST_TIMED_OUT = 7,
    /// A replica isn't available.
    REPLICA_NOT_AVAILABLE = 9,
    /// The batch passes `max.message.bytes`.
    MESSAGE_TOO_LARGE = 10,
    /// The connection broke inside the cluster.
    NETWORK_EXCEPTION = 13,
    /// The name isn't allowed.
    INVALID_TOPIC_EXCEPTION = 17,
    /// The batch passes `segment.bytes`.
    RECORD_LIST_TOO_LARGE = 18,
    /// Too few in-sync replicas: not appended.
    NOT_ENOUGH_REPLICAS = 19,
    /// Too few in-sync replicas: appended at the leader, not committed.
    NOT_ENOUGH_REPLICAS_AFTER_APPEND = 20,
    /// The acks value isn't allowed.
    INVALID_REQUIRED_ACKS = 21,
    /// An ACL forbids it.
    TOPIC_AUTHORIZATION_FAILED = 29,
    /// An ACL of the cluster forbids it.
    CLUSTER_AUTHORIZATION_FAILED = 31,
    /// The record's time is too far from the broker's.
    INVALID_TIMESTAMP = 32,
    /// The broker doesn't know the mechanism.
    UNSUPPORTED_SASL_MECHANISM = 33,
    /// The request doesn't fit the SASL state.
    ILLEGAL_SASL_STATE = 34,
    /// The broker doesn't speak the version.
    UNSUPPORTED_VERSION = 35,
    /// The request breaks a rule.
    INVALID_REQUEST = 42,
    /// The topic's format is too old.
    UNSUPPORTED_FOR_MESSAGE_FORMAT = 43,
    /// A policy of the broker forbids it.
    POLICY_VIOLATION = 44,
    /// The batch doesn't come next.
    OUT_OF_ORDER_SEQUENCE_NUMBER = 45,
    /// The batch lies before the last one.
    DUPLICATE_SEQUENCE_NUMBER = 46,
    /// A newer producer epoch is known.
    INVALID_PRODUCER_EPOCH = 47,
    /// A broker's disk failed.
    KAFKA_STORAGE_ERROR = 56,
    /// User or password refused.
    SASL_AUTHENTICATION_FAILED = 58,
    /// The producer id isn't known.
    UNKNOWN_PRODUCER_ID = 59,
    /// The request's leader epoch is older than the broker's.
    FENCED_LEADER_EPOCH = 74,
    /// The request's leader epoch is newer than the broker's.
    UNKNOWN_LEADER_EPOCH = 75,
    /// The compression isn't allowed.
    UNSUPPORTED_COMPRESSION_TYPE = 76,
    /// The offset isn't known yet after an election.
    OFFSET_NOT_AVAILABLE = 78,
    /// The records break a rule of the topic.
    INVALID_RECORD = 87,
    /// The quota is used up.
    THROTTLING_QUOTA_EXCEEDED = 89,
    /// A newer producer fenced this one.
    PRODUCER_FENCED = 90,
    /// The topic id isn't known: deleted and made anew, or not yet known here.
    UNKNOWN_TOPIC_ID = 100,
    /// The topic id doesn't fit the name.
    INCONSISTENT_TOPIC_ID = 103,
}

impl ErrorCode {
    /// `None` for 0, which means "no error".
    #[must_use]
    pub const fn from_wire(code: i16) -> Option<Self> {
        if code == 0 { None } else { Some(Self(code)) }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} ({})", self.0),
            None => write!(f, "error code {}", self.0),
        }
    }
}
