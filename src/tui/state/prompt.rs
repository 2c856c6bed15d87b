//! [`Prompt`]: one line that is being typed, and what it is for.

use tui_input::{Input, InputRequest};

use crate::domain::Field;

/// The longest text of a prompt, in characters: longer than any link we read.
const MAX_CHARS: usize = 8 * 1024;
/// The most texts that a prompt remembers.
const MAX_HISTORY: usize = 50;

/// What a prompt is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PromptKind {
    /// Words or a tag, to ask the network for.
    Search,
    /// What rows must contain.
    Filter,
    /// A path to share.
    Share,
    /// A link to fetch.
    Fetch,
    /// An invitation.
    Join,
    /// A command by its name.
    Command,
    /// The rates of the node.
    Limits,
}

impl PromptKind {
    /// Every kind.
    const COUNT: usize = 7;

    /// What stands above the line.
    pub(crate) const fn title(self) -> &'static str {
        match self {
            Self::Search => "Search the network",
            Self::Filter => "Filter this list",
            Self::Share => "Share a file or a folder",
            Self::Fetch => "Fetch a link",
            Self::Join => "Join with an invitation",
            Self::Command => "Command",
            Self::Limits => "Limits of this node",
        }
    }
}

/// A line that is being typed.
#[derive(Debug)]
pub(crate) struct Prompt {
    /// What it is for.
    pub(crate) kind: PromptKind,
    /// The text and the cursor in it.
    pub(crate) input: Input,
    /// What a search looks in; `None` is everywhere.
    pub(crate) field: Option<Field>,
    /// Why the text could not be used.
    pub(crate) error: Option<String>,
    /// How many texts back in the history this one is.
    back: usize,
}

impl Prompt {
    /// A prompt with a text in it.
    pub(crate) fn new(kind: PromptKind, text: &str) -> Self {
        Self { kind, input: Input::new(text.to_owned()), field: None, error: None, back: 0 }
    }

    /// Puts another text in.
    pub(crate) fn put(&mut self, text: &str) {
        self.input = Input::new(text.to_owned());
    }

    /// Edits the text.
    pub(crate) fn edit(&mut self, request: InputRequest) {
        self.error = None;
        self.input.handle(request);
    }

    /// Puts text in at the cursor: one line, nothing that cannot be seen.
    pub(crate) fn insert(&mut self, text: &str) {
        let line = text.trim().chars().map(|c| if c.is_whitespace() { ' ' } else { c });
        let room = MAX_CHARS.saturating_sub(self.input.value().chars().count());
        for c in line.filter(|c| !c.is_control()).take(room) {
            self.edit(InputRequest::InsertChar(c));
        }
    }

    /// Types one character.
    pub(crate) fn type_char(&mut self, c: char) {
        if !c.is_control() && self.input.value().chars().count() < MAX_CHARS {
            self.edit(InputRequest::InsertChar(c));
        }
    }

    /// Looks in the next field, or the one before.
    pub(crate) fn cycle_field(&mut self, forward: bool) {
        if self.kind != PromptKind::Search {
            return;
        }
        let all: Vec<Option<Field>> =
            std::iter::once(None).chain(Field::ALL.into_iter().map(Some)).collect();
        let at = all.iter().position(|field| *field == self.field).unwrap_or(0);
        let by = if forward { 1 } else { all.len() - 1 };
        self.field = all[(at + by) % all.len()];
        self.error = None;
    }

    /// What to search for: the chosen field, or the one that the text begins with
    /// (`artist: tchaikovsky`).
    pub(crate) fn query(&self) -> (String, Option<Field>) {
        read_query(self.input.value(), self.field)
    }
}

/// A text and the field it is to be found in; the text may begin with the field's name.
pub(crate) fn read_query(text: &str, field: Option<Field>) -> (String, Option<Field>) {
    if field.is_none()
        && let Some((name, value)) = text.split_once(':')
        && let Ok(field) = name.trim().to_lowercase().parse()
    {
        return (value.trim().to_owned(), Some(field));
    }
    (text.trim().to_owned(), field)
}

/// What was typed into each kind of prompt, newest last.
#[derive(Debug, Default)]
pub(crate) struct History([Vec<String>; PromptKind::COUNT]);

impl History {
    /// Remembers a text.
    pub(crate) fn remember(&mut self, kind: PromptKind, text: &str) {
        let texts = &mut self.0[kind as usize];
        texts.retain(|old| old != text);
        if texts.len() == MAX_HISTORY {
            texts.remove(0);
        }
        texts.push(text.to_owned());
    }

    /// Puts an earlier or a later text into the prompt.
    pub(crate) fn recall(&self, prompt: &mut Prompt, older: bool) {
        let texts = &self.0[prompt.kind as usize];
        let back =
            if older { (prompt.back + 1).min(texts.len()) } else { prompt.back.saturating_sub(1) };
        if back == prompt.back {
            return;
        }
        let text = texts.len().checked_sub(back).and_then(|n| texts.get(n));
        prompt.back = back;
        prompt.error = None;
        prompt.input = Input::new(text.cloned().unwrap_or_default());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_may_name_its_field() {
        assert_eq!(
            read_query("Artist: Pyotr Tchaikovsky", None),
            ("Pyotr Tchaikovsky".into(), Some(Field::Artist))
        );
        assert_eq!(read_query("mission: impossible", None), ("mission: impossible".into(), None));
        assert_eq!(
            read_query("title: x", Some(Field::Album)),
            ("title: x".into(), Some(Field::Album))
        );
    }

    #[test]
    fn pasted_text_is_one_line() {
        let mut prompt = Prompt::new(PromptKind::Fetch, "");
        prompt.insert("  a\r\nb\u{1b}c\t");
        assert_eq!(prompt.input.value(), "a  bc");
    }

    #[test]
    fn history_goes_back_and_forth() {
        let mut history = History::default();
        history.remember(PromptKind::Search, "one");
        history.remember(PromptKind::Search, "two");
        let mut prompt = Prompt::new(PromptKind::Search, "");
        let mut go = |older| {
            history.recall(&mut prompt, older);
            prompt.input.value().to_owned()
        };
        assert_eq!([go(true), go(true), go(true)], ["two", "one", "one"]);
        assert_eq!([go(false), go(false)], ["two", ""]);
    }
}
