//! The event block of `understudy.proto`, written and read by hand: no row objects, no copies but the last.

mod damage;
mod decode;
mod encode;
mod wire;

#[cfg(test)]
mod tests;

pub(crate) use decode::BinaryDecoder;
pub(crate) use encode::BinaryEncoder;
