use bytes::{Bytes, BytesMut};
use kafka_protocol::protocol::StrBytes;
use kafka_protocol::records::{
    Compression as WireCompression, Record as WireRecord, RecordBatchEncoder, RecordEncodeOptions, TimestampType,
};
use proptest::prelude::*;
use types::Timestamp;

use super::*;
use crate::error::Error;

/// A record in owned form, as both sides of a test see it.
#[derive(Debug, Clone, PartialEq)]
struct Owned {
    value: Option<Vec<u8>>,
    headers: Vec<(String, Vec<u8>)>,
    delta_ms: i64,
}

const START: BatchStart = BatchStart {
    producer_id: 1 << 62,
    producer_epoch: 7,
    base_sequence: 41,
    base_timestamp: Timestamp::from_millis(1_700_000_000_000),
};

fn encode(compression: Compression, records: &[Owned]) -> Bytes {
    let mut encoder = BatchEncoder::new(compression);
    // A batch before it must leave no trace.
    encoder.begin(BatchStart { producer_id: 3, ..START });
    encoder.push(Some(b"of another batch"), &[("h", b"x")], 9_999);
    encoder.finish().unwrap();
    encoder.begin(START);
    for record in records {
        let headers: Vec<(&str, &[u8])> = record.headers.iter().map(|(n, v)| (n.as_str(), v.as_slice())).collect();
        encoder.push(record.value.as_deref(), &headers, record.delta_ms);
    }
    encoder.finish().unwrap()
}

fn decode(bytes: &[u8]) -> Result<Vec<Owned>, Error> {
    let mut set = RecordSet::new(bytes);
    let mut found = Vec::new();
    while let Some(batch) = set.next_batch()? {
        let mut records = batch.records()?;
        while let Some(record) = records.next_record()? {
            assert_eq!(record.key, None);
            let header = |(name, value): (&[u8], Option<&[u8]>)| {
                (String::from_utf8_lossy(name).into_owned(), value.unwrap_or_default().to_vec())
            };
            found.push(Owned {
                value: record.value.map(<[u8]>::to_vec),
                headers: record.headers.map(header).collect(),
                delta_ms: record.timestamp.as_millis() - START.base_timestamp.as_millis(),
            });
        }
    }
    Ok(found)
}

fn few() -> Vec<Owned> {
    vec![
        Owned { value: Some(b"first".to_vec()), headers: vec![("esp-id".into(), b"17".to_vec())], delta_ms: 0 },
        Owned { value: None, headers: vec![("esp-marker".into(), Vec::new())], delta_ms: 3 },
        Owned { value: Some(Vec::new()), headers: vec![], delta_ms: 2 },
    ]
}

fn many() -> Vec<Owned> {
    let one = |i: i64| Owned {
        value: Some(format!("sym=S{};px={};", i % 7, i * 3).into_bytes()),
        headers: vec![("esp-index".into(), i.to_string().into_bytes())],
        delta_ms: i,
    };
    let records: Vec<Owned> = (0..1_000).map(one).collect();
    assert!(encode(Compression::None, &records).len() > COMPRESS_FROM_BYTES);
    records
}

#[test]
fn a_batch_equals_the_codec_s_byte_for_byte() {
    let record = |(i, record): (usize, &Owned)| WireRecord {
        transactional: false,
        control: false,
        delete_horizon: false,
        partition_leader_epoch: -1,
        producer_id: START.producer_id,
        producer_epoch: START.producer_epoch,
        timestamp_type: TimestampType::Creation,
        offset: i as i64,
        sequence: START.base_sequence + i as i32,
        timestamp: START.base_timestamp.as_millis() + record.delta_ms,
        key: None,
        value: record.value.clone().map(Bytes::from),
        headers: record
            .headers
            .iter()
            .map(|(name, value)| (StrBytes::from_string(name.clone()), Some(Bytes::from(value.clone()))))
            .collect(),
    };
    let records: Vec<WireRecord> = few().iter().enumerate().map(record).collect();
    let mut expected = BytesMut::new();
    let options = RecordEncodeOptions { version: 2, compression: WireCompression::None };
    RecordBatchEncoder::encode(&mut expected, &records, &options).unwrap();
    assert_eq!(encode(Compression::None, &few()), expected.freeze());
}

#[test]
fn a_batch_says_who_wrote_it_and_what_it_spans() {
    let bytes = encode(Compression::None, &few());
    let batch = RecordSet::new(&bytes).next_batch().unwrap().unwrap();
    assert_eq!((batch.base_offset.0, batch.last_offset.0, batch.count), (0, 2, 3));
    assert_eq!((batch.producer_id, batch.producer_epoch, batch.base_sequence), (Some(1 << 62), 7, 41));
    assert_eq!((batch.leader_epoch, batch.timestamp_kind), (None, TimestampKind::CreateTime));
    assert_eq!(batch.max_timestamp.as_millis(), 1_700_000_000_003);
}

#[test]
fn times_of_a_batch_stamped_by_the_broker_are_the_broker_s() {
    let mut bytes = encode(Compression::None, &few()).to_vec();
    bytes[at::ATTRIBUTES].copy_from_slice(&8i16.to_be_bytes());
    bytes[at::MAX_TIMESTAMP].copy_from_slice(&55i64.to_be_bytes());
    reseal(&mut bytes);
    let batch = RecordSet::new(&bytes).next_batch().unwrap().unwrap();
    assert_eq!(batch.timestamp_kind, TimestampKind::LogAppendTime);
    let mut records = batch.records().unwrap();
    while let Some(record) = records.next_record().unwrap() {
        assert_eq!(record.timestamp.as_millis(), 55);
    }
}

#[test]
fn large_batches_are_compressed_and_small_ones_are_not() {
    for compression in [Compression::Lz4, Compression::Zstd] {
        assert_eq!(encode(compression, &few()), encode(Compression::None, &few()));
        let packed = encode(compression, &many());
        assert!(packed.len() * 2 < encode(Compression::None, &many()).len(), "{compression:?}: {}", packed.len());
        assert_eq!(decode(&packed).unwrap(), many());
    }
}

#[test]
fn a_codec_that_is_not_read_is_named() {
    for (bits, name) in [(1, "gzip"), (2, "snappy")] {
        let mut bytes = encode(Compression::None, &few()).to_vec();
        bytes[at::ATTRIBUTES].copy_from_slice(&i16::to_be_bytes(bits));
        reseal(&mut bytes);
        assert!(decode(&bytes).unwrap_err().to_string().contains(name));
    }
}

#[test]
fn a_batch_cut_off_at_the_end_is_left_for_the_next_fetch() {
    let whole = encode(Compression::None, &few());
    for cut in 0..whole.len() {
        let bytes = [&whole[..], &whole[..cut]].concat();
        assert_eq!(decode(&bytes).unwrap(), few(), "cut at {cut}");
    }
}

#[test]
fn an_answer_without_one_whole_batch_is_an_error() {
    let whole = encode(Compression::None, &few());
    assert_eq!(decode(&[]).unwrap(), []);
    for cut in 1..whole.len() {
        assert!(matches!(decode(&whole[..cut]), Err(Error::Truncated { .. })), "cut at {cut}");
    }
}

#[test]
fn transaction_markers_are_passed_over_and_counted() {
    let mut marker = encode(Compression::None, &few()[..1]).to_vec();
    marker[at::ATTRIBUTES].copy_from_slice(&(CONTROL_BIT | 1 << 4).to_be_bytes());
    reseal(&mut marker);
    let bytes = [&marker[..], &encode(Compression::None, &few()), &marker].concat();
    assert_eq!(decode(&bytes).unwrap(), few());
    let mut set = RecordSet::new(&bytes);
    while set.next_batch().unwrap().is_some() {}
    assert_eq!(set.control_batches(), 2);
}

const CONTROL_BIT: i16 = 1 << 5;

#[test]
fn headers_encoded_once_equal_those_encoded_each_time() {
    let own: [(&str, &[u8]); 1] = [("a", b"1")];
    let common: [(&str, &[u8]); 2] = [("b", b"2"), ("c", b"33")];
    let mut encoder = BatchEncoder::new(Compression::None);
    encoder.begin(START);
    encoder.push_with(Some(b"value"), &own, &CommonHeaders::new(&common), 5);
    let apart = encoder.finish().unwrap();
    encoder.begin(START);
    encoder.push(Some(b"value"), &[own[0], common[0], common[1]], 5);
    assert_eq!(apart, encoder.finish().unwrap());
}

#[test]
fn headers_are_found_by_name() {
    let bytes = encode(Compression::None, &few());
    let batch = RecordSet::new(&bytes).next_batch().unwrap().unwrap();
    let mut records = batch.records().unwrap();
    let record = records.next_record().unwrap().unwrap();
    assert_eq!(record.headers.get("esp-id"), Some(b"17".as_slice()));
    assert_eq!(record.headers.get("esp-index"), None);
}

/// Makes a forged batch pass the checksum, so that what lies behind it is tested.
fn reseal(bytes: &mut [u8]) {
    let checksum = crc32c::crc32c(&bytes[at::AFTER_CRC..]);
    bytes[at::CRC].copy_from_slice(&checksum.to_be_bytes());
}

fn any_records() -> impl Strategy<Value = Vec<Owned>> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..300);
    let header = ("[a-z-]{0,12}", bytes());
    let record = (proptest::option::of(bytes()), proptest::collection::vec(header, 0..9), 0i64..100_000);
    let owned = |(value, headers, delta_ms)| Owned { value, headers, delta_ms };
    proptest::collection::vec(record.prop_map(owned), 1..40)
}

fn any_compression() -> impl Strategy<Value = Compression> {
    prop_oneof![Just(Compression::None), Just(Compression::Lz4), Just(Compression::Zstd)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_encoded_is_decoded(records in any_records(), compression in any_compression()) {
        prop_assert_eq!(decode(&encode(compression, &records)).unwrap(), records);
    }

    #[test]
    fn one_changed_byte_is_noticed(records in any_records(), place in any::<prop::sample::Index>(), flip in 1u8..=255) {
        let mut bytes = encode(Compression::None, &records).to_vec();
        // What stands before the checksum isn't covered by it: offset, length, leader epoch.
        let place = at::MAGIC + place.index(bytes.len() - at::MAGIC);
        bytes[place] ^= flip;
        prop_assert!(decode(&bytes).is_err());
    }

    #[test]
    fn forged_batches_never_panic(
        records in any_records(),
        compression in any_compression(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = encode(compression, &records).to_vec();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        reseal(&mut bytes);
        let _ = decode(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
    }
}
