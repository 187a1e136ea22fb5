//! From flags to a checked configuration, the same for all commands.

use anyhow::Context as _;

use crate::cli::{SettingArgs, TopicArgs};
use crate::config::{Config, Layers};
use adapter_kafka::ClientSettings;

/// Reads all layers with these flags on top.
///
/// # Errors
/// See [`Layers::read`] and [`Config::new`].
pub fn read(settings: &SettingArgs, flags: &[(String, String)]) -> anyhow::Result<Config> {
    let layers = Layers::read(settings.config.as_deref(), std::env::vars(), flags)?;
    Config::new(&layers)
}

/// How to reach the brokers without a project file.
///
/// # Errors
/// No brokers named; settings that are refused.
pub(crate) fn client_of(topic: &TopicArgs) -> anyhow::Result<ClientSettings> {
    let config = read(&topic.settings, &topic.settings.set)?;
    let bootstrap = topic.bootstrap.clone().or_else(|| config.bootstrap.clone());
    let bootstrap = bootstrap.context("no brokers: say --bootstrap host:port,… or set bootstrap")?;
    client(&bootstrap, &config)
}

/// The same for brokers that are known.
///
/// # Errors
/// Settings that are refused.
pub(crate) fn client(bootstrap: &str, config: &Config) -> anyhow::Result<ClientSettings> {
    let pairs: Vec<String> = config.kafka.iter().map(|(key, value)| format!("{key}={value}")).collect();
    Ok(ClientSettings::new(bootstrap, Some(&pairs.join(";")), None)?.guarded(config.allow_plaintext_password)?)
}
