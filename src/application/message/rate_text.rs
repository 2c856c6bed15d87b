//! Rates and hours as people write them: `8MiB`, `up 2MiB down unlimited`,
//! `09:00-17:00 up=1MiB down=unlimited`.
//!
//! The one place where they are read, for the configuration, the command line and the screen alike.
//! Invariant: what is written here is read as the same again.

use std::{fmt, str::FromStr};

use super::{Hours, Rate};
use crate::domain::units::{self, BadLimit};

/// Minutes of a day; hours may end there.
const DAY: u16 = 24 * 60;

impl FromStr for Rate {
    type Err = BadLimit;

    fn from_str(text: &str) -> Result<Self, BadLimit> {
        units::parse_limit(text).map(Self)
    }
}

/// To the byte, as it is read; [`Rate::about`] is for people.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(bytes) => f.write_str(&units::exact_size(bytes)),
            None => f.write_str("unlimited"),
        }
    }
}

impl Rate {
    /// For people, in three digits: `8 MiB/s`, `unlimited`.
    #[must_use]
    pub fn about(self) -> String {
        self.0.map_or_else(
            || "unlimited".to_owned(),
            |bytes| units::rate(bytes).replace(".00", "").replace(".0 ", " "),
        )
    }
}

/// What is wrong with `up RATE down RATE`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRates {
    /// A word that belongs to no rate.
    #[error("{0:?} is not understood: write up RATE, down RATE, or both")]
    Word(String),
    /// A rate that is none.
    #[error("{0}: {1}")]
    Rate(&'static str, BadLimit),
    /// One of them twice.
    #[error("{0} is there twice")]
    Twice(&'static str),
}

/// Reads `up RATE`, `down RATE` or both, in any order, with or without `=`.
///
/// # Errors
/// Names the word that cannot be read.
pub fn parse_rates(text: &str) -> Result<(Option<Rate>, Option<Rate>), BadRates> {
    let spaced = text.replace('=', " ");
    let mut words = spaced.split_whitespace().peekable();
    let (mut up, mut down) = (None, None);
    while let Some(word) = words.next() {
        let (name, rate) = match direction(word) {
            Some("up") => ("up", &mut up),
            Some(name) => (name, &mut down),
            None => return Err(BadRates::Word(word.to_owned())),
        };
        let mut said = Vec::new();
        while let Some(word) = words.next_if(|word| direction(word).is_none()) {
            said.push(word);
        }
        let read = said.join(" ").parse().map_err(|bad| BadRates::Rate(name, bad))?;
        if rate.replace(read).is_some() {
            return Err(BadRates::Twice(name));
        }
    }
    Ok((up, down))
}

fn direction(word: &str) -> Option<&'static str> {
    ["up", "down"].into_iter().find(|name| word.eq_ignore_ascii_case(name))
}

/// What is wrong with hours.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadHours {
    /// No times at the beginning.
    #[error("{0:?} does not begin with hours: write 09:00-17:00 up=RATE down=RATE")]
    Span(String),
    /// A time that no day has.
    #[error("{0:?} is no time of day: write HH:MM, from 00:00 to 24:00")]
    Time(String),
    /// No time at all.
    #[error("{0} begins and ends at the same minute; for the whole day write 00:00-24:00")]
    Empty(String),
    /// A rate that cannot be read.
    #[error(transparent)]
    Rates(#[from] BadRates),
    /// A rate that is not there.
    #[error("{0} is missing: write {0}=RATE, or {0}=unlimited")]
    Missing(&'static str),
}

impl FromStr for Hours {
    type Err = BadHours;

    fn from_str(text: &str) -> Result<Self, BadHours> {
        let text = text.trim();
        let (span, rates) = text.split_at(text.find(char::is_alphabetic).unwrap_or(text.len()));
        let (from, to) =
            span.trim().split_once('-').ok_or_else(|| BadHours::Span(text.to_owned()))?;
        let (from, to) = (minute(from, DAY - 1)?, minute(to, DAY)?);
        if from == to {
            return Err(BadHours::Empty(span.trim().to_owned()));
        }
        let (up, down) = parse_rates(rates)?;
        let up = up.ok_or(BadHours::Missing("up"))?;
        let down = down.ok_or(BadHours::Missing("down"))?;
        Ok(Self { from, to, up, down })
    }
}

/// A time of day, `last` at the latest, as minutes from midnight.
fn minute(text: &str, last: u16) -> Result<u16, BadHours> {
    let read = || {
        let (hour, minute) = text.trim().split_once(':')?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if !(1..=2).contains(&hour.len()) || minute.len() != 2 || !digits(hour) || !digits(minute) {
            return None;
        }
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (minute < 60).then_some(hour * 60 + minute).filter(|minute| *minute <= last)
    };
    read().ok_or_else(|| BadHours::Time(text.trim().to_owned()))
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, up, down } = self;
        let time = |minute: &u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{}-{} up={up} down={down}", time(from), time(to))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(bytes: u64) -> Rate {
        Rate(Some(bytes))
    }

    #[test]
    fn rates_come_in_any_order_and_alone() {
        for (text, rates) in [
            ("", (None, None)),
            ("up 2MiB down unlimited", (Some(rate(2 << 20)), Some(Rate(None)))),
            ("Down=500K/s", (None, Some(rate(500 << 10)))),
            ("down = 1.5 MiB up 0", (Some(Rate(None)), Some(rate(3 << 19)))),
        ] {
            assert_eq!(parse_rates(text), Ok(rates), "{text}");
        }
        for (text, why) in [
            ("2MiB", "\"2MiB\" is not understood"),
            ("up fast", "up: \"fast\" is no size"),
            ("up", "up: \"\" is no size"),
            ("up 1M up 2M", "up is there twice"),
        ] {
            let error = parse_rates(text).expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn hours_say_what_is_wrong_with_them() {
        let night = Hours { from: 22 * 60, to: 6 * 60 + 30, up: rate(1 << 20), down: Rate(None) };
        assert_eq!("22:00-06:30 up=1MiB down=unlimited".parse(), Ok(night));
        assert_eq!(" 22:00 - 6:30 down none up 1024K ".parse(), Ok(night));
        for (text, why) in [
            ("", "does not begin with hours"),
            ("up=1M down=1M", "does not begin with hours"),
            ("9-17 up=1M down=1M", "\"9\" is no time of day"),
            ("09:00-25:00 up=1M down=1M", "\"25:00\" is no time of day"),
            ("24:00-01:00 up=1M down=1M", "\"24:00\" is no time of day"),
            ("09:60-17:00 up=1M down=1M", "\"09:60\" is no time of day"),
            ("+9:00-17:00 up=1M down=1M", "\"+9:00\" is no time of day"),
            ("09:00-09:00 up=1M down=1M", "the same minute"),
            ("09:00-17:00 up=1M", "down is missing"),
            ("09:00-17:00 up=1M down=slow", "down: \"slow\" is no size"),
            ("09:00-17:00 upp=1M down=1M", "\"upp\" is not understood"),
        ] {
            let error = text.parse::<Hours>().expect_err(text).to_string();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn rates_for_people_are_short() {
        let about = [rate(8 << 20), rate(3 << 19), rate(500), rate(20 << 10), Rate(None)];
        assert_eq!(
            about.map(Rate::about),
            ["8 MiB/s", "1.50 MiB/s", "500 B/s", "20 KiB/s", "unlimited"]
        );
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(
            from in 0..DAY, to in 0..=DAY, up in 0_u64..1 << 50, down in 0_u64..1 << 50,
        ) {
            prop_assume!(from != to);
            let rate = |bytes: u64| Rate((bytes > 0).then_some(bytes));
            let hours = Hours { from, to, up: rate(up), down: rate(down) };
            prop_assert_eq!(hours.to_string().parse(), Ok(hours));
        }
    }
}
