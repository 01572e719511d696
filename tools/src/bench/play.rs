//! Pairs that play at one of the servers, and what is counted meanwhile.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::client::{self, Client, Heard, State, WITHIN};
use super::options::Server;
use super::report::{Figure, Figures};
use super::site::Site;
use super::watchers::Audience;
use crate::load::choice::Dice;
use crate::load::measure::Times;
use crate::load::processes::{cpu_s, float};

/// Pairs that connect at the same time.
pub const ARRIVING: usize = 32;
/// Pause before a move that was refused is tried again.
const RETRY: Duration = Duration::from_millis(250);
/// Records of a game's middle, and of two parts that tell whether its views grow.
const MIDDLE: std::ops::RangeInclusive<u32> = 25..=40;
const EARLIER: std::ops::RangeInclusive<u32> = 15..=25;
const LATER: std::ops::RangeInclusive<u32> = 40..=50;

/// When a player moves.
pub enum Pace {
    /// At once.
    Full,
    /// After a time by lot, so many milliseconds on average.
    Mean(u64),
    /// When there is a permit, of which each move takes one.
    Permits(Semaphore),
}

/// What was counted while it was measured.
#[derive(Default)]
pub struct Tally {
    /// Moves that were carried out.
    pub moves: u64,
    /// From sending a move to its answer.
    pub answer: Times,
    /// Moves that were refused.
    pub refused: u64,
    /// Connections that were lost.
    pub lost: u64,
    /// Views and their bytes, by the number of records.
    views: BTreeMap<u32, (u64, u64)>,
    /// Why the first connection was lost.
    pub why: Option<String>,
}

struct Shared {
    pace: Pace,
    seated: AtomicUsize,
    is_measured: AtomicBool,
    tally: Mutex<Tally>,
    /// Who watches.
    audience: Option<Arc<Audience>>,
}

/// Some pairs of a kind.
pub struct Pairs {
    shared: Arc<Shared>,
    players: JoinSet<()>,
    go: watch::Sender<bool>,
    /// The table of the first pair, once it has one.
    table: watch::Receiver<Option<String>>,
}

impl Pairs {
    /// Connects so many pairs; the second of each is at the next node, where there are more. Their numbers begin at `first`.
    pub async fn open(
        site: &Site,
        server: Server,
        (first, pairs): (usize, usize),
        pace: Pace,
        audience: Option<Arc<Audience>>,
    ) -> Result<Self, String> {
        let tally = Mutex::default();
        let shared = Shared {
            pace,
            seated: AtomicUsize::new(0),
            is_measured: AtomicBool::new(false),
            tally,
            audience,
        };
        let (shared, (go, went)) = (Arc::new(shared), watch::channel(false));
        let (told, table) = watch::channel(None);
        let mut players = JoinSet::new();
        let mut opening = stream::iter(first..first + pairs)
            .map(|number| client::pair(server, [site.target(number), site.target(number + 1)], number))
            .buffer_unordered(ARRIVING);
        while let Some(pair) = opening.next().await {
            for client in pair? {
                let (shared, went, told) = (Arc::clone(&shared), went.clone(), told.clone());
                let dice = Dice::new(players.len() as u64);
                players.spawn(async move {
                    if let Err(words) = play(client, &shared, went, told, dice).await {
                        let mut tally = shared.tally();
                        tally.lost += 1;
                        tally.why.get_or_insert(words);
                    }
                });
            }
        }
        Ok(Self { shared, players, go, table })
    }

    /// Waits until all have a table, and lets them begin.
    pub async fn begin(&self) -> Result<(), String> {
        let seated = async {
            while self.shared.seated.load(Ordering::Relaxed) < self.players.len() {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(WITHIN, seated).await.is_err() {
            let seated = self.shared.seated.load(Ordering::Relaxed);
            let why = self.shared.tally().why.clone().unwrap_or_default();
            return Err(format!("only {seated} of {} players have a table: {why}", self.players.len()));
        }
        self.go.send_replace(true);
        Ok(())
    }

    /// The first pair's table.
    pub fn table(&self) -> Option<String> {
        self.table.borrow().clone()
    }

    /// Lets one of them make one move.
    pub fn permit(&self) {
        if let Pace::Permits(permits) = &self.shared.pace {
            permits.add_permits(1);
        }
    }

    /// Counts from now on, or no longer.
    pub fn measure(&self, is_measured: bool) {
        self.shared.is_measured.store(is_measured, Ordering::Relaxed);
    }

    /// What was counted.
    pub fn tally(&self) -> Tally {
        std::mem::take(&mut self.shared.tally())
    }
}

impl Shared {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The tally, while it is measured.
    fn measured(&self) -> Option<MutexGuard<'_, Tally>> {
        self.is_measured.load(Ordering::Relaxed).then(|| self.tally())
    }

    fn answered(&self, sent: Option<Instant>) {
        if let (Some(mut tally), Some(sent)) = (self.measured(), sent) {
            tally.moves += 1;
            tally.answer.add(sent.elapsed());
        }
    }

    fn saw(&self, state: &State) {
        if let Some(mut tally) = self.measured() {
            let (count, bytes) = tally.views.entry(state.number).or_default();
            (*count, *bytes) = (*count + 1, *bytes + state.bytes as u64);
        }
    }
}

impl Pace {
    fn due(&self, dice: &mut Dice) -> Instant {
        let pause_ms = if let Self::Mean(mean_ms) = self { dice.about_ms(*mean_ms) } else { 0 };
        Instant::now() + Duration::from_millis(pause_ms)
    }

    async fn wait(&self, due: Instant) {
        match self {
            Self::Permits(permits) => {
                if let Ok(permit) = permits.acquire().await {
                    permit.forget();
                }
            }
            Self::Full | Self::Mean(_) if due > Instant::now() => sleep_until(due).await,
            Self::Full | Self::Mean(_) => {}
        }
    }
}

/// Plays until nobody wants it any more; fails when the connection is lost.
async fn play(
    mut client: Client,
    shared: &Shared,
    mut go: watch::Receiver<bool>,
    told: watch::Sender<Option<String>>,
    mut dice: Dice,
) -> Result<(), String> {
    let mut is_seated = client.begin().await?;
    let mut is_own_turn = client.moves_first();
    shared.seated.fetch_add(usize::from(is_seated), Ordering::Relaxed);
    told.send_if_modified(|table| {
        table.is_none() && is_seated && {
            *table = client.table();
            true
        }
    });
    // When the last move was sent, and the number that its state will have.
    let (mut sent, mut moved_to) = (None, 0);
    let mut due = Instant::now();
    loop {
        let may_move = is_own_turn && sent.is_none() && *go.borrow();
        tokio::select! {
            heard = client.next() => match heard? {
                Heard::State(state) => {
                    if !is_seated {
                        is_seated = true;
                        shared.seated.fetch_add(1, Ordering::Relaxed);
                        told.send_if_modified(|table| table.is_none() && { *table = client.table(); true });
                    }
                    shared.saw(&state);
                    if state.answers {
                        shared.answered(sent.take());
                    }
                    // An older state may come after the move; the first of another game has a lower number.
                    let is_own = state.is_own_turn && (state.number >= moved_to || sent.is_none());
                    if is_own && !is_own_turn {
                        due = shared.pace.due(&mut dice);
                    }
                    is_own_turn = is_own;
                }
                Heard::Done => shared.answered(sent.take()),
                Heard::Refused(words) => {
                    if let Some(mut tally) = shared.measured() {
                        tally.refused += 1;
                        tally.why.get_or_insert(words);
                    }
                    (sent, moved_to, is_own_turn, due) = (None, 0, true, Instant::now() + RETRY);
                }
                Heard::Lobby(_) | Heard::Other => {}
            },
            () = shared.pace.wait(due), if may_move => {
                is_own_turn = false;
                let now = Instant::now();
                if let Some(number) = client.make_move().await? {
                    (sent, moved_to) = (Some(now), number);
                    if let Some(audience) = &shared.audience {
                        audience.expect(number, now);
                    }
                }
            }
            changed = go.changed() => if changed.is_err() { return Ok(()) },
        }
    }
}

/// CPU time that was spent until now.
pub struct Spent {
    servers_s: f64,
    redis_s: Option<f64>,
    own_s: f64,
    at: Instant,
}

impl Spent {
    /// By the servers of a site, its Redis and this process.
    pub fn until_now(site: &Site) -> Self {
        let own_s = cpu_s(std::process::id()).unwrap_or(f64::NAN);
        Self { servers_s: site.cpu_s(), redis_s: site.redis_cpu_s(), own_s, at: Instant::now() }
    }

    /// Since an earlier look, by so many of something.
    pub fn since(&self, before: &Self, per: f64) -> Figures {
        let wall_s = (self.at - before.at).as_secs_f64();
        let mut figures = Figures::from([
            (Figure::ServerCpu, (self.servers_s - before.servers_s) / per),
            (Figure::ServerLoad, (self.servers_s - before.servers_s) / wall_s),
            (Figure::OwnLoad, (self.own_s - before.own_s) / wall_s),
        ]);
        if let (Some(after_s), Some(before_s)) = (self.redis_s, before.redis_s) {
            figures.insert(Figure::RedisCpu, (after_s - before_s) / per);
        }
        figures
    }

    /// Seconds since an earlier look.
    pub fn wall_s(&self, before: &Self) -> f64 {
        (self.at - before.at).as_secs_f64()
    }
}

impl Tally {
    /// What it says of a time in which so much was spent.
    pub fn figures(&self, before: &Spent, after: &Spent) -> Figures {
        let mut figures = after.since(before, float(self.moves.max(1)) / 1_000.0);
        let answer = self.answer.summary();
        figures.extend([
            (Figure::MovesPerSecond, float(self.moves) / after.wall_s(before)),
            (Figure::AnswerP50, answer.p50_ms),
            (Figure::AnswerP99, answer.p99_ms),
            (Figure::Refused, float(self.refused)),
            (Figure::Lost, float(self.lost)),
        ]);
        figures
    }

    /// The bytes of a view in the middle of a game, and how many times as many there are later as earlier.
    pub fn view_figures(&self) -> Figures {
        let mean = |numbers: std::ops::RangeInclusive<u32>| {
            let all = self.views.range(numbers).map(|(_, (count, bytes))| (*count, *bytes));
            let (count, bytes) = all.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
            float(bytes) / float(count)
        };
        Figures::from([(Figure::ViewBytes, mean(MIDDLE)), (Figure::ViewGrowth, mean(LATER) / mean(EARLIER))])
    }
}
