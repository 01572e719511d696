//! Looks whether a group answers: while it does, by a question now and then; while it is away, by a write.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::{sleep, timeout};

use super::error::StoreError;
use super::group::{Group, Primary};
use super::keys;

/// How often a group that answers is asked.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How long it may take to answer: two late answers, and it counts as away.
const ANSWER_WITHIN: Duration = Duration::from_millis(450);
/// How often a group that is away is tried.
const TRY_EVERY: Duration = Duration::from_millis(100);
/// How long one try may take, the connection included.
const TRY_WITHIN: Duration = Duration::from_millis(900);

/// A connection of its own, so that a long answer to somebody else says nothing.
type Wire = Option<(Arc<Primary>, MultiplexedConnection)>;

/// Looks for ever.
pub(super) async fn look(group: &Group) {
    let mut wire: Wire = None;
    loop {
        if group.is_away() {
            sleep(TRY_EVERY).await;
            if let Ok(Ok(())) = timeout(TRY_WITHIN, try_to_write(group)).await {
                group.is_back();
            }
        } else {
            tokio::select! {
                () = sleep(ASK_EVERY) => {}
                () = group.away() => continue,
            }
            match timeout(ANSWER_WITHIN, ask(group, &mut wire)).await {
                Ok(Ok(())) => group.answered(),
                // Whoever connects notes what came of it.
                Ok(Err(_)) => wire = None,
                Err(_) => {
                    group.was_late(&"no answer to a question");
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
    let set = redis::cmd("SET").arg(keys::WRITE_PROBE).arg("").arg("PX").arg(1).to_owned();
    Ok(set.query_async::<()>(&mut connection).await?)
}

impl Group {
    /// Publishes nothing on a channel, for whoever wants to know whether it is heard.
    pub async fn probe(&self, channel: &str) -> Result<(), StoreError> {
        self.query(&redis::cmd("PUBLISH").arg(channel).arg("").to_owned()).await
    }

    /// Writes nothing that stays, to know whether it takes writes.
    pub async fn write_nothing(&self) -> Result<(), StoreError> {
        let set = redis::cmd("SET").arg(keys::WRITE_PROBE).arg("").arg("PX").arg(1).to_owned();
        self.query(&set).await
    }
}
