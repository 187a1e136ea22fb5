//! Columns: values of one type, with a mask of nulls that costs nothing while there are none.

use alloc::vec::Vec;
use core::ops::Range;

use crate::FieldType;

/// Which rows are null: empty while none is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct NullMask {
    /// Bit `i % 64` of word `i / 64` is set when row `i` is null; missing words have no nulls.
    words: Vec<u64>,
}

impl NullMask {
    /// Whether no row is null.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether row `i` is null.
    #[must_use]
    pub fn get(&self, i: usize) -> bool {
        self.words.get(i / 64).is_some_and(|word| word >> (i % 64) & 1 == 1)
    }

    /// Marks row `i` as null.
    pub fn set(&mut self, i: usize) {
        let word = i / 64;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (i % 64);
    }

    /// Makes row `i` not null.
    pub fn unset(&mut self, i: usize) {
        if let Some(word) = self.words.get_mut(i / 64) {
            *word &= !(1 << (i % 64));
        }
    }

    /// Keeps the first `len` rows.
    pub fn truncate(&mut self, len: usize) {
        self.words.truncate(len.div_ceil(64));
        if let Some(word) = self.words.get_mut(len / 64) {
            *word &= (1 << (len % 64)) - 1;
        }
        // No word at the end without a null: masks of equal nulls stay equal.
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    /// Forgets all nulls.
    pub fn clear(&mut self) {
        self.words.clear();
    }
}

/// A column of fixed-size values; the value under a null is the type's zero.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Values<T> {
    /// One per row.
    pub values: Vec<T>,
    /// Which are null.
    pub nulls: NullMask,
}

impl<T: Copy + Default> Values<T> {
    /// Row `i`, or `None` when it is null.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<T> {
        if self.nulls.get(i) { None } else { self.values.get(i).copied() }
    }

    /// Adds a row.
    pub fn push(&mut self, value: Option<T>) {
        if value.is_none() {
            self.nulls.set(self.values.len());
        }
        self.values.push(value.unwrap_or_default());
    }

    /// Keeps the first `len` rows.
    pub fn truncate(&mut self, len: usize) {
        self.values.truncate(len);
        self.nulls.truncate(len);
    }
}

/// A column of texts or blobs, end to end in one buffer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// Where row `i` ends in `bytes`; it begins where row `i - 1` ends.
    ends: Vec<u32>,
    bytes: Vec<u8>,
    /// Which are null.
    pub nulls: NullMask,
}

impl Texts {
    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Row `i` as bytes, or `None` when it is null or absent.
    #[must_use]
    pub fn get(&self, i: usize) -> Option<&[u8]> {
        if self.nulls.get(i) {
            return None;
        }
        let end = *self.ends.get(i)? as usize;
        let start = if i == 0 { 0 } else { self.ends[i - 1] as usize };
        self.bytes.get(start..end)
    }

    /// The bytes of all `rows`, end to end; empty when the range reaches past the last row.
    #[must_use]
    pub fn span(&self, rows: Range<usize>) -> &[u8] {
        let end_of = |row: usize| if row == 0 { Some(0) } else { self.ends.get(row - 1).map(|&end| end as usize) };
        let (Some(start), Some(end)) = (end_of(rows.start), end_of(rows.end)) else { return &[] };
        self.bytes.get(start..end).unwrap_or_default()
    }

    /// Row `i` as text; `None` when it is null, absent or not UTF-8.
    #[must_use]
    pub fn text(&self, i: usize) -> Option<&str> {
        self.get(i).and_then(|bytes| core::str::from_utf8(bytes).ok())
    }

    /// Adds a row.
    ///
    /// # Panics
    /// When the column would pass 4 GiB; blocks are bounded far below that.
    pub fn push(&mut self, value: Option<&[u8]>) {
        if value.is_none() {
            self.nulls.set(self.ends.len());
        }
        self.bytes.extend_from_slice(value.unwrap_or_default());
        let end = u32::try_from(self.bytes.len());
        assert!(end.is_ok(), "a text column passed 4 GiB");
        self.ends.push(end.unwrap_or(u32::MAX));
    }

    /// Keeps the first `len` rows.
    pub fn truncate(&mut self, len: usize) {
        self.ends.truncate(len);
        self.bytes.truncate(self.ends.last().map_or(0, |&end| end as usize));
        self.nulls.truncate(len);
    }

    /// Forgets all rows, keeps the memory.
    pub fn clear(&mut self) {
        self.ends.clear();
        self.bytes.clear();
        self.nulls.clear();
    }
}

/// A column of any type.
#[derive(Debug, Clone, PartialEq)]
pub enum Column {
    /// See [`FieldType::Int32`].
    Int32(Values<i32>),
    /// See [`FieldType::Int64`].
    Int64(Values<i64>),
    /// See [`FieldType::Double`].
    Double(Values<f64>),
    /// See [`FieldType::String`].
    String(Texts),
    /// See [`FieldType::Date`].
    Date(Values<i64>),
    /// See [`FieldType::Stamp`].
    Stamp(Values<i64>),
    /// See [`FieldType::Money`].
    Money(Values<i64>),
    /// See [`FieldType::Blob`].
    Blob(Texts),
}

/// One value of a row, borrowed.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Value<'a> {
    /// No value.
    Null,
    /// See [`FieldType::Int32`].
    Int32(i32),
    /// See [`FieldType::Int64`].
    Int64(i64),
    /// See [`FieldType::Double`].
    Double(f64),
    /// See [`FieldType::String`].
    String(&'a str),
    /// See [`FieldType::Date`].
    Date(i64),
    /// See [`FieldType::Stamp`].
    Stamp(i64),
    /// See [`FieldType::Money`].
    Money(i64),
    /// See [`FieldType::Blob`].
    Blob(&'a [u8]),
}

impl Column {
    /// An empty column of the type.
    #[must_use]
    pub fn new(field_type: FieldType) -> Self {
        match field_type {
            FieldType::Int32 => Self::Int32(Values::default()),
            FieldType::Int64 => Self::Int64(Values::default()),
            FieldType::Double => Self::Double(Values::default()),
            FieldType::String => Self::String(Texts::default()),
            FieldType::Date => Self::Date(Values::default()),
            FieldType::Stamp => Self::Stamp(Values::default()),
            FieldType::Money => Self::Money(Values::default()),
            FieldType::Blob => Self::Blob(Texts::default()),
        }
    }

    /// What it holds.
    #[must_use]
    pub const fn field_type(&self) -> FieldType {
        match self {
            Self::Int32(_) => FieldType::Int32,
            Self::Int64(_) => FieldType::Int64,
            Self::Double(_) => FieldType::Double,
            Self::String(_) => FieldType::String,
            Self::Date(_) => FieldType::Date,
            Self::Stamp(_) => FieldType::Stamp,
            Self::Money(_) => FieldType::Money,
            Self::Blob(_) => FieldType::Blob,
        }
    }

    /// How many rows.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Int32(column) => column.values.len(),
            Self::Double(column) => column.values.len(),
            Self::Int64(column) | Self::Date(column) | Self::Stamp(column) | Self::Money(column) => column.values.len(),
            Self::String(column) | Self::Blob(column) => column.len(),
        }
    }

    /// Whether there is no row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Row `i`; text that is not UTF-8 reads as null.
    #[must_use]
    pub fn value(&self, i: usize) -> Value<'_> {
        match self {
            Self::Int32(column) => column.get(i).map_or(Value::Null, Value::Int32),
            Self::Int64(column) => column.get(i).map_or(Value::Null, Value::Int64),
            Self::Double(column) => column.get(i).map_or(Value::Null, Value::Double),
            Self::String(column) => column.text(i).map_or(Value::Null, Value::String),
            Self::Date(column) => column.get(i).map_or(Value::Null, Value::Date),
            Self::Stamp(column) => column.get(i).map_or(Value::Null, Value::Stamp),
            Self::Money(column) => column.get(i).map_or(Value::Null, Value::Money),
            Self::Blob(column) => column.get(i).map_or(Value::Null, Value::Blob),
        }
    }

    /// Adds a row. A value of another type than the column's is refused.
    ///
    /// # Errors
    /// [`WrongType`] when value and column disagree; nothing is added.
    pub fn push(&mut self, value: Value<'_>) -> Result<(), WrongType> {
        match (self, value) {
            (Self::Int32(column), Value::Int32(value)) => column.push(Some(value)),
            (Self::Int64(column), Value::Int64(value))
            | (Self::Date(column), Value::Date(value))
            | (Self::Stamp(column), Value::Stamp(value))
            | (Self::Money(column), Value::Money(value)) => column.push(Some(value)),
            (Self::Double(column), Value::Double(value)) => column.push(Some(value)),
            (Self::String(column), Value::String(value)) => column.push(Some(value.as_bytes())),
            (Self::Blob(column), Value::Blob(value)) => column.push(Some(value)),
            (Self::Int32(column), Value::Null) => column.push(None),
            (Self::Int64(column) | Self::Date(column) | Self::Stamp(column) | Self::Money(column), Value::Null) => {
                column.push(None);
            }
            (Self::Double(column), Value::Null) => column.push(None),
            (Self::String(column) | Self::Blob(column), Value::Null) => column.push(None),
            (_, _) => return Err(WrongType),
        }
        Ok(())
    }

    /// Keeps the first `len` rows, as after a row that failed halfway.
    pub fn truncate(&mut self, len: usize) {
        match self {
            Self::Int32(column) => column.truncate(len),
            Self::Double(column) => column.truncate(len),
            Self::Int64(column) | Self::Date(column) | Self::Stamp(column) | Self::Money(column) => {
                column.truncate(len)
            }
            Self::String(column) | Self::Blob(column) => column.truncate(len),
        }
    }

    /// Forgets all rows, keeps the memory.
    pub fn clear(&mut self) {
        match self {
            Self::Int32(column) => {
                column.values.clear();
                column.nulls.clear();
            }
            Self::Double(column) => {
                column.values.clear();
                column.nulls.clear();
            }
            Self::Int64(column) | Self::Date(column) | Self::Stamp(column) | Self::Money(column) => {
                column.values.clear();
                column.nulls.clear();
            }
            Self::String(column) | Self::Blob(column) => column.clear(),
        }
    }
}

/// A value was offered to a column of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_that_failed_halfway_leaves_no_trace() {
        let mut column = Column::new(FieldType::String);
        assert_eq!(column.push(Value::String("kept")), Ok(()));
        let before = column.clone();
        for value in [Value::Null, Value::String("gone"), Value::Null] {
            assert_eq!(column.push(value), Ok(()));
        }
        column.truncate(1);
        assert_eq!(column, before);
    }

    #[test]
    fn a_mask_cut_inside_a_word_keeps_the_earlier_nulls() {
        let mut mask = NullMask::default();
        for row in [3, 64, 70, 200] {
            mask.set(row);
        }
        mask.truncate(70);
        let nulls: Vec<usize> = (0..300).filter(|&row| mask.get(row)).collect();
        assert_eq!(nulls, [3, 64]);
    }
}
