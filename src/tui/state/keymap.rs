//! The keymap: one table from (scope, chord) to [`Action`].
//!
//! What a key does, what the help says of it and what the bottom line hints at all come from
//! here, so they cannot disagree. A test refuses a chord that means two things at once.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::InputRequest;

use super::{action::Action, pane::Pane};

/// Where a binding holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// At any time.
    Always,
    /// While the panes have the keys.
    Browse,
    /// While one pane has the keys.
    In(Pane),
    /// In a prompt.
    Prompt,
    /// While a question waits for its answer.
    Question,
    /// In a text that covers the panes: help, notices, an invitation.
    Overlay,
}

impl Scope {
    /// Whether a binding of this scope holds where `here` has the keys.
    fn holds(self, here: Self) -> bool {
        self == here
            || self == Self::Always
            || (self == Self::Browse && matches!(here, Self::In(_)))
    }
}

/// A key with the modifiers that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chord {
    /// The key.
    pub code: KeyCode,
    /// Control and Alt; Shift is part of the character.
    pub modifiers: KeyModifiers,
}

impl Chord {
    /// What was pressed, without what terminals disagree on.
    #[must_use]
    pub fn of(event: &KeyEvent) -> Self {
        let modifiers = event.modifiers & (KeyModifiers::CONTROL | KeyModifiers::ALT);
        Self { code: event.code, modifiers }
    }

    /// As people write it: `g`, `Ctrl-C`, `PgUp`.
    #[must_use]
    pub fn label(&self) -> String {
        let key = match self.code {
            KeyCode::Char(' ') => "Space".to_owned(),
            KeyCode::Char(c) if self.modifiers.is_empty() => c.to_string(),
            KeyCode::Char(c) => c.to_uppercase().to_string(),
            KeyCode::PageUp => "PgUp".to_owned(),
            KeyCode::PageDown => "PgDn".to_owned(),
            KeyCode::Up => "↑".to_owned(),
            KeyCode::Down => "↓".to_owned(),
            KeyCode::Left => "←".to_owned(),
            KeyCode::Right => "→".to_owned(),
            KeyCode::BackTab => "Shift-Tab".to_owned(),
            KeyCode::Delete => "Del".to_owned(),
            KeyCode::F(n) => format!("F{n}"),
            other => format!("{other:?}"),
        };
        let control = if self.modifiers.contains(KeyModifiers::CONTROL) { "Ctrl-" } else { "" };
        let alt = if self.modifiers.contains(KeyModifiers::ALT) { "Alt-" } else { "" };
        format!("{control}{alt}{key}")
    }
}

/// A line of the keymap.
#[derive(Debug, Clone, Copy)]
pub struct Binding {
    /// Where it holds.
    pub scope: Scope,
    /// Any of these.
    pub chords: &'static [Chord],
    /// What it does.
    pub action: Action,
    /// What the help says.
    pub help: &'static str,
    /// What the bottom line says, if there is room.
    pub hint: Option<&'static str>,
}

impl Binding {
    /// Its chords as people write them.
    #[must_use]
    pub fn keys(&self) -> String {
        self.chords.iter().map(Chord::label).collect::<Vec<_>>().join(" ")
    }
}

/// What a chord does where `here` has the keys.
#[must_use]
pub(crate) fn find(here: Scope, chord: Chord) -> Option<Action> {
    let held = |binding: &&Binding| binding.scope.holds(here) && binding.chords.contains(&chord);
    KEYMAP.iter().find(held).map(|binding| binding.action)
}

const fn key(c: char) -> Chord {
    on(KeyCode::Char(c))
}

const fn on(code: KeyCode) -> Chord {
    Chord { code, modifiers: KeyModifiers::NONE }
}

const fn ctrl(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
}

const fn alt(c: char) -> Chord {
    Chord { code: KeyCode::Char(c), modifiers: KeyModifiers::ALT }
}

const fn ctrl_on(code: KeyCode) -> Chord {
    Chord { code, modifiers: KeyModifiers::CONTROL }
}

const ENTER: Chord = on(KeyCode::Enter);
const ESC: Chord = on(KeyCode::Esc);

/// Makes the lines of the table readable: `scope, chords => action, help, hint`.
macro_rules! bindings {
    ($($scope:expr, [$($chord:expr),+] => $action:expr, $help:literal $(, hint $hint:literal)?;)+) => {
        &[$(Binding {
            scope: $scope,
            chords: &[$($chord),+],
            action: $action,
            help: $help,
            hint: bindings!(@hint $($hint)?),
        }),+]
    };
    (@hint $hint:literal) => { Some($hint) };
    (@hint) => { None };
}

use Action as A;
use InputRequest as I;
use Pane as P;
use Scope as S;

/// Every key. Within a scope in the order in which the help and the hints show them.
pub const KEYMAP: &[Binding] = bindings! {
    S::In(P::Results), [ENTER] => A::Open, "fetch the selected result", hint "fetch";
    S::In(P::Results), [key('y')] => A::CopyLink, "copy its link", hint "copy link";
    S::In(P::Transfers), [ENTER] => A::Open, "open: show the detail, or fetch again what failed", hint "open";
    S::In(P::Transfers), [key('p')] => A::Pause, "pause the selected transfer, or go on with it", hint "pause";
    S::In(P::Transfers), [key('x')] => A::Cancel, "stop it, and delete what has arrived", hint "stop";
    S::In(P::Transfers), [key('+'), key('=')] => A::Raise, "a higher priority: the higher, the sooner", hint "sooner";
    S::In(P::Transfers), [key('-')] => A::Lower, "a lower priority: the lower, the later";
    S::In(P::Transfers), [key('<')] => A::ToFront, "first in the queue, among those of its priority";
    S::In(P::Transfers), [key('>')] => A::ToBack, "last in the queue, among those of its priority";
    S::In(P::Transfers), [key('y')] => A::CopyLink, "copy its link", hint "copy link";
    S::In(P::Shares), [ENTER] => A::Open, "show the detail", hint "detail";
    S::In(P::Shares), [key('u')] => A::Unshare, "unshare it, or its whole folder", hint "unshare";
    S::In(P::Shares), [key('y')] => A::CopyLink, "copy its link", hint "copy link";
    S::In(P::Routing), [ENTER] => A::Open, "show the detail", hint "detail";
    S::In(P::Routing), [key('y')] => A::CopyLink, "copy the peer's address", hint "copy address";

    S::Browse, [key('s')] => A::Search, "search the network, by words or by one field", hint "search";
    S::Browse, [key('a')] => A::Share, "share a file or a folder", hint "share";
    S::Browse, [key('/')] => A::Filter, "filter: only rows that match, in the list in front", hint "filter";
    S::Browse, [key('d')] => A::Fetch, "fetch a link that somebody gave me";
    S::Browse, [key('i')] => A::Invite, "invite somebody into this network", hint "invite";
    S::Browse, [key('J')] => A::Join, "join with an invitation, or the address of a peer";
    S::Browse, [key('L')] => A::Limits, "limits: how much this node sends and receives at most";
    S::Browse, [key('z')] => A::Zoom, "zoom: this pane alone, with detail, and back", hint "zoom";
    S::Browse, [key('n')] => A::Notices, "the log of notices", hint "notices";
    S::Browse, [key('?'), on(KeyCode::F(1))] => A::Help, "help: these keys", hint "help";
    S::Browse, [key(':')] => A::CommandLine, "a command by its name";
    S::Browse, [key('q')] => A::Quit, "leave", hint "leave";
    S::Browse, [ESC] => A::Close, "close: the notice, the filter, the zoom, the welcome";

    S::Browse, [key('j'), on(KeyCode::Down)] => A::Down, "down";
    S::Browse, [key('k'), on(KeyCode::Up)] => A::Up, "up";
    S::Browse, [on(KeyCode::PageDown), ctrl('d')] => A::PageDown, "a screen down";
    S::Browse, [on(KeyCode::PageUp), ctrl('u')] => A::PageUp, "a screen up";
    S::Browse, [key('g'), on(KeyCode::Home)] => A::First, "to the first row";
    S::Browse, [key('G'), on(KeyCode::End)] => A::Last, "to the last row";
    S::Browse, [on(KeyCode::Tab)] => A::NextPane, "to the next pane";
    S::Browse, [on(KeyCode::BackTab)] => A::PreviousPane, "to the pane before";
    S::Browse, [key('h'), on(KeyCode::Left)] => A::Left, "to the pane on the left";
    S::Browse, [key('l'), on(KeyCode::Right)] => A::Right, "to the pane on the right";
    S::Browse, [key('1')] => A::Focus(P::Routing), "to the routing table";
    S::Browse, [key('2')] => A::Focus(P::Shares), "to the shared files";
    S::Browse, [key('3')] => A::Focus(P::Results), "to the search results";
    S::Browse, [key('4')] => A::Focus(P::Transfers), "to the transfers";

    S::Prompt, [ENTER] => A::Submit, "go ahead", hint "go";
    S::Prompt, [ESC] => A::Close, "close it", hint "close";
    S::Prompt, [on(KeyCode::Tab)] => A::NextChoice, "search by the next field";
    S::Prompt, [on(KeyCode::BackTab)] => A::PreviousChoice, "search by the field before";
    S::Prompt, [on(KeyCode::Up), ctrl('p')] => A::Older, "history: what was typed before", hint "history";
    S::Prompt, [on(KeyCode::Down), ctrl('n')] => A::Newer, "what was typed later";
    S::Prompt, [on(KeyCode::Left), ctrl('b')] => A::Edit(I::GoToPrevChar), "back";
    S::Prompt, [on(KeyCode::Right), ctrl('f')] => A::Edit(I::GoToNextChar), "forward";
    S::Prompt, [ctrl_on(KeyCode::Left), alt('b')] => A::Edit(I::GoToPrevWord), "back a word";
    S::Prompt, [ctrl_on(KeyCode::Right), alt('f')] => A::Edit(I::GoToNextWord), "forward a word";
    S::Prompt, [on(KeyCode::Home), ctrl('a')] => A::Edit(I::GoToStart), "to the start";
    S::Prompt, [on(KeyCode::End), ctrl('e')] => A::Edit(I::GoToEnd), "to the end";
    S::Prompt, [on(KeyCode::Backspace), ctrl('h')] => A::Edit(I::DeletePrevChar), "delete back";
    S::Prompt, [on(KeyCode::Delete), ctrl('d')] => A::Edit(I::DeleteNextChar), "delete";
    S::Prompt, [ctrl('w')] => A::Edit(I::DeletePrevWord), "delete a word back";
    S::Prompt, [ctrl('u')] => A::Edit(I::DeleteFromStart), "delete to the start";
    S::Prompt, [ctrl('k')] => A::Edit(I::DeleteTillEnd), "delete to the end";
    S::Prompt, [ctrl('y')] => A::Edit(I::Yank), "put back what was deleted";

    S::Question, [key('y'), key('Y')] => A::Yes, "yes", hint "yes";
    S::Question, [key('r')] => A::YesFolder, "yes, and everything in the shared folder";
    S::Question, [key('n'), key('q'), ESC] => A::Close, "no", hint "no";

    S::Overlay, [key('j'), on(KeyCode::Down)] => A::Down, "down", hint "down";
    S::Overlay, [key('k'), on(KeyCode::Up)] => A::Up, "up", hint "up";
    S::Overlay, [on(KeyCode::PageDown), key(' '), ctrl('d')] => A::PageDown, "a screen down";
    S::Overlay, [on(KeyCode::PageUp), ctrl('u')] => A::PageUp, "a screen up";
    S::Overlay, [key('g'), on(KeyCode::Home)] => A::First, "to the start";
    S::Overlay, [key('G'), on(KeyCode::End)] => A::Last, "to the end";
    S::Overlay, [key('y')] => A::CopyLink, "copy the invitation";
    S::Overlay, [ESC, ENTER, key('q'), key('?'), key('n'), key('i')] => A::Close, "close it, back to the panes", hint "close";

    S::Always, [ctrl('c')] => A::Interrupt, "close what is open, or leave; twice: leave at once";
    S::Always, [ctrl('z')] => A::Suspend, "to the shell; fg comes back";
    S::Always, [ctrl('l')] => A::Redraw, "draw everything anew";
};

#[cfg(test)]
mod tests {
    use super::*;

    /// Everywhere keys can go.
    fn places() -> Vec<Scope> {
        let panes = Pane::ALL.into_iter().map(Scope::In);
        panes.chain([Scope::Prompt, Scope::Question, Scope::Overlay]).collect()
    }

    #[test]
    fn no_chord_means_two_things() {
        for here in places() {
            let mut seen: Vec<Chord> = Vec::new();
            for binding in KEYMAP.iter().filter(|binding| binding.scope.holds(here)) {
                for chord in binding.chords {
                    assert!(!seen.contains(chord), "{} twice in {here:?}", chord.label());
                    seen.push(*chord);
                }
            }
        }
    }

    #[test]
    fn the_bottom_line_and_the_help_use_the_same_words() {
        for binding in KEYMAP {
            let help: Vec<&str> = binding.help.split(|c: char| !c.is_alphanumeric()).collect();
            for word in binding.hint.unwrap_or_default().split_whitespace() {
                assert!(help.contains(&word), "{word:?} is not in {:?}", binding.help);
            }
        }
    }

    #[test]
    fn shift_is_part_of_the_character() {
        let event = KeyEvent::new(KeyCode::Char('G'), KeyModifiers::SHIFT);
        assert_eq!(find(Scope::In(Pane::Shares), Chord::of(&event)), Some(Action::Last));
        let event = KeyEvent::new(KeyCode::BackTab, KeyModifiers::SHIFT);
        assert_eq!(find(Scope::In(Pane::Shares), Chord::of(&event)), Some(Action::PreviousPane));
    }

    #[test]
    fn one_can_leave_from_everywhere() {
        for here in places() {
            assert_eq!(find(here, ctrl('c')), Some(Action::Interrupt));
            assert_eq!(find(here, ESC), Some(Action::Close));
        }
    }
}
