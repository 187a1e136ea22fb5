use expect_test::expect;
use prost::Message as _;
use types::{Column, EventBlock, Flags, Opcode, Schema, Value};

use super::BinaryEncoder;
use crate::{Decoder, Format, Rejected};

/// The messages of `understudy.proto`, as the usual tool would have them.
mod derived {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct EventBlock {
        #[prost(fixed32, tag = "1")]
        pub(super) magic: u32,
        #[prost(uint32, tag = "2")]
        pub(super) format_version: u32,
        #[prost(uint32, tag = "3")]
        pub(super) events: u32,
        #[prost(bytes = "vec", tag = "4")]
        pub(super) opcodes: Vec<u8>,
        #[prost(bytes = "vec", tag = "5")]
        pub(super) flags: Vec<u8>,
        #[prost(message, repeated, tag = "6")]
        pub(super) columns: Vec<Column>,
    }

    #[derive(Clone, PartialEq, prost::Message)]
    pub(super) struct Column {
        #[prost(enumeration = "ColumnType", tag = "1")]
        pub(super) r#type: i32,
        #[prost(bytes = "vec", tag = "2")]
        pub(super) nulls: Vec<u8>,
        #[prost(sint64, repeated, tag = "3")]
        pub(super) deltas: Vec<i64>,
        #[prost(double, repeated, tag = "4")]
        pub(super) doubles: Vec<f64>,
        #[prost(uint32, repeated, tag = "5")]
        pub(super) lengths: Vec<u32>,
        #[prost(bytes = "vec", tag = "6")]
        pub(super) bytes: Vec<u8>,
    }

    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
    #[repr(i32)]
    pub(super) enum ColumnType {
        Unknown = 0,
        Int32 = 1,
        Int64 = 2,
        Double = 3,
        String = 4,
        Date = 5,
        Stamp = 6,
        Money = 7,
        Blob = 8,
    }
}

fn schema() -> Schema {
    "id*:int64,small:int32,price:double,name:string,moment:stamp".parse().unwrap()
}

fn block() -> EventBlock {
    let mut block = EventBlock::new(&schema());
    let mut add = |opcode, flags, values: [Value<'_>; 5]| {
        block.opcodes.push(opcode);
        block.flags.push(flags);
        for (column, value) in block.columns.iter_mut().zip(values) {
            column.push(value).unwrap();
        }
    };
    let stamp = 1_700_000_000_000_000;
    add(
        Opcode::Insert,
        Flags::NORMAL,
        [Value::Int64(300), Value::Int32(-1), Value::Double(7.11), Value::String("scött"), Value::Stamp(stamp)],
    );
    add(
        Opcode::UpdateBlock,
        Flags::NORMAL,
        [Value::Int64(301), Value::Null, Value::Double(-0.0), Value::String(""), Value::Stamp(stamp + 5)],
    );
    add(
        Opcode::Delete,
        Flags::RETENTION,
        [Value::Int64(i64::MIN), Value::Int32(i32::MAX), Value::Null, Value::Null, Value::Null],
    );
    block
}

fn encoded(block: &EventBlock) -> Vec<u8> {
    let mut all = Vec::new();
    BinaryEncoder::default().encode(block, 0..block.len(), usize::MAX, &mut |part| all.extend_from_slice(part));
    all
}

fn decoded(payload: &[u8]) -> (EventBlock, Vec<Rejected>) {
    let schema = std::sync::Arc::new(schema());
    let (mut block, mut rejects) = (EventBlock::new(&schema), Vec::new());
    Decoder::new(Format::Binary, schema).unwrap().decode(payload, &mut block, &mut rejects);
    (block, rejects)
}

fn refusal(payload: &[u8]) -> String {
    let (block, rejects) = decoded(payload);
    assert!(block.is_empty(), "a refused block gives no event");
    rejects.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The derived message of [`block`].
fn message() -> derived::EventBlock {
    let message = derived::EventBlock::decode(&encoded(&block())[..]);
    message.unwrap()
}

#[test]
fn the_bytes_never_change() {
    let hex: Vec<String> =
        encoded(&block()).chunks(16).map(|line| line.iter().map(|b| format!("{b:02x}")).collect()).collect();
    expect![[r#"
        0d555345421001180322030106042a03
        010104321108021a0dd80402a6fbffff
        ffffffffff01320e08011201021a0701
        008080808010321f0803120104221871
        3d0ad7a3701c40000000000000008000
        00000000000000321208041201042a03
        06000032067363c3b674743211080612
        01041a0a8080f281838985060a00"#]]
    .assert_eq(&hex.join("\n"));
}

#[test]
fn the_hand_written_bytes_are_those_of_a_protobuf_library() {
    let block = block();
    let bytes = encoded(&block);
    let message = message();
    assert_eq!(message.encode_to_vec(), bytes);
    expect![[r#"
        EventBlock {
            magic: 1111839573,
            format_version: 1,
            events: 3,
            opcodes: [
                1,
                6,
                4,
            ],
            flags: [
                1,
                1,
                4,
            ],
            columns: [
                Column {
                    r#type: Int64,
                    nulls: [],
                    deltas: [
                        300,
                        1,
                        9223372036854775507,
                    ],
                    doubles: [],
                    lengths: [],
                    bytes: [],
                },
                Column {
                    r#type: Int32,
                    nulls: [
                        2,
                    ],
                    deltas: [
                        -1,
                        0,
                        2147483648,
                    ],
                    doubles: [],
                    lengths: [],
                    bytes: [],
                },
                Column {
                    r#type: Double,
                    nulls: [
                        4,
                    ],
                    deltas: [],
                    doubles: [
                        7.11,
                        -0.0,
                        0.0,
                    ],
                    lengths: [],
                    bytes: [],
                },
                Column {
                    r#type: String,
                    nulls: [
                        4,
                    ],
                    deltas: [],
                    doubles: [],
                    lengths: [
                        6,
                        0,
                        0,
                    ],
                    bytes: [
                        115,
                        99,
                        195,
                        182,
                        116,
                        116,
                    ],
                },
                Column {
                    r#type: Stamp,
                    nulls: [
                        4,
                    ],
                    deltas: [
                        1700000000000000,
                        5,
                        0,
                    ],
                    doubles: [],
                    lengths: [],
                    bytes: [],
                },
            ],
        }"#]]
    .assert_eq(&format!("{message:#?}"));
    assert_eq!(decoded(&bytes), (block, vec![]));
}

#[test]
fn equal_opcodes_and_flags_take_one_byte() {
    let mut block = block();
    block.opcodes.fill(Opcode::Upsert);
    block.flags.fill(Flags::PARTIAL);
    let message = derived::EventBlock::decode(&encoded(&block)[..]).unwrap();
    assert_eq!((message.opcodes, message.flags), (vec![3], vec![2]));
    assert_eq!(decoded(&encoded(&block)), (block, vec![]));
}

#[test]
fn blocks_of_other_products_are_refused_by_name() {
    let expected = expect!["row 0: not an Understudy event block (binary blocks of other products can't be read)"];
    for payload in [&b"\x00\x01\x02\x03 something else"[..], b"", b"I,N, 1,2", b"\x0dUSE"] {
        expected.assert_eq(&refusal(payload));
    }
}

#[test]
fn a_later_format_is_refused() {
    let later = derived::EventBlock { format_version: 2, ..message() };
    expect!["row 0: event block has format version 2, this program reads 1"]
        .assert_eq(&refusal(&later.encode_to_vec()));
}

#[test]
fn a_block_of_another_schema_is_refused() {
    let mut other = message();
    other.columns.swap(0, 1);
    expect![
        "row 0: event block has columns int32,int64,double,string,stamp, the schema has int64,int32,double,string,stamp"
    ]
    .assert_eq(&refusal(&other.encode_to_vec()));
    other.columns.pop();
    expect!["row 0: event block has columns int32,int64,double,string, the schema has int64,int32,double,string,stamp"]
        .assert_eq(&refusal(&other.encode_to_vec()));
}

#[test]
fn a_block_that_contradicts_itself_is_refused() {
    let mut reasons = Vec::new();
    let mut refuse = |change: &dyn Fn(&mut derived::EventBlock)| {
        let mut message = message();
        change(&mut message);
        reasons.push(refusal(&message.encode_to_vec()));
    };
    refuse(&|message| message.events = 0);
    refuse(&|message| message.events = u32::MAX);
    refuse(&|message| message.events = 4);
    refuse(&|message| message.opcodes = vec![9]);
    refuse(&|message| message.opcodes = vec![1, 1]);
    refuse(&|message| message.flags = vec![8]);
    refuse(&|message| message.columns[0].deltas.push(0));
    refuse(&|message| message.columns[1].deltas[0] = i64::MAX);
    refuse(&|message| message.columns[1].nulls.push(0));
    refuse(&|message| message.columns[2].doubles.truncate(1));
    refuse(&|message| message.columns[3].lengths[0] = 2);
    refuse(&|message| message.columns[3].lengths = vec![3, 3, 0]);
    refuse(&|message| message.columns[3].lengths = vec![5, 0, 1]);
    refuse(&|message| message.columns[3].lengths[1] = u32::MAX);
    refuse(&|message| message.columns[3].bytes[0] = 0xff);
    expect![[r#"
        row 0: event block is damaged: a field is missing or out of order
        row 0: event block is damaged: its number of events can't be
        row 0: event block is damaged: opcodes or flags don't match its events
        row 0: event block is damaged: an opcode doesn't exist
        row 0: event block is damaged: opcodes or flags don't match its events
        row 0: event block is damaged: a flag doesn't exist
        row 0: event block is damaged: a column's values don't match its events
        row 0: event block is damaged: an int32 is too large
        row 0: event block is damaged: a null bitmap doesn't match its events
        row 0: event block is damaged: a column's values don't match its events
        row 0: event block is damaged: a column's values don't match its events
        row 0: not UTF-8
        row 0: event block is damaged: a null has a text
        row 0: event block is damaged: a text is longer than its column
        row 0: not UTF-8"#]]
    .assert_eq(&reasons.join("\n"));
}

#[test]
fn fields_of_later_writers_are_passed_over() {
    let block = block();
    let mut bytes = encoded(&block);
    // Field 100 as a number, 101 as bytes, 102 as eight bytes, 103 as four.
    bytes.extend_from_slice(&[0xa0, 6, 7, 0xaa, 6, 2, 1, 2, 0xb1, 6, 1, 2, 3, 4, 5, 6, 7, 8, 0xbd, 6, 1, 2, 3, 4]);
    assert_eq!(decoded(&bytes), (block, vec![]));
    bytes.extend_from_slice(&[0xa3, 6]);
    expect!["row 0: event block is damaged: a field has no known shape"].assert_eq(&refusal(&bytes));
}

#[test]
fn a_block_that_is_mostly_claims_costs_no_memory() {
    let mut liar = message();
    liar.events = 1 << 30;
    liar.opcodes = vec![1];
    liar.flags = vec![1];
    let payload = liar.encode_to_vec();
    let (block, rejects) = decoded(&payload);
    assert_eq!(rejects.len(), 1);
    let Column::Int64(ids) = &block.columns[0] else { panic!("an int64") };
    assert!(ids.values.capacity() <= payload.len());
}
