//! One json value into its column.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use types::{Column, FieldType};

use crate::DateFormat;
use crate::parse::{money, push_null, push_text};
use crate::reject::{Reason, excerpt};

/// What came of a value; json itself may be fine while the value isn't.
pub(crate) type Outcome = Result<(), (String, Reason)>;

/// Pushes a value into a column; nothing is pushed when the outcome is an error.
pub(crate) struct ValueSeed<'c> {
    pub(crate) column: &'c mut Column,
    pub(crate) dates: Option<&'c DateFormat>,
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = Outcome;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Outcome, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl ValueSeed<'_> {
    fn not_a(&self, text: impl Into<String>) -> Outcome {
        Err((text.into(), Reason::NotA { expected: self.column.field_type() }))
    }

    fn out_of_range(&self, text: impl Into<String>) -> Outcome {
        Err((text.into(), Reason::OutOfRange { expected: self.column.field_type() }))
    }

    fn integer(self, value: i64) -> Outcome {
        match self.column {
            Column::Int32(column) => match i32::try_from(value) {
                Ok(value) => column.push(Some(value)),
                Err(_) => return self.out_of_range(value.to_string()),
            },
            Column::Int64(column) | Column::Date(column) | Column::Stamp(column) => column.push(Some(value)),
            // Doubles hold integers as JSON readers everywhere do: to the nearest.
            #[allow(clippy::cast_precision_loss, reason = "what a double is")]
            Column::Double(column) => column.push(Some(value as f64)),
            Column::String(column) => column.push(Some(itoa::Buffer::new().format(value).as_bytes())),
            Column::Money(column) => match money(itoa::Buffer::new().format(value).as_bytes()) {
                Ok(amount) => column.push(Some(amount)),
                Err(reason) => return Err((value.to_string(), reason)),
            },
            Column::Blob(_) => return self.not_a(value.to_string()),
        }
        Ok(())
    }

    fn float(self, value: f64) -> Outcome {
        // The shortest text that means this double: the one that stood there, for all sane decimals.
        let mut buffer = ryu::Buffer::new();
        let text = buffer.format(value);
        match self.column {
            Column::Double(column) => column.push(Some(value)),
            Column::String(column) => column.push(Some(text.as_bytes())),
            Column::Money(column) => match money(text.as_bytes()) {
                Ok(amount) => column.push(Some(amount)),
                Err(reason) => return Err((text.to_owned(), reason)),
            },
            // An integer past 64 bits comes as a double.
            Column::Int32(_) | Column::Int64(_) | Column::Date(_) | Column::Stamp(_) => {
                let is_huge = value.abs() >= 9e18;
                return if is_huge { self.out_of_range(text) } else { self.not_a(text) };
            }
            Column::Blob(_) => return self.not_a(text),
        }
        Ok(())
    }

    fn text(self, text: &str) -> Outcome {
        let trimmed = text.trim_matches([' ', '\t']);
        let keeps_blanks = matches!(self.column, Column::String(_) | Column::Blob(_));
        if !keeps_blanks && trimmed.is_empty() {
            push_null(self.column);
            return Ok(());
        }
        let text = if keeps_blanks { text } else { trimmed };
        push_text(self.column, text.as_bytes(), self.dates).map_err(|reason| (excerpt(text.as_bytes()), reason))
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = Outcome;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_i64<E>(self, value: i64) -> Result<Outcome, E> {
        Ok(self.integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Outcome, E> {
        Ok(match (i64::try_from(value), self.column.field_type()) {
            (Ok(value), _) => self.integer(value),
            #[allow(clippy::cast_precision_loss, reason = "what a double is")]
            (Err(_), FieldType::Double) => self.float(value as f64),
            (Err(_), FieldType::String) => self.text(itoa::Buffer::new().format(value)),
            (Err(_), _) => self.out_of_range(value.to_string()),
        })
    }

    fn visit_f64<E>(self, value: f64) -> Result<Outcome, E> {
        Ok(self.float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Outcome, E> {
        Ok(self.text(text))
    }

    fn visit_bool<E>(self, value: bool) -> Result<Outcome, E> {
        let text = if value { "true" } else { "false" };
        let is_text = matches!(self.column, Column::String(_));
        Ok(if is_text { self.text(text) } else { self.not_a(text) })
    }

    fn visit_unit<E>(self) -> Result<Outcome, E> {
        push_null(self.column);
        Ok(Ok(()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Outcome, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(self.not_a("[…]"))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Outcome, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self.not_a("{…}"))
    }
}
