//! From four layers to one text per key: flags win over the environment, over the file, over defaults.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use super::settings::{self, KAFKA_PREFIX, SETTINGS};

/// Environment variables of this project that are not settings.
const ENVIRONMENT_OF_SCRIPTS: &[&str] = &[
    "UNDERSTUDY_CACHE",
    "UNDERSTUDY_CLUSTER_DIR",
    "UNDERSTUDY_PORT_BASE",
    "UNDERSTUDY_KAFKA_39_LIB",
    // The file itself, read by the command line.
    "UNDERSTUDY_CONFIG",
];
const ENVIRONMENT_PREFIX: &str = "UNDERSTUDY_";
const ENVIRONMENT_OF_TESTS: &str = "UNDERSTUDY_TEST_";

/// Who said a value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody.
    Default,
    /// The configuration file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
    /// A flag, or `--set`.
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Environment(variable) => write!(f, "${variable}"),
            Self::Flag => f.write_str("flag"),
        }
    }
}

/// One text per key, and who said it.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    values: BTreeMap<String, (String, Origin)>,
}

impl Layers {
    /// Reads all layers.
    ///
    /// # Errors
    /// A file that can't be read, an unknown key (with the nearest known one), a `--set` without `=`.
    pub fn read(
        file: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
        flags: &[(String, String)],
    ) -> anyhow::Result<Self> {
        let mut layers = Self::default();
        for setting in SETTINGS {
            layers.values.insert(setting.key.to_owned(), (setting.default.to_owned(), Origin::Default));
        }
        if let Some(path) = file {
            layers.read_file(path)?;
        }
        for (variable, value) in environment {
            layers.read_variable(&variable, value)?;
        }
        for (key, value) in flags {
            layers.put(key, value.clone(), Origin::Flag)?;
        }
        Ok(layers)
    }

    fn read_file(&mut self, path: &Path) -> anyhow::Result<()> {
        let text = std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let table: toml::Table = text.parse().with_context(|| format!("reading {}", path.display()))?;
        for (key, value) in flatten("", table) {
            let origin = Origin::File(path.to_owned());
            self.put(&key, value, origin).with_context(|| format!("reading {}", path.display()))?;
        }
        Ok(())
    }

    fn read_variable(&mut self, variable: &str, value: String) -> anyhow::Result<()> {
        let Some(rest) = variable.strip_prefix(ENVIRONMENT_PREFIX) else { return Ok(()) };
        if ENVIRONMENT_OF_SCRIPTS.contains(&variable) || variable.starts_with(ENVIRONMENT_OF_TESTS) {
            return Ok(());
        }
        let key = rest.to_ascii_lowercase().replace('_', "-");
        let origin = Origin::Environment(variable.to_owned());
        self.put(&key, value, origin).with_context(|| format!("reading the environment variable {variable}"))
    }

    fn put(&mut self, key: &str, value: String, origin: Origin) -> anyhow::Result<()> {
        if settings::find(key).is_none() && !key.starts_with(KAFKA_PREFIX) {
            match settings::nearest(key) {
                Some(near) => {
                    bail!("unknown setting \"{key}\"; did you mean \"{near}\"? (all: understudy config show)")
                }
                None => bail!("unknown setting \"{key}\" (all: understudy config show)"),
            }
        }
        self.values.insert(key.to_owned(), (value, origin));
        Ok(())
    }

    /// The text of a key; empty when it isn't set.
    #[must_use]
    pub fn text(&self, key: &str) -> &str {
        self.values.get(key).map_or("", |(value, _)| value.as_str())
    }

    /// All keys with value and origin, in the order of the table, `kafka.` properties last.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Origin)> {
        let known = SETTINGS.iter().filter_map(|setting| self.values.get_key_value(setting.key));
        let kafka = self.values.iter().filter(|(key, _)| key.starts_with(KAFKA_PREFIX));
        known.chain(kafka).map(|(key, (value, origin))| (key.as_str(), value.as_str(), origin))
    }
}

/// Nested tables become dotted keys, so that `[kafka]` holds librdkafka's own names.
fn flatten(prefix: &str, table: toml::Table) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for (key, value) in table {
        let key = format!("{prefix}{key}");
        match value {
            toml::Value::Table(inner) => found.extend(flatten(&format!("{key}."), inner)),
            toml::Value::String(text) => found.push((key, text)),
            toml::Value::Integer(_)
            | toml::Value::Float(_)
            | toml::Value::Boolean(_)
            | toml::Value::Datetime(_)
            | toml::Value::Array(_) => found.push((key, value.to_string())),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn layers(file: &str, environment: &[(&str, &str)], flags: &[(&str, &str)]) -> anyhow::Result<Layers> {
        let mut written = tempfile::NamedTempFile::new()?;
        written.write_all(file.as_bytes())?;
        let pair = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        let flags: Vec<_> = flags.iter().map(pair).collect();
        Layers::read(Some(written.path()), environment.iter().map(pair), &flags)
    }

    #[test]
    fn flags_win_over_environment_over_file_over_defaults() {
        let file = "http = \"a:1\"\npeer = \"a:2\"\nname = \"from-file\"\n[kafka]\n\"socket.nagle.disable\" = true\n";
        let environment = [("UNDERSTUDY_HTTP", "b:1"), ("UNDERSTUDY_PEER", "b:2"), ("PATH", "x")];
        let layers = layers(file, &environment, &[("http", "c:1")]).unwrap();
        assert_eq!(layers.text("http"), "c:1");
        assert_eq!(layers.text("peer"), "b:2");
        assert_eq!(layers.text("name"), "from-file");
        assert_eq!(layers.text("fencing"), "sequence");
        assert_eq!(layers.text("kafka.socket.nagle.disable"), "true");
    }

    #[test]
    fn a_mistyped_key_is_refused_with_the_nearest_one() {
        let error = layers("coordinaton = \"kafka\"", &[], &[]).unwrap_err();
        assert!(format!("{error:#}").contains("did you mean \"coordination\""), "{error:#}");
        assert!(layers("", &[("UNDERSTUDY_HTPP", "x")], &[]).is_err());
        assert!(layers("", &[("UNDERSTUDY_TEST_FORCE_ACTIVE", "1"), ("UNDERSTUDY_CONFIG", "x")], &[]).is_ok());
    }
}
