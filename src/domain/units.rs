//! Numbers for people: sizes, rates, durations; and sizes as people write them.

use std::time::Duration;

/// Bytes in binary units, three digits: `0 B`, `1.5 KiB`, `230 MiB`.
#[must_use]
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if count < 1024 {
        return format!("{count} B");
    }
    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let mut value = count as f64 / 1024.0;
    let mut unit = 0;
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let decimals = if value < 9.995 {
        2
    } else if value < 99.95 {
        1
    } else {
        0
    };
    format!("{value:.decimals$} {}", UNITS[unit])
}

/// Bytes per second, as [`bytes()`] with `/s`.
#[must_use]
pub fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", bytes(bytes_per_second))
}

/// A duration in its two largest units: `9s`, `3m 05s`, `2h 10m`, `4d 3h`.
#[must_use]
pub fn duration(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..60 => format!("{s}s"),
        60..3_600 => format!("{}m {:02}s", s / 60, s % 60),
        3_600..86_400 => format!("{}h {:02}m", s / 3_600, s / 60 % 60),
        _ => format!("{}d {}h", s / 86_400, s / 3_600 % 24),
    }
}

/// Playing time of a medium: `3:07`, `1:02:33`.
#[must_use]
pub fn playing_time(duration: Duration) -> String {
    let s = duration.as_secs();
    if s < 3_600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3_600, s / 60 % 60, s % 60)
    }
}

/// A size that a person wrote cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no size: write a number with an optional unit, for instance 500K, 2M or 1.5MiB")]
pub struct BadSize(String);

/// A limit that a person wrote cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}; or unlimited")]
pub struct BadLimit(#[from] BadSize);

/// A duration that a person wrote cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no time: write a number and s, m, h or d, for instance 90m or 12h")]
pub struct BadDuration(String);

/// Reads `500`, `500K`, `2 MiB`, `1.5MB`; units are binary.
///
/// # Errors
/// When the text is no size.
pub fn parse_size(text: &str) -> Result<u64, BadSize> {
    let bad = || BadSize(text.to_owned());
    let lower = text.trim().to_ascii_lowercase();
    let digits = lower.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(lower.len());
    let (number, unit) = lower.split_at(digits);
    let factor: u64 = match unit.trim().trim_end_matches("ib").trim_end_matches('b') {
        "" => 1,
        "k" => 1 << 10,
        "m" => 1 << 20,
        "g" => 1 << 30,
        "t" => 1 << 40,
        _ => return Err(bad()),
    };
    let number: f64 = number.parse().map_err(|_| bad())?;
    #[expect(clippy::cast_precision_loss, reason = "a limit needs no exact byte")]
    let product = number * factor as f64;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "checked here")]
    let size =
        if product.is_finite() && product < 1e18 { product as u64 } else { return Err(bad()) };
    Ok(size)
}

/// Reads a rate: a size, with or without `/s`. `unlimited` and `0` are `None`.
///
/// # Errors
/// When the text is neither.
pub fn parse_limit(text: &str) -> Result<Option<u64>, BadLimit> {
    let lower = text.trim().to_ascii_lowercase();
    if matches!(lower.as_str(), "unlimited" | "none") {
        return Ok(None);
    }
    let limit = parse_size(lower.trim_end_matches("/s")).map_err(|_| BadSize(text.to_owned()))?;
    Ok((limit > 0).then_some(limit))
}

/// Reads `90s`, `30m`, `12h`, `7d`; more than nothing.
///
/// # Errors
/// When the text is no such time.
pub fn parse_duration(text: &str) -> Result<Duration, BadDuration> {
    let trimmed = text.trim();
    let read = || {
        let unit = trimmed.chars().next_back()?;
        let (_, seconds) = DURATIONS.into_iter().find(|(name, _)| *name == unit)?;
        let number: u64 = trimmed.strip_suffix(unit)?.trim_end().parse().ok()?;
        number.checked_mul(seconds).filter(|seconds| *seconds > 0).map(Duration::from_secs)
    };
    read().ok_or_else(|| BadDuration(text.to_owned()))
}

/// Units of time in seconds, the largest first.
const DURATIONS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// A size as [`parse_size`] reads it, to the byte: `8MiB`, `1000`.
#[must_use]
pub fn exact_size(bytes: u64) -> String {
    const UNITS: [(u32, &str); 3] = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    let whole = UNITS.into_iter().find(|(bits, _)| bytes > 0 && bytes.trailing_zeros() >= *bits);
    whole.map_or_else(|| bytes.to_string(), |(bits, unit)| format!("{}{unit}", bytes >> bits))
}

/// A duration as [`parse_duration`] reads it, to the second: `12h`, `90m`.
#[must_use]
pub fn exact_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let whole = DURATIONS.into_iter().find(|(_, unit)| seconds.is_multiple_of(*unit));
    let (name, unit) = whole.unwrap_or(('s', 1));
    format!("{}{name}", seconds / unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.00 KiB"),
            (10_240, "10.0 KiB"),
            (1_047_552, "1.00 MiB"),
            (241_172_480, "230 MiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn durations_have_two_units() {
        for (seconds, text) in [(9, "9s"), (185, "3m 05s"), (7_800, "2h 10m"), (356_400, "4d 3h")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
        assert_eq!(playing_time(Duration::from_millis(187_900)), "3:07");
        assert_eq!(playing_time(Duration::from_secs(3_753)), "1:02:33");
    }

    #[test]
    fn limits_are_read_as_people_write_them() {
        assert_eq!(parse_limit("500"), Ok(Some(500)));
        assert_eq!(parse_limit("2M"), Ok(Some(2 << 20)));
        assert_eq!(parse_limit("1.5 MiB/s"), Ok(Some(3 << 19)));
        assert_eq!(parse_limit("0"), Ok(None));
        assert_eq!(parse_limit("unlimited"), Ok(None));
        for bad in ["", "fast", "1X", "-1", "1e999", "99999999T"] {
            assert!(parse_limit(bad).is_err(), "{bad}");
        }
    }
    #[test]
    fn sizes_and_times_are_written_so_that_they_are_read_again() {
        for (size, text) in
            [(0, "0"), (1_000, "1000"), (3 << 9, "1536"), (8 << 20, "8MiB"), (3 << 30, "3GiB")]
        {
            assert_eq!((exact_size(size).as_str(), parse_size(text)), (text, Ok(size)));
        }
        for (seconds, text) in [(90, "90s"), (5_400, "90m"), (43_200, "12h"), (604_800, "7d")] {
            let time = Duration::from_secs(seconds);
            assert_eq!((exact_duration(time).as_str(), parse_duration(text)), (text, Ok(time)));
        }
        for bad in ["", "12", "h", "0h", "-1h", "1.5h", "1w", "99999999999999999999d", "12é"] {
            assert!(parse_duration(bad).is_err(), "{bad}");
        }
        assert!(parse_size("unlimited").is_err());
    }
}
