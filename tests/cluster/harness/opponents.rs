//! Two players in one game, which is compared with all that they were told.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use nineflags::ids::{RequestId, TableId};
use nineflags::protocol::{Ask, RefusalCode, TableView, Update};
use nineflags::rules::seat::{BySeat, Seat};
use nineflags::table::options::TableOptions;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::bot::{Dice, choose, must_wait};
use super::browser::try_http;
use super::player::{AGAIN_AFTER, Player, fresh_id};
use super::process::WITHIN;

/// A request of moves without a known fate.
struct Pending {
    seat: Seat,
    id: RequestId,
    ask: Ask,
}

/// What became of one attempt to move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It was done, and may be unsaved.
    Done {
        /// It was said to be.
        unsaved: bool,
    },
    /// It was refused: the game has moved on.
    Late,
    /// Refused for want of the store, or the websocket was closed: it will be repeated.
    Unknown,
    /// The game is over.
    Over,
}

/// Two players at a table.
pub struct Opponents {
    /// The two players, by seat.
    pub players: BySeat<Player>,
    /// The table.
    pub table: TableId,
    pending: Option<Pending>,
    /// The moves that were chosen last at each number of records.
    chosen: HashMap<u32, Vec<String>>,
    dice: Dice,
}

impl Opponents {
    /// Two guests, each with nodes to go to, at a new table.
    pub async fn meet(first: &[SocketAddr], second: &[SocketAddr], seed: u64) -> Self {
        let mut one = Player::guest(first).await;
        let mut other = Player::guest(second).await;
        let (from, to) = (one.browser.name.clone(), other.browser.name.clone());
        let invited = one.ask(Ask::Invite { to, options: TableOptions::default(), resume: None }).await;
        assert!(matches!(invited, Update::Done { .. }), "{invited:?}");
        let table = match other.ask(Ask::Accept { from, invite: None }).await {
            Update::Done { table: Some(table), .. } => table,
            refused => panic!("the invite cannot be accepted: {refused:?}"),
        };
        let is_first = one.until_view(table, 1).await.names.first == one.browser.name;
        let (first, second) = if is_first { (one, other) } else { (other, one) };
        Self {
            players: BySeat { first, second },
            table,
            pending: None,
            chosen: HashMap::new(),
            dice: Dice(seed),
        }
    }

    /// The newest record that somebody was told is there, and no word undid.
    pub fn newest(&self) -> u32 {
        Seat::BOTH.into_iter().map(|seat| self.players[seat].newest()).max().unwrap_or(0)
    }

    /// Whose turn it is, as the first seat sees it.
    pub async fn turn(&mut self) -> Option<Seat> {
        let newest = self.newest();
        self.players.first.until_view(self.table, newest).await.view.turn
    }

    /// Sends one request of moves, or once more the one without a known fate.
    pub async fn attempt(&mut self) -> Attempt {
        let Some(Pending { seat, id, ask }) = self.next_request().await else { return Attempt::Over };
        let player = &mut self.players[seat];
        match player.ask_once(&id, &ask).await {
            Some(Update::Done { tip: Some(tip), .. }) => Attempt::Done { unsaved: player.acknowledge(tip) },
            Some(Update::Refused { code: RefusalCode::OldTip | RefusalCode::WentBack, .. }) => Attempt::Late,
            Some(Update::Refused { code: RefusalCode::Unavailable, .. }) | None => {
                self.pending = Some(Pending { seat, id, ask });
                Attempt::Unknown
            }
            Some(other) => panic!("{ask:?} is neither done nor chosen too late: {other:?}"),
        }
    }

    async fn next_request(&mut self) -> Option<Pending> {
        if let Some(pending) = self.pending.take() {
            return Some(pending);
        }
        loop {
            let turn = self.turn().await?;
            let newest = self.newest();
            let own = self.players[turn].until_view(self.table, newest).await;
            if own.view.turn == Some(turn) && !must_wait(&own) {
                let moves = choose(&own, &mut self.dice);
                self.chosen.insert(own.tip.number, moves.clone());
                let ask = Ask::Move { table: self.table, tip: own.tip, moves };
                return Some(Pending { seat: turn, id: fresh_id(), ask });
            }
            // One of the two is behind, or waits to see what it drew: what both have been sent since is read before they are compared again.
            for seat in Seat::BOTH {
                if let Ok(None) = timeout(AGAIN_AFTER, self.players[seat].browser.next()).await {
                    self.players[seat].come_back().await;
                }
            }
        }
    }

    /// Has a seat lay another card than it did from the same view, or lay it elsewhere.
    pub async fn move_otherwise(&mut self, seat: Seat, view: TableView) {
        let chosen = self.chosen.get(&view.tip.number).and_then(|moves| moves.first());
        let places = &view.view.choices.as_ref().expect("choices for the seat on turn").place;
        let mut all =
            places.iter().flat_map(|(card, flags)| flags.iter().map(move |flag| format!("{card}@{flag}")));
        let other = all.find(|play| Some(play) != chosen).expect("another move");
        let moves = vec![other];
        self.pending = Some(Pending {
            seat,
            id: fresh_id(),
            ask: Ask::Move { table: self.table, tip: view.tip, moves },
        });
        assert!(self.step().await, "the game is over");
    }

    /// Makes one request of moves, repeated until its fate is known; false once the game is over.
    pub async fn step(&mut self) -> bool {
        loop {
            match self.attempt().await {
                Attempt::Done { .. } | Attempt::Late => return true,
                Attempt::Over => return false,
                Attempt::Unknown => {
                    sleep(AGAIN_AFTER).await;
                    if let Some(Pending { seat, .. }) = &self.pending {
                        self.players[*seat].come_back_if_closed().await;
                    }
                }
            }
        }
    }

    /// Plays until there are so many records; false if the game ends before.
    pub async fn play_to(&mut self, records: u32) -> bool {
        let play = async {
            while self.newest() < records {
                if !self.step().await {
                    return false;
                }
            }
            true
        };
        timeout(WITHIN, play).await.expect("the game goes on in time")
    }

    /// Plays so many records on.
    pub async fn play_on(&mut self, records: u32) {
        assert!(self.play_to(self.newest() + records).await, "the game is over too early");
    }

    /// Waits until the last move is said to be saved.
    pub async fn until_saved(&mut self) {
        let (table, newest) = (self.table, self.newest());
        let first = &mut self.players.first;
        let saved = async {
            while first.saved(table) < newest {
                if first.browser.next().await.is_none() {
                    first.come_back().await;
                }
            }
        };
        timeout(WITHIN, saved).await.expect("the last move is saved in time");
    }

    /// Plays to the end, and compares the archive, read at a node, with every answer. Gives how many moves were undone
    /// with a word.
    pub async fn finish_and_check(mut self, node: SocketAddr) -> usize {
        self.play_to(u32::MAX).await;
        self.check(node).await
    }

    /// The same for a game that is over.
    pub async fn check(self, node: SocketAddr) -> usize {
        let game = archived(node, self.table).await;
        let mut undone = 0;
        for player in self.players.iter() {
            player.check_that_nothing_went_back_silently(self.table);
            for acknowledged in &player.acknowledged {
                let tip = &acknowledged.tip;
                if game["entries"][tip.number as usize - 1]["hash"] != tip.hash.to_string() {
                    assert!(
                        player.was_undone(acknowledged),
                        "record {} is not the one acknowledged",
                        tip.number
                    );
                    assert!(
                        !player.was_saved(acknowledged, self.table),
                        "record {} was said to be saved",
                        tip.number
                    );
                    undone += 1;
                }
            }
        }
        undone
    }
}

/// A finished game, as soon as it is in the archive.
pub async fn archived(node: SocketAddr, table: TableId) -> Value {
    let read = async {
        loop {
            let reply = try_http(node, "GET", &format!("/api/game/{table}")).await;
            if let Some(game) = reply.filter(|reply| reply.status == 200) {
                return game.json();
            }
            sleep(Duration::from_millis(100)).await;
        }
    };
    timeout(WITHIN, read).await.expect("the game is archived in time")
}
