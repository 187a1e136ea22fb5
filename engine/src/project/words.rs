//! What may stand where in a project file: the form of the lists.

/// The words that may stand at one kind of place.
#[derive(Debug)]
pub(super) struct Words {
    /// These do what they say.
    pub works: &'static [&'static [&'static str]],
    /// These change nothing, and why nothing is lost by it.
    pub no_effect: &'static [(&'static str, &'static str)],
    /// These would change results, so a project that needs them is refused.
    pub refused: &'static [Refused],
}

/// Words that are refused for the same reason.
#[derive(Debug)]
pub(super) struct Refused {
    pub words: &'static [&'static str],
    /// The end of a sentence about the word, such as `is not built yet`.
    pub verdict: &'static str,
    /// A clause in lower case, without a full stop.
    pub why: &'static str,
}

/// In which list a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    Works,
    NoEffect { why: &'static str },
    Refused { verdict: &'static str, why: &'static str },
    Unknown,
}

impl Words {
    /// In which list the word is.
    pub(super) fn standing(&self, word: &str) -> Standing {
        let is_in = |lists: &[&[&str]]| lists.iter().any(|list| list.contains(&word));
        if is_in(self.works) {
            return Standing::Works;
        }
        if let Some(&(_, why)) = self.no_effect.iter().find(|(known, _)| *known == word) {
            return Standing::NoEffect { why };
        }
        match self.refused.iter().find(|refused| refused.words.contains(&word)) {
            Some(Refused { verdict, why, .. }) => Standing::Refused { verdict, why },
            None => Standing::Unknown,
        }
    }

    /// All words that are known, whatever they do.
    pub(super) fn known(&self) -> impl Iterator<Item = &'static str> {
        let refused = self.refused.iter().flat_map(|refused| refused.words.iter().copied());
        self.working().chain(refused).chain(self.no_effect.iter().map(|(word, _)| *word))
    }

    /// The words that work.
    pub(super) fn working(&self) -> impl Iterator<Item = &'static str> {
        self.works.iter().flat_map(|list| list.iter().copied())
    }
}

/// What may stand in one element.
#[derive(Debug)]
pub(super) struct Vocabulary {
    pub attributes: Words,
    pub children: Words,
    /// Whether it holds text.
    pub text: bool,
}
