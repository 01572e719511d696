//! `nineflags-tools load`: plays whole games through the public websocket, measures, and judges what it was told.

pub mod bench;
pub mod choice;
pub mod dial;
pub mod frame;
mod hears;
pub mod history;
pub mod judge;
pub mod link;
pub mod measure;
pub mod memory;
pub mod options;
pub mod player;
pub mod processes;
pub mod report;
pub mod seated;
pub mod stage;
pub mod trial;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::try_join_all;
use nineflags::limits::Limit;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use self::bench::Watcher;
use self::choice::Dice;
use self::link::Link;
use self::options::LoadOptions;
use self::player::Player;
use self::processes::{Processes, float};
use self::report::Report;
use self::stage::{Login, Stage};

/// Bots that cannot all connect in so long, and 200 ms for each, will not.
const ARRIVED_WITHIN: Duration = Duration::from_mins(1);
/// How long watchers may take to hear the last end.
const WATCHERS_WITHIN: Duration = Duration::from_secs(15);
/// Open files beside the websockets.
const OTHER_FILES: u64 = 200;
/// Open files of this process, at most.
const FILES_MAX: u64 = 20_000;

/// Plays, measures and judges; `tell` is told how it goes, about once a second. Fails when it cannot begin.
pub async fn run(options: LoadOptions, tell: impl Fn(&str)) -> Result<Report, String> {
    run_on(Arc::new(Stage::open(options).await?), tell).await
}

/// The same on a stage that somebody else looks at meanwhile.
pub async fn run_on(stage: Arc<Stage>, tell: impl Fn(&str)) -> Result<Report, String> {
    let options = &stage.options;
    make_room(options.sessions())?;
    let mut processes = Processes::watch(options.pids.iter().copied().chain([std::process::id()]));
    let mut dice = Dice::new(stage.seed);
    tell(&format!("{} bots log in", options.sessions()));
    let mut logins = log_in(&stage, options.sessions(), &tell).await?.into_iter();
    let mut link = |login: Login| {
        let seed = dice.below(usize::MAX) as u64;
        (login.name.clone(), Link::new(Arc::clone(&stage), login, Dice::new(seed)), Dice::new(seed + 1))
    };

    let (stop, stopped) = watch::channel(false);
    let mut idle = JoinSet::new();
    for login in logins.by_ref().take(options.idle) {
        idle.spawn(bench::idle(link(login).1, stopped.clone()));
    }
    let mut players = JoinSet::new();
    let mut watchers = JoinSet::new();
    for pair in 0..options.pairs {
        let (Some(one), Some(two)) = (logins.next(), logins.next()) else { break };
        let (board, tables) = watch::channel(None);
        let names = (one.name.clone(), two.name.clone());
        let (_, ones, dice) = link(one);
        players.spawn(Player::new(ones, dice, pair, names.clone(), Some(board)).play());
        let (_, twos, dice) = link(two);
        players.spawn(Player::new(twos, dice, pair, (names.1, names.0), None).play());
        let bench = if options.watch_one && pair > 0 { 0 } else { options.watchers };
        for login in logins.by_ref().take(bench) {
            let (name, link, _) = link(login);
            watchers.spawn(Watcher::new(link, name.to_string(), tables.clone()).watch());
        }
    }

    arrive(&stage, &mut players, &tell).await?;
    let began = Instant::now();
    let peak = play(&stage, &mut players, &mut processes, &tell).await;
    let play_s = began.elapsed().as_secs_f64();
    stop.send_replace(true);
    wind_up(&stage, watchers, idle).await;
    processes.look();

    let mut report = blank(&stage, &processes);
    report.play_s = play_s;
    report.records_per_s_peak = peak;
    report.records_per_s = float(stage.meters.counts().records) / play_s;
    report.count(&stage.meters.counts());
    tell("judging");
    trial::hold(&stage, &mut report, &tell).await;
    Ok(report)
}

/// Raises the limit of open files to what is needed, if the system lets it.
fn make_room(sessions: usize) -> Result<(), String> {
    let needed = sessions as u64 + OTHER_FILES;
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    if needed > FILES_MAX.min(hard) {
        return Err(format!(
            "{sessions} bots are too many: {} files may be open at once",
            FILES_MAX.min(hard)
        ));
    }
    if soft < needed {
        setrlimit(Resource::RLIMIT_NOFILE, needed, hard).map_err(|error| error.to_string())?;
    }
    Ok(())
}

async fn log_in(stage: &Arc<Stage>, count: usize, tell: &impl Fn(&str)) -> Result<Vec<Login>, String> {
    let seed = stage.seed;
    let all = (0..count).map(|number| {
        let stage = Arc::clone(stage);
        let login = async move { stage.log_in(&mut Dice::new(seed ^ number as u64)).await };
        async { tokio::spawn(login).await.map_err(|error| error.to_string())? }
    });
    let mut all = std::pin::pin!(try_join_all(all));
    let mut tick = interval(Duration::from_secs(5));
    tick.tick().await;
    let guests = Limit::Guests.line();
    let words = format!(
        "still logging in: by {} (unless NINEFLAGS_LIMITS says otherwise) an address gets {} guests; --sources gives more addresses",
        guests.name, guests.allowance
    );
    loop {
        tokio::select! {
            logins = &mut all => return logins,
            _ = tick.tick() => tell(&words),
        }
    }
}

/// Waits until all bots have connected.
async fn arrive(
    stage: &Stage,
    players: &mut JoinSet<Result<(), String>>,
    tell: &impl Fn(&str),
) -> Result<(), String> {
    let began = Instant::now();
    let mut tick = interval(Duration::from_millis(50));
    let mut told = began;
    while !stage.is_everyone_in() {
        tokio::select! {
            _ = tick.tick() => {}
            Some(Ok(Err(words))) = players.join_next() => return Err(words),
        }
        let arrived = stage.meters.counts().arrived;
        if told.elapsed() > Duration::from_secs(1) {
            told = Instant::now();
            tell(&format!("{arrived} of {} bots connected", stage.options.sessions()));
        }
        if began.elapsed() > ARRIVED_WITHIN && began.elapsed().as_secs() > stage.options.sessions() as u64 / 5
        {
            return Err(format!("only {arrived} of {} bots could connect", stage.options.sessions()));
        }
    }
    Ok(())
}

/// Waits for all players, and tells how it goes; gives the most records of a second.
async fn play(
    stage: &Stage,
    players: &mut JoinSet<Result<(), String>>,
    processes: &mut Processes,
    tell: &impl Fn(&str),
) -> u64 {
    let began = Instant::now();
    let mut tick = interval(Duration::from_secs(1));
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut before, mut peak, mut moved) = (0, 0, began);
    loop {
        tokio::select! {
            ended = players.join_next() => match ended {
                Some(Ok(Ok(()))) => {}
                Some(Ok(Err(words))) => stage.meters.fault(words),
                Some(Err(error)) => stage.meters.fault(format!("a bot failed: {error}")),
                None => return peak,
            },
            _ = tick.tick() => {
                processes.look();
                let now = stage.meters.counts().records;
                peak = peak.max(now - before);
                if now > before {
                    moved = Instant::now();
                }
                tell(&progress(stage, began, players.len(), now - before));
                before = now;
                if stage.options.seconds.is_some_and(|most| began.elapsed() >= Duration::from_secs(most)) {
                    stage.stop();
                }
                let patience = Duration::from_secs(stage.options.stuck_secs)
                    + Duration::from_millis(stage.options.pause_ms) * 2;
                if moved.elapsed() > patience || stage.is_given_up() {
                    stage.give_up();
                    let words = format!("{} players wait for nothing: the run is given up", players.len());
                    stage.meters.fault(words);
                    players.shutdown().await;
                    return peak;
                }
            }
        }
    }
}

fn progress(stage: &Stage, began: Instant, players: usize, now: u64) -> String {
    let counts = stage.meters.counts();
    format!(
        "{:.0} s: {players} players, {} games started, {} over; {} records, {now}/s; answers p99 {:.1} ms; {} \
         connections lost, {} asked over, {} faults",
        began.elapsed().as_secs_f64(),
        counts.games_started,
        counts.games_over,
        counts.records,
        counts.answer.summary().p99_ms,
        counts.losses,
        counts.asked_over,
        counts.faults.len(),
    )
}

/// Watchers hear the last end and leave by themselves; the lobby's bots were told to.
async fn wind_up(
    stage: &Stage,
    mut watchers: JoinSet<Result<(), String>>,
    mut idle: JoinSet<Result<(), String>>,
) {
    let leaving = async {
        while let Some(ended) = watchers.join_next().await {
            if let Ok(Err(words)) = ended {
                stage.meters.fault(words);
            }
        }
        while let Some(ended) = idle.join_next().await {
            if let Ok(Err(words)) = ended {
                stage.meters.fault(words);
            }
        }
    };
    // Whoever is late is on the way to a node that is gone, and holds nothing up.
    let _ = timeout(WATCHERS_WITHIN, leaving).await;
    watchers.shutdown().await;
    idle.shutdown().await;
}

fn blank(stage: &Stage, processes: &Processes) -> Report {
    let options = &stage.options;
    let none = measure::Times::default().summary();
    let mut usage = processes.usage();
    let own = if options.pids.contains(&std::process::id()) {
        usage.get(&std::process::id()).copied()
    } else {
        usage.remove(&std::process::id())
    };
    Report {
        pairs: options.pairs,
        watchers: options.watchers_all(),
        idle: options.idle,
        seed: stage.seed,
        play_s: 0.0,
        games_started: 0,
        games_archived: 0,
        records: 0,
        records_per_s: 0.0,
        records_per_s_peak: 0,
        answers: 0,
        answer: none,
        opponent: none,
        watcher: none,
        recovery: none,
        moved_over: none,
        longest_wait_ms: 0.0,
        losses: 0,
        asked_over: 0,
        failed_connects: 0,
        repeats: 0,
        stalls: 0,
        lost_seats: 0,
        refusals: std::collections::BTreeMap::new(),
        closes: std::collections::BTreeMap::new(),
        views_compared: 0,
        views_not_compared: 0,
        went_back: 0,
        taken_back: 0,
        sittings_not_timed: 0,
        accepted_back: 0,
        unsaved_back: 0,
        lost: 0,
        processes: usage,
        own: own.unwrap_or_default(),
        violations: Vec::new(),
    }
}
