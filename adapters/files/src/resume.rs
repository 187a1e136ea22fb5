//! Finding the published place of a file again, and proof that it is the same file.

use std::io::Read;

use ports::headers::SourceHeader;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::error::SourceChange;
use crate::row_reader::{Advance, RowReader};

/// Hash of a block's last row; the seed tells blocks of another size.
pub(crate) fn row_hash(row: &[u8], block_rows: u32) -> u64 {
    xxh3_64_with_seed(row, u64::from(block_rows))
}

/// Where reading goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// Lines of this pass that are read, header included.
    pub(crate) lines: u64,
    /// Data rows of earlier passes.
    pub(crate) rows_before: u64,
    /// Data rows of this pass that are read.
    pub(crate) rows: u64,
    /// Bytes of earlier passes.
    pub(crate) bytes_before: u64,
}

/// Reads up to the published place, row by row, so that lines can be counted and the last row be compared.
///
/// `length` is the file's; a published place behind it lies in a later pass when the file is repeated.
pub(crate) fn find(
    reader: &mut RowReader<impl Read>,
    published: &SourceHeader,
    length: u64,
    header_lines: u64,
    block_rows: u32,
    repeats: u32,
) -> std::io::Result<Result<Found, SourceChange>> {
    let byte = published.position.byte;
    let shorter = SourceChange::Shorter { bytes: length, published: byte };
    // The end of a pass belongs to it, not to the next one.
    let pass = byte.saturating_sub(1).checked_div(length).unwrap_or(u64::from(byte > 0));
    if pass > u64::from(repeats) {
        return Ok(Err(shorter));
    }
    let target = byte - pass * length;
    let mut found = Found { lines: 0, rows_before: 0, rows: 0, bytes_before: pass * length };
    let mut last_row = None;
    while reader.offset() < target {
        let start = reader.offset();
        if reader.advance(true)? != Advance::Row {
            return Ok(Err(shorter));
        }
        found.lines += 1;
        let row = reader.row();
        let is_data = found.lines > header_lines && !row.trim_ascii().is_empty();
        found.rows += u64::from(is_data);
        if is_data && reader.offset() >= target {
            last_row = Some((start, row_hash(row, block_rows)));
        }
    }
    let line = found.lines;
    let Some((start, hash)) = last_row else { return Ok(Err(SourceChange::OtherRow { line })) };
    if hash != published.last_row_hash {
        return Ok(Err(difference(reader.row(), target - start, line, published.last_row_hash, block_rows)));
    }
    // Published without its line end, and the end came later: the same row. Anything else ends exactly there.
    let ends_there = reader.offset() == target || start + reader.row().len() as u64 == target;
    let counts = published.position.row.checked_sub(found.rows).filter(|before| pass > 0 || *before == 0);
    match counts {
        Some(rows_before) if ends_there => Ok(Ok(Found { rows_before, ..found })),
        Some(_) | None => Ok(Err(SourceChange::OtherRow { line })),
    }
}

/// Why a row isn't the published one.
fn difference(row: &[u8], published_length: u64, line: u64, hash: u64, block_rows: u32) -> SourceChange {
    let same_with = |before: &u32| row_hash(row, *before) == hash;
    if let Some(before) = (1..=crate::options::BLOCK_ROWS_MAX).find(same_with) {
        return SourceChange::OtherBlockSize { before, now: block_rows };
    }
    let beginning = usize::try_from(published_length).ok().and_then(|length| row.get(..length));
    if beginning.is_some_and(|beginning| row_hash(beginning, block_rows) == hash) {
        return SourceChange::RowGrew { line };
    }
    SourceChange::OtherRow { line }
}
