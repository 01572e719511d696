//! Whether a node can serve, looked at twice a second and told in words: at `/readyz`, in the log, and as numbers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::cluster::App;
use crate::cluster::bus::Bus;
use crate::http::Readiness;
use crate::metrics;
use crate::redis::condition::{Condition, explained};
use crate::redis::error::StoreError;
use crate::redis::private::ChildState;

/// How often it is looked whether the node can serve.
pub const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How long a shard that answers may be unheard: as long as it takes to listen again.
const DEAF_MAX: Duration = Duration::from_secs(4);

/// The private Redis of a node that has one.
pub type PrivateChild = Option<watch::Receiver<ChildState>>;

/// What is known of one group: its name, and how it is.
type Looked = (String, Result<Condition, StoreError>);

/// Looks until the task is dropped. Ready means: the groups are heard, and the data group takes writes. The node serves on
/// while another group is away, or replicas are missing, and says so.
pub async fn look_after(
    app: Arc<App>,
    bus: Bus,
    mut child: PrivateChild,
    readiness: watch::Sender<Readiness>,
) {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard_at = Instant::now();
    loop {
        tokio::select! {
            _ = tick.tick() => {}
            () = changed(child.as_mut()) => {}
        }
        let at_once = sooner(child.as_ref(), deaf_to(&app, &bus, &mut heard_at));
        if at_once.is_some() && readiness.borrow().serves() {
            // Why, exactly, is known only once Redis has answered or has not.
            tell(&readiness, at_once.clone().unwrap_or(Readiness::Ready));
        }
        let groups = app.store.groups();
        let looked = groups.iter().map(async |(name, group)| ((*name).to_owned(), group.condition().await));
        let looked: Vec<Looked> = join_all(looked).await;
        looked.iter().for_each(measure);
        let deaf = deaf_to(&app, &bus, &mut heard_at);
        metrics::bus(deaf.is_none());
        tell(&readiness, judge(sooner(child.as_ref(), deaf), &looked));
    }
}

/// Ends when the private Redis is otherwise than before; never without one.
async fn changed(child: Option<&mut watch::Receiver<ChildState>>) {
    let is_told = match child {
        Some(child) => child.changed().await.is_ok(),
        None => false,
    };
    if !is_told {
        std::future::pending::<()>().await;
    }
}

/// What is known without asking any Redis.
fn sooner(child: Option<&watch::Receiver<ChildState>>, deaf_to: Option<&str>) -> Option<Readiness> {
    if let Some(ChildState::Restarting(why)) = child.map(|child| child.borrow().clone()) {
        return Some(Readiness::NotReady(format!("the private Redis is being restarted: {why}")));
    }
    deaf_to.map(|group| Readiness::NotReady(format!("the bus of the group {group} hears nothing")))
}

/// The group this node should hear but does not. That no node hears a group that is away is no reason to go to another.
fn deaf_to<'a>(app: &'a App, bus: &Bus, heard_at: &mut Instant) -> Option<&'a str> {
    if !bus.is_up() {
        return Some(app.store.data().name());
    }
    let mut shards = app.tables.shards().groups().iter();
    let deaf_to = shards.find(|shard| !shard.bus.is_up() && !shard.group.is_away());
    if deaf_to.is_none() {
        *heard_at = Instant::now();
    }
    deaf_to.filter(|_| heard_at.elapsed() > DEAF_MAX).map(|shard| shard.group.name())
}

fn judge(sooner: Option<Readiness>, looked: &[Looked]) -> Readiness {
    let restarting =
        matches!(&sooner, Some(Readiness::NotReady(why)) if why.starts_with("the private Redis"));
    if let Some(first) = sooner.clone().filter(|_| restarting) {
        return first;
    }
    let mut reduced = Vec::new();
    for (number, (name, condition)) in looked.iter().enumerate() {
        match condition {
            Ok(condition) => reduced.extend(condition.reduced(name)),
            Err(error) if number == 0 => return Readiness::NotReady(words_of(name, error)),
            Err(error) => reduced.push(words_of(name, error)),
        }
    }
    match sooner {
        Some(not_ready) => not_ready,
        None if reduced.is_empty() => Readiness::Ready,
        None => Readiness::Reduced(reduced.join("; ")),
    }
}

/// What is wrong with a group, for an operator.
fn words_of(name: &str, error: &StoreError) -> String {
    let words = explained(error);
    if words.starts_with("Redis is out of reach") { words } else { format!("Redis ({name}): {words}") }
}

fn measure((name, condition): &Looked) {
    metrics::redis_writable(name, condition.is_ok());
    if let Ok(Condition { attached, expected, .. }) = condition {
        metrics::redis_replicas(name, *attached, *expected);
    }
}

/// Tells whoever waits for a change, and the log.
fn tell(readiness: &watch::Sender<Readiness>, now: Readiness) {
    metrics::ready(now.serves());
    let before = readiness.borrow().clone();
    if before == now {
        return;
    }
    match (&before, &now) {
        // The first word of a node is said by whoever started it.
        (Readiness::NotReady(why), Readiness::Ready) if why == "starting" => {}
        (_, Readiness::Ready) => tracing::info!("ready again"),
        (_, Readiness::Reduced(how)) => tracing::warn!("ready, but {how}"),
        (_, Readiness::NotReady(why)) => tracing::warn!("not ready: {why}"),
    }
    readiness.send_replace(now);
}

#[cfg(test)]
mod tests {
    use super::{Condition, Looked, Readiness, StoreError, judge, sooner};

    fn group(name: &str, attached: u64, expected: u64) -> Looked {
        (name.to_owned(), Ok(Condition { attached, expected, warnings: Vec::new() }))
    }

    fn away(name: &str) -> Looked {
        (name.to_owned(), Err(StoreError::Unavailable("no answer in time".to_owned())))
    }

    #[test]
    fn a_missing_replica_is_said_and_served_on() {
        assert_eq!(judge(None, &[group("data", 2, 2)]), Readiness::Ready);
        let reduced = judge(None, &[group("data", 1, 2), away("archive")]);
        let words = "data has 1 of 2 replicas; Redis is out of reach: no answer in time";
        assert_eq!(reduced, Readiness::Reduced(words.to_owned()));
    }

    #[test]
    fn without_the_first_group_or_the_bus_it_does_not_serve() {
        assert!(!judge(None, &[away("data"), group("archive", 0, 0)]).serves());
        let deaf = judge(sooner(None, Some("data")), &[group("data", 0, 0)]);
        assert_eq!(deaf, Readiness::NotReady("the bus of the group data hears nothing".to_owned()));
    }
}
