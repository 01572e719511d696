//! The attacks: what each worker of an address does again and again.

use std::fmt;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use clap::ValueEnum;
use nineflags_tools::load::dial::Target;
use serde::Serialize;
use tokio::time::sleep;

use super::flood;

/// Pause after a refusal: whoever is refused tries again soon, but is not busy with nothing else.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// Whom it is about.
pub struct Scene {
    /// The node.
    pub to: Target,
    /// A player at a table who does nothing.
    pub victim: String,
    /// The table.
    table: String,
    /// Tables and players as they were found last: those that are measured are among them.
    playing: Mutex<(Vec<String>, Vec<String>)>,
    /// A finished game.
    pub game: String,
    /// What was sent.
    pub sent: AtomicU64,
    /// What was refused.
    pub refused: AtomicU64,
    next: AtomicU64,
}

impl Scene {
    /// A node with a player, a table and a finished game.
    pub fn new(to: Target, victim: String, table: String, game: String) -> Self {
        let zero = AtomicU64::default;
        let playing = Mutex::default();
        Self { to, victim, table, playing, game, sent: zero(), refused: zero(), next: zero() }
    }

    /// These tables or players were found.
    pub fn found(&self, tables: Vec<String>, players: Vec<String>) {
        let mut playing = self.playing.lock().expect("nobody panics here");
        if !tables.is_empty() {
            playing.0 = tables;
        }
        if !players.is_empty() {
            playing.1 = players;
        }
    }

    /// A table at which somebody plays, another for the next number.
    pub fn table(&self, number: u64) -> String {
        let playing = self.playing.lock().expect("nobody panics here");
        one_of(&playing.0, number).unwrap_or(&self.table).to_owned()
    }

    /// A player.
    pub fn player(&self, number: u64) -> String {
        let playing = self.playing.lock().expect("nobody panics here");
        one_of(&playing.1, number).unwrap_or(&self.victim).to_owned()
    }

    /// Another number at each call.
    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Something is sent.
    pub fn count(&self) {
        self.sent.fetch_add(1, Ordering::Relaxed);
    }

    /// Something was refused.
    pub fn refusal(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

fn one_of(all: &[String], number: u64) -> Option<&str> {
    let count = u64::try_from(all.len()).ok().filter(|count| *count > 0)?;
    all.get(usize::try_from(number % count).ok()?).map(String::as_str)
}

/// An attack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Attack {
    /// Pages, as fast as they come.
    Pages,
    /// Guests are made.
    Guests,
    /// The same with an address of its own in each request, as if a balancer had written it.
    ForgedAddresses,
    /// Wrong passwords for one name.
    WrongLogins,
    /// Accounts are made.
    SignUps,
    /// A replay is fetched, packed.
    Replays,
    /// Lists of games are fetched.
    Lists,
    /// Bodies that begin and never come.
    Bodies,
    /// Bodies that never end.
    BigBodies,
    /// Heads that come a byte at a time.
    SlowHeads,
    /// Connections on which nothing is said.
    Silence,
    /// The first bytes of TLS, and no more.
    HalfTls,
    /// Websockets without a login.
    Handshakes,
    /// Websockets with a login, opened and closed.
    Reconnects,
    /// Ping frames.
    Pings,
    /// Frames that are too large.
    BigFrames,
    /// Frames that are no requests.
    Nonsense,
    /// Letters to one player.
    Letters,
    /// Invites to one player, withdrawn at once.
    Invites,
    /// One table is watched again and again.
    Watches,
    /// Tips are told that no game has reached.
    FarTips,
    /// The lobby is searched for something new each time.
    Searches,
    /// Moves at a table of others.
    Moves,
    /// Players are blocked and unblocked.
    Blocks,
    /// Games begin and are given up at once.
    Games,
    /// A game is stopped and resumed.
    Saves,
    /// The lobby is shown to somebody who does not read.
    SlowReaders,
}

impl fmt::Display for Attack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.to_possible_value().as_ref().map_or("", |value| value.get_name()))
    }
}

impl Attack {
    /// All of them.
    pub fn all() -> Vec<Self> {
        Self::value_variants().to_vec()
    }

    /// How many of an address do the same at once.
    pub fn workers(self) -> u32 {
        match self {
            Attack::Bodies | Attack::SlowHeads | Attack::Silence | Attack::HalfTls | Attack::Handshakes => {
                200
            }
            Attack::Pages
            | Attack::Guests
            | Attack::ForgedAddresses
            | Attack::WrongLogins
            | Attack::SignUps
            | Attack::Lists => 8,
            _ => 10,
        }
    }

    /// Does it until it is told to end.
    pub async fn carry_on(self, scene: Arc<Scene>, from: IpAddr, worker: u32) {
        let mut logins = [None, None];
        loop {
            if self.once(&scene, from, worker, &mut logins).await.is_err() {
                scene.refusal();
                sleep(AFTER_REFUSAL).await;
            }
        }
    }

    async fn once(
        self,
        scene: &Scene,
        from: IpAddr,
        worker: u32,
        logins: &mut [Option<String>; 2],
    ) -> Result<(), String> {
        let number = scene.number();
        let get = async |path: &str, headers: &str| flood::get(scene, from, path, headers).await;
        let post = async |path: &str, body: String, headers: &str| {
            flood::post(scene, from, path, &body, headers).await
        };
        let pause = if worker.is_multiple_of(2) { flood::PAUSE } else { flood::PATIENT_PAUSE };
        match self {
            Attack::Pages => get("/", "").await,
            Attack::Guests => post("/api/guest", "{}".to_owned(), "").await,
            Attack::ForgedAddresses => {
                let address = format!("x-forwarded-for: 198.51.{}.{}\r\n", number / 256 % 256, number % 256);
                post("/api/guest", "{}".to_owned(), &address).await
            }
            Attack::WrongLogins => {
                let body = format!(r#"{{"name":"{}","password":"wrong horse {number}"}}"#, scene.victim);
                post("/api/login", body, "").await
            }
            Attack::SignUps => {
                let body = format!(r#"{{"name":"enemy-{number}","password":"correct horse battery"}}"#);
                post("/api/signup", body, "").await
            }
            Attack::Replays => {
                let encoding = if number.is_multiple_of(2) { "accept-encoding: br\r\n" } else { "" };
                get(&format!("/api/game/{}", scene.game), encoding).await
            }
            Attack::Lists if worker.is_multiple_of(2) => get("/api/games", "").await,
            Attack::Lists => get(&format!("/api/player/{}", scene.victim), "").await,
            Attack::Bodies => {
                flood::hold(scene, from, &flood::head(scene, "content-length: 60\r\n\r\n")).await
            }
            Attack::BigBodies => flood::endless(scene, from).await,
            Attack::SlowHeads => flood::drop_by_drop(scene, from, &flood::head(scene, "")).await,
            Attack::Silence => flood::hold(scene, from, "").await,
            Attack::HalfTls => flood::hold(scene, from, "\u{16}\u{3}\u{1}").await,
            Attack::Handshakes => flood::hold(scene, from, &flood::handshake(scene)).await,
            Attack::Games => flood::churn(scene, from, logins, false).await,
            Attack::Saves => flood::churn(scene, from, logins, true).await,
            Attack::Reconnects => flood::reconnect(scene, from, &mut logins[0]).await,
            Attack::Pings => flood::pings(scene, from, &mut logins[0]).await,
            Attack::SlowReaders => flood::never_read(scene, from, &mut logins[0]).await,
            Attack::BigFrames => {
                flood::texts(scene, from, &mut logins[0], pause, |_| "x".repeat(1 << 20)).await
            }
            Attack::Nonsense => {
                flood::texts(scene, from, &mut logins[0], pause, |number| format!("{{\"id\":{number}")).await
            }
            Attack::Letters
            | Attack::Invites
            | Attack::Watches
            | Attack::FarTips
            | Attack::Searches
            | Attack::Moves
            | Attack::Blocks => {
                flood::texts(scene, from, &mut logins[0], pause, |number| self.request(scene, number)).await
            }
        }
    }

    /// A request with a number of its own.
    fn request(self, scene: &Scene, number: u64) -> String {
        // A pair of requests is about the same player.
        let (victim, table) = (scene.player(number / 2), scene.table(number));
        let is_even = number.is_multiple_of(2);
        let ask = match self {
            Attack::Letters => {
                format!(r#""ask":"tell","to":"{victim}","text":"{}""#, "\u{1f600}".repeat(300))
            }
            Attack::Invites if is_even => format!(r#""ask":"invite","to":"{victim}""#),
            Attack::Invites => format!(r#""ask":"withdraw","to":"{victim}""#),
            Attack::Watches => format!(r#""ask":"watch","table":"{table}""#),
            Attack::FarTips => {
                format!(
                    r#""ask":"seen","table":"{table}","tip":{{"number":{},"hash":""}}"#,
                    4_000_000_000 - number
                )
            }
            Attack::Searches => format!(r#""ask":"lobby","list":"players","search":"{number}""#),
            Attack::Moves => {
                let tip = r#"{"number":1,"hash":""}"#;
                format!(
                    r#""ask":"move","table":"{table}","tip":{tip},"moves":["draw t","draw t","draw t","return r7"]"#
                )
            }
            Attack::Blocks if is_even => format!(r#""ask":"block","name":"{victim}""#),
            _ => format!(r#""ask":"unblock","name":"{victim}""#),
        };
        format!(r#"{{"id":"h{number}",{ask}}}"#)
    }
}
