//! Who publishes: the name under which a source's positions are found again.

use std::fs;

use types::SourceId;

use crate::{Error, FileEnd, PublishOptions};

/// The failover group, else `sourceid`, else the file's canonical path; standard input can't be read again, so every
/// start of it (`started` tells them apart) is a source of its own.
///
/// # Errors
/// [`Error::Io`] when the path leads nowhere.
pub fn source_id(
    file: &FileEnd,
    options: &PublishOptions,
    failover_group: Option<&str>,
    started: &str,
) -> Result<SourceId, Error> {
    match (file, failover_group, &options.source_id) {
        (FileEnd::Standard, _, _) => Ok(SourceId(format!("stdin:{started}"))),
        (FileEnd::Path(_), Some(group), _) => Ok(SourceId(group.to_owned())),
        (FileEnd::Path(_), None, Some(id)) => Ok(id.clone()),
        (FileEnd::Path(path), None, None) => {
            let path = fs::canonicalize(path).map_err(Error::io("looking up", path))?;
            Ok(SourceId(path.to_string_lossy().into_owned()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_telling_name_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("in.csv");
        fs::write(&path, "").unwrap();
        let file = FileEnd::Path(folder.path().join(".").join("in.csv"));
        let named = PublishOptions { source_id: Some(SourceId("mine".to_owned())), ..PublishOptions::default() };
        let plain = PublishOptions::default();
        assert_eq!(source_id(&file, &named, Some("group"), "7").unwrap(), SourceId("group".to_owned()));
        assert_eq!(source_id(&file, &named, None, "7").unwrap(), SourceId("mine".to_owned()));
        let canonical = fs::canonicalize(&path).unwrap();
        assert_eq!(source_id(&file, &plain, None, "7").unwrap().as_str(), canonical.to_str().unwrap());
        assert_eq!(source_id(&FileEnd::Standard, &named, Some("group"), "7").unwrap(), SourceId("stdin:7".to_owned()));
    }
}
