//! The help as lines of text, made from the keymap and the table of verbs.

use super::{
    keymap::{KEYMAP, Scope},
    pane::Pane,
    verbs::VERBS,
};

/// A line of the help; each takes one line of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum HelpLine {
    /// What the lines below are about.
    Heading(&'static str),
    /// Keys, or a verb, and what they do.
    Entry(String, &'static str),
    /// Nothing.
    Gap,
}

/// The whole help, with what concerns the pane in front first.
pub(crate) fn lines(pane: Pane) -> Vec<HelpLine> {
    let mut lines = Vec::new();
    let mut section = |title, scopes: &[Scope]| {
        lines.push(HelpLine::Heading(title));
        let bindings = KEYMAP.iter().filter(|binding| scopes.contains(&binding.scope));
        lines.extend(bindings.map(|binding| HelpLine::Entry(binding.keys(), binding.help)));
        lines.push(HelpLine::Gap);
    };
    section(pane.title(), &[Scope::In(pane)]);
    section("In every pane", &[Scope::Browse, Scope::Always]);
    for other in Pane::ALL.into_iter().filter(|other| *other != pane) {
        section(other.title(), &[Scope::In(other)]);
    }
    section("While typing", &[Scope::Prompt]);
    section("While asked", &[Scope::Question]);
    lines.push(HelpLine::Heading("Commands after :"));
    lines.extend(VERBS.iter().map(|row| {
        HelpLine::Entry(format!("{} {}", row.name, row.argument.unwrap_or("")), row.help)
    }));
    lines
}
