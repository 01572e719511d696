//! A node's end: in order while its browsers can go elsewhere, at once where it lacks a part.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::NodeError;
use crate::cluster::{App, reaper};
use crate::http::Readiness;
use crate::lease::LeaseThread;
use crate::metrics;
use crate::supervisor::Supervisor;

/// The last part of the grace, in which what is left is closed.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);
/// The last part of that, in which the other nodes are told that this one is gone.
const TELL_WITHIN: Duration = Duration::from_millis(500);
/// How often it is looked whether all sessions are gone.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Ends what the node serves, in order where it can be, then its lease, and tells the others that it is gone. A task that breaks
/// down meanwhile is what is wrong from then on.
pub(super) async fn end(
    app: &App,
    wrong: &mut Option<NodeError>,
    tasks: &mut Supervisor,
    readiness: &watch::Sender<Readiness>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    lease: LeaseThread,
) {
    let could_serve = readiness.borrow().serves();
    let is_not_ready = |why: String| {
        readiness.send_replace(Readiness::NotReady(why));
        metrics::ready(false);
    };
    is_not_ready(wrong.as_ref().map_or_else(|| "draining".to_owned(), ToString::to_string));
    if !matches!(wrong, Some(NodeError::Task(_))) {
        tokio::select! {
            () = in_order(app, could_serve, stop, server) => {}
            ended = tasks.first_end() => {
                tracing::error!("{ended}");
                is_not_ready(ended.to_string());
                *wrong = Some(ended.into());
            }
        }
    }
    let mut tell_within = TELL_WITHIN;
    if matches!(wrong, Some(NodeError::Task(_))) {
        break_off(app).await;
        // Nothing was drained: there is more to tell.
        tell_within = CLOSE_WITHIN;
    }
    lease.stop().await;
    if timeout(tell_within, reaper::end(app)).await.is_ok_and(|ended| ended.is_ok()) {
        tracing::debug!("the node's end is told");
    } else {
        tracing::warn!("the node's end could not be told; another will reap it");
    }
}

/// Lets everybody go elsewhere.
async fn in_order(app: &App, could_serve: bool, stop: watch::Sender<bool>, server: JoinHandle<()>) {
    if could_serve {
        keep_listening(app).await;
    }
    app.draining.store(true, Ordering::Relaxed);
    drain(app, stop, server).await;
}

/// Serves on for a while although the node is not ready: balancers that look every few seconds go on sending people here.
async fn keep_listening(app: &App) {
    sleep(Duration::from_secs(app.config.drain_delay_secs)).await;
}

/// Sends everybody away at once: a node that lacks a part can serve nobody any more.
async fn break_off(app: &App) {
    app.draining.store(true, Ordering::Relaxed);
    app.sessions.close_all();
    if timeout(CLOSE_WITHIN, nobody_left(app)).await.is_err() {
        tracing::warn!(sessions = app.sessions.count(), "sessions do not end");
    }
}

/// Asks every browser to reconnect, and serves on until they are gone or the grace is over.
async fn drain(app: &App, stop: watch::Sender<bool>, server: JoinHandle<()>) {
    let grace = Duration::from_secs(app.config.grace_secs);
    let until = Instant::now() + grace.saturating_sub(TELL_WITHIN);
    if app.config.redis_url.is_some() {
        let most_ms = u64::try_from(grace.saturating_sub(CLOSE_WITHIN).as_millis()).unwrap_or(u64::MAX);
        app.sessions.ask_all_to_reconnect(app.config.drain_spread_ms.min(most_ms));
        let gone = timeout(grace.saturating_sub(CLOSE_WITHIN), nobody_left(app)).await;
        if gone.is_err() {
            tracing::warn!(sessions = app.sessions.count(), "the grace is over with sessions left");
        }
    }
    // With a private Redis there is no other node to go to: everybody waits for this one.
    app.sessions.close_all();
    stop.send_replace(true);
    let closed = async {
        nobody_left(app).await;
        // What the backup does not have yet is only here, and in browsers.
        while app.tables.playing_on() > 0 {
            sleep(LOOK_EVERY).await;
        }
        // The server ends once it has answered what it was asked.
        let _ = server.await;
    };
    if timeout_at(until, closed).await.is_err() {
        tracing::warn!("the grace is over with requests left");
    }
}

async fn nobody_left(app: &App) {
    while app.sessions.count() > 0 {
        sleep(LOOK_EVERY).await;
    }
}
