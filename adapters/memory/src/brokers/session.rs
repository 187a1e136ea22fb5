//! The broker's end of one connection: frames in, frames out, one request at a time.

use std::collections::VecDeque;

use bytes::{Buf as _, Bytes, BytesMut};
use types::Tick;

use super::answers;
use super::cluster::{Cluster, NodeId, PartitionId};
use super::frames::{self, Asked};
use super::serve::{Outcome, Wait};

/// The broker's end of one connection.
#[derive(Debug)]
pub struct Session {
    node: NodeId,
    received: BytesMut,
    queue: VecDeque<Asked>,
    /// The request that is being served and can't be answered yet.
    waiting: Option<(Asked, Wait)>,
}

impl Session {
    /// A fresh connection to a broker.
    #[must_use]
    pub fn new(node: NodeId) -> Self {
        Self { node, received: BytesMut::new(), queue: VecDeque::new(), waiting: None }
    }

    /// Which broker.
    #[must_use]
    pub const fn node(&self) -> NodeId {
        self.node
    }

    /// Takes bytes that the client sent; false when they make no sense and the connection is to be closed.
    pub fn receive(&mut self, bytes: &[u8]) -> bool {
        self.received.extend_from_slice(bytes);
        while let Some(length) = self.received.first_chunk::<4>() {
            let Ok(length) = usize::try_from(i32::from_be_bytes(*length)) else { return false };
            if self.received.len() < 4 + length {
                return true;
            }
            self.received.advance(4);
            let Some(asked) = frames::read(self.received.split_to(length).freeze()) else { return false };
            self.queue.push_back(asked);
        }
        true
    }

    /// Serves whatever can be served now: the answers, in order.
    pub fn advance(&mut self, cluster: &mut Cluster, now: Tick) -> Vec<Bytes> {
        let mut answers = Vec::new();
        loop {
            if let Some((asked, wait)) = self.waiting.take() {
                match cluster.revisit(self.node, &wait, now) {
                    Some(response) => answers.extend(answers::write(&asked, &response)),
                    None => {
                        self.waiting = Some((asked, wait));
                        return answers;
                    }
                }
            }
            let Some(asked) = self.queue.pop_front() else { return answers };
            let Some(request) = &asked.request else {
                answers.extend(answers::api_versions(&asked, cluster.settings().versions));
                continue;
            };
            match cluster.serve(self.node, request, now) {
                Outcome::Now(response) => answers.extend(answers::write(&asked, &response)),
                Outcome::Later(wait) => self.waiting = Some((asked, wait)),
            }
        }
    }

    /// In which partition an answer waits, and until when at the latest.
    #[must_use]
    pub fn waits(&self) -> Option<(PartitionId, Tick)> {
        self.waiting.as_ref().map(|(_, wait)| (wait.partition, wait.until))
    }
}
