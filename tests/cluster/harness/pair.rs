//! Two players in a game on one node, who repeat what was refused for want of the store, and remember every answer.

use std::time::Duration;

use nineflags::ids::{RequestId, TableId};
use nineflags::protocol::{Ask, RefusalCode, TableView, Update};
use nineflags::rules::seat::Seat;
use nineflags::table::record::Tip;
use tempfile::TempDir;
use tokio::time::{sleep, timeout};

use super::bot::{Dice, choose, must_wait};
use super::browser::{Browser, http, seated};
use super::node::Node;
use super::process::WITHIN;
use super::trio::Trio;

/// Two players in a game on one node.
pub struct Pair {
    /// The player on the first seat.
    pub first: Browser,
    /// The player on the second.
    pub second: Browser,
    /// Their table.
    pub table: TableId,
    dice: Dice,
    /// The tip that each move was answered with.
    pub acknowledged: Vec<Tip>,
    /// Where both play.
    pub node: Node,
    /// The node's folder, if it is its own.
    _data: Option<TempDir>,
}

impl Pair {
    /// Seats two guests at a table of a node.
    pub async fn on(node: Node, seed: u64) -> Self {
        let one = Browser::guest(node.address).await;
        let (first, second, table) = seated(one, Browser::guest(node.address).await).await;
        Self { first, second, table, dice: Dice(seed), acknowledged: Vec::new(), node, _data: None }
    }

    /// Starts a node that uses a group, and seats two guests there.
    pub async fn on_group(trio: &Trio, seed: u64) -> Self {
        let data = tempfile::tempdir().expect("a folder");
        let node = Node::start(data.path(), &[("REDIS_URL", &trio.url())]);
        Self { _data: Some(data), ..Self::on(node, seed).await }
    }

    /// Makes one request of moves, repeated until its fate is known; false once the game is over.
    pub async fn step(&mut self) -> bool {
        let Some((seat, id, ask)) = self.next_request().await else { return false };
        while let Some(refused) = self.send(seat, &id, &ask).await {
            assert_eq!(refused, RefusalCode::Unavailable, "neither done nor to be repeated");
            sleep(Duration::from_millis(50)).await;
        }
        true
    }

    /// The same, sent once: gives the refusal if there is one.
    pub async fn step_once(&mut self) -> Option<RefusalCode> {
        let (seat, id, ask) = self.next_request().await?;
        self.send(seat, &id, &ask).await
    }

    /// Who is to move, and what it asks; nothing once the game is over.
    async fn next_request(&mut self) -> Option<(Seat, RequestId, Ask)> {
        let table = self.table;
        let least = self.acknowledged.last().map_or(0, |tip| tip.number);
        let fresh = |view: &TableView| view.table == table && view.tip.number >= least;
        loop {
            let view = self.first.until_table("the first seat's view", fresh).await;
            let seat = view.view.turn?;
            let own = self.player(seat).until_table("the mover's view", fresh).await;
            if own.view.turn == Some(seat) && must_wait(&own) {
                let shown = |view: &TableView| fresh(view) && !must_wait(view);
                self.player(seat).until_table("what was drawn", shown).await;
            } else if own.view.turn == Some(seat) {
                let ask = Ask::Move { table, tip: own.tip.clone(), moves: choose(&own, &mut self.dice) };
                let id = format!("step-{}-{}", own.tip.number, self.dice.below(1 << 30));
                return Some((seat, id.parse().expect("an id"), ask));
            }
            // One of the two may not have heard of the newest record yet.
            let (newest, number) = (own.tip.number.max(view.tip.number), own.tip.number);
            let behind = if number < newest { seat } else { seat.other() };
            self.player(behind).until_table("the newest view", |view| view.tip.number >= newest).await;
        }
    }

    fn player(&mut self, seat: Seat) -> &mut Browser {
        if seat == Seat::First { &mut self.first } else { &mut self.second }
    }

    /// Sends a request, and gives the refusal if there is one other than that another record came before.
    async fn send(&mut self, seat: Seat, id: &RequestId, ask: &Ask) -> Option<RefusalCode> {
        match self.player(seat).ask_as(id.clone(), ask.clone()).await {
            Update::Done { tip: Some(tip), .. } => {
                self.acknowledged.push(tip);
                None
            }
            Update::Refused { code: RefusalCode::OldTip, .. } => None,
            Update::Refused { code, .. } => Some(code),
            other => panic!("neither done nor refused: {other:?}"),
        }
    }

    /// Plays until there are so many records; false if the game ends before.
    pub async fn play_to(&mut self, records: u32) -> bool {
        let play = async {
            while self.acknowledged.last().is_none_or(|tip| tip.number < records) {
                if !self.step().await {
                    return false;
                }
            }
            true
        };
        timeout(WITHIN, play).await.expect("the game goes on in time")
    }

    /// Waits until the last move is said to be saved.
    pub async fn until_saved(&mut self) {
        let tip = self.acknowledged.last().expect("a move").number;
        let table = self.table;
        let first = &mut self.first;
        let saved = async {
            while said_to_be_saved(first, table) < tip {
                first.next().await.expect("an open websocket");
            }
        };
        timeout(WITHIN, saved).await.expect("the last move is saved in time");
    }

    /// Plays to the end, compares the archive with every answer, and gives the node back.
    pub async fn finish_and_check(mut self) -> Node {
        self.play_to(u32::MAX).await;
        let path = format!("/api/game/{}", self.table);
        let archived = async {
            loop {
                let reply = http(self.node.address, "GET", &path, "", None).await;
                if reply.status == 200 {
                    return reply.json();
                }
                sleep(Duration::from_millis(100)).await;
            }
        };
        let game = timeout(WITHIN, archived).await.expect("the game is archived in time");
        for tip in &self.acknowledged {
            let entry = &game["entries"][tip.number as usize - 1];
            assert_eq!(
                entry["hash"],
                tip.hash.to_string(),
                "record {} is not the one that was acknowledged",
                tip.number
            );
        }
        self.node
    }
}

/// How many records a browser was told are saved.
fn said_to_be_saved(browser: &Browser, table: TableId) -> u32 {
    let updates = browser.frames.iter().filter_map(|frame| serde_json::from_str(frame).ok());
    let numbers = updates.filter_map(|update| match update {
        Update::Saved { table: of, number } if of == table => Some(number),
        _ => None,
    });
    numbers.max().unwrap_or(0)
}
