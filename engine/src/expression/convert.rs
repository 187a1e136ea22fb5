//! Values as other types, and into the columns of a window.

use types::{Column, EventBlock};

use crate::calendar;

use super::kernel::{
    Frame, MONEY_SCALE, Scope, date_of_days, days_of_date, int_values, micros_of_days, mismatch, nothing, real_values,
    text_values, write_texts,
};
use super::program::{Conversion, Operand, Store, Target};
use super::run::Runner;
use super::text;

impl Runner {
    pub(super) fn convert(
        &self,
        column: &mut Column,
        conversion: Conversion,
        from: Operand,
        block: &EventBlock,
        scope: Scope,
    ) {
        let rows = 0..scope.rows;
        let int = || self.ints(from, block, scope);
        let real = || self.reals(from, block, scope);
        let text_ = || self.texts(from, block, scope);
        match conversion {
            Conversion::IntToReal => {
                let (from, to) = (int(), real_values(column));
                rows.for_each(|i| to.push(from.get(i).map(|value| value as f64)));
            }
            Conversion::RealToInt => {
                let (from, to) = (real(), int_values(column));
                rows.for_each(|i| to.push(from.get(i).and_then(text::truncate)));
            }
            Conversion::IntToBool => {
                let (from, to) = (int(), int_values(column));
                rows.for_each(|i| to.push(from.get(i).map(|value| i64::from(value != 0))));
            }
            Conversion::RealToBool => {
                let (from, to) = (real(), int_values(column));
                rows.for_each(|i| to.push(from.get(i).map(|value| i64::from(value != 0.0))));
            }
            Conversion::DateToReal => {
                let (from, to) = (int(), real_values(column));
                rows.for_each(|i| to.push(from.get(i).map(days_of_date)));
            }
            Conversion::RealToDate => {
                let (from, to) = (real(), int_values(column));
                rows.for_each(|i| to.push(from.get(i).and_then(date_of_days)));
            }
            Conversion::DaysToMicros => {
                let (from, to) = (real(), int_values(column));
                rows.for_each(|i| to.push(from.get(i).and_then(micros_of_days)));
            }
            Conversion::MicrosToDays => {
                let (from, to) = (int(), real_values(column));
                rows.for_each(|i| to.push(from.get(i).map(|micros| micros as f64 / calendar::DAY as f64)));
            }
            Conversion::TextToInt => {
                let (from, to) = (text_(), int_values(column));
                rows.for_each(|i| to.push(from.get(i).and_then(text::parse_int)));
            }
            Conversion::TextToReal => {
                let (from, to) = (text_(), real_values(column));
                rows.for_each(|i| to.push(from.get(i).and_then(text::parse_real)));
            }
            Conversion::TextToBool => {
                let (from, to) = (text_(), int_values(column));
                rows.for_each(|i| to.push(from.get(i).and_then(text::parse_bool).map(i64::from)));
            }
            Conversion::TextToDate => {
                let (from, to) = (text_(), int_values(column));
                rows.for_each(|i| to.push(from.get(i).and_then(text::parse_date)));
            }
            Conversion::IntToText => {
                let (from, to) = (int(), text_values(column));
                write_texts(to, rows, |i| from.get(i), text::write_int);
            }
            Conversion::RealToText => {
                let (from, to) = (real(), text_values(column));
                write_texts(to, rows, |i| from.get(i), text::write_real);
            }
            Conversion::BoolToText => {
                let (from, to) = (int(), text_values(column));
                write_texts(
                    to,
                    rows,
                    |i| from.get(i),
                    |buffer, value| {
                        buffer.push_str(if value != 0 { "true" } else { "false" });
                    },
                );
            }
            Conversion::DateToText => {
                let (from, to) = (int(), text_values(column));
                write_texts(to, rows, |i| from.get(i), text::write_date);
            }
        }
    }

    /// Puts an expression's value into the column that the window takes it from.
    pub(super) fn store(&mut self, i: usize, target: Target, frame: Frame<'_>, scope: Scope) {
        let mut column = std::mem::replace(&mut self.results[i], nothing());
        let rows = 0..scope.rows;
        let ints = || self.ints(target.operand, frame.block, scope);
        let narrow = |value: i64| i32::try_from(value).ok();
        match (target.store, &mut column) {
            (Store::Int32, Column::Int32(to)) => {
                let from = ints();
                rows.for_each(|i| to.push(from.get(i).and_then(narrow)));
            }
            (Store::Int64, Column::Int64(to))
            | (Store::DateFromSeconds, Column::Date(to))
            | (Store::Stamp, Column::Stamp(to)) => {
                let from = ints();
                rows.for_each(|i| to.push(from.get(i)));
            }
            (Store::DateFromMicros, Column::Date(to)) => {
                let from = ints();
                rows.for_each(|i| to.push(from.get(i).map(|micros| micros.div_euclid(calendar::SECOND))));
            }
            (Store::Double, Column::Double(to)) => {
                let from = self.reals(target.operand, frame.block, scope);
                rows.for_each(|i| to.push(from.get(i)));
            }
            (Store::Money, Column::Money(to)) => {
                let from = self.reals(target.operand, frame.block, scope);
                rows.for_each(|i| to.push(from.get(i).and_then(|value| text::truncate((value * MONEY_SCALE).round()))));
            }
            (Store::Text, Column::String(to)) => {
                let from = self.texts(target.operand, frame.block, scope);
                rows.for_each(|i| to.push(from.get(i).map(str::as_bytes)));
            }
            (_, _) => mismatch(),
        }
        self.results[i] = column;
    }
}
