//! The columns of a window.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::str::FromStr;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldType {
    /// 32-bit two's complement.
    Int32,
    /// 64-bit two's complement.
    Int64,
    /// IEEE 754 binary64.
    Double,
    /// UTF-8 text.
    String,
    /// Seconds since 1970-01-01 UTC.
    Date,
    /// Microseconds since 1970-01-01 UTC.
    Stamp,
    /// Decimal with four places, held as ten-thousandths.
    Money,
    /// Bytes.
    Blob,
}

impl FieldType {
    /// The name used in project files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Double => "double",
            Self::String => "string",
            Self::Date => "date",
            Self::Stamp => "stamp",
            Self::Money => "money",
            Self::Blob => "blob",
        }
    }
}

impl fmt::Display for FieldType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for FieldType {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        Ok(match text {
            "int32" => Self::Int32,
            "int64" => Self::Int64,
            "double" => Self::Double,
            "string" | "rstring" | "rutstr" | "utf8str" => Self::String,
            "date" => Self::Date,
            "stamp" | "timestamp" => Self::Stamp,
            "money" => Self::Money,
            "blob" => Self::Blob,
            other => return Err(SchemaError::UnknownType { name: other.into() }),
        })
    }
}

/// One column.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Field {
    /// Unique in its schema.
    pub name: String,
    /// What it holds.
    pub field_type: FieldType,
    /// Part of the key.
    pub key: bool,
}

/// The columns of a window, in order; at least one is a key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Schema {
    fields: Vec<Field>,
    keys: Vec<usize>,
}

impl Schema {
    /// Checks names and keys.
    ///
    /// # Errors
    /// [`SchemaError::DuplicateField`], [`SchemaError::NoKey`].
    pub fn new(fields: Vec<Field>) -> Result<Self, SchemaError> {
        for (i, field) in fields.iter().enumerate() {
            if fields[..i].iter().any(|earlier| earlier.name == field.name) {
                return Err(SchemaError::DuplicateField { name: field.name.clone() });
            }
        }
        let keys: Vec<usize> = (0..fields.len()).filter(|&i| fields[i].key).collect();
        if keys.is_empty() {
            return Err(SchemaError::NoKey);
        }
        Ok(Self { fields, keys })
    }

    /// The columns, in order.
    #[must_use]
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// The positions of the key columns, in order.
    #[must_use]
    pub fn keys(&self) -> &[usize] {
        &self.keys
    }

    /// The position of the column called `name`.
    #[must_use]
    pub fn position(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }
}

/// As in `id*:int64,x:double`: `*` marks keys.
impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, field) in self.fields.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let star = if field.key { "*" } else { "" };
            write!(f, "{comma}{}{star}:{}", field.name, field.field_type)?;
        }
        Ok(())
    }
}

impl FromStr for Schema {
    type Err = SchemaError;

    fn from_str(text: &str) -> Result<Self, SchemaError> {
        let field = |part: &str| {
            let part = part.trim();
            let (name, field_type) = part.rsplit_once(':').ok_or_else(|| SchemaError::NoType { field: part.into() })?;
            let (name, key) = name.strip_suffix('*').map_or((name, false), |name| (name, true));
            Ok(Field { name: name.into(), field_type: field_type.parse()?, key })
        };
        Self::new(text.split(',').map(field).collect::<Result<_, _>>()?)
    }
}

/// Why columns make no schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemaError {
    /// Two columns have this name.
    DuplicateField {
        /// The name.
        name: String,
    },
    /// No column is a key.
    NoKey,
    /// A `name:type` part has no type.
    NoType {
        /// The part.
        field: String,
    },
    /// No such type.
    UnknownType {
        /// As written.
        name: String,
    },
}

impl fmt::Display for SchemaError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateField { name } => write!(f, "field \"{name}\" is declared twice"),
            Self::NoKey => f.write_str("no field is a key"),
            Self::NoType { field } => write!(f, "\"{field}\" has no type; write name:type"),
            Self::UnknownType { name } => write!(f, "unknown type \"{name}\""),
        }
    }
}

impl core::error::Error for SchemaError {}
