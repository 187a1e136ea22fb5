//! Values with units, as they stand in files: `1500ms`, `10m`, `512KiB`.

use std::time::Duration;

/// Reads a duration: a number and `ms`, `s`, `m`, `h` or `d`.
#[must_use]
pub(crate) fn duration(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.trim().parse().ok()?;
    let millis = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.checked_mul(millis).map(Duration::from_millis)
}

/// Reads a size: a number and `B`, `KiB`, `MiB`, `GiB`, or nothing for bytes.
#[must_use]
pub(crate) fn bytes(text: &str) -> Option<usize> {
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let number: usize = number.trim().parse().ok()?;
    let factor = match unit {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_stand_in_the_text() {
        assert_eq!(duration("1500ms"), Some(Duration::from_millis(1_500)));
        assert_eq!(duration("10m"), Some(Duration::from_secs(600)));
        assert_eq!(duration("10"), None);
        assert_eq!(duration("ten s"), None);
        assert_eq!(bytes("512KiB"), Some(524_288));
        assert_eq!(bytes("7"), Some(7));
        assert_eq!(bytes("7 GB"), None);
    }
}
