//! The loops that instructions run, over columns or over one value.

use std::ops::Range;

use types::{Column, EventBlock, Flags, Texts, Timestamp, Values};

use crate::batch::{Record, Span};
use crate::calendar;

use super::call::{Answer, Scalar};
use super::program::{Arithmetic, Comparison};

/// Ten-thousandths of a money value.
pub(super) const MONEY_SCALE: f64 = 10_000.0;

/// Stands for a column while it is being written.
pub(super) fn nothing() -> Column {
    Column::Int64(Values::default())
}

/// The events of a run as programs see them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) block: &'a EventBlock,
    pub(crate) spans: &'a [Span],
    pub(crate) records: &'a [Record],
}

/// For which input rows a step runs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope {
    /// The first.
    pub(super) base: usize,
    /// How many.
    pub(super) rows: usize,
    /// How many events of this run came before.
    pub(super) nth: usize,
}

/// Values of an operand: row `i` of the scope is entry `base + i · step`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slice<'a, T> {
    pub(super) column: &'a Values<T>,
    pub(super) base: usize,
    pub(super) step: usize,
}

impl<T: Copy + Default> Slice<'_, T> {
    #[inline]
    pub(super) fn get(&self, i: usize) -> Option<T> {
        self.column.get(self.base + i * self.step)
    }

    /// Whether no value is null.
    fn is_plain(&self) -> bool {
        self.column.nulls.is_empty()
    }

    #[inline]
    fn plain(&self, i: usize) -> T {
        self.column.values[self.base + i * self.step]
    }
}

impl Slice<'_, i64> {
    #[inline]
    pub(super) fn is_true(&self, i: usize) -> bool {
        self.get(i).is_some_and(|value| value != 0)
    }
}

/// As [`Slice`], of texts.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextSlice<'a> {
    pub(super) column: &'a Texts,
    pub(super) base: usize,
    pub(super) step: usize,
}

impl<'a> TextSlice<'a> {
    #[inline]
    pub(super) fn get(&self, i: usize) -> Option<&'a str> {
        self.column.text(self.base + i * self.step)
    }
}

/// Values of any operand.
#[derive(Debug, Clone, Copy)]
pub(super) enum View<'a> {
    Int(Slice<'a, i64>),
    Real(Slice<'a, f64>),
    Text(TextSlice<'a>),
}

impl<'a> View<'a> {
    #[inline]
    pub(super) fn get(&self, i: usize) -> Scalar<'a> {
        match self {
            View::Int(slice) => slice.get(i).map_or(Scalar::Null, Scalar::Int),
            View::Real(slice) => slice.get(i).map_or(Scalar::Null, Scalar::Real),
            View::Text(slice) => slice.get(i).map_or(Scalar::Null, Scalar::Text),
        }
    }
}

pub(super) fn int_arithmetic(
    operator: Arithmetic,
    to: &mut Values<i64>,
    rows: usize,
    a: Slice<'_, i64>,
    b: Slice<'_, i64>,
) {
    match operator {
        Arithmetic::Add => zip(to, rows, a, b, i64::checked_add),
        Arithmetic::Subtract => zip(to, rows, a, b, i64::checked_sub),
        Arithmetic::Multiply => zip(to, rows, a, b, i64::checked_mul),
        Arithmetic::Divide => zip(to, rows, a, b, i64::checked_div),
        Arithmetic::Remainder => zip(to, rows, a, b, i64::checked_rem),
    }
}

pub(super) fn real_arithmetic(
    operator: Arithmetic,
    to: &mut Values<f64>,
    rows: usize,
    a: Slice<'_, f64>,
    b: Slice<'_, f64>,
) {
    match operator {
        Arithmetic::Add => zip(to, rows, a, b, |a, b| finite(a + b)),
        Arithmetic::Subtract => zip(to, rows, a, b, |a, b| finite(a - b)),
        Arithmetic::Multiply => zip(to, rows, a, b, |a, b| finite(a * b)),
        Arithmetic::Divide => zip(to, rows, a, b, |a, b| finite(a / b)),
        Arithmetic::Remainder => zip(to, rows, a, b, |a, b| finite(a % b)),
    }
}

/// Infinities and what is no number are null.
#[inline]
pub(super) fn finite(value: f64) -> Option<f64> {
    value.is_finite().then_some(value)
}

#[inline]
fn zip<T: Copy + Default>(
    to: &mut Values<T>,
    rows: usize,
    a: Slice<'_, T>,
    b: Slice<'_, T>,
    operation: impl Fn(T, T) -> Option<T>,
) {
    to.values.reserve(rows);
    if a.is_plain() && b.is_plain() {
        (0..rows).for_each(|i| to.push(operation(a.plain(i), b.plain(i))));
    } else {
        (0..rows).for_each(|i| to.push(a.get(i).zip(b.get(i)).and_then(|(a, b)| operation(a, b))));
    }
}

#[inline]
pub(super) fn compare<T: PartialOrd>(
    operator: Comparison,
    to: &mut Values<i64>,
    rows: usize,
    pair: impl Fn(usize) -> Option<(T, T)>,
) {
    let holds = |i: usize, test: fn(&T, &T) -> bool| pair(i).is_some_and(|(a, b)| test(&a, &b));
    match operator {
        Comparison::Equal => fill_flags(to, rows, |i| holds(i, T::eq)),
        Comparison::NotEqual => fill_flags(to, rows, |i| holds(i, T::ne)),
        Comparison::Less => fill_flags(to, rows, |i| holds(i, T::lt)),
        Comparison::LessEqual => fill_flags(to, rows, |i| holds(i, T::le)),
        Comparison::Greater => fill_flags(to, rows, |i| holds(i, T::gt)),
        Comparison::GreaterEqual => fill_flags(to, rows, |i| holds(i, T::ge)),
    }
}

#[inline]
pub(super) fn fill_flags(to: &mut Values<i64>, rows: usize, flag: impl Fn(usize) -> bool) {
    to.values.extend((0..rows).map(|i| i64::from(flag(i))));
}

pub(super) fn write_texts<T>(
    to: &mut Texts,
    rows: Range<usize>,
    get: impl Fn(usize) -> Option<T>,
    write: impl Fn(&mut String, T),
) {
    let mut text = String::new();
    for i in rows {
        text.clear();
        let value = get(i).map(|value| write(&mut text, value));
        to.push(value.map(|()| text.as_bytes()));
    }
}

/// Calls `event(row in its span, record, time)` for each of the rows.
pub(super) fn each_event(frame: Frame<'_>, rows: Range<usize>, mut event: impl FnMut(usize, Record, i64)) {
    let mut span_at = frame.spans.partition_point(|span| span.end as usize <= rows.start);
    for row in rows {
        while frame.spans[span_at].end as usize <= row {
            span_at += 1;
        }
        let first = span_at.checked_sub(1).map_or(0, |before| frame.spans[before].end as usize);
        let moment = frame.spans[span_at].moment;
        let Timestamp(time) = moment.time(frame.records);
        event(row - first, frame.records[moment.record as usize], time);
    }
}

/// Days since 1899-12-30.
pub(super) fn days_of_date(micros: i64) -> f64 {
    micros as f64 / calendar::DAY as f64 + calendar::DAY_ZERO as f64
}

/// The inverse of [`days_of_date`], to the nearest microsecond.
pub(super) fn date_of_days(days: f64) -> Option<i64> {
    micros_of_days(days - calendar::DAY_ZERO as f64)
}

/// To the nearest microsecond.
pub(super) fn micros_of_days(days: f64) -> Option<i64> {
    super::text::truncate((days * calendar::DAY as f64).round())
}

pub(super) fn push_answer(column: &mut Column, answer: Answer, text: &str) {
    match (column, answer) {
        (Column::Int64(to), Answer::Int(value)) => to.push(Some(value)),
        (Column::Double(to), Answer::Real(value)) => to.push(finite(value)),
        (Column::String(to), Answer::Text) => to.push(Some(text.as_bytes())),
        (Column::Int64(to), Answer::Null) => to.push(None),
        (Column::Double(to), Answer::Null) => to.push(None),
        (Column::String(to), Answer::Null) => to.push(None),
        (_, _) => mismatch(),
    }
}

/// Lengthens a column to `rows`; what the new rows hold means nothing.
pub(super) fn pad(column: &mut Column, rows: usize) {
    match column {
        Column::Int32(column) => column.values.resize(rows, 0),
        Column::Double(column) => column.values.resize(rows, 0.0),
        Column::Int64(column) | Column::Date(column) | Column::Stamp(column) | Column::Money(column) => {
            column.values.resize(rows, 0);
        }
        Column::String(column) | Column::Blob(column) => {
            (column.len()..rows).for_each(|_| column.push(Some(b"")));
        }
    }
}

pub(super) fn int_values(column: &mut Column) -> &mut Values<i64> {
    if let Column::Int64(values) = column { values } else { mismatch() }
}

pub(super) fn real_values(column: &mut Column) -> &mut Values<f64> {
    if let Column::Double(values) = column { values } else { mismatch() }
}

pub(super) fn text_values(column: &mut Column) -> &mut Texts {
    if let Column::String(texts) = column { texts } else { mismatch() }
}

/// The builder gives every instruction registers of the right types.
#[cold]
pub(super) fn mismatch() -> ! {
    panic!("an instruction met a column of another type")
}

/// An event's flags as expressions see them.
pub(super) fn flag_letters(flags: Flags) -> &'static str {
    const LETTERS: [&str; 8] = ["", "N", "P", "NP", "R", "NR", "PR", "NPR"];
    LETTERS[usize::from(flags.0 & 7)]
}
