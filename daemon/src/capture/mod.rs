//! Topics as text: one JSON object a line, readable for any payload, and how two of them are compared.

pub mod compare;
mod line;
mod load;
mod rows;

pub use line::{CaptureLine, RecordKind, hex, printable};
pub use load::load;
pub use rows::Rows;
