//! One link: its name being looked up, its socket being connected, its connection.

use std::io::{self, ErrorKind, Read as _};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::net::TcpStream;
use mio::{Interest, Registry, Token};
use ports::coordinator::HostPort;
use types::Tick;

use super::fresh_nonce;
use super::names::Addresses;
use crate::connection::{Connection, LinkSettings};
use crate::link::{LinkDown, LinkEvent, LinkId};

/// Bytes taken from a socket at once.
pub(super) const READ_BYTES: usize = 256 << 10;

/// A link from [`crate::link::Effect::Open`] on.
pub(super) struct Link {
    pub(super) id: LinkId,
    pub(super) broker: HostPort,
    settings: Arc<LinkSettings>,
    state: State,
    /// When it must be up.
    up_by: Tick,
}

enum State {
    /// The name is being looked up.
    Resolving,
    /// TCP is on its way to one of the addresses; `rest` are still to be tried, last first.
    Connecting { stream: TcpStream, rest: Vec<SocketAddr>, give_up: Tick },
    /// TCP stands.
    Connected { stream: TcpStream, connection: Box<Connection> },
    /// Failed before there was a connection; said by the next [`Link::poll`].
    Failed { reason: LinkDown },
    /// Nothing more will be said.
    Over,
}

impl Link {
    pub(super) fn new(id: LinkId, broker: HostPort, settings: Arc<LinkSettings>, now: Tick) -> Self {
        let up_by = now + settings.connect_timeout;
        Self { id, broker, settings, state: State::Resolving, up_by }
    }

    /// The name was looked up.
    pub(super) fn on_addresses(&mut self, addresses: Addresses, registry: &Registry, now: Tick) {
        match addresses {
            Ok(mut addresses) => {
                addresses.reverse();
                self.connect(addresses, "the name has no address".to_owned(), registry, now);
            }
            Err(error) => self.fail_unreachable(error.to_string()),
        }
    }

    /// Tries the next address; without one the link is unreachable for `last_reason`.
    fn connect(&mut self, mut rest: Vec<SocketAddr>, mut last_reason: String, registry: &Registry, now: Tick) {
        while let Some(address) = rest.pop() {
            match open(address, self.token(), registry) {
                Ok(stream) => {
                    // A silent address leaves time for those after it.
                    let share = self.up_by.since(now) / (rest.len() as u32 + 1);
                    self.state = State::Connecting { stream, rest, give_up: now + share };
                    return;
                }
                Err(error) => last_reason = format!("{address}: {error}"),
            }
        }
        self.fail_unreachable(last_reason);
    }

    /// The system says that something happened with the socket.
    pub(super) fn on_ready(&mut self, ended: bool, scratch: &mut [u8], registry: &Registry, now: Tick) {
        if matches!(self.state, State::Connecting { .. }) {
            self.on_connected(registry, now);
        }
        if let State::Connected { stream, connection } = &mut self.state {
            read(stream, connection, ended, scratch);
        }
    }

    fn on_connected(&mut self, registry: &Registry, now: Tick) {
        let State::Connecting { stream, rest, give_up } = std::mem::replace(&mut self.state, State::Over) else {
            return;
        };
        let refused = match stream.take_error() {
            Ok(None) => None,
            Ok(Some(error)) | Err(error) => Some(error),
        };
        if let Some(error) = refused {
            return self.connect(rest, error.to_string(), registry, now);
        }
        if stream.peer_addr().is_err() {
            // Woken too early: not connected and not refused.
            self.state = State::Connecting { stream, rest, give_up };
            return;
        }
        // Batches are built here already; Nagle's waiting would only delay them.
        let _ = stream.set_nodelay(true);
        self.state = match fresh_nonce(&self.settings) {
            Ok(nonce) => {
                let connection = Connection::new(Arc::clone(&self.settings), &self.broker.host, nonce, self.up_by);
                State::Connected { stream, connection: Box::new(connection) }
            }
            Err(reason) => State::Failed { reason },
        };
    }

    /// The connection, while requests can be sent.
    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Connected { connection, .. } => Some(connection),
            State::Resolving | State::Connecting { .. } | State::Failed { .. } | State::Over => None,
        }
    }

    /// Writes what waits, as far as the socket takes it; the system says when it takes more.
    pub(super) fn flush(&mut self) {
        if let State::Connected { stream, connection } = &mut self.state
            && connection.wants_write()
            && let Err(error) = connection.transmit(stream)
        {
            connection.closed(error.to_string());
        }
    }

    /// What happened, until the last word, which is [`LinkEvent::Down`].
    pub(super) fn poll(&mut self) -> Option<LinkEvent> {
        match std::mem::replace(&mut self.state, State::Over) {
            State::Failed { reason } => Some(LinkEvent::Down { reason }),
            State::Connected { stream, mut connection } => {
                let event = connection.poll();
                self.state = State::Connected { stream, connection };
                event
            }
            other @ (State::Resolving | State::Connecting { .. } | State::Over) => {
                self.state = other;
                None
            }
        }
    }

    /// When [`Link::on_deadline`] must be called.
    pub(super) fn deadline(&self) -> Option<Tick> {
        match &self.state {
            State::Resolving => Some(self.up_by),
            State::Connecting { give_up, .. } => Some(*give_up),
            State::Connected { connection, .. } => connection.deadline(),
            State::Failed { .. } | State::Over => None,
        }
    }

    /// Gives up what takes too long.
    pub(super) fn on_deadline(&mut self, registry: &Registry, now: Tick) {
        if self.deadline().is_none_or(|deadline| now < deadline) {
            return;
        }
        match std::mem::replace(&mut self.state, State::Over) {
            State::Resolving => {
                self.state = State::Failed { reason: LinkDown::TimedOut { what: "looking up the name" } }
            }
            State::Connecting { rest, .. } if rest.is_empty() => {
                self.state = State::Failed { reason: LinkDown::TimedOut { what: "connecting" } };
            }
            State::Connecting { rest, .. } => self.connect(rest, String::new(), registry, now),
            State::Connected { stream, mut connection } => {
                connection.on_deadline(now);
                self.state = State::Connected { stream, connection };
            }
            other @ (State::Failed { .. } | State::Over) => self.state = other,
        }
    }

    /// The poller's name of the socket; 0 is the alarm's.
    fn token(&self) -> Token {
        Token(self.id.0 as usize + 1)
    }

    fn fail_unreachable(&mut self, reason: String) {
        self.state = State::Failed { reason: LinkDown::Unreachable { reason } };
    }
}

/// The link that a poller's event is about.
pub(super) fn link_of(token: Token) -> Option<LinkId> {
    u32::try_from(token.0.checked_sub(1)?).ok().map(LinkId)
}

fn open(address: SocketAddr, token: Token, registry: &Registry) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address)?;
    registry.register(&mut stream, token, Interest::READABLE | Interest::WRITABLE)?;
    Ok(stream)
}

/// Reads all that is there. Brokers only answer, so that our own requests bound how much that is.
fn read(stream: &mut TcpStream, connection: &mut Connection, ended: bool, scratch: &mut [u8]) {
    while !connection.is_down() {
        match stream.read(scratch) {
            Ok(0) => connection.closed("end of file".to_owned()),
            Ok(count) => {
                connection.receive(&scratch[..count]);
                // A read that doesn't fill the buffer has emptied the socket; what comes later is a new event (epoll(7)).
                // Only an end that came with this event has no event of its own.
                if count < scratch.len() && !ended {
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => connection.closed(error.to_string()),
        }
    }
}
