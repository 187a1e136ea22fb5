//! Before a replica may write: do these brokers answer a writer as exactness needs?

use std::time::Instant;

use adapter_kafka::{ClientSettings, Report, TopicState};
use anyhow::bail;
use appender::self_test::{self, Outcome};
use tracing::{info, warn};
use types::Incarnation;

use super::outputs::{bootstrap, links};
use crate::config::{Config, Fencing};
use crate::deployment::{Deployment, scratch_topic};

/// Tries it on the scratch topic, if that is there: its absence was said by the check of topics.
///
/// # Errors
/// E020, when a broker answers otherwise. An answer that didn't come is only said: brokers may be electing.
pub(super) fn run(
    deployment: &Deployment,
    config: &Config,
    incarnation: Incarnation,
    settings: &ClientSettings,
    report: &Report,
) -> anyhow::Result<()> {
    let topic = scratch_topic(&deployment.label, &deployment.project);
    let is_there = report
        .cluster
        .topics
        .iter()
        .any(|found| found.name == topic && matches!(found.state, TopicState::Present { .. }));
    // With transactions brokers arbitrate by other rules, in librdkafka's hands.
    if config.fencing == Fencing::Transaction || !is_there {
        return Ok(());
    }
    let began = Instant::now();
    let run = format!("{}.{incarnation}", config.name);
    let links = links(settings, config, &run)?;
    match self_test::run(&links, &bootstrap(settings)?, &deployment.label, &topic, &run) {
        Outcome::Passed => {
            info!(elapsed_ms = began.elapsed().as_millis(), %topic, "brokers arbitrate sequences as they must");
        }
        Outcome::Undecided { reason } => {
            warn!(%reason, %topic, "W032 brokers were not tried; they are at the next start");
        }
        Outcome::Refuted { what, expected, found } => bail!(
            "E020 Brokers don't arbitrate sequences.  {what}, tried on {topic}: {found}, where {expected} is needed; \
             replicas that share a producer could lose or repeat output there.\n     Fix: brokers of Apache Kafka 3.7 or newer \
             (understudy explain E020), or fencing = transaction"
        ),
    }
    Ok(())
}
