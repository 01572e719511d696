//! The row of the lobby: many players, some who come and go all the time, and those who look at its pages meanwhile.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::client::Heard;
use super::hold::Held;
use super::options::{BenchOptions, Server};
use super::ours::{Login, Ours};
use super::play::{ARRIVING, Spent};
use super::report::{Figure, Figures};
use super::site::{Kit, Site};
use crate::load::dial::Target;
use crate::load::processes::float;

/// Of twenty players one reads, and of a hundred one comes and goes.
const READERS_PART: usize = 20;
const COMING_PART: usize = 100;
/// Pages that readers look at.
const PAGES: usize = 40;
/// A change is that one player comes, or that one goes: so many of both in a second, at full size.
const CHANGES_A_SECOND: u64 = 200;

/// What readers are told.
#[derive(Default)]
struct Told {
    is_measured: AtomicBool,
    updates: AtomicU64,
    bytes: AtomicU64,
    lost: AtomicU64,
}

/// Measures three nodes: at the first players come and go, the readers are at the others.
pub async fn measure(
    options: &BenchOptions,
    kit: &Kit,
    site: &Site,
    players: usize,
) -> Result<Figures, String> {
    let (readers, coming) = (players / READERS_PART, (players / COMING_PART).max(2));
    let _held = Held::open(kit, Server::Nineflags, &site.addresses(), (players - readers - coming) & !1)?;
    let told = Arc::new(Told::default());
    let mut reading = JoinSet::new();
    let mut opening = stream::iter(players..players + readers)
        .map(|number| Ours::open(site.target(1 + number % 2), number))
        .buffer_unordered(ARRIVING);
    while let Some(reader) = opening.next().await {
        let page = u32::try_from(reading.len() % PAGES).unwrap_or_default();
        reading.spawn(read(reader?, page, Arc::clone(&told)));
    }
    let logins: Vec<Login> = stream::iter(players + readers..players + readers + coming)
        .map(|number| Login::new(site.target(0), number))
        .buffer_unordered(ARRIVING)
        .try_collect()
        .await?;
    let changes = if options.quick { CHANGES_A_SECOND / 10 } else { CHANGES_A_SECOND };
    let changing = tokio::spawn(come_and_go(site.target(0).clone(), logins, changes));
    sleep(options.seconds(10, 2)).await;

    told.is_measured.store(true, Ordering::Relaxed);
    let (before, of_each) = (Spent::until_now(site), [0, 1, 2].map(|node| site.cpu_s_of(node)));
    sleep(options.seconds(20, 3)).await;
    let after = Spent::until_now(site);
    told.is_measured.store(false, Ordering::Relaxed);
    let wall_s = after.wall_s(&before);
    let load = |node: usize| (site.cpu_s_of(node) - of_each[node]) / wall_s;
    let reader_seconds = float(readers as u64) * wall_s;
    let mut figures = after.since(&before, wall_s);
    figures.extend([
        (Figure::ReadersLoad, load(1).max(load(2))),
        (Figure::ComingLoad, load(0)),
        (Figure::NodeLoad, (load(0) + load(1) + load(2)) / 3.0),
        (Figure::Updates, float(told.updates.load(Ordering::Relaxed)) / reader_seconds),
        (Figure::UpdateBytes, float(told.bytes.load(Ordering::Relaxed)) / reader_seconds),
        (Figure::Lost, float(told.lost.load(Ordering::Relaxed))),
    ]);
    if changing.is_finished() {
        return Err(changing.await.map_or_else(|error| error.to_string(), |ended| format!("{ended:?}")));
    }
    changing.abort();
    Ok(figures)
}

async fn read(mut reader: Ours, page: u32, told: Arc<Told>) {
    let reading = async {
        reader.show_lobby(page).await?;
        loop {
            let heard = reader.next().await?;
            if let Heard::Lobby(bytes) = heard
                && told.is_measured.load(Ordering::Relaxed)
            {
                told.updates.fetch_add(1, Ordering::Relaxed);
                told.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
            }
        }
    };
    let ended: Result<(), String> = reading.await;
    told.lost.fetch_add(u64::from(ended.is_err()), Ordering::Relaxed);
}

/// One player after the other comes, and the one that has been there longest goes. Ends only by failing.
async fn come_and_go(to: Target, logins: Vec<Login>, changes_a_second: u64) -> Result<(), String> {
    let most = logins.len() / 2;
    let mut logins: VecDeque<Login> = logins.into();
    let mut here = VecDeque::new();
    let mut coming = JoinSet::new();
    let began = Instant::now();
    let mut tick = interval(Duration::from_micros(2_000_000 / changes_a_second));
    // Late changes are made up for.
    tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
    loop {
        tokio::select! {
            _ = tick.tick() => {
                if here.len() >= most {
                    let gone: Option<Ours> = here.pop_front();
                    logins.extend(gone.map(|gone| gone.login()));
                }
                if let Some(login) = logins.pop_front() {
                    let to = to.clone();
                    coming.spawn(async move { login.connect(&to).await });
                }
            }
            Some(came) = coming.join_next() => {
                let came = came.map_err(|error| error.to_string())?;
                here.push_back(came.map_err(|words| format!("after {:?}: {words}", began.elapsed()))?);
            }
        }
    }
}
