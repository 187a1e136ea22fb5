//! Topics as text: one JSON object a line, readable for any payload, and how two of them are compared.

pub mod compare;
mod line;
mod load;

pub use line::{CaptureLine, RecordKind};
pub use load::load;
