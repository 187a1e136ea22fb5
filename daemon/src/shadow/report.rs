//! What people and programs see of a shadow.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use serde::Serialize;

/// `GET /status` of a shadow.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Report {
    #[serde(rename = "apiVersion")]
    pub(super) api_version: &'static str,
    pub(super) kind: &'static str,
    /// Its name; not one of the cluster's members.
    pub(super) member: String,
    /// Always `shadow`: readers of a member's status see that this is none.
    pub(super) role: &'static str,
    pub(super) state: Standing,
    /// Of the program.
    pub(super) version: &'static str,
    /// Of the model.
    pub(super) fingerprint: String,
    pub(super) project: String,
    /// `<label>.<project>`.
    pub(super) cluster: String,
    pub(super) generation: u16,
    /// Whether the cluster's generation runs this model too.
    pub(super) same_model: bool,
    /// Outputs with a payload that were found identical, over all topics.
    pub(super) identical: u64,
    pub(super) input: InputReport,
    pub(super) outputs: Vec<OutputReport>,
    pub(super) difference: Option<DifferenceReport>,
}

/// How it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Standing {
    /// Computes what the log has already.
    CatchingUp,
    /// Computes what is written now; everything was identical so far.
    Identical,
    /// Found a difference and has stopped.
    Different,
}

/// The inbound topics.
#[derive(Debug, Clone, Serialize)]
pub(super) struct InputReport {
    pub(super) topics: Vec<String>,
    /// One past the last message id: with a single topic the next offset to process.
    pub(super) offset: u64,
    /// Records in the log beyond that.
    pub(super) lag: u64,
}

/// One outbound topic.
#[derive(Debug, Clone, Serialize)]
pub(super) struct OutputReport {
    pub(super) topic: String,
    /// `cq/window`, or `dead letters`.
    pub(super) window: String,
    pub(super) identical: u64,
    /// Only one side has them; the first digest compared covers them.
    pub(super) not_compared: u64,
    /// Computed here, and not in the log yet.
    pub(super) ahead: u64,
}

/// The first difference.
#[derive(Debug, Clone, Serialize)]
pub(super) struct DifferenceReport {
    pub(super) topic: String,
    pub(super) window: String,
    /// Message id: the inbound offset that caused the cluster's output.
    pub(super) id: u64,
    pub(super) index: u64,
    /// Computed by the shadow; none: nothing.
    pub(super) mine: Option<Value>,
    /// In the log.
    pub(super) theirs: Value,
    /// Header `esp-writer` of the log's record.
    pub(super) writer: String,
    /// The values are equal, but not all that came before them.
    pub(super) lies_before: bool,
}

/// One side of a difference.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Value {
    pub(super) id: u64,
    pub(super) index: u64,
    pub(super) digest: String,
    /// Its events as csv rows, or the payload as text.
    pub(super) rows: Vec<String>,
}

/// The report, shared with whoever asks for it.
#[derive(Clone)]
pub(super) struct Board(Arc<Mutex<Report>>);

impl Board {
    pub(super) fn new(report: Report) -> Self {
        Self(Arc::new(Mutex::new(report)))
    }

    pub(super) fn get(&self) -> Report {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Report)) {
        change(&mut self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// The routes of a member that make sense for a shadow.
    pub(super) fn router(&self) -> axum::Router {
        axum::Router::new()
            .route("/status", get(|State(board): State<Self>| async move { Json(board.get()) }))
            .route("/healthz", get(healthz))
            .with_state(self.clone())
    }
}

/// 503 after a difference.
async fn healthz(State(board): State<Board>) -> (StatusCode, &'static str) {
    match board.get().state {
        Standing::CatchingUp | Standing::Identical => (StatusCode::OK, "yes\n"),
        Standing::Different => (StatusCode::SERVICE_UNAVAILABLE, "no\n"),
    }
}
