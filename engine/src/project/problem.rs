//! Problems and notices: what is wrong, where, why it matters, what to do.

use core::fmt;

use super::{Position, SourceText};

/// Characters of a source line shown around a problem; longer lines are cut on both sides, marked by `…`.
const EXCERPT_CHARS_MAX: usize = 140;
/// Characters shown before the caret when a line is cut.
const EXCERPT_CHARS_BEFORE: usize = 70;

/// Characters of a sentence at most; a longer one (it quotes what the file says) is cut, marked by `…`.
const SENTENCE_CHARS_MAX: usize = 300;

/// One thing that keeps a project from being loaded or run, told to whoever wrote the file.
///
/// Data only: the display of it is for people, a code in front is the printer's matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The file's name, as given to the loader.
    pub file: String,
    /// Where in the file.
    pub position: Position,
    /// What happened: a sentence.
    pub what: String,
    /// Why it matters: a clause in lower case, without a full stop.
    pub why: String,
    /// What to do about it: an imperative in lower case, without a full stop.
    pub fix: Option<String>,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
    /// The source line; absent when the file ends before.
    pub excerpt: Option<Excerpt>,
}

/// A source line with a mark under some of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The line or a part of it; tabs and control characters are blanks, so that the mark fits.
    pub text: String,
    /// Characters before the mark.
    pub mark_start: usize,
    /// Characters under the mark, at least 1.
    pub mark_len: usize,
}

impl SourceText {
    /// A problem whose mark covers `len` characters (at least one) from `position` on.
    #[must_use]
    pub fn problem(&self, position: Position, len: usize, what: String, why: &str) -> Problem {
        Problem {
            file: self.file().to_owned(),
            position,
            what: shortened(what),
            why: why.to_owned(),
            fix: None,
            suggestion: None,
            excerpt: self.excerpt(position, len),
        }
    }

    fn excerpt(&self, position: Position, len: usize) -> Option<Excerpt> {
        let line = self.line(position.line)?;
        let start = position.column as usize - 1;
        let length = line.chars().count();
        let cut = if length > EXCERPT_CHARS_MAX { start.saturating_sub(EXCERPT_CHARS_BEFORE) } else { 0 };

        let mut text = String::new();
        if cut > 0 {
            text.push('…');
        }
        let mark_start = start - cut + text.chars().count();
        let visible = line.chars().skip(cut).take(EXCERPT_CHARS_MAX);
        text.extend(visible.map(|character| if character.is_control() { ' ' } else { character }));
        if cut + EXCERPT_CHARS_MAX < length {
            text.push('…');
        }
        let mark_len = len.min(text.chars().count().saturating_sub(mark_start)).max(1);
        Some(Excerpt { text, mark_start, mark_len })
    }
}

impl Problem {
    /// The same with what to do about it.
    #[must_use]
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(shortened(fix.into()));
        self
    }

    /// The same with the word that was probably meant, if there is one.
    #[must_use]
    pub fn suggest(mut self, word: Option<&str>) -> Self {
        self.suggestion = word.map(str::to_owned);
        self
    }
}

/// What and why with the place, then the line with the mark, then what to do.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}  {}:{}: {}.", self.what, self.file, self.position, self.why)?;
        if let Some(Excerpt { text, mark_start, mark_len }) = &self.excerpt {
            let mark = "^".repeat(*mark_len);
            write!(f, "\n{:>7} │ {}\n{:>7} │ {:mark_start$}{mark}", self.position.line, text.trim_end(), "", "")?;
            if let Some(word) = &self.suggestion {
                write!(f, " did you mean \"{word}\"?")?;
            }
        }
        if let Some(fix) = &self.fix {
            write!(f, "\n     Fix: {fix}.")?;
        }
        Ok(())
    }
}

/// A word of the file that is accepted without effect; each is told once, however often it occurs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The file's name, as given to the loader.
    pub file: String,
    /// Where it occurs first.
    pub position: Position,
    /// Such as `attribute threads`.
    pub what: String,
    /// Why nothing is lost: a clause in lower case, without a full stop.
    pub why: &'static str,
    /// How often it occurs.
    pub times: u32,
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} has no effect here: {}", self.file, self.position, self.what, self.why)?;
        if self.times > 1 {
            write!(f, " ({} times)", self.times)?;
        }
        Ok(())
    }
}

fn shortened(mut sentence: String) -> String {
    if let Some((end, _)) = sentence.char_indices().nth(SENTENCE_CHARS_MAX) {
        sentence.truncate(end);
        sentence.push('…');
    }
    sentence
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn a_problem_shows_its_line_and_what_to_do() {
        let source = SourceText::new("p.xml", "<a>\n\t<b nmae=\"x\"/>\n</a>");
        let problem = source
            .problem(
                Position { line: 2, column: 5 },
                4,
                "Unknown attribute \"nmae\".".into(),
                "b has no such attribute",
            )
            .fix("write name")
            .suggest(Some("name"));
        expect![[r#"
            Unknown attribute "nmae".  p.xml:2:5: b has no such attribute.
                  2 │  <b nmae="x"/>
                    │     ^^^^ did you mean "name"?
                 Fix: write name."#]]
        .assert_eq(&problem.to_string());
    }

    #[test]
    fn a_long_line_is_cut_around_the_mark() {
        let line = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
        let source = SourceText::new("p.xml", &line);
        let problem = source.problem(Position { line: 1, column: 501 }, 4, "Wrong.".into(), "so it is");
        let excerpt = problem.excerpt.unwrap();
        let marked: String = excerpt.text.chars().skip(excerpt.mark_start).take(excerpt.mark_len).collect();
        assert_eq!(marked, "HERE");
        assert_eq!(excerpt.text.chars().count(), EXCERPT_CHARS_MAX + 2);
    }

    #[test]
    fn a_place_past_the_end_has_no_excerpt_and_no_panic() {
        let source = SourceText::new("p.xml", "a");
        assert_eq!(source.problem(Position { line: 9, column: 9 }, 1, String::new(), "").excerpt, None);
        let past = source.problem(Position { line: 1, column: 9 }, 5, String::new(), "").excerpt.unwrap();
        assert_eq!(past.mark_len, 1);
    }
}
