//! Responses from frames. Only the answer for partition 0 of the one topic asked for is kept.

use std::time::Duration;

use bytes::Bytes;
use ports::coordinator::HostPort;
use types::{LeaderEpoch, Offset, Timestamp};

use super::call::{self, Call};
use super::reader::Reader;
use super::{
    Body, Broker, EpochEnd, ErrorCode, Fetched, LeaderHint, LogOffset, Metadata, PartitionMetadata, Produced,
    ProducerState, Response, TopicId,
};
use crate::error::Error;

/// Passes over the response's header and gives its correlation id.
pub(crate) fn header(reader: &mut Reader, call: Call, version: i16) -> Result<i32, Error> {
    let correlation = reader.i32()?;
    reader.skip_tagged(call.response_header_tagged(version))?;
    Ok(correlation)
}

/// Reads the answer to one of the six requests.
pub(crate) fn response(reader: &mut Reader, call: Call, version: i16) -> Result<Response, Error> {
    match call {
        Call::Metadata => metadata(reader),
        Call::DescribeProducers => producers(reader),
        Call::ListOffsets => log_offset(reader),
        Call::OffsetForLeaderEpoch => epoch_end(reader),
        Call::Produce => produced(reader, version),
        Call::Fetch => fetched(reader, version),
        Call::ApiVersions | Call::SaslHandshake | Call::SaslAuthenticate => {
            Err(reader.malformed("it belongs to the handshake"))
        }
    }
}

/// The answer to SaslHandshake: what the broker says, and which mechanisms it offers.
pub(crate) fn sasl_handshake(reader: &mut Reader) -> Result<(Option<ErrorCode>, Vec<String>), Error> {
    let error = ErrorCode::from_wire(reader.i16()?);
    let mut mechanisms = Vec::new();
    reader.each(false, |reader| {
        mechanisms.push(reader.text(false)?);
        Ok(())
    })?;
    Ok((error, mechanisms))
}

/// The answer to SaslAuthenticate (version 1): error, the broker's words on it, SASL bytes.
pub(crate) fn sasl_authenticate(reader: &mut Reader) -> Result<(Option<ErrorCode>, Option<String>, Bytes), Error> {
    let error = ErrorCode::from_wire(reader.i16()?);
    let message = reader.nullable_text(false)?;
    let bytes = reader.nullable_bytes(false)?.unwrap_or_default();
    // When the session has a lifetime the broker closes the connection after it; a new one is then made as after any loss.
    let _session_lifetime_ms = reader.i64()?;
    Ok((error, message, bytes))
}

/// What most answers have in common while they are being read.
#[derive(Default)]
struct Common {
    error: Option<ErrorCode>,
    message: Option<String>,
    throttle: Duration,
    hint: Option<(i32, LeaderEpoch)>,
    endpoints: Vec<Broker>,
}

impl Common {
    fn response(self, body: Body) -> Response {
        let leader = self.hint.map(|(node, epoch)| LeaderHint {
            node,
            epoch,
            address: self.endpoints.into_iter().find(|broker| broker.node == node).map(|broker| broker.address),
        });
        Response { error: self.error, message: self.message, throttle: self.throttle, leader, body }
    }
}

fn metadata(reader: &mut Reader) -> Result<Response, Error> {
    let mut common = Common { throttle: throttle(reader)?, ..Common::default() };
    let mut found = Metadata::default();
    reader.each(true, |reader| {
        found.brokers.push(endpoint(reader)?);
        Ok(())
    })?;
    let _cluster_id = reader.nullable_text(true)?;
    let _controller = reader.i32()?;
    let mut topics = 0;
    reader.each(true, |reader| {
        topics += 1;
        metadata_topic(reader, &mut common, &mut found)
    })?;
    reader.skip_tagged(true)?;
    the_only(reader, topics, "topic")?;
    Ok(common.response(Body::Metadata(Box::new(found))))
}

fn metadata_topic(reader: &mut Reader, common: &mut Common, found: &mut Metadata) -> Result<(), Error> {
    common.error = ErrorCode::from_wire(reader.i16()?);
    let _name = reader.nullable_text(true)?;
    found.topic_id = Some(reader.u128()?).filter(|id| *id != 0).map(TopicId);
    let _internal = reader.bool()?;
    reader.each(true, |reader| {
        let error = ErrorCode::from_wire(reader.i16()?);
        let number = reader.i32()?;
        let partition = PartitionMetadata {
            leader: Some(reader.i32()?).filter(|node| *node >= 0),
            leader_epoch: leader_epoch(reader)?,
            replicas: reader.numbers(true)?,
            isr: reader.numbers(true)?,
            offline: reader.numbers(true)?,
        };
        found.partitions += 1;
        if number == 0 {
            common.error = common.error.or(error);
            found.partition = Some(partition);
        }
        reader.skip_tagged(true)
    })?;
    let _authorized_operations = reader.i32()?;
    reader.skip_tagged(true)
}

fn producers(reader: &mut Reader) -> Result<Response, Error> {
    let mut common = Common { throttle: throttle(reader)?, ..Common::default() };
    let mut found = Vec::new();
    partition_zero(reader, true, named_topic, |reader| {
        common.error = ErrorCode::from_wire(reader.i16()?);
        common.message = reader.nullable_text(true)?;
        reader.each(true, |reader| {
            found.push(ProducerState {
                id: reader.i64()?,
                epoch: reader.i32()?,
                last_sequence: Some(reader.i32()?).filter(|sequence| *sequence >= 0),
                last_timestamp: timestamp(reader)?,
            });
            let (_coordinator_epoch, _transaction_start) = (reader.i32()?, reader.i64()?);
            reader.skip_tagged(true)
        })?;
        reader.skip_tagged(true)
    })?;
    reader.skip_tagged(true)?;
    Ok(common.response(Body::Producers(found)))
}

fn log_offset(reader: &mut Reader) -> Result<Response, Error> {
    let mut common = Common { throttle: throttle(reader)?, ..Common::default() };
    let mut found = LogOffset::default();
    partition_zero(reader, true, named_topic, |reader| {
        common.error = ErrorCode::from_wire(reader.i16()?);
        let _timestamp = reader.i64()?;
        found = LogOffset { offset: offset(reader)?, leader_epoch: leader_epoch(reader)? };
        reader.skip_tagged(true)
    })?;
    reader.skip_tagged(true)?;
    Ok(common.response(Body::Offset(found)))
}

fn epoch_end(reader: &mut Reader) -> Result<Response, Error> {
    let mut common = Common { throttle: throttle(reader)?, ..Common::default() };
    let mut found = EpochEnd::default();
    let mut topics = 0;
    reader.each(true, |reader| {
        topics += 1;
        named_topic(reader, true)?;
        // The only response whose partitions begin with the error.
        let mut partitions = 0;
        reader.each(true, |reader| {
            partitions += 1;
            common.error = ErrorCode::from_wire(reader.i16()?);
            expect_partition_zero(reader)?;
            found = EpochEnd { epoch: leader_epoch(reader)?, end: offset(reader)? };
            reader.skip_tagged(true)
        })?;
        the_only(reader, partitions, "partition")?;
        reader.skip_tagged(true)
    })?;
    the_only(reader, topics, "topic")?;
    reader.skip_tagged(true)?;
    Ok(common.response(Body::EpochEnd(found)))
}

fn produced(reader: &mut Reader, version: i16) -> Result<Response, Error> {
    let mut common = Common::default();
    let mut found = Produced::default();
    let topic = if version >= call::PRODUCE_BY_ID { topic_by_id } else { named_topic };
    partition_zero(reader, true, topic, |reader| {
        common.error = ErrorCode::from_wire(reader.i16()?);
        found =
            Produced { base_offset: offset(reader)?, log_append_time: timestamp(reader)?, log_start: offset(reader)? };
        let mut first_record_error = None;
        reader.each(true, |reader| {
            let (_record, words) = (reader.i32()?, reader.nullable_text(true)?);
            first_record_error = first_record_error.take().or(words);
            reader.skip_tagged(true)
        })?;
        common.message = reader.nullable_text(true)?.or(first_record_error);
        reader.tagged(true, |tag, reader| match tag {
            0 => current_leader(reader, &mut common.hint),
            _ => Ok(()),
        })
    })?;
    common.throttle = throttle(reader)?;
    node_endpoints(reader, &mut common.endpoints)?;
    Ok(common.response(Body::Produced(found)))
}

fn fetched(reader: &mut Reader, version: i16) -> Result<Response, Error> {
    let flexible = version >= 12;
    let mut common = Common { throttle: throttle(reader)?, ..Common::default() };
    let mut found = Fetched::default();
    common.error = ErrorCode::from_wire(reader.i16()?);
    let _session = reader.i32()?;
    if common.error.is_some() {
        // A refusal of the whole request names no topic.
        return Ok(common.response(Body::Fetched(found)));
    }
    let topic = if version >= call::FETCH_BY_ID { topic_by_id } else { named_topic };
    partition_zero(reader, flexible, topic, |reader| {
        common.error = ErrorCode::from_wire(reader.i16()?);
        found.high_watermark = offset(reader)?;
        let _last_stable = reader.i64()?;
        found.log_start = offset(reader)?;
        reader.each(flexible, |reader| {
            let (_producer, _first_offset) = (reader.i64()?, reader.i64()?);
            reader.skip_tagged(flexible)
        })?;
        let _preferred_replica = reader.i32()?;
        found.records = reader.nullable_bytes(flexible)?.unwrap_or_default();
        reader.tagged(flexible, |tag, reader| match tag {
            1 => current_leader(reader, &mut common.hint),
            _ => Ok(()),
        })
    })?;
    if flexible {
        node_endpoints(reader, &mut common.endpoints)?;
    }
    Ok(common.response(Body::Fetched(found)))
}

/// Walks topics and partitions of a response that must hold exactly partition 0 of one topic.
fn partition_zero(
    reader: &mut Reader,
    flexible: bool,
    topic: fn(&mut Reader, bool) -> Result<(), Error>,
    mut partition: impl FnMut(&mut Reader) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut topics = 0;
    reader.each(flexible, |reader| {
        topics += 1;
        topic(reader, flexible)?;
        let mut partitions = 0;
        reader.each(flexible, |reader| {
            partitions += 1;
            expect_partition_zero(reader)?;
            partition(reader)
        })?;
        the_only(reader, partitions, "partition")?;
        reader.skip_tagged(flexible)
    })?;
    the_only(reader, topics, "topic")
}

fn the_only(reader: &Reader, count: usize, what: &str) -> Result<(), Error> {
    if count == 1 { Ok(()) } else { Err(reader.malformed(format!("it answers for {count} {what}s instead of one"))) }
}

fn expect_partition_zero(reader: &mut Reader) -> Result<(), Error> {
    match reader.i32()? {
        0 => Ok(()),
        other => Err(reader.malformed(format!("it answers for partition {other}"))),
    }
}

fn named_topic(reader: &mut Reader, flexible: bool) -> Result<(), Error> {
    reader.text(flexible).map(drop)
}

fn topic_by_id(reader: &mut Reader, _flexible: bool) -> Result<(), Error> {
    reader.u128().map(drop)
}

fn endpoint(reader: &mut Reader) -> Result<Broker, Error> {
    let node = reader.i32()?;
    let host = reader.text(true)?;
    let port = reader.i32()?;
    let port = u16::try_from(port).map_err(|_| reader.malformed(format!("{port} is no port")))?;
    let _rack = reader.nullable_text(true)?;
    reader.skip_tagged(true)?;
    Ok(Broker { node, address: HostPort { host, port } })
}

/// The tagged fields at the end of Produce and Fetch responses: where the new leader listens.
fn node_endpoints(reader: &mut Reader, endpoints: &mut Vec<Broker>) -> Result<(), Error> {
    reader.tagged(true, |tag, reader| match tag {
        0 => reader.each(true, |reader| {
            endpoints.push(endpoint(reader)?);
            Ok(())
        }),
        _ => Ok(()),
    })
}

fn current_leader(reader: &mut Reader, hint: &mut Option<(i32, LeaderEpoch)>) -> Result<(), Error> {
    let node = reader.i32()?;
    let epoch = leader_epoch(reader)?;
    *hint = epoch.filter(|_| node >= 0).map(|epoch| (node, epoch));
    reader.skip_tagged(true)
}

fn throttle(reader: &mut Reader) -> Result<Duration, Error> {
    Ok(Duration::from_millis(u64::try_from(reader.i32()?).unwrap_or(0)))
}

fn offset(reader: &mut Reader) -> Result<Option<Offset>, Error> {
    Ok(u64::try_from(reader.i64()?).ok().map(Offset))
}

fn leader_epoch(reader: &mut Reader) -> Result<Option<LeaderEpoch>, Error> {
    Ok(u32::try_from(reader.i32()?).ok().map(LeaderEpoch))
}

fn timestamp(reader: &mut Reader) -> Result<Option<Timestamp>, Error> {
    let millis = reader.i64()?;
    Ok((millis >= 0).then(|| Timestamp::from_millis(millis)))
}
