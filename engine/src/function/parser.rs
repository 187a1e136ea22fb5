//! From text to syntax.

use crate::expression::ExpressionError;

/// Calls inside each other at most; deeper ones are refused, so that no text can exhaust the stack.
const DEPTH_MAX: usize = 64;

/// A part of a function's text and where it begins, in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub(super) kind: TermKind,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TermKind {
    Integer(i64),
    Real(f64),
    Text(String),
    Boolean(bool),
    /// `$name`.
    Reference(String),
    Call(String, Vec<Term>),
}

/// Reads a whole text.
pub(super) fn parse(text: &str) -> Result<Term, ExpressionError> {
    let mut parser = Parser { text, at: 0, depth: 0 };
    let term = parser.term()?;
    parser.skip_blanks();
    match parser.next() {
        None => Ok(term),
        Some(character) => Err(parser.unexpected(character, "the end")),
    }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
}

impl<'t> Parser<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn next(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip_blanks(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn unexpected(&self, found: char, expected: &str) -> ExpressionError {
        ExpressionError::new(self.at, format!("{expected} is expected here, not '{found}'"))
    }

    fn term(&mut self) -> Result<Term, ExpressionError> {
        self.skip_blanks();
        let at = self.at;
        let kind = match self.next() {
            None => return Err(ExpressionError::new(at, "a value is expected here, not the end".to_owned())),
            Some('$') => {
                self.at += 1;
                TermKind::Reference(self.name("a field or function after '$'")?)
            }
            Some('#') => {
                let what = "properties (#name) are not built yet".to_owned();
                return Err(ExpressionError::new(at, what));
            }
            Some(quote @ ('\'' | '"')) => TermKind::Text(self.quoted(quote)?),
            Some(character) if character.is_ascii_digit() || matches!(character, '-' | '+' | '.') => self.number()?,
            Some(_) => {
                let name = self.name("a value")?;
                self.skip_blanks();
                match (self.next(), name.as_str()) {
                    (Some('('), _) => {
                        self.at += 1;
                        TermKind::Call(name, self.arguments()?)
                    }
                    (_, "true") => TermKind::Boolean(true),
                    (_, "false") => TermKind::Boolean(false),
                    (_, name) => {
                        let what = format!("\"{name}\" is no value: fields are written ${name}, functions {name}(…)");
                        return Err(ExpressionError { len: name.len(), ..ExpressionError::new(at, what) });
                    }
                }
            }
        };
        Ok(Term { kind, at })
    }

    fn name(&mut self, expected: &str) -> Result<String, ExpressionError> {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        if end == 0 {
            return Err(match self.next() {
                Some(character) => self.unexpected(character, expected),
                None => ExpressionError::new(self.at, format!("{expected} is expected here, not the end")),
            });
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn number(&mut self) -> Result<TermKind, ExpressionError> {
        let rest = self.rest();
        let end = rest[1..].find(|c: char| !c.is_ascii_digit() && c != '.').map_or(rest.len(), |length| length + 1);
        let text = &rest[..end];
        let kind = text.parse().map(TermKind::Integer).ok().or_else(|| text.parse().map(TermKind::Real).ok());
        let what = || format!("{text} is no number that fits 64 bits");
        let kind = kind.ok_or_else(|| ExpressionError { len: end, ..ExpressionError::new(self.at, what()) })?;
        self.at += end;
        Ok(kind)
    }

    /// A text up to its closing quote; a backslash keeps a quote or backslash after it.
    fn quoted(&mut self, quote: char) -> Result<String, ExpressionError> {
        let start = self.at;
        let mut text = String::new();
        let mut characters = self.rest().char_indices().skip(1).peekable();
        while let Some((i, character)) = characters.next() {
            if character == quote {
                self.at += i + 1;
                return Ok(text);
            }
            match characters.peek() {
                Some(&(_, kept)) if character == '\\' && (kept == quote || kept == '\\') => {
                    characters.next();
                    text.push(kept);
                }
                Some(_) | None => text.push(character),
            }
        }
        Err(ExpressionError::new(start, "this text has no closing quote".to_owned()))
    }

    /// What stands between an opening bracket, already taken, and its closing one.
    fn arguments(&mut self) -> Result<Vec<Term>, ExpressionError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ExpressionError::new(self.at, format!("more than {DEPTH_MAX} calls inside each other")));
        }
        let mut list = Vec::new();
        self.skip_blanks();
        if self.next() == Some(')') {
            self.at += 1;
            self.depth -= 1;
            return Ok(list);
        }
        loop {
            list.push(self.term()?);
            self.skip_blanks();
            match self.next() {
                Some(',') => self.at += 1,
                Some(')') => {
                    self.at += 1;
                    self.depth -= 1;
                    return Ok(list);
                }
                Some(other) => return Err(self.unexpected(other, "\",\" or \")\"")),
                None => {
                    return Err(ExpressionError::new(self.at, "\")\" is expected here, not the end".to_owned()));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_nest() {
        let term = parse(" if( gt($x,-1.5), 'it\\'s', string($y) ) ").unwrap();
        let TermKind::Call(name, arguments) = term.kind else { panic!("no call") };
        assert_eq!((name.as_str(), arguments.len()), ("if", 3));
        assert_eq!(arguments[1].kind, TermKind::Text("it's".to_owned()));
    }

    #[test]
    fn what_is_wrong_has_a_place() {
        let place = |text: &str| parse(text).map_err(|error| error.at);
        assert_eq!(place("sum(1,"), Err(6));
        assert_eq!(place("sum(1 2)"), Err(6));
        assert_eq!(place("price"), Err(0));
        assert_eq!(place("sum(1) x"), Err(7));
        assert_eq!(place("'open"), Err(0));
        assert!(place(&"f(".repeat(100)).is_err());
    }
}
