//! From syntax to a program.

use types::FieldType;

use crate::expression::Builder;
use crate::expression::ExpressionError;
use crate::expression::program::{Arithmetic, Comparison, Special, Type, Typed};

use super::library;
use super::parser::{Term, TermKind, parse};

/// The functions of a window, as far as they are compiled: later ones may use them.
#[derive(Debug)]
pub(crate) struct Functions {
    known: Vec<(String, Typed)>,
    /// What `input()` gives.
    input_name: String,
}

impl Functions {
    /// `input_name`: the window that the events come from.
    pub(crate) fn new(input_name: &str) -> Self {
        Self { known: Vec::new(), input_name: input_name.to_owned() }
    }

    /// Compiles a function; its value can be used as `$name` from now on.
    pub(crate) fn add(&mut self, builder: &mut Builder<'_>, name: &str, text: &str) -> Result<Typed, ExpressionError> {
        let value = self.value(builder, text)?;
        self.known.push((name.to_owned(), value));
        Ok(value)
    }

    /// Makes the name of a function that doesn't compile known, so that its users aren't faulted too.
    pub(crate) fn forgive(&mut self, builder: &mut Builder<'_>, name: &str) {
        if let Ok(null) = builder.null(0) {
            self.known.push((name.to_owned(), null));
        }
    }

    /// Compiles a function without a name, whose value goes into a field of type `to`.
    pub(crate) fn entry(&self, builder: &mut Builder<'_>, text: &str, to: FieldType) -> Result<(), ExpressionError> {
        let value = self.value(builder, text)?;
        builder.end_entry(0, value, to)
    }

    /// Compiles a condition without a name.
    pub(crate) fn condition(&self, builder: &mut Builder<'_>, text: &str) -> Result<(), ExpressionError> {
        let value = self.value(builder, text)?;
        let value = builder.condition(0, value)?;
        builder.end_entry(0, value, FieldType::Int64)
    }

    fn value(&self, builder: &mut Builder<'_>, text: &str) -> Result<Typed, ExpressionError> {
        Compiler { builder, functions: self }.term(&parse(text)?)
    }
}

struct Compiler<'c, 'a> {
    builder: &'c mut Builder<'a>,
    functions: &'c Functions,
}

impl Compiler<'_, '_> {
    fn term(&mut self, term: &Term) -> Result<Typed, ExpressionError> {
        let at = term.at;
        match &term.kind {
            TermKind::Integer(value) => self.builder.int(at, *value),
            TermKind::Real(value) => self.builder.real(at, *value),
            TermKind::Text(value) => self.builder.text(at, value),
            TermKind::Boolean(value) => self.builder.bool(at, *value),
            TermKind::Reference(name) => self.reference(at, name),
            TermKind::Call(name, arguments) => self.call(at, name, arguments),
        }
    }

    fn reference(&mut self, at: usize, name: &str) -> Result<Typed, ExpressionError> {
        if let Some((_, value)) = self.functions.known.iter().rev().find(|(known, _)| known == name) {
            return Ok(*value);
        }
        let schema = self.builder.input();
        match schema.position(name) {
            Some(position) => self.builder.field(at, position),
            None => {
                let fields = schema.fields().iter().map(|field| field.name.as_str());
                let functions = self.functions.known.iter().map(|(name, _)| name.as_str());
                Err(ExpressionError::unknown(at + 1, "field or earlier function", name, fields.chain(functions)))
            }
        }
    }

    fn call(&mut self, at: usize, name: &str, arguments: &[Term]) -> Result<Typed, ExpressionError> {
        let values = arguments.iter().map(|argument| self.term(argument)).collect::<Result<Vec<_>, _>>()?;
        match (name, &values[..]) {
            ("eventCounter", []) => self.builder.load(at, Special::EventCounter, Type::Int),
            // Without event loops, each input event makes one event.
            ("eventNumber", []) => self.builder.int(at, 0),
            ("input", []) => self.builder.text(at, &self.functions.input_name),
            ("opcode", []) => self.builder.load(at, Special::OpcodeWord, Type::Text),
            ("guid", []) => self.builder.uuid(at),
            ("random", [low, high]) => self.random(at, *low, *high),
            ("systemMicro" | "timeMicro", []) => self.builder.load(at, Special::Time, Type::Int),
            ("timeCurrent", []) => {
                let micros = self.builder.load(at, Special::Time, Type::Int)?;
                let million = self.builder.int(at, crate::calendar::SECOND)?;
                self.builder.arithmetic(at, Arithmetic::Divide, micros, million)
            }
            ("if", [condition, then]) => {
                let null = self.builder.null(at)?;
                self.builder.select(at, *condition, *then, null)
            }
            ("if", [condition, then, otherwise]) => self.builder.select(at, *condition, *then, *otherwise),
            ("ifNext", [_, _, ..]) => self.first_that_holds(at, &values),
            ("equals", [a, b]) => self.builder.compare(at, Comparison::Equal, *a, *b),
            ("gt", [a, b]) => self.compare_numbers(at, Comparison::Greater, *a, *b),
            ("gte", [a, b]) => self.compare_numbers(at, Comparison::GreaterEqual, *a, *b),
            ("lt", [a, b]) => self.compare_numbers(at, Comparison::Less, *a, *b),
            ("lte", [a, b]) => self.compare_numbers(at, Comparison::LessEqual, *a, *b),
            ("and", [first, rest @ ..]) => {
                let first = self.builder.condition(at, *first)?;
                rest.iter().try_fold(first, |all, value| self.builder.and(at, all, *value))
            }
            ("or", [first, rest @ ..]) => {
                let first = self.builder.condition(at, *first)?;
                rest.iter().try_fold(first, |any, value| self.builder.or(at, any, *value))
            }
            ("not", [value]) => self.builder.not(at, *value),
            ("isNull", [value]) => self.builder.is_null(at, *value),
            ("integer" | "long", [value]) => self.builder.convert(at, *value, Type::Int),
            ("number" | "double", [value]) => self.builder.convert(at, *value, Type::Real),
            (name, values) => match library::find(name) {
                Some(function) => self.builder.call(at, function, values),
                None if library::BUILT_IN.contains(&name) => {
                    let what = format!("{name} can't take {} arguments", values.len());
                    Err(ExpressionError { len: name.len(), ..ExpressionError::new(at, what) })
                }
                None => Err(ExpressionError::unknown(at, "function", name, library::names())),
            },
        }
    }

    /// `ifNext(c1, v1, c2, v2, …)` with an optional value at the end for when no condition holds.
    fn first_that_holds(&mut self, at: usize, values: &[Typed]) -> Result<Typed, ExpressionError> {
        let pairs = values.chunks_exact(2);
        let last = match pairs.remainder() {
            [value] => *value,
            _ => self.builder.null(at)?,
        };
        let pairs: Vec<&[Typed]> = pairs.collect();
        pairs.into_iter().rev().try_fold(last, |otherwise, pair| self.builder.select(at, pair[0], pair[1], otherwise))
    }

    fn compare_numbers(
        &mut self,
        at: usize,
        comparison: Comparison,
        a: Typed,
        b: Typed,
    ) -> Result<Typed, ExpressionError> {
        let both_text = a.kind == Type::Text && b.kind == Type::Text;
        let a = if both_text { self.builder.convert(at, a, Type::Real)? } else { a };
        self.builder.compare(at, comparison, a, b)
    }

    /// A real from `low` on, below `high`, derived from the event's place.
    fn random(&mut self, at: usize, low: Typed, high: Typed) -> Result<Typed, ExpressionError> {
        let low = self.builder.convert(at, low, Type::Real)?;
        let width = self.builder.arithmetic(at, Arithmetic::Subtract, high, low)?;
        let part = self.builder.chance(at)?;
        let part = self.builder.arithmetic(at, Arithmetic::Multiply, part, width)?;
        self.builder.arithmetic(at, Arithmetic::Add, low, part)
    }
}
