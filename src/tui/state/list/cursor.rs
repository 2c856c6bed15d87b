//! [`Cursor`]: which row is selected and which is the first on the screen.

/// A selection and a scroll position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    /// The selected row.
    pub(crate) at: usize,
    /// The first row on the screen.
    pub(crate) top: usize,
}

impl Cursor {
    /// Keeps the selection within the list and the list within the screen, moving as little as
    /// possible.
    pub(crate) fn settle(&mut self, len: usize, visible: usize) {
        self.at = self.at.min(len.saturating_sub(1));
        if visible == 0 {
            return;
        }
        let lowest = len.saturating_sub(visible);
        self.top = self.top.clamp((self.at + 1).saturating_sub(visible), self.at).min(lowest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_selection_is_on_the_screen(
            at in 0_usize..2_000, top in 0_usize..2_000, len in 0_usize..1_000, visible in 1_usize..60,
        ) {
            let mut cursor = Cursor { at, top };
            cursor.settle(len, visible);
            prop_assert!(cursor.at < len.max(1));
            prop_assert!(cursor.top <= cursor.at && cursor.at < cursor.top + visible);
            prop_assert!(cursor.top + visible <= len.max(visible));
        }
    }
}
