//! One value from its text, by the column's type: shared by csv and by json's strings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use types::{Column, FieldType, Flags, Opcode};

use crate::DateFormat;
use crate::reject::Reason;

/// Ten-thousandths in one unit of money.
const MONEY_SCALE: i64 = 10_000;

/// Adds a null.
pub(crate) fn push_null(column: &mut Column) {
    match column {
        Column::Int32(column) => column.push(None),
        Column::Int64(column) | Column::Date(column) | Column::Stamp(column) | Column::Money(column) => {
            column.push(None);
        }
        Column::Double(column) => column.push(None),
        Column::String(column) | Column::Blob(column) => column.push(None),
    }
}

/// Adds the value that `text` stands for, blanks around it already cut off; nothing is added on an error.
pub(crate) fn push_text(column: &mut Column, text: &[u8], dates: Option<&DateFormat>) -> Result<(), Reason> {
    match column {
        Column::Int32(column) => column.push(Some(int32(text)?)),
        Column::Int64(column) => column.push(Some(integer(text, FieldType::Int64)?)),
        Column::Double(column) => column.push(Some(double(text)?)),
        Column::String(column) => {
            std::str::from_utf8(text).map_err(|_| Reason::NotUtf8)?;
            column.push(Some(text));
        }
        Column::Date(column) => column.push(Some(date(text, dates)?)),
        Column::Stamp(column) => column.push(Some(stamp(text, dates)?)),
        Column::Money(column) => column.push(Some(money(text)?)),
        Column::Blob(column) => column.push(Some(&blob(text)?)),
    }
    Ok(())
}

/// A letter or word; nothing at all is an insert, as shipped data has it.
pub(crate) fn opcode(text: &[u8]) -> Option<Opcode> {
    Some(match text {
        [] => Opcode::Insert,
        [letter] => match letter.to_ascii_lowercase() {
            b'i' => Opcode::Insert,
            b'u' => Opcode::Update,
            b'p' => Opcode::Upsert,
            b'd' => Opcode::Delete,
            b's' => Opcode::SafeDelete,
            _ => return None,
        },
        [first, second] => match [first.to_ascii_lowercase(), second.to_ascii_lowercase()] {
            [b's', b'd'] => Opcode::SafeDelete,
            [b'u', b'b'] => Opcode::UpdateBlock,
            _ => return None,
        },
        word => return opcode_of_word(word),
    })
}

fn opcode_of_word(word: &[u8]) -> Option<Opcode> {
    (1..=6)
        .filter_map(|number| Opcode::try_from(number).ok())
        .find(|opcode| word.eq_ignore_ascii_case(opcode.word().as_bytes()))
}

/// Letters in any order; nothing at all is normal.
pub(crate) fn flags(text: &[u8]) -> Option<Flags> {
    let mut flags = Flags(0);
    for letter in text {
        flags = flags.with(match letter.to_ascii_lowercase() {
            b'n' => Flags::NORMAL,
            b'p' => Flags::PARTIAL,
            b'r' => Flags::RETENTION,
            _ => return None,
        });
    }
    Some(if text.is_empty() { Flags::NORMAL } else { flags })
}

pub(crate) fn int32(text: &[u8]) -> Result<i32, Reason> {
    let expected = FieldType::Int32;
    i32::try_from(integer(text, expected)?).map_err(|_| Reason::OutOfRange { expected })
}

/// Decimal digits with an optional sign; leading zeros are welcome, a decimal point is not.
pub(crate) fn integer(text: &[u8], expected: FieldType) -> Result<i64, Reason> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Reason::NotA { expected });
    }
    // Counted downwards, because the smallest number has no positive twin.
    let step = |value: i64, &digit: &u8| value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'));
    let below = digits.iter().try_fold(0, step).ok_or(Reason::OutOfRange { expected })?;
    if negative { Ok(below) } else { below.checked_neg().ok_or(Reason::OutOfRange { expected }) }
}

pub(crate) fn double(text: &[u8]) -> Result<f64, Reason> {
    let expected = FieldType::Double;
    let value = std::str::from_utf8(text).ok().and_then(|text| text.parse::<f64>().ok());
    match value.ok_or(Reason::NotA { expected })? {
        // A number, not the word "inf".
        value if value.is_infinite() && text.iter().any(u8::is_ascii_digit) => Err(Reason::OutOfRange { expected }),
        value => Ok(value),
    }
}

fn date(text: &[u8], format: Option<&DateFormat>) -> Result<i64, Reason> {
    moment(text, format, FieldType::Date, DateFormat::parse_date)
}

fn stamp(text: &[u8], format: Option<&DateFormat>) -> Result<i64, Reason> {
    moment(text, format, FieldType::Stamp, DateFormat::parse_stamp)
}

fn moment(
    text: &[u8],
    format: Option<&DateFormat>,
    expected: FieldType,
    parse: impl Fn(&DateFormat, &[u8]) -> Option<i64>,
) -> Result<i64, Reason> {
    let Some(format) = format else { return integer(text, expected) };
    parse(format, text).ok_or_else(|| Reason::NotADate { expected, format: format.as_str().to_owned() })
}

/// A decimal number with at most four places, exactly.
pub(crate) fn money(text: &[u8]) -> Result<i64, Reason> {
    let expected = FieldType::Money;
    let (unsigned, negative) = match text {
        [b'-', rest @ ..] => (rest, true),
        [b'+', rest @ ..] => (rest, false),
        rest => (rest, false),
    };
    let dot = unsigned.iter().position(|&byte| byte == b'.');
    let (whole, places) = dot.map_or((unsigned, &[][..]), |dot| (&unsigned[..dot], &unsigned[dot + 1..]));
    // Zeros past the fourth place change nothing.
    let places = &places[..places.iter().rposition(|&byte| byte != b'0').map_or(0, |last| last + 1)];
    let digits = whole.iter().chain(places);
    if (whole.is_empty() && places.is_empty()) || places.len() > 4 || !digits.clone().all(u8::is_ascii_digit) {
        return Err(Reason::NotA { expected });
    }
    let step = |value: i64, &digit: &u8| value.checked_mul(10)?.checked_sub(i64::from(digit - b'0'));
    let mut missing = 0..4 - places.len();
    let below =
        digits.clone().try_fold(0, step).and_then(|value| missing.try_fold(value, |value, _| value.checked_mul(10)));
    let below = below.ok_or(Reason::OutOfRange { expected })?;
    if negative { Ok(below) } else { below.checked_neg().ok_or(Reason::OutOfRange { expected }) }
}

pub(crate) fn blob(text: &[u8]) -> Result<Vec<u8>, Reason> {
    STANDARD.decode(text).map_err(|_| Reason::NotA { expected: FieldType::Blob })
}

/// Whole units and ten-thousandths of an amount, for printing.
pub(crate) const fn money_parts(amount: i64) -> (u64, u64) {
    let magnitude = amount.unsigned_abs();
    (magnitude / MONEY_SCALE.unsigned_abs(), magnitude % MONEY_SCALE.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_decimal_and_leading_zeros_are_welcome() {
        let int64 = |text: &str| integer(text.as_bytes(), FieldType::Int64);
        assert_eq!(int64("0750"), Ok(750));
        assert_eq!(int64("-9223372036854775808"), Ok(i64::MIN));
        assert_eq!(int64("+9223372036854775807"), Ok(i64::MAX));
        assert_eq!(int64("9223372036854775808"), Err(Reason::OutOfRange { expected: FieldType::Int64 }));
        assert_eq!(int32(b"2147483648"), Err(Reason::OutOfRange { expected: FieldType::Int32 }));
        for text in ["12.12", "12.0", "", "-", "1e3", "0x10", "1 2", "٣"] {
            assert_eq!(int64(text), Err(Reason::NotA { expected: FieldType::Int64 }), "{text}");
        }
    }

    #[test]
    fn doubles_may_be_nan_or_infinite_only_by_word() {
        assert_eq!(double(b"12.12"), Ok(12.12));
        assert_eq!(double(b"-0.0").map(f64::to_bits), Ok((-0.0_f64).to_bits()));
        assert!(double(b"nan").unwrap().is_nan());
        assert_eq!(double(b"-inf"), Ok(f64::NEG_INFINITY));
        assert_eq!(double(b"1e999"), Err(Reason::OutOfRange { expected: FieldType::Double }));
        assert_eq!(double(b"1,5"), Err(Reason::NotA { expected: FieldType::Double }));
    }

    #[test]
    fn money_is_exact_to_four_places_and_takes_no_more() {
        assert_eq!(money(b"12.34"), Ok(123_400));
        assert_eq!(money(b"-.5"), Ok(-5_000));
        assert_eq!(money(b"7."), Ok(70_000));
        assert_eq!(money(b"1.234500"), Ok(12_345));
        assert_eq!(money(b"-922337203685477.5808"), Ok(i64::MIN));
        assert_eq!(money(b"922337203685477.5808"), Err(Reason::OutOfRange { expected: FieldType::Money }));
        assert_eq!(money(b"99999999999999999999"), Err(Reason::OutOfRange { expected: FieldType::Money }));
        assert_eq!(money(b"-99999999999999999999.1234"), Err(Reason::OutOfRange { expected: FieldType::Money }));
        assert_eq!(money(b"-922337203685477.5809"), Err(Reason::OutOfRange { expected: FieldType::Money }));
        for text in ["1.23456", ".", "", "-", "1.2.3", "1e2"] {
            assert_eq!(money(text.as_bytes()), Err(Reason::NotA { expected: FieldType::Money }), "{text}");
        }
    }

    #[test]
    fn opcodes_and_flags_are_read_in_any_case() {
        let letters = |text: &str| opcode(text.as_bytes()).map(Opcode::letters);
        let read: Vec<_> = ["i", "U", "p", "D", "s", "Sd", "ub", "", "upsert", "SafeDelete"].map(letters).into();
        assert_eq!(read, ["I", "U", "P", "D", "SD", "SD", "UB", "I", "P", "SD"].map(Some));
        assert_eq!([letters("x"), letters("iu"), letters("insertt")], [None; 3]);
        assert_eq!(flags(b"nPr").map(|flags| flags.to_string()), Some("NPR".to_owned()));
        assert_eq!((flags(b""), flags(b"x")), (Some(Flags::NORMAL), None));
    }
}
