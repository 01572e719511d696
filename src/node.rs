//! Builds one node, runs it, and ends it in order.

mod end;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusHandle;
use tokio::net::{TcpListener, TcpSocket, lookup_host};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{interval, sleep};

use crate::cluster::bus::{Bus, Heard};
use crate::cluster::mirror::Mirror;
use crate::cluster::sessions::Sessions;
use crate::cluster::shards::{Shard, Shards};
use crate::cluster::tables::Tables;
use crate::cluster::{App, census, dispatch, heartbeat, presence, pulse, reaper};
use crate::config::ServeConfig;
use crate::files::{FILES_MIN, Files};
use crate::http::assets::Assets;
use crate::http::ops::Ops;
use crate::http::replay::Replays;
use crate::http::{Http, Readiness, server};
use crate::ids::NodeId;
use crate::lease::{self, LeaseThread};
use crate::limits::Limits;
use crate::metrics;
use crate::origin::{self, Site};
use crate::passwords::Passwords;
use crate::readiness::{self, PrivateChild};
use crate::redis::care::Care;
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::redis::private::{ChildError, PrivateRedis};
use crate::redis::url::RedisUrl;
use crate::redis::watchdog;
use crate::setting::ListenAt;
use crate::store::nodes::Lease;
use crate::store::{Store, keys};
use crate::supervisor::{Ended, Supervisor};

/// How soon it is looked whether records of other nodes are saved, once there are some.
const SETTLE_EVERY: Duration = Duration::from_millis(50);
/// The rows of tables in the lobby are brought up to date so often.
const NEWS_EVERY: Duration = Duration::from_millis(500);
/// Bytes that the system may hold for one connection until they are read.
const SEND_BUFFER: u32 = 128 * 1024;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1_024;
/// Pause before the first writes of a node are tried again.
const TRY_AGAIN: Duration = Duration::from_millis(500);

/// Why a node could not start or had to end.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The private Redis did not start.
    #[error("{0}")]
    Child(#[from] ChildError),
    /// The store could not be reached.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The address cannot be served on.
    #[error("cannot serve on {address}: {error}")]
    Listen {
        /// The address.
        address: ListenAt,
        /// What the system said.
        error: std::io::Error,
    },
    /// Nobody could use the site.
    #[error("{0}")]
    Site(#[from] origin::Wrong),
    /// The operators' address cannot be served on.
    #[error("cannot serve health and metrics on {address}: {error}")]
    OpsListen {
        /// The address.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Nobody could be served for long.
    #[error(
        "only {0} files may be open at once, and a node needs {FILES_MIN} at least: raise the hard limit (ulimit -Hn; \
         LimitNOFILE of systemd, ulimits of a container)"
    )]
    Files(u64),
    /// A part of the node ended that it cannot go on without.
    #[error(transparent)]
    Task(#[from] Ended),
    /// The system refused something else.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

/// The signals that end a node.
struct Ends {
    terminate: Signal,
    interrupt: Signal,
}

impl Ends {
    fn new() -> std::io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

/// Runs a node until SIGTERM or SIGINT; `ready` is called with the address it serves on.
pub async fn serve(config: ServeConfig, ready: impl FnOnce(SocketAddr)) -> Result<(), NodeError> {
    let config = config.without_empty();
    // First, since the private Redis has the same.
    let files = Files::raise()?;
    if files.limit < FILES_MIN {
        return Err(NodeError::Files(files.limit));
    }
    tracing::debug!(limit = files.limit, connections = files.connections, "open files");
    let mut ends = Ends::new()?;
    let Some(url) = config.redis_url.clone() else {
        let child = tokio::select! {
            child = PrivateRedis::start(&config.data) => child?,
            () = ends.next() => return Ok(()),
        };
        let ended = run(config, files, child.url(), Some(child.state()), ends, ready).await;
        child.stop().await;
        return ended;
    };
    run(config, files, &url, None, ends, ready).await
}

async fn run(
    config: ServeConfig,
    files: Files,
    url: &RedisUrl,
    child: PrivateChild,
    mut ends: Ends,
    ready: impl FnOnce(SocketAddr),
) -> Result<(), NodeError> {
    let listener = listen(&config.listen)
        .await
        .map_err(|error| NodeError::Listen { address: config.listen.clone(), error })?;
    let address = listener.local_addr()?;
    let site = Site::new(config.origin.as_deref(), address)?;
    let ops = config.ops_listen.as_deref().map(listen_for_ops).transpose()?;
    let urls = config.redis_urls(url);
    let store = tokio::select! {
        store = Store::connect_patiently(&urls) => store?,
        () = ends.next() => return Ok(()),
    };
    let node = NodeId::random();
    let mut tasks = Supervisor::default();
    // Before anything is measured.
    let measured = metrics::page();
    tasks.spawn("groups", store.clone().watch());
    tasks.spawn("measures", keep_measured(measured));
    let always = vec![keys::LOBBY.to_owned(), keys::node(node)];
    let (bus, heard, listen) = Bus::open(store.data().clone(), always);
    tasks.spawn("bus", listen);
    let (shards, work) = Shards::open(&store, node, &bus);
    work.tasks.into_iter().for_each(|(name, task)| tasks.spawn(name, task));
    let tables = Tables::new(store.clone(), shards.clone(), bus.clone(), node, &config);
    let announced = config.address.clone().unwrap_or_else(|| address.to_string());
    let app = Arc::new(App {
        limits: Limits::new(config.limits.clone()),
        config,
        node,
        address: announced,
        store,
        mirror: Mirror::default(),
        tables,
        sessions: Sessions::default(),
        draining: AtomicBool::new(false),
        elected: AtomicBool::new(false),
        files,
    });
    // All are packed, which takes a processor for a while.
    let assets = tokio::task::spawn_blocking(Assets::default).await.unwrap_or_default();
    let begin = async || {
        app.store.heartbeat(&app.state(), lease::LIVES_MS).await?;
        app.tables.share_secret().await?;
        app.store.assets_put(&assets.hash, assets.iter()).await
    };
    tokio::select! {
        done = patiently(begin) => done?,
        () = ends.next() => return Ok(()),
    }
    let readiness = watch::Sender::new(Readiness::NotReady("starting".to_owned()));
    let pulse = Arc::new(pulse::Pulse::new(&app));
    let told = Ops { readiness: readiness.subscribe(), pulse: Arc::clone(&pulse) };
    let ops = ops.map(|listener| (listener, Arc::new(told)));
    let lease = Lease::open(&urls.data)?;
    let (lease, lease_ended) = LeaseThread::start(lease, Arc::clone(&app), Arc::clone(&pulse), ops)?;
    tasks.spawn("lease", lease_ended);
    tasks.spawn("pulse", pulse::beat(Arc::clone(&app), pulse));
    spawn_tasks(&app, &shards, heard, work.heard, &mut tasks);
    let http = Arc::new(Http {
        app: Arc::clone(&app),
        site,
        passwords: Passwords::default(),
        assets,
        replays: Replays::default(),
        readiness: readiness.subscribe(),
    });
    let (stop, stopped) = watch::channel(false);
    let mut server = tokio::spawn(server::serve(listener, http, stopped));
    let (look, looking) = oneshot::channel::<()>();
    let looked_after = readiness::look_after(Arc::clone(&app), bus, child, readiness.clone());
    // Whoever ends the node says itself that it is not ready.
    tasks.spawn("readiness", until_told(looked_after, looking));
    let mut wait = readiness.subscribe();
    let serving = async {
        // The sender is here, so that it cannot be gone.
        let _ = wait.wait_for(Readiness::serves).await;
        ready(address);
        tracing::info!(%address, %node, "serving");
        std::future::pending::<()>().await;
    };
    let mut wrong: Option<NodeError> = tokio::select! {
        () = serving => None,
        () = ends.next() => None,
        error = app.store.wrong_shard() => Some(error.into()),
        ended = tasks.first_end() => Some(ended.into()),
        ended = &mut server => Some(server_ended(ended).into()),
    };
    match &wrong {
        None => tracing::info!("ending"),
        Some(error) => tracing::error!("{error}"),
    }
    drop(look);
    tokio::select! {
        () = end::end(&app, &mut wrong, &mut tasks, &readiness, stop, server, lease) => {}
        () = ends.next() => {}
    }
    tasks.shutdown().await;
    wrong.map_or(Ok(()), Err)
}

/// Starts what keeps the node in touch with Redis and the other nodes.
fn spawn_tasks(
    app: &Arc<App>,
    shards: &Shards,
    heard: mpsc::Receiver<Heard>,
    heard_of_shards: Vec<(Group, mpsc::Receiver<Heard>)>,
    tasks: &mut Supervisor,
) {
    tasks.spawn("heartbeat", heartbeat::beat(Arc::clone(app)));
    tasks.spawn("presence", presence::look_after(Arc::clone(app)));
    tasks.spawn("reaper", reaper::run(Arc::clone(app)));
    tasks.spawn("census", census::run(Arc::clone(app)));
    tasks.spawn("dispatch", dispatch::run(Arc::clone(app), heard));
    tasks.spawn("announcements", announce(Arc::clone(app)));
    tasks.spawn("news", tell_news(Arc::clone(app)));
    // Where it is the data group, that one's bus tells that events may have been missed.
    if !app.store.archive().is(app.store.data()) {
        tasks.spawn("archive news", tell_of_archive(Arc::clone(app)));
    }
    tasks.spawn("tables", heartbeat::look_at_tables(Arc::clone(app), app.store.data().clone()));
    for (group, heard) in heard_of_shards {
        let name = group.name().to_owned();
        tasks
            .spawn(format!("dispatch of {name}"), dispatch::run_shard(Arc::clone(app), group.clone(), heard));
        tasks.spawn(format!("tables of {name}"), heartbeat::look_at_tables(Arc::clone(app), group));
    }
    for shard in shards.groups() {
        tasks.spawn(
            format!("replica wait of {}", shard.group.name()),
            settle(Arc::clone(app), Arc::clone(shard)),
        );
    }
    for (name, group) in app.store.groups() {
        if let Some(care) = Care::of_group(group) {
            tasks.spawn(format!("watchdog of {name}"), watchdog::watch(name.to_owned(), care));
        }
    }
}

/// The accept loop ended although nobody had told it to.
fn server_ended(ended: Result<(), tokio::task::JoinError>) -> Ended {
    let how = ended.map_or_else(|error| error.to_string(), |()| "came to an end".to_owned());
    Ended { task: "server".to_owned(), how }
}

/// Does something until told to leave it; then it counts as going on.
async fn until_told(work: impl Future<Output = ()>, told: oneshot::Receiver<()>) {
    tokio::select! {
        () = work => {}
        _ = told => std::future::pending().await,
    }
}

/// Has all sessions told again of their games whenever the archive is back, since the finished ones were not known.
async fn tell_of_archive(app: Arc<App>) {
    let archive = app.store.archive();
    loop {
        archive.away().await;
        archive.back().await;
        app.sessions.all_missed();
    }
}

/// Does the first writes of a node, again and again while Redis takes none; what cannot be mended by waiting is an error.
async fn patiently(begin: impl AsyncFn() -> Result<(), StoreError>) -> Result<(), StoreError> {
    loop {
        match begin().await {
            Err(error) if error.may_pass() => {
                tracing::warn!(%error, "the first heartbeat failed");
                sleep(TRY_AGAIN).await;
            }
            other => return other,
        }
    }
}

/// Listens at an address, or at the first of those a name has that can be listened at.
async fn listen(at: &ListenAt) -> std::io::Result<TcpListener> {
    let mut failed = std::io::Error::other("the name has no address");
    for address in lookup_host((at.host(), at.port())).await? {
        match listen_at(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Listens at one address. What a browser does not read waits in its outbox, and only a little of it in the system.
fn listen_at(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Listens at the operators' address.
fn listen_for_ops(address: &str) -> Result<std::net::TcpListener, NodeError> {
    let listen = || {
        let listener = std::net::TcpListener::bind(address)?;
        listener.set_nonblocking(true)?;
        Ok(listener)
    };
    listen().map_err(|error| NodeError::OpsListen { address: address.to_owned(), error })
}

/// Puts measured times into their buckets, also when nobody reads the page.
async fn keep_measured(measured: &'static PrometheusHandle) {
    let mut tick = interval(metrics::UPKEEP_EVERY);
    loop {
        tick.tick().await;
        measured.run_upkeep();
    }
}

/// Tells the sessions that show the lobby, a few times a second, that it changed.
async fn announce(app: Arc<App>) {
    loop {
        let pause = app.mirror.announce();
        sleep(pause).await;
    }
}

/// Tells the lobby, a few times a second, of the tables that moved on by this node.
async fn tell_news(app: Arc<App>) {
    let mut tick = interval(NEWS_EVERY);
    loop {
        tick.tick().await;
        if let Err(error) = app.tables.tell_news().await {
            tracing::warn!(%error, "the lobby could not be told of tables");
        }
    }
}

/// Tells keepers how much of what other nodes appended to one group is saved.
async fn settle(app: Arc<App>, shard: Arc<Shard>) {
    loop {
        shard.has_unsettled().await;
        // What comes within a moment is looked at together.
        sleep(SETTLE_EVERY).await;
        if let Err(error) = app.tables.settle(&shard).await {
            tracing::debug!(%error, "records of other nodes are not known to be saved yet");
        }
    }
}
