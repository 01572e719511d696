//! A bot with a seat: meets its partner, plays whole games, and remembers all it was told.

use std::sync::Arc;
use std::time::Duration;

use nineflags::ids::{AccountName, TableId};
use nineflags::protocol::{Ask, NoticeCode};
use tokio::sync::watch;
use tokio::time::Instant;

use super::choice::{self, Dice};
use super::dial;
use super::history::What;
use super::link::{Event, Link};
use super::seated::Seated;
use super::stage::Stage;

/// How often a bot looks at the time when nothing happens.
const TICK: Duration = Duration::from_secs(1);
/// Pause before something refused is tried again.
pub const RETRY_MS: u64 = 250;
/// How long an invite is left to the partner before it is sent again.
const INVITE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a table that must be there may take to be shown, and the other seat to move beyond its thinking.
const TABLE_PATIENCE: Duration = Duration::from_secs(20);

/// A bot with a seat.
pub struct Player {
    /// Its connection.
    pub link: Link,
    /// Which pair it belongs to.
    pub pair: usize,
    /// Its own chance.
    pub dice: Dice,
    /// Its name.
    pub name: AccountName,
    /// Whom it plays with.
    pub partner: AccountName,
    /// Where the pair's watchers read which table is played at; the one that has it sends the invites.
    pub board: Option<watch::Sender<Option<TableId>>>,
    /// The table it sits at.
    pub seated: Option<Seated>,
    /// A table that was saved while nobody was there, to be resumed.
    pub parked: Option<Seated>,
    /// How many games are over.
    pub games: u32,
    /// When to do the next thing.
    pub due: Instant,
    /// The partner's invite stands.
    pub invited: bool,
    /// Since when a table is expected to be shown.
    pub expecting: Option<Instant>,
    /// Its node is of this program's version, whose views the judge makes again.
    pub same_version: bool,
}

impl Player {
    /// A bot that has not connected yet.
    pub fn new(
        link: Link,
        dice: Dice,
        pair: usize,
        names: (AccountName, AccountName),
        board: Option<watch::Sender<Option<TableId>>>,
    ) -> Self {
        Self {
            link,
            pair,
            dice,
            name: names.0,
            partner: names.1,
            board,
            seated: None,
            parked: None,
            games: 0,
            due: Instant::now(),
            invited: false,
            same_version: true,
            expecting: None,
        }
    }

    /// What all bots share.
    pub(super) fn stage(&self) -> Arc<Stage> {
        Arc::clone(&self.link.stage)
    }

    /// Plays until all games are over; fails when it cannot go on.
    pub async fn play(mut self) -> Result<(), String> {
        while !self.is_finished() {
            let now = Instant::now();
            match self.link.next(self.due.clamp(now, now + TICK)).await? {
                Event::Welcome(welcomed) => self.welcome(*welcomed).await,
                Event::Table(heard) => self.table(*heard),
                Event::Invites(invites) => self.invites(&invites),
                Event::Done(pending, carried) => self.done(pending, carried),
                Event::Refused(pending, refused) => self.refused(pending, &refused).await,
                Event::Saved(table, number) => self.saved(table, number),
                Event::Closed(table, why) => self.closed(table, why),
                Event::Notice(noticed) if noticed.code == NoticeCode::WentBack => self.went_back(&noticed),
                Event::Notice(..) | Event::Time => {}
            }
            if Instant::now() >= self.due {
                self.due = Instant::now() + TICK;
                self.act().await;
            }
        }
        self.link.close().await;
        Ok(())
    }

    fn is_finished(&self) -> bool {
        let enough = self.games >= self.link.stage.options.games_most() || self.link.stage.is_finishing();
        enough
            && self.seated.is_none()
            && self.parked.is_none()
            && self.link.pending().next().is_none()
            && self.expecting.is_none()
    }

    /// Whether a request that makes records is not answered.
    fn awaits_a_move(&self) -> bool {
        self.link.pending().any(|pending| matches!(pending.ask, Ask::Move { .. } | Ask::Resign { .. }))
    }

    fn is_busy(&self) -> bool {
        self.link.pending().any(|pending| !matches!(pending.ask, Ask::Seen { .. }))
    }

    /// Something else is done after a little pause.
    pub(super) fn soon(&mut self) {
        let pause = self.dice.about_ms(RETRY_MS);
        self.due = Instant::now() + Duration::from_millis(pause);
    }

    async fn act(&mut self) {
        self.look_for_stalls();
        if self.is_busy() {
            return;
        }
        if self.seated.as_ref().is_some_and(|seated| seated.unsure) {
            return self.look_for_the_end().await;
        }
        if self.seated.is_some() {
            return self.act_at_table().await;
        }
        let stage = self.stage();
        let more = self.games < stage.options.games_most() && !stage.is_finishing();
        let resume = self.parked.as_ref().map(Seated::table);
        if !stage.is_everyone_in() {
            // Not all at once then, either.
            let pause = self.dice.about_ms(stage.options.pause_ms.max(RETRY_MS));
            self.due = Instant::now() + Duration::from_millis(pause);
            return;
        }
        if self.board.is_some() && (more || resume.is_some()) {
            let options = choice::options(&mut self.dice);
            self.due = Instant::now() + INVITE_PATIENCE;
            self.link.ask(Ask::Invite { to: self.partner.clone(), options, resume }).await;
        } else if self.board.is_none() && self.invited && !stage.is_finishing() {
            self.link.ask(Ask::Accept { from: self.partner.clone(), invite: None }).await;
        }
    }

    async fn act_at_table(&mut self) {
        let stopping = self.link.stage.is_stopping();
        let Some(seated) = self.seated.as_mut().filter(|seated| !seated.over) else { return };
        let table = seated.table();
        if stopping {
            return self.link.ask(Ask::Resign { table }).await;
        }
        let Some(view) = &seated.to_choose else { return };
        let Some(moves) = choice::choose(view, &mut self.dice) else {
            return self.link.stage.history.note(self.pair, What::Waits);
        };
        let grown = u32::try_from(moves.len()).unwrap_or(u32::MAX);
        seated.flights.sent(seated.tip.number.saturating_add(grown), view.viewer);
        self.link.ask(Ask::Move { table, tip: seated.tip.clone(), moves }).await;
    }

    /// What was expected and did not come in time is looked for over a new connection.
    fn look_for_stalls(&mut self) {
        let pause = Duration::from_millis(self.link.stage.options.pause_ms);
        let patience = TABLE_PATIENCE + pause * 2;
        let silent = self.seated.as_ref().is_some_and(|seated| seated.heard.elapsed() > patience);
        let missing = self.expecting.is_some_and(|since| since.elapsed() > TABLE_PATIENCE);
        if silent || missing {
            self.expecting = None;
            if let Some(seated) = &mut self.seated {
                seated.heard = Instant::now();
            }
            self.link.give_up();
        }
    }

    /// The seat is gone: either the game is over, or the node could not see it.
    async fn look_for_the_end(&mut self) {
        let Some(table) = self.seated.as_ref().map(Seated::table) else { return };
        let stage = self.stage();
        let path = format!("/api/game/{table}");
        match dial::exchange(stage.target(), None, &path, None).await {
            Ok(reply) if reply.status == 200 => self.finish(),
            _ => {
                stage.meters.counts().lost_seats += 1;
                if let Some(seated) = &mut self.seated {
                    seated.unsure = false;
                }
                self.link.give_up();
                self.soon();
            }
        }
    }

    /// What it waits for, in words.
    fn waits_for(&self) -> String {
        let seat = |seated: &Seated| {
            let Seated { tip, over, unsure, to_choose, heard, .. } = seated;
            let (table, heard_s) = (seated.table(), heard.elapsed().as_secs());
            let own = to_choose.is_some();
            format!(
                "{table} at {}, own turn {own}, over {over}, unsure {unsure}, heard {heard_s} s ago",
                tip.number
            )
        };
        let table = self.seated.as_ref().map(seat).unwrap_or_default();
        let parked = self.parked.as_ref().map(seat).unwrap_or_default();
        // The kind and the table are enough: the rest of a request may be long.
        let words = |ask: &Ask| format!("{ask:?}").chars().take(80).collect::<String>();
        let pending: Vec<String> = self.link.pending().map(|pending| words(&pending.ask)).collect();
        let Self { name, partner, pair, invited, games, .. } = self;
        format!(
            "{name} of pair {pair} (with {partner}) waits: table [{table}], saved table [{parked}], unanswered \
             {pending:?}, invited {invited}, connected to {:?}, {games} games over",
            self.link.place()
        )
    }

    /// The game is over.
    pub(super) fn finish(&mut self) {
        let unanswered = self.awaits_a_move();
        if let Some(mut seated) = self.seated.take() {
            seated.witness.unanswered |= unanswered;
            self.games += 1;
            let stage = self.stage();
            stage.history.note(self.pair, What::Over);
            if self.board.is_some() {
                stage.meters.counts().games_over += 1;
            }
            stage.testify(seated.into_witness());
        }
        self.due = Instant::now();
    }
}

impl Drop for Player {
    /// Whatever happens to a bot, what it saw is heard.
    fn drop(&mut self) {
        if self.link.stage.is_given_up() && !self.is_finished() {
            let words = self.waits_for();
            self.link.stage.meters.fault(words);
        }
        let unanswered = self.awaits_a_move();
        for mut seated in [self.seated.take(), self.parked.take()].into_iter().flatten() {
            seated.witness.unanswered |= unanswered;
            self.link.stage.testify(seated.into_witness());
        }
    }
}
