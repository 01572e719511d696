//! `nineflags-tools bench`: what a node costs, beside the bare sockets and what others build such a server with.

mod bars;
mod client;
pub mod floor;
pub mod hold;
mod idle;
mod little;
mod lobby;
pub mod options;
mod ours;
mod peer;
mod play;
mod reconnect;
pub mod report;
mod site;
mod watchers;

use std::time::Duration;

use nineflags::files::Files;
use tokio::time::{sleep, timeout};

use self::options::{BenchOptions, Server};
use self::play::{Pace, Pairs, Spent};
use self::report::{Figure, Figures, Report, Row, Sample};
use self::site::{Kit, Site};

/// How long one measurement may take.
const WITHIN: Duration = Duration::from_mins(15);
/// Pairs that take their time while the others do not, and how much on average.
const CALM_PAIRS: usize = 20;
const CALM_MS: u64 = 1_000;

/// What is measured in one go: fresh servers, and so many of what the row counts.
struct Case {
    row: Row,
    name: &'static str,
    server: Server,
    nodes: usize,
    count: usize,
}

/// The case of those who are at another node than the one measured.
const MIRRORED: &str = "5,000, at another node";

/// Measures everything that is asked for; `tell` is told how it goes.
pub async fn run(options: &BenchOptions, tell: impl Fn(&str)) -> Result<Report, String> {
    // What is started has the same limit.
    Files::raise().map_err(|error| error.to_string())?;
    let kit = Kit::new(options)?;
    let mut samples = Vec::new();
    for round in 1..=options.rounds {
        for mut cases in rows(options) {
            // What heats a machine up in one round cools it down in the next.
            if round.is_multiple_of(2) {
                cases.reverse();
            }
            for case in cases {
                let Case { row, name, server, .. } = case;
                tell(&format!("round {round}: {row:?}, {name}, {}", server.name()));
                let outcome = timeout(WITHIN, measure(options, &kit, &case)).await;
                let outcome = outcome.unwrap_or_else(|_| Err("not in time".to_owned()));
                let sample = Sample { round, row, case: name, server, outcome };
                // A run is long: what was measured is told at once.
                tell(&serde_json::to_string(&sample).map_err(|error| error.to_string())?);
                samples.push(sample);
            }
        }
    }
    let scale = if options.quick { options::QUICK } else { options.scale };
    Ok(Report::new((options.rounds, scale, kit.is_pinned()), samples))
}

/// The cases of each row that is asked for.
fn rows(options: &BenchOptions) -> Vec<Vec<Case>> {
    const OURS: [Server; 1] = [Server::Nineflags];
    const AND_FLOOR: [Server; 2] = [Server::Nineflags, Server::Floor];
    let all = [
        (Row::Moves, "200 pairs", 1, 200, &Server::ALL[..]),
        (Row::Growth, "50 pairs", 1, 50, &OURS),
        (Row::Growth, "5,000 pairs", 1, 5_000, &OURS),
        (Row::Growth, "50 pairs on three nodes", 3, 50, &OURS),
        (Row::Growth, "5,000 pairs on three nodes", 3, 5_000, &OURS),
        (Row::Overload, "1,000 pairs", 1, 1_000, &Server::ALL),
        (Row::Idle, "5,000", 1, 5_000, &Server::ALL),
        (Row::Idle, MIRRORED, 2, 5_000, &OURS),
        (Row::Idle, "19,000", 1, 19_000, &AND_FLOOR),
        (Row::Idle, "50,000 on three nodes", 3, 50_000, &OURS),
        (Row::Watchers, "5,000 watchers", 1, 5_000, &Server::ALL),
        (Row::Reconnect, "19,000 browsers", 1, 19_000, &AND_FLOOR),
        (Row::Lobby, "20,000 players", 3, 20_000, &OURS),
    ];
    let wanted = |row: Row| options.rows.is_empty() || options.rows.contains(&row);
    let measured = |server: &&Server| options.servers.is_empty() || options.servers.contains(server);
    let case =
        |row, name, nodes, count, server| Case { row, name, server, nodes, count: options.scaled(count) };
    let rows = all.into_iter().filter(|(row, ..)| wanted(*row));
    rows.map(|(row, name, nodes, count, servers)| {
        servers.iter().filter(measured).map(|server| case(row, name, nodes, count, *server)).collect()
    })
    .collect()
}

async fn measure(options: &BenchOptions, kit: &Kit, case: &Case) -> Result<Figures, String> {
    let Case { row, server, nodes, count, name } = *case;
    // The floor's welcomes read as much as a node's, where that is what is compared.
    let reads = row == Row::Reconnect && server == Server::Floor;
    let site = Site::start(kit, server, nodes, reads)?;
    match row {
        Row::Moves | Row::Growth => moves(options, &site, server, count).await,
        Row::Overload => overload(options, &site, server, count).await,
        Row::Idle if name == MIRRORED => idle::mirrored(options, kit, &site, count),
        Row::Idle => idle::measure(options, kit, &site, server, count),
        Row::Watchers => watchers::measure(options, &site, server, count).await,
        Row::Reconnect => reconnect::measure(options, &site, server, count).await,
        Row::Lobby => lobby::measure(options, kit, &site, count).await,
    }
}

async fn moves(options: &BenchOptions, site: &Site, server: Server, pairs: usize) -> Result<Figures, String> {
    let pairs = Pairs::open(site, server, (0, pairs), Pace::Full, None).await?;
    pairs.begin().await?;
    let [tally] = measured(options, site, [&pairs]).await;
    let mut figures = tally.0;
    if server == Server::Nineflags {
        figures.extend(tally.1.view_figures());
    }
    Ok(figures)
}

async fn overload(
    options: &BenchOptions,
    site: &Site,
    server: Server,
    pairs: usize,
) -> Result<Figures, String> {
    let busy = Pairs::open(site, server, (0, pairs), Pace::Full, None).await?;
    let calm = Pairs::open(site, server, (pairs, CALM_PAIRS), Pace::Mean(CALM_MS), None).await?;
    calm.begin().await?;
    busy.begin().await?;
    let [(mut figures, _), (calm, _)] = measured(options, site, [&busy, &calm]).await;
    let of = |figures: &Figures, figure| figures.get(&figure).copied().unwrap_or(f64::NAN);
    let (busy_p50, calm_p50) = (of(&figures, Figure::AnswerP50), of(&calm, Figure::AnswerP50));
    figures.extend([
        (Figure::CalmP50, calm_p50),
        (Figure::CalmP99, of(&calm, Figure::AnswerP99)),
        (Figure::CalmWait, calm_p50 / busy_p50),
        (Figure::Lost, of(&figures, Figure::Lost) + of(&calm, Figure::Lost)),
    ]);
    Ok(figures)
}

/// Lets pairs play for a while, and gives what each kind of them did.
async fn measured<const KINDS: usize>(
    options: &BenchOptions,
    site: &Site,
    kinds: [&Pairs; KINDS],
) -> [(Figures, play::Tally); KINDS] {
    sleep(options.seconds(4, 1)).await;
    let before = Spent::until_now(site);
    for pairs in kinds {
        pairs.measure(true);
    }
    sleep(options.seconds(10, 2)).await;
    for pairs in kinds {
        pairs.measure(false);
    }
    let after = Spent::until_now(site);
    kinds.map(|pairs| {
        let tally = pairs.tally();
        (tally.figures(&before, &after), tally)
    })
}
