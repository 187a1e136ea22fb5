//! Packet rules inside a host. A rule is taken back by its own words, never by emptying the table: other faults may hold.

use super::{Namespace, run};

/// Rules already there are waited for, not failed on.
const WAIT: [&str; 2] = ["-w", "10"];

/// A rule that holds.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    words: Vec<String>,
}

impl Rule {
    /// Puts a rule at the end of a chain: `INPUT -s 10.77.0.21 -j DROP`.
    pub(crate) fn put(namespace: &Namespace, words: &str) -> anyhow::Result<Self> {
        let rule = Self { words: words.split(' ').map(str::to_owned).collect() };
        rule.call(namespace, "-A")?;
        Ok(rule)
    }

    /// Takes it back.
    pub(crate) fn remove(&self, namespace: &Namespace) -> anyhow::Result<()> {
        self.call(namespace, "-D")
    }

    fn call(&self, namespace: &Namespace, verb: &str) -> anyhow::Result<()> {
        let words: Vec<&str> =
            WAIT.iter().copied().chain([verb]).chain(self.words.iter().map(String::as_str)).collect();
        namespace.inside(|| run("iptables", &words))??;
        Ok(())
    }
}
