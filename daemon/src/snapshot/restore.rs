//! Which snapshot a starting replica goes on from.

use std::fs;
use std::io;

use engine::snapshot::{self, Head};
use tracing::{info, warn};
use types::mutation::{Mutation, mutated};
use types::{OutputIndex, TopicName};

use super::shelf::Kept;
use super::{Bounds, Report, Shelf, Subject};
use crate::pipeline::Pipeline;

/// Why a snapshot was passed over.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The disk doesn't give it.
    #[error("it can't be read: {0}")]
    Unreadable(#[from] io::Error),
    /// It is larger than may be read into memory.
    #[error("it has {bytes} bytes; snapshot-size-max is {max}")]
    TooLarge {
        /// Its size.
        bytes: u64,
        /// The bound.
        max: u64,
    },
    /// Its bytes are of no use.
    #[error("{0}")]
    Unusable(#[from] snapshot::Error),
    /// It counts outputs as done that the log doesn't have: the log lost them after the snapshot was taken.
    #[error("it is ahead of {topic}: output {next} comes next in it, the log ends before {published}")]
    AheadOfLog {
        /// Which log.
        topic: TopicName,
        /// One past the last output of the snapshot.
        next: OutputIndex,
        /// One past the last output of the log.
        published: OutputIndex,
    },
}

impl Refusal {
    /// Whether the same bytes will be refused again: not where a setting, the disk or the log may be another next time.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        match self {
            Self::Unusable(_) => true,
            Self::Unreadable(_) | Self::TooLarge { .. } | Self::AheadOfLog { .. } => false,
        }
    }

    /// One word for a metric's label.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Unreadable(_) => "unreadable",
            Self::TooLarge { .. } => "too-large",
            Self::Unusable(error) => error.reason(),
            Self::AheadOfLog { .. } => "ahead-of-log",
        }
    }
}

/// A pipeline that goes on from the newest usable snapshot, and that snapshot's head; a fresh one when there is none.
///
/// `published` says per output one past the last one in the log. What is refused is said and counted, and the next best is
/// used; what is of no use to anybody is put aside. The digests need no look here: the first output behind the snapshot that the log shows is compared, and its digest
/// covers everything before it.
pub fn restore(
    shelf: &Shelf,
    bounds: &Bounds,
    subject: &Subject,
    published: &[OutputIndex],
    report: &Report,
    fresh: impl Fn() -> Pipeline,
) -> (Pipeline, Option<Head>) {
    let kept = shelf.list().unwrap_or_else(|error| {
        warn!(%error, folder = %shelf.folder().display(), "snapshots can't be listed; replaying from the origin");
        Vec::new()
    });
    for kept in kept {
        let mut pipeline = fresh();
        match take_over(&mut pipeline, &kept, bounds, subject, published) {
            Ok(head) => {
                info!(offset = %kept.next, bytes = kept.bytes, "going on from a snapshot");
                report.restored(kept.next);
                return (pipeline, Some(head));
            }
            Err(refusal) => {
                warn!(error = %refusal, file = %kept.path.display(), "snapshot refused; trying the one before it");
                report.refused(refusal.reason());
                if refusal.is_final()
                    && let Err(error) = shelf.put_aside(&kept)
                {
                    warn!(%error, file = %kept.path.display(), "a refused snapshot stays where it is");
                }
            }
        }
    }
    (fresh(), None)
}

fn take_over(
    pipeline: &mut Pipeline,
    kept: &Kept,
    bounds: &Bounds,
    subject: &Subject,
    published: &[OutputIndex],
) -> Result<Head, Refusal> {
    if kept.bytes > bounds.size_max {
        return Err(Refusal::TooLarge { bytes: kept.bytes, max: bounds.size_max });
    }
    go_on_from(pipeline, &fs::read(&kept.path)?, subject, published)
}

/// Takes over a snapshot's state, unless it is of no use here; the pipeline is of none either then.
///
/// # Errors
/// [`Refusal::Unusable`], [`Refusal::AheadOfLog`].
pub fn go_on_from(
    pipeline: &mut Pipeline,
    bytes: &[u8],
    subject: &Subject,
    published: &[OutputIndex],
) -> Result<Head, Refusal> {
    let head = pipeline.restore(subject, bytes)?;
    for (output, &published) in head.outputs.iter().zip(published) {
        if output.next > published && !mutated(Mutation::RestoresAheadOfLog) {
            return Err(Refusal::AheadOfLog { topic: output.topic.clone(), next: output.next, published });
        }
    }
    Ok(head)
}
