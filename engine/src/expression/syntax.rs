//! What an expression says, before names and types are known.

/// A part of an expression and where it begins, in bytes from the start of the text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Expr {
    pub(crate) kind: ExprKind,
    pub(crate) at: usize,
}

/// See the names.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ExprKind {
    Null,
    Integer(i64),
    Real(f64),
    Boolean(bool),
    Text(String),
    /// A field, variable, or one of the reserved names.
    Name(String),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `x in (a, b, …)`.
    In(Box<Expr>, Vec<Expr>),
    Call(String, Vec<Expr>),
}

/// Operators with two sides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Concatenate,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// One step of a program.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Statement {
    /// `integer x`, with its place.
    Declare {
        name: String,
        declared: Declared,
        at: usize,
    },
    Assign {
        name: String,
        value: Expr,
        at: usize,
    },
    /// A bare expression: its value is the program's result if nothing follows.
    Value(Expr),
    Return(Expr),
    If {
        condition: Expr,
        then: Vec<Statement>,
        otherwise: Vec<Statement>,
    },
    While {
        condition: Expr,
        body: Vec<Statement>,
        at: usize,
    },
    /// `for i = a to b step c`.
    For {
        name: String,
        from: Expr,
        to: Expr,
        step: Option<Expr>,
        body: Vec<Statement>,
        at: usize,
    },
}

/// Types as declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Declared {
    Integer,
    Real,
    Text,
    Boolean,
    Date,
}
