//! Operators: their operands converted, their results typed.

use super::Builder;
use crate::expression::ExpressionError;
use crate::expression::program::{Arithmetic, Comparison, Conversion, Instruction, Operand, Physical, Type, Typed};

impl Builder<'_> {
    /// `a ∘ b` on numbers, and on dates where that makes sense.
    pub(crate) fn arithmetic(
        &mut self,
        at: usize,
        operator: Arithmetic,
        a: Typed,
        b: Typed,
    ) -> Result<Typed, ExpressionError> {
        let is_date = |value: Typed| value.kind == Type::Date;
        match (operator, is_date(a), is_date(b)) {
            (Arithmetic::Subtract, true, true) => {
                let micros = self.int_arithmetic(at, operator, a, b)?;
                return self.emit_conversion(at, Conversion::MicrosToDays, micros, Type::Real);
            }
            (Arithmetic::Add | Arithmetic::Subtract, true, false) => {
                let micros = self.days_as_micros(at, b)?;
                return self.int_arithmetic(at, operator, a, micros).map(as_date);
            }
            (Arithmetic::Add, false, true) => {
                let micros = self.days_as_micros(at, a)?;
                return self.int_arithmetic(at, operator, micros, b).map(as_date);
            }
            (_, false, false) if a.kind.physical() == Physical::Int && b.kind.physical() == Physical::Int => {
                return self.int_arithmetic(at, operator, a, b);
            }
            (_, _, _) => {}
        }
        let (a, b) = (self.convert(at, a, Type::Real)?, self.convert(at, b, Type::Real)?);
        let to = self.register(at, Type::Real)?;
        self.emit(Instruction::Real { operator, to, a: a.operand, b: b.operand });
        Ok(Typed { operand: Operand::Register(to), kind: Type::Real })
    }

    fn int_arithmetic(
        &mut self,
        at: usize,
        operator: Arithmetic,
        a: Typed,
        b: Typed,
    ) -> Result<Typed, ExpressionError> {
        let to = self.register(at, Type::Int)?;
        self.emit(Instruction::Int { operator, to, a: a.operand, b: b.operand });
        Ok(Typed { operand: Operand::Register(to), kind: Type::Int })
    }

    fn days_as_micros(&mut self, at: usize, days: Typed) -> Result<Typed, ExpressionError> {
        let days = self.convert(at, days, Type::Real)?;
        self.emit_conversion(at, Conversion::DaysToMicros, days, Type::Int)
    }

    pub(super) fn emit_conversion(
        &mut self,
        at: usize,
        conversion: Conversion,
        value: Typed,
        kind: Type,
    ) -> Result<Typed, ExpressionError> {
        let to = self.register(at, kind)?;
        self.emit(Instruction::Convert { conversion, to, a: value.operand });
        Ok(Typed { operand: Operand::Register(to), kind })
    }

    /// Whether `a ∘ b` holds.
    pub(crate) fn compare(
        &mut self,
        at: usize,
        operator: Comparison,
        a: Typed,
        b: Typed,
    ) -> Result<Typed, ExpressionError> {
        let common = match (a.kind, b.kind) {
            (Type::Null, other) | (other, Type::Null) => other,
            (a, b) if a == b => a,
            (Type::Date, Type::Text) | (Type::Text, Type::Date) => Type::Date,
            (Type::Bool, Type::Text) | (Type::Text, Type::Bool) => Type::Bool,
            (Type::Int | Type::Bool, Type::Int | Type::Bool) => Type::Int,
            (Type::Int | Type::Real | Type::Text | Type::Bool | Type::Date, _) => Type::Real,
        };
        let (a, b) = (self.convert(at, a, common)?, self.convert(at, b, common)?);
        let to = self.register(at, Type::Bool)?;
        self.emit(Instruction::Compare { operator, physical: common.physical(), to, a: a.operand, b: b.operand });
        Ok(Typed { operand: Operand::Register(to), kind: Type::Bool })
    }

    pub(crate) fn and(&mut self, at: usize, a: Typed, b: Typed) -> Result<Typed, ExpressionError> {
        let (a, b) = (self.condition(at, a)?, self.condition(at, b)?);
        let to = self.register(at, Type::Bool)?;
        self.emit(Instruction::And { to, a: a.operand, b: b.operand });
        Ok(Typed { operand: Operand::Register(to), kind: Type::Bool })
    }

    pub(crate) fn or(&mut self, at: usize, a: Typed, b: Typed) -> Result<Typed, ExpressionError> {
        let (a, b) = (self.condition(at, a)?, self.condition(at, b)?);
        let to = self.register(at, Type::Bool)?;
        self.emit(Instruction::Or { to, a: a.operand, b: b.operand });
        Ok(Typed { operand: Operand::Register(to), kind: Type::Bool })
    }

    pub(crate) fn not(&mut self, at: usize, a: Typed) -> Result<Typed, ExpressionError> {
        let a = self.condition(at, a)?;
        let to = self.register(at, Type::Bool)?;
        self.emit(Instruction::Not { to, a: a.operand });
        Ok(Typed { operand: Operand::Register(to), kind: Type::Bool })
    }

    pub(crate) fn is_null(&mut self, at: usize, a: Typed) -> Result<Typed, ExpressionError> {
        let to = self.register(at, Type::Bool)?;
        self.emit(Instruction::IsNull { to, physical: a.kind.physical(), a: a.operand });
        Ok(Typed { operand: Operand::Register(to), kind: Type::Bool })
    }

    /// `then` where the condition is true, `otherwise` elsewhere; both are computed.
    pub(crate) fn select(
        &mut self,
        at: usize,
        condition: Typed,
        then: Typed,
        otherwise: Typed,
    ) -> Result<Typed, ExpressionError> {
        let condition = self.condition(at, condition)?;
        let kind = match (then.kind, otherwise.kind) {
            (Type::Null, other) | (other, Type::Null) => other,
            (a, b) if a == b => a,
            (Type::Int | Type::Bool, Type::Int | Type::Bool) => Type::Int,
            (Type::Int | Type::Bool | Type::Real, Type::Int | Type::Bool | Type::Real) => Type::Real,
            (Type::Int | Type::Real | Type::Text | Type::Bool | Type::Date, _) => Type::Text,
        };
        let (then, otherwise) = (self.convert(at, then, kind)?, self.convert(at, otherwise, kind)?);
        let to = self.register(at, kind)?;
        self.emit(Instruction::Select {
            physical: kind.physical(),
            to,
            condition: condition.operand,
            then: then.operand,
            otherwise: otherwise.operand,
        });
        Ok(Typed { operand: Operand::Register(to), kind })
    }
}

fn as_date(micros: Typed) -> Typed {
    Typed { kind: Type::Date, ..micros }
}
