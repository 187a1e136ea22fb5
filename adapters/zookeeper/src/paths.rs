//! Where the line stands: znode paths.

use crate::Error;

/// What every node of a line begins with; ZooKeeper adds ten digits.
const NODE_PREFIX: &str = "server-n_";
/// The folder that the bare form uses alone and the namespaced form goes below.
const ROOT: &str = "/ESP";

/// The persistent parent of a line; nodes are `<parent>/server-n_<sequence>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElectionPath {
    parent: String,
}

impl ElectionPath {
    /// `/ESP/<label>.<project>`: the default, so that clusters can share an ensemble.
    ///
    /// # Errors
    /// [`Error::BadPath`] when a name holds what a znode's name can't.
    pub fn namespaced(label: &str, project: &str) -> Result<Self, Error> {
        if label.contains('/') || project.contains('/') {
            return Err(bad(&format!("{label}.{project}"), "label and project can't hold a slash"));
        }
        Self::parse(&format!("{ROOT}/{label}.{project}"))
    }

    /// `/ESP` itself, as the original lays it out: one cluster per chroot.
    #[must_use]
    pub fn bare() -> Self {
        Self { parent: ROOT.to_owned() }
    }

    /// Any absolute path.
    ///
    /// # Errors
    /// [`Error::BadPath`] by the rules of ZooKeeper's data model.
    pub fn parse(path: &str) -> Result<Self, Error> {
        match fault(path) {
            None => Ok(Self { parent: path.to_owned() }),
            Some(reason) => Err(bad(path, reason)),
        }
    }

    /// The same line below a chroot, as one absolute path.
    #[must_use]
    pub(crate) fn below(&self, chroot: Option<&str>) -> Self {
        Self { parent: format!("{}{}", chroot.unwrap_or_default(), self.parent) }
    }

    /// The parent node.
    #[must_use]
    pub fn parent(&self) -> &str {
        &self.parent
    }

    /// What a sequential create is given.
    pub(crate) fn prefix(&self) -> String {
        format!("{}/{NODE_PREFIX}", self.parent)
    }

    /// The path of a child.
    pub(crate) fn child(&self, name: &str) -> String {
        format!("{}/{name}", self.parent)
    }
}

/// The sequence in a child's name; `None` for nodes that aren't of the line.
pub(crate) fn sequence_of(name: &str) -> Option<i32> {
    // The counter is an i32 printed with `%010d`: past its end it goes on with `-2147483648` (ZooKeeper 3.8).
    name.strip_prefix(NODE_PREFIX)?.parse().ok()
}

/// What is wrong with an absolute path, if anything.
pub(crate) fn fault(path: &str) -> Option<&'static str> {
    let Some(names) = path.strip_prefix('/') else { return Some("a path begins with a slash") };
    if path.chars().any(|c| c.is_control() || ('\u{ffff0}'..='\u{fffff}').contains(&c)) {
        return Some("control characters can't be part of a path");
    }
    names.split('/').find_map(|name| match name {
        "" => Some("empty names can't be part of a path"),
        "." | ".." => Some("relative names can't be part of a path"),
        "zookeeper" if path.starts_with("/zookeeper") => Some("/zookeeper is ZooKeeper's own"),
        _ => None,
    })
}

fn bad(path: &str, reason: &'static str) -> Error {
    Error::BadPath { path: path.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_get_a_folder_of_their_own() {
        let path = ElectionPath::namespaced("HAtopic1_31415", "project").unwrap();
        assert_eq!(path.parent(), "/ESP/HAtopic1_31415.project");
        assert_eq!(path.prefix(), "/ESP/HAtopic1_31415.project/server-n_");
        assert_eq!(ElectionPath::bare().prefix(), "/ESP/server-n_");
        assert_eq!(path.below(Some("/kafka")).parent(), "/kafka/ESP/HAtopic1_31415.project");
    }

    #[test]
    fn paths_that_zookeeper_refuses_are_named_before_it_does() {
        for path in ["ESP", "/", "/ESP/", "/a//b", "/a/../b", "/a\u{1}", "/zookeeper/x"] {
            assert!(matches!(ElectionPath::parse(path), Err(Error::BadPath { .. })), "{path:?} was accepted");
        }
        assert!(ElectionPath::namespaced("a/b", "c").is_err());
    }

    #[test]
    fn a_sequence_is_read_from_names_of_the_line_only() {
        assert_eq!(sequence_of("server-n_0000000018"), Some(18));
        assert_eq!(sequence_of("server-n_-2147483648"), Some(i32::MIN));
        assert_eq!(sequence_of("server-n_"), None);
        assert_eq!(sequence_of("lock-0000000018"), None);
    }
}
