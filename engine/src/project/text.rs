//! Where things stand in a project file.

use core::fmt;

/// A place in a project file; both numbers count from 1, columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Counted from 1.
    pub line: u32,
    /// Characters from the start of the line, from 1.
    pub column: u32,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// A value and the place in the file where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Located<T> {
    /// White space around texts is cut off.
    pub value: T,
    /// Where the value begins.
    pub position: Position,
}

impl Located<String> {
    /// The place of the byte `offset` of the value.
    ///
    /// Exact for text that stands in the file as it is (CDATA, or without entities); behind an entity or a replaced token it
    /// is off by their difference in length.
    #[must_use]
    pub fn position_of(&self, offset: usize) -> Position {
        let mut position = self.position;
        for (_, character) in self.value.char_indices().take_while(|&(at, _)| at < offset) {
            if character == '\n' {
                position = Position { line: position.line + 1, column: 1 };
            } else {
                position.column += 1;
            }
        }
        position
    }
}

/// Every so many bytes the number of characters is noted, so that a place in a very long line is found without reading it all.
const CHECKPOINT_BYTES: usize = 1024;

/// A project file's text, and its lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceText {
    file: String,
    text: String,
    /// Byte at which each line begins.
    line_starts: Vec<usize>,
    /// Characters before each multiple of [`CHECKPOINT_BYTES`].
    checkpoints: Vec<usize>,
}

impl SourceText {
    /// Notes where lines begin; a line ends with `\n`.
    #[must_use]
    pub fn new(file: &str, text: &str) -> Self {
        let ends = text.bytes().enumerate().filter(|&(_, byte)| byte == b'\n');
        let line_starts = core::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect();
        let checkpoints = text
            .as_bytes()
            .chunks(CHECKPOINT_BYTES)
            .scan(0, |before, chunk| {
                let here = *before;
                *before += characters(chunk);
                Some(here)
            })
            .collect();
        Self { file: file.to_owned(), text: text.to_owned(), line_starts, checkpoints }
    }

    /// The file's name, as given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The place of the byte at `offset`; past the end, the end's.
    #[must_use]
    pub fn position_at(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let line = self.line_starts.partition_point(|&start| start <= offset);
        let start = self.line_starts.get(line - 1).copied().unwrap_or(0);
        let column = self.characters_before(offset) - self.characters_before(start) + 1;
        Position { line: saturate(line), column: saturate(column) }
    }

    /// The line of the given number, without its end.
    #[must_use]
    pub fn line(&self, number: u32) -> Option<&str> {
        let index = (number as usize).checked_sub(1)?;
        let start = *self.line_starts.get(index)?;
        let end = self.line_starts.get(index + 1).copied().unwrap_or(self.text.len());
        self.text.get(start..end).map(|line| line.trim_end_matches(['\n', '\r']))
    }

    /// The text between two bytes; empty when they don't fit.
    pub(super) fn slice(&self, range: core::ops::Range<usize>) -> &str {
        self.text.get(range).unwrap_or_default()
    }

    fn characters_before(&self, offset: usize) -> usize {
        let checkpoint = offset / CHECKPOINT_BYTES;
        let Some(before) = self.checkpoints.get(checkpoint) else {
            return characters(self.text.as_bytes());
        };
        before + self.text.as_bytes().get(checkpoint * CHECKPOINT_BYTES..offset).map_or(0, characters)
    }
}

/// How many characters of UTF-8 begin in the bytes.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0b1100_0000 != 0b1000_0000).count()
}

fn saturate(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = SourceText::new("f", "aü€\nx\r\n");
        let at = |offset| text.position_at(offset).to_string();
        assert_eq!([at(0), at(1), at(3), at(6), at(7), at(99)], ["1:1", "1:2", "1:3", "1:4", "2:1", "3:1"]);
        assert_eq!((text.line(1), text.line(2), text.line(3), text.line(4)), (Some("aü€"), Some("x"), Some(""), None));
    }

    #[test]
    fn an_offset_in_a_text_of_several_lines_is_found() {
        let text = Located { value: "one\n two".to_owned(), position: Position { line: 5, column: 9 } };
        assert_eq!(text.position_of(2).to_string(), "5:11");
        assert_eq!(text.position_of(5).to_string(), "6:2");
        assert_eq!(text.position_of(500).to_string(), "6:5");
    }

    proptest! {
        #[test]
        fn checkpoints_change_no_position(unit in "[aü€\n]{1,7}", times in 0_usize..900, offset in 0_usize..9_000) {
            let content = unit.repeat(times);
            let offset = (0..=offset.min(content.len())).rev().find(|&at| content.is_char_boundary(at)).unwrap();
            let before = &content[..offset];
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap().chars().count() + 1;
            let expected = format!("{line}:{column}");
            prop_assert_eq!(SourceText::new("f", &content).position_at(offset).to_string(), expected);
        }
    }
}
