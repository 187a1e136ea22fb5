//! A snapshot from a peer, when it has a newer one than the own disk.

use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use ports::security::Secret;
use tracing::{info, warn};
use types::Offset;

use super::offer::{NONCE, Offer, PART_BYTES_MAX, PROOF, Question};
use super::{Bounds, Report, Shelf};
use crate::clock;

/// How long a peer is given for one answer; the next peer is asked then.
const ANSWER_PATIENCE: Duration = Duration::from_secs(10);
/// How long a peer may take to be reached.
const CONNECT_PATIENCE: Duration = Duration::from_secs(1);
/// Bytes of a list of offers at most.
const LIST_BYTES_MAX: u64 = 1 << 16;

/// Whom to ask, and how.
#[derive(Debug, Clone)]
pub(crate) struct Peers {
    /// HTTP addresses of the other members.
    pub(crate) addresses: Vec<String>,
    /// `<label>.<project>.<generation>`.
    pub(crate) cluster: String,
    /// What members share; without one, only peers on loopback offer anything.
    pub(crate) secret: Option<Secret>,
}

/// An answer whose proof fits.
struct Answer {
    body: Vec<u8>,
}

impl Peers {
    /// Puts the newest snapshot that a peer offers onto the shelf, if it is newer than all that lie there.
    ///
    /// What has come so far stays when a peer goes away: replicas' snapshots at one offset are equal, so another peer, or the
    /// same one after the next start, gives the rest.
    pub(crate) fn fetch_newer(&self, shelf: &Shelf, bounds: &Bounds, report: &Report) {
        let own = shelf.list().ok().and_then(|kept| kept.first().map(|kept| kept.next));
        let mut offers: Vec<(Offer, &str)> = self.addresses.iter().flat_map(|address| self.offers(address)).collect();
        offers.retain(|(offer, _)| Some(Offset(offer.next)) > own && offer.bytes <= bounds.size_max);
        offers.sort_by_key(|(offer, _)| std::cmp::Reverse(offer.next));
        for (offer, address) in offers {
            match self.fetch(address, offer, shelf, report) {
                Ok(()) => {
                    info!(peer = address, offset = offer.next, bytes = offer.bytes, "snapshot fetched from a peer");
                    return;
                }
                Err(error) => {
                    let error = format!("{error:#}");
                    warn!(error, peer = address, offset = offer.next, "a peer's snapshot didn't come; asking on");
                }
            }
        }
    }

    fn offers<'a>(&self, address: &'a str) -> Vec<(Offer, &'a str)> {
        let asked = self.ask(address, "/snapshots".to_owned(), 0, LIST_BYTES_MAX);
        let offers = asked.and_then(|answer| Ok(serde_json::from_slice::<Vec<Offer>>(&answer.body)?));
        match offers {
            Ok(offers) => offers.into_iter().map(|offer| (offer, address)).collect(),
            Err(error) => {
                info!(error = format!("{error:#}"), peer = address, "a peer offers no snapshots");
                Vec::new()
            }
        }
    }

    fn fetch(&self, address: &str, offer: Offer, shelf: &Shelf, report: &Report) -> anyhow::Result<()> {
        let mut draft = shelf.resume(Offset(offer.next)).context("making a file for it")?;
        while draft.bytes() < offer.bytes {
            report.fetching(draft.bytes(), offer.bytes);
            let answer = self.ask(address, format!("/snapshots/{}", offer.next), draft.bytes(), PART_BYTES_MAX)?;
            ensure!(!answer.body.is_empty(), "it ends at byte {} of {}", draft.bytes(), offer.bytes);
            draft.write(&answer.body, offer.bytes)?;
        }
        report.fetching(offer.bytes, offer.bytes);
        shelf.seal(draft).context("keeping it")?;
        Ok(())
    }

    fn ask(&self, address: &str, path: String, from: u64, bytes_max: u64) -> anyhow::Result<Answer> {
        let nonce = format!("{:x}.{:x}", clock::wall_micros(), clock::now().0);
        let question = Question { cluster: self.cluster.clone(), path, from, nonce };
        let secret = self.secret.as_ref();
        let mut request = agent()
            .get(format!("http://{address}{}", question.path))
            .header("range", format!("bytes={from}-"))
            .header(NONCE, &question.nonce);
        if let Some(proof) = question.proof(secret) {
            request = request.header(PROOF, proof);
        }
        let mut answer = request.call()?;
        if !answer.status().is_success() {
            bail!("it answers {}", answer.status());
        }
        let shown = answer.headers().get(PROOF).and_then(|proof| proof.to_str().ok()).map(str::to_owned);
        // The client refuses a body that fills its limit, for it can't know that it ends there.
        let body = answer.body_mut().with_config().limit(bytes_max + 1).read_to_vec()?;
        ensure!(
            question.is_answered(secret, &body, shown.as_deref()),
            "its answer isn't proven by the members' secret"
        );
        Ok(Answer { body })
    }
}

fn agent() -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(CONNECT_PATIENCE))
        .timeout_global(Some(ANSWER_PATIENCE))
        .http_status_as_error(false);
    config.build().into()
}
