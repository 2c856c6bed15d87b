//! What the node says, and what becomes of it on the screen.

use std::path::Path;

use crate::{
    application::message::{
        CommandId, Event, Failure, NoticeLevel, Output, Reply, RootRow, TransferRow, TransferState,
    },
    domain::units,
};

use super::{
    Copied, Effect, GONE_HINT, Mode, Overlay, OverlayText, Purpose, Question, State, pane::Pane,
};

impl State {
    /// Takes what the node says.
    pub(super) fn take(&mut self, output: Output) {
        match output {
            Output::Snapshot(snapshot) => self.take_snapshot(snapshot),
            Output::Event(Event::Notice(notice)) => self.notices.take(&notice, self.now_ms),
            Output::Event(Event::Search(row)) => self.results.heard(row),
            Output::Event(Event::Transfer(row)) => self.take_transfer(&row),
            Output::Reply { id, result } => {
                // Replies to commands that nobody waits for any more are dropped.
                let Some(purpose) = self.pending.remove(&id) else { return };
                match result {
                    Ok(reply) => self.take_reply(purpose, reply),
                    Err(failure) => self.take_failure(&purpose, &failure),
                }
            }
        }
    }

    /// A command could not be sent.
    pub(super) fn refused(&mut self, id: CommandId) {
        let Some(purpose) = self.pending.remove(&id) else { return };
        match purpose {
            Purpose::Routing | Purpose::Peers => self.routing.refused(),
            Purpose::Roots => self.shares.roots_refused(),
            Purpose::Shares(_) => self.shares.list.refused(),
            Purpose::Transfers(_) => self.transfers.list.refused(),
            Purpose::Sources(_) => self.transfers.sources.refused(),
            Purpose::Tune(..) => self.transfers.list.read_again(),
            Purpose::Results(_) => self.results.refused(),
            Purpose::Search => self.results.search = None,
            _ => {}
        }
        let hint = "wait a moment and try again";
        self.tell(NoticeLevel::Warning, "the node is too busy to listen", Some(hint));
    }

    /// The node ended.
    pub(super) fn node_gone(&mut self) {
        if self.gone {
            return;
        }
        self.gone = true;
        self.pending.clear();
        self.results.node_gone();
        if matches!(self.mode, Mode::Question(_)) {
            // There is nothing left to decide.
            self.mode = Mode::Browse;
        }
        self.tell(NoticeLevel::Error, "the node ended", Some(GONE_HINT));
    }

    fn take_transfer(&mut self, row: &TransferRow) {
        let was_over = |old: &TransferRow| old.transfer == row.transfer && old.state.is_over();
        let news = row.state.is_over() && !self.transfers.list.here().iter().any(was_over);
        if news {
            let name = row.name.raw();
            match &row.state {
                TransferState::Done => {
                    let text = format!("fetched and verified: {}", row.path.display());
                    self.tell(NoticeLevel::Info, &text, None);
                    // What we have changed.
                    self.results.read_again();
                }
                TransferState::Failed(failure) => {
                    let hint =
                        failure.hint.as_deref().or(Some("Enter in the transfers tries again"));
                    let text = format!("{name} failed: {}", failure.message);
                    self.tell(NoticeLevel::Error, &text, hint);
                }
                _ => {}
            }
        }
        self.transfers.list.update(row);
        self.transfers.sources.heard(row.transfer);
        if let Mode::Question(Question::Cancel { transfer, done, .. }) = &mut self.mode
            && *transfer == row.transfer
        {
            *done = row.done;
            if row.state.is_over() {
                self.mode = Mode::Browse;
            }
        }
    }

    fn take_reply(&mut self, purpose: Purpose, reply: Reply) {
        let now_ms = self.now_ms;
        match (purpose, reply) {
            (Purpose::Watch, Reply::Snapshot(snapshot)) => {
                if self.setup.attached {
                    let text = format!("attached to the node with process {}", snapshot.node.pid);
                    self.tell(NoticeLevel::Info, &text, Some("it goes on when you leave"));
                }
                self.take_snapshot(snapshot);
            }
            (Purpose::Peers, Reply::Peers(page)) => {
                let visible = self.visible(Pane::Routing);
                self.routing.take_peers(page.rows, visible);
            }
            (Purpose::Routing, Reply::Routing(table)) => {
                let visible = self.visible(Pane::Routing);
                self.routing.end_read();
                self.routing.take_table(table, visible);
            }
            (Purpose::Roots, Reply::Roots(roots)) => self.shares.roots = roots,
            (Purpose::Shares(reading), Reply::Shares(page)) => {
                let visible = self.visible(Pane::Shares);
                self.shares.list.accept(reading, page, visible, now_ms);
            }
            (Purpose::Transfers(reading), Reply::Transfers(page)) => {
                let visible = self.visible(Pane::Transfers);
                self.transfers.list.accept(reading, page, visible, now_ms);
            }
            (Purpose::Sources(id), Reply::Sources(rows)) => {
                self.transfers.sources.accept(id, rows);
            }
            (Purpose::Results(search), Reply::Results(page)) => {
                let visible = self.visible(Pane::Results);
                self.results.accept(search, page, visible);
            }
            (Purpose::Search, Reply::Search { search }) => self.results.began(search),
            (purpose, reply) => self.take_answer(purpose, reply),
        }
    }

    /// Replies to what a person asked for.
    fn take_answer(&mut self, purpose: Purpose, reply: Reply) {
        match (purpose, reply) {
            (Purpose::Share(path), Reply::Shared(root)) => self.shared(&path, &root),
            (Purpose::Unshare(path), Reply::Unshared { files, records_until }) => {
                self.unshared(&path, files, records_until);
            }
            (Purpose::Link(name), Reply::Link { link, .. }) => {
                let what = Copied::Link(name);
                self.effects.push(Effect::Copy { text: link.to_string(), what });
            }
            (Purpose::Get(name), Reply::Transfer { transfer }) => {
                let visible = self.visible(Pane::Transfers);
                self.transfers.list.select(&transfer, visible);
                let text = format!("fetching {name}");
                self.tell(NoticeLevel::Info, &text, Some("4 shows how far it is"));
            }
            (Purpose::Cancel(name), Reply::Done) => {
                self.tell(NoticeLevel::Info, &format!("stopped {name}"), None);
            }
            (Purpose::Pause(name), Reply::Done) => {
                self.tell(NoticeLevel::Info, &format!("paused {name}"), Some("p goes on"));
            }
            (Purpose::Resume(name), Reply::Done) => {
                self.tell(NoticeLevel::Info, &format!("{name} goes on"), None);
            }
            (Purpose::Tune(name, change), Reply::Done) => self.tuned(&name, change),
            (Purpose::Limits(shown), Reply::Limits(limits)) => self.take_limits(&shown, limits),
            (Purpose::SetLimits, Reply::Limits(limits)) => self.limits_set(limits),
            (Purpose::Invite, Reply::Invite { link }) => {
                let text = OverlayText::Invite { link };
                self.mode = Mode::Overlay(Overlay { text, scroll: 0 });
            }
            (Purpose::Join, Reply::Joined { peers }) => self.joined(peers),
            // Replies without news, and replies that do not fit: nothing to show.
            _ => {}
        }
    }

    fn take_failure(&mut self, purpose: &Purpose, failure: &Failure) {
        self.end_read(purpose, failure);
        match purpose {
            Purpose::Search => {
                if let Some(search) = &mut self.results.search {
                    search.failure = Some((failure.message.clone(), failure.hint.clone()));
                }
            }
            // The search was over already: what it was closed for. A transfer that is forgotten
            // goes from the list, too.
            Purpose::CloseSearch | Purpose::Sources(_) => return,
            _ => {}
        }
        self.notices.fail(failure, self.now_ms);
    }

    /// A read failed.
    fn end_read(&mut self, purpose: &Purpose, failure: &Failure) {
        match purpose {
            Purpose::Routing => self.routing.end_read(),
            Purpose::Shares(_) => self.shares.list.failed(&failure.message),
            Purpose::Transfers(_) => self.transfers.list.failed(&failure.message),
            Purpose::Sources(_) => self.transfers.sources.failed(),
            // What was shown at once did not become true.
            Purpose::Tune(..) => self.transfers.list.read_again(),
            Purpose::Results(search) => self.results.read_failed(*search),
            _ => {}
        }
    }

    fn shared(&mut self, path: &Path, root: &RootRow) {
        let files = count(root.files, "file");
        let text = format!("sharing {}: {files}, {}", path.display(), units::bytes(root.bytes));
        let hint = match root.files {
            0 => "nothing in it can be shared; dotfiles and keys never are",
            _ => "others find them as soon as they are hashed and announced: 2 shows how far",
        };
        self.tell(NoticeLevel::Info, &text, Some(hint));
    }

    fn unshared(&mut self, path: &Path, files: u64, records_until: u64) {
        let hours = records_until.saturating_sub(self.now_ms / 1_000).div_ceil(3_600);
        let text = format!("no longer sharing {} ({})", path.display(), count(files, "file"));
        let hint = format!(
            "others may list it for up to {} more; a and ↑ shares it again",
            count(hours, "hour")
        );
        self.history.remember(super::prompt::PromptKind::Share, &path.display().to_string());
        self.tell(NoticeLevel::Info, &text, Some(&hint));
    }

    fn joined(&mut self, peers: u32) {
        let text = format!("joined: {} answered", count(peers.into(), "peer"));
        self.tell(NoticeLevel::Info, &text, Some("s searches what they share"));
    }
}

/// `1 file`, `2 files`.
pub(crate) fn count(n: u64, thing: &str) -> String {
    if n == 1 { format!("1 {thing}") } else { format!("{n} {thing}s") }
}
