//! SASL PLAIN and SCRAM, the client's side: bytes in, bytes out.
//!
//! # Source
//! RFC 4616 (PLAIN), RFC 5802 and RFC 7677 (SCRAM). As Kafka does, texts are taken as they are, without SASLprep.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use hmac::{Hmac, KeyInit as _, Mac as _};
use ports::security::{Sasl, SaslMechanism, Secret};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

/// Fewer rounds than RFC 7677 demands would make the password cheap to guess for whoever reads the exchange.
const ROUNDS_MIN: u32 = 4_096;
/// More rounds (Kafka's own bound is 16 384) are refused: they would keep the thread busy instead of authenticating.
const ROUNDS_MAX: u32 = 100_000;
/// No channel binding.
const GS2_HEADER: &str = "n,,";
/// [`GS2_HEADER`] in base64.
const GS2_HEADER_BASE64: &str = "biws";

/// Random text, fresh for every exchange; only the shell makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonce(pub String);

/// The name under which Kafka knows a mechanism.
pub(crate) const fn mechanism_name(mechanism: SaslMechanism) -> &'static str {
    match mechanism {
        SaslMechanism::Plain => "PLAIN",
        SaslMechanism::ScramSha256 => "SCRAM-SHA-256",
        SaslMechanism::ScramSha512 => "SCRAM-SHA-512",
    }
}

/// What to do after the server's message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Answer with these bytes.
    Reply(Vec<u8>),
    /// Authenticated; with SCRAM the server has proved that it knows the password too.
    Done,
}

/// Why an exchange fails; no text here holds a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("the server's {0} makes no sense")]
    Malformed(&'static str),
    #[error("the server's nonce doesn't begin with ours")]
    ForeignNonce,
    #[error("{0} rounds of hashing are outside of {ROUNDS_MIN} to {ROUNDS_MAX}")]
    Rounds(u32),
    #[error("the server says {0}")]
    Server(String),
    #[error("the server doesn't know the password: its signature is wrong")]
    ServerSignature,
    #[error("the server goes on after the end")]
    Surplus,
}

/// An exchange under way.
pub(crate) struct Exchange {
    state: State,
}

enum State {
    /// PLAIN: everything is said at once.
    Plain,
    /// SCRAM: the first message was sent.
    First { hash: Hash, password: Secret, bare: String, nonce: String },
    /// SCRAM: the proof was sent, the server owes this signature.
    Final { signature: Vec<u8> },
    /// Nothing more may come.
    Ended,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.state {
            State::Plain => "Exchange(plain)",
            State::First { .. } => "Exchange(first)",
            State::Final { .. } => "Exchange(final)",
            State::Ended => "Exchange(ended)",
        })
    }
}

impl Exchange {
    /// Begins, with the message to send first.
    pub(crate) fn begin(sasl: &Sasl, nonce: Nonce) -> (Self, Vec<u8>) {
        let hash = match sasl.mechanism {
            SaslMechanism::Plain => return (Self { state: State::Plain }, plain(sasl)),
            SaslMechanism::ScramSha256 => Hash::Sha256,
            SaslMechanism::ScramSha512 => Hash::Sha512,
        };
        let name = sasl.username.replace('=', "=3D").replace(',', "=2C");
        let bare = format!("n={name},r={}", nonce.0);
        let message = format!("{GS2_HEADER}{bare}").into_bytes();
        (Self { state: State::First { hash, password: sasl.password.clone(), bare, nonce: nonce.0 } }, message)
    }

    /// Takes the server's next message.
    pub(crate) fn on_message(&mut self, message: &[u8]) -> Result<Step, Refusal> {
        match std::mem::replace(&mut self.state, State::Ended) {
            State::Plain => Ok(Step::Done),
            State::First { hash, password, bare, nonce } => {
                let (reply, signature) = prove(hash, &password, &bare, &nonce, message)?;
                self.state = State::Final { signature };
                Ok(Step::Reply(reply))
            }
            State::Final { signature } => verify(&signature, message).map(|()| Step::Done),
            State::Ended => Err(Refusal::Surplus),
        }
    }
}

fn plain(sasl: &Sasl) -> Vec<u8> {
    let mut message = vec![0];
    message.extend_from_slice(sasl.username.as_bytes());
    message.push(0);
    message.extend_from_slice(sasl.password.reveal().as_bytes());
    message
}

/// Answers the server's challenge, and says which signature the server then owes us.
fn prove(
    hash: Hash,
    password: &Secret,
    bare: &str,
    own_nonce: &str,
    challenge: &[u8],
) -> Result<(Vec<u8>, Vec<u8>), Refusal> {
    let challenge = std::str::from_utf8(challenge).map_err(|_| Refusal::Malformed("challenge"))?;
    let nonce = attribute(challenge, 'r').ok_or(Refusal::Malformed("nonce"))?;
    if !nonce.starts_with(own_nonce) {
        return Err(Refusal::ForeignNonce);
    }
    let salt = attribute(challenge, 's').and_then(|salt| BASE64.decode(salt).ok()).ok_or(Refusal::Malformed("salt"))?;
    let rounds = attribute(challenge, 'i').and_then(|rounds| rounds.parse().ok());
    let rounds: u32 = rounds.ok_or(Refusal::Malformed("number of rounds"))?;
    if !(ROUNDS_MIN..=ROUNDS_MAX).contains(&rounds) {
        return Err(Refusal::Rounds(rounds));
    }
    let without_proof = format!("c={GS2_HEADER_BASE64},r={nonce}");
    let signed = format!("{bare},{challenge},{without_proof}");
    let salted = hash.stretch(password.reveal().as_bytes(), &salt, rounds);
    let client_key = hash.mac(&salted, b"Client Key");
    let client_signature = hash.mac(&hash.digest(&client_key), signed.as_bytes());
    let proof: Vec<u8> = client_key.iter().zip(&client_signature).map(|(key, signature)| key ^ signature).collect();
    let server_signature = hash.mac(&hash.mac(&salted, b"Server Key"), signed.as_bytes());
    Ok((format!("{without_proof},p={}", BASE64.encode(proof)).into_bytes(), server_signature))
}

/// Checks that the server knows the password too; in constant time, so that nothing is learnt from how long it takes.
fn verify(expected: &[u8], message: &[u8]) -> Result<(), Refusal> {
    let message = std::str::from_utf8(message).map_err(|_| Refusal::Malformed("last message"))?;
    if let Some(error) = attribute(message, 'e') {
        return Err(Refusal::Server(error.to_owned()));
    }
    let signature = attribute(message, 'v').and_then(|signature| BASE64.decode(signature).ok());
    let signature = signature.ok_or(Refusal::Malformed("signature"))?;
    if bool::from(signature.as_slice().ct_eq(expected)) { Ok(()) } else { Err(Refusal::ServerSignature) }
}

/// The value of `name=value` in a list with commas between.
fn attribute(message: &str, name: char) -> Option<&str> {
    message.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('='))
}

#[derive(Debug, Clone, Copy)]
enum Hash {
    Sha256,
    Sha512,
}

impl Hash {
    fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(bytes).to_vec(),
            Self::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    fn mac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => hmac::<Sha256>(key, bytes),
            Self::Sha512 => hmac::<Sha512>(key, bytes),
        }
    }

    /// PBKDF2.
    fn stretch(self, password: &[u8], salt: &[u8], rounds: u32) -> Vec<u8> {
        match self {
            Self::Sha256 => pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(password, salt, rounds).to_vec(),
            Self::Sha512 => pbkdf2::pbkdf2_hmac_array::<Sha512, 64>(password, salt, rounds).to_vec(),
        }
    }
}

fn hmac<D: hmac::EagerHash>(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length.
    Hmac::<D>::new_from_slice(key)
        .map(|mac| mac.chain_update(bytes).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

#[cfg(test)]
#[path = "sasl_tests.rs"]
mod tests;
