//! How to speak to brokers and coordinators safely, read from the keys that librdkafka users know.

use std::fmt;
use std::path::PathBuf;

/// A secret: never printed.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(String);

impl Secret {
    /// Keeps a text from being printed.
    #[must_use]
    pub const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text itself, for the wire only.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

/// `sasl.mechanism`, as far as the appender speaks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SaslMechanism {
    /// Name and password as they are.
    Plain,
    /// Salted challenge and response, SHA-256.
    ScramSha256,
    /// Salted challenge and response, SHA-512.
    ScramSha512,
}

/// Name and password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sasl {
    /// How they are shown to the broker.
    pub mechanism: SaslMechanism,
    /// `sasl.username`.
    pub username: String,
    /// `sasl.password`.
    pub password: Secret,
}

/// Certificates; all files are PEM.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tls {
    /// `ssl.ca.location`: whom to trust; the system's roots when absent.
    pub ca: Option<PathBuf>,
    /// `ssl.certificate.location`: who we are.
    pub certificate: Option<PathBuf>,
    /// `ssl.key.location`.
    pub key: Option<PathBuf>,
    /// `ssl.endpoint.identification.algorithm=none` switches the check of the host name off.
    pub skip_host_name_check: bool,
}

/// How to speak to a broker: in the clear when both are absent.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Security {
    /// Encryption.
    pub tls: Option<Tls>,
    /// Authentication.
    pub sasl: Option<Sasl>,
}
