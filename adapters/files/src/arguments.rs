//! The `-C` argument: `key=value,key=value`.

use crate::error::ConfigFault;

/// Splits at commas that stand outside of double quotes, and each part at its first `=`; inside quotes `\"` is a quote.
///
/// # Errors
/// [`ConfigFault::NoPair`] for a part without `=`, [`ConfigFault::QuoteNotClosed`], [`ConfigFault::Repeated`].
pub fn split_arguments(text: &str) -> Result<Vec<(String, String)>, ConfigFault> {
    let mut pairs: Vec<(String, String)> = Vec::new();
    for part in parts(text)? {
        let Some((key, value)) = part.split_once('=') else {
            return Err(ConfigFault::NoPair { text: part });
        };
        let (key, value) = (key.trim().to_owned(), value.trim().to_owned());
        if pairs.iter().any(|(earlier, _)| *earlier == key) {
            return Err(ConfigFault::Repeated { key });
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// The parts without their quotes; empty ones, as behind a last comma, are left out.
fn parts(text: &str) -> Result<Vec<String>, ConfigFault> {
    let (mut parts, mut part, mut in_quotes) = (Vec::new(), String::new(), false);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '"' => in_quotes = !in_quotes,
            '\\' if in_quotes && letters.peek() == Some(&'"') => part.extend(letters.next()),
            ',' if !in_quotes => parts.push(std::mem::take(&mut part)),
            other => part.push(other),
        }
    }
    if in_quotes {
        return Err(ConfigFault::QuoteNotClosed { text: text.to_owned() });
    }
    parts.push(part);
    parts.retain(|part| !part.trim().is_empty());
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> String {
        match split_arguments(text) {
            Ok(pairs) => pairs.iter().map(|(key, value)| format!("[{key}|{value}]")).collect(),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn values_with_commas_stand_in_quotes() {
        assert_eq!(split("type=pub, fsname = a b.csv ,rate=5,"), "[type|pub][fsname|a b.csv][rate|5]");
        assert_eq!(
            split(r#"dateformat="%d,%b",url=dfESP://h:1/a/b/c?x=y"#),
            "[dateformat|%d,%b][url|dfESP://h:1/a/b/c?x=y]"
        );
        assert_eq!(split(r#""fsname=a,b",csvfielddelimiter=";""#), "[fsname|a,b][csvfielddelimiter|;]");
        assert_eq!(split(r#"a="say \"hi\"",b=C:\x"#), r#"[a|say "hi"][b|C:\x]"#);
        assert_eq!(split(""), "");
    }

    #[test]
    fn what_is_no_pair_is_named() {
        assert_eq!(split("type=pub,oops"), "\"oops\" has no =: write key=value, and put values with commas in quotes");
        assert_eq!(split("a=\"b"), "the quote in \"a=\"b\" isn't closed");
        assert_eq!(split("a=1,a=2"), "\"a\" is given twice");
    }
}
