//! A player who comes back whatever happens to the websocket, repeats what has no known fate, and remembers all that was
//! said to be done.

use std::net::SocketAddr;
use std::time::Duration;

use nineflags::ids::{RequestId, TableId};
use nineflags::protocol::{Ask, CloseCode, RefusalCode, TableView, Update};
use nineflags::table::record::Tip;
use serde_json::Value;
use tokio::time::{sleep, timeout};

use super::browser::Browser;
use super::process::WITHIN;

/// A node answers within eight seconds; one that does not is left.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Pause before something is tried again.
pub const AGAIN_AFTER: Duration = Duration::from_millis(50);

/// A move that was said to be done.
#[derive(Debug, Clone)]
pub struct Acknowledged {
    /// The tip after it.
    pub tip: Tip,
    /// How many frames had been heard by then.
    frames: usize,
}

/// A player with a list of nodes.
pub struct Player {
    /// The present websocket, with the frames of all that were before.
    pub browser: Browser,
    /// Where to connect, in turn.
    /// Where it connects, the first one first.
    pub nodes: Vec<SocketAddr>,
    /// The last attempt was answered.
    is_open: bool,
    /// Every move that was said to be done.
    pub acknowledged: Vec<Acknowledged>,
    /// How many frames there were when it went to another device: what is said there is of what is known there.
    devices: Vec<usize>,
}

impl Player {
    /// A guest at the first of some nodes, who goes to the others when that one is of no use.
    pub async fn guest(nodes: &[SocketAddr]) -> Self {
        let browser = Browser::guest(nodes[0]).await;
        Self { browser, nodes: nodes.to_vec(), is_open: true, acknowledged: Vec::new(), devices: Vec::new() }
    }

    /// Goes to these nodes instead, as somebody does whose page does not answer.
    pub async fn go_to(&mut self, nodes: &[SocketAddr]) {
        nodes.clone_into(&mut self.nodes);
        self.come_back().await;
    }

    /// The same, keeping the old websocket open: it is given.
    pub async fn leave_for(&mut self, nodes: &[SocketAddr]) -> Browser {
        nodes.clone_into(&mut self.nodes);
        let seen = self.seen();
        let browser = Browser::connect(nodes[0], &self.browser.cookie).await;
        let old = std::mem::replace(&mut self.browser, browser);
        if let Some(seen) = seen {
            let answer = self.ask(seen).await;
            assert!(matches!(answer, Update::Done { .. }), "{answer:?}");
        }
        old
    }

    /// Goes on at another device, which has seen nothing; gives what the first one would tell when it is taken up again.
    pub async fn change_device(&mut self, nodes: &[SocketAddr]) -> Option<Ask> {
        nodes.clone_into(&mut self.nodes);
        let seen = self.seen();
        let connected = async {
            loop {
                match Browser::try_connect(self.nodes[0], &self.browser.cookie).await {
                    Some(browser) => return browser,
                    // The sentinels may name a new primary before the node has gone there.
                    None => sleep(AGAIN_AFTER).await,
                }
            }
        };
        let browser = timeout(WITHIN, connected).await.expect("a welcome in time");
        let earlier = std::mem::replace(&mut self.browser, browser);
        self.devices.push(earlier.frames.len());
        self.browser.continue_from(earlier);
        seen
    }

    /// What is told after a welcome.
    fn seen(&self) -> Option<Ask> {
        let view = self.browser.table.as_ref()?;
        Some(Ask::Seen { table: view.table, tip: view.tip.clone(), sealed: view.sealed.clone() })
    }

    /// Asks, and asks again, until the fate is known.
    pub async fn ask(&mut self, ask: Ask) -> Update {
        let id = fresh_id();
        let asked = async {
            loop {
                match self.ask_once(&id, &ask).await {
                    Some(Update::Refused { code: RefusalCode::Unavailable, .. }) => sleep(AGAIN_AFTER).await,
                    Some(answer) => return answer,
                    None => self.come_back_if_closed().await,
                }
            }
        };
        timeout(WITHIN, asked).await.expect("an answer in the end")
    }

    /// Remembers the last answer, to a move that is done; whether it was said to be unsaved.
    pub fn acknowledge(&mut self, tip: Tip) -> bool {
        let answer = self.browser.frames.last().expect("the answer");
        let unsaved = serde_json::from_str::<Value>(answer).expect("JSON")["unsaved"] == true;
        self.acknowledged.push(Acknowledged { tip, frames: self.browser.frames.len() });
        unsaved
    }

    /// One attempt of a request; nothing when the websocket is closed or silent.
    pub async fn ask_once(&mut self, id: &RequestId, ask: &Ask) -> Option<Update> {
        let answer = timeout(ANSWER_WITHIN, self.browser.ask_if_open(id, ask)).await.ok().flatten();
        self.is_open = answer.is_some();
        answer
    }

    /// Comes back, to the next of the nodes, if the last attempt found the websocket closed or silent.
    pub async fn come_back_if_closed(&mut self) {
        if !self.is_open {
            self.nodes.rotate_left(1);
            self.come_back().await;
        }
    }

    /// Waits for a view of a table that is at least so far.
    pub async fn until_view(&mut self, table: TableId, least: u32) -> TableView {
        let seen = async {
            loop {
                if let Some(view) = &self.browser.table
                    && view.table == table
                    && view.tip.number >= least
                {
                    return view.clone();
                }
                if self.browser.next().await.is_none() {
                    self.come_back().await;
                }
            }
        };
        timeout(WITHIN, seen).await.unwrap_or_else(|_| panic!("no view of record {least} in time"))
    }

    /// Connects to the first node that welcomes, and tells what was seen of the table before anything else.
    pub async fn come_back(&mut self) {
        let seen = self.seen();
        let welcomed = async {
            loop {
                let code = self.browser.closed;
                assert_ne!(
                    code,
                    Some(CloseCode::TakenOver as u16),
                    "{} has a second session",
                    self.browser.name
                );
                if let Some(browser) = Browser::try_connect(self.nodes[0], &self.browser.cookie).await {
                    let earlier = std::mem::replace(&mut self.browser, browser);
                    self.browser.continue_from(earlier);
                    let Some(seen) = &seen else { return };
                    let answer = self.ask_once(&fresh_id(), seen).await;
                    if answer.is_some_and(|answer| !is_unavailable(&answer)) {
                        return;
                    }
                }
                self.nodes.rotate_left(1);
                sleep(AGAIN_AFTER).await;
            }
        };
        timeout(WITHIN, welcomed).await.expect("a welcome somewhere in time");
    }

    /// The newest record it knows of, of those that it made.
    pub fn newest(&self) -> u32 {
        let standing = self.acknowledged.iter().filter(|acknowledged| !self.was_undone(acknowledged));
        standing.map(|acknowledged| acknowledged.tip.number).max().unwrap_or(0)
    }

    /// Whether it was told, after a move was said to be done, that the game went back.
    pub fn was_undone(&self, acknowledged: &Acknowledged) -> bool {
        self.browser.went_back.iter().any(|place| *place > acknowledged.frames)
    }

    /// Whether it was told, after a move was said to be done, before the game went back and at the same device, that the
    /// record is saved.
    pub fn was_saved(&self, acknowledged: &Acknowledged, table: TableId) -> bool {
        let since = acknowledged.frames;
        let ends = self.browser.went_back.iter().chain(&self.devices).copied();
        let until = ends.filter(|place| *place >= since).min().unwrap_or(self.browser.frames.len());
        let frames = &self.browser.frames[since..until];
        saved_in(frames, table) >= acknowledged.tip.number
    }

    /// Waits until it is told that the game went back.
    pub async fn until_went_back(&mut self) {
        let before = self.browser.went_back.len();
        let told = async {
            while self.browser.went_back.len() == before {
                if self.browser.next().await.is_none() {
                    self.come_back().await;
                }
            }
        };
        timeout(WITHIN, told).await.expect("a word in time that the game went back");
    }

    /// How many records it was told are saved.
    pub fn saved(&self, table: TableId) -> u32 {
        saved_in(&self.browser.frames, table)
    }

    /// No view was older than the one before it without a word that the game went back.
    pub fn check_that_nothing_went_back_silently(&self, table: TableId) {
        let mut newest = (0, 0);
        for (place, frame) in self.browser.frames.iter().enumerate() {
            match serde_json::from_str(frame).expect("an update") {
                // On a new websocket the browser says itself what it has seen, and is told then.
                Update::Welcome(_) => newest = (0, place),
                Update::Table(view) if view.table == table => {
                    // The word may come right behind the view.
                    let told = self.browser.went_back.iter().any(|told| (newest.1..place + 3).contains(told));
                    let (number, name) = (view.tip.number, &self.browser.name);
                    assert!(
                        number >= newest.0 || told,
                        "{name} was shown record {number} after record {} without a word",
                        newest.0
                    );
                    newest = (number, place);
                }
                _ => {}
            }
        }
    }
}

/// An id that no request had.
pub fn fresh_id() -> RequestId {
    format!("p-{}", uuid::Uuid::new_v4().simple()).parse().expect("an id")
}

fn is_unavailable(answer: &Update) -> bool {
    matches!(answer, Update::Refused { code: RefusalCode::Unavailable, .. })
}

/// How many records are saved, as some frames tell.
fn saved_in(frames: &[String], table: TableId) -> u32 {
    let updates = frames.iter().filter_map(|frame| serde_json::from_str(frame).ok());
    let numbers = updates.filter_map(|update| match update {
        Update::Saved { table: of, number } if of == table => Some(number),
        Update::Table(view) if view.table == table => Some(view.saved),
        _ => None,
    });
    numbers.max().unwrap_or(0)
}
