//! Why a snapshot is of no use.

use types::{Fingerprint, Generation};

/// Why a snapshot can't be taken over; none of them passes by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// It doesn't begin as snapshots do.
    #[error("it is no snapshot")]
    NoSnapshot,
    /// Another program version wrote it.
    #[error("it has format {found}, this program reads format {known}")]
    OtherFormat {
        /// As written.
        found: u32,
        /// This program's.
        known: u32,
    },
    /// Its end is missing.
    #[error("it is cut off after {bytes} bytes")]
    Truncated {
        /// What is there.
        bytes: u64,
    },
    /// A checksum doesn't fit.
    #[error("it is damaged at byte {at} or shortly after")]
    Corrupted {
        /// Where the damaged block begins.
        at: u64,
    },
    /// It is of another model.
    #[error("it is of model {found}, this one is {expected}")]
    OtherModel {
        /// As written.
        found: Fingerprint,
        /// This project's.
        expected: Fingerprint,
    },
    /// It is of another generation.
    #[error("it is of generation {found}, generation {expected} is in force")]
    OtherGeneration {
        /// As written.
        found: Generation,
        /// The one in force.
        expected: Generation,
    },
    /// Its checksums fit, but not its contents: another program wrote it.
    #[error("its contents don't fit: {what}")]
    Misfit {
        /// What was found.
        what: String,
    },
}

impl Error {
    pub(crate) fn misfit(what: impl Into<String>) -> Self {
        Self::Misfit { what: what.into() }
    }

    /// One word for a metric's label.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::NoSnapshot => "no-snapshot",
            Self::OtherFormat { .. } => "other-format",
            Self::Truncated { .. } => "truncated",
            Self::Corrupted { .. } => "corrupted",
            Self::OtherModel { .. } => "other-model",
            Self::OtherGeneration { .. } => "other-generation",
            Self::Misfit { .. } => "misfit",
        }
    }
}
