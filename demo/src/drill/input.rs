//! What goes in: meter readings, the same in every drill of the same size.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::Context as _;

/// Writes `rows` readings with one heading line.
pub(crate) fn write(path: &Path, rows: u64) -> anyhow::Result<()> {
    let file = File::create(path).with_context(|| format!("making {}", path.display()))?;
    let mut out = BufWriter::new(file);
    writeln!(out, "opcode,flags,reading,meter,kilowatt")?;
    for row in 0..rows {
        // Any numbers do, as long as neighbours differ: a lost or repeated one then changes every sum after it.
        let kilowatt = row.wrapping_mul(2_654_435_761) % 1_000;
        writeln!(out, "i,n,,{},{kilowatt}", 100 + row % 7)?;
    }
    out.flush()?;
    Ok(())
}
