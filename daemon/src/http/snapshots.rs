//! Snapshots for peers: what is on the shelf, and its bytes, part by part.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use ports::security::Secret;
use types::Offset;

use crate::snapshot::{NONCE, Offer, PART_BYTES_MAX, PROOF, Question, Shelf};

/// What is offered, and to whom.
#[derive(Debug, Clone)]
pub(crate) struct Offers {
    /// What lies there.
    pub(crate) shelf: Shelf,
    /// `<label>.<project>.<generation>`.
    pub(crate) cluster: String,
    /// What members share.
    pub(crate) secret: Option<Secret>,
}

pub(super) fn router(offers: Offers) -> Router {
    Router::new().route("/snapshots", get(list)).route("/snapshots/{next}", get(part)).with_state(Arc::new(offers))
}

async fn list(State(offers): State<Arc<Offers>>, headers: HeaderMap) -> Response {
    answer(offers, "/snapshots".to_owned(), headers, |shelf, _| {
        let kept = shelf.list()?;
        let offers: Vec<_> = kept.iter().map(|kept| Offer { next: kept.next.0, bytes: kept.bytes }).collect();
        Ok(serde_json::to_vec(&offers)?)
    })
    .await
}

async fn part(State(offers): State<Arc<Offers>>, Path(next): Path<u64>, headers: HeaderMap) -> Response {
    answer(offers, format!("/snapshots/{next}"), headers, move |shelf, from| {
        let kept = shelf.list()?.into_iter().find(|kept| kept.next == Offset(next));
        let mut file = File::open(kept.ok_or(io::ErrorKind::NotFound)?.path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut body = Vec::new();
        file.take(PART_BYTES_MAX).read_to_end(&mut body)?;
        Ok(body)
    })
    .await
}

/// Answers who may ask; reading the disk doesn't hold up other questions.
async fn answer(
    offers: Arc<Offers>,
    path: String,
    headers: HeaderMap,
    read: impl FnOnce(&Shelf, u64) -> io::Result<Vec<u8>> + Send + 'static,
) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let range = text(header::RANGE.as_str());
    let from = range.as_deref().and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let (from, nonce) = (from.unwrap_or(0), text(NONCE).unwrap_or_default());
    let question = Question { cluster: offers.cluster.clone(), path, from, nonce };
    if !question.is_proven(offers.secret.as_ref(), text(PROOF).as_deref()) {
        return (StatusCode::UNAUTHORIZED, "prove that you know this cluster's peer secret\n").into_response();
    }
    let shelf = offers.shelf.clone();
    match tokio::task::spawn_blocking(move || read(&shelf, from)).await {
        Ok(Ok(body)) => {
            let status = if from > 0 { StatusCode::PARTIAL_CONTENT } else { StatusCode::OK };
            let proof = question.answer_proof(offers.secret.as_ref(), &body).unwrap_or_default();
            (status, [(PROOF, proof)], body).into_response()
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::NotFound => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Duration;

    use types::Generation;

    use super::*;
    use crate::snapshot::{Bounds, Peers, Report};

    const BOUNDS: Bounds = Bounds { interval: Duration::ZERO, keep: 3, size_max: 1 << 30 };

    fn shelf(folder: &std::path::Path) -> Shelf {
        Shelf::open(folder, "c", Generation(1), 3).expect("a temporary folder")
    }

    fn put(shelf: &Shelf, next: u64, bytes: &[u8]) {
        let mut draft = shelf.begin(Offset(next)).expect("a draft");
        draft.write(bytes, u64::MAX).expect("a disk with room");
        shelf.seal(draft).expect("a snapshot");
    }

    fn secret(text: &str) -> Option<Secret> {
        Some(Secret::new(text.to_owned()))
    }

    /// Serves a shelf until the test's process ends.
    fn serve(shelf: Shelf, secret: Option<Secret>) -> SocketAddr {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("a bound socket");
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let offers = Offers { shelf, cluster: "c.1".to_owned(), secret };
                axum::serve(listener, router(offers)).await.expect("a server");
            });
        });
        address
    }

    fn peers(addresses: &[SocketAddr], secret: Option<Secret>) -> Peers {
        let addresses = addresses.iter().map(ToString::to_string).collect();
        Peers { addresses, cluster: "c.1".to_owned(), secret }
    }

    fn bytes_of(shelf: &Shelf) -> Vec<(u64, Vec<u8>)> {
        let kept = shelf.list().expect("a list");
        kept.iter().map(|kept| (kept.next.0, std::fs::read(&kept.path).expect("a file"))).collect()
    }

    #[test]
    fn a_newer_snapshot_comes_from_a_peer_and_an_older_one_stays_there() {
        let (theirs, ours) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (theirs, ours) = (shelf(theirs.path()), shelf(ours.path()));
        let large: Vec<u8> = (0..10 << 20).map(|i: u32| (i % 251) as u8).collect();
        put(&theirs, 10, b"old");
        put(&theirs, 500, &large);
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address");
        let address = serve(theirs, secret("s"));
        let report = Report::default();
        peers(&[nobody, address], secret("s")).fetch_newer(&ours, &BOUNDS, &report);
        assert!(bytes_of(&ours) == [(500, large)]);
        put(&ours, 600, b"newest");
        peers(&[address], secret("s")).fetch_newer(&ours, &BOUNDS, &report);
        assert_eq!(ours.list().expect("a list").len(), 2);
    }

    #[test]
    fn what_has_come_already_is_not_asked_for_again() {
        let (theirs, ours) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (theirs, ours) = (shelf(theirs.path()), shelf(ours.path()));
        put(&theirs, 500, b"the whole of it");
        let mut begun = ours.resume(Offset(500)).expect("a draft");
        // Other bytes than the peer's show where the peer was asked to begin.
        begun.write(b"THE", 100).expect("a disk with room");
        drop(begun);
        peers(&[serve(theirs, None)], None).fetch_newer(&ours, &BOUNDS, &Report::default());
        assert_eq!(bytes_of(&ours), [(500, b"THE whole of it".to_vec())]);
    }

    #[test]
    fn strangers_get_nothing_and_give_nothing() {
        let (theirs, ours) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let (theirs, ours) = (shelf(theirs.path()), shelf(ours.path()));
        put(&theirs, 500, b"secret");
        let (guarded, open) = (serve(theirs.clone(), secret("s")), serve(theirs, None));
        for (address, secret) in [(guarded, None), (guarded, secret("other")), (open, secret("s"))] {
            peers(&[address], secret).fetch_newer(&ours, &BOUNDS, &Report::default());
            assert_eq!(bytes_of(&ours), []);
        }
    }
}
