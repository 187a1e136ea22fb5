//! The link by golden text.
