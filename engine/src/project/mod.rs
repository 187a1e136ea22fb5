//! Project files: from text to a checked [`Project`], or to problems that say what to do.
//!
//! [`load`] reads a file against three lists of words (`lists`): those that work, those accepted without effect, those not
//! built yet. Anything else is a [`Problem`], and all problems of a file are told at once.

mod connector;
mod contquery;
mod determinism;
mod fields;
mod fingerprint;
mod graph;
mod lists;
mod load;
mod model;
mod order;
mod problem;
mod properties;
mod reader;
mod retention;
mod schema;
mod text;
mod tokens;
mod window;
mod words;

pub use determinism::{HOST_FUNCTIONS, HostFunction};
pub use load::{FILE_BYTES_MAX, Loaded, load};
pub use model::{
    Connector, ContQuery, Direction, Edge, EdgeRole, ExprInitialize, Functional, IndexKind, Initializer, NamedText,
    Project, Property, Retention, RetentionKind, Statistic, Summary, SummaryOutput, UserFunction, Window, WindowKind,
};
pub use problem::{Excerpt, Notice, Problem};
pub use text::{Located, Position, SourceText};
