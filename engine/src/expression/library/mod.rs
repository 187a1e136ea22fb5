//! The functions of the expression language that need no compiler's help, as data.

mod number;
mod text;

pub(crate) use number::{extreme, whole};

use super::call::{ANY, Answer, Function, Nulls, TEXT, variadic};
use super::program::Type;

/// All tables; names are in lower case and unique.
pub(super) const TABLES: [&[Function]; 2] = [number::FUNCTIONS, text::FUNCTIONS];

/// Names that the compiler itself knows.
const BUILT_IN: [&str; 10] =
    ["if", "isnull", "tointeger", "toreal", "tostring", "toboolean", "todate", "today", "todaygmt", "parameter"];

/// The function called so; `name` in lower case.
pub(super) fn find(name: &str) -> Option<&'static Function> {
    TABLES.into_iter().flatten().find(|function| function.name == name)
}

/// All names, for "did you mean".
pub(super) fn names<'n>() -> impl Iterator<Item = &'n str> {
    TABLES.into_iter().flatten().map(|function| function.name).chain(BUILT_IN)
}

/// The operator `&`.
pub(super) static CONCATENATE: Function = variadic("&", &[TEXT], 2, Type::Text, Nulls::Seen, |arguments, text| {
    arguments.iter().for_each(|argument| text.push_str(argument.text()));
    Answer::Text
});

/// `print(x)`: accepted, and without effect; a replica has no screen.
pub(super) const PRINT: Function = variadic("print", &[ANY], 1, Type::Bool, Nulls::Seen, |_, _| Answer::Int(1));
