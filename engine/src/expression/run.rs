//! Running a program over a run of events.

use types::{Column, EventBlock};

use crate::calendar;
use crate::uuid;

use super::call::{ARGUMENTS_MAX, Answer, Function, Nulls, Scalar};
use super::kernel::{
    Frame, MONEY_SCALE, Scope, Slice, TextSlice, View, compare, each_event, fill_flags, flag_letters, int_arithmetic,
    int_values, mismatch, nothing, pad, push_answer, real_arithmetic, real_values, text_values,
};
use super::program::{Instruction, Operand, Physical, Program, Special};

/// Jumps backwards at most in one event's program; at the bound it ends with what it has, so that no loop can stop a
/// replica. All replicas end at the same place.
const LOOPS_MAX: u32 = 1_000_000;

/// A program at work: its registers, variables and results.
#[derive(Debug)]
pub(crate) struct Runner {
    program: Program,
    registers: Vec<Column>,
    /// One per entry whose value isn't simply an input column: one value per input row, those of rows that were not asked
    /// for mean nothing.
    pub(super) results: Vec<Column>,
    /// How many events the program has run for.
    events: i64,
    text: String,
}

impl Runner {
    pub(crate) fn new(program: Program) -> Self {
        let results = program.entries.iter().map(|entry| Column::new(entry.result.store.field_type())).collect();
        let registers = program.registers.clone();
        Self { program, registers, results, events: 0, text: String::new() }
    }

    /// How many events the program has run for.
    pub(crate) const fn events(&self) -> i64 {
        self.events
    }

    pub(crate) const fn set_events(&mut self, events: i64) {
        self.events = events;
    }

    /// What lives from event to event.
    pub(crate) fn variables(&self) -> &[Column] {
        &self.program.variables
    }

    pub(crate) fn variables_mut(&mut self) -> &mut [Column] {
        &mut self.program.variables
    }

    /// Runs an initializer's code.
    pub(crate) fn initialize(&mut self, code: std::ops::Range<usize>) {
        let block = EventBlock::default();
        self.run_code(code, Frame { block: &block, spans: &[], records: &[] }, Scope { base: 0, rows: 1, nth: 0 });
    }

    /// Computes all entries for the rows in `taken` (ascending).
    pub(crate) fn run(&mut self, frame: Frame<'_>, taken: &[u32]) {
        self.results.iter_mut().for_each(Column::clear);
        if self.program.by_event {
            for (nth, &row) in taken.iter().enumerate() {
                self.run_event(frame, row as usize, nth);
            }
        } else {
            self.run_columns(frame, taken);
        }
        self.events += i64::try_from(taken.len()).unwrap_or(i64::MAX);
    }

    /// The values of entry `i`; one per input row up to the last row that was asked for.
    pub(crate) fn result<'a>(&'a self, i: usize, block: &'a EventBlock) -> &'a Column {
        let target = self.program.entries[i].result;
        match (target.operand, self.program.by_event) {
            (Operand::Field(field), _) if target.is_stored_alike(&block.columns[field as usize]) => {
                &block.columns[field as usize]
            }
            (Operand::Register(register), false) if target.is_stored_alike(&self.registers[register as usize]) => {
                &self.registers[register as usize]
            }
            (Operand::Field(_) | Operand::Register(_) | Operand::Constant(_) | Operand::Variable(_), _) => {
                &self.results[i]
            }
        }
    }

    fn run_columns(&mut self, frame: Frame<'_>, taken: &[u32]) {
        let rows = frame.block.len();
        let scope = Scope { base: 0, rows, nth: 0 };
        for i in 0..self.program.entries.len() {
            for at in self.program.entries[i].code.clone() {
                self.step(at, frame, scope, taken);
            }
            let target = self.program.entries[i].result;
            let alike = match target.operand {
                Operand::Field(field) => target.is_stored_alike(&frame.block.columns[field as usize]),
                Operand::Register(register) => target.is_stored_alike(&self.registers[register as usize]),
                Operand::Constant(_) | Operand::Variable(_) => false,
            };
            if !alike {
                self.store(i, target, frame, scope);
            }
        }
    }

    fn run_event(&mut self, frame: Frame<'_>, row: usize, nth: usize) {
        let scope = Scope { base: row, rows: 1, nth };
        for i in 0..self.program.entries.len() {
            let code = self.program.entries[i].code.clone();
            self.run_code(code, frame, scope);
            let target = self.program.entries[i].result;
            let alike = match target.operand {
                Operand::Field(field) => target.is_stored_alike(&frame.block.columns[field as usize]),
                Operand::Register(_) | Operand::Constant(_) | Operand::Variable(_) => false,
            };
            if !alike {
                pad(&mut self.results[i], row);
                self.store(i, target, frame, scope);
            }
        }
    }

    /// Runs code that may jump, for one event.
    fn run_code(&mut self, code: std::ops::Range<usize>, frame: Frame<'_>, scope: Scope) {
        let mut at = code.start;
        let mut loops = 0;
        while at < code.end {
            let next = match self.program.code[at] {
                Instruction::Jump { target } => target,
                Instruction::JumpUnless { condition, target } => {
                    let condition = self.ints(condition, frame.block, scope);
                    if condition.get(0).is_some_and(|value| value != 0) { at + 1 } else { target }
                }
                Instruction::Load { .. }
                | Instruction::Int { .. }
                | Instruction::Real { .. }
                | Instruction::Compare { .. }
                | Instruction::And { .. }
                | Instruction::Or { .. }
                | Instruction::Not { .. }
                | Instruction::IsNull { .. }
                | Instruction::Convert { .. }
                | Instruction::Select { .. }
                | Instruction::Call { .. }
                | Instruction::Set { .. } => {
                    self.step(at, frame, scope, &[0]);
                    at + 1
                }
            };
            if next <= at {
                loops += 1;
                if loops > LOOPS_MAX {
                    return;
                }
            }
            at = next;
        }
    }

    /// One instruction that doesn't jump. `taken`: which rows of the scope count as events of the program.
    fn step(&mut self, at: usize, frame: Frame<'_>, scope: Scope, taken: &[u32]) {
        let block = frame.block;
        // Taken out and put back, so that the other registers can be read meanwhile; this moves a few words.
        let to = match &self.program.code[at] {
            Instruction::Load { to, .. }
            | Instruction::Int { to, .. }
            | Instruction::Real { to, .. }
            | Instruction::Compare { to, .. }
            | Instruction::And { to, .. }
            | Instruction::Or { to, .. }
            | Instruction::Not { to, .. }
            | Instruction::IsNull { to, .. }
            | Instruction::Convert { to, .. }
            | Instruction::Select { to, .. }
            | Instruction::Call { to, .. } => *to as usize,
            Instruction::Set { variable, physical, from } => {
                let (variable, physical, from) = (*variable as usize, *physical, *from);
                let mut column = std::mem::replace(&mut self.program.variables[variable], nothing());
                column.clear();
                self.copy(&mut column, physical, from, block, scope);
                self.program.variables[variable] = column;
                return;
            }
            Instruction::Jump { .. } | Instruction::JumpUnless { .. } => {
                panic!("a program that jumps was not run event by event")
            }
        };
        let mut column = std::mem::replace(&mut self.registers[to], nothing());
        column.clear();
        match &self.program.code[at] {
            Instruction::Load { what, .. } => self.load(&mut column, *what, frame, scope, taken),
            Instruction::Int { operator, a, b, .. } => {
                let (a, b) = (self.ints(*a, block, scope), self.ints(*b, block, scope));
                int_arithmetic(*operator, int_values(&mut column), scope.rows, a, b);
            }
            Instruction::Real { operator, a, b, .. } => {
                let (a, b) = (self.reals(*a, block, scope), self.reals(*b, block, scope));
                real_arithmetic(*operator, real_values(&mut column), scope.rows, a, b);
            }
            Instruction::Compare { operator, physical, a, b, .. } => {
                let to = int_values(&mut column);
                match physical {
                    Physical::Int => {
                        let (a, b) = (self.ints(*a, block, scope), self.ints(*b, block, scope));
                        compare(*operator, to, scope.rows, |i| Some((a.get(i)?, b.get(i)?)));
                    }
                    Physical::Real => {
                        let (a, b) = (self.reals(*a, block, scope), self.reals(*b, block, scope));
                        compare(*operator, to, scope.rows, |i| Some((a.get(i)?, b.get(i)?)));
                    }
                    Physical::Text => {
                        let (a, b) = (self.texts(*a, block, scope), self.texts(*b, block, scope));
                        compare(*operator, to, scope.rows, |i| Some((a.get(i)?, b.get(i)?)));
                    }
                }
            }
            Instruction::And { a, b, .. } => {
                let (a, b) = (self.ints(*a, block, scope), self.ints(*b, block, scope));
                fill_flags(int_values(&mut column), scope.rows, |i| a.is_true(i) && b.is_true(i));
            }
            Instruction::Or { a, b, .. } => {
                let (a, b) = (self.ints(*a, block, scope), self.ints(*b, block, scope));
                fill_flags(int_values(&mut column), scope.rows, |i| a.is_true(i) || b.is_true(i));
            }
            Instruction::Not { a, .. } => {
                let a = self.ints(*a, block, scope);
                fill_flags(int_values(&mut column), scope.rows, |i| !a.is_true(i));
            }
            Instruction::IsNull { physical, a, .. } => {
                let to = int_values(&mut column);
                match physical {
                    Physical::Int => {
                        let a = self.ints(*a, block, scope);
                        fill_flags(to, scope.rows, |i| a.get(i).is_none());
                    }
                    Physical::Real => {
                        let a = self.reals(*a, block, scope);
                        fill_flags(to, scope.rows, |i| a.get(i).is_none());
                    }
                    Physical::Text => {
                        let a = self.texts(*a, block, scope);
                        fill_flags(to, scope.rows, |i| a.get(i).is_none());
                    }
                }
            }
            Instruction::Convert { conversion, a, .. } => self.convert(&mut column, *conversion, *a, block, scope),
            Instruction::Select { physical, condition, then, otherwise, .. } => {
                let condition = self.ints(*condition, block, scope);
                match physical {
                    Physical::Int => {
                        let (a, b) = (self.ints(*then, block, scope), self.ints(*otherwise, block, scope));
                        let to = int_values(&mut column);
                        (0..scope.rows).for_each(|i| to.push(if condition.is_true(i) { a.get(i) } else { b.get(i) }));
                    }
                    Physical::Real => {
                        let (a, b) = (self.reals(*then, block, scope), self.reals(*otherwise, block, scope));
                        let to = real_values(&mut column);
                        (0..scope.rows).for_each(|i| to.push(if condition.is_true(i) { a.get(i) } else { b.get(i) }));
                    }
                    Physical::Text => {
                        let (a, b) = (self.texts(*then, block, scope), self.texts(*otherwise, block, scope));
                        let to = text_values(&mut column);
                        for i in 0..scope.rows {
                            let text = if condition.is_true(i) { a.get(i) } else { b.get(i) };
                            to.push(text.map(str::as_bytes));
                        }
                    }
                }
            }
            Instruction::Call { function, arguments, .. } => {
                let mut text = std::mem::take(&mut self.text);
                self.call(&mut column, function, arguments, block, scope, &mut text);
                self.text = text;
            }
            Instruction::Set { .. } | Instruction::Jump { .. } | Instruction::JumpUnless { .. } => {}
        }
        self.registers[to] = column;
    }

    fn copy(&self, column: &mut Column, physical: Physical, from: Operand, block: &EventBlock, scope: Scope) {
        match physical {
            Physical::Int => {
                let from = self.ints(from, block, scope);
                let to = int_values(column);
                (0..scope.rows).for_each(|i| to.push(from.get(i)));
            }
            Physical::Real => {
                let from = self.reals(from, block, scope);
                let to = real_values(column);
                (0..scope.rows).for_each(|i| to.push(from.get(i)));
            }
            Physical::Text => {
                let from = self.texts(from, block, scope);
                let to = text_values(column);
                (0..scope.rows).for_each(|i| to.push(from.get(i).map(str::as_bytes)));
            }
        }
    }

    fn load(&self, column: &mut Column, what: Special, frame: Frame<'_>, scope: Scope, taken: &[u32]) {
        let rows = scope.base..scope.base + scope.rows;
        match what {
            Special::Int32Field(field) => {
                let Column::Int32(from) = &frame.block.columns[field as usize] else { mismatch() };
                let to = int_values(column);
                rows.for_each(|row| to.push(from.get(row).map(i64::from)));
            }
            Special::DateField(field) => {
                let Column::Date(from) = &frame.block.columns[field as usize] else { mismatch() };
                let to = int_values(column);
                rows.for_each(|row| to.push(from.get(row).and_then(|seconds| seconds.checked_mul(calendar::SECOND))));
            }
            Special::DateNumberField(field) => {
                let Column::Date(from) = &frame.block.columns[field as usize] else { mismatch() };
                let to = int_values(column);
                rows.for_each(|row| to.push(from.get(row)));
            }
            Special::MoneyField(field) => {
                let Column::Money(from) = &frame.block.columns[field as usize] else { mismatch() };
                let to = real_values(column);
                rows.for_each(|row| to.push(from.get(row).map(|value| value as f64 / MONEY_SCALE)));
            }
            Special::Opcode => {
                let to = text_values(column);
                rows.for_each(|row| to.push(Some(frame.block.opcodes[row].letters().as_bytes())));
            }
            Special::OpcodeWord => {
                let to = text_values(column);
                rows.for_each(|row| to.push(Some(frame.block.opcodes[row].word().as_bytes())));
            }
            Special::Flags => {
                let to = text_values(column);
                rows.for_each(|row| to.push(Some(flag_letters(frame.block.flags[row]).as_bytes())));
            }
            Special::Time => {
                let to = int_values(column);
                each_event(frame, rows, |_, _, time| to.push(Some(time)));
            }
            Special::EventCounter => {
                let to = int_values(column);
                let first = self.events + i64::try_from(scope.nth).unwrap_or(i64::MAX);
                for (number, &row) in (first..).zip(taken) {
                    to.values.resize(row as usize, 0);
                    to.values.push(number);
                }
                to.values.resize(scope.rows, 0);
            }
            Special::Uuid(number) => {
                let to = text_values(column);
                let mut text = String::new();
                let salt = format!("{}#{number}", self.program.salt);
                each_event(frame, rows, |place, record, _| {
                    uuid::derive(&mut text, record.id, place, &salt);
                    to.push(Some(text.as_bytes()));
                });
            }
            Special::Chance(number) => {
                let to = real_values(column);
                let salt = format!("{}#{number}", self.program.salt);
                each_event(frame, rows, |place, record, _| to.push(Some(uuid::chance(record.id, place, &salt))));
            }
        }
    }

    fn call(
        &self,
        column: &mut Column,
        function: &Function,
        arguments: &[Operand],
        block: &EventBlock,
        scope: Scope,
        text: &mut String,
    ) {
        let views: Vec<View<'_>> = arguments.iter().map(|&operand| self.view(operand, block, scope)).collect();
        for i in 0..scope.rows {
            let mut scalars = [Scalar::Null; ARGUMENTS_MAX];
            for (scalar, view) in scalars.iter_mut().zip(&views) {
                *scalar = view.get(i);
            }
            let scalars = &scalars[..views.len()];
            text.clear();
            let answer = match function.nulls {
                Nulls::Spread if scalars.iter().any(|scalar| scalar.is_null()) => Answer::Null,
                Nulls::Spread | Nulls::Seen => (function.body)(scalars, text),
            };
            super::text::cut(text);
            push_answer(column, answer, text);
        }
    }

    fn column<'a>(&'a self, operand: Operand, block: &'a EventBlock, scope: Scope) -> (&'a Column, usize, usize) {
        match operand {
            Operand::Field(field) => (&block.columns[field as usize], scope.base, 1),
            Operand::Register(register) => (&self.registers[register as usize], 0, 1),
            Operand::Constant(constant) => (&self.program.constants[constant as usize], 0, 0),
            Operand::Variable(variable) => (&self.program.variables[variable as usize], 0, 0),
        }
    }

    fn view<'a>(&'a self, operand: Operand, block: &'a EventBlock, scope: Scope) -> View<'a> {
        match self.column(operand, block, scope).0 {
            Column::Int64(_) | Column::Stamp(_) => View::Int(self.ints(operand, block, scope)),
            Column::Double(_) => View::Real(self.reals(operand, block, scope)),
            Column::String(_) => View::Text(self.texts(operand, block, scope)),
            Column::Int32(_) | Column::Date(_) | Column::Money(_) | Column::Blob(_) => mismatch(),
        }
    }

    pub(super) fn ints<'a>(&'a self, operand: Operand, block: &'a EventBlock, scope: Scope) -> Slice<'a, i64> {
        match self.column(operand, block, scope) {
            (Column::Int64(column) | Column::Stamp(column), base, step) => Slice { column, base, step },
            (_, _, _) => mismatch(),
        }
    }

    pub(super) fn reals<'a>(&'a self, operand: Operand, block: &'a EventBlock, scope: Scope) -> Slice<'a, f64> {
        match self.column(operand, block, scope) {
            (Column::Double(column), base, step) => Slice { column, base, step },
            (_, _, _) => mismatch(),
        }
    }

    pub(super) fn texts<'a>(&'a self, operand: Operand, block: &'a EventBlock, scope: Scope) -> TextSlice<'a> {
        match self.column(operand, block, scope) {
            (Column::String(column), base, step) => TextSlice { column, base, step },
            (_, _, _) => mismatch(),
        }
    }
}
