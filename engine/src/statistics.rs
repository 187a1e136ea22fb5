//! Statistics over the last values of a stream, exact enough to never drift.
//!
//! # How
//! Sums and sums of squares are held as unevaluated pairs of doubles (106 bits), in which adding is error-free up to the
//! last bits of the pair; sums of integers are exact in 128 bits. Nothing is ever subtracted when a value leaves: the
//! window is two stacks, one of totals over the older values, one running total over the newer, and a value leaves by
//! popping the first. So a result depends on the values in the window and on how many came before, never on their sizes,
//! and an error can't outlive the value that made it. The cost is three additions per event, amortised.
//!
//! The variance comes from Σx² − (Σx)²/n in pairs, where the cancellation that ruins it in doubles leaves enough bits.

use types::Column;

use crate::expression::text::truncate;
use crate::project::Statistic;

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
    /// Whether sums of squares are wanted.
    squares: bool,
    /// Totals over the older events: each over its own value and all newer ones of this stack. The last one leaves first.
    older: Vec<Total>,
    /// Values of the newer events, oldest first; empty while all events count.
    newer: Vec<Option<Sample>>,
    newer_total: Total,
}

/// What is known of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Total {
    count: u64,
    missing: u64,
    /// Of the values that are not null; means nothing while `count` is 0.
    least: Sample,
    greatest: Sample,
    /// Exact sum of the whole numbers.
    whole: i128,
    /// Sum of the reals.
    real: Pair,
    squares: Pair,
}

const NOTHING: Total = Total {
    count: 0,
    missing: 0,
    least: Sample::Whole(0),
    greatest: Sample::Whole(0),
    whole: 0,
    real: Pair::ZERO,
    squares: Pair::ZERO,
};

impl Sliding {
    /// The last `length` events count, 0 for all; `wanted` tells what must be kept.
    pub(crate) fn new(length: usize, wanted: &[Statistic]) -> Self {
        let squares = wanted.iter().any(|statistic| match statistic {
            Statistic::Count | Statistic::Missing | Statistic::Minimum | Statistic::Maximum => false,
            Statistic::Sum | Statistic::Mean => false,
            Statistic::StandardDeviation
            | Statistic::Variance
            | Statistic::CorrectedSumOfSquares
            | Statistic::UncorrectedSumOfSquares
            | Statistic::StandardError
            | Statistic::CoefficientOfVariation => true,
        });
        Self { length, squares, older: Vec::new(), newer: Vec::new(), newer_total: NOTHING }
    }

    /// One more event; the oldest one leaves when there are too many.
    pub(crate) fn push(&mut self, value: Option<Sample>) {
        if self.length > 0 {
            if self.older.len() + self.newer.len() >= self.length {
                self.drop_oldest();
            }
            self.newer.push(value);
        }
        let one = self.total_of(value);
        self.newer_total = self.newer_total.with(&one);
    }

    fn drop_oldest(&mut self) {
        if self.older.is_empty() {
            let mut total = NOTHING;
            while let Some(value) = self.newer.pop() {
                total = self.total_of(value).with(&total);
                self.older.push(total);
            }
            self.newer_total = NOTHING;
        }
        self.older.pop();
    }

    fn total_of(&self, value: Option<Sample>) -> Total {
        let Some(value) = value else { return Total { missing: 1, ..NOTHING } };
        let real = value.real();
        let (whole, sum) = match value {
            Sample::Whole(value) => (i128::from(value), Pair::ZERO),
            Sample::Real(value) => (0, Pair { high: value, low: 0.0 }),
        };
        let squares = if self.squares { Pair::square(real) } else { Pair::ZERO };
        Total { count: 1, missing: 0, least: value, greatest: value, whole, real: sum, squares }
    }

    /// A statistic of the events that count now.
    pub(crate) fn statistic(&self, statistic: Statistic) -> Number {
        let older = self.older.last().unwrap_or(&NOTHING);
        older.with(&self.newer_total).statistic(statistic)
    }
}

impl Total {
    /// Of both; `later` values came after.
    fn with(&self, later: &Self) -> Self {
        if later.count == 0 {
            return Self { missing: self.missing + later.missing, ..*self };
        }
        if self.count == 0 {
            return Self { missing: self.missing + later.missing, ..*later };
        }
        Self {
            count: self.count + later.count,
            missing: self.missing + later.missing,
            least: if is_less(later.least, self.least) { later.least } else { self.least },
            greatest: if is_less(self.greatest, later.greatest) { later.greatest } else { self.greatest },
            whole: self.whole.saturating_add(later.whole),
            real: self.real.add(later.real),
            squares: self.squares.add(later.squares),
        }
    }

    fn sum(&self) -> Pair {
        if self.whole == 0 { self.real } else { self.real.add(Pair::of_whole(self.whole)) }
    }

    /// Σ(x − mean)².
    fn corrected(&self) -> f64 {
        let sum = self.sum();
        let value = self.squares.add(sum.multiply(sum).divide(self.count as f64).negate()).value();
        // Rounding may leave a tiny negative number where all values are equal.
        value.max(0.0)
    }

    fn variance(&self) -> Option<f64> {
        (self.count > 1).then(|| self.corrected() / (self.count - 1) as f64)
    }

    fn statistic(&self, statistic: Statistic) -> Number {
        let whole = |count: u64| Number::Whole(i128::from(count));
        if self.count == 0 {
            return match statistic {
                Statistic::Count => whole(0),
                Statistic::Missing => whole(self.missing),
                Statistic::Minimum
                | Statistic::Maximum
                | Statistic::Sum
                | Statistic::Mean
                | Statistic::StandardDeviation
                | Statistic::Variance
                | Statistic::CorrectedSumOfSquares
                | Statistic::UncorrectedSumOfSquares
                | Statistic::StandardError
                | Statistic::CoefficientOfVariation => Number::None,
            };
        }
        let count = self.count as f64;
        match statistic {
            Statistic::Count => whole(self.count),
            Statistic::Missing => whole(self.missing),
            Statistic::Minimum => Number::from(self.least),
            Statistic::Maximum => Number::from(self.greatest),
            Statistic::Sum if self.real == Pair::ZERO => Number::Whole(self.whole),
            Statistic::Sum => Number::Real(self.sum().value()),
            Statistic::Mean => Number::Real(self.sum().divide(count).value()),
            Statistic::StandardDeviation => Number::of(self.variance().map(f64::sqrt)),
            Statistic::Variance => Number::of(self.variance()),
            Statistic::CorrectedSumOfSquares => Number::Real(self.corrected()),
            Statistic::UncorrectedSumOfSquares => Number::Real(self.squares.value()),
            Statistic::StandardError => Number::of(self.variance().map(|variance| variance.sqrt() / count.sqrt())),
            Statistic::CoefficientOfVariation => {
                let mean = self.sum().divide(count).value();
                Number::of(self.variance().map(|variance| 100.0 * variance.sqrt() / mean))
            }
        }
    }
}

fn is_less(a: Sample, b: Sample) -> bool {
    match (a, b) {
        (Sample::Whole(a), Sample::Whole(b)) => a < b,
        (a, b) => a.real() < b.real(),
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

/// A number as the unevaluated sum of two doubles, the second below half a unit in the last place of the first.
///
/// Source: T. J. Dekker, "A floating-point technique for extending the available precision" (1971); D. E. Knuth, The Art of
/// Computer Programming, volume 2, 4.2.2 (error-free sum).
#[derive(Debug, Clone, Copy, PartialEq)]
struct Pair {
    high: f64,
    low: f64,
}

impl Pair {
    const ZERO: Self = Self { high: 0.0, low: 0.0 };

    /// `a + b` without an error.
    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let from_b = high - a;
        let low = (a - (high - from_b)) + (b - from_b);
        // Beyond the range of doubles the error is no number; the sum is infinite either way.
        Self { high, low: if high.is_finite() { low } else { 0.0 } }
    }

    /// `a · b` without an error, for factors below 2⁹⁹⁵.
    fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        let ((a_high, a_low), (b_high, b_low)) = (split(a), split(b));
        let low = ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low;
        Self { high, low: if low.is_finite() { low } else { 0.0 } }
    }

    fn square(value: f64) -> Self {
        Self::product(value, value)
    }

    fn of_whole(value: i128) -> Self {
        let high = value as f64;
        // What is left is below 2⁷⁵, so it is exact enough as a double; a sum of i64 never reaches the bounds of i128.
        let low = value.saturating_sub(high as i128) as f64;
        Self::sum(high, low)
    }

    #[inline]
    fn add(self, other: Self) -> Self {
        let high = Self::sum(self.high, other.high);
        let low = Self::sum(self.low, other.low);
        let first = Self::sum(high.high, high.low + low.high);
        Self::sum(first.high, first.low + low.low)
    }

    fn multiply(self, other: Self) -> Self {
        let product = Self::product(self.high, other.high);
        Self::sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }

    fn divide(self, divisor: f64) -> Self {
        let first = self.high / divisor;
        let rest = self.add(Self::product(first, divisor).negate());
        Self::sum(first, rest.high / divisor)
    }

    fn negate(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }

    fn value(self) -> f64 {
        self.high + self.low
    }
}

/// A double as a sum of two with 26 bits each.
fn split(value: f64) -> (f64, f64) {
    const FACTOR: f64 = 134_217_729.0;
    let scaled = FACTOR * value;
    let high = scaled - (scaled - value);
    (high, value - high)
}

#[cfg(test)]
#[path = "statistics_tests.rs"]
mod tests;
