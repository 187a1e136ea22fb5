//! Texts. Positions count characters from 1.

use crate::calendar;
use crate::expression::call::{ANY, Answer, DATE, Function, INT, Nulls, Scalar, TEXT, fixed, optional, variadic};
use crate::expression::program::Type;
use crate::expression::text::{TEXT_BYTES_MAX, parse_real};

/// Characters of a pattern, and of texts whose distance is asked for, at most; the result is null beyond. The work grows
/// with the product of two lengths.
const COMPARED_CHARS_MAX: usize = 2_048;

pub(super) const FUNCTIONS: &[Function] = &[
    super::PRINT,
    fixed("len", &[TEXT], Type::Int, |arguments, _| count(arguments[0].text().chars().count())),
    fixed("trim", &[TEXT], Type::Text, |arguments, text| put(text, arguments[0].text().trim())),
    fixed("ltrim", &[TEXT], Type::Text, |arguments, text| put(text, arguments[0].text().trim_start())),
    fixed("rtrim", &[TEXT], Type::Text, |arguments, text| put(text, arguments[0].text().trim_end())),
    fixed("lower", &[TEXT], Type::Text, |arguments, text| {
        text.extend(arguments[0].text().chars().flat_map(char::to_lowercase));
        Answer::Text
    }),
    fixed("upper", &[TEXT], Type::Text, |arguments, text| {
        text.extend(arguments[0].text().chars().flat_map(char::to_uppercase));
        Answer::Text
    }),
    fixed("left", &[TEXT, INT], Type::Text, |arguments, text| {
        text.extend(arguments[0].text().chars().take(size(arguments[1])));
        Answer::Text
    }),
    fixed("right", &[TEXT, INT], Type::Text, |arguments, text| {
        let whole = arguments[0].text();
        let skipped = whole.chars().count().saturating_sub(size(arguments[1]));
        text.extend(whole.chars().skip(skipped));
        Answer::Text
    }),
    optional("mid", &[TEXT, INT, INT], 2, Type::Text, |arguments, text| {
        let from = size(arguments[1]).max(1) - 1;
        let length = arguments.get(2).map_or(usize::MAX, |&length| size(length));
        text.extend(arguments[0].text().chars().skip(from).take(length));
        Answer::Text
    }),
    fixed("instr", &[TEXT, TEXT], Type::Int, |arguments, _| {
        let (whole, part) = (arguments[0].text(), arguments[1].text());
        count(whole.find(part).map_or(0, |at| whole[..at].chars().count() + 1))
    }),
    optional("replace", &[TEXT, TEXT, TEXT, INT], 3, Type::Text, |arguments, text| {
        let most = arguments.get(3).map_or(usize::MAX, |&most| size(most));
        let (whole, part) = (arguments[0].text(), arguments[1].text());
        let pieces = if part.is_empty() { 1 } else { most.saturating_add(1) };
        for (i, piece) in whole.splitn(pieces, part).enumerate() {
            if text.len() > TEXT_BYTES_MAX {
                break;
            }
            if i > 0 {
                text.push_str(arguments[2].text());
            }
            text.push_str(piece);
        }
        Answer::Text
    }),
    fixed("asc", &[TEXT], Type::Int, |arguments, _| {
        arguments[0].text().chars().next().map_or(Answer::Null, |first| Answer::Int(i64::from(u32::from(first))))
    }),
    fixed("chr", &[INT], Type::Text, |arguments, text| {
        match u32::try_from(arguments[0].int()).ok().and_then(char::from_u32) {
            Some(character) => {
                text.push(character);
                Answer::Text
            }
            None => Answer::Null,
        }
    }),
    fixed("compare", &[TEXT, TEXT], Type::Int, |arguments, _| {
        Answer::Int(arguments[0].text().cmp(arguments[1].text()) as i64)
    }),
    fixed("edit_distance", &[TEXT, TEXT], Type::Int, |arguments, _| {
        let (a, b) = (arguments[0].text(), arguments[1].text());
        let short = |text: &str| text.chars().nth(COMPARED_CHARS_MAX).is_none();
        if short(a) && short(b) { count(edit_distance(a, b)) } else { Answer::Null }
    }),
    fixed("isalpha", &[TEXT], Type::Bool, |arguments, _| {
        let text = arguments[0].text();
        Answer::from(!text.is_empty() && text.chars().all(char::is_alphabetic))
    }),
    fixed("isnumber", &[TEXT], Type::Bool, |arguments, _| Answer::from(parse_real(arguments[0].text()).is_some())),
    variadic("isblank", &[ANY], 1, Type::Bool, Nulls::Seen, |arguments, _| {
        Answer::from(match arguments[0] {
            Scalar::Null => true,
            Scalar::Text(text) => text.trim().is_empty(),
            Scalar::Int(_) | Scalar::Real(_) => false,
        })
    }),
    fixed("match_string", &[TEXT, TEXT], Type::Bool, |arguments, _| {
        let (text, pattern) = (arguments[0].text(), arguments[1].text());
        let short = pattern.chars().nth(COMPARED_CHARS_MAX).is_none();
        if short { Answer::from(matches(text, pattern)) } else { Answer::Null }
    }),
    fixed("formatdate", &[DATE, TEXT], Type::Text, |arguments, text| {
        format_date(text, arguments[0].int(), arguments[1].text());
        Answer::Text
    }),
];

fn put(text: &mut String, value: &str) -> Answer {
    text.push_str(value);
    Answer::Text
}

fn count(value: usize) -> Answer {
    i64::try_from(value).map_or(Answer::Null, Answer::Int)
}

/// A length; negative ones are 0.
fn size(value: Scalar<'_>) -> usize {
    usize::try_from(value.int()).unwrap_or(0)
}

/// Whether the whole text follows a pattern of characters, `*` (any number of them) and `?` (any one).
pub(crate) fn matches(text: &str, pattern: &str) -> bool {
    let (text, pattern): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
    let (mut at, mut next) = (0, 0);
    // After a `*`: where the pattern goes on, and which character of the text the `*` has not swallowed yet.
    let mut star: Option<(usize, usize)> = None;
    while at < text.len() {
        match pattern.get(next) {
            Some('*') => {
                star = Some((next + 1, at));
                next += 1;
            }
            Some(&character) if character == '?' || character == text[at] => {
                at += 1;
                next += 1;
            }
            Some(_) | None => match star {
                Some((after, swallowed)) => {
                    star = Some((after, swallowed + 1));
                    (next, at) = (after, swallowed + 1);
                }
                None => return false,
            },
        }
    }
    pattern[next..].iter().all(|&character| character == '*')
}

/// How many characters must be put in, taken out or changed to make one text the other.
pub(crate) fn edit_distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, &y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// `YYYY`, `YY`, `MMM` (a name), `MM`, `DD`, `hh`, `mm` (minutes), `ss`; other characters stay.
fn format_date(text: &mut String, micros: i64, format: &str) {
    const PARTS: [(&str, &str); 8] = [
        ("YYYY", "%Y"),
        ("YY", "%y"),
        ("MMM", "%b"),
        ("DD", "%d"),
        ("HH", "%H"),
        ("hh", "%H"),
        ("mm", "%M"),
        ("ss", "%S"),
    ];
    let mut rest = format;
    while let Some(character) = rest.chars().next() {
        let (directive, length) = match PARTS.iter().find(|(word, _)| rest.starts_with(word)) {
            Some((word, directive)) => (Some(*directive), word.len()),
            None if rest.starts_with("MM") => (Some("%m"), 2),
            None if rest.starts_with("SS") => (Some("%S"), 2),
            None => (None, character.len_utf8()),
        };
        match directive {
            Some(directive) => calendar::strftime(text, micros, directive),
            None => text.push(character),
        }
        rest = &rest[length..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_text_and_question_marks_for_one_character() {
        for (text, pattern, expected) in [
            ("Apex", "Apex", true),
            ("Apex", "apex", false),
            ("Apex", "A*", true),
            ("Apex", "*e?", true),
            ("Apex", "A?x", false),
            ("", "*", true),
            ("abcabd", "*abd", true),
            ("äöü", "?ö?", true),
        ] {
            assert_eq!(matches(text, pattern), expected, "{text} like {pattern}");
        }
    }

    #[test]
    fn the_distance_of_kitten_and_sitting_is_three() {
        assert_eq!(edit_distance("kitten", "sitting"), 3);
        assert_eq!(edit_distance("", "abc"), 3);
    }
}
