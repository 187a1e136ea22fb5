//! Proofs that somebody who knows the members' secret said something, for conversations other than the links'.

use hmac::{Hmac, KeyInit, Mac};
use ports::security::Secret;
use sha2::Sha256;
use subtle::ConstantTimeEq;

use crate::handshake::{hex, part};

/// HMAC-SHA256 over a label and parts, each with its length, in hex. A label belongs to one kind of saying only, so that no
/// proof fits another one.
#[must_use]
pub fn proof_of(secret: &Secret, label: &str, parts: &[&[u8]]) -> String {
    // Any key length is allowed, so this never fails; an empty proof is nobody's.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.reveal().as_bytes()) else { return String::new() };
    part(&mut mac, label.as_bytes());
    parts.iter().for_each(|bytes| part(&mut mac, bytes));
    hex(&mac.finalize().into_bytes())
}

/// Whether `shown` is [`proof_of`] these; takes as long for a wrong one as for the right one.
#[must_use]
pub fn is_proof_of(secret: &Secret, label: &str, parts: &[&[u8]], shown: &str) -> bool {
    let expected = proof_of(secret, label, parts);
    !expected.is_empty() && bool::from(shown.as_bytes().ct_eq(expected.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_fits_one_secret_one_label_and_one_list_of_parts() {
        let secret = Secret::new("s".to_owned());
        let shown = proof_of(&secret, "label", &[b"ab", b"c"]);
        assert!(is_proof_of(&secret, "label", &[b"ab", b"c"], &shown));
        assert!(!is_proof_of(&secret, "label", &[b"a", b"bc"], &shown));
        assert!(!is_proof_of(&secret, "other", &[b"ab", b"c"], &shown));
        assert!(!is_proof_of(&Secret::new("t".to_owned()), "label", &[b"ab", b"c"], &shown));
        assert!(!is_proof_of(&secret, "label", &[b"ab", b"c"], ""));
    }
}
