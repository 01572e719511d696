//! Has what is stored counted for operators, by one node, in slices.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::sleep;

use super::App;
use crate::metrics;
use crate::redis::group::Group;
use crate::store::census::{Counts, Round};

/// Pause after each slice.
const SLICE_PAUSE: Duration = Duration::from_millis(200);
/// Pause after each round, or while another node counts.
const ROUND_PAUSE: Duration = Duration::from_secs(5);

/// Counts until the task is dropped.
pub async fn run(app: Arc<App>) {
    let groups: Vec<Group> = app.store.groups().into_iter().map(|(_, group)| group.clone()).collect();
    join_all(groups.iter().map(|group| count(&app, group))).await;
}

/// Each group by itself, so that one that hangs keeps nobody from the others.
async fn count(app: &App, group: &Group) {
    let mut round = Round::default();
    let mut told = BTreeSet::new();
    loop {
        // There is nothing to learn from a group that is away.
        group.back().await;
        if !app.is_elected() {
            round = Round::default();
            tell(group, &mut told, &Counts::new());
            sleep(ROUND_PAUSE).await;
            continue;
        }
        let pause = match app.store.census_slice(group, &mut round).await {
            Ok(None) => SLICE_PAUSE,
            Ok(Some(counts)) => {
                tell(group, &mut told, &counts);
                ROUND_PAUSE
            }
            Err(error) => {
                tracing::debug!(group = group.name(), %error, "what is stored could not be counted");
                ROUND_PAUSE
            }
        };
        sleep(pause).await;
    }
}

/// Tells how much there is of each kind; what was told of before and is not there any more is 0.
fn tell(group: &Group, told: &mut BTreeSet<String>, counts: &Counts) {
    told.extend(counts.keys().cloned());
    for kind in told.iter() {
        metrics::stored(group.name(), kind, counts.get(kind).copied().unwrap_or(0));
    }
}
