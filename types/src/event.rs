//! What an event does to the row with its key, and how it came about.

use core::fmt;

/// What an event does to the row with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(u8)]
pub enum Opcode {
    /// A row whose key is absent.
    #[default]
    Insert = 1,
    /// New values of a row whose key is present, as a publisher sends it.
    Update = 2,
    /// Insert or update, whichever fits.
    Upsert = 3,
    /// The row leaves; inside the engine it carries the stored values.
    Delete = 4,
    /// Delete, silent when the key is absent.
    SafeDelete = 5,
    /// New values of a present row inside the engine; the `Delete` that directly follows carries the old ones.
    UpdateBlock = 6,
}

impl Opcode {
    /// The letters used in CSV: `I`, `U`, `P`, `D`, `SD`, `UB`.
    #[must_use]
    pub const fn letters(self) -> &'static str {
        match self {
            Self::Insert => "I",
            Self::Update => "U",
            Self::Upsert => "P",
            Self::Delete => "D",
            Self::SafeDelete => "SD",
            Self::UpdateBlock => "UB",
        }
    }

    /// The word used in JSON and scripts.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Insert => "insert",
            Self::Update => "update",
            Self::Upsert => "upsert",
            Self::Delete => "delete",
            Self::SafeDelete => "safedelete",
            Self::UpdateBlock => "updateblock",
        }
    }
}

impl fmt::Display for Opcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.letters())
    }
}

/// The number stands for no opcode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownOpcode(pub u8);

impl TryFrom<u8> for Opcode {
    type Error = UnknownOpcode;

    fn try_from(number: u8) -> Result<Self, UnknownOpcode> {
        Ok(match number {
            1 => Self::Insert,
            2 => Self::Update,
            3 => Self::Upsert,
            4 => Self::Delete,
            5 => Self::SafeDelete,
            6 => Self::UpdateBlock,
            other => return Err(UnknownOpcode(other)),
        })
    }
}

/// A set of `N` normal, `P` partial update, `R` made by retention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags(pub u8);

impl Flags {
    /// An ordinary event.
    pub const NORMAL: Self = Self(1);
    /// Null columns mean "keep the stored value".
    pub const PARTIAL: Self = Self(2);
    /// Made by a retention policy.
    pub const RETENTION: Self = Self(4);

    /// Whether all of `flags` are set.
    #[must_use]
    pub const fn contains(self, flags: Self) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, flags: Self) -> Self {
        Self(self.0 | flags.0)
    }
}

impl Default for Flags {
    fn default() -> Self {
        Self::NORMAL
    }
}

impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (flag, letter) in [(Self::NORMAL, "N"), (Self::PARTIAL, "P"), (Self::RETENTION, "R")] {
            if self.contains(flag) {
                f.write_str(letter)?;
            }
        }
        Ok(())
    }
}
