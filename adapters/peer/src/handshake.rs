//! Who speaks: hello, answer, proof. Pure but for the nonce.
//!
//! The caller says hello with a nonce; the called answers with its own hello, its nonce, and a proof over both; the caller
//! proves itself in turn. A proof covers both nonces, both names and starts, and the side it is given from, so that none
//! fits another conversation, another pair, or the other direction.

use std::cmp::Ordering;
use std::io::Read;

use hmac::{Hmac, KeyInit, Mac};
use ports::security::Secret;
use sha2::Sha256;
use subtle::ConstantTimeEq;
use types::Incarnation;

use crate::wire::{Hello, Refusal, VERSION, Versioned};
use crate::{Config, PeerFact};

/// Of a nonce, before it is written in hexadecimal.
const NONCE_BYTES: usize = 32;

/// Which side of a conversation gives a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    /// Who dialed.
    Caller,
    /// Who was dialed.
    Called,
}

/// Our own hello; `peer` is where we are reached.
pub(crate) fn hello(config: &Config, peer: &str, nonce: String) -> Hello {
    Hello {
        understudy_peer: VERSION,
        cluster: config.cluster.clone(),
        member: config.member.as_str().to_owned(),
        incarnation: config.incarnation.0,
        peer: peer.to_owned(),
        nonce,
        proof: None,
    }
}

/// A number nobody can guess, from the system.
pub(crate) fn nonce() -> std::io::Result<String> {
    let mut bytes = [0; NONCE_BYTES];
    std::fs::File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(hex(&bytes))
}

/// Reads a first frame; `None` when it is no hello at all.
pub(crate) fn read_hello(bytes: &[u8]) -> Option<Result<Hello, Refusal>> {
    let Versioned { understudy_peer: theirs } = serde_json::from_slice(bytes).ok()?;
    if theirs != VERSION {
        return Some(Err(Refusal::Version { ours: VERSION, theirs }));
    }
    serde_json::from_slice(bytes).ok().map(Ok)
}

/// Whether a hello is of this cluster.
pub(crate) fn check_cluster(config: &Config, hello: &Hello) -> Result<(), Refusal> {
    if hello.cluster == config.cluster { Ok(()) } else { Err(Refusal::Cluster { ours: config.cluster.clone() }) }
}

/// Whether a hello that has been proven bears our own name; the refusal, and what it means here (nothing when it is this very
/// process, met through its own address). Who started later is in the wrong.
pub(crate) fn namesake(config: &Config, peer: &str, proven: &Hello) -> Option<(Refusal, Option<PeerFact>)> {
    if proven.member != config.member.as_str() {
        return None;
    }
    let (theirs, ours) = (Incarnation(proven.incarnation), config.incarnation);
    let (incarnation, at) = (theirs, proven.peer.clone());
    let fact = match theirs.cmp(&ours) {
        Ordering::Less => Some(PeerFact::NameTaken { incarnation, peer: at }),
        Ordering::Equal => None,
        Ordering::Greater => Some(PeerFact::Superseded { incarnation, peer: at }),
    };
    Some((Refusal::Name { incarnation: ours.0, peer: peer.to_owned() }, fact))
}

/// What `side` shows in this conversation; nothing where there is no secret.
pub(crate) fn proof(secret: Option<&Secret>, side: Side, caller: &Hello, called: &Hello) -> Option<String> {
    secret.map(|secret| hex(&signature(secret, side, caller, called)))
}

/// Whether `side` has shown what it must; without a secret everything will do.
pub(crate) fn is_proven(
    secret: Option<&Secret>,
    side: Side,
    caller: &Hello,
    called: &Hello,
    shown: Option<&str>,
) -> bool {
    let Some(expected) = proof(secret, side, caller, called) else { return true };
    shown.is_some_and(|shown| bool::from(shown.as_bytes().ct_eq(expected.as_bytes())))
}

fn signature(secret: &Secret, side: Side, caller: &Hello, called: &Hello) -> [u8; 32] {
    let label: &[u8] = match side {
        Side::Caller => b"understudy-peer caller",
        Side::Called => b"understudy-peer called",
    };
    // Any key length is allowed, so this never fails; an empty MAC would be refused by the other side anyway.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else { return [0; 32] };
    part(&mut mac, label);
    for hello in [caller, called] {
        part(&mut mac, &hello.understudy_peer.to_be_bytes());
        part(&mut mac, hello.cluster.as_bytes());
        part(&mut mac, hello.member.as_bytes());
        part(&mut mac, &hello.incarnation.to_be_bytes());
        part(&mut mac, hello.peer.as_bytes());
        part(&mut mac, hello.nonce.as_bytes());
    }
    mac.finalize().into_bytes().into()
}

/// Each part with its length, so that no two conversations have the same text.
pub(crate) fn part(mac: &mut Hmac<Sha256>, bytes: &[u8]) {
    mac.update(&(bytes.len() as u64).to_be_bytes());
    mac.update(bytes);
}

/// As text.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello(member: &str, nonce: &str) -> Hello {
        Hello {
            understudy_peer: VERSION,
            cluster: "c".to_owned(),
            member: member.to_owned(),
            incarnation: 1,
            peer: "p:1".to_owned(),
            nonce: nonce.to_owned(),
            proof: None,
        }
    }

    #[test]
    fn a_proof_fits_one_secret_side_pair_and_conversation() {
        let (secret, other) = (Secret::new("s".to_owned()), Secret::new("t".to_owned()));
        let (a, b) = (hello("a", "1"), hello("b", "2"));
        let shown = proof(Some(&secret), Side::Caller, &a, &b);
        let fits = |secret: &Secret, side, caller: &Hello, called: &Hello| {
            is_proven(Some(secret), side, caller, called, shown.as_deref())
        };
        assert!(fits(&secret, Side::Caller, &a, &b));
        assert!(!fits(&other, Side::Caller, &a, &b));
        assert!(!fits(&secret, Side::Called, &a, &b), "reflected");
        assert!(!fits(&secret, Side::Caller, &b, &a), "turned around");
        assert!(!fits(&secret, Side::Caller, &hello("a", "3"), &b), "replayed");
        assert!(!fits(&secret, Side::Caller, &hello("c", "1"), &b), "in another's name");
        assert!(!is_proven(Some(&secret), Side::Caller, &a, &b, None), "not shown");
        assert!(is_proven(None, Side::Caller, &a, &b, None), "no secret, nothing to show");
    }

    #[test]
    fn an_unknown_version_is_refused_by_name_and_garbage_is_no_hello() {
        let newer = br#"{"understudy_peer":9,"greeting":"hi"}"#;
        assert_eq!(read_hello(newer), Some(Err(Refusal::Version { ours: VERSION, theirs: 9 })));
        for garbage in [&b""[..], b"{}", b"\xff\xfe", b"[1]", br#"{"understudy_peer":1}"#] {
            assert_eq!(read_hello(garbage), None);
        }
    }

    #[test]
    fn nonces_differ() {
        assert_ne!(nonce().unwrap(), nonce().unwrap());
        assert_eq!(nonce().unwrap().len(), NONCE_BYTES * 2);
    }
}
