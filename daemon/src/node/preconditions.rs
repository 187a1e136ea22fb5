//! What the promises rest on, judged again and again: topics and brokers can be changed while engines run (rule R16).

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use adapter_kafka::{Admin, Expectations, Report, TopicSpec, TopicWatch, check};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use tracing::{debug, info};

use super::topic_ids::TopicIds;
use super::wake::Wake;

/// While something is broken it is looked at more often, so that output doesn't rest for longer than it must.
const LOOK_WHILE_BROKEN: Duration = Duration::from_secs(5);
/// Between two looks at least: an election moves many partitions, each of which asks for a look.
const LOOK_PAUSE: Duration = Duration::from_secs(1);

/// The watcher: a thread of its own, since every question waits for its answer.
pub(super) struct Watcher {
    pub(super) admin: Admin,
    pub(super) specs: Vec<TopicSpec>,
    pub(super) expected: Expectations,
    pub(super) topic_ids: Arc<TopicIds>,
    /// How often it looks when nothing happens.
    pub(super) period: Duration,
    /// A wish for a look now; it ends when nobody could wish any more.
    pub(super) asked: Receiver<()>,
    pub(super) wakes: Sender<Wake>,
}

impl Watcher {
    /// Starts with what the check at start has found and said.
    ///
    /// # Errors
    /// The system gives no thread.
    pub(super) fn start(self, report: &Report) -> std::io::Result<()> {
        let watch = TopicWatch::new(report);
        thread::Builder::new().name("preconditions".to_owned()).spawn(move || self.run(watch)).map(drop)
    }

    fn run(self, mut watch: TopicWatch) {
        let mut broken = false;
        let _ = self.wakes.send(Wake::Preconditions(watch.standing()));
        loop {
            let wait = if broken { self.period.min(LOOK_WHILE_BROKEN) } else { self.period };
            match self.asked.recv_timeout(wait) {
                Ok(()) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            let began = Instant::now();
            match check(&self.admin, &self.specs, &self.expected) {
                Ok(report) => {
                    broken = !report.is_fit();
                    if let Some(news) = watch.look(&report)
                        && self.wakes.send(Wake::Preconditions(news)).is_err()
                    {
                        return;
                    }
                }
                // Nobody answered: nothing is concluded, what held holds.
                Err(error) => debug!(%error, "the preconditions could not be looked at; will look again"),
            }
            if let Some(replaced) = self.topic_ids.replaced()
                && self.wakes.send(Wake::TopicReplaced(replaced)).is_err()
            {
                return;
            }
            debug!(elapsed_ms = began.elapsed().as_millis(), "looked at the preconditions");
            thread::sleep(LOOK_PAUSE.saturating_sub(began.elapsed()));
        }
    }
}

/// Says what a look brought, each thing once.
pub(super) fn say(news: &adapter_kafka::TopicNews) {
    for finding in &news.appeared {
        let (code, subject, why) = (finding.code.title(), &finding.subject, &finding.why);
        match finding.severity {
            adapter_kafka::Severity::Warning => {
                tracing::warn!(code, subject, what = finding.what, why, fix = finding.fix, "a precondition is weak");
            }
            adapter_kafka::Severity::Error => {
                tracing::error!(code, subject, what = finding.what, why, fix = finding.fix, "a precondition is broken");
            }
        }
    }
    for finding in &news.gone {
        info!(code = finding.code.title(), subject = finding.subject, "a precondition holds again");
    }
}
