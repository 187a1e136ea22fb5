//! From text to syntax.

use super::ExpressionError;
use super::syntax::{Binary, Declared, Expr, ExprKind, Statement};
use super::token::{Token, TokenKind, tokens};

/// Brackets and blocks inside each other at most; deeper ones are refused, so that no text can exhaust the stack.
const DEPTH_MAX: usize = 64;
/// Operators of one statement at most, for the same reason: a chain of operators is a chain of syntax.
const OPERATORS_MAX: usize = 1_000;

/// Reads a whole program.
pub(crate) fn parse(text: &str) -> Result<Vec<Statement>, ExpressionError> {
    let mut parser = Parser { tokens: tokens(text)?, next: 0, depth: 0, operators: 0 };
    let program = parser.statements(&[])?;
    if *parser.peek() == TokenKind::End {
        return Ok(program);
    }
    Err(parser.unexpected(&parser.peek().clone(), "an expression or a statement"))
}

struct Parser {
    tokens: Vec<Token>,
    next: usize,
    depth: usize,
    /// Of the statement at hand.
    operators: usize,
}

impl Parser {
    fn peek(&self) -> &TokenKind {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &TokenKind {
        // The list ends with `End`, which is never passed.
        self.tokens.get(self.next + ahead).map_or(&TokenKind::End, |token| &token.kind)
    }

    fn at(&self) -> usize {
        self.tokens.get(self.next).or(self.tokens.last()).map_or(0, |token| token.at)
    }

    fn advance(&mut self) {
        self.next = (self.next + 1).min(self.tokens.len() - 1);
    }

    fn skip_newlines(&mut self) {
        while *self.peek() == TokenKind::Newline {
            self.advance();
        }
    }

    fn takes_sign(&mut self, sign: &str) -> bool {
        let found = matches!(self.peek(), TokenKind::Sign(found) if *found == sign);
        if found {
            self.advance();
        }
        found
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), TokenKind::Name(name) if name.eq_ignore_ascii_case(word))
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    /// As [`Parser::takes_word`], but the word may stand on a later line.
    fn takes_word_below(&mut self, word: &str) -> bool {
        let before = self.next;
        self.skip_newlines();
        let found = self.takes_word(word);
        if !found {
            self.next = before;
        }
        found
    }

    fn expect_sign(&mut self, sign: &str) -> Result<(), ExpressionError> {
        if self.takes_sign(sign) { Ok(()) } else { Err(self.unexpected(&self.peek().clone(), &format!("\"{sign}\""))) }
    }

    fn expect_word(&mut self, word: &str) -> Result<(), ExpressionError> {
        if self.takes_word_below(word) {
            Ok(())
        } else {
            Err(self.unexpected(&self.peek().clone(), &format!("\"{word}\"")))
        }
    }

    fn expect_name(&mut self) -> Result<String, ExpressionError> {
        if let TokenKind::Name(name) | TokenKind::QuotedName(name) = self.peek().clone() {
            self.advance();
            return Ok(name);
        }
        Err(self.unexpected(&self.peek().clone(), "a name"))
    }

    fn unexpected(&self, found: &TokenKind, expected: &str) -> ExpressionError {
        let found = match found {
            TokenKind::Integer(value) => value.to_string(),
            TokenKind::Real(value) => value.to_string(),
            TokenKind::Text(text) => format!("the text \"{text}\""),
            TokenKind::Name(name) | TokenKind::QuotedName(name) => format!("\"{name}\""),
            TokenKind::Sign(sign) => format!("\"{sign}\""),
            TokenKind::Newline => "the end of the line".to_owned(),
            TokenKind::End => "the end".to_owned(),
        };
        ExpressionError::new(self.at(), format!("{expected} is expected here, not {found}"))
    }

    fn enter(&mut self) -> Result<(), ExpressionError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(ExpressionError::new(self.at(), format!("more than {DEPTH_MAX} levels inside each other")));
        }
        Ok(())
    }

    fn leave(&mut self) {
        self.depth -= 1;
    }

    /// Statements up to one of the words in `until`, or to the end.
    fn statements(&mut self, until: &[&str]) -> Result<Vec<Statement>, ExpressionError> {
        let mut list = Vec::new();
        loop {
            self.skip_newlines();
            if *self.peek() == TokenKind::End || until.iter().any(|word| self.is_word(word)) {
                return Ok(list);
            }
            list.push(self.statement()?);
        }
    }

    fn statement(&mut self) -> Result<Statement, ExpressionError> {
        self.enter()?;
        let statement = self.statement_inside();
        self.leave();
        statement
    }

    fn statement_inside(&mut self) -> Result<Statement, ExpressionError> {
        let at = self.at();
        self.operators = 0;
        if self.takes_word("private") || self.is_declaration() {
            return self.declaration();
        }
        if self.takes_word("return") {
            return Ok(Statement::Return(self.expression()?));
        }
        if self.is_word("if") && !self.is_call_with_comma() {
            self.advance();
            return self.conditional();
        }
        if self.is_word("while") {
            self.advance();
            let condition = self.expression()?;
            return Ok(Statement::While { condition, body: self.body()?, at });
        }
        if self.is_word("for") {
            self.advance();
            return self.counted_loop(at);
        }
        if matches!(self.peek_at(1), TokenKind::Sign("="))
            && let TokenKind::Name(name) | TokenKind::QuotedName(name) = self.peek().clone()
        {
            self.advance();
            self.advance();
            return Ok(Statement::Assign { name, value: self.expression()?, at });
        }
        Ok(Statement::Value(self.expression()?))
    }

    /// A type's name, perhaps with a length, then a name.
    fn is_declaration(&self) -> bool {
        let TokenKind::Name(word) = self.peek() else { return false };
        let sized = matches!(self.peek_at(1), TokenKind::Sign("("));
        let name = self.peek_at(if sized { 4 } else { 1 });
        declared(word).is_some() && matches!(name, TokenKind::Name(_) | TokenKind::QuotedName(_))
    }

    fn declaration(&mut self) -> Result<Statement, ExpressionError> {
        let at = self.at();
        let word = self.expect_name()?;
        let Some(declared) = declared(&word) else {
            let types = ["integer", "real", "string", "boolean", "date"];
            return Err(ExpressionError::unknown(at, "type", &word, types.into_iter()));
        };
        if self.takes_sign("(") {
            // The length of a string is a bound in the original; texts have none here.
            self.advance();
            self.expect_sign(")")?;
        }
        let at = self.at();
        Ok(Statement::Declare { name: self.expect_name()?, declared, at })
    }

    fn conditional(&mut self) -> Result<Statement, ExpressionError> {
        let condition = self.expression()?;
        self.takes_word_below("then");
        let then = self.body()?;
        let otherwise = if self.takes_word_below("else") { self.body()? } else { Vec::new() };
        Ok(Statement::If { condition, then, otherwise })
    }

    fn counted_loop(&mut self, at: usize) -> Result<Statement, ExpressionError> {
        let name = self.expect_name()?;
        self.expect_sign("=")?;
        let from = self.expression()?;
        self.expect_word("to")?;
        let to = self.expression()?;
        let step = if self.takes_word("step") { Some(self.expression()?) } else { None };
        Ok(Statement::For { name, from, to, step, body: self.body()?, at })
    }

    /// One statement, or several between `begin` and `end`.
    fn body(&mut self) -> Result<Vec<Statement>, ExpressionError> {
        self.skip_newlines();
        if self.takes_word("begin") {
            let list = self.statements(&["end"])?;
            self.expect_word("end")?;
            return Ok(list);
        }
        Ok(vec![self.statement()?])
    }

    /// Whether `if (…)` here is the function: it has a comma between its brackets.
    fn is_call_with_comma(&self) -> bool {
        if !matches!(self.peek_at(1), TokenKind::Sign("(")) {
            return false;
        }
        let mut depth = 0_usize;
        for token in &self.tokens[self.next + 1..] {
            let TokenKind::Sign(sign) = token.kind else { continue };
            match sign {
                "(" => depth += 1,
                ")" if depth == 1 => return false,
                ")" => depth -= 1,
                "," if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }

    fn expression(&mut self) -> Result<Expr, ExpressionError> {
        self.enter()?;
        let expression = self.binary(0);
        self.leave();
        expression
    }

    /// Operators from `level` up, loosest first: or; and; not; comparisons; `&`; sums; products.
    fn binary(&mut self, level: usize) -> Result<Expr, ExpressionError> {
        match level {
            0 | 1 => {
                let mut left = self.binary(level + 1)?;
                while let Some(operator) = self.logical(level) {
                    left = self.pair(operator, left, level + 1)?;
                }
                Ok(left)
            }
            2 => {
                let at = self.at();
                if self.takes_word("not") || self.takes_sign("!") {
                    self.enter()?;
                    let inner = self.binary(2)?;
                    self.leave();
                    return Ok(Expr { kind: ExprKind::Not(Box::new(inner)), at });
                }
                self.comparison()
            }
            3..=5 => {
                let mut left = if level == 5 { self.unary()? } else { self.binary(level + 1)? };
                while let Some(operator) = self.arithmetic(level) {
                    left = self.pair(operator, left, level + 1)?;
                }
                Ok(left)
            }
            _ => self.unary(),
        }
    }

    fn pair(&mut self, operator: Binary, left: Expr, level: usize) -> Result<Expr, ExpressionError> {
        self.operators += 1;
        if self.operators > OPERATORS_MAX {
            let what = format!("a statement has {OPERATORS_MAX} operators at most");
            return Err(ExpressionError::new(self.at(), what));
        }
        self.skip_newlines();
        let right = self.binary(level)?;
        let at = left.at;
        Ok(Expr { kind: ExprKind::Binary(operator, Box::new(left), Box::new(right)), at })
    }

    fn logical(&mut self, level: usize) -> Option<Binary> {
        if level == 0 {
            (self.takes_word("or") || self.takes_sign("||")).then_some(Binary::Or)
        } else {
            (self.takes_word("and") || self.takes_sign("&&")).then_some(Binary::And)
        }
    }

    fn comparison(&mut self) -> Result<Expr, ExpressionError> {
        const SIGNS: [(&str, Binary); 8] = [
            ("==", Binary::Equal),
            ("!=", Binary::NotEqual),
            ("<>", Binary::NotEqual),
            ("<=", Binary::LessEqual),
            (">=", Binary::GreaterEqual),
            ("=", Binary::Equal),
            ("<", Binary::Less),
            (">", Binary::Greater),
        ];
        let mut left = self.binary(3)?;
        loop {
            if self.takes_word("in") {
                self.expect_sign("(")?;
                let list = self.arguments()?;
                let at = left.at;
                left = Expr { kind: ExprKind::In(Box::new(left), list), at };
                continue;
            }
            let Some((_, operator)) = SIGNS.into_iter().find(|(sign, _)| self.takes_sign(sign)) else {
                return Ok(left);
            };
            left = self.pair(operator, left, 3)?;
        }
    }

    fn arithmetic(&mut self, level: usize) -> Option<Binary> {
        let signs: &[(&str, Binary)] = match level {
            3 => &[("&", Binary::Concatenate)],
            4 => &[("+", Binary::Add), ("-", Binary::Subtract)],
            _ => &[("*", Binary::Multiply), ("/", Binary::Divide), ("%", Binary::Remainder)],
        };
        signs.iter().find(|(sign, _)| self.takes_sign(sign)).map(|&(_, operator)| operator)
    }

    fn unary(&mut self) -> Result<Expr, ExpressionError> {
        let at = self.at();
        if self.takes_sign("-") {
            self.enter()?;
            let inner = self.unary()?;
            self.leave();
            let kind = if let ExprKind::Integer(value) = inner.kind {
                ExprKind::Integer(-value)
            } else if let ExprKind::Real(value) = inner.kind {
                ExprKind::Real(-value)
            } else {
                ExprKind::Negate(Box::new(inner))
            };
            return Ok(Expr { kind, at });
        }
        while self.takes_sign("+") {}
        self.primary()
    }

    fn primary(&mut self) -> Result<Expr, ExpressionError> {
        let at = self.at();
        let found = self.peek().clone();
        let kind = match found {
            TokenKind::Integer(value) => ExprKind::Integer(value),
            TokenKind::Real(value) => ExprKind::Real(value),
            TokenKind::Text(ref text) => ExprKind::Text(text.clone()),
            TokenKind::QuotedName(ref name) => ExprKind::Name(name.clone()),
            TokenKind::Sign("(") => {
                self.advance();
                self.skip_newlines();
                let inner = self.expression()?;
                self.skip_newlines();
                self.expect_sign(")")?;
                return Ok(inner);
            }
            TokenKind::Name(ref name) => {
                if matches!(self.peek_at(1), TokenKind::Sign("(")) {
                    self.advance();
                    self.advance();
                    let arguments = self.arguments()?;
                    return Ok(Expr { kind: ExprKind::Call(name.clone(), arguments), at });
                }
                match name.to_ascii_lowercase().as_str() {
                    "null" => ExprKind::Null,
                    "true" => ExprKind::Boolean(true),
                    "false" => ExprKind::Boolean(false),
                    "then" | "else" | "begin" | "end" | "and" | "or" | "return" | "to" | "step" => {
                        return Err(self.unexpected(&found, "a value"));
                    }
                    _ => ExprKind::Name(name.clone()),
                }
            }
            TokenKind::Sign(_) | TokenKind::Newline | TokenKind::End => {
                return Err(self.unexpected(&found, "a value"));
            }
        };
        self.advance();
        Ok(Expr { kind, at })
    }

    /// What stands between an opening bracket, already taken, and its closing one.
    fn arguments(&mut self) -> Result<Vec<Expr>, ExpressionError> {
        let mut list = Vec::new();
        self.skip_newlines();
        if self.takes_sign(")") {
            return Ok(list);
        }
        loop {
            self.skip_newlines();
            list.push(self.expression()?);
            self.skip_newlines();
            if self.takes_sign(")") {
                return Ok(list);
            }
            self.expect_sign(",")?;
        }
    }
}

fn declared(word: &str) -> Option<Declared> {
    Some(match word.to_ascii_lowercase().as_str() {
        "integer" => Declared::Integer,
        "real" => Declared::Real,
        "string" => Declared::Text,
        "boolean" => Declared::Boolean,
        "date" => Declared::Date,
        _ => return None,
    })
}
