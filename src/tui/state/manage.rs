//! What is done to the selected transfer, and to the limits of the node.

use crate::{
    application::message::{
        Command, Limits, LimitsChange, NoticeLevel, QueuePlace, Rate, TransferRow, TransferState,
        Tuning, parse_rates,
    },
    domain::untrusted::visible,
};

use super::{Action, Mode, Purpose, State, pane::Pane, prompt::PromptKind};

impl State {
    /// Enter: the detail; or what ended without the file is fetched again.
    pub(super) fn open_transfer(&mut self) {
        match self.transfers.list.selected().cloned() {
            Some(row) if row.state == TransferState::Cancelled => {
                self.get(row.link, row.name.raw());
            }
            Some(row) if row.state.is_over() && row.state != TransferState::Done => {
                self.resume_row(&row);
            }
            _ => self.zoom(true),
        }
    }

    /// Pauses what would go on, and has go on what stands still.
    pub(super) fn pause_or_resume(&mut self) {
        let Some(row) = self.changeable(Action::Pause) else { return };
        match row.state {
            TransferState::Paused | TransferState::Failed(_) => self.resume_row(&row),
            _ => self.pause_row(&row),
        }
    }

    /// The verb `pause`.
    pub(super) fn pause(&mut self) {
        let Some(row) = self.changeable(Action::Pause) else { return };
        match row.state {
            TransferState::Paused => self.tell_of(&row, "is paused already"),
            TransferState::Failed(_) => self.tell_of(&row, "is over already"),
            _ => self.pause_row(&row),
        }
    }

    /// The verb `resume`.
    pub(super) fn resume(&mut self) {
        let Some(row) = self.changeable(Action::Pause) else { return };
        match row.state {
            TransferState::Paused | TransferState::Failed(_) | TransferState::Waiting { .. } => {
                self.resume_row(&row);
            }
            _ => self.tell_of(&row, "is on its way already"),
        }
    }

    fn pause_row(&mut self, row: &TransferRow) {
        let name = row.name.raw().to_owned();
        self.send(Command::Pause { transfer: row.transfer }, Purpose::Pause(name));
    }

    fn resume_row(&mut self, row: &TransferRow) {
        let name = row.name.raw().to_owned();
        self.send(Command::Resume { transfer: row.transfer }, Purpose::Resume(name));
    }

    /// Makes the selected transfer more important, or less.
    pub(super) fn change_priority(&mut self, by: i8) {
        let Some(mut row) = self.unfinished(Action::Raise) else { return };
        row.priority = row.priority.saturating_add(by);
        let change = Tuning { priority: Some(row.priority), ..Tuning::default() };
        self.tune(&row, change);
        // Shown at once, so that the next key counts from here.
        self.transfers.list.update(&row);
    }

    /// Puts the selected transfer before or behind all others of its priority.
    pub(super) fn move_in_queue(&mut self, place: QueuePlace) {
        let Some(row) = self.unfinished(Action::ToFront) else { return };
        self.tune(&row, Tuning { place: Some(place), ..Tuning::default() });
    }

    /// The verb `limit`.
    pub(super) fn limit_transfer(&mut self, text: &str) -> Result<(), String> {
        let limit: Rate =
            text.parse().map_err(|why: crate::domain::units::BadLimit| why.to_string())?;
        if let Some(row) = self.unfinished(Action::Raise) {
            self.tune(&row, Tuning { limit: Some(limit), ..Tuning::default() });
        }
        Ok(())
    }

    fn tune(&mut self, row: &TransferRow, change: Tuning) {
        let name = row.name.raw().to_owned();
        let transfer = row.transfer;
        self.send(Command::Tune { transfer, change }, Purpose::Tune(name, change));
    }

    pub(super) fn tuned(&mut self, name: &str, change: Tuning) {
        let place = change.place.map(|place| match place {
            QueuePlace::First => "is the first of its priority",
            QueuePlace::Last => "is the last of its priority",
        });
        let limit = change.limit.map(|limit| match limit.0 {
            Some(_) => format!("receives at most {}", limit.about()),
            None => "has no limit of its own".to_owned(),
        });
        // A priority is seen at the transfer itself.
        if let Some(what) = place.map(str::to_owned).or(limit) {
            self.tell(NoticeLevel::Info, &format!("{name} {what}"), None);
        }
    }

    /// The selected transfer, if it can be paused or can go on; else says why not.
    fn changeable(&mut self, action: Action) -> Option<TransferRow> {
        let Some(row) = self.transfers.list.selected().cloned() else {
            self.nothing_to(action);
            return None;
        };
        if matches!(row.state, TransferState::Done | TransferState::Cancelled) {
            self.tell_of(&row, "is over already");
            return None;
        }
        Some(row)
    }

    /// The selected transfer, if it is not over; else says why not.
    fn unfinished(&mut self, action: Action) -> Option<TransferRow> {
        let row = self.changeable(action)?;
        if row.state.is_over() {
            self.tell_of(&row, "is over already");
            return None;
        }
        Some(row)
    }

    fn tell_of(&mut self, row: &TransferRow, what: &str) {
        self.tell(NoticeLevel::Info, &format!("{} {what}", row.name.raw()), None);
    }

    /// Opens the prompt of the limits with those that are in force, and asks for what is set.
    pub(super) fn ask_limits(&mut self) {
        let rates = self.snapshot.as_ref().map(|snapshot| snapshot.rates).unwrap_or_default();
        let text = in_words(Rate(rates.up_limit), Rate(rates.down_limit));
        self.ask(PromptKind::Limits, &text);
        if !self.gone {
            self.send(Command::Limits, Purpose::Limits(text));
        }
    }

    /// Takes the limits as they are set; a prompt that nobody typed into shows them.
    pub(super) fn take_limits(&mut self, shown: &str, limits: Limits) {
        if let Mode::Prompt(prompt) = &mut self.mode
            && prompt.kind == PromptKind::Limits
            && prompt.input.value() == shown
        {
            prompt.put(&in_words(limits.up, limits.down));
        }
        self.limits = Some(limits);
    }

    /// Sets the rates that a person wrote.
    pub(super) fn set_limits(&mut self, text: &str) -> Result<(), String> {
        let (up, down) = parse_rates(text).map_err(|why| why.to_string())?;
        if (up, down) == (None, None) {
            return Err("write up RATE, down RATE, or both".to_owned());
        }
        let change = LimitsChange { up, down, ..LimitsChange::default() };
        self.send(Command::SetLimits(change), Purpose::SetLimits);
        Ok(())
    }

    pub(super) fn limits_set(&mut self, limits: Limits) {
        let text = format!("limits: up {}, down {}", limits.up.about(), limits.down.about());
        let hint = match limits.in_force {
            now if now == (limits.up, limits.down) => {
                "until this node ends; its configuration says what it starts with".to_owned()
            }
            (up, down) => {
                format!("for other hours; now it is up {}, down {}", up.about(), down.about())
            }
        };
        self.tell(NoticeLevel::Info, &text, Some(&visible(&hint)));
        self.limits = Some(limits);
    }

    /// To where a verb shows what it does.
    pub(super) fn face_transfers(&mut self) {
        self.focus = Pane::Transfers;
        self.settle();
    }
}

/// Limits as the prompt takes them.
fn in_words(up: Rate, down: Rate) -> String {
    format!("up {up} down {down}")
}
