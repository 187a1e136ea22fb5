//! Why a block is refused, in one byte: a reader that hands it out with every number stays in registers.

/// What is wrong with a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Damage {
    NotOurBlock,
    UnknownVersion,
    OtherColumns,
    NotUtf8,
    EndsEarly,
    NumberTooLong,
    FieldMissing,
    FieldRepeated,
    FieldShape,
    Events,
    PerEvent,
    UnknownOpcode,
    UnknownFlag,
    NullBitmap,
    TooLargeForInt32,
    FewerValues,
    OtherValues,
    TextTooLong,
    NullWithText,
}

impl Damage {
    /// For a person.
    pub(crate) const fn what(self) -> &'static str {
        match self {
            Self::NotOurBlock => "it is no block",
            Self::UnknownVersion => "its version is unknown",
            Self::OtherColumns => "its columns are others",
            Self::NotUtf8 => "a text is not UTF-8",
            Self::EndsEarly => "it ends early",
            Self::NumberTooLong => "a number is too long",
            Self::FieldMissing => "a field is missing or out of order",
            Self::FieldRepeated => "a field is repeated or out of order",
            Self::FieldShape => "a field has no known shape",
            Self::Events => "its number of events can't be",
            Self::PerEvent => "opcodes or flags don't match its events",
            Self::UnknownOpcode => "an opcode doesn't exist",
            Self::UnknownFlag => "a flag doesn't exist",
            Self::NullBitmap => "a null bitmap doesn't match its events",
            Self::TooLargeForInt32 => "an int32 is too large",
            Self::FewerValues => "a column has fewer values than events",
            Self::OtherValues => "a column's values don't match its events",
            Self::TextTooLong => "a text is longer than its column",
            Self::NullWithText => "a null has a text",
        }
    }
}
