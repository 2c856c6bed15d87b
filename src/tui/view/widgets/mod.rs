//! What the panes are drawn with.

pub(super) mod bar;
pub(super) mod columns;
pub(super) mod popup;
pub(super) mod text;
