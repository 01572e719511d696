//! The row of those who only show the lobby: what each costs in memory and in CPU.

use std::thread::sleep;

use super::hold::Held;
use super::options::{BenchOptions, Server};
use super::play::Spent;
use super::report::{Figure, Figures};
use super::site::{Kit, Site};
use crate::load::processes::float;

/// Measures one server; `sessions` are spread over all of its nodes.
pub fn measure(
    options: &BenchOptions,
    kit: &Kit,
    site: &Site,
    server: Server,
    sessions: usize,
) -> Result<Figures, String> {
    let settle = || sleep(options.seconds(10, 1));
    let count = float(sessions as u64);
    settle();
    let empty = resting(options, site, count);
    let before = site.rss_kib();
    let each = || (site.rss_kib() - before) / count;
    let arriving = Spent::until_now(site);
    let mut held = Held::open(kit, server, &site.addresses(), sessions)?;
    let arrived = Spent::until_now(site).since(&arriving, count / 1e3);
    settle();
    let welcomed = each();
    held.exchange()?;
    settle();
    if site.collect_garbage() {
        settle();
    }
    let memory = each();
    let mut figures = resting(options, site, count);
    for (figure, all) in &mut figures {
        // What the servers do without any session is no session's.
        if matches!(figure, Figure::ServerCpu | Figure::RedisCpu) {
            *all -= empty.get(figure).copied().unwrap_or_default();
        }
    }
    figures.extend([(Figure::Memory, memory), (Figure::MemoryWelcomed, welcomed)]);
    figures.extend(empty.get(&Figure::ServerLoad).map(|load| (Figure::EmptyLoad, *load)));
    figures.extend(arrived.get(&Figure::ServerCpu).map(|ms| (Figure::ArrivalCpu, *ms)));
    Ok(figures)
}

/// What is spent while nothing is asked, in millionths of a second for each session and second.
fn resting(options: &BenchOptions, site: &Site, sessions: f64) -> Figures {
    let before = Spent::until_now(site);
    sleep(options.seconds(20, 1));
    let after = Spent::until_now(site);
    after.since(&before, sessions * after.wall_s(&before) / 1e6)
}

/// What each player takes at a node where it is not: that node only mirrors the lobby.
pub fn mirrored(options: &BenchOptions, kit: &Kit, site: &Site, sessions: usize) -> Result<Figures, String> {
    sleep(options.seconds(10, 1));
    let before = site.rss_kib_of(1);
    let _held = Held::open(kit, Server::Nineflags, &site.target(0).host, sessions)?;
    sleep(options.seconds(10, 1));
    Ok(Figures::from([(Figure::Memory, (site.rss_kib_of(1) - before) / float(sessions as u64))]))
}
