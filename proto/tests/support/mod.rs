//! Blocks of every shape for the property tests.
#![allow(dead_code, reason = "each test binary uses its own part")]

use std::sync::Arc;

use proptest::prelude::*;
use proto::{Decoder, Encoder, EncoderOptions, Format, Rejected};
use types::{EventBlock, Flags, Opcode, Schema, Value};

/// One field of each type.
pub(crate) fn all_types() -> Arc<Schema> {
    let text = "id*:int64,small:int32,price:double,name:string,day:date,moment:stamp,cost:money,raw:blob";
    Arc::new(text.parse().unwrap())
}

/// A row of [`all_types`].
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) opcode: u8,
    pub(crate) flags: u8,
    pub(crate) id: Option<i64>,
    pub(crate) small: Option<i32>,
    pub(crate) price: Option<f64>,
    pub(crate) name: Option<String>,
    pub(crate) day: Option<i64>,
    pub(crate) moment: Option<i64>,
    pub(crate) cost: Option<i64>,
    pub(crate) raw: Option<Vec<u8>>,
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-zA-Z0-9_. -]{0,12}",
        // What csv and json have to protect.
        "[,\"\\\\ \t\r\nnr']{0,8}",
        "\\PC{0,6}",
    ]
}

pub(crate) fn rows(prices: impl Strategy<Value = f64> + Clone + 'static) -> impl Strategy<Value = Vec<Row>> {
    let row = (
        (1..=6_u8, 1..=7_u8),
        prop::option::weighted(0.9, any::<i64>()),
        prop::option::weighted(0.8, any::<i32>()),
        prop::option::weighted(0.8, prices),
        prop::option::weighted(0.8, text()),
        prop::option::weighted(0.8, any::<i64>()),
        prop::option::weighted(0.8, any::<i64>()),
        prop::option::weighted(0.8, any::<i64>()),
        prop::option::weighted(0.8, prop::collection::vec(any::<u8>(), 0..10)),
    );
    let row = row.prop_map(|((opcode, flags), id, small, price, name, day, moment, cost, raw)| Row {
        opcode,
        flags,
        id,
        small,
        price,
        name,
        day,
        moment,
        cost,
        raw,
    });
    prop::collection::vec(row, 1..40)
}

pub(crate) fn block(rows: &[Row]) -> EventBlock {
    let mut block = EventBlock::new(&all_types());
    for row in rows {
        block.opcodes.push(Opcode::try_from(row.opcode).unwrap());
        block.flags.push(Flags(row.flags));
        let values = [
            row.id.map_or(Value::Null, Value::Int64),
            row.small.map_or(Value::Null, Value::Int32),
            row.price.map_or(Value::Null, Value::Double),
            row.name.as_deref().map_or(Value::Null, Value::String),
            row.day.map_or(Value::Null, Value::Date),
            row.moment.map_or(Value::Null, Value::Stamp),
            row.cost.map_or(Value::Null, Value::Money),
            row.raw.as_deref().map_or(Value::Null, Value::Blob),
        ];
        for (column, value) in block.columns.iter_mut().zip(values) {
            column.push(value).unwrap();
        }
    }
    block
}

/// All parts of a block.
pub(crate) fn encode(format: &Format, block: &EventBlock, part_bytes_max: usize) -> Vec<Vec<u8>> {
    let options = EncoderOptions { part_bytes_max, schema_line_written: false };
    let mut encoder = Encoder::new(format.clone(), all_types(), options).unwrap();
    let mut parts = Vec::new();
    encoder.encode(block, 0..block.len(), &mut |part| parts.push(part.to_vec()));
    parts
}

/// What all payloads hold together.
pub(crate) fn decode(format: &Format, payloads: &[Vec<u8>]) -> (EventBlock, Vec<Rejected>) {
    let mut decoder = Decoder::new(format.clone(), all_types()).unwrap();
    let (mut block, mut rejects) = (EventBlock::new(&all_types()), Vec::new());
    payloads.iter().for_each(|payload| decoder.decode(payload, &mut block, &mut rejects));
    (block, rejects)
}
