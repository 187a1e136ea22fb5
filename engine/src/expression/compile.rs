//! From syntax to a program.

use types::{FieldType, Schema};

use super::builder::Builder;
use super::parser::parse;
use super::program::{Arithmetic, Comparison, Operand, Special, Type, Typed};
use super::statement::as_expression;
use super::syntax::{Binary, Expr, ExprKind, Statement};
use super::{ExpressionError, library};

/// Functions of the project inside each other at most; this also ends functions that call themselves.
const CALLS_MAX: usize = 16;

/// Names that the expressions of one window share.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    pub(super) variables: Vec<Variable>,
    functions: Vec<UserFunction>,
    /// Whether events can change a variable, so that each event must see what the one before left.
    pub(super) changing: bool,
}

/// A variable of a window.
#[derive(Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) kind: Type,
    pub(super) number: u16,
}

#[derive(Debug)]
struct UserFunction {
    name: String,
    returns: Type,
    body: Vec<Statement>,
}

/// Names that stand for something besides fields and variables.
const OPCODE: &str = "ESP_OPCODE";
const FLAGS: &str = "ESP_FLAGS";

impl Declarations {
    /// Makes a function of the project known; its body is compiled where it is called.
    ///
    /// # Errors
    /// When the text is no program or the type is unknown.
    pub(crate) fn add_function(
        &mut self,
        name: &str,
        returns: Option<&str>,
        text: &str,
    ) -> Result<(), ExpressionError> {
        let returns = returns.map_or(Some(Type::Text), type_called).ok_or_else(|| {
            ExpressionError::unknown(
                0,
                "type",
                returns.unwrap_or_default(),
                ["integer", "double", "string"].into_iter(),
            )
        })?;
        self.functions.push(UserFunction { name: name.to_owned(), returns, body: parse(text)? });
        Ok(())
    }
}

/// Adds an initializer's code: it sees no event, and runs once.
pub(crate) fn compile_initializer(
    builder: &mut Builder<'_>,
    declarations: &mut Declarations,
    text: &str,
) -> Result<std::ops::Range<usize>, ExpressionError> {
    let start = builder.here();
    let program = parse(text)?;
    let by_event = builder.runs_by_event();
    let mut compiler = Compiler { builder, declarations, initializing: true, arguments: Vec::new(), exits: Vec::new() };
    compiler.body(&program, Type::Null)?;
    // It runs once, so how it is built says nothing about the expressions.
    builder.set_by_event(by_event);
    let range = start..builder.here();
    builder.begin_entry();
    Ok(range)
}

/// Adds an expression whose value goes into a field of type `to`.
pub(crate) fn compile_expression(
    builder: &mut Builder<'_>,
    declarations: &mut Declarations,
    text: &str,
    to: FieldType,
) -> Result<(), ExpressionError> {
    let program = parse(text)?;
    if program.is_empty() {
        return Err(ExpressionError::new(0, "the expression is empty".to_owned()));
    }
    let mut compiler =
        Compiler { builder, declarations, initializing: false, arguments: Vec::new(), exits: Vec::new() };
    let value = compiler.body(&program, wanted(to))?;
    if declarations.changing {
        builder.set_by_event(true);
    }
    builder.end_entry(0, value, to)
}

/// Adds an expression whose value is a condition.
pub(crate) fn compile_condition(
    builder: &mut Builder<'_>,
    declarations: &mut Declarations,
    text: &str,
) -> Result<(), ExpressionError> {
    let program = parse(text)?;
    if program.is_empty() {
        return Err(ExpressionError::new(0, "the expression is empty".to_owned()));
    }
    let mut compiler =
        Compiler { builder, declarations, initializing: false, arguments: Vec::new(), exits: Vec::new() };
    let value = compiler.body(&program, Type::Bool)?;
    if declarations.changing {
        builder.set_by_event(true);
    }
    let value = builder.condition(0, value)?;
    builder.end_entry(0, value, FieldType::Int64)
}

/// The input field that an expression only repeats, if that is all it does: no program is needed for it.
pub(crate) fn plain_field(input: &Schema, declarations: &Declarations, text: &str) -> Option<usize> {
    match parse(text).ok()?.as_slice() {
        [Statement::Value(Expr { kind: ExprKind::Name(name), .. })] => {
            let hidden = declarations.variables.iter().any(|variable| variable.name == *name);
            input.position(name).filter(|_| !hidden)
        }
        _ => None,
    }
}

/// What a program that jumps should leave for a field of this type; straight programs keep their own type.
fn wanted(to: FieldType) -> Type {
    match to {
        FieldType::Int32 | FieldType::Int64 => Type::Int,
        FieldType::Double | FieldType::Money => Type::Real,
        FieldType::String | FieldType::Blob => Type::Text,
        FieldType::Date | FieldType::Stamp => Type::Date,
    }
}

pub(super) struct Compiler<'c, 'a> {
    pub(super) builder: &'c mut Builder<'a>,
    pub(super) declarations: &'c mut Declarations,
    pub(super) initializing: bool,
    /// Of the functions of the project that are being compiled, innermost last.
    arguments: Vec<Vec<Typed>>,
    /// Of the bodies with jumps that are being compiled: where their value goes, and the jumps to their end.
    pub(super) exits: Vec<Exit>,
}

pub(super) struct Exit {
    pub(super) variable: u16,
    pub(super) kind: Type,
    pub(super) jumps: Vec<usize>,
}

impl Compiler<'_, '_> {
    /// The value of a body. One without loops, assignments and declarations is a single expression, so it can run over
    /// whole columns; any other jumps.
    fn body(&mut self, statements: &[Statement], wanted: Type) -> Result<Typed, ExpressionError> {
        if let Some(expression) = as_expression(statements) {
            return self.expression(&expression);
        }
        self.builder.set_by_event(true);
        let variable = self.builder.variable(0, wanted)?;
        let null = self.builder.null(0)?;
        let null = self.builder.convert(0, null, wanted)?;
        self.builder.set(variable, null);
        self.exits.push(Exit { variable, kind: wanted, jumps: Vec::new() });
        self.statements(statements)?;
        let end = self.builder.here();
        if let Some(exit) = self.exits.pop() {
            exit.jumps.into_iter().for_each(|jump| self.builder.land(jump, end));
        }
        self.builder.forget_loaded();
        Ok(Typed { operand: Operand::Variable(variable), kind: wanted })
    }

    pub(super) fn variable(&self, name: &str) -> Option<&Variable> {
        self.declarations.variables.iter().find(|variable| variable.name == name)
    }

    pub(super) fn expression(&mut self, expression: &Expr) -> Result<Typed, ExpressionError> {
        let at = expression.at;
        match &expression.kind {
            ExprKind::Null => self.builder.null(at),
            ExprKind::Integer(value) => self.builder.int(at, *value),
            ExprKind::Real(value) => self.builder.real(at, *value),
            ExprKind::Boolean(value) => self.builder.bool(at, *value),
            ExprKind::Text(value) => self.builder.text(at, value),
            ExprKind::Name(name) => self.name(at, name),
            ExprKind::Negate(inner) => {
                let inner = self.expression(inner)?;
                let zero = self.builder.int(at, 0)?;
                self.builder.arithmetic(at, Arithmetic::Subtract, zero, inner)
            }
            ExprKind::Not(inner) => {
                let inner = self.expression(inner)?;
                self.builder.not(at, inner)
            }
            ExprKind::Binary(operator, a, b) => {
                let (a, b) = (self.expression(a)?, self.expression(b)?);
                self.binary(at, *operator, a, b)
            }
            ExprKind::In(value, list) => {
                let value = self.expression(value)?;
                let mut found = self.builder.bool(at, false)?;
                for entry in list {
                    let entry = self.expression(entry)?;
                    let equal = self.builder.compare(at, Comparison::Equal, value, entry)?;
                    found = self.builder.or(at, found, equal)?;
                }
                Ok(found)
            }
            ExprKind::Call(name, arguments) => self.call(at, name, arguments),
        }
    }

    fn binary(&mut self, at: usize, operator: Binary, a: Typed, b: Typed) -> Result<Typed, ExpressionError> {
        match operator {
            Binary::Or => self.builder.or(at, a, b),
            Binary::And => self.builder.and(at, a, b),
            Binary::Equal => self.builder.compare(at, Comparison::Equal, a, b),
            Binary::NotEqual => self.builder.compare(at, Comparison::NotEqual, a, b),
            Binary::Less => self.builder.compare(at, Comparison::Less, a, b),
            Binary::LessEqual => self.builder.compare(at, Comparison::LessEqual, a, b),
            Binary::Greater => self.builder.compare(at, Comparison::Greater, a, b),
            Binary::GreaterEqual => self.builder.compare(at, Comparison::GreaterEqual, a, b),
            Binary::Concatenate => self.builder.call(at, &library::CONCATENATE, &[a, b]),
            Binary::Add => self.builder.arithmetic(at, Arithmetic::Add, a, b),
            Binary::Subtract => self.builder.arithmetic(at, Arithmetic::Subtract, a, b),
            Binary::Multiply => self.builder.arithmetic(at, Arithmetic::Multiply, a, b),
            Binary::Divide => self.builder.arithmetic(at, Arithmetic::Divide, a, b),
            Binary::Remainder => self.builder.arithmetic(at, Arithmetic::Remainder, a, b),
        }
    }

    fn name(&mut self, at: usize, name: &str) -> Result<Typed, ExpressionError> {
        if let Some(variable) = self.variable(name) {
            return Ok(Typed { operand: Operand::Variable(variable.number), kind: variable.kind });
        }
        let variables = self.declarations.variables.iter().map(|variable| variable.name.as_str());
        if self.initializing {
            return Err(ExpressionError::unknown(at, "variable", name, variables));
        }
        match name {
            OPCODE => return self.builder.load(at, Special::Opcode, Type::Text),
            FLAGS => return self.builder.load(at, Special::Flags, Type::Text),
            _ => {}
        }
        let schema = self.builder.input();
        match schema.position(name) {
            Some(position) => self.builder.field(at, position),
            None => {
                let fields = schema.fields().iter().map(|field| field.name.as_str());
                let known = fields.chain(variables).chain([OPCODE, FLAGS]);
                Err(ExpressionError::unknown(at, "field or variable", name, known))
            }
        }
    }

    fn call(&mut self, at: usize, name: &str, arguments: &[Expr]) -> Result<Typed, ExpressionError> {
        let lower = name.to_ascii_lowercase();
        if lower == "parameter" && !self.arguments.is_empty() {
            return self.parameter(at, arguments);
        }
        let values = arguments.iter().map(|argument| self.expression(argument)).collect::<Result<Vec<_>, _>>()?;
        if let Some(function) = self.declarations.functions.iter().position(|function| function.name == name) {
            return self.user_call(at, function, values);
        }
        match (lower.as_str(), &values[..]) {
            ("if", [condition, then]) => {
                let null = self.builder.null(at)?;
                self.builder.select(at, *condition, *then, null)
            }
            ("if", [condition, then, otherwise]) => self.builder.select(at, *condition, *then, *otherwise),
            ("isnull", [value]) => self.builder.is_null(at, *value),
            ("tointeger", [value]) => self.builder.convert(at, *value, Type::Int),
            ("toreal", [value]) => self.builder.convert(at, *value, Type::Real),
            ("tostring", [value]) => self.builder.convert(at, *value, Type::Text),
            ("toboolean", [value]) => self.builder.convert(at, *value, Type::Bool),
            ("todate", [value]) => self.builder.convert(at, *value, Type::Date),
            ("today" | "todaygmt", []) if !self.initializing => self.builder.load(at, Special::Time, Type::Date),
            (lower, values) => match library::find(lower) {
                Some(function) => self.builder.call(at, function, values),
                None if lower == "parameter" => {
                    let what = "parameter(n) works in functions of the project only".to_owned();
                    Err(ExpressionError { len: lower.len(), ..ExpressionError::new(at, what) })
                }
                None => {
                    let users = self.declarations.functions.iter().map(|function| function.name.as_str());
                    let known = library::names().chain(users);
                    Err(ExpressionError::unknown(at, "function", name, known))
                }
            },
        }
    }

    /// `parameter(n)`: the n-th argument, from 1, as a text.
    fn parameter(&mut self, at: usize, arguments: &[Expr]) -> Result<Typed, ExpressionError> {
        let given = self.arguments.last().map_or(&[][..], Vec::as_slice);
        let number = match arguments {
            [Expr { kind: ExprKind::Integer(number), .. }] => usize::try_from(*number).ok(),
            _ => None,
        };
        match number.and_then(|number| given.get(number.checked_sub(1)?)) {
            Some(value) => Ok(*value),
            None => {
                let what = format!("parameter(n) takes a number from 1 to {}, as many as the call has", given.len());
                Err(ExpressionError { len: "parameter".len(), ..ExpressionError::new(at, what) })
            }
        }
    }

    /// A function of the project: its body stands where it is called.
    fn user_call(&mut self, at: usize, function: usize, values: Vec<Typed>) -> Result<Typed, ExpressionError> {
        if self.arguments.len() >= CALLS_MAX {
            let what = format!("functions call each other more than {CALLS_MAX} levels deep");
            return Err(ExpressionError::new(at, what));
        }
        let values = values
            .into_iter()
            .map(|value| self.builder.convert(at, value, Type::Text))
            .collect::<Result<Vec<_>, _>>()?;
        let UserFunction { returns, body, .. } = &self.declarations.functions[function];
        let (returns, body) = (*returns, body.clone());
        self.arguments.push(values);
        let value = self.body(&body, returns).map_err(|error| {
            let name = &self.declarations.functions[function].name;
            ExpressionError { at, len: name.len(), what: format!("in function \"{name}\": {}", error.what), ..error }
        })?;
        self.arguments.pop();
        self.builder.convert(at, value, returns)
    }
}

/// A type as XML attributes name it.
fn type_called(name: &str) -> Option<Type> {
    Some(match name.to_ascii_lowercase().as_str() {
        "int32" | "int64" | "integer" => Type::Int,
        "double" | "real" | "money" => Type::Real,
        "string" | "rutstr" => Type::Text,
        "boolean" => Type::Bool,
        "date" | "stamp" | "timestamp" => Type::Date,
        _ => return None,
    })
}
