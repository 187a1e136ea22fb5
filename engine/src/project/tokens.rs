//! `@NAME@`: words that stand for values of the project's `properties` or of the environment.

use std::collections::BTreeMap;

/// A word in `@…@` that nothing gives a value to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unresolved {
    /// Byte of the first `@` in the text.
    pub offset: usize,
    /// Without the `@`s.
    pub name: String,
}

/// Who gives values to tokens: first the project itself, so that all replicas agree, then the environment.
pub(super) struct Tokens<'e> {
    properties: BTreeMap<String, String>,
    environment: &'e dyn Fn(&str) -> Option<String>,
}

impl<'e> Tokens<'e> {
    pub(super) fn new(environment: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { properties: BTreeMap::new(), environment }
    }

    /// Adds a property of the project; its value stands for itself and is not looked at for tokens again.
    pub(super) fn define(&mut self, name: String, value: String) {
        self.properties.insert(name, value);
    }

    /// The text with its tokens replaced; an `@` that doesn't begin a token stays.
    pub(super) fn replace(&self, text: &str) -> Result<String, Unresolved> {
        let mut replaced = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('@') {
            replaced.push_str(&rest[..at]);
            let offset = text.len() - rest.len() + at;
            rest = &rest[at + 1..];
            match token(rest) {
                None => replaced.push('@'),
                Some(name) => {
                    let value = self.value(name).ok_or_else(|| Unresolved { offset, name: name.to_owned() })?;
                    replaced.push_str(&value);
                    rest = &rest[name.len() + 1..];
                }
            }
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    fn value(&self, name: &str) -> Option<String> {
        self.properties.get(name).cloned().or_else(|| (self.environment)(name))
    }
}

/// The name of the token whose first `@` was just passed: a letter or `_`, then letters, digits and `_`, up to the next `@`.
fn token(rest: &str) -> Option<&str> {
    let (name, _) = rest.split_once('@')?;
    let first = name.chars().next()?;
    let word = |character: char| character.is_ascii_alphanumeric() || character == '_';
    (name.chars().all(word) && !first.is_ascii_digit()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replace(text: &str) -> Result<String, Unresolved> {
        let environment = |name: &str| match name {
            "HOME" => Some("/home/p".to_owned()),
            "LABEL" => Some("from the environment".to_owned()),
            _ => None,
        };
        let mut tokens = Tokens::new(&environment);
        tokens.define("LABEL".into(), "plant".into());
        tokens.define("RAW".into(), "@HOME@".into());
        tokens.replace(text)
    }

    #[test]
    fn tokens_are_replaced_and_the_project_wins() {
        assert_eq!(replace("@HOME@/@LABEL@.csv").unwrap(), "/home/p/plant.csv");
        assert_eq!(replace("@LABEL@@LABEL@").unwrap(), "plantplant");
    }

    #[test]
    fn a_value_is_not_looked_at_again() {
        assert_eq!(replace("@RAW@").unwrap(), "@HOME@");
    }

    #[test]
    fn other_at_signs_stay() {
        for text in ["a@b", "@", "@@", "me@host.org, you@host.org", "@1X@", "x@ y@", "ü@ü@ü"] {
            assert_eq!(replace(text).unwrap(), text);
        }
        assert_eq!(replace("a@ b@HOME@").unwrap(), "a@ b/home/p");
    }

    #[test]
    fn a_token_without_a_value_is_named() {
        assert_eq!(replace("x/@NOPE@").unwrap_err(), Unresolved { offset: 2, name: "NOPE".into() });
    }
}
