//! What a project file says, once every name in it is known to exist.
//!
//! Made by the loader only, so whoever holds a [`Project`] may rely on what the fields promise.

use core::time::Duration;

use types::Schema;

use super::order::topological;
use super::{Located, Position};

/// One project: the unit that is loaded, replicated and failed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// Fit for a topic name, without dots.
    pub name: String,
    /// The grid of logical time on which time-driven work runs; at least a millisecond.
    pub heartbeat_interval: Duration,
    /// At least one; names are unique.
    pub contqueries: Vec<ContQuery>,
}

/// A graph of windows without cycles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContQuery {
    /// Fit for a topic name, without dots.
    pub name: String,
    /// In the order of the file, which means nothing; names are unique.
    pub windows: Vec<Window>,
    /// In the order of the file, which is the order in which a window with several inputs hears them.
    pub edges: Vec<Edge>,
    /// Where its element begins.
    pub position: Position,
}

/// One window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Unique in its continuous query; fit for a topic name, without dots.
    pub name: String,
    /// What it does.
    pub kind: WindowKind,
    /// Declared, or taken from the input where the kind derives it (copy, filter).
    pub schema: Schema,
    /// Its own, or else inherited from the continuous query, then the project, then [`IndexKind::Hash`].
    pub index: IndexKind,
    /// Only inserts leave the window.
    pub output_insert_only: bool,
    /// Several updates of one key in a block leave as one.
    pub collapse_updates: bool,
    /// In the order of the file; those with `active="false"` included.
    pub connectors: Vec<Connector>,
    /// Where its element begins.
    pub position: Position,
}

/// What a window does, with what only that kind has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WindowKind {
    /// Where events enter; it has no inputs, all other kinds here have exactly one.
    Source {
        /// Other opcodes than insert are rejected.
        insert_only: bool,
        /// The only key field (int64 or string) is given by the window; implies `insert_only`.
        autogen_key: bool,
        /// Never with [`IndexKind::Empty`].
        retention: Option<Retention>,
    },
    /// Its input's events, kept.
    Copy {
        /// Never with [`IndexKind::Empty`].
        retention: Option<Retention>,
    },
    /// Its input's events for which an expression holds.
    Filter {
        /// Non-zero passes.
        expression: Located<String>,
        /// Runs once, before the first event.
        initialize: Option<ExprInitialize>,
    },
    /// One event for each, by expressions.
    Compute {
        /// Runs once, before the first event.
        initialize: Option<ExprInitialize>,
        /// One per non-key field of the schema, in its order; key fields come from input fields of the same name and type.
        field_exprs: Vec<Located<String>>,
    },
    /// One event for each, by functions.
    Functional(Functional),
    /// Statistics over the last values of one field.
    Summary(Summary),
}

/// The parts of a functional window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Functional {
    /// In evaluation order; a name may be a schema field or only a variable of later functions. Names are unique.
    /// Schema fields without a function come from input fields of the same name and type.
    pub functions: Vec<NamedText>,
    /// Whether the event is emitted: a function giving 0 or 1.
    pub generate: Option<Located<String>>,
    /// A function giving the opcode's word.
    pub opcode: Option<Located<String>>,
    /// The modeller's promise.
    pub produces_only_inserts: bool,
}

/// A name and a text in some language, with the text's place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedText {
    /// As written.
    pub name: String,
    /// Not empty.
    pub text: Located<String>,
}

/// Code that runs before a window's first event, and functions that its expressions may call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExprInitialize {
    /// Absent when the element has no text.
    pub initializer: Option<Initializer>,
    /// Names are unique.
    pub user_functions: Vec<UserFunction>,
}

/// Statements that declare and set the variables which a window's expressions share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Initializer {
    /// The declared type of the text's result, as written; nothing uses the result.
    pub result_type: Option<String>,
    /// Not empty.
    pub text: Located<String>,
}

/// A function of the project's author, callable as `name()`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserFunction {
    /// As written.
    pub name: String,
    /// The declared type of its result, as written.
    pub result_type: Option<String>,
    /// Not empty.
    pub text: Located<String>,
}

/// What the algorithm `Summary` of a calculate window is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// How many of the latest values count, the current one included; 0 means all so far.
    pub window_length: u32,
    /// A numeric field of the input.
    pub input: Located<String>,
    /// At least one; statistics are unique, and so are fields. Other schema fields come from input fields of the same name and type.
    pub outputs: Vec<SummaryOutput>,
}

/// One statistic and the field that takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryOutput {
    /// Which.
    pub statistic: Statistic,
    /// A numeric, non-key field of the window's schema.
    pub field: Located<String>,
}

/// What `Summary` can compute; the doc is the name in the output map.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Statistic {
    /// `nOut`: how many values that are not null.
    Count,
    /// `nmissOut`: how many nulls.
    Missing,
    /// `minOut`.
    Minimum,
    /// `maxOut`.
    Maximum,
    /// `sumOut`.
    Sum,
    /// `meanOut`.
    Mean,
    /// `stdOut`: square root of the variance.
    StandardDeviation,
    /// `varOut`: with n − 1.
    Variance,
    /// `cssOut`: sum of squared distances from the mean.
    CorrectedSumOfSquares,
    /// `ussOut`: sum of squares.
    UncorrectedSumOfSquares,
    /// `stderrOut`: standard deviation by √n.
    StandardError,
    /// `cvOut`: 100 · standard deviation / mean.
    CoefficientOfVariation,
}

/// Which rows leave a window by themselves, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Retention {
    /// How much, and in which manner.
    pub kind: RetentionKind,
    /// The stamp or date field of the window whose values are the time; only with the kinds by time, which use the engine's time without it.
    pub field: Option<String>,
    /// Where its element begins.
    pub position: Position,
}

/// Limits are at least 1, or longer than zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RetentionKind {
    /// The oldest row leaves when there would be more.
    ByCountSliding {
        /// Rows.
        limit: u64,
    },
    /// All but the newest row leave when there would be more.
    ByCountJumping {
        /// Rows.
        limit: u64,
    },
    /// Rows leave when they are so old.
    ByTimeSliding {
        /// Age.
        limit: Duration,
    },
    /// All rows leave each time this has passed.
    ByTimeJumping {
        /// Period.
        limit: Duration,
    },
    /// As jumping, but the rows of the last stretch stay.
    ByTimeJumpingLookback {
        /// Period.
        limit: Duration,
        /// How young a row must be to stay; shorter than `limit`.
        lookback: Duration,
    },
}

/// How a window stores its rows; the kinds other than empty differ in name only, all of them have one fixed order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum IndexKind {
    /// `pi_RBTREE`.
    RbTree,
    /// `pi_HASH`.
    #[default]
    Hash,
    /// `pi_LN_HASH`.
    LnHash,
    /// `pi_CL_HASH`.
    ClHash,
    /// `pi_FW_HASH`.
    FwHash,
    /// `pi_EMPTY`: no rows are kept.
    Empty,
}

/// Events flow from `source` to `target`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edge {
    /// A window of the same continuous query.
    pub source: String,
    /// A window of the same continuous query.
    pub target: String,
    /// What the target takes the events for.
    pub role: EdgeRole,
    /// Where its element begins.
    pub position: Position,
}

/// What a window takes an input's events for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum EdgeRole {
    /// Events to process.
    #[default]
    Data,
}

/// A way into or out of a window; what its properties mean is its class's matter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connector {
    /// `kafka`, `fs`, …
    pub class: String,
    /// Unique in its window; `<class>_<n>` (n from 1) where the file gives none.
    pub name: String,
    /// In or out, from the property or attribute `type`.
    pub direction: Direction,
    /// Whether it is started.
    pub active: bool,
    /// Without `type`; names are unique; tokens are replaced, white space around values is cut off.
    pub properties: Vec<Property>,
    /// Where its element begins.
    pub position: Position,
}

/// Which way events go through a connector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Direction {
    /// `pub`: into a source window.
    Publish,
    /// `sub`: out of any window.
    Subscribe,
}

/// One setting of a connector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Property {
    /// As written.
    pub name: String,
    /// White space around it is cut off.
    pub value: String,
    /// Where the value begins, or the element when it is empty.
    pub position: Position,
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Count,
        Self::Missing,
        Self::Minimum,
        Self::Maximum,
        Self::Sum,
        Self::Mean,
        Self::StandardDeviation,
        Self::Variance,
        Self::CorrectedSumOfSquares,
        Self::UncorrectedSumOfSquares,
        Self::StandardError,
        Self::CoefficientOfVariation,
    ];

    /// Its name in an output map.
    #[must_use]
    pub const fn output(self) -> &'static str {
        match self {
            Self::Count => "nOut",
            Self::Missing => "nmissOut",
            Self::Minimum => "minOut",
            Self::Maximum => "maxOut",
            Self::Sum => "sumOut",
            Self::Mean => "meanOut",
            Self::StandardDeviation => "stdOut",
            Self::Variance => "varOut",
            Self::CorrectedSumOfSquares => "cssOut",
            Self::UncorrectedSumOfSquares => "ussOut",
            Self::StandardError => "stderrOut",
            Self::CoefficientOfVariation => "cvOut",
        }
    }

    /// The statistic that goes by this name in an output map.
    #[must_use]
    pub fn from_output(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|statistic| statistic.output() == name)
    }
}

impl ContQuery {
    /// The window called `name`.
    #[must_use]
    pub fn window(&self, name: &str) -> Option<&Window> {
        self.windows.iter().find(|window| window.name == name)
    }

    /// Places in `windows` so that each window comes after all its inputs; the order of the file has no influence.
    ///
    /// # Panics
    /// When an edge names no window, or edges go round; the loader lets neither through.
    #[must_use]
    pub fn topological_order(&self) -> Vec<usize> {
        let names: Vec<&str> = self.windows.iter().map(|window| window.name.as_str()).collect();
        let place = |name: &str| {
            let place = names.iter().position(|known| *known == name);
            assert!(place.is_some(), "an edge names the window {name}, which is not there");
            place.unwrap_or_default()
        };
        let edges: Vec<_> = self.edges.iter().map(|edge| (place(&edge.source), place(&edge.target))).collect();
        let order = topological(&names, &edges);
        assert!(order.is_ok(), "edges go round");
        order.unwrap_or_default()
    }
}

impl Connector {
    /// The value of the property called `name`.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<&str> {
        self.properties.iter().find(|property| property.name == name).map(|property| property.value.as_str())
    }
}
