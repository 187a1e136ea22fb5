//! What replicas say to each other about snapshots: the words, and how they are proven.
//!
//! A replica asks `GET /snapshots` for what a peer has, then `GET /snapshots/<offset>` with `Range: bytes=<from>-`, part by part.
//! Where members share a secret, each question carries a nonce and a proof, and each answer a proof over the nonce and its
//! bytes: nobody else can ask, and nobody can put other bytes in. The bytes themselves are not encrypted, as the topics'
//! are not without TLS.

use adapter_peer::{is_proof_of, proof_of};
use ports::security::Secret;
use serde::{Deserialize, Serialize};

/// Header of a question: says which answer belongs to it.
pub(crate) const NONCE: &str = "understudy-nonce";
/// Header of a question and of its answer.
pub(crate) const PROOF: &str = "understudy-proof";
/// Bytes of one answer at most; both sides hold one in memory.
pub(crate) const PART_BYTES_MAX: u64 = 4 << 20;

const ASKED: &str = "understudy-snapshot asked";
const ANSWERED: &str = "understudy-snapshot answered";

/// A snapshot that a replica offers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Offer {
    /// Where input goes on after it.
    pub(crate) next: u64,
    /// Its size.
    pub(crate) bytes: u64,
}

/// One question: of which cluster, what, from which byte on.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) cluster: String,
    pub(crate) path: String,
    pub(crate) from: u64,
    pub(crate) nonce: String,
}

impl Question {
    /// Who asks knows the secret; nothing to show where there is none.
    pub(crate) fn proof(&self, secret: Option<&Secret>) -> Option<String> {
        secret.map(|secret| proof_of(secret, ASKED, &self.parts(&self.from.to_be_bytes(), &[])))
    }

    /// Whether the question was asked by somebody who knows the secret.
    pub(crate) fn is_proven(&self, secret: Option<&Secret>, shown: Option<&str>) -> bool {
        let Some(secret) = secret else { return true };
        shown.is_some_and(|shown| is_proof_of(secret, ASKED, &self.parts(&self.from.to_be_bytes(), &[]), shown))
    }

    /// What is shown with the answer.
    pub(crate) fn answer_proof(&self, secret: Option<&Secret>, body: &[u8]) -> Option<String> {
        secret.map(|secret| proof_of(secret, ANSWERED, &self.parts(&self.from.to_be_bytes(), body)))
    }

    /// Whether the answer belongs to this question and comes from somebody who knows the secret.
    pub(crate) fn is_answered(&self, secret: Option<&Secret>, body: &[u8], shown: Option<&str>) -> bool {
        let Some(secret) = secret else { return true };
        shown.is_some_and(|shown| is_proof_of(secret, ANSWERED, &self.parts(&self.from.to_be_bytes(), body), shown))
    }

    fn parts<'a>(&'a self, from: &'a [u8; 8], body: &'a [u8]) -> [&'a [u8]; 5] {
        [self.cluster.as_bytes(), self.path.as_bytes(), from, self.nonce.as_bytes(), body]
    }
}
