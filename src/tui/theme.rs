//! [`Theme`]: how each role looks, and whether only ASCII may be used.
//!
//! Colours are the terminal's own sixteen, so that they fit whatever background a person chose.
//! Nothing is told by colour alone: each state has its word or its sign too.

use ratatui::style::{Color, Modifier, Style};

/// A style for each role.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// What matters less.
    pub(crate) dim: Style,
    /// Names of things: panes, sections, columns.
    pub(crate) heading: Style,
    /// The frame of the pane that has the keys, and what else draws the eye.
    pub(crate) accent: Style,
    /// The other frames.
    pub(crate) border: Style,
    /// The selected row.
    pub(crate) selected: Style,
    /// The program's name.
    pub(crate) brand: Style,
    /// Keys in hints and help.
    pub(crate) key: Style,
    /// It is well.
    pub(crate) good: Style,
    /// It is not as it should be.
    pub(crate) warn: Style,
    /// It failed.
    pub(crate) bad: Style,
    /// The part of a bar that is done.
    pub(crate) bar: Style,
    /// Whether every sign beyond ASCII is replaced.
    pub(crate) ascii: bool,
}

impl Theme {
    /// The sixteen colours of the terminal.
    #[must_use]
    pub const fn colour() -> Self {
        let plain = Style::new();
        Self {
            dim: plain.fg(Color::DarkGray),
            heading: plain.add_modifier(Modifier::BOLD),
            accent: plain.fg(Color::Cyan),
            border: plain.fg(Color::DarkGray),
            selected: plain.add_modifier(Modifier::REVERSED),
            brand: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD.union(Modifier::REVERSED)),
            key: plain.fg(Color::Cyan).add_modifier(Modifier::BOLD),
            good: plain.fg(Color::Green),
            warn: plain.fg(Color::Yellow),
            bad: plain.fg(Color::Red).add_modifier(Modifier::BOLD),
            bar: plain.fg(Color::Cyan),
            ascii: false,
        }
    }

    /// No colour at all.
    #[must_use]
    pub const fn monochrome() -> Self {
        let plain = Style::new();
        let bold = plain.add_modifier(Modifier::BOLD);
        Self {
            dim: plain.add_modifier(Modifier::DIM),
            heading: bold,
            accent: bold,
            border: plain.add_modifier(Modifier::DIM),
            selected: plain.add_modifier(Modifier::REVERSED),
            brand: bold.add_modifier(Modifier::REVERSED),
            key: bold,
            good: plain,
            warn: bold,
            bad: bold,
            bar: plain,
            ascii: false,
        }
    }

    /// The same with signs of ASCII only.
    #[must_use]
    pub const fn in_ascii(self) -> Self {
        Self { ascii: true, ..self }
    }

    /// What fits an environment: `NO_COLOR` takes the colours away, a locale without UTF-8 the
    /// signs beyond ASCII. `variable` looks up an environment variable.
    #[must_use]
    pub fn for_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let theme = if set("NO_COLOR").is_some() { Self::monochrome() } else { Self::colour() };
        // POSIX: the first of these that is set decides.
        let locale = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"));
        let locale = locale.unwrap_or_default().to_lowercase().replace('-', "");
        if locale.contains("utf8") { theme } else { theme.in_ascii() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn theme(variables: &[(&str, &str)]) -> Theme {
        Theme::for_environment(|name| {
            let found = variables.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides() {
        assert!(!theme(&[("LANG", "de_DE.UTF-8")]).ascii);
        assert!(!theme(&[("LC_ALL", ""), ("LC_CTYPE", "C.utf8"), ("LANG", "C")]).ascii);
        assert!(theme(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")]).ascii);
        assert!(theme(&[]).ascii);
        assert_eq!(theme(&[("NO_COLOR", "1")]).accent.fg, None);
        assert_eq!(theme(&[("NO_COLOR", "")]).accent.fg, Some(Color::Cyan));
    }
}
