//! What actions do, wherever the keys go.

use crate::{
    application::message::{Command, NoticeLevel, QueuePlace, ResultRow, TransferRow},
    domain::{Link, untrusted::visible},
};

use super::{
    Copied, Effect, GONE, GONE_HINT, Mode, Overlay, OverlayText, Purpose, Question, State,
    action::Action,
    help,
    list::Needle,
    notices::Notices,
    pane::Pane,
    prompt::{Prompt, PromptKind},
    routing::RoutingLine,
};

impl State {
    /// Does what a key means.
    pub(super) fn act(&mut self, action: Action) {
        match action {
            Action::Quit => self.leave(),
            Action::Interrupt => self.interrupt(),
            Action::Suspend => self.effects.push(Effect::Suspend),
            Action::Redraw => self.effects.push(Effect::Redraw),
            Action::Close => self.close(),
            Action::Focus(pane) => self.focus = pane,
            Action::NextPane => self.focus = self.focus.cycle(1),
            Action::PreviousPane => self.focus = self.focus.cycle(3),
            Action::Left => self.sideways(3),
            Action::Right => self.sideways(1),
            Action::Up
            | Action::Down
            | Action::PageUp
            | Action::PageDown
            | Action::First
            | Action::Last => self.scroll(action),
            Action::Zoom => self.zoom(!self.zoomed),
            Action::Open => self.open(),
            Action::Search => self.ask(PromptKind::Search, ""),
            Action::Filter => self.ask_filter(),
            Action::Share => self.ask(PromptKind::Share, ""),
            Action::Fetch => self.ask(PromptKind::Fetch, ""),
            Action::Join => self.ask(PromptKind::Join, ""),
            Action::CommandLine => self.ask(PromptKind::Command, ""),
            Action::Unshare => self.ask_unshare(),
            Action::CopyLink => self.copy(),
            Action::Cancel => self.ask_cancel(),
            Action::Pause => self.pause_or_resume(),
            Action::Raise => self.change_priority(1),
            Action::Lower => self.change_priority(-1),
            Action::ToFront => self.move_in_queue(QueuePlace::First),
            Action::ToBack => self.move_in_queue(QueuePlace::Last),
            Action::Limits => self.ask_limits(),
            Action::Invite => self.send(Command::Invite, Purpose::Invite),
            Action::Notices => self.show(OverlayText::Notices),
            Action::Help => self.show(OverlayText::Help),
            Action::Yes => self.answer(false),
            Action::YesFolder => self.answer(true),
            Action::Submit
            | Action::NextChoice
            | Action::PreviousChoice
            | Action::Older
            | Action::Newer
            | Action::Edit(_) => self.prompt_action(action),
        }
    }

    /// Opens a prompt.
    pub(super) fn ask(&mut self, kind: PromptKind, text: &str) {
        if self.gone && !matches!(kind, PromptKind::Filter | PromptKind::Command) {
            return self.tell(NoticeLevel::Error, GONE, Some(GONE_HINT));
        }
        self.mode = Mode::Prompt(Prompt::new(kind, text));
    }

    /// The screen has another size.
    pub(super) fn resize(&mut self, size: ratatui::layout::Size) {
        self.size = size;
        self.settle();
    }

    /// Leaves at once if no work would stop, else asks.
    pub(super) fn leave(&mut self) {
        let totals = self.snapshot.as_ref().map(|snapshot| snapshot.transfers);
        let active = totals.map_or(0, |totals| totals.active + totals.queued);
        if self.setup.attached || self.gone || active == 0 {
            self.effects.push(Effect::Quit);
        } else {
            self.mode = Mode::Question(Question::Leave { transfers: active });
        }
    }

    fn interrupt(&mut self) {
        match self.mode {
            Mode::Browse => self.leave(),
            Mode::Question(Question::Leave { .. }) => self.effects.push(Effect::Quit),
            _ => self.close(),
        }
    }

    fn close(&mut self) {
        if !matches!(self.mode, Mode::Browse) {
            let filtering = matches!(&self.mode, Mode::Prompt(p) if p.kind == PromptKind::Filter);
            self.mode = Mode::Browse;
            if filtering {
                self.set_filter(None);
            }
        } else if self.list(self.focus).filter().is_some() {
            self.set_filter(None);
        } else if self.zoomed {
            self.zoom(false);
        } else if self.welcome {
            self.welcome = false;
            self.settle();
        } else {
            self.notices.close(self.now_ms);
        }
    }

    fn sideways(&mut self, by: usize) {
        let grid = self.layout().is_some_and(|layout| layout.is_grid());
        self.focus = if grid { self.focus.across() } else { self.focus.cycle(by) };
    }

    pub(super) fn zoom(&mut self, zoomed: bool) {
        self.zoomed = zoomed;
        if zoomed {
            // Somebody reads the detail: it must not become another's.
            self.list_mut(self.focus).hold();
        }
        self.settle();
    }

    /// After the places on the screen changed: every selection stays in sight.
    pub(super) fn settle(&mut self) {
        for pane in Pane::ALL {
            let visible = self.visible(pane);
            self.list_mut(pane).step(0, visible);
        }
    }

    pub(super) fn set_filter(&mut self, needle: Option<Needle>) {
        self.list_mut(self.focus).set_filter(needle);
    }

    fn show(&mut self, text: OverlayText) {
        self.mode = Mode::Overlay(Overlay { text, scroll: 0 });
    }

    fn scroll(&mut self, action: Action) {
        let screen = match &self.mode {
            Mode::Overlay(_) => usize::from(self.size.height.saturating_sub(8)).max(1),
            _ => self.visible(self.focus).max(1),
        };
        let page = isize::try_from(screen).unwrap_or(1);
        let by = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -page,
            Action::PageDown => page,
            Action::First => isize::MIN,
            _ => isize::MAX,
        };
        let last = self.last_scroll(screen);
        match &mut self.mode {
            Mode::Overlay(overlay) => {
                overlay.scroll = overlay.scroll.saturating_add_signed(by).min(last);
            }
            _ => self.list_mut(self.focus).step(by, screen),
        }
    }

    /// How far the text over the panes can be scrolled.
    fn last_scroll(&self, screen: usize) -> usize {
        match &self.mode {
            Mode::Overlay(Overlay { text: OverlayText::Help, .. }) => {
                help::lines(self.focus).len().saturating_sub(screen)
            }
            Mode::Overlay(Overlay { text: OverlayText::Notices, .. }) => {
                Notices::newest_first(&self.notices).len().saturating_sub(1)
            }
            _ => 0,
        }
    }

    fn open(&mut self) {
        if self.list(self.focus).len() == 0 {
            return self.nothing_to(Action::Open);
        }
        match self.focus {
            Pane::Results => {
                if let Some(row) = self.results.list.selected().cloned() {
                    self.fetch_result(row);
                }
            }
            Pane::Transfers => self.open_transfer(),
            Pane::Routing | Pane::Shares => self.zoom(true),
        }
    }

    fn fetch_result(&mut self, row: ResultRow) {
        if row.have {
            let text = format!("you have {} already", row.name.raw());
            self.tell(
                NoticeLevel::Info,
                &text,
                Some("to fetch it once more: y copies its link, d fetches a link"),
            );
        } else {
            self.get(row.link, row.name.raw());
        }
    }

    /// Fetches a link.
    pub(super) fn get(&mut self, link: Link, name: &str) {
        let command = Command::Get { link, destination: None, select: Vec::new() };
        self.send(command, Purpose::Get(name.to_owned()));
    }

    fn copy(&mut self) {
        let copied = match (&self.mode, self.focus) {
            (Mode::Overlay(Overlay { text: OverlayText::Invite { link }, .. }), _) => {
                Some((link.clone(), Copied::Invitation))
            }
            (Mode::Overlay(_), _) => return,
            (_, Pane::Results) => self.results.list.selected().map(result_link),
            (_, Pane::Transfers) => self.transfers.list.selected().map(transfer_link),
            (_, Pane::Routing) => self.routing.list.selected().and_then(peer_address),
            (_, Pane::Shares) => return self.ask_link(),
        };
        match copied {
            Some((text, what)) => self.effects.push(Effect::Copy { text, what }),
            None => self.nothing_to(Action::CopyLink),
        }
    }

    fn ask_link(&mut self) {
        let Some(row) = self.shares.list.selected() else {
            return self.nothing_to(Action::CopyLink);
        };
        let (name, path) = (row.name.raw().to_owned(), row.path.clone());
        if row.content.is_none() {
            let text = format!("{name} has no link yet: it is not hashed");
            return self.tell(NoticeLevel::Warning, &text, Some("wait until it is announced"));
        }
        self.send(Command::Link { path, with_peers: false }, Purpose::Link(name));
    }
}

fn result_link(row: &ResultRow) -> (String, Copied) {
    (row.link.to_string(), Copied::Link(row.name.raw().to_owned()))
}

fn transfer_link(row: &TransferRow) -> (String, Copied) {
    (row.link.to_string(), Copied::Link(row.name.raw().to_owned()))
}

/// The address under which somebody else could join through this peer.
pub(super) fn peer_address(line: &RoutingLine) -> Option<(String, Copied)> {
    let (id, address) = match line {
        RoutingLine::Contact(contact) => (contact.peer_id, contact.addresses.first()?),
        RoutingLine::Peer(peer) => (peer.peer_id, &peer.address),
        RoutingLine::Bucket { .. } | RoutingLine::Outside { .. } => return None,
    };
    let mut text = visible(&address.to_string());
    if !text.contains("/p2p/") {
        text = format!("{text}/p2p/{id}");
    }
    Some((text, Copied::Address))
}
