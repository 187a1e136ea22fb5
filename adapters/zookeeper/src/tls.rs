//! TLS to ZooKeeper: certificates read and checked before the first connection.
//!
//! The client brings a TLS provider of its own beside ours, and with two in one build the process must say which one it
//! means, else the first connection panics. It is `ring`, as for Kafka.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use rustls::crypto::ring;
use rustls::pki_types::ServerName;
use zookeeper_client::TlsOptions;

use crate::{Ensemble, Error};

/// Whom to trust and who we are; all files are PEM. Host names are always checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The authorities that the servers' certificates must come from.
    pub ca: PathBuf,
    /// For servers that ask for a certificate.
    pub identity: Option<Identity>,
}

/// A client certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and what leads from it to an authority.
    pub certificate: PathBuf,
    /// Its key, not encrypted.
    pub key: PathBuf,
}

/// Reads the files, so that a wrong one is named at start and not by a connection that never comes up.
pub(crate) fn load(tls: &Tls, ensemble: &Ensemble) -> Result<TlsOptions, Error> {
    // The client unwraps the name when it connects; and a certificate can't be checked against what is no name.
    for server in ensemble.servers() {
        ServerName::try_from(server.host.as_str()).map_err(|_| Error::NoServerName { host: server.host.clone() })?;
    }
    // Refused when somebody has chosen before us: then there is a choice, which is all that is needed.
    let _ = ring::default_provider().install_default();
    let options = TlsOptions::new().with_pem_ca(&read(&tls.ca)?).map_err(|error| unusable(&tls.ca, &error))?;
    let options = match &tls.identity {
        None => options,
        Some(Identity { certificate, key }) => options
            .with_pem_identity(&read(certificate)?, &read(key)?)
            .map_err(|error| unusable(certificate, &format!("with the key {}: {error}", key.display())))?,
    };
    Ok(options)
}

fn read(path: &Path) -> Result<String, Error> {
    std::fs::read_to_string(path).map_err(|error| unusable(path, &error))
}

fn unusable(path: &Path, reason: &dyn Display) -> Error {
    Error::Certificate { path: path.to_owned(), reason: reason.to_string() }
}
