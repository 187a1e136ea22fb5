//! One connection, either side: frames out with a bound, frames in, and what both sides share.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::frame::{FrameError, FrameReader, framed};
use crate::link::LinkEvent;
use crate::wire::Refusal;
use crate::{Config, PeerFact, PeerStatus};

/// From connect to proof; a side that takes longer is hung up on. Below it a frozen peer holds one dial.
pub(crate) const HANDSHAKE_MAX: Duration = Duration::from_secs(1);
/// One frame into a connection whose other end doesn't read; then it is closed.
const WRITE_MAX: Duration = Duration::from_secs(1);

/// What connections tell the one task that decides.
#[derive(Debug)]
pub(crate) enum News {
    /// Of the link to a member.
    Link { member: types::MemberName, event: LinkEvent },
    /// A peer has called and proved itself.
    Caller(ports::coordinator::Candidate),
    /// Something to pass on as it is.
    Fact(PeerFact),
}

/// What every connection has at hand.
#[derive(Debug, Clone)]
pub(crate) struct Common {
    pub(crate) config: Arc<Config>,
    /// Where we are reached.
    pub(crate) peer: Arc<str>,
    pub(crate) status: watch::Receiver<PeerStatus>,
    pub(crate) news: mpsc::Sender<News>,
    pub(crate) refused: Arc<AtomicU64>,
}

impl Common {
    /// Tells; the receiver is only gone when everything stops.
    pub(crate) async fn tell(&self, news: News) {
        let _ = self.news.send(news).await;
    }

    /// Tells facts as they are.
    pub(crate) async fn tell_all(&self, facts: impl IntoIterator<Item = PeerFact>) {
        for fact in facts {
            self.tell(News::Fact(fact)).await;
        }
    }

    pub(crate) fn count_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why a conversation ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConversationError {
    /// The connection is over or speaks no frames.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The other side doesn't read.
    #[error("the other side does not read")]
    Stuck,
    /// The other side refuses us.
    #[error("refused: {0}")]
    RefusedByThem(Refusal),
    /// We refuse the other side.
    #[error("refused here: {0}")]
    RefusedByUs(Refusal),
    /// A frame that has no place there.
    #[error("not a frame of the peer protocol")]
    Foreign,
    /// The system gives no nonce.
    #[error("no random number for the handshake")]
    NoNonce(#[source] std::io::Error),
}

/// Frames in and out of one connection.
pub(crate) struct Conversation {
    pub(crate) reader: FrameReader<OwnedReadHalf>,
    pub(crate) writer: Writer,
}

impl Conversation {
    pub(crate) fn new(stream: TcpStream) -> Self {
        // Heartbeats and messages are small and awaited. A socket that can't be set is about to fail anyway.
        let _ = stream.set_nodelay(true);
        let (reader, writer) = stream.into_split();
        Self { reader: FrameReader::new(reader), writer: Writer(writer) }
    }
}

/// The writing half.
pub(crate) struct Writer(OwnedWriteHalf);

impl Writer {
    /// Sends one frame; not safe to cancel, so it is awaited outside of any choice.
    pub(crate) async fn send(&mut self, contents: &impl Serialize) -> Result<(), ConversationError> {
        let json = serde_json::to_vec(contents).map_err(|_| ConversationError::Foreign)?;
        match timeout(WRITE_MAX, self.0.write_all(&framed(&json))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(FrameError::Ended(Some(error)).into()),
            Err(_) => Err(ConversationError::Stuck),
        }
    }
}
