//! What users say about Kafka, checked; and what each client of ours is given.
//!
//! Three layers, later ones win: our preferences, the user's `key=value;…`, and what exactness needs. A user's value
//! that the third layer would have to overrule is refused by name instead, so nothing is overruled in silence.

mod refusal;
mod security;

use std::fmt;
use std::time::Duration;

use ports::security::Security;
use rdkafka::ClientConfig;

pub use refusal::Refusal;

/// Preferences of every client.
const COMMON: &[(&str, &str)] = &[
    ("client.id", "understudy"),
    ("allow.auto.create.topics", "false"),
    ("socket.nagle.disable", "true"),
    ("socket.keepalive.enable", "true"),
    ("log.connection.close", "false"),
    // librdkafka's defaults (up to 10 s) would sit inside a takeover.
    ("reconnect.backoff.ms", "10"),
    ("reconnect.backoff.max.ms", "500"),
    ("retry.backoff.ms", "10"),
    ("socket.connection.setup.timeout.ms", "3000"),
    // A frozen broker is given up after this; its successor has been elected long before.
    ("socket.timeout.ms", "10000"),
    // Only a guard against nonsense lengths; brokers that answer with the whole rest of a log exist.
    ("receive.message.max.bytes", "1000000000"),
];

/// Preferences of consumers.
const CONSUMER: &[(&str, &str)] = &[
    // The broker answers as soon as there is a byte; this is only how often an idle topic is asked again.
    ("fetch.wait.max.ms", "100"),
    // The defaults (500 ms and 1 s) would sit inside a takeover or a catch-up.
    ("fetch.error.backoff.ms", "10"),
    ("fetch.queue.backoff.ms", "10"),
    ("check.crcs", "true"),
];

/// What consumers must be.
const CONSUMER_EXACT: &[(&str, &str)] = &[
    // librdkafka wants a group even for assign(); it is never joined and nothing is committed to it.
    ("group.id", "understudy"),
    ("enable.auto.commit", "false"),
    ("enable.auto.offset.store", "false"),
    // A missing offset must be an error: jumping over it would make replicas differ.
    ("auto.offset.reset", "error"),
    ("isolation.level", "read_committed"),
    ("enable.partition.eof", "true"),
    // A standby whose buffer is full stops reading for as long as it takes; that is no reason to lose the assignment.
    ("max.poll.interval.ms", "86400000"),
    // How the log's end is learnt without a call that blocks.
    ("statistics.interval.ms", "500"),
];

/// Preferences of producers.
const PRODUCER: &[(&str, &str)] = &[
    ("linger.ms", "0"),
    // Keeps a connection to every broker: a claim must not pay for a connect.
    ("enable.sparse.connections", "false"),
];

/// Preferences of the administrator.
const ADMIN: &[(&str, &str)] = &[
    // Keeps a connection to every broker: what one of them knows, the others may not know yet.
    ("enable.sparse.connections", "false"),
];

/// What producers must be.
const PRODUCER_EXACT: &[(&str, &str)] = &[("acks", "all"), ("enable.idempotence", "true")];

/// Preferences of the transactional producer.
const TRANSACTIONAL: &[(&str, &str)] = &[
    // The broker says what is too large: librdkafka's own bound may be smaller than the topic's.
    ("message.max.bytes", "1000000000"),
];

/// What the transactional producer must be. Each time is larger than the one before it: a record is given up before the
/// commit that waits for it, and the commit before the coordinator ends the transaction by itself and shuts us out.
const TRANSACTIONAL_EXACT: &[(&str, &str)] = &[
    ("message.timeout.ms", "8000"),
    ("transaction.timeout.ms", "15000"),
    // A connection that broke during a commit is noticed by these words.
    ("log.connection.close", "true"),
];

/// How to reach a Kafka cluster, as users say it in connectors and adapter files.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSettings {
    bootstrap: String,
    pairs: Vec<(String, String)>,
}

impl ClientSettings {
    /// Takes `kafkahostport` (`host:port,host:port`), `kafkaglobalconfig` and `kafkatopicconfig` (`key=value;key=value`).
    ///
    /// # Errors
    /// [`Refusal`] names the first setting that can't be, and why.
    pub fn new(hostport: &str, globalconfig: Option<&str>, topicconfig: Option<&str>) -> Result<Self, Refusal> {
        let bootstrap = refusal::brokers(hostport)?;
        let mut pairs = Vec::new();
        for text in [globalconfig, topicconfig].into_iter().flatten() {
            pairs.extend(refusal::pairs(text)?);
        }
        refusal::refuse_unsafe(&pairs)?;
        let settings = Self { bootstrap, pairs };
        settings.refuse_unknown()?;
        Ok(settings)
    }

    /// The same settings, unless they would send a password through the network in the clear and nobody allowed that.
    ///
    /// # Errors
    /// [`Refusal::PlaintextPassword`].
    pub fn guarded(self, allow_plaintext_password: bool) -> Result<Self, Refusal> {
        match security::shown_password(&self.pairs).filter(|_| !allow_plaintext_password) {
            Some(user) => Err(Refusal::PlaintextPassword { user }),
            None => Ok(self),
        }
    }

    /// The brokers to begin with, `host:port,host:port`.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// The same settings as far as the appender and the ZooKeeper client understand them.
    ///
    /// # Errors
    /// [`Refusal::Security`] for what only librdkafka can do.
    pub fn security(&self) -> Result<Security, Refusal> {
        security::security(&self.pairs)
    }

    pub(crate) fn consumer(&self) -> ClientConfig {
        self.client(&[CONSUMER], CONSUMER_EXACT)
    }

    /// `delivery`: how long librdkafka tries to write a record; `None`: for as long as the process lives.
    /// `queued_max`: records on their way at most; at the bound a send is refused.
    pub(crate) fn producer(&self, delivery: Option<Duration>, queued_max: usize) -> ClientConfig {
        let mut config = self.client(&[PRODUCER], PRODUCER_EXACT);
        // Zero means for ever.
        config.set("message.timeout.ms", delivery.map_or(0, |span| span.as_millis()).to_string());
        config.set("queue.buffering.max.messages", queued_max.to_string());
        config
    }

    /// For writing with one transactional id that all replicas share.
    pub(crate) fn transactional(&self, id: &str, compression: &str) -> ClientConfig {
        let mut config = self.client(&[PRODUCER, TRANSACTIONAL], PRODUCER_EXACT);
        for (key, value) in TRANSACTIONAL_EXACT {
            config.set(*key, *value);
        }
        config.set("transactional.id", id);
        config.set("compression.type", compression);
        config
    }

    /// For asking how far the log reaches, open transactions included.
    pub(crate) fn uncommitted(&self) -> ClientConfig {
        let mut config = self.consumer();
        config.set("isolation.level", "read_uncommitted");
        config
    }

    pub(crate) fn admin(&self) -> ClientConfig {
        self.client(&[ADMIN], &[])
    }

    fn client(&self, preferences: &[&[(&str, &str)]], exact: &[(&str, &str)]) -> ClientConfig {
        let mut config = ClientConfig::new();
        for (key, value) in [COMMON].iter().chain(preferences).copied().flatten() {
            config.set(*key, *value);
        }
        for (key, value) in &self.pairs {
            config.set(key, value);
        }
        for (key, value) in exact {
            config.set(*key, *value);
        }
        config.set("bootstrap.servers", &self.bootstrap);
        config
    }

    /// librdkafka knows which keys and values there are; better to hear it now than when the first client starts.
    fn refuse_unknown(&self) -> Result<(), Refusal> {
        for (key, value) in &self.pairs {
            let mut one = ClientConfig::new();
            one.set(key, value);
            one.create_native_config()
                .map_err(|source| Refusal::Unknown { key: key.clone(), source: Box::new(source) })?;
        }
        Ok(())
    }
}

/// Values of keys that hold secrets are not printed.
impl fmt::Debug for ClientSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.pairs.iter().map(|(key, value)| {
            let secret =
                ["password", "secret", "key.pem", "sasl.oauthbearer.config"].iter().any(|mark| key.contains(mark));
            (key, if secret { "***" } else { value.as_str() })
        });
        f.debug_struct("ClientSettings")
            .field("bootstrap", &self.bootstrap)
            .field("pairs", &Vec::from_iter(shown))
            .finish()
    }
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
