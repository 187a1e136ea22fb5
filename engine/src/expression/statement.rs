//! Statements: what makes a program more than an expression.

use super::ExpressionError;
use super::compile::{Compiler, Variable};
use super::program::{Operand, Type, Typed};
use super::syntax::{Binary, Declared, Expr, ExprKind, Statement};

impl Compiler<'_, '_> {
    pub(super) fn statements(&mut self, statements: &[Statement]) -> Result<(), ExpressionError> {
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
}

/// The expression that says the same as a body of `if`, `return` and a last value; `None` when the body does more.
pub(super) fn as_expression(statements: &[Statement]) -> Option<Expr> {
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
