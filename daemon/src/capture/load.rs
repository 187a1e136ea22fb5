//! Captures and plain files, told apart by their first line.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;

use anyhow::Context as _;

use super::compare::Item;
use super::{CaptureLine, RecordKind};

/// Reads a capture (JSON lines) or a plain text file (any lines, the heading included).
///
/// Markers, fences and ticks are signs of life, not output, so a capture's are left out; so that what is left can be
/// compared by its place, data records are numbered among themselves where ids say that none is missing.
///
/// # Errors
/// A file that can't be read; a capture line that isn't one, with its number.
pub fn load(path: &Path) -> anyhow::Result<Vec<Item>> {
    let reading = || format!("reading {}", path.display());
    let file = File::open(path).with_context(reading)?;
    let mut items = Vec::new();
    let mut is_capture = false;
    for (i, line) in BufReader::new(file).lines().enumerate() {
        let line = line.with_context(reading)?;
        if i == 0 {
            is_capture = serde_json::from_str::<CaptureLine>(&line).is_ok();
        }
        if !is_capture {
            items.push(Item { content: line, place: format!("line {}", i + 1), ..Item::default() });
            continue;
        }
        let line: CaptureLine =
            serde_json::from_str(&line).with_context(|| format!("{}: line {} is no capture line", reading(), i + 1))?;
        if matches!(line.kind, RecordKind::Data | RecordKind::Foreign) {
            items.push(item(line));
        }
    }
    Ok(items)
}

/// What must be equal: identity and payload. Who wrote it and when is no part of the output.
fn item(line: CaptureLine) -> Item {
    let payload = line.text.as_deref().or(line.hex.as_deref()).unwrap_or("(no payload)");
    let readable =
        if line.events.is_empty() { payload.to_owned() } else { format!("{payload} = {}", line.events.join(" | ")) };
    Item {
        index: line.index,
        generation: line.generation(),
        id: line.id.map(|id| (id, line.part)),
        content: format!("id {} part {}: {readable}", line.id.unwrap_or_default(), line.part),
        appeared: Some(line.timestamp),
        place: format!("offset {}", line.offset),
    }
}
