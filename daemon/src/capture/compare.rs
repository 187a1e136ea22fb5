//! Two outputs side by side: what was lost, repeated, reordered or changed, and where first.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;

use serde::Serialize;

/// One output of a log or file, as far as a comparison needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Item {
    /// Its index in the topic and generation; plain files have none and are compared by content.
    pub index: Option<u64>,
    /// Its generation, when it says one.
    pub generation: Option<u64>,
    /// Its message id and part, when it says them.
    pub id: Option<(u64, u32)>,
    /// Everything that must be equal, as text.
    pub content: String,
    /// When it appeared, in milliseconds, when that is known.
    pub appeared: Option<i64>,
    /// Where it stands, for people: `offset 7`, `line 12`.
    pub place: String,
}

/// What can be wrong with an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Anomaly {
    /// Expected and not there.
    Lost,
    /// There more often than expected.
    Duplicated,
    /// There, but after something that belongs behind it.
    Reordered,
    /// Another content than expected.
    Different,
    /// There and not expected.
    Phantom,
    /// Some parts of an output are there, some are not.
    Torn,
    /// Written under an older generation after a newer one had begun.
    StaleWrite,
    /// A pause between two outputs that is longer than allowed.
    Gap,
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Duplicated => "duplicated",
            Self::Reordered => "reordered",
            Self::Different => "different",
            Self::Phantom => "not expected",
            Self::Torn => "torn",
            Self::StaleWrite => "written under an old generation",
            Self::Gap => "late",
        })
    }
}

/// The first difference, for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Witness {
    /// What is wrong.
    pub anomaly: Anomaly,
    /// Where: place in the received output, or in the expected one for something lost.
    pub place: String,
    /// What was expected there, when something was.
    pub expected: Option<String>,
    /// What stands there, when something does.
    pub received: Option<String>,
}

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Verdict {
    /// Outputs expected.
    pub expected: usize,
    /// Outputs received.
    pub received: usize,
    /// See [`Anomaly::Lost`].
    pub lost: usize,
    /// See [`Anomaly::Duplicated`].
    pub duplicated: usize,
    /// See [`Anomaly::Reordered`].
    pub reordered: usize,
    /// See [`Anomaly::Different`].
    pub different: usize,
    /// See [`Anomaly::Phantom`].
    pub phantom: usize,
    /// See [`Anomaly::Torn`].
    pub torn: usize,
    /// See [`Anomaly::StaleWrite`].
    pub stale: usize,
    /// See [`Anomaly::Gap`].
    pub gaps: usize,
    /// The difference that comes first in the received output.
    pub first: Option<Witness>,
    #[serde(skip)]
    first_at: Option<usize>,
}

impl Verdict {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_identical(&self) -> bool {
        self.first.is_none()
    }

    fn count(&mut self, anomaly: Anomaly) -> &mut usize {
        match anomaly {
            Anomaly::Lost => &mut self.lost,
            Anomaly::Duplicated => &mut self.duplicated,
            Anomaly::Reordered => &mut self.reordered,
            Anomaly::Different => &mut self.different,
            Anomaly::Phantom => &mut self.phantom,
            Anomaly::Torn => &mut self.torn,
            Anomaly::StaleWrite => &mut self.stale,
            Anomaly::Gap => &mut self.gaps,
        }
    }

    fn note(&mut self, anomaly: Anomaly, at: usize, expected: Option<&Item>, received: Option<&Item>) {
        *self.count(anomaly) += 1;
        if self.first_at.is_some_and(|first| first <= at) {
            return;
        }
        self.first_at = Some(at);
        let place = received.or(expected).map(|item| item.place.clone()).unwrap_or_default();
        let content = |item: Option<&Item>| item.map(|item| item.content.clone());
        self.first = Some(Witness { anomaly, place, expected: content(expected), received: content(received) });
    }
}

/// What an item is recognised by: its index, or for plain files its content and how often that came before.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key<'a> {
    Index(u64),
    Content(&'a str, usize),
}

/// Compares two outputs; `gap_max_ms` is the longest pause allowed between two received outputs.
#[must_use]
pub fn compare(expected: &[Item], received: &[Item], gap_max_ms: Option<i64>) -> Verdict {
    let mut verdict = Verdict { expected: expected.len(), received: received.len(), ..Verdict::default() };
    let by_index = expected.iter().chain(received).all(|item| item.index.is_some());
    let expected_keys = keys(expected, by_index);
    let place_of: HashMap<&Key<'_>, usize> = expected_keys.iter().enumerate().map(|(i, key)| (key, i)).collect();

    let mut found = vec![None; expected.len()];
    let mut unexpected = Vec::new();
    let mut behind = None;
    for (at, key) in keys(received, by_index).iter().enumerate() {
        let Some(&i) = place_of.get(key) else {
            unexpected.push(at);
            continue;
        };
        if found[i].is_some() {
            verdict.note(Anomaly::Duplicated, at, Some(&expected[i]), Some(&received[at]));
            continue;
        }
        found[i] = Some(at);
        if expected[i].content != received[at].content {
            verdict.note(Anomaly::Different, at, Some(&expected[i]), Some(&received[at]));
        }
        if behind.is_some_and(|newest| i < newest) {
            verdict.note(Anomaly::Reordered, at, Some(&expected[i]), Some(&received[at]));
        }
        behind = behind.max(Some(i));
    }
    explain_unmatched(&mut verdict, expected, received, &found, &unexpected);
    note_stale_writes(&mut verdict, received);
    note_gaps(&mut verdict, received, gap_max_ms);
    verdict
}

fn keys(items: &[Item], by_index: bool) -> Vec<Key<'_>> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    items
        .iter()
        .map(|item| match item.index {
            Some(index) if by_index => Key::Index(index),
            _ => {
                let occurrence = seen.entry(item.content.as_str()).or_default();
                *occurrence += 1;
                Key::Content(item.content.as_str(), *occurrence)
            }
        })
        .collect()
}

/// Something lost and something unexpected at the same place are one changed output.
fn explain_unmatched(
    verdict: &mut Verdict,
    expected: &[Item],
    received: &[Item],
    found: &[Option<usize>],
    unexpected: &[usize],
) {
    let contents: HashSet<&str> = expected.iter().map(|item| item.content.as_str()).collect();
    let ids: HashSet<(u64, u32)> =
        expected.iter().zip(found).filter(|(_, at)| at.is_some()).filter_map(|(item, _)| item.id).collect();
    let mut strangers: BTreeSet<usize> = unexpected.iter().copied().collect();
    let mut next_at = 0;
    for (item, at) in expected.iter().zip(found) {
        if let Some(at) = at {
            next_at = at + 1;
            continue;
        }
        if strangers.remove(&next_at) {
            verdict.note(Anomaly::Different, next_at, Some(item), received.get(next_at));
            next_at += 1;
            continue;
        }
        let other_part = item
            .id
            .is_some_and(|(id, part)| ids.contains(&(id, part + 1)) || part > 0 && ids.contains(&(id, part - 1)));
        verdict.note(if other_part { Anomaly::Torn } else { Anomaly::Lost }, next_at, Some(item), None);
    }
    for at in strangers {
        let repeated = contents.contains(received[at].content.as_str());
        verdict.note(if repeated { Anomaly::Duplicated } else { Anomaly::Phantom }, at, None, received.get(at));
    }
}

fn note_stale_writes(verdict: &mut Verdict, received: &[Item]) {
    let mut newest = None;
    for (at, item) in received.iter().enumerate() {
        if item.generation.is_some() && item.generation < newest {
            verdict.note(Anomaly::StaleWrite, at, None, Some(item));
        }
        newest = newest.max(item.generation);
    }
}

fn note_gaps(verdict: &mut Verdict, received: &[Item], gap_max_ms: Option<i64>) {
    let Some(gap_max_ms) = gap_max_ms else { return };
    for (at, pair) in received.windows(2).enumerate() {
        if let [Item { appeared: Some(before), .. }, item @ Item { appeared: Some(after), .. }] = pair
            && after - before > gap_max_ms
        {
            verdict.note(Anomaly::Gap, at + 1, None, Some(item));
        }
    }
}
