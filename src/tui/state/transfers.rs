//! Transfers, newest first.

use crate::{
    application::message::{TransferId, TransferRow},
    domain::ContentId,
};

use super::{
    list::{Row, Windowed},
    sources::Sources,
};

/// What the pane of transfers knows.
#[derive(Debug, Default)]
pub(crate) struct TransfersPane {
    /// The transfers.
    pub(crate) list: Windowed<TransferRow>,
    /// Who brings the one that is looked at.
    pub(crate) sources: Sources,
}

impl Row for TransferRow {
    type Key = TransferId;

    fn key(&self) -> TransferId {
        self.transfer
    }

    fn text(&self) -> String {
        format!("{} {}", self.name.raw(), self.path.display())
    }
}

impl TransfersPane {
    /// Whether a content is being fetched, as far as the rows here tell.
    pub(crate) fn is_fetching(&self, content: &ContentId) -> bool {
        let same = |row: &TransferRow| match row.link.root {
            Some(root) => root == content.root,
            None => row.sha1 == Some(content.sha1),
        };
        self.list.here().iter().any(|row| !row.state.is_over() && same(row))
    }
}
