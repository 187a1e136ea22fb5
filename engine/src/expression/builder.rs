//! Puts programs together, with types checked and conversions in place. Both languages build through it.

mod operators;

use types::{Column, FieldType, Schema, Value, Values};

use super::ExpressionError;
use super::call::{Function, Parameter, Returns};
use super::program::{Conversion, Entry, Instruction, Operand, Physical, Program, Special, Store, Target, Type, Typed};

/// Registers, constants and fields of one program at most: what 16 bits can number.
const OPERANDS_MAX: usize = u16::MAX as usize;

/// What date and stamp fields are to a language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dates {
    /// Dates.
    Typed,
    /// Integers as stored: seconds and microseconds.
    Numbers,
}

/// A program in the making.
pub(crate) struct Builder<'a> {
    input: &'a Schema,
    dates: Dates,
    program: Program,
    /// Fields that needed an instruction to read, so that each is read once per entry.
    loaded: Vec<(usize, Typed)>,
    entry_start: usize,
    /// How many values were asked for that are derived from the event's place.
    derived: u16,
}

impl<'a> Builder<'a> {
    /// `path` names the window.
    pub(crate) fn new(input: &'a Schema, dates: Dates, path: &str) -> Self {
        let program = Program { salt: path.to_owned(), ..Program::default() };
        Self { input, dates, program, loaded: Vec::new(), entry_start: 0, derived: 0 }
    }

    pub(crate) fn input(&self) -> &'a Schema {
        self.input
    }

    pub(crate) fn finish(self) -> Program {
        self.program
    }

    /// Whether the program must run event by event, for it jumps or carries a variable along.
    pub(crate) fn runs_by_event(&self) -> bool {
        self.program.by_event
    }

    pub(crate) fn set_by_event(&mut self, by_event: bool) {
        self.program.by_event = by_event;
    }

    /// Ends the code of one expression, whose value goes into a field of type `to`.
    ///
    /// # Errors
    /// When no value can go there.
    pub(crate) fn end_entry(&mut self, at: usize, value: Typed, to: FieldType) -> Result<(), ExpressionError> {
        let (value, store) = match (to, value.kind) {
            (FieldType::Int32, _) => (self.convert(at, value, Type::Int)?, Store::Int32),
            (FieldType::Int64, _) => (self.convert(at, value, Type::Int)?, Store::Int64),
            (FieldType::Double, _) => (self.convert(at, value, Type::Real)?, Store::Double),
            (FieldType::String, _) => (self.convert(at, value, Type::Text)?, Store::Text),
            (FieldType::Money, _) => (self.convert(at, value, Type::Real)?, Store::Money),
            (FieldType::Date, Type::Date) => (value, Store::DateFromMicros),
            (FieldType::Stamp, Type::Date) => (value, Store::Stamp),
            (FieldType::Date, Type::Text) if self.dates == Dates::Typed => {
                (self.convert(at, value, Type::Date)?, Store::DateFromMicros)
            }
            (FieldType::Stamp, Type::Text) if self.dates == Dates::Typed => {
                (self.convert(at, value, Type::Date)?, Store::Stamp)
            }
            (FieldType::Date, _) => (self.convert(at, value, Type::Int)?, Store::DateFromSeconds),
            (FieldType::Stamp, _) => (self.convert(at, value, Type::Int)?, Store::Stamp),
            (FieldType::Blob, _) => {
                return Err(ExpressionError::new(at, "a blob field can't take a computed value".to_owned()));
            }
        };
        let result = Target { operand: value.operand, store };
        let code = self.entry_start..self.program.code.len();
        self.program.entries.push(Entry { code, result });
        self.begin_entry();
        Ok(())
    }

    /// What was loaded in earlier code may not have run when this code does.
    pub(crate) fn begin_entry(&mut self) {
        self.entry_start = self.program.code.len();
        self.loaded.clear();
    }

    /// Forgets what was loaded: code after a jump can't rely on it.
    pub(crate) fn forget_loaded(&mut self) {
        self.loaded.clear();
    }

    /// The input field at `position`.
    ///
    /// # Errors
    /// When it is a blob.
    pub(crate) fn field(&mut self, at: usize, position: usize) -> Result<Typed, ExpressionError> {
        if let Some((_, loaded)) = self.loaded.iter().find(|(field, _)| *field == position) {
            return Ok(*loaded);
        }
        let number = numbered(at, position)?;
        let as_it_is = |kind| Ok(Typed { operand: Operand::Field(number), kind });
        let (what, kind) = match self.input.fields()[position].field_type {
            FieldType::Int64 => return as_it_is(Type::Int),
            FieldType::Double => return as_it_is(Type::Real),
            FieldType::String => return as_it_is(Type::Text),
            FieldType::Stamp if self.dates == Dates::Typed => return as_it_is(Type::Date),
            FieldType::Stamp => return as_it_is(Type::Int),
            FieldType::Int32 => (Special::Int32Field(number), Type::Int),
            FieldType::Date if self.dates == Dates::Typed => (Special::DateField(number), Type::Date),
            FieldType::Date => (Special::DateNumberField(number), Type::Int),
            FieldType::Money => (Special::MoneyField(number), Type::Real),
            FieldType::Blob => {
                let name = &self.input.fields()[position].name;
                return Err(ExpressionError::new(at, format!("field \"{name}\" is a blob, which can only be copied")));
            }
        };
        let loaded = self.load(at, what, kind)?;
        self.loaded.push((position, loaded));
        Ok(loaded)
    }

    /// What an event has besides its fields.
    pub(crate) fn load(&mut self, at: usize, what: Special, kind: Type) -> Result<Typed, ExpressionError> {
        let to = self.register(at, kind)?;
        self.emit(Instruction::Load { to, what });
        Ok(Typed { operand: Operand::Register(to), kind })
    }

    /// The event's own UUID; each call gives another one.
    pub(crate) fn uuid(&mut self, at: usize) -> Result<Typed, ExpressionError> {
        self.derived += 1;
        self.load(at, Special::Uuid(self.derived), Type::Text)
    }

    /// A real from 0 on, below 1, derived from the event's place; each call gives another one.
    pub(crate) fn chance(&mut self, at: usize) -> Result<Typed, ExpressionError> {
        self.derived += 1;
        self.load(at, Special::Chance(self.derived), Type::Real)
    }

    pub(crate) fn null(&mut self, at: usize) -> Result<Typed, ExpressionError> {
        self.constant(at, Type::Null, Value::Null)
    }

    pub(crate) fn int(&mut self, at: usize, value: i64) -> Result<Typed, ExpressionError> {
        self.constant(at, Type::Int, Value::Int64(value))
    }

    pub(crate) fn bool(&mut self, at: usize, value: bool) -> Result<Typed, ExpressionError> {
        self.constant(at, Type::Bool, Value::Int64(i64::from(value)))
    }

    pub(crate) fn real(&mut self, at: usize, value: f64) -> Result<Typed, ExpressionError> {
        self.constant(at, Type::Real, Value::Double(value))
    }

    pub(crate) fn text(&mut self, at: usize, value: &str) -> Result<Typed, ExpressionError> {
        self.constant(at, Type::Text, Value::String(value))
    }

    fn constant(&mut self, at: usize, kind: Type, value: Value<'_>) -> Result<Typed, ExpressionError> {
        let mut column = column_of(kind.physical());
        let fits = column.push(value).is_ok();
        assert!(fits, "a constant of another type");
        self.program.constants.push(column);
        let operand = Operand::Constant(numbered(at, self.program.constants.len() - 1)?);
        Ok(Typed { operand, kind })
    }

    /// A variable that lives from event to event; it starts as null.
    pub(crate) fn variable(&mut self, at: usize, kind: Type) -> Result<u16, ExpressionError> {
        let mut column = column_of(kind.physical());
        let fits = column.push(Value::Null).is_ok();
        assert!(fits, "every column takes a null");
        self.program.variables.push(column);
        numbered(at, self.program.variables.len() - 1)
    }

    pub(crate) fn set(&mut self, variable: u16, value: Typed) {
        self.emit(Instruction::Set { variable, physical: value.kind.physical(), from: value.operand });
    }

    /// A library function; the number of arguments is checked here.
    pub(crate) fn call(
        &mut self,
        at: usize,
        function: &'static Function,
        arguments: &[Typed],
    ) -> Result<Typed, ExpressionError> {
        let (least, most) = function.count;
        if !(least..=most).contains(&arguments.len()) {
            let wanted = if least == most { format!("{least}") } else { format!("{least} to {most}") };
            let what = format!("{} takes {wanted} arguments, not {}", function.name, arguments.len());
            return Err(ExpressionError { len: function.name.len(), ..ExpressionError::new(at, what) });
        }
        let numbers = (0..arguments.len()).filter(|&i| function.parameter(i) == Parameter::Number);
        let is_whole = |kind: Type| match kind {
            Type::Null | Type::Int | Type::Bool => true,
            Type::Real | Type::Text | Type::Date => false,
        };
        let number = if numbers.map(|i| arguments[i].kind).all(is_whole) { Type::Int } else { Type::Real };
        let mut operands = Vec::with_capacity(arguments.len());
        for (i, &argument) in arguments.iter().enumerate() {
            let argument = match function.parameter(i) {
                Parameter::Of(kind) => self.convert(at, argument, kind)?,
                Parameter::Number => self.convert(at, argument, number)?,
                Parameter::Any => argument,
            };
            operands.push(argument.operand);
        }
        let kind = match function.returns {
            Returns::Of(kind) => kind,
            Returns::Number => number,
        };
        let to = self.register(at, kind)?;
        self.emit(Instruction::Call { function, to, arguments: operands });
        Ok(Typed { operand: Operand::Register(to), kind })
    }

    /// A value as a condition.
    pub(crate) fn condition(&mut self, at: usize, value: Typed) -> Result<Typed, ExpressionError> {
        self.convert(at, value, Type::Bool)
    }

    /// A value as another type.
    ///
    /// # Errors
    /// When the program has grown too large.
    pub(crate) fn convert(&mut self, at: usize, value: Typed, to: Type) -> Result<Typed, ExpressionError> {
        let conversion = match (value.kind, to) {
            (from, to) if from == to => return Ok(value),
            (_, Type::Null) => return Ok(value),
            (Type::Null, to) if to.physical() == Physical::Int => return Ok(Typed { kind: to, ..value }),
            (Type::Null, to) => return self.constant(at, to, Value::Null),
            (Type::Bool, Type::Int) => return Ok(Typed { kind: Type::Int, ..value }),
            (Type::Int, Type::Bool) => Conversion::IntToBool,
            (Type::Int | Type::Bool, Type::Real) => Conversion::IntToReal,
            (Type::Int, Type::Text) => Conversion::IntToText,
            (Type::Bool, Type::Text) => Conversion::BoolToText,
            (Type::Real, Type::Int) => Conversion::RealToInt,
            (Type::Real, Type::Bool) => Conversion::RealToBool,
            (Type::Real, Type::Text) => Conversion::RealToText,
            (Type::Real, Type::Date) => Conversion::RealToDate,
            (Type::Text, Type::Int) => Conversion::TextToInt,
            (Type::Text, Type::Real) => Conversion::TextToReal,
            (Type::Text, Type::Bool) => Conversion::TextToBool,
            (Type::Text, Type::Date) => Conversion::TextToDate,
            (Type::Date, Type::Real) => Conversion::DateToReal,
            (Type::Date, Type::Text) => Conversion::DateToText,
            // No direct way: over reals.
            (Type::Int | Type::Bool, Type::Date) | (Type::Date, Type::Int | Type::Bool) => {
                let real = self.convert(at, value, Type::Real)?;
                return self.convert(at, real, to);
            }
            (from, to) => panic!("no rule turns {} into {}", from.name(), to.name()),
        };
        self.emit_conversion(at, conversion, value, to)
    }

    /// Where the next instruction will stand.
    pub(crate) fn here(&self) -> usize {
        self.program.code.len()
    }

    /// A jump whose target is told later by [`Builder::land`]; with a condition it jumps when that is not true.
    pub(crate) fn jump(&mut self, unless: Option<Typed>) -> usize {
        self.set_by_event(true);
        let at = self.here();
        self.emit(match unless {
            Some(condition) => Instruction::JumpUnless { condition: condition.operand, target: at + 1 },
            None => Instruction::Jump { target: at + 1 },
        });
        at
    }

    /// Makes the jump at `jump` go to `to`.
    pub(crate) fn land(&mut self, jump: usize, to: usize) {
        self.forget_loaded();
        let (Instruction::Jump { target } | Instruction::JumpUnless { target, .. }) = &mut self.program.code[jump]
        else {
            panic!("instruction {jump} is no jump");
        };
        *target = to;
    }

    fn emit(&mut self, instruction: Instruction) {
        self.program.code.push(instruction);
    }

    fn register(&mut self, at: usize, kind: Type) -> Result<u16, ExpressionError> {
        self.program.registers.push(column_of(kind.physical()));
        numbered(at, self.program.registers.len() - 1)
    }
}

fn column_of(physical: Physical) -> Column {
    match physical {
        Physical::Int => Column::Int64(Values::default()),
        Physical::Real => Column::Double(Values::default()),
        Physical::Text => Column::new(FieldType::String),
    }
}

fn numbered(at: usize, position: usize) -> Result<u16, ExpressionError> {
    u16::try_from(position).map_err(|_| {
        ExpressionError::new(at, format!("the expressions of this window need more than {OPERANDS_MAX} values"))
    })
}
