//! Prompts: what is typed, pasted and sent off.

use std::path::PathBuf;

use crate::{
    application::message::Command,
    domain::{Field, Invite, Link, Query, untrusted::visible},
};

use super::{
    GONE, Mode, Purpose, State,
    action::Action,
    list::Needle,
    pane::Pane,
    prompt::{PromptKind, read_query},
    verbs::{self, Verb},
};

/// How long peers may take to answer a search, in milliseconds.
const SEARCH_TIMEOUT_MS: u64 = 20_000;
/// The most contents a search brings: more than anybody scrolls through.
const SEARCH_LIMIT: u32 = 500;

impl State {
    /// Opens the filter's prompt with the filter that is there.
    pub(super) fn ask_filter(&mut self) {
        let text = self.list(self.focus).filter().map(|needle| needle.text().to_owned());
        self.ask(PromptKind::Filter, &text.unwrap_or_default());
    }

    /// What keys do in a prompt.
    pub(super) fn prompt_action(&mut self, action: Action) {
        let Mode::Prompt(prompt) = &mut self.mode else { return };
        match action {
            Action::Submit => return self.submit(),
            Action::NextChoice => prompt.cycle_field(true),
            Action::PreviousChoice => prompt.cycle_field(false),
            Action::Older => self.history.recall(prompt, true),
            Action::Newer => self.history.recall(prompt, false),
            Action::Edit(request) => prompt.edit(request),
            _ => {}
        }
        self.text_changed();
    }

    /// A filter acts while it is typed.
    pub(super) fn text_changed(&mut self) {
        if let Mode::Prompt(prompt) = &self.mode
            && prompt.kind == PromptKind::Filter
        {
            let needle = Needle::new(prompt.input.value());
            if self.list(self.focus).filter() != needle.as_ref() {
                self.set_filter(needle);
            }
        }
    }

    /// Text from the clipboard: into the prompt, or into the prompt that it is made for.
    pub(super) fn paste(&mut self, text: &str) {
        if matches!(self.mode, Mode::Browse) {
            let text = text.trim();
            let kind = if text.parse::<Link>().is_ok() {
                PromptKind::Fetch
            } else if text.parse::<Invite>().is_ok() || text.starts_with("/ip") {
                PromptKind::Join
            } else if text.starts_with(['/', '~']) {
                PromptKind::Share
            } else {
                PromptKind::Search
            };
            self.ask(kind, "");
        }
        if let Mode::Prompt(prompt) = &mut self.mode {
            prompt.insert(text);
            self.text_changed();
        }
    }

    fn submit(&mut self) {
        let Mode::Prompt(mut prompt) = std::mem::replace(&mut self.mode, Mode::Browse) else {
            return;
        };
        let text = prompt.input.value().trim().to_owned();
        let done = match prompt.kind {
            PromptKind::Filter => Ok(()),
            PromptKind::Command => self.command(&text),
            _ if self.gone => Err(GONE.to_owned()),
            PromptKind::Search => {
                let (text, field) = prompt.query();
                self.search(&text, field)
            }
            PromptKind::Fetch => self.fetch_link(&text),
            PromptKind::Share => self.share(&text),
            PromptKind::Join => self.join(&text),
            PromptKind::Limits => self.set_limits(&text),
        };
        match done {
            Ok(()) if text.is_empty() => {}
            Ok(()) => self.history.remember(prompt.kind, &text),
            // What was typed stays, to be mended.
            Err(why) => {
                prompt.error = Some(visible(&why));
                self.mode = Mode::Prompt(prompt);
            }
        }
    }

    fn command(&mut self, text: &str) -> Result<(), String> {
        match verbs::read(text)? {
            (Verb::Key(action), _) => {
                self.act(action);
                Ok(())
            }
            _ if self.gone => Err(GONE.to_owned()),
            (Verb::Search, words) => {
                let (words, field) = read_query(words, None);
                self.search(&words, field)
            }
            (Verb::Get, link) => self.fetch_link(link),
            (Verb::Share, path) => self.share(path),
            (Verb::Unshare, path) => {
                let path = self.resolve(path)?;
                self.unshare(path);
                Ok(())
            }
            (Verb::Join, link) => self.join(link),
            (Verb::Limits, "") => {
                self.ask_limits();
                Ok(())
            }
            (Verb::Limits, rates) => self.set_limits(rates),
            (Verb::Pause, _) => {
                self.face_transfers();
                self.pause();
                Ok(())
            }
            (Verb::Resume, _) => {
                self.face_transfers();
                self.resume();
                Ok(())
            }
            (Verb::Transfer(action), _) => {
                self.face_transfers();
                self.act(action);
                Ok(())
            }
            (Verb::Limit, rate) => self.limit_transfer(rate),
        }
    }

    fn search(&mut self, text: &str, field: Option<Field>) -> Result<(), String> {
        let query = Query::new(text, field).map_err(|why| why.to_string())?.to_wire();
        if let Some(search) = self.results.begin(query.clone()) {
            self.send(Command::CloseSearch { search }, Purpose::CloseSearch);
        }
        let command = Command::Search { query, timeout_ms: SEARCH_TIMEOUT_MS, limit: SEARCH_LIMIT };
        self.send(command, Purpose::Search);
        self.focus = Pane::Results;
        self.set_filter(None);
        // Who searches needs no introduction any more.
        self.welcome = false;
        self.settle();
        Ok(())
    }

    fn fetch_link(&mut self, text: &str) -> Result<(), String> {
        let link: Link =
            text.parse().map_err(|why: crate::domain::link::BadLink| why.to_string())?;
        let name = link.name.clone().or_else(|| link.short());
        let name = name.or_else(|| link.sha1.map(|sha1| sha1.to_string())).unwrap_or_default();
        self.focus = Pane::Transfers;
        self.get(link, &name);
        Ok(())
    }

    fn share(&mut self, text: &str) -> Result<(), String> {
        let path = self.resolve(text)?;
        let command = Command::Share { path: path.clone(), remember: true };
        self.send(command, Purpose::Share(path));
        Ok(())
    }

    fn join(&mut self, text: &str) -> Result<(), String> {
        if text.is_empty() {
            return Err("paste an invitation: a friend gets one with i".to_owned());
        }
        self.send(Command::Join { link: text.to_owned() }, Purpose::Join);
        Ok(())
    }

    /// The absolute path that a person means.
    fn resolve(&self, text: &str) -> Result<PathBuf, String> {
        if text.is_empty() {
            return Err("type the path of a file or a folder".to_owned());
        }
        let home = self.setup.home.as_deref();
        let path = match (text.strip_prefix('~'), home) {
            (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
                home.join(rest.trim_start_matches('/'))
            }
            _ => self.setup.cwd.join(text),
        };
        // Drops every `.`; what `..` means only the node can see.
        Ok(path.components().collect())
    }
}
