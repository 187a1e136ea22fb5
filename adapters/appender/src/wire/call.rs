//! Which requests we speak, in which versions, and what a broker offers.

use kafka_protocol::messages::ApiKey;

use super::reader::Reader;
use crate::error::Error;
use crate::link::BrokerVersions;

/// A kind of request on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Produce,
    Fetch,
    ListOffsets,
    Metadata,
    SaslHandshake,
    ApiVersions,
    OffsetForLeaderEpoch,
    SaslAuthenticate,
    DescribeProducers,
}

/// Produce 10 to 13: 10 is the lowest with the hint at the new leader, 13 carries the topic id. Brokers from 3.7 on know 10.
pub(crate) const PRODUCE: (i16, i16) = (10, 13);
/// Fetch 11 to 16: 11 is what look-alikes know, 13 carries the topic id, 16 names the new leader's address.
pub(crate) const FETCH: (i16, i16) = (11, 16);
/// The lowest Produce version whose topics go by id.
pub(crate) const PRODUCE_BY_ID: i16 = 13;
/// The lowest Fetch version whose topics go by id.
pub(crate) const FETCH_BY_ID: i16 = 13;
pub(crate) const METADATA: i16 = 12;
/// Carries the current leader epoch, so that a broker which doesn't lead refuses.
pub(crate) const LIST_OFFSETS: i16 = 7;
pub(crate) const OFFSET_FOR_LEADER_EPOCH: i16 = 4;
pub(crate) const DESCRIBE_PRODUCERS: i16 = 0;
pub(crate) const API_VERSIONS: i16 = 3;
/// From version 1 on the SASL bytes travel in SaslAuthenticate requests.
pub(crate) const SASL_HANDSHAKE: i16 = 1;
pub(crate) const SASL_AUTHENTICATE: i16 = 1;

impl Call {
    /// The codec's name of it.
    pub(crate) const fn key(self) -> ApiKey {
        match self {
            Self::Produce => ApiKey::Produce,
            Self::Fetch => ApiKey::Fetch,
            Self::ListOffsets => ApiKey::ListOffsets,
            Self::Metadata => ApiKey::Metadata,
            Self::SaslHandshake => ApiKey::SaslHandshake,
            Self::ApiVersions => ApiKey::ApiVersions,
            Self::OffsetForLeaderEpoch => ApiKey::OffsetForLeaderEpoch,
            Self::SaslAuthenticate => ApiKey::SaslAuthenticate,
            Self::DescribeProducers => ApiKey::DescribeProducers,
        }
    }

    /// Kafka's name of it, for errors.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Produce => "Produce",
            Self::Fetch => "Fetch",
            Self::ListOffsets => "ListOffsets",
            Self::Metadata => "Metadata",
            Self::SaslHandshake => "SaslHandshake",
            Self::ApiVersions => "ApiVersions",
            Self::OffsetForLeaderEpoch => "OffsetForLeaderEpoch",
            Self::SaslAuthenticate => "SaslAuthenticate",
            Self::DescribeProducers => "DescribeProducers",
        }
    }

    /// Kafka's name of its response, for errors.
    pub(crate) const fn response_name(self) -> &'static str {
        match self {
            Self::Produce => "a Produce response",
            Self::Fetch => "a Fetch response",
            Self::ListOffsets => "a ListOffsets response",
            Self::Metadata => "a Metadata response",
            Self::SaslHandshake => "a SaslHandshake response",
            Self::ApiVersions => "an ApiVersions response",
            Self::OffsetForLeaderEpoch => "an OffsetForLeaderEpoch response",
            Self::SaslAuthenticate => "a SaslAuthenticate response",
            Self::DescribeProducers => "a DescribeProducers response",
        }
    }

    /// Whether the response's header ends with tagged fields in this version.
    pub(crate) fn response_header_tagged(self, version: i16) -> bool {
        self.key().response_header_version(version) == 1
    }
}

/// What a broker offers, as its answer to ApiVersions says it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Offer {
    /// (api key, lowest, highest).
    ranges: Vec<(i16, i16, i16)>,
}

impl Offer {
    /// Reads the answer to ApiVersions.
    pub(crate) fn read(reader: &mut Reader) -> Result<Self, Error> {
        let error = reader.i16()?;
        if error != 0 {
            return Err(reader.malformed(format!("{}", super::ErrorCode(error))));
        }
        let mut ranges = Vec::new();
        reader.each(true, |reader| {
            ranges.push((reader.i16()?, reader.i16()?, reader.i16()?));
            reader.skip_tagged(true)
        })?;
        Ok(Self { ranges })
    }

    /// The highest version that both sides know.
    fn highest(&self, call: Call, (ours_min, ours_max): (i16, i16)) -> Option<i16> {
        let (_, min, max) = *self.ranges.iter().find(|(key, _, _)| *key == call.key() as i16)?;
        let best = ours_max.min(max);
        (best >= ours_min.max(min)).then_some(best)
    }

    /// Whether the one version that we speak is offered.
    pub(crate) fn has(&self, call: Call, version: i16) -> bool {
        self.highest(call, (version, version)).is_some()
    }

    /// What both sides know, or the name and versions of the request that one side lacks.
    pub(crate) fn common(&self) -> Result<BrokerVersions, String> {
        let need = |call, ours: (i16, i16)| self.highest(call, ours).ok_or_else(|| self.lack(call, ours));
        need(Call::Metadata, (METADATA, METADATA))?;
        need(Call::ListOffsets, (LIST_OFFSETS, LIST_OFFSETS))?;
        Ok(BrokerVersions {
            produce: need(Call::Produce, PRODUCE)?,
            fetch: need(Call::Fetch, FETCH)?,
            describe_producers: self.has(Call::DescribeProducers, DESCRIBE_PRODUCERS),
            offset_for_leader_epoch: self.has(Call::OffsetForLeaderEpoch, OFFSET_FOR_LEADER_EPOCH),
        })
    }

    fn lack(&self, call: Call, (ours_min, ours_max): (i16, i16)) -> String {
        match self.ranges.iter().find(|(key, _, _)| *key == call.key() as i16) {
            Some((_, min, max)) => {
                format!("the broker speaks {:?} {min} to {max}, needed is {ours_min} to {ours_max}", call.key())
            }
            None => format!("the broker doesn't speak {:?}", call.key()),
        }
    }
}
