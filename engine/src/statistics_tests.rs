use super::*;

const ALL: [Statistic; 12] = [
    Statistic::Count,
    Statistic::Missing,
    Statistic::Minimum,
    Statistic::Maximum,
    Statistic::Sum,
    Statistic::Mean,
    Statistic::StandardDeviation,
    Statistic::Variance,
    Statistic::CorrectedSumOfSquares,
    Statistic::UncorrectedSumOfSquares,
    Statistic::StandardError,
    Statistic::CoefficientOfVariation,
];

fn after(length: usize, values: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut sliding = Sliding::new(length, &ALL, true);
    values.iter().for_each(|value| sliding.push(value.map(Sample::Real)));
    ALL.iter().map(|&statistic| sliding.statistic(statistic).real()).collect()
}

#[test]
fn all_statistics_of_two_four_four_six() {
    let values = [Some(100.0), None, Some(2.0), Some(4.0), Some(4.0), Some(6.0)];
    let expected = [4.0, 1.0, 2.0, 6.0, 16.0, 4.0, (8.0_f64 / 3.0).sqrt(), 8.0 / 3.0, 8.0, 72.0];
    let got = after(5, &values);
    for (i, expected) in expected.into_iter().enumerate() {
        assert_eq!(got[i], Some(expected), "{:?}", ALL[i]);
    }
    assert!((got[10].unwrap() - (8.0_f64 / 3.0).sqrt() / 2.0).abs() < 1e-15);
    assert!((got[11].unwrap() - 100.0 * (8.0_f64 / 3.0).sqrt() / 4.0).abs() < 1e-12);
}

#[test]
fn one_value_has_no_variance_and_none_has_only_counts() {
    assert_eq!(after(0, &[Some(5.0)])[6..8], [None, None]);
    let nothing = after(3, &[None]);
    assert_eq!(nothing[..6], [Some(0.0), Some(1.0), None, None, None, None]);
}

#[test]
fn a_huge_value_leaves_nothing_behind() {
    let values = [1e300, 0.1, 0.2, 0.3].map(Some);
    assert_eq!(after(3, &values)[4], Some(0.6));
    let infinite = [f64::INFINITY, 1.0, 2.0].map(Some);
    assert_eq!(after(2, &infinite)[4], Some(3.0));
}

#[test]
fn sums_of_integers_are_exact() {
    let mut sliding = Sliding::new(2, &[Statistic::Sum], false);
    for value in [i64::MAX, i64::MAX, -7] {
        sliding.push(Some(Sample::Whole(value)));
    }
    assert_eq!(sliding.statistic(Statistic::Sum), Number::Whole(i128::from(i64::MAX) - 7));
}

#[test]
fn the_variance_of_large_neighbours_keeps_its_digits() {
    let values = [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0].map(Some);
    assert_eq!(after(0, &values)[7], Some(30.0));
}

#[test]
fn a_sum_equals_the_one_over_the_same_values_alone() {
    let value = |i: u32| f64::from(i.wrapping_mul(2_654_435_761) >> 12) / 7.0 - 40_000.0;
    let mut sliding = Sliding::new(20, &[Statistic::Sum], true);
    for i in 0..5_000 {
        sliding.push(Some(Sample::Real(value(i))));
        let mut fresh = Sliding::new(0, &[Statistic::Sum], true);
        (i.saturating_sub(19)..=i).for_each(|i| fresh.push(Some(Sample::Real(value(i)))));
        assert_eq!(sliding.statistic(Statistic::Sum), fresh.statistic(Statistic::Sum), "at {i}");
    }
}
