//! The verbs of the `:` line: the few commands of the command line that make sense here.

use super::action::Action;

/// What a verb does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verb {
    /// Search the network.
    Search,
    /// Fetch a link.
    Get,
    /// Share a path.
    Share,
    /// Stop sharing a path.
    Unshare,
    /// Use an invitation.
    Join,
    /// Pause the selected transfer.
    Pause,
    /// Go on with the selected transfer.
    Resume,
    /// Limit the selected transfer.
    Limit,
    /// Show or set the limits of the node.
    Limits,
    /// As if its key were pressed in the transfers.
    Transfer(Action),
    /// As if its key were pressed.
    Key(Action),
}

/// A verb as it is written and explained.
#[derive(Debug, Clone, Copy)]
pub(crate) struct VerbRow {
    /// What is typed.
    pub(crate) name: &'static str,
    /// What comes after it, if anything can; what need not be there is in brackets.
    pub(crate) argument: Option<&'static str>,
    /// What it does.
    pub(crate) verb: Verb,
    /// What the help says.
    pub(crate) help: &'static str,
}

const fn row(
    name: &'static str,
    argument: Option<&'static str>,
    verb: Verb,
    help: &'static str,
) -> VerbRow {
    VerbRow { name, argument, verb, help }
}

/// Every verb.
pub(crate) const VERBS: &[VerbRow] = &[
    row("search", Some("WORDS"), Verb::Search, "search the network; artist: NAME looks in a field"),
    row("get", Some("LINK"), Verb::Get, "fetch a link, or the 40 digits of a SHA-1"),
    row("share", Some("PATH"), Verb::Share, "share a file or a folder"),
    row("unshare", Some("PATH"), Verb::Unshare, "stop sharing it"),
    row("pause", None, Verb::Pause, "pause the selected transfer"),
    row("resume", None, Verb::Resume, "go on with the selected transfer"),
    row("cancel", None, Verb::Transfer(Action::Cancel), "stop it, and delete what has arrived"),
    row("first", None, Verb::Transfer(Action::ToFront), "first in the queue"),
    row("last", None, Verb::Transfer(Action::ToBack), "last in the queue"),
    row("limit", Some("RATE"), Verb::Limit, "the most that the selected transfer receives"),
    row("limits", Some("[RATES]"), Verb::Limits, "limits of the node: up 2MiB down unlimited"),
    row("join", Some("INVITATION"), Verb::Join, "join with an invitation or a peer's address"),
    row("invite", None, Verb::Key(Action::Invite), "make an invitation"),
    row("help", None, Verb::Key(Action::Help), "the keys"),
    row("quit", None, Verb::Key(Action::Quit), "leave"),
];

/// Reads a command; a verb may be cut short where only one begins so.
///
/// # Errors
/// What is wrong, and what could be typed instead.
pub(crate) fn read(text: &str) -> Result<(Verb, &str), String> {
    let text = text.trim();
    let (name, argument) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let mut fitting = VERBS.iter().filter(|row| !name.is_empty() && row.name.starts_with(name));
    let exact = VERBS.iter().find(|row| row.name == name);
    let found = match (exact, fitting.next(), fitting.next()) {
        (Some(row), ..) | (None, Some(row), None) => row,
        _ => {
            let names: Vec<&str> = VERBS.iter().map(|row| row.name).collect();
            return Err(format!("no command {name:?}; there are: {}", names.join(", ")));
        }
    };
    match found.argument {
        Some(what) if argument.trim().is_empty() && !what.starts_with('[') => {
            Err(format!("{} needs a {what}", found.name))
        }
        _ => Ok((found.verb, argument.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_may_be_cut_short_but_not_guessed() {
        assert_eq!(read("search swan lake"), Ok((Verb::Search, "swan lake")));
        assert_eq!(read(" q "), Ok((Verb::Key(Action::Quit), "")));
        assert!(read("s x").is_err_and(|why| why.contains("search, get")));
        assert_eq!(read("limit 2MiB"), Ok((Verb::Limit, "2MiB")));
        assert_eq!(read("limits"), Ok((Verb::Limits, "")));
        assert!(read("lim x").is_err());
        assert!(read("get").is_err_and(|why| why.contains("needs a LINK")));
        assert!(read("").is_err());
    }
}
