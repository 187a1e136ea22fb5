//! The functions of the functional language that need no compiler's help, as data.

mod number;
mod text;
mod time;

use crate::expression::call::Function;

/// All tables; names are unique.
const TABLES: [&[Function]; 3] = [number::FUNCTIONS, text::FUNCTIONS, time::FUNCTIONS];

/// Names that the compiler itself knows.
pub(super) const BUILT_IN: [&str; 24] = [
    "eventCounter",
    "eventNumber",
    "input",
    "opcode",
    "guid",
    "random",
    "systemMicro",
    "timeMicro",
    "timeCurrent",
    "if",
    "ifNext",
    "equals",
    "gt",
    "gte",
    "lt",
    "lte",
    "and",
    "or",
    "not",
    "isNull",
    "integer",
    "long",
    "number",
    "double",
];

/// The function called so.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    TABLES.into_iter().flatten().find(|function| function.name == name)
}

/// All names, for "did you mean".
pub(super) fn names<'n>() -> impl Iterator<Item = &'n str> {
    TABLES.into_iter().flatten().map(|function| function.name).chain(BUILT_IN)
}
