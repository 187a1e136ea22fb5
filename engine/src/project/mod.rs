//! Project files: from text to a checked [`Project`], or to problems that say what to do.

mod model;
mod text;

pub use model::{
    Connector, ContQuery, Direction, Edge, EdgeRole, ExprInitialize, Functional, IndexKind, Initializer, NamedText,
    Project, Property, Retention, RetentionKind, Statistic, Summary, SummaryOutput, UserFunction, Window, WindowKind,
};
pub use text::{Located, Position};
