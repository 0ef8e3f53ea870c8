//! Modification times, and the text in which a zTOC holds them.

use std::fmt;

/// A point in time: seconds since 1970-01-01T00:00:00Z, and nanoseconds (0–999,999,999) after that
/// second.
///
/// Displays as RFC 3339 in UTC with the fraction's trailing zeros cut, as Go marshals a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Whole seconds, negative before 1970.
    pub seconds: i64,
    /// Nanoseconds that follow the second.
    pub nanoseconds: u32,
}

/// 0000-01-01T00:00:00Z.
const FIRST_SECOND: i64 = -62_167_219_200;
/// 9999-12-31T23:59:59Z.
const LAST_SECOND: i64 = 253_402_300_799;

const SECONDS_PER_DAY: i64 = 86_400;
const DAYS_PER_400_YEARS: i64 = 146_097;
/// From 0000-03-01, where the count of leap days is simplest, to 1970-01-01.
const DAYS_TO_EPOCH: i64 = 719_468;

impl Timestamp {
    /// Whether the format can hold it: RFC 3339 knows the years 0 to 9999 only.
    #[must_use]
    pub fn is_representable(self) -> bool {
        (FIRST_SECOND..=LAST_SECOND).contains(&self.seconds)
    }

    /// Reads RFC 3339: what [`Timestamp`] displays as, and other zones, in which soci-snapshotter
    /// writes where TZ is set. `None` for any other text, leap seconds included.
    #[must_use]
    pub fn parse(text: &[u8]) -> Option<Timestamp> {
        let (date_time, rest) = text.split_at_checked(19)?;
        let separators = [4, 7, 10, 13, 16].map(|at| date_time[at]);
        let (year, month, day) = (
            digits(&date_time[..4])?,
            digits(&date_time[5..7])?,
            digits(&date_time[8..10])?,
        );
        let days = days_from_civil(year, month, day);
        if separators != *b"--T::" || civil_from_days(days) != (year, month, day) {
            return None;
        }
        let (fraction, zone) = rest.split_at(rest.iter().position(|byte| b"Z+-".contains(byte))?);
        let seconds =
            seconds_of_day(&date_time[11..16])? + below_60(&date_time[17..])? - zone_seconds(zone)?;
        Some(Timestamp {
            seconds: days * SECONDS_PER_DAY + seconds,
            nanoseconds: parse_fraction(fraction)?,
        })
    }
}

fn digits(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + i64::from(byte - b'0'))
    })
}

fn below_60(text: &[u8]) -> Option<i64> {
    digits(text).filter(|value| *value < 60)
}

/// Of `hh:mm`.
fn seconds_of_day(text: &[u8]) -> Option<i64> {
    match text {
        [_, _, b':', _, _] => {
            Some(digits(&text[..2]).filter(|hour| *hour < 24)? * 3600 + below_60(&text[3..])? * 60)
        }
        _ => None,
    }
}

/// How far a zone is ahead of UTC.
fn zone_seconds(zone: &[u8]) -> Option<i64> {
    match zone.split_first()? {
        (b'Z', []) => Some(0),
        (b'+', offset) => seconds_of_day(offset),
        (b'-', offset) => seconds_of_day(offset).map(|seconds| -seconds),
        _ => None,
    }
}

fn parse_fraction(text: &[u8]) -> Option<u32> {
    let Some((point, digits)) = text.split_first() else {
        return Some(0);
    };
    let valid =
        *point == b'.' && (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    valid.then(|| {
        digits
            .iter()
            .chain(&[b'0'; 9])
            .take(9)
            .fold(0, |value, digit| value * 10 + u32::from(digit - b'0'))
    })
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(SECONDS_PER_DAY));
        let second = self.seconds.rem_euclid(SECONDS_PER_DAY);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(
            f,
            "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        )?;
        if self.nanoseconds > 0 {
            let digits = format!("{:09}", self.nanoseconds);
            write!(f, ".{}", digits.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

/// Year, month (1–12) and day (1–31) of the proleptic Gregorian calendar, from days since
/// 1970-01-01. Counts in years that begin in March, so that a leap day is a year's last day.
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + DAYS_TO_EPOCH;
    let era = days.div_euclid(DAYS_PER_400_YEARS);
    let day_of_era = days.rem_euclid(DAYS_PER_400_YEARS);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// The reverse of [`civil_from_days`]; dates that do not exist give the days of another date.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * DAYS_PER_400_YEARS + day_of_era - DAYS_TO_EPOCH
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn displays_known_times() {
        for (seconds, nanoseconds, text) in [
            (0, 0, "1970-01-01T00:00:00Z"),
            (1_714_979_289, 123_456_789, "2024-05-06T07:08:09.123456789Z"),
            (1_709_164_800, 500_000_000, "2024-02-29T00:00:00.5Z"),
            (-1, 999_000_000, "1969-12-31T23:59:59.999Z"),
            (FIRST_SECOND, 0, "0000-01-01T00:00:00Z"),
            (LAST_SECOND, 0, "9999-12-31T23:59:59Z"),
        ] {
            let time = Timestamp {
                seconds,
                nanoseconds,
            };
            assert_eq!(time.to_string(), text);
            assert_eq!(Timestamp::parse(text.as_bytes()), Some(time));
            assert!(time.is_representable());
        }
        for seconds in [FIRST_SECOND - 1, LAST_SECOND + 1] {
            assert!(
                !Timestamp {
                    seconds,
                    nanoseconds: 0
                }
                .is_representable()
            );
        }
    }

    #[test]
    fn reads_other_zones() {
        let time = Timestamp::parse(b"2024-05-06T09:08:09.5+02:00");
        assert_eq!(time, Timestamp::parse(b"2024-05-06T07:08:09.5Z"));
        assert_eq!(
            Timestamp::parse(b"1970-01-01T00:00:00-00:30"),
            Some(Timestamp {
                seconds: 1800,
                nanoseconds: 0
            })
        );
    }

    #[test]
    fn refuses_other_texts() {
        for text in [
            "",
            "Z",
            "1970-01-01T00:00:00",
            "1970-01-01T00:00:00+0100",
            "1970-01-01T00:00:00Z+01:00",
            "1970-13-01T00:00:00Z",
            "1970-00-01T00:00:00Z",
            "2023-02-29T00:00:00Z",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567890Z",
            "1970-01-01 00:00:00Z",
            "197a-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text.as_bytes()), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn prop_text_and_time_are_the_same(seconds in FIRST_SECOND..=LAST_SECOND, nanoseconds in 0u32..1_000_000_000) {
            let time = Timestamp { seconds, nanoseconds };
            prop_assert_eq!(Timestamp::parse(time.to_string().as_bytes()), Some(time));
        }
    }
}
