//! Event blocks to events. What a block claims is believed only after it was checked against its bytes.

use std::sync::Arc;

use types::{Column, EventBlock, FieldType, Flags, Opcode, Schema, Texts, Values};

use super::damage::Damage;
use super::wire::{FORMAT_VERSION, MAGIC, Reader, block as block_tag, column as column_tag, type_of_number, unzigzag};
use crate::reject::{Fault, Reason, Rejects};

/// Column types that a message about a foreign block lists; a longer list is cut.
const COLUMNS_SHOWN_MAX: usize = 64;

#[derive(Debug)]
pub(crate) struct BinaryDecoder {
    schema: Arc<Schema>,
}

impl BinaryDecoder {
    pub(crate) const fn new(schema: Arc<Schema>) -> Self {
        Self { schema }
    }

    /// All events of the block, or none.
    pub(crate) fn decode(&self, payload: &[u8], block: &mut EventBlock, rejects: &mut Rejects<'_>) {
        let kept = block.len();
        if let Err(damage) = read(payload, block) {
            block.truncate(kept);
            rejects.push(0, Fault::of_block(self.reason(damage, payload)));
        }
    }

    #[cold]
    fn reason(&self, damage: Damage, payload: &[u8]) -> Reason {
        match damage {
            Damage::NotOurBlock => Reason::NotOurBlock,
            Damage::UnknownVersion => Reason::UnknownVersion { version: version(payload).unwrap_or_default() },
            Damage::OtherColumns => self.other_columns(payload),
            Damage::NotUtf8 => Reason::NotUtf8,
            Damage::EndsEarly
            | Damage::NumberTooLong
            | Damage::FieldMissing
            | Damage::FieldRepeated
            | Damage::FieldShape
            | Damage::Events
            | Damage::PerEvent
            | Damage::UnknownOpcode
            | Damage::UnknownFlag
            | Damage::NullBitmap
            | Damage::TooLargeForInt32
            | Damage::FewerValues
            | Damage::OtherValues
            | Damage::TextTooLong
            | Damage::NullWithText => Reason::Damaged { what: damage.what() },
        }
    }

    fn other_columns(&self, payload: &[u8]) -> Reason {
        let names =
            |types: &mut dyn Iterator<Item = FieldType>| types.map(FieldType::name).collect::<Vec<_>>().join(",");
        let expected = names(&mut self.schema.fields().iter().map(|field| field.field_type));
        let found = names(&mut column_types(payload).into_iter());
        Reason::OtherColumns { found, expected }
    }
}

/// What stands before the columns.
struct Head<'p> {
    events: usize,
    opcodes: &'p [u8],
    flags: &'p [u8],
}

fn read(payload: &[u8], block: &mut EventBlock) -> Result<(), Damage> {
    let mut message = Reader::new(payload.strip_prefix(&MAGIC).ok_or(Damage::NotOurBlock)?);
    let head = read_head(&mut message, payload.len())?;
    for column in &mut block.columns {
        if !message.take_tag(block_tag::COLUMNS) {
            return Err(Damage::OtherColumns);
        }
        read_column(message.bytes()?, head.events, column)?;
    }
    if message.take_tag(block_tag::COLUMNS) {
        return Err(Damage::OtherColumns);
    }
    message.skip_unknown(u64::from(block_tag::COLUMNS >> 3))?;

    let known = |byte: u8| Opcode::try_from(byte).map_err(|_| Damage::UnknownOpcode);
    if let [all] = head.opcodes {
        block.opcodes.resize(block.opcodes.len() + head.events, known(*all)?);
    } else {
        for &byte in head.opcodes {
            block.opcodes.push(known(byte)?);
        }
    }
    let all_flags = Flags::NORMAL.with(Flags::PARTIAL).with(Flags::RETENTION);
    if !head.flags.iter().all(|&byte| all_flags.contains(Flags(byte))) {
        return Err(Damage::UnknownFlag);
    }
    if let [all] = head.flags {
        block.flags.resize(block.flags.len() + head.events, Flags(*all));
    } else {
        block.flags.extend(head.flags.iter().copied().map(Flags));
    }
    Ok(())
}

fn read_head<'p>(message: &mut Reader<'p>, bytes: usize) -> Result<Head<'p>, Damage> {
    message.expect_tag(block_tag::FORMAT_VERSION)?;
    let version = message.varint()?;
    if version != FORMAT_VERSION {
        return Err(Damage::UnknownVersion);
    }
    message.expect_tag(block_tag::EVENTS)?;
    // Every event takes a byte in every column, so memory stays in proportion to the payload.
    let events = usize::try_from(message.varint()?).ok().filter(|&events| events > 0 && events <= bytes);
    let events = events.ok_or(Damage::Events)?;
    let mut per_event = |tag| {
        message.expect_tag(tag)?;
        let values = message.bytes()?;
        let fits = values.len() == events || values.len() == 1;
        if fits { Ok(values) } else { Err(Damage::PerEvent) }
    };
    Ok(Head { events, opcodes: per_event(block_tag::OPCODES)?, flags: per_event(block_tag::FLAGS)? })
}

fn read_column(bytes: &[u8], events: usize, column: &mut Column) -> Result<(), Damage> {
    let mut message = Reader::new(bytes);
    message.expect_tag(column_tag::TYPE)?;
    if type_of_number(message.varint()?) != Some(column.field_type()) {
        return Err(Damage::OtherColumns);
    }
    let nulls = if message.take_tag(column_tag::NULLS) { message.bytes()? } else { &[] };
    if !nulls.is_empty() && nulls.len() != events.div_ceil(8) {
        return Err(Damage::NullBitmap);
    }
    match column {
        Column::Int32(values) => {
            let narrow = |value| i32::try_from(value).map_err(|_| Damage::TooLargeForInt32);
            read_deltas(&mut message, events, nulls, values, narrow)?;
        }
        Column::Int64(values) | Column::Date(values) | Column::Stamp(values) | Column::Money(values) => {
            read_deltas(&mut message, events, nulls, values, Ok)?;
        }
        Column::Double(values) => read_doubles(&mut message, events, nulls, values)?,
        Column::String(texts) => read_texts(&mut message, events, nulls, texts, true)?,
        Column::Blob(texts) => read_texts(&mut message, events, nulls, texts, false)?,
    }
    message.skip_unknown(u64::from(column_tag::BYTES_ >> 3))
}

fn read_deltas<T: Copy + Default>(
    message: &mut Reader<'_>,
    events: usize,
    nulls: &[u8],
    values: &mut Values<T>,
    narrow: impl Fn(i64) -> Result<T, Damage>,
) -> Result<(), Damage> {
    message.expect_tag(column_tag::DELTAS)?;
    let packed = message.bytes()?;
    if packed.len() < events {
        return Err(Damage::FewerValues);
    }
    let mut packed = Reader::new(packed);
    let (start, mut value) = (values.values.len(), 0_i64);
    values.values.reserve(events);
    for _ in 0..events {
        value = value.wrapping_add(unzigzag(packed.varint()?));
        values.values.push(narrow(value)?);
    }
    all_read(packed.is_empty())?;
    each_null(nulls, events, |i| {
        values.values[start + i] = T::default();
        values.nulls.set(start + i);
    });
    Ok(())
}

fn read_doubles(message: &mut Reader<'_>, events: usize, nulls: &[u8], values: &mut Values<f64>) -> Result<(), Damage> {
    message.expect_tag(column_tag::DOUBLES)?;
    let (packed, left) = message.bytes()?.as_chunks::<8>();
    all_read(packed.len() == events && left.is_empty())?;
    let start = values.values.len();
    values.values.extend(packed.iter().map(|bytes| f64::from_le_bytes(*bytes)));
    each_null(nulls, events, |i| {
        values.values[start + i] = 0.0;
        values.nulls.set(start + i);
    });
    Ok(())
}

fn read_texts(
    message: &mut Reader<'_>,
    events: usize,
    nulls: &[u8],
    texts: &mut Texts,
    utf8: bool,
) -> Result<(), Damage> {
    message.expect_tag(column_tag::LENGTHS)?;
    let mut lengths = Reader::new(message.bytes()?);
    let bytes = if message.take_tag(column_tag::BYTES_) { message.bytes()? } else { &[] };
    // Checked at once; what remains is that no text ends inside a character.
    let whole = if utf8 { std::str::from_utf8(bytes).map_err(|_| Damage::NotUtf8)? } else { "" };
    let mut rest = bytes;
    for i in 0..events {
        let length = usize::try_from(lengths.varint()?).unwrap_or(usize::MAX);
        let Some((text, after)) = rest.split_at_checked(length) else {
            return Err(Damage::TextTooLong);
        };
        rest = after;
        if utf8 && !whole.is_char_boundary(bytes.len() - rest.len()) {
            return Err(Damage::NotUtf8);
        }
        let is_null = !nulls.is_empty() && nulls[i / 8] >> (i % 8) & 1 == 1;
        if is_null && !text.is_empty() {
            return Err(Damage::NullWithText);
        }
        texts.push((!is_null).then_some(text));
    }
    all_read(lengths.is_empty() && rest.is_empty())
}

fn all_read(is_so: bool) -> Result<(), Damage> {
    if is_so { Ok(()) } else { Err(Damage::OtherValues) }
}

fn each_null(nulls: &[u8], events: usize, mut then: impl FnMut(usize)) {
    for (i, &byte) in nulls.iter().enumerate() {
        let mut bits = byte;
        while bits != 0 {
            let row = i * 8 + bits.trailing_zeros() as usize;
            if row < events {
                then(row);
            }
            bits &= bits - 1;
        }
    }
}

/// For the message only: the version that a block has.
fn version(payload: &[u8]) -> Result<u64, Damage> {
    let mut message = Reader::new(payload.strip_prefix(&MAGIC).unwrap_or_default());
    message.expect_tag(block_tag::FORMAT_VERSION)?;
    message.varint()
}

/// For the message only: the column types that a block announces, as far as they can be read.
fn column_types(payload: &[u8]) -> Vec<FieldType> {
    let mut types = Vec::new();
    let mut message = Reader::new(payload.strip_prefix(&MAGIC).unwrap_or_default());
    if read_head(&mut message, payload.len()).is_err() {
        return types;
    }
    while types.len() < COLUMNS_SHOWN_MAX && message.take_tag(block_tag::COLUMNS) {
        let Ok(bytes) = message.bytes() else { break };
        let mut column = Reader::new(bytes);
        let number = column.expect_tag(column_tag::TYPE).and_then(|()| column.varint());
        let Some(field_type) = number.ok().and_then(type_of_number) else { break };
        types.push(field_type);
    }
    types
}
