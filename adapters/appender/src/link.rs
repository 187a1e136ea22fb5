//! The seam between the protocol logic and the connections: what a machine asks for and what it is told.

use std::time::Duration;

use ports::coordinator::HostPort;
use ports::output::{OutputCommand, OutputFact};
use types::Tick;

use crate::wire::{Request, Response};

/// One attempt to connect to one broker; chosen by the machine, never used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkId(pub u32);

/// Ties a response to its request; chosen by the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestTag(pub u64);

/// What the broker at the other end of a link understands, already narrowed to what we speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrokerVersions {
    /// Highest Produce version of both sides, 10 to 13; 13 carries the topic id.
    pub produce: i16,
    /// Highest Fetch version of both sides, 11 to 16; 13 and above carry the topic id.
    pub fetch: i16,
    /// Whether DescribeProducers is offered; where it isn't, the log's tail must be read instead, and asking it anyway is
    /// answered at once by `UNSUPPORTED_VERSION`.
    pub describe_producers: bool,
    /// Whether OffsetForLeaderEpoch is offered, likewise; every real broker does, an in-memory look-alike may not.
    pub offset_for_leader_epoch: bool,
}

/// Why a link is no more. None of them says whether a request that was on its way took effect (rule R11).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkDown {
    /// The name isn't known or nobody listens there; nothing was sent.
    #[error("unreachable: {reason}")]
    Unreachable {
        /// The system's words.
        reason: String,
    },
    /// The other side closed the connection, or it broke.
    #[error("closed: {reason}")]
    Closed {
        /// The system's words.
        reason: String,
    },
    /// Connecting, or the oldest unanswered request, took longer than it may.
    #[error("timed out: {what}")]
    TimedOut {
        /// Which step or request.
        what: &'static str,
    },
    /// TLS failed: certificates, names or versions. Doesn't pass by itself, unless the files change.
    #[error("tls: {reason}")]
    Tls {
        /// The library's words.
        reason: String,
    },
    /// User or password refused, or the broker couldn't prove that it knows the password.
    #[error("authentication: {reason}")]
    Authentication {
        /// With the user's name, without any secret.
        reason: String,
    },
    /// The broker's bytes make no sense, or it speaks no version that we speak.
    #[error("protocol: {reason}")]
    Protocol {
        /// Which and where.
        reason: String,
    },
}

impl LinkDown {
    /// Whether trying again, here or elsewhere in the cluster, can't help before somebody changes settings.
    #[must_use]
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Tls { .. } | Self::Authentication { .. } => true,
            Self::Unreachable { .. } | Self::Closed { .. } | Self::TimedOut { .. } | Self::Protocol { .. } => false,
        }
    }
}

/// What a machine is told of a link. After [`LinkEvent::Down`], or after the machine's own [`Effect::Shut`], nothing more is said of it.
#[derive(Debug, Clone, PartialEq)]
pub enum LinkEvent {
    /// Connected, encrypted and authenticated as configured: requests may be sent.
    Up {
        /// What the broker understands.
        versions: BrokerVersions,
    },
    /// The link is gone; requests without a response will get none.
    Down {
        /// Why.
        reason: LinkDown,
    },
    /// The answer to a request; answers come in the order of the requests of their link.
    Response {
        /// The request's.
        tag: RequestTag,
        /// What the broker said.
        response: Response,
    },
}

/// What a machine wants done.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Connect; answered by [`LinkEvent::Up`] or [`LinkEvent::Down`].
    Open {
        /// A fresh id.
        link: LinkId,
        /// To whom.
        broker: HostPort,
    },
    /// Send a request on a link that is up; on any other link it is dropped, for its `Down` is then on its way.
    Request {
        /// Which.
        link: LinkId,
        /// Returned with the response.
        tag: RequestTag,
        /// What to ask.
        request: Request,
        /// How long the answer may take; afterwards the link goes down as [`LinkDown::TimedOut`].
        timeout: Duration,
    },
    /// Close a link; requests under way get no response and no `Down` follows.
    Shut {
        /// Which; unknown ones are ignored.
        link: LinkId,
    },
    /// Tell the owner.
    Fact(OutputFact),
}

/// Protocol logic without I/O: the driver hands in one thing, then drains every effect before the next.
pub trait Protocol: Send {
    /// The owner wants something.
    fn command(&mut self, command: OutputCommand, now: Tick);
    /// Something happened on a link.
    fn on_link(&mut self, link: LinkId, event: LinkEvent, now: Tick);
    /// The time given by [`Protocol::deadline`] has come.
    fn on_deadline(&mut self, now: Tick);
    /// The next thing to do; `None` when there is nothing more for now.
    fn poll(&mut self) -> Option<Effect>;
    /// When to call [`Protocol::on_deadline`] if nothing else happens.
    fn deadline(&self) -> Option<Tick>;
}
