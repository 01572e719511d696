//! What a player bot makes of all it is told.

use std::time::Duration;

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, ClosedWhy, Invites, RefusalCode};
use tokio::time::Instant;

use super::frame::{Carried, Noticed, Refused, TableHeard, Welcomed};
use super::history::What;
use super::link::Pending;
use super::memory::AnswersBack;
use super::player::{Player, RETRY_MS};
use super::seated::Seated;

impl Player {
    pub(super) async fn welcome(&mut self, welcomed: Welcomed) {
        self.same_version = welcomed.server == env!("CARGO_PKG_VERSION");
        if let Some(place) = self.link.place() {
            self.stage().history.connected(self.pair, usize::from(self.board.is_none()), place);
        }
        for seated in [&mut self.seated, &mut self.parked].into_iter().flatten() {
            seated.lose_connection();
        }
        self.invites(&welcomed.invites);
        self.expecting = None;
        let shown = welcomed.table.as_ref().map(|heard| heard.table);
        let held = |seated: &Seated| (seated.table(), seated.tip.clone(), seated.sealed());
        match (self.seated.as_ref().map(held), shown) {
            (Some((table, tip, sealed)), Some(shown)) if shown == table => {
                self.link.ask(Ask::Seen { table, tip, sealed }).await;
            }
            (Some((table, ..)), _) if welcomed.games.saved.iter().any(|row| row.table == table) => {
                self.parked = self.seated.take();
                self.link.recovered();
            }
            (Some(_), _) => {
                self.unsure();
                self.link.recovered();
            }
            (None, _) => self.link.recovered(),
        }
        if let Some(heard) = welcomed.table {
            self.table(heard);
        }
        if let Some(seated) = &mut self.seated {
            seated.witness.same_version &= self.same_version;
        }
        self.link.resend().await;
        self.due = Instant::now();
    }

    fn unsure(&mut self) {
        if let Some(seated) = &mut self.seated {
            seated.unsure = true;
        }
        self.due = Instant::now();
    }

    pub(super) fn invites(&mut self, invites: &Invites) {
        self.invited = invites.received.iter().any(|invite| invite.name == self.partner);
        if self.invited && self.seated.is_none() {
            self.due = Instant::now();
        }
    }

    pub(super) fn table(&mut self, heard: TableHeard) {
        self.expecting = None;
        let stage = self.stage();
        if let Some(leak) = &heard.leak {
            stage.meters.fault(format!("{} at {}: {leak}", self.name, heard.table));
        }
        self.sit_down(heard.table);
        let before = self.answers_back();
        let chooses = self.seated.as_mut().is_some_and(|seated| seated.take(heard, &stage.meters));
        self.note_if_back(before);
        if chooses {
            self.due = Instant::now() + Duration::from_millis(self.dice.about_ms(stage.options.pause_ms));
        }
    }

    /// Sits down where a view comes from, unless it sits there.
    fn sit_down(&mut self, table: TableId) {
        if self.seated.as_ref().is_some_and(|seated| seated.table() == table) {
            return;
        }
        if let Some(parked) = self.parked.take_if(|parked| parked.table() == table) {
            self.seated = Some(parked);
            return;
        }
        let stage = self.stage();
        if let Some(before) = &self.seated {
            if !before.over && !before.unsure {
                stage.meters.fault(format!("{} sits at {} and at {table}", self.name, before.table()));
            }
            self.finish();
        }
        let mut seated = Seated::new(table, self.name.as_str(), stage.flights(table));
        seated.witness.same_version = self.same_version;
        self.seated = Some(seated);
        if let Some(board) = &self.board {
            board.send_replace(Some(table));
        }
    }

    pub(super) fn saved(&mut self, table: TableId, number: u32) {
        if let Some(seated) = self.seated.as_mut().filter(|seated| seated.table() == table) {
            seated.hear_saved(number);
        }
    }

    pub(super) fn done(&mut self, pending: Pending, carried: Carried) {
        let sent = pending.last_sent.into_std();
        let moves = match pending.ask {
            Ask::Move { moves, .. } => moves,
            Ask::Resign { .. } => vec!["resign".to_owned()],
            Ask::Seen { .. } => return self.link.recovered(),
            Ask::Accept { .. } => {
                self.expecting = self.seated.is_none().then(Instant::now);
                return;
            }
            _ => return,
        };
        let (Some(at), Some(tip)) = (carried.table, carried.tip) else {
            let words = format!("{}: moves were done without a tip", self.name);
            return self.link.stage.meters.fault(words);
        };
        self.link.stage.meters.counts().records += moves.len() as u64;
        let accepted = What::Accepted { table: at, number: tip.number, sent, unsaved: carried.unsaved };
        self.link.stage.history.note(self.pair, accepted);
        let tables = [&mut self.seated, &mut self.parked].into_iter().flatten();
        if let Some(seated) = tables.into_iter().find(|seated| seated.table() == at) {
            seated.heard = Instant::now();
            if carried.unsaved {
                seated.witness.done_unsaved(pending.id, &tip, moves);
            } else {
                seated.witness.done(pending.id, &tip, moves);
            }
        }
        // The view may have come before the answer.
        let ready = self.seated.as_ref().is_some_and(|seated| seated.to_choose.is_some());
        if ready && self.link.stage.options.pause_ms == 0 {
            self.due = Instant::now();
        }
    }

    pub(super) async fn refused(&mut self, pending: Pending, refused: &Refused) {
        self.soon();
        let (code, words) = (refused.code(), &refused.words);
        // These pass: the request is made again, as it was.
        if matches!(
            code,
            RefusalCode::Unavailable | RefusalCode::TooMany | RefusalCode::Upgrading | RefusalCode::Frozen
        ) {
            tokio::time::sleep(Duration::from_millis(self.dice.about_ms(RETRY_MS))).await;
            return self.link.ask_again(pending).await;
        }
        match &pending.ask {
            // A notice came before, and was acted on.
            Ask::Seen { .. } if code == RefusalCode::WentBack => self.link.recovered(),
            // The game ended meanwhile: nothing more is waited for.
            Ask::Seen { .. } => {
                self.link.recovered();
                self.unsure();
            }
            Ask::Move { tip, moves, .. } => {
                let faulty =
                    matches!(code, RefusalCode::Illegal | RefusalCode::NotProved | RefusalCode::Malformed);
                if faulty {
                    let words = format!("{} chose {moves:?}, as was offered, but: {words}", self.name);
                    self.link.stage.meters.fault(words);
                }
                let grown = u32::try_from(moves.len()).unwrap_or(u32::MAX);
                let number = tip.number.saturating_add(grown);
                self.move_refused(pending, number, code);
            }
            Ask::Resign { .. } if code == RefusalCode::NoTable => self.unsure(),
            Ask::Invite { .. } if code == RefusalCode::YouArePlaying && self.seated.is_none() => {
                self.expecting.get_or_insert_with(Instant::now);
            }
            // Whoever sent it is on its way back; the invite stands.
            Ask::Accept { .. } if code == RefusalCode::NotOnline => {}
            Ask::Accept { .. } => self.invited = false,
            _ => {}
        }
    }

    fn move_refused(&mut self, pending: Pending, number: u32, code: RefusalCode) {
        let Some(seated) = &mut self.seated else { return };
        seated.flights.refused(number);
        match code {
            RefusalCode::NoTable | RefusalCode::NotRunning | RefusalCode::NotSeated if !seated.over => {
                self.unsure();
            }
            _ => {}
        }
        if let Some(seated) = &mut self.seated
            && let Ask::Move { tip, moves, .. } = pending.ask
        {
            seated.witness.refuse(pending.id, &tip, moves);
        }
    }

    pub(super) fn went_back(&mut self, noticed: &Noticed) {
        let before = self.answers_back();
        if let Some(seated) = self.seated.as_mut().filter(|seated| noticed.is_of(seated.table())) {
            seated.went_back(noticed.to());
        }
        self.note_if_back(before);
        self.due = Instant::now();
    }

    fn answers_back(&self) -> AnswersBack {
        self.seated.as_ref().map(|seated| seated.witness.answers_back).unwrap_or_default()
    }

    fn note_if_back(&self, before: AnswersBack) {
        let AnswersBack { accepted, unsaved } = self.answers_back();
        let back = What::WentBack {
            accepted: accepted.saturating_sub(before.accepted),
            unsaved: unsaved.saturating_sub(before.unsaved),
        };
        if before != self.answers_back() {
            self.link.stage.history.note(self.pair, back);
        }
    }

    pub(super) fn closed(&mut self, table: TableId, why: ClosedWhy) {
        if self.seated.as_ref().is_none_or(|seated| seated.table() != table) {
            return;
        }
        match why {
            ClosedWhy::Finished => self.finish(),
            ClosedWhy::Saved => self.parked = self.seated.take(),
            ClosedWhy::Unwatched => {}
        }
        self.due = Instant::now();
    }
}
