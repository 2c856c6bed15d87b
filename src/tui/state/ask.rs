//! Questions before what cannot be undone, and what their answers do.

use std::path::PathBuf;

use crate::{
    application::message::{Command, NoticeLevel, TransferId, TransferState},
    domain::untrusted::visible,
};

use super::{Action, Effect, Mode, Purpose, Question, State};

impl State {
    pub(super) fn ask_unshare(&mut self) {
        let Some(row) = self.shares.list.selected() else {
            return self.nothing_to(Action::Unshare);
        };
        let folder = (row.root != row.path).then(|| row.root.clone());
        self.mode = Mode::Question(Question::Unshare { path: row.path.clone(), folder });
    }

    pub(super) fn ask_cancel(&mut self) {
        let Some(row) = self.transfers.list.selected() else {
            return self.nothing_to(Action::Cancel);
        };
        let (transfer, done, name) = (row.transfer, row.done, row.name.raw().to_owned());
        // Of one that failed there may be something to delete.
        let kept = matches!(row.state, TransferState::Failed(_)) && done > 0;
        if row.state.is_over() && !kept {
            let text = format!("{name} is over already");
            return self.tell(NoticeLevel::Info, &text, None);
        }
        if done == 0 {
            return self.cancel(transfer, name);
        }
        self.mode = Mode::Question(Question::Cancel { transfer, name: visible(&name), done });
    }

    fn cancel(&mut self, transfer: TransferId, name: String) {
        self.send(Command::Cancel { transfer }, Purpose::Cancel(name));
    }

    pub(super) fn answer(&mut self, whole_folder: bool) {
        let Mode::Question(question) = std::mem::replace(&mut self.mode, Mode::Browse) else {
            return;
        };
        match question {
            Question::Leave { .. } if !whole_folder => self.effects.push(Effect::Quit),
            Question::Cancel { transfer, name, .. } if !whole_folder => self.cancel(transfer, name),
            Question::Unshare { path, .. } if !whole_folder => self.unshare(path),
            Question::Unshare { folder: Some(folder), .. } => self.unshare(folder),
            // `r` where there is no folder to speak of: the question stays.
            other => self.mode = Mode::Question(other),
        }
    }

    /// Stops sharing a path.
    pub(super) fn unshare(&mut self, path: PathBuf) {
        self.send(Command::Unshare { path: path.clone() }, Purpose::Unshare(path));
    }
}
