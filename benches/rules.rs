//! How fast the rules are on one core: random games, claim verdicts, views, replays. Numbers to read, never asserted.
//! `cargo bench --bench rules verdicts` measures only those.
#![expect(clippy::print_stdout, reason = "the numbers are for whoever runs this")]
#![expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use nineflags::http::replay::{Range, made, unpacked};
use nineflags::ids::{AccountId, TableId};
use nineflags::rules::flag::Flag;
use nineflags::rules::game::{Game, Options};
use nineflags::rules::seat::{BySeat, Seat};
use nineflags::rules::troops::Troops;
use nineflags::rules::view::Viewer;
use nineflags::store::archive::ArchivedGame;
use nineflags::table::copy::{Answer, Copy, Effect, Intent};
use nineflags::table::options::TableOptions;
use nineflags::table::record::Start;

#[path = "../tests/pure/dice.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod dice;
#[path = "../tests/pure/random_play.rs"]
#[expect(dead_code, reason = "the tests use more of it")]
mod random_play;

use dice::Dice;
use random_play::RandomPlay;

/// How long each thing is measured.
const AT_LEAST: Duration = Duration::from_secs(2);
/// Repetitions of one verdict between two looks at the clock, which itself takes some 25 ns.
const REPEATED: u32 = 64;

fn main() {
    // Cargo adds --bench.
    let wanted: Vec<String> =
        std::env::args().skip(1).filter(|argument| !argument.starts_with("--")).collect();
    let wants = |what: &str| wanted.is_empty() || wanted.iter().any(|name| name == what);
    if wants("games") {
        games();
    }
    let positions = positions(100);
    if wants("verdicts") {
        verdicts(&positions);
    }
    if wants("views") {
        views(&positions);
    }
    if wants("replays") {
        replays();
    }
}

/// The time this thread has had a core for, so that the numbers are the same on a busy machine; where the system does
/// not tell, the time that went by.
fn core_time(started: Instant) -> Duration {
    let ran = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let ran = ran.and_then(|text| text.split_whitespace().next()?.parse().ok());
    ran.map_or_else(|| started.elapsed(), Duration::from_nanos)
}

/// Does `work` over and over, and prints how many of what it counts were done in a second of one core.
fn measure(what: &str, mut work: impl FnMut() -> usize) -> f64 {
    let started = Instant::now();
    let (before, mut done) = (core_time(started), 0);
    while core_time(started).saturating_sub(before) < AT_LEAST {
        for _ in 0..20 {
            done += work();
        }
    }
    let rate = done as f64 / core_time(started).saturating_sub(before).as_secs_f64();
    println!("{what:<44} {rate:>14.0} per second");
    rate
}

fn games() {
    let (mut seed, mut moves, mut started) = (0, 0, 0);
    let rate = measure("random games with tactics", || {
        seed += 1;
        started += 1;
        moves += RandomPlay::new(Options::default(), Dice::new(seed)).finish();
        1
    });
    let each = moves as f64 / f64::from(started);
    println!("{:<44} {:>14.0} ns per move, {each:.0} moves a game", "", 1e9 / rate / each);
}

/// A game before each of its turns.
fn positions(games: u64) -> Vec<Game> {
    let mut found = Vec::new();
    for seed in 0..games {
        let mut play = RandomPlay::new(Options::default(), Dice::new(seed));
        let mut last = None;
        while play.game.turn().is_some() {
            if play.game.turn() != last {
                found.push(play.game.clone());
                last = play.game.turn();
            }
            if play.step().is_none() {
                break;
            }
        }
    }
    found
}

/// Every flag that may be claimed in a position.
fn claims(positions: &[Game]) -> Vec<(Flag, Seat, Troops)> {
    let of = |game: &Game| {
        let seat = game.turn().unwrap_or(Seat::First);
        game.claimable().map(|flag| (*game.flag(flag), seat, game.unplayed())).collect::<Vec<_>>()
    };
    positions.iter().flat_map(of).collect()
}

fn verdicts(positions: &[Game]) {
    let claims = claims(positions);
    measure("claim verdicts", || {
        for (flag, seat, unplayed) in &claims {
            black_box(black_box(flag).verdict(*seat, *unplayed));
        }
        claims.len()
    });
    let mut times: Vec<u128> = claims.iter().map(verdict_ns).collect();
    times.sort_unstable();
    let at = |share: usize| times[(times.len() - 1) * share / 100];
    println!("{:<44} {:>14} ns at the median, {} ns at 99 %, {} different", "", at(50), at(99), times.len());
    measure("refusals with their counter-examples", || {
        let counter = |(flag, seat, unplayed): &(Flag, Seat, Troops)| {
            let place = nineflags::rules::flag::FlagIndex::new(0)?;
            black_box(flag).counter(place, *seat, *unplayed)
        };
        claims.iter().filter_map(counter).map(black_box).count()
    });
}

fn verdict_ns((flag, seat, unplayed): &(Flag, Seat, Troops)) -> u128 {
    let started = Instant::now();
    for _ in 0..REPEATED {
        black_box(black_box(flag).verdict(*seat, *unplayed));
    }
    started.elapsed().as_nanos() / u128::from(REPEATED)
}

fn views(positions: &[Game]) {
    let each = |look: &mut dyn FnMut(&Game, Viewer)| {
        for game in positions {
            for viewer in [Viewer::First, Viewer::Second, Viewer::Watcher] {
                look(game, viewer);
            }
        }
        3 * positions.len()
    };
    measure("views with claim hints", || {
        each(&mut |game, viewer| {
            black_box(game.view(viewer, true));
        })
    });
    let mut text = Vec::new();
    measure("views as JSON", || {
        each(&mut |game, viewer| {
            text.clear();
            serde_json::to_writer(&mut text, &game.view(viewer, true)).expect("a view is JSON");
            black_box(&text);
        })
    });
}

/// What a call for a finished game costs: the first, which makes its replay, and each one after it without brotli; with brotli
/// those send what is kept.
fn replays() {
    let games: Vec<ArchivedGame> = (1..9).map(finished).collect();
    let range = Range::default();
    let ms = |rate: f64| println!("{:<44} {:>14.2} ms each", "", 1e3 / rate);
    let mut next = games.iter().cycle();
    ms(measure("replays made and packed", || {
        black_box(made(next.next().expect("some").clone(), range).expect("a game"));
        1
    }));
    let packed: Vec<_> = games.into_iter().filter_map(|game| made(game, range)).collect();
    let mut next = packed.iter().cycle();
    ms(measure("replays unpacked again", || {
        black_box(unpacked(next.next().expect("some")).expect("it was packed"));
        1
    }));
    let sizes = packed.iter().map(|replay| (replay.len(), unpacked(replay).map_or(0, |text| text.len())));
    let (small, large) = sizes.max().unwrap_or_default();
    println!("{:<44} {small:>14} bytes, {large} unpacked", "the largest");
}

/// A random game, one request for each move.
fn finished(seed: u64) -> ArchivedGame {
    let mut play = RandomPlay::new(Options::default(), Dice::new(seed));
    let start = Start {
        game: TableId::random(),
        accounts: BySeat { first: AccountId::random(), second: AccountId::random() },
        names: BySeat { first: "Ann".parse().expect("a name"), second: "Mira".parse().expect("a name") },
        options: TableOptions::default(),
        decks: random_play::decks(&mut Dice::new(seed)),
        nonce: "00ff".to_owned(),
    };
    let mut copy = Copy::open(start.game);
    let mut proposal = copy.propose_start(&"start".parse().expect("an id"), start);
    for number in 0_u64.. {
        let salted = copy.salted(proposal);
        assert_eq!(copy.outcome(salted, Answer::Appended { time_ms: number }), Effect::Applied);
        let Some((seat, mv)) = play.step() else { break };
        let id = format!("bench-{number}").parse().expect("an id");
        proposal = copy.propose(seat, &id, &Intent::Moves(vec![mv])).expect("it is legal");
    }
    ArchivedGame::of(&copy).expect("a game")
}
