//! Payload bytes to event blocks and back: binary, csv, json, opaquestring.
//!
//! A [`Decoder`] appends the good rows of a payload to a block and reports each bad one as a [`Rejected`]; it never
//! panics on what the world sends and keeps no more memory than the payload's size justifies. An [`Encoder`] is a pure
//! function of block and options, so that all replicas write the same bytes.

mod binary;
mod csv;
mod date_format;
mod decoder;
mod encoder;
mod error;
mod format;
mod json;
mod opaque;
mod parse;
mod print;
mod reject;
mod shape;

pub use csv::CsvPrinter;
pub use date_format::DateFormat;
pub use decoder::Decoder;
pub use encoder::{Encoder, EncoderOptions, PART_BYTES_MAX_DEFAULT};
pub use error::Error;
pub use format::{CsvFraming, CsvOptions, Doubles, Format, JsonOptions, SchemaLine, UnknownMembers};
pub use json::JsonPrinter;
pub use reject::{EXCERPT_BYTES_MAX, Place, REJECTS_PER_PAYLOAD_MAX, Reason, Rejected};
pub use shape::Shape;
