//! Statistics over the last values of a stream, exact enough to never drift.
//!
//! # How
//! Counts and sums of integers are exact (128 bits). Sums of reals and of squares are held as unevaluated pairs of doubles
//! (106 bits, [`Pair`]), and nothing is ever subtracted from them when a value leaves: the window is two stacks, one of
//! totals over the older values, one running total over the newer ones, and a value leaves by popping the first
//! ([`Stacks`]). So a result depends on the values in the window and on how many came before, never on the sizes of those
//! that left, and no error outlives the value that made it. The cost is three additions per event, amortised.
//!
//! The variance comes from Σx² − (Σx)²/n in pairs, where the cancellation that ruins it in doubles leaves enough bits.

mod frozen;
mod pair;

use std::collections::VecDeque;

use types::Column;

use crate::expression::text::truncate;
use crate::project::Statistic;

use pair::Pair;

/// One value that isn't null.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Sample {
    Whole(i64),
    Real(f64),
}

impl Sample {
    fn real(self) -> f64 {
        match self {
            Self::Whole(value) => value as f64,
            Self::Real(value) => value,
        }
    }
}

/// The values of the last events.
#[derive(Debug)]
pub(crate) struct Sliding {
    /// How many events count; 0 for all.
    length: usize,
    /// Oldest first; empty while all events count.
    values: VecDeque<Option<Sample>>,
    /// How many of `values` the older stacks hold, the same in all.
    older: usize,
    /// Of the values that count now.
    count: u64,
    missing: u64,
    /// The sum of the whole numbers.
    whole: i128,
    /// The sum of the reals.
    reals: Option<Stacks<Pair>>,
    squares: Option<Stacks<Squares>>,
    extremes: Option<Stacks<Extremes>>,
}

/// What can be told of two stretches of values from what is told of each.
trait Fold: Copy {
    const NOTHING: Self;

    fn of(value: Option<Sample>) -> Self;

    /// Of both; `later` came after.
    fn with(self, later: Self) -> Self;
}

/// Totals of a queue: what leaves needs no inverse.
#[derive(Debug)]
struct Stacks<F> {
    /// Each over its own value and all newer ones of this stack. The last one leaves first.
    older: Vec<F>,
    newer: F,
}

impl<F: Fold> Stacks<F> {
    fn new() -> Self {
        Self { older: Vec::new(), newer: F::NOTHING }
    }

    #[inline]
    fn push(&mut self, value: Option<Sample>) {
        self.newer = self.newer.with(F::of(value));
    }

    /// Moves all values, given oldest first, to the older stack.
    fn turn(&mut self, values: impl DoubleEndedIterator<Item = Option<Sample>>) {
        let mut total = F::NOTHING;
        self.older.extend(values.rev().map(|value| {
            total = F::of(value).with(total);
            total
        }));
        self.newer = F::NOTHING;
    }

    /// The oldest value leaves; it must be in the older stack.
    #[inline]
    fn pop(&mut self) {
        self.older.pop();
    }

    #[inline]
    fn total(&self) -> F {
        self.older.last().copied().unwrap_or(F::NOTHING).with(self.newer)
    }
}

/// Reals only: whole numbers are summed apart.
impl Fold for Pair {
    const NOTHING: Self = Self::ZERO;

    #[inline]
    fn of(value: Option<Sample>) -> Self {
        match value {
            Some(Sample::Real(value)) => Self::from(value),
            Some(Sample::Whole(_)) | None => Self::ZERO,
        }
    }

    #[inline]
    fn with(self, later: Self) -> Self {
        self.add(later)
    }
}

/// The least and the greatest value, if there is any.
type Extremes = Option<(Sample, Sample)>;

impl Fold for Extremes {
    const NOTHING: Self = None;

    fn of(value: Option<Sample>) -> Self {
        value.map(|value| (value, value))
    }

    fn with(self, later: Self) -> Self {
        let (Some((a, b)), Some((c, d))) = (self, later) else { return self.or(later) };
        Some((if is_less(c, a) { c } else { a }, if is_less(b, d) { d } else { b }))
    }
}

fn is_less(a: Sample, b: Sample) -> bool {
    match (a, b) {
        (Sample::Whole(a), Sample::Whole(b)) => a < b,
        (a, b) => a.real() < b.real(),
    }
}

/// A sum of squares, of whole numbers too.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Squares(Pair);

impl Fold for Squares {
    const NOTHING: Self = Self(Pair::ZERO);

    fn of(value: Option<Sample>) -> Self {
        value.map_or(Self::NOTHING, |value| Self(Pair::square(value.real())))
    }

    fn with(self, later: Self) -> Self {
        Self(self.0.add(later.0))
    }
}

impl Sliding {
    /// The last `length` events count, 0 for all; `wanted` and whether values are `reals` tell what must be kept.
    pub(crate) fn new(length: usize, wanted: &[Statistic], reals: bool) -> Self {
        let any = |list: &[Statistic]| wanted.iter().any(|statistic| list.contains(statistic));
        let squares = any(&[
            Statistic::StandardDeviation,
            Statistic::Variance,
            Statistic::CorrectedSumOfSquares,
            Statistic::UncorrectedSumOfSquares,
            Statistic::StandardError,
            Statistic::CoefficientOfVariation,
        ]);
        Self {
            length,
            values: VecDeque::new(),
            older: 0,
            count: 0,
            missing: 0,
            whole: 0,
            reals: reals.then(Stacks::new),
            squares: squares.then(Stacks::new),
            extremes: any(&[Statistic::Minimum, Statistic::Maximum]).then(Stacks::new),
        }
    }

    /// One more event; the oldest one leaves when there are too many.
    #[inline]
    pub(crate) fn push(&mut self, value: Option<Sample>) {
        if self.length > 0 {
            if self.values.len() >= self.length {
                self.drop_oldest();
            }
            self.values.push_back(value);
        }
        match value {
            Some(Sample::Whole(value)) => self.whole = self.whole.saturating_add(i128::from(value)),
            Some(Sample::Real(_)) | None => {}
        }
        self.count += u64::from(value.is_some());
        self.missing += u64::from(value.is_none());
        self.reals.iter_mut().for_each(|stacks| stacks.push(value));
        self.squares.iter_mut().for_each(|stacks| stacks.push(value));
        self.extremes.iter_mut().for_each(|stacks| stacks.push(value));
    }

    fn drop_oldest(&mut self) {
        if self.older == 0 {
            self.older = self.values.len();
            self.reals.iter_mut().for_each(|stacks| stacks.turn(self.values.iter().copied()));
            self.squares.iter_mut().for_each(|stacks| stacks.turn(self.values.iter().copied()));
            self.extremes.iter_mut().for_each(|stacks| stacks.turn(self.values.iter().copied()));
        }
        self.older -= 1;
        self.reals.iter_mut().for_each(Stacks::pop);
        self.squares.iter_mut().for_each(Stacks::pop);
        self.extremes.iter_mut().for_each(Stacks::pop);
        match self.values.pop_front().flatten() {
            Some(Sample::Whole(value)) => {
                self.whole = self.whole.saturating_sub(i128::from(value));
                self.count -= 1;
            }
            Some(Sample::Real(_)) => self.count -= 1,
            None => self.missing -= 1,
        }
    }

    /// A statistic of the events that count now.
    #[inline]
    pub(crate) fn statistic(&self, statistic: Statistic) -> Number {
        let whole = |count: u64| Number::Whole(i128::from(count));
        match statistic {
            Statistic::Count => return whole(self.count),
            Statistic::Missing => return whole(self.missing),
            Statistic::Minimum => return self.extreme().map_or(Number::None, |(least, _)| Number::from(least)),
            Statistic::Maximum => return self.extreme().map_or(Number::None, |(_, greatest)| Number::from(greatest)),
            Statistic::Sum
            | Statistic::Mean
            | Statistic::StandardDeviation
            | Statistic::Variance
            | Statistic::CorrectedSumOfSquares
            | Statistic::UncorrectedSumOfSquares
            | Statistic::StandardError
            | Statistic::CoefficientOfVariation => {}
        }
        if self.count == 0 {
            return Number::None;
        }
        let count = self.count as f64;
        match statistic {
            Statistic::Sum if self.reals.is_none() => Number::Whole(self.whole),
            Statistic::Sum => Number::of(Some(self.sum().value())),
            Statistic::Mean => Number::of(Some(self.mean())),
            Statistic::StandardDeviation => Number::of(self.variance().map(f64::sqrt)),
            Statistic::Variance => Number::of(self.variance()),
            Statistic::CorrectedSumOfSquares => Number::of(Some(self.corrected())),
            Statistic::UncorrectedSumOfSquares => Number::of(Some(self.squares().value())),
            Statistic::StandardError => Number::of(self.variance().map(|variance| variance.sqrt() / count.sqrt())),
            Statistic::CoefficientOfVariation => {
                Number::of(self.variance().map(|variance| 100.0 * variance.sqrt() / self.mean()))
            }
            Statistic::Count | Statistic::Missing | Statistic::Minimum | Statistic::Maximum => Number::None,
        }
    }

    fn extreme(&self) -> Extremes {
        self.extremes.as_ref().and_then(Stacks::total)
    }

    #[inline]
    fn sum(&self) -> Pair {
        self.reals.as_ref().map_or_else(|| Pair::of_whole(self.whole), Stacks::total)
    }

    fn squares(&self) -> Pair {
        self.squares.as_ref().map_or(Pair::ZERO, |stacks| stacks.total().0)
    }

    fn mean(&self) -> f64 {
        self.sum().divide(self.count as f64).value()
    }

    /// Σ(x − mean)².
    fn corrected(&self) -> f64 {
        let sum = self.sum();
        let value = self.squares().add(sum.multiply(sum).divide(self.count as f64).negate()).value();
        // Rounding may leave a tiny negative number where all values are equal.
        value.max(0.0)
    }

    fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.corrected() / (self.count - 1) as f64)
    }
}

/// A statistic's value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    /// There is none: no values, or too few.
    None,
    Whole(i128),
    Real(f64),
}

impl From<Sample> for Number {
    fn from(sample: Sample) -> Self {
        match sample {
            Sample::Whole(value) => Self::Whole(i128::from(value)),
            Sample::Real(value) => Self::Real(value),
        }
    }
}

impl Number {
    /// What is no finite number is none.
    fn of(value: Option<f64>) -> Self {
        value.filter(|value| value.is_finite()).map_or(Self::None, Self::Real)
    }

    fn whole(self) -> Option<i64> {
        match self {
            Self::None => None,
            Self::Whole(value) => i64::try_from(value).ok(),
            Self::Real(value) => truncate(value),
        }
    }

    fn real(self) -> Option<f64> {
        match self {
            Self::None => None,
            Self::Whole(value) => Some(value as f64),
            Self::Real(value) => Some(value),
        }
    }

    /// Puts the value into row `row` of a column, converted; rows before it that were not filled mean nothing.
    pub(crate) fn store(self, column: &mut Column, row: usize) {
        match column {
            Column::Int32(column) => {
                column.values.resize(row, 0);
                column.push(self.whole().and_then(|value| i32::try_from(value).ok()));
            }
            Column::Int64(column) | Column::Date(column) | Column::Stamp(column) => {
                column.values.resize(row, 0);
                column.push(self.whole());
            }
            Column::Double(column) => {
                column.values.resize(row, 0.0);
                column.push(self.real());
            }
            Column::Money(column) => {
                column.values.resize(row, 0);
                column.push(self.real().and_then(|value| truncate((value * 10_000.0).round())));
            }
            Column::String(_) | Column::Blob(_) => {
                panic!("statistics go into numeric fields: {:?}", column.field_type())
            }
        }
    }
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
