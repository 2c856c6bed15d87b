//! What the screen knows, and the one function that changes it.
//!
//! [`update`] is pure: an [`Input`] in, [`Effect`]s out. It reads no clock, no file and no
//! socket; the time arrives as [`Input::Tick`]. It is the only writer of [`State`], and it never
//! waits: a command is sent with an ID and its reply is another input.

mod action;
mod ask;
mod browse;
pub(crate) mod help;
mod input;
pub(crate) mod keymap;
pub(crate) mod layout;
pub(crate) mod list;
mod manage;
mod mode;
pub(crate) mod notices;
mod offers;
mod outputs;
pub(crate) mod pane;
pub(crate) mod prompt;
mod reads;
pub(crate) mod results;
pub(crate) mod routing;
pub(crate) mod shares;
pub(crate) mod sources;
mod submit;
pub(crate) mod transfers;
pub(crate) mod verbs;

use std::{collections::BTreeMap, path::PathBuf};

use crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::Size;

use crate::application::message::{
    Command, CommandId, Limits, NoticeLevel, Request, SearchId, Snapshot, TransferId, Tuning,
};

pub use action::Action;
pub use input::{Copied, Effect, Input, Setup};
pub use keymap::{Binding, Chord, KEYMAP, Scope};
pub(crate) use mode::{Mode, Overlay, OverlayText, Question};
pub use pane::Pane;

use layout::{Arrangement, Layout};
use list::{Reading, Scroll};
use notices::Notices;
use prompt::History;
use results::ResultsPane;
use routing::RoutingPane;
use shares::SharesPane;
use transfers::TransfersPane;

/// What is said when something is asked of a node that ended.
const GONE: &str = "the node ended: nothing can be asked of it";
/// What helps then.
const GONE_HINT: &str = "q leaves; p2pfs-tui starts again";

/// Everything the screen knows.
#[derive(Debug)]
pub struct State {
    pub(crate) setup: Setup,
    pub(crate) now_ms: u64,
    pub(crate) size: Size,
    pub(crate) focus: Pane,
    pub(crate) zoomed: bool,
    pub(crate) welcome: bool,
    pub(crate) mode: Mode,
    pub(crate) snapshot: Option<Box<Snapshot>>,
    pub(crate) gone: bool,
    pub(crate) routing: RoutingPane,
    pub(crate) shares: SharesPane,
    pub(crate) results: ResultsPane,
    pub(crate) transfers: TransfersPane,
    pub(crate) notices: Notices,
    /// The limits of the node, once somebody asked for them.
    pub(crate) limits: Option<Limits>,
    history: History,
    pending: BTreeMap<CommandId, Purpose>,
    last_id: CommandId,
    effects: Vec<Effect>,
}

/// What a command was sent for; decides what its reply means.
#[derive(Debug, Clone)]
enum Purpose {
    Watch,
    Routing,
    Peers,
    Roots,
    Shares(Reading),
    Results(SearchId),
    Transfers(Reading),
    Search,
    CloseSearch,
    Share(PathBuf),
    Unshare(PathBuf),
    Link(String),
    Get(String),
    Cancel(String),
    Pause(String),
    Resume(String),
    Tune(String, Tuning),
    Sources(TransferId),
    /// With what the prompt shows meanwhile.
    Limits(String),
    SetLimits,
    Invite,
    Join,
}

impl State {
    /// A screen that knows nothing yet, and the effects that begin the conversation.
    #[must_use]
    pub fn new(setup: Setup) -> (Self, Vec<Effect>) {
        let mut state = Self {
            now_ms: setup.now_ms,
            size: setup.size,
            focus: Pane::Routing,
            zoomed: false,
            welcome: setup.first_start,
            mode: Mode::Browse,
            snapshot: None,
            gone: false,
            routing: RoutingPane::default(),
            shares: SharesPane::default(),
            results: ResultsPane::default(),
            transfers: TransfersPane::default(),
            notices: Notices::default(),
            limits: None,
            history: History::default(),
            pending: BTreeMap::new(),
            last_id: 0,
            effects: Vec::new(),
            setup,
        };
        state.send(Command::Watch, Purpose::Watch);
        let effects = std::mem::take(&mut state.effects);
        (state, effects)
    }

    /// Where everything is, or `None` on a screen that is too small.
    pub(crate) fn layout(&self) -> Option<Layout> {
        self.layout_on(self.size)
    }

    /// Where everything is on a screen of this size.
    pub(crate) fn layout_on(&self, size: Size) -> Option<Layout> {
        let Self { focus, zoomed, welcome, .. } = *self;
        Layout::new(size, Arrangement { focus, zoomed, welcome })
    }

    /// Where keys go.
    pub(crate) fn scope(&self) -> Scope {
        match self.mode {
            Mode::Browse => Scope::In(self.focus),
            Mode::Prompt(_) => Scope::Prompt,
            Mode::Question(_) => Scope::Question,
            Mode::Overlay(_) => Scope::Overlay,
        }
    }

    /// The list of a pane.
    pub(crate) fn list(&self, pane: Pane) -> &dyn Scroll {
        match pane {
            Pane::Routing => &self.routing.list,
            Pane::Shares => &self.shares.list,
            Pane::Results => &self.results.list,
            Pane::Transfers => &self.transfers.list,
        }
    }

    fn list_mut(&mut self, pane: Pane) -> &mut dyn Scroll {
        match pane {
            Pane::Routing => &mut self.routing.list,
            Pane::Shares => &mut self.shares.list,
            Pane::Results => &mut self.results.list,
            Pane::Transfers => &mut self.transfers.list,
        }
    }

    /// How many rows of a pane are on the screen.
    fn visible(&self, pane: Pane) -> usize {
        self.layout().map_or(0, |layout| layout.visible(pane))
    }

    fn send(&mut self, command: Command, purpose: Purpose) {
        if self.gone {
            return self.tell(NoticeLevel::Error, GONE, Some(GONE_HINT));
        }
        self.last_id += 1;
        self.pending.insert(self.last_id, purpose);
        self.effects.push(Effect::Send(Request { id: self.last_id, command }));
    }

    fn tell(&mut self, level: NoticeLevel, text: &str, hint: Option<&str>) {
        self.notices.add(level, text, hint, self.now_ms);
    }

    fn key(&mut self, event: &KeyEvent) {
        if event.kind == KeyEventKind::Release {
            return;
        }
        let chord = Chord::of(event);
        match keymap::find(self.scope(), chord) {
            Some(action) => self.act(action),
            None => {
                if let (Mode::Prompt(prompt), KeyCode::Char(c), KeyModifiers::NONE) =
                    (&mut self.mode, chord.code, chord.modifiers)
                {
                    prompt.type_char(c);
                    self.text_changed();
                }
            }
        }
    }
}

/// Takes one input: the only way the state changes.
pub fn update(state: &mut State, input: Input) -> Vec<Effect> {
    // What was refused is not asked for again at once: the queue is as full as it was.
    let may_read = !matches!(input, Input::Refused(_));
    match input {
        Input::Tick(now_ms) => state.now_ms = now_ms,
        Input::Key(event) => state.key(&event),
        Input::Paste(text) => state.paste(&text),
        Input::Resize(size) => state.resize(size),
        Input::Output(output) => state.take(*output),
        Input::Refused(id) => state.refused(id),
        Input::NodeGone => state.node_gone(),
        Input::Copied { what, result: Ok(()) } => {
            let hint = format!("nothing to paste? {}", what.elsewhere());
            state.tell(NoticeLevel::Info, &format!("copied {what}"), Some(&hint));
        }
        Input::Copied { what, result: Err(why) } => {
            let text = format!("could not copy {what}: {why}");
            state.tell(NoticeLevel::Error, &text, Some(what.elsewhere()));
        }
        Input::Fault(why) => {
            let hint = "leave and start again; the log has more";
            state.tell(
                NoticeLevel::Error,
                &format!("a part of the program failed: {why}"),
                Some(hint),
            );
        }
    }
    if may_read {
        state.schedule_reads();
    }
    std::mem::take(&mut state.effects)
}
