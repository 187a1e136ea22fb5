//! What becomes of a transaction that failed (an error proves nothing, it only says what to do next).
//!
//! A commit is never tried again and an abort never asked for: a late `EndTxn` of the old protocol, the only one librdkafka
//! speaks, could end the *next* transaction of the same producer epoch. Whatever goes wrong, the producer is thrown away; its
//! successor takes the transactional id anew, which ends what was open and shuts out everything that is still on its way.

use rdkafka::types::RDKafkaErrorCode as Code;

/// What to do next. In no case is anything dropped, and in no case is the producer used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Passes by itself: take the transactional id again, read the log's end, go on from there.
    Renew,
    /// Somebody else has taken the transactional id: another replica writes.
    Fenced,
    /// The same as [`Fate::Renew`], with less at once; a single record that is too large blocks.
    Split,
    /// Doesn't pass by itself: a human must look.
    Block,
}

impl Fate {
    /// The fate that librdkafka's code asks for; codes that we don't know pass, hopefully, by themselves.
    ///
    /// Whether librdkafka calls an error fatal, abortable or retriable makes no difference: all three end the producer.
    pub(crate) fn of(code: Option<Code>) -> Self {
        match code {
            Some(Code::Fenced | Code::ProducerFenced | Code::InvalidProducerEpoch) => Self::Fenced,
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => Self::Split,
            Some(
                Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::TransactionalIdAuthorizationFailed
                | Code::InvalidTopic
                | Code::InvalidRequiredAcks
                | Code::InvalidRecord
                | Code::InvalidTransactionTimeout
                | Code::UnsupportedVersion
                | Code::UnsupportedFeature
                | Code::UnsupportedForMessageFormat
                | Code::UnsupportedCompressionType
                | Code::UnsupportedSASLMechanism
                | Code::PolicyViolation,
            ) => Self::Block,
            Some(_) | None => Self::Renew,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;

    #[test]
    fn every_error_of_a_transaction_has_its_fate() {
        let codes = [
            // Somebody else writes.
            Code::Fenced,
            Code::ProducerFenced,
            Code::InvalidProducerEpoch,
            // A commit whose outcome is unknown, and everything that broke on the way.
            Code::OperationTimedOut,
            Code::MessageTimedOut,
            Code::RequestTimedOut,
            Code::BrokerTransportFailure,
            Code::AllBrokersDown,
            Code::NotCoordinator,
            Code::CoordinatorNotAvailable,
            Code::CoordinatorLoadInProgress,
            Code::ConcurrentTransactions,
            Code::TransactionCoordinatorFenced,
            Code::NotEnoughReplicas,
            Code::NotEnoughReplicasAfterAppend,
            Code::NotLeaderForPartition,
            // The coordinator or the leader remembers something else than the producer.
            Code::InvalidTransactionalState,
            Code::InvalidProducerIdMapping,
            Code::UnknownProducerId,
            Code::OutOfOrderSequenceNumber,
            Code::State,
            Code::PurgeQueue,
            // Too much at once.
            Code::MessageSizeTooLarge,
            Code::InvalidMessageSize,
            // For a human.
            Code::TopicAuthorizationFailed,
            Code::ClusterAuthorizationFailed,
            Code::TransactionalIdAuthorizationFailed,
            Code::InvalidTransactionTimeout,
            Code::UnsupportedVersion,
            Code::UnsupportedFeature,
            Code::PolicyViolation,
        ];
        let table: String = codes.iter().map(|code| format!("{:?} {code:?}\n", Fate::of(Some(*code)))).collect();
        expect![[r#"
            Fenced Fenced
            Fenced ProducerFenced
            Fenced InvalidProducerEpoch
            Renew OperationTimedOut
            Renew MessageTimedOut
            Renew RequestTimedOut
            Renew BrokerTransportFailure
            Renew AllBrokersDown
            Renew NotCoordinator
            Renew CoordinatorNotAvailable
            Renew CoordinatorLoadInProgress
            Renew ConcurrentTransactions
            Renew TransactionCoordinatorFenced
            Renew NotEnoughReplicas
            Renew NotEnoughReplicasAfterAppend
            Renew NotLeaderForPartition
            Renew InvalidTransactionalState
            Renew InvalidProducerIdMapping
            Renew UnknownProducerId
            Renew OutOfOrderSequenceNumber
            Renew State
            Renew PurgeQueue
            Split MessageSizeTooLarge
            Split InvalidMessageSize
            Block TopicAuthorizationFailed
            Block ClusterAuthorizationFailed
            Block TransactionalIdAuthorizationFailed
            Block InvalidTransactionTimeout
            Block UnsupportedVersion
            Block UnsupportedFeature
            Block PolicyViolation
        "#]]
        .assert_eq(&table);
        assert_eq!(Fate::of(None), Fate::Renew);
    }
}
