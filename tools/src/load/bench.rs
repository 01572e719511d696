//! Bots without a seat: watchers, who see a pair's games, and those who only look at the lobby.

use std::sync::Arc;
use std::time::Duration;

use nineflags::ids::TableId;
use nineflags::protocol::{Ask, ClosedWhy, NoticeCode, RefusalCode};
use nineflags::table::record::Tip;
use tokio::sync::watch;
use tokio::time::Instant;

use super::frame::{Noticed, TableHeard};
use super::link::{Event, Link};
use super::measure::Flights;
use super::memory::Witness;

/// How often a watcher looks at the board.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long the end of the last game is waited for, once its players are gone.
const LAST_END_WITHIN: Duration = Duration::from_secs(5);

/// A bot that watches every game of a pair.
pub struct Watcher {
    link: Link,
    name: String,
    board: watch::Receiver<Option<TableId>>,
    watched: Option<Watched>,
    /// The last table it is done with.
    done_with: Option<TableId>,
    same_version: bool,
    try_at: Instant,
}

struct Watched {
    witness: Witness,
    flights: Arc<Flights>,
    /// The newest tip it has seen, over all connections.
    tip: Tip,
    /// How many records it has seen over this connection; nothing before the first view.
    number: Option<u32>,
    /// It was asked for over this connection.
    asked: bool,
}

impl Watcher {
    /// A watcher of whatever the board tells of.
    pub fn new(link: Link, name: String, board: watch::Receiver<Option<TableId>>) -> Self {
        let try_at = Instant::now();
        Self { link, name, board, watched: None, done_with: None, same_version: true, try_at }
    }

    /// Watches until the players are gone.
    pub async fn watch(mut self) -> Result<(), String> {
        let mut gone_since = None;
        loop {
            if self.board.has_changed().is_err() {
                let since = *gone_since.get_or_insert_with(Instant::now);
                if self.watched.is_none() || since.elapsed() > LAST_END_WITHIN {
                    break;
                }
            }
            match self.link.next(Instant::now() + LOOK_EVERY).await? {
                Event::Welcome(welcomed) => {
                    self.same_version = welcomed.server == env!("CARGO_PKG_VERSION");
                    if let Some(watched) = &mut self.watched {
                        watched.witness.same_version &= self.same_version;
                    }
                    self.lost();
                    self.link.recovered();
                    self.link.resend().await;
                }
                Event::Table(heard) => self.table(*heard),
                Event::Refused(pending, refused) => self.refused(&pending.ask, refused.code()),
                Event::Closed(table, ClosedWhy::Finished) => self.leave(table),
                Event::Notice(noticed) if noticed.code == NoticeCode::WentBack => self.went_back(&noticed),
                Event::Done(pending, ..) => self.joined(&pending.ask).await,
                Event::Saved(table, number) => self.saved(table, number),
                Event::Closed(..) | Event::Invites(_) | Event::Notice(..) | Event::Time => {}
            }
            self.look_at_board().await;
        }
        self.leave_early();
        self.link.close().await;
        Ok(())
    }

    /// The node it was watched at is gone; it is asked for again.
    fn lost(&mut self) {
        if let Some(watched) = &mut self.watched {
            if let Some(number) = watched.number.take() {
                watched.flights.unwatch(number);
            }
            watched.asked = false;
        }
        self.try_at = Instant::now();
    }

    async fn look_at_board(&mut self) {
        let Some(table) = *self.board.borrow() else { return };
        if Some(table) == self.done_with || Instant::now() < self.try_at {
            return;
        }
        if self.watched.as_ref().is_some_and(|watched| watched.witness.table != table) {
            self.leave_early();
        }
        let watched = self.watched.get_or_insert_with(|| {
            let mut witness = Witness::new(table, self.name.as_str());
            witness.same_version = self.same_version;
            let flights = self.link.stage.flights(table);
            Watched { witness, flights, tip: Tip::default(), number: None, asked: false }
        });
        if !watched.asked {
            watched.asked = true;
            self.link.ask(Ask::Watch { table }).await;
        }
    }

    fn table(&mut self, heard: TableHeard) {
        let Some(watched) = self.watched.as_mut().filter(|watched| watched.witness.table == heard.table)
        else {
            return;
        };
        let meters = &self.link.stage.meters;
        if let Some(leak) = &heard.leak {
            meters.fault(format!("{} at {}: {leak}", self.name, heard.table));
        }
        watched.witness.see(heard.seen, &heard.commitment, heard.ending);
        watched.witness.hear_how_safe(&heard.tip, heard.unsaved, heard.saved);
        let number = heard.tip.number;
        match watched.number {
            Some(before) => watched.flights.watcher_saw(before, number, meters),
            None => watched.flights.watch(),
        }
        watched.number = Some(watched.number.unwrap_or(number).max(number));
        if number >= watched.tip.number {
            watched.tip = heard.tip;
        }
    }

    /// It is watched, perhaps again: then the node is told how far it was seen before.
    async fn joined(&mut self, ask: &Ask) {
        let Ask::Watch { table } = ask else { return };
        let seen = self.watched.as_ref().filter(|watched| watched.witness.table == *table);
        if let Some(tip) = seen.map(|watched| watched.tip.clone()).filter(|tip| tip.number > 0) {
            self.link.ask(Ask::Seen { table: *table, tip, sealed: Vec::new() }).await;
        }
    }

    fn went_back(&mut self, noticed: &Noticed) {
        // It may be of a table that was watched before.
        let is_meant = |watched: &&mut Watched| noticed.is_of(watched.witness.table);
        if let Some(watched) = self.watched.as_mut().filter(is_meant) {
            watched.witness.hear_went_back(noticed.to());
            watched.tip = Tip::default();
        }
    }

    fn refused(&mut self, ask: &Ask, code: RefusalCode) {
        let Ask::Watch { table } = ask else { return };
        self.try_at = Instant::now() + LOOK_EVERY * 2;
        if let Some(watched) = &mut self.watched {
            watched.asked = false;
        }
        // Such a refusal may also come from a node that cannot reach its store, and so it is tried again.
        if code == RefusalCode::NoTable && self.board.has_changed().is_err() {
            self.leave(*table);
        }
    }

    fn leave(&mut self, table: TableId) {
        if self.watched.as_ref().is_some_and(|watched| watched.witness.table == table) {
            self.end();
            self.done_with = Some(table);
        }
    }

    fn saved(&mut self, table: TableId, number: u32) {
        if let Some(watched) = self.watched.as_mut().filter(|watched| watched.witness.table == table) {
            watched.witness.hear_saved(number);
        }
    }

    /// Looks no longer at a table that is not put away yet.
    fn leave_early(&mut self) {
        if let Some(watched) = &mut self.watched {
            watched.witness.leave();
        }
        self.end();
    }

    fn end(&mut self) {
        if let Some(watched) = self.watched.take() {
            if let Some(number) = watched.number {
                watched.flights.unwatch(number);
            }
            self.link.stage.testify(watched.witness);
        }
    }
}

/// A bot that only looks at the lobby, until it is told to stop.
pub async fn idle(mut link: Link, mut stop: watch::Receiver<bool>) -> Result<(), String> {
    let listening = async {
        loop {
            if let Event::Welcome(_) = link.next(Instant::now() + Duration::from_mins(1)).await? {
                link.recovered();
            }
        }
    };
    tokio::select! {
        ended = listening => ended,
        // A sender that is gone says the same.
        _ = stop.wait_for(|stop| *stop) => Ok(()),
    }
}
