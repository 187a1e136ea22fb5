//! `understudy adapter fs`: rows of a file into an inbound topic, outputs of a window into a file.

mod payloads;
mod publish;
mod subscribe;

use std::path::Path;
use std::time::{Duration, Instant};

use adapter_files::{Direction, EspUrl, FsAdapterOptions, TransportConfig};
use adapter_kafka::{ClientSettings, Notebook};
use anyhow::{Context as _, bail};
use ports::notebook::{Ledger, WindowSchema};
use tracing::info;

use super::{say, settings};
use crate::cli::SettingArgs;
use crate::config::Config;
use crate::exit::Exit;
use crate::telemetry;

/// How long an adapter waits for engines to write what it needs into the notebook.
const NOTEBOOK_PATIENCE: Duration = Duration::from_secs(60);
/// How often it looks.
const NOTEBOOK_LOOK: Duration = Duration::from_millis(200);

/// Runs a file adapter to the end of its source, or until it is stopped.
///
/// # Errors
/// Arguments and files that are wrong, rows that don't fit (E008), brokers that refuse.
pub fn adapter_fs(words: &str, args: &SettingArgs) -> anyhow::Result<Exit> {
    let config = settings::read(args, &args.set)?;
    let options = FsAdapterOptions::parse(words)?;
    telemetry::start(options.log_level.as_deref().map_or(config.log.as_str(), level), config.log_json)?;
    for ignored in &options.ignored {
        info!(key = ignored.key, reason = ignored.reason, "accepted without effect");
    }
    let transport = TransportConfig::read(&options.transport_config)?;
    let client = client(&transport, &config)?;
    let context = Adapter { options, transport, client, config };
    match context.options.direction.clone() {
        Direction::Publish(publish) => publish::run(&context, publish),
        Direction::Subscribe(subscribe) => subscribe::run(&context, &subscribe),
    }
}

/// Levels as the original names them.
fn level(name: &str) -> &str {
    match name {
        "fatal" => "error",
        other => other,
    }
}

/// What both directions need.
struct Adapter {
    options: FsAdapterOptions,
    transport: TransportConfig,
    client: ClientSettings,
    config: Config,
}

fn client(transport: &TransportConfig, config: &Config) -> anyhow::Result<ClientSettings> {
    let brokers = transport.kafka.brokers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let bootstrap = config.bootstrap.clone().unwrap_or(brokers);
    let own = transport.kafka.global_config.iter().cloned();
    let pairs: Vec<String> =
        own.chain(config.kafka.iter().cloned()).map(|(key, value)| format!("{key}={value}")).collect();
    Ok(ClientSettings::new(&bootstrap, Some(&pairs.join(";")), None)?.guarded(config.allow_plaintext_password)?)
}

impl Adapter {
    fn url(&self) -> &EspUrl {
        &self.options.url
    }

    /// `contquery/window`.
    fn window(&self) -> String {
        format!("{}/{}", self.url().query, self.url().window)
    }

    /// Reads the notebook until it says what is wanted: engines may start after their adapters.
    fn await_note<T>(&self, what: &str, find: impl Fn(&Ledger) -> Option<T>) -> anyhow::Result<T> {
        let topic = self.url().metadata_topic();
        let deadline = Instant::now() + NOTEBOOK_PATIENCE;
        let mut told = false;
        loop {
            let opened = Notebook::open(&self.client, &topic, |_| ())
                .with_context(|| format!("reading the notebook {topic}"))?;
            if let Some(found) = find(&opened.ledger) {
                return Ok(found);
            }
            if Instant::now() > deadline {
                bail!(
                    "{topic} has no {what} of {}/{}; is an engine with this project running, and does the url name it?",
                    self.url().project,
                    self.window()
                );
            }
            if !told {
                say(&format!("waiting for an engine to note the {what} of {}", self.window()));
                told = true;
            }
            std::thread::sleep(NOTEBOOK_LOOK);
        }
    }

    fn schema(&self) -> anyhow::Result<WindowSchema> {
        let (project, window) = (self.url().project.clone(), self.window());
        self.await_note("schema", |ledger| ledger.project(&project)?.schema(&window).cloned())
    }
}

/// Whether the program was called by the name that users of the original know.
#[must_use]
pub fn is_called_as_adapter(program: &str) -> bool {
    Path::new(program).file_name().is_some_and(|name| name == "dfesp_fs_adapter")
}
