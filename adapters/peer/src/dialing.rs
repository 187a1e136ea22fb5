//! The calling side: connect, hello, then heartbeats in and messages out.

use std::io::{Error as IoError, ErrorKind};
use std::net::SocketAddr;

use ports::coordinator::HostPort;
use tokio::net::{TcpStream, lookup_host};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tracing::{debug, warn};
use types::{Incarnation, MemberName};

use crate::PeerMessage;
use crate::conversation::{Common, Conversation, ConversationError, HANDSHAKE_MAX, News};
use crate::frame::FrameError;
use crate::handshake::{Side, check_cluster, hello, is_proven, namesake, nonce, proof, read_hello};
use crate::link::{DialFailure, LinkEvent};
use crate::wire::{Frame, Hello, Refusal};

/// One dial.
pub(crate) struct Dial {
    pub(crate) common: Common,
    pub(crate) member: MemberName,
    pub(crate) attempt: u64,
    pub(crate) peer: String,
    pub(crate) outbox: mpsc::Receiver<PeerMessage>,
}

impl Dial {
    /// Lives as long as the connection and tells how it went.
    pub(crate) async fn run(mut self) {
        let attempt = self.attempt;
        match timeout(HANDSHAKE_MAX, self.open()).await {
            Ok(Ok((mut conversation, incarnation))) => {
                self.tell(LinkEvent::Opened { attempt, incarnation }).await;
                if let Err(error) = self.converse(&mut conversation).await {
                    debug!(%error, member = %self.member, "the link to a peer ended");
                }
                self.tell(LinkEvent::Closed { attempt }).await;
            }
            Ok(Err(how)) => self.tell(LinkEvent::Failed { attempt, how }).await,
            Err(_) => self.tell(LinkEvent::Failed { attempt, how: DialFailure::Unreachable }).await,
        }
    }

    async fn tell(&self, event: LinkEvent) {
        self.common.tell(News::Link { member: self.member.clone(), event }).await;
    }

    async fn open(&self) -> Result<(Conversation, Incarnation), DialFailure> {
        let stream = self.connect().await?;
        let mut conversation = Conversation::new(stream);
        match self.introduce(&mut conversation).await {
            Ok(incarnation) => Ok((conversation, incarnation)),
            Err(ConversationError::Frame(FrameError::Ended(_))) => Err(DialFailure::Cut),
            Err(error) => Err(self.rejected(&error)),
        }
    }

    async fn connect(&self) -> Result<TcpStream, DialFailure> {
        let addresses = self.addresses().await?;
        let mut refused = true;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(stream) if is_loop(&stream) => (),
                Ok(stream) => return Ok(stream),
                Err(error) => refused &= error.kind() == ErrorKind::ConnectionRefused,
            }
        }
        Err(if refused { DialFailure::Refused } else { DialFailure::Unreachable })
    }

    /// Where the peer may be; without a secret only what can't leave the host.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, DialFailure> {
        let target = HostPort::parse(&self.peer).ok_or_else(|| IoError::from(ErrorKind::InvalidInput));
        let found = match target {
            Ok(HostPort { host, port }) => lookup_host((host.as_str(), port)).await.map(Vec::from_iter),
            Err(error) => Err(error),
        };
        let addresses = match found {
            Ok(addresses) if !addresses.is_empty() => addresses,
            Ok(_) | Err(_) => {
                debug!(member = %self.member, peer = self.peer, "a peer's address has no network address");
                return Err(DialFailure::Unreachable);
            }
        };
        if self.common.config.secret.is_none() && addresses.iter().any(|address| !address.ip().is_loopback()) {
            warn!(member = %self.member, peer = self.peer, "a peer outside loopback is not called without --peer-secret-file");
            return Err(DialFailure::Rejected);
        }
        Ok(addresses)
    }

    async fn introduce(&self, conversation: &mut Conversation) -> Result<Incarnation, ConversationError> {
        let Common { config, peer, .. } = &self.common;
        let secret = config.secret.as_ref();
        let ours = hello(config, peer, nonce().map_err(ConversationError::NoNonce)?);
        conversation.writer.send(&ours).await?;
        let theirs = answer(conversation.reader.next().await?)?;
        check_cluster(config, &theirs).map_err(ConversationError::RefusedByUs)?;
        if !is_proven(secret, Side::Called, &ours, &theirs, theirs.proof.as_deref()) {
            return Err(ConversationError::RefusedByUs(Refusal::Secret));
        }
        let proof = proof(secret, Side::Caller, &ours, &theirs);
        conversation.writer.send(&Frame::Proof { proof }).await?;
        if let Some((refusal, fact)) = namesake(config, peer, &theirs) {
            self.common.tell_all(fact).await;
            return Err(ConversationError::RefusedByUs(refusal));
        }
        if theirs.member != self.member.as_str() {
            return Err(ConversationError::Foreign);
        }
        Ok(Incarnation(theirs.incarnation))
    }

    /// Somebody answered who isn't this peer.
    fn rejected(&self, error: &ConversationError) -> DialFailure {
        warn!(%error, member = %self.member, peer = self.peer, "who answers at a peer's address is not that peer");
        self.common.count_refused();
        DialFailure::Rejected
    }

    async fn converse(&mut self, conversation: &mut Conversation) -> Result<(), ConversationError> {
        loop {
            tokio::select! {
                frame = conversation.reader.next() => match serde_json::from_slice(frame?) {
                    Ok(Frame::Beat(beat)) => {
                        let (attempt, status) = (self.attempt, beat.into());
                        self.tell(LinkEvent::Heard { attempt, status }).await;
                    }
                    Ok(Frame::Refusal(refusal)) => return Err(ConversationError::RefusedByThem(refusal)),
                    Ok(Frame::Proof { .. } | Frame::HandOver { .. } | Frame::StepAside { .. } | Frame::Switchover { .. })
                    | Err(_) => return Err(ConversationError::Foreign),
                },
                // The other end of the outbox is dropped together with this task.
                Some(message) = self.outbox.recv() => conversation.writer.send(&Frame::from(message)).await?,
            }
        }
    }
}

/// The first frame of the called: its hello, or why there is none.
fn answer(bytes: &[u8]) -> Result<Hello, ConversationError> {
    if let Ok(Frame::Refusal(refusal)) = serde_json::from_slice(bytes) {
        return Err(ConversationError::RefusedByThem(refusal));
    }
    match read_hello(bytes) {
        Some(hello) => hello.map_err(ConversationError::RefusedByUs),
        None => Err(ConversationError::Foreign),
    }
}

/// A dial to a port nobody listens at can be given that very port as its own, and then meets itself.
fn is_loop(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(near), Ok(far)) if near == far)
}
