//! What all bots of a run share: the settings, where to connect, the counts, and what was witnessed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nineflags::chance;
use nineflags::ids::{AccountName, RequestId, TableId};
use serde::Deserialize;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use super::choice::Dice;
use super::dial::{self, Target};
use super::history::History;
use super::measure::{Flights, Meters};
use super::memory::Witness;
use super::options::LoadOptions;

/// Logins and first connections at once.
const ARRIVING: usize = 16;
/// Pause after a login was refused because of too many.
const LOGIN_PAUSE_MS: u64 = 1_000;
/// How long a bot tries to log in while the nodes cannot be reached or do not answer.
const LOGIN_PATIENCE: Duration = Duration::from_mins(1);

/// The status of a refusal for too many attempts.
const TOO_MANY: u16 = 429;

/// What all bots of a run share.
pub struct Stage {
    /// The settings.
    pub options: LoadOptions,
    /// The counts.
    pub meters: Meters,
    /// Permits to log in and to connect for the first time.
    pub arriving: Semaphore,
    /// Where chance starts.
    pub seed: u64,
    targets: Vec<Target>,
    sources: Vec<IpAddr>,
    next_target: AtomicUsize,
    next_source: AtomicUsize,
    next_request: AtomicU64,
    /// Begins each request id, so that no two runs share one.
    run: String,
    /// What was accepted when.
    pub history: History,
    finishing: AtomicBool,
    given_up: AtomicBool,
    stopping: AtomicBool,
    tables: Mutex<HashMap<TableId, Arc<Flights>>>,
    witnesses: Mutex<Vec<Witness>>,
}

/// A guest's login.
#[derive(Debug, Clone)]
pub struct Login {
    /// The guest's name.
    pub name: AccountName,
    /// The cookie, `name=value`.
    pub cookie: String,
    /// The address it connects from.
    pub source: Option<IpAddr>,
}

#[derive(Deserialize)]
struct Me {
    name: AccountName,
}

impl Stage {
    /// The stage of a run; looks the addresses up.
    pub async fn open(options: LoadOptions) -> Result<Self, String> {
        let mut targets = Vec::with_capacity(options.to.len());
        for address in &options.to {
            targets.push(Target::find(address, options.origin.as_deref()).await?);
        }
        let seed = options.seed.unwrap_or_else(|| u64::from_le_bytes(chance::bytes()));
        Ok(Self {
            meters: Meters::default(),
            arriving: Semaphore::new(ARRIVING),
            seed,
            targets,
            sources: options.sources.iter().flat_map(|sources| sources.all()).collect(),
            next_target: AtomicUsize::new(0),
            next_source: AtomicUsize::new(0),
            next_request: AtomicU64::new(0),
            run: nineflags::table::record::hex(&chance::bytes::<4>()),
            history: History::default(),
            finishing: AtomicBool::new(false),
            given_up: AtomicBool::new(false),
            stopping: AtomicBool::new(false),
            tables: Mutex::default(),
            witnesses: Mutex::default(),
            options,
        })
    }

    /// The next address to connect to, each in turn.
    pub fn target(&self) -> &Target {
        &self.targets[self.next_target.fetch_add(1, Ordering::Relaxed) % self.targets.len()]
    }

    fn source(&self) -> Option<IpAddr> {
        let next = self.next_source.fetch_add(1, Ordering::Relaxed);
        self.sources.get(next % self.sources.len().max(1)).copied()
    }

    /// A request id that nobody else uses.
    pub fn request_id(&self) -> RequestId {
        let number = self.next_request.fetch_add(1, Ordering::Relaxed);
        format!("{}-{number}", self.run).parse().expect("hex, a hyphen and a number are few good characters")
    }

    /// Asks all bots to begin no other game once theirs is over.
    pub fn finish_games(&self) {
        self.finishing.store(true, Ordering::Relaxed);
    }

    /// Whether no other game is to begin.
    pub fn is_finishing(&self) -> bool {
        self.finishing.load(Ordering::Relaxed) || self.is_stopping()
    }

    /// Waits for the bots no longer: each says what it was waiting for.
    pub fn give_up(&self) {
        self.given_up.store(true, Ordering::Relaxed);
    }

    /// Whether the bots are not waited for any more.
    pub fn is_given_up(&self) -> bool {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Asks all bots to come to an end.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether bots are to come to an end.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Whether all bots have connected, so that the play may begin.
    pub fn is_everyone_in(&self) -> bool {
        self.meters.counts().arrived >= self.options.sessions()
    }

    /// The moves on their way at a table; counts a game that was not known.
    pub fn flights(&self, table: TableId) -> Arc<Flights> {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tables.entry(table).or_insert_with(|| {
            self.meters.counts().games_started += 1;
            Arc::default()
        }))
    }

    /// Takes in what a bot remembers.
    pub fn testify(&self, witness: Witness) {
        self.witnesses.lock().unwrap_or_else(PoisonError::into_inner).push(witness);
    }

    /// Every table that was started, with those who saw it.
    pub fn hearing(&self) -> HashMap<TableId, Vec<Witness>> {
        let mut tables: HashMap<TableId, Vec<Witness>> = HashMap::new();
        for table in self.tables.lock().unwrap_or_else(PoisonError::into_inner).keys() {
            tables.entry(*table).or_default();
        }
        let witnesses = std::mem::take(&mut *self.witnesses.lock().unwrap_or_else(PoisonError::into_inner));
        for witness in witnesses {
            tables.entry(witness.table).or_default().push(witness);
        }
        tables
    }

    /// Logs a new guest in; waits where too many do.
    pub async fn log_in(&self, dice: &mut Dice) -> Result<Login, String> {
        let deadline = Instant::now() + LOGIN_PATIENCE;
        loop {
            let source = self.source();
            let answer = {
                let _permit = self.arriving.acquire().await;
                dial::exchange(self.target(), source, "/api/guest", Some("{}")).await
            };
            let trouble = match answer {
                Ok(reply) if reply.status == 200 => {
                    let me: Me = serde_json::from_str(&reply.body).map_err(|error| error.to_string())?;
                    let cookie = reply.cookie.ok_or("a login came without its cookie")?;
                    return Ok(Login { name: me.name, cookie, source });
                }
                // Not a matter of patience: the limit of an address refills by itself.
                Ok(reply) if reply.status == TOO_MANY => None,
                Ok(reply) => Some(format!("a guest could not log in: {} {}", reply.status, reply.body)),
                Err(error) => Some(format!("a guest could not log in: {error}")),
            };
            if let Some(words) = trouble.filter(|_| Instant::now() > deadline) {
                return Err(words);
            }
            sleep(Duration::from_millis(dice.about_ms(LOGIN_PAUSE_MS))).await;
        }
    }
}
