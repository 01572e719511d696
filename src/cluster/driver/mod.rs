//! The driver of one table: the task that hands a host its inputs, carries its outputs out, and brings the replies of the
//! stores back. It decides nothing.

mod carry;
mod exchange;

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};

use super::seals::Sealed;
use super::tables::Shared;
use crate::fault;
use crate::host::{Acted, Refusal, Reply, Safeguard, Said};
use crate::host::{Compared, Facts, Host, Input, Mover, Published, SeatAsk, Settings, TableInfo, Ticket};
use crate::ids::{AccountId, RequestId, SessionId, TableId};
use crate::member::Member;
use crate::protocol::{CloseCode, Message, TableView};
use crate::redis::group::Group;
use crate::table::record::Tip;

/// What reaches a table.
#[derive(Debug)]
pub enum ToTable {
    /// Tells the table as an account may see it.
    Look(AccountId, oneshot::Sender<Option<TableView>>),
    /// Shows the table to a session from now on; answered with the bytes sent to it.
    Join(Member, oneshot::Sender<usize>),
    /// A session is gone, or stops watching.
    Leave(SessionId),
    /// A seat asks.
    Ask(Mover, RequestId, SeatAsk, oneshot::Sender<Result<Acted, Refusal>>),
    /// A browser tells which tip it has seen, and gives sealed records back.
    Seen(AccountId, Tip, Vec<String>, oneshot::Sender<Result<Tip, Refusal>>),
    /// Somebody says something.
    Say(AccountId, RequestId, Message, oneshot::Sender<Result<(), Refusal>>),
    /// Something was published on the table's channel.
    Heard(String),
    /// This many watch, on all nodes.
    Watchers(u32),
    /// So many records appended here are durable.
    Durable(u32),
    /// The stream is durable up to this tip.
    DurableTip(Tip),
    /// What a store holds.
    Compared(Compared),
    /// The table's deadline has come.
    Due,
    /// Tells how far the chain is.
    Tip(oneshot::Sender<Tip>),
}

/// What reaches a table, in a queue that is bounded.
#[derive(Debug)]
pub struct Inbox {
    /// One message after the other.
    pub messages: mpsc::Receiver<ToTable>,
    /// There was no room for another one: everything is read again.
    pub missed: Arc<Notify>,
}

/// Who waits for an answer of the host.
enum Waits {
    Look(oneshot::Sender<Option<TableView>>),
    /// With the bytes that its outbox had been sent before.
    Join(oneshot::Sender<usize>, usize),
    Act(oneshot::Sender<Result<Acted, Refusal>>),
    Seen(oneshot::Sender<Result<Tip, Refusal>>),
    Said(oneshot::Sender<Result<(), Refusal>>),
}

/// What has come to its end.
enum Ended {
    Exchange(u64, Reply),
    Published,
    /// What was said lately on the side of a session that came.
    Chat(Ticket, SessionId, Vec<Said>),
    /// Something that nobody waits for.
    Told,
}

type Running = Pin<Box<dyn Future<Output = Ended> + Send>>;

/// The task of one table.
pub struct Driver {
    table: TableId,
    shared: Arc<Shared>,
    shard: Group,
    inbox: Inbox,
    host: Host,
    info: TableInfo,
    born: Instant,
    members: HashMap<SessionId, Member>,
    sealed: Sealed,
    waiting: HashMap<Ticket, Waits>,
    tickets: Ticket,
    running: FuturesUnordered<Running>,
    /// What is to be published next, one after the other.
    publications: std::collections::VecDeque<Published>,
    is_publishing: bool,
    /// The backup was away when the host was told last.
    was_away: bool,
    is_over: bool,
}

impl Driver {
    /// The driver of a table that was found.
    pub fn new(table: TableId, info: TableInfo, shared: Arc<Shared>, inbox: Inbox) -> Self {
        let settings = Settings {
            node: shared.node,
            is_only_node: shared.is_only_node,
            away_win_ms: shared.away_win_secs * 1_000,
            abandoned_ms: shared.abandoned_ms,
            provisional_limit: shared.unsaved_limit,
            without: left_out(),
        };
        let group = shared.store.backup(info.shard).clone();
        Self {
            table,
            shard: group,
            inbox,
            host: Host::new(table, settings, info.clone()),
            info,
            born: Instant::now(),
            members: HashMap::new(),
            sealed: Sealed::default(),
            waiting: HashMap::new(),
            tickets: 0,
            running: FuturesUnordered::new(),
            publications: std::collections::VecDeque::new(),
            is_publishing: false,
            was_away: false,
            is_over: false,
            shared,
        }
    }

    /// Serves the table until its host is at its end. An idle table causes no wake-up.
    pub async fn run(mut self) {
        let shard = self.shard.clone();
        self.input(Input::Open);
        while !self.is_over {
            let wake_at = self.host.wake_at().map(|at| self.born + at);
            tokio::select! {
                message = self.inbox.messages.recv() => match message {
                    Some(message) => self.take(message),
                    None => return,
                },
                Some(ended) = self.running.next() => self.ended(ended),
                () = sleep_until(wake_at.unwrap_or_else(Instant::now)), if wake_at.is_some() => {
                    self.forget_gone();
                    self.input(Input::Wake);
                }
                () = self.inbox.missed.notified() => self.input(Input::Missed),
                () = changed(&shard, self.was_away) => {
                    self.was_away = shard.is_away();
                    self.input(Input::BackupChanged);
                }
            }
        }
    }

    fn take(&mut self, message: ToTable) {
        match message {
            ToTable::Look(account, reply) => {
                let ticket = self.ticket(Waits::Look(reply));
                self.input(Input::Look(account, ticket));
            }
            ToTable::Join(member, reply) => {
                let ticket = self.ticket(Waits::Join(reply, member.outbox.sent_bytes()));
                let Member { session, account, keeps_view, .. } = member;
                let joining = crate::host::Member { session, account, keeps_view };
                self.members.entry(member.session).or_insert(member);
                self.input(Input::Join(joining, ticket));
            }
            ToTable::Leave(session) => self.leave(session),
            ToTable::Ask(mover, request, ask, reply) => {
                let ticket = self.ticket(Waits::Act(reply));
                self.input(Input::Ask(mover, request, ask, ticket));
            }
            ToTable::Seen(account, tip, sealed, reply) => {
                let ticket = self.ticket(Waits::Seen(reply));
                let opened = self.shared.seals.open(self.table, &sealed);
                self.input(Input::Seen(account, tip, opened, ticket));
            }
            ToTable::Say(account, request, message, reply) => {
                fault::panic_at("table");
                let ticket = self.ticket(Waits::Said(reply));
                self.input(Input::Say(account, request, message, ticket));
            }
            ToTable::Heard(payload) => {
                if let Ok(published) = serde_json::from_str(&payload) {
                    self.input(Input::Heard(published));
                } else {
                    tracing::warn!(table = %self.table, "a publication could not be read");
                }
            }
            ToTable::Watchers(count) => self.input(Input::Watchers(count)),
            ToTable::Durable(number) => self.input(Input::Durable(number)),
            ToTable::DurableTip(tip) => self.input(Input::DurableTip(tip)),
            ToTable::Compared(compared) => self.input(Input::Compared(compared)),
            ToTable::Due => self.input(Input::Due),
            ToTable::Tip(reply) => {
                // Whoever asked may be gone by now; so for all replies here.
                let _ = reply.send(self.host.tip());
            }
        }
    }

    fn leave(&mut self, session: SessionId) {
        self.members.remove(&session);
        self.input(Input::Leave(session));
    }

    /// Sessions that ended without a word.
    fn forget_gone(&mut self) {
        let gone = self.members.values().filter(|member| member.outbox.is_gone());
        for session in gone.map(|member| member.session).collect::<Vec<_>>() {
            self.leave(session);
        }
    }

    fn ticket(&mut self, waits: Waits) -> Ticket {
        self.tickets += 1;
        self.waiting.insert(self.tickets, waits);
        self.tickets
    }

    fn input(&mut self, input: Input) {
        let store = &self.shared.store;
        let facts = Facts {
            now: self.born.elapsed(),
            now_ms: store.estimated_now_ms(),
            is_backup_away: self.shard.is_away(),
            is_data_away: store.data().is_away(),
            is_apart: !store.data().is(&self.shard),
            ends_apart: !self.shard.is(store.archive()) || !self.shard.is(store.data()),
            kinds_known: self.shared.kinds_known(),
            knows_old_nodes: !store.writes_new_forms() || self.shared.knows_old_nodes(),
        };
        for output in self.host.handle(&facts, input) {
            self.carry_out(output);
        }
    }

    fn ended(&mut self, ended: Ended) {
        match ended {
            Ended::Exchange(exchange, reply) => self.input(Input::Reply(exchange, reply)),
            Ended::Published => {
                self.is_publishing = false;
                self.publish_next();
            }
            Ended::Chat(ticket, session, said) => {
                if let Some(member) = self.members.get(&session) {
                    for said in said.into_iter().filter(|said| member.hears(said.account, &said.message.from))
                    {
                        // Words give way to views.
                        member.outbox.offer(carry::text_of_message(said.message));
                    }
                }
                self.joined(ticket, session);
            }
            Ended::Told => {}
        }
    }
}

/// A driver that panics leaves nobody at a table that will never move: its browsers come again, and another is opened.
impl Drop for Driver {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for member in self.members.values() {
                member.outbox.close(CloseCode::Unavailable);
            }
        }
    }
}

/// The safeguards that a test switched off.
fn left_out() -> Vec<Safeguard> {
    let all = [("heal", Safeguard::Heal), ("hear", Safeguard::Hear)];
    all.into_iter().filter(|(name, _)| fault::is_without(name)).map(|(_, safeguard)| safeguard).collect()
}

/// Ends when a group goes away, or is back if it is known to be away.
async fn changed(group: &Group, is_away: bool) {
    if is_away { group.back().await } else { group.away().await }
}

/// How long a table waits for the data group.
const DATA_WITHIN: Duration = Duration::from_millis(500);
