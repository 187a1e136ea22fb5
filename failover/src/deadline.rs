//! Moments at which something happens by itself. They are kept in the state they belong to; here they are only compared.

use types::Tick;

/// The first of several moments.
pub(crate) fn earliest(moments: impl IntoIterator<Item = Option<Tick>>) -> Option<Tick> {
    moments.into_iter().flatten().min()
}

/// Whether a moment has come; never, when there is none.
pub(crate) fn is_due(moment: Option<Tick>, now: Tick) -> bool {
    moment.is_some_and(|moment| moment <= now)
}
