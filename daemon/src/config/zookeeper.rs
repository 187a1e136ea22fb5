//! How to speak to ZooKeeper: login and TLS, and what must not be said one without the other.

use std::path::{Path, PathBuf};

use adapter_zookeeper::{Identity, Login, Tls};
use anyhow::bail;

use super::read_secret;

/// What the settings say, as text.
pub(super) struct RawAccess<'a> {
    pub(super) user: &'a str,
    pub(super) password_file: &'a str,
    pub(super) ca_file: &'a str,
    pub(super) certificate_file: &'a str,
    pub(super) key_file: &'a str,
    pub(super) allow_plaintext_password: bool,
}

/// Login and encryption, checked; files of certificates are read when the session starts.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ZooKeeperAccess {
    /// `zookeeper-user` and what stands in `zookeeper-password-file`.
    pub login: Option<Login>,
    /// `zookeeper-ca-file`, `zookeeper-certificate-file`, `zookeeper-key-file`.
    pub tls: Option<Tls>,
}

impl ZooKeeperAccess {
    pub(super) fn new(raw: &RawAccess<'_>) -> anyhow::Result<Self> {
        let (login, tls) = (login(raw)?, tls(raw)?);
        if let Some(login) = login.as_ref().filter(|_| tls.is_none() && !raw.allow_plaintext_password) {
            bail!(
                "zookeeper-user = \"{}\" without TLS shows the password to the network.\n     Fix: set zookeeper-ca-file and name the \
                 servers' secureClientPort; on a network where nobody listens, set allow-plaintext-password=true",
                login.user
            );
        }
        Ok(Self { login, tls })
    }
}

fn login(raw: &RawAccess<'_>) -> anyhow::Result<Option<Login>> {
    match (raw.user, raw.password_file) {
        ("", "") => Ok(None),
        ("", _) => bail!("zookeeper-password-file without zookeeper-user: say whose password it is"),
        (_, "") => bail!("zookeeper-user without zookeeper-password-file: name the file that holds the password"),
        // ZooKeeper takes name and password as one text.
        (user, _) if user.contains(':') => bail!("zookeeper-user = \"{user}\": ZooKeeper takes no name with a colon"),
        (user, file) => {
            let password = read_secret("the ZooKeeper password", Path::new(file))?;
            Ok(Some(Login { user: user.to_owned(), password }))
        }
    }
}

fn tls(raw: &RawAccess<'_>) -> anyhow::Result<Option<Tls>> {
    let identity = match (raw.certificate_file, raw.key_file) {
        ("", "") => None,
        ("", _) => bail!("zookeeper-key-file without zookeeper-certificate-file: both or none"),
        (_, "") => bail!("zookeeper-certificate-file without zookeeper-key-file: both or none"),
        (certificate, key) => Some(Identity { certificate: PathBuf::from(certificate), key: PathBuf::from(key) }),
    };
    match (raw.ca_file, identity) {
        ("", None) => Ok(None),
        ("", Some(_)) => bail!("zookeeper-certificate-file without zookeeper-ca-file: say whom to trust"),
        (ca, identity) => Ok(Some(Tls { ca: PathBuf::from(ca), identity })),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const NOTHING: RawAccess<'static> = RawAccess {
        user: "",
        password_file: "",
        ca_file: "",
        certificate_file: "",
        key_file: "",
        allow_plaintext_password: false,
    };

    fn refusal(raw: &RawAccess<'_>) -> String {
        ZooKeeperAccess::new(raw).map_or_else(|error| format!("{error:#}"), |access| format!("accepted: {access:?}"))
    }

    #[test]
    fn a_password_goes_in_the_clear_only_when_somebody_says_so() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(file, "tell nobody").unwrap();
        let path = file.path().to_str().unwrap();
        let login = RawAccess { user: "esp", password_file: path, ..NOTHING };
        assert!(refusal(&login).contains("shows the password to the network"), "{}", refusal(&login));
        let allowed = ZooKeeperAccess::new(&RawAccess { allow_plaintext_password: true, ..login }).unwrap();
        assert_eq!(allowed.login.as_ref().unwrap().password.reveal(), "tell nobody");
        assert!(!format!("{allowed:?}").contains("tell nobody"));
        let encrypted = RawAccess { user: "esp", password_file: path, ca_file: "ca.pem", ..NOTHING };
        assert!(ZooKeeperAccess::new(&encrypted).unwrap().tls.is_some());
    }

    #[test]
    fn half_a_login_and_half_a_certificate_are_refused() {
        assert_eq!(ZooKeeperAccess::new(&NOTHING).unwrap(), ZooKeeperAccess::default());
        assert!(refusal(&RawAccess { user: "esp", ..NOTHING }).contains("password-file"));
        assert!(refusal(&RawAccess { password_file: "f", ..NOTHING }).contains("zookeeper-user"));
        assert!(refusal(&RawAccess { user: "a:b", password_file: "f", ..NOTHING }).contains("colon"));
        assert!(refusal(&RawAccess { ca_file: "ca", key_file: "k", ..NOTHING }).contains("both or none"));
        assert!(refusal(&RawAccess { ca_file: "ca", certificate_file: "c", ..NOTHING }).contains("both or none"));
        let without_ca = RawAccess { certificate_file: "c", key_file: "k", ..NOTHING };
        assert!(refusal(&without_ca).contains("whom to trust"));
    }
}
