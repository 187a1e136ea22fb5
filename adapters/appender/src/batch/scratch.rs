//! Small things end to end in memory that is used again.
//!
//! A record's headers are a dozen pieces of a few bytes. Appending each to a `Vec` reads and writes its length each time and
//! calls memcpy, which together costs three times what the bytes cost; here the place to write stays in a register.

use super::varint;

/// Header bytes at first; longer headers make it grow, once.
const BYTES_AT_FIRST: usize = 1024;
/// Bytes of a length at most.
const LENGTH_BYTES_MAX: usize = 5;

/// Bytes being put together.
#[derive(Debug)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
}

impl Default for Scratch {
    fn default() -> Self {
        Self { bytes: vec![0; BYTES_AT_FIRST] }
    }
}

impl Scratch {
    /// Names and values, each after its length.
    pub(super) fn headers(&mut self, headers: &[(&str, &[u8])]) -> &[u8] {
        let most: usize = headers.iter().map(|(name, value)| name.len() + value.len() + 2 * LENGTH_BYTES_MAX).sum();
        if most > self.bytes.len() {
            self.bytes.resize(most, 0);
        }
        let room = self.bytes.len();
        let mut rest = self.bytes.as_mut_slice();
        for (name, value) in headers {
            rest = put_blob(rest, name.as_bytes());
            rest = put_blob(rest, value);
        }
        let left = rest.len();
        &self.bytes[..room - left]
    }
}

/// Puts a length and as many bytes to the front of `room` and gives what is left of it.
#[inline(always)]
fn put_blob<'r>(room: &'r mut [u8], bytes: &[u8]) -> &'r mut [u8] {
    let length = bytes.len() as i64;
    // Sixty-three is the largest length of one byte.
    let size = if length < 64 { 1 } else { varint::size(length) };
    let (head, room) = room.split_at_mut(size);
    if size == 1 {
        head[0] = (length << 1) as u8;
    } else {
        varint::set(head, length);
    }
    let (body, rest) = room.split_at_mut(bytes.len());
    copy(body, bytes);
    rest
}

/// Copies between slices of the same length; short ones in two moves that may overlap, without a call.
#[inline(always)]
fn copy(to: &mut [u8], from: &[u8]) {
    match from.len() {
        16..=32 => copy_ends::<16>(to, from),
        8..16 => copy_ends::<8>(to, from),
        4..8 => copy_ends::<4>(to, from),
        0..4 => to.iter_mut().zip(from).for_each(|(to, from)| *to = *from),
        33.. => to.copy_from_slice(from),
    }
}

/// Copies the first and the last `N` bytes, which together are all when there are `N` to `2 N`.
#[inline(always)]
fn copy_ends<const N: usize>(to: &mut [u8], from: &[u8]) {
    if let (Some(to), Some(from)) = (to.first_chunk_mut::<N>(), from.first_chunk::<N>()) {
        *to = *from;
    }
    if let (Some(to), Some(from)) = (to.last_chunk_mut::<N>(), from.last_chunk::<N>()) {
        *to = *from;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_every_length_are_put_as_they_are() {
        let mut scratch = Scratch::default();
        for length in 0..300 {
            let value: Vec<u8> = (0..length).map(|i| i as u8 | 1).collect();
            let name = "n".repeat(300 - length);
            let mut expected = Vec::new();
            for bytes in [name.as_bytes(), &value, b"", b"abc"] {
                varint::put(&mut expected, bytes.len() as i64);
                expected.extend_from_slice(bytes);
            }
            assert_eq!(scratch.headers(&[(&name, &value), ("", b"abc")]), expected, "{length}");
        }
    }

    #[test]
    fn headers_longer_than_ever_make_room() {
        let large = vec![7; 3 * BYTES_AT_FIRST];
        let mut scratch = Scratch::default();
        assert_eq!(scratch.headers(&[("n", &large)]).len(), 1 + 1 + 2 + large.len());
    }
}
