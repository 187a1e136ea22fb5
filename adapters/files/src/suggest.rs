//! "Did you mean".

/// The name that is nearest to what was written, when it is near enough to be a slip.
pub(crate) fn nearest<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let written = written.to_ascii_lowercase();
    let near = |name: &&str| distance(&written, name);
    let best = names.into_iter().min_by_key(near)?;
    // A third of the letters may be wrong, but one always.
    (distance(&written, best) <= (written.len() / 3).max(1)).then_some(best)
}

/// `; did you mean "…"?`, or nothing.
pub(crate) fn hint<'n>(written: &str, names: impl IntoIterator<Item = &'n str>) -> String {
    nearest(written, names).map_or_else(String::new, |name| format!("; did you mean \"{name}\"?"))
}

/// Letters to insert, delete or replace (Levenshtein), by bytes.
fn distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, y) in b.bytes().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognised_and_strangers_are_not() {
        let names = ["blocksize", "growinginputfile", "header", "rate"];
        assert_eq!(nearest("blocksise", names), Some("blocksize"));
        assert_eq!(nearest("GrowingInputFil", names), Some("growinginputfile"));
        assert_eq!(nearest("rat", names), Some("rate"));
        assert_eq!(nearest("zookeeper", names), None);
    }
}
