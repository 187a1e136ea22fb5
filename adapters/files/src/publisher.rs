//! A file as blocks for an inbound topic; each knows how far the file is published with it.

use std::fs::{self, File};
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt as _;
use std::path::PathBuf;
use std::sync::Arc;

use ports::headers::SourceHeader;
use proto::{
    CsvFraming, CsvOptions, Decoder, Doubles, Encoder, EncoderOptions, Format, JsonOptions, PART_BYTES_MAX_DEFAULT,
    Rejected,
};
use types::{EventBlock, Schema, SourceId, SourcePosition};

use crate::error::SourceChange;
use crate::resume::{find, row_hash};
use crate::row_reader::{Advance, ROW_BYTES_MAX, RowReader};
use crate::{BadRow, Error, FileEnd, OnBadRow, Payload, PublishOptions};

/// What a publisher needs to know.
#[derive(Debug, Clone)]
pub struct PublisherConfig {
    /// Where rows come from.
    pub file: FileEnd,
    /// Under which name positions are kept; see [`crate::source_id`].
    pub source_id: SourceId,
    /// The inbound window's schema.
    pub schema: Arc<Schema>,
    /// The window generates its key: the key's column is ignored.
    pub generated_key: bool,
    /// The adapter's settings.
    pub options: PublishOptions,
    /// `dateformat` of the transport configuration, for when the settings have none.
    pub transport_date_format: Option<String>,
}

/// A block of rows, ready to be appended as one record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceBlock {
    /// The encoded events.
    pub payload: Vec<u8>,
    /// Header `esp-source` of the record; its position's index is the block's place in the source.
    pub header: SourceHeader,
    /// How many events.
    pub events: u32,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A block to append.
    Block(SourceBlock),
    /// No full block yet: ask again a little later.
    Wait,
    /// The source is through.
    End,
}

/// A file, or standard input.
#[derive(Debug)]
enum Input {
    File(File),
    Standard(io::Stdin),
}

impl Read for Input {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(buffer),
            Self::Standard(stdin) => stdin.read(buffer),
        }
    }
}

/// Reads rows and cuts them into blocks.
///
/// Blocks close after `blocksize` rows, and at the end of a source that doesn't grow; a row alone decides nothing, so
/// the same file always gives the same blocks.
#[derive(Debug)]
pub struct FilePublisher {
    name: String,
    path: Option<PathBuf>,
    source_id: SourceId,
    schema: Arc<Schema>,
    options: PublishOptions,
    reader: RowReader<Input>,
    decoder: Decoder,
    encoder: Encoder,
    /// The block at hand.
    block: EventBlock,
    rows_in_block: u32,
    last_row_hash: u64,
    /// Up to the last row read: blocks handed out, data rows, and bytes of earlier passes plus this one's.
    position: SourcePosition,
    bytes_before: u64,
    /// Lines of this pass that are read.
    lines: u64,
    passes_left: u32,
    skipped: u64,
    rejects: Vec<Rejected>,
}

impl FilePublisher {
    /// Opens a source; with `published`, behind what is published of it.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::SourceChanged`] when it isn't the source that was published; [`Error::Codec`].
    pub fn open(config: PublisherConfig, published: Option<&SourceHeader>) -> Result<Self, Error> {
        let PublisherConfig { file, source_id, schema, generated_key, options, transport_date_format } = config;
        let format = options.row_format(transport_date_format.as_deref())?;
        let decoder = Decoder::new(format, Arc::clone(&schema))?;
        let decoder = if generated_key { decoder.with_generated_key() } else { decoder };
        let encoder_options = EncoderOptions { part_bytes_max: usize::MAX, schema_line_written: false };
        let encoder = Encoder::new(payload_format(options.payload), Arc::clone(&schema), encoder_options)?;
        let (name, path, input) = match file {
            FileEnd::Standard => ("stdin".to_owned(), None, Input::Standard(io::stdin())),
            FileEnd::Path(path) => {
                let input = File::open(&path).map_err(Error::io("opening", &path))?;
                (path.display().to_string(), Some(path), Input::File(input))
            }
        };
        let mut publisher = Self {
            name,
            path,
            source_id,
            block: EventBlock::new(&schema),
            schema,
            reader: RowReader::new(input),
            decoder,
            encoder,
            rows_in_block: 0,
            last_row_hash: 0,
            position: SourcePosition::default(),
            bytes_before: 0,
            lines: 0,
            passes_left: options.repeats,
            skipped: 0,
            rejects: Vec::new(),
            options,
        };
        if let Some(published) = published {
            publisher.resume(published)?;
        }
        Ok(publisher)
    }

    /// The name under which positions are kept.
    #[must_use]
    pub const fn source_id(&self) -> &SourceId {
        &self.source_id
    }

    /// How many rows were left out since the start (`on-bad-row=skip`).
    #[must_use]
    pub const fn skipped_rows(&self) -> u64 {
        self.skipped
    }

    /// The last row that was left out, since this was last asked: for the log.
    pub fn take_skipped(&mut self) -> Option<Rejected> {
        self.rejects.pop()
    }

    /// The next block. Blocks while standard input has nothing; a file never blocks.
    ///
    /// # Errors
    /// [`Error::BadRow`] (E008) unless such rows are skipped, [`Error::SourceChanged`] when a growing file was cut or
    /// replaced, [`Error::RowTooLong`], [`Error::BlockTooLarge`], [`Error::Io`]. After an error the source must be
    /// opened again.
    pub fn next_step(&mut self) -> Result<Step, Error> {
        loop {
            if self.options.events_max.is_some_and(|most| self.position.row >= most) {
                return self.last_block();
            }
            let advance = self.reader.advance(!self.options.growing);
            match advance.map_err(Error::io("reading", &self.name))? {
                Advance::Row => {
                    self.take_row()?;
                    if self.rows_in_block == self.options.block_rows.get()
                        && let Some(block) = self.close_block()?
                    {
                        return Ok(Step::Block(block));
                    }
                }
                Advance::TooLong => {
                    let line = self.lines + 1;
                    let source_name = self.name.clone();
                    return Err(Error::RowTooLong { source_name, line, bytes_max: ROW_BYTES_MAX });
                }
                Advance::End if self.options.growing => {
                    self.check_source()?;
                    return Ok(Step::Wait);
                }
                Advance::End if self.passes_left > 0 => self.begin_pass()?,
                Advance::End => return self.last_block(),
            }
        }
    }

    fn take_row(&mut self) -> Result<(), Error> {
        self.lines += 1;
        let row = self.reader.row();
        if self.lines <= self.options.header_lines || row.trim_ascii().is_empty() {
            return Ok(());
        }
        let kept = self.block.len();
        let rejected_before = self.rejects.len();
        self.decoder.decode(row, &mut self.block, &mut self.rejects);
        if self.rejects.len() > rejected_before {
            // A line of json may hold several events: it is taken as a whole or not at all.
            self.block.truncate(kept);
            let first = self.rejects.swap_remove(rejected_before);
            self.rejects.clear();
            match self.options.on_bad_row {
                OnBadRow::Stop => return Err(BadRow::new(&self.name, self.lines, row, first, &self.schema).into()),
                OnBadRow::Skip => {
                    self.skipped += 1;
                    self.rejects.push(Rejected { row: u32::try_from(self.lines).unwrap_or(u32::MAX), ..first });
                }
            }
        }
        self.last_row_hash = row_hash(row, self.options.block_rows.get());
        self.rows_in_block += 1;
        self.position.row += 1;
        self.position.byte = self.bytes_before + self.reader.offset();
        Ok(())
    }

    /// The rows at hand as a block; `None` when all of them were left out.
    fn close_block(&mut self) -> Result<Option<SourceBlock>, Error> {
        let rows = std::mem::take(&mut self.rows_in_block);
        if self.block.is_empty() {
            return Ok(None);
        }
        let mut payload = Vec::new();
        self.encoder.encode(&self.block, 0..self.block.len(), &mut |part| payload.extend_from_slice(part));
        if payload.len() > PART_BYTES_MAX_DEFAULT {
            let (source_name, line, bytes) = (self.name.clone(), self.lines, payload.len());
            return Err(Error::BlockTooLarge { source_name, line, rows, bytes, bytes_max: PART_BYTES_MAX_DEFAULT });
        }
        // A block is bounded far below 2^32 events.
        let events = u32::try_from(self.block.len()).unwrap_or(u32::MAX);
        self.block.clear();
        let header =
            SourceHeader { id: self.source_id.clone(), position: self.position, last_row_hash: self.last_row_hash };
        self.position.index += 1;
        Ok(Some(SourceBlock { payload, header, events }))
    }

    fn last_block(&mut self) -> Result<Step, Error> {
        let block = if self.rows_in_block > 0 { self.close_block()? } else { None };
        Ok(block.map_or(Step::End, Step::Block))
    }

    /// From the start again (`repeatcount`).
    fn begin_pass(&mut self) -> Result<(), Error> {
        self.passes_left -= 1;
        self.bytes_before += self.reader.offset();
        self.lines = 0;
        match self.reader.restart() {
            Input::File(file) => file.rewind().map_err(Error::io("rewinding", &self.name)),
            // What came through a pipe is gone: there is one pass.
            Input::Standard(_) => {
                self.passes_left = 0;
                Ok(())
            }
        }
    }

    fn resume(&mut self, published: &SourceHeader) -> Result<(), Error> {
        // Standard input is a new source at each start.
        let Input::File(file) = self.reader.input() else { return Ok(()) };
        let length = file.metadata().map_err(Error::io("looking at", &self.name))?.len();
        let PublishOptions { header_lines, block_rows, repeats, .. } = self.options;
        let found = find(&mut self.reader, published, length, header_lines, block_rows.get(), repeats)
            .map_err(Error::io("reading", &self.name))?
            .map_err(|change| self.changed(change))?;
        self.lines = found.lines;
        self.bytes_before = found.bytes_before;
        self.position = SourcePosition { index: published.position.index + 1, ..published.position };
        // length is not 0: something of it was published.
        let passes_done = found.bytes_before / length.max(1);
        self.passes_left = repeats - u32::try_from(passes_done).unwrap_or(repeats);
        Ok(())
    }

    /// A growing file must stay the file it was.
    fn check_source(&self) -> Result<(), Error> {
        let (Some(path), Input::File(file)) = (&self.path, self.reader.input()) else { return Ok(()) };
        let opened = file.metadata().map_err(Error::io("looking at", path))?;
        if !opened.is_file() {
            // A pipe has no length.
            return Ok(());
        }
        if opened.len() < self.reader.offset() {
            let published = self.reader.offset();
            return Err(self.changed(SourceChange::Shorter { bytes: opened.len(), published }));
        }
        let now = fs::metadata(path).map_err(Error::io("looking at", path))?;
        if (now.dev(), now.ino()) != (opened.dev(), opened.ino()) {
            return Err(self.changed(SourceChange::Replaced));
        }
        Ok(())
    }

    fn changed(&self, change: SourceChange) -> Error {
        Error::SourceChanged { source_name: self.name.clone(), change }
    }
}

fn payload_format(payload: Payload) -> Format {
    match payload {
        Payload::Binary => Format::Binary,
        Payload::Csv => Format::Csv(CsvOptions {
            framing: CsvFraming::PerBlock,
            doubles: Doubles::Shortest,
            ..CsvOptions::default()
        }),
        Payload::Json => Format::Json(JsonOptions::default()),
    }
}

#[cfg(test)]
#[path = "publisher_tests.rs"]
mod tests;
