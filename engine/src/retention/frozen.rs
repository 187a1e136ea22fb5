//! Retention lists in snapshots.

use super::{Policy, Retention};
use crate::index::Slot;
use crate::snapshot::{Body, Error, Put};

impl Retention {
    /// Writes what is small, and remembers the list as it is now.
    pub(crate) fn freeze(&mut self, body: &mut Vec<u8>) {
        match &mut self.policy {
            Policy::CountSliding { rows, .. } | Policy::SystemSliding { rows, .. } => rows.freeze(body),
            Policy::CountJumping { rows, emptying, .. } => {
                body.put_u8(u8::from(*emptying));
                rows.freeze(body);
            }
            Policy::SystemJumping { rows, jump, .. } => {
                body.put_option(*jump, Vec::put_i64);
                rows.freeze(body);
            }
            Policy::EventSliding { rows, .. } => rows.freeze(body),
            Policy::EventJumping { rows, first, .. } => {
                body.put_option(*first, Vec::put_i64);
                rows.freeze(body);
            }
        }
    }

    /// Writes the frozen places of these rows; all below `until` is written then.
    pub(crate) fn write_frozen(&mut self, slots: &[Slot], until: u32, body: &mut Vec<u8>) {
        match &mut self.policy {
            Policy::CountSliding { rows, .. }
            | Policy::SystemSliding { rows, .. }
            | Policy::CountJumping { rows, .. }
            | Policy::SystemJumping { rows, .. } => rows.write_frozen(slots, until, body),
            Policy::EventSliding { rows, .. } | Policy::EventJumping { rows, .. } => {
                rows.write_frozen(slots, until, body);
            }
        }
    }

    /// Forgets what was frozen.
    pub(crate) fn thaw(&mut self) {
        match &mut self.policy {
            Policy::CountSliding { rows, .. }
            | Policy::SystemSliding { rows, .. }
            | Policy::CountJumping { rows, .. }
            | Policy::SystemJumping { rows, .. } => rows.thaw(),
            Policy::EventSliding { rows, .. } | Policy::EventJumping { rows, .. } => rows.thaw(),
        }
    }

    /// Takes over what is small, of a table with so many slots.
    pub(crate) fn restore(&mut self, slots: u32, body: &mut Body<'_>) -> Result<(), Error> {
        match &mut self.policy {
            Policy::CountSliding { rows, .. } | Policy::SystemSliding { rows, .. } => rows.restore(slots, body),
            Policy::CountJumping { rows, emptying, .. } => {
                *emptying = body.u8()? != 0;
                rows.restore(slots, body)
            }
            Policy::SystemJumping { rows, jump, .. } => {
                *jump = body.option(Body::i64)?;
                rows.restore(slots, body)
            }
            Policy::EventSliding { rows, .. } => rows.restore(body),
            Policy::EventJumping { rows, first, .. } => {
                *first = body.option(Body::i64)?;
                rows.restore(body)
            }
        }
    }

    /// Takes over the places of these rows.
    pub(crate) fn restore_rows(&mut self, all: u32, slots: &[Slot], body: &mut Body<'_>) -> Result<(), Error> {
        match &mut self.policy {
            Policy::CountSliding { rows, .. }
            | Policy::SystemSliding { rows, .. }
            | Policy::CountJumping { rows, .. }
            | Policy::SystemJumping { rows, .. } => rows.restore_rows(all, slots, body),
            Policy::EventSliding { rows, .. } | Policy::EventJumping { rows, .. } => rows.restore_rows(slots, body),
        }
    }
}
