//! Values of settings that a file says in words, each with its own reader and its own mistakes.
//!
//! Invariant: what is shown is what is read.

use std::{fmt, marker::PhantomData, str::FromStr};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Visitor},
};

use crate::{
    application::limits::MAX_PARALLEL,
    domain::units::{self, BadSize},
};

/// A value that stands as text in a file: rates, hours, sizes, how long to seed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Text<T>(pub(in crate::cli) T);

impl<'de, T: FromStr<Err: fmt::Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // Read by a visitor: what goes wrong in there has the line of the value, also in a list.
        deserializer.deserialize_str(TextVisitor(PhantomData))
    }
}

struct TextVisitor<T>(PhantomData<T>);

impl<T: FromStr<Err: fmt::Display>> Visitor<'_> for TextVisitor<T> {
    type Value = Text<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text in quotes")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Text<T>, E> {
        text.parse().map(Text).map_err(E::custom)
    }
}

impl<T: fmt::Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// A size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::cli) struct Size(pub(in crate::cli) u64);

impl FromStr for Size {
    type Err = BadSize;

    fn from_str(text: &str) -> Result<Self, BadSize> {
        units::parse_size(text).map(Self)
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&units::exact_size(self.0))
    }
}

/// How many may run at the same time: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(in crate::cli) struct Parallel(pub(in crate::cli) u32);

impl TryFrom<i64> for Parallel {
    type Error = String;

    fn try_from(number: i64) -> Result<Self, String> {
        let fits = u32::try_from(number).ok().filter(|number| (1..=MAX_PARALLEL).contains(number));
        fits.map(Self)
            .ok_or_else(|| format!("it must be between 1 and {MAX_PARALLEL}, not {number}"))
    }
}

impl FromStr for Parallel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse::<i64>().map_err(|_| format!("{text:?} is no number"))?.try_into()
    }
}

impl<'de> Deserialize<'de> for Parallel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_i64(ParallelVisitor)
    }
}

struct ParallelVisitor;

impl Visitor<'_> for ParallelVisitor {
    type Value = Parallel;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a number from 1 to {MAX_PARALLEL}")
    }

    fn visit_i64<E: de::Error>(self, number: i64) -> Result<Parallel, E> {
        number.try_into().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_one_runs_and_not_too_many() {
        assert_eq!("64".parse(), Ok(Parallel(64)));
        for (bad, why) in
            [("0", "between 1"), ("65", "64, not 65"), ("-1", "-1"), ("x", "no number")]
        {
            assert!(bad.parse::<Parallel>().is_err_and(|error| error.contains(why)), "{bad}");
        }
    }
}
