//! The row of those who lose their connections all at once and come again as browsers do.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::client::{Client, Role, WITHIN};
use super::options::{BenchOptions, Server};
use super::ours::{Login, Ours};
use super::peer::Peer;
use super::play::{ARRIVING, Spent};
use super::report::{Figure, Figures};
use super::site::Site;
use crate::load::choice::Dice;
use crate::load::dial::Target;
use crate::load::processes::float;

/// The client's own: pauses between two tries, by lot from nothing to a bound that doubles, and how long one may take.
const BACKOFF_MS: (usize, usize) = (400, 8_000);
const TRY_WITHIN: Duration = Duration::from_secs(20);
/// How long all may take to be back.
const BACK_WITHIN: Duration = Duration::from_mins(5);

/// Who comes again.
#[derive(Clone)]
enum Visitor {
    Guest(Box<Login>),
    Other(Server, usize),
}

impl Visitor {
    async fn new(to: &Target, server: Server, number: usize) -> Result<Self, String> {
        Ok(match server {
            Server::Nineflags => Self::Guest(Box::new(Login::new(to, number).await?)),
            other => Self::Other(other, number),
        })
    }

    async fn connect(&self, to: &Target) -> Result<Client, String> {
        Ok(match self {
            Self::Guest(login) => Client::Ours(Box::new((**login).clone().connect(to).await?)),
            Self::Other(server, number) => {
                let (table, role) = (format!("table-{}", number / 2), Role::Seat(number % 2));
                Client::Peer(Box::new(Peer::open(*server, to, *number, table, role).await?))
            }
        })
    }
}

/// How often each was refused, of those who are back.
#[derive(Default)]
struct Back {
    welcome: usize,
    refused_once: u64,
    refused_again: u64,
    why: Option<String>,
}

/// Measures one server.
pub async fn measure(
    options: &BenchOptions,
    site: &Site,
    server: Server,
    count: usize,
) -> Result<Figures, String> {
    let to = site.target(0);
    let (cut, is_cut) = watch::channel(false);
    let (tell, mut told) = mpsc::unbounded_channel();
    let back = Arc::new(Mutex::new(Back::default()));
    let mut visitors = JoinSet::new();
    let mut opening = stream::iter(0..count)
        .map(|number| async move {
            let visitor = Visitor::new(to, server, number).await?;
            let mut client =
                timeout(WITHIN, visitor.connect(to)).await.map_err(|_| "not connected in time")??;
            if let Client::Ours(ours) = &mut client {
                Ours::look_around(ours).await?;
            }
            Ok::<_, String>((visitor, client, number))
        })
        .buffer_unordered(ARRIVING);
    while let Some(opened) = opening.next().await {
        let (visitor, client, number) = opened?;
        let (to, back) = (to.clone(), Arc::clone(&back));
        visitors.spawn(come_again(to, visitor, client, number, is_cut.clone(), back, tell.clone()));
    }
    sleep(options.seconds(10, 1)).await;
    let memory = site.rss_kib();
    let before = Spent::until_now(site);
    cut.send_replace(true);
    let all = async {
        for _ in 0..count {
            told.recv().await;
        }
    };
    // Who is not back by then is counted as not welcome.
    let _ = timeout(BACK_WITHIN, all).await;
    let after = Spent::until_now(site);
    sleep(options.seconds(60, 3)).await;
    let back = back.lock().unwrap_or_else(PoisonError::into_inner);
    let mut figures = after.since(&before, float(count as u64) / 1e3);
    figures.extend([
        (Figure::Unwelcome, float((count - back.welcome) as u64)),
        (Figure::RefusedOnce, float(back.refused_once)),
        (Figure::RefusedAgain, float(back.refused_again)),
        (Figure::BackAfter, after.wall_s(&before)),
        (Figure::MemoryAfter, site.rss_kib() / memory),
    ]);
    match &back.why {
        Some(why) if back.welcome == 0 => Err(why.clone()),
        _ => Ok(figures),
    }
}

async fn come_again(
    to: Target,
    visitor: Visitor,
    mut client: Client,
    number: usize,
    mut is_cut: watch::Receiver<bool>,
    back: Arc<Mutex<Back>>,
    tell: mpsc::UnboundedSender<()>,
) {
    tokio::select! {
        () = read(&mut client) => {}
        _ = is_cut.wait_for(|is_cut| *is_cut) => {}
    }
    drop(client);
    let mut dice = Dice::new(number as u64);
    let mut tries = 0;
    let mut client = loop {
        let trouble = match timeout(TRY_WITHIN, visitor.connect(&to)).await {
            Ok(Ok(client)) => break client,
            Ok(Err(words)) => words,
            Err(_) => "no welcome in time".to_owned(),
        };
        {
            let mut back = back.lock().unwrap_or_else(PoisonError::into_inner);
            back.refused_once += u64::from(tries == 0);
            back.refused_again += u64::from(tries == 1);
            back.why.get_or_insert(trouble);
        }
        let bound = (BACKOFF_MS.0 << tries.min(8)).min(BACKOFF_MS.1);
        sleep(Duration::from_millis(dice.below(bound) as u64)).await;
        tries += 1;
    };
    back.lock().unwrap_or_else(PoisonError::into_inner).welcome += 1;
    // Nobody counts any more where it took too long.
    let _ = tell.send(());
    read(&mut client).await;
}

/// Reads until the connection is gone.
async fn read(client: &mut Client) {
    while client.next().await.is_ok() {}
}
