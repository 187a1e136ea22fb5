//! "Did you mean": what people write in files and on command lines is compared with what they may write.

use alloc::vec;
use alloc::vec::Vec;

/// The word nearest to what was written, if any is near enough to be meant: for "did you mean".
#[must_use]
pub fn nearest<'w>(written: &str, words: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let length = written.chars().count();
    let bound = match length {
        0..=2 => 1,
        3..=5 => 2,
        _ => length / 3,
    };
    let comparable = words.filter(|word| word.chars().count().abs_diff(length) <= bound);
    let near = comparable.map(|word| (distance(&written.to_lowercase(), &word.to_lowercase()), word));
    near.filter(|&(distance, word)| distance <= bound && distance < word.chars().count())
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, word)| word)
}

/// How many characters must be added, dropped, replaced, or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=other.len()).collect();
    let mut previous = None;
    for (i, a) in one.chars().enumerate() {
        let mut row = vec![i + 1];
        for (j, &b) in other.iter().enumerate() {
            let replaced = last[j] + usize::from(a != b);
            let mut best = replaced.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && previous == Some(b) && a == other[j - 1] {
                best = best.min(before_last[j - 1] + 1);
            }
            row.push(best);
        }
        before_last = last;
        last = row;
        previous = Some(a);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits_and_swaps() {
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("threads", "treads"), 1);
        assert_eq!(distance("nmae", "name"), 1);
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("same", "same"), 0);
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let words = ["name", "index", "heartbeat-interval"];
        let meant = |written| nearest(written, words.into_iter());
        assert_eq!(meant("nmae"), Some("name"));
        assert_eq!(meant("heartbeat_intervall"), Some("heartbeat-interval"));
        assert_eq!(meant("INDEX"), Some("index"));
        assert_eq!(meant("colour"), None);
        assert_eq!(meant(""), None);
    }
}
