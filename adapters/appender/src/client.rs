//! One broker, one question at a time, waiting for each answer: for checks at start and for tests, never for the hot path.

use std::io::{ErrorKind, Read as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::Arc;
use std::time::Duration;

use ports::coordinator::HostPort;
use types::{Tick, TopicName};

use crate::connection::{Connection, LinkSettings};
use crate::driver::{clock, fresh_nonce};
use crate::error::Error;
use crate::link::{BrokerVersions, LinkDown, LinkEvent, RequestTag};
use crate::wire::{Body, Metadata, Request, Response};

const READ_BYTES: usize = 64 << 10;
/// A broker that doesn't answer within this is passed over.
const METADATA_WITHIN: Duration = Duration::from_secs(5);

/// A connection that is up.
pub struct Client {
    stream: TcpStream,
    connection: Connection,
    versions: BrokerVersions,
    asked: u64,
}

impl Client {
    /// Connects, encrypts and authenticates as the settings say, within their connect timeout.
    ///
    /// # Errors
    /// [`LinkDown`], as a link would report it.
    pub fn connect(settings: &Arc<LinkSettings>, broker: &HostPort) -> Result<Self, LinkDown> {
        let up_by = clock::now() + settings.connect_timeout;
        let stream = open(broker, settings.connect_timeout)?;
        let nonce = fresh_nonce(settings)?;
        let mut connection = Connection::new(Arc::clone(settings), &broker.host, nonce, up_by);
        match wait(&stream, &mut connection)? {
            LinkEvent::Up { versions } => Ok(Self { stream, connection, versions, asked: 0 }),
            LinkEvent::Down { reason } => Err(reason),
            LinkEvent::Response { .. } => unreachable!("nothing was asked yet"),
        }
    }

    /// What the broker speaks.
    #[must_use]
    pub const fn versions(&self) -> BrokerVersions {
        self.versions
    }

    /// Asks, and waits for the answer; after an error the client is of no use any more.
    ///
    /// # Errors
    /// [`LinkDown`], which says nothing of whether the request took effect.
    pub fn ask(&mut self, request: Request, timeout: Duration) -> Result<Response, LinkDown> {
        self.asked += 1;
        self.connection.send(RequestTag(self.asked), request, timeout, clock::now());
        match wait(&self.stream, &mut self.connection)? {
            LinkEvent::Response { response, .. } => Ok(response),
            LinkEvent::Down { reason } => Err(reason),
            LinkEvent::Up { .. } => unreachable!("a link comes up once"),
        }
    }
}

/// What a broker knows of the cluster and of a topic: the brokers are asked in turn, up to the first that answers and knows the topic.
///
/// # Errors
/// [`Error::Unanswered`] with what the last of them said.
pub fn metadata(settings: &Arc<LinkSettings>, brokers: &[HostPort], topic: &TopicName) -> Result<Metadata, Error> {
    let mut reason = "no broker is named".to_owned();
    for broker in brokers {
        match metadata_of(settings, broker, topic) {
            Ok(metadata) => return Ok(metadata),
            Err(words) => reason = format!("{broker}: {words}"),
        }
    }
    Err(Error::Unanswered { topic: topic.clone(), reason })
}

fn metadata_of(settings: &Arc<LinkSettings>, broker: &HostPort, topic: &TopicName) -> Result<Metadata, String> {
    let mut client = Client::connect(settings, broker).map_err(|down| down.to_string())?;
    let request = Request::Metadata { topic: topic.clone() };
    let response = client.ask(request, METADATA_WITHIN).map_err(|down| down.to_string())?;
    match (response.error, response.body) {
        (None, Body::Metadata(metadata)) => Ok(*metadata),
        (Some(error), _) => Err(error.to_string()),
        (None, _) => Err("another answer than was asked for".to_owned()),
    }
}

fn open(broker: &HostPort, timeout: Duration) -> Result<TcpStream, LinkDown> {
    let unreachable = |error: &dyn std::fmt::Display| LinkDown::Unreachable { reason: format!("{broker}: {error}") };
    let addresses = (broker.host.as_str(), broker.port).to_socket_addrs().map_err(|error| unreachable(&error))?;
    let mut last = unreachable(&"the name has no address");
    for address in addresses {
        match TcpStream::connect_timeout(&address, timeout) {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                // Where a write stops short, the wait for the answer times out.
                let _ = stream.set_write_timeout(Some(timeout));
                return Ok(stream);
            }
            Err(error) => last = unreachable(&error),
        }
    }
    Err(last)
}

/// Carries bytes until something happened.
fn wait(mut stream: &TcpStream, connection: &mut Connection) -> Result<LinkEvent, LinkDown> {
    let mut scratch = vec![0; READ_BYTES];
    let broken = |error: std::io::Error| LinkDown::Closed { reason: error.to_string() };
    loop {
        if let Some(event) = connection.poll() {
            return Ok(event);
        }
        connection.transmit(&mut stream).map_err(broken)?;
        let left = connection.deadline().unwrap_or(Tick(u64::MAX)).since(clock::now());
        // A timeout of zero would mean to wait for ever.
        stream.set_read_timeout(Some(left.max(Duration::from_millis(1)))).map_err(broken)?;
        match stream.read(&mut scratch) {
            Ok(0) => connection.closed("end of file".to_owned()),
            Ok(count) => connection.receive(&scratch[..count]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                connection.on_deadline(clock::now());
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => connection.closed(error.to_string()),
        }
    }
}
