//! Which keys do something where the selection is, and why the others do nothing.

use crate::application::message::{NoticeLevel, TransferState};

use super::{State, action::Action, browse::peer_address, pane::Pane};

impl State {
    /// Says why a key does nothing where the selection is.
    pub(super) fn nothing_to(&mut self, action: Action) {
        let text = match (self.focus, action) {
            (Pane::Routing, Action::CopyLink) => "no address is here: select a peer to copy its",
            (_, Action::CopyLink) => "nothing is selected that could be copied",
            (_, Action::Unshare) => "no shared file is selected",
            (
                _,
                Action::Cancel | Action::Pause | Action::Raise | Action::Lower | Action::ToFront,
            ) => "no transfer is selected",
            _ => "nothing is selected",
        };
        self.tell(NoticeLevel::Info, text, None);
    }

    /// Whether a key does anything where the selection is; the bottom line offers only such.
    pub(crate) fn offers(&self, action: Action) -> bool {
        let asks_node = matches!(
            action,
            Action::Search
                | Action::Share
                | Action::Fetch
                | Action::Join
                | Action::Invite
                | Action::Limits
        );
        match action {
            _ if self.gone && asks_node => false,
            Action::Unshare => !self.gone && self.shares.list.selected().is_some(),
            Action::Pause => self.offers_for(|state| {
                !matches!(state, TransferState::Done | TransferState::Cancelled)
            }),
            Action::Cancel | Action::Raise | Action::Lower | Action::ToFront | Action::ToBack => {
                self.offers_for(|state| !state.is_over())
            }
            Action::CopyLink => match self.focus {
                Pane::Routing => self.routing.list.selected().and_then(peer_address).is_some(),
                Pane::Shares => {
                    let selected = self.shares.list.selected();
                    !self.gone && selected.is_some_and(|row| row.content.is_some())
                }
                Pane::Results => self.results.list.selected().is_some(),
                Pane::Transfers => self.transfers.list.selected().is_some(),
            },
            Action::Open => self.list(self.focus).len() > 0,
            _ => true,
        }
    }

    fn offers_for(&self, fits: impl Fn(&TransferState) -> bool) -> bool {
        !self.gone && self.transfers.list.selected().is_some_and(|row| fits(&row.state))
    }
}
