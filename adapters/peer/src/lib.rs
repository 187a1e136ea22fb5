//! Links between replicas: hello, heartbeats, end of file.
//!
//! Every replica listens, and dials each other one. Who dials is who wants to know: over a dialed link the other side's
//! heartbeats come in and own messages go out, so each verdict rests on one connection and nobody has to agree which of two
//! connections counts. `link` and `detector` decide (pure), the rest carries bytes.
//!
//! A verdict is a hint. A link proves who speaks when it is made (challenge and response), it does not encrypt; forged
//! news could cost an election, never a wrong output, since the log decides what is true.

mod config;
mod conversation;
mod detector;
mod dialing;
mod error;
mod fact;
mod frame;
mod handshake;
mod link;
mod links;
mod listening;
mod proof;
mod wire;

pub use config::{Config, HEARTBEAT_INTERVAL, NAME_BYTES_MAX};
pub use detector::{SILENCE_CEILING, SILENCE_FLOOR};
pub use error::Error;
pub use fact::{Evidence, OutputStatus, PeerFact, PeerMessage, PeerRole, PeerStatus};
pub use frame::FRAME_BYTES_MAX;
pub use links::{MEMBERS_MAX, MESSAGES_MAX, PeerLinks};
pub use listening::INBOUND_MAX;
pub use proof::{is_proof_of, proof_of};
pub use wire::OUTPUTS_MAX;
