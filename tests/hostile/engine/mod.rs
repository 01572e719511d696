//! One attack after the other against a node at which others play, each on a node of its own; a second node looks on.

pub mod attack;
mod flood;
pub mod options;
pub mod report;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use nineflags::files::Files;
use nineflags::store::keys;
use nineflags_tools::load;
use nineflags_tools::load::dial::{Target, exchange, websocket};
use nineflags_tools::load::options::{Address, LoadOptions};
use nineflags_tools::load::report::Report as Play;
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::Message;

use self::attack::{Attack, Scene};
use self::options::Options;
use self::report::{Report, Row};
use crate::harness::browser::{Browser, seated};
use crate::harness::node::{ANY, Node};
use crate::harness::process::free_port;
use crate::harness::redis::Redis;

/// How often readiness and the list of nodes are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);
/// How long readiness may take to answer.
const READY_WITHIN: Duration = Duration::from_secs(2);
/// How long a player thinks about a move, on average, in milliseconds.
const PAUSE_MS: u64 = 50;
/// From here the players come, so that they do not share the attackers' addresses.
const PLAYERS: &str = "127.0.1.1-127.0.1.40";

/// The address from which it is asked who plays.
const SCOUT: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 2, 1));
/// How often that is asked.
const SCOUT_EVERY: Duration = Duration::from_millis(500);

/// Runs all attacks.
pub fn run(options: &Options, tell: &dyn Fn(&str)) -> Result<Report, String> {
    let all = if options.attacks.is_empty() { Attack::all() } else { options.attacks.clone() };
    let mut report = Report::default();
    // Attackers hold thousands of connections, and leave the players their own.
    Files::raise().map_err(|error| error.to_string())?;
    // One thread for all attackers: what they cost this machine is taken from the node that they attack.
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    for attack in all {
        for addresses in &options.from {
            let row = runtime.block_on(trial(options, attack, *addresses))?;
            tell(&format!(
                "{attack} from {addresses}: p99 {:.1} ms in the quiet, {:.1} ms under attack",
                row.quiet_p99_ms, row.p99_ms
            ));
            report.add(row);
        }
    }
    Ok(report)
}

async fn trial(options: &Options, attack: Attack, addresses: u8) -> Result<Row, String> {
    let place = tempfile::tempdir().map_err(|error| error.to_string())?;
    let redis = Redis::alone(&place.path().join("redis"));
    let ops = free_port();
    let start = |ops: u16| {
        let ops = format!("127.0.0.1:{ops}");
        let url = redis.url();
        let variables = [
            ("REDIS_URL", url.as_str()),
            ("NINEFLAGS_LOG", "off"),
            ("NINEFLAGS_OPS_LISTEN", ops.as_str()),
            // The limits are what is attacked: those of the page, not those of tests.
            ("NINEFLAGS_LIMITS", ""),
        ];
        let program = options.binary.as_deref().unwrap_or(Path::new(env!("CARGO_BIN_EXE_nineflags")));
        Node::start_program(program, ANY, place.path(), &variables)
    };
    let (node, _looks_on) = (start(ops), start(free_port()));
    // An earlier release has no listener of its own for this.
    let ops = SocketAddr::from((Ipv4Addr::LOCALHOST, ops));
    let ready_at = if tokio::net::TcpStream::connect(ops).await.is_ok() { ops } else { node.address };

    let quiet = played(options, &node).await?;
    let scene = Arc::new(set(&node, attack).await?);
    let watch = Arc::new(Watch::default());
    let mut attackers = JoinSet::new();
    for source in 0..addresses {
        let from = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2 + source));
        for worker in 0..attack.workers() {
            attackers.spawn(attack.carry_on(Arc::clone(&scene), from, worker));
        }
    }
    attackers.spawn(look(Arc::clone(&watch), ready_at, redis.port));
    attackers.spawn(scout(Arc::clone(&scene)));
    let under = played(options, &node).await;
    attackers.shutdown().await;
    let under = under?;

    let usage = under.processes.get(&node.pid()).copied().unwrap_or_default();
    Ok(Row {
        attack,
        addresses,
        quiet_p50_ms: quiet.opponent.p50_ms,
        quiet_p99_ms: quiet.opponent.p99_ms,
        quiet_moves: quiet.opponent.count,
        p50_ms: under.opponent.p50_ms,
        p99_ms: under.opponent.p99_ms,
        moves: under.opponent.count,
        losses: under.losses,
        cpu: usage.cpu_s / under.play_s.max(0.1),
        memory_mib: usage.peak_rss_mib,
        sent: scene.sent.load(Ordering::Relaxed),
        refused: scene.refused.load(Ordering::Relaxed),
        not_ready: watch.not_ready.load(Ordering::Relaxed),
        reaped: watch.reaped.load(Ordering::Relaxed) > 0,
    })
}

/// Has pairs play for a while, on threads of their own, and gives their report.
async fn played(options: &Options, node: &Node) -> Result<Play, String> {
    let Options { pairs, secs, .. } = options;
    let line = format!(
        "load --to http://{} --pairs {pairs} --seconds {secs} --pause-ms {PAUSE_MS} --sources {PLAYERS} --pids {}",
        node.address,
        node.pid()
    );
    let play = move || {
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        runtime.block_on(load::run(LoadOptions::parse_from(line.split_whitespace()), |_| {}))
    };
    tokio::task::spawn_blocking(play).await.map_err(|error| error.to_string())?
}

/// Two people at a table, who receive what is sent to them and do nothing.
async fn set(node: &Node, attack: Attack) -> Result<Scene, String> {
    let (one, two) = (Browser::guest(node.address).await, Browser::guest(node.address).await);
    let (one, two, table) = seated(one, two).await;
    let host = node.address.to_string();
    let to = Target::find(&Address { host }, None).await?;
    let games = exchange(&to, None, "/api/games", None).await?;
    let games: Value = serde_json::from_str(&games.body).unwrap_or_default();
    let game = first_id(&games);
    if attack == Attack::Replays && game.is_none() {
        return Err("no game was finished in the quiet: give it more seconds (--secs)".to_owned());
    }
    let victim = one.name.to_string();
    for mut browser in [one, two] {
        tokio::spawn(async move { while browser.next().await.is_some() {} });
    }
    Ok(Scene::new(to, victim, table.to_string(), game.unwrap_or_default()))
}

/// Finds out again and again who plays, and where: those are attacked.
async fn scout(scene: Arc<Scene>) {
    let Ok(guest) = exchange(&scene.to, Some(SCOUT), "/api/guest", Some("{}")).await else { return };
    let Some(cookie) = guest.cookie else { return };
    let Ok(socket) = websocket(&scene.to, Some(SCOUT), &cookie).await else { return };
    let (mut send, mut read) = socket.split();
    let ask = async {
        for list in ["tables", "players"].into_iter().cycle() {
            let page = format!(r#"{{"id":"s{}","ask":"lobby","list":"{list}","search":""}}"#, scene.number());
            if send.send(Message::text(page)).await.is_err() {
                return;
            }
            sleep(SCOUT_EVERY).await;
        }
    };
    let hear = async {
        while let Some(Ok(heard)) = read.next().await {
            let told: Value =
                heard.to_text().ok().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            let column = |list: &str, field: &str| -> Vec<String> {
                let rows = told.pointer(&format!("/rows/{list}")).and_then(Value::as_array);
                rows.into_iter().flatten().filter_map(|row| Some(row[field].as_str()?.to_owned())).collect()
            };
            scene.found(column("tables", "table"), column("players", "name"));
        }
    };
    tokio::select! {
        () = ask => {}
        () = hear => {}
    }
}

/// The id of the first game in a list, wherever it stands there.
fn first_id(value: &Value) -> Option<String> {
    match value {
        Value::Array(list) => list.iter().find_map(first_id),
        Value::Object(fields) => {
            let own = ["table", "id", "game"]
                .iter()
                .find_map(|name| fields.get(*name)?.as_str().map(str::to_owned));
            own.or_else(|| fields.values().find_map(first_id))
        }
        _ => None,
    }
}

/// What is seen from outside meanwhile.
#[derive(Default)]
struct Watch {
    not_ready: AtomicU64,
    reaped: AtomicU64,
}

/// Looks again and again whether the node is ready, and whether both nodes are in the list of those that live.
async fn look(watch: Arc<Watch>, ready_at: SocketAddr, redis: u16) {
    let host = ready_at.to_string();
    let Ok(to) = Target::find(&Address { host }, None).await else { return };
    loop {
        let answer = timeout(READY_WITHIN, exchange(&to, None, "/readyz", None)).await;
        if !answer.is_ok_and(|answer| answer.is_ok_and(|reply| reply.status == 200)) {
            watch.not_ready.fetch_add(1, Ordering::Relaxed);
        }
        let asked = tokio::task::spawn_blocking(move || {
            crate::harness::redis::ask::<u64>(redis, &["SCARD", keys::NODES])
        });
        if asked.await.is_ok_and(|living| living.is_some_and(|living| living < 2)) {
            watch.reaped.fetch_add(1, Ordering::Relaxed);
        }
        sleep(LOOK_EVERY).await;
    }
}
