//! The fields of a row, one pass over its bytes.

use crate::reject::Reason;

/// Where a field ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// At a delimiter: another field follows, be it empty.
    Delimiter,
    /// At the row's end.
    Row,
}

/// A field's text with blanks, quotes and escapes taken off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FieldText<'t> {
    pub(crate) text: &'t [u8],
    /// It stood in quotes: `""` is the empty text, while nothing at all is null.
    pub(crate) quoted: bool,
}

impl FieldText<'_> {
    pub(crate) const fn is_null(&self) -> bool {
        self.text.is_empty() && !self.quoted
    }
}

/// Walks over rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Cursor<'p> {
    bytes: &'p [u8],
    at: usize,
    delimiter: u8,
}

impl<'p> Cursor<'p> {
    pub(crate) const fn new(bytes: &'p [u8], delimiter: u8) -> Self {
        Self { bytes, at: 0, delimiter }
    }

    pub(crate) const fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// What is left, from the current row on.
    pub(crate) fn rest(&self) -> &'p [u8] {
        &self.bytes[self.at.min(self.bytes.len())..]
    }

    /// Goes to the start of the next line; gives the text passed over, without its line end.
    pub(crate) fn skip_line(&mut self) -> &'p [u8] {
        let rest = self.rest();
        let length = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        self.at = (self.at + length + 1).min(self.bytes.len());
        rest[..length].strip_suffix(b"\r").unwrap_or(&rest[..length])
    }

    /// Passes over a line without anything but blanks; tells whether there was one.
    pub(crate) fn skip_blank_line(&mut self) -> bool {
        let mut at = self.at;
        loop {
            match self.bytes.get(at) {
                Some(b'\n') => break at += 1,
                Some(b' ' | b'\t' | b'\r') if self.bytes[at] != self.delimiter => at += 1,
                Some(_) => return false,
                None => break,
            }
        }
        self.at = at;
        true
    }

    /// The next field of the row; `scratch` takes its text when escapes change it.
    ///
    /// After [`End::Row`] the cursor stands at the next row.
    pub(crate) fn field<'t>(&mut self, scratch: &'t mut Vec<u8>) -> Result<(FieldText<'t>, End), Reason>
    where
        'p: 't,
    {
        self.skip_blanks();
        if self.bytes.get(self.at) == Some(&b'"') { self.quoted(scratch) } else { self.bare(scratch) }
    }

    fn bare<'t>(&mut self, scratch: &'t mut Vec<u8>) -> Result<(FieldText<'t>, End), Reason>
    where
        'p: 't,
    {
        let start = self.at;
        let rest = &self.bytes[start..];
        let delimiter = self.delimiter;
        let stop = rest.iter().position(|&byte| byte == delimiter || byte == b'\n' || byte == b'\\');
        let length = stop.unwrap_or(rest.len());
        if rest.get(length) == Some(&b'\\') {
            return Ok(self.bare_with_escapes(scratch));
        }
        let end = self.pass_end(start + length);
        Ok((FieldText { text: self.trimmed(&rest[..length], end), quoted: false }, end))
    }

    #[cold]
    fn bare_with_escapes<'t>(&mut self, scratch: &'t mut Vec<u8>) -> (FieldText<'t>, End) {
        scratch.clear();
        // Blanks up to here were escaped or followed by something: they stay.
        let mut kept = 0;
        loop {
            match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (Some(b'\\'), Some(&next)) if next == self.delimiter || next == b'"' => {
                    scratch.push(next);
                    self.at += 2;
                    kept = scratch.len();
                }
                (Some(&byte), _) if byte != self.delimiter && byte != b'\n' => {
                    scratch.push(byte);
                    self.at += 1;
                }
                (_, _) => break,
            }
        }
        let end = self.pass_end(self.at);
        let trimmed = self.trimmed(&scratch[kept..], end).len();
        scratch.truncate(kept + trimmed);
        (FieldText { text: scratch, quoted: false }, end)
    }

    fn quoted<'t>(&mut self, scratch: &'t mut Vec<u8>) -> Result<(FieldText<'t>, End), Reason>
    where
        'p: 't,
    {
        self.at += 1;
        let rest = &self.bytes[self.at..];
        let stop = rest.iter().position(|&byte| matches!(byte, b'"' | b'\\' | b'\n'));
        let length = stop.unwrap_or(rest.len());
        if rest.get(length) == Some(&b'"') && rest.get(length + 1) != Some(&b'"') {
            self.at += length + 1;
            let end = self.end_after_quote()?;
            return Ok((FieldText { text: &rest[..length], quoted: true }, end));
        }
        self.unescape_quoted(scratch)?;
        let end = self.end_after_quote()?;
        Ok((FieldText { text: scratch, quoted: true }, end))
    }

    /// Copies up to the closing quote and passes it.
    fn unescape_quoted(&mut self, scratch: &mut Vec<u8>) -> Result<(), Reason> {
        scratch.clear();
        loop {
            let (byte, length) = match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
                (None | Some(b'\n'), _) => return Err(Reason::UnclosedQuote),
                (Some(b'"'), Some(b'"')) => (b'"', 2),
                (Some(b'"'), _) => break,
                (Some(b'\\'), Some(&byte @ (b'"' | b'\\'))) => (byte, 2),
                (Some(b'\\'), Some(&byte)) if byte == self.delimiter => (byte, 2),
                (Some(b'\\'), Some(b'n')) => (b'\n', 2),
                (Some(b'\\'), Some(b'r')) => (b'\r', 2),
                (Some(&byte), _) => (byte, 1),
            };
            scratch.push(byte);
            self.at += length;
        }
        self.at += 1;
        Ok(())
    }

    /// Only blanks may stand between a closing quote and the field's end.
    fn end_after_quote(&mut self) -> Result<End, Reason> {
        self.skip_blanks();
        match (self.bytes.get(self.at), self.bytes.get(self.at + 1)) {
            (Some(b'\r'), Some(b'\n') | None) => Ok(self.pass_end(self.at + 1)),
            (Some(&byte), _) if byte != self.delimiter && byte != b'\n' => Err(Reason::TextAfterQuote),
            (_, _) => Ok(self.pass_end(self.at)),
        }
    }

    fn skip_blanks(&mut self) {
        while self.bytes.get(self.at).is_some_and(|&byte| self.is_blank(byte)) {
            self.at += 1;
        }
    }

    /// Passes the delimiter or line end at `at`.
    fn pass_end(&mut self, at: usize) -> End {
        self.at = (at + 1).min(self.bytes.len());
        match self.bytes.get(at) {
            Some(&byte) if byte == self.delimiter => End::Delimiter,
            Some(_) | None => End::Row,
        }
    }

    const fn is_blank(&self, byte: u8) -> bool {
        (byte == b' ' || byte == b'\t') && byte != self.delimiter
    }

    /// Without blanks behind, and without the CR of a CRLF.
    fn trimmed<'t>(&self, text: &'t [u8], end: End) -> &'t [u8] {
        let text = match end {
            End::Delimiter => text,
            End::Row => text.strip_suffix(b"\r").unwrap_or(text),
        };
        let length = text.iter().rposition(|&byte| !self.is_blank(byte)).map_or(0, |last| last + 1);
        &text[..length]
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;

    fn check(payload: &str, expected: &Expect) {
        let mut cursor = Cursor::new(payload.as_bytes(), b',');
        let (mut scratch, mut text) = (Vec::new(), String::new());
        while !cursor.is_at_end() {
            match cursor.field(&mut scratch) {
                Ok((field, end)) => {
                    let quote = if field.quoted { "'" } else { "" };
                    text += &format!("[{quote}{}{quote}]", String::from_utf8_lossy(field.text).escape_debug());
                    text += if end == End::Row { "\n" } else { " " };
                }
                Err(reason) => {
                    let left = String::from_utf8_lossy(cursor.skip_line()).into_owned();
                    text += &format!("{reason}, skipped {left:?}\n");
                }
            }
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn blanks_around_values_are_cut() {
        check(
            "i, n ,\t1 , pitch\r\nd,n,2\n",
            &expect![[r#"
            [i] [n] [1] [pitch]
            [d] [n] [2]
        "#]],
        );
    }

    #[test]
    fn quotes_keep_blanks_and_delimiters() {
        check(
            "\" a, b \" ,\"say \"\"hi\"\"\",\"\"\r\n\"C:\\\\x \\\"y\\\" \\n\\t\",z",
            &expect![[r#"
                [' a, b '] ['say \"hi\"'] ['']
                ['C:\\x \"y\" \n\\t'] [z]
            "#]],
        );
    }

    #[test]
    fn a_backslash_escapes_delimiters_and_quotes_only() {
        check(
            "one\\, two , C:\\temp,\\\"x\\\", a\\\n",
            &expect![[r#"
                [one, two] [C:\\temp] [\"x\"] [a\\]
            "#]],
        );
    }

    #[test]
    fn a_stray_quote_costs_one_row() {
        check(
            "\"open,1\nb,\"x\"y,2\nc\n",
            &expect![[r#"
                quote isn't closed, skipped ""
                [b] text after the closing quote, skipped "y,2"
                [c]
            "#]],
        );
    }

    #[test]
    fn the_last_line_needs_no_end() {
        check(
            "a,\nb,",
            &expect![[r#"
            [a] []
            [b] "#]],
        );
    }
}
