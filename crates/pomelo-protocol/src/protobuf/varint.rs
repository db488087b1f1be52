//! Whole numbers of up to 53 bits, seven bits a byte, the low ones first; and those with a sign, zigzag.

use super::{CodecFault, WHOLE_MAX};

/// Bytes of the longest number that can be written; one that is read may have zeros behind it.
pub(super) const BYTES_MAX: usize = 8;
/// Longer than any writer makes one.
const PADDED_BYTES_MAX: usize = 10;

pub(super) fn put(mut n: u64, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

/// Takes a number off the front.
pub(super) fn take(input: &mut &[u8]) -> Result<u64, CodecFault> {
    // Most are one byte: heads, lengths, small numbers.
    if let [first, rest @ ..] = *input
        && *first < 0x80
    {
        *input = rest;
        return Ok(u64::from(*first));
    }
    let mut n = 0;
    for (i, byte) in input.iter().enumerate().take(PADDED_BYTES_MAX) {
        let bits = u64::from(byte & 0x7f);
        if i >= BYTES_MAX && bits != 0 {
            return Err(CodecFault::TooLarge);
        }
        n |= bits.checked_shl(7 * i as u32).unwrap_or_default();
        if *byte < 0x80 {
            *input = &input[i + 1..];
            return if n <= WHOLE_MAX { Ok(n) } else { Err(CodecFault::TooLarge) };
        }
    }
    Err(if input.len() < PADDED_BYTES_MAX {
        CodecFault::Truncated { expected: "the rest of a number" }
    } else {
        CodecFault::TooLarge
    })
}

/// 0, -1, 1, -2 and so on as 0, 1, 2, 3. None if that is over [`WHOLE_MAX`].
pub(super) fn zigzag(n: i64) -> Option<u64> {
    let n = ((n << 1) ^ (n >> 63)) as u64;
    (n <= WHOLE_MAX).then_some(n)
}

pub(super) fn unzigzag(n: u64) -> i64 {
    (n >> 1) as i64 ^ -((n & 1) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_up_to_53_bits_are_read_back() {
        for n in [0, 1, 127, 128, 300, u64::from(u32::MAX), WHOLE_MAX] {
            let mut bytes = Vec::new();
            put(n, &mut bytes);
            assert!(bytes.len() <= BYTES_MAX);
            assert_eq!(take(&mut &bytes[..]), Ok(n));
            assert_eq!(zigzag(unzigzag(n)), Some(n));
        }
        assert_eq!(zigzag(1 << 52), None);
        assert_eq!(zigzag(i64::MIN), None);
    }

    #[test]
    fn numbers_may_be_padded_but_neither_endless_nor_too_large() {
        assert_eq!(take(&mut &[0x81, 0x80, 0][..]), Ok(1));
        assert_eq!(take(&mut &[0x80; 20][..]), Err(CodecFault::TooLarge));
        assert_eq!(
            take(&mut &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f][..]),
            Err(CodecFault::TooLarge)
        );
        let truncated = Err(CodecFault::Truncated { expected: "the rest of a number" });
        assert_eq!(take(&mut &[0x80][..]), truncated);
        assert_eq!(take(&mut &[][..]), truncated);
    }
}
