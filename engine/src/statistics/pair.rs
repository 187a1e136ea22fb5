//! Numbers with twice the bits of a double.

/// A number as the unevaluated sum of two doubles, the second below half a unit in the last place of the first.
///
/// Source: T. J. Dekker, "A floating-point technique for extending the available precision" (1971); D. E. Knuth, The Art of
/// Computer Programming, volume 2, 4.2.2 (error-free sum).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Pair {
    high: f64,
    low: f64,
}

impl From<f64> for Pair {
    fn from(value: f64) -> Self {
        Self { high: value, low: 0.0 }
    }
}

impl Pair {
    pub(super) const ZERO: Self = Self { high: 0.0, low: 0.0 };

    /// `a + b` without an error. Beyond the range of doubles the second part is no number.
    #[inline]
    fn sum(a: f64, b: f64) -> Self {
        let high = a + b;
        let from_b = high - a;
        Self { high, low: (a - (high - from_b)) + (b - from_b) }
    }

    /// As [`Pair::sum`], for `a` not smaller than `b` in magnitude.
    #[inline]
    fn ordered_sum(a: f64, b: f64) -> Self {
        let high = a + b;
        Self { high, low: b - (high - a) }
    }

    /// `a · b` without an error, for factors below 2⁹⁹⁵.
    fn product(a: f64, b: f64) -> Self {
        let high = a * b;
        let ((a_high, a_low), (b_high, b_low)) = (split(a), split(b));
        let low = ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low;
        Self { high, low }
    }

    /// Both doubles, the larger one first.
    pub(super) const fn parts(self) -> (f64, f64) {
        (self.high, self.low)
    }

    /// What [`Pair::parts`] gave.
    pub(super) const fn from_parts(high: f64, low: f64) -> Self {
        Self { high, low }
    }

    pub(super) fn square(value: f64) -> Self {
        Self::product(value, value)
    }

    pub(super) fn of_whole(value: i128) -> Self {
        let high = value as f64;
        // What is left is below 2⁷⁵, so it is exact enough as a double; a sum of i64 never reaches the bounds of i128.
        let low = value.saturating_sub(high as i128) as f64;
        Self::sum(high, low)
    }

    #[inline]
    pub(super) fn add(self, other: Self) -> Self {
        let high = Self::sum(self.high, other.high);
        let low = Self::sum(self.low, other.low);
        let first = Self::ordered_sum(high.high, high.low + low.high);
        Self::ordered_sum(first.high, first.low + low.low)
    }

    pub(super) fn multiply(self, other: Self) -> Self {
        let product = Self::product(self.high, other.high);
        Self::sum(product.high, product.low + (self.high * other.low + self.low * other.high))
    }

    pub(super) fn divide(self, divisor: f64) -> Self {
        let first = self.high / divisor;
        let rest = self.add(Self::product(first, divisor).negate());
        Self::sum(first, rest.high / divisor)
    }

    pub(super) fn negate(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }

    #[inline]
    pub(super) fn value(self) -> f64 {
        // The second part of an infinite sum is no number.
        if self.high.is_finite() { self.high + self.low } else { self.high }
    }
}

/// A double as a sum of two with 26 bits each.
fn split(value: f64) -> (f64, f64) {
    const FACTOR: f64 = 134_217_729.0;
    let scaled = FACTOR * value;
    let high = scaled - (scaled - value);
    (high, value - high)
}
