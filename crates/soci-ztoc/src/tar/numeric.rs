//! Numbers and times in tar headers, read as Go's `archive/tar` reads them.
//!
//! Containers' layers are unpacked, and zTOCs are checked at run time, by Go's reader. Where other
//! readers are more or less tolerant, Go's verdict is the one that counts.

use crate::timestamp::Timestamp;

/// A number in a header field: octal text, or base-256 when the first bit is set. `None` where Go
/// refuses it.
pub(super) fn number(field: &[u8]) -> Option<i64> {
    match field.first() {
        Some(first) if first & 0x80 != 0 => base_256(field),
        _ => octal(field),
    }
}

/// Two's complement, big endian, with the top bit as a mark.
fn base_256(field: &[u8]) -> Option<i64> {
    let negative = field[0] & 0x40 != 0;
    let flip = if negative { 0xff } else { 0 };
    let magnitude = field
        .iter()
        .enumerate()
        .try_fold(0u64, |value, (index, byte)| {
            let digit = (byte ^ flip) & if index == 0 { 0x7f } else { 0xff };
            (value >> 56 == 0).then_some(value << 8 | u64::from(digit))
        })?;
    let value = i64::try_from(magnitude).ok()?;
    Some(if negative { !value } else { value })
}

/// Octal digits between spaces and NULs; nothing at all is zero.
pub(super) fn octal(field: &[u8]) -> Option<i64> {
    let padding = |byte: &u8| *byte == b' ' || *byte == 0;
    let Some(start) = field.iter().position(|byte| !padding(byte)) else {
        return Some(0);
    };
    let end = field
        .iter()
        .rposition(|byte| !padding(byte))
        .map_or(start, |last| last + 1);
    text(&field[start..end])
        .iter()
        .try_fold(0i64, |value, byte| match byte {
            b'0'..=b'7' => Some(value.checked_mul(8)? + i64::from(byte - b'0')),
            _ => None,
        })
}

/// The bytes before the first NUL.
pub(super) fn text(field: &[u8]) -> &[u8] {
    let end = field
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(field.len());
    &field[..end]
}

/// A decimal number with an optional sign, as in PAX records.
pub(super) fn decimal(text: &[u8]) -> Option<i64> {
    // Rust's parser takes what Go's strconv.ParseInt takes in base 10: an optional sign and at
    // least one digit.
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Seconds with an optional fraction, as in PAX records; digits past the ninth are cut.
pub(super) fn pax_time(text: &[u8]) -> Option<Timestamp> {
    let (seconds_text, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(point) => (&text[..point], &text[point + 1..]),
        None => (text, &[][..]),
    };
    let seconds = decimal(seconds_text)?;
    if !fraction.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let nanoseconds = fraction
        .iter()
        .chain([b'0'; 9].iter())
        .take(9)
        .fold(0u32, |value, digit| value * 10 + u32::from(digit - b'0'));
    Some(if nanoseconds > 0 && seconds_text[0] == b'-' {
        // A negative time's fraction counts away from zero.
        Timestamp {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: 1_000_000_000 - nanoseconds,
        }
    } else {
        Timestamp {
            seconds,
            nanoseconds,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_octal_between_padding() {
        for (field, value) in [
            (&b"0000644\0"[..], Some(0o644)),
            (b" 644 \0\0\0", Some(0o644)),
            (b"\0\0\0\0", Some(0)),
            (b"        ", Some(0)),
            (b"12\x0034", Some(0o12)),
            (b"00008\0", None),
            (b"-1\0", None),
            (b"", Some(0)),
        ] {
            assert_eq!(number(field), value, "{field:?}");
        }
    }

    #[test]
    fn reads_base_256_within_63_bits() {
        assert_eq!(number(b"\x80\0\0\0\0\0\0\0\0\0\0\x01"), Some(1));
        assert_eq!(number(&[0xff; 12]), Some(-1));
        assert_eq!(
            number(b"\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff"),
            Some(i64::MAX)
        );
        assert_eq!(number(b"\x80\0\0\0\x80\0\0\0\0\0\0\0"), None);
        assert_eq!(number(b"\x80\x01\0\0\0\0\0\0\0\0\0\0"), None);
    }

    #[test]
    fn reads_pax_times() {
        let time = |seconds, nanoseconds| {
            Some(Timestamp {
                seconds,
                nanoseconds,
            })
        };
        for (text, value) in [
            (&b"1350244992"[..], time(1_350_244_992, 0)),
            (b"1350244992.3", time(1_350_244_992, 300_000_000)),
            (b"12.0123456789", time(12, 12_345_678)),
            (b"-1.5", time(-2, 500_000_000)),
            (b"-0.25", time(-1, 750_000_000)),
            (b"-3.", time(-3, 0)),
            (b"+7", time(7, 0)),
            (b"", None),
            (b".5", None),
            (b"1.5x", None),
            (b"1e3", None),
        ] {
            assert_eq!(pax_time(text), value, "{}", String::from_utf8_lossy(text));
        }
    }
}
