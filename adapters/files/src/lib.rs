//! Files in and out: csv and json rows, positions, adapter configuration.
//!
//! [`FilePublisher`] cuts a file into blocks that each know where they end, so that a publisher killed and started
//! again repeats nothing and skips nothing. [`PositionedFile`] holds a file and the place in the log it has come to
//! together, so that a subscriber does the same. [`FsAdapterOptions`] and [`TransportConfig`] read what users of
//! `dfesp_fs_adapter` have.

mod arguments;
mod bad_row;
mod error;
mod keys;
mod options;
mod pacer;
mod publisher;
mod read_options;
mod resume;
mod row_reader;
mod row_writer;
mod sidecar;
mod sink;
mod source;
mod transport;
mod url;

pub use arguments::split_arguments;
pub use bad_row::BadRow;
pub use error::{ConfigFault, Error, SourceChange};
pub use keys::Ignored;
pub use options::{
    Direction, FileEnd, FsAdapterOptions, HeaderLine, OnBadRow, Payload, PublishOptions, RowFormat, SubscribeOptions,
};
pub use pacer::Pacer;
pub use publisher::{FilePublisher, PublisherConfig, SourceBlock, Step};
pub use row_reader::ROW_BYTES_MAX;
pub use row_writer::RowWriter;
pub use sidecar::{FilePosition, LogPosition};
pub use sink::{Adopt, PositionedFile, Sink};
pub use source::source_id;
pub use transport::{InitialOffset, KafkaTransport, SasTransport, TransportConfig};
pub use url::EspUrl;
