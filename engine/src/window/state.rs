//! What windows carry from run to run: all that a snapshot must hold, and nothing else.

use crate::expression::Runner;
use crate::retention::Retention;
use crate::statistics::Sliding;
use crate::table::Table;

/// The parts of a window's state; which of them it has follows from the project.
#[derive(Debug, Default)]
pub(crate) struct State<'a> {
    /// How many keys it has given.
    pub(crate) autogen: Option<&'a mut i64>,
    /// Variables and counters of its expressions.
    pub(crate) runner: Option<&'a mut Runner>,
    /// The last values of a field.
    pub(crate) sliding: Option<&'a mut Sliding>,
    /// Its rows.
    pub(crate) table: Option<&'a mut Table>,
    /// In which order rows will go.
    pub(crate) retention: Option<&'a mut Retention>,
}
