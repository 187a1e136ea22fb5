//! Library functions: data that both languages share.

use super::program::Type;

/// Arguments of one call at most; the library's variadic functions take no more.
pub(crate) const ARGUMENTS_MAX: usize = 16;

/// One value of one event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Scalar<'a> {
    Null,
    Int(i64),
    Real(f64),
    Text(&'a str),
}

impl<'a> Scalar<'a> {
    pub(crate) fn is_null(self) -> bool {
        self == Scalar::Null
    }

    /// Of an argument whose parameter is an integer, boolean or date; 0 otherwise.
    pub(crate) fn int(self) -> i64 {
        match self {
            Scalar::Int(value) => value,
            Scalar::Real(value) => value as i64,
            Scalar::Null | Scalar::Text(_) => 0,
        }
    }

    /// Of an argument whose parameter is a number; 0 otherwise.
    pub(crate) fn real(self) -> f64 {
        match self {
            Scalar::Real(value) => value,
            Scalar::Int(value) => value as f64,
            Scalar::Null | Scalar::Text(_) => 0.0,
        }
    }

    /// Of an argument whose parameter is a text; empty otherwise.
    pub(crate) fn text(self) -> &'a str {
        match self {
            Scalar::Text(value) => value,
            Scalar::Null | Scalar::Int(_) | Scalar::Real(_) => "",
        }
    }
}

/// What a function gives; a text is what it has written into its buffer, which is empty at the start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Answer {
    Null,
    Int(i64),
    Real(f64),
    Text,
}

impl From<bool> for Answer {
    fn from(value: bool) -> Self {
        Self::Int(i64::from(value))
    }
}

/// The work of a function for one event.
pub(crate) type Body = fn(&[Scalar<'_>], &mut String) -> Answer;

/// What a parameter takes; other types are converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Parameter {
    Of(Type),
    /// Integers if all numbers of the call are, reals otherwise.
    Number,
    /// As it is.
    Any,
}

/// What a function gives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Returns {
    Of(Type),
    /// What its [`Parameter::Number`]s are.
    Number,
}

/// What becomes of nulls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nulls {
    /// A null argument makes the result null; the body never sees one.
    Spread,
    /// The body decides.
    Seen,
}

/// A function of a library.
#[derive(Debug)]
pub(crate) struct Function {
    /// As projects write it.
    pub(crate) name: &'static str,
    /// The last one stands for all that follow in variadic functions.
    pub(crate) parameters: &'static [Parameter],
    /// How many arguments at least and at most.
    pub(crate) count: (usize, usize),
    pub(crate) returns: Returns,
    pub(crate) nulls: Nulls,
    pub(crate) body: Body,
}

impl Function {
    /// What argument `i` is taken as.
    pub(crate) fn parameter(&self, i: usize) -> Parameter {
        self.parameters.get(i).or(self.parameters.last()).copied().unwrap_or(Parameter::Any)
    }
}

/// The arguments' common type, where parameters are [`Parameter::Number`].
pub(crate) const INT: Parameter = Parameter::Of(Type::Int);
pub(crate) const REAL: Parameter = Parameter::Of(Type::Real);
pub(crate) const TEXT: Parameter = Parameter::Of(Type::Text);
pub(crate) const DATE: Parameter = Parameter::Of(Type::Date);
pub(crate) const NUMBER: Parameter = Parameter::Number;
pub(crate) const ANY: Parameter = Parameter::Any;

/// A function with a fixed number of arguments, for which nulls spread.
pub(crate) const fn fixed(name: &'static str, parameters: &'static [Parameter], returns: Type, body: Body) -> Function {
    let count = (parameters.len(), parameters.len());
    Function { name, parameters, count, returns: Returns::Of(returns), nulls: Nulls::Spread, body }
}

/// As [`fixed`], with optional arguments: `least` of `parameters` must be there.
pub(crate) const fn optional(
    name: &'static str,
    parameters: &'static [Parameter],
    least: usize,
    returns: Type,
    body: Body,
) -> Function {
    let count = (least, parameters.len());
    Function { name, parameters, count, returns: Returns::Of(returns), nulls: Nulls::Spread, body }
}

/// A function of one or more numbers that gives what they are.
pub(crate) const fn numeric(name: &'static str, least: usize, most: usize, body: Body) -> Function {
    let parameters = &[NUMBER];
    Function { name, parameters, count: (least, most), returns: Returns::Number, nulls: Nulls::Spread, body }
}

/// A function of any number of arguments of one kind.
pub(crate) const fn variadic(
    name: &'static str,
    parameters: &'static [Parameter],
    least: usize,
    returns: Type,
    nulls: Nulls,
    body: Body,
) -> Function {
    Function { name, parameters, count: (least, ARGUMENTS_MAX), returns: Returns::Of(returns), nulls, body }
}
