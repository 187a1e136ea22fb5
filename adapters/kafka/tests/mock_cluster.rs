//! The adapter against librdkafka's own mock cluster, which answers as brokers do when offsets are refused.

use std::time::{Duration, Instant};

use ports::input::{InboundBatch, InputError, InputLog as _, ReadBounds};
use rdkafka::ClientConfig;
use rdkafka::mocking::MockCluster;
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer as _};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use types::{Offset, TopicName};
use understudy_adapter_kafka::{ClientSettings, KafkaInput};

/// Nothing here takes so long; when it does the test has failed.
const SOON: Duration = Duration::from_secs(20);

type Mock = MockCluster<'static, DefaultProducerContext>;

fn cluster(topic: &str) -> Mock {
    let mock = MockCluster::new(1).expect("a mock cluster");
    mock.create_topic(topic, 1, 1).expect("a topic");
    mock
}

fn settings(mock: &Mock, config: &str) -> ClientSettings {
    ClientSettings::new(&mock.bootstrap_servers(), Some(config), None).expect("harmless settings")
}

fn write(mock: &Mock, topic: &str, count: usize, bytes: usize) {
    let producer: BaseProducer = ClientConfig::new()
        .set("bootstrap.servers", mock.bootstrap_servers())
        // The mock drops whole batches.
        .set("batch.num.messages", "1")
        .create()
        .expect("a producer");
    let value = vec![b'x'; bytes];
    for _ in 0..count {
        let record = BaseRecord::<(), [u8]>::to(topic).partition(0).payload(&value);
        producer.send(record).map_err(|(error, _)| error).expect("room in the queue");
    }
    producer.flush(SOON).expect("written");
}

/// Reads until `until` is satisfied or reading fails.
fn read(input: &mut KafkaInput, until: impl Fn(&InboundBatch) -> bool) -> Result<InboundBatch, InputError> {
    let mut batch = InboundBatch::default();
    let deadline = Instant::now() + SOON;
    while !until(&batch) {
        assert!(Instant::now() < deadline, "{} records came", batch.heads.len());
        input.read(&mut batch, ReadBounds { records_max: 100, bytes_max: 1 << 20 }, Duration::from_millis(50))?;
    }
    Ok(batch)
}

#[test]
fn an_offset_that_was_refused_but_is_there_is_read_again() {
    let mock = cluster("in.I");
    write(&mock, "in.I", 10, 10);
    let mut input = KafkaInput::open(&settings(&mock, ""), &TopicName::from("in.I"), Offset(0)).expect("opened");
    read(&mut input, |batch| batch.heads.len() == 10).expect("readable");
    let refusals = [RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE; 3];
    mock.request_errors(RDKafkaApiKey::Fetch, &refusals);
    write(&mock, "in.I", 10, 10);
    let batch = read(&mut input, |batch| batch.heads.len() == 10).expect("readable");
    assert_eq!((batch.heads[0].offset, batch.heads[9].offset), (Offset(10), Offset(19)));
}

#[test]
fn records_deleted_before_a_reader_came_to_them_stop_it() {
    let mock = cluster("in.I");
    write(&mock, "in.I", 2, 100_000);
    // A reader that takes little in advance, so that it falls behind.
    let behind = "queued.min.messages=1;queued.max.messages.kbytes=1;fetch.message.max.bytes=1000";
    let mut input = KafkaInput::open(&settings(&mock, behind), &TopicName::from("in.I"), Offset(0)).expect("opened");
    let first = read(&mut input, |batch| !batch.heads.is_empty()).expect("readable");
    assert_eq!(first.heads[0].offset, Offset(0));
    // The mock keeps 5 MiB.
    write(&mock, "in.I", 80, 100_000);
    let error = read(&mut input, |_| false).expect_err("a hole is never jumped over");
    let InputError::Truncated { needed, earliest, .. } = error else { panic!("{error:?}") };
    assert!(needed < earliest && needed == input.next(), "{needed} {earliest} {}", input.next());
}

#[test]
fn reading_goes_on_through_leaders_that_refuse() {
    let mock = cluster("in.I");
    let mut input = KafkaInput::open(&settings(&mock, ""), &TopicName::from("in.I"), Offset(0)).expect("opened");
    mock.request_errors(
        RDKafkaApiKey::Fetch,
        &[
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            RDKafkaRespErr::RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
        ],
    );
    write(&mock, "in.I", 5, 10);
    let batch = read(&mut input, |batch| batch.heads.len() == 5).expect("readable");
    assert_eq!(batch.heads[0].offset, Offset(0));
}

#[test]
fn a_topic_that_may_not_be_read_stops_the_reader() {
    let mock = cluster("in.I");
    let mut input = KafkaInput::open(&settings(&mock, ""), &TopicName::from("in.I"), Offset(0)).expect("opened");
    mock.request_errors(RDKafkaApiKey::Fetch, &[RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED; 100]);
    let error = read(&mut input, |_| false).expect_err("somebody must see it");
    assert!(matches!(error, InputError::Failed { .. }), "{error:?}");
}
