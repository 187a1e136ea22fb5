//! How to speak to a broker, checked once for all connections.

use std::time::Duration;

use ports::security::{Sasl, SaslMechanism, Security};

use crate::error::Error;
use crate::tls::TlsSettings;

/// The client id at its longest; what is longer is cut. Brokers keep it in names of metrics.
pub const CLIENT_ID_BYTES_MAX: usize = 128;

/// What isn't security.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkOptions {
    /// Stands in the brokers' logs and quotas.
    pub client_id: String,
    /// Allows SASL PLAIN without TLS, where everybody on the way can read the password.
    pub allow_plaintext_password: bool,
    /// How long a link may take until it is up: name, TCP, TLS, versions and authentication together.
    pub connect_timeout: Duration,
}

impl Default for LinkOptions {
    fn default() -> Self {
        Self {
            client_id: "understudy".to_owned(),
            allow_plaintext_password: false,
            connect_timeout: Duration::from_secs(10),
        }
    }
}

/// How to speak to a broker: certificates loaded, contradictions refused.
#[derive(Debug, Clone)]
pub struct LinkSettings {
    pub(crate) client_id: String,
    pub(crate) connect_timeout: Duration,
    pub(crate) tls: Option<TlsSettings>,
    pub(crate) sasl: Option<Sasl>,
}

impl LinkSettings {
    /// Reads the certificates.
    ///
    /// # Errors
    /// [`Error::Certificate`], [`Error::Tls`], [`Error::PlaintextPassword`].
    pub fn new(security: &Security, options: LinkOptions) -> Result<Self, Error> {
        let mut client_id = options.client_id;
        client_id.truncate((0..=CLIENT_ID_BYTES_MAX).rev().find(|end| client_id.is_char_boundary(*end)).unwrap_or(0));
        if let Some(Sasl { mechanism: SaslMechanism::Plain, username, .. }) = &security.sasl
            && security.tls.is_none()
            && !options.allow_plaintext_password
        {
            return Err(Error::PlaintextPassword { user: username.clone() });
        }
        Ok(Self {
            client_id,
            connect_timeout: options.connect_timeout,
            tls: security.tls.as_ref().map(TlsSettings::load).transpose()?,
            sasl: security.sasl.clone(),
        })
    }
}
