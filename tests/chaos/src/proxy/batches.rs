//! Record batches inside a frame, found by their looks: whether it is a produce request or a fetch answer, and of which
//! version, needn't be known.

use std::ops::Range;

use crate::chance::Chance;

/// A batch before its first record (Kafka protocol, "Record Batch"): base offset 8 bytes, length 4, leader epoch 4, magic 1,
/// checksum 4, then what the checksum covers.
const LENGTH_AT: usize = 8;
const MAGIC_AT: usize = 16;
const COVERED_AT: usize = 21;
const HEADER_BYTES: usize = 61;
const MAGIC: u8 = 2;

/// Flips one bit of one batch where the checksum covers it; whether there is one.
pub(super) fn flip_a_bit(frame: &mut [u8], chance: &mut Chance) -> bool {
    let covered = covered(frame);
    let Some(range) = chance.pick(&covered) else { return false };
    let last = u64::try_from(range.len() - 1).unwrap_or_default();
    let at = range.start + usize::try_from(chance.within(&(0..=last))).unwrap_or_default();
    frame[at] ^= 1 << chance.within(&(0..=7));
    true
}

/// The covered part of each whole batch.
fn covered(frame: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + HEADER_BYTES <= frame.len() {
        match end_of_batch(frame, at) {
            Some(end) => {
                found.push(at + COVERED_AT..end);
                at = end;
            }
            None => at += 1,
        }
    }
    found
}

/// A test's topic never reaches an offset of 2³², so a base offset begins with four empty bytes.
fn end_of_batch(frame: &[u8], at: usize) -> Option<usize> {
    let length: [u8; 4] = frame[at + LENGTH_AT..at + LENGTH_AT + 4].try_into().ok()?;
    let end = at + LENGTH_AT + 4 + usize::try_from(u32::from_be_bytes(length)).ok()?;
    let fits = end >= at + HEADER_BYTES && end <= frame.len();
    (frame[at + MAGIC_AT] == MAGIC && frame[at..at + 4] == [0; 4] && fits).then_some(end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(records: usize) -> Vec<u8> {
        let length = u32::try_from(HEADER_BYTES - LENGTH_AT - 4 + records).expect("short");
        let mut batch = 7_u64.to_be_bytes().to_vec();
        batch.extend(length.to_be_bytes());
        batch.extend([0, 0, 0, 3, MAGIC]);
        batch.resize(HEADER_BYTES + records, 0xaa);
        batch
    }

    #[test]
    fn only_what_the_checksum_covers_changes_and_only_one_bit() {
        let before = [vec![0xff; 33], batch(40), batch(12), vec![0xff; 5]].concat();
        for seed in 0..200 {
            let mut frame = before.clone();
            assert!(flip_a_bit(&mut frame, &mut Chance::new(seed)));
            let changed: Vec<usize> = (0..frame.len()).filter(|&at| frame[at] != before[at]).collect();
            let [at] = changed[..] else { panic!("{changed:?}") };
            let second = 33 + HEADER_BYTES + 40;
            let covered =
                (33 + COVERED_AT..second).contains(&at) || (second + COVERED_AT..before.len() - 5).contains(&at);
            assert!(covered, "byte {at}");
            assert_eq!((frame[at] ^ before[at]).count_ones(), 1);
        }
    }

    #[test]
    fn a_frame_without_a_whole_batch_stays_as_it_is() {
        for frame in [vec![0_u8; 500], batch(40)[..80].to_vec(), vec![]] {
            let mut changed = frame.clone();
            assert!(!flip_a_bit(&mut changed, &mut Chance::new(3)));
            assert_eq!(changed, frame);
        }
    }
}
