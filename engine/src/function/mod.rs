//! The functional language of functional windows: `sum($price, 1)`, `if(gt($x,0),'up','down')`.
//!
//! Calls, literals, `$field` or `$function` (a function above), nothing else. It compiles to the same programs as the
//! expression language ([`crate::expression`]), by the same rules for types and nulls, with these differences:
//!
//! - Date and stamp fields are integers as stored: seconds and microseconds. So are times in functions, in seconds.
//! - A text where a number is wanted is read as one; comparisons other than `equals` always compare numbers.
//! - Positions in texts count from 0.
//! - Times are UTC; what reads a clock elsewhere gives the engine's time at the event, and what rolls dice elsewhere is
//!   derived from the inbound record.

mod compile;
mod library;
mod parser;

pub(crate) use compile::Functions;
