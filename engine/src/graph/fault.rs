//! Problems that show only when a project is compiled.

use crate::expression::ExpressionError;
use crate::project::{Located, Position, Problem, SourceText};

/// A problem without the file around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    position: Position,
    /// Characters it is about.
    len: usize,
    /// A sentence.
    what: String,
    /// A clause in lower case.
    why: String,
    suggestion: Option<String>,
}

impl Fault {
    pub(crate) fn new(position: Position, what: String, why: &str) -> Self {
        Self { position, len: 1, what, why: why.to_owned(), suggestion: None }
    }

    /// An error in one of the project's texts; `owner` says which, as in `The expression of window "cq/w"`.
    pub(crate) fn in_text(owner: &str, text: &Located<String>, error: ExpressionError) -> Self {
        let about = text.value.get(error.at..).unwrap_or_default();
        let len = about.get(..error.len).map_or(1, |about| about.chars().count()).max(1);
        Self {
            position: text.position_of(error.at),
            len,
            what: format!("{owner} can't be compiled."),
            why: error.what,
            suggestion: error.suggestion,
        }
    }

    /// With the source line, where the file is at hand.
    pub(crate) fn into_problem(self, source: Option<&SourceText>) -> Problem {
        let Self { position, len, what, why, suggestion } = self;
        let mut problem = match source {
            Some(source) => source.problem(position, len, what, &why),
            None => Problem { file: String::new(), position, what, why, fix: None, suggestion: None, excerpt: None },
        };
        problem.suggestion = suggestion;
        problem
    }
}
