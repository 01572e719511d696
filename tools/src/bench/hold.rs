//! Sessions that only exist, in a process of their own: it says when all are in, has them exchange messages when told to, and
//! ends with its standard input.

use std::io::{BufRead, Write};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use nineflags::files::Files;
use tokio::sync::{Semaphore, mpsc, watch};

use super::client::{self, Client, Heard};
use super::options::{HoldOptions, Server};
use super::play::ARRIVING;
use super::site::{FAILED, Kit, Process};
use crate::load::dial::Target;

/// How long thousands may take to connect, and to exchange some messages.
const WITHIN: Duration = Duration::from_mins(8);
/// Of one process, at most: the system lets many have 20,000 files.
const SESSIONS_MAX: usize = 19_000;
/// Moves that a pair makes to have exchanged something.
const MOVES: u32 = 4;

/// What is said.
const IN: &str = "all are in";
const EXCHANGED: &str = "all have exchanged messages";
/// What is told.
const EXCHANGE: &str = "exchange";

/// Processes that hold sessions.
pub struct Held(Vec<Process>);

impl Held {
    /// So many sessions, once all are in.
    pub fn open(kit: &Kit, server: Server, to: &str, sessions: usize) -> Result<Self, String> {
        let processes = sessions.div_ceil(SESSIONS_MAX);
        let one = |index: usize| {
            let part = |index: usize| (sessions * index / processes) & !1;
            kit.own(&[
                "hold".to_owned(),
                format!("--server={}", server.as_option()),
                format!("--to={to}"),
                format!("--sessions={}", part(index + 1) - part(index)),
                format!("--first={}", part(index)),
            ])
        };
        let held = Self((0..processes).map(one).collect::<Result<_, _>>()?);
        held.until(IN)?;
        Ok(held)
    }

    /// Has all exchange messages.
    pub fn exchange(&mut self) -> Result<(), String> {
        for process in &mut self.0 {
            process.tell(EXCHANGE)?;
        }
        self.until(EXCHANGED)
    }

    fn until(&self, what: &str) -> Result<(), String> {
        self.0.iter().try_for_each(|process| process.until(what, WITHIN).map(|_| ()))
    }
}

/// Holds sessions until standard input ends.
pub async fn hold(options: HoldOptions) -> Result<(), String> {
    Files::raise().map_err(|error| error.to_string())?;
    let (exchange, told) = watch::channel(false);
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            exchange.send_replace(line == EXCHANGE);
        }
        std::process::exit(0);
    });
    let ended = match open(&options, told).await {
        Ok(ended) => ended,
        Err(words) => return say(&format!("{FAILED}{words}")),
    };
    // Only a failure comes here.
    say(&format!("{FAILED}{ended}"))
}

/// Opens all, and gives why the first of them ended.
async fn open(options: &HoldOptions, told: watch::Receiver<bool>) -> Result<String, String> {
    let targets: Vec<Target> = options.to.iter().map(|address| Target::at(*address)).collect();
    let (pairs, first) = (options.sessions / 2, options.first / 2);
    let (done, mut dones) = mpsc::unbounded_channel();
    let at_once = Arc::new(Semaphore::new(ARRIVING));
    let mut opening = stream::iter(first..first + pairs)
        .map(|number| {
            let target = &targets[number % targets.len()];
            client::pair(options.server, [target, target], number)
        })
        .buffer_unordered(ARRIVING);
    while let Some(pair) = opening.next().await {
        let (pair, done, told, at_once) = (pair?, done.clone(), told.clone(), Arc::clone(&at_once));
        tokio::spawn(async move {
            let ended = keep(pair, told, &at_once, &done).await;
            // Nobody listens at the end.
            let _ = done.send(ended);
        });
    }
    say(IN)?;
    let mut exchanged = 0;
    while let Some(one) = dones.recv().await {
        if let Err(words) = one {
            return Ok(words);
        }
        exchanged += 1;
        if exchanged == pairs {
            say(EXCHANGED)?;
        }
    }
    Ok("all have ended".to_owned())
}

type Done = mpsc::UnboundedSender<Result<(), String>>;

async fn keep(
    mut pair: [Client; 2],
    mut told: watch::Receiver<bool>,
    at_once: &Semaphore,
    done: &Done,
) -> Result<(), String> {
    tokio::select! {
        ended = read(&mut pair) => return ended,
        _ = told.wait_for(|told| *told) => {}
    }
    let permit = at_once.acquire().await;
    exchange(&mut pair).await?;
    drop(permit);
    let _ = done.send(Ok(()));
    read(&mut pair).await
}

/// Reads all that comes, until a connection is gone.
async fn read([one, two]: &mut [Client; 2]) -> Result<(), String> {
    loop {
        tokio::select! {
            heard = one.next() => heard?,
            heard = two.next() => heard?,
        };
    }
}

async fn exchange(pair: &mut [Client; 2]) -> Result<(), String> {
    for number in 0..MOVES {
        let [one, two] = &mut *pair;
        if let (Client::Ours(one), Client::Ours(two)) = (&mut *one, &mut *two) {
            one.look_around().await?;
            return two.look_around().await;
        }
        let mover = if number % 2 == 0 { &mut *one } else { &mut *two };
        mover.make_move().await?;
        for client in [one, two] {
            while !matches!(client.next().await?, Heard::State(state) if state.number > number) {}
        }
    }
    Ok(())
}

fn say(words: &str) -> Result<(), String> {
    writeln!(std::io::stdout(), "{words}").map_err(|error| error.to_string())
}
