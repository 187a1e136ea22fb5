//! One peer, as far as a link to it tells: pure. Events and times in, actions out.
//!
//! The connection and the verdict are two things: a connection may break and heal without anybody being dead, and a peer may
//! be silent over a standing connection.

use std::collections::VecDeque;
use std::time::Duration;

use ports::coordinator::Candidate;
use types::{Incarnation, MemberName, Tick};

use crate::detector::Detector;
use crate::{Evidence, PeerFact, PeerStatus};

/// Dials in a row without a pause when each is cut before the hello: a dying process closes its connections and its listener
/// one after the other, so a dial in between is accepted and cut.
const DIALS_AT_ONCE: u32 = 8;
/// Pause after a dial that came to nothing.
const REDIAL_PAUSE: Duration = Duration::from_millis(50);
/// Pause while a peer counts as dead: a restarted one calls by itself, so this only heals a wrong verdict.
const DEAD_PAUSE: Duration = Duration::from_millis(500);
/// Pause after somebody answered who isn't a peer (another version, cluster or secret).
const REJECTED_PAUSE: Duration = Duration::from_secs(1);

/// What happens to a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkEvent {
    /// The peer said hello and proved itself.
    Opened { attempt: u64, incarnation: Incarnation },
    /// A heartbeat.
    Heard { attempt: u64, status: PeerStatus },
    /// A dial led to no hello.
    Failed { attempt: u64, how: DialFailure },
    /// An open connection ended.
    Closed { attempt: u64 },
    /// The coordinator or the peer itself says where and which start it is.
    Expected { incarnation: Incarnation, peer: String },
    /// A deadline may have come.
    Due,
}

/// How a dial failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DialFailure {
    /// Nobody listens there.
    Refused,
    /// Accepted, then cut before the hello.
    Cut,
    /// No answer, no route.
    Unreachable,
    /// Who answered isn't a peer.
    Rejected,
}

/// What to do for a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum LinkAction {
    /// Connect and say hello; replaces the connection before.
    Dial { attempt: u64, peer: String },
    /// Drop the connection.
    HangUp,
    /// Tell the world.
    Tell(PeerFact),
}

/// The connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// On its way; `in_a_row` dials were cut before it.
    Dialing { in_a_row: u32 },
    /// None; the next dial is due then.
    Resting { until: Tick },
    /// Standing.
    Open,
}

/// What is believed of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// Not heard yet.
    Unknown,
    /// Heard in time.
    Alive,
    /// Not heard in time; `since` is when it was noticed.
    Silent {
        /// When the silence was told.
        since: Tick,
    },
    /// Gone.
    Dead,
}

/// One peer.
#[derive(Debug)]
pub(crate) struct Link {
    member: MemberName,
    incarnation: Incarnation,
    peer: String,
    heartbeat: Duration,
    connection: Connection,
    attempt: u64,
    verdict: Verdict,
    /// Whether this start of the peer ever answered: makes a refusal a proof.
    linked: bool,
    detector: Detector,
    status: Option<PeerStatus>,
    actions: VecDeque<LinkAction>,
}

impl Link {
    /// Begins by dialing.
    pub(crate) fn new(now: Tick, candidate: Candidate, heartbeat: Duration) -> Self {
        let Candidate { member, incarnation, peer, ticket: _ } = candidate;
        let mut link = Self {
            member,
            incarnation,
            peer,
            heartbeat,
            connection: Connection::Resting { until: now },
            attempt: 0,
            verdict: Verdict::Unknown,
            linked: false,
            detector: Detector::new(now, heartbeat),
            status: None,
            actions: VecDeque::new(),
        };
        link.dial(0);
        link
    }

    /// What is believed now.
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Whether messages can go out.
    pub(crate) fn is_open(&self) -> bool {
        self.connection == Connection::Open
    }

    /// The next thing to do; drain after each event.
    pub(crate) fn poll_action(&mut self) -> Option<LinkAction> {
        self.actions.pop_front()
    }

    /// When [`LinkEvent::Due`] is wanted.
    pub(crate) fn deadline(&self) -> Option<Tick> {
        let dial = match self.connection {
            Connection::Resting { until } => Some(until),
            Connection::Dialing { .. } | Connection::Open => None,
        };
        let judge = match self.verdict {
            Verdict::Unknown | Verdict::Alive => Some(self.detector.deadline()),
            Verdict::Silent { .. } | Verdict::Dead => None,
        };
        dial.into_iter().chain(judge).min()
    }

    /// Takes what happened. News of an earlier attempt are of a connection that no longer counts.
    pub(crate) fn handle(&mut self, now: Tick, event: LinkEvent) {
        match event {
            LinkEvent::Opened { attempt, incarnation } if attempt == self.attempt => self.opened(now, incarnation),
            LinkEvent::Heard { attempt, status } if attempt == self.attempt => self.heard(now, status),
            LinkEvent::Failed { attempt, how } if attempt == self.attempt => self.failed(now, how),
            LinkEvent::Closed { attempt } if attempt == self.attempt => self.dial(0),
            LinkEvent::Opened { .. }
            | LinkEvent::Heard { .. }
            | LinkEvent::Failed { .. }
            | LinkEvent::Closed { .. } => (),
            LinkEvent::Expected { incarnation, peer } => self.expected(now, incarnation, peer),
            LinkEvent::Due => self.due(now),
        }
    }

    fn opened(&mut self, now: Tick, incarnation: Incarnation) {
        if incarnation < self.incarnation {
            // An earlier start still answers at the address where a later one is announced: not the one that is meant.
            self.actions.push_back(LinkAction::HangUp);
            self.connection = Connection::Resting { until: now + REJECTED_PAUSE };
            return;
        }
        self.connection = Connection::Open;
        if incarnation > self.incarnation {
            self.replace(now, incarnation);
        }
        self.linked = true;
        self.alive(now);
    }

    fn heard(&mut self, now: Tick, status: PeerStatus) {
        self.alive(now);
        if self.status.as_ref() != Some(&status) {
            self.status = Some(status.clone());
            self.tell(|member, incarnation| PeerFact::Status { member, incarnation, status });
        }
    }

    /// A sign of life of the present start.
    fn alive(&mut self, now: Tick) {
        let after = self.detector.silence(now);
        self.detector.heard(now);
        let before = std::mem::replace(&mut self.verdict, Verdict::Alive);
        match before {
            Verdict::Unknown => {
                let peer = self.peer.clone();
                self.tell(|member, incarnation| PeerFact::Up { member, incarnation, peer });
            }
            Verdict::Silent { .. } | Verdict::Dead => {
                self.tell(|member, incarnation| PeerFact::Heard { member, incarnation, after });
            }
            Verdict::Alive => (),
        }
    }

    fn failed(&mut self, now: Tick, how: DialFailure) {
        let in_a_row = match self.connection {
            Connection::Dialing { in_a_row } => in_a_row,
            Connection::Resting { .. } | Connection::Open => 0,
        };
        match how {
            DialFailure::Refused => {
                let evidence = if self.linked { Evidence::ResetAndRefused } else { Evidence::Refused };
                self.dead(evidence);
                self.connection = Connection::Resting { until: now + DEAD_PAUSE };
            }
            DialFailure::Cut if in_a_row < DIALS_AT_ONCE => self.dial(in_a_row + 1),
            DialFailure::Cut | DialFailure::Unreachable => {
                self.connection = Connection::Resting { until: now + REDIAL_PAUSE };
            }
            DialFailure::Rejected => self.connection = Connection::Resting { until: now + REJECTED_PAUSE },
        }
    }

    fn expected(&mut self, now: Tick, incarnation: Incarnation, peer: String) {
        if incarnation < self.incarnation {
            return;
        }
        let moved = peer != self.peer;
        self.peer = peer;
        if incarnation > self.incarnation {
            self.replace(now, incarnation);
            self.dial(0);
        } else if moved || (self.verdict == Verdict::Dead && self.connection != Connection::Open) {
            self.dial(0);
        }
    }

    fn due(&mut self, now: Tick) {
        match self.verdict {
            Verdict::Unknown | Verdict::Alive if self.detector.is_silent(now) => {
                let lasting = self.detector.silence(now);
                self.verdict = Verdict::Silent { since: now };
                self.tell(|member, incarnation| PeerFact::Silent { member, incarnation, lasting });
                // A new connection tells a frozen process from a host that came back without it, and is answered as soon as
                // the old one would be.
                if self.connection == Connection::Open {
                    self.dial(0);
                }
            }
            Verdict::Unknown | Verdict::Alive | Verdict::Silent { .. } | Verdict::Dead => (),
        }
        match self.connection {
            Connection::Resting { until } if until <= now => self.dial(0),
            Connection::Resting { .. } | Connection::Dialing { .. } | Connection::Open => (),
        }
    }

    /// A later start takes the place of the one known so far, which is thereby gone.
    fn replace(&mut self, now: Tick, incarnation: Incarnation) {
        self.dead(Evidence::OtherIncarnation);
        self.incarnation = incarnation;
        self.verdict = Verdict::Unknown;
        self.linked = false;
        self.status = None;
        self.detector = Detector::new(now, self.heartbeat);
    }

    fn dead(&mut self, evidence: Evidence) {
        if self.verdict != Verdict::Dead {
            self.verdict = Verdict::Dead;
            self.tell(|member, incarnation| PeerFact::Dead { member, incarnation, evidence });
        }
    }

    fn dial(&mut self, in_a_row: u32) {
        self.attempt += 1;
        self.connection = Connection::Dialing { in_a_row };
        self.actions.push_back(LinkAction::Dial { attempt: self.attempt, peer: self.peer.clone() });
    }

    fn tell(&mut self, fact: impl FnOnce(MemberName, Incarnation) -> PeerFact) {
        self.actions.push_back(LinkAction::Tell(fact(self.member.clone(), self.incarnation)));
    }
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
