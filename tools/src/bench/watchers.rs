//! The row of the watchers: one table, thousands who watch it, and how long a move takes until the last of them has seen it.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::client::{self, Client, Heard, WITHIN};
use super::options::{BenchOptions, Server};
use super::play::{ARRIVING, Pace, Pairs, Spent};
use super::report::{Figure, Figures};
use super::site::Site;
use crate::load::measure::Times;
use crate::load::processes::float;

/// Moves that are not measured, and those that are: together fewer than a game has.
const FIRST_MOVES: usize = 3;
const MOVES: usize = 20;
/// What follows a move, like word that it is saved, is part of what it costs.
const GAP: Duration = Duration::from_millis(150);

/// All watchers of the table, who wait for one state after the other.
#[derive(Default)]
pub struct Audience {
    size: usize,
    expected: AtomicU32,
    seen: AtomicUsize,
    delivered: AtomicU64,
    lost: AtomicU64,
    sent: Mutex<Option<Instant>>,
    all_saw: Notify,
}

impl Audience {
    /// A move was sent that will show as this number.
    pub fn expect(&self, number: u32, sent: Instant) {
        self.seen.store(0, Ordering::Relaxed);
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner) = Some(sent);
        self.expected.store(number, Ordering::Relaxed);
    }

    fn saw(&self, before: u32, number: u32) {
        self.delivered.fetch_add(1, Ordering::Relaxed);
        let expected = self.expected.load(Ordering::Relaxed);
        if before < expected
            && number >= expected
            && self.seen.fetch_add(1, Ordering::Relaxed) + 1 == self.size
        {
            self.all_saw.notify_one();
        }
    }

    /// How long the last move took.
    fn since_sent(&self) -> Option<Duration> {
        self.sent.lock().unwrap_or_else(PoisonError::into_inner).map(|sent| sent.elapsed())
    }
}

/// Measures one server.
pub async fn measure(
    options: &BenchOptions,
    site: &Site,
    server: Server,
    count: usize,
) -> Result<Figures, String> {
    let audience = Arc::new(Audience { size: count, ..Audience::default() });
    let pace = Pace::Permits(Semaphore::new(0));
    let pair = Pairs::open(site, server, (count, 1), pace, Some(Arc::clone(&audience))).await?;
    pair.begin().await?;
    let table = pair.table().ok_or("the pair has no table")?;
    let mut watching = JoinSet::new();
    let mut opening = stream::iter(0..count)
        .map(|number| client::watcher(server, site.target(number), number, &table))
        .buffer_unordered(ARRIVING);
    while let Some(watcher) = opening.next().await {
        watching.spawn(watch(watcher?, Arc::clone(&audience)));
    }
    sleep(options.seconds(3, 1)).await;
    let mut times = Times::default();
    let mut before = Spent::until_now(site);
    for number in 0..FIRST_MOVES + MOVES {
        if number == FIRST_MOVES {
            before = Spent::until_now(site);
            audience.delivered.store(0, Ordering::Relaxed);
        }
        pair.permit();
        timeout(WITHIN, audience.all_saw.notified())
            .await
            .map_err(|_| "a move did not reach all watchers")?;
        let took = audience.since_sent().ok_or("a move was not sent")?;
        if number >= FIRST_MOVES {
            times.add(took);
        }
        sleep(GAP).await;
    }
    let after = Spent::until_now(site);
    let delivered = float(audience.delivered.load(Ordering::Relaxed));
    let mut figures = after.since(&before, delivered / 1e6);
    figures.insert(Figure::LastWatcher, times.summary().p50_ms);
    figures.insert(Figure::Lost, float(audience.lost.load(Ordering::Relaxed)));
    Ok(figures)
}

async fn watch(mut client: Client, audience: Arc<Audience>) {
    let mut seen = 0;
    loop {
        match client.next().await {
            Ok(Heard::State(state)) => {
                audience.saw(seen, state.number);
                seen = state.number;
            }
            Ok(_) => {}
            Err(_) => {
                audience.lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
        }
    }
}
