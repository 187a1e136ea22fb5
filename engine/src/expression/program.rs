//! Programs: what expressions become.
//!
//! A program is a list of instructions over typed registers. In the usual case an instruction runs once per run of
//! events, over whole columns. A program that carries variables from event to event, or that jumps, runs the same
//! instructions event by event, each register then holding one value ([`super::run`]).

use types::{Column, FieldType};

use super::call::Function;

/// What a value is to the languages. Booleans are held as 0 and 1, dates as microseconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    /// The type of `null`, which fits all others.
    Null,
    Int,
    Real,
    Text,
    Bool,
    Date,
}

/// How a value is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Physical {
    Int,
    Real,
    Text,
}

impl Type {
    pub(crate) const fn physical(self) -> Physical {
        match self {
            Self::Null | Self::Int | Self::Bool | Self::Date => Physical::Int,
            Self::Real => Physical::Real,
            Self::Text => Physical::Text,
        }
    }

    /// As problems name it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Int => "integer",
            Self::Real => "real",
            Self::Text => "string",
            Self::Bool => "boolean",
            Self::Date => "date",
        }
    }
}

/// Where an instruction finds a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operand {
    /// A column of the input, held as it is.
    Field(u16),
    /// The result of an instruction.
    Register(u16),
    /// The same for all rows.
    Constant(u16),
    /// Lives from event to event.
    Variable(u16),
}

/// A value and its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) operand: Operand,
    pub(crate) kind: Type,
}

/// Arithmetic on integers and reals; without a result (overflow, division by zero) the value is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// Comparisons: never null, false when a side is null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// Changes of type. What can't be converted becomes null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Conversion {
    IntToReal,
    /// Cuts the fraction off.
    RealToInt,
    IntToText,
    RealToText,
    BoolToText,
    DateToText,
    TextToInt,
    TextToReal,
    TextToBool,
    TextToDate,
    IntToBool,
    RealToBool,
    /// Days since 1899-12-30.
    DateToReal,
    RealToDate,
    /// A number of days to microseconds, and back.
    DaysToMicros,
    MicrosToDays,
}

/// What an event has besides its fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Special {
    /// An `int32` column as integers.
    Int32Field(u16),
    /// A `date` column in microseconds.
    DateField(u16),
    /// A `date` column as integers, in seconds.
    DateNumberField(u16),
    /// A `money` column as reals.
    MoneyField(u16),
    /// The opcode's letters.
    Opcode,
    /// The opcode's word.
    OpcodeWord,
    /// The flags' letters.
    Flags,
    /// The engine's time at the event, in microseconds.
    Time,
    /// How many events the program has run for before.
    EventCounter,
    /// The event's own UUID; each use has its own number.
    Uuid(u16),
    /// A real from 0 on, below 1, derived from the event's place; each use has its own number.
    Chance(u16),
}

#[derive(Debug, Clone)]
pub(crate) enum Instruction {
    Load {
        to: u16,
        what: Special,
    },
    Int {
        operator: Arithmetic,
        to: u16,
        a: Operand,
        b: Operand,
    },
    Real {
        operator: Arithmetic,
        to: u16,
        a: Operand,
        b: Operand,
    },
    Compare {
        operator: Comparison,
        physical: Physical,
        to: u16,
        a: Operand,
        b: Operand,
    },
    And {
        to: u16,
        a: Operand,
        b: Operand,
    },
    Or {
        to: u16,
        a: Operand,
        b: Operand,
    },
    Not {
        to: u16,
        a: Operand,
    },
    IsNull {
        to: u16,
        physical: Physical,
        a: Operand,
    },
    Convert {
        conversion: Conversion,
        to: u16,
        a: Operand,
    },
    /// A null condition counts as false.
    Select {
        physical: Physical,
        to: u16,
        condition: Operand,
        then: Operand,
        otherwise: Operand,
    },
    Call {
        function: &'static Function,
        to: u16,
        arguments: Vec<Operand>,
    },
    Set {
        variable: u16,
        physical: Physical,
        from: Operand,
    },
    /// Only in programs that run event by event.
    Jump {
        target: usize,
    },
    /// Jumps when the condition is not true.
    JumpUnless {
        condition: Operand,
        target: usize,
    },
}

/// One expression's part of a program.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) code: std::ops::Range<usize>,
    pub(crate) result: Target,
}

/// What an expression's value is wanted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) operand: Operand,
    /// The form in which the operand holds it.
    pub(crate) store: Store,
}

/// From registers to the columns of a window; what doesn't fit becomes null.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Int32,
    Int64,
    Double,
    Text,
    /// Microseconds to whole seconds.
    DateFromMicros,
    /// Seconds as they are.
    DateFromSeconds,
    Stamp,
    /// Rounded to four places, halves away from zero.
    Money,
}

impl Store {
    /// The column it fills.
    pub(crate) const fn field_type(self) -> FieldType {
        match self {
            Self::Int32 => FieldType::Int32,
            Self::Int64 => FieldType::Int64,
            Self::Double => FieldType::Double,
            Self::Text => FieldType::String,
            Self::DateFromMicros | Self::DateFromSeconds => FieldType::Date,
            Self::Stamp => FieldType::Stamp,
            Self::Money => FieldType::Money,
        }
    }
}

impl Target {
    /// Whether `column`, which holds the value, may be handed over as it is.
    pub(crate) fn is_stored_alike(self, column: &Column) -> bool {
        column.field_type() == self.store.field_type()
    }
}

/// Several expressions of one window: they share variables.
#[derive(Debug, Clone, Default)]
pub(crate) struct Program {
    pub(crate) constants: Vec<Column>,
    pub(crate) variables: Vec<Column>,
    /// One per register: empty, of its type.
    pub(crate) registers: Vec<Column>,
    pub(crate) code: Vec<Instruction>,
    /// In the order in which the values are wanted.
    pub(crate) entries: Vec<Entry>,
    /// The window's path, mixed into UUIDs.
    pub(crate) salt: String,
    /// Whether it must run event by event.
    pub(crate) by_event: bool,
}
