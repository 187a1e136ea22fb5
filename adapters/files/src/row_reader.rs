//! Lines of a file or pipe, with the byte where each ends.

use std::io::{self, ErrorKind, Read};

/// The longest line that is taken for a row; a longer one is an error, because it could be no event.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// Bytes asked of the system at once.
const READ_BYTES: usize = 64 * 1024;

/// What came next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Advance {
    /// A row: [`RowReader::row`] has it.
    Row,
    /// No further row so far; later there may be one.
    End,
    /// The next row is longer than [`ROW_BYTES_MAX`].
    TooLong,
}

/// Reads row by row; at the end it can be asked again, as a growing file wants it.
#[derive(Debug)]
pub(crate) struct RowReader<R> {
    input: R,
    buffer: Vec<u8>,
    /// The row at hand in the buffer, without its line end.
    row: std::ops::Range<usize>,
    /// Where the next row begins in the buffer.
    next: usize,
    /// Bytes of the source before `next`.
    offset: u64,
}

impl<R: Read> RowReader<R> {
    /// `input` stands at its start.
    pub(crate) const fn new(input: R) -> Self {
        Self { input, buffer: Vec::new(), row: 0..0, next: 0, offset: 0 }
    }

    /// The row at hand, without its line end.
    pub(crate) fn row(&self) -> &[u8] {
        &self.buffer[self.row.clone()]
    }

    /// Bytes of the source up to the end of the row at hand, its line end included.
    pub(crate) const fn offset(&self) -> u64 {
        self.offset
    }

    pub(crate) const fn input(&self) -> &R {
        &self.input
    }

    /// Forgets what was read ahead; the caller has set `input` back to its start.
    pub(crate) fn restart(&mut self) -> &mut R {
        self.buffer.clear();
        (self.row, self.next, self.offset) = (0..0, 0, 0);
        &mut self.input
    }

    /// Goes on to the next row. A last line without its end counts only when `take_unended`.
    pub(crate) fn advance(&mut self, take_unended: bool) -> io::Result<Advance> {
        let mut searched = self.next;
        loop {
            let unread = &self.buffer[searched..];
            if let Some(length) = unread.iter().position(|&byte| byte == b'\n') {
                return Ok(self.take(searched + length, 1));
            }
            searched = self.buffer.len();
            if searched - self.next > ROW_BYTES_MAX {
                return Ok(Advance::TooLong);
            }
            if self.next > 0 {
                self.buffer.drain(..self.next);
                (self.row, searched, self.next) = (0..0, searched - self.next, 0);
            }
            if self.read_more()? == 0 {
                let has_rest = take_unended && self.next < self.buffer.len();
                return Ok(if has_rest { self.take(self.buffer.len(), 0) } else { Advance::End });
            }
        }
    }

    /// Makes the bytes up to `end` the row at hand.
    fn take(&mut self, end: usize, line_end: usize) -> Advance {
        let start = self.next;
        let bytes = &self.buffer[start..end];
        let length = bytes.strip_suffix(b"\r").unwrap_or(bytes).len();
        self.row = start..start + length;
        self.next = end + line_end;
        self.offset += (self.next - start) as u64;
        if length > ROW_BYTES_MAX { Advance::TooLong } else { Advance::Row }
    }

    fn read_more(&mut self) -> io::Result<usize> {
        let filled = self.buffer.len();
        self.buffer.resize(filled + READ_BYTES, 0);
        let read = loop {
            match self.input.read(&mut self.buffer[filled..]) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                other => break other,
            }
        };
        self.buffer.truncate(filled + *read.as_ref().unwrap_or(&0));
        read
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte at a time, and an end after each line.
    struct Trickle<'t>(&'t [u8], bool);

    impl Read for Trickle<'_> {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            let [first, rest @ ..] = self.0 else { return Ok(0) };
            if std::mem::replace(&mut self.1, *first == b'\n') && *first != b'\n' {
                return Ok(0);
            }
            out[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn rows(reader: &mut RowReader<impl Read>, take_unended: bool) -> Vec<(String, u64)> {
        let mut rows = Vec::new();
        while reader.advance(take_unended).unwrap() == Advance::Row {
            rows.push((String::from_utf8(reader.row().to_vec()).unwrap(), reader.offset()));
        }
        rows
    }

    #[test]
    fn rows_end_at_line_ends_of_either_kind() {
        let text = b"a\r\n\nlast".as_slice();
        let expected = [("a".to_owned(), 3), (String::new(), 4), ("last".to_owned(), 8)];
        assert_eq!(rows(&mut RowReader::new(text), true), expected);
        assert_eq!(rows(&mut RowReader::new(text), false), expected[..2]);
    }

    #[test]
    fn a_row_that_arrives_in_pieces_is_one_row() {
        let mut reader = RowReader::new(Trickle(b"one\ntwo\nthr", false));
        let mut all = Vec::new();
        for _ in 0..20 {
            all.extend(rows(&mut reader, false));
        }
        assert_eq!(all, [("one".to_owned(), 4), ("two".to_owned(), 8)]);
        assert_eq!(rows(&mut reader, true), [("thr".to_owned(), 11)]);
    }

    #[test]
    fn a_row_that_never_ends_is_refused_before_it_fills_the_memory() {
        let mut reader = RowReader::new(io::repeat(b'x'));
        assert_eq!(reader.advance(true).unwrap(), Advance::TooLong);
        assert!(reader.buffer.len() <= ROW_BYTES_MAX + 2 * READ_BYTES);
    }
}
