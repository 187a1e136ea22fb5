//! Words of the expression language.

use super::ExpressionError;

/// A word and where it begins, in bytes from the start of the text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) at: usize,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum TokenKind {
    Integer(i64),
    Real(f64),
    Text(String),
    /// A word that is no quoted text; keywords too.
    Name(String),
    /// A name in backquotes: never a keyword.
    QuotedName(String),
    /// An operator or bracket.
    Sign(&'static str),
    /// The end of a line; statements may end here.
    Newline,
    End,
}

/// Longest first, so that `<=` isn't read as `<`.
const SIGNS: [&str; 20] =
    ["==", "!=", "<>", "<=", ">=", "&&", "||", "<", ">", "=", "!", "&", "+", "-", "*", "/", "%", "(", ")", ","];

/// Cuts a text into words; comments (`// …`, `/* … */`) and blanks are left out.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, ExpressionError> {
    let mut list = Vec::new();
    let mut at = 0;
    while let Some(character) = text[at..].chars().next() {
        let rest = &text[at..];
        let (kind, length) = if character == '\n' {
            (Some(TokenKind::Newline), 1)
        } else if character.is_whitespace() {
            (None, character.len_utf8())
        } else if rest.starts_with("//") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else if rest.starts_with("/*") {
            let end = rest.find("*/").ok_or_else(|| ExpressionError::new(at, "this comment has no end".to_owned()))?;
            (None, end + 2)
        } else if character.is_ascii_digit()
            || (character == '.' && rest[1..].starts_with(|c: char| c.is_ascii_digit()))
        {
            let (kind, length) = number(rest, at)?;
            (Some(kind), length)
        } else if character == '"' || character == '\'' || character == '`' {
            let (text, length) = quoted(rest, character, at)?;
            (Some(if character == '`' { TokenKind::QuotedName(text) } else { TokenKind::Text(text) }), length)
        } else if character.is_alphabetic() || character == '_' {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            (Some(TokenKind::Name(rest[..end].to_owned())), end)
        } else if character == ';' {
            (Some(TokenKind::Newline), 1)
        } else if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            (Some(TokenKind::Sign(sign)), sign.len())
        } else {
            return Err(ExpressionError::new(at, format!("'{character}' means nothing in an expression")));
        };
        if let Some(kind) = kind {
            list.push(Token { kind, at });
        }
        at += length;
    }
    list.push(Token { kind: TokenKind::End, at: text.len() });
    Ok(list)
}

/// A number at the start of `rest`, and its length.
fn number(rest: &str, at: usize) -> Result<(TokenKind, usize), ExpressionError> {
    let digits =
        |from: usize| rest[from..].find(|c: char| !c.is_ascii_digit()).map_or(rest.len(), |length| from + length);
    let mut end = digits(0);
    let mut real = false;
    if rest[end..].starts_with('.') {
        end = digits(end + 1);
        real = true;
    }
    if rest[end..].starts_with(['e', 'E']) {
        let sign = usize::from(rest[end + 1..].starts_with(['+', '-']));
        let exponent = digits(end + 1 + sign);
        if exponent > end + 1 + sign {
            end = exponent;
            real = true;
        }
    }
    let text = &rest[..end];
    let wrong = || ExpressionError::new(at, format!("{text} is no number that fits 64 bits"));
    let kind = if real {
        TokenKind::Real(text.parse().map_err(|_| wrong())?)
    } else {
        TokenKind::Integer(text.parse().map_err(|_| wrong())?)
    };
    Ok((kind, end))
}

/// A text up to its closing quote, and the length with both quotes; a backslash keeps the character after it.
fn quoted(rest: &str, quote: char, at: usize) -> Result<(String, usize), ExpressionError> {
    let mut text = String::new();
    let mut characters = rest.char_indices().skip(1);
    while let Some((i, character)) = characters.next() {
        match character {
            _ if character == quote => return Ok((text, i + 1)),
            '\\' => match characters.next() {
                Some((_, 'n')) => text.push('\n'),
                Some((_, 't')) => text.push('\t'),
                Some((_, 'r')) => text.push('\r'),
                Some((_, other)) if other == quote || other == '\\' => text.push(other),
                Some((_, other)) => text.extend(['\\', other]),
                None => break,
            },
            _ => text.push(character),
        }
    }
    Err(ExpressionError::new(at, "this text has no closing quote".to_owned()))
}
