//! The thread that says that this node lives, and answers for it: whatever keeps the node's workers busy, its lease is renewed and
//! its health can be asked.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::cluster::App;
use crate::cluster::pulse::Pulse;
use crate::http::ops::{self, Ops};
use crate::metrics;
use crate::store::nodes::Lease;

/// How long a node's word stands: the others hold it to be dead after that.
pub const LIVES_MS: u64 = 3_000;
/// How often it is renewed.
const RENEW_EVERY: Duration = Duration::from_millis(500);
/// A renewal that comes later than this after the one before is counted.
const LATE_AFTER: Duration = Duration::from_millis(1_500);
/// How long it may take to end.
const STOP_WITHIN: Duration = Duration::from_secs(1);

/// The running thread.
pub struct LeaseThread {
    stop: Arc<watch::Sender<bool>>,
}

impl LeaseThread {
    /// Starts it, with the listener for operators if there is one; the second value ends when the thread does.
    pub fn start(
        lease: Lease,
        app: Arc<App>,
        pulse: Arc<Pulse>,
        ops: Option<(std::net::TcpListener, Arc<Ops>)>,
    ) -> std::io::Result<(Self, impl Future<Output = ()> + Send + use<>)> {
        let (stop, stopped) = watch::channel(false);
        let stop = Arc::new(stop);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name("lease".to_owned()).spawn(move || {
            runtime.block_on(run(lease, app, pulse, ops, stopped));
        })?;
        // The thread holds the receiver: it is dropped when the thread ends, also by a panic.
        let ended = Arc::clone(&stop);
        Ok((Self { stop }, async move { ended.closed().await }))
    }

    /// Renews no more, and answers no more.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        if timeout(STOP_WITHIN, self.stop.closed()).await.is_err() {
            tracing::warn!("the lease's thread does not end");
        }
    }
}

async fn run(
    lease: Lease,
    app: Arc<App>,
    pulse: Arc<Pulse>,
    ops: Option<(std::net::TcpListener, Arc<Ops>)>,
    mut stopped: watch::Receiver<bool>,
) {
    let answer = async {
        let Some((listener, ops)) = ops else { return std::future::pending().await };
        match TcpListener::from_std(listener) {
            Ok(listener) => ops::serve(listener, ops).await,
            Err(error) => tracing::error!(%error, "health and metrics cannot be served"),
        }
    };
    tokio::select! {
        () = renew(lease, &app, &pulse) => {}
        () = answer => {}
        _ = stopped.wait_for(|stop| *stop) => {}
    }
}

/// Renews for ever.
async fn renew(mut lease: Lease, app: &App, pulse: &Pulse) {
    let mut renewed_at = Instant::now();
    let mut failed = false;
    loop {
        let began = Instant::now();
        match lease.renew(&pulse.state(), LIVES_MS).await {
            Ok(lapsed) => {
                let since = renewed_at.elapsed();
                renewed_at = Instant::now();
                if since > LATE_AFTER {
                    metrics::lease_late();
                    tracing::warn!(ms = since.as_millis(), "the node's lease was renewed late");
                }
                if lapsed {
                    // The others may have taken out who is here.
                    app.sessions.doubt();
                }
                failed = false;
            }
            Err(error) => {
                if !failed {
                    tracing::warn!(%error, "the node's lease could not be renewed");
                }
                failed = true;
            }
        }
        sleep(RENEW_EVERY.saturating_sub(began.elapsed())).await;
    }
}
