//! Zigzag numbers of variable length, as records use them.

/// How many bytes the number takes.
pub(super) const fn size(value: i64) -> usize {
    let bits = 64 - (zigzag(value) | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

/// Appends the number.
#[inline]
pub(super) fn put(out: &mut Vec<u8>, value: i64) {
    let rest = zigzag(value);
    if rest < 0x80 {
        out.push(rest as u8);
    } else {
        put_long(out, rest);
    }
}

fn put_long(out: &mut Vec<u8>, mut rest: u64) {
    while rest >= 0x80 {
        out.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Fills `room`, which is as long as the number takes.
pub(super) fn set(room: &mut [u8], value: i64) {
    let mut rest = zigzag(value);
    let last = room.len() - 1;
    for (i, byte) in room.iter_mut().enumerate() {
        *byte = if i == last { rest as u8 } else { rest as u8 | 0x80 };
        rest >>= 7;
    }
}

/// Takes a number from the front of `bytes`; `None` when it is cut off or too long.
#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> Option<i64> {
    // Lengths of headers, most of all numbers, have one byte.
    match **bytes {
        [byte @ 0..0x80, ref rest @ ..] => {
            *bytes = rest;
            Some(unzigzag(byte.into()))
        }
        _ => take_long(bytes),
    }
}

fn take_long(bytes: &mut &[u8]) -> Option<i64> {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if *byte < 0x80 {
            *bytes = &bytes[i + 1..];
            return Some(unzigzag(value));
        }
    }
    None
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)) as u64
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_survive_and_take_as_many_bytes_as_foretold() {
        let edges = (0..63).flat_map(|bit| [1i64 << bit, (1i64 << bit) - 1, -(1i64 << bit)]);
        for value in edges.chain([i64::MIN, i64::MAX, -1]) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            assert_eq!(bytes.len(), size(value), "{value}");
            let mut room = vec![0; size(value)];
            set(&mut room, value);
            assert_eq!(room, bytes);
            let mut rest = bytes.as_slice();
            assert_eq!(take(&mut rest), Some(value));
            assert!(rest.is_empty());
            assert_eq!(take(&mut &bytes[..bytes.len() - 1]), None, "{value} cut off");
        }
        assert_eq!(take(&mut [0xff; 11].as_slice()), None);
    }
}
