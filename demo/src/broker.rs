//! A Kafka-protocol broker in memory, as a process of its own: the demonstration needs neither Java nor Docker.
//!
//! It enforces producer sequences as real brokers do. It keeps everything in memory and nothing on disk.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use anyhow::Context as _;
use krafka::testing::FakeBroker;

/// The broker remembers every request for tests to look at; a demonstration forgets them this often.
const FORGET_REQUESTS_EVERY: Duration = Duration::from_secs(1);

/// Serves these topics, one partition each, until standard input is closed.
///
/// The address is written to `port_file` once clients may come.
///
/// # Errors
/// No free port, a file that can't be written.
pub(crate) fn serve(port_file: &Path, topics: &[String]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let broker = FakeBroker::start().await.map_err(|error| anyhow::anyhow!("starting the broker: {error}"))?;
        for topic in topics {
            broker.create_topic(topic, 1);
        }
        publish_address(port_file, &broker.bootstrap_servers())?;
        let closed = tokio::task::spawn_blocking(wait_for_end_of_input);
        let forget = async {
            loop {
                tokio::time::sleep(FORGET_REQUESTS_EVERY).await;
                broker.clear_requests();
            }
        };
        tokio::select! {
            _ = closed => Ok(()),
            () = forget => Ok(()),
        }
    })
}

/// Written whole or not at all: whoever waits for the file may read it at once.
fn publish_address(port_file: &Path, address: &str) -> anyhow::Result<()> {
    let part = port_file.with_extension("part");
    std::fs::write(&part, address).with_context(|| format!("writing {}", part.display()))?;
    std::fs::rename(&part, port_file).with_context(|| format!("writing {}", port_file.display()))
}

/// A parent that dies closes the pipe, so the broker never outlives it.
fn wait_for_end_of_input() {
    let mut rest = [0; 64];
    while std::io::stdin().read(&mut rest).is_ok_and(|read| read > 0) {}
}
