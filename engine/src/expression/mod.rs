//! The expression language of filters, compute windows and initializers.
//!
//! A text is parsed ([`parser`]), typed and compiled ([`compile`], [`builder`]) into a [`program::Program`], which runs over
//! columns ([`run`]). The functional language ends in the same programs.
//!
//! # Types
//! - `integer` has 64 bits, `real` is binary64, `string` is UTF-8 of any length, `boolean` is 0 or 1, `date` is held in
//!   microseconds. Types are known before the first event; what doesn't fit is converted, and what can't be is null.
//! - Fields: int32 and int64 are integers, double and money are reals, date and stamp are dates, blobs can only be
//!   copied.
//! - An operator on an integer and a real works on reals. A text beside a number, and a text in arithmetic, is read as a
//!   real. Two integers divide to an integer, the fraction is cut off. A result that doesn't fit 64 bits, a division by
//!   zero and a real that isn't finite are null.
//! - A date plus or minus a number moves by days; the difference of two dates is a real number of days. As a number, a
//!   date is the days since 1899-12-30.
//! - Text compares by code points. A text as a condition is true when it reads as `true` or as a number other than 0.
//! - A value goes into a field of another type: reals lose their fraction in integer fields; a number in a date or stamp
//!   field is seconds or microseconds; booleans are 1 and 0, in texts `true` and `false`; reals in texts are as short as
//!   they can be; dates in texts are `2024-10-17 08:40:25`.
//!
//! # Nulls
//! - Arithmetic and functions give null when an argument is null, unless the function is about nulls (`isnull`, `if`, …).
//! - A comparison with null is false, and so is a null condition; `not` of either is true. Hence `and`, `or`, `not` and
//!   comparisons are never null.
//! - `&` takes null for an empty text.
//!
//! # Statements
//! The value is that of the last statement, or of `return`. A variable lives from event to event, starts as null, and is
//! shared by all expressions of its window. `=` assigns at a statement's start when its left side is a variable, and
//! compares everywhere else.

mod builder;
pub(crate) mod call;
mod compile;
mod convert;
mod kernel;
pub(crate) mod library;
mod parser;
pub(crate) mod program;
mod run;
mod statement;
mod syntax;
pub(crate) mod text;
mod token;

pub(crate) use builder::{Builder, Dates};
pub(crate) use compile::{Declarations, compile_condition, compile_expression, compile_initializer, plain_field};
pub(crate) use kernel::Frame;
pub(crate) use run::Runner;

/// Why a text is no program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExpressionError {
    /// Where, in bytes from the start of the text.
    pub(crate) at: usize,
    /// How much of the text from there on it is about, in bytes; at least 1.
    pub(crate) len: usize,
    /// A clause in lower case.
    pub(crate) what: String,
    /// The word that was probably meant.
    pub(crate) suggestion: Option<String>,
}

impl ExpressionError {
    pub(crate) fn new(at: usize, what: String) -> Self {
        Self { at, len: 1, what, suggestion: None }
    }

    /// Something is called what nothing is called; `known` are the names that there are.
    pub(crate) fn unknown<'n>(at: usize, sort: &str, name: &str, known: impl Iterator<Item = &'n str>) -> Self {
        let suggestion = types::nearest(name, known).map(str::to_owned);
        Self { at, len: name.len().max(1), what: format!("there is no {sort} \"{name}\""), suggestion }
    }
}
