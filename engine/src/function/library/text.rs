//! Texts. Positions count characters from 0.

use crate::expression::call::{Answer, Function, INT, Nulls, Scalar, TEXT, fixed, optional, variadic};
use crate::expression::program::Type;

pub(super) const FUNCTIONS: &[Function] = &[
    variadic("string", &[TEXT], 1, Type::Text, Nulls::Seen, join),
    variadic("concat", &[TEXT], 1, Type::Text, Nulls::Seen, join),
    optional("substring", &[TEXT, INT, INT], 2, Type::Text, |arguments, text| {
        let length = arguments.get(2).map_or(usize::MAX, |&length| size(length));
        text.extend(arguments[0].text().chars().skip(size(arguments[1])).take(length));
        Answer::Text
    }),
    fixed("stringLength", &[TEXT], Type::Int, |arguments, _| count(arguments[0].text().chars().count())),
    fixed("normalizeSpace", &[TEXT], Type::Text, |arguments, text| {
        for (i, word) in arguments[0].text().split_whitespace().enumerate() {
            if i > 0 {
                text.push(' ');
            }
            text.push_str(word);
        }
        Answer::Text
    }),
    fixed("translate", &[TEXT, TEXT, TEXT], Type::Text, |arguments, text| {
        translate(text, arguments[0].text(), arguments[1].text(), arguments[2].text());
        Answer::Text
    }),
    fixed("toLower", &[TEXT], Type::Text, |arguments, text| {
        text.extend(arguments[0].text().chars().flat_map(char::to_lowercase));
        Answer::Text
    }),
    fixed("toUpper", &[TEXT], Type::Text, |arguments, text| {
        text.extend(arguments[0].text().chars().flat_map(char::to_uppercase));
        Answer::Text
    }),
    fixed("indexOf", &[TEXT, TEXT], Type::Int, |arguments, _| {
        let whole = arguments[0].text();
        whole.find(arguments[1].text()).map_or(Answer::Int(-1), |at| count(whole[..at].chars().count()))
    }),
    fixed("contains", &[TEXT, TEXT], Type::Bool, |arguments, _| {
        Answer::from(arguments[0].text().contains(arguments[1].text()))
    }),
    fixed("startsWith", &[TEXT, TEXT], Type::Bool, |arguments, _| {
        Answer::from(arguments[0].text().starts_with(arguments[1].text()))
    }),
    fixed("endsWith", &[TEXT, TEXT], Type::Bool, |arguments, _| {
        Answer::from(arguments[0].text().ends_with(arguments[1].text()))
    }),
];

fn join(arguments: &[Scalar<'_>], text: &mut String) -> Answer {
    arguments.iter().for_each(|argument| text.push_str(argument.text()));
    Answer::Text
}

fn count(value: usize) -> Answer {
    i64::try_from(value).map_or(Answer::Null, Answer::Int)
}

/// A position or length; negative ones are 0.
fn size(value: Scalar<'_>) -> usize {
    usize::try_from(value.int()).unwrap_or(0)
}

/// Replaces each character of `from` by the one at its place in `to`, or by nothing when `to` is shorter.
fn translate(text: &mut String, whole: &str, from: &str, to: &str) {
    for character in whole.chars() {
        match from.chars().position(|other| other == character) {
            Some(place) => text.extend(to.chars().nth(place)),
            None => text.push(character),
        }
    }
}
