//! Reads elements word by word against the three lists, replaces tokens, and gathers problems and notices.

use roxmltree::{Attribute, Node};

use super::tokens::{Tokens, Unresolved};
use super::words::{Standing, Vocabulary, Words};
use super::{Located, Notice, Position, Problem, SourceText};

/// Problems told at most; at the bound further ones are dropped, they show once the first are fixed.
const PROBLEMS_MAX: usize = 100;

/// Why a word that is on no list is an error.
const UNKNOWN_WHY: &str = "a word that is not understood is never skipped";
/// What helps against a word of the third list.
const REFUSED_FIX: &str = "remove it if the project does not depend on it";
/// Choices listed in a message at most; with more of them it says nothing about them.
const CHOICES_MAX: usize = 12;

/// What every part of the loader reads through.
pub(super) struct Reader<'r> {
    source: &'r SourceText,
    pub tokens: Tokens<'r>,
    problems: Vec<Problem>,
    notices: Vec<Notice>,
}

impl<'r> Reader<'r> {
    pub(super) fn new(source: &'r SourceText, tokens: Tokens<'r>) -> Self {
        Self { source, tokens, problems: Vec::new(), notices: Vec::new() }
    }

    /// What was gathered: problems in the order of the file, and notices.
    pub(super) fn finish(mut self) -> (Vec<Problem>, Vec<Notice>) {
        self.problems.sort_by_key(|problem| problem.position);
        (self.problems, self.notices)
    }

    // Problems and notices.

    pub(super) fn add(&mut self, problem: Problem) {
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(problem);
        }
    }

    pub(super) fn has_problems(&self) -> bool {
        !self.problems.is_empty()
    }

    /// A problem with the name of an element.
    pub(super) fn problem_at_element(&self, node: Node<'_, '_>, what: String, why: &str) -> Problem {
        self.source.problem(self.position(node), node.tag_name().name().chars().count() + 1, what, why)
    }

    /// A problem with a value.
    pub(super) fn problem_at_value(&self, value: &Located<String>, what: String, why: &str) -> Problem {
        self.source.problem(value.position, first_line_len(&value.value), what, why)
    }

    /// A problem with whatever is at a position.
    pub(super) fn problem_at(&self, position: Position, len: usize, what: String, why: &str) -> Problem {
        self.source.problem(position, len, what, why)
    }

    fn notice(&mut self, position: Position, what: String, why: &'static str) {
        match self.notices.iter_mut().find(|notice| notice.what == what) {
            Some(notice) => notice.times += 1,
            None => self.notices.push(Notice { file: self.source.file().to_owned(), position, what, why, times: 1 }),
        }
    }

    // Places.

    /// Where an element begins.
    pub(super) fn position(&self, node: Node<'_, '_>) -> Position {
        self.source.position_at(node.range().start)
    }

    // Elements.

    /// Checks an element's attributes, children and text against what may stand there.
    pub(super) fn enter(&mut self, node: Node<'_, '_>, vocabulary: &Vocabulary) {
        let element = node.tag_name().name();
        for attribute in node.attributes().filter(|attribute| attribute.namespace().is_none()) {
            self.check_attribute(element, attribute, &vocabulary.attributes);
        }
        for child in node.children() {
            if child.is_element() {
                self.check_child(element, child, &vocabulary.children);
            } else if child.is_text() && !vocabulary.text {
                self.check_blank(element, child);
            }
        }
    }

    fn check_attribute(&mut self, element: &str, attribute: Attribute<'_, '_>, words: &Words) {
        let name = attribute.name();
        let position = self.source.position_at(attribute.range().start);
        match words.standing(name) {
            Standing::Works => (),
            Standing::NoEffect { why } => self.notice(position, format!("attribute {name}"), why),
            Standing::Refused { verdict, why } => {
                let what = format!("Attribute {name} of {element} {verdict}.");
                let problem = self.source.problem(position, name.chars().count(), what, why);
                self.add(problem.fix(REFUSED_FIX));
            }
            Standing::Unknown => {
                let what = format!("Unknown attribute \"{name}\" of {element}.");
                let problem = self.source.problem(position, name.chars().count(), what, UNKNOWN_WHY);
                self.add(with_choices(problem, name, words));
            }
        }
    }

    fn check_child(&mut self, element: &str, child: Node<'_, '_>, words: &Words) {
        let name = child.tag_name().name();
        match words.standing(name) {
            Standing::Works => (),
            Standing::NoEffect { why } => {
                self.notice(self.position(child), format!("element {name}"), why);
            }
            Standing::Refused { .. } if says_nothing(child) => (),
            Standing::Refused { verdict, why } => {
                let what = format!("Element {name} in {element} {verdict}.");
                let problem = self.problem_at_element(child, what, why);
                self.add(problem.fix(REFUSED_FIX));
            }
            Standing::Unknown => {
                let what = format!("Unknown element \"{name}\" in {element}.");
                let problem = self.problem_at_element(child, what, UNKNOWN_WHY);
                self.add(with_choices(problem, name, words));
            }
        }
    }

    fn check_blank(&mut self, element: &str, text: Node<'_, '_>) {
        if text.text().is_none_or(|text| text.trim().is_empty()) {
            return;
        }
        let position = self.source.position_at(self.text_start(text));
        let len = first_line_len(text.text().unwrap_or_default().trim());
        let what = format!("Text directly in {element}.");
        self.add(self.source.problem(position, len, what, "only elements stand there").fix("remove it"));
    }

    /// The children called `name`.
    pub(super) fn children<'a, 'input: 'a>(
        node: Node<'a, 'input>,
        name: &'static str,
    ) -> impl Iterator<Item = Node<'a, 'input>> {
        node.children().filter(move |child| child.is_element() && child.tag_name().name() == name)
    }

    /// The child called `name`; a second one is a problem.
    pub(super) fn child<'a, 'input>(&mut self, node: Node<'a, 'input>, name: &'static str) -> Option<Node<'a, 'input>> {
        let mut found = Self::children(node, name);
        let first = found.next();
        if let Some(second) = found.next() {
            let what = format!("A second {name} in {}.", node.tag_name().name());
            self.add(self.problem_at_element(second, what, "there may be one").fix("remove one of them"));
        }
        first
    }

    /// The child called `name`; it is a problem when there is none.
    pub(super) fn required_child<'a, 'input>(
        &mut self,
        node: Node<'a, 'input>,
        name: &'static str,
        why: &str,
    ) -> Option<Node<'a, 'input>> {
        let child = self.child(node, name);
        if child.is_none() {
            let what = format!("Element {} has no {name}.", node.tag_name().name());
            self.add(self.problem_at_element(node, what, why).fix(format!("add <{name}>")));
        }
        child
    }

    // Values.

    /// An attribute's value, if it is there.
    pub(super) fn attribute(&mut self, node: Node<'_, '_>, name: &str) -> Option<Located<String>> {
        let attribute =
            node.attributes().find(|attribute| attribute.namespace().is_none() && attribute.name() == name)?;
        self.value(attribute.value(), attribute.range_value().start)
    }

    /// An attribute's value; it is a problem when it is missing or empty.
    pub(super) fn required_attribute(
        &mut self,
        node: Node<'_, '_>,
        name: &'static str,
        why: &str,
    ) -> Option<Located<String>> {
        let value = match node.has_attribute(name) {
            // A value that can't be read has been told of.
            true => Some(self.attribute(node, name)?),
            false => None,
        };
        let value = value.filter(|value| !value.value.is_empty());
        if value.is_none() {
            let what = format!("Element {} has no {name}.", node.tag_name().name());
            self.add(self.problem_at_element(node, what, why).fix(format!("add {name}=\"…\"")));
        }
        value
    }

    /// A yes-or-no attribute; absent means `default`.
    pub(super) fn flag(&mut self, node: Node<'_, '_>, name: &str, default: bool) -> bool {
        let Some(value) = self.attribute(node, name) else { return default };
        match value.value.as_str() {
            "true" | "1" => true,
            "false" | "0" => false,
            other => {
                let what = format!("{name}=\"{other}\" is neither true nor false.");
                self.add(
                    self.problem_at_value(&value, what, "it decides between two behaviours").fix("write true or false"),
                );
                default
            }
        }
    }

    /// The text of an element, without white space around it; `None` when nothing is left.
    pub(super) fn text(&mut self, node: Node<'_, '_>) -> Option<Located<String>> {
        let text = node.children().filter(Node::is_text).filter_map(|child| child.text()).collect::<String>();
        let first = node
            .children()
            .find(|child| child.is_text() && child.text().is_some_and(|text| !text.trim().is_empty()))?;
        self.value(&text, self.text_start(first))
    }

    /// The text of an element; it is a problem when there is none.
    pub(super) fn required_text(&mut self, node: Node<'_, '_>, why: &str) -> Option<Located<String>> {
        if says_nothing_but_attributes(node) {
            let what = format!("Element {} is empty.", node.tag_name().name());
            self.add(self.problem_at_element(node, what, why));
            return None;
        }
        self.text(node)
    }

    /// Whether a value is one of the words that work; a problem says what else it is.
    pub(super) fn works(&mut self, value: &Located<String>, what: &str, words: &Words) -> bool {
        let word = &value.value;
        let problem = match words.standing(word) {
            Standing::Works => return true,
            Standing::NoEffect { why } => {
                self.notice(value.position, format!("{what} {word}"), why);
                return false;
            }
            Standing::Refused { verdict, why } => {
                let what = format!("{} {word} {verdict}.", capitalised(what));
                self.problem_at_value(value, what, why).fix(choices(words).unwrap_or_else(|| REFUSED_FIX.to_owned()))
            }
            Standing::Unknown => {
                let problem = self.problem_at_value(value, format!("Unknown {what} \"{word}\"."), UNKNOWN_WHY);
                with_choices(problem, word, words)
            }
        };
        self.add(problem);
        false
    }

    /// Replaces tokens in a value that begins at the byte `start`; a value that can't be had is a problem.
    fn value(&mut self, raw: &str, start: usize) -> Option<Located<String>> {
        let position = self.source.position_at(start);
        let trimmed = Located { value: raw.trim().to_owned(), position };
        if let Some(offset) = trimmed.value.find("{{{") {
            let what = "A template's tag is not filled in.".to_owned();
            let problem =
                self.source.problem(trimmed.position_of(offset), 3, what, "{{{…}}} stands for a value that is missing");
            self.add(problem.fix("fill in the template before it is loaded"));
            return None;
        }
        match self.tokens.replace(&trimmed.value) {
            Ok(value) => Some(Located { value, position }),
            Err(Unresolved { offset, name }) => {
                let at = trimmed.position_of(offset);
                let what = format!("@{name}@ has no value.");
                let why = "neither the project's properties nor the environment give it one";
                let problem = self.source.problem(at, name.chars().count() + 2, what, why);
                self.add(problem.fix(format!(
                    "set {name} in the environment, or add <property name=\"{name}\"> to the project's properties"
                )));
                None
            }
        }
    }

    /// The byte at which a text node's first character that is no white space stands in the file.
    fn text_start(&self, text: Node<'_, '_>) -> usize {
        let range = text.range();
        let raw = self.source.slice(range.clone());
        let inner = raw.trim_start();
        let inner = inner.strip_prefix("<![CDATA[").unwrap_or(inner).trim_start();
        range.start + raw.len() - inner.len()
    }
}

/// Whether an element has neither attributes nor child elements nor text: then it asks for nothing.
fn says_nothing(node: Node<'_, '_>) -> bool {
    node.attributes().len() == 0
        && !node.children().any(|child| child.is_element())
        && says_nothing_but_attributes(node)
}

fn says_nothing_but_attributes(node: Node<'_, '_>) -> bool {
    node.children().filter(Node::is_text).all(|child| child.text().is_none_or(|text| text.trim().is_empty()))
}

/// Adds what was probably meant, or else what there is to choose from.
fn with_choices(problem: Problem, written: &str, words: &Words) -> Problem {
    match (types::nearest(written, words.known()), choices(words)) {
        (None, Some(choices)) => problem.fix(choices),
        (None, None) => problem.fix("remove it"),
        (meant, _) => problem.suggest(meant),
    }
}

/// The words that work, unless they are too many to help.
fn choices(words: &Words) -> Option<String> {
    let working: Vec<&str> = words.working().collect();
    match working.as_slice() {
        [] => Some("remove it; nothing may stand here".to_owned()),
        [only] => Some(format!("remove it, or write {only}")),
        several if several.len() <= CHOICES_MAX => Some(format!("choose one of {}", several.join(", "))),
        _ => None,
    }
}

fn first_line_len(text: &str) -> usize {
    text.lines().next().map_or(1, |line| line.chars().count())
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
