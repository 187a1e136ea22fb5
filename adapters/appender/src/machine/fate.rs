//! What becomes of a request that a broker refused (rule R11): an error proves nothing, it only says what to do next.

use crate::wire::ErrorCode;

/// What to do next. In no case is anything dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Passes by itself: ask another broker who leads, connect again, ask where the log stands, go on.
    Retry,
    /// Somebody else was first, or the broker lost its memory of us: ask where the log stands, go on from there, forward or back.
    Resync,
    /// Ask where the log stands, then send less at once; a single record that is too large blocks.
    Split,
    /// A newer generation is open: never write again.
    Fenced,
    /// Doesn't pass by itself: a human must look.
    Block,
}

impl Fate {
    /// The fate that Kafka's code asks for; codes that we don't know pass, hopefully, by themselves.
    #[must_use]
    pub const fn of(error: ErrorCode) -> Self {
        match error {
            ErrorCode::OUT_OF_ORDER_SEQUENCE_NUMBER
            | ErrorCode::DUPLICATE_SEQUENCE_NUMBER
            | ErrorCode::UNKNOWN_PRODUCER_ID => Self::Resync,
            ErrorCode::MESSAGE_TOO_LARGE | ErrorCode::RECORD_LIST_TOO_LARGE => Self::Split,
            ErrorCode::INVALID_PRODUCER_EPOCH | ErrorCode::PRODUCER_FENCED => Self::Fenced,
            ErrorCode::TOPIC_AUTHORIZATION_FAILED
            | ErrorCode::CLUSTER_AUTHORIZATION_FAILED
            | ErrorCode::INVALID_TOPIC_EXCEPTION
            | ErrorCode::INVALID_REQUIRED_ACKS
            | ErrorCode::INVALID_RECORD
            | ErrorCode::UNSUPPORTED_VERSION
            | ErrorCode::UNSUPPORTED_FOR_MESSAGE_FORMAT
            | ErrorCode::UNSUPPORTED_COMPRESSION_TYPE
            | ErrorCode::POLICY_VIOLATION
            | ErrorCode::SASL_AUTHENTICATION_FAILED
            | ErrorCode::ILLEGAL_SASL_STATE
            | ErrorCode::UNSUPPORTED_SASL_MECHANISM => Self::Block,
            // An unknown topic id is judged by Metadata, which knows the topic's present one: a broker may only be late.
            _ => Self::Retry,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn every_error_has_its_fate() {
        let table: String = (-1..=130)
            .map(ErrorCode)
            .filter(|code| code.0 != 0)
            .filter_map(|code| Some(format!("{:?} {} {}\n", Fate::of(code), code.0, code.name()?)))
            .collect();
        expect![[r#"
            Retry -1 UNKNOWN_SERVER_ERROR
            Retry 1 OFFSET_OUT_OF_RANGE
            Retry 2 CORRUPT_MESSAGE
            Retry 3 UNKNOWN_TOPIC_OR_PARTITION
            Retry 5 LEADER_NOT_AVAILABLE
            Retry 6 NOT_LEADER_OR_FOLLOWER
            Retry 7 REQUEST_TIMED_OUT
            Retry 9 REPLICA_NOT_AVAILABLE
            Split 10 MESSAGE_TOO_LARGE
            Retry 13 NETWORK_EXCEPTION
            Block 17 INVALID_TOPIC_EXCEPTION
            Split 18 RECORD_LIST_TOO_LARGE
            Retry 19 NOT_ENOUGH_REPLICAS
            Retry 20 NOT_ENOUGH_REPLICAS_AFTER_APPEND
            Block 21 INVALID_REQUIRED_ACKS
            Block 29 TOPIC_AUTHORIZATION_FAILED
            Block 31 CLUSTER_AUTHORIZATION_FAILED
            Retry 32 INVALID_TIMESTAMP
            Block 33 UNSUPPORTED_SASL_MECHANISM
            Block 34 ILLEGAL_SASL_STATE
            Block 35 UNSUPPORTED_VERSION
            Retry 42 INVALID_REQUEST
            Block 43 UNSUPPORTED_FOR_MESSAGE_FORMAT
            Block 44 POLICY_VIOLATION
            Resync 45 OUT_OF_ORDER_SEQUENCE_NUMBER
            Resync 46 DUPLICATE_SEQUENCE_NUMBER
            Fenced 47 INVALID_PRODUCER_EPOCH
            Retry 56 KAFKA_STORAGE_ERROR
            Block 58 SASL_AUTHENTICATION_FAILED
            Resync 59 UNKNOWN_PRODUCER_ID
            Retry 74 FENCED_LEADER_EPOCH
            Retry 75 UNKNOWN_LEADER_EPOCH
            Block 76 UNSUPPORTED_COMPRESSION_TYPE
            Retry 78 OFFSET_NOT_AVAILABLE
            Block 87 INVALID_RECORD
            Retry 89 THROTTLING_QUOTA_EXCEEDED
            Fenced 90 PRODUCER_FENCED
            Retry 100 UNKNOWN_TOPIC_ID
            Retry 103 INCONSISTENT_TOPIC_ID
        "#]]
        .assert_eq(&table);
    }
}
