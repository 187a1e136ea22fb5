//! Binary payloads as csv rows, for people.

use std::sync::Arc;

use proto::{CsvPrinter, Decoder, Format};
use types::{EventBlock, Schema};

/// Reads binary blocks of one schema.
pub struct Rows {
    decoder: Decoder,
    printer: CsvPrinter,
    block: EventBlock,
}

impl Rows {
    /// `None` for a schema that binary blocks can't have.
    #[must_use]
    pub fn new(schema: Schema) -> Option<Self> {
        let block = EventBlock::new(&schema);
        let schema = Arc::new(schema);
        let decoder = Decoder::new(Format::Binary, Arc::clone(&schema)).ok()?;
        Some(Self { decoder, printer: CsvPrinter::new(schema, None), block })
    }

    /// The events of a payload; none when it is no block of this schema.
    pub fn events(&mut self, payload: &[u8]) -> Vec<String> {
        self.block.clear();
        let mut rejects = Vec::new();
        self.decoder.decode(payload, &mut self.block, &mut rejects);
        let mut row = Vec::new();
        let text = |i| {
            row.clear();
            self.printer.row(&self.block, i, &mut row);
            String::from_utf8_lossy(&row).trim_end().to_owned()
        };
        (0..self.block.len()).map(text).collect()
    }
}
