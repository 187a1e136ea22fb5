//! From syntax to a program.

use types::{FieldType, Schema};

use super::builder::Builder;
use super::parser::parse;
use super::program::{Arithmetic, Comparison, Operand, Special, Type, Typed};
use super::syntax::{Binary, Declared, Expr, ExprKind, Statement};
use super::{ExpressionError, library};

/// Functions of the project inside each other at most; this also ends functions that call themselves.
const CALLS_MAX: usize = 16;

/// Names that the expressions of one window share.
#[derive(Debug, Default)]
pub(crate) struct Declarations {
    variables: Vec<Variable>,
    functions: Vec<UserFunction>,
    /// Whether events can change a variable, so that each event must see what the one before left.
    changing: bool,
}

#[derive(Debug)]
struct Variable {
    name: String,
    kind: Type,
    number: u16,
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

struct Compiler<'c, 'a> {
    builder: &'c mut Builder<'a>,
    declarations: &'c mut Declarations,
    initializing: bool,
    /// Of the functions of the project that are being compiled, innermost last.
    arguments: Vec<Vec<Typed>>,
    /// Of the bodies with jumps that are being compiled: where their value goes, and the jumps to their end.
    exits: Vec<Exit>,
}

struct Exit {
    variable: u16,
    kind: Type,
    jumps: Vec<usize>,
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

    fn statements(&mut self, statements: &[Statement]) -> Result<(), ExpressionError> {
        statements.iter().try_for_each(|statement| self.statement(statement))
    }

    fn statement(&mut self, statement: &Statement) -> Result<(), ExpressionError> {
        match statement {
            Statement::Declare { name, declared, at } => self.declare(name, *declared, *at),
            Statement::Assign { name, value, at } => self.assign(name, value, *at),
            Statement::Value(value) => {
                let typed = self.expression(value)?;
                self.leave_value(value.at, typed)
            }
            Statement::Return(value) => {
                let typed = self.expression(value)?;
                self.leave_value(value.at, typed)?;
                let jump = self.builder.jump(None);
                if let Some(exit) = self.exits.last_mut() {
                    exit.jumps.push(jump);
                }
                Ok(())
            }
            Statement::If { condition, then, otherwise } => {
                let test = self.expression(condition)?;
                let test = self.builder.condition(condition.at, test)?;
                let to_else = self.builder.jump(Some(test));
                self.branch(then)?;
                let to_end = self.builder.jump(None);
                let start_of_else = self.builder.here();
                self.builder.land(to_else, start_of_else);
                self.branch(otherwise)?;
                let end = self.builder.here();
                self.builder.land(to_end, end);
                Ok(())
            }
            Statement::While { condition, body, .. } => {
                self.builder.forget_loaded();
                let start = self.builder.here();
                let test = self.expression(condition)?;
                let test = self.builder.condition(condition.at, test)?;
                let to_end = self.builder.jump(Some(test));
                self.branch(body)?;
                let back = self.builder.jump(None);
                self.builder.land(back, start);
                let end = self.builder.here();
                self.builder.land(to_end, end);
                Ok(())
            }
            Statement::For { name, from, to, step, body, at } => self.counted(name, from, to, step.as_ref(), body, *at),
        }
    }

    /// Code that may be jumped over: what it loads is not loaded afterwards.
    fn branch(&mut self, statements: &[Statement]) -> Result<(), ExpressionError> {
        self.builder.forget_loaded();
        self.statements(statements)?;
        self.builder.forget_loaded();
        Ok(())
    }

    /// `for i = a to b step c`: upwards for a step above zero, downwards for one below.
    fn counted(
        &mut self,
        name: &str,
        from: &Expr,
        to: &Expr,
        step: Option<&Expr>,
        body: &[Statement],
        at: usize,
    ) -> Result<(), ExpressionError> {
        if self.variable(name).is_none() {
            self.declare(name, Declared::Integer, at)?;
        }
        self.assign(name, from, at)?;
        let one = Expr { kind: ExprKind::Integer(1), at };
        let step = step.unwrap_or(&one).clone();
        let variable = || Box::new(Expr { kind: ExprKind::Name(name.to_owned()), at });
        let binary =
            |operator, a: Box<Expr>, b: &Expr| Expr { kind: ExprKind::Binary(operator, a, Box::new(b.clone())), at };
        let zero = Expr { kind: ExprKind::Integer(0), at };
        let upwards = binary(Binary::Greater, Box::new(step.clone()), &zero);
        let goes_on = Expr {
            kind: ExprKind::Call(
                "if".to_owned(),
                vec![upwards, binary(Binary::LessEqual, variable(), to), binary(Binary::GreaterEqual, variable(), to)],
            ),
            at,
        };
        let next = Statement::Assign { name: name.to_owned(), value: binary(Binary::Add, variable(), &step), at };
        let body = body.iter().cloned().chain([next]).collect();
        self.statement(&Statement::While { condition: goes_on, body, at })
    }

    fn declare(&mut self, name: &str, declared: Declared, at: usize) -> Result<(), ExpressionError> {
        let kind = match declared {
            Declared::Integer => Type::Int,
            Declared::Real => Type::Real,
            Declared::Text => Type::Text,
            Declared::Boolean => Type::Bool,
            Declared::Date => Type::Date,
        };
        match self.variable(name).map(|variable| variable.kind) {
            Some(earlier) if earlier == kind => Ok(()),
            Some(earlier) => {
                let what = format!("variable \"{name}\" is declared as {} already", earlier.name());
                Err(ExpressionError { len: name.len(), ..ExpressionError::new(at, what) })
            }
            None if self.builder.input().position(name).is_some() => {
                let what = format!("\"{name}\" is a field of the input already");
                Err(ExpressionError { len: name.len(), ..ExpressionError::new(at, what) })
            }
            None => {
                let number = self.builder.variable(at, kind)?;
                self.declarations.variables.push(Variable { name: name.to_owned(), kind, number });
                Ok(())
            }
        }
    }

    fn assign(&mut self, name: &str, value: &Expr, at: usize) -> Result<(), ExpressionError> {
        let Some((kind, number)) = self.variable(name).map(|variable| (variable.kind, variable.number)) else {
            if self.builder.input().position(name).is_some() {
                let field = Expr { kind: ExprKind::Name(name.to_owned()), at };
                let comparison = ExprKind::Binary(Binary::Equal, Box::new(field), Box::new(value.clone()));
                let typed = self.expression(&Expr { kind: comparison, at })?;
                return self.leave_value(at, typed);
            }
            let known = self.declarations.variables.iter().map(|variable| variable.name.as_str());
            return Err(ExpressionError::unknown(at, "variable", name, known));
        };
        let typed = self.expression(value)?;
        let typed = self.builder.convert(value.at, typed, kind)?;
        self.builder.set(number, typed);
        if !self.initializing {
            self.declarations.changing = true;
        }
        self.leave_value(at, Typed { operand: Operand::Variable(number), kind })
    }

    /// The last statement's value is the body's.
    fn leave_value(&mut self, at: usize, value: Typed) -> Result<(), ExpressionError> {
        let Some((variable, kind)) = self.exits.last().map(|exit| (exit.variable, exit.kind)) else { return Ok(()) };
        if kind != Type::Null {
            let value = self.builder.convert(at, value, kind)?;
            self.builder.set(variable, value);
        }
        Ok(())
    }

    fn variable(&self, name: &str) -> Option<&Variable> {
        self.declarations.variables.iter().find(|variable| variable.name == name)
    }

    fn expression(&mut self, expression: &Expr) -> Result<Typed, ExpressionError> {
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

/// The expression that says the same as a body of `if`, `return` and a last value; `None` when the body does more.
fn as_expression(statements: &[Statement]) -> Option<Expr> {
    match statements {
        [Statement::Value(value)] => Some(value.clone()),
        [Statement::Return(value), ..] => Some(value.clone()),
        [Statement::If { condition, then, otherwise }, rest @ ..] => {
            if !rest.is_empty() && !always_returns(then) {
                return None;
            }
            let then = as_expression(then)?;
            let at = condition.at;
            let otherwise = match (otherwise.is_empty(), rest.is_empty()) {
                (true, true) => Expr { kind: ExprKind::Null, at },
                (true, false) => as_expression(rest)?,
                (false, true) => as_expression(otherwise)?,
                (false, false) if always_returns(otherwise) => as_expression(otherwise)?,
                (false, false) => return None,
            };
            let arguments = vec![condition.clone(), then, otherwise];
            Some(Expr { kind: ExprKind::Call("if".to_owned(), arguments), at })
        }
        [
            Statement::Declare { .. }
            | Statement::Assign { .. }
            | Statement::Value(_)
            | Statement::While { .. }
            | Statement::For { .. },
            ..,
        ]
        | [] => None,
    }
}

fn always_returns(statements: &[Statement]) -> bool {
    statements.iter().any(|statement| match statement {
        Statement::Return(_) => true,
        Statement::If { then, otherwise, .. } => always_returns(then) && always_returns(otherwise),
        Statement::Declare { .. }
        | Statement::Assign { .. }
        | Statement::Value(_)
        | Statement::While { .. }
        | Statement::For { .. } => false,
    })
}
