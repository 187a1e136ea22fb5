//! What is written as outputs is read back as outputs.

use super::*;
use crate::batch::Compression;
use crate::machine::tests::any_config;

/// Enough for several blocks of compressed text.
const RECORDS: u64 = 2_000;

fn output(index: u64) -> OutputRecord {
    OutputRecord {
        index: OutputIndex(index),
        id: MessageId(index + 1_000_000),
        part: u32::from(index % 5 == 4),
        time: Timestamp(1_700_000_000_000_000 + index as i64),
        kind: if index % 7 == 6 { OutputKind::Marker } else { OutputKind::Data },
        payload: if index % 7 == 6 { Vec::new() } else { vec![index as u8; 190] },
        digest: Digest(u128::from(index) << 90 | 7),
    }
}

#[test]
fn what_is_written_as_outputs_is_read_back_as_outputs() {
    let config = any_config();
    let items: Vec<Item> = (0..RECORDS).map(|index| Item::Output(output(index))).collect();
    let mut encoder = BatchEncoder::new(Compression::Lz4);
    let batch = outputs(&mut encoder, &config, OutputIndex(0), items.iter(), Timestamp(1)).unwrap();
    let mut next = 0;
    walk(&config, &batch, Offset(0), |offset, meaning| {
        let OutputRecord { index, id, digest, .. } = output(next);
        assert_eq!(offset, Offset(next));
        assert_eq!(meaning, Meaning::Output { index, id, digest, writer: &config.identity.writer });
        next += 1;
        true
    })
    .unwrap();
    assert_eq!(next, RECORDS);
}

#[test]
fn a_fence_is_a_fence_whatever_else_it_says() {
    let config = any_config();
    let batch = fence(&mut BatchEncoder::new(Compression::None), &config, Timestamp(1)).unwrap();
    let mut seen = 0;
    walk(&config, &batch, Offset(0), |_, meaning| {
        seen += 1;
        meaning == Meaning::Fence
    })
    .unwrap();
    assert_eq!(seen, 1);
}
