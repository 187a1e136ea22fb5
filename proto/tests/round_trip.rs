//! What is encoded reads back the same, whole or in parts; what is damaged is reported and never harms.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

extern crate understudy_proto as proto;

mod support;

use proptest::prelude::*;
use proto::{CsvFraming, CsvOptions, DateFormat, Decoder, Format, JsonOptions, REJECTS_PER_PAYLOAD_MAX, SchemaLine};
use support::{all_types, block, decode, encode, rows};
use types::{EventBlock, Opcode};

/// Any double that equals itself.
fn any_number() -> impl Strategy<Value = f64> + Clone {
    any::<f64>().prop_filter("NaN is unequal to itself", |value| !value.is_nan())
}

/// A double that six decimals hold.
fn six_decimals() -> impl Strategy<Value = f64> + Clone {
    (-1_000_000_000_i64..1_000_000_000).prop_map(|millionths| format!("{}e-6", millionths).parse().unwrap())
}

fn csv(framing: CsvFraming, schema_line: SchemaLine) -> Format {
    Format::Csv(CsvOptions { framing, schema_line, ..CsvOptions::default() })
}

fn every_format() -> [Format; 4] {
    [
        Format::Binary,
        csv(CsvFraming::PerBlock, SchemaLine::Never),
        csv(CsvFraming::PerEvent, SchemaLine::Once),
        Format::Json(JsonOptions::default()),
    ]
}

proptest! {
    #[test]
    fn binary_reads_back_the_same(rows in rows(any_number()), part_bytes_max in 1..4_000_usize) {
        let block = block(&rows);
        let (read, rejects) = decode(&Format::Binary, &encode(&Format::Binary, &block, part_bytes_max));
        prop_assert_eq!(rejects, []);
        prop_assert_eq!(read, block);
    }

    #[test]
    fn json_reads_back_the_same(rows in rows(any_number()), part_bytes_max in 1..4_000_usize) {
        let (block, format) = (block(&rows), Format::Json(JsonOptions::default()));
        let (read, rejects) = decode(&format, &encode(&format, &block, part_bytes_max));
        prop_assert_eq!(rejects, []);
        prop_assert_eq!(read, block);
    }

    #[test]
    fn csv_reads_back_the_same_within_six_decimals(rows in rows(six_decimals()), part_bytes_max in 1..4_000_usize) {
        let block = block(&rows);
        for framing in [CsvFraming::PerEvent, CsvFraming::PerBlock] {
            for schema_line in [SchemaLine::Never, SchemaLine::Once, SchemaLine::PerEventBlock] {
                let format = csv(framing, schema_line);
                let (read, rejects) = decode(&format, &encode(&format, &block, part_bytes_max));
                prop_assert_eq!(rejects, []);
                prop_assert_eq!(read, block.clone());
            }
        }
    }

    #[test]
    fn csv_with_shortest_doubles_reads_back_the_same(rows in rows(any_number())) {
        let (block, doubles) = (block(&rows), proto::Doubles::Shortest);
        let format = Format::Csv(CsvOptions { framing: CsvFraming::PerBlock, doubles, ..CsvOptions::default() });
        let (read, rejects) = decode(&format, &encode(&format, &block, 4_000));
        prop_assert_eq!(rejects, []);
        prop_assert_eq!(read, block);
    }

    #[test]
    fn dates_read_back_the_same_through_a_pattern(seconds in -60_000_000_000..200_000_000_000_i64, micros in 0..1_000_000_i64) {
        let mut rows = [support::Row {
            opcode: 1, flags: 1, id: Some(1), small: None, price: None, name: None,
            day: Some(seconds), moment: Some(seconds * 1_000_000 + micros), cost: None, raw: None,
        }];
        for pattern in ["%Y-%m-%d %H:%M:%S", "%d%b%Y,%I:%M:%S %p", "%FT%T.%6f"] {
            let date_format = Some(DateFormat::new(pattern).unwrap());
            let csv = Format::Csv(CsvOptions { date_format: date_format.clone(), ..CsvOptions::default() });
            for format in [csv, Format::Json(JsonOptions { date_format, ..JsonOptions::default() })] {
                let block = block(&rows);
                let (read, rejects) = decode(&format, &encode(&format, &block, 4_000));
                prop_assert_eq!(rejects, []);
                prop_assert_eq!(read, block);
            }
            rows[0].id = None;
        }
    }

    #[test]
    fn equal_events_have_equal_bytes_wherever_they_lie(rows in rows(any_number()), before in rows(any_number())) {
        let alone = block(&rows);
        let together = block(&[before.clone(), rows.clone(), before.clone()].concat());
        for format in every_format() {
            let mut encoder = proto::Encoder::new(format.clone(), all_types(), proto::EncoderOptions::default()).unwrap();
            let mut parts = Vec::new();
            encoder.encode(&together, before.len()..before.len() + rows.len(), &mut |part| parts.push(part.to_vec()));
            prop_assert_eq!(parts, encode(&format, &alone, proto::PART_BYTES_MAX_DEFAULT));
        }
    }

    #[test]
    fn a_part_is_no_larger_than_the_bound_unless_it_cannot_be_split(rows in rows(any_number()), part_bytes_max in 1..2_000_usize) {
        let block = block(&rows);
        let formats = [Format::Binary, csv(CsvFraming::PerBlock, SchemaLine::Never), Format::Json(JsonOptions::default())];
        for format in formats {
            for part in encode(&format, &block, part_bytes_max) {
                let (events, _) = decode(&format, std::slice::from_ref(&part));
                let splits = (1..events.len()).filter(|&i| {
                    !(events.opcodes[i - 1] == Opcode::UpdateBlock && events.opcodes[i] == Opcode::Delete)
                });
                prop_assert!(part.len() <= part_bytes_max || splits.count() == 0, "{} bytes", part.len());
            }
        }
    }

    #[test]
    fn old_values_never_leave_their_update(rows in rows(any_number())) {
        let block = block(&rows);
        let formats = [Format::Binary, csv(CsvFraming::PerBlock, SchemaLine::Never), Format::Json(JsonOptions::default())];
        for format in formats {
            let mut row = 0;
            for part in encode(&format, &block, 1) {
                row += decode(&format, std::slice::from_ref(&part)).0.len();
                let split_an_update = row < block.len()
                    && block.opcodes[row - 1] == Opcode::UpdateBlock
                    && block.opcodes[row] == Opcode::Delete;
                prop_assert!(!split_an_update);
            }
        }
    }

    #[test]
    fn random_bytes_are_reported_and_never_harm(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        for format in every_format() {
            harmless(&format, &bytes)?;
        }
    }

    #[test]
    fn random_text_is_reported_and_never_harms(text in "[\\[\\]{}:,\"\\\\a-e0-9. \n\r-]{0,300}") {
        for format in every_format() {
            harmless(&format, text.as_bytes())?;
        }
    }

    #[test]
    fn mutated_payloads_are_reported_and_never_harm(
        rows in rows(any_number()),
        cut in any::<prop::sample::Index>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        for format in every_format() {
            for mut payload in encode(&format, &block(&rows), 10_000) {
                for (place, byte) in &changes {
                    let place = place.index(payload.len());
                    payload[place] = *byte;
                }
                harmless(&format, &payload)?;
                payload.truncate(cut.index(payload.len()));
                harmless(&format, &payload)?;
            }
        }
    }

    #[test]
    fn a_truncated_binary_block_gives_no_event(rows in rows(any_number()), cut in any::<prop::sample::Index>()) {
        let mut payload = encode(&Format::Binary, &block(&rows), 1_000_000).remove(0);
        payload.truncate(cut.index(payload.len()));
        let (read, rejects) = decode(&Format::Binary, &[payload]);
        prop_assert_eq!((read.len(), rejects.len()), (0, 1));
    }
}

/// Decodes behind events that are there already; those must stay as they are, and memory in proportion.
fn harmless(format: &Format, payload: &[u8]) -> Result<(), TestCaseError> {
    let kept = block(&[support::Row {
        opcode: 1,
        flags: 1,
        id: Some(7),
        small: None,
        price: Some(0.5),
        name: Some("kept".to_owned()),
        day: None,
        moment: None,
        cost: Some(1),
        raw: None,
    }]);
    let mut decoder = Decoder::new(format.clone(), all_types()).unwrap();
    let (mut read, mut rejects): (EventBlock, _) = (kept.clone(), Vec::new());
    decoder.decode(payload, &mut read, &mut rejects);
    prop_assert!(read.len() <= kept.len() + payload.len());
    prop_assert!(rejects.len() <= REJECTS_PER_PAYLOAD_MAX + 1);
    for rejected in &rejects {
        prop_assert!(rejected.text.len() <= proto::EXCERPT_BYTES_MAX, "{}", rejected);
    }
    read.truncate(kept.len());
    prop_assert_eq!(read, kept);
    Ok(())
}
