//! Follows a group: whether it answers, and who its primary is by the sentinels and by its own word.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use super::error::StoreError;
use super::group::Group;
use super::place::{self, Place, Role};
use super::probe;

/// How often the sentinels are asked although nothing seems wrong.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long complaints are gathered before the sentinels are asked.
const LOOK_PAUSE: Duration = Duration::from_millis(50);

impl Group {
    /// Looks whether it answers, and follows the sentinels, so that a new primary is known before anything fails; never
    /// ends.
    pub async fn watch(self) {
        self.shared.away.is_watched();
        tokio::select! {
            () = probe::look(&self) => {}
            () = self.follow() => {}
        }
    }

    /// Follows the sentinels, if there are any.
    async fn follow(&self) {
        let Place::Watched(sentinels) = &self.shared.place else { return std::future::pending().await };
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
        if self.exchange(async |mut wire| place::role(&mut wire).await).await? == Role::Other {
            self.leave(&primary, "it says that it is no primary");
        }
        Ok(())
    }
}
