//! librdkafka's security keys, as far as the sequenced appender speaks them.
//!
//! A key that narrows whom to trust or what to accept must be honoured or refused, never ignored.

use std::path::PathBuf;

use ports::security::{Sasl, SaslMechanism, Secret, Security, Tls};

use super::refusal::Refusal;

const USE_TRANSACTIONS: &str = "set fencing=transaction, then librdkafka writes the output";

/// Keys that the appender can't honour, and what to do.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("ssl.keystore.location", "it reads no PKCS12 keystores; use ssl.certificate.location and ssl.key.location (PEM)"),
    ("ssl.keystore.password", "it reads no PKCS12 keystores; use ssl.certificate.location and ssl.key.location (PEM)"),
    ("ssl.key.password", "it reads no encrypted keys; decrypt the key file"),
    ("ssl.key.pem", "it reads files only; name one by ssl.key.location"),
    ("ssl.certificate.pem", "it reads files only; name one by ssl.certificate.location"),
    ("ssl.ca.pem", "it reads files only; name one by ssl.ca.location"),
    ("ssl.crl.location", "it reads no revocation lists"),
    ("ssl.cipher.suites", "it chooses ciphers itself"),
    ("ssl.curves.list", "it chooses curves itself"),
    ("ssl.sigalgs.list", "it chooses signatures itself"),
    ("ssl.engine.location", "it doesn't use OpenSSL"),
    ("ssl.engine.id", "it doesn't use OpenSSL"),
    ("ssl.providers", "it doesn't use OpenSSL"),
];

pub(super) fn security(pairs: &[(String, String)]) -> Result<Security, Refusal> {
    let keys = Keys { pairs };
    let (encrypted, authenticated) = match keys.get("security.protocol").unwrap_or("plaintext").to_lowercase().as_str()
    {
        "plaintext" => (false, false),
        "ssl" => (true, false),
        "sasl_plaintext" => (false, true),
        "sasl_ssl" => (true, true),
        other => {
            return Err(refuse(
                "security.protocol",
                &format!("\"{other}\" is none of plaintext, ssl, sasl_plaintext, sasl_ssl"),
            ));
        }
    };
    let tls = encrypted.then(|| tls(&keys)).transpose()?;
    let sasl = authenticated.then(|| sasl(&keys)).transpose()?;
    Ok(Security { tls, sasl })
}

/// Whose password anybody on the way to the broker could read.
pub(super) fn shown_password(pairs: &[(String, String)]) -> Option<String> {
    let keys = Keys { pairs };
    let in_the_clear = keys.get("security.protocol")?.eq_ignore_ascii_case("sasl_plaintext");
    let as_it_is = keys.mechanism() == "PLAIN";
    (in_the_clear && as_it_is).then(|| keys.get("sasl.username").unwrap_or_default().to_owned())
}

fn tls(keys: &Keys<'_>) -> Result<Tls, Refusal> {
    for (key, why) in UNSUPPORTED {
        if keys.get(key).is_some_and(|value| !value.is_empty()) {
            return Err(refuse(key, &format!("{why}; or {USE_TRANSACTIONS}")));
        }
    }
    if keys.get("enable.ssl.certificate.verification").is_some_and(|value| value != "true") {
        let why =
            format!("it always checks the broker's certificate; name the right ssl.ca.location, or {USE_TRANSACTIONS}");
        return Err(refuse("enable.ssl.certificate.verification", &why));
    }
    let skip_host_name_check = match keys.get("ssl.endpoint.identification.algorithm") {
        None | Some("https" | "") => false,
        Some("none") => true,
        Some(_) => return Err(refuse("ssl.endpoint.identification.algorithm", "it is https or none")),
    };
    let (certificate, key) = (keys.path("ssl.certificate.location"), keys.path("ssl.key.location"));
    match (&certificate, &key) {
        (Some(_), None) => return Err(refuse("ssl.certificate.location", "ssl.key.location is missing")),
        (None, Some(_)) => return Err(refuse("ssl.key.location", "ssl.certificate.location is missing")),
        (Some(_), Some(_)) | (None, None) => {}
    }
    // "probe" is librdkafka's word for the system's roots.
    let ca = keys.path("ssl.ca.location").filter(|path| path.as_os_str() != "probe");
    Ok(Tls { ca, certificate, key, skip_host_name_check })
}

fn sasl(keys: &Keys<'_>) -> Result<Sasl, Refusal> {
    let mechanism = match keys.mechanism() {
        "PLAIN" => SaslMechanism::Plain,
        "SCRAM-SHA-256" => SaslMechanism::ScramSha256,
        "SCRAM-SHA-512" => SaslMechanism::ScramSha512,
        other => {
            let why = format!("it speaks PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512, not {other}; {USE_TRANSACTIONS}");
            return Err(refuse("sasl.mechanisms", &why));
        }
    };
    let needed = |key: &'static str| keys.get(key).map(str::to_owned).ok_or_else(|| refuse(key, "it is missing"));
    Ok(Sasl { mechanism, username: needed("sasl.username")?, password: Secret::new(needed("sasl.password")?) })
}

fn refuse(key: &str, why: &str) -> Refusal {
    Refusal::Security { key: key.to_owned(), why: why.to_owned() }
}

/// The last value of a key counts, as in librdkafka.
struct Keys<'a> {
    pairs: &'a [(String, String)],
}

impl<'a> Keys<'a> {
    fn get(&self, key: &str) -> Option<&'a str> {
        self.pairs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// librdkafka's default is GSSAPI.
    fn mechanism(&self) -> &'a str {
        self.get("sasl.mechanisms").or_else(|| self.get("sasl.mechanism")).unwrap_or("GSSAPI")
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        self.get(key).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}
