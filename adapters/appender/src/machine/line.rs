//! One connection to the leader, as the machine sees it.

use std::time::Duration;

use types::Tick;

use super::outbox::Outbox;
use crate::link::{BrokerVersions, LinkId};

/// A link that heard nothing for so long is not written to again: what was sent on it must be dead long before the broker's
/// memory of us is (rule R7).
pub(super) const SILENT_MAX: Duration = Duration::from_secs(60);

/// A broker that asks for silence is believed up to here; it mutes the connection itself if it wants more.
const THROTTLE_MAX: Duration = Duration::from_secs(5);

/// One connection to the leader.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line {
    Down,
    Opening {
        link: LinkId,
    },
    Up {
        link: LinkId,
        versions: BrokerVersions,
        /// When the broker last said something.
        heard: Tick,
        /// Until when the broker asked us to be silent.
        quiet_until: Tick,
    },
}

impl Line {
    pub(super) fn is(&self, other: LinkId) -> bool {
        match self {
            Self::Down => false,
            Self::Opening { link } | Self::Up { link, .. } => *link == other,
        }
    }

    pub(super) fn is_down(&self) -> bool {
        matches!(self, Self::Down)
    }

    /// The link, when requests may be sent on it now.
    pub(super) fn ready(&self, now: Tick) -> Option<(LinkId, BrokerVersions)> {
        match self {
            Self::Up { link, versions, quiet_until, .. } if *quiet_until <= now => Some((*link, *versions)),
            Self::Down | Self::Opening { .. } | Self::Up { .. } => None,
        }
    }

    pub(super) fn up(&mut self, versions: BrokerVersions, now: Tick) {
        if let Self::Opening { link } = *self {
            *self = Self::Up { link, versions, heard: now, quiet_until: now };
        }
    }

    pub(super) fn heard(&mut self, now: Tick, throttle: Duration) {
        if let Self::Up { heard, quiet_until, .. } = self {
            *heard = now;
            *quiet_until = now + throttle.min(THROTTLE_MAX);
        }
    }

    /// Whether rule R7 forbids to write on it.
    pub(super) fn is_silent(&self, now: Tick) -> bool {
        match self {
            Self::Down | Self::Opening { .. } => false,
            Self::Up { heard, .. } => now.since(*heard) > SILENT_MAX,
        }
    }

    /// When throttling ends, if it lasts.
    pub(super) fn quiet_until(&self, now: Tick) -> Option<Tick> {
        match self {
            Self::Down | Self::Opening { .. } => None,
            Self::Up { quiet_until, .. } => (*quiet_until > now).then_some(*quiet_until),
        }
    }

    pub(super) fn shut(&mut self, out: &mut Outbox) {
        match *self {
            Self::Down => {}
            Self::Opening { link } | Self::Up { link, .. } => out.shut(link),
        }
        *self = Self::Down;
    }
}
