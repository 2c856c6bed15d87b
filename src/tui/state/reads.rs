//! Which lists are read when: what is on the screen, when the node says that it changed.
//!
//! At most one read of each list is under way, so that a slow node is never flooded.

use crate::application::message::{Command, NoticeLevel, Snapshot, Window};

use super::{Mode, Purpose, Question, State, pane::Pane};

impl State {
    /// The node at a glance, newly.
    pub(super) fn take_snapshot(&mut self, snapshot: Box<Snapshot>) {
        let generations = snapshot.generations;
        self.routing.heard(generations.peers);
        self.shares.list.heard(generations.shares);
        self.transfers.list.heard(generations.transfers);
        if let Mode::Question(Question::Leave { transfers }) = &mut self.mode {
            *transfers = snapshot.transfers.active + snapshot.transfers.queued;
            if *transfers == 0 {
                self.mode = Mode::Browse;
                let text = "the transfers are over: nothing would stop";
                self.tell(NoticeLevel::Info, text, Some("q leaves"));
            }
        }
        self.snapshot = Some(snapshot);
    }

    /// Sends the reads that are due.
    pub(super) fn schedule_reads(&mut self) {
        if self.snapshot.is_none() || self.gone {
            return;
        }
        let now_ms = self.now_ms;
        if self.visible(Pane::Routing) > 0 && self.routing.begin_read() {
            self.send(Command::Peers(Window::first(Window::MAX)), Purpose::Peers);
            self.send(Command::Routing, Purpose::Routing);
        }
        let generation = self.snapshot.as_ref().map_or(0, |snapshot| snapshot.generations.shares);
        let shares = self.visible(Pane::Shares);
        // The first start says what is shared, whatever pane is shown.
        if (shares > 0 || self.welcome) && self.shares.begin_roots(generation) {
            self.send(Command::Roots, Purpose::Roots);
        }
        if shares > 0
            && let Some(reading) = self.shares.list.next_read(shares, now_ms)
        {
            self.send(Command::Shares(reading.window), Purpose::Shares(reading));
        }
        // Transfers are read even when they are not shown: results tell which are on their way.
        let transfers = self.visible(Pane::Transfers);
        if let Some(reading) = self.transfers.list.next_read(transfers, now_ms) {
            self.send(Command::Transfers(reading.window), Purpose::Transfers(reading));
        }
        self.read_sources();
        if let Some((search, since)) = self.results.next_read() {
            let window = Window::first(Window::MAX);
            let command = Command::Results { search, since, window };
            self.send(command, Purpose::Results(search));
        }
    }

    /// Who brings a transfer is read only while somebody looks at its detail.
    fn read_sources(&mut self) {
        let looked_at = self.zoomed && self.focus == Pane::Transfers;
        let selected = self.transfers.list.selected().filter(|_| looked_at);
        let Some((id, moves)) = selected.map(|row| (row.transfer, row.state.moves())) else {
            return;
        };
        if self.transfers.sources.begin_read(id, moves, self.now_ms) {
            self.send(Command::Sources { transfer: id }, Purpose::Sources(id));
        }
    }
}
