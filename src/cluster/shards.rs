//! The groups that keep live games, as a node uses them: where records are appended and heard, and what waits there.

use std::collections::HashSet;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use super::bus::{Bus, BusDown, Heard, Listening};
use crate::ids::{NodeId, TableId};
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::store::Store;
use crate::store::games::Appender;

/// One group that keeps live games: one shard of the backup, or several.
pub struct Shard {
    /// The Redis group.
    pub group: Group,
    /// Where records are appended.
    pub appender: Appender,
    /// Where they are heard: the data group's bus, if it is that group.
    pub bus: Bus,
    /// It is not the data group, so that a table's channel is there and here.
    is_apart: bool,
    /// Tables with records of other nodes, or read from the stream, that may not be saved yet.
    unsettled: Mutex<HashSet<TableId>>,
    /// There are some.
    waits: Notify,
}

/// All of them.
#[derive(Clone)]
pub struct Shards {
    /// Each group once.
    groups: Vec<Arc<Shard>>,
    /// The group of each shard.
    places: Vec<usize>,
}

/// A task that is not spawned yet.
pub type Task = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What is to be run for them.
#[derive(Default)]
pub struct Work {
    /// Tasks to spawn, each with a name.
    pub tasks: Vec<(String, Task)>,
    /// What is heard from each group that is not the data group.
    pub heard: Vec<(Group, mpsc::Receiver<Heard>)>,
}

impl Shards {
    /// The shards of a store whose data group has a bus.
    pub fn open(store: &Store, node: NodeId, data_bus: &Bus) -> (Self, Work) {
        let (mut groups, mut places, mut work) = (Vec::<Arc<Shard>>::new(), Vec::new(), Work::default());
        for group in store.shards() {
            let known = groups.iter().position(|shard| shard.group.is(group));
            places.push(known.unwrap_or(groups.len()));
            if known.is_none() {
                groups.push(Arc::new(Shard::open(group, store.data(), node, data_bus, &mut work)));
            }
        }
        (Self { groups, places }, work)
    }

    /// Each group once.
    pub fn groups(&self) -> &[Arc<Shard>] {
        &self.groups
    }

    /// The group of a shard.
    pub fn shard(&self, shard: usize) -> &Arc<Shard> {
        &self.groups[self.places[shard]]
    }
}

impl Shard {
    fn open(group: &Group, data: &Group, node: NodeId, data_bus: &Bus, work: &mut Work) -> Self {
        let (appender, append) = Appender::open(group, data, node);
        work.tasks.push((format!("appends of {}", group.name()), Box::pin(append)));
        let is_apart = !group.is(data);
        let bus = if is_apart {
            let (bus, heard, listen) = Bus::open(group.clone(), Vec::new());
            work.tasks.push((format!("bus of {}", group.name()), Box::pin(listen)));
            work.heard.push((group.clone(), heard));
            bus
        } else {
            data_bus.clone()
        };
        Self {
            group: group.clone(),
            appender,
            bus,
            is_apart,
            unsettled: Mutex::default(),
            waits: Notify::new(),
        }
    }

    /// Hears the records of a table, beside what the data group's bus tells of it, as long as what it gives is kept.
    pub async fn listen(&self, channel: String) -> Result<Option<Listening>, StoreError> {
        if !self.is_apart {
            return Ok(None);
        }
        let down = |BusDown| StoreError::Unavailable("the bus hears nothing".to_owned());
        let heard = self.bus.listen(channel).await.map_err(down);
        heard.map(Some).map_err(|error| error.at(self.group.name()))
    }

    /// Has it looked, some time soon, how much of a table's records is saved.
    pub fn settle(&self, table: TableId) {
        self.unsettled().insert(table);
        self.waits.notify_one();
    }

    /// Ends when there is a table to be looked at.
    pub async fn has_unsettled(&self) {
        self.waits.notified().await;
    }

    /// The tables to be looked at.
    pub fn take_unsettled(&self) -> Vec<TableId> {
        self.unsettled().drain().collect()
    }

    fn unsettled(&self) -> MutexGuard<'_, HashSet<TableId>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
