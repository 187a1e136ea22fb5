//! TLS by rustls with the ring provider, named explicitly: two providers in one build would make the process default panic.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use ports::security::Tls;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{CertificateError, ClientConfig, ClientConnection, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};

use crate::error::Error;

/// What rustls may hold back of our bytes until the socket takes them; beyond it they wait in the link's own queue.
const BUFFERED_BYTES_MAX: usize = 1 << 20;

/// Checked certificates, ready for any number of connections.
#[derive(Clone)]
pub(crate) struct TlsSettings(Arc<ClientConfig>);

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsSettings(..)")
    }
}

impl TlsSettings {
    /// Reads the files.
    pub(crate) fn load(tls: &Tls) -> Result<Self, Error> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(refused)?;
        let roots = Arc::new(roots(tls.ca.as_deref())?);
        let builder = if tls.skip_host_name_check {
            builder.dangerous().with_custom_certificate_verifier(Arc::new(AnyName::new(roots, provider)?))
        } else {
            builder.with_root_certificates(roots)
        };
        let config = match (&tls.certificate, &tls.key) {
            (Some(certificate), Some(key)) => {
                let (chain, own_key) = identity(certificate, key)?;
                builder.with_client_auth_cert(chain, own_key).map_err(|error| unusable(key, &error))?
            }
            (Some(lonely), None) => return Err(unusable(lonely, &"ssl.key.location is missing")),
            (None, Some(lonely)) => return Err(unusable(lonely, &"ssl.certificate.location is missing")),
            (None, None) => builder.with_no_client_auth(),
        };
        Ok(Self(Arc::new(config)))
    }

    /// A session with a server called so; `host` may be an address.
    pub(crate) fn connect(&self, host: &str) -> Result<ClientConnection, Error> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Error::Tls { reason: format!("\"{host}\" is no host name") })?;
        let mut session = ClientConnection::new(Arc::clone(&self.0), name).map_err(refused)?;
        session.set_buffer_limit(Some(BUFFERED_BYTES_MAX));
        Ok(session)
    }
}

/// Whom to trust: the file's certificates, or the system's.
fn roots(ca: Option<&Path>) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let Some(path) = ca else {
        // Some of the system's certificates may be unreadable; without any, nobody is trusted and that is said here.
        let found = rustls_native_certs::load_native_certs();
        if roots.add_parsable_certificates(found.certs).0 == 0 {
            return Err(Error::Tls { reason: "the system has no root certificates; set ssl.ca.location".to_owned() });
        }
        return Ok(roots);
    };
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|error| unusable(path, &error))?;
    }
    Ok(roots)
}

fn identity(certificate: &Path, key: &Path) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), Error> {
    let own_key = PrivateKeyDer::from_pem_file(key).map_err(|error| unusable(key, &error))?;
    Ok((certificates(certificate)?, own_key))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(path).map_err(|error| unusable(path, &error))?;
    let found = read.collect::<Result<Vec<_>, _>>().map_err(|error| unusable(path, &error))?;
    if found.is_empty() { Err(unusable(path, &"no certificate in it")) } else { Ok(found) }
}

fn unusable(path: &Path, reason: &dyn fmt::Display) -> Error {
    Error::Certificate { path: path.to_owned(), reason: reason.to_string() }
}

fn refused(error: rustls::Error) -> Error {
    Error::Tls { reason: error.to_string() }
}

/// Checks the chain like everybody, but not that it was made out to the name we called.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl AnyName {
    fn new(roots: Arc<RootCertStore>, provider: Arc<CryptoProvider>) -> Result<Self, Error> {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider).build();
        verifier.map(Self).map_err(|error| Error::Tls { reason: error.to_string() })
    }
}

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        match verdict {
            // The name is looked at last, when the chain was found good.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
