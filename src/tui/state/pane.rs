//! [`Pane`]: the four things a person watches.

/// One of the four panes, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pane {
    /// Who this node knows.
    Routing,
    /// What it offers.
    Shares,
    /// What a search found.
    Results,
    /// What is being fetched.
    Transfers,
}

impl Pane {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Routing, Self::Shares, Self::Results, Self::Transfers];

    /// The number that leads to it, counted from 1.
    #[must_use]
    pub const fn number(self) -> usize {
        self as usize + 1
    }

    /// Its name on the screen.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::Routing => "Routing table",
            Self::Shares => "Shared files",
            Self::Results => "Search results",
            Self::Transfers => "Transfers",
        }
    }

    /// Its name where there is little room.
    #[must_use]
    pub const fn short_title(self) -> &'static str {
        match self {
            Self::Routing => "Routing",
            Self::Shares => "Shared",
            Self::Results => "Results",
            Self::Transfers => "Transfers",
        }
    }

    /// The pane `by` places further, around the end.
    #[must_use]
    pub(crate) fn cycle(self, by: usize) -> Self {
        Self::ALL[(self as usize + by) % Self::ALL.len()]
    }

    /// The pane beside it in the grid.
    #[must_use]
    pub(crate) fn across(self) -> Self {
        self.cycle(2)
    }

    /// How many lines of the screen one row takes.
    pub(crate) const fn row_height(self) -> u16 {
        match self {
            Self::Transfers => 2,
            _ => 1,
        }
    }

    /// Lines above the rows: what the list is about, and the names of its columns.
    pub(crate) const fn head_height(self) -> u16 {
        match self {
            Self::Routing | Self::Transfers => 1,
            Self::Shares | Self::Results => 2,
        }
    }
}
