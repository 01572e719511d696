//! Watches a group: whether it answers, by a question now and then and by a write while it is away; and who its primary is, by
//! the sentinels and by its own word.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::condition::write_of_nothing;
use super::error::StoreError;
use super::group::Group;
use super::primary::Primary;
use super::timeouts;
use super::wire::{self, Role};

/// How often the sentinels are asked although nothing seems wrong.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long complaints are gathered before the sentinels are asked.
const LOOK_PAUSE: Duration = Duration::from_millis(50);
/// How often a group that answers is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How often a group that is away is tried.
const TRY_EVERY: Duration = Duration::from_millis(100);

impl Group {
    /// Looks whether it answers, and follows the sentinels, so that a new primary is known before anything fails; never
    /// ends.
    pub async fn watch(self) {
        self.shared.away.is_watched();
        tokio::select! {
            () = probe(&self) => {}
            () = self.follow() => {}
        }
    }

    /// Follows the sentinels, if there are any.
    async fn follow(&self) {
        let Some(sentinels) = self.sentinels() else { return std::future::pending().await };
        let look = async {
            let mut tick = interval(LOOK_EVERY);
            tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                tokio::select! {
                    _ = tick.tick() => {}
                    () = self.shared.look.notified() => sleep(LOOK_PAUSE).await,
                }
                self.shared.doubtful.store(true, Ordering::Release);
                if let Err(error) = self.primary().await {
                    tracing::warn!(group = self.name(), %error, "no primary is known");
                }
            }
        };
        let check = async {
            loop {
                sleep(LOOK_EVERY).await;
                if let Err(error) = self.check().await {
                    tracing::warn!(group = self.name(), %error, "the primary is not in order");
                }
            }
        };
        tokio::select! {
            () = look => {}
            () = check => {}
            () = sentinels.listen(&self.shared.look) => {}
        }
    }

    /// Whether the sentinels' primary says itself that it is one.
    async fn check(&self) -> Result<(), StoreError> {
        let primary = self.primary().await?;
        if self.exchange(async |mut wire| wire::role(&mut wire).await).await? == Role::Other {
            self.leave(&primary, "it says that it is no primary");
        }
        Ok(())
    }
}

/// A connection of its own, so that a long answer to somebody else says nothing.
type Wire = Option<(Arc<Primary>, MultiplexedConnection)>;

/// Looks for ever.
async fn probe(group: &Group) {
    let away = &group.shared.away;
    let mut wire: Wire = None;
    loop {
        if group.is_away() {
            sleep(TRY_EVERY).await;
            if let Ok(Ok(())) = timeout(timeouts::TRY, try_to_write(group)).await {
                away.is_back();
            }
        } else {
            tokio::select! {
                () = sleep(ASK_EVERY) => {}
                () = group.away() => continue,
            }
            match timeout(timeouts::PROBE, ask(group, &mut wire)).await {
                Ok(Ok(())) => away.answered(),
                // Whoever connects notes what came of it.
                Ok(Err(_)) => wire = None,
                Err(_) => {
                    away.was_late(&"no answer to a question");
                    wire = None;
                }
            }
        }
    }
}

/// Asks on the connection there is; one that was lost is opened again, which tells whether it can be.
async fn ask(group: &Group, wire: &mut Wire) -> Result<(), StoreError> {
    let primary = group.primary().await?;
    let ping = redis::cmd("PING");
    if let Some((of, connection)) = wire
        && Arc::ptr_eq(of, &primary)
        && ping.query_async::<String>(connection).await.is_ok()
    {
        return Ok(());
    }
    let mut connection = group.connect(&primary).await?;
    ping.query_async::<String>(&mut connection).await?;
    *wire = Some((primary, connection));
    Ok(())
}

async fn try_to_write(group: &Group) -> Result<(), StoreError> {
    let primary = group.primary().await?;
    let mut connection = group.connect(&primary).await?;
    Ok(write_of_nothing().query_async::<()>(&mut connection).await?)
}

impl Group {
    /// Publishes nothing on a channel, for whoever wants to know whether it is heard.
    pub async fn probe(&self, channel: &str) -> Result<(), StoreError> {
        self.query(&redis::cmd("PUBLISH").arg(channel).arg("").to_owned()).await
    }
}
