//! What is served where.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use crossbeam_channel::Sender;
use ports::notebook::Failover;
use serde::{Deserialize, Serialize};
use types::MemberName;

use super::metrics;
use crate::budget::Limits;
use crate::node::status::{Board, Status};
use crate::node::{OperatorRequest, Shared, Wake};
use crate::snapshot::Shelf;

/// How long the control loop's answer is waited for; longer than any handover may take.
const ANSWER_PATIENCE: Duration = Duration::from_secs(30);

/// What is behind the routes.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) board: Arc<Board>,
    pub(crate) shared: Arc<Shared>,
    pub(crate) wakes: Sender<Wake>,
    /// Where snapshots lie, if they are kept.
    pub(crate) shelf: Option<Shelf>,
}

pub(super) fn router(served: Served) -> axum::Router {
    axum::Router::new()
        .route("/SASESP", get(alive))
        .route("/SASESP/server", get(server))
        .route("/eventStreamProcessing/v1/server", get(server))
        .route("/internal/ready", get(healthz))
        .route("/healthz", get(healthz))
        .route("/active", get(active))
        .route("/standby", get(standby))
        .route("/status", get(status))
        .route("/history", get(history))
        .route("/limits", get(limits))
        .route("/metrics", get(metrics_text))
        .route("/switchover", post(switchover))
        .route("/failover", post(failover))
        .route("/reinit", post(reinit))
        .route("/pause", post(pause))
        .route("/resume", post(resume))
        .with_state(served)
}

async fn alive() -> &'static str {
    "esp server up and running\n"
}

/// As clients of the original read it.
async fn server(State(served): State<Served>) -> Response {
    let fixed = served.board.fixed();
    let xml = format!(
        "<esp-server version=\"6.1\" engine=\"{}.{}\" analytics-license=\"true\" primary-server=\"{}\" pubsub=\"0\"/>\n",
        escaped(fixed.member()),
        fixed.incarnation(),
        served.board.is_active()
    );
    ([(header::CONTENT_TYPE, "application/xml")], xml).into_response()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('"', "&quot;")
}

fn yes_or_no(yes: bool) -> Response {
    if yes { (StatusCode::OK, "yes\n") } else { (StatusCode::SERVICE_UNAVAILABLE, "no\n") }.into_response()
}

async fn healthz(State(served): State<Served>) -> Response {
    yes_or_no(served.board.is_healthy())
}

async fn active(State(served): State<Served>) -> Response {
    yes_or_no(served.board.is_active())
}

async fn standby(State(served): State<Served>) -> Response {
    yes_or_no(served.board.is_standby())
}

async fn status(State(served): State<Served>) -> Json<Status> {
    Json(served.board.status(&served.shared))
}

/// The cluster's last takeovers, the same at every member.
#[derive(Serialize)]
struct History {
    #[serde(rename = "apiVersion")]
    api_version: &'static str,
    kind: &'static str,
    /// Oldest first.
    items: Vec<Failover>,
}

async fn history(State(served): State<Served>) -> Json<History> {
    Json(History { api_version: "v1", kind: "FailoverHistory", items: served.board.history() })
}

async fn metrics_text(State(served): State<Served>) -> Response {
    let text = metrics::text(&served.board.status(&served.shared), served.board.failovers());
    ([(header::CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], text).into_response()
}

#[derive(Deserialize)]
struct To {
    to: Option<String>,
}

async fn switchover(State(served): State<Served>, Query(To { to }): Query<To>) -> Response {
    let to = to.map(MemberName);
    ask(&served, |reply| OperatorRequest::Switchover { to, reply }).await
}

async fn failover(State(served): State<Served>) -> Response {
    ask(&served, |reply| OperatorRequest::Failover { reply }).await
}

/// What lies on the shelf is condemned before anything is asked, so that the next start finds nothing whatever happens.
async fn reinit(State(served): State<Served>) -> Response {
    if let Some(Err(error)) = served.shelf.as_ref().map(Shelf::condemn) {
        return (StatusCode::INTERNAL_SERVER_ERROR, format!("its snapshots can't be removed: {error}\n"))
            .into_response();
    }
    let answer = ask(&served, |reply| OperatorRequest::Reinit { reply }).await;
    if !answer.status().is_success()
        && let Some(Err(error)) = served.shelf.as_ref().map(Shelf::pardon)
    {
        tracing::warn!(%error, "the snapshots of this replica will be removed at its next start, though nothing came of it now");
    }
    answer
}

/// Asks the control loop and waits for its word.
async fn ask(served: &Served, request: impl FnOnce(Sender<Result<String, String>>) -> OperatorRequest) -> Response {
    let (reply, answer) = crossbeam_channel::bounded(1);
    if served.wakes.send(Wake::Operator(request(reply))).is_err() {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n").into_response();
    }
    let waited = tokio::task::spawn_blocking(move || answer.recv_timeout(ANSWER_PATIENCE)).await;
    match waited {
        Ok(Ok(Ok(word))) => (StatusCode::OK, format!("{word}\n")).into_response(),
        Ok(Ok(Err(refusal))) => (StatusCode::CONFLICT, format!("{refusal}\n")).into_response(),
        Ok(Err(_)) | Err(_) => (StatusCode::GATEWAY_TIMEOUT, "no answer\n").into_response(),
    }
}

async fn limits(State(served): State<Served>) -> Json<Limits> {
    Json(served.board.limits())
}

async fn pause(State(served): State<Served>) -> Response {
    yes_or_no(served.wakes.send(Wake::Operator(OperatorRequest::Pause)).is_ok())
}

async fn resume(State(served): State<Served>) -> Response {
    yes_or_no(served.wakes.send(Wake::Operator(OperatorRequest::Resume)).is_ok())
}
