//! One connection to one broker, without a socket: bytes, times and requests in; bytes and link events out.
//!
//! TLS, then ApiVersions, then SASL, then up. The same code runs over TCP and in tests.

mod settings;
mod transport;

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use types::Tick;

use crate::error::Error;
use crate::link::{BrokerVersions, LinkDown, LinkEvent, RequestTag};
use crate::sasl::{Exchange, Nonce, Step, mechanism_name};
use crate::wire::call::{self, Call, Offer};
use crate::wire::encode::{self, Envelope, Frame};
use crate::wire::reader::Reader;
use crate::wire::{Body, ErrorCode, Request, Response, decode};
use transport::Transport;

pub use settings::{CLIENT_ID_BYTES_MAX, LinkOptions, LinkSettings};

/// The largest answer that is believed; a longer one means that the bytes aren't Kafka's, and the link goes down.
pub const FRAME_BYTES_MAX: usize = 64 << 20;

/// A connection whose TCP part stands. Drain [`Connection::poll`] and [`Connection::transmit`] after every call.
pub struct Connection {
    settings: Arc<LinkSettings>,
    transport: Transport,
    stage: Stage,
    /// Sent and not answered, oldest first; a broker answers in order.
    pending: VecDeque<Pending>,
    next_correlation: i32,
    events: VecDeque<LinkEvent>,
}

/// How far a connection is.
enum Stage {
    /// ApiVersions was sent (or waits for TLS).
    Greeting { nonce: Nonce, up_by: Tick },
    /// The SASL mechanism was named; `first` is what to say when it is welcome.
    Handshaking { exchange: Exchange, first: Vec<u8>, up_by: Tick, versions: BrokerVersions },
    /// SASL messages go back and forth.
    Authenticating { exchange: Exchange, up_by: Tick, versions: BrokerVersions },
    /// Requests may be sent.
    Up { versions: BrokerVersions },
    /// Nothing may happen any more.
    Down,
}

/// A request without answer.
struct Pending {
    correlation: i32,
    call: Call,
    version: i16,
    /// The machine's; `None` for our own requests of the beginning, which have the stage's deadline.
    asked: Option<(RequestTag, Tick)>,
}

impl Connection {
    /// Begins to speak on a fresh TCP connection to `host`; until `up_by` it must be up. `nonce` must be fresh.
    #[must_use]
    pub fn new(settings: Arc<LinkSettings>, host: &str, nonce: Nonce, up_by: Tick) -> Self {
        let session = settings.tls.as_ref().map(|tls| tls.connect(host)).transpose();
        let (tls, refusal) = session.map_or_else(|error| (None, Some(error)), |tls| (tls, None));
        let mut connection = Self {
            settings,
            transport: Transport::new(tls),
            stage: Stage::Greeting { nonce, up_by },
            pending: VecDeque::new(),
            next_correlation: 0,
            events: VecDeque::new(),
        };
        match refusal {
            Some(error) => connection.fail(LinkDown::Tls { reason: error.to_string() }),
            None => connection.send_own(encode::api_versions),
        }
        connection
    }

    /// Sends a request whose answer must come within `timeout`; dropped when the link is down.
    ///
    /// # Panics
    /// Before the link is up.
    pub fn send(&mut self, tag: RequestTag, request: Request, timeout: Duration, now: Tick) {
        let versions = match &self.stage {
            Stage::Up { versions } => *versions,
            Stage::Down => return,
            Stage::Greeting { .. } | Stage::Handshaking { .. } | Stage::Authenticating { .. } => {
                panic!("{} was asked on a link that isn't up", request.name())
            }
        };
        if let Some(body) = not_offered(&request, versions) {
            self.events.push_back(LinkEvent::Response { tag, response: unsupported(body) });
            return;
        }
        match encode::request(self.envelope(), versions, request) {
            Ok(frame) => self.push(frame, Some((tag, now + timeout))),
            Err(error) => self.fail(LinkDown::Protocol { reason: error.to_string() }),
        }
    }

    /// Takes bytes that the broker sent.
    pub fn receive(&mut self, bytes: &[u8]) {
        if matches!(self.stage, Stage::Down) {
            return;
        }
        match self.transport.receive(bytes) {
            Ok(open) => {
                self.read_frames();
                if !open {
                    self.closed("the broker ended the session".to_owned());
                }
            }
            Err(reason) => self.fail(match self.stage {
                Stage::Up { .. } => LinkDown::Protocol { reason },
                // Before, it is about certificates and versions.
                Stage::Greeting { .. } | Stage::Handshaking { .. } | Stage::Authenticating { .. } | Stage::Down => {
                    LinkDown::Tls { reason }
                }
            }),
        }
    }

    /// The socket is at its end or broken.
    pub fn closed(&mut self, reason: String) {
        if self.is_down() {
            return;
        }
        // Brokers close in silence when SASL is expected and not spoken, or TLS and not spoken.
        let hint = match self.stage {
            Stage::Greeting { .. } => " (before the first answer: do the TLS and SASL settings fit this port?)",
            Stage::Handshaking { .. } | Stage::Authenticating { .. } | Stage::Up { .. } | Stage::Down => "",
        };
        self.fail(LinkDown::Closed { reason: format!("{reason}{hint}") });
    }

    /// The next event; after [`LinkEvent::Down`] there is none.
    pub fn poll(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// Writes what waits, as much as `sink` takes. `Ok(false)`: call again when it takes more.
    ///
    /// # Errors
    /// Those of `sink` except `WouldBlock`; the caller then says [`Connection::closed`].
    pub fn transmit(&mut self, sink: &mut dyn Write) -> io::Result<bool> {
        self.transport.transmit(sink)
    }

    /// Whether bytes wait to be written.
    #[must_use]
    pub fn wants_write(&self) -> bool {
        self.transport.wants_write()
    }

    /// Whether nothing may happen any more.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        matches!(self.stage, Stage::Down)
    }

    /// When the next answer is overdue.
    #[must_use]
    pub fn deadline(&self) -> Option<Tick> {
        match &self.stage {
            Stage::Greeting { up_by, .. } | Stage::Handshaking { up_by, .. } | Stage::Authenticating { up_by, .. } => {
                Some(*up_by)
            }
            Stage::Up { .. } => self.pending.iter().filter_map(|pending| pending.asked).map(|(_, by)| by).min(),
            Stage::Down => None,
        }
    }

    /// Goes down when an answer is overdue.
    pub fn on_deadline(&mut self, now: Tick) {
        let what = match &self.stage {
            Stage::Greeting { .. } => "the broker's greeting",
            Stage::Handshaking { .. } | Stage::Authenticating { .. } => "authentication",
            Stage::Up { .. } => self.overdue(now).map_or("", Call::name),
            Stage::Down => return,
        };
        if self.deadline().is_some_and(|deadline| deadline <= now) {
            self.fail(LinkDown::TimedOut { what });
        }
    }

    fn overdue(&self, now: Tick) -> Option<Call> {
        self.pending.iter().find(|pending| pending.asked.is_some_and(|(_, by)| by <= now)).map(|pending| pending.call)
    }

    fn read_frames(&mut self) {
        while !self.is_down() {
            match self.transport.frame() {
                Ok(Some(frame)) => self.on_frame(frame),
                Ok(None) => return,
                Err(reason) => self.fail(reason),
            }
        }
    }

    fn on_frame(&mut self, frame: Bytes) {
        let Some(pending) = self.pending.pop_front() else {
            return self.fail(LinkDown::Protocol { reason: "an answer to nothing".to_owned() });
        };
        if let Err(reason) = self.on_answer(&pending, Reader::new(frame, pending.call.response_name())) {
            self.fail(reason);
        }
    }

    fn on_answer(&mut self, pending: &Pending, mut reader: Reader) -> Result<(), LinkDown> {
        let correlation = decode::header(&mut reader, pending.call, pending.version).map_err(senseless)?;
        if correlation != pending.correlation {
            let expected = pending.correlation;
            return Err(LinkDown::Protocol { reason: format!("answer number {correlation} instead of {expected}") });
        }
        if let Some((tag, _)) = pending.asked {
            let response = decode::response(&mut reader, pending.call, pending.version).map_err(senseless)?;
            self.events.push_back(LinkEvent::Response { tag, response });
            return Ok(());
        }
        match std::mem::replace(&mut self.stage, Stage::Down) {
            Stage::Greeting { nonce, up_by } => self.on_greeting(nonce, up_by, &mut reader),
            Stage::Handshaking { exchange, first, up_by, versions } => {
                on_mechanisms(&mut reader)?;
                self.stage = Stage::Authenticating { exchange, up_by, versions };
                self.send_own(|envelope| encode::sasl_authenticate(envelope, first));
                Ok(())
            }
            Stage::Authenticating { exchange, up_by, versions } => {
                self.on_authentication(exchange, up_by, versions, &mut reader)
            }
            Stage::Up { .. } | Stage::Down => unreachable!("own requests are answered before the link is up"),
        }
    }

    fn on_greeting(&mut self, nonce: Nonce, up_by: Tick, reader: &mut Reader) -> Result<(), LinkDown> {
        let offer = Offer::read(reader).map_err(senseless)?;
        let versions = offer.common().map_err(|reason| LinkDown::Protocol { reason })?;
        let Some(sasl) = &self.settings.sasl else {
            self.up(versions);
            return Ok(());
        };
        if !offer.has(Call::SaslHandshake, call::SASL_HANDSHAKE)
            || !offer.has(Call::SaslAuthenticate, call::SASL_AUTHENTICATE)
        {
            return Err(LinkDown::Authentication { reason: "the broker asks for no SASL on this port".to_owned() });
        }
        let mechanism = mechanism_name(sasl.mechanism);
        let (exchange, first) = Exchange::begin(sasl, nonce);
        self.stage = Stage::Handshaking { exchange, first, up_by, versions };
        self.send_own(|envelope| encode::sasl_handshake(envelope, mechanism));
        Ok(())
    }

    fn on_authentication(
        &mut self,
        mut exchange: Exchange,
        up_by: Tick,
        versions: BrokerVersions,
        reader: &mut Reader,
    ) -> Result<(), LinkDown> {
        let (error, words, message) = decode::sasl_authenticate(reader).map_err(senseless)?;
        if let Some(error) = error {
            return Err(self.refused(&words.unwrap_or_else(|| error.to_string())));
        }
        match exchange.on_message(&message) {
            Ok(Step::Reply(reply)) => {
                self.stage = Stage::Authenticating { exchange, up_by, versions };
                self.send_own(|envelope| encode::sasl_authenticate(envelope, reply));
            }
            Ok(Step::Done) => self.up(versions),
            Err(refusal) => return Err(self.refused(&refusal)),
        }
        Ok(())
    }

    fn refused(&self, reason: &dyn std::fmt::Display) -> LinkDown {
        let user = self.settings.sasl.as_ref().map_or("", |sasl| sasl.username.as_str());
        LinkDown::Authentication { reason: format!("user \"{user}\": {reason}") }
    }

    fn up(&mut self, versions: BrokerVersions) {
        self.stage = Stage::Up { versions };
        self.events.push_back(LinkEvent::Up { versions });
    }

    fn envelope(&self) -> Envelope<'_> {
        Envelope { correlation: self.next_correlation, client_id: &self.settings.client_id }
    }

    fn send_own(&mut self, encode: impl FnOnce(Envelope<'_>) -> Result<Frame, Error>) {
        match encode(self.envelope()) {
            Ok(frame) => self.push(frame, None),
            Err(error) => self.fail(LinkDown::Protocol { reason: error.to_string() }),
        }
    }

    fn push(&mut self, frame: Frame, asked: Option<(RequestTag, Tick)>) {
        let Frame { head, batch, tail, call, version } = frame;
        self.pending.push_back(Pending { correlation: self.next_correlation, call, version, asked });
        self.next_correlation = self.next_correlation.wrapping_add(1);
        self.transport.push(head);
        self.transport.push(batch);
        self.transport.push(Bytes::from_static(tail));
    }

    fn fail(&mut self, reason: LinkDown) {
        self.stage = Stage::Down;
        self.pending.clear();
        self.events.push_back(LinkEvent::Down { reason });
    }
}

fn on_mechanisms(reader: &mut Reader) -> Result<(), LinkDown> {
    let (error, offered) = decode::sasl_handshake(reader).map_err(senseless)?;
    let refusal =
        |error| LinkDown::Authentication { reason: format!("{error}: the broker offers {}", offered.join(", ")) };
    error.map_or(Ok(()), |error| Err(refusal(error)))
}

fn senseless(error: Error) -> LinkDown {
    LinkDown::Protocol { reason: error.to_string() }
}

/// The empty body of the answer to a request that the broker doesn't know.
fn not_offered(request: &Request, versions: BrokerVersions) -> Option<Body> {
    match request {
        Request::DescribeProducers { .. } if !versions.describe_producers => Some(Body::Producers(Vec::new())),
        Request::OffsetForLeaderEpoch { .. } if !versions.offset_for_leader_epoch => {
            Some(Body::EpochEnd(crate::wire::EpochEnd::default()))
        }
        Request::Metadata { .. }
        | Request::DescribeProducers { .. }
        | Request::ListOffsets { .. }
        | Request::OffsetForLeaderEpoch { .. }
        | Request::Produce { .. }
        | Request::Fetch { .. } => None,
    }
}

fn unsupported(body: Body) -> Response {
    let error = Some(ErrorCode::UNSUPPORTED_VERSION);
    Response { error, message: None, throttle: Duration::ZERO, leader: None, body }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
