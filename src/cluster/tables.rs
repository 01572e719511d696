//! This node's live copies: one keeper for each table with a seat or a watcher here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::timeout;

use super::bus::Bus;
use super::driver::{Inbox, ToTable};
use super::opening::keep;
use super::seals::Seals;
use super::shards::Shards;
use super::underway::Underway;
use crate::config::ServeConfig;
use crate::host::{Acted, Mover, Refusal, SeatAsk};
use crate::ids::{AccountId, NodeId, RequestId, SessionId, TableId};
use crate::lobby::event::TableNews;
use crate::member::Member;
use crate::protocol::{Message, RefusalCode, TableView};
use crate::redis::error::StoreError;
use crate::redis::group::Group;
use crate::store::Store;
use crate::store::games::records_by;
use crate::table::copy::{Answer, Proposal};
use crate::table::record::{KINDS, Tip};

/// Tables in one change of the lobby, at most.
const NEWS_MAX: usize = 500;
/// How long a look at a table may take.
const LOOK_WITHIN: Duration = Duration::from_secs(2);
/// Messages that may wait for one keeper.
pub const INBOX: usize = 256;
/// How long a caller waits for room in a keeper's inbox, and for the answer, before it is told `unavailable`.
const ROOM_WITHIN: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(6);

/// The tables of a node.
#[derive(Clone)]
pub struct Tables {
    pub(super) shared: Arc<Shared>,
}

/// What all keepers of a node use.
pub struct Shared {
    /// The store.
    pub store: Store,
    /// What seals the records that browsers keep.
    pub seals: Seals,
    /// Where records are appended and heard.
    pub(super) shards: Shards,
    /// Which node this is.
    pub node: NodeId,
    /// Seconds of absence after which the other seat may claim the win.
    pub away_win_secs: u64,
    /// Milliseconds after which a table with nobody connected is saved.
    pub abandoned_ms: u64,
    /// Records that a game has at least which is given up, to be kept for long.
    pub archive_least: usize,
    /// How long a table plays on without its backup.
    pub unsaved_limit: Duration,
    /// There is no other node: its Redis is its own.
    pub is_only_node: bool,
    /// The newest kinds of record that every live node knows.
    kinds_known: AtomicU32,
    pub(super) bus: Bus,
    /// Tables that moved on by records appended here, for the lobby.
    news: Mutex<HashMap<TableId, TableNews>>,
    /// Records that are applied here although the backup does not have them, by table.
    kept: Mutex<HashMap<TableId, u64>>,
    keepers: Mutex<HashMap<TableId, Kept>>,
    pub(super) underway: Arc<Underway>,
}

/// A keeper of this node.
struct Kept {
    inbox: mpsc::Sender<ToTable>,
    /// There was no room for something that was to be handed on.
    missed: Arc<Notify>,
    /// The shard of its records, once that is known.
    shard: Option<usize>,
}

impl Tables {
    /// No tables yet.
    pub fn new(store: Store, shards: Shards, bus: Bus, node: NodeId, config: &ServeConfig) -> Self {
        let shared = Shared {
            store,
            seals: Seals::default(),
            shards,
            node,
            away_win_secs: config.away_win_secs,
            abandoned_ms: config.abandoned_ms(),
            archive_least: config.archive_min_records,
            unsaved_limit: Duration::from_secs(config.unsaved_secs),
            is_only_node: config.redis_url.is_none(),
            // Until the first heartbeat has told: what every version knows.
            kinds_known: AtomicU32::new(1),
            bus,
            news: Mutex::default(),
            kept: Mutex::default(),
            keepers: Mutex::default(),
            underway: Arc::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The table as an account may see it.
    pub async fn look(&self, table: TableId, account: AccountId) -> Result<TableView, Refusal> {
        let look = self.ask_keeper(table, |reply| ToTable::Look(account, reply));
        // A keeper that waits for the backup shows nothing meanwhile.
        let look = timeout(LOOK_WITHIN, look).await.unwrap_or_else(|_| Err(Refusal::unavailable()))?;
        look.ok_or_else(no_table)
    }

    /// Shows a table to a session from now on: its whole view comes at once.
    /// Gives the bytes it was sent.
    pub async fn join(&self, table: TableId, member: Member) -> Result<usize, Refusal> {
        self.ask_keeper(table, |reply| ToTable::Join(member, reply)).await
    }

    /// Shows a table to a session no longer.
    pub async fn leave(&self, table: TableId, session: SessionId) {
        if let Some(keeper) = self.shared.live(table) {
            // A keeper that is gone shows nothing, and one that is too busy finds out by itself.
            let _ = timeout(ROOM_WITHIN, keeper.send(ToTable::Leave(session))).await;
        }
    }

    /// Carries out what a seat asks; a repeated request changes nothing and is answered alike.
    pub async fn ask(
        &self,
        table: TableId,
        mover: Mover,
        request: RequestId,
        ask: SeatAsk,
    ) -> Result<Acted, Refusal> {
        let asked = self.ask_keeper(table, |reply| ToTable::Ask(mover, request.clone(), ask, reply)).await;
        match asked {
            // Its answer may have been lost, and the table is put away since.
            Err(refusal) if refusal.code == RefusalCode::NoTable => {
                self.ended_by(table, mover.account, &request).await.unwrap_or(Err(refusal))
            }
            asked => asked?,
        }
    }

    /// Makes sure that the copy here is at least as far as a browser has seen; it may give sealed records back.
    pub async fn seen(
        &self,
        table: TableId,
        account: AccountId,
        tip: Tip,
        sealed: Vec<String>,
    ) -> Result<Tip, Refusal> {
        self.ask_keeper(table, |reply| ToTable::Seen(account, tip, sealed, reply)).await?
    }

    /// Takes in the secret that the cluster shares.
    pub async fn share_secret(&self) -> Result<(), StoreError> {
        self.shared.seals.share(&self.shared.store).await
    }

    /// Says something at a table.
    pub async fn say(
        &self,
        table: TableId,
        account: AccountId,
        request: RequestId,
        message: Message,
    ) -> Result<(), Refusal> {
        self.ask_keeper(table, |reply| ToTable::Say(account, request, message, reply)).await?
    }

    /// Hands on what was published on a table's channel.
    pub fn heard(&self, table: TableId, payload: String) {
        let own = records_by(self.shared.node, &payload);
        if !own.is_some_and(|first| self.shared.underway.heard(table, first)) {
            self.shared.hand_on(table, ToTable::Heard(payload));
        }
    }

    /// Hands on how many watch a table.
    pub fn watchers(&self, table: TableId, count: u32) {
        self.shared.hand_on(table, ToTable::Watchers(count));
    }

    /// Looks after a table whose deadline has come: what was left half done there is done.
    pub fn due(&self, table: TableId) {
        // A keeper that cannot be opened, or is too busy, leaves the deadline to the next node.
        let _ = self.keeper(table).try_send(ToTable::Due);
    }

    /// The groups that keep live games.
    pub fn shards(&self) -> &Shards {
        &self.shared.shards
    }

    /// What seals the records that browsers keep.
    pub fn seals(&self) -> &Seals {
        &self.shared.seals
    }

    /// Whether some live node is of an older version, which knows fewer kinds of record.
    pub fn knows_old_nodes(&self) -> bool {
        self.shared.knows_old_nodes()
    }

    /// Tells which kinds of record every live node knows.
    pub fn set_kinds_known(&self, kinds: u32) {
        self.shared.kinds_known.store(kinds, Ordering::Relaxed);
        self.shared.store.set_kinds_known(kinds);
    }

    /// The tip held here of a table, if a copy is here.
    pub async fn tip(&self, table: TableId) -> Option<Tip> {
        let (reply, answer) = oneshot::channel();
        let keeper = self.shared.live(table)?;
        timeout(ROOM_WITHIN, keeper.send(ToTable::Tip(reply))).await.ok()?.ok()?;
        timeout(ANSWER_WITHIN, answer).await.ok()?.ok()
    }

    /// Tells the lobby, in one change, of all tables that moved on by this node since the last call.
    pub async fn tell_news(&self) -> Result<(), StoreError> {
        let news: Vec<TableNews> = self.shared.news().drain().map(|(_, news)| news).collect();
        for (number, rows) in news.chunks(NEWS_MAX).enumerate() {
            if let Err(error) = self.shared.store.tables_news(rows).await {
                let mut waiting = self.shared.news();
                for news in news.into_iter().skip(number * NEWS_MAX) {
                    // A table may have moved on meanwhile.
                    waiting.entry(news.table).or_insert(news);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Whether a live copy of a table is here.
    pub fn is_kept(&self, table: TableId) -> bool {
        self.shared.live(table).is_some()
    }

    /// How many tables are kept here.
    pub fn count(&self) -> usize {
        self.shared.count()
    }

    /// Records appended here that are not known to be saved.
    pub fn unsaved(&self) -> u64 {
        self.shared.underway.unsaved() + self.shared.kept().values().sum::<u64>()
    }

    /// Tables with records that the backup does not have.
    pub fn playing_on(&self) -> usize {
        self.shared.kept().len()
    }

    async fn ask_keeper<T>(
        &self,
        table: TableId,
        message: impl FnOnce(oneshot::Sender<T>) -> ToTable,
    ) -> Result<T, Refusal> {
        let (reply, answer) = oneshot::channel();
        let keeper = self.keeper(table);
        match timeout(ROOM_WITHIN, keeper.send(message(reply))).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(self.why_unanswered(table).await),
            Err(_) => return Err(Refusal::unavailable()),
        }
        match timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) => Err(self.why_unanswered(table).await),
            Err(_) => Err(Refusal::unavailable()),
        }
    }

    /// A keeper that does not answer found no table, or could not read it just now.
    async fn why_unanswered(&self, table: TableId) -> Refusal {
        match self.shared.store.table_info(table).await {
            Ok(None) => no_table(),
            Ok(Some(_)) | Err(_) => Refusal::unavailable(),
        }
    }

    /// The keeper of a table, started if there is none.
    fn keeper(&self, table: TableId) -> mpsc::Sender<ToTable> {
        let mut keepers = self.shared.keepers();
        if let Some(keeper) = keepers.get(&table).filter(|keeper| !keeper.inbox.is_closed()) {
            return keeper.inbox.clone();
        }
        let (sender, inbox) = mpsc::channel(INBOX);
        let missed = Arc::new(Notify::new());
        keepers.insert(table, Kept { inbox: sender.clone(), missed: Arc::clone(&missed), shard: None });
        tokio::spawn(keep(table, Arc::clone(&self.shared), Inbox { messages: inbox, missed }));
        sender
    }
}

fn no_table() -> Refusal {
    Refusal::new(RefusalCode::NoTable, "That table is not being played at.")
}

impl Shared {
    /// Whether some live node is of an older version.
    pub(super) fn knows_old_nodes(&self) -> bool {
        self.kinds_known.load(Ordering::Relaxed) < KINDS
    }

    /// The newest kinds of record that every live node knows.
    pub(super) fn kinds_known(&self) -> u32 {
        self.kinds_known.load(Ordering::Relaxed)
    }

    /// Appends a proposal at a table's shard, and waits so long for the answer; the keeper hears later that it is saved.
    pub async fn append(
        &self,
        shard: usize,
        table: TableId,
        proposal: &Proposal,
        mover: Option<Mover>,
        patience: Duration,
    ) -> Result<Answer, StoreError> {
        let keeper = self.live(table);
        let underway = Arc::clone(&self.underway);
        let saved = move |number| {
            underway.saved(table, number);
            if let Some(keeper) = &keeper {
                // A keeper too busy to listen hears of it with the next record.
                let _ = keeper.try_send(ToTable::Durable(number));
            }
        };
        let at = self.underway.sent(table, proposal);
        let shard = self.shards.shard(shard);
        let append = shard.appender.append(table, proposal, mover, Box::new(saved));
        let answer = timeout(patience, append).await.unwrap_or_else(|_| {
            Err(StoreError::Unavailable("the append was not answered in time".to_owned()))
        });
        self.underway.answered(shard.group.name(), table, proposal, at, &answer);
        answer
    }

    /// Notes how many records a keeper has that the backup does not.
    pub fn keeps_unsaved(&self, table: TableId, records: usize) {
        if records == 0 {
            self.kept().remove(&table);
        } else {
            self.kept().insert(table, u64::try_from(records).unwrap_or(u64::MAX));
        }
    }

    fn kept(&self) -> MutexGuard<'_, HashMap<TableId, u64>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a table moved on.
    pub fn moved_on(&self, news: TableNews) {
        self.news().insert(news.table, news);
    }

    fn news(&self) -> MutexGuard<'_, HashMap<TableId, TableNews>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a keeper told how much is saved, with others, some time soon.
    pub fn settle(&self, table: TableId) {
        if let Some(shard) = self.shard_of(table) {
            self.shards.shard(shard).settle(table);
        }
    }

    /// Forgets the keeper of a table, whose inbox is closed.
    pub fn gone(&self, table: TableId) {
        let mut keepers = self.keepers();
        if keepers.get(&table).is_some_and(|keeper| keeper.inbox.is_closed()) {
            keepers.remove(&table);
        }
    }

    /// Forgets an idle keeper, unless somebody has just sent it something.
    pub fn let_go(&self, table: TableId, inbox: &mut mpsc::Receiver<ToTable>) -> bool {
        let mut keepers = self.keepers();
        if inbox.is_empty() {
            inbox.close();
            keepers.remove(&table);
        }
        inbox.is_closed()
    }

    /// Ends when no keeper of a table is here.
    pub(super) async fn closed(&self, table: TableId) {
        if let Some(keeper) = self.live(table) {
            keeper.closed().await;
        }
    }

    fn live(&self, table: TableId) -> Option<mpsc::Sender<ToTable>> {
        let keepers = self.keepers();
        keepers.get(&table).map(|keeper| &keeper.inbox).filter(|inbox| !inbox.is_closed()).cloned()
    }

    /// Notes which shard has a table's records.
    pub(super) fn place(&self, table: TableId, shard: usize) {
        if let Some(keeper) = self.keepers().get_mut(&table) {
            keeper.shard = Some(shard);
        }
    }

    /// The shard of a table kept here.
    pub(super) fn shard_of(&self, table: TableId) -> Option<usize> {
        self.keepers().get(&table)?.shard
    }

    fn count(&self) -> usize {
        self.keepers().values().filter(|keeper| !keeper.inbox.is_closed()).count()
    }

    /// The tables kept here of which a group has something, each with its shard: the data group has of all.
    pub(super) fn at(&self, group: &Group) -> Vec<(TableId, usize)> {
        let of_all = group.is(self.store.data());
        let is_there = |shard: usize| of_all || self.store.backup(shard).is(group);
        let keepers = self.keepers();
        let open = keepers.iter().filter(|(_, keeper)| !keeper.inbox.is_closed());
        let placed = open.filter_map(|(table, keeper)| Some((*table, keeper.shard?)));
        placed.filter(|(_, shard)| is_there(*shard)).collect()
    }

    fn keepers(&self) -> MutexGuard<'_, HashMap<TableId, Kept>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Hands something to a keeper without waiting; a keeper whose inbox is full reads everything again later.
    pub(super) fn hand_on(&self, table: TableId, message: ToTable) {
        if let Some(keeper) = self.live(table)
            && let Err(TrySendError::Full(_)) = keeper.try_send(message)
            && let Some(keeper) = self.keepers().get(&table)
        {
            keeper.missed.notify_one();
        }
    }
}
