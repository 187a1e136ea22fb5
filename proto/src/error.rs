//! Why a codec can't be made from its settings.

/// A setting that makes no codec.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The `dateformat` isn't a strftime pattern that fixes a moment.
    #[error("dateformat \"{format}\" can't be used: {reason}")]
    DateFormat {
        /// As written.
        format: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The `csvfielddelimiter` isn't one character that could stand between fields.
    #[error("csvfielddelimiter \"{text}\" can't be used: write one character, not a quote, backslash or line end")]
    Delimiter {
        /// As written.
        text: String,
    },
    /// `opaquestring` needs a key that is generated and a text for the record.
    #[error("opaquestring needs the schema index*:int64,message:string, this one is {schema}")]
    NotOpaque {
        /// The window's schema.
        schema: String,
    },
    /// `kafkatype` names a field that can't be sent raw.
    #[error("\"{field}\" can't be sent raw: only a string or blob field can, and the schema is {schema}")]
    NotRaw {
        /// The field's name.
        field: String,
        /// The window's schema.
        schema: String,
    },
    /// A single field can't be read back as an event.
    #[error("records hold the field \"{field}\" and nothing else: no events can be read from them")]
    NotReadable {
        /// The field's name.
        field: String,
    },
}
